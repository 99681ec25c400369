//! The order in which grants are drawn, and what happens when they are not enough.

use crate::support::{World, amount, at, catalog, check_steps, lines};
use stipend_core::customer::{BurnRule, CustomerRejection, Effect, Entry, GrantKind, Pool};
use stipend_core::{Amount, Customer, GrantNo, examples};

/// Makes the grants of the table, uses the amount, and says what each grant gave: `no:amount`.
fn check(grants: &str, used: &str) -> String {
    let mut world = World::new(catalog(""));
    for line in lines(grants) {
        let state = world.step(line);
        assert!(!state.starts_with("refused"), "{line}: {state}");
    }
    draws(&mut world, used)
}

fn draws(world: &mut World, used: &str) -> String {
    world.step(&format!("use {used}"));
    let Some(Entry::Pool(entry)) = world.entries.last() else {
        panic!("a consumption is an entry")
    };
    let gave = entry.effects.iter().map(|effect| match effect {
        Effect::Drawn(draw) => format!("{}:{}", draw.grant.0, draw.amount),
        Effect::Overdrawn(draw) => format!("overdraft:{}", draw.amount),
        other => panic!("no part of a consumption: {other:?}"),
    });
    gave.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_worked_example_draws_promotional_then_paid_and_leaves_the_later_priority() {
    let draws = check(
        "
        2026-08-01 grant paid   50 prio=1 until=2026-09-01
        2026-08-01 grant promo  20 prio=1 until=2026-09-01
        2026-08-01 grant promo 100 prio=2 until=2026-08-15
        ",
        "60",
    );
    insta::assert_snapshot!(draws, @"2:20 1:40");
}

#[test]
fn a_lower_priority_number_is_drawn_before_a_sooner_expiry() {
    let draws = check(
        "
        2026-03-01 grant promo 10 prio=50 until=2026-03-02
        2026-03-01 grant paid  10 prio=49
        2026-03-01 grant paid  10 prio=0
        2026-03-01 grant paid  10 prio=100
        ",
        "40",
    );
    insta::assert_snapshot!(draws, @"3:10 2:10 1:10 4:10");
}

#[test]
fn the_sooner_expiry_is_drawn_first_and_never_comes_last() {
    let draws = check(
        "
        2026-03-01 grant promo 10
        2026-03-01 grant promo 10 until=2026-05-01
        2026-03-01 grant paid  10 until=2026-04-01
        ",
        "30",
    );
    insta::assert_snapshot!(draws, @"3:10 2:10 1:10");
}

#[test]
fn promotional_is_drawn_before_paid_when_priority_and_expiry_tie() {
    let draws = check(
        "
        2026-03-01 grant paid  10 from=2026-01-01 until=2026-04-01
        2026-03-01 grant promo 10 from=2026-02-01 until=2026-04-01
        ",
        "20",
    );
    insta::assert_snapshot!(draws, @"2:10 1:10");
}

#[test]
fn the_earlier_effective_time_breaks_the_next_tie() {
    let draws = check(
        "
        2026-03-01 grant paid 10 from=2026-02-02
        2026-03-02 grant paid 10 from=2026-02-01
        ",
        "20",
    );
    insta::assert_snapshot!(draws, @"2:10 1:10");
}

#[test]
fn the_earlier_creation_breaks_the_next_tie() {
    // Both come into force at the same instant, so only the creation differs.
    let draws = check(
        "
        2026-03-01 grant paid 10 from=2026-03-05
        2026-03-05 grant paid 10
        ",
        "20",
    );
    insta::assert_snapshot!(draws, @"1:10 2:10");
}

#[test]
fn the_number_breaks_the_last_tie() {
    let twins = "
        2026-03-01 grant paid 10 until=2026-04-01
        2026-03-01 grant paid 10 until=2026-04-01
        2026-03-01 grant paid 10 until=2026-04-01
        ";
    insta::assert_snapshot!(check(twins, "25"), @"1:10 2:10 3:5");
}

#[test]
fn recurring_credits_rank_with_paid_ones() {
    let mut world = World::after(
        "plan base 10/month",
        "
        2026-03-01 subscribe base
        2026-03-01 grant promo 10 until=2026-04-01
        2026-03-01 grant paid  10 from=2026-02-01 until=2026-04-01
        ",
    );
    insta::assert_snapshot!(draws(&mut world, "30"), @"2:10 3:10 1:10");
}

#[test]
fn the_burn_keys_of_a_pool_are_never_equal() {
    let world = World::after("", "2026-03-01 grant paid 1\n2026-03-01 grant paid 1");
    let [one, other] = world.pool().unwrap().live.open() else { panic!("two grants") };
    assert!(one.burn_key() < other.burn_key());
    assert_eq!(
        (one.kind, one.effective_at, one.created_at),
        (GrantKind::Paid, at("2026-03-01"), at("2026-03-01"))
    );
}

#[test]
fn a_grant_can_be_drawn_up_to_but_not_at_its_expiry() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 10 until=2026-04-01    => 10
        2026-03-31T23:59:59.999999Z use 1            => 9
        2026-04-01 use 1                             => -1 overdraft 1
        ",
    );
}

