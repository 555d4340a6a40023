//! [`Pid`]: the name of a process, unlike that of any other process anywhere and at any time.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// One life of one server: its instance id, and a random part that a restart changes.
///
/// Written `web-1.9f86d081884c7d65`; the text is also a NATS subject's end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node(Arc<str>);

/// A process of a node, written `web-1.9f86d081884c7d65.17` (seed E3).
///
/// Serial numbers are never used twice by a node, and no two nodes have the same name, so a PID that is remembered too
/// long names nothing rather than another process.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pid {
    node: Node,
    serial: u64,
}

/// A text that is no PID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a PID looks like web-1.9f86d081884c7d65.17")]
pub(crate) struct InvalidPid;

const INCARNATION_DIGITS: usize = 16;

impl Node {
    /// A node that has not been before.
    pub(crate) fn new(instance: &str) -> Self {
        Self::with_incarnation(instance, rand::random())
    }

    fn with_incarnation(instance: &str, incarnation: u64) -> Self {
        // Dots separate the parts, and a NATS subject has no blanks or wildcards.
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                c
            } else {
                '-'
            }
        };
        let instance: String = instance.chars().map(plain).collect();
        let instance = if instance.is_empty() { "-" } else { &instance };
        Self(format!("{instance}.{incarnation:0width$x}", width = INCARNATION_DIGITS).into())
    }

    /// The process with this number.
    pub(crate) fn pid(&self, serial: u64) -> Pid {
        Pid {
            node: self.clone(),
            serial,
        }
    }

    /// `web-1.9f86d081884c7d65`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Pid {
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The number within the node.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }
}

impl FromStr for Pid {
    type Err = InvalidPid;

    /// Accepts exactly what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, InvalidPid> {
        let mut parts = text.splitn(3, '.');
        let (Some(instance), Some(incarnation), Some(serial)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidPid);
        };
        let number = |digits: &str, radix| u64::from_str_radix(digits, radix).map_err(|_| InvalidPid);
        let pid = Node::with_incarnation(instance, number(incarnation, 16)?).pid(number(serial, 10)?);
        if pid.to_string() == text {
            Ok(pid)
        } else {
            Err(InvalidPid)
        }
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node.0, self.serial)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

impl Serialize for Pid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e3_a_pid_is_read_as_it_is_written() {
        let pid = Node::new("web-1").pid(17);
        assert_eq!(pid.to_string().parse(), Ok(pid));
        let text = "web-1.00000000000000ff.3";
        assert_eq!(
            text.parse::<Pid>().map(|pid| pid.to_string()).as_deref(),
            Ok(text)
        );
    }

    #[test]
    fn e3_a_restarted_instance_gives_other_pids() {
        assert_ne!(Node::new("web-1").pid(1), Node::new("web-1").pid(1));
    }

    #[test]
    fn an_instance_id_with_dots_stays_one_part() {
        let pid = Node::new("web 1.example.com*").pid(2);
        assert!(pid.to_string().starts_with("web-1-example-com-."), "{pid}");
        assert_eq!(pid.to_string().parse(), Ok(pid));
        assert!(Node::new("").as_str().starts_with("-."));
    }

    #[test]
    fn what_is_no_pid_is_refused() {
        for text in [
            "",
            "lobby",
            "17",
            "web-1.17",
            "web-1.00000000000000ff",
            "web-1.ff.3",
            "web-1.00000000000000FF.3",
            "web-1.00000000000000ff.03",
            "web-1.00000000000000ff.+3",
            "web-1.00000000000000ff.3.4",
            ".00000000000000ff.3",
            "a b.00000000000000ff.3",
        ] {
            assert_eq!(text.parse::<Pid>(), Err(InvalidPid), "{text}");
        }
    }
}
