//! [`Chart`]: lines over time or over percentiles, drawn as SVG by `plotters`.
//!
//! Every colour that is drawn is one of [`INKS`] or [`LINES`], and the page's style sheet gives each its look by day, by
//! night and on paper. So the picture is drawn once, and it is legible even without the style sheet.

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::report::ReportError;

/// Units of the picture; the page scales it.
const SIZE: (u32, u32) = (480, 250);
const FONT: (&str, u32) = ("sans-serif", 15);
const MARGIN: u32 = 8;
const LEFT: u32 = 62;
const BOTTOM: u32 = 28;
const TICKS: usize = 5;

/// Text and axes; grid.
const INKS: [RGBColor; 2] = [RGBColor(0x44, 0x44, 0x45), RGBColor(0xdd, 0xdd, 0xde)];
/// Lines, told apart by their dashes too: see the style sheet.
const LINES: [RGBColor; 4] = [
    RGBColor(0x00, 0x5f, 0xa8),
    RGBColor(0xb8, 0x4a, 0x00),
    RGBColor(0x00, 0x77, 0x52),
    RGBColor(0x88, 0x39, 0x8e),
];

/// A picture of up to four lines.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// What it shows, for those who cannot see it.
    pub(super) description: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
}

/// A line; where nothing was measured it is broken.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, Option<f64>)>,
}

/// How values are placed and written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) scale: Scale,
    pub(super) label: fn(f64) -> String,
}

/// How values are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Evenly, from zero.
    Linear,
    /// By their magnitude, if they differ by more than one; zero has no place then.
    Logarithmic,
}

impl Chart {
    /// Whether there is more to see than a point or nothing at all.
    pub(super) fn is_worth_it(&self) -> bool {
        self.lines.iter().any(|line| {
            let values = line.points.iter().filter_map(|(_, y)| *y);
            values.clone().count() > 1 && values.clone().any(|y| y > 0.0)
        })
    }

    /// The picture as an `svg` element without any attribute but its `viewBox`.
    pub(super) fn svg(&self) -> Result<String, ReportError> {
        let mut text = String::new();
        self.draw(&mut text).map_err(|error| ReportError::Chart {
            chart: self.title.to_owned(),
            reason: error.to_string(),
        })?;
        // The library's head has a fixed size and a name space that HTML does not need.
        let body = text
            .find("<svg")
            .and_then(|at| text[at..].find('>').map(|end| at + end + 1));
        let body = body.map_or("", |at| &text[at..]);
        Ok(format!(
            "<svg viewBox=\"0 0 {} {}\" aria-hidden=\"true\">{body}",
            SIZE.0, SIZE.1
        ))
    }

    fn draw(&self, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
        let (x, y) = (self.range(|(x, _)| Some(x)), self.range(|(_, y)| y));
        let wide = self.y.scale == Scale::Logarithmic && y.lowest > 0.0 && y.highest / y.lowest > 10.0;
        let x = x.lowest.min(0.0)..x.highest;
        if wide {
            let y = (y.lowest * 0.8..y.highest * 1.25).log_scale();
            self.plot(&area, x, y)?;
        } else {
            let top = if y.highest > 0.0 { y.highest * 1.05 } else { 1.0 };
            self.plot(&area, x, 0.0..top)?;
        }
        area.present()?;
        Ok(())
    }

