//! [`RunScreen`]: the screen of a run.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyEvent;

use crate::load::{Control, ControlState};
use crate::metrics::{GroupSnapshot, Trend};

use super::driver::Screen;
use super::frame::{Brief, Frame};
use super::history::{History, Point};
use super::input::{self, Action};
use super::state::State;
use super::theme::Theme;
use super::view;

/// The screen of a run: takes frames and keys, draws, and steers the run.
#[derive(Debug)]
pub struct RunScreen {
    brief: Brief,
    control: Control,
    theme: Theme,
    state: State,
    live: Picture,
    /// What is shown instead of the live picture, and goes on without.
    frozen: Option<Box<Picture>>,
}

/// All that is known at a moment.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) frame: Arc<Frame>,
    pub(super) history: History,
    pub(super) steering: ControlState,
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) brief: &'a Brief,
    pub(super) state: &'a State,
    pub(super) theme: Theme,
    pub(super) picture: &'a Picture,
    /// How things really are: the picture may be an older one.
    pub(super) live: &'a Picture,
    pub(super) frozen: bool,
}

impl<'a> Shown<'a> {
    /// The tab that is shown; a group that there is not is all clients.
    pub(super) fn tab(&self) -> usize {
        if self.state.tab > self.picture.frame.snapshot.groups.len() {
            0
        } else {
            self.state.tab
        }
    }

    /// The figures of the tab.
    pub(super) fn group(&self) -> &'a GroupSnapshot {
        let snapshot = &self.picture.frame.snapshot;
        match self.tab().checked_sub(1) {
            Some(at) => &snapshot.groups[at],
            None => &snapshot.total,
        }
    }

    /// The points of the tab in the chosen window.
    pub(super) fn points(&self) -> Vec<&'a Point> {
        self.picture
            .history
            .points(self.tab(), self.state.window.length())
    }

    /// How far the schedule is: it stands still while the run is paused.
    pub(super) fn scheduled(&self) -> Duration {
        let picture = self.picture;
        picture
            .frame
            .snapshot
            .elapsed
            .saturating_sub(picture.steering.paused_for)
    }

    /// The trend that the latency panels show.
    pub(super) fn trend(&self) -> Trend {
        self.state.trend(&self.picture.frame.snapshot)
    }
}

impl RunScreen {
    /// A screen before the first frame.
    #[must_use]
    pub fn new(brief: Brief, control: Control, theme: Theme) -> Self {
        Self {
            state: State::new(brief.scaling),
            brief,
            theme,
            live: Picture {
                frame: Arc::default(),
                history: History::default(),
                steering: control.state(),
            },
            control,
            frozen: None,
        }
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            brief: &self.brief,
            state: &self.state,
            theme: self.theme,
            picture: self.frozen.as_deref().unwrap_or(&self.live),
            live: &self.live,
            frozen: self.frozen.is_some(),
        }
    }
}

impl Screen for RunScreen {
    type Frame = Frame;

    fn take(&mut self, frame: Arc<Frame>) {
        if frame.snapshot.elapsed != self.live.frame.snapshot.elapsed {
            self.live.history.push(&frame.snapshot);
        }
        self.live.frame = frame;
        self.live.steering = self.control.state();
    }

    fn key(&mut self, key: KeyEvent) {
        let Some(action) = input::action(key) else {
            return;
        };
        match action {
            Action::Freeze if self.frozen.is_none() => self.frozen = Some(Box::new(self.live.clone())),
            Action::Freeze => self.frozen = None,
            Action::Back if !self.state.help => self.frozen = None,
            // There is nothing left to end but the look at it.
            Action::Quit | Action::Interrupt if self.live.frame.ended => self.frozen = None,
            _ => {}
        }
        let order = self.state.apply(action, &self.live.frame, &self.control.state());
        if let Some(order) = order {
            order.give(&self.control);
            self.live.steering = self.control.state();
        }
    }

    fn draw(&self, frame: &mut ratatui::Frame<'_>) {
        view::draw(frame, &self.shown());
    }

    fn is_held(&self) -> bool {
        self.frozen.is_some()
    }
}

#[cfg(test)]
mod tests;
