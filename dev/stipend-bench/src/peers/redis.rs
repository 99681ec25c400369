//! A hand-rolled ledger on Redis: one Lua script, with every write synced before its answer.

use super::{find, free_port, process::Server};
use crate::load::{Caller, Wire, client_runtime, closed_loop};
use crate::random::{Choice, Random};
use crate::rounds::Contender;
use crate::stats::Round;
use crate::time;
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::runtime::Runtime;

const DEDUCT: &str = include_str!("redis.lua");

/// Makes balances for the customers from `ARGV[1]` up to but not `ARGV[2]`.
const LOAD: &str = "for n = ARGV[1], ARGV[2] - 1 do \
                    redis.call('SET', string.format('balance:c%08d', n), 1000000000) end return 1";

/// Customers that one call loads.
const LOAD_CHUNK: u32 = 20_000;

/// How long it may take to answer after its start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A server with the customers.
#[derive(Debug)]
pub(crate) struct Redis {
    server: Server,
    port: u16,
    customers: u32,
}

/// The program, where it is installed.
pub(crate) fn binary() -> Option<PathBuf> {
    find("redis-server")
}

impl Redis {
    /// Starts it in a directory of its own and loads it.
    pub(crate) fn start(parent: &Path, customers: u32) -> Result<Self> {
        let binary = binary().context("it is not installed")?;
        let directory =
            tempfile::Builder::new().prefix("stipend-bench-redis-").tempdir_in(parent)?;
        let port = free_port()?;
        let mut command = Command::new(binary);
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
            .arg("--dir")
            .arg(directory.path());
        let server = Server::start(&mut command, directory, Signal::KILL)?;
        let mut redis = Self { server, port, customers };
        redis.load()?;
        Ok(redis)
    }

    fn load(&mut self) -> Result<()> {
        let runtime = client_runtime()?;
        let began = time::now();
        let mut wire = loop {
            match runtime.block_on(Wire::connect(self.port)) {
                Ok(wire) => break wire,
                Err(error) => {
                    let is_alive = self.server.is_running() && began.elapsed() < START_TIMEOUT;
                    ensure!(
                        is_alive,
                        "it does not answer: {error:#}: {}",
                        self.server.last_words()
                    );
                    std::thread::yield_now();
                }
            }
        };
        for start in (0..self.customers).step_by(LOAD_CHUNK as usize) {
            let end = start.saturating_add(LOAD_CHUNK).min(self.customers);
            let words = ["EVAL", LOAD, "0", &start.to_string(), &end.to_string()];
            runtime.block_on(ask(&mut wire, &words))?;
        }
        Ok(())
    }

    /// So many connections that deduct, so many deducts at a time.
    pub(crate) fn contender(
        &self,
        connections: u64,
        choice: Choice,
        pipelined: u64,
    ) -> Result<Deducting> {
        let runtime = client_runtime()?;
        let mut wires = Vec::new();
        for _ in 0..connections {
            wires.push(runtime.block_on(Wire::connect(self.port))?);
        }
        let first = wires.first_mut().context("no connection")?;
        let script = runtime.block_on(ask(first, &["SCRIPT", "LOAD", DEDUCT]))?;
        let script = std::str::from_utf8(script)?;
        let script = script.lines().nth(1).context("no digest of the script")?.to_owned();
        let customers = self.customers;
        let callers = wires
            .into_iter()
            .zip(0..)
            .map(|(wire, seed)| Connection {
                wire,
                script: script.clone(),
                random: Random::new(seed),
                choice,
                customers,
                pipelined,
            })
            .collect();
        Ok(Deducting { runtime, callers, pipelined })
    }
}

/// Sends a command and gives its answer as it came.
async fn ask<'a>(wire: &'a mut Wire, words: &[&str]) -> Result<&'a [u8]> {
    let mut request = Vec::with_capacity(256);
    write_command(&mut request, words)?;
    wire.send(&request).await?;
    receive(wire).await
}

fn write_command(request: &mut Vec<u8>, words: &[&str]) -> Result<()> {
    write!(request, "*{}\r\n", words.len())?;
    for word in words {
        write!(request, "${}\r\n{word}\r\n", word.len())?;
    }
    Ok(())
}

async fn receive(wire: &mut Wire) -> Result<&[u8]> {
    let answer = wire.receive(|bytes| Ok(end_of_answer(bytes))).await?;
    ensure!(!answer.starts_with(b"-"), "Redis refused: {}", String::from_utf8_lossy(answer));
    Ok(answer)
}

/// Where a simple answer or a bulk string ends.
fn end_of_answer(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|window| window == b"\r\n")? + 2;
    if bytes.first() != Some(&b'$') {
        return Some(line);
    }
    let length = std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<i64>().ok()?;
    let end = usize::try_from(length).map_or(line, |length| line + length + 2);
    (bytes.len() >= end).then_some(end)
}

struct Connection {
    wire: Wire,
    script: String,
    random: Random,
    choice: Choice,
    customers: u32,
    pipelined: u64,
}

impl Caller for Connection {
    async fn call(&mut self) -> Result<()> {
        let mut request = Vec::with_capacity(256);
        for _ in 0..self.pipelined {
            let customer =
                crate::world::customer_id(self.choice.pick(&mut self.random, self.customers));
            let key = format!("key:{}", crate::workloads::next_key());
            let (balance, ledger) = (format!("balance:{customer}"), format!("ledger:{customer}"));
            let words = ["EVALSHA", &self.script, "3", &balance, &ledger, &key, "1"];
            write_command(&mut request, &words)?;
        }
        self.wire.send(&request).await?;
        for _ in 0..self.pipelined {
            let answer = receive(&mut self.wire).await?;
            ensure!(answer.starts_with(b":"), "Redis refused a deduct");
        }
        Ok(())
    }
}

/// Connections that deduct.
pub(crate) struct Deducting {
    runtime: Runtime,
    callers: Vec<Connection>,
    pipelined: u64,
}

impl Contender for Deducting {
    fn name(&self) -> &'static str {
        "redis_always"
    }

    fn round(&mut self, window: Duration) -> Result<Round> {
        let mut round = closed_loop(&self.runtime, &mut self.callers, window)?;
        round.operations *= self.pipelined;
        Ok(round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_redis_ends_where_its_kind_says() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(end_of_answer(text.as_bytes()), expected, "{text:?}");
        };
        check(":12", None);
        check(":12\r\n", Some(5));
        check("$3\r\nab", None);
        check("$3\r\nabc\r\n", Some(9));
        check("$-1\r\n", Some(5));
        check("-ERR no\r\n", Some(9));
    }
}
