//! wsbench against implementations that nobody here wrote: Python `websockets` and npm `ws`, as clients of
//! `wsbench serve` and as servers under `wsbench run`; npm `oidc-provider` as the issuer of tokens, Prometheus as the reader of metrics.
//!
//! They need what `scripts/install-test-tools` installs, so they are built with the feature `real-tests` only, which
//! `scripts/test` turns on. Then a missing tool is a failure.

mod clients;
mod http;
mod oidc;
mod process;
mod prometheus;
mod servers;
mod tools;
