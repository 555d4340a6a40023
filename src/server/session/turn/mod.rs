//! [`Turn`]: what a session does each time it is polled.

mod stage;
mod writing;

use std::cell::Ref;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use super::deadlines::Due;
use super::life::Phase;
use super::output::{Output, Socket};
use super::peer::Peer;
use super::task::State;
use crate::clock::{self, Moment};
use crate::server::config::RouteLimits;
use crate::server::fault::Attended;
use crate::server::mode::Message;
use crate::server::outbox::Outbox;
use crate::server::record::{Cause, Traffic};
use crate::server::registry::{Attention, Kill, SessionOrder};
use crate::server::worker::{Buffers, Worker};
use crate::wire::{CloseCode, Received};

use stage::{Stage, farewell};

/// Reads after which a session lets others run.
const READS_PER_TURN: usize = 8;

/// One turn of a session.
pub(super) struct Turn<'a> {
    state: &'a mut State,
    worker: &'a Worker,
    limits: Ref<'a, RouteLimits>,
    now: Moment,
    buffers: &'a mut Buffers,
    outbox: Option<Box<Outbox>>,
    traffic: Traffic,
    waker: &'a Waker,
    was_open: bool,
    /// A deadline may be nearer than the worker's timer knows.
    new_deadline: bool,
}

/// The session is over.
struct Over;

/// Whether the session can go on at once or has to wait to be woken.
#[derive(PartialEq, Eq)]
enum Next {
    Go,
    Wait,
}

impl<'a> Turn<'a> {
    /// Reads, answers and writes until there is nothing to read, the client takes nothing more, or it is another's turn.
    pub(super) fn run(state: &'a mut State, worker: &'a Worker, waker: &'a Waker) -> Poll<()> {
        let Attention {
            timer_fired,
            order,
            outbox,
        } = worker.registry.borrow_mut().attend(state.address.slot);
        let mut turn = Turn {
            limits: worker.limits(state.route),
            now: worker.now(),
            buffers: &mut worker.buffers.borrow_mut(),
            outbox,
            traffic: Traffic::default(),
            waker,
            was_open: state.life.phase == Phase::Open,
            new_deadline: false,
            state,
            worker,
        };
        // A mode that panicked may have left here what it had to say to its own client.
        turn.buffers.write.clear();
        let metrics = worker.metrics();
        let begun = metrics.measures_turn().then(clock::now);
        let over = turn.take(timer_fired, order).is_err();
        if let Some(begun) = begun {
            metrics.turns.add(clock::now() - begun);
        }
        turn.end();
        if over { Poll::Ready(()) } else { Poll::Pending }
    }

    fn take(&mut self, timer_fired: bool, order: Option<Box<SessionOrder>>) -> Result<(), Over> {
        if self.state.life.phase == Phase::New {
            self.open()?;
        }
        if let Some(order) = order {
            self.obey(*order)?;
        }
        if timer_fired {
            self.keep_time()?;
        }
        for _ in 0..READS_PER_TURN {
            if self.step()? == Next::Wait {
                return Ok(());
            }
        }
        self.waker.wake_by_ref();
        Ok(())
    }

    /// Writes what is due, then reads once and answers.
    fn step(&mut self) -> Result<Next, Over> {
        if (self.outbox.is_some() || self.state.unflushed) && self.write_out()? == Next::Wait {
            return Ok(Next::Wait);
        }
        if self.state.attends && matches!(self.state.life.phase, Phase::Open | Phase::Parting) {
            self.attend()?;
            if self.outbox.is_some() {
                return Ok(Next::Go);
            }
        }
        let may_read = match self.state.life.phase {
            Phase::Eof => {
                if self.drained() {
                    return Err(Over);
                }
                false
            }
            Phase::Ending => self.shut_down(),
            Phase::Open => self.may_read()?,
            Phase::Parting => false,
            _ => true,
        };
        if !may_read {
            return Ok(Next::Wait);
        }
        let mut buffer = ReadBuf::new(&mut self.buffers.read);
        let mut cx = Context::from_waker(self.waker);
        match Pin::new(&mut self.state.transport).poll_read(&mut cx, &mut buffer) {
            Poll::Pending => return Ok(Next::Wait),
            Poll::Ready(Err(_)) => return Err(self.transport_failed()),
            Poll::Ready(Ok(())) => {}
        }
        let length = buffer.filled().len();
        self.traffic.bytes_in += length as u64;
        match (length, self.state.life.phase) {
            (0, Phase::Lingering) => return Err(Over),
            (0, _) => {
                self.state.life.peer_left();
                self.settle();
            }
            (_, Phase::Lingering) => {}
            _ => self.digest(length)?,
        }
        Ok(Next::Go)
    }

