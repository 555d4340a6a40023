//! The language as a JSON Schema, for editors.
//!
//! The schema is derived from the very types that the parser fills, so a key cannot be in one and not in the other. What
//! is added here are the rules that hold for every key: scalars may be written as text or number, and a bare word stands
//! for a mapping with only that key.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::document::{Constant, Document};
use super::template::Json;
use super::yaml::{Entries, Field, List, Located, Quantity, ScalarOr};

/// The JSON Schema of the scenario language (draft 2020-12), as it is published in `docs/scenario.schema.json`.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Document>();
    Loosen.transform(&mut schema);
    schema.insert("title".to_owned(), json!("wsbench scenario"));
    schema.to_value()
}

/// What a scalar may be written as.
fn scalar_types() -> Value {
    json!(["string", "number", "boolean"])
}

/// The rules that hold everywhere.
#[derive(Clone, Debug)]
struct Loosen;

impl Transform for Loosen {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(object) = schema.as_object_mut() {
            drop_null(object);
            if object.get("type") == Some(&json!("string")) {
                object.insert("type".to_owned(), scalar_types());
            }
            let is_mapping = object.contains_key("properties")
                || object.get("additionalProperties") == Some(&json!(false));
            if is_mapping {
                let_includes_bring_keys(object);
                allow_bare_words(object);
            }
        }
    }
}

/// A key may be absent, but one that is there says something.
fn drop_null(object: &mut Map<String, Value>) {
    let null = json!({"type": "null"});
    let Some(Value::Array(options)) = object.get_mut("anyOf") else {
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        return;
    };
    options.retain(|option| *option != null);
    if let [Value::Object(only)] = options.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        object.extend(only);
    }
}

/// What is required may come from an included file.
fn let_includes_bring_keys(object: &mut Map<String, Value>) {
    if object
        .get("properties")
        .and_then(|properties| properties.get("include"))
        .is_some()
        && let Some(required) = object.remove("required")
    {
        let options = json!([{"required": ["include"]}, {"required": required}]);
        object.insert("anyOf".to_owned(), options);
    }
}

/// A mapping may be written as one of its keys, and as nothing where no key is required.
fn allow_bare_words(object: &mut Map<String, Value>) {
    const INNER: [&str; 5] = ["type", "properties", "required", "anyOf", "additionalProperties"];
    if object.contains_key("$schema") {
        return;
    }
    let words: Vec<Value> = object
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .map(|key| json!(key))
        .collect();
    let nothing = !object.contains_key("required") && !object.contains_key("anyOf");
    let inner: Map<String, Value> = INNER
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), object.remove(key)?)))
        .collect();
    let mut options = vec![Value::Object(inner)];
    if !words.is_empty() {
        options.push(json!({ "enum": words }));
    }
    if nothing {
        options.push(json!({"type": "null"}));
    }
    object.insert("anyOf".to_owned(), Value::Array(options));
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Quantity> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": scalar_types(), "title": T::EXPECTED})
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("list of {}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<T>()})
    }
}

impl<V: JsonSchema> JsonSchema for Entries<V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("mapping to {}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<V>()})
    }
}

impl<S: JsonSchema, T: JsonSchema> JsonSchema for ScalarOr<S, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{} or {}", S::schema_name(), T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<S>(), generator.subschema_for::<T>()]})
    }
}

/// Whatever JSON can say.
impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

impl JsonSchema for Constant {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "constant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": scalar_types()})
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt;

    use serde::de::{self, Deserialize, Deserializer, Visitor};

    use super::super::document;
    use super::*;

    /// Asks a type for its keys, as the parser does, and gives it nothing.
    struct Asker<'a>(&'a mut Vec<(String, BTreeSet<String>)>);

    #[derive(Debug)]
    struct Nothing;

    impl fmt::Display for Nothing {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("nothing")
        }
    }

    impl std::error::Error for Nothing {}

    impl de::Error for Nothing {
        fn custom<T: fmt::Display>(_: T) -> Self {
            Self
        }
    }

    impl<'de> Deserializer<'de> for Asker<'_> {
        type Error = Nothing;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
            Err(Nothing)
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Nothing> {
            let fields = fields.iter().map(|field| (*field).to_owned()).collect();
            self.0.push((name.to_owned(), fields));
            Err(Nothing)
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    /// The keys that the parser knows, by the name of the mapping that they stand in.
    fn known_to_the_parser() -> BTreeMap<String, BTreeSet<String>> {
        let mut found = Vec::new();
        macro_rules! ask {
            ($($($kind:ident)::+),*) => { $( let _ = document::$($kind)::+::deserialize(Asker(&mut found)); )* };
        }
        ask!(
            Document,
            ClosedStage,
            ArrivalModel,
            OpenStage,
            Transport,
            ThresholdSpec,
            ClientGroup,
            Connection,
            Auth,
            Jwt,
            Reconnect,
            FeederSpec,
            HeartbeatSpec,
            Step,
            step::Case,
            Test,
            Empty,
            SendStep,
            SizeSpec,
            distribution::NormalSpec,
            distribution::LogNormalSpec,
            FileContent,
            Binary,
            Reply,
            CaptureSpec,
            PingStep,
            ThinkTime,
            NormalTime,
            LogNormalTime,
            ReceiveStep,
            FanOutSpec,
            StreamSpec,
            SizeProbeStep,
            CloseStep
        );
        found.into_iter().collect()
    }

    fn properties(schema: &Value) -> Option<BTreeSet<String>> {
        let properties = schema["properties"].as_object()?;
        Some(properties.keys().cloned().collect())
    }

    /// The keys of the schema, by the same names; a mapping without keys has no properties.
    fn in_the_schema() -> BTreeMap<String, BTreeSet<String>> {
        let schema = json_schema();
        let mut found = BTreeMap::from([("scenario file".to_owned(), properties(&schema).unwrap())]);
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            let object = definition["anyOf"].as_array().and_then(|options| options.first());
            found.insert(
                name.clone(),
                properties(object.unwrap_or(definition)).unwrap_or_default(),
            );
        }
        found
    }

    #[test]
    fn the_parser_and_the_schema_know_the_same_keys() {
        assert_eq!(known_to_the_parser(), in_the_schema());
    }

    fn check_descriptions(place: &str, schema: &Value) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            assert!(
                value["description"].is_string(),
                "{place}.{key} says nothing of itself"
            );
        }
        let options = schema["anyOf"].as_array().into_iter().flatten();
        options.for_each(|option| check_descriptions(place, option));
    }

    #[test]
    fn every_key_has_a_description_for_editors() {
        let schema = json_schema();
        check_descriptions("", &schema);
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            check_descriptions(name, definition);
        }
    }

    #[test]
    fn no_mapping_takes_other_keys() {
        let schema = json_schema();
        assert_eq!(schema["additionalProperties"], false);
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            let object = definition["anyOf"].as_array().and_then(|options| options.first());
            assert_eq!(
                object.unwrap_or(definition)["additionalProperties"],
                false,
                "{name}"
            );
        }
    }
}
