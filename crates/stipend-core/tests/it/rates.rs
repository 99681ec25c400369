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
