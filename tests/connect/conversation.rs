//! Messages and control frames, both ways.

use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use wsbench::connect::{Input, Verdict, Wait};
use wsbench::wire::{CloseCode, CloseInitiator};

use crate::support::{close, converse, echo, read_all};

#[tokio::test]
async fn d17_lines_go_out_and_only_replies_reach_standard_output() {
    let input = &b"one\ntwo words\n\xc3\xa4\n"[..];
    let (seen, ()) = converse(input, |_| {}, async |server| echo(server, 3).await).await;
    assert_eq!(seen.output(), "one\ntwo words\n\u{e4}\n");
    let notes: Vec<&str> = seen.errors.lines().collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].starts_with("connected to ws://127.0.0.1:"), "{notes:?}");
    assert_eq!(notes[1], "closed by the server: 1000 (normal)");
    assert_eq!(seen.ending().verdict(), Verdict::Fine);
}

#[tokio::test]
async fn after_the_last_line_silence_ends_the_conversation_with_1000() {
    let settings = |config: &mut wsbench::connect::ConnectConfig| {
        config.wait = Wait::Silence(Duration::from_millis(50));
    };
    let (seen, messages) = converse(&b"hello\n"[..], settings, async |mut server| {
        read_all(&mut server).await
    })
    .await;
    assert_eq!(messages, [Message::text("hello"), close(1000, "")]);
    let outcome = seen.ending().outcome;
    assert_eq!(
        (outcome.by, outcome.code, outcome.clean),
        (CloseInitiator::Us, CloseCode::NORMAL, true)
    );
}

#[tokio::test]
async fn d17_pings_and_pongs_of_both_directions_are_shown() {
    let settings = |config: &mut wsbench::connect::ConnectConfig| config.show.control_frames = true;
    let (seen, answers) = converse(&b"/ping from us\n"[..], settings, async |mut server| {
        server.send(Message::Ping("heartbeat".into())).await.unwrap();
        let mut answers = Vec::new();
        while answers.len() < 2 {
            answers.push(server.next().await.unwrap().unwrap());
        }
        // The Pong that tungstenite owes goes before the Close frame.
        server.flush().await.unwrap();
        server.send(close(1000, "done")).await.unwrap();
        read_all(&mut server).await;
        answers
    })
    .await;
    assert!(
        answers.contains(&Message::Pong("heartbeat".into())),
        "{answers:?}"
    );
    assert!(answers.contains(&Message::Ping("from us".into())), "{answers:?}");
    for line in [
        "< ping \"heartbeat\"",
        "> pong \"heartbeat\"",
        "> ping \"from us\"",
        "< pong \"from us\"",
        "< close 1000 \"done\"",
    ] {
        assert!(
            seen.errors.lines().any(|note| note == line),
            "{line}: {}",
            seen.errors
        );
    }
    assert_eq!(seen.output(), "");
}

#[tokio::test]
async fn d17_slash_commands_through_a_pipe_do_what_they_say() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "in a file\n").unwrap();
    let path = file.path().display();
    let input = format!(
        "/ping x\n/pong y\n/binary 00ff\n/binary base64:aGk=\n/text\n//slash\n/file {path}\n\
         /file --binary {path}\n/close 4001 see you\nnever sent\n"
    );
    let (seen, messages) = converse(
        io::Cursor::new(input),
        |_| {},
        async |mut server| read_all(&mut server).await,
    )
    .await;
    let expected = [
        Message::Ping("x".into()),
        Message::Pong("y".into()),
        Message::binary(vec![0, 255]),
        Message::binary("hi"),
        Message::text(""),
        Message::text("/slash"),
        Message::text("in a file\n"),
        Message::binary("in a file\n"),
        close(4001, "see you"),
    ];
    assert_eq!(messages, expected);
    let ending = seen.ending();
    assert_eq!(
        (ending.outcome.by, ending.outcome.code.0),
        (CloseInitiator::Us, 4001)
    );
    assert_eq!(
        seen.errors.lines().last(),
        Some("closed by us: 4001 (private): see you")
    );
    assert_eq!(ending.verdict(), Verdict::Fine);
}

#[tokio::test]
async fn lines_that_cannot_be_carried_out_are_told_counted_and_passed_over() {
    let input = &b"/nonsense\n/close 1006\nfine\n"[..];
    let (seen, ()) = converse(input, |_| {}, async |server| echo(server, 1).await).await;
    assert_eq!(seen.output(), "fine\n");
    assert_eq!(seen.ending().refused, 2);
    assert!(
        seen.errors.contains("unknown command /nonsense: "),
        "{}",
        seen.errors
    );
    assert!(
        seen.errors.contains("`1006` is not a code that may be sent"),
        "{}",
        seen.errors
    );
}

#[tokio::test]
async fn messages_given_on_the_command_line_leave_the_input_alone() {
    let settings = |config: &mut wsbench::connect::ConnectConfig| {
        config.input = Input::Given(vec!["first".to_owned(), "/binary 01".to_owned()]);
    };
    let (seen, ()) = converse(&b"not this\n"[..], settings, async |server| {
        echo(server, 2).await;
    })
    .await;
    assert_eq!(seen.output(), "first\n");
    assert!(seen.errors.contains("< binary message of 1 bytes"));
}

#[tokio::test]
async fn binary_replies_pass_unchanged_with_raw() {
    let settings = |config: &mut wsbench::connect::ConnectConfig| config.show.raw = true;
    let input = &b"/binary 00 0a ff\n/binary 0d0a\n"[..];
    let (seen, ()) = converse(input, settings, async |server| echo(server, 2).await).await;
    assert_eq!(seen.output, [0, 10, 255, 13, 10]);
}

#[tokio::test]
async fn json_is_indented_on_request() {
    let settings = |config: &mut wsbench::connect::ConnectConfig| config.show.pretty_json = true;
    let (seen, ()) = converse(&b"{\"a\":[1]}\nplain\n"[..], settings, async |server| {
        echo(server, 2).await;
    })
    .await;
    assert_eq!(seen.output(), "{\n  \"a\": [\n    1\n  ]\n}\nplain\n");
}

#[tokio::test]
async fn pings_go_out_at_their_interval_while_nothing_else_happens() {
    let settings = |config: &mut wsbench::connect::ConnectConfig| {
        config.ping_every = Some(Duration::from_millis(10));
    };
    let (seen, ()) = converse(io::empty(), settings, async |mut server| {
        for _ in 0..3 {
            assert_eq!(server.next().await.unwrap().unwrap(), Message::Ping("".into()));
        }
        server.send(close(1000, "")).await.unwrap();
        read_all(&mut server).await;
    })
    .await;
    assert_eq!(seen.ending().verdict(), Verdict::Fine);
}
