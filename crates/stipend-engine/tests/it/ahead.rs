//! Goal: show that nothing is acknowledged, published or remembered before it is durable, however
//! far the decider is ahead (E1).
//! Method: hold the store's appends, decide on top of them, then let them through, refuse them or
//! let them fail.

use crate::support::{
    ACME, Bench, Random, consume, consume_strictly, consumed, customer_id, is_fresh, is_waiting,
    item, new_customer, outcome, rows_with_key,
};
use stipend_core::Amount;
use stipend_core::customer::CustomerRejection;
use stipend_engine::{Command, Consumed, PRODUCTION, Refusal, Reply};
use stipend_store::memory::{Fault, FaultKind};

#[test]
fn an_answer_waits_for_its_commit_and_reads_show_what_is_durable() {
    let bench = Bench::seeded();
    let control = bench.control();
    let before = bench.engine().last_position();
    control.pause();
    let mut first = bench.submit(consume(ACME, "k1", 10));
    bench.wait_until_held();
    let mut second = bench.submit(consume(ACME, "k2", 20));
    let mut third = bench.submit(consume(ACME, "k3", 30));
    bench.let_queue_drain();
    assert!(is_waiting(&mut first) && is_waiting(&mut second) && is_waiting(&mut third));
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    assert_eq!(bench.engine().last_position(), before);

    control.release_one();
    assert!(is_fresh(&outcome(first)));
    bench.wait_until_held();
    assert!(is_waiting(&mut second) && is_waiting(&mut third));
    assert_eq!(bench.balance(ACME), Amount::whole(79_990));
    assert_eq!(bench.engine().last_position(), before + 2, "a header and a consumption");

    control.release();
    for (waiting, used) in [(second, 30), (third, 60)] {
        let Consumed::Done { consumption, .. } = consumed(outcome(waiting)) else {
            panic!("it was done now")
        };
        assert_eq!(consumption.current_usage, Amount::whole(used), "decided in this order");
    }
    assert_eq!(bench.balance(ACME), Amount::whole(79_940));
    bench.verify();
}

#[test]
fn a_refused_append_takes_all_that_was_decided_on_top_of_it() {
    let bench = Bench::seeded();
    let control = bench.control();
    let before = bench.engine().last_position();
    control.pause();
    control.fail(Fault::next_append(FaultKind::Unavailable));
    let mut waiting = vec![bench.submit(consume(ACME, "k1", 10))];
    bench.wait_until_held();
    waiting.push(bench.submit(consume(ACME, "k2", 20)));
    waiting.push(bench.submit(consume(ACME, "k1", 10)));
    waiting.push(bench.submit(Command::CreateCustomer(new_customer("globex"))));
    waiting.push(bench.submit(consume("globex", "k1", 5)));
    bench.let_queue_drain();
    control.release();
    for waiting in waiting {
        assert_eq!(outcome(waiting), Err(Refusal::Unavailable));
    }
    bench.settle();
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    assert_eq!(bench.engine().last_position(), before);
    assert_eq!(bench.consume("globex", "k1", 5), Err(missing("globex")), "the name is free");

    assert!(is_fresh(&bench.consume(ACME, "k1", 11)), "the key is free, even for another meaning");
    bench.create_customer("globex");
    assert!(is_fresh(&bench.consume("globex", "k1", 5)));
    assert_eq!(bench.balance(ACME), Amount::whole(79_989));
    assert_eq!(bench.engine().last_position(), before + 7, "headers, one pool, the rest");
    assert_eq!(bench.fatal_errors(), Vec::<String>::new());
    bench.verify();
}

fn missing(id: &str) -> Refusal {
    Refusal::CustomerNotFound(customer_id(id))
}

#[test]
fn a_store_that_stays_full_refuses_everything_until_it_is_not() {
    let bench = Bench::seeded();
    let control = bench.control();
    let full = Fault { lasting: true, ..Fault::next_append(FaultKind::Unavailable) };
    control.fail(full);
    for attempt in 0..5 {
        let answer = bench.consume(ACME, "k1", 10 + attempt);
        assert_eq!(answer, Err(Refusal::Unavailable));
    }
    control.heal();
    bench.settle();
    assert!(is_fresh(&bench.consume(ACME, "k1", 10)));
    assert_eq!(bench.balance(ACME), Amount::whole(79_990));
    bench.verify();
}

