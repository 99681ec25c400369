//! The language of the tables about usage: reports, events and what they take.

use crate::feature_world::{self, feature};
use crate::support::{World, amount, at, lines, resource, show, words};
use stipend_core::customer::{
    Cause, CustomerCommand, CustomerRejection, Decision, DimensionValue, Effect, Entry,
    EventRequest, PoolBalance, UsageBehavior, UsageRequest, UsageResetReason,
};
use stipend_core::{Amount, ResourceId, Timestamp};

/// What may follow the first words of a report or an event.
#[derive(Default)]
struct Options {
    is_set: bool,
    resource: Option<ResourceId>,
    reported_at: Option<Timestamp>,
    dimensions: Vec<(String, DimensionValue)>,
}

/// `set`, `on=RESOURCE`, `when=DATE`, and dimensions: `name=text`, `name=5`, `name=true`.
fn options<'a>(words: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Options {
    let mut options = Options::default();
    for word in words {
        match word {
            ("set", None) => options.is_set = true,
            ("on", Some(id)) => options.resource = Some(resource(id)),
            ("when", Some(date)) => options.reported_at = Some(at(date)),
            (name, Some(value)) => {
                let value = match (value, Amount::parse_exact(value)) {
                    (_, Ok(number)) => DimensionValue::Number(number),
                    ("true", _) => DimensionValue::Flag(true),
                    (text, _) => DimensionValue::Text(text.to_owned()),
                };
                options.dimensions.push((name.to_owned(), value));
            }
            other => panic!("no option {other:?}"),
        }
    }
    options
}

/// `FEATURE VALUE [set] [on=RESOURCE] [when=DATE] [name=value…]`
pub(crate) fn usage_request(text: &str) -> UsageRequest {
    let mut words = words(text);
    let (id, _) = words.next().expect("a report names a feature");
    let (value, _) = words.next().expect("a report has a value");
    let options = options(words);
    UsageRequest {
        feature: feature(id),
        resource: options.resource,
        value: amount(value),
        is_set: options.is_set,
        event_id: None,
        reported_at: options.reported_at,
        dimensions: options.dimensions,
    }
}

/// `NAME [on=RESOURCE] [when=DATE] [name=value…]`
pub(crate) fn event_request(text: &str) -> EventRequest {
    let mut words = words(text);
    let (name, _) = words.next().expect("an event has a name");
    let options = options(words);
    EventRequest {
        name: name.to_owned(),
        resource: options.resource,
        event_id: None,
        reported_at: options.reported_at,
        dimensions: options.dimensions,
    }
}

/// `[DATE] report …`, `[DATE] event …`, or a step of [`feature_world::step`].
pub(crate) fn step(world: &mut World, line: &str) -> Result<String, CustomerRejection> {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let is_date = first.starts_with("20");
    let command = if is_date { rest } else { line };
    let own = if let Some(text) = command.strip_prefix("report ") {
        CustomerCommand::Usage(usage_request(text))
    } else if let Some(text) = command.strip_prefix("event ") {
        CustomerCommand::Event(event_request(text))
    } else {
        feature_world::step(world, line)?;
        return Ok(left(world));
    };
    if is_date {
        world.advance(at(first));
    }
    let decision = world.carry_out(&own)?;
    world.customer.verify_usages().expect("meters remember what grants gave");
    Ok(tell(world, &decision))
}

fn left(world: &World) -> String {
    world.pool().map_or("0".to_owned(), |pool| pool.balance().to_string())
}

