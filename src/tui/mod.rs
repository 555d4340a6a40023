//! The full-screen live view of a run and of the reference server.
//!
//! ```text
//! app --watch<Arc<Frame>>--> driver (a thread of its own) --> screen --> panels --> terminal
//!     <------ Control ------ driver <-- order <-- action <-- key
//! ```
//!
//! A view reads what it is given and never asks for more: a run publishes its snapshots whether somebody looks or not,
//! the latest one replaces the one before, and a terminal that is slow delays nothing but itself. What the view remembers
//! for its charts is bounded. It steers the run only through the [`Control`](crate::load::Control).
//!
//! | file | purpose |
//! |---|---|
//! | `frame` | what the composition root gives: the run before it begins, and at each moment |
//! | `history` | what was measured over time, bounded |
//! | `input` | which key means what |
//! | `state` | the state of the view of a run: tabs, window, what is frozen; actions become orders |
//! | `run` | the screen of a run: frames and keys in, drawing out |
//! | `server` | the screen of the reference server |
//! | `view` | the panels, one file each, and how they share the screen |
//! | `theme` | colours and marks, with and without colour |
//! | `terminal` | taking the terminal and giving it back, whatever happens |
//! | `driver` | the thread that reads keys and draws |

mod driver;
mod frame;
mod history;
mod input;
mod run;
mod server;
mod state;
mod terminal;
mod theme;
mod view;

pub use driver::{LiveView, Screen, TuiError, panic_for_a_test};
pub use frame::{Brief, Frame, HealthLine, Scaling, Stage, Standing, ThresholdLine};
pub use run::RunScreen;
pub use server::{CloseLine, RouteLine, ServerBrief, ServerFrame, ServerScreen};
pub use terminal::restore;
pub use theme::Theme;
