//! [`ClientHandshake`]: the request goes out, the answer is judged step by step (RFC 6455 4.1).

use super::accept::{accept_key, key_text};
use super::client_error::{HandshakeError, Refusal};
use super::head::{
    HeadBuffer, HeadLimits, Parsed, head_length, header_slots, list_contains, owned_headers, values,
};
use super::request::{ClientRequest, RequestError};
use super::rules::HandshakeRules;
use crate::wire::deflate::{DeflateOffer, DeflateParams, EXTENSION_NAME};
use crate::wire::extension::parse_extensions;

/// How much of a refusal's body is kept: more than is shown of it, in any script.
const MAX_BODY_START: usize = 2048;

/// A client's opening handshake on one connection, until the answer is complete.
#[derive(Debug)]
pub struct ClientHandshake {
    head: HeadBuffer,
    rules: HandshakeRules,
    accept: String,
    subprotocols: Vec<String>,
    deflate_offer: Option<DeflateOffer>,
}

/// How far a handshake has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeProgress {
    /// The head is incomplete; every byte so far is kept here.
    NeedMore,
    /// The connection is open.
    Done {
        /// How many bytes of the last input belong to the head; the rest are frames already.
        consumed: usize,
        /// What the server answered.
        response: ServerResponse,
    },
}

/// A server's 101.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerResponse {
    /// All headers in order.
    pub headers: Vec<(String, String)>,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The parameters of permessage-deflate, if it was agreed on.
    pub deflate: Option<DeflateParams>,
}

impl ServerResponse {
    /// The first header called `name`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }
}

impl ClientHandshake {
    /// Starts a strict handshake with the default limits and appends the request to `out`.
    ///
    /// # Errors
    /// A part of the request that cannot be written.
    pub fn new(request: &ClientRequest, out: &mut Vec<u8>) -> Result<Self, RequestError> {
        Self::with(request, HandshakeRules::STRICT, HeadLimits::default(), out)
    }

    /// Starts a handshake that enforces `rules` and reads an answer up to `limits`; appends the request to `out`.
    ///
    /// # Errors
    /// A part of the request that cannot be written.
    pub fn with(
        request: &ClientRequest,
        rules: HandshakeRules,
        limits: HeadLimits,
        out: &mut Vec<u8>,
    ) -> Result<Self, RequestError> {
        request.write(out)?;
        Ok(Self {
            head: HeadBuffer::new(limits),
            rules,
            accept: accept_key(&key_text(request.key)),
            subprotocols: request.subprotocols.clone(),
            deflate_offer: request.deflate_offer,
        })
    }

    /// Takes the next bytes from the server.
    ///
    /// # Errors
    /// Why the connection is to be failed.
    pub fn receive(&mut self, input: &[u8]) -> Result<HandshakeProgress, HandshakeError> {
        let mut head = std::mem::take(&mut self.head);
        let parsed = head.receive(input, |bytes, limits| self.parse(bytes, limits));
        self.head = head;
        Ok(match parsed? {
            None => HandshakeProgress::NeedMore,
            Some((consumed, response)) => HandshakeProgress::Done { consumed, response },
        })
    }

    /// The server ended the connection before the handshake was done.
    #[must_use]
    pub const fn ended(&self) -> HandshakeError {
        HandshakeError::Ended {
            received: self.head.received(),
        }
    }

    /// Reads the answer, past interim ones such as 103 Early Hints.
    fn parse(&self, bytes: &[u8], limits: &HeadLimits) -> Result<Parsed<ServerResponse>, HandshakeError> {
        let mut start = 0;
        loop {
            let rest = &bytes[start..];
            check_is_http(rest)?;
            let mut slots = header_slots();
            let mut answer = httparse::Response::new(&mut []);
            let status = httparse::ParserConfig::default().parse_response_with_uninit_headers(
                &mut answer,
                rest,
                &mut slots[..limits.header_slots()],
            );
            let Some(length) = head_length(status, limits)? else {
                return Ok(None);
            };
            start += length;
            match answer.code {
                Some(101) => return Ok(Some((start, self.judge(&answer)?))),
                Some(100..=199) => {}
                _ => {
                    return Err(HandshakeError::Refused(Box::new(refusal(
                        &answer,
                        &bytes[start..],
                    ))));
                }
            }
        }
    }

