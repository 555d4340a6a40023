//! `/iot` (seed A24).

use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, start};

#[tokio::test]
async fn a24_telemetry_is_acknowledged_and_nonsense_answered_by_an_error() {
    let server = start("");
    let mut device = Client::connect(&server, "/iot").await;
    for seq in 0..10 {
        device
            .send_text(&format!(r#"{{"device":"d1","seq":{seq}}}"#))
            .await;
        let ack: serde_json::Value = serde_json::from_str(&device.receive_text().await).unwrap();
        assert_eq!((&ack["type"], &ack["seq"]), (&"ack".into(), &seq.into()));
    }
    device.send_text("nonsense").await;
    assert!(
        device
            .receive_text()
            .await
            .starts_with(r#"{"type":"error","message":"#)
    );
    device.send_text("{}").await;
    assert!(
        device
            .receive_text()
            .await
            .starts_with(r#"{"type":"ack","seq":null"#)
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a24_more_than_10240_bytes_are_refused_by_1009() {
    let server = start("");
    let mut device = Client::connect(&server, "/iot").await;
    let telemetry = |length: usize| format!(r#"{{"x":"{}"}}"#, "y".repeat(length - 8));
    device.send_text(&telemetry(10_240)).await;
    assert!(device.receive_text().await.contains("ack"));
    device.send(Message::text(telemetry(10_241))).await;
    let (code, reason) = device.receive_close().await;
    assert_eq!(code, 1009);
    assert!(
        reason.starts_with("message above the limit of 10240 bytes"),
        "{reason}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a24_a_configured_key_is_needed() {
    let server = start("routes: {/iot: {api_keys: [device_key_123, device_key_456]}}");
    let mut device = Client::connect_with(&server, "/iot", &[("x-device-key", "device_key_456")]).await;
    device.send_text(r#"{"seq":1}"#).await;
    assert!(device.receive_text().await.contains(r#""seq":1"#));
    for header in ["", "X-Device-Key: wrong\r\n"] {
        let request = format!(
            "GET /iot HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n{header}\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        let response = crate::support::exchange(&server, &request).await;
        assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
        assert!(response.contains("X-Device-Key"), "{response}");
    }
    server.stop().await.unwrap();
}
