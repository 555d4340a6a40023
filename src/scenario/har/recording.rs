//! What a recording says.

use serde::Deserialize;

/// Why a recording cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// No JSON, or not that of an HTTP Archive.
    #[error("not an HTTP Archive (HAR): {0}")]
    NotHar(#[from] serde_json::Error),
    /// No entry is a WebSocket with recorded messages.
    #[error(
        "the recording has no WebSocket messages; Chrome and Edge record them: open the network panel before the page, then \
         \"Export HAR (with sensitive data)\""
    )]
    NoMessages,
}

#[derive(Deserialize)]
struct Archive {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
    #[serde(default)]
    response: Response,
    #[serde(rename = "_webSocketMessages")]
    messages: Option<Vec<RawMessage>>,
}

#[derive(Deserialize)]
struct Request {
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Default, Deserialize)]
struct Response {
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
struct RawMessage {
    #[serde(rename = "type")]
    direction: String,
    /// Seconds since 1970.
    time: f64,
    opcode: u8,
    /// Text, or base64.
    data: String,
}

/// One WebSocket of a recording.
pub(super) struct Socket {
    /// `wss://host:port`
    pub(super) origin: String,
    /// Beginning with `/`, without the query.
    pub(super) path: String,
    /// As it stands in the URL.
    pub(super) query: Option<String>,
    pub(super) headers: Vec<Header>,
    pub(super) subprotocols: Vec<String>,
    pub(super) compression: bool,
    pub(super) messages: Vec<Message>,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) sent: bool,
    /// Milliseconds since the socket's first message.
    pub(super) at: u64,
    pub(super) binary: bool,
    /// Text, or base64.
    pub(super) data: String,
}

/// Every WebSocket with messages, in the order of the recording.
pub(super) fn sockets(har: &str) -> Result<Vec<Socket>, HarError> {
    // A byte order mark is no JSON, but some exporters write one.
    let archive: Archive = serde_json::from_str(har.trim_start_matches('\u{feff}'))?;
    let sockets: Vec<Socket> = archive.log.entries.into_iter().filter_map(socket).collect();
    if sockets.is_empty() {
        return Err(HarError::NoMessages);
    }
    Ok(sockets)
}

fn socket(entry: Entry) -> Option<Socket> {
    let raw = entry.messages.filter(|messages| !messages.is_empty())?;
    let (origin, rest) = split_url(&entry.request.url)?;
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (rest.as_str(), None),
    };
    let values = |headers: &[Header], name: &str| -> Vec<String> {
        let of_name = headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        of_name
            .flat_map(|header| header.value.split(','))
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            .collect()
    };
    let extensions = values(&entry.response.headers, "Sec-WebSocket-Extensions");
    Some(Socket {
        origin,
        path: path.to_owned(),
        query,
        subprotocols: values(&entry.request.headers, "Sec-WebSocket-Protocol"),
        compression: extensions
            .iter()
            .any(|name| name.starts_with("permessage-deflate")),
        headers: entry.request.headers,
        messages: messages(raw),
    })
}

/// Scheme and authority, and the rest from the path on without the fragment.
fn split_url(url: &str) -> Option<(String, String)> {
    let url = url.split('#').next().unwrap_or(url);
    let url = match url.split_once("://")? {
        ("http" | "ws", rest) => format!("ws://{rest}"),
        ("https" | "wss", rest) => format!("wss://{rest}"),
        _ => return None,
    };
    let authority = url.find("://")? + 3;
    let end = url[authority..]
        .find(['/', '?'])
        .map_or(url.len(), |at| authority + at);
    // User information has no place in a target.
    let host = url[authority..end].rsplit('@').next()?;
    let origin = format!("{}{host}", &url[..authority]);
    let rest = &url[end..];
    let rest = if rest.starts_with('/') {
        rest.to_owned()
    } else {
        format!("/{rest}")
    };
    Some((origin, rest))
}

fn messages(mut raw: Vec<RawMessage>) -> Vec<Message> {
    raw.retain(|message| matches!(message.opcode, 1 | 2) && message.time.is_finite());
    raw.sort_by(|one, other| one.time.total_cmp(&other.time));
    let first = raw.first().map_or(0.0, |message| message.time);
    raw.into_iter()
        .map(|message| Message {
            sent: message.direction == "send",
            at: ((message.time - first) * 1000.0).round() as u64,
            binary: message.opcode == 2,
            data: message.data,
        })
        .collect()
}
