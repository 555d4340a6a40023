//! What is answered by plain HTTP.

use wsbench::server::Server;

use crate::support::{Client, body, exchange, get, start, upgrade_status};

async fn upgrade(server: &Server, path: &str, replace: (&str, &str)) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    assert!(request.contains(replace.0), "{}", replace.0);
    exchange(server, &request.replace(replace.0, replace.1)).await
}

#[tokio::test]
async fn every_refused_upgrade_counts() {
    let server = start("");
    assert_eq!(upgrade_status(&server, "/nowhere", "").await, 404);
    assert_eq!(upgrade_status(&server, "/bad101", "").await, 403);
    // Scanners that want no WebSocket are not counted.
    get(&server, "/nowhere").await;
    let metrics = get(&server, "/metrics").await;
    for line in [
        r#"wsbench_upgrades_refused_total{route="",reason="no_such_route"} 1"#,
        r#"wsbench_upgrades_refused_total{route="/bad101",reason="forbidden"} 1"#,
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is missing in {metrics}"
        );
    }
    assert_eq!(server.report().refused, 2);
}

#[tokio::test]
async fn refusals_have_their_status_and_name_the_instance() {
    let server = start("instance: test-instance\nroutes: {/iot: {api_keys: [k]}}");
    let cases = [
        ("/nowhere", ("", ""), "404 Not Found"),
        ("/iot", ("", ""), "401 Unauthorized"),
        ("/echo", ("Upgrade: websocket\r\n", ""), "426 Upgrade Required"),
        ("/echo", ("Version: 13", "Version: 12"), "426 Upgrade Required"),
        (
            "/echo",
            ("Connection: Upgrade, close", "Connection: close"),
            "400 Bad Request",
        ),
        ("/echo", ("dGhlIHNhbXBsZSBub25jZQ==", "short"), "400 Bad Request"),
        ("/echo", ("GET ", "POST "), "405 Method Not Allowed"),
    ];
    for (path, replace, status) in cases {
        let response = upgrade(&server, path, replace).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{replace:?}: {response}"
        );
        assert!(
            response.contains("x-instance-id: test-instance\r\n"),
            "{response}"
        );
        let body = response.split_once("\r\n\r\n").unwrap().1;
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert!(body["error"].is_string(), "{body}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_plain_get_on_a_websocket_route_is_told_to_upgrade() {
    let server = start("");
    let response = get(&server, "/echo").await;
    assert!(
        response.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{response}"
    );
    assert!(response.contains("upgrade: websocket\r\n"), "{response}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn after_a_refusal_the_connection_goes_on_with_http() {
    let server = start("");
    let request = "GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\nGET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    let response = exchange(&server, request).await;
    assert!(
        response.starts_with("HTTP/1.1 404 ") && response.contains("HTTP/1.1 200 OK"),
        "{response}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_connection_more_than_may_be_is_refused_by_503() {
    let server = start("limits: {max_connections: 1}");
    let mut first = Client::connect(&server, "/echo").await;
    let response = upgrade(&server, "/echo", ("", "")).await;
    assert!(
        response.starts_with("HTTP/1.1 503 ") && response.contains("retry-after: "),
        "{response}"
    );
    first.send_text("still here").await;
    assert_eq!(first.receive_text().await, "still here");
    first.socket.close(None).await.unwrap();
    first.finish().await;
    // The place is free once the server has seen the end.
    while body(&server, "/health").await.contains(r#""connections":1"#) {}
    Client::connect(&server, "/echo").await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn heads_are_limited_in_size_and_time() {
    let server = start("limits: {max_header_size: 8KiB, max_headers: 20, handshake_timeout: 200ms}");
    let huge = format!(
        "GET /echo HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    let many = format!(
        "GET /echo HTTP/1.1\r\nHost: test\r\n{}\r\n",
        "X: y\r\n".repeat(50)
    );
    for request in [huge, many] {
        let response = exchange(&server, &request).await;
        assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
    }
    let response = exchange(&server, "GET /echo HTTP/1.1\r\nHost: te").await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_first_subprotocol_that_the_route_speaks_is_chosen() {
    let server = start("routes: {/echo: {subprotocols: [a, b]}}");
    let address = server.local_addrs()[0];
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let mut request = format!("ws://{address}/echo").into_client_request().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "x, b, a".parse().unwrap());
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let (_socket, response) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "b");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn health_tells_how_many_connections_there_are() {
    let server = start("");
    let _client = Client::connect(&server, "/echo").await;
    let health: serde_json::Value = serde_json::from_str(&body(&server, "/health").await).unwrap();
    assert_eq!(
        (&health["status"], &health["connections"]),
        (&"ok".into(), &1.into())
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn metrics_count_what_passed() {
    let server = start("");
    let mut client = Client::connect(&server, "/echo").await;
    for _ in 0..3 {
        client.send_text("x").await;
        client.receive_text().await;
    }
    client.socket.close(None).await.unwrap();
    client.finish().await;
    let wanted = [
        "wsbench_connections_opened_total{route=\"/echo\"} 1",
        "wsbench_connections_active{route=\"/echo\"} 0",
        "wsbench_messages_received_total{route=\"/echo\"} 3",
        "wsbench_messages_sent_total{route=\"/echo\"} 3",
        "wsbench_connections_closed_total{route=\"/echo\",initiator=\"client\",code=\"1005\"} 1",
    ];
    loop {
        let page = body(&server, "/metrics").await;
        if wanted.iter().all(|line| page.lines().any(|found| found == *line)) {
            break;
        }
        assert!(
            !page.contains("active{route=\"/echo\"} 0") || page.contains(wanted[4]),
            "{page}"
        );
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let first = start("");
    let config = wsbench::server::ServerConfig {
        listen: first.local_addrs().to_vec(),
        ..wsbench::server::ServerConfig::default()
    };
    let error = Server::start(&config).unwrap_err().to_string();
    assert!(error.contains("another process listens there"), "{error}");
    first.stop().await.unwrap();
}
