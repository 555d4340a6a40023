//! HTTP without a library: one request, one answer, the end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Far more than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a request and reads until the other end has finished.
pub(crate) fn exchange(address: &str, request: &str) -> String {
    let mut tcp = TcpStream::connect(address).expect("it listens");
    tcp.set_read_timeout(Some(PATIENCE))
        .expect("a time limit can be set");
    tcp.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).expect("it answers and ends");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The body of the answer to a GET. HTTP/1.0 has no chunks.
pub(crate) fn body(address: &str, path: &str) -> String {
    let answer = exchange(address, &format!("GET {path} HTTP/1.0\r\nHost: test\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
    assert!(
        head.split(' ').nth(1) == Some("200"),
        "{path} was answered by {answer}"
    );
    body.to_owned()
}
