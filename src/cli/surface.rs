//! The command line as people meet it: what holds for all commands and flags is said here once.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::Cli;
use super::environment::{boolean, variable_of};
use super::help::{self, GROUPS};

/// Every command with its help, and every flag with its variable.
pub(super) fn command() -> Command {
    let root = finish(Cli::command(), &mut Vec::new());
    let listing = listing(&root);
    let header = root.get_styles().get_header().to_owned();
    root.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{listing}{header}Options:{header:#}\n{{options}}{{after-help}}"
    ))
}

/// All commands, each with the names that lead to it, the program itself first.
pub(super) fn walk(root: &Command) -> Vec<(Vec<String>, &Command)> {
    let mut found = vec![(Vec::new(), root)];
    let mut next = 0;
    while let Some((path, command)) = found.get(next).cloned() {
        let below = command
            .get_subcommands()
            .filter(|below| below.get_name() != "help");
        found.extend(below.map(|below| {
            let path = path.iter().cloned().chain([below.get_name().to_owned()]);
            (path.collect(), below)
        }));
        next += 1;
    }
    found
}

/// Whether the flag is either there or not, and takes no value.
pub(super) fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn finish(command: Command, path: &mut Vec<String>) -> Command {
    let page = help::of(path);
    let command = command
        .mut_args(finish_arg)
        .long_about(page.long_about())
        .after_help(help::short_hint(path))
        .after_long_help(page.after_long_help());
    command.mut_subcommands(|below| {
        path.push(below.get_name().to_owned());
        let below = finish(below, path);
        path.pop();
        below
    })
}

fn finish_arg(arg: Arg) -> Arg {
    let arg = match variable_of(&arg) {
        // What is in the environment may be a secret, and would make the help differ from machine to machine.
        Some(name) => arg.env(name).hide_env_values(true),
        None => arg.env(Resettable::Reset),
    };
    if is_switch(&arg) {
        arg.value_parser(boolean)
    } else {
        // A value that begins with a minus is told to be out of range, instead of taken for an unknown flag.
        let is_flag = arg.get_long().is_some();
        arg.allow_negative_numbers(is_flag)
    }
}

/// The commands by what they are for; clap itself has them in one list only.
fn listing(root: &Command) -> String {
    let header = root.get_styles().get_header();
    let literal = root.get_styles().get_literal();
    let mut text = String::new();
    for (heading, names) in GROUPS {
        text.push_str(&format!("{header}{heading}:{header:#}\n"));
        for name in names {
            let about = match root.find_subcommand(name) {
                Some(command) => command.get_about().map(ToString::to_string).unwrap_or_default(),
                None => "Print this, or the help of a command".to_owned(),
            };
            text.push_str(&format!("  {literal}{name:<12}{literal:#} {about}\n"));
        }
        text.push('\n');
    }
    text
}
