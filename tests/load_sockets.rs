//! The engine over real sockets, against a server that nobody here wrote: tokio-tungstenite.

#![expect(
    clippy::unwrap_used,
    reason = "a server that cannot be started fails the test that needs it"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use wsbench::clock::now;
use wsbench::load::{
    Control, EarlyEnd, LoadError, ResolvedTarget, RunOptions, RunOutcome, check_open_files, run,
};
use wsbench::metrics::{Books, CloseCause, Counter, ErrorClass, Figures, Recorder, Trend};
use wsbench::net::Target;
use wsbench::net::tls::{Identity, server_config};
use wsbench::scenario::{Overrides, Plan, from_str};

/// An echo server on a thread of its own, which ends with this value.
struct Server {
    address: SocketAddr,
    end: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(tls: Option<TlsAcceptor>) -> Self {
        let (end, mut ended) = watch::channel(false);
        let (bound, address) = std::sync::mpsc::sync_channel(1);
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
                        accepted = listener.accept() => drop(tokio::spawn(serve(accepted.unwrap().0, tls.clone()))),
                    }
                }
            });
            // The runtime ends here and with it, without a word, every connection.
        });
        Self {
            address: address.recv().unwrap(),
            end,
            thread: Some(thread),
        }
    }

    fn url(&self, scheme: &str) -> Target {
        Target::parse(&format!("{scheme}://{}/", self.address)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.end.send(true);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>) {
    stream.set_nodelay(true).unwrap();
    match tls {
        None => echo(stream).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                echo(stream).await;
            }
        }
    }
}

