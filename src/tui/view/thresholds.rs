//! Thresholds with their present value and verdict.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::panel::{self, shortened};
use crate::tui::frame::{Standing, ThresholdLine};
use crate::tui::run::Shown;
use crate::tui::theme::Theme;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let thresholds = &shown.picture.frame.thresholds;
    let missed = thresholds
        .iter()
        .filter(|line| line.standing == Standing::Bad)
        .count();
    let legend = match (thresholds.len(), missed) {
        (0, _) => String::new(),
        (all, 0) => format!("{all}, none missed "),
        (all, missed) => format!("{missed} of {all} missed "),
    };
    let inside = panel::titled(frame, area, shown.theme, "thresholds", vec![Span::raw(legend)]);
    if thresholds.is_empty() {
        return panel::nothing(frame, inside, shown.theme, "this scenario has none");
    }
    // What is missed comes first, so that it is seen where there is not room for all.
    let mut sorted: Vec<&ThresholdLine> = thresholds.iter().collect();
    sorted.sort_by_key(|line| line.standing != Standing::Bad);
    let lines = sorted
        .into_iter()
        .map(|line| threshold(line, shown.theme, usize::from(inside.width)));
    panel::lines(frame, inside, shown.theme, lines.collect());
}

/// `✓ response: p(95)<250ms   now 12ms`
fn threshold<'a>(line: &ThresholdLine, theme: Theme, width: usize) -> Line<'a> {
    let verdict = match line.standing {
        Standing::Unknown => "not yet",
        Standing::Good => "ok",
        Standing::Warning => "close",
        Standing::Bad => "missed",
    };
    let value = if line.value.is_empty() {
        verdict.to_owned()
    } else {
        format!("{verdict}  {}", line.value)
    };
    let room = width.saturating_sub(value.chars().count() + 4);
    let text = shortened(&line.text, room);
    Line::from(vec![
        Span::styled(
            format!("{} ", Theme::sign(line.standing)),
            theme.standing(line.standing),
        ),
        Span::raw(format!("{text:<room$}  ")),
        Span::styled(value, theme.standing(line.standing)),
    ])
}
