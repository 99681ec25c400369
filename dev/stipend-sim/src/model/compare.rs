//! Comparing the model with the customer.

use super::{Gift, Model, NEVER};
use stipend_core::customer::{Grant, GrantKind, Pool};
use stipend_core::{Customer, examples};

impl Model {
    /// Compares what the model believes with what the customer is.
    ///
    /// # Errors
    /// A sentence with both.
    pub fn compare(&self, customer: &Customer) -> Result<(), String> {
        let pool = customer.find_pool(&examples::credits(), None);
        let balance = pool.map_or(0, |pool| pool.balance().nano());
        same("balance", &balance, &self.balance())?;
        let overdraft = pool.and_then(|pool| pool.overdraft).map_or(0, |one| one.amount.nano());
        same("overdraft", &overdraft, &self.overdraft)?;
        let live = pool.into_iter().flat_map(|pool| &pool.live);
        let scheduled = pool.into_iter().flat_map(|pool| &pool.scheduled);
        same("grants by hand", &by_hand(live), &told(&self.gifts))?;
        same("scheduled grants", &by_hand(scheduled), &told(&self.coming))?;
        self.compare_bucket(pool)
    }

    fn compare_bucket(&self, pool: Option<&Pool>) -> Result<(), String> {
        let recurring = pool.into_iter().flat_map(|pool| &pool.live);
        let recurring: Vec<&Grant> =
            recurring.filter(|grant| grant.kind == GrantKind::Recurring).collect();
        let left: i128 = recurring.iter().map(|grant| grant.remaining().nano()).sum();
        let total: i128 = recurring.iter().map(|grant| grant.amount.nano()).sum();
        let ends = |grant: &&Grant| grant.expires_at.map_or(NEVER, stipend_core::Timestamp::micros);
        let mut ends: Vec<i64> = recurring.iter().map(ends).collect();
        ends.dedup();
        let bucket = self.bucket.as_ref().filter(|bucket| bucket.given > 0);
        let expected = bucket.map_or((0, 0, Vec::new()), |bucket| {
            (bucket.left(), bucket.given, vec![bucket.expires])
        });
        same("recurring credits left, in all, and until when", &(left, total, ends), &expected)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, expected: &T) -> Result<(), String> {
    if is == expected { Ok(()) } else { Err(format!("{what}: {is:?}, expected {expected:?}")) }
}

type Told = (i128, i128, i64, i64, bool);

fn by_hand<'a, I: Iterator<Item = &'a Grant>>(grants: I) -> Vec<Told> {
    let by_hand = grants.filter(|grant| grant.kind != GrantKind::Recurring);
    let mut told: Vec<Told> = by_hand
        .map(|grant| {
            let until = grant.expires_at.map_or(NEVER, stipend_core::Timestamp::micros);
            let is_paid = grant.kind == GrantKind::Paid;
            let from = grant.effective_at.micros();
            (grant.amount.nano(), grant.consumed.nano(), from, until, is_paid)
        })
        .collect();
    told.sort_unstable();
    told
}

fn told(gifts: &[Gift]) -> Vec<Told> {
    let tell = |gift: &Gift| (gift.amount, gift.consumed, gift.from, gift.until, gift.is_paid);
    let mut told: Vec<Told> = gifts.iter().map(tell).collect();
    told.sort_unstable();
    told
}
