//! The permutation test: what would the figures look like if it made no difference which side a run was on?
//!
//! A run is the unit, never a message: the messages of one run share its process, its memory layout, its place in time,
//! so they resemble each other more than those of two runs, and a test over messages would take every run for a change.
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

/// One figure: its values on both sides, upwards for worse.
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
    /// Standard deviation between runs of one side.
    pub(super) noise: f64,
    /// How often chance makes some figure so much worse.
    pub(super) p_worse: f64,
    /// How often chance makes some figure so much better.
    pub(super) p_better: f64,
}

/// How the runs were made, which decides what may be relabelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Design {
    /// Run `n` of A and run `n` of B were neighbours in time: within each pair the sides may be swapped.
    Paired,
    /// Each run may be on either side.
    Free,
}

impl Design {
    /// The smallest chance that a test of so many runs can show.
    pub(super) fn least_p(self, a: usize, b: usize) -> f64 {
        1.0 / match self {
            Self::Paired => 2.0_f64.powi(a.min(b).min(60) as i32),
            Self::Free => choose(a + b, a),
        }
    }
}

/// Tests all figures together; each has as many values on each side as every other one.
pub(super) fn test(samples: &[Sample], design: Design) -> Vec<Tested> {
    let Some(first) = samples.first() else {
        return Vec::new();
    };
    let (a, b) = (first.a.len(), first.b.len());
    let observed: Vec<Moments> = samples
        .iter()
        .map(|sample| Moments::of(sample, design, &Relabelling::none(a, b, design)))
        .collect();
    let mut worse = vec![0_u64; samples.len()];
    let mut better = worse.clone();
    let mut tried = 0;
    for_each_relabelling(a, b, design, |relabelling| {
        tried += 1;
        let statistics: Vec<f64> = samples
            .iter()
            .map(|sample| Moments::of(sample, design, relabelling).statistic())
            .collect();
        let highest = statistics.iter().copied().fold(f64::MIN, f64::max);
        let lowest = statistics.iter().copied().fold(f64::MAX, f64::min);
        for (index, observed) in observed.iter().enumerate() {
            // Equal but for rounding counts as equal.
            let statistic = observed.statistic();
            let slack = 1e-9 * statistic.abs();
            worse[index] += u64::from(highest >= statistic - slack);
            better[index] += u64::from(lowest <= statistic + slack);
        }
    });
    let share = |count: u64| count as f64 / tried as f64;
    observed
        .iter()
        .zip(worse.into_iter().zip(better))
        .map(|(moments, (worse, better))| Tested {
            difference: moments.difference,
            margin: student(moments.freedom) * (moments.error + STEADIEST),
            noise: moments.noise,
            p_worse: share(worse),
            p_better: share(better),
        })
        .collect()
}

/// Mean difference and its standard error under one labelling.
struct Moments {
    difference: f64,
    error: f64,
    noise: f64,
    freedom: usize,
}

impl Moments {
    fn of(sample: &Sample, design: Design, relabelling: &Relabelling) -> Self {
        match design {
            Design::Paired => {
                let differences: Vec<f64> = sample
                    .a
                    .iter()
                    .zip(&sample.b)
                    .zip(&relabelling.0)
                    .map(|((a, b), swapped)| if *swapped { a - b } else { b - a })
                    .collect();
                let (mean, variance) = mean_and_variance(differences.iter().copied());
                let count = differences.len() as f64;
                Self {
                    difference: mean,
                    error: (variance / count).sqrt(),
                    noise: (variance / 2.0).sqrt(),
                    freedom: differences.len() - 1,
                }
            }
            Design::Free => {
                let side = |wanted: bool| {
                    sample
                        .a
                        .iter()
                        .chain(&sample.b)
                        .zip(&relabelling.0)
                        .filter(move |(_, on_b)| **on_b == wanted)
                        .map(|(value, _)| *value)
                };
                let (mean_a, variance_a) = mean_and_variance(side(false));
                let (mean_b, variance_b) = mean_and_variance(side(true));
                let (a, b) = (sample.a.len() as f64, sample.b.len() as f64);
                let freedom = sample.a.len() + sample.b.len() - 2;
                let pooled = ((a - 1.0) * variance_a + (b - 1.0) * variance_b) / freedom as f64;
                Self {
                    difference: mean_b - mean_a,
                    error: (pooled * (1.0 / a + 1.0 / b)).sqrt(),
                    noise: pooled.sqrt(),
                    freedom,
                }
            }
        }
    }

    fn statistic(&self) -> f64 {
        self.difference / (self.error + STEADIEST)
    }
}

/// Paired: which pairs are swapped. Free: which runs, those of A first, are on side B.
struct Relabelling(Vec<bool>);

impl Relabelling {
    fn none(a: usize, b: usize, design: Design) -> Self {
        Self(match design {
            Design::Paired => vec![false; a],
            Design::Free => (0..a + b).map(|index| index >= a).collect(),
        })
    }
}

/// The labelling that was observed is always among them.
fn for_each_relabelling(a: usize, b: usize, design: Design, mut take: impl FnMut(&Relabelling)) {
    let mut labels = Relabelling::none(a, b, design);
    let all = 1.0 / design.least_p(a, b);
    if all > RELABELLINGS as f64 {
        take(&labels);
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        for _ in 1..RELABELLINGS {
            match design {
                Design::Paired => labels.0.iter_mut().for_each(|swapped| *swapped = rng.random()),
                Design::Free => shuffle(&mut labels.0, &mut rng),
            }
            take(&labels);
        }
        return;
    }
    match design {
        Design::Paired => {
            for bits in 0_u64..1 << a {
                for (index, swapped) in labels.0.iter_mut().enumerate() {
                    *swapped = bits >> index & 1 == 1;
                }
                take(&labels);
            }
        }
        Design::Free => choices(&mut labels, 0, b, &mut take),
    }
}

/// Every choice of `left` runs from `from` on.
fn choices(labels: &mut Relabelling, from: usize, left: usize, take: &mut impl FnMut(&Relabelling)) {
    let rest = labels.0.len() - from;
    if left == 0 || left == rest {
        labels.0[from..].fill(left > 0);
        take(labels);
        return;
    }
    for chosen in [true, false] {
        labels.0[from] = chosen;
        choices(labels, from + 1, left - usize::from(chosen), take);
    }
}

fn shuffle(labels: &mut [bool], rng: &mut Pcg64Mcg) {
    for index in (1..labels.len()).rev() {
        labels.swap(index, rng.random_range(0..=index));
    }
}

fn mean_and_variance(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, squares / (count - 1.0).max(1.0))
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
