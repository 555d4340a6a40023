//! The HTTP interface to a run that goes on: what it measures, and its [`Control`](crate::load::Control).
//!
//! | file | purpose |
//! |---|---|
//! | `service` | [`serve`]: listens, and answers requests |
//! | `guard` | who may ask at all |
//! | `action` | what can be asked for |
//! | `status` | a run at one moment, as JSON |
//!
//! `docs/control.md` describes it for users.

mod action;
mod guard;
mod service;
mod status;

pub use guard::{Guard, GuardError};
pub use service::{Remote, serve};
pub use status::{LoadKind, RunIdentity};
