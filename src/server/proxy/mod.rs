//! The WebSocket proxy of seed C: a pool of upstreams, and connections that are passed on to them message by message.
//!
//! | file | purpose |
//! |---|---|
//! | `config` | [`ProxyConfig`]: upstreams, balance, headers, timeouts |
//! | `health_config` | [`HealthCheckConfig`]: what is asked of an upstream, and which answers are good |
//! | `pool` | `Pool`: the upstreams of a route, and whose turn it is |
//! | `balance` | the policies behind that |
//! | `upstream` | `Upstream`: whether it is up, how many connections it has |
//! | `request` | the client's request as the upstream gets it |
//! | `connect` | from an upstream's address to its answer |
//! | `check` | the health check |
//! | `link` | `Link`: the open connection to an upstream |

mod balance;
mod check;
mod config;
mod connect;
mod health_config;
mod link;
mod pool;
mod request;
mod upstream;

pub use config::{
    Balance, CookieName, HeaderText, PathRule, ProxyConfig, StickyCookie, UpstreamConfig, UpstreamTls,
    UpstreamUrl,
};
pub use health_config::{
    HeaderMatch, HeaderPattern, HealthCheckConfig, MatchConfig, ProbeConfig, ProbeHeaders, StatusRange,
};

pub(crate) use check::keep_checking;
pub(crate) use connect::{Answer, AskError, Patience, Switched, ask};
pub(crate) use link::{Farewell, Heard, Link, LinkError};
pub(crate) use pool::{Lease, Pool, Pools};
pub(crate) use request::{Question, headers_for, path_for};
pub(crate) use upstream::Upstream;
