//! [`Settings`]: what a running server can be told anew, and what becomes of it.
//!
//! A reload makes whole new settings and swaps them in: each worker gets them as an order and keeps them for itself, so
//! that no message meets a lock, and a session sees the new ones from its next turn on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::config::{ConfigError, ConnectionLimits, RoutePlan, ServerConfig, TlsConfig, plan_routes};
use super::error::ServerError;
use super::guard::RouteGuard;
use crate::net::tls::{ALPN_HTTP_1_1, Identity, server_config};

/// Everything that a reload can change.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// By route. Paths and modes stay as they were at the start.
    pub(crate) routes: Vec<RoutePlan>,
    /// By route: who may connect, and how often. One serves all workers.
    pub(crate) guards: Vec<Arc<RouteGuard>>,
    pub(crate) limits: ConnectionLimits,
    pub(crate) drain_time: Duration,
    pub(crate) tls: Option<Tls>,
    /// Who may use the administration.
    pub(crate) admin: Access,
}

/// The server's certificate, ready for use.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<rustls::ServerConfig>,
    /// What clients have to trust if it is self-signed.
    pub(crate) certificate_pem: String,
}

impl Settings {
    /// Those of a server that starts.
    ///
    /// # Errors
    /// A configuration that contradicts itself, or files that cannot be used.
    pub(crate) fn new(config: &ServerConfig) -> Result<Self, ServerError> {
        let routes = plan_routes(config)?;
        let guards = routes
            .iter()
            .map(|route| guard(route, None))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            routes,
            guards,
            limits: config.limits.clone(),
            drain_time: config.drain_time.0,
            tls: config.tls.as_ref().map(Tls::new).transpose()?,
            admin: Access::new(config.admin.token.as_ref())?,
        })
    }

    /// Those of a server that was started with `started` and is now to follow `wanted`; and the settings in which it
    /// cannot before a restart.
    ///
    /// # Errors
    /// As [`Settings::new`]; then nothing changes.
    pub(crate) fn renewed(
        &self,
        started: &ServerConfig,
        wanted: &ServerConfig,
    ) -> Result<(Self, Vec<String>), ServerError> {
        let mut renewed = Self::new(wanted)?;
        let mut fixed = fixed_differences(started, wanted);
        if started.tls == wanted.tls && matches!(wanted.tls, Some(TlsConfig::SelfSigned(_))) {
            // Clients may trust the certificate that was made at the start.
            renewed.tls.clone_from(&self.tls);
        }
        if renewed.tls.is_some() != self.tls.is_some() {
            renewed.tls.clone_from(&self.tls);
            fixed.push("tls (on or off)".to_owned());
        }
        renewed.routes = self.renewed_routes(&renewed.routes, &mut fixed);
        let guards = renewed.routes.iter().zip(&self.guards);
        let guards = guards.map(|(route, old)| guard(route, Some(old)));
        renewed.guards = guards.collect::<Result<_, _>>()?;
        Ok((renewed, fixed))
    }

    fn renewed_routes(&self, wanted: &[RoutePlan], fixed: &mut Vec<String>) -> Vec<RoutePlan> {
        let paths: BTreeSet<_> = self.routes.iter().map(|route| &route.path).collect();
        for route in wanted.iter().filter(|route| !paths.contains(&route.path)) {
            fixed.push(format!("routes.{} (new)", route.path));
        }
        let renewed = self
            .routes
            .iter()
            .map(|old| match wanted.iter().find(|new| new.path == old.path) {
                Some(new) if new.mode == old.mode => new.clone(),
                Some(_) => {
                    fixed.push(format!("routes.{}.mode", old.path));
                    old.clone()
                }
                None => {
                    fixed.push(format!("routes.{} (removed)", old.path));
                    old.clone()
                }
            });
        renewed.collect()
    }
}

/// The guard of a route. It goes on counting the connections that it counted before.
fn guard(route: &RoutePlan, before: Option<&RouteGuard>) -> Result<Arc<RouteGuard>, ConfigError> {
    let made = RouteGuard::new(&route.guard);
    let made = made.map_err(|source| ConfigError::Auth {
        route: route.path.clone(),
        source,
    })?;
    Ok(Arc::new(match before {
        Some(before) => made.counting_on(before),
        None => made,
    }))
}

impl Tls {
    fn new(config: &TlsConfig) -> Result<Self, ServerError> {
        let identity = match config {
            TlsConfig::Files { certificate, key } => Identity::from_files(certificate, key)?,
            TlsConfig::SelfSigned(names) => Identity::self_signed(names)?,
        };
        Ok(Self {
            certificate_pem: identity.certificate_pem(),
            config: server_config(identity, &[ALPN_HTTP_1_1])?,
        })
    }
}

/// The settings that only a restart can change, as far as they differ. Each field of the configuration is named here,
/// so that a new one has to be decided about.
fn fixed_differences(started: &ServerConfig, wanted: &ServerConfig) -> Vec<String> {
    let ServerConfig {
        listen,
        health_listen,
        admin,
        workers,
        instance,
        journal,
        relay,
        tls: _,
        compression: _,
        limits: _,
        drain_time: _,
        defaults: _,
        routes: _,
    } = wanted;
    let differences = [
        ("listen", *listen != started.listen),
        ("health_listen", *health_listen != started.health_listen),
        ("admin.listen", admin.listen != started.admin.listen),
        ("workers", *workers != started.workers),
        ("instance", *instance != started.instance),
        ("journal", *journal != started.journal),
        ("relay", *relay != started.relay),
    ];
    let differing = differences.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(yaml: &str) -> ServerConfig {
        ServerConfig::from_yaml(yaml, "test").unwrap()
    }

    #[test]
    fn limits_are_renewed_and_the_rest_is_named() {
        let started = config("routes: {/a: {mode: echo}, /b: {mode: echo}, /c: {mode: echo}}");
        let settings = Settings::new(&started).unwrap();
        let wanted = config(
            "
            listen: ['127.0.0.1:1']
            instance: other
            limits: {max_connections: 7}
            routes: {/a: {mode: echo, idle_timeout: 2s}, /b: {mode: iot, idle_timeout: 2s}, /d: {mode: echo}}
            ",
        );
        let (renewed, fixed) = settings.renewed(&started, &wanted).unwrap();
        assert_eq!(
            fixed,
            [
                "listen",
                "instance",
                "routes./d (new)",
                "routes./b.mode",
                "routes./c (removed)"
            ]
        );
        let idle = |path| {
            let route = renewed.routes.iter().find(|route| route.path == path).unwrap();
            route.limits.idle_timeout.unwrap().as_secs()
        };
        assert_eq!((idle("/a"), idle("/b"), idle("/c")), (2, 300, 300));
        assert_eq!(renewed.limits.max_connections.0, 7);
        assert_eq!(renewed.routes.len(), settings.routes.len());
    }

    #[test]
    fn a_self_signed_certificate_survives_and_tls_cannot_be_switched() {
        let started = config("tls: {self_signed: []}");
        let settings = Settings::new(&started).unwrap();
        let pem = |settings: &Settings| settings.tls.as_ref().map(|tls| tls.certificate_pem.clone());
        let (renewed, fixed) = settings.renewed(&started, &started).unwrap();
        assert_eq!((pem(&renewed), fixed.len()), (pem(&settings), 0));
        let (renewed, fixed) = settings.renewed(&started, &config("")).unwrap();
        assert_eq!(
            (pem(&renewed), fixed),
            (pem(&settings), vec!["tls (on or off)".to_owned()])
        );
    }
}
