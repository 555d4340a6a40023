//! The life of a worker's thread.

use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;

use super::handle::Order;
use super::hub;
use super::listener::{self, Surface};
use super::registry::SessionOrder;
use super::worker::{self, Shared, Worker};

/// What a worker's thread begins with.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) listeners: Vec<(Surface, std::net::TcpListener)>,
    pub(crate) mailbox: mpsc::Receiver<Order>,
    /// Gets the index and whether the thread could begin.
    pub(crate) started: SyncSender<(usize, io::Result<()>)>,
    /// Gets a value at the orderly end; dropped without one by a panic.
    pub(crate) ended: oneshot::Sender<()>,
}

/// How long sessions have to end once they were told to cut their connections.
const CUT_TIME: Duration = Duration::from_secs(1);
/// Tasks that run between two looks at the sockets. Looking costs a system call, and whoever waits for a socket waits for
/// at most this many others.
const TASKS_BETWEEN_LOOKS: u32 = 256;

/// Runs a worker until it is told to stop.
pub(crate) fn run(beginning: Beginning) {
    let Beginning {
        index,
        shared,
        listeners,
        mailbox,
        started,
        ended,
    } = beginning;
    let mut builder = Builder::new_current_thread();
    builder
        .enable_io()
        .enable_time()
        .event_interval(TASKS_BETWEEN_LOOKS);
    let runtime = match builder.build_local(LocalOptions::default()) {
        Ok(runtime) => runtime,
        Err(error) => return report(&started, (index, Err(error))),
    };
    runtime.block_on(async {
        let worker = Worker::new(index, shared);
        match begin(&worker, listeners) {
            Err(error) => report(&started, (index, Err(error))),
            Ok(acceptors) => {
                report(&started, (index, Ok(())));
                serve(worker, acceptors, mailbox).await;
            }
        }
    });
    drop(runtime);
    // Nobody listens if the server was dropped.
    let _ = ended.send(());
}

fn report(started: &SyncSender<(usize, io::Result<()>)>, outcome: (usize, io::Result<()>)) {
    // Nobody listens if another worker failed to start.
    let _ = started.send(outcome);
}

/// Starts the worker's tasks; returns those that accept connections.
fn begin(
    worker: &Rc<Worker>,
    listeners: Vec<(Surface, std::net::TcpListener)>,
) -> io::Result<Vec<AbortHandle>> {
    spawn_local(worker::keep_time(worker.clone()));
    // The guards are those of all workers: one worker is enough.
    if worker.index == 0 {
        worker.warm_up_guards();
    }
    spawn_local(hub::deliver_own(worker.clone()));
    for (other, mailbox) in worker.shared.mailboxes.iter().enumerate() {
        if other != worker.index {
            spawn_local(hub::forward(worker.clone(), other, mailbox.clone()));
        }
    }
    let listeners = listeners
        .into_iter()
        .map(|(surface, listener)| Ok((surface, TcpListener::from_std(listener)?)))
        .collect::<io::Result<Vec<_>>>()?;
    let accept =
        |(surface, listener)| spawn_local(listener::accept(worker.clone(), surface, listener)).abort_handle();
    Ok(listeners.into_iter().map(accept).collect())
}

/// Obeys orders until told to stop, then stops gracefully.
async fn serve(worker: Rc<Worker>, acceptors: Vec<AbortHandle>, mut mailbox: mpsc::Receiver<Order>) {
    while let Some(order) = mailbox.recv().await {
        if matches!(order, Order::Stop) {
            break;
        }
        obey(&worker, order).await;
    }
    worker.stop();
    for acceptor in acceptors {
        acceptor.abort();
    }
    worker.registry.borrow_mut().order_all(&SessionOrder::Stop);
    let drain_time = worker.current_settings().drain_time;
    if timeout(drain_time, obeying(&worker, &mut mailbox, worker.drained()))
        .await
        .is_err()
    {
        worker.registry.borrow_mut().order_all(&SessionOrder::Cut);
        if timeout(CUT_TIME, obeying(&worker, &mut mailbox, worker.drained()))
            .await
            .is_err()
        {
            tracing::error!(worker = worker.index, "sessions did not end; they are dropped");
        }
    }
}

/// Waits for `end` and obeys orders meanwhile.
async fn obeying(worker: &Rc<Worker>, mailbox: &mut mpsc::Receiver<Order>, end: impl Future<Output = ()>) {
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return,
            order = mailbox.recv() => match order {
                Some(order) => obey(worker, order).await,
                None => return end.await,
            },
        }
    }
}

/// Does what it is told from outside.
pub(crate) async fn obey(worker: &Rc<Worker>, order: Order) {
    match order {
        Order::Publish(publications) => hub::fan_out(worker, publications).await,
        Order::Deliver(address, message) => worker.deliver(address, message),
        Order::Session(address, order) => worker.registry.borrow_mut().order(address, order),
        Order::Inspect(reply) => {
            // Whoever asked may have gone.
            let _ = reply.send(worker.open_connections());
        }
        Order::Kill(selection, how, reply) => {
            let killed = worker.registry.borrow_mut().kill(selection, &how);
            let _ = reply.send(killed);
        }
        Order::Waiting(reply) => {
            let _ = reply.send(worker.waiting());
        }
        Order::PauseReads(route, paused) => worker.pause_reads(route, paused),
        Order::Drain(over) => worker.drain(over),
        Order::Reload(settings) => worker.adopt(settings),
        // It stops already.
        Order::Stop => {}
    }
}
