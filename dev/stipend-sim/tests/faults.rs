//! The short form of the fault matrix: every failure at every n of one life.

use stipend_sim::faults::{final_balances, matrix, random_script, script};

/// Of so many reads one is made to fail; the long form, `--faults`, fails each of them.
const READS: usize = 12;

#[test]
fn whatever_append_or_read_fails_what_was_acknowledged_is_there_once() {
    let report = matrix(&script(), READS).unwrap_or_else(|finding| panic!("{finding}"));
    // It failed in every way, and each way of finding out was needed.
    assert!(report.lives > 100, "{report:?}");
    let counts = [report.refused, report.deaths, report.found_done, report.found_undone];
    assert!(counts.iter().all(|count| *count > 0), "{report:?}");
}

#[test]
fn the_life_without_failures_is_the_one_that_was_reckoned_by_hand() {
    // c0: 60,000 of the new month and 700 that stay, twice given back, with 10,000 of the version
    // published then; c1: as c0 without the 700, its overdraft of 1,000 was settled by the first
    // version; c2: 250 of a reservation and 5.
    let balances = final_balances(&script()).expect("nothing fails");
    assert_eq!(balances, [70_700, 70_000, 69_745]);
}

#[test]
fn random_lives_are_the_same_for_the_same_seed() {
    assert_eq!(random_script(3, 20), random_script(3, 20));
    assert!(final_balances(&random_script(3, 20)).is_ok());
}
