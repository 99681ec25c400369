//! Features: what the sources of a customer give of them together, and what a check answers.

use crate::feature_world::{access, ask, catalog, check_answers, feature, step, tell, world};
use crate::support::{World, amount, at, lines, resource, run};
use crate::usage_world::usage_request;
use stipend_core::catalog::{CatalogCommand, Target};
use stipend_core::customer::{
    CustomerCommand, Denial, FeatureSource, entitled_features, feature_sources,
};
use stipend_core::{Amount, PackageId, PackageKey, examples};

/// `catalog lines | steps => what is given of calls`.
fn check_access(table: &str) {
    for line in lines(table) {
        let (case, expected) = line.split_once("=>").unwrap();
        let (packages, steps) = case.split_once('|').unwrap();
        let features = "feature calls incremental; feature region enum=eu,us,asia; several";
        let world =
            world(&format!("{features}; {packages}"), &format!("2026-03-01 {}", steps.trim()));
        let (id, expected) = expected.trim().split_once(": ").unwrap_or(("calls", expected.trim()));
        assert_eq!(access(&world, id), expected, "{line}");
    }
}

#[test]
fn a_subscription_gives_what_its_plan_and_add_ons_make_together() {
    check_access(
        "
        plan base calls=100; addon more calls=50              | subscribe base              => 100
        plan base calls=100; addon more calls=50              | subscribe base more         => 150
        plan base calls=100; addon more calls=50              | subscribe base more=3       => 250
        plan base calls=100; addon tier calls=40:override     | subscribe base tier         => 40
        plan base calls=100; addon tier calls=40:override     | subscribe base tier=3       => 120
        plan base calls=1; addon a calls=30:override; addon b calls=70:override; addon m calls=9 | subscribe base a=2 b m => 70
        plan base calls=100; addon more calls=unlimited       | subscribe base more         => unlimited
        plan base calls=unlimited; addon more calls=50        | subscribe base more         => unlimited
        plan base calls=unlimited; addon t calls=5:override   | subscribe base t            => 5
        plan base calls=100; addon off calls=500:override:off | subscribe base off          => 100
        plan base calls=100:off                               | subscribe base              => nothing
        plan base credits=5/month; addon more calls=50        | subscribe base more=2       => 100
        plan base calls=100                                   | subscribe base buy=calls*7  => 7
        plan base calls=100; addon more calls=50              | subscribe base buy=calls*7 more => 57
        ",
    );
}

#[test]
fn a_plan_inherits_a_feature_from_its_nearest_ancestor_and_its_own_stands_alone() {
    check_access(
        "
        plan a calls=1; plan b parent=a calls=2; plan c parent=b credits=1/month | subscribe c => 2
        plan a calls=9; plan b parent=a calls=2                                  | subscribe b => 2
        plan a calls=9; plan b parent=a calls=2:off                              | subscribe b => 9
        plan a calls=9; plan b parent=a credits=1/month; addon m calls=5         | subscribe b m => 14
        ",
    );
}

/// `catalog lines | subscription => what its packages give of calls`.
#[test]
fn each_package_that_gives_a_feature_is_named_with_what_it_gives() {
    let check = |packages: &str, steps: &str, expected: &str| {
        let packages = format!("feature calls incremental; {packages}");
        let world = world(&packages, &format!("2026-03-01 {steps}"));
        let terms = &world.customer.subscriptions[0].terms;
        let told = feature_sources(terms, &world.catalog, &feature("calls")).into_iter();
        let told = told.map(|source| {
            let limit = source.limit.map_or_else(|| "unlimited".to_owned(), |it| it.to_string());
            let inherited = if source.is_inherited { " inherited" } else { "" };
            let displaced = if source.is_displaced { " displaced" } else { "" };
            let FeatureSource { package, quantity, .. } = &source;
            format!("{}*{quantity}={limit}{inherited}{displaced}", package.id)
        });
        assert_eq!(told.collect::<Vec<_>>().join("; "), expected, "{packages}");
    };
    check("plan a calls=9; addon m calls=5", "subscribe a m=3", "a*1=9; m*3=15");
    check("plan a calls=9; plan b parent=a credits=1/month", "subscribe b", "a*1=9 inherited");
    check("plan a calls=9; plan b parent=a calls=2", "subscribe b", "b*1=2");
    check("plan a calls=9", "subscribe a buy=calls*7", "a*1=7");
    check("plan a credits=1/month", "subscribe a", "");
    let tiers =
        "plan a calls=9; addon m calls=5; addon s calls=20:override; addon t calls=50:override";
    let told = "a*1=9 displaced; m*1=5 displaced; s*2=40 displaced; t*1=50";
    check(tiers, "subscribe a m s=2 t", told);
}

