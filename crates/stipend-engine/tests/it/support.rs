//! What the tests share: a clock that is set by hand, and an engine on a store that survives it.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use stipend_core::catalog::{
    Behavior, CatalogCommand, Extras, Metadata, Migration, NewEntitlement, NewProduct, PackageKey,
    PackagePatch,
};
use stipend_core::customer::{
    CancelTime, ConsumeRequest, CustomerCommand, GrantKind, NewCustomer, NewGrant,
    ProvisionRequest, SubscriptionCommand, SubscriptionPatch,
};
use stipend_core::{
    Amount, Cadence, CurrencyId, CustomerId, EnvId, PackageId, Slot, SubscriptionId, Timestamp,
    examples,
};
use stipend_engine::fsck::{self, Audit};
use stipend_engine::limits::AHEAD_COMMANDS_MAX;
use stipend_engine::record::KIND_HEADER;
use stipend_engine::{
    Actor, Alarm, Answer, ApiKey, Clock, Command, ConsumeItem, Consumed, Engine, Key, Options,
    PRODUCTION, Refusal, Remember, Render, Reply, Response, Rest, Ring, StartError, Submission,
};
use stipend_store::memory::Control;
use stipend_store::{MemoryStore, Row, Seq};
use tokio::sync::oneshot;

/// The answer to a command that was submitted and not waited for.
pub(crate) type Waiting = oneshot::Receiver<Answer>;

/// The customer of the worked example.
pub(crate) const ACME: &str = "acme";

/// The logical content of a row: pool, number, instant, kind, amount, balance, entry.
pub(crate) type PoolRow = (u64, u64, i64, u16, i128, i128, Vec<u8>);

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct ManualClock(Mutex<Hands>);

#[derive(Debug)]
struct Hands {
    wall: Timestamp,
    passed: Duration,
    /// How far the clock was moved aloud.
    heard: Timestamp,
    rings: Vec<Ring>,
}

impl ManualClock {
    pub(crate) fn at(instant: Timestamp) -> Arc<Self> {
        let (passed, rings) = (Duration::ZERO, Vec::new());
        Arc::new(Self(Mutex::new(Hands { wall: instant, passed, heard: instant, rings })))
    }

    fn hands(&self) -> std::sync::MutexGuard<'_, Hands> {
        self.0.lock().expect("nobody panics with it")
    }

    /// Sets the clock in silence: time has passed, and no alarm rings. The engine notices with
    /// the next command.
    pub(crate) fn set(&self, instant: Timestamp) {
        let mut hands = self.hands();
        let micros = instant.micros() - hands.wall.micros();
        hands.passed += Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        hands.wall = instant;
    }

    /// Lets time pass until the instant; alarms ring.
    pub(crate) fn advance_to(&self, instant: Timestamp) {
        self.set(instant);
        self.ring();
    }

    /// Sets the wall clock without any time passing; alarms ring.
    pub(crate) fn jump_to(&self, instant: Timestamp) {
        self.hands().wall = instant;
        self.ring();
    }

    fn ring(&self) {
        let mut hands = self.hands();
        hands.heard = hands.wall;
        hands.rings.clear();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.hands().wall
    }

    fn monotonic(&self) -> Duration {
        self.hands().passed
    }

    fn alarm(&self, at: Timestamp) -> Alarm {
        let mut hands = self.hands();
        let (ring, alarm) = Alarm::with_ring();
        if hands.heard < at {
            hands.rings.push(ring);
        }
        alarm
    }
}

/// The generator splitmix64: small, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// An engine, the data it works on, and its clock.
pub(crate) struct Bench {
    store: MemoryStore,
    engine: Option<Engine>,
    pub(crate) clock: Arc<ManualClock>,
    /// When customers are packed, from the next start on.
    pub(crate) rest: Rest,
    fatal: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    /// An engine with the production environment and nothing in it.
    pub(crate) fn empty() -> Self {
        let mut bench = Self {
            store: MemoryStore::new(),
            engine: None,
            clock: ManualClock::at(examples::START),
            rest: Rest::default(),
            fatal: Arc::default(),
        };
        bench.open();
        bench.done(Command::OpenProduction(ApiKey::new("key")));
        bench
    }

    /// The worked example: the catalog, and `acme` with 80,000 credits a month.
    pub(crate) fn seeded() -> Self {
        let bench = Self::with_catalog();
        bench.create_customer(ACME);
        bench.subscribe(ACME, "sub-1", 3);
        bench
    }

    /// The catalog of the worked example.
    pub(crate) fn with_catalog() -> Self {
        let bench = Self::empty();
        for command in catalog_commands() {
            bench.done(Command::Catalog(command));
        }
        bench
    }

