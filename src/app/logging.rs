//! Log output, to standard error.

use tracing_subscriber::EnvFilter;

use crate::cli::{LogArgs, LogFormat};

/// Installs the subscriber.
///
/// # Errors
/// The filter cannot be read; the text says why.
pub(super) fn init(args: &LogArgs) -> Result<(), String> {
    let filter = EnvFilter::builder()
        .parse(&args.log)
        .map_err(|error| format!("--log {}: {error}; try a level such as info, or wsbench::server=debug", args.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
