//! The panels, one file each, and how they share the screen.
//!
//! A panel takes whatever room it is given; which panels there are depends on the page and on the size. A screen of
//! [`ROOMY`] size shows all of them on its first page, so that nobody has to turn pages there.

mod chart;
mod clients;
mod codes;
mod errors;
mod fan_out;
mod header;
mod health;
mod help;
mod histogram;
mod latency;
mod panel;
mod phases;
mod server;
mod thresholds;
mod throughput;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::run::Shown;
use super::state::Page;

pub(super) use server::draw as draw_server;

/// Less than this cannot be read.
const LEAST: (u16, u16) = (40, 12);
/// From this size on everything has its place on one page.
const ROOMY: (u16, u16) = (120, 36);

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, shown: &Shown<'_>) {
    let area = frame.area();
    if !has(area, LEAST) {
        return too_small(frame, area);
    }
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(4), Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    header::draw(frame, head, shown);
    match shown.state.page {
        Page::Overview if has(area, ROOMY) => everything(frame, body, shown),
        Page::Overview => overview(frame, body, shown),
        Page::Latency => latency_page(frame, body, shown),
        Page::Connections => connections_page(frame, body, shown),
        Page::Endings => endings_page(frame, body, shown),
        Page::Verdict => verdict_page(frame, body, shown),
    }
    header::draw_foot(frame, foot, shown);
    if shown.state.help {
        help::draw(frame, body, shown.theme);
    }
}

const fn has(area: Rect, (width, height): (u16, u16)) -> bool {
    area.width >= width && area.height >= height
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let text = format!(
        "{}x{} is too small; 80x24 shows everything",
        area.width, area.height
    );
    frame.render_widget(Line::raw(text), area);
}

/// Columns of equal width, with gaps between.
fn columns<const N: usize>(area: Rect) -> [Rect; N] {
    Layout::horizontal([Constraint::Fill(1); N])
        .spacing(1)
        .areas(area)
}

fn rows<const N: usize>(area: Rect) -> [Rect; N] {
    Layout::vertical([Constraint::Fill(1); N]).areas(area)
}

fn everything(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let [first, second, third] = rows(area);
    let [left, middle, right] = columns(first);
    throughput::draw_messages(frame, left, shown);
    throughput::draw_bytes(frame, middle, shown);
    clients::draw(frame, right, shown);
    let [left, middle, right] = columns(second);
    latency::draw_over_time(frame, left, shown);
    histogram::draw(frame, middle, shown);
    phases::draw(frame, right, shown);
    let [left, middle, right] = columns(third);
    codes::draw(frame, left, shown);
    let [errors, fan_out] = Layout::vertical([Constraint::Fill(1), Constraint::Length(5)]).areas(middle);
    errors::draw(frame, errors, shown);
    fan_out::draw(frame, fan_out, shown);
    let [thresholds, health] = rows(right);
    thresholds::draw(frame, thresholds, shown);
    health::draw(frame, health, shown);
}

fn overview(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let [left, right] = columns(area);
    let [above, below] = rows(left);
    throughput::draw_messages(frame, above, shown);
    throughput::draw_bytes(frame, below, shown);
    let [above, below] = rows(right);
    latency::draw_over_time(frame, above, shown);
    phases::draw(frame, below, shown);
}

fn latency_page(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let [above, below] = rows(area);
    latency::draw_over_time(frame, above, shown);
    let [left, right] = columns(below);
    histogram::draw(frame, left, shown);
    phases::draw(frame, right, shown);
}

fn connections_page(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let [above, below] = rows(area);
    clients::draw(frame, above, shown);
    let [left, right] = columns(below);
    phases::draw_connects(frame, left, shown);
    fan_out::draw(frame, right, shown);
}

fn endings_page(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let [above, below] = rows(area);
    codes::draw(frame, above, shown);
    errors::draw(frame, below, shown);
}

fn verdict_page(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let [above, below] = rows(area);
    thresholds::draw(frame, above, shown);
    health::draw(frame, below, shown);
}
