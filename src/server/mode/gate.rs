//! [`Gate`]: a mode that has to ask somebody before it accepts a connection.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use http::{HeaderMap, request};

use super::Mode;
use crate::server::http::{Refusal, Reply};

/// A judgement that may take time.
pub(crate) type Judging = Pin<Box<dyn Future<Output = Result<Admitted, Denied>>>>;

/// Decides about requests to upgrade that are well-formed and whose clients may connect.
pub(crate) trait Gate {
    /// The judgement of a request by the client at this address.
    fn judge(&self, head: request::Parts, client: IpAddr) -> Judging;
}

/// A request that is accepted.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) mode: Box<dyn Mode>,
    /// One of those that the client offers, in place of the route's choice.
    pub(crate) subprotocol: Option<String>,
    /// Headers for the 101 beyond those of the handshake.
    pub(crate) headers: HeaderMap,
}

/// A request that is not.
#[derive(Debug)]
pub(crate) enum Denied {
    /// By this server.
    Refused(Refusal),
    /// By somebody else, whose answer the client gets.
    Answered(Box<Reply>),
}

impl From<Box<dyn Mode>> for Admitted {
    fn from(mode: Box<dyn Mode>) -> Self {
        Self {
            mode,
            subprotocol: None,
            headers: HeaderMap::new(),
        }
    }
}
