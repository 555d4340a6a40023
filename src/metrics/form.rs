//! [`Form`]: documents of JSON that say in `schema` what they are, and why one cannot be read.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One kind of document, as wsbench writes and reads it.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Name and version, as `schema` has them. A field that is added keeps the version; one that is removed or changes
    /// its meaning makes a new one.
    pub schema: &'static str,
    /// What people call such a document, with its article.
    pub what: &'static str,
    /// What makes one.
    pub maker: &'static str,
    /// What to do about one that cannot be used.
    pub remedy: &'static str,
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// The text breaks off.
    #[error("it breaks off in the middle ({source}); {}", .form.remedy)]
    Truncated {
        /// What was expected.
        form: Form,
        /// Where the text ends.
        source: serde_json::Error,
    },
    /// It is not JSON, or something else.
    #[error("it is not {} ({source}); {} makes one", .form.what, .form.maker)]
    Malformed {
        /// What was expected.
        form: Form,
        /// What was found instead.
        source: serde_json::Error,
    },
    /// It has another form.
    #[error("it has the form `{found}`, and this wsbench reads `{}`; {}", .form.schema, .form.remedy)]
    Other {
        /// What was expected.
        form: Form,
        /// What the document calls its form.
        found: String,
    },
}

impl Form {
    /// Reads a document of this form.
    ///
    /// # Errors
    ///
    /// If the text breaks off, is something else, or has another form.
    pub fn read<T: DeserializeOwned>(self, text: &str) -> Result<T, FormError> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let Head { schema } = serde_json::from_str(text).map_err(|source| self.wrong(source))?;
        if schema != self.schema {
            return Err(FormError::Other {
                form: self,
                found: schema,
            });
        }
        serde_json::from_str(text).map_err(|source| self.wrong(source))
    }

    fn wrong(self, source: serde_json::Error) -> FormError {
        if source.is_eof() {
            FormError::Truncated { form: self, source }
        } else {
            FormError::Malformed { form: self, source }
        }
    }
}
