//! The decider: one thread, one order. It decides commands on the working state and hands full
//! batches to the committer, deciding ahead while a commit is on its way.

mod consume;

use crate::batch::{Open, Sealed, Tip, Waiter};
use crate::clock::Clock;
use crate::command::{Answer, Command, Outcome, Refusal, Remember, Reply, Response, Submission};
use crate::committer::Committed;
use crate::flush::Flusher;
use crate::key::{Key, Keys, Known};
use crate::limits::SLOT_FIRST;
use crate::realm::{EnvChange, Environment, EnvironmentKind, PRODUCTION, RealmChange};
use crate::record::{KIND_REMEMBERED, Remembered};
use crate::working::Working;
use crossbeam_channel::{Receiver, Sender};
use std::sync::Arc;
use stipend_core::catalog::{self, Catalog, CatalogCommand, PackageKey};
use stipend_core::customer::{self, CustomerCommand, Decision, Entry, NewCustomer, roll_forward};
use stipend_core::{Customer, EnvId, GrantNo, Slot, SubscriptionId, SubscriptionNo, Timestamp};

/// A command with the one who waits for its answer.
pub(crate) type Request = (Submission, Waiter);

pub(crate) struct Decider {
    pub(crate) working: Working,
    pub(crate) keys: Keys<Reply>,
    pub(crate) flusher: Flusher,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tip: Tip,
    pub(crate) now: Timestamp,
    pub(crate) next_slot: u32,
    pub(crate) requests: Receiver<Request>,
    /// Closed when the engine is to stop.
    pub(crate) stop: Receiver<()>,
    pub(crate) sealed: Sender<Sealed>,
    pub(crate) committed: Receiver<Committed>,
}

/// What a decided command did to one customer or catalog.
#[derive(Default)]
struct Done {
    slot: Option<u32>,
    subscription: Option<SubscriptionNo>,
    grant: Option<(stipend_core::PoolId, GrantNo)>,
}

impl Decider {
    /// Runs until the engine is stopped and all that was decided is committed, or the store has
    /// failed.
    pub(crate) fn run(&mut self) {
        let mut open = Open::new(self.tip, self.now);
        let mut in_flight = false;
        let mut is_open = true;
        loop {
            if !in_flight && !open.is_empty() {
                let next = open.seal(&self.working, &mut self.flusher);
                self.tip.last = next.publication.last;
                self.tip.hash = next.hash;
                self.tip.number += u64::from(!next.batch.rows.is_empty());
                if self.sealed.send(next).is_err() {
                    return;
                }
                in_flight = true;
                open = Open::new(self.tip, self.now);
            }
            if !is_open && !in_flight {
                return;
            }
            let has_room = open.has_room();
            let (never, no_stop) = (crossbeam_channel::never(), crossbeam_channel::never());
            let requests = if is_open && has_room { &self.requests } else { &never };
            let stop = if is_open && has_room { &self.stop } else { &no_stop };
            crossbeam_channel::select! {
                recv(self.committed) -> committed => {
                    let Ok(committed) = committed else { return };
                    in_flight = false;
                    if !self.settle(committed) {
                        open = self.drop_undurable(open);
                    }
                }
                recv(requests) -> request => match request {
                    Ok(request) => self.take(&mut open, request),
                    Err(_) => is_open = false,
                },
                recv(stop) -> _ => match self.requests.try_recv() {
                    // What was submitted before the stop is still done.
                    Ok(request) => self.take(&mut open, request),
                    Err(_) => is_open = false,
                },
            }
        }
    }

    /// Refuses what was not decided and whatever still comes until the engine is stopped: nobody
    /// may wait for an answer that cannot come.
    pub(crate) fn refuse_the_rest(&self) {
        loop {
            crossbeam_channel::select! {
                recv(self.requests) -> request => match request {
                    Ok((_, waiter)) => drop(waiter.send(Err(Refusal::Failed))),
                    Err(_) => return,
                },
                recv(self.stop) -> _ => break,
            }
        }
        for (_, waiter) in self.requests.try_iter() {
            // Who no longer waits does not want to know.
            let _ = waiter.send(Err(Refusal::Failed));
        }
    }

    /// Decides a request and whatever waits behind it, as far as the batch has room.
    fn take(&mut self, open: &mut Open, first: Request) {
        let mut request = first;
        loop {
            let (submission, waiter) = request;
            self.now = self.now.max(self.clock.now());
            open.now = self.now;
            let answer = self.decide(open, submission);
            open.wait(waiter, answer);
            if !open.has_room() {
                return;
            }
            let Ok(next) = self.requests.try_recv() else { return };
            request = next;
        }
    }

