//! Completions in real shells, and manual pages by real formatters.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::process::{assert_success, wsbench};

fn text(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert_success(&output);
    String::from_utf8(output.stdout).expect("the output is text")
}

/// A folder with the script of a shell under the name that the shell expects.
fn script(shell: &str, name: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let script = text(wsbench().args(["completions", shell]));
    fs::write(folder.path().join(name), script).expect("the folder is ours");
    folder
}

#[test]
fn bash_completes_through_its_own_lookup() {
    let folder = script("bash", "wsbench");
    let path = folder.path().join("wsbench");
    text(Command::new("bash").arg("-n").arg(&path));
    // What bash runs on a tab is what `complete` registered.
    let asked = format!(
        "source '{}'; set -- $(complete -p wsbench); while [ \"$1\" != -F ]; do shift; done; COMP_WORDS=(wsbench ru); \
         COMP_CWORD=1; \"$2\" wsbench ru wsbench; echo \"${{COMPREPLY[@]}}\"",
        path.display()
    );
    assert_eq!(text(Command::new("bash").args(["--norc", "-c", &asked])), "run\n");
}

#[test]
fn fish_completes_commands_flags_and_values() {
    let folder = script("fish", "wsbench.fish");
    let complete = |line: &str| {
        let asked = format!(
            "source '{}/wsbench.fish'; complete -C '{line}'",
            folder.path().display()
        );
        text(
            Command::new("fish")
                .args(["--no-config", "-c", &asked])
                .env("HOME", folder.path()),
        )
    };
    assert!(complete("wsbench ru").starts_with("run\tRun a scenario"));
    assert!(complete("wsbench baseline sh").starts_with("show\t"));
    assert!(complete("wsbench run --thr").starts_with("--threshold\t"));
    assert!(complete("wsbench schema --log-format j").starts_with("json\t"));
}

#[test]
fn zsh_completes_at_its_prompt() {
    let folder = script("zsh", "_wsbench");
    let path = folder.path().display();
    // A second zsh on a terminal of its own gets the keys, once it shows its prompt and so reads keys by itself.
    let complete = |line: &str| {
        let driver = format!(
            "zmodload zsh/zpty; zpty z zsh -f -i\n\
             zpty -w z \"unset zle_bracketed_paste; PS1='PROM''PT '; fpath=('{path}' \\$fpath); autoload -U compinit; compinit -u -d \
             '{path}/dump'; setopt nobeep\"\n\
             zpty -r -m z line '*PROMPT*'\n\
             zpty -w -n z '{line}'$'\\t'\n\
             zpty -w -n z $' #END\\n'\n\
             zpty -r -m z line '*#END*'\n\
             print -r -- \"$line\"; zpty -d z\n"
        );
        let mut zsh = Command::new("timeout");
        zsh.args(["60", "zsh", "-f", "-c", &driver]);
        text(zsh.env("HOME", folder.path()).env("TERM", "dumb"))
    };
    let shown = complete("wsbench vali");
    assert!(shown.contains("wsbench validate"), "{shown}");
    let shown = complete("wsbench run --thr");
    assert!(shown.contains("--threshold"), "{shown}");
}

/// What a formatter or a checker has to say about a page.
fn judged(program: &str, arguments: &[&str], page: &Path) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(program)
        .args(arguments)
        .arg(page)
        .output()
        .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
    assert!(status.code().is_some(), "{program} was killed");
    String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()
}

#[test]
fn manual_pages_are_right_for_man_groff_and_mandoc() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    text(wsbench().arg("man").arg("--out").arg(folder.path()));
    let mut pages = 0;
    for entry in fs::read_dir(folder.path()).expect("the folder is ours") {
        let page = entry.expect("it can be read").path();
        let name = page
            .file_stem()
            .expect("it has a name")
            .to_string_lossy()
            .into_owned();
        assert_eq!(judged("groff", &["-man", "-ww", "-z"], &page), "", "{name}");
        // The pages have no date, and clap breaks lines before the values of a flag.
        let complaints = judged("mandoc", &["-Tlint", "-Wwarning"], &page);
        let known = ["missing date", "skipping paragraph macro: br"];
        let unknown: Vec<&str> = complaints
            .lines()
            .filter(|line| !known.iter().any(|known| line.contains(known)))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        // What `apropos` and `whatis` will find.
        let indexed = judged("lexgrog", &[], &page);
        assert!(indexed.contains(&format!("\"{name} - ")), "{indexed}");
        pages += 1;
    }
    assert!(pages > 10, "{pages} pages");
    let shown = judged(
        "man",
        &["-l", "--pager=cat"],
        &folder.path().join("wsbench-run.1"),
    );
    for part in [
        "EXAMPLES",
        "EXIT STATUS",
        "--threshold",
        "WSBENCH_THRESHOLD",
        "wsbench(1)",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
