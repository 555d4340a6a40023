//! [`Mark`]: what tells a message apart wherever it arrives, as text that stands anywhere in its payload.
//!
//! ```text
//! wsb-1f3a9c04-0001-000000002a-00000003-0000174876e800
//!     run      room number     back     sent
//! ```
//!
//! A mark has a fixed length and no character that JSON, a URL or a shell would escape, so it survives being put into
//! another message as long as the text does, and a receiver finds it without being told where it stands.

use memchr::memmem;

/// What every mark begins with.
const PREFIX: &[u8] = b"wsb-";
/// The digits of each field.
const WIDTHS: [usize; 5] = [8, 4, 10, 8, 14];

/// The identity of one message that is meant for all members of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The run that it belongs to: what is left over from another run is told apart.
    pub run: u32,
    /// The room, numbered in the order of their first use.
    pub room: u16,
    /// The number of the message within its room, over all senders; 40 bits.
    pub number: u64,
    /// How far back in the room the message before of the same sender is; 0 if there is none.
    pub back: u32,
    /// When it was sent, in nanoseconds of the run's monotonic clock; 56 bits.
    pub sent: u64,
}

impl Mark {
    /// That of a message for nobody in particular.
    pub const NONE: Self = Self {
        run: 0,
        room: 0,
        number: 0,
        back: 0,
        sent: 0,
    };
    /// The length of every mark.
    pub const LENGTH: usize = 52;

    /// Appends the text.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let fields = [
            u64::from(self.run),
            u64::from(self.room),
            self.number,
            u64::from(self.back),
            self.sent,
        ];
        out.extend_from_slice(PREFIX);
        for (field, (value, width)) in fields.into_iter().zip(WIDTHS).enumerate() {
            if field > 0 {
                out.push(b'-');
            }
            let digit = |place: usize| b"0123456789abcdef"[(value >> (4 * place)) as usize & 0xf];
            out.extend((0..width).rev().map(digit));
        }
    }

    /// Reads the text at the front of `text`.
    fn read(text: &[u8]) -> Option<Self> {
        let mut rest = text.strip_prefix(PREFIX)?;
        let mut fields = [0; WIDTHS.len()];
        for (field, (value, width)) in fields.iter_mut().zip(WIDTHS).enumerate() {
            if field > 0 {
                rest = rest.strip_prefix(b"-")?;
            }
            let (digits, after) = rest.split_at_checked(width)?;
            for byte in digits {
                let digit = char::from(*byte).to_digit(16)?;
                *value = *value << 4 | u64::from(digit);
            }
            rest = after;
        }
        let [run, room, number, back, sent] = fields;
        Some(Self {
            run: run as u32,
            room: room as u16,
            number,
            back: back as u32,
            sent,
        })
    }

    /// All marks in a payload, in the order in which they stand there. Allocates nothing.
    pub fn all(payload: &[u8]) -> impl Iterator<Item = Self> {
        memmem::find_iter(payload, PREFIX).filter_map(|at| Self::read(&payload[at..]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(mark: &Mark) -> Vec<u8> {
        let mut out = Vec::new();
        mark.write(&mut out);
        out
    }

    const MARK: Mark = Mark {
        run: 0x1f3a_9c04,
        room: 1,
        number: 42,
        back: 3,
        sent: 100_000_000_000,
    };

    #[test]
    fn a_mark_is_the_text_that_the_documentation_shows() {
        assert_eq!(
            written(&MARK),
            b"wsb-1f3a9c04-0001-000000002a-00000003-0000174876e800"
        );
    }

    #[test]
    fn marks_are_found_wherever_they_stand_and_what_only_looks_like_one_is_not() {
        let mark = String::from_utf8(written(&MARK)).unwrap();
        let found = |text: &str| Mark::all(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(
            found(&format!(r#"{{"type":"chat","message":"{mark}!"}}"#)),
            [MARK]
        );
        assert_eq!(found(&format!("wsb-wsb-{mark}{mark}")), [MARK, MARK]);
        for text in [
            "",
            "wsb-",
            "wsb-xyz",
            &mark[..mark.len() - 1],
            &mark.replace('4', "g"),
            &mark.replace('-', "_"),
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(run: u32, room: u16, number in 0_u64..1 << 40, back: u32, sent in 0_u64..1 << 56) {
            let mark = Mark { run, room, number, back, sent };
            let text = written(&mark);
            prop_assert_eq!(text.len(), Mark::LENGTH);
            prop_assert_eq!(Mark::all(&text).collect::<Vec<_>>(), [mark]);
        }
    }
}
