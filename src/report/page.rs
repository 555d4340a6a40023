//! [`Page`]: headings, rows with dot-leaders and wrapped text, within a width.

use std::fmt::Write as _;

/// How text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Use terminal colours; the caller respects `NO_COLOR` and whether there is a terminal.
    pub colour: bool,
    /// Columns; at least 60 are used, and at most 100, which is as far as the eye likes to travel.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            colour: false,
            width: 100,
        }
    }
}

/// What a piece of text means; with colour it is shown by it, without it the words have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Heading,
    Plain,
}

impl Tone {
    const fn escape(self) -> &'static str {
        match self {
            Self::Good => "\x1b[1;32m",
            Self::Bad => "\x1b[1;31m",
            Self::Heading => "\x1b[1m",
            Self::Plain => "",
        }
    }
}

/// A label and its value, printed with dots between them.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) value: String,
}

impl Row {
    pub(super) fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
        }
    }
}

/// Text under construction.
pub(super) struct Page {
    out: String,
    style: Style,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        let style = Style {
            width: style.width.clamp(60, 100),
            ..style
        };
        Self {
            out: String::new(),
            style,
        }
    }

    pub(super) const fn width(&self) -> usize {
        self.style.width
    }

    /// A line of its own meaning, wrapped; what does not fit goes on as far indented as the line begins.
    pub(super) fn line(&mut self, tone: Tone, text: &str) {
        let indent = text.len() - text.trim_start().len();
        for piece in wrap(text.trim_start(), self.style.width - indent) {
            self.painted(tone, &format!("{:indent$}{piece}", ""));
        }
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A heading and its rows, whose values begin in the same column; nothing if there are no rows.
    pub(super) fn section(&mut self, heading: &str, rows: &[Row]) {
        if rows.is_empty() {
            return;
        }
        self.blank();
        self.painted(Tone::Heading, heading);
        let labels = rows
            .iter()
            .map(|row| row.label.chars().count())
            .max()
            .unwrap_or(0)
            .max(MIN_LABEL);
        for row in rows {
            self.row(row, labels);
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// `  label.....: value`; a value that does not fit goes on under its beginning.
    fn row(&mut self, row: &Row, labels: usize) {
        let indent = INDENT + labels + LEADER;
        let mut pieces = wrap(&row.value, self.style.width.saturating_sub(indent)).into_iter();
        let dots = ".".repeat(labels + LEADER - ": ".len() - row.label.chars().count());
        let first = pieces.next().unwrap_or_default();
        let _ = writeln!(self.out, "{:INDENT$}{}{dots}: {first}", "", row.label);
        for piece in pieces {
            let _ = writeln!(self.out, "{:indent$}{piece}", "");
        }
    }

    fn painted(&mut self, tone: Tone, text: &str) {
        let escape = tone.escape();
        if self.style.colour && !escape.is_empty() {
            let _ = writeln!(self.out, "{escape}{text}\x1b[0m");
        } else {
            let _ = writeln!(self.out, "{text}");
        }
    }
}

const INDENT: usize = 2;
/// Two dots at least, then `: `.
const LEADER: usize = 4;
/// Sections with short labels line up with each other.
const MIN_LABEL: usize = 12;

/// Breaks text into lines of at most `width` columns, between words where it can; runs of spaces inside a line stay.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut rest = paragraph.trim_end();
        while let Some((end, _)) = rest.char_indices().nth(width) {
            let cut = rest[..end]
                .rfind(' ')
                .filter(|&cut| cut > 0 && !rest[..cut].trim().is_empty());
            // The column at `end` may itself be the space to break at.
            let cut = if rest[end..].starts_with(' ') {
                end
            } else {
                cut.unwrap_or(end)
            };
            lines.push(rest[..cut].trim_end().to_owned());
            rest = rest[cut..].trim_start();
        }
        if !rest.is_empty() {
            lines.push(rest.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_between_words_and_only_long_words_are_cut() {
        assert_eq!(wrap("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrap("one two", 3), ["one", "two"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("µµµµ µµ", 4), ["µµµµ", "µµ"]);
        assert_eq!(wrap("a\nb", 10), ["a", "b"]);
        assert!(wrap("", 10).is_empty());
    }

    #[test]
    fn values_of_a_section_begin_in_one_column() {
        let mut page = Page::new(Style::default());
        page.section(
            "things",
            &[Row::new("a", "1"), Row::new("a much longer label", "2")],
        );
        assert_eq!(
            page.finish(),
            "\nthings\n  a....................: 1\n  a much longer label..: 2\n"
        );
    }

    #[test]
    fn colour_is_only_used_when_asked_for() {
        for colour in [false, true] {
            let mut page = Page::new(Style { colour, width: 80 });
            page.line(Tone::Bad, "broken");
            assert_eq!(page.finish().contains('\x1b'), colour);
        }
    }
}
