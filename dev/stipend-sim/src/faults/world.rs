//! An engine over a store that fails on demand, and the steps of a life that can be asked for again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stipend_core::catalog::{
    Behavior, CatalogCommand, EntitlementPatch, Migration, NewEntitlement, PackageKey,
    PackagePatch, Target,
};
use stipend_core::customer::{
    Cause, ConsumeRequest, CustomerCommand, Entry, GrantKind, NewCustomer, ProvisionRequest,
    ReleaseRequest,
};
use stipend_core::{
    Amount, Cadence, CustomerId, EnvId, ReservationId, SubscriptionId, Timestamp, examples,
};
use stipend_engine::record::Record;
use stipend_engine::reversal::Reversible;
use stipend_engine::{
    Actor, Answer, ApiKey, Command, ConsumeItem, Consumed, Engine, Key, Operation, PRODUCTION,
    Refusal, Remember, Reply, Response, SANDBOX_NAME, Submission,
};
use stipend_store::memory::Control;
use stipend_store::{MemoryStore, Row, Store as _, StoreError};

use crate::engine::StoppedClock;

/// More turns than anything takes that the engine does by itself.
const TURNS_MAX: u32 = 100_000;

/// Customers of a life.
pub(super) const CUSTOMERS: u64 = 3;

/// Something that happens in a life; asked for again, it happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A customer consumes; the text is the key.
    Consume(u64, String, i64),
    /// A customer is given credits that stay; the text is the key.
    Grant(u64, String, i64),
    /// A customer reserves credits; the text is the id.
    Reserve(u64, String, i64),
    /// A reservation ends with so many of them consumed.
    Release(u64, String, i64),
    /// What was consumed with a key is given back.
    Reverse(u64, String, i64),
    /// A version of the plan with so many credits a month, for everybody.
    Publish(i64),
    /// The clock of the environment goes forward by so many days.
    Advance(i64),
    /// The process ends in order and starts.
    Restart,
    /// The process ends at once and starts.
    Crash,
}

impl Step {
    /// Whether it is written by one append, or not at all.
    pub(super) const fn is_one_append(&self) -> bool {
        matches!(self, Self::Consume(..) | Self::Grant(..) | Self::Reserve(..) | Self::Release(..))
    }
}

/// Why a step was not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Not now; nothing of it exists.
    Refused,
    /// The store cannot be read, or the engine does not start.
    Unread,
    /// The engine has stopped; what became of the step is unknown.
    Dead,
    /// Something that no failure of a store explains.
    Wrong(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Failed(_) => Self::Unread,
            other => Self::Wrong(format!("the store says: {other}")),
        }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unavailable => Self::Refused,
            Refusal::Failed => Self::Dead,
            other => Self::Wrong(format!("refused: {other}")),
        }
    }
}

/// Pool, number in it, instant, amount, balance afterwards, and what it says.
type PoolRow = (u64, u64, i64, i128, i128, Vec<u8>);

/// What a life has come to, without positions: those depend on how rows were batched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pools: BTreeSet<PoolRow>,
    plan: u32,
    now: Timestamp,
}

impl State {
    /// The last balance of each pool, by its number.
    pub(super) fn balances(&self) -> Vec<i128> {
        let last = self.pools.iter().zip(self.pools.iter().skip(1).map(Some).chain([None]));
        let is_last = last.filter(|(row, next)| next.is_none_or(|next| next.0 != row.0));
        is_last.map(|(row, _)| row.4 / 1_000_000_000).collect()
    }
}

pub(super) struct World {
    store: MemoryStore,
    engine: Option<Engine>,
    /// The engine was told to stop.
    is_dead: Arc<AtomicBool>,
    env: EnvId,
    /// The instant that the clock was set to last.
    pub(super) now: Timestamp,
}

fn customer(number: u64) -> CustomerId {
    CustomerId::parse(&format!("c{number}")).expect("it is well formed")
}

fn plan() -> PackageKey {
    PackageKey::plan(examples::plan())
}

