//! Templates: text with `${...}` in it, compiled once and rendered for every message.
//!
//! | expression | gives |
//! |---|---|
//! | `${client}` | number of the client within the run |
//! | `${seq}` | number of the message within its client |
//! | `${iteration}` | how often the client has begun its flow before |
//! | `${time_ms}`, `${time_us}` | milliseconds, microseconds since 1970 |
//! | `${random_int(1, 100)}` | a whole number, both bounds included |
//! | `${random_float(18, 25, 2)}` | a number with that many decimals |
//! | `${random_string(12)}`, `${random_hex(8)}` | so many letters and digits, so many hex digits |
//! | `${uuid}` | a version 4 UUID |
//! | `${mark}` | the identity of a message for the members of a room, 52 characters: see [`Mark`](super::mark::Mark) |
//! | `${choice(a, b, 'c, d')}` | one of the texts, each as likely as the others |
//! | `${pad(seq, 8)}` | a whole number, filled with zeros to at least that width |
//! | `${string(seq)}` | the same, but text where JSON would take a number |
//! | `${NAME}` | a variable, or a captured value |
//! | `${row.NAME}` | a column of the client's row |
//! | `${number(row.NAME)}` | the same, but a number where JSON would take text |
//! | `${env.NAME}`, `${env.NAME:-DEFAULT}` | an environment variable |
//! | `$${` | `${` itself |
//!
//! Everything random comes from the client's own generator, so that a seed gives the same payloads again.

mod function;
mod json;
mod parse;
mod part;
mod pattern;
mod scope;

pub(super) use function::{BUILT_IN_NAMES, LETTERS_AND_DIGITS};
pub(super) use json::{Json, Scalar, single_value};
pub(super) use parse::{TemplateError, literal, template};
pub use part::{ClientRng, RenderContext, Template, client_rng};
pub(super) use part::{Content, Held, Known, Number, Part};
pub use pattern::Pattern;
pub(super) use scope::{Scope, Variable};

#[cfg(test)]
mod tests;
