//! [`Outcome`]: how a run ended, judged from what was counted.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::sample::{Counter, ErrorClass};

/// RFC 6455 7.4.1: the endpoint is going away, as a server that stops.
const GOING_AWAY: u16 = 1001;

/// Why the load engine stopped, as the one who drove it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// The plan was carried out.
    Completed,
    /// The user, or a signal, stopped it.
    Interrupted,
    /// The embedded server ended before the run did; the text says how, as `killed by signal 9`.
    ServerExited(String),
    /// All connections were gone and no new one could be opened for so long that the run was given up.
    TargetLost,
    /// A threshold that asks for it was crossed; the text is the threshold with the value that crossed it.
    ThresholdCrossed(String),
}

/// How a run ended.
///
/// Errors alone change no outcome: timeouts, refused connects and failed flows are for thresholds to judge. What is
/// judged here is whether there was a target and whether it stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The plan was carried out.
    Completed,
    /// The user, or a signal, stopped it.
    Interrupted,
    /// Connections were attempted and not one could be opened.
    TargetUnreachable,
    /// The target served connections and then was gone.
    TargetLost,
    /// Connections opened, but no flow completed, and at least as many failed as the end of the run cut off.
    FlowsFailed,
    /// A threshold that asks for it was crossed.
    Aborted,
}

