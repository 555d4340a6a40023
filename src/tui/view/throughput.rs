//! Messages and bytes per second.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::chart::{self, Line, Meaning};
use crate::report::format::{bytes, rate};
use crate::tui::run::Shown;

pub(super) fn draw_messages(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let meaning = Meaning {
        title: "messages",
        format: rate,
    };
    let lines = [
        Line::new("sent", |point| point.sent),
        Line::new("rcvd", |point| point.received),
    ];
    chart::draw(frame, area, shown, &meaning, &lines);
}

pub(super) fn draw_bytes(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let meaning = Meaning {
        title: "bytes",
        format: |value| format!("{}/s", bytes(value)),
    };
    let lines = [
        Line::new("sent", |point| point.bytes_sent),
        Line::new("rcvd", |point| point.bytes_received),
    ];
    chart::draw(frame, area, shown, &meaning, &lines);
}
