//! A NATS server of a test's own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A broker is ready within this time.
const START: Duration = Duration::from_secs(20);

/// Starts one that listens on `port`, and waits until it does; it ends when dropped.
pub(crate) async fn start(port: u16, arguments: &[&str]) -> Child {
    // Debian installs it where only root's PATH leads.
    let debian = "/usr/sbin/nats-server";
    let found = Path::new(debian).exists();
    let mut child = Command::new(if found { debian } else { "nats-server" })
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .args(arguments)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("nats-server is installed: run scripts/install-test-tools");
    ready(child.stderr.take().unwrap(), "Server is ready").await;
    child
}

/// Waits until a broker says that it is ready, and reads on so that it never waits for us.
pub(crate) async fn ready(output: impl AsyncRead + Unpin + Send + 'static, sign: &str) {
    let mut lines = BufReader::new(output).lines();
    let said = async {
        while !lines
            .next_line()
            .await
            .unwrap()
            .expect("the broker starts")
            .contains(sign)
        {}
    };
    timeout(START, said).await.expect("the broker is ready in time");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}