    /// Lets the mode look at what it waits for. A message from there keeps the connection from being idle.
    fn attend(&mut self) -> Result<(), Over> {
        let (waker, before) = (self.waker, self.traffic.messages_out);
        self.speak(|mut stage| {
            stage.mode.attend(waker, stage.peer);
            stage.grant_wishes();
        })?;
        if self.traffic.messages_out > before {
            self.state.life.deadlines.active(self.now);
        }
        Ok(())
    }

    /// Whether the client is to be read: no fault says otherwise, and those whom its messages go to have room for them.
    #[inline]
    fn may_read(&mut self) -> Result<bool, Over> {
        match self.state.transport.attend(self.waker) {
            Attended::Read => {}
            Attended::Wait => {
                self.state.unread = true;
                return Ok(false);
            }
            Attended::Close(close) => {
                let code = close.code.map(CloseCode);
                self.speak(|stage| {
                    let output = &mut stage.peer.output;
                    stage.life.close(Cause::Fault, code, &close.reason, output);
                })?;
            }
        }
        let hub_is_open = !self.state.publishes || self.worker.hub.is_open(self.waker);
        let may_read = hub_is_open
            && !self.worker.reads_paused(self.state.route)
            && self.state.mode.may_read(self.waker);
        self.state.unread = !may_read;
        Ok(may_read)
    }

    /// The first turn.
    fn open(&mut self) -> Result<(), Over> {
        self.state.life.phase = Phase::Open;
        self.was_open = true;
        self.new_deadline = true;
        self.worker
            .registry
            .borrow_mut()
            .set_waker(self.state.address.slot, self.waker);
        self.speak(|mut stage| {
            stage.mode.opened(stage.peer);
            stage.grant_wishes();
        })?;
        let Some(early) = self.state.early.take() else {
            return Ok(());
        };
        for part in early.0.chunks(self.buffers.read.len()) {
            self.buffers.read[..part.len()].copy_from_slice(part);
            self.traffic.bytes_in += part.len() as u64;
            self.digest(part.len())?;
        }
        Ok(())
    }

    fn obey(&mut self, order: SessionOrder) -> Result<(), Over> {
        let (cause, code, reason) = match order {
            SessionOrder::Cut => {
                self.worker.metrics().cut.add(1);
                return Err(self.cut(Cause::ServerStopped));
            }
            SessionOrder::Close(code, reason) => (Cause::ClosedByHandle, code, reason),
            SessionOrder::Kill(Kill::Cut) => {
                self.state.transport.abort();
                return Err(self.cut(Cause::Killed));
            }
            SessionOrder::Kill(Kill::Close(code, reason)) => (Cause::Killed, code, reason),
            SessionOrder::Drain => farewell(Cause::Drained),
            SessionOrder::Stop => farewell(Cause::ServerStopped),
            SessionOrder::SlowConsumer => {
                if let Some(outbox) = &mut self.outbox {
                    outbox.discard_waiting();
                }
                farewell(Cause::SlowConsumer)
            }
        };
        // What others sent before goes out before the Close frame, for nothing can come after it.
        self.encode_waiting(usize::MAX);
        self.speak(|stage| stage.life.close(cause, code, &reason, &mut stage.peer.output))
    }

    /// Does what is due.
    fn keep_time(&mut self) -> Result<(), Over> {
        self.new_deadline = true;
        loop {
            let due = self.state.life.deadlines.check(&self.limits, self.now);
            let cause = match due {
                Due::Nothing => return Ok(()),
                Due::CloseTimeout if self.state.life.phase == Phase::Parting => {
                    self.state.life.deadlines.closing_anew(&self.limits, self.now);
                    self.speak(|stage| stage.life.answer(&mut stage.peer.output))?;
                    continue;
                }
                // Whoever began to close is the cause.
                Due::CloseTimeout => return Err(self.cut(Cause::ClientVanished)),
                Due::WriteDeadline => return Err(self.cut(Cause::WriteDeadline)),
                Due::PongTimeout | Due::IdleTimeout if self.state.unread => {
                    self.state.life.deadlines.excuse(&self.limits, self.now);
                    continue;
                }
                Due::PongTimeout if self.limits.pong_cuts => {
                    self.state.transport.abort();
                    return Err(self.cut(Cause::PongTimeout));
                }
                Due::PongTimeout => Cause::PongTimeout,
                Due::IdleTimeout => Cause::IdleTimeout,
                Due::Ping => {
                    self.speak(|stage| stage.peer.output.ping())?;
                    continue;
                }
                Due::Mode => {
                    let sent = self.traffic.messages_out;
                    self.speak(|mut stage| {
                        stage.mode.woken(stage.peer);
                        stage.grant_wishes();
                    })?;
                    if self.traffic.messages_out > sent {
                        self.state.life.deadlines.active(self.now);
                    }
                    continue;
                }
            };
            self.speak(|mut stage| stage.dismiss(cause))?;
        }
    }

