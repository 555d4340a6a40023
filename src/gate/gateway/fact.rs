//! [`Fact`]: something about a client group that is the same in every run and on every machine, in words.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::metrics::{Counter, ErrorClass, Figures, Side, Summary, Trend};

/// What facts are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Whether connections open.
    Connects,
    /// Who ends connections, and with which codes.
    CloseCodes,
    /// Whether messages are answered.
    Messages,
    /// Whether what is expected comes: headers and subprotocols, where the backend tells what it got.
    Expects,
    /// Whether pings are answered.
    Pings,
    /// The largest message.
    SizeLimit,
    /// Whether messages reach everybody in a room.
    FanOut,
}

impl Subject {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::Connects,
        Self::CloseCodes,
        Self::Messages,
        Self::Expects,
        Self::Pings,
        Self::SizeLimit,
        Self::FanOut,
    ];

    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connects => "connections",
            Self::CloseCodes => "close codes",
            Self::Messages => "messages",
            Self::Expects => "what the backend got and said",
            Self::Pings => "pings",
            Self::SizeLimit => "size limit",
            Self::FanOut => "fan-out",
        }
    }

    /// What helps to understand the value of a run.
    fn note(self, figures: &Figures) -> Option<String> {
        match self {
            Self::Connects => missing_headers(figures),
            Self::CloseCodes => lifetime(figures),
            _ => None,
        }
    }

    /// What one run says about it; `None` if the scenario has nothing of the kind.
    fn value(self, figures: &Figures) -> Option<String> {
        match self {
            Self::Connects => connects(figures),
            Self::CloseCodes => close_codes(figures),
            Self::Messages => messages(figures),
            Self::Expects => expects(figures),
            Self::Pings => pings(figures),
            Self::SizeLimit => size_limit(figures),
            Self::FanOut => fan_out(figures),
        }
    }
}

/// What all runs said about one subject of one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The client group.
    pub group: String,
    /// What it is about.
    pub subject: Subject,
    /// What was seen directly; several if the runs differ among themselves.
    pub direct: BTreeSet<String>,
    /// What was seen through the gateway. Empty if no run came that far.
    pub through: BTreeSet<String>,
    /// More about what was seen through the gateway, which may be another thing each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Everything that the runs say, by group and subject.
pub(super) fn facts(direct_runs: &[&Summary], through_runs: &[&Summary]) -> Vec<Fact> {
    let groups = direct_runs.first().map_or(&[][..], |summary| &summary.groups[..]);
    let mut found = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        for subject in Subject::ALL {
            let values = |side: &[&Summary]| -> BTreeSet<String> {
                let figures = side.iter().filter_map(|summary| summary.groups.get(index));
                figures
                    .filter_map(|group| subject.value(&group.figures))
                    .collect()
            };
            let (direct, through) = (values(direct_runs), values(through_runs));
            if !direct.is_empty() || !through.is_empty() {
                found.push(Fact {
                    group: group.name.clone(),
                    subject,
                    direct,
                    through,
                    note: through_runs
                        .first()
                        .and_then(|summary| subject.note(&summary.groups.get(index)?.figures)),
                });
            }
        }
    }
    found
}

fn connects(figures: &Figures) -> Option<String> {
    if figures.counter(Counter::ConnectAttempted) == 0 {
        return None;
    }
    let failed: Vec<String> = ErrorClass::ALL
        .into_iter()
        .filter(|class| class.is_connect() && figures.errors(*class) > 0)
        .map(|class| in_words(class, figures))
        .collect();
    if failed.is_empty() {
        return Some("all opened".to_owned());
    }
    let which = if figures.counter(Counter::ConnectOpened) == 0 {
        "none opened"
    } else {
        "not all opened"
    };
    Some(format!("{which}: {}", failed.join("; ")))
}

/// What the target answered, without the body of the answer; or the class.
fn in_words(class: ErrorClass, figures: &Figures) -> String {
    match (class, first_text(class, figures)) {
        (ErrorClass::UpgradeRefused | ErrorClass::UpgradeInvalid, Some(text)) => {
            text.split(" (").next().unwrap_or(text).to_owned()
        }
        _ => class.label().to_owned(),
    }
}

