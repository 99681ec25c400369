//! Recurring credits that somebody voids: what was consumed of them in the period stays consumed.

use crate::support::check_steps;

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
