//! Runs and baselines for tests.

use std::time::{Duration, UNIX_EPOCH};

use super::{BASELINE_SCHEMA, Baseline, Machine, Pace, Repeat, ScenarioId};
use crate::clock::Moment;
use crate::metrics::{Gauges, Processes, Recorder, RunEnd, RunFacts, Shard, Summary};

/// A completed run in which `measure` happened.
pub(super) fn repeat(groups: &[&str], measure: impl FnOnce(&mut Shard)) -> Repeat {
    let (recorder, mut senders) = Recorder::new(groups, 1, Moment::ZERO);
    let mut sender = senders.remove(0);
    measure(sender.shard());
    sender.finish(Moment::ZERO + Duration::from_secs(10), Gauges::default());
    let facts = RunFacts {
        name: "test".to_owned(),
        target: "ws://localhost/".to_owned(),
        seed: 1,
        started: UNIX_EPOCH,
        duration: Duration::from_secs(10),
        end: RunEnd::Completed,
    };
    let totals = recorder.finish();
    let summary = Summary::new(facts, &totals, Processes::default());
    let pace = Pace {
        before: 100.0,
        after: 100.0,
    };
    Repeat::new(summary, &totals, pace)
}

/// A baseline of these runs.
pub(super) fn baseline(name: &str, repeats: Vec<Repeat>) -> Baseline {
    Baseline {
        schema: BASELINE_SCHEMA.to_owned(),
        name: name.to_owned(),
        created: "2026-01-01T00:00:00Z".to_owned(),
        version: "1.0.0".to_owned(),
        scenario: ScenarioId {
            name: "iot".to_owned(),
            fingerprint: "1".to_owned(),
        },
        target: "ws://localhost/".to_owned(),
        machine: Machine {
            system: "linux x86_64".to_owned(),
            cpu: "A processor".to_owned(),
            cores: 4,
        },
        repeats,
    }
}
