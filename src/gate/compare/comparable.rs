//! Whether two sides can be compared at all: the same scenario, put on by the same program, from the same machine.

use std::collections::BTreeSet;

use crate::gate::baseline::{Baseline, Machine};

use super::outcome::{Aspect, Difference};

/// Everything in which the sides differ that should be the same.
pub(super) fn differences(a: &Baseline, b: &Baseline, accept: &BTreeSet<Aspect>) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |what: Aspect, text: String| {
        found.push(Difference {
            what,
            text,
            accepted: accept.contains(&what),
        });
    };
    if a.scenario.fingerprint != b.scenario.fingerprint {
        let text = if a.scenario.name == b.scenario.name {
            format!(
                "the scenario `{}` was changed in between, or run with other variables, files or environment variables, or \
                 another seed",
                a.scenario.name
            )
        } else {
            format!(
                "A ran the scenario `{}`, B `{}`",
                a.scenario.name, b.scenario.name
            )
        };
        add(Aspect::Scenario, text);
    }
    if a.version != b.version {
        add(
            Aspect::Version,
            format!("A was measured by wsbench {}, B by {}", a.version, b.version),
        );
    }
    if a.machine != b.machine {
        add(
            Aspect::Machine,
            format!(
                "A was measured on {}, B on {}",
                words(&a.machine),
                words(&b.machine)
            ),
        );
    }
    found
}

fn words(machine: &Machine) -> String {
    let cores = if machine.cores == 1 { "core" } else { "cores" };
    let cpu = if machine.cpu.is_empty() {
        "unknown processor"
    } else {
        &machine.cpu
    };
    format!("{} {cores} of {cpu} ({})", machine.cores, machine.system)
}
