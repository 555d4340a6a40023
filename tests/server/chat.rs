//! `/chat` (seeds A22, A29, B4, B5, B8, B9).

use std::collections::HashSet;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use wsbench::server::Server;

use crate::support::{Client, start};

/// A client of the chat, and the id that the server gave it.
struct Guest {
    client: Client,
    id: String,
}

impl Guest {
    async fn connect(server: &Server, path: &str) -> Self {
        let mut client = Client::connect(server, path).await;
        let greeting: Value = serde_json::from_str(&client.receive_text().await).unwrap();
        assert_eq!(greeting["type"], "connection");
        let id = greeting["id"].as_str().unwrap().to_owned();
        Self { client, id }
    }

    /// A guest that has logged in and heard of it.
    async fn user(server: &Server, path: &str, user_id: &Value, name: &str) -> Self {
        let mut guest = Self::connect(server, path).await;
        guest.log_in(user_id, name).await;
        guest.hears_of_arrival(name).await;
        guest
    }

    async fn log_in(&mut self, user_id: &Value, name: &str) {
        self.say(&json!({"type": "login", "userId": user_id, "name": name}))
            .await;
    }

    async fn say(&mut self, value: &Value) {
        self.client.send_text(&value.to_string()).await;
    }

    async fn chat(&mut self, text: &str) {
        self.say(&json!({"type": "chat", "message": text})).await;
    }

    async fn hears(&mut self) -> Value {
        serde_json::from_str(&self.client.receive_text().await).unwrap()
    }

    async fn hears_of_arrival(&mut self, name: &str) -> Value {
        let text = format!("{name} ist dem Chat beigetreten");
        assert_eq!(self.hears().await, json!({"type": "system", "message": text}));
        let joined = self.hears().await;
        assert_eq!(
            (&joined["type"], &joined["name"]),
            (&"user_joined".into(), &name.into())
        );
        joined
    }

