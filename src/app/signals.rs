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
