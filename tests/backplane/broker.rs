//! A broker's process: started, ended, stopped in its tracks.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Which broker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Redis,
    Nats,
}

/// A broker; its process ends with it.
pub(crate) struct Broker {
    kind: Kind,
    port: u16,
    child: Child,
}

/// The broker is ready within this time.
const START: Duration = Duration::from_secs(20);

impl Kind {
    /// What the configuration calls a broker of this kind.
    pub(crate) fn settings(self, port: u16) -> String {
        match self {
            Self::Redis => format!("backplane: {{redis: {{url: 'redis://127.0.0.1:{port}'}}}}"),
            Self::Nats => format!("backplane: {{nats: {{url: 'nats://127.0.0.1:{port}', prefix: test}}}}"),
        }
    }

    fn command(self, port: u16) -> Command {
        let port = port.to_string();
        match self {
            Self::Redis => {
                let mut command = Command::new("redis-server");
                command.args([
                    "--bind",
                    "127.0.0.1",
                    "--port",
                    &port,
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                ]);
                command
            }
            Self::Nats => {
                // Debian installs it where only root's PATH leads.
                let debian = "/usr/sbin/nats-server";
                let found = Path::new(debian).exists();
                let mut command = Command::new(if found { debian } else { "nats-server" });
                command.args(["-a", "127.0.0.1", "-p", &port]);
                command
            }
        }
    }
}

impl Broker {
    pub(crate) async fn start(kind: Kind, port: u16) -> Self {
        let mut command = kind.command(port);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{kind:?}: {error}: run scripts/install-test-tools"));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let ready = async {
            match kind {
                Kind::Redis => ready(stdout, "Ready to accept connections").await,
                Kind::Nats => ready(stderr, "Server is ready").await,
            }
        };
        timeout(START, ready).await.expect("the broker is ready in time");
        Self { kind, port, child }
    }

    pub(crate) fn settings(&self) -> String {
        self.kind.settings(self.port)
    }

    /// Kills it; the port is free for another.
    pub(crate) async fn kill(mut self) -> u16 {
        self.child.kill().await.unwrap();
        self.port
    }

    /// Sends it a signal, such as `STOP` or `CONT`.
    pub(crate) async fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        let mut kill = Command::new("kill");
        assert!(kill.args(["-s", signal, &pid]).status().await.unwrap().success());
    }
}

/// Waits until the process says that it is ready, and reads on so that it never waits for us.
async fn ready(output: impl AsyncRead + Unpin + Send + 'static, sign: &str) {
    let mut lines = BufReader::new(output).lines();
    while !lines
        .next_line()
        .await
        .unwrap()
        .expect("the broker starts")
        .contains(sign)
    {}
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
