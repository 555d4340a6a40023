//! [`Pool`]: the upstreams of a route, and whose turn it is.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use tokio_rustls::TlsConnector;

use super::balance::{Turns, by_address, least_loaded};
use super::config::{Balance, ProxyConfig, UpstreamTls};
use super::upstream::{Thresholds, Upstream};
use crate::clock::Moment;
use crate::net::tls::{ALPN_HTTP_1_1, ClientTls, TlsError, client_config};

/// The upstreams of a route. All workers share it.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The route's path.
    pub(crate) route: String,
    pub(crate) config: ProxyConfig,
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    turns: Mutex<Turns>,
    thresholds: Thresholds,
    tls: Tls,
}

/// The pools of all routes that have one.
#[derive(Debug, Default)]
pub(crate) struct Pools(BTreeMap<String, Arc<Pool>>);

/// TLS with upstreams. The system's authorities are read when the first connection needs them.
#[derive(Default)]
struct Tls(OnceLock<TlsConnector>);

/// An upstream that was chosen. While this lives, it counts as one of its connections.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) index: usize,
    thresholds: Thresholds,
}

impl Pools {
    pub(crate) fn new<'a>(routes: impl Iterator<Item = (&'a str, &'a ProxyConfig)>) -> Self {
        let pools =
            routes.map(|(route, config)| (route.to_owned(), Arc::new(Pool::new(route, config.clone()))));
        Self(pools.collect())
    }

    /// The pool of the route with this path; one without upstreams, if the route is no proxy.
    pub(crate) fn of(&self, route: &str) -> Arc<Pool> {
        self.0
            .get(route)
            .cloned()
            .unwrap_or_else(|| Arc::new(Pool::new(route, ProxyConfig::default())))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.0.values()
    }
}

impl Pool {
    pub(crate) fn new(route: &str, config: ProxyConfig) -> Self {
        let upstreams: Vec<_> = config
            .upstreams
            .iter()
            .map(|upstream| Arc::new(Upstream::new(upstream)))
            .collect();
        let thresholds = match &config.health_check {
            Some(check) => Thresholds {
                fails: check.fails.get(),
                pass: check.pass.get(),
                pause: None,
            },
            None => Thresholds {
                fails: config.max_fails.get(),
                pass: 1,
                pause: Some(config.fail_timeout.0),
            },
        };
        Self {
            route: route.to_owned(),
            turns: Mutex::new(Turns::new(upstreams.len())),
            upstreams,
            thresholds,
            tls: Tls::default(),
            config,
        }
    }

    /// Whose turn it is for this client, but for those that were tried in vain.
    ///
    /// If none is up and no health check says when one is again, all of them may be tried: better than to refuse.
    pub(crate) fn choose(
        &self,
        client: IpAddr,
        headers: &HeaderMap,
        tried: &[usize],
        now: Moment,
    ) -> Option<Lease> {
        let untried = |index: &usize| !tried.contains(index);
        let all = || (0..self.upstreams.len()).filter(untried);
        let mut open: Vec<usize> = all().filter(|&index| self.upstreams[index].is_up(now)).collect();
        if open.is_empty() && self.config.health_check.is_none() {
            open = all().collect();
        }
        let index = self
            .named_by_cookie(headers, &open)
            .or_else(|| self.balance(client, &open))?;
        let upstream = self.upstreams.get(index)?.clone();
        upstream.connections.fetch_add(1, Relaxed);
        Some(Lease {
            upstream,
            index,
            thresholds: self.thresholds,
        })
    }

    fn balance(&self, client: IpAddr, open: &[usize]) -> Option<usize> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let mut candidates: Vec<_> = open
            .iter()
            .map(|&index| self.upstreams[index].candidate(index))
            .collect();
        match self.config.balance {
            Balance::RoundRobin => {
                candidates.iter_mut().for_each(|candidate| candidate.weight = 1);
                turns.next(&candidates)
            }
            Balance::Weighted => turns.next(&candidates),
            Balance::LeastConn => turns.next(&least_loaded(&candidates)),
            Balance::IpHash => by_address(&candidates, client),
        }
    }

    fn named_by_cookie(&self, headers: &HeaderMap, open: &[usize]) -> Option<usize> {
        let name = self.config.sticky_cookie.as_ref()?.name.as_str();
        let value = cookie(headers, name)?;
        open.iter()
            .copied()
            .find(|&index| self.upstreams[index].cookie().to_string() == value)
    }

    /// The cookie that leads a client back to this upstream, unless it has it.
    pub(crate) fn cookie_for(
        &self,
        upstream: &Upstream,
        headers: &HeaderMap,
        secure: bool,
    ) -> Option<HeaderValue> {
        let name = self.config.sticky_cookie.as_ref()?.name.as_str();
        let value = upstream.cookie().to_string();
        if cookie(headers, name) == Some(&value) {
            return None;
        }
        let secure = if secure { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")).ok()
    }

    /// A health check's result.
    pub(super) fn checked(&self, upstream: &Upstream, outcome: &Result<(), String>, now: Moment) {
        match outcome {
            Ok(()) => upstream.learn(Ok(()), self.thresholds, now),
            Err(reason) => {
                upstream.checks_failed.fetch_add(1, Relaxed);
                upstream.learn(Err(reason), self.thresholds, now);
            }
        }
    }

    /// What it takes to speak TLS with an upstream.
    pub(crate) fn tls(&self) -> Result<&TlsConnector, TlsError> {
        self.tls.get(&self.config.tls)
    }
}

