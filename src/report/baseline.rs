//! A baseline as text: in a line of a list, and by itself.

use std::fmt::Write;

use crate::gate::{Baseline, Pace};
use crate::metrics::Trend;

use super::format::{count, counted, millis};

/// `main: iot against ws://host:8080, 10 runs on 2026-10-05T12:30:00Z`.
#[must_use]
pub fn line(baseline: &Baseline) -> String {
    format!(
        "{}: {} against {}, {} at {}",
        baseline.name,
        baseline.scenario.name,
        baseline.target,
        counted(baseline.repeats.len() as u64, "run"),
        baseline.created
    )
}

/// The baseline with a line for each run.
#[must_use]
pub fn render(baseline: &Baseline) -> String {
    let machine = &baseline.machine;
    let cpu = if machine.cpu.is_empty() {
        "unknown processor"
    } else {
        &machine.cpu
    };
    let mut text = format!(
        "{}\n  scenario {}, wsbench {}\n  {} of {cpu}, {}\n",
        line(baseline),
        baseline.scenario.fingerprint,
        baseline.version,
        counted(machine.cores as u64, "core"),
        machine.system
    );
    let first = baseline.repeats.first().map_or(1.0, |repeat| repeat.pace.mean());
    for (index, repeat) in baseline.repeats.iter().enumerate() {
        let what = repeat.summary.total.trend(Trend::Response).map_or_else(
            || "no responses".to_owned(),
            |trend| {
                format!(
                    "p(50) {}, p(99) {} of {} responses",
                    millis(trend.med),
                    millis(trend.p99),
                    count(trend.count)
                )
            },
        );
        let _ = writeln!(text, "  run {}: {what}{}", index + 1, speed(repeat.pace, first));
    }
    text
}

/// What there is to say of the machine's speed, compared with that of the first run.
fn speed(pace: Pace, first: f64) -> String {
    if !pace.is_steady() {
        return "; the machine's speed changed meanwhile".to_owned();
    }
    let change = pace.mean() / first - 1.0;
    if change.abs() < Pace::TOLERANCE - 1.0 {
        return String::new();
    }
    format!("; machine {:+.0} %", change * 100.0)
}
