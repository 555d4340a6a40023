//! Requests that never end, while others want to connect.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wsbench::clock;

use super::AnyError;
use super::client::round_trips;
use super::idle::connect_from;
use super::report::{Report, mebibytes};
use super::server::ServerProcess;

const FIRST_HOST: u8 = 100;
const AT_A_TIME: usize = 64;
const ROUND_TRIPS: usize = 300;
/// `limits.max_header_size`, and half as much again for the state of the connection.
const BOUND_EACH: f64 = 24.0 * 1024.0;
/// The server's own limit is 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn endure(
    server: &ServerProcess,
    count: usize,
    report: &mut Report,
) -> Result<(), AnyError> {
    let calm = round_trips(server, ROUND_TRIPS).await?;
    let before = server.memory()?;
    let begin = clock::now();
    let mut clients: Vec<TcpStream> = stream::iter(0..count)
        .map(|n| async move {
            let mut tcp = connect_from(server.address, FIRST_HOST, n).await?;
            tcp.write_all(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
                .await?;
            Ok::<_, AnyError>(tcp)
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    let harassed = round_trips(server, ROUND_TRIPS).await?;
    let each = server.memory()?.saturating_sub(before) as f64 / count as f64;
    let mut timed_out = 0;
    for client in &mut clients {
        let mut answer = Vec::new();
        timeout(PATIENCE, client.read_to_end(&mut answer)).await??;
        timed_out += usize::from(answer.starts_with(b"HTTP/1.1 408"));
    }
    let name = format!("{count} half-open handshakes");
    report.holds(
        &format!("{name}: memory of each (at most {:.0} KiB)", BOUND_EACH / 1024.0),
        format!("{:.1} KiB", each / 1024.0),
        each <= BOUND_EACH,
    );
    report.figure("connect, echo and close of others, before", calm.describe());
    report.figure(
        "connect, echo and close of others, meanwhile",
        harassed.describe(),
    );
    report.holds(
        &format!("{name}: answered by 408"),
        format!(
            "{timed_out}, all after {:.1} s",
            (clock::now() - begin).as_secs_f64()
        ),
        timed_out == count,
    );
    report.figure("memory then", mebibytes(server.memory()?));
    Ok(())
}
