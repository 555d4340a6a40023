//! Looking into JSON messages without building them in memory.
//!
//! A probe is a tree of keys; one pass over the payload follows it and passes over everything else. Nothing is
//! allocated, unless a key or a string that is looked at contains escapes.

use super::json_scan::{Cursor, Scalar};
use super::template::{Held, Known, Pattern, RenderContext};

/// At most so many fields can be asked for: one bit each.
pub(super) const MAX_FIELDS: usize = 64;

/// The way to a value: `data.items[0].id` or `data.items.0.id`; `\.` is a dot within a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JsonPath(Vec<String>);

impl JsonPath {
    /// Reads a path; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = vec![String::new()];
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match (character, steps.last_mut()) {
                ('\\', Some(step)) => step.extend(characters.next()),
                ('.', _) => steps.push(String::new()),
                ('[', _) => {
                    let index: String = characters.by_ref().take_while(|c| *c != ']').collect();
                    if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
                        return Err(format!("`[{index}]` is not an array index such as `[0]`"));
                    }
                    if steps.last().is_some_and(String::is_empty) {
                        steps.pop();
                    }
                    steps.push(index);
                }
                (_, Some(step)) => step.push(character),
                (_, None) => {}
            }
        }
        if steps.iter().any(String::is_empty) {
            return Err(format!(
                "`{text}` is not a path such as `type` or `data.items[0].id`"
            ));
        }
        Ok(Self(steps))
    }

    /// The names and indices on the way.
    pub(super) fn steps(&self) -> &[String] {
        &self.0
    }

    /// The path followed by another one.
    pub(super) fn join(&self, tail: &Self) -> Self {
        Self([self.0.as_slice(), tail.0.as_slice()].concat())
    }
}

/// A value that a message must have at a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expected {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Known(Known),
    Text(Pattern),
    /// What the client holds, as a text or as the number, `true` or `false` that it spells.
    Held(Held),
}

impl Expected {
    fn equals(&self, found: &Scalar<'_>, ctx: &RenderContext<'_>) -> bool {
        match (self, found) {
            (Self::Null, Scalar::Null) => true,
            (Self::Bool(expected), Scalar::Bool(found)) => expected == found,
            (Self::Integer(expected), Scalar::Integer(found)) => expected == found,
            (Self::Integer(expected), Scalar::Float(found)) => *expected as f64 == *found,
            (Self::Float(expected), Scalar::Float(found)) => expected == found,
            (Self::Float(expected), Scalar::Integer(found)) => *expected == *found as f64,
            (Self::Known(known), Scalar::Integer(found)) => i128::from(known.of(ctx)) == *found,
            (Self::Text(pattern), Scalar::Text(found)) => pattern.equals(found, ctx),
            (Self::Held(held), found) => spells(held.of(ctx).0, found),
            _ => false,
        }
    }
}

/// Whether `text` is what `found` says.
fn spells(text: &[u8], found: &Scalar<'_>) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    match found {
        Scalar::Text(found) => **found == *text.as_bytes(),
        Scalar::Integer(found) => text.parse() == Ok(*found),
        Scalar::Float(found) => text.parse() == Ok(*found),
        Scalar::Bool(found) => text.parse() == Ok(*found),
        Scalar::Null => false,
    }
}

/// Expected values by path.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonProbe {
    root: Branch,
    expected: Box<[Expected]>,
}

impl JsonProbe {
    /// `None` if there are more than [`MAX_FIELDS`], or if two paths exclude each other.
    pub(super) fn new(fields: Vec<(JsonPath, Expected)>) -> Option<Self> {
        let mut root = Branch::default();
        let mut expected = Vec::new();
        for (path, value) in fields {
            root.plant(&path.0, u8::try_from(expected.len()).ok()?)
                .then_some(())?;
            expected.push(value);
        }
        (expected.len() <= MAX_FIELDS).then(|| Self {
            root,
            expected: expected.into(),
        })
    }

    /// Whether `payload` is JSON and has every expected value.
    #[must_use]
    pub fn matches(&self, payload: &[u8], ctx: &RenderContext<'_>) -> bool {
        let mut missing = u64::MAX
            .checked_shr((MAX_FIELDS - self.expected.len()) as u32)
            .unwrap_or(0);
        let mut compare = |field: u8, found: Scalar<'_>| {
            if self.expected[usize::from(field)].equals(&found, ctx) {
                missing &= !(1 << field);
            }
        };
        walk(&self.root, payload, &mut compare) && missing == 0
    }
}

/// One value by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonField(Branch);

impl JsonField {
    pub(super) fn new(path: &JsonPath) -> Self {
        let mut root = Branch::default();
        root.plant(&path.0, 0);
        Self(root)
    }

