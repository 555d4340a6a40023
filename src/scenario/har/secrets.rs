//! What must not stand in a file that is passed on: tokens, cookies, passwords.

use std::collections::BTreeMap;

use serde_json::Value;

/// Parts of names behind which secrets stand.
const TELLING: [&str; 14] = [
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "auth",
    "cookie",
    "session",
    "jwt",
    "apikey",
    "api-key",
    "api_key",
    "credential",
    "signature",
];

/// Whole names of that kind.
const NAMES: [&str; 5] = ["key", "sid", "sig", "code", "pass"];

/// Secrets by the name of the variable that stands for each.
#[derive(Default)]
pub(super) struct Secrets {
    keep: bool,
    /// Value to name.
    found: BTreeMap<String, String>,
}

impl Secrets {
    pub(super) fn new(keep: bool) -> Self {
        Self {
            keep,
            found: BTreeMap::new(),
        }
    }

    /// Names and values of what was replaced.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.found.values().map(String::as_str)
    }

    /// The value as a template: itself, or a variable if its name or its look tell that it is a secret.
    pub(super) fn guard(&mut self, name: &str, value: &str) -> String {
        if self.keep || value.is_empty() || !(is_telling(name) || is_token(value)) {
            return literal(value);
        }
        format!("${{{}}}", self.variable(name, value))
    }

    /// The same for a text message, which may be JSON with secrets in it.
    pub(super) fn guard_message(&mut self, text: &str) -> String {
        if self.keep {
            return literal(text);
        }
        let mut secrets = Vec::new();
        match serde_json::from_str::<Value>(text) {
            Ok(value) => collect(&value, "", &mut secrets),
            Err(_) if is_token(text) => secrets.push(("token".to_owned(), text.to_owned())),
            Err(_) => {}
        }
        let mut guarded = literal(text);
        // The longest first: one may be a part of another.
        secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        for (name, value) in secrets {
            let variable = self.variable(&name, &value);
            let quoted = Value::from(literal(&value)).to_string();
            let whole = format!("\"${{{variable}}}\"");
            guarded = if text == value {
                format!("${{{variable}}}")
            } else {
                guarded.replace(&quoted, &whole)
            };
        }
        guarded
    }

    fn variable(&mut self, name: &str, value: &str) -> String {
        if let Some(variable) = self.found.get(value) {
            return variable.clone();
        }
        let base: String = name
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let base = format!("recorded_{}", base.trim_matches('_'));
        let mut variable = base.clone();
        let mut number = 2;
        while self.found.values().any(|taken| *taken == variable) {
            variable = format!("{base}_{number}");
            number += 1;
        }
        self.found.insert(value.to_owned(), variable.clone());
        variable
    }
}

/// Text in which nothing is an expression.
pub(super) fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

fn is_telling(name: &str) -> bool {
    let name = name.to_lowercase();
    NAMES.contains(&name.as_str()) || TELLING.iter().any(|part| name.contains(part))
}

/// Whether it looks like a JSON Web Token.
fn is_token(value: &str) -> bool {
    let value = value.strip_prefix("Bearer ").unwrap_or(value);
    value.len() > 40 && value.starts_with("eyJ") && value.split('.').count() == 3
}

/// Every string of a JSON value that is a secret, with the name it stands under.
fn collect(value: &Value, name: &str, secrets: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if !text.is_empty() && (is_telling(name) || is_token(text)) => {
            let name = if name.is_empty() { "token" } else { name };
            secrets.push((name.to_owned(), text.clone()));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, secrets)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| collect(value, name, secrets)),
        _ => {}
    }
}
