//! `wsbench serve`.

use std::path::PathBuf;

use clap::Args;

use super::AccessArgs;
use crate::units::{AddressRange, ByteSize, PortRange, Span};

/// Flags of `wsbench serve`. A flag wins over `WSBENCH_*`, that over the file, that over the default.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Address to listen on, or with ADDR:FIRST-LAST a range of ports; port 0 takes a free one; repeatable [default: 127.0.0.1:9001]
    #[arg(
        long,
        value_name = "ADDR:PORT",
        value_delimiter = ',',
        help_heading = "Server"
    )]
    pub listen: Vec<AddressRange>,

    /// Listen on all of these ports instead of those of the addresses, so that one client machine is not bound by the 64k
    /// source ports that it has for each
    #[arg(long, value_name = "FIRST-LAST", help_heading = "Server")]
    pub ports: Option<PortRange>,

    /// Read the configuration from this YAML file (docs/server.md)
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    pub config: Option<PathBuf>,

    /// Worker threads, each with its own event loop and listener [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Server")]
    pub workers: Option<u16>,

    /// Time that open connections get to end on a stop
    #[arg(long, value_name = "DURATION", help_heading = "Server")]
    pub drain: Option<Span>,

    /// Stop when standard input reaches its end, so that a child never outlives its parent
    #[arg(long, help_heading = "Server")]
    pub exit_with_stdin: bool,

    /// Serve health checks and metrics alone at this address too, without TLS
    #[arg(
        long,
        value_name = "ADDR:PORT",
        value_delimiter = ',',
        help_heading = "Operations"
    )]
    pub health_listen: Vec<AddressRange>,

    /// Serve the administration at this address, without TLS; without a token it has to be of this machine
    #[arg(
        long,
        value_name = "ADDR:PORT",
        value_delimiter = ',',
        help_heading = "Operations"
    )]
    pub admin_listen: Vec<AddressRange>,

    /// File with the token that the administration asks for; with it, /admin is on the ordinary addresses too
    #[arg(long, value_name = "FILE", help_heading = "Operations")]
    pub admin_token_file: Option<PathBuf>,
    /// Share rooms with other servers through this broker: redis://HOST:PORT or nats://HOST:PORT [default: memory]
    #[arg(long, value_name = "URL", help_heading = "Server")]
    pub backplane: Option<String>,

    /// Negotiate permessage-deflate on every route
    #[arg(long, help_heading = "WebSocket")]
    pub compression: bool,

    /// Largest message on routes that set no limit of their own, for example 16MiB
    #[arg(long, value_name = "SIZE", help_heading = "WebSocket")]
    pub max_message_size: Option<ByteSize>,

    /// Pass connections to /proxy on to this upstream; repeatable (docs/proxy.md)
    #[arg(long, value_name = "URL", value_delimiter = ',', help_heading = "WebSocket")]
    pub proxy: Vec<String>,
    /// Who may connect.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Do wrong what clients and routes ask for (docs/faults.md); without it they are refused by 403
    #[arg(long, help_heading = "WebSocket")]
    pub faults: bool,

    /// Certificate chain; serves wss
    #[arg(long, value_name = "PEM", requires = "tls_key", help_heading = "TLS")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate
    #[arg(long, value_name = "PEM", requires = "tls_cert", help_heading = "TLS")]
    pub tls_key: Option<PathBuf>,

    /// Serve wss with a certificate made on start
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"], help_heading = "TLS")]
    pub tls_self_signed: bool,

    /// Show connections, rates, close codes and slow consumers in a full-screen view, if there is a terminal (docs/tui.md)
    #[arg(long, help_heading = "Output")]
    pub tui: bool,
}
