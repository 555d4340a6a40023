//! Fan-out: who was owed which message of a room, and who got it.
//!
//! | file | purpose |
//! |---|---|
//! | `room` | [`Room`]: numbers its messages over all workers, and knows which of them are old enough to be lost |
//! | `member` | [`Member`]: what one client was owed and what it got, as a window of bits |
//!
//! **Identity.** A message for the members of a room carries a [`Mark`](crate::scenario::Mark): run, room, number within the
//! room, and the moment it was sent. The number is taken from a counter that all workers share, one atomic addition for
//! each message *sent*; what happens for each message *received*, which is as often as the room has members, changes nothing
//! but the member's own memory. All workers read one monotonic clock, so a receiver has the latency from the mark alone.
//!
//! **What is owed.** Membership begins when the client knows of it: it reads the room's counter when its flow reaches the
//! `join` step, after whatever the scenario takes for the acknowledgement. It ends when the client starts to leave: it
//! reads the counter again before it sends its Close frame, or when it learns that its connection is gone. The numbers
//! between the two readings are what it is owed, and there is nothing to estimate. Each of them comes to exactly one end:
//!
//! - *received*, for the first time, be it while the client leaves: before its connection ends or it joins another room;
//! - *lost*: not received although it was sent longer than `settle` ago, or before the client began to leave;
//! - *replaced*: the same where the server repeats the latest message of each sender (`latest`);
//! - *unsettled*: not received, but nobody can say that it should have been: it was sent less than `settle` before the
//!   client began to leave, or its sender's connection ended within that time in a way that leaves open whether the
//!   server read it. Where messages may be replaced, one whose sender's next one came was.
//!
//! What is not owed is counted apart: messages sent before the client knew of its membership or after it began to
//! leave (*outside*), of another room (*stray*), again (*duplicate*), after they were settled (*late*), of another run
//! (*foreign*). Expected is received + lost; reach is received / expected.
//!
//! **Order.** A mark says how far back in the room its sender's message before is. If that one is missing when a message
//! comes, it is marked as overtaken; if it comes then, it is out of order; over connections that follow each other
//! nothing is promised. So a message is out of order if it comes after its sender's next one, and this needs two bits for
//! each message, not a table of senders for each receiver.
//!
//! **Memory.** A room costs some hundred bytes, a member two bits for each message of the last `settle`, with a bound of
//! 65,536 messages: beyond it the oldest count as unsettled if they are missing.

mod member;
mod room;

pub(super) use member::{Heard, Member, Settled};
pub(super) use room::{Room, Rooms};
