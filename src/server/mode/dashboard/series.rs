//! Made-up series: figures that move like those of a larger system, so that ticks have a realistic size.

use std::fmt::Write;
use std::ops::Range;

/// Names in the order of the series; from the second round on they get a number.
const NAMES: [&str; 12] = [
    "cpu.user",
    "cpu.system",
    "load.1m",
    "memory.used",
    "disk.read",
    "disk.write",
    "net.in",
    "net.out",
    "http.requests",
    "http.errors",
    "latency.p50",
    "latency.p99",
];

/// The name of a series.
pub(super) fn name(index: usize) -> String {
    let name = NAMES[index % NAMES.len()];
    match index / NAMES.len() {
        0 => name.to_owned(),
        round => format!("{name}.{round}"),
    }
}

/// The value of a series at a time, in milliseconds: a wave with noise, between 0 and 100, to two decimals.
pub(super) fn value(index: usize, millis: u64) -> f64 {
    let period = 20_000 + 7_919 * (index as u64 % 97);
    let phase = (millis % period) as f64 / period as f64;
    let wave = 40.0 * (phase * std::f64::consts::TAU).sin();
    let noise = (mix(millis ^ ((index as u64) << 48)) % 2_000) as f64 / 100.0 - 10.0;
    ((50.0 + wave + noise) * 100.0).round() / 100.0
}

/// Spreads the bits of a number over all others.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    bits = (bits ^ (bits >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    bits ^ (bits >> 32)
}

/// All series at a moment, as JSON members with commas between.
#[derive(Debug, Default)]
pub(super) struct Members {
    text: String,
    /// Where each member is.
    places: Vec<Range<usize>>,
}

impl Members {
    /// Writes the values of the series `names` at a time, in place of those before.
    pub(super) fn update(&mut self, names: &[String], millis: u64) {
        self.text.clear();
        self.places.clear();
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            let start = self.text.len();
            // Writing to a string cannot fail.
            let _ = write!(self.text, "\"{name}\":{}", value(index, millis));
            self.places.push(start..self.text.len());
        }
    }

    /// Every member.
    pub(super) fn all(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Appends the chosen members.
    pub(super) fn append(&self, chosen: &[u16], out: &mut Vec<u8>) {
        for (turn, &index) in chosen.iter().enumerate() {
            let Some(place) = self.places.get(usize::from(index)) else {
                continue;
            };
            if turn > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&self.text.as_bytes()[place.clone()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_series_has_a_name_of_its_own() {
        let names: HashSet<_> = (0..1_000).map(name).collect();
        assert_eq!(names.len(), 1_000);
        assert!(names.contains("cpu.user") && names.contains("cpu.user.1"));
    }

    #[test]
    fn values_move_between_0_and_100() {
        let values: Vec<_> = (0..1_000).map(|tick| value(3, tick * 250)).collect();
        assert!(values.iter().all(|value| (0.0..=100.0).contains(value)));
        assert!(
            values.iter().any(|value| *value < 20.0) && values.iter().any(|value| *value > 80.0),
            "{values:?}"
        );
    }

    #[test]
    fn members_are_json() {
        let names: Vec<_> = (0..5).map(name).collect();
        let mut members = Members::default();
        members.update(&names, 1_763_680_304_123);
        let text = format!("{{{}}}", std::str::from_utf8(members.all()).unwrap());
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut some = b"{".to_vec();
        members.append(&[1, 4], &mut some);
        some.push(b'}');
        let some: serde_json::Value = serde_json::from_slice(&some).unwrap();
        assert_eq!(all.as_object().unwrap().len(), 5);
        assert_eq!(
            some,
            serde_json::json!({"cpu.system": all["cpu.system"], "disk.read": all["disk.read"]})
        );
    }
}
