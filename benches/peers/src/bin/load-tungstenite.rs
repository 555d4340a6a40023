//! A generator on tokio-tungstenite: one task per connection, one thread, read and write buffers of 8 KiB.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use tokio::net::TcpStream;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::LocalSet;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wsbench_peers::generator::{self, MEMORY_MESSAGES, Memory, Meter};
use wsbench_peers::options::{Mode, Options};

type AnyError = Box<dyn Error>;

/// Handshakes under way at once.
const CONNECTING: usize = 64;

struct Books {
    messages: Cell<u64>,
    latencies: RefCell<Histogram<u64>>,
    stop: Cell<bool>,
}

fn main() -> Result<(), AnyError> {
    let options = Options::parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, run(Rc::new(options)))
}

async fn run(options: Rc<Options>) -> Result<(), AnyError> {
    let books = Rc::new(Books {
        messages: Cell::new(0),
        latencies: RefCell::new(generator::latency_histogram()),
        stop: Cell::new(false),
    });
    match options.mode {
        Mode::Throughput => throughput(&options, &books).await,
        Mode::Memory => memory(&options).await,
        Mode::Handshakes => handshakes(&options, &books).await,
    }
}

async fn throughput(options: &Rc<Options>, books: &Rc<Books>) -> Result<(), AnyError> {
    for mut socket in open_all(options).await? {
        let (books, size) = (Rc::clone(books), options.size);
        tokio::task::spawn_local(async move {
            let payload = Bytes::from(vec![b'x'; size]);
            while !books.stop.get() {
                let sent = Instant::now();
                if round_trip(&mut socket, payload.clone()).await.is_err() {
                    return;
                }
                let nanos = sent.elapsed().as_nanos() as u64;
                books.latencies.borrow_mut().saturating_record(nanos);
                books.messages.set(books.messages.get() + 1);
            }
        });
    }
    tokio::time::sleep(options.warmup).await;
    books.latencies.borrow_mut().reset();
    let before = books.messages.get();
    let meter = Meter::start(options.server_pid);
    tokio::time::sleep(options.duration).await;
    let result = meter.finish(books.messages.get() - before, &books.latencies.borrow());
    books.stop.set(true);
    Ok(generator::print(&result)?)
}

async fn memory(options: &Rc<Options>) -> Result<(), AnyError> {
    let mut memory = Memory {
        connections: options.connections,
        ..Memory::default()
    };
    memory.read(options.server_pid);
    let sockets = open_all(options).await?;
    let start = Rc::new(Barrier::new(sockets.len() + 1));
    let done = Rc::new(Barrier::new(sockets.len() + 1));
    for mut socket in sockets {
        let (start, done, size) = (Rc::clone(&start), Rc::clone(&done), options.size);
        tokio::task::spawn_local(async move {
            start.wait().await;
            let payload = Bytes::from(vec![b'x'; size]);
            for _ in 0..MEMORY_MESSAGES {
                if round_trip(&mut socket, payload.clone()).await.is_err() {
                    break;
                }
            }
            done.wait().await;
            std::future::pending::<()>().await;
        });
    }
    tokio::time::sleep(options.warmup).await;
    memory.read(options.server_pid);
    start.wait().await;
    done.wait().await;
    tokio::time::sleep(options.warmup).await;
    memory.read(options.server_pid);
    Ok(generator::print(&memory)?)
}

async fn handshakes(options: &Rc<Options>, books: &Rc<Books>) -> Result<(), AnyError> {
    let meter = Meter::start(options.server_pid);
    let end = Instant::now() + options.duration;
    let mut places = Vec::new();
    for _ in 0..options.connections.min(CONNECTING) {
        let (options, books) = (Rc::clone(options), Rc::clone(books));
        places.push(tokio::task::spawn_local(async move {
            while Instant::now() < end {
                let started = Instant::now();
                let Ok(socket) = open(&options).await else {
                    continue;
                };
                books
                    .latencies
                    .borrow_mut()
                    .saturating_record(started.elapsed().as_nanos() as u64);
                books.messages.set(books.messages.get() + 1);
                abort(socket);
            }
        }));
    }
    for place in places {
        place.await?;
    }
    let result = meter.finish(books.messages.get(), &books.latencies.borrow());
    Ok(generator::print(&result)?)
}

async fn open_all(options: &Rc<Options>) -> Result<Vec<WebSocketStream<TcpStream>>, AnyError> {
    let places = Rc::new(Semaphore::new(CONNECTING));
    let mut tasks = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        let (options, places) = (Rc::clone(options), Rc::clone(&places));
        tasks.push(tokio::task::spawn_local(async move {
            let place = places.acquire().await;
            let socket = open(&options).await.map_err(|error| error.to_string());
            drop(place);
            socket
        }));
    }
    let mut sockets = Vec::with_capacity(options.connections);
    for task in tasks {
        sockets.push(task.await??);
    }
    Ok(sockets)
}

async fn open(options: &Options) -> Result<WebSocketStream<TcpStream>, AnyError> {
    let stream = TcpStream::connect(options.target).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(8 << 10)
        .write_buffer_size(8 << 10);
    let url = format!("ws://{}{}", options.target, options.path);
    Ok(client_async_with_config(url, stream, Some(config)).await?.0)
}

async fn round_trip(socket: &mut WebSocketStream<TcpStream>, payload: Bytes) -> Result<(), AnyError> {
    socket.send(Message::Binary(payload)).await?;
    match socket.next().await {
        Some(reply) => Ok(drop(reply?)),
        None => Err("the server closed the connection".into()),
    }
}

/// Drops a connection with a reset, so that no port of ours stays in TIME_WAIT.
fn abort(socket: WebSocketStream<TcpStream>) {
    let stream = socket2::SockRef::from(socket.get_ref());
    let _ = stream.set_linger(Some(Duration::ZERO));
}
