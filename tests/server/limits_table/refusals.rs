//! Every refusal: status, code, message and headers.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wsbench::server::Server;
use wsbench::server::refusal::RefusalCode;

use super::{compare, rows};
use crate::issuer::{Issuer, SigningKey, assemble, claims, hs256};
use crate::proxy::{until, up};
use crate::support::{Client, PATIENCE, admin, start};

const HEADING: &str = "Refused requests";
/// Headers that have nothing to do with the refusal.
const COMMON: [&str; 5] = [
    "connection: close",
    "content-length",
    "content-type: application/json",
    "date",
    "x-instance-id",
];
const SECRET: &str = "a secret that is long enough for HS256";

#[tokio::test]
async fn every_refusal_is_documented_as_it_is() {
    let mut seen = BTreeSet::new();
    for request in on_one_server() {
        seen.insert(row(&refused(&server().await, &request).await));
    }
    seen.extend(with_others_around().await);
    compare(HEADING, &rows(HEADING, 4), &seen);
    let named: BTreeSet<_> = seen.iter().map(|row| row[1].as_str()).collect();
    for code in RefusalCode::ALL {
        assert!(named.contains(code.name()), "nothing provokes `{}`", code.name());
    }
}

/// A server with a route for each thing that can be refused.
async fn server() -> Server {
    let (known, issuer) = (SigningKey::new("known"), Issuer::start(&[]).await);
    issuer.publish(&[&known]);
    // The server fetches the keys when they are needed; the issuer lives as long as the test's runtime.
    start(&format!(
        "
limits: {{max_header_size: 8KiB, max_headers: 20, handshake_timeout: 200ms, trusted_proxies: [127.0.0.1]}}
relay: {{max_processes: 1}}
routes:
  /token: {{mode: echo, auth: {{token: {{tokens: [t]}}}}}}
  /device: {{mode: echo, api_keys: [k]}}
  /user: {{mode: echo, auth: {{basic: {{users: {{alice: secret}}}}}}}}
  /jwt:
    mode: echo
    auth:
      jwt: {{secret: {SECRET}, issuer: 'https://auth.example.com', audience: chat, claims: {{role: device}}}}
  /issuer: {{mode: echo, auth: {{jwt: {{jwks_uri: '{}/keys'}}}}}}
  /away: {{mode: echo, auth: {{jwt: {{jwks_uri: 'http://127.0.0.1:1/keys'}}}}}}
  /pages: {{mode: echo, origin: {{allowed: 'https://app.example.com', absent: refuse}}}}
  /nobody: {{mode: {{relay: {{target: nobody}}}}}}
  /admin: {{mode: relay-admin}}
  /locked: {{mode: {{relay-admin: {{token: secret}}}}}}
  /gone: {{mode: {{proxy: {{upstreams: [{{url: 'ws://127.0.0.1:1'}}]}}}}}}
",
        issuer.url()
    ))
}

