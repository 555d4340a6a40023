//! Timeouts, pings and violations of the protocol.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, ended, start};

#[tokio::test]
async fn a1_b10_an_idle_connection_is_closed_by_1001() {
    let server = start("routes: {/echo: {idle_timeout: 100ms, ping_interval: 0}}");
    let mut client = Client::connect(&server, "/echo?tag=idle").await;
    assert_eq!(client.receive_close().await, (1001, "idle timeout".to_owned()));
    client.finish().await;
    let line = ended(&server, "idle").await;
    assert_eq!(
        (&line["closed_by"], &line["cause"]),
        (&"server".into(), &"idle timeout".into())
    );
    assert_eq!(line["clean"], true);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a2_a28_pings_keep_a_connection_that_answers_them() {
    let server = start("routes: {/echo: {idle_timeout: 200ms, ping_interval: 50ms, pong_wait: 150ms}}");
    let mut client = Client::connect(&server, "/echo").await;
    // Twenty pings take five times the idle timeout. Reading on is what answers them.
    for _ in 0..20 {
        assert!(matches!(client.receive().await, Message::Ping(_)));
    }
    client.send_text("alive").await;
    while client.receive().await != Message::text("alive") {}
    server.stop().await.unwrap();
}

/// The user sees a connection that closes again and again; a ping interval below the timeout is the cure.
#[tokio::test]
async fn a34_an_idle_timeout_below_the_ping_interval_closes_a_client_that_is_well() {
    for (settings, stays) in [
        ("idle_timeout: 200ms, ping_interval: 30s, pong_wait: 60s", false),
        ("idle_timeout: 200ms, ping_interval: 50ms, pong_wait: 60s", true),
    ] {
        let server = start(&format!("routes: {{/echo: {{{settings}}}}}"));
        let mut client = Client::connect(&server, "/echo").await;
        let first = client.receive().await;
        assert_eq!(matches!(first, Message::Ping(_)), stays, "{settings}: {first:?}");
        if !stays {
            let Message::Close(Some(frame)) = first else {
                panic!("{first:?}");
            };
            assert_eq!((u16::from(frame.code), &*frame.reason), (1001, "idle timeout"));
        }
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn d6_b13_a_ping_that_is_not_answered_closes_by_1011() {
    let server = start("routes: {/echo: {ping_interval: 50ms, pong_wait: 100ms, close_timeout: 100ms}}");
    let mut client = Client::connect(&server, "/echo?tag=mute").await;
    // Pings arrive, but nothing is read, so nothing is answered.
    let line = ended(&server, "mute").await;
    assert_eq!(
        (&line["closed_by"], &line["code"]),
        (&"server".into(), &1011.into())
    );
    assert_eq!(
        (&line["cause"], &line["clean"]),
        (&"pong timeout".into(), &false.into())
    );
    // Its Close frame was the last that came.
    let mut received = Vec::new();
    client.socket.get_mut().read_to_end(&mut received).await.unwrap();
    assert!(
        received.ends_with(b"\x88\x13\x03\xf3ping not answered"),
        "{received:?}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn violations_are_answered_by_their_code() {
    let server = start("routes: {/echo: {max_message_size: 1KiB}}");
    let cases: [(&str, &[u8], u16); 6] = [
        ("unmasked", b"\x81\x02hi", 1002),
        ("rsv", b"\xc1\x82\0\0\0\0hi", 1002),
        ("opcode", b"\x83\x82\0\0\0\0hi", 1002),
        ("utf8", b"\x81\x82\0\0\0\0\xff\xff", 1007),
        ("big", b"\x82\xfe\x04\x01\0\0\0\0", 1009),
        ("huge", b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
    ];
    for (name, bytes, code) in cases {
        let mut client = Client::connect(&server, &format!("/echo?tag={name}")).await;
        client.socket.get_mut().write_all(bytes).await.unwrap();
        assert_eq!(client.receive_close().await.0, code, "{name}");
        let _ = client.socket.get_mut().shutdown().await;
        let line = ended(&server, name).await;
        assert_eq!(line["code"], code, "{name}");
        assert!(
            line["cause"].as_str().unwrap().starts_with("violation: "),
            "{line}"
        );
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_close_of_a_violation_arrives_although_the_client_goes_on_sending() {
    let server = start("routes: {/echo: {max_message_size: 1KiB}}");
    let mut client = Client::connect(&server, "/echo").await;
    client
        .socket
        .get_mut()
        .write_all(b"\x82\xff\0\0\0\0\0\x40\0\0\0\0\0\0")
        .await
        .unwrap();
    client
        .socket
        .get_mut()
        .write_all(&vec![0; 4 << 20])
        .await
        .unwrap();
    assert_eq!(client.receive_close().await.0, 1009);
    server.stop().await.unwrap();
}