    async fn error(&mut self) -> String {
        let answer = self.hears().await;
        assert_eq!(answer["type"], "error");
        answer["message"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn b4_every_connection_is_told_an_id_of_its_own() {
    let servers = [start("workers: 2"), start("workers: 2")];
    let mut ids = HashSet::new();
    let mut guests = Vec::new();
    for server in servers.iter().cycle().take(40) {
        let guest = Guest::connect(server, "/chat").await;
        assert!(ids.insert(guest.id.clone()), "{} came twice", guest.id);
        guests.push(guest);
    }
    for server in servers {
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn b8_login_is_announced_to_all() {
    let server = start("workers: 3");
    let mut ada = Guest::user(&server, "/chat", &json!(7), "Ada").await;
    let mut bob = Guest::connect(&server, "/chat").await;
    bob.log_in(&json!("b-1"), "Bob").await;
    for guest in [&mut ada, &mut bob] {
        let joined = guest.hears_of_arrival("Bob").await;
        assert_eq!(joined["userId"], "b-1");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b8_chat_goes_to_all_its_sender_included() {
    let server = start("workers: 3");
    let mut ada = Guest::user(&server, "/chat", &json!(7), "Ada").await;
    // Who is not logged in listens all the same, as in the seed.
    let mut listener = Guest::connect(&server, "/chat").await;
    ada.chat("Hallo, Welt! \"😀\"").await;
    let expected = json!({"type": "chat", "userId": 7, "name": "Ada", "message": "Hallo, Welt! \"😀\""});
    assert_eq!(ada.hears().await, expected);
    assert_eq!(listener.hears().await, expected);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b8_b5_leaving_is_announced_however_it_happens() {
    let server = start("workers: 2");
    let mut stays = Guest::connect(&server, "/chat").await;
    for vanishes in [false, true] {
        let mut leaves = Guest::user(&server, "/chat", &json!(8), "Bob").await;
        stays.hears_of_arrival("Bob").await;
        if vanishes {
            drop(leaves.client);
        } else {
            leaves.client.socket.close(None).await.unwrap();
        }
        assert_eq!(
            stays.hears().await,
            json!({"type": "system", "message": "Bob hat den Chat verlassen"})
        );
        let expected = json!({"type": "user_left", "id": leaves.id, "userId": 8, "name": "Bob"});
        assert_eq!(stays.hears().await, expected);
    }
    // Who never logged in leaves without a word.
    drop(Guest::connect(&server, "/chat").await);
    stays.log_in(&json!(1), "Ada").await;
    stays.hears_of_arrival("Ada").await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b5_unknown_types_are_not_fatal() {
    let server = start("");
    let mut guest = Guest::connect(&server, "/chat").await;
    guest.say(&json!({"type": "dance"})).await;
    assert_eq!(guest.error().await, "unknown type `dance`");
    for kind in ["system", "user_joined", "user_left"] {
        guest.say(&json!({"type": kind, "message": "forged"})).await;
        assert_eq!(guest.error().await, format!("only the server sends `{kind}`"));
    }
    guest.log_in(&json!(1), "Ada").await;
    guest.hears_of_arrival("Ada").await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b9_mistakes_are_answered_and_the_connection_stays() {
    let server = start("");
    let mut guest = Guest::connect(&server, "/chat").await;
    for nonsense in ["{", "", "[1]", "hello"] {
        guest.client.send_text(nonsense).await;
        assert!(
            guest.error().await.starts_with("a message is one JSON object: "),
            "{nonsense}"
        );
    }
    guest.client.send(Message::binary(&b"\xff"[..])).await;
    assert_eq!(guest.error().await, "a message is text: one JSON object");
    guest.chat("too early").await;
    assert_eq!(guest.error().await, "`chat` needs a `login` before");
    guest.log_in(&json!(1), "Ada").await;
    guest.hears_of_arrival("Ada").await;
    guest.chat("in time").await;
    assert_eq!(guest.hears().await["message"], "in time");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a29_a_new_connection_is_a_new_guest() {
    let server = start("");
    let mut first = Guest::user(&server, "/chat", &json!(1), "Ada").await;
    let id = first.id.clone();
    first.client.socket.close(None).await.unwrap();
    let mut second = Guest::connect(&server, "/chat").await;
    assert_ne!(second.id, id);
    // Depending on which of the two was faster, the farewell comes before the answer.
    second.chat("still me").await;
    loop {
        let heard = second.hears().await;
        if heard["type"] == "error" {
            assert_eq!(heard["message"], "`chat` needs a `login` before");
            break;
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b8_rooms_do_not_hear_each_other() {
    let server = start("workers: 2");
    let mut red = Guest::user(&server, "/chat?room=red", &json!(1), "Ada").await;
    let mut blue = Guest::user(&server, "/chat?room=blue", &json!(2), "Bob").await;
    red.chat("red").await;
    blue.chat("blue").await;
    assert_eq!(red.hears().await["message"], "red");
    assert_eq!(blue.hears().await["message"], "blue");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b8_texts_and_limits_can_be_set() {
    let server = start(
        "routes: {/chat: {mode: {chat: {joined: 'welcome, {name}', left: 'bye, {name}', max_name: 5, presence: false}}}}",
    );
    let mut guest = Guest::connect(&server, "/chat").await;
    guest.log_in(&json!(1), "Hannah").await;
    assert_eq!(guest.error().await, "`login` needs `name`: 1 to 5 characters");
    guest.log_in(&json!(1), "Ada").await;
    assert_eq!(
        guest.hears().await,
        json!({"type": "system", "message": "welcome, Ada"})
    );
    guest.chat("x").await;
    assert_eq!(guest.hears().await["type"], "chat", "no user_joined in between");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a22_more_than_262144_bytes_are_refused_by_1009() {
    let server = start("");
    let mut guest = Guest::user(&server, "/chat", &json!(1), "Ada").await;
    let message = |length: usize| {
        let empty = json!({"type": "chat", "message": ""}).to_string().len();
        json!({"type": "chat", "message": "x".repeat(length - empty)}).to_string()
    };
    guest.client.send_text(&message(262_144)).await;
    assert_eq!(guest.hears().await["type"], "chat");
    guest.client.send_text(&message(262_145)).await;
    let (code, reason) = guest.client.receive_close().await;
    assert_eq!(code, 1009);
    assert!(
        reason.starts_with("message above the limit of 262144 bytes"),
        "{reason}"
    );
    server.stop().await.unwrap();
}
