//! Every trend that was measured as a table: round trips and lag first, or connect phases and pings first.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;
use ratatui::widgets::{Cell, Row, Table};

use super::panel;
use crate::metrics::Trend;
use crate::report::format::{count, millis};
use crate::tui::run::Shown;

/// From here on there is room for how often.
const WIDE: u16 = 50;

/// Messages first.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    const FIRST: [Trend; 6] = [
        Trend::Response,
        Trend::Delivery,
        Trend::Service,
        Trend::Ping,
        Trend::SendLag,
        Trend::Connect,
    ];
    draw_table(frame, area, shown, "timings", &FIRST);
}

/// The life of a connection first.
pub(super) fn draw_connects(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    const FIRST: [Trend; 8] = [
        Trend::Resolve,
        Trend::Tcp,
        Trend::Tls,
        Trend::Upgrade,
        Trend::Connect,
        Trend::Ping,
        Trend::Close,
        Trend::Session,
    ];
    draw_table(frame, area, shown, "connect phases, pings", &FIRST);
}

fn draw_table(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>, title: &str, first: &[Trend]) {
    let inside = panel::titled(frame, area, shown.theme, title, vec!["whole run ".into()]);
    let figures = &shown.group().cumulative;
    if figures.trends_ms.is_empty() {
        return panel::nothing(frame, inside, shown.theme, "nothing measured yet");
    }
    let wide = inside.width >= WIDE;
    let room = usize::from(inside.height).saturating_sub(1);
    let chosen = shown.trend();
    let rows = measured(shown, first, room).into_iter().filter_map(|trend| {
        let of = figures.trend(trend)?;
        let mut cells = vec![Cell::from(trend.label())];
        cells.extend([of.med, of.p95, of.p99, of.max].map(|value| right(millis(value))));
        if wide {
            cells.push(right(count(of.count)));
        }
        let style = if trend == chosen {
            shown.theme.title()
        } else {
            Style::new()
        };
        Some(Row::new(cells).style(style))
    });
    let mut heads = vec![Cell::from("")];
    heads.extend(["p50", "p95", "p99", "max"].map(|head| right(head.to_owned())));
    let mut widths = vec![Constraint::Fill(1)];
    widths.extend([Constraint::Length(6); 4]);
    if wide {
        heads.push(right("count".to_owned()));
        widths.push(Constraint::Length(11));
    }
    let table = Table::new(rows, widths)
        .header(Row::new(heads).style(shown.theme.quiet()))
        .column_spacing(1);
    frame.render_widget(table, inside);
}

/// What was measured, in the order of importance if there is not room for all.
fn measured(shown: &Shown<'_>, first: &[Trend], room: usize) -> Vec<Trend> {
    let rest = Trend::ALL.into_iter().filter(|trend| !first.contains(trend));
    first
        .iter()
        .copied()
        .chain(rest)
        .filter(|&trend| shown.group().cumulative.trend(trend).is_some())
        .take(room)
        .collect()
}

fn right(text: String) -> Cell<'static> {
    Cell::from(ratatui::text::Line::from(text).right_aligned())
}
