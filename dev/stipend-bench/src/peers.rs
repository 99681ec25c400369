//! Hand-rolled peers: what a team would write itself, on PostgreSQL and on Redis.

pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod redis;

use crate::output::progress;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The peers that could be started.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pub(crate) postgres: Option<postgres::Postgres>,
    pub(crate) redis: Option<redis::Redis>,
}

impl Peers {
    /// Starts both, each with its own data for that many customers.
    pub(crate) fn start(parent: &Path, customers: u32) -> Self {
        Self {
            postgres: kept("PostgreSQL", postgres::Postgres::start(parent, customers)),
            redis: kept("Redis", redis::Redis::start(parent, customers)),
        }
    }
}

/// A peer that cannot be started is left out, in plain words.
fn kept<T>(name: &str, started: anyhow::Result<T>) -> Option<T> {
    match started {
        Ok(peer) => Some(peer),
        Err(error) => {
            progress(&format!("{name} is left out, and so is its ratio: {error:#}"));
            None
        }
    }
}

/// Installs what is missing of the peers, where this is a Debian and the user may.
pub(crate) fn install_missing() {
    if postgres::binaries().is_some() && redis::binary().is_some() {
        return;
    }
    let may_install = rustix::process::geteuid().is_root() && find("apt-get").is_some();
    if !may_install {
        let message = "a peer is not installed, and only root can install it here: \
                       apt-get install -y postgresql redis-server";
        progress(message);
        return;
    }
    progress("installing the peers: apt-get install -y postgresql redis-server");
    let installed = Command::new("apt-get")
        .args(["install", "-y", "postgresql", "redis-server"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !installed.is_ok_and(|status| status.success()) {
        progress("they could not be installed");
    }
}

/// A program on the search path.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A port that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
