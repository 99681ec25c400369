//! What can be asked of the engine, and what it answers.

use crate::account::Account;
use crate::actor::Actor;
use crate::api_key::{ApiKey, KeyNo};
use crate::key::Key;
use crate::limits::API_KEY_NAME_MAX;
use crate::operator::Operator;
use crate::realm::{Environment, EnvironmentKind};
use crate::reversal::Reversing;
use crate::task::{Task, TaskKind};
use std::sync::Arc;
use stipend_core::catalog::{Catalog, CatalogCommand, CatalogRejection, Settings};
use stipend_core::customer::{
    ConsumeRequest, Consumption, CustomerCommand, CustomerRejection, Entry, EventRequest, Hold,
    NewCustomer, PoolBalance, PoolEntry, SubscriptionCommand, UsageEntry, UsageRequest,
};
use stipend_core::{
    CustomerId, EnvId, GrantNo, PoolId, Slot, SubscriptionId, SubscriptionNo, Timestamp,
};
use stipend_store::Seq;

/// A command, decided in one place and in one order.
#[derive(Debug)]
pub enum Command {
    /// Makes the production environment where it is missing, and a key to it that manages
    /// environments.
    OpenProduction(ApiKey),
    /// Makes the sandbox environment where it is missing, and a key to it.
    OpenSandbox(ApiKey),
    /// Makes an environment with a key to it.
    CreateEnvironment {
        /// Its name.
        name: String,
        /// What it is for.
        kind: EnvironmentKind,
        /// How it counts periods and prorates.
        settings: Settings,
        /// Its first key.
        key: ApiKey,
    },
    /// Makes another key to the environment that the command is for.
    CreateKey(ApiKey),
    /// Revokes a key to the environment that the command is for. It opens nothing from the answer
    /// on; a key that is revoked stays so.
    RevokeKey(KeyNo),
    /// Makes the first operator; refused where there is one.
    SetUpOperator(Operator),
    /// Sets the password of an operator.
    SetPassword(Operator),
    /// Freezes the environment's clock at an instant, or advances it to one; answered when
    /// everything due by then is done.
    FreezeClock(Timestamp),
    /// Lets the environment go on by the wall clock; answered when everything due is done.
    ReleaseClock,
    /// Does everything that is due in the environment; answered when it is done.
    CatchUpAll,
    /// Begins a task in the environment.
    BeginTask(TaskKind),
    /// Changes a catalog.
    Catalog(CatalogCommand),
    /// Makes a customer.
    CreateCustomer(NewCustomer),
    /// Changes a customer.
    Customer(CustomerId, CustomerCommand),
    /// Changes, ends or moves a subscription, found by its id.
    Subscription(SubscriptionId, SubscriptionCommand),
    /// Reverses a consumption. [`Reply::Stored`] leads to the row of the reversal.
    Reverse(Box<Reversing>),
    /// Voids a grant, found by its customer's slot.
    VoidGrant(Slot, GrantNo),
    /// Consumes credits: all items or none.
    Consume(Vec<ConsumeItem>),
    /// Counts usage and events, and takes what they cost: all items or none.
    Report(Arc<Vec<ReportItem>>),
    /// Does what is due for a customer, so that its journal is complete up to now.
    CatchUp(Slot),
}

/// One consumption of a command.
#[derive(Clone, Debug)]
pub struct ConsumeItem {
    /// The customer.
    pub customer: CustomerId,
    /// What to consume.
    pub request: ConsumeRequest,
    /// The idempotency key.
    pub key: Key,
}

/// One report of usage or event of a command.
#[derive(Clone, Debug)]
pub struct ReportItem {
    /// The customer.
    pub customer: CustomerId,
    /// What is reported.
    pub report: Report,
    /// How it is recognised when it comes again: by the caller's idempotency key, else by its
    /// content.
    pub remember: Remember,
}

/// What is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Usage that the caller has measured.
    Usage(UsageRequest),
    /// An event, of which meters make usage.
    Event(EventRequest),
}

/// How a request is recognised when it comes again.
#[derive(Clone, Copy, Debug)]
pub enum Remember {
    /// By the key that the caller sent; for ever.
    Key(Key),
    /// By the id that the caller gave a reservation; for ever, whatever is said of it.
    Reservation(Key),
    /// By the id of the reservation that is released; for ever, whatever is said of it.
    Release(Key),
    /// By its content. It is looked up only where the request says that it is a retry.
    Content {
        /// The hash of the content.
        key: Key,
        /// Whether the request says that it is a retry.
        is_retry: bool,
    },
}

