//! Whether the generator itself is at its limits, so that what it measures can be believed.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::panel;
use crate::tui::run::Shown;
use crate::tui::theme::Theme;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let health = &shown.picture.frame.health;
    let inside = panel::titled(frame, area, shown.theme, "generator", Vec::new());
    if health.is_empty() {
        return panel::nothing(frame, inside, shown.theme, "nothing measured yet");
    }
    let widest = health
        .iter()
        .map(|line| line.label.chars().count())
        .max()
        .unwrap_or(0);
    let lines = health.iter().map(|line| {
        Line::from(vec![
            Span::styled(
                format!("{} ", Theme::sign(line.standing)),
                shown.theme.standing(line.standing),
            ),
            Span::raw(format!("{:<widest$}  ", line.label)),
            Span::styled(line.value.clone(), shown.theme.standing(line.standing)),
        ])
    });
    panel::lines(frame, inside, shown.theme, lines.collect());
}
