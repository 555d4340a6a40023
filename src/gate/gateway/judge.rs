//! The verdict on a gateway: what it changes, and whether a baseline says the same.

use std::collections::BTreeSet;

use serde::Serialize;

use super::added::Added;
use super::fact::{Fact, Subject};
use super::record::GatewayRecord;
use crate::gate::compare::Verdict;

/// Less than this in milliseconds matters to nobody, however many times the baseline it is: in the middle of the
/// latencies and in their tail.
const LEAST_MS: [f64; 2] = [1.0, 5.0];

/// The backend is another one, not on a slower machine, if it takes so many times as long and so many milliseconds more.
const BACKEND_TIMES: f64 = 5.0;
const BACKEND_MS: f64 = 10.0;

/// What is to be said about a gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayVerdict {
    /// Same, regressed or cannot tell.
    pub verdict: Verdict,
    /// What is wrong, or could not be told; empty if all is well.
    pub findings: Vec<Finding>,
    /// What the gateway changes and may change.
    pub changes: Vec<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// Something that speaks against the gateway, or keeps the verdict back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Regressed or cannot tell.
    pub verdict: Verdict,
    /// What, in a sentence with both values.
    pub text: String,
}

/// Judges what was found now by a baseline. Without one, the gateway may change no fact, and its latency is only told.
///
/// `margin` is how much more of a ratio matters, as a part: with 0.5, a gateway that doubled a latency may triple it.
#[must_use]
pub fn judge(now: &GatewayRecord, baseline: Option<&GatewayRecord>, margin: f64) -> GatewayVerdict {
    let mut notes = Vec::new();
    let mut findings = Vec::new();
    if let Some(baseline) = baseline {
        if baseline.scenario != now.scenario {
            findings.push(Finding {
                verdict: Verdict::CannotTell,
                text: format!(
                    "the baseline is of another scenario or of other variables ({}, {}); save it again",
                    baseline.scenario.name, baseline.scenario.fingerprint
                ),
            });
            return verdict(findings, Vec::new(), notes);
        }
        if baseline.machine != now.machine {
            notes.push(
                "the baseline is of another machine: latencies are compared as ratios to the direct ones"
                    .to_owned(),
            );
        }
    }
    let (wrong, changes) = facts(now, baseline);
    findings.extend(wrong);
    for latency in &now.added {
        if let Some(before) = baseline.and_then(|baseline| baseline.latency(latency)) {
            findings.extend(slower(latency, before, margin));
        }
    }
    verdict(findings, changes, notes)
}

fn verdict(mut findings: Vec<Finding>, changes: Vec<String>, notes: Vec<String>) -> GatewayVerdict {
    let verdict = if findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Regressed)
    {
        // What more rounds would tell does not matter any more.
        findings.retain(|finding| finding.verdict == Verdict::Regressed);
        Verdict::Regressed
    } else if findings.is_empty() {
        Verdict::Same
    } else {
        Verdict::CannotTell
    };
    GatewayVerdict {
        verdict,
        findings,
        changes,
        notes,
    }
}

/// What facts speak against the gateway, and what it changes as it may.
fn facts(now: &GatewayRecord, baseline: Option<&GatewayRecord>) -> (Vec<Finding>, Vec<String>) {
    let (mut wrong, mut changes) = (Grouped::default(), Grouped::default());
    let mut closed: BTreeSet<&str> = BTreeSet::new();
    let mut absent = Vec::new();
    for fact in &now.facts {
        // Where no connection opens there is nothing else to tell.
        if fact.through.is_empty() && closed.contains(fact.group.as_str()) {
            continue;
        }
        let before = baseline.and_then(|baseline| baseline.fact(fact));
        let expected = before.map_or(&fact.direct, |before| &before.through);
        if fact.subject == Subject::Connects && fact.through.is_empty() {
            absent.push(Finding {
                verdict: Verdict::CannotTell,
                text: format!("no client of {} came through the gateway", fact.group),
            });
            closed.insert(&fact.group);
        } else if differ(&fact.through, expected) {
            wrong.add(fact, through_differs(fact, expected));
            if fact.subject == Subject::Connects {
                closed.insert(&fact.group);
            }
        } else if let Some(before) = before.filter(|before| differ(&fact.direct, &before.direct)) {
            wrong.add(
                fact,
                format!(
                    "{} directly, instead of {}: it is the backend",
                    either(&fact.direct),
                    either(&before.direct)
                ),
            );
        } else if differ(&fact.through, &fact.direct) {
            changes.add(
                fact,
                format!(
                    "{} through the gateway, {} directly",
                    either(&fact.through),
                    either(&fact.direct)
                ),
            );
        }
    }
    let regressed = |text| Finding {
        verdict: Verdict::Regressed,
        text,
    };
    absent.extend(wrong.told().into_iter().map(regressed));
    (absent, changes.told())
}

