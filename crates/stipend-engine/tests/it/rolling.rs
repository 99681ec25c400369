//! Goal: show that time does to a customer what it should, whoever looks first and however late
//! (architecture rule 8).
//! Method: a clock that is set by hand over the ends of months; a rolled copy is compared with
//! what the next command makes durable.

use crate::support::{ACME, Bench, customer_id, grant, instant, is_fresh, new_grant};
use std::sync::Arc;
use stipend_core::customer::{NewGrant, check_credit};
use stipend_core::{Amount, Customer, Timestamp, examples};
use stipend_engine::ledger::{EventType, LedgerEvent, LedgerQuery, ledger_page};
use stipend_engine::{Account, Command, PRODUCTION, Refusal, Reply};
use stipend_store::Page;

fn current(bench: &Bench, now: Timestamp) -> Arc<Account> {
    let found = bench.engine().find_current(PRODUCTION, &customer_id(ACME), now);
    found.expect("little is due").expect("it exists")
}

fn durable(bench: &Bench) -> Arc<Account> {
    bench.engine().find_customer(PRODUCTION, &customer_id(ACME)).expect("it exists")
}

fn catch_up(bench: &Bench) {
    let slot = durable(bench).customer.slot;
    assert_eq!(bench.run(Command::CatchUp(slot)), Ok(Reply::Done));
}

fn ledger(bench: &Bench) -> Vec<LedgerEvent> {
    let account = durable(bench);
    let pools = account.customer.pools.iter().map(|pool| pool.id).zip(&account.chains).collect();
    let query = LedgerQuery {
        pools,
        types: None,
        reservation: None,
        not_before: 0,
        page: Page::First,
        limit: 1_000,
    };
    let page = ledger_page(bench.engine().reader(), &query).expect("memory can be read");
    assert!(!page.has_older);
    page.events
}

#[test]
fn a_rolled_copy_is_what_the_next_command_makes_durable() {
    let bench = Bench::seeded();
    let soon = NewGrant {
        effective_at: Some(instant("2026-05-15T00:00:00Z")),
        expires_at: Some(instant("2026-08-15T12:00:00Z")),
        ..new_grant(&examples::credits(), 700)
    };
    bench.done(grant(ACME, soon));
    bench.consume(ACME, "k1", 12_345).expect("there is enough");
    for text in [
        "2026-03-31T23:59:59.999999Z",
        "2026-04-01T00:00:00Z",
        "2026-05-31T00:00:00Z",
        "2026-12-01T00:00:00Z",
        "2029-01-01T00:00:01Z",
    ] {
        let now = instant(text);
        let before = durable(&bench);
        let rolled: Customer = current(&bench, now).customer.clone();
        bench.clock.set(now);
        assert_eq!(durable(&bench), before, "a read changes nothing, at {text}");
        catch_up(&bench);
        assert_eq!(durable(&bench).customer, rolled, "at {text}");
        assert_eq!(current(&bench, now).customer, rolled, "and nothing is left to do, at {text}");
        let position = bench.engine().last_position();
        catch_up(&bench);
        assert_eq!(bench.engine().last_position(), position, "what is due is done once");
    }
    bench.verify();
}

#[test]
fn a_check_at_the_boundary_is_right_before_anyone_wrote() {
    let bench = Bench::seeded();
    bench.consume(ACME, "all", 80_000).expect("there is enough");
    let catalog = bench.engine().catalog(PRODUCTION);
    let check = |text: &str| {
        let now = instant(text);
        let account = current(&bench, now);
        check_credit(&account.customer, &catalog, &examples::credits(), None, None, now)
    };
    let before = check("2026-03-31T23:59:59.999999Z");
    assert!(before.denial.is_some());
    let after = check("2026-04-01T00:00:00Z");
    assert_eq!(after.denial, None);
    assert_eq!((after.usage_limit, after.current_usage), (Amount::whole(80_000), Amount::ZERO));
}

