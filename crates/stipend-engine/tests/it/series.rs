//! Goal: show that the use of credits over time is what its events, refunds and reversals say,
//! whatever of it is rolled up.
//! Method: random lives of a customer with two pools, told to a naive model as they are answered;
//! random queries against a fold of that model, with roll-ups of a few rows each in between.

use crate::support::{
    ACME, Bench, Random, customer_id, grant, instant, item_of, new_grant, respond,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use stipend_core::catalog::{
    Aggregation, CatalogCommand, ChargeRow, Charges, Comparison, Condition, CreditRate, Document,
    Meter, MeterType, Migration, NewFeature, PackageKey, PackagePatch, Pricing,
};
use stipend_core::customer::{
    BillingPeriod, ConsumeRequest, CustomerCommand, DimensionValue, EventRequest, HoldTerm,
    ReleaseRequest, ReserveRequest, UsageRequest,
};
use stipend_core::{
    Amount, CurrencyId, FeatureId, PoolId, ReservationId, Slot, Timestamp, Zone, examples,
};
use stipend_engine::reversal::Reversible;
use stipend_engine::series::{
    RollLimits, Roller, Series, SeriesKey, SeriesQuery, Step, Told, Used, series, verify_rolls,
};
use stipend_engine::{
    Command, Consumed, Found, Key, PRODUCTION, Recorded, Remember, Reply, Report, ReportItem,
    Reported,
};
use stipend_store::{MemoryRolls, Roll, RollHead, Rolls, Seq, StoreError};

const DAY: i64 = 24 * 60 * 60;

/// So few rows a roll-up that a life has many of them, and so few values that some dimensions are
/// left out.
const SMALL: RollLimits = RollLimits { rows_min: 9, rows_max: 23, cells_max: 30, values_max: 3 };

fn feature(id: &str) -> FeatureId {
    FeatureId::parse(id).expect("a sound id")
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).expect("there is such a zone")
}

fn gems() -> CurrencyId {
    CurrencyId::parse("gems").expect("a sound id")
}

fn metered(id: &str, is_of_calls: bool) -> Command {
    let condition = Condition {
        field: "eventName".to_owned(),
        comparison: Comparison::Equals,
        values: vec!["call".to_owned()],
    };
    let filters = vec![vec![condition]];
    let aggregation = Aggregation::Count;
    let meter =
        is_of_calls.then_some(Meter { aggregation, filters, document: Document(String::new()) });
    let meter_type = MeterType::Incremental;
    let new = NewFeature { meter_type, meter, ..examples::new_feature(feature(id)) };
    Command::Catalog(CatalogCommand::CreateFeature(Box::new(new)))
}

/// `acme`, for whom a call counts as `a-call` and `c-work` at 10 and 1 API credits, as `b-look`
/// for nothing, and as `d-gem` at 2 gems; an image costs 3 API credits.
fn bench() -> Bench {
    let bench = Bench::with_catalog();
    let plan = PackageKey::plan(examples::plan());
    let rate = |id: &str, amount, currency| CreditRate {
        feature: feature(id),
        billing_period: BillingPeriod::Monthly,
        currency,
        amount: Amount::whole(amount),
        formula: None,
    };
    let rates = vec![
        rate("a-call", 10, examples::credits()),
        rate("c-work", 1, examples::credits()),
        rate("d-gem", 2, gems()),
        rate("image", 3, examples::credits()),
    ];
    let row = ChargeRow { created_at: examples::START, row: Document("{}".to_owned()) };
    let charges = Charges { rows: vec![row], rates, overage: Vec::new() };
    let patch = PackagePatch { charges: Some((Pricing::Paid, charges)), ..PackagePatch::default() };
    let gems = CatalogCommand::CreateCreditType(examples::new_credit_type(gems()));
    bench.done(Command::Catalog(gems));
    for (id, is_of_calls) in
        [("a-call", true), ("b-look", true), ("c-work", true), ("d-gem", true), ("image", false)]
    {
        bench.done(metered(id, is_of_calls));
    }
    for command in [
        CatalogCommand::OpenDraft(plan.clone()),
        CatalogCommand::UpdatePackage(plan.clone(), Box::new(patch)),
        CatalogCommand::Publish(plan, Migration::NewCustomers),
    ] {
        bench.done(Command::Catalog(command));
    }
    bench.create_customer(ACME);
    bench.subscribe(ACME, "sub-1", 3);
    bench
}

