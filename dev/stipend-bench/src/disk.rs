//! The disk: how long a sync takes, and the floor under everything that is durable: a file that is
//! only appended to, with one sync a batch.

use crate::random::{Choice, Random};
use crate::rounds::Contender;
use crate::stats::{Round, micros, percentile};
use crate::time;
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// Syncs that are measured at once, and for how long at most.
const SYNCS_MAX: usize = 200;
const SYNCS_TIME_MAX: Duration = Duration::from_secs(2);

/// The stored bytes of one usage in the floor.
const USAGE_BYTES: usize = 176;

/// How long syncs took.
#[derive(Clone, Debug, Default)]
pub(crate) struct SyncProbe {
    micros: Vec<u32>,
}

impl SyncProbe {
    /// Appends 4 KiB and syncs, again and again.
    pub(crate) fn sample(&mut self, directory: &Path) -> Result<()> {
        let mut file = tempfile::tempfile_in(directory).context("no file for probing the disk")?;
        let began = time::now();
        for _ in 0..SYNCS_MAX {
            if began.elapsed() > SYNCS_TIME_MAX {
                break;
            }
            let one = time::now();
            file.write_all(&[7; 4_096])?;
            file.sync_data()?;
            self.micros.push(micros(one.elapsed()));
        }
        Ok(())
    }

    pub(crate) fn percentile_ms(&self, percent: usize) -> f64 {
        f64::from(percentile(&mut self.micros.clone(), percent)) / 1_000.0
    }
}

/// The floor: keys and balances in memory, a file that grows, one sync for each batch.
#[derive(Debug)]
pub(crate) struct Floor {
    file: File,
    batch: usize,
    choice: Choice,
    balances: Vec<i64>,
    keys: HashSet<u128>,
    random: Random,
    next_key: u64,
}

impl Floor {
    pub(crate) fn new(
        directory: &Path,
        batch: usize,
        choice: Choice,
        customers: u32,
    ) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).context("no file for the floor")?;
        let balances = vec![1_000_000_000; customers as usize];
        let keys = HashSet::new();
        Ok(Self { file, batch, choice, balances, keys, random: Random::new(5), next_key: 0 })
    }

    fn append_batch(&mut self, buffer: &mut Vec<u8>) -> Result<()> {
        buffer.clear();
        let customers = u32::try_from(self.balances.len()).unwrap_or(u32::MAX);
        for _ in 0..self.batch {
            self.next_key += 1;
            let key = u128::from(self.next_key) << 64 | u128::from(self.next_key);
            if !self.keys.insert(key) {
                continue;
            }
            let customer = self.choice.pick(&mut self.random, customers);
            let balance = &mut self.balances[customer as usize];
            *balance -= 1;
            let start = buffer.len();
            buffer.extend_from_slice(&key.to_le_bytes());
            buffer.extend_from_slice(&customer.to_le_bytes());
            buffer.extend_from_slice(&balance.to_le_bytes());
            buffer.resize(start + USAGE_BYTES, 0);
        }
        self.file.write_all(buffer)?;
        self.file.sync_data()?;
        Ok(())
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn round(&mut self, window: Duration) -> Result<Round> {
        let began = time::now();
        let mut buffer = Vec::with_capacity(self.batch * USAGE_BYTES);
        let mut round = Round::default();
        while began.elapsed() < window {
            self.append_batch(&mut buffer)?;
            round.operations += self.batch as u64;
        }
        round.took = began.elapsed();
        Ok(round)
    }
}
