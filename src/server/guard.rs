//! [`RouteGuard`]: everything that a request has to pass before a route upgrades it, in one call.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;

use super::auth::{AuthConfig, AuthConfigError, Authenticator, Identity};
use super::origin::OriginPolicy;
use super::ratelimit::{
    ConnectionLimiter, ConnectionPermit, ConnectionQuota, MessageAllowance, MessageLimitConfig,
    MessageLimits, UpgradeLimitConfig, UpgradeLimiters,
};
use super::refusal::Refusal;
use super::request_parts::RequestParts;
use crate::clock::Moment;

/// Who may connect to a route, and how much it may ask for. The default lets everyone do everything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardConfig {
    /// Credentials that a client needs.
    pub auth: Option<AuthConfig>,
    /// The web pages that may connect. Unset: all; `{}`: those of the same origin.
    pub origin: Option<OriginPolicy>,
    /// Upgrades per second; all limits hold.
    pub upgrade_limits: Vec<UpgradeLimitConfig>,
    /// Messages per minute.
    pub message_limit: Option<MessageLimitConfig>,
    /// Connections of the route at a time.
    #[serde(skip)]
    pub connections: Option<ConnectionQuota>,
}

/// Judges the requests of a route. One serves all workers.
#[derive(Debug, Default)]
pub struct RouteGuard {
    upgrades: UpgradeLimiters,
    origin: Option<OriginPolicy>,
    authenticator: Option<Arc<Authenticator>>,
    messages: Option<MessageLimits>,
    connections: Option<Arc<ConnectionLimiter>>,
}

impl RouteGuard {
    /// Reads the secrets of a configuration, and counts from zero.
    ///
    /// # Errors
    /// See [`AuthConfigError`].
    pub fn new(config: &GuardConfig) -> Result<Self, AuthConfigError> {
        let authenticator = config.auth.as_ref().map(Authenticator::new).transpose()?;
        Ok(Self::with(config, authenticator.map(Arc::new)))
    }

    /// The same with the secrets read already, instead of those of `config`.
    pub(crate) fn with(config: &GuardConfig, authenticator: Option<Arc<Authenticator>>) -> Self {
        Self {
            upgrades: UpgradeLimiters::new(&config.upgrade_limits),
            origin: config.origin.clone(),
            authenticator,
            messages: config.message_limit.map(MessageLimits::new),
            connections: config
                .connections
                .map(|quota| ConnectionLimiter::new(quota, "the route")),
        }
    }

    /// The same guard, which goes on counting the connections that another one counted.
    pub(crate) fn counting_on(mut self, before: &Self) -> Self {
        if let (Some(limiter), Some(counting)) = (&self.connections, &before.connections) {
            counting.set_quota(limiter.quota());
            self.connections = Some(Arc::clone(counting));
        }
        self
    }

    /// Judges a request at `now`, which is `unix` seconds since 1970. Returns who the client is, if the route asks
    /// for it.
    ///
    /// The cheap checks come first: address, origin, credentials, and then the limits of those who are known by them.
    /// It waits only if an issuer's keys have to be fetched.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn admit(
        &self,
        request: &RequestParts<'_>,
        now: Moment,
        unix: u64,
    ) -> Result<Option<Identity>, Refusal> {
        self.upgrades.admit_address(request.client, now)?;
        if let Some(origin) = &self.origin {
            origin.check(request)?;
        }
        let identity = match &self.authenticator {
            Some(authenticator) => Some(authenticator.authenticate(request, now, unix).await?),
            None => None,
        };
        self.upgrades
            .admit_identity(request.client, identity.as_ref(), now)?;
        Ok(identity)
    }

    /// A place among the route's connections; `None` if there may be any number.
    ///
    /// # Errors
    /// There is none left.
    pub fn place(&self, client: IpAddr) -> Result<Option<ConnectionPermit>, Refusal> {
        self.connections
            .as_ref()
            .map(|limiter| limiter.admit(client))
            .transpose()
    }

    /// The share of a new connection in the messages that its address may send; `None` if there is no limit.
    #[must_use]
    pub fn message_allowance(&self, client: IpAddr, now: Moment) -> Option<MessageAllowance> {
        self.messages.as_ref().map(|messages| messages.open(client, now))
    }

    /// Fetches the issuer's keys, so that the first client need not wait for them.
    pub async fn warm_up(&self, now: Moment) {
        if let Some(authenticator) = &self.authenticator {
            authenticator.refresh_keys(now).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::{AUTHORIZATION, ORIGIN};
    use http::{HeaderMap, HeaderName, HeaderValue, Uri};

    use super::*;
    use crate::server::refusal::RefusalCode;

    const CONFIG: &str = "
        auth: {api_key: {keys: [k1, k2]}}
        origin: {allowed: 'https://app.test'}
        upgrade_limits: [{rate: 3/s}, {per: identity, rate: 1/s}]
        message_limit: {messages: 1}
    ";

    fn guard() -> RouteGuard {
        RouteGuard::new(&serde_saphyr::from_str(CONFIG).unwrap()).unwrap()
    }

    async fn admitted(
        guard: &RouteGuard,
        headers: &[(HeaderName, &'static str)],
        client: u8,
    ) -> Result<String, RefusalCode> {
        let named = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let headers: HeaderMap = named.collect();
        let uri = Uri::from_static("/iot");
        let request = RequestParts::new(&uri, &headers, [10, 0, 0, client].into(), false);
        let admitted = guard.admit(&request, Moment::ZERO, 0).await;
        admitted
            .map(|identity| identity.unwrap().subject)
            .map_err(|refusal| refusal.code)
    }

    fn key(value: &'static str) -> (HeaderName, &'static str) {
        (HeaderName::from_static("x-device-key"), value)
    }

    #[tokio::test]
    async fn every_check_is_made_in_order() {
        let guard = guard();
        let foreign = (ORIGIN, "https://evil.test");
        assert_eq!(
            admitted(&guard, &[foreign, key("no")], 1).await,
            Err(RefusalCode::OriginRefused)
        );
        assert_eq!(
            admitted(&guard, &[key("no")], 1).await,
            Err(RefusalCode::InvalidApiKey)
        );
        assert_eq!(
            admitted(&guard, &[(AUTHORIZATION, "Bearer x")], 1).await,
            Err(RefusalCode::NoCredentials)
        );
        assert_eq!(
            admitted(&guard, &[key("k1")], 1).await,
            Err(RefusalCode::RateLimited)
        );
        assert_eq!(admitted(&guard, &[key("k1")], 2).await, Ok("key-1".to_owned()));
        assert_eq!(
            admitted(&guard, &[key("k1")], 3).await,
            Err(RefusalCode::RateLimited)
        );
        assert_eq!(admitted(&guard, &[key("k2")], 3).await, Ok("key-2".to_owned()));
    }

    #[tokio::test]
    async fn without_a_configuration_everyone_is_let_in() {
        let guard = RouteGuard::new(&GuardConfig::default()).unwrap();
        let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());
        let request = RequestParts::new(&uri, &headers, [10, 0, 0, 1].into(), false);
        assert_eq!(guard.admit(&request, Moment::ZERO, 0).await, Ok(None));
        assert!(guard.message_allowance(request.client, Moment::ZERO).is_none());
    }

    #[test]
    fn b7_messages_are_limited_by_the_route() {
        let allowance = guard()
            .message_allowance([10, 0, 0, 1].into(), Moment::ZERO)
            .unwrap();
        assert!(allowance.allows(Moment::ZERO));
        assert!(!allowance.allows(Moment::ZERO));
    }
}
