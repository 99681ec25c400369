//! How a command fails: one clear line, and an exit code.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use stipend_store::StoreError;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It went wrong (exit code 1).
    Failed(String),
    /// It was asked for wrongly, or what it needs is not there (exit code 2).
    Configuration(String),
    /// The data contradicts itself (exit code 3).
    Damaged(String),
}

impl Failure {
    /// A failure with its causes, in one line.
    pub(crate) fn failed(what: &str, error: &dyn Error) -> Self {
        Self::Failed(format!("{what}: {}", chain(error)))
    }

    /// Somebody has the data open; `what_to_do` says what to do about it.
    pub(crate) fn locked(what_to_do: &str) -> Self {
        Self::Configuration(format!("{}; {what_to_do}", StoreError::Locked))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Configuration(_) => ExitCode::from(2),
            Self::Damaged(_) => ExitCode::from(3),
        }
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::Configuration(text) | Self::Damaged(text) => {
                formatter.write_str(text)
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(why) => Self::Damaged(format!(
                "damaged data: {why}; nothing was changed. `stipend fsck` says what is sound, and \
                 `stipend restore FILE` puts a backup in its place"
            )),
            StoreError::Locked | StoreError::Newer { .. } | StoreError::Older { .. } => {
                Self::Configuration(error.to_string())
            }
            _ => Self::failed("the data cannot be used", &error),
        }
    }
}
