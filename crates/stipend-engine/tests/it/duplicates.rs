//! Goal: show that a key has one effect, however often, in whatever company and how much later
//! its request comes again (E4).
//! Method: copies in the same batch, the next one and after a restart; bulk with duplicates and
//! with bad items; answers remembered by key and by content.

use crate::support::{
    ACME, Bench, Random, consume, consumed, customer_id, instant, is_fresh, item, item_of, outcome,
    respond, response, rows_with_key,
};
use stipend_core::customer::{ConsumeRequest, CustomerRejection};
use stipend_core::{Amount, CurrencyId, examples};
use stipend_engine::{
    Command, Consumed, Key, Operation, PRODUCTION, Refusal, Remember, Reply, Response,
};

const COPIES: usize = 8;

fn fresh_count(results: &[Consumed]) -> usize {
    let is_fresh = |result: &&Consumed| matches!(result, Consumed::Done { is_replay: false, .. });
    results.iter().filter(is_fresh).count()
}

fn bulk(reply: Reply) -> Vec<Consumed> {
    match reply {
        Reply::Consumed(results) => results,
        other => panic!("no consumption: {other:?}"),
    }
}

#[test]
fn copies_have_one_effect_in_the_same_batch_the_next_and_after_a_restart() {
    let mut bench = Bench::seeded();
    let control = bench.control();
    control.pause();
    let blocker = bench.submit(consume(ACME, "blocker", 1));
    bench.wait_until_held();
    let same_batch: Vec<_> = (0..COPIES).map(|_| bench.submit(consume(ACME, "k", 10))).collect();
    bench.let_queue_drain();
    control.release_one();
    assert!(is_fresh(&outcome(blocker)));
    bench.wait_until_held();
    let next_batch: Vec<_> = (0..COPIES).map(|_| bench.submit(consume(ACME, "k", 10))).collect();
    bench.let_queue_drain();
    control.release();
    let waiting = same_batch.into_iter().chain(next_batch);
    let answers: Vec<_> = waiting.map(|waiting| consumed(outcome(waiting))).collect();
    assert_eq!(fresh_count(&answers), 1);
    assert!(matches!(&answers[0], Consumed::Done { is_replay: false, .. }), "the first one");
    assert_eq!(bench.balance(ACME), Amount::whole(79_989));

    let durable = rows_with_key(&bench.rows(), item(ACME, "k", 10).key);
    assert_eq!(durable.len(), 1);
    for is_crash in [false, true] {
        if is_crash {
            bench.crash();
        } else {
            bench.restart();
        }
        for _ in 0..COPIES {
            let answer = consumed(bench.consume(ACME, "k", 10));
            assert_eq!(answer, Consumed::Stored(durable[0]));
        }
    }
    let (at, stored) = bench.engine().stored_consumption(durable[0]).unwrap();
    assert_eq!((at, stored.amount), (stipend_core::examples::START, Amount::whole(10)));
    assert_eq!(bench.balance(ACME), Amount::whole(79_989));
    bench.verify();
}

#[test]
fn a_key_is_known_for_as_long_as_its_request_is_accepted() {
    const DAY: i64 = 24 * 60 * 60;
    // The clock of who reports is five minutes ahead.
    let reported_at = Some(examples::START.plus_seconds(5 * 60));
    let request = || ConsumeRequest { reported_at, ..examples::consumption(Amount::whole(10)) };
    let command = || Command::Consume(vec![item_of(ACME, "k", request())]);
    let mut bench = Bench::seeded();
    assert!(is_fresh(&bench.run(command())));
    for seconds in [35 * DAY, 35 * DAY + 60, 35 * DAY + 5 * 60] {
        bench.clock.set(examples::START.plus_seconds(seconds));
        let again = bench.run(command());
        assert!(again.is_ok() && !is_fresh(&again), "{seconds} s later: {again:?}");
        bench.restart();
    }
    // A restart reckons from the last commit, and remembers for longer.
    bench.clock.set(examples::START.plus_seconds(80 * DAY));
    let too_old = Refusal::Customer(CustomerRejection::EventTooOld);
    assert_eq!(bench.run(command()), Err(too_old), "where the key is over, so is the request");
    bench.verify();
}

