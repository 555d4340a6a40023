//! Close codes by who sent the first Close frame, and how connections ended.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::panel;
use crate::metrics::{CloseCause, Side};
use crate::report::format::{count, counted};
use crate::tui::frame::Standing;
use crate::tui::run::Shown;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let figures = &shown.group().cumulative;
    let ended: u64 = figures.closed.values().sum();
    let legend = vec![Span::raw(format!("{} ended ", counted(ended, "connection")))];
    let inside = panel::titled(frame, area, shown.theme, "close codes", legend);
    if ended == 0 {
        return panel::nothing(frame, inside, shown.theme, "no connection has ended yet");
    }
    let mut lines = Vec::new();
    for side in Side::ALL {
        let codes = figures.close_codes.by(side);
        let mut entries: Vec<Vec<Span<'_>>> = codes
            .codes
            .iter()
            .map(|(&code, &n)| {
                vec![
                    Span::styled(code_text(code), style(shown, is_ordinary(code))),
                    Span::raw(format!(" ×{}  ", count(n))),
                ]
            })
            .collect();
        if codes.other > 0 {
            entries.push(vec![Span::raw(format!("others ×{}", count(codes.other)))]);
        }
        if !entries.is_empty() {
            let head = Span::styled(format!("by {:<7}", side.label()), shown.theme.quiet());
            lines.extend(panel::wrapped(head, entries, usize::from(inside.width)));
        }
    }
    for cause in CloseCause::ALL {
        let n = figures.closed(cause);
        if n > 0 {
            let ordinary = matches!(
                cause,
                CloseCause::ClientClosed | CloseCause::ServerClosed | CloseCause::ClientDropped
            );
            lines.push(Line::from(vec![
                Span::raw(format!("{:>9}  ", count(n))),
                Span::styled(cause.label(), style(shown, ordinary)),
            ]));
        }
    }
    panel::lines(frame, inside, shown.theme, lines);
}

fn style(shown: &Shown<'_>, ordinary: bool) -> Style {
    if ordinary {
        Style::new()
    } else {
        shown.theme.standing(Standing::Bad)
    }
}

/// Normal closure, going away, and a Close frame without a code.
const fn is_ordinary(code: u16) -> bool {
    matches!(code, 1000 | 1001 | 1005)
}

/// The code with its name in RFC 6455 7.4.1 and the IANA registry.
fn code_text(code: u16) -> String {
    let name = match code {
        1000 => "normal",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported",
        1005 => "no code",
        1006 => "no Close",
        1007 => "invalid data",
        1008 => "policy",
        1009 => "too big",
        1010 => "extension missing",
        1011 => "server error",
        1012 => "restart",
        1013 => "try later",
        1014 => "bad gateway",
        1015 => "TLS",
        _ => return code.to_string(),
    };
    format!("{code} {name}")
}
