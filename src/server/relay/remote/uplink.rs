//! [`Uplink`]: letters over the bus, both ways.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::bus::{Bus, BusError, BusMessage};
use crate::server::relay::json::Envelope;
use crate::server::relay::letter::{Content, Letter};
use crate::server::relay::pid::{Node, Pid};
use crate::server::relay::processes::{Processes, SendError};

/// The way of letters to other nodes.
#[derive(Clone, Debug)]
pub(crate) struct Uplink {
    bus: Arc<dyn Bus>,
    node: Node,
}

/// The topic of a request that asks whether a process lives; any answer but `{"alive": false}` says yes.
pub(crate) const PING: &str = "process.ping";
/// Another node's process wants to know of the end of one here.
pub(crate) const MONITOR: &str = "process.monitor";

impl Uplink {
    pub(crate) fn new(bus: Arc<dyn Bus>, node: Node) -> Self {
        Self { bus, node }
    }

    /// The subject of a node.
    pub(crate) fn subject(node: &Node) -> String {
        format!("wsbench.relay.{}", node.as_str())
    }

    /// Sends a letter to a process of another node.
    pub(crate) async fn send_to(&self, pid: &Pid, letter: &Letter) -> Result<(), BusError> {
        self.send(&Self::subject(pid.node()), Some(pid), letter).await
    }

    /// Sends a letter to whoever listens on a subject.
    pub(crate) async fn send(
        &self,
        subject: &str,
        to: Option<&Pid>,
        letter: &Letter,
    ) -> Result<(), BusError> {
        let envelope = self.envelope(to, letter.to_envelope());
        self.bus.publish(subject.to_owned(), encode(&envelope)).await
    }

    /// Asks whether a process lives.
    pub(crate) async fn ping(
        &self,
        subject: &str,
        to: Option<&Pid>,
        patience: Duration,
    ) -> Result<bool, BusError> {
        let ping = Envelope {
            to: None,
            topic: PING.to_owned(),
            payload: json!({}),
            from: None,
            reply_to: None,
        };
        let ping = self.envelope(to, ping);
        let answer = self
            .bus
            .request(subject.to_owned(), encode(&ping), patience)
            .await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        Ok(answer["alive"] != json!(false))
    }

    fn envelope(&self, to: Option<&Pid>, envelope: Envelope) -> Envelope {
        Envelope {
            to: to.map(Pid::to_string),
            reply_to: Some(Self::subject(&self.node)),
            ..envelope
        }
    }

    /// Delivers what comes for this node's processes from now on.
    ///
    /// # Errors
    /// The bus does not let us listen.
    pub(crate) async fn listen(self, processes: Processes) -> Result<(), BusError> {
        let mut messages = self.bus.subscribe(Self::subject(&self.node)).await?;
        let runtime = processes.runtime().clone();
        runtime.spawn(async move {
            while let Some(message) = messages.recv().await {
                self.receive(message, &processes).await;
            }
        });
        Ok(())
    }

    async fn receive(&self, message: BusMessage, processes: &Processes) {
        let envelope: Envelope = match serde_json::from_slice(&message.payload) {
            Ok(envelope) => envelope,
            Err(error) => return tracing::warn!(%error, "message from the bus is no letter"),
        };
        let to = envelope.to.as_deref().and_then(|to| processes.find(to));
        if envelope.topic == PING {
            let Some(answer_to) = message.answer_to else {
                return;
            };
            let answer = Bytes::from(json!({ "alive": to.is_some() }).to_string());
            // Who asks will ask again.
            let _ = self.bus.publish(answer_to, answer).await;
            return;
        }
        let (topic, reply_to) = (envelope.topic.clone(), envelope.reply_to.clone());
        if let Err(error) = deliver(envelope, to, processes).await {
            tracing::debug!(%error, topic, "letter from the bus was refused");
            let Some(reply_to) = reply_to else { return };
            let complaint = Letter::anonymous(Content::error(&topic, error));
            // There is nobody else to tell.
            let _ = self.send(&reply_to, None, &complaint).await;
        }
    }
}

async fn deliver(envelope: Envelope, found: Option<Pid>, processes: &Processes) -> Result<(), String> {
    let called = envelope.to.unwrap_or_default();
    let from = envelope.from.as_deref().and_then(|from| from.parse::<Pid>().ok());
    if let Some(watcher) = from.as_ref().filter(|from| envelope.topic == MONITOR && from.node() != processes.node())
        // Who is gone can be monitored too: that is answered at once.
        && let Some(watched) = found.clone().or_else(|| called.parse().ok())
    {
        processes.monitor(watcher, &watched);
        return Ok(());
    }
    let to = found.ok_or_else(|| SendError::Unknown(called).to_string())?;
    let content = Content::parse(&envelope.topic, envelope.payload).map_err(|error| error.to_string())?;
    processes
        .send_from_afar(&to, Letter { from, content })
        .await
        .map_err(|error| error.to_string())
}

fn encode(envelope: &Envelope) -> Bytes {
    // An envelope has string keys and finite numbers only, so this cannot fail.
    Bytes::from(serde_json::to_vec(envelope).unwrap_or_default())
}
