//! What is measured, held worker-locally, merged on a tick.

mod sample;

pub use sample::{CloseCause, Counter, ErrorClass, Side, Trend};
