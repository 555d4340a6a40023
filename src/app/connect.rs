//! `wsbench connect`: flags to settings, signals to interrupts, the ending to an exit code.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::cli::{ConnectArgs, Header, Stay, TokenIn};
use crate::connect::{
    self, ConnectConfig, ConnectError, Ending, Input, RequestOptions, Show, Streams, TokenPlace, Verdict,
    Wait,
};
use crate::exit::ExitCode;
use crate::net::tls::ClientTls;
use crate::net::{DialError, Target};

use super::failure::Failure;
use super::output;
use super::signals::EndSignals;

/// Connects, converses, and tells how it ended.
pub(super) fn connect(args: &ConnectArgs) -> Result<ExitCode, Failure> {
    let config = settings(args)?;
    // A person at a terminal has seen the complaint; a script learns of it from the exit code.
    let is_script = !matches!(config.input, Input::Terminal { .. });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::internal)?;
    let ending = runtime.block_on(async {
        let interrupts = interrupts().map_err(Failure::internal)?;
        connect::connect(config, Streams::standard(), interrupts)
            .await
            .map_err(failure)
    });
    // A lookup of a name that hangs must not hold up the end.
    runtime.shutdown_background();
    Ok(judge(&ending?, is_script))
}

const fn judge(ending: &Ending, is_script: bool) -> ExitCode {
    match ending.verdict() {
        Verdict::Fine if is_script && ending.refused > 0 => ExitCode::Usage,
        Verdict::Fine => ExitCode::Ok,
        Verdict::Failed => ExitCode::ConnectionFailed,
        Verdict::Lost => ExitCode::TargetLost,
        Verdict::Interrupted => ExitCode::Interrupted,
    }
}

fn failure(error: ConnectError) -> Failure {
    match error {
        ConnectError::Request(_)
        | ConnectError::Tls(_)
        | ConnectError::Dial(DialError::TlsSetup(_) | DialError::Request(_)) => Failure::configuration(error),
        ConnectError::Dial(_) => Failure::unreachable(error),
        ConnectError::Setup(_) => Failure::internal(error),
        ConnectError::Interrupted => Failure {
            message: error.to_string(),
            code: ExitCode::Interrupted,
        },
    }
}

fn settings(args: &ConnectArgs) -> Result<ConnectConfig, Failure> {
    let target = Target::parse(&args.url).map_err(Failure::configuration)?;
    let place = match args.token_in {
        TokenIn::Query => TokenPlace::Query,
        TokenIn::Bearer => TokenPlace::Bearer,
        TokenIn::Subprotocol => TokenPlace::Subprotocol,
    };
    let header = |header: &Header| (header.name.clone(), header.value.clone());
    Ok(ConnectConfig {
        request: RequestOptions {
            subprotocols: args.subprotocol.clone(),
            headers: args.header.iter().map(header).collect(),
            basic_auth: args.auth.clone(),
            token: args.token.clone().map(|token| (token, place)),
            origin: args.origin.clone(),
            host: args.host.clone(),
        },
        tls: ClientTls {
            insecure: args.tls.insecure,
            ca_file: args.tls.ca.clone(),
            client_certificate: args.tls.client_certificate(),
            ..ClientTls::default()
        },
        server_name: args.tls.server_name.clone(),
        connect_timeout: Duration::from(args.connect_timeout),
        max_message_size: usize::try_from(args.max_message_size.0).unwrap_or(usize::MAX / 2),
        input: input(args),
        wait: match args.wait {
            None => Wait::default(),
            Some(Stay::For(span)) => Wait::For(span.into()),
            Some(Stay::Forever) => Wait::Forever,
        },
        ping_every: args.ping_every.map(Duration::from),
        show: Show {
            control_frames: args.show_ping_pong,
            pretty_json: args.json,
            timestamps: args.timestamps,
            colour: !args.no_color && output::colours_wanted(),
            quiet: args.quiet,
            verbose: args.verbose,
            raw: args.raw,
        },
        ..ConnectConfig::new(target)
    })
}

/// A terminal gets line editing only where the editor can also draw, so that a redirected output stays clean.
fn input(args: &ConnectArgs) -> Input {
    if !args.execute.is_empty() {
        Input::Given(args.execute.clone())
    } else if args.whole || (args.binary && !io::stdin().is_terminal()) {
        Input::Whole { binary: args.binary }
    } else if io::stdin().is_terminal() && io::stdout().is_terminal() {
        Input::Terminal {
            history: history_file().filter(|_| !args.no_history),
            binary: args.binary,
        }
    } else {
        Input::Lines
    }
}

/// `wsbench/connect_history` in the user's folder for state.
fn history_file() -> Option<PathBuf> {
    let folder = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .or_else(|| folder("LOCALAPPDATA"))?;
    Some(state.join("wsbench").join("connect_history"))
}

/// Each signal that asks for the end is one interrupt. They are listened to from here on.
fn interrupts() -> io::Result<mpsc::Receiver<()>> {
    let (sender, interrupts) = mpsc::channel(2);
    let mut signals = EndSignals::new()?;
    tokio::spawn(async move {
        while signals.next().await.is_ok() {
            // A user who interrupts faster than anybody listens has made the point.
            let _ = sender.try_send(());
        }
    });
    Ok(interrupts)
}