impl World {
    /// Customers with a subscription each, in a sandbox whose clock stands still.
    pub(super) fn new() -> Result<Self, Trouble> {
        let mut world = Self {
            store: MemoryStore::new(),
            engine: None,
            is_dead: Arc::default(),
            env: PRODUCTION,
            now: examples::START,
        };
        world.open()?;
        world.run(PRODUCTION, Command::OpenProduction(ApiKey::new("production")))?;
        world.run(PRODUCTION, Command::OpenSandbox(ApiKey::new("sandbox")))?;
        let environments = world.engine()?.environments();
        let sandbox = environments.into_iter().find(|found| found.name == SANDBOX_NAME);
        world.env = sandbox.ok_or_else(|| Trouble::Wrong("no sandbox".to_owned()))?.id;
        let env = world.env;
        world.run(env, Command::FreezeClock(examples::START))?;
        for command in examples::catalog_commands().into_iter().chain(plan_commands()) {
            world.run(env, Command::Catalog(command))?;
        }
        for number in 0..CUSTOMERS {
            let new = NewCustomer { id: customer(number), ..examples::new_customer() };
            world.run(env, Command::CreateCustomer(new))?;
            let id = SubscriptionId::parse(&format!("s{number}")).expect("it is well formed");
            let request = ProvisionRequest { id, ..examples::provision(Vec::new()) };
            let command = CustomerCommand::Provision(Box::new(request));
            world.run(env, Command::Customer(customer(number), command))?;
        }
        Ok(world)
    }

    pub(super) fn control(&self) -> Control {
        self.store.control()
    }

    fn engine(&self) -> Result<&Engine, Trouble> {
        self.engine.as_ref().ok_or(Trouble::Dead)
    }

    /// Starts an engine; there is none while it does not start.
    pub(super) fn open(&mut self) -> Result<(), Trouble> {
        self.engine = None;
        self.is_dead = Arc::default();
        let is_dead = Arc::clone(&self.is_dead);
        let fatal = Box::new(move |_: &StoreError| is_dead.store(true, Ordering::Release));
        let store = Box::new(self.store.reopen());
        self.engine = Some(Engine::start(store, Arc::new(StoppedClock), fatal)?);
        Ok(())
    }

    /// Starts an engine where none runs.
    pub(super) fn reopened(&mut self) -> Result<(), Trouble> {
        if self.engine.is_some() { Ok(()) } else { self.open() }
    }

    /// Ends the process at once: what is not durable is lost.
    pub(super) fn crash(&mut self) {
        // Opening the data again fences the running engine off.
        drop(self.store.reopen());
        self.engine = None;
    }

    fn run(&self, env: EnvId, command: Command) -> Result<Reply, Trouble> {
        Ok(self.engine()?.submitter().run(env, command)?)
    }

    /// Does a command that is remembered by a key.
    fn remembered(&self, command: Command, remember: Remember) -> Result<(), Trouble> {
        let response = || Response { status: 200, body: b"done".as_slice().into() };
        let submission = Submission {
            env: self.env,
            by: Actor::Host,
            command,
            remember: Some(remember),
            render: Some(Box::new(move |_| response())),
        };
        let answer: Answer = self.engine()?.submitter().submit_blocking(submission);
        match answer? {
            Reply::Response(found) | Reply::Replay(found) if found == response() => Ok(()),
            Reply::Stored(seq) => {
                self.engine()?.stored_answer(seq)?;
                Ok(())
            }
            other => Err(Trouble::Wrong(format!("answered: {other:?}"))),
        }
    }

    fn remembered_by(&self, command: Command, key: &str) -> Result<(), Trouble> {
        let key = Key::new(self.env, Operation::Request, &[key], b"the same");
        self.remembered(command, Remember::Key(key))
    }

