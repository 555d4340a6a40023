//! What is measured, held worker-locally, merged on a tick.
//!
//! ```text
//! worker:    Shard (one Tally per group) -- ShardSender::flush --> bounded channel, never lossy
//! recorder:  Recorder::tick -> Arc<Snapshot>  (live: cumulative and of the last window)
//!            Recorder::finish -> Totals -> Summary (final: Figures per group, Outcome, Books, Processes)
//! ```
//!
//! The hot path is [`Shard`]'s: an index and an addition, no lock, no allocation once the longest value of every trend
//! and every close code has been seen. Everything readable ([`Figures`], [`Books`]) is derived from tallies later.

mod books;
mod close_codes;
mod close_reasons;
mod error_log;
mod figures;
mod form;
mod generator;
mod handover;
mod histogram;
mod histogram_v2;
mod measured;
mod outcome;
mod recorder;
mod sample;
mod series;
mod shard;
mod size_limits;
mod snapshot;
mod spread;
mod summary;
mod tally;
mod threshold;
mod timeline;
mod timestamp;

pub use books::{Books, Equation, Term};
pub use close_codes::{CloseCodes, MAX_DISTINCT_CODES};
pub use close_reasons::{CloseReason, CloseReasons, MAX_CLOSE_REASONS};
pub use error_log::{ErrorLog, MAX_EXAMPLES};
pub use figures::{
    CloseCodeFigures, CloseReasonFigures, CodeCounts, ErrorFigures, Figures, SizeLimitFigures, SizeRange,
    TrendFigures,
};
pub use form::{Form, FormError};
pub use generator::{
    Finding, FindingKind, GeneratorFigures, GeneratorLimits, GeneratorSnapshot, Lags, ProcessPulse, Verdict,
    WorkerFigures, WorkerPulse, WorkerShare,
};
pub use handover::{Gauges, ShardSender};
pub use histogram::{Bucket, Histogram};
pub use histogram_v2::HistogramError;
pub use measured::Measured;
pub use outcome::{Outcome, RunEnd};
pub use recorder::{Recorder, Totals};
pub use sample::{CloseCause, Counter, ErrorClass, Side, Trend};
pub use series::{Point, SERIES_TRENDS, Series, Slice};
pub use shard::{GroupId, Shard};
pub use size_limits::{MAX_REFUSALS, SizeLimits};
pub use snapshot::{GroupSnapshot, Snapshot};
pub use spread::{Spread, SpreadBucket};
pub use summary::{
    Environment, GroupSummary, ProcessUsage, Processes, RunFacts, RunInfo, SCHEMA, ScenarioText, Summary,
};
pub use tally::Tally;
pub use threshold::{ThresholdResult, ThresholdState, ThresholdUnit, ThresholdVerdict, Thresholds};
pub use timestamp::{compact, rfc3339, unix_seconds};
