//! `wsbench serve`.

use std::collections::HashSet;
use std::future::pending;
use std::io::{IsTerminal, Read, Write, stdin, stdout};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::thread;

use tokio::sync::oneshot;

use crate::cli::ServeArgs;
use crate::exit::ExitCode;
use crate::net::system::raise_open_file_limit;
use crate::server::{
    ConfigError, ModeConfig, ProxyConfig, Reloaded, SecretSource, Server, ServerConfig, ServerError,
    ServerReport, TlsConfig, UpstreamUrl, Wish,
};
use crate::units::AddressRange;

use super::access;
use super::embedded::LISTENING;
use super::failure::Failure;
use super::notify::Notifier;
use super::server_view::{ServerView, ViewWish};
use super::signals::{ServiceSignals, Signal};

/// The route of `--proxy`.
const PROXY_ROUTE: &str = "/proxy/*";

/// Serves until a signal, the administrator, or the end of standard input if asked for, then drains.
pub(super) fn serve(args: &ServeArgs) -> Result<ExitCode, Failure> {
    let config = config(args).map_err(Failure::configuration)?;
    if let Err(error) = raise_open_file_limit() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::internal)?;
    let report = runtime.block_on(async {
        // Until it has started a signal ends the process at once: it may wait for a file that is a pipe.
        let server = Server::start(&config).map_err(failure)?;
        let signals = ServiceSignals::new().map_err(Failure::internal)?;
        let mut view = match wants_view(args) {
            true => Some(ServerView::show(&server, scheme(&config))?),
            false => None,
        };
        if view.is_none() {
            announce(&server, &config);
        }
        let report = live(server, args, signals, &mut view).await;
        if let Some(view) = view {
            view.close().await;
        }
        report.map_err(failure)
    })?;
    tracing::info!(?report, "stopped");
    Ok(ExitCode::Ok)
}

/// Does what signals and the administrator ask for, until the end.
async fn live(
    mut server: Server,
    args: &ServeArgs,
    mut signals: ServiceSignals,
    view: &mut Option<ServerView>,
) -> Result<ServerReport, ServerError> {
    let notifier = Notifier::from_environment();
    notifier.ready();
    let mut input_ended = pin!(input_ended(args.exit_with_stdin));
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Ok(Signal::Reload) => {
                    // Log and metrics tell what came of it.
                    let _ = reload(&server, args, &notifier).await;
                }
                Ok(Signal::End) | Err(_) => break,
            },
            wish = server.wish() => match wish? {
                Wish::Reload(reply) => {
                    // Whoever asked may have gone.
                    let _ = reply.send(reload(&server, args, &notifier).await);
                }
                Wish::Stop => break,
            },
            () = &mut input_ended => break,
            wish = wish_of(view) => match wish {
                ViewWish::Frame => view.iter_mut().for_each(|view| view.draw(&server)),
                ViewWish::Stop => break,
                ViewWish::Nothing => {
                    if let Some(view) = view.take() {
                        view.close().await;
                    }
                }
            },
        }
    }
    view.iter().for_each(ServerView::stopping);
    notifier.stopping();
    tracing::info!("stopping: listeners close, connections get a Close frame");
    server.stop().await
}

/// What the view wants next; never anything if there is none.
async fn wish_of(view: &mut Option<ServerView>) -> ViewWish {
    match view {
        Some(view) => view.wish().await,
        None => pending().await,
    }
}

fn wants_view(args: &ServeArgs) -> bool {
    args.tui && stdout().is_terminal() && stdin().is_terminal()
}

async fn reload(server: &Server, args: &ServeArgs, notifier: &Notifier) -> Result<Reloaded, ServerError> {
    notifier.reloading();
    let reloaded = server.reload(config(args)).await;
    notifier.ready();
    reloaded
}

/// File first, flags over it. A mistake of the file is told as such, unless a flag puts it right.
fn config(args: &ServeArgs) -> Result<ServerConfig, ConfigError> {
    let config = match &args.config {
        Some(path) => ServerConfig::read(path)?,
        None => ServerConfig::default(),
    };
    let in_file = config.check().err().map(|error| error.to_string());
    let config = with_flags(config, args)?;
    match (config.check(), &args.config) {
        (Err(error), Some(path)) if in_file == Some(error.to_string()) => {
            Err(error.found_in(&path.display().to_string()))
        }
        (Err(error), _) => Err(error),
        (Ok(()), _) => Ok(config),
    }
}

fn with_flags(mut config: ServerConfig, args: &ServeArgs) -> Result<ServerConfig, ConfigError> {
    let addresses = |ranges: &[AddressRange]| ranges.iter().flat_map(|range| range.addresses()).collect();
    if !args.listen.is_empty() {
        config.listen = addresses(&args.listen);
    }
    if let Some(ports) = args.ports {
        let mut seen = HashSet::new();
        let mut ips: Vec<_> = config.listen.iter().map(SocketAddr::ip).collect();
        ips.retain(|ip| seen.insert(*ip));
        config.listen = addresses(
            &ips.into_iter()
                .map(|ip| AddressRange { ip, ports })
                .collect::<Vec<_>>(),
        );
    }
    if !args.health_listen.is_empty() {
        config.health_listen = addresses(&args.health_listen);
    }
    if !args.admin_listen.is_empty() {
        config.admin.listen = addresses(&args.admin_listen);
    }
    if let Some(path) = &args.admin_token_file {
        config.admin.token = Some(SecretSource::File(path.clone()));
    }
    if let Some(workers) = args.workers {
        config.workers = NonZeroUsize::new(usize::from(workers));
    }
    if let Some(drain) = args.drain {
        config.drain_time = drain;
    }
    if let Some(backplane) = &args.backplane {
        config.backplane = backplane.parse()?;
    }
    config.compression |= args.compression;
    config.faults |= args.faults;
    if let Some(size) = args.max_message_size {
        config.defaults.max_message_size = Some(size);
    }
    access::apply(&args.access, &mut config.defaults)?;
    if !args.proxy.is_empty() {
        let upstreams: Result<Vec<UpstreamUrl>, _> = args.proxy.iter().map(|url| url.parse()).collect();
        let proxy = ProxyConfig::to(&upstreams.map_err(ConfigError::Upstream)?);
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
fn announce(server: &Server, config: &ServerConfig) {
    let scheme = scheme(config);
    let mut out = stdout().lock();
    for address in server.local_addrs() {
        // Nobody has to listen.
        let _ = writeln!(out, "{LISTENING}{scheme}://{address}");
    }
    for (purpose, addresses) in [
        ("health checks", server.health_addrs()),
        ("administration", server.admin_addrs()),
    ] {
        for address in addresses {
            let _ = writeln!(out, "{purpose} on http://{address}");
        }
    }
    let _ = out.flush();
    let (instance, addresses) = (server.instance(), server.local_addrs().len());
    tracing::info!(instance, addresses, "serving");
}

const fn scheme(config: &ServerConfig) -> &'static str {
    if config.tls.is_some() { "wss" } else { "ws" }
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
