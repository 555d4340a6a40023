//! [`HealthCheckConfig`]: what an upstream is asked to learn whether it is well (seeds C6 to C8).

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use regex::Regex;
use serde::{Deserialize, Deserializer, de};

use crate::units::Span;

/// How upstreams are checked. With both kinds, an upstream has to pass both; with neither, it is asked for a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthCheckConfig {
    /// From the begin of one check to that of the next (60 s).
    pub interval: Span,
    /// For the answer of either kind (3 s).
    pub timeout: Span,
    /// Failures in a row that take an upstream out (1).
    pub fails: NonZeroU32,
    /// Successes in a row that bring it back (1).
    pub pass: NonZeroU32,
    /// An upgrade is asked for; by default 101 is success.
    pub ws: Option<ProbeConfig>,
    /// A GET; by default 200 to 399 are success.
    pub http: Option<ProbeConfig>,
}

impl Default for HealthCheckConfig {
    fn default() -> Self {
        Self {
            interval: Span::from_secs(60),
            timeout: Span::from_secs(3),
            fails: NonZeroU32::MIN,
            pass: NonZeroU32::MIN,
            ws: None,
            http: None,
        }
    }
}

/// What is asked, and which answers are good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// Another port than the upstream's own.
    pub port: Option<u16>,
    /// Another path than that of the upstream's URL; a query may follow.
    pub uri: Option<String>,
    /// Headers of the request.
    pub headers: ProbeHeaders,
    /// Which answers are good.
    pub r#match: MatchConfig,
}

/// Which answers are good: those with one of the status codes and all of the headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchConfig {
    /// Empty: what is usual for the kind of check.
    #[serde(alias = "statusCodes")]
    pub status_codes: Vec<StatusRange>,
    /// Every one of them has to match.
    pub headers: Vec<HeaderMatch>,
}

/// Status codes `[first, last]`, both of those that there are (RFC 9110 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "(u16, u16)")]
pub struct StatusRange(pub u16, pub u16);

/// Headers of a check's request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeHeaders(pub HeaderMap);

/// A header that an answer must have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenMatch")]
pub struct HeaderMatch {
    name: HeaderName,
    value: HeaderPattern,
}

/// What a header's value must be.
#[derive(Clone, Debug)]
pub enum HeaderPattern {
    /// Anything.
    Any,
    /// This text.
    Exact(String),
    /// Something that this expression is found in.
    Matches(Regex),
}

impl MatchConfig {
    /// Whether an answer is good; if no status codes are configured, `usual` ones are.
    pub(super) fn accepts(&self, status: StatusCode, headers: &HeaderMap, usual: StatusRange) -> bool {
        let among = |range: &StatusRange| (range.0..=range.1).contains(&status.as_u16());
        let status_is_good = if self.status_codes.is_empty() {
            among(&usual)
        } else {
            self.status_codes.iter().any(among)
        };
        status_is_good && self.headers.iter().all(|wanted| wanted.is_among(headers))
    }
}

impl TryFrom<(u16, u16)> for StatusRange {
    type Error = String;

    fn try_from((first, last): (u16, u16)) -> Result<Self, String> {
        if 100 <= first && first <= last && last <= 599 {
            Ok(Self(first, last))
        } else {
            Err(format!(
                "`[{first}, {last}]` is no range of status codes: the first is at most the last, and both are from 100 to 599"
            ))
        }
    }
}

impl HeaderMatch {
    fn is_among(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&self.name).into_iter();
        values.any(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            match &self.value {
                HeaderPattern::Any => true,
                HeaderPattern::Exact(wanted) => *wanted == text,
                HeaderPattern::Matches(regex) => regex.is_match(&text),
            }
        })
    }
}

impl PartialEq for HeaderPattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any) => true,
            (Self::Exact(left), Self::Exact(right)) => left == right,
            (Self::Matches(left), Self::Matches(right)) => left.as_str() == right.as_str(),
            _ => false,
        }
    }
}

impl Eq for HeaderPattern {}

/// A [`HeaderMatch`] as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMatch {
    name: String,
    /// None: any value will do.
    value: Option<String>,
    #[serde(default)]
    r#type: MatchType,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MatchType {
    #[default]
    Exact,
    Regexp,
}

impl TryFrom<WrittenMatch> for HeaderMatch {
    type Error = String;

