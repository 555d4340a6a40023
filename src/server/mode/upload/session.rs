//! [`UploadSession`]: a connection over which files come.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};
use tokio::task::{JoinError, JoinHandle};

use super::protocol::{Begin, Command, UploadError, to_hex};
use super::store::{OwnProgress, Upload, Uploads};
use crate::clock;
use crate::server::ids::ConnectionId;
use crate::server::mode::{Message, Mode};
use crate::server::session::{Peer, Room};
use crate::wire::{CloseCode, MessageKind};

/// Chunks up to this size are hashed at once: that takes less time than to have it done elsewhere.
const SMALL_CHUNK: usize = 32 * 1024;

/// A connection over which files come, one after the other.
///
/// Large chunks are hashed and stored on other threads. Meanwhile nothing more is read from the client.
#[derive(Debug)]
pub(in crate::server::mode) struct UploadSession {
    uploads: Arc<Uploads>,
    upload: Option<Own>,
    /// What is done on another thread.
    work: Option<JoinHandle<Result<Outcome, JoinError>>>,
    /// What the last read brought behind the message that is worked on.
    waiting: VecDeque<(MessageKind, Vec<u8>)>,
}

/// The upload that has begun on this connection.
#[derive(Clone, Debug)]
struct Own {
    upload: Arc<Upload>,
    owner: ConnectionId,
}

type Outcome = Result<Answer, UploadError>;

/// What the client is told.
#[derive(Debug)]
struct Answer {
    text: Value,
    /// The upload has ended.
    over: bool,
}

/// How a message is dealt with.
enum Step {
    Now(Outcome),
    Elsewhere(Box<dyn FnOnce() -> Outcome + Send>),
}

impl UploadSession {
    pub(in crate::server::mode) fn new(uploads: Arc<Uploads>) -> Self {
        Self {
            uploads,
            upload: None,
            work: None,
            waiting: VecDeque::new(),
        }
    }

    fn take(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        match self.step(message, peer) {
            Step::Now(outcome) => self.answer(outcome, peer),
            Step::Elsewhere(work) => self.work = Some(self.uploads.run(work)),
        }
    }

    fn step(&mut self, message: Message<'_>, peer: &Peer<'_>) -> Step {
        if message.kind == MessageKind::Binary {
            return self.chunk(message.payload);
        }
        match serde_json::from_slice(message.payload) {
            Ok(Command::Begin(begin)) => self.begin(begin, peer),
            Ok(Command::End {}) => self.end(),
            Ok(Command::Abort {}) => Step::Now(self.abort()),
            Err(error) => Step::Now(Err(error.into())),
        }
    }

    fn begin(&mut self, begin: Begin, peer: &Peer<'_>) -> Step {
        if self.upload.is_some() {
            return Step::Now(Err(UploadError::AlreadyBegun));
        }
        let owner = peer.id();
        let resumes = begin.id.is_some();
        let upload = match &begin.id {
            Some(id) => self.uploads.resume(id, &begin, owner, peer.now()),
            None => self.uploads.begin(begin, owner, peer.now()),
        };
        let own = match upload {
            Ok(upload) => Own { upload, owner },
            Err(error) => return Step::Now(Err(error)),
        };
        self.upload = Some(own.clone());
        if resumes {
            // A chunk of the connection before may still be worked on; that is waited for elsewhere.
            Step::Elsewhere(Box::new(move || own.ready()))
        } else {
            Step::Now(own.ready())
        }
    }

    fn chunk(&self, chunk: &[u8]) -> Step {
        let Some(own) = self.upload.clone() else {
            return Step::Now(Err(UploadError::NotBegun));
        };
        if chunk.len() <= SMALL_CHUNK && !self.uploads.stores() {
            return Step::Now(own.take(chunk));
        }
        let chunk = chunk.to_vec();
        Step::Elsewhere(Box::new(move || own.take(&chunk)))
    }

    fn end(&self) -> Step {
        let Some(own) = self.upload.clone() else {
            return Step::Now(Err(UploadError::NotBegun));
        };
        let uploads = self.uploads.clone();
        if uploads.stores() {
            Step::Elsewhere(Box::new(move || own.finish(&uploads)))
        } else {
            Step::Now(own.finish(&uploads))
        }
    }

    fn abort(&self) -> Outcome {
        let own = self.upload.as_ref().ok_or(UploadError::NotBegun)?;
        drop(own.progress()?);
        self.uploads.remove(&own.upload);
        Ok(Answer {
            text: json!({"type": "aborted", "id": own.upload.id}),
            over: true,
        })
    }

    fn answer(&mut self, outcome: Outcome, peer: &mut Peer<'_>) {
        let (text, over) = match outcome {
            Ok(answer) => (answer.text, answer.over),
            Err(error) => {
                if let UploadError::Storage(error) = &error {
                    tracing::error!(%error, "cannot store an upload");
                }
                (error.to_json(), matches!(error, UploadError::TakenOver))
            }
        };
        if over {
            self.upload = None;
        }
        peer.send(MessageKind::Text, text.to_string().as_bytes());
    }
}

