//! A broker's process: started, ended, stopped in its tracks.

use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::nats_server;

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

impl Kind {
    /// What the configuration calls a broker of this kind.
    pub(crate) fn settings(self, port: u16) -> String {
        match self {
            Self::Redis => format!("backplane: {{redis: {{url: 'redis://127.0.0.1:{port}'}}}}"),
            Self::Nats => format!("backplane: {{nats: {{url: 'nats://127.0.0.1:{port}', prefix: test}}}}"),
        }
    }

    async fn start(self, port: u16) -> Child {
        match self {
            Self::Redis => redis(port).await,
            Self::Nats => nats_server::start(port, &[]).await,
        }
    }
}

async fn redis(port: u16) -> Child {
    let mut child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is installed: run scripts/install-test-tools");
    nats_server::ready(child.stdout.take().unwrap(), "Ready to accept connections").await;
    child
}

impl Broker {
    pub(crate) async fn start(kind: Kind, port: u16) -> Self {
        let child = kind.start(port).await;
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
