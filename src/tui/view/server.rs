//! The reference server: messages over time, its routes, how connections ended.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Row, Table};

use super::header::clock;
use super::panel::{self, shortened};
use super::{LEAST, chart, columns, has, too_small};
use crate::report::format::{bytes, count, rate};
use crate::tui::frame::Standing;
use crate::tui::server::ServerShown;

pub(in crate::tui) fn draw(frame: &mut Frame<'_>, shown: &ServerShown<'_>) {
    let area = frame.area();
    if !has(area, LEAST) {
        return too_small(frame, area);
    }
    let routes = u16::try_from(shown.picture.frame.routes.len()).unwrap_or(u16::MAX);
    // Half of the screen at most: the list can be scrolled, the other panels cannot.
    let table = routes.saturating_add(2).min(area.height / 2);
    let [head, charts, table, below, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Fill(2),
        Constraint::Length(table),
        Constraint::Fill(2),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_head(frame, head, shown);
    draw_messages(frame, charts, shown);
    draw_routes(frame, table, shown);
    let [left, right] = columns(below);
    draw_codes(frame, left, shown);
    draw_troubles(frame, right, shown);
    let keys = "q stop  f freeze  up/down routes";
    frame.render_widget(Line::styled(keys, shown.theme.quiet()), foot);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, shown: &ServerShown<'_>) {
    let picture = shown.picture;
    let [first, second] = Layout::vertical([Constraint::Length(1); 2]).areas(area);
    let state = match (shown.frozen, picture.frame.stopping) {
        (true, _) => Span::styled(" FROZEN ", shown.theme.chosen()),
        (_, true) => Span::styled(" STOPPING ", shown.theme.chosen()),
        _ => Span::styled("serving", shown.theme.standing(Standing::Good)),
    };
    let time = format!(" {}", clock(picture.frame.elapsed));
    let taken = "wsbench serve ".len() + state.width() + time.len() + 1;
    let room = usize::from(area.width).saturating_sub(taken);
    let addresses = shortened(&shown.brief.addresses.join(" "), room);
    let line = Line::from(vec![
        Span::styled("wsbench serve ", shown.theme.title()),
        Span::raw(format!("{addresses:<room$} ")),
        state,
        Span::raw(time),
    ]);
    frame.render_widget(line, first);
    let per_second = |of| {
        (0..picture.frame.routes.len())
            .map(|route| picture.rate(route, of))
            .sum::<f64>()
    };
    let text = format!(
        "{} open  {} opened  {} refused  in {}/s  out {}/s  {} workers",
        count(picture.sum(|route| route.open)),
        count(picture.sum(|route| route.opened)),
        count(picture.sum(|route| route.refused)),
        bytes(per_second(|route| route.bytes_in)),
        bytes(per_second(|route| route.bytes_out)),
        shown.brief.workers,
    );
    frame.render_widget(Line::raw(text), second);
}

fn draw_messages(frame: &mut Frame<'_>, area: Rect, shown: &ServerShown<'_>) {
    let rates = &shown.picture.rates;
    let last = rates.back().copied().unwrap_or_default();
    let entries: Vec<_> = [("in", last.1), ("out", last.2)]
        .into_iter()
        .enumerate()
        .map(|(n, (name, value))| (shown.theme.line(n), name.to_owned(), rate(value)))
        .collect();
    let legend = chart::entries_within(&entries, usize::from(area.width));
    let inside = panel::titled(frame, area, shown.theme, "messages", legend);
    let data = [
        rates.iter().map(|&(at, value, _)| (at, value)).collect(),
        rates.iter().map(|&(at, _, value)| (at, value)).collect(),
    ];
    let begin = rates.front().map_or(0.0, |point| point.0);
    let label = |seconds: f64| clock(Duration::from_secs_f64(seconds.max(0.0)));
    let axis = (
        [begin, last.0.max(begin + 1.0)],
        vec![label(begin), label(last.0)],
    );
    chart::plot(frame, inside, shown.theme, rate, &data, axis);
}

fn draw_routes(frame: &mut Frame<'_>, area: Rect, shown: &ServerShown<'_>) {
    let picture = shown.picture;
    let all = picture.frame.routes.len();
    let inside = panel::titled(
        frame,
        area,
        shown.theme,
        "routes",
        vec![Span::raw(format!("{all} "))],
    );
    // Those that are in use come first.
    let mut order: Vec<_> = picture.frame.routes.iter().enumerate().collect();
    order.sort_by_key(|(_, route)| route.opened + route.refused == 0);
    let rows = order.into_iter().skip(shown.first_route).map(|(n, route)| {
        let mut cells = vec![Cell::from(shortened(&route.path, 30))];
        cells.extend(
            [
                count(route.open),
                count(route.opened),
                rate(picture.rate(n, |route| route.messages_in)),
                rate(picture.rate(n, |route| route.messages_out)),
                count(route.dropped),
                count(route.slow_consumers),
            ]
            .map(right),
        );
        let style = if route.dropped + route.slow_consumers > 0 {
            shown.theme.standing(Standing::Bad)
        } else {
            Style::new()
        };
        Row::new(cells).style(style)
    });
    let mut heads = vec![Cell::from("path")];
    heads.extend(["open", "opened", "in", "out", "dropped", "slow"].map(|head| right(head.to_owned())));
    let mut widths = vec![Constraint::Fill(1)];
    widths.extend([8, 10, 10, 10, 9, 6].map(Constraint::Length));
    let table = Table::new(rows, widths)
        .header(Row::new(heads).style(shown.theme.quiet()))
        .column_spacing(1);
    frame.render_widget(table, inside);
}

fn draw_codes(frame: &mut Frame<'_>, area: Rect, shown: &ServerShown<'_>) {
    let inside = panel::titled(frame, area, shown.theme, "close codes", Vec::new());
    let mut lines = Vec::new();
    for by in ["server", "client", "nobody"] {
        let mut codes: Vec<(&str, u64)> = Vec::new();
        let closed = shown.picture.frame.routes.iter().flat_map(|route| &route.closed);
        for line in closed.filter(|line| line.by == by && line.count > 0) {
            match codes.iter_mut().find(|(code, _)| *code == line.code) {
                Some((_, n)) => *n += line.count,
                None => codes.push((line.code, line.count)),
            }
        }
        if codes.is_empty() {
            continue;
        }
        let head = Span::styled(format!("by {by:<7}"), shown.theme.quiet());
        let entries = codes
            .into_iter()
            .map(|(code, n)| vec![Span::raw(format!("{code} ×{}  ", count(n)))]);
        lines.extend(panel::wrapped(head, entries.collect(), usize::from(inside.width)));
    }
    if lines.is_empty() {
        return panel::nothing(frame, inside, shown.theme, "no connection has ended yet");
    }
    panel::lines(frame, inside, shown.theme, lines);
}

fn draw_troubles(frame: &mut Frame<'_>, area: Rect, shown: &ServerShown<'_>) {
    let picture = shown.picture;
    let inside = panel::titled(frame, area, shown.theme, "troubles", Vec::new());
    let slow = [
        (
            "messages that slow consumers did not get",
            picture.sum(|route| route.dropped),
        ),
        (
            "slow consumers disconnected",
            picture.sum(|route| route.slow_consumers),
        ),
    ];
    let lines: Vec<Line<'_>> = slow
        .into_iter()
        .chain(picture.frame.failures.iter().copied())
        .filter(|(_, n)| *n > 0)
        .map(|(what, n)| {
            Line::styled(
                format!("{:>9}  {what}", count(n)),
                shown.theme.standing(Standing::Bad),
            )
        })
        .collect();
    if lines.is_empty() {
        return panel::nothing(frame, inside, shown.theme, "none");
    }
    panel::lines(frame, inside, shown.theme, lines);
}

fn right(text: String) -> Cell<'static> {
    Cell::from(Line::from(text).right_aligned())
}