type Dimensions = Vec<(String, DimensionValue)>;

/// What was used or given back, as it was answered.
#[derive(Clone, Debug)]
struct Use {
    /// Which event it was; none for a reversal.
    event: Option<usize>,
    pool: PoolId,
    feature: Option<FeatureId>,
    at: Timestamp,
    dimensions: Vec<(String, String)>,
    amount: Amount,
}

/// A customer's life, and what the naive model knows of it.
struct Life {
    bench: Bench,
    random: Random,
    events: usize,
    uses: Vec<Use>,
    /// The positions of consumptions that can be reversed, with their places in `uses`.
    reversible: Vec<(Seq, usize)>,
    held: Vec<String>,
    rolls: Arc<MemoryRolls>,
    roller: Roller,
    /// Positions of the journal, with how many uses there were then.
    moments: Vec<(Seq, usize)>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let rolls = Arc::new(MemoryRolls::default());
        let kept: Arc<dyn Rolls> = Arc::<MemoryRolls>::clone(&rolls);
        Self {
            bench: bench(),
            random: Random::new(seed),
            events: 0,
            uses: Vec::new(),
            reversible: Vec::new(),
            held: Vec::new(),
            roller: Roller::with_limits(kept, SMALL),
            rolls,
            moments: Vec::new(),
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.next() % bound
    }