    /// Does a step, or does it again.
    pub(super) fn attempt(&mut self, step: &Step) -> Result<(), Trouble> {
        match step {
            Step::Consume(who, key, credits) => self.consume(*who, key, *credits).map(drop),
            Step::Grant(who, key, credits) => {
                let new = examples::grant(GrantKind::Promotional, Amount::whole(*credits));
                let command = CustomerCommand::Grant(Box::new(new));
                self.remembered_by(Command::Customer(customer(*who), command), key)
            }
            Step::Reserve(who, id, credits) => {
                let request = examples::reservation(id, Amount::whole(*credits));
                let key = Key::of_reservation(self.env, customer(*who).as_str(), &request);
                let command = Command::Customer(customer(*who), CustomerCommand::Reserve(request));
                self.remembered(command, Remember::Reservation(key))
            }
            Step::Release(who, id, consumed) => {
                let request = ReleaseRequest {
                    currency: examples::credits(),
                    resource: None,
                    id: ReservationId::parse(id).expect("it is well formed"),
                    consumed: Amount::whole(*consumed),
                    is_known: false,
                };
                let key = Key::of_release(self.env, customer(*who).as_str(), &request);
                let command = Command::Customer(customer(*who), CustomerCommand::Release(request));
                self.remembered(command, Remember::Release(key))
            }
            Step::Reverse(who, key, credits) => self.reverse(*who, key, *credits),
            Step::Publish(credits) => self.publish(*credits),
            Step::Advance(days) => {
                let now = self.now.plus_seconds(days * 24 * 60 * 60);
                self.run(self.env, Command::FreezeClock(now))?;
                self.now = now;
                Ok(())
            }
            Step::Restart => {
                // Stops in order.
                self.engine = None;
                self.open()
            }
            Step::Crash => {
                self.crash();
                self.open()
            }
        }
    }

    /// Answers the position of the consumption.
    fn consume(&self, who: u64, key: &str, credits: i64) -> Result<u64, Trouble> {
        let request = examples::consumption(Amount::whole(credits));
        let request = ConsumeRequest { event_id: Some(key.to_owned()), ..request };
        let key = Key::of_consumption(self.env, customer(who).as_str(), &request, key);
        let item = ConsumeItem { customer: customer(who), request, key };
        let reply = self.run(self.env, Command::Consume(vec![item]))?;
        let Reply::Consumed(results) = reply else {
            return Err(Trouble::Wrong(format!("answered: {reply:?}")));
        };
        match results.as_slice() {
            [Consumed::Done { seq, .. }] => Ok(*seq),
            [Consumed::Stored(seq)] => {
                let (_, stored) = self.engine()?.stored_consumption(*seq)?;
                if stored.amount == Amount::whole(credits) {
                    return Ok(*seq);
                }
                Err(Trouble::Wrong(format!("{stored:?} is stored")))
            }
            other => Err(Trouble::Wrong(format!("answered: {other:?}"))),
        }
    }

    fn reverse(&self, who: u64, key: &str, credits: i64) -> Result<(), Trouble> {
        // A consumption that was done before: its answer tells where.
        let of = self.consume(who, key, credits)?;
        match self.engine()?.prepare_reversal(self.env, of, None, None)? {
            Reversible::Reversed(seq) => {
                self.engine()?.stored_reversal(seq)?;
                Ok(())
            }
            Reversible::Ready(ready) => self.run(self.env, Command::Reverse(ready)).map(drop),
            other => Err(Trouble::Wrong(format!("to reverse: {other:?}"))),
        }
    }

    fn publish(&self, credits: i64) -> Result<(), Trouble> {
        let target = Target::Credit(examples::credits());
        let amount = Some(Amount::whole(credits));
        let patch = EntitlementPatch { amount, ..EntitlementPatch::default() };
        let commands = [
            CatalogCommand::OpenDraft(plan()),
            CatalogCommand::UpdateEntitlement(plan(), target, patch),
            CatalogCommand::Publish(plan(), Migration::AllCustomers),
        ];
        for (part, command) in commands.into_iter().enumerate() {
            let key = format!("publish {credits} {part}");
            self.remembered_by(Command::Catalog(command), &key)?;
        }
        Ok(())
    }

