//! The graceful stop.

use wsbench::server::{ServerConfig, run};

use crate::support::{Client, start};

#[tokio::test]
async fn a_stop_closes_every_connection_by_1001() {
    let server = start("drain_time: 20s");
    let mut clients = Vec::new();
    for path in ["/echo", "/ws", "/broadcast", "/iot"] {
        clients.push(Client::connect(&server, path).await);
    }
    let address = server.local_addrs()[0];
    let stopping = tokio::spawn(server.stop());
    for mut client in clients {
        assert_eq!(
            client.receive_close().await,
            (1001, "server is stopping".to_owned())
        );
        client.finish().await;
    }
    let report = stopping.await.unwrap().unwrap();
    assert_eq!((report.opened, report.ended, report.cut), (4, 4, 0));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_does_not_close_within_the_drain_time_is_cut() {
    let server = start("drain_time: 100ms");
    let polite = Client::connect(&server, "/echo").await;
    let mut stubborn = Client::connect(&server, "/echo").await;
    let reading = tokio::spawn(polite.finish());
    let report = server.stop().await.unwrap();
    reading.await.unwrap();
    assert_eq!((report.opened, report.ended, report.cut), (2, 1, 1));
    // Its Close frame may have been overtaken by the reset.
    use futures_util::StreamExt;
    while let Some(Ok(_)) = stubborn.socket.next().await {}
}

#[tokio::test]
async fn run_serves_until_it_is_told_to_stop() {
    let config = ServerConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        ..ServerConfig::default()
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (ready, address) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(async move {
        let shutdown = async { stopped.await.unwrap_or_default() };
        run(&config, shutdown, |addresses| ready.send(addresses[0]).unwrap()).await
    });
    let address = address.await.unwrap();
    assert_ne!(address.port(), 0);
    tokio::net::TcpStream::connect(address).await.unwrap();
    stop.send(()).unwrap();
    assert_eq!(server.await.unwrap().unwrap().opened, 0);
}
