//! Several servers at the same time, and a line now and then that tells how far it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::server::now;

/// Between two lines that tell how far it is.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

/// Who works on something.
pub(super) struct Crew {
    /// How many at the same time.
    pub(super) jobs: usize,
    pub(super) title: String,
}

impl Crew {
    /// Does the work on every item, and takes what came out of it in the order in which it is done;
    /// ends early where taking it fails. The items come to be as they are needed.
    pub(super) fn work<T: Send, Done: Send>(
        &self,
        items: impl Iterator<Item = T> + Send,
        work: impl Fn(&T) -> Done + Sync,
        mut take: impl FnMut(&T, Done) -> Result<()>,
    ) -> Result<()> {
        let began = now();
        let most = items.size_hint().1.map_or_else(String::new, |most| format!(" of {most}"));
        let items = Mutex::new(items.fuse());
        let is_over = AtomicBool::new(false);
        let next = || {
            let item = items.lock().unwrap_or_else(PoisonError::into_inner).next();
            item.filter(|_| !is_over.load(Ordering::Relaxed))
        };
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                let (sender, next, work) = (sender.clone(), &next, &work);
                scope.spawn(move || {
                    while let Some(item) = next() {
                        let done = work(&item);
                        if sender.send((item, done)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut told = began;
            for (taken, (item, done)) in (1..).zip(receiver) {
                if let Err(error) = take(&item, done) {
                    is_over.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                if told.elapsed() >= BETWEEN_LINES {
                    told = now();
                    tell(&self.title, taken, &most, began.elapsed());
                }
            }
            Ok(())
        })
    }
}

#[expect(clippy::print_stderr, reason = "how far it is, aside from what came out of it")]
fn tell(title: &str, taken: usize, most: &str, took: Duration) {
    eprintln!("{title}: {taken}{most} in {} s", took.as_secs());
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;

    fn crew(jobs: usize) -> Crew {
        Crew { jobs, title: "test".to_owned() }
    }

    #[test]
    fn every_item_is_worked_on_once() {
        for jobs in [0, 1, 3] {
            let mut sum = 0;
            let done = crew(jobs).work(
                1..=100,
                |item: &u64| item * 2,
                |item, twice| {
                    assert_eq!(twice, item * 2);
                    sum += item;
                    Ok(())
                },
            );
            done.unwrap();
            assert_eq!(sum, 5_050);
        }
    }

    #[test]
    fn it_ends_where_taking_fails() {
        let mut taken = 0;
        let done = crew(2).work(
            0..1_000,
            |item: &u64| *item,
            |_, _| {
                taken += 1;
                ensure!(taken < 3, "enough");
                Ok(())
            },
        );
        assert!(done.is_err());
        assert_eq!(taken, 3);
    }
}
