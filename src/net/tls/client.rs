//! [`client_config`]: whom a client trusts and who it says it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use super::error::TlsError;
use super::pem;
use super::verify::AcceptAny;

/// What a client's TLS is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// Accept any certificate.
    pub insecure: bool,
    /// PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM files of our own certificate, with its intermediates, and of its key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Protocols to offer by ALPN in order of preference; empty offers none.
    pub alpn: Vec<Vec<u8>>,
}

/// Builds a configuration for any number of connections. The system's authorities are read from disk here, and only if
/// they are needed, so call it once.
///
/// Sessions are not resumed: each connection of a test stands for a client of its own, and those know each other's
/// sessions as little as they share memory.
///
/// # Errors
/// Files that cannot be read or used; a system without authorities, unless `ca_file` or `insecure` makes up for it.
pub fn client_config(tls: &ClientTls) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?;
    let builder = if tls.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
    } else {
        builder.with_root_certificates(roots(tls.ca_file.as_deref())?)
    };
    let mut config = with_certificate(builder, tls.client_certificate.as_ref())?;
    config.alpn_protocols.clone_from(&tls.alpn);
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn with_certificate(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    files: Option<&(PathBuf, PathBuf)>,
) -> Result<ClientConfig, TlsError> {
    let Some((chain, key)) = files else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = pem::certificates(chain, "a client certificate")?;
    builder
        .with_client_auth_cert(chain, pem::private_key(key)?)
        .map_err(TlsError::Identity)
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // Systems carry authorities that webpki cannot read; the others still count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        for certificate in pem::certificates(path, "certificate authorities")? {
            roots.add(certificate).map_err(|source| TlsError::Authority {
                path: path.to_owned(),
                source,
            })?;
        }
    }
    if roots.is_empty() {
        Err(TlsError::NoSystemRoots)
    } else {
        Ok(roots)
    }
}

/// The name to present by SNI and to check the certificate against.
///
/// # Errors
/// A name that is neither a host name nor an address.
pub fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::ServerName(host.to_owned()))
}
