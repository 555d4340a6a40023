//! A warm session allocates nothing for a message.
//!
//! A test binary of its own: the counter belongs to the process, since the server's workers have threads of their own.

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use wsbench::server::{Server, ServerConfig};
use wsbench::wire::{MaskKey, MessageKind, Role, Sender};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: everything is handed to the system's allocator unchanged; the counter is an atomic number.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are exactly the system allocator's requirements.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, and so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A client that allocates nothing while it exchanges messages.
struct Client {
    tcp: TcpStream,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr, path: &str, message: &[u8], reply: &[u8]) -> Self {
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        let upgrade = format!(
            "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        tcp.write_all(upgrade.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            tcp.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let encode = |role, payload: &[u8]| {
            let mut frame = Vec::new();
            Sender::new(role, None).message(MessageKind::Text, payload, MaskKey([1, 2, 3, 4]), &mut frame);
            frame
        };
        Self {
            tcp,
            request: encode(Role::Client, message),
            reply: encode(Role::Server, reply),
        }
    }

    fn exchange(&mut self, times: usize, buffer: &mut [u8]) {
        let buffer = &mut buffer[..self.reply.len()];
        for _ in 0..times {
            self.tcp.write_all(&self.request).unwrap();
            self.tcp.read_exact(buffer).unwrap();
            assert!(buffer == self.reply);
        }
    }
}

#[test]
fn messages_allocate_nothing() {
    let server = Server::start(&ServerConfig {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        workers: NonZeroUsize::new(1),
        ..ServerConfig::default()
    })
    .unwrap();
    let mut buffer = vec![0; 128 * 1024];
    let cases: [(&str, &[u8], &[u8]); 3] = [
        ("/echo", b"twenty bytes of text", b"twenty bytes of text"),
        ("/ws", b"Hallo", b"Server hat empfangen: Hallo"),
        (
            "/iot",
            br#"{"seq":7,"t":21}"#,
            br#"{"type":"ack","seq":7,"bytes":16}"#,
        ),
    ];
    for (path, message, reply) in cases {
        let mut client = Client::connect(server.local_addrs()[0], path, message, reply);
        client.exchange(100, &mut buffer);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        client.exchange(1_000, &mut buffer);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(allocations, 0, "{path}");
    }
}
