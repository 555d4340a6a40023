//! [`FaultKind`]: the names of all faults.

use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// A way to be wrong, or late.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum FaultKind {
            $($(#[$doc])* $kind,)+
        }

        impl FaultKind {
            /// Every kind, in the order of the documentation.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),+];

            /// The name in queries, files, journal and metrics.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }
        }
    };
}

kinds! {
    /// Messages arrive late.
    Delay = "delay",
    /// Now and then, nothing passes at all.
    Stall = "stall",
    /// Messages are lost.
    Drop = "drop",
    /// Messages arrive twice.
    Duplicate = "duplicate",
    /// Messages arrive behind their successor.
    Reorder = "reorder",
    /// A bit of a payload is wrong.
    Corrupt = "corrupt",
    /// A bit of a frame's header is wrong.
    CorruptHeader = "corrupt-header",
    /// Bytes arrive a few at a time.
    Dribble = "dribble",
    /// From some message on, the client is not read.
    StopReading = "stop-reading",
    /// The client is read slowly.
    ReadRate = "read-rate",
    /// Pings are not answered.
    MutePong = "mute-pong",
    /// Close frames carry another code.
    CloseCode = "close-code",
    /// The server closes after some message.
    CloseAfter = "close-after",
    /// TCP ends without a Close frame.
    Fin = "fin",
    /// TCP is reset.
    Reset = "rst",
    /// The server ends its own side of TCP and goes on to read.
    HalfClose = "half-close",
    /// The answer to the upgrade is wrong.
    BadHandshake = "bad-101",
    /// The upgrade is not answered.
    Hold = "hold",
}

impl FaultKind {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// The kind of this name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The place in [`FaultKind::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_its_own_and_leads_back() {
        for (index, kind) in FaultKind::ALL.iter().enumerate() {
            assert_eq!(kind.index(), index);
            assert_eq!(FaultKind::by_name(kind.name()), Some(*kind));
        }
    }
}
