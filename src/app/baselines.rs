//! `wsbench baseline`: save, list, show; and where baselines are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::{BaselineArgs, BaselineCommand, BaselineSaveArgs};
use crate::exit::ExitCode;
use crate::gate::Baseline;
use crate::report::{self, Redactor};
use crate::units::{nearest, suggestion};

use super::failure::Failure;
use super::output;
use super::publish;
use super::repeats::{Side, repeat};

/// Does one of the three.
pub(super) fn baseline(args: &BaselineArgs) -> Result<ExitCode, Failure> {
    match &args.command {
        BaselineCommand::Save(args) => save(args),
        BaselineCommand::List(folder) => list(&folder.baselines),
        BaselineCommand::Show { name, folder } => {
            let baseline = read(name, &folder.baselines)?;
            print(&report::baseline::render(&baseline))
        }
    }
}

fn save(args: &BaselineSaveArgs) -> Result<ExitCode, Failure> {
    let path = path_of(&args.name, &args.folder.baselines);
    // Ten runs for a file that cannot be written would be a pity.
    prepare(&path)?;
    let mut side = Side::new("", &args.file, args.target.as_deref(), &args.load)?;
    repeat(&mut [&mut side], args.repeat, &args.load)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let baseline = side.into_baseline(&name)?;
    let text = baseline.to_json().map_err(Failure::internal)?;
    let shown = report::baseline::render(&baseline);
    if publish::write_json(&path, &text) {
        return print(&format!("{shown}saved as {}\n", path.display()));
    }
    print(&shown)?;
    Ok(ExitCode::ReportNotWritten)
}

/// Makes the folder and tries whether a file can be made in it.
pub(super) fn prepare(path: &Path) -> Result<(), Failure> {
    if path.file_name().is_none_or(|name| name == ".json") {
        return Err(Failure::configuration("a baseline needs a name, such as `main`"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let probe = folder.join(format!(".wsbench-{}.tmp", std::process::id()));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&probe, b"probe"))
        .and_then(|()| fs::remove_file(&probe))
        .map_err(|error| Failure {
            message: format!("cannot write baselines to {}: {error}", folder.display()),
            code: ExitCode::ReportNotWritten,
        })
}

fn list(folder: &Path) -> Result<ExitCode, Failure> {
    let names = names(folder);
    if names.is_empty() {
        return print(&format!(
            "no baselines in {}; `wsbench baseline save NAME SCENARIO` makes one\n",
            folder.display()
        ));
    }
    let mut text = String::new();
    for name in &names {
        let line = match read(name, folder) {
            Ok(baseline) => report::baseline::line(&baseline),
            Err(failure) => format!("{name}: {}", failure.message),
        };
        text.push_str(&line);
        text.push('\n');
    }
    print(&text)
}

/// Reads a baseline by its name in the folder, or by its path.
pub(super) fn read(name: &str, folder: &Path) -> Result<Baseline, Failure> {
    // It may have been made by a version that kept the target as it was given.
    let without_secrets = |baseline: Baseline| Redactor::default().baseline(&baseline);
    load(name, folder, |text| {
        Baseline::from_json(text)
            .map_err(|error| error.to_string())
            .and_then(|baseline| without_secrets(baseline).map_err(|error| error.to_string()))
    })
}

/// Reads what `parse` makes of the file that a name stands for.
pub(super) fn load<T>(
    name: &str,
    folder: &Path,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    let path = path_of(name, folder);
    let text = fs::read_to_string(&path).map_err(|error| {
        let known = names(folder);
        let meant = suggestion(nearest(name, known.iter().map(String::as_str)));
        Failure::configuration(format!(
            "cannot read the baseline {name} ({}): {error}{meant}",
            path.display()
        ))
    })?;
    parse(&text).map_err(|error| {
        Failure::configuration(format!("cannot use the baseline {}: {error}", path.display()))
    })
}

/// A name stands for a file in the folder; what looks like a path is one.
pub(super) fn path_of(name: &str, folder: &Path) -> PathBuf {
    let is_json = Path::new(name)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if name.contains(std::path::MAIN_SEPARATOR) || is_json {
        PathBuf::from(name)
    } else {
        folder.join(format!("{name}.json"))
    }
}

/// Names of the baselines in a folder; of one that cannot be read there are none.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

fn print(text: &str) -> Result<ExitCode, Failure> {
    output::put(text)?;
    Ok(ExitCode::Ok)
}

#[cfg(test)]
mod tests;
