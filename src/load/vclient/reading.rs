//! How fast a client reads what the peer sends.
//!
//! Nothing is done to the bytes: what a client does not read stays in the system, whose buffers fill up, and then TCP tells
//! the peer to wait. So everything that is measured of such a client includes the wait, and what it has not read it does
//! not know: no reply, no pong, no Close frame. Its own times go on meanwhile.
//!
//! Two things end the limit: the client's own Close frame, since whoever leaves is not what is tested, and a transport that
//! failed, which the system reports whether one reads or not.

use crate::clock::{Moment, Pace};
use crate::scenario::ReadRate;

use super::client::VClient;
use super::link::Link;

/// The limit of a connection. Connections without one have none of these.
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
    Ready,
}

impl Reading {
    /// The limit of a new connection.
    pub(super) fn new(rate: ReadRate) -> Option<Box<Self>> {
        (rate != ReadRate::Unlimited).then(|| Box::new(Self::at(rate)))
    }

    fn at(rate: ReadRate) -> Self {
        let pace = match rate {
            ReadRate::Unlimited => None,
            ReadRate::PerSecond(bytes) => Some(Pace::per_second(bytes)),
        };
        Self {
            pace,
            appetite: Appetite::Sated,
        }
    }

    /// Reads at another rate from now on.
    fn set(&mut self, rate: ReadRate) {
        let was = self.appetite;
        *self = Self::at(rate);
        if was != Appetite::Sated {
            self.appetite = Appetite::Ready;
        }
    }

    /// Ends the limit.
    pub(super) fn lift(&mut self) {
        self.set(ReadRate::Unlimited);
    }

    /// When reading goes on, if something was held back.
    pub(super) fn deadline(&self) -> Moment {
        match self.appetite {
            Appetite::Until(at) => at,
            Appetite::Sated | Appetite::Ready => Moment::NEVER,
        }
    }

    /// Goes on with reading if it is time.
    pub(super) fn due(&mut self, now: Moment) {
        if self.deadline() <= now {
            self.appetite = Appetite::Ready;
        }
    }

    /// Whether the driver is to read.
    pub(super) fn is_ready(&self) -> bool {
        self.appetite == Appetite::Ready
    }

    fn ration(&mut self, now: Moment) -> usize {
        let Some(pace) = &mut self.pace else {
            self.appetite = Appetite::Sated;
            return usize::MAX;
        };
        match pace.allowance(now, || {}) {
            Ok(bytes) => {
                self.appetite = Appetite::Sated;
                bytes
            }
            Err(next) => {
                self.appetite = Appetite::Until(next);
                0
            }
        }
    }
}

impl VClient {
    /// Whether the driver has to ask for a [`ration`](Self::ration) before it reads.
    #[must_use]
    pub fn reads_by_rations(&self) -> bool {
        matches!(&self.link, Link::Open(open) if open.reading.is_some())
    }

    /// How many bytes the driver may read for the client now, before TLS; `usize::MAX` without a limit. After 0 the client
    /// asks for [`Command::Read`](super::Command::Read) as soon as it takes more.
    pub fn ration(&mut self, now: Moment) -> usize {
        self.reading().map_or(usize::MAX, |reading| reading.ration(now))
    }

    /// The driver has read so many bytes of the ration.
    pub fn has_read(&mut self, bytes: usize) {
        if let Some(pace) = self.reading().and_then(|reading| reading.pace.as_mut()) {
            pace.passed(bytes);
        }
    }

    /// The driver is about to read, as [`Command::Read`](super::Command::Read) asked.
    pub fn reads_on(&mut self) {
        if let Some(reading) = self.reading() {
            reading.appetite = Appetite::Sated;
        }
    }

    /// The transport failed: what it still holds is read at once.
    pub fn read_freely(&mut self) {
        if let Some(reading) = self.reading() {
            reading.lift();
        }
    }

    /// Reads at this rate until the connection ends.
    pub(super) fn set_read_rate(&mut self, rate: ReadRate) {
        if let Link::Open(open) = &mut self.link {
            match &mut open.reading {
                Some(reading) => reading.set(rate),
                None => open.reading = Reading::new(rate),
            }
        }
    }

    fn reading(&mut self) -> Option<&mut Reading> {
        match &mut self.link {
            Link::Open(open) => open.reading.as_deref_mut(),
            _ => None,
        }
    }
}