impl Outcome {
    /// The outcome and, unless the run completed, the reason in a sentence.
    ///
    /// In this order, the first that holds: interrupted; aborted by a threshold; lost with the embedded server; unreachable (attempted, none
    /// opened); lost as the engine or the counts tell; no flow worked; completed.
    #[must_use]
    pub fn judge(end: &RunEnd, total: &Figures) -> (Self, Option<String>) {
        let attempted = total.counter(Counter::ConnectAttempted);
        let opened = total.counter(Counter::ConnectOpened);
        if *end == RunEnd::Interrupted {
            return (
                Self::Interrupted,
                Some("stopped before the plan was carried out".to_owned()),
            );
        }
        if let RunEnd::ThresholdCrossed(which) = end {
            return (
                Self::Aborted,
                Some(format!("stopped early by the threshold {which}")),
            );
        }
        if let RunEnd::ServerExited(how) = end {
            return (
                Self::TargetLost,
                Some(format!("the embedded server ended during the run: {how}")),
            );
        }
        if attempted > 0 && opened == 0 {
            return (Self::TargetUnreachable, Some(unreachable(attempted, total)));
        }
        if *end == RunEnd::TargetLost {
            let reason = format!(
                "all connections were gone and no new one could be opened{}",
                first_error(total)
            );
            return (Self::TargetLost, Some(reason));
        }
        if let Some(reason) = gone(total) {
            return (Self::TargetLost, Some(reason));
        }
        if let Some(reason) = no_flow_worked(total) {
            return (Self::FlowsFailed, Some(reason));
        }
        (Self::Completed, None)
    }

    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::TargetUnreachable => "target unreachable",
            Self::TargetLost => "target lost",
            Self::FlowsFailed => "flows failed",
            Self::Aborted => "aborted by a threshold",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

fn unreachable(attempted: u64, total: &Figures) -> String {
    let attempts = if attempted == 1 {
        "1 attempt".to_owned()
    } else {
        format!("{attempted} attempts")
    };
    format!(
        "no connection could be opened in {attempts}{}",
        first_error(total)
    )
}

/// Whether the counts show that the target went away, and how: every connection was lost without a Close frame, or
/// connections were lost or sent away (1001) and nothing listened afterwards.
///
/// Some lost connections while others live on are no such sign: proxies and servers cut single connections every day.
fn gone(total: &Figures) -> Option<String> {
    let (opened, lost) = (total.counter(Counter::ConnectOpened), total.lost());
    if lost > 0 && lost == opened {
        return Some(format!("all {opened} connections ended without a Close frame"));
    }
    let sent_away = total
        .close_codes
        .server
        .codes
        .get(&GOING_AWAY)
        .copied()
        .unwrap_or(0);
    let refused = total.errors(ErrorClass::Refused);
    (lost + sent_away > 0 && refused > 0).then(|| {
        format!(
            "{lost} connections ended without a Close frame and {sent_away} with code 1001, and {refused} connects were refused"
        )
    })
}

/// Whether no flow completed although they had the time to. Where flows are endless loops none completes in a good run
/// either, but then the end of the run cuts off nearly all of them and few fail.
fn no_flow_worked(total: &Figures) -> Option<String> {
    let [completed, failed, cut_off] = [
        Counter::FlowsCompleted,
        Counter::FlowsFailed,
        Counter::FlowsInterrupted,
    ]
    .map(|counter| total.counter(counter));
    (completed == 0 && failed > 0 && failed >= cut_off).then(|| {
        format!(
            "{failed} flows failed, the end of the run cut off {cut_off} and none completed{}",
            first_error(total)
        )
    })
}

/// `: connection refused: <its first text>`, of the most frequent class of error.
fn first_error(total: &Figures) -> String {
    let Some((class, error)) = total.errors.iter().max_by_key(|(_, error)| error.count) else {
        return String::new();
    };
    match error.examples.first() {
        Some(text) => format!(": {}: {text}", class.label()),
        None => format!(": {}", class.label()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{CloseCause, Side, Tally};
    use std::time::Duration;

    fn judge(end: &RunEnd, build: impl FnOnce(&mut Tally)) -> (Outcome, String) {
        let mut tally = Tally::default();
        build(&mut tally);
        let (outcome, reason) = Outcome::judge(end, &Figures::new(&tally, Duration::from_secs(1)));
        (outcome, reason.unwrap_or_default())
    }

    fn opened(tally: &mut Tally, n: u64) {
        tally.add(Counter::ConnectAttempted, n);
        tally.add(Counter::ConnectOpened, n);
    }

    #[test]
    fn nothing_opened_is_unreachable_and_names_the_first_error() {
        let (outcome, reason) = judge(&RunEnd::Completed, |tally| {
            tally.add(Counter::ConnectAttempted, 5);
            tally.add(Counter::ConnectFailed, 5);
            (0..5).for_each(|_| {
                tally.error(ErrorClass::Refused, || {
                    "127.0.0.1:9: connection refused".to_owned()
                });
            });
        });
        assert_eq!(outcome, Outcome::TargetUnreachable);
        assert_eq!(
            reason,
            "no connection could be opened in 5 attempts: connection refused: 127.0.0.1:9: connection refused"
        );
    }

    #[test]
    fn a_server_killed_midway_is_lost() {
        let all_cut = judge(&RunEnd::Completed, |tally| {
            opened(tally, 2);
            (0..2).for_each(|_| tally.ended(CloseCause::PeerEof));
        });
        assert_eq!(all_cut.0, Outcome::TargetLost);

        let cut_and_refused = judge(&RunEnd::Completed, |tally| {
            opened(tally, 2);
            tally.ended(CloseCause::ClientClosed);
            tally.ended(CloseCause::TransportError);
            tally.error(ErrorClass::Refused, String::new);
        });
        assert_eq!(cut_and_refused.0, Outcome::TargetLost);

        let stopped_politely = judge(&RunEnd::Completed, |tally| {
            opened(tally, 1);
            tally.ended(CloseCause::ServerClosed);
            tally.close_code(Side::Server, GOING_AWAY);
            tally.error(ErrorClass::Refused, String::new);
        });
        assert_eq!(stopped_politely.0, Outcome::TargetLost);

        let told = judge(&RunEnd::ServerExited("killed by signal 9".to_owned()), |tally| {
            opened(tally, 1);
        });
        assert_eq!((told.0, told.1.contains("signal 9")), (Outcome::TargetLost, true));

        let given_up = judge(&RunEnd::TargetLost, |tally| {
            opened(tally, 3);
            tally.ended(CloseCause::PeerEof);
            tally.error(ErrorClass::ConnectTimeout, || "no answer within 5s".to_owned());
        });
        assert_eq!(given_up.0, Outcome::TargetLost);
        assert!(given_up.1.contains("no answer within 5s"), "{}", given_up.1);
    }

    #[test]
    fn single_errors_and_lost_connections_are_for_thresholds_to_judge() {
        let (outcome, _) = judge(&RunEnd::Completed, |tally| {
            opened(tally, 10);
            tally.ended(CloseCause::PeerEof);
            (0..9).for_each(|_| tally.ended(CloseCause::ClientClosed));
            tally.add(Counter::FlowsCompleted, 9);
            tally.add(Counter::FlowsFailed, 1);
            tally.error(ErrorClass::ReplyTimeout, String::new);
        });
        assert_eq!(outcome, Outcome::Completed);
    }

    #[test]
    fn a_run_in_which_no_flow_worked_did_not_just_complete() {
        let (outcome, reason) = judge(&RunEnd::Completed, |tally| {
            opened(tally, 3);
            (0..3).for_each(|_| tally.ended(CloseCause::ClientClosed));
            tally.add(Counter::FlowsFailed, 3);
            tally.error(ErrorClass::ExpectTimeout, || "no match within 5s".to_owned());
        });
        assert_eq!(outcome, Outcome::FlowsFailed);
        assert!(
            reason.ends_with("expected message timed out: no match within 5s"),
            "{reason}"
        );
    }

    #[test]
    fn endless_flows_that_the_end_cuts_off_have_not_failed() {
        let of = |failed, cut_off| {
            judge(&RunEnd::Completed, |tally| {
                opened(tally, 3);
                tally.add(Counter::FlowsFailed, failed);
                tally.add(Counter::FlowsInterrupted, cut_off);
            })
            .0
        };
        assert_eq!(
            [of(1, 3), of(3, 3), of(0, 3)],
            [Outcome::Completed, Outcome::FlowsFailed, Outcome::Completed]
        );
    }

    #[test]
    fn an_interrupt_outranks_what_it_caused() {
        assert_eq!(
            judge(&RunEnd::Interrupted, |tally| tally
                .add(Counter::ConnectAttempted, 1))
            .0,
            Outcome::Interrupted
        );
        assert_eq!(judge(&RunEnd::Completed, |_| {}).0, Outcome::Completed);
        let (outcome, reason) = judge(
            &RunEnd::ThresholdCrossed("errors: count<1, which is 7".to_owned()),
            |tally| tally.add(Counter::ConnectAttempted, 1),
        );
        assert_eq!(outcome, Outcome::Aborted);
        assert!(reason.ends_with("errors: count<1, which is 7"), "{reason}");
    }
}
