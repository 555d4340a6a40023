//! The permutation test: what would the figures look like if it made no difference which side a run was on?
//!
//! A run is the unit, never a message: the messages of one run share its process, its memory layout, its place in time,
//! so they resemble each other more than those of two runs, and a test over messages would take every run for a change.
//!
//! Runs are compared, and relabelled, within strata only: within one state of the machine's speed.
//!
//! The statistic is of ranks, so that a run which a neighbour disturbed does not hide what the others agree on: van
//! Elteren's, which is Mann and Whitney's over several strata.
//!
//! All figures are tested together. In each relabelling of the runs the largest statistic of all figures counts, and a
//! figure is beyond chance only if it exceeds what the largest one reaches by chance. So the number of figures that are
//! looked at does not raise the number of false alarms, and figures that depend on each other do not lower its power
//! (Westfall and Young's single-step maxT).

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Up to so many relabellings all are tried, beyond it as many at random.
const RELABELLINGS: u64 = 10_000;
/// Added to the standard error, on the logarithmic scale: no figure is so steady that a difference of a part in a
/// thousand would mean something.
const STEADIEST: f64 = 0.002;
/// For the estimate, values farther from the median of their side and stratum than so many standard deviations are drawn
/// in to there.
const FAR_OUT: f64 = 2.0;

/// How many runs of either side a stratum has; at least one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stratum {
    pub(super) a: usize,
    pub(super) b: usize,
}

/// One figure: its values on both sides, stratum after stratum, upwards for worse.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) a: Vec<f64>,
    pub(super) b: Vec<f64>,
}

/// What the test says of one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tested {
    /// How much worse B is on average.
    pub(super) difference: f64,
    /// Half the width of its 95 % confidence interval.
    pub(super) margin: f64,
    /// Standard deviation between runs of one side in one stratum.
    pub(super) noise: f64,
    /// How often chance makes some figure so much worse.
    pub(super) p_worse: f64,
    /// How often chance makes some figure so much better.
    pub(super) p_better: f64,
}

/// The smallest chance that a test of these runs can show: that of one labelling among all.
pub(super) fn least_p(strata: &[Stratum]) -> f64 {
    let labellings: f64 = strata
        .iter()
        .map(|stratum| choose(stratum.a + stratum.b, stratum.b))
        .product();
    1.0 / labellings
}

/// Tests all figures together; each has the values that `strata` tells of.
pub(super) fn test(samples: &[Sample], strata: &[Stratum]) -> Vec<Tested> {
    let values: Vec<Vec<f64>> = samples.iter().map(|sample| in_order(sample, strata)).collect();
    let scores: Vec<Vec<f64>> = values.iter().map(|values| scores(values, strata)).collect();
    let truth = observed_labels(strata);
    let observed: Vec<f64> = scores.iter().map(|scores| statistic(scores, &truth)).collect();
    let (mut worse, mut better) = (vec![0_u64; samples.len()], vec![0_u64; samples.len()]);
    let mut tried = 0;
    for_each_labelling(strata, |labels| {
        tried += 1;
        let (mut highest, mut lowest) = (f64::MIN, f64::MAX);
        for scores in &scores {
            let statistic = statistic(scores, labels);
            (highest, lowest) = (highest.max(statistic), lowest.min(statistic));
        }
        // Equal but for rounding counts as equal.
        let slack = 1e-9;
        for (index, observed) in observed.iter().enumerate() {
            worse[index] += u64::from(highest >= observed - slack);
            better[index] += u64::from(lowest <= observed + slack);
        }
    });
    let share = |count: u64| count as f64 / tried as f64;
    values
        .iter()
        .zip(worse.into_iter().zip(better))
        .map(|(values, (worse, better))| {
            let estimate = Estimate::of(values, &truth, strata);
            Tested {
                difference: estimate.difference,
                margin: student(estimate.freedom) * (estimate.error + STEADIEST),
                noise: estimate.noise,
                p_worse: share(worse),
                p_better: share(better),
            }
        })
        .collect()
}

