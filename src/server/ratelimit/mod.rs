//! How much a client may ask for: upgrades per second, messages per minute, connections at a time.
//!
//! Time comes in as a [`Moment`](crate::clock::Moment), memory is bounded whatever clients do, and everything may be
//! shared by all workers.
//!
//! | file | purpose |
//! |---|---|
//! | `gcra` | [`Gcra`]: a rate with a burst, in one number per key |
//! | `recent` | a map that forgets what was not used for long |
//! | `upgrades` | [`UpgradeLimiter`]: upgrades per address, API key or JWT claim (seeds A23, A26, A31) |
//! | `messages` | [`MessageLimits`]: messages per address and window (seed B7) |
//! | `connections` | [`ConnectionLimiter`]: connections at a time |
//! | `address` | [`AddressKey`]: what counts as one client; [`TrustedProxies`]: whose word on it is taken |

mod address;
mod connections;
mod gcra;
mod messages;
mod recent;
mod upgrades;

pub use address::{AddressKey, Network, NetworkError, TrustedProxies};
pub use connections::{ConnectionLimiter, ConnectionPermit, ConnectionQuota};
pub use gcra::Gcra;
pub use messages::{MessageAllowance, MessageLimitConfig, MessageLimits, RATE_LIMIT_EXCEEDED, WindowMode};
pub use upgrades::{UpgradeLimitConfig, UpgradeLimiter, UpgradeLimiters, UpgradeSubject};