/// `catalog lines | plan => what it inherits`.
#[test]
fn a_plan_inherits_from_the_nearest_what_it_does_not_have_itself() {
    let check = |packages: &str, plan: &str, expected: &str| {
        let catalog =
            catalog(&format!("feature calls incremental; feature mails incremental; {packages}"));
        let plan = &catalog.packages[&PackageKey::plan(PackageId::parse(plan).unwrap())];
        let told = catalog.inherited_entitlements(plan.shown()).into_iter();
        let told = told.map(|(plan, entitlement)| match &entitlement.target {
            Target::Credit(id) => format!("{} of {}", id, plan.id),
            Target::Feature(id) => format!("{} of {}", id, plan.id),
        });
        assert_eq!(told.collect::<Vec<_>>().join(", "), expected, "{packages}");
    };
    let base = "plan a calls=1 mails=2 credits=5/month";
    let check_below = |plan: &str, expected: &str| check(&format!("{base}; {plan}"), "b", expected);
    check(base, "a", "");
    check_below("plan b parent=a calls=2", "mails of a, api-credits of a");
    check_below("plan b parent=a credits=9/month", "calls of a, mails of a");
    check_below("plan b parent=a calls=2:off credits=9/month", "calls of a, mails of a");
    check(
        &format!("{base}; plan m parent=a calls=3; plan b parent=m credits=1/month"),
        "b",
        "calls of m, mails of a",
    );
}

#[test]
fn among_several_sources_the_most_generous_wins() {
    check_access(
        "
        plan a calls=10; plan b calls=30              | subscribe a; subscribe b id=s2           => 30
        plan a calls=10; plan b calls=unlimited       | subscribe b; subscribe a id=s2           => unlimited
        plan a calls=10; plan b in=other calls=30     | subscribe a; subscribe b id=s2           => 30
        plan a calls=10; plan b in=other calls=30     | subscribe a; subscribe b id=s2 trial-until=2026-04-01 => 30
        plan a calls=10                               | subscribe a; promote calls 7 lifetime    => 10
        plan a calls=10                               | subscribe a; promote calls 70 lifetime   => 70
        plan a calls=10                               | subscribe a; promote calls unlimited 1week => unlimited
        plan a calls=unlimited                        | subscribe a; promote calls 70 lifetime   => unlimited
        plan a credits=5/month                        | promote calls 70 lifetime                => 70
        plan a calls=10                               | subscribe a; cancel                      => nothing
        plan a calls=10                               | subscribe a on=site                      => nothing
        plan a calls=10:month; plan b calls=30:week   | subscribe a; subscribe b id=s2           => 30 each week
        plan a calls=10:month                         | subscribe a; promote calls 10:day 1week  => 10 each month
        ",
    );
}

#[test]
fn named_values_are_joined_and_any_soft_source_softens() {
    check_access(
        "
        plan a region=eu; addon m region=us          | subscribe a m                       => region: unlimited eu,us
        plan a region=eu; addon m region=us:override | subscribe a m                       => region: unlimited us
        plan a region=us,eu; plan b region=asia      | subscribe a; subscribe b id=s2      => region: unlimited asia,eu,us
        plan a region=eu                             | subscribe a; promote region us,eu lifetime => region: unlimited eu,us
        plan a region=eu; addon m region=us:off      | subscribe a m                       => region: unlimited eu
        plan a calls=1:STRICT                        | subscribe a                         => 1 strict
        plan a calls=1:STRICT; addon m calls=1       | subscribe a m                       => 2
        plan a calls=1:STRICT; addon m calls=1:soft  | subscribe a m                       => 2 soft
        plan a calls=1:soft:HARD                     | subscribe a                         => 1
        plan a calls=9:STRICT; plan b calls=1:soft   | subscribe a; subscribe b id=s2      => 9 soft
        plan a calls=9:STRICT                        | subscribe a; promote calls 1:STRICT 1week => 9 strict
        ",
    );
}

#[test]
fn a_running_trial_gives_and_a_trial_that_ended_gives_nothing() {
    let mut world = world(
        "feature calls incremental; plan a calls=10",
        "2026-03-01 subscribe a trial-cancels=2026-03-15",
    );
    assert_eq!(access(&world, "calls"), "10");
    world.step("2026-03-14T23:59:59.999999Z wait");
    assert_eq!(access(&world, "calls"), "10");
    world.step("2026-03-15 wait");
    assert_eq!(access(&world, "calls"), "nothing");
}