    fn plot<Y>(
        &self,
        area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        x: std::ops::Range<f64>,
        y: Y,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .margin_right(MARGIN * 3)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, BOTTOM)
            .build_cartesian_2d(x, y)?;
        let font = FONT.into_font().color(&INKS[0]);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(INKS[1])
            .light_line_style(TRANSPARENT)
            .max_light_lines(0)
            .axis_style(INKS[0])
            .label_style(font)
            .x_labels(TICKS + 1)
            .y_labels(TICKS)
            .x_label_formatter(&|value| (self.x.label)(*value))
            .y_label_formatter(&|value| (self.y.label)(*value))
            .draw()?;
        for (line, colour) in self.lines.iter().zip(LINES) {
            let style = colour.stroke_width(2);
            for piece in line.pieces() {
                if let [alone] = piece[..] {
                    chart.draw_series([Circle::new(alone, 2, colour.filled())])?;
                } else {
                    chart.draw_series(LineSeries::new(piece, style))?;
                }
            }
        }
        Ok(())
    }

    fn range(&self, value: impl Fn((f64, Option<f64>)) -> Option<f64>) -> Range {
        let values = self
            .lines
            .iter()
            .flat_map(|line| &line.points)
            .filter_map(|&point| value(point));
        let range = values.fold(
            Range {
                lowest: f64::INFINITY,
                highest: f64::NEG_INFINITY,
            },
            |range, value| Range {
                lowest: range.lowest.min(value),
                highest: range.highest.max(value),
            },
        );
        if range.lowest < range.highest {
            range
        } else {
            // A picture needs some extent, even of nothing.
            let lowest = if range.lowest.is_finite() {
                range.lowest
            } else {
                0.0
            };
            Range {
                lowest,
                highest: lowest + 1.0,
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Range {
    lowest: f64,
    highest: f64,
}

impl Line {
    /// The stretches in which something was measured.
    fn pieces(&self) -> Vec<Vec<(f64, f64)>> {
        self.points
            .split(|(_, y)| y.is_none())
            .filter(|piece| !piece.is_empty())
            .map(|piece| piece.iter().filter_map(|&(x, y)| Some((x, y?))).collect())
            .collect()
    }

    /// Lowest and highest value.
    pub(super) fn extent(&self) -> Option<(f64, f64)> {
        let values = self.points.iter().filter_map(|(_, y)| *y);
        values.fold(None, |extent, value| {
            let (low, high) = extent.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, Option<f64>)>, scale: Scale) -> Chart {
        Chart {
            title: "a title",
            description: String::new(),
            x: Axis {
                scale: Scale::Linear,
                label: |value| format!("x{value}"),
            },
            y: Axis {
                scale,
                label: |value| format!("y{value}"),
            },
            lines: vec![Line { name: "a", points }],
        }
    }

    #[test]
    fn only_colours_that_the_style_sheet_knows_are_drawn() {
        let sheet = include_str!("style.css").to_lowercase();
        let svg = chart(
            vec![
                (0.0, Some(1.0)),
                (1.0, Some(500.0)),
                (2.0, None),
                (3.0, Some(7.0)),
            ],
            Scale::Logarithmic,
        )
        .svg()
        .unwrap()
        .to_lowercase();
        let colours: Vec<&str> = svg.split('"').filter(|part| part.starts_with('#')).collect();
        assert!(!colours.is_empty());
        for colour in colours {
            assert!(sheet.contains(colour), "{colour} has no rule");
        }
        for colour in LINES {
            let colour = format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2);
            assert!(sheet.contains(&colour), "{colour} has no rule");
        }
    }

    #[test]
    fn a_line_is_broken_where_nothing_was_measured() {
        let svg = chart(
            vec![
                (0.0, Some(1.0)),
                (1.0, Some(2.0)),
                (2.0, None),
                (3.0, Some(2.0)),
                (4.0, None),
            ],
            Scale::Linear,
        )
        .svg()
        .unwrap();
        let stroke = "stroke=\"#005FA8\"";
        assert_eq!(
            svg.matches(&format!("<polyline fill=\"none\" opacity=\"1\" {stroke}"))
                .count(),
            1,
            "{svg}"
        );
        assert_eq!(svg.matches("<circle").count(), 1);
    }

    #[test]
    fn no_run_is_too_odd_to_be_drawn() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            for points in [
                vec![],
                vec![(0.0, None)],
                vec![(5.0, Some(0.0))],
                vec![(0.0, Some(0.0)), (0.0, Some(0.0))],
                vec![(0.0, Some(1e-9)), (1.0, Some(1e12))],
            ] {
                let svg = chart(points, scale).svg().unwrap();
                assert!(svg.starts_with("<svg viewBox") && svg.trim_end().ends_with("</svg>"));
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
