//! [`Progress`]: how far a file has come.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

/// How far a file has come. Its methods may take long: see [`super::store::Uploads::run`].
pub(super) struct Progress {
    hash: Context,
    pub(super) offset: u64,
    pub(super) chunks: u64,
    place: Option<Place>,
}

/// Where the bytes go.
struct Place {
    path: PathBuf,
    /// From the first chunk on.
    file: Option<File>,
}

/// What an unfinished file has behind its name.
const PART: &str = "part";

impl Progress {
    /// Nothing yet; `path` is the file to be, if the bytes are to be kept.
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self {
            hash: Context::new(&SHA256),
            offset: 0,
            chunks: 0,
            place: path.map(|path| Place { path, file: None }),
        }
    }

    /// Takes the next bytes. If they cannot be stored, nothing has changed.
    pub(super) fn take(&mut self, chunk: &[u8]) -> io::Result<()> {
        if let Some(place) = &mut self.place {
            place.write(self.offset, chunk)?;
        }
        self.hash.update(chunk);
        self.offset += chunk.len() as u64;
        self.chunks += 1;
        Ok(())
    }

    /// The SHA-256 of all bytes.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.hash.clone().finish().as_ref());
        bytes
    }

    /// Keeps the file under its final name, if it is to be kept.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        let Some(place) = &mut self.place else {
            return Ok(());
        };
        // An empty file has had no chunk.
        place.open()?.sync_all()?;
        fs::rename(place.part(), &place.path)?;
        self.place = None;
        Ok(())
    }
}

impl Place {
    fn part(&self) -> PathBuf {
        self.path.with_extension(PART)
    }

    fn open(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            self.file = Some(create(&self.part())?);
        }
        self.file
            .as_mut()
            .ok_or_else(|| io::Error::other("the file is not open"))
    }

    /// Writes at `offset`, over whatever a failed attempt has left there.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let file = self.open()?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }
}

/// The name is nobody's choice but ours, so whatever has it already is not to be touched.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

impl Drop for Place {
    /// What was not finished is not kept.
    fn drop(&mut self) {
        if self.file.take().is_some() && let Err(error) = fs::remove_file(self.part())
            // That is what `keep` leaves.
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.part().display(), "cannot remove an unfinished upload");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::to_hex;
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a26_the_hash_goes_on_over_chunks() {
        let mut progress = Progress::new(None);
        progress.take(b"a").unwrap();
        progress.take(b"").unwrap();
        progress.take(b"bc").unwrap();
        assert_eq!((progress.offset, progress.chunks), (3, 3));
        assert_eq!(to_hex(&progress.digest()), ABC);
        assert_eq!(to_hex(&progress.digest()), ABC, "asking changes nothing");
    }

    #[test]
    fn a_finished_file_is_kept_and_an_unfinished_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("one");
        let mut progress = Progress::new(Some(path.clone()));
        progress.take(b"ab").unwrap();
        assert!(path.with_extension(PART).exists());
        progress.take(b"c").unwrap();
        progress.keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        drop(progress);
        let mut unfinished = Progress::new(Some(directory.path().join("two")));
        unfinished.take(b"ab").unwrap();
        drop(unfinished);
        let mut empty = Progress::new(Some(directory.path().join("three")));
        empty.keep().unwrap();
        let mut names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["one", "three"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn bytes_that_a_full_disk_refuses_do_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("one");
        let mut progress = Progress::new(Some(path.clone()));
        progress.take(b"ab").unwrap();
        let good = progress.place.as_mut().unwrap().file.take();
        progress.place.as_mut().unwrap().file =
            Some(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let error = progress.take(b"c").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!((progress.offset, progress.chunks), (2, 1));
        progress.place.as_mut().unwrap().file = good;
        progress.take(b"c").unwrap();
        progress.keep().unwrap();
        assert_eq!(
            (to_hex(&progress.digest()).as_str(), fs::read(&path).unwrap()),
            (ABC, b"abc".to_vec())
        );
    }

    #[test]
    fn a_name_that_is_taken_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("one");
        fs::write(path.with_extension(PART), "precious").unwrap();
        let mut progress = Progress::new(Some(path.clone()));
        assert_eq!(
            progress.take(b"x").unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        drop(progress);
        assert_eq!(fs::read(path.with_extension(PART)).unwrap(), b"precious");
    }
}
