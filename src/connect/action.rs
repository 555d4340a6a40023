//! [`Action`]: what the input asks of the conversation.

use super::command::CommandError;
use crate::wire::CloseCode;

/// What the input asks of the conversation.
#[derive(Debug)]
pub(super) enum Action {
    /// Send a text message.
    Text(String),
    /// Send a binary message.
    Binary(Vec<u8>),
    /// Send a Ping frame.
    Ping(Vec<u8>),
    /// Send a Pong frame.
    Pong(Vec<u8>),
    /// Send a Close frame and end.
    Close {
        /// A code that may be sent.
        code: CloseCode,
        /// At most [`crate::wire::MAX_CLOSE_REASON`] bytes.
        reason: String,
    },
    /// Close as usual and end.
    Quit,
    /// The user pressed Ctrl-C.
    Interrupt,
    /// Show the commands.
    Help,
    /// A line that could not be carried out.
    Refuse(CommandError),
}

#[cfg(test)]
impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}
