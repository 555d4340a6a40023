use super::*;
use crate::server::config::{ServerConfig, plan_routes};
use crate::wire::MessageKind;

/// Memory per connection, beside the session itself.
#[test]
fn a_slot_stays_small() {
    assert!(size_of::<Slot>() <= 112, "{} bytes", size_of::<Slot>());
    assert!(size_of::<About>() <= 104, "{} bytes", size_of::<About>());
}

fn session(id: u64, route: u16) -> NewSession {
    NewSession {
        id: ConnectionId(id),
        route: RouteId(route),
        peer: SocketAddr::from(([127, 0, 0, 1], 1)),
        remarks: None,
        opened: Moment::ZERO,
        places: Places::default(),
        room: RoomName::default(),
    }
}

fn in_room(id: u64, room: &str) -> NewSession {
    NewSession {
        room: RoomName::new(room).unwrap(),
        ..session(id, 0)
    }
}

fn reached(registry: &mut Registry, route: u16) -> usize {
    reached_in(registry, route, "")
}

fn reached_in(registry: &mut Registry, route: u16, room: &str) -> usize {
    let message = SharedMessage::new(MessageKind::Text, b"x");
    let room = RoomName::new(room).unwrap();
    let limits = RouteLimits::default();
    let mut offered = 0;
    let members = registry.fan_out((RouteId(route), &room), &message, &limits, |_| offered += 1);
    assert_eq!(offered, members);
    members
}

#[test]
fn messages_reach_the_members_of_their_room_only() {
    let mut registry = Registry::new(2);
    registry.insert(session(1, 0));
    let a: Vec<u32> = (2..5).map(|id| registry.insert(in_room(id, "a"))).collect();
    let b = registry.insert(in_room(5, "b"));
    assert_eq!(registry.room_of(a[0]).as_str(), "a");
    assert_eq!(reached(&mut registry, 0), 1);
    assert_eq!(reached_in(&mut registry, 0, "a"), 3);
    assert_eq!(reached_in(&mut registry, 0, "b"), 1);
    assert_eq!(reached_in(&mut registry, 1, "a"), 0, "another route");
    registry.leave(a[0]);
    assert_eq!(reached_in(&mut registry, 0, "a"), 2);
    assert_eq!(
        registry.room_of(a[0]).as_str(),
        "a",
        "its ending is told to those that stay"
    );
    registry.remove(b);
    assert_eq!(reached_in(&mut registry, 0, "b"), 0);
}

#[test]
fn a_room_without_members_leaves_nothing_behind() {
    let mut registry = Registry::new(1);
    for round in 0..100 {
        let keys = [0, 1].map(|id| registry.insert(in_room(id, &format!("room {round}"))));
        for key in keys {
            registry.leave(key);
            registry.remove(key);
        }
    }
    assert_eq!((registry.rooms.len(), registry.named[0].len()), (1, 0));
    registry.insert(session(7, 0));
    assert_eq!(reached(&mut registry, 0), 1);
}

#[test]
fn messages_reach_the_open_sessions_of_their_route() {
    let mut registry = Registry::new(2);
    let keys: Vec<u32> = (0..4).map(|id| registry.insert(session(id, 0))).collect();
    registry.insert(session(9, 1));
    assert_eq!((reached(&mut registry, 0), reached(&mut registry, 1)), (4, 1));
    registry.leave(keys[1]);
    registry.leave(keys[1]);
    registry.remove(keys[0]);
    assert_eq!(reached(&mut registry, 0), 2);
    registry.remove(keys[1]);
    registry.remove(keys[3]);
    assert_eq!((reached(&mut registry, 0), registry.len()), (1, 2));
}

#[test]
fn a_message_for_a_session_that_is_gone_does_not_reach_its_successor() {
    let routes = plan_routes(&ServerConfig::default()).unwrap();
    let mut registry = Registry::new(routes.len());
    let slot = registry.insert(session(1, 0));
    registry.remove(slot);
    assert_eq!(registry.insert(session(2, 0)), slot);
    let message = SharedMessage::new(MessageKind::Text, b"x");
    let mut deliver = |id| {
        registry.deliver(
            Address {
                slot,
                id: ConnectionId(id),
            },
            message.clone(),
            &routes,
        )
    };
    assert_eq!(deliver(1), None);
    assert_eq!(deliver(2), Some((RouteId(0), Offered::Queued)));
    assert!(registry.attend(slot).outbox.is_some());
}

#[test]
fn the_first_order_stands_but_for_a_cut() {
    let mut registry = Registry::new(1);
    let slot = registry.insert(session(1, 0));
    registry.order_all(&SessionOrder::Stop);
    registry.order(
        Address {
            slot,
            id: ConnectionId(1),
        },
        SessionOrder::SlowConsumer,
    );
    assert_eq!(registry.attend(slot).order.as_deref(), Some(&SessionOrder::Stop));
    registry.order_all(&SessionOrder::Stop);
    registry.order_all(&SessionOrder::Cut);
    assert_eq!(registry.attend(slot).order.as_deref(), Some(&SessionOrder::Cut));
}
