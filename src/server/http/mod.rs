//! HTTP/1.1 up to the upgrade.
//!
//! | file | purpose |
//! |---|---|
//! | `connection` | drives hyper on a connection; takes the socket back for a session |
//! | `dispatch` | request to route: upgrade, endpoint or refusal |
//! | `tap` | [`Tapped`](tap::Tapped): a transport that remembers what came |
//! | `reply` | [`Reply`]: what is answered; [`Refusal`]: why a request is not served |

mod connection;
mod dispatch;
mod reply;
mod tap;

pub(crate) use connection::serve;
pub(crate) use dispatch::EndpointRequest;
pub(crate) use reply::{Refusal, Reply};
