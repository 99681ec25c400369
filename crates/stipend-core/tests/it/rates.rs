//! What usage of a feature costs is said by one add-on of a subscription at most, whatever comes to
//! stand there: by hand, by a new version, or when its time comes.

use crate::usage_world::check;

const SHOP: &str = "
    feature calls incremental
    plan base credits=100/month
    plan pro credits=500/month
    addon a credits=1/month rate:calls=2
    addon b credits=1/month
    ";

const AMBIGUOUS: &str =
    "refused: usage of feature calls has a price on each of add-on a, add-on b; keep one";

#[test]
fn another_plan_with_addons_that_price_one_feature_is_refused_until_they_are_named() {
    check(
        SHOP,
        &format!(
            "
            2026-03-01 subscribe base a b            => 102
            publish addon b 1/month rate:calls=3     => 102
            subscribe pro keep                       => {AMBIGUOUS}
            subscribe pro keep at-period-end         => {AMBIGUOUS}
            report calls 1                           => used 1, took 2, left 100
            subscribe pro b                          => 501
            report calls 1                           => anew subscription 2026-03-01, used 1, took 3, left 498
            "
        ),
    );
}

#[test]
fn a_new_version_that_prices_what_another_addon_prices_reaches_nobody_who_has_both() {
    check(
        SHOP,
        &format!(
            "
            2026-03-01 subscribe base a b            => 102
            publish addon b 2/month rate:calls=3     => 102
            migrate-to addon b                       => {AMBIGUOUS}
            migrate                                  => {AMBIGUOUS}
            report calls 1                           => used 1, took 2, left 100
            set b                                    => 99
            migrate-to addon b                       => 100
            report calls 1                           => used 2, took 3, left 97
            "
        ),
    );
    // What prices one feature since before keeps nothing else from being taken.
    check(
        SHOP,
        "
        2026-03-01 subscribe base b              => 101
        publish addon b 2/month rate:calls=3     => 101
        publish plan base 200/month              => 101
        migrate-to plan base                     => 201
        migrate-to addon b                       => 202
        ",
    );
}

#[test]
fn what_waits_keeps_its_versions_where_the_latest_price_one_feature() {
    let world = check(
        SHOP,
        "
        2026-03-01 subscribe base a b            => 102
        migrate at-period-end                    => 102
        publish addon b 2/month rate:calls=3     => 102
        2026-04-01 report calls 1                => used 1, took 2, left 100
        ",
    );
    let scheduled = &world.customer.subscriptions[0].terms.scheduled;
    let failed = scheduled[0].failed.as_ref().unwrap();
    assert!(AMBIGUOUS.ends_with(failed.as_str()), "{failed}");
    check(
        SHOP,
        "
        2026-03-01 subscribe pro a b from=2026-03-10 => 0
        publish addon b 2/month rate:calls=3         => 0
        publish plan pro 600/month                   => 0
        2026-03-10 report calls 1                    => used 1, took 2, left 600
        ",
    );
}
