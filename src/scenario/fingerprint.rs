//! What tells two scenarios apart: a hash over everything that has an influence on the load.

use std::collections::BTreeMap;

use sha1::{Digest, Sha1};

use super::compile::Overrides;
use super::yaml::{Content, Node};

/// What does not change what clients do.
const WITHOUT_INFLUENCE: [&str; 3] = ["name", "target", "thresholds"];

/// What a scenario reads from other files than its own: rows of feeders, and payloads. Only their hash is kept.
#[derive(Debug, Default)]
pub(super) struct Contents(Option<Sha1>);

impl Contents {
    /// Takes in one more cell or payload.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let hash = self.0.get_or_insert_default();
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    }
}

/// A hash of the document, includes put in, of what the command line sets in it, of the environment variables that it
/// refers to, and of what it reads from other files; layout and comments do not matter.
pub(super) fn fingerprint(tree: &Node, overrides: &Overrides, contents: Contents) -> String {
    let mut hash = Sha1::new();
    let mut used = BTreeMap::new();
    if let Content::Mapping(entries) = &tree.content {
        for (key, value) in entries {
            if !key
                .content
                .scalar()
                .is_some_and(|key| WITHOUT_INFLUENCE.contains(&key))
            {
                add(&mut hash, key);
                add(&mut hash, value);
                references(value, &overrides.environment, &mut used);
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
    // What is not there leaves no trace, so that scenarios without it keep the hash that they have in old baselines.
    for (name, value) in used {
        hash.update(format!("e{}:{name}{}:{value}", name.len(), value.len()));
    }
    if let Some(contents) = contents.0 {
        hash.update(contents.finalize());
    }
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

/// Collects the environment variables that templates below `node` refer to and that are set.
fn references<'a>(
    node: &Node,
    environment: &'a BTreeMap<String, String>,
    used: &mut BTreeMap<&'a str, &'a str>,
) {
    match &node.content {
        Content::Null => {}
        Content::List(items) => items.iter().for_each(|item| references(item, environment, used)),
        Content::Mapping(entries) => {
            for (key, value) in entries {
                references(key, environment, used);
                references(value, environment, used);
            }
        }
        scalar => {
            let text = scalar.scalar().unwrap_or_default();
            for (at, _) in text.match_indices("env.") {
                // At the begin of an expression or of an argument: `${env.NAME}`, `${string(env.NAME)}`.
                let begins = text[..at].trim_end().ends_with(['{', '(', ',']);
                let name = &text[at + "env.".len()..];
                let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
                let name = &name[..end.unwrap_or(name.len())];
                if begins && let Some((name, value)) = environment.get_key_value(name) {
                    used.insert(name, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn an_environment_variable_counts_if_the_scenario_uses_it() {
        let with = |text: &str, name: &str, value: &str| {
            let overrides = Overrides {
                environment: BTreeMap::from([(name.to_owned(), value.to_owned())]),
                ..Overrides::default()
            };
            of(text, &overrides)
        };
        let text = format!("target: \"${{env.HOST:-embedded}}\"\n{SCENARIO}");
        let text = text.replace("size: 5", "size: \"${env.SIZE:-5}\"");
        let plain = of(&text, &Overrides::default());
        assert_ne!(with(&text, "SIZE", "6"), plain);
        assert_ne!(with(&text, "SIZE", "6"), with(&text, "SIZE", "7"));
        assert_eq!(with(&text, "SIZES", "6"), plain, "another variable");
        assert_eq!(
            with(&text, "HOST", "ws://localhost:1"),
            plain,
            "the target does not count"
        );
        let quoted = SCENARIO.replace("size: 5", "size: env.SIZE");
        assert_eq!(
            with(&quoted, "SIZE", "6"),
            of(&quoted, &Overrides::default()),
            "no template"
        );
    }

    #[test]
    fn rows_and_payloads_of_files_count() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
        put(
            "scenario.yaml",
            &SCENARIO.replace(
                "flow: [connect,",
                "feeder: {file: rows.csv}\nflow: [connect, {send: {file: payload}},",
            ),
        );
        let now = || {
            let plan = crate::scenario::load(&folder.path().join("scenario.yaml"), &Overrides::default());
            plan.unwrap().fingerprint
        };
        put("rows.csv", "id,name\n1,ann\n2,bob\n");
        put("payload", "hello");
        let first = now();
        assert_eq!(now(), first);
        for (name, content) in [
            ("rows.csv", "id,name\n1,ann\n2,rob\n"),
            ("rows.csv", "id,name\n1,ann\n2,bob\n3,eve\n"),
            ("rows.csv", "id,title\n1,ann\n2,bob\n"),
            ("payload", "hello!"),
        ] {
            let before = std::fs::read_to_string(folder.path().join(name)).unwrap();
            put(name, content);
            assert_ne!(now(), first, "{name}: {content}");
            put(name, &before);
        }
        assert_eq!(now(), first);
    }
}
