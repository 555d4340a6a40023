//! The folders are the architecture, so this reads every import under `src/` and fails on one that the table of layers
//! in `ARCHITECTURE.md` does not allow.
//!
//! The check is textual: comments, literals and `#[cfg(test)]` items are taken out, then each path that starts with
//! `crate::`, `wsbench::` or enough `super::` is resolved to the top-level module that it enters.

#![expect(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test that reads it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What no committed text may hold: leftovers, and paths of one person's machine.
const FORBIDDEN: &[&str] = &[
    "TODO", "FIXME", "XXX", "todo!(", "#[allow(", "/root/", "/home/", "/work/",
];

/// For each top-level module, those that it may import; `None` is every one.
type Layers = BTreeMap<String, Option<BTreeSet<String>>>;

#[test]
fn imports_point_downwards() {
    let layers = layers(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    let src = root().join("src");
    let mut wrong = Vec::new();
    for file in files_under(&src, "rs") {
        let relative = file.strip_prefix(&src).unwrap();
        wrong.extend(upward_imports(
            &layers,
            relative,
            &fs::read_to_string(&file).unwrap(),
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_points_downwards() {
    let layers = layers(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    while placed.len() < layers.len() {
        let ready: Vec<&str> = layers
            .iter()
            .filter(|(name, _)| !placed.contains(name.as_str()))
            .filter(|(_, allowed)| match allowed {
                Some(allowed) => allowed.iter().all(|below| placed.contains(below.as_str())),
                None => true,
            })
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(
            !ready.is_empty(),
            "the layers above {placed:?} import each other in a circle"
        );
        placed.extend(ready);
    }
}

#[test]
fn no_leftovers_and_no_machine_paths() {
    let this_file = Path::new(file!()).file_name().unwrap();
    let mut found = Vec::new();
    for folder in [
        "src",
        "tests",
        "docs",
        "scenarios",
        "examples",
        "scripts",
        "fuzz/fuzz_targets",
        "benches/peers/src",
    ] {
        for file in files_under(&root().join(folder), "") {
            if file.file_name() == Some(this_file) {
                continue;
            }
            // Corpora and pictures are not text.
            let Ok(text) = fs::read_to_string(&file) else {
                continue;
            };
            for (index, line) in text.lines().enumerate() {
                if let Some(word) = FORBIDDEN.iter().find(|word| line.contains(**word)) {
                    found.push(format!("{}:{}: '{word}'", file.display(), index + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The protocol core is fuzzed without the rest of the package, so its dependencies are named a second time.
#[test]
fn what_is_fuzzed_has_the_dependencies_of_the_package() {
    let manifest = |path| requirements(&fs::read_to_string(root().join(path)).unwrap());
    let (package, mut fuzzed) = (manifest("Cargo.toml"), manifest("fuzz/Cargo.toml"));
    fuzzed.remove("libfuzzer-sys").unwrap();
    assert!(fuzzed.len() > 5, "{fuzzed:?}");
    for (name, version) in fuzzed {
        assert_eq!(Some(&version), package.get(&name), "{name} of fuzz/Cargo.toml");
    }
}

/// The versions of a manifest's dependencies by name.
fn requirements(manifest: &str) -> BTreeMap<String, String> {
    let (_, section) = manifest.split_once("\n[dependencies]\n").unwrap();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.split_once(" = ")?;
        let version = value.split_once("version = ").map_or(value, |(_, rest)| rest);
        Some((name.to_owned(), version.split('"').nth(1)?.to_owned()))
    });
    pairs.collect()
}

const TABLE: &str = "\
| module | purpose | may import |
|---|---|---|
| `units` | quantities | - |
| `wire` | the protocol | - |
| `net` | sockets | `wire`, `units` |
| `server` | the server | `net`, `wire`, `units` |
| `load` | the engine | `net`, `wire`, `units` |
| `app` | the commands | everything |

| what | where | `net` |
";

#[test]
fn the_table_is_read() {
    let layers = layers(TABLE);
    assert_eq!(
        layers.keys().collect::<Vec<_>>(),
        ["app", "load", "main", "net", "server", "units", "wire"]
    );
    assert_eq!(layers["units"], Some(BTreeSet::new()));
    assert_eq!(
        layers["net"],
        Some(BTreeSet::from(["wire".to_owned(), "units".to_owned()]))
    );
    assert_eq!(layers["app"], None);
}

#[test]
fn an_upward_import_is_found_in_every_form() {
    let layers = layers(TABLE);
    for source in [
        "use crate::net::Target;",
        "pub(crate) use crate::net;",
        "use crate::{units::Span, net::{Target, dial}};",
        "use super::super::net::Target;",
        "fn f() { let t = crate::net::Target::new(); }",
        "impl From<crate::net::Error> for Error {}",
        "#[cfg(test)]\nmod tests;\nuse crate::net::Target;",
        "const QUOTE: char = '\"'; use crate::net::Target; const S: &str = \"\";",
    ] {
        let found = upward_imports(&layers, Path::new("wire/frame.rs"), source);
        assert!(
            found.iter().any(|line| line.contains("net")),
            "{source}: {found:?}"
        );
    }
    assert_eq!(
        upward_imports(&layers, Path::new("load/mod.rs"), "use super::server::Server;").len(),
        1
    );
    assert_eq!(
        upward_imports(&layers, Path::new("unheard_of/mod.rs"), "").len(),
        1
    );
}

#[test]
fn what_is_no_upward_import_passes() {
    let layers = layers(TABLE);
    for source in [
        "use crate::wire::Role;",
        "use super::close::CloseCode;",
        "// use crate::net::Target;\n/* crate::net */",
        "//! See [`crate::net`].",
        "const HELP: &str = \"crate::net \\\" crate::net\";",
        "const RAW: &str = r#\"crate::net \" crate::net\"#;",
        "#[cfg(test)]\nmod tests { use crate::net::Target; fn f() { {} } }",
        "#[cfg(test)]\nuse crate::net::Target;",
        "use other_crate::net::Target;",
        "fn f<'a>(x: &'a str) {}",
    ] {
        assert_eq!(
            upward_imports(&layers, Path::new("wire/frame.rs"), source),
            [""; 0],
            "{source}"
        );
    }
    assert_eq!(
        upward_imports(
            &layers,
            Path::new("wire/frame_tests.rs"),
            "use crate::net::Target;"
        ),
        [""; 0]
    );
}

/// Reads the table of `ARCHITECTURE.md`. `main.rs` stands above it: it reads the command line and calls the composition root.
fn layers(text: &str) -> Layers {
    let names =
        |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut layers = Layers::from([(
        "main".to_owned(),
        Some(BTreeSet::from(["app".to_owned(), "cli".to_owned()])),
    )]);
    let rows = text
        .lines()
        .skip_while(|line| !line.contains("| may import |"))
        .skip(2);
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').collect();
        let [_, module, _, allowed, _] = cells[..] else {
            panic!("not three columns: {row}")
        };
        for module in names(module) {
            let allowed = (allowed.trim() != "everything").then(|| names(allowed));
            layers.insert(module, allowed);
        }
    }
    layers
}

/// Describes each import of `source`, the file at `relative` to `src/`, that the table does not allow.
fn upward_imports(layers: &Layers, relative: &Path, source: &str) -> Vec<String> {
    let path = module_path(relative);
    let stem = relative.file_stem().unwrap().to_string_lossy();
    let is_test_file = ["tests", "testing"].contains(&&*stem)
        || stem.ends_with("_tests")
        || path.iter().any(|name| name == "tests");
    if stem == "lib" || is_test_file {
        return Vec::new();
    }
    let layer = path.first().map_or("main", String::as_str);
    let Some(allowed) = layers.get(layer) else {
        return vec![format!(
            "src/{}: '{layer}' has no row in ARCHITECTURE.md's table of layers",
            relative.display()
        )];
    };
    let Some(allowed) = allowed else { return Vec::new() };
    imported_modules(&without_tests(&code_only(source)), path.len())
        .into_iter()
        .filter(|module| module != layer && !allowed.contains(module))
        .map(|module| format!("src/{}: '{layer}' may not import '{module}'", relative.display()))
        .collect()
}

/// `wire/deflate/mod.rs` is `[wire, deflate]`; `lib.rs` and `main.rs` are the root.
fn module_path(relative: &Path) -> Vec<String> {
    let mut path: Vec<String> = relative
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path
        .last()
        .is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()))
    {
        path.pop();
    }
    path
}

/// Top-level modules that the code's paths enter, for a file `depth` modules below the root.
fn imported_modules(code: &str, depth: usize) -> BTreeSet<String> {
    let climb = "super::".repeat(depth);
    let mut modules = BTreeSet::new();
    for prefix in ["crate::", "wsbench::", climb.as_str()] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back();
            if prefix.is_empty() || before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            modules.extend(first_names(&code[at + prefix.len()..]));
        }
    }
    // Constants, functions and types of the root, if any, are no modules.
    modules.retain(|name| name.starts_with(char::is_lowercase) && name != "super" && name != "self");
    modules
}

/// The name that `rest` starts with, or those of each branch if it starts with a group.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    if !rest.trim_start().starts_with('{') {
        return vec![name(rest)];
    }
    let mut names = Vec::new();
    let mut depth = 0;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && (c == '{' || c == ',') {
            names.push(name(&rest[at + 1..]));
        }
        if depth == 0 && c == '}' {
            break;
        }
    }
    names
}

/// Takes out each item under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const GUARD: &str = "#[cfg(test)]";
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(GUARD) {
        kept.push_str(&rest[..at]);
        rest = &rest[at + GUARD.len()..];
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0 && (*c == '}' || *c == ';')
        });
        rest = end.map_or("", |(at, _)| &rest[at + 1..]);
    }
    kept + rest
}

/// Blanks comments, strings and character literals.
fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r\"") || rest.starts_with("r#") {
            raw_string_length(rest)
        } else if c == '"' {
            quoted_length(rest, '"')
        } else if c == '\'' && is_char_literal(rest) {
            quoted_length(rest, '\'')
        } else {
            0
        };
        if skipped == 0 {
            code.push(c);
        } else {
            code.push(' ');
        }
        rest = &rest[skipped.max(c.len_utf8())..];
    }
    code
}

/// A lifetime has no closing quote after one character or an escape.
fn is_char_literal(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !escaped && c == quote {
            return at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}

/// Length of a raw string that `rest` starts with; 0 for a raw identifier.
fn raw_string_length(rest: &str) -> usize {
    let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
    if !rest[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    rest[body..]
        .find(&end)
        .map_or(rest.len(), |at| body + at + end.len())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` with the extension, or with any if that is empty; none if there is no such folder.
fn files_under(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path, extension));
        } else if extension.is_empty() || path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}
