//! Usage against a naive model that shares no code with it: a list of single credits, each with
//! who holds it.

use crate::feature_world::catalog;
use crate::support::{World, amount, at};
use crate::usage_world::step;
use proptest::prelude::*;
use stipend_core::customer::Pool;
use stipend_core::{Amount, Timestamp};

const DAYS: [&str; 6] =
    ["2026-03-01", "2026-03-08", "2026-03-15", "2026-03-22", "2026-03-29", "2026-04-05"];

/// What can happen.
#[derive(Clone, Debug)]
enum Deed {
    /// Credits come, until a day or for ever.
    Grant(u32, Option<usize>),
    /// Usage of one of two features goes up or down by so much.
    Report(bool, i64),
    /// It is so much from now on.
    Set(bool, i64),
    /// Credits are consumed directly.
    Use(u32),
    /// The next day comes.
    Wait,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        2 => (1_u32..60, proptest::option::of(0_usize..6)).prop_map(|(credits, day)| Deed::Grant(credits, day)),
        5 => (any::<bool>(), -9_i64..12).prop_map(|(one, by)| Deed::Report(one, by)),
        1 => (any::<bool>(), 0_i64..12).prop_map(|(one, to)| Deed::Set(one, to)),
        1 => (1_u32..20).prop_map(Deed::Use),
        2 => Just(Deed::Wait),
    ]
}

/// Who took a credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taker {
    Nobody,
    Direct,
    Feature(bool),
}

/// One credit: which grant it belongs to (in the order of their making), until when it lives, who
/// took it and when.
#[derive(Clone, Debug)]
struct Credit {
    grant: usize,
    ends: Option<usize>,
    taker: Taker,
    taken: u64,
}

/// The model: credits one by one; the overdraft is a list of takers.
#[derive(Debug, Default)]
struct Model {
    day: usize,
    clock: u64,
    grants: usize,
    credits: Vec<Credit>,
    overdraft: Vec<(Taker, u64)>,
    usage: [i64; 2],
    /// The features in the order of their first usage.
    known: Vec<bool>,
}

impl Model {
    fn balance(&self) -> i64 {
        let free = self.live().filter(|credit| credit.taker == Taker::Nobody).count();
        i64::try_from(free).unwrap() - i64::try_from(self.overdraft.len()).unwrap()
    }

    fn live(&self) -> impl Iterator<Item = &Credit> {
        self.credits.iter().filter(|credit| credit.ends.is_none_or(|ends| self.day < ends))
    }

    /// The free credit that is taken next: the one that ends first, then the oldest.
    fn next_free(&self) -> Option<usize> {
        let day = self.day;
        let lives = |credit: &Credit| credit.ends.is_none_or(|ends| day < ends);
        (0..self.credits.len())
            .filter(|index| {
                let credit = &self.credits[*index];
                credit.taker == Taker::Nobody && lives(credit)
            })
            .min_by_key(|index| {
                let credit = &self.credits[*index];
                (credit.ends.unwrap_or(usize::MAX), credit.grant)
            })
    }

    fn take(&mut self, taker: Taker, count: u64) {
        for _ in 0..count {
            self.clock += 1;
            match self.next_free() {
                Some(index) => {
                    self.credits[index].taker = taker;
                    self.credits[index].taken = self.clock;
                }
                None => self.overdraft.push((taker, self.clock)),
            }
        }
    }

    /// New credits settle the overdraft: what features took beyond the grants first, the feature
    /// that was used first before the other.
    fn settle(&mut self, fresh: usize) {
        for index in 0..self.credits.len() {
            let is_free = self.credits[index].taker == Taker::Nobody;
            if self.credits[index].grant != fresh || !is_free || self.overdraft.is_empty() {
                continue;
            }
            let order = |taker: Taker| {
                let is_it = |one: &bool| taker == Taker::Feature(*one);
                self.known.iter().position(is_it).unwrap_or(self.known.len())
            };
            let next = (0..self.overdraft.len()).min_by_key(|place| {
                let (taker, taken) = self.overdraft[*place];
                (order(taker), taken)
            });
            let (taker, taken) = self.overdraft.remove(next.unwrap());
            self.credits[index].taker = taker;
            self.credits[index].taken = taken;
        }
    }

