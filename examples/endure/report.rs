//! [`Report`]: what was seen, as a Markdown table.

use std::io::{self, Write, stdout};

/// The rows of the table.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<(String, String, Option<bool>)>,
}

impl Report {
    /// A figure that depends on the machine.
    pub(crate) fn figure(&mut self, what: &str, value: impl Into<String>) {
        self.rows.push((what.to_owned(), value.into(), None));
    }

    /// Something that must hold on any machine.
    pub(crate) fn holds(&mut self, what: &str, value: impl Into<String>, holds: bool) {
        self.rows.push((what.to_owned(), value.into(), Some(holds)));
    }

    pub(crate) fn failed(&self) -> bool {
        self.rows.iter().any(|(_, _, holds)| *holds == Some(false))
    }

    /// Writes the table to standard output.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = stdout().lock();
        writeln!(out, "| what | seen | must hold |\n|---|---|---|")?;
        for (what, value, holds) in &self.rows {
            let verdict = match holds {
                None => "",
                Some(true) => "yes",
                Some(false) => "**NO**",
            };
            writeln!(out, "| {what} | {value} | {verdict} |")?;
        }
        Ok(())
    }
}

/// Bytes for people.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}
