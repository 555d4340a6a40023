//! What is always on screen: what runs and how far, how many clients, the tabs; at the foot, keys or the latest news.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::panel::shortened;
use crate::metrics::Counter;
use crate::report::format::{count, counted, rate, short};
use crate::tui::frame::{Stage, Standing};
use crate::tui::run::Shown;
use crate::tui::state::Page;
use crate::tui::theme::Theme;

/// Four lines.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let [title, stages, figures, tabs] = Layout::vertical([Constraint::Length(1); 4]).areas(area);
    draw_title(frame, title, shown);
    draw_stages(frame, stages, shown);
    frame.render_widget(figures_line(shown), figures);
    draw_tabs(frame, tabs, shown);
}

/// The latest news, or what keys there are.
pub(super) fn draw_foot(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    const KEYS: &str = "? help  q quit  space pause  +/- load  f freeze  tab group  1-5 page  w window";
    let width = usize::from(area.width);
    let news = shown.state.notice.as_ref().or(shown.picture.frame.note.as_ref());
    let line = match news {
        Some(news) => Line::styled(shortened(news, width), shown.theme.standing(Standing::Warning)),
        None => Line::styled(shortened(KEYS, width), shown.theme.quiet()),
    };
    frame.render_widget(line, area);
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let theme = shown.theme;
    let total: Duration = shown.brief.stages.iter().map(|stage| stage.length).sum();
    let mut badges = vec![badge(theme, shown)];
    if shown.frozen {
        let at = clock(shown.picture.frame.snapshot.elapsed);
        badges.push(Span::raw(" "));
        badges.push(Span::styled(format!(" FROZEN at {at} "), theme.chosen()));
    }
    let elapsed = clock(shown.live.frame.snapshot.elapsed);
    badges.push(Span::raw(format!(" {elapsed}/{}", clock(total))));
    let right = Line::from(badges);
    let [left_area, right_area] = Layout::horizontal([
        Constraint::Fill(1),
        Constraint::Length(u16::try_from(right.width()).unwrap_or(u16::MAX)),
    ])
    .spacing(1)
    .areas(area);
    let what = format!("{} → {}", shown.brief.name, shown.brief.target);
    let left = Line::from(vec![
        Span::styled("wsbench ", theme.title()),
        Span::raw(shortened(&what, usize::from(left_area.width).saturating_sub(8))),
    ]);
    frame.render_widget(left, left_area);
    frame.render_widget(right, right_area);
}

fn badge(theme: Theme, shown: &Shown<'_>) -> Span<'static> {
    let steering = &shown.live.steering;
    let (text, style) = if shown.live.frame.ended {
        (" ENDED ", theme.chosen())
    } else if steering.ending {
        (" STOPPING ", theme.chosen())
    } else if steering.paused {
        (" PAUSED ", theme.chosen())
    } else {
        ("running", theme.standing(Standing::Good))
    };
    Span::styled(text, style)
}

/// `stage 2/3 2,000 clients ████████│░░░░░│░░ 41%`
fn draw_stages(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let stages = &shown.brief.stages;
    let elapsed = shown.scheduled();
    let total: Duration = stages.iter().map(|stage| stage.length).sum();
    let share = if total.is_zero() {
        1.0
    } else {
        (elapsed.as_secs_f64() / total.as_secs_f64()).min(1.0)
    };
    let text = match current(stages, elapsed) {
        Some(n) => format!("stage {}/{} → {}  ", n + 1, stages.len(), stages[n].goal),
        None => "stages over, flows finish  ".to_owned(),
    };
    let percent = format!(" {:3.0}%", (share * 100.0).floor());
    let taken = text.chars().count() + percent.chars().count();
    let room = usize::from(area.width).saturating_sub(taken);
    let done = (share * room as f64).round() as usize;
    let bar = bar(stages, total, room);
    let (full, empty) = bar.split_at(done.min(room));
    let line = Line::from(vec![
        Span::raw(text),
        Span::styled(
            full.iter()
                .map(|&boundary| if boundary { '┃' } else { '█' })
                .collect::<String>(),
            shown.theme.bar(),
        ),
        Span::styled(
            empty
                .iter()
                .map(|&boundary| if boundary { '│' } else { '░' })
                .collect::<String>(),
            shown.theme.quiet(),
        ),
        Span::raw(percent),
    ]);
    frame.render_widget(line, area);
}

/// The stage that `elapsed` lies in.
fn current(stages: &[Stage], elapsed: Duration) -> Option<usize> {
    let mut end = Duration::ZERO;
    stages.iter().position(|stage| {
        end += stage.length;
        elapsed < end
    })
}

/// For each cell of a bar, whether a stage begins there.
fn bar(stages: &[Stage], total: Duration, room: usize) -> Vec<bool> {
    let mut cells = vec![false; room];
    let mut begin = Duration::ZERO;
    for stage in stages {
        let at = begin.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE) * room as f64;
        if !begin.is_zero()
            && let Some(cell) = cells.get_mut(at as usize)
        {
            *cell = true;
        }
        begin += stage.length;
    }
    cells
}