async fn echo<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(stream: S) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        let answer = match message {
            Message::Text(text) if text.as_str() == "close me" => Message::Close(None),
            Message::Text(_) | Message::Binary(_) => message,
            _ => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

fn plan(text: &str) -> Arc<Plan> {
    Arc::new(from_str("test.yaml", text, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}")))
}

/// A run and its figures.
struct Report {
    outcome: RunOutcome,
    total: Figures,
}

impl Report {
    fn count(&self, counter: Counter) -> u64 {
        self.total.counter(counter)
    }
}

fn carry_out(plan: &Arc<Plan>, target: Target, workers: usize, control: &Control) -> Report {
    let target = ResolvedTarget::resolve(target, &plan.transport).unwrap();
    let names: Vec<_> = plan.groups.iter().map(|group| group.name.clone()).collect();
    let (recorder, shards) = Recorder::new(&names, workers, now());
    let outcome = std::thread::scope(|scope| {
        let engine = scope.spawn(|| run(plan, target, shards, RunOptions::default(), control));
        let totals = recorder.finish();
        let outcome = engine.join().unwrap().unwrap();
        (outcome, totals)
    });
    let (outcome, totals) = outcome;
    let total = Figures::new(&totals.total, Duration::from_secs(1));
    let books = Books::check(&total, []);
    let broken: Vec<_> = books.broken().map(ToString::to_string).collect();
    assert!(books.balanced(), "{broken:#?}");
    Report { outcome, total }
}

const ECHOES: &str = "
stages: [{duration: 200ms, clients: 50}, {duration: 800ms, clients: 50}]
graceful_stop: 2s
heartbeat: {every: 300ms, timeout: 2s}
flow:
  - every: 50ms
    spread: true
    do: [{send: {text: \"${seq} ${random_string(40)}\", reply: echo}}]
";

#[test]
fn echoes_are_sent_counted_and_closed() {
    let server = Server::start(None);
    for workers in [1, 3] {
        let report = carry_out(&plan(ECHOES), server.url("ws"), workers, &Control::new());
        assert_eq!(report.outcome.early_end, None);
        assert!(!report.outcome.stopped);
        assert_eq!(report.count(Counter::ConnectOpened), 50);
        let sent = report.count(Counter::MessagesSent);
        assert!(
            (800..=1_000).contains(&sent),
            "50 clients for 0.9 s on average, 20 messages a second: {sent}"
        );
        assert_eq!(report.count(Counter::SentAnswered), sent);
        assert!(report.count(Counter::PingsAnswered) >= 50);
        assert_eq!(report.count(Counter::FlowsCompleted), 50);
        assert_eq!(report.total.closed(CloseCause::ClientClosed), 50);
        for trend in [
            Trend::Tcp,
            Trend::Upgrade,
            Trend::Connect,
            Trend::Response,
            Trend::SendLag,
            Trend::Session,
        ] {
            assert!(report.total.trend(trend).is_some(), "{trend:?}");
        }
        assert!(
            report.total.trend(Trend::Resolve).is_none(),
            "an address needs no resolution"
        );
    }
}

#[test]
fn arrivals_that_a_worker_is_late_for_are_not_lost() {
    let server = Server::start(None);
    // A thousand connections in ten milliseconds are more than a worker can begin in that time.
    let plan = plan(
        "
arrivals: {max_clients: 500, stages: [{duration: 10ms, rate: 100000/s}]}
graceful_stop: 10s
flow: [connect, close]
",
    );
    for workers in [1, 3] {
        let report = carry_out(&plan, server.url("ws"), workers, &Control::new());
        let begun = report.count(Counter::FlowsStarted);
        let dropped = report.count(Counter::ArrivalsDropped);
        assert_eq!(begun + dropped, 1_000, "{begun} begun, {dropped} dropped");
    }
}

#[test]
fn echoes_through_tls() {
    let identity = Identity::self_signed(&["localhost".to_owned()]).unwrap();
    let acceptor = TlsAcceptor::from(server_config(identity, &[]).unwrap());
    let server = Server::start(Some(acceptor));
    let report = carry_out(
        &plan(&format!("transport: {{insecure: true}}\n{ECHOES}")),
        server.url("wss"),
        1,
        &Control::new(),
    );
    assert_eq!(report.count(Counter::ConnectOpened), 50);
    assert_eq!(
        report.count(Counter::SentAnswered),
        report.count(Counter::MessagesSent)
    );
    assert!(report.total.trend(Trend::Tls).is_some());
    assert_eq!(report.total.closed(CloseCause::ClientClosed), 50);

    let report = carry_out(&plan(ECHOES), server.url("wss"), 1, &Control::new());
    assert_eq!(
        report.count(Counter::ConnectOpened),
        0,
        "the certificate is not trusted"
    );
    assert_eq!(
        report.total.errors(ErrorClass::Tls),
        report.count(Counter::ConnectFailed)
    );
}

#[test]
fn large_messages_go_both_ways() {
    let server = Server::start(None);
    let text = "
stages: [{duration: 0s, clients: 4}, {duration: 500ms, clients: 4}]
connection: {max_message_size: 4MiB}
graceful_stop: 5s
flow:
  - repeat: forever
    do: [{send: {random: 1MiB, reply: echo}}]
";
    let report = carry_out(&plan(text), server.url("ws"), 1, &Control::new());
    assert!(report.count(Counter::SentAnswered) >= 4);
    assert_eq!(
        report.count(Counter::PayloadReceived),
        report.count(Counter::SentAnswered) << 20
    );
    assert_eq!(report.total.closed(CloseCause::ClientClosed), 4);
}

/// Many messages under way on each connection, more than any socket buffer holds.
#[test]
fn pipelined_messages_are_all_answered() {
    let server = Server::start(None);
    let text = "
stages: [{duration: 0s, clients: 2}, {duration: 500ms, clients: 2}]
graceful_stop: 9s
flow:
  - repeat: 5000
    do: [{send: {text: \"${seq} ${random_string(1000)}\", reply: {echo: {}, wait: false, max_in_flight: 1000, timeout: 30s}}}]
";
    let report = carry_out(&plan(text), server.url("ws"), 1, &Control::new());
    assert!(report.count(Counter::SentAnswered) >= 10_000);
    assert_eq!(
        report.count(Counter::SentAnswered),
        report.count(Counter::MessagesSent)
    );
}

#[test]
fn a_closed_port_is_unreachable() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let target = Target::parse(&format!("ws://{address}/")).unwrap();
    let report = carry_out(
        &plan(ECHOES.replace("800ms", "60s").as_str()),
        target,
        2,
        &Control::new(),
    );
    assert_eq!(report.outcome.early_end, Some(EarlyEnd::Unreachable));
    assert!(report.outcome.ended - report.outcome.began < Duration::from_secs(5));
    assert_eq!(report.count(Counter::ConnectOpened), 0);
    assert_eq!(
        report.total.errors(ErrorClass::Refused),
        report.count(Counter::ConnectFailed)
    );
}

#[test]
fn a_name_with_several_addresses_is_tried_to_the_end() {
    let server = Server::start(None);
    let mut target = ResolvedTarget::resolve(server.url("ws"), &plan(ECHOES).transport).unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    target.endpoint = wsbench::load::Endpoint::new(vec![nobody, server.address], None);
    let (recorder, shards) = Recorder::new(&["all"], 1, now());
    let plan = plan(ECHOES);
    std::thread::scope(|scope| {
        scope.spawn(|| run(&plan, target, shards, RunOptions::default(), &Control::new()).unwrap());
        let totals = recorder.finish();
        assert_eq!(totals.total.counter(Counter::ConnectOpened), 50);
        assert_eq!(totals.total.counter(Counter::ConnectFailed), 0);
    });
}

#[test]
fn a_server_that_dies_is_lost() {
    let server = Server::start(None);
    let target = server.url("ws");
    let plan = plan(ECHOES.replace("800ms", "60s").as_str());
    let report = std::thread::scope(|scope| {
        let engine = scope.spawn(|| carry_out(&plan, target, 1, &Control::new()));
        // The run needs connections before they can be lost; which moment exactly makes no difference.
        wait_for_connections(server.address);
        drop(server);
        engine.join().unwrap()
    });
    assert_eq!(report.outcome.early_end, Some(EarlyEnd::Lost));
    assert!(report.count(Counter::ConnectOpened) > 0);
    assert_eq!(report.total.lost(), report.count(Counter::ConnectOpened));
    let refused = report.total.errors(ErrorClass::Refused);
    assert!(
        (10..2_000).contains(&refused),
        "50 clients back off while nobody listens: {refused}"
    );
}

/// Waits until the server has had time to accept clients: it answers one of ours after them.
fn wait_for_connections(address: SocketAddr) {
    for _ in 0..50 {
        let (mut socket, _) = tokio_tungstenite::tungstenite::connect(format!("ws://{address}/")).unwrap();
        for _ in 0..20 {
            socket.send(Message::text("still there?")).unwrap();
            socket.read().unwrap();
        }
    }
}

#[test]
fn a_run_ends_when_it_is_told_to() {
    let server = Server::start(None);
    let plan = plan(ECHOES.replace("800ms", "60s").as_str());
    for (end, causes) in [
        (
            Control::stop as fn(&Control),
            [CloseCause::ClientClosed].as_slice(),
        ),
        (Control::interrupt, &[CloseCause::ClientClosed]),
        (Control::abort, &[CloseCause::ClientClosed, CloseCause::Abandoned]),
    ] {
        let control = Control::new();
        let report = std::thread::scope(|scope| {
            let engine = scope.spawn(|| carry_out(&plan, server.url("ws"), 2, &control));
            wait_for_connections(server.address);
            end(&control);
            engine.join().unwrap()
        });
        assert!(report.outcome.stopped);
        assert!(report.outcome.ended - report.outcome.began < Duration::from_secs(30));
        let ended: u64 = causes.iter().map(|cause| report.total.closed(*cause)).sum();
        assert_eq!(ended, report.count(Counter::ConnectOpened));
    }
}

#[test]
fn a_server_that_closes_first() {
    let server = Server::start(None);
    let text = "
arrivals: {stages: [{duration: 1s, rate: 40/s}], max_clients: 100}
graceful_stop: 2s
flow: [{send: {text: close me, reply: none}}, {receive: {for: 10s}}]
";
    let report = carry_out(&plan(text), server.url("ws"), 1, &Control::new());
    assert_eq!(report.count(Counter::FlowsStarted), 40);
    assert_eq!(report.total.closed(CloseCause::ServerClosed), 40);
    assert_eq!(report.total.close_codes.server.codes[&1005], 40);
}

#[test]
fn missing_open_files_are_counted_before_the_run() {
    let plan = plan("stages: [{duration: 1s, clients: 5000}]\nflow: [{think: 1s}]");
    let Err(LoadError::OpenFiles { needed, missing, .. }) = check_open_files(&plan, 2, 1_024) else {
        panic!("1024 files are not enough");
    };
    assert!(needed > 5_000);
    assert_eq!(missing, needed - 1_024);
    assert!(check_open_files(&plan, 2, needed).is_ok());
}
