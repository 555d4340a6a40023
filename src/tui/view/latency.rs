//! Percentiles of a trend over time.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::chart::{self, Line, Meaning};
use crate::report::format::millis;
use crate::tui::history::{Percentiles, Point};
use crate::tui::run::Shown;

pub(super) fn draw_over_time(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let trend = shown.trend();
    let meaning = Meaning {
        title: trend.label(),
        format: millis,
    };
    let value = |percentile: fn(Percentiles) -> f32| move |point: &Point| percentile(point.trend(trend));
    let lines = [
        Line::new("p50", value(|of| of.p50)),
        Line::new("p95", value(|of| of.p95)),
        Line::new("p99", value(|of| of.p99)),
    ];
    chart::draw(frame, area, shown, &meaning, &lines);
}
