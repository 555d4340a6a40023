//! [`ServerProcess`]: the server under test.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::AnyError;

/// The core that it has to itself.
const CORE: &str = "0";

/// `wsbench serve` in a process of its own. It ends with this one.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
    _config: tempfile::TempPath,
}

impl ServerProcess {
    /// Starts the binary with a configuration, and waits until it listens.
    pub(crate) async fn start(binary: &str, config: &str) -> Result<Self, AnyError> {
        let file = tempfile::Builder::new()
            .suffix(".yaml")
            .tempfile()?
            .into_temp_path();
        std::fs::write(&file, config)?;
        let mut child = Command::new("taskset")
            .args(["-c", CORE, binary, "serve", "--exit-with-stdin", "--config"])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = lines.next_line().await?.ok_or("the server did not start")?;
        let address = line
            .rsplit_once("ws://")
            .and_then(|(_, address)| address.trim_end_matches('/').parse().ok())
            .ok_or_else(|| format!("no address in `{line}`"))?;
        Ok(Self {
            child,
            address,
            _config: file,
        })
    }

    /// Resident memory now, in bytes.
    pub(crate) fn memory(&self) -> Result<u64, AnyError> {
        let pid = self.child.id().ok_or("the server has ended")?;
        let usage = wsbench::net::system::usage_of(pid)?;
        Ok(usage
            .resident
            .ok_or("the system does not tell the server's memory")?
            .0)
    }

    /// Ends it, and fails unless it ends well.
    pub(crate) async fn stop(mut self) -> Result<(), AnyError> {
        drop(self.child.stdin.take());
        let status = self.child.wait().await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}").into())
        }
    }
}
