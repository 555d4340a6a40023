//! The routes that gateways and clients are probed with.
//!
//! Most of those that misbehave are the echo mode with a fault that their parameters set.
//!
//! | file | purpose |
//! |---|---|
//! | `kind` | [`ProbeKind`]: the table of probes; their faults |
//! | `headers` | `/headers`: what the request looked like |
//! | `push` | `/push`: messages at a rate |
//! | `sink` | `/sink`: takes everything, says nothing |
//! | `first_frame` | `/first-frame`: the server speaks first |
//! | `status` | `/status/CODE`: any answer of HTTP |

mod first_frame;
mod headers;
mod kind;
mod push;
mod sink;
mod status;

pub use kind::ProbeKind;
pub(crate) use kind::ProbeRequest;
pub(crate) use status::Status;
