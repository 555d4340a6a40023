//! Scenarios: what a load test does, written in YAML.
//!
//! ```text
//! text -> tree with positions -> Document (serde) -> compile(Document, Overrides) -> Plan
//!         yaml/                  document.rs         compile/                        plan.rs
//! ```
//!
//! [`load`] reads a file, [`from_str`] a text. Either gives a [`Plan`], in which every value is resolved and
//! every reference checked, or all the errors that could be found, each with file, line and column.
//!
//! Where to add things: a key in `document.rs` and its meaning in `compile/`; a unit or keyword in `quantity.rs`; a
//! template function in `template/function.rs`; a way to recognise replies in `matcher.rs`.

mod compile;
mod document;
mod error;
mod json_probe;
mod json_scan;
mod matcher;
mod parse;
mod plan;
mod quantity;
mod sequence;
mod template;
mod yaml;

pub use compile::Overrides;
pub use error::{ScenarioError, ScenarioErrors};
pub use json_probe::JsonProbe;
pub use matcher::{Correlation, EchoShape, Matcher, Needle};
pub use parse::{from_str, load};
pub use plan::{
    Arrivals, ClosedStage, ConnectionPlan, Delay, Every, ExpectOp, Group, Heartbeat, LoadModel, LoopOp,
    MAX_LOOP_DEPTH, Op, OpenStage, PayloadKind, Plan, ReplySpec, SendOp, TargetSpec, TransportPlan,
};
pub use sequence::SequenceExtractor;
pub use template::{ClientRng, Pattern, RenderContext, Template, client_rng};
pub use yaml::Position;
