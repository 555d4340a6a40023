//! Figures for those who watch the server (seeds B17, D9, D20, A11), and limits that operators set.

use std::collections::{BTreeMap, BTreeSet};

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use wsbench::server::{Server, ServerConfig};

use crate::support::{Client, body, ended, get_at, start, status, upgrade_status};

async fn metrics(server: &Server) -> BTreeMap<String, f64> {
    let page = body(server, "/metrics").await;
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let pairs = samples.map(|line| line.rsplit_once(' ').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

const DASHBOARD: &str = include_str!("../../deploy/grafana/wsbench-serve.json");

/// The names of the families, with their types.
async fn families(server: &Server) -> BTreeMap<String, String> {
    let page = body(server, "/metrics").await;
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

#[tokio::test]
async fn b17_a11_d9_d20_the_page_has_what_is_to_be_watched() {
    let server = start("routes: {/iot: {api_keys: [k]}}");
    let mut client = Client::connect(&server, "/echo?tag=x").await;
    let _open = Client::connect(&server, "/echo").await;
    for _ in 0..3 {
        client.send_text("hello").await;
        client.receive_text().await;
    }
    client.socket.close(None).await.unwrap();
    client.finish().await;
    ended(&server, "x").await;
    assert_eq!(upgrade_status(&server, "/iot", "").await, 401);
    let figures = metrics(&server).await;
    let echo = |name: &str| figures[&format!("{name}{{route=\"/echo\"}}")];
    assert_eq!(echo("wsbench_connections_opened_total"), 2.0);
    assert_eq!(echo("wsbench_connections_active"), 1.0);
    assert_eq!(echo("wsbench_messages_received_total"), 3.0);
    assert_eq!(echo("wsbench_connection_duration_seconds_count"), 1.0);
    assert!(echo("wsbench_connection_duration_seconds_sum") > 0.0);
    assert_eq!(echo("wsbench_handshake_duration_seconds_count"), 2.0);
    let ends = "wsbench_connection_ends_total{route=\"/echo\",cause=\"client closed\"}";
    assert_eq!(figures[ends], 1.0);
    let closed = "wsbench_connections_closed_total{route=\"/echo\",initiator=\"client\",code=\"1005\"}";
    assert_eq!(figures[closed], 1.0);
    assert_eq!(echo("wsbench_slow_consumers_total"), 0.0);
    assert_eq!(
        figures["wsbench_upgrades_refused_total{route=\"/iot\",reason=\"no_credentials\"}"],
        1.0
    );
    assert!(figures["process_resident_memory_bytes"] > 1e6);
    assert!(figures["process_start_time_seconds"] > 1.7e9);
    assert!(figures["process_max_fds"] >= figures["process_open_fds"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b11_b17_what_waits_for_a_slow_client_is_shown() {
    let server =
        start("routes: {/broadcast: {outbox_messages: 100000, outbox_bytes: 1GiB, write_deadline: 0}}");
    let _slow = Client::connect(&server, "/broadcast").await;
    let mut fast = Client::connect(&server, "/broadcast").await;
    let waits = |figures: &BTreeMap<String, f64>, what: &str| {
        figures[&format!("wsbench_outbox_{what}{{route=\"/broadcast\"}}")]
    };
    let mut sent = 0.0;
    loop {
        for _ in 0..50 {
            fast.send(Message::binary(vec![7; 65_536])).await;
            assert_eq!(fast.receive().await.into_data().len(), 65_536);
            sent += 1.0;
        }
        let figures = metrics(&server).await;
        if waits(&figures, "connections") == 1.0 && waits(&figures, "messages") > 10.0 {
            assert!(waits(&figures, "bytes") > 10.0 * 65_536.0);
            assert!(waits(&figures, "messages") <= sent);
            break;
        }
        assert!(sent < 5_000.0, "the kernel takes it all");
    }
    server.stop().await.unwrap();
}

/// The names between backticks that begin the rows of a page's table.
fn documented(page: &str) -> BTreeMap<String, String> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        let known = name.starts_with("wsbench_") || name.starts_with("process_");
        known.then(|| (name.to_owned(), cells.next().unwrap_or_default().to_owned()))
    });
    rows.collect()
}

#[tokio::test]
async fn every_metric_is_documented_with_its_type_and_no_other() {
    let server = start("");
    let documented = documented(include_str!("../../docs/operations.md"));
    assert_eq!(documented, families(&server).await);
    server.stop().await.unwrap();
}

/// The metrics that expressions in `text` name.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| {
        (word.starts_with("wsbench_") || word.starts_with("process_")) && !word.ends_with("_")
    });
    names
        .map(|name| {
            let parts = ["_bucket", "_sum", "_count"];
            let stripped = parts.iter().find_map(|part| name.strip_suffix(part));
            stripped.unwrap_or(name).to_owned()
        })
        .collect()
}

#[tokio::test]
async fn b17_d20_the_dashboard_shows_every_metric_and_no_other() {
    let server = start("");
    let served: BTreeSet<_> = families(&server).await.into_keys().collect();
    assert_eq!(named(DASHBOARD), served);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b17_d20_the_alerts_watch_metrics_that_there_are() {
    let server = start("");
    let served: BTreeSet<_> = families(&server).await.into_keys().collect();
    let watched = named(include_str!("../../deploy/prometheus/alerts.yml"));
    assert!(!watched.is_empty());
    let unknown: Vec<_> = watched.difference(&served).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    server.stop().await.unwrap();
}

#[test]
fn panels_of_the_dashboard_have_places_and_ids_of_their_own() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "the id of {title}");
        let edge = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(edge("x") + edge("w") <= 24, "{title} is too wide");
        for x in edge("x")..edge("x") + edge("w") {
            for y in edge("y")..edge("y") + edge("h") {
                assert!(taken.insert((x, y)), "{title} overlaps another");
            }
        }
        let queries = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
        let refs: BTreeSet<_> = queries.iter().map(|query| query["refId"].as_str()).collect();
        assert_eq!(refs.len(), queries.len(), "the queries of {title}");
    }
}

#[tokio::test]
async fn a_range_of_ports_is_served_on_each() {
    // The system's free ports are found one by one, so the range is a list here.
    let config = ServerConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap(); 20],
        workers: std::num::NonZeroUsize::new(2),
        ..ServerConfig::default()
    };
    let server = Server::start(&config).unwrap();
    let addresses = server.local_addrs();
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 20);
    for address in addresses {
        assert_eq!(status(&get_at(address, "/health").await), 200);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b12_d18_fifty_mebibytes_pass_where_they_may_and_a_byte_more_does_not() {
    const MOST: usize = 50 << 20;
    let server = start("routes: {/echo: {max_message_size: 50MiB, write_deadline: 60s}}");
    let large = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let connect = || async {
        let address = server.local_addrs()[0];
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}/echo");
        let connected = tokio_tungstenite::client_async_with_config(url, tcp, Some(large)).await;
        Client {
            socket: connected.unwrap().0,
            instance: String::new(),
        }
    };
    let mut client = connect().await;
    // The echo comes while the message is still sent if it is in fragments; whole, it comes after it.
    client.send(Message::binary(vec![5; MOST])).await;
    assert_eq!(client.receive().await.into_data().len(), MOST);

    let mut client = connect().await;
    use futures_util::SinkExt;
    // The server may refuse while this is still being written.
    let _ = client.socket.send(Message::binary(vec![5; MOST + 1])).await;
    assert_eq!(client.receive_close().await.0, 1009);
    server.stop().await.unwrap();
}
