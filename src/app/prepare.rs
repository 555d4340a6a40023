//! [`Prepared`]: a scenario with what the command line changes in it, and its secrets known.

use std::fs;
use std::path::Path;

use crate::cli::{LoadArgs, Variable};
use crate::net::SourceAddresses;
use crate::report::Redactor;
use crate::scenario::{self, Overrides, Plan, TargetSpec, TransportPlan};

use super::environment::environment;
use super::failure::Failure;
use super::misspelling;

/// A scenario that is ready to be run.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    /// Knows the secrets of its runs.
    pub(super) redactor: Redactor,
}

impl Prepared {
    /// Reads the scenario; a `target` takes the place of its own.
    pub(super) fn new(file: &Path, target: Option<&str>, args: &LoadArgs) -> Result<Self, Failure> {
        let plan = plan(file, target, args)?;
        let redactor = redactor(file, args, &plan);
        Ok(Self { plan, redactor })
    }

    /// For a comparison, which is a verdict of its own.
    pub(super) fn without_thresholds(mut self) -> Self {
        self.plan.thresholds.clear();
        self
    }

    /// What is tested, as people may see it.
    pub(super) fn target(&self) -> String {
        match &self.plan.target {
            TargetSpec::Embedded => "embedded".to_owned(),
            TargetSpec::Url(url) => self.redactor.text(url),
        }
    }
}

/// What fills the variables of a scenario.
pub(super) fn overrides(variables: &[Variable]) -> Overrides {
    let pair = |variable: &Variable| (variable.key.clone(), variable.value.clone());
    Overrides {
        variables: variables.iter().map(pair).collect(),
        environment: environment(),
        ..Overrides::default()
    }
}

/// The scenario with what the command line changes in it.
fn plan(file: &Path, target: Option<&str>, args: &LoadArgs) -> Result<Plan, Failure> {
    let overrides = Overrides {
        target: target.map(str::to_owned),
        seed: args.seed,
        insecure: args.tls.insecure,
        client_scale: args.scale,
        duration_scale: args.duration_scale,
        ..overrides(&args.variables)
    };
    let mut plan = scenario::load(file, &overrides)
        .map_err(|errors| Failure::configuration(format!("{errors}{}", misspelling::meant(file))))?;
    override_transport(&mut plan.transport, args)?;
    Ok(plan)
}

/// The flags about connecting outrank the scenario.
fn override_transport(transport: &mut TransportPlan, args: &LoadArgs) -> Result<(), Failure> {
    if let Some(ca) = &args.tls.ca {
        transport.ca_file = Some(ca.clone());
    }
    if let Some(files) = args.tls.client_certificate() {
        transport.client_certificate = Some(files);
    }
    if let Some(name) = &args.tls.server_name {
        transport.server_name = Some(name.clone());
    }
    if !args.source.is_empty() {
        let list = args.source.join(",");
        let sources = SourceAddresses::parse(&list)
            .map_err(|error| Failure::configuration(format!("--source {list}: {error}")))?;
        transport.source_addresses = sources.iter().collect();
    }
    SourceAddresses::new(&transport.source_addresses)
        .check()
        .map_err(Failure::configuration)
}

fn redactor(scenario: &Path, args: &LoadArgs, plan: &Plan) -> Redactor {
    let (text, variables) = (scenario_text(scenario), variables(args));
    let target = match &plan.target {
        TargetSpec::Embedded => "",
        TargetSpec::Url(url) => url,
    };
    let environment = |name: &str| std::env::var(name).ok();
    Redactor::new(&text, variables.iter().map(String::as_str), target, environment)
}

/// The scenario was read before; if its file is gone meanwhile, the reports do without its text.
pub(super) fn scenario_text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// The variables of the command line, as `KEY=VAL`.
pub(super) fn variables(args: &LoadArgs) -> Vec<String> {
    let variables = args.variables.iter();
    variables
        .map(|variable| format!("{}={}", variable.key, variable.value))
        .collect()
}
