use super::*;
use crate::server::relay::letter::{Content, Data};
use crate::server::relay::testing::{Probe, processes, send, stuck};

fn text(text: &str) -> Content {
    Content::Send(Data::text(text))
}

#[tokio::test]
async fn e3_anyone_may_send_to_a_pid_and_letters_of_one_sender_stay_in_order() {
    let processes = processes(4);
    let mut probe = Probe::new(&processes);
    let sending = {
        let (processes, pid) = (processes.clone(), probe.pid.clone());
        tokio::spawn(async move {
            for n in 0..100 {
                send(&processes, &pid, text(&n.to_string())).await;
            }
        })
    };
    for n in 0..100 {
        assert_eq!(probe.letter().await.content, text(&n.to_string()));
    }
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn e3_a_letter_for_a_full_mailbox_is_refused_after_a_while() {
    let processes = processes(1);
    let pid = stuck(&processes);
    send(&processes, &pid, text("a")).await;
    let refused = processes.send(&pid, Letter::anonymous(text("b"))).await;
    assert_eq!(refused, Err(SendError::Full(pid.clone())));
    assert_eq!(
        processes.send_from_afar(&pid, Letter::anonymous(text("c"))).await,
        Err(SendError::Full(pid))
    );
}

#[tokio::test]
async fn e3_a_letter_for_nobody_is_refused() {
    let (here, elsewhere) = (processes(1), processes(1));
    let stranger = Probe::new(&elsewhere).pid;
    for pid in [here.node().pid(99), stranger] {
        let refused = here.send(&pid, Letter::anonymous(text("a"))).await;
        assert_eq!(refused, Err(SendError::Unknown(pid.to_string())));
        assert_eq!(here.find(&pid.to_string()), None);
    }
}

#[tokio::test]
async fn e4_monitors_learn_how_a_process_ended() {
    let processes = processes(4);
    for reason in [ExitReason::Normal, ExitReason::crashed("exit status: 3")] {
        let (mut watcher, watched) = (Probe::new(&processes), Probe::new(&processes));
        let pid = watched.pid.clone();
        processes.monitor(&watcher.pid, &pid);
        watched.end(reason.clone()).await;
        assert_eq!(watcher.exit().await, (pid, reason));
    }
}

#[tokio::test]
async fn e4_a_panic_is_a_crash() {
    let processes = processes(4);
    let mut watcher = Probe::new(&processes);
    let (go, gone) = oneshot::channel::<()>();
    let body = |_me: Me| async move {
        gone.await.unwrap();
        panic!("on purpose")
    };
    let pid = processes
        .spawn(Kind::Service("fragile".to_owned()), None, body)
        .unwrap();
    processes.monitor(&watcher.pid, &pid);
    go.send(()).unwrap();
    assert_eq!(
        watcher.exit().await,
        (pid, ExitReason::crashed("its code failed"))
    );
}

#[tokio::test]
async fn e4_the_end_of_a_process_comes_after_its_letters_also_to_a_full_mailbox() {
    let processes = processes(1);
    let mut watcher = Probe::new(&processes);
    let to = watcher.pid.clone();
    let body = |me: Me| async move {
        for n in 0..10 {
            me.send(&to, text(&n.to_string())).await.unwrap();
        }
        ExitReason::Normal
    };
    let pid = processes
        .spawn(Kind::Service("hasty".to_owned()), None, body)
        .unwrap();
    processes.monitor(&watcher.pid, &pid);
    for n in 0..10 {
        assert_eq!(watcher.letter().await.content, text(&n.to_string()));
    }
    assert_eq!(watcher.exit().await, (pid, ExitReason::Normal));
}

#[tokio::test]
async fn e4_a_kill_and_its_way_through_links() {
    let processes = processes(4);
    let (mut watcher, a, b, c) = (
        Probe::new(&processes),
        Probe::new(&processes),
        Probe::new(&processes),
        Probe::new(&processes),
    );
    processes.link(&a.pid, &b.pid);
    processes.link(&b.pid, &c.pid);
    for watched in [&a, &b, &c] {
        processes.monitor(&watcher.pid, &watched.pid);
    }
    assert!(processes.kill(&a.pid, ExitReason::killed("by hand")));
    assert_eq!(
        watcher.exit().await,
        (a.pid.clone(), ExitReason::killed("by hand"))
    );
    for expected in [b.pid, c.pid] {
        let (pid, reason) = watcher.exit().await;
        assert_eq!(pid, expected);
        assert!(reason.to_string().contains("linked process"), "{reason}");
    }
    assert!(!processes.kill(&a.pid, ExitReason::killed("again")));
}

#[tokio::test]
async fn e4_who_traps_exits_learns_of_the_linked_ones_end() {
    let processes = processes(4);
    let (mut a, b) = (Probe::new(&processes), Probe::new(&processes));
    let pid = b.pid.clone();
    processes.trap_exits(&a.pid, true);
    processes.link(&a.pid, &pid);
    b.end(ExitReason::crashed("x")).await;
    assert_eq!(a.exit().await, (pid, ExitReason::crashed("x")));
}

#[tokio::test]
async fn the_number_of_processes_is_bounded_and_a_place_is_free_again() {
    let processes = processes(1);
    let mut probes: Vec<_> = (0..50).map(|_| Probe::new(&processes)).collect();
    let body = |_me: Me| async { ExitReason::Normal };
    let spawn = |kind| processes.spawn(kind, None, body);
    assert_eq!(spawn(Kind::Service("x".to_owned())), Err(SpawnError::TooMany(50)));
    assert!(
        spawn(Kind::Connection).is_ok(),
        "connections have a limit of their own"
    );
    let ended = probes.pop().unwrap();
    let pid = ended.pid.clone();
    ended.end(ExitReason::Normal).await;
    while processes.find(&pid.to_string()).is_some() {
        tokio::task::yield_now().await;
    }
    assert!(spawn(Kind::Service("x".to_owned())).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_connections_and_ends_the_others() {
    let processes = processes(4);
    let service = Probe::new(&processes);
    let (client, gone) = oneshot::channel::<()>();
    let body = |_me: Me| async move {
        gone.await.unwrap();
        ExitReason::Normal
    };
    let connection = processes.spawn(Kind::Connection, None, body).unwrap();
    let stopping = tokio::spawn({
        let processes = processes.clone();
        async move { processes.stop(Duration::from_secs(3)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(processes.find(&service.pid.to_string()).is_some());
    client.send(()).unwrap();
    stopping.await.unwrap();
    assert_eq!(processes.inspect(|entry| entry.pid.clone()), []);
    assert_eq!(processes.find(&connection.to_string()), None);
}
