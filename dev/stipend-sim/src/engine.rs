//! The whole engine as the subject: a journal in memory whose appends are refused, and crashes.
//!
//! The customer lives in a sandbox, whose clock is frozen and advanced: the answer comes when all
//! that is due is done, so a step has one outcome whatever the threads do.

use crate::prng::Prng;
use crate::shop::Shop;
use crate::story::Deed;
use crate::subject::{Faults, Subject, command};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use stipend_core::customer::{CustomerRejection, Entry};
use stipend_core::{Customer, CustomerId, EnvId, Timestamp, examples};
use stipend_engine::record::Record;
use stipend_engine::{
    Alarm, ApiKey, Clock, Command, Engine, PRODUCTION, Refusal, SANDBOX_NAME, fsck,
};
use stipend_store::memory::{Fault, FaultKind};
use stipend_store::{MemoryStore, Store as _};

/// A wall clock that stands still: the sandbox has its own.
#[derive(Debug)]
pub(crate) struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        examples::START
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn alarm(&self, _: Timestamp) -> Alarm {
        Alarm::never()
    }
}

const ROWS_AT_ONCE: usize = 100;

/// An engine with one customer.
pub struct Whole {
    shop: Shop,
    store: MemoryStore,
    engine: Option<Engine>,
    env: EnvId,
    id: CustomerId,
    now: Timestamp,
    prng: Prng,
    faults: Faults,
    /// How far the journal has been read.
    read: u64,
}

impl Whole {
    /// An engine with a shop and a customer, at an instant.
    ///
    /// # Errors
    /// What could not be set up.
    pub fn new(shop: &Shop, prng: Prng, now: Timestamp) -> Result<Self, String> {
        let id = examples::customer().profile.id.clone();
        let store = MemoryStore::new();
        let mut whole = Self {
            shop: shop.clone(),
            store,
            engine: None,
            env: PRODUCTION,
            id,
            now,
            prng,
            faults: Faults::default(),
            read: 0,
        };
        whole.open()?;
        whole.run(PRODUCTION, || Command::OpenProduction(ApiKey::new("production")))?;
        whole.run(PRODUCTION, || Command::OpenSandbox(ApiKey::new("sandbox")))?;
        let environments = whole.engine().environments();
        let sandbox = environments.into_iter().find(|found| found.name == SANDBOX_NAME);
        whole.env = sandbox.ok_or("there is no sandbox")?.id;
        let env = whole.env;
        whole.run(env, || Command::FreezeClock(now))?;
        for command in examples::catalog_commands().into_iter().chain(shop.commands()) {
            whole.run(env, || Command::Catalog(command.clone()))?;
        }
        whole.run(env, || Command::CreateCustomer(examples::new_customer()))?;
        Ok(whole)
    }

    fn open(&mut self) -> Result<(), String> {
        let store = Box::new(self.store.reopen());
        let engine = Engine::start(store, Arc::new(StoppedClock), Box::new(|_| {}));
        self.engine = Some(engine.map_err(|error| format!("it does not start: {error}"))?);
        Ok(())
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it runs between crashes")
    }

    /// What the journal says of the customer since it was read last.
    fn entries(&mut self) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        let reader = Arc::clone(self.engine().shared_reader());
        let told = |error: stipend_store::StoreError| error.to_string();
        loop {
            let rows = reader.rows(self.read + 1, ROWS_AT_ONCE).map_err(told)?;
            let Some(last) = rows.last() else { return Ok(entries) };
            self.read = last.seq;
            for row in &rows {
                if let Record::Customer(entry) = Record::decode(row).map_err(told)? {
                    entries.push(entry);
                }
            }
        }
    }

    /// Does a command; while the store refuses to write, again. Says whether there were credits
    /// for it.
    fn run(&mut self, env: EnvId, command: impl Fn() -> Command) -> Result<bool, String> {
        loop {
            match self.engine().submitter().run(env, command()) {
                Ok(_) => return Ok(true),
                Err(Refusal::Customer(CustomerRejection::InsufficientCredits { .. })) => {
                    return Ok(false);
                }
                Err(Refusal::Unavailable) => {
                    self.faults.refused += 1;
                    self.store.control().heal();
                }
                Err(refusal) => return Err(format!("refused: {refusal}")),
            }
        }
    }

    /// Lets something go wrong before a step, now and then.
    fn disturb(&mut self) -> Result<(), String> {
        if self.prng.chance(5) {
            // Opening the data again fences the running engine off, as a crash would.
            drop(self.store.reopen());
            self.engine = None;
            self.faults.crashes += 1;
            self.open()?;
        }
        if self.prng.chance(5) {
            let after = self.prng.below(3);
            let fault = Fault { after, ..Fault::next_append(FaultKind::Unavailable) };
            self.store.control().fail(fault);
        }
        Ok(())
    }
}

impl Subject for Whole {
    fn advance(&mut self, now: Timestamp) -> Result<Vec<Entry>, String> {
        self.disturb()?;
        let env = self.env;
        self.run(env, || Command::FreezeClock(now))?;
        self.now = now;
        self.entries()
    }

    fn act(&mut self, _: Timestamp, deed: &Deed) -> Result<Option<Vec<Entry>>, String> {
        self.disturb()?;
        let (env, id) = (self.env, self.id.clone());
        if let Deed::Publish { id, credits, .. } = deed {
            for command in self.shop.publication(id, *credits) {
                self.run(env, || Command::Catalog(command.clone()))?;
            }
        }
        let catalog = self.engine().catalog(env);
        let Some(command) = command(deed, &self.shop, &catalog, &self.customer()) else {
            return self.entries().map(Some);
        };
        let is_done = self.run(env, || Command::Customer(id.clone(), command.clone()))?;
        let entries = self.entries()?;
        Ok(is_done.then_some(entries))
    }

    fn customer(&self) -> Cow<'_, Customer> {
        let found = self.engine().find_current(self.env, &self.id, self.now);
        let found = found.expect("little is due").expect("the customer was made");
        Cow::Owned(found.customer.clone())
    }

    fn finish(&mut self) -> Result<Faults, String> {
        self.store.control().heal();
        self.engine = None;
        let reader = self.store.reopen().reader();
        let audit = fsck::verify(reader.as_ref(), |_| {});
        audit.map_err(|error| format!("fsck: {error}"))?;
        Ok(self.faults)
    }
}
