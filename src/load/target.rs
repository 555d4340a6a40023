//! [`ResolvedTarget`]: what is tested, found out once before the run.

use std::time::Duration;

use crate::clock::now;
use crate::net::tls::{ALPN_HTTP_1_1, ClientTls, TlsError, client_config, server_name};
use crate::net::{ResolveError, Target, resolve};
use crate::scenario::TransportPlan;

use super::reactor::{Endpoint, TlsEndpoint};

/// What is tested: a URL, its addresses and how to speak TLS with it.
#[derive(Debug)]
pub struct ResolvedTarget {
    /// The URL.
    pub target: Target,
    /// Its addresses and TLS.
    pub endpoint: Endpoint,
    /// How long name resolution took; `None` for an address, which needs none.
    pub resolve_time: Option<Duration>,
}

/// Why a target cannot be connected to at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Its name.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The TLS settings.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl ResolvedTarget {
    /// Resolves the name, which blocks, and reads the files of the TLS settings if the URL is a `wss://` one.
    ///
    /// # Errors
    /// A name without addresses, or files that cannot be used.
    pub fn resolve(target: Target, transport: &TransportPlan) -> Result<Self, SetupError> {
        let begin = now();
        let addresses = resolve(&target.host, target.port)?;
        let resolve_time = target.address().is_none().then(|| now() - begin);
        let tls = target
            .secure
            .then(|| tls_endpoint(&target, transport))
            .transpose()?;
        Ok(Self {
            target,
            endpoint: Endpoint::new(addresses, tls),
            resolve_time,
        })
    }
}

fn tls_endpoint(target: &Target, transport: &TransportPlan) -> Result<TlsEndpoint, TlsError> {
    let config = client_config(&ClientTls {
        insecure: transport.insecure,
        ca_file: transport.ca_file.clone(),
        client_certificate: transport.client_certificate.clone(),
        alpn: vec![ALPN_HTTP_1_1.to_vec()],
    })?;
    let server_name = server_name(transport.server_name.as_deref().unwrap_or(&target.host))?;
    Ok(TlsEndpoint { config, server_name })
}