#[test]
fn one_key_of_two_customers_or_two_credit_types_is_two_effects() {
    let bench = Bench::seeded();
    bench.create_customer("globex");
    let tokens = CurrencyId::parse("tokens").unwrap();
    let credit_type = stipend_core::examples::new_credit_type(tokens.clone());
    bench.done(Command::Catalog(stipend_core::catalog::CatalogCommand::CreateCreditType(
        credit_type,
    )));
    let mut other_type = stipend_core::examples::consumption(Amount::whole(10));
    other_type.currency = tokens;
    assert!(is_fresh(&bench.consume(ACME, "k", 10)));
    assert!(is_fresh(&bench.consume("globex", "k", 10)));
    let other_type = crate::support::item_of(ACME, "k", other_type);
    assert!(is_fresh(&bench.run(Command::Consume(vec![other_type]))));
    assert_eq!(bench.balance(ACME), Amount::whole(79_990));
    assert_eq!(bench.balance("globex"), Amount::whole(-10));
    bench.verify();
}

#[test]
fn the_same_key_with_another_amount_is_refused_without_effect() {
    let mut bench = Bench::seeded();
    assert!(is_fresh(&bench.consume(ACME, "k", 10)));
    assert_eq!(bench.consume(ACME, "k", 11), Err(Refusal::KeyReused));
    bench.settle();
    assert_eq!(bench.consume(ACME, "k", 11), Err(Refusal::KeyReused));
    bench.restart();
    assert_eq!(bench.consume(ACME, "k", 11), Err(Refusal::KeyReused));
    assert_eq!(bench.balance(ACME), Amount::whole(79_990));
}

#[test]
fn a_bulk_with_duplicates_inside_applies_each_key_once() {
    let mut bench = Bench::seeded();
    bench.create_customer("globex");
    bench.consume(ACME, "key-7", 8).expect("one of them was there before");
    let mut random = Random::new(4);
    let keys: Vec<usize> = (0..1_000).map(|_| random.below(300)).collect();
    let items = || {
        let item_of = |key: &usize| {
            let customer = if key.is_multiple_of(2) { "globex" } else { ACME };
            item(customer, &format!("key-{key}"), i64::try_from(*key).unwrap() + 1)
        };
        keys.iter().map(item_of).collect::<Vec<_>>()
    };
    let results = bulk(bench.done(Command::Consume(items())));
    let distinct: std::collections::BTreeSet<usize> = keys.iter().copied().collect();
    assert!(distinct.contains(&7));
    assert_eq!(fresh_count(&results), distinct.len() - 1);
    let sum = |odd: usize| {
        let credits: usize = distinct.iter().filter(|key| *key % 2 == odd).map(|key| key + 1).sum();
        i64::try_from(credits).unwrap()
    };
    let check = |bench: &Bench| {
        assert_eq!(bench.balance(ACME), Amount::whole(80_000 - sum(1)));
        assert_eq!(bench.balance("globex"), Amount::whole(-sum(0)));
    };
    check(&bench);
    bench.crash();
    let again = bulk(bench.done(Command::Consume(items())));
    assert!(again.iter().all(|result| matches!(result, Consumed::Stored(_))));
    for (place, key) in keys.iter().enumerate() {
        let first = keys.iter().position(|other| other == key).unwrap();
        assert_eq!(again[place], again[first], "copies are stored in one place");
    }
    check(&bench);
    bench.verify();
}

