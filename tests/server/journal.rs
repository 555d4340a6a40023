//! `/journal`.

use crate::support::{Client, ended, exchange, journal, start};

#[tokio::test]
async fn an_open_connection_and_its_end_are_told() {
    let server = start("instance: a");
    let mut client = Client::connect(&server, "/echo?tag=one").await;
    client.send_text("x").await;
    client.receive_text().await;
    let open = journal(&server, "?tag=one").await.remove(0);
    assert_eq!(
        (&open["route"], &open["messages_in"]),
        (&"/echo".into(), &1.into())
    );
    assert!(open["closed_at"].is_null());

    client.socket.close(None).await.unwrap();
    client.finish().await;
    let line = ended(&server, "one").await;
    let expected: [(&str, serde_json::Value); 10] = [
        ("type", "connection".into()),
        ("instance", "a".into()),
        ("messages_in", 1.into()),
        ("messages_out", 1.into()),
        ("bytes_in", (7 + 6).into()),
        ("bytes_out", (3 + 2).into()),
        ("closed_by", "client".into()),
        ("code", 1005.into()),
        ("clean", true.into()),
        ("cause", "client closed".into()),
    ];
    for (field, value) in expected {
        assert_eq!(line[field], value, "{field} in {line}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_query_is_decoded_wherever_it_is_read() {
    let server = start("faults: true");
    let open = Client::connect(&server, "/echo?tag=Caf%C3%A9+1").await;
    let refused = "GET /status/403?tag=Caf%C3%A9+1 HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n";
    exchange(&server, refused).await;
    let lines = journal(&server, "?t%61g=Caf%C3%A9%201").await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[..2].iter().all(|line| line["tag"] == "Café 1"), "{lines:?}");
    let lines = journal(&server, "?route=%2Fecho").await;
    assert_eq!((lines.len(), &lines[0]["route"]), (2, &"/echo".into()));
    drop(open);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_upgrade_is_told() {
    let server = start("routes: {/iot: {api_keys: [k]}}");
    let request = "GET /iot?tag=two HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    exchange(&server, request).await;
    let lines = journal(&server, "?tag=two").await;
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["status"]),
        (&"refusal".into(), &401.into())
    );
    assert_eq!(lines[1]["type"], "summary");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_vanishes_is_1006_by_nobody() {
    let server = start("");
    drop(Client::connect(&server, "/echo?tag=three").await);
    let line = ended(&server, "three").await;
    assert_eq!(
        (&line["closed_by"], &line["code"]),
        (&"nobody".into(), &1006.into())
    );
    assert_eq!(
        (&line["cause"], &line["clean"]),
        (&"client vanished".into(), &false.into())
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn old_entries_give_way_and_are_counted() {
    let server = start("journal: 2");
    for tag in ["a", "b", "c"] {
        drop(Client::connect(&server, &format!("/echo?tag={tag}")).await);
        ended(&server, tag).await;
    }
    let lines = journal(&server, "").await;
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["tag"], &lines[1]["tag"]), (&"b".into(), &"c".into()));
    assert_eq!(lines[2]["dropped"], 1);
    server.stop().await.unwrap();
}
