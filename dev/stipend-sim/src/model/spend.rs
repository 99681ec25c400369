//! What the model does with credits: grants by hand, consumption and overdraft.

use super::{Bucket, Gift, Model, NEVER};
use crate::story::Deed;

impl Model {
    pub(super) fn grant(&mut self, deed: &Deed) {
        let Deed::Grant { promotional, amount, priority, from, until, .. } = deed else { return };
        let gift = Gift {
            priority: *priority,
            until: until.map_or(NEVER, stipend_core::Timestamp::micros),
            is_paid: !promotional,
            from: from.map_or(self.now, stipend_core::Timestamp::micros),
            number: self.made,
            amount: *amount,
            consumed: 0,
        };
        self.made += 1;
        let list = if gift.from > self.now { &mut self.coming } else { &mut self.gifts };
        list.push(gift);
        list.sort();
    }

    /// Credits that are new pay the overdraft first; while there is one, nothing else is left.
    pub(super) fn settle(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            let paid = self.overdraft.min(bucket.left());
            bucket.consumed += paid;
            self.overdraft -= paid;
        }
        let mut by_making: Vec<&mut Gift> = self.gifts.iter_mut().collect();
        by_making.sort_by_key(|gift| gift.number);
        for gift in by_making {
            let paid = self.overdraft.min(gift.amount - gift.consumed);
            gift.consumed += paid;
            self.overdraft -= paid;
        }
    }

    /// Takes from what burns first; the bucket has priority 50, is no gift, and ends with its
    /// period.
    pub(super) fn draw(&mut self, amount: i128) {
        let mut rest = amount;
        let place = self.bucket.as_ref().map(|bucket| (50, bucket.expires, true));
        let mut drawn_bucket = false;
        for gift in &mut self.gifts {
            let is_before =
                place.is_none_or(|place| (gift.priority, gift.until, gift.is_paid) < place);
            if !is_before && !drawn_bucket {
                drawn_bucket = true;
                rest -= take(&mut self.bucket, rest);
            }
            let taken = rest.min(gift.amount - gift.consumed);
            gift.consumed += taken;
            rest -= taken;
        }
        if !drawn_bucket {
            rest -= take(&mut self.bucket, rest);
        }
        self.overdraft += rest;
    }
}

fn take(bucket: &mut Option<Bucket>, amount: i128) -> i128 {
    let Some(bucket) = bucket else { return 0 };
    let taken = amount.min(bucket.left());
    bucket.consumed += taken;
    taken
}
