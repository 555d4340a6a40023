//! Many connections that say nothing, and then one word each.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use wsbench::clock;

use super::AnyError;
use super::report::Report;
use super::server::ServerProcess;

/// Bytes for each connection at rest, and after it was used, that the first milestone of the server promises.
const GOAL_IDLE: f64 = 1200.0;
const GOAL_USED: f64 = 2000.0;
/// Connections from one address: the search for a free port becomes slow beyond.
const PER_ADDRESS: usize = 10_000;
/// Their addresses begin here; those of other hardships elsewhere, so that they find free ports at once.
const FIRST_HOST: u8 = 2;
const AT_A_TIME: usize = 64;

/// A masked `hi` with the mask 0, and its echo.
const WORD: &[u8] = b"\x81\x82\0\0\0\0hi";
const ECHO: &[u8] = b"\x81\x02hi";

pub(crate) async fn endure(
    server: &ServerProcess,
    count: usize,
    report: &mut Report,
) -> Result<(), AnyError> {
    let before = server.memory()?;
    let begin = clock::now();
    let mut clients: Vec<TcpStream> = stream::iter(0..count)
        .map(|n| upgrade(server, n))
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    let took = clock::now() - begin;
    let each = |memory: u64| memory.saturating_sub(before) as f64 / count as f64;
    let idle = each(server.memory()?);
    report.figure(
        &format!("{count} idle connections: opened in"),
        format!("{:.1} s", took.as_secs_f64()),
    );
    report.holds(
        &format!("{count} idle connections: memory of each (at most {GOAL_IDLE} B)"),
        format!("{idle:.0} B"),
        idle <= GOAL_IDLE,
    );
    let mut echoes = 0;
    for client in &mut clients {
        client.write_all(WORD).await?;
        let mut echo = [0; ECHO.len()];
        client.read_exact(&mut echo).await?;
        echoes += usize::from(echo == ECHO);
    }
    let used = each(server.memory()?);
    report.holds(
        "each of them then answers one message",
        format!("{echoes} echoes"),
        echoes == count,
    );
    report.holds(
        &format!("memory of each after that (at most {GOAL_USED} B)"),
        format!("{used:.0} B"),
        used <= GOAL_USED,
    );
    Ok(())
}

/// The connection `n`, upgraded.
async fn upgrade(server: &ServerProcess, n: usize) -> Result<TcpStream, AnyError> {
    let mut tcp = connect_from(server.address, FIRST_HOST, n).await?;
    let request = format!(
        "GET /echo HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server.address
    );
    tcp.write_all(request.as_bytes()).await?;
    let head = read_head(&mut tcp).await?;
    if head.starts_with("HTTP/1.1 101") {
        Ok(tcp)
    } else {
        Err(format!("refused: {head}").into())
    }
}

/// A connection from an address of the loopback network that has ports left.
pub(crate) async fn connect_from(
    server: SocketAddr,
    first_host: u8,
    n: usize,
) -> Result<TcpStream, AnyError> {
    let last = first_host + u8::try_from(n / PER_ADDRESS)?;
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
    Ok(socket.connect(server).await?)
}

/// A response up to the empty line.
pub(crate) async fn read_head(tcp: &mut TcpStream) -> Result<String, AnyError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await?);
    }
    Ok(String::from_utf8(head)?)
}
