//! What a comparison looks at: figures of one run, on a scale on which equal steps are equal ratios.

use crate::gate::baseline::Repeat;
use crate::metrics::{Counter, Figures, Histogram, ThresholdUnit, Trend};

/// Trends whose distribution is compared. What the generator does to itself, as its send lag, is none of them.
const TRENDS: [Trend; 3] = [Trend::Response, Trend::Connect, Trend::Ping];
/// Shares of each that are looked at, ascending, and whether the comparison cannot tell if they cannot.
const SHARES: [(f64, &str, bool); 5] = [
    (0.5, "p(50)", true),
    (0.9, "p(90)", false),
    (0.95, "p(95)", false),
    (0.99, "p(99)", true),
    (0.999, "p(99.9)", false),
];
/// A percentile is looked at where each run has so many durations beyond it; fewer make it an accident.
const BEYOND: f64 = 49.9;
/// Added to shares of failure before their logarithm: a tenth more of this, 0.1 %, is as much as a tenth more time.
const SHARE_FLOOR: f64 = 0.01;

/// One figure, known of every run of both sides.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Feature {
    pub(super) name: String,
    pub(super) group: Option<String>,
    pub(super) unit: ThresholdUnit,
    pub(super) decisive: bool,
    /// Whether more of it is worse.
    pub(super) more_is_worse: bool,
    /// By side, then by run.
    pub(super) values: [Vec<f64>; 2],
}

impl Feature {
    /// The value on the scale that is compared, upwards for worse.
    pub(super) fn badness(&self, value: f64) -> f64 {
        let scaled = match self.unit {
            ThresholdUnit::Share => (value + SHARE_FLOOR).ln(),
            // A microsecond's millionth stands in for zero.
            _ => value.max(1e-9).ln(),
        };
        if self.more_is_worse { scaled } else { -scaled }
    }

    /// A difference on that scale as the part by which B has more than A.
    pub(super) fn change(&self, difference: f64) -> f64 {
        let more = if self.more_is_worse {
            difference
        } else {
            -difference
        };
        more.exp_m1()
    }
}

/// Everything that can be looked at in all runs of both sides.
pub(super) fn features(sides: [&[&Repeat]; 2]) -> Vec<Feature> {
    let groups = groups(sides);
    let mut found = Vec::new();
    for group in &groups {
        for trend in TRENDS {
            found.extend(of_trend(sides, group.as_deref(), trend));
        }
    }
    found.extend(of_figures(sides));
    found
}

/// Each group by itself if there are several, for in a mixture one can hide behind the other.
fn groups(sides: [&[&Repeat]; 2]) -> Vec<Option<String>> {
    let names = sides[0].first().map_or(&[][..], |repeat| &repeat.summary.groups);
    if names.len() < 2 {
        return vec![None];
    }
    names.iter().map(|group| Some(group.name.clone())).collect()
}

fn of_trend(sides: [&[&Repeat]; 2], group: Option<&str>, trend: Trend) -> Vec<Feature> {
    let histograms = sides.map(|side| {
        side.iter()
            .map(|repeat| repeat.histogram(group, trend))
            .collect::<Option<Vec<Histogram>>>()
    });
    let [Some(a), Some(b)] = histograms else {
        return Vec::new();
    };
    let fewest = a.iter().chain(&b).map(Histogram::count).min().unwrap_or(0) as f64;
    SHARES
        .into_iter()
        .filter(|(share, ..)| fewest * (1.0 - share) >= BEYOND)
        .map(|(share, name, decisive)| Feature {
            name: format!("{}_time {name}", trend.label()),
            group: group.map(str::to_owned),
            unit: ThresholdUnit::Ms,
            decisive: decisive && trend == Trend::Response,
            more_is_worse: true,
            values: [&a, &b].map(|side| side.iter().map(|histogram| millis(histogram, share)).collect()),
        })
        .collect()
}

fn millis(histogram: &Histogram, share: f64) -> f64 {
    histogram.quantile(share).as_nanos() as f64 / 1e6
}

fn of_figures(sides: [&[&Repeat]; 2]) -> Vec<Feature> {
    let feature = |name: &str, unit, value: &dyn Fn(&Figures) -> f64| Feature {
        name: name.to_owned(),
        group: None,
        unit,
        decisive: true,
        more_is_worse: unit == ThresholdUnit::Share,
        values: sides.map(|side| side.iter().map(|repeat| value(&repeat.summary.total)).collect()),
    };
    let share = |name: &str, part: &dyn Fn(&Figures) -> u64, whole: Counter| {
        feature(name, ThresholdUnit::Share, &|figures| {
            part(figures) as f64 / figures.counter(whole).max(1) as f64
        })
    };
    let lost = |figures: &Figures| {
        figures.counter(Counter::SentLostTimeout) + figures.counter(Counter::SentLostConnection)
    };
    let mut found = vec![
        feature("messages_received rate", ThresholdUnit::PerSecond, &|figures| {
            figures.rate(Counter::MessagesReceived)
        }),
        share("messages_lost rate", &lost, Counter::MessagesSent),
        share(
            "connect_failed rate",
            &|figures| figures.counter(Counter::ConnectFailed),
            Counter::ConnectAttempted,
        ),
        share("connections_lost rate", &Figures::lost, Counter::ConnectOpened),
        share(
            "flows_failed rate",
            &|figures| figures.counter(Counter::FlowsFailed),
            Counter::FlowsStarted,
        ),
    ];
    // What is zero in every run of both sides has nothing to tell.
    found.retain(|feature| feature.values.iter().flatten().any(|&value| value > 0.0));
    found
}
