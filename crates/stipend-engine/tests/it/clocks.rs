//! Goal: show that each environment has its own time, that a frozen clock moves forward only and
//! does everything on its way, and that a wall clock that jumps or runs back moves nothing
//! (architecture rule 11, rows K1 to K3 and K13 of `calendar.md`).
//! Method: a wall clock that is set by hand, with and without time passing; the pools of long and
//! of short steps compared.

use crate::support::{
    ACME, Bench, PoolRow, consume, consumed, customer_id, grant, instant, is_waiting, item,
    new_customer, new_grant, outcome,
};
use stipend_core::customer::NewGrant;
use stipend_core::{Amount, EnvId, Timestamp, examples};
use stipend_engine::limits::{CLOCK_MARGIN_SECONDS, SLICE_ROWS_MAX};
use stipend_engine::{
    Command, Consumed, EnvironmentClock, Options, PRODUCTION, Refusal, Reply, StartError,
};
use stipend_store::memory::{Fault, FaultKind};

const DAY: i64 = 24 * 60 * 60;
const HERD: usize = 5_000;

fn freeze(bench: &Bench, env: EnvId, at: Timestamp) -> Result<(), Refusal> {
    bench.run_in(env, Command::FreezeClock(at)).map(|reply| assert_eq!(reply, Reply::Done))
}

fn clock(bench: &Bench, env: EnvId) -> EnvironmentClock {
    bench.engine().environment(env).expect("it exists").clock()
}

/// A sandbox with a few customers, frozen at the start of the example.
fn frozen() -> (Bench, EnvId) {
    let bench = Bench::empty();
    let env = bench.sandbox();
    freeze(&bench, env, examples::START).expect("it is the present");
    bench.populate(env, 3);
    for (n, (from, to)) in [(3, 40), (33, 34), (100, 300)].into_iter().enumerate() {
        let gift = NewGrant {
            effective_at: Some(examples::START.plus_seconds(from * DAY + 1)),
            expires_at: Some(examples::START.plus_seconds(to * DAY + 3_601)),
            ..new_grant(&examples::credits(), 500)
        };
        bench.done_in(env, grant(&format!("c{n}"), gift));
    }
    let command = Command::Consume(vec![item("c0", "k1", 61_000)]);
    bench.done_in(env, command);
    (bench, env)
}

/// The pools after so many steps of that many seconds.
fn stepped(steps: i64, seconds: i64) -> Vec<PoolRow> {
    let (bench, env) = frozen();
    for step in 1..=steps {
        freeze(&bench, env, examples::START.plus_seconds(step * seconds)).expect("it goes on");
    }
    bench.verify();
    bench.pool_rows()
}

#[test]
fn four_hundred_days_are_the_same_in_one_jump_in_days_and_in_hours() {
    let at_once = stepped(1, 400 * DAY);
    assert!(at_once.len() > 3 * 13 + 6, "{}", at_once.len());
    assert_eq!(stepped(400, DAY), at_once);
    assert_eq!(stepped(9_600, DAY / 24), at_once);
}

#[test]
fn a_clock_is_frozen_advanced_and_released_by_rules() {
    let mut bench = Bench::empty();
    let env = bench.sandbox();
    let at = |text: &str| instant(text);
    let last = Timestamp::MAX.plus_seconds(-CLOCK_MARGIN_SECONDS);
    assert_eq!(freeze(&bench, PRODUCTION, at("2027-01-01T00:00:00Z")), Err(Refusal::ClockFixed));
    let release = |bench: &Bench| bench.run_in(env, Command::ReleaseClock);
    assert_eq!(bench.run(Command::ReleaseClock), Err(Refusal::ClockFixed));
    assert_eq!(release(&bench), Ok(Reply::Done), "it is on the wall clock");
    for beyond in [Timestamp::from_micros(-1), Timestamp::from_micros(last.micros() + 1)] {
        assert_eq!(freeze(&bench, env, beyond), Err(Refusal::ClockOutOfRange(last)));
    }
    let past = at("2025-01-31T00:00:00Z");
    assert_eq!(freeze(&bench, env, past), Ok(()), "nobody lives there yet");
    assert_eq!(clock(&bench, env), EnvironmentClock::Frozen(past));
    assert_eq!((bench.engine().now(env), bench.engine().now(PRODUCTION)), (past, examples::START));
    let before = Timestamp::from_micros(past.micros() - 1);
    assert_eq!(freeze(&bench, env, before), Err(Refusal::ClockBackwards(past)));
    let position = bench.engine().last_position();
    assert_eq!(freeze(&bench, env, past), Ok(()), "asking again changes nothing");
    assert_eq!(bench.engine().last_position(), position);
    let ahead = at("2026-03-02T00:00:00Z");
    assert_eq!(freeze(&bench, env, ahead), Ok(()));
    assert_eq!(release(&bench), Err(Refusal::ClockAhead(ahead)));
    bench.clock.advance_to(ahead);
    assert_eq!(release(&bench), Ok(Reply::Done));
    assert_eq!(clock(&bench, env), EnvironmentClock::Wall);
    assert_eq!(freeze(&bench, env, past), Err(Refusal::ClockBackwards(ahead)), "never again");
    bench.restart();
    assert_eq!(freeze(&bench, env, past), Err(Refusal::ClockBackwards(ahead)));
    assert_eq!(freeze(&bench, env, last), Ok(()), "as far as it goes");
    bench.verify();
}

