//! Which upstream gets a connection while all are up.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wsbench::server::Server;

use super::world::{backends, echoes, instances, proxy, shares, until, url};
use crate::support::Client;

#[tokio::test]
async fn b14_three_servers_take_turns() {
    let backends = backends(&["a", "b", "c"]);
    let proxy = proxy(&echoes(&backends), "");
    assert_eq!(instances(&proxy, 6).await, ["a", "b", "c", "a", "b", "c"]);
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn a47_round_robin_ignores_weights() {
    let backends = backends(&["a", "b"]);
    let mut upstreams = echoes(&backends);
    upstreams[0].1 = 5;
    let proxy = proxy(&upstreams, "balance: round_robin");
    assert_eq!(instances(&proxy, 4).await, ["a", "b", "a", "b"]);
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn a24_a43_the_one_with_the_fewest_connections_is_next() {
    let backends = backends(&["a", "b", "c"]);
    let proxy = proxy(&echoes(&backends), "balance: least_conn");
    let mut clients = Vec::new();
    for _ in 0..9 {
        clients.push(Client::connect(&proxy, "/ws").await);
    }
    let seen: Vec<_> = clients.iter().map(|client| client.instance.clone()).collect();
    assert_eq!(shares(&seen), BTreeMap::from([("a", 3), ("b", 3), ("c", 3)]));
    // Those of b go; then b gets what comes until it has as many as the others.
    clients.retain(|client| client.instance != "b");
    let of_b = format!(
        "wsbench_proxy_upstream_connections{{route=\"/ws\",upstream=\"{}/echo\"}} 0",
        url(&backends[1])
    );
    until(&proxy, "/metrics", &[of_b]).await;
    for _ in 0..3 {
        clients.push(Client::connect(&proxy, "/ws").await);
        assert_eq!(clients.last().unwrap().instance, "b");
    }
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn a25_weights_of_two_to_one_with_a_sticky_cookie() {
    let backends = backends(&["a", "b"]);
    let mut upstreams = echoes(&backends);
    upstreams[0].1 = 2;
    let proxy = proxy(
        &upstreams,
        "balance: weighted, sticky_cookie: {name: GAME_SESSION}",
    );
    let seen = instances(&proxy, 9).await;
    assert_eq!(shares(&seen), BTreeMap::from([("a", 6), ("b", 3)]));
    // The cookie comes with the 101 and leads back.
    for _ in 0..4 {
        let (instance, cookie) = connect_with_cookie(&proxy, None).await;
        let cookie = cookie.unwrap();
        assert!(cookie.starts_with("GAME_SESSION="), "{cookie}");
        for _ in 0..3 {
            assert_eq!(
                connect_with_cookie(&proxy, Some(&cookie)).await,
                (instance.clone(), None)
            );
        }
    }
    proxy.stop().await.unwrap();
}

/// The instance that served, and the cookie that it set.
async fn connect_with_cookie(proxy: &Server, cookie: Option<&str>) -> (String, Option<String>) {
    let address = proxy.local_addrs()[0];
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    if let Some(cookie) = cookie {
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
    }
    let tcp = TcpStream::connect(address).await.unwrap();
    let (_, response) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
    let text = |name: &str| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let cookie = text("set-cookie").map(|cookie| cookie.split(';').next().unwrap().to_owned());
    (text("x-instance-id").unwrap(), cookie)
}

#[tokio::test]
async fn a13_a29_a_cookie_keeps_the_session_together() {
    let backends = backends(&["a", "b", "c"]);
    let proxy = proxy(&echoes(&backends), "sticky_cookie: {}");
    let (first, cookie) = connect_with_cookie(&proxy, None).await;
    let cookie = cookie.unwrap();
    assert!(cookie.starts_with("WS_SESSION="), "{cookie}");
    for _ in 0..5 {
        assert_eq!(connect_with_cookie(&proxy, Some(&cookie)).await.0, first);
    }
    // Without the cookie the session is lost: the next upstream is another.
    assert_ne!(connect_with_cookie(&proxy, None).await.0, first);
    let forged = connect_with_cookie(&proxy, Some("WS_SESSION=0000000000000000")).await;
    assert!(forged.1.is_some(), "a cookie that names nobody is replaced");
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn a36_when_an_upstream_goes_its_clients_move_and_get_a_new_cookie() {
    let mut backends = backends(&["a", "b"]);
    let proxy = proxy(&echoes(&backends), "sticky_cookie: {}");
    let (first, cookie) = connect_with_cookie(&proxy, None).await;
    assert_eq!(first, "a");
    backends.remove(0).stop().await.unwrap();
    let (second, new_cookie) = connect_with_cookie(&proxy, cookie.as_deref()).await;
    assert_eq!(second, "b");
    assert_eq!(
        connect_with_cookie(&proxy, new_cookie.as_deref()).await,
        ("b".to_owned(), None)
    );
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn a22_d10_the_same_address_gets_the_same_upstream() {
    let backends = backends(&["a", "b", "c"]);
    let proxy = proxy(&echoes(&backends), "balance: ip_hash");
    let mut seen = Vec::new();
    for last in 1..=24 {
        let (first, again) = (from(&proxy, last).await, from(&proxy, last).await);
        assert_eq!(first, again, "127.0.0.{last}");
        seen.push(first);
    }
    assert_eq!(shares(&seen).len(), 3, "all are used: {seen:?}");
    proxy.stop().await.unwrap();
}

/// The instance that serves a client with the address `127.0.0.last`.
async fn from(proxy: &Server, last: u8) -> String {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    let address = proxy.local_addrs()[0];
    let tcp = socket.connect(address).await.unwrap();
    let (_, response) = tokio_tungstenite::client_async(format!("ws://{address}/ws"), tcp)
        .await
        .unwrap();
    response.headers()["x-instance-id"].to_str().unwrap().to_owned()
}
