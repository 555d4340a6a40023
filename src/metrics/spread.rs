//! [`Spread`]: how durations lie, in few logarithmic buckets: enough to draw, cheap to copy.

use std::time::Duration;

use super::histogram::Histogram;

/// From 1 µs to 100 s, ten buckets for each power of ten, and one for what is shorter and one for what is longer.
const BUCKETS: usize = 8 * PER_DECADE + 2;
const PER_DECADE: usize = 10;
const SHORTEST_NANOS: f64 = 1e3;

/// Counts of durations. A bucket's upper end is a quarter longer than its lower one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread([u64; BUCKETS]);

/// One bucket of a [`Spread`] or several joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpreadBucket {
    /// Durations in it are at least this long.
    pub from: Duration,
    /// And shorter than this.
    pub to: Duration,
    /// How many there are.
    pub count: u64,
}

impl Spread {
    /// The spread of what `histogram` counted.
    #[must_use]
    pub fn new(histogram: &Histogram) -> Self {
        let mut counts = [0; BUCKETS];
        for bucket in histogram.buckets() {
            counts[index(bucket.lowest)] += bucket.count;
        }
        Self(counts)
    }

    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// From the first bucket that is not empty to the last, joined evenly to at most `limit`.
    #[must_use]
    pub fn buckets(&self, limit: usize) -> Vec<SpreadBucket> {
        let used = |&at: &usize| self.0[at] > 0;
        let (Some(first), Some(last)) = ((0..BUCKETS).find(used), (0..BUCKETS).rev().find(used)) else {
            return Vec::new();
        };
        let joined = (last - first + 1).div_ceil(limit.max(1));
        (first..=last)
            .step_by(joined)
            .map(|at| {
                let end = (at + joined).min(last + 1);
                SpreadBucket {
                    from: lower_end(at),
                    to: lower_end(end),
                    count: self.0[at..end].iter().sum(),
                }
            })
            .collect()
    }
}

fn index(duration: Duration) -> usize {
    let decades = (duration.as_nanos() as f64 / SHORTEST_NANOS).log10();
    // Zero has no logarithm; a conversion from below saturates at 0.
    ((decades * PER_DECADE as f64).floor() + 1.0).clamp(0.0, (BUCKETS - 1) as f64) as usize
}

fn lower_end(index: usize) -> Duration {
    match index {
        0 => Duration::ZERO,
        BUCKETS.. => Duration::from_secs(3_600),
        _ => {
            let nanos = SHORTEST_NANOS * 10_f64.powf((index - 1) as f64 / PER_DECADE as f64);
            Duration::from_nanos(nanos.round() as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(micros: impl IntoIterator<Item = u64>) -> Spread {
        let mut histogram = Histogram::new();
        for micros in micros {
            histogram.record(Duration::from_micros(micros));
        }
        Spread::new(&histogram)
    }

    #[test]
    fn nothing_has_no_buckets() {
        assert_eq!(spread([]).buckets(10), []);
        assert_eq!(spread([]).count(), 0);
    }

    #[test]
    fn every_duration_is_in_a_bucket_that_holds_it() {
        let values = [0, 1, 3, 999, 1_000, 1_500, 99_000_000, 150_000_000, 4_000_000_000];
        for value in values {
            let buckets = spread([value]).buckets(10);
            let duration = Duration::from_micros(value).min(Duration::from_secs(3_599));
            // A bucket of the histogram is up to a thousandth wide.
            let slack = duration / 500;
            assert_eq!(buckets.len(), 1);
            assert!(
                buckets[0].from <= duration + slack && duration < buckets[0].to + slack,
                "{duration:?} in {buckets:?}"
            );
        }
    }

    #[test]
    fn joining_keeps_every_count_and_the_limit() {
        let spread = spread((1..2_000).map(|n| n * 37));
        for limit in [1, 2, 7, 8, 50, 1_000] {
            let buckets = spread.buckets(limit);
            assert!(buckets.len() <= limit);
            assert_eq!(
                buckets.iter().map(|bucket| bucket.count).sum::<u64>(),
                spread.count()
            );
            assert!(buckets.windows(2).all(|pair| pair[0].to == pair[1].from));
        }
    }
}
