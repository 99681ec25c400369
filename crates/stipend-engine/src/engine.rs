//! The engine as its users see it: submit commands, read what is durable.

use crate::account::Account;
use crate::actor::Actor;
use crate::batch::{Room, Tip};
use crate::cipher::IdCipher;
use crate::clock::Clock;
use crate::command::{Answer, Command, Refusal, Submission};
use crate::committer::{self, Committer, Fatal, run_guarded};
use crate::decider::{
    Ahead, Decider, ONCE_RELEASE, ONCE_REQUEST, ONCE_RESERVATION, Parking, Plan, Request, Slices,
};
use crate::due::DueIndex;
use crate::flush::Flusher;
use crate::keeping::{self, Rest};
use crate::key::{Key, Keys, ReservationPlace, ScopeHash};
use crate::limits::{
    CLOCK_GAP_WARN_SECONDS, KEY_RETENTION_SECONDS, QUEUE_COMMANDS_MAX, READ_INSTANTS_MAX,
    RETRY_WINDOW_SECONDS,
};
use crate::progress::{LoadProgress, LoadStage};
use crate::published::Published;
use crate::record::{Record, Remembered};
use crate::recover::{Known, Loaded, load, read_keys};
use crate::signing::Signer;
use crate::wall::{WallTime, WallWatch};
use crate::working::Working;
use crossbeam_channel::{Sender, TrySendError, bounded};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use stipend_core::customer::{Cause, Consumption, Effect, Hold, roll_forward_within};
use stipend_core::{
    CustomerId, EnvId, PackageKey, PackageKind, PoolId, Slot, SubscriptionId, SubscriptionNo,
    Timestamp,
};
use stipend_store::{Reader, Seq, Store, StoreError};
use tokio::sync::oneshot;

/// The name of the store's secret among its named values.
pub const META_SECRET: &str = "secret";

/// A running engine. Dropping it, or [`Engine::stop`], commits what was decided and ends it.
#[derive(Debug)]
pub struct Engine {
    pub(crate) published: Arc<Published>,
    reader: Arc<dyn Reader>,
    time: Arc<WallTime>,
    cipher: IdCipher,
    pub(crate) token_signer: Signer,
    requests: Sender<Request>,
    stopping: Mutex<Option<Sender<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// How an engine is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The gap between the last commit and the clock that is worth a warning, in seconds.
    pub clock_gap_warning: i64,
    /// The gap between the last commit and the clock beyond which the engine does not start, in
    /// seconds; it starts whatever the gap is where absent.
    pub max_clock_jump: Option<i64>,
    /// When customers that nobody asks for are packed.
    pub rest: Rest,
    /// Told how far the start is. A copy that was kept shows it.
    pub progress: LoadProgress,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock_gap_warning: CLOCK_GAP_WARN_SECONDS,
            max_clock_jump: None,
            rest: Rest::default(),
            progress: LoadProgress::default(),
        }
    }
}

impl Options {
    /// Looks at the time between the last commit and now, which is downtime or a wrong clock.
    fn check_gap(&self, committed: Timestamp, wall: Timestamp) -> Result<(), StartError> {
        let gap = wall.micros().saturating_sub(committed.micros()) / 1_000_000;
        if let Some(max) = self.max_clock_jump.filter(|max| gap > *max) {
            return Err(StartError::ClockJump { committed, wall, gap, max });
        }
        if gap > self.clock_gap_warning {
            tracing::warn!(
                gap_seconds = gap,
                last_commit = %committed,
                "time has passed since the last commit; what came due in it is done now"
            );
        }
        Ok(())
    }
}

/// Why an engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was stored cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The clock is further ahead of the last commit than is allowed.
    #[error(
        "the clock shows {wall}, {gap} seconds after the last commit ({committed}); at most \
         {max} are allowed. Where the clock is right, start once with a greater maximum"
    )]
    ClockJump {
        /// When the last commit was made.
        committed: Timestamp,
        /// What the clock shows.
        wall: Timestamp,
        /// The seconds between them.
        gap: i64,
        /// How many are allowed.
        max: i64,
    },
}

