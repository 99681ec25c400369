//! The auditor audited: in sound entries one thing is made wrong, and it must say so.

use stipend_core::customer::{Cause, Effect, Entry, Grant, GrantEnd, PoolEntry, RecurringSource};
use stipend_core::{Amount, Cadence, GrantNo, Timestamp};
use stipend_sim::audit::Audit;
use stipend_sim::{Options, record};

/// An auditor, and the entries of a life, step by step, each with the instant up to which everything
/// is done.
type Life = (Audit, Vec<(Timestamp, Vec<Entry>)>);

/// Whether an effect is of a kind.
type Kind = fn(&Effect) -> bool;

/// How many lives are searched for a place where something can be made wrong.
const LIVES: u64 = 40;

fn audit(life: &Life) -> Result<(), String> {
    let (mut audit, steps) = life.clone();
    for (now, entries) in &steps {
        audit.note(entries)?;
        audit.check_due(*now)?;
    }
    Ok(())
}

fn lives() -> Vec<Life> {
    let options = Options { customers: 1, years: 2, ..Options::default() };
    (0..LIVES).map(|seed| record(seed, &options).expect("the life is sound")).collect()
}

/// Makes one thing wrong, at a place in the middle; says whether there was one.
fn corrupt(life: &mut Life, spoil: &dyn Fn(&mut PoolEntry) -> bool) -> bool {
    let middle = life.1.len() / 3;
    let steps = life.1.iter_mut().skip(middle).flat_map(|(_, entries)| entries);
    let mut pools = steps.filter_map(|entry| match entry {
        Entry::Pool(entry) => Some(entry),
        _ => None,
    });
    pools.any(spoil)
}

fn check(lives: &[Life], what: &str, spoil: &dyn Fn(&mut PoolEntry) -> bool) {
    let mut tried = 0;
    for life in lives {
        let mut life = life.clone();
        if corrupt(&mut life, spoil) {
            tried += 1;
            assert!(audit(&life).is_err(), "the auditor missed: {what}");
        }
    }
    assert!(tried > 0, "no life has a place for: {what}");
}

/// Every effect that is found, until one could be made wrong.
fn effect(
    entry: &mut PoolEntry,
    is_meant: impl Fn(&Cause) -> bool,
    spoil: impl Fn(&mut Effect) -> bool,
) -> bool {
    is_meant(&entry.cause) && entry.effects.iter_mut().any(spoil)
}

fn renewed(spoil: impl Fn(&mut Grant)) -> impl Fn(&mut PoolEntry) -> bool {
    move |entry| {
        effect(
            entry,
            |cause| *cause == Cause::Due,
            |effect| match effect {
                Effect::Granted(grant) => {
                    spoil(grant);
                    true
                }
                _ => false,
            },
        )
    }
}

fn sourced(spoil: impl Fn(&mut RecurringSource)) -> impl Fn(&mut PoolEntry) -> bool {
    renewed(move |grant| spoil(grant.source.as_mut().expect("it is recurring")))
}

fn moved(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.micros() + micros)
}

const SPECK: Amount = Amount::from_nano(1);

#[test]
fn sound_lives_pass() {
    for life in lives() {
        assert_eq!(audit(&life), Ok(()));
    }
}

#[test]
fn a_wrong_number_of_a_renewal_is_found() {
    let lives = lives();
    check(&lives, "a gap in the periods", &sourced(|source| source.k += 1));
    check(&lives, "a period once more", &sourced(|source| source.k -= 1));
    check(&lives, "a part left out", &sourced(|source| source.part += 1));
    check(&lives, "another epoch", &sourced(|source| source.epoch += 1));
    check(&lives, "another version", &sourced(|source| source.version += 1));
    check(&lives, "another quantity", &sourced(|source| source.quantity += 1));
    check(&lives, "other units", &sourced(|source| source.units = Some(77)));
    check(&lives, "another whole than is charged", &sourced(|source| source.whole += SPECK));
    check(&lives, "another amount of a unit", &sourced(|source| source.unit_amount += SPECK));
    check(&lives, "another subscription", &sourced(|source| source.subscription.0 += 1));
    check(
        &lives,
        "another cadence",
        &sourced(|source| {
            source.cadence = match source.cadence {
                Cadence::Month => Cadence::Year,
                Cadence::Year => Cadence::Month,
            };
        }),
    );
    check(
        &lives,
        "another anchor",
        &sourced(|source| source.anchor.at = moved(source.anchor.at, 1)),
    );
}

#[test]
fn a_wrong_grant_is_found() {
    let lives = lives();
    for micros in [-1, 1] {
        check(
            &lives,
            "in force beside its instant",
            &renewed(move |grant| {
                grant.effective_at = moved(grant.effective_at, micros);
            }),
        );
        check(
            &lives,
            "at an end beside its period",
            &renewed(move |grant| {
                grant.expires_at = grant.expires_at.map(|end| moved(end, micros));
            }),
        );
        check(
            &lives,
            "made beside its instant",
            &renewed(move |grant| {
                grant.created_at = moved(grant.created_at, micros);
            }),
        );
    }
    check(&lives, "without an end", &renewed(|grant| grant.expires_at = None));
    check(&lives, "another amount", &renewed(|grant| grant.amount += SPECK));
    check(&lives, "another original", &renewed(|grant| grant.original += SPECK));
    check(&lives, "used from the beginning", &renewed(|grant| grant.consumed += SPECK));
    check(&lives, "another priority", &renewed(|grant| grant.priority = 49));
    check(&lives, "a number skipped", &renewed(|grant| grant.no = GrantNo(grant.no.0 + 1)));
    check(
        &lives,
        "voided from the beginning",
        &renewed(|grant| {
            grant.voided_at = Some(grant.created_at);
        }),
    );
    check(&lives, "from nowhere", &renewed(|grant| grant.source = None));
}