/// Stratum after stratum, in each the runs of A before those of B.
fn in_order(sample: &Sample, strata: &[Stratum]) -> Vec<f64> {
    let (mut a, mut b) = (sample.a.iter(), sample.b.iter());
    let mut values = Vec::with_capacity(sample.a.len() + sample.b.len());
    for stratum in strata {
        values.extend(a.by_ref().take(stratum.a));
        values.extend(b.by_ref().take(stratum.b));
    }
    values
}

/// The rank of each value within its stratum, centred, weighted by the stratum, and scaled so that the statistic has the
/// same spread for every figure; zeros where all values are equal.
fn scores(values: &[f64], strata: &[Stratum]) -> Vec<f64> {
    let mut scores = Vec::with_capacity(values.len());
    let mut variance = 0.0;
    for stratum in strata {
        let count = stratum.a + stratum.b;
        let mine = &values[scores.len()..scores.len() + count];
        let begin = scores.len();
        for value in mine {
            let below = mine.iter().filter(|other| *other < value).count() as f64;
            let equal = mine.iter().filter(|other| *other == value).count() as f64;
            let rank = below + (equal + 1.0) / 2.0;
            scores.push((rank - (count as f64 + 1.0) / 2.0) / (count as f64 + 1.0));
        }
        let squares: f64 = scores[begin..].iter().map(|score| score * score).sum();
        let (a, b, count) = (stratum.a as f64, stratum.b as f64, count as f64);
        variance += a * b / (count * (count - 1.0)) * squares;
    }
    if variance > 0.0 {
        scores.iter_mut().for_each(|score| *score /= variance.sqrt());
    }
    scores
}

/// The sum of the scores of side B.
fn statistic(scores: &[f64], labels: &[bool]) -> f64 {
    scores
        .iter()
        .zip(labels)
        .filter(|(_, on_b)| **on_b)
        .map(|(score, _)| score)
        .sum()
}

/// The middle value, or the mean of the two in the middle; zero of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

/// For each run, in the same order, whether it is on side B.
fn observed_labels(strata: &[Stratum]) -> Vec<bool> {
    strata
        .iter()
        .flat_map(|stratum| (0..stratum.a + stratum.b).map(|index| index >= stratum.a))
        .collect()
}

/// Mean difference of the sides and its standard error.
struct Estimate {
    difference: f64,
    error: f64,
    noise: f64,
    freedom: usize,
}

impl Estimate {
    /// The differences within the strata, weighted by how much each can tell, and one variance for all of them.
    fn of(values: &[f64], labels: &[bool], strata: &[Stratum]) -> Self {
        let parts = parts(values, labels, strata);
        let middles: Vec<f64> = parts.iter().map(|part| median(part.clone())).collect();
        let limit = limit(&parts, &middles);
        let spreads: Vec<Spread> = parts
            .iter()
            .zip(&middles)
            .map(|(part, middle)| Spread::of(part, middle - limit, middle + limit))
            .collect();
        let (mut weighted, mut weights) = (0.0, 0.0);
        for sides in spreads.chunks_exact(2) {
            let weight = sides[0].count * sides[1].count / (sides[0].count + sides[1].count);
            weighted += weight * (sides[1].mean - sides[0].mean);
            weights += weight;
        }
        let freedom = values.len().saturating_sub(spreads.len());
        let squares: f64 = spreads.iter().map(|spread| spread.squares).sum();
        let variance = squares / freedom.max(1) as f64;
        Self {
            difference: weighted / weights,
            error: (variance / weights).sqrt(),
            noise: variance.sqrt(),
            freedom,
        }
    }
}

/// The values of A and of B in the first stratum, then in the second, and so on.
fn parts(values: &[f64], labels: &[bool], strata: &[Stratum]) -> Vec<Vec<f64>> {
    let mut parts = Vec::with_capacity(2 * strata.len());
    let mut from = 0;
    for stratum in strata {
        let to = from + stratum.a + stratum.b;
        for side in [false, true] {
            let mine = values[from..to].iter().zip(&labels[from..to]);
            parts.push(
                mine.filter(|(_, on_b)| **on_b == side)
                    .map(|(value, _)| *value)
                    .collect(),
            );
        }
        from = to;
    }
    parts
}

