//! The programs under test, and HTTP by hand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use serde_json::Value;

/// A program that is killed when the test ends.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wsbench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A reference server and its `127.0.0.1:PORT`.
pub(crate) fn serve(folder: &Path) -> (Running, String) {
    let config = folder.join("server.yaml");
    std::fs::write(&config, "journal: 100000\n").unwrap();
    let config = config.to_str().unwrap();
    let mut server = wsbench(&["serve", "--listen", "127.0.0.1:0", "--config", config])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| {
            line.unwrap()
                .split_once("ws://")
                .map(|(_, address)| address.to_owned())
        })
        .expect("the server tells where it listens");
    // The rest of its output is nobody's, and must not block it.
    std::thread::spawn(move || lines.for_each(drop));
    (Running(server), address.trim_end_matches('/').to_owned())
}

/// A run that writes its summary into `folder`.
pub(crate) struct Run {
    process: Running,
    summary: std::path::PathBuf,
    stderr: BufReader<ChildStderr>,
}

impl Run {
    pub(crate) fn start(folder: &Path, scenario: &Path, more: &[&str]) -> Self {
        Self::spawn(folder, scenario, more, wsbench(&[]))
    }

    /// With at most this many open files.
    pub(crate) fn start_with_files(files: u32, folder: &Path, scenario: &Path, more: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            &format!("ulimit -n {files}; exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_wsbench"),
        ]);
        Self::spawn(folder, scenario, more, shell)
    }

    fn spawn(folder: &Path, scenario: &Path, more: &[&str], mut program: Command) -> Self {
        let summary = folder.join("summary.json");
        let mut arguments = vec!["run", scenario.to_str().unwrap(), "--workers", "1"];
        arguments.extend(["--summary-export", summary.to_str().unwrap()]);
        arguments.extend(more);
        let mut process = program
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        Self {
            process: Running(process),
            summary,
            stderr,
        }
    }

    /// The rest of the first line on standard error that holds `text`.
    pub(crate) fn told(&mut self, text: &str) -> String {
        let mut line = String::new();
        while self.stderr.read_line(&mut line).unwrap() > 0 {
            if let Some((_, rest)) = line.split_once(text) {
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("the run never said {text:?}");
    }

    /// Its exit code and its summary.
    pub(crate) fn end(mut self) -> (ExitStatus, Value) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        let status = self.process.0.wait().unwrap();
        let summary =
            std::fs::read_to_string(&self.summary).unwrap_or_else(|error| panic!("{error}; {rest}"));
        let summary: Value = serde_json::from_str(&summary).unwrap();
        assert_eq!(summary["books"]["balanced"], true, "{}", summary["books"]);
        (status, summary)
    }
}

/// A scenario in a file.
pub(crate) fn scenario(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("scenario.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

/// Status and body of an HTTP request.
pub(crate) fn http(address: &str, method: &str, path: &str, more: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        unchunked(body)
    } else {
        body.to_owned()
    };
    (status, body)
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
