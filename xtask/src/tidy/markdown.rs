//! Markdown files have one title, and their relative links lead somewhere.

use std::path::Path;

use super::Violation;
use super::tree::SourceFile;

pub(super) fn check(file: &SourceFile, root: &Path) -> Vec<Violation> {
    let Some(text) = file.text() else { return Vec::new() };
    let mut violations = Vec::new();
    let mut titles = 0;
    for (index, line) in prose_lines(text) {
        if line.starts_with("# ") {
            titles += 1;
        }
        for link in links(line) {
            if !leads_somewhere(link, file, root) {
                violations.push(Violation::at_line(&file.path, index, format!("dead link {link}")));
            }
        }
    }
    if titles != 1 {
        let message = format!("{titles} titles (`# …`), wanted one");
        violations.push(Violation::in_file(&file.path, message));
    }
    violations
}

/// The lines outside of fenced code, numbered from 1.
fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let marker = ["```", "~~~"].into_iter().find(|it| line.trim_start().starts_with(it));
        match (fence, marker) {
            (None, Some(opened)) => fence = Some(opened),
            (Some(opened), Some(closing)) if opened == closing => fence = None,
            (None, None) => return Some((index + 1, line)),
            _ => {}
        }
        None
    })
}

/// The targets of `[text](target)` and `![text](target)` in a line, code spans left out.
fn links(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    // Every second piece between backticks is a code span.
    for prose in line.split('`').step_by(2) {
        for (at, _) in prose.match_indices("](") {
            let rest = &prose[at + 2..];
            let Some(end) = rest.find(')') else { continue };
            found.push(rest[..end].split_whitespace().next().unwrap_or_default());
        }
    }
    found
}

fn leads_somewhere(link: &str, file: &SourceFile, root: &Path) -> bool {
    let target = link.trim_start_matches('<').trim_end_matches('>');
    let target = target.split('#').next().unwrap_or_default();
    let elsewhere = link.contains("://") || link.starts_with("mailto:");
    if elsewhere || target.is_empty() {
        return elsewhere || link.starts_with('#');
    }
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let base = if target.starts_with('/') { root.to_path_buf() } else { root.join(folder) };
    base.join(target.trim_start_matches('/')).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(text: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("docs")).unwrap();
        std::fs::write(root.path().join("docs/here.md"), "# Here").unwrap();
        let file = SourceFile::new("docs/page.md", text);
        check(&file, root.path()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_page_with_one_title_and_living_links_is_fine() {
        let text = "# Title\n\n[a](here.md#part) [b](../docs/here.md) [c](/docs) [d](#title)\n\
                    [e](https://example.com/x) [f](mailto:a@example.com)\n\n```sh\n# no title\n\
                    [x](nowhere)\n```\n`[y](nowhere)`\n";
        assert_eq!(violations(text), Vec::<String>::new());
    }

    #[test]
    fn a_dead_link_bites() {
        let expected = ["docs/page.md:2: dead link gone.md"];
        assert_eq!(violations("# Title\n[a](gone.md)"), expected);
    }

    #[test]
    fn no_title_and_two_titles_bite() {
        assert_eq!(violations("text"), ["docs/page.md: 0 titles (`# …`), wanted one"]);
        assert_eq!(violations("# One\n# Two"), ["docs/page.md: 2 titles (`# …`), wanted one"]);
    }
}