    /// Stops in order and starts again with options.
    pub(crate) fn restart_with(&mut self, options: &Options) -> Result<(), StartError> {
        self.engine = None;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let store = Box::new(self.store.reopen());
        self.engine = Some(Engine::start_with(store, clock, Box::new(|_| {}), options)?);
        Ok(())
    }

    fn open(&mut self) {
        self.fatal = Arc::default();
        let fatal = Arc::clone(&self.fatal);
        let on_fatal = move |error: &stipend_store::StoreError| {
            fatal.lock().expect("nobody panics with it").push(error.to_string());
        };
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let store = Box::new(self.store.reopen());
        let options = Options { rest: self.rest, ..Options::default() };
        let engine = Engine::start_with(store, clock, Box::new(on_fatal), &options);
        self.engine = Some(engine.expect("the data is sound"));
    }

    /// Ends the process at once: what is not durable is lost. The next engine finds a store
    /// that is neither paused nor failing.
    pub(crate) fn crash(&mut self) {
        // Opening the data again fences the running engine off before it can commit more.
        drop(self.store.reopen());
        self.engine = None;
        self.control().heal();
        self.control().release();
        self.open();
    }

    /// Stops in order and starts again.
    pub(crate) fn restart(&mut self) {
        self.engine = None;
        self.open();
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it is taken only while it is opened again")
    }

    pub(crate) fn control(&self) -> Control {
        self.store.control()
    }

    /// What the running engine was told to stop for.
    pub(crate) fn fatal_errors(&self) -> Vec<String> {
        self.fatal.lock().expect("nobody panics with it").clone()
    }

    pub(crate) fn submit(&self, command: Command) -> Waiting {
        self.submit_with(command, None, None)
    }

    pub(crate) fn submit_with(
        &self,
        command: Command,
        remember: Option<Remember>,
        render: Option<Render>,
    ) -> Waiting {
        let submission = Submission { env: PRODUCTION, by: Actor::Host, command, remember, render };
        let submitted = self.engine().submitter().submit(submission);
        submitted.expect("the queue has room")
    }

    pub(crate) fn submit_in(&self, env: EnvId, command: Command) -> Waiting {
        let submission = Submission { env, by: Actor::Host, command, remember: None, render: None };
        let submitted = self.engine().submitter().submit(submission);
        submitted.expect("the queue has room")
    }

    pub(crate) fn run_in(&self, env: EnvId, command: Command) -> Answer {
        self.engine().submitter().run(env, command)
    }

    /// Does a command in an environment that must not be refused.
    pub(crate) fn done_in(&self, env: EnvId, command: Command) -> Reply {
        self.run_in(env, command)
            .unwrap_or_else(|refusal| panic!("it must not be refused: {refusal:?}"))
    }

    /// Makes a sandbox environment with the catalog of the worked example.
    pub(crate) fn sandbox(&self) -> EnvId {
        self.done(Command::OpenSandbox(ApiKey::new("sandbox-key")));
        let env = self.engine().authenticate("sandbox-key").expect("it was just made").env;
        for command in catalog_commands() {
            self.done_in(env, Command::Catalog(command));
        }
        env
    }

    /// Makes customers `c0`, `c1`, … with a subscription each.
    pub(crate) fn populate(&self, env: EnvId, count: usize) {
        let name = |n: usize| format!("c{n}");
        let creations: Vec<_> = (0..count)
            .map(|n| self.submit_in(env, Command::CreateCustomer(new_customer(&name(n)))))
            .collect();
        let subscriptions: Vec<_> = (0..count)
            .map(|n| self.submit_in(env, provision(&name(n), &format!("s{n}"), 1)))
            .collect();
        for waiting in creations.into_iter().chain(subscriptions) {
            outcome(waiting).expect("the ids are new");
        }
    }

    /// Whether something that is due has not been done durably, for each customer of an
    /// environment.
    fn are_behind(&self, env: EnvId) -> impl Iterator<Item = bool> {
        let now = self.engine().now(env);
        let accounts = (64..).map_while(|slot| self.engine().account(Slot(slot)));
        let mine = accounts.filter(move |account| account.customer.profile.env == env);
        mine.map(move |account| account.customer.next_due.is_some_and(|due| due <= now))
    }

    /// For how many customers of an environment everything due was done durably.
    pub(crate) fn rolled_count(&self, env: EnvId) -> usize {
        self.are_behind(env).filter(|is_behind| !is_behind).count()
    }

    /// Waits until everything that is due was done durably.
    pub(crate) fn wait_until_rolled(&self, env: EnvId) {
        self.wait_for("everything due is done", |bench| {
            !bench.are_behind(env).any(|behind| behind)
        });
    }

    /// Waits until something has come about that the engine does by itself.
    pub(crate) fn wait_for(&self, what: &str, is_done: impl Fn(&Self) -> bool) {
        for _ in 0..2_000_000 {
            if is_done(self) {
                return;
            }
            std::thread::yield_now();
        }
        panic!("it never came about: {what}");
    }

