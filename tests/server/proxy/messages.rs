//! What passes between client and upstream, and how both end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;

use super::world::{Upstream, adorn_nothing, backends, echoes, proxy, upgrade, url};
use crate::support::{Client, PATIENCE, ended, start};

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
    // Text that is not UTF-8, a masked frame, a reserved bit, and Close frames with codes that must not be sent, as raw
    // bytes behind the handshake.
    for (bytes, code, reason) in [
        (&b"\x81\x01\xff"[..], 1007, "upstream sent text that is not UTF-8"),
        (b"\x81\x81\0\0\0\0a", 1002, "upstream broke the protocol"),
        (b"\xc1\x01a", 1002, "upstream broke the protocol"),
        (b"\x88\x06\x03\xeeoops", 1002, "upstream broke the protocol"),
        (b"\x88\x02\x03\xe7", 1002, "upstream broke the protocol"),
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
