//! `/headers`: what the request looked like when it arrived.

use serde_json::{Value, json};

use super::kind::ProbeRequest;

/// Header lines beyond this are left out.
const MOST_HEADERS: usize = 1024;

/// The request in JSON. Header lines stand as they came: in their order, as they were spelt, repeated if they were.
pub(super) fn describe(request: &ProbeRequest<'_>) -> String {
    let head = request.head;
    let headers = request
        .received
        .as_deref()
        .and_then(|received| lines_as_they_came(received, head.uri.path()))
        .unwrap_or_else(|| {
            let lines = head.headers.iter();
            lines
                .map(|(name, value)| line(name.as_str(), value.as_bytes()))
                .collect()
        });
    json!({
        "type": "headers",
        "instance": request.shared.instance,
        "peer": request.peer.to_string(),
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "version": format!("{:?}", head.version),
        "headers": headers,
    })
    .to_string()
}

/// The header lines, if `received` begins with the request for `path`. It does unless requests were sent without waiting for
/// answers.
fn lines_as_they_came(received: &[u8], path: &str) -> Option<Vec<Value>> {
    let mut slots = vec![httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut slots);
    let status = request.parse(received).ok()?;
    let target = request.path?;
    let is_it = status.is_complete() && target.split('?').next() == Some(path);
    is_it.then(|| {
        request
            .headers
            .iter()
            .map(|header| line(header.name, header.value))
            .collect()
    })
}

fn line(name: &str, value: &[u8]) -> Value {
    json!([name, String::from_utf8_lossy(value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a17_lines_keep_order_spelling_and_repetition() {
        let received =
            b"GET /headers?x=1 HTTP/1.1\r\nX-Forwarded-For: 1\r\nhOsT: a\r\nX-Forwarded-For: 2\r\n\r\nrest";
        let lines = lines_as_they_came(received, "/headers").unwrap();
        assert_eq!(
            Value::from(lines),
            json!([["X-Forwarded-For", "1"], ["hOsT", "a"], ["X-Forwarded-For", "2"]])
        );
        assert_eq!(lines_as_they_came(received, "/other"), None);
        assert_eq!(lines_as_they_came(&received[..20], "/headers"), None);
    }
}
