//! [`Values`]: what one client remembers for its templates, and [`Table`]: the rows that clients are fed with.

use std::fmt;

/// The longest value that a client keeps: a longer one counts as not found.
pub const MAX_CAPTURE: usize = 4096;

/// What a client captured from messages, and its row of a table.
///
/// The memory of a value is reused by the next one in its place, so a client that captures the same things again and
/// again allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    slots: Box<[Value]>,
    row: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Value {
    text: Vec<u8>,
    bare: bool,
}

impl Values {
    /// Room for so many captured values, all empty.
    #[must_use]
    pub fn new(slots: u16) -> Self {
        Self {
            slots: vec![Value::default(); usize::from(slots)].into(),
            row: None,
        }
    }

    /// Replaces a value. `bare` says that JSON takes it without quotes.
    pub fn set(&mut self, slot: u16, text: &[u8], bare: bool) {
        if let Some(value) = self.slots.get_mut(usize::from(slot)) {
            value.text.clear();
            value.text.extend_from_slice(text);
            value.bare = bare;
        }
    }

    /// A value, and whether JSON takes it without quotes; empty before it was captured.
    #[must_use]
    pub fn get(&self, slot: u16) -> (&[u8], bool) {
        self.slots
            .get(usize::from(slot))
            .map_or((&[], false), |value| (&value.text, value.bare))
    }

    /// The row that the client has.
    #[must_use]
    pub const fn row(&self) -> Option<u32> {
        self.row
    }

    /// Gives the client a row.
    pub const fn set_row(&mut self, row: u32) {
        self.row = Some(row);
    }
}

/// A table with named columns, in two blocks of memory whatever the number of its rows.
#[derive(PartialEq, Eq)]
pub struct Table {
    columns: Box<[String]>,
    cells: Box<[u8]>,
    /// Where each cell ends, row by row.
    ends: Box<[u32]>,
}

impl Table {
    /// `ends` are the ends of the cells within `cells`, row by row.
    pub(super) fn new(columns: Vec<String>, cells: Vec<u8>, ends: Vec<u32>) -> Self {
        Self {
            columns: columns.into(),
            cells: cells.into(),
            ends: ends.into(),
        }
    }

    /// Names of the columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.ends.len() / self.columns.len().max(1)
    }

    /// One cell; empty where there is none.
    #[must_use]
    pub fn cell(&self, row: u32, column: u16) -> &[u8] {
        let index = row as usize * self.columns.len() + usize::from(column);
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before));
        match (start.copied().unwrap_or(0), self.ends.get(index)) {
            (start, Some(end)) => self.cells.get(start as usize..*end as usize).unwrap_or_default(),
            (_, None) => &[],
        }
    }

    /// The shortest and the longest cell of a column, in bytes.
    #[must_use]
    pub fn lengths(&self, column: u16) -> (usize, usize) {
        let rows = u32::try_from(self.rows()).unwrap_or(u32::MAX);
        let lengths = || (0..rows).map(|row| self.cell(row, column).len());
        (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0))
    }
}

/// The cells may be passwords.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("columns", &self.columns)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_by_row_and_column() {
        let columns = vec!["id".to_owned(), "name".to_owned()];
        let table = Table::new(columns, b"1ann22bob".to_vec(), vec![1, 4, 6, 9]);
        assert_eq!(table.rows(), 2);
        assert_eq!(table.cell(0, 0), b"1");
        assert_eq!(table.cell(0, 1), b"ann");
        assert_eq!(table.cell(1, 0), b"22");
        assert_eq!(table.cell(1, 1), b"bob");
        assert_eq!(table.cell(2, 0), b"");
        assert_eq!(table.lengths(0), (1, 2));
    }

    #[test]
    fn a_value_takes_the_place_of_the_one_before() {
        let mut values = Values::new(2);
        assert_eq!(values.get(1), (&b""[..], false));
        values.set(1, b"a longer text", false);
        values.set(1, b"7", true);
        values.set(9, b"nowhere", true);
        assert_eq!(values.get(1), (&b"7"[..], true));
        assert_eq!(values.get(0), (&b""[..], false));
    }
}
