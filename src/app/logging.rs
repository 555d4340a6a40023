//! Log output, to standard error.

use tracing_subscriber::EnvFilter;

use crate::cli::{LogArgs, LogFormat};

use super::failure::Failure;

/// Installs the subscriber.
pub(super) fn init(args: &LogArgs) -> Result<(), Failure> {
    let filter = EnvFilter::builder().parse(&args.log).map_err(|error| {
        Failure::configuration(format!(
            "--log {}: {error}; write a level such as info, or a filter such as wsbench::server=debug",
            args.log
        ))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