impl Tls {
    fn get(&self, config: &UpstreamTls) -> Result<&TlsConnector, TlsError> {
        if let Some(connector) = self.0.get() {
            return Ok(connector);
        }
        let config = client_config(&ClientTls {
            insecure: config.insecure,
            ca_file: config.ca_file.clone(),
            alpn: vec![ALPN_HTTP_1_1.to_vec()],
            client_certificate: None,
        })?;
        Ok(self.0.get_or_init(|| config.into()))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Lease {
    /// The upstream answered; it accepted the connection or refused it.
    pub(crate) fn answered(&self, accepted: bool, now: Moment) {
        let counter = if accepted {
            &self.upstream.accepted
        } else {
            &self.upstream.refused
        };
        counter.fetch_add(1, Relaxed);
        // What a health check took out only a health check brings back.
        if self.thresholds.pause.is_some() || self.upstream.is_up(now) {
            self.upstream.learn(Ok(()), self.thresholds, now);
        }
    }

    /// The upstream did not answer.
    pub(crate) fn failed(&self, reason: &dyn fmt::Display, now: Moment) {
        self.upstream.failures.fetch_add(1, Relaxed);
        self.upstream.learn(Err(reason), self.thresholds, now);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.upstream.connections.fetch_sub(1, Relaxed);
    }
}

/// The value of a cookie in a request.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const NOW: Moment = Moment::ZERO;

    fn pool(settings: &str) -> Pool {
        let upstreams = "upstreams: [{url: 'ws://a', weight: 2}, {url: 'ws://b'}, {url: 'ws://c'}]";
        Pool::new(
            "/ws",
            serde_saphyr::from_str(&format!("{upstreams}\n{settings}")).unwrap(),
        )
    }

    fn next(pool: &Pool, tried: &[usize]) -> Option<Lease> {
        pool.choose(CLIENT, &HeaderMap::new(), tried, NOW)
    }

    fn order(pool: &Pool, count: usize) -> Vec<usize> {
        (0..count).map(|_| next(pool, &[]).unwrap().index).collect()
    }

    #[test]
    fn a47_the_balance_is_that_of_the_configuration() {
        assert_eq!(order(&pool(""), 6), [0, 1, 2, 0, 1, 2]);
        assert_eq!(order(&pool("balance: weighted"), 4), [0, 1, 2, 0]);
        let same = order(&pool("balance: ip_hash"), 3);
        assert_eq!(same, [same[0]; 3]);
        assert_eq!(order(&pool("balance: least_conn"), 4).len(), 4);
    }

    #[test]
    fn a24_connections_count_while_they_are_leased() {
        let pool = pool("balance: least_conn");
        let leases: Vec<_> = (0..4).filter_map(|_| next(&pool, &[])).collect();
        let count = |index: usize| leases.iter().filter(|lease| lease.index == index).count();
        assert_eq!([count(0), count(1), count(2)], [2, 1, 1], "by weight");
        drop(leases);
        assert!(pool.upstreams.iter().all(|upstream| upstream.connections() == 0));
    }

    #[test]
    fn c9_one_that_is_down_gets_nothing_while_another_is_up() {
        let pool = pool("");
        next(&pool, &[]).unwrap().failed(&"refused", NOW);
        assert_eq!(order(&pool, 4), [1, 2, 1, 2]);
        assert_eq!(next(&pool, &[1]).unwrap().index, 2, "tried ones are left out");
        next(&pool, &[2]).unwrap().failed(&"refused", NOW);
        next(&pool, &[]).unwrap().failed(&"refused", NOW);
        assert!(next(&pool, &[]).is_some(), "none is up, so any may be tried");
        assert!(next(&pool, &[0, 1, 2]).is_none());
    }

    #[test]
    fn c9_what_a_health_check_took_out_stays_out() {
        let pool = pool("health_check: {}");
        for upstream in &pool.upstreams {
            pool.checked(upstream, &Err("sick".to_owned()), NOW);
        }
        assert!(next(&pool, &[]).is_none());
        pool.checked(&pool.upstreams[1], &Ok(()), NOW);
        assert_eq!(order(&pool, 2), [1, 1]);
    }

    #[test]
    fn a29_a_cookie_leads_back_unless_the_upstream_is_down() {
        let pool = pool("sticky_cookie: {}");
        let none = HeaderMap::new();
        let cookie = pool.cookie_for(&pool.upstreams[2], &none, true).unwrap();
        let cookie = cookie.to_str().unwrap();
        assert!(
            cookie.starts_with("WS_SESSION=") && cookie.ends_with("; Secure"),
            "{cookie}"
        );
        let headers = HeaderMap::from_iter([(
            COOKIE,
            HeaderValue::from_str(&format!("a=b; {}", cookie.split(';').next().unwrap())).unwrap(),
        )]);
        let choose = || pool.choose(CLIENT, &headers, &[], NOW).unwrap();
        assert_eq!([choose().index, choose().index], [2, 2]);
        assert_eq!(
            pool.cookie_for(&pool.upstreams[2], &headers, true),
            None,
            "it has it"
        );
        choose().failed(&"refused", NOW);
        assert_ne!(choose().index, 2);
        assert!(
            pool.cookie_for(&pool.upstreams[0], &headers, false).is_some(),
            "it moved"
        );
    }
}
