//! What went wrong, as the workflow commands with which GitHub Actions marks lines of files.
//!
//! `::error file=scenarios/iot.yaml,line=12,title=...::what was found`, a line for each; the runner reads them from the
//! output of a step. Nothing is said of what went well.

use std::fmt::Write as _;

use crate::gate::{Comparison, Verdict as Compared};
use crate::metrics::{ScenarioText, Summary, Verdict as Validity};

use super::verdict::{Check, Verdict};

/// How much attention a line asks for.
#[derive(Clone, Copy)]
enum Level {
    Error,
    Warning,
}

/// The file and line that a message is about, as far as they are known.
#[derive(Default)]
struct Place<'a> {
    file: Option<&'a str>,
    line: Option<usize>,
}

/// One line for each check that a run did not pass.
#[must_use]
pub fn of_run(summary: &Summary) -> String {
    let verdict = Verdict::of(summary);
    let scenario = summary.scenario.as_ref();
    let tolerated = summary.generator.verdict == Validity::Invalid && summary.generator.tolerated;
    let mut out = String::new();
    for check in &verdict.checks {
        let level = match (check.ok, check.kind) {
            (false, _) => Level::Error,
            (true, "generator") if tolerated => Level::Warning,
            (true, _) => continue,
        };
        let title = format!("{}: {}", summary.run.name, check.name);
        command(&mut out, level, &place(check, scenario), &title, &found(check));
    }
    out
}

/// The verdict of a comparison that is no good news, and each figure that is worse.
#[must_use]
pub fn of_comparison(comparison: &Comparison) -> String {
    let level = match comparison.verdict {
        Compared::Improved | Compared::Same => return String::new(),
        Compared::Regressed => Level::Error,
        Compared::CannotTell => Level::Warning,
    };
    let mut out = String::new();
    let nowhere = Place::default();
    let sides = format!("{} with {}", comparison.b.name, comparison.a.name);
    let title = format!("{sides}: {}", comparison.verdict.label());
    command(&mut out, level, &nowhere, &title, &comparison.reason);
    for row in comparison
        .rows
        .iter()
        .filter(|row| row.verdict == Compared::Regressed)
    {
        let group = row
            .group
            .as_deref()
            .map_or(String::new(), |group| format!(" {{{group}}}"));
        let title = format!("{sides}: {}{group} regressed", row.figure);
        let change = format!(
            "{} to {}, {:+.1} % ({:+.1} to {:+.1})",
            row.unit.show(row.a),
            row.unit.show(row.b),
            row.change * 100.0,
            row.low * 100.0,
            row.high * 100.0
        );
        command(&mut out, level, &nowhere, &title, &change);
    }
    out
}

/// A command that could not be carried out. Messages about scenarios begin with `file:line:column: `.
#[must_use]
pub fn of_failure(message: &str) -> String {
    let mut parts = message.splitn(4, ':');
    let (file, line, column) = (parts.next(), parts.next(), parts.next());
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<usize>().ok());
    let place = match (number(line), number(column)) {
        (line @ Some(_), Some(_)) => Place { file, line },
        _ => Place::default(),
    };
    let mut out = String::new();
    command(&mut out, Level::Error, &place, "wsbench", message);
    out
}

fn found(check: &Check) -> String {
    let mut text = check.found.clone();
    for detail in &check.details {
        text.push('\n');
        text.push_str(detail);
    }
    text
}

/// A threshold of the scenario stands in its file; everything else is about the scenario as a whole.
fn place<'a>(check: &Check, scenario: Option<&'a ScenarioText>) -> Place<'a> {
    let Some(scenario) = scenario.filter(|scenario| !scenario.file.is_empty()) else {
        return Place::default();
    };
    Place {
        file: Some(&scenario.file),
        line: (check.kind == "thresholds")
            .then(|| line_of(&check.name, &scenario.text))
            .flatten(),
    }
}

/// The line, counted from 1, of a condition such as `errors: count<1`: the first with the condition from that of the
/// metric on, or that of the metric if the condition is written with variables.
fn line_of(threshold: &str, text: &str) -> Option<usize> {
    let (metric, condition) = threshold.rsplit_once(": ")?;
    let lines: Vec<String> = text.lines().map(bare).collect();
    let (metric, condition) = (bare(metric) + ":", bare(condition));
    let begin = lines
        .iter()
        .position(|line| line == "thresholds:" || line.starts_with("thresholds:{"))?;
    let at = begin + lines[begin..].iter().position(|line| line.contains(&metric))?;
    let further = lines[at..].iter().position(|line| line.contains(&condition));
    Some(at + further.unwrap_or(0) + 1)
}

/// Without blanks and quotes, which YAML and the grammar of conditions leave to whoever writes.
fn bare(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''))
        .collect()
}

fn command(out: &mut String, level: Level, place: &Place<'_>, title: &str, message: &str) {
    let name = match level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    // Writing to a string cannot fail.
    let _ = write!(out, "::{name} ");
    if let Some(file) = place.file {
        let _ = write!(out, "file={},", property(file));
    }
    if let Some(line) = place.line {
        let _ = write!(out, "line={line},");
    }
    let _ = writeln!(out, "title={}::{}", property(title), data(message));
}

/// Text behind the second `::`, which ends with the line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property, which ends with a comma or the `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::{sample, single, unbalanced};

    const SCENARIO: &str = "name: x\nthresholds:\n  errors: count < 10\n  response_time{group:chat}:\n    - avg<100ms\n    - \
                            threshold: 'p(95) < 250ms'\n      abort_on_fail: true\n  messages_lost: rate<${limit}\n";

    #[test]
    fn a_run_that_passed_has_none() {
        assert_eq!(of_run(&single()), "");
    }

    #[test]
    fn each_check_that_failed_has_one() {
        let mut summary = sample();
        summary.scenario = Some(ScenarioText {
            file: "scenarios/a,b.yaml".to_owned(),
            text: SCENARIO.to_owned(),
            variables: Vec::new(),
        });
        insta::assert_snapshot!(of_run(&summary) + &of_run(&unbalanced()));
    }

    #[test]
    fn a_threshold_is_found_in_its_scenario() {
        for (threshold, line) in [
            ("errors: count<10", Some(3)),
            ("response_time{group:chat}: avg<100ms", Some(5)),
            ("response_time{group:chat}: p(95)<250ms", Some(6)),
            ("messages_lost: rate<1%", Some(8)),
            ("connect_time: avg<1s", None),
        ] {
            assert_eq!(line_of(threshold, SCENARIO), line, "{threshold}");
        }
        assert_eq!(line_of("errors: count<10", "name: errors\n"), None);
    }

    #[test]
    fn nothing_in_a_message_ends_it_or_its_properties() {
        let mut out = String::new();
        let place = Place {
            file: Some("a,b:c.yaml"),
            line: Some(7),
        };
        command(
            &mut out,
            Level::Error,
            &place,
            "50%, or: more",
            "first\r\n::error::50%",
        );
        assert_eq!(
            out,
            "::error file=a%2Cb%3Ac.yaml,line=7,title=50%25%2C or%3A more::first%0D%0A::error::50%25\n"
        );
    }

    #[test]
    fn a_failure_points_into_the_scenario_if_it_does() {
        assert_eq!(
            of_failure("x.yaml:4:21: unknown key\n  at stages"),
            "::error file=x.yaml,line=4,title=wsbench::x.yaml:4:21: unknown key%0A  at stages\n"
        );
        assert_eq!(
            of_failure("cannot read x: 1: 2"),
            "::error title=wsbench::cannot read x: 1: 2\n"
        );
    }
}
