//! A server whose behaviour is known to the last message, to check the numbers of a load generator against.
//!
//! ```text
//! accuracy_server delay MESSAGES   answers each message after a delay; the delays of MESSAGES messages are the quantiles
//!                                  of an exponential distribution with a mean of 20 ms, shuffled
//! accuracy_server stall            answers at once, but nothing in the last second of every ten
//! accuracy_server echo JOURNAL     answers at once, and counts in a file what it accepted, read and wrote
//! ```
//!
//! It prints the port that it listens on. In the first mode it prints, when its input ends, the delays that it really
//! made, in nanoseconds. The file of the last holds four numbers of 64 bits, little-endian: connections, messages read,
//! answers begun and answers written; a process that is killed leaves them as they are.
//!
//! Its WebSocket is tungstenite's and its clock is the system's: nothing of wsbench is in it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool may end with a panic, and its clock must not be wsbench's"
)]

use std::fs::File;
use std::io::{Read, stdin};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

const MEAN: Duration = Duration::from_millis(20);
const STALL: Duration = Duration::from_secs(1);
const STALL_EVERY: Duration = Duration::from_secs(10);
/// Timers may be late by this; so much is waited for awake.
const AWAKE: Duration = Duration::from_micros(150);

/// What becomes of a message that was read at a moment.
type Answer = dyn Fn(&mut WebSocket<TcpStream>, Message, Instant) + Send + Sync;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    match arguments[..] {
        ["delay", messages] => {
            let delays = Arc::new(Delays::new(messages.parse().unwrap()));
            let server = Arc::clone(&delays);
            serve(
                listener,
                || {},
                move |socket, message, read| server.answer(socket, message, read),
            );
            wait_for_the_end_of_input();
            for made in delays.made.lock().unwrap().iter() {
                println!("{}", made.as_nanos());
            }
        }
        ["stall"] => {
            let begin = Instant::now();
            serve(
                listener,
                || {},
                move |socket, message, read| {
                    let since = (read - begin).as_nanos() % STALL_EVERY.as_nanos();
                    let left = STALL_EVERY - Duration::from_nanos(since as u64);
                    if left <= STALL {
                        wait_until(read + left);
                    }
                    // A client that is gone needs no answer.
                    let _ = socket.send(message);
                },
            );
            wait_for_the_end_of_input();
        }
        ["echo", path] => {
            let accepted = Arc::new(Journal::new(path));
            let journal = Arc::clone(&accepted);
            serve(
                listener,
                move || accepted.count(0),
                move |socket, message, _| {
                    journal.count(1);
                    journal.count(2);
                    if socket.send(message).is_ok() {
                        journal.count(3);
                    }
                },
            );
            wait_for_the_end_of_input();
        }
        _ => panic!("accuracy_server delay MESSAGES | stall | echo JOURNAL"),
    }
}

/// Serves each connection on a thread of its own: what one waits for delays no other.
fn serve(
    listener: TcpListener,
    accepted: impl Fn() + Send + 'static,
    answer: impl Fn(&mut WebSocket<TcpStream>, Message, Instant) + Send + Sync + 'static,
) {
    let answer: Arc<Answer> = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer) = (stream.unwrap(), Arc::clone(&answer));
            accepted();
            thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                let Ok(mut socket) = accept(stream) else { return };
                while let Ok(message) = socket.read() {
                    let read = Instant::now();
                    if message.is_text() || message.is_binary() {
                        answer(&mut socket, message, read);
                    }
                }
            });
        }
    });
}

fn wait_for_the_end_of_input() {
    let _ = stdin().read_to_end(&mut Vec::new());
}

fn wait_until(end: Instant) {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > AWAKE {
            thread::park_timeout(left - AWAKE);
        } else {
            std::hint::spin_loop();
        }
    }
}

/// The delays that are still to be made, and those that were.
struct Delays {
    left: Mutex<Vec<Duration>>,
    made: Mutex<Vec<Duration>>,
}

impl Delays {
    fn new(messages: u32) -> Self {
        let quantile = |n: u32| MEAN.mul_f64(-(1.0 - (f64::from(n) + 0.5) / f64::from(messages)).ln());
        let mut left: Vec<_> = (0..messages).map(quantile).collect();
        left.shuffle(&mut rand::rngs::StdRng::seed_from_u64(1));
        Self {
            left: Mutex::new(left),
            made: Mutex::default(),
        }
    }

    fn answer(&self, socket: &mut WebSocket<TcpStream>, message: Message, read: Instant) {
        let delay = self
            .left
            .lock()
            .unwrap()
            .pop()
            .expect("as many messages as delays");
        wait_until(read + delay);
        if socket.send(message).is_ok() {
            self.made.lock().unwrap().push(read.elapsed());
        }
    }
}

/// Counts in a file, which outlives the process.
struct Journal {
    file: File,
    counts: Mutex<[u64; 4]>,
}

impl Journal {
    fn new(path: &str) -> Self {
        let file = File::create(path).unwrap();
        file.write_all_at(&[0; 32], 0).unwrap();
        Self {
            file,
            counts: Mutex::default(),
        }
    }

    fn count(&self, which: usize) {
        let mut counts = self.counts.lock().unwrap();
        counts[which] += 1;
        self.file
            .write_all_at(&counts[which].to_le_bytes(), which as u64 * 8)
            .unwrap();
    }
}
