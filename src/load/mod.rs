//! The load engine: interprets a [`Plan`](crate::scenario::Plan) with many virtual clients and records what they see.
//!
//! | file | purpose |
//! |---|---|
//! | `pacer` | when clients start and stop: pure functions of the plan |
//! | `vclient` | one virtual client, without input or output |

pub mod pacer;
pub mod vclient;