    /// The whole number at the path.
    pub(super) fn number(&self, payload: &[u8]) -> Option<u64> {
        let mut number = None;
        let is_json = walk(&self.0, payload, &mut |_, found| {
            if let Scalar::Integer(found) = found {
                number = u64::try_from(found).ok();
            }
        });
        number.filter(|_| is_json)
    }

    /// What `read` makes of the string at the path.
    pub(super) fn string<T>(&self, payload: &[u8], read: impl Fn(&[u8]) -> T) -> Option<T> {
        let mut value = None;
        let is_json = walk(&self.0, payload, &mut |_, found| {
            if let Scalar::Text(text) = found {
                value = Some(read(&text));
            }
        });
        value.filter(|_| is_json)
    }
}

/// A node of the tree of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Branch {
    /// The field whose path ends here.
    field: Option<u8>,
    children: Vec<(Key, Branch)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    name: Box<str>,
    /// The name as a number, where the value turns out to be an array.
    index: Option<usize>,
}

impl Branch {
    /// Adds a path; `false` if it begins with, or is the begin of, one that is there already.
    fn plant(&mut self, path: &[String], field: u8) -> bool {
        let Some((name, rest)) = path.split_first() else {
            let free = self.field.is_none() && self.children.is_empty();
            self.field = Some(field);
            return free;
        };
        let position = self
            .children
            .iter()
            .position(|(key, _)| *key.name == **name)
            .unwrap_or_else(|| {
                let key = Key {
                    name: name.as_str().into(),
                    index: name.parse().ok(),
                };
                self.children.push((key, Self::default()));
                self.children.len() - 1
            });
        self.field.is_none() && self.children[position].1.plant(rest, field)
    }
}