/// What is found of a customer: as it was published, or a copy on which the due was done.
pub type Found = Arc<Account>;

impl Engine {
    /// Recovers the state from a store and starts deciding.
    ///
    /// `fatal` is called when the store failed in a way after which nothing may be acknowledged
    /// any more; a server aborts there.
    ///
    /// # Errors
    /// What reading fails with; [`StoreError::Damaged`] where the data contradicts itself.
    pub fn start(
        store: Box<dyn Store>,
        clock: Arc<dyn Clock>,
        fatal: Fatal,
    ) -> Result<Self, StoreError> {
        Self::start_with(store, clock, fatal, &Options::default()).map_err(|error| match error {
            StartError::Store(error) => error,
            StartError::ClockJump { .. } => unreachable!("by default every jump is allowed"),
        })
    }

    /// As [`Engine::start`], with options.
    ///
    /// # Errors
    /// As [`Engine::start`]; [`StartError::ClockJump`] where the clock is too far ahead.
    pub fn start_with(
        store: Box<dyn Store>,
        clock: Arc<dyn Clock>,
        fatal: Fatal,
        options: &Options,
    ) -> Result<Self, StartError> {
        let reader = store.reader();
        let loaded = load(reader.as_ref(), &options.progress)?;
        let Loaded { realm, segments, names, known, tip, hash, now, lagging } = loaded;
        if tip.number > 0 {
            options.check_gap(now, clock.now())?;
        }
        options.progress.begin(LoadStage::Keys, 0);
        let since = now.plus_seconds(-KEY_RETENTION_SECONDS).micros();
        let retries = now.plus_seconds(-RETRY_WINDOW_SECONDS).micros();
        let retries_from = reader.recorded_since(retries)?.unwrap_or(Seq::MAX);
        let keys_from = reader.recorded_since(since)?;
        let keys = read_keys(reader.as_ref(), keys_from, &options.progress)?;
        let keys = Keys::new(keys, retries_from, now);
        let secret = reader.meta(META_SECRET)?;
        let secret =
            secret.ok_or_else(|| StoreError::Damaged("the store has no secret".to_owned()))?;
        let mut flusher = Flusher::default();
        let mut lagging: Vec<(u32, Seq)> = lagging.into_iter().collect();
        lagging.sort_unstable_by_key(|(_, seq)| *seq);
        for (segment, seq) in lagging {
            flusher.touch(segment, seq);
        }
        let Known { due, peopled, next_slot } = known;
        let published = Arc::new(Published::new(segments, names, realm, next_slot, tip.last));
        let due = DueIndex::new(due);
        let working = Working::new(Arc::clone(&published), due, peopled, next_slot, options.rest);
        let (time, guard) = WallTime::new(clock, now);
        let time = Arc::new(time);
        let watch = WallWatch::new(Arc::clone(&time), guard);
        let (requests, queue) = bounded(QUEUE_COMMANDS_MAX);
        let (stopping, stop) = bounded(0);
        let engine = Self {
            published: Arc::clone(&published),
            reader,
            time,
            cipher: IdCipher::new(&secret),
            token_signer: Signer::of_tokens(&secret),
            requests,
            stopping: Mutex::new(Some(stopping)),
            threads: Mutex::new(Vec::new()),
        };
        engine.spawn(
            store,
            fatal,
            keys,
            flusher,
            Start { working, watch, tip, hash, now, next_slot, queue, stop, rest: options.rest },
        );
        options.progress.begin(LoadStage::Done, 0);
        Ok(engine)
    }

