//! The manual pages.

use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::help;
use super::surface::{command, walk};

/// One manual page.
#[derive(Clone, Debug)]
pub struct ManPage {
    /// Its file, as `wsbench-run.1`.
    pub file: String,
    /// The words that lead to the command, without the program's name.
    pub command: Vec<String>,
    /// The page, for `man` and its like.
    pub roff: Vec<u8>,
}

/// The page of every command, that of the program itself first.
///
/// `exit_codes` are the numbers that the program ends with, and what they mean.
#[must_use]
pub fn man_pages(exit_codes: &[(u8, &str)]) -> Vec<ManPage> {
    let mut root = command().disable_help_subcommand(true);
    root.build();
    walk(&root)
        .into_iter()
        .map(|(path, command)| {
            let man = Man::new(command.clone());
            ManPage {
                file: man.get_filename(),
                roff: page(&man, &path, command, exit_codes),
                command: path,
            }
        })
        .collect()
}

fn page(man: &Man, path: &[String], command: &clap::Command, exit_codes: &[(u8, &str)]) -> Vec<u8> {
    // No date, so that a version's pages are always the same; written here because `roff` drops an empty argument.
    let mut out = format!(
        ".TH {} 1 \"\" \"wsbench {}\" \"wsbench manual\"\n",
        page_name(path),
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes();
    // Writing to memory cannot fail.
    let _ = man.render_name_section(&mut out);
    let _ = man.render_synopsis_section(&mut out);
    let _ = man.render_description_section(&mut out);
    let _ = man.render_options_section(&mut out);
    if command.get_subcommands().next().is_some() {
        let _ = man.render_subcommands_section(&mut out);
    }
    let mut rest = Roff::new();
    examples(&mut rest, path);
    rest.control("SH", ["EXIT STATUS"]);
    for (number, meaning) in exit_codes {
        rest.control("TP", []).text([bold(number.to_string())]);
        rest.text([roman(*meaning)]);
    }
    see_also(&mut rest, path, command);
    let _ = rest.to_writer(&mut out);
    out
}

fn examples(roff: &mut Roff, path: &[String]) {
    roff.control("SH", ["EXAMPLES"]);
    for (what, line) in help::of(path).examples {
        roff.control("TP", []).text([roman(*what)]);
        roff.text([bold(*line)]);
    }
}

fn see_also(roff: &mut Roff, path: &[String], command: &clap::Command) {
    let mut pages: Vec<String> = command
        .get_subcommands()
        .map(|below| format!("{}-{}", page_name(path), below.get_name()))
        .collect();
    if let Some((_, above)) = path.split_last() {
        pages.insert(0, page_name(above));
    }
    let mut line: Vec<Inline> = Vec::new();
    for (index, page) in pages.into_iter().enumerate() {
        if index > 0 {
            line.push(roman(", "));
        }
        line.extend([bold(page), roman("(1)")]);
    }
    roff.control("SH", ["SEE ALSO"]).text(line);
}

fn page_name(path: &[String]) -> String {
    let mut name = "wsbench".to_owned();
    for word in path {
        name.push('-');
        name.push_str(word);
    }
    name
}
