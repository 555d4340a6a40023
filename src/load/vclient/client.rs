//! [`VClient`]: the state of one virtual client, and what a driver calls.

use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::{Counter, ErrorClass, GroupId};
use crate::scenario::{ClientRng, Group, client_rng};

use super::link::Link;
use super::loops::Loops;
use super::memory::{NO_CASE, Who};
use super::pending::Pending;
use super::turn::{Script, Turn};

/// What a client asks its driver to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing: hand it bytes and call it at its deadline.
    None,
    /// Open a transport and call [`VClient::dialing`] when the attempt begins.
    Connect,
    /// Read what the limit of its reading had held back: call [`VClient::reads_on`], then read as if there were news.
    Read,
    /// Send what was written, end the transport and call [`VClient::disconnected`].
    Disconnect,
    /// Forget this client: it is done.
    Finish,
}

/// One virtual client: it interprets its group's flow over one connection at a time.
///
/// It never touches a socket or a clock. Every method but the constructor and the readers may write bytes to the turn's
/// `out`; after each of them the driver looks at [`command`](Self::command) and [`deadline`](Self::deadline).
#[derive(Debug)]
pub struct VClient {
    pub(super) link: Link,
    pub(super) wait: Wait,
    pub(super) sends: Pending,
    pub(super) pings: Pending,
    /// When the next background ping is due.
    pub(super) heartbeat: Moment,
    pub(super) group: GroupId,
    /// Index of the next operation.
    pub(super) pc: u32,
    /// The sequence number of the last message sent; 0 before the first.
    pub(super) seq: u64,
    /// How far the flow is behind its schedule, in nanoseconds: the intended moment of a step is this much earlier than
    /// the moment at which the flow reached it.
    pub(super) behind: u64,
    pub(super) loops: Loops,
    pub(super) who: Who,
    pub(super) random: ClientRng,
    /// Which case of the branch ahead applies.
    pub(super) case: u8,
    /// A flow is under way: it was begun and neither completed, failed nor was interrupted.
    pub(super) in_flow: bool,
    /// Flows that failed in a row.
    failures: u8,
    /// Connections opened so far.
    pub(super) openings: u32,
    pub(super) leaving: Leaving,
}

/// What a client is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// An open connection.
    Open,
    /// A moment within the flow.
    Until(Moment),
    /// The intended begin of a loop's round.
    Round(Moment),
    /// The driver's next call, after a long stretch of work.
    Turn,
    /// The reply to the last message sent.
    Reply,
    /// One message under way fewer, to send one that was intended for this moment.
    Room(Moment),
    /// The transport, to send a message that was intended for this moment.
    Writable(Moment),
    /// A message; then the flow fails.
    Expect(Moment),
    /// The pong to the flow's ping.
    Pong,
    /// Whether a message of some size is accepted; then it was refused.
    Probe(Moment),
    /// Messages, until a moment or until none is left.
    Receive { until: Moment, left: u64 },
    /// The replies still under way after the flow's last operation.
    Replies,
    /// The end of the connection.
    Ended,
    /// A moment between two flows, after a failure.
    Backoff(Moment),
    /// The end of a pause of the run; the flow had reached its next step at this moment.
    Held(Moment),
    /// The same, to send a message that was intended for this moment.
    HeldSend(Moment),
    /// Nothing more.
    Done,
}

/// Whether a client has been asked to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    No,
    /// The flow may finish until this moment.
    Gracefully(Moment),
    /// The flow was interrupted.
    Now,
}

/// The pause after a first failure; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// A connection that held this long shows that the target is back.
pub(super) const PROVEN: Duration = Duration::from_secs(10);

impl VClient {
    /// A client that has not begun. `id` is unique within the run and fixes its random choices.
    #[must_use]
    pub fn new(script: &Script, group: GroupId, id: u64) -> Self {
        Self {
            link: Link::Down,
            wait: Wait::Done,
            sends: Pending::default(),
            pings: Pending::default(),
            heartbeat: Moment::NEVER,
            group,
            pc: 0,
            seq: 0,
            behind: 0,
            loops: Loops::default(),
            who: Who::new(&script.plan.groups[usize::from(group.0)], id),
            random: client_rng(script.plan.seed, id),
            case: NO_CASE,
            in_flow: false,
            failures: 0,
            openings: 0,
            leaving: Leaving::No,
        }
    }

    /// Begins the first flow, intended for `at`.
    pub fn start(&mut self, turn: &mut Turn<'_>, at: Moment) {
        self.counted(turn, |client, turn| client.begin_flow(turn, at));
    }

    /// What the driver is to do now.
    #[must_use]
    pub fn command(&self) -> Command {
        match self.link {
            Link::Wanted { .. } if !self.loops.held => Command::Connect,
            Link::Discarded => Command::Disconnect,
            Link::Open(_) if self.is_hungry() => Command::Read,
            Link::Down if self.wait == Wait::Done => Command::Finish,
            _ => Command::None,
        }
    }

