use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::metrics::{CloseCause, Counter, ErrorClass, Trend};
use crate::report::text::tests::sample;

#[test]
fn what_was_written_is_read_back() {
    let summary = sample();
    let text = String::from_utf8(render(&summary).unwrap()).unwrap();
    assert_eq!(Summary::from_json(&text).unwrap(), summary);
}

#[test]
fn what_is_no_summary_of_this_form_is_refused_with_a_reason() {
    let truncated = &sample().to_json().unwrap()[..500];
    let error = Summary::from_json(truncated).unwrap_err().to_string();
    assert!(error.contains("breaks off in the middle"), "{error}");

    let other = sample()
        .to_json()
        .unwrap()
        .replace("wsbench.summary/1", "wsbench.summary/7");
    let error = Summary::from_json(&other).unwrap_err().to_string();
    assert!(
        error.contains("`wsbench.summary/7`") && error.contains("`wsbench.summary/1`"),
        "{error}"
    );
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/summary.schema.json")).unwrap()
}

/// Every way in which `value` differs from `schema` in its fields, both ways, and in its types.
fn differences(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#'));
        return differences(
            root,
            target.expect("the reference leads somewhere"),
            value,
            at,
            found,
        );
    }
    if let Some(options) = schema["anyOf"].as_array() {
        let chosen = options
            .iter()
            .find(|option| (option["type"] == "null") == value.is_null());
        return differences(root, chosen.expect("one option fits"), value, at, found);
    }
    if !type_fits(schema, value) {
        found.push(format!("{at} is {value}, which is not {}", schema["type"]));
    }
    match value {
        Value::Object(fields) => {
            let named: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
            let required: BTreeSet<&str> = strings(&schema["required"]).collect();
            found.extend(
                required
                    .difference(&named)
                    .map(|name| format!("{at}.{name} is missing")),
            );
            for (name, field) in fields {
                let known = schema["properties"].get(name);
                let allowed = strings(&schema["propertyNames"]["enum"]).any(|known| known == name)
                    || schema["propertyNames"]["pattern"].is_string();
                match known.or(schema.get("additionalProperties").filter(|_| allowed)) {
                    Some(schema) => differences(root, schema, field, &format!("{at}.{name}"), found),
                    None => found.push(format!("{at}.{name} is not in the schema")),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                differences(root, &schema["items"], item, &format!("{at}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn type_fits(schema: &Value, value: &Value) -> bool {
    if let Some(constant) = schema.get("const") {
        return value == constant;
    }
    if let Some(options) = schema["enum"].as_array() {
        return options.contains(value);
    }
    let fits = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    match &schema["type"] {
        Value::String(name) => fits(name),
        names => strings(names).any(fits),
    }
}

fn strings(array: &Value) -> impl Iterator<Item = &str> {
    array.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn validate(summary: &Value) -> Vec<String> {
    let (schema, mut found) = (schema(), Vec::new());
    differences(&schema, &schema, summary, "summary", &mut found);
    found
}

#[test]
fn a_summary_has_exactly_the_fields_of_its_schema() {
    let summary = serde_json::to_value(crate::report::text::tests::full()).unwrap();
    assert_eq!(validate(&summary), Vec::<String>::new());
}

#[test]
fn the_comparison_notices_a_field_too_many_one_too_few_and_a_wrong_type() {
    let mut summary = serde_json::to_value(sample()).unwrap();
    summary["run"]["surprise"] = Value::from(1);
    summary["run"]["seed"] = Value::from("42");
    summary["total"]["counters"]
        .as_object_mut()
        .unwrap()
        .remove("pings_sent");
    summary["total"]["trends_ms"]["mood"] = Value::Null;
    let found = validate(&summary);
    assert_eq!(
        found,
        [
            "summary.run.seed is \"42\", which is not \"integer\"",
            "summary.run.surprise is not in the schema",
            "summary.total.counters.pings_sent is missing",
            "summary.total.trends_ms.mood is not in the schema",
        ]
    );
}

#[test]
fn the_schema_knows_every_word_of_the_vocabulary() {
    fn words<T: serde::Serialize>(all: &[T]) -> BTreeSet<String> {
        all.iter()
            .map(|word| serde_json::to_value(word).unwrap().as_str().unwrap().to_owned())
            .collect()
    }
    let schema = schema();
    let figures = &schema["$defs"]["figures"]["properties"];
    for (field, expected) in [
        ("trends_ms", words(&Trend::ALL)),
        ("counters", words(&Counter::ALL)),
        ("closed", words(&CloseCause::ALL)),
        ("errors", words(&ErrorClass::ALL)),
    ] {
        let listed: BTreeSet<String> = strings(&figures[field]["propertyNames"]["enum"])
            .map(str::to_owned)
            .collect();
        assert_eq!(listed, expected, "{field}");
    }
}
