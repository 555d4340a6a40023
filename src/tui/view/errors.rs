//! Errors by class, with the first text of each.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::panel::{self, shortened};
use crate::report::format::count;
use crate::tui::frame::Standing;
use crate::tui::run::Shown;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let errors = &shown.group().cumulative.errors;
    let total: u64 = errors.values().map(|error| error.count).sum();
    let legend = vec![Span::raw(format!("{} ", count(total)))];
    let inside = panel::titled(frame, area, shown.theme, "errors", legend);
    let mut classes: Vec<_> = errors.iter().collect();
    if classes.is_empty() {
        return panel::nothing(frame, inside, shown.theme, "none");
    }
    classes.sort_by_key(|(_, error)| std::cmp::Reverse(error.count));
    let width = usize::from(inside.width);
    let lines = classes.into_iter().flat_map(|(class, error)| {
        let head = format!("{:>7}  {}", count(error.count), class.label());
        let text = error.examples.first().map_or("", String::as_str);
        let room = width.saturating_sub(head.chars().count() + 2);
        let style = shown.theme.standing(Standing::Bad);
        if room >= text.chars().count().min(40) {
            vec![Line::from(vec![
                Span::styled(format!("{head}  "), style),
                Span::styled(shortened(text, room), shown.theme.quiet()),
            ])]
        } else {
            vec![
                Line::styled(head, style),
                Line::styled(
                    format!("         {}", shortened(text, width.saturating_sub(9))),
                    shown.theme.quiet(),
                ),
            ]
        }
    });
    panel::lines(frame, inside, shown.theme, lines.collect());
}
