//! permessage-deflate (seeds A4, B12), with our own codec as the client.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wsbench::server::Server;
use wsbench::wire::deflate::{DeflateOffer, DeflateParams, Deflater, Inflater, WindowBits};
use wsbench::wire::handshake::{ClientHandshake, ClientRequest, HandshakeProgress};
use wsbench::wire::{MaskKey, MessageKind, Received, Receiver, ReceiverConfig, Role, Sender};

use crate::support::{PATIENCE, start};

pub(crate) struct Client {
    tcp: TcpStream,
    sender: Sender,
    receiver: Receiver,
    pub(crate) params: Option<DeflateParams>,
    buffer: Vec<u8>,
    /// Bytes from the server after the upgrade.
    pub(crate) received: usize,
}

impl Client {
    pub(crate) async fn connect(server: &Server, path: &str, offer: Option<DeflateOffer>) -> Self {
        let address = server.local_addrs()[0];
        let request = ClientRequest {
            authority: address.to_string(),
            path: path.to_owned(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            deflate_offer: offer,
            key: [7; 16],
        };
        let mut bytes = Vec::new();
        let mut handshake = ClientHandshake::new(&request, &mut bytes).unwrap();
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(&bytes).await.unwrap();
        let mut byte = [0];
        let response = loop {
            tcp.read_exact(&mut byte).await.unwrap();
            if let HandshakeProgress::Done { response, .. } = handshake.receive(&byte).unwrap() {
                break response;
            }
        };
        let params = response.deflate;
        let inflater = params.map(|params| Box::new(Inflater::new(&params, Role::Client)));
        let deflater = params.map(|params| Box::new(Deflater::new(&params, Role::Client, 3)));
        Self {
            tcp,
            sender: Sender::new(Role::Client, deflater),
            receiver: Receiver::new(Role::Client, ReceiverConfig::default(), inflater),
            params,
            buffer: Vec::new(),
            received: 0,
        }
    }

    async fn send(&mut self, text: &str) {
        let mut out = Vec::new();
        self.sender.message(
            MessageKind::Text,
            text.as_bytes(),
            MaskKey([1, 2, 3, 4]),
            &mut out,
        );
        self.tcp.write_all(&out).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> String {
        loop {
            let (used, event) = self.receiver.receive(&mut self.buffer);
            let text = match event {
                Received::Message { payload, .. } => Some(String::from_utf8(payload.to_vec()).unwrap()),
                Received::NeedMore => None,
                other => panic!("unexpected {other:?}"),
            };
            self.buffer.drain(..used);
            if let Some(text) = text {
                return text;
            }
            let mut part = vec![0; 65_536];
            let read = timeout(PATIENCE, self.tcp.read(&mut part))
                .await
                .expect("no message in time")
                .unwrap();
            assert!(read > 0, "the connection ended");
            self.received += read;
            self.buffer.extend_from_slice(&part[..read]);
        }
    }
}

fn json() -> String {
    r#"{"temperature":21.5,"humidity":40,"device":"sensor"},"#.repeat(200)
}

#[tokio::test]
async fn a4_compression_is_off_unless_configured() {
    let server = start("");
    let client = Client::connect(&server, "/echo", Some(DeflateOffer::default())).await;
    assert_eq!(client.params, None);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b12_d19_a_compressed_echo_is_smaller_and_the_same() {
    let server = start("compression: true");
    let mut client = Client::connect(&server, "/echo", Some(DeflateOffer::default())).await;
    assert!(client.params.is_some());
    for _ in 0..3 {
        client.send(&json()).await;
        assert_eq!(client.receive().await, json());
    }
    assert!(client.received < json().len() / 5, "{} bytes", client.received);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_offer_is_served_uncompressed() {
    let server = start("compression: true");
    let mut client = Client::connect(&server, "/echo", None).await;
    client.send(&json()).await;
    assert_eq!(client.receive().await, json());
    assert!(client.received > json().len());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b3_a_broadcast_reaches_clients_with_and_without_compression() {
    let server = start("routes: {/broadcast: {compression: true}}");
    let small = DeflateOffer {
        server_max_window_bits: WindowBits::new(9),
        ..DeflateOffer::default()
    };
    let offers = [
        None,
        Some(DeflateOffer::default()),
        Some(small),
        Some(DeflateOffer::default()),
    ];
    let mut clients = Vec::new();
    for offer in offers {
        let mut client = Client::connect(&server, "/broadcast", offer).await;
        client.send("here").await;
        assert_eq!(client.receive().await, "here");
        clients.push(client);
    }
    for _ in 0..3 {
        clients[1].send(&json()).await;
        for client in &mut clients {
            // When the words of the others come from another worker is open.
            let mut message = client.receive().await;
            while message == "here" {
                message = client.receive().await;
            }
            assert_eq!(message, json());
        }
    }
    server.stop().await.unwrap();
}