fn figures_line<'a>(shown: &Shown<'_>) -> Line<'a> {
    let snapshot = &shown.picture.frame.snapshot;
    let (gauges, group) = (&snapshot.gauges, shown.group());
    let whole = &group.cumulative;
    let mut spans = vec![
        Span::raw(format!(
            "clients {}/{}",
            count(gauges.clients_active),
            count(gauges.clients_wanted)
        )),
        Span::raw(format!("  connected {}", count(gauges.connections_open))),
    ];
    let failed = whole.counter(Counter::ConnectFailed);
    let lost = whole.lost();
    for (n, word) in [(failed, "failed"), (lost, "lost")] {
        spans.push(Span::styled(
            format!("  {word} {}", count(n)),
            trouble(shown.theme, n),
        ));
    }
    let errors: u64 = whole.errors.values().map(|error| error.count).sum();
    spans.push(Span::styled(
        format!("  {}", counted(errors, "error")),
        trouble(shown.theme, errors),
    ));
    if let Some(scaled) = scaled(shown) {
        spans.push(Span::styled(
            format!("  {scaled}"),
            shown.theme.standing(Standing::Warning),
        ));
    }
    spans.push(Span::raw(format!(
        "  sent {}",
        rate(group.window.rate(Counter::MessagesSent))
    )));
    Line::from(spans)
}

/// How the load differs from the scenario's.
fn scaled(shown: &Shown<'_>) -> Option<String> {
    let steering = &shown.picture.steering;
    match steering.clients {
        Some(clients) => Some(format!("set to {}", count(clients))),
        None if steering.rate_factor != 1.0 => Some(format!("arrivals ×{}", short(steering.rate_factor))),
        None => None,
    }
}

fn trouble(theme: Theme, n: u64) -> Style {
    if n == 0 {
        Style::new()
    } else {
        theme.standing(Standing::Bad)
    }
}

/// Groups at the left, as many as there is room for; page and window at the right.
fn draw_tabs(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let theme = shown.theme;
    let number = Page::ALL.iter().position(|&page| page == shown.state.page);
    let right = format!(
        "{} {}  {}",
        number.map_or(1, |number| number + 1),
        shown.state.page.label(),
        shown.state.window.label()
    );
    let width = u16::try_from(right.chars().count()).unwrap_or(u16::MAX);
    let [left_area, right_area] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(width)])
        .spacing(1)
        .areas(area);
    let names = std::iter::once("all").chain(
        shown
            .picture
            .frame
            .snapshot
            .groups
            .iter()
            .map(|group| &*group.name),
    );
    let labels: Vec<String> = names.map(|name| format!(" {} ", shortened(name, 20))).collect();
    let first = first_tab(&labels, shown.tab(), usize::from(left_area.width));
    let mut spans = Vec::new();
    if first > 0 {
        spans.push(Span::styled("…", theme.quiet()));
    }
    for (n, label) in labels.into_iter().enumerate().skip(first) {
        let style = if n == shown.tab() {
            theme.chosen()
        } else {
            theme.quiet()
        };
        spans.push(Span::styled(label, style));
    }
    frame.render_widget(Line::from(spans), left_area);
    frame.render_widget(Line::styled(right, theme.quiet()), right_area);
}

/// The first tab to draw so that the chosen one is within `width`.
fn first_tab(labels: &[String], chosen: usize, width: usize) -> usize {
    let mut used = 1;
    let mut first = chosen;
    for (n, label) in labels.iter().enumerate().take(chosen + 1).rev() {
        used += label.chars().count();
        if used > width {
            break;
        }
        first = n;
    }
    first
}

/// `01:05`, `1:00:00`.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 3_600 {
        0 => format!("{:02}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(seconds: &[u64]) -> Vec<Stage> {
        seconds
            .iter()
            .map(|&seconds| Stage {
                length: Duration::from_secs(seconds),
                goal: String::new(),
            })
            .collect()
    }

    #[test]
    fn a_stage_of_no_length_is_never_the_current_one() {
        let stages = stages(&[0, 5, 10]);
        let at = |seconds| current(&stages, Duration::from_secs(seconds));
        assert_eq!(
            [0, 4, 5, 14, 15].map(at),
            [Some(1), Some(1), Some(2), Some(2), None]
        );
    }

    #[test]
    fn boundaries_lie_where_stages_begin() {
        let stages = stages(&[5, 20, 5]);
        let bar = bar(&stages, Duration::from_secs(30), 30);
        let boundaries: Vec<usize> = (0..30).filter(|&cell| bar[cell]).collect();
        assert_eq!(boundaries, [5, 25]);
    }

    #[test]
    fn the_chosen_tab_is_always_in_view() {
        let labels: Vec<String> = (0..20).map(|n| format!(" group {n:2} ")).collect();
        assert_eq!(first_tab(&labels, 0, 40), 0);
        for chosen in 0..20 {
            let first = first_tab(&labels, chosen, 40);
            assert!(first <= chosen && (chosen - first + 1) * 10 < 41);
        }
    }
}
