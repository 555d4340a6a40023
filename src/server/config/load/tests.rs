use std::time::Duration;

use super::*;
use crate::server::backplane::BackplaneConfig;
use crate::server::config::{RouteLimits, RoutePlan, SlowConsumer, TlsConfig, plan_routes};
use crate::server::mode::{ModeConfig, PrefixedEchoConfig};

fn parse(text: &str) -> ServerConfig {
    ServerConfig::from_yaml(text, "server.yaml").unwrap()
}

fn refused(text: &str) -> String {
    ServerConfig::from_yaml(text, "server.yaml")
        .unwrap_err()
        .to_string()
}

fn route(config: &ServerConfig, path: &str) -> RoutePlan {
    plan_routes(config)
        .unwrap()
        .into_iter()
        .find(|route| route.path == path)
        .unwrap()
}

#[test]
fn nothing_is_the_default() {
    for text in ["", "# only a comment\n", "{}"] {
        let config = parse(text);
        let paths: Vec<_> = plan_routes(&config)
            .unwrap()
            .into_iter()
            .filter(|route| !matches!(route.mode, ModeConfig::Probe(_)))
            .map(|route| route.path)
            .collect();
        assert_eq!(
            paths,
            [
                "/admin",
                "/broadcast",
                "/chat",
                "/dashboard",
                "/echo",
                "/game",
                "/health",
                "/health/ws",
                "/iot",
                "/journal",
                "/metrics",
                "/relay",
                "/upload",
                "/ws",
                "/ws-notifications"
            ]
        );
        assert_eq!(route(&config, "/echo").limits, RouteLimits::default());
        assert!(!config.faults);
        for probe in ["/headers", "/push", "/status/*", "/bad101"] {
            assert!(
                matches!(route(&config, probe).mode, ModeConfig::Probe(_)),
                "{probe}"
            );
        }
    }
}

#[test]
fn faults_of_a_route_are_read_with_it() {
    let config = parse("faults: true\nroutes: {/echo: {faults: {delay: 10ms, drop: {every: 3}}}}");
    assert_eq!(route(&config, "/echo").faults.faults().len(), 2);
    let error =
        ServerConfig::from_yaml("routes:\n  /echo:\n    faults: {dealy: 1ms}\n", "s.yaml").unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("s.yaml:3:") && message.contains("there is no fault `dealy`"),
        "{message}"
    );
}

#[test]
fn a_star_stands_only_at_the_end_of_a_path() {
    assert_eq!(
        route(&parse("routes: {'/any/*': {mode: echo}}"), "/any/*").path,
        "/any/*"
    );
    for path in ["/a*", "/a/*/b", "/*/b", "*"] {
        let text = format!("routes: {{'{path}': {{mode: echo}}}}");
        assert!(ServerConfig::from_yaml(&text, "s").is_err(), "{path}");
    }
}

#[test]
fn a1_a2_a3_a4_d6_defaults_of_a_route() {
    let limits = route(&ServerConfig::default(), "/echo").limits;
    assert_eq!(limits.idle_timeout, Some(Duration::from_secs(300)));
    assert_eq!(limits.ping_interval, Some(Duration::from_secs(30)));
    assert_eq!(limits.pong_wait, Some(Duration::from_secs(60)));
    assert_eq!(limits.write_deadline, Some(Duration::from_secs(15)));
    assert_eq!(limits.max_message_size, 1_048_576);
    assert_eq!(limits.compression, None);
}

