//! What the view of a run looks like, at the smallest size that shows everything and at one that has room.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::*;
use crate::clock::Moment;
use crate::metrics::{CloseCause, Counter, ErrorClass, Gauges, GroupId, Recorder, Shard, ShardSender, Side};
use crate::tui::frame::{HealthLine, Scaling, Stage, Standing, ThresholdLine};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (140, 44);
const TICK: Duration = Duration::from_millis(250);
const SENSORS: GroupId = GroupId(0);
const READERS: GroupId = GroupId(1);

/// A run with made-up measurements, and its screen.
struct Play {
    screen: RunScreen,
    control: Control,
    recorder: Recorder,
    sender: ShardSender,
    ticks: u32,
    frame: Frame,
}

impl Play {
    fn new() -> Self {
        Self::with(Theme::MONO, Scaling::Clients)
    }

    fn with(theme: Theme, scaling: Scaling) -> Self {
        let stage = |seconds, goal: &str| Stage {
            length: Duration::from_secs(seconds),
            goal: goal.to_owned(),
        };
        let brief = Brief {
            name: "iot".to_owned(),
            target: "ws://127.0.0.1:9001".to_owned(),
            stages: vec![
                stage(5, "2,000 clients"),
                stage(40, "2,000 clients"),
                stage(5, "0 clients"),
            ],
            scaling,
        };
        let control = Control::new();
        let (mut recorder, mut senders) = Recorder::new(&["sensors", "readers"], 1, Moment::ZERO);
        recorder.show_spreads();
        Self {
            screen: RunScreen::new(brief, control.clone(), theme),
            control,
            recorder,
            sender: senders.remove(0),
            ticks: 0,
            frame: Frame::default(),
        }
    }

    /// One more tick, in which `fill` happens.
    fn tick(&mut self, gauges: Gauges, fill: impl FnOnce(&mut Shard, u32)) {
        self.ticks += 1;
        fill(self.sender.shard(), self.ticks);
        let now = Moment::ZERO + TICK * self.ticks;
        self.sender.flush(now, gauges);
        self.frame.snapshot = self.recorder.tick(now);
        self.screen.take(Arc::new(self.frame.clone()));
    }

    /// The ramp and `seconds` at full load.
    fn full_load(&mut self, seconds: u32) {
        for tick in 1..=20_u64 {
            let clients = tick * 100;
            self.tick(clients_of(clients), |shard, _| ordinary(shard, clients, 100));
        }
        for _ in 0..seconds * 4 {
            self.tick(clients_of(2_000), |shard, tick| {
                ordinary(shard, 2_000 + u64::from(tick % 7) * 20, 0);
            });
        }
    }

    fn press(&mut self, code: KeyCode) {
        self.screen.key(KeyEvent::new(code, KeyModifiers::NONE));
    }

    fn type_keys(&mut self, keys: &str) {
        keys.chars().for_each(|key| self.press(KeyCode::Char(key)));
    }

