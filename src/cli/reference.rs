//! `docs/cli.md`: every command, flag and variable as Markdown.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::environment::WITHOUT_VARIABLE;
use super::help;
use super::surface::{command, is_switch, walk};

const INTRODUCTION: &str = "\
# The command line

Made by `wsbench man --markdown`; `wsbench COMMAND --help` shows the same.

- A flag wins over its variable, that over the scenario or configuration file, that over the default.
- **Every flag is a variable too.** `--max-lag` is `WSBENCH_MAX_LAG`; where the same flag means different things in two
  commands, the tables show the variable. A variable means the same in every command that has it.
- Switches are on by `1`, `true`, `yes` or `on` and off by `0`, `false`, `no` or `off`; anything else is an error. An empty
  variable is as good as none. Flags that can be given several times take a list with commas; `WSBENCH_THRESHOLD` and
  `WSBENCH_HEADER`, whose values may hold commas, take one value a line, and `WSBENCH_EXECUTE` is one message.
- `WSBENCH_VAR_name` sets the variable `name` of scenarios, as `-e name=...` does.
- A flag of the command line also wins over variables that exclude it: `--token` over `WSBENCH_TOKEN_FILE`.
- Values of variables are never shown in a help text.
- A command, flag, value, file, baseline or metric that is nearly right is answered with the right one. A variable that is nearly
  one of wsbench's is warned of.
- What goes wrong has an [exit code](exit-codes.md): 2 for a wrong command line, 104 for a wrong value or file.

What was found goes to standard output; progress, notes, logs and errors go to standard error. `--quiet` leaves out progress and
notes, `--no-tui` replaces the full-screen view with a line of progress, and `--log`, `--log-format` and `--log-file` say what is
logged, in which form, and where.

`wsbench completions SHELL` prints a script for bash, zsh, fish, elvish or PowerShell, and `wsbench man --out DIR` writes a
manual page for each command.
";

/// The page.
#[must_use]
pub fn reference() -> String {
    let mut root = command().disable_help_subcommand(true);
    root.build();
    let mut out = INTRODUCTION.to_owned();
    for (path, command) in walk(&root) {
        section(&mut out, &path, command);
    }
    out.push_str("\n## Flags without a variable\n\n");
    for (flag, reason) in WITHOUT_VARIABLE {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "- `--{flag}`: {reason}");
    }
    out.push_str("- `--help`, `--version`: they are questions, not settings\n");
    out
}

fn section(out: &mut String, path: &[String], command: &Command) {
    let name = command.get_bin_name().unwrap_or("wsbench");
    let about = command.get_long_about().map(ToString::to_string);
    let _ = writeln!(out, "\n## {name}\n\n{}", about.unwrap_or_default());
    out.push_str("\n```sh\n");
    for (what, line) in help::of(path).examples {
        let _ = writeln!(out, "# {what}\n{line}");
    }
    out.push_str("```\n");
    let shown = |arg: &&Arg| {
        // Logging is the same everywhere, so it stands with the program itself.
        let repeated = arg.is_global_set() && !path.is_empty();
        !arg.is_hide_set() && !repeated && !["help", "version"].contains(&arg.get_id().as_str())
    };
    let arguments: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    if arguments.is_empty() {
        return;
    }
    out.push_str("\n| | Variable | Default | |\n|---|---|---|---|\n");
    for argument in arguments {
        row(out, argument);
    }
}

fn row(out: &mut String, arg: &Arg) {
    let variable = arg
        .get_env()
        .map_or_else(String::new, |name| format!("`{}`", name.to_string_lossy()));
    let default = if is_switch(arg) {
        String::new()
    } else {
        let values: Vec<_> = arg
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        values.join(", ")
    };
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let mut help = help
        .map(ToString::to_string)
        .unwrap_or_default()
        .replace("\n\n", " ");
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !possible.is_empty() && !is_switch(arg) {
        let _ = write!(help, " ({})", possible.join(", "));
    }
    let _ = writeln!(
        out,
        "| {} | {variable} | {default} | {} |",
        spelling(arg),
        help.replace('|', "\\|").replace('\n', " ")
    );
}

/// `` `-k`, `--insecure` ``, with the name of the value behind the last.
fn spelling(arg: &Arg) -> String {
    let values = arg.get_value_names().unwrap_or_default();
    let value: String = values
        .iter()
        .map(|name| name.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    if arg.is_positional() {
        return format!("`{}`", value.replace('|', "\\|"));
    }
    let mut names: Vec<String> = Vec::new();
    let shorts = arg.get_short_and_visible_aliases().unwrap_or_default();
    names.extend(shorts.iter().map(|short| format!("`-{short}`")));
    let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
    names.extend(longs.iter().map(|long| format!("`--{long}`")));
    let names = names.join(", ");
    if is_switch(arg) {
        names
    } else {
        format!("{names} `{}`", value.replace('|', "\\|"))
    }
}