#[test]
fn a_duplicate_of_a_pending_key_shares_its_fate() {
    let bench = Bench::seeded();
    let control = bench.control();
    for (fails, key) in [(false, "k1"), (true, "k2")] {
        control.pause();
        if fails {
            control.fail(Fault::next_append(FaultKind::Unavailable));
        }
        let mut first = bench.submit(consume(ACME, key, 10));
        bench.wait_until_held();
        let mut second = bench.submit(consume(ACME, key, 10));
        let mut other = bench.submit(consume(ACME, key, 99));
        bench.let_queue_drain();
        assert!(is_waiting(&mut first) && is_waiting(&mut second) && is_waiting(&mut other));
        control.release();
        let (first, second, other) = (outcome(first), outcome(second), outcome(other));
        if fails {
            assert_eq!(first, Err(Refusal::Unavailable));
            assert_eq!(second, Err(Refusal::Unavailable));
            assert_eq!(other, Err(Refusal::Unavailable), "the refusal rested on what is gone");
            bench.settle();
            continue;
        }
        assert!(is_fresh(&first));
        assert_eq!(other, Err(Refusal::KeyReused));
        let (Consumed::Done { consumption: one, .. }, replay) = (consumed(first), consumed(second))
        else {
            panic!("it was done now")
        };
        let Consumed::Done { is_replay: true, consumption: same, .. } = replay else {
            panic!("not a replay: {replay:?}")
        };
        assert_eq!(one, same);
    }
    assert_eq!(bench.balance(ACME), Amount::whole(79_990));
    bench.verify();
}

#[test]
fn a_strict_refusal_waits_for_the_state_that_it_was_decided_on() {
    let bench = Bench::seeded();
    let control = bench.control();
    for fails in [true, false] {
        control.pause();
        if fails {
            control.fail(Fault::next_append(FaultKind::Unavailable));
        }
        let spender = bench.submit(consume(ACME, "all", 80_000));
        bench.wait_until_held();
        let mut strict = bench.submit(consume_strictly(ACME, "one", 1));
        bench.let_queue_drain();
        assert!(is_waiting(&mut strict), "the credits are not durably gone");
        control.release();
        if fails {
            assert_eq!(outcome(spender), Err(Refusal::Unavailable));
            assert_eq!(outcome(strict), Err(Refusal::Unavailable));
            bench.settle();
        } else {
            assert!(is_fresh(&outcome(spender)));
            let (requested, available) = (Amount::whole(1), Amount::ZERO);
            let refusal = CustomerRejection::InsufficientCredits { requested, available };
            assert_eq!(outcome(strict), Err(Refusal::Customer(refusal)));
        }
    }
    assert_eq!(bench.balance(ACME), Amount::ZERO);
    bench.verify();
}

#[test]
fn after_a_failed_append_nothing_is_acknowledged_any_more() {
    for applied in [false, true] {
        let mut bench = Bench::seeded();
        let control = bench.control();
        let before = bench.engine().last_position();
        control.pause();
        control.fail(Fault { applied, ..Fault::next_append(FaultKind::Failed) });
        let first = bench.submit(consume(ACME, "k1", 10));
        bench.wait_until_held();
        let second = bench.submit(consume(ACME, "k2", 20));
        bench.let_queue_drain();
        control.release();
        assert_eq!(outcome(first), Err(Refusal::Failed));
        assert_eq!(outcome(second), Err(Refusal::Failed));
        assert_eq!(bench.consume(ACME, "k3", 30), Err(Refusal::Failed));
        assert_eq!(bench.fatal_errors(), ["the store failed"]);
        assert_eq!(bench.engine().last_position(), before);
        assert_eq!(bench.balance(ACME), Amount::whole(80_000));

        bench.crash();
        let durable = rows_with_key(&bench.rows(), item(ACME, "k1", 10).key);
        assert_eq!(durable.len(), usize::from(applied), "the outcome was unknown, now it is not");
        for _ in 0..2 {
            bench.consume(ACME, "k1", 10).expect("trying again converges");
        }
        assert_eq!(bench.balance(ACME), Amount::whole(79_990));
        bench.verify();
    }
}

#[test]
fn a_store_that_fails_by_itself_stops_the_engine_though_nobody_commits() {
    let mut bench = Bench::seeded();
    bench.settle();
    let appends = bench.control().appends();
    bench.control().fail_aside();
    assert_eq!(bench.fatal_errors(), ["the store failed"]);
    assert_eq!(bench.control().appends(), appends, "it was not an append that told");
    assert_eq!(bench.consume(ACME, "k1", 10), Err(Refusal::Failed));

    bench.crash();
    assert!(is_fresh(&bench.consume(ACME, "k1", 10)));
    assert_eq!(bench.balance(ACME), Amount::whole(79_990));
    bench.verify();
}

#[test]
fn a_batch_of_answers_without_rows_waits_its_turn_too() {
    let bench = Bench::seeded();
    let control = bench.control();
    bench.consume(ACME, "k1", 10).expect("there is enough");
    bench.settle();
    let appends = control.appends();
    let answer = bench.consume(ACME, "k1", 10);
    assert!(matches!(consumed(answer), Consumed::Stored(_)));
    assert_eq!(bench.consume("nobody", "k1", 1), Err(missing("nobody")));
    assert_eq!(control.appends(), appends, "nothing was written for them");

    control.pause();
    let first = bench.submit(consume(ACME, "k2", 10));
    bench.wait_until_held();
    let mut stored = bench.submit(consume(ACME, "k1", 10));
    bench.let_queue_drain();
    assert!(is_waiting(&mut stored), "it was decided behind what is not durable");
    control.release();
    assert!(is_fresh(&outcome(first)));
    assert!(matches!(consumed(outcome(stored)), Consumed::Stored(_)));
}

