//! Messages that are small on the wire and huge when inflated.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::AnyError;
use super::client::round_trips;
use super::idle::read_head;
use super::report::{Report, mebibytes};
use super::server::ServerProcess;

/// Zeros in a bomb.
const INFLATED: usize = 512 << 20;
const BOMBS: usize = 20;
/// The route takes messages of 1 MiB.
const BOUND: u64 = 16 << 20;

pub(crate) async fn endure(server: &ServerProcess, report: &mut Report) -> Result<(), AnyError> {
    let frame = bomb()?;
    let before = server.memory()?;
    let mut most = before;
    let mut refused = 0;
    for _ in 0..BOMBS {
        refused += usize::from(throw(server, &frame).await? == Some(1009));
        most = most.max(server.memory()?);
    }
    let after = round_trips(server, 100).await?;
    report.holds(
        &format!(
            "{BOMBS} deflate bombs of {} that become {}: closed by 1009",
            kibibytes(frame.len()),
            mebibytes(INFLATED as u64)
        ),
        refused.to_string(),
        refused == BOMBS,
    );
    report.holds(
        &format!("memory that they take (at most {})", mebibytes(BOUND)),
        mebibytes(most.saturating_sub(before)),
        most.saturating_sub(before) <= BOUND,
    );
    report.figure("connect, echo and close of others, after them", after.describe());
    Ok(())
}

/// A masked binary frame with RSV1.
fn bomb() -> Result<Vec<u8>, AnyError> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..INFLATED / zeros.len() {
        encoder.write_all(&zeros)?;
    }
    let deflated = encoder.finish()?;
    let mut frame = vec![0xc2, 0xff];
    frame.extend_from_slice(&(deflated.len() as u64).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&deflated);
    Ok(frame)
}

/// Sends a frame on a connection of its own, and returns the code of the Close frame that answers.
async fn throw(server: &ServerProcess, frame: &[u8]) -> Result<Option<u16>, AnyError> {
    let mut tcp = TcpStream::connect(server.address).await?;
    let request = format!(
        "GET /bomb HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server.address
    );
    tcp.write_all(request.as_bytes()).await?;
    let head = read_head(&mut tcp).await?;
    if !head.to_ascii_lowercase().contains("permessage-deflate") {
        return Err(format!("compression was not agreed: {head}").into());
    }
    tcp.write_all(frame).await?;
    let mut close = [0; 4];
    tcp.read_exact(&mut close).await?;
    let [opcode, _, high, low] = close;
    Ok((opcode == 0x88).then(|| u16::from_be_bytes([high, low])))
}

fn kibibytes(bytes: usize) -> String {
    format!("{:.0} KiB", bytes as f64 / 1024.0)
}
