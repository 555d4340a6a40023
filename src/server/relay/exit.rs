//! [`ExitReason`]: how a process ended.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pid::Pid;
use crate::wire::CloseCode;

/// How a process ended. In JSON `{"kind": "normal"}` or `{"kind": "crashed", "detail": "exit status 3"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "kebab-case")]
pub(crate) enum ExitReason {
    /// Its work was done.
    Normal,
    /// It failed.
    Crashed(Arc<str>),
    /// Somebody, or a link, ended it.
    Killed(Arc<str>),
    /// There was no such process when it was asked for.
    Unknown,
}

impl ExitReason {
    pub(crate) fn crashed(detail: impl fmt::Display) -> Self {
        Self::Crashed(detail.to_string().into())
    }

    pub(crate) fn killed(detail: impl fmt::Display) -> Self {
        Self::Killed(detail.to_string().into())
    }

    /// What a process gets that is linked to one that ended so; nothing if that one's work was done (seed E4).
    pub(crate) fn through_link(&self, from: &Pid) -> Option<Self> {
        (*self != Self::Normal).then(|| Self::killed(format_args!("linked process {from} {self}")))
    }

    /// What the client of a connection is told whose target ended so: close 1001 if its work was done, else 1011
    /// (seed E2).
    pub(crate) fn farewell(&self) -> (CloseCode, &'static str) {
        match self {
            Self::Normal => (CloseCode::GOING_AWAY, "target process ended"),
            Self::Crashed(_) => (CloseCode::INTERNAL, "target process crashed"),
            Self::Killed(_) => (CloseCode::INTERNAL, "target process was killed"),
            Self::Unknown => (CloseCode::INTERNAL, "target process is gone"),
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("ended"),
            Self::Crashed(detail) => write!(f, "crashed: {detail}"),
            Self::Killed(detail) => write!(f, "was killed: {detail}"),
            Self::Unknown => f.write_str("did not exist"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::relay::pid::Node;

    #[test]
    fn e4_reasons_in_json() {
        for (reason, text) in [
            (ExitReason::Normal, json!({"kind": "normal"})),
            (
                ExitReason::crashed("exit status 3"),
                json!({"kind": "crashed", "detail": "exit status 3"}),
            ),
            (
                ExitReason::killed("by hand"),
                json!({"kind": "killed", "detail": "by hand"}),
            ),
            (ExitReason::Unknown, json!({"kind": "unknown"})),
        ] {
            assert_eq!(serde_json::to_value(&reason).unwrap(), text);
            assert_eq!(serde_json::from_value::<ExitReason>(text).unwrap(), reason);
        }
    }

    #[test]
    fn e4_a_normal_end_does_not_pass_through_links() {
        let pid = Node::new("n").pid(1);
        assert_eq!(ExitReason::Normal.through_link(&pid), None);
        for reason in [
            ExitReason::crashed("x"),
            ExitReason::killed("x"),
            ExitReason::Unknown,
        ] {
            assert!(
                matches!(reason.through_link(&pid), Some(ExitReason::Killed(_))),
                "{reason}"
            );
        }
    }
}
