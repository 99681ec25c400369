//! Goal: show that what is due is done without anyone asking, in slices between which commands
//! are answered, once, and with the same journal however late and however interrupted
//! (architecture rules 8 and 9, rows K4 and K5 of `calendar.md`).
//! Method: a clock whose alarms ring when it is moved, a store that holds its appends, and the
//! pools of a disturbed run compared with those of an undisturbed one.

use crate::support::{
    ACME, Bench, PoolRow, cancel, consume, customer_id, grant, instant, is_fresh, is_waiting, item,
    new_customer, new_grant, outcome,
};
use stipend_core::catalog::{CatalogCommand, NewProduct, ProductPatch};
use stipend_core::customer::NewGrant;
use stipend_core::{Amount, ProductId, Slot, SubscriptionId, Timestamp, examples};
use stipend_engine::limits::{
    BATCH_ROWS_MAX, PARKED_MAX, SLICE_CUSTOMERS, SLICE_ROWS_MAX, SLOT_FIRST,
};
use stipend_engine::record::KIND_REALM;
use stipend_engine::{Command, PRODUCTION, Refusal};
use stipend_store::memory::{Fault, FaultKind};

/// More than one slice and one batch of due work together.
const HERD: usize = 5_000;
/// The kind of the rows of what time does to a pool.
const KIND_DUE: u16 = 23;
const BOUNDARY: &str = "2026-04-01T00:00:00Z";

fn herd() -> Bench {
    let bench = Bench::with_catalog();
    bench.populate(PRODUCTION, HERD);
    bench
}

/// The herd at its boundary, the first slice on its way to the disk.
fn held_herd() -> Bench {
    let bench = herd();
    bench.control().pause();
    bench.clock.advance_to(instant(BOUNDARY));
    bench.wait_until_held();
    bench
}

/// What the herd's pools say when nothing disturbs it.
fn undisturbed() -> Vec<PoolRow> {
    let bench = herd();
    bench.clock.advance_to(instant(BOUNDARY));
    bench.wait_until_rolled(PRODUCTION);
    bench.pool_rows()
}

fn new_product(id: &str) -> Command {
    Command::Catalog(CatalogCommand::CreateProduct(NewProduct {
        id: ProductId::parse(id).expect("the test writes ids well"),
        name: id.to_owned(),
        description: None,
        metadata: stipend_core::catalog::Metadata::new(),
        multiple_subscriptions: false,
    }))
}

fn rename_product(id: &str) -> Command {
    let id = ProductId::parse(id).expect("the test writes ids well");
    let patch = ProductPatch { name: Some("new".to_owned()), ..ProductPatch::default() };
    Command::Catalog(CatalogCommand::UpdateProduct(id, patch))
}

#[test]
fn a_customer_is_renewed_without_anyone_asking_and_not_a_microsecond_early() {
    let bench = Bench::seeded();
    bench.consume(ACME, "k1", 30_000).expect("there is enough");
    let boundary = instant(BOUNDARY);
    let before = bench.engine().last_position();
    bench.clock.advance_to(Timestamp::from_micros(boundary.micros() - 1));
    bench.settle();
    assert_eq!(bench.engine().last_position(), before);
    for text in [BOUNDARY, "2026-05-01T00:00:00Z", "2026-05-31T23:59:59Z", "2026-06-01T00:00:00Z"] {
        bench.clock.advance_to(instant(text));
        bench.wait_until_rolled(PRODUCTION);
    }
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    let times: Vec<String> = bench.pool_rows()[2..]
        .iter()
        .map(|(_, _, at, ..)| Timestamp::from_micros(*at).to_string())
        .collect();
    let expected =
        ["2026-04-01", "2026-05-01", "2026-06-01"].map(|day| format!("{day}T00:00:00.000Z"));
    assert_eq!(times, expected, "each at its own instant");
    bench.verify();
}

