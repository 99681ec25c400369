//! Promotional entitlements: features on top of every subscription.

use crate::feature_world::{access, check_answers, feature, promotion, step, world};
use crate::support::{World, at, lines, run, show};
use stipend_core::catalog::CatalogCommand;
use stipend_core::customer::{CustomerRejection, Promotion, PromotionFault};
use stipend_core::limits::CUSTOMER_PROMOTIONS_MAX;

const FEATURES: &str = "
    feature calls incremental
    feature sso boolean
    plan base calls=10
";

fn found<'a>(world: &'a World, id: &str) -> &'a Promotion {
    world.customer.promotion(&feature(id)).unwrap()
}

#[test]
fn a_promotion_ends_after_its_period() {
    let check = |period: &str, expected: &str| {
        let world = world(FEATURES, &format!("2026-01-31 promote calls 5 {period}"));
        let ends_at = found(&world, "calls").ends_at.map_or("never".to_owned(), show);
        assert_eq!(ends_at, expected, "{period}");
    };
    check("1week", "2026-02-07");
    check("1month", "2026-02-28");
    check("6month", "2026-07-31");
    check("1year", "2027-01-31");
    check("lifetime", "never");
    check("2026-02-01T12:00:00Z", "2026-02-01T12:00:00Z");
}

#[test]
fn the_end_of_a_promotion_is_its_first_instant_without() {
    let mut world = world(FEATURES, "2026-03-01 promote calls 5 1week");
    assert_eq!(access(&world, "calls"), "5");
    world.advance(at("2026-03-07T23:59:59.999999Z"));
    assert_eq!(access(&world, "calls"), "5");
    world.advance(at("2026-03-08"));
    assert_eq!(access(&world, "calls"), "nothing");
    assert!(!found(&world, "calls").is_active(world.now), "it stays listed, as what is over");
}

#[test]
fn a_promotion_outlives_plan_changes_and_the_subscription() {
    let mut world = world(FEATURES, "2026-03-01 subscribe base; promote calls 50 1month");
    assert_eq!(access(&world, "calls"), "50");
    world.step("cancel");
    assert_eq!(access(&world, "calls"), "50");
    world.step("archive");
    check_answers(&world, "calls => CustomerIsArchived");
    world.step("unarchive");
    check_answers(&world, "calls => granted");
}

#[test]
fn another_promotion_of_a_feature_takes_the_place_of_the_first() {
    let mut world = world(FEATURES, "2026-03-01 promote calls 5 1week + sso - lifetime");
    step(&mut world, "2026-03-02 promote calls 3 1month").unwrap();
    assert_eq!(access(&world, "calls"), "3");
    let calls = found(&world, "calls");
    assert_eq!((calls.number, show(calls.anchor.at)), (2, "2026-03-02".to_owned()));
    let numbers: Vec<u32> = world.customer.promotions.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [1, 2], "in the order of their making");
    world.assert_read_is_replay();
}

#[test]
fn what_is_revoked_gives_nothing_and_says_so_until_it_would_have_ended() {
    let mut world = world(FEATURES, "2026-03-01 promote calls 5 1week; 2026-03-03 revoke calls");
    check_answers(&world, "calls => Revoked");
    assert_eq!(found(&world, "calls").revoked_at, Some(at("2026-03-03")));
    step(&mut world, "2026-03-04 revoke calls").unwrap();
    assert_eq!(found(&world, "calls").revoked_at, Some(at("2026-03-03")), "once");
    world.advance(at("2026-03-08"));
    check_answers(&world, "calls => NoActiveSubscription");
    step(&mut world, "promote calls 5 1week").unwrap();
    check_answers(&world, "calls => granted");
    world.assert_read_is_replay();
}

#[test]
fn what_a_subscription_gives_stays_when_a_promotion_is_revoked() {
    let world =
        world(FEATURES, "2026-03-01 subscribe base; promote calls 50 lifetime; revoke calls");
    assert_eq!(access(&world, "calls"), "10");
    check_answers(&world, "calls 10 => granted");
}

/// Everything that a promotion can be refused for; nothing changes.
pub(crate) fn rejections() -> Vec<CustomerRejection> {
    let refused = |line: &str| {
        let mut world = world(FEATURES, "2026-03-01 promote sso - 1week");
        run(&mut world.catalog, &CatalogCommand::ArchiveFeature(feature("sso")));
        let before = world.customer.clone();
        let why = step(&mut world, line).unwrap_err();
        assert_eq!(world.customer, before, "{line}");
        why
    };
    vec![
        refused("promote calls 5 1week + unheard-of 1 1week"),
        refused("promote calls 5 1week + sso - lifetime"),
        refused("promote calls 5 1week + calls 5 2026-03-01"),
        refused("promote calls 5 2026-02-01"),
        refused("promote calls eu 1week"),
        refused("revoke calls"),
    ]
}

