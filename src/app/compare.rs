//! `wsbench compare`: two baselines, two targets, or one of each.

use crate::cli::{AcceptArg, AnnotationsArg, CompareArgs};
use crate::exit::ExitCode;
use crate::gate::{Aspect, Baseline, CompareOptions, Comparison, Verdict, compare as judge};
use crate::report::{self, annotations};

use super::baselines;
use super::failure::Failure;
use super::output;
use super::publish;
use super::repeats::{Side, repeat};

/// One side of the comparison before its runs.
enum Given {
    Stored(Box<Baseline>),
    Target(Side),
}

/// Runs what must be run, compares, tells.
pub(super) fn compare(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let mut a = given("A ", &args.a, args)?;
    let mut b = given("B ", &args.b, args)?;
    let mut live: Vec<&mut Side> = [&mut a, &mut b]
        .into_iter()
        .filter_map(|given| match given {
            Given::Target(side) => Some(side),
            Given::Stored(_) => None,
        })
        .collect();
    let interleaved = live.len() == 2;
    repeat(&mut live, args.repeat, &args.load)?;
    let options = CompareOptions {
        margin: args.margin / 100.0,
        accept: args.accept.iter().copied().map(aspect).collect(),
        interleaved,
    };
    let comparison = judge(&finished(a)?, &finished(b)?, &options);
    let written = show(&comparison, args)?;
    let code = match comparison.verdict {
        Verdict::Improved | Verdict::Same => ExitCode::Ok,
        Verdict::Regressed => ExitCode::Regression,
        Verdict::CannotTell => ExitCode::CannotTell,
    };
    Ok(publish::exit_code(code, written))
}

fn given(mark: &'static str, text: &str, args: &CompareArgs) -> Result<Given, Failure> {
    let is_target = text == "embedded" || text.contains("://");
    if !is_target {
        let baseline = baselines::read(text, &args.folder.baselines)?;
        return Ok(Given::Stored(Box::new(baseline)));
    }
    let Some(scenario) = &args.scenario else {
        return Err(Failure::configuration(format!(
            "{text} is a target, so `--scenario FILE` must say what to run against it"
        )));
    };
    Side::new(mark, scenario, Some(text), &args.load).map(Given::Target)
}

fn finished(given: Given) -> Result<Baseline, Failure> {
    match given {
        Given::Stored(baseline) => Ok(*baseline),
        Given::Target(side) => {
            let name = side.target().to_owned();
            side.into_baseline(&name)
        }
    }
}

const fn aspect(accepted: AcceptArg) -> Aspect {
    match accepted {
        AcceptArg::Scenario => Aspect::Scenario,
        AcceptArg::Version => Aspect::Version,
        AcceptArg::Machine => Aspect::Machine,
    }
}

/// Prints the comparison and writes the file if one was asked for; tells whether that succeeded.
fn show(comparison: &Comparison, args: &CompareArgs) -> Result<bool, Failure> {
    let mut written = output::print(|style| report::comparison::render(comparison, style));
    if let Some(AnnotationsArg::Github) = args.annotations {
        written &= output::say(&annotations::of_comparison(comparison));
    }
    if let Some(path) = &args.export {
        let text = serde_json::to_string_pretty(comparison).map_err(Failure::internal)? + "\n";
        written &= publish::write_json(path, &text);
    }
    Ok(written)
}
