//! The signals that tell a process what to do.

use std::io;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// To end: Ctrl-C or, where there is such a thing, SIGTERM.
    End,
    /// To read the configuration again: SIGHUP.
    Reload,
}

/// Waits for Ctrl-C or, where there is such a thing, SIGTERM; each call for one more.
#[derive(Debug)]
pub(super) struct EndSignals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl EndSignals {
    /// From now on the signals do not end the process any more.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    /// Returns when one comes.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = self.terminate.recv() => Ok(()),
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    }
}

/// What a signal asks of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunSignal {
    /// To end; once more, to end at once.
    End,
    /// To end, because the terminal is gone: SIGHUP. It may come from the system and from the shell, so a second one says
    /// nothing new.
    HangUp,
}

/// Waits for the signals of a run.
#[derive(Debug)]
pub(super) struct RunSignals {
    end: EndSignals,
    /// None if the process was started with SIGHUP ignored, as `nohup` does: then the run goes on.
    #[cfg(unix)]
    hang_up: Option<tokio::signal::unix::Signal>,
}

impl RunSignals {
    /// From now on the signals do not end the process any more.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            hang_up: match crate::net::system::ignores_hang_up() {
                true => None,
                false => Some(tokio::signal::unix::signal(
                    tokio::signal::unix::SignalKind::hangup(),
                )?),
            },
            end: EndSignals::new()?,
        })
    }

    /// Returns when one comes.
    pub(super) async fn next(&mut self) -> io::Result<RunSignal> {
        #[cfg(unix)]
        tokio::select! {
            ended = self.end.next() => ended.map(|()| RunSignal::End),
            Some(()) = hung_up(&mut self.hang_up) => Ok(RunSignal::HangUp),
        }
        #[cfg(not(unix))]
        self.end.next().await.map(|()| RunSignal::End)
    }
}

#[cfg(unix)]
async fn hung_up(signal: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    signal.as_mut()?.recv().await
}

/// Waits for the signals of a service.
#[derive(Debug)]
pub(super) struct ServiceSignals {
    end: EndSignals,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

impl ServiceSignals {
    /// From now on the signals do not end the process any more.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            end: EndSignals::new()?,
            #[cfg(unix)]
            hang_up: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Returns when one comes.
    pub(super) async fn next(&mut self) -> io::Result<Signal> {
        #[cfg(unix)]
        tokio::select! {
            ended = self.end.next() => ended.map(|()| Signal::End),
            _ = self.hang_up.recv() => Ok(Signal::Reload),
        }
        #[cfg(not(unix))]
        self.end.next().await.map(|()| Signal::End)
    }
}
