//! [`Histogram`]: durations to three significant digits, in HdrHistogram's layout.
//!
//! HdrHistogram's own container is one array that reaches from 1 ns to the largest value, up to 270 kB. A trend's
//! values lie within a few octaves, and a run holds many trends times groups times shards, so here each octave is a
//! page that exists from its first value on: the same buckets, a tenth of the memory, and merging and clearing touch
//! only what was used.

use std::time::Duration;

/// Buckets per octave: 1024 gives HdrHistogram's three significant digits (an error below 0.1 %).
const PAGE: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 10;
/// The largest value that is told apart, in nanoseconds; what is longer counts as this long.
const MAX_NANOS: u64 = 3_600_000_000_000;
/// Pages from 0 to [`MAX_NANOS`].
const PAGES: usize = page_of(MAX_NANOS) + 1;

/// How often durations occurred, from 1 ns to 1 h; longer ones count as 1 h.
#[derive(Clone, Debug)]
pub struct Histogram {
    pages: [Option<Box<[u64; PAGE]>>; PAGES],
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Histogram {
    /// An empty histogram: no page is allocated before its first value.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pages: [const { None }; PAGES],
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// Counts one duration.
    pub fn record(&mut self, value: Duration) {
        let nanos = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX).min(MAX_NANOS);
        let page = page_of(nanos);
        let counts = self.pages[page].get_or_insert_with(|| Box::new([0; PAGE]));
        counts[slot_of(nanos, page)] += 1;
        self.count += 1;
        self.sum += u128::from(nanos);
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.pages.iter_mut().zip(&other.pages) {
            let Some(theirs) = theirs else { continue };
            match mine {
                Some(mine) => mine
                    .iter_mut()
                    .zip(theirs.iter())
                    .for_each(|(mine, theirs)| *mine += theirs),
                None => *mine = Some(theirs.clone()),
            }
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets every value and keeps the pages, so that the next round allocates nothing.
    pub fn clear(&mut self) {
        for page in self.pages.iter_mut().flatten() {
            page.fill(0);
        }
        (self.count, self.sum, self.min, self.max) = (0, 0, u64::MAX, 0);
    }

    /// How many durations were counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The shortest, exactly; zero if empty.
    #[must_use]
    pub const fn min(&self) -> Duration {
        Duration::from_nanos(if self.count == 0 { 0 } else { self.min })
    }

    /// The longest, exactly; zero if empty.
    #[must_use]
    pub const fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The arithmetic mean, exactly; zero if empty.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let mean = self.sum.checked_div(u128::from(self.count)).unwrap_or(0);
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// The standard deviation of the population; zero if empty.
    #[must_use]
    pub fn stddev(&self) -> Duration {
        if self.count == 0 {
            return Duration::ZERO;
        }
        let mean = self.sum as f64 / self.count as f64;
        let squares: f64 = self
            .buckets()
            .map(|bucket| (bucket.middle() as f64 - mean).powi(2) * bucket.count as f64)
            .sum();
        Duration::from_nanos((squares / self.count as f64).sqrt() as u64)
    }

    /// The least duration that the share `q` (0 to 1) of all durations does not exceed; zero if empty.
    ///
    /// As HdrHistogram does, it gives the upper end of the bucket, but never more than the longest duration.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Duration {
        let [value] = self.quantiles([q]);
        value
    }

    /// Several [quantiles](Self::quantile), whose shares ascend, in one pass.
    #[must_use]
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Duration; N] {
        let mut buckets = self.buckets();
        let (mut seen, mut nanos) = (0, 0);
        shares.map(|share| {
            let rank = ((share.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).max(1);
            while seen < rank
                && let Some(bucket) = buckets.next()
            {
                seen += bucket.count;
                nanos = bucket.highest().min(self.max);
            }
            Duration::from_nanos(nanos)
        })
    }

    /// Every bucket that counted something, in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.pages.iter().enumerate().flat_map(|(page, counts)| {
            counts.iter().flat_map(move |counts| {
                counts
                    .iter()
                    .enumerate()
                    .filter(|(_, count)| **count > 0)
                    .map(move |(slot, &count)| Bucket {
                        page: page as u32,
                        slot: slot as u64,
                        count,
                    })
            })
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
    page: u32,
    slot: u64,
    /// How many durations fell into it.
    pub count: u64,
}

impl Bucket {
    /// The shortest duration of the bucket, in nanoseconds.
    #[must_use]
    pub const fn lowest(self) -> u64 {
        match self.page {
            0 => self.slot,
            page => (self.slot + PAGE as u64) << (page - 1),
        }
    }

