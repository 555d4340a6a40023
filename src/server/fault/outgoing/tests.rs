//! Frames in, bytes and moments out, over virtual time.

use std::time::Duration;

use super::*;
use crate::server::testing;
use crate::wire::{MaskKey, MessageKind, Role, Sender};

/// What came out: when, and which bytes.
type Written = Vec<(u64, Vec<u8>)>;

struct Bench {
    outgoing: Outgoing,
    now: Moment,
    written: Written,
    ends: Vec<(u64, TcpEnd)>,
}

impl Bench {
    fn new(faults: &[&str]) -> Self {
        Self::with_head(faults, None)
    }

    fn with_head(faults: &[&str], head: Option<&[u8]>) -> Self {
        let mut plan = FaultPlan::default();
        plan.add_written("seed:1").unwrap();
        for fault in faults {
            plan.add_written(fault).unwrap();
        }
        let tally = FaultTally::new(&plan, testing::worker());
        Self {
            outgoing: Outgoing::new(&plan, head.map(<[u8]>::to_vec), tally),
            now: Moment::ZERO + Duration::from_secs(1),
            written: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from((self.now - Moment::ZERO).as_millis()).unwrap() - 1000
    }

    fn push(&mut self, frames: &[u8]) -> &mut Self {
        self.outgoing.push(frames, self.now);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.push(&frame(text))
    }

    /// Writes until there is nothing left, letting time pass.
    fn run(&mut self) -> &mut Self {
        loop {
            match self.outgoing.step(self.now) {
                Step::Idle => return self,
                Step::Wait(moment) => {
                    assert!(moment > self.now, "a wait goes forward");
                    self.now = moment;
                }
                Step::End(end) => {
                    let millis = self.millis();
                    self.ends.push((millis, end));
                    self.outgoing.shut();
                }
                Step::Write(bytes) => {
                    let bytes = bytes.to_vec();
                    self.outgoing.wrote(bytes.len());
                    let millis = self.millis();
                    self.written.push((millis, bytes));
                }
            }
        }
    }

    fn all(&self) -> Vec<u8> {
        self.written.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
    }

    fn times(&self) -> Vec<u64> {
        self.written.iter().map(|(millis, _)| *millis).collect()
    }

    fn counts(&self) -> serde_json::Value {
        serde_json::to_value(&*self.outgoing.tally.record).unwrap()
    }
}

fn sender() -> Sender {
    Sender::new(Role::Server, None)
}

fn frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    sender().message(MessageKind::Text, text.as_bytes(), MaskKey::default(), &mut out);
    out
}

fn close(code: Option<u16>, reason: &str) -> Vec<u8> {
    let mut out = Vec::new();
    sender().close(code.map(CloseCode), reason, MaskKey::default(), &mut out);
    out
}

fn frames(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| frame(text)).collect()
}

/// Pushes `a` to `e` and gives out what remains of them.
fn five(fault: &str) -> (Vec<u8>, Bench) {
    let mut bench = Bench::new(&[fault]);
    bench.push(&frames(&["a", "b", "c", "d", "e"])).run();
    (bench.all(), bench)
}

#[test]
fn without_faults_everything_passes_however_it_is_cut() {
    let bytes = [frames(&["a", "", &"x".repeat(70_000)]), close(Some(1000), "bye")].concat();
    for cut in [1, 2, 3, 4, 5, 6, 10, 69_999, bytes.len() - 1] {
        let mut bench = Bench::new(&[]);
        bench.push(&bytes[..cut]).run();
        bench.push(&bytes[cut..]).run();
        assert!(bench.all() == bytes, "cut at {cut}");
        assert_eq!(bench.outgoing.take_sent().messages_out, 3);
    }
}

#[test]
fn dropped_messages_are_missing_and_not_counted_as_sent() {
    let (bytes, mut bench) = five("drop:2,4");
    assert_eq!(bytes, frames(&["a", "c", "e"]));
    let sent = bench.outgoing.take_sent();
    assert_eq!((sent.messages_out, sent.bytes_out), (3, 9));
    assert_eq!(bench.counts()["drop:2,4"], 2);
}

