//! How fast a client reads what the peer sends.
//!
//! Nothing is done to the bytes: what a client does not read stays in the system, whose buffers fill up, and then TCP tells
//! the peer to wait. So everything that is measured of such a client includes the wait, and what it has not read it does
//! not know: no reply, no pong, no Close frame. Its own times go on meanwhile.
//!
//! Two things end the limit: the client's own Close frame, since whoever leaves is not what is tested, and a transport that
//! failed, which the system reports whether one reads or not.

use crate::clock::{Moment, Pace};
use crate::scenario::{Group, Op, ReadRate};

use super::client::VClient;
use super::turn::Script;

/// How a client reads its connection. Only clients of groups that limit it somewhere remember one.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// None while there is no limit.
    pace: Option<Pace>,
    appetite: Appetite,
}

/// Whether there may be something to read that the limit held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Appetite {
    /// As far as is known, all was read.
    #[default]
    Sated,
    /// No more may be read before this moment.
    Until(Moment),
    /// Reading goes on.
    Hungry,
}

impl Reading {
    /// Whether a group's clients need one.
    pub(super) fn is_limited(group: &Group) -> bool {
        group.connection.read_rate != ReadRate::Unlimited
            || group.flow.iter().any(|op| matches!(op, Op::ReadRate(_)))
    }

    /// Reads at this rate from now on.
    fn set(&mut self, rate: ReadRate) {
        self.pace = match rate {
            ReadRate::Unlimited => None,
            ReadRate::PerSecond(bytes) => Some(Pace::per_second(bytes)),
        };
        if self.appetite != Appetite::Sated {
            self.appetite = Appetite::Hungry;
        }
    }

    fn ration(&mut self, now: Moment) -> usize {
        let allowance = match &mut self.pace {
            None => Ok(usize::MAX),
            Some(pace) => pace.allowance(now, || {}),
        };
        self.appetite = allowance.map_or_else(Appetite::Until, |_| Appetite::Sated);
        allowance.unwrap_or(0)
    }
}

impl VClient {
    /// Whether the driver has to ask for a [`ration`](Self::ration) before it reads.
    #[must_use]
    pub fn reads_by_rations(&self) -> bool {
        self.reading().is_some_and(|reading| reading.pace.is_some())
    }

    /// How many bytes the driver may read for the client now, before TLS; `usize::MAX` without a limit. After 0 the client
    /// asks for [`Command::Read`](super::Command::Read) as soon as it takes more.
    pub fn ration(&mut self, now: Moment) -> usize {
        self.reading_mut()
            .map_or(usize::MAX, |reading| reading.ration(now))
    }

    /// The driver has read so many bytes of the ration.
    pub fn has_read(&mut self, bytes: usize) {
        if let Some(pace) = self.reading_mut().and_then(|reading| reading.pace.as_mut()) {
            pace.passed(bytes);
        }
    }

    /// The driver is about to read, as [`Command::Read`](super::Command::Read) asked.
    pub fn reads_on(&mut self) {
        if let Some(reading) = self.reading_mut() {
            reading.appetite = Appetite::Sated;
        }
    }

    /// Reads all there is from now on: the transport failed, or the client closes.
    pub fn read_freely(&mut self) {
        self.set_read_rate(ReadRate::Unlimited);
    }

    /// Reads at this rate until the connection ends.
    pub(super) fn set_read_rate(&mut self, rate: ReadRate) {
        if let Some(reading) = self.reading_mut() {
            reading.set(rate);
        }
    }

    /// A connection is open.
    pub(super) fn begin_reading(&mut self, script: &Script) {
        let rate = self.plan(script).connection.read_rate;
        if let Some(reading) = self.reading_mut() {
            *reading = Reading::default();
            reading.set(rate);
        }
    }

    /// When reading goes on, if something was held back.
    pub(super) fn reads_on_at(&self) -> Moment {
        match self.reading().map(|reading| reading.appetite) {
            Some(Appetite::Until(at)) => at,
            _ => Moment::NEVER,
        }
    }

    /// Goes on with reading if it is time.
    pub(super) fn reading_is_due(&mut self, now: Moment) {
        if self.reads_on_at() <= now
            && let Some(reading) = self.reading_mut()
        {
            reading.appetite = Appetite::Hungry;
        }
    }

    /// Whether the driver is to read.
    pub(super) fn is_hungry(&self) -> bool {
        self.reading()
            .is_some_and(|reading| reading.appetite == Appetite::Hungry)
    }

    /// There is no limit but on an open connection.
    fn reading(&self) -> Option<&Reading> {
        let memory = self.who.memory.as_ref()?;
        self.is_open().then_some(&memory.reading)
    }

    fn reading_mut(&mut self) -> Option<&mut Reading> {
        let open = self.is_open();
        let memory = self.who.memory.as_mut()?;
        open.then_some(&mut memory.reading)
    }
}
