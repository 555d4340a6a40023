//! [`State`]: what is chosen in the view of a run, and what the choices mean for the run.

use std::time::Duration;

use crate::metrics::{Snapshot, Trend};
use crate::report::format::{count, counted, short};

use super::frame::{Frame, Scaling};
use super::input::Action;

/// The least and the most that the rate of arrivals is scaled by.
const FACTORS: (f64, f64) = (0.01, 100.0);

/// What is chosen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) page: Page,
    /// 0 is all clients.
    pub(super) tab: usize,
    pub(super) window: Window,
    pub(super) help: bool,
    /// What the last key did, for people.
    pub(super) notice: Option<String>,
    trend: Option<Trend>,
    scaling: Scaling,
    /// The number of clients instead of the scenario's.
    clients: Option<u64>,
    factor: f64,
    urgency: Urgency,
}

/// A page of panels, for terminals that cannot show all at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Page {
    /// The most important figures; all panels where there is room.
    #[default]
    Overview,
    /// Percentiles over time, histogram, timings.
    Latency,
    /// Clients over time, connect phases, pings, fan-out.
    Connections,
    /// Close codes, causes, errors.
    Endings,
    /// Thresholds, health of the generator.
    Verdict,
}

/// How far back charts look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Window {
    /// One minute.
    #[default]
    Minute,
    /// Five minutes.
    FiveMinutes,
    /// All of the run.
    Whole,
}

/// What a run is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    Pause,
    Resume,
    /// This many clients, or as many as the scenario says.
    Clients(Option<u64>),
    /// The scenario's rate of arrivals times this.
    RateFactor(f64),
    Stop,
    Interrupt,
    Abort,
}

/// How hard the run was asked to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    #[default]
    None,
    Stop,
    Interrupt,
    Abort,
}

impl Page {
    pub(super) const ALL: [Self; 5] = [
        Self::Overview,
        Self::Latency,
        Self::Connections,
        Self::Endings,
        Self::Verdict,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Latency => "latency",
            Self::Connections => "connections",
            Self::Endings => "endings",
            Self::Verdict => "verdict",
        }
    }
}

impl Window {
    pub(super) const fn length(self) -> Option<Duration> {
        match self {
            Self::Minute => Some(Duration::from_secs(60)),
            Self::FiveMinutes => Some(Duration::from_secs(300)),
            Self::Whole => None,
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Minute => "last 1m",
            Self::FiveMinutes => "last 5m",
            Self::Whole => "whole run",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Minute => Self::FiveMinutes,
            Self::FiveMinutes => Self::Whole,
            Self::Whole => Self::Minute,
        }
    }
}

impl State {
    pub(super) fn new(scaling: Scaling) -> Self {
        Self {
            page: Page::default(),
            tab: 0,
            window: Window::default(),
            help: false,
            notice: None,
            trend: None,
            scaling,
            clients: None,
            factor: 1.0,
            urgency: Urgency::None,
        }
    }

    /// Does what `action` asks for; what the run must be told is returned.
    pub(super) fn apply(&mut self, action: Action, frame: &Frame) -> Option<Order> {
        self.notice = None;
        let tabs = frame.snapshot.groups.len() + 1;
        match action {
            Action::NextTab => self.tab = (self.tab + 1) % tabs,
            Action::PreviousTab => self.tab = (self.tab + tabs - 1) % tabs,
            Action::Page(number) => self.page = Page::ALL.get(number).copied().unwrap_or_default(),
            Action::NextWindow => self.window = self.window.next(),
            Action::NextTrend => self.trend = self.next_trend(&frame.snapshot),
            Action::Help => self.help = !self.help,
            Action::Back => self.help = false,
            // The screen holds the picture.
            Action::Freeze => {}
            Action::Pause => return Some(if frame.paused { Order::Resume } else { Order::Pause }),
            Action::ScaleUp => return Some(self.scale(true, frame)),
            Action::ScaleDown => return Some(self.scale(false, frame)),
            Action::ScaleReset => return Some(self.unscale()),
            Action::Quit => return Some(self.quit(Urgency::Stop)),
            Action::Interrupt => return Some(self.quit(Urgency::Interrupt)),
        }
        None
    }

