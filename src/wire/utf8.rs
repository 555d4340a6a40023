//! UTF-8 checked as it arrives (RFC 6455 8.1), so that a bad message fails at its first bad byte.

/// Checks a growing buffer; remembers only how much of it is known to be good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utf8Validator {
    valid_to: usize,
}

impl Utf8Validator {
    /// Checks what was appended to `buffer` since the last call. A character that is cut off at the end is no error yet.
    ///
    /// # Errors
    /// The buffer can no longer become valid UTF-8.
    pub fn extend(&mut self, buffer: &[u8]) -> Result<(), InvalidUtf8> {
        let tail = buffer.get(self.valid_to..).unwrap_or_default();
        match simdutf8::compat::from_utf8(tail) {
            Ok(_) => self.valid_to = buffer.len(),
            Err(error) if error.error_len().is_none() => self.valid_to += error.valid_up_to(),
            Err(_) => return Err(InvalidUtf8),
        }
        Ok(())
    }

    /// Whether all of `buffer` is valid: no character is cut off at its end.
    #[must_use]
    pub fn is_complete(&self, buffer: &[u8]) -> bool {
        self.valid_to == buffer.len()
    }
}

/// Not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fails_at_the_first_byte_that_cannot_be_right() {
        // U+110000, the first value past Unicode: wrong from its second byte on.
        let text = b"ok \xF4\x90\x80\x80";
        let mut validator = Utf8Validator::default();
        assert_eq!(validator.extend(&text[..4]), Ok(()));
        assert!(!validator.is_complete(&text[..4]));
        assert_eq!(validator.extend(&text[..5]), Err(InvalidUtf8));
    }

    #[test]
    fn any_split_of_valid_text_is_valid() {
        let text = "κόσμε, 日本, 𝄞".as_bytes();
        for split in 0..=text.len() {
            let mut validator = Utf8Validator::default();
            assert_eq!(validator.extend(&text[..split]), Ok(()), "split at {split}");
            assert_eq!(validator.extend(text), Ok(()), "split at {split}");
            assert!(validator.is_complete(text));
        }
    }
}
