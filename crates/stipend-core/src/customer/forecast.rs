//! When the credits of a pool run out, if they go on being used at a pace.
//!
//! The pool is lived ahead: at every instant at which grants expire or come into force, what was
//! used until then has been drawn in burn order. All arithmetic is on whole numbers; the instant
//! is the first microsecond at which nothing is left. Soft limits and overdraft do not matter:
//! credits have run out when the balance is no longer above zero.

use super::due::roll_instant;
use super::entry::{Effect, Entry};
use super::grant::{BurnKey, Grant};
use super::pool::Pool;
use super::{Customer, PoolEntry};
use crate::Amount;
use crate::catalog::Catalog;
use crate::id::{GrantNo, PoolId};
use crate::limits::{FORECAST_HORIZON_SECONDS, FORECAST_INSTANTS_MAX};
use crate::time::Timestamp;

/// How fast credits are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So many credits.
    pub used: Amount,
    /// In so many seconds, above zero.
    pub seconds: i64,
}

/// When credits run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// When; `None` where nothing is used, or where what is known to come keeps up with it as far
    /// as [`FORECAST_HORIZON_SECONDS`] ahead.
    pub runs_out_at: Option<Timestamp>,
    /// Whether they run out because a grant ends with credits left in it.
    pub is_expiry_limited: bool,
}

/// What an instant ahead brings to a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// When.
    pub at: Timestamp,
    /// The grants that end.
    pub ends: Vec<GrantNo>,
    /// The grants that come into force.
    pub begins: Vec<Grant>,
}

/// What comes to a pool and leaves it, as things stand: expiries, scheduled grants, the next
/// recurring ones, the ends and changes of subscriptions. Earliest first; at most
/// [`FORECAST_INSTANTS_MAX`] instants of the customer are looked at.
#[must_use]
pub fn flows(customer: &Customer, catalog: &Catalog, pool: PoolId, now: Timestamp) -> Vec<Flow> {
    let horizon = now.plus_seconds(FORECAST_HORIZON_SECONDS);
    let mut rolled = customer.clone();
    let mut flows = Vec::new();
    for _ in 0..FORECAST_INSTANTS_MAX {
        let Some(due) = rolled.next_due.filter(|due| *due <= horizon) else { break };
        let scheduled = rolled.pool(pool).map(|pool| pool.scheduled.clone()).unwrap_or_default();
        let mut flow = Flow { at: due, ends: Vec::new(), begins: Vec::new() };
        let (next, entries) = roll_instant(rolled, catalog, due);
        rolled = next;
        for entry in entries {
            match entry {
                Entry::Pool(entry) if entry.pool == pool => flow.note(&entry, &scheduled),
                _ => {}
            }
        }
        if !flow.ends.is_empty() || !flow.begins.is_empty() {
            flows.push(flow);
        }
    }
    flows
}

impl Flow {
    fn note(&mut self, entry: &PoolEntry, scheduled: &[Grant]) {
        for effect in &entry.effects {
            match effect {
                Effect::Granted(grant) => self.begins.push(grant.clone()),
                Effect::Activated(draw) => {
                    let grant = scheduled.iter().find(|grant| grant.no == draw.grant);
                    self.begins.extend(grant.cloned());
                }
                Effect::Ended(ended) => self.ends.push(ended.grant.no),
                // What another grant took over is used already.
                Effect::MovedIn(moved) => {
                    let taken = self.begins.iter_mut().find(|grant| grant.no == moved.grant);
                    if let Some(grant) = taken {
                        grant.consumed += moved.amount;
                    }
                }
                _ => {}
            }
        }
    }
}

