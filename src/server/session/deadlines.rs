//! [`Deadlines`]: everything about a session that depends on time, without a clock.

use std::time::Duration;

use crate::clock::Moment;
use crate::server::config::RouteLimits;

/// The session's deadlines. One timer of the worker stands for the earliest of them.
///
/// What happens often ([`Deadlines::active`]) only stores a moment: the timer fires at the old deadline, finds nothing due
/// and is set again.
#[derive(Debug)]
pub(crate) struct Deadlines {
    /// When anything was last exchanged; [`Moment::NEVER`] once that does not matter any more.
    active: Moment,
    ping: Moment,
    pong: Moment,
    write: Moment,
    close: Moment,
    mode: Moment,
}

/// What a session has to do because time passed, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing yet.
    Nothing,
    /// The client did not play its part of the close handshake: cut.
    CloseTimeout,
    /// The client takes nothing: cut.
    WriteDeadline,
    /// A ping was not answered: close.
    PongTimeout,
    /// Nothing was exchanged: close.
    IdleTimeout,
    /// Send a ping.
    Ping,
    /// The mode asked for this moment.
    Mode,
}

/// The write deadline of a connection that has none: bytes wait all the same.
const UNLIMITED: Moment = Moment::from_nanos(u64::MAX - 1);

impl Deadlines {
    /// Those of a connection that opens at `now`.
    pub(crate) fn new(limits: &RouteLimits, now: Moment) -> Self {
        Self {
            active: now,
            ping: after(now, limits.ping_interval),
            pong: Moment::NEVER,
            write: Moment::NEVER,
            close: Moment::NEVER,
            mode: Moment::NEVER,
        }
    }

    /// A frame came from the client, or a message went to it.
    #[inline]
    pub(crate) fn active(&mut self, now: Moment) {
        self.alive(now);
    }

    /// A pong came.
    pub(crate) fn pong(&mut self) {
        self.pong = Moment::NEVER;
    }

    /// There are bytes that the client does not take. While that is so, nothing is read and no ping is sent, hence
    /// only the write deadline counts; every byte that the client takes renews it and is a sign of life.
    pub(crate) fn write_blocked(&mut self, limits: &RouteLimits, progress: bool, now: Moment) {
        if progress || self.write == Moment::NEVER {
            self.write = after(now, limits.write_deadline).min(UNLIMITED);
            self.alive(now);
        }
    }

    /// The client took everything; says whether it had to be waited for.
    #[inline]
    pub(crate) fn write_done(&mut self, limits: &RouteLimits, now: Moment) -> bool {
        let waited = self.write != Moment::NEVER;
        if waited {
            self.write = Moment::NEVER;
            // Its pong may have been unread all the while.
            self.excuse(limits, now);
        }
        waited
    }

    /// The client is not read for now, so its silence says nothing.
    pub(crate) fn excuse(&mut self, limits: &RouteLimits, now: Moment) {
        self.alive(now);
        if self.pong != Moment::NEVER {
            self.pong = after(now, limits.pong_wait);
        }
    }

    fn alive(&mut self, now: Moment) {
        if self.active != Moment::NEVER {
            self.active = now;
        }
    }

    /// Our Close frame is on its way: from here on only the close timeout and the write deadline count.
    pub(crate) fn closing(&mut self, limits: &RouteLimits, now: Moment) {
        if self.close == Moment::NEVER {
            self.close = after(now, limits.close_timeout);
        }
        self.ping = Moment::NEVER;
        self.pong = Moment::NEVER;
        self.mode = Moment::NEVER;
        self.active = Moment::NEVER;
    }

    /// The mode had its time to end; the client gets its own.
    pub(crate) fn closing_anew(&mut self, limits: &RouteLimits, now: Moment) {
        self.close = after(now, limits.close_timeout);
    }

    /// The mode wants to be woken.
    pub(crate) fn wake_mode(&mut self, at: Moment) {
        self.mode = at;
    }

    /// When [`Deadlines::check`] has to be asked again; [`Moment::NEVER`] if time changes nothing.
    pub(crate) fn next(&self, limits: &RouteLimits) -> Moment {
        if self.write == UNLIMITED {
            return self.close;
        }
        if self.write != Moment::NEVER {
            return self.write.min(self.close);
        }
        let idle = after(self.active, limits.idle_timeout);
        self.close.min(idle).min(self.ping).min(self.pong).min(self.mode)
    }

    /// What is due at `now`; asked again until nothing is. Pings and the mode's moment are due once.
    pub(crate) fn check(&mut self, limits: &RouteLimits, now: Moment) -> Due {
        if self.close <= now {
            return Due::CloseTimeout;
        }
        if self.write != Moment::NEVER {
            return if self.write <= now {
                Due::WriteDeadline
            } else {
                Due::Nothing
            };
        }
        if self.pong <= now {
            return Due::PongTimeout;
        }
        if after(self.active, limits.idle_timeout) <= now {
            return Due::IdleTimeout;
        }
        if self.ping <= now {
            self.ping = after(now, limits.ping_interval);
            if self.pong == Moment::NEVER {
                self.pong = after(now, limits.pong_wait);
            }
            return Due::Ping;
        }
        if self.mode <= now {
            self.mode = Moment::NEVER;
            return Due::Mode;
        }
        Due::Nothing
    }
}