#[test]
fn duplicates_follow_their_original() {
    let (bytes, mut bench) = five("duplicate:every(2)");
    assert_eq!(bytes, frames(&["a", "b", "b", "c", "d", "d", "e"]));
    assert_eq!(bench.outgoing.take_sent().messages_out, 7);
}

#[test]
fn a_reordered_message_follows_its_successor() {
    let (bytes, _) = five("reorder:2,3");
    assert_eq!(
        bytes,
        frames(&["a", "c", "b", "d", "e"]),
        "the third overtakes, so it cannot wait itself"
    );
    let (bytes, mut bench) = five("reorder:5");
    assert_eq!(
        bytes,
        frames(&["a", "b", "c", "d"]),
        "the last waits for a successor"
    );
    bench.push(&close(None, "")).run();
    assert_eq!(
        bench.all(),
        [frames(&["a", "b", "c", "d", "e"]), close(None, "")].concat()
    );
}

#[test]
fn a_corrupted_message_differs_in_one_bit() {
    for (fault, range) in [("corrupt:3", 8..9), ("corrupt-header:3", 6..8)] {
        let (bytes, _) = five(fault);
        let good = frames(&["a", "b", "c", "d", "e"]);
        let wrong: Vec<_> = (0..good.len()).filter(|&at| good[at] != bytes[at]).collect();
        assert_eq!(wrong.len(), 1, "{fault}");
        assert!(range.contains(&wrong[0]), "{fault}: byte {}", wrong[0]);
        assert_eq!((good[wrong[0]] ^ bytes[wrong[0]]).count_ones(), 1);
    }
}

#[test]
fn a_delay_counts_from_when_each_message_was_written() {
    let mut bench = Bench::new(&["delay:50ms"]);
    bench.text("a");
    bench.now += Duration::from_millis(20);
    bench.text("b").run();
    assert_eq!(bench.times(), [50, 70]);
    assert_eq!(bench.all(), frames(&["a", "b"]));
}

#[test]
fn delays_that_vary_keep_the_order_and_the_seed_decides_them() {
    let run = || {
        let mut bench = Bench::new(&["delay:uniform(5ms,50ms)", "seed:42"]);
        for _ in 0..20 {
            bench.text("x").run();
        }
        bench.times()
    };
    let times = run();
    let waits: Vec<_> = std::iter::once(times[0])
        .chain(times.windows(2).map(|pair| pair[1] - pair[0]))
        .collect();
    assert!(waits.iter().all(|wait| (5..=51).contains(wait)), "{waits:?}");
    assert!(waits.iter().max() > waits.iter().min());
    assert_eq!(run(), times);

    let mut bench = Bench::new(&["delay:exponential(20ms)"]);
    let numbers: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    for number in &numbers {
        bench.text(number);
    }
    bench.run();
    let expected: Vec<u8> = numbers.iter().flat_map(|number| frame(number)).collect();
    assert_eq!(bench.all(), expected);
}

#[test]
fn control_frames_wait_in_line_but_are_not_delayed_themselves() {
    let mut bench = Bench::new(&["delay:50ms"]);
    bench.push(b"\x8a\x01p").run();
    assert_eq!(bench.times(), [0]);
    bench.text("a").push(b"\x8a\x01q").push(&close(None, "")).run();
    assert_eq!(bench.times(), [0, 50, 50, 50]);
}

#[test]
fn a_stalled_server_writes_nothing_until_the_stall_ends() {
    // The bench begins a second after the start: 900 ms before the stall.
    let mut bench = Bench::new(&["stall:100ms/1s"]);
    bench.now += Duration::from_millis(899);
    bench.text("a").run();
    bench.now += Duration::from_millis(11);
    bench.text("b").text("c").run();
    assert_eq!(bench.times(), [899, 1000, 1000]);
    assert_eq!(bench.counts()["stall:100ms/1s"], 1);
}

#[test]
fn a_dribble_keeps_its_pace() {
    let mut bench = Bench::new(&["dribble:2/10ms"]);
    bench.text("hello").run();
    assert_eq!(bench.all(), frame("hello"));
    assert_eq!(bench.times(), [0, 10, 20, 30]);
    let sizes: Vec<_> = bench.written.iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes, [2, 2, 2, 1]);
}

