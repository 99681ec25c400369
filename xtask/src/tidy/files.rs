//! Rules for every file: its size, its name, and that it names no path of somebody's machine.

use std::path::Path;

use super::Violation;
use super::tree::SourceFile;

const MAX_LINES: usize = 600;
const MAX_TEST_LINES: usize = 1_200;
const MAX_BINARY_BYTES: usize = 200_000;
const SOURCE_EXTENSIONS: [&str; 5] = ["rs", "py", "sh", "js", "css"];

/// Written in halves so that this file does not break its own rule.
const HOME_PREFIXES: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/ro", "ot/"),
    concat!("C:\\Us", "ers\\"),
];

/// Parents of a checkout that say nothing about the machine.
const ORDINARY_PARENTS: [&str; 6] = ["/", "/tmp", "/var", "/usr", "/opt", "/srv"];

pub(super) fn check(file: &SourceFile, root: &Path) -> Vec<Violation> {
    let Some(text) = file.text() else { return check_binary(file) };
    let mut violations = check_name(file);
    violations.extend(check_length(file, text));
    violations.extend(check_machine_paths(file, text, root));
    violations
}

fn check_binary(file: &SourceFile) -> Vec<Violation> {
    if file.size() <= MAX_BINARY_BYTES {
        return Vec::new();
    }
    let message = format!("binary file of {} bytes, at most {MAX_BINARY_BYTES}", file.size());
    vec![Violation::in_file(&file.path, message)]
}

fn check_name(file: &SourceFile) -> Vec<Violation> {
    if file.path.rsplit('/').next() != Some("mod.rs") {
        return Vec::new();
    }
    let message = "name the file after the module, in the folder above";
    vec![Violation::in_file(&file.path, message)]
}

fn check_length(file: &SourceFile, text: &str) -> Vec<Violation> {
    if !SOURCE_EXTENSIONS.iter().any(|extension| file.has_extension(extension)) {
        return Vec::new();
    }
    let lines = text.lines().count();
    let most = if file.is_test() { MAX_TEST_LINES } else { MAX_LINES };
    if lines <= most {
        return Vec::new();
    }
    vec![Violation::in_file(&file.path, format!("{lines} lines, at most {most}"))]
}

fn check_machine_paths(file: &SourceFile, text: &str, root: &Path) -> Vec<Violation> {
    let mut prefixes: Vec<String> =
        HOME_PREFIXES.iter().map(|prefix| (*prefix).to_owned()).collect();
    let parent = root.parent().map(|parent| parent.to_string_lossy().into_owned());
    prefixes.extend(
        parent.filter(|parent| !ORDINARY_PARENTS.contains(&parent.as_str())).map(|it| it + "/"),
    );
    let mut violations = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(prefix) = prefixes.iter().find(|prefix| names_path(line, prefix)) {
            let message = format!("a path of somebody's machine ({prefix}…)");
            violations.push(Violation::at_line(&file.path, index + 1, message));
        }
    }
    violations
}

/// Whether the line holds `prefix` as the start of a path, and not in the middle of a URL.
fn names_path(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + prefix.len()..].chars().next();
        let starts = !before.is_some_and(|it| it.is_alphanumeric() || "./-_}~$".contains(it));
        starts && after.is_some_and(|it| it.is_alphanumeric() || it == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(path: &str, text: &str) -> usize {
        check(&SourceFile::new(path, text), Path::new("/data/checkouts/stipend")).len()
    }

    #[test]
    fn a_long_file_bites_and_tests_may_be_longer() {
        let lines = |count: usize| "x\n".repeat(count);
        assert_eq!(violations("src/a.rs", &lines(600)), 0);
        assert_eq!(violations("src/a.rs", &lines(601)), 1);
        assert_eq!(violations("tests/a.rs", &lines(1_200)), 0);
        assert_eq!(violations("tests/a.py", &lines(1_201)), 1);
        assert_eq!(violations("openapi/v1.json", &lines(9_000)), 0);
    }

    #[test]
    fn a_mod_rs_bites() {
        assert_eq!(violations("src/pool/mod.rs", ""), 1);
        assert_eq!(violations("src/pool.rs", ""), 0);
    }

    #[test]
    fn a_large_binary_bites() {
        assert_eq!(violations("logo.png", &"\0".repeat(200_000)), 0);
        assert_eq!(violations("logo.png", &"\0".repeat(200_001)), 1);
    }

    #[test]
    fn a_machine_path_bites() {
        for prefix in HOME_PREFIXES {
            assert_eq!(violations("docs/a.md", &format!("see {prefix}ann/notes")), 1, "{prefix}");
        }
        assert_eq!(violations("docs/a.md", "see /data/checkouts/other"), 1);
    }

    #[test]
    fn urls_and_ordinary_paths_are_fine() {
        let url = format!("https://example.com{}ann", HOME_PREFIXES[0]);
        for line in [url.as_str(), "/tmp/stipend", "/var/lib/stipend", "see docs/data/checkouts/x"]
        {
            assert_eq!(violations("docs/a.md", line), 0, "{line}");
        }
    }
}
