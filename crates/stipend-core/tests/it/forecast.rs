//! When credits run out: what comes and goes before is included, and it is exact.

use crate::support::{World, amount, lines, show};
use stipend_core::Amount;
use stipend_core::customer::{Pace, flows, forecast};

/// Lives through the steps, then compares `PACE/SECONDS => INSTANT|never [expiry]`.
fn check(catalog: &str, steps: &str, table: &str) {
    let world = World::after(catalog, steps);
    let pool = world.pool().expect("there is a pool");
    let coming = flows(&world.customer, &world.catalog, pool.id, world.now);
    for line in lines(table) {
        let (pace, expected) = line.split_once("=>").unwrap();
        let (used, seconds) = pace.trim().split_once('/').unwrap();
        let seconds = if seconds == "day" { 86_400 } else { seconds.parse().unwrap() };
        let told = forecast(pool, &coming, Pace { used: amount(used), seconds }, world.now);
        let at = told.runs_out_at.map_or_else(|| "never".to_owned(), show);
        let told = if told.is_expiry_limited { format!("{at} expiry") } else { at };
        assert_eq!(told, expected.trim(), "{line}");
    }
}

#[test]
fn what_is_not_used_never_runs_out() {
    check("", "2026-03-01 grant paid 10", "0/day => never\n-1/day => never");
}

#[test]
fn one_grant_lasts_as_long_as_it_lasts() {
    check(
        "",
        "2026-03-01 grant paid 10",
        "
        1/day       => 2026-03-11
        10/day      => 2026-03-02
        3/day       => 2026-03-04T08:00:00Z
        7/day       => 2026-03-02T10:17:08.571429Z
        1/604800    => 2026-05-10
        0.001/day   => never
        ",
    );
}

#[test]
fn the_instant_is_the_first_microsecond_at_which_nothing_is_left() {
    let world = World::after("", "2026-03-01 grant paid 10");
    let pool = world.pool().unwrap();
    let pace = Pace { used: amount("7"), seconds: 86_400 };
    let at = forecast(pool, &[], pace, world.now).runs_out_at.unwrap();
    let micros = i128::from(at.micros() - world.now.micros());
    let used = |micros: i128| Amount::whole(7).nano() * micros;
    let all = Amount::whole(10).nano() * 86_400_000_000;
    assert!(used(micros) >= all && used(micros - 1) < all);
}

#[test]
fn an_expiry_makes_it_earlier() {
    check(
        "",
        "
        2026-03-01 grant promo 10 until=2026-03-06
        2026-03-01 grant paid 4
        ",
        "
        3/day  => 2026-03-05T16:00:00Z
        1/day  => 2026-03-10
        0.5/day  => 2026-03-14
        ",
    );
}

#[test]
fn credits_run_out_when_the_last_of_them_expire() {
    check(
        "",
        "2026-03-01 grant promo 10 until=2026-03-06",
        "
        2/day    => 2026-03-06
        1/day    => 2026-03-06 expiry
        0.01/day => 2026-03-06 expiry
        ",
    );
}

#[test]
fn a_scheduled_grant_saves_what_would_run_out_behind_it_and_not_before() {
    check(
        "",
        "
        2026-03-01 grant paid 10
        2026-03-01 grant paid 10 from=2026-03-06
        ",
        "
        3/day => 2026-03-04T08:00:00Z
        2/day => 2026-03-11
        1/day => 2026-03-21
        ",
    );
}

#[test]
fn recurring_grants_keep_up_with_what_they_cover() {
    check(
        "plan base 310/month",
        "2026-03-01 subscribe base",
        "
        10/day   => never
        10.1/day => 2026-03-31T16:38:01.188119Z
        31/day   => 2026-03-11
        ",
    );
}

#[test]
fn it_runs_out_between_two_recurring_grants_months_ahead() {
    check(
        "plan base 300/month",
        "2026-03-01 subscribe base; grant paid 15".replace("; ", "\n").as_str(),
        "
        10/day => 2026-05-31T12:00:00Z
        ",
    );
}

#[test]
fn a_subscription_that_ends_renews_no_more() {
    check(
        "plan base 310/month",
        "
        2026-03-01 subscribe base
        cancel 2026-05-10
        ",
        "10/day => 2026-05-10 expiry\n0.1/day => 2026-05-10 expiry",
    );
}

#[test]
fn a_grant_pays_for_the_overdraft_first() {
    check(
        "",
        "
        2026-03-01 use 5
        2026-03-01 grant paid 15
        use 2
        ",
        "1/day => 2026-03-09",
    );
    check(
        "plan base 310/month:soft",
        "
        2026-03-01 subscribe base
        use 400
        ",
        "1/day => 2026-03-01",
    );
}

#[test]
fn priority_decides_what_is_left_when_a_grant_expires() {
    let steps = |priority: u32| {
        format!(
            "2026-03-01 grant promo 10 until=2026-03-06 prio=90
            2026-03-01 grant paid 4 prio={priority}"
        )
    };
    check("", &steps(50), "1/day => 2026-03-06 expiry");
    check("", &steps(95), "1/day => 2026-03-10");
}
