//! Measuring allocates nothing once it is warm: what the generator measures must not be its own allocator.

#![expect(clippy::unwrap_used, reason = "a client that cannot be set up fails its test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use wsbench::clock::Moment;
use wsbench::load::vclient::{Command, Scratch, Script, Turn, VClient};
use wsbench::metrics::{CloseCause, Counter, ErrorClass, Gauges, GroupId, Recorder, Shard, Side, Trend};
use wsbench::net::Target;
use wsbench::scenario::{
    CaptureScratch, Correlation, Op, Overrides, PayloadKind, RenderContext, Values, client_rng, from_str,
};
use wsbench::wire::handshake::{HandshakeRules, HeadLimits, ServerHandshake, ServerProgress};
use wsbench::wire::{MaskKey, Received, Receiver, ReceiverConfig, Role, Sender};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// Counts each thread's allocations, so that the test harness's own do not disturb.
struct Counting;

// SAFETY: everything is handed to the system's allocator unchanged; the counter is a plain cell of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are exactly the system allocator's requirements.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, and so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

fn measure(shard: &mut Shard) {
    let group = GroupId(0);
    for n in 1..1_000 {
        shard.record(group, Trend::Response, Duration::from_micros(n));
        shard.record(group, Trend::SendLag, Duration::from_nanos(n));
        shard.add(group, Counter::MessagesSent, 1);
        shard.ended(group, CloseCause::ServerClosed);
        shard.close_code(group, Side::Server, 1001);
    }
}

#[test]
fn a_warm_shard_allocates_nothing() {
    let mut shard = Shard::new(1);
    assert_ne!(
        allocations(|| measure(&mut shard)),
        0,
        "the first values get their arrays"
    );
    shard.clear();
    assert_eq!(allocations(|| measure(&mut shard)), 0);
}

#[test]
fn an_error_allocates_for_its_first_texts_only() {
    let mut shard = Shard::new(1);
    let mut fail = || {
        shard.error(GroupId(0), ErrorClass::ReplyTimeout, || {
            "no reply within 5s".to_owned()
        });
    };
    (0..10).for_each(|_| fail());
    assert_eq!(allocations(|| (0..1_000).for_each(|_| fail())), 0);
}

