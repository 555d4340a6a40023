//! [`Redactor`]: takes secrets out of everything that is written about a run.
//!
//! What counts as a secret: user information in URLs; values under a name that says so (`token`, `password`,
//! `Authorization`, ...), whether in a query, a header, JSON, YAML or `KEY=VAL`; Bearer and Basic credentials; JSON Web
//! Tokens; private keys. A value that was found under such a name is taken out wherever else it occurs, as in the body
//! of an error answer that repeats it. Rather a word too many is taken out than a secret left in.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::gate::Baseline;
use crate::metrics::Summary;

/// What stands for a secret.
pub const MASK: &str = "***";

/// Values shorter than this are too likely to be part of something harmless to be looked for everywhere.
const SHORTEST_LITERAL: usize = 4;

/// The same of a value that only stands somewhere below such a name, as `HS256` does.
const SHORTEST_VALUE: usize = 8;

/// A number of so many digits may be any close code, port or count of a report: it is masked under its name only.
const LONGEST_FIGURE: usize = 5;

/// Names, or parts of names, whose values are secrets.
const PARTS: &str = "token|secret|passw(?:or)?d|passphrase|credential|authori[sz]ation|cookie|signature|jwt|bearer\
    |session[-_]?(?:id|key)|(?:api|access|private|device|client|shared)[-_]?key";
/// Names that are secrets only as a whole.
const WHOLES: &str = "auth|sig|pwd|pass|sid|ticket|key|code|apikey";

static USER_INFO: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)\b([a-z][a-z0-9+.-]*://)[^/?#\s"'`@]*(?:@[^/?#\s"'`@]*)*@"#));
static QUERY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"(?i)([?&;](?:[\w.-]*(?:{PARTS})[\w.-]*|{WHOLES})=)([^&#;\s"'`]+)"#
    ))
});
/// `name: value`, `name=value`, `"name": "value"`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"(?i)([\w.-]*(?:{PARTS})[\w.-]*\\?["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|\\"[^"]*"|'[^']*'|(?:bearer|basic|digest)\s+[^\s,;}}\]"'`]+|[^\s,;&}}\]"'`]+)"#
    ))
});
/// Headers whose value goes on to the end of the line.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?im)((?:proxy-)?authorization\s*:[ \t]*|(?:set-)?cookie\s*:[ \t]*)([^\n"'`}]+)"#)
});
static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(bearer|basic)([\s,.]+)([A-Za-z0-9._~+/=-]{6,})"));
static WEB_TOKEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"));
static PRIVATE_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)")
});
/// A line of YAML whose key says that its value is a secret: indentation (a list's dash included), key, value.
static YAML_LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"(?i)^(\s*(?:-\s+)*)(["']?(?:[\w.-]*(?:{PARTS})[\w.-]*|auth)["']?\s*:)(?:\s+(.*))?$"#
    ))
});

/// The value of a line of YAML: what follows its key or its dash.
static VALUE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?:^\s*-\s+|:\s+)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s{\[#][^#]*?)\s*(?:#.*)?$"#));
/// `env.NAME` of a template.
static ENVIRONMENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\benv\.([A-Za-z_][A-Za-z0-9_]*)"));
static SECRET_NAME: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("(?i){PARTS}")));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the patterns of this file are tested")
}

/// Takes secrets out of texts.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Secrets that are known, longest first, so that none is taken out in part.
    known: Vec<String>,
}

