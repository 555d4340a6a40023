//! Every exit code of wsbench, in one place; `docs/exit-codes.md` shows them to users.
//!
//! The numbers 99, 104 and 105 mean what they mean in k6, so that scripts can be kept. 101 stays free: a Rust program
//! that panics exits with it. 126 and above belong to shells and signals.

use std::process;

use crate::metrics::{Outcome, Summary, ThresholdVerdict};

/// How wsbench ended, as a script sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// All went well.
    Ok = 0,
    /// Something unexpected, such as a worker that could not be started.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A threshold was crossed (as in k6).
    ThresholdCrossed = 99,
    /// Worse than the baseline.
    Regression = 100,
    /// `compare` cannot tell whether anything changed, or the two are not comparable.
    CannotTell = 102,
    /// The generator itself was the bottleneck, so the numbers say nothing about the target.
    RunInvalid = 103,
    /// A scenario, a configuration file or a flag's value is wrong (as in k6).
    BadConfiguration = 104,
    /// Stopped by the user or a signal (as in k6).
    Interrupted = 105,
    /// A conformance case failed.
    ConformanceFailed = 106,
    /// Connections were attempted and not one could be opened.
    TargetUnreachable = 107,
    /// The target served connections and then was gone.
    TargetLost = 108,
    /// wsbench's own counts do not add up.
    BooksUnbalanced = 109,
    /// Connections opened, but no flow completed, and at least as many failed as the end of the run cut off.
    FlowsFailed = 110,
    /// A report of the run, or standard output, could not be written.
    ReportNotWritten = 111,
    /// `connect`: closed by the server with an error, or because it broke the protocol or sent too large a message.
    ConnectionFailed = 112,
}

impl ExitCode {
    /// All of them, in ascending order.
    pub const ALL: [Self; 16] = [
        Self::Ok,
        Self::Internal,
        Self::Usage,
        Self::ThresholdCrossed,
        Self::Regression,
        Self::CannotTell,
        Self::RunInvalid,
        Self::BadConfiguration,
        Self::Interrupted,
        Self::ConformanceFailed,
        Self::TargetUnreachable,
        Self::TargetLost,
        Self::BooksUnbalanced,
        Self::FlowsFailed,
        Self::ReportNotWritten,
        Self::ConnectionFailed,
    ];

