//! Slow readers over real sockets, against the reference server: what each policy makes of them, and that the books of
//! both sides agree (seed B11).

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use wsbench::clock::now;
use wsbench::load::{Control, ResolvedTarget, RunOptions, run};
use wsbench::metrics::{Books, CloseCause, Counter, ErrorClass, Figures, Recorder};
use wsbench::net::Target;
use wsbench::scenario::{Overrides, from_str};
use wsbench::server::{RouteFigures, Server, ServerConfig};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages of 64 KiB: more than the buffers of the system hold.
const MESSAGES: u64 = 150;

/// One writer, two readers, and one that is as slow as `flow` and `connection` say. The writer has each message back
/// before it sends the next, so that nobody but the slow one is behind.
fn scenario(connection: &str, flow: &str) -> String {
    format!(
        "
transport: {{insecure: true}}
arrivals: {{max_clients: 10, stages: [{{duration: 400ms, rate: 10/s}}]}}
graceful_stop: 50s
scenarios:
  - name: writer
    connection: {{path: /broadcast}}
    flow:
      - think: 1s
      - repeat: {MESSAGES}
        do: [{{send: {{random: 64KiB, reply: any}}}}]
      - send: {{text: over, reply: {{text: over}}}}
      - close
  - name: reader
    weight: 2
    connection: {{path: /broadcast}}
    flow: [{{expect: {{text: over, timeout: 40s}}}}, close]
  - name: slow
    connection: {{path: /broadcast?tag=slow, {connection}}}
    flow: {flow}
"
    )
}

/// What came of a run, for the writer, the readers and the slow one, and what the server says of the route.
struct Outcome {
    kinds: Vec<Figures>,
    route: RouteFigures,
}

fn carry_out(policy: &str, further: &str, scenario: &str) -> Outcome {
    let tls = further.contains("tls:");
    let yaml = format!(
        "workers: 1
{further}
routes: {{/broadcast: {{outbox_messages: 16, slow_consumer: {policy}, close_timeout: 5s}}}}"
    );
    let mut config = ServerConfig::from_yaml(&yaml, "test").unwrap();
    config.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let server = Server::start(&config).unwrap();
    let (scheme, address) = (if tls { "wss" } else { "ws" }, server.local_addrs()[0]);
    let plan = from_str("slow.yaml", scenario, &Overrides::default())
        .unwrap_or_else(|errors| panic!("{errors}\n{scenario}"));
    let plan = Arc::new(plan);
    let target = Target::parse(&format!("{scheme}://{address}/")).unwrap();
    let target = ResolvedTarget::resolve(target, &plan.transport).unwrap();
    let names: Vec<_> = plan.groups.iter().map(|group| group.name.clone()).collect();
    let (recorder, shards) = Recorder::new(&names, 2, now());
    let totals = std::thread::scope(|scope| {
        let engine = scope.spawn(|| run(&plan, target, shards, RunOptions::default(), &Control::new()));
        let totals = recorder.finish();
        engine.join().unwrap().unwrap();
        totals
    });
    let figures = |tally| Figures::new(tally, Duration::from_secs(1));
    let books = Books::check(&figures(&totals.total), []);
    let broken: Vec<_> = books.broken().map(ToString::to_string).collect();
    assert!(books.balanced(), "{broken:#?}");
    let begun = now();
    let route = loop {
        let routes = server.figures().routes;
        let route = routes
            .into_iter()
            .find(|route| route.path == "/broadcast")
            .unwrap();
        if route.ended == route.opened {
            break route;
        }
        assert!(now() - begun < PATIENCE, "{route:?}");
        std::thread::yield_now();
    };
    let kinds: Vec<_> = totals.groups.iter().map(|(_, tally)| figures(tally)).collect();
    for kind in &kinds[..2] {
        // Nobody else is held up, loses anything or is thrown out.
        assert_eq!(kind.counter(Counter::FlowsFailed), 0, "{kind:?}");
        assert_eq!(
            kind.counter(Counter::MessagesReceived),
            kind.counter(Counter::ConnectOpened) * (MESSAGES + 1)
        );
    }
    Outcome { kinds, route }
}

