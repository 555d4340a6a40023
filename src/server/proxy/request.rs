//! [`Question`]: the client's request as the upstream gets it (seeds C3 to C5).

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, request};
use http_body_util::Empty;

use super::config::{PathRule, ProxyConfig};
use crate::net::Target;
use crate::server::http::end_to_end;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What an upstream is asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) request: Request<Empty<Bytes>>,
    /// The key of the upgrade, if that is what it asks for.
    pub(crate) key: Option<String>,
}

impl Question {
    /// Asks for an upgrade.
    ///
    /// `None` if target and path cannot be a request's.
    pub(crate) fn upgrade(target: &Target, path: &str, headers: HeaderMap) -> Option<Self> {
        let key = STANDARD.encode(rand::random::<[u8; 16]>());
        let mut question = Self::get(target, path, headers)?;
        let headers = question.request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&key).ok()?);
        question.key = Some(key);
        Some(question)
    }

    /// Asks for a page.
    ///
    /// `None` if target and path cannot be a request's.
    pub(crate) fn get(target: &Target, path: &str, headers: HeaderMap) -> Option<Self> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = path
            .parse::<Uri>()
            .ok()
            .filter(|uri| uri.path().starts_with('/'))?;
        *request.headers_mut() = headers;
        let headers = request.headers_mut();
        if !headers.contains_key(HOST) {
            headers.insert(HOST, HeaderValue::from_str(&target.authority()).ok()?);
        }
        if let (Some(authorization), false) = (&target.authorization, headers.contains_key(AUTHORIZATION)) {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).ok()?);
        }
        Some(Self { request, key: None })
    }
}

/// The client's headers for the upstream: all but those of its connection and handshake, and what is added.
pub(crate) fn headers_for(
    config: &ProxyConfig,
    head: &request::Parts,
    client: IpAddr,
    secure: bool,
) -> HeaderMap {
    let mut headers = end_to_end(&head.headers);
    if let Some(host) = headers.get(HOST).cloned() {
        headers.insert(FORWARDED_HOST, host);
    }
    if !config.preserve_host {
        headers.remove(HOST);
    }
    let proto = if secure { "https" } else { "http" };
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
    let earlier = headers
        .get_all(FORWARDED_FOR)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = earlier.collect();
    let client = client.to_canonical().to_string();
    let chain = [chain.as_slice(), &[&client]].concat().join(", ");
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    if let (Some(origin), false) = (&config.default_origin, headers.contains_key(ORIGIN)) {
        headers.insert(ORIGIN, origin.value().clone());
    }
    headers
}

/// Path and query for the upstream.
pub(crate) fn path_for(rule: PathRule, route: &str, target: &Target, client: &Uri) -> String {
    let beyond = match rule {
        PathRule::Keep => client.path(),
        PathRule::Replace => {
            let prefix = route.strip_suffix("/*").unwrap_or(route);
            client.path().strip_prefix(prefix).unwrap_or_default()
        }
    };
    let path = if beyond.is_empty() {
        target.path.clone()
    } else {
        format!("{}{beyond}", target.path.trim_end_matches('/'))
    };
    match client.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(config: &str, secure: bool, client: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut builder = Request::builder().uri("/ws?x=1");
        for (name, value) in client {
            builder = builder.header(*name, *value);
        }
        let (head, ()) = builder.body(()).unwrap().into_parts();
        let config: ProxyConfig = serde_saphyr::from_str(config).unwrap();
        headers_for(&config, &head, [10, 0, 0, 1].into(), secure)
    }

    #[test]
    fn c4_all_headers_are_copied_but_those_of_the_connection_and_the_handshake() {
        let client = [
            ("host", "ws.example.com"),
            ("upgrade", "websocket"),
            ("connection", "Upgrade, X-Hop"),
            ("x-hop", "1"),
            ("sec-websocket-key", "x"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-extensions", "permessage-deflate"),
            ("sec-websocket-protocol", "chat, v2"),
            ("cookie", "a=1"),
            ("authorization", "Bearer x"),
            ("x-own", "one"),
            ("x-own", "two"),
        ];
        let headers = headers("{}", false, &client);
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let expected = [
            "authorization",
            "cookie",
            "sec-websocket-protocol",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-own",
        ];
        assert_eq!(names, expected);
        assert_eq!(headers.get_all("x-own").iter().count(), 2);
    }

    #[test]
    fn c3_the_client_is_added_to_those_before_it() {
        let first = headers("{}", false, &[("host", "ws.example.com:8080")]);
        assert_eq!(first["x-forwarded-for"], "10.0.0.1");
        assert_eq!(first["x-forwarded-host"], "ws.example.com:8080");
        assert_eq!(first["x-forwarded-proto"], "http");
        let chain = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("x-forwarded-proto", "ftp"),
        ];
        let second = headers("preserve_host: true", true, &chain);
        assert_eq!(second["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 10.0.0.1");
        assert_eq!(second["x-forwarded-proto"], "https");
    }

    #[test]
    fn c5_the_default_origin_is_for_requests_without_one() {
        let config = "defaultOrigin: http://127.0.0.1/hello";
        assert_eq!(headers(config, false, &[])["origin"], "http://127.0.0.1/hello");
        assert_eq!(
            headers(config, false, &[("origin", "https://a")])["origin"],
            "https://a"
        );
        assert!(!headers("{}", false, &[]).contains_key(ORIGIN));
    }

    #[test]
    fn the_upstream_is_called_by_its_name_unless_told_otherwise() {
        let target = Target::parse("ws://user:pw@backend:9095/x").unwrap();
        for (config, host) in [("{}", "backend:9095"), ("preserve_host: true", "ws.example.com")] {
            let headers = headers(config, false, &[("host", "ws.example.com")]);
            let question = Question::upgrade(&target, "/x?y=1", headers).unwrap();
            assert_eq!(question.request.headers()[HOST], host);
            assert_eq!(question.request.headers()[AUTHORIZATION], "Basic dXNlcjpwdw==");
            assert_eq!(
                question.request.headers()[SEC_WEBSOCKET_KEY],
                question.key.unwrap().as_str()
            );
        }
        assert!(Question::get(&target, "no path", HeaderMap::new()).is_none());
    }

    #[test]
    fn c2_paths_are_replaced_or_kept_and_queries_passed() {
        for (rule, route, upstream, client, expected) in [
            (
                PathRule::Replace,
                "/proxy",
                "ws://h/echo",
                "/proxy?a=1&b",
                "/echo?a=1&b",
            ),
            (PathRule::Replace, "/proxy", "ws://h", "/proxy", "/"),
            (
                PathRule::Replace,
                "/proxy/*",
                "ws://h",
                "/proxy/echo?a",
                "/echo?a",
            ),
            (
                PathRule::Replace,
                "/proxy/*",
                "ws://h/base/",
                "/proxy/echo/x",
                "/base/echo/x",
            ),
            (PathRule::Replace, "/proxy/*", "ws://h/base", "/proxy", "/base"),
            (PathRule::Replace, "/*", "ws://h", "/echo", "/echo"),
            (PathRule::Keep, "/ws", "ws://h", "/ws?a", "/ws?a"),
            (PathRule::Keep, "/ws", "ws://h/base", "/ws", "/base/ws"),
        ] {
            let target = Target::parse(upstream).unwrap();
            let path = path_for(rule, route, &target, &client.parse().unwrap());
            assert_eq!(path, expected, "{route} {upstream} {client}");
        }
    }
}
