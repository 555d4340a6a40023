//! `wsbench report`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

/// Flags of `wsbench report`. Without one that names a report, the text goes to standard output.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Summary of a run, as `wsbench run --out json` writes it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Write a report as TYPE=PATH, or TYPE alone for a file in reports/runs/; repeatable (docs/reports.md)
    #[arg(
        long,
        value_name = "TYPE[=PATH]",
        value_delimiter = ',',
        help_heading = "Reports"
    )]
    pub out: Vec<String>,

    /// Write the text
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_REPORT_TEXT",
        help_heading = "Reports"
    )]
    pub text: Option<PathBuf>,

    /// Write the summary
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_REPORT_JSON",
        help_heading = "Reports"
    )]
    pub json: Option<PathBuf>,

    /// Write the run over time as CSV
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_REPORT_CSV",
        help_heading = "Reports"
    )]
    pub csv: Option<PathBuf>,

    /// Write the run over time as HdrHistogram's interval log
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_REPORT_HLOG",
        help_heading = "Reports"
    )]
    pub hlog: Option<PathBuf>,

    /// Write HdrHistogram's percentile distribution of the response time
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_REPORT_HGRM",
        help_heading = "Reports"
    )]
    pub hgrm: Option<PathBuf>,

    /// Write the verdict as JUnit's XML
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_REPORT_JUNIT",
        help_heading = "Reports"
    )]
    pub junit: Option<PathBuf>,

    /// Write verdict and main figures as Markdown
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_REPORT_MARKDOWN",
        help_heading = "Reports"
    )]
    pub markdown: Option<PathBuf>,

    /// Write one page with everything
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_REPORT_HTML",
        help_heading = "Reports"
    )]
    pub html: Option<PathBuf>,

    /// Print what went wrong in the form with which this service marks files: the workflow commands of GitHub Actions
    #[arg(long, value_name = "SERVICE", value_enum, help_heading = "Output")]
    pub annotations: Option<AnnotationsArg>,

    /// Do not say where reports are
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// Whose form annotations have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AnnotationsArg {
    /// GitHub Actions.
    Github,
}

impl ReportArgs {
    /// The flags that name a report, by the report's type.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [
            ("text", &self.text),
            ("json", &self.json),
            ("csv", &self.csv),
            ("hlog", &self.hlog),
            ("hgrm", &self.hgrm),
            ("junit", &self.junit),
            ("markdown", &self.markdown),
            ("html", &self.html),
        ]
        .into_iter()
        .filter_map(|(name, path)| Some((name, path.as_deref()?)))
    }
}
