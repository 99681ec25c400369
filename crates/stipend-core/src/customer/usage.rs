//! Usage of features: what is counted, and what of it was paid for with which grants
//! (`behaviour.md` §0.20, §4).

use super::Customer;
use super::entry::{DimensionValue, Draw, Effect, Settled};
use super::pool::{Pool, PoolBalance};
use crate::Amount;
use crate::id::{CurrencyId, FeatureId, GrantNo, MeterId, PoolId, ResourceId, SubscriptionNo};
use crate::limits::USAGE_RUNS_MAX;
use crate::period::Period;
use crate::shared::clone_fields;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// What a customer has used of a feature, for itself or for a resource: one meter.
#[derive(Debug, PartialEq, Eq)]
pub struct FeatureUsage {
    /// The meter.
    pub meter: MeterId,
    /// The feature.
    pub feature: FeatureId,
    /// The resource that it is the usage of; `None` is the customer itself.
    pub resource: Option<ResourceId>,
    /// The number of its last entry.
    pub seq: u64,
    /// The instant of its last entry.
    pub at: Timestamp,
    /// The instant of the entry with which usage last started anew: what was drawn before it is
    /// forgotten.
    pub since: Timestamp,
    /// The usage period in which the last entry was counted; `None` where usage never starts anew.
    pub period: Option<Period>,
    /// The subscription that said so, as it was agreed then.
    pub pin: Option<UsagePin>,
    /// What was counted in it.
    pub aggregate: Aggregate,
    /// What of it was drawn from which grants, oldest first: at most
    /// [`USAGE_RUNS_MAX`] runs.
    pub drawn: Vec<DrawRun>,
}

impl Clone for FeatureUsage {
    fn clone(&self) -> Self {
        Self {
            feature: self.feature.clone(),
            resource: self.resource.clone(),
            aggregate: self.aggregate.clone(),
            drawn: self.drawn.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, other: &Self) {
        clone_fields!(self from other;
            copied meter, seq, at, since, period, pin;
            cloned feature, resource, aggregate, drawn);
    }
}

/// What reports and events add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// The usage.
    pub value: Amount,
    /// Of how many samples it is the greatest, the least or the mean.
    pub samples: u64,
    /// The sum of the samples of a mean.
    pub sum: Amount,
    /// The different values that were seen, each as a hash.
    pub seen: BTreeSet<u64>,
}

/// Under which subscription usage was counted: another one, or another epoch of it, may let usage
/// start anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsagePin {
    /// The subscription.
    pub subscription: SubscriptionNo,
    /// Its anchor epoch.
    pub epoch: u32,
}

/// Credits that usage took from one grant, or beyond the grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawRun {
    /// The pool.
    pub pool: PoolId,
    /// The grant, or the overdraft.
    pub grant: GrantNo,
    /// How much.
    pub amount: Amount,
    /// The subscription that the grant comes from.
    pub subscription: Option<SubscriptionNo>,
    /// The end of the grant.
    pub expires_at: Option<Timestamp>,
    /// Whether it is the overdraft.
    pub is_overdraft: bool,
}

/// Usage of a feature is counted from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterOpened {
    /// The meter.
    pub meter: MeterId,
    /// The feature.
    pub feature: FeatureId,
    /// The resource.
    pub resource: Option<ResourceId>,
}

/// What the value of a report means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBehavior {
    /// It is added to the usage.
    Delta,
    /// It is the usage from now on.
    Set,
    /// It is what an event says; the meter makes usage of it.
    Event,
}

/// Why usage started anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageResetReason {
    /// A usage period was over.
    Period,
    /// The subscription was changed.
    Subscription,
}

/// That usage started anew before an entry was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRestart {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: UsageResetReason,
}

