//! Checks: may this customer use credits now?

use crate::support::{World, amount, at, currency, lines, resource};
use stipend_core::catalog::CatalogCommand;
use stipend_core::customer::{CreditCheck, Denial, check_credit, explain};
use stipend_core::{Amount, examples};

fn ask(world: &World, requested: Option<&str>) -> CreditCheck {
    let requested = requested.map(amount);
    check_credit(&world.customer, &world.catalog, &examples::credits(), None, requested, world.now)
}

/// `requested => granted|denial`; `-` requests nothing in particular.
fn check(world: &World, table: &str) {
    for line in lines(table) {
        let (requested, expected) = line.split_once("=>").unwrap();
        let requested = Some(requested.trim()).filter(|requested| *requested != "-");
        let answer = ask(world, requested).denial;
        let answer = answer.map_or("granted".to_owned(), |denial| format!("{denial:?}"));
        assert_eq!(answer, expected.trim(), "{line}");
    }
}

#[test]
fn what_is_left_must_cover_what_is_requested() {
    let world = World::after("plan base 100/month", "2026-03-01 subscribe base\nuse 90");
    check(
        &world,
        "
        -             => granted
        0             => granted
        10            => granted
        9.999999999   => granted
        10.000000001  => InsufficientCredits
        11            => InsufficientCredits
        ",
    );
}

#[test]
fn nothing_is_granted_when_nothing_is_left() {
    let empty = "
        -             => InsufficientCredits
        0             => InsufficientCredits
        1             => InsufficientCredits
        ";
    check(&World::after("plan base 100/month", "2026-03-01 subscribe base\nuse 100"), empty);
    check(&World::after("plan base 100/month", "2026-03-01 subscribe base\nuse 101"), empty);
    check(&World::after("plan base 0/month", "2026-03-01 subscribe base"), empty);
}

#[test]
fn a_soft_limit_grants_beyond_the_balance_and_says_so() {
    let soft = "
        plan base 100/month
        addon extra 50/month:soft
        addon tier 500/month:override
        ";
    let mut world = World::after(soft, "2026-03-01 subscribe base extra\nuse 200");
    check(&world, "1000 => granted\n- => granted");
    assert!(ask(&world, None).is_soft());
    // What is displaced does not soften.
    world.step("set extra tier");
    check(&world, "300 => granted\n301 => InsufficientCredits");
    assert!(!ask(&world, None).is_soft());
}

#[test]
fn an_instant_around_an_expiry_is_answered_half_open() {
    // K7.
    let mut world = World::after("", "2026-03-01 grant paid 5 until=2026-04-01");
    world.step("2026-03-31T23:59:59.999999Z wait");
    check(&world, "- => granted");
    world.step("2026-04-01 wait");
    check(&world, "- => InsufficientCredits");
    world.step("2026-04-01T00:00:00.000001Z wait");
    check(&world, "- => InsufficientCredits");
}

#[test]
fn the_figures_of_a_check_are_those_of_the_pool() {
    let world = World::after(
        "plan base 100/month",
        "2026-03-01 subscribe base\ngrant paid 50 until=2026-03-20\n2026-03-05 use 30",
    );
    let answer = ask(&world, None);
    assert_eq!(answer.usage_limit, amount("150"));
    assert_eq!(answer.current_usage, amount("30"));
    assert_eq!(answer.usage_updated_at, at("2026-03-05"));
    assert_eq!(answer.period_end, Some(at("2026-04-01")), "only recurring credits have a period");
    assert_eq!(answer.valid_until, Some(at("2026-03-20")), "then an answer can change by itself");
    assert_eq!(answer.denial, None);
}

