//! Reversals of what usage took: the credits come back, and the meter forgets that it drew them, so
//! that less usage does not give them back again.

use crate::usage_world::check;

const PLAN: &str = "feature calls fluctuating\n plan base rate:calls=10";

#[test]
fn what_usage_took_is_given_back_and_the_meter_goes_on_counting() {
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        grant paid 100
        report calls 3   => used 3, took 30, left 70
        reverse 1        => 100
        report calls -1  => used 2, left 100
        report calls 2   => used 4, took 20, left 80
        report calls -2  => used 2, gave 20, left 100
        report calls -2  => used 0, left 100
        ",
    );
}

#[test]
fn what_less_usage_gave_back_does_not_come_back_again() {
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        grant paid 100
        report calls 3   => used 3, took 30, left 70
        report calls -1  => used 2, gave 10, left 80
        reverse 1        => 100
        report calls -2  => used 0, left 100
        ",
    );
    // Draws of one meter on one grant are not told apart: the others answer for what came back.
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        grant paid 100
        report calls 3   => used 3, took 30, left 70
        report calls 3   => used 6, took 30, left 40
        report calls -1  => used 5, gave 10, left 50
        reverse 2        => 80
        report calls -1  => used 4, gave 10, left 90
        reverse 1        => 100
        report calls -4  => used 0, left 100
        ",
    );
}

#[test]
fn consumption_of_others_is_not_given_back_in_place_of_what_was() {
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        grant paid 100
        report calls 3   => used 3, took 30, left 70
        report calls -3  => used 0, gave 30, left 100
        use 40           => 60
        reverse 1        => 60
        ",
    );
    // Usage that has started anew is remembered by no meter.
    check(
        "feature calls incremental\n plan base calls=99:month rate:calls=10",
        "
        2026-03-01 subscribe base
        grant paid 100
        report calls 3             => used 3, took 30, left 70
        report calls -2            => used 1, gave 20, left 90
        use 40                     => 50
        2026-04-01 report calls 1  => anew period 2026-04-01, used 1, took 10, left 40
        reverse 1                  => 50
        report calls -1            => used 0, gave 10, left 60
        ",
    );
}

#[test]
fn what_was_given_back_in_another_period_is_not_what_was_used_before() {
    check(
        "feature calls incremental\n plan base calls=99:month rate:calls=10",
        "
        2026-03-01 subscribe base
        grant paid 100
        report calls 3             => used 3, took 30, left 70
        2026-04-01 report calls 2  => anew period 2026-04-01, used 2, took 20, left 50
        report calls -2            => used 0, gave 20, left 70
        reverse 1                  => 100
        ",
    );
}

#[test]
fn an_overdraft_of_usage_is_lowered_however_others_overdrew_beside_it() {
    // The meter's overdraft is settled before what was overdrawn directly, though it came later.
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        use 10           => -10
        report calls 1   => used 1, took 10 (overdraft 10), left -20
        grant paid 10    => -10
        reverse 2        => 0
        report calls -1  => used 0, left 0
        ",
    );
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        use 10           => -10
        report calls 1   => used 1, took 10 (overdraft 10), left -20
        grant paid 10    => -10
        grant paid 10    => 0
        reverse 1        => 10
        report calls -1  => used 0, gave 10, left 20
        ",
    );
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        report calls 1   => used 1, took 10 (overdraft 10), left -10
        use 10           => -20
        report calls -1  => used 0, gave 10 (overdraft 10), left -10
        grant paid 10    => 0
        reverse 2        => 10
        ",
    );
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        report calls 3   => used 3, took 30 (overdraft 30), left -30
        grant paid 20    => -10
        reverse 1        => 20
        report calls -3  => used 0, left 20
        ",
    );
}

#[test]
fn an_overdraft_that_usage_had_settled_by_what_expired_is_not_that_of_others() {
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        use 10                          => -10
        report calls 1                  => used 1, took 10 (overdraft 10), left -20
        grant promo 10 until=2026-03-02 => -10
        2026-03-02 wait                 => -10
        reverse 1                       => 0
        report calls -1                 => used 0, forfeited 10, left 0
        ",
    );
}

const PLANS: &str = "
        feature calls fluctuating
        plan base credits=100/month rate:calls=10
        plan pro credits=500/month rate:calls=10
        addon over credits=500/month:override
    ";

#[test]
fn what_moved_expired_or_was_replaced_is_followed() {
    check(
        PLANS,
        "
        2026-03-01 subscribe base
        report calls 4        => used 4, took 40, left 60
        2026-03-02 set over   => 460
        reverse 1             => 500
        report calls -4       => used 0, left 500
        ",
    );
    check(
        PLANS,
        "
        2026-03-01 subscribe base
        report calls 4        => used 4, took 40, left 60
        2026-03-02 set over   => 460
        report calls -1       => used 3, gave 10, left 470
        reverse 1             => 500
        report calls -3       => used 0, left 500
        ",
    );
    check(
        PLANS,
        "
        2026-03-01 subscribe base
        grant paid 100
        report calls 15            => used 15, took 150 (#1 100 #2 50), left 50
        2026-04-01 wait            => 150
        reverse 1                  => 200
        report calls -15           => used 0, left 200
        ",
    );
    check(
        PLANS,
        "
        2026-03-01 subscribe base
        report calls 4             => used 4, took 40, left 60
        2026-03-10 subscribe pro id=sub-2 => 500
        reverse 1                  => 500
        report calls -4            => used 0, left 500
        ",
    );
    check(
        &format!("usage-reset never\n {PLANS}"),
        "
        2026-03-01 subscribe base
        report calls 4             => used 4, took 40, left 60
        2026-03-10 subscribe pro id=sub-2 => 460
        report calls 1             => used 5, took 10, left 450
        reverse 1                  => 490
        report calls -5            => used 0, gave 10, left 500
        ",
    );
    check(
        PLAN,
        "
        2026-03-01 subscribe base
        grant paid 30 until=2026-04-01
        grant paid 30
        report calls 5             => used 5, took 50 (#1 30 #2 20), left 10
        void 2                     => 0
        reverse 1                  => 30
        2026-04-01 report calls -5 => used 0, left 0
        ",
    );
}

#[test]
fn a_reversal_of_one_meter_leaves_what_another_drew() {
    check(
        "
        feature calls fluctuating
        feature jobs fluctuating
        plan base rate:calls=10 rate:jobs=5
        ",
        "
        2026-03-01 subscribe base
        grant paid 40
        report calls 3   => used 3, took 30, left 10
        report jobs 4    => used 4, took 20 (#1 10 overdraft 10), left -10
        reverse 1        => 20
        report jobs -4   => used 0, gave 20, left 40
        report calls -3  => used 0, left 40
        ",
    );
}