#[test]
fn handing_over_warm_shards_allocates_nothing() {
    let (mut recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
    let mut round = || {
        measure(senders[0].shard());
        senders[0].flush(Moment::ZERO, Gauges::default());
        recorder.drain();
    };
    (0..4).for_each(|_| round());
    assert_eq!(allocations(|| (0..10).for_each(|_| round())), 0);
}

/// A message and its reply, by every matcher; each send step with a reply that its matcher accepts for number 42.
const EXCHANGES: &str = r#"
stages: [{duration: 1s, clients: 1}]
flow:
  - send: {text: "${pad(seq, 20)}", reply: echo}
  - send: {text: "${uuid}", reply: {text: "ok ${seq}"}}
  - send: {text: "${random_string(9)}", reply: {contains: "k 42"}}
  - send: {text: "${random_float(1, 9, 2)}", reply: {regex: "^ok [0-9]+$"}}
  - send: {json: {seq: "${seq}"}, reply: {json: {type: ack, seq: "${seq}", meta: {tags.1: b}}}}
"#;

#[test]
fn rendering_and_matching_allocate_nothing() {
    let plan = from_str("exchanges.yaml", EXCHANGES, &Overrides::default()).unwrap();
    let ctx = RenderContext {
        client: 1,
        seq: 42,
        ..RenderContext::default()
    };
    let json = r#"{"ignored":[{"a":"\n"}],"type":"ack","meta":{"tags":["a","b"]},"seq":42}"#;
    let replies = ["00000000000000000042", "ok 42", "ok 42", "ok 42", json];
    let sends: Vec<_> = plan.groups[0]
        .flow
        .iter()
        .filter_map(|op| if let Op::Send(send) = op { Some(send) } else { None })
        .collect();
    assert_eq!(sends.len(), replies.len());
    let mut rng = client_rng(1, 1);
    let mut out = Vec::with_capacity(1024);
    let mut exchange = || {
        for (send, reply) in sends.iter().zip(replies) {
            out.clear();
            send.payload.render(&ctx, &mut rng, &mut out);
            let spec = send.reply.as_ref().unwrap();
            assert!(
                spec.matcher.matches(PayloadKind::Text, reply.as_bytes(), &ctx),
                "{reply}"
            );
            if let Correlation::BySequence(extractor) = &spec.correlation {
                assert_eq!(extractor.extract(reply.as_bytes()), Some(42), "{reply}");
            }
        }
    };
    // The regex engine sets up its scratch space on first use.
    exchange();
    assert_eq!(allocations(|| (0..100).for_each(|_| exchange())), 0);
}

/// Values of a reply are kept, judged and sent again; sizes are drawn.
const KEEPING: &str = r#"
stages: [{duration: 1s, clients: 1}]
flow:
  - send: {text: hello, reply: {any: , capture: {token: {json: a.token}, n: {regex: 'n":(\d+)'}}}}
  - switch: [{case: {json: {a.token: "${token}", n: "${n}"}}, do: [{think: 1s}]}]
  - send: {json: {token: "${token}", text: "<${token}>", n: "${number(n)}"}}
  - send: {letters: {lognormal: {median: 100, sigma: 1}, max: 900}}
  - send: {random: {choice: {10: 1, 900: 2}}}
"#;

#[test]
fn keeping_values_and_branching_allocate_nothing() {
    let plan =
        from_str("keeping.yaml", KEEPING, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let message = br#"{"a":{"token":"tok-1"},"n":17}"#;
    let (mut scratch, mut values) = (CaptureScratch::default(), Values::new(plan.groups[0].slots));
    let mut rng = client_rng(1, 1);
    let mut out = Vec::with_capacity(4096);
    let mut round = || {
        out.clear();
        for op in &plan.groups[0].flow {
            let ctx = RenderContext {
                values: Some(&values),
                ..RenderContext::default()
            };
            match op {
                Op::Branch(branch) => {
                    assert!(branch.cases[0].0.matches(PayloadKind::Text, message, &ctx));
                }
                Op::Send(send) => {
                    send.payload.render(&ctx, &mut rng, &mut out);
                    for capture in send.reply.iter().flat_map(|reply| &reply.captures) {
                        assert!(capture.take(message, &mut scratch, &mut values));
                    }
                }
                _ => {}
            }
        }
        let expected = br#"{"token":"tok-1","text":"<tok-1>","n":17}"#;
        assert!(out.windows(expected.len()).any(|window| window == expected));
    };
    // The places of values and the scratch space of the expressions are set up on first use.
    round();
    assert_eq!(allocations(|| (0..100).for_each(|_| round())), 0);
}

/// A client whose messages all come back to it.
struct Mirror {
    script: Script,
    client: VClient,
    shard: Shard,
    scratch: Scratch,
    now: Moment,
    out: Vec<u8>,
    back: Vec<u8>,
    receiver: Receiver,
    sender: Sender,
}

impl Mirror {
    fn new(scenario: &str) -> Self {
        let plan = Arc::new(from_str("mirror.yaml", scenario, &Overrides::default()).unwrap());
        let target = Target::parse("ws://server.test/").unwrap();
        let script = Script::new(plan, &target, 1_700_000_000_000_000_000);
        let mut mirror = Self {
            client: VClient::new(&script, GroupId(0), 0),
            script,
            shard: Shard::new(1),
            scratch: Scratch::new(1),
            now: Moment::ZERO + Duration::from_secs(100),
            out: Vec::new(),
            back: Vec::new(),
            receiver: Receiver::new(Role::Server, ReceiverConfig::default(), None),
            sender: Sender::new(Role::Server, None),
        };
        let now = mirror.now;
        mirror.call(|client, turn, _| client.start(turn, now));
        mirror.call(|client, turn, _| client.dialing(turn));
        mirror.call(|client, turn, _| client.tcp_connected(turn, false));
        let Ok(ServerProgress::Done { head, .. }) =
            ServerHandshake::new(HeadLimits::default()).receive(&mirror.out)
        else {
            panic!("a whole request")
        };
        let accepted = head.upgrade(HandshakeRules::STRICT).unwrap().accept(None, None);
        accepted.write(&mut mirror.back);
        mirror.call(|client, turn, back| client.receive(turn, back));
        assert!(mirror.client.is_open());
        mirror
    }

    fn call(&mut self, call: impl FnOnce(&mut VClient, &mut Turn<'_>, &mut [u8])) {
        self.out.clear();
        let mut turn = Turn {
            now: self.now,
            script: &self.script,
            shard: &mut self.shard,
            out: &mut self.out,
            blocked: false,
            scratch: &mut self.scratch,
        };
        call(&mut self.client, &mut turn, &mut self.back);
    }

    /// What is due, and what comes back of it.
    fn millisecond(&mut self) {
        self.now += Duration::from_millis(1);
        self.call(|client, turn, _| client.due(turn));
        self.back.clear();
        let mut at = 0;
        loop {
            let (used, event) = self.receiver.receive(&mut self.out[at..]);
            at += used;
            match event {
                Received::NeedMore => break,
                Received::Message { kind, payload } => {
                    self.sender
                        .message(kind, payload, MaskKey([0; 4]), &mut self.back);
                }
                other => panic!("{other:?}"),
            }
        }
        self.call(|client, turn, back| client.receive(turn, back));
    }
}

#[test]
fn a_member_of_a_room_allocates_nothing_for_what_it_says_and_hears() {
    let mut mirror = Mirror::new(
        "
stages: [{duration: 1h, clients: 1}]
fanout: {settle: 1s}
flow: [connect, {join: lobby}, {every: 1ms, do: [{send: {text: 'to all: ${mark}'}}]}]
",
    );
    (0..3_000).for_each(|_| mirror.millisecond());
    assert_eq!(allocations(|| (0..3_000).for_each(|_| mirror.millisecond())), 0);
    let received = mirror.shard.groups()[0].counter(Counter::FanOutReceived);
    assert!(received >= 5_999, "{received}");
}

/// A frame of an endless stream to the client. Rations are multiples of its length: the rest of an incomplete frame has to be
/// kept, whoever reads it.
const PUSH: [u8; 64] = {
    let mut frame = [b'x'; 64];
    frame[0] = 0x81;
    frame[1] = 62;
    frame
};

impl Mirror {
    /// What is due, and as much of an endless stream as the client takes.
    fn millisecond_of_reading(&mut self, position: &mut usize) {
        self.now += Duration::from_millis(1);
        self.call(|client, turn, _| client.due(turn));
        if self.client.command() == Command::Read {
            self.client.reads_on();
        }
        let ration = self.client.ration(self.now).min(1_024);
        self.back.clear();
        self.back
            .extend((0..ration).map(|n| PUSH[(*position + n) % PUSH.len()]));
        *position += ration;
        self.client.has_read(ration);
        self.call(|client, turn, back| client.receive(turn, back));
    }
}

#[test]
fn a_client_that_reads_by_rations_allocates_nothing() {
    let mut mirror = Mirror::new(
        "
stages: [{duration: 1h, clients: 1}]
connection: {read_rate: 100KiB/s}
flow: [connect, {repeat: forever, do: [{think: 300ms}, {read_rate: 0}, {think: 2ms}, {read_rate: 50KiB/s}]}]
",
    );
    let mut position = 0;
    (0..1_000).for_each(|_| mirror.millisecond_of_reading(&mut position));
    let read = position;
    let rounds = || (0..3_000).for_each(|_| mirror.millisecond_of_reading(&mut position));
    assert_eq!(allocations(rounds), 0);
    assert!(
        (100_000..250_000).contains(&(position - read)),
        "{}",
        position - read
    );
}
