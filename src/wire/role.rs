//! [`Role`]: which end of a connection we are.

/// Which end of the connection we are. Masks and the directions of compression depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We opened the connection: we mask, the peer does not.
    Client,
    /// We accepted it: the peer masks, we do not.
    Server,
}
