//! New settings for a server that runs.

use std::path::Path;

use tokio_tungstenite::tungstenite::Message;
use wsbench::net::tls::Identity;
use wsbench::server::{Server, ServerConfig, Wish};
use wsbench::units::Span;

use crate::support::{Client, body, exchange_at, start, status, upgrade_status};

fn config(yaml: &str) -> ServerConfig {
    ServerConfig {
        // As in `start`: most clients do not read any more when the server stops.
        drain_time: Span::from_millis(50),
        ..ServerConfig::from_yaml(yaml, "test").unwrap()
    }
}

async fn echoes(client: &mut Client) {
    client.send_text("x").await;
    while client.receive().await != Message::text("x") {}
}

#[tokio::test]
async fn open_connections_survive_a_reload_and_follow_the_new_time_limits() {
    let server = start("routes: {/echo: {idle_timeout: 0, ping_interval: 0}}");
    let mut open = Client::connect(&server, "/echo").await;
    let mut other = Client::connect(&server, "/ws").await;
    echoes(&mut open).await;
    let wanted = config("routes: {/echo: {idle_timeout: 100ms, ping_interval: 0}}");
    server.reload(Ok(wanted)).await.unwrap();
    assert_eq!(open.receive_close().await, (1001, "idle timeout".to_owned()));
    other.send_text("y").await;
    assert!(other.receive_text().await.ends_with('y'));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn keys_limits_and_sizes_hold_for_new_connections() {
    let server = start("{routes: {/iot: {api_keys: [old]}, /echo: {max_connections: 9}}}");
    let _counted = Client::connect(&server, "/echo").await;
    let wanted = "{limits: {max_header_size: 9KiB}, routes: {/iot: {api_keys: [new]}, \
        /echo: {max_connections: 1}, /ws: {max_message_size: 10}}}";
    server.reload(Ok(config(wanted))).await.unwrap();
    Client::connect_with(&server, "/iot", &[("x-device-key", "new")]).await;
    let refused = upgrade_status(&server, "/iot", "X-Device-Key: old\r\n").await;
    assert_eq!(refused, 401);
    assert_eq!(
        upgrade_status(&server, "/echo", "").await,
        503,
        "the connection from before counts"
    );
    let mut small = Client::connect(&server, "/ws").await;
    small.send_text("more than ten").await;
    assert_eq!(small.receive_close().await.0, 1009);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_changes_nothing_and_is_counted() {
    let server = start("");
    let mut client = Client::connect(&server, "/echo").await;
    let broken = ServerConfig::from_yaml("routes: {/echo: {idle_timeuot: 1s}}", "broken.yaml");
    let error = server.reload(broken).await.unwrap_err().to_string();
    assert!(error.starts_with("broken.yaml:1:"), "{error}");
    echoes(&mut client).await;
    let page = body(&server, "/metrics").await;
    for line in [
        "wsbench_config_reloads_total{result=\"success\"} 0",
        "wsbench_config_reloads_total{result=\"failure\"} 1",
        "wsbench_config_last_reload_successful 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}");
    }
    server.reload(Ok(config(""))).await.unwrap();
    let page = body(&server, "/metrics").await;
    assert!(page.contains("wsbench_config_last_reload_successful 1"));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_needs_a_restart_is_named() {
    let server = start("");
    let wanted = config("{listen: ['127.0.0.1:1'], workers: 7, routes: {/new: {mode: echo}}}");
    let reloaded = server.reload(Ok(wanted)).await.unwrap();
    assert_eq!(reloaded.need_restart, ["listen", "workers", "routes./new (new)"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_administration_asks_for_a_reload_and_tells_what_came_of_it() {
    let mut server = start("admin: {listen: ['127.0.0.1:0']}");
    let address = server.admin_addrs()[0];
    let asked = tokio::spawn(async move {
        let request = "POST /admin/reload HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
            Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        exchange_at(address, request).await
    });
    let Wish::Reload(reply) = server.wish().await.unwrap() else {
        panic!("another wish")
    };
    let broken = ServerConfig::from_yaml("workers: many", "server.yaml");
    reply.send(server.reload(broken).await).unwrap();
    let answer = asked.await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("server.yaml:1:"),
        "{answer}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_without_a_file_says_so() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (ready, address) = tokio::sync::oneshot::channel();
    let config = ServerConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        ..config("admin: {token: t}")
    };
    let running = tokio::spawn(async move {
        let shutdown = async { stopped.await.unwrap_or_default() };
        wsbench::server::run(&config, shutdown, |addresses| ready.send(addresses[0]).unwrap()).await
    });
    let request = "POST /admin/reload HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer t\r\n\
        Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let answer = exchange_at(address.await.unwrap(), request).await;
    assert_eq!(status(&answer), 503, "{answer}");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

/// A certificate and its key in files, and the certificate itself.
fn write_identity(folder: &Path) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    std::fs::write(folder.join("cert.pem"), &certificate).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let identity = Identity::from_files(&folder.join("cert.pem"), &folder.join("key.pem")).unwrap();
    identity.certificate_pem()
}

#[tokio::test]
async fn d8_certificates_are_read_again_and_open_connections_stay() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_identity(folder.path());
    let yaml = format!(
        "tls: {{files: {{certificate: '{0}/cert.pem', key: '{0}/key.pem'}}}}",
        folder.path().display()
    );
    let server: Server = start(&yaml);
    assert_eq!(server.certificate_pem(), Some(first.clone()));
    let mut before = crate::tls::connect(&server, "/echo").await;
    let second = write_identity(folder.path());
    server.reload(Ok(config(&yaml))).await.unwrap();
    assert_eq!(server.certificate_pem(), Some(second.clone()));
    assert_ne!(first, second);
    // The client trusts what the server says now, so this fails unless the new certificate is served.
    let mut after = crate::tls::connect(&server, "/echo").await;
    for socket in [&mut before, &mut after] {
        use futures_util::{SinkExt, StreamExt};
        socket.send(Message::text("x")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("x"));
    }
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    assert!(server.reload(Ok(config(&yaml))).await.is_err());
    crate::tls::connect(&server, "/echo").await;
    server.stop().await.unwrap();
}
