//! `WSBENCH_*`: the variable of each flag, and what its value means.

use std::env;

use clap::builder::Resettable;
use clap::{Arg, Command};

use super::Variable;
use super::surface::{command, is_switch, walk};
use crate::units::nearest;

/// Begins the name of every variable.
const PREFIX: &str = "WSBENCH_";
/// Begins the names of those that set variables of scenarios.
const SCENARIO_PREFIX: &str = "WSBENCH_VAR_";

/// Flags without a variable, and why.
pub(super) const WITHOUT_VARIABLE: [(&str, &str); 2] = [
    (
        "env",
        "every variable of a scenario has one of its own: WSBENCH_VAR_name",
    ),
    ("slash", "it changes nothing"),
];

/// The variable of a flag: its own if it has one because another command's flag of that name means something else,
/// otherwise that of its name.
pub(super) fn variable_of(flag: &Arg) -> Option<String> {
    let long = flag.get_long()?;
    if WITHOUT_VARIABLE.iter().any(|(name, _)| *name == long) {
        return None;
    }
    Some(flag.get_env().map_or_else(
        || PREFIX.to_owned() + &long.to_uppercase().replace('-', "_"),
        |own| own.to_string_lossy().into_owned(),
    ))
}

/// Reads the value of a switch's variable.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected 1, true, yes or on, or 0, false, no or off".to_owned()),
    }
}

/// Takes the variables from those flags that `is_unwanted` says it of, in all commands.
pub(super) fn without_variables(command: Command, is_unwanted: &impl Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|arg| {
            if is_unwanted(&arg) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(|below| without_variables(below, is_unwanted))
}

/// Whether the flag's variable asks for nothing: it is empty, or it turns a switch off. clap would take both as given,
/// and so as excluding what the flag excludes.
pub(super) fn asks_for_nothing(flag: &Arg) -> bool {
    let Some(value) = flag.get_env().and_then(env::var_os) else {
        return false;
    };
    let is_off = || value.to_str().is_some_and(|text| boolean(text) == Ok(false));
    value.is_empty() || (is_switch(flag) && is_off())
}

/// The variables of scenarios that the environment sets, in the order of their names.
pub(super) fn scenario_variables() -> Vec<Variable> {
    let mut found: Vec<Variable> = env::vars_os()
        .filter_map(|(name, value)| {
            let key = name.to_str()?.strip_prefix(SCENARIO_PREFIX)?.to_owned();
            Some(Variable {
                key,
                value: value.into_string().ok()?,
            })
        })
        .collect();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found
}

/// A sentence on each variable of the environment that is none of wsbench's, but nearly.
#[must_use]
pub fn misspelt_variables() -> Vec<String> {
    let known = variables(&command());
    let mut found: Vec<String> = env::vars_os()
        .filter_map(|(name, _)| misspelt(name.to_str()?, &known))
        .collect();
    found.sort();
    found
}

/// All variables of flags, without the prefix, in lower case.
fn variables(root: &Command) -> Vec<String> {
    walk(root)
        .iter()
        .flat_map(|(_, command)| command.get_arguments())
        .filter_map(|arg| {
            arg.get_env()?
                .to_str()?
                .strip_prefix(PREFIX)
                .map(str::to_lowercase)
        })
        .collect()
}

fn misspelt(name: &str, known: &[String]) -> Option<String> {
    let written = name.strip_prefix(PREFIX)?.to_lowercase();
    let scenario = name.starts_with(SCENARIO_PREFIX);
    if scenario || known.contains(&written) {
        return None;
    }
    let meant = nearest(&written, known.iter().map(String::as_str))?;
    Some(format!(
        "the variable {name} is none of wsbench's and has no effect; did you mean {PREFIX}{}?",
        meant.to_uppercase()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_on_or_off_or_refused() {
        for text in ["1", "true", "TRUE", "yes", "on"] {
            assert_eq!(boolean(text), Ok(true), "{text}");
        }
        for text in ["", "0", "false", "No", "off"] {
            assert_eq!(boolean(text), Ok(false), "{text}");
        }
        for text in ["maybe", "2", " ", "wahr"] {
            assert!(boolean(text).unwrap_err().contains("expected 1"), "{text}");
        }
    }

    #[test]
    fn names_that_are_nearly_right_are_noticed() {
        let known = variables(&command());
        let noticed = misspelt("WSBENCH_TAGRET", &known).unwrap();
        assert!(noticed.ends_with("did you mean WSBENCH_TARGET?"), "{noticed}");
        for name in [
            "WSBENCH_TARGET",
            "WSBENCH_VAR_tagret",
            "WSBENCH_TEST_TOOLS",
            "WSBENCH_FUZZ_SECONDS",
            "WSBENCH_DEBIAN_MIRROR",
            "OTHER_TAGRET",
        ] {
            assert_eq!(misspelt(name, &known), None);
        }
    }
}
