//! The processor time of the threads of this process: what an operation costs, also on a machine
//! that others use at the same time.

use crate::stats::{ratio, to_float};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What the threads do, by their names. The clients are the main thread, which the system calls as the
/// program.
const PARTS: [(&str, &str); 5] = [
    ("client_cpu_us", "stipend-bench"),
    ("serve_cpu_us", "tokio-rt-worker"),
    ("decide_cpu_us", "stipend-decide"),
    ("commit_cpu_us", "stipend-commit"),
    ("carry_cpu_us", "stipend-carry"),
];

/// Processor time so far, by the names of the threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct CpuTimes(BTreeMap<String, Duration>);

impl CpuTimes {
    /// Reads them; nothing where the system does not tell.
    pub(crate) fn now() -> Self {
        let mut times = BTreeMap::<String, Duration>::new();
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        for task in tasks {
            if let Some((name, took)) = read(&task.path()) {
                *times.entry(name).or_default() += took;
            }
        }
        Self(times)
    }

    /// Microseconds of each part for one of so many operations since then.
    pub(crate) fn costs(&self, since: &Self, operations: u64) -> Vec<(&'static str, f64)> {
        let cost = |(detail, thread): &(&'static str, &str)| {
            let spent = self.of(thread, since).as_secs_f64();
            (*detail, ratio(spent * 1e6, to_float(operations)))
        };
        PARTS.iter().map(cost).filter(|(_, cost)| *cost > 0.0).collect()
    }

    /// Adds what was taken between two looks.
    pub(crate) fn add(&mut self, since: &Self, now: &Self) {
        for name in now.0.keys() {
            *self.0.entry(name.clone()).or_default() += now.of(name, since);
        }
    }

    /// What the threads with that name took since then.
    pub(crate) fn of(&self, name: &str, since: &Self) -> Duration {
        let of = |times: &Self| times.0.get(name).copied().unwrap_or_default();
        of(self).saturating_sub(of(since))
    }
}

fn read(task: &Path) -> Option<(String, Duration)> {
    let name = std::fs::read_to_string(task.join("comm")).ok()?;
    let statistics = std::fs::read_to_string(task.join("schedstat")).ok()?;
    let nanos = statistics.split_whitespace().next()?.parse().ok()?;
    Some((name.trim().to_owned(), Duration::from_nanos(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_thread_is_found_by_its_name() {
        let worker = std::thread::Builder::new().name("counting".to_owned());
        let spent = worker.spawn(|| {
            let before = CpuTimes::now();
            let mut sum = 0_u64;
            for number in 0..5_000_000_u64 {
                sum = std::hint::black_box(sum.wrapping_add(number));
            }
            let after = CpuTimes::now();
            (after.of("counting", &before), after.of("nobody", &before))
        });
        let (counting, nobody) = spent.expect("a thread").join().expect("it does not panic");
        assert!(counting > Duration::ZERO || !Path::new("/proc/self/task").exists());
        assert_eq!(nobody, Duration::ZERO);
    }
}
