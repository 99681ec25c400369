//! Entitlement maths: what a subscription gives of a credit type.

use crate::support::{World, amount, catalog, lines};
use proptest::prelude::*;
use std::fmt::Write as _;
use stipend_core::catalog::Enforcement;
use stipend_core::customer::{Origin, Pool, Share, Standing, SubscriptionTerms, resolve};
use stipend_core::{Amount, Cadence, examples};

fn terms(catalog_text: &str, request: &str) -> (World, SubscriptionTerms) {
    let world = World::after(catalog_text, &format!("2026-03-01 subscribe {request}"));
    let terms = world.customer.subscriptions[0].terms.clone();
    (world, terms)
}

fn shares(catalog_text: &str, request: &str) -> Vec<Share> {
    let (world, terms) = terms(catalog_text, request);
    resolve(&terms, &world.catalog).remove(&examples::credits()).unwrap_or_default()
}

fn total(shares: &[Share]) -> Amount {
    let granting = shares.iter().filter(|share| share.standing == Standing::Grants);
    granting.map(|share| share.amount).sum()
}

/// The shares one a line, and the total; it is also the balance of a new subscriber.
fn check(catalog_text: &str, request: &str) -> String {
    let shares = shares(catalog_text, request);
    let (world, _) = terms(catalog_text, request);
    let balance = world.pool().map_or(Amount::ZERO, Pool::balance);
    assert_eq!(balance, total(&shares), "a new subscriber has the total");
    let mut text = String::new();
    for share in &shares {
        let cadence = if share.cadence == Cadence::Month { "month" } else { "year" };
        let Share { package, unit_amount, quantity, amount, .. } = share;
        write!(text, "{package}: {unit_amount} × {quantity} = {amount}/{cadence}").unwrap();
        text += &match &share.standing {
            Standing::Grants => String::new(),
            Standing::Displaced { by, outdone: false } => format!(", displaced by {by}"),
            Standing::Displaced { by, outdone: true } => format!(", outdone by {by}"),
            Standing::NotGranted => ", not granted".to_owned(),
        };
        text.push('\n');
    }
    write!(text, "total {balance}").unwrap();
    text
}

/// The total alone, for many catalogs: `catalog line; … | request => total`.
fn check_totals(table: &str) {
    for line in lines(table) {
        let (case, expected) = line.split_once("=>").unwrap();
        let (catalog_text, request) = case.split_once('|').unwrap();
        let shares = shares(&catalog_text.replace(';', "\n"), request.trim());
        assert_eq!(total(&shares), amount(expected.trim()), "{line}");
    }
}

#[test]
fn the_acceptance_numbers() {
    check_totals(
        "
        plan base 50000/month; addon extra 10000/month           | base extra=3 => 80000
        plan base 100/month; addon extra 50/month                | base extra   => 150
        plan base 100/month; addon tier 500/month:override       | base tier    => 500
        plan base 50000/month; addon tier 500000/month:override  | base tier    => 500000
        plan annual 60000/year                                   | annual       => 60000
        plan free 500/month                                      | free         => 500
        ",
    );
}

#[test]
fn the_worked_example_of_the_product_has_these_numbers() {
    let catalog = examples::catalog();
    for (units, expected) in [(0, 50_000), (1, 60_000), (3, 80_000)] {
        let customer = examples::subscribed_customer(&catalog, units);
        assert_eq!(customer.pools[0].balance(), Amount::whole(expected), "{units} units");
    }
}