    fn judge(&self, answer: &httparse::Response<'_, '_>) -> Result<ServerResponse, HandshakeError> {
        let headers = owned_headers(answer.headers);
        if answer.version != Some(1) && self.enforces(HandshakeRules::HTTP_VERSION) {
            return Err(HandshakeError::HttpVersion);
        }
        let upgrade = joined(&headers, "Upgrade");
        let is_websocket = upgrade
            .as_deref()
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("websocket"));
        if !is_websocket && self.enforces(HandshakeRules::UPGRADE) {
            return Err(HandshakeError::Upgrade(upgrade));
        }
        let connection = joined(&headers, "Connection");
        let upgrades = connection
            .as_deref()
            .is_some_and(|value| list_contains(value, "upgrade"));
        if !upgrades && self.enforces(HandshakeRules::CONNECTION) {
            return Err(HandshakeError::Connection(connection));
        }
        let found = self.single(&headers, "Sec-WebSocket-Accept")?.map(str::trim);
        if found != Some(&self.accept) && self.enforces(HandshakeRules::ACCEPT) {
            let found = found.map(str::to_owned);
            return Err(HandshakeError::Accept {
                expected: self.accept.clone(),
                found,
            });
        }
        let deflate = self.judge_extensions(&headers)?;
        let subprotocol = self.judge_subprotocol(&headers)?;
        Ok(ServerResponse {
            headers,
            subprotocol,
            deflate,
        })
    }

    fn judge_extensions(
        &self,
        headers: &[(String, String)],
    ) -> Result<Option<DeflateParams>, HandshakeError> {
        let strict = self.enforces(HandshakeRules::EXTENSIONS);
        let mut agreed = None;
        for value in values(headers, "Sec-WebSocket-Extensions") {
            let extensions = match parse_extensions(value.as_bytes()) {
                Ok(extensions) => extensions,
                Err(error) if strict => return Err(error.into()),
                Err(_) => continue,
            };
            for extension in extensions {
                let outcome = match &self.deflate_offer {
                    Some(_) if extension.name == EXTENSION_NAME && agreed.is_some() => {
                        Err(HandshakeError::RepeatedDeflate)
                    }
                    Some(offer) if extension.name == EXTENSION_NAME => {
                        offer.accept_response(&extension).map_err(HandshakeError::from)
                    }
                    _ => Err(HandshakeError::UnofferedExtension(extension.name.to_owned())),
                };
                match outcome {
                    Ok(params) => agreed = Some(params),
                    Err(error) if strict => return Err(error),
                    Err(_) => {}
                }
            }
        }
        Ok(agreed)
    }

    fn judge_subprotocol(&self, headers: &[(String, String)]) -> Result<Option<String>, HandshakeError> {
        let Some(chosen) = self.single(headers, "Sec-WebSocket-Protocol")?.map(str::trim) else {
            return Ok(None);
        };
        if self.enforces(HandshakeRules::SUBPROTOCOL) && !self.subprotocols.iter().any(|name| name == chosen)
        {
            return Err(HandshakeError::UnofferedSubprotocol(chosen.to_owned()));
        }
        Ok(Some(chosen.to_owned()))
    }

    /// The value of a header that must not be repeated.
    fn single<'a>(
        &self,
        headers: &'a [(String, String)],
        name: &'static str,
    ) -> Result<Option<&'a str>, HandshakeError> {
        let mut found = values(headers, name);
        let first = found.next();
        if found.next().is_some() && self.enforces(HandshakeRules::SINGLE_HEADERS) {
            return Err(HandshakeError::RepeatedHeader(name));
        }
        Ok(first)
    }

    const fn enforces(&self, rule: HandshakeRules) -> bool {
        self.rules.enforces(rule)
    }
}

/// Fails as soon as the first bytes cannot be a status line, because a server that speaks something else may wait
/// for us and never send the rest of a head.
fn check_is_http(bytes: &[u8]) -> Result<(), HandshakeError> {
    const START: &[u8] = b"HTTP/";
    let line = skip_empty_lines(bytes);
    let length = line.len().min(START.len());
    if line[..length] == START[..length] {
        return Ok(());
    }
    let shown = line.split(|&byte| byte == b'\n').next().unwrap_or(line);
    let shown = String::from_utf8_lossy(&shown[..shown.len().min(40)])
        .trim_end()
        .escape_debug()
        .to_string();
    // An alert or a handshake record (RFC 8446 5.1). Its first byte decides: the next may not have come yet, and how
    // the bytes are cut must not matter.
    Err(match line {
        [0x15 | 0x16, ..] => HandshakeError::Tls(shown),
        _ => HandshakeError::NotHttp(shown),
    })
}

/// Empty lines before a status line are none of its business (RFC 9112 2.2). A CR at the very end may become one.
fn skip_empty_lines(mut bytes: &[u8]) -> &[u8] {
    while let [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    if bytes == b"\r" { &[] } else { bytes }
}

fn refusal(answer: &httparse::Response<'_, '_>, body: &[u8]) -> Refusal {
    Refusal {
        status: answer.code.unwrap_or_default(),
        reason: answer.reason.unwrap_or_default().to_owned(),
        headers: owned_headers(answer.headers),
        body_start: body[..body.len().min(MAX_BODY_START)].to_vec(),
    }
}

/// All values of `name` as one list, as HTTP lets a recipient combine them.
fn joined(headers: &[(String, String)], name: &str) -> Option<String> {
    let values: Vec<&str> = values(headers, name).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
