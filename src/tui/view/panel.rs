//! What all panels share: a title line above, and text that says why there is nothing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

use crate::tui::theme::Theme;

/// Draws the title line; the rest of the area is for the content.
pub(super) fn titled(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    title: &str,
    legend: Vec<Span<'_>>,
) -> Rect {
    let mut line = vec![Span::styled(format!("{title} "), theme.title())];
    line.extend(legend);
    let block = Block::new()
        .borders(Borders::TOP)
        .border_style(theme.quiet())
        .title(Line::from(line));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

/// Says why a panel is empty.
pub(super) fn nothing(frame: &mut Frame<'_>, area: Rect, theme: Theme, why: &str) {
    frame.render_widget(
        Paragraph::new(why).style(theme.quiet()).wrap(Wrap { trim: true }),
        area,
    );
}

/// Draws lines from the top; if there are too many, the last line says how many are missing.
pub(super) fn lines(frame: &mut Frame<'_>, area: Rect, theme: Theme, mut lines: Vec<Line<'_>>) {
    let room = usize::from(area.height);
    if lines.len() > room && room > 0 {
        let missing = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(Line::styled(format!("… {missing} more"), theme.quiet()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// Puts entries after a head, on as many lines as they need; further lines are indented by the head's width.
pub(super) fn wrapped<'a>(head: Span<'a>, entries: Vec<Vec<Span<'a>>>, width: usize) -> Vec<Line<'a>> {
    let indent = head.width();
    let mut lines = vec![Line::from(head)];
    let mut used = indent;
    for entry in entries {
        let length: usize = entry.iter().map(Span::width).sum();
        if used + length > width && used > indent {
            lines.push(Line::raw(" ".repeat(indent)));
            used = indent;
        }
        used += length;
        if let Some(line) = lines.last_mut() {
            line.spans.extend(entry);
        }
    }
    lines
}

/// At most `width` characters, the last of them an ellipsis if there were more.
pub(super) fn shortened(text: &str, width: usize) -> String {
    // Texts of errors come from outside: what a control character would do to the terminal is not wanted.
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    if text.chars().count() <= width {
        return clean.collect();
    }
    clean.take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_end_in_an_ellipsis_and_control_characters_are_gone() {
        assert_eq!(shortened("refused", 7), "refused");
        assert_eq!(shortened("refused", 5), "refu…");
        assert_eq!(shortened("a\x1b[2Jb\n", 20), "a [2Jb ");
    }
}
