//! Soft, hard and strict: what happens beyond a balance.

use crate::support::{World, amount, check_steps, lines, resource};
use stipend_core::catalog::Enforcement;
use stipend_core::customer::{
    CustomerRejection, Standing, check_credit, enforcement_of_currency, resolve,
};
use stipend_core::examples;

fn told(world: &World) -> String {
    let credits = examples::credits();
    let enforcement = enforcement_of_currency(&world.customer, &world.catalog, &credits, None);
    assert_eq!(enforcement, by_shares(world), "it is what the shares say that grant");
    let (customer, catalog) = (&world.customer, &world.catalog);
    let check = check_credit(customer, catalog, &credits, None, None, world.now);
    assert_eq!(check.enforcement, enforcement, "a check tells it");
    format!("{enforcement:?}")
}

/// The enforcement by way of the shares.
fn by_shares(world: &World) -> Enforcement {
    let terms = world.customer.subscriptions.iter().map(|subscription| &subscription.terms);
    let active = terms.filter(|terms| terms.is_active() && terms.resource.is_none());
    let shares = active.flat_map(|terms| {
        resolve(terms, &world.catalog).remove(&examples::credits()).unwrap_or_default()
    });
    let granting = shares.filter(|share| share.standing == Standing::Grants);
    granting.map(|share| share.enforcement).min().unwrap_or(Enforcement::Hard)
}

/// `catalog lines | steps => enforcement`.
fn check(table: &str) {
    for line in lines(table) {
        let (case, expected) = line.split_once("=>").unwrap();
        let (packages, steps) = case.split_once('|').unwrap();
        let steps = format!("2026-03-01 {}", steps.trim().replace(';', "\n"));
        let world = World::after(&packages.replace(';', "\n"), &steps);
        assert_eq!(told(&world), expected.trim(), "{line}");
    }
}

#[test]
fn any_soft_source_softens_and_all_must_be_strict() {
    check(
        "
        plan a 5/month                                  | subscribe a                  => Hard
        plan a 5/month:soft                             | subscribe a                  => Soft
        plan a 5/month:strict                           | subscribe a                  => Strict
        plan a 5/month:soft:strict                      | subscribe a                  => Strict
        plan a 5/month:soft:hard                        | subscribe a                  => Hard
        plan a 5/month:strict; addon m 5/month          | subscribe a m                => Hard
        plan a 5/month:strict; addon m 5/month:soft     | subscribe a m                => Soft
        plan a 5/month:strict; addon m 5/month:strict   | subscribe a m                => Strict
        plan a 5/month:strict; addon m 5/month:off      | subscribe a m                => Strict
        plan a 5/month:soft; addon t 9/month:override:strict | subscribe a t           => Strict
        plan a 5/month:off                              | subscribe a                  => Hard
        plan a 5/month:strict; addon m 5/month:soft; addon t 9/month:override:strict | subscribe a m t => Strict
        plan r 5/month:strict; plan a parent=r tokens=1/month | subscribe a            => Strict
        plan a 5/month:strict                           | subscribe a agree=9/month    => Strict
        plan a 5/month:strict                           | subscribe a; cancel          => Hard
        plan a 5/month:strict                           | subscribe a on=site          => Hard
        plan a tokens=5/month:strict                    | subscribe a                  => Hard
        plan a 5/month:strict                           | grant paid 5                 => Hard
        ",
    );
}

#[test]
fn what_is_strict_refuses_consumption_beyond_the_balance_as_a_whole() {
    check_steps(
        "plan base 100/month:strict",
        "
        2026-03-01 subscribe base => 100
        use 60                    => 40
        use 40.000000001          => refused: 40.000000001 credits were asked for and 40 are available
        use 40                    => 0
        use 1                     => refused: 1 credits were asked for and 0 are available
        grant paid 5              => 5
        use 5                     => 0
        2026-04-01 use 100        => 0
        cancel                    => 0
        use 1                     => -1 overdraft 1
        ",
    );
}

#[test]
fn what_is_hard_denies_a_check_and_records_what_is_reported() {
    check_steps(
        "plan base 100/month",
        "
        2026-03-01 subscribe base => 100
        use 120                   => -20 overdraft 20
        strict 1                  => refused: 1 credits were asked for and 0 are available
        ",
    );
}

#[test]
fn a_check_denies_what_is_strict_as_what_is_hard() {
    let world = World::after("plan base 100/month:strict", "2026-03-01 subscribe base");
    let ask = |credits| {
        let requested = Some(amount(credits));
        check_credit(
            &world.customer,
            &world.catalog,
            &examples::credits(),
            None,
            requested,
            world.now,
        )
    };
    assert_eq!(ask("100").denial, None);
    assert!(ask("101").denial.is_some());
    assert!(!ask("101").is_soft());
}

#[test]
fn each_resource_is_enforced_by_its_own_subscription() {
    let mut world = World::after(
        "plan base 100/month:strict\nplan plain 100/month",
        "2026-03-01 subscribe base on=site\nsubscribe plain id=s2",
    );
    let beyond = |on| {
        let request = stipend_core::customer::ConsumeRequest {
            resource: on,
            ..examples::consumption(amount("101"))
        };
        stipend_core::customer::CustomerCommand::Consume(request)
    };
    let refused = world.carry_out(&beyond(Some(resource("site")))).unwrap_err();
    assert!(matches!(refused, CustomerRejection::InsufficientCredits { .. }));
    world.carry_out(&beyond(None)).unwrap();
}
