//! Clients over time. They are counted over all groups, so every tab shows the same.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::chart::{self, Line, Meaning};
use crate::report::format::count;
use crate::tui::run::Shown;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let meaning = Meaning {
        title: "clients",
        format: |value| {
            if value.fract() == 0.0 {
                count(value as u64)
            } else {
                format!("{value:.1}")
            }
        },
    };
    let lines = [
        Line::new("wanted", |point| point.wanted),
        Line::new("open", |point| point.open),
        Line::new("failed/s", |point| point.failed),
    ];
    chart::draw(frame, area, shown, &meaning, &lines);
}