    /// What the journal says of pools, whatever stands around it: sorted by pool and number.
    pub(crate) fn pool_rows(&self) -> Vec<PoolRow> {
        let rows = self.rows().into_iter().filter(|row| row.pool_seq > 0);
        let mut rows: Vec<PoolRow> = rows
            .map(|row| {
                let Row { pool, pool_seq, at, kind, amount, balance_after, body, .. } = row;
                (pool, pool_seq, at, kind, amount, balance_after, body)
            })
            .collect();
        rows.sort();
        rows
    }

    /// The rows of each batch.
    pub(crate) fn batch_sizes(&self) -> Vec<usize> {
        let rows = self.rows();
        let sizes = rows.split(|row| row.kind == KIND_HEADER);
        sizes.map(<[Row]>::len).collect()
    }

    pub(crate) fn run(&self, command: Command) -> Answer {
        self.engine().submitter().run(PRODUCTION, command)
    }

    /// Does a command that must not be refused.
    pub(crate) fn done(&self, command: Command) -> Reply {
        self.run(command).unwrap_or_else(|refusal| panic!("it must not be refused: {refusal:?}"))
    }

    /// Waits until the decider has taken everything that was submitted.
    ///
    /// While a commit is held, all of that lies in one open batch: the decider decides what it
    /// took before it looks at the commit again.
    pub(crate) fn let_queue_drain(&self) {
        while self.engine().queue_length() > 0 {
            std::thread::yield_now();
        }
    }

    /// Waits until everything that was submitted has been decided, into one batch of any size, while
    /// a commit is held. The decider takes a new group of requests when it has decided the last
    /// one, so a group that changes nothing shows that all before it is decided.
    pub(crate) fn let_queue_be_decided(&self) {
        for _ in 0..AHEAD_COMMANDS_MAX {
            drop(self.submit(Command::CatchUp(Slot(0))));
        }
        self.let_queue_drain();
    }

    /// Waits until an append is held. An engine that makes none is a failure, not a test that
    /// never ends.
    pub(crate) fn wait_until_held(&self) {
        let control = self.control();
        for _ in 0..20_000_000 {
            if control.held() > 0 {
                return;
            }
            std::thread::yield_now();
        }
        panic!("nothing was appended");
    }

    /// Waits until the decider knows what became of the last commit. Those who waited for it are
    /// told a moment before, and what they submit in that moment is decided on the state before.
    pub(crate) fn settle(&self) {
        let answer = self.run(Command::CatchUp(Slot(0)));
        assert!(matches!(answer, Ok(Reply::Done) | Err(Refusal::Unavailable)), "{answer:?}");
    }

    pub(crate) fn create_customer(&self, id: &str) {
        self.done(Command::CreateCustomer(new_customer(id)));
    }

    pub(crate) fn subscribe(&self, customer: &str, subscription: &str, units: u32) {
        self.done(provision(customer, subscription, units));
    }

    pub(crate) fn consume(&self, customer: &str, key: &str, credits: i64) -> Answer {
        self.run(consume(customer, key, credits))
    }

    /// The balance of the pool of API credits, as published.
    pub(crate) fn balance(&self, customer: &str) -> Amount {
        let account = self.engine().find_customer(PRODUCTION, &customer_id(customer));
        let account = account.expect("the customer exists");
        let pool = account.customer.find_pool(&examples::credits(), None);
        pool.map_or(Amount::ZERO, stipend_core::customer::Pool::balance)
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        self.engine().reader().rows(1, usize::MAX).expect("memory can be read")
    }

    /// The audit of a journal that must be sound and as long as the engine says.
    pub(crate) fn verify(&self) -> Audit {
        let audit = fsck::verify(self.engine().reader(), |_| {}).expect("the journal is sound");
        assert_eq!(audit.rows, self.engine().last_position(), "positions have no gap");
        audit
    }
}

/// A test that fails while appends are held must end too, not wait for them.
impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.store.reopen());
    }
}

/// Waits for an answer; an engine that ended without one has failed.
pub(crate) fn outcome(waiting: Waiting) -> Answer {
    waiting.blocking_recv().unwrap_or(Err(Refusal::Failed))
}

/// Whether the answer has not come yet.
pub(crate) fn is_waiting(waiting: &mut Waiting) -> bool {
    matches!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Empty))
}

/// What became of the only consumption of an answer.
pub(crate) fn consumed(answer: Answer) -> Consumed {
    match answer.expect("it was not refused") {
        Reply::Consumed(mut results) if results.len() == 1 => results.remove(0),
        other => panic!("not one consumption: {other:?}"),
    }
}

/// Whether an answer says that the consumption was done for this very command.
pub(crate) fn is_fresh(answer: &Answer) -> bool {
    let Ok(Reply::Consumed(results)) = answer else { return false };
    results.iter().all(|result| matches!(result, Consumed::Done { is_replay: false, .. }))
}

