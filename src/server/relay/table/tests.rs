use super::*;
use crate::server::relay::mailbox::{Inbox, MailboxLimits, mailbox};
use crate::server::relay::pid::Node;

struct Process {
    pid: Pid,
    _inbox: Inbox,
    killed: oneshot::Receiver<ExitReason>,
}

impl Process {
    fn kill_reason(&mut self) -> Option<ExitReason> {
        self.killed.try_recv().ok()
    }
}

/// A table with processes 1 to `N`; the last is a connection.
fn table<const N: usize>() -> (Table, [Process; N]) {
    let (mut table, node) = (Table::default(), Node::new("n"));
    let processes = std::array::from_fn(|index| {
        let pid = node.pid(index as u64 + 1);
        let (mailbox, inbox) = mailbox(MailboxLimits {
            letters: 4,
            bytes: 1 << 16,
        });
        let (kill, killed) = oneshot::channel();
        let kind = if index + 1 == N {
            Kind::Connection
        } else {
            Kind::Service("test".to_owned())
        };
        table
            .insert(Entry::new(pid.clone(), kind, Moment::ZERO, mailbox, kill), None)
            .unwrap();
        Process {
            pid,
            _inbox: inbox,
            killed,
        }
    });
    (table, processes)
}

/// The ends that the letters tell of.
fn exits(notices: &[Notice]) -> Vec<(&Pid, &ExitReason)> {
    let exits = notices.iter().map(|(_, letter)| match &letter.content {
        Content::Exit { pid, reason } => (pid, reason),
        other => panic!("{other:?}"),
    });
    exits.collect()
}

#[test]
fn e4_each_monitor_gets_one_exit() {
    let (mut table, [a, b, c]) = table();
    for watcher in [&a, &b, &a] {
        assert!(table.monitor(&watcher.pid, &c.pid).is_none());
    }
    let notices = table.ended(&c.pid, &ExitReason::Normal);
    assert_eq!(exits(&notices), [(&c.pid, &ExitReason::Normal); 2]);
    assert!(
        table.ended(&c.pid, &ExitReason::Normal).is_empty(),
        "a process ends once"
    );
}

#[test]
fn e4_who_stopped_monitoring_gets_nothing() {
    let (mut table, [a, b]) = table();
    table.monitor(&a.pid, &b.pid);
    table.demonitor(&a.pid, &b.pid);
    assert!(table.ended(&b.pid, &ExitReason::Normal).is_empty());
}

#[test]
fn e4_monitoring_what_is_gone_is_answered_at_once() {
    let (mut table, [a, b]) = table();
    table.ended(&b.pid, &ExitReason::Normal);
    let notice = table.monitor(&a.pid, &b.pid);
    assert_eq!(exits(&Vec::from_iter(notice)), [(&b.pid, &ExitReason::Unknown)]);
}

#[test]
fn e4_a_failure_passes_through_links_both_ways() {
    for failing in [0, 1] {
        let (mut table, mut processes) = table::<2>();
        let [a, b] = &processes;
        table.link(&a.pid, &b.pid);
        let notices = table.ended(&processes[failing].pid, &ExitReason::crashed("x"));
        assert!(notices.is_empty());
        assert!(matches!(
            processes[1 - failing].kill_reason(),
            Some(ExitReason::Killed(_))
        ));
    }
}

#[test]
fn e4_a_normal_end_or_a_cut_link_leaves_the_other_alone() {
    let (mut table, [a, mut b, c]) = table();
    table.link(&a.pid, &b.pid);
    table.ended(&a.pid, &ExitReason::Normal);
    table.link(&b.pid, &c.pid);
    table.unlink(&c.pid, &b.pid);
    table.ended(&c.pid, &ExitReason::crashed("x"));
    assert_eq!(b.kill_reason(), None);
}

#[test]
fn e4_who_traps_exits_gets_one_letter_instead() {
    let (mut table, [mut a, b]) = table();
    table.trap_exits(&a.pid, true);
    table.link(&a.pid, &b.pid);
    table.monitor(&a.pid, &b.pid);
    let reason = ExitReason::crashed("x");
    assert_eq!(exits(&table.ended(&b.pid, &reason)), [(&b.pid, &reason)]);
    assert_eq!(a.kill_reason(), None);
}

#[test]
fn e4_linking_to_what_is_gone_ends_the_linker() {
    let (mut table, [mut a, b]) = table();
    table.ended(&b.pid, &ExitReason::Normal);
    assert!(table.link(&a.pid, &b.pid).is_none());
    assert!(matches!(a.kill_reason(), Some(ExitReason::Killed(_))));
}

#[test]
fn e3_a_name_belongs_to_one_process_at_a_time() {
    let (mut table, [a, b]) = table();
    let entry = |pid: &Pid| {
        let (mailbox, _) = mailbox(MailboxLimits { letters: 1, bytes: 1 });
        Entry::new(
            pid.clone(),
            Kind::Service("room".to_owned()),
            Moment::ZERO,
            mailbox,
            oneshot::channel().0,
        )
    };
    table.ended(&a.pid, &ExitReason::Normal);
    table.insert(entry(&a.pid), Some("lobby")).unwrap();
    assert_eq!(table.named("lobby"), Some(&a.pid));
    let later = b.pid.node().pid(9);
    assert_eq!(table.insert(entry(&later), Some("lobby")), Err(a.pid.clone()));
    table.ended(&a.pid, &ExitReason::Normal);
    assert_eq!(table.named("lobby"), None);
    table.insert(entry(&later), Some("lobby")).unwrap();
    assert_eq!((table.services(), table.connections()), (1, 1));
}

#[test]
fn a_stop_ends_services_and_leaves_connections_to_their_sessions() {
    let (mut table, [mut service, mut connection]) = table();
    table.kill_services(&ExitReason::killed("stop"));
    assert_eq!(service.kill_reason(), Some(ExitReason::killed("stop")));
    assert_eq!(connection.kill_reason(), None);
    assert!(table.kill(&connection.pid, ExitReason::Normal));
    assert_eq!(connection.kill_reason(), Some(ExitReason::Normal));
}
