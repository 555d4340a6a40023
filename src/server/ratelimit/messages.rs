//! [`MessageLimits`]: how many messages an address may send in a window of time, over all its connections (seed B7).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use super::address::AddressKey;
use crate::clock::Moment;
use crate::units::{Count, Span};

/// The reason in the Close frame with code 1008 that answers a message too many (seed B7).
pub const RATE_LIMIT_EXCEEDED: &str = "Rate limit exceeded";

/// How many messages an address may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessageLimitConfig {
    /// How a window is counted.
    pub mode: WindowMode,
    /// How many messages fit into a window (100).
    pub messages: Count,
    /// How long a window is (60 s).
    pub window: Span,
}

/// How a window is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowMode {
    /// A window begins with its first message; the 101st in it closes, whatever connection of the address it comes
    /// over.
    #[default]
    Strict,
    /// As seed B7 has it: it compares before it counts, so that the 102nd closes, and every new connection of the
    /// address begins a new window for all of them.
    SeedCompat,
}

impl Default for MessageLimitConfig {
    fn default() -> Self {
        Self {
            mode: WindowMode::Strict,
            messages: Count(100),
            window: Span::from_secs(60),
        }
    }
}

/// The windows of all addresses. One serves all workers.
#[derive(Debug)]
pub struct MessageLimits {
    rule: Rule,
    shards: [Mutex<Windows>; SHARDS],
}

const SHARDS: usize = 16;

/// Windows of addresses without connections that a shard remembers at the most: a client that reconnects finds its
/// window again, and one that changes its address all the time cannot fill the memory.
const IDLE_WINDOWS: usize = 4_096;

#[derive(Debug, Default)]
struct Windows {
    by_address: HashMap<AddressKey, Arc<Window>>,
    /// At this size, those that are over are taken out.
    sweep_at: usize,
}

/// A connection's share in the window of its address: no lock and no allocation for a message.
#[derive(Clone, Debug)]
pub struct MessageAllowance {
    window: Arc<Window>,
    rule: Rule,
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    mode: WindowMode,
    messages: u64,
    /// Milliseconds.
    length: u64,
}

/// The start of a window in milliseconds, above, and the messages in it, in the lower bits. In one word, so that no
/// message is counted in the wrong window.
#[derive(Debug)]
struct Window(AtomicU64);

const COUNT_BITS: u32 = 24;
const MOST_MESSAGES: u64 = (1 << COUNT_BITS) - 2;

impl MessageLimits {
    /// No messages so far. More than 16,777,214 messages in a window are not counted apart.
    #[must_use]
    pub fn new(config: MessageLimitConfig) -> Self {
        let length = config.window.0.as_millis();
        Self {
            rule: Rule {
                mode: config.mode,
                messages: config.messages.0.min(MOST_MESSAGES),
                length: u64::try_from(length).unwrap_or(u64::MAX),
            },
            shards: Default::default(),
        }
    }

    /// A connection opens. What is returned lives as long as the connection does.
    pub fn open(&self, client: IpAddr, now: Moment) -> MessageAllowance {
        let address = AddressKey::from(client);
        let mut windows = self.windows(address);
        let window = Arc::clone(
            windows
                .by_address
                .entry(address)
                .or_insert_with(|| Arc::new(Window::new())),
        );
        if windows.by_address.len() > windows.sweep_at {
            windows.sweep(self.rule, now);
        }
        drop(windows);
        if self.rule.mode == WindowMode::SeedCompat {
            window.begin(millis(now));
        }
        MessageAllowance {
            window,
            rule: self.rule,
        }
    }

    fn windows(&self, address: AddressKey) -> MutexGuard<'_, Windows> {
        self.shards[address.shard(SHARDS)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Windows {
    /// Takes out what no longer matters. The next sweep comes when the map has doubled, so the cost stays constant on
    /// average.
    fn sweep(&mut self, rule: Rule, now: Moment) {
        let now = millis(now);
        let in_use = |window: &Arc<Window>| Arc::strong_count(window) > 1;
        self.by_address
            .retain(|_, window| in_use(window) || !window.is_over(rule, now));
        let idle = self.by_address.values().filter(|window| !in_use(window)).count();
        if idle > IDLE_WINDOWS {
            self.by_address.retain(|_, window| in_use(window));
        }
        self.sweep_at = (self.by_address.len() * 2).max(IDLE_WINDOWS);
    }
}

impl MessageAllowance {
    /// A message came; says whether it is allowed. If not, the connection is to be closed with code 1008 and
    /// [`RATE_LIMIT_EXCEEDED`].
    #[must_use]
    pub fn allows(&self, now: Moment) -> bool {
        self.window.count(self.rule, millis(now))
    }
}

impl Window {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn begin(&self, now: u64) {
        self.0.store(now << COUNT_BITS, Relaxed);
    }

    fn is_over(&self, rule: Rule, now: u64) -> bool {
        let (start, count) = unpack(self.0.load(Relaxed));
        count == 0 || now.saturating_sub(start) >= rule.length
    }

    fn count(&self, rule: Rule, now: u64) -> bool {
        let counted = self.0.fetch_update(Relaxed, Relaxed, |state| {
            let (start, count) = rule.window_at(unpack(state), now);
            let full = match rule.mode {
                WindowMode::Strict => count >= rule.messages,
                WindowMode::SeedCompat => count > rule.messages,
            };
            (!full).then_some(start << COUNT_BITS | (count + 1))
        });
        counted.is_ok()
    }
}

impl Rule {
    /// The window that a message at `now` belongs to: the last one, or a new one.
    const fn window_at(self, (start, count): (u64, u64), now: u64) -> (u64, u64) {
        let age = now.saturating_sub(start);
        let over = match self.mode {
            WindowMode::Strict => count == 0 || age >= self.length,
            WindowMode::SeedCompat => age > self.length,
        };
        if over { (now, 0) } else { (start, count) }
    }
}

const fn unpack(state: u64) -> (u64, u64) {
    (state >> COUNT_BITS, state & ((1 << COUNT_BITS) - 1))
}

/// The 40 bits that a window has for its start hold 34 years of milliseconds.
const fn millis(now: Moment) -> u64 {
    now.as_nanos() / 1_000_000
}

#[cfg(test)]
mod tests;
