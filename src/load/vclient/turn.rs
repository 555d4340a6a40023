//! What a virtual client is given each time it is called: the script that all share, the time, where to write and to record.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::clock::Moment;
use crate::load::fanout::Rooms;
use crate::metrics::{Counter, ErrorClass, GroupId, Shard};
use crate::net::{SocketOptions, Target};
use crate::scenario::{CaptureScratch, LoadModel, Op, Plan};
use crate::wire::MaskKey;

/// What all clients of a run share: the plan, and what was worked out from it and the target beforehand.
#[derive(Debug)]
pub struct Script {
    pub(super) plan: Arc<Plan>,
    /// For each group the indices of the operations whose messages are owed a reply.
    pub(super) tracked: Vec<Box<[u32]>>,
    /// The value of the `Host` header.
    pub(super) authority: String,
    /// The value of the `Authorization` header, if the target's URL gives one.
    pub(super) authorization: Option<String>,
    /// The path and query of the target's URL.
    base: String,
    /// For each group the path and query of its upgrade request, unless each connection has its own.
    paths: Vec<Option<String>>,
    /// For each group how many rows were handed out.
    pub(super) cursors: Vec<AtomicU64>,
    /// The rooms that its clients are in.
    pub(in crate::load) rooms: Rooms,
    /// Wall-clock nanoseconds of [`Moment::ZERO`], for time stamps in payloads.
    unix_origin: u64,
    /// Whether a client whose flow ends starts it again.
    pub(super) repeats: bool,
}

impl Script {
    /// `unix_origin` is the wall clock at [`Moment::ZERO`], in nanoseconds since 1970.
    ///
    /// A group's path is joined to that of the target's URL, and so is the query; a group without a path of its own (`/`)
    /// uses the URL's. What the URL says of authorization goes with every upgrade, before the group's own headers.
    #[must_use]
    pub fn new(plan: Arc<Plan>, target: &Target, unix_origin: u64) -> Self {
        let tracked = plan.groups.iter().map(|group| tracked(&group.flow)).collect();
        let paths = plan
            .groups
            .iter()
            .map(|group| {
                let literal = group.connection.path.as_literal()?;
                Some(join(&target.path, std::str::from_utf8(literal).ok()?))
            })
            .collect();
        let cursors = plan.groups.iter().map(|_| AtomicU64::new(0)).collect();
        let repeats = matches!(plan.load, LoadModel::Closed { .. });
        let (authority, authorization) = (target.authority(), target.authorization.clone());
        Self {
            plan,
            tracked,
            authority,
            authorization,
            base: target.path.clone(),
            paths,
            cursors,
            // Two runs that begin in the same nanosecond are not told apart.
            rooms: Rooms::new((unix_origin ^ unix_origin >> 32) as u32),
            unix_origin,
            repeats,
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How the sockets of a group's clients are set up.
    pub(in crate::load) fn socket_options(&self, group: GroupId) -> SocketOptions {
        let size = self.plan.groups[usize::from(group.0)].connection.receive_buffer;
        SocketOptions {
            recv_buffer: size.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX)),
            ..SocketOptions::default()
        }
    }

    /// The path and query of an upgrade request; `render` renders a path that is not the same for all.
    pub(super) fn path(&self, group: GroupId, render: impl FnOnce() -> String) -> String {
        match &self.paths[usize::from(group.0)] {
            Some(path) => path.clone(),
            None => join(&self.base, &render()),
        }
    }

    /// The wall clock at `now`, in nanoseconds since 1970.
    pub(super) fn unix_nanos(&self, now: Moment) -> u64 {
        self.unix_origin.saturating_add(now.as_nanos())
    }
}

/// Joins two paths with queries.
fn join(base: &str, path: &str) -> String {
    let (base, base_query) = base
        .split_once('?')
        .map_or((base, None), |(base, query)| (base, Some(query)));
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    let joined = match path {
        "/" => base.to_owned(),
        _ => format!("{}{path}", base.trim_end_matches('/')),
    };
    let queries: Vec<&str> = base_query
        .into_iter()
        .chain(query)
        .filter(|query| !query.is_empty())
        .collect();
    if queries.is_empty() {
        joined
    } else {
        format!("{joined}?{}", queries.join("&"))
    }
}

fn tracked(flow: &[Op]) -> Box<[u32]> {
    let is_tracked = |op: &Op| matches!(op, Op::Send(send) if send.reply.is_some());
    (0_u32..)
        .zip(flow)
        .filter(|(_, op)| is_tracked(op))
        .map(|(index, _)| index)
        .collect()
}

/// One call of a virtual client.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The present moment.
    pub now: Moment,
    /// What all clients share.
    pub script: &'a Script,
    /// Where to record.
    pub shard: &'a mut Shard,
    /// Where to write bytes for the peer; the driver sends them after the call.
    pub out: &'a mut Vec<u8>,
    /// Whether the transport has not taken all earlier bytes: then a client sends no further message.
    pub blocked: bool,
    /// What a worker's clients use in turn.
    pub scratch: &'a mut Scratch,
}

impl Turn<'_> {
    /// Counts one of something.
    pub(super) fn count(&mut self, group: GroupId, counter: Counter) {
        self.shard.add(group, counter, 1);
    }

    /// Counts an error; `text` is made for the first few of its class only.
    pub(super) fn error(&mut self, group: GroupId, class: ErrorClass, text: impl FnOnce() -> String) {
        self.shard.error(group, class, text);
    }
}

/// Worker-owned memory that one client at a time uses within a call.
#[derive(Debug)]
pub struct Scratch {
    pub(super) payload: Vec<u8>,
    /// The name of a room.
    pub(super) name: Vec<u8>,
    pub(super) captures: CaptureScratch,
    masks: u64,
}

impl Scratch {
    /// `seed` should differ from worker to worker and from run to run: masks come from it (RFC 6455 10.3).
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            payload: Vec::new(),
            name: Vec::new(),
            captures: CaptureScratch::default(),
            masks: seed | 1,
        }
    }

    /// The next pseudo-random number: xorshift64*, since a mask per message must cost next to nothing.
    pub(super) fn random(&mut self) -> u64 {
        self.masks ^= self.masks >> 12;
        self.masks ^= self.masks << 25;
        self.masks ^= self.masks >> 27;
        self.masks.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to just below 1.
    pub(super) fn fraction(&mut self) -> f64 {
        (self.random() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn mask(&mut self) -> MaskKey {
        let [.., a, b, c, d] = self.random().to_le_bytes();
        MaskKey([a, b, c, d])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_joined() {
        for (base, path, joined) in [
            ("/", "/iot", "/iot"),
            ("/gw/", "/iot", "/gw/iot"),
            ("/gw", "/", "/gw"),
            ("/", "/", "/"),
            ("/gw?token=7", "/iot", "/gw/iot?token=7"),
            ("/gw?token=7", "/iot?room=1", "/gw/iot?token=7&room=1"),
        ] {
            assert_eq!(join(base, path), joined);
        }
    }

    #[test]
    fn masks_differ_from_one_to_the_next() {
        let mut scratch = Scratch::new(0);
        let first = scratch.mask();
        assert!((0..100).all(|_| scratch.mask() != first));
    }
}