#[test]
fn a_feature_on_or_off_is_granted_to_who_has_it() {
    let world =
        world("feature sso boolean; feature logs boolean; plan a sso", "2026-03-01 subscribe a");
    check_answers(
        &world,
        "
        sso       => granted
        logs      => NoFeatureEntitlementInSubscription
        sso 1     => FeatureTypeMismatch
        sso eu    => FeatureTypeMismatch
        ",
    );
}

#[test]
fn a_number_that_the_plan_carries_bounds_a_request_and_is_never_used_up() {
    let world = world("feature size number; plan a size=100", "2026-03-01 subscribe a");
    check_answers(
        &world,
        "
        size        => granted
        size 0      => granted
        size 100    => granted
        size 100.1  => RequestedUsageExceedingLimit
        size eu     => FeatureTypeMismatch
        ",
    );
    let none = world_of("feature size number; plan a size=0");
    check_answers(
        &none,
        "size => granted\nsize 0 => granted\nsize 1 => RequestedUsageExceedingLimit",
    );
}

fn world_of(catalog_text: &str) -> World {
    world(catalog_text, "2026-03-01 subscribe a")
}

#[test]
fn a_metered_feature_is_granted_up_to_its_limit() {
    let features = "feature calls incremental; feature seats fluctuating";
    let metered = world_of(&format!("{features}; plan a calls=100:month seats=0"));
    check_answers(
        &metered,
        "
        calls      => granted
        calls 100  => granted
        calls 101  => RequestedUsageExceedingLimit
        calls 0.5  => granted
        seats      => RequestedUsageExceedingLimit
        seats 0    => granted
        seats 1    => RequestedUsageExceedingLimit
        ",
    );
    let soft = world_of(&format!("{features}; plan a calls=100:soft seats=unlimited"));
    check_answers(&soft, "calls 101 => granted\nseats => granted\nseats 1000000 => granted");
    let strict = world_of(&format!("{features}; plan a calls=100:STRICT:soft seats=1"));
    check_answers(&strict, "calls 100 => granted\ncalls 101 => RequestedUsageExceedingLimit");
}

#[test]
fn all_requested_values_must_be_allowed() {
    let world = world_of("feature region enum=eu,us,asia; plan a region=eu,us");
    check_answers(
        &world,
        "
        region          => granted
        region eu       => granted
        region us,eu    => granted
        region us,asia  => RequestedValuesMismatch
        region mars     => RequestedValuesMismatch
        region 1        => FeatureTypeMismatch
        ",
    );
    // An entitlement that names no value allows none, and is there all the same.
    let none = world_of("feature region enum=eu,us; plan a region");
    check_answers(&none, "region => granted\nregion eu => RequestedValuesMismatch");
}

#[test]
fn usage_that_is_paid_in_credits_needs_what_it_costs() {
    let mut world = world_of("feature calls incremental; plan a credits=10/month rate:calls=2");
    check_answers(
        &world,
        "
        calls       => granted
        calls 5     => granted
        calls 5.1   => InsufficientCredits
        calls 0     => granted
        ",
    );
    let check = ask(&world, "calls 3");
    let credits = check.credits.unwrap();
    assert_eq!(credits.currency, examples::credits());
    assert_eq!((credits.cost, credits.is_estimate), (Some(amount("6")), false));
    assert_eq!(credits.check.usage_limit, amount("10"));
    world.step("use 10");
    check_answers(&world, "calls => InsufficientCredits\ncalls 0 => InsufficientCredits");
    world.step("grant paid 1");
    check_answers(&world, "calls => granted\ncalls 1 => InsufficientCredits\ncalls 0.5 => granted");
}

#[test]
fn what_is_paid_for_already_is_granted_with_nothing_left() {
    let mut world =
        world_of("feature words incremental per=1000:up; plan a credits=10/month rate:words=2");
    let report = CustomerCommand::Usage(usage_request("words 4001"));
    world.carry_out(&report).unwrap();
    assert_eq!(world.state(), "0", "five units are paid for");
    check_answers(
        &world,
        "
        words 500  => granted
        words 999  => granted
        words 1000 => InsufficientCredits
        words 0    => InsufficientCredits
        words      => InsufficientCredits
        ",
    );
    world.step("use 1");
    check_answers(&world, "words 500 => InsufficientCredits");
    let free = "feature calls incremental; plan a credits=10/month rate:calls=0:formula";
    let mut free = world_of(free);
    check_answers(&free, "calls 5 => granted");
    free.step("use 10");
    check_answers(&free, "calls 5 => InsufficientCredits");
}

