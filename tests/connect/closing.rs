//! Every way in which a conversation ends.

use std::io::{self, Write};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use wsbench::connect::{Problem, Verdict};
use wsbench::wire::{CloseCode, CloseInitiator};

use crate::support::{accept, close, config, converse, interruptible_client, listen, read_all};

/// Input that never comes and never ends.
fn silence() -> (io::PipeReader, io::PipeWriter) {
    io::pipe().unwrap()
}

#[tokio::test]
async fn a_close_by_the_server_shows_code_and_reason_and_is_answered() {
    for (code, reason, line, verdict) in [
        (1000, "bye", "1000 (normal): bye", Verdict::Fine),
        (1001, "", "1001 (going away)", Verdict::Fine),
        (1011, "oops", "1011 (internal error): oops", Verdict::Failed),
        (4000, "kicked", "4000 (private): kicked", Verdict::Failed),
    ] {
        let (input, _writer) = silence();
        let (seen, answers) = converse(
            input,
            |_| {},
            async |mut server| {
                server.send(close(code, reason)).await.unwrap();
                read_all(&mut server).await
            },
        )
        .await;
        assert_eq!(answers, [close(code, reason)]);
        assert_eq!(
            seen.errors.lines().last(),
            Some(format!("closed by the server: {line}").as_str())
        );
        assert!(seen.ending().outcome.clean);
        assert_eq!(seen.ending().verdict(), verdict, "{code}");
    }
}

#[tokio::test]
async fn a_close_without_a_code_is_1005_and_fine() {
    let (input, _writer) = silence();
    let (seen, _) = converse(
        input,
        |_| {},
        async |mut server| {
            server.send(Message::Close(None)).await.unwrap();
            read_all(&mut server).await
        },
    )
    .await;
    assert_eq!(
        seen.errors.lines().last(),
        Some("closed by the server: 1005 (no status)")
    );
    assert_eq!(seen.ending().verdict(), Verdict::Fine);
}

#[tokio::test]
async fn a_server_that_dies_is_an_abnormal_closure() {
    let (input, _writer) = silence();
    let (seen, ()) = converse(
        input,
        |_| {},
        async |mut server| {
            server.send(Message::text("last words")).await.unwrap();
        },
    )
    .await;
    assert_eq!(seen.output(), "last words\n");
    assert_eq!(
        seen.errors.lines().last(),
        Some("connection lost without a Close frame: 1006 (abnormal); the server ended the connection")
    );
    assert_eq!(seen.ending().verdict(), Verdict::Lost);
}

#[tokio::test]
async fn a_reset_is_told_as_one() {
    let (input, _writer) = silence();
    let (seen, ()) = converse(
        input,
        |_| {},
        async |server| {
            let stream = server.into_inner().into_std().unwrap();
            socket2::SockRef::from(&stream)
                .set_linger(Some(std::time::Duration::ZERO))
                .unwrap();
        },
    )
    .await;
    assert_eq!(
        seen.ending().problem,
        Some(Problem::Lost("the server reset the connection".to_owned()))
    );
    assert_eq!(seen.ending().outcome.code, CloseCode::ABNORMAL);
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_answered_with_1002() {
    let (input, _writer) = silence();
    let (seen, answer) = converse(
        input,
        |_| {},
        async |server| {
            let mut stream = server.into_inner();
            // A reserved bit without an extension (RFC 6455 5.2).
            stream.write_all(b"\xc1\x01x").await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            answer
        },
    )
    .await;
    let (mask, payload) = (&answer[2..6], &answer[6..8]);
    assert_eq!(answer[0], 0x88);
    assert_eq!(
        [payload[0] ^ mask[0], payload[1] ^ mask[1]],
        1002_u16.to_be_bytes()
    );
    let note = seen.errors.lines().last().unwrap();
    assert!(note.starts_with("closed by us: 1002 (protocol error)"), "{note}");
    assert!(note.contains("the server broke the protocol: "), "{note}");
    assert_eq!(seen.ending().verdict(), Verdict::Failed);
}

#[tokio::test]
async fn a_close_code_that_must_not_be_sent_breaks_the_protocol() {
    for code in [999_u16, 1005, 1006, 1015, 2999] {
        let (input, _writer) = silence();
        let (seen, answer) = converse(
            input,
            |config| config.show.control_frames = true,
            async |server| {
                let mut stream = server.into_inner();
                stream.write_all(b"\x88\x06").await.unwrap();
                stream.write_all(&code.to_be_bytes()).await.unwrap();
                stream.write_all(b"oops").await.unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.unwrap();
                answer
            },
        )
        .await;
        let (mask, payload) = (&answer[2..6], &answer[6..]);
        let payload: Vec<u8> = payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(a, b)| a ^ b)
            .collect();
        assert_eq!(
            (answer[0], &payload[..]),
            (0x88, &b"\x03\xeaProtocol violation"[..])
        );
        let notes: Vec<&str> = seen.errors.lines().skip(1).collect();
        assert_eq!(
            notes,
            [
                "> close 1002 \"Protocol violation\"",
                "closed by us: 1002 (protocol error): Protocol violation; the server broke the protocol: \
                 a Close frame with a code that must not be sent"
            ],
            "{code}"
        );
        assert_eq!(seen.ending().verdict(), Verdict::Failed);
    }
}

