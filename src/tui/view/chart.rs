//! Lines over time.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::header::clock;
use super::panel;
use crate::tui::history::Point;
use crate::tui::run::Shown;
use crate::tui::theme::{LineLook, Theme};

/// One line of a chart.
pub(super) struct Line<'a> {
    name: &'a str,
    /// Its value at a point; what is no number is left out.
    value: Box<dyn Fn(&Point) -> f32>,
}

impl<'a> Line<'a> {
    pub(super) fn new(name: &'a str, value: impl Fn(&Point) -> f32 + 'static) -> Self {
        Self {
            name,
            value: Box::new(value),
        }
    }
}

/// What the lines mean.
pub(super) struct Meaning<'a> {
    pub(super) title: &'a str,
    /// A value, for people.
    pub(super) format: fn(f64) -> String,
}

/// Draws lines of the shown group over the chosen window, with their latest values in the legend.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    shown: &Shown<'_>,
    meaning: &Meaning<'_>,
    lines: &[Line<'_>],
) {
    let window = shown.state.window.length();
    let points = shown.points();
    let values = |line: &Line<'_>| -> Vec<(f64, f64)> {
        points
            .iter()
            .map(|point| (point.at, f64::from((line.value)(point))))
            .filter(|(_, value)| value.is_finite())
            .collect()
    };
    let data: Vec<Vec<(f64, f64)>> = lines.iter().map(values).collect();
    let inside = panel::titled(
        frame,
        area,
        shown.theme,
        meaning.title,
        legend(shown.theme, meaning, lines, &data, area.width),
    );
    let (bounds, labels) = time_axis(window, points.last().map_or(0.0, |point| point.at));
    plot(
        frame,
        inside,
        shown.theme,
        meaning.format,
        &data,
        (bounds, labels),
    );
}

/// Draws the lines alone, each in the look of its number.
pub(super) fn plot(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    format: fn(f64) -> String,
    data: &[Vec<(f64, f64)>],
    (x_bounds, x_labels): ([f64; 2], Vec<String>),
) {
    if data.iter().all(Vec::is_empty) {
        return panel::nothing(frame, area, theme, "nothing measured yet");
    }
    let values = data.iter().flatten().map(|&(_, value)| value);
    let top = round_up(values.fold(0.0, f64::max));
    let datasets = data
        .iter()
        .enumerate()
        .map(|(n, data)| {
            let look = theme.line(n);
            Dataset::default()
                .data(data)
                .marker(look.marker)
                .style(look.style)
                .graph_type(GraphType::Line)
        })
        .collect();
    let marks: &[f64] = if area.height >= 7 {
        &[0.0, 0.5, 1.0]
    } else {
        &[0.0, 1.0]
    };
    let y_labels: Vec<String> = marks.iter().map(|mark| format(mark * top)).collect();
    let axis =
        |bounds, labels: Vec<String>| Axis::default().bounds(bounds).labels(labels).style(theme.quiet());
    let chart = Chart::new(datasets)
        .legend_position(None)
        .x_axis(axis(x_bounds, x_labels))
        .y_axis(axis([0.0, top], y_labels));
    frame.render_widget(chart, area);
}

/// What the lines mean, with their latest values as far as there is room.
fn legend(
    theme: Theme,
    meaning: &Meaning<'_>,
    lines: &[Line<'_>],
    data: &[Vec<(f64, f64)>],
    width: u16,
) -> Vec<Span<'static>> {
    let room = usize::from(width).saturating_sub(meaning.title.chars().count() + 1);
    let value = |data: &[(f64, f64)]| {
        data.last()
            .map_or_else(|| "-".to_owned(), |&(_, value)| (meaning.format)(value))
    };
    let entries: Vec<Entry> = lines
        .iter()
        .zip(data)
        .enumerate()
        .map(|(n, (line, data))| (theme.line(n), line.name.to_owned(), value(data)))
        .collect();
    entries_within(&entries, room)
}

type Entry = (LineLook, String, String);

/// A legend of sign, name and value for each line: spaced, else close together, else without values.
pub(super) fn entries_within(entries: &[Entry], room: usize) -> Vec<Span<'static>> {
    let spaced = texts(entries, |name, value| format!(" {name} {value}  "));
    let close = texts(entries, |name, value| format!("{name} {value} "));
    let bare = texts(entries, |name, _| format!("{name} "));
    let fits = |texts: &Vec<String>| {
        let signs = entries.len();
        texts.iter().map(|text| text.chars().count()).sum::<usize>() + signs <= room
    };
    let texts = [spaced, close].into_iter().find(fits).unwrap_or(bare);
    let spans = entries.iter().zip(texts);
    spans
        .flat_map(|((look, ..), text)| [Span::styled(look.sign, look.style), Span::raw(text)])
        .collect()
}

fn texts(entries: &[Entry], text: impl Fn(&str, &str) -> String) -> Vec<String> {
    entries.iter().map(|(_, name, value)| text(name, value)).collect()
}

/// From the begin of the window, or of the run if that is later, to `end`.
fn time_axis(window: Option<Duration>, end: f64) -> ([f64; 2], Vec<String>) {
    let (begin, first) = match window {
        Some(window) if end > window.as_secs_f64() => {
            (end - window.as_secs_f64(), format!("-{}m", window.as_secs() / 60))
        }
        _ => (0.0, clock(Duration::ZERO)),
    };
    (
        [begin, end.max(begin + 1.0)],
        vec![first, clock(Duration::from_secs_f64(end.max(0.0)))],
    )
}

/// The next round number that is not less, little enough above it that a chart fills its height.
fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|&step| step >= value)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, end) in [
            (0.0, 1.0),
            (f64::NAN, 1.0),
            (0.031, 0.04),
            (1.0, 1.0),
            (1.01, 1.5),
            (480.0, 500.0),
            (5_001.0, 6_000.0),
            (9_000.0, 10_000.0),
        ] {
            assert!((round_up(value) - end).abs() < 1e-9 * end, "{value}");
        }
    }
}