#[test]
fn an_effect_that_is_missing_or_done_twice_is_found() {
    let lives = lives();
    let drop = |is_meant: fn(&Effect) -> bool| {
        move |entry: &mut PoolEntry| {
            let place = entry.effects.iter().position(is_meant);
            place.map(|place| entry.effects.remove(place)).is_some()
        }
    };
    let twice = |is_meant: fn(&Effect) -> bool| {
        move |entry: &mut PoolEntry| {
            let place = entry.effects.iter().position(is_meant);
            let found = place.map(|place| entry.effects[place].clone());
            found.map(|effect| entry.effects.push(effect)).is_some()
        }
    };
    let kinds: [(&str, Kind); 6] = [
        ("a grant", |effect| matches!(effect, Effect::Granted(_))),
        ("an end", |effect| matches!(effect, Effect::Ended(_))),
        ("a draw", |effect| matches!(effect, Effect::Drawn(_))),
        ("an overdraft", |effect| matches!(effect, Effect::Overdrawn(_))),
        ("a settlement", |effect| matches!(effect, Effect::Settled(_))),
        ("a beginning", |effect| matches!(effect, Effect::Activated(_))),
    ];
    for (what, is_meant) in kinds {
        check(&lives, &format!("{what} that is missing"), &drop(is_meant));
        check(&lives, &format!("{what} twice"), &twice(is_meant));
    }
}

#[test]
fn a_wrong_end_is_found() {
    let lives = lives();
    let ended = |spoil: fn(&mut stipend_core::customer::Ended)| {
        move |entry: &mut PoolEntry| {
            effect(
                entry,
                |_| true,
                |effect| match effect {
                    Effect::Ended(ended) => {
                        spoil(ended);
                        true
                    }
                    _ => false,
                },
            )
        }
    };
    check(
        &lives,
        "voided told for expired",
        &ended(|ended| {
            ended.end = match ended.end {
                GrantEnd::Expired => GrantEnd::Voided,
                GrantEnd::Voided => GrantEnd::Expired,
            };
        }),
    );
    check(&lives, "more lost than was left", &ended(|ended| ended.amount += SPECK));
    check(&lives, "another use than there was", &ended(|ended| ended.grant.consumed += SPECK));
    check(&lives, "another amount than there was", &ended(|ended| ended.grant.amount += SPECK));
    check(&lives, "another grant", &ended(|ended| ended.grant.no = GrantNo(9_999)));
}

#[test]
fn a_wrong_order_is_found() {
    let lives = lives();
    check(&lives, "an expiry after what is granted", &|entry| {
        let is_end = |effect: &Effect| matches!(effect, Effect::Ended(_));
        let renews = entry.effects.iter().any(|effect| matches!(effect, Effect::Granted(_)));
        let is_meant = entry.cause == Cause::Due && renews && entry.effects.iter().any(is_end);
        entry.effects.sort_by_key(|effect| is_meant && is_end(effect));
        is_meant
    });
    check(&lives, "draws in another order", &|entry| {
        let is_meant = entry.is_consumption()
            && entry.effects.iter().filter(|it| matches!(it, Effect::Drawn(_))).count() > 1;
        if is_meant {
            entry.effects.swap(0, 1);
        }
        is_meant
    });
    check(&lives, "an entry in the past", &|entry| {
        entry.at = Timestamp::from_micros(1);
        true
    });
}

#[test]
fn a_wrong_consumption_is_found() {
    let lives = lives();
    let drawn = |spoil: fn(&mut stipend_core::customer::Draw)| {
        move |entry: &mut PoolEntry| {
            effect(
                entry,
                |_| true,
                |effect| match effect {
                    Effect::Drawn(draw) => {
                        spoil(draw);
                        true
                    }
                    _ => false,
                },
            )
        }
    };
    check(&lives, "more drawn", &drawn(|draw| draw.amount += SPECK));
    check(&lives, "less drawn", &drawn(|draw| draw.amount = Amount::ZERO));
    check(&lives, "drawn from what is not there", &drawn(|draw| draw.grant = GrantNo(9_999)));
    let told = |spoil: fn(&mut stipend_core::customer::Consumption)| {
        move |entry: &mut PoolEntry| match &mut entry.cause {
            Cause::Consumption(consumption) => {
                spoil(consumption);
                true
            }
            _ => false,
        }
    };
    check(&lives, "another amount asked", &told(|told| told.amount += SPECK));
    check(&lives, "another limit told", &told(|told| told.usage_limit += SPECK));
    check(&lives, "another use told", &told(|told| told.current_usage += SPECK));
    check(&lives, "another end told", &told(|told| told.period_end = Some(Timestamp::EPOCH)));
}
