//! Feeders: CSV files to tables.

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
fn read(path: &std::path::Path, delimiter: char, contents: &mut Contents) -> Result<Table, String> {
    let file = path.display();
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {file}: {error}");
    let size = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > MAX_FILE.0 {
        return Err(format!(
            "{file} has {}, and a feeder's file at most {MAX_FILE}",
            ByteSize(size)
        ));
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter as u8)
        .trim(csv::Trim::Headers)
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
    while reader.read_record(&mut row).map_err(|error| failed(&error))? {
        for cell in &row {
            contents.add(cell.as_bytes());
            cells.extend_from_slice(cell.as_bytes());
            // Cells are no longer than the file, and its size was checked.
            ends.push(cells.len() as u32);
        }
    }
    if ends.is_empty() {
        return Err(format!("{file} has no rows below the line of names"));
    }
    Ok(Table::new(columns, cells, ends))
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
