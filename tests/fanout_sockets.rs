//! Rooms over real sockets, against the reference server: what the clients counted is what the server's journal says.

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use wsbench::clock::now;
use wsbench::load::{Control, ResolvedTarget, RunOptions, run};
use wsbench::metrics::{Counter, Recorder, RunEnd, RunFacts, Summary, Trend};
use wsbench::net::Target;
use wsbench::scenario::{Overrides, Plan, from_str};
use wsbench::server::{Server, ServerConfig};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn server() -> Server {
    let mut config = ServerConfig::from_yaml("workers: 2", "test").unwrap();
    config.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    Server::start(&config).unwrap()
}

fn plan(text: &str) -> Arc<Plan> {
    Arc::new(from_str("test.yaml", text, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}")))
}

/// Carries the plan out with three workers, so that sender and receiver are on different threads most of the time.
fn carry_out(plan: &Arc<Plan>, address: SocketAddr) -> Summary {
    let target = Target::parse(&format!("ws://{address}/")).unwrap();
    let target = ResolvedTarget::resolve(target, &plan.transport).unwrap();
    let names: Vec<_> = plan.groups.iter().map(|group| group.name.clone()).collect();
    let (recorder, shards) = Recorder::new(&names, 3, now());
    let totals = std::thread::scope(|scope| {
        let engine = scope.spawn(|| run(plan, target, shards, RunOptions::default(), &Control::new()));
        let totals = recorder.finish();
        engine.join().unwrap().unwrap();
        totals
    });
    let facts = RunFacts {
        name: plan.name.clone(),
        target: address.to_string(),
        seed: plan.seed,
        started: std::time::SystemTime::now(),
        duration: plan.duration(),
        end: RunEnd::Completed,
    };
    let summary = Summary::new(facts, &totals, wsbench::metrics::Processes::default());
    let broken: Vec<_> = summary.books.broken().map(ToString::to_string).collect();
    assert!(summary.books.balanced(), "{broken:#?}");
    summary
}

/// What the journal says of all connections together, once all of them have ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Journal {
    connections: u64,
    messages_in: u64,
    messages_out: u64,
}

fn journal(address: SocketAddr) -> Journal {
    let begun = now();
    loop {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("GET /journal HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let lines = response
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let connections: Vec<_> = lines.filter(|line| line["type"] == "connection").collect();
        let open = connections
            .iter()
            .filter(|line| line["closed_at"].is_null())
            .count();
        if open == 0 {
            let sum = |field: &str| connections.iter().map(|line| line[field].as_u64().unwrap()).sum();
            return Journal {
                connections: connections.len() as u64,
                messages_in: sum("messages_in"),
                messages_out: sum("messages_out"),
            };
        }
        assert!(now() - begun < PATIENCE, "{open} connections stay open");
        std::thread::yield_now();
    }
}

/// The pong shows that the server has the connection among its members.
const MEMBERS: &str = "
stages: [{duration: 3s, clients: 500}, {duration: 9s, clients: 500}]
graceful_stop: 20s
connection: {path: /broadcast}
flow:
  - connect
  - ping: {timeout: 20s}
  - join: everybody
  - repeat: 2
    do:
      - think: {uniform: [1s, 3s]}
      - send: {text: 'member ${client} says ${mark}', reply: none}
  - think: {uniform: [0s, 2s]}
  - close
";

#[test]
fn five_hundred_members_who_come_and_go_are_counted_to_the_last_message() {
    let server = server();
    let address = server.local_addrs()[0];
    let summary = carry_out(&plan(MEMBERS), address);
    let journal = journal(address);
    let count = |counter| summary.total.counter(counter);
    assert_eq!(summary.run.peak_connections, 500);
    assert!(count(Counter::RoomsJoined) > 600, "members come back");
    assert_eq!(count(Counter::RoomsJoined), journal.connections);
    assert_eq!(count(Counter::FanOutSent), journal.messages_in);
    assert_eq!(
        count(Counter::FanOutReceived) + count(Counter::FanOutOutside),
        journal.messages_out,
        "whatever the server sent was received once"
    );
    assert!(count(Counter::FanOutReceived) > 100_000);
    for never in [
        Counter::FanOutLost,
        Counter::FanOutDuplicated,
        Counter::FanOutDisordered,
        Counter::FanOutLate,
        Counter::FanOutStray,
        Counter::FanOutForeign,
    ] {
        assert_eq!(count(never), 0, "{never:?}");
    }
    assert_eq!(summary.total.reach, Some(1.0));
    let delivery = summary.total.trend(Trend::Delivery).unwrap();
    assert_eq!(delivery.count, count(Counter::FanOutReceived));
    assert!(delivery.min > 0.0);
}

#[test]
fn members_who_break_off_make_nothing_look_lost() {
    let server = server();
    let text = MEMBERS
        .replace("clients: 500", "clients: 100")
        .replace("uniform: [1s, 3s]", "uniform: [10ms, 100ms]")
        .replace("- think: {uniform: [0s, 2s]}\n  - close", "- drop");
    let summary = carry_out(&plan(&text), server.local_addrs()[0]);
    let count = |counter| summary.total.counter(counter);
    assert!(count(Counter::RoomsJoined) > 1_000 && count(Counter::FanOutReceived) > 10_000);
    for never in [
        Counter::FanOutLost,
        Counter::FanOutDuplicated,
        Counter::FanOutDisordered,
        Counter::FanOutLate,
        Counter::FanOutStray,
        Counter::FanOutForeign,
    ] {
        assert_eq!(count(never), 0, "{never:?}");
    }
    assert!(count(Counter::FanOutUnsettled) > 0);
}
