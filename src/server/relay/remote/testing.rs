//! A message bus in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::bus::{Bus, BusError, BusMessage, Pending};

/// A bus in memory; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestBus(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    subscribers: HashMap<String, mpsc::Sender<BusMessage>>,
    last_inbox: u64,
}

impl TestBus {
    fn listen(&self, subject: &str) -> mpsc::Receiver<BusMessage> {
        let (sender, receiver) = mpsc::channel(256);
        self.0
            .lock()
            .unwrap()
            .subscribers
            .insert(subject.to_owned(), sender);
        receiver
    }

    async fn send(&self, subject: &str, message: BusMessage) -> Result<(), BusError> {
        let subscriber = self.0.lock().unwrap().subscribers.get(subject).cloned();
        let nobody = || BusError::NobodyListens(subject.to_owned());
        subscriber
            .ok_or_else(nobody)?
            .send(message)
            .await
            .map_err(|_| nobody())
    }

    /// Nobody listens on this subject any more.
    pub(crate) fn silence(&self, subject: &str) {
        self.0.lock().unwrap().subscribers.remove(subject);
    }
}

impl Bus for TestBus {
    fn publish(&self, subject: String, payload: Bytes) -> Pending<()> {
        let bus = self.clone();
        Box::pin(async move {
            // A bus does not tell whether anybody listens.
            let _ = bus
                .send(
                    &subject,
                    BusMessage {
                        payload,
                        answer_to: None,
                    },
                )
                .await;
            Ok(())
        })
    }

    fn request(&self, subject: String, payload: Bytes, patience: Duration) -> Pending<Bytes> {
        let bus = self.clone();
        Box::pin(async move {
            let inbox = {
                let mut state = bus.0.lock().unwrap();
                state.last_inbox += 1;
                format!("inbox.{}", state.last_inbox)
            };
            let mut answers = bus.listen(&inbox);
            bus.send(
                &subject,
                BusMessage {
                    payload,
                    answer_to: Some(inbox),
                },
            )
            .await?;
            match timeout(patience, answers.recv()).await {
                Ok(Some(answer)) => Ok(answer.payload),
                _ => Err(BusError::NoAnswer(subject)),
            }
        })
    }

    fn subscribe(&self, subject: String) -> Pending<mpsc::Receiver<BusMessage>> {
        let receiver = self.listen(&subject);
        Box::pin(std::future::ready(Ok(receiver)))
    }
}
