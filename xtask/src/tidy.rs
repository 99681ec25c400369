//! Rules of the source tree that compilers and linters do not know. They run as a test of this
//! crate and as `cargo xtask tidy`.

mod edges;
mod error_codes;
mod files;
mod markdown;
mod rust_rules;
mod rust_text;
mod tree;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use self::tree::Tree;
use crate::workspace;

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Relative to the root, with the line where there is one: `crates/a/src/b.rs:12`.
    place: String,
    message: String,
}

impl Violation {
    fn in_file(path: &str, message: impl Into<String>) -> Self {
        Self { place: path.to_owned(), message: message.into() }
    }

    fn at_line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { place: format!("{path}:{line}"), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

/// `cargo xtask tidy`: prints every violation; an error when there is one.
pub(crate) fn command() -> Result<()> {
    let violations = check(&workspace::root()?)?;
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        println!("tidy: the tree is clean");
        return Ok(());
    }
    bail!("tidy found {} violation(s)", violations.len());
}

/// Every violation in the tree below `root`, sorted by place.
pub(crate) fn check(root: &Path) -> Result<Vec<Violation>> {
    let tree = Tree::load(root)?;
    let mut violations = edges::check(&workspace::metadata(root)?);
    violations.extend(check_files(&tree, root));
    violations.sort();
    Ok(violations)
}

/// All rules that need only the files, so that tests can feed them small trees.
fn check_files(tree: &Tree, root: &Path) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in &tree.files {
        violations.extend(files::check(file, root));
        if file.has_extension("rs") {
            violations.extend(rust_rules::check(file));
        }
        if file.has_extension("md") {
            violations.extend(markdown::check(file, root));
        }
    }
    violations.extend(rust_rules::stale_exceptions(tree));
    violations.extend(error_codes::check(tree));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let violations = check(&workspace::root().unwrap()).unwrap();
        let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "tidy found:\n{}", lines.join("\n"));
    }

    #[test]
    fn a_violation_names_its_place() {
        let violation = Violation::at_line("crates/a/src/b.rs", 12, "too long");
        assert_eq!(violation.to_string(), "crates/a/src/b.rs:12: too long");
    }
}