#[test]
fn who_has_customers_is_not_frozen_in_the_past() {
    let bench = Bench::empty();
    let env = bench.sandbox();
    bench.control().pause();
    let made = bench.submit_in(env, Command::CreateCustomer(new_customer("c")));
    bench.wait_until_held();
    let yesterday = examples::START.plus_seconds(-DAY);
    let frozen = bench.submit_in(env, Command::FreezeClock(yesterday));
    bench.control().release();
    outcome(made).expect("the id is new");
    assert_eq!(outcome(frozen), Err(Refusal::ClockBackwards(examples::START)));
    assert_eq!(freeze(&bench, env, yesterday), Err(Refusal::ClockBackwards(examples::START)));
}

#[test]
fn environments_have_times_and_customers_of_their_own() {
    let (mut bench, env) = frozen();
    for command in crate::support::catalog_commands() {
        bench.done(Command::Catalog(command));
    }
    bench.populate(PRODUCTION, 1);
    let later = examples::START.plus_seconds(400 * DAY);
    freeze(&bench, env, later).expect("it goes on");
    let find = |bench: &Bench, env| {
        let found = bench.engine().find_customer(env, &customer_id("c0"));
        found.expect("it exists").customer.clone()
    };
    assert_eq!(find(&bench, PRODUCTION).pools[0].at, examples::START);
    let renewed = find(&bench, env);
    assert!(renewed.next_due > Some(later) && renewed.pools[0].at > examples::START);

    // What is remembered is remembered by the wall clock.
    let again = bench.run_in(env, consume("c0", "k1", 61_000));
    assert!(matches!(consumed(again), Consumed::Stored(_)));
    let fresh = consumed(bench.run_in(env, consume("c0", "k2", 1)));
    let Consumed::Done { at, .. } = fresh else { panic!("not done: {fresh:?}") };
    assert_eq!(at, later);
    bench.restart();
    assert_eq!(bench.engine().now(env), later);
    assert_eq!(bench.engine().now(PRODUCTION), examples::START);
    bench.verify();
}

fn sandbox_herd() -> (Bench, EnvId, Timestamp) {
    let bench = Bench::empty();
    let env = bench.sandbox();
    bench.populate(env, HERD);
    bench.settle();
    bench.control().pause();
    (bench, env, instant("2026-04-01T00:00:00Z"))
}

#[test]
fn an_advance_is_answered_when_everything_on_the_way_is_done() {
    let (bench, env, boundary) = sandbox_herd();
    let mut advanced = bench.submit_in(env, Command::FreezeClock(boundary));
    bench.wait_until_held();
    bench.control().release_one();
    bench.wait_for("the time is durable", |bench| bench.engine().now(env) == boundary);
    bench.wait_until_held();
    assert!(is_waiting(&mut advanced));
    let current = bench.engine().find_current(env, &customer_id("c4999"), boundary);
    let due = current.expect("little is due").expect("it exists").customer.next_due;
    assert!(due > Some(boundary), "reads show it already");
    bench.control().release();
    assert_eq!(outcome(advanced), Ok(Reply::Done));
    assert_eq!(bench.rolled_count(env), HERD);
    bench.verify();
}

#[test]
fn an_advance_goes_on_after_a_crash() {
    let (mut bench, env, boundary) = sandbox_herd();
    let advanced = bench.submit_in(env, Command::FreezeClock(boundary));
    bench.wait_until_held();
    bench.control().release_one();
    bench.wait_for("the time is durable", |bench| bench.engine().now(env) == boundary);
    bench.wait_until_held();
    assert!(bench.rolled_count(env) <= 2 * SLICE_ROWS_MAX);
    bench.crash();
    assert_eq!(outcome(advanced), Err(Refusal::Failed));
    bench.wait_until_rolled(env);
    bench.verify();
}

