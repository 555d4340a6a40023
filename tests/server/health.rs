//! Health checks by HTTP and by WebSocket (seeds C6 to C9).

use serde_json::json;

use crate::support::{Client, admin, exchange_at, get_at, start, status};

const UPGRADE: &str = "GET /health/ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

async fn probes(server: &wsbench::server::Server) -> (u16, u16) {
    let address = server.health_addrs()[0];
    let http = status(&get_at(address, "/health").await);
    let ws = status(&exchange_at(address, &UPGRADE.replace("Upgrade\r\n", "Upgrade, close\r\n")).await);
    (http, ws)
}

const CONFIG: &str = "{health_listen: ['127.0.0.1:0'], admin: {listen: ['127.0.0.1:0']}, \
    routes: {/health/ws: {idle_timeout: 50ms, close_timeout: 50ms}}}";

#[tokio::test]
async fn c7_a_websocket_health_check_on_its_own_port_is_answered_by_101() {
    let server = start(CONFIG);
    assert_eq!(probes(&server).await, (200, 101));
    let mut client = Client::connect_at(server.health_addrs()[0], "/health/ws").await;
    client.send_text("deeper").await;
    assert_eq!(client.receive_text().await, "deeper");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn c8_each_check_can_fail_by_itself() {
    let server = start(CONFIG);
    for (order, expected) in [
        (json!({"http": "down"}), (503, 101)),
        (json!({"ws": "down"}), (503, 503)),
        (json!({"http": "up"}), (200, 503)),
        (json!({"ws": "up"}), (200, 101)),
    ] {
        assert_eq!(admin(&server, "/admin/health", &order).await.0, 200);
        assert_eq!(probes(&server).await, expected, "{order}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn c9_a_server_that_says_it_is_unhealthy_goes_on_serving() {
    let server = start(CONFIG);
    let mut before = Client::connect(&server, "/echo").await;
    admin(&server, "/admin/health", &json!({"http": "down", "ws": "down"})).await;
    let mut after = Client::connect(&server, "/echo").await;
    for client in [&mut before, &mut after] {
        client.send_text("x").await;
        assert_eq!(client.receive_text().await, "x");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_health_port_serves_health_and_metrics_alone() {
    let server = start(CONFIG);
    let address = server.health_addrs()[0];
    for (path, expected) in [
        ("/health", 200),
        ("/metrics", 200),
        ("/echo", 404),
        ("/journal", 404),
        ("/admin", 404),
    ] {
        assert_eq!(status(&get_at(address, path).await), expected, "{path}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn c7_a_full_server_is_well() {
    let server = start(
        "{health_listen: ['127.0.0.1:0'], limits: {max_connections: 1}, routes: {/health/ws: {idle_timeout: 50ms, close_timeout: 50ms}}}",
    );
    let _only = Client::connect(&server, "/echo").await;
    assert_eq!(probes(&server).await, (200, 101));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn health_checks_are_not_behind_tls_on_their_own_port() {
    let server = start("{tls: {self_signed: []}, health_listen: ['127.0.0.1:0']}");
    assert_eq!(status(&get_at(server.health_addrs()[0], "/health").await), 200);
    server.stop().await.unwrap();
}