/// When the credits of a pool run out at a pace.
///
/// # Examples
///
/// ```
/// use stipend_core::customer::{Pace, flows, forecast};
/// use stipend_core::{Amount, examples};
/// let catalog = examples::catalog();
/// let customer = examples::subscribed_customer(&catalog, 0);
/// let pool = &customer.pools[0];
/// let coming = flows(&customer, &catalog, pool.id, examples::START);
/// // 50,000 credits a month last for 20 days.
/// let pace = Pace { used: Amount::whole(2_500), seconds: 86_400 };
/// let told = forecast(pool, &coming, pace, examples::START);
/// assert_eq!(told.runs_out_at, Some(examples::START.plus_seconds(20 * 86_400)));
/// ```
#[must_use]
pub fn forecast(pool: &Pool, flows: &[Flow], pace: Pace, now: Timestamp) -> Forecast {
    assert!(pace.seconds > 0, "a pace is over some time");
    let never = Forecast { runs_out_at: None, is_expiry_limited: false };
    if !pace.used.is_positive() {
        return never;
    }
    let mut ahead = Ahead::new(pool, pace, now);
    if ahead.left() <= 0 {
        return Forecast { runs_out_at: Some(now), is_expiry_limited: false };
    }
    for flow in flows.iter().filter(|flow| flow.at > now) {
        let dry = ahead.dry_at();
        if dry < i128::from(flow.at.micros()) {
            break;
        }
        ahead.draw_until(flow.at);
        let had = ahead.left() > 0;
        ahead.pass(flow);
        if ahead.left() <= 0 {
            return Forecast { runs_out_at: Some(flow.at), is_expiry_limited: had };
        }
    }
    let horizon = now.plus_seconds(FORECAST_HORIZON_SECONDS);
    let dry = ahead.dry_at();
    if dry > i128::from(horizon.micros()) {
        return never;
    }
    let dry = i64::try_from(dry).expect("it lies before the horizon");
    Forecast { runs_out_at: Some(Timestamp::from_micros(dry)), is_expiry_limited: false }
}

/// A grant ahead, with what is left of it.
struct Block {
    key: BurnKey,
    no: GrantNo,
    left: i128,
}

/// The pool as it is lived ahead. Amounts are counted in nano credits times the microseconds of
/// the pace, so that what a microsecond takes is a whole number.
struct Ahead {
    at: Timestamp,
    /// What a microsecond takes.
    used: i128,
    scale: i128,
    blocks: Vec<Block>,
    debt: i128,
}

impl Ahead {
    fn new(pool: &Pool, pace: Pace, now: Timestamp) -> Self {
        let scale = i128::from(pace.seconds) * 1_000_000;
        let debt = pool.overdraft.map_or(Amount::ZERO, |overdraft| overdraft.amount);
        let mut ahead = Self {
            at: now,
            used: pace.used.nano(),
            scale,
            blocks: Vec::new(),
            debt: debt.nano().saturating_mul(scale),
        };
        pool.live.open().iter().for_each(|grant| ahead.take_up(grant));
        ahead
    }

    fn take_up(&mut self, grant: &Grant) {
        let mut left = grant.remaining().nano().saturating_mul(self.scale);
        let settled = left.min(self.debt);
        left -= settled;
        self.debt -= settled;
        let key = grant.burn_key();
        let place = self.blocks.partition_point(|block| block.key < key);
        self.blocks.insert(place, Block { key, no: grant.no, left });
    }

    fn left(&self) -> i128 {
        let sum = self.blocks.iter().fold(0i128, |sum, block| sum.saturating_add(block.left));
        sum - self.debt
    }

    /// The first microsecond at which nothing is left, if nothing comes or goes before.
    fn dry_at(&self) -> i128 {
        let whole = self.left() / self.used + i128::from(self.left() % self.used > 0);
        whole.saturating_add(i128::from(self.at.micros()))
    }

    fn draw_until(&mut self, at: Timestamp) {
        let micros = i128::from(at.micros() - self.at.micros());
        let mut rest = self.used.saturating_mul(micros);
        for block in &mut self.blocks {
            let taken = block.left.min(rest);
            block.left -= taken;
            rest -= taken;
        }
        self.at = at;
    }

    fn pass(&mut self, flow: &Flow) {
        self.blocks.retain(|block| !flow.ends.contains(&block.no));
        flow.begins.iter().for_each(|grant| self.take_up(grant));
    }
}
