//! `wsbench completions` and `wsbench man`.

use std::fs;
use std::path::Path;

use crate::cli::{self, CompletionsArgs, ManArgs, ManPage};
use crate::exit::ExitCode;
use crate::units::{nearest, suggestion};

use super::failure::Failure;
use super::output;

/// Prints the script of a shell.
pub(super) fn completions(args: CompletionsArgs) -> Result<ExitCode, Failure> {
    print(&cli::completions(args.shell))
}

/// Prints one page, or writes all of them.
pub(super) fn man(args: &ManArgs) -> Result<ExitCode, Failure> {
    if args.markdown {
        return print(cli::reference().as_bytes());
    }
    let codes: Vec<(u8, &str)> = ExitCode::ALL
        .into_iter()
        .map(|code| (code.number(), code.describe()))
        .collect();
    let pages = cli::man_pages(&codes);
    match &args.out {
        Some(folder) => write(&pages, folder),
        None => print(&find(&pages, &args.command)?.roff),
    }
}

fn find<'a>(pages: &'a [ManPage], command: &[String]) -> Result<&'a ManPage, Failure> {
    let known = || pages.iter().map(|page| page.command.join(" "));
    pages.iter().find(|page| page.command == command).ok_or_else(|| {
        let (written, known): (String, Vec<String>) = (command.join(" "), known().collect());
        let meant = suggestion(nearest(&written, known.iter().map(String::as_str)));
        Failure {
            message: format!("there is no command `{written}`{meant}"),
            code: ExitCode::Usage,
        }
    })
}

fn write(pages: &[ManPage], folder: &Path) -> Result<ExitCode, Failure> {
    let failed = |error| Failure::configuration(format!("cannot write to {}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    for page in pages {
        fs::write(folder.join(&page.file), &page.roff).map_err(failed)?;
    }
    Ok(ExitCode::Ok)
}

fn print(text: &[u8]) -> Result<ExitCode, Failure> {
    output::put(text)?;
    Ok(ExitCode::Ok)
}
