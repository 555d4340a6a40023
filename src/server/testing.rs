//! Parts of a server for unit tests.

use std::rc::Rc;

use tokio::sync::mpsc;

use super::config::ServerConfig;
use super::handle::Order;
use super::worker::{Beginnings, Shared, Worker};

/// The only worker of a server with the built-in routes.
pub(crate) fn worker() -> Rc<Worker> {
    worker_and_mailbox().0
}

/// The same, with the orders that are sent to it.
pub(crate) fn worker_and_mailbox() -> (Rc<Worker>, mpsc::Receiver<Order>) {
    let config = ServerConfig::default();
    let Beginnings {
        shared,
        mut mailboxes,
        ..
    } = Shared::begin(&config, 1).expect("the default configuration is valid");
    (Worker::new(0, shared), mailboxes.remove(0))
}
