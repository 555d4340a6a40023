//! Flags that say who may connect to `wsbench serve`.

use std::path::PathBuf;

use clap::Args;

/// Who may connect to routes that do not say so themselves. A token, fixed or JWT, opens the door.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Access")]
pub struct AccessArgs {
    /// Clients need this token: `?token=`, `Authorization: Bearer`, or the subprotocols `access_token, TOKEN`
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,

    /// The same, read from a file
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,

    /// Clients need a JWT signed with this shared secret
    #[arg(long, value_name = "SECRET")]
    pub jwt_secret: Option<String>,

    /// The same, read from a file
    #[arg(long, value_name = "FILE", conflicts_with = "jwt_secret")]
    pub jwt_secret_file: Option<PathBuf>,

    /// Clients need a JWT of this issuer, whose keys are found by OpenID Connect discovery unless there is a secret
    #[arg(long, value_name = "URL")]
    pub jwt_issuer: Option<String>,

    /// Clients need a JWT for this audience
    #[arg(long, value_name = "NAME")]
    pub jwt_audience: Option<String>,

    /// Only pages of this origin may connect, for example `https://app.example.com` or `https://*.example.com`; repeatable
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<String>,
}
