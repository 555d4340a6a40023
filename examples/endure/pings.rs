//! Pings in a row from a client that does not read the pongs yet.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::AnyError;
use super::client::{connect, round_trips};
use super::report::{Report, mebibytes};
use super::server::ServerProcess;

/// Longest payload of a control frame: the worst case.
const PAYLOAD: usize = 125;
const BOUND: u64 = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn endure(
    server: &ServerProcess,
    count: usize,
    report: &mut Report,
) -> Result<(), AnyError> {
    let before = server.memory()?;
    let tcp = connect(server, "/echo").await?.into_inner();
    let (mut reading, mut writing) = tcp.into_split();
    let writer = tokio::spawn(async move {
        for n in 0..count {
            let mut frame = vec![0x89, 0x80 | PAYLOAD as u8, 0, 0, 0, 0];
            frame.extend_from_slice(&payload(n));
            writing.write_all(&frame).await?;
        }
        Ok::<_, std::io::Error>(writing)
    });
    let meanwhile = round_trips(server, 300).await?;
    let most = server.memory()?;
    let mut pongs = 0;
    for n in 0..count {
        let mut frame = [0; 2 + PAYLOAD];
        timeout(PATIENCE, reading.read_exact(&mut frame)).await??;
        pongs += usize::from(frame[0] == 0x8a && frame[2..] == payload(n));
    }
    let _writing = writer.await??;
    report.holds(
        &format!("{count} pings of {PAYLOAD} bytes in a row: pongs, in order"),
        pongs.to_string(),
        pongs == count,
    );
    report.holds(
        &format!("memory while they are not read (at most {})", mebibytes(BOUND)),
        mebibytes(most.saturating_sub(before)),
        most.saturating_sub(before) <= BOUND,
    );
    report.figure(
        "connect, echo and close of others, meanwhile",
        meanwhile.describe(),
    );
    Ok(())
}

fn payload(n: usize) -> [u8; PAYLOAD] {
    let mut payload = [b'.'; PAYLOAD];
    let digits = format!("{n:08}");
    payload[..digits.len()].copy_from_slice(digits.as_bytes());
    payload
}
