//! `cargo xtask overload`: more clients than may be under way, again and again.
//!
//! First as many clients as there are places, then many times as many. Those that are let in must
//! not wait much longer than before, the others be told at once, and memory stay what it was.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::Http;
use crate::server::{self, Launcher, now};
use crate::workspace;

const API_KEY: &str = "overload-run-key";
const CURRENCY: &str = "overload-credits";
const CUSTOMERS: u32 = 50;
const PATIENCE: Duration = Duration::from_secs(60);

/// A refused client comes back when it was told to.
const PAUSE: Duration = Duration::from_secs(1);

/// Those who are let in may wait so many times as long as without the others.
const SLOWER_MAX: u32 = 2;

/// What the memory may grow by under overload: the connections of all the clients.
const MEMORY_KB_MAX: u64 = 64 << 10;

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many changes may be under way at once.
    #[arg(long, default_value_t = 64)]
    places: u32,
    /// How many times as many clients come.
    #[arg(long, default_value_t = 10)]
    times: u32,
    /// How long each part takes.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The server's binary; without it the debug build of this workspace.
    #[arg(long)]
    bin: Option<PathBuf>,
}

/// What the clients of one part saw.
#[derive(Debug, Default)]
struct Seen {
    done: Vec<Duration>,
    refused: Vec<Duration>,
}

pub(crate) fn command(options: &Options) -> Result<()> {
    ensure!(options.places > 0 && options.times > 1, "some places, and more clients than that");
    let folder = tempfile::Builder::new().prefix("stipend-overload-").tempdir()?;
    let launcher = Launcher {
        binary: workspace::server_binary(options.bin.as_deref())?,
        data_dir: folder.path().join("data"),
        log: folder.path().join("server.log"),
        api_key: API_KEY.to_owned(),
        sandbox_key: None,
        environment: vec![("STIPEND_MAX_IN_FLIGHT", options.places.to_string().into())],
    };
    let server = launcher.start()?;
    let url = server.base_url.clone();
    set_up(&url)?;
    let part = Duration::from_secs(options.seconds);
    // The first moments are slower: connections, caches, memory that is asked for once.
    run(&url, "warm", options.places, part / 4)?;
    let calm = run(&url, "calm", options.places, part)?;
    let memory = memory_kb(server.id())?;
    let crowded = run(&url, "crowd", options.places * options.times, part)?;
    let grown = memory_kb(server.id())?.saturating_sub(memory);
    print(&format!("{} clients", options.places), &calm, part);
    print(&format!("{} clients", options.places * options.times), &crowded, part);
    println!("memory at its highest: {memory} kB, then {grown} kB more");
    server.terminate()?;
    launcher.fsck()?;
    judge(&calm, &crowded, grown).with_context(|| server::tail(&launcher.log, 3))
}

fn judge(calm: &Seen, crowded: &Seen, grown: u64) -> Result<()> {
    ensure!(calm.refused.is_empty(), "{} were refused without need", calm.refused.len());
    ensure!(!crowded.refused.is_empty(), "nobody was refused");
    let (before, after) = (percentile(&calm.done, 99), percentile(&crowded.done, 99));
    ensure!(after < before * SLOWER_MAX, "p99 went from {before:?} to {after:?}");
    ensure!(grown < MEMORY_KB_MAX, "memory grew by {grown} kB");
    Ok(())
}

fn set_up(url: &str) -> Result<()> {
    let http = Http::new(url, API_KEY, PATIENCE);
    let currency = json!({ "id": CURRENCY, "displayName": "Overload" });
    http.create("/api/v1/credits/custom-currencies", &currency)?;
    for number in 0..CUSTOMERS {
        http.create("/api/v1/customers", &json!({ "id": format!("customer-{number}") }))?;
    }
    Ok(())
}

/// All clients on one thread: hundreds of threads would wait for a processor, and what is measured
/// would be that.
fn run(url: &str, name: &str, clients: u32, time: Duration) -> Result<Seen> {
    let address = url.strip_prefix("http://").context("the server speaks plain HTTP")?;
    let end = now() + time;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut running = tokio::task::JoinSet::new();
        for client in 0..clients {
            running.spawn(one(address.to_owned(), format!("{name}-{client}"), client, end));
        }
        let mut together = Seen::default();
        while let Some(seen) = running.join_next().await {
            let seen = seen.map_err(|_| anyhow!("a client panicked"))??;
            together.done.extend(seen.done);
            together.refused.extend(seen.refused);
        }
        Ok(together)
    })
}

