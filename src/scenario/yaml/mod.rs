//! YAML with positions: text to a tree in which every key and value knows its line and column, and from the tree
//! to `serde` types, reporting every error that can be told apart instead of only the first.

mod decode;
mod located;
mod tree;

pub(super) use decode::decode;
pub(super) use located::{Entries, Field, List, Located, Quantity, ScalarOr, Text};
pub use tree::Position;
pub(super) use tree::{Content, Node, parse};
