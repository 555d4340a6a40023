//! [`parse`]: from words and variables to a [`Cli`], or a [`Refusal`] that says what was meant.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, FromArgMatches as _};

use super::environment::{asks_for_nothing, scenario_variables, without_variables};
use super::surface::{command, walk};
use super::{AnnotationsArg, Cli, TokenIn, Variable};
use crate::units::nearest;

/// Nothing to do: the help or the version was asked for, or the command line is wrong.
#[derive(Debug)]
pub struct Refusal(clap::Error);

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Nothing: the help or the version was asked for.
    Shown,
    /// The value of a flag.
    Value,
    /// Anything else.
    Usage,
}

impl Refusal {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self.0.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => RefusalKind::Shown,
            ErrorKind::ValueValidation => RefusalKind::Value,
            // The same kind stands for a flag without its value.
            ErrorKind::InvalidValue if !invalid_value(&self.0).is_empty() => RefusalKind::Value,
            _ => RefusalKind::Usage,
        }
    }

    /// Tells it: help on standard output, the rest on standard error.
    pub fn print(&self) {
        // With the stream closed only the exit code can tell.
        let _ = self.0.print();
    }
}

/// Reads the command line. A flag wins over its variable, that over the default.
///
/// # Errors
///
/// If it asks for help or the version, or is wrong.
pub fn parse(words: &[OsString]) -> Result<Cli, Refusal> {
    let mut command = without_variables(command(), &asks_for_nothing);
    if words.iter().any(|word| word == "-h") {
        command = without_shown_variables(command);
    }
    let matches = command.clone().try_get_matches_from(words).or_else(|error| {
        if error.kind() == ErrorKind::ArgumentConflict {
            flags_win(&command, words).try_get_matches_from(words)
        } else {
            Err(error)
        }
    });
    let mut cli = matches
        .and_then(|matches| {
            check_needs(&command, &matches)?;
            let mut cli = Cli::from_arg_matches(&matches)?;
            settle_authorization(&command, &matches, &mut cli)?;
            Ok(cli)
        })
        .map_err(|error| Refusal(explained(error, &command, words)))?;
    if let Some(variables) = cli.command.variables_mut() {
        let given = std::mem::replace(variables, scenario_variables());
        variables.extend(given);
    }
    Ok(cli)
}

/// The short help has a line for each flag.
fn without_shown_variables(command: Command) -> Command {
    command
        .mut_args(|arg| arg.hide_env(true))
        .mut_subcommands(without_shown_variables)
}

/// The command without the variables of flags that exclude one of the command line.
fn flags_win(command: &Command, words: &[OsString]) -> Command {
    let lenient = command.clone().ignore_errors(true);
    let Ok(matches) = lenient.try_get_matches_from(words) else {
        return command.clone();
    };
    let (command_given, matches) = leaf(command, &matches);
    let given: Vec<&Arg> = command_given
        .get_arguments()
        .filter(|arg| source(matches, arg.get_id().as_str()) == Some(ValueSource::CommandLine))
        .collect();
    let excludes = |a: &Arg, b: &Arg| {
        let of_a = command_given.get_arg_conflicts_with(a);
        of_a.iter().any(|other| other.get_id() == b.get_id())
    };
    let excluded: Vec<&str> = command_given
        .get_arguments()
        .filter(|arg| {
            given
                .iter()
                .any(|given| excludes(given, arg) || excludes(arg, given))
        })
        .map(|arg| arg.get_id().as_str())
        .collect();
    without_variables(command.clone(), &|arg: &Arg| {
        excluded.contains(&arg.get_id().as_str())
    })
}

/// Flags that make no sense without another one. Of clap's own `requires` a variable would be a part, and one that is set
/// for other commands would stop this one.
const NEEDS: [(&str, &str); 2] = [("control_token", "control"), ("token_in", "token")];

fn check_needs(command: &Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let (command, matches) = leaf(command, matches);
    let flag = |id: &str| format!("--{}", id.replace('_', "-"));
    for (id, needed) in NEEDS {
        if source(matches, id) == Some(ValueSource::CommandLine) && source(matches, needed).is_none() {
            let message = format!("{} needs {}\n", flag(id), flag(needed));
            return Err(command.clone().error(ErrorKind::MissingRequiredArgument, message));
        }
    }
    Ok(())
}

/// `--auth` and a bearer token want the same header, which clap cannot know, since it depends on a value. As with all flags
/// that exclude each other, one of the command line wins over the variable of the other.
fn settle_authorization(command: &Command, matches: &ArgMatches, cli: &mut Cli) -> Result<(), clap::Error> {
    let super::Command::Connect(args) = &mut cli.command else {
        return Ok(());
    };
    if args.auth.is_none() || args.token.is_none() || args.token_in != TokenIn::Bearer {
        return Ok(());
    }
    let (command, matches) = leaf(command, matches);
    let is_given = |id| source(matches, id) == Some(ValueSource::CommandLine);
    match (is_given("auth"), is_given("token") || is_given("token_in")) {
        (true, false) => args.token = None,
        (false, true) => args.auth = None,
        _ => {
            let message =
                "--auth and --token-in bearer both want the Authorization header: give one of them\n";
            return Err(command.clone().error(ErrorKind::ArgumentConflict, message));
        }
    }
    Ok(())
}

