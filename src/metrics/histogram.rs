//! [`Histogram`]: durations to three significant digits, counted by the `hdrhistogram` crate.
//!
//! The crate's array of counts grows with the longest value, from 16 kB up to 270 kB at 1 h. Bounds fixed at 1 h would
//! make every array as large as the largest at once, and resident too, since the crate writes the whole of it when it
//! creates and when it clears it: about twice the memory, and twice the time to merge and to clear.
//!
//! Buckets would make mean, spread and extremes inexact, so those come from sums that are kept beside them.

use std::time::Duration;

const SIGNIFICANT_DIGITS: u8 = 3;
/// What is longer counts as this long, so that a clock gone wrong cannot make the array grow without end.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How often durations occurred, from 1 ns to 1 h; longer ones count as 1 h.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: hdrhistogram::Histogram<u64>,
    /// In nanoseconds, like everything below.
    sum: u128,
    sum_of_squares: u128,
    min: u64,
    max: u64,
}

impl Histogram {
    /// An empty histogram.
    #[must_use]
    pub fn new() -> Self {
        Self {
            counts: hdrhistogram::Histogram::new(SIGNIFICANT_DIGITS)
                .expect("the library takes up to five significant digits"),
            sum: 0,
            sum_of_squares: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// Counts one duration; allocates only if it is longer than every one before.
    pub fn record(&mut self, value: Duration) {
        let nanos = value.min(LONGEST).as_nanos() as u64;
        // The addition grows the array as needed; it could only fail where a usize has 16 bits.
        self.counts += nanos;
        self.sum += u128::from(nanos);
        self.sum_of_squares += u128::from(nanos).pow(2);
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    /// Counts one duration `n` times.
    pub fn record_n(&mut self, value: Duration, n: u64) {
        let nanos = value.min(LONGEST).as_nanos() as u64;
        // As above: the array grows as needed.
        let recorded = self.counts.record_n(nanos, n);
        if n == 0 || recorded.is_err() {
            return;
        }
        self.sum += u128::from(nanos) * u128::from(n);
        self.sum_of_squares += u128::from(nanos).pow(2) * u128::from(n);
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.counts += &other.counts;
        self.sum += other.sum;
        self.sum_of_squares += other.sum_of_squares;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets every value and keeps the memory, so that the next round allocates nothing.
    pub fn clear(&mut self) {
        self.counts.reset();
        (self.sum, self.sum_of_squares) = (0, 0);
        (self.min, self.max) = (u64::MAX, 0);
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The shortest, exactly; zero if empty.
    #[must_use]
    pub fn min(&self) -> Duration {
        Duration::from_nanos(if self.is_empty() { 0 } else { self.min })
    }

    /// The longest, exactly; zero if empty.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The arithmetic mean, to the nanosecond; zero if empty.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let mean = self.sum.checked_div(u128::from(self.count())).unwrap_or(0);
        Duration::from_nanos(mean as u64)
    }

    /// The standard deviation of the population, to the nanosecond; zero if empty.
    #[must_use]
    pub fn stddev(&self) -> Duration {
        if self.is_empty() {
            return Duration::ZERO;
        }
        let count = u128::from(self.count());
        let (mean, rest) = (self.sum / count, self.sum % count);
        // The sum of (value - mean)², in whole numbers: floats would lose a small spread among long durations.
        let squares = self.sum_of_squares - mean * (self.sum + rest);
        Duration::from_nanos((squares as f64 / count as f64).sqrt().round() as u64)
    }

    /// The least duration that the share `q` (0 to 1) of all durations does not exceed; zero if empty.
    ///
    /// It is the upper end of a bucket, at most 0.1 % too long, but never more than the longest duration.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Duration {
        let [value] = self.quantiles([q]);
        value
    }

    /// Several [quantiles](Self::quantile), whose shares must ascend, in one pass.
    #[must_use]
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Duration; N] {
        debug_assert!(shares.is_sorted(), "shares {shares:?} do not ascend");
        let mut values = self.counts.value_at_quantiles(shares);
        shares.map(|_| {
            let nanos = values.next().unwrap_or(self.max);
            Duration::from_nanos(nanos).clamp(self.min(), self.max())
        })
    }

    /// Every bucket that counted something, in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.counts.iter_recorded().map(|step| {
            let highest = step.value_iterated_to();
            Bucket {
                lowest: Duration::from_nanos(self.counts.lowest_equivalent(highest)),
                highest: Duration::from_nanos(highest),
                count: step.count_at_value(),
            }
        })
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// A range of durations that are not told apart, and how many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The shortest duration of the bucket.
    pub lowest: Duration,
    /// The longest duration of the bucket.
    pub highest: Duration,
    /// How many durations fell into it.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        values
            .iter()
            .for_each(|&nanos| histogram.record(Duration::from_nanos(nanos)));
        histogram
    }

    /// Up to `most` durations in nanoseconds, of every magnitude from 0 to 1 h.
    fn durations(most: usize) -> impl Strategy<Value = Vec<u64>> {
        let any_magnitude = (0_u32..=42).prop_flat_map(|bits| 0..=(1_u64 << bits).min(3_600_000_000_000));
        prop::collection::vec(any_magnitude, 1..=most)
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values_to_three_digits(mut values in durations(300), q in 0.0_f64..=1.0) {
            let histogram = of(&values);
            values.sort_unstable();
            for q in [q, 0.5, 0.9, 0.99, 0.999, 1.0] {
                let rank = ((q * values.len() as f64).ceil() as usize).max(1);
                let exact = values[rank - 1] as f64;
                let reported = histogram.quantile(q).as_nanos() as f64;
                prop_assert!((reported - exact).abs() <= exact / 1000.0, "q={q}: {reported} for {exact}");
            }
        }

        #[test]
        fn moments_are_those_of_the_values(values in durations(300)) {
            let histogram = of(&values);
            let nanos = |duration: Duration| duration.as_nanos() as f64;
            let count = values.len() as f64;
            let mean = values.iter().map(|&value| value as f64).sum::<f64>() / count;
            let variance = values.iter().map(|&value| (value as f64 - mean).powi(2)).sum::<f64>() / count;
            prop_assert_eq!(histogram.count(), values.len() as u64);
            prop_assert_eq!(histogram.min().as_nanos() as u64, *values.iter().min().unwrap());
            prop_assert_eq!(histogram.max().as_nanos() as u64, *values.iter().max().unwrap());
            prop_assert!((nanos(histogram.mean()) - mean).abs() <= 1.0);
            prop_assert!((nanos(histogram.stddev()) - variance.sqrt()).abs() <= 1.0);
        }

        #[test]
        fn merging_is_recording_everything_in_one(
            before in durations(50),
            left in durations(50),
            right in durations(50),
        ) {
            // A histogram that was in use has room for what is long gone, as in a worker's second round.
            let mut merged = of(&before);
            merged.clear();
            merged.merge(&of(&left));
            merged.merge(&of(&right));
            merged.merge(&Histogram::new());
            let whole = of(&[left, right].concat());
            prop_assert_eq!(merged.buckets().collect::<Vec<_>>(), whole.buckets().collect::<Vec<_>>());
            prop_assert_eq!((merged.count(), merged.min(), merged.max(), merged.mean(), merged.stddev()),
                            (whole.count(), whole.min(), whole.max(), whole.mean(), whole.stddev()));
        }

        #[test]
        fn a_bucket_holds_what_was_recorded_to_three_digits(values in durations(1)) {
            let recorded = Duration::from_nanos(values[0]);
            let buckets: Vec<_> = of(&values).buckets().collect();
            let [Bucket { lowest, highest, count: 1 }] = buckets[..] else {
                return Err(TestCaseError::fail(format!("{buckets:?}")));
            };
            prop_assert!(lowest <= recorded && recorded <= highest);
            prop_assert!(highest - lowest <= recorded / 1000);
        }
    }

    #[test]
    fn an_empty_one_reports_zeros() {
        let empty = Histogram::new();
        assert_eq!(
            [
                empty.min(),
                empty.max(),
                empty.mean(),
                empty.stddev(),
                empty.quantile(0.5)
            ],
            [Duration::ZERO; 5]
        );
        assert!(empty.is_empty() && empty.buckets().next().is_none());
    }

    #[test]
    fn what_is_longer_than_an_hour_counts_as_an_hour() {
        let mut histogram = Histogram::new();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.max(), Duration::from_secs(3_600));
        assert_eq!(histogram.quantile(1.0), Duration::from_secs(3_600));
    }

    #[test]
    fn a_small_spread_among_long_durations_is_not_lost() {
        let hour = 3_600_000_000_000;
        assert_eq!(of(&[hour; 7]).stddev(), Duration::ZERO);
        assert_eq!(of(&[hour - 20, hour]).stddev(), Duration::from_nanos(10));
    }

    #[test]
    fn clearing_keeps_the_memory_but_no_value() {
        let mut histogram = of(&[5, 5_000, 5_000_000]);
        let slots = histogram.counts.distinct_values();
        histogram.clear();
        assert!(histogram.is_empty() && histogram.buckets().next().is_none());
        assert_eq!(
            (histogram.min(), histogram.max(), histogram.stddev()),
            (Duration::ZERO, Duration::ZERO, Duration::ZERO)
        );
        assert_eq!(histogram.counts.distinct_values(), slots);
    }
}