impl Redactor {
    /// For texts about a run of this scenario, with these variables (`KEY=VAL`) and this target; `environment` gives the
    /// environment variables that the scenario refers to.
    #[must_use]
    pub fn new<'a>(
        scenario: &'a str,
        variables: impl IntoIterator<Item = &'a str>,
        target: &'a str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut known = BTreeSet::new();
        for text in [target, scenario].into_iter().chain(variables) {
            for found in QUERY.captures_iter(text).chain(NAMED.captures_iter(text)) {
                known.extend(literal(&found[2], SHORTEST_LITERAL));
            }
        }
        if let Some(user) = USER_INFO.find(target) {
            let user = user.as_str().rsplit("//").next().unwrap_or_default();
            let passwords = user.trim_end_matches('@').split(':').skip(1);
            known.extend(passwords.filter_map(|password| literal(password, SHORTEST_LITERAL)));
        }
        let (_, hidden) = without_secrets(scenario);
        for line in &hidden {
            known.extend(
                VALUE
                    .captures(line)
                    .and_then(|found| literal(&found[1], SHORTEST_VALUE)),
            );
        }
        let secret_places = hidden.iter().flat_map(|line| ENVIRONMENT.captures_iter(line));
        let secret_names = ENVIRONMENT
            .captures_iter(scenario)
            .filter(|found| SECRET_NAME.is_match(&found[1]));
        for found in secret_places.chain(secret_names) {
            known.extend(environment(&found[1]).and_then(|value| literal(&value, SHORTEST_LITERAL)));
        }
        let mut known: Vec<String> = known.into_iter().collect();
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { known }
    }

    /// `text` without its secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.known {
            clean = clean.replace(secret.as_str(), MASK);
        }
        let clean = PRIVATE_KEY.replace_all(&clean, MASK);
        let clean = USER_INFO.replace_all(&clean, format!("${{1}}{MASK}@"));
        let clean = WEB_TOKEN.replace_all(&clean, MASK);
        let clean = HEADER.replace_all(&clean, format!("${{1}}{MASK}"));
        let clean = QUERY.replace_all(&clean, format!("${{1}}{MASK}"));
        let clean = NAMED.replace_all(&clean, |found: &Captures<'_>| masked(&found[1], &found[2]));
        SCHEME
            .replace_all(&clean, |found: &Captures<'_>| {
                if is_credential(&found[1], &found[3]) {
                    format!("{}{}{MASK}", &found[1], &found[2])
                } else {
                    found[0].to_owned()
                }
            })
            .into_owned()
    }

    /// A scenario without its secrets: also without what stands under a key that names one, over several lines.
    #[must_use]
    pub fn yaml(&self, text: &str) -> String {
        let (lines, _) = without_secrets(text);
        self.text(&(lines.join("\n") + "\n"))
    }

    /// A baseline without secrets in any of its texts.
    ///
    /// # Errors
    ///
    /// None that a baseline can cause; the way through JSON has them in its signature.
    pub fn baseline(&self, baseline: &Baseline) -> Result<Baseline, serde_json::Error> {
        let mut value = serde_json::to_value(baseline)?;
        self.clean(&mut value);
        serde_json::from_value(value)
    }

    /// A summary without secrets in any of its texts.
    ///
    /// # Errors
    ///
    /// None that a summary can cause; the way through JSON has them in its signature.
    pub fn summary(&self, summary: &Summary) -> Result<Summary, serde_json::Error> {
        let mut value = serde_json::to_value(summary)?;
        if let Some(text) = value.pointer_mut("/scenario/text") {
            *text = Value::String(self.yaml(text.as_str().unwrap_or_default()));
        }
        self.clean(&mut value);
        serde_json::from_value(value)
    }

    /// Every text below `value`, whatever field it is in, so that a field that is added later is not forgotten.
    fn clean(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean(item)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    // Encoded counts hold no text, and their letters may look like anything.
                    if name != "histograms" {
                        self.clean(field);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// The lines of a scenario, with the mask for every value under a key that names a secret; and what it stands for.
fn without_secrets(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut secrets) = (Vec::new(), Vec::new());
    // The column of the key whose value is being left out.
    let mut hidden: Option<usize> = None;
    for line in text.lines() {
        let column = line.len() - line.trim_start().len();
        let inside = hidden.is_some_and(|key| {
            line.trim().is_empty() || column > key || column == key && line.trim_start().starts_with("- ")
        });
        if inside {
            secrets.push(line.to_owned());
            continue;
        }
        hidden = None;
        let Some(found) = YAML_LINE.captures(line) else {
            lines.push(line.to_owned());
            continue;
        };
        hidden = Some(found[1].len());
        secrets.push(line.to_owned());
        lines.push(format!("{}{} {MASK}", &found[1], &found[2]));
    }
    (lines, secrets)
}

/// The mask in the quotes of what it replaces, so that JSON and YAML stay what they are.
fn masked(name: &str, value: &str) -> String {
    let quote = match value.as_bytes() {
        [b'"', ..] => "\"",
        [b'\\', ..] => "\\\"",
        [b'\'', ..] => "'",
        _ => "",
    };
    format!("{name}{quote}{MASK}{quote}")
}

/// A value that is worth being looked for elsewhere: none that a template makes, and none that is too short.
fn literal(value: &str, shortest: usize) -> Option<String> {
    let value = value.trim_matches(['"', '\'', '\\']);
    let value = value
        .split_once(' ')
        .filter(|(scheme, _)| ["bearer", "basic"].contains(&scheme.to_lowercase().as_str()))
        .map_or(value, |(_, credential)| credential);
    let is_figure = value.len() <= LONGEST_FIGURE && value.bytes().all(|byte| byte.is_ascii_digit());
    (value.len() >= shortest && !is_figure && !value.contains("${") && value != MASK)
        .then(|| value.to_owned())
}

/// `Bearer` is followed by a credential; `basic` may just be a word.
fn is_credential(scheme: &str, word: &str) -> bool {
    scheme.eq_ignore_ascii_case("bearer") && word.len() >= 16
        || word.contains(|c: char| c.is_ascii_digit() || c == '=')
        || word.chars().skip(1).any(|c| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests;