    fn charge(&mut self, one: bool, before: i64, after: i64) {
        if !self.known.contains(&one) {
            self.known.push(one);
        }
        let (before, after) = (before.max(0), after.max(0));
        if after > before {
            self.take(Taker::Feature(one), u64::try_from(after - before).unwrap());
            return;
        }
        let feature = Taker::Feature(one);
        for _ in after..before {
            let credit = (0..self.credits.len())
                .filter(|index| self.credits[*index].taker == feature)
                .max_by_key(|index| self.credits[*index].taken);
            let beyond = (0..self.overdraft.len())
                .filter(|place| self.overdraft[*place].0 == feature)
                .max_by_key(|place| self.overdraft[*place].1);
            let taken = credit.map_or(0, |index| self.credits[index].taken);
            match beyond {
                Some(place) if self.overdraft[place].1 > taken => {
                    self.overdraft.remove(place);
                }
                _ => {
                    let Some(index) = credit else { return };
                    self.credits[index].taker = Taker::Nobody;
                }
            }
        }
        // What came back settles what is still overdrawn, that which ends first before the other.
        let day = self.day;
        let mut live: Vec<(usize, usize)> = self
            .credits
            .iter()
            .map(|credit| (credit.ends.unwrap_or(usize::MAX), credit.grant))
            .filter(|(ends, _)| day < *ends)
            .collect();
        live.sort_unstable();
        live.dedup();
        live.iter().for_each(|(_, grant)| self.settle(*grant));
    }

    fn carry_out(&mut self, deed: &Deed) {
        match deed {
            Deed::Grant(credits, ends) => {
                let grant = self.grants;
                self.grants += 1;
                let credit = Credit { grant, ends: *ends, taker: Taker::Nobody, taken: 0 };
                self.credits.extend(vec![credit; *credits as usize]);
                self.settle(grant);
            }
            Deed::Report(one, by) => {
                let before = self.usage[usize::from(*one)];
                self.usage[usize::from(*one)] = before + by;
                self.charge(*one, before, before + by);
            }
            Deed::Set(one, to) => {
                let before = self.usage[usize::from(*one)];
                self.usage[usize::from(*one)] = *to;
                self.charge(*one, before, *to);
            }
            Deed::Use(count) => self.take(Taker::Direct, u64::from(*count)),
            Deed::Wait => self.day = (self.day + 1).min(DAYS.len() - 1),
        }
    }
}

fn carry_out(world: &mut World, deed: &Deed, day: usize) {
    let today = DAYS[day];
    let feature = |one: &bool| if *one { "two" } else { "one" };
    let line = match deed {
        Deed::Grant(credits, None) => format!("{today} grant paid {credits}"),
        Deed::Grant(credits, Some(ends)) => {
            format!("{today} grant paid {credits} until={}", DAYS[*ends])
        }
        Deed::Report(one, by) => format!("{today} report {} {by}", feature(one)),
        Deed::Set(one, to) => format!("{today} report {} {to} set", feature(one)),
        Deed::Use(count) => format!("{today} use {count}"),
        Deed::Wait => format!("{today} wait"),
    };
    step(world, &line).unwrap_or_else(|why| panic!("{line}: {why}"));
}

fn instant(day: usize) -> Timestamp {
    at(DAYS[day])
}

/// Plans and add-ons between which a wild life goes to and fro.
const WILD: &str = "
    feature one fluctuating
    feature two incremental
    plan base credits=100/month two=99:month rate:one=3 rate:two=2
    plan pro credits=500/month two=999:week rate:one=5 rate:two=1
    plan yearly credits=900/year rate:one=3 rate:two=2
    addon extra credits=50/month
    addon over credits=300/month:override
    addon dear rate:one=7
    ";