    fn spawn(
        &self,
        mut store: Box<dyn Store>,
        fatal: Fatal,
        keys: Keys<crate::command::Kept>,
        flusher: Flusher,
        start: Start,
    ) {
        let (sealed_out, sealed_in) = bounded(1);
        let (committed_out, committed_in) = bounded(1);
        let Start { working, watch, tip, hash, now, next_slot, queue, stop, rest } = start;
        let fatal = Arc::new(Mutex::new(fatal));
        committer::watch(store.as_mut(), &fatal);
        let keeper_stop = stop.clone();
        let mut decider = Decider {
            working,
            keys,
            flusher,
            watch,
            tip,
            room: Room::default(),
            now,
            next_slot,
            requests: queue,
            ahead: Ahead::default(),
            stop,
            sealed: sealed_out,
            committed: committed_in,
            parking: Parking::default(),
            slices: Slices::default(),
            plan: Plan::default(),
        };
        let committer = Committer {
            store,
            published: Arc::clone(&self.published),
            tip,
            hash,
            rest,
            fatal: Arc::clone(&fatal),
            sealed: sealed_in,
            committed: committed_out,
        };
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let threads = [
            named("stipend-decide").spawn(move || {
                run_guarded(&fatal, || decider.run());
                decider.refuse_the_rest();
            }),
            named("stipend-commit").spawn(move || {
                let fatal = Arc::clone(&committer.fatal);
                run_guarded(&fatal, || committer.run());
            }),
        ];
        let mut threads = Vec::from(threads);
        if let Rest::AfterSeconds(seconds) = rest {
            let published = Arc::clone(&self.published);
            let keep = move || keeping::keep(&published, seconds, &keeper_stop);
            threads.push(named("stipend-keep").spawn(keep));
        }
        let threads = threads.into_iter().map(|it| it.expect("the system has room for threads"));
        self.threads.lock().expect("nobody panics with it").extend(threads);
    }

    /// A handle for submitting commands without a lock, for each thread or connection.
    #[must_use]
    pub fn submitter(&self) -> Submitter {
        Submitter { requests: self.requests.clone() }
    }