/// `used 5, took 50, left 950`, feature by feature; `nothing` where nothing is counted.
fn tell(world: &World, decision: &Decision) -> String {
    let mut parts = Vec::new();
    let mut balance = None;
    for entry in &decision.entries {
        match entry {
            Entry::Usage(usage) => {
                if let Some(restart) = usage.restart {
                    let why = match restart.reason {
                        UsageResetReason::Period => "period",
                        UsageResetReason::Subscription => "subscription",
                    };
                    parts.push(format!("anew {why} {}", show(restart.at)));
                }
                parts.push(format!("used {}", usage.value));
                if usage.forfeited.is_positive() {
                    parts.push(format!("forfeited {}", usage.forfeited));
                }
            }
            Entry::Pool(entry) => {
                let Cause::Consumption(consumption) = &entry.cause else { continue };
                assert_eq!(entry.delta(), -consumption.amount, "a price is what the pool loses");
                balance = Some((entry.pool, consumption.current_usage));
                let verb = if consumption.amount.is_negative() { "gave" } else { "took" };
                let amount = consumption.amount.max(-consumption.amount);
                parts.push(format!("{verb} {amount}{}", tell_grants(&entry.effects)));
            }
            _ => {}
        }
    }
    if let Some((pool, used)) = balance {
        let pool = world.customer.pool(pool).expect("it was folded");
        assert_eq!(used, pool.used, "the balance that is answered");
    }
    check_told_balance(world, &decision.entries);
    let mut noted = decision.entries.iter().filter_map(|entry| match entry {
        Entry::Usage(usage) => Some(&usage.missing_dimensions),
        _ => None,
    });
    if let Some(first) = noted.next() {
        assert_eq!(first, &decision.missing_dimensions, "the first entry notes what was missing");
        assert!(noted.all(Vec::is_empty), "and it alone");
    }
    if !decision.missing_dimensions.is_empty() {
        parts.push(format!("missing {}", decision.missing_dimensions.join(" ")));
    }
    if parts.is_empty() {
        return "nothing".to_owned();
    }
    parts.push(format!("left {}", left(world)));
    parts.join(", ")
}

/// What stands in the entries of a report says what its pool has afterwards, so that it can be
/// answered again.
fn check_told_balance(world: &World, entries: &[Entry]) {
    let reported = entries.iter().find_map(|entry| match entry {
        Entry::Usage(usage) if usage.behavior != UsageBehavior::Event => Some(usage),
        _ => None,
    });
    let Some(usage) = reported else { return };
    let Some(currency) = &usage.currency else { return };
    // What is remembered no more stands behind what was paid.
    let last = entries.iter().rev().find_map(|entry| match entry {
        Entry::Pool(entry) => entry.balance(),
        _ => None,
    });
    let resource = world.customer.usage(usage.meter).expect("it was opened").resource.as_ref();
    let pool = world.customer.find_pool(currency, resource);
    let told = usage.balance.as_deref().copied().or(last);
    assert_eq!(told, Some(pool.map(PoolBalance::of).unwrap_or_default()));
}

/// ` (#1 30 #2 20)`, where more than one grant, or none, gave it or got it back.
fn tell_grants(effects: &[Effect]) -> String {
    let grants: Vec<String> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Drawn(draw) => Some(format!("#{} {}", draw.grant.0, draw.amount)),
            Effect::Refunded(moved) => Some(format!("#{} {}", moved.grant.0, moved.amount)),
            Effect::Overdrawn(draw) | Effect::OverdraftRefunded(draw) => {
                Some(format!("overdraft {}", draw.amount))
            }
            Effect::Settled(settled) => Some(format!("settled {}", settled.amount)),
            _ => None,
        })
        .collect();
    if grants.len() == 1 && grants[0].starts_with('#') {
        return String::new();
    }
    format!(" ({})", grants.join(" "))
}

/// Runs `step => what it did`, or `=> refused: why`; without `=>` a step is only carried out.
pub(crate) fn check(catalog: &str, table: &str) -> World {
    let mut world = World::new(feature_world::catalog(catalog));
    for line in lines(table) {
        let (command, expected) = line.split_once("=>").unwrap_or((line, ""));
        let before = world.customer.clone();
        let did = step(&mut world, command.trim()).unwrap_or_else(|why| {
            assert_eq!(world.customer, before, "{line}: what is refused changes nothing");
            format!("refused: {why}")
        });
        if !expected.is_empty() {
            assert_eq!(did, expected.trim(), "{line}");
        }
        assert!(!(expected.is_empty() && did.starts_with("refused")), "{line}: {did}");
    }
    world.assert_read_is_replay();
    world
}