#[test]
fn commands_and_checks_are_answered_while_a_herd_is_renewed() {
    let bench = held_herd();
    let batches_before = bench.batch_sizes().len();
    let last = format!("c{}", HERD - 1);
    let consumed = bench.submit(consume(&last, "k1", 60_001));
    bench.let_queue_drain();
    let current = bench.engine().find_current(PRODUCTION, &customer_id(&last), instant(BOUNDARY));
    let current = current.expect("little is due");
    let balance = current.expect("it exists").customer.pools[0].balance();
    assert_eq!(balance, Amount::whole(60_000), "a check is right before its customer's turn");
    assert_eq!(bench.rolled_count(PRODUCTION), 0);

    bench.control().release_one();
    bench.wait_for("the first slice", |bench| bench.rolled_count(PRODUCTION) > 0);
    bench.wait_until_held();
    bench.control().release_one();
    assert!(is_fresh(&outcome(consumed)));
    let rolled = bench.rolled_count(PRODUCTION);
    assert!((2 * SLICE_CUSTOMERS..HERD).contains(&rolled), "{rolled} of {HERD}");
    assert_eq!(bench.balance(&last), Amount::whole(-1), "April was there, and is overdrawn");

    bench.control().release();
    bench.wait_until_rolled(PRODUCTION);
    let sizes = bench.batch_sizes();
    assert!(sizes[batches_before..].iter().all(|rows| *rows <= SLICE_ROWS_MAX + 1), "{sizes:?}");
    bench.verify();
    let position = bench.engine().last_position();
    bench.done(Command::CatchUpAll);
    assert_eq!(bench.engine().last_position(), position, "each is renewed once");
}

#[test]
fn a_refused_append_loses_and_doubles_nothing() {
    let expected = undisturbed();
    for after in [0, 1] {
        let bench = held_herd();
        bench.control().fail(Fault { after, ..Fault::next_append(FaultKind::Unavailable) });
        let mut consumed = bench.submit(consume("c0", "k1", 10));
        bench.let_queue_drain();
        assert!(is_waiting(&mut consumed));
        bench.control().release();
        assert_eq!(outcome(consumed), Err(Refusal::Unavailable));
        bench.settle();
        // It is tried again when some time has passed.
        bench.clock.advance_to(instant("2026-04-01T00:00:01Z"));
        bench.wait_until_rolled(PRODUCTION);
        assert_eq!(bench.pool_rows(), expected);
        bench.verify();
    }
}

#[test]
fn who_asks_makes_due_work_be_tried_again() {
    let bench = held_herd();
    bench.control().fail(Fault::next_append(FaultKind::Unavailable));
    let waiting = bench.submit(Command::CatchUpAll);
    bench.let_queue_drain();
    bench.control().release();
    assert_eq!(outcome(waiting), Err(Refusal::Unavailable));
    bench.settle();
    bench.done(Command::CatchUpAll);
    assert_eq!(bench.rolled_count(PRODUCTION), HERD);
    assert_eq!(bench.pool_rows(), undisturbed());
}

#[test]
fn a_crash_in_the_middle_changes_nothing_of_what_comes_about() {
    let expected = undisturbed();
    for commits in 0..2 {
        let mut bench = held_herd();
        for _ in 0..commits {
            bench.control().release_one();
            bench.wait_for("a commit", |bench| bench.control().held() == 0);
            bench.wait_until_held();
        }
        let rolled = bench.rolled_count(PRODUCTION);
        assert!(rolled < HERD, "{rolled}");
        bench.crash();
        bench.wait_until_rolled(PRODUCTION);
        assert_eq!(bench.pool_rows(), expected, "after {commits} commits");
        bench.verify();
    }
}

/// Customers with recurring credits, anchored at the end of a month, and grants that begin and
/// end on their own days.
fn varied() -> Bench {
    let bench = Bench::with_catalog();
    bench.clock.advance_to(instant("2026-03-31T08:00:00Z"));
    bench.populate(PRODUCTION, 12);
    for n in 0..12 {
        let day = format!("2026-0{}-{:02}T12:00:00Z", 4 + n % 3, 3 + n);
        let gift = NewGrant {
            effective_at: Some(instant(&day)),
            expires_at: Some(instant(&format!("2026-07-{:02}T00:00:00Z", 1 + n))),
            ..new_grant(&examples::credits(), 500)
        };
        bench.done(grant(&format!("c{n}"), gift));
        bench.consume(&format!("c{n}"), "k1", 61_000).expect("it may overdraw");
    }
    bench
}

#[test]
fn three_months_of_downtime_are_as_if_it_had_never_stopped() {
    let (from, end) = (instant("2026-03-31T08:00:00Z"), instant("2026-07-05T00:00:00Z"));
    let running = varied();
    let mut at = from;
    while at < end {
        at = at.plus_seconds(6 * 3_600).min(end);
        running.clock.advance_to(at);
        running.wait_until_rolled(PRODUCTION);
    }
    let mut stopped = varied();
    stopped.clock.set(end);
    stopped.crash();
    stopped.done(Command::CatchUpAll);
    let rows = stopped.pool_rows();
    assert_eq!(rows, running.pool_rows());
    assert!(rows.len() > 12 * 6, "{}", rows.len());
    stopped.verify();
}

