use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SETTLE: Duration = Duration::from_secs(2);
const IN_ORDER: Heard = Heard::Owed { out_of_order: false };
const OUT_OF_ORDER: Heard = Heard::Owed { out_of_order: true };

fn ms(millis: u64) -> Moment {
    Moment::from_nanos(1_000_000_000 + millis * 1_000_000)
}

fn room() -> Arc<Room> {
    Arc::new(Room::new(3, SETTLE))
}

/// The mark of a message that is sent at `millis`, whose sender's message before is `back` before it.
fn send(room: &Room, millis: u64, back: u32) -> Mark {
    Mark {
        room: 3,
        number: room.take(ms(millis)),
        back,
        sent: ms(millis).as_nanos(),
        ..Mark::default()
    }
}

fn parting(owed: u64, missing: u64, unsettled: u64) -> Parting {
    Parting {
        owed,
        settled: Settled { missing, unsettled },
        overtaken: 0,
    }
}

#[test]
fn a_member_is_owed_what_is_sent_from_its_join_to_its_leave() {
    let room = room();
    let before = send(&room, 0, 0);
    let mut member = Member::new(Arc::clone(&room), ms(10));
    let during: Vec<_> = (0..200).map(|n| send(&room, 20 + n, 1)).collect();
    assert_eq!(member.hear(&before, ms(300)), Heard::Outside);
    assert!(during.iter().all(|mark| member.hear(mark, ms(300)) == IN_ORDER));
    assert_eq!(member.finish(ms(400)), parting(200, 0, 0));
}

#[test]
fn what_is_missing_is_lost_once_it_is_old_and_open_until_then() {
    let room = room();
    let mut member = Member::new(Arc::clone(&room), ms(0));
    let marks: Vec<_> = (0..100).map(|n| send(&room, n * 100, 0)).collect();
    for mark in marks.iter().filter(|mark| mark.number % 10 != 0) {
        assert_eq!(member.hear(mark, Moment::from_nanos(mark.sent)), IN_ORDER);
    }
    // Sent at 0, 1000, ..., 9000; two seconds before the end is 7901.
    assert_eq!(member.finish(ms(9_901)), parting(100, 8, 2));
}

#[test]
fn what_comes_twice_late_or_from_elsewhere_is_no_delivery() {
    let room = room();
    let mut member = Member::new(Arc::clone(&room), ms(0));
    let (first, second) = (send(&room, 1, 0), send(&room, 2, 1));
    assert_eq!(member.hear(&second, ms(10)), IN_ORDER);
    assert_eq!(member.hear(&second, ms(11)), Heard::Again);
    let other = Mark { room: 4, ..second };
    assert_eq!(member.hear(&other, ms(12)), Heard::Stray);
    let earlier = Mark {
        room: 4,
        sent: 0,
        ..second
    };
    assert_eq!(member.hear(&earlier, ms(12)), Heard::Outside);
    let invented = Mark { number: 2, ..second };
    assert_eq!(member.hear(&invented, ms(13)), Heard::Foreign);
    assert_eq!(
        member.hear(&first, ms(5_000)),
        Heard::Late,
        "it was given up before it came"
    );
    assert_eq!(member.finish(ms(5_000)), parting(2, 1, 0));
}

#[test]
fn a_message_after_its_senders_next_one_is_out_of_order_and_others_may_come_as_they_like() {
    let room = room();
    let mut member = Member::new(Arc::clone(&room), ms(0));
    // Two senders in turn.
    let [a, b, c, d] = [0, 0, 2, 2].map(|back| send(&room, 1, back));
    assert_eq!(member.hear(&b, ms(2)), IN_ORDER, "of another sender");
    assert_eq!(member.hear(&c, ms(2)), IN_ORDER);
    assert_eq!(member.hear(&a, ms(2)), OUT_OF_ORDER, "after c");
    assert_eq!(member.hear(&d, ms(2)), IN_ORDER);
    assert_eq!(member.finish(ms(3)), parting(4, 0, 0));
}

#[test]
fn what_was_settled_is_told_once_and_what_was_overtaken_is_known() {
    let room = room();
    let mut member = Member::new(Arc::clone(&room), ms(0));
    let [a, b, _, d] = [(0, 0), (1, 0), (9_000, 1), (9_001, 1)].map(|(at, back)| send(&room, at, back));
    assert_eq!(member.hear(&b, ms(2)), IN_ORDER);
    assert_eq!(member.settled(), Settled::default());
    assert_eq!(member.hear(&d, ms(9_002)), IN_ORDER, "and a is lost by now");
    let lost = Settled {
        missing: 1,
        unsettled: 0,
    };
    assert_eq!((member.settled(), member.settled()), (lost, Settled::default()));
    assert_eq!(member.hear(&a, ms(9_003)), Heard::Late);
    let parting = member.finish(ms(9_004));
    assert_eq!(
        (parting.owed, parting.settled.unsettled, parting.overtaken),
        (4, 1, 1)
    );
}