#[test]
fn a_bulk_with_bad_items_is_refused_as_a_whole() {
    let bench = Bench::seeded();
    bench.consume(ACME, "used", 5).expect("there is enough");
    let before = bench.engine().last_position();
    let mut unknown_type = stipend_core::examples::consumption(Amount::whole(1));
    unknown_type.currency = CurrencyId::parse("tokens").unwrap();
    let missing = CustomerRejection::CurrencyNotFound(unknown_type.currency.clone());
    let items = vec![
        item(ACME, "k1", 10),
        item("nobody", "k2", 10),
        crate::support::item_of(ACME, "k3", unknown_type),
        item(ACME, "used", 6),
        item(ACME, "k1", 11),
        item(ACME, "k4", 10),
    ];
    let answer = bench.run(Command::Consume(items));
    let refused = vec![
        (1, Refusal::CustomerNotFound(customer_id("nobody"))),
        (2, Refusal::Customer(missing)),
        (3, Refusal::KeyReused),
        (4, Refusal::KeyReused),
    ];
    assert_eq!(answer, Err(Refusal::Items(refused)));
    assert_eq!(bench.engine().last_position(), before, "nothing was applied");
    assert!(is_fresh(
        &bench.run(Command::Consume(vec![item(ACME, "k1", 11), item(ACME, "k4", 10)]))
    ));
    assert_eq!(bench.balance(ACME), Amount::whole(79_974));
    bench.verify();
}

fn request_key(text: &str, meaning: &str) -> Key {
    Key::new(PRODUCTION, Operation::Request, &[text], meaning.as_bytes())
}

fn grant_ten() -> Command {
    crate::support::grant(ACME, crate::support::new_grant(&stipend_core::examples::credits(), 10))
}

#[test]
fn a_request_with_a_key_is_answered_as_the_first_time() {
    let mut bench = Bench::seeded();
    let control = bench.control();
    let key = request_key("r1", "grant 10");
    let ask = |bench: &Bench, key, text| {
        bench.submit_with(grant_ten(), Some(Remember::Key(key)), respond(text))
    };
    control.pause();
    let first = ask(&bench, key, "first");
    bench.wait_until_held();
    let second = ask(&bench, key, "second");
    let other = ask(&bench, request_key("r1", "grant 11"), "other");
    bench.let_queue_drain();
    control.release();
    assert_eq!(outcome(first), Ok(Reply::Response(response("first"))));
    assert_eq!(outcome(second), Ok(Reply::Replay(response("first"))));
    assert_eq!(outcome(other), Err(Refusal::KeyReused));
    bench.settle();
    for is_crash in [false, true] {
        let answer = outcome(ask(&bench, key, "third"));
        let Ok(Reply::Stored(seq)) = answer else { panic!("not stored: {answer:?}") };
        let (_, remembered) = bench.engine().stored_answer(seq).unwrap();
        assert_eq!((remembered.status, remembered.body.as_slice()), (200, b"first".as_slice()));
        assert_eq!(bench.engine().find_request(key).unwrap(), Some(seq), "and for ever");
        assert_eq!(
            outcome(ask(&bench, request_key("r1", "grant 11"), "other")),
            Err(Refusal::KeyReused)
        );
        if !is_crash {
            bench.crash();
        }
    }
    assert_eq!(bench.balance(ACME), Amount::whole(80_010));
    bench.verify();
}

#[test]
fn content_is_looked_up_only_for_a_retry() {
    let mut bench = Bench::seeded();
    let key = Key::new(PRODUCTION, Operation::Retry, &["digest"], b"");
    let ask = |bench: &Bench, is_retry, text| {
        let remember = Remember::Content { key, is_retry };
        bench.submit_with(grant_ten(), Some(remember), respond(text))
    };
    let is_done = |answer, text| assert_eq!(answer, Ok(Reply::Response(response(text))));
    is_done(outcome(ask(&bench, true, "first")), "first");
    is_done(outcome(ask(&bench, false, "second")), "second");
    let control = bench.control();
    control.pause();
    let third = ask(&bench, false, "third");
    bench.wait_until_held();
    let fourth = ask(&bench, false, "fourth");
    let retry = ask(&bench, true, "retry");
    bench.let_queue_drain();
    control.release();
    is_done(outcome(third), "third");
    is_done(outcome(fourth), "fourth");
    assert_eq!(outcome(retry), Ok(Reply::Replay(response("fourth"))), "the newest of them");
    bench.settle();
    for _ in 0..2 {
        let answer = outcome(ask(&bench, true, "retry"));
        let Ok(Reply::Stored(seq)) = answer else { panic!("not stored: {answer:?}") };
        assert_eq!(bench.engine().stored_answer(seq).unwrap().1.body, b"fourth");
        bench.crash();
    }
    assert_eq!(bench.balance(ACME), Amount::whole(80_040));
    bench.verify();
}

