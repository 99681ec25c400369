//! What time does: expiries, renewals, scheduled grants, each at its own instant.

use crate::support::{World, amount, at, catalog, check_steps, lines, pool_entries, show};
use proptest::prelude::*;
use stipend_core::customer::{Customer, Entry, roll_forward, upcoming};
use stipend_core::limits::POOL_GRANTS_MAX;
use stipend_core::{GrantNo, SubscriptionNo, Timestamp, examples};

/// The entries of the last step.
fn check(catalog: &str, steps: &str) -> String {
    World::after(catalog, steps).told()
}

#[test]
fn a_subscription_from_the_last_of_january_renews_on_the_days_of_the_calendar() {
    // C1 and C21: exactly one grant for each month of the year.
    let world = World::after("plan base 100/month", "2025-01-31 subscribe base\n2026-02-28 wait");
    let granted = pool_entries(&world.entries).map(|entry| show(entry.at)).collect::<Vec<_>>();
    insta::assert_snapshot!(granted.join(" "), @"2025-01-31 2025-02-28 2025-03-31 2025-04-30 2025-05-31 2025-06-30 2025-07-31 2025-08-31 2025-09-30 2025-10-31 2025-11-30 2025-12-31 2026-01-31 2026-02-28");
    assert_eq!(world.pool().unwrap().live.len(), 1);
}

#[test]
fn expiry_renewal_and_settlement_at_one_instant_are_one_entry_in_this_order() {
    let entry = check(
        "plan base 100/month",
        "
        2026-03-01 subscribe base
        grant promo 7 until=2026-04-01
        grant paid 20 from=2026-04-01
        use 237
        2026-04-01 wait
        ",
    );
    insta::assert_snapshot!(entry, @"2026-04-01: #2 expired 0, #1 expired 0, #5 granted 100, #3 activated 20, #5 settles 100, #3 settles 20");
}

