//! `docker-compose.yml` and what it mounts, as Compose and Prometheus themselves read it (seeds B14, D10, D11, D20).

use std::path::Path;
use std::process::{Command, Output};

use crate::process::assert_success;
use crate::tools::installed;

fn compose(arguments: &[&str]) -> Output {
    Command::new(installed("python/bin/docker-compose"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("docker-compose starts")
}

#[test]
fn b14_d11_compose_accepts_every_profile() {
    for profiles in [&[][..], &["nginx"], &["haproxy"], &["nginx", "haproxy"]] {
        let chosen = profiles.iter().flat_map(|profile| ["--profile", profile]);
        let arguments: Vec<&str> = chosen.chain(["config", "-q"]).collect();
        assert_success(&compose(&arguments));
    }
}

#[test]
fn d10_d11_three_servers_stand_behind_each_gateway_and_nothing_mounted_is_missing() {
    let output = compose(&[
        "--profile",
        "nginx",
        "--profile",
        "haproxy",
        "config",
        "--format",
        "json",
    ]);
    assert_success(&output);
    let config: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let services = config["services"].as_object().expect("it has services");
    for service in [
        "wsbench",
        "nginx",
        "haproxy",
        "redis",
        "nats",
        "prometheus",
        "grafana",
    ] {
        assert!(services.contains_key(service), "{service}");
    }
    let server = &services["wsbench"];
    assert_eq!(server["deploy"]["replicas"], 3);
    // With either, there could be no second one.
    assert!(server.get("container_name").is_none() && server.get("ports").is_none());
    let volumes = services
        .values()
        .filter_map(|service| service["volumes"].as_array());
    let sources: Vec<&str> = volumes
        .flatten()
        .filter(|volume| volume["type"] == "bind")
        .filter_map(|volume| volume["source"].as_str())
        .collect();
    assert!(sources.len() >= 8, "{sources:?}");
    for source in sources {
        assert!(Path::new(source).exists(), "{source}");
    }
}

#[test]
fn d20_promtool_accepts_what_compose_gives_prometheus() {
    let checked = Command::new("promtool")
        .args(["check", "config", "deploy/prometheus/compose.yml"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("promtool starts");
    assert_success(&checked);
}
