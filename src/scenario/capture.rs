//! [`Capture`]: a value that a client keeps of a message.

use std::borrow::Cow;

use regex::bytes::{CaptureLocations, Regex};

use super::json_probe::JsonPath;
use super::json_scan::Cursor;
use super::values::{MAX_CAPTURE, Values};

/// What to keep of a message, and where.
#[derive(Debug)]
pub struct Capture {
    /// As the scenario calls it.
    pub name: String,
    slot: u16,
    source: CaptureSource,
    default: Option<Box<[u8]>>,
}

/// Where the value stands.
#[derive(Debug)]
pub(super) enum CaptureSource {
    Json(JsonPath),
    /// With the number of the expression among all of the plan.
    Regex {
        regex: Regex,
        number: usize,
    },
}

/// Memory that the regular expressions of one worker's clients use in turn.
#[derive(Debug, Default)]
pub struct CaptureScratch(Vec<Option<CaptureLocations>>);

impl CaptureScratch {
    fn locations(&mut self, number: usize, regex: &Regex) -> &mut CaptureLocations {
        if self.0.len() <= number {
            self.0.resize_with(number + 1, || None);
        }
        self.0[number].get_or_insert_with(|| regex.capture_locations())
    }
}

impl Capture {
    pub(super) fn new(name: String, slot: u16, source: CaptureSource, default: Option<&str>) -> Self {
        Self {
            name,
            slot,
            source,
            default: default.map(|text| text.as_bytes().into()),
        }
    }

    /// Puts the value, or its default, into `values`; `false` if there is neither.
    #[must_use]
    pub fn take(&self, payload: &[u8], scratch: &mut CaptureScratch, values: &mut Values) -> bool {
        match self.find(payload, scratch) {
            Some((text, bare)) if text.len() <= MAX_CAPTURE => values.set(self.slot, &text, bare),
            _ => match &self.default {
                Some(text) => values.set(self.slot, text, false),
                None => return false,
            },
        }
        true
    }

    fn find<'a>(&self, payload: &'a [u8], scratch: &mut CaptureScratch) -> Option<(Cow<'a, [u8]>, bool)> {
        match &self.source {
            CaptureSource::Json(path) => pick(path.steps(), payload),
            CaptureSource::Regex { regex, number } => {
                let locations = scratch.locations(*number, regex);
                regex.captures_read(locations, payload)?;
                let (start, end) = locations.get(1).or_else(|| locations.get(0))?;
                Some((Cow::Borrowed(&payload[start..end]), false))
            }
        }
    }
}

/// The value at a path of a JSON text, as text, and whether JSON takes it without quotes; `None` if there is none, or if it
/// is null. An object or a list is given as it is written.
fn pick<'a>(path: &[String], payload: &'a [u8]) -> Option<(Cow<'a, [u8]>, bool)> {
    let mut cursor = Cursor::new(payload);
    for step in path {
        match cursor.peek()? {
            b'{' => enter_member(&mut cursor, step)?,
            b'[' => enter_item(&mut cursor, step.parse().ok()?)?,
            _ => return None,
        }
    }
    if cursor.peek()? == b'"' {
        return Some((cursor.string()?, false));
    }
    let text = cursor.value()?;
    (text != b"null").then_some((Cow::Borrowed(text), true))
}

fn enter_member(cursor: &mut Cursor<'_>, name: &str) -> Option<()> {
    cursor.take(b'{')?;
    loop {
        let key = cursor.string()?;
        cursor.take(b':')?;
        if *key == *name.as_bytes() {
            return Some(());
        }
        cursor.skip()?;
        cursor.more(b'}')?.then_some(())?;
    }
}

fn enter_item(cursor: &mut Cursor<'_>, index: usize) -> Option<()> {
    cursor.take(b'[')?;
    for _ in 0..index {
        cursor.skip()?;
        cursor.more(b']')?.then_some(())?;
    }
    (cursor.peek()? != b']').then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(path: &str, json: &str) -> Option<(String, bool)> {
        let path = JsonPath::parse(path).unwrap();
        let (text, bare) = pick(path.steps(), json.as_bytes())?;
        Some((String::from_utf8(text.into_owned()).unwrap(), bare))
    }

    #[test]
    fn json_values_are_found_by_path() {
        let json =
            r#" {"a":{"skip":[{"x":"}"}],"b":[1.50, {"c":"q\"d"}, [1,2]]},"n":null,"t":true,"o":{"k":[1]}}"#;
        let text = |value: &str| Some((value.to_owned(), false));
        let bare = |value: &str| Some((value.to_owned(), true));
        assert_eq!(picked("a.b[0]", json), bare("1.50"));
        assert_eq!(picked("a.b[1].c", json), text("q\"d"));
        assert_eq!(picked("a.b[2]", json), bare("[1,2]"));
        assert_eq!(picked("t", json), bare("true"));
        assert_eq!(picked("o", json), bare(r#"{"k":[1]}"#));
        for path in ["n", "x", "a.b[3]", "a.x", "t.x", "a.b.x"] {
            assert_eq!(picked(path, json), None, "{path}");
        }
        for broken in ["", "{", r#"{"a""#, r#"{"a":"#, "[]", "{}", "a", r#"{"a":"#] {
            assert_eq!(picked("a", broken), None, "{broken}");
        }
        assert_eq!(picked("[0]", "[]"), None);
        assert_eq!(picked("[0]", r#"["x"]"#), text("x"));
    }

    fn capture(source: CaptureSource, default: Option<&str>) -> Capture {
        Capture::new("it".to_owned(), 0, source, default)
    }

    #[test]
    fn an_expression_gives_its_first_group_or_all_of_it() {
        let mut scratch = CaptureScratch::default();
        let mut values = Values::new(1);
        for (expression, found) in [(r"id=(\d+)", "42"), (r"id=\d+", "id=42"), (r"(x)?id", "id")] {
            let regex = Regex::new(expression).unwrap();
            let number = expression.len();
            let capture = capture(CaptureSource::Regex { regex, number }, None);
            assert!(capture.take(b"an id=42.", &mut scratch, &mut values));
            assert_eq!(values.get(0), (found.as_bytes(), false), "{expression}");
        }
    }

    #[test]
    fn what_is_not_there_or_too_long_is_its_default() {
        let mut scratch = CaptureScratch::default();
        let mut values = Values::new(1);
        let path = || CaptureSource::Json(JsonPath::parse("a").unwrap());
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_CAPTURE + 1));
        for message in ["{}", "no JSON", &long] {
            assert!(!capture(path(), None).take(message.as_bytes(), &mut scratch, &mut values));
            assert!(capture(path(), Some("none")).take(message.as_bytes(), &mut scratch, &mut values));
            assert_eq!(values.get(0), (&b"none"[..], false));
        }
    }
}
