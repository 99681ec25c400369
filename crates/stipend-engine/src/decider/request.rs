//! A command in the queue, with the one who waits for its answer.

use crate::actor::Actor;
use crate::batch::Waiter;
use crate::command::{Command, ConsumeItem, Refusal, Remember, Render, ReportItem, Submission};
use crate::key::Key;
use std::sync::Arc;
use stipend_core::{CustomerId, EnvId};

/// A command in the queue. The queue is a ring of these that is written and read around and around,
/// by two processors, so they are small: what comes by the thousand stands in them, the rest
/// elsewhere.
pub(crate) struct Request {
    pub(super) order: Order,
    pub(super) waiter: Waiter,
}

/// What is to be done, as [`Submission`].
pub(super) struct Order {
    pub(super) env: EnvId,
    pub(super) by: Actor,
    pub(super) work: Work,
    pub(super) remember: Option<Remember>,
    pub(super) render: Option<Render>,
}

/// A command by how often it comes.
pub(super) enum Work {
    Consume(Vec<ConsumeItem>),
    Report(Arc<Vec<ReportItem>>),
    /// Any other one, never one of the above.
    Other(Box<Command>),
}

impl Request {
    pub(crate) fn new(submission: Submission, waiter: Waiter) -> Self {
        let Submission { env, by, command, remember, render } = submission;
        let work = match command {
            Command::Consume(items) => Work::Consume(items),
            Command::Report(items) => Work::Report(items),
            other => Work::Other(Box::new(other)),
        };
        Self { order: Order { env, by, work, remember, render }, waiter }
    }

    pub(super) fn refuse(self, refusal: Refusal) {
        // Who no longer waits does not want to know.
        let _ = self.waiter.send(Err(refusal));
    }
}

impl Work {
    /// Of how many items it is.
    pub(super) fn items(&self) -> usize {
        match self {
            Self::Consume(items) => items.len(),
            Self::Report(items) => items.len(),
            Self::Other(_) => 1,
        }
    }

    /// Whom the first item is about, and its key.
    pub(super) fn first(&self) -> Option<(&CustomerId, Key)> {
        match self {
            Self::Consume(items) => items.first().map(|item| (&item.customer, item.key)),
            Self::Report(items) => items.first().map(|item| (&item.customer, item.remember.key())),
            Self::Other(_) => None,
        }
    }

    /// The command, where it is none of those that come often.
    pub(super) fn other(&self) -> Option<&Command> {
        match self {
            Self::Consume(_) | Self::Report(_) => None,
            Self::Other(command) => Some(command),
        }
    }
}