    /// Takes note of a commit; answers whether it became durable.
    fn settle(&mut self, committed: Committed) -> bool {
        if let Committed::Durable { number, publication, keys } = committed {
            for (key, seq) in keys {
                self.keys.publish(key, number, seq, publication.now);
            }
            self.working.forget_published(
                &publication.accounts,
                publication.realm.as_ref(),
                &publication.customers,
                &publication.subscriptions,
            );
            return true;
        }
        if let Committed::Refused { tip, flushed } = committed {
            self.flusher.restore(&flushed, tip.last);
            self.tip = tip;
        }
        false
    }

    /// A refused commit takes everything with it that was decided on top of it.
    fn drop_undurable(&mut self, open: Open) -> Open {
        self.working.drop_all();
        self.keys.drop_pending();
        for (waiter, _) in open.into_waiters() {
            // Who no longer waits does not want to know.
            let _ = waiter.send(Err(Refusal::Unavailable));
        }
        Open::new(self.tip, self.now)
    }

    fn decide(&mut self, open: &mut Open, submission: Submission) -> Answer {
        let Submission { env, command, remember, render } = submission;
        if let Some(reply) = self.find_remembered(remember)? {
            return Ok(reply);
        }
        let done = match command {
            Command::Consume(items) => return self.consume(open, env, &items),
            Command::CatchUp(slot) => {
                self.roll(open, slot.0);
                return Ok(Reply::Done);
            }
            Command::OpenProduction(key) => {
                self.open_production(open, key);
                Done::default()
            }
            Command::Catalog(command) => {
                self.change_catalog(open, env, &command)?;
                Done::default()
            }
            Command::CreateCustomer(new) => self.create_customer(open, env, new)?,
            Command::Customer(id, command) => {
                let found = self.working.find_customer(&(env, id.clone()));
                let slot = found.ok_or(Refusal::CustomerNotFound(id))?;
                self.change_customer(open, env, slot, &command)?
            }
            Command::Subscription(id, command) => {
                let (slot, number) = self.find_subscription(env, &id)?;
                let command = CustomerCommand::Subscription(number, command);
                self.change_customer(open, env, slot, &command)?
            }
            Command::VoidGrant(slot, no) => self.void_grant(open, env, slot, no)?,
        };
        let Some(render) = render else { return Ok(Reply::Done) };
        let realm = self.working.realm();
        let account = done.slot.and_then(|slot| self.working.account(slot));
        let outcome = Outcome {
            now: self.now,
            env,
            catalog: realm.catalog(env),
            account: account.as_deref(),
            subscription: done.subscription,
            grant: done.grant,
        };
        let response = render(&outcome);
        self.remember(open, remember, &response);
        Ok(Reply::Response(response))
    }

    fn find_remembered(&self, remember: Option<Remember>) -> Result<Option<Reply>, Refusal> {
        let key = match remember {
            None | Some(Remember::Content { is_retry: false, .. }) => return Ok(None),
            Some(remember) => remember.key(),
        };
        match self.keys.look_up(key, self.now) {
            Known::New => Ok(None),
            Known::Reused => Err(Refusal::KeyReused),
            Known::Durable(seq) => Ok(Some(Reply::Stored(seq))),
            Known::Pending(Reply::Response(response)) => Ok(Some(Reply::Replay(response))),
            Known::Pending(reply) => Ok(Some(reply)),
        }
    }

    fn remember(&mut self, open: &mut Open, remember: Option<Remember>, response: &Response) {
        let Some(remember) = remember else { return };
        let key = remember.key();
        let row = Remembered { status: response.status, body: response.body.to_vec() };
        open.remember(key, KIND_REMEMBERED, &row);
        if matches!(remember, Remember::Key(_)) {
            open.keep_once(0, ONCE_REQUEST, &key.to_bytes());
        }
        self.keys.decide(key, open.number(), Reply::Response(response.clone()));
    }

    fn open_production(&mut self, open: &mut Open, key: crate::realm::ApiKey) {
        let realm = self.working.realm();
        if !realm.environments.contains_key(&PRODUCTION) {
            let environment = Environment {
                id: PRODUCTION,
                name: "production".to_owned(),
                kind: EnvironmentKind::Production,
                created_at: self.now,
                catalog: Arc::new(Catalog::default()),
            };
            let change = RealmChange::Environment(environment);
            open.fold_realm(&mut self.working, &mut self.flusher, &change);
        }
        if !realm.keys.contains_key(&key.digest) {
            let key = crate::realm::ApiKey { created_at: self.now, ..key };
            open.fold_realm(&mut self.working, &mut self.flusher, &RealmChange::ApiKey(key));
        }
    }