#[test]
fn stopping_commits_what_was_submitted_and_takes_nothing_more() {
    let mut bench = Bench::seeded();
    let waiting: Vec<_> =
        (0..50).map(|n| bench.submit(consume(ACME, &format!("k{n}"), 1))).collect();
    bench.engine().stop();
    for waiting in waiting {
        assert!(is_fresh(&outcome(waiting)));
    }
    assert_eq!(bench.consume(ACME, "late", 1), Err(Refusal::Failed));
    assert_eq!(bench.fatal_errors(), Vec::<String>::new());
    bench.restart();
    assert_eq!(bench.balance(ACME), Amount::whole(79_950));
    bench.verify();
}

#[test]
fn what_is_due_stays_done_where_a_refused_command_found_it() {
    let bench = Bench::seeded();
    bench.clock.set(crate::support::instant("2026-04-01T00:00:00Z"));
    let answer = bench.run(consume_strictly(ACME, "much", 80_001));
    assert!(matches!(
        answer,
        Err(Refusal::Customer(CustomerRejection::InsufficientCredits { .. }))
    ));
    let account = bench.engine().find_customer(PRODUCTION, &customer_id(ACME)).expect("it exists");
    let next = account.customer.next_due.map(|due| due.to_string());
    assert_eq!(next.as_deref(), Some("2026-05-01T00:00:00.000Z"), "April was begun durably");
    assert_eq!(bench.run(Command::CatchUp(account.customer.slot)), Ok(Reply::Done));
    bench.verify();
}

#[test]
fn whatever_is_held_decided_or_refused_nothing_published_stands_behind_the_journals_end() {
    let bench = Bench::seeded();
    let others = ["globex", "initech", "umbrella"];
    for other in others {
        bench.create_customer(other);
    }
    let customers = [&[ACME][..], &others[..]].concat();
    let control = bench.control();
    let mut random = Random::new(11);
    for round in 0..40 {
        control.pause();
        if random.below(3) == 0 {
            control.fail(Fault::next_append(FaultKind::Unavailable));
        }
        let submit = |part: &str, random: &mut Random| {
            let count = 1 + random.below(5);
            let command = |number| {
                let key = format!("{round}-{part}-{number}");
                bench.submit(consume(random.pick(&customers), &key, 1))
            };
            (0..count).map(command).collect::<Vec<_>>()
        };
        let mut waiting = submit("held", &mut random);
        waiting.push(bench.submit(Command::CreateCustomer(new_customer(&format!("new-{round}")))));
        bench.wait_until_held();
        waiting.extend(submit("ahead", &mut random));
        bench.let_queue_drain();
        check_published(&bench, &customers);
        assert!(waiting.iter_mut().all(is_waiting), "round {round}: nothing is durable yet");
        let before = bench.engine().last_position();
        control.release_one();
        bench.wait_for("the first commit", |bench| {
            bench.engine().last_position() > before || !bench.engine().is_writable()
        });
        check_published(&bench, &customers);
        control.release();
        for waiting in waiting {
            let answer = outcome(waiting);
            assert!(matches!(answer, Ok(_) | Err(Refusal::Unavailable)), "{answer:?}");
        }
        bench.settle();
        check_published(&bench, &customers);
    }
    bench.verify();
}

/// What is read of the published state first is durable by the time the journal is asked.
fn check_published(bench: &Bench, customers: &[&str]) {
    let engine = bench.engine();
    let position = engine.last_position();
    let accounts: Vec<_> = customers
        .iter()
        .filter_map(|id| engine.find_customer(PRODUCTION, &customer_id(id)))
        .collect();
    let count = engine.customers_count();
    let rows = bench.rows();
    let durable = rows.last().map_or(0, |row| row.seq);
    assert!(position <= durable, "{position} is published, {durable} durable");
    for account in accounts {
        for chain in account.chains.iter().chain(&account.meter_chains) {
            assert!(chain.last <= durable, "row {} is published, {durable} durable", chain.last);
        }
        for (pool, chain) in account.customer.pools.iter().zip(&account.chains) {
            let row = rows.iter().find(|row| row.seq == chain.last);
            let balance = row.map(|row| Amount::from_nano(row.balance_after));
            assert!(row.is_none_or(|row| row.pool_seq == 0) || balance == Some(pool.balance()));
        }
    }
    let slots: std::collections::BTreeSet<u32> =
        rows.iter().map(|row| row.slot).filter(|slot| *slot > 0).collect();
    assert!(count <= slots.len(), "{count} customers are published, {} durable", slots.len());
}
