//! What a gateway changes: the same scenario directly and through it, and both with what a baseline says.
//!
//! ```text
//! rounds of (direct Summary, through Summary) -> facts + added latency -> GatewayRecord -> judge -> findings, verdict
//! ```
//!
//! A record can be compared between machines: its facts have no times in them, and a gateway's latency stands in it as
//! what it adds to the direct one of the same minute.

mod added;
mod fact;
mod judge;
mod record;

pub use added::Added;
pub use fact::{Fact, Subject};
pub use judge::{Finding, GatewayVerdict, judge};
pub use record::{GATEWAY_SCHEMA, GatewayRecord, Round};