#[test]
fn a_smaller_override_replaces_the_plan_all_the_same() {
    let told = check("plan base 100/month\naddon tier 20/month:override", "base tier");
    insta::assert_snapshot!(told, @r"
    plan base: 100 × 1 = 100/month, displaced by add-on tier
    add-on tier: 20 × 1 = 20/month
    total 20
    ");
}

#[test]
fn of_two_overrides_the_greater_product_with_the_quantity_stands() {
    let told = check(
        "
        plan base 100/month
        addon big 300/month:override
        addon many 120/month:override
        addon extra 50/month
        ",
        "base big many=3 extra=9",
    );
    insta::assert_snapshot!(told, @r"
    plan base: 100 × 1 = 100/month, displaced by add-on many
    add-on big: 300 × 1 = 300/month, outdone by add-on many
    add-on extra: 50 × 9 = 450/month, displaced by add-on many
    add-on many: 120 × 3 = 360/month
    total 360
    ");
}

#[test]
fn overrides_of_different_cadence_compare_per_year_and_ties_go_to_the_month() {
    check_totals(
        "
        plan base 1/month; addon m 100/month:override; addon y 1199/year:override  | base m y   => 100
        plan base 1/month; addon m 100/month:override; addon y 1200/year:override  | base m y   => 100
        plan base 1/month; addon m 100/month:override; addon y 1201/year:override  | base m y   => 1201
        plan base 1/month; addon m 100/month:override; addon y 601/year:override   | base m y=2 => 1202
        plan base 9/year;  addon m 100/month:override                              | base m     => 100
        ",
    );
}

#[test]
fn equal_overrides_go_to_the_lowest_id() {
    let told =
        check("plan base 1/month\naddon b 5/month:override\naddon a 5/month:override", "base b a");
    insta::assert_snapshot!(told, @r"
    plan base: 1 × 1 = 1/month, displaced by add-on a
    add-on a: 5 × 1 = 5/month
    add-on b: 5 × 1 = 5/month, outdone by add-on a
    total 5
    ");
}

#[test]
fn what_is_not_granted_or_has_no_amount_gives_and_displaces_nothing() {
    let told = check(
        "
        plan base 100/month
        addon off 500/month:override:off
        addon open null/month:override
        addon extra 50/month:off
        ",
        "base off open extra",
    );
    insta::assert_snapshot!(told, @r"
    plan base: 100 × 1 = 100/month
    add-on extra: 50 × 1 = 50/month, not granted
    add-on off: 500 × 1 = 500/month, not granted
    add-on open: 0 × 1 = 0/month, not granted
    total 100
    ");
    check_totals(
        "
        plan base null/month                          | base       => 0
        plan base 100/month:off; addon extra 50/month | base extra => 50
        plan base null/month; addon extra 50/month    | base extra => 50
        ",
    );
}

#[test]
fn an_addon_stands_alone_where_the_plan_gives_nothing_of_the_credit_type() {
    check_totals(
        "
        plan base tokens=5/month; addon extra 50/month          | base extra=2 => 100
        plan base tokens=5/month; addon tier 500/month:override | base tier    => 500
        ",
    );
}

#[test]
fn an_override_on_a_plan_has_no_effect() {
    check_totals("plan base 100/month:override; addon extra 50/month | base extra => 150");
}

#[test]
fn a_plan_inherits_from_its_nearest_ancestor_and_its_own_value_wins() {
    let family = "
        plan root 10/month tokens=7/year
        plan middle parent=root 20/month
        plan child parent=middle tokens=1/year
        plan own parent=middle 30/month
        plan heir parent=child
        plan denied parent=middle 0/month:off
        ";
    let told = |plan: &str| {
        let shares = shares(family, plan);
        let [share] = &shares[..] else { panic!("one share: {shares:?}") };
        format!("{} of {} {:?} {:?}", share.amount, share.package, share.origin, share.standing)
    };
    assert_eq!(told("root"), "10 of plan root Plan Grants");
    assert_eq!(told("child"), "20 of plan middle ParentPlan Grants");
    assert_eq!(told("heir"), "20 of plan middle ParentPlan Grants");
    assert_eq!(told("own"), "30 of plan own Plan Grants");
    assert_eq!(told("denied"), "0 of plan denied Plan NotGranted");
    let (world, terms) = terms(family, "heir");
    let tokens = &resolve(&terms, &world.catalog)[&crate::support::currency("tokens")][0];
    assert_eq!((tokens.amount, tokens.package.id.as_str()), (amount("1"), "child"));
}

#[test]
fn an_agreed_amount_replaces_the_plans_or_stands_for_it() {
    let addons = "addon extra 50/month; addon tier 500/month:override";
    let table = [
        ("plan base 100/month", "base agree=200/month", "200"),
        ("plan base 100/month", "base agree=20/month extra", "70"),
        ("plan base 100/month", "base agree=1200/year extra", "1250"),
        ("plan base tokens=1/month", "base agree=200/month extra", "250"),
        ("plan base null/month", "base agree=200/month", "200"),
        ("plan base 100/month:off", "base agree=200/month", "200"),
        ("plan base 100/month", "base agree=900/month tier", "500"),
        ("plan base 100/month", "base agree=0/month", "0"),
    ];
    for (plan, request, expected) in table {
        check_totals(&format!("{plan}; {addons} | {request} => {expected}"));
    }
}

#[test]
fn an_agreed_amount_is_shown_as_the_plans_and_keeps_its_enforcement() {
    let shares = shares("plan base 100/month:soft", "base agree=200/month");
    let [share] = &shares[..] else { panic!("one share") };
    assert_eq!(share.origin, Origin::SubscriptionOverride);
    assert_eq!((share.package.id.as_str(), share.enforcement), ("base", Enforcement::Soft));
}

/// An add-on of the random catalog: amount, quantity, whether it overrides.
fn addon_strategy() -> impl Strategy<Value = (i64, u32, bool)> {
    (0i64..6, 1u32..4, prop::bool::weighted(0.3))
}

/// The rule once more, on whole numbers.
fn expected_total(plan: i64, addons: &[(i64, u32, bool)]) -> i64 {
    let product = |(each, quantity, _): &(i64, u32, bool)| each * i64::from(*quantity);
    let overrides = addons.iter().filter(|addon| addon.2).map(product);
    overrides.max().unwrap_or_else(|| plan + addons.iter().map(product).sum::<i64>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_total_follows_the_rule_and_not_the_order_of_the_addons(
        plan in 0i64..8,
        addons in prop::collection::vec(addon_strategy(), 0..5),
    ) {
        let mut text = format!("plan base {plan}/month\n");
        let mut request = Vec::new();
        for (place, (each, quantity, overrides)) in addons.iter().enumerate() {
            let flag = if *overrides { ":override" } else { "" };
            writeln!(text, "addon a{place} {each}/month{flag}").unwrap();
            request.push(format!("a{place}={quantity}"));
        }
        let forwards = shares(&text, &format!("base {}", request.join(" ")));
        request.reverse();
        let backwards = shares(&text, &format!("base {}", request.join(" ")));
        prop_assert_eq!(total(&forwards), Amount::whole(expected_total(plan, &addons)));
        prop_assert_eq!(forwards, backwards);
    }
}

#[test]
fn a_catalog_of_a_test_is_published() {
    let catalog = catalog("plan base 100/month\naddon extra 50/month draft");
    let published: Vec<bool> =
        catalog.packages.values().map(|one| one.latest().is_some()).collect();
    assert_eq!(published, [true, false]);
}