fn after(now: Moment, span: Option<Duration>) -> Moment {
    span.map_or(Moment::NEVER, |span| now + span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    /// Seeds A1, A2, D6: idle 300 s, ping every 30 s, pong within 60 s, write within 15 s.
    fn open(limits: &RouteLimits) -> Deadlines {
        Deadlines::new(limits, at(0))
    }

    #[test]
    fn a2_d6_pings_every_interval_and_answered_pings_keep_the_connection() {
        let limits = RouteLimits::default();
        let mut deadlines = open(&limits);
        for round in 1..20 {
            let now = at(30 * round);
            assert_eq!(deadlines.next(&limits), now);
            assert_eq!(deadlines.check(&limits, now), Due::Ping);
            assert_eq!(deadlines.check(&limits, now), Due::Nothing);
            deadlines.active(now);
            deadlines.pong();
        }
    }

    #[test]
    fn a1_d6_a_client_that_is_not_read_is_not_blamed_for_silence() {
        let limits = RouteLimits::default();
        let mut deadlines = open(&limits);
        assert_eq!(deadlines.check(&limits, at(30)), Due::Ping);
        assert_eq!(deadlines.check(&limits, at(90)), Due::PongTimeout);
        deadlines.excuse(&limits, at(90));
        assert_eq!(deadlines.check(&limits, at(90)), Due::Ping);
        assert_eq!(deadlines.check(&limits, at(149)), Due::Ping);
        assert_eq!(deadlines.check(&limits, at(150)), Due::PongTimeout);
        deadlines.pong();
        assert_eq!(deadlines.check(&limits, at(389)), Due::Ping);
        deadlines.pong();
        assert_eq!(deadlines.check(&limits, at(390)), Due::IdleTimeout);
    }

    #[test]
    fn d6_an_unanswered_ping_is_noticed_after_the_pong_wait_although_pings_go_on() {
        let limits = RouteLimits::default();
        let mut deadlines = open(&limits);
        assert_eq!(deadlines.check(&limits, at(30)), Due::Ping);
        assert_eq!(deadlines.check(&limits, at(60)), Due::Ping);
        assert_eq!(deadlines.check(&limits, at(89)), Due::Nothing);
        assert_eq!(deadlines.next(&limits), at(90));
        assert_eq!(deadlines.check(&limits, at(90)), Due::PongTimeout);
    }

    #[test]
    fn a1_b10_idle_counts_from_the_last_activity() {
        let limits = RouteLimits {
            ping_interval: None,
            ..RouteLimits::default()
        };
        let mut deadlines = open(&limits);
        assert_eq!(deadlines.next(&limits), at(300));
        deadlines.active(at(100));
        assert_eq!(deadlines.check(&limits, at(300)), Due::Nothing);
        assert_eq!(deadlines.next(&limits), at(400));
        assert_eq!(deadlines.check(&limits, at(400)), Due::IdleTimeout);
    }

    #[test]
    fn d7_a_blocked_write_has_a_deadline_that_progress_renews() {
        let limits = RouteLimits::default();
        let mut deadlines = open(&limits);
        deadlines.write_blocked(&limits, false, at(10));
        deadlines.write_blocked(&limits, false, at(20));
        assert_eq!(deadlines.next(&limits), at(25));
        deadlines.write_blocked(&limits, true, at(24));
        assert_eq!(deadlines.check(&limits, at(25)), Due::Nothing);
        assert_eq!(deadlines.check(&limits, at(39)), Due::WriteDeadline);
    }

    #[test]
    fn a_slow_reader_is_not_accused_of_a_missing_pong() {
        let limits = RouteLimits::default();
        let mut deadlines = open(&limits);
        assert_eq!(deadlines.check(&limits, at(30)), Due::Ping);
        for second in (31..200).step_by(10) {
            deadlines.write_blocked(&limits, true, at(second));
            assert_eq!(deadlines.check(&limits, at(second + 9)), Due::Nothing);
        }
        deadlines.write_done(&limits, at(200));
        assert_eq!(deadlines.check(&limits, at(200)), Due::Ping);
        assert_eq!(deadlines.check(&limits, at(259)), Due::Ping);
        assert_eq!(deadlines.check(&limits, at(260)), Due::PongTimeout);
    }

    #[test]
    fn a_closing_session_waits_for_nothing_but_the_close() {
        let limits = RouteLimits::default();
        let mut deadlines = open(&limits);
        deadlines.closing(&limits, at(10));
        deadlines.closing(&limits, at(12));
        assert_eq!(deadlines.next(&limits), at(15));
        assert_eq!(deadlines.check(&limits, at(14)), Due::Nothing);
        assert_eq!(deadlines.check(&limits, at(15)), Due::CloseTimeout);
    }

    #[test]
    fn timeouts_that_are_off_never_come() {
        let limits = RouteLimits {
            idle_timeout: None,
            ping_interval: None,
            close_timeout: None,
            write_deadline: None,
            ..RouteLimits::default()
        };
        let mut deadlines = open(&limits);
        assert_eq!(deadlines.next(&limits), Moment::NEVER);
        deadlines.write_blocked(&limits, false, at(5));
        deadlines.wake_mode(at(6));
        assert_eq!(
            deadlines.check(&limits, at(7)),
            Due::Nothing,
            "the client takes nothing"
        );
        deadlines.closing(&limits, at(8));
        assert_eq!(deadlines.next(&limits), Moment::NEVER);
        assert_eq!(deadlines.check(&limits, at(1_000_000)), Due::Nothing);
    }

    #[test]
    fn the_modes_moment_comes_once() {
        let limits = RouteLimits::default();
        let mut deadlines = open(&limits);
        deadlines.wake_mode(at(3));
        assert_eq!(deadlines.next(&limits), at(3));
        assert_eq!(deadlines.check(&limits, at(3)), Due::Mode);
        assert_eq!(deadlines.check(&limits, at(3)), Due::Nothing);
    }
}
