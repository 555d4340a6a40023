//! Input of any size, and what happens at the limits.

use std::io::{self, Write};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use wsbench::connect::{ConnectConfig, Input, Problem, Streams, Verdict, connect};
use wsbench::wire::{CloseCode, CloseInitiator};

use crate::support::{
    Captured, PATIENCE, Server, accept, client, close, config, converse, echo, listen, read_all,
};

fn whole(config: &mut ConnectConfig) {
    config.input = Input::Whole { binary: false };
}

#[tokio::test]
async fn a_large_piped_file_comes_back_as_the_one_message_that_it_was() {
    let text: String = (0..300_000).map(|n| format!("line {n}\n")).collect();
    let (seen, ()) = converse(io::Cursor::new(text.clone()), whole, async |server| {
        echo(server, 1).await;
    })
    .await;
    assert!(seen.output() == text + "\n", "{} bytes", seen.output.len());
}

#[tokio::test]
async fn piped_bytes_become_one_binary_message() {
    let settings = |config: &mut ConnectConfig| config.input = Input::Whole { binary: true };
    let (_, messages) = converse(&b"\x00\n\xff"[..], settings, async |mut server| {
        let message = server.next().await.unwrap().unwrap();
        server.send(close(1000, "")).await.unwrap();
        read_all(&mut server).await;
        message
    })
    .await;
    assert_eq!(messages, Message::binary(&b"\x00\n\xff"[..]));
}

/// A server that takes messages of 64 KiB, says why it closes, and is gone without reading the rest.
async fn refuse_beyond_64_kib(mut server: Server) {
    assert!(server.next().await.unwrap().is_err());
    server.send(close(1009, "at most 65536 bytes")).await.unwrap();
}

#[tokio::test]
async fn d15_a_message_beyond_the_servers_limit_shows_1009_and_the_reason() {
    // The larger one is still being written when the server closes and resets the connection.
    for size in [100 * 1024, 16 << 20] {
        let (listener, url) = listen().await;
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            let limit = WebSocketConfig::default()
                .max_message_size(Some(65_536))
                .max_frame_size(Some(65_536));
            refuse_beyond_64_kib(
                tokio_tungstenite::accept_async_with_config(stream, Some(limit))
                    .await
                    .unwrap(),
            )
            .await;
        };
        let mut config = config(&url);
        whole(&mut config);
        let (seen, ()) = tokio::join!(client(config, io::Cursor::new("x".repeat(size))), serve);
        assert_eq!(
            seen.errors.lines().last(),
            Some("closed by the server: 1009 (message too big): at most 65536 bytes")
        );
        assert_eq!(seen.ending().verdict(), Verdict::Failed);
    }
}

#[tokio::test]
async fn a_message_beyond_our_own_limit_is_answered_with_1009() {
    let settings = |config: &mut ConnectConfig| config.max_message_size = 1000;
    let (seen, messages) = converse(io::empty(), settings, async |mut server| {
        server.send(Message::text("x".repeat(1001))).await.unwrap();
        read_all(&mut server).await
    })
    .await;
    assert!(
        matches!(&messages[..], [Message::Close(Some(frame))] if u16::from(frame.code) == 1009),
        "{messages:?}"
    );
    let ending = seen.ending();
    assert_eq!(
        (ending.outcome.by, ending.outcome.code),
        (CloseInitiator::Us, CloseCode::TOO_BIG)
    );
    assert_eq!(
        ending.problem,
        Some(Problem::TooLarge {
            size: 1001,
            limit: 1000
        })
    );
    assert_eq!(ending.verdict(), Verdict::Failed);
    assert_eq!(
        seen.errors.lines().last(),
        Some(
            "closed by us: 1009 (message too big): at most 1000 bytes; the server sent a message of 1001 bytes or more, \
             larger than 1000B: raise --max-message-size"
        )
    );
}

#[tokio::test]
async fn input_beyond_our_own_limit_is_not_sent() {
    let settings = |config: &mut ConnectConfig| {
        config.max_message_size = 1000;
        config.wait = wsbench::connect::Wait::For(std::time::Duration::ZERO);
        whole(config);
    };
    let (seen, messages) = converse(io::Cursor::new("x".repeat(1001)), settings, async |mut server| {
        read_all(&mut server).await
    })
    .await;
    assert_eq!(messages, [close(1000, "")]);
    assert_eq!(seen.ending().refused, 1);
    assert!(
        seen.errors
            .contains("the input is larger than 1000B: raise --max-message-size"),
        "{}",
        seen.errors
    );
}

#[tokio::test]
async fn lines_beyond_our_own_limit_are_not_sent() {
    let settings = |config: &mut ConnectConfig| {
        config.max_message_size = 4;
        config.input = Input::Given(
            ["12345", "/text 12345", "/binary 0102030405", "1234"]
                .map(str::to_owned)
                .into(),
        );
    };
    let (seen, ()) = converse(io::empty(), settings, async |server| echo(server, 1).await).await;
    assert_eq!(seen.output(), "1234\n");
    assert_eq!(seen.ending().refused, 3);
}

/// A standard output that nobody reads any more.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_reader_of_our_output_that_leaves_ends_the_conversation() {
    let (listener, url) = listen().await;
    let streams = Streams {
        input: Box::new(io::empty()),
        output: Box::new(Gone),
        errors: Box::new(Captured::default()),
        output_is_terminal: false,
        errors_is_terminal: false,
    };
    let (_interrupt, interrupts) = tokio::sync::mpsc::channel(1);
    let serve = async {
        let mut server = accept(listener).await;
        let mut sent = 0_u32;
        // The first message is lost on the closed pipe, and one of the next is noticed to be.
        while server.send(Message::text("tick")).await.is_ok() && sent < 100_000 {
            sent += 1;
            if let Some(Some(message)) = futures_util::FutureExt::now_or_never(server.next()) {
                return message.unwrap();
            }
            tokio::task::yield_now().await;
        }
        server.next().await.unwrap().unwrap()
    };
    let conversation = async { tokio::join!(connect(config(&url), streams, interrupts), serve) };
    let (ending, said) = tokio::time::timeout(PATIENCE, conversation).await.unwrap();
    assert_eq!(said, close(1000, ""));
    let ending = ending.unwrap();
    assert_eq!(
        (ending.outcome.by, ending.verdict()),
        (CloseInitiator::Us, Verdict::Fine)
    );
}
