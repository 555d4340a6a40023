//! Readers that stop while a broadcast goes on: what the others see.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use wsbench::clock::{self, Moment};

use super::AnyError;
use super::client::{Client, Times, connect};
use super::report::{Report, mebibytes};
use super::server::ServerProcess;

const RECEIVERS: usize = 20;
const STOPPED: usize = 5;
const RATE: u32 = 1_000;
const SIZE: usize = 1024;
/// Each stopped reader may hold the route's outbox of 4 MiB.
const BOUND: u64 = STOPPED as u64 * (4 << 20) + (16 << 20);
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn endure(
    server: &ServerProcess,
    length: Duration,
    report: &mut Report,
) -> Result<(), AnyError> {
    let setting = format!("broadcast of {RATE}/s, {SIZE} B, to {RECEIVERS} receivers");
    let before = server.memory()?;
    let calm = broadcast(server, length).await?;
    let mut stopped = Vec::new();
    for _ in 0..STOPPED {
        stopped.push(connect_small(server).await?);
    }
    let harassed = broadcast(server, length).await?;
    for (name, seen) in [("all read", &calm), ("5 more do not read", &harassed)] {
        report.figure(&format!("{setting}, {name}: latency"), seen.times.describe());
        report.holds(
            &format!("{setting}, {name}: received"),
            format!("{} of {}", seen.times.0.len(), seen.expected),
            seen.times.0.len() == seen.expected,
        );
    }
    let grown = harassed.most_memory.saturating_sub(before);
    report.holds(
        &format!(
            "memory with those that do not read (at most {})",
            mebibytes(BOUND)
        ),
        mebibytes(grown),
        grown <= BOUND,
    );
    let slow = journal(server)
        .await?
        .matches(r#""cause":"slow consumer""#)
        .count();
    report.holds(
        "of those that do not read, ended as slow consumers",
        slow.to_string(),
        slow == STOPPED,
    );
    drop(stopped);
    Ok(())
}

/// What the receivers of a broadcast saw.
struct Seen {
    times: Times,
    expected: usize,
    most_memory: u64,
}

async fn broadcast(server: &ServerProcess, length: Duration) -> Result<Seen, AnyError> {
    let count = (length.as_secs_f64() * f64::from(RATE)) as usize;
    let epoch = clock::now();
    let mut receivers: Vec<JoinHandle<Result<(Times, Client), AnyError>>> = Vec::new();
    for _ in 0..RECEIVERS {
        let client = connect(server, "/broadcast").await?;
        receivers.push(tokio::spawn(receive(client, count, epoch)));
    }
    let mut sender = connect(server, "/broadcast").await?;
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut payload = vec![0; SIZE];
    let mut most_memory = 0;
    for n in 0..count {
        ticks.tick().await;
        payload[..8].copy_from_slice(&((clock::now() - epoch).as_nanos() as u64).to_be_bytes());
        sender
            .send(Message::binary(Bytes::copy_from_slice(&payload)))
            .await?;
        // The sender is a receiver as well, and must not be the slow one.
        timeout(PATIENCE, sender.next())
            .await?
            .ok_or("the sender was closed")??;
        if n % 100 == 0 {
            most_memory = most_memory.max(server.memory()?);
        }
    }
    let mut all = Times::default();
    for receiver in receivers {
        let (times, mut client) = receiver.await??;
        all.0.extend(times.0);
        client.close(None).await?;
    }
    Ok(Seen {
        times: all,
        expected: count * RECEIVERS,
        most_memory,
    })
}

async fn receive(mut client: Client, count: usize, epoch: Moment) -> Result<(Times, Client), AnyError> {
    let mut times = Times::default();
    while times.0.len() < count {
        let message = timeout(PATIENCE, client.next())
            .await?
            .ok_or("a receiver was closed")??;
        let payload = message.into_data();
        let sent = payload
            .first_chunk()
            .copied()
            .map(u64::from_be_bytes)
            .ok_or("too short")?;
        times
            .0
            .push((clock::now() - epoch).saturating_sub(Duration::from_nanos(sent)));
    }
    Ok((times, client))
}

/// A receiver whose kernel keeps little for it.
async fn connect_small(server: &ServerProcess) -> Result<Client, AnyError> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(16 * 1024)?;
    let tcp = socket.connect(server.address).await?;
    let (client, _) = client_async(format!("ws://{}/broadcast", server.address), tcp).await?;
    Ok(client)
}

/// What the server wrote down of the connections of this route.
async fn journal(server: &ServerProcess) -> Result<String, AnyError> {
    let mut tcp = TcpStream::connect(server.address).await?;
    tcp.write_all(b"GET /journal?route=/broadcast HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut journal = String::new();
    timeout(PATIENCE, tcp.read_to_string(&mut journal)).await??;
    Ok(journal)
}
