//! The administration.

use futures_util::StreamExt;
use futures_util::future::{join_all, select_all};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, admin, ask_admin, ended, exchange, get, get_at, start, status, upgrade_status};

const CONFIG: &str = "admin: {listen: ['127.0.0.1:0']}";

#[tokio::test]
async fn without_a_token_the_administration_is_on_its_own_address_alone() {
    let server = start(CONFIG);
    assert_eq!(status(&get(&server, "/admin").await), 404);
    assert_eq!(status(&get_at(server.admin_addrs()[0], "/admin").await), 200);
    assert_eq!(status(&get_at(server.admin_addrs()[0], "/echo").await), 404);
    assert_eq!(ask_admin(&server, "/admin/nothing").await.0, 404);
    assert_eq!(ask_admin(&server, "/admin/kill").await.0, 405);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_without_an_administrator_has_no_administration() {
    let server = start("");
    for path in ["/admin", "/admin/health"] {
        assert_eq!(status(&get(&server, path).await), 404);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn with_a_token_the_administration_is_on_every_address_and_asks_for_it() {
    let server = start("admin: {token: s3cret}");
    for (header, expected) in [
        ("", 401),
        ("Authorization: Bearer wrong\r\n", 401),
        ("Authorization: Basic czNjcmV0\r\n", 401),
        ("Authorization: Bearer s3cret\r\n", 200),
    ] {
        let request = format!("GET /admin HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{header}\r\n");
        let response = exchange(&server, &request).await;
        assert_eq!(status(&response), expected, "{header}");
        assert!(!response.contains("s3cret"), "{response}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_order_that_a_web_page_could_send_is_refused() {
    let server = start("admin: {token: s3cret}");
    let request = "POST /admin/health HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: text/plain\r\n\
        Authorization: Bearer s3cret\r\nContent-Length: 15\r\n\r\n{\"http\":\"down\"}";
    assert_eq!(status(&exchange(&server, request).await), 415);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn open_connections_are_listed_and_killed_by_id_route_or_all() {
    let server = start(CONFIG);
    let mut clients = Vec::new();
    for tag in ["a", "b", "c", "d"] {
        let path = if tag == "d" { "/ws" } else { "/echo" };
        clients.push(Client::connect(&server, &format!("{path}?tag={tag}")).await);
    }
    let (_, listed) = ask_admin(&server, "/admin/connections?route=/echo&limit=2").await;
    assert_eq!(
        (&listed["open"], listed["connections"].as_array().unwrap().len()),
        (&json!(3), 2)
    );
    let (_, listed) = ask_admin(&server, "/admin/connections?tag=b").await;
    let id = listed["connections"][0]["id"].clone();

    let order = json!({"id": id, "code": 4001, "reason": "bye"});
    assert_eq!(
        admin(&server, "/admin/kill", &order).await,
        (200, json!({"killed": 1}))
    );
    let mut b = clients.remove(1);
    assert_eq!(b.receive_close().await, (4001, "bye".to_owned()));
    b.finish().await;
    let line = ended(&server, "b").await;
    assert_eq!(
        (&line["cause"], &line["closed_by"], &line["code"]),
        (
            &"killed by the administrator".into(),
            &"server".into(),
            &4001.into()
        )
    );
    assert_eq!(admin(&server, "/admin/kill", &order).await.0, 404);

    let order = json!({"all": true, "cut": true, "code": 4001});
    assert_eq!(admin(&server, "/admin/kill", &order).await.0, 400);
    let order = json!({"route": "/echo", "cut": true});
    assert_eq!(admin(&server, "/admin/kill", &order).await.1["killed"], 2);
    for tag in ["a", "c"] {
        let line = ended(&server, tag).await;
        assert_eq!(
            (&line["closed_by"], &line["code"]),
            (&"nobody".into(), &1006.into())
        );
    }
    assert!(
        clients.remove(0).socket.next().await.unwrap().is_err(),
        "a reset, no Close frame"
    );
    assert_eq!(
        admin(&server, "/admin/kill", &json!({"all": true})).await.1["killed"],
        1
    );
    assert_eq!(clients[1].receive_close().await.0, 1001);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let server = start(CONFIG);
    for (path, order, expected) in [
        ("/admin/kill", json!({}), 400),
        ("/admin/kill", json!({"all": true, "id": 1}), 400),
        ("/admin/kill", json!({"all": true, "code": 1006}), 400),
        (
            "/admin/kill",
            json!({"all": true, "reason": "x".repeat(124)}),
            400,
        ),
        ("/admin/kill", json!({"route": "/nowhere"}), 404),
        ("/admin/kill", json!({"route": "/metrics"}), 404),
        ("/admin/health", json!({}), 400),
        ("/admin/health", json!({"http": "sideways"}), 400),
        ("/admin/reads", json!({"reads": "paused", "route": "/no"}), 404),
        (
            "/admin/reads",
            json!({"reads": "paused", "route": "/health"}),
            404,
        ),
        (
            "/admin/reads",
            json!({"reads": "paused", "route": "/status/*"}),
            404,
        ),
        ("/admin/drain", json!({"cancel": true, "stop": true}), 400),
        ("/admin/connections", json!({}), 405),
    ] {
        assert_eq!(admin(&server, path, &order).await.0, expected, "{path} {order}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d7_paused_reads_hold_clients_back_and_lose_nothing() {
    let server = start(
        "{admin: {listen: ['127.0.0.1:0']}, routes: {/echo: {ping_interval: 30ms, pong_wait: 60ms, idle_timeout: 200ms}}}",
    );
    let mut client = Client::connect(&server, "/echo").await;
    let mut other = Client::connect(&server, "/ws").await;
    client.send_text("before").await;
    while client.receive().await != Message::text("before") {}
    let (_, paused) = admin(
        &server,
        "/admin/reads",
        &json!({"reads": "paused", "route": "/echo"}),
    )
    .await;
    assert_eq!(paused, json!({"paused": ["/echo"]}));
    client.send_text("held").await;
    other.send_text("x").await;
    other.receive_text().await;
    // Longer than every timeout: a client that is not read is not accused of silence.
    for _ in 0..15 {
        assert!(matches!(client.receive().await, Message::Ping(_)));
    }
    admin(&server, "/admin/reads", &json!({"reads": "running"})).await;
    while client.receive().await != Message::text("held") {}
    server.stop().await.unwrap();
}

#[tokio::test]
async fn only_routes_with_connections_have_reads_to_pause() {
    let server = start(CONFIG);
    let (_, paused) = admin(&server, "/admin/reads", &json!({"reads": "paused"})).await;
    let paused = paused["paused"].as_array().unwrap();
    assert!(paused.contains(&json!("/echo")) && paused.contains(&json!("/health/ws")));
    for path in ["/admin", "/health", "/journal", "/metrics", "/status/*"] {
        assert!(!paused.contains(&json!(path)), "{path}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_drain_refuses_newcomers_and_closes_connections_one_after_the_other() {
    let server = start("{workers: 1, admin: {listen: ['127.0.0.1:0']}}");
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::connect(&server, "/echo").await);
    }
    // One in three minutes: the first at once, the second long after this test.
    let order = json!({"over": "1h"});
    let (_, draining) = admin(&server, "/admin/drain", &order).await;
    assert_eq!(draining, json!({"draining": true}));
    assert_eq!(upgrade_status(&server, "/echo", "").await, 503);
    assert!(get(&server, "/health").await.contains("\"draining\""));
    let closings: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            Box::pin(async move {
                let said = client.receive_close().await;
                client.finish().await;
                said
            })
        })
        .collect();
    let (said, _, others) = select_all(closings).await;
    assert_eq!(said, (1001, "server is draining".to_owned()));
    let (_, listed) = ask_admin(&server, "/admin/connections").await;
    assert_eq!(listed["open"], 19, "{listed}");

    admin(&server, "/admin/drain", &json!({"cancel": true})).await;
    let mut newcomer = Client::connect(&server, "/echo").await;
    admin(&server, "/admin/drain", &json!({"over": "100ms"})).await;
    for said in join_all(others).await {
        assert_eq!(said, (1001, "server is draining".to_owned()));
    }
    assert_eq!(newcomer.receive_close().await.0, 1001);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_drain_can_end_in_a_stop() {
    let mut server = start(CONFIG);
    let _client = Client::connect(&server, "/echo").await;
    admin(&server, "/admin/drain", &json!({"over": "50ms", "stop": true})).await;
    assert!(matches!(
        server.wish().await.unwrap(),
        wsbench::server::Wish::Stop
    ));
    server.stop().await.unwrap();
}
