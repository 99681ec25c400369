//! The engine: one stream of commands, decided by one thread, committed in groups, published and
//! then answered. It knows neither HTTP nor SQL.
//!
//! - [`Engine::start`] recovers the state from a store and starts the decider and the committer.
//! - [`Submitter::submit`] queues a [`Submission`]; its answer comes when the state that it was
//!   decided on is durable.
//! - Reads ([`Engine::find_current`], [`Engine::catalog`], [`ledger`]) see what is durable and
//!   wait for nobody.
//! - [`fsck::verify`] folds a journal from its beginning and checks every rule again.
#![deny(missing_docs)]

pub mod account;
pub mod actor;
pub mod api_key;
mod batch;
pub mod cipher;
pub mod clock;
pub mod command;
mod committer;
mod decider;
pub mod decision;
mod directory;
mod doc;
mod due;
mod engine;
mod flush;
pub mod fsck;
mod keeping;
pub mod key;
pub mod ledger;
pub mod life;
pub mod limits;
mod load;
mod memory;
pub mod operator;
pub mod pace;
mod packed;
pub mod past;
mod progress;
mod published;
pub mod realm;
pub mod recent;
pub mod record;
mod recover;
pub mod reversal;
pub mod series;
mod signing;
mod slots;
pub mod task;
pub mod usage;
mod walk;
mod wall;
mod working;

pub use account::Account;
pub use actor::{Actor, Signed};
pub use api_key::{Access, ApiKey, Credentials, KeyNo, Rights, Scope};
pub use cipher::IdCipher;
pub use clock::{Alarm, Clock, Ring, SystemClock};
pub use command::{
    Answer, Command, ConsumeItem, Consumed, Outcome, Recorded, Refusal, Remember, Render, Reply,
    Report, ReportItem, Reported, Response, Submission, UsageRecord,
};
pub use committer::Fatal;
pub use doc::{pricing_word, status_word};
pub use engine::{Engine, Found, META_SECRET, Options, StartError, Submitter};
pub use keeping::Rest;
pub use key::{Key, Operation, ReservationPlace};
pub use operator::{Operator, PasswordHash};
pub use progress::{LoadProgress, LoadStage};
pub use realm::{Environment, EnvironmentClock, EnvironmentKind, PRODUCTION, Realm, SANDBOX_NAME};
pub use signing::{SIGNATURE_BYTES, Signer};
pub use task::{Task, TaskKind};
