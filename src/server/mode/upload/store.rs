//! [`Uploads`]: the open uploads of a route, over all workers, in bounded memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::config::UploadConfig;
use super::progress::Progress;
use super::protocol::{Begin, UploadError, digest_from_hex, to_hex};
use crate::clock::Moment;
use crate::server::ids::ConnectionId;

/// Longest name of a file, in bytes.
const MAX_NAME: usize = 255;

/// The open uploads of a route.
#[derive(Debug)]
pub(crate) struct Uploads {
    config: UploadConfig,
    open: Mutex<HashMap<String, Kept>>,
    permits: Arc<Semaphore>,
}

#[derive(Debug)]
struct Kept {
    upload: Arc<Upload>,
    /// When its client went away; [`Moment::NEVER`] while it is here.
    left: Moment,
}

/// A file that is being uploaded.
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) size: u64,
    /// What the client says it is.
    pub(super) sha256: Option<[u8; 32]>,
    /// The id of the connection over which it comes.
    owner: AtomicU64,
    progress: Mutex<Progress>,
}

/// How far an upload has come, for the connection over which it comes.
pub(super) type OwnProgress<'a> = MutexGuard<'a, Progress>;

impl Uploads {
    pub(crate) fn new(config: &UploadConfig) -> Self {
        Self {
            config: config.clone(),
            open: Mutex::default(),
            permits: Arc::new(Semaphore::new(config.threads.get())),
        }
    }

    /// Whether bytes are stored.
    pub(super) fn stores(&self) -> bool {
        self.config.directory.is_some()
    }

