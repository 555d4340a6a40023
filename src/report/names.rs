//! The names of counters, trends and the like, as the JSON summary has them.

use serde::Serialize;
use serde_json::Value;

/// `messages_sent` for [`Counter::MessagesSent`](crate::metrics::Counter): one vocabulary for every format.
pub(super) fn name(word: impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(Value::String(name)) => name,
        // Only plain enums are given to this.
        _ => String::new(),
    }
}