impl Remember {
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Key(key)
            | Self::Reservation(key)
            | Self::Release(key)
            | Self::Content { key, .. } => *key,
        }
    }
}

/// What a command has brought about, as its answer is made from it.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The effective now of the command.
    pub now: Timestamp,
    /// The environment.
    pub env: EnvId,
    /// The catalog after the command.
    pub catalog: &'a Catalog,
    /// The customer after the command, where it concerned one.
    pub account: Option<&'a Account>,
    /// The subscription that it was about.
    pub subscription: Option<SubscriptionNo>,
    /// The grant that it was about.
    pub grant: Option<(PoolId, GrantNo)>,
    /// The reservation that it made, extended or ended: as it was before it ended.
    pub hold: Option<&'a Hold>,
    /// The position of the last row of the customer that it wrote, where it wrote one.
    pub seq: Option<Seq>,
    /// The environment that it made or whose clock it set.
    pub environment: Option<&'a Environment>,
    /// The task that it began.
    pub task: Option<&'a Task>,
}

/// An answer of HTTP: status and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Arc<[u8]>,
}

/// Makes the answer of a command from what it brought about. It runs where commands are decided,
/// so that the answer can become durable with the effect; it must be quick.
pub type Render = Box<dyn FnOnce(&Outcome<'_>) -> Response + Send>;

/// A command with all that belongs to it.
pub struct Submission {
    /// The environment it is for.
    pub env: EnvId,
    /// Who has it done.
    pub by: Actor,
    /// What to do.
    pub command: Command,
    /// How it is recognised when it comes again.
    pub remember: Option<Remember>,
    /// How it is answered; some commands have answers of their own.
    pub render: Option<Render>,
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { env, by, command, remember, render: _ } = self;
        formatter
            .debug_struct("Submission")
            .field("env", env)
            .field("by", by)
            .field("command", command)
            .field("remember", remember)
            .finish_non_exhaustive()
    }
}

/// What became of one consumption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consumed {
    /// It was done now, or is being done by a request that came shortly before.
    Done {
        /// Whether an earlier request did it.
        is_replay: bool,
        /// When.
        at: Timestamp,
        /// The position of its row.
        seq: Seq,
        /// What was done and the balance afterwards.
        consumption: Arc<Consumption>,
    },
    /// It was done before; its row stands at this position.
    Stored(Seq),
}

/// What became of one report of usage or event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It was done now, or is being done by a request that came shortly before.
    Done {
        /// Whether an earlier request did it.
        is_replay: bool,
        /// What was done.
        recorded: Arc<Recorded>,
    },
    /// It was done before; its first row stands at this position.
    Stored(Seq),
}

impl Reported {
    pub(crate) fn as_replay(&self) -> Self {
        match self {
            Self::Done { recorded, .. } => {
                Self::Done { is_replay: true, recorded: Arc::clone(recorded) }
            }
            Self::Stored(seq) => Self::Stored(*seq),
        }
    }
}

/// What was recorded of a report or event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When.
    pub at: Timestamp,
    /// The position of the first entry; each other stands right behind the one before it.
    pub first: Seq,
    /// What was counted and taken of the pools; nothing where no meter took an event.
    pub entries: Vec<Entry>,
}

impl Recorded {
    /// The dimensions that formulas need and did not find.
    #[must_use]
    pub fn missing_dimensions(&self) -> &[String] {
        let first = self.entries.iter().find_map(|entry| match entry {
            Entry::Usage(usage) => Some(usage),
            _ => None,
        });
        first.map_or(&[], |usage| usage.missing_dimensions.as_slice())
    }

    /// What was counted, feature by feature.
    #[must_use]
    pub fn usages(&self) -> Vec<UsageRecord> {
        let mut usages: Vec<UsageRecord> = Vec::new();
        for (seq, entry) in (self.first..).zip(&self.entries) {
            match (entry, usages.last_mut()) {
                (Entry::Usage(usage), _) => {
                    let usage = usage.clone();
                    usages.push(UsageRecord { seq, usage, paid: Vec::new() });
                }
                (Entry::Pool(entry), Some(last)) if entry.is_consumption() => {
                    last.paid.push(entry.clone());
                }
                _ => {}
            }
        }
        usages
    }
}

