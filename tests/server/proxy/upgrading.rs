//! How an upgrade reaches an upstream, and its answer the client: routing, headers, refusals.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::world::{
    Upstream, adorn_nothing, backends, echo_until_closed, echoes, free_address, proxy, until, up, upgrade,
    url,
};
use crate::support::{Client, PATIENCE, get, start};

#[tokio::test]
async fn c2_the_path_of_the_route_goes_to_the_upstream_and_others_do_not() {
    let backends = backends(&["a"]);
    let proxy = proxy(&echoes(&backends), "");
    let mut client = Client::connect(&proxy, "/ws").await;
    assert_eq!(client.instance, "a", "the upstream answers");
    client.send_text("hello").await;
    assert_eq!(client.receive_text().await, "hello");
    for path in ["/ws2", "/ws/below", "/"] {
        let response = get(&proxy, path).await;
        assert!(response.starts_with("HTTP/1.1 404 "), "{path}: {response}");
    }
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn c2_a_route_with_a_star_passes_on_what_lies_below_it() {
    let backends = backends(&["a"]);
    let upstream = url(&backends[0]);
    let proxy = start(&format!(
        "routes: {{/proxy/*: {{mode: {{proxy: {{upstreams: [{{url: '{upstream}'}}]}}}}}}, /proxy/own: {{mode: echo}}}}"
    ));
    let mut client = Client::connect(&proxy, "/proxy/ws?x=1").await;
    client.send_text("hi").await;
    assert_eq!(client.receive_text().await, "Server hat empfangen: hi");
    assert_ne!(
        Client::connect(&proxy, "/proxy/own").await.instance,
        "a",
        "the exact route comes first"
    );
    let response = upgrade(&proxy, "/proxy/nowhere", "").await;
    assert!(
        response.starts_with("HTTP/1.1 404 "),
        "the upstream's answer: {response}"
    );
    assert!(response.contains("x-instance-id: a\r\n"), "{response}");
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn c3_c4_headers_reach_the_upstream_and_its_own_the_client() {
    let adorn = |_: &Request, response: &mut Response| {
        let headers = response.headers_mut();
        headers.insert("x-from-upstream", "yes".parse().unwrap());
        headers.append("set-cookie", "a=1".parse().unwrap());
        headers.append("set-cookie", "b=2".parse().unwrap());
        headers.insert("sec-websocket-protocol", "v2.chat".parse().unwrap());
    };
    let upstream = Upstream::start(adorn, echo_until_closed).await;
    let proxy = upstream.proxy("");
    let address = proxy.local_addrs()[0];
    let mut request = format!("ws://{address}/ws?token=abc&x=%20")
        .into_client_request()
        .unwrap();
    let sent = [
        ("x-own", "kept"),
        ("cookie", "session=1"),
        ("authorization", "Bearer t"),
        ("x-forwarded-for", "203.0.113.9"),
        ("sec-websocket-protocol", "v1.chat, v2.chat"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("te", "trailers"),
    ];
    for (name, value) in sent {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let key = request.headers()["sec-websocket-key"].clone();
    let tcp = TcpStream::connect(address).await.unwrap();
    let (mut client, response) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
    assert_eq!(response.headers()["x-from-upstream"], "yes");
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        "v2.chat",
        "the upstream chose"
    );
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);

    let seen = upstream.request();
    assert_eq!(seen.uri(), "/?token=abc&x=%20");
    let headers = seen.headers();
    for name in ["x-own", "cookie", "authorization"] {
        let value = sent.iter().find(|(sent, _)| *sent == name).unwrap().1;
        assert_eq!(headers[name], value, "{name}");
    }
    assert_eq!(headers["sec-websocket-protocol"], "v1.chat, v2.chat");
    assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(headers["x-forwarded-host"], address.to_string());
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["host"], upstream.address.to_string());
    assert_ne!(
        headers["sec-websocket-key"], key,
        "the handshake is the proxy's own"
    );
    assert!(!headers.contains_key("sec-websocket-extensions") && !headers.contains_key("te"));
    client.close(None).await.unwrap();
    upstream.done().await;
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn c3_over_tls_the_forwarded_protocol_is_https() {
    let upstream = Upstream::start(adorn_nothing, echo_until_closed).await;
    let proxy = start(&format!(
        "tls: {{self_signed: []}}\nroutes: {{/ws: {{mode: {{proxy: {{upstreams: [{{url: 'ws://{}'}}], \
         sticky_cookie: {{}}}}}}}}}}",
        upstream.address
    ));
    let mut socket = crate::tls::connect(&proxy, "/ws").await;
    socket.send(Message::text("x")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("x"));
    assert_eq!(upstream.request().headers()["x-forwarded-proto"], "https");
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn c5_the_default_origin_is_sent_for_clients_without_one() {
    for (sent, expected) in [
        (None, "http://127.0.0.1/hello"),
        (Some("https://app.example.com"), "https://app.example.com"),
    ] {
        let upstream = Upstream::start(adorn_nothing, echo_until_closed).await;
        let proxy = upstream.proxy("default_origin: 'http://127.0.0.1/hello'");
        let headers: Vec<_> = sent.map(|origin| ("origin", origin)).into_iter().collect();
        let address = proxy.local_addrs()[0];
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        let _client = tokio_tungstenite::client_async(request, tcp).await.unwrap();
        assert_eq!(upstream.request().headers()["origin"], expected);
        proxy.stop().await.unwrap();
    }
}

#[tokio::test]
async fn c10_an_upgrade_written_by_hand_gets_through() {
    let backends = backends(&["a"]);
    let proxy = proxy(&echoes(&backends), "");
    let mut tcp = TcpStream::connect(proxy.local_addrs()[0]).await.unwrap();
    // As the seed's curl sends it: its key is no key, which a strict server may refuse; so a real one stands here.
    let request = "GET /ws HTTP/1.1\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nHost: 127.0.0.1:10020\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Version: 13\r\n\r\n";
    // A frame right behind the request: text "hi", masked by zeros.
    let frame = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
    tcp.write_all(request.as_bytes()).await.unwrap();
    tcp.write_all(&frame).await.unwrap();
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n\x81\x02hi") {
        let mut buffer = [0; 1024];
        let length = timeout(PATIENCE, tcp.read(&mut buffer)).await.unwrap().unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&buffer[..length]);
    }
    let head = String::from_utf8_lossy(&received);
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    assert!(
        head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{head}"
    );
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn a_refusal_of_the_upstream_reaches_the_client_as_it_is() {
    let backend = start("instance: a\nroutes: {/iot: {api_keys: [k]}}");
    let proxy = proxy(&[(format!("{}/iot", url(&backend)), 1)], "");
    let response = upgrade(&proxy, "/ws", "").await;
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
    assert!(response.contains("x-instance-id: a\r\n"), "{response}");
    assert!(response.contains("X-Device-Key"), "with its body: {response}");
    until(&proxy, "/metrics", &[up(&format!("{}/iot", url(&backend)), 1)]).await;
    let mut client = Client::connect_with(&proxy, "/ws", &[("x-device-key", "k")]).await;
    client.send_text("{}").await;
    assert!(client.receive_text().await.contains("ack"));
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn upstreams_that_do_not_answer_are_502_503_and_504() {
    let refusing = free_address();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = proxy(&[(format!("ws://{refusing}"), 1)], "");
    let response = upgrade(&gone, "/ws", "").await;
    assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
    let slow = proxy(
        &[(format!("ws://{}", silent.local_addr().unwrap()), 1)],
        "answer_timeout: 30ms",
    );
    let response = upgrade(&slow, "/ws", "").await;
    assert!(response.starts_with("HTTP/1.1 504 "), "{response}");
    let sick = proxy(
        &[(format!("ws://{refusing}"), 1)],
        "health_check: {interval: 20ms, timeout: 1s}",
    );
    until(&sick, "/metrics", &[up(&format!("ws://{refusing}/"), 0)]).await;
    let response = upgrade(&sick, "/ws", "").await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("retry-after: 5\r\n"), "{response}");
    for server in [gone, slow, sick] {
        server.stop().await.unwrap();
    }
}
