//! Who may connect: credentials, origins, and how much each client may ask for.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use wsbench::server::{Server, ServerConfig};

use crate::issuer::{Issuer, SigningKey, claims, hs256};
use crate::support::{Client, body, ended, exchange, journal, start};

const SECRET: &str = "a secret that is long enough for HS256";

/// A connection and the subprotocol that the server chose, or else what the refusal says.
async fn connect(
    server: &Server,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<(Client, Option<String>), Value> {
    let address = server.local_addrs()[0];
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    match tokio_tungstenite::client_async(request, tcp).await {
        Ok((socket, response)) => {
            let header = |name| {
                response
                    .headers()
                    .get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
            };
            let instance = header("x-instance-id").unwrap();
            Ok((Client { socket, instance }, header("sec-websocket-protocol")))
        }
        Err(tungstenite::Error::Http(response)) => {
            let (head, body) = response.into_parts();
            let said: Value = serde_json::from_slice(&body.unwrap()).unwrap();
            assert_eq!(said["status"], head.status.as_u16());
            Err(said)
        }
        Err(error) => panic!("{error}"),
    }
}

/// The code of the refusal.
async fn refused(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> String {
    let refusal = connect(server, path, headers).await.map(drop).unwrap_err();
    refusal["error"].as_str().unwrap().to_owned()
}

async fn accepted(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Client {
    let connected = connect(server, path, headers).await;
    connected.unwrap_or_else(|refusal| panic!("{path}: {refusal}")).0
}

fn bearer(token: &str) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {token}"))]
}

async fn echoes(client: &mut Client) {
    client.send_text("still here").await;
    while client.receive().await != Message::text("still here") {}
}

#[tokio::test]
async fn b6_the_token_in_the_query_is_checked_before_the_upgrade() {
    let server = start("routes: {/ws: {auth: {token: {tokens: [geheim]}}}}");
    let answer = exchange(
        &server,
        "GET /ws?token=falsch HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    assert_eq!(refused(&server, "/ws", &[]).await, "no_credentials");
    let mut client = accepted(&server, "/ws?token=geheim", &[]).await;
    client.send_text("x").await;
    assert_eq!(client.receive_text().await, "Server hat empfangen: x");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a39_a_token_may_come_as_header_query_or_subprotocol_and_is_never_answered() {
    let server = start(&format!(
        "routes: {{/echo: {{subprotocols: [chat], auth: {{jwt: {{secret: {SECRET}}}}}}}}}"
    ));
    let token = hs256(SECRET, &claims(&json!({})));
    let places = [
        (
            "/echo".to_owned(),
            Some(("authorization", format!("Bearer {token}"))),
            None,
        ),
        (format!("/echo?token={token}"), None, None),
        (format!("/echo?access_token={token}"), None, None),
        (
            "/echo".to_owned(),
            Some(("sec-websocket-protocol", format!("access_token, {token}"))),
            Some("access_token"),
        ),
        // The route's own subprotocol comes first.
        (
            "/echo".to_owned(),
            Some(("sec-websocket-protocol", format!("access_token, {token}, chat"))),
            Some("chat"),
        ),
    ];
    for (path, header, chosen) in places {
        let header = header.as_ref().map(|(name, value)| (*name, value.as_str()));
        let (mut client, subprotocol) = connect(&server, &path, header.as_slice()).await.unwrap();
        assert_eq!(subprotocol.as_deref(), chosen);
        echoes(&mut client).await;
    }
    assert_eq!(refused(&server, "/echo", &[]).await, "no_credentials");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a30_an_open_connection_outlives_its_token() {
    let server = start(&format!(
        "routes: {{/echo: {{auth: {{jwt: {{secret: {SECRET}, leeway: 0s}}}}}}}}"
    ));
    let now = claims(&json!({}))["exp"].as_u64().unwrap() - 3_600;
    let token = hs256(SECRET, &claims(&json!({"exp": now + 2})));
    let header = bearer(&token);
    let headers = [(header[0].0, header[0].1.as_str())];
    let mut client = accepted(&server, "/echo", &headers).await;
    // Until the token has expired it opens further connections.
    let refusal = loop {
        if let Err(refusal) = connect(&server, "/echo", &headers).await {
            break refusal;
        }
    };
    assert_eq!(refusal["error"], "token_expired");
    echoes(&mut client).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a22_issuer_and_audience_of_the_chat_are_checked_with_published_keys() {
    let key = SigningKey::new("one");
    let issuer = Issuer::start(&[&key]).await;
    let server = start(&format!(
        "routes:
  /echo:
    auth:
      jwt: {{issuer: 'https://auth.example.com', audience: 'wss://chat.example.com', jwks_uri: '{}/keys'}}",
        issuer.url()
    ));
    let good = json!({"iss": "https://auth.example.com", "aud": "wss://chat.example.com"});
    for (field, value, refusal) in [
        ("sub", "alice", None),
        ("iss", "https://evil.example.com", Some("wrong_issuer")),
        ("aud", "wss://mail.example.com", Some("wrong_audience")),
    ] {
        let mut all = claims(&good);
        all[field] = value.into();
        let header = format!("Bearer {}", key.token(&all));
        let connected = connect(&server, "/echo", &[("authorization", &header)]).await;
        let code = connected.err().map(|refusal| refusal["error"].clone());
        assert_eq!(code, refusal.map(Value::from), "{field}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d21_a_rotated_key_is_discovered_and_a_withdrawn_one_is_forgotten() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let issuer = Issuer::start(&[&old]).await;
    let server = start(&format!(
        "routes: {{/echo: {{auth: {{jwt: {{issuer: '{}', keys_min_refetch: 0s}}}}}}}}",
        issuer.url()
    ));
    let token = |key: &SigningKey| format!("Bearer {}", key.token(&claims(&json!({"iss": issuer.url()}))));
    let (by_old, by_new) = (token(&old), token(&new));
    accepted(&server, "/echo", &[("authorization", &by_old)]).await;
    assert_eq!(
        refused(&server, "/echo", &[("authorization", &by_new)]).await,
        "unknown_key"
    );
    issuer.publish(&[&new]);
    accepted(&server, "/echo", &[("authorization", &by_new)]).await;
    assert_eq!(
        refused(&server, "/echo", &[("authorization", &by_old)]).await,
        "unknown_key"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a47_user_name_and_password() {
    let server = start("routes: {/echo: {auth: {basic: {users: {alice: 'open: sesame'}}}}}");
    let basic = |text: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    accepted(
        &server,
        "/echo",
        &[("authorization", &basic("alice:open: sesame"))],
    )
    .await;
    for wrong in ["alice:sesame", "bob:open: sesame", "alice:"] {
        assert_eq!(
            refused(&server, "/echo", &[("authorization", &basic(wrong))]).await,
            "invalid_password"
        );
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a41_only_the_listed_pages_may_connect() {
    let server = start(
        "routes: {/echo: {origin: {allowed: ['https://app.example.com', 'https://*.example.org']}}, /ws: {origin: {}}}",
    );
    for (path, origin, allowed) in [
        ("/echo", "https://app.example.com", true),
        ("/echo", "https://a.b.example.org", true),
        ("/echo", "https://example.org", false),
        ("/echo", "http://app.example.com", false),
        ("/echo", "null", false),
        ("/ws", "https://app.example.com", false),
        ("/broadcast", "https://evil.example.com", true),
    ] {
        let connected = connect(&server, path, &[("origin", origin)]).await;
        let code = connected.err().map(|refusal| refusal["error"].clone());
        let expected = (!allowed).then(|| Value::from("origin_refused"));
        assert_eq!(code, expected, "{path} {origin}");
    }
    let own = format!("http://{}", server.local_addrs()[0]);
    accepted(&server, "/ws", &[("origin", &own)]).await;
    accepted(&server, "/ws", &[]).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a23_a31_ten_upgrades_come_at_once_and_the_next_has_to_wait() {
    // At a hundredth of the seed's 10/s, so that none comes back while the test runs; the burst is the seed's.
    let server = start("routes: {/echo: {upgrade_limits: [{rate: 0.1/s, burst: 10}]}}");
    let mut codes = Vec::new();
    for _ in 0..30 {
        codes.push(
            connect(&server, "/echo", &[])
                .await
                .err()
                .map(|refusal| refusal["error"].clone()),
        );
    }
    let refused = codes.iter().position(Option::is_some).unwrap();
    assert_eq!(refused, 10);
    assert!(
        codes[10..]
            .iter()
            .all(|code| *code == Some("rate_limited".into())),
        "{codes:?}"
    );
    accepted(&server, "/ws", &[]).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a26_upgrades_are_limited_by_the_claim_sub() {
    let server = start(&format!(
        "routes:
  /echo:
    auth: {{jwt: {{secret: {SECRET}}}}}
    upgrade_limits: [{{per: {{claim: sub}}, rate: 0.01/s, burst: 5}}]"
    ));
    for name in ["alice", "bob"] {
        let header = format!("Bearer {}", hs256(SECRET, &claims(&json!({"sub": name}))));
        for _ in 0..5 {
            accepted(&server, "/echo", &[("authorization", &header)]).await;
        }
        assert_eq!(
            refused(&server, "/echo", &[("authorization", &header)]).await,
            "rate_limited"
        );
    }
    server.stop().await.unwrap();
}

/// How many of a hundred and five messages are answered before the server closes.
async fn answered(client: &mut Client) -> (usize, (u16, String)) {
    for _ in 0..105 {
        client.send_text("x").await;
    }
    let mut answered = 0;
    loop {
        match client.receive().await {
            Message::Text(_) => answered += 1,
            Message::Close(Some(frame)) => return (answered, (frame.code.into(), frame.reason.to_string())),
            _ => {}
        }
    }
}

#[tokio::test]
async fn b7_the_101st_message_of_a_minute_closes_and_in_the_seed_s_way_the_102nd() {
    for (mode, fit) in [("strict", 100), ("seed-compat", 101)] {
        let server = start(&format!("routes: {{/echo: {{message_limit: {{mode: {mode}}}}}}}"));
        let mut client = Client::connect(&server, "/echo?tag=chatty").await;
        let closed = (1008, "Rate limit exceeded".to_owned());
        assert_eq!(answered(&mut client).await, (fit, closed.clone()), "{mode}");
        client.finish().await;
        assert_eq!(ended(&server, "chatty").await["cause"], "rate limited");
        // The window is that of the address: a new connection has none of its own, or begins it anew as the seed does.
        let again = answered(&mut Client::connect(&server, "/echo").await).await;
        let fit_again = if mode == "strict" { 0 } else { fit };
        assert_eq!(again, (fit_again, closed), "{mode}");
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn b7_a_window_ends() {
    let server = start("routes: {/echo: {message_limit: {messages: 1, window: 30ms}}}");
    let mut client = Client::connect(&server, "/echo").await;
    client.send_text("x").await;
    assert_eq!(client.receive_text().await, "x");
    // In the same window the next one closes, and so does the first of any further connection.
    loop {
        client.send_text("y").await;
        match client.receive().await {
            Message::Close(_) => client = Client::connect(&server, "/echo").await,
            echo => break assert_eq!(echo, Message::text("y")),
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn places_are_counted_by_address_as_a_trusted_proxy_tells_it() {
    let limits = "max_connections_per_address: 1";
    let from = |address| [("x-forwarded-for", address)];
    let server = start(&format!("limits: {{{limits}, trusted_proxies: [127.0.0.0/8]}}"));
    let mut first = accepted(&server, "/echo", &from("192.0.2.1")).await;
    let _second = accepted(&server, "/echo", &from("192.0.2.2")).await;
    assert_eq!(
        refused(&server, "/echo", &from("192.0.2.1")).await,
        "too_many_from_address"
    );
    first.socket.close(None).await.unwrap();
    first.finish().await;
    while connect(&server, "/echo", &from("192.0.2.1")).await.is_err() {}
    server.stop().await.unwrap();

    let server = start(&format!("limits: {{{limits}}}"));
    let _first = accepted(&server, "/echo", &from("192.0.2.1")).await;
    assert_eq!(
        refused(&server, "/echo", &from("192.0.2.2")).await,
        "too_many_from_address",
        "anyone can write that header"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_refusal_takes_no_place() {
    let server =
        start("routes: {/echo: {max_connections: 1, max_connections_per_address: 1, api_keys: [k]}}");
    for _ in 0..3 {
        assert_eq!(refused(&server, "/echo", &[]).await, "no_credentials");
    }
    let _first = accepted(&server, "/echo", &[("x-device-key", "k")]).await;
    for _ in 0..3 {
        assert_eq!(
            refused(&server, "/echo", &[("x-device-key", "k")]).await,
            "too_many_connections"
        );
    }
    accepted(&server, "/ws", &[]).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_journal_tells_the_subject_and_the_reason_but_no_secret() {
    let server = start(&format!(
        "routes: {{/echo: {{auth: {{jwt: {{secret: {SECRET}}}, api_key: {{keys: [hunter2]}}}}}}}}"
    ));
    let token = hs256(SECRET, &claims(&json!({})));
    let _client = accepted(&server, &format!("/echo?tag=good&token={token}"), &[]).await;
    assert_eq!(
        refused(&server, &format!("/echo?tag=bad&token={token}x"), &[]).await,
        "bad_signature"
    );
    assert_eq!(
        refused(&server, "/echo?tag=bad", &[("x-device-key", "hunter3")]).await,
        "invalid_api_key"
    );
    let lines = journal(&server, "").await;
    assert_eq!(
        (&lines[2]["tag"], &lines[2]["subject"]),
        (&"good".into(), &"alice".into())
    );
    assert_eq!(
        (&lines[0]["error"], &lines[0]["path"]),
        (&"bad_signature".into(), &"/echo".into())
    );
    assert_eq!(lines[1]["error"], "invalid_api_key");
    let text = format!(
        "{}{}",
        body(&server, "/journal").await,
        body(&server, "/metrics").await
    );
    for secret in [token.as_str(), SECRET, "hunter"] {
        assert!(!text.contains(secret), "{text}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn refusals_are_counted_by_route_and_reason() {
    let server = start("routes: {/iot: {api_keys: [k]}, /ws: {origin: {}}}");
    refused(&server, "/iot", &[]).await;
    refused(&server, "/iot", &[]).await;
    refused(&server, "/iot", &[("x-device-key", "j")]).await;
    refused(&server, "/ws", &[("origin", "https://evil.example.com")]).await;
    let page = body(&server, "/metrics").await;
    for line in [
        r#"wsbench_upgrades_refused_total{route="/iot",reason="no_credentials"} 2"#,
        r#"wsbench_upgrades_refused_total{route="/iot",reason="invalid_api_key"} 1"#,
        r#"wsbench_upgrades_refused_total{route="/ws",reason="origin_refused"} 1"#,
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is missing in\n{page}"
        );
    }
    assert_eq!(server.stop().await.unwrap().refused, 4);
}

#[tokio::test]
async fn an_endpoint_is_guarded_if_its_route_says_so_and_not_by_the_defaults() {
    let server = start(
        "{defaults: {auth: {token: {tokens: [t]}}}, routes: {/journal: {auth: {basic: {users: {ops: secret}}}}}}",
    );
    assert_eq!(refused(&server, "/echo", &[]).await, "no_credentials");
    assert!(body(&server, "/health").await.contains(r#""status":"ok""#));
    let get =
        |headers: &str| format!("GET /journal HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
    let answer = exchange(&server, &get("")).await;
    assert!(
        answer.starts_with("HTTP/1.1 401 ") && answer.contains("www-authenticate: Basic "),
        "{answer}"
    );
    let answer = exchange(&server, &get("Authorization: Basic b3BzOnNlY3JldA==\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.stop().await.unwrap();
}

#[test]
fn a_server_whose_secrets_cannot_be_read_does_not_start() {
    for (yaml, expected) in [
        (
            "routes: {/iot: {api_keys: [{env: WSBENCH_TEST_NO_SUCH_VARIABLE}]}}",
            "/iot: the environment variable `WSBENCH_TEST_NO_SUCH_VARIABLE` is not set, or is not UTF-8",
        ),
        (
            "routes: {/ws: {auth: {token: {tokens: [{file: /nowhere/token}]}}}}",
            "/ws: cannot read /nowhere/token: No such file or directory (os error 2)",
        ),
        (
            "routes: {/ws: {auth: {}}}",
            "/ws: `auth` needs one of `token`, `jwt`, `api_key`, `basic`; leave it out to let everyone in",
        ),
    ] {
        let config = ServerConfig {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            ..ServerConfig::from_yaml(yaml, "test").unwrap()
        };
        assert_eq!(Server::start(&config).unwrap_err().to_string(), expected);
    }
}
