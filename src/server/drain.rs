//! Draining: no new connections, and the open ones end one after the other, so that their clients do not all come to the
//! next server at once.

use std::rc::Rc;
use std::time::Duration;

use super::registry::SessionOrder;
use super::worker::Worker;
use crate::clock;

/// Time between two closings.
const STEP: Duration = Duration::from_millis(20);

/// Closes the sessions of a worker, evenly over a time.
pub(crate) async fn close_evenly(worker: Rc<Worker>, over: Duration) {
    let end = clock::now() + over;
    loop {
        let left = end - clock::now();
        let open = worker.registry.borrow().open();
        if open == 0 && left.is_zero() {
            return;
        }
        let due = share(open, left);
        worker.registry.borrow_mut().order_some(due, &SessionOrder::Drain);
        tokio::time::sleep(STEP.min(left).max(Duration::from_millis(1))).await;
    }
}

/// How many of `open` sessions a step closes with so much time `left`.
fn share(open: usize, left: Duration) -> usize {
    let steps = left.as_nanos().div_ceil(STEP.as_nanos()).max(1);
    open.div_ceil(usize::try_from(steps).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_spread_over_the_time() {
        assert_eq!(share(100, STEP * 50), 2);
        assert_eq!(share(3, STEP * 50), 1);
        assert_eq!(share(0, STEP), 0);
        assert_eq!(share(7, Duration::ZERO), 7);
    }
}
