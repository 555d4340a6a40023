use std::sync::Arc;

use serde_json::json;

use crate::server::relay::directory::{Directory, ResolveError};
use crate::server::relay::exit::ExitReason;
use crate::server::relay::letter::{Content, Data};
use crate::server::relay::pid::Pid;
use crate::server::relay::testing::{Client, Probe, Told, directory, send};

/// A directory with a program of the shell, which is started.
async fn shell(script: &str) -> (Arc<Directory>, Pid) {
    let command = json!(["sh", "-c", script]);
    let directory = directory(
        4,
        &format!("processes: {{sh: {{program: {{command: {command}}}}}}}"),
    );
    let pid = directory.resolve("sh").await.unwrap();
    (directory, pid)
}

async fn watched(directory: &Directory, pid: &Pid) -> ExitReason {
    let mut watcher = Probe::new(directory.processes());
    directory.processes().monitor(&watcher.pid, pid);
    watcher.exit().await.1
}

/// Writes a letter to whoever the first letter was from, with what it read as text.
const ANSWER: &str = r#"
    read init; read join
    client=${join##*client_pid\":\"}; client=${client%%\"*}
    while read letter; do
        case $letter in
        *ws.message*) echo "{\"to\":\"$client\",\"topic\":\"ws.send\",\"payload\":{\"type\":\"text\",\"data\":\"got it\"}}" ;;
        *ws.leave*) exit 0 ;;
        esac
    done"#;

#[tokio::test]
async fn e10_e13_a_program_reads_letters_and_writes_its_own() {
    let (directory, pid) = shell(ANSWER).await;
    let mut client = Client::new(&directory, &pid);
    client.says("hello");
    assert_eq!(client.told().await, Told::Text("got it".to_owned()));
    client.leaves("client closed: 1000", true);
    assert_eq!(watched(&directory, &pid).await, ExitReason::Normal);
}

#[tokio::test]
async fn e2_the_exit_of_a_program_closes_with_1001_and_its_crash_with_1011() {
    for (script, code) in [
        ("read init; read join", 1001),
        ("read init; read join; exit 3", 1011),
        ("read init; read join; kill -9 $$", 1011),
    ] {
        let (directory, pid) = shell(script).await;
        let mut client = Client::new(&directory, &pid);
        let Told::Close(told, _) = client.told().await else {
            panic!("{script}: the client is closed")
        };
        assert_eq!(told, code, "{script}");
    }
}

#[tokio::test]
async fn e2_the_last_words_of_a_program_arrive_before_its_end() {
    let script = r#"
        read init; read join
        client=${join##*client_pid\":\"}; client=${client%%\"*}
        for n in 1 2 3; do
            echo "{\"to\":\"$client\",\"topic\":\"ws.send\",\"payload\":{\"type\":\"text\",\"data\":\"$n\"}}"
        done
        exit 3"#;
    let (directory, pid) = shell(script).await;
    let mut client = Client::new(&directory, &pid);
    for n in 1..=3 {
        assert_eq!(client.told().await, Told::Text(n.to_string()));
    }
    assert_eq!(
        client.told().await,
        Told::Close(1011, "target process crashed".to_owned())
    );
}

#[tokio::test]
async fn e4_a_program_monitors_and_learns_of_an_end() {
    let script = r#"
        read init; read letter
        pid=${letter##*watch\":\"}; pid=${pid%%\"*}
        echo "{\"topic\":\"process.monitor\",\"payload\":{\"pid\":\"$pid\"}}"
        read exit
        case $exit in *process.exit*crashed*) exit 0 ;; esac
        exit 9"#;
    let (directory, pid) = shell(script).await;
    let other = Probe::new(directory.processes());
    let content = Content::Other {
        topic: "test.watch".into(),
        payload: json!({ "watch": other.pid }),
    };
    send(directory.processes(), &pid, content).await;
    while directory
        .processes()
        .inspect(|entry| entry.monitors.contains(&pid))
        .iter()
        .all(|monitors| !monitors)
    {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    other.end(ExitReason::crashed("x")).await;
    assert_eq!(watched(&directory, &pid).await, ExitReason::Normal);
}

#[tokio::test]
async fn e3_a_program_is_told_what_is_wrong_with_what_it_writes() {
    for line in [
        "no json",
        r#"{"to":"nobody","topic":"x"}"#,
        r#"{"topic":"process.fly"}"#,
        r#"{"topic":"process.link","payload":{"pid":"nobody"}}"#,
        r#"{"to":"sh","topic":"ws.close","payload":{"code":1006}}"#,
    ] {
        let script = format!(
            "read init; echo '{line}'; read letter; case $letter in *process.error*) exit 0;; esac; exit 9"
        );
        let (directory, pid) = shell(&script).await;
        assert_eq!(watched(&directory, &pid).await, ExitReason::Normal, "{line}");
    }
}

#[tokio::test]
async fn e4_a_killed_program_gets_what_waits_and_then_the_end_of_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let (directory, pid) = shell(&format!("cat > {}", log.display())).await;
    for text in ["a", "b"] {
        send(directory.processes(), &pid, Content::Send(Data::text(text))).await;
    }
    directory.processes().kill(&pid, ExitReason::killed("by hand"));
    assert_eq!(watched(&directory, &pid).await, ExitReason::killed("by hand"));
    let log = std::fs::read_to_string(log).unwrap();
    let topics: Vec<_> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["topic"].clone())
        .collect();
    assert_eq!(topics, ["process.init", "ws.send", "ws.send"]);
}

#[tokio::test]
async fn e4_a_program_that_does_not_end_is_ended() {
    let (directory, pid) = shell("trap '' TERM; exec sleep 600").await;
    directory.processes().kill(&pid, ExitReason::killed("by hand"));
    assert_eq!(watched(&directory, &pid).await, ExitReason::killed("by hand"));
}

#[tokio::test]
async fn e2_a_program_that_closes_its_output_is_ended() {
    let (directory, pid) = shell("exec >&-; exec sleep 600").await;
    assert_eq!(
        watched(&directory, &pid).await,
        ExitReason::crashed("it closed its output and went on running")
    );
}

#[tokio::test]
async fn e1_a_program_that_cannot_be_started_is_no_process() {
    let directory = directory(4, "processes: {no: {program: {command: [/does/not/exist]}}}");
    let error = directory.resolve("no").await.unwrap_err();
    assert!(matches!(error, ResolveError::Start { .. }), "{error}");
    assert_eq!(directory.processes().inspect(|entry| entry.pid.clone()), []);
}

#[tokio::test]
async fn e2_a_program_is_started_again_after_its_end() {
    let (directory, first) = shell("read init").await;
    watched(&directory, &first).await;
    let second = directory.resolve("sh").await.unwrap();
    assert_ne!(first, second);
}