#[test]
fn content_is_remembered_for_ten_minutes() {
    let bench = Bench::seeded();
    let key = Key::new(PRODUCTION, Operation::Retry, &["digest"], b"");
    let ask = |text| {
        let remember = Some(Remember::Content { key, is_retry: true });
        let answer = outcome(bench.submit_with(grant_ten(), remember, respond(text)));
        bench.settle();
        answer
    };
    assert_eq!(ask("first"), Ok(Reply::Response(response("first"))));
    bench.clock.set(stipend_core::examples::START.plus_seconds(600));
    let Ok(Reply::Stored(seq)) = ask("retry") else { panic!("it was not remembered") };
    assert_eq!(bench.engine().stored_answer(seq).unwrap().1.body, b"first");
    bench.clock.set(stipend_core::examples::START.plus_seconds(601));
    assert_eq!(ask("anew"), Ok(Reply::Response(response("anew"))));
    assert_eq!(bench.balance(ACME), Amount::whole(80_020));
    bench.verify();
}

#[test]
fn a_refused_command_is_not_remembered() {
    let bench = Bench::seeded();
    let remember = Some(Remember::Key(request_key("r1", "create")));
    let create = |id: &str| Command::CreateCustomer(crate::support::new_customer(id));
    let refused = outcome(bench.submit_with(create(ACME), remember, respond("never")));
    assert_eq!(refused, Err(Refusal::AlreadyExists(ACME.to_owned())));
    let done = outcome(bench.submit_with(create("globex"), remember, respond("made")));
    assert_eq!(done, Ok(Reply::Response(response("made"))));
}

#[test]
fn keys_are_free_again_after_the_retention_and_the_journal_stays_sound() {
    for is_restarted in [false, true] {
        let mut bench = Bench::seeded();
        assert!(is_fresh(&bench.consume(ACME, "k", 10)));
        for (text, is_free) in [("2026-04-06T00:05:00Z", false), ("2026-04-06T00:05:01Z", true)] {
            bench.clock.set(instant(text));
            // The time that a restart reckons from is the one of the last commit.
            bench.create_customer(if is_free { "globex" } else { "initech" });
            bench.settle();
            if is_restarted && is_free {
                bench.restart();
            }
            // With another amount: a new use may mean something else.
            let credits = if is_free { 11 } else { 10 };
            assert_eq!(is_fresh(&bench.consume(ACME, "k", credits)), is_free, "{text}");
        }
        assert_eq!(bench.balance(ACME), Amount::whole(79_989), "of April");
        bench.verify();
    }
}

#[test]
fn a_rendered_answer_sees_what_its_command_did() {
    let bench = Bench::seeded();
    let render: stipend_engine::Render = Box::new(|outcome| {
        let account = outcome.account.expect("it concerns a customer");
        let (pool, no) = outcome.grant.expect("it is about a grant");
        let pool = account.customer.pool(pool).expect("the pool is there");
        let grant = pool.find_grant(no).expect("the grant is there");
        let text = format!("{} of {} at {}", grant.amount, pool.balance(), outcome.now);
        Response { status: 200, body: text.into_bytes().into() }
    });
    let answer = outcome(bench.submit_with(grant_ten(), None, Some(render)));
    let expected = response("10 of 80010 at 2026-03-01T00:00:00.000Z");
    assert_eq!(answer, Ok(Reply::Response(expected)));
}