/// A report or an event, and what the usage has become by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageEntry {
    /// The meter.
    pub meter: MeterId,
    /// When it was counted; never before the meter's previous entry.
    pub at: Timestamp,
    /// When it happened, as the caller says.
    pub reported_at: Option<Timestamp>,
    /// What the reported value means.
    pub behavior: UsageBehavior,
    /// The value of the report, or what the meter took from the event.
    pub reported: Amount,
    /// The usage before, in the period in which it was counted.
    pub before: Amount,
    /// The usage afterwards.
    pub value: Amount,
    /// Of how many samples that is the greatest, the least or the mean.
    pub samples: u64,
    /// The sum of the samples of a mean.
    pub sum: Amount,
    /// A value that had not been seen before, as a hash.
    pub seen: Option<u64>,
    /// Whether the values that had been seen are forgotten.
    pub forgets: bool,
    /// Usage had started anew since the previous entry.
    pub restart: Option<UsageRestart>,
    /// The usage period in which it was counted.
    pub period: Option<Period>,
    /// The subscription that said so.
    pub pin: Option<UsagePin>,
    /// The name of the event.
    pub event_name: Option<String>,
    /// The caller's own id of what happened: its idempotency key.
    pub event_id: Option<String>,
    /// What the caller says about it.
    pub dimensions: Vec<(String, DimensionValue)>,
    /// The credit type that pays for it, where the feature is mapped to one.
    pub currency: Option<CurrencyId>,
    /// How many of the credits that were drawn for the usage it was lowered by.
    pub returned: Amount,
    /// What of these did not come back, because the grants that gave it are over.
    pub forfeited: Amount,
    /// What the pool of the credit type had, where the report is mapped and the last entry behind it
    /// does not say so: nothing was taken or given back, or that of another pool.
    pub balance: Option<Box<PoolBalance>>,
    /// The dimensions that formulas need and did not find, in the first entry that the report or
    /// event made: for all features that count it.
    pub missing_dimensions: Vec<String>,
}

impl FeatureUsage {
    pub(super) fn new(opened: &MeterOpened) -> Self {
        Self {
            meter: opened.meter,
            feature: opened.feature.clone(),
            resource: opened.resource.clone(),
            seq: 0,
            at: Timestamp::EPOCH,
            since: Timestamp::EPOCH,
            period: None,
            pin: None,
            aggregate: Aggregate::default(),
            drawn: Vec::new(),
        }
    }

    /// How many credits can be given back for it at most.
    #[must_use]
    pub fn drawn_total(&self) -> Amount {
        self.drawn.iter().map(|run| run.amount).sum()
    }

    pub(super) fn apply(&mut self, entry: &UsageEntry) {
        assert!(entry.at >= self.at, "time never runs backwards in a meter");
        self.seq += 1;
        self.at = entry.at;
        if entry.restart.is_some() {
            self.since = entry.at;
            self.aggregate = Aggregate::default();
            self.drawn.clear();
        }
        let aggregate = &mut self.aggregate;
        assert_eq!(aggregate.value, entry.before, "usage goes on from where it was");
        aggregate.value = entry.value;
        aggregate.samples = entry.samples;
        aggregate.sum = entry.sum;
        if entry.forgets {
            aggregate.seen.clear();
        }
        if let Some(seen) = entry.seen {
            assert!(aggregate.seen.insert(seen), "a value is new once");
        }
        self.period = entry.period;
        self.pin = entry.pin;
        self.take_back(entry.returned);
    }

    /// Takes runs off, the last first.
    fn take_back(&mut self, amount: Amount) {
        let mut rest = amount;
        while rest.is_positive() {
            let run = self.drawn.last_mut().expect("no more is given back than was drawn");
            let taken = run.amount.min(rest);
            run.amount -= taken;
            rest -= taken;
            if run.amount.is_zero() {
                self.drawn.pop();
            }
        }
    }

    /// Forgets draws on one grant that were given back otherwise, the last first.
    pub(super) fn forget(&mut self, pool: PoolId, draw: Draw) {
        let mut rest = draw.amount;
        for run in self.drawn.iter_mut().rev() {
            if run.pool == pool && run.grant == draw.grant {
                let taken = run.amount.min(rest);
                run.amount -= taken;
                rest -= taken;
            }
        }
        assert!(rest.is_zero(), "no more is forgotten than was drawn");
        self.drawn.retain(|run| !run.amount.is_zero());
    }

    /// Notes a draw that paid for the usage; `pool` is as it is afterwards.
    pub(super) fn note_drawn(&mut self, pool: &Pool, effect: &Effect) {
        match effect {
            Effect::Drawn(draw) => {
                let run = DrawRun::of_grant(pool, *draw);
                self.push_run(run.expect("a grant that is drawn stands in its pool"));
            }
            Effect::Overdrawn(draw) => self.push_run(DrawRun {
                pool: pool.id,
                grant: draw.grant,
                amount: draw.amount,
                subscription: None,
                expires_at: None,
                is_overdraft: true,
            }),
            _ => {}
        }
    }

    /// Consecutive draws on one grant are one run; the oldest run makes room.
    fn push_run(&mut self, run: DrawRun) {
        match self.drawn.last_mut() {
            Some(last) if last.is_same(&run) => last.amount += run.amount,
            _ => {
                if self.drawn.len() == USAGE_RUNS_MAX {
                    self.drawn.remove(0);
                }
                self.drawn.push(run);
            }
        }
    }
}

