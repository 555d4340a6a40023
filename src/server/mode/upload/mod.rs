//! `upload`: a file in chunks, each acknowledged, with its SHA-256 at the end, to be resumed after a cut (seed A26).
//!
//! | file | purpose |
//! |---|---|
//! | `config` | [`UploadConfig`]: the settings |
//! | `protocol` | what a client may say; [`UploadError`]: why it cannot be done |
//! | `progress` | how far a file has come: the running hash and, if files are kept, the bytes |
//! | `store` | [`Uploads`]: the open uploads of a route, over all workers |
//! | `session` | [`UploadSession`]: the mode |

mod config;
mod progress;
mod protocol;
mod session;
mod store;

pub use config::UploadConfig;
pub(super) use session::UploadSession;
pub(crate) use store::Uploads;
