//! How the durations of a trend lie, since the run began.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::panel;
use crate::metrics::TrendFigures;
use crate::report::format::{count, counted, millis, percent};
use crate::tui::run::Shown;

/// Room for the range and for the share beside the bars.
const LABELS: usize = 8 + 9;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let trend = shown.trend();
    let group = shown.group();
    let spread = group.spreads.get(&trend);
    let total = spread.map_or(0, crate::metrics::Spread::count);
    let title = format!("{} histogram", trend.label());
    let legend = vec![Span::raw(format!("{} ", counted(total, "value")))];
    let inside = panel::titled(frame, area, shown.theme, &title, legend);
    let (Some(spread), Some(figures)) = (spread, group.cumulative.trend(trend)) else {
        return panel::nothing(frame, inside, shown.theme, "nothing measured yet");
    };
    let buckets = spread.buckets(usize::from(inside.height));
    let highest = buckets
        .iter()
        .map(|bucket| bucket.count)
        .max()
        .unwrap_or(1)
        .max(1);
    let room = usize::from(inside.width).saturating_sub(LABELS + 4);
    let lines = buckets.iter().map(|bucket| {
        let bar = bar(bucket.count as f64 / highest as f64, room);
        let padding = " ".repeat(room.saturating_sub(bar.chars().count()));
        let share = if total < 1_000 {
            count(bucket.count)
        } else {
            percent(bucket.count, total)
        };
        Line::from(vec![
            Span::styled(format!("{:>7} ", millis(ms(bucket.from))), shown.theme.quiet()),
            Span::styled(bar, shown.theme.bar()),
            Span::raw(format!("{padding} {share:>7} ")),
            Span::styled(marks(figures, bucket.from, bucket.to), shown.theme.title()),
        ])
    });
    panel::lines(frame, inside, shown.theme, lines.collect());
}

/// The percentile that lies in a bucket; of several the highest.
fn marks(figures: &TrendFigures, from: Duration, to: Duration) -> &'static str {
    let within = |value: f64| (ms(from)..ms(to)).contains(&value);
    [("p99", figures.p99), ("p95", figures.p95), ("p50", figures.med)]
        .into_iter()
        .find(|(_, value)| within(*value))
        .map_or("", |(name, _)| name)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A bar over a share of `room` cells, to an eighth of a cell; never nothing for something.
pub(super) fn bar(share: f64, room: usize) -> String {
    let eighths = (share * room as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { eighths };
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(1.0, 4), "████");
        assert_eq!(bar(0.5, 3), "█▌");
        assert_eq!(bar(1e-9, 4), "▏");
        assert_eq!(bar(0.0, 4), "");
    }
}
