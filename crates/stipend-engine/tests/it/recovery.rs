//! Goal: show that an engine that was opened again answers as the one before, wherever it was
//! interrupted and however far images lag behind the journal (E2).
//! Method: a script of commands that touch several segments at once, a crash after every append,
//! and the answers of before compared with those of after.

use crate::support::{
    ACME, Bench, Random, consume, customer_id, grant, instant, is_fresh, item, new_customer,
    new_grant, outcome, provision,
};
use stipend_core::catalog::{CatalogCommand, ProductPatch};
use stipend_core::customer::{
    CreditCheck, CustomerCommand, CustomerPatch, Explanation, check_credit, explain,
};
use stipend_core::{Amount, CustomerId, examples};
use stipend_engine::ledger::{LedgerPage, LedgerQuery, ledger_page};
use stipend_engine::record::{Header, KIND_HEADER, Record};
use stipend_engine::{Account, Command, LoadStage, Options, PRODUCTION, Rest};
use stipend_store::memory::{Fault, FaultKind};
use stipend_store::{Page, Seq};

/// Enough customers for three segments of images besides the realm's.
const CUSTOMERS: usize = 130;
const WATCHED: [&str; 4] = [ACME, "c0", "c70", "c129"];

/// Everything that the engine says about a customer.
#[derive(Debug, PartialEq)]
struct Answers {
    account: Account,
    check: CreditCheck,
    explanation: Explanation,
    ledger: LedgerPage,
    subscriptions: Vec<Option<u32>>,
}

fn ask(bench: &Bench, id: &str) -> Answers {
    let engine = bench.engine();
    let now = engine.now(PRODUCTION);
    let id: CustomerId = customer_id(id);
    let account = engine.find_current(PRODUCTION, &id, now).expect("little is due");
    let account = account.expect("it exists");
    let catalog = engine.catalog(PRODUCTION);
    let credits = examples::credits();
    let customer = &account.customer;
    let durable = engine.find_customer(PRODUCTION, &id).expect("it exists");
    let pools = durable.customer.pools.iter().map(|pool| pool.id);
    let pools = pools.zip(&durable.chains).collect();
    let query = LedgerQuery {
        pools,
        types: None,
        reservation: None,
        not_before: 0,
        page: Page::First,
        limit: 1_000,
    };
    let numbers = customer.subscriptions.iter().map(|subscription| {
        let found = engine.find_subscription(PRODUCTION, &subscription.terms.id, now);
        found.expect("little is due").map(|(_, number)| number.0)
    });
    Answers {
        check: check_credit(customer, &catalog, &credits, None, Some(Amount::whole(5)), now),
        explanation: explain(customer, &catalog, &credits, None, now),
        ledger: ledger_page(engine.reader(), &query).expect("memory can be read"),
        subscriptions: numbers.collect(),
        account: Account::clone(&account),
    }
}

fn last_header(bench: &Bench) -> (Header, Seq) {
    let rows = bench.rows();
    let header = rows.iter().rfind(|row| row.kind == KIND_HEADER).expect("there are batches");
    match Record::decode(header) {
        Ok(Record::Header(header)) => (header, bench.engine().last_position()),
        other => panic!("no header: {other:?}"),
    }
}

fn rename(customer: &str, name: String) -> Command {
    let patch = CustomerPatch { name: Some(Some(name)), ..CustomerPatch::default() };
    Command::Customer(customer_id(customer), CustomerCommand::Update(patch))
}

/// One command of the script; together they write to all segments.
fn script(step: usize, random: &mut Random) -> Command {
    let watched = random.pick(&WATCHED);
    let credits = i64::try_from(1 + random.below(20_000)).expect("small");
    match step % 6 {
        0 => {
            let items = WATCHED.map(|id| item(id, &format!("bulk-{step}"), credits));
            Command::Consume(items.to_vec())
        }
        1 => grant(watched, new_grant(&examples::credits(), credits)),
        2 => {
            let patch = ProductPatch { name: Some(format!("n{step}")), ..ProductPatch::default() };
            Command::Catalog(CatalogCommand::UpdateProduct(examples::product(), patch))
        }
        3 => rename(watched, format!("n{step}")),
        4 => {
            provision(watched, &format!("s-{watched}"), 1 + u32::try_from(step % 4).expect("small"))
        }
        _ => consume(watched, &format!("k-{step}"), credits),
    }
}

fn populated() -> Bench {
    let bench = Bench::seeded();
    let creations: Vec<_> = (0..CUSTOMERS)
        .map(|n| bench.submit(Command::CreateCustomer(new_customer(&format!("c{n}")))))
        .collect();
    for creation in creations {
        outcome(creation).expect("the ids are new");
    }
    bench
}

#[test]
fn a_crash_after_any_append_changes_no_answer() {
    let mut bench = populated();
    let mut random = Random::new(2);
    let mut lagging = 0;
    for step in 0..60 {
        if step % 20 == 19 {
            bench.clock.set(instant(["2026-03-31T23:00:00Z", "2026-04-01T00:00:00Z"][step / 40]));
        }
        bench.done(script(step, &mut random));
        bench.done(Command::CatchUpAll);
        let (header, last) = last_header(&bench);
        lagging += usize::from(header.replay_after < last);
        let before = WATCHED.map(|id| ask(&bench, id));
        let now = bench.engine().now(PRODUCTION);
        bench.crash();
        assert_eq!(bench.engine().now(PRODUCTION), now, "step {step}");
        for (id, before) in WATCHED.iter().zip(before) {
            assert_eq!(ask(&bench, id), before, "{id} after step {step}");
        }
        bench.verify();
    }
    assert!(lagging > 20, "images lagged behind the journal: {lagging} times");
}

