//! [`Books`]: the equations that hold if nothing was lost, counted twice or forgotten.
//!
//! Whatever is begun comes to exactly one end. A load generator that cannot show this for its own counts has no claim
//! to be believed about the target, so a run whose books do not balance fails.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::sample::{CloseCause, Counter, ErrorClass};

/// The equations of a run: of the total and of each group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Books {
    /// Whether every equation holds.
    pub balanced: bool,
    /// All equations, those of the total first.
    pub equations: Vec<Equation>,
}

/// One whole and the parts that it must be the sum of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equation {
    /// The group it is about; absent for the total.
    pub group: Option<String>,
    /// What it is about.
    pub subject: String,
    /// What was begun.
    pub whole: Term,
    /// How it ended.
    pub parts: Vec<Term>,
    /// The whole less its parts: positive if some have no known end, negative if some ended twice.
    pub difference: i64,
}

/// A named count in an equation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What is counted.
    pub label: String,
    /// How many.
    pub count: u64,
}

impl Books {
    /// Checks the total and every group.
    pub fn check<'a>(total: &Figures, groups: impl IntoIterator<Item = (&'a str, &'a Figures)>) -> Self {
        let mut equations: Vec<Equation> = RULES.iter().map(|rule| rule.apply(None, total)).collect();
        for (name, figures) in groups {
            equations.extend(RULES.iter().map(|rule| rule.apply(Some(name), figures)));
        }
        Self {
            balanced: equations.iter().all(Equation::holds),
            equations,
        }
    }

    /// Whether every equation holds.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.balanced
    }

    /// The equations that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Equation> {
        self.equations.iter().filter(|equation| !equation.holds())
    }
}

impl Equation {
    /// Whether the whole is the sum of its parts.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.difference == 0
    }

    /// The sum of the parts.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.parts.iter().map(|part| part.count).sum()
    }
}

impl fmt::Display for Equation {
    /// `connection attempts: attempted 10 = opened 7 + failed 2: 1 without a known end`; parts that are zero are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = &self.group {
            write!(f, "{group}: ")?;
        }
        let sign = if self.holds() { "=" } else { "≠" };
        write!(
            f,
            "{}: {} {} {sign} ",
            self.subject, self.whole.label, self.whole.count
        )?;
        let mut parts = self.parts.iter().filter(|part| part.count > 0).peekable();
        if parts.peek().is_none() {
            f.write_str("0")?;
        }
        while let Some(part) = parts.next() {
            write!(f, "{} {}", part.label, part.count)?;
            if parts.peek().is_some() {
                f.write_str(" + ")?;
            }
        }
        match self.difference {
            0 => Ok(()),
            missing @ 1.. => write!(f, ": {missing} without a known end"),
            surplus => write!(f, ": {} more ends than begins", surplus.unsigned_abs()),
        }
    }
}

/// An equation before it is applied to figures.
struct Rule {
    subject: &'static str,
    whole: (&'static str, Counter),
    parts: Parts,
}

enum Parts {
    Counters(&'static [(&'static str, Counter)]),
    CloseCauses,
    ConnectErrors,
}

const RULES: [Rule; 10] = [
    Rule {
        subject: "connection attempts",
        whole: ("attempted", Counter::ConnectAttempted),
        parts: Parts::Counters(&[
            ("opened", Counter::ConnectOpened),
            ("failed", Counter::ConnectFailed),
            ("abandoned", Counter::ConnectAbandoned),
        ]),
    },
    Rule {
        subject: "failed attempts",
        whole: ("failed", Counter::ConnectFailed),
        parts: Parts::ConnectErrors,
    },
    Rule {
        subject: "connections",
        whole: ("opened", Counter::ConnectOpened),
        parts: Parts::CloseCauses,
    },
    Rule {
        subject: "messages sent",
        whole: ("sent", Counter::MessagesSent),
        parts: Parts::Counters(&[
            ("one-way", Counter::SentOneWay),
            ("answered", Counter::SentAnswered),
            ("timed out", Counter::SentLostTimeout),
            ("lost with their connection", Counter::SentLostConnection),
            ("in flight", Counter::SentInFlight),
        ]),
    },
    Rule {
        subject: "messages received",
        whole: ("received", Counter::MessagesReceived),
        parts: Parts::Counters(&[
            ("replies", Counter::SentAnswered),
            ("late replies", Counter::RepliesLate),
            ("expected", Counter::ExpectsMet),
            ("taken", Counter::MessagesTaken),
            ("unmatched", Counter::MessagesUnmatched),
        ]),
    },
    Rule {
        subject: "pings",
        whole: ("sent", Counter::PingsSent),
        parts: Parts::Counters(&[
            ("answered", Counter::PingsAnswered),
            ("unanswered", Counter::PingsUnanswered),
            ("in flight", Counter::PingsInFlight),
        ]),
    },
    Rule {
        subject: "memberships",
        whole: ("joined", Counter::RoomsJoined),
        parts: Parts::Counters(&[("left", Counter::RoomsLeft)]),
    },
    Rule {
        subject: "deliveries",
        whole: ("owed", Counter::FanOutOwed),
        parts: Parts::Counters(&[
            ("received", Counter::FanOutReceived),
            ("lost", Counter::FanOutLost),
            ("replaced", Counter::FanOutReplaced),
            ("unsettled", Counter::FanOutUnsettled),
        ]),
    },
    Rule {
        subject: "flows",
        whole: ("started", Counter::FlowsStarted),
        parts: Parts::Counters(&[
            ("completed", Counter::FlowsCompleted),
            ("failed", Counter::FlowsFailed),
            ("interrupted", Counter::FlowsInterrupted),
        ]),
    },
    Rule {
        subject: "expect steps",
        whole: ("started", Counter::ExpectsStarted),
        parts: Parts::Counters(&[
            ("met", Counter::ExpectsMet),
            ("failed", Counter::ExpectsFailed),
            ("interrupted", Counter::ExpectsInterrupted),
        ]),
    },
];

impl Rule {
    fn apply(&self, group: Option<&str>, figures: &Figures) -> Equation {
        let (label, counter) = self.whole;
        let whole = Term::new(label, figures.counter(counter));
        let parts = self.parts.apply(figures);
        let sum: i128 = parts.iter().map(|part| i128::from(part.count)).sum();
        let difference = i128::from(whole.count) - sum;
        Equation {
            group: group.map(str::to_owned),
            subject: self.subject.to_owned(),
            whole,
            parts,
            difference: i64::try_from(difference).unwrap_or(if difference > 0 { i64::MAX } else { i64::MIN }),
        }
    }
}

impl Parts {
    fn apply(&self, figures: &Figures) -> Vec<Term> {
        match self {
            Self::Counters(counters) => counters
                .iter()
                .map(|&(label, counter)| Term::new(label, figures.counter(counter)))
                .collect(),
            Self::CloseCauses => CloseCause::ALL
                .into_iter()
                .map(|cause| Term::new(cause.label(), figures.closed(cause)))
                .collect(),
            Self::ConnectErrors => ErrorClass::ALL
                .into_iter()
                .filter(|class| class.is_connect())
                .map(|class| Term::new(class.label(), figures.errors(class)))
                .collect(),
        }
    }
}

impl Term {
    fn new(label: &str, count: u64) -> Self {
        Self {
            label: label.to_owned(),
            count,
        }
    }
}

#[cfg(test)]
mod tests;
