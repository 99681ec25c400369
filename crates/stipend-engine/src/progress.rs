//! How far a start is, for those who ask while it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a start does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadStage {
    /// Nothing yet.
    Waiting,
    /// Images of customers are read.
    Images,
    /// The rows of the journal behind them are folded.
    Journal,
    /// Idempotency keys are read.
    Keys,
    /// It is done.
    Done,
}

impl LoadStage {
    const ALL: [Self; 5] = [Self::Waiting, Self::Images, Self::Journal, Self::Keys, Self::Done];

    /// One word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Images => "images",
            Self::Journal => "journal",
            Self::Keys => "keys",
            Self::Done => "done",
        }
    }
}

#[derive(Debug, Default)]
struct Counters {
    stage: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
}

/// How far a start is. Copies show the same: one goes into [`crate::Options`], another is kept by
/// whoever wants to know.
///
/// # Examples
///
/// ```
/// use stipend_engine::{LoadProgress, LoadStage};
/// let progress = LoadProgress::default();
/// assert_eq!((progress.stage(), progress.done(), progress.total()), (LoadStage::Waiting, 0, 0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct LoadProgress(Arc<Counters>);

impl LoadProgress {
    /// What is being done.
    #[must_use]
    pub fn stage(&self) -> LoadStage {
        LoadStage::ALL[usize::from(self.0.stage.load(Ordering::Acquire))]
    }

    /// How much of [`LoadProgress::total`] is done in this stage.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed).min(self.total())
    }

    /// How much there is to do in this stage: images, or rows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }

    /// Whether the engine has started.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stage() == LoadStage::Done
    }

    pub(crate) fn begin(&self, stage: LoadStage, total: u64) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        self.0.stage.store(stage as u8, Ordering::Release);
    }

    pub(crate) fn advance(&self, by: u64) {
        self.0.done.fetch_add(by, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_shows_how_far_it_is() {
        let progress = LoadProgress::default();
        let seen = progress.clone();
        for stage in LoadStage::ALL {
            progress.begin(stage, 10);
            progress.advance(4);
            assert_eq!((seen.stage(), seen.done(), seen.total()), (stage, 4, 10));
            progress.advance(7);
            assert_eq!(seen.done(), 10, "never more than all");
        }
        assert!(seen.is_done());
    }
}
