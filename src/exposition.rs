//! [`Exposition`]: figures in Prometheus's text format 0.0.4.

use std::fmt::{Display, Write as _};

/// The media type that Prometheus asks for.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page in the making.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// The whole page.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }

    /// Announces a family; its samples follow.
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One line.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{open}{label}=\"{}\"", escape(text));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }

    /// A counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// The samples of one histogram: `buckets` are upper bounds, of which the last is infinite, and how many lie between
    /// each and the one before it.
    pub fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        buckets: impl IntoIterator<Item = (f64, u64)>,
        sum: f64,
    ) {
        let (bucket, mut total) = (format!("{name}_bucket"), 0);
        for (bound, count) in buckets {
            total += count;
            let bound = match bound {
                f64::INFINITY => "+Inf".to_owned(),
                bound => bound.to_string(),
            };
            self.sample(&bucket, &[labels, &[("le", &bound)]].concat(), total);
        }
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, total);
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Fails on a sample that does not belong to the family announced before it, and on a value that is no number.
#[cfg(test)]
pub(crate) fn check(page: &str) {
    let (mut family, mut parts): (_, &[&str]) = ("", &[]);
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split_once(' ').unwrap().0;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!((name, kind == "counter"), (family, name.ends_with("_total")));
            parts = match kind {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
        } else {
            let name = line.split(['{', ' ']).next().unwrap();
            let part = name.strip_prefix(family).unwrap();
            assert!(parts.contains(&part), "{line}");
            assert!(line.rsplit_once(' ').unwrap().1.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut page = Exposition::default();
        page.sample("a", &[("x", "a\"b\\c\nd"), ("y", "")], 1.5);
        assert_eq!(page.into_text(), "a{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 1.5\n");
    }

    #[test]
    fn a_histogram_is_cumulative_and_ends_in_its_count() {
        let mut page = Exposition::default();
        page.head("t_seconds", "histogram", "T.");
        let buckets = [(0.000_005, 0), (0.000_01, 2), (1.0, 0), (f64::INFINITY, 1)];
        page.histogram("t_seconds", &[("a", "b")], buckets, 5.000_015);
        let text = page.into_text();
        check(&text);
        assert_eq!(
            text,
            "\
# HELP t_seconds T.
# TYPE t_seconds histogram
t_seconds_bucket{a=\"b\",le=\"0.000005\"} 0
t_seconds_bucket{a=\"b\",le=\"0.00001\"} 2
t_seconds_bucket{a=\"b\",le=\"1\"} 2
t_seconds_bucket{a=\"b\",le=\"+Inf\"} 3
t_seconds_sum{a=\"b\"} 5.000015
t_seconds_count{a=\"b\"} 3
"
        );
    }
}
