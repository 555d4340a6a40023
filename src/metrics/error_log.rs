//! [`ErrorLog`]: how often each class of error happened, with a few examples of its text.

use super::sample::ErrorClass;

/// How many different texts of a class are kept as examples.
pub const MAX_EXAMPLES: usize = 3;

/// Errors by class: a count and the first [`MAX_EXAMPLES`] different texts of each.
#[derive(Clone, Debug, Default)]
pub struct ErrorLog {
    classes: [ClassLog; ErrorClass::COUNT],
}

#[derive(Clone, Debug, Default)]
struct ClassLog {
    count: u64,
    examples: Vec<String>,
}

impl ErrorLog {
    /// Counts one error; `text` is called for the first few of its class only.
    pub fn add(&mut self, class: ErrorClass, text: impl FnOnce() -> String) {
        let log = &mut self.classes[class as usize];
        if log.count < MAX_EXAMPLES as u64 {
            log.keep(text());
        }
        log.count += 1;
    }

    /// How many errors of `class` happened.
    #[must_use]
    pub const fn count(&self, class: ErrorClass) -> u64 {
        self.classes[class as usize].count
    }

    /// The first few different texts of `class`.
    #[must_use]
    pub fn examples(&self, class: ErrorClass) -> &[String] {
        &self.classes[class as usize].examples
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            mine.count += theirs.count;
            theirs.examples.iter().for_each(|text| mine.keep(text.clone()));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for log in &mut self.classes {
            log.count = 0;
            log.examples.clear();
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.iter().all(|log| log.count == 0)
    }
}

impl ClassLog {
    fn keep(&mut self, text: String) {
        if self.examples.len() < MAX_EXAMPLES && !self.examples.contains(&text) {
            self.examples.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_errors_of_a_class_are_put_into_words() {
        let mut log = ErrorLog::default();
        let mut worded = 0;
        for n in 0..1000 {
            log.add(ErrorClass::Refused, || {
                worded += 1;
                format!("refused {n}")
            });
        }
        assert_eq!((log.count(ErrorClass::Refused), worded), (1000, MAX_EXAMPLES));
        assert_eq!(
            log.examples(ErrorClass::Refused),
            ["refused 0", "refused 1", "refused 2"]
        );
    }

    #[test]
    fn merging_adds_counts_and_keeps_different_texts_only() {
        let mut total = ErrorLog::default();
        for text in ["same", "same", "other", "third", "fourth"] {
            let mut shard = ErrorLog::default();
            shard.add(ErrorClass::Tls, || text.to_owned());
            total.merge(&shard);
        }
        assert_eq!(total.count(ErrorClass::Tls), 5);
        assert_eq!(total.examples(ErrorClass::Tls), ["same", "other", "third"]);
    }
}
