use serde_json::json;

use super::*;
use crate::server::relay::letter::Topic;

fn client() -> Pid {
    "web-1.9f86d081884c7d65.7".parse().unwrap()
}

fn user() -> Metadata {
    let user = json!({"user_id": "42"});
    Metadata::deserialize(user).unwrap()
}

fn binary(bytes: &'static [u8]) -> Data {
    Data {
        kind: MessageKind::Binary,
        bytes: Bytes::from_static(bytes),
    }
}

/// The payload is as expected, and reading it gives the content again.
fn assert_json(content: &Content, topic: &str, payload: Value) {
    assert_eq!((content.topic(), content.payload()), (topic, payload.clone()));
    assert_eq!(Content::parse(topic, payload).as_ref(), Ok(content));
}

#[test]
fn e9_join() {
    let content = Content::Join {
        client: client(),
        metadata: user(),
    };
    assert_json(
        &content,
        "ws.join",
        json!({"client_pid": client(), "metadata": {"user_id": "42"}}),
    );
}

#[test]
fn e10_message_with_text() {
    let content = Content::Message {
        topic: "ws.message".into(),
        client: client(),
        data: Data::text("hé"),
        metadata: user(),
    };
    let payload =
        json!({"client_pid": client(), "type": "text", "data": "hé", "metadata": {"user_id": "42"}});
    assert_json(&content, "ws.message", payload);
}

#[test]
fn e10_binary_data_is_base64() {
    let (data, metadata) = (binary(b"\x00\xff\x10"), Metadata::default());
    let content = Content::Message {
        topic: "ws.message".into(),
        client: client(),
        data,
        metadata,
    };
    let payload = json!({"client_pid": client(), "type": "binary", "data": "AP8Q", "metadata": {}});
    assert_json(&content, "ws.message", payload);
}

#[test]
fn e8_a_message_keeps_its_topic() {
    let topic: Topic = "chat.in".into();
    let content = Content::Message {
        topic,
        client: client(),
        data: Data::text("x"),
        metadata: user(),
    };
    let payload = json!({"client_pid": client(), "type": "text", "data": "x", "metadata": {"user_id": "42"}});
    assert_json(&content, "chat.in", payload);
}

#[test]
fn e11_heartbeat_in_seconds() {
    let uptime = Duration::from_millis(30_500);
    let content = Content::Heartbeat {
        client: client(),
        uptime,
        message_count: 3,
    };
    let payload = json!({"client_pid": client(), "uptime": 30.5, "message_count": 3});
    assert_json(&content, "ws.heartbeat", payload);
}

#[test]
fn e12_leave() {
    let content = Content::Leave {
        client: client(),
        reason: "transferred".into(),
        metadata: user(),
    };
    let payload = json!({"client_pid": client(), "reason": "transferred", "metadata": {"user_id": "42"}});
    assert_json(&content, "ws.leave", payload);
}

#[test]
fn e13_send() {
    assert_json(
        &Content::Send(Data::text("hallo")),
        "ws.send",
        json!({"type": "text", "data": "hallo"}),
    );
    assert_json(
        &Content::Send(binary(b"\x01\x02")),
        "ws.send",
        json!({"type": "binary", "data": "AQI="}),
    );
    for payload in [
        json!({}),
        json!({"type": "text"}),
        json!({"data": "x"}),
        json!({"type": "frame", "data": "x"}),
        json!({"type": "text", "data": {"no": "text"}}),
        json!({"type": "text", "data": "x", "to": "y"}),
        json!("x"),
    ] {
        assert!(
            matches!(
                Content::parse("ws.send", payload.clone()),
                Err(ContentError::Shape { .. })
            ),
            "{payload}"
        );
    }
    let no_base64 = json!({"type": "binary", "data": "%"});
    assert_eq!(Content::parse("ws.send", no_base64), Err(ContentError::Base64));
}

#[test]
fn e14_close_is_1000_unless_it_says_otherwise() {
    let normal = Content::Close {
        code: CloseCode::NORMAL,
        reason: String::new(),
    };
    assert_eq!(Content::parse("ws.close", json!({})), Ok(normal.clone()));
    assert_eq!(Content::parse("ws.close", Value::Null), Ok(normal));
    let content = Content::Close {
        code: CloseCode(4001),
        reason: "Sitzung beendet".to_owned(),
    };
    assert_json(
        &content,
        "ws.close",
        json!({"code": 4001, "reason": "Sitzung beendet"}),
    );
}

#[test]
fn e14_a_close_frame_that_may_not_be_sent_is_refused() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert_eq!(
            Content::parse("ws.close", json!({ "code": code })),
            Err(ContentError::CloseCode(code))
        );
    }
    let reason = "x".repeat(124);
    assert_eq!(
        Content::parse("ws.close", json!({ "reason": reason })),
        Err(ContentError::LongReason(124))
    );
}

#[test]
fn e5_control() {
    let content = Content::Control {
        target: "lobby".to_owned(),
        topic: Some("chat.in".into()),
    };
    assert_json(
        &content,
        "ws.control",
        json!({"target_pid": "lobby", "message_topic": "chat.in"}),
    );
    let content = Content::Control {
        target: client().to_string(),
        topic: None,
    };
    assert_json(&content, "ws.control", json!({"target_pid": client()}));
    assert!(Content::parse("ws.control", json!({})).is_err());
}

#[test]
fn e4_exit() {
    let content = Content::Exit {
        pid: client(),
        reason: ExitReason::crashed("exit status 3"),
    };
    let payload = json!({"pid": client(), "reason": {"kind": "crashed", "detail": "exit status 3"}});
    assert_json(&content, "process.exit", payload);
}

#[test]
fn e3_any_other_topic_takes_any_payload() {
    let content = Content::Other {
        topic: "room.rename".into(),
        payload: json!(["x", 1]),
    };
    assert_json(&content, "room.rename", json!(["x", 1]));
}
