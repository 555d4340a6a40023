//! [`Handler`]: the upstream HTTP handler that is asked where a connection goes (seed E1).

use std::cell::OnceCell;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, request};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Deserializer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::header::RELAY_HEADER;
use crate::net::tls::{ALPN_HTTP_1_1, ClientTls, TlsError, client_config, explain_io, server_name};
use crate::server::http::end_to_end;

/// A handler's URL: `http://host:port`, which is asked for the client's own path, or with a path, which is asked instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerUrl(Uri);

/// Asks a handler.
#[derive(Clone)]
pub(crate) struct Handler {
    url: HandlerUrl,
    patience: Duration,
    /// Made when it is first needed.
    tls: OnceCell<TlsConnector>,
}

/// What the handler answered.
#[derive(Debug)]
pub(crate) struct HandlerAnswer {
    pub(crate) status: StatusCode,
    /// Without those that belong to its connection.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why a handler did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    #[error("the handler cannot be reached: {0}")]
    Connect(std::io::Error),
    #[error("no TLS with the handler: {}", explain_io(.0))]
    Tls(std::io::Error),
    #[error("TLS with the handler cannot begin: {0}")]
    TlsSetup(#[from] TlsError),
    #[error("the handler does not speak HTTP: {0}")]
    Http(hyper::Error),
    #[error("the handler's answer broke off or is larger than {MAX_BODY} bytes: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("the handler's URL and the client's path do not go together")]
    Path,
    #[error("the handler did not answer within {0:?}")]
    Silent(Duration),
}

/// Largest body that is passed on to a client that is not upgraded.
const MAX_BODY: usize = 1 << 20;

impl Handler {
    /// Asks the handler at `url`, which may take that long to answer.
    pub(crate) fn new(url: HandlerUrl, patience: Duration) -> Self {
        Self {
            url,
            patience,
            tls: OnceCell::new(),
        }
    }

    /// Forwards a request to upgrade, and returns the answer.
    ///
    /// # Errors
    /// The handler cannot be reached, does not answer in time, or breaks HTTP.
    pub(crate) async fn ask(
        &self,
        head: &request::Parts,
        client: IpAddr,
    ) -> Result<HandlerAnswer, HandlerError> {
        let request = self.request(head, client)?;
        let asked = timeout(self.patience, self.exchange(request)).await;
        asked.unwrap_or(Err(HandlerError::Silent(self.patience)))
    }

    fn request(&self, head: &request::Parts, client: IpAddr) -> Result<Request<Empty<Bytes>>, HandlerError> {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = self.url.path_for(&head.uri).ok_or(HandlerError::Path)?;
        let mut headers = end_to_end(&head.headers);
        // A client that could say where it wants to go would need no handler.
        headers.remove(RELAY_HEADER);
        let host = headers.remove(HOST);
        let authority = self
            .url
            .0
            .authority()
            .and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        headers.insert(HOST, authority.ok_or(HandlerError::Path)?);
        let forwarded = |name| HeaderName::from_static(name);
        let address = HeaderValue::from_str(&client.to_string()).ok();
        let uri = HeaderValue::from_str(&head.uri.to_string()).ok();
        headers.extend(host.map(|host| (forwarded("x-forwarded-host"), host)));
        headers.extend(uri.map(|uri| (forwarded("x-forwarded-uri"), uri)));
        if let Some(address) = address {
            headers.append(forwarded("x-forwarded-for"), address);
        }
        *request.headers_mut() = headers;
        Ok(request)
    }

    async fn exchange(&self, request: Request<Empty<Bytes>>) -> Result<HandlerAnswer, HandlerError> {
        let (host, port) = self.url.place();
        let tcp = TcpStream::connect((host, port))
            .await
            .map_err(HandlerError::Connect)?;
        if !self.url.is_secure() {
            return converse(tcp, request).await;
        }
        let tls = self
            .connector()?
            .connect(server_name(host)?, tcp)
            .await
            .map_err(HandlerError::Tls)?;
        converse(tls, request).await
    }