async fn one(address: String, name: String, number: u32, end: Instant) -> Result<Seen> {
    let mut wire = Wire::connect(&address).await?;
    let mut seen = Seen::default();
    for sent in 0_u32.. {
        let began = now();
        if began >= end {
            break;
        }
        let customer = number % CUSTOMERS;
        let body = format!(
            r#"{{"customerId":"customer-{customer}","currencyId":"{CURRENCY}","amount":1,"idempotencyKey":"{name}-{sent}"}}"#
        );
        let answer = tokio::time::timeout(PATIENCE, wire.ask(&body)).await;
        match answer.context("no answer for a minute")?? {
            Told::Done => seen.done.push(began.elapsed()),
            Told::Later => {
                seen.refused.push(began.elapsed());
                pause(pause_of(number, sent)).await;
            }
        }
    }
    Ok(seen)
}

/// As long as it was told and up to half as long again, as real clients do, so that those who were
/// refused together do not come back together.
fn pause_of(client: u32, sent: u32) -> Duration {
    let jitter = client.wrapping_mul(7_919).wrapping_add(sent.wrapping_mul(104_729)) % 500;
    PAUSE + Duration::from_millis(u64::from(jitter))
}

async fn pause(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Done,
    Later,
}

/// A connection that is kept.
struct Wire {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Wire {
    async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), answer: Vec::new() })
    }

    async fn ask(&mut self, body: &str) -> Result<Told> {
        self.request.clear();
        write!(
            self.request,
            "POST /api/v1/credits/consumption HTTP/1.1\r\nhost: localhost\r\nx-api-key: {API_KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            ensure!(read > 0, "the connection was closed");
            if let Some(told) = told(&self.answer)? {
                return Ok(told);
            }
        }
    }
}

/// What an answer says, where it is whole.
fn told(answer: &[u8]) -> Result<Option<Told>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
    let field =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let length: usize = field("content-length").context("it has a length")?.parse()?;
    if answer.len() < end + 4 + length {
        return Ok(None);
    }
    match head.get(9..12).unwrap_or_default() {
        "200" => Ok(Some(Told::Done)),
        "429" | "503" if field("retry-after").is_some() => Ok(Some(Told::Later)),
        status => anyhow::bail!(
            "a consumption was answered with {status}: {}",
            String::from_utf8_lossy(&answer[end..])
        ),
    }
}

fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

fn print(who: &str, seen: &Seen, time: Duration) {
    for (what, times) in [("done", &seen.done), ("refused", &seen.refused)] {
        println!(
            "{who}: {} {what} a second, p50 {:.1} ms, p99 {:.1} ms",
            times.len() as u64 / time.as_secs().max(1),
            percentile(times, 50).as_secs_f64() * 1e3,
            percentile(times, 99).as_secs_f64() * 1e3,
        );
    }
}

/// The most memory that a process has had in use.
fn memory_kb(id: u32) -> Result<u64> {
    let path = Path::new("/proc").join(id.to_string()).join("status");
    let text = fs::read_to_string(path).context("cannot read how much memory is in use")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.context("the system does not say")?.parse().context("the memory in use is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(done: &[u64], refused: &[u64]) -> Seen {
        let times = |all: &[u64]| all.iter().copied().map(Duration::from_millis).collect();
        Seen { done: times(done), refused: times(refused) }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(101));
        assert_eq!(percentile(&times, 99), Duration::from_millis(199));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn an_answer_is_understood_when_it_is_whole() {
        let done = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let later = b"HTTP/1.1 429 Too Many\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(told(done).unwrap(), Some(Told::Done));
        assert_eq!(told(&done[..done.len() - 1]).unwrap(), None);
        assert_eq!(told(&done[..20]).unwrap(), None);
        assert_eq!(told(later).unwrap(), Some(Told::Later));
        for bad in ["500 Oh", "429 Too Many"] {
            let answer = format!("HTTP/1.1 {bad}\r\ncontent-length: 0\r\n\r\n");
            assert!(told(answer.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_is_judged_by_who_waits_who_is_refused_and_memory() {
        let (calm, crowded) = (seen(&[10], &[]), seen(&[19], &[1]));
        judge(&calm, &crowded, 1_000).unwrap();
        for (calm, crowded, grown) in [
            (&seen(&[10], &[1]), &crowded, 0),
            (&calm, &seen(&[19], &[]), 0),
            (&calm, &seen(&[20], &[1]), 0),
            (&calm, &crowded, MEMORY_KB_MAX),
        ] {
            assert!(judge(calm, crowded, grown).is_err(), "{calm:?} {crowded:?} {grown}");
        }
    }
}
