//! [`Identity`] and [`server_config`]: who a server says it is.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::error::TlsError;
use super::pem;

/// What every certificate of ours is valid for.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate chain and its private key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads PEM files: the certificate followed by its intermediates, and the private key.
    ///
    /// # Errors
    /// Files that cannot be read or lack what they should hold.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self {
            chain: pem::certificates(chain, "a certificate")?,
            key: pem::private_key(key)?,
        })
    }

    /// Makes a self-signed certificate for `localhost`, `127.0.0.1`, `::1` and the given host names and addresses.
    ///
    /// # Errors
    /// Names that cannot stand in a certificate.
    pub fn self_signed(names: &[String]) -> Result<Self, TlsError> {
        let mut all: Vec<String> = LOCAL_NAMES.iter().map(|&name| name.to_owned()).collect();
        all.extend(
            names
                .iter()
                .filter(|name| !LOCAL_NAMES.contains(&name.as_str()))
                .cloned(),
        );
        let listed = all.join(", ");
        let make = || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(all)?;
            params
                .distinguished_name
                .push(DnType::CommonName, "wsbench self-signed");
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
            let certificate = params.self_signed(&key)?;
            let key = PrivatePkcs8KeyDer::from(key.serialize_der());
            Ok(Self {
                chain: vec![certificate.der().clone()],
                key: key.into(),
            })
        };
        make().map_err(|source| TlsError::Generate {
            names: listed,
            source,
        })
    }

    /// The first certificate in PEM, for clients that are to trust it.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        let base64 = self
            .chain
            .first()
            .map(|certificate| STANDARD.encode(certificate))
            .unwrap_or_default();
        // RFC 7468 2: lines of 64 characters.
        let lines: Vec<&str> = base64
            .as_bytes()
            .chunks(64)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    }
}

/// Builds a configuration for any number of connections; `alpn` lists the protocols to accept, in order of preference.
///
/// # Errors
/// A key that does not belong to the certificate, or that rustls cannot use.
pub fn server_config(identity: Identity, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .map_err(TlsError::Identity)?;
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}