/// Calls `found` with each scalar at the end of a path; `false` if the payload is no JSON object or array.
fn walk(root: &Branch, payload: &[u8], found: &mut dyn FnMut(u8, Scalar<'_>)) -> bool {
    let mut cursor = Cursor::new(payload);
    let is_container = matches!(cursor.peek(), Some(b'{' | b'['));
    is_container && root.follow(&mut cursor, found).is_some() && cursor.peek().is_none()
}

impl Branch {
    /// Reads one value; `None` if it is not JSON. Goes no deeper than the tree does.
    fn follow(&self, cursor: &mut Cursor<'_>, found: &mut dyn FnMut(u8, Scalar<'_>)) -> Option<()> {
        match cursor.peek()? {
            b'{' if !self.children.is_empty() => self.follow_object(cursor, found),
            b'[' if !self.children.is_empty() => self.follow_array(cursor, found),
            b'{' | b'[' => cursor.skip(),
            _ => {
                let scalar = cursor.scalar()?;
                if let Some(field) = self.field {
                    found(field, scalar);
                }
                Some(())
            }
        }
    }

    fn follow_object(&self, cursor: &mut Cursor<'_>, found: &mut dyn FnMut(u8, Scalar<'_>)) -> Option<()> {
        cursor.take(b'{')?;
        if cursor.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = cursor.string()?;
            cursor.take(b':')?;
            match self
                .children
                .iter()
                .find(|(key, _)| key.name.as_bytes() == &*name)
            {
                Some((_, child)) => child.follow(cursor, found)?,
                None => cursor.skip()?,
            }
            if !cursor.more(b'}')? {
                return Some(());
            }
        }
    }

    fn follow_array(&self, cursor: &mut Cursor<'_>, found: &mut dyn FnMut(u8, Scalar<'_>)) -> Option<()> {
        cursor.take(b'[')?;
        if cursor.take(b']').is_some() {
            return Some(());
        }
        for index in 0.. {
            match self.children.iter().find(|(key, _)| key.index == Some(index)) {
                Some((_, child)) => child.follow(cursor, found)?,
                None => cursor.skip()?,
            }
            if !cursor.more(b']')? {
                break;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::template::Template;
    use super::*;

    fn probe(fields: &[(&str, Expected)]) -> JsonProbe {
        let fields = fields
            .iter()
            .map(|(path, expected)| (JsonPath::parse(path).unwrap(), expected.clone()));
        JsonProbe::new(fields.collect()).unwrap()
    }

    #[test]
    fn finds_fields_in_any_order_at_any_depth() {
        let probe = probe(&[
            (
                "type",
                Expected::Text(Pattern::of(&super::super::template::Template::from_literal(b"ack")).unwrap()),
            ),
            ("data.items[1].id", Expected::Integer(5)),
            ("data.ok", Expected::Bool(true)),
            ("seq", Expected::Known(Known::Seq)),
        ]);
        let ctx = RenderContext {
            seq: 9,
            ..RenderContext::default()
        };
        let good =
            br#" {"seq":9,"data":{"ok":true,"items":[{"id":4},{"x":[{}],"id":5.0}]},"type":"a\u0063k"}"#;
        assert!(probe.matches(good, &ctx));
        for bad in [
            &br#"{"seq":8,"data":{"ok":true,"items":[{"id":4},{"id":5}]},"type":"ack"}"#[..],
            br#"{"seq":9,"data":{"ok":true,"items":[{"id":5}]},"type":"ack"}"#,
            br#"{"seq":9,"data":{"ok":1,"items":[{},{"id":5}]},"type":"ack"}"#,
            br#"{"seq":9,"data":{"ok":true,"items":[{},{"id":5}]},"type":"ack"} trailing"#,
            br#"{"seq":9,"data":{"ok":true,"items":[{},{"id":5}]},"type":"ack""#,
            br#"{"seq":9,"data":{"ok":true,"items":[{},{"id":5}]},"type":"ack",}"#,
            br#"{"seq" 9,"data":{"ok":true,"items":[{},{"id":5}]},"type":"ack"}"#,
            b"ack 9",
            b"",
        ] {
            assert!(!probe.matches(bad, &ctx), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn paths_are_dotted_with_indices_and_escapes() {
        let steps = |text: &str| JsonPath::parse(text).unwrap().0;
        assert_eq!(steps("a.b[0].c"), ["a", "b", "0", "c"]);
        assert_eq!(steps("[2][3]"), ["2", "3"]);
        assert_eq!(steps(r"a\.b.c"), ["a.b", "c"]);
        for text in ["", ".", "a.", "a..b", "a[x]", "a[]", "a[-1]"] {
            assert!(JsonPath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_that_exclude_each_other_are_refused() {
        let two = |first: &str, second: &str| {
            let field = |text| (JsonPath::parse(text).unwrap(), Expected::Null);
            JsonProbe::new(vec![field(first), field(second)]).is_some()
        };
        assert!(two("a.b", "a.c"));
        assert!(!two("a", "a"));
        assert!(!two("a", "a.b"));
        assert!(!two("a.b", "a"));
    }

    #[test]
    fn reads_one_field() {
        let field = JsonField::new(&JsonPath::parse("meta.seq").unwrap());
        assert_eq!(field.number(br#"{"meta":{"seq":77},"seq":1}"#), Some(77));
        for payload in [
            &br#"{"seq":77}"#[..],
            br#"{"meta":{"seq":-1}}"#,
            br#"{"meta":{"seq":77}"#,
            b"77",
        ] {
            assert_eq!(field.number(payload), None);
        }
        assert_eq!(field.string(br#"{"meta":{"seq":"n-77"}}"#, <[u8]>::len), Some(4));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            r#"[ab"\\{}\[\],: é\n]{0,6}"#.prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 40, 5, |inner| {
            let key = r#"[ab"\\]{1,2}"#;
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                btree_map(key, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Every scalar of a document, with its path.
    fn leaves(value: &Value, path: &[String], found: &mut Vec<(Vec<String>, Value)>) {
        let with = |step: String| [path, &[step]].concat();
        match value {
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, item)| leaves(item, &with(index.to_string()), found));
            }
            Value::Object(map) => map
                .iter()
                .for_each(|(key, value)| leaves(value, &with(key.clone()), found)),
            scalar => found.push((path.to_vec(), scalar.clone())),
        }
    }

    fn expected(value: &Value) -> Expected {
        match value {
            Value::Bool(value) => Expected::Bool(*value),
            Value::Number(number) => {
                let float = || Expected::Float(number.as_f64().unwrap());
                number
                    .as_i64()
                    .map_or_else(float, |integer| Expected::Integer(integer.into()))
            }
            Value::String(text) => {
                Expected::Text(Pattern::of(&Template::from_literal(text.as_bytes())).unwrap())
            }
            _ => Expected::Null,
        }
    }

    proptest! {
        #[test]
        fn whatever_serde_json_writes_is_found(document in any_json(), pretty: bool) {
            prop_assume!(document.is_array() || document.is_object());
            let mut found = Vec::new();
            leaves(&document, &[], &mut found);
            found.truncate(MAX_FIELDS);
            let fields = found.iter().map(|(path, value)| (JsonPath(path.clone()), expected(value))).collect();
            let probe = JsonProbe::new(fields).unwrap();
            let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
            prop_assert!(probe.matches(text.unwrap().as_bytes(), &RenderContext::default()));
        }

        #[test]
        fn no_payload_makes_it_panic(payload in r#"[{}\[\]":,\\a0-9.e -]{0,40}"#) {
            let probe = probe(&[("a.0", Expected::Null), ("a.b", Expected::Integer(1))]);
            let _ = probe.matches(payload.as_bytes(), &RenderContext::default());
            let _ = JsonField::new(&JsonPath::parse("a").unwrap()).number(payload.as_bytes());
        }
    }
}
