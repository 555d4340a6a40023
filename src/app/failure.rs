//! [`Failure`]: an error on its way to the user.

use std::fmt::Display;

use crate::exit::ExitCode;

/// A command that could not be carried out: what to tell, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) code: ExitCode,
}

impl Failure {
    /// A scenario, a configuration file or the value of a flag is wrong.
    pub(super) fn configuration(error: impl Display) -> Self {
        Self {
            message: error.to_string(),
            code: ExitCode::BadConfiguration,
        }
    }

    /// The target cannot even be looked for.
    pub(super) fn unreachable(error: impl Display) -> Self {
        Self {
            message: error.to_string(),
            code: ExitCode::TargetUnreachable,
        }
    }

    /// The system refused something.
    pub(super) fn internal(error: impl Display) -> Self {
        Self {
            message: error.to_string(),
            code: ExitCode::Internal,
        }
    }
}
