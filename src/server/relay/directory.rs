//! [`Directory`]: from what a handler, a route or `ws.control` calls a target to its process, which may have to be started.

use std::collections::BTreeMap;
use std::io;

use super::config::{ProcessSpec, RelayConfig, is_name, is_subject};
use super::pid::Pid;
use super::processes::{Processes, SpawnError};
use super::remote::{BusError, Remote, stand_in};
use super::table::Kind;
use super::target::{Program, echo, recorder, room};

/// The kinds of processes that can be started, and the processes that were.
#[derive(Debug)]
pub(crate) struct Directory {
    processes: Processes,
    specs: BTreeMap<String, ProcessSpec>,
}

/// Why a name leads to no process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("there is no process `{0}`")]
    Unknown(String),
    #[error("`{0}` is a connection, which cannot be the target of another")]
    Connection(Pid),
    #[error("a process's name has letters, digits, `-` and `_` only, at most 64: not `{0}`")]
    InvalidName(String),
    #[error("`{0}` is another server's process, and this one has no `relay: nats:` to reach it")]
    NoUplink(String),
    #[error("remote process `{name}` does not answer")]
    Silent { name: String, source: BusError },
    #[error("cannot start {name}")]
    Start { name: String, source: io::Error },
    #[error(transparent)]
    Spawn(SpawnError),
}

impl Directory {
    pub(crate) fn new(processes: Processes, config: &RelayConfig) -> Self {
        let built_in = [
            ("echo", ProcessSpec::Echo),
            ("room", ProcessSpec::Room),
            ("recorder", ProcessSpec::Recorder),
        ];
        let mut specs: BTreeMap<_, _> = built_in.map(|(name, spec)| (name.to_owned(), spec)).into();
        specs.extend(config.processes.clone());
        Self { processes, specs }
    }

    pub(crate) fn processes(&self) -> &Processes {
        &self.processes
    }

    /// The process that is meant by a PID, the name of a process or of a kind of processes, or `nats:` and a subject. A kind
    /// gets one process of its own name.
    ///
    /// # Errors
    /// There is none and none can be started, or a remote one does not answer.
    pub(crate) async fn resolve(&self, called: &str) -> Result<Pid, ResolveError> {
        if let Some(pid) = self.processes.find(called) {
            return match self.processes.name(&pid).as_deref().and_then(Remote::named) {
                Some(remote) => self.remote(remote).await,
                None => self.target(pid),
            };
        }
        if let Ok(pid) = called.parse::<Pid>() {
            if pid.node() == self.processes.node() {
                return Err(ResolveError::Unknown(called.to_owned()));
            }
            return self.remote(Remote::Process(pid)).await;
        }
        match called.strip_prefix(Remote::PREFIX) {
            Some(subject) if is_subject(subject) => self.remote(Remote::Subject(subject.to_owned())).await,
            _ => self.start(called, Some(called)).await,
        }
    }

    /// Starts a process of a kind, or finds the one that has this name already.
    ///
    /// # Errors
    /// There is no such kind, or a process of it cannot be started.
    pub(crate) async fn start(&self, kind: &str, name: Option<&str>) -> Result<Pid, ResolveError> {
        if let Some(name) = name {
            if !is_name(name) {
                return Err(ResolveError::InvalidName(name.to_owned()));
            }
            if let Some(pid) = self.processes.find(name) {
                return self.target(pid);
            }
        }
        let spec = self
            .specs
            .get(kind)
            .ok_or_else(|| ResolveError::Unknown(kind.to_owned()))?;
        let kind = || Kind::Service(kind.to_owned());
        let spawned = match spec {
            ProcessSpec::Echo => self.processes.spawn(kind(), name, echo),
            ProcessSpec::Room => self.processes.spawn(kind(), name, room),
            ProcessSpec::Recorder => self.processes.spawn(kind(), name, recorder),
            ProcessSpec::Nats(subject) => return self.remote(Remote::Subject(subject.clone())).await,
            ProcessSpec::Program(program) => {
                let entered = self.processes.runtime().enter();
                let started = Program::start(program);
                drop(entered);
                let failed = |source| ResolveError::Start {
                    name: program.command.join(" "),
                    source,
                };
                let program = started.map_err(failed)?;
                self.processes.spawn(kind(), name, |me| program.run(me))
            }
        };
        or_holder(spawned)
    }

    async fn remote(&self, remote: Remote) -> Result<Pid, ResolveError> {
        let name = remote.name();
        let uplink = self
            .processes
            .uplink()
            .ok_or_else(|| ResolveError::NoUplink(name.clone()))?
            .clone();
        // Also if there is a stand-in already: the bus loses what it cannot deliver, and a client whose join is lost would
        // wait for ever.
        match remote.answers(&uplink).await {
            Ok(true) => {}
            Ok(false) => return Err(ResolveError::Unknown(name)),
            Err(source) => return Err(ResolveError::Silent { name, source }),
        }
        if let Some(pid) = self.processes.find(&name) {
            return Ok(pid);
        }
        let kind = Kind::Service("remote".to_owned());
        or_holder(
            self.processes
                .spawn(kind, Some(&name), |me| stand_in(me, uplink, remote)),
        )
    }

    fn target(&self, pid: Pid) -> Result<Pid, ResolveError> {
        if self.processes.kind(&pid) == Some(Kind::Connection) {
            Err(ResolveError::Connection(pid))
        } else {
            Ok(pid)
        }
    }
}

/// Whoever was faster in starting the process of this name started it for both.
fn or_holder(spawned: Result<Pid, SpawnError>) -> Result<Pid, ResolveError> {
    match spawned {
        Ok(pid) | Err(SpawnError::NameTaken(pid)) => Ok(pid),
        Err(error) => Err(ResolveError::Spawn(error)),
    }
}