pub(crate) fn customer_id(text: &str) -> CustomerId {
    CustomerId::parse(text).expect("the test writes ids well")
}

pub(crate) fn currency_id(text: &str) -> CurrencyId {
    CurrencyId::parse(text).expect("the test writes ids well")
}

pub(crate) fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("the test writes instants well")
}

pub(crate) fn new_customer(id: &str) -> NewCustomer {
    NewCustomer {
        id: customer_id(id),
        name: None,
        email: None,
        metadata: Metadata::new(),
        extras: Extras::new(),
    }
}

pub(crate) fn provision(customer: &str, subscription: &str, units: u32) -> Command {
    let addons = if units == 0 { Vec::new() } else { vec![(examples::extra(), units)] };
    let request = ProvisionRequest {
        id: SubscriptionId::parse(subscription).expect("the test writes ids well"),
        ..examples::provision(addons)
    };
    Command::Customer(customer_id(customer), CustomerCommand::Provision(Box::new(request)))
}

pub(crate) fn new_grant(currency: &CurrencyId, credits: i64) -> NewGrant {
    let grant = examples::grant(GrantKind::Promotional, Amount::whole(credits));
    NewGrant { currency: currency.clone(), ..grant }
}

pub(crate) fn grant(customer: &str, new: NewGrant) -> Command {
    Command::Customer(customer_id(customer), CustomerCommand::Grant(Box::new(new)))
}

/// One consumption of API credits.
pub(crate) fn item(customer: &str, key: &str, credits: i64) -> ConsumeItem {
    item_of(customer, key, examples::consumption(Amount::whole(credits)))
}

pub(crate) fn item_of(customer: &str, key: &str, request: ConsumeRequest) -> ConsumeItem {
    let request = ConsumeRequest { event_id: Some(key.to_owned()), ..request };
    let key = Key::of_consumption(PRODUCTION, customer, &request, key);
    ConsumeItem { customer: customer_id(customer), request, key }
}

pub(crate) fn consume(customer: &str, key: &str, credits: i64) -> Command {
    Command::Consume(vec![item(customer, key, credits)])
}

pub(crate) fn consume_strictly(customer: &str, key: &str, credits: i64) -> Command {
    let request = examples::consumption(Amount::whole(credits));
    Command::Consume(vec![item_of(customer, key, ConsumeRequest { strict: true, ..request })])
}

/// An answer with that text as its body.
pub(crate) fn respond(text: &'static str) -> Option<Render> {
    Some(Box::new(move |_| response(text)))
}

pub(crate) fn response(text: &str) -> Response {
    Response { status: 200, body: text.as_bytes().into() }
}

/// The commands that make the catalog of the worked example.
pub(crate) fn catalog_commands() -> Vec<CatalogCommand> {
    let product = NewProduct {
        id: examples::product(),
        name: "API".to_owned(),
        description: None,
        metadata: Metadata::new(),
        multiple_subscriptions: false,
    };
    let mut commands = vec![
        CatalogCommand::CreateProduct(product),
        CatalogCommand::CreateCreditType(examples::new_credit_type(examples::credits())),
    ];
    commands.extend(package_commands(PackageKey::addon(examples::extra()), 10_000));
    commands.extend(package_commands(PackageKey::plan(examples::plan()), 50_000));
    commands
}

fn package_commands(key: PackageKey, credits: i64) -> Vec<CatalogCommand> {
    let amount = Some(Amount::whole(credits));
    let entitlement = NewEntitlement {
        behavior: Behavior::Increment,
        ..examples::credit_entitlement(examples::credits(), amount, Cadence::Month)
    };
    let addons: Vec<PackageId> = vec![examples::extra()];
    let patch = PackagePatch { compatible_addons: Some(Some(addons)), ..PackagePatch::default() };
    vec![
        CatalogCommand::CreatePackage(examples::new_package(key.clone())),
        CatalogCommand::AddEntitlements(key.clone(), vec![entitlement]),
        CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)),
        CatalogCommand::Publish(key, Migration::NewCustomers),
    ]
}

/// The positions of a journal's rows that carry the key.
pub(crate) fn rows_with_key(rows: &[Row], key: Key) -> Vec<Seq> {
    let bytes = Some(key.to_bytes());
    rows.iter().filter(|row| row.key == bytes).map(|row| row.seq).collect()
}

/// Ends a subscription at once.
pub(crate) fn cancel(id: SubscriptionId) -> Command {
    Command::Subscription(id, SubscriptionCommand::Cancel(CancelTime::Now))
}

/// Changes a subscription.
pub(crate) fn update(id: SubscriptionId, patch: Box<SubscriptionPatch>) -> Command {
    Command::Subscription(id, SubscriptionCommand::Update(patch))
}
