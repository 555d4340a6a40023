//! A session between a socket and a mode, on the worker of a test.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::{Admission, Peer, Room, Session, Transport, Upgraded};
use crate::server::handle::{Order, SessionHandle};
use crate::server::ids::RouteId;
use crate::server::mode::{Message, Mode};
use crate::server::worker::{Worker, keep_time};
use crate::server::{hub, testing, thread};
use crate::wire::{CloseCode, MessageKind};

fn run(test: impl AsyncFnOnce(Rc<Worker>, mpsc::Receiver<Order>)) {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let (worker, mailbox) = testing::worker_and_mailbox();
        spawn_local(keep_time(worker.clone()));
        spawn_local(hub::deliver_own(worker.clone()));
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, test(worker, mailbox))
            .await
            .expect("the test is stuck");
    });
}

/// The client's end of a session with this mode.
async fn open(worker: &Rc<Worker>, mode: impl Mode + 'static) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (tcp, peer) = listener.accept().await.unwrap();
    let upgraded = Upgraded {
        admission: Admission::new(
            &worker.shared,
            &worker.current_settings(),
            RouteId(0),
            [127, 0, 0, 1].into(),
        )
        .unwrap(),
        route: RouteId(0),
        peer,
        tag: None,
        subject: None,
        allowance: None,
        deflate: None,
        mode: Box::new(mode),
    };
    spawn_local(Session::new(worker.clone(), upgraded, Transport::Tcp(tcp), b""));
    client
}

async fn receive(client: &mut TcpStream, expected: &[u8]) {
    let mut received = vec![0; expected.len()];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(received, expected);
}

/// Ticks three times and closes.
#[derive(Debug)]
struct Clock(u8);

impl Mode for Clock {
    fn opened(&mut self, peer: &mut Peer<'_>) {
        peer.send(MessageKind::Text, b"start");
        peer.wake_after(Duration::from_millis(20));
    }

    fn message(&mut self, _: Message<'_>, _: &mut Peer<'_>) {}

    fn woken(&mut self, peer: &mut Peer<'_>) {
        self.0 += 1;
        if self.0 == 3 {
            peer.close(CloseCode(4000), "done");
        } else {
            peer.compose(MessageKind::Text, |text| text.push(b'0' + self.0));
            peer.wake_after(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_mode_speaks_first_is_woken_in_time_and_closes() {
    run(async |worker, _mailbox| {
        let mut client = open(&worker, Clock(0)).await;
        receive(
            &mut client,
            b"\x81\x05start\x81\x011\x81\x012\x88\x06\x0f\xa0done",
        )
        .await;
        client.write_all(b"\x88\x82\0\0\0\0\x0f\xa0").await.unwrap();
        assert_eq!(
            client.read(&mut [0]).await.unwrap(),
            0,
            "the server ends TCP (RFC 6455 7.1.1)"
        );
    });
}

/// Closes at the first message and fails if there is another.
#[derive(Debug)]
struct Once(bool);

impl Mode for Once {
    fn message(&mut self, _: Message<'_>, peer: &mut Peer<'_>) {
        assert!(
            !std::mem::replace(&mut self.0, true),
            "no message after the mode closed"
        );
        peer.close(CloseCode::NORMAL, "");
    }
}

#[test]
fn a_mode_that_closed_gets_no_further_message() {
    run(async |worker, _mailbox| {
        let mut client = open(&worker, Once(false)).await;
        client
            .write_all(b"\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b")
            .await
            .unwrap();
        receive(&mut client, b"\x88\x02\x03\xe8").await;
        client
            .write_all(b"\x81\x81\0\0\0\0c\x88\x80\0\0\0\0")
            .await
            .unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
}

/// Shows its handle, and tells the others when it ends.
#[derive(Debug)]
struct Reachable(Rc<RefCell<Vec<SessionHandle>>>);

impl Mode for Reachable {
    fn publishes(&self) -> bool {
        true
    }

    fn opened(&mut self, peer: &mut Peer<'_>) {
        let handle = peer.handle();
        assert_eq!(handle.id(), peer.id());
        self.0.borrow_mut().push(handle);
    }

    fn message(&mut self, _: Message<'_>, _: &mut Peer<'_>) {}

    fn closed(&mut self, room: &Room<'_>) {
        room.publish(MessageKind::Text, b"left");
    }
}

#[test]
fn a_handle_reaches_its_session_and_none_after_it() {
    run(async |worker, mut mailbox| {
        let handles = Rc::new(RefCell::new(Vec::new()));
        let mut first = open(&worker, Reachable(handles.clone())).await;
        let mut second = open(&worker, Reachable(handles.clone())).await;
        while handles.borrow().len() < 2 {
            tokio::task::yield_now().await;
        }
        let handle = handles.borrow()[0].clone();
        handle.send(MessageKind::Text, b"hello").await.unwrap();
        handle.close(CloseCode(4001), "by handle").await.unwrap();
        handle.send(MessageKind::Text, b"too late").await.unwrap();
        while let Ok(order) = mailbox.try_recv() {
            thread::obey(&worker, order).await;
        }
        receive(&mut first, b"\x81\x05hello\x88\x0b\x0f\xa1by handle").await;
        drop(first);
        receive(&mut second, b"\x81\x04left").await;

        handle.send(MessageKind::Text, b"gone").await.unwrap();
        thread::obey(&worker, mailbox.recv().await.unwrap()).await;
        drop(mailbox);
        assert!(
            handle.send(MessageKind::Text, b"x").await.is_err(),
            "the server has stopped"
        );
    });
}
