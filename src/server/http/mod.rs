//! HTTP/1.1 up to the upgrade.
//!
//! | file | purpose |
//! |---|---|
//! | `connection` | drives hyper on a connection; takes the socket back for a session |
//! | `dispatch` | request to route: upgrade, endpoint or refusal |
//! | `forward` | [`end_to_end`]: which headers are passed on |
//! | `tap` | [`Tapped`](tap::Tapped): a transport that remembers what came |
//! | `reply` | [`Reply`]: what is answered, a [`Refusal`] too |

mod connection;
mod dispatch;
mod forward;
mod reply;
mod tap;

pub(crate) use super::refusal::Refusal;
pub(crate) use connection::serve;
pub(crate) use dispatch::EndpointRequest;
pub(crate) use forward::end_to_end;
pub(crate) use reply::Reply;