impl Own {
    fn progress(&self) -> Result<OwnProgress<'_>, UploadError> {
        self.upload.progress(self.owner)
    }

    fn ready(&self) -> Outcome {
        let Upload { id, size, .. } = &*self.upload;
        let progress = self.progress()?;
        let (offset, chunk) = (progress.offset, progress.chunks);
        Ok(Answer {
            text: json!({"type": "ready", "id": id, "offset": offset, "chunk": chunk, "size": size}),
            over: false,
        })
    }

    fn take(&self, bytes: &[u8]) -> Outcome {
        let Upload { id, size, .. } = &*self.upload;
        let mut progress = self.progress()?;
        let left = size - progress.offset;
        if bytes.len() as u64 > left {
            return Err(UploadError::Overrun {
                chunk: bytes.len(),
                left,
            });
        }
        progress.take(bytes)?;
        let (offset, chunk) = (progress.offset, progress.chunks);
        Ok(Answer {
            text: json!({"type": "ack", "id": id, "offset": offset, "bytes": bytes.len(), "chunk": chunk}),
            over: false,
        })
    }

    fn finish(&self, uploads: &Uploads) -> Outcome {
        let Upload { id, name, size, .. } = &*self.upload;
        let mut progress = self.progress()?;
        let missing = size - progress.offset;
        if missing > 0 {
            return Err(UploadError::Incomplete { missing });
        }
        let digest = progress.digest();
        let ok = self.upload.sha256.is_none_or(|expected| expected == digest);
        if ok {
            progress.keep()?;
        }
        uploads.remove(&self.upload);
        let sha256 = to_hex(&digest);
        Ok(Answer {
            text: json!({"type": "done", "id": id, "name": name, "size": size, "sha256": sha256, "ok": ok}),
            over: true,
        })
    }
}

impl Mode for UploadSession {
    fn may_read(&self, _: &Waker) -> bool {
        // The work that is attended to wakes the session.
        self.work.is_none()
    }

    fn attends(&self) -> bool {
        true
    }

    fn attend(&mut self, waker: &Waker, peer: &mut Peer<'_>) {
        let mut cx = Context::from_waker(waker);
        while let Some(work) = &mut self.work {
            let Poll::Ready(done) = Pin::new(work).poll(&mut cx) else {
                return;
            };
            self.work = None;
            match done.flatten() {
                Ok(outcome) => self.answer(outcome, peer),
                Err(error) => {
                    tracing::error!(%error, "work on an upload failed");
                    return peer.close(CloseCode::INTERNAL, "upload failed");
                }
            }
            while self.work.is_none()
                && let Some((kind, payload)) = self.waiting.pop_front()
            {
                let message = Message {
                    kind,
                    payload: &payload,
                };
                self.take(message, peer);
            }
        }
    }

    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        if self.work.is_none() {
            self.take(message, peer);
        } else {
            self.waiting.push_back((message.kind, message.payload.to_vec()));
        }
    }

    fn closed(&mut self, _: &Room<'_>) {
        if let Some(Own { upload, owner }) = &self.upload {
            self.uploads.leave(upload, *owner, clock::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::UploadConfig;
    use super::*;
    use crate::server::mode::testing::{Bench, texts};

    fn bench() -> Bench<UploadSession> {
        Bench::new(UploadSession::new(Arc::new(Uploads::new(
            &UploadConfig::default(),
        ))))
    }

    fn only(sent: &[u8]) -> Value {
        let texts = texts(sent);
        assert_eq!(texts.len(), 1, "{texts:?}");
        serde_json::from_str(&texts[0]).unwrap()
    }

    #[test]
    fn a26_each_chunk_is_acknowledged_and_the_end_tells_the_hash() {
        let mut bench = bench();
        let ready = only(&bench.text(r#"{"type":"begin","name":"abc.txt","size":3}"#));
        let id = ready["id"].clone();
        assert_eq!(
            ready,
            json!({"type": "ready", "id": id, "offset": 0, "chunk": 0, "size": 3})
        );
        let ack = only(&bench.binary(b"ab"));
        assert_eq!(
            ack,
            json!({"type": "ack", "id": id, "offset": 2, "bytes": 2, "chunk": 1})
        );
        assert_eq!(only(&bench.binary(b"c"))["offset"], 3);
        // FIPS 180-2, appendix B.1.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            only(&bench.text(r#"{"type":"end"}"#)),
            json!({"type": "done", "id": id, "name": "abc.txt", "size": 3, "sha256": sha256, "ok": true})
        );
        assert_eq!(only(&bench.text(r#"{"type":"end"}"#))["code"], "not-begun");
    }

    #[test]
    fn a26_a_wrong_hash_is_told() {
        let mut bench = bench();
        let zeros = "00".repeat(32);
        only(&bench.text(&format!(
            r#"{{"type":"begin","name":"x","size":0,"sha256":"{zeros}"}}"#
        )));
        assert_eq!(only(&bench.text(r#"{"type":"end"}"#))["ok"], false);
    }

    #[test]
    fn b9_what_makes_no_sense_is_answered_by_an_error() {
        let mut bench = bench();
        let error = only(&bench.text("nonsense"));
        assert_eq!(
            (&error["type"], &error["code"]),
            (&"error".into(), &"bad-message".into())
        );
        assert_eq!(only(&bench.binary(b"x"))["code"], "not-begun");
        assert_eq!(only(&bench.text(r#"{"type":"abort"}"#))["code"], "not-begun");
        only(&bench.text(r#"{"type":"begin","name":"x","size":3}"#));
        let again = only(&bench.text(r#"{"type":"begin","name":"x","size":3}"#));
        assert_eq!(again["code"], "already-begun");
        let overrun = only(&bench.binary(b"four"));
        assert_eq!(
            overrun["message"],
            "the chunk has 4 bytes, but only 3 are missing"
        );
        let early = only(&bench.text(r#"{"type":"end"}"#));
        assert_eq!(
            (&early["code"], &early["message"]),
            (&"incomplete".into(), &"3 bytes are missing".into())
        );
        assert_eq!(only(&bench.binary(b"abc"))["offset"], 3, "the upload goes on");
        assert_eq!(only(&bench.text(r#"{"type":"abort"}"#))["type"], "aborted");
    }
}
