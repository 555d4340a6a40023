//! Real clients against `wsbench serve`.

use crate::process::{Running, assert_success, wsbench};
use crate::tools::Counterpart;

/// The server with room for the largest message that the clients send.
fn serve(compression: bool) -> Running {
    let mut command = wsbench();
    command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"]);
    if compression {
        command.arg("--compression");
    }
    Running::start(&mut command)
}

fn talk(counterpart: Counterpart, mode: &str) {
    let mut server = serve(mode == "compressed");
    let url = format!("ws://{}/echo", server.address());
    let output = counterpart
        .client(&url, mode)
        .output()
        .expect("the client starts");
    assert_success(&output);
}

/// The server says goodbye with 1001, and ends by itself.
fn says_goodbye(counterpart: Counterpart) {
    let mut server = serve(false);
    let url = format!("ws://{}/echo", server.address());
    let mut client = Running::start(&mut counterpart.client(&url, "await-close"));
    assert_eq!(client.line(), "open");
    server.signal(libc::SIGTERM);
    assert_eq!(client.line(), "1001");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn python_websockets_talks_to_the_server() {
    talk(Counterpart::Python, "talk");
}

#[test]
fn python_websockets_talks_compressed() {
    talk(Counterpart::Python, "compressed");
}

#[test]
fn python_websockets_hears_a_goodbye() {
    says_goodbye(Counterpart::Python);
}

#[test]
fn npm_ws_talks_to_the_server() {
    talk(Counterpart::Node, "talk");
}

#[test]
fn npm_ws_talks_compressed() {
    talk(Counterpart::Node, "compressed");
}

#[test]
fn npm_ws_hears_a_goodbye() {
    says_goodbye(Counterpart::Node);
}
