//! The WebSocket proxy of seed C, before upstreams that are servers of their own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use wsbench::server::Server;

use crate::support::{Client, PATIENCE, body, ended, exchange, get, start};

/// Where a server listens.
fn url(server: &Server) -> String {
    format!("ws://{}", server.local_addrs()[0])
}

/// A port that nobody listens on.
async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Servers whose `X-Instance-Id` is their letter.
fn backends(names: &[&str]) -> Vec<Server> {
    names
        .iter()
        .map(|name| start(&format!("instance: {name}")))
        .collect()
}

/// A proxy at `/ws` before these upstreams' `/echo`, with further settings of the mode.
fn proxy(upstreams: &[(String, u32)], settings: &str) -> Server {
    let list: Vec<String> = upstreams
        .iter()
        .map(|(url, weight)| format!("{{url: '{url}', weight: {weight}}}"))
        .collect();
    let list = list.join(", ");
    start(&format!(
        "routes: {{/ws: {{mode: {{proxy: {{upstreams: [{list}], {settings}}}}}}}}}"
    ))
}

fn echoes(servers: &[Server]) -> Vec<(String, u32)> {
    servers
        .iter()
        .map(|server| (format!("{}/echo", url(server)), 1))
        .collect()
}

async fn instances(proxy: &Server, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(Client::connect(proxy, "/ws").await.instance);
    }
    seen
}

fn shares(instances: &[String]) -> BTreeMap<&str, usize> {
    let mut shares = BTreeMap::new();
    for instance in instances {
        *shares.entry(instance.as_str()).or_default() += 1;
    }
    shares
}

/// Reads a page until it has all of these lines.
async fn until(server: &Server, path: &str, lines: &[String]) {
    let poll = async {
        loop {
            let page = body(server, path).await;
            if lines.iter().all(|line| page.lines().any(|found| found == line)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    if timeout(PATIENCE, poll).await.is_err() {
        panic!("{lines:?} did not come in\n{}", body(server, path).await);
    }
}

fn up(upstream: &str, up: u8) -> String {
    format!("wsbench_proxy_upstream_up{{route=\"/ws\",upstream=\"{upstream}\"}} {up}")
}

/// An upstream by tokio-tungstenite: `serve` gets its first connection, `seen` the request's headers.
struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    async fn start<F>(
        adorn: impl Fn(&Request, &mut Response) + Send + Unpin + 'static,
        serve: impl FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let requests = seen.clone();
        let task = spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            #[expect(clippy::result_large_err, reason = "the library's own interface")]
            let callback =
                move |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
                    requests.lock().unwrap().push(request.clone());
                    adorn(request, &mut response);
                    Ok(response)
                };
            let socket = tokio_tungstenite::accept_hdr_async(tcp, callback).await.unwrap();
            serve(socket).await;
        });
        Self { address, seen, task }
    }

    fn proxy(&self, settings: &str) -> Server {
        proxy(&[(format!("ws://{}", self.address), 1)], settings)
    }

    fn request(&self) -> Request {
        self.seen.lock().unwrap()[0].clone()
    }

    async fn done(self) {
        timeout(PATIENCE, self.task)
            .await
            .expect("the upstream is not done")
            .unwrap();
    }
}

async fn echo_until_closed(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            socket.send(message).await.unwrap();
        }
    }
}

fn adorn_nothing(_: &Request, _: &mut Response) {}

// --- Routing, headers, handshake ----------------------------------------------------------------------------------

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

