//! Rules for Rust files: short functions, no loose ends, no floats in the domain, one clock.

use super::Violation;
use super::rust_text::RustText;
use super::tree::{SourceFile, Tree};

const MAX_FUNCTION_LINES: usize = 70;

/// Words that mean unfinished work, looked for in code and comments alike.
const LOOSE_ENDS: [&str; 5] = ["TODO", "FIXME", "dbg!", "todo!", "unimplemented!"];

/// Crates in which amounts live: no binary floats.
const WITHOUT_FLOATS: [&str; 4] = [
    "crates/stipend-core/",
    "crates/stipend-store/",
    "crates/stipend-store-sqlite/",
    "crates/stipend-engine/",
];

const CLOCK_READS: [&str; 4] = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"];

/// The files that may read a clock, each with its reason. The list only shrinks.
const CLOCK_READERS: &[(&str, &str)] = &[
    ("crates/stipend-engine/src/clock.rs", "the Clock port's one real implementation"),
    (
        "crates/stipend-store-sqlite/src/stopwatch.rs",
        "tells the log how long the disk took; the store takes no time from it",
    ),
    ("dev/stipend-bench/src/time.rs", "measures; an engine's time still comes through its port"),
    ("xtask/src/server.rs", "measures how long a restart of the server takes"),
    ("xtask/src/test_run.rs", "prints how long each step of the test run took"),
];

pub(super) fn check(file: &SourceFile) -> Vec<Violation> {
    let Some(source) = file.text() else { return Vec::new() };
    let text = RustText::new(source);
    let mut violations = check_functions(file, &text);
    violations.extend(check_loose_ends(file, &text));
    violations.extend(check_floats(file, &text));
    violations.extend(check_clock(file, &text));
    violations
}

/// Exceptions that are no longer needed must leave the list.
pub(super) fn stale_exceptions(tree: &Tree) -> Vec<Violation> {
    // Small trees of tests have no exceptions to keep.
    if tree.file("xtask/src/tidy/rust_rules.rs").is_none() {
        return Vec::new();
    }
    let reads = |path: &str| {
        let source = tree.file(path).and_then(SourceFile::text)?;
        Some(!clock_read_lines(&RustText::new(source)).is_empty())
    };
    CLOCK_READERS
        .iter()
        .filter(|(path, _)| reads(path) != Some(true))
        .map(|(path, _)| Violation::in_file(path, "reads no clock: take it off CLOCK_READERS"))
        .collect()
}

fn check_functions(file: &SourceFile, text: &RustText) -> Vec<Violation> {
    let long = text.functions().into_iter().filter(|it| it.body_lines > MAX_FUNCTION_LINES);
    let message = |name: &str, lines: usize| {
        format!("function {name} has {lines} lines of code, at most {MAX_FUNCTION_LINES}")
    };
    long.map(|it| Violation::at_line(&file.path, it.line, message(&it.name, it.body_lines)))
        .collect()
}

fn check_loose_ends(file: &SourceFile, text: &RustText) -> Vec<Violation> {
    let mut violations = Vec::new();
    for word in LOOSE_ENDS {
        let mut lines = text.lines_with_word(word);
        lines.extend(text.comment_lines_with_word(word));
        let found = |line| Violation::at_line(&file.path, line, format!("`{word}` left behind"));
        violations.extend(lines.into_iter().map(found));
    }
    violations
}

fn check_floats(file: &SourceFile, text: &RustText) -> Vec<Violation> {
    let in_domain =
        WITHOUT_FLOATS.iter().any(|folder| file.path.starts_with(&format!("{folder}src/")));
    if !in_domain {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for word in ["f32", "f64"] {
        let message = format!("`{word}`: amounts and times are integers here");
        let lines = text.lines_with_word(word);
        violations.extend(
            lines.into_iter().map(|line| Violation::at_line(&file.path, line, message.clone())),
        );
    }
    violations
}

fn check_clock(file: &SourceFile, text: &RustText) -> Vec<Violation> {
    if CLOCK_READERS.iter().any(|(path, _)| *path == file.path) {
        return Vec::new();
    }
    let message = "reads the clock: time comes through the Clock port";
    let lines = clock_read_lines(text).into_iter();
    lines.map(|line| Violation::at_line(&file.path, line, message)).collect()
}

fn clock_read_lines(text: &RustText) -> Vec<usize> {
    CLOCK_READS.iter().flat_map(|word| text.lines_with_word(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, source: &str) -> Vec<String> {
        check(&SourceFile::new(path, source)).iter().map(ToString::to_string).collect()
    }

    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines))
    }

    #[test]
    fn a_long_function_bites() {
        assert!(messages("src/a.rs", &function_of(70)).is_empty());
        let expected = ["src/a.rs:1: function long has 71 lines of code, at most 70"];
        assert_eq!(messages("src/a.rs", &function_of(71)), expected);
    }

    #[test]
    fn loose_ends_bite_in_code_and_comments_but_not_in_strings() {
        for source in ["// TODO later", "/* FIXME */", "dbg!(a);", "todo!()", "unimplemented!()"] {
            assert_eq!(messages("src/a.rs", source).len(), 1, "{source}");
        }
        assert!(messages("src/a.rs", "let a = \"TODO dbg!\";").is_empty());
    }

    #[test]
    fn floats_bite_in_the_domain_only() {
        for folder in WITHOUT_FLOATS {
            assert_eq!(messages(&format!("{folder}src/a.rs"), "let a: f64 = x as f32;").len(), 2);
        }
        assert!(messages("crates/stipend-core/src/a.rs", "// never f64").is_empty());
        assert!(messages("crates/stipend-server/src/a.rs", "let a: f64;").is_empty());
    }

    #[test]
    fn reading_a_clock_bites_outside_of_the_list() {
        for call in CLOCK_READS {
            assert_eq!(
                messages("src/a.rs", &format!("let now = std::{call}();")).len(),
                1,
                "{call}"
            );
        }
        assert!(messages(CLOCK_READERS[0].0, "Instant::now()").is_empty());
    }

    #[test]
    fn a_stale_exception_bites() {
        let here = SourceFile::new("xtask/src/tidy/rust_rules.rs", "");
        let tree = Tree { files: vec![here, SourceFile::new(CLOCK_READERS[0].0, "fn a() {}")] };
        assert_eq!(stale_exceptions(&tree).len(), CLOCK_READERS.len());
        assert!(stale_exceptions(&Tree::default()).is_empty());
    }
}
