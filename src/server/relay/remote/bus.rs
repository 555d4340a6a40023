//! [`Bus`]: what a message bus has to be able to do.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

/// An operation of the bus under way.
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = Result<T, BusError>> + Send>>;

/// A message bus with subjects, such as NATS.
pub(crate) trait Bus: fmt::Debug + Send + Sync {
    /// Sends a message; done when the bus has it.
    fn publish(&self, subject: String, payload: Bytes) -> Pending<()>;

    /// Sends a message and waits for one answer.
    fn request(&self, subject: String, payload: Bytes, patience: Duration) -> Pending<Bytes>;

    /// The messages of a subject, until the receiver is dropped.
    fn subscribe(&self, subject: String) -> Pending<mpsc::Receiver<BusMessage>>;
}

/// What came over the bus.
#[derive(Debug)]
pub(crate) struct BusMessage {
    pub(crate) payload: Bytes,
    /// Where the sender waits for an answer.
    pub(crate) answer_to: Option<String>,
}

/// Why the bus did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BusError {
    #[error("nobody listens on the subject {0}")]
    NobodyListens(String),
    #[error("no answer in time on the subject {0}")]
    NoAnswer(String),
    #[error("the message bus failed: {0}")]
    Failed(String),
}
