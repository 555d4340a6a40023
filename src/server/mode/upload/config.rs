//! [`UploadConfig`]: the settings of the mode.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::Deserialize;

use crate::units::{ByteSize, Count, Span};

/// Settings of the mode.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadConfig {
    /// Largest file (1 GiB).
    pub max_size: ByteSize,
    /// Uploads at a time, those that wait to be resumed included (1000). The one that waits longest gives way to a new one.
    pub max_open: Count,
    /// How long an upload waits to be resumed (10 min).
    pub expiry: Span,
    /// Where files are stored, each under its upload's id; none: only the hash is computed.
    pub directory: Option<PathBuf>,
    /// Large chunks that are hashed and stored at the same time, each on a thread of its own (2).
    pub threads: NonZeroUsize,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            max_size: ByteSize(1 << 30),
            max_open: Count(1000),
            expiry: Span::from_secs(600),
            directory: None,
            threads: NonZeroUsize::MIN.saturating_add(1),
        }
    }
}