    /// The trend that the latency panels show: the chosen one, else the first that anything was measured of, responses
    /// before all others.
    pub(super) fn trend(&self, snapshot: &Snapshot) -> Trend {
        let measured = |trend: &Trend| snapshot.total.cumulative.trend(*trend).is_some();
        self.trend
            .into_iter()
            .chain([Trend::Response])
            .chain(Trend::ALL)
            .find(measured)
            .unwrap_or(Trend::Response)
    }

    /// What differs from the scenario, for people.
    pub(super) fn scaled(&self) -> Option<String> {
        match self.scaling {
            Scaling::Clients => self.clients.map(|clients| format!("set to {}", count(clients))),
            Scaling::Arrivals => (self.factor != 1.0).then(|| format!("arrivals ×{}", short(self.factor))),
        }
    }

    fn next_trend(&self, snapshot: &Snapshot) -> Option<Trend> {
        let measured: Vec<Trend> = snapshot.total.cumulative.trends_ms.keys().copied().collect();
        let present = self.trend(snapshot);
        let at = measured.iter().position(|&trend| trend == present)?;
        measured.get((at + 1) % measured.len()).copied()
    }

    fn scale(&mut self, up: bool, frame: &Frame) -> Order {
        match self.scaling {
            Scaling::Clients => {
                let present = self.clients.unwrap_or(frame.snapshot.gauges.clients_wanted);
                let step = (present / 10).max(1);
                let clients = if up {
                    present.saturating_add(step)
                } else {
                    present.saturating_sub(step)
                };
                self.clients = Some(clients);
                self.notice = Some(format!("load set to {}", counted(clients, "client")));
                Order::Clients(self.clients)
            }
            Scaling::Arrivals => {
                let factor = self.factor * if up { 1.1 } else { 1.0 / 1.1 };
                // So that up and down again is where one was.
                self.factor = ((factor * 1e3).round() / 1e3).clamp(FACTORS.0, FACTORS.1);
                self.notice = Some(format!("arrivals set to ×{}", short(self.factor)));
                Order::RateFactor(self.factor)
            }
        }
    }

    fn unscale(&mut self) -> Order {
        self.notice = Some("load as the scenario says".to_owned());
        match self.scaling {
            Scaling::Clients => {
                self.clients = None;
                Order::Clients(None)
            }
            Scaling::Arrivals => {
                self.factor = 1.0;
                Order::RateFactor(1.0)
            }
        }
    }

