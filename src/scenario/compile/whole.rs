//! The file as a whole: name, target, seed, variables.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::context::Context;
use super::group::groups;
use super::load::{Scale, load};
use super::route::{check_unused_routes, declare_routes};
use super::thresholds::thresholds;
use super::transport::transport;
use crate::scenario::document::{Constant, Document};
use crate::scenario::error::{Problem, nearest, suggestion};
use crate::scenario::fingerprint::Contents;
use crate::scenario::plan::{Plan, TargetSpec};
use crate::scenario::template::{BUILT_IN_NAMES, Json, Scope, Variable, literal};
use crate::scenario::yaml::{Entries, Located, Quantity, Text};

const GRACEFUL_STOP: Duration = Duration::from_secs(10);

/// What the command line says differently from the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Instead of `target`: `embedded` or a URL.
    pub target: Option<String>,
    /// Instead of `seed`.
    pub seed: Option<u64>,
    /// Accept any certificate, whatever the file says.
    pub insecure: bool,
    /// Instead of the values of `variables`; only declared ones can be set.
    pub variables: BTreeMap<String, String>,
    /// What `${env.NAME}` stands for.
    pub environment: BTreeMap<String, String>,
    /// Factor for numbers of clients and arrival rates.
    pub client_scale: Option<f64>,
    /// Factor for the durations of stages. What clients do is not scaled.
    pub duration_scale: Option<f64>,
}

/// Compiles what can be compiled; the plan is good only if no problem was added. It lacks its fingerprint, for which the
/// contents of files are the second result.
pub(crate) fn compile(
    document: &Located<Document>,
    files: &[PathBuf],
    overrides: &Overrides,
    problems: &mut Vec<Problem>,
) -> (Plan, Contents) {
    let Located { at, value: document } = document;
    let mut context = Context::new(files, problems);
    context.scope.environment.clone_from(&overrides.environment);
    variables(&mut context, &document.variables, &overrides.variables);
    declare_routes(&mut context, &document.routes);
    let scale = Scale {
        clients: factor(&mut context, "clients", overrides.client_scale),
        durations: factor(&mut context, "durations", overrides.duration_scale),
    };
    let stem = files
        .first()
        .and_then(|path| path.file_stem())
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let name = context.value_or(document.name.as_ref(), stem);
    let seed = context.value_or(document.seed.as_ref(), 0);
    let groups = groups(&mut context, *at, document, &name);
    check_unused_routes(&mut context);
    let plan = Plan {
        target: target(&mut context, document, overrides),
        seed: overrides.seed.unwrap_or(seed),
        thresholds: thresholds(&mut context, &document.thresholds, &groups),
        groups,
        load: load(&mut context, *at, document, scale),
        graceful_stop: context.value_or(document.graceful_stop.as_ref(), GRACEFUL_STOP),
        fingerprint: String::new(),
        transport: transport(&mut context, document.transport.as_ref(), overrides.insecure),
        name,
    };
    (plan, context.contents)
}

fn target(context: &mut Context<'_>, document: &Document, overrides: &Overrides) -> TargetSpec {
    let written = context.value_or(document.target.as_ref(), TargetSpec::Embedded);
    let Some(text) = &overrides.target else {
        return written;
    };
    TargetSpec::read(text).unwrap_or_else(|message| {
        context.unplaced(format!("the target given on the command line: {message}"));
        written
    })
}

fn factor(context: &mut Context<'_>, what: &str, factor: Option<f64>) -> f64 {
    let factor = factor.unwrap_or(1.0);
    if factor.is_finite() && factor > 0.0 {
        return factor;
    }
    context.unplaced(format!(
        "the scale of {what} must be a number above 0, not {factor}"
    ));
    1.0
}

/// Whether a variable or a captured value may have this name; reports it if not.
pub(super) fn is_free_name(context: &mut Context<'_>, name: &Text) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let begins_well = name.value.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let message = if !begins_well || !name.value.chars().all(is_part) {
        format!(
            "`{}` is not a name: letters, digits, `_` and `-`, a letter first",
            name.value
        )
    } else if BUILT_IN_NAMES.contains(&name.value.as_str()) {
        format!("`{}` is built into templates; choose another name", name.value)
    } else {
        return true;
    };
    context.problem(name.at, message);
    false
}

fn variables(context: &mut Context<'_>, declared: &Entries<Constant>, overrides: &BTreeMap<String, String>) {
    for (name, Constant(constant)) in &declared.0 {
        if is_free_name(context, name)
            && let Some(variable) = constant_value(context, constant)
        {
            context.scope.variables.insert(name.value.clone(), variable);
        }
    }
    for (name, text) in overrides {
        if let Some(variable) = context.scope.variables.get_mut(name) {
            variable.bare = variable.bare && is_bare(text);
            variable.text.clone_from(text);
        } else {
            let meant = suggestion(nearest(name, context.scope.variables.keys().map(String::as_str)));
            let message = format!(
                "the command line or the environment sets `{name}`, which `variables` does not declare{meant}"
            );
            context.unplaced(message);
        }
    }
}

fn constant_value(context: &mut Context<'_>, constant: &Located<Json>) -> Option<Variable> {
    match &constant.value {
        Json::Bool(value) => Some(Variable {
            text: value.to_string(),
            bare: true,
        }),
        Json::Number(value) => Some(Variable {
            text: value.to_string(),
            bare: true,
        }),
        Json::String(text) => {
            // Of a variable's value only the environment is known.
            let scope = Scope {
                environment: context.scope.environment.clone(),
                ..Scope::default()
            };
            let value = literal(text, &scope).map_err(|error| match text.contains("${env.") {
                true => context.template_problem(constant.at, text, &error),
                false => context.problem(
                    constant.at,
                    "a variable is a constant and cannot contain `${...}`, but for `${env.NAME}`",
                ),
            });
            value.ok().map(|text| Variable { text, bare: false })
        }
        Json::Null | Json::Array(_) | Json::Object(_) => {
            context.problem(
                constant.at,
                "expected a text, a number, `true` or `false` as the value of a variable",
            );
            None
        }
    }
}

/// Whether JSON takes the text without quotes.
fn is_bare(text: &str) -> bool {
    matches!(
        serde_json::from_str(text),
        Ok(serde_json::Value::Bool(_) | serde_json::Value::Number(_))
    )
}