    fn change_catalog(
        &mut self,
        open: &mut Open,
        env: EnvId,
        command: &CatalogCommand,
    ) -> Result<(), Refusal> {
        let realm = self.working.realm();
        let changes = catalog::decide(realm.catalog(env), command, self.now)?;
        drop(realm);
        for change in changes {
            let change = RealmChange::Catalog(Box::new(EnvChange { env, change }));
            open.fold_realm(&mut self.working, &mut self.flusher, &change);
        }
        Ok(())
    }

    fn create_customer(
        &mut self,
        open: &mut Open,
        env: EnvId,
        new: NewCustomer,
    ) -> Result<Done, Refusal> {
        if self.working.find_customer(&(env, new.id.clone())).is_some() {
            return Err(Refusal::AlreadyExists(new.id.to_string()));
        }
        let slot = self.next_slot.max(SLOT_FIRST);
        self.next_slot = slot + 1;
        let profile = new.into_profile(env, self.now);
        let account = crate::account::Account::new(Customer::new(Slot(slot), profile.clone()));
        self.working.insert_account(slot, account);
        self.fold(open, slot, &Entry::Profile(profile), None);
        Ok(Done { slot: Some(slot), ..Done::default() })
    }

    fn find_subscription(
        &self,
        env: EnvId,
        id: &SubscriptionId,
    ) -> Result<(u32, SubscriptionNo), Refusal> {
        let missing = || Refusal::SubscriptionNotFound(id.clone());
        let found = self.working.find_subscription(&(env, id.clone()));
        let slot = found.ok_or_else(missing)?;
        let account = self.working.account(slot).ok_or_else(missing)?;
        let subscriptions = &account.customer.subscriptions;
        let subscription = subscriptions.iter().find(|found| found.terms.id == *id);
        Ok((slot, subscription.ok_or_else(missing)?.terms.number))
    }

    /// Does what is due, then the command; what is due stays done where the command is refused.
    fn change_customer(
        &mut self,
        open: &mut Open,
        env: EnvId,
        slot: u32,
        command: &CustomerCommand,
    ) -> Result<Done, Refusal> {
        self.roll(open, slot);
        let realm = self.working.realm();
        let account = self.working.account(slot).expect("names lead to customers");
        let decision = customer::decide(&account.customer, realm.catalog(env), command, self.now)?;
        drop(account);
        self.check_new_subscription(env, slot, &decision)?;
        let Decision { entries, subscription, grant } = decision;
        for entry in &entries {
            self.fold(open, slot, entry, None);
            self.note_subscribed(open, env, entry);
        }
        Ok(Done { slot: Some(slot), subscription, grant })
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
            let name = (env, terms.id.clone());
            if is_new && self.working.find_subscription(&name).is_some() {
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

    fn void_grant(
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
        self.roll(open, slot.0);
        let account = self.working.account(slot.0).expect("it was just there");
        let pools = &account.customer.pools;
        let holds = |pool: &&customer::Pool| {
            let is_overdraft = pool.overdraft.is_some_and(|overdraft| overdraft.no == no);
            pool.find_grant(no).is_some() || is_overdraft
        };
        let pool = pools.iter().find(holds).ok_or(Refusal::GrantNotFound)?.id;
        drop(account);
        self.change_customer(open, env, slot.0, &CustomerCommand::VoidGrant(pool, no))
    }

    fn fold(&mut self, open: &mut Open, slot: u32, entry: &Entry, key: Option<Key>) {
        open.fold(&mut self.working, &mut self.flusher, slot, entry, key);
    }

    /// Does everything that is due for a customer, each at its own instant.
    fn roll(&mut self, open: &mut Open, slot: u32) {
        let Some(account) = self.working.account(slot) else { return };
        if account.customer.next_due.is_none_or(|due| due > self.now) {
            return;
        }
        let realm = self.working.realm();
        let env = account.customer.profile.env;
        let entries = roll_forward(&account.customer, realm.catalog(env), self.now);
        drop(account);
        for entry in &entries {
            self.fold(open, slot, entry, None);
        }
    }
}

/// The scope of remembered requests among the business keys.
pub(crate) const ONCE_REQUEST: u16 = 1;