    fn connector(&self) -> Result<&TlsConnector, TlsError> {
        if let Some(connector) = self.tls.get() {
            return Ok(connector);
        }
        let alpn = vec![ALPN_HTTP_1_1.to_vec()];
        let config = client_config(&ClientTls {
            alpn,
            ..ClientTls::default()
        })?;
        Ok(self.tls.get_or_init(|| config.into()))
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request<Empty<Bytes>>,
) -> Result<HandlerAnswer, HandlerError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(HandlerError::Http)?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(HandlerError::Http)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(HandlerError::Body)?;
        Ok(HandlerAnswer {
            status: head.status,
            headers: end_to_end(&head.headers),
            body: body.to_bytes(),
        })
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        // If the connection ends first, the answer says what it has, or what is missing.
        _ = &mut connection => answer.await,
    }
}

impl HandlerUrl {
    fn is_secure(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    fn place(&self) -> (&str, u16) {
        let default = if self.is_secure() { 443 } else { 80 };
        let host = self.0.host().unwrap_or_default();
        (
            host.trim_start_matches('[').trim_end_matches(']'),
            self.0.port_u16().unwrap_or(default),
        )
    }

    /// What is asked for: the handler's own path or, without one, the client's; always with the client's query.
    fn path_for(&self, client: &Uri) -> Option<Uri> {
        let own = self.0.path();
        let path = if own.is_empty() || own == "/" {
            client.path()
        } else {
            own
        };
        match client.query() {
            Some(query) => format!("{path}?{query}").parse().ok(),
            None => path.parse().ok(),
        }
    }
}

impl<'de> Deserialize<'de> for HandlerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url: Option<Uri> = text.parse().ok();
        let usable = |url: &Uri| {
            matches!(url.scheme_str(), Some("http" | "https"))
                && url.host().is_some_and(|host| !host.is_empty())
                && url.query().is_none()
                && url
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
        };
        url.filter(usable).map(Self).ok_or_else(|| {
            let expected = "a handler's URL is http://host:port or https://host:port, perhaps with a path";
            serde::de::Error::custom(format_args!("`{text}`: {expected}"))
        })
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handler({})", self.url.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<HandlerUrl, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    fn request(handler: &str, uri: &str, headers: &[(&'static str, &'static str)]) -> Request<Empty<Bytes>> {
        let mut builder = Request::builder().uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (head, ()) = builder.body(()).unwrap().into_parts();
        let handler = Handler::new(url(handler).unwrap(), Duration::from_secs(1));
        handler.request(&head, [10, 0, 0, 1].into()).unwrap()
    }

    #[test]
    fn e1_the_handler_gets_the_clients_path_and_query() {
        for (handler, uri) in [
            ("http://h:1", "/rooms?user_id=42"),
            ("http://h:1/", "/rooms?user_id=42"),
            ("http://h:1/choose", "/choose?user_id=42"),
        ] {
            assert_eq!(request(handler, "/rooms?user_id=42", &[]).uri(), uri, "{handler}");
        }
    }

    #[test]
    fn e1_the_handler_gets_the_clients_headers_but_those_of_its_connection() {
        let request = request(
            "http://h:1",
            "/rooms",
            &[
                ("host", "ws.example.com"),
                ("connection", "Upgrade, X-Hop"),
                ("x-hop", "1"),
                ("upgrade", "websocket"),
                ("sec-websocket-key", "x"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-protocol", "chat"),
                ("cookie", "a=1"),
                ("authorization", "Bearer x"),
                ("x-ws-relay", r#"{"target_pid":"evil"}"#),
            ],
        );
        let mut names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let expected = [
            "authorization",
            "cookie",
            "host",
            "sec-websocket-protocol",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-uri",
        ];
        assert_eq!(names, expected);
        assert_eq!(request.headers()["host"], "h:1");
        assert_eq!(request.headers()["x-forwarded-host"], "ws.example.com");
        assert_eq!(request.headers()["x-forwarded-for"], "10.0.0.1");
    }

    #[test]
    fn a_handlers_url_is_checked() {
        for text in ["http://127.0.0.1:9100", "https://h/choose", "http://[::1]:9100"] {
            assert!(url(text).is_ok(), "{text}");
        }
        assert_eq!(url("http://[::1]:9100").unwrap().place(), ("::1", 9100));
        assert_eq!(url("https://h").unwrap().place(), ("h", 443));
        for text in [
            "",
            "h:1",
            "ws://h",
            "http://",
            "/choose",
            "http://u:p@h",
            "http://h/?x=1",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
