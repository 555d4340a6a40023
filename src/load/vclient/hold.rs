//! A client that is held while its run is paused.
//!
//! What the client wants is held, what it owes goes on: it begins nothing, neither a step of its flow nor a connect, but
//! takes what comes, answers pings and Close frames, and gives up what is not answered in time. Afterwards its schedule is
//! moved by the length of the pause, so that nothing is late for it.

use std::time::Duration;

use crate::clock::Moment;

use super::client::{VClient, Wait};
use super::link::Link;
use super::turn::Turn;

impl VClient {
    /// The run is paused: the client begins nothing until [`resume`](Self::resume).
    pub fn hold(&mut self) {
        self.loops.held = true;
    }

    /// The run goes on after `pause`. A pause that has passed without [`hold`](Self::hold) moves the schedule as well.
    pub fn resume(&mut self, turn: &mut Turn<'_>, pause: Duration) {
        self.loops.held = false;
        self.loops.postpone(pause);
        // What was reached before the pause is as late as it was then, what was reached in it is reached now.
        let reached = |at: Moment| (at + pause).min(turn.now);
        if let Link::Wanted { intended } = &mut self.link {
            *intended = reached(*intended);
        }
        self.wait = match self.wait {
            Wait::Until(at) => Wait::Until(at + pause),
            Wait::Round(at) => Wait::Round(at + pause),
            Wait::Expect(until) => Wait::Expect(until + pause),
            Wait::Backoff(at) => Wait::Backoff(at + pause),
            Wait::Receive { until, left } => Wait::Receive {
                until: until + pause,
                left,
            },
            Wait::Room(intended) => Wait::Room(reached(intended)),
            Wait::Writable(intended) => Wait::Writable(reached(intended)),
            Wait::Held(at) => Wait::Held(reached(at)),
            Wait::HeldSend(intended) => Wait::HeldSend(reached(intended)),
            other => other,
        };
        self.counted(turn, |client, turn| match client.wait {
            Wait::Held(at) => client.run(turn, at),
            Wait::HeldSend(intended) => client.run_intended(turn, turn.now, Some(intended)),
            _ => {}
        });
    }
}
