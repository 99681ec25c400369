//! One round: traffic from all clients, then SIGKILL.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::api::Api;
use super::client::{Client, Event, Population, Shared};
use super::ledger_of_truth::{Outcome, Truth};
use crate::prng::Prng;
use crate::server::{Launcher, Server};

/// Few, since every pool holds only so many live grants.
const GRANTS_PER_ROUND: u32 = 8;

/// The first answer must be there by then.
const FIRST_TRAFFIC: Duration = Duration::from_secs(10);

pub(super) struct Plan {
    pub(super) round: u32,
    pub(super) clients: u32,
    pub(super) seed: u64,
    /// From the first answer to the kill.
    pub(super) pause: Duration,
}

/// Lets the clients loose on the server, kills it, and returns what they know.
pub(super) fn run(
    plan: &Plan,
    server: Server,
    population: &Population,
    truth: &Truth,
    api_key: &str,
) -> Result<Outcome> {
    let shared = Shared::new(plan.round, plan.seed, GRANTS_PER_ROUND);
    let (sender, events) = mpsc::channel();
    let mut seeds = Prng::new(plan.seed);
    let mut clients = Vec::new();
    for number in 0..plan.clients {
        clients.push(Client {
            number,
            api: Api::new(&server.base_url, api_key),
            prng: Prng::new(seeds.next()),
            population,
            shared: &shared,
            events: sender.clone(),
            log: truth.client_log(number)?,
            outcome: Outcome::default(),
        });
    }
    drop(sender);
    thread::scope(|scope| {
        let running: Vec<_> =
            clients.into_iter().map(|client| scope.spawn(move || client.run())).collect();
        let waited = wait_for_the_moment(&events, plan.pause);
        let killed = server.kill();
        shared.stop.store(true, Ordering::Relaxed);
        let mut together = Outcome::default();
        for client in running {
            let one = client.join().map_err(|_| anyhow!("a client panicked"))??;
            together.acknowledged.extend(one.acknowledged);
            together.open.extend(one.open);
        }
        waited.and(killed).map(|()| together)
    })
}

/// Waits for the first answer and then for the pause, unless something goes wrong in between.
fn wait_for_the_moment(events: &Receiver<Event>, pause: Duration) -> Result<()> {
    match events.recv_timeout(FIRST_TRAFFIC) {
        Ok(Event::FirstTraffic) => {}
        Ok(Event::Wrong(what)) => bail!(what),
        Err(error) => bail!("no operation was acknowledged: {error}"),
    }
    match events.recv_timeout(pause) {
        Ok(Event::Wrong(what)) => bail!(what),
        Ok(Event::FirstTraffic) => bail!("the first traffic was told twice"),
        Err(RecvTimeoutError::Timeout) => Ok(()),
        Err(RecvTimeoutError::Disconnected) => bail!("all clients ended before the kill"),
    }
}

/// Starts the server and kills it before it is ready, most of the time.
pub(super) fn kill_in_recovery(launcher: &Launcher, pause: Duration) -> Result<()> {
    let mut child = launcher.spawn()?;
    let (_keeps_open, nothing) = mpsc::channel::<()>();
    // Nothing is ever sent: this waits for the pause.
    let _ = nothing.recv_timeout(pause);
    child.kill().context("cannot kill the recovering server")?;
    child.wait().context("cannot wait for the killed server")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waited(events: Vec<Event>, stays_open: bool) -> Result<()> {
        let (sender, receiver) = mpsc::channel();
        for event in events {
            sender.send(event).unwrap();
        }
        let kept = stays_open.then_some(sender);
        let outcome = wait_for_the_moment(&receiver, Duration::from_millis(1));
        drop(kept);
        outcome
    }

    #[test]
    fn the_kill_comes_after_the_first_traffic() {
        assert!(waited(vec![Event::FirstTraffic], true).is_ok());
        assert!(waited(vec![], false).is_err());
    }

    #[test]
    fn anything_wrong_ends_the_round() {
        let wrong = || Event::Wrong("no".to_owned());
        assert!(waited(vec![wrong()], true).is_err());
        assert!(waited(vec![Event::FirstTraffic, wrong()], true).is_err());
        assert!(waited(vec![Event::FirstTraffic], false).is_err());
    }
}