    /// Whether its connection is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.link, Link::Open(_))
    }

    /// Whether it runs a flow.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.in_flow
    }

    /// How many connections it has opened; wraps.
    #[must_use]
    pub fn openings(&self) -> u32 {
        self.openings
    }

    /// Its number within the run.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.who.id
    }

    /// The group it belongs to.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// The moment at which to call [`due`](Self::due), or earlier; [`Moment::NEVER`] if only the peer can move it.
    #[must_use]
    pub fn deadline(&self, script: &Script) -> Moment {
        let waiting = match self.wait {
            _ if self.loops.held => Moment::NEVER,
            Wait::Until(at) | Wait::Round(at) | Wait::Expect(at) | Wait::Probe(at) | Wait::Backoff(at) => at,
            Wait::Receive { until, .. } => until,
            Wait::Turn => Moment::ZERO,
            _ => Moment::NEVER,
        };
        let leaving = match self.leaving {
            Leaving::Gracefully(until) => until,
            _ => Moment::NEVER,
        };
        let answers = self
            .sends
            .earliest()
            .min(self.pings.earliest())
            .min(self.heartbeat);
        waiting
            .min(leaving)
            .min(answers)
            .min(self.link.deadline(&self.plan(script).connection))
            .min(self.reads_on_at())
    }

    /// Does what is due. More may be due at once afterwards: the deadline tells.
    pub fn due(&mut self, turn: &mut Turn<'_>) {
        self.counted(turn, Self::do_due);
    }

    fn do_due(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        if let Leaving::Gracefully(until) = self.leaving
            && until <= now
        {
            self.cut_off(turn);
        }
        if self.link.deadline(&self.plan(turn.script).connection) <= now {
            self.link_timed_out(turn);
        }
        while let Some(owed) = self.sends.give_up(now) {
            turn.count(self.group, Counter::SentLostTimeout);
            let waited = owed.until - owed.sent;
            turn.error(self.group, ErrorClass::ReplyTimeout, || {
                format!("no reply to a message within {waited:?}")
            });
            self.send_settled(turn, owed.id, owed.until);
        }
        while let Some(owed) = self.pings.give_up(now) {
            turn.count(self.group, Counter::PingsUnanswered);
            let waited = owed.until - owed.sent;
            turn.error(self.group, ErrorClass::PingTimeout, || {
                format!("no pong within {waited:?}")
            });
            self.ping_settled(turn, owed, owed.until);
        }
        if self.heartbeat <= now {
            self.beat(turn);
        }
        self.reading_is_due(now);
        self.wait_is_over(turn);
    }

    fn wait_is_over(&mut self, turn: &mut Turn<'_>) {
        match self.wait {
            _ if self.loops.held => {}
            Wait::Until(at) if at <= turn.now => self.run(turn, at),
            Wait::Round(at) if at <= turn.now => {
                self.behind = 0;
                self.run(turn, at);
            }
            Wait::Turn => self.run(turn, turn.now),
            Wait::Receive { until, .. } if until <= turn.now => {
                self.pc += 1;
                self.run(turn, until);
            }
            Wait::Expect(until) if until <= turn.now => {
                turn.error(self.group, ErrorClass::ExpectTimeout, || {
                    "no message that matches came in time".to_owned()
                });
                self.fail_flow(turn);
            }
            Wait::Probe(until) if until <= turn.now => self.probe_timed_out(turn),
            Wait::Backoff(at) if at <= turn.now => self.begin_flow(turn, at),
            _ => {}
        }
    }

    /// Asks the client to leave: loops without a bound end with the round under way, no new flow begins, and a flow that
    /// has not finished by `until` is interrupted. A client that has no connection yet and attempts none leaves at once.
    pub fn stop(&mut self, turn: &mut Turn<'_>, until: Moment) {
        self.counted(turn, |client, turn| client.do_stop(turn, until));
    }

    fn do_stop(&mut self, turn: &mut Turn<'_>, until: Moment) {
        match self.leaving {
            Leaving::No => self.leaving = Leaving::Gracefully(until),
            Leaving::Gracefully(_) | Leaving::Now => return,
        }
        match self.wait {
            Wait::Backoff(_) => self.wait = Wait::Done,
            // A search goes on over its next connection.
            Wait::Open if matches!(self.link, Link::Wanted { .. }) && !self.searches() => self.cut_off(turn),
            Wait::Round(_) => self.leave_endless_loop(turn),
            _ => {}
        }
    }

    /// Interrupts the flow and closes the connection with 1001.
    pub fn interrupt(&mut self, turn: &mut Turn<'_>) {
        self.counted(turn, Self::cut_off);
    }

    /// Ends everything at once, without waiting for the peer.
    pub fn abandon(&mut self, turn: &mut Turn<'_>) {
        self.counted(turn, |client, turn| {
            client.cut_off(turn);
            client.abandon_link(turn);
        });
    }

    fn cut_off(&mut self, turn: &mut Turn<'_>) {
        if self.leaving == Leaving::Now {
            return;
        }
        self.leaving = Leaving::Now;
        if self.in_flow {
            self.in_flow = false;
            turn.count(self.group, Counter::FlowsInterrupted);
            if matches!(self.wait, Wait::Expect(_)) {
                turn.count(self.group, Counter::ExpectsInterrupted);
            }
        }
        self.wait = Wait::Ended;
        self.interrupt_link(turn);
    }

    /// Begins a flow that was intended for `at`.
    pub(super) fn begin_flow(&mut self, turn: &mut Turn<'_>, at: Moment) {
        if !self.take_row(turn) {
            self.wait = Wait::Done;
            return;
        }
        if let Some(memory) = &mut self.who.memory {
            memory.search = None;
        }
        turn.count(self.group, Counter::FlowsStarted);
        self.in_flow = true;
        self.case = NO_CASE;
        self.pc = 0;
        self.behind = 0;
        self.loops.clear();
        self.run(turn, at);
    }

    /// The flow ran to its end at `at`; what is left is the connection.
    pub(super) fn complete_flow(&mut self, turn: &mut Turn<'_>, at: Moment) {
        turn.count(self.group, Counter::FlowsCompleted);
        self.in_flow = false;
        self.forget_failures();
        self.end_flow(turn, at);
    }

    /// The flow cannot go on.
    pub(super) fn fail_flow(&mut self, turn: &mut Turn<'_>) {
        if !self.in_flow {
            return;
        }
        turn.count(self.group, Counter::FlowsFailed);
        if matches!(self.wait, Wait::Expect(_)) {
            turn.count(self.group, Counter::ExpectsFailed);
        }
        self.in_flow = false;
        self.failures = self.failures.saturating_add(1);
        self.end_flow(turn, turn.now);
    }

    fn end_flow(&mut self, turn: &mut Turn<'_>, at: Moment) {
        self.wait = Wait::Ended;
        if matches!(self.link, Link::Down) {
            self.between_flows(turn, at);
        } else {
            self.close_normally(turn);
        }
    }

    /// The connection is gone: whoever waited for that goes on, a flow that needed it fails.
    pub(super) fn link_is_down(&mut self, turn: &mut Turn<'_>) {
        match (self.wait, self.in_flow) {
            (Wait::Ended, true) => self.run(turn, turn.now),
            (_, true) => self.fail_flow(turn),
            (_, false) => self.between_flows(turn, turn.now),
        }
    }

    fn between_flows(&mut self, turn: &mut Turn<'_>, at: Moment) {
        if self.leaving != Leaving::No {
            self.wait = Wait::Done;
            return;
        }
        if let (Some(plan), true) = (self.plan(turn.script).connection.reconnect, self.failures > 0) {
            return self.come_back(turn, plan);
        }
        if !turn.script.repeats {
            self.wait = Wait::Done;
            return;
        }
        self.who.iteration += 1;
        if self.failures == 0 {
            self.begin_flow(turn, at);
        } else {
            let pause = backoff(self.failures, turn.scratch.fraction());
            self.wait = Wait::Backoff(turn.now + pause);
        }
    }

    /// A connection proved that the target works.
    pub(super) fn forget_failures(&mut self) {
        self.failures = 0;
        if let Some(memory) = &mut self.who.memory {
            memory.attempts = 0;
        }
    }

    /// The client's group in the plan.
    pub(super) fn plan<'a>(&self, script: &'a Script) -> &'a Group {
        &script.plan.groups[usize::from(self.group.0)]
    }

    /// Runs `call` and counts the bytes that it wrote.
    pub(super) fn counted<R>(
        &mut self,
        turn: &mut Turn<'_>,
        call: impl FnOnce(&mut Self, &mut Turn<'_>) -> R,
    ) -> R {
        let before = turn.out.len();
        let result = call(self, turn);
        let written = turn.out.len() - before;
        if written > 0 {
            turn.shard.add(self.group, Counter::BytesSent, written as u64);
        }
        result
    }
}

/// How long to pause after this many failures in a row: doubling from 100 ms to 5 s, each time shortened by a random
/// part of up to a half, so that clients which failed together do not return together. The `fraction` is not drawn from
/// what payloads are drawn from: a failure must not change them.
fn backoff(failures: u8, fraction: f64) -> Duration {
    let doublings = u32::from(failures.saturating_sub(1)).min(10);
    let longest = (FIRST_BACKOFF * 2_u32.pow(doublings)).min(LONGEST_BACKOFF);
    longest.mul_f64(1.0 - fraction / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_bound() {
        let bounds = |failures| (backoff(failures, 1.0), backoff(failures, 0.0));
        assert_eq!(bounds(1), (FIRST_BACKOFF / 2, FIRST_BACKOFF));
        for failures in [7, 8, 200, 255] {
            assert_eq!(bounds(failures), (LONGEST_BACKOFF / 2, LONGEST_BACKOFF));
        }
    }

    #[test]
    fn an_idle_client_stays_small() {
        assert!(size_of::<VClient>() <= 448, "{} bytes", size_of::<VClient>());
    }
}
