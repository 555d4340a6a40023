//! What CI systems read, against the schemas of GitHub and GitLab that `check-jsonschema` brings along.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tools::installed;

/// Fails with what the checker says unless the file has the form.
fn check(schema: &str, file: &Path) {
    let output = Command::new(installed("python/bin/check-jsonschema"))
        .args(["--builtin-schema", schema])
        .arg(file)
        .output()
        .expect("check-jsonschema starts");
    assert!(
        output.status.success(),
        "{}: {}{}",
        file.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_action_and_the_workflows_have_githubs_form() {
    check("vendor.github-actions", &root().join("action.yml"));
    for entry in fs::read_dir(root().join(".github/workflows")).expect("there are workflows") {
        check("vendor.github-workflows", &entry.expect("it can be read").path());
    }
}

#[test]
fn the_examples_of_the_documentation_have_the_form_of_their_system() {
    let page = fs::read_to_string(root().join("docs/ci.md")).expect("docs/ci.md can be read");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut checked = 0;
    for block in page.split("```yaml\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let schema = if text.starts_with("# .github/workflows/") {
            "vendor.github-workflows"
        } else {
            assert!(text.starts_with("# .gitlab-ci.yml"), "{text}");
            "vendor.gitlab-ci"
        };
        let file = folder.path().join(format!("{checked}.yml"));
        fs::write(&file, text).expect("the folder is ours");
        check(schema, &file);
        checked += 1;
    }
    assert_eq!(checked, 2);
}
