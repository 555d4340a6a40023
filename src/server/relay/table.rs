//! [`Table`]: which processes there are, what they are called, and who wants to know of their end. No task, no time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio::sync::oneshot;

use super::exit::ExitReason;
use super::letter::{Content, Letter};
use super::mailbox::Mailbox;
use super::pid::Pid;
use crate::clock::Moment;

/// What a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A client's connection.
    Connection,
    /// Anything else: `echo`, `room`, `program python3`, ...
    Service(String),
}

/// The processes of a node, by serial number.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: BTreeMap<u64, Entry>,
    names: HashMap<String, Pid>,
    connections: usize,
}

/// What is known of a process.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) pid: Pid,
    pub(crate) kind: Kind,
    pub(crate) name: Option<String>,
    pub(crate) started: Moment,
    pub(crate) mailbox: Mailbox,
    /// Taken when it is killed.
    kill: Option<oneshot::Sender<ExitReason>>,
    /// Who gets a letter when it ends.
    pub(crate) monitors: BTreeSet<Pid>,
    /// Who ends with it.
    pub(crate) links: BTreeSet<Pid>,
    /// The ends of linked processes are letters to it.
    traps_exits: bool,
}

/// A letter that somebody's end causes, and for whom.
pub(crate) type Notice = (Pid, Letter);

impl Entry {
    pub(crate) fn new(
        pid: Pid,
        kind: Kind,
        started: Moment,
        mailbox: Mailbox,
        kill: oneshot::Sender<ExitReason>,
    ) -> Self {
        let (monitors, links) = (BTreeSet::new(), BTreeSet::new());
        let kill = Some(kill);
        Self {
            pid,
            kind,
            name: None,
            started,
            mailbox,
            kill,
            monitors,
            links,
            traps_exits: false,
        }
    }

    fn kill(&mut self, reason: ExitReason) {
        if let Some(kill) = self.kill.take() {
            // It may be ending by itself.
            let _ = kill.send(reason);
        }
    }
}

impl Table {
    /// Adds a process.
    ///
    /// # Errors
    /// The process that has this name already.
    pub(crate) fn insert(&mut self, mut entry: Entry, name: Option<&str>) -> Result<(), Pid> {
        if let Some(name) = name {
            if let Some(holder) = self.names.get(name) {
                return Err(holder.clone());
            }
            self.names.insert(name.to_owned(), entry.pid.clone());
            entry.name = Some(name.to_owned());
        }
        self.connections += usize::from(entry.kind == Kind::Connection);
        self.entries.insert(entry.pid.serial(), entry);
        Ok(())
    }

    pub(crate) fn get(&self, pid: &Pid) -> Option<&Entry> {
        self.entries.get(&pid.serial()).filter(|entry| entry.pid == *pid)
    }

    fn get_mut(&mut self, pid: &Pid) -> Option<&mut Entry> {
        self.entries
            .get_mut(&pid.serial())
            .filter(|entry| entry.pid == *pid)
    }

    /// Who has this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Pid> {
        self.names.get(name)
    }

    /// In the order of their start.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Processes that are connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// Processes that are none.
    pub(crate) fn services(&self) -> usize {
        self.entries.len() - self.connections
    }

    /// From now on `watcher` gets a letter when `watched` ends; how often it asks does not matter. If `watched` is gone,
    /// the letter is returned.
    pub(crate) fn monitor(&mut self, watcher: &Pid, watched: &Pid) -> Option<Notice> {
        match self.get_mut(watched) {
            Some(entry) => {
                entry.monitors.insert(watcher.clone());
                None
            }
            None => Some(notice(watcher, watched, &ExitReason::Unknown)),
        }
    }

    pub(crate) fn demonitor(&mut self, watcher: &Pid, watched: &Pid) {
        if let Some(entry) = self.get_mut(watched) {
            entry.monitors.remove(watcher);
        }
    }

    /// From now on neither outlives a failure of the other. If `other` is gone, `pid` learns of that as if it had been
    /// linked before: by a letter if it traps exits, else by its own end.
    pub(crate) fn link(&mut self, pid: &Pid, other: &Pid) -> Option<Notice> {
        if pid == other {
            return None;
        }
        let Some(entry) = self.get_mut(other) else {
            return self.through_link(other, pid, &ExitReason::Unknown);
        };
        entry.links.insert(pid.clone());
        match self.get_mut(pid) {
            Some(entry) => {
                entry.links.insert(other.clone());
            }
            None => self.unlink(pid, other),
        }
        None
    }

    pub(crate) fn unlink(&mut self, pid: &Pid, other: &Pid) {
        for (pid, other) in [(pid, other), (other, pid)] {
            if let Some(entry) = self.get_mut(pid) {
                entry.links.remove(other);
            }
        }
    }

    pub(crate) fn trap_exits(&mut self, pid: &Pid, enabled: bool) {
        if let Some(entry) = self.get_mut(pid) {
            entry.traps_exits = enabled;
        }
    }

    /// Tells a process to end. Whether there was one.
    pub(crate) fn kill(&mut self, pid: &Pid, reason: ExitReason) -> bool {
        let entry = self.get_mut(pid);
        let found = entry.is_some();
        if let Some(entry) = entry {
            entry.kill(reason);
        }
        found
    }

    /// Tells every process that is no connection to end.
    pub(crate) fn kill_services(&mut self, reason: &ExitReason) {
        for entry in self
            .entries
            .values_mut()
            .filter(|entry| entry.kind != Kind::Connection)
        {
            entry.kill(reason.clone());
        }
    }

    /// A process has ended: takes it out, ends who is linked to it, and returns the letters for those who asked for one.
    pub(crate) fn ended(&mut self, pid: &Pid, reason: &ExitReason) -> Vec<Notice> {
        let Some(entry) = self.entries.remove(&pid.serial()) else {
            return Vec::new();
        };
        self.connections -= usize::from(entry.kind == Kind::Connection);
        if let Some(name) = &entry.name {
            self.names.remove(name);
        }
        let mut notices: Vec<Notice> = Vec::new();
        for linked in &entry.links {
            if let Some(other) = self.get_mut(linked) {
                other.links.remove(pid);
            }
            // Who is linked and monitors as well gets one letter.
            if !entry.monitors.contains(linked) || !self.traps(linked) {
                notices.extend(self.through_link(pid, linked, reason));
            }
        }
        notices.extend(entry.monitors.iter().map(|watcher| notice(watcher, pid, reason)));
        notices
    }

    fn traps(&self, pid: &Pid) -> bool {
        self.get(pid).is_some_and(|entry| entry.traps_exits)
    }

    /// What the end of `ended` does to `linked`.
    fn through_link(&mut self, ended: &Pid, linked: &Pid, reason: &ExitReason) -> Option<Notice> {
        if self.traps(linked) {
            return Some(notice(linked, ended, reason));
        }
        if let Some(reason) = reason.through_link(ended) {
            self.kill(linked, reason);
        }
        None
    }
}

fn notice(to: &Pid, ended: &Pid, reason: &ExitReason) -> Notice {
    let content = Content::Exit {
        pid: ended.clone(),
        reason: reason.clone(),
    };
    (to.clone(), Letter::new(ended.clone(), content))
}

#[cfg(test)]
mod tests;