fn wild_step() -> impl Strategy<Value = String> {
    let feature = prop_oneof![Just("one"), Just("two")];
    let plan = prop_oneof![Just("base"), Just("pro"), Just("yearly")];
    let addons = prop_oneof![
        Just("extra"),
        Just("extra=3"),
        Just("over"),
        Just("extra over"),
        Just("dear over")
    ];
    let anchor = prop_oneof![3 => Just(""), 1 => Just(" anchor-now"), 1 => Just(" at-period-end")];
    prop_oneof![
        6 => (feature.clone(), -30_i64..60).prop_map(|(one, by)| format!("report {one} {by}")),
        2 => (feature, 0_i64..60).prop_map(|(one, to)| format!("report {one} {to} set")),
        2 => (plan, anchor, any::<u32>())
            .prop_map(|(plan, anchor, id)| format!("subscribe {plan} id=s{id}{anchor}")),
        2 => addons.prop_map(|addons| format!("set {addons}")),
        1 => Just("set".to_owned()),
        1 => Just("cancel".to_owned()),
        1 => (1_u32..80).prop_map(|credits| format!("grant paid {credits}")),
        1 => (1_u32..9).prop_map(|no| format!("void {no}")),
        1 => (1_u32..50).prop_map(|credits| format!("use {credits}")),
        3 => Just("next".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn usage_up_and_down_takes_and_gives_back_the_very_credits(
        deeds in proptest::collection::vec(deed(), 1..60),
    ) {
        let text = "feature one fluctuating
            feature two fluctuating
            plan base rate:one=1 rate:two=1";
        let mut world = World::new(catalog(text));
        step(&mut world, "2026-03-01 subscribe base").unwrap();
        let mut model = Model::default();
        for deed in &deeds {
            // A grant that is over before it begins is refused; the model does not know it.
            let ends = match deed {
                Deed::Grant(_, Some(ends)) => Some(*ends),
                _ => None,
            };
            if ends.is_some_and(|ends| instant(ends) <= instant(model.day)) {
                continue;
            }
            // Nothing is reported where nothing changes.
            if matches!(deed, Deed::Report(_, 0)) {
                continue;
            }
            model.carry_out(deed);
            carry_out(&mut world, deed, model.day);
            let balance = world.pool().map_or(Amount::ZERO, Pool::balance);
            prop_assert_eq!(balance, amount(&model.balance().to_string()), "{:?}", deed);
        }
        world.assert_read_is_replay();
    }

    #[test]
    fn whatever_the_steps_the_price_is_that_of_the_usage(
        steps in proptest::collection::vec((-1_000_000_000_i64..3_000_000_000, any::<bool>()), 1..20),
        rate in 1_i64..4_000_000_000,
    ) {
        let nano = |value: i64| Amount::from_nano(value.into());
        let text = format!("feature f fluctuating\n plan base rate:f={}", nano(rate));
        let mut world = World::new(catalog(&text));
        step(&mut world, "2026-03-01 subscribe base").unwrap();
        step(&mut world, "grant paid 1000000").unwrap();
        let mut usage = 0_i64;
        for (value, is_set) in steps {
            usage = if is_set { value } else { usage + value };
            let set = if is_set { " set" } else { "" };
            step(&mut world, &format!("report f {}{set}", nano(value))).unwrap();
            let left = world.pool().unwrap().balance();
            // The price of a usage, rounded half to even by hand.
            let product = i128::from(usage.max(0)) * i128::from(rate);
            let (floor, rest) = (product / 1_000_000_000, product % 1_000_000_000);
            let up = rest > 500_000_000 || (rest == 500_000_000 && floor % 2 == 1);
            let price = Amount::from_nano(floor + i128::from(up));
            prop_assert_eq!(left, Amount::whole(1_000_000) - price);
        }
    }

    #[test]
    fn whatever_becomes_of_the_grants_no_meter_remembers_more_than_they_gave(
        steps in proptest::collection::vec(wild_step(), 1..60),
        keeps_usage in any::<bool>(),
    ) {
        let rule = if keeps_usage { "usage-reset never" } else { "" };
        let mut world = World::new(catalog(&format!("{rule}\n{WILD}")));
        step(&mut world, "2026-03-01 subscribe base").unwrap();
        let mut days = 0;
        for line in &steps {
            if line == "next" {
                days += 4;
                world.advance(instant(0).plus_seconds(days * 24 * 60 * 60));
            } else if step(&mut world, line).is_ok() {
                prop_assert_eq!(world.customer.verify_usages(), Ok(()), "{}", line);
            }
        }
        world.assert_read_is_replay();
    }
}