#[test]
fn centuries_of_one_customer_do_not_make_one_batch() {
    let bench = Bench::seeded();
    bench.clock.advance_to(instant("2426-03-01T00:00:00Z"));
    bench.wait_until_rolled(PRODUCTION);
    let renewals = bench.pool_rows().len() - 1;
    assert_eq!(renewals, 400 * 12);
    let most = bench.batch_sizes().into_iter().max();
    assert!(most.is_some_and(|rows| rows <= SLICE_ROWS_MAX + 1), "{most:?}");
    bench.verify();
}

#[test]
fn a_command_to_a_customer_who_is_centuries_behind_waits_for_all_of_them() {
    let id = || SubscriptionId::parse("sub-1").expect("the test writes ids well");
    let bulk = || Command::Consume(vec![item("beta", "b1", 1), item(ACME, "b2", 2)]);
    let commands = [
        ("one consumption", consume(ACME, "k1", 10)),
        ("several of two customers", bulk()),
        ("a cancellation", cancel(id())),
        ("catching up", Command::CatchUp(Slot(SLOT_FIRST))),
    ];
    for (what, command) in commands {
        let bench = Bench::seeded();
        bench.create_customer("beta");
        bench.control().pause();
        let held = bench.submit(grant("beta", new_grant(&examples::credits(), 1)));
        bench.wait_until_held();
        // In silence: the command is the first to see the new time.
        bench.clock.set(instant("2426-03-01T00:00:00Z"));
        let mut waiting = bench.submit(command);
        let other = bench.submit(Command::CreateCustomer(new_customer("gamma")));
        bench.let_queue_drain();
        assert!(is_waiting(&mut waiting), "{what}");
        bench.control().release();
        outcome(held).expect("it was decided before");
        outcome(other).expect("others need not wait");
        let answer = outcome(waiting);
        assert!(answer.is_ok(), "{what}: {answer:?}");
        bench.wait_until_rolled(PRODUCTION);
        let most = bench.batch_sizes().into_iter().max();
        assert!(most.is_some_and(|rows| rows <= BATCH_ROWS_MAX + 1), "{what}: {most:?}");
        let rows = bench.rows().into_iter().filter(|row| row.slot == SLOT_FIRST);
        let pool: Vec<_> = rows.filter(|row| row.pool_seq > 0).map(|row| row.kind).collect();
        let renewals = pool.iter().filter(|kind| **kind == KIND_DUE).count();
        assert_eq!(renewals, 400 * 12, "{what}");
        let last_renewal = pool.iter().rposition(|kind| *kind == KIND_DUE);
        assert_eq!(last_renewal, Some(400 * 12), "{what}: it is decided behind all of them");
        bench.verify();
    }
}

#[test]
fn a_catalog_changes_when_everything_before_it_has_happened() {
    let bench = held_herd();
    let mut first = bench.submit(new_product("next"));
    let second = bench.submit(rename_product("next"));
    let consumed = bench.submit(consume("c1", "k1", 10));
    bench.let_queue_drain();
    bench.control().release_one();
    bench.wait_for("a commit", |bench| bench.rolled_count(PRODUCTION) > 0);
    bench.wait_until_held();
    bench.control().release_one();
    assert!(is_fresh(&outcome(consumed)), "others need not wait");
    assert!(is_waiting(&mut first));
    bench.control().release();
    outcome(first).expect("nothing has that id");
    outcome(second).expect("it comes behind the first");
    assert_eq!(bench.rolled_count(PRODUCTION), HERD);
    let rows = bench.rows();
    let boundary = instant(BOUNDARY).micros();
    let last_renewal = rows.iter().rposition(|row| row.kind == KIND_DUE && row.at == boundary);
    let first_change = rows.iter().position(|row| row.kind == KIND_REALM && row.at == boundary);
    assert!(first_change.is_some() && last_renewal < first_change);
    bench.verify();
}

#[test]
fn those_who_wait_for_the_due_are_bounded_and_told_at_the_end() {
    let bench = held_herd();
    let parked: Vec<_> =
        (0..PARKED_MAX).map(|n| bench.submit(new_product(&format!("p{n}")))).collect();
    let refused = bench.submit(new_product("one-more"));
    let catch_up = bench.submit(Command::CatchUpAll);
    bench.let_queue_drain();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| bench.engine().stop());
        for waiting in parked {
            assert_eq!(outcome(waiting), Err(Refusal::Unavailable));
        }
        bench.control().release();
        stopping.join().expect("it stops");
    });
    assert_eq!(outcome(refused), Err(Refusal::Overloaded));
    assert_eq!(outcome(catch_up), Err(Refusal::Overloaded));
}
