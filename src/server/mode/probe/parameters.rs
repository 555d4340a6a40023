//! [`Parameters`]: what a query says, checked.

use std::collections::HashMap;

use http::StatusCode;

use crate::server::http::Refusal;

/// The parameters of a query, decoded.
#[derive(Debug)]
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// Those of a query; the first of a name stands.
    pub(super) fn of(query: &str) -> Self {
        let mut values = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            values.entry(name.into_owned()).or_insert(value.into_owned());
        }
        Self(values)
    }

    /// The parameter as it stands.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parameter as `read` understands it, or `default` if it is not there.
    pub(super) fn read<T>(
        &self,
        name: &str,
        default: T,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Refusal> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => read(text).ok_or_else(|| {
                Refusal::new(
                    StatusCode::BAD_REQUEST,
                    format!("`{name}={text}`: expected {expected}"),
                )
            }),
        }
    }
}
