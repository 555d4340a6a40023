//! From a [`Document`](super::document::Document) to a [`Plan`](super::plan::Plan).
//!
//! Every value is read into the type that the plan has for it, and what cannot be read is reported with its position
//! and replaced by a default, so that one compilation finds all errors. The plan is used only if there were none.

mod branch;
mod capture;
mod connected;
mod context;
mod credentials;
mod fanout;
mod feeder;
mod flow;
mod group;
mod load;
mod message;
mod reconnect;
mod reply;
mod route;
mod size;
mod size_probe;
mod stream;
mod think;
mod thresholds;
mod transport;
mod whole;

pub use whole::Overrides;
pub(super) use whole::compile;

#[cfg(test)]
mod tests;