#[test]
fn usage_inherits_the_soft_limit_of_its_pool_and_keeps_its_own_limit() {
    let soft = world_of("feature calls incremental; plan a credits=10/month:soft rate:calls=2");
    check_answers(&soft, "calls 1000 => granted");
    let both = "feature calls incremental; plan a calls=3 credits=10/month rate:calls=2";
    check_answers(
        &world_of(both),
        "
        calls 3  => granted
        calls 4  => RequestedUsageExceedingLimit
        calls 6  => InsufficientCredits
        ",
    );
    let other = "feature calls incremental; plan a credits=10/month rate:calls=2:tokens";
    check_answers(&world_of(other), "calls => InsufficientCredits");
}

#[test]
fn a_formula_is_estimated_at_the_amount_of_the_rate() {
    let world = world_of("feature calls incremental; plan a credits=10/month rate:calls=2:formula");
    check_answers(&world, "calls 5 => granted\ncalls 6 => InsufficientCredits");
    let estimate = |line| ask(&world, line).credits.unwrap();
    assert_eq!(
        (estimate("calls 5").cost, estimate("calls 5").is_estimate),
        (Some(amount("10")), true)
    );
    assert!(!estimate("calls").is_estimate, "nothing was priced");
    let mut free =
        world_of("feature calls incremental; plan a credits=10/month rate:calls=0:formula");
    check_answers(&free, "calls 1000 => granted");
    free.step("use 10");
    check_answers(&free, "calls 1000 => InsufficientCredits");
}

#[test]
fn usage_is_priced_in_the_units_that_are_shown() {
    let check = |round: &str, requested: &str, cost: &str| {
        let features = format!("feature words incremental per=1000:{round}");
        let world = world_of(&format!("{features}; plan a credits=10/month rate:words=2"));
        let check = ask(&world, &format!("words {requested}"));
        assert_eq!(check.credits.unwrap().cost, Some(amount(cost)), "{round} {requested}");
    };
    check("up", "1", "2");
    check("up", "1000", "2");
    check("up", "1001", "4");
    check("down", "999", "0");
    check("down", "1999", "2");
}

#[test]
fn of_several_reasons_the_first_in_the_order_of_declaration_is_given() {
    // Each step takes one reason away, and the next one shows.
    let mut world = World::new(catalog(
        "
        feature calls incremental
        feature more incremental
        plan empty credits=1/month
        plan base more=1 calls=1 credits=4/month rate:calls=2
        ",
    ));
    let mut told = Vec::new();
    let mut tell_at = |world: &World, line: &str| told.push(ask(world, line).denial);
    step(&mut world, "2026-03-01 archive").unwrap();
    tell_at(&world, "unheard-of eu on=site spent=1");
    step(&mut world, "unarchive").unwrap();
    tell_at(&world, "unheard-of eu on=site spent=1");
    tell_at(&world, "unheard-of eu spent=1");
    step(&mut world, "promote calls 5 1week").unwrap();
    step(&mut world, "revoke calls").unwrap();
    tell_at(&world, "calls eu spent=1");
    step(&mut world, "2026-03-08 wait").unwrap();
    tell_at(&world, "calls eu spent=1");
    step(&mut world, "subscribe empty").unwrap();
    tell_at(&world, "calls eu spent=1");
    step(&mut world, "subscribe base id=s2").unwrap();
    step(&mut world, "use 4").unwrap();
    tell_at(&world, "calls eu spent=1");
    tell_at(&world, "calls 2 spent=1");
    tell_at(&world, "calls 2");
    step(&mut world, "grant paid 4").unwrap();
    tell_at(&world, "calls 2");
    tell_at(&world, "calls 1");
    let expected = [
        Some(Denial::CustomerIsArchived),
        Some(Denial::CustomerResourceNotFound),
        Some(Denial::FeatureNotFound),
        Some(Denial::Revoked),
        Some(Denial::NoActiveSubscription),
        Some(Denial::NoFeatureEntitlementInSubscription),
        Some(Denial::FeatureTypeMismatch),
        Some(Denial::BudgetExceeded),
        Some(Denial::InsufficientCredits),
        Some(Denial::RequestedUsageExceedingLimit),
        None,
    ];
    assert_eq!(told, expected);
    let declared = expected.iter().flatten();
    assert!(declared.is_sorted(), "the order of the declaration is the precedence");
    assert!(Denial::CustomerNotFound < Denial::CustomerIsArchived);
    assert!(Denial::RequestedUsageExceedingLimit < Denial::RequestedValuesMismatch);
}

