//! Load: so many callers, each with one request on its way at a time.

use crate::stats::{Round, micros};
use crate::time;
use anyhow::{Context, Result, ensure};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// How long answers may be late when a round is over.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection with whatever it says.
pub(crate) trait Caller: 'static {
    /// Sends one request and waits for its answer.
    async fn call(&mut self) -> Result<()>;
}

/// The side of the clients: one thread, so that most of the machine is left to what is measured.
pub(crate) fn client_runtime() -> Result<Runtime> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.context("the runtime of the clients cannot start")
}

/// Every caller sends its next request when it has the answer to the last, for that long.
pub(crate) fn closed_loop<C: Caller>(
    runtime: &Runtime,
    callers: &mut Vec<C>,
    window: Duration,
) -> Result<Round> {
    let began = time::now();
    drive(runtime, callers, (began, window), move |mut caller, _| async move {
        let mut latencies = Vec::with_capacity(4_096);
        while began.elapsed() < window {
            let one = time::now();
            caller.call().await?;
            latencies.push(micros(one.elapsed()));
        }
        Ok((caller, latencies))
    })
}

/// The callers share a rate, whatever the answers take. A request that had to wait for the one
/// before it is measured from when it was due.
pub(crate) fn open_loop<C: Caller>(
    runtime: &Runtime,
    callers: &mut Vec<C>,
    rate: f64,
    window: Duration,
) -> Result<Round> {
    let began = time::now();
    let count = u32::try_from(callers.len()).unwrap_or(u32::MAX);
    let period = Duration::from_secs_f64(f64::from(count) / rate.max(1.0));
    drive(runtime, callers, (began, window), move |mut caller, place| async move {
        let mut latencies = Vec::with_capacity(4_096);
        let mut due = began + period * place / count;
        while due < began + window {
            let is_late = time::now() >= due;
            if !is_late {
                tokio::time::sleep_until(due.into()).await;
            }
            let from = if is_late { due } else { time::now() };
            caller.call().await?;
            latencies.push(micros(from.elapsed()));
            due += period;
        }
        Ok((caller, latencies))
    })
}

fn drive<C: Caller, F: Future<Output = Result<(C, Vec<u32>)>> + 'static>(
    runtime: &Runtime,
    callers: &mut Vec<C>,
    (began, window): (std::time::Instant, Duration),
    task: impl Fn(C, u32) -> F,
) -> Result<Round> {
    let local = LocalSet::new();
    let tasks: Vec<_> = callers
        .drain(..)
        .zip(0..)
        .map(|(caller, place)| local.spawn_local(task(caller, place)))
        .collect();
    let answered = async {
        let mut round = Round::default();
        for task in tasks {
            let (caller, latencies) = task.await.context("a client panicked")??;
            callers.push(caller);
            round.operations += latencies.len() as u64;
            round.latencies.extend(latencies);
        }
        round.took = began.elapsed();
        Ok(round)
    };
    // One limit for all: each request with its own would pay for a timer.
    runtime.block_on(local.run_until(async {
        let limited = tokio::time::timeout(window + PATIENCE, answered);
        limited.await.context("an answer is 30 seconds late")?
    }))
}

/// A connection that is kept, with bytes that were read and not yet used.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// How much of it was given already.
    given: usize,
}

impl Wire {
    pub(crate) async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await;
        let stream = stream.with_context(|| format!("cannot connect to port {port}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4_096), given: 0 })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Reads until `end` finds where an answer ends, and gives it.
    pub(crate) async fn receive(
        &mut self,
        end: impl Fn(&[u8]) -> Result<Option<usize>>,
    ) -> Result<&[u8]> {
        self.buffer.drain(..std::mem::take(&mut self.given));
        loop {
            if let Some(end) = end(&self.buffer)? {
                self.given = end;
                return Ok(&self.buffer[..end]);
            }
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the connection was closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers so often, then fails.
    struct Failing(u32);

    impl Caller for Failing {
        async fn call(&mut self) -> Result<()> {
            ensure!(self.0 > 0, "it has had enough");
            self.0 -= 1;
            tokio::task::yield_now().await;
            Ok(())
        }
    }

    #[test]
    fn a_round_ends_with_its_window_or_with_the_first_failure() {
        let runtime = client_runtime().expect("a runtime");
        let (no_time, an_hour) = (Duration::ZERO, Duration::from_secs(3_600));
        let check = |load: &dyn Fn(&mut Vec<Failing>, Duration) -> Result<Round>| {
            let mut callers: Vec<_> = (0..3).map(|_| Failing(10)).collect();
            let round = load(&mut callers, no_time).expect("nothing is called");
            assert_eq!((round.operations, callers.len()), (0, 3));
            let failed = load(&mut callers, an_hour).expect_err("all fail");
            assert_eq!(failed.to_string(), "it has had enough");
        };
        check(&|callers, window| closed_loop(&runtime, callers, window));
        check(&|callers, window| open_loop(&runtime, callers, 1e6, window));
    }
}
