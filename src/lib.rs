//! wsbench: load testing and conformance toolkit for WebSocket servers and gateways.
//!
//! The folders are the architecture; `ARCHITECTURE.md` holds the data flow and the table of who may import whom.

pub mod app;
pub mod cli;
pub mod clock;
pub mod connect;
pub mod exit;
pub mod exposition;
pub mod gate;
pub mod load;
pub mod metrics;
pub mod net;
pub mod remote;
pub mod report;
pub mod scenario;
pub mod server;
pub mod tui;
pub mod units;
pub mod wire;
