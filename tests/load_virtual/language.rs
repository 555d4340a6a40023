//! What a scenario can say beyond sending and waiting: captures, branches, rows, credentials, reconnects, sizes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::world::{Act, Door, SECOND, Seen, Upgrade, World, answering, echo, ms, plan, polite};
use wsbench::metrics::{Counter, ErrorClass, GroupId};
use wsbench::scenario::{Overrides, Plan, load};

/// The texts that reached the server.
fn texts(world: &World) -> Vec<&str> {
    world.sent.iter().map(|(_, text)| text.as_str()).collect()
}

/// A server with one answer for everything.
fn always(answer: &'static str) -> impl FnMut() -> crate::world::Behaviour {
    move || answering(move |_, _| vec![(Duration::ZERO, Act::Text(answer.to_owned()))])
}

/// Rows from the test's own folder.
fn users() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scenarios/parts");
    folder.join("users.csv").display().to_string()
}

#[test]
fn what_a_reply_brings_goes_into_later_messages_and_matchers() {
    let plan = plan(
        r#"
flow:
  - send:
      text: login
      reply: {json: {type: ok}, capture: {token: {json: data.token}, n: {json: data.n}, id: {regex: 'id=(\d+)'}}}
  - send: {json: {token: "${token}", n: "${n}", text: "n is ${n}", id: "${id}"}, reply: {json: {data.token: "${token}"}}}
  - think: 50s
"#,
    );
    let answer = r#"{"type":"ok","data":{"token":"a\"b","n":1.50},"note":"id=77"}"#;
    let mut world = World::new(&plan, always(answer));
    world.start();
    world.run(SECOND);
    assert_eq!(
        texts(&world),
        [
            "login",
            r#"{"token":"a\"b","n":1.50,"text":"n is 1.50","id":"77"}"#
        ]
    );
    assert_eq!(world.count(Counter::SentAnswered), 2);
    world.finish();
    world.assert_balanced();
}

