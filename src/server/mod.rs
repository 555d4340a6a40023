//! (module map follows)

pub mod auth;
pub mod guard;
pub mod origin;
pub mod ratelimit;
pub mod refusal;
pub mod request_parts;
