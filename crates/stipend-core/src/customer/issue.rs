//! A grant of recurring credits to be made for the running period (`behaviour.md` §0.3, §0.4).

use super::grant::{Grant, GrantKind, PRIORITY_DEFAULT, RecurringSource};
use super::resolve::Share;
use super::subscription::Subscription;
use crate::Amount;
use crate::catalog::Metadata;
use crate::id::{CurrencyId, GrantNo};
use crate::shared::Shared;
use crate::time::Timestamp;

/// A grant of recurring credits to be made.
pub(super) struct Issue<'a> {
    /// What of.
    pub(super) share: &'a Share,
    /// How much.
    pub(super) amount: Amount,
    /// How much it would be for a whole period.
    pub(super) whole: Amount,
    /// When.
    pub(super) now: Timestamp,
    /// The number it gets.
    pub(super) no: GrantNo,
}

impl Issue<'_> {
    /// The grant for the period in which `now` lies: part 0 from the start of the period, later
    /// parts from now; until the period's end, or that of the trial before it. `fresh` are grants
    /// that the same change has made already.
    pub(super) fn grant(
        &self,
        subscription: &Subscription,
        currency: &CurrencyId,
        fresh: &[Shared<RecurringSource>],
    ) -> Grant {
        let Self { share, amount, whole, now, no } = *self;
        let terms = &subscription.terms;
        let period = terms.period_at(share.cadence, now);
        let issued = subscription.find_issued(&share.package, currency, share.cadence);
        let stored =
            issued.filter(|issued| issued.k == period.k).map_or(0, |issued| issued.next_part);
        let made = fresh
            .iter()
            .filter(|source| (&source.package, source.cadence) == (&share.package, share.cadence));
        let part = stored + u32::try_from(made.count()).unwrap_or(u32::MAX);
        Grant {
            no,
            kind: GrantKind::Recurring,
            amount,
            original: amount,
            consumed: Amount::ZERO,
            held: Amount::ZERO,
            priority: PRIORITY_DEFAULT,
            effective_at: if part == 0 { period.start } else { now },
            expires_at: Some(terms.clip(period.end)),
            created_at: now,
            updated_at: now,
            voided_at: None,
            name: format!("Recurring credits of {}", share.package).into(),
            comment: None,
            metadata: Metadata::new(),
            cost: None,
            this_month: None,
            source: Some(Shared::from(RecurringSource {
                subscription: terms.number,
                package: share.package.clone(),
                version: share.version,
                unit_amount: share.unit_amount,
                quantity: share.quantity,
                units: share.units,
                whole,
                behavior: share.behavior,
                anchor: terms.anchor.clone(),
                epoch: terms.epoch,
                cadence: share.cadence,
                k: period.k,
                part,
            })),
        }
    }
}
