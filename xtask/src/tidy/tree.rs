//! The files that belong to the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// One file: its path relative to the root, with `/`, and its bytes.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: String,
    bytes: Vec<u8>,
}

impl SourceFile {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// The text, or `None` for a binary file.
    pub(super) fn text(&self) -> Option<&str> {
        if self.bytes.contains(&0) { None } else { std::str::from_utf8(&self.bytes).ok() }
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the file is test code as a whole: it may be longer.
    pub(super) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|part| part == "tests")
            || name == "tests.rs"
            || name.ends_with("_tests.rs")
    }
}

#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<SourceFile>,
}

impl Tree {
    /// Reads the files that git tracks or would track; without git, every file outside of build
    /// folders.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let paths = match git_files(root) {
            Some(paths) => paths,
            None => walked_files(root)?,
        };
        let mut files = Vec::new();
        for path in paths {
            let full = root.join(&path);
            // A file that was deleted but not staged is still listed; a link is no file of ours.
            if !full.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                continue;
            }
            let bytes = fs::read(&full).with_context(|| format!("cannot read {path}"))?;
            files.push(SourceFile { path, bytes });
        }
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(Self { files })
    }

    pub(super) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn git_files(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let listed = String::from_utf8(output.stdout).ok()?;
    Some(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn walked_files(root: &Path) -> Result<Vec<String>> {
    const SKIPPED: [&str; 5] = [".git", "target", "__pycache__", ".pytest_cache", "node_modules"];
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root.join(&folder))
            .with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let path = folder.join(&name);
            if entry.file_type()?.is_dir() {
                if !SKIPPED.iter().any(|skipped| name == *skipped) {
                    folders.push(path);
                }
            } else {
                found.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_build_folders_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        for path in ["src/a.rs", "target/debug/b.rs", "docs/c.md"] {
            let full = root.path().join(path);
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(full, "x").unwrap();
        }
        let tree = Tree::load(root.path()).unwrap();
        let paths: Vec<_> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["docs/c.md", "src/a.rs"]);
    }

    #[test]
    fn test_code_is_told_by_folder_or_name() {
        for (path, expected) in [
            ("crates/a/tests/it.rs", true),
            ("crates/a/src/pool/tests.rs", true),
            ("crates/a/src/pool_tests.rs", true),
            ("crates/a/src/contests.rs", false),
        ] {
            assert_eq!(SourceFile::new(path, "").is_test(), expected, "{path}");
        }
    }
}
