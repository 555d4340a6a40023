//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 9.1), for offers and responses alike.
//!
//! ```text
//! extension-list  = 1#( token *( ";" extension-param ) )
//! extension-param = token [ "=" ( token | quoted-string ) ]
//! ```
//!
//! A quoted value must be a token once it is unquoted. As everywhere in HTTP, empty list elements are skipped.

use std::borrow::Cow;

/// One extension as it stands in the header, its parameters in order and not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The extension's token, e.g. `permessage-deflate`.
    pub name: &'a str,
    /// Its parameters in order, duplicates included.
    pub params: Vec<ExtensionParam<'a>>,
}

/// `name`, `name=value` or `name="value"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionParam<'a> {
    /// The parameter's token.
    pub name: &'a str,
    /// Its value, unquoted.
    pub value: Option<Cow<'a, str>>,
}

/// Why a header value is not an extension list; the recipient must fail the connection (RFC 6455 9.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionSyntaxError {
    /// The header is there but names nothing.
    #[error("the extension list is empty")]
    Empty,
    /// Something else stands where a part of the list belongs.
    #[error("expected {expected} at byte {at} of the extension list")]
    Expected {
        /// What the grammar asks for.
        expected: &'static str,
        /// Offset in the header's value.
        at: usize,
    },
}

/// Parses one header line's value. Several lines make one list: parse each and append (RFC 6455 9.1).
///
/// # Errors
/// The first place where the value leaves the grammar.
pub fn parse_extensions(value: &[u8]) -> Result<Vec<Extension<'_>>, ExtensionSyntaxError> {
    let mut cursor = Cursor { bytes: value, at: 0 };
    let mut extensions = Vec::new();
    loop {
        cursor.skip_blanks();
        if cursor.at_end() {
            break;
        }
        if cursor.take(b',') {
            continue;
        }
        extensions.push(cursor.extension()?);
        if !cursor.at_end() && !cursor.take(b',') {
            return Err(cursor.expected("`,` or `;`"));
        }
    }
    if extensions.is_empty() {
        Err(ExtensionSyntaxError::Empty)
    } else {
        Ok(extensions)
    }
}

/// Whether `byte` may stand in an HTTP token (RFC 9110 5.6.2).
#[must_use]
pub const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Whether `text` is an HTTP token: not empty, and token bytes only.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn extension(&mut self) -> Result<Extension<'a>, ExtensionSyntaxError> {
        let name = self.token("an extension's name")?;
        let mut params = Vec::new();
        loop {
            self.skip_blanks();
            if !self.take(b';') {
                return Ok(Extension { name, params });
            }
            self.skip_blanks();
            params.push(self.param()?);
        }
    }

    fn param(&mut self) -> Result<ExtensionParam<'a>, ExtensionSyntaxError> {
        let name = self.token("a parameter's name")?;
        self.skip_blanks();
        if !self.take(b'=') {
            return Ok(ExtensionParam { name, value: None });
        }
        self.skip_blanks();
        let value = if self.take(b'"') {
            self.quoted()?
        } else {
            Cow::Borrowed(self.token("a value")?)
        };
        Ok(ExtensionParam {
            name,
            value: Some(value),
        })
    }

    /// The rest of a quoted string whose opening quote was taken.
    fn quoted(&mut self) -> Result<Cow<'a, str>, ExtensionSyntaxError> {
        let start = self.at;
        let mut value = String::new();
        loop {
            match self.peek() {
                Some(b'"') if self.at > start => {
                    self.at += 1;
                    return Ok(Cow::Owned(value));
                }
                Some(b'\\') => self.at += 1,
                _ => {}
            }
            match self.peek() {
                Some(byte) if is_token_byte(byte) => value.push(char::from(byte)),
                _ => return Err(self.expected("a quoted token")),
            }
            self.at += 1;
        }
    }

    fn token(&mut self, what: &'static str) -> Result<&'a str, ExtensionSyntaxError> {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(|&byte| !is_token_byte(byte))
            .unwrap_or(rest.len());
        match std::str::from_utf8(&rest[..length]) {
            Ok(token) if length > 0 => {
                self.at += length;
                Ok(token)
            }
            _ => Err(self.expected(what)),
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn expected(&self, expected: &'static str) -> ExtensionSyntaxError {
        ExtensionSyntaxError::Expected {
            expected,
            at: self.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(value: &str) -> Vec<&str> {
        parse_extensions(value.as_bytes())
            .unwrap()
            .iter()
            .map(|extension| extension.name)
            .collect()
    }

    fn expected(value: &str) -> (&'static str, usize) {
        match parse_extensions(value.as_bytes()) {
            Err(ExtensionSyntaxError::Expected { expected, at }) => (expected, at),
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn rfc6455_9_1_examples() {
        assert_eq!(names("foo, bar; baz=2"), ["foo", "bar"]);
        assert_eq!(names("deflate-stream"), ["deflate-stream"]);
        assert_eq!(
            names("mux; max-channels=4; flow-control, deflate-stream"),
            ["mux", "deflate-stream"]
        );
    }

    #[test]
    fn rfc6455_9_1_quoted_values_are_unquoted() {
        let list = parse_extensions(br#"a;x="10";y="1\0";z=10"#).unwrap();
        for param in &list[0].params {
            assert_eq!(param.value.as_deref(), Some("10"), "{}", param.name);
        }
    }

    #[test]
    fn rfc9110_5_6_1_empty_elements_and_blanks_are_skipped() {
        assert_eq!(names(" ,, a ;\tb = c , ,d,"), ["a", "d"]);
    }

    #[test]
    fn rfc6455_9_1_malformed_lists_are_refused() {
        assert_eq!(parse_extensions(b""), Err(ExtensionSyntaxError::Empty));
        assert_eq!(parse_extensions(b" , ,"), Err(ExtensionSyntaxError::Empty));
        assert_eq!(expected("a;"), ("a parameter's name", 2));
        assert_eq!(expected("a;;b"), ("a parameter's name", 2));
        assert_eq!(expected("a b"), ("`,` or `;`", 2));
        assert_eq!(expected("a;b="), ("a value", 4));
        assert_eq!(expected("=1"), ("an extension's name", 0));
        assert_eq!(expected("a;b=\"\""), ("a quoted token", 5));
        assert_eq!(expected("a;b=\"x y\""), ("a quoted token", 6));
        assert_eq!(expected("a;b=\"x"), ("a quoted token", 6));
        assert_eq!(expected("a;b=\"x\\"), ("a quoted token", 7));
        assert_eq!(expected("caf\u{e9}"), ("`,` or `;`", 3));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused_without_panic(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(list) = parse_extensions(&value) {
                prop_assert!(!list.is_empty());
                prop_assert!(list.iter().all(|extension| is_token(extension.name.as_bytes())));
            }
        }
    }
}