/// Requests that are refused for what they are.
fn on_one_server() -> Vec<String> {
    let plain = |path: &str| upgrade(path, "");
    let with = upgrade;
    let without = |part: &str| {
        let request = upgrade("/echo", "");
        assert!(request.contains(part), "{part}");
        request.replace(part, "")
    };
    let instead = |part: &str, other: &str| upgrade("/echo", "").replace(part, other);
    let bearer = |path: &str, token: &str| upgrade(path, &format!("Authorization: Bearer {token}\r\n"));
    let basic = |text: &str| {
        upgrade(
            "/user",
            &format!("Authorization: Basic {}\r\n", STANDARD.encode(text)),
        )
    };
    let jwt = |further: Value| {
        let mut all = claims(&json!({"iss": "https://auth.example.com", "aud": "chat", "role": "device"}));
        for (name, value) in further.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        bearer("/jwt", &hs256(SECRET, &all))
    };
    let post = |path: &str, content_type: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n")
    };
    vec![
        plain("/nowhere"),
        // The handshake, RFC 6455 4.2.1.
        instead("GET ", "POST "),
        instead("HTTP/1.1", "HTTP/1.0"),
        without("Host: test\r\n"),
        without("Upgrade: websocket\r\n"),
        instead("Connection: Upgrade", "Connection: close"),
        without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
        instead("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        instead("Version: 13", "Version: 12"),
        with("/echo", "Sec-WebSocket-Version: 13\r\n"),
        with("/echo", "Sec-WebSocket-Protocol: a, a\r\n"),
        with("/echo", "Sec-WebSocket-Extensions: a b\r\n"),
        // Credentials.
        plain("/token"),
        bearer("/token", "u"),
        plain("/device"),
        with("/device", "X-Device-Key: j\r\n"),
        with("/device", "X-Device-Key: k\r\nX-Device-Key: k\r\n"),
        plain("/user"),
        basic("alice:wrong"),
        basic("alice"),
        with("/token", "Authorization: Bearer t\r\nAuthorization: Bearer t\r\n"),
        // Tokens that are signed.
        plain("/jwt"),
        bearer("/jwt", "x"),
        bearer("/jwt", &critical()),
        bearer("/jwt", &hs256("another secret", &claims(&json!({})))),
        bearer(
            "/jwt",
            &assemble(&json!({"alg": "ES256"}), &claims(&json!({})), |_| vec![0; 64]),
        ),
        jwt(json!({"exp": 1_000})),
        jwt(json!({"nbf": 1_000_000_000_000_u64})),
        jwt(json!({"iss": "https://evil.example.com"})),
        jwt(json!({"aud": "mail"})),
        jwt(json!({"exp": null})),
        jwt(json!({"exp": "soon"})),
        jwt(json!({"role": "guest"})),
        bearer("/issuer", &SigningKey::new("other").token(&claims(&json!({})))),
        bearer("/away", &SigningKey::new("other").token(&claims(&json!({})))),
        // Pages.
        with("/pages", "Origin: https://evil.example.com\r\n"),
        plain("/pages"),
        // Modes that cannot make sense of the query, and one without what it needs.
        plain(&format!("/chat?room={}", "r".repeat(300))),
        plain("/game?hz=0"),
        plain("/dashboard?interval=5ms"),
        plain("/dashboard?interval=often"),
        plain("/push?rate=fast"),
        plain("/status/99"),
        plain("/ws-notifications"),
        plain("/gone"),
        // Faults.
        plain("/echo?fault=delay:10ms"),
        plain("/echo?fault=nonsense"),
        plain("/rst"),
        // HTTP.
        "GET /echo HTTP/1.1\r\nHost: te".to_owned(),
        get("/echo", &format!("X: {}\r\n", "x".repeat(20_000))),
        get("/echo", &"X: y\r\n".repeat(50)),
        "GET /echo HTTP/1.1\r\nno header\r\n\r\n".to_owned(),
        instead("GET /echo", "PUT /metrics"),
        instead("GET /echo", "PUT /admin"),
        // The relay and its administrator.
        plain("/nobody"),
        get("/admin", "X-Forwarded-For: 192.0.2.1\r\n"),
        get("/locked", ""),
        get("/admin?pid=nobody", ""),
        post("/admin", "text/plain", "{}"),
        post("/admin", "application/json", "[]"),
        post("/admin", "application/json", &" ".repeat((1 << 20) + 1)),
    ]
}

/// Refusals that take more than one request, or that depend on others.
async fn with_others_around() -> Vec<Vec<String>> {
    let mut seen = Vec::new();
    for (yaml, path) in [
        ("limits: {max_connections: 1}", "/echo"),
        ("limits: {max_connections_per_address: 1}", "/echo"),
        ("routes: {/echo: {max_connections: 1}}", "/echo"),
        ("routes: {/echo: {max_connections_per_address: 1}}", "/echo"),
        (
            "routes: {/echo: {upgrade_limits: [{rate: 0.01/s, burst: 1}]}}",
            "/echo",
        ),
    ] {
        let server = start(yaml);
        let _first = Client::connect(&server, path).await;
        seen.push(row(&refused(&server, &upgrade(path, "")).await));
    }
    seen.push(per_identity().await);
    seen.push(while_stopping().await);
    seen.extend(by_order_of_the_administrator().await);
    seen.push(one_process_too_many().await);
    seen.push(silent_handler().await);
    seen.push(silent_upstream().await);
    seen.push(no_upstream_is_up().await);
    seen
}

async fn per_identity() -> Vec<String> {
    let server =
        start("routes: {/echo: {api_keys: [k], upgrade_limits: [{per: identity, rate: 0.01/s, burst: 1}]}}");
    let request = upgrade("/echo", "X-Device-Key: k\r\n");
    let _first = Client::connect_with(&server, "/echo", &[("x-device-key", "k")]).await;
    row(&refused(&server, &request).await)
}

