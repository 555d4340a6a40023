//! Draining: no new connections, and the open ones end one after the other, so that their clients do not all come to the
//! next server at once.

use std::rc::Rc;
use std::time::Duration;

use super::registry::SessionOrder;
use super::worker::Worker;
use crate::clock;

/// Least time between two steps.
const STEP: Duration = Duration::from_millis(20);

/// Closes the sessions of a worker, evenly over a time. Workers take turns: each begins so much later than the one before.
pub(crate) async fn close_evenly(worker: Rc<Worker>, over: Duration) {
    let end = clock::now() + over;
    let workers = worker.shared.mailboxes.len();
    let open = worker.registry.borrow().open();
    tokio::time::sleep(begin_of(open, over, worker.index, workers)).await;
    loop {
        let left = end - clock::now();
        let open = worker.registry.borrow().open();
        if open == 0 && left.is_zero() {
            return;
        }
        let (due, pause) = step(open, left);
        worker.registry.borrow_mut().order_some(due, &SessionOrder::Drain);
        tokio::time::sleep(pause.max(Duration::from_millis(1))).await;
    }
}

/// When worker number `index` of `workers` begins.
fn begin_of(open: usize, over: Duration, index: usize, workers: usize) -> Duration {
    let (_, pause) = step(open, over);
    pause.mul_f64(index as f64 / workers.max(1) as f64)
}

/// How many of `open` sessions to close now with so much time `left`, and the time until the next step.
fn step(open: usize, left: Duration) -> (usize, Duration) {
    let one_each = u32::try_from(open).map_or(Duration::ZERO, |open| left.checked_div(open).unwrap_or(STEP));
    if one_each >= STEP {
        return (open.min(1), one_each);
    }
    let steps = left.as_nanos().div_ceil(STEP.as_nanos()).max(1);
    let due = open.div_ceil(usize::try_from(steps).unwrap_or(usize::MAX));
    (due, STEP.min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_spread_over_the_time() {
        assert_eq!(step(100, STEP * 50), (2, STEP), "many in a short time");
        assert_eq!(step(3, STEP * 60), (1, STEP * 20), "few in a long time");
        assert_eq!(step(0, STEP * 60), (0, STEP), "another may be in its handshake");
        assert_eq!(step(7, STEP / 2), (7, STEP / 2));
        assert_eq!(step(7, Duration::ZERO), (7, Duration::ZERO));
    }

    #[test]
    fn workers_take_turns() {
        let over = Duration::from_secs(4);
        let begins = [0, 1, 2, 3].map(|index| begin_of(1, over, index, 4).as_secs());
        assert_eq!(begins, [0, 1, 2, 3], "one session each");
        let begins = [0, 1, 2, 3].map(|index| begin_of(2, over, index, 4).as_millis());
        assert_eq!(
            begins,
            [0, 500, 1_000, 1_500],
            "two sessions each, the second 2 s after the first"
        );
        assert!(begin_of(100_000, over, 3, 4) < STEP);
    }

    #[test]
    fn the_last_session_is_told_within_the_time() {
        for (mut open, over) in [(1, STEP), (20, STEP * 30), (30, STEP * 20), (1_000, STEP * 7)] {
            let mut left = over;
            while open > 0 {
                let (due, pause) = step(open, left);
                open -= due;
                assert!(due > 0 && pause <= left, "{open} sessions, {left:?} left");
                left -= pause;
            }
        }
    }
}