#[tokio::test]
async fn an_interrupt_closes_with_1001_and_waits_for_the_answer() {
    let (listener, url) = listen().await;
    let (interrupt, interrupts) = mpsc::channel(1);
    let (input, mut writer) = silence();
    writer.write_all(b"open\n").unwrap();
    let serve = async {
        let mut server = accept(listener).await;
        server.next().await.unwrap().unwrap();
        interrupt.send(()).await.unwrap();
        read_all(&mut server).await
    };
    let (seen, messages) = tokio::join!(interruptible_client(config(&url), input, interrupts), serve);
    assert_eq!(messages, [close(1001, "")]);
    assert_eq!(
        seen.errors.lines().last(),
        Some("closed by us: 1001 (going away)")
    );
    assert_eq!(seen.ending().verdict(), Verdict::Fine);
}

#[tokio::test]
async fn a_second_interrupt_does_not_wait_for_a_server_that_is_stuck() {
    let (listener, url) = listen().await;
    let (interrupt, interrupts) = mpsc::channel(1);
    let (input, mut writer) = silence();
    writer.write_all(b"open\n").unwrap();
    let serve = async {
        let mut server = accept(listener).await;
        server.next().await.unwrap().unwrap();
        interrupt.send(()).await.unwrap();
        let message = server.next().await.unwrap().unwrap();
        interrupt.send(()).await.unwrap();
        // The answer is queued but never written, since nothing polls this connection any more.
        (message, server)
    };
    let (seen, (message, _server)) =
        tokio::join!(interruptible_client(config(&url), input, interrupts), serve);
    assert_eq!(message, close(1001, ""));
    let ending = seen.ending();
    assert_eq!(
        (ending.outcome.by, ending.outcome.clean),
        (CloseInitiator::Us, false)
    );
    assert_eq!(ending.verdict(), Verdict::Interrupted);
}

#[tokio::test]
async fn an_interrupt_reaches_a_client_whose_message_nobody_reads() {
    let (listener, url) = listen().await;
    let (interrupt, interrupts) = mpsc::channel(2);
    let mut config = config(&url);
    config.input = wsbench::connect::Input::Whole { binary: true };
    let serve = async {
        let server = accept(listener).await;
        // The message is more than all buffers hold, and then the user has enough of it, twice.
        server.get_ref().readable().await.unwrap();
        interrupt.send(()).await.unwrap();
        interrupt.send(()).await.unwrap();
        server
    };
    let input = io::Cursor::new(vec![0; 48 << 20]);
    let (seen, _server) = tokio::join!(interruptible_client(config, input, interrupts), serve);
    assert_eq!(seen.ending().verdict(), Verdict::Interrupted);
}
