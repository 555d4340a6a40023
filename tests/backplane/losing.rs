//! What happens while the broker is gone, and after it came back.

use crate::broker::{Broker, Kind};
use crate::port::free_port;
use crate::world::{Client, Instance, all_hear_all, joined_pair, pair};

const UP: &str = "wsbench_backplane_up";
const DROPPED: &str = "wsbench_backplane_dropped_total";
const LOSSES: &str = "wsbench_backplane_losses_total";

async fn two_on_each(servers: &[Instance; 2]) -> [Vec<Client>; 2] {
    let mut clients = [Vec::new(), Vec::new()];
    for (server, clients) in servers.iter().zip(&mut clients) {
        for _ in 0..2 {
            clients.push(server.connect("/broadcast").await);
        }
    }
    clients
}

/// While a server is on its own, its clients hear each other, at once and nobody else.
async fn each_for_itself(servers: &[Instance; 2], clients: &mut [Vec<Client>; 2], text: &str) {
    for (server, clients) in servers.iter().zip(clients) {
        let before = server.figure(DROPPED).await;
        all_hear_all(clients, text).await;
        assert_eq!(server.figure(DROPPED).await, before + 2, "{text}");
    }
}

async fn together(clients: &mut [Vec<Client>; 2], text: &str) {
    let mut all: Vec<Client> = clients.iter_mut().flat_map(std::mem::take).collect();
    all_hear_all(&mut all, text).await;
    clients[1] = all.split_off(2);
    clients[0] = all;
}

async fn a_broker_that_dies_is_missed_and_found_again(kind: Kind) {
    let broker = Broker::start(kind, free_port()).await;
    let servers = joined_pair(&broker.settings()).await;
    let mut clients = two_on_each(&servers).await;
    together(&mut clients, "before").await;
    let mut port = broker.kill().await;
    for round in 1..=2 {
        for server in &servers {
            server.until(UP, |up| up == 0).await;
        }
        each_for_itself(&servers, &mut clients, &format!("alone {round}")).await;
        let broker = Broker::start(kind, port).await;
        for server in &servers {
            server.until(UP, |up| up == 1).await;
            assert_eq!(server.figure(LOSSES).await, round);
        }
        // What was said meanwhile is not said late.
        together(&mut clients, &format!("again {round}")).await;
        port = broker.kill().await;
    }
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn b18_redis_that_dies_is_missed_and_found_again() {
    a_broker_that_dies_is_missed_and_found_again(Kind::Redis).await;
}

#[tokio::test]
async fn b18_nats_that_dies_is_missed_and_found_again() {
    a_broker_that_dies_is_missed_and_found_again(Kind::Nats).await;
}

/// Clients go on talking while the broker dies under them and comes back.
async fn nobody_is_delayed_or_doubled_while_the_broker_dies(kind: Kind) {
    const MESSAGES: usize = 2000;
    let broker = Broker::start(kind, free_port()).await;
    let servers = joined_pair(&broker.settings()).await;
    let mut clients = two_on_each(&servers).await;
    together(&mut clients, "before").await;
    let [here, afar] = clients;
    let [mut talker, mut listener]: [Client; 2] = here.try_into().ok().unwrap();
    let (half, halfway) = tokio::sync::oneshot::channel();
    let talking = tokio::spawn(async move {
        let mut half = Some(half);
        for number in 0..MESSAGES {
            talker.says(&number.to_string()).await;
            assert_eq!(talker.hears().await, number.to_string());
            assert_eq!(
                listener.hears().await,
                number.to_string(),
                "a client of the same server misses nothing"
            );
            if number == MESSAGES / 4 {
                half.take().unwrap().send(()).unwrap();
            }
        }
        [talker, listener]
    });
    halfway.await.unwrap();
    let port = broker.kill().await;
    let _broker = Broker::start(kind, port).await;
    let here = talking.await.unwrap();
    for server in &servers {
        server.until(UP, |up| up == 1).await;
    }
    // The others may miss some, but get none twice and none late.
    let [mut talker, _listener] = here;
    talker.says("end").await;
    for mut client in afar {
        let mut last = None;
        loop {
            let text = client.hears().await;
            if text == "end" {
                break;
            }
            let number: usize = text.parse().unwrap();
            assert!(last.is_none_or(|last| last < number), "{number} after {last:?}");
            last = Some(number);
        }
        assert!(
            last.is_some_and(|last| last >= MESSAGES / 8),
            "it heard some: {last:?}"
        );
    }
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn b18_redis_nobody_is_delayed_or_doubled_while_it_dies() {
    Box::pin(nobody_is_delayed_or_doubled_while_the_broker_dies(Kind::Redis)).await;
}

#[tokio::test]
async fn b18_nats_nobody_is_delayed_or_doubled_while_it_dies() {
    Box::pin(nobody_is_delayed_or_doubled_while_the_broker_dies(Kind::Nats)).await;
}

async fn a_broker_may_come_later(kind: Kind) {
    let port = free_port();
    let servers = pair(&kind.settings(port));
    let mut clients = two_on_each(&servers).await;
    each_for_itself(&servers, &mut clients, "alone").await;
    let _broker = Broker::start(kind, port).await;
    for server in &servers {
        server.until(UP, |up| up == 1).await;
        assert_eq!(server.figure(LOSSES).await, 0, "what never was cannot be lost");
    }
    together(&mut clients, "together").await;
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn b18_redis_may_come_later() {
    a_broker_may_come_later(Kind::Redis).await;
}

#[tokio::test]
async fn b18_nats_may_come_later() {
    a_broker_may_come_later(Kind::Nats).await;
}

/// A process that is stopped keeps its connections open and says nothing.
async fn a_broker_that_falls_silent_is_missed_too(kind: Kind) {
    let broker = Broker::start(kind, free_port()).await;
    let servers = joined_pair(&broker.settings()).await;
    let mut clients = two_on_each(&servers).await;
    together(&mut clients, "before").await;
    broker.signal("STOP").await;
    for server in &servers {
        server.until(UP, |up| up == 0).await;
    }
    each_for_itself(&servers, &mut clients, "alone").await;
    broker.signal("CONT").await;
    for server in &servers {
        server.until(UP, |up| up == 1).await;
    }
    together(&mut clients, "again").await;
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn b18_redis_that_falls_silent_is_missed_too() {
    a_broker_that_falls_silent_is_missed_too(Kind::Redis).await;
}

#[tokio::test]
async fn b18_nats_that_falls_silent_is_missed_too() {
    a_broker_that_falls_silent_is_missed_too(Kind::Nats).await;
}
