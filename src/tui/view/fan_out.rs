//! How many of those who should get a message got it.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::panel;
use crate::tui::run::Shown;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let inside = panel::titled(frame, area, shown.theme, "fan-out", Vec::new());
    panel::nothing(frame, inside, shown.theme, "this scenario measures no fan-out");
}