#[test]
fn a_grant_can_be_drawn_from_the_instant_at_which_it_begins() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 10 from=2026-03-05     => 0 scheduled 10
        2026-03-04T23:59:59.999999Z strict 1         => refused: 1 credits were asked for and 0 are available
        2026-03-05 strict 1                          => 9
        ",
    );
}

#[test]
fn usage_beyond_the_grants_is_overdraft_that_the_next_grant_settles() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 10   => 10
        use 25                     => -15 overdraft 15
        grant paid 50              => 35
        ",
    );
    let mut world = World::after("", "2026-03-01 grant paid 10\nuse 25\ngrant paid 50");
    insta::assert_snapshot!(world.told(), @"2026-03-01: #3 granted 50, #3 settles 15, overdraft closed");
    let bought = world.pool().unwrap().find_grant(GrantNo(3)).unwrap();
    assert_eq!((bought.consumed, bought.remaining()), (amount("15"), amount("35")));
    world.step("use 40");
    insta::assert_snapshot!(world.told(), @"2026-03-01: #3 drawn 35, #4 overdrawn 5");
}

#[test]
fn the_overdraft_is_one_record_and_several_grants_settle_it_in_parts() {
    check_steps(
        "",
        "
        2026-03-01 use 60     => -60 overdraft 60
        use 40                => -100 overdraft 100
        grant paid 30         => -70 overdraft 70
        grant promo 30        => -40 overdraft 40
        use 5                 => -45 overdraft 45
        grant paid 45         => 0
        grant paid 1          => 1
        ",
    );
    let world = World::after("", "2026-03-01 use 60\nuse 40\ngrant paid 30");
    insta::assert_snapshot!(world.told(), @"2026-03-01: #2 granted 30, #2 settles 30");
}

#[test]
fn an_overdraft_outlives_the_grants_and_a_scheduled_grant_settles_it_when_it_begins() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 10 until=2026-03-10    => 10
        grant paid 50 from=2026-03-20                => 10 scheduled 50
        2026-03-02 use 25                            => -15 overdraft 15 scheduled 50
        2026-03-10 wait                              => -15 overdraft 15 scheduled 50
        2026-03-20 wait                              => 35
        ",
    );
}

#[test]
fn a_strict_consumption_that_is_not_covered_changes_nothing() {
    let mut world = World::after("", "2026-03-01 grant paid 10");
    let before: Customer = world.customer.clone();
    let refused = world.carry_out(&world.command("strict 10.000000001"));
    let expected = CustomerRejection::InsufficientCredits {
        requested: amount("10.000000001"),
        available: amount("10"),
    };
    assert_eq!(refused, Err(expected));
    assert_eq!(world.customer, before);
    assert_eq!(world.step("strict 10"), "0");
}

#[test]
fn strict_consumption_beside_an_overdraft_finds_nothing_available() {
    let mut world = World::after("", "2026-03-01 use 5");
    let refused = world.step("strict 1");
    assert_eq!(refused, "refused: 1 credits were asked for and 0 are available");
}

#[test]
fn spreading_changes_nothing_and_says_what_is_missing() {
    let world = World::after("", "2026-03-01 grant paid 10\ngrant promo 5");
    let pool: &Pool = world.pool().unwrap();
    let spread = pool.spread(amount("18"));
    let gave: Vec<_> = spread.draws.iter().map(|draw| (draw.grant.0, draw.amount)).collect();
    assert_eq!(gave, [(2, amount("5")), (1, amount("10"))]);
    assert_eq!(spread.shortfall, amount("3"));
    assert_eq!(pool.spread(Amount::ZERO).draws, []);
    assert_eq!(pool.currency, examples::credits());
}

#[test]
fn a_consumption_carries_the_balance_that_it_was_answered_with() {
    let mut world = World::after("plan base 100/month", "2026-03-01 subscribe base\ngrant paid 50");
    world.step("use 160");
    let Some(Entry::Pool(entry)) = world.entries.last() else {
        panic!("a consumption is an entry")
    };
    let stipend_core::customer::Cause::Consumption(consumption) = &entry.cause else {
        panic!("caused by a consumption")
    };
    assert_eq!(consumption.amount, amount("160"));
    assert_eq!(consumption.usage_limit, amount("150"));
    assert_eq!(consumption.current_usage, amount("160"));
    assert_eq!(consumption.period_end, Some(at("2026-04-01")));
    assert_eq!(world.pool().unwrap().used, consumption.current_usage);
}

#[test]
fn the_rule_that_puts_a_grant_before_the_next_is_named() {
    let world = World::after(
        "",
        "
        2026-03-01 grant paid 10 prio=1
        2026-03-01 grant promo 10 until=2026-04-01
        2026-03-01 grant promo 10
        2026-03-01 grant paid 10
        2026-03-01 grant paid 10
        2026-03-02 grant paid 10
        ",
    );
    let live = world.pool().unwrap().live.open();
    let rules: Vec<_> = live.windows(2).map(|pair| pair[0].burn_rule(&pair[1])).collect();
    let expected = [
        BurnRule::Priority,
        BurnRule::Expiry,
        BurnRule::Promotional,
        BurnRule::Number,
        BurnRule::Effective,
    ];
    assert_eq!(rules, expected);
}
