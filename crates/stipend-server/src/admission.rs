//! Who is let in: work that has begun is bounded, and what comes on top is refused at once.
//!
//! Whoever is let in waits for little, because few wait; whoever is not is told so before anything
//! was done for it. Commands, reading from the store, and large bodies are bounded apart from each
//! other, so that none of them keeps the others out; what is answered from memory is not bounded.
//! Who reads for long goes on with few others at a time, and each in its turn.

use crate::error::ApiError;
use crate::limits::Limits;
use crate::pace::Pace;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use stipend_engine::{Answer, Command, Engine, Refusal, Submission, Submitter};
use stipend_wire::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Items of a bulk request that weigh as much as a request of its own: they share its way.
pub(crate) const ITEMS_PER_PLACE: usize = 16;

/// Bodies up to this size are read without asking: there are only so many connections.
pub(crate) const SMALL_BODY: usize = 16 << 10;

/// Bytes are counted in these.
const BODY_UNIT: usize = 1 << 10;

/// A place of one who was let in.
pub(crate) type Place = OwnedSemaphorePermit;

#[derive(Debug)]
pub(crate) struct Admission {
    commands: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    long_reads: Arc<Semaphore>,
    long_waiting: Semaphore,
    bodies: Arc<Semaphore>,
    most_commands: usize,
    most_bodies: usize,
    pace: Mutex<Pace>,
    /// What the pace says, for those who only look.
    limit: AtomicUsize,
    refused: AtomicU64,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        let most_bodies = limits.body_bytes_max / BODY_UNIT;
        Self {
            commands: Arc::new(Semaphore::new(limits.commands_max)),
            reads: Arc::new(Semaphore::new(limits.reads_max)),
            long_reads: Arc::new(Semaphore::new(limits.long_reads_max)),
            long_waiting: Semaphore::new(limits.long_reads_waiting_max),
            bodies: Arc::new(Semaphore::new(most_bodies)),
            most_commands: limits.commands_max,
            most_bodies,
            pace: Mutex::new(Pace::new(limits.commands_max)),
            limit: AtomicUsize::new(limits.commands_max),
            refused: AtomicU64::new(0),
        }
    }

    /// Submits a command and waits for its answer, where there is room for one more.
    pub(crate) async fn submit(
        &self,
        engine: &Engine,
        submitter: &Submitter,
        submission: Submission,
    ) -> Answer {
        let weight = weight(&submission.command);
        let place = self.place(weight).ok_or_else(|| self.refuse())?;
        let answer = submitter.submit(submission)?;
        let began = engine.monotonic();
        let answer = UnderWay { answer: Some(answer), place: Some(place) }.wait().await;
        let now = engine.monotonic();
        // Who finds it taken leaves the noting to others: it is a sample.
        if let Ok(mut pace) = self.pace.try_lock() {
            pace.answered(now, weight, now.saturating_sub(began));
            self.limit.store(pace.limit(), Ordering::Relaxed);
        }
        answer
    }

    /// Whether a command would be refused, so that its body need not be read.
    ///
    /// # Errors
    /// `overloaded`.
    pub(crate) fn look(&self) -> Result<(), ApiError> {
        let is_free = self.commands.available_permits() > 0 && self.has_pace(1);
        if is_free { Ok(()) } else { Err(self.refuse().into()) }
    }

    /// How many commands were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn refuse(&self) -> Refusal {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Refusal::Overloaded
    }

    fn place(&self, weight: usize) -> Option<Place> {
        let is_free = self.has_pace(weight);
        is_free.then(|| take(&self.commands, weight, self.most_commands)).flatten()
    }

    /// Where nothing is under way, whatever comes is let in.
    fn has_pace(&self, weight: usize) -> bool {
        let taken = self.most_commands.saturating_sub(self.commands.available_permits());
        taken == 0 || taken + weight <= self.limit.load(Ordering::Relaxed)
    }

    /// A place for reading from the store.
    pub(crate) fn read(&self) -> Result<Place, ApiError> {
        take(&self.reads, 1, 1).ok_or_else(overloaded)
    }

    /// A place for going on with reading that takes long, as soon as it is this one's turn.
    pub(crate) async fn read_on(&self) -> Result<Place, ApiError> {
        let _waits = self.long_waiting.try_acquire().map_err(|_| overloaded())?;
        let place = Arc::clone(&self.long_reads).acquire_owned().await;
        place.map_err(|_| overloaded())
    }

    /// Room for a body of up to so many bytes; none is needed for a small one.
    pub(crate) fn body(&self, bytes: usize) -> Result<Option<Place>, ApiError> {
        if bytes <= SMALL_BODY {
            return Ok(None);
        }
        let room = take(&self.bodies, bytes.div_ceil(BODY_UNIT), self.most_bodies);
        room.map(Some).ok_or_else(overloaded)
    }
}

fn overloaded() -> ApiError {
    ApiError::new(ErrorCode::Overloaded, Refusal::Overloaded.to_string())
}

/// One that weighs more than there is takes everything.
fn take(places: &Arc<Semaphore>, weight: usize, most: usize) -> Option<Place> {
    let weight = u32::try_from(weight.min(most.max(1))).unwrap_or(u32::MAX);
    Arc::clone(places).try_acquire_many_owned(weight).ok()
}

fn weight(command: &Command) -> usize {
    match command {
        Command::Consume(items) => items.len().div_ceil(ITEMS_PER_PLACE),
        Command::Report(items) => items.len().div_ceil(ITEMS_PER_PLACE),
        _ => 1,
    }
}

/// A command on its way. Its caller may leave before the answer comes; its place is free only when
/// the engine is done with it.
struct UnderWay {
    answer: Option<oneshot::Receiver<Answer>>,
    place: Option<Place>,
}

impl UnderWay {
    async fn wait(mut self) -> Answer {
        let Some(answer) = self.answer.as_mut() else { return Err(Refusal::Failed) };
        let answered = answer.await.unwrap_or(Err(Refusal::Failed));
        self.answer = None;
        answered
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let (Some(answer), Some(place)) = (self.answer.take(), self.place.take()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // Nobody wants it any more.
            let _ = answer.await;
            drop(place);
        });
    }
}
