//! What tells two scenarios apart: a hash over everything that has an influence on the load.

use sha1::{Digest, Sha1};

use super::compile::Overrides;
use super::yaml::{Content, Node};

/// What does not change what clients do.
const WITHOUT_INFLUENCE: [&str; 3] = ["name", "target", "thresholds"];

/// A hash of the document, includes put in, and of what the command line sets in it; layout and comments do not matter.
/// The rows of feeder files are not part of it.
pub(super) fn fingerprint(tree: &Node, overrides: &Overrides) -> String {
    let mut hash = Sha1::new();
    if let Content::Mapping(entries) = &tree.content {
        for (key, value) in entries {
            if !key
                .content
                .scalar()
                .is_some_and(|key| WITHOUT_INFLUENCE.contains(&key))
            {
                add(&mut hash, key);
                add(&mut hash, value);
            }
        }
    }
    let Overrides {
        target: _,
        seed,
        insecure: _,
        variables,
        environment: _,
        client_scale,
        duration_scale,
    } = overrides;
    hash.update(format!(
        "{seed:?} {variables:?} {client_scale:?} {duration_scale:?}"
    ));
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Each kind of value has its own mark, and lists and mappings tell their lengths, so that no two trees are one text.
fn add(hash: &mut Sha1, node: &Node) {
    match &node.content {
        Content::Null => hash.update("n"),
        Content::List(items) => {
            hash.update(format!("l{}:", items.len()));
            items.iter().for_each(|item| add(hash, item));
        }
        Content::Mapping(entries) => {
            hash.update(format!("m{}:", entries.len()));
            for (key, value) in entries {
                add(hash, key);
                add(hash, value);
            }
        }
        scalar => {
            let text = scalar.scalar().unwrap_or_default();
            hash.update(format!("s{}:{text}", text.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::from_str;

    const SCENARIO: &str =
        "stages: [{duration: 1s, clients: 2}]\nvariables: {size: 5}\nflow: [connect, {think: 1s}]";

    fn of(text: &str, overrides: &Overrides) -> String {
        from_str("test.yaml", text, overrides).unwrap().fingerprint
    }

    #[test]
    fn what_has_no_influence_on_the_load_changes_nothing() {
        let plain = of(SCENARIO, &Overrides::default());
        for same in [
            format!("# A comment\nname: other\ntarget: ws://localhost:1\n{SCENARIO}"),
            format!("{SCENARIO}\nthresholds: {{errors: count==0}}"),
            SCENARIO.replace("[connect, {think: 1s}]", "\n  - connect\n  - think: 1s"),
        ] {
            assert_eq!(of(&same, &Overrides::default()), plain, "{same}");
        }
        let elsewhere = Overrides {
            target: Some("ws://localhost:1".to_owned()),
            ..Overrides::default()
        };
        assert_eq!(of(SCENARIO, &elsewhere), plain);
    }

    #[test]
    fn what_has_an_influence_changes_it() {
        let plain = of(SCENARIO, &Overrides::default());
        let larger = SCENARIO.replace("clients: 2", "clients: 3");
        assert_ne!(of(&larger, &Overrides::default()), plain);
        let variables = Overrides {
            variables: BTreeMap::from([("size".to_owned(), "6".to_owned())]),
            ..Overrides::default()
        };
        let seed = Overrides {
            seed: Some(1),
            ..Overrides::default()
        };
        assert_ne!(of(SCENARIO, &variables), plain);
        assert_ne!(of(SCENARIO, &seed), plain);
    }
}
