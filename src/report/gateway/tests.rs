use super::*;
use crate::gate::{Machine, ScenarioId};

#[test]
fn the_verdict_comes_first_and_then_why_and_what_it_costs() {
    let created = "2026-01-01T00:00:00Z".to_owned();
    let record = GatewayRecord {
        rounds: 5,
        added: vec![Added {
            group: "echo".to_owned(),
            figure: "response p(50)".to_owned(),
            direct_ms: 0.2,
            through_ms: 0.3,
            ratio: 1.5,
            least: 1.5,
            low: 1.4,
            high: Some(1.6),
        }],
        ..GatewayRecord::new(ScenarioId::default(), Machine::default(), created, &[])
    };
    let judged = GatewayVerdict {
        verdict: Verdict::Regressed,
        findings: vec![Finding {
            verdict: Verdict::Regressed,
            text: "size limit: half of it (size)".to_owned(),
        }],
        changes: vec!["close codes: another one (idle)".to_owned()],
        notes: vec!["another machine".to_owned()],
    };
    let text = render("nginx", &record, &judged, Style::default());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "✗ nginx: worse than it should be");
    assert_eq!(lines[1], "  ✗ size limit: half of it (size)");
    for line in [
        "what the gateway changes (5 runs on each way)",
        "  close codes: another one (idle)",
        "  response p(50) {echo}..: 200µs to 300µs, 100µs more, 1.50 times (1.40 to 1.60)",
        "note: another machine",
    ] {
        assert!(lines.contains(&line), "{line:?} in\n{text}");
    }
}
