//! The full-screen view of the reference server: what of a server it is shown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Interval, MissedTickBehavior};

use crate::clock::{Moment, now};
use crate::server::{RouteFigures, Server};
use crate::tui::{CloseLine, LiveView, RouteLine, ServerBrief, ServerFrame, ServerScreen, Theme};

use super::failure::Failure;
use super::logging;

/// How often the server is looked at.
const TICK: Duration = Duration::from_millis(500);

/// A view that is shown.
#[derive(Debug)]
pub(super) struct ServerView {
    view: LiveView,
    frames: watch::Sender<Arc<ServerFrame>>,
    ticks: Interval,
    began: Moment,
    stop: Arc<Notify>,
}

/// What a view wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewWish {
    /// A look at the server.
    Frame,
    /// The end, because a person asked for it.
    Stop,
    /// Nothing any more: the terminal is gone, and the server goes on without a view.
    Nothing,
}

impl ServerView {
    /// Takes the terminal. What is logged is held back until the view is gone.
    pub(super) fn show(server: &Server, scheme: &str) -> Result<Self, Failure> {
        let theme = Theme::from_environment(|name| std::env::var(name).ok());
        let (frames, receiver) = watch::channel(Arc::default());
        let stop = Arc::new(Notify::new());
        let brief = ServerBrief {
            addresses: server
                .local_addrs()
                .iter()
                .map(|address| format!("{scheme}://{address}"))
                .collect(),
            workers: server.workers(),
        };
        let screen = {
            let stop = Arc::clone(&stop);
            ServerScreen::new(brief, theme, move || stop.notify_one())
        };
        let view = LiveView::show(screen, receiver).map_err(Failure::configuration)?;
        logging::hold();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Self {
            view,
            frames,
            ticks,
            began: now(),
            stop,
        })
    }

    /// Returns when something is wanted.
    pub(super) async fn wish(&mut self) -> ViewWish {
        tokio::select! {
            _ = self.ticks.tick() => match self.view.is_over() {
                true => ViewWish::Nothing,
                false => ViewWish::Frame,
            },
            () = self.stop.notified() => ViewWish::Stop,
        }
    }

    /// Shows how the server is now.
    pub(super) fn draw(&mut self, server: &Server) {
        let figures = server.figures();
        self.frames.send_replace(Arc::new(ServerFrame {
            elapsed: now() - self.began,
            stopping: false,
            routes: figures.routes.into_iter().map(route).collect(),
            failures: vec![
                ("connections not accepted", figures.accept_errors),
                ("TLS handshakes failed", figures.tls_failures),
                ("connections without a complete request", figures.request_failures),
                ("connections cut", figures.cut),
            ],
        }));
    }

    /// Shows that the server is ending.
    pub(super) fn stopping(&self) {
        self.frames
            .send_modify(|frame| Arc::make_mut(frame).stopping = true);
    }

    /// Leaves the terminal as it was, unless that takes nothing: then what is logged stays held back.
    pub(super) async fn close(self) {
        if self.view.close().await {
            logging::release();
        }
    }
}

fn route(figures: RouteFigures) -> RouteLine {
    RouteLine {
        path: figures.path,
        open: figures.opened.saturating_sub(figures.ended),
        opened: figures.opened,
        refused: figures.refused,
        messages_in: figures.messages_in,
        messages_out: figures.messages_out,
        bytes_in: figures.bytes_in,
        bytes_out: figures.bytes_out,
        dropped: figures.dropped,
        slow_consumers: figures.slow_consumers,
        closed: figures
            .closed
            .into_iter()
            .map(|(by, code, count)| CloseLine { by, code, count })
            .collect(),
    }
}
