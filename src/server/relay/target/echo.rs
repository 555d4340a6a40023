//! `echo`: every message goes back to its client.

use crate::server::relay::exit::ExitReason;
use crate::server::relay::letter::Content;
use crate::server::relay::me::Me;

/// Runs until it is killed.
pub(crate) async fn echo(mut me: Me) -> ExitReason {
    loop {
        match me.next().await {
            Err(reason) => return reason,
            Ok(letter) => {
                if let Content::Message { client, data, .. } = letter.content {
                    // A client that is gone needs no echo.
                    let _ = me.send(&client, Content::Send(data)).await;
                }
            }
        }
    }
}
