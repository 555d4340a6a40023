//! [`State`]: what is chosen in the view of a run, and what the choices mean for the run.

use std::time::Duration;

use crate::load::{Control, ControlState};
use crate::metrics::{Snapshot, Trend};
use crate::report::format::{counted, short};

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

impl Order {
    /// Tells the run.
    pub(super) fn give(&self, control: &Control) {
        match *self {
            Self::Pause => control.pause(),
            Self::Resume => control.resume(),
            Self::Clients(clients) => control.set_clients(clients),
            Self::RateFactor(factor) => control.set_rate_factor(factor),
            Self::Stop => control.stop(),
            Self::Interrupt => control.interrupt(),
            Self::Abort => control.abort(),
        }
    }
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
            urgency: Urgency::None,
        }
    }

    /// Does what `action` asks for; what the run must be told is returned.
    pub(super) fn apply(&mut self, action: Action, frame: &Frame, steering: &ControlState) -> Option<Order> {
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
            Action::Pause => {
                return Some(if steering.paused {
                    Order::Resume
                } else {
                    Order::Pause
                });
            }
            Action::ScaleUp => return Some(self.scale(true, frame, steering)),
            Action::ScaleDown => return Some(self.scale(false, frame, steering)),
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

    fn next_trend(&self, snapshot: &Snapshot) -> Option<Trend> {
        let measured: Vec<Trend> = snapshot.total.cumulative.trends_ms.keys().copied().collect();
        let present = self.trend(snapshot);
        let at = measured.iter().position(|&trend| trend == present)?;
        measured.get((at + 1) % measured.len()).copied()
    }

    fn scale(&mut self, up: bool, frame: &Frame, steering: &ControlState) -> Order {
        match self.scaling {
            Scaling::Clients => {
                let present = steering.clients.unwrap_or(frame.snapshot.gauges.clients_wanted);
                let step = (present / 10).max(1);
                let clients = if up {
                    present.saturating_add(step)
                } else {
                    present.saturating_sub(step)
                };
                self.notice = Some(format!(
                    "load set to {}; 0 returns to the scenario's",
                    counted(clients, "client")
                ));
                Order::Clients(Some(clients))
            }
            Scaling::Arrivals => {
                let factor = steering.rate_factor * if up { 1.1 } else { 1.0 / 1.1 };
                // So that up and down again is where one was.
                let factor = ((factor * 1e3).round() / 1e3).clamp(FACTORS.0, FACTORS.1);
                self.notice = Some(format!(
                    "arrivals set to ×{}; 0 returns to the scenario's",
                    short(factor)
                ));
                Order::RateFactor(factor)
            }
        }
    }

    fn unscale(&mut self) -> Order {
        self.notice = Some("load as the scenario says".to_owned());
        match self.scaling {
            Scaling::Clients => Order::Clients(None),
            Scaling::Arrivals => Order::RateFactor(1.0),
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

    /// A state, what it is shown, and the run that it steers.
    struct Bench {
        state: State,
        frame: Frame,
        control: Control,
    }

    impl Bench {
        fn new(scaling: Scaling, wanted: u64) -> Self {
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
            Self {
                state: State::new(scaling),
                frame: Frame {
                    snapshot: Arc::new(snapshot),
                    ..Frame::default()
                },
                control: Control::new(),
            }
        }

        /// Does an action and what follows from it for the run.
        fn act(&mut self, action: Action) -> Option<Order> {
            let order = self.state.apply(action, &self.frame, &self.control.state());
            order.inspect(|order| order.give(&self.control));
            order
        }
    }

    #[test]
    fn tabs_windows_and_trends_go_round() {
        let mut bench = Bench::new(Scaling::Clients, 0);
        let tabs = [Action::NextTab; 3].map(|action| {
            assert_eq!(bench.act(action), None);
            bench.state.tab
        });
        assert_eq!(tabs, [1, 2, 0]);
        bench.act(Action::PreviousTab);
        assert_eq!(bench.state.tab, 2);
        let windows = [Action::NextWindow; 3].map(|action| {
            bench.act(action);
            bench.state.window.length().map(|length| length.as_secs())
        });
        assert_eq!(windows, [Some(300), None, Some(60)]);
        let trends = [Action::NextTrend; 3].map(|action| {
            bench.act(action);
            bench.state.trend(&bench.frame.snapshot)
        });
        assert_eq!(trends, [Trend::Ping, Trend::Connect, Trend::Response]);
    }

    #[test]
    fn the_load_changes_by_a_tenth_and_at_least_one_and_returns_to_the_plan() {
        let mut bench = Bench::new(Scaling::Clients, 200);
        let clients = [
            Action::ScaleUp,
            Action::ScaleUp,
            Action::ScaleDown,
            Action::ScaleReset,
            Action::ScaleDown,
        ]
        .map(|action| {
            bench.act(action);
            bench.control.state().clients
        });
        assert_eq!(clients, [Some(220), Some(242), Some(218), None, Some(180)]);

        let mut empty = Bench::new(Scaling::Clients, 0);
        assert_eq!(empty.act(Action::ScaleDown), Some(Order::Clients(Some(0))));
        assert_eq!(empty.act(Action::ScaleUp), Some(Order::Clients(Some(1))));
    }

    #[test]
    fn arrivals_are_scaled_by_a_factor() {
        let mut bench = Bench::new(Scaling::Arrivals, 0);
        for _ in 0..2 {
            assert_eq!(bench.act(Action::ScaleUp), Some(Order::RateFactor(1.1)));
            assert_eq!(bench.act(Action::ScaleDown), Some(Order::RateFactor(1.0)));
        }
        bench.act(Action::ScaleUp);
        assert_eq!(bench.act(Action::ScaleReset), Some(Order::RateFactor(1.0)));
        for _ in 0..100 {
            bench.act(Action::ScaleUp);
        }
        assert_eq!(bench.act(Action::ScaleUp), Some(Order::RateFactor(FACTORS.1)));
    }

    #[test]
    fn every_request_to_end_is_more_urgent() {
        let mut bench = Bench::new(Scaling::Clients, 0);
        let orders = [Action::Quit; 4].map(|action| bench.act(action).unwrap());
        assert_eq!(
            orders,
            [Order::Stop, Order::Interrupt, Order::Abort, Order::Abort]
        );
        let mut bench = Bench::new(Scaling::Clients, 0);
        assert_eq!(bench.act(Action::Interrupt), Some(Order::Interrupt));
        assert_eq!(bench.act(Action::Quit), Some(Order::Abort));
    }

    #[test]
    fn pausing_follows_the_run_and_not_the_last_key() {
        let mut bench = Bench::new(Scaling::Clients, 0);
        assert_eq!(bench.act(Action::Pause), Some(Order::Pause));
        assert_eq!(bench.act(Action::Pause), Some(Order::Resume));
        bench.control.pause();
        assert_eq!(bench.act(Action::Pause), Some(Order::Resume));
    }
}
