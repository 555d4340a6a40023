//! A person at a terminal: what they type, what they see, and that they get their terminal back.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;

use futures_util::{SinkExt, StreamExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use crate::pseudo_terminal::open_terminal;
use crate::support::{PATIENCE, Server, accept, close, listen, read_all};

/// The outer end of a terminal on which `wsbench connect` runs.
struct Terminal {
    keyboard: File,
    screen: watch::Receiver<Vec<u8>>,
    /// The inner end, kept open to look at its modes.
    inner: OwnedFd,
    child: Child,
    state: tempfile::TempDir,
}

impl Terminal {
    async fn start(flags: &[&str]) -> (Self, Server) {
        let (listener, url) = listen().await;
        let (outer, inner) = open_terminal();
        let state = tempfile::tempdir().unwrap();
        let stdio = || inner.try_clone().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_wsbench"))
            .args(["connect", &url, "--no-color"])
            .args(flags)
            .env("TERM", "xterm")
            .env("XDG_STATE_HOME", state.path())
            .kill_on_drop(true)
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        let keyboard = File::from(outer);
        let screen = watch_screen(keyboard.try_clone().unwrap());
        let server = accept(listener).await;
        (
            Self {
                keyboard,
                screen,
                inner,
                child,
                state,
            },
            server,
        )
    }

    fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen has shown all of `texts`, in this order, and returns everything that was written to it.
    async fn sees(&mut self, texts: &[&str]) -> String {
        let all_shown = |written: &Vec<u8>| {
            let mut rest = String::from_utf8_lossy(written).into_owned();
            texts.iter().all(|text| match rest.find(text) {
                Some(at) => {
                    rest.drain(..at + text.len());
                    true
                }
                None => false,
            })
        };
        let waiting = tokio::time::timeout(PATIENCE, self.screen.wait_for(all_shown)).await;
        let seen = matches!(waiting, Ok(Ok(_)));
        drop(waiting);
        let written = String::from_utf8_lossy(&self.screen.borrow()).into_owned();
        assert!(seen, "{texts:?} not in {written:?}");
        written
    }

    async fn exit_code(&mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap()
            .code()
    }

    /// Whether the terminal reads lines and echoes, as a shell expects it.
    fn is_as_before(&self) -> bool {
        // SAFETY: an all-zero termios is a valid value, and the call fills it for an open terminal.
        let modes = unsafe {
            let mut modes = std::mem::zeroed::<libc::termios>();
            assert_eq!(libc::tcgetattr(self.inner.as_raw_fd(), &raw mut modes), 0);
            modes
        };
        modes.c_lflag & (libc::ICANON | libc::ECHO) == libc::ICANON | libc::ECHO
    }
}

/// Collects what is written to the terminal.
fn watch_screen(mut outer: File) -> watch::Receiver<Vec<u8>> {
    let (sender, screen) = watch::channel(Vec::new());
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = outer.read(&mut buffer) {
            sender.send_modify(|written| written.extend_from_slice(&buffer[..length]));
        }
    });
    screen
}

#[tokio::test]
async fn an_incoming_message_leaves_the_line_being_edited_intact() {
    let (mut terminal, mut server) = Terminal::start(&[]).await;
    terminal
        .sees(&["connected to ws://", "/help lists the commands", "> "])
        .await;
    let seven_left = "\x1b[D".repeat(7);
    terminal.type_in(&format!("hell, world{seven_left}"));
    terminal.sees(&["hell, world", &seven_left]).await;
    server.send(Message::text("news")).await.unwrap();
    // The line is drawn again below the message, and editing goes on where it was.
    terminal.sees(&["< news", "> hell, world"]).await;
    terminal.type_in("o\r");
    assert_eq!(
        server.next().await.unwrap().unwrap(),
        Message::text("hello, world")
    );
    terminal.type_in("/ping x\r");
    assert_eq!(server.next().await.unwrap().unwrap(), Message::Ping("x".into()));

    terminal.sees(&["/ping x", "> "]).await;
    terminal.type_in("half a li");
    terminal.sees(&["half a li"]).await;
    server.send(close(1000, "good night")).await.unwrap();
    read_all(&mut server).await;
    terminal
        .sees(&["closed by the server: 1000 (normal): good night"])
        .await;
    assert_eq!(terminal.exit_code().await, Some(0));
    assert!(terminal.is_as_before());
    let history = std::fs::read_to_string(terminal.state.path().join("wsbench/connect_history")).unwrap();
    assert!(history.ends_with("hello, world\n/ping x\n"), "{history}");
}

#[tokio::test]
async fn ctrl_d_closes_with_1000_and_ctrl_c_with_1001() {
    for (key, code) in [("\x04", 1000), ("\x03", 1001)] {
        let (mut terminal, mut server) = Terminal::start(&["--no-history"]).await;
        terminal.sees(&["connected", "> "]).await;
        terminal.type_in("/nonsense\r");
        terminal.sees(&["unknown command /nonsense"]).await;
        terminal.type_in(key);
        assert_eq!(read_all(&mut server).await, [close(code, "")]);
        terminal.sees(&[&format!("closed by us: {code} (")]).await;
        assert_eq!(terminal.exit_code().await, Some(0));
        assert!(terminal.is_as_before());
        assert!(!terminal.state.path().join("wsbench").exists());
    }
}

#[tokio::test]
async fn no_message_is_lost_when_the_server_closes_right_behind_a_flood() {
    let (mut terminal, mut server) = Terminal::start(&["--no-history"]).await;
    terminal.sees(&["connected", "> "]).await;
    for n in 0..500 {
        server.feed(Message::text(format!("message {n}."))).await.unwrap();
    }
    server.send(close(1000, "")).await.unwrap();
    read_all(&mut server).await;
    let written = terminal.sees(&["closed by the server: 1000"]).await;
    for n in 0..500 {
        assert!(written.contains(&format!("< message {n}.")), "{n}");
    }
    assert_eq!(terminal.exit_code().await, Some(0));
}