/// How far a value may be from the middle of its part. Where most are equal nothing says what is far.
fn limit(parts: &[Vec<f64>], middles: &[f64]) -> f64 {
    let deviations = parts
        .iter()
        .zip(middles)
        .filter(|(part, _)| part.len() > 2)
        .flat_map(|(part, middle)| part.iter().map(move |value| (value - middle).abs()))
        .collect();
    // 1.4826 times the median deviation is the standard deviation, where values are distributed normally.
    match FAR_OUT * 1.482_6 * median(deviations) {
        limit if limit > 0.0 => limit,
        _ => f64::INFINITY,
    }
}

/// Mean, and squared deviations from it.
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn of(values: &[f64], least: f64, most: f64) -> Self {
        let tame = || values.iter().map(|value| value.clamp(least, most));
        let count = values.len() as f64;
        let mean = tame().sum::<f64>() / count;
        Self {
            count,
            mean,
            squares: tame().map(|value| (value - mean).powi(2)).sum(),
        }
    }
}

/// The labelling that was observed is always among them.
fn for_each_labelling(strata: &[Stratum], mut take: impl FnMut(&[bool])) {
    let mut labels = observed_labels(strata);
    if 1.0 / least_p(strata) <= RELABELLINGS as f64 {
        choices(&mut labels, 0, strata, &mut take);
        return;
    }
    take(&labels);
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    for _ in 1..RELABELLINGS {
        let mut rest = labels.as_mut_slice();
        for stratum in strata {
            let (first, after) = rest.split_at_mut(stratum.a + stratum.b);
            shuffle(first, &mut rng);
            rest = after;
        }
        take(&labels);
    }
}

/// Every way to put the right number of runs of each stratum on side B, from the run `from` on.
fn choices(labels: &mut [bool], from: usize, strata: &[Stratum], take: &mut impl FnMut(&[bool])) {
    let Some((stratum, others)) = strata.split_first() else {
        take(labels);
        return;
    };
    if stratum.a + stratum.b == 0 {
        choices(labels, from, others, take);
        return;
    }
    for on_b in [false, true] {
        let Stratum { a, b } = *stratum;
        let left = if on_b {
            b.checked_sub(1).map(|b| Stratum { a, b })
        } else {
            a.checked_sub(1).map(|a| Stratum { a, b })
        };
        let Some(left) = left else { continue };
        labels[from] = on_b;
        let rest: Vec<Stratum> = [left].into_iter().chain(others.iter().copied()).collect();
        choices(labels, from + 1, &rest, take);
    }
}

fn shuffle(labels: &mut [bool], rng: &mut Pcg64Mcg) {
    for index in (1..labels.len()).rev() {
        labels.swap(index, rng.random_range(0..=index));
    }
}

fn choose(n: usize, k: usize) -> f64 {
    (0..k.min(n - k)).fold(1.0, |ways, index| ways * (n - index) as f64 / (index + 1) as f64)
}

/// The 97.5th percentile of Student's distribution, from the tables; between two entries that of fewer degrees.
fn student(freedom: usize) -> f64 {
    const TABLE: [(usize, f64); 17] = [
        (1, 12.706),
        (2, 4.303),
        (3, 3.182),
        (4, 2.776),
        (5, 2.571),
        (6, 2.447),
        (7, 2.365),
        (8, 2.306),
        (9, 2.262),
        (10, 2.228),
        (12, 2.179),
        (14, 2.145),
        (18, 2.101),
        (24, 2.064),
        (40, 2.021),
        (80, 1.990),
        (200, 1.972),
    ];
    TABLE
        .iter()
        .rev()
        .find(|(degrees, _)| *degrees <= freedom)
        .map_or(f64::INFINITY, |(_, quantile)| *quantile)
}

#[cfg(test)]
mod tests;
