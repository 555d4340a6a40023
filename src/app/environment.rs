//! The environment variables that scenarios can refer to.

use std::collections::BTreeMap;

/// All variables of the process's environment that are text.
pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
