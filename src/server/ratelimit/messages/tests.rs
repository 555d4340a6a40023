use std::time::Duration;

use proptest::prelude::*;

use super::*;

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const OTHER: [u8; 4] = [10, 0, 0, 2];

fn limits(mode: WindowMode) -> MessageLimits {
    MessageLimits::new(MessageLimitConfig {
        mode,
        ..MessageLimitConfig::default()
    })
}

fn at(millis: u64) -> Moment {
    Moment::ZERO + Duration::from_millis(millis)
}

/// How many messages pass at `now` before one closes.
fn passes(allowance: &MessageAllowance, now: Moment) -> usize {
    (0..1_000).take_while(|_| allowance.allows(now)).count()
}

#[test]
fn b7_strict_closes_the_101st() {
    let limits = limits(WindowMode::Strict);
    let allowance = limits.open(CLIENT.into(), at(5_000));
    assert_eq!(passes(&allowance, at(6_000)), 100);
    assert!(
        !allowance.allows(at(65_999)),
        "the window began with the first message"
    );
    assert_eq!(passes(&allowance, at(66_000)), 100);
}

#[test]
fn b7_strict_counts_over_all_connections_of_an_address() {
    let limits = limits(WindowMode::Strict);
    let first = limits.open(CLIENT.into(), at(0));
    let second = limits.open(CLIENT.into(), at(0));
    assert!((0..60).all(|_| first.allows(at(1))));
    assert_eq!(passes(&second, at(2)), 40);
    drop((first, second));
    assert_eq!(
        passes(&limits.open(CLIENT.into(), at(3)), at(3)),
        0,
        "a new connection changes nothing"
    );
    assert_eq!(passes(&limits.open(OTHER.into(), at(3)), at(3)), 100);
}

#[test]
fn b7_seed_compat_closes_the_102nd() {
    let limits = limits(WindowMode::SeedCompat);
    let allowance = limits.open(CLIENT.into(), at(0));
    assert_eq!(passes(&allowance, at(1)), 101);
    assert!(
        !allowance.allows(at(60_000)),
        "the seed asks for more than 60000 ms"
    );
    assert_eq!(passes(&allowance, at(60_001)), 101);
}

#[test]
fn b7_seed_compat_begins_again_with_a_new_connection() {
    let limits = limits(WindowMode::SeedCompat);
    let first = limits.open(CLIENT.into(), at(0));
    assert_eq!(passes(&first, at(1)), 101);
    let second = limits.open(CLIENT.into(), at(2));
    assert!(
        (0..50).all(|_| first.allows(at(3))),
        "the window is the same for both"
    );
    assert_eq!(passes(&second, at(3)), 51);
}

#[test]
fn the_configuration_is_read() {
    let config: MessageLimitConfig =
        serde_saphyr::from_str("{mode: seed-compat, messages: 5, window: 2s}").unwrap();
    assert_eq!((config.mode, config.messages), (WindowMode::SeedCompat, Count(5)));
    let limits = MessageLimits::new(config);
    assert_eq!(passes(&limits.open(CLIENT.into(), at(0)), at(0)), 6);
    assert!(serde_saphyr::from_str::<MessageLimitConfig>("{mode: sliding}").is_err());
}

#[test]
fn windows_of_clients_that_are_gone_do_not_fill_the_memory() {
    let limits = limits(WindowMode::Strict);
    let stays = limits.open(CLIENT.into(), at(0));
    assert_eq!(passes(&stays, at(0)), 100);
    let mut largest = 0;
    for number in 0..400_000_u32 {
        let address = IpAddr::from((0x1400_0000 + number).to_be_bytes());
        assert!(limits.open(address, at(1)).allows(at(1)));
        if number % 1_000 == 0 {
            let sizes = limits
                .shards
                .iter()
                .map(|shard| shard.lock().unwrap().by_address.len());
            largest = largest.max(sizes.max().unwrap_or(0));
        }
    }
    assert!(largest <= 2 * IDLE_WINDOWS + 2, "{largest}");
    let again = limits.open(CLIENT.into(), at(2));
    assert_eq!(
        passes(&again, at(2)),
        0,
        "an address with a connection keeps its window"
    );
}

#[test]
fn threads_count_every_message_once() {
    let limits = MessageLimits::new(MessageLimitConfig {
        messages: Count(10_000),
        ..MessageLimitConfig::default()
    });
    let passed: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let allowance = limits.open(CLIENT.into(), at(0));
                scope.spawn(move || (0..5_000).filter(|_| allowance.allows(at(1))).count())
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(passed, 10_000);
}

/// What the seed's own code does, with its variables.
struct Seed {
    count: u64,
    last_reset: u64,
}

impl Seed {
    fn message(&mut self, now: u64, limit: u64, window: u64) -> bool {
        if now - self.last_reset > window {
            self.count = 0;
            self.last_reset = now;
        }
        if self.count > limit {
            return false;
        }
        self.count += 1;
        true
    }
}

proptest! {
    #[test]
    fn b7_seed_compat_does_what_the_seed_does(
        limit in 0_u64..6,
        steps in prop::collection::vec((0_u64..40, prop::bool::weighted(0.1)), 1..300),
    ) {
        let limits = MessageLimits::new(MessageLimitConfig {
            mode: WindowMode::SeedCompat,
            messages: Count(limit),
            window: Span::from_millis(100),
        });
        let mut now = 0;
        let mut allowance = limits.open(CLIENT.into(), at(0));
        let mut seed = Seed { count: 0, last_reset: 0 };
        for (step, connects) in steps {
            now += step;
            if connects {
                allowance = limits.open(CLIENT.into(), at(now));
                seed = Seed { count: 0, last_reset: now };
            }
            prop_assert_eq!(allowance.allows(at(now)), seed.message(now, limit, 100));
        }
    }

    /// Between the beginning of a window and its end, never more than the limit pass; and a full limit passes after
    /// it.
    #[test]
    fn b7_strict_windows_hold_the_limit(limit in 1_u64..6, steps in prop::collection::vec(0_u64..60, 1..300)) {
        let limits = MessageLimits::new(MessageLimitConfig {
            mode: WindowMode::Strict,
            messages: Count(limit),
            window: Span::from_millis(100),
        });
        let allowance = limits.open(CLIENT.into(), at(0));
        let (mut now, mut window) = (7, None);
        for step in steps {
            now += step;
            let (start, count) = match window {
                Some((start, count)) if now < start + 100 => (start, count),
                _ => (now, 0),
            };
            let allowed = allowance.allows(at(now));
            prop_assert_eq!(allowed, count < limit);
            window = Some((start, count + u64::from(allowed)));
        }
    }
}
