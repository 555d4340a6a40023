//! [`Theme`]: colours and marks.
//!
//! The colours are those of Okabe and Ito, which people with any common colour blindness can tell apart, in the nearest
//! values of the 256-colour palette or, on terminals that have less, among the named colours. No meaning rests on colour
//! alone: every verdict has a sign and a word, and every line of a chart a shape of its own.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;

use super::frame::Standing;

/// How things look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    palette: Palette,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Palette {
    Mono,
    Named,
    Indexed,
}

/// A line of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineLook {
    pub(super) style: Style,
    pub(super) marker: Marker,
    /// What the legend shows.
    pub(super) sign: &'static str,
}

impl Theme {
    /// Without any colour.
    pub const MONO: Self = Self {
        palette: Palette::Mono,
    };
    /// With colours that every colour-blind person can tell apart.
    pub const COLOUR: Self = Self {
        palette: Palette::Indexed,
    };

    /// By the environment: `NO_COLOR` if it is not empty, `COLORTERM` and `TERM`.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let rich = set("COLORTERM").is_some() || set("TERM").is_some_and(|term| term.contains("256color"));
        let palette = match (set("NO_COLOR"), rich) {
            (Some(_), _) => Palette::Mono,
            (None, true) => Palette::Indexed,
            (None, false) => Palette::Named,
        };
        Self { palette }
    }

    fn pick(self, indexed: u8, named: Color) -> Style {
        match self.palette {
            Palette::Mono => Style::new(),
            Palette::Named => Style::new().fg(named),
            Palette::Indexed => Style::new().fg(Color::Indexed(indexed)),
        }
    }

    /// Line `n` of a chart.
    pub(super) fn line(self, n: usize) -> LineLook {
        let (indexed, named, marker, sign) = match n {
            0 => (75, Color::LightBlue, Marker::Braille, "⠒"),
            1 => (214, Color::Yellow, Marker::Dot, "•"),
            _ => (175, Color::LightMagenta, Marker::Custom('+'), "+"),
        };
        LineLook {
            style: self.pick(indexed, named),
            marker,
            sign,
        }
    }

    /// Bars of a histogram or of progress.
    pub(super) fn bar(self) -> Style {
        self.pick(75, Color::LightBlue)
    }

    /// What is less important: labels, axes.
    pub(super) fn quiet(self) -> Style {
        match self.palette {
            Palette::Mono | Palette::Named => Style::new().add_modifier(Modifier::DIM),
            Palette::Indexed => Style::new().fg(Color::Indexed(245)),
        }
    }

    /// Titles.
    pub(super) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The chosen tab, badges.
    pub(super) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// What to think of something.
    pub(super) fn standing(self, standing: Standing) -> Style {
        match standing {
            Standing::Unknown => self.quiet(),
            Standing::Good => self.pick(36, Color::Cyan),
            Standing::Warning => self.pick(220, Color::Yellow),
            // Vermillion, and bold where there is no colour.
            Standing::Bad => self.pick(202, Color::LightRed).add_modifier(Modifier::BOLD),
        }
    }

    /// The sign of a standing.
    pub(super) const fn sign(standing: Standing) -> &'static str {
        match standing {
            Standing::Unknown => "·",
            Standing::Good => "✓",
            Standing::Warning => "!",
            Standing::Bad => "✗",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme(variables: &[(&str, &str)]) -> Theme {
        Theme::from_environment(|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides() {
        assert_eq!(theme(&[("TERM", "xterm-256color")]), Theme::COLOUR);
        assert_eq!(theme(&[("COLORTERM", "truecolor")]), Theme::COLOUR);
        assert_eq!(
            theme(&[("NO_COLOR", "1"), ("TERM", "xterm-256color")]),
            Theme::MONO
        );
        assert_eq!(
            theme(&[("NO_COLOR", ""), ("TERM", "xterm-256color")]),
            Theme::COLOUR
        );
        assert_ne!(theme(&[("TERM", "linux")]), Theme::MONO);
    }

    #[test]
    fn without_colour_there_is_none_and_lines_still_differ() {
        let plain = |style: Style| style.fg.is_none() && style.bg.is_none();
        let lines = [0, 1, 2].map(|n| Theme::MONO.line(n));
        assert!(lines.iter().all(|line| plain(line.style)));
        assert_ne!(lines[0].marker, lines[1].marker);
        assert_ne!(lines[1].marker, lines[2].marker);
        assert_ne!(lines[0].marker, lines[2].marker);
        for standing in [
            Standing::Unknown,
            Standing::Good,
            Standing::Warning,
            Standing::Bad,
        ] {
            assert!(plain(Theme::MONO.standing(standing)));
        }
    }
}
