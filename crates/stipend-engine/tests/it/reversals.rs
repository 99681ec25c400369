//! Goal: show that a reversal happens once, whatever happens to the pool between its preparation
//! and its decision, and that the journal tells it again after a restart.

use crate::support::{ACME, Bench, consume, grant, new_grant, outcome};
use stipend_core::customer::CustomerRejection;
use stipend_core::{Amount, examples};
use stipend_engine::reversal::{Reversible, Reversing};
use stipend_engine::{Command, Consumed, PRODUCTION, Refusal, Reply};
use stipend_store::Seq;

fn consumed(bench: &Bench, key: &str, credits: i64) -> Seq {
    match bench.run(consume(ACME, key, credits)) {
        Ok(Reply::Consumed(results)) => match results[..] {
            [Consumed::Done { seq, .. }] => seq,
            ref other => panic!("not done now: {other:?}"),
        },
        other => panic!("refused: {other:?}"),
    }
}

fn prepared(bench: &Bench, of: Seq) -> Box<Reversing> {
    match bench.engine().prepare_reversal(PRODUCTION, of, None, None) {
        Ok(Reversible::Ready(reversing)) => reversing,
        other => panic!("not ready: {other:?}"),
    }
}

#[test]
fn a_reversal_is_told_again_after_a_restart() {
    let mut bench = Bench::seeded();
    let of = consumed(&bench, "job", 81_000);
    let Ok(Reply::Stored(seq)) = bench.run(Command::Reverse(prepared(&bench, of))) else {
        panic!("it was ready")
    };
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    bench.restart();
    let found = bench.engine().prepare_reversal(PRODUCTION, of, None, None);
    assert!(matches!(found, Ok(Reversible::Reversed(found)) if found == seq));
    let told = bench.engine().stored_reversal(seq).expect("it is stored");
    assert_eq!((told.reversal.of, told.entry.delta()), (of, Amount::whole(81_000)));
    bench.verify();
}

#[test]
fn two_that_are_prepared_at_once_reverse_once() {
    let bench = Bench::seeded();
    let of = consumed(&bench, "job", 100);
    let (first, second) = (prepared(&bench, of), prepared(&bench, of));
    let control = bench.control();
    control.pause();
    let first = bench.submit(Command::Reverse(first));
    bench.wait_until_held();
    let second = bench.submit(Command::Reverse(second));
    bench.let_queue_drain();
    control.release();
    assert!(matches!(outcome(first), Ok(Reply::Stored(_))));
    assert_eq!(outcome(second), Err(Refusal::Moved));
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    bench.verify();
}

#[test]
fn what_happens_to_the_pool_meanwhile_is_read_before_it_is_decided() {
    let bench = Bench::seeded();
    let of = consumed(&bench, "job", 80_100);
    let early = prepared(&bench, of);
    bench.done(grant(ACME, new_grant(&examples::credits(), 100)));
    assert_eq!(bench.run(Command::Reverse(early)), Err(Refusal::Moved), "a grant settled it");
    assert!(matches!(bench.run(Command::Reverse(prepared(&bench, of))), Ok(Reply::Stored(_))));
    assert_eq!(bench.balance(ACME), Amount::whole(80_100));
    // Consumption does not matter: it changes nothing of what was drawn before.
    let of = consumed(&bench, "other", 10);
    let ready = prepared(&bench, of);
    consumed(&bench, "later", 5);
    assert!(matches!(bench.run(Command::Reverse(ready)), Ok(Reply::Stored(_))));
    assert_eq!(bench.balance(ACME), Amount::whole(80_095));
    bench.verify();
}

#[test]
fn only_a_consumption_is_reversed() {
    let bench = Bench::seeded();
    let rows = bench.rows();
    let of = |kind: u16| rows.iter().find(|row| row.kind == kind).expect("there is one").seq;
    let find = |seq| bench.engine().prepare_reversal(PRODUCTION, seq, None, None);
    assert!(matches!(find(of(24)), Ok(Reversible::Other)), "what a subscription granted");
    assert!(matches!(find(of(10)), Ok(Reversible::Missing)), "a profile");
    assert!(matches!(find(1_000_000), Ok(Reversible::Missing)));
    let of = consumed(&bench, "job", 1);
    let mut reversing = prepared(&bench, of);
    reversing.request.since.clear();
    reversing.request.consumed.cause = stipend_core::customer::Cause::Grant;
    let refused = Refusal::Customer(CustomerRejection::EntryNotReversible);
    assert_eq!(bench.run(Command::Reverse(reversing)), Err(refused));
}
