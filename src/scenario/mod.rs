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

mod capture;
mod compile;
mod credentials;
mod delay;
mod document;
mod error;
mod feeder;
mod fingerprint;
mod har;
mod include;
mod json_probe;
mod json_scan;
mod mark;
mod matcher;
mod outline;
mod pace;
mod parse;
mod plan;
mod quantity;
mod schema;
mod sequence;
mod size;
mod stream;
mod template;
mod token;
mod values;
mod yaml;

pub use capture::{Capture, CaptureScratch};
pub use compile::Overrides;
pub use credentials::{CredentialPlace, Credentials};
pub use error::{ScenarioError, ScenarioErrors};
pub use feeder::{Feeder, RowOrder};
pub use har::{HarError, HarOptions, import_har};
pub use json_probe::JsonProbe;
pub use mark::Mark;
pub use matcher::{Correlation, EchoShape, Matcher, Needle};
pub use outline::{Resources, headline, outline};
pub use parse::{from_str, load};
pub use plan::{
    Arrivals, BranchOp, ClosedStage, ConnectionPlan, Delay, Every, ExpectOp, FanOutPlan, Group, Heartbeat,
    LoadModel, LoopOp, MAX_LOOP_DEPTH, Op, OpenStage, PayloadKind, Plan, ReadRate, ReconnectPlan,
    ReconnectPolicy, ReplySpec, SendOp, SizeProbeOp, TargetSpec, TransportPlan,
};
pub use schema::json_schema;
pub use sequence::SequenceExtractor;
pub use size::Size;
pub use stream::{Numbered, Stream};
pub use template::{ClientRng, Pattern, RenderContext, Template, client_rng};
pub use token::{Algorithm, Minter, NotSigned};
pub use values::{MAX_CAPTURE, Table, Values};
pub use yaml::Position;
