//! The scenario files that come with wsbench say what they are meant to say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use wsbench::scenario::{
    Correlation, Group, LoadModel, Op, Overrides, PayloadKind, Plan, RenderContext, SendOp, client_rng,
    from_str, json_schema, load,
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
fn everything_at_once_is_what_the_other_files_say() {
    let mixed = shipped("mixed.yaml", &[]);
    for (kind, file) in [
        ("devices", "iot.yaml"),
        ("dashboards", "dashboard.yaml"),
        ("chatters", "chat.yaml"),
        ("players", "gaming.yaml"),
    ] {
        let group = mixed.groups.iter().find(|group| &*group.name == kind).unwrap();
        let alone = &shipped(file, &[]).groups[0];
        let told = |group: &Group| format!("{:?} {:?}", group.fan_out, group.stream);
        assert_eq!(told(group), told(alone), "{kind}");
        assert_eq!(group.flow.len(), alone.flow.len(), "{kind}");
    }
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

const PAGE: &str = include_str!("../docs/scenario.md");

/// An example of the documentation with what it lacks of a whole scenario. One that begins with a dash is steps.
fn completed(example: &str) -> String {
    let has = |keys: [&str; 2]| {
        example
            .lines()
            .any(|line| keys.iter().any(|key| line.starts_with(key)))
    };
    let is_steps = example.starts_with('-');
    let stages = "stages: [{duration: 1s, clients: 1}]\n";
    let load = if has(["stages:", "arrivals:"]) { "" } else { stages };
    let flow = match (is_steps, has(["flow:", "scenarios:"])) {
        (true, _) => "flow:\n",
        (false, true) => "",
        (false, false) => "flow: [connect]\n",
    };
    [load, flow, example].concat()
}

#[test]
fn every_example_of_the_documentation_compiles() {
    let examples = PAGE.split("```yaml\n").skip(1);
    let examples: Vec<&str> = examples.filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 10, "{} examples", examples.len());
    for example in &examples {
        let whole = completed(example);
        // The files that the examples name stand in this folder.
        let plan = from_str(
            "tests/data/scenarios/parts/example.yaml",
            &whole,
            &Overrides::default(),
        );
        plan.unwrap_or_else(|errors| panic!("{errors}\n{whole}"));
    }
    let plan = from_str("quotes.yaml", examples[0], &Overrides::default()).unwrap();
    assert_eq!((plan.name.as_str(), plan.max_connections()), ("quotes", 500));
}

#[test]
fn every_key_is_documented() {
    fn keys(schema: &serde_json::Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            found.extend(properties.keys().cloned());
        }
        match schema {
            serde_json::Value::Object(members) => members.values().for_each(|member| keys(member, found)),
            serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            _ => {}
        }
    }
    let mut all = BTreeSet::new();
    keys(&json_schema(), &mut all);
    // A key stands in backquotes, alone, with others or with its value.
    let quoted: BTreeSet<&str> = PAGE.split('`').skip(1).step_by(2).collect();
    let told = |key: &str| {
        let mut words = quoted
            .iter()
            .flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'));
        words.any(|word| word == key)
    };
    let missing: Vec<_> = all.iter().filter(|key| !told(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
