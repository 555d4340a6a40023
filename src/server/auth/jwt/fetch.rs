//! [`Fetcher`]: one GET over HTTP or HTTPS, for the documents of an issuer.
//!
//! A full HTTP client would bring redirects, cookies, pools and another TLS setup; two small documents an hour need
//! none of these.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::net::tls::{ALPN_HTTP_1_1, ClientTls, TlsError, client_config, explain_io, server_name};

/// From the look-up of the name to the last byte.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Key sets are a few kilobytes.
const SIZE_LIMIT: usize = 256 * 1024;

/// Gets documents from issuers.
pub(super) struct Fetcher {
    /// Only an issuer at an https URL needs it.
    tls: Option<TlsConnector>,
}

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("not an http or https URL with a host")]
    Url,
    #[error("no answer within {} s", TIME_LIMIT.as_secs())]
    TimeLimit,
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
    #[error("an http URL leads to this https one, which is not trusted")]
    TlsMissing,
    #[error(transparent)]
    TlsName(#[from] TlsError),
    #[error("no TLS: {}", explain_io(.0))]
    Tls(#[source] std::io::Error),
    #[error("HTTP failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is {0}, not 200")]
    Status(StatusCode),
    #[error("the answer's body failed or is larger than {SIZE_LIMIT} bytes: {0}")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Fetcher {
    /// Gets documents from where `uri` leads; with `ca_file`, issuers are trusted whose certificates it vouches for.
    ///
    /// # Errors
    /// The certificates to trust cannot be read.
    pub(super) fn new(uri: &Uri, ca_file: Option<&Path>) -> Result<Self, TlsError> {
        if uri.scheme_str() != Some("https") {
            return Ok(Self { tls: None });
        }
        let config = client_config(&ClientTls {
            ca_file: ca_file.map(Path::to_owned),
            alpn: vec![ALPN_HTTP_1_1.to_vec()],
            ..ClientTls::default()
        })?;
        Ok(Self {
            tls: Some(config.into()),
        })
    }

    /// The body of a 200. Anything else is an error, redirects included: an issuer has one address.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub(super) async fn get(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        let fetched = tokio::time::timeout(TIME_LIMIT, self.get_in_any_time(uri)).await;
        fetched.unwrap_or(Err(FetchError::TimeLimit))
    }

    async fn get_in_any_time(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        let place = Place::of(uri).ok_or(FetchError::Url)?;
        let tcp = TcpStream::connect((place.host, place.port))
            .await
            .map_err(FetchError::Connect)?;
        if !place.secure {
            return exchange(tcp, uri).await;
        }
        let connector = self.tls.as_ref().ok_or(FetchError::TlsMissing)?;
        let tls = connector
            .connect(server_name(place.host)?, tcp)
            .await
            .map_err(FetchError::Tls)?;
        exchange(tls, uri).await
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(stream: S, uri: &Uri) -> Result<Bytes, FetchError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path.parse().map_err(|_| FetchError::Url)?;
    let authority = uri
        .authority()
        .and_then(|authority| authority.as_str().parse().ok());
    let headers = request.headers_mut();
    headers.insert(HOST, authority.ok_or(FetchError::Url)?);
    headers.insert(ACCEPT, http::HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, http::HeaderValue::from_static("wsbench"));
    headers.insert(CONNECTION, http::HeaderValue::from_static("close"));
    let answer = async move {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), SIZE_LIMIT).collect().await;
        body.map(http_body_util::Collected::to_bytes)
            .map_err(FetchError::Body)
    };
    // The connection ends once the answer is there, since `sender` is gone then; its own error reaches the answer
    // too.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}

/// Where a URL leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    host: &'a str,
    port: u16,
    secure: bool,
}

impl<'a> Place<'a> {
    /// `None` unless `uri` is an http or https URL with a host and without user info.
    pub(super) fn of(uri: &'a Uri) -> Option<Self> {
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return None,
        };
        let authority = uri
            .authority()
            .filter(|authority| !authority.as_str().contains('@'))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        (!host.is_empty()).then_some(Self { host, port, secure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_to_places() {
        let place = |text: &str| {
            let uri: Uri = text.parse().unwrap();
            Place::of(&uri).map(|place| (place.host.to_owned(), place.port, place.secure))
        };
        assert_eq!(
            place("https://a.example/x?y"),
            Some(("a.example".to_owned(), 443, true))
        );
        assert_eq!(
            place("http://a.example"),
            Some(("a.example".to_owned(), 80, false))
        );
        assert_eq!(
            place("http://[::1]:8080/k"),
            Some(("::1".to_owned(), 8080, false))
        );
        for text in ["ftp://a.example", "/path", "http://user@a.example"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