/// The command that was given, and what it was given.
fn leaf<'a>(mut command: &'a Command, mut matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    while let Some((name, below)) = matches.subcommand()
        && let Some(found) = command.find_subcommand(name)
    {
        (command, matches) = (found, below);
    }
    (command, matches)
}

/// Where the value of a flag came from, if the command has the flag and the flag a value.
fn source(matches: &ArgMatches, id: &str) -> Option<ValueSource> {
    let is_given = matches.try_contains_id(id).unwrap_or(false);
    is_given.then(|| matches.value_source(id)).flatten()
}

/// Adds what clap cannot know.
fn explained(mut error: clap::Error, command: &Command, words: &[OsString]) -> clap::Error {
    let tip = match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => variable_tip(&error, command, words),
        ErrorKind::InvalidSubcommand => {
            suggest_command(&mut error, command, words);
            run_tip(&error)
        }
        ErrorKind::UnknownArgument => {
            suggest_flag(&mut error, command, words);
            None
        }
        _ => None,
    };
    if let Some(tip) = tip {
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
        error.insert(ContextKind::Suggested, tip);
    }
    error
}

/// clap compares words by a measure that forgives no swapped letters in short ones.
fn suggest_command(error: &mut clap::Error, command: &Command, words: &[OsString]) {
    let known = addressed(command, words).get_subcommands().map(Command::get_name);
    if error.get(ContextKind::SuggestedSubcommand).is_none()
        && let Some(ContextValue::String(written)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(meant) = nearest(written, known)
    {
        let meant = ContextValue::Strings(vec![meant.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, meant);
    }
}

fn suggest_flag(error: &mut clap::Error, command: &Command, words: &[OsString]) {
    let known = addressed(command, words)
        .get_arguments()
        .filter_map(Arg::get_long);
    if error.get(ContextKind::SuggestedArg).is_none()
        && let Some(ContextValue::String(written)) = error.get(ContextKind::InvalidArg)
        && let Some(meant) = nearest(written.trim_start_matches('-'), known)
    {
        let meant = ContextValue::String(format!("--{meant}"));
        error.insert(ContextKind::SuggestedArg, meant);
    }
}

/// The command that the words lead to, as far as they do.
fn addressed<'a>(root: &'a Command, words: &[OsString]) -> &'a Command {
    words.iter().skip(1).fold(root, |command, word| {
        let below = word.to_str().and_then(|word| command.find_subcommand(word));
        below.unwrap_or(command)
    })
}

/// A wrong value that nobody wrote on the command line came from a variable.
fn variable_tip(error: &clap::Error, command: &Command, words: &[OsString]) -> Option<String> {
    let value = invalid_value(error);
    let ContextValue::String(flag) = error.get(ContextKind::InvalidArg)? else {
        return None;
    };
    if words.iter().any(|word| word.to_string_lossy().contains(value)) {
        return None;
    }
    let mut command = command.clone();
    command.build();
    let commands = walk(&command);
    let mut arguments = commands.iter().flat_map(|(_, command)| command.get_arguments());
    arguments.find_map(|arg| {
        let name = arg.get_env()?;
        let set = env::var_os(name)?;
        let is_it = arg.to_string() == *flag && set.to_string_lossy().contains(value);
        is_it.then(|| format!("the value is that of the variable {}", name.to_string_lossy()))
    })
}

/// A scenario in the place of a command.
fn run_tip(error: &clap::Error) -> Option<String> {
    let ContextValue::String(word) = error.get(ContextKind::InvalidSubcommand)? else {
        return None;
    };
    let is_scenario = Path::new(word)
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    is_scenario.then(|| format!("to run a scenario: wsbench run {word}"))
}

fn invalid_value(error: &clap::Error) -> &str {
    match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value,
        _ => "",
    }
}

impl Cli {
    /// Whose annotations are wanted, if the command can make them.
    #[must_use]
    pub fn annotations(&self) -> Option<AnnotationsArg> {
        match &self.command {
            super::Command::Run(args) => args.annotations,
            super::Command::Compare(args) => args.annotations,
            super::Command::Report(args) => args.annotations,
            _ => None,
        }
    }
}

impl super::Command {
    /// The variables that the command sets in scenarios, if it reads any.
    fn variables_mut(&mut self) -> Option<&mut Vec<Variable>> {
        use super::{BaselineCommand, Command, GatewayCommand};
        match self {
            Command::Run(args) => Some(&mut args.load.variables),
            Command::Compare(args) => Some(&mut args.load.variables),
            Command::Gateway(args) => {
                let GatewayCommand::Compare(args) = &mut args.command;
                Some(&mut args.load.variables)
            }
            Command::Validate(args) => Some(&mut args.variables),
            Command::Baseline(args) => match &mut args.command {
                BaselineCommand::Save(args) => Some(&mut args.load.variables),
                BaselineCommand::List(_) | BaselineCommand::Show { .. } => None,
            },
            _ => None,
        }
    }
}
