//! The short form of the simulation, and the proof that its auditor sees what it is for.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};
use stipend_sim::canary::Canary;
use stipend_sim::{Options, run, run_wild};

/// A planted bug must be found by then.
const SEEDS_FOR_A_CANARY: u64 = 60;

fn check(seeds: impl IntoIterator<Item = u64>, options: &Options) {
    for seed in seeds {
        if let Err(finding) = run(seed, options) {
            panic!("{finding}");
        }
    }
}

#[test]
fn the_same_seeds_every_time_find_nothing() {
    check(0..40, &Options { customers: 4, years: 6, ..Options::default() });
}

/// For so long fresh seeds are looked at, and so many at most.
const FRESH_TIME_MAX: Duration = Duration::from_secs(15);
const FRESH_SEEDS_MAX: u64 = 200;

/// Fresh seeds, for a while.
#[expect(clippy::disallowed_methods, reason = "how long tests search is no part of a simulation")]
fn fresh() -> impl Iterator<Item = u64> {
    let (first, since) = (RandomState::new().hash_one("a seed") >> 1, Instant::now());
    (first..first + FRESH_SEEDS_MAX).take_while(move |_| since.elapsed() < FRESH_TIME_MAX)
}

#[test]
fn fresh_seeds_find_nothing() {
    check(fresh(), &Options { customers: 4, years: 6, ..Options::default() });
}

#[test]
fn fresh_wild_lives_break_no_invariant() {
    for seed in fresh() {
        if let Err(finding) = run_wild(seed, 60) {
            panic!("{finding}");
        }
    }
}

#[test]
fn wild_lives_break_no_invariant() {
    for seed in 0..20 {
        if let Err(finding) = run_wild(seed, 60) {
            panic!("{finding}");
        }
    }
}

#[test]
fn the_whole_engine_survives_refused_appends_and_crashes() {
    let options = Options { customers: 1, years: 3, whole: true, ..Options::default() };
    let mut crashes = 0;
    for seed in 0..6 {
        crashes += run(seed, &options).unwrap_or_else(|finding| panic!("{finding}")).crashes;
    }
    assert!(crashes > 0, "something went wrong on purpose");
}

#[test]
fn every_planted_bug_is_found() {
    for canary in Canary::ALL {
        let options = Options { customers: 3, canary: Some(canary), ..Options::default() };
        let found = (0..SEEDS_FOR_A_CANARY).find(|seed| run(*seed, &options).is_err());
        assert!(found.is_some(), "{canary} was missed in {SEEDS_FOR_A_CANARY} seeds");
    }
}

#[test]
fn a_seed_is_the_same_life_every_time() {
    let options = Options { customers: 2, years: 3, ..Options::default() };
    let totals = |seed| run(seed, &options).map_err(|finding| finding.to_string());
    assert_eq!(totals(5), totals(5));
}
