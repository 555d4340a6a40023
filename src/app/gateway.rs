//! `wsbench gateway compare`: a scenario directly and through a gateway, in turns.

use std::io::{Write, stderr};
use std::sync::Arc;
use std::time::SystemTime;

use crate::cli::{GatewayArgs, GatewayCommand, GatewayCompareArgs, LoadArgs};
use crate::exit::{self, ExitCode};
use crate::gate::{GatewayRecord, GatewayVerdict, Round, ScenarioId, Verdict, judge_gateway};
use crate::metrics::{Outcome, Summary, rfc3339};
use crate::report::{self, Redactor};
use crate::scenario::Plan;

use super::carry_out::quietly;
use super::failure::Failure;
use super::prepare::Prepared;
use super::{baselines, output, publish, repeats};

/// One of the two ways.
struct Way {
    /// For the lines of progress.
    mark: &'static str,
    plan: Arc<Plan>,
    /// Without its secrets.
    url: String,
    redactor: Redactor,
}

/// Does what `args` ask for.
pub(super) fn gateway(args: &GatewayArgs) -> Result<ExitCode, Failure> {
    match &args.command {
        GatewayCommand::Compare(args) => compare(args),
    }
}

/// Runs, judges, tells, keeps.
fn compare(args: &GatewayCompareArgs) -> Result<ExitCode, Failure> {
    let baseline = args.baseline.as_deref();
    let baseline = baseline
        .map(|name| {
            baselines::load(name, &args.folder.baselines, |text| {
                GatewayRecord::from_json(text).map_err(|error| error.to_string())
            })
        })
        .transpose()?;
    if let Some(name) = &args.save {
        baselines::prepare(&baselines::path_of(name, &args.folder.baselines))?;
    }
    let ways = [
        Way::new("directly", &args.direct, args)?,
        Way::new("through the gateway", &args.through, args)?,
    ];
    let scenario = ScenarioId {
        name: ways[0].plan.name.clone(),
        fingerprint: ways[0].plan.fingerprint.clone(),
    };
    let rounds = rounds(&ways, args)?;
    let record = GatewayRecord::new(scenario, repeats::machine(), rfc3339(SystemTime::now()), &rounds);
    let verdict = judge_gateway(&record, baseline.as_ref(), f64::from(args.margin) / 100.0);
    let name = args.name.as_deref().unwrap_or(&ways[1].url);
    let written = show(name, &record, &verdict, args)?;
    let code = match verdict.verdict {
        Verdict::Same | Verdict::Improved => ExitCode::Ok,
        Verdict::Regressed => ExitCode::Regression,
        Verdict::CannotTell => ExitCode::CannotTell,
    };
    Ok(publish::exit_code(code, written))
}

impl Way {
    fn new(mark: &'static str, url: &str, args: &GatewayCompareArgs) -> Result<Self, Failure> {
        let prepared = Prepared::new(&args.scenario, Some(url), &args.load)?.without_thresholds();
        Ok(Self {
            mark,
            url: prepared.target(),
            plan: Arc::new(prepared.plan),
            redactor: prepared.redactor,
        })
    }

    fn run(&self, load: &LoadArgs, number: usize, of: u16) -> Result<Summary, Failure> {
        let done = quietly(&self.plan, load)?;
        let summary = publish::clean(&done.summary.without_series(), &self.redactor)?;
        if !load.quiet {
            let run = &summary.run;
            // A courtesy: a closed standard error is no reason to end.
            let _ = writeln!(
                stderr(),
                "{number}/{of} {}: {} in {:.1}s",
                self.mark,
                run.outcome,
                run.duration_s
            );
        }
        Ok(summary)
    }

    /// A run that says nothing about the target, or nothing about the gateway because the backend itself fails.
    fn failed(&self, summary: &Summary) -> Failure {
        let reason = summary.run.reason.as_deref();
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        Failure {
            message: format!(
                "the run {} ({}) ended as {}{reason}; nothing was judged or saved",
                self.mark, self.url, summary.run.outcome
            ),
            code: exit::for_summary(summary),
        }
    }
}

/// Both ways in turns: direct, through, through, direct. A gateway that lets nobody in is not asked again.
fn rounds(ways: &[Way; 2], args: &GatewayCompareArgs) -> Result<Vec<Round>, Failure> {
    let [direct_way, through_way] = ways;
    let mut rounds = Vec::new();
    for number in 1..=usize::from(args.repeat) {
        let run = |way: &Way| {
            let summary = way.run(&args.load, number, args.repeat)?;
            if says_nothing(&summary) {
                return Err(way.failed(&summary));
            }
            Ok(summary)
        };
        let (direct, through) = if number % 2 == 1 {
            let direct = run(direct_way)?;
            (direct, run(through_way)?)
        } else {
            let through = run(through_way)?;
            (run(direct_way)?, through)
        };
        if direct.run.outcome != Outcome::Completed {
            return Err(direct_way.failed(&direct));
        }
        let unreachable = through.run.outcome == Outcome::TargetUnreachable;
        rounds.push(Round { direct, through });
        if unreachable {
            break;
        }
    }
    Ok(rounds)
}

/// Whether a run ended in a way that is neither the backend's nor the gateway's doing.
fn says_nothing(summary: &Summary) -> bool {
    matches!(
        exit::for_summary(summary),
        ExitCode::Interrupted | ExitCode::BooksUnbalanced | ExitCode::RunInvalid
    )
}

/// Prints what was found and writes the files that were asked for; tells whether that succeeded.
fn show(
    name: &str,
    record: &GatewayRecord,
    verdict: &GatewayVerdict,
    args: &GatewayCompareArgs,
) -> Result<bool, Failure> {
    let mut written = output::print(|style| report::gateway::render(name, record, verdict, style));
    if let Some(path) = &args.export {
        let both = serde_json::json!({"record": record, "judged": verdict});
        let text = serde_json::to_string_pretty(&both).map_err(Failure::internal)? + "\n";
        written &= publish::write_json(path, &text);
    }
    let Some(name) = &args.save else {
        return Ok(written);
    };
    let path = baselines::path_of(name, &args.folder.baselines);
    let text = record.to_json().map_err(Failure::internal)?;
    if publish::write_json(&path, &text) {
        Ok(written & output::say(&format!("saved as {}\n", path.display())))
    } else {
        Ok(false)
    }
}
