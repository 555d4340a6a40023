//! Feeders: CSV files to tables.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use crate::scenario::document::FeederSpec;
use crate::scenario::feeder::{Feeder, RowOrder};
use crate::scenario::fingerprint::Contents;
use crate::scenario::quantity::{Exhausted, Holder};
use crate::scenario::values::Table;
use crate::scenario::yaml::Located;
use crate::units::ByteSize;

/// The largest file: its rows are all held in memory.
const MAX_FILE: ByteSize = ByteSize::mib(512);

pub(super) fn feeder(context: &mut Context<'_>, section: &Located<FeederSpec>) -> Option<Feeder> {
    let spec = &section.value;
    let order = context.value_or(spec.order.as_ref(), RowOrder::Sequential);
    let exhausted = context.value_or(spec.exhausted.as_ref(), Exhausted::Wrap);
    let holder = context.value_or(spec.per.as_ref(), Holder::Flow);
    let delimiter = context.value_or(spec.delimiter.as_ref(), ',');
    if let (RowOrder::Random, Exhausted::Stop, Some(field)) = (order, exhausted, &spec.exhausted) {
        context.problem(
            field.at,
            "random rows are never exhausted: leave out one of the two",
        );
    }
    let path = context.path(&spec.file)?;
    let table = match context.tables.get(&(path.clone(), delimiter)) {
        Some(table) => Arc::clone(table),
        None => {
            let table = read(&path, delimiter, &mut context.contents)
                .map_err(|message| context.problem(spec.file.at, message))
                .ok()?;
            let table = Arc::new(table);
            context.tables.insert((path, delimiter), Arc::clone(&table));
            table
        }
    };
    Some(Feeder {
        table,
        order,
        wraps: exhausted == Exhausted::Wrap,
        per_client: holder == Holder::Client,
    })
}

/// Reads a whole file; the error says what is wrong, and on which line.
fn read(path: &Path, delimiter: char, contents: &mut Contents) -> Result<Table, String> {
    let file = path.display();
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {file}: {error}");
    let size = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > MAX_FILE.0 {
        return Err(format!(
            "{file} has {}, and a feeder's file at most {MAX_FILE}",
            ByteSize(size)
        ));
    }
    let mut reader = format(delimiter)
        .from_path(path)
        .map_err(|error| failed(&error))?;
    let columns: Vec<String> = reader
        .headers()
        .map_err(|error| failed(&error))?
        .iter()
        .map(str::to_owned)
        .collect();
    check_columns(&columns).map_err(|error| failed(&error))?;
    columns.iter().for_each(|name| contents.add(name.as_bytes()));
    let (mut cells, mut ends) = (Vec::new(), Vec::new());
    let mut row = csv::StringRecord::new();
    let mut last = reader.position().clone();
    while reader.read_record(&mut row).map_err(|error| failed(&error))? {
        last.clone_from(row.position().unwrap_or(reader.position()));
        for cell in &row {
            contents.add(cell.as_bytes());
            cells.extend_from_slice(cell.as_bytes());
            // Cells are no longer than the file, and its size was checked.
            ends.push(cells.len() as u32);
        }
    }
    if is_open(path, delimiter, &last).map_err(|error| failed(&error))? {
        return Err(failed(&format!(
            "a quoted cell of the row that begins on line {} never ends: close it with a quote, or write a quote \
             within it twice",
            last.line()
        )));
    }
    if ends.is_empty() {
        return Err(format!("{file} has no rows below the line of names"));
    }
    Ok(Table::new(columns, cells, ends))
}

fn format(delimiter: char) -> csv::ReaderBuilder {
    let mut format = csv::ReaderBuilder::new();
    format.delimiter(delimiter as u8).trim(csv::Trim::Headers);
    format
}

/// Whether the last row ends inside of a quoted cell, which the reader takes for a cell as long as the rest of the file:
/// then, and only then, one quote more changes nothing.
fn is_open(path: &Path, delimiter: char, last: &csv::Position) -> Result<bool, csv::Error> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(last.byte()))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let rows = |text: &[u8]| -> Result<Vec<csv::ByteRecord>, csv::Error> {
        format(delimiter)
            .has_headers(false)
            .from_reader(text)
            .byte_records()
            .collect()
    };
    let before = rows(&text)?;
    text.push(b'"');
    Ok(rows(&text).is_ok_and(|after| after == before))
}

fn check_columns(columns: &[String]) -> Result<(), String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    for (index, name) in columns.iter().enumerate() {
        if name.is_empty() || !name.chars().all(is_part) {
            return Err(format!(
                "the first line names the columns, and `{name}` is not a name: letters, digits, `_`, `-` and `.`"
            ));
        }
        if columns[..index].contains(name) {
            return Err(format!("two columns are named `{name}`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(text: &str) -> Result<usize, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, ',', &mut Contents::default()).map(|table| table.rows())
    }

    #[test]
    fn quotes_within_and_around_cells_are_no_mistake() {
        for (text, rows) in [
            ("a,b\n1,\"x\"\n", 1),
            ("a,b\n1,\"x\"", 1),
            ("a,b\n1,\"says \"\"x\"\"\"\n", 1),
            ("a,b\n1,\"two\nlines\n\"\n2,y", 2),
            ("a,b\n1,5\" wide\n2,\"\"\n", 2),
            ("a,b\n1,5\" wide", 1),
            ("a,b\r\n\"1\",\"x\"\r\n\r\n", 1),
        ] {
            assert_eq!(rows_of(text), Ok(rows), "{text:?}");
        }
    }

    #[test]
    fn a_quoted_cell_that_never_ends_is_told_with_its_line() {
        for (text, line) in [
            ("a,b\n1,\"x\n2,y\n3,z\n", 2),
            ("a,b\n1,x\n2,\"y", 3),
            ("a,b\n1,x\n2,\"y\"\"", 3),
            ("a,b\n1,\"", 2),
        ] {
            let error = rows_of(text).expect_err(text);
            let told = format!(
                "a quoted cell of the row that begins on line {line} never ends: close it with a quote, or write a quote \
                 within it twice"
            );
            assert!(error.ends_with(&told), "{text:?}: {error}");
        }
    }
}
