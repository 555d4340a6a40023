//! What users see of each event.

use std::time::Duration;

use super::*;
use crate::net::PhaseTimings;
use crate::wire::{CloseCode, CloseInitiator, CloseOutcome};

fn renderer(show: Show, terminal: bool) -> Renderer {
    Renderer {
        show,
        output_is_terminal: terminal,
        errors_is_terminal: terminal,
    }
}

fn rendered(renderer: &Renderer, event: &Event) -> Option<(Channel, String)> {
    let now = UNIX_EPOCH + Duration::from_millis(86_400_000 * 20_000 + 45_296_789);
    let (channel, bytes) = renderer.render(event, now)?;
    Some((channel, String::from_utf8(bytes).unwrap()))
}

fn output(text: &str) -> Option<(Channel, String)> {
    Some((Channel::Output, text.to_owned()))
}

fn errors(text: &str) -> Option<(Channel, String)> {
    Some((Channel::Errors, text.to_owned()))
}

fn text(text: &str) -> Event {
    Event::Text(text.into())
}

fn opened() -> Event {
    Event::Opened(Opened {
        url: "wss://h/".to_owned(),
        remote: "127.0.0.1:443".parse().unwrap(),
        subprotocol: Some("chat".to_owned()),
        timings: PhaseTimings {
            resolve: Duration::from_micros(100),
            tcp: Duration::from_micros(200),
            tls: Some(Duration::from_millis(3)),
            upgrade: Duration::from_micros(700),
        },
        headers: vec![("Server".to_owned(), "x".to_owned())],
        interactive: false,
    })
}

#[test]
fn texts_go_through_a_pipe_as_they_are() {
    let piped = renderer(Show::default(), false);
    assert_eq!(rendered(&piped, &text("a\x1b[2Jb")), output("a\x1b[2Jb\n"));
}

#[test]
fn a_terminal_shows_control_characters_and_does_not_obey_them() {
    let terminal = renderer(Show::default(), true);
    assert_eq!(
        rendered(&terminal, &text("a\x1b[2J\u{9b}b\tc\nd\r")),
        output("< a\\u{1b}[2J\\u{9b}b\tc\nd\\r\n")
    );
}

#[test]
fn json_timestamps_and_colours_are_added_on_request() {
    let show = Show {
        pretty_json: true,
        timestamps: true,
        colour: true,
        ..Show::default()
    };
    assert_eq!(
        rendered(&renderer(show, true), &text("[1]")),
        output("12:34:56.789Z \x1b[36m< \x1b[0m[\n  1\n]\n")
    );
    assert_eq!(
        rendered(&renderer(show, false), &text("[1]")),
        output("12:34:56.789Z [\n  1\n]\n")
    );
}

#[test]
fn binary_is_dumped_where_people_look_and_raw_only_on_request() {
    let event = Event::Binary(b"hi\x00"[..].into());
    let dump =
        "< binary message of 3 bytes\n00000000  68 69 00                                          |hi.|\n";
    assert_eq!(rendered(&renderer(Show::default(), true), &event), output(dump));
    assert_eq!(rendered(&renderer(Show::default(), false), &event), errors(dump));
    let raw = Show {
        raw: true,
        ..Show::default()
    };
    assert_eq!(rendered(&renderer(raw, false), &event), output("hi\0"));
}

#[test]
fn d17_control_frames_are_shown_on_request_only() {
    let show = Show {
        control_frames: true,
        ..Show::default()
    };
    let shown = renderer(show, false);
    let hidden = renderer(Show::default(), false);
    let close = Control::Close(Some((CloseCode(4001), "bye".to_owned())));
    for (direction, control, line) in [
        (
            Direction::Received,
            Control::Ping(b"x\n"[..].into()),
            "< ping \"x\\n\"\n",
        ),
        (
            Direction::Sent,
            Control::Pong(b"\xff\x01"[..].into()),
            "> pong 0xff01\n",
        ),
        (Direction::Sent, Control::Ping(b""[..].into()), "> ping\n"),
        (Direction::Received, Control::Close(None), "< close\n"),
        (Direction::Sent, close, "> close 4001 \"bye\"\n"),
    ] {
        let event = Event::Control(direction, control);
        assert_eq!(rendered(&shown, &event), errors(line));
        assert_eq!(rendered(&hidden, &event), None);
    }
}

#[test]
fn the_connect_is_told_in_a_line_and_in_full_when_verbose() {
    let line = "connected to wss://h/ in 4ms, subprotocol chat";
    assert_eq!(
        rendered(&renderer(Show::default(), false), &opened()),
        errors(&format!("{line}\n"))
    );
    let verbose = Show {
        verbose: true,
        ..Show::default()
    };
    assert_eq!(
        rendered(&renderer(verbose, false), &opened()),
        errors(&format!(
            "{line}\n  127.0.0.1:443: name 100us, TCP 200us, TLS 3ms, upgrade 700us\n  Server: x\n"
        ))
    );
}

#[test]
fn quiet_hides_what_went_well_and_nothing_else() {
    let show = Show {
        quiet: true,
        ..Show::default()
    };
    let quiet = renderer(show, false);
    let ended = |code| {
        let outcome = CloseOutcome {
            by: CloseInitiator::Peer,
            code: CloseCode(code),
            clean: true,
        };
        Event::Ended(Ending {
            outcome,
            reason: String::new(),
            problem: None,
            refused: 0,
        })
    };
    assert_eq!(rendered(&quiet, &opened()), None);
    assert_eq!(rendered(&quiet, &ended(1000)), None);
    assert_eq!(
        rendered(&quiet, &ended(1011)),
        errors("closed by the server: 1011 (internal error)\n")
    );
}
