//! What becomes of a client whose flow failed, where its scenario says so.

use std::time::{Duration, UNIX_EPOCH};

use crate::metrics::Counter;
use crate::scenario::{ReconnectPlan, ReconnectPolicy};
use crate::wire::handshake::Refusal;

use super::client::{VClient, Wait};
use super::turn::Turn;

/// The longest `Retry-After` that is believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

impl VClient {
    /// Plans the next flow after a failed one, or leaves.
    pub(super) fn come_back(&mut self, turn: &mut Turn<'_>, plan: ReconnectPlan) {
        let Some(memory) = &mut self.who.memory else {
            self.wait = Wait::Done;
            return;
        };
        let attempt = memory.attempts;
        // Not from what payloads are drawn from: a failure must not change them.
        let pause = pause(plan.policy, attempt, turn.scratch.fraction());
        let Some(pause) = pause.filter(|_| plan.max_attempts.is_none_or(|most| attempt < most)) else {
            turn.count(self.group, Counter::ReconnectsGivenUp);
            self.wait = Wait::Done;
            return;
        };
        memory.attempts += 1;
        let until = turn.now + pause;
        let asked = std::mem::take(&mut memory.not_before);
        if asked > until {
            turn.count(self.group, Counter::RetriesDeferred);
        }
        turn.count(self.group, Counter::Reconnects);
        self.who.iteration += 1;
        self.wait = Wait::Backoff(until.max(asked));
    }

    /// A connection was opened: counts it if it follows a failure.
    pub(super) fn came_back(&mut self, turn: &mut Turn<'_>) {
        if self.who.memory.as_ref().is_some_and(|memory| memory.attempts > 0) {
            turn.count(self.group, Counter::ReconnectsOpened);
        }
    }

    /// Remembers when a refused upgrade asked to come again (RFC 9110 10.2.3).
    pub(super) fn heed(&mut self, turn: &Turn<'_>, refusal: &Refusal) {
        let heeds = self
            .plan(turn.script)
            .connection
            .reconnect
            .is_some_and(|plan| plan.retry_after);
        let unix = Duration::from_nanos(turn.script.unix_nanos(turn.now));
        let asked = refusal
            .header("Retry-After")
            .and_then(|value| retry_after(value, unix));
        if let (true, Some(asked), Some(memory)) = (heeds, asked, &mut self.who.memory) {
            memory.not_before = turn.now + asked;
        }
    }
}

/// The pause before the `attempt`-th (from 0) begin after a failure; `None` if there is to be none.
fn pause(policy: ReconnectPolicy, attempt: u64, fraction: f64) -> Option<Duration> {
    match policy {
        ReconnectPolicy::None => None,
        ReconnectPolicy::Fixed(pause) => Some(pause),
        ReconnectPolicy::Exponential { first, cap } => {
            let doublings = u32::try_from(attempt.min(30)).unwrap_or(30);
            let longest = first.saturating_mul(2_u32.pow(doublings)).min(cap);
            Some(longest.mul_f64(fraction))
        }
    }
}

/// Seconds, or a date, as the time from now; a date in the past is now.
fn retry_after(value: &str, unix: Duration) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(UNIX_EPOCH).ok()?.saturating_sub(unix)
        }
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponential_pause_is_any_part_of_what_doubles_up_to_the_cap() {
        let policy = ReconnectPolicy::Exponential {
            first: Duration::from_millis(100),
            cap: Duration::from_secs(1),
        };
        for (attempt, longest) in [
            (0, 100),
            (1, 200),
            (3, 800),
            (4, 1000),
            (63, 1000),
            (u64::MAX, 1000),
        ] {
            let millis = |fraction| pause(policy, attempt, fraction).unwrap().as_millis();
            assert_eq!(
                (millis(0.0), millis(0.5), millis(1.0)),
                (0, longest / 2, longest),
                "attempt {attempt}"
            );
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let unix = Duration::from_secs(784_111_777);
        let seconds = |value| retry_after(value, unix).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:07 GMT"), Some(0));
        assert_eq!(seconds("99999999999"), Some(LONGEST_RETRY_AFTER.as_secs()));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-1"), None);
    }
}
