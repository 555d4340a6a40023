//! Which upstreams are up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::spawn;
use tokio::time::timeout;
use wsbench::server::Server;

use super::world::{backends, echoes, free_address, instances, proxy, shares, until, up, upgrade, url};
use crate::support::{Client, PATIENCE, body, start};

#[tokio::test]
async fn c9_connections_go_to_those_that_are_up_until_the_other_recovers() {
    let mut backends = backends(&["a", "b"]);
    let upstreams = echoes(&backends);
    let lost = backends[0].local_addrs()[0];
    let proxy = proxy(&upstreams, "health_check: {interval: 20ms}");
    assert_eq!(instances(&proxy, 2).await, ["a", "b"]);
    backends.remove(0).stop().await.unwrap();
    // Not one is refused while the check has not noticed yet.
    assert_eq!(shares(&instances(&proxy, 4).await), BTreeMap::from([("b", 4)]));
    until(
        &proxy,
        "/metrics",
        &[up(&upstreams[0].0, 0), up(&upstreams[1].0, 1)],
    )
    .await;
    assert_eq!(shares(&instances(&proxy, 4).await), BTreeMap::from([("b", 4)]));
    let mut config = wsbench::server::ServerConfig::from_yaml("instance: a2", "test").unwrap();
    config.listen = vec![lost];
    let back = Server::start(&config).unwrap();
    until(&proxy, "/metrics", &[up(&upstreams[0].0, 1)]).await;
    assert_eq!(
        shares(&instances(&proxy, 4).await),
        BTreeMap::from([("a2", 2), ("b", 2)])
    );
    back.stop().await.unwrap();
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn c9_without_a_health_check_a_failure_takes_an_upstream_out_for_a_time() {
    let backends = backends(&["b"]);
    let mut upstreams = vec![(format!("ws://{}/echo", free_address()), 1)];
    upstreams.extend(echoes(&backends));
    let proxy = proxy(&upstreams, "fail_timeout: 50ms");
    assert_eq!(shares(&instances(&proxy, 4).await), BTreeMap::from([("b", 4)]));
    let failures = |n| {
        format!(
            "wsbench_proxy_upstream_failures_total{{route=\"/ws\",upstream=\"{}\"}} {n}",
            upstreams[0].0
        )
    };
    until(&proxy, "/metrics", &[failures(1)]).await;
    // It is tried again, in vain, once the time is over.
    until(&proxy, "/metrics", &[up(&upstreams[0].0, 1)]).await;
    assert_eq!(shares(&instances(&proxy, 2).await), BTreeMap::from([("b", 2)]));
    until(&proxy, "/metrics", &[failures(2)]).await;
    proxy.stop().await.unwrap();
}

/// An HTTP server whose answers the test can change; it counts its requests and keeps the last one.
struct Patient {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Patient {
    async fn start(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(answer.to_owned())),
            requests: Arc::default(),
        };
        let (answer, requests) = (this.answer.clone(), this.requests.clone());
        spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                let (answer, requests) = (answer.clone(), requests.clone());
                spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let mut buffer = [0; 1024];
                        match tcp.read(&mut buffer).await {
                            Ok(length) if length > 0 => request.extend_from_slice(&buffer[..length]),
                            _ => return,
                        }
                    }
                    let request = String::from_utf8(request).unwrap();
                    let key = request
                        .lines()
                        .find_map(|line| line.strip_prefix("sec-websocket-key: "));
                    let accept = key.map(wsbench::wire::handshake::accept_key).unwrap_or_default();
                    let answer = answer.lock().unwrap().replace("ACCEPT", &accept);
                    requests.lock().unwrap().push(request);
                    tcp.write_all(answer.as_bytes()).await.ok();
                    // The connection stays open until the other side has read all.
                    let mut rest = [0; 64];
                    while matches!(tcp.read(&mut rest).await, Ok(length) if length > 0) {}
                });
            }
        });
        this
    }

    fn answers(&self, answer: &str) {
        *self.answer.lock().unwrap() = answer.to_owned();
    }
}

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: ACCEPT\r\nX-Status: healthy\r\nX-Load: 42%\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const SICK: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nsick";

