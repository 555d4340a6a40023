//! Processes and sessions for unit tests, without a network.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::config::RelayConfig;
use super::connection::{Assignment, connect};
use super::directory::Directory;
use super::exit::ExitReason;
use super::inlet::{Inlet, Parting};
use super::letter::{Content, Data, Letter, Metadata, Topic};
use super::mailbox::MailboxLimits;
use super::me::Me;
use super::pid::{Node, Pid};
use super::processes::{ProcessLimits, Processes};
use super::table::Kind;
use crate::server::handle::{Address, Order, SessionHandle};
use crate::server::ids::ConnectionId;
use crate::server::registry::SessionOrder;
use crate::wire::MessageKind;

/// Longer than anything that a test waits for takes; under virtual time it costs nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Processes on the test's runtime.
pub(crate) fn processes(letters: usize) -> Processes {
    let mailbox = MailboxLimits {
        letters,
        bytes: 1 << 20,
    };
    Processes::new(
        Node::new("test"),
        ProcessLimits {
            services: 50,
            mailbox,
        },
        Handle::current(),
    )
}

/// A directory with the kinds of processes that a configuration in YAML defines.
pub(crate) fn directory(letters: usize, config: &str) -> Arc<Directory> {
    let config: RelayConfig = serde_saphyr::from_str(config).unwrap();
    Arc::new(Directory::new(processes(letters), &config))
}

/// A process that never looks into its mailbox.
pub(crate) fn stuck(processes: &Processes) -> Pid {
    let body = |me: Me| async move {
        let reason = std::future::pending().await;
        drop(me);
        reason
    };
    processes
        .spawn(Kind::Service("stuck".to_owned()), None, body)
        .unwrap()
}

/// A process whose letters the test reads and whose end it decides.
pub(crate) struct Probe {
    pub(crate) pid: Pid,
    letters: mpsc::Receiver<Letter>,
    end: mpsc::Sender<ExitReason>,
}

impl Probe {
    pub(crate) fn new(processes: &Processes) -> Self {
        let (seen, letters) = mpsc::channel(1);
        let (end, mut ends) = mpsc::channel(1);
        let kind = Kind::Service("probe".to_owned());
        let spawned = processes.spawn(kind, None, |mut me| async move {
            loop {
                tokio::select! {
                    letter = me.next() => match letter {
                        Ok(letter) => if seen.send(letter).await.is_err() { std::future::pending().await },
                        Err(reason) => return reason,
                    },
                    reason = ends.recv() => return reason.unwrap_or(ExitReason::Normal),
                }
            }
        });
        Self {
            pid: spawned.unwrap(),
            letters,
            end,
        }
    }

    /// The next letter.
    pub(crate) async fn letter(&mut self) -> Letter {
        let letter = timeout(PATIENCE, self.letters.recv()).await;
        letter
            .expect("a letter comes in time")
            .expect("the process lives")
    }

    /// Topic and payload of the next letter.
    pub(crate) async fn json(&mut self) -> (String, serde_json::Value) {
        let content = self.letter().await.content;
        (content.topic().to_owned(), content.payload())
    }

    /// Who ended, according to the next letter, and how.
    pub(crate) async fn exit(&mut self) -> (Pid, ExitReason) {
        match self.letter().await.content {
            Content::Exit { pid, reason } => (pid, reason),
            other => panic!("{other:?}"),
        }
    }

    /// Text of the next letter, which is a client's message.
    pub(crate) async fn message(&mut self) -> String {
        match self.letter().await.content {
            Content::Message { data, .. } => String::from_utf8(data.bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn end(self, reason: ExitReason) {
        self.end.send(reason).await.unwrap();
    }
}

/// A client: its session as its process sees it.
pub(crate) struct Client {
    pub(crate) pid: Pid,
    inlet: Inlet,
    orders: mpsc::Receiver<Order>,
}

/// What a session was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Text(String),
    Binary(Vec<u8>),
    Close(u16, String),
}

impl Client {
    pub(crate) fn new(directory: &Arc<Directory>, target: &Pid) -> Self {
        Self::assigned(directory, assignment(target))
    }

    pub(crate) fn assigned(directory: &Arc<Directory>, assignment: Assignment) -> Self {
        let (mailbox, orders) = mpsc::channel(64);
        let session = SessionHandle {
            mailbox,
            address: Address {
                slot: 0,
                id: ConnectionId(1),
            },
        };
        let (pid, inlet) = connect(directory, session, assignment).unwrap();
        Self { pid, inlet, orders }
    }

    pub(crate) fn says(&self, text: &str) {
        self.inlet.push(Data::text(text));
    }

    pub(crate) fn inlet_has_room(&self) -> bool {
        self.inlet.has_room(std::task::Waker::noop())
    }

    pub(crate) fn leaves(self, reason: &str, orderly: bool) {
        self.inlet.end(Parting {
            reason: reason.to_owned(),
            orderly,
        });
    }

    /// What the session is told next.
    pub(crate) async fn told(&mut self) -> Told {
        let order = timeout(PATIENCE, self.orders.recv()).await;
        match order.expect("an order comes in time").expect("the process lives") {
            Order::Deliver(_, message) if message.kind() == MessageKind::Text => {
                Told::Text(String::from_utf8(message.payload().to_vec()).unwrap())
            }
            Order::Deliver(_, message) => Told::Binary(message.payload().to_vec()),
            Order::Session(_, SessionOrder::Close(code, reason)) => Told::Close(code.0, reason),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn assignment(target: &Pid) -> Assignment {
    let topic: Topic = "ws.message".into();
    Assignment {
        target: target.clone(),
        topic,
        heartbeat_interval: None,
        metadata: Metadata::default(),
    }
}

/// A letter that no process sent.
pub(crate) async fn send(processes: &Processes, to: &Pid, content: Content) {
    processes.send(to, Letter::anonymous(content)).await.unwrap();
}
