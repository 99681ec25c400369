//! Every error code of the public contract is described in the error reference.

use super::Violation;
use super::tree::{SourceFile, Tree};

const CODES: &str = "crates/stipend-wire/src/error.rs";
const REFERENCE: &str = "docs/errors.md";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let text = |path| tree.file(path).and_then(SourceFile::text);
    let Some(source) = text(CODES) else { return Vec::new() };
    let codes = wire_names(source);
    if codes.is_empty() {
        let message = "no line of the form `Name = \"code\" 400,`: teach tidy the new form";
        return vec![Violation::in_file(CODES, message)];
    }
    let Some(reference) = text(REFERENCE) else { return Vec::new() };
    let missing = codes.into_iter().filter(|code| !reference.contains(&format!("`{code}`")));
    let message = |code: &str| format!("does not describe the error code `{code}`");
    missing.map(|code| Violation::in_file(REFERENCE, message(code))).collect()
}

/// The codes in the table of the source, whose rows read `Name = "code" 400,`.
fn wire_names(source: &str) -> Vec<&str> {
    source.lines().filter_map(|line| row(line.trim())).collect()
}

fn row(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(" = \"")?;
    let (code, status) = rest.split_once("\" ")?;
    let status: u16 = status.strip_suffix(',')?.parse().ok()?;
    let is_row = name.chars().all(char::is_alphanumeric) && (400..600).contains(&status);
    is_row.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "error_codes! {\n    /// Not there.\n    NotFound = \"not_found\" 404,\n    \
                          AddonIncompatible = \"addon_incompatible\" 409,\n}\n\
                          const NAME: &str = \"x\";\n";

    fn tree(source: &str, reference: &str) -> Tree {
        Tree { files: vec![SourceFile::new(CODES, source), SourceFile::new(REFERENCE, reference)] }
    }

    #[test]
    fn the_codes_are_read_from_their_table() {
        assert_eq!(wire_names(SOURCE), ["not_found", "addon_incompatible"]);
    }

    #[test]
    fn an_undescribed_code_bites() {
        assert!(check(&tree(SOURCE, "`not_found` and `addon_incompatible`")).is_empty());
        let found = check(&tree(SOURCE, "`not_found`"));
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("`addon_incompatible`"));
    }

    #[test]
    fn a_table_in_another_form_bites() {
        assert_eq!(check(&tree("enum ErrorCode { NotFound }", "")).len(), 1);
    }

    #[test]
    fn without_a_reference_there_is_nothing_to_check() {
        assert!(check(&Tree { files: vec![SourceFile::new(CODES, SOURCE)] }).is_empty());
    }
}
