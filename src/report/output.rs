//! [`Output`]: which reports are wanted and where they go.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::metrics::{Summary, Trend};

use crate::units::{nearest, suggestion};

use super::names::name;
use super::page::Style;
use super::{ReportError, csv, file, hdr, html, json, junit, markdown, text};

/// Where reports go that have no path of their own.
pub const DEFAULT_FOLDER: &str = "reports/runs";

/// A form that a report can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The end-of-run text.
    Text,
    /// The summary.
    Json,
    /// The run over time.
    Csv,
    /// The run over time as HdrHistogram's interval log.
    Hlog,
    /// A percentile distribution; of the main trend if none is named.
    Hgrm(Option<Trend>),
    /// The verdict as JUnit's XML.
    Junit,
    /// The verdict and the main figures, for CI.
    Markdown,
    /// One page with everything.
    Html,
}

/// One report that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its form.
    pub form: Form,
    /// Its file; without one it goes to [`DEFAULT_FOLDER`] under the run's id.
    pub path: Option<PathBuf>,
}

/// Why `--out` was not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// No such form.
    #[error(
        "unknown report `{0}`; there are text, json, csv, hlog, hgrm, junit, markdown and html, each alone or as \
         `type=path`{meant}",
        meant = suggestion(nearest(.0, Form::NAMED.map(|(name, _)| name)))
    )]
    Unknown(String),
    /// `hgrm:TREND` with something that is no trend.
    #[error("unknown trend `{found}` in `hgrm:{found}`; there are {known}")]
    UnknownTrend {
        /// What was written.
        found: String,
        /// Every trend.
        known: String,
    },
    /// `type=` without a path.
    #[error("`{0}` has no path after the equals sign; leave the sign out for a file in {DEFAULT_FOLDER}/")]
    EmptyPath(String),
}

impl Form {
    /// Those of [`wsbench report`](crate::app)'s flags, with their names.
    pub const NAMED: [(&str, Self); 8] = [
        ("text", Self::Text),
        ("json", Self::Json),
        ("csv", Self::Csv),
        ("hlog", Self::Hlog),
        ("hgrm", Self::Hgrm(None)),
        ("junit", Self::Junit),
        ("markdown", Self::Markdown),
        ("html", Self::Html),
    ];

    /// The report's content.
    ///
    /// # Errors
    ///
    /// If the run has nothing that this form could hold, or the summary was damaged.
    pub fn render(self, summary: &Summary) -> Result<Vec<u8>, ReportError> {
        Ok(match self {
            Self::Text => text::render(summary, Style::default()).into_bytes(),
            Self::Json => json::render(summary)?,
            Self::Csv => csv::render(summary)?,
            Self::Hlog => hdr::interval_log(summary)?,
            Self::Hgrm(trend) => {
                hdr::distribution(summary, trend.unwrap_or_else(|| hdr::main_trend(summary)))?
            }
            Self::Junit => junit::render(summary)?,
            Self::Markdown => markdown::render(summary).into_bytes(),
            Self::Html => html::render(summary)?.into_bytes(),
        })
    }

    /// What a file of this form ends with.
    fn ending(self) -> String {
        match self {
            Self::Text => "txt".to_owned(),
            Self::Json => "json".to_owned(),
            Self::Csv => "csv".to_owned(),
            Self::Hlog => "hlog".to_owned(),
            Self::Hgrm(None) => "hgrm".to_owned(),
            Self::Hgrm(Some(trend)) => format!("{}.hgrm", name(trend)),
            Self::Junit => "junit.xml".to_owned(),
            Self::Markdown => "md".to_owned(),
            Self::Html => "html".to_owned(),
        }
    }
}

impl FromStr for Form {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        if let Some(found) = text.strip_prefix("hgrm:") {
            let trend = Trend::ALL.into_iter().find(|&trend| name(trend) == found);
            return trend
                .map(|trend| Self::Hgrm(Some(trend)))
                .ok_or_else(|| FormError::UnknownTrend {
                    found: found.to_owned(),
                    known: Trend::ALL.map(name).join(", "),
                });
        }
        let text = if text == "md" { "markdown" } else { text };
        Self::NAMED
            .into_iter()
            .find(|(known, _)| *known == text)
            .map(|(_, form)| form)
            .ok_or_else(|| FormError::Unknown(text.to_owned()))
    }
}

impl FromStr for Output {
    type Err = FormError;

