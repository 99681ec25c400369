//! How long a restart may take.
//!
//! On a machine that does other things as well, the time on the wall says how busy that machine is.
//! So the processor time of the server is limited, which is its own, and the time on the wall only
//! where it would be too long for everybody: a restart that waits for something must not pass.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::param::clock_ticks_per_second;

/// What the server may work before it listens.
const LONGEST_WORK: Duration = Duration::from_secs(2);

/// What may pass on the wall until then, also where the server has only a part of a processor.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What a restart took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    /// From the start of the process to the line that says it listens.
    pub(super) wall: Duration,
    /// The processor time of the process until then, where the system tells.
    pub(super) work: Option<Duration>,
}

impl Took {
    /// Of a process that has just said that it listens.
    pub(super) fn of(wall: Duration, process: u32) -> Result<Self> {
        let work = match fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) => Some(worked(&stat, clock_ticks_per_second())?),
            // Other systems do not tell it in this way.
            Err(_) if !cfg!(target_os = "linux") => None,
            Err(error) => return Err(error).context("cannot read what the server worked"),
        };
        Ok(Self { wall, work })
    }

    /// # Errors
    /// Where it took too long.
    pub(super) fn judge(self) -> Result<Self> {
        let (wall, work) = (self.wall, self.work.unwrap_or(self.wall));
        ensure!(
            work < LONGEST_WORK,
            "the restart took {work:?} of a processor, allowed are {LONGEST_WORK:?}"
        );
        ensure!(wall < LONGEST_WAIT, "the restart took {wall:?}, allowed are {LONGEST_WAIT:?}");
        Ok(self)
    }
}

/// User and system time in a line of `/proc/…/stat`. The name before them may hold anything.
fn worked(stat: &str, ticks_per_second: u64) -> Result<Duration> {
    let (_, fields) = stat.rsplit_once(')').context("no name in what the system says")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("no times in what the system says")?;
    Ok(Duration::from_millis((user + system) * 1_000 / ticks_per_second.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_stand_behind_a_name_that_may_hold_anything() {
        let stat = "7 (a ) b 1) S 1 7 7 0 -1 4194560 1 2 3 4 151 49 5 6 20 0 1 0 9 10 11";
        assert_eq!(worked(stat, 100).unwrap(), Duration::from_secs(2));
        assert!(worked("7 (a) S 1", 100).is_err());
        assert!(worked("", 100).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells_what_a_process_worked() {
        let took = Took::of(Duration::ZERO, std::process::id()).unwrap();
        assert!(took.work.is_some());
        assert!(Took::of(Duration::ZERO, u32::MAX).is_err());
    }

    #[test]
    fn work_is_limited_and_so_is_waiting() {
        let took = |wall, work: Option<u64>| Took {
            wall: Duration::from_millis(wall),
            work: work.map(Duration::from_millis),
        };
        for fine in [took(300, Some(200)), took(9_000, Some(1_900)), took(1_900, None)] {
            assert!(fine.judge().is_ok(), "{fine:?}");
        }
        for wrong in [took(2_100, Some(2_000)), took(11_000, Some(10)), took(2_100, None)] {
            assert!(wrong.judge().is_err(), "{wrong:?}");
        }
    }
}