    /// As [`Life::below`], for instants and amounts.
    fn up_to(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound).expect("bounds lie above zero");
        i64::try_from(self.below(bound)).expect("it lies below an i64")
    }

    /// One of so many places.
    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).expect("it lies below a usize")
    }

    fn account(&self) -> Found {
        let found = self.bench.engine().find_customer(PRODUCTION, &customer_id(ACME));
        found.expect("the customer exists")
    }

    fn now(&self) -> Timestamp {
        self.bench.engine().now(PRODUCTION)
    }

    fn next_event(&mut self) -> (usize, String) {
        self.events += 1;
        (self.events, format!("e{}", self.events))
    }

    /// Mostly now, sometimes days ago, sometimes a little ahead.
    fn reported_at(&mut self) -> Option<Timestamp> {
        let now = self.now();
        match self.below(6) {
            0 => Some(now.plus_seconds(-self.up_to(34 * DAY))),
            1 => Some(now.plus_seconds(-self.up_to(7_200))),
            2 => Some(now.plus_seconds(100)),
            _ => None,
        }
    }

    /// Any subset of a few dimensions: two with few values, one with many.
    fn dimensions(&mut self) -> Dimensions {
        let mut said = Vec::new();
        let text = |text: String| DimensionValue::Text(text);
        let (model, region, request, flag) =
            (self.below(4), self.up_to(3), self.below(1_000), self.below(3));
        if model > 0 {
            said.push(("model".to_owned(), text(format!("m{model}"))));
        }
        if region > 0 {
            said.push(("region".to_owned(), DimensionValue::Number(Amount::whole(region))));
        }
        if flag == 0 {
            said.push(("request".to_owned(), text(format!("r{request}"))));
            said.push(("cached".to_owned(), DimensionValue::Flag(request % 2 == 0)));
        }
        said
    }

    fn place(&self, at: Option<Timestamp>, dimensions: &Dimensions) -> Use {
        let text = |value: &DimensionValue| match value {
            DimensionValue::Text(text) => text.clone(),
            DimensionValue::Number(number) => number.to_string(),
            DimensionValue::Flag(flag) => flag.to_string(),
        };
        let said = dimensions.iter().map(|(name, value)| (name.clone(), text(value)));
        Use {
            event: None,
            pool: PoolId(0),
            feature: None,
            at: at.map_or(self.now(), |at| at.min(self.now())),
            dimensions: said.collect(),
            amount: Amount::ZERO,
        }
    }

    fn consume(&mut self) {
        let (event, key) = self.next_event();
        let (reported_at, dimensions) = (self.reported_at(), self.dimensions());
        let amount = Amount::whole(1 + self.up_to(50));
        let place = self.place(reported_at, &dimensions);
        let request = examples::consumption(amount);
        let request = ConsumeRequest { reported_at, dimensions, ..request };
        let done = self.bench.done(Command::Consume(vec![item_of(ACME, &key, request)]));
        let Reply::Consumed(results) = done else { panic!("not consumed") };
        let [Consumed::Done { seq, .. }] = results[..] else { panic!("not one") };
        self.reversible.push((seq, self.uses.len()));
        let pool = self.pool(&examples::credits());
        self.uses.push(Use { event: Some(event), pool, amount, ..place });
    }

    fn pool(&self, currency: &CurrencyId) -> PoolId {
        let account = self.account();
        account.customer.find_pool(currency, None).expect("it was used").id
    }

    /// Calls, several at once, and images: more, or less of them.
    fn report(&mut self) {
        let mut items = Vec::new();
        let mut places = Vec::new();
        for _ in 0..1 + self.below(3) {
            let (event, key) = self.next_event();
            let (reported_at, dimensions) = (self.reported_at(), self.dimensions());
            places.push((event, self.place(reported_at, &dimensions)));
            let event_id = (self.below(4) > 0).then(|| key.clone());
            let customer = customer_id(ACME);
            if self.below(2) == 0 {
                let name = "call".to_owned();
                let event_id = Some(key.clone());
                let request =
                    EventRequest { name, resource: None, event_id, reported_at, dimensions };
                let key = Key::of_event(PRODUCTION, ACME, &request, &key);
                let (report, remember) = (Report::Event(request), Remember::Key(key));
                items.push(ReportItem { customer, report, remember });
                continue;
            }
            let is_set = self.below(3) == 0;
            let value = self.up_to(40) - if is_set { 0 } else { 15 };
            let request = UsageRequest {
                feature: feature("image"),
                resource: None,
                value: Amount::whole(value),
                is_set,
                event_id,
                reported_at,
                dimensions,
            };
            let key = Key::of_usage(PRODUCTION, ACME, &request, &key);
            let (report, remember) = (Report::Usage(request), Remember::Key(key));
            items.push(ReportItem { customer, report, remember });
        }
        let done = self.bench.done(Command::Report(items.into()));
        let Reply::Reported(results) = done else { panic!("not reported") };
        for ((event, place), result) in places.into_iter().zip(results) {
            let Reported::Done { recorded, .. } = result else { panic!("it is new") };
            self.note(event, &place, &recorded);
        }
    }

    fn note(&mut self, event: usize, place: &Use, recorded: &Recorded) {
        for entry in recorded.usages().iter().flat_map(|usage| &usage.paid) {
            let feature = entry.priced().map(|priced| priced.feature.clone());
            let (pool, amount) = (entry.pool, -entry.delta());
            self.uses.push(Use { event: Some(event), pool, feature, amount, ..place.clone() });
        }
    }

    fn reverse(&mut self) {
        if self.reversible.is_empty() {
            return;
        }
        let place = self.pick(self.reversible.len());
        let (seq, of) = self.reversible.swap_remove(place);
        let engine = self.bench.engine();
        let found = engine.prepare_reversal(PRODUCTION, seq, None, None);
        let Ok(Reversible::Ready(ready)) = found else { panic!("it is a consumption") };
        let Ok(Reply::Stored(seq)) = self.bench.run(Command::Reverse(ready)) else {
            panic!("it was ready")
        };
        let told = self.bench.engine().stored_reversal(seq).expect("it is stored");
        let amount = -told.entry.delta();
        self.uses.push(Use { event: None, amount, ..self.uses[of].clone() });
    }

    fn hold(&mut self) {
        let command = |command, key| {
            let command = Command::Customer(customer_id(ACME), command);
            (command, Some(key), respond("held"))
        };
        let id = |text: &str| ReservationId::parse(text).expect("a sound id");
        let (command, remember, render) = if self.below(2) == 0 || self.held.is_empty() {
            let (_, name) = self.next_event();
            let request = examples::reservation(&name, Amount::whole(5));
            let request = ReserveRequest { term: HoldTerm::Seconds(60), ..request };
            let key = Key::of_reservation(PRODUCTION, ACME, &request);
            self.held.push(name);
            command(CustomerCommand::Reserve(request), Remember::Reservation(key))
        } else {
            let name = self.held.remove(0);
            let consumed = Amount::whole(self.up_to(9));
            let request = ReleaseRequest {
                currency: examples::credits(),
                resource: None,
                id: id(&name),
                consumed,
                is_known: true,
            };
            let key = Key::of_release(PRODUCTION, ACME, &request);
            if consumed.is_positive() {
                let (event, _) = self.next_event();
                let (pool, place) =
                    (self.pool(&examples::credits()), self.place(None, &Vec::new()));
                self.uses.push(Use { event: Some(event), pool, amount: consumed, ..place });
            }
            command(CustomerCommand::Release(request), Remember::Release(key))
        };
        let answer = self.bench.submit_with(command, remember, render);
        crate::support::outcome(answer).expect("there are credits");
    }

    fn step(&mut self) {
        match self.below(10) {
            0..3 => self.consume(),
            3..6 => self.report(),
            6 => self.reverse(),
            7 => self.hold(),
            8 => {
                let seconds = self.up_to(3 * DAY);
                let now = self.now();
                let micros = now.plus_seconds(seconds).micros() + 17;
                // Reservations are released before they end.
                if self.held.is_empty() {
                    self.bench.clock.advance_to(Timestamp::from_micros(micros));
                }
            }
            _ => {
                let engine = self.bench.engine();
                self.roller.step(engine).expect("memory can be read");
            }
        }
        self.moments.push((self.bench.engine().last_position(), self.uses.len()));
    }
}