#[test]
fn a_refused_advance_leaves_the_time_where_it_was() {
    let (bench, env, boundary) = sandbox_herd();
    bench.control().fail(Fault::next_append(FaultKind::Unavailable));
    let advanced = bench.submit_in(env, Command::FreezeClock(boundary));
    bench.wait_until_held();
    bench.control().release();
    assert_eq!(outcome(advanced), Err(Refusal::Unavailable));
    bench.settle();
    assert_eq!(bench.engine().now(env), examples::START);
    assert_eq!(clock(&bench, env), EnvironmentClock::Wall);
    freeze(&bench, env, boundary).expect("it can be tried again");
    assert_eq!(bench.rolled_count(env), HERD);
}

#[test]
fn a_clock_that_ran_back_moves_nothing_and_its_lag_is_told() {
    let mut bench = Bench::seeded();
    let late = instant("2026-04-01T01:00:00Z");
    bench.clock.advance_to(late);
    bench.wait_until_rolled(PRODUCTION);
    bench.settle();
    let position = bench.engine().last_position();
    assert_eq!(bench.engine().clock_lag(), 0);
    bench.clock.jump_to(instant("2026-04-01T00:00:00Z"));
    assert_eq!((bench.engine().clock_lag(), bench.engine().now(PRODUCTION)), (3_600, late));
    bench.done(Command::CatchUpAll);
    assert_eq!(bench.engine().last_position(), position);
    assert!(crate::support::is_fresh(&bench.consume(ACME, "k1", 1)));
    bench.restart();
    assert_eq!((bench.engine().clock_lag(), bench.engine().now(PRODUCTION)), (3_600, late));
    bench.clock.advance_to(late);
    assert_eq!(bench.engine().clock_lag(), 0);
    bench.verify();
}

#[test]
fn a_jump_ahead_within_a_run_needs_a_second_sample() {
    let bench = Bench::seeded();
    let balance_at = |bench: &Bench, text| {
        let now = bench.engine().now(PRODUCTION);
        assert_eq!(now, instant(text));
        let account = bench.engine().find_current(PRODUCTION, &customer_id(ACME), now);
        account.expect("little is due").expect("it exists").customer.pools[0].balance()
    };
    bench.consume(ACME, "k1", 30_000).expect("there is enough");
    let position = bench.engine().last_position();
    bench.clock.jump_to(instant("2027-03-01T00:00:00Z"));
    bench.done(Command::CatchUpAll);
    assert_eq!(balance_at(&bench, "2026-03-01T00:00:00Z"), Amount::whole(50_000));
    bench.clock.jump_to(instant("2026-03-01T00:00:05Z"));
    bench.done(Command::CatchUpAll);
    assert_eq!(balance_at(&bench, "2026-03-01T00:00:05Z"), Amount::whole(50_000));
    assert_eq!(bench.engine().last_position(), position, "it was taken back in time");

    bench.clock.jump_to(instant("2027-03-01T00:00:00Z"));
    bench.done(Command::CatchUpAll);
    assert_eq!(bench.engine().last_position(), position);
    bench.clock.advance_to(instant("2027-03-01T00:00:01Z"));
    bench.wait_until_rolled(PRODUCTION);
    bench.wait_for("the jump is believed", |bench| bench.engine().last_position() > position);
    bench.wait_until_rolled(PRODUCTION);
    assert_eq!(balance_at(&bench, "2027-03-01T00:00:01Z"), Amount::whole(80_000));
    assert_eq!(bench.pool_rows().len(), 2 + 12);
    bench.verify();
}

#[test]
fn a_start_long_after_the_last_commit_is_refused_where_that_is_wanted() {
    let mut bench = Bench::seeded();
    bench.clock.set(examples::START.plus_seconds(DAY + 1));
    let options = Options { max_clock_jump: Some(DAY), ..Options::default() };
    let refused = bench.restart_with(&options);
    let Err(StartError::ClockJump { gap, max, .. }) = refused else { panic!("it started") };
    assert_eq!((gap, max), (DAY + 1, DAY));
    for max_clock_jump in [Some(DAY + 1), None] {
        let options = Options { max_clock_jump, ..Options::default() };
        bench.restart_with(&options).expect("the jump is allowed");
        assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    }
}