    /// `type` or `type=path`.
    fn from_str(text: &str) -> Result<Self, FormError> {
        let (form, path) = match text.split_once('=') {
            Some((_, "")) => return Err(FormError::EmptyPath(text.to_owned())),
            Some((form, path)) => (form, Some(PathBuf::from(path))),
            None => (text, None),
        };
        Ok(Self {
            form: form.parse()?,
            path,
        })
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.form.ending())
    }
}

impl Output {
    /// Writes the report and tells where it went: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// If it cannot be made or written; whatever was there before is still there.
    pub fn write(&self, summary: &Summary) -> Result<PathBuf, ReportError> {
        let content = self.form.render(summary)?;
        let path = match &self.path {
            Some(path) => path.clone(),
            None => self.default_path(summary, Path::new(DEFAULT_FOLDER))?,
        };
        file::write(&path, &content)?;
        Ok(path)
    }

    /// The file under the run's id, in a folder that is made if it is missing.
    fn default_path(&self, summary: &Summary, folder: &Path) -> Result<PathBuf, ReportError> {
        fs::create_dir_all(folder).map_err(|source| ReportError::Write {
            path: folder.to_owned(),
            source,
        })?;
        let id = match summary.run.id.as_str() {
            "" => "run",
            id => id,
        };
        Ok(folder.join(format!("{id}.{}", self.form.ending())))
    }
}

/// Writes every report, and the rest even if one cannot be written; the paths or errors are in the order of `outputs`.
pub fn write_all(summary: &Summary, outputs: &[Output]) -> Vec<Result<PathBuf, ReportError>> {
    outputs.iter().map(|output| output.write(summary)).collect()
}

/// Keeps the results of a run whose reports could not be written: the summary as JSON, in the system's folder for
/// temporary files.
///
/// # Errors
///
/// If there is no room either.
pub fn rescue(summary: &Summary) -> Result<PathBuf, ReportError> {
    let output = Output {
        form: Form::Json,
        path: None,
    };
    let path = output.default_path(summary, &std::env::temp_dir().join("wsbench"))?;
    file::write(&path, &Form::Json.render(summary)?)?;
    Ok(path)
}

/// Keeps a file that could not be written where it should be: in the system's folder for temporary files, under a name of
/// this process's own.
///
/// # Errors
///
/// If there is no room either.
pub fn rescue_file(name: &str, content: &[u8]) -> Result<PathBuf, ReportError> {
    let folder = std::env::temp_dir().join("wsbench");
    let path = folder.join(format!("{name}.{}.json", std::process::id()));
    fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder, source })?;
    file::write(&path, content)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::sample;

    #[test]
    fn outputs_are_read() {
        let output = |form, path: Option<&str>| {
            Ok(Output {
                form,
                path: path.map(PathBuf::from),
            })
        };
        assert_eq!("html".parse(), output(Form::Html, None));
        assert_eq!("md=a=b.md".parse(), output(Form::Markdown, Some("a=b.md")));
        assert_eq!(
            "hgrm:ping=p".parse(),
            output(Form::Hgrm(Some(Trend::Ping)), Some("p"))
        );
        let error = |text: &str| text.parse::<Output>().unwrap_err().to_string();
        assert!(error("pdf=x").starts_with("unknown report `pdf`; there are text, json"));
        assert!(error("htlm").ends_with("`type=path`; did you mean `html`?"));
        assert!(error("hgrm:mood").contains("there are resolve, tcp"));
        assert!(error("html=").contains("no path"));
    }

    #[test]
    fn one_report_that_cannot_be_written_keeps_no_other_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| Some(folder.path().join(name));
        let outputs: Vec<Output> = Form::NAMED
            .into_iter()
            .flat_map(|(name, form)| {
                [
                    Output {
                        form,
                        path: at(&format!("missing/{name}")),
                    },
                    Output { form, path: at(name) },
                ]
            })
            .collect();
        let results = write_all(&sample(), &outputs);
        for pair in results.chunks(2) {
            let [Err(error), Ok(path)] = pair else {
                panic!("{pair:?}")
            };
            assert!(error.to_string().contains("missing/"), "{error}");
            assert!(fs::metadata(path).unwrap().len() > 0, "{}", path.display());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), Form::NAMED.len());
    }

    #[test]
    fn a_report_without_a_path_is_named_after_its_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = |form| {
            Output { form, path: None }
                .default_path(&sample(), &folder.path().join("new"))
                .unwrap()
        };
        let name = |form| path(form).file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(name(Form::Html), "iot-telemetry-20260921T141320Z.html");
        assert_eq!(
            name(Form::Hgrm(Some(Trend::Ping))),
            "iot-telemetry-20260921T141320Z.ping.hgrm"
        );
        assert!(folder.path().join("new").is_dir());
    }
}
