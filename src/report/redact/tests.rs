use super::*;
use crate::metrics::ScenarioText;
use crate::report::text::tests::sample;

fn plain(text: &str) -> String {
    Redactor::default().text(text)
}

#[test]
fn secrets_are_taken_out_of_every_form() {
    for (text, clean) in [
        (
            "wss://user:hunter2@host/path?room=3&access_token=abc.def&x=1#f",
            "wss://***@host/path?room=3&access_token=***&x=1#f",
        ),
        ("ws://h/?key=k1&code=c2&n=3", "ws://h/?key=***&code=***&n=3"),
        ("ws://u:p@ss@host/", "ws://***@host/"),
        ("Authorization: Bearer abcdef", "Authorization: ***"),
        ("Cookie: sid=1; theme=dark", "Cookie: ***"),
        ("sent `X-Api-Key: k-1` with it", "sent `X-Api-Key: ***` with it"),
        (r#"{"token":"a b","id":7}"#, r#"{"token":"***","id":7}"#),
        (
            r#"{\"refresh_token\":\"abc\",\"id\":7}"#,
            r#"{\"refresh_token\":\"***\",\"id\":7}"#,
        ),
        ("password=swordfish next", "password=*** next"),
        ("DB_PASSWORD='two words' next", "DB_PASSWORD='***' next"),
        (
            "subprotocols [bearer, eyJhbGciOi.eyJzdWIiOi.c2ln]",
            "subprotocols [bearer, ***]",
        ),
        ("got Basic dXNlcjpwYXNz back", "got Basic *** back"),
        (
            "-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- after",
            "*** after",
        ),
    ] {
        assert_eq!(plain(text), clean, "{text}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "HTTP 503 Service Unavailable from ws://127.0.0.1:40001/iot, Retry-After: 5, body `upstream has no capacity`",
        "connection reset by peer",
        "basic authentication required",
        "ws://host/path?room=3&user=7",
        "mail to someone@example.com",
        "the token has expired",
        "keyboard: qwerty, monkey=3",
    ] {
        assert_eq!(plain(text), text);
    }
}

#[test]
fn a_scenario_keeps_its_form_and_loses_its_secrets() {
    let scenario = r#"name: iot
variables:
  device_token: s3cr3t-value
  clients: 20
connection:
  path: "/iot?ticket=abc&room=1"
  headers:
    Authorization: "Bearer ${token}"   # a comment
    X-Trace: on
    Cookie: |
      a=1
      b=2
    X-Api-Key: plain
  credentials:
    - one
    - two
  list: { token: abcd, keep: this }
flow:
  - send: { text: "hello" }
"#;
    let clean = Redactor::default().yaml(scenario);
    assert_eq!(
        clean,
        r#"name: iot
variables:
  device_token: ***
  clients: 20
connection:
  path: "/iot?ticket=***&room=1"
  headers:
    Authorization: ***
    X-Trace: on
    Cookie: ***
    X-Api-Key: ***
  credentials: ***
  list: { token: ***, keep: this }
flow:
  - send: { text: "hello" }
"#
    );
}

#[test]
fn a_secret_that_is_known_is_taken_out_wherever_it_occurs() {
    let redactor = Redactor::new(
        "variables:\n  api_token: opensesame\nconnection:\n  headers: { Authorization: Bearer letmein77 }\n",
        ["pwd_hash=short", "password=xyzzy1", "clients=2000"],
        "wss://user:plugh99@host/?ticket=frotz5",
        |_| None,
    );
    let text = redactor.text("body `opensesame letmein77 xyzzy1 plugh99 frotz5 2000 user`");
    assert_eq!(text, "body `*** *** *** *** *** 2000 user`");
}

/// Every place of a summary that holds text.
#[test]
fn no_field_of_a_summary_keeps_a_secret() {
    const SECRET: &str = "token=open-sesame-1";
    fn fill(value: &mut Value, at: &str) {
        match value {
            Value::String(text) if !fixed(at) => *text = format!("{text} {SECRET}"),
            Value::Array(items) => items.iter_mut().for_each(|item| fill(item, at)),
            // Encoded counts are no text.
            Value::Object(fields) => fields
                .iter_mut()
                .filter(|(name, _)| *name != "histograms")
                .for_each(|(name, field)| fill(field, name)),
            _ => {}
        }
    }
    /// Words of the form itself.
    fn fixed(name: &str) -> bool {
        matches!(name, "schema" | "outcome" | "verdict" | "state" | "unit")
    }
    let mut summary = sample();
    summary.scenario = Some(ScenarioText {
        file: "a.yaml".to_owned(),
        text: "name: a\n".to_owned(),
        variables: vec!["a=b".to_owned()],
    });
    let mut value = serde_json::to_value(&summary).unwrap();
    fill(&mut value, "");
    let summary: Summary = serde_json::from_value(value).unwrap();
    assert!(summary.to_json().unwrap().contains("open-sesame-1"));
    let clean = Redactor::default().summary(&summary).unwrap();
    let json = clean.to_json().unwrap();
    let left: Vec<&str> = json.lines().filter(|line| line.contains("open-sesame")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(clean.total.counters, summary.total.counters);
}

#[test]
fn a_summary_without_secrets_stays_as_it_is() {
    assert_eq!(Redactor::default().summary(&sample()).unwrap(), sample());
}

#[test]
fn what_a_scenario_keeps_for_its_credentials_is_known() {
    let scenario = "\
connection:
  auth:
    basic: \"device:hunter2hunter2\"   # a comment
    jwt: { algorithm: HS256 }
    header:
      X-Id: ${env.PLAIN_NAME}
  headers:
    X-Trace: ${env.TRACE}
    X-Other: ${env.OTHER_TOKEN:-none}
flow: []
";
    let redactor = Redactor::new(scenario, [], "ws://host/", |name| {
        Some(format!("value-of-{name}"))
    });
    let text =
        redactor.text("device:hunter2hunter2 HS256 value-of-PLAIN_NAME value-of-TRACE value-of-OTHER_TOKEN");
    assert_eq!(text, "*** HS256 *** value-of-TRACE ***");
    let yaml = redactor.yaml(scenario);
    assert!(yaml.contains("  auth: ***\n  headers:\n"), "{yaml}");
}

#[test]
fn a_close_code_in_a_query_is_no_secret_wherever_it_occurs() {
    let redactor = Redactor::new("", [], "ws://h/close?code=4002&token=123456", |_| None);
    assert_eq!(
        redactor.text("ws://h/close?code=4002 closed with 4002 private, 123456"),
        "ws://h/close?code=*** closed with 4002 private, ***"
    );
}
