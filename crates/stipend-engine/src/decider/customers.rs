//! Deciding commands to customers, after what is due for them.

use super::{Decider, Done};
use crate::account::Account;
use crate::actor::Actor;
use crate::batch::{Folding, Open};
use crate::command::{Answer, Refusal, Reply};
use crate::key::ReservationPlace;
use crate::limits::{COMMAND_INSTANTS_MAX, SLOT_FIRST};
use stipend_core::catalog::{CatalogCommand, PackageKey};
use stipend_core::customer::{
    self, CustomerCommand, Decision, Entry, NewCustomer, SubscriptionCommand, roll_forward,
};
use stipend_core::{Customer, CustomerId, EnvId, GrantNo, Slot, SubscriptionId, SubscriptionNo};

impl Decider {
    pub(super) fn create_customer(
        &mut self,
        open: &mut Open,
        env: EnvId,
        new: NewCustomer,
    ) -> Result<Done, Refusal> {
        if self.working.find_customer(env, &new.id).is_some() {
            return Err(Refusal::AlreadyExists(new.id.to_string()));
        }
        let slot = self.next_slot.max(SLOT_FIRST);
        self.next_slot = slot + 1;
        let now = self.now_in(env);
        let profile = new.into_profile(env, now);
        let account = Account::new(Customer::new(Slot(slot), profile.clone()));
        self.working.insert_account(slot, account);
        let folding = Folding { slot, at: now, key: None };
        self.fold(open, folding, &Entry::Profile(profile));
        Ok(Done { slot: Some(slot), ..Done::default() })
    }

    fn find_subscription(
        &self,
        env: EnvId,
        id: &SubscriptionId,
    ) -> Result<(u32, SubscriptionNo), Refusal> {
        let missing = || Refusal::SubscriptionNotFound(id.clone());
        let found = self.working.find_subscription(env, id);
        let slot = found.ok_or_else(missing)?;
        let account = self.working.account(slot).ok_or_else(missing)?;
        let subscriptions = &account.customer.subscriptions;
        let subscription = subscriptions.iter().find(|found| found.terms.id == *id);
        Ok((slot, subscription.ok_or_else(missing)?.terms.number))
    }

    /// Does a command to the customer with that id.
    pub(super) fn change_by_id(
        &mut self,
        open: &mut Open,
        env: EnvId,
        id: CustomerId,
        command: &CustomerCommand,
    ) -> Result<Done, Refusal> {
        let found = self.working.find_customer(env, &id);
        let slot = found.ok_or(Refusal::CustomerNotFound(id))?;
        if let CustomerCommand::Provision(request) = command
            && let Some(payer) = &request.paying_customer
        {
            self.check_payer(env, payer)?;
        }
        self.change_customer(open, env, slot, command)
    }

    /// Does a command to the subscription with that id.
    pub(super) fn change_subscription(
        &mut self,
        open: &mut Open,
        env: EnvId,
        id: &SubscriptionId,
        command: SubscriptionCommand,
    ) -> Result<Done, Refusal> {
        let (slot, number) = self.find_subscription(env, id)?;
        if let SubscriptionCommand::Delegate(to) = &command {
            self.check_payer(env, to)?;
        }
        let command = CustomerCommand::Subscription(number, command);
        self.change_customer(open, env, slot, &command)
    }

    /// Who is to pay for a subscription is there and not archived; the core sees one customer only.
    fn check_payer(&self, env: EnvId, payer: &CustomerId) -> Result<(), Refusal> {
        let missing = || Refusal::CustomerNotFound(payer.clone());
        let slot = self.working.find_customer(env, payer).ok_or_else(missing)?;
        let account = self.working.account(slot).ok_or_else(missing)?;
        Ok(account.customer.check_payer()?)
    }

    /// Does what is due, then the command; what is due stays done where the command is refused.
    pub(super) fn change_customer(
        &mut self,
        open: &mut Open,
        env: EnvId,
        slot: u32,
        command: &CustomerCommand,
    ) -> Result<Done, Refusal> {
        self.roll(open, env, slot)?;
        let now = self.now_in(env);
        let realm = self.working.realm();
        let account = self.working.account(slot).expect("names lead to customers");
        let known = self.as_known(&account.customer, command);
        let command = known.as_ref().unwrap_or(command);
        let decision = customer::decide(&account.customer, realm.catalog(env), command, now)?;
        self.check_new_subscription(env, slot, &decision)?;
        let Decision { entries, subscription, grant, hold, missing_dimensions: _ } = decision;
        let mut seq = None;
        for entry in &entries {
            seq = Some(self.fold(open, Folding { slot, at: now, key: None }, entry));
            self.note_subscribed(open, env, entry);
        }
        Ok(Done { slot: Some(slot), subscription, grant, hold, seq, ..Done::default() })
    }

