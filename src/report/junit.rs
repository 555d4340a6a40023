//! The verdict as JUnit's XML, in the form that Jenkins and GitLab read: one test case for each check.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::metrics::Summary;

use super::ReportError;
use super::page::Style;
use super::text;
use super::verdict::{Check, Verdict};

type Xml = Writer<Vec<u8>>;

/// One suite with the scenario's name. What failed says why in its message; the text summary is the suite's output.
pub(super) fn render(summary: &Summary) -> Result<Vec<u8>, ReportError> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    suites(&mut xml, summary).map_err(ReportError::Xml)?;
    let mut file = xml.into_inner();
    file.push(b'\n');
    Ok(file)
}

fn suites(xml: &mut Xml, summary: &Summary) -> io::Result<()> {
    let verdict = Verdict::of(summary);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("testsuites")
        .write_inner_content(|xml| suite(xml, summary, &verdict))?;
    Ok(())
}

fn suite(xml: &mut Xml, summary: &Summary, verdict: &Verdict) -> io::Result<()> {
    let run = &summary.run;
    let failures = verdict.checks.iter().filter(|check| !check.ok).count();
    let name = format!("wsbench {}", valid(&run.name));
    let (tests, failures, time) = (
        verdict.checks.len().to_string(),
        failures.to_string(),
        format!("{:.3}", run.duration_s),
    );
    let attributes = [
        ("name", name.as_str()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", "0"),
        ("skipped", "0"),
        ("time", &time),
        // The schema's readers take a local time without a zone.
        ("timestamp", run.started.trim_end_matches('Z')),
    ];
    xml.create_element("testsuite")
        .with_attributes(attributes)
        .write_inner_content(|xml| {
            properties(xml, summary)?;
            for check in &verdict.checks {
                case(xml, &run.name, check)?;
            }
            let output = text::render(summary, Style::default());
            xml.create_element("system-out")
                .write_text_content(BytesText::new(&valid(&output)))?;
            Ok(())
        })?;
    Ok(())
}

fn properties(xml: &mut Xml, summary: &Summary) -> io::Result<()> {
    let run = &summary.run;
    let seed = run.seed.to_string();
    xml.create_element("properties").write_inner_content(|xml| {
        for (name, value) in [
            ("run", &run.id),
            ("target", &run.target),
            ("seed", &seed),
            ("version", &run.version),
        ] {
            xml.create_element("property")
                .with_attributes([("name", name), ("value", &*valid(value))])
                .write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case(xml: &mut Xml, scenario: &str, check: &Check) -> io::Result<()> {
    let class = format!("wsbench.{}.{}", valid(scenario), check.kind);
    let name = valid(&check.name);
    let element = xml.create_element("testcase").with_attributes([
        ("name", &*name),
        ("classname", &class),
        ("time", "0"),
    ]);
    if check.ok {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|xml| {
        let message = valid(&format!("{}: {}", check.name, check.found));
        xml.create_element("failure")
            .with_attributes([("message", &*message), ("type", check.kind)])
            .write_text_content(BytesText::new(&valid(&check.details.join("\n"))))?;
        Ok(())
    })?;
    Ok(())
}

/// Without the characters that XML 1.0 (2.2) has no way to write; error texts may hold what a peer sent.
fn valid(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => c,
            _ => '\u{fffd}',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::{sample, single, unbalanced};

    fn text(summary: &Summary) -> String {
        String::from_utf8(render(summary).unwrap()).unwrap()
    }

    #[test]
    fn a_run_that_passed() {
        insta::assert_snapshot!(text(&single()));
    }

    #[test]
    fn thresholds_are_test_cases() {
        let text = text(&sample());
        let (cases, _) = text.split_once("<system-out>").unwrap();
        insta::assert_snapshot!(cases);
    }

    #[test]
    fn a_run_that_failed_says_why() {
        insta::assert_snapshot!(text(&unbalanced()));
    }

    #[test]
    fn what_xml_cannot_write_is_replaced() {
        assert_eq!(
            valid("a\u{0}b\u{1b}[31mc\u{ffff}\nµ"),
            "a\u{fffd}b\u{fffd}[31mc\u{fffd}\nµ"
        );
    }
}
