//! [`ask`]: from an upstream's address to its answer, by hyper.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::pool::Pool;
use super::request::Question;
use crate::net::tls::{TlsError, explain_io, server_name};
use crate::net::{Stream, Target};
use crate::server::http::Reply;
use crate::wire::handshake::accept_key;

/// What an upstream answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It switched protocols.
    Switched(Box<Switched>),
    /// Anything else, with its body.
    Other(Reply),
}

/// A connection after its upgrade.
#[derive(Debug)]
pub(crate) struct Switched {
    pub(crate) stream: Stream,
    /// What came behind the answer: the first frames.
    pub(crate) early: Bytes,
    pub(crate) headers: HeaderMap,
}

/// How long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// TCP and TLS.
    pub(crate) connect: Duration,
    /// From the request to the whole answer.
    pub(crate) answer: Duration,
}

/// Why an upstream did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    #[error("no TLS: {}", explain_io(.0))]
    Tls(io::Error),
    #[error("TLS cannot begin: {0}")]
    TlsSetup(#[from] TlsError),
    #[error("no HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within {0:?}")]
    AnswerTimeout(Duration),
    #[error("the answer broke off or has more than {MAX_BODY} bytes: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer 101 does not accept this WebSocket handshake")]
    Handshake,
}

/// Largest body of an answer that is passed on.
const MAX_BODY: usize = 1 << 20;

impl AskError {
    /// Whether it was a matter of time.
    pub(crate) const fn is_timeout(&self) -> bool {
        matches!(self, Self::ConnectTimeout(_) | Self::AnswerTimeout(_))
    }
}

/// Connects and asks.
///
/// # Errors
/// The upstream cannot be reached, does not answer in time, or breaks HTTP or the opening handshake.
pub(crate) async fn ask(
    pool: &Pool,
    target: &Target,
    question: Question,
    patience: Patience,
) -> Result<Answer, AskError> {
    let stream = timeout(patience.connect, connect(pool, target))
        .await
        .unwrap_or(Err(AskError::ConnectTimeout(patience.connect)))?;
    timeout(patience.answer, converse(stream, question))
        .await
        .unwrap_or(Err(AskError::AnswerTimeout(patience.answer)))
}

async fn connect(pool: &Pool, target: &Target) -> Result<Stream, AskError> {
    let tcp = TcpStream::connect((target.host.as_str(), target.port))
        .await
        .map_err(AskError::Connect)?;
    // A connection that is gone already will say so when it is used.
    let _ = tcp.set_nodelay(true);
    if !target.secure {
        return Ok(Stream::Plain(tcp));
    }
    let name = server_name(&target.host)?;
    let tls = pool.tls()?.connect(name, tcp).await.map_err(AskError::Tls)?;
    Ok(Stream::Tls(Box::new(tls)))
}

async fn converse(stream: Stream, question: Question) -> Result<Answer, AskError> {
    let Question { request, key } = question;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async move {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok((head, Bytes::new()));
        }
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(AskError::Body)?;
        Ok::<_, AskError>((head, body.to_bytes()))
    };
    let connection = connection.without_shutdown();
    tokio::pin!(answer, connection);
    let mut parts = None;
    let (head, body) = loop {
        tokio::select! {
            biased;
            answer = &mut answer => break answer?,
            ended = &mut connection, if parts.is_none() => parts = Some(ended?),
        }
    };
    let (status, headers) = (head.status, head.headers);
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Answer::Other(Reply {
            status,
            headers,
            body: body.into(),
        }));
    }
    if !key.is_some_and(|key| accepts(&headers, &key)) {
        return Err(AskError::Handshake);
    }
    let parts = match parts {
        Some(parts) => parts,
        None => connection.await?,
    };
    Ok(Answer::Switched(Box::new(Switched {
        stream: parts.io.into_inner(),
        early: parts.read_buf,
        headers,
    })))
}

/// Whether an answer accepts the handshake (RFC 6455 4.1).
fn accepts(headers: &HeaderMap, key: &str) -> bool {
    let is_websocket = headers
        .get(UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    is_websocket
        && headers
            .get(SEC_WEBSOCKET_ACCEPT)
            .is_some_and(|accept| *accept == accept_key(key))
}