    /// The command to a reservation that is no longer open, which says that there was one: the
    /// core forgets it with its end, its key is remembered.
    fn as_known(&self, customer: &Customer, command: &CustomerCommand) -> Option<CustomerCommand> {
        let mut known = match command {
            CustomerCommand::Release(request) if !request.is_known => command.clone(),
            CustomerCommand::Extend(request) if !request.is_known => command.clone(),
            _ => return None,
        };
        let (currency, resource, id, is_known) = match &mut known {
            CustomerCommand::Release(request) => {
                (&request.currency, &request.resource, &request.id, &mut request.is_known)
            }
            CustomerCommand::Extend(request) => {
                (&request.currency, &request.resource, &request.id, &mut request.is_known)
            }
            _ => return None,
        };
        let pool = customer.find_pool(currency, resource.as_ref());
        if pool.is_some_and(|pool| pool.find_hold(id).is_some()) {
            return None;
        }
        let (env, resource) = (customer.profile.env, resource.as_ref());
        let customer = customer.profile.id.as_str();
        let place = ReservationPlace { env, customer, currency, resource, id };
        *is_known = self.keys.knows(&place.scope());
        Some(known)
    }

    /// Ids of subscriptions are unique in their environment; the core sees one customer only.
    fn check_new_subscription(
        &self,
        env: EnvId,
        slot: u32,
        decision: &Decision,
    ) -> Result<(), Refusal> {
        let account = self.working.account(slot).expect("names lead to customers");
        for entry in &decision.entries {
            let Entry::Subscription(terms) = entry else { continue };
            let is_new = account.customer.subscription(terms.number).is_none();
            if is_new && self.working.find_subscription(env, &terms.id).is_some() {
                return Err(Refusal::AlreadyExists(terms.id.to_string()));
            }
        }
        Ok(())
    }

    fn note_subscribed(&mut self, open: &mut Open, env: EnvId, entry: &Entry) {
        let Entry::Subscription(terms) = entry else { return };
        let plan = std::iter::once((&terms.plan.plan, terms.plan.version));
        let ancestors = terms.plan.ancestors.iter().map(|(id, version)| (id, *version));
        let plans =
            plan.chain(ancestors).map(|(id, version)| (PackageKey::plan(id.clone()), version));
        let addons =
            terms.addons.iter().map(|pin| (PackageKey::addon(pin.addon.clone()), pin.version));
        let command = CatalogCommand::NoteSubscribed {
            product: terms.product.clone(),
            versions: plans.chain(addons).collect(),
        };
        self.change_catalog(open, env, &command).expect("a note is never refused");
    }

    pub(super) fn void_grant(
        &mut self,
        open: &mut Open,
        env: EnvId,
        slot: Slot,
        no: GrantNo,
    ) -> Result<Done, Refusal> {
        let account = self.working.account(slot.0).ok_or(Refusal::GrantNotFound)?;
        if account.customer.profile.env != env {
            return Err(Refusal::GrantNotFound);
        }
        self.roll(open, env, slot.0)?;
        let account = self.working.account(slot.0).expect("it was just there");
        let pools = &account.customer.pools;
        let holds = |pool: &&customer::Pool| {
            let is_overdraft = pool.overdraft.is_some_and(|overdraft| overdraft.no == no);
            pool.find_grant(no).is_some() || is_overdraft
        };
        let pool = pools.iter().find(holds).ok_or(Refusal::GrantNotFound)?.id;
        self.change_customer(open, env, slot.0, &CustomerCommand::VoidGrant(pool, no))
    }

    /// Does what is due for a customer, whichever environment it lives in.
    pub(super) fn catch_up(&mut self, open: &mut Open, slot: Slot) -> Answer {
        if let Some(account) = self.working.account(slot.0) {
            let env = account.customer.profile.env;
            self.roll(open, env, slot.0)?;
        }
        Ok(Reply::Done)
    }

    /// Does everything that is due for a customer of an environment, each at its own instant.
    /// Where that is much, a command has waited until it was done; the limit stands for what is
    /// decided without having waited.
    pub(super) fn roll(&mut self, open: &mut Open, env: EnvId, slot: u32) -> Result<(), Refusal> {
        for _ in 0..COMMAND_INSTANTS_MAX {
            if !self.roll_instant(open, env, slot) {
                return Ok(());
            }
        }
        if self.is_behind(env, slot) { Err(Refusal::Overloaded) } else { Ok(()) }
    }

    /// Does what is due for a customer at the next instant; answers whether there was any. Who
    /// asks knows the environment: the customer's profile is not looked at before there is.
    pub(super) fn roll_instant(&mut self, open: &mut Open, env: EnvId, slot: u32) -> bool {
        let Some(account) = self.working.account(slot) else { return false };
        let Some(due) = account.customer.next_due else { return false };
        if due > self.now_in(env) {
            return false;
        }
        assert_eq!(account.customer.profile.env, env, "a slot belongs to one environment");
        let entries = roll_forward(&account.customer, self.working.realm().catalog(env), due);
        // Time does it, whoever has the command done before which it is done.
        let by = std::mem::replace(&mut open.by, Actor::System);
        for entry in &entries {
            self.fold(open, Folding { slot, at: due, key: None }, entry);
            self.note_subscribed(open, env, entry);
        }
        open.by = by;
        true
    }
}