    /// Handles what the first `length` bytes of the read buffer bring, and answers all of it by one write.
    #[inline]
    fn digest(&mut self, length: usize) -> Result<(), Over> {
        self.state.life.deadlines.active(self.now);
        self.speak(|mut stage| {
            let mut at = 0;
            loop {
                let (used, event) = stage.receiver.receive(&mut stage.input[at..length]);
                at += used;
                match event {
                    Received::NeedMore => break,
                    Received::Message { kind, payload } => {
                        stage.seen.messages_in += 1;
                        if stage.life.phase != Phase::Open {
                            continue;
                        }
                        if stage
                            .allowance
                            .is_none_or(|allowance| allowance.allows(stage.now))
                        {
                            stage.mode.message(Message { kind, payload }, stage.peer);
                            stage.grant_wishes();
                        } else {
                            stage.dismiss(Cause::RateLimited);
                        }
                    }
                    Received::Ping(payload) => {
                        stage.seen.pings_in += 1;
                        // After our Close frame nothing may follow (RFC 6455 5.5.1).
                        if stage.life.phase == Phase::Open {
                            stage.peer.output.pong(payload);
                        }
                    }
                    Received::Pong(_) => {
                        stage.seen.pongs_in += 1;
                        stage.life.deadlines.pong();
                    }
                    Received::Close(payload) => {
                        let more = stage.life.phase == Phase::Open
                            && stage.mode.last_words(Cause::ClientClosed, payload);
                        stage.life.peer_closed(payload, more, &mut stage.peer.output);
                    }
                    Received::Violation(violation) => {
                        let more = stage.life.phase == Phase::Open
                            && stage.mode.last_words(Cause::Violation(violation), None);
                        stage.life.peer_violated(violation, more, &mut stage.peer.output);
                    }
                }
            }
        })
    }

    /// Lets `act` say something, writes it, and keeps what the socket does not take.
    #[inline]
    fn speak(&mut self, act: impl FnOnce(Stage<'_, '_>)) -> Result<(), Over> {
        let Self {
            state,
            worker,
            buffers,
            traffic,
            waker,
            ..
        } = self;
        let State {
            transport,
            receiver,
            sender,
            mode,
            life,
            allowance,
            address,
            route,
            ..
        } = &mut **state;
        let Buffers { read, write, scratch } = &mut **buffers;
        let mut seen = Traffic::default();
        // What waits goes first.
        let socket = self.outbox.is_none().then_some(Socket { transport, waker });
        let output = Output::new(sender, write, scratch, traffic, socket);
        let mut peer = Peer::new(output, worker, *address, *route);
        act(Stage {
            receiver,
            mode: &mut **mode,
            life,
            allowance: allowance.as_deref(),
            peer: &mut peer,
            input: read,
            seen: &mut seen,
            now: self.now,
            new_deadline: &mut self.new_deadline,
        });
        let error = peer.output.finish();
        self.traffic += seen;
        self.settle();
        if error.is_some() {
            Err(self.transport_failed())
        } else {
            Ok(())
        }
    }

    /// Keeps what the socket did not take, and notices the end of the open phase.
    #[inline]
    fn settle(&mut self) {
        let rest = &mut self.buffers.write;
        if !rest.is_empty() {
            self.outbox
                .get_or_insert_default()
                .push_ready(Bytes::copy_from_slice(rest));
            rest.clear();
        }
        self.state.unflushed = self.state.transport.keeps_written_bytes();
        if self.was_open && self.state.life.phase != Phase::Open {
            self.was_open = false;
            self.new_deadline = true;
            self.state.life.deadlines.closing(&self.limits, self.now);
            self.worker.registry.borrow_mut().leave(self.state.address.slot);
            if let Some(outbox) = &mut self.outbox {
                // No message may follow a Close frame.
                outbox.discard_waiting();
            }
        }
    }

    fn transport_failed(&mut self) -> Over {
        let cause = match self.state.transport.ended_by_fault() {
            true => Cause::Fault,
            false => Cause::TransportFailed,
        };
        self.state.life.give_up(cause);
        Over
    }

    /// Ends the session with what is there. Bytes that the client did not take are not left to the kernel, which would
    /// keep them for minutes; what the kernel has is, so that a Close frame still arrives.
    fn cut(&mut self, cause: Cause) -> Over {
        self.state.life.give_up(cause);
        if self.outbox.is_some() || self.state.unflushed {
            self.state.transport.abort();
        }
        Over
    }

    fn end(mut self) {
        let slot = self.state.address.slot;
        self.state.transport.correct(&mut self.traffic);
        self.worker
            .registry
            .borrow_mut()
            .yielded(slot, self.outbox, &self.traffic);
        self.worker.metrics().routes[self.state.route.index()].passed(&self.traffic);
        if self.new_deadline {
            self.worker
                .wake_by(slot, self.state.life.deadlines.next(&self.limits));
        }
        self.buffers.trim();
    }
}
