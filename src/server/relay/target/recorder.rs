//! `recorder`: remembers the last letters; `recorder.read` is answered by `recorder.letters`
//! `{"letters": [...], "dropped": N}`.

use std::collections::VecDeque;

use serde_json::json;

use crate::server::relay::exit::ExitReason;
use crate::server::relay::json::Envelope;
use crate::server::relay::letter::{Content, Letter};
use crate::server::relay::me::Me;

/// Letters that it remembers.
const KEPT: usize = 1000;
/// Bytes that it remembers, roughly.
const KEPT_BYTES: usize = 4 << 20;

/// The topic that asks for the letters.
const READ: &str = "recorder.read";
const LETTERS: &str = "recorder.letters";

#[derive(Default)]
struct Memory {
    letters: VecDeque<Letter>,
    bytes: usize,
    dropped: u64,
}

/// Runs until it is killed.
pub(crate) async fn recorder(mut me: Me) -> ExitReason {
    let mut memory = Memory::default();
    loop {
        match me.next().await {
            Err(reason) => return reason,
            Ok(letter) if letter.content.topic() == READ => {
                if let Some(reader) = &letter.from {
                    // A reader that is gone needs no answer.
                    let _ = me.send(reader, memory.to_content()).await;
                }
            }
            Ok(letter) => memory.add(letter),
        }
    }
}

impl Memory {
    fn add(&mut self, letter: Letter) {
        self.bytes += letter.size();
        self.letters.push_back(letter);
        while self.letters.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.letters.pop_front() else {
                return;
            };
            self.bytes -= oldest.size();
            self.dropped += 1;
        }
    }

    fn to_content(&self) -> Content {
        let letters: Vec<Envelope> = self.letters.iter().map(Letter::to_envelope).collect();
        Content::Other {
            topic: LETTERS.into(),
            payload: json!({ "letters": letters, "dropped": self.dropped }),
        }
    }
}