    fn buffer(&self, (width, height): (u16, u16)) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.screen.draw(frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn text(&self, size: (u16, u16)) -> String {
        let buffer = self.buffer(size);
        let mut text = String::new();
        for row in buffer.content.chunks(usize::from(size.0)) {
            let row: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    /// Compares both sizes with their snapshots.
    fn look(&self, name: &str) {
        for (size, suffix) in [(SMALL, "small"), (LARGE, "large")] {
            insta::assert_snapshot!(format!("{name}_{suffix}"), self.text(size));
        }
    }
}

fn clients_of(n: u64) -> Gauges {
    Gauges {
        clients_wanted: n,
        clients_active: n,
        connections_open: n,
    }
}

/// A quarter of a second in which every client sends a message and `connects` more connect.
fn ordinary(shard: &mut Shard, clients: u64, connects: u64) {
    for (counter, n) in [
        (Counter::ConnectAttempted, connects),
        (Counter::ConnectOpened, connects),
        (Counter::MessagesSent, clients / 4),
        (Counter::MessagesReceived, clients / 4),
        (Counter::BytesSent, clients * 38),
        (Counter::BytesReceived, clients * 11),
    ] {
        shard.add(SENSORS, counter, n);
    }
    for n in 0..connects {
        let micros = Duration::from_micros(120 + n * 3);
        shard.record(SENSORS, Trend::Tcp, micros);
        shard.record(SENSORS, Trend::Upgrade, micros * 4);
        shard.record(SENSORS, Trend::Connect, micros * 5);
    }
    for n in 0..clients / 10 {
        let micros = Duration::from_micros(300 + (n * n) % 4_000);
        shard.record(SENSORS, Trend::Response, micros);
        shard.record(SENSORS, Trend::Service, micros - Duration::from_micros(40));
        shard.record(SENSORS, Trend::SendLag, Duration::from_micros(40));
    }
    shard.record(SENSORS, Trend::Ping, Duration::from_micros(180 + clients % 70));
    shard.add(READERS, Counter::MessagesReceived, 5);
}

fn line(label: &str, value: &str, standing: Standing) -> HealthLine {
    HealthLine {
        label: label.to_owned(),
        value: value.to_owned(),
        standing,
    }
}

fn threshold(text: &str, value: &str, standing: Standing) -> ThresholdLine {
    ThresholdLine {
        text: text.to_owned(),
        value: value.to_owned(),
        standing,
    }
}

/// What goes wrong in the runs below.
fn troubles(shard: &mut Shard) {
    shard.add(SENSORS, Counter::ConnectAttempted, 31);
    shard.add(SENSORS, Counter::ConnectFailed, 31);
    for _ in 0..30 {
        shard.error(SENSORS, ErrorClass::Refused, || {
            "connect to 127.0.0.1:9001: Connection refused (os error 111)".to_owned()
        });
    }
    shard.error(SENSORS, ErrorClass::UpgradeRefused, || {
        "HTTP 503 Service Unavailable".to_owned()
    });
    for _ in 0..12 {
        shard.ended(SENSORS, CloseCause::PeerEof);
        shard.close_code(SENSORS, Side::Nobody, 1006);
        shard.error(SENSORS, ErrorClass::ConnectionLost, || {
            "the peer ended the connection without a Close frame\x1b[31m".to_owned()
        });
    }
    for (code, n) in [(1011, 3), (1001, 40), (4321, 1)] {
        for _ in 0..n {
            shard.ended(SENSORS, CloseCause::ServerClosed);
            shard.close_code(SENSORS, Side::Server, code);
        }
    }
    shard.ended(READERS, CloseCause::ClientClosed);
    shard.close_code(READERS, Side::Client, 1000);
}

#[test]
fn start() {
    let mut play = Play::new();
    play.look("before");
    play.tick(clients_of(40), |shard, _| {
        shard.add(SENSORS, Counter::ConnectAttempted, 40);
    });
    play.look("start");
}

#[test]
fn full_load() {
    let mut play = Play::new();
    play.frame.health = vec![
        line("send lag", "p99 40µs", Standing::Good),
        line("CPU", "38% of 2 cores", Standing::Good),
        line("open files", "2,018 of 20,000 (10.09%)", Standing::Good),
    ];
    play.frame.thresholds = vec![
        threshold("response: p(95)<250ms", "3.4ms", Standing::Good),
        threshold("connect_failed: rate<0.01", "0", Standing::Good),
    ];
    play.full_load(20);
    play.look("full_load");
    for (page, name) in [('2', "latency"), ('3', "connections"), ('5', "verdict")] {
        play.press(KeyCode::Char(page));
        play.look(&format!("full_load_{name}"));
    }
}

#[test]
fn errors() {
    let mut play = Play::new();
    play.frame.thresholds = vec![
        threshold("response: p(95)<250ms", "3.4ms", Standing::Good),
        threshold("connect_failed: rate<0.01", "0.015", Standing::Bad),
        threshold("ping: max<1s", "", Standing::Unknown),
    ];
    play.frame.health = vec![line("CPU", "97% of 2 cores", Standing::Bad)];
    play.full_load(10);
    play.tick(clients_of(1_944), |shard, _| troubles(shard));
    play.look("errors");
    play.type_keys("4");
    play.look("errors_endings");
    play.press(KeyCode::Tab);
    play.press(KeyCode::Tab);
    play.look("errors_endings_of_readers");
    play.type_keys("5");
    play.look("errors_verdict");
}

#[test]
fn rooms_that_do_not_reach_everybody() {
    let mut play = Play::new();
    play.full_load(2);
    play.type_keys("3");
    play.tick(clients_of(2_000), |shard, _| {
        for (counter, n) in [
            (Counter::RoomsJoined, 40),
            (Counter::FanOutSent, 1_000),
            (Counter::FanOutOwed, 40_000),
            (Counter::FanOutReceived, 39_990),
            (Counter::FanOutLost, 10),
            (Counter::FanOutDuplicated, 3),
        ] {
            shard.add(READERS, counter, n);
        }
        shard.record(READERS, Trend::Delivery, Duration::from_micros(730));
    });
    play.look("rooms");
}

#[test]
fn paused_and_scaled() {
    let mut play = Play::new();
    play.full_load(10);
    play.type_keys("+p");
    assert!(play.control.is_paused());
    // The clock of the pause is the real one, and its length shows in the progress of the stages.
    play.screen.live.steering.paused_for = Duration::from_secs(3);
    play.look("paused");
    play.type_keys("p0");
    assert!(!play.control.is_paused());
    assert_eq!(play.control.state().clients, None);
}

#[test]
fn arrivals_scaled() {
    let mut play = Play::with(Theme::MONO, Scaling::Arrivals);
    play.full_load(1);
    play.type_keys("++");
    play.screen.state.notice = None;
    assert!(play.text(SMALL).contains("arrivals ×1.21"));
}

#[test]
fn help() {
    let mut play = Play::new();
    play.full_load(10);
    play.type_keys("?");
    play.look("help");
    play.press(KeyCode::Esc);
    assert!(!play.text(SMALL).contains("Shift-Tab"));
}

#[test]
fn end() {
    let mut play = Play::new();
    play.full_load(40);
    for tick in (0..20).rev() {
        play.tick(clients_of(tick * 100), |shard, _| {
            for _ in 0..100 {
                shard.ended(SENSORS, CloseCause::ClientClosed);
                shard.close_code(SENSORS, Side::Client, 1000);
                shard.record(SENSORS, Trend::Close, Duration::from_micros(200));
            }
        });
    }
    play.type_keys("q4w");
    play.frame.note = Some("the embedded server has ended (exit status: 1); stopping".to_owned());
    play.tick(clients_of(0), |_, _| {});
    play.look("stopping");
    play.frame.note = None;
    play.frame.ended = true;
    play.tick(clients_of(0), |_, _| {});
    play.look("end");
}

#[test]
fn a_frozen_picture_stays_while_the_run_goes_on() {
    let mut play = Play::new();
    play.full_load(5);
    let body = |text: String| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let live = body(play.text(LARGE));
    play.type_keys("f");
    play.tick(clients_of(7), |_, _| {});
    assert_eq!(body(play.text(LARGE)), live);
    let header = play.text(SMALL);
    assert!(
        header
            .lines()
            .next()
            .unwrap()
            .contains("FROZEN at 00:10  00:10/00:50"),
        "{header}"
    );
    // Tabs and pages of a frozen picture can be turned.
    play.type_keys("3");
    assert!(play.text(SMALL).contains("connect phases"));
    play.press(KeyCode::Esc);
    assert!(play.text(SMALL).contains("clients 7/7"));
}

#[test]
fn whoever_holds_the_picture_may_look_on_after_the_end() {
    let mut play = Play::new();
    play.full_load(1);
    assert!(!play.screen.is_held());
    play.type_keys("f");
    play.frame.ended = true;
    play.tick(clients_of(0), |_, _| {});
    assert!(play.screen.is_held());
    play.type_keys("q");
    assert!(!play.screen.is_held());
}

#[test]
fn every_size_can_be_drawn() {
    let mut play = Play::new();
    play.frame.thresholds = vec![threshold("response: p(95)<250ms", "3.4ms", Standing::Good)];
    play.full_load(2);
    play.tick(clients_of(2_000), |shard, _| troubles(shard));
    for page in ["1", "2", "3", "4", "5?"] {
        play.type_keys(page);
        for width in [1, 39, 40, 59, 80, 119, 120, 300] {
            for height in [1, 11, 12, 15, 24, 36, 90] {
                play.text((width, height));
            }
        }
    }
}

#[test]
fn no_colour_means_no_colour() {
    use ratatui::style::Color;
    let coloured = |theme| {
        let mut play = Play::with(theme, Scaling::Clients);
        play.full_load(2);
        play.tick(clients_of(2_000), |shard, _| troubles(shard));
        let buffer = play.buffer(LARGE);
        let colours = buffer.content.iter().filter(|cell| cell.fg != Color::Reset);
        colours.count()
    };
    assert_eq!(coloured(Theme::MONO), 0);
    assert!(coloured(Theme::COLOUR) > 500);
}

#[test]
fn control_characters_of_a_peer_never_reach_the_terminal() {
    let mut play = Play::new();
    play.tick(clients_of(1), |shard, _| troubles(shard));
    play.type_keys("4");
    for size in [SMALL, LARGE] {
        assert!(!play.text(size).chars().any(|c| c.is_control() && c != '\n'));
    }
}
