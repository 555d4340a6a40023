//! From a URL to an open connection, with the time of each phase; and what the operating system knows of us.
//!
//! | file | purpose |
//! |---|---|
//! | `target` | [`Target`]: a `ws://` or `wss://` URL |
//! | `resolve` | names to addresses |
//! | `source` | [`SourceAddresses`]: the local addresses to connect from, one for each client |
//! | `socket` | sockets and their options: connecting, listening, aborting |
//! | [`tls`] | rustls for both ends, with errors that say what to do |
//! | `timings` | [`PhaseTimings`]: resolve, TCP, TLS, upgrade |
//! | `stream` | [`Stream`]: plain or TLS |
//! | `dial` | [`dial`]: all phases in order, for ordinary asynchronous use |
//! | `tungstenite` | what tokio-tungstenite does that whoever speaks by it has to know |
//! | [`system`] | limits, processor time, memory, cores: the one place with code for one system only |

pub mod system;
pub mod tls;

mod dial;
mod resolve;
mod socket;
mod source;
mod stream;
mod target;
mod timings;
mod tungstenite;

pub use dial::{DialError, DialOptions, Dialed, dial};
pub use resolve::{ResolveError, resolve};
pub use socket::{ConnectError, SocketOptions, abort, finish_connect, listen, start_connect};
pub use source::{SourceAddresses, SourceError};
pub use stream::Stream;
pub use target::{Target, TargetError};
pub use timings::{Phase, PhaseTimings};
pub use tungstenite::REFUSED_CLOSE;
