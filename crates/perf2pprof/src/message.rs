//! Errors and warnings as the user reads them.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// Why there is no output. Printed as `error:`, with what could be tried.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened, to which file.
    pub(crate) message: String,
    /// Commands or options that may help.
    pub(crate) hints: Vec<String>,
    /// Whether the command line makes no sense, whatever is in the files.
    pub(crate) is_usage: bool,
}

impl Failure {
    /// An error with nothing to try.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), is_usage: false }
    }

    /// An error of the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { is_usage: true, ..Self::new(message) }
    }

    /// How the program ends: with 1, or with 2 for an error of the command line.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(if self.is_usage { 2 } else { 1 })
    }

    /// What happened, without what could be tried.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Adds something to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// Something is missing from the output. Printed as `warning:`, with the loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    /// What happened, to which file.
    pub(crate) message: String,
    /// What was lost, kept or compared, a line each.
    pub(crate) details: Vec<String>,
    /// Commands or options that may help.
    pub(crate) hints: Vec<String>,
    /// The file or image that is of no use for one recording, and may be for another.
    pub(crate) unused: Option<String>,
}

impl Warning {
    /// A warning without details.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), details: Vec::new(), hints: Vec::new(), unused: None }
    }

    /// Adds a line of detail.
    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// Adds something to try.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says that it is about something given that is of no use here.
    #[must_use]
    pub(crate) fn about_unused(mut self, given: impl Into<String>) -> Self {
        self.unused = Some(given.into());
        self
    }

    /// Prints some.
    pub(crate) fn print<'a>(warnings: impl IntoIterator<Item = &'a Self>) {
        for warning in warnings {
            eprintln!("{warning}");
        }
    }

    /// What `--strict` makes of it.
    pub(crate) fn into_failure(self) -> Failure {
        let Self { message, details, mut hints, .. } = self;
        let message = std::iter::once(message).chain(details).collect::<Vec<_>>().join("\n  ");
        hints.push("without `--strict` this is a warning".to_owned());
        Failure { message, hints, is_usage: false }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warning: {}", self.message)?;
        self.details.iter().try_for_each(|detail| write!(f, "\n  {detail}"))?;
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// The last part of a path, by which people call a file.
pub(crate) fn base_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}
