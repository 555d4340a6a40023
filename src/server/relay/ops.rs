//! What a process of another program can ask of the process system: to monitor, to link, to trap exits.
//!
//! | topic | payload |
//! |---|---|
//! | `process.monitor`, `process.demonitor` | `pid` |
//! | `process.link`, `process.unlink` | `pid` |
//! | `process.trap_exits` | `enabled` |

use serde::Deserialize;
use serde_json::{Value, json};

use super::letter::Content;
use super::pid::Pid;
use super::processes::Processes;

/// Why an operation was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpError {
    #[error("there is no operation {0}: use process.monitor, demonitor, link, unlink or trap_exits")]
    Unknown(String),
    #[error("payload of {topic}: {problem}")]
    Payload { topic: String, problem: String },
    #[error("there is no process called `{0}`")]
    Nobody(String),
    #[error("{0} is another node's process: only processes of one node can be linked")]
    Afar(Pid),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    pid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    enabled: bool,
}

/// The first letter to a process of another program: who it is.
pub(crate) fn init(pid: &Pid) -> Content {
    Content::Other {
        topic: "process.init".into(),
        payload: json!({ "pid": pid }),
    }
}

/// Whether letters of this topic are meant for the process system.
pub(crate) fn is_op(topic: &str) -> bool {
    matches!(
        topic,
        "process.monitor" | "process.demonitor" | "process.link" | "process.unlink" | "process.trap_exits"
    )
}

/// Does what a program asked for on behalf of its process.
///
/// # Errors
/// An unknown operation, or a payload that does not fit it.
pub(crate) fn perform(processes: &Processes, me: &Pid, topic: &str, payload: &Value) -> Result<(), OpError> {
    let which = || which(processes, topic, payload);
    let near = || near(processes, which()?);
    match topic {
        "process.monitor" => processes.monitor(me, &which()?),
        "process.demonitor" => processes.demonitor(me, &which()?),
        "process.link" => processes.link(me, &near()?),
        "process.unlink" => processes.unlink(me, &near()?),
        "process.trap_exits" => processes.trap_exits(me, read::<Switch>(topic, payload)?.enabled),
        _ => return Err(OpError::Unknown(topic.to_owned())),
    }
    Ok(())
}

/// The process that is meant. A PID of the past is as good as any: its end is reported at once.
fn which(processes: &Processes, topic: &str, payload: &Value) -> Result<Pid, OpError> {
    let Which { pid } = read(topic, payload)?;
    match pid.parse() {
        Ok(pid) => Ok(pid),
        Err(_) => processes.find(&pid).ok_or(OpError::Nobody(pid)),
    }
}

fn near(processes: &Processes, pid: Pid) -> Result<Pid, OpError> {
    if pid.node() == processes.node() {
        Ok(pid)
    } else {
        Err(OpError::Afar(pid))
    }
}

fn read<'de, T: Deserialize<'de>>(topic: &str, payload: &'de Value) -> Result<T, OpError> {
    T::deserialize(payload).map_err(|error| OpError::Payload {
        topic: topic.to_owned(),
        problem: error.to_string(),
    })
}
