//! Help with words that were written wrong: the nearest of those that are known.

/// The entry of `names` that somebody who wrote `written` most likely meant.
#[must_use]
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let limit = 1 + written.chars().count() / 4;
    let score = |name: &'a str| {
        let is_prefix =
            name.len().min(written.len()) >= 3 && (name.starts_with(&written) || written.starts_with(name));
        let distance = distance(&written, name);
        (distance <= limit || is_prefix).then_some((distance, name))
    };
    names
        .into_iter()
        .filter_map(score)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// ``; did you mean `stages`?`` or nothing.
#[must_use]
pub fn suggestion(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// `` `a`, `b`, `c` ``
#[must_use]
pub fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Edits from one word to the other: insert, delete, replace, or swap of two neighbours (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=to.len()).collect();
    for i in 1..=from.len() {
        for j in 1..=to.len() {
            let replace = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_nothing_that_is_far() {
        let names = ["stages", "scenarios", "seed", "send"];
        assert_eq!(nearest("stagse", names), Some("stages"));
        assert_eq!(nearest("Seed", names), Some("seed"));
        assert_eq!(nearest("snd", names), Some("send"));
        assert_eq!(nearest("stages_of_load", names), Some("stages"));
        assert_eq!(nearest("banana", names), None);
    }
}
