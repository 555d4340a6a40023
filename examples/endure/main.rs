//! What `wsbench serve` endures, with figures: `scripts/endure` runs it.
//!
//! A server of its own process; on the other side tokio-tungstenite where a client behaves, and raw sockets where it does not.
//! Hardships come one after another on the same server, so what one of them leaves behind shows in the next. What has to
//! hold on any machine (answers, close codes, bounds of memory) fails the program; latencies are only told, side by side with those
//! of a calm server in the same run.

use std::error::Error;
use std::time::Duration;

mod bomb;
mod client;
mod half_open;
mod idle;
mod pings;
mod report;
mod server;
mod stopped_reader;

use report::Report;
use server::ServerProcess;

type AnyError = Box<dyn Error + Send + Sync>;

/// The clients' core; the server has `server::CORE`.
const CLIENTS_CORE: usize = 1;
/// Connections at rest.
const IDLE: usize = 15_000;
/// Requests that never end.
const HALF_OPEN: usize = 10_000;

const CONFIG: &str = "
    listen: ['127.0.0.1:0']
    workers: 1
    limits: {handshake_timeout: 10s}
    routes:
      /bomb: {mode: echo, compression: true, max_message_size: 1MiB}
      # Seconds count here; what a real client gets is the default of 15 s.
      /broadcast: {mode: broadcast, write_deadline: 60s, ping_interval: 0, idle_timeout: 0}
";

fn main() -> Result<(), AnyError> {
    let binary = std::env::args().nth(1).ok_or("usage: endure PATH-OF-WSBENCH")?;
    wsbench::net::system::raise_open_file_limit()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut report = Report::default();
    runtime.block_on(async {
        let server = ServerProcess::start(&binary, CONFIG).await?;
        wsbench::net::system::pin_current_thread(CLIENTS_CORE)?;
        // The first connections pay for what a thread needs only once.
        client::round_trips(&server, 100).await?;
        idle::endure(&server, IDLE, &mut report).await?;
        half_open::endure(&server, HALF_OPEN, &mut report).await?;
        bomb::endure(&server, &mut report).await?;
        pings::endure(&server, 20_000, &mut report).await?;
        stopped_reader::endure(&server, Duration::from_secs(10), &mut report).await?;
        client::round_trips(&server, 100).await?;
        server.stop().await
    })?;
    report.print()?;
    if report.failed() {
        return Err("the server did not hold; see above".into());
    }
    Ok(())
}