impl DrawRun {
    fn of_grant(pool: &Pool, draw: Draw) -> Option<Self> {
        let grant = pool.find_grant(draw.grant)?;
        Some(Self {
            pool: pool.id,
            grant: draw.grant,
            amount: draw.amount,
            subscription: grant.source.as_ref().map(|source| source.subscription),
            expires_at: grant.expires_at,
            is_overdraft: false,
        })
    }

    /// What is left of a run of which a part is now drawn from other grants, and the runs that it
    /// has become. What found no room there is let go: there is no grant that it could be given
    /// back to.
    fn split(self, pool: &Pool, moved: Amount, given: &mut [Draw]) -> (Option<Self>, Vec<Self>) {
        let mut rest = moved;
        let mut parts: Vec<Self> = Vec::new();
        for draw in given {
            let amount = draw.amount.min(rest);
            let part = Self::of_grant(pool, Draw { grant: draw.grant, amount });
            if let Some(part) = part.filter(|part| part.amount.is_positive()) {
                draw.amount -= amount;
                rest -= amount;
                parts.push(part);
            }
        }
        let kept = Self { amount: self.amount - moved, ..self };
        (Some(kept).filter(|kept| kept.amount.is_positive()), parts)
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.pool, self.grant) == (other.pool, other.grant)
    }
}

impl Customer {
    /// That no meter remembers more draws on a grant, or on the overdraft, than there are.
    ///
    /// # Errors
    /// A sentence that says what does not add up.
    pub fn verify_usages(&self) -> Result<(), String> {
        for pool in &self.pools {
            let runs = self.usages.iter().flat_map(|usage| &usage.drawn);
            let runs: Vec<&DrawRun> = runs.filter(|run| run.pool == pool.id).collect();
            let drawn_of = |no: GrantNo, is_overdraft: bool| -> Amount {
                let of_it = runs.iter().filter(|run| run.grant == no);
                of_it.filter(|run| run.is_overdraft == is_overdraft).map(|run| run.amount).sum()
            };
            let grants = pool.live.iter().map(|grant| (grant.no, false, grant.consumed));
            let overdraft = pool.overdraft.map(|overdraft| (overdraft.no, true, overdraft.metered));
            for (no, is_overdraft, consumed) in grants.chain(overdraft) {
                let drawn = drawn_of(no, is_overdraft);
                if drawn > consumed {
                    return Err(format!(
                        "meters drew {drawn} from grant {no:?} of pool {:?}, which gave {consumed}",
                        pool.id
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Overdraft that a grant took over is drawn from that grant from now on: what the meters drew
/// beyond the grants first, the oldest of it first. `pool` is as it is afterwards.
pub(super) fn note_settled(usages: &mut [FeatureUsage], pool: &Pool, settled: &Settled) {
    let mut given = [Draw { grant: settled.grant, amount: settled.amount }];
    for usage in usages {
        let drawn = std::mem::take(&mut usage.drawn);
        for run in drawn {
            let is_it = run.pool == pool.id && run.is_overdraft && run.grant == settled.overdraft;
            if is_it {
                let moved = run.amount.min(given[0].amount);
                let (kept, parts) = run.split(pool, moved, &mut given);
                parts.into_iter().chain(kept).for_each(|run| usage.push_run(run));
            } else {
                usage.push_run(run);
            }
        }
    }
}

/// Consumption that an entry moves from grants to others is drawn from these from now on. What was
/// drawn last moves first. `pool` is as it is afterwards.
pub(super) fn note_moved(usages: &mut [FeatureUsage], pool: &Pool, effects: &[Effect]) {
    let mut taken: Vec<Draw> = Vec::new();
    let mut given: Vec<Draw> = Vec::new();
    for effect in effects {
        match effect {
            Effect::MovedOut(draw) => taken.push(*draw),
            Effect::MovedIn(moved) => {
                given.push(Draw { grant: moved.grant, amount: moved.amount });
            }
            _ => {}
        }
    }
    if taken.is_empty() {
        return;
    }
    for usage in usages {
        let mut moves: Vec<Amount> = Vec::with_capacity(usage.drawn.len());
        for run in usage.drawn.iter().rev() {
            let is_it = |draw: &&mut Draw| {
                run.pool == pool.id && !run.is_overdraft && run.grant == draw.grant
            };
            let mut moved = Amount::ZERO;
            for draw in taken.iter_mut().filter(is_it) {
                let amount = draw.amount.min(run.amount - moved);
                draw.amount -= amount;
                moved += amount;
            }
            moves.push(moved);
        }
        let drawn = std::mem::take(&mut usage.drawn);
        for (run, moved) in drawn.into_iter().zip(moves.into_iter().rev()) {
            let (kept, parts) = run.split(pool, moved, &mut given);
            kept.into_iter().chain(parts).for_each(|run| usage.push_run(run));
        }
    }
}
