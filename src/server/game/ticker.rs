//! The task of a match.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::board::FORGOTTEN_AFTER;
use super::matches::Match;
use super::schedule::Schedule;
use crate::clock;
use crate::server::handle::Order;
use crate::server::hub::Publication;
use crate::server::worker::Shared;

/// How often the other servers are told about all players: they may miss two words and still believe in the third.
const RETELL_AFTER: Duration = Duration::from_millis(FORGOTTEN_AFTER.as_millis() as u64 * 3 / 10);

/// Ticks until the last player of this server has left.
pub(super) async fn run(shared: Arc<Shared>, game: Arc<Match>) {
    let schedule = Schedule::new(game.began, game.rules.hz);
    let mut retell = game.began + RETELL_AFTER;
    loop {
        let (tick, due) = schedule.next(game.tick(), clock::now());
        tokio::select! {
            biased;
            () = game.ended.notified() => return,
            () = tokio::time::sleep(due - clock::now()) => {}
        }
        let now = clock::now();
        game.tick.store(tick, Relaxed);
        publish(&shared, &game.state(tick, now));
        shared.matches.ticks.fetch_add(1, Relaxed);
        let Some(backplane) = &shared.backplane else {
            continue;
        };
        let all = retell <= now;
        if all {
            retell = now + RETELL_AFTER;
            for notice in game.expire(now) {
                publish(&shared, &notice);
            }
        }
        game.tell(all, |update| backplane.publish_match(&game.key, update));
    }
}

/// Hands a message to all workers that have room for it: to wait for one of them would delay the others.
fn publish(shared: &Shared, publication: &Publication) {
    for mailbox in &shared.mailboxes {
        let order = Order::Publish(vec![publication.clone()]);
        if mailbox.try_send(order).is_err() {
            shared.matches.skipped.fetch_add(1, Relaxed);
        }
    }
}