#[test]
fn a_promotion_gives_what_a_feature_of_its_type_has() {
    let features = "
        feature calls incremental
        feature size number
        feature sso boolean
        feature region enum=eu,us
    ";
    let check = |promotion: &str, expected: &str| {
        let mut world = world(features, "2026-03-01 wait");
        let why = step(&mut world, &format!("promote {promotion} 1week"));
        let told = why.map_or_else(|why| why.to_string(), |()| "given".to_owned());
        assert_eq!(told, expected, "{promotion}");
    };
    check("calls 5", "given");
    check("calls unlimited", "given");
    check("calls 0", "given");
    check("size 5", "given");
    check("sso -", "given");
    check("region eu", "given");
    check("region eu,us", "given");
    let only_numbers = |feature: &str| {
        format!(
            "a promotional entitlement of feature {feature} gives a usage limit, which only a \
             feature of type NUMBER has"
        )
    };
    check("sso 5", &only_numbers("sso"));
    check("sso unlimited", &only_numbers("sso"));
    check("region 5", &only_numbers("region"));
    check("region unlimited", &only_numbers("region"));
    check("calls -5", "a promotional entitlement of feature calls gives a usage limit below 0");
    let only_enums = |feature: &str| {
        format!(
            "a promotional entitlement of feature {feature} gives enum values, which only a \
             feature of type ENUM has"
        )
    };
    check("calls eu", &only_enums("calls"));
    check("sso eu", &only_enums("sso"));
    check(
        "region -",
        "a promotional entitlement of feature region gives no enum values; send at least one of \
         those of the feature",
    );
    check(
        "region eu,mars",
        "a promotional entitlement of feature region gives the enum value mars, which the feature \
         does not have",
    );
}

#[test]
fn promotions_are_given_all_or_none() {
    let expected = [
        CustomerRejection::FeatureNotFound(feature("unheard-of")),
        CustomerRejection::FeatureArchived(feature("sso")),
        CustomerRejection::InvalidPromotionEnd,
        CustomerRejection::InvalidPromotionEnd,
        CustomerRejection::PromotionMisfits {
            feature: feature("calls"),
            fault: PromotionFault::Values,
        },
        CustomerRejection::PromotionNotFound(feature("calls")),
    ];
    assert_eq!(rejections(), expected);
    let mut world = world(FEATURES, "2026-03-01 archive");
    let why = step(&mut world, "promote calls 5 1week").unwrap_err();
    assert_eq!(why, CustomerRejection::CustomerArchived);
}

#[test]
fn a_promotion_over_already_is_left_as_it_is() {
    let mut world = world(FEATURES, "2026-03-01 promote calls 5 1week; 2026-03-08 wait");
    step(&mut world, "revoke calls").unwrap();
    assert_eq!(found(&world, "calls").revoked_at, None);
    check_answers(&world, "calls => NoActiveSubscription");
}

#[test]
fn a_customer_has_promotions_of_a_limited_number_of_features() {
    let names: Vec<String> =
        (0..=CUSTOMER_PROMOTIONS_MAX).map(|number| format!("f{number}")).collect();
    let features: Vec<String> = names.iter().map(|id| format!("feature {id} boolean")).collect();
    let mut world = world(&features.join("\n"), "2026-03-01 wait");
    let fit: Vec<String> = names[1..].iter().map(|id| format!("{id} - lifetime")).collect();
    step(&mut world, &format!("promote {}", fit.join(" + "))).unwrap();
    let why = step(&mut world, "promote f0 - lifetime").unwrap_err();
    assert!(matches!(why, CustomerRejection::LimitReached { .. }), "{why}");
    step(&mut world, "promote f1 - 1week").unwrap();
    assert_eq!(world.customer.promotions.len(), CUSTOMER_PROMOTIONS_MAX);
}

#[test]
fn periods_of_usage_of_a_promotion_are_counted_from_its_beginning() {
    for line in lines("month => 2026-04-05\nweek => 2026-03-12") {
        let (reset, expected) = line.split_once(" => ").unwrap();
        let world = world(FEATURES, &format!("2026-03-05 promote calls 5:{reset} lifetime"));
        let check = crate::feature_world::ask(&world, "calls");
        assert_eq!(show(check.period.unwrap().end), expected, "{line}");
        assert_eq!(show(check.valid_until.unwrap()), expected, "{line}");
    }
    assert_eq!(promotion("calls 5 lifetime").ends_at, None);
}