    /// Commits what was decided and ends the engine's threads.
    pub fn stop(&self) {
        drop(self.stopping.lock().expect("nobody panics with it").take());
        let threads = std::mem::take(&mut *self.threads.lock().expect("nobody panics with it"));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine had panicked");
            }
        }
    }

    /// How many commands wait to be decided.
    #[must_use]
    pub fn queue_length(&self) -> usize {
        // Asked of the sending side: the decider alone receives, so that its end is noticed by
        // those who send.
        self.requests.len()
    }

    /// How many customers there are, over all environments.
    #[must_use]
    pub fn customers_count(&self) -> usize {
        self.published.customers_count()
    }

    /// The pools with at least so many rows.
    pub(crate) fn pools_longer_than(&self, rows: u64) -> Vec<PoolId> {
        self.published.pools_longer_than(rows)
    }

    /// The position of the last durable row.
    #[must_use]
    pub fn last_position(&self) -> Seq {
        self.published.last()
    }

    /// Whether the store took the last append.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.published.is_writable()
    }

    /// The effective now of an environment: its frozen instant, or the wall clock's, which never
    /// goes back here.
    #[must_use]
    pub fn now(&self, env: EnvId) -> Timestamp {
        // The clock first: a realm that was published since is not older than it.
        let wall = self.time.now();
        self.published.glance().now(env, wall)
    }

    /// The engine's time on the wall clock: never before what was committed or answered.
    #[must_use]
    pub fn wall_now(&self) -> Timestamp {
        self.time.now()
    }

    /// How much time has passed since some instant, whatever the wall clock does.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.time.clock().monotonic()
    }

    /// How many seconds the wall clock is behind the engine's time, because it went back.
    #[must_use]
    pub fn clock_lag(&self) -> i64 {
        self.time.lag_seconds()
    }

    /// The permutation behind public grant ids.
    #[must_use]
    pub fn cipher(&self) -> &IdCipher {
        &self.cipher
    }

    /// The journal, for reading.
    #[must_use]
    pub fn reader(&self) -> &dyn Reader {
        self.reader.as_ref()
    }

    /// The journal, to be shared with another thread.
    #[must_use]
    pub fn shared_reader(&self) -> &Arc<dyn Reader> {
        &self.reader
    }

    /// The customer in a slot, as published.
    #[must_use]
    pub fn account(&self, slot: Slot) -> Option<Arc<Account>> {
        self.published.account(slot.0)
    }

    /// The customer with that id, as published.
    #[must_use]
    pub fn find_customer(&self, env: EnvId, id: &CustomerId) -> Option<Arc<Account>> {
        let slot = self.published.find_customer(env, id)?;
        self.published.account(slot)
    }

    /// The customer with that id at `now`: where something is due, a copy on which it was done,
    /// so that an answer is right before the command that will do it.
    ///
    /// # Errors
    /// As [`Engine::rolled`].
    pub fn find_current(
        &self,
        env: EnvId,
        id: &CustomerId,
        now: Timestamp,
    ) -> Result<Option<Found>, Refusal> {
        self.find_customer(env, id).map(|account| self.rolled(account, now)).transpose()
    }

    /// The account at `now`: itself, or a copy on which what is due was done.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] where more than [`READ_INSTANTS_MAX`] instants are due: the decider
    /// is about to do them.
    pub fn rolled(&self, account: Found, now: Timestamp) -> Result<Found, Refusal> {
        if account.customer.next_due.is_none_or(|due| due > now) {
            return Ok(account);
        }
        let catalog = self.catalog(account.customer.profile.env);
        let due = roll_forward_within(&account.customer, &catalog, now, READ_INSTANTS_MAX);
        let mut rolled = Account::clone(&account);
        for entry in due.ok_or(Refusal::Overloaded)? {
            rolled.customer.apply(&entry);
        }
        Ok(Arc::new(rolled))
    }

    /// How many live subscriptions have a package, or inherit from it. It looks at every customer,
    /// so it is for people who are about to change something, and off the threads of requests.
    #[must_use]
    pub fn subscriptions_with(&self, env: EnvId, package: &PackageKey) -> u64 {
        self.published.count_subscriptions(env, |terms| {
            let plan = std::iter::once(&terms.plan.plan);
            let plans = plan.chain(terms.plan.ancestors.iter().map(|(id, _)| id));
            let mut addons = terms.addons.iter().map(|pin| &pin.addon);
            match package.kind {
                PackageKind::Plan => plans.into_iter().any(|id| *id == package.id),
                PackageKind::Addon => addons.any(|id| *id == package.id),
            }
        })
    }

    /// The subscription with that id, with its customer at `now`.
    ///
    /// # Errors
    /// As [`Engine::rolled`].
    pub fn find_subscription(
        &self,
        env: EnvId,
        id: &SubscriptionId,
        now: Timestamp,
    ) -> Result<Option<(Found, SubscriptionNo)>, Refusal> {
        let slot = self.published.find_subscription(env, id);
        let Some(account) = slot.and_then(|slot| self.published.account(slot)) else {
            return Ok(None);
        };
        let account = self.rolled(account, now)?;
        let mut subscriptions = account.customer.subscriptions.iter();
        let found = subscriptions.find(|found| found.terms.id == *id);
        let number = found.map(|found| found.terms.number);
        Ok(number.map(|number| (account, number)))
    }

    /// The consumption in a row, and when it happened.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn stored_consumption(&self, seq: Seq) -> Result<(Timestamp, Consumption), StoreError> {
        let (_, entry) = crate::ledger::pool_entry(self.reader(), seq)?;
        match entry.cause {
            Cause::Consumption(consumption) => Ok((entry.at, consumption)),
            _ => Err(StoreError::Damaged(format!("row {seq} is no consumption"))),
        }
    }

    /// The remembered answer in a row, and when it was given.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn stored_answer(&self, seq: Seq) -> Result<(Timestamp, Remembered), StoreError> {
        let damaged = || StoreError::Damaged(format!("row {seq} is no remembered answer"));
        let row = self.reader.row(seq)?.ok_or_else(damaged)?;
        match Record::decode(&row)? {
            Record::Remembered(answer) => Ok((Timestamp::from_micros(row.at), answer)),
            _ => Err(damaged()),
        }
    }

    /// The position of the answer to a request with that key, however long ago; another meaning
    /// of the key is found with [`Engine::submitter`] only while it is recent.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn find_request(&self, key: Key) -> Result<Option<Seq>, StoreError> {
        self.reader.find_once(0, ONCE_REQUEST, &key.to_bytes())
    }

    /// The reservation that was made at a place, however long ago: its key, the position of the
    /// answer, and the reservation as it was made.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn find_reservation(
        &self,
        place: &ReservationPlace<'_>,
    ) -> Result<Option<(Key, Seq, Hold)>, StoreError> {
        let Some((key, seq)) = self.find_id(ONCE_RESERVATION, &place.scope())? else {
            return Ok(None);
        };
        // The answer stands behind the row that it is about.
        let (_, entry) = crate::ledger::pool_entry(self.reader(), seq - 1)?;
        let hold = entry.effects.into_iter().find_map(|effect| match effect {
            Effect::Reserved(hold) if hold.id == *place.id => Some(hold),
            _ => None,
        });
        let damaged = || StoreError::Damaged(format!("row {seq} answers to no reservation"));
        Ok(Some((key, seq, hold.ok_or_else(damaged)?)))
    }

    /// The release of the reservation at a place, however long ago: its key and the position of
    /// the answer.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn find_release(
        &self,
        place: &ReservationPlace<'_>,
    ) -> Result<Option<(Key, Seq)>, StoreError> {
        self.find_id(ONCE_RELEASE, &place.release_scope())
    }

    fn find_id(&self, once: u16, scope: &ScopeHash) -> Result<Option<(Key, Seq)>, StoreError> {
        let Some(seq) = self.reader.find_once(0, once, scope)? else { return Ok(None) };
        let damaged = || StoreError::Damaged(format!("row {seq} has no key"));
        let key = self.reader.row(seq)?.and_then(|row| row.key).ok_or_else(damaged)?;
        Ok(Some((Key::from_bytes(key), seq)))
    }
}

