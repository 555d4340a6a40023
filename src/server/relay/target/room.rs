//! `room`: every message goes to each client in the room, its sender included (seed E15).

use std::collections::BTreeMap;

use crate::server::relay::exit::ExitReason;
use crate::server::relay::letter::{Content, Data, Letter};
use crate::server::relay::me::Me;
use crate::server::relay::pid::Pid;
use crate::server::relay::postbox::Postbox;

/// Runs until it is killed.
pub(crate) async fn room(mut me: Me) -> ExitReason {
    let mut members = BTreeMap::new();
    loop {
        let letter = match me.next().await {
            Ok(letter) => letter,
            Err(reason) => return reason,
        };
        match letter.content {
            Content::Join { client, .. } => {
                if let Some(postbox) = me.processes.postbox(&client) {
                    members.insert(client, postbox);
                }
            }
            Content::Leave { client, .. } => drop(members.remove(&client)),
            Content::Message { data, .. } => broadcast(&me, &mut members, &data).await,
            _ => {}
        }
    }
}

/// Sends to every member; connections empty their mailboxes, so this waits for no client.
async fn broadcast(me: &Me, members: &mut BTreeMap<Pid, Postbox>, data: &Data) {
    let mut gone = Vec::new();
    for (client, postbox) in &*members {
        let letter = Letter::new(me.pid.clone(), Content::Send(data.clone()));
        if postbox.send(letter).await.is_err() {
            gone.push(client.clone());
        }
    }
    for client in gone {
        members.remove(&client);
    }
}
