//! A browser's recording (HTTP Archive 1.2 with Chrome's `_webSocketMessages`) to a scenario.
//!
//! | file | purpose |
//! |---|---|
//! | `recording` | what a recording says: its sockets and their messages |
//! | `secrets` | what must not stand in a file that is passed on |
//! | `flow` | messages to steps: what answers what, pauses, rounds |
//! | `write` | steps to YAML |

mod flow;
mod recording;
mod secrets;
#[cfg(test)]
mod tests;
mod write;

pub use recording::HarError;

use recording::sockets;
use write::Writer;

/// How a recording is turned into a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HarOptions {
    /// Write tokens, cookies and passwords as they are, instead of variables.
    pub keep_secrets: bool,
}

/// The scenario of a recording as YAML. `name` is what it will be called.
///
/// # Errors
/// The text is no recording, or no WebSocket traffic is in it.
pub fn import_har(name: &str, har: &str, options: HarOptions) -> Result<String, HarError> {
    let sockets = sockets(har)?;
    Ok(Writer::new(options.keep_secrets).scenario(name, &sockets))
}
