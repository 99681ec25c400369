//! A hand-rolled ledger on PostgreSQL: one table of balances, one of entries, one of keys, and a
//! function that does a deduct in one statement.

use super::{free_port, process::Server};
use crate::load::{Caller, client_runtime, closed_loop};
use crate::random::{Choice, Random};
use crate::rounds::Contender;
use crate::stats::Round;
use crate::time;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Statement};

const SCHEMA: &str = include_str!("postgres.sql");

/// How long it may take to answer after its start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A server with the schema and the customers.
#[derive(Debug)]
pub(crate) struct Postgres {
    _server: Server,
    port: u16,
    customers: u32,
}

/// Where the newest installed version keeps its programs.
pub(crate) fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("postgres").is_file() && folder.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

/// The user and group that it runs as: PostgreSQL refuses to run as root.
fn owner() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let number = |flag: &str| -> Result<u32> {
        let output = Command::new("id").args([flag, "postgres"]).output()?;
        let text = String::from_utf8(output.stdout)?;
        text.trim().parse().context("there is no user postgres, and it does not run as root")
    };
    Ok(Some((number("-u")?, number("-g")?)))
}

fn program(folder: &Path, name: &str, owner: Option<(u32, u32)>, home: &Path) -> Command {
    let mut command = Command::new(folder.join(name));
    command.current_dir(home).env("LC_ALL", "C.UTF-8");
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

impl Postgres {
    /// Makes a cluster in a directory of its own, starts it and loads it.
    pub(crate) fn start(parent: &Path, customers: u32) -> Result<Self> {
        let folder = binaries().context("it is not installed")?;
        let owner = owner()?;
        let directory = tempfile::Builder::new().prefix("stipend-bench-pg-").tempdir_in(parent)?;
        if let Some((user, group)) = owner {
            chown(directory.path(), Some(user), Some(group))?;
        }
        let data = directory.path().join("data");
        let made = program(&folder, "initdb", owner, directory.path())
            .args(["--auth=trust", "--username=bench", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .context("initdb does not start")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port()?;
        let mut command = program(&folder, "postgres", owner, directory.path());
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]).args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
            "max_connections=200",
            "-c",
            "shared_buffers=512MB",
            "-c",
            "max_wal_size=4GB",
        ]);
        // It then ends its own processes too; what it holds is thrown away.
        let server = Server::start(&mut command, directory, Signal::QUIT)?;
        let mut postgres = Self { _server: server, port, customers };
        postgres.load()?;
        Ok(postgres)
    }

    fn load(&mut self) -> Result<()> {
        let runtime = client_runtime()?;
        let began = time::now();
        let (port, customers) = (self.port, self.customers);
        while runtime.block_on(connect(port)).is_err() {
            let is_alive = self._server.is_running() && began.elapsed() < START_TIMEOUT;
            ensure!(is_alive, "it does not answer: {}", self._server.last_words());
            std::thread::yield_now();
        }
        runtime.block_on(async {
            let client = connect(port).await?;
            client.batch_execute(SCHEMA).await?;
            let insert = format!(
                "INSERT INTO account SELECT 'c' || lpad(n::text, 8, '0'), 1000000000 \
                 FROM generate_series(0, {}) AS n; ANALYZE; CHECKPOINT;",
                customers.saturating_sub(1)
            );
            Ok(client.batch_execute(&insert).await?)
        })
    }

    /// So many connections that deduct.
    pub(crate) fn contender(&self, connections: u64, choice: Choice) -> Result<Deducting> {
        let runtime = client_runtime()?;
        let mut callers = Vec::new();
        for seed in 0..connections {
            let client = runtime.block_on(connect(self.port))?;
            let statement = runtime.block_on(client.prepare("SELECT deduct($1, $2, $3)"))?;
            let random = Random::new(seed);
            let customers = self.customers;
            callers.push(Connection { client, statement, random, choice, customers });
        }
        Ok(Deducting { runtime, callers })
    }
}

async fn connect(port: u16) -> Result<Client> {
    let target = format!("host=127.0.0.1 port={port} user=bench dbname=postgres");
    let (client, connection) = tokio_postgres::connect(&target, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

struct Connection {
    client: Client,
    statement: Statement,
    random: Random,
    choice: Choice,
    customers: u32,
}

impl Caller for Connection {
    async fn call(&mut self) -> Result<()> {
        let customer =
            crate::world::customer_id(self.choice.pick(&mut self.random, self.customers));
        let key = crate::workloads::next_key();
        let row = self.client.query_one(&self.statement, &[&customer, &key, &1_i64]).await?;
        match row.get::<_, Option<i64>>(0) {
            Some(_) => Ok(()),
            None => bail!("PostgreSQL refused a deduct of {customer}"),
        }
    }
}

/// Connections that deduct.
pub(crate) struct Deducting {
    runtime: Runtime,
    callers: Vec<Connection>,
}

impl Contender for Deducting {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn round(&mut self, window: Duration) -> Result<Round> {
        closed_loop(&self.runtime, &mut self.callers, window)
    }
}
