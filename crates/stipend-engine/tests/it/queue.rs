//! Goal: show that nothing that waits grows without bound, and that nobody waits for ever.

use crate::support::{ACME, Bench, Waiting, consume, consume_strictly, is_fresh, outcome};
use stipend_core::Amount;
use stipend_core::customer::CustomerRejection;
use stipend_engine::limits::{AHEAD_COMMANDS_MAX, BATCH_ROWS_MAX, QUEUE_COMMANDS_MAX};
use stipend_engine::{Actor, Command, PRODUCTION, Refusal, Render, Submission};

/// Submits commands until the queue is full; there must be an end.
fn fill(bench: &Bench, command: impl Fn(usize) -> Command) -> Vec<Waiting> {
    let submitter = bench.engine().submitter();
    let mut waiting = Vec::new();
    loop {
        let command = command(waiting.len());
        let submission =
            Submission { env: PRODUCTION, by: Actor::Host, command, remember: None, render: None };
        match submitter.submit(submission) {
            Ok(answer) => waiting.push(answer),
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Overloaded);
                assert!(waiting.len() >= QUEUE_COMMANDS_MAX, "{}", waiting.len());
                return waiting;
            }
        }
        let most = QUEUE_COMMANDS_MAX + AHEAD_COMMANDS_MAX + BATCH_ROWS_MAX;
        assert!(waiting.len() <= most, "the queue takes ever more");
    }
}

#[test]
fn a_full_queue_refuses_at_once_and_what_it_took_is_done() {
    let bench = Bench::seeded();
    let control = bench.control();
    control.pause();
    let first = bench.submit(consume(ACME, "first", 1));
    bench.wait_until_held();
    let waiting = fill(&bench, |n| consume(ACME, &format!("k{n}"), 1));
    assert!(bench.engine().queue_length() > QUEUE_COMMANDS_MAX / 2);
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    control.release();
    assert!(is_fresh(&outcome(first)));
    let count = i64::try_from(waiting.len()).unwrap();
    for waiting in waiting {
        assert!(is_fresh(&outcome(waiting)));
    }
    assert_eq!(bench.balance(ACME), Amount::whole(80_000 - 1 - count));
    assert_eq!(bench.engine().queue_length(), 0);
    bench.verify();
}

#[test]
fn refusals_that_wait_for_a_commit_fill_the_queue_too() {
    let bench = Bench::seeded();
    let control = bench.control();
    control.pause();
    let spender = bench.submit(consume(ACME, "all", 80_000));
    bench.wait_until_held();
    let waiting = fill(&bench, |n| consume_strictly(ACME, &format!("k{n}"), 1));
    control.release();
    assert!(is_fresh(&outcome(spender)));
    for waiting in waiting {
        let refused = outcome(waiting);
        let expected = CustomerRejection::InsufficientCredits {
            requested: Amount::whole(1),
            available: Amount::ZERO,
        };
        assert_eq!(refused, Err(Refusal::Customer(expected)));
    }
}

#[test]
fn nobody_waits_for_an_engine_that_failed() {
    let bench = Bench::seeded();
    let control = bench.control();
    control.pause();
    let fault = stipend_store::memory::Fault::next_append(stipend_store::memory::FaultKind::Failed);
    control.fail(fault);
    let first = bench.submit(consume(ACME, "first", 1));
    bench.wait_until_held();
    let waiting = fill(&bench, |n| consume(ACME, &format!("k{n}"), 1));
    control.release();
    assert_eq!(outcome(first), Err(Refusal::Failed));
    for waiting in waiting {
        assert_eq!(outcome(waiting), Err(Refusal::Failed));
    }
    assert_eq!(bench.fatal_errors(), ["the store failed"]);
}

#[test]
fn a_panic_while_deciding_is_fatal_and_nobody_waits_for_it() {
    let mut bench = Bench::seeded();
    let control = bench.control();
    control.pause();
    let durable = bench.submit(consume(ACME, "first", 1));
    bench.wait_until_held();
    let render: Render = Box::new(|_| panic!("the test wants it so"));
    let earlier = bench.submit(Command::CatchUp(stipend_core::Slot(64)));
    let command = crate::support::grant(
        ACME,
        crate::support::new_grant(&stipend_core::examples::credits(), 1),
    );
    let grant = bench.submit_with(command, None, Some(render));
    let later = bench.submit(consume(ACME, "later", 1));
    assert_eq!(outcome(grant), Err(Refusal::Failed));
    assert_eq!(outcome(later), Err(Refusal::Failed));
    assert_eq!(outcome(earlier), Err(Refusal::Failed), "it was decided in the same batch");
    control.release();
    assert!(is_fresh(&outcome(durable)), "what was under way is still acknowledged");
    assert_eq!(bench.consume(ACME, "later", 1), Err(Refusal::Failed));
    assert_eq!(bench.fatal_errors(), ["the store failed"]);
    bench.crash();
    assert_eq!(bench.balance(ACME), Amount::whole(79_999));
    bench.verify();
}
