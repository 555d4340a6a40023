//! How a client speaks TLS: the flags that every command with a target has.

use std::path::PathBuf;

use clap::Args;

/// Flags on certificates.
#[derive(Args, Clone, Debug, Default)]
pub struct ClientTlsArgs {
    /// Accept any TLS certificate
    #[arg(
        short = 'k',
        long,
        visible_short_alias = 'n',
        visible_alias = "no-check",
        help_heading = "TLS"
    )]
    pub insecure: bool,

    /// Trust the certificate authorities in this PEM file as well
    #[arg(long, value_name = "PEM", help_heading = "TLS")]
    pub ca: Option<PathBuf>,

    /// Client certificate chain
    #[arg(long, value_name = "PEM", requires = "key", help_heading = "TLS")]
    pub cert: Option<PathBuf>,

    /// Private key of the client certificate
    #[arg(long, value_name = "PEM", requires = "cert", help_heading = "TLS")]
    pub key: Option<PathBuf>,

    /// TLS server name to present and verify instead of the URL's host
    #[arg(long, value_name = "NAME", help_heading = "TLS")]
    pub server_name: Option<String>,
}

impl ClientTlsArgs {
    /// The client certificate's chain and key.
    #[must_use]
    pub fn client_certificate(&self) -> Option<(PathBuf, PathBuf)> {
        self.cert.clone().zip(self.key.clone())
    }
}
