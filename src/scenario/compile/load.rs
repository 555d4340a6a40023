//! How many clients there are, and when: `stages` or `arrivals`.

use std::time::Duration;

use super::context::Context;
use crate::scenario::document::{self, ArrivalModel, Document};
use crate::scenario::plan::{Arrivals, ClosedStage, LoadModel, OpenStage};
use crate::scenario::quantity::Count;
use crate::scenario::yaml::{Field, List, Located, Position};
use crate::units::{Rate, Span};

/// More clients than any machine has ports and memory for: past it, a count is a typo.
const MAX_CLIENTS: u64 = 100_000_000;

/// Factors from the command line.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) clients: f64,
    pub(super) durations: f64,
}

impl Scale {
    fn duration(self, duration: Duration) -> Duration {
        Duration::try_from_secs_f64(duration.as_secs_f64() * self.durations).unwrap_or(Duration::MAX)
    }

    /// A stage that has clients keeps at least one.
    fn clients(self, clients: u64) -> u64 {
        ((clients as f64 * self.clients).round() as u64).max(clients.min(1))
    }
}

pub(super) fn load(context: &mut Context<'_>, at: Position, document: &Document, scale: Scale) -> LoadModel {
    match (&document.stages, &document.arrivals) {
        (Some(stages), None) => return closed(context, stages, scale),
        (None, Some(arrivals)) => return open(context, &arrivals.value, scale),
        (Some(_), Some(arrivals)) => {
            context.problem(
                arrivals.at,
                "`stages` and `arrivals` exclude each other: keep the one that is meant",
            );
        }
        (None, None) => {
            let keys = "`stages` (numbers of clients) or `arrivals` (new clients per second)";
            context.missing(at, format!("a scenario file needs {keys}"));
        }
    }
    LoadModel::Closed { stages: Vec::new() }
}

fn closed(
    context: &mut Context<'_>,
    stages: &Located<List<document::ClosedStage>>,
    scale: Scale,
) -> LoadModel {
    let compile = |stage: &document::ClosedStage| {
        let duration = context.value(&stage.duration);
        let clients = clients(context, &stage.clients, scale);
        Some(ClosedStage {
            duration: scale.duration(duration?),
            clients: clients?,
        })
    };
    let compiled: Vec<_> = stages.value.items.iter().map(compile).collect();
    let whole = compiled.len() == compiled.iter().flatten().count() && !stages.value.damaged;
    let compiled: Vec<_> = compiled.into_iter().flatten().collect();
    if whole {
        let total = total(compiled.iter().map(|stage| stage.duration));
        let something_happens = compiled.iter().any(|stage| stage.clients > 0);
        check_stages(context, stages.at, compiled.len(), total, something_happens);
    }
    LoadModel::Closed { stages: compiled }
}

fn open(context: &mut Context<'_>, model: &ArrivalModel, scale: Scale) -> LoadModel {
    let compiled: Vec<_> = model
        .stages
        .value
        .items
        .iter()
        .map(|stage| open_stage(context, stage, scale))
        .collect();
    let whole = compiled.len() == compiled.iter().flatten().count() && !model.stages.value.damaged;
    let compiled: Vec<_> = compiled.into_iter().flatten().collect();
    if whole {
        let total = total(compiled.iter().map(|stage| stage.duration));
        let something_happens = compiled.iter().any(|stage| stage.from > 0.0 || stage.to > 0.0);
        check_stages(context, model.stages.at, compiled.len(), total, something_happens);
    }
    let max_clients = clients(context, &model.max_clients, scale);
    if max_clients == Some(0) {
        context.problem(model.max_clients.at, "expected at least 1 client");
    }
    LoadModel::Open {
        stages: compiled,
        max_clients: max_clients.unwrap_or(1),
        arrivals: context.value_or(model.process.as_ref(), Arrivals::Constant),
    }
}

fn open_stage(
    context: &mut Context<'_>,
    stage: &Located<document::OpenStage>,
    scale: Scale,
) -> Option<OpenStage> {
    let duration = context.value(&stage.value.duration);
    let (from, to) = match (&stage.value.rate, &stage.value.from, &stage.value.to) {
        (Some(rate), None, None) => {
            let rate = context.value(rate)?;
            (rate, rate)
        }
        (None, Some(from), Some(to)) => {
            let rates = (context.value(from), context.value(to));
            (rates.0?, rates.1?)
        }
        _ => {
            context.missing(
                stage.at,
                "an arrival stage needs either `rate`, or `from` and `to`",
            );
            return None;
        }
    };
    let rate = |rate: Rate| rate.get() * scale.clients;
    Some(OpenStage {
        duration: scale.duration(duration?),
        from: rate(from),
        to: rate(to),
    })
}

fn clients(context: &mut Context<'_>, field: &Field<Count>, scale: Scale) -> Option<u64> {
    let Count(clients) = context.value(field)?;
    let scaled = scale.clients(clients);
    if scaled > MAX_CLIENTS {
        let times = match scale.clients {
            1.0 => String::new(),
            factor => format!(" times {factor}"),
        };
        context.problem(
            field.at,
            format!("`{clients}`{times} is more than {MAX_CLIENTS} clients"),
        );
        return None;
    }
    Some(scaled)
}

fn total(durations: impl Iterator<Item = Duration>) -> Duration {
    durations.fold(Duration::ZERO, Duration::saturating_add)
}

fn check_stages(
    context: &mut Context<'_>,
    at: Position,
    count: usize,
    total: Duration,
    something_happens: bool,
) {
    if count == 0 {
        context.problem(
            at,
            "expected at least one stage, such as `- {duration: 30s, clients: 100}`",
        );
    } else if total.is_zero() {
        context.problem(
            at,
            "the stages have no length: give at least one a duration above 0",
        );
    } else if total > Span::MAX.0 {
        context.problem(
            at,
            format!(
                "the stages take longer than {}, a century: shorten them, or their scale",
                Span::MAX
            ),
        );
    } else if !something_happens {
        context.problem(at, "no stage has any clients");
    }
}