#[test]
fn what_was_on_its_way_when_the_client_began_to_leave_may_still_come() {
    let room = room();
    let mut member = Member::new(Arc::clone(&room), ms(0));
    let [a, b, c, d] = [0, 0, 3_000, 3_001].map(|at| send(&room, at, 0));
    member.leave(ms(3_100));
    let after = send(&room, 3_200, 0);
    member.leave(ms(3_300));
    for (mark, heard) in [
        (&a, IN_ORDER),
        (&after, Heard::Outside),
        (&c, IN_ORDER),
        (&c, Heard::Again),
    ] {
        assert_eq!(member.hear(mark, ms(9_000)), heard);
    }
    assert_eq!((b.number, d.number), (1, 3));
    assert_eq!(
        member.finish(ms(9_001)),
        parting(4, 1, 1),
        "b was old then and d was not"
    );
}

#[test]
fn its_own_messages_are_not_owed_where_they_do_not_come_back() {
    let room = room();
    let mut member = Member::new(Arc::clone(&room), ms(0));
    let marks = [0, 1, 2].map(|_| send(&room, 1, 0));
    member.exempt(marks[1].number);
    assert_eq!(member.hear(&marks[0], ms(2)), IN_ORDER);
    assert_eq!(member.finish(ms(5_000)), parting(2, 1, 0));
}

#[test]
fn what_nobody_can_know_is_not_lost() {
    let room = room();
    let mut member = Member::new(Arc::clone(&room), ms(0));
    let marks: Vec<_> = (0..6).map(|_| send(&room, 1, 0)).collect();
    assert_eq!(member.hear(&marks[4], ms(2)), IN_ORDER);
    room.void([1, 4].into_iter());
    assert_eq!(
        member.finish(ms(9_000)),
        parting(6, 4, 1),
        "4 was received, so it was sent"
    );
}

#[test]
fn a_member_that_hears_nothing_costs_nothing_and_knows_what_it_missed() {
    let room = room();
    let mut member = Member::new(Arc::clone(&room), ms(0));
    let marks: Vec<_> = (0..300_000_u64).map(|n| send(&room, n / 1_000, 0)).collect();
    assert_eq!(member.words.len(), 0);
    let last = &marks[marks.len() - 1];
    assert_eq!(member.hear(last, ms(300)), IN_ORDER);
    assert!(member.words.len() as u64 <= WINDOW / BITS);
    assert_eq!(member.hear(&marks[0], ms(301)), Heard::Late);
    assert_eq!(member.finish(ms(302)), parting(300_000, 0, 299_999));
}

/// What a member should say, by looking at all that happened.
fn model(marks: &[Mark], heard: &[(usize, u64)], leave: u64) -> (u64, u64, u64) {
    let received: BTreeSet<_> = heard.iter().map(|(index, _)| *index).collect();
    let missing = |old: bool| {
        let is_old = |mark: &Mark| mark.sent + SETTLE.as_nanos() as u64 <= ms(leave).as_nanos();
        let marks = marks.iter().enumerate();
        marks
            .filter(|(index, mark)| !received.contains(index) && is_old(mark) == old)
            .count() as u64
    };
    (received.len() as u64, missing(true), missing(false))
}

proptest! {
    /// Messages 200 ms apart, so that each has a checkpoint of its own; some are lost, some doubled, some delayed by less
    /// than `settle`.
    #[test]
    fn every_message_comes_to_the_end_that_it_should(
        fates in proptest::collection::vec((0_u64..1_500, 0_u8..4), 1..200),
        after in 0_u64..4_000,
    ) {
        let room = room();
        let mut member = Member::new(Arc::clone(&room), ms(0));
        let mut arrivals = Vec::new();
        let mut marks = Vec::new();
        let leave = fates.len() as u64 * 200 + after;
        for (index, (delay, fate)) in fates.iter().enumerate() {
            let sent = index as u64 * 200;
            let copies = usize::from(*fate > 0) + usize::from(*fate == 3);
            arrivals.extend(std::iter::repeat_n((sent + delay, Some(index)), copies));
            arrivals.push((sent, None));
        }
        arrivals.retain(|(at, _)| *at < leave);
        // A message is sent before anything of the same moment arrives.
        arrivals.sort_unstable();
        let (mut heard, mut again) = (Vec::new(), 0);
        let mut received = 0;
        for (at, what) in arrivals {
            match what {
                None => marks.push(send(&room, at, 0)),
                Some(index) => match member.hear(&marks[index], ms(at)) {
                    Heard::Owed { .. } => { received += 1; heard.push((index, at)); }
                    Heard::Again => { again += 1; heard.push((index, at)); }
                    other => prop_assert!(false, "{other:?}"),
                },
            }
        }
        let (distinct, lost, open) = model(&marks, &heard, leave);
        prop_assert_eq!(received, distinct);
        prop_assert_eq!(again, heard.len() as u64 - distinct);
        prop_assert_eq!(member.finish(ms(leave)), parting(marks.len() as u64, lost, open));
    }
}
