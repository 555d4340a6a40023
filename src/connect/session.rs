//! [`Session`]: one conversation. It speaks and listens at once; when the input is over it lingers, then it closes.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::action::Action;
use super::client::next_interrupt;
use super::config::{ConnectConfig, Wait};
use super::console::Console;
use super::ending::{Ending, Problem};
use super::event::{Control, Direction, Event};
use super::listener::{Shared, Silence, explain, listen};
use crate::net::REFUSED_CLOSE;
use crate::wire::{CloseCode, Closing, ClosingState, MAX_CLOSE_REASON};

/// How long the server gets to answer our Close frame, or to explain why it no longer reads.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// One conversation over an open connection.
pub(super) struct Session<'a, S> {
    socket: WebSocketStream<S>,
    shared: Shared<'a>,
    wait: Wait,
    ping_every: Option<Duration>,
}

/// Why we stop speaking.
enum Leave {
    /// The input is over.
    Finished,
    /// The user says so.
    Close(CloseCode, String),
    /// Nothing can be sent any more; perhaps what is still to be heard says why.
    Broken(Error),
}

impl Leave {
    fn quit() -> Self {
        Self::Close(CloseCode::NORMAL, String::new())
    }

    fn interrupt() -> Self {
        Self::Close(CloseCode::GOING_AWAY, String::new())
    }
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn new(socket: WebSocketStream<S>, console: &'a Console, config: &ConnectConfig) -> Self {
        Self {
            socket,
            shared: Shared {
                console,
                closing: RefCell::new(Closing::default()),
                reason: RefCell::default(),
                heard: Notify::new(),
                refused: Cell::new(0),
            },
            wait: config.wait,
            ping_every: config.ping_every,
        }
    }

    /// Converses until the connection is over.
    pub(super) async fn run(self, mut actions: Receiver<Action>, interrupts: &mut Receiver<()>) -> Ending {
        let shared = &self.shared;
        let (sink, stream) = self.socket.split();
        let mut speaker = Speaker {
            sink,
            shared,
            ping: self.ping_every.map(pings),
        };
        let mut listening = pin!(listen(stream, shared));
        let problem = match speaker
            .converse(listening.as_mut(), &mut actions, self.wait, interrupts)
            .await
        {
            Ok(leave) => speaker.leave(leave, listening, interrupts).await,
            Err(silence) => speaker.conclude(silence).await,
        };
        shared.closing.borrow_mut().transport_ended();
        let outcome = shared.closing.borrow().outcome();
        Ending {
            outcome,
            reason: shared.reason.take(),
            problem,
            refused: shared.refused.get(),
        }
    }
}

