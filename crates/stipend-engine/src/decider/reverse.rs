//! Deciding reversals.

use super::{Decider, ONCE_REVERSAL};
use crate::batch::{Folding, Open};
use crate::command::{Answer, Refusal, Reply};
use crate::reversal::Reversing;
use stipend_core::EnvId;
use stipend_core::customer::{self, CustomerCommand};

impl Decider {
    /// Reverses a consumption, provided that nothing has happened to the life of its pool but
    /// what was read for it; the answer stands at the position of the reversal's row.
    pub(super) fn reverse(&mut self, open: &mut Open, env: EnvId, reversing: Reversing) -> Answer {
        let Reversing { slot, request, seen } = reversing;
        self.roll(open, env, slot.0)?;
        let account = self.working.account(slot.0).expect("what was consumed has a customer");
        let chain = &account.chains[usize::from(request.consumed.pool.number())];
        if chain.life != seen {
            return Err(Refusal::Moved);
        }
        let of = request.of;
        let (now, realm) = (self.now_in(env), self.working.realm());
        let command = CustomerCommand::Reverse(Box::new(request));
        let decision = customer::decide(&account.customer, realm.catalog(env), &command, now)?;
        let mut last = 0;
        for entry in &decision.entries {
            let folding = Folding { slot: slot.0, at: now, key: None };
            last = open.fold(&mut self.working, &mut self.flusher, folding, entry);
        }
        // By the consumption, so that its reversal is found for ever.
        open.keep_once(0, ONCE_REVERSAL, &of.to_le_bytes());
        Ok(Reply::Stored(last))
    }
}
