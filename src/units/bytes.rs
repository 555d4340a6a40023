//! [`ByteSize`]: a number of bytes written as `64KiB`, `1MB`, `10240`.

use std::fmt;
use std::str::FromStr;

use super::{UnitError, deserialize_from_notation, split_number};

const EXPECTED: &str = "a size in bytes (examples: 10240, 64KiB, 1MiB, 10MB)";

/// A number of bytes. `KiB`, `MiB`, `GiB` are powers of 1024; `kB`, `MB`, `GB` powers of 1000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// `n` kibibytes.
    #[must_use]
    pub const fn kib(n: u64) -> Self {
        Self(n * 1024)
    }

    /// `n` mebibytes.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n * 1024 * 1024)
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError::new(text, EXPECTED);
        let (number, suffix) = split_number(text.trim()).ok_or_else(error)?;
        let factor = match suffix.to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "kb" | "k" => 1e3,
            "mb" | "m" => 1e6,
            "gb" | "g" => 1e9,
            "kib" => 1024.0,
            "mib" => 1024.0 * 1024.0,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(error()),
        };
        let bytes = number * factor;
        // Beyond 2^53 a double no longer counts single bytes.
        if bytes.fract() != 0.0 || bytes > 9e15 {
            return Err(error());
        }
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return write!(f, "{}{unit}", self.0 / size);
            }
        }
        write!(f, "{}B", self.0)
    }
}

deserialize_from_notation!(ByteSize, "a size in bytes such as 10240, 64KiB or 1MiB", from_integer: |n| Some(ByteSize(n)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_families_of_units() {
        for (text, bytes) in [
            ("10240", 10_240),
            ("64KiB", 65_536),
            ("1MB", 1_000_000),
            ("0.5KiB", 512),
            ("1MiB", 1 << 20),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap(), ByteSize(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_fractions_of_a_byte_and_unknown_units() {
        for text in ["", "-1", "1.5", "0.3KiB", "3 stones", "99999999GiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["10KiB", "1MiB", "100B", "2GiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
    }
}
