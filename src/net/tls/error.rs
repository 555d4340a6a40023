//! What can go wrong with TLS, and what to do about it.

use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;
use rustls::{AlertDescription, CertificateError, Error};

/// TLS that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is not there, not readable, or not PEM.
    #[error("cannot read {what} from {path}: {}", pem_problem(.source))]
    Pem {
        /// What was expected in the file.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A certificate in a CA file that no trust can be put in.
    #[error("{path} holds a certificate that cannot serve as an authority: {source}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Error,
    },
    /// The system has no certificate authorities.
    #[error(
        "this system has no certificate authorities: install them (ca-certificates), pass --ca FILE, or --insecure"
    )]
    NoSystemRoots,
    /// Certificate and key do not belong together, or rustls cannot use them.
    #[error("certificate and private key cannot be used: {0}")]
    Identity(Error),
    /// A certificate could not be made.
    #[error("cannot make a certificate for {names}: {source}")]
    Generate {
        /// The names it was to hold.
        names: String,
        /// Why not.
        source: rcgen::Error,
    },
    /// A name that no certificate can be checked against.
    #[error("`{0}` is not a name that a certificate can be checked against: give a host name or an address")]
    ServerName(String),
    /// rustls refuses its own defaults.
    #[error("cannot set up TLS: {0}")]
    Setup(Error),
}

fn pem_problem(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "there is none in it".to_owned(),
        other => other.to_string(),
    }
}

/// A failed handshake in one line that says what to do.
#[must_use]
pub fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(problem) => explain_certificate(problem),
        Error::InvalidMessage(_) => {
            "the peer does not speak TLS on this port, is it meant for ws://?".to_owned()
        }
        Error::AlertReceived(alert) => explain_alert(*alert),
        Error::NoCertificatesPresented => "the client presented no certificate".to_owned(),
        other => other.to_string(),
    }
}

/// The same for the I/O errors that asynchronous TLS wraps around rustls' own.
#[must_use]
pub fn explain_io(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(inner) => explain(inner),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the peer ended the connection".to_owned(),
        None => error.to_string(),
    }
}

fn explain_certificate(problem: &CertificateError) -> String {
    match problem {
        // BadSignature: an authority of that name is trusted, but it did not sign this certificate.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the server's certificate is not trusted: pass --ca FILE, or --insecure to accept any".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| bare_name(name)).collect();
            format!(
                "the server's certificate is not for {} but for {}: pass --server-name NAME, or --insecure",
                expected.to_str(),
                if names.is_empty() {
                    "no name at all".to_owned()
                } else {
                    names.join(", ")
                }
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: renew it, or pass --insecure".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: check both clocks, or pass --insecure".to_owned()
        }
        // rustls passes on the error of its certificate library, whose type it does not name: only its text can be told.
        CertificateError::Other(inner) if inner.0.to_string() == "CaUsedAsEndEntity" => {
            "the server's certificate is an authority's (CA:TRUE) and not one for a server: make it with \
             `openssl req -x509 -addext basicConstraints=critical,CA:FALSE ...`, or pass --insecure"
                .to_owned()
        }
        other => format!("the server's certificate is invalid ({other}): pass --insecure to accept any"),
    }
}

/// `localhost` of rustls' `DnsName("localhost")`, `127.0.0.1` of its `IpAddress(127.0.0.1)`.
fn bare_name(presented: &str) -> &str {
    let inner = presented
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or(presented, |name| name.trim_matches('"'))
}

fn explain_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            "the server demands a client certificate: pass --cert FILE and --key FILE".to_owned()
        }
        AlertDescription::UnknownCA | AlertDescription::BadCertificate => {
            "the peer does not accept our certificate".to_owned()
        }
        AlertDescription::NoApplicationProtocol => {
            "the server accepts none of the offered ALPN protocols".to_owned()
        }
        AlertDescription::UnrecognisedName => {
            "the server does not know this host name: pass --server-name NAME".to_owned()
        }
        other => format!("the peer refused TLS with alert {other:?}"),
    }
}