fn first_text(class: ErrorClass, figures: &Figures) -> Option<&str> {
    figures.errors.get(&class)?.examples.first().map(String::as_str)
}

/// A client always asks for an upgrade, so a server that misses the request for it did not get the headers.
fn missing_headers(figures: &Figures) -> Option<String> {
    let text = first_text(ErrorClass::UpgradeRefused, figures)?;
    let told = text.contains(" 426 ") && text.contains("header");
    told.then(|| "the headers Upgrade and Connection are not passed on".to_owned())
}

/// Connections that are lost after the same time were lost by somebody's timeout.
fn lifetime(figures: &Figures) -> Option<String> {
    let session = figures.trend(Trend::Session).filter(|_| figures.lost() > 0)?;
    Some(format!("after {:.1} s", session.med / 1_000.0))
}

fn close_codes(figures: &Figures) -> Option<String> {
    let codes = &figures.close_codes;
    let mut told = Vec::new();
    for (side, counts) in [
        (Side::Client, &codes.client),
        (Side::Server, &codes.server),
        (Side::Nobody, &codes.nobody),
    ] {
        let listed: Vec<String> = counts.codes.keys().map(u16::to_string).collect();
        if listed.is_empty() {
            continue;
        }
        told.push(match side {
            Side::Nobody => "connections lost without a Close frame (1006)".to_owned(),
            _ => format!("{} by the {}", listed.join(", "), side.label()),
        });
    }
    (!told.is_empty()).then(|| told.join("; "))
}

fn messages(figures: &Figures) -> Option<String> {
    let owed = figures.counter(Counter::MessagesSent) - figures.counter(Counter::SentOneWay);
    let told = [
        (Counter::SentLostTimeout, "some not answered in time"),
        (Counter::SentLostConnection, "some lost with their connection"),
    ];
    (owed > 0).then(|| described(figures, "all answered", &told))
}

fn expects(figures: &Figures) -> Option<String> {
    let told = [(Counter::ExpectsFailed, "not as expected")];
    (figures.counter(Counter::ExpectsStarted) > 0).then(|| described(figures, "as expected", &told))
}

fn pings(figures: &Figures) -> Option<String> {
    let told = [(Counter::PingsUnanswered, "some not answered")];
    // A refused size costs the ping behind it its answer; that is told as a size limit.
    let counted = figures.counter(Counter::PingsSent) > 0 && figures.size_limits.is_none();
    counted.then(|| described(figures, "all answered", &told))
}

fn fan_out(figures: &Figures) -> Option<String> {
    let told = [
        (Counter::FanOutLost, "some messages lost"),
        (Counter::FanOutDuplicated, "some messages duplicated"),
        (Counter::FanOutDisordered, "some messages out of order"),
    ];
    (figures.counter(Counter::RoomsJoined) > 0).then(|| described(figures, "everybody got everything", &told))
}

fn described(figures: &Figures, well: &str, troubles: &[(Counter, &str)]) -> String {
    let found: Vec<&str> = troubles
        .iter()
        .filter(|(counter, _)| figures.counter(*counter) > 0)
        .map(|(_, text)| *text)
        .collect();
    if found.is_empty() {
        well.to_owned()
    } else {
        found.join("; ")
    }
}

fn size_limit(figures: &Figures) -> Option<String> {
    let limits = figures.size_limits.as_ref()?;
    let accepted = limits.accepted.map_or_else(
        || "nothing accepted".to_owned(),
        |range| format!("{} bytes accepted", range.min),
    );
    // The reason names the backend's own limit and its code; the first words say enough.
    let refusals: Vec<&str> = limits
        .refusals
        .keys()
        .map(|look| look.split_once(": ").map_or(look.as_str(), |(code, _)| code))
        .collect();
    Some(match refusals.as_slice() {
        [] => accepted,
        looks => format!("{accepted}, more refused by {}", looks.join(", ")),
    })
}

#[cfg(test)]
mod tests;