#[test]
fn three_months_of_downtime_are_made_up_boundary_by_boundary() {
    // K4.
    let entries = check(
        "plan base 100/month",
        "
        2025-01-31 subscribe base
        2025-02-01 use 130
        2025-05-15 wait
        ",
    );
    insta::assert_snapshot!(entries, @r"
    2025-02-28: #1 expired 0, #3 granted 100, #3 settles 30, overdraft closed
    2025-03-31: #3 expired 70, #4 granted 100
    2025-04-30: #4 expired 100, #5 granted 100
    ");
}

#[test]
fn nothing_rolls_over() {
    check_steps(
        "plan base 100/month",
        "
        2026-03-01 subscribe base          => 100
        use 10                             => 90
        2026-04-01 wait                    => 100
        2026-06-01 wait                    => 100
        ",
    );
}

#[test]
fn each_cadence_renews_on_its_own_boundaries() {
    check_steps(
        "
        plan base 1000/year
        addon extra 50/month
        ",
        "
        2024-02-29 subscribe base extra    => 1050
        use 150                            => 900
        2024-03-29 wait                    => 950
        2025-01-29 wait                    => 950
        2025-02-27T23:59:59Z wait          => 950
        2025-02-28 wait                    => 1050
        ",
    );
}

#[test]
fn the_item_of_a_removed_addon_closes_at_the_boundary() {
    let entry = check(
        "
        plan base 100/month
        addon extra 50/month
        ",
        "
        2026-03-01 subscribe base extra
        2026-03-16 set
        2026-04-01 wait
        ",
    );
    insta::assert_snapshot!(entry, @"2026-04-01: #1 expired 100, #3 granted 100, add-on extra closed");
}

#[test]
fn an_item_that_closed_begins_anew_when_it_is_bought_again() {
    check_steps(
        "
        plan base 100/month
        addon extra 50/month
        ",
        "
        2026-03-01 subscribe base extra    => 150
        2026-03-16 set                     => 100
        2026-05-10 wait                    => 100
        2026-05-11 set extra               => 150
        2026-06-01 wait                    => 150
        ",
    );
}

#[test]
fn the_last_item_of_a_cancelled_subscription_grants_no_more() {
    check_steps(
        "plan base 100/month",
        "
        2026-03-01 subscribe base          => 100
        2026-03-31T23:59:59.999999Z cancel => 0
        2026-04-01 wait                    => 0
        ",
    );
    let world = World::after("plan base 100/month", "2026-03-01 subscribe base\ncancel");
    assert_eq!(world.customer.next_due, None);
}

#[test]
fn scheduled_grants_come_into_force_and_end_at_their_own_instants_however_late_anyone_looks() {
    let entries = check(
        "",
        "
        2026-03-01 use 5
        grant paid 20 from=2026-03-10 until=2026-03-12
        grant promo 30 from=2026-03-11
        2026-03-20 wait
        ",
    );
    insta::assert_snapshot!(entries, @r"
    2026-03-10: #2 activated 20, #2 settles 5, overdraft closed
    2026-03-11: #3 activated 30
    2026-03-12: #2 expired 15
    ");
}

#[test]
fn nothing_is_due_before_its_instant_and_nothing_is_due_twice() {
    let mut world = World::after("plan base 100/month", "2026-03-01 subscribe base");
    assert_eq!(world.customer.next_due, Some(at("2026-04-01")));
    let before = at("2026-03-31T23:59:59.999999Z");
    assert_eq!(roll_forward(&world.customer, &world.catalog, before), []);
    world.advance(at("2026-04-01"));
    assert_eq!(world.customer.next_due, Some(at("2026-05-01")));
    assert_eq!(roll_forward(&world.customer, &world.catalog, world.now), []);
}

#[test]
fn an_archived_package_keeps_granting_to_who_has_it() {
    let mut world = World::after("plan base 100/month", "2026-03-01 subscribe base\nuse 40");
    let archive = stipend_core::catalog::CatalogCommand::ArchiveProduct(examples::product());
    examples::change(&mut world.catalog, &archive, world.now).unwrap();
    assert_eq!(world.step("2026-04-01 wait"), "100");
}

const LIVELY: &str = "
    plan base 100/month tokens=7/year
    addon extra 50/month
    addon annual 300/year
    ";

/// A customer with something due at many instants.
fn lively() -> Customer {
    let mut world = World::new(catalog(LIVELY));
    let steps = "
        2025-01-31T10:00:00Z subscribe base extra=2 annual
        use 350
        grant promo 30 from=2025-02-10 until=2025-03-31T10:00:00Z
        grant paid 40 from=2025-02-28T10:00:00Z prio=10
        grant paid 25 until=2025-04-02
        2025-02-14 set annual
        use 60
        ";
    for line in lines(steps) {
        world.step(line);
    }
    world.customer
}

/// Rolls forward in steps and returns everything that happened.
fn roll_in_steps(days: &[i64]) -> (Customer, Vec<Entry>) {
    let catalog = catalog(LIVELY);
    let mut customer = lively();
    let start = at("2025-02-14");
    let mut entries = Vec::new();
    for day in days {
        for entry in roll_forward(&customer, &catalog, start.plus_seconds(day * 24 * 60 * 60)) {
            customer.apply(&entry);
            entries.push(entry);
        }
    }
    (customer, entries)
}

#[test]
fn looking_every_day_equals_looking_once() {
    let every_day: Vec<i64> = (0..=400).collect();
    assert_eq!(roll_in_steps(&every_day), roll_in_steps(&[400]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn it_does_not_matter_when_or_how_often_anyone_looks(
        mut days in prop::collection::vec(0i64..400, 0..12),
    ) {
        days.sort_unstable();
        days.push(400);
        prop_assert_eq!(roll_in_steps(&days), roll_in_steps(&[400]));
    }
}

#[test]
fn what_is_due_is_never_refused_for_lack_of_room() {
    let shop = "plan base paid 100/month\nplan yearly paid 1200/year\naddon extra 50/month";
    for (steps, before, left) in [
        ("2026-03-01 subscribe base from=2026-04-01", "1000", "1100"),
        ("2026-03-01 subscribe yearly\npatch at-month-end addons=extra", "2199", "2249"),
    ] {
        let mut world = World::after(shop, steps);
        while world.pool().is_none_or(|pool| pool.live.len() < POOL_GRANTS_MAX) {
            world.step("grant paid 1");
        }
        assert_eq!(world.pool().unwrap().balance().to_string(), before);
        let full = "refused: the limit of 1000 grants with something left in a pool is reached; \
                    void grants that are not needed, or wait until some are used up or expire";
        let told = [world.step("grant paid 1"), world.step("2026-04-01 wait")];
        assert_eq!(told, [full, left], "{steps}");
        let terms = &world.customer.subscriptions[0].terms;
        assert_eq!((terms.ended, &terms.scheduled[..]), (None, &[][..]), "{steps}");
        assert_eq!(world.step("grant paid 1"), full);
        // Whoever acts can make room.
        let paid = world.pool().unwrap().live.iter().filter(|grant| grant.source.is_none());
        let first: GrantNo = paid.map(|grant| grant.no).min().unwrap();
        let fewer = (amount(left) - amount("1")).to_string();
        assert_eq!(world.step(&format!("void {}", first.0)), fewer, "{steps}");
        // What is used up makes room as well.
        let most = amount(&fewer) - amount("100");
        assert_eq!(world.step(&format!("use {most}")), "100");
        assert_eq!(world.step("grant paid 1"), "101");
        world.assert_read_is_replay();
    }
}

#[test]
fn what_would_be_due_at_the_last_instant_never_is() {
    let mut world = World::after(
        "plan base 100/month",
        "
        9999-12-01 subscribe base
        patch ends=9999-12-30T22:00:00.999999Z
        grant paid 5 until=9999-12-30T22:00:00.999999Z
        grant paid 7 from=9999-12-30T22:00:00.999999Z
        ",
    );
    assert_eq!(world.customer.next_due, None);
    assert_eq!(upcoming(&world.customer, &world.catalog, SubscriptionNo(0), 5), []);
    world.advance(Timestamp::MAX);
    assert_eq!(world.state(), "105 scheduled 7");
}