async fn upgrade(server: &Server, path: &str, headers: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n{headers}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    exchange(server, &request).await
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
    let refusing = free_address().await;
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

// --- Messages -----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn c1_no_body_limit_cuts_a_long_stream() {
    let backends = backends(&["a"]);
    let proxy = proxy(&echoes(&backends), "");
    let client = Client::connect(&proxy, "/ws").await;
    let (mut write, mut read) = client.socket.split();
    // 32 MiB in each direction, over one upgrade.
    let sending = spawn(async move {
        for n in 0..64u8 {
            write.send(Message::binary(vec![n; 1 << 19])).await.unwrap();
        }
        write
    });
    for n in 0..64u8 {
        let message = timeout(PATIENCE, read.next()).await.unwrap().unwrap().unwrap();
        assert!(message == Message::binary(vec![n; 1 << 19]), "message {n}");
    }
    drop(sending.await.unwrap());
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn messages_of_every_size_and_kind_pass_in_order() {
    let backends = backends(&["a"]);
    let proxy = proxy(&echoes(&backends), "");
    let mut client = Client::connect(&proxy, "/ws").await;
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        for message in [
            Message::text("ü".repeat(length / 2)),
            Message::binary(vec![7; length]),
        ] {
            client.send(message.clone()).await;
            assert!(client.receive().await == message, "length {length}");
        }
    }
    for n in 0..500 {
        client.socket.feed(Message::text(n.to_string())).await.unwrap();
    }
    client.socket.flush().await.unwrap();
    for n in 0..500 {
        assert_eq!(client.receive_text().await, n.to_string());
    }
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn messages_are_limited_on_both_sides() {
    let flood = |mut socket: WebSocketStream<TcpStream>| async move {
        socket.send(Message::binary(vec![0; 2000])).await.unwrap();
        let close = socket.next().await.unwrap().unwrap();
        assert_eq!(u16::from(close_frame(close).code), 1009);
    };
    let upstream = Upstream::start(adorn_nothing, flood).await;
    let limited = start(&format!(
        "routes: {{/ws: {{max_message_size: 1000, mode: {{proxy: {{upstreams: [{{url: 'ws://{}'}}]}}}}}}}}",
        upstream.address
    ));
    let mut client = Client::connect(&limited, "/ws").await;
    assert_eq!(
        client.receive_close().await,
        (1011, "upstream sent a message above the limit".to_owned())
    );
    upstream.done().await;

    let wait = |mut socket: WebSocketStream<TcpStream>| async move {
        let close = close_frame(socket.next().await.unwrap().unwrap());
        assert_eq!(u16::from(close.code), 1001);
        assert!(close.reason.starts_with("violation: "), "{}", close.reason);
    };
    let upstream = Upstream::start(adorn_nothing, wait).await;
    let unlimited = upstream.proxy("");
    let mut client = Client::connect(&unlimited, "/ws").await;
    client.send(Message::binary(vec![0; (1 << 20) + 1])).await;
    assert_eq!(client.receive_close().await.0, 1009);
    client.finish().await;
    upstream.done().await;
    limited.stop().await.unwrap();
    unlimited.stop().await.unwrap();
}

fn close_frame(message: Message) -> CloseFrame {
    match message {
        Message::Close(Some(frame)) => frame,
        other => panic!("expected a Close frame, not {other:?}"),
    }
}

#[tokio::test]
async fn close_codes_and_reasons_pass_both_ways() {
    let reason = "r".repeat(123);
    let codes = [
        1000u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999,
    ];
    for code in codes {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.as_str().into(),
        };
        // From the upstream.
        let sent = frame.clone();
        let close = |mut socket: WebSocketStream<TcpStream>| async move {
            socket.close(Some(sent.clone())).await.unwrap();
            assert_eq!(close_frame(socket.next().await.unwrap().unwrap()).code, sent.code);
            assert!(socket.next().await.is_none());
        };
        let upstream = Upstream::start(adorn_nothing, close).await;
        let proxy = upstream.proxy("");
        let mut client = Client::connect(&proxy, "/ws").await;
        assert_eq!(client.receive_close().await, (code, reason.clone()));
        client.finish().await;
        upstream.done().await;
        proxy.stop().await.unwrap();
        // From the client.
        let expected = frame.clone();
        let wait = |mut socket: WebSocketStream<TcpStream>| async move {
            assert_eq!(close_frame(socket.next().await.unwrap().unwrap()), expected);
        };
        let upstream = Upstream::start(adorn_nothing, wait).await;
        let proxy = upstream.proxy("");
        let mut client = Client::connect(&proxy, "/ws").await;
        client.socket.close(Some(frame)).await.unwrap();
        client.finish().await;
        upstream.done().await;
        proxy.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_the_upstream_answers_before_the_end_arrives_before_the_close_frame() {
    let backends = backends(&["a"]);
    let proxy = proxy(&echoes(&backends), "");
    let mut client = Client::connect(&proxy, "/ws").await;
    for n in 0..200 {
        client.socket.feed(Message::text(n.to_string())).await.unwrap();
    }
    client.socket.close(None).await.unwrap();
    for n in 0..200 {
        assert_eq!(client.receive_text().await, n.to_string());
    }
    assert_eq!(client.receive().await, Message::Close(None));
    client.finish().await;

    // Text, and behind it a frame with a reserved bit.
    let mut client = Client::connect(&proxy, "/ws").await;
    let frames = b"\x81\x82\0\0\0\0hi\xc1\x80\0\0\0\0";
    client.socket.get_mut().write_all(frames).await.unwrap();
    assert_eq!(client.receive_text().await, "hi");
    assert_eq!(client.receive_close().await.0, 1002);
    client.finish().await;
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn an_upstream_that_does_not_close_keeps_the_client_for_the_close_timeout_only() {
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let hold = |mut socket: WebSocketStream<TcpStream>| async move {
        socket.send(Message::text("last")).await.unwrap();
        let _ = held.await;
    };
    let upstream = Upstream::start(adorn_nothing, hold).await;
    let proxy = start(&format!(
        "routes: {{/ws: {{close_timeout: 50ms, mode: {{proxy: {{upstreams: [{{url: 'ws://{}'}}]}}}}}}}}",
        upstream.address
    ));
    let mut client = Client::connect(&proxy, "/ws").await;
    let frame = CloseFrame {
        code: 4000u16.into(),
        reason: "bye".into(),
    };
    client.socket.close(Some(frame)).await.unwrap();
    assert_eq!(client.receive_text().await, "last");
    assert_eq!(client.receive_close().await, (4000, String::new()));
    client.finish().await;
    drop(release);
    upstream.done().await;
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn a_close_without_a_code_stays_without_one() {
    let close = |mut socket: WebSocketStream<TcpStream>| async move { socket.close(None).await.unwrap() };
    let upstream = Upstream::start(adorn_nothing, close).await;
    let proxy = upstream.proxy("");
    let mut client = Client::connect(&proxy, "/ws").await;
    assert_eq!(client.receive().await, Message::Close(None));
    client.finish().await;
    proxy.stop().await.unwrap();

    let wait = |mut socket: WebSocketStream<TcpStream>| async move {
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::Close(None));
    };
    let upstream = Upstream::start(adorn_nothing, wait).await;
    let proxy = upstream.proxy("");
    let mut client = Client::connect(&proxy, "/ws").await;
    client.socket.close(None).await.unwrap();
    client.finish().await;
    upstream.done().await;
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn an_upstream_that_vanishes_is_1011_and_a_client_that_vanishes_a_cut() {
    let vanish = |socket: WebSocketStream<TcpStream>| async move { drop(socket) };
    let upstream = Upstream::start(adorn_nothing, vanish).await;
    let proxy = upstream.proxy("");
    let mut client = Client::connect(&proxy, "/ws?tag=x").await;
    assert_eq!(
        client.receive_close().await,
        (1011, "upstream vanished".to_owned())
    );
    client.finish().await;
    assert_eq!(ended(&proxy, "x").await["reason"], "upstream vanished");
    proxy.stop().await.unwrap();

    let wait = |mut socket: WebSocketStream<TcpStream>| async move {
        // Not a Close frame: the library reports the loss.
        assert!(socket.next().await.unwrap().is_err());
    };
    let upstream = Upstream::start(adorn_nothing, wait).await;
    let proxy = upstream.proxy("");
    drop(Client::connect(&proxy, "/ws").await);
    upstream.done().await;
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn an_upstream_that_breaks_the_protocol_is_1011() {
    // Text that is not UTF-8, and a masked frame, as raw bytes behind the handshake.
    for (bytes, code, reason) in [
        (&b"\x81\x01\xff"[..], 1007, "upstream sent text that is not UTF-8"),
        (b"\x81\x81\0\0\0\0a", 1002, "upstream broke the protocol"),
        (b"\xc1\x01a", 1002, "upstream broke the protocol"),
    ] {
        let serve = move |mut socket: WebSocketStream<TcpStream>| async move {
            socket.get_mut().write_all(bytes).await.unwrap();
            let close = close_frame(socket.next().await.unwrap().unwrap());
            assert_eq!(u16::from(close.code), code);
        };
        let upstream = Upstream::start(adorn_nothing, serve).await;
        let proxy = upstream.proxy("");
        let mut client = Client::connect(&proxy, "/ws").await;
        assert_eq!(client.receive_close().await, (1011, reason.to_owned()));
        upstream.done().await;
        proxy.stop().await.unwrap();
    }
}

#[tokio::test]
async fn pings_are_answered_on_each_side_by_the_proxy() {
    let serve = |mut socket: WebSocketStream<TcpStream>| async move {
        socket.send(Message::Ping("to the proxy".into())).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap().unwrap(),
            Message::Pong("to the proxy".into())
        );
        assert_eq!(
            socket.next().await.unwrap().unwrap(),
            Message::text("no ping came before")
        );
    };
    let upstream = Upstream::start(adorn_nothing, serve).await;
    let proxy = upstream.proxy("");
    let mut client = Client::connect(&proxy, "/ws").await;
    client.send(Message::Ping("x".into())).await;
    assert_eq!(client.receive().await, Message::Pong("x".into()));
    client.send_text("no ping came before").await;
    upstream.done().await;
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_keeps_the_upstream_waiting() {
    // Far more than all buffers on the way hold.
    const MESSAGES: usize = 4000;
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let progress = sent.clone();
    let flood = move |mut socket: WebSocketStream<TcpStream>| async move {
        for _ in 0..MESSAGES {
            socket.send(Message::binary(vec![1; 64 * 1024])).await.unwrap();
            progress.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
    };
    let upstream = Upstream::start(adorn_nothing, flood).await;
    let proxy = upstream.proxy("");
    let mut client = Client::connect(&proxy, "/ws").await;
    // The upstream stops by itself, long before it is done.
    let count = || sent.load(std::sync::atomic::Ordering::Relaxed);
    let mut before = usize::MAX;
    while count() != before {
        before = count();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(before < MESSAGES / 2, "{before} messages are somewhere");
    for _ in 0..MESSAGES {
        assert_eq!(client.receive().await.len(), 64 * 1024);
    }
    assert_eq!(client.receive().await, Message::Close(None));
    client.finish().await;
    upstream.done().await;
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn an_upstream_that_does_not_read_keeps_the_client_waiting_until_the_write_deadline() {
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let hold = |socket: WebSocketStream<TcpStream>| async move {
        let _ = held.await;
        drop(socket);
    };
    let upstream = Upstream::start(adorn_nothing, hold).await;
    let proxy = start(&format!(
        "routes: {{/ws: {{write_deadline: 300ms, mode: {{proxy: {{upstreams: [{{url: 'ws://{}'}}]}}}}}}}}",
        upstream.address
    ));
    let client = Client::connect(&proxy, "/ws?tag=x").await;
    let (mut write, mut read) = client.socket.split();
    let sending = spawn(async move {
        let mut sent = 0;
        while write.send(Message::binary(vec![0; 64 * 1024])).await.is_ok() {
            sent += 1;
            assert!(sent < 4000, "somebody takes it all");
        }
    });
    let close = timeout(PATIENCE, read.next()).await.unwrap().unwrap().unwrap();
    let close = close_frame(close);
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (1011, "upstream takes nothing")
    );
    drop(release);
    drop(read);
    timeout(PATIENCE, sending).await.unwrap().unwrap();
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn compression_is_between_client_and_proxy() {
    let backends = backends(&["a"]);
    let upstream = url(&backends[0]);
    let proxy = start(&format!(
        "compression: true\nroutes: {{/ws: {{mode: {{proxy: {{upstreams: [{{url: '{upstream}/echo'}}]}}}}}}}}"
    ));
    let request = "GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let mut tcp = TcpStream::connect(proxy.local_addrs()[0]).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    // RFC 7692 7.2.3.1: "Hello", compressed, here masked by zeros.
    tcp.write_all(b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0")
        .await
        .unwrap();
    let mut received = Vec::new();
    while !received.ends_with(b"\xf2\x48\xcd\xc9\xc9\x07\x00") {
        let mut buffer = [0; 1024];
        let length = timeout(PATIENCE, tcp.read(&mut buffer)).await.unwrap().unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&buffer[..length]);
    }
    assert!(String::from_utf8_lossy(&received).contains("sec-websocket-extensions: permessage-deflate"));
    proxy.stop().await.unwrap();
}

#[tokio::test]
async fn d8_upstreams_of_wss() {
    let backend = start("instance: a\ntls: {self_signed: []}");
    let address = backend.local_addrs()[0];
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, backend.certificate_pem().unwrap()).unwrap();
    for tls in [
        format!("ca_file: '{}'", ca.display()),
        "insecure: true".to_owned(),
    ] {
        let proxy = proxy(
            &[(format!("wss://{address}/echo"), 1)],
            &format!("tls: {{{tls}}}"),
        );
        let mut client = Client::connect(&proxy, "/ws").await;
        assert_eq!(client.instance, "a");
        for length in [1, 200_000] {
            client.send(Message::binary(vec![5; length])).await;
            assert_eq!(client.receive().await.len(), length);
        }
        proxy.stop().await.unwrap();
    }
    let strict = proxy(&[(format!("wss://{address}/echo"), 1)], "");
    let response = upgrade(&strict, "/ws", "").await;
    assert!(
        response.starts_with("HTTP/1.1 502 ") && response.contains("no TLS"),
        "{response}"
    );
    strict.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_stops_tells_the_upstreams() {
    let wait = |mut socket: WebSocketStream<TcpStream>| async move {
        let close = close_frame(socket.next().await.unwrap().unwrap());
        assert_eq!(
            (u16::from(close.code), close.reason.as_str()),
            (1001, "server stopped")
        );
    };
    let upstream = Upstream::start(adorn_nothing, wait).await;
    let proxy = upstream.proxy("");
    // This client does not even read, so that its session is cut.
    let _client = Client::connect(&proxy, "/ws").await;
    let report = proxy.stop().await.unwrap();
    assert_eq!(report.cut, 1);
    upstream.done().await;
}

// --- Balance ------------------------------------------------------------------------------------------------------

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

// --- Health -------------------------------------------------------------------------------------------------------

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
    let mut upstreams = vec![(format!("ws://{}/echo", free_address().await), 1)];
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
