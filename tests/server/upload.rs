//! `/upload` (seed A26).

use std::fs;

use futures_util::SinkExt;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, start};

const MIB: usize = 1 << 20;
/// The largest message of the route.
const CHUNK: usize = 10 * MIB;

fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index ^ (index >> 8) ^ (index >> 16)) as u8)
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The next text message; pings in between are the socket's to answer.
async fn answer(client: &mut Client) -> Value {
    loop {
        match client.receive().await {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("expected an answer, not {other:?}"),
        }
    }
}

async fn say(client: &mut Client, text: &Value) -> Value {
    client.send_text(&text.to_string()).await;
    answer(client).await
}

async fn send(client: &mut Client, chunk: &[u8]) -> Value {
    client.send(Message::binary(chunk.to_vec())).await;
    answer(client).await
}

#[tokio::test]
async fn a26_64_mib_arrive_in_chunks_although_the_connection_is_cut() {
    let server = start("");
    let file = bytes(64 * MIB);
    let mut client = Client::connect(&server, "/upload").await;
    let begin = json!({"type": "begin", "name": "film.mkv", "size": file.len(), "sha256": sha256(&file)});
    let ready = say(&mut client, &begin).await;
    assert_eq!((&ready["type"], &ready["offset"]), (&"ready".into(), &0.into()));
    let id = ready["id"].clone();
    for (index, chunk) in file.chunks(CHUNK).take(3).enumerate() {
        let ack = send(&mut client, chunk).await;
        let offset = (index + 1) * CHUNK;
        assert_eq!(
            ack,
            json!({"type": "ack", "id": id, "offset": offset, "bytes": CHUNK, "chunk": index + 1})
        );
    }
    // A frame of 10 MiB that breaks off after 4 MiB.
    let tcp = client.socket.get_mut();
    tcp.write_all(&[0x82, 0xff, 0, 0, 0, 0, 0, 0xa0, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    tcp.write_all(&file[3 * CHUNK..3 * CHUNK + 4 * MIB])
        .await
        .unwrap();
    drop(client);

    let mut client = Client::connect(&server, "/upload").await;
    let ready = say(&mut client, &json!({"type": "begin", "id": id})).await;
    assert_eq!(
        ready,
        json!({"type": "ready", "id": id, "offset": 3 * CHUNK, "chunk": 3, "size": file.len()})
    );
    for chunk in file[3 * CHUNK..].chunks(CHUNK) {
        assert_eq!(send(&mut client, chunk).await["type"], "ack");
    }
    let done = say(&mut client, &json!({"type": "end"})).await;
    assert_eq!(
        done,
        json!({"type": "done", "id": id, "name": "film.mkv", "size": file.len(), "sha256": sha256(&file), "ok": true})
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a26_a38_a_chunk_has_at_most_10485760_bytes() {
    let server = start("");
    let mut client = Client::connect(&server, "/upload").await;
    say(
        &mut client,
        &json!({"type": "begin", "name": "x", "size": 2 * CHUNK}),
    )
    .await;
    let chunk = bytes(CHUNK + 1);
    assert_eq!(send(&mut client, &chunk[1..]).await["bytes"], 10_485_760);
    // The server refuses by the frame's header, so not all may be sent.
    let _ = client.socket.send(Message::binary(chunk)).await;
    let (code, reason) = client.receive_close().await;
    assert_eq!(code, 1009);
    assert!(
        reason.starts_with("message above the limit of 10485760 bytes"),
        "{reason}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a26_messages_that_come_together_are_answered_in_order() {
    let server = start("");
    let mut client = Client::connect(&server, "/upload").await;
    let chunks: Vec<_> = bytes(250_000).chunks(50_000).map(<[u8]>::to_vec).collect();
    let begin = json!({"type": "begin", "name": "x", "size": 250_000}).to_string();
    client.socket.feed(Message::text(begin)).await.unwrap();
    for chunk in &chunks {
        client.socket.feed(Message::binary(chunk.clone())).await.unwrap();
    }
    client.send_text(r#"{"type":"end"}"#).await;
    assert_eq!(answer(&mut client).await["type"], "ready");
    for index in 1..=5 {
        assert_eq!(answer(&mut client).await["offset"], 50_000 * index);
    }
    assert_eq!(answer(&mut client).await["sha256"], sha256(&chunks.concat()));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a26_whoever_resumes_takes_over_and_the_other_is_told() {
    let server = start("");
    let mut first = Client::connect(&server, "/upload").await;
    let id = say(
        &mut first,
        &json!({"type": "begin", "name": "x", "size": 100_000}),
    )
    .await["id"]
        .clone();
    send(&mut first, &bytes(40_000)).await;
    let mut second = Client::connect(&server, "/upload").await;
    let ready = say(&mut second, &json!({"type": "begin", "id": id})).await;
    assert_eq!(ready["offset"], 40_000);
    assert_eq!(send(&mut first, &bytes(10)).await["code"], "taken-over");
    drop(first);
    send(&mut second, &bytes(60_000)).await;
    assert_eq!(say(&mut second, &json!({"type": "end"})).await["ok"], true);
    let unknown = say(&mut second, &json!({"type": "begin", "id": id})).await;
    assert_eq!(unknown["code"], "unknown-upload");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a26_files_are_stored_under_names_of_the_servers_choice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display();
    let server = start(&format!(
        "routes: {{/upload: {{mode: {{upload: {{directory: '{path}'}}}}}}}}"
    ));
    let mut client = Client::connect(&server, "/upload").await;
    let file = bytes(300_000);
    let begin = json!({"type": "begin", "name": "../../etc/passwd", "size": file.len()});
    let id = say(&mut client, &begin).await["id"].clone();
    for chunk in file.chunks(100_000) {
        send(&mut client, chunk).await;
    }
    assert_eq!(
        say(&mut client, &json!({"type": "end"})).await["sha256"],
        sha256(&file)
    );
    assert_eq!(
        fs::read(directory.path().join(id.as_str().unwrap())).unwrap(),
        file
    );
    // One that is not what it was said to be, and one that is aborted.
    let begin = json!({"type": "begin", "name": "x", "size": 1, "sha256": "00".repeat(32)});
    say(&mut client, &begin).await;
    send(&mut client, b"x").await;
    assert_eq!(say(&mut client, &json!({"type": "end"})).await["ok"], false);
    say(&mut client, &json!({"type": "begin", "name": "x", "size": 1})).await;
    send(&mut client, b"x").await;
    assert_eq!(
        say(&mut client, &json!({"type": "abort"})).await["type"],
        "aborted"
    );
    server.stop().await.unwrap();
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        1,
        "only the complete file is kept"
    );
}

#[tokio::test]
async fn a26_what_cannot_be_stored_is_told_and_the_upload_goes_on() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("later");
    let path = directory.display();
    let server = start(&format!(
        "routes: {{/upload: {{mode: {{upload: {{directory: '{path}'}}}}}}}}"
    ));
    let mut client = Client::connect(&server, "/upload").await;
    say(&mut client, &json!({"type": "begin", "name": "x", "size": 3})).await;
    let refused = send(&mut client, b"abc").await;
    assert_eq!(refused["code"], "storage");
    let message = refused["message"].as_str().unwrap();
    assert!(message.starts_with("cannot store the file: "), "{message}");
    fs::create_dir(&directory).unwrap();
    assert_eq!(send(&mut client, b"abc").await["offset"], 3);
    assert_eq!(say(&mut client, &json!({"type": "end"})).await["ok"], true);
    server.stop().await.unwrap();
}
