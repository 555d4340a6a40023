//! The protocol core alone. It imports nothing of the layers above it, so what is fuzzed builds without them.

#[path = "../src/wire/mod.rs"]
pub mod wire;
