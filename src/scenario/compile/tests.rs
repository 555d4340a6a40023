use std::collections::BTreeMap;
use std::time::Duration;

use super::Overrides;
use crate::scenario::{
    ClosedStage, Correlation, Delay, LoadModel, LoopOp, Matcher, Op, PayloadKind, Plan, RenderContext,
    ReplySpec, SendOp, TargetSpec, from_str,
};

const STAGES: &str = "stages:\n  - {duration: 10s, clients: 5}\n";

fn compile(text: &str) -> Plan {
    from_str("test.yaml", text, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The instructions of a flow, given as the lines of its list.
fn flow(steps: &str) -> Vec<Op> {
    let steps = steps.replace('\n', "\n  ");
    compile(&format!("{STAGES}flow:\n  {steps}\n"))
        .groups
        .remove(0)
        .flow
}

fn replies(ops: &[Op]) -> Vec<Option<&ReplySpec>> {
    let sends = ops.iter().filter_map(|op| match op {
        Op::Send(send) => Some(send.reply.as_ref()),
        _ => None,
    });
    sends.collect()
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let plan = compile(&format!("{STAGES}flow: [connect]\n"));
    assert_eq!(
        (plan.name.as_str(), plan.seed, &plan.target),
        ("test", 0, &TargetSpec::Embedded)
    );
    assert_eq!(plan.graceful_stop, Duration::from_secs(10));
    let group = &plan.groups[0];
    let connection = &group.connection;
    assert_eq!((group.name.as_str(), group.weight), ("test", 1));
    assert_eq!(
        (
            connection.path.as_literal().unwrap(),
            connection.compression,
            connection.max_message_size.0
        ),
        (&b"/"[..], false, 1 << 20)
    );
    assert_eq!(
        (connection.connect_timeout, connection.close_timeout),
        (Duration::from_secs(10), Duration::from_secs(5))
    );
    assert!(
        group.heartbeat.is_none() && plan.transport.source_addresses.is_empty() && !plan.transport.insecure
    );
}

#[test]
fn the_command_line_overrides_the_file() {
    let text = "
target: embedded
seed: 1
variables: {clients: 10, hold: 10s}
stages:
  - duration: ${hold}
    clients: ${clients}
flow: [connect]
";
    let overrides = Overrides {
        target: Some("wss://example.com".to_owned()),
        seed: Some(9),
        insecure: true,
        variables: BTreeMap::from([("clients".to_owned(), "1k".to_owned())]),
        client_scale: Some(0.5),
        duration_scale: Some(2.0),
        ..Overrides::default()
    };
    let plan = from_str("test.yaml", text, &overrides).unwrap();
    assert_eq!((plan.seed, plan.transport.insecure), (9, true));
    assert_eq!(plan.target, TargetSpec::Url("wss://example.com".to_owned()));
    let LoadModel::Closed { stages } = plan.load else {
        panic!("a closed model")
    };
    assert_eq!(
        stages,
        [ClosedStage {
            duration: Duration::from_secs(20),
            clients: 500
        }]
    );
}

#[test]
fn wrong_overrides_are_errors_without_a_place_in_the_file() {
    let overrides = Overrides {
        target: Some("example.com".to_owned()),
        variables: BTreeMap::from([("client".to_owned(), "1".to_owned())]),
        client_scale: Some(-1.0),
        ..Overrides::default()
    };
    let text = format!("variables: {{clients: 1}}\n{STAGES}flow: [connect]\n");
    let errors = from_str("test.yaml", &text, &overrides).unwrap_err().to_string();
    assert_eq!(
        errors,
        "test.yaml: the command line or the environment sets `client`, which `variables` does not declare; did you mean `clients`?\n\
         test.yaml: the scale of clients must be a number above 0, not -1\n\
         test.yaml: the target given on the command line: `example.com` is not `embedded` or a URL such as \
         ws://127.0.0.1:9001 or wss://example.com"
    );
}

#[test]
fn scales_that_lead_beyond_any_machine_are_errors() {
    let text = format!("{STAGES}flow: [connect]\n");
    let told = |overrides| from_str("test.yaml", &text, &overrides).unwrap_err().to_string();
    for scale in [1e8, 1e19, 1e300] {
        let clients = told(Overrides {
            client_scale: Some(scale),
            ..Overrides::default()
        });
        assert!(
            clients.contains(&format!(" times {scale} is more than 100000000 clients")),
            "{clients}"
        );
    }
    for scale in [1e10, 1e19, 1e300] {
        let durations = told(Overrides {
            duration_scale: Some(scale),
            ..Overrides::default()
        });
        assert!(
            durations.contains("the stages take longer than 36525d"),
            "{durations}"
        );
    }
}

#[test]
fn a_flow_connects_first_unless_it_says_so_itself() {
    assert!(matches!(flow("- ping")[..], [Op::Connect, Op::Ping { .. }]));
    assert!(matches!(
        flow("- connect\n- ping")[..],
        [Op::Connect, Op::Ping { .. }]
    ));
    let ops = flow("- repeat: 3\n  do: [connect, ping, close]");
    assert!(matches!(
        ops[..],
        [
            Op::LoopBegin(LoopOp {
                times: Some(3),
                end: 4,
                ..
            }),
            Op::Connect,
            Op::Ping { .. },
            Op::Close { code: Some(1000), .. },
            Op::LoopEnd { begin: 0 }
        ]
    ));
}

#[test]
fn loops_are_jumps_that_know_their_other_end() {
    let ops = flow(
        "- repeat: forever\n  do:\n    - think: 1s\n    - every: 100ms\n      jitter: 10ms\n      spread: true\n      \
         for: 5s\n      do: [ping]\n    - think: {uniform: [1s, 2s]}",
    );
    let [
        Op::Connect,
        Op::LoopBegin(outer),
        Op::Think(_),
        Op::LoopBegin(inner),
        Op::Ping { .. },
        Op::LoopEnd { begin: 3 },
        Op::Think(Delay::Uniform(..)),
        Op::LoopEnd { begin: 1 },
    ] = &ops[..]
    else {
        panic!("{ops:?}")
    };
    assert_eq!((outer.times, outer.duration, outer.end), (None, None, 7));
    let every = inner.every.as_ref().unwrap();
    assert_eq!(
        (inner.times, inner.duration, inner.end),
        (None, Some(Duration::from_secs(5)), 5)
    );
    assert_eq!(
        (every.interval, every.jitter, every.spread),
        (Duration::from_millis(100), Duration::from_millis(10), true)
    );
}

#[test]
fn an_expect_directly_after_a_send_is_its_reply() {
    let ops = flow("- send: {text: hi}\n- expect: {text: hello, timeout: 3s}\n- expect: any");
    assert!(
        matches!(ops[..], [Op::Connect, Op::Send(_), Op::Expect(_)]),
        "{ops:?}"
    );
    let [Some(reply)] = replies(&ops)[..] else {
        panic!("{ops:?}")
    };
    assert_eq!((reply.wait, reply.timeout), (true, Duration::from_secs(3)));

    let ops = flow("- send: {text: hi, reply: none}\n- expect: any");
    assert!(matches!(ops[..], [Op::Connect, Op::Send(_), Op::Expect(_)]));
    assert!(matches!(replies(&ops)[..], [None]));
}

#[test]
fn a_flow_waits_for_a_reply_unless_several_may_be_under_way() {
    for (keys, wait, limit) in [
        ("", true, 1),
        ("wait: true", true, 1),
        ("wait: false", false, 64),
        ("max_in_flight: 8", false, 8),
        ("wait: false, max_in_flight: 8", false, 8),
    ] {
        let ops = flow(&format!("- send: {{text: hi, reply: {{echo: , {keys}}}}}"));
        let [Some(reply)] = replies(&ops)[..] else {
            panic!("{ops:?}")
        };
        assert_eq!((reply.wait, reply.max_in_flight), (wait, limit), "{keys}");
    }
}

#[test]
fn replies_find_their_message_by_number_where_they_name_it() {
    let by_sequence = |send: &str| {
        let ops = flow(&format!("- send: {send}"));
        match replies(&ops)[..] {
            [Some(reply)] => matches!(reply.correlation, Correlation::BySequence(_)),
            _ => panic!("{ops:?}"),
        }
    };
    for send in [
        r#"{json: {a: "${seq}"}, reply: {json: {type: ack, seq: "${seq}"}}}"#,
        r#"{json: {a: "${seq}"}, reply: {json: {"meta.id": "m-${seq}"}}}"#,
        r#"{json: {a: "${seq}"}, reply: {json: {meta: {id: "${string(seq)}"}}}}"#,
        r#"{text: x, reply: {text: "ok ${seq}"}}"#,
        r#"{text: "${pad(seq, 20)}", reply: echo}"#,
        r#"{binary: {utf8: "${pad(seq, 20)}"}, reply: echo}"#,
        r#"{text: x, reply: {binary_prefix: {utf8: "${pad(seq, 20)}"}}}"#,
    ] {
        assert!(by_sequence(send), "{send}");
    }
    for send in [
        "{text: hello, reply: echo}",
        "{random: 20, reply: echo}",
        r#"{text: x, reply: {json: {type: ack}}}"#,
        r#"{text: x, reply: {contains: "no. ${seq}"}}"#,
        "{text: x, reply: any}",
    ] {
        assert!(!by_sequence(send), "{send}");
    }
}

#[test]
fn an_acknowledgement_matches_by_type_and_number() {
    let ops = flow(
        r#"- send: {json: {seq: "${seq}"}, reply: {json: {type: ack, seq: "${seq}", code: "${string(client)}"}}}"#,
    );
    let [
        Some(ReplySpec {
            matcher: matcher @ Matcher::Json(_),
            correlation: Correlation::BySequence(extractor),
            ..
        }),
    ] = replies(&ops)[..]
    else {
        panic!("{ops:?}")
    };
    let ctx = RenderContext {
        client: 3,
        seq: 12,
        ..RenderContext::default()
    };
    let matches = |text: &str| matcher.matches(PayloadKind::Text, text.as_bytes(), &ctx);
    assert!(matches(
        r#"{"type":"ack","seq":12,"code":"3","at":1700000000000}"#
    ));
    for wrong in [
        r#"{"type":"nack","seq":12,"code":"3"}"#,
        r#"{"type":"ack","seq":13,"code":"3"}"#,
        r#"{"type":"ack","seq":"12","code":"3"}"#,
        r#"{"type":"ack","seq":12,"code":3}"#,
        "ack",
    ] {
        assert!(!matches(wrong), "{wrong}");
    }
    assert_eq!(extractor.extract(br#"{"type":"ack","seq":12}"#), Some(12));
    assert_eq!(extractor.extract(br#"{"type":"push"}"#), None);
}

#[test]
fn payloads_are_text_or_binary() {
    let ops = flow(
        "- send: {text: \"a ${seq}\"}\n- send: {json: [1]}\n- send: {binary: {hex: \"ca FE 00\"}}\n\
         - send: {binary: {base64: yv4=}}\n- send: {random: 1KiB}",
    );
    let sent: Vec<_> = ops
        .iter()
        .filter_map(|op| match op {
            Op::Send(SendOp { kind, payload, .. }) => {
                Some((*kind, payload.as_literal(), payload.max_length()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        sent,
        [
            (PayloadKind::Text, None, 22),
            (PayloadKind::Text, Some(&b"[1]"[..]), 3),
            (PayloadKind::Binary, Some(&[0xca, 0xfe, 0x00][..]), 3),
            (PayloadKind::Binary, Some(&[0xca, 0xfe][..]), 2),
            (PayloadKind::Binary, None, 1024),
        ]
    );
}

#[test]
fn the_open_model_has_rates() {
    let text = "
arrivals:
  max_clients: 10k
  process: poisson
  stages:
    - {duration: 10s, rate: 600/m}
    - {duration: 10s, from: 10/s, to: 100/s}
flow: [connect]
";
    let plan = compile(text);
    let LoadModel::Open {
        stages,
        max_clients,
        arrivals,
    } = &plan.load
    else {
        panic!("an open model")
    };
    assert_eq!(
        (*max_clients, *arrivals),
        (10_000, crate::scenario::Arrivals::Poisson)
    );
    let rates: Vec<_> = stages.iter().map(|stage| (stage.from, stage.to)).collect();
    assert_eq!(rates, [(10.0, 10.0), (10.0, 100.0)]);
    assert_eq!(
        (plan.duration(), plan.max_connections()),
        (Duration::from_secs(20), 10_000)
    );
}

#[test]
fn scenarios_have_their_own_connections_and_weights() {
    let text = format!(
        "{STAGES}
scenarios:
  - name: reader
    weight: 3
    connection: &common
      path: /ws
      headers: {{X-Room: \"${{choice(a, b)}}\"}}
      subprotocols: [chat.v1, chat.v2]
      compression: true
    heartbeat: {{every: 30s}}
    flow: [{{receive: {{count: 10, for: 5s}}}}]
  - name: writer
    connection: *common
    flow: [{{send: {{text: hi}}}}]
"
    );
    let plan = compile(&text);
    let groups: Vec<_> = plan
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.weight))
        .collect();
    assert_eq!(groups, [("reader", 3), ("writer", 1)]);
    for group in &plan.groups {
        assert_eq!(
            (
                group.connection.path.as_literal().unwrap(),
                group.connection.compression
            ),
            (&b"/ws"[..], true)
        );
        assert_eq!(group.connection.subprotocols, ["chat.v1", "chat.v2"]);
        assert_eq!(group.connection.headers[0].0, "X-Room");
    }
    let heartbeat = plan.groups[0].heartbeat.as_ref().unwrap();
    assert_eq!(
        (heartbeat.every, heartbeat.timeout),
        (Duration::from_secs(30), Duration::from_secs(10))
    );
}

#[test]
fn paths_of_files_are_relative_to_the_scenario() {
    let text = format!(
        "transport: {{ca: ca.pem, certificate: /etc/c.pem, key: k.pem, source_addresses: 127.0.0.0/29}}\n{STAGES}flow: [connect]\n"
    );
    let plan = from_str("some/folder/test.yaml", &text, &Overrides::default()).unwrap();
    let transport = plan.transport;
    assert_eq!(transport.ca_file.as_deref(), Some("some/folder/ca.pem".as_ref()));
    let (certificate, key) = transport.client_certificate.unwrap();
    assert_eq!(
        (certificate.as_path(), key.as_path()),
        ("/etc/c.pem".as_ref(), "some/folder/k.pem".as_ref())
    );
    assert_eq!(transport.source_addresses.len(), 6);
}

#[test]
fn thresholds_are_read_in_each_of_their_forms() {
    let plan = compile(include_str!("../../../tests/data/scenarios/good/thresholds.yaml"));
    let texts: Vec<String> = plan.thresholds.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "connect_time: p(95)<250ms",
            "session_time{group:chat}: avg<30s",
            "session_time{group:chat}: p(99.9)<1m",
            "flows_failed: rate<1%",
            "flows_failed: count<100",
        ]
    );
    let ends: Vec<bool> = plan
        .thresholds
        .iter()
        .map(|threshold| threshold.abort_on_fail)
        .collect();
    assert_eq!(ends, [false, false, true, false, false]);
    assert_eq!(plan.thresholds[2].delay_abort_eval, Duration::from_secs(10));
}
