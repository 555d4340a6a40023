//! The routes that gateways and clients are probed with: what they have in common, and those that behave.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::raw::{ACCEPT, Raw, masked, refusal, request};
use crate::support::{Client, PATIENCE, ended, get, start};

#[tokio::test]
async fn every_answer_names_the_instance() {
    let server = start("instance: probe-1\nfaults: true");
    let paths = [
        "/headers",
        "/push",
        "/sink",
        "/first-frame",
        "/slow",
        "/status/500",
        "/bad101?mode=no-accept",
    ];
    for path in paths
        .into_iter()
        .chain(["/close", "/fin", "/rst", "/half-close", "/mute-pong"])
    {
        let raw = Raw::open(&server, path).await;
        assert!(
            raw.head.contains("x-instance-id: probe-1\r\n"),
            "{path}: {}",
            raw.head
        );
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn nonsense_in_parameters_is_refused_by_400_with_a_reason() {
    let server = start("faults: true");
    for (path, reason) in [
        (
            "/push?rate=fast",
            "`rate=fast`: expected messages per second up to 1000000, as `20` or `600/m`",
        ),
        (
            "/slow?rate=x",
            "fault `read-rate:x`: expected bytes per second such as `10KiB`",
        ),
        ("/hold?for=1h", "fault `hold:1h`: expected a duration up to 10m"),
        (
            "/fin?after=x",
            "fault `fin:x`: expected a number of messages; 0 is at once",
        ),
        ("/status/99", "`/status/99`: expected a status from 200 to 999"),
        ("/status/101", "`/status/101`: expected a status from 200 to 999"),
    ] {
        let (status, body) = refusal(&server, path).await;
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{path}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["message"], reason, "{path}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a17_headers_shows_the_request_as_it_came() {
    let server = start("instance: a");
    let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    let local = tcp.local_addr().unwrap();
    // A refused request before it on the same connection must not show.
    tcp.write_all(b"GET /nowhere HTTP/1.1\r\nHost: first\r\n\r\n")
        .await
        .unwrap();
    let mut first = vec![0; 4096];
    assert!(tcp.read(&mut first).await.unwrap() > 0);
    let request = request("/headers?a=1&tag=x").replace(
        "Host: test\r\n",
        "X-Forwarded-For: 1.2.3.4\r\nhOsT: test\r\nx-forwarded-for: 5.6.7.8\r\n",
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let shown: serde_json::Value = loop {
        timeout(PATIENCE, tcp.read_buf(&mut answer))
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8_lossy(&answer);
        if let Some(start) = text.find('{')
            && let Ok(shown) = serde_json::from_str(&text[start..])
        {
            break shown;
        }
    };
    assert_eq!(shown["instance"], "a");
    assert_eq!(shown["peer"], local.to_string());
    assert_eq!(
        (&shown["method"], &shown["path"]),
        (&"GET".into(), &"/headers".into())
    );
    assert_eq!(shown["query"], "a=1&tag=x");
    let headers = shown["headers"].as_array().unwrap();
    let expected = serde_json::json!([
        ["X-Forwarded-For", "1.2.3.4"],
        ["hOsT", "test"],
        ["x-forwarded-for", "5.6.7.8"],
        ["Upgrade", "websocket"]
    ]);
    assert_eq!(serde_json::Value::from(headers[..4].to_vec()), expected);

    let mut client = Client::connect(&server, "/headers").await;
    assert!(client.receive_text().await.starts_with('{'));
    client.send_text("echo").await;
    assert_eq!(client.receive_text().await, "echo");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn push_sends_numbered_messages_of_a_size_at_a_rate() {
    let server = start("instance: a");
    let mut client = Client::connect(&server, "/push?rate=100&count=31&size=200&tag=push").await;
    let start = Instant::now();
    for seq in 1..=31 {
        let text = client.receive_text().await;
        assert_eq!(text.len(), 200);
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&message["seq"], &message["instance"]),
            (&seq.into(), &"a".into())
        );
    }
    // The first comes at once, so the last is due after 300 ms.
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_millis(280), "{elapsed:?}");
    assert_eq!(client.receive_close().await, (1000, "all are sent".to_owned()));
    client.finish().await;
    assert_eq!(ended(&server, "push").await["messages_out"], 31);

    let mut client = Client::connect(&server, "/push?binary=true&rate=600/m").await;
    assert!(matches!(client.receive().await, Message::Binary(_)));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_sink_takes_everything_and_says_nothing() {
    let server = start("");
    let mut client = Client::connect(&server, "/sink?tag=sink").await;
    for _ in 0..100 {
        client.send_text("into the sink").await;
    }
    client.socket.close(None).await.unwrap();
    assert!(matches!(client.receive().await, Message::Close(_)));
    let line = ended(&server, "sink").await;
    assert_eq!(
        (&line["messages_in"], &line["messages_out"]),
        (&100.into(), &0.into())
    );
    assert_eq!(line["clean"], true);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b1_the_first_frame_comes_in_one_segment_with_the_101() {
    let server = start("instance: a");
    for _ in 0..20 {
        // One read takes the whole segment, and what the client sent along with its request is not lost either.
        let mut raw = Raw::open_with(&server, "/first-frame?tag=first", &masked(0x81, b"early")).await;
        assert!(
            raw.head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
            "{}",
            raw.head
        );
        assert!(raw.head.contains(ACCEPT), "{}", raw.head);
        assert!(!raw.behind_the_head().is_empty(), "the frame is behind the 101");
        assert_eq!(raw.text().await, r#"{"instance":"a","type":"first-frame"}"#);
        assert_eq!(raw.text().await, "early");
    }
    let mut client = Client::connect(&server, "/first-frame?tag=count").await;
    assert_eq!(
        client.receive_text().await,
        r#"{"instance":"a","type":"first-frame"}"#
    );
    client.socket.close(None).await.unwrap();
    client.finish().await;
    let line = ended(&server, "count").await;
    assert_eq!(
        (&line["messages_out"], &line["bytes_out"]),
        (&1.into(), &(39 + 2).into())
    );
    assert!(line["faults"].is_null(), "to speak first is no fault");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_route_may_take_every_path_below_it() {
    let server = start("routes: {'/any/*': {mode: echo}, /any/exact: {mode: prefixed-echo}}");
    let mut client = Client::connect(&server, "/any/where/at/all").await;
    client.send_text("x").await;
    assert_eq!(client.receive_text().await, "x");
    let mut client = Client::connect(&server, "/any/exact").await;
    client.send_text("x").await;
    assert_eq!(client.receive_text().await, "Server hat empfangen: x");
    assert!(get(&server, "/anywhere").await.starts_with("HTTP/1.1 404 "));
    server.stop().await.unwrap();
}