    /// Does `work` off the worker's thread, once one of the route's permits is free. Each connection waits for what it has
    /// asked for, so no more than one piece of work per connection waits here.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<Result<T, JoinError>> {
        let permits = self.permits.clone();
        tokio::spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire_owned().await;
            spawn_blocking(work).await
        })
    }

    /// A new upload, of `owner`.
    pub(super) fn begin(
        &self,
        begin: Begin,
        owner: ConnectionId,
        now: Moment,
    ) -> Result<Arc<Upload>, UploadError> {
        let name = begin.name.ok_or(UploadError::Missing("name"))?;
        let size = begin.size.ok_or(UploadError::Missing("size"))?;
        if name.len() > MAX_NAME {
            return Err(UploadError::Name(MAX_NAME));
        }
        if size > self.config.max_size.0 {
            return Err(UploadError::TooLarge(self.config.max_size.0));
        }
        let sha256 = begin.sha256.as_deref().map(digest_from_hex).transpose()?;
        let id = to_hex(&rand::random::<[u8; 16]>());
        let path = self
            .config
            .directory
            .as_ref()
            .map(|directory| directory.join(&id));
        let upload = Arc::new(Upload {
            id: id.clone(),
            name,
            size,
            sha256,
            owner: AtomicU64::new(owner.0),
            progress: Mutex::new(Progress::new(path)),
        });
        let mut open = self.open();
        self.make_room(&mut open, now)?;
        let kept = Kept {
            upload: upload.clone(),
            left: Moment::NEVER,
        };
        open.insert(id, kept);
        Ok(upload)
    }

    /// An upload that is to go on over `owner`, whichever connection it came over before: that one may be dead without anybody
    /// having noticed.
    pub(super) fn resume(
        &self,
        id: &str,
        begin: &Begin,
        owner: ConnectionId,
        now: Moment,
    ) -> Result<Arc<Upload>, UploadError> {
        let mut open = self.open();
        self.expire(&mut open, now);
        let kept = open.get_mut(id).ok_or(UploadError::Unknown)?;
        kept.upload.check(begin)?;
        kept.left = Moment::NEVER;
        kept.upload.owner.store(owner.0, Relaxed);
        Ok(kept.upload.clone())
    }

    /// The connection `owner` has ended; the upload may be resumed.
    pub(super) fn leave(&self, upload: &Upload, owner: ConnectionId, now: Moment) {
        let mut open = self.open();
        if let Some(kept) = open.get_mut(&upload.id).filter(|kept| kept.upload.is_of(owner)) {
            kept.left = now;
        }
    }

    /// The upload has ended.
    pub(super) fn remove(&self, upload: &Upload) {
        self.open().remove(&upload.id);
    }

    fn make_room(&self, open: &mut HashMap<String, Kept>, now: Moment) -> Result<(), UploadError> {
        self.expire(open, now);
        if (open.len() as u64) < self.config.max_open.0 {
            return Ok(());
        }
        let waiting = open.iter().filter(|(_, kept)| kept.left != Moment::NEVER);
        let oldest = waiting
            .min_by_key(|(_, kept)| kept.left)
            .map(|(id, _)| id.clone());
        open.remove(&oldest.ok_or(UploadError::TooMany)?);
        Ok(())
    }

    fn expire(&self, open: &mut HashMap<String, Kept>, now: Moment) {
        open.retain(|_, kept| kept.left == Moment::NEVER || now - kept.left < self.config.expiry.0);
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// How far it has come, as long as it comes over `owner`. What another connection has left unfinished comes to its end
    /// before, or not at all.
    pub(super) fn progress(&self, owner: ConnectionId) -> Result<OwnProgress<'_>, UploadError> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_of(owner) {
            Ok(progress)
        } else {
            Err(UploadError::TakenOver)
        }
    }

    fn is_of(&self, owner: ConnectionId) -> bool {
        self.owner.load(Relaxed) == owner.0
    }

    /// Whether what a client says when it resumes is what was said before.
    fn check(&self, begin: &Begin) -> Result<(), UploadError> {
        if begin.name.as_ref().is_some_and(|name| *name != self.name) {
            return Err(UploadError::Mismatch("name"));
        }
        if begin.size.is_some_and(|size| size != self.size) {
            return Err(UploadError::Mismatch("size"));
        }
        let sha256 = begin.sha256.as_deref().map(digest_from_hex).transpose()?;
        if sha256.is_some() && sha256 != self.sha256 {
            return Err(UploadError::Mismatch("sha256"));
        }
        Ok(())
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::units::{ByteSize, Count};

    const FIRST: ConnectionId = ConnectionId(1);
    const SECOND: ConnectionId = ConnectionId(2);

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    fn uploads(max_open: u64) -> Uploads {
        Uploads::new(&UploadConfig {
            max_open: Count(max_open),
            max_size: ByteSize(1000),
            ..UploadConfig::default()
        })
    }

    fn file(size: u64) -> Begin {
        Begin {
            name: Some("a.txt".to_owned()),
            size: Some(size),
            ..Begin::default()
        }
    }

    fn resume(uploads: &Uploads, id: &str, second: u64) -> Result<Arc<Upload>, &'static str> {
        let resumed = uploads.resume(id, &Begin::default(), SECOND, at(second));
        resumed.map_err(|error| error.code())
    }

    #[test]
    fn a26_an_upload_waits_to_be_resumed_until_it_expires() {
        let uploads = uploads(10);
        let upload = uploads.begin(file(10), FIRST, at(0)).unwrap();
        upload.progress(FIRST).unwrap().take(b"abc").unwrap();
        uploads.leave(&upload, FIRST, at(1000));
        let again = resume(&uploads, &upload.id, 1599).unwrap();
        assert_eq!(again.progress(SECOND).unwrap().offset, 3);
        uploads.leave(&upload, SECOND, at(2000));
        assert_eq!(resume(&uploads, &upload.id, 2600).unwrap_err(), "unknown-upload");
    }

    #[test]
    fn a26_whoever_resumes_takes_over() {
        let uploads = uploads(10);
        let upload = uploads.begin(file(10), FIRST, at(0)).unwrap();
        resume(&uploads, &upload.id, 1).unwrap();
        assert_eq!(upload.progress(FIRST).err().unwrap().code(), "taken-over");
        uploads.leave(&upload, FIRST, at(2));
        assert!(
            uploads.open()[&upload.id].left == Moment::NEVER,
            "the first one's end changes nothing"
        );
    }

    #[test]
    fn a26_who_resumes_may_not_change_the_file() {
        let uploads = uploads(10);
        let upload = uploads.begin(file(10), FIRST, at(0)).unwrap();
        for begin in [
            file(11),
            Begin {
                name: Some("b.txt".to_owned()),
                ..file(10)
            },
            Begin {
                sha256: Some("00".repeat(32)),
                ..file(10)
            },
        ] {
            let error = uploads.resume(&upload.id, &begin, SECOND, at(1)).unwrap_err();
            assert_eq!(error.code(), "mismatch", "{begin:?}");
        }
        uploads.resume(&upload.id, &file(10), SECOND, at(1)).unwrap();
    }

    #[test]
    fn the_upload_that_waits_longest_gives_way() {
        let uploads = uploads(2);
        let first = uploads.begin(file(1), FIRST, at(0)).unwrap();
        let second = uploads.begin(file(1), SECOND, at(0)).unwrap();
        assert_eq!(
            uploads.begin(file(1), FIRST, at(1)).unwrap_err().code(),
            "too-many-uploads"
        );
        uploads.leave(&second, SECOND, at(2));
        uploads.leave(&first, FIRST, at(3));
        uploads.begin(file(1), FIRST, at(4)).unwrap();
        assert!(resume(&uploads, &second.id, 5).is_err());
        assert!(resume(&uploads, &first.id, 5).is_ok());
    }

    #[test]
    fn a_begin_has_to_make_sense() {
        let uploads = uploads(2);
        for (begin, code) in [
            (Begin::default(), "bad-begin"),
            (
                Begin {
                    size: None,
                    ..file(1)
                },
                "bad-begin",
            ),
            (
                Begin {
                    name: Some("x".repeat(256)),
                    ..file(1)
                },
                "bad-begin",
            ),
            (
                Begin {
                    sha256: Some("xyz".to_owned()),
                    ..file(1)
                },
                "bad-begin",
            ),
            (file(1001), "too-large"),
        ] {
            let error = uploads.begin(begin, FIRST, at(0)).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
        }
    }
}
