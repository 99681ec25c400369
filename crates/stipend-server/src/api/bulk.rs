//! Requests of many items: all of them are applied or none, and with the header
//! `Stipend-Batch: partial` the sound ones are applied and the others listed.

use super::refusals::{Refusable, refuse};
use crate::app::App;
use crate::context::Caller;
use crate::error::ApiError;
use axum::http::HeaderMap;
use std::sync::Arc;
use stipend_engine::{
    Command, ConsumeItem, Consumed, Refusal, Remember, Reply, ReportItem, Reported,
};
use stipend_wire::read::Batch;
use stipend_wire::{ErrorCode, ItemError};

/// One thing of many that are decided by one command.
pub(super) trait BulkItem: Refusable + Clone {
    /// What becomes of it.
    type Done;

    /// Whether one that is alone is refused as itself, and not as a list of one.
    const IS_ITSELF_ALONE: bool;

    /// The command that applies all of them.
    fn command(items: &Arc<Vec<Self>>) -> Command;

    /// What became of them, in their order.
    fn done(reply: Reply) -> Vec<Self::Done>;

    /// Whether it is recognised when it comes again, whatever became of it.
    fn has_key(&self) -> bool;
}

impl BulkItem for ConsumeItem {
    type Done = Consumed;
    const IS_ITSELF_ALONE: bool = false;

    fn command(items: &Arc<Vec<Self>>) -> Command {
        Command::Consume(items.to_vec())
    }

    fn done(reply: Reply) -> Vec<Consumed> {
        match reply {
            Reply::Consumed(results) => results,
            other => unreachable!("consumption is answered so, not {other:?}"),
        }
    }

    fn has_key(&self) -> bool {
        true
    }
}

impl BulkItem for ReportItem {
    type Done = Reported;
    const IS_ITSELF_ALONE: bool = true;

    fn command(items: &Arc<Vec<Self>>) -> Command {
        Command::Report(Arc::clone(items))
    }

    fn done(reply: Reply) -> Vec<Reported> {
        match reply {
            Reply::Reported(results) => results,
            other => unreachable!("reports are answered so, not {other:?}"),
        }
    }

    fn has_key(&self) -> bool {
        !matches!(self.remember, Remember::Content { .. })
    }
}

/// The items of a request, as far as they are sound, with their places.
pub(super) struct Bulk<I> {
    items: Vec<I>,
    places: Vec<usize>,
    errors: Vec<ItemError>,
    is_partial: bool,
}

/// What became of the items of a request.
pub(super) struct Applied<I: BulkItem> {
    /// Those that were applied, in their order.
    items: Arc<Vec<I>>,
    places: Vec<usize>,
    done: Vec<I::Done>,
    /// Those that were refused, in the order of their places.
    pub(super) errors: Vec<ItemError>,
    /// Whether the caller asked for the sound ones to be applied.
    pub(super) is_partial: bool,
}

impl<I: BulkItem> Bulk<I> {
    /// The items that were read, as items of the command; `make` may refuse one.
    pub(super) fn of<T, const MAX: usize>(
        is_partial: bool,
        batch: Batch<T, MAX>,
        make: impl Fn(usize, T) -> Result<I, ApiError>,
    ) -> Self {
        let mut errors = batch.errors;
        let mut items = Vec::with_capacity(batch.items.len());
        let mut places = Vec::with_capacity(batch.items.len());
        for (place, read) in batch.items {
            match make(place, read) {
                Ok(item) => {
                    items.push(item);
                    places.push(place);
                }
                Err(error) => errors.push(error.into_item(place)),
            }
        }
        Self { items, places, errors, is_partial }
    }

    /// Applies all items or none; where the caller asks for it, those that are not refused.
    pub(super) async fn apply(self, app: &App, caller: &Caller) -> Result<Applied<I>, ApiError> {
        let Self { items, mut places, mut errors, is_partial } = self;
        let mut items = Arc::new(items);
        loop {
            errors.sort_by_key(|error| error.index);
            if !errors.is_empty() && !is_partial {
                return Err(ApiError::batch(errors));
            }
            if items.is_empty() {
                return Ok(Applied { items, places, done: Vec::new(), errors, is_partial });
            }
            let refusal = match app.submit(caller, I::command(&items), None, None).await {
                Ok(reply) => {
                    return Ok(Applied { items, places, done: I::done(reply), errors, is_partial });
                }
                Err(refusal) => refusal,
            };
            if matches!(refusal, Refusal::Failed) && !items.iter().all(I::has_key) {
                return Err(ApiError::from(refusal).not_to_be_retried());
            }
            let is_of_items = matches!(refusal, Refusal::Items(_));
            if let [item] = &items[..]
                && I::IS_ITSELF_ALONE
                && errors.is_empty()
                && !is_partial
                && !is_of_items
            {
                return Err(refuse(app, caller, item, refusal));
            }
            let rest = Arc::make_mut(&mut items);
            for (number, refusal) in refused_items(refusal)?.into_iter().rev() {
                let (item, place) = (rest.remove(number), places.remove(number));
                errors.push(refuse(app, caller, &item, refusal).into_item(place));
            }
        }
    }
}

impl<I: BulkItem> Applied<I> {
    /// Those that were applied, in their order: the place of each, itself, and what became of it.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (usize, &I, &I::Done)> {
        let items = self.items.iter().zip(&self.done);
        self.places.iter().zip(items).map(|(place, (item, done))| (*place, item, done))
    }
}

/// The refused items of a bulk command; another refusal is that of the whole.
fn refused_items(refusal: Refusal) -> Result<Vec<(usize, Refusal)>, ApiError> {
    match refusal {
        Refusal::Items(items) => Ok(items),
        Refusal::Overloaded | Refusal::Unavailable | Refusal::Failed => Err(refusal.into()),
        single => Ok(vec![(0, single)]),
    }
}

/// Whether the caller asks for the sound items to be applied although others are not.
pub(super) fn partial(headers: &HeaderMap) -> Result<bool, ApiError> {
    match headers.get("stipend-batch").map(axum::http::HeaderValue::as_bytes) {
        None => Ok(false),
        Some(b"partial") => Ok(true),
        Some(_) => {
            let message = "the header Stipend-Batch can only be `partial`";
            Err(ApiError::new(ErrorCode::InvalidHeader, message))
        }
    }
}