#[test]
fn a_spent_budget_denies_where_nothing_else_gives_the_feature() {
    let features = "several; feature calls incremental; plan a calls=5; plan b calls=5";
    let one = world(features, "2026-03-01 subscribe a");
    check_answers(&one, "calls => granted\ncalls spent=0 => BudgetExceeded");
    let two = world(features, "2026-03-01 subscribe a; subscribe b id=s2");
    check_answers(&two, "calls spent=0 => granted\ncalls spent=0 spent=1 => BudgetExceeded");
    let promoted = world(features, "2026-03-01 subscribe a; promote calls 1 lifetime");
    check_answers(&promoted, "calls spent=0 => granted");
    let mapped = "feature calls incremental; plan a credits=5/month rate:calls=1";
    check_answers(&world_of(mapped), "calls spent=0 => BudgetExceeded");
}

#[test]
fn a_resource_has_the_features_of_its_own_subscription_and_all_promotions() {
    let mut world = world(
        "feature calls incremental; feature sso boolean; plan a calls=5",
        "2026-03-01 subscribe a on=site; promote sso - lifetime",
    );
    check_answers(
        &world,
        "
        calls on=site  => granted
        calls          => NoActiveSubscription
        sso on=site    => granted
        sso            => granted
        sso on=moon    => CustomerResourceNotFound
        ",
    );
    world.step("cancel");
    check_answers(&world, "calls on=site => NoActiveSubscription\nsso on=site => granted");
}

#[test]
fn the_features_that_any_source_gives_are_listed() {
    let mut world = world(
        "
        feature calls incremental
        feature mail incremental
        feature sso boolean
        feature logs boolean
        feature never boolean
        plan root logs
        plan a parent=root calls=5 never=-:off rate:mail=1 credits=1/month
        addon m sso
        ",
        "2026-03-01 subscribe a m; promote never - 1week",
    );
    let list = |world: &World| {
        let listed = entitled_features(&world.customer, &world.catalog, None, world.now);
        listed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list(&world), "calls logs mail never sso");
    world.step("2026-03-08 set");
    assert_eq!(list(&world), "calls logs mail");
    world.step("cancel");
    assert_eq!(list(&world), "");
    let site = resource("site");
    assert!(entitled_features(&world.customer, &world.catalog, Some(&site), world.now).is_empty());
}

#[test]
fn an_answer_holds_until_the_first_thing_that_can_change_it_by_itself() {
    let until = |catalog_text: &str, steps: &str| {
        let features = "feature calls incremental; plan plain calls=5";
        let world = world(&format!("{features}; {catalog_text}"), steps);
        ask(&world, "calls").valid_until.map(crate::support::show)
    };
    let from = "2026-03-01";
    assert_eq!(until("", &format!("{from} subscribe plain")), None);
    let periods = "plan a calls=5:week credits=1/month";
    assert_eq!(until(periods, &format!("{from} subscribe a")).unwrap(), "2026-03-08");
    let monthly = "plan a calls=5:year credits=1/month";
    assert_eq!(until(monthly, &format!("{from} subscribe a")).unwrap(), "2026-04-01");
    let promoted = format!("{from} subscribe plain; promote calls 1 2026-03-03");
    assert_eq!(until("", &promoted).unwrap(), "2026-03-03");
    let revoked = format!("{promoted}; revoke calls");
    assert_eq!(until("", &revoked).unwrap(), "2026-03-03");
    assert_eq!(until("", &format!("{promoted}; 2026-03-03 wait")), None);
}

#[test]
fn the_figures_of_a_check_tell_the_running_period_and_the_last_change() {
    let world = world(
        "feature calls incremental; plan a calls=5:month",
        "2026-03-05 subscribe a; 2026-03-07 promote calls 1 lifetime; 2026-04-20 wait",
    );
    let check = ask(&world, "calls");
    let period = check.period.unwrap();
    assert_eq!((period.start, period.end), (at("2026-04-05"), at("2026-05-05")));
    assert_eq!(check.updated_at, Some(at("2026-03-07")));
    assert_eq!(check.current_usage, Amount::ZERO);
    assert_eq!(check.access.unwrap().limit, Some(amount("5")));
}

#[test]
fn an_archived_feature_stays_with_who_has_it() {
    let mut world = world_of("feature calls incremental; plan a calls=5");
    run(&mut world.catalog, &CatalogCommand::ArchiveFeature(feature("calls")));
    assert_eq!(tell(&ask(&world, "calls")), "granted");
}
