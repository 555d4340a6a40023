//! How many of those who should get a message got it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::panel;
use crate::metrics::{Counter, Figures, Trend};
use crate::report::format::{count, millis, percent};
use crate::tui::frame::Standing;
use crate::tui::run::Shown;

/// What should not happen to a message of a room.
const TROUBLES: [(Counter, &str); 7] = [
    (Counter::FanOutLost, "lost"),
    (Counter::FanOutDuplicated, "duplicates"),
    (Counter::FanOutDisordered, "out of order"),
    (Counter::FanOutLate, "late"),
    (Counter::FanOutOutside, "outside"),
    (Counter::FanOutStray, "stray"),
    (Counter::FanOutForeign, "foreign"),
];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let figures = &shown.group().cumulative;
    let expected = figures.fan_out_expected();
    let received = figures.counter(Counter::FanOutReceived);
    let legend = match expected {
        0 => String::new(),
        _ => format!("reach {} ", percent(received, expected)),
    };
    let inside = panel::titled(frame, area, shown.theme, "fan-out", vec![Span::raw(legend)]);
    if figures.counter(Counter::RoomsJoined) == 0 && figures.counter(Counter::FanOutSent) == 0 {
        return panel::nothing(frame, inside, shown.theme, "this scenario measures no fan-out");
    }
    let mut lines = vec![Line::raw(format!(
        "{} of {} expected received",
        count(received),
        count(expected)
    ))];
    lines.extend(panel::wrapped(
        Span::raw(""),
        troubles(figures, shown),
        usize::from(inside.width),
    ));
    if let Some(delivery) = figures.trend(Trend::Delivery) {
        lines.push(Line::raw(format!(
            "delivery p50 {}  p99 {}  max {}",
            millis(delivery.med),
            millis(delivery.p99),
            millis(delivery.max)
        )));
    }
    lines.push(Line::styled(
        format!(
            "{} sent to rooms, {} memberships",
            count(figures.counter(Counter::FanOutSent)),
            count(figures.counter(Counter::RoomsJoined))
        ),
        shown.theme.quiet(),
    ));
    panel::lines(frame, inside, shown.theme, lines);
}

/// What went wrong, or that nothing did.
fn troubles<'a>(figures: &Figures, shown: &Shown<'_>) -> Vec<Vec<Span<'a>>> {
    let bad = shown.theme.standing(Standing::Bad);
    let found: Vec<Vec<Span<'a>>> = TROUBLES
        .into_iter()
        .filter(|&(counter, _)| figures.counter(counter) > 0)
        .map(|(counter, word)| {
            let text = format!("{word} {}  ", count(figures.counter(counter)));
            vec![Span::styled(text, bad)]
        })
        .collect();
    if found.is_empty() {
        let text = "none lost, doubled or out of order".to_owned();
        vec![vec![Span::styled(text, Style::new())]]
    } else {
        found
    }
}
