//! Where the workspace is and what cargo says about it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The repository's root: the parent of this crate's folder.
pub(crate) fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).context("xtask lies directly below the workspace root")
}

/// A `cargo` command that runs in the workspace root, with the cargo that runs us.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command.current_dir(root);
    command
}

/// `cargo metadata` of the workspace members, without their registry dependencies.
pub(crate) fn metadata(root: &Path) -> Result<Value> {
    let output = cargo(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cargo metadata did not start")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata did not print JSON")
}

/// The path of the debug build of the product's binary.
pub(crate) fn debug_binary(metadata: &Value) -> Result<PathBuf> {
    let target =
        metadata["target_directory"].as_str().context("metadata has a target_directory")?;
    Ok(Path::new(target).join("debug").join(format!("stipend{}", std::env::consts::EXE_SUFFIX)))
}

/// The server's binary: the one that is named, else the debug build of this workspace.
pub(crate) fn server_binary(named: Option<&Path>) -> Result<PathBuf> {
    let path = match named {
        Some(path) => path.to_path_buf(),
        None => debug_binary(&metadata(&root()?)?)?,
    };
    ensure!(path.is_file(), "{} is missing: `cargo build -p stipend`", path.display());
    path.canonicalize().context("cannot resolve the path of the binary")
}