/// The sending half. `listening` is the other one: it resolves to why there is nothing more to hear.
struct Speaker<'s, 'a, S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    shared: &'s Shared<'a>,
    ping: Option<Interval>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Speaker<'_, '_, S> {
    /// Speaks and listens until we want to leave; an error if there is nothing more to hear before that.
    async fn converse(
        &mut self,
        mut listening: Pin<&mut impl Future<Output = Silence>>,
        actions: &mut Receiver<Action>,
        wait: Wait,
        interrupts: &mut Receiver<()>,
    ) -> Result<Leave, Silence> {
        let leave = tokio::select! {
            silence = &mut listening => return Err(silence),
            leave = self.speak(actions) => leave,
            () = next_interrupt(interrupts) => Leave::interrupt(),
        };
        if !matches!(leave, Leave::Finished) {
            return Ok(leave);
        }
        tokio::select! {
            silence = &mut listening => Err(silence),
            leave = self.linger(wait) => Ok(leave),
            () = next_interrupt(interrupts) => Ok(Leave::interrupt()),
        }
    }

    /// Carries out what the input asks for, until it ends or wants to leave.
    async fn speak(&mut self, actions: &mut Receiver<Action>) -> Leave {
        loop {
            let action = tokio::select! {
                action = actions.recv() => action,
                () = next_ping(&mut self.ping) => Some(Action::Ping(Vec::new())),
            };
            let Some(action) = action else {
                return Leave::Finished;
            };
            let sent = match action {
                Action::Text(text) => self.sink.send(Message::Text(text.into())).await,
                Action::Binary(bytes) => self.sink.send(Message::Binary(bytes.into())).await,
                Action::Ping(payload) => self.control(Control::Ping(payload.into())).await,
                Action::Pong(payload) => self.control(Control::Pong(payload.into())).await,
                Action::Close { code, reason } => return Leave::Close(code, reason),
                Action::Quit => return Leave::quit(),
                Action::Interrupt => return Leave::interrupt(),
                Action::Help => {
                    self.show(Event::Help).await;
                    Ok(())
                }
                Action::Refuse(error) => {
                    self.shared.refused.update(|count| count + 1);
                    self.show(Event::Refused(error)).await;
                    Ok(())
                }
            };
            if let Err(error) = sent {
                return Leave::Broken(error);
            }
        }
    }

    /// Stays after the last message, with Pings going on.
    async fn linger(&mut self, wait: Wait) -> Leave {
        let heard = &self.shared.heard;
        let mut over = pin!(async {
            match wait {
                Wait::Silence(span) => while timeout(span, heard.notified()).await.is_ok() {},
                Wait::For(span) => sleep(span).await,
                Wait::Forever => pending().await,
            }
        });
        loop {
            tokio::select! {
                () = &mut over => return Leave::quit(),
                () = next_ping(&mut self.ping) => {
                    if let Err(error) = self.control(Control::Ping(Bytes::new())).await {
                        return Leave::Broken(error);
                    }
                }
            }
        }
    }

    /// Closes, and listens until the server has closed too.
    async fn leave(
        &mut self,
        leave: Leave,
        mut listening: Pin<&mut impl Future<Output = Silence>>,
        interrupts: &mut Receiver<()>,
    ) -> Option<Problem> {
        let (code, reason) = match leave {
            Leave::Finished => (CloseCode::NORMAL, String::new()),
            Leave::Close(code, reason) => (code, reason),
            Leave::Broken(error) => {
                return match timeout(CLOSE_TIMEOUT, listening).await {
                    Ok(silence) => self.conclude(silence).await,
                    Err(_) => Some(Problem::Lost(cause(&error))),
                };
            }
        };
        let closing = async {
            self.close(code, reason).await;
            sleep(CLOSE_TIMEOUT).await;
        };
        let silence = tokio::select! {
            silence = &mut listening => silence,
            () = closing => return None,
            () = next_interrupt(interrupts) => return Some(Problem::Forced),
        };
        self.conclude(silence).await
    }

    /// Says the last word, if there is one to say, and tells what went wrong.
    async fn conclude(&mut self, silence: Silence) -> Option<Problem> {
        match silence {
            Silence::Closed => None,
            Silence::Lost(text) => {
                let was_closing = self.shared.closing.borrow().state() != ClosingState::Open;
                (!was_closing).then_some(Problem::Lost(text))
            }
            Silence::Violation(code, text) => {
                let reason = text[..text.floor_char_boundary(MAX_CLOSE_REASON)].to_owned();
                // A peer that breaks the protocol may well not read either.
                let _ = timeout(CLOSE_TIMEOUT, self.close(code, reason)).await;
                Some(Problem::Violation(text))
            }
            Silence::BadClose => {
                let (code, reason) = REFUSED_CLOSE;
                self.shared.close_sent(code, reason);
                // The answer is queued already, and tungstenite takes no further frame.
                if let Ok(Ok(())) = timeout(CLOSE_TIMEOUT, self.sink.flush()).await {
                    self.show_close(code, reason.to_owned()).await;
                }
                Some(Problem::Violation(
                    "a Close frame with a code that must not be sent".to_owned(),
                ))
            }
            Silence::TooLarge { size, limit } => {
                let reason = format!("at most {limit} bytes");
                // A server in the midst of a large message may well not read.
                let _ = timeout(CLOSE_TIMEOUT, self.close(CloseCode::TOO_BIG, reason)).await;
                Some(Problem::TooLarge { size, limit })
            }
            Silence::OutputGone => {
                let _ = timeout(CLOSE_TIMEOUT, self.close(CloseCode::NORMAL, String::new())).await;
                None
            }
        }
    }

    async fn close(&mut self, code: CloseCode, reason: String) {
        self.shared.close_sent(code, &reason);
        let frame = CloseFrame {
            code: code.0.into(),
            reason: reason.clone().into(),
        };
        // A connection that takes no more frames is heard to end.
        if self.sink.send(Message::Close(Some(frame))).await.is_ok() {
            self.show_close(code, reason).await;
        }
    }

    async fn show_close(&self, code: CloseCode, reason: String) {
        let frame = Control::Close(Some((code, reason)));
        self.show(Event::Control(Direction::Sent, frame)).await;
    }

    async fn control(&mut self, control: Control) -> Result<(), Error> {
        let frame = match &control {
            Control::Ping(payload) => Frame::ping(payload.clone()),
            Control::Pong(payload) => Frame::pong(payload.clone()),
            Control::Close(_) => return Ok(()),
        };
        // As a bare frame, because tungstenite would let a Pong message replace one that it owes the server.
        self.sink.send(Message::Frame(frame)).await?;
        self.show(Event::Control(Direction::Sent, control)).await;
        Ok(())
    }

    /// A console that is gone is noticed by who listens.
    async fn show(&self, event: Event) {
        let _ = self.shared.console.show(event).await;
    }
}

fn pings(every: Duration) -> Interval {
    let mut pings = interval(every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    pings
}

async fn next_ping(pings: &mut Option<Interval>) {
    match pings {
        Some(pings) => {
            pings.tick().await;
        }
        None => pending().await,
    }
}

fn cause(error: &Error) -> String {
    match error {
        Error::Io(error) => explain(error),
        error => error.to_string(),
    }
}
