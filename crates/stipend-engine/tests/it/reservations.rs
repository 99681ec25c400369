//! Goal: show that a reservation is made once and ends once, whatever goes wrong in between, and
//! that strict requests side by side never take more than there is.
//! Method: a script with a failure or crash at each of its appends in turn; random histories with
//! failures against a model of three numbers; a hundred requests in one batch.

use crate::support::{
    ACME, Bench, Random, consume_strictly, customer_id, grant, is_fresh, new_grant, outcome,
};
use std::collections::BTreeMap;
use stipend_core::customer::{
    CustomerCommand, CustomerRejection, ExtendRequest, Hold, HoldTerm, Pool, ReleaseRequest,
    ReserveRequest,
};
use stipend_core::{Amount, GrantNo, ReservationId, Timestamp, examples};
use stipend_engine::ledger::{EventType, LedgerQuery, ledger_page};
use stipend_engine::{
    Answer, Command, Key, PRODUCTION, Refusal, Remember, Render, Reply, ReservationPlace, Response,
};
use stipend_store::Page;
use stipend_store::memory::{Fault, FaultKind, Operation};

/// A command to the only customer with what it is remembered by.
type Step = (CustomerCommand, Option<Remember>);

fn reserve(id: &str, credits: i64, seconds: u32) -> Step {
    let request = examples::reservation(id, Amount::whole(credits));
    let request = ReserveRequest { term: HoldTerm::Seconds(seconds), ..request };
    let key = Key::of_reservation(PRODUCTION, ACME, &request);
    (CustomerCommand::Reserve(request), Some(Remember::Reservation(key)))
}

fn release(id: &str, consumed: i64) -> Step {
    let request = ReleaseRequest {
        currency: examples::credits(),
        resource: None,
        id: reservation(id),
        consumed: Amount::whole(consumed),
        is_known: false,
    };
    let key = Key::of_release(PRODUCTION, ACME, &request);
    (CustomerCommand::Release(request), Some(Remember::Release(key)))
}

fn extend(id: &str, seconds: u32) -> Step {
    let request = ExtendRequest {
        currency: examples::credits(),
        resource: None,
        id: reservation(id),
        term: Some(HoldTerm::Seconds(seconds)),
        amount: None,
        is_known: false,
    };
    (CustomerCommand::Extend(request), None)
}

fn reservation(id: &str) -> ReservationId {
    ReservationId::parse(id).expect("the test writes ids well")
}

/// The reservation that a command was about, and the balance afterwards.
fn tell() -> Render {
    Box::new(|outcome| {
        let hold = outcome.hold.map(|hold: &Hold| format!("{} {}", hold.id, hold.amount));
        let pools = &outcome.account.expect("it is about a customer").customer.pools;
        let text = format!("{} left {}", hold.unwrap_or_default(), pools[0].balance());
        Response { status: 200, body: text.as_bytes().into() }
    })
}

/// `acme` with so many credits that never expire.
fn bench_with(credits: i64) -> Bench {
    let bench = Bench::with_catalog();
    bench.create_customer(ACME);
    bench.done(grant(ACME, new_grant(&examples::credits(), credits)));
    bench
}

impl Bench {
    fn send(&self, (command, remember): Step) -> crate::support::Waiting {
        let command = Command::Customer(customer_id(ACME), command);
        self.submit_with(command, remember, Some(tell()))
    }

    fn ask(&self, step: Step) -> Answer {
        outcome(self.send(step))
    }

    fn pool(&self) -> Pool {
        let account = self.engine().find_customer(PRODUCTION, &customer_id(ACME));
        account.expect("the customer exists").customer.pools[0].clone()
    }
}

fn text(answer: &Answer) -> String {
    match answer {
        Ok(Reply::Response(response)) => format!("new {}", body(response)),
        Ok(Reply::Replay(response)) => format!("again {}", body(response)),
        Ok(Reply::Stored(_)) => "stored".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(refusal) => refusal.to_string(),
    }
}

