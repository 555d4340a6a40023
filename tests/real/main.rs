//! wsbench against implementations that nobody here wrote: Python `websockets`, npm `ws` and `wscat` and Chromium as
//! clients of `wsbench serve`, the first two also as servers under `wsbench run`; npm `oidc-provider` as the issuer of
//! tokens, Prometheus as the reader of metrics.
//!
//! Also every scenario file, directly and through nginx and HAProxy; the reports of a run, against libraries and tools that
//! read their forms; completions and manual pages, in the shells and by the formatters that they are for; and what CI
//! systems read, against their schemas.
//!
//! They need what `scripts/install-test-tools` installs, so they are built with the feature `real-tests` only, which
//! `scripts/test` turns on. Then a missing tool is a failure.

mod ci;
mod clients;
mod compose;
mod http;
mod modes;
mod oidc;
mod process;
mod prometheus;
mod reports;
mod scenarios;
mod servers;
mod shells;
mod tools;