    /// The longest duration of the bucket, in nanoseconds.
    #[must_use]
    pub const fn highest(self) -> u64 {
        self.lowest() + self.width() - 1
    }

    /// The middle of the bucket, in nanoseconds.
    #[must_use]
    pub const fn middle(self) -> u64 {
        self.lowest() + self.width() / 2
    }

    const fn width(self) -> u64 {
        1 << self.page.saturating_sub(1)
    }
}

/// Page 0 holds 0..1024 ns and page n the octave that begins at 1024 ns * 2^(n-1).
const fn page_of(nanos: u64) -> usize {
    (u64::BITS - (nanos >> PAGE_BITS).leading_zeros()) as usize
}

/// The bucket within the page; above page 0 the leading bit is implied by the page.
const fn slot_of(nanos: u64, page: usize) -> usize {
    (nanos >> page.saturating_sub(1)) as usize & (PAGE - 1)
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

    fn oracle(values: &[u64]) -> hdrhistogram::Histogram<u64> {
        let mut histogram = hdrhistogram::Histogram::new_with_bounds(1, MAX_NANOS, 3).unwrap();
        values
            .iter()
            .for_each(|&nanos| histogram.saturating_record(nanos));
        histogram
    }

    proptest! {
        /// The library that defines the format is the judge of the layout.
        #[test]
        fn its_quantiles_are_those_of_hdrhistogram(
            values in prop::collection::vec((0_u32..42).prop_flat_map(|bits| 0_u64..(1 << bits).max(2)), 1..200),
            q in 0.001_f64..=1.0,
        ) {
            let values: Vec<u64> = values.into_iter().map(|value| value.min(MAX_NANOS)).collect();
            let (mine, theirs) = (of(&values), oracle(&values));
            for q in [q, 0.5, 0.9, 0.99, 1.0] {
                let expected = theirs.value_at_quantile(q).min(theirs.max());
                let exact = *values.iter().max().unwrap();
                prop_assert_eq!(mine.quantile(q).as_nanos() as u64, expected.min(exact), "q={}", q);
            }
        }

        #[test]
        fn merging_is_recording_everything_in_one(
            left in prop::collection::vec(0_u64..1 << 36, 0..50),
            right in prop::collection::vec(0_u64..1 << 36, 0..50),
        ) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let whole = of(&[left, right].concat());
            prop_assert_eq!(merged.buckets().collect::<Vec<_>>(), whole.buckets().collect::<Vec<_>>());
            prop_assert_eq!((merged.count(), merged.min(), merged.max(), merged.mean()),
                            (whole.count(), whole.min(), whole.max(), whole.mean()));
        }

        #[test]
        fn a_bucket_holds_what_was_recorded_to_three_digits(nanos in 0_u64..MAX_NANOS) {
            let bucket = of(&[nanos]).buckets().next().unwrap();
            prop_assert!(bucket.lowest() <= nanos && nanos <= bucket.highest());
            prop_assert!((bucket.highest() - bucket.lowest()) as f64 <= nanos as f64 / 1000.0);
        }
    }

    #[test]
    fn an_empty_one_reports_zeros_and_holds_no_page() {
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
        assert!(empty.is_empty() && empty.pages.iter().all(Option::is_none));
    }

    #[test]
    fn what_is_longer_than_an_hour_counts_as_an_hour() {
        let mut histogram = Histogram::new();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.max(), Duration::from_secs(3_600));
        assert_eq!(histogram.quantile(1.0), Duration::from_secs(3_600));
    }

    #[test]
    fn moments_are_those_of_the_values() {
        let histogram = of(&[
            2_000_000, 4_000_000, 4_000_000, 4_000_000, 5_000_000, 5_000_000, 7_000_000, 9_000_000,
        ]);
        assert_eq!(histogram.mean(), Duration::from_millis(5));
        let stddev = histogram.stddev().as_secs_f64();
        assert!((stddev - 0.002).abs() < 0.000_004, "{stddev}");
    }

    #[test]
    fn clearing_keeps_the_pages_but_no_value() {
        let mut histogram = of(&[5, 5_000, 5_000_000]);
        let pages = histogram.pages.iter().flatten().count();
        histogram.clear();
        assert!(histogram.is_empty() && histogram.buckets().next().is_none());
        assert_eq!(
            (histogram.min(), histogram.max()),
            (Duration::ZERO, Duration::ZERO)
        );
        assert_eq!(histogram.pages.iter().flatten().count(), pages);
    }
}
