//! Parts of a server for unit tests.

use std::rc::Rc;
use std::sync::Arc;

use super::config::ServerConfig;
use super::worker::{Shared, Worker};

/// The only worker of a server with the built-in routes; nobody reads its mailbox.
pub(crate) fn worker() -> Rc<Worker> {
    let config = ServerConfig::default();
    let (shared, _mailboxes) = Shared::new(&config, 1, None).expect("the default configuration is valid");
    Worker::new(0, Arc::new(shared))
}
