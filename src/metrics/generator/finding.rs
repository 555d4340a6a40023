//! What is wrong with a generator, in words, and what to do.

use serde::{Deserialize, Serialize};

/// Whether a run says something about its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    #[default]
    Valid,
    /// The generator itself was the bottleneck.
    Invalid,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Workers had more to do than they could, and were late.
    Overloaded,
    /// Workers did not get the core that they needed, and were late.
    Starved,
    /// Connects failed because this machine had no port, file or memory for them.
    Exhausted,
    /// Workers never rested, but were not late.
    Saturated,
    /// Few local ports were left.
    FewPorts,
    /// Few open files were left.
    FewFiles,
    /// Little memory was left.
    LittleMemory,
    /// The wall clock was set.
    ClockSet,
}

/// Something that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// What was seen, in a sentence without an end.
    pub reason: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, reason: String) -> Self {
        let advice = match kind {
            FindingKind::Overloaded => {
                "use more workers (--workers) if there are idle cores, more machines if there are not, or ask for less"
            }
            FindingKind::Starved => {
                "stop other programs on this machine, or run the target on another one; --pin keeps each worker on a core"
            }
            FindingKind::Exhausted => {
                "add source addresses (--source), widen net.ipv4.ip_local_port_range, raise the limit of open files \
                 (ulimit -n), or open fewer connections per minute"
            }
            FindingKind::Saturated => {
                "messages per second may be what the generator can do rather than the target; use more workers (--workers)"
            }
            FindingKind::FewPorts => "add source addresses (--source) or widen net.ipv4.ip_local_port_range",
            FindingKind::FewFiles => "raise the limit of open files (ulimit -n)",
            FindingKind::LittleMemory => "use fewer clients or a machine with more memory",
            FindingKind::ClockSet => {
                "time stamps in payloads, and ages computed from them, are off by as much"
            }
        };
        Self {
            kind,
            reason,
            advice: advice.to_owned(),
        }
    }
}