    /// Each request is more urgent than the one before, and at least `least`.
    fn quit(&mut self, least: Urgency) -> Order {
        let next = match self.urgency {
            Urgency::None => Urgency::Stop,
            Urgency::Stop => Urgency::Interrupt,
            Urgency::Interrupt | Urgency::Abort => Urgency::Abort,
        };
        self.urgency = next.max(least);
        let (order, notice) = match self.urgency {
            Urgency::None | Urgency::Stop => (
                Order::Stop,
                "stopping: flows may finish; q again to close the connections now",
            ),
            Urgency::Interrupt => (
                Order::Interrupt,
                "stopping: closing connections; once more to cut them off",
            ),
            Urgency::Abort => (Order::Abort, "stopping: cutting connections off"),
        };
        self.notice = Some(notice.to_owned());
        order
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::{Gauges, GroupSnapshot, TrendFigures};

    fn frame(wanted: u64) -> Frame {
        let mut snapshot = Snapshot {
            gauges: Gauges {
                clients_wanted: wanted,
                ..Gauges::default()
            },
            groups: vec![GroupSnapshot::default(), GroupSnapshot::default()],
            ..Snapshot::default()
        };
        for trend in [Trend::Connect, Trend::Response, Trend::Ping] {
            snapshot
                .total
                .cumulative
                .trends_ms
                .insert(trend, TrendFigures::default());
        }
        Frame {
            snapshot: Arc::new(snapshot),
            ..Frame::default()
        }
    }

    #[test]
    fn tabs_windows_and_trends_go_round() {
        let (mut state, frame) = (State::new(Scaling::Clients), frame(0));
        let tabs = [Action::NextTab; 3].map(|action| {
            assert_eq!(state.apply(action, &frame), None);
            state.tab
        });
        assert_eq!(tabs, [1, 2, 0]);
        state.apply(Action::PreviousTab, &frame);
        assert_eq!(state.tab, 2);
        let windows = [Action::NextWindow; 3].map(|action| {
            state.apply(action, &frame);
            state.window.length()
        });
        assert_eq!(
            windows,
            [
                Some(Duration::from_secs(300)),
                None,
                Some(Duration::from_secs(60))
            ]
        );
        let trends = [Action::NextTrend; 3].map(|action| {
            state.apply(action, &frame);
            state.trend(&frame.snapshot)
        });
        assert_eq!(trends, [Trend::Ping, Trend::Connect, Trend::Response]);
    }

    #[test]
    fn the_load_changes_by_a_tenth_and_at_least_one_and_returns_to_the_plan() {
        let (mut state, frame) = (State::new(Scaling::Clients), frame(200));
        let orders = [
            Action::ScaleUp,
            Action::ScaleUp,
            Action::ScaleDown,
            Action::ScaleReset,
            Action::ScaleDown,
        ]
        .map(|action| state.apply(action, &frame).unwrap());
        assert_eq!(
            orders,
            [Some(220), Some(242), Some(218), None, Some(180)].map(Order::Clients)
        );
        assert_eq!(state.scaled().unwrap(), "set to 180");

        let (mut state, empty) = (State::new(Scaling::Clients), self::frame(0));
        assert_eq!(
            state.apply(Action::ScaleDown, &empty),
            Some(Order::Clients(Some(0)))
        );
        assert_eq!(
            state.apply(Action::ScaleUp, &empty),
            Some(Order::Clients(Some(1)))
        );
    }

    #[test]
    fn arrivals_are_scaled_by_a_factor() {
        let (mut state, frame) = (State::new(Scaling::Arrivals), frame(0));
        for _ in 0..2 {
            assert_eq!(state.apply(Action::ScaleUp, &frame), Some(Order::RateFactor(1.1)));
            assert_eq!(state.scaled().unwrap(), "arrivals ×1.1");
            assert_eq!(
                state.apply(Action::ScaleDown, &frame),
                Some(Order::RateFactor(1.0))
            );
            assert_eq!(state.scaled(), None);
        }
        for _ in 0..100 {
            state.apply(Action::ScaleUp, &frame);
        }
        assert_eq!(
            state.apply(Action::ScaleUp, &frame),
            Some(Order::RateFactor(100.0))
        );
    }

    #[test]
    fn every_request_to_end_is_more_urgent() {
        let (mut state, frame) = (State::new(Scaling::Clients), frame(0));
        let orders = [Action::Quit; 4].map(|action| state.apply(action, &frame).unwrap());
        assert_eq!(
            orders,
            [Order::Stop, Order::Interrupt, Order::Abort, Order::Abort]
        );
        let mut state = State::new(Scaling::Clients);
        assert_eq!(state.apply(Action::Interrupt, &frame), Some(Order::Interrupt));
        assert_eq!(state.apply(Action::Quit, &frame), Some(Order::Abort));
    }

    #[test]
    fn pausing_follows_the_run_and_not_the_last_key() {
        let (mut state, mut frame) = (State::new(Scaling::Clients), frame(0));
        assert_eq!(state.apply(Action::Pause, &frame), Some(Order::Pause));
        frame.paused = true;
        assert_eq!(state.apply(Action::Pause, &frame), Some(Order::Resume));
    }
}
