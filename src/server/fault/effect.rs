//! [`Effect`]: what a fault does, and how its setting is written.

use std::time::Duration;

use super::choice::{CHOICE, Choice};
use super::delay::{DELAY, Delay, STALL, Stall};
use super::handshake::BadHandshake;
use super::kind::FaultKind;
use super::notation::{span, whole_number};
use crate::units::ByteSize;

/// A fault with its setting. Messages are those to the client unless said otherwise, and count from one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    Delay(Delay),
    Stall(Stall),
    Drop(Choice),
    Duplicate(Choice),
    Reorder(Choice),
    Corrupt(Choice),
    CorruptHeader(Choice),
    Dribble(Dribble),
    /// After this many messages from the client.
    StopReading(u64),
    /// Bytes per second.
    ReadRate(u64),
    MutePong,
    CloseCode(WrittenCode),
    CloseAfter(CloseAfter),
    /// After this many messages.
    Fin(u64),
    /// After this many messages.
    Reset(u64),
    /// After this many messages.
    HalfClose(u64),
    BadHandshake(BadHandshake),
    Hold(Duration),
}

/// So many bytes each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dribble {
    pub(crate) bytes: u64,
    pub(crate) every: Duration,
}

/// The code of a Close frame; `None` leaves it out.
pub(crate) type WrittenCode = Option<u16>;

/// When the server closes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloseAfter {
    /// Messages before that.
    pub(crate) messages: u64,
    pub(crate) code: WrittenCode,
    pub(crate) reason: String,
}

/// The longest that an upgrade is left without an answer.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(600);

impl Effect {
    /// Reads a fault's setting; the error says what is expected.
    pub(super) fn parse(kind: FaultKind, setting: &str) -> Result<Self, &'static str> {
        let setting = setting.trim();
        let (effect, expected) = match kind {
            FaultKind::Delay => (Delay::parse(setting).map(Self::Delay), DELAY),
            FaultKind::Stall => (Stall::parse(setting).map(Self::Stall), STALL),
            FaultKind::Drop => (Choice::parse(setting).map(Self::Drop), CHOICE),
            FaultKind::Duplicate => (Choice::parse(setting).map(Self::Duplicate), CHOICE),
            FaultKind::Reorder => (Choice::parse(setting).map(Self::Reorder), CHOICE),
            FaultKind::Corrupt => (Choice::parse(setting).map(Self::Corrupt), CHOICE),
            FaultKind::CorruptHeader => (Choice::parse(setting).map(Self::CorruptHeader), CHOICE),
            FaultKind::Dribble => (dribble(setting).map(Self::Dribble), "SIZE/TIME such as `1/10ms`"),
            FaultKind::StopReading => (whole_number(setting).map(Self::StopReading), COUNT),
            FaultKind::ReadRate => (
                read_rate(setting).map(Self::ReadRate),
                "bytes per second such as `10KiB`",
            ),
            FaultKind::MutePong => (
                (setting.is_empty() || setting == "true").then_some(Self::MutePong),
                "no setting",
            ),
            FaultKind::CloseCode => (
                code(setting).map(Self::CloseCode),
                "a code from 0 to 65535, or `none`",
            ),
            FaultKind::CloseAfter => (
                close_after(setting).map(Self::CloseAfter),
                "a number of messages, then, if wished, a code from 0 to 65535 or `none`, and a reason: `3,1011,oops`",
            ),
            FaultKind::Fin => (whole_number(setting).map(Self::Fin), COUNT),
            FaultKind::Reset => (whole_number(setting).map(Self::Reset), COUNT),
            FaultKind::HalfClose => (whole_number(setting).map(Self::HalfClose), COUNT),
            FaultKind::BadHandshake => (
                BadHandshake::by_name(setting).map(Self::BadHandshake),
                BadHandshake::NAMES,
            ),
            FaultKind::Hold => (
                span(setting).filter(|&time| time <= LONGEST_HOLD).map(Self::Hold),
                "a duration up to 10m",
            ),
        };
        effect.ok_or(expected)
    }
}

const COUNT: &str = "a number of messages; 0 is at once";

fn dribble(text: &str) -> Option<Dribble> {
    let (bytes, every) = text.split_once('/')?;
    let bytes = bytes.parse::<ByteSize>().ok()?.0;
    let every = span(every).filter(|every| !every.is_zero())?;
    (bytes > 0).then_some(Dribble { bytes, every })
}

fn read_rate(text: &str) -> Option<u64> {
    let size = text.strip_suffix("/s").unwrap_or(text);
    size.parse::<ByteSize>()
        .ok()
        .map(|size| size.0)
        .filter(|&bytes| bytes > 0)
}

fn code(text: &str) -> Option<WrittenCode> {
    match text.trim() {
        "none" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

fn close_after(text: &str) -> Option<CloseAfter> {
    let mut parts = text.splitn(3, ',');
    Some(CloseAfter {
        messages: whole_number(parts.next()?)?,
        code: parts.next().map_or(Some(Some(1000)), code)?,
        reason: parts.next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        for (kind, setting, effect) in [
            (
                FaultKind::Dribble,
                "1/10ms",
                Effect::Dribble(Dribble {
                    bytes: 1,
                    every: Duration::from_millis(10),
                }),
            ),
            (FaultKind::ReadRate, "10KiB/s", Effect::ReadRate(10_240)),
            (FaultKind::ReadRate, "500", Effect::ReadRate(500)),
            (FaultKind::MutePong, "", Effect::MutePong),
            (FaultKind::CloseCode, "none", Effect::CloseCode(None)),
            (FaultKind::CloseCode, "65535", Effect::CloseCode(Some(65_535))),
            (
                FaultKind::CloseAfter,
                "3",
                Effect::CloseAfter(CloseAfter {
                    messages: 3,
                    code: Some(1000),
                    reason: String::new(),
                }),
            ),
            (
                FaultKind::CloseAfter,
                "0,1011,a, b",
                Effect::CloseAfter(CloseAfter {
                    messages: 0,
                    code: Some(1011),
                    reason: "a, b".into(),
                }),
            ),
            (FaultKind::Hold, "30s", Effect::Hold(Duration::from_secs(30))),
        ] {
            assert_eq!(Effect::parse(kind, setting), Ok(effect), "{kind}:{setting}");
        }
    }

    #[test]
    fn every_kind_says_what_it_expects() {
        for &kind in FaultKind::ALL {
            let expected = Effect::parse(kind, "nonsense").unwrap_err();
            assert!(!expected.is_empty(), "{kind}");
        }
        for setting in ["0/1s", "1/0", "1", "x/1s"] {
            assert!(Effect::parse(FaultKind::Dribble, setting).is_err(), "{setting}");
        }
        assert!(Effect::parse(FaultKind::CloseCode, "65536").is_err());
        assert!(Effect::parse(FaultKind::Hold, "11m").is_err());
    }
}