#[test]
fn a24_defaults_of_iot_stand_before_the_general_ones_and_behind_its_own() {
    let iot = route(&parse("defaults: {idle_timeout: 10s, pong_wait: 5s}"), "/iot").limits;
    assert_eq!(iot.idle_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(iot.ping_interval, Some(Duration::from_secs(120)));
    assert_eq!(iot.pong_wait, Some(Duration::from_secs(5)));
    assert_eq!(iot.max_message_size, 10_240);
    let iot = route(&parse("routes: {/iot: {idle_timeout: 1s}}"), "/iot").limits;
    assert_eq!(iot.idle_timeout, Some(Duration::from_secs(1)));
}

#[test]
fn a22_a25_defaults_of_chat_and_game() {
    let config = ServerConfig::default();
    for (path, idle, ping, size) in [("/chat", 600, 30, 262_144), ("/game", 7200, 10, 524_288)] {
        let limits = route(&config, path).limits;
        assert_eq!(limits.idle_timeout, Some(Duration::from_secs(idle)), "{path}");
        assert_eq!(limits.ping_interval, Some(Duration::from_secs(ping)), "{path}");
        assert_eq!(limits.max_message_size, size, "{path}");
    }
}

#[test]
fn b18_the_backplane_is_memory_redis_or_nats() {
    assert_eq!(parse("").backplane, BackplaneConfig::Memory);
    assert_eq!(parse("backplane: memory").backplane, BackplaneConfig::Memory);
    let redis = parse("backplane: {redis: {url: 'redis://h:6379/1'}}").backplane;
    assert_eq!(redis, "redis://h:6379/1".parse().unwrap());
    let BackplaneConfig::Nats(nats) = parse("backplane: {nats: {url: 'nats://h', prefix: team}}").backplane
    else {
        panic!("not NATS");
    };
    assert_eq!(nats.prefix, "team");
    for text in [
        "backplane: kafka",
        "backplane: {redis: {}}",
        "backplane: {nats: {url: 'nats://h', colour: red}}",
        "backplane: {redis: {url: 'http://h'}}",
        "backplane: {nats: {url: 'nats://h', prefix: 'a b'}}",
    ] {
        assert!(ServerConfig::from_yaml(text, "test").is_err(), "{text}");
    }
}

#[test]
fn a25_a_match_has_limits() {
    for (settings, problem) in [
        ("hz: 121", "`hz`"),
        ("max_players: 0", "`max_players`"),
        ("max_input: 1", "`max_input`"),
        ("max_players: 1000, max_input: 64KiB", "at most 4 MiB"),
    ] {
        let refused = refused(&format!("routes: {{/game: {{mode: {{game: {{{settings}}}}}}}}}"));
        assert!(refused.contains(problem), "{refused}");
    }
}

#[test]
fn a23_a27_a32_defaults_of_the_dashboard() {
    let limits = route(&parse(""), "/dashboard").limits;
    assert_eq!(limits.idle_timeout, Some(Duration::from_secs(300)));
    assert_eq!(limits.ping_interval, Some(Duration::from_secs(60)));
    assert!(limits.compression.is_some(), "JSON is worth compressing");
    let limits = route(&parse("routes: {/dashboard: {compression: false}}"), "/dashboard").limits;
    assert_eq!(limits.compression, None);
}

#[test]
fn a26_defaults_of_the_upload() {
    let limits = route(&parse("compression: true"), "/upload").limits;
    assert_eq!(limits.idle_timeout, Some(Duration::from_secs(1800)));
    assert_eq!(limits.ping_interval, Some(Duration::from_secs(60)));
    assert_eq!(limits.max_message_size, 10_485_760);
    assert_eq!(limits.compression, None, "binary data is not worth compressing");
}

#[test]
fn d6_d13_defaults_of_the_notifications() {
    let limits = route(&parse("defaults: {ping_interval: 1s}"), "/ws-notifications").limits;
    assert_eq!(limits.write_deadline, Some(Duration::from_secs(15)));
    assert_eq!(limits.pong_wait, Some(Duration::from_secs(60)));
    assert_eq!(limits.ping_interval, Some(Duration::from_secs(30)));
    assert_eq!(limits.max_message_size, 65_536);
}

#[test]
fn everything_can_be_said() {
    let config = parse(
        "
listen: ['127.0.0.1:0', '[::1]:9001']
workers: 3
instance: a
tls: {self_signed: [example.test]}
compression: true
journal: 5
limits: {max_connections: 10k, max_header_size: 32KiB, max_headers: 50, handshake_timeout: 2s}
drain_time: 1s
routes:
  /echo: {compression: false}
  /ws: {mode: {prefixed-echo: {prefix: 'You said: '}}}
  /health: {enabled: false}
  /loud:
    mode: broadcast
    idle_timeout: 0
    max_message_size: 64KiB
    compression_level: 9
    outbox_messages: 10
    outbox_bytes: 1MiB
    slow_consumer: drop-oldest
    subprotocols: [chat]
",
    );
    assert_eq!(config.listen.len(), 2);
    assert_eq!(
        config.tls,
        Some(TlsConfig::SelfSigned(vec!["example.test".to_owned()]))
    );
    assert_eq!(config.limits.max_connections.0, 10_000);
    assert_eq!(route(&config, "/echo").limits.compression, None);
    let prefix = PrefixedEchoConfig {
        prefix: "You said: ".to_owned(),
    };
    assert_eq!(route(&config, "/ws").mode, ModeConfig::PrefixedEcho(prefix));
    assert!(
        plan_routes(&config)
            .unwrap()
            .iter()
            .all(|route| route.path != "/health")
    );
    let loud = route(&config, "/loud");
    assert_eq!(
        (loud.mode, loud.subprotocols),
        (ModeConfig::Broadcast, vec!["chat".to_owned()])
    );
    let expected = RouteLimits {
        idle_timeout: None,
        max_message_size: 65_536,
        compression: Some(9),
        outbox_messages: 10,
        outbox_bytes: 1 << 20,
        slow_consumer: SlowConsumer::DropOldest,
        ..RouteLimits::default()
    };
    assert_eq!(loud.limits, expected);
}

#[test]
fn mistakes_are_shown_with_their_place() {
    for (text, place, hint) in [
        ("listen: [nowhere]", "server.yaml:1:10", "8000-8099"),
        ("journal: 5\nlimit: {}", "server.yaml:2:1", "limit"),
        ("drain_time: 5", "server.yaml:1:1", "duration"),
        ("drain_time: -5s", "server.yaml:1:13", "duration"),
        ("routes:\n  /x: {mode: ecko}", "server.yaml:2:8", "ecko"),
        (
            "routes:\n  /x: {mode: {echo: {loud: true}}}",
            "server.yaml:2:22",
            "loud",
        ),
        (
            "routes:\n  /echo: {idle_timeuot: 5s}",
            "server.yaml:2:11",
            "idle_timeuot",
        ),
        (
            "routes:\n  /p: {mode: {proxy: {upstreams: [{url: 'ws://h'}], health_check: {http: \
             {match: {status_codes: [[400, 200]]}}}}}}",
            "server.yaml:2:98",
            "`[400, 200]` is no range of status codes",
        ),
        ("workers: 0", "server.yaml:1:1", "nonzero"),
        ("listen: [", "server.yaml:1", ""),
        (
            "journal: 5\njournal: 6",
            "server.yaml:2:1",
            "duplicate mapping key: journal",
        ),
        (
            "journal: 5\n---\njournal: 6",
            "server.yaml:3:1",
            "multiple YAML documents",
        ),
    ] {
        let error = refused(text);
        assert!(
            !error.contains("Options") && !error.contains("from_str"),
            "{error}"
        );
        assert!(
            error.starts_with(place) && error.contains(hint),
            "{text:?} gave {error:?}"
        );
    }
}

#[test]
fn contradictions_name_the_route() {
    for (text, expected) in [
        ("routes: {/new: {}}", "/new: a new route needs a `mode`"),
        (
            "routes: {new: {mode: echo}}",
            "new: a route's path begins with `/`, has no query, and stands as in a request: `%20` for a blank",
        ),
        (
            "routes: {/echo: {compression_level: 10}}",
            "/echo: `compression_level` is a number from 0 to 9",
        ),
        (
            "routes: {/iot: {api_keys: [a], auth: {api_key: {keys: [b]}}}}",
            "/iot: `api_keys` is short for `auth.api_key`; a route has one of them",
        ),
        (
            "defaults: {mode: echo}",
            "defaults: `mode` belongs to a route, not to the defaults",
        ),
        (
            "admin: {listen: ['127.0.0.1:9', '0.0.0.0:9']}",
            "admin.listen: an address beyond this machine needs `admin.token`",
        ),
        ("listen: []", "listen: there is no address to listen on"),
        ("workers: 1025", "workers: a number from 1 to 1024"),
        (
            "defaults: {compression_level: 20}",
            "defaults: `compression_level` is a number from 0 to 9",
        ),
        (
            "instance: \"a\\nb\"",
            "instance: it has to fit into a header: one line",
        ),
        (
            "routes: {/echo: {upgrade_limits: [{rate: 0/s}]}}",
            "/echo: an upgrade limit needs a `rate` above 0; without the limit there is none",
        ),
        (
            "routes: {/echo: {subprotocols: ['a b']}}",
            "/echo: a subprotocol is a word without blanks and separators",
        ),
        (
            "routes: {/r: {mode: {relay: {handler: 'http://127.0.0.1:1', target: echo}}}}",
            "/r: either the `handler` chooses the target, or `target` names it",
        ),
    ] {
        assert_eq!(refused(text), format!("server.yaml: {expected}"));
    }
}

#[test]
fn a_route_that_says_who_may_connect_says_all_of_it() {
    let config = parse(
        "{defaults: {auth: {token: {tokens: [t]}}, origin: {}, max_connections: 5}, \
         routes: {/iot: {api_keys: [k]}, /ws: {auth: {basic: {users: {a: b}}}}, /broadcast: {api_keys: []}}}",
    );
    let methods = |path| {
        let auth = route(&config, path).guard.auth.clone();
        auth.map(|auth| (auth.token.is_some(), auth.api_key.is_some(), auth.basic.is_some()))
    };
    assert_eq!(methods("/echo"), Some((true, false, false)));
    assert_eq!(methods("/iot"), Some((false, true, false)));
    assert_eq!(methods("/ws"), Some((false, false, true)));
    assert_eq!(methods("/broadcast"), None);
    assert_eq!(
        methods("/metrics"),
        None,
        "the defaults are about WebSocket clients"
    );
    assert!(
        route(&config, "/iot").guard.origin.is_some() && route(&config, "/journal").guard.origin.is_none()
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = ServerConfig::read(Path::new("/nowhere/server.yaml")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read /nowhere/server.yaml: No such file or directory (os error 2)"
    );
}

#[test]
fn the_documented_configuration_is_one() {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/server.md"));
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let config = parse(rest.split_once("```").unwrap().0);
    let standard = RouteLimits::default();
    assert_eq!(
        route(&config, "/echo").limits,
        standard,
        "the page shows the defaults"
    );
    assert_eq!(config.limits, crate::server::ConnectionLimits::default());
    let auth = route(&config, "/iot").guard.auth.unwrap();
    assert_eq!(auth.api_key.unwrap().keys.len(), 2);
}

#[test]
fn a_range_of_ports_is_listened_on_port_by_port() {
    let config = parse("listen: ['127.0.0.1:8000-8099', '[::1]:9001']");
    assert_eq!(config.listen.len(), 101);
    assert_eq!(config.listen[99].to_string(), "127.0.0.1:8099");
    assert_eq!(config.listen[100].to_string(), "[::1]:9001");
}

#[test]
fn b13_heartbeat_is_a_pong_before_the_next_ping_or_a_cut() {
    let config = parse("routes: {/echo: {heartbeat: 30s}}");
    let limits = route(&config, "/echo").limits;
    assert_eq!(limits.ping_interval, Some(Duration::from_secs(30)));
    assert_eq!(limits.pong_wait, limits.ping_interval);
    assert!(limits.pong_cuts);
}

#[test]
fn a28_a_ping_interval_that_is_not_below_the_idle_timeout_is_warned_of() {
    for plan in plan_routes(&ServerConfig::default()).unwrap() {
        assert!(plan.limits.warnings().is_empty(), "{}", plan.path);
    }
    for (route_yaml, warned) in [
        ("{idle_timeout: 30s}", true),
        ("{idle_timeout: 31s}", false),
        ("{idle_timeout: 10s, ping_interval: 0}", false),
        ("{idle_timeout: 0, ping_interval: 1h}", false),
    ] {
        let config = parse(&format!("routes: {{/echo: {route_yaml}}}"));
        let warnings = route(&config, "/echo").limits.warnings();
        assert_eq!(!warnings.is_empty(), warned, "{route_yaml}: {warnings:?}");
    }
}
