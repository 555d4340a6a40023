//! Comparing two sides, each of them run several times.
//!
//! ```text
//! two Baselines -> comparable? -> selection (runs at one speed of the machine) -> features (log scale)
//!               -> permutation test over runs, all features together -> verdict per feature -> Comparison
//! ```

mod comparable;
mod feature;
mod outcome;
mod permutation;
mod selection;
mod verdict;

pub use outcome::{Aspect, COMPARISON_SCHEMA, Comparison, Difference, Row, SideInfo, Verdict};
pub use verdict::{CompareOptions, compare};
