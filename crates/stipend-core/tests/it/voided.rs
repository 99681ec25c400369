//! Recurring credits that somebody voids: what was consumed of them in the period stays consumed.

use crate::feature_world;
use crate::support::{World, check_steps, pool_entries};
use crate::usage_world;
use proptest::prelude::*;
use stipend_core::customer::{Pool, PoolEntry};
use stipend_core::{Amount, GrantNo};

const SHOP: &str = "
    plan base 100/month
    plan pro 500/month
    plan big 1200/year
    addon tier 500/month:override
    addon extra 50/month
    ";

#[test]
fn what_was_consumed_of_a_voided_grant_counts_for_what_takes_its_place() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base  => 100
        use 60                     => 40
        void 1                     => 0
        set tier                   => 440
        use 100                    => 340
        set                        => 0 carried 60
        set tier                   => 340
        2026-04-01 wait            => 500
        set                        => 100
        ",
    );
}

#[test]
fn what_is_added_beside_a_voided_grant_is_there_in_full() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base  => 100
        use 60                     => 40
        void 1                     => 0
        set extra                  => 50
        use 10                     => 40
        set extra=2                => 90
        set extra=2 tier           => 430
        ",
    );
    // Less of it gives up what was consumed beyond; what was voided twice counts together.
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base  => 100
        use 60                     => 40
        void 1                     => 0
        agree 150/month            => 50
        use 10                     => 40
        void 2                     => 0
        agree 40/month             => 0 carried 30
        set tier                   => 430
        ",
    );
}

#[test]
fn leaving_a_voided_grant_and_coming_back_refills_nothing() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base  => 100
        use 60                     => 40
        void 1                     => 0
        subscribe pro id=b         => 500
        subscribe base id=c        => 40
        subscribe pro id=d         => 500
        subscribe base id=e        => 40
        patch anchor-now           => 100
        ",
    );
    let keeps = format!("{SHOP} \n product reset=never");
    check_steps(
        &keeps,
        "
        2026-03-01 subscribe base  => 100
        use 60                     => 40
        void 1                     => 0
        subscribe pro id=b         => 440
        subscribe base id=c        => 40
        ",
    );
}

#[test]
fn a_voided_yearly_grant_lends_this_months_consumption_to_the_month() {
    check_steps(
        "
        plan big 1200/year
        addon monthly 100/month:override
        ",
        "
        2026-03-01 subscribe big   => 1200
        use 300                    => 900
        2026-04-10 use 50          => 850
        void 1                     => 0
        set monthly                => 50 carried 300
        2026-05-01 wait            => 100 carried 350
        set                        => 850
        ",
    );
}

#[test]
fn what_is_held_of_a_voided_grant_counts_too() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base  => 100
        use 60                     => 40
        reserve a 10               => 30 reserved 10
        void 1                     => 0 aside 10
        set tier                   => 430 aside 10
        release a 10               => 430
        ",
    );
    // What was held then stays consumed, whatever becomes of the reservation.
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base  => 100
        use 60                     => 40
        reserve a 40               => 0 reserved 40
        void 1                     => 0 aside 40
        release a 0                => 0
        set tier                   => 400
        ",
    );
}

#[test]
fn a_reversal_after_the_release_of_a_voided_grant_is_remembered_no_more() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base  => 100
        use 60                     => 40
        reserve a 10               => 30 reserved 10
        void 1                     => 0 aside 10
        release a 10               => 0
        reverse 1                  => 0
        set tier                   => 490
        ",
    );
}

/// A shop that prices seats, by the language of the tables about usage.
const PRICED: &str = "
    feature seats fluctuating
    plan base credits=100/month rate:seats=10
    plan pro credits=500/month rate:seats=10
    addon extra credits=50/month
    addon tier credits=500/month:override
    ";

#[test]
fn less_usage_lowers_what_is_remembered_of_all_that_was_voided() {
    usage_world::check(
        PRICED,
        "
        2026-03-01 subscribe base
        set extra
        use 20
        void 1
        report seats 5   => used 5, took 50, left 0
        void 2
        report seats -5  => used 0, forfeited 50, left 0
        set tier
        wait
        report seats 0   => used 0, left 480
        ",
    );
}

/// What was charged elsewhere by then is not looked for there.
#[test]
fn less_usage_after_the_return_or_the_replacement_is_still_charged() {
    usage_world::check(
        PRICED,
        "
        2026-03-01 subscribe base
        report seats 6   => used 6, took 60, left 40
        subscribe pro id=b
        subscribe base id=c
        report seats -6  => used 0, forfeited 60, left 40
        ",
    );
    usage_world::check(
        PRICED,
        "
        2026-03-01 subscribe base
        report seats 6   => used 6, took 60, left 40
        void 1
        set tier
        report seats -6  => used 0, forfeited 60, left 440
        ",
    );
}

#[test]
fn what_less_usage_took_off_one_voided_grant_is_reversed_of_another() {
    usage_world::check(
        PRICED,
        "
        2026-03-01 subscribe base
        set extra
        use 20
        void 1
        report seats 5   => used 5, took 50, left 0
        void 2
        report seats -5  => used 0, forfeited 50, left 0
        reverse 1
        set tier
        report seats 0   => used 0, left 500
        ",
    );
}

#[test]
fn less_usage_lowers_what_is_remembered_of_what_was_voided_in_a_trial() {
    usage_world::check(
        PRICED,
        "
        2026-03-01 subscribe base trial-until=2026-03-15
        report seats 4   => used 4, took 40, left 60
        void 1
        report seats -3  => used 1, forfeited 30, left 0
        set tier
        report seats 0   => used 1, left 490
        ",
    );
    // What was voided counts to the end of the period, also where the trial lasts longer by then.
    usage_world::check(
        PRICED,
        "
        2026-03-01 subscribe base trial-until=2026-03-15
        report seats 4   => used 4, took 40, left 60
        void 1
        patch trial-ends=2026-03-20
        report seats -3  => used 1, forfeited 30, left 0
        2026-03-16 wait
        set tier
        report seats 0   => used 1, left 490
        ",
    );
}