/// A connection that was there before can still ask.
async fn while_stopping() -> Vec<String> {
    let server = start("{workers: 1, drain_time: 20s}");
    let mut staying = Client::connect(&server, "/echo").await;
    let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    // An answer shows that the connection was accepted.
    tcp.write_all(b"HEAD /health HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(tcp.read_u8().await.unwrap());
    }
    let stopping = tokio::spawn(server.stop());
    staying.receive_close_unanswered().await;
    tcp.write_all(upgrade("/echo", "").as_bytes()).await.unwrap();
    let answer = whole_answer(&mut tcp).await;
    drop(staying);
    stopping.await.unwrap().unwrap();
    row(&answer)
}

/// The answer to a request that leaves open whether the connection goes on.
async fn refused(server: &Server, request: &str) -> String {
    let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    whole_answer(&mut tcp).await
}

/// Reads head and body, or to the end of the connection.
async fn whole_answer(tcp: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !is_whole(&String::from_utf8_lossy(&answer)) {
        let reading = timeout(PATIENCE, tcp.read_buf(&mut answer));
        if reading.await.expect("no end in time").unwrap() == 0 {
            break;
        }
    }
    String::from_utf8(answer).unwrap()
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lengths = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length: "));
    lengths
        .next()
        .is_some_and(|length| body.len() >= length.parse().unwrap())
}

async fn by_order_of_the_administrator() -> Vec<Vec<String>> {
    let server = start("admin: {listen: ['127.0.0.1:0']}");
    admin(&server, "/admin/health", &json!({"ws": "down"})).await;
    let unhealthy = row(&refused(&server, &upgrade("/health/ws", "")).await);
    admin(&server, "/admin/drain", &json!({})).await;
    let draining = row(&refused(&server, &upgrade("/echo", "")).await);
    vec![unhealthy, draining]
}

async fn one_process_too_many() -> Vec<String> {
    let server = start("{relay: {max_processes: 0}, routes: {/full: {mode: {relay: {target: echo}}}}}");
    row(&refused(&server, &upgrade("/full", "")).await)
}

async fn silent_handler() -> Vec<String> {
    let handler = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = handler.local_addr().unwrap();
    let server = start(&format!(
        "routes: {{/slow: {{mode: {{relay: {{handler: 'http://{address}', handler_timeout: 100ms}}}}}}}}"
    ));
    row(&refused(&server, &upgrade("/slow", "")).await)
}

async fn silent_upstream() -> Vec<String> {
    let upstream = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = upstream.local_addr().unwrap();
    let server = start(&format!(
        "routes: {{/slow: {{mode: {{proxy: {{answer_timeout: 100ms, upstreams: [{{url: 'ws://{address}'}}]}}}}}}}}"
    ));
    row(&refused(&server, &upgrade("/slow", "")).await)
}

async fn no_upstream_is_up() -> Vec<String> {
    let upstream = "ws://127.0.0.1:1/";
    let server = start(&format!(
        "routes: {{/ws: {{mode: {{proxy: {{health_check: {{interval: 20ms}}, upstreams: [{{url: '{upstream}'}}]}}}}}}}}"
    ));
    until(&server, "/metrics", &[up(upstream, 0)]).await;
    row(&refused(&server, &upgrade("/ws", "")).await)
}

fn upgrade(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

fn critical() -> String {
    assemble(
        &json!({"alg": "HS256", "crit": ["x"]}),
        &claims(&json!({})),
        |_| vec![0; 32],
    )
}

/// The row that documents this answer: status, code, message, headers.
fn row(answer: &str) -> Vec<String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap_or_default();
    let lines = lines.filter(|line| {
        let line = line.to_ascii_lowercase();
        let (name, _) = line.split_once(": ").unwrap();
        !COMMON.contains(&&*line) && !COMMON.contains(&name)
    });
    let headers: Vec<_> = lines.map(capitalised).collect();
    let said: Value = serde_json::from_str(body).unwrap_or_default();
    if !body.is_empty() {
        let fields: Vec<_> = said.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["error", "message", "status"], "{answer}");
        assert_eq!(said["status"].to_string(), status, "{answer}");
    }
    let text = |field: &str| said[field].as_str().unwrap_or_default().to_owned();
    vec![
        status.to_owned(),
        text("error"),
        text("message"),
        headers.join(", "),
    ]
}

/// `retry-after: 5` as `Retry-After: 5`.
fn capitalised(line: &str) -> String {
    let (name, value) = line.split_once(": ").unwrap();
    let words = name.split('-').map(|word| match word {
        "www" => "WWW".to_owned(),
        "websocket" => "WebSocket".to_owned(),
        word => word[..1].to_ascii_uppercase() + &word[1..],
    });
    format!("{}: {value}", words.collect::<Vec<_>>().join("-"))
}
