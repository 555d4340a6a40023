//! What the bench's servers and generators share: options, the look into `/proc`, and the line that reports.
//!
//! Each binary does one job in the ordinary way of the library that it stands for; nothing here is tuned beyond what
//! `scripts/bench` says in its table (8 KiB buffers for tungstenite).

pub mod generator;
pub mod options;
pub mod process;
pub mod server;