#[test]
fn a_prorated_change_counts_what_was_consumed_of_a_voided_grant() {
    let prorated = format!("{SHOP} \n settings prorate");
    check_steps(
        &prorated,
        "
        2026-04-01 subscribe base  => 100
        use 60                     => 40
        void 1                     => 0
        2026-04-16 set tier        => 200
        ",
    );
}

/// How many consumptions there are to reverse.
fn consumptions(world: &World) -> usize {
    let consumed = |entry: &&PoolEntry| entry.is_consumption() || entry.is_reversible();
    pool_entries(&world.entries).filter(consumed).count()
}

/// A step of somebody, by numbers.
fn step_of((kind, number): (u8, u32), count: usize) -> String {
    let reversible = u32::try_from(count).unwrap_or(u32::MAX);
    match kind {
        0 | 1 => format!("use {}", number % 90 + 1),
        2 => format!("report seats {}", number % 6 + 1),
        3 => format!("report seats -{}", number % 6 + 1),
        4 | 5 => format!("void {}", number % 12 + 1),
        6 if reversible > 0 => format!("reverse {}", number % reversible + 1),
        7 => format!("subscribe base id=s{number}"),
        8 => format!("subscribe pro id=s{number}"),
        9 => "set tier".to_owned(),
        10 => format!("set extra={}", number % 3 + 1),
        11 => "set".to_owned(),
        12 => format!("reserve r{} {}", number % 4, number % 20 + 1),
        13 => format!("release r{} {}", number % 4, number % 25),
        14 if number % 5 == 0 => "patch anchor-now".to_owned(),
        _ => "wait".to_owned(),
    }
}

/// The steps that grant nothing: usage, voids, reversals and reservations.
const GIVES_NOTHING: &[u8] = &[0, 2, 3, 4, 6, 12, 13];

/// What is held of a live grant.
fn held_of(world: &World, no: &str) -> Amount {
    let no = GrantNo(no.parse().unwrap());
    let grant = world.pool().and_then(|pool| pool.live.find(no));
    grant.map_or(Amount::ZERO, |grant| grant.held)
}

proptest! {
    /// Whatever is used, voided, reversed and changed, the books stay sound, nobody has more than the
    /// greatest that a period gives, and the next period gives the whole.
    #[test]
    fn whatever_is_voided_and_reversed_the_next_period_is_whole(
        steps in prop::collection::vec((0_u8..15, 0_u32..1_000), 1..24),
        keeps in any::<bool>(),
    ) {
        let rule = if keeps { "usage-reset never" } else { "" };
        let mut world = World::new(feature_world::catalog(&format!("{rule} \n {PRICED}")));
        usage_world::step(&mut world, "2026-03-01 subscribe base").unwrap();
        for step in steps {
            let count = consumptions(&world);
            // What is refused changes nothing.
            drop(usage_world::step(&mut world, &step_of(step, count)));
            let balance = world.pool().map_or(Amount::ZERO, Pool::balance);
            prop_assert!(balance <= Amount::whole(650), "{balance} after {step:?}");
        }
        usage_world::step(&mut world, "set tier").unwrap();
        usage_world::step(&mut world, "2026-03-31 wait").unwrap();
        let owed = world.pool().and_then(|pool| pool.overdraft);
        let owed = owed.map_or(Amount::ZERO, |overdraft| overdraft.amount);
        usage_world::step(&mut world, "2026-04-02 wait").unwrap();
        let balance = world.pool().map_or(Amount::ZERO, Pool::balance);
        prop_assert_eq!(balance, Amount::whole(500) - owed);
        world.assert_read_is_replay();
    }

    /// Of what was voided only what was held then stays consumed once all is reversed and reported
    /// back: what takes its place in the same period gives the rest whole.
    #[test]
    fn what_is_given_back_of_what_was_voided_is_there_in_what_takes_its_place(
        steps in prop::collection::vec((prop::sample::select(GIVES_NOTHING), 0_u32..1_000), 1..24),
        trial in any::<bool>(),
        reverses_first in any::<bool>(),
    ) {
        let trial = if trial { " trial-until=2026-03-15" } else { "" };
        let mut world = World::new(feature_world::catalog(PRICED));
        let begin = format!("2026-03-01 subscribe base{trial}");
        usage_world::step(&mut world, &begin).unwrap();
        usage_world::step(&mut world, "set extra").unwrap();
        let mut kept = Amount::ZERO;
        for step in steps {
            let step = step_of(step, consumptions(&world));
            let held = step.strip_prefix("void ").map_or(Amount::ZERO, |no| held_of(&world, no));
            if usage_world::step(&mut world, &step).is_ok() {
                kept += held;
            }
        }
        for hold in 0..4 {
            drop(usage_world::step(&mut world, &format!("release r{hold} 0")));
        }
        for reverses in [reverses_first, !reverses_first] {
            if reverses {
                for one in 1..=consumptions(&world) {
                    drop(usage_world::step(&mut world, &format!("reverse {one}")));
                }
            } else {
                usage_world::step(&mut world, "report seats 0 set").unwrap();
            }
        }
        usage_world::step(&mut world, "set tier").unwrap();
        let balance = world.pool().map_or(Amount::ZERO, Pool::balance);
        prop_assert_eq!(balance, Amount::whole(500) - kept);
        world.assert_read_is_replay();
    }
}
