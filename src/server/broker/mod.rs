//! Message brokers outside of this server.
//!
//! | file | purpose |
//! |---|---|
//! | `nats` | connecting to NATS |

pub(crate) mod nats;