/// A query without its chains.
#[derive(Debug)]
struct Question {
    pools: Vec<PoolId>,
    moment: (Seq, usize),
    range: (Timestamp, Timestamp),
    step: Step,
    by_feature: bool,
    dimensions: Vec<String>,
}

impl Life {
    fn question(&mut self) -> Question {
        let account = self.account();
        let all: Vec<PoolId> = account.customer.pools.iter().map(|pool| pool.id).collect();
        let one = self.pick(all.len() * 2);
        let pools = all.get(one).map_or(all.clone(), |pool| vec![*pool]);
        let moments = self.moments.len();
        let moment = match self.below(3) {
            0 => {
                let place = self.pick(moments);
                self.moments[place]
            }
            _ => (Seq::MAX, self.uses.len()),
        };
        let lived = self.now().micros() - examples::START.micros() + 40 * DAY * 1_000_000;
        let within = |life: &mut Self| {
            let back = life.up_to(lived);
            let at = life.now().micros() + 1 - back;
            let whole = at - at.rem_euclid(15 * 60 * 1_000_000);
            Timestamp::from_micros(if life.below(3) == 0 { whole } else { at })
        };
        let one = within(self);
        let other = match self.below(3) {
            0 => Timestamp::from_micros(self.now().micros() + 1),
            1 => Timestamp::from_micros(one.micros() + 1 + self.up_to(3_600_000_000)),
            _ => within(self),
        };
        let range = if one < other { (one, other) } else { (other, one) };
        let berlin = zone("Europe/Berlin");
        let kolkata = zone("Asia/Kolkata");
        let step = match self.below(4) {
            0 => Step::Hour,
            1 => Step::Day(None),
            2 => Step::Day(Some(berlin)),
            _ => Step::Day(Some(kolkata)),
        };
        let mut dimensions: Vec<String> =
            ["model", "region", "request", "cached"].map(str::to_owned).to_vec();
        for _ in 0..1 + self.below(4) {
            let place = self.pick(dimensions.len());
            dimensions.swap_remove(place);
        }
        Question { pools, moment, range, step, by_feature: self.below(2) == 0, dimensions }
    }

