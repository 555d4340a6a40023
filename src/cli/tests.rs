//! What holds for every command and every flag, so that one that is added cannot leave it out.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Arg, Command, CommandFactory as _};

use super::environment::WITHOUT_VARIABLE;
use super::help::{self, GROUPS};
use super::surface::{command, is_switch, walk};
use super::{Cli, man_pages, reference};

/// Everything that clap adds is there only in a built command.
fn built() -> Command {
    let mut command = command().disable_help_subcommand(true);
    command.build();
    command
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_positional() && !["help", "version"].contains(&arg.get_id().as_str()))
}

#[test]
fn clap_finds_nothing_wrong() {
    Cli::command().debug_assert();
    command().debug_assert();
}

#[test]
fn every_flag_has_a_variable_or_a_reason() {
    let root = built();
    let mut without = BTreeSet::new();
    for (path, command) in walk(&root) {
        for flag in flags(command) {
            let Some(variable) = flag.get_env() else {
                without.insert(flag.get_long().unwrap_or(flag.get_id().as_str()).to_owned());
                continue;
            };
            let variable = variable.to_string_lossy();
            assert!(variable.starts_with("WSBENCH_"), "{path:?} {flag}: {variable}");
            assert!(
                flag.is_hide_env_values_set(),
                "{path:?} {flag} shows its variable's value"
            );
        }
    }
    let expected: BTreeSet<String> = WITHOUT_VARIABLE.map(|(name, _)| name.to_owned()).into();
    assert_eq!(without, expected);
}

#[test]
fn a_variable_means_the_same_in_every_command() {
    let root = built();
    let mut meanings: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for (path, command) in walk(&root) {
        for flag in flags(command).filter(|flag| flag.get_env().is_some()) {
            let variable = flag.get_env().unwrap().to_string_lossy().into_owned();
            let values = flag
                .get_value_names()
                .filter(|_| !is_switch(flag))
                .unwrap_or_default();
            let meaning = (
                flag.get_long().unwrap().to_owned(),
                values.iter().map(ToString::to_string).collect(),
            );
            let first = meanings
                .entry(variable.clone())
                .or_insert_with(|| meaning.clone());
            assert_eq!(*first, meaning, "{variable} in {path:?}");
        }
    }
    assert!(meanings.len() > 60, "only {} variables", meanings.len());
}

#[test]
fn every_flag_stands_below_a_heading() {
    for (path, command) in walk(&built()) {
        for flag in flags(command).filter(|flag| !flag.is_hide_set()) {
            assert!(flag.get_help_heading().is_some(), "{path:?} {flag}");
        }
    }
}

#[test]
fn every_command_is_listed_once_and_explained() {
    let root = built();
    let listed: Vec<&str> = GROUPS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    let mut expected: Vec<&str> = root.get_subcommands().map(Command::get_name).collect();
    expected.push("help");
    let (unique, all): (BTreeSet<_>, BTreeSet<_>) = (listed.iter().collect(), expected.iter().collect());
    assert_eq!(unique, all);
    assert_eq!(listed.len(), unique.len());
    for (path, command) in walk(&root) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let long = command
            .get_long_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        let first = long.lines().next().unwrap_or_default().trim_end_matches('.');
        assert_eq!(first, about, "{path:?}");
        assert!(!help::of(&path).examples.is_empty(), "{path:?} has no example");
    }
}

#[test]
fn every_example_is_a_command_line() {
    for (path, _) in walk(&built()) {
        for (_, line) in help::of(&path).examples {
            let words = words(line);
            assert_eq!(words.first().map(String::as_str), Some("wsbench"), "{line}");
            match command().try_get_matches_from(&words) {
                Ok(_) => {}
                Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {}
                Err(error) => panic!("{line}: {error}"),
            }
            for file in words.iter().filter(|word| word.starts_with("scenarios/")) {
                assert!(std::path::Path::new(file).is_file(), "{line}: no {file}");
            }
        }
    }
}

/// The words of a shell's line up to a redirection or a pipe.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
            continue;
        }
        for word in part.split_whitespace() {
            if word.starts_with(['>', '<', '|']) {
                return words;
            }
            words.push(word.to_owned());
        }
    }
    words
}

#[test]
fn the_reference_is_up_to_date() {
    assert!(
        include_str!("../../docs/cli.md") == reference(),
        "docs/cli.md is out of date: wsbench man --markdown > docs/cli.md"
    );
}

#[test]
fn every_command_has_a_manual_page_with_every_flag_and_variable() {
    let pages = man_pages(&[(0, "All went well."), (99, "A threshold was crossed.")]);
    let root = built();
    let commands = walk(&root);
    assert_eq!(pages.len(), commands.len());
    for (page, (path, command)) in pages.iter().zip(commands) {
        assert_eq!(page.command, path);
        let words: Vec<&str> = std::iter::once("wsbench")
            .chain(path.iter().map(String::as_str))
            .collect();
        assert_eq!(page.file, format!("{}.1", words.join("-")));
        let text = String::from_utf8(page.roff.clone()).unwrap().replace('\\', "");
        for flag in flags(command).filter(|flag| !flag.is_hide_set()) {
            let long = format!("--{}", flag.get_long().unwrap());
            assert!(text.contains(&long), "{}: {long}", page.file);
            let variable = flag.get_env().map(|name| name.to_string_lossy());
            let variable = variable.unwrap_or_default();
            assert!(text.contains(&*variable), "{}: {variable}", page.file);
        }
        assert!(text.contains("A threshold was crossed."), "{}", page.file);
        assert!(text.contains(help::of(&path).examples[0].0), "{}", page.file);
    }
}
