//! The workloads, and what they share.

pub(crate) mod check;
pub(crate) mod consume;
pub(crate) mod engine_alone;
pub(crate) mod growth;
pub(crate) mod herd;
pub(crate) mod memory;

use crate::disk::SyncProbe;
use crate::peers::Peers;
use crate::report::Figure;
use crate::rounds::{Outcome, Plan};
use crate::world::World;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the workloads of one run share.
pub(crate) struct Bench {
    /// Where data is made.
    pub(crate) parent: PathBuf,
    pub(crate) customers: u32,
    /// Ledger entries of the workload of growth.
    pub(crate) entries: u64,
    pub(crate) plan: Plan,
    world: Option<World>,
    peers: Option<Peers>,
}

impl Bench {
    pub(crate) fn new(parent: PathBuf, customers: u32, entries: u64, plan: Plan) -> Self {
        Self { parent, customers, entries, plan, world: None, peers: None }
    }

    /// Stipend with its customers, made when first asked for.
    pub(crate) fn world(&mut self) -> Result<&World> {
        if self.world.is_none() {
            self.world = Some(World::make(&self.parent, self.customers)?);
        }
        self.world.as_ref().context("it was just made")
    }

    /// Takes it out, to be stopped.
    pub(crate) fn take_world(&mut self) -> Result<World> {
        self.world()?;
        self.world.take().context("it was just made")
    }

    /// Puts it back.
    pub(crate) fn put_world(&mut self, world: World) {
        self.world = Some(world);
    }

    /// Stipend and the peers.
    pub(crate) fn contestants(&mut self) -> Result<(&World, &Peers)> {
        self.world()?;
        let (parent, customers) = (&self.parent, self.customers);
        let peers = self.peers.get_or_insert_with(|| Peers::start(parent, customers));
        Ok((self.world.as_ref().context("it was just made")?, peers))
    }

    /// Measures how long a sync takes before and after a workload, and notes it with the figure.
    pub(crate) fn figure(
        &mut self,
        measure: impl FnOnce(&mut Self) -> Result<Figure>,
    ) -> Result<Figure> {
        let mut probe = SyncProbe::default();
        probe.sample(&self.parent)?;
        let mut figure = measure(self)?;
        probe.sample(&self.parent)?;
        figure.sync_p50_ms = probe.percentile_ms(50);
        figure.sync_p99_ms = probe.percentile_ms(99);
        figure.customers = self.customers;
        Ok(figure)
    }
}

/// An idempotency key that no other usage of this run has.
pub(crate) fn next_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("bench-{:016x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The figure of the first contender, with its ratio to each other.
pub(crate) fn compared(workload: &'static str, unit: &'static str, outcomes: &[Outcome]) -> Figure {
    let mut figure = Figure::new(workload, unit);
    if let Some((first, others)) = outcomes.split_first() {
        figure.value = first.median();
        figure.spread = first.spread();
        figure.rounds = first.rounds.len();
        for other in others {
            figure.ratios.push((other.name, first.ratio_to(other)));
        }
    }
    figure
}