#[test]
fn d5_b13_pongs_vanish_and_are_not_counted() {
    let mut bench = Bench::new(&["mute-pong"]);
    bench.push(b"\x8a\x01p\x89\x00").text("a").run();
    assert_eq!(bench.all(), [&b"\x89\x00"[..], &frame("a")].concat());
    let sent = bench.outgoing.take_sent();
    assert_eq!((sent.pongs_out, sent.pings_out, sent.messages_out), (0, 1, 1));
    assert_eq!(bench.counts()["mute-pong"], 1);
}

#[test]
fn e14_the_code_of_a_close_frame_is_forged() {
    for (setting, original, forged) in [
        ("1006", close(Some(1000), "bye"), close(Some(1006), "bye")),
        ("0", close(None, ""), close(Some(0), "")),
        ("none", close(Some(1000), "bye"), close(None, "")),
    ] {
        let mut bench = Bench::new(&[&format!("close-code:{setting}")]);
        bench.push(&original).run();
        assert_eq!(bench.all(), forged, "{setting}");
        assert!(bench.outgoing.forged_code().is_some());
    }
}

#[test]
fn after_the_last_message_nothing_but_the_close_frame_passes() {
    let mut bench = Bench::new(&["close-after:2,1011,enough"]);
    assert_eq!(bench.outgoing.take_close(), None);
    bench.push(&frames(&["a", "b", "c"])).run();
    let wanted = bench.outgoing.take_close().unwrap();
    assert_eq!((wanted.code, &*wanted.reason), (Some(1011), "enough"));
    bench
        .push(&frames(&["d"]))
        .push(&close(Some(1011), "enough"))
        .run();
    assert_eq!(
        bench.all(),
        [frames(&["a", "b"]), close(Some(1011), "enough")].concat()
    );
    assert!(Bench::new(&["close-after:0"]).outgoing.take_close().is_some());
}

#[test]
fn a36_tcp_ends_behind_the_last_message_when_that_is_due() {
    for (fault, end) in [
        ("fin:2", TcpEnd::Fin),
        ("rst:2", TcpEnd::Reset),
        ("half-close:2", TcpEnd::HalfClose),
    ] {
        let mut bench = Bench::new(&[fault, "delay:30ms"]);
        bench.push(&frames(&["a", "b", "c"])).run();
        assert_eq!(bench.all(), frames(&["a", "b"]));
        assert_eq!(bench.ends, [(30, end)]);
        bench.push(&close(Some(1000), "")).run();
        assert_eq!(bench.all(), frames(&["a", "b"]), "its side of TCP has ended");
    }
}

#[test]
fn the_head_goes_out_with_the_first_frame_if_there_is_one_or_else_alone() {
    let mut bench = Bench::with_head(&[], Some(b"HEAD"));
    bench.text("a").run();
    assert_eq!(bench.written, [(0, b"HEAD\x81\x01a".to_vec())]);
    assert_eq!(
        bench.outgoing.take_sent().bytes_out,
        3,
        "the head is not part of the session"
    );

    let mut bench = Bench::with_head(&[], Some(b"HEAD"));
    bench.run().text("a").run();
    assert_eq!(bench.written, [(0, b"HEAD".to_vec()), (0, frame("a"))]);

    let mut bench = Bench::with_head(&["delay:5ms", "fin:1"], Some(b"HEAD"));
    bench.text("a").run();
    assert_eq!(bench.written, [(0, b"HEAD".to_vec()), (5, frame("a"))]);
    assert_eq!(bench.ends, [(5, TcpEnd::Fin)]);
}

#[test]
fn a33_what_faults_hold_back_is_bounded() {
    let mut bench = Bench::new(&["delay:1h"]);
    let message = frame(&"x".repeat(65_536));
    let mut pushed = 0;
    while bench.outgoing.has_room() {
        bench.push(&message);
        pushed += 1;
    }
    assert_eq!(pushed, CAPACITY / message.len() + 1);
}
