//! The published JSON Schema says what the parser says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wsbench::scenario::{Overrides, ScenarioErrors, from_str, json_schema, load};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scenarios(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no scenario");
    files
}

/// The document as an editor sees it.
fn document(path: &Path) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_committed_schema_is_the_present_one() {
    let committed: Value = serde_json::from_str(include_str!("../docs/scenario.schema.json")).unwrap();
    assert_eq!(
        committed,
        json_schema(),
        "`wsbench schema > docs/scenario.schema.json` brings it up to date"
    );
}

#[test]
fn every_good_scenario_compiles_and_satisfies_the_schema() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for folder in [
        "scenarios",
        "benches/scenarios",
        "tests/real",
        "tests/data/scenarios/good",
    ] {
        for path in scenarios(folder) {
            load(&path, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"));
            let problems: Vec<String> = validator
                .iter_errors(&document(&path))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
        }
    }
}

#[test]
fn what_the_parser_calls_an_unknown_key_the_schema_refuses_too() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let mut refused = 0;
    for path in scenarios("tests/data/scenarios/bad") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let Err(ScenarioErrors::Invalid(errors)) = from_str(&name, &text, &Overrides::default()) else {
            panic!("{name} is wrong")
        };
        let unknown = |error: &&wsbench::scenario::ScenarioError| {
            error.file == name && error.message.starts_with("unknown key")
        };
        if errors.iter().filter(unknown).count() > 0 {
            assert!(!validator.is_valid(&document(&path)), "{name}");
            refused += 1;
        }
    }
    assert!(refused >= 4, "only {refused} documents with unknown keys");
}

/// A key that no good scenario has would be one that nobody tries.
#[test]
fn every_key_of_the_language_stands_in_a_good_scenario() {
    let schema = json_schema();
    let mut keys = Vec::new();
    collect_keys(&schema, &mut keys);
    let mut text = String::new();
    for folder in [
        "scenarios",
        "tests/data/scenarios/good",
        "tests/data/scenarios/parts",
    ] {
        for path in scenarios(folder) {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let missing: Vec<_> = keys
        .into_iter()
        .filter(|key| {
            !text.contains(&format!("{key}:"))
                && !text.contains(&format!(": {key}"))
                && !text.contains(&format!("- {key}"))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn collect_keys(schema: &Value, keys: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| collect_keys(member, keys));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}
