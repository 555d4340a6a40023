//! Recordings to scenarios.

use super::*;
use crate::scenario::{Op, Overrides, Plan, from_str};

const CHAT: &str = include_str!("../../../tests/data/har/chat.har");

fn import(har: &str, keep_secrets: bool) -> (String, Plan) {
    let yaml = import_har("recorded", har, HarOptions { keep_secrets }).unwrap();
    let plan = from_str("recorded.yaml", &yaml, &Overrides::default())
        .unwrap_or_else(|errors| panic!("{errors}\n{yaml}"));
    (yaml, plan)
}

#[test]
fn a_recording_becomes_a_scenario_with_a_kind_of_client_for_each_socket() {
    let (yaml, plan) = import(CHAT, false);
    insta::assert_snapshot!(yaml);
    let names: Vec<&str> = plan.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["chat-lobby", "feed"]);
    assert_eq!(plan.max_connections(), 2);
    let sends = |ops: &[Op]| ops.iter().filter(|op| matches!(op, Op::Send(_))).count();
    assert_eq!(sends(&plan.groups[0].flow), 3);
}

#[test]
fn no_secret_is_written_unless_that_is_asked_for() {
    const SECRETS: [&str; 4] = ["hunter2", "eyJhbGciOiJIUzI1NiJ9", "s3ss10n", "q-t0ken"];
    let (guarded, _) = import(CHAT, false);
    let (kept, _) = import(CHAT, true);
    for secret in SECRETS {
        assert!(!guarded.contains(secret), "{secret}\n{guarded}");
        assert!(kept.contains(secret), "{secret}\n{kept}");
    }
}

#[test]
fn texts_come_back_as_they_were_whatever_is_in_them() {
    for text in [
        "${seq}",
        "$${x}",
        "a\"b\\c\n\u{85}\u{2028}",
        "{\"a\": \"${b}\"}",
        "- x: [",
        "é😀",
        "",
    ] {
        let har = serde_json::json!({"log": {"entries": [{
            "request": {"url": "wss://host/?a=${b}", "headers": []},
            "_webSocketMessages": [{"type": "send", "time": 1.0, "opcode": 1, "data": text}],
        }]}});
        let (_, plan) = import(&har.to_string(), false);
        let Some(Op::Send(send)) = plan.groups[0].flow.iter().find(|op| matches!(op, Op::Send(_))) else {
            panic!("a message")
        };
        assert_eq!(send.payload.as_literal(), Some(text.as_bytes()), "{text}");
    }
}

#[test]
fn what_is_no_recording_is_told() {
    let error = |har: &str| {
        import_har("x", har, HarOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert!(error("{}").starts_with("not an HTTP Archive"));
    assert!(error("no json").starts_with("not an HTTP Archive"));
    assert!(error(r#"{"log":{"entries":[]}}"#).contains("no WebSocket messages"));
}