#[test]
fn what_was_held_at_the_crash_is_absent_as_a_whole() {
    let mut bench = populated();
    for round in 0..6 {
        let control = bench.control();
        control.pause();
        let first = bench.submit(consume(ACME, &format!("first-{round}"), 1));
        bench.wait_until_held();
        let mut random = Random::new(round);
        let ahead: Vec<_> = (0..12).map(|n| bench.submit(script(n, &mut random))).collect();
        let before = WATCHED.map(|id| ask(&bench, id));
        drop(ahead);
        bench.crash();
        assert_eq!(outcome(first), Err(stipend_engine::Refusal::Failed));
        assert_eq!(WATCHED.map(|id| ask(&bench, id)), before);
        bench.verify();
        // What is written now stands at the positions of what was lost.
        bench.done(consume("c129", &format!("after-{round}"), 1));
    }
}

#[test]
fn images_still_lag_rightly_after_refused_commits() {
    let mut bench = populated();
    let mut random = Random::new(9);
    for round in 0..30 {
        let control = bench.control();
        control.pause();
        if round % 2 == 0 {
            control.fail(Fault::next_append(FaultKind::Unavailable));
        }
        let first = bench.submit(consume(random.pick(&WATCHED), &format!("first-{round}"), 1));
        bench.wait_until_held();
        let ahead: Vec<_> = (0..4)
            .map(|_| bench.submit(script(random.below(6) + 6 * round, &mut random)))
            .collect();
        bench.let_queue_drain();
        control.release();
        for waiting in std::iter::once(first).chain(ahead) {
            drop(outcome(waiting));
        }
        bench.settle();
        drop(bench.run(rename(random.pick(&WATCHED), format!("r{round}"))));
        let before = WATCHED.map(|id| ask(&bench, id));
        bench.crash();
        assert_eq!(WATCHED.map(|id| ask(&bench, id)), before, "round {round}");
        bench.verify();
    }
}

#[test]
fn the_tail_to_replay_stays_short() {
    let mut bench = populated();
    for n in 0..300 {
        assert!(is_fresh(&bench.consume(ACME, &format!("k{n}"), 1)));
    }
    let (header, last) = last_header(&bench);
    assert!(last - header.replay_after < 100, "{} of {last}", last - header.replay_after);
    bench.crash();
    bench.verify();
}

#[test]
fn an_empty_store_opens_and_is_sound() {
    let mut bench = Bench::empty();
    assert_eq!(bench.engine().last_position(), 3, "a header, an environment and a key");
    let opens = |bench: &Bench, key| bench.engine().authenticate(key).map(|known| known.env);
    assert_eq!(opens(&bench, "key"), Some(PRODUCTION));
    assert_eq!(opens(&bench, "other"), None);
    bench.restart();
    assert_eq!(opens(&bench, "key"), Some(PRODUCTION));
    assert!(bench.engine().has_keys());
    assert_eq!(bench.engine().customers_count(), 0);
    let audit = bench.verify();
    assert_eq!((audit.batches, audit.rows, audit.customers, audit.pools), (1, 3, 0, 0));
}

/// One customer after the other, so that every bench gives them the same rows.
fn populated_in_turn(rest: Rest) -> Bench {
    let mut bench = Bench::seeded();
    bench.rest = rest;
    bench.restart();
    for n in 0..CUSTOMERS {
        bench.done(Command::CreateCustomer(new_customer(&format!("c{n}"))));
    }
    bench
}

#[test]
fn packed_customers_answer_as_decoded_ones_do() {
    let mut packed = populated_in_turn(Rest::AtOnce);
    let mut decoded = populated_in_turn(Rest::AfterSeconds(3_600));
    let mut randoms = [Random::new(5), Random::new(5)];
    for step in 0..60 {
        for (bench, random) in [&packed, &decoded].into_iter().zip(&mut randoms) {
            if step % 20 == 19 {
                let times = ["2026-03-31T23:00:00Z", "2026-04-01T00:00:00Z"];
                bench.clock.set(instant(times[step / 40]));
            }
            for n in 0..3 {
                bench.done(script(step * 3 + n, random));
            }
            bench.done(Command::CatchUpAll);
        }
        for id in WATCHED {
            assert_eq!(ask(&packed, id), ask(&decoded, id), "{id} after step {step}");
        }
    }
    assert_eq!(packed.rows(), decoded.rows());
    for bench in [&mut packed, &mut decoded] {
        bench.verify();
        bench.crash();
        bench.verify();
    }
    for id in WATCHED {
        assert_eq!(ask(&packed, id), ask(&decoded, id), "{id}");
    }
}

#[test]
fn whoever_waits_for_a_start_sees_when_it_is_done() {
    let mut bench = Bench::seeded();
    let options = Options::default();
    let progress = options.progress.clone();
    assert_eq!(progress.stage(), LoadStage::Waiting);
    bench.restart_with(&options).expect("nothing was damaged");
    assert_eq!(progress.stage(), LoadStage::Done);
}
