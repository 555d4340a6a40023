//! What the scenario language promises, seen by a server that nobody here wrote: tokio-tungstenite.

#![expect(
    clippy::unwrap_used,
    clippy::result_large_err,
    reason = "a test fails by panicking; the callback's type is not ours"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use wsbench::clock::now;
use wsbench::load::{Control, ResolvedTarget, RunOptions, run};
use wsbench::metrics::{Books, Counter, Figures, Recorder};
use wsbench::net::Target;
use wsbench::scenario::{Overrides, Plan, from_str};

/// What one client did, as the server saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    messages: Vec<Vec<u8>>,
    /// Paths with queries, and the header `X-Draw`, of its requests.
    requests: Vec<(String, String)>,
    addresses: Vec<IpAddr>,
}

type Journal = Arc<Mutex<BTreeMap<String, Seen>>>;

/// An echo server that remembers. Clients say their number in the query as `client`.
struct Server {
    address: SocketAddr,
    journal: Journal,
    end: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let journal = Journal::default();
        let (end, mut ended) = watch::channel(false);
        let (bound, address) = std::sync::mpsc::sync_channel(1);
        let kept = Arc::clone(&journal);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    tokio::select! {
                        _ = ended.changed() => break,
                        accepted = listener.accept() => {
                            let (stream, peer) = accepted.unwrap();
                            drop(tokio::spawn(serve(stream, peer.ip(), Arc::clone(&kept))));
                        }
                    }
                }
            });
        });
        Self {
            address: address.recv().unwrap(),
            journal,
            end,
            thread: Some(thread),
        }
    }

    fn seen(&self) -> BTreeMap<String, Seen> {
        self.journal.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.end.send(true);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, journal: Journal) {
    let mut client = String::new();
    let callback = |request: &Request, response: Response| {
        let target = request.uri().to_string();
        client = target.split("client=").nth(1).unwrap_or_default().to_owned();
        let drawn = request
            .headers()
            .get("X-Draw")
            .map(|value| value.to_str().unwrap().to_owned());
        let mut journal = journal.lock().unwrap();
        let seen = journal.entry(client.clone()).or_default();
        seen.requests.push((target, drawn.unwrap_or_default()));
        seen.addresses.push(peer);
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, callback).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            let mut journal = journal.lock().unwrap();
            journal
                .entry(client.clone())
                .or_default()
                .messages
                .push(message.clone().into_data().to_vec());
        }
        let answer = match message {
            Message::Text(_) | Message::Binary(_) => message,
            _ => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

/// Carries out a scenario with so many workers; what the server saw of each client.
fn carry_out(scenario: &str, workers: usize) -> BTreeMap<String, Seen> {
    let server = Server::start();
    let plan: Arc<Plan> = from_str("test.yaml", scenario, &Overrides::default())
        .unwrap_or_else(|errors| panic!("{errors}"))
        .into();
    let target = Target::parse(&format!("ws://{}/", server.address)).unwrap();
    let target = ResolvedTarget::resolve(target, &plan.transport).unwrap();
    let names: Vec<_> = plan.groups.iter().map(|group| group.name.clone()).collect();
    let (recorder, shards) = Recorder::new(&names, workers, now());
    let control = Control::new();
    std::thread::scope(|scope| {
        let engine = scope.spawn(|| run(&plan, target, shards, RunOptions::default(), &control));
        let totals = recorder.finish();
        engine.join().unwrap().unwrap();
        let total = Figures::new(&totals.total, Duration::from_secs(1));
        assert!(Books::check(&total, []).balanced());
        assert_eq!(total.counter(Counter::FlowsFailed), 0);
    });
    server.seen()
}

const EVERY_KIND_OF_CHANCE: &str = r#"
seed: SEED
arrivals: {max_clients: 50, process: poisson, stages: [{duration: 300ms, rate: 40/s}]}
scenarios:
  - name: talker
    weight: 2
    feeder: {file: tests/data/scenarios/parts/users.csv, order: random}
    connection: {path: "/talk?client=${client}", headers: {X-Draw: "${uuid}"}}
    flow:
      - repeat: 10
        do:
          - send: {text: "${row.user} ${random_int(1, 1000)} ${choice(a, b, c)} ${random_string(5)}", reply: echo}
          - send: {json: {id: "${seq}", at: "${random_float(0, 1, 6)}"}, reply: {json: {id: "${seq}"}}}
          - think: {lognormal: {median: 1ms, sigma: 1}}
      - drop
      - connect
      - send: {text: "again ${random_hex(16)}", reply: echo}
  - name: pusher
    connection: {path: "/push?client=${client}", headers: {X-Draw: "${random_hex(8)}"}}
    flow:
      - every: 2ms
        jitter: 1ms
        spread: true
        repeat: 20
        do:
          - send: {random: {exponential: 300, max: 2KiB}, reply: {echo: , max_in_flight: 4}}
          - send: {letters: {choice: {10: 3, 500: 1}}, reply: none}
          - send: {file: {path: tests/data/scenarios/parts/users.csv, size: {uniform: [1, 40]}}, reply: none}
"#;

#[test]
fn the_same_seed_sends_the_same_in_two_runs_however_many_workers() {
    let with = |seed: &str, workers| carry_out(&EVERY_KIND_OF_CHANCE.replace("SEED", seed), workers);
    let told = |seen: BTreeMap<String, Seen>| -> BTreeMap<_, _> {
        let each = seen.into_iter();
        each.map(|(client, seen)| (client, (seen.requests, seen.messages)))
            .collect()
    };
    let once = told(with("11", 1));
    assert!(once.len() >= 5, "{} clients", once.len());
    for (client, (requests, messages)) in &once {
        let expected = match requests[0].0.starts_with("/talk") {
            true => (2, 21),
            false => (1, 60),
        };
        assert_eq!((requests.len(), messages.len()), expected, "client {client}");
    }
    let different: BTreeSet<_> = once.values().collect();
    assert_eq!(different.len(), once.len(), "no two clients do the same");
    assert_eq!(once, told(with("11", 1)), "a second run");
    assert_eq!(once, told(with("11", 3)), "three workers");
    assert_ne!(once, told(with("12", 1)), "another seed");
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_keeps_its_source_address() {
    let seen = carry_out(
        "
transport: {source_addresses: 127.0.0.8/29}
stages: [{duration: 0s, clients: 12}, {duration: 300ms, clients: 12}]
connection: {path: \"/?client=${client}\"}
flow: [{repeat: 4, do: [connect, {send: {text: a, reply: echo}}, drop]}]
",
        3,
    );
    assert_eq!(seen.len(), 12);
    let mut clients_of = BTreeMap::new();
    for (client, seen) in seen {
        let own: BTreeSet<IpAddr> = seen.addresses.iter().copied().collect();
        assert!(
            seen.addresses.len() >= 4 && own.len() == 1,
            "client {client}: {:?}",
            seen.addresses
        );
        *clients_of.entry(seen.addresses[0]).or_insert(0) += 1;
    }
    assert_eq!(
        clients_of.into_values().collect::<Vec<_>>(),
        [2; 6],
        "six hosts, two clients each"
    );
}
