//! Comparing two sides, each of them run several times.

mod outcome;

pub use outcome::{Aspect, COMPARISON_SCHEMA, Comparison, Difference, Row, SideInfo, Verdict};
