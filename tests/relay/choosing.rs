//! Who decides where a connection goes: handlers, origins.

use crate::handler::Handler;
use crate::world::{World, topics};

#[tokio::test]
async fn e1_the_handler_chooses_the_target_and_its_header_never_reaches_the_client() {
    let handler = Handler::relaying(
        r#"{"target_pid":"recorder","message_topic":"chat.in","metadata":{"user_id":"42"}}"#,
    )
    .await;
    let world = World::new(&handler.route("/r"), "");
    let mut client = world
        .connect_with("/r?user_id=42", &[("cookie", "session=7")])
        .await
        .unwrap();
    assert!(!client.headers.contains_key("x-ws-relay"));
    assert_eq!(client.headers["set-cookie"], "a=1");
    assert!(!client.headers.contains_key("content-type"));
    client.says("hello").await;
    let letters = world
        .letters_until("recorder", |letters| letters.len() == 2)
        .await;
    assert_eq!(topics(&letters), ["ws.join", "chat.in"]);
    assert_eq!(letters[1]["payload"]["metadata"]["user_id"], "42");

    let request = &handler.requests()[0];
    assert!(request.starts_with("get /r?user_id=42 http/1.1\r\n"), "{request}");
    for present in [
        "cookie: session=7",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-uri: /r?user_id=42",
    ] {
        assert!(request.contains(present), "{present}: {request}");
    }
    for absent in ["upgrade:", "sec-websocket-key", "connection: upgrade"] {
        assert!(!request.contains(absent), "{absent}: {request}");
    }
}

#[tokio::test]
async fn e1_a_relay_header_sent_by_the_client_is_ignored() {
    let handler = Handler::relaying(r#"{"target_pid":"echo"}"#).await;
    let world = World::new(&handler.route("/r"), "");
    for path in ["/r", "/relay"] {
        let forged = [("x-ws-relay", r#"{"target_pid":"recorder"}"#)];
        let mut client = world.connect_with(path, &forged).await.unwrap();
        assert!(!client.headers.contains_key("x-ws-relay"));
        client.says("hello").await;
        assert_eq!(client.hears_text().await, "hello", "{path}: it went to echo");
    }
    assert!(!handler.requests()[0].contains("x-ws-relay"));
}

#[tokio::test]
async fn e1_an_answer_without_the_header_is_the_clients_answer() {
    let answer = "HTTP/1.1 401 Unauthorized\r\nX-Why: no cookie\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nwho is it";
    let world = World::new(&Handler::new(answer).await.route("/r"), "");
    let refused = world.connect_with("/r", &[]).await.err().unwrap();
    assert_eq!(refused.status, 401);
    assert_eq!(
        (&refused.headers["x-why"], &refused.headers["content-type"]),
        (&"no cookie".parse().unwrap(), &"text/plain".parse().unwrap())
    );
    assert_eq!(refused.body, b"who is it");
}

#[tokio::test]
async fn e1_a_header_that_leads_nowhere_is_answered_by_502() {
    for value in [
        "no json",
        "{}",
        r#"{"target_pid":"nobody"}"#,
        r#"{"target_pid":"web-1.9f86d081884c7d65.17"}"#,
        r#"{"target_pid":"echo","heartbeat_interval":"soon"}"#,
    ] {
        let world = World::new(&Handler::relaying(value).await.route("/r"), "");
        let refused = world.connect_with("/r", &[]).await.err().unwrap();
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["status"]),
            (502, &502.into()),
            "{value}"
        );
        assert!(!refused.headers.contains_key("x-ws-relay"));
        assert!(
            !refused.headers.contains_key("set-cookie"),
            "nothing of the handler's answer is left"
        );
    }
}

#[tokio::test]
async fn e1_a_handler_that_does_not_answer() {
    let silent = Handler::new("").await;
    let nowhere = "/gone: {mode: {relay: {handler: 'http://127.0.0.1:1'}}}";
    let babble = Handler::new("what?\r\n\r\n").await;
    let world = World::new(
        &[
            silent.route("/silent"),
            nowhere.to_owned(),
            babble.route("/babble"),
        ]
        .join(", "),
        "",
    );
    for (path, status) in [("/silent", 504), ("/gone", 502), ("/babble", 502)] {
        let refused = world.connect_with(path, &[]).await.err().unwrap();
        assert_eq!(refused.status, status, "{path}");
        assert!(
            refused.json()["message"].as_str().unwrap().contains("handler"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn e1_the_handler_may_choose_an_offered_subprotocol() {
    let answer = |name| {
        format!(
            "HTTP/1.1 200 OK\r\nX-WS-Relay: {{\"target_pid\":\"echo\"}}\r\nSec-WebSocket-Protocol: {name}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    for (chosen, expected) in [("v2", Some("v2")), ("v9", None)] {
        let world = World::new(&Handler::new(answer(chosen)).await.route("/r"), "");
        let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
        let head = raw_upgrade(&mut stream, "/r", "Sec-WebSocket-Protocol: v1, v2\r\n").await;
        let found = head
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        assert_eq!(found, expected, "{head}");
        assert!(head.starts_with("http/1.1 101"), "{head}");
    }
}

/// The head of the answer to an upgrade, in lower case.
async fn raw_upgrade(stream: &mut tokio::net::TcpStream, path: &str, headers: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

#[tokio::test]
async fn e6_e7_origins() {
    let listed = "/listed: {mode: {relay: {wsrelay.allowed.origins: 'https://app.example.com, http://localhost:3000'}}}";
    let world = World::new(listed, "");
    let own = format!("http://{}", world.address());
    for (path, origin, allowed) in [
        ("/listed", "https://app.example.com", true),
        ("/listed", "http://localhost:3000", true),
        ("/listed", "https://evil.test", false),
        ("/listed", &own, false),
        ("/relay", &own, true),
        ("/relay", "https://app.example.com", false),
    ] {
        let connected = world.connect_with(path, &[("origin", origin)]).await;
        match connected {
            Ok(_) => assert!(allowed, "{path} {origin}"),
            Err(refused) => {
                assert!(!allowed, "{path} {origin}");
                assert_eq!(
                    (refused.status.as_u16(), &refused.json()["status"]),
                    (403, &403.into())
                );
            }
        }
    }
}

#[tokio::test]
async fn e6_the_handler_is_not_asked_for_a_foreign_origin() {
    let handler = Handler::relaying(r#"{"target_pid":"echo"}"#).await;
    let world = World::new(&handler.route("/r"), "");
    let refused = world
        .connect_with("/r", &[("origin", "https://evil.test")])
        .await
        .err()
        .unwrap();
    assert_eq!(refused.status, 403);
    assert!(handler.requests().is_empty());
}
