//! The probes that misbehave, which only a server with faults has.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::raw::{ACCEPT, Raw, masked, refusal, request};
use crate::support::{PATIENCE, ended, exchange, get, journal, start};

const MISBEHAVING: [&str; 9] = [
    "/slow",
    "/hold",
    "/status/500",
    "/bad101",
    "/close",
    "/fin",
    "/rst",
    "/half-close",
    "/mute-pong",
];

#[tokio::test]
async fn without_faults_every_misbehaving_route_is_refused_by_403() {
    let server = start("");
    for path in MISBEHAVING {
        let (status, body) = refusal(&server, path).await;
        assert_eq!(status, "HTTP/1.1 403 Forbidden", "{path}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body["message"], "faults are off; start the server with --faults",
            "{path}"
        );
    }
    assert!(
        get(&server, "/status/204")
            .await
            .starts_with("HTTP/1.1 403 Forbidden\r\n")
    );
    let refused = journal(&server, "?route=/fin").await;
    assert_eq!(
        (&refused[0]["type"], &refused[0]["status"]),
        (&"refusal".into(), &403.into())
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d7_a_slow_reader_makes_the_client_wait() {
    let server = start("faults: true\nroutes: {/slow: {max_message_size: 64MiB}}");
    let mut raw = Raw::open(&server, "/slow?rate=20KiB&tag=slow").await;
    let flood = async {
        let block = vec![0; 64 * 1024];
        // One endless binary message.
        raw.tcp
            .write_all(b"\x82\xff\0\0\0\0\x02\0\0\0\0\0\0\0")
            .await
            .unwrap();
        loop {
            raw.tcp.write_all(&block).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_millis(500), flood).await.is_err());
    let line = journal(&server, "?tag=slow").await.remove(0);
    let read = line["bytes_in"].as_u64().unwrap();
    assert!(
        (2_000..=40_000).contains(&read),
        "{read} bytes in half a second of 20 KiB/s"
    );
    assert!(line["faults"]["read-rate:20KiB"].as_u64().unwrap() > 1, "{line}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_held_upgrade_is_never_answered_and_ends_in_time() {
    let server = start("faults: true");
    let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    let start = Instant::now();
    tcp.write_all(request("/hold?for=200ms&tag=held").as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.is_empty(), "{answer:?}");
    assert!(start.elapsed() >= Duration::from_millis(200));
    let line = journal(&server, "?tag=held").await.remove(0);
    assert_eq!((&line["type"], &line["status"]), (&"refusal".into(), &0.into()));
    let reason = line["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("held without an answer for 0.2") && reason.ends_with("the time was over"),
        "{reason}"
    );

    // A stop does not wait for those that are held.
    let mut held = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    held.write_all(request("/hold?for=10m").as_bytes()).await.unwrap();
    assert!(
        timeout(Duration::from_millis(50), held.read(&mut [0]))
            .await
            .is_err()
    );
    timeout(PATIENCE, server.stop()).await.unwrap().unwrap();
    assert!(matches!(held.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a39_status_answers_any_status_body_and_location() {
    let server = start("faults: true\ninstance: a");
    for (path, status, header, body) in [
        ("/status/302?location=/echo", "302 Found", "location: /echo", ""),
        (
            "/status/401?body=go%20away&www-authenticate=Bearer",
            "401 Unauthorized",
            "www-authenticate: Bearer",
            "go away",
        ),
        (
            "/status/403?body=no&tag=forbidden",
            "403 Forbidden",
            "content-length: 2",
            "no",
        ),
        (
            "/status/500?body=oops&type=text/html",
            "500 Internal Server Error",
            "content-type: text/html",
            "oops",
        ),
        (
            "/status/503?retry-after=7",
            "503 Service Unavailable",
            "retry-after: 7",
            "",
        ),
    ] {
        for request in [
            request(path),
            request(path).replace("Upgrade: websocket\r\nConnection: Upgrade\r\n", ""),
        ] {
            let response = exchange(
                &server,
                &request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
            )
            .await;
            assert!(
                response.starts_with(&format!("HTTP/1.1 {status}\r\n")),
                "{response}"
            );
            assert!(response.contains(&format!("{header}\r\n")), "{response}");
            assert!(response.contains("x-instance-id: a\r\n"), "{response}");
            assert!(response.ends_with(&format!("\r\n\r\n{body}")), "{response}");
        }
    }
    let line = journal(&server, "?tag=forbidden").await.remove(0);
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&403.into(), &"asked for".into())
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a35_bad_handshakes_are_wrong_in_one_place_and_go_on() {
    let server = start("faults: true");
    let good = Raw::open(&server, "/echo").await.head;
    let good: Vec<_> = good
        .lines()
        .filter(|line| !line.starts_with("date:"))
        .map(str::to_owned)
        .collect();
    assert!(good.contains(&ACCEPT.to_owned()));
    for (mode, missing, added) in [
        ("wrong-accept", Some(ACCEPT), Some("sec-websocket-accept: ")),
        ("no-accept", Some(ACCEPT), None),
        ("two-accepts", None, Some("sec-websocket-accept: ")),
        ("no-upgrade", Some("upgrade: websocket"), None),
        ("wrong-upgrade", Some("upgrade: websocket"), Some("upgrade: h2c")),
        ("no-connection", Some("connection: Upgrade"), None),
        (
            "wrong-connection",
            Some("connection: Upgrade"),
            Some("connection: close"),
        ),
        (
            "status-200",
            Some("HTTP/1.1 101 Switching Protocols"),
            Some("HTTP/1.1 200 OK"),
        ),
        (
            "http-10",
            Some("HTTP/1.1 101 Switching Protocols"),
            Some("HTTP/1.0 101 Switching Protocols"),
        ),
        ("bad-version", None, Some("sec-websocket-version: 8")),
        (
            "unsolicited-extension",
            None,
            Some("sec-websocket-extensions: x-unsolicited"),
        ),
        (
            "unsolicited-protocol",
            None,
            Some("sec-websocket-protocol: x-unsolicited"),
        ),
        ("huge-header", None, Some("x-huge: xxxx")),
        ("garbage", None, None),
    ] {
        let mut raw = Raw::open(&server, &format!("/bad101?mode={mode}&tag={mode}")).await;
        let lines: Vec<_> = raw.head.lines().map(str::to_owned).collect();
        let absent: Vec<_> = good.iter().filter(|line| !lines.contains(line)).collect();
        let new: Vec<_> = lines.iter().filter(|line| !good.contains(line)).collect();
        assert_eq!(
            absent.iter().map(|line| &***line).collect::<Vec<_>>(),
            Vec::from_iter(missing),
            "{mode}"
        );
        assert_eq!(new.len(), usize::from(added.is_some()), "{mode}: {new:?}");
        assert!(
            new.iter().all(|line| line.starts_with(added.unwrap())),
            "{mode}: {new:?}"
        );
        if mode == "garbage" {
            assert_eq!(raw.read(4).await, b"\xff\xff\xff\xff");
        } else {
            raw.send("still here").await;
            assert_eq!(raw.text().await, "still here", "{mode}");
        }
        let line = journal(&server, &format!("?tag={mode}")).await.remove(0);
        assert_eq!(line["faults"][format!("bad-101:{mode}")], 1, "{line}");
    }
    let response = exchange(&server, &request("/bad101?mode=truncated")).await;
    assert!(
        response.starts_with("HTTP/1.1 101 ") && !response.contains("\r\n\r\n"),
        "{response}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn e14_close_sends_any_code_legal_or_not_or_none() {
    let server = start("faults: true\nroutes: {/close: {close_timeout: 100ms}}");
    let reason = "r".repeat(123);
    for (code, payload) in [
        ("1000", &b"\x03\xe8bye"[..]),
        ("1011", b"\x03\xf3bye"),
        ("4999", b"\x13\x87bye"),
        ("1005", b"\x03\xedbye"),
        ("1006", b"\x03\xeebye"),
        ("1015", b"\x03\xf7bye"),
        ("0", b"\0\0bye"),
        ("65535", b"\xff\xffbye"),
        ("none", b""),
    ] {
        let mut raw = Raw::open(&server, &format!("/close?code={code}&reason=bye&tag=c{code}")).await;
        assert_eq!(raw.frame().await, (0x88, payload.to_vec()), "{code}");
        raw.tcp.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
        assert!(raw.rest().await.unwrap().is_empty());
        let line = ended(&server, &format!("c{code}")).await;
        assert_eq!(
            (&line["closed_by"], &line["cause"]),
            (&"server".into(), &"fault".into())
        );
        assert_eq!(line["code"], code.parse().unwrap_or(1005), "{line}");
    }
    let mut raw = Raw::open(&server, &format!("/close?code=4000&after=2&reason={reason}")).await;
    for text in ["one", "two"] {
        raw.send(text).await;
        assert_eq!(raw.text().await, text);
    }
    let (first, payload) = raw.frame().await;
    assert_eq!((first, payload.len()), (0x88, 125));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a36_fin_and_rst_end_tcp_without_a_close_frame() {
    let server = start("faults: true");
    for (path, tag) in [("/fin?tag=fin", "fin"), ("/rst?tag=rst", "rst")] {
        // The 101 may be lost with a reset, so it is not waited for.
        let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
        tcp.write_all(request(path).as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let end = timeout(PATIENCE, tcp.read_to_end(&mut bytes)).await.unwrap();
        assert_eq!(end.is_err(), tag == "rst", "{tag}: {end:?}");
        drop(tcp);
        let line = ended(&server, tag).await;
        assert_eq!(
            (&line["cause"], &line["code"]),
            (&"fault".into(), &1006.into()),
            "{line}"
        );
        assert_eq!(line["faults"][format!("{tag}:0")], 1);
    }
    for (path, resets) in [("/fin?after=2", false), ("/rst?after=2", true)] {
        let mut raw = Raw::open(&server, path).await;
        for text in ["one", "two"] {
            raw.send(text).await;
            assert_eq!(raw.text().await, text);
        }
        let start = Instant::now();
        let rest = raw.rest().await;
        assert!(start.elapsed() < Duration::from_secs(1));
        match rest {
            Ok(rest) => assert!(rest.is_empty() && !resets, "{path}"),
            Err(error) => {
                assert!(resets, "{path}: {error}");
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            }
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_half_closed_server_reads_on() {
    let server = start("faults: true");
    let mut raw = Raw::open(&server, "/half-close?after=1&tag=half").await;
    raw.send("one").await;
    assert_eq!(raw.text().await, "one");
    assert!(
        raw.rest().await.unwrap().is_empty(),
        "the end of the server's side"
    );
    for _ in 0..10 {
        raw.send("more").await;
    }
    raw.tcp.write_all(&masked(0x88, b"\x03\xe8")).await.unwrap();
    raw.tcp.shutdown().await.unwrap();
    let line = ended(&server, "half").await;
    assert_eq!(
        (&line["messages_in"], &line["messages_out"]),
        (&11.into(), &1.into()),
        "{line}"
    );
    assert_eq!(
        (&line["closed_by"], &line["code"]),
        (&"client".into(), &1000.into())
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d5_b13_mute_pong_answers_messages_but_no_ping() {
    let server = start("faults: true");
    let mut raw = Raw::open(&server, "/mute-pong?tag=mute").await;
    raw.tcp.write_all(&masked(0x89, b"anyone?")).await.unwrap();
    raw.send("hello").await;
    assert_eq!(raw.text().await, "hello", "the echo comes, the pong does not");
    assert!(raw.is_silent_for(Duration::from_millis(50)).await);
    let line = journal(&server, "?tag=mute").await.remove(0);
    assert_eq!((&line["pings_in"], &line["pongs_out"]), (&1.into(), &0.into()));
    assert_eq!(line["faults"]["mute-pong"], 1);
    server.stop().await.unwrap();
}
