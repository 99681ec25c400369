//! What is said: results to standard output, progress to standard error.

use std::io::Write as _;

/// Says how far it is.
pub(crate) fn progress(message: &str) {
    // Nobody may be listening; the benchmark goes on.
    let _ = writeln!(std::io::stderr().lock(), "# {message}");
}

/// Says a result.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn result(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
