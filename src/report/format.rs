//! Numbers as people read them: `148ms`, `59,800`, `5.9 MB/s`.

/// A duration in milliseconds, to three significant digits: `350ns`, `35µs`, `1.2ms`, `148ms`, `2.05s`, `1m30s`.
pub(crate) fn millis(value: f64) -> String {
    if value <= 0.0 {
        return "0s".to_owned();
    }
    let nanos = three_digits(value * 1e6);
    if nanos >= 60e9 {
        return minutes((value / 1e3).round() as u64);
    }
    let (per, unit) = match nanos {
        ..1e3 => (1.0, "ns"),
        1e3..1e6 => (1e3, "µs"),
        1e6..1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{}{unit}", short(nanos / per))
}

/// A duration in seconds.
pub(crate) fn seconds(value: f64) -> String {
    millis(value * 1e3)
}

fn minutes(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, seconds) {
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

/// A count with thousands separated: `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 connection`, `2,000 connections`.
pub(crate) fn counted(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Events per second: `1,993/s`, `66.7/s`.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second >= 1e3 {
        format!("{}/s", count(per_second.round() as u64))
    } else {
        format!("{}/s", short(three_digits(per_second)))
    }
}

/// Bytes on the wire in powers of 1000, as rates are quoted: `5.9 MB`.
pub(crate) fn bytes(n: f64) -> String {
    scaled(n, 1e3, ["B", "kB", "MB", "GB", "TB"])
}

/// Memory in powers of 1024: `24.1 MiB`.
pub(crate) fn memory(n: f64) -> String {
    scaled(n, 1024.0, ["B", "KiB", "MiB", "GiB", "TiB"])
}

fn scaled(n: f64, step: f64, units: [&str; 5]) -> String {
    let mut value = n.max(0.0);
    let mut units = units.into_iter();
    let mut unit = units.next().unwrap_or_default();
    // 999.95 would be printed as 1000.
    while value >= step - 0.5
        && let Some(next) = units.next()
    {
        value /= step;
        unit = next;
    }
    format!("{} {unit}", short(three_digits(value)))
}

/// A share as a percentage: `98.6%`; only all is `100%` and only nothing is `0%`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0%".to_owned();
    }
    if part >= whole {
        return "100%".to_owned();
    }
    let share = part as f64 / whole as f64 * 100.0;
    format!(
        "{}%",
        short((share * 100.0).round() / 100.0)
            .parse::<f64>()
            .map_or(share, |share| share.clamp(0.01, 99.99))
    )
}

/// The value with at most two decimals, none of them a trailing zero.
pub(crate) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The value to three significant digits.
fn three_digits(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 0.0;
    }
    let exponent = 2 - value.log10().floor() as i32;
    // Two steps, because a negative power of ten is not exact in binary.
    if exponent >= 0 {
        let factor = 10_f64.powi(exponent);
        (value * factor).round() / factor
    } else {
        let factor = 10_f64.powi(-exponent);
        (value / factor).round() * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_the_unit_that_fits() {
        for (value, text) in [
            (0.0, "0s"),
            (0.000_001, "1ns"),
            (0.000_35, "350ns"),
            (0.035, "35µs"),
            (0.999_96, "1ms"),
            (1.2, "1.2ms"),
            (12.345, "12.3ms"),
            (148.4, "148ms"),
            (999.7, "1s"),
            (2_051.0, "2.05s"),
            (59_990.0, "1m"),
            (90_000.0, "1m30s"),
            (3_600_000.0, "1h0m"),
        ] {
            assert_eq!(millis(value), text);
        }
    }

    #[test]
    fn counts_rates_and_sizes_read_as_people_write_them() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0.0, 0.25, 66.666, 1_993.4, 50_000.0].map(rate),
            ["0/s", "0.25/s", "66.7/s", "1,993/s", "50,000/s"]
        );
        assert_eq!(
            [0.0, 999.0, 999.9, 5_930_000.0].map(bytes),
            ["0 B", "999 B", "1 kB", "5.93 MB"]
        );
        assert_eq!(
            [512.0, 1_023.9, 25_270_000.0].map(memory),
            ["512 B", "1 KiB", "24.1 MiB"]
        );
        assert_eq!(
            counted(1, "client") + &counted(2_000, "client"),
            "1 client2,000 clients"
        );
    }

    #[test]
    fn a_share_is_rounded_to_all_or_nothing_only_if_it_is() {
        let shares = [
            (0, 5),
            (5, 5),
            (1, 3),
            (1, 1_000_000),
            (999_999, 1_000_000),
            (0, 0),
        ];
        assert_eq!(
            shares.map(|(part, whole)| percent(part, whole)),
            ["0%", "100%", "33.33%", "0.01%", "99.99%", "0%"]
        );
    }
}
