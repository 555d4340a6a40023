//! Every wrong document in `tests/data/scenarios/bad/` is told with file, line, column and what was expected.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use wsbench::scenario::{Overrides, ScenarioErrors, from_str, load};

fn bad_documents() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scenarios/bad");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_wrong_document_gives_its_error() {
    let paths = bad_documents();
    assert!(paths.len() >= 90, "only {} wrong documents", paths.len());
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy();
        let text = fs::read_to_string(&path).unwrap();
        let errors = from_str(&name, &text, &Overrides::default()).expect_err(&name);
        let ScenarioErrors::Invalid(list) = &errors else {
            panic!("{name}: {errors}")
        };
        for error in list {
            let at = error.position.unwrap_or_else(|| panic!("{error}"));
            let place = format!("{}:{}:{}: ", error.file, at.line, at.column);
            assert!(error.to_string().starts_with(&place), "{error}");
            assert!(
                error.file != name || (at.line >= 1 && at.line as usize <= text.lines().count().max(1)),
                "{error}"
            );
        }
        insta::assert_snapshot!(path.file_stem().unwrap().to_string_lossy().as_ref(), errors);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load(Path::new("no/such/scenario.yaml"), &Overrides::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read the scenario no/such/scenario.yaml: "),
        "{error}"
    );
}

const GOOD: &str = include_str!("../scenarios/iot.yaml");

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = from_str("any.yaml", &text, &Overrides::default());
    }

    #[test]
    fn no_text_of_yaml_makes_it_panic(text in r#"([ \n]{0,4}(stages|flow|send|json|do|every|[-:{}\[\],&*#|>"'!%~$a0.]| ){1,6}){0,20}"#) {
        let _ = from_str("any.yaml", &text, &Overrides::default());
    }

    #[test]
    fn no_damage_to_a_good_file_makes_it_panic(
        start in 0..GOOD.len(),
        length in 0_usize..40,
        insert in r#"[-:{}\[\],&*#|>"' \n$a0]{0,6}"#,
    ) {
        let end = (start + length).min(GOOD.len());
        prop_assume!(GOOD.is_char_boundary(start) && GOOD.is_char_boundary(end));
        let text = [&GOOD[..start], &insert, &GOOD[end..]].concat();
        let _ = from_str("damaged.yaml", &text, &Overrides::default());
    }
}
