//! What the view of the reference server looks like.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

/// A server with a quiet route and a busy one that has slow consumers, `seconds` after its start.
fn frame(seconds: u64) -> ServerFrame {
    let close = |by, code, count| CloseLine { by, code, count };
    ServerFrame {
        elapsed: Duration::from_secs(seconds),
        stopping: false,
        routes: vec![
            RouteLine {
                path: "/echo".to_owned(),
                open: 2_000,
                opened: 2_100,
                messages_in: 1_000 * seconds,
                messages_out: 1_000 * seconds,
                bytes_in: 64_000 * seconds,
                bytes_out: 52_000 * seconds,
                closed: vec![close("client", "1000", 90), close("nobody", "1006", 10)],
                ..RouteLine::default()
            },
            RouteLine {
                path: "/broadcast".to_owned(),
                open: 50,
                opened: 53,
                refused: 4,
                messages_in: 10 * seconds,
                messages_out: 500 * seconds,
                bytes_in: 1_000 * seconds,
                bytes_out: 50_000 * seconds,
                dropped: 1_234,
                slow_consumers: 3,
                closed: vec![close("server", "1008", 3), close("client", "1000", 1)],
            },
        ],
        failures: vec![("TLS handshakes failed", 2), ("connections not accepted", 0)],
    }
}

fn screen(stops: &Arc<AtomicU32>) -> ServerScreen {
    let brief = ServerBrief {
        addresses: vec!["ws://127.0.0.1:9001".to_owned(), "ws://127.0.0.1:9002".to_owned()],
        workers: 2,
    };
    let stops = Arc::clone(stops);
    ServerScreen::new(brief, Theme::MONO, move || {
        stops.fetch_add(1, Ordering::Relaxed);
    })
}

fn text(screen: &ServerScreen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let rows = buffer.content.chunks(usize::from(width));
    rows.map(|row| {
        let row: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        row.trim_end().to_owned() + "\n"
    })
    .collect()
}

fn press(screen: &mut ServerScreen, code: KeyCode) {
    screen.key(KeyEvent::new(code, KeyModifiers::NONE));
}

#[test]
fn a_server_at_work() {
    let mut screen = screen(&Arc::default());
    insta::assert_snapshot!("start_small", text(&screen, 80, 24));
    for seconds in 1..=20 {
        screen.take(Arc::new(frame(seconds)));
    }
    insta::assert_snapshot!("work_small", text(&screen, 80, 24));
    insta::assert_snapshot!("work_large", text(&screen, 140, 44));
    for (width, height) in [(1, 1), (40, 12), (41, 13), (80, 15), (300, 90)] {
        text(&screen, width, height);
    }
}

#[test]
fn keys_stop_freeze_and_move() {
    let stops = Arc::default();
    let mut screen = screen(&stops);
    screen.take(Arc::new(frame(1)));
    press(&mut screen, KeyCode::Char('f'));
    screen.take(Arc::new(ServerFrame {
        stopping: true,
        ..frame(2)
    }));
    assert!(text(&screen, 80, 24).contains("FROZEN"));
    press(&mut screen, KeyCode::Esc);
    assert!(text(&screen, 80, 24).contains("STOPPING"));
    press(&mut screen, KeyCode::Down);
    assert!(!text(&screen, 80, 24).contains("/echo"));
    press(&mut screen, KeyCode::Down);
    assert!(
        text(&screen, 80, 24).contains("/broadcast"),
        "the last route stays"
    );
    press(&mut screen, KeyCode::Up);
    assert!(text(&screen, 80, 24).contains("/echo"));
    press(&mut screen, KeyCode::Char('q'));
    screen.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert_eq!(stops.load(Ordering::Relaxed), 2);
}
