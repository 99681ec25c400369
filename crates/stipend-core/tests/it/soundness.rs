//! Whatever callers do, in whatever order and at whatever time: the ledger stays sound, reading
//! equals replaying, and what is refused changes nothing.

use crate::support::{World, catalog};
use proptest::prelude::*;

const SHOP: &str = "
    plan base 20/month tokens=5/year
    plan annual parent=base 90/year
    plan tailored custom null/month
    addon extra 10/month max=5
    addon tier 70/month:override
    addon yearly 150/year:override tokens=1/month
    addon needy 3/month:soft needs=extra
    ";

/// A step in the language of the tables.
fn step() -> impl Strategy<Value = String> {
    let addons = || {
        let addon = (prop::sample::select(vec!["extra", "tier", "yearly", "needy"]), 1..7u32);
        prop::collection::vec(addon.prop_map(|(id, quantity)| format!("{id}={quantity}")), 0..4)
            .prop_map(|addons| addons.join(" "))
    };
    let rate = (0..80u32, prop::sample::select(vec!["month", "year"]));
    let plan = prop::sample::select(vec!["base", "annual", "tailored", "base on=site"]);
    let kind = prop::sample::select(vec!["paid", "promo"]);
    let window = prop::sample::select(vec![
        "",
        "prio=1",
        "until=2024-04-29",
        "from=2024-03-29",
        "from=2024-03-10 until=2025-02-28",
    ]);
    prop_oneof![
        3 => (plan, addons()).prop_map(|(plan, addons)| format!("subscribe {plan} {addons}")),
        4 => addons().prop_map(|addons| format!("set {addons}")),
        3 => rate.prop_map(|(amount, cadence)| format!("agree {amount}/{cadence}")),
        1 => Just("agree".to_owned()),
        6 => (1..120u32).prop_map(|amount| format!("use {amount}")),
        2 => (1..120u32).prop_map(|amount| format!("strict {amount}")),
        3 => (kind, 1..60u32, window).prop_map(|(kind, amount, window)| format!("grant {kind} {amount} {window}")),
        4 => (0..6u32, 1..90u32, 1..86_401u32).prop_map(|(id, amount, seconds)| {
            format!("reserve r{id} {amount} for={seconds}")
        }),
        3 => (0..6u32, 0..90u32, prop::bool::ANY).prop_map(|(id, consumed, known)| {
            format!("release r{id} {consumed}{}", if known { " known" } else { "" })
        }),
        1 => (0..6u32, 1..90u32).prop_map(|(id, to)| format!("extend r{id} to={to} for=86400")),
        2 => (1..14u32).prop_map(|number| format!("void {number}")),
        1 => Just("cancel".to_owned()),
        1 => prop::sample::select(vec!["archive", "unarchive"]).prop_map(str::to_owned),
        1 => Just("transfer other".to_owned()),
        5 => (0..45i64).prop_map(|days| format!("+{}", days * 24)),
        4 => (0..30i64).prop_map(|hours| format!("+{hours}")),
    ]
}

fn apply(world: &mut World, step: &str) {
    if let Some(hours) = step.strip_prefix('+') {
        let hours: i64 = hours.parse().unwrap();
        world.advance(world.now.plus_seconds(hours * 60 * 60));
        return;
    }
    let needs_subscription =
        ["set", "agree", "cancel", "transfer"].iter().any(|verb| step.starts_with(verb));
    let needs_pool = step.starts_with("void");
    if (needs_subscription && world.customer.subscriptions.is_empty())
        || (needs_pool && world.pool().is_none())
    {
        return;
    }
    let before = world.customer.clone();
    world.step(step);
    if world.refused.is_some() {
        assert_eq!(world.customer, before, "what is refused changes nothing: {step}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn any_sequence_of_commands_keeps_the_ledger_sound(steps in prop::collection::vec(step(), 1..30)) {
        let mut world = World::new(catalog(SHOP));
        world.step("2024-02-29 wait");
        for step in &steps {
            apply(&mut world, step);
        }
        world.assert_read_is_replay();
    }
}