struct Start {
    working: Working,
    watch: WallWatch,
    tip: Tip,
    hash: [u8; 32],
    now: Timestamp,
    next_slot: u32,
    queue: crossbeam_channel::Receiver<Request>,
    stop: crossbeam_channel::Receiver<()>,
    rest: Rest,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Submits commands. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct Submitter {
    requests: Sender<Request>,
}

impl Submitter {
    /// Queues a command; the answer comes when the state it was decided on is durable.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] where the queue is full, [`Refusal::Failed`] where the engine has
    /// stopped.
    pub fn submit(&self, submission: Submission) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let (waiter, answer) = oneshot::channel();
        match self.requests.try_send(Request::new(submission, waiter)) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(Refusal::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(Refusal::Failed),
        }
    }

    /// Submits a command and waits for its answer on this thread.
    ///
    /// # Errors
    /// The command's refusal, or as [`Submitter::submit`].
    pub fn submit_blocking(&self, submission: Submission) -> Answer {
        self.submit(submission)?.blocking_recv().unwrap_or(Err(Refusal::Failed))
    }

    /// A command of whoever runs the program, without rendering or key, as tools and tests give
    /// them.
    ///
    /// # Errors
    /// As [`Submitter::submit_blocking`].
    pub fn run(&self, env: EnvId, command: Command) -> Answer {
        let by = Actor::Host;
        self.submit_blocking(Submission { env, by, command, remember: None, render: None })
    }
}
