//! `scripts/gate` and `scripts/gateway` with real nginx and HAProxy.
//!
//! They need what `scripts/install-test-tools` installs, so they are built with the feature `real-tests` only. They are a
//! program of their own because they measure latencies: cargo runs nothing else beside it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a process that does not start fails its test"
)]

mod gate;
#[path = "../real/http.rs"]
mod http;
#[expect(dead_code, reason = "others need more of it")]
#[path = "../real/process.rs"]
mod process;
