//! [`ServerScreen`]: the screen of the reference server.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::driver::Screen;
use super::theme::Theme;
use super::view;

/// Points of the charts, one for each frame.
const POINTS: usize = 300;

/// What is known of a server before anybody connects.
#[derive(Clone, Debug, Default)]
pub struct ServerBrief {
    /// Where it listens, as URLs.
    pub addresses: Vec<String>,
    /// Its worker threads.
    pub workers: usize,
}

/// A server at one moment. All counts are since its start.
#[derive(Clone, Debug, Default)]
pub struct ServerFrame {
    /// Time since its start.
    pub elapsed: Duration,
    /// Whether it is ending.
    pub stopping: bool,
    /// Its routes, in the order of its configuration.
    pub routes: Vec<RouteLine>,
    /// Failures before a route was known, with what failed.
    pub failures: Vec<(&'static str, u64)>,
}

/// A route of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteLine {
    /// Its path.
    pub path: String,
    /// Connections that are open.
    pub open: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Upgrades that were refused.
    pub refused: u64,
    /// Messages from clients.
    pub messages_in: u64,
    /// Messages to clients.
    pub messages_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Messages that slow consumers did not get.
    pub dropped: u64,
    /// Clients that were disconnected for being slow.
    pub slow_consumers: u64,
    /// How connections ended.
    pub closed: Vec<CloseLine>,
}

/// Connections that ended in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseLine {
    /// Who sent the first Close frame: `server`, `client`, `nobody`.
    pub by: &'static str,
    /// The code, or the class of codes.
    pub code: &'static str,
    /// How many.
    pub count: u64,
}

/// The screen of a server: takes frames and keys, draws, and may ask the server to stop.
pub struct ServerScreen {
    brief: ServerBrief,
    theme: Theme,
    stop: Box<dyn Fn() + Send>,
    live: ServerPicture,
    frozen: Option<Box<ServerPicture>>,
    first_route: usize,
}

/// All that is known at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerPicture {
    pub(super) frame: Arc<ServerFrame>,
    before: Arc<ServerFrame>,
    /// Messages from and to clients per second.
    pub(super) rates: VecDeque<(f64, f64, f64)>,
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerShown<'a> {
    pub(super) brief: &'a ServerBrief,
    pub(super) theme: Theme,
    pub(super) picture: &'a ServerPicture,
    pub(super) frozen: bool,
    pub(super) first_route: usize,
}

impl ServerScreen {
    /// A screen before the first frame; `stop` is called when a person asks for the end, each time.
    #[must_use]
    pub fn new(brief: ServerBrief, theme: Theme, stop: impl Fn() + Send + 'static) -> Self {
        Self {
            brief,
            theme,
            stop: Box::new(stop),
            live: ServerPicture::default(),
            frozen: None,
            first_route: 0,
        }
    }

    fn shown(&self) -> ServerShown<'_> {
        ServerShown {
            brief: &self.brief,
            theme: self.theme,
            picture: self.frozen.as_deref().unwrap_or(&self.live),
            frozen: self.frozen.is_some(),
            first_route: self.first_route,
        }
    }
}

impl ServerPicture {
    fn take(&mut self, frame: Arc<ServerFrame>) {
        self.before = std::mem::replace(&mut self.frame, frame);
        let at = self.frame.elapsed.as_secs_f64();
        let sum = |of: fn(&RouteLine) -> u64| {
            (0..self.frame.routes.len())
                .map(|route| self.rate(route, of))
                .sum()
        };
        let point = (
            at,
            sum(|route| route.messages_in),
            sum(|route| route.messages_out),
        );
        self.rates.push_back(point);
        if self.rates.len() > POINTS {
            self.rates.pop_front();
        }
    }

    /// A count of a route per second, between the last two frames. A route that is new began at nothing.
    pub(super) fn rate(&self, route: usize, of: fn(&RouteLine) -> u64) -> f64 {
        let Some(now) = self.frame.routes.get(route) else {
            return 0.0;
        };
        let before = self
            .before
            .routes
            .iter()
            .find(|before| before.path == now.path)
            .map_or(0, of);
        let seconds = self
            .frame
            .elapsed
            .saturating_sub(self.before.elapsed)
            .as_secs_f64();
        if seconds > 0.0 {
            of(now).saturating_sub(before) as f64 / seconds
        } else {
            0.0
        }
    }

    /// A count over all routes.
    pub(super) fn sum(&self, of: fn(&RouteLine) -> u64) -> u64 {
        self.frame.routes.iter().map(of).sum()
    }
}

impl Screen for ServerScreen {
    type Frame = ServerFrame;

    fn take(&mut self, frame: Arc<ServerFrame>) {
        if frame.elapsed == self.live.frame.elapsed {
            self.live.frame = frame;
        } else {
            self.live.take(frame);
        }
    }

    fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let last = self.live.frame.routes.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('c') if control => (self.stop)(),
            _ if control => {}
            KeyCode::Char('q') => (self.stop)(),
            KeyCode::Char('f') if self.frozen.is_none() => self.frozen = Some(Box::new(self.live.clone())),
            KeyCode::Char('f') | KeyCode::Esc => self.frozen = None,
            KeyCode::Down | KeyCode::Char('j') => self.first_route = (self.first_route + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.first_route = self.first_route.saturating_sub(1),
            _ => {}
        }
    }

    fn draw(&self, frame: &mut ratatui::Frame<'_>) {
        view::draw_server(frame, &self.shown());
    }
}

impl fmt::Debug for ServerScreen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerScreen")
            .field("brief", &self.brief)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
