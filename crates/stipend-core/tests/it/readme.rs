//! The README names the tests that pin its rules; they are all there.

const TESTS: &[&str] = &[
    include_str!("amounts.rs"),
    include_str!("burn.rs"),
    include_str!("calendar.rs"),
    include_str!("catalog.rs"),
    include_str!("changes.rs"),
    include_str!("check.rs"),
    include_str!("due.rs"),
    include_str!("duplicate.rs"),
    include_str!("forecast.rs"),
    include_str!("formula.rs"),
    include_str!("formula_laws.rs"),
    include_str!("enforcement.rs"),
    include_str!("everything_model.rs"),
    include_str!("feature.rs"),
    include_str!("grants.rs"),
    include_str!("greed.rs"),
    include_str!("laws.rs"),
    include_str!("levels.rs"),
    include_str!("life.rs"),
    include_str!("periods.rs"),
    include_str!("promotions.rs"),
    include_str!("rates.rs"),
    include_str!("reservations.rs"),
    include_str!("reversal.rs"),
    include_str!("reversal_of_usage.rs"),
    include_str!("resolve.rs"),
    include_str!("soundness.rs"),
    include_str!("subscriptions.rs"),
    include_str!("usage.rs"),
    include_str!("usage_laws.rs"),
    include_str!("used_up.rs"),
    include_str!("voided.rs"),
];

#[test]
fn every_test_that_the_readme_names_is_there() {
    let named = include_str!("../../README.md").split('`').skip(1).step_by(2);
    let is_test = |name: &&str| {
        name.matches('_').count() >= 2
            && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    let missing: Vec<&str> = named
        .filter(is_test)
        .filter(|name| !TESTS.iter().any(|source| source.contains(&format!("fn {name}("))))
        .collect();
    assert_eq!(missing, [""; 0]);
}
