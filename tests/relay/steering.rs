//! The administrator's endpoint.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn e3_the_list_shows_every_process() {
    let world = World::new("", "relay: {processes: {lobby: room}}");
    assert_eq!(world.processes().await, Vec::<serde_json::Value>::new());
    let started = world
        .act(json!({"action": "start", "process": "lobby", "name": "room-1"}))
        .await;
    let again = world
        .act(json!({"action": "start", "process": "lobby", "name": "room-1"}))
        .await;
    assert_eq!(started, again, "a name is one process");
    let mut client = world.connect("/relay").await;
    client.says("x").await;
    client.hears_text().await;
    let processes = world.processes().await;
    let kinds: Vec<_> = processes
        .iter()
        .map(|process| (process["kind"].as_str().unwrap(), &process["name"]))
        .collect();
    assert_eq!(
        kinds,
        [
            ("lobby", &json!("room-1")),
            ("echo", &json!("echo")),
            ("connection", &json!(null))
        ]
    );
    assert_eq!(processes[0]["pid"], started["pid"]);
    assert_eq!(processes[1]["monitors"], json!([processes[2]["pid"]]));
    let fields: Vec<_> = processes[0].as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["kind", "links", "monitors", "name", "pid", "uptime", "waiting"]
    );
}

#[tokio::test]
async fn e4_kill_ends_a_connection() {
    let world = World::new("", "");
    let mut client = world.connect("/relay").await;
    client.says("x").await;
    client.hears_text().await;
    let pid = world.processes().await[1]["pid"].clone();
    world
        .act(json!({"action": "kill", "pid": pid, "reason": "enough"}))
        .await;
    assert_eq!(
        client.hears_close().await,
        (1011, "connection was killed".to_owned())
    );
}

#[tokio::test]
async fn e3_what_cannot_be_done_is_said() {
    let world = World::new("", "");
    let client = world.connect("/relay").await;
    world
        .act(json!({"action": "start", "process": "echo", "name": "echo"}))
        .await;
    for (action, status) in [
        (json!({}), 400),
        (json!({"action": "fly"}), 400),
        (json!({"action": "send", "pid": "echo"}), 400),
        (
            json!({"action": "send", "pid": "echo", "topic": "ws.send", "payload": {"type": "text"}}),
            400,
        ),
        (
            json!({"action": "send", "pid": "echo", "topic": "ws.close", "payload": {"code": 1006}}),
            400,
        ),
        (json!({"action": "send", "pid": "nobody", "topic": "x"}), 404),
        (json!({"action": "kill", "pid": "nobody"}), 404),
        (
            json!({"action": "transfer", "pid": "echo", "target_pid": "nobody"}),
            404,
        ),
        (
            json!({"action": "transfer", "pid": "echo", "target_pid": "echo"}),
            400,
        ),
        (json!({"action": "start", "process": "nothing"}), 404),
        (json!({"action": "start", "process": "echo", "name": "a.b"}), 400),
        (json!({"action": "start", "process": "nats:app"}), 404),
        (
            json!({"action": "call", "pid": "echo", "topic": "x", "timeout": "50ms"}),
            504,
        ),
    ] {
        let (answered, answer) = world.post(&action).await;
        assert_eq!(
            (answered, &answer["status"]),
            (status, &json!(status)),
            "{action}: {answer}"
        );
    }
    let (status, _) = world.http("GET /admin?pid=nobody HTTP/1.1\r\n", "").await;
    assert_eq!(status, 404);
    drop(client);
}

#[tokio::test]
async fn a_web_page_cannot_post() {
    let world = World::new("", "");
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
    ] {
        let head = format!("POST /admin HTTP/1.1\r\n{kind}");
        let (status, _) = world.http(&head, r#"{"action":"start","process":"echo"}"#).await;
        assert_eq!(status, 415, "{kind}");
    }
    let (status, _) = world.http("DELETE /admin HTTP/1.1\r\n", "").await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn with_a_token_nobody_else_is_served() {
    let world = World::new("/steer: {mode: {relay-admin: {token: s3cret}}}", "");
    for (header, expected) in [
        ("", 401),
        ("Authorization: Bearer s3cre\r\n", 401),
        ("Authorization: Basic s3cret\r\n", 401),
        ("Authorization: Bearer s3cret\r\n", 200),
    ] {
        let (status, _) = world.http(&format!("GET /steer HTTP/1.1\r\n{header}"), "").await;
        assert_eq!(status, expected, "{header}");
    }
}