    /// The number that the process exits with.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What it means, in a sentence.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Ok => "All went well.",
            Self::Internal => "Something unexpected happened; the message says what.",
            Self::Usage => "The command line is wrong.",
            Self::ThresholdCrossed => "A threshold was crossed.",
            Self::Regression => "The run is worse than its baseline.",
            Self::CannotTell => {
                "The comparison cannot tell whether anything changed, or the two are not comparable."
            }
            Self::RunInvalid => {
                "The generator itself was the bottleneck; the numbers say nothing about the target."
            }
            Self::BadConfiguration => "A scenario, a configuration file or the value of a flag is wrong.",
            Self::Interrupted => {
                "The run was stopped by the user or a signal; its summary is complete up to then."
            }
            Self::ConformanceFailed => "At least one conformance case failed.",
            Self::TargetUnreachable => "Connections were attempted and not one could be opened.",
            Self::TargetLost => "The target served connections and then was gone.",
            Self::BooksUnbalanced => "The run's own counts do not add up; its numbers are not to be trusted.",
            Self::FlowsFailed => {
                "Connections opened, but no flow completed, and at least as many failed as the end of the run cut off."
            }
            Self::ReportNotWritten => "A report of the run, or standard output, could not be written.",
            Self::ConnectionFailed => {
                "The server closed the connection with an error code, broke the protocol, or sent a message larger than the client takes."
            }
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// The exit code of a run.
///
/// Books that do not balance outrank everything, since then no other number can be believed; after that the
/// [`Outcome`] decides whether there was a target, then the generator whether it could test one, and of a run that
/// completed its thresholds. Errors such as reply timeouts or failed flows do not fail a run by themselves, as in k6:
/// thresholds are there to say how many are too many.
#[must_use]
pub const fn for_summary(summary: &Summary) -> ExitCode {
    if !summary.books.balanced {
        return ExitCode::BooksUnbalanced;
    }
    match summary.run.outcome {
        Outcome::Interrupted => ExitCode::Interrupted,
        Outcome::TargetUnreachable => ExitCode::TargetUnreachable,
        Outcome::TargetLost => ExitCode::TargetLost,
        Outcome::Completed | Outcome::FlowsFailed | Outcome::Aborted if summary.generator.fails() => {
            ExitCode::RunInvalid
        }
        Outcome::FlowsFailed => ExitCode::FlowsFailed,
        Outcome::Aborted => ExitCode::ThresholdCrossed,
        Outcome::Completed if matches!(summary.thresholds.verdict, ThresholdVerdict::Crossed) => {
            ExitCode::ThresholdCrossed
        }
        Outcome::Completed => ExitCode::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Counter, Processes, Recorder, RunEnd, RunFacts};
    use std::collections::BTreeSet;
    use std::time::{Duration, UNIX_EPOCH};

    fn summary(end: RunEnd, counts: &[(Counter, u64)]) -> Summary {
        let (recorder, mut senders) = Recorder::new(&["only"], 1, crate::clock::Moment::ZERO);
        let mut sender = senders.remove(0);
        for &(counter, n) in counts {
            sender.shard().add(crate::metrics::GroupId(0), counter, n);
        }
        sender.finish(crate::clock::Moment::ZERO, crate::metrics::Gauges::default());
        let facts = RunFacts {
            name: "test".to_owned(),
            target: "ws://localhost/".to_owned(),
            seed: 1,
            started: UNIX_EPOCH,
            duration: Duration::from_secs(1),
            end,
        };
        Summary::new(facts, &recorder.finish(), Processes::default())
    }

    #[test]
    fn numbers_are_unique_ascending_and_clear_of_panics_and_signals() {
        let numbers: Vec<u8> = ExitCode::ALL.into_iter().map(ExitCode::number).collect();
        assert!(numbers.is_sorted());
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), ExitCode::ALL.len());
        assert!(
            numbers.iter().all(|&number| number != 101 && number < 126),
            "{numbers:?}"
        );
    }

    /// Scripts depend on the numbers, so a change of one must be a change of this list.
    #[test]
    fn the_document_lists_exactly_these_codes() {
        let document = include_str!("../docs/exit-codes.md");
        let rows: Vec<&str> = document
            .lines()
            .filter(|line| line.starts_with("| ") && !line.starts_with("| Code"))
            .collect();
        let expected: Vec<String> = ExitCode::ALL
            .into_iter()
            .map(|code| format!("| {} | {} |", code.number(), code.describe()))
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_generator_that_was_the_bottleneck_outranks_what_flows_did_but_not_what_the_target_did() {
        use crate::metrics::Verdict;
        use Counter::{FlowsFailed, FlowsStarted};
        let invalid = |end, counts: &[(Counter, u64)], tolerated| {
            let mut summary = summary(end, counts);
            summary.generator.verdict = Verdict::Invalid;
            summary.generator.tolerated = tolerated;
            for_summary(&summary)
        };
        let failed = [(FlowsStarted, 1), (FlowsFailed, 1)];
        assert_eq!(invalid(RunEnd::Completed, &[], false), ExitCode::RunInvalid);
        assert_eq!(invalid(RunEnd::Completed, &failed, false), ExitCode::RunInvalid);
        assert_eq!(invalid(RunEnd::Completed, &failed, true), ExitCode::FlowsFailed);
        assert_eq!(invalid(RunEnd::Completed, &[], true), ExitCode::Ok);
        assert_eq!(invalid(RunEnd::Interrupted, &[], false), ExitCode::Interrupted);
        let died = RunEnd::ServerExited("killed".to_owned());
        assert_eq!(invalid(died, &[], false), ExitCode::TargetLost);
        assert_eq!(
            invalid(RunEnd::Completed, &[(FlowsStarted, 1)], false),
            ExitCode::BooksUnbalanced
        );
    }

    #[test]
    fn a_run_is_judged_by_its_books_first_and_then_by_its_outcome() {
        use Counter::{ConnectAbandoned, ConnectAttempted, FlowsFailed, FlowsStarted};
        let cases = [
            (RunEnd::Completed, &[][..], ExitCode::Ok),
            (
                RunEnd::Interrupted,
                &[(ConnectAttempted, 1)],
                ExitCode::BooksUnbalanced,
            ),
            (
                RunEnd::Interrupted,
                &[(ConnectAttempted, 1), (ConnectAbandoned, 1)],
                ExitCode::Interrupted,
            ),
            (
                RunEnd::Completed,
                &[(ConnectAttempted, 1), (ConnectAbandoned, 1)],
                ExitCode::TargetUnreachable,
            ),
            (
                RunEnd::ServerExited("exit status 1".to_owned()),
                &[],
                ExitCode::TargetLost,
            ),
            (
                RunEnd::Completed,
                &[(FlowsStarted, 1), (FlowsFailed, 1)],
                ExitCode::FlowsFailed,
            ),
        ];
        for (end, counts, code) in cases {
            assert_eq!(
                for_summary(&summary(end.clone(), counts)),
                code,
                "{end:?} {counts:?}"
            );
        }
    }

    #[test]
    fn thresholds_decide_about_a_run_that_completed_and_about_one_that_they_ended() {
        let crossed = |end| {
            let mut summary = summary(end, &[]);
            summary.thresholds.verdict = ThresholdVerdict::Crossed;
            for_summary(&summary)
        };
        assert_eq!(crossed(RunEnd::Completed), ExitCode::ThresholdCrossed);
        assert_eq!(crossed(RunEnd::Interrupted), ExitCode::Interrupted);
        assert_eq!(
            for_summary(&summary(
                RunEnd::ThresholdCrossed("errors: count<1".to_owned()),
                &[]
            )),
            ExitCode::ThresholdCrossed
        );
        let mut passed = summary(RunEnd::Completed, &[]);
        passed.thresholds.verdict = ThresholdVerdict::Passed;
        assert_eq!(for_summary(&passed), ExitCode::Ok);
    }
}