#[test]
fn catching_up_completes_the_ledger() {
    let bench = Bench::seeded();
    bench.consume(ACME, "k1", 30_000).expect("there is enough");
    bench.clock.set(instant("2026-06-10T08:00:00Z"));
    assert_eq!(ledger(&bench).len(), 3, "two grants and a draw");
    catch_up(&bench);
    let events = ledger(&bench);
    let at = |event: &LedgerEvent| event.at.to_string()[..10].to_owned();
    for month in ["2026-04-01", "2026-05-01", "2026-06-01"] {
        let of_month: Vec<_> = events.iter().filter(|event| at(event) == month).collect();
        let count = |kind| of_month.iter().filter(|event| event.event_type == kind).count();
        assert_eq!((count(EventType::Expired), count(EventType::Granted)), (2, 2), "{month}");
    }
    let sum: Amount = events.iter().map(|event| event.amount).sum();
    assert_eq!((sum, bench.balance(ACME)), (Amount::whole(80_000), Amount::whole(80_000)));
    bench.verify();
}

#[test]
fn catching_up_late_gives_the_same_journal_as_often() {
    let run = |stops: &[&str]| {
        let bench = Bench::seeded();
        bench.consume(ACME, "k1", 30_000).expect("there is enough");
        for text in stops {
            bench.clock.set(instant(text));
            catch_up(&bench);
        }
        let logical = bench.rows().into_iter().filter(|row| row.pool_seq > 0);
        let logical: Vec<_> =
            logical.map(|row| (row.pool, row.pool_seq, row.at, row.amount, row.body)).collect();
        let account = durable(&bench);
        (logical, account.chains[0].head, account.customer.clone())
    };
    let often = run(&[
        "2026-04-01T00:00:00Z",
        "2026-04-20T00:00:00Z",
        "2026-05-01T00:00:00.000001Z",
        "2026-07-01T00:00:00Z",
        "2026-08-02T00:00:00Z",
    ]);
    assert_eq!(run(&["2026-08-02T00:00:00Z"]), often);
}

#[test]
fn a_clock_that_runs_backwards_changes_nothing() {
    let mut bench = Bench::seeded();
    let late = instant("2026-04-02T00:00:00Z");
    bench.clock.set(late);
    bench.consume(ACME, "k1", 10).expect("there is enough");
    let before = durable(&bench);
    bench.clock.set(instant("2026-03-15T00:00:00Z"));
    for _ in 0..2 {
        assert_eq!(bench.engine().now(PRODUCTION), late);
        catch_up(&bench);
        assert_eq!(durable(&bench), before);
        bench.restart();
    }
    assert!(is_fresh(&bench.consume(ACME, "k2", 10)));
    let pool = &durable(&bench).customer.pools[0];
    assert_eq!((pool.at, pool.balance()), (late, Amount::whole(79_980)));
    bench.verify();
}

#[test]
fn what_is_due_is_decided_before_the_command_that_finds_it() {
    let bench = Bench::seeded();
    bench.consume(ACME, "march", 79_000).expect("there is enough");
    bench.clock.set(instant("2026-04-01T00:00:00Z"));
    let answer = bench.run(crate::support::consume_strictly(ACME, "april", 80_000));
    assert!(is_fresh(&answer), "April's credits are there: {answer:?}");
    assert_eq!(bench.balance(ACME), Amount::ZERO);
    bench.verify();
}

#[test]
fn a_read_does_a_thousand_instants_and_no_more() {
    let bench = Bench::seeded();
    let find = |text| bench.engine().find_current(PRODUCTION, &customer_id(ACME), instant(text));
    let found = find("2100-01-01T00:00:00Z").expect("it is less than a thousand months");
    assert!(found.expect("it exists").customer.next_due > Some(instant("2100-01-01T00:00:00Z")));
    assert_eq!(find("2426-01-01T00:00:00Z"), Err(Refusal::Overloaded));
}
