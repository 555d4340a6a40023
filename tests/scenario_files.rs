//! Every committed scenario compiles as it stands.

use std::fs;
use std::path::Path;

use wsbench::scenario::{self, Overrides};

#[test]
fn committed_scenarios_compile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["scenarios", "benches/scenarios", "tests/real"] {
        let mut found = 0;
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "yaml") {
                found += 1;
                if let Err(errors) = scenario::load(&file, &Overrides::default()) {
                    panic!("{errors}");
                }
            }
        }
        assert!(found > 0, "{folder} has no scenario");
    }
}
