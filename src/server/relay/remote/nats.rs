//! NATS as a bus.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::bus::{Bus, BusError, BusMessage, Pending};
use crate::server::broker::nats::{self, Client, RequestErrorKind};

/// A connection to a NATS server; it reconnects by itself.
#[derive(Clone, Debug)]
pub(crate) struct NatsBus(Client);

/// Messages that may wait between the client and whoever reads them.
const WAITING: usize = 256;

impl NatsBus {
    /// Connects in the background: the server may come later.
    ///
    /// # Errors
    /// The URL is none.
    pub(crate) async fn connect(url: &str) -> Result<Self, BusError> {
        nats::connect(url, "wsbench relay")
            .await
            .map(Self)
            .map_err(failed)
    }
}

impl Bus for NatsBus {
    fn publish(&self, subject: String, payload: Bytes) -> Pending<()> {
        let client = self.0.clone();
        Box::pin(async move { client.publish(subject, payload).await.map_err(failed) })
    }

    fn request(&self, subject: String, payload: Bytes, patience: Duration) -> Pending<Bytes> {
        let client = self.0.clone();
        Box::pin(async move {
            let request = nats::Request::new().payload(payload).timeout(Some(patience));
            match client.send_request(subject.clone(), request).await {
                Ok(answer) => Ok(answer.payload),
                Err(error) => Err(match error.kind() {
                    RequestErrorKind::NoResponders => BusError::NobodyListens(subject),
                    RequestErrorKind::TimedOut => BusError::NoAnswer(subject),
                    _ => failed(error),
                }),
            }
        })
    }

    fn subscribe(&self, subject: String) -> Pending<mpsc::Receiver<BusMessage>> {
        let client = self.0.clone();
        Box::pin(async move {
            let mut subscriber = client.subscribe(subject).await.map_err(failed)?;
            let (sender, receiver) = mpsc::channel(WAITING);
            tokio::spawn(async move {
                while let Some(message) = subscriber.next().await {
                    let answer_to = message.reply.map(|reply| reply.to_string());
                    if sender
                        .send(BusMessage {
                            payload: message.payload,
                            answer_to,
                        })
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            });
            Ok(receiver)
        })
    }
}

fn failed(error: impl std::error::Error) -> BusError {
    BusError::Failed(error.to_string())
}