    fn ask(&self, question: &Question) -> Told {
        self.ask_with(question, self.rolls.as_ref())
    }

    fn ask_with(&self, question: &Question, rolls: &dyn Rolls) -> Told {
        let account = self.account();
        let chain = |pool: &PoolId| (*pool, &account.chains[usize::from(pool.number())]);
        let query = SeriesQuery {
            pools: question.pools.iter().map(chain).collect(),
            as_of: question.moment.0,
            start: question.range.0,
            end: question.range.1,
            step: question.step.clone(),
            by_feature: question.by_feature,
            dimensions: question.dimensions.clone(),
        };
        series(self.bench.engine().reader(), rolls, &query).expect("memory can be read")
    }

    /// The naive fold: every use looked at, events told apart by their numbers.
    fn fold(&self, question: &Question) -> BTreeMap<SeriesKey, Series> {
        let mut all: BTreeMap<SeriesKey, Series> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for one in &self.uses[..question.moment.1] {
            let (start, end) = question.range;
            if !question.pools.contains(&one.pool) || one.at < start || one.at >= end {
                continue;
            }
            let tag = |name: &String| one.dimensions.iter().find(|(said, _)| said == name).cloned();
            let key = SeriesKey {
                feature: one.feature.clone().filter(|_| question.by_feature),
                tags: question.dimensions.iter().filter_map(tag).collect(),
            };
            let begin = beginning(&question.step, one.at);
            let is_new = one.event.is_some() && seen.insert((key.clone(), one.event));
            let series = all.entry(key).or_default();
            for used in [&mut series.total, series.points.entry(begin).or_default()] {
                *used = Used {
                    amount: used.amount + one.amount,
                    events: used.events + u64::from(is_new),
                };
            }
        }
        all
    }
}

