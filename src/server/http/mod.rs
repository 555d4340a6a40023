//! HTTP/1.1 up to the upgrade.
//!
//! | file | purpose |
//! |---|---|
//! | `connection` | drives hyper on a connection; takes the socket back for a session |
//! | `dispatch` | request to route: upgrade, endpoint or refusal |
//! | `reply` | [`Reply`]: what is answered, a [`Refusal`] too |

mod connection;
mod dispatch;
mod reply;

pub(crate) use super::refusal::Refusal;
pub(crate) use connection::serve;
pub(crate) use dispatch::EndpointRequest;
pub(crate) use reply::Reply;
