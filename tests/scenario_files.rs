//! The scenario files that come with wsbench say what they are meant to say.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use wsbench::scenario::{
    Correlation, LoadModel, Op, Overrides, PayloadKind, Plan, RenderContext, SendOp, client_rng, from_str,
    load,
};

fn shipped(name: &str, variables: &[(&str, &str)]) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let overrides = Overrides {
        variables: variables.collect(),
        ..Overrides::default()
    };
    load(&path, &overrides).unwrap_or_else(|errors| panic!("{errors}"))
}

fn send(plan: &Plan) -> &SendOp {
    let sends = plan.groups[0].flow.iter().filter_map(|op| match op {
        Op::Send(send) => Some(send),
        _ => None,
    });
    sends
        .reduce(|_, last| last)
        .unwrap_or_else(|| panic!("{} sends something", plan.name))
}

fn render(send: &SendOp, ctx: &RenderContext<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    send.payload.render(ctx, &mut client_rng(1, ctx.client), &mut out);
    out
}

#[test]
fn every_file_compiles() {
    for folder in ["scenarios", "benches/scenarios", "tests/real"] {
        let mut found = 0;
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "yaml") {
                found += 1;
                load(&file, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"));
            }
        }
        assert!(found > 0, "{folder} has no scenario");
    }
}

#[test]
fn the_iot_fleet_is_the_one_of_the_field() {
    let plan = shipped("iot.yaml", &[]);
    let group = &plan.groups[0];
    assert_eq!(
        (plan.duration(), plan.max_connections()),
        (Duration::from_secs(30), 2000)
    );
    assert_eq!(
        (
            group.connection.path.as_literal().unwrap(),
            group.connection.max_message_size.0
        ),
        (&b"/iot"[..], 10_240)
    );
    assert_eq!(group.heartbeat.as_ref().unwrap().every, Duration::from_secs(6));
    let unscaled = shipped("iot.yaml", &[("time_scale", "1")]);
    assert_eq!(
        unscaled.groups[0].heartbeat.as_ref().unwrap().every,
        Duration::from_secs(120)
    );

    let (name, key) = &group.connection.headers[0];
    let mut value = Vec::new();
    key.render(&RenderContext::default(), &mut client_rng(1, 1), &mut value);
    let value = String::from_utf8(value).unwrap();
    assert_eq!(name, "X-Device-Key");
    assert!(
        ["device_key_123", "device_key_456"].contains(&value.as_str()),
        "{value}"
    );
}

#[test]
fn a_reading_is_acknowledged_by_its_number() {
    let plan = shipped("iot.yaml", &[]);
    let send = send(&plan);
    let ctx = RenderContext {
        client: 12,
        seq: 7,
        unix_nanos: 1_700_000_000_000_000_000,
        ..RenderContext::default()
    };
    let reading: serde_json::Value = serde_json::from_slice(&render(send, &ctx)).unwrap();
    assert_eq!(reading["device"], "device-000012");
    assert_eq!(
        (&reading["seq"], &reading["time_ms"]),
        (&7.into(), &1_700_000_000_000_u64.into())
    );
    assert!(
        reading["temperature"].is_number() && reading["humidity"].is_u64(),
        "{reading}"
    );

    let reply = send.reply.as_ref().unwrap();
    let ack = br#"{"type":"ack","seq":7,"received_at":1700000000001}"#;
    assert!(reply.matcher.matches(PayloadKind::Text, ack, &ctx));
    let Correlation::BySequence(extractor) = &reply.correlation else {
        panic!("by sequence")
    };
    assert_eq!(extractor.extract(ack), Some(7));
}

#[test]
fn the_echo_can_be_resized_from_the_command_line() {
    let ctx = RenderContext {
        seq: 7,
        ..RenderContext::default()
    };
    for (variables, clients, length) in [
        (&[][..], 100, 20),
        (
            &[("clients", "5k"), ("size", "64KiB"), ("hold", "1m")][..],
            5000,
            65_536,
        ),
    ] {
        let plan = shipped("echo.yaml", variables);
        let LoadModel::Closed { stages } = &plan.load else {
            panic!("a closed model")
        };
        assert_eq!(stages.last().unwrap().clients, clients);
        let send = send(&plan);
        let echo = render(send, &ctx);
        assert_eq!(echo.len(), length);
        let matcher = &send.reply.as_ref().unwrap().matcher;
        assert!(matcher.matches(PayloadKind::Text, &echo, &ctx));
        assert!(!matcher.matches(PayloadKind::Text, &echo, &RenderContext { seq: 8, ..ctx }));
    }
}

#[test]
fn the_same_seed_sends_the_same_readings() {
    let readings = || {
        let plan = shipped("iot.yaml", &[]);
        let mut rng = client_rng(plan.seed, 3);
        let mut out = Vec::new();
        for seq in 1..=5 {
            send(&plan).payload.render(
                &RenderContext {
                    seq,
                    ..RenderContext::default()
                },
                &mut rng,
                &mut out,
            );
        }
        out
    };
    assert_eq!(readings(), readings());
}

#[test]
fn variables_are_needed_to_be_declared() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/echo.yaml");
    let variables = BTreeMap::from([("client".to_owned(), "5".to_owned())]);
    let error = load(
        &path,
        &Overrides {
            variables,
            ..Overrides::default()
        },
    )
    .unwrap_err();
    assert!(error.to_string().contains("did you mean `clients`?"), "{error}");
}

#[test]
fn the_example_of_the_documentation_compiles() {
    let text = include_str!("../docs/scenario.md");
    let example = text
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let plan =
        from_str("quotes.yaml", example, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((plan.name.as_str(), plan.max_connections()), ("quotes", 500));
}