fn body(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

const REUSED: &str = "the idempotency key was used before with another meaning";

#[test]
fn a_reservation_is_made_once_and_released_once() {
    let mut bench = bench_with(100);
    let new = bench.ask(reserve("a", 60, 600));
    assert_eq!(text(&new), "new a 60 left 40");
    bench.settle();
    let Ok(Reply::Stored(seq)) = bench.ask(reserve("a", 60, 600)) else { panic!("it is known") };
    let (_, stored) = bench.engine().stored_answer(seq).expect("memory can be read");
    assert_eq!(Ok(Reply::Response(Response { status: 200, body: stored.body.into() })), new);
    assert_eq!(text(&bench.ask(reserve("a", 61, 600))), REUSED);
    assert_eq!(text(&bench.ask(reserve("a", 60, 601))), REUSED);
    assert_eq!(bench.balance(ACME), Amount::whole(40));

    bench.restart();
    assert_eq!(text(&bench.ask(reserve("a", 60, 600))), "stored");
    assert_eq!(text(&bench.ask(release("a", 25))), "new a 60 left 75");
    bench.settle();
    assert_eq!(text(&bench.ask(release("a", 25))), "stored");
    assert_eq!(text(&bench.ask(release("a", 26))), REUSED);
    assert_eq!(text(&bench.ask(reserve("a", 60, 600))), "stored", "it is not made anew");
    assert_eq!(text(&bench.ask(extend("a", 600))), "reservation a has ended");
    bench.restart();
    assert_eq!(text(&bench.ask(release("a", 26))), REUSED);
    assert_eq!(bench.balance(ACME), Amount::whole(75));
    bench.verify();
}

#[test]
fn what_is_refused_is_not_remembered() {
    let bench = bench_with(100);
    let refused = "200 credits were asked for and 100 are available";
    assert_eq!(text(&bench.ask(reserve("a", 200, 600))), refused);
    bench.done(grant(ACME, new_grant(&examples::credits(), 100)));
    assert_eq!(text(&bench.ask(reserve("a", 200, 600))), "new a 200 left 0");
    assert_eq!(text(&bench.ask(release("b", 5))), "there is no reservation b");
    assert_eq!(text(&bench.ask(release("b", 5))), "there is no reservation b");
}

#[test]
fn a_release_after_the_end_is_a_consumption() {
    let mut bench = bench_with(100);
    bench.ask(reserve("a", 60, 600)).expect("there is enough");
    bench.clock.advance_to(examples::START.plus_seconds(600));
    bench.wait_until_rolled(PRODUCTION);
    assert_eq!(bench.balance(ACME), Amount::whole(100));
    bench.restart();
    assert_eq!(text(&bench.ask(extend("a", 600))), "reservation a has ended");
    assert_eq!(text(&bench.ask(release("a", 70))), "new  left 30");
    bench.settle();
    assert_eq!(text(&bench.ask(release("a", 70))), "stored");
    assert_eq!(text(&bench.ask(release("a", 71))), REUSED);
    bench.verify();
}

#[test]
fn a_reservation_is_found_for_ever() {
    let bench = bench_with(100);
    let currency = examples::credits();
    let (a, b) = (reservation("a"), reservation("b"));
    let place = |id| ReservationPlace {
        env: PRODUCTION,
        customer: ACME,
        currency: &currency,
        resource: None,
        id,
    };
    bench.ask(reserve("a", 60, 600)).expect("there is enough");
    bench.settle();
    let Ok(Reply::Stored(made)) = bench.ask(reserve("a", 60, 600)) else { panic!("it is known") };
    let found = bench.engine().find_reservation(&place(&a)).expect("memory can be read");
    let (key, seq, hold) = found.expect("it was made");
    assert_eq!((seq, hold.amount), (made, Amount::whole(60)));
    assert_eq!(Some(key), reserve("a", 60, 600).1.map(|remember| key_of(&remember)));
    assert!(bench.engine().find_reservation(&place(&b)).expect("readable").is_none());
    assert!(bench.engine().find_release(&place(&a)).expect("readable").is_none());
    bench.ask(release("a", 5)).expect("it is open");
    let found = bench.engine().find_release(&place(&a)).expect("readable");
    let key = release("a", 5).1.map(|remember| key_of(&remember));
    assert_eq!(found.map(|(key, _)| key), key);
}

fn key_of(remember: &Remember) -> Key {
    match remember {
        Remember::Key(key) | Remember::Reservation(key) | Remember::Release(key) => *key,
        Remember::Content { key, .. } => *key,
    }
}

#[test]
fn of_a_hundred_who_want_the_last_credit_one_gets_it() {
    let bench = bench_with(1);
    bench.control().pause();
    let waiting: Vec<_> = (0..100).map(|n| bench.send(reserve(&format!("r{n}"), 1, 600))).collect();
    bench.let_queue_drain();
    bench.control().release();
    let answers: Vec<Answer> = waiting.into_iter().map(outcome).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    let (requested, available) = (Amount::whole(1), Amount::ZERO);
    let insufficient = CustomerRejection::InsufficientCredits { requested, available };
    assert!(refused.into_iter().all(|refusal| *refusal == insufficient.clone().into()));
    assert_eq!((bench.balance(ACME), bench.pool().holds.len()), (Amount::ZERO, 1));
    bench.verify();

    let bench = bench_with(1);
    bench.control().pause();
    let command = |n: usize| consume_strictly(ACME, &format!("k{n}"), 1);
    let waiting: Vec<_> = (0..100).map(|n| bench.submit(command(n))).collect();
    bench.let_queue_drain();
    bench.control().release();
    let done = waiting.into_iter().map(outcome).filter(is_fresh).count();
    assert_eq!((done, bench.balance(ACME)), (1, Amount::ZERO));
    assert_eq!(bench.pool().overdraft, None);
    bench.verify();
}

#[test]
fn of_a_hundred_who_release_one_reservation_one_does() {
    let bench = bench_with(100);
    bench.ask(reserve("a", 60, 600)).expect("there is enough");
    bench.control().pause();
    let waiting: Vec<_> = (0..100).map(|n| bench.send(release("a", n % 4))).collect();
    bench.let_queue_drain();
    bench.control().release();
    let answers: Vec<String> = waiting.into_iter().map(|waiting| text(&outcome(waiting))).collect();
    let count = |start: &str| answers.iter().filter(|text| text.starts_with(start)).count();
    assert_eq!((count("new"), count("again"), count(REUSED)), (1, 24, 75));
    assert_eq!(bench.balance(ACME), Amount::whole(100));
    bench.verify();
}

/// What happens to reservations, each with its time after the beginning.
fn script() -> Vec<(i64, Step)> {
    vec![
        (0, reserve("a", 40, 600)),
        (0, reserve("b", 30, 60)),
        (0, reserve("c", 20, 60)),
        (10, extend("a", 900)),
        (20, release("c", 25)),
        (60, reserve("d", 30, 600)),
        (70, release("b", 2)),
        (80, release("a", 15)),
        (90, release("d", 0)),
    ]
}

/// Sends a step until it is done, as a caller does that hears nothing.
fn insist(bench: &mut Bench, step: &Step) {
    for _ in 0..3 {
        match bench.ask(step.clone()) {
            Ok(_) => return,
            Err(Refusal::Unavailable) => bench.settle(),
            Err(Refusal::Failed) => bench.crash(),
            Err(other) => panic!("{step:?}: {other}"),
        }
    }
    panic!("one failure is overcome by trying again");
}

#[test]
fn a_failure_at_any_append_neither_strands_nor_loses_a_reservation() {
    let run = |fault: Option<Fault>| {
        let mut bench = bench_with(100);
        let begun = bench.control().appends();
        if let Some(fault) = fault {
            bench.control().fail(fault);
        }
        for (seconds, step) in script() {
            bench.clock.advance_to(examples::START.plus_seconds(seconds));
            insist(&mut bench, &step);
        }
        let appends = bench.control().appends() - begun;
        bench.crash();
        bench.verify();
        let pool = bench.pool();
        assert_eq!(pool.balance(), Amount::whole(58), "{fault:?}");
        assert!(pool.holds.is_empty() && pool.reserved().is_zero(), "{fault:?}");
        appends
    };
    let appends = run(None);
    assert!(appends >= 9, "each step is appended");
    for after in 0..appends {
        for (kind, applied) in
            [(FaultKind::Unavailable, false), (FaultKind::Failed, false), (FaultKind::Failed, true)]
        {
            let operation = Operation::Append;
            run(Some(Fault { operation, kind, after, lasting: false, applied }));
        }
    }
}

/// Reservations as three numbers, and those that are open with their amounts and ends.
#[derive(Default)]
struct Model {
    granted: i64,
    consumed: i64,
    open: BTreeMap<usize, (i64, i64)>,
    /// Reservations that were made, open or not.
    made: usize,
    released: Vec<usize>,
}

impl Model {
    fn held(&self) -> i64 {
        self.open.values().map(|(amount, _)| amount).sum()
    }

    fn balance(&self) -> i64 {
        self.granted - self.consumed - self.held()
    }
}

struct Life {
    bench: Bench,
    random: Random,
    model: Model,
    seconds: i64,
}

impl Life {
    fn new(seed: u64) -> Self {
        let model = Model { granted: 1_000, ..Model::default() };
        Self { bench: bench_with(1_000), random: Random::new(seed), model, seconds: 0 }
    }

    fn below(&mut self, end: usize) -> i64 {
        i64::try_from(self.random.below(end)).expect("small")
    }

    fn step(&mut self) {
        if self.random.below(4) == 0 {
            let kind = self.random.pick(&[FaultKind::Unavailable, FaultKind::Failed]);
            let applied = kind == FaultKind::Failed && self.random.below(2) == 0;
            let (operation, after) = (Operation::Append, self.random.below(3) as u64);
            let fault = Fault { operation, kind, after, lasting: false, applied };
            self.bench.control().fail(fault);
        }
        match self.random.below(10) {
            0..4 => self.reserve(),
            4..7 => self.release(),
            7 => self.extend(),
            8 => self.pass_time(),
            _ => self.bench.crash(),
        }
        self.compare();
    }

    /// Sends a step until it is answered.
    fn ask(&mut self, step: &Step) -> Answer {
        loop {
            match self.bench.ask(step.clone()) {
                Err(Refusal::Unavailable) => self.bench.settle(),
                Err(Refusal::Failed) => self.bench.crash(),
                answer => return answer,
            }
        }
    }

    fn reserve(&mut self) {
        let (credits, seconds) = (1 + self.below(400), 1 + self.below(500));
        let id = self.model.made;
        let term = u32::try_from(seconds).expect("small");
        let answer = self.ask(&reserve(&format!("r{id}"), credits, term));
        assert_eq!(answer.is_ok(), credits <= self.model.balance(), "{answer:?}");
        if answer.is_ok() {
            self.model.made += 1;
            self.model.open.insert(id, (credits, self.seconds + seconds));
        }
    }

    fn release(&mut self) {
        let id = self.random.below(self.model.made + 1);
        let consumed = self.below(300);
        let answer = self.ask(&release(&format!("r{id}"), consumed));
        let is_first = !self.model.released.contains(&id);
        if id == self.model.made {
            let missing = CustomerRejection::ReservationNotFound(reservation(&format!("r{id}")));
            assert_eq!(answer, Err(missing.into()));
        } else if is_first {
            answer.expect("it was made and not released");
            self.model.open.remove(&id);
            self.model.consumed += consumed;
            self.model.released.push(id);
        } else {
            let is_replay = matches!(answer, Ok(Reply::Stored(_) | Reply::Replay(_)));
            assert!(is_replay || answer == Err(Refusal::KeyReused), "{answer:?}");
        }
    }

    fn extend(&mut self) {
        let Some(id) = self.model.open.keys().next_back().copied() else { return };
        let seconds = 1 + self.below(900);
        let term = u32::try_from(seconds).expect("small");
        self.ask(&extend(&format!("r{id}"), term)).expect("it is open");
        let end = self.seconds + seconds;
        let (_, known) = self.model.open.get_mut(&id).expect("it is open");
        *known = (*known).max(end);
    }

    fn pass_time(&mut self) {
        self.seconds += self.below(400);
        self.model.open.retain(|_, (_, end)| *end > self.seconds);
        self.bench.clock.advance_to(self.now());
        self.bench.control().heal();
        self.bench.crash();
        self.bench.wait_until_rolled(PRODUCTION);
    }

    fn now(&self) -> Timestamp {
        examples::START.plus_seconds(self.seconds)
    }

    fn compare(&self) {
        let pool = self.bench.pool();
        assert_eq!(pool.balance(), Amount::whole(self.model.balance()));
        assert_eq!(pool.holds.len(), self.model.open.len());
        for hold in &pool.holds {
            let id: usize = hold.id.as_str()[1..].parse().expect("the test names it so");
            let (amount, end) = self.model.open[&id];
            assert_eq!((hold.amount, hold.unbacked()), (Amount::whole(amount), Amount::ZERO));
            assert_eq!(hold.expires_at, examples::START.plus_seconds(end));
        }
    }
}

#[test]
fn reservations_agree_with_three_numbers_whatever_goes_wrong() {
    for seed in 0..60 {
        let run = std::panic::AssertUnwindSafe(|| {
            let mut life = Life::new(seed);
            for _ in 0..40 {
                life.step();
            }
            life.bench.crash();
            life.compare();
            life.bench.verify();
        });
        if let Err(cause) = std::panic::catch_unwind(run) {
            eprintln!("the seed is {seed}");
            std::panic::resume_unwind(cause);
        }
    }
}

#[test]
fn a_reservation_that_was_made_twice_is_found_by_the_audit() {
    let bench = bench_with(100);
    for _ in 0..2 {
        // Without its key nothing recognises it once it has ended.
        let (command, _) = reserve("a", 60, 600);
        bench.ask((command, None)).expect("it is not open");
        let (command, _) = release("a", 5);
        bench.ask((command, None)).expect("it is open");
    }
    let found = stipend_engine::fsck::verify(bench.engine().reader(), |_| {});
    let found = found.expect_err("its id was used twice").to_string();
    assert!(found.contains("reservation a was made before"), "{found}");
}

#[test]
fn what_ends_on_release_is_found_where_usage_is_passed_over() {
    let bench = bench_with(100);
    for id in ["a", "b"] {
        bench.ask(reserve(id, 10, 600)).expect("there is enough");
    }
    let account = bench.engine().find_customer(PRODUCTION, &customer_id(ACME));
    let slot = account.expect("it was made").customer.slot;
    bench.done(Command::VoidGrant(slot, GrantNo(1)));
    bench.ask(release("a", 4)).expect("it is open");
    let account = bench.engine().account(slot).expect("it was made");
    let query = LedgerQuery {
        pools: vec![(account.customer.pools[0].id, &account.chains[0])],
        types: Some([EventType::Voided].into()),
        reservation: None,
        not_before: 0,
        page: Page::First,
        limit: 10,
    };
    let page = ledger_page(bench.engine().reader(), &query).expect("memory can be read");
    let amounts: Vec<Amount> = page.events.iter().map(|event| event.amount).collect();
    assert_eq!(amounts, [Amount::whole(-6), Amount::whole(-80)]);
    bench.verify();
}
