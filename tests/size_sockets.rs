//! The search for the largest message over real sockets: against the reference server, and against one that nobody here wrote.

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::StreamExt;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use wsbench::clock::now;
use wsbench::load::{Control, ResolvedTarget, RunOptions, run};
use wsbench::metrics::{Books, Figures, Recorder, SizeLimitFigures, SizeRange};
use wsbench::net::Target;
use wsbench::scenario::{Overrides, from_str};
use wsbench::server::{Server, ServerConfig};

/// What a probe with these settings finds.
fn probe(address: SocketAddr, path: &str, settings: &str) -> SizeLimitFigures {
    let text = format!(
        "arrivals: {{stages: [{{duration: 1s, rate: 2/s}}], max_clients: 2}}\ngraceful_stop: 60s\n\
         connection: {{path: {path}}}\nflow: [{{size_probe: {{{settings}}}}}]"
    );
    let plan = Arc::new(from_str("test.yaml", &text, &Overrides::default()).unwrap());
    let target = Target::parse(&format!("ws://{address}/")).unwrap();
    let target = ResolvedTarget::resolve(target, &plan.transport).unwrap();
    let (recorder, shards) = Recorder::new(&["only"], 1, now());
    let totals = std::thread::scope(|scope| {
        let engine = scope.spawn(|| run(&plan, target, shards, RunOptions::default(), &Control::new()));
        let totals = recorder.finish();
        engine.join().unwrap().unwrap();
        totals
    });
    let figures = Figures::new(&totals.total, plan.duration());
    let books = Books::check(&figures, []);
    assert!(
        books.balanced(),
        "{:#?}",
        books.broken().map(ToString::to_string).collect::<Vec<_>>()
    );
    figures.size_limits.unwrap()
}

fn exactly(size: u64) -> Option<SizeRange> {
    Some(SizeRange { min: size, max: size })
}

#[test]
fn d13_the_limit_of_the_reference_server_is_found_to_the_byte() {
    let mut config = ServerConfig::from_yaml("routes: {/echo: {max_message_size: 64KiB}}", "test").unwrap();
    config.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let server = Server::start(&config).unwrap();
    for settings in ["to: 4MiB", "to: 4MiB, text: true, answer: echo"] {
        let limits = probe(server.local_addrs()[0], "/echo", settings);
        assert_eq!(limits.probes, 2);
        assert_eq!(
            (limits.accepted, limits.refused),
            (exactly(65_536), exactly(65_537)),
            "{settings}"
        );
        let looks: Vec<_> = limits.refusals.keys().collect();
        assert!(
            looks.iter().all(|look| look.starts_with("close 1009 ")),
            "{looks:?}"
        );
    }
}

/// tungstenite ends the connection without a Close frame.
#[test]
fn a_server_that_breaks_off_instead_of_closing_shows_as_that() {
    let (bound, address) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            bound.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let config = WebSocketConfig::default()
                    .max_message_size(Some(100_000))
                    .max_frame_size(None);
                tokio::spawn(async move {
                    let mut socket = tokio_tungstenite::accept_async_with_config(stream, Some(config))
                        .await
                        .unwrap();
                    while let Some(Ok(_)) = socket.next().await {}
                });
            }
        });
    });
    let limits = probe(address.recv().unwrap(), "/", "from: 1KiB, to: 1MiB");
    assert_eq!(
        (limits.accepted, limits.refused),
        (exactly(100_000), exactly(100_001))
    );
    let looks: Vec<_> = limits.refusals.keys().collect();
    assert!(!looks.is_empty());
    assert!(
        looks
            .iter()
            .all(|look| look.contains("end of TCP") || look.contains("reset") || look.contains("pipe")),
        "{looks:?}"
    );
}
