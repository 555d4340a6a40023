//! The private installation of the counterparts.

use std::path::PathBuf;
use std::process::Command;

/// An implementation of WebSocket that is not ours, with a client and a server under `tests/real/`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counterpart {
    /// Python's `websockets`.
    Python,
    /// npm's `ws`.
    Node,
}

impl Counterpart {
    /// Its client, as `CLIENT URL MODE`.
    pub(crate) fn client(self, url: &str, mode: &str) -> Command {
        let mut command = self.script("client");
        command.args([url, mode]);
        command
    }

    /// Its echo server; `close` is a number of messages after which it closes a connection, and the code.
    pub(crate) fn server(self, close: Option<(u32, u16)>) -> Command {
        let mut command = self.script("server");
        if let Some((after, code)) = close {
            command.args([after.to_string(), code.to_string()]);
        }
        command
    }

    fn script(self, name: &str) -> Command {
        match self {
            Self::Python => {
                let mut command = Command::new(installed("python/bin/python"));
                command.arg(scripts().join(name).with_extension("py"));
                command
            }
            Self::Node => node(name),
        }
    }
}

/// A script of this folder, with the installed packages.
pub(crate) fn node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("node/node_modules"));
    command.arg(scripts().join(name).with_extension("cjs"));
    command
}

fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/real")
}

fn installed(path: &str) -> PathBuf {
    let tools = std::env::var_os("WSBENCH_TEST_TOOLS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/tools"),
        PathBuf::from,
    );
    let path = tools.join(path);
    assert!(
        path.exists(),
        "{} is missing: run scripts/install-test-tools",
        path.display()
    );
    path
}
