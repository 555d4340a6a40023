//! [`Settings`]: what a running server can be told anew, and what becomes of it.
//!
//! A reload makes whole new settings and swaps them in: each worker gets them as an order and keeps them for itself, so
//! that no message meets a lock, and a session sees the new ones from its next turn on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::auth::Authenticator;
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

/// Who said what is wrong there.
const COMMON_AUTH: &str = "access to all routes (`defaults.auth`, or its flags)";

impl Settings {
    /// Those of a server that starts.
    ///
    /// # Errors
    /// A configuration that contradicts itself, or files that cannot be used.
    pub(crate) fn new(config: &ServerConfig) -> Result<Self, ServerError> {
        let routes = plan_routes(config)?;
        let guards = guards(&routes)?.into_iter().map(Arc::new).collect();
        Self::with_routes(config, routes, guards)
    }

    fn with_routes(
        config: &ServerConfig,
        routes: Vec<RoutePlan>,
        guards: Vec<Arc<RouteGuard>>,
    ) -> Result<Self, ServerError> {
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
        let mut fixed = fixed_differences(started, wanted);
        let (routes, guards) = self.renewed_routes(wanted, &mut fixed)?;
        let mut renewed = Self::with_routes(wanted, routes, guards)?;
        if started.tls == wanted.tls && matches!(wanted.tls, Some(TlsConfig::SelfSigned(_))) {
            // Clients may trust the certificate that was made at the start.
            renewed.tls.clone_from(&self.tls);
        }
        if renewed.tls.is_some() != self.tls.is_some() {
            renewed.tls.clone_from(&self.tls);
            fixed.push("tls (on or off)".to_owned());
        }
        Ok((renewed, fixed))
    }

    /// The routes that there are, with their guards, as `wanted` has them. Those that wait for a restart stay what they
    /// are. The secrets of a new one are read all the same: the restart must not fail for them.
    fn renewed_routes(
        &self,
        wanted: &ServerConfig,
        fixed: &mut Vec<String>,
    ) -> Result<(Vec<RoutePlan>, Vec<Arc<RouteGuard>>), ConfigError> {
        let wanted = plan_routes(wanted)?;
        let guards = guards(&wanted)?;
        let paths: BTreeSet<_> = self.routes.iter().map(|route| &route.path).collect();
        for route in wanted.iter().filter(|route| !paths.contains(&route.path)) {
            fixed.push(format!("routes.{} (new)", route.path));
        }
        let mut wanted: BTreeMap<_, _> = wanted
            .into_iter()
            .zip(guards)
            .map(|(route, guard)| (route.path.clone(), (route, guard)))
            .collect();
        let present = self.routes.iter().zip(&self.guards);
        let renewed = present.map(|(old, old_guard)| match wanted.remove(&old.path) {
            Some((new, guard)) if new.mode == old.mode => (new, Arc::new(guard.counting_on(old_guard))),
            other => {
                let what = if other.is_some() { ".mode" } else { " (removed)" };
                fixed.push(format!("routes.{}{what}", old.path));
                (old.clone(), Arc::clone(old_guard))
            }
        });
        Ok(renewed.unzip())
    }
}

/// The guards of the routes. The secrets that many have in common are read once: their file may be a pipe.
fn guards(routes: &[RoutePlan]) -> Result<Vec<RouteGuard>, ConfigError> {
    let mut common = None;
    let mut guard = |route: &RoutePlan| {
        let Some(auth) = &route.guard.auth else {
            return Ok(RouteGuard::with(&route.guard, None));
        };
        let read = |place: &str| match Authenticator::new(auth) {
            Ok(authenticator) => Ok(Arc::new(authenticator)),
            Err(source) => Err(ConfigError::Auth {
                route: place.to_owned(),
                source,
            }),
        };
        let authenticator = match &common {
            _ if !route.auth_is_common => read(&route.path)?,
            Some(common) => Arc::clone(common),
            None => Arc::clone(common.insert(read(COMMON_AUTH)?)),
        };
        Ok(RouteGuard::with(&route.guard, Some(authenticator)))
    };
    routes.iter().map(&mut guard).collect()
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
        backplane,
        faults,
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
        ("backplane", *backplane != started.backplane),
        ("faults", *faults != started.faults),
    ];
    let differing = differences.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{PipeReader, Write};
    use std::os::fd::AsRawFd;

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

    /// A secret that can be read once, and `auth` that reads it.
    fn secret() -> (PipeReader, String) {
        let (pipe, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"secret").unwrap();
        let path = format!("/dev/fd/{}", pipe.as_raw_fd());
        (pipe, format!("{{token: {{tokens: [{{file: {path}}}]}}}}"))
    }

    #[test]
    fn a_reload_reads_each_secret_once() {
        let started = config("routes: {/a: {mode: echo}}");
        let settings = Settings::new(&started).unwrap();
        let [(_common, common), (_of_route, of_route), (_of_new, of_new)] = [secret(), secret(), secret()];
        let wanted = config(&format!(
            "{{defaults: {{auth: {common}}}, routes: {{/a: {{mode: echo, auth: {of_route}}}, /b: {{mode: echo, auth: {of_new}}}}}}}"
        ));
        settings.renewed(&started, &wanted).unwrap();
    }

    #[test]
    fn a_route_that_waits_for_a_restart_keeps_its_guard() {
        let [(_mode, mode), (_removed, removed)] = [secret(), secret()];
        let started = config(&format!(
            "routes: {{/a: {{mode: echo, auth: {mode}}}, /b: {{mode: echo, auth: {removed}}}}}"
        ));
        let settings = Settings::new(&started).unwrap();
        let (renewed, _) = settings
            .renewed(&started, &config("routes: {/a: {mode: iot}}"))
            .unwrap();
        let guard = |settings: &Settings, path| {
            let index = settings.routes.iter().position(|route| route.path == path);
            Arc::clone(&settings.guards[index.unwrap()])
        };
        for path in ["/a", "/b"] {
            assert!(
                Arc::ptr_eq(&guard(&settings, path), &guard(&renewed, path)),
                "{path}"
            );
        }
    }

    #[test]
    fn what_all_routes_ask_for_is_read_once_and_not_laid_at_the_door_of_one() {
        let (_pipe, auth) = secret();
        Settings::new(&config(&format!("defaults: {{auth: {auth}}}"))).unwrap();

        let config = config("defaults: {auth: {token: {tokens: ['']}}}");
        let error = Settings::new(&config).unwrap_err().to_string();
        assert_eq!(
            error,
            "access to all routes (`defaults.auth`, or its flags): an empty secret would let everyone in"
        );
    }
}
