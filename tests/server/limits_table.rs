//! `docs/limits.md` against a real server: every row of its tables is provoked, and whatever is provoked must have a row.
//!
//! A new refusal needs a row in the table and a case in `refusals.rs`; a new way to end a session one in `endings.rs`. A
//! case that has no row fails with the row that it needs.

mod endings;
mod refusals;

use std::collections::BTreeSet;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limits.md"));

/// The first cells of each row of the table under this heading, without the marks of code.
fn rows(heading: &str, cells: usize) -> BTreeSet<Vec<String>> {
    let (_, rest) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = rest.split_once("\n## ").map_or(rest, |(section, _)| section);
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let rows: Vec<Vec<String>> = lines
        .map(|line| line.split('|').skip(1).take(cells).map(plain).collect())
        .collect();
    let distinct: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(rows.len(), distinct.len(), "a row of `{heading}` appears twice");
    distinct
}

/// The content of a cell: `` `x` `` is x, and ``` `` `x` `` ``` is `x`.
fn plain(cell: &str) -> String {
    let cell = cell.trim();
    let inner = cell.strip_prefix("`` ").and_then(|cell| cell.strip_suffix(" ``"));
    let inner = inner.or_else(|| cell.strip_prefix('`')?.strip_suffix('`'));
    inner.unwrap_or(cell).to_owned()
}

/// Fails unless exactly what the table says was seen.
fn compare(heading: &str, documented: &BTreeSet<Vec<String>>, seen: &BTreeSet<Vec<String>>) {
    let lines = |rows: Vec<&Vec<String>>| -> String {
        let line = |row: &Vec<String>| format!("| {} |\n", row.join(" | "));
        rows.into_iter().map(line).collect()
    };
    let missing = lines(seen.difference(documented).collect());
    let unproven = lines(documented.difference(seen).collect());
    assert!(
        missing.is_empty() && unproven.is_empty(),
        "`{heading}` in docs/limits.md\nlacks:\n{missing}has, although nothing provokes it:\n{unproven}"
    );
}
