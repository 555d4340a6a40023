//! [`Cursor`]: reading JSON from front to back, without allocating and without building anything.
//!
//! A general parser keeps a stack or a scratch buffer even for what it ignores. Matching looks at a few values of a
//! message and passes over the rest, so here only the former is read with care: what is passed over has to have
//! balanced brackets and closed strings, and nothing more is asked of it.

use std::borrow::Cow;

/// What is left of a JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

/// A value that is neither object nor array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(Cow<'a, [u8]>),
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// The first byte of what comes next, after white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let space = self
            .rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        self.rest = &self.rest[space.unwrap_or(self.rest.len())..];
        self.rest.first().copied()
    }

    /// Takes `expected`, if it comes next.
    pub(super) fn take(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.rest = &self.rest[1..])
    }

    /// Takes a comma, or `end`: whether there is another member or element.
    pub(super) fn more(&mut self, end: u8) -> Option<bool> {
        match self.peek()? {
            b',' => self.take(b',').map(|()| true),
            _ => self.take(end).map(|()| false),
        }
    }

    /// A string, unescaped. Only escapes make it allocate.
    pub(super) fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        self.take(b'"')?;
        let start = self.rest;
        let length = self.string_end()?;
        let raw = &start[..length];
        if !raw.contains(&b'\\') {
            return Some(Cow::Borrowed(raw));
        }
        let quoted = [b"\"", raw, b"\""].concat();
        let text: String = serde_json::from_slice(&quoted).ok()?;
        Some(Cow::Owned(text.into_bytes()))
    }

    /// Passes over the rest of a string and its closing quote; the length of that rest.
    fn string_end(&mut self) -> Option<usize> {
        let mut length = 0;
        loop {
            length += self
                .rest
                .get(length..)?
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\'))?;
            if self.rest[length] == b'"' {
                self.rest = &self.rest[length + 1..];
                return Some(length);
            }
            // Whatever is escaped, its first byte does not end the string.
            length += 2;
        }
    }

    /// A scalar.
    pub(super) fn scalar(&mut self) -> Option<Scalar<'a>> {
        if self.peek()? == b'"' {
            return self.string().map(Scalar::Text);
        }
        match self.word()? {
            b"null" => Some(Scalar::Null),
            b"true" => Some(Scalar::Bool(true)),
            b"false" => Some(Scalar::Bool(false)),
            number => read_number(number),
        }
    }

    /// Everything up to the next space, comma or bracket.
    fn word(&mut self) -> Option<&'a [u8]> {
        let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
        let length = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// A value of any kind, as it is written.
    pub(super) fn value(&mut self) -> Option<&'a [u8]> {
        self.peek()?;
        let start = self.rest;
        self.skip()?;
        Some(&start[..start.len() - self.rest.len()])
    }

    /// Passes over a value of any kind.
    pub(super) fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.take(b'"')?;
                self.string_end().map(drop)
            }
            b'{' | b'[' => self.skip_brackets(),
            _ => self.word().map(drop),
        }
    }

    fn skip_brackets(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            let next = self
                .rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
            let found = self.rest[next];
            self.rest = &self.rest[next + 1..];
            match found {
                b'"' => self.string_end().map(drop)?,
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

fn read_number(word: &[u8]) -> Option<Scalar<'static>> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    let mut magnitude = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        let next = magnitude
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit)));
        match next {
            Some(next) if digit <= 9 => magnitude = next,
            // A fraction, an exponent, or more than 64 bits.
            _ => return std::str::from_utf8(word).ok()?.parse().ok().map(Scalar::Float),
        }
    }
    let negative = digits.len() < word.len();
    Some(Scalar::Integer(if negative {
        -i128::from(magnitude)
    } else {
        magnitude.into()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> Option<Scalar<'_>> {
        Cursor::new(text.as_bytes()).scalar()
    }

    #[test]
    fn scalars_are_what_json_says() {
        for (text, expected) in [
            ("null", Some(Scalar::Null)),
            (" true,", Some(Scalar::Bool(true))),
            ("false}", Some(Scalar::Bool(false))),
            ("18446744073709551615]", Some(Scalar::Integer(u64::MAX.into()))),
            ("-9223372036854775808", Some(Scalar::Integer(i64::MIN.into()))),
            ("1e3", Some(Scalar::Float(1000.0))),
            ("-0.5 ", Some(Scalar::Float(-0.5))),
            ("20000000000000000000", Some(Scalar::Float(2e19))),
            ("\"a b\"", Some(Scalar::Text(b"a b"[..].into()))),
            (r#""\u00e9\"\\""#, Some(Scalar::Text("é\"\\".as_bytes().into()))),
            ("", None),
            ("nul", None),
            ("inf", None),
            ("-", None),
            ("1x", None),
            ("\"open", None),
            (r#""open\""#, None),
        ] {
            assert_eq!(scalar(text), expected, "{text}");
        }
    }

    #[test]
    fn skipping_ends_where_the_value_does() {
        for value in [
            r#"{"a":[1,{"b":"]}\""}],"c":{}}"#,
            "[[[]]]",
            r#""\\""#,
            "12.5e3",
            "true",
        ] {
            let text = format!(" {value} , rest");
            let mut cursor = Cursor::new(text.as_bytes());
            assert_eq!(cursor.skip(), Some(()), "{value}");
            assert_eq!(cursor.peek(), Some(b','), "{value}");
        }
        for value in ["", "{", "[1,2", r#"{"a":"}"#, r#"["\"]"#] {
            assert_eq!(Cursor::new(value.as_bytes()).skip(), None, "{value}");
        }
    }
}
