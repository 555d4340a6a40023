//! `wsbench connect` as a process: exit codes, signals, and a terminal with line editing.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/terminal.rs"]
mod pseudo_terminal;
#[path = "connect/support.rs"]
#[expect(dead_code, reason = "the tests of the library use the rest")]
mod support;
#[path = "connect/terminal.rs"]
mod terminal;

use std::process::{Output, Stdio};

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use support::{PATIENCE, Server, accept, close, echo, listen, read_all};

fn wsbench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
    command
        .arg("connect")
        .args(arguments)
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn output(child: Child) -> Output {
    tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("the process ends")
        .unwrap()
}

/// Runs the process with `input` against `serve`; its exit code, standard output and standard error.
async fn run(flags: &[&str], input: &[u8], serve: impl AsyncFnOnce(Server)) -> (Option<i32>, String, String) {
    let (listener, url) = listen().await;
    let mut child = wsbench(&[&[url.as_str()], flags].concat()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let process = async {
        // A process that ends before its input is no failure of the test.
        let _ = stdin.write_all(input).await;
        drop(stdin);
        output(child).await
    };
    let (output, ()) = tokio::join!(process, async { serve(accept(listener).await).await });
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn d17_a_message_and_its_reply_without_any_input() {
    let (code, stdout, stderr) = run(&["-x", "hello", "-w", "forever"], b"", async |server| {
        echo(server, 1).await;
    })
    .await;
    assert_eq!((code, stdout.as_str()), (Some(0), "hello\n"), "{stderr}");
}

#[tokio::test]
async fn d15_a_hundred_kib_against_64_kib() {
    let (listener, url) = listen().await;
    let mut child = wsbench(&[&url, "--whole"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let limit = WebSocketConfig::default()
            .max_message_size(Some(65_536))
            .max_frame_size(Some(65_536));
        let mut server = tokio_tungstenite::accept_async_with_config(stream, Some(limit))
            .await
            .unwrap();
        assert!(server.next().await.unwrap().is_err());
        server.send(close(1009, "at most 65536 bytes")).await.unwrap();
    };
    let process = async {
        stdin.write_all(&[b'x'; 100 * 1024]).await.unwrap();
        drop(stdin);
        output(child).await
    };
    let (output, ()) = tokio::join!(process, serve);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.ends_with("closed by the server: 1009 (message too big): at most 65536 bytes\n"),
        "{stderr}"
    );
    assert_eq!(output.status.code(), Some(112));
}

#[tokio::test]
async fn exit_codes_tell_scripts_how_it_ended() {
    let (code, _, stderr) = run(&["-w", "0"], b"/nonsense\n", async |mut server| {
        read_all(&mut server).await;
    })
    .await;
    assert_eq!(code, Some(2), "{stderr}");
    let (code, _, stderr) = run(&["-w", "forever", "-q"], b"", async |server| drop(server)).await;
    assert_eq!((code, stderr.lines().count()), (Some(108), 1), "{stderr}");
    for (arguments, code) in [
        (&["ws://127.0.0.1:1/"][..], 107),
        (&["no-scheme"], 104),
        (&["ws://127.0.0.1:1/", "-H", "Bad Name: x"], 104),
        (&["wss://127.0.0.1:1/", "--ca", "missing.pem"], 104),
        (&["ws://127.0.0.1:1/", "-H", "no colon"], 104),
    ] {
        let output = output(wsbench(arguments).spawn().unwrap()).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        let is_explained = code == 2 || arguments.contains(&"no colon");
        assert!(is_explained || stderr.lines().count() == 1, "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn signals_close_with_1001() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let (listener, url) = listen().await;
        let mut child = wsbench(&[&url, "--ping-every", "1ms"]).spawn().unwrap();
        let _stdin = child.stdin.take().unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        let serve = async {
            let mut server = accept(listener).await;
            // A Ping comes from a client that listens to signals.
            assert_eq!(server.next().await.unwrap().unwrap(), Message::Ping("".into()));
            // SAFETY: a number goes in and a number comes out; the process is our child and not yet waited for.
            assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
            read_all(&mut server).await
        };
        let (output, messages) = tokio::join!(output(child), serve);
        assert_eq!(messages.last(), Some(&close(1001, "")));
        assert_eq!(output.status.code(), Some(0));
        assert!(
            String::from_utf8(output.stderr)
                .unwrap()
                .ends_with("closed by us: 1001 (going away)\n"),
            "the close is shown"
        );
    }
}