#[tokio::test]
async fn c6_c7_a_websocket_check_with_its_own_port_uri_headers_and_match() {
    let backends = backends(&["a"]);
    let upstreams = echoes(&backends);
    let patient = Patient::start(SWITCHED).await;
    let proxy = proxy(
        &upstreams,
        &format!(
            "health_check: {{interval: 20ms, timeout: 3s, fails: 2, pass: 2, ws: {{port: {}, uri: '/health/ws?x=1', \
             headers: {{X-Health-Check: wsbench}}, match: {{status_codes: [[101, 101]], \
             headers: [{{name: X-Status, value: healthy, type: exact}}, \
             {{name: X-Load, value: '^[0-9]{{1,2}}%$', type: regexp}}]}}}}}}",
            patient.address.port()
        ),
    );
    let checks_failed = |n| {
        format!(
            "wsbench_proxy_health_checks_failed_total{{route=\"/ws\",upstream=\"{}\"}} {n}",
            upstreams[0].0
        )
    };
    let checked = |count: usize| {
        let requests = patient.requests.clone();
        async move {
            let before = requests.lock().unwrap().len();
            timeout(PATIENCE, async {
                while requests.lock().unwrap().len() < before + count {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
            .await
            .expect("no checks");
        }
    };
    checked(3).await;
    until(&proxy, "/metrics", &[up(&upstreams[0].0, 1), checks_failed(0)]).await;
    let request = patient.requests.lock().unwrap()[0].clone();
    assert!(
        request.starts_with("GET /health/ws?x=1 HTTP/1.1\r\n"),
        "{request}"
    );
    for line in [
        "x-health-check: wsbench",
        "upgrade: websocket",
        "sec-websocket-version: 13",
    ] {
        assert!(
            request.lines().any(|found| found == line),
            "{line} is missing in {request}"
        );
    }
    for sick in [
        SWITCHED.replace("healthy", "sick"),
        SWITCHED.replace("42%", "100%"),
        SICK.to_owned(),
        SWITCHED.replace("ACCEPT", "wrong"),
    ] {
        patient.answers(&sick);
        until(&proxy, "/metrics", &[up(&upstreams[0].0, 0)]).await;
        let response = upgrade(&proxy, "/ws", "").await;
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        patient.answers(SWITCHED);
        until(&proxy, "/metrics", &[up(&upstreams[0].0, 1)]).await;
    }
    assert_eq!(Client::connect(&proxy, "/ws").await.instance, "a");
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn c7_an_upstream_is_asked_for_a_websocket_by_default() {
    // The check's connection ends in order: the backend sees no client vanish.
    let backend = start("instance: a");
    let upstream = format!("{}/echo", url(&backend));
    let proxy = proxy(&[(upstream.clone(), 1)], "health_check: {interval: 20ms}");
    let closed = "wsbench_connections_closed_total{route=\"/echo\",initiator=\"client\",code=\"1000\"} ";
    let poll = async {
        while !body(&backend, "/metrics").await.contains(closed) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, poll).await.expect("no check ended");
    let page = body(&backend, "/metrics").await;
    assert!(!page.contains("code=\"1006\""), "{page}");
    until(&proxy, "/metrics", &[up(&upstream, 1)]).await;
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn c8_with_both_checks_an_upstream_must_pass_both() {
    let backends = backends(&["a"]);
    let upstreams = echoes(&backends);
    let (ws, http) = (Patient::start(SWITCHED).await, Patient::start(OK).await);
    let proxy = proxy(
        &upstreams,
        &format!(
            "health_check: {{interval: 20ms, ws: {{port: {}}}, http: {{port: {}, uri: /health}}}}",
            ws.address.port(),
            http.address.port()
        ),
    );
    let is_up = |state| [up(&upstreams[0].0, state)];
    until(&proxy, "/metrics", &is_up(1)).await;
    http.answers(SICK);
    until(&proxy, "/metrics", &is_up(0)).await;
    ws.answers(SICK);
    http.answers(OK);
    // Both have been asked since, and it is down still.
    let asked = http.requests.lock().unwrap().len();
    timeout(PATIENCE, async {
        while http.requests.lock().unwrap().len() < asked + 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("no checks");
    until(&proxy, "/metrics", &is_up(0)).await;
    ws.answers(SWITCHED);
    until(&proxy, "/metrics", &is_up(1)).await;
    let request = http.requests.lock().unwrap()[0].clone();
    assert!(
        request.starts_with("GET /health HTTP/1.1\r\n") && !request.contains("upgrade"),
        "{request}"
    );
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn c6_a_check_without_an_answer_fails_after_its_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("ws://{}/", silent.local_addr().unwrap());
    let proxy = proxy(
        &[(upstream.clone(), 1)],
        "health_check: {interval: 10ms, timeout: 30ms}",
    );
    until(&proxy, "/metrics", &[up(&upstream, 0)]).await;
    proxy.stop().await.unwrap();
}
