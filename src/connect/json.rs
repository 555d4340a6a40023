//! JSON indented for people.

use std::borrow::Cow;

/// Indents `text` if it is JSON, and leaves it alone otherwise.
///
/// Only blanks are added and removed: numbers keep their digits and members their order, which a parser's own tree
/// would not promise.
pub(super) fn indent(text: &str) -> Cow<'_, str> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let token = token_length(rest);
        match first {
            '{' | '[' => {
                out.push(first);
                let inside = rest[token..].trim_start();
                if let Some(end @ ('}' | ']')) = inside.chars().next() {
                    out.push(end);
                    rest = inside[1..].trim_start();
                    continue;
                }
                depth += 1;
                break_line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(first);
            }
            ',' => {
                out.push(first);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push_str(&rest[..token]),
        }
        rest = rest[token..].trim_start();
    }
    Cow::Owned(out)
}

/// The length of the token at the front of valid JSON: a string, a bracket, a separator, a number or a word.
fn token_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes[0] != b'"' {
        let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        return bytes.iter().take_while(|byte| is_inside(byte)).count().max(1);
    }
    let mut escaped = false;
    for (at, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    bytes.len()
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objects_and_arrays_are_broken_into_lines() {
        assert_eq!(
            indent(r#"{"z":1,"a":[true, null,{}],"s":"x, \"{y}: \\"}"#),
            "{\n  \"z\": 1,\n  \"a\": [\n    true,\n    null,\n    {}\n  ],\n  \"s\": \"x, \\\"{y}: \\\\\"\n}"
        );
        assert_eq!(indent(" [ ] "), "[]");
    }

    #[test]
    fn digits_and_order_are_kept() {
        let text = "12345678901234567890.10e+5";
        assert_eq!(indent(text), text);
    }

    #[test]
    fn what_is_not_json_stays_as_it_is() {
        for text in ["hello", "{\"a\":", "", "{} {}", "\u{e4}"] {
            assert_eq!(indent(text), text);
        }
    }

    proptest! {
        #[test]
        fn indenting_changes_nothing_but_blanks(text in r#"[\[\]{},:" 0-9a-z\\\u{e4}]{0,40}"#, name in ".*", number: i64) {
            indent(&text);
            let value = serde_json::json!([{ &name: number, "b": [[], {}, name] }]);
            let again: serde_json::Value = serde_json::from_str(&indent(&value.to_string())).unwrap();
            prop_assert_eq!(value, again);
        }
    }
}
