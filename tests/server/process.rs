//! `wsbench serve` as a process: signals, its service manager, its log.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{PATIENCE, exchange_at, get_at, status};

struct Served {
    child: Child,
    manager: UnixDatagram,
    addresses: Vec<SocketAddr>,
    health: SocketAddr,
}

impl Served {
    /// Starts it with a configuration in `folder`, and waits until it says that it is ready.
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let notify = folder.join("notify");
        let manager = UnixDatagram::bind(&notify).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_wsbench"))
            .args(["serve", "--workers", "2", "--health-listen", "127.0.0.1:0"])
            .args(["--log", "info", "--log-format", "json", "--drain", "2s"])
            .arg("--config")
            .arg(folder.join("serve.yaml"))
            .args(arguments)
            .env("NOTIFY_SOCKET", notify)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut addresses = Vec::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let health = loop {
            let line = lines.next().unwrap().unwrap();
            let address = line.rsplit("//").next().unwrap().parse().unwrap();
            if line.starts_with("health checks") {
                break address;
            }
            addresses.push(address);
        };
        let served = Self {
            child,
            manager,
            addresses,
            health,
        };
        assert_eq!(served.told(), "READY=1");
        served
    }

    fn told(&self) -> String {
        let mut buffer = [0; 256];
        let length = self.manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn signal(&self, signal: i32) {
        // SAFETY: `kill` takes two integers; the child is not reaped yet, so the pid is still its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Its log, once it has ended by SIGTERM.
    fn stop(mut self) -> Vec<serde_json::Value> {
        self.signal(libc::SIGTERM);
        assert_eq!(self.told(), "STOPPING=1");
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        assert!(self.child.wait().unwrap().success());
        let lines = log.lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const UPGRADE: &str = "GET /echo?token=s3cret HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[tokio::test]
async fn sighup_reloads_sigterm_drains_and_the_manager_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("serve.yaml");
    std::fs::write(&file, "").unwrap();
    let served = Served::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let address = served.addresses[0];

    std::fs::write(&file, "routes: {/echo: {api_keys: [k]}}").unwrap();
    served.signal(libc::SIGHUP);
    assert!(served.told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(served.told(), "READY=1");
    assert_eq!(status(&exchange_at(address, UPGRADE).await), 401);

    std::fs::write(&file, "routes: {/echo: {api_keys: [k}}").unwrap();
    served.signal(libc::SIGHUP);
    assert!(served.told().starts_with("RELOADING=1"));
    assert_eq!(served.told(), "READY=1");
    let page = get_at(served.health, "/metrics").await;
    assert!(page.contains("wsbench_config_last_reload_successful 0"), "{page}");
    assert_eq!(status(&exchange_at(address, UPGRADE).await), 401, "as before");

    let log = served.stop();
    let said = |level: &str, message: &str| {
        let mut lines = log.iter();
        lines.any(|line| line["level"] == level && line["message"].as_str().unwrap().starts_with(message))
    };
    for (level, message) in [
        ("INFO", "serving"),
        ("INFO", "configuration reloaded"),
        ("ERROR", "configuration not reloaded"),
        ("WARN", "upgrade refused"),
        ("INFO", "stopping"),
    ] {
        assert!(said(level, message), "{level} {message} is missing in {log:#?}");
    }
    assert!(
        !format!("{log:?}").contains("s3cret"),
        "no query in the log: {log:#?}"
    );
}

#[tokio::test]
async fn ports_in_place_of_those_of_the_addresses() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("serve.yaml"), "").unwrap();
    // Three neighbours that are free now; another process may take one before the server does.
    let ports = (20_000..60_000_u16).step_by(17).find(|&first| {
        (first..first + 3).all(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok())
    });
    let first = ports.unwrap();
    let range = format!("{first}-{}", first + 2);
    let listen = "--listen=127.0.0.1:9001,127.0.0.2:9001,127.0.0.1:9002";
    let served = Served::start(folder.path(), &[listen, "--ports", &range]);
    let on = |ip: [u8; 4]| (first..first + 3).map(move |port| SocketAddr::from((ip, port)));
    let expected: Vec<_> = on([127, 0, 0, 1]).chain(on([127, 0, 0, 2])).collect();
    assert_eq!(served.addresses, expected);
    for &address in &served.addresses {
        assert_eq!(status(&get_at(address, "/health").await), 200);
    }
    served.stop();
}

#[tokio::test]
async fn a_flag_puts_right_what_is_missing_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("serve.yaml");
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret").unwrap();
    let refused = |arguments: &[&str]| {
        let ended = Command::new(env!("CARGO_BIN_EXE_wsbench"))
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&file)
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(104));
        String::from_utf8(ended.stderr).unwrap()
    };
    let needs = "admin.listen: an address beyond this machine needs `admin.token`";
    std::fs::write(&file, "faults: true").unwrap();
    let flag = refused(&["--admin-listen", "0.0.0.0:0"]);
    assert!(flag.contains(needs) && !flag.contains("serve.yaml"), "{flag}");
    std::fs::write(&file, "admin: {listen: ['0.0.0.0:0']}").unwrap();
    let of_file = refused(&[]);
    assert!(of_file.contains(&format!("serve.yaml: {needs}")), "{of_file}");

    let token = token.to_str().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--admin-token-file", token];
    Served::start(folder.path(), &arguments).stop();
}
