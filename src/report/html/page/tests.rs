use super::*;
use crate::report::text::tests::{full, single, three_seconds, unbalanced};

#[test]
fn the_verdict_comes_first() {
    for (summary, word) in [(single(), "Passed"), (full(), "Failed"), (unbalanced(), "Failed")] {
        let page = render(&summary).unwrap();
        let body = page.split_once("<body>").unwrap().1;
        let text: String = body
            .split('<')
            .filter_map(|tag| tag.split_once('>'))
            .map(|(_, text)| text)
            .collect();
        assert!(
            text.trim_start_matches(['✓', '✗']).starts_with(word),
            "{}",
            &text[..100]
        );
    }
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let page = render(&full()).unwrap().to_lowercase();
    for forbidden in [
        "<script",
        "<link",
        "<img",
        "<iframe",
        "@import",
        "url(",
        " src=",
        " href=",
        "javascript:",
        " onload",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn what_a_peer_sent_stays_text() {
    let mut summary = full();
    let attack = "</style><script>alert(1)</script>\"onmouseover='x'";
    summary.run.name = attack.to_owned();
    summary.run.reason = Some(attack.to_owned());
    for error in summary.total.errors.values_mut() {
        error.examples = vec![attack.to_owned()];
    }
    summary.scenario.as_mut().unwrap().text = attack.to_owned();
    let page = render(&summary).unwrap();
    assert!(!page.contains("<script"));
    assert!(!page.contains("\"onmouseover"));
    assert!(page.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn every_part_is_there() {
    let page = render(&full()).unwrap();
    for part in [
        "Checks",
        "Latency",
        "Counts",
        "Errors",
        "What the run cost",
        "Books",
        "Scenario",
        "Environment",
    ] {
        assert!(page.contains(&format!(">{part}</h2>")), "{part}");
    }
    for value in [
        "Some CPU",
        "8 GiB",
        "name: iot",
        "clients=5",
        "upstream has no capacity",
        "response_time{group:sensors}: p(95)&lt;250ms",
        "gateways",
    ] {
        assert!(page.contains(value), "{value}");
    }
}

#[test]
fn a_run_as_a_page() {
    let page = render(&Summary {
        scenario: full().scenario,
        environment: full().environment,
        ..three_seconds()
    });
    // A line for each tag; the style sheet has a file of its own.
    let page = page
        .unwrap()
        .replace(STYLE, "style.css")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        .replace("><", ">\n<");
    insta::assert_snapshot!(page);
}

/// It is attached to messages and kept for each build.
#[test]
fn a_page_stays_small_however_long_the_run() {
    const KIB: usize = 1024;
    let short = three_seconds();
    let mut long = short.clone();
    long.series.points = short.series.points.iter().cycle().take(300).cloned().collect();
    for (second, point) in long.series.points.iter_mut().enumerate() {
        point.at_s = second as f64;
    }
    let (short, long) = (render(&short).unwrap().len(), render(&long).unwrap().len());
    assert!(short < 64 * KIB, "{short}");
    assert!(long < 256 * KIB, "{long}");
}
