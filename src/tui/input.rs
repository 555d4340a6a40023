//! Which key means what.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a person can do with the view of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// End the run in order; again: at once.
    Quit,
    /// What Ctrl-C does without a view.
    Interrupt,
    /// Pause the load or let it go on.
    Pause,
    /// More load.
    ScaleUp,
    /// Less load.
    ScaleDown,
    /// As much load as the scenario says.
    ScaleReset,
    /// Keep the picture as it is or let it go on.
    Freeze,
    /// The next group.
    NextTab,
    /// The group before.
    PreviousTab,
    /// The page with this number, from 0.
    Page(usize),
    /// The next time window.
    NextWindow,
    /// The next trend.
    NextTrend,
    /// Show or hide the keys.
    Help,
    /// Hide the keys, or let a frozen picture go on.
    Back,
}

/// The keys with their meaning, for the help.
pub(super) const KEYS: [(&str, &str); 12] = [
    ("1 - 5", "page: overview, latency, connections, endings, verdict"),
    (
        "Tab  Shift-Tab",
        "next or previous client group (also right and left)",
    ),
    ("w", "time window of the charts: 1 minute, 5 minutes, whole run"),
    (
        "t",
        "timing in the latency panels: response, service, connect, ...",
    ),
    ("Space  p", "pause the load, and let it go on"),
    ("+  -", "a tenth more or less load"),
    ("0", "as much load as the scenario says"),
    ("f", "freeze the view; the run goes on"),
    (
        "q",
        "quit with the full summary: flows may finish; again: close now",
    ),
    ("Ctrl-C", "close all connections now; again: cut them off"),
    ("?  h", "show or hide this help"),
    ("Esc", "leave this help or a frozen view"),
];

/// The meaning of a key, if it has one.
pub(super) fn action(key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return matches!(key.code, KeyCode::Char('c')).then_some(Action::Interrupt);
    }
    Some(match key.code {
        KeyCode::Char('q') => Action::Quit,
        KeyCode::Char(' ' | 'p') => Action::Pause,
        // The same key without Shift on common keyboards.
        KeyCode::Char('+' | '=') => Action::ScaleUp,
        KeyCode::Char('-' | '_') => Action::ScaleDown,
        KeyCode::Char('0') => Action::ScaleReset,
        KeyCode::Char('f') => Action::Freeze,
        KeyCode::Tab | KeyCode::Right => Action::NextTab,
        KeyCode::BackTab | KeyCode::Left => Action::PreviousTab,
        KeyCode::Char(digit @ '1'..='5') => Action::Page(digit as usize - '1' as usize),
        KeyCode::Char('w') => Action::NextWindow,
        KeyCode::Char('t') => Action::NextTrend,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => Action::Help,
        KeyCode::Esc => Action::Back,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_c_is_no_c_and_a_release_is_nothing() {
        let key = |code, modifiers| action(KeyEvent::new(code, modifiers));
        assert_eq!(
            key(KeyCode::Char('c'), KeyModifiers::CONTROL),
            Some(Action::Interrupt)
        );
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(key(KeyCode::Char('5'), KeyModifiers::NONE), Some(Action::Page(4)));
        assert_eq!(key(KeyCode::Char('6'), KeyModifiers::NONE), None);
        let mut release = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(action(release), None);
    }
}
