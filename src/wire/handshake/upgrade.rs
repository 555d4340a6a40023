//! [`parse_upgrade`]: a request judged by a server (RFC 6455 4.2.1), and the 101 that answers it (4.2.2).

use http::Version;

use super::accept::{accept_key, is_valid_key};
use super::refusal::UpgradeRefusal;
use super::request::write_header;
use super::rules::HandshakeRules;
use crate::wire::deflate::{AcceptedDeflate, DeflateConfig, negotiate_deflate};
use crate::wire::extension::{Extension, is_token, parse_extensions};

/// A client's valid request to upgrade; borrows from the request's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeRequest<'a> {
    /// The text of `Sec-WebSocket-Key`.
    pub key: &'a str,
    /// The offered subprotocols, in the client's order of preference.
    pub subprotocols: Vec<&'a str>,
    /// The offered extensions, in the client's order of preference.
    pub extensions: Vec<Extension<'a>>,
}

/// The headers of a 101 beyond those that every server adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeResponse {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The chosen subprotocol.
    pub subprotocol: Option<String>,
    /// permessage-deflate, if it is used.
    pub deflate: Option<AcceptedDeflate>,
}

/// What the one pass over the headers collects. `None` is a header that is not there.
#[derive(Default)]
struct Collected<'a> {
    hosts: usize,
    upgrade: bool,
    connection: bool,
    key: Option<&'a [u8]>,
    keys: usize,
    version: Option<&'a [u8]>,
    versions: usize,
    subprotocols: Vec<&'a str>,
    extensions: Vec<Extension<'a>>,
}

/// Judges a request. `headers` yields every header once for each of its lines, as `http::HeaderMap::iter` does.
///
/// # Errors
/// The first requirement that the request misses, in the order of RFC 6455 4.2.1; only that the version comes before
/// the key, because what a key looks like depends on the version.
pub fn parse_upgrade<'a>(
    method: &str,
    version: Version,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    rules: HandshakeRules,
) -> Result<UpgradeRequest<'a>, UpgradeRefusal> {
    if method != "GET" {
        return Err(UpgradeRefusal::Method(method.to_owned()));
    }
    if version < Version::HTTP_11 && rules.enforces(HandshakeRules::HTTP_VERSION) {
        return Err(UpgradeRefusal::HttpVersion);
    }
    let collected = collect(headers)?;
    let single = rules.enforces(HandshakeRules::SINGLE_HEADERS);
    if rules.enforces(HandshakeRules::HOST) {
        match collected.hosts {
            0 => return Err(UpgradeRefusal::Host),
            1 => {}
            _ => return Err(UpgradeRefusal::RepeatedHeader("Host")),
        }
    }
    if !collected.upgrade && rules.enforces(HandshakeRules::UPGRADE) {
        return Err(UpgradeRefusal::NotAnUpgrade);
    }
    if !collected.connection && rules.enforces(HandshakeRules::CONNECTION) {
        return Err(UpgradeRefusal::Connection);
    }
    if collected.versions > 1 && single {
        return Err(UpgradeRefusal::RepeatedHeader("Sec-WebSocket-Version"));
    }
    if collected.version != Some(b"13") && rules.enforces(HandshakeRules::VERSION) {
        return Err(UpgradeRefusal::Version);
    }
    if collected.keys > 1 && single {
        return Err(UpgradeRefusal::RepeatedHeader("Sec-WebSocket-Key"));
    }
    let key = collected.key.ok_or(UpgradeRefusal::MissingKey)?;
    let key = std::str::from_utf8(key).map_err(|_| UpgradeRefusal::InvalidKey)?;
    if !is_valid_key(key) && rules.enforces(HandshakeRules::KEY) {
        return Err(UpgradeRefusal::InvalidKey);
    }
    Ok(UpgradeRequest {
        key,
        subprotocols: collected.subprotocols,
        extensions: collected.extensions,
    })
}

fn collect<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Collected<'a>, UpgradeRefusal> {
    let mut collected = Collected::default();
    for (name, value) in headers {
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case("Host") {
            collected.hosts += 1;
        } else if name.eq_ignore_ascii_case("Upgrade") {
            collected.upgrade |= contains_token(value, b"websocket");
        } else if name.eq_ignore_ascii_case("Connection") {
            collected.connection |= contains_token(value, b"upgrade");
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Key") {
            collected.key.get_or_insert(value);
            collected.keys += 1;
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Version") {
            collected.version.get_or_insert(value);
            collected.versions += 1;
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Protocol") {
            add_subprotocols(&mut collected.subprotocols, value)?;
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Extensions") {
            collected.extensions.extend(parse_extensions(value)?);
        }
    }
    Ok(collected)
}

fn contains_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|&byte| byte == b',')
        .any(|element| element.trim_ascii().eq_ignore_ascii_case(token))
}

fn add_subprotocols<'a>(names: &mut Vec<&'a str>, list: &'a [u8]) -> Result<(), UpgradeRefusal> {
    for element in list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        let name = std::str::from_utf8(element).map_err(|_| UpgradeRefusal::Subprotocols)?;
        if !is_token(element) || names.contains(&name) {
            return Err(UpgradeRefusal::Subprotocols);
        }
        names.push(name);
    }
    Ok(())
}

impl<'a> UpgradeRequest<'a> {
    /// The client's most preferred subprotocol that `supported` contains.
    #[must_use]
    pub fn choose_subprotocol<S: AsRef<str>>(&self, supported: &[S]) -> Option<&'a str> {
        self.subprotocols
            .iter()
            .copied()
            .find(|name| supported.iter().any(|known| known.as_ref() == *name))
    }

    /// Accepts the request, with a subprotocol out of the offered ones or none, and with permessage-deflate if `deflate`
    /// is configured and the client offers it.
    #[must_use]
    pub fn accept(&self, subprotocol: Option<&str>, deflate: Option<&DeflateConfig>) -> UpgradeResponse {
        UpgradeResponse {
            accept: accept_key(self.key),
            subprotocol: subprotocol.map(str::to_owned),
            deflate: deflate.and_then(|config| negotiate_deflate(&self.extensions, config)),
        }
    }
}

impl UpgradeResponse {
    /// All headers that make the answer a WebSocket handshake.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fixed = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", self.accept.as_str()),
        ];
        let subprotocol = self
            .subprotocol
            .as_deref()
            .map(|name| ("Sec-WebSocket-Protocol", name));
        let extensions = self
            .deflate
            .as_ref()
            .map(|deflate| ("Sec-WebSocket-Extensions", deflate.response.as_str()));
        fixed.into_iter().chain(subprotocol).chain(extensions)
    }

    /// Appends the whole 101 to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        for (name, value) in self.headers() {
            write_header(out, name, value);
        }
        out.extend_from_slice(b"\r\n");
    }
}