/// A fact has changed if no run says what any run said before: a single lost message is not a gateway that loses them.
fn differ(now: &BTreeSet<String>, before: &BTreeSet<String>) -> bool {
    now.is_disjoint(before) && !(now.is_empty() && before.is_empty())
}

fn through_differs(fact: &Fact, expected: &BTreeSet<String>) -> String {
    let directly = if differ(&fact.through, &fact.direct) {
        format!("directly it is {}", either(&fact.direct))
    } else {
        "directly too: it is the backend".to_owned()
    };
    let note = fact
        .note
        .as_ref()
        .map_or(String::new(), |note| format!(" ({note})"));
    format!(
        "{}{note} through the gateway, instead of {}; {directly}",
        either(&fact.through),
        either(expected)
    )
}

fn either(values: &BTreeSet<String>) -> String {
    if values.is_empty() {
        return "nothing".to_owned();
    }
    let all: Vec<&str> = values.iter().map(String::as_str).collect();
    format!("\"{}\"", all.join("\" or \""))
}

/// Sentences, each with all the groups that it is true of.
#[derive(Default)]
struct Grouped(Vec<(Subject, String, Vec<String>)>);

impl Grouped {
    fn add(&mut self, fact: &Fact, text: String) {
        let same = |(subject, known, _): &&mut (Subject, String, Vec<String>)| {
            *subject == fact.subject && *known == text
        };
        match self.0.iter_mut().find(same) {
            Some((_, _, groups)) => groups.push(fact.group.clone()),
            None => self.0.push((fact.subject, text, vec![fact.group.clone()])),
        }
    }

    fn told(mut self) -> Vec<String> {
        self.0.sort_by_key(|(subject, ..)| *subject);
        let sentence = |(subject, text, groups): (Subject, String, Vec<String>)| {
            format!("{}: {text} ({})", subject.label(), groups.join(", "))
        };
        self.0.into_iter().map(sentence).collect()
    }
}

/// Whether a latency is worse than in the baseline, or may be.
fn slower(now: &Added, before: &Added, margin: f64) -> Option<Finding> {
    let finding = |verdict, text| Some(Finding { verdict, text });
    let more = now.direct_ms - before.direct_ms;
    if now.is_middle() && now.direct_ms > before.direct_ms * BACKEND_TIMES && more > BACKEND_MS {
        let text = format!(
            "latency: {} of {} is {:.1} ms directly, instead of {:.1} ms: it is the backend that answers {more:.1} ms later",
            now.figure, now.group, now.direct_ms, before.direct_ms
        );
        return finding(Verdict::Regressed, text);
    }
    let least = LEAST_MS[usize::from(!now.is_middle())];
    // On another machine the same gateway adds other milliseconds, but the same share of the direct latency.
    let allowed = (before.ratio * (1.0 + margin) - 1.0) * now.direct_ms;
    let beyond = |ratio: f64| {
        let added = (ratio - 1.0) * now.direct_ms;
        added > allowed && added - before.added_ms() > least
    };
    // What a busy machine does to a run makes it slower, and no gateway is slow only sometimes: if its fastest run is in
    // order, so is the gateway.
    if !beyond(now.least) {
        return None;
    }
    if beyond(now.ratio) && now.low > before.high.unwrap_or(before.ratio) {
        let text = format!(
            "latency: the gateway adds {:.1} ms to {} of {}, {}, instead of {:.1} ms, {}",
            now.added_ms(),
            now.figure,
            now.group,
            times(now),
            before.added_ms(),
            times(before)
        );
        return finding(Verdict::Regressed, text);
    }
    if now.is_decisive() {
        let text = format!(
            "latency: the gateway may add more to {} of {} than it did, {} now: more rounds would tell",
            now.figure,
            now.group,
            times(now)
        );
        return finding(Verdict::CannotTell, text);
    }
    None
}

/// `1.77 times (1.62 to 1.93)`.
fn times(added: &Added) -> String {
    added.high.map_or_else(
        || format!("{:.2} times (one round)", added.ratio),
        |high| format!("{:.2} times ({:.2} to {high:.2})", added.ratio, added.low),
    )
}

#[cfg(test)]
mod tests;
