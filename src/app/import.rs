//! `wsbench import`: a browser's recording to a scenario.

use std::fs;
use std::io::{Write, stderr};

use crate::cli::ImportArgs;
use crate::exit::ExitCode;
use crate::scenario::{self, HarOptions, Overrides};

use super::failure::Failure;
use super::misspelling;
use super::output;

/// Writes the scenario, and tells what it is.
pub(super) fn import(args: &ImportArgs) -> Result<ExitCode, Failure> {
    let file = args.file.display();
    let har = fs::read_to_string(&args.file).map_err(|error| {
        Failure::configuration(format!(
            "cannot read {file}: {error}{}",
            misspelling::meant(&args.file)
        ))
    })?;
    let name = args
        .file
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let options = HarOptions {
        keep_secrets: args.keep_secrets,
    };
    let yaml = scenario::import_har(&name, &har, options)
        .map_err(|error| Failure::configuration(format!("{file}: {error}")))?;
    // What a recording holds may be beyond what the language takes, such as a message that is too large.
    let plan = scenario::from_str("the imported scenario", &yaml, &Overrides::default())
        .map_err(Failure::configuration)?;
    match &args.out {
        Some(path) => fs::write(path, yaml)
            .map_err(|error| Failure::configuration(format!("cannot write {}: {error}", path.display())))?,
        None => output::put(yaml)?,
    }
    if !args.quiet {
        // With standard error closed the scenario is there all the same.
        let _ = writeln!(stderr(), "imported {}", scenario::headline(&plan));
    }
    Ok(ExitCode::Ok)
}