/// The first instant of the step, by the text of the wall clock: steps begin at quarters of an
/// hour.
fn beginning(step: &Step, at: Timestamp) -> Timestamp {
    let quarter = 15 * 60 * 1_000_000;
    let instant = |number: i64| Timestamp::from_micros(number * quarter);
    let text = |at: Timestamp| match step {
        Step::Day(Some(zone)) => zone.local_text(at),
        _ => at.to_string(),
    };
    let length = if *step == Step::Hour { 13 } else { 10 };
    let mut inside = at.micros().div_euclid(quarter);
    let mut outside = inside - 4 * 26;
    while inside - outside > 1 {
        let middle = outside + (inside - outside) / 2;
        if text(instant(middle))[..length] == text(at)[..length] {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    instant(inside)
}

#[test]
fn a_series_is_the_naive_fold_of_what_was_used_whatever_is_rolled_up() {
    let (mut rolled, mut told) = (0, 0);
    for seed in 0..6 {
        let mut life = Life::new(seed);
        // Both pools are there from the beginning.
        life.bench.done(grant(ACME, new_grant(&gems(), 20)));
        life.bench.done(grant(ACME, new_grant(&examples::credits(), 1_000_000)));
        for _ in 0..200 {
            life.step();
            if life.below(5) == 0 {
                let question = life.question();
                let expected = life.fold(&question);
                told += expected.len();
                assert_eq!(life.ask(&question), Told::All(expected), "seed {seed}: {question:?}");
            }
        }
        rolled += verify_rolls(life.bench.engine().reader(), life.rolls.as_ref()).unwrap();
        life.bench.verify();
    }
    assert!(rolled > 30 && told > 500, "{rolled} roll-ups, {told} series");
}

/// A life with consumption alone, one credit at each of these instants.
fn consumed_at(instants: &[&str]) -> Life {
    let life = Life::new(1);
    for (n, at) in instants.iter().enumerate() {
        life.bench.clock.advance_to(instant(at));
        let item = item_of(ACME, &format!("k{n}"), examples::consumption(Amount::whole(1)));
        life.bench.done(Command::Consume(vec![item]));
    }
    life
}

/// All of the first pool, by days.
fn everything(step: Step) -> Question {
    Question {
        pools: vec![PoolId::new(Slot(64), 0)],
        moment: (Seq::MAX, 0),
        range: (examples::START, instant("2027-01-01T00:00:00Z")),
        step,
        by_feature: false,
        dimensions: Vec::new(),
    }
}

fn points(told: Told) -> Vec<(String, Amount)> {
    let Told::All(mut all) = told else { panic!("there are few rows: {told:?}") };
    let points = all.pop_first().map(|(_, series)| series.points).unwrap_or_default();
    points.into_iter().map(|(at, used)| (at.to_string(), used.amount)).collect()
}

#[test]
fn days_are_those_of_the_zone_and_are_shorter_or_longer_where_its_clocks_change() {
    let berlin = zone("Europe/Berlin");
    let check = |instants: &[&str], step: &Step, expected: &[(&str, i64)]| {
        let life = consumed_at(instants);
        let told = points(life.ask(&everything(step.clone())));
        let expected = expected.iter().map(|(at, amount)| (format!("{at}Z"), *amount));
        let expected: Vec<_> = expected.map(|(at, amount)| (at, Amount::whole(amount))).collect();
        assert_eq!(told, expected, "{instants:?}");
    };
    // The 29th of March has 23 hours, the 25th of October 25.
    let spring = [
        "2026-03-28T22:59:59Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T21:59:59Z",
        "2026-03-29T22:00:00Z",
    ];
    let expected = [
        ("2026-03-27T23:00:00.000", 1),
        ("2026-03-28T23:00:00.000", 2),
        ("2026-03-29T22:00:00.000", 1),
    ];
    check(&spring, &Step::Day(Some(berlin.clone())), &expected);
    let expected = [("2026-03-28T00:00:00.000", 2), ("2026-03-29T00:00:00.000", 2)];
    check(&spring, &Step::Day(None), &expected);
    let autumn = [
        "2026-10-24T21:59:59Z",
        "2026-10-24T22:00:00Z",
        "2026-10-25T22:59:59Z",
        "2026-10-25T23:00:00Z",
    ];
    let expected = [
        ("2026-10-23T22:00:00.000", 1),
        ("2026-10-24T22:00:00.000", 2),
        ("2026-10-25T23:00:00.000", 1),
    ];
    check(&autumn, &Step::Day(Some(berlin)), &expected);
    // Its days begin at half past six of UTC's evening.
    let kolkata = ["2026-04-01T18:29:59Z", "2026-04-01T18:30:00Z"];
    let expected = [("2026-03-31T18:30:00.000", 1), ("2026-04-01T18:30:00.000", 1)];
    check(&kolkata, &Step::Day(Some(zone("Asia/Kolkata"))), &expected);
}

/// A life whose pool has sixty consumptions, in two roll-ups and some rows more.
fn rolled_life() -> Life {
    let mut life = Life::new(2);
    for n in 0..60 {
        life.bench.consume(ACME, &format!("k{n}"), 1).expect("there are credits");
    }
    while life.roller.step(life.bench.engine()).expect("memory can be read") {}
    life
}

#[test]
fn the_roller_finds_the_pools_that_have_grown() {
    let mut life = rolled_life();
    let pool = everything(Step::Hour).pools[0];
    let rolled = |life: &Life| life.rolls.heads(pool.0).unwrap().last().map(|head| head.number);
    let before = rolled(&life).expect("it was long from the beginning");
    assert!(before > 60 - SMALL.rows_min, "{before} of 61 rows");
    for n in 0..40 {
        life.bench.consume(ACME, &format!("later{n}"), 1).expect("there are credits");
    }
    while life.roller.step(life.bench.engine()).expect("memory can be read") {}
    let after = rolled(&life).expect("nothing drops it");
    assert!(after > before + 40 - SMALL.rows_min, "{after} after {before}");
    assert_eq!(verify_rolls(life.bench.engine().reader(), life.rolls.as_ref()).unwrap(), 5);
}

#[test]
fn roll_ups_of_another_journal_are_dropped_and_the_answer_is_right() {
    let life = rolled_life();
    let other = consumed_at(&["2026-03-02T00:00:00Z"]);
    let pool = everything(Step::Hour).pools[0];
    for head in life.rolls.heads(pool.0).unwrap() {
        let body = life.rolls.body(pool.0, head.upto).unwrap().expect("it is there");
        assert!(other.rolls.add(&Roll { head, body }).unwrap());
    }
    let differs = verify_rolls(other.bench.engine().reader(), other.rolls.as_ref());
    assert!(differs.unwrap_err().to_string().contains("differs from the journal"));
    let told = points(other.ask(&everything(Step::Day(None))));
    assert_eq!(told, [("2026-03-02T00:00:00.000Z".to_owned(), Amount::whole(1))]);
    assert_eq!(other.rolls.heads(pool.0).unwrap(), []);
}

#[test]
fn the_audit_finds_a_roll_up_that_says_something_else() {
    let life = rolled_life();
    let reader = life.bench.engine().reader();
    let pool = everything(Step::Hour).pools[0];
    let check = |change: &dyn Fn(&mut Vec<Roll>), expected: bool| {
        let heads = life.rolls.heads(pool.0).unwrap().into_iter();
        let mut rolls: Vec<_> = heads
            .map(|head| {
                let body = life.rolls.body(pool.0, head.upto).unwrap().expect("it is there");
                Roll { head, body }
            })
            .collect();
        change(&mut rolls);
        let changed = MemoryRolls::default();
        rolls.iter().for_each(|roll| drop(changed.add(roll)));
        assert_eq!(verify_rolls(reader, &changed).is_ok(), expected);
    };
    check(&|_| {}, true);
    check(&|rolls| rolls[0].body = rolls[1].body.clone(), false);
    check(&|rolls| rolls[1].body.truncate(9), false);
    check(&|rolls| rolls[1].head.mark[0] ^= 1, false);
    check(&|rolls| rolls[1].head.number += 1, false);
    check(&|rolls| rolls[1].head.last += 1, false);
}

/// Roll-ups that cannot be read.
#[derive(Debug)]
struct Broken;

impl Rolls for Broken {
    fn heads(&self, _: u64) -> Result<Vec<RollHead>, StoreError> {
        Err(StoreError::Damaged("the test wants it so".to_owned()))
    }

    fn body(&self, _: u64, _: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn add(&self, _: &Roll) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn pools(&self) -> Result<Vec<u64>, StoreError> {
        Ok(Vec::new())
    }

    fn forget(&self, _: u64) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn a_series_is_told_where_roll_ups_cannot_be_read() {
    let life = rolled_life();
    let question = everything(Step::Day(None));
    let whole = life.ask(&question);
    assert_eq!(life.ask_with(&question, &Broken), whole);
    assert_eq!(points(whole), [("2026-03-01T00:00:00.000Z".to_owned(), Amount::whole(60))]);
}
