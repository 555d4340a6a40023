//! `/game` (seed A25).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use wsbench::server::Server;

use crate::support::{Client, body, start};

/// A client in a match.
struct Player {
    client: Client,
    joined: Value,
}

impl Player {
    async fn connect(server: &Server, path: &str) -> Self {
        let mut client = Client::connect(server, path).await;
        let joined: Value = serde_json::from_str(&client.receive_text().await).unwrap();
        assert_eq!(joined["type"], "joined", "nothing comes before it");
        Self { client, joined }
    }

    fn id(&self) -> String {
        self.joined["id"].as_str().unwrap().to_owned()
    }

    async fn input(&mut self, input: &Value) {
        self.client.send_text(&input.to_string()).await;
    }

    /// The next message of a type; others are left out.
    async fn hears(&mut self, kind: &str) -> Value {
        loop {
            let message: Value = serde_json::from_str(&self.client.receive_text().await).unwrap();
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The next state that fulfils something.
    async fn state(&mut self, complete: impl Fn(&Value) -> bool) -> Value {
        loop {
            let state = self.hears("state").await;
            if complete(&state) {
                return state;
            }
        }
    }

    async fn leave(mut self) {
        self.client.socket.close(None).await.unwrap();
        self.client.finish().await;
    }
}

fn players(state: &Value) -> usize {
    state["players"].as_object().unwrap().len()
}

/// A figure on the metrics page.
async fn figure(server: &Server, name: &str) -> u64 {
    let page = body(server, "/metrics").await;
    let line = page
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")))
        .unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn a25_all_players_get_the_same_states_with_every_input() {
    let server = start("workers: 3");
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(Player::connect(&server, "/game?room=arena&hz=50").await);
    }
    for player in &all {
        assert_eq!(player.joined["match"], "arena");
        assert_eq!(player.joined["hz"], 50);
    }
    for (number, player) in all.iter_mut().enumerate() {
        for seq in 1..=3 {
            player
                .input(&json!({"type": "input", "seq": seq, "t": 123.5, "x": number, "keys": ["up"]}))
                .await;
        }
    }
    let ids: Vec<String> = all.iter().map(Player::id).collect();
    let complete =
        |state: &Value| players(state) == 6 && ids.iter().all(|id| state["players"][id]["seq"] == 3);
    let mut states = Vec::new();
    for player in &mut all {
        states.push(player.state(complete).await);
    }
    for (number, id) in ids.iter().enumerate() {
        let shown = &states[0]["players"][id];
        assert_eq!((&shown["x"], &shown["t"]), (&json!(number), &json!(123.5)));
        assert_eq!((&shown["received"], &shown["keys"]), (&json!(3), &json!(["up"])));
        assert_eq!(shown["type"], Value::Null);
        assert!(shown["at"].as_u64().unwrap() <= states[0]["t"].as_u64().unwrap());
    }
    // There is one tick for the players of all workers: who is at the same tick sees the same.
    let last = states
        .iter()
        .map(|state| state["tick"].as_u64().unwrap())
        .max()
        .unwrap()
        + 1;
    let mut texts = Vec::new();
    for player in &mut all {
        texts.push(player.state(|state| state["tick"] == last).await);
    }
    assert!(texts.iter().all(|text| *text == texts[0]));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a25_ticks_come_at_their_rate_and_do_not_drift() {
    let server = start("workers: 2");
    let mut player = Player::connect(&server, "/game?hz=100").await;
    let first = player.hears("state").await;
    let begin = Instant::now();
    let number = |state: &Value| state["tick"].as_u64().unwrap();
    let last = player.state(|state| number(state) >= number(&first) + 150).await;
    let (ticks, took) = (number(&last) - number(&first), begin.elapsed());
    let due = Duration::from_millis(ticks * 10);
    // A loaded machine may deliver a state late, but never before it is due, and lateness does not add up.
    assert!(
        took + Duration::from_millis(50) > due,
        "{ticks} ticks in {took:?}"
    );
    assert!(
        took < due + Duration::from_millis(500),
        "{ticks} ticks in {took:?}"
    );
    let server_time = last["t"].as_u64().unwrap() - first["t"].as_u64().unwrap();
    assert!(server_time.abs_diff(ticks * 10) < 500, "{server_time} ms");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a25_the_default_rate_can_be_set_and_the_first_player_decides() {
    let server = start("routes: {/slow: {mode: {game: {hz: 5}}}}");
    assert_eq!(Player::connect(&server, "/game").await.joined["hz"], 20);
    let first = Player::connect(&server, "/slow").await;
    let second = Player::connect(&server, "/slow?hz=60").await;
    assert_eq!(
        (&first.joined["hz"], &second.joined["hz"]),
        (&json!(5), &json!(5))
    );
    let elsewhere = Player::connect(&server, "/slow?hz=%360&room=b").await;
    assert_eq!(elsewhere.joined["hz"], 60);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a25_players_come_and_go_and_an_empty_match_does_not_tick() {
    let server = start("workers: 2");
    let mut stays = Player::connect(&server, "/game").await;
    let leaves = Player::connect(&server, "/game").await;
    let id = leaves.id();
    while stays.hears("player_joined").await["id"] != id {}
    stays.state(|state| players(state) == 2).await;
    leaves.leave().await;
    assert_eq!(stays.hears("player_left").await["id"], id);
    stays.state(|state| players(state) == 1).await;
    let _other = Player::connect(&server, "/game?room=other").await;
    assert_eq!(figure(&server, "wsbench_game_matches").await, 2);
    drop(_other);
    stays.leave().await;
    while figure(&server, "wsbench_game_matches").await > 0 {
        tokio::task::yield_now().await;
    }
    // A tick that was under way may still be counted.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let ticks = figure(&server, "wsbench_game_ticks_total").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(figure(&server, "wsbench_game_ticks_total").await, ticks);
    // The next match begins anew.
    let mut again = Player::connect(&server, "/game").await;
    assert_eq!(again.joined["tick"], 0);
    assert_eq!(players(&again.hears("state").await), 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a25_b9_mistakes_are_answered_and_the_connection_stays() {
    let server = start("");
    let mut player = Player::connect(&server, "/game").await;
    for (message, expected) in [
        ("{", "a message is one JSON object: "),
        (r#"{"type":"dance"}"#, "unknown type `dance`"),
        (r#"{"type":"input"}"#, "`input` needs `seq`"),
        (r#"{"type":"input","seq":-1}"#, "`input` needs `seq`"),
        (r#"{"type":"input","seq":"1"}"#, "`input` needs `seq`"),
    ] {
        player.client.send_text(message).await;
        let error = player.hears("error").await;
        assert!(
            error["message"].as_str().unwrap().starts_with(expected),
            "{error}"
        );
    }
    player
        .input(&json!({"type": "input", "seq": 1, "pad": "x".repeat(1024)}))
        .await;
    assert_eq!(
        player.hears("error").await["message"],
        "an input has at most 1024 bytes"
    );
    player.client.send(Message::binary(&b"{}"[..])).await;
    player.hears("error").await;
    let id = player.id();
    player.input(&json!({"type": "input", "seq": 1})).await;
    player.state(|state| state["players"][&id]["seq"] == 1).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a25_a_full_match_is_closed_to_others_by_1013() {
    let server = start("routes: {/game: {mode: {game: {max_players: 2}}}}");
    let first = Player::connect(&server, "/game").await;
    let _second = Player::connect(&server, "/game").await;
    let mut third = Client::connect(&server, "/game").await;
    // Being in the room, it may hear a state before.
    assert_eq!(third.receive_close().await, (1013, "match is full".to_owned()));
    first.leave().await;
    let mut fourth = loop {
        let mut client = Client::connect(&server, "/game").await;
        let text = client.receive_text().await;
        if text.contains(r#""joined""#) {
            break client;
        }
    };
    fourth.receive_text().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a25_more_than_524288_bytes_are_refused_by_1009() {
    let server = start("");
    let mut player = Player::connect(&server, "/game").await;
    player.client.send_text(&" ".repeat(524_288)).await;
    player.hears("error").await;
    player.client.send(Message::text(" ".repeat(524_289))).await;
    let (code, reason) = player.client.receive_close().await;
    assert_eq!(code, 1009);
    assert!(
        reason.starts_with("message above the limit of 524288 bytes"),
        "{reason}"
    );
    server.stop().await.unwrap();
}
