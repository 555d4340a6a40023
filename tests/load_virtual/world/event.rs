//! What happens in the world, in its order.

use wsbench::clock::Moment;

use super::peer::Act;

pub(super) enum Event {
    Connected,
    ConnectRefused,
    ToServer(Vec<u8>),
    ToClient(Vec<u8>),
    ServerActs(Act),
    ClientGone,
    ServerGone(bool),
}

pub(super) struct Queued {
    pub(super) at: Moment,
    pub(super) order: u64,
    pub(super) client: usize,
    pub(super) connection: u64,
    pub(super) event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
