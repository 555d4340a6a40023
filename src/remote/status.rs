//! A run at one moment, as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{Control, ControlState};
use crate::metrics::{GeneratorSnapshot, GroupSnapshot, Snapshot};

/// What a run is, which does not change.
#[derive(Clone, Debug, Default)]
pub struct RunIdentity {
    /// Name of the scenario.
    pub name: String,
    /// What is tested, as a URL.
    pub target: String,
    /// Length of all stages.
    pub planned: Duration,
    /// What can be scaled.
    pub load: LoadKind,
}

/// The kind of a load model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadKind {
    /// A number of clients.
    #[default]
    Closed,
    /// A rate of arrivals.
    Open,
}

/// `docs/control.md` lists the fields.
pub(super) fn status(run: &RunIdentity, control: &Control, snapshot: &Snapshot) -> Value {
    let state = control.state();
    json!({
        "run": {
            "name": run.name,
            "target": run.target,
            "load": match run.load { LoadKind::Closed => "closed", LoadKind::Open => "open" },
            "planned_s": run.planned.as_secs_f64(),
            "elapsed_s": snapshot.elapsed.as_secs_f64(),
        },
        "state": name(state),
        "paused_s": state.paused_for.as_secs_f64(),
        "clients": state.clients,
        "rate_factor": state.rate_factor,
        "clients_wanted": snapshot.gauges.clients_wanted,
        "clients_active": snapshot.gauges.clients_active,
        "connections_open": snapshot.gauges.connections_open,
        "window_s": snapshot.window.as_secs_f64(),
        "total": group(&snapshot.total),
        "groups": snapshot.groups.iter().map(group).collect::<Vec<_>>(),
        "generator": generator(&snapshot.generator),
    })
}

const fn name(state: ControlState) -> &'static str {
    match state {
        ControlState { ending: true, .. } => "ending",
        ControlState { paused: true, .. } => "paused",
        _ => "running",
    }
}

fn group(group: &GroupSnapshot) -> Value {
    json!({ "name": &*group.name, "cumulative": group.cumulative, "window": group.window })
}

fn generator(generator: &GeneratorSnapshot) -> Value {
    let worker = |share: &crate::metrics::WorkerShare| json!({ "cpu": share.cpu, "waiting": share.waiting });
    let process = &generator.process;
    json!({
        "problems": generator.problems,
        "notes": generator.notes,
        "late_for_s": generator.late_for.as_secs_f64(),
        "timer_lag_ms": generator.timer_lag,
        "loop_lag_ms": generator.loop_lag,
        "workers": generator.workers.iter().map(worker).collect::<Vec<_>>(),
        "open_files": process.open_files,
        "open_file_limit": process.file_limit,
        "ports": process.ports,
        "ports_left": process.ports_left,
        "time_wait": process.time_wait,
        "memory_left_bytes": process.available_bytes,
    })
}