impl Outcome {
    fn slow(&self, counter: Counter) -> u64 {
        self.kinds[2].counter(counter)
    }

    fn received(&self) -> u64 {
        self.kinds
            .iter()
            .map(|kind| kind.counter(Counter::MessagesReceived))
            .sum()
    }

    /// The slow one stayed to the end: what it did not get is what the server says it dropped.
    fn assert_dropped_and_nothing_else(&self) {
        assert_eq!(self.slow(Counter::FlowsCompleted), 1);
        assert_eq!(self.kinds[2].closed(CloseCause::ClientClosed), 1);
        assert!(self.route.dropped > 0, "{:?}", self.route);
        assert_eq!(
            self.slow(Counter::MessagesReceived) + self.route.dropped,
            MESSAGES + 1
        );
        assert_eq!(self.received(), self.route.messages_out);
        assert_eq!(self.route.slow_consumers, 0);
    }

    /// The slow one was thrown out: what it did not get was dropped, or was on its way.
    fn assert_thrown_out(&self) {
        assert_eq!(self.slow(Counter::ConnectOpened), 1);
        assert_eq!(self.slow(Counter::FlowsFailed), 1);
        assert_eq!(self.route.slow_consumers, 1);
        assert!(self.route.dropped > 0, "{:?}", self.route);
        assert!(self.received() <= self.route.messages_out);
    }
}

const SLOW: &str = "read_rate: 1MiB/s, receive_buffer: 16KiB";
/// Reads on until the last message, which dropping the oldest leaves in place.
const TO_THE_LAST: &str = "[{expect: {text: over, timeout: 40s}}, close]";

#[test]
fn b11_a_slow_reader_misses_the_oldest_messages() {
    let outcome = carry_out("drop-oldest", "", &scenario(SLOW, TO_THE_LAST));
    outcome.assert_dropped_and_nothing_else();
}

#[test]
fn b11_a_slow_reader_misses_the_oldest_messages_through_tls() {
    let outcome = carry_out(
        "drop-oldest",
        "tls: {self_signed: []}",
        &scenario(SLOW, TO_THE_LAST),
    );
    outcome.assert_dropped_and_nothing_else();
}

#[test]
fn b11_a_slow_reader_misses_the_newest_messages() {
    let outcome = carry_out(
        "drop-newest",
        "",
        &scenario(SLOW, "[{receive: {for: 9s}}, close]"),
    );
    outcome.assert_dropped_and_nothing_else();
}

#[test]
fn b11_a_reader_that_stopped_is_reset_when_it_does_not_take_the_close_frame() {
    let flow = "[{read_rate: 0}, {think: 40s}]";
    let outcome = carry_out(
        "disconnect",
        "",
        &scenario("receive_buffer: 16KiB, reconnect: none", flow),
    );
    outcome.assert_thrown_out();
    assert_eq!(outcome.kinds[2].closed(CloseCause::TransportError), 1);
    assert_eq!(outcome.kinds[2].errors(ErrorClass::ConnectionLost), 1);
}

#[test]
fn b11_a_reader_that_goes_on_learns_why_it_was_thrown_out() {
    let flow = "[{read_rate: 0}, {think: 5s}, {read_rate: unlimited}, {receive: {for: 30s}}]";
    let outcome = carry_out(
        "disconnect",
        "",
        &scenario("receive_buffer: 16KiB, reconnect: none", flow),
    );
    outcome.assert_thrown_out();
    assert_eq!(outcome.kinds[2].closed(CloseCause::ServerClosed), 1);
    assert_eq!(outcome.kinds[2].close_codes.server.codes.get(&1008), Some(&1));
    assert_eq!(
        outcome.received(),
        outcome.route.messages_out,
        "what was on its way arrived"
    );
}