#[test]
fn a_denial_says_what_is_missing_the_nearest_thing_first() {
    let deny = |world: &World, currency_id: &str, on: Option<&str>| {
        let on = on.map(resource);
        let asked = currency(currency_id);
        check_credit(&world.customer, &world.catalog, &asked, on.as_ref(), None, world.now).denial
    };
    let mut world = World::after("plan base tokens=5/month", "2026-03-01 wait");
    let own = |world: &World| deny(world, "api-credits", None);
    assert_eq!(own(&world), Some(Denial::NoActiveSubscription));
    world.step("subscribe base");
    assert_eq!(own(&world), Some(Denial::EntitlementNotFound));
    assert_eq!(deny(&world, "unheard-of", None), Some(Denial::EntitlementNotFound));
    assert_eq!(deny(&world, "tokens", None), None);
    assert_eq!(deny(&world, "tokens", Some("site")), Some(Denial::CustomerResourceNotFound));
    assert_eq!(deny(&world, "unheard-of", Some("site")), Some(Denial::CustomerResourceNotFound));
    world.step("archive");
    assert_eq!(deny(&world, "tokens", Some("site")), Some(Denial::CustomerIsArchived));
    assert_eq!(deny(&world, "tokens", None), Some(Denial::CustomerIsArchived));
    assert!(Denial::CustomerNotFound < Denial::CustomerIsArchived, "declared in this order");
}

#[test]
fn a_pool_needs_no_subscription() {
    let mut world = World::after("plan base 100/month", "2026-03-01 subscribe base\ngrant paid 5");
    world.step("cancel");
    check(&world, "5 => granted\n6 => InsufficientCredits");
}

#[test]
fn a_resource_has_pools_of_its_own() {
    let world = World::after("plan base 100/month", "2026-03-01 subscribe base on=site");
    let site = resource("site");
    let ask = |on| {
        check_credit(&world.customer, &world.catalog, &examples::credits(), on, None, world.now)
    };
    assert_eq!(ask(Some(&site)).denial, None);
    assert_eq!(ask(None).denial, Some(Denial::NoActiveSubscription));
    assert_eq!(ask(None).usage_limit, Amount::ZERO);
}

#[test]
fn a_check_and_its_explanation_agree_on_every_number() {
    let world = World::after(
        "
        plan base 100/month
        addon extra 50/month
        addon tier 120/month:override
        ",
        "
        2026-03-01 subscribe base extra=2
        use 190
        2026-03-10 set extra=2 tier
        grant promo 5 until=2026-05-01
        ",
    );
    let (answer, told) = (ask(&world, None), {
        explain(&world.customer, &world.catalog, &examples::credits(), None, world.now)
    });
    assert_eq!(told.balance, answer.usage_limit - answer.current_usage);
    assert_eq!((told.granted, told.used), (answer.usage_limit, answer.current_usage));
    assert_eq!((told.balance, told.overdraft), (amount("5"), Amount::ZERO));
    let [part] = &told.subscriptions[..] else { panic!("one subscription") };
    assert_eq!((part.total, part.carried), (amount("120"), amount("70")));
    let packages: Vec<String> = part.shares.iter().map(|share| share.package.to_string()).collect();
    assert_eq!(packages, ["plan base", "add-on extra", "add-on tier"]);
    assert_eq!(told.pool.as_ref(), world.pool());
}

#[test]
fn an_archived_package_still_counts_for_who_has_it() {
    let mut world = World::after("plan base 100/month:soft", "2026-03-01 subscribe base\nuse 100");
    let archive = CatalogCommand::ArchiveProduct(examples::product());
    examples::change(&mut world.catalog, &archive, world.now).unwrap();
    check(&world, "1 => granted");
}

/// Invariant 25: more credits never lower a limit and never take access away.
#[test]
fn more_credits_never_lower_a_limit_or_take_access_away() {
    let shop = "plan base 100/month\naddon extra 50/month";
    for used in [0, 60, 100, 180] {
        let mut world = World::after(shop, "2026-03-01 subscribe base");
        if used > 0 {
            world.step(&format!("use {used}"));
        }
        for more in ["grant promo 30", "set extra=1", "set extra=2", "grant paid 5"] {
            let before = ask(&world, None);
            world.step(more);
            let after = ask(&world, None);
            assert!(after.usage_limit >= before.usage_limit, "{used} used, {more}");
            assert!(before.denial.is_some() || after.denial.is_none(), "{used} used, {more}");
        }
    }
}
