//! `wsbench serve`.

use std::future::pending;
use std::io::{Read, Write, stdin, stdout};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread;

use tokio::sync::oneshot;

use crate::cli::ServeArgs;
use crate::exit::ExitCode;
use crate::net::system::raise_open_file_limit;
use crate::server::{self, ModeConfig, ProxyConfig, ServerConfig, ServerError, TlsConfig, UpstreamUrl};

use super::access;
use super::embedded::LISTENING;
use super::failure::Failure;
use super::signals::EndSignals;

/// The route of `--proxy`.
const PROXY_ROUTE: &str = "/proxy/*";

/// Serves until a signal, or the end of standard input if asked for, then drains.
pub(super) fn serve(args: &ServeArgs) -> Result<ExitCode, Failure> {
    let config = config(args)?;
    if let Err(error) = raise_open_file_limit() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::internal)?;
    let scheme = if config.tls.is_some() { "wss" } else { "ws" };
    let report = runtime.block_on(async {
        let mut signals = EndSignals::new().map_err(Failure::internal)?;
        let input_ended = input_ended(args.exit_with_stdin);
        let shutdown = async {
            tokio::select! {
                _ = signals.next() => {}
                () = input_ended => {}
            }
        };
        server::run(&config, shutdown, |addresses| tell(scheme, addresses))
            .await
            .map_err(failure)
    })?;
    tracing::info!(?report, "stopped");
    Ok(ExitCode::Ok)
}

/// File first, flags over it.
fn config(args: &ServeArgs) -> Result<ServerConfig, Failure> {
    let mut config = match &args.config {
        Some(path) => ServerConfig::load(path).map_err(Failure::configuration)?,
        None => ServerConfig::default(),
    };
    if !args.listen.is_empty() {
        config.listen.clone_from(&args.listen);
    }
    if let Some(workers) = args.workers {
        config.workers = NonZeroUsize::new(usize::from(workers));
    }
    if let Some(drain) = args.drain {
        config.drain_time = drain;
    }
    if let Some(backplane) = &args.backplane {
        config.backplane = backplane.parse().map_err(Failure::configuration)?;
    }
    config.compression |= args.compression;
    config.faults |= args.faults;
    if let Some(size) = args.max_message_size {
        config.defaults.max_message_size = Some(size);
    }
    access::apply(&args.access, &mut config.defaults)?;
    if !args.proxy.is_empty() {
        let upstreams: Result<Vec<UpstreamUrl>, _> = args.proxy.iter().map(|url| url.parse()).collect();
        let proxy = ProxyConfig::to(&upstreams.map_err(Failure::configuration)?);
        config.routes.entry(PROXY_ROUTE.to_owned()).or_default().mode =
            Some(ModeConfig::Proxy(Box::new(proxy)));
    }
    match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            config.tls = Some(TlsConfig::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            });
        }
        _ if args.tls_self_signed => config.tls = Some(TlsConfig::SelfSigned(Vec::new())),
        _ => {}
    }
    Ok(config)
}

/// One line per address, for people and for a parent process that waits for it.
fn tell(scheme: &str, addresses: &[SocketAddr]) {
    let mut out = stdout().lock();
    for address in addresses {
        // Nobody has to listen.
        let _ = writeln!(out, "{LISTENING}{scheme}://{address}");
    }
    let _ = out.flush();
}

/// Ready when standard input has ended; never if that was not asked for.
async fn input_ended(asked: bool) {
    if !asked {
        return pending().await;
    }
    let (sender, ended) = oneshot::channel();
    // The read cannot be cancelled; the thread ends with the process.
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(stdin().read(&mut buffer), Ok(n) if n > 0) {}
        let _ = sender.send(());
    });
    let _ = ended.await;
}

fn failure(error: ServerError) -> Failure {
    match error {
        ServerError::Worker { .. } | ServerError::WorkerPanicked { .. } => Failure::internal(error),
        other => Failure::configuration(other),
    }
}