    /// Waits until the engine has nothing more to do by itself: tasks, and what is due.
    pub(super) fn settle(&self) -> Result<(), Trouble> {
        for _ in 0..TURNS_MAX {
            if self.is_dead.load(Ordering::Acquire) {
                return Err(Trouble::Dead);
            }
            // It waits for the commit before, and lets what was refused begin anew.
            self.run(self.env, Command::CatchUpAll)?;
            if self.is_quiet()? {
                return Ok(());
            }
        }
        Err(Trouble::Wrong("what the engine does by itself does not end".to_owned()))
    }

    fn is_quiet(&self) -> Result<bool, Trouble> {
        let engine = self.engine()?;
        let now = engine.now(self.env);
        let is_behind = (0..CUSTOMERS).any(|number| {
            let found = engine.find_customer(self.env, &customer(number));
            found.is_some_and(|it| it.customer.next_due.is_some_and(|due| due <= now))
        });
        let mut tasks = (1..).map_while(|id| engine.task(self.env, id));
        Ok(!is_behind && tasks.all(|task| task.finished_at.is_some()))
    }

    /// What there is now, as it is stored and as it is published: they must agree.
    pub(super) fn state(&self) -> Result<State, Trouble> {
        let engine = self.engine()?;
        let rows = engine.reader().rows(1, usize::MAX)?;
        let pools = pools(&rows)?;
        let catalog = engine.catalog(self.env);
        let latest = catalog.packages.get(&plan()).and_then(|plan| plan.latest());
        let state = State {
            pools,
            plan: latest.map_or(0, |version| version.version),
            now: engine.now(self.env),
        };
        let published: Vec<i128> =
            (0..CUSTOMERS).filter_map(|number| self.balance(number)).collect();
        if state.balances() == published {
            return Ok(state);
        }
        let stored = state.balances();
        Err(Trouble::Wrong(format!("{published:?} is published and {stored:?} stored")))
    }

    fn balance(&self, number: u64) -> Option<i128> {
        let account = self.engine.as_ref()?.find_customer(self.env, &customer(number))?;
        let pool = account.customer.find_pool(&examples::credits(), None)?;
        Some(pool.balance().nano() / 1_000_000_000)
    }

    /// Ends in order, and audits the whole journal.
    pub(super) fn audit(&mut self) -> Result<(), Trouble> {
        self.engine = None;
        let reader = self.store.reopen().reader();
        let audit = stipend_engine::fsck::verify(reader.as_ref(), |_| {});
        audit.map(drop).map_err(|error| Trouble::Wrong(format!("fsck: {error}")))
    }
}

/// The rows of pools, with numbers in the pool in place of positions.
fn pools(rows: &[Row]) -> Result<BTreeSet<PoolRow>, StoreError> {
    let mut pools = BTreeSet::new();
    for row in rows.iter().filter(|row| row.pool_seq > 0) {
        let mut body = row.body.clone();
        if let Record::Customer(Entry::Pool(mut entry)) = Record::decode(row)?
            && let Cause::Reversal(reversal) = &mut entry.cause
        {
            let reversed = rows.iter().find(|row| row.seq == reversal.of);
            reversal.of = reversed.map_or(0, |row| row.pool_seq);
            body = format!("{entry:?}").into_bytes();
        }
        pools.insert((row.pool, row.pool_seq, row.at, row.amount, row.balance_after, body));
    }
    Ok(pools)
}

/// The plan of the example, published.
fn plan_commands() -> Vec<CatalogCommand> {
    let amount = Some(Amount::whole(50_000));
    let monthly = NewEntitlement {
        behavior: Behavior::Increment,
        ..examples::credit_entitlement(examples::credits(), amount, Cadence::Month)
    };
    let alone = PackagePatch { compatible_addons: Some(Some(Vec::new())), ..Default::default() };
    vec![
        CatalogCommand::CreatePackage(examples::new_package(plan())),
        CatalogCommand::AddEntitlements(plan(), vec![monthly]),
        CatalogCommand::UpdatePackage(plan(), Box::new(alone)),
        CatalogCommand::Publish(plan(), Migration::NewCustomers),
    ]
}