    fn try_from(written: WrittenMatch) -> Result<Self, String> {
        let name = header_name(&written.name)?;
        let value = match (written.value, written.r#type) {
            (None, _) => HeaderPattern::Any,
            (Some(text), MatchType::Exact) => HeaderPattern::Exact(text),
            (Some(text), MatchType::Regexp) => {
                let regex = Regex::new(&text)
                    .map_err(|error| format!("`{text}` is no regular expression: {error}"))?;
                HeaderPattern::Matches(regex)
            }
        };
        Ok(Self { name, value })
    }
}

fn header_name(text: &str) -> Result<HeaderName, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not the name of a header"))
}

impl<'de> Deserialize<'de> for ProbeHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<String, String>::deserialize(deserializer)?;
        let headers = written.into_iter().map(|(name, text)| {
            let value = HeaderValue::from_str(&text)
                .map_err(|_| de::Error::custom(format_args!("`{text}` cannot be the value of a header")))?;
            Ok((header_name(&name).map_err(de::Error::custom)?, value))
        });
        headers.collect::<Result<_, D::Error>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<HealthCheckConfig, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    const SEED: &str = "
interval: 60s
timeout: 3s
fails: 1
pass: 1
ws:
  port: 10080
  uri: /health/ws
  headers:
    X-Health-Check: easegress
  match:
    statusCodes:
    - [101, 101]
    headers:
    - name: X-Status
      value: healthy
      type: exact
http:
  uri: /health
";

    #[test]
    fn c6_the_seeds_settings_are_the_defaults() {
        let seed = read(SEED).unwrap();
        let defaults = HealthCheckConfig::default();
        assert_eq!(
            (seed.interval, seed.timeout, seed.fails, seed.pass),
            (defaults.interval, defaults.timeout, defaults.fails, defaults.pass)
        );
        let ws = seed.ws.unwrap();
        assert_eq!((ws.port, ws.uri.as_deref()), (Some(10080), Some("/health/ws")));
        assert_eq!(ws.headers.0["x-health-check"], "easegress");
        assert_eq!(ws.r#match.status_codes, [StatusRange(101, 101)]);
        assert_eq!(seed.http.unwrap().uri.as_deref(), Some("/health"));
    }

    #[test]
    fn c7_answers_match_by_status_ranges_and_by_headers() {
        let rules = "ws: {match: {status_codes: [[101, 101], [200, 299]], headers: [{name: X-Status, value: healthy}, \
                     {name: X-Load, value: '^[0-9]{1,2}%$', type: regexp}, {name: X-Any}]}}";
        let rules = read(rules).unwrap().ws.unwrap().r#match;
        let usual = StatusRange(101, 101);
        let judge = |status: u16, headers: &[(&'static str, &'static str)]| {
            let pairs = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            rules.accepts(StatusCode::from_u16(status).unwrap(), &pairs.collect(), usual)
        };
        let good = [("x-status", "healthy"), ("x-load", "42%"), ("x-any", "")];
        assert!(judge(101, &good) && judge(200, &good) && judge(299, &good));
        assert!(!judge(300, &good) && !judge(100, &good));
        assert!(!judge(101, &good[..2]), "a header is missing");
        assert!(!judge(101, &[("x-status", "sick"), good[1], good[2]]));
        assert!(!judge(101, &[good[0], ("x-load", "142%"), good[2]]));
    }

    #[test]
    fn c7_without_status_codes_the_usual_ones_are_good() {
        let rules = MatchConfig::default();
        let none = HeaderMap::new();
        assert!(rules.accepts(StatusCode::SWITCHING_PROTOCOLS, &none, StatusRange(101, 101)));
        assert!(!rules.accepts(StatusCode::OK, &none, StatusRange(101, 101)));
    }

    #[test]
    fn mistakes_are_told() {
        for (yaml, problem) in [
            ("fails: 0", "zero"),
            (
                "ws: {match: {headers: [{name: 'a b'}]}}",
                "is not the name of a header",
            ),
            (
                "ws: {match: {headers: [{name: a, value: '(', type: regexp}]}}",
                "is no regular expression",
            ),
            (
                "http: {headers: {a: \"x\\ny\"}}",
                "cannot be the value of a header",
            ),
            (
                "ws: {match: {status_codes: [[400, 200]]}}",
                "`[400, 200]` is no range of status codes: the first is at most the last, and both are from 100 to 599",
            ),
            (
                "ws: {match: {status_codes: [[99, 200]]}}",
                "`[99, 200]` is no range",
            ),
            (
                "ws: {match: {status_codes: [[200, 600]]}}",
                "`[200, 600]` is no range",
            ),
        ] {
            let error = read(yaml).unwrap_err();
            assert!(error.contains(problem), "{yaml}: {error}");
        }
    }
}