#[test]
fn values_live_through_the_flow_and_the_connection() {
    let plan = plan(
        r#"
connection: {path: "/resume?from=${session}", headers: {X-Session: "${session}"}}
flow:
  - send: {text: hello, reply: {any: , capture: {session: {regex: .+}}}}
  - drop
  - think: 1s
"#,
    );
    let mut world = World::new(&plan, always("s 1"));
    world.start();
    world.run(ms(1500));
    let targets: Vec<&str> = world
        .requests
        .iter()
        .map(|(_, target, _)| target.as_str())
        .collect();
    assert_eq!(targets, ["/resume?from=", "/resume?from=s%201"]);
    assert!(
        world.requests[1]
            .2
            .contains(&("X-Session".to_owned(), "s 1".to_owned()))
    );
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_value_that_is_not_there_fails_the_flow_or_is_its_default() {
    let missing = plan(
        "flow: [{send: {text: a, reply: {any: , capture: {t: {json: token}}}}}, {send: {text: \"<${t}>\"}}]",
    );
    let mut world = World::new(&missing, always("no JSON"));
    world.start();
    world.run(ms(50));
    assert_eq!(
        (
            world.count(Counter::FlowsFailed),
            world.errors(ErrorClass::Capture)
        ),
        (1, 1)
    );
    assert_eq!(
        world.count(Counter::SentAnswered),
        1,
        "the reply came, whatever was in it"
    );
    assert_eq!(texts(&world), ["a"]);
    world.finish();
    world.assert_balanced();

    let expected =
        plan("flow: [{send: {text: a, reply: none}}, {expect: {any: , capture: {t: {json: token}}}}]");
    let mut world = World::new(&expected, always("no JSON"));
    world.start();
    world.run(ms(50));
    assert_eq!(
        (
            world.count(Counter::FlowsFailed),
            world.errors(ErrorClass::Capture)
        ),
        (1, 1)
    );
    assert_eq!(
        (
            world.count(Counter::ExpectsMet),
            world.count(Counter::ExpectsFailed)
        ),
        (1, 0)
    );
    world.finish();
    world.assert_balanced();

    let default = plan(
        "flow: [{send: {text: a, reply: {any: , capture: {t: {json: token, default: none}}}}}, {send: {text: \"<${t}>\"}}, \
         {think: 9s}]",
    );
    let mut world = World::new(&default, always("no JSON"));
    world.start();
    world.run(ms(50));
    assert_eq!(texts(&world), ["a", "<none>"]);
    world.finish();
    world.assert_balanced();
}

const BRANCHES: &str = r#"
flow:
  - send: {text: ask, reply: {any: , timeout: 1s}}
  - switch:
      - case: {json: {status: ok}}
        do: [{send: {text: good}}]
      - case: {contains: retry}
        do: [{repeat: 2, do: [{send: {text: again}}]}]
    else: [{send: {text: otherwise}}]
  - send: {text: after}
  - think: 50s
"#;

#[test]
fn a_branch_goes_where_the_reply_says() {
    let plan = plan(BRANCHES);
    for (answer, expected) in [
        (r#"{"status":"ok"}"#, &["ask", "good", "after"][..]),
        ("please retry", &["ask", "again", "again", "after"]),
        ("what?", &["ask", "otherwise", "after"]),
    ] {
        let mut world = World::new(&plan, always(answer));
        world.start();
        world.run(SECOND);
        assert_eq!(texts(&world), expected, "{answer}");
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn without_a_reply_a_branch_takes_its_else() {
    let plan = plan(BRANCHES);
    let mut world = World::new(&plan, || Box::new(|_, seen| polite(seen)));
    world.start();
    world.run(3 * SECOND);
    assert_eq!(texts(&world), ["ask", "otherwise", "after"]);
    assert_eq!(world.count(Counter::SentLostTimeout), 1);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_branch_judges_what_was_expected_and_the_last_of_what_was_received() {
    let plan = plan(
        r#"
flow:
  - expect: any
  - if: {text: hello}
    then: [{send: {text: hi}}]
  - receive: {count: 2}
  - if: {text: two}
    then: [{send: {text: second}}]
    else: [{send: {text: first}}]
  - think: 50s
"#,
    );
    let mut world = World::new(&plan, || {
        Box::new(|_, seen| match seen {
            Seen::Opened => ["hello", "one", "two"]
                .into_iter()
                .map(|text| (Duration::ZERO, Act::Text(text.to_owned())))
                .collect(),
            other => polite(other),
        })
    });
    world.start();
    world.run(SECOND);
    assert_eq!(texts(&world), ["hi", "second"]);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_branch_that_closed_lets_the_next_step_connect_again() {
    let plan = plan(
        "flow: [{send: {text: a, reply: any}}, {if: {contains: a}, then: [close]}, {send: {text: b}}, {think: 50s}]",
    );
    let mut world = World::new(&plan, echo);
    world.start();
    world.run(SECOND);
    assert_eq!(texts(&world), ["a", "b"]);
    assert_eq!(world.count(Counter::ConnectOpened), 2);
    world.finish();
    world.assert_balanced();
}

/// The users that two clients were in three flows each.
fn fed(options: &str) -> (Vec<Vec<String>>, u64, usize) {
    let plan = plan(&format!(
        "feeder: {{file: '{}'{options}}}\nflow: [{{send: {{text: \"${{client}} ${{row.user}}\"}}}}, {{think: 1s}}]",
        users()
    ));
    let mut world = World::new(&plan, || Box::new(|_, seen| polite(seen)));
    world.start();
    world.start();
    world.run(ms(2900));
    let clients = world.len();
    world.finish();
    world.assert_balanced();
    let of = |client: &str| {
        let mine = world
            .sent
            .iter()
            .filter_map(|(_, text)| text.strip_prefix(client));
        mine.map(|user| user.trim().to_owned()).collect()
    };
    (
        vec![of("0"), of("1")],
        world.count(Counter::FeederExhausted),
        clients,
    )
}

#[test]
fn rows_are_handed_out_in_order_once_or_for_good() {
    let (rows, exhausted, _) = fed("");
    assert_eq!(rows, [["ann", "bob", "cleo"], ["bob", "cleo", "ann"]]);
    assert_eq!(exhausted, 0);
    let (rows, exhausted, clients) = fed(", exhausted: stop");
    assert_eq!(rows, [vec!["ann", "bob", "cleo"], vec!["bob", "cleo"]]);
    assert_eq!((exhausted, clients), (1, 1));
    let (rows, exhausted, clients) = fed(", order: shared, exhausted: stop");
    assert_eq!(rows, [vec!["ann", "cleo"], vec!["bob"]]);
    assert_eq!(
        (exhausted, clients),
        (2, 0),
        "each row once, and then everybody leaves"
    );
    let (rows, ..) = fed(", order: shared, per: client");
    assert_eq!(rows, [["ann"; 3], ["bob"; 3]]);
    let (rows, ..) = fed(", order: random");
    assert!(
        rows.iter()
            .flatten()
            .all(|user| ["ann", "bob", "cleo"].contains(&user.as_str()))
    );
}

fn header<'a>(request: &'a Upgrade, name: &str) -> Option<&'a str> {
    let found = request
        .2
        .iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// The first upgrade request of a client whose connection has this `auth`.
fn request(auth: &str) -> Upgrade {
    let plan = plan(&format!(
        "connection: {{auth: {auth}}}\nflow: [connect, {{think: 50s}}]"
    ));
    let mut world = World::new(&plan, echo).door(|_| Door::Forbidden);
    world.start();
    world.run(ms(50));
    world.requests.remove(0)
}

#[test]
fn credentials_stand_where_they_belong() {
    let bearer = request("{bearer: \"t-${client}\"}");
    assert_eq!(header(&bearer, "Authorization"), Some("Bearer t-0"));
    let basic = request("{basic: \"ann:pass\"}");
    let encoded = format!("Basic {}", STANDARD.encode("ann:pass"));
    assert_eq!(header(&basic, "Authorization"), Some(encoded.as_str()));
    assert_eq!(request("{query: {token: \"a b&c\"}}").1, "/?token=a+b%26c");
    assert_eq!(header(&request("{header: {X-Key: k}}"), "X-Key"), Some("k"));
    let subprotocol = request("{subprotocol: [bearer, token-1]}");
    assert_eq!(
        header(&subprotocol, "Sec-WebSocket-Protocol"),
        Some("bearer, token-1")
    );
}

#[test]
fn each_connection_gets_a_token_of_its_own() {
    let plan = plan(
        "
connection:
  auth: {jwt: {algorithm: HS256, key: secret, expires: 1m, claims: {sub: \"user-${client}\", jti: \"${uuid}\"}}}
  reconnect: {fixed: 10s}
flow: [connect, {expect: any}]
",
    );
    let mut world = World::new(&plan, echo).door(|_| Door::Forbidden);
    world.start();
    world.run(15 * SECOND);
    let claims: Vec<serde_json::Value> = world
        .requests
        .iter()
        .map(|request| {
            let token = header(request, "Authorization")
                .unwrap()
                .strip_prefix("Bearer ")
                .unwrap();
            let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            serde_json::from_slice(&claims).unwrap()
        })
        .collect();
    assert_eq!(claims.len(), 2);
    assert_eq!(claims[0]["sub"], "user-0");
    assert_eq!(
        claims[0]["exp"].as_u64().unwrap() - claims[0]["iat"].as_u64().unwrap(),
        60
    );
    assert_eq!(
        claims[1]["iat"].as_u64().unwrap() - claims[0]["iat"].as_u64().unwrap(),
        10
    );
    assert_ne!(claims[0]["jti"], claims[1]["jti"]);
    world.finish();
    world.assert_balanced();
}

/// When a client attempted to connect, in milliseconds since its first attempt, with a server that is never there.
fn attempts(reconnect: &str, door: Door, within: Duration) -> (Vec<u64>, World) {
    let plan = plan(&format!(
        "connection: {{reconnect: {reconnect}}}\nflow: [connect]"
    ));
    let mut world = World::new(&plan, echo).door(move |_| door);
    world.start();
    world.run(within);
    let first = world.attempts[0];
    let attempts = world
        .attempts
        .iter()
        .map(|at| (*at - first).as_millis() as u64)
        .collect();
    (attempts, world)
}

#[test]
fn a_policy_says_when_a_client_comes_back() {
    let refused = 2;
    let (at, mut world) = attempts("{fixed: 1s}", Door::Refused, ms(3500));
    assert_eq!(at, [0, 1000 + refused, 2000 + 2 * refused, 3000 + 3 * refused]);
    assert_eq!(
        world.count(Counter::Reconnects),
        4,
        "one of them is still waiting"
    );
    world.finish();
    world.assert_balanced();

    let (at, mut world) = attempts("none", Door::Refused, ms(3500));
    assert_eq!(at, [0]);
    assert_eq!((world.count(Counter::ReconnectsGivenUp), world.len()), (1, 0));
    world.finish();
    world.assert_balanced();

    let (at, mut world) = attempts("{fixed: 100ms, max_attempts: 3}", Door::Refused, ms(3500));
    assert_eq!(at.len(), 4, "the first and three more");
    assert_eq!((world.count(Counter::ReconnectsGivenUp), world.len()), (1, 0));
    world.finish();
    world.assert_balanced();

    let (at, mut world) = attempts("{exponential: 100ms, cap: 400ms}", Door::Refused, 20 * SECOND);
    let pauses: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0] - refused).collect();
    assert!(
        pauses[0] <= 100 && pauses[1] <= 200 && pauses.iter().all(|pause| *pause <= 400),
        "{pauses:?}"
    );
    assert!(
        pauses.iter().any(|pause| *pause > 300) && pauses.iter().any(|pause| *pause < 100),
        "{pauses:?}"
    );
    world.finish();
    world.assert_balanced();
}

#[test]
fn retry_after_is_respected_unless_that_is_not_wanted() {
    let (at, mut world) = attempts("{fixed: 1s}", Door::Busy(7), ms(7500));
    assert_eq!(at.len(), 2);
    assert!(at[1] >= 7000, "{at:?}");
    assert!(world.count(Counter::RetriesDeferred) >= 1);
    world.finish();
    world.assert_balanced();
    let (at, mut world) = attempts("{fixed: 1s, retry_after: false}", Door::Busy(7), ms(7500));
    assert!(at.len() > 5, "{at:?}");
    assert_eq!(world.count(Counter::RetriesDeferred), 0);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_connection_that_follows_a_failure_is_counted_and_an_arrival_may_come_back_too() {
    let plan = plan(
        "
connection: {reconnect: {fixed: 1s, max_attempts: 5}}
arrivals: {max_clients: 1, stages: [{duration: 1s, rate: 1/s}]}
flow: [{send: {text: a, reply: echo}}]
",
    );
    let mut refusals = 2;
    let mut world = World::new(&plan, echo).door(move |_| {
        refusals -= 1;
        if refusals >= 0 { Door::Refused } else { Door::Open }
    });
    world.start();
    world.run(5 * SECOND);
    assert_eq!(world.attempts.len(), 3);
    assert_eq!(world.count(Counter::Reconnects), 2);
    assert_eq!(world.count(Counter::ReconnectsOpened), 1);
    assert_eq!((world.count(Counter::FlowsCompleted), world.len()), (1, 0));
    world.finish();
    world.assert_balanced();
}

const EVERYTHING_RANDOM: &str = r#"
  - repeat: 20
    do:
      - send: {text: "${client} ${row.user} ${random_int(1, 1000)} ${choice(a, b, c)} ${uuid} ${random_string(5)}", reply: echo}
      - send: {letters: {exponential: 40, max: 200}, reply: echo}
      - if: {contains: a}
        then: [{think: {uniform: [1ms, 20ms]}}]
        else: [{send: {text: "${client} ${random_float(0, 1, 6)}", reply: none}}]
      - think: {exponential: 10ms}
"#;

/// What each of some clients sent, in order.
fn sent_by_each(seed: u64, clients: usize, delay: u64) -> Vec<Vec<String>> {
    let text = format!(
        "feeder: {{file: '{}', order: random}}\nflow:{EVERYTHING_RANDOM}",
        users()
    );
    let plan = plan(&text);
    let mut plan = Arc::into_inner(plan).unwrap();
    plan.seed = seed;
    let plan = Arc::new(plan);
    (0..clients)
        .map(|client| {
            let mut world = World::new(&plan, move || {
                answering(move |_, text| vec![(ms(delay), Act::Text(text.to_owned()))])
            });
            (0..client).for_each(|_| world.skip_client());
            world.start_at(GroupId(0), world.now);
            world.run(5 * SECOND);
            world.sent.iter().map(|(_, text)| text.clone()).take(40).collect()
        })
        .collect()
}

#[test]
fn the_same_seed_sends_the_same_payloads_in_the_same_order_whatever_the_timing() {
    let once = sent_by_each(11, 3, 1);
    assert!(once.iter().all(|sent| sent.len() == 40), "enough to compare");
    assert_eq!(once, sent_by_each(11, 3, 1));
    assert_eq!(once, sent_by_each(11, 3, 9), "a slower server gets the same");
    assert_ne!(once, sent_by_each(12, 3, 1));
    assert_ne!(once[0], once[1]);
}

#[test]
fn good_scenarios_of_the_tests_run_over_virtual_time() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scenarios/good");
    let mut ran = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let plan: Plan = load(&path, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"));
        let mut world = World::new(
            &Arc::new(plan),
            always("{\"type\":\"welcome\",\"session\":{\"token\":\"t\"}}"),
        );
        for group in 0..world.plan.groups.len() {
            world.start_at(GroupId(group as u16), world.now);
        }
        world.run(30 * SECOND);
        assert!(!world.attempts.is_empty(), "{}", path.display());
        world.finish();
        ran += 1;
    }
    assert!(ran >= 4);
}
