//! [`Query`]: the parameters of a request.

use std::borrow::Cow;

use http::{StatusCode, Uri};

use super::refusal::Refusal;

/// What follows the `?`, as forms write it: `name=value` between `&`, percent-encoded, `+` for a blank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The query as it stands in the request.
    pub(crate) const fn new(encoded: &'a str) -> Self {
        Self(encoded)
    }

    /// That of a request's target; empty if it has none.
    pub(crate) fn of(uri: &'a Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// The values of `name`, decoded. What is not UTF-8 becomes the replacement character.
    pub(crate) fn values(self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        form_urlencoded::parse(self.0.as_bytes())
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value)
    }

    /// The first value of `name`, decoded.
    pub(crate) fn value(self, name: &str) -> Option<Cow<'a, str>> {
        self.values(name).next()
    }

    /// The value of `name` as `read` understands it, or `default` if it is not there.
    ///
    /// # Errors
    /// 400: `read` does not understand it. `expected` says what it would.
    pub(crate) fn read<T>(
        self,
        name: &str,
        default: T,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Refusal> {
        match self.value(name) {
            None => Ok(default),
            Some(text) => read(&text).ok_or_else(|| {
                Refusal::new(
                    StatusCode::BAD_REQUEST,
                    format!("`{name}={text}`: expected {expected}"),
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_first_one_stands() {
        let query = Query::new("a=1+2&%61=%C3%A9&b=x=y&c&d=%FF&");
        assert_eq!(query.values("a").collect::<Vec<_>>(), ["1 2", "é"]);
        for (name, value) in [
            ("a", Some("1 2")),
            ("b", Some("x=y")),
            ("c", Some("")),
            ("d", Some("\u{fffd}")),
            ("e", None),
        ] {
            assert_eq!(query.value(name).as_deref(), value, "{name}");
        }
    }
}