/// What was counted for one feature, and what it took of the pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// The position of the row that counts it.
    pub seq: Seq,
    /// What was counted.
    pub usage: UsageEntry,
    /// What it took of pools, or gave back.
    pub paid: Vec<PoolEntry>,
}

impl UsageRecord {
    /// What the pool had afterwards that pays for the usage, where the feature is mapped to
    /// credits; the same whenever it is asked. Rows of builds that did not note it where nothing
    /// was taken do not tell.
    #[must_use]
    pub fn balance(&self) -> Option<PoolBalance> {
        self.usage.currency.as_ref()?;
        match &self.usage.balance {
            Some(balance) => Some(**balance),
            None => self.paid.last()?.balance(),
        }
    }
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// As it was rendered.
    Response(Response),
    /// As the same request was answered shortly before.
    Replay(Response),
    /// As the same request was answered before; the answer stands at this position.
    Stored(Seq),
    /// What became of each consumption, in order.
    Consumed(Vec<Consumed>),
    /// What became of each report or event, in order.
    Reported(Vec<Reported>),
    /// There is nothing to say.
    Done,
}

/// The answer to what a key was used for, while it is not durable.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// As it was rendered.
    Response(Response),
    /// What became of a consumption.
    Consumed(Consumed),
    /// What became of a report or event.
    Reported(Reported),
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such customer.
    #[error("there is no customer {0}")]
    CustomerNotFound(CustomerId),
    /// There is no such subscription.
    #[error("there is no subscription {0}")]
    SubscriptionNotFound(SubscriptionId),
    /// There is no such grant, or it has ended.
    #[error("there is no such grant")]
    GrantNotFound,
    /// The id is taken.
    #[error("the id {0} is taken")]
    AlreadyExists(String),
    /// The catalog refuses.
    #[error(transparent)]
    Catalog(#[from] CatalogRejection),
    /// The customer's state refuses.
    #[error(transparent)]
    Customer(#[from] CustomerRejection),
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used before with another meaning")]
    KeyReused,
    /// Items of a bulk command are refused, and with them the whole.
    #[error("{} of the items are refused", .0.len())]
    Items(Vec<(usize, Refusal)>),
    /// The key to make is known already.
    #[error("this API key exists already")]
    ApiKeyExists,
    /// There is no such key in the environment.
    #[error("there is no such API key")]
    ApiKeyNotFound,
    /// The name of a key is too long.
    #[error(
        "the name of an API key has at most {API_KEY_NAME_MAX} characters, none of them a control"
    )]
    ApiKeyNameInvalid,
    /// A key that manages environments may do everything.
    #[error("only a key with the scope full can manage environments")]
    ApiKeyScopeTooNarrow,
    /// There is no such operator.
    #[error("there is nobody of this name")]
    OperatorNotFound,
    /// There is an operator already.
    #[error("the dashboard has been set up already")]
    AlreadySetUp,
    /// The text is no name of an environment.
    #[error(
        "the name of an environment has 1 to 64 letters, digits, '-', '_' and '.', a letter or \
         digit first and last"
    )]
    EnvironmentNameInvalid,
    /// There are too many of something.
    #[error("the limit of {max} {what} is reached")]
    LimitReached {
        /// Of what.
        what: &'static str,
        /// How many fit.
        max: usize,
    },
    /// The environment lives on the wall clock.
    #[error("only the clock of a sandbox environment can be frozen, advanced and released")]
    ClockFixed,
    /// The instant lies before the present of the environment.
    #[error("the clock runs forward only; it shows {0}")]
    ClockBackwards(Timestamp),
    /// The clock is frozen in the future and cannot be released yet.
    #[error("the clock is frozen at {0}, which lies in the future; it can be released then")]
    ClockAhead(Timestamp),
    /// The instant lies outside what a clock can show.
    #[error("a clock can be frozen from 1970 until {0}")]
    ClockOutOfRange(Timestamp),
    /// The pool has changed since what the command needs was read; it is to be read again.
    #[error("the pool has changed meanwhile")]
    Moved,
    /// Too many commands wait.
    #[error("too many requests wait")]
    Overloaded,
    /// The store cannot write now; nothing was changed.
    #[error("the store cannot write now")]
    Unavailable,
    /// The store failed while it wrote: the outcome is unknown until the server is back.
    #[error("the store failed")]
    Failed,
}

/// The answer of the engine.
pub type Answer = Result<Reply, Refusal>;
