//! Goal: show that usage and events are counted and charged once, all of a request or nothing of
//! it, and that what was recorded is found again.
//! Method: copies, bulk with bad items, restarts and crashes; the audit after each.

use crate::support::{ACME, Bench, PoolRow, Waiting, customer_id, instant, outcome, rows_with_key};
use std::collections::BTreeMap;
use stipend_core::catalog::{
    Aggregation, CatalogCommand, ChargeRow, Charges, Comparison, Condition, CreditRate, Document,
    Enforcement, EntitlementTerms, FeatureTerms, Meter, MeterType, Migration, NewEntitlement,
    NewFeature, PackageKey, PackagePatch, Pricing, Target,
};
use stipend_core::customer::{
    BillingPeriod, Cause, CustomerCommand, CustomerRejection, DimensionValue, EventRequest,
    UsageRequest,
};
use stipend_core::{Amount, Cadence, FeatureId, examples};
use stipend_engine::account::{KIND_CONSUMPTION, KIND_USAGE};
use stipend_engine::reversal::Reversible;
use stipend_engine::usage::{meter_history, stored_report};
use stipend_engine::{
    Answer, Command, Key, Operation, PRODUCTION, Recorded, Refusal, Remember, Reply, Report,
    ReportItem, Reported,
};

fn feature(id: &str) -> FeatureId {
    FeatureId::parse(id).expect("a sound id")
}

fn metered(id: &str, meter: Option<Meter>) -> CatalogCommand {
    let meter_type = MeterType::Incremental;
    let new = NewFeature { meter_type, meter, ..examples::new_feature(feature(id)) };
    CatalogCommand::CreateFeature(Box::new(new))
}

/// A meter of events with that name.
fn meter(aggregation: Aggregation, name: &str) -> Option<Meter> {
    let condition = Condition {
        field: "eventName".to_owned(),
        comparison: Comparison::Equals,
        values: vec![name.to_owned()],
    };
    Some(Meter { aggregation, filters: vec![vec![condition]], document: Document(String::new()) })
}

/// `acme` with 80,000 credits; a call costs 10, a token 1, and a call event counts as both. Of
/// `scarce`, which costs 1, there is no more than the credits pay for.
fn bench() -> Bench {
    let bench = Bench::with_catalog();
    let plan = PackageKey::plan(examples::plan());
    let rate = |id: &str, amount| CreditRate {
        feature: feature(id),
        billing_period: BillingPeriod::Monthly,
        currency: examples::credits(),
        amount: Amount::whole(amount),
        formula: None,
    };
    let row = ChargeRow { created_at: examples::START, row: Document("{}".to_owned()) };
    let rates = vec![rate("calls", 10), rate("tokens", 1), rate("scarce", 1)];
    let charges = Charges { rows: vec![row], rates, overage: Vec::new() };
    let charges = Some((Pricing::Paid, charges));
    let strict = FeatureTerms { enforcement: Some(Enforcement::Strict), ..FeatureTerms::default() };
    let strict = NewEntitlement {
        target: Target::Feature(feature("scarce")),
        terms: EntitlementTerms::Feature(strict),
        ..examples::credit_entitlement(examples::credits(), None, Cadence::Month)
    };
    for command in [
        metered("calls", meter(Aggregation::Count, "call")),
        metered("tokens", meter(Aggregation::Sum("tokens".to_owned()), "call")),
        metered("scarce", None),
        metered("free", None),
        CatalogCommand::OpenDraft(plan.clone()),
        CatalogCommand::UpdatePackage(
            plan.clone(),
            Box::new(PackagePatch { charges, ..PackagePatch::default() }),
        ),
        CatalogCommand::AddEntitlements(plan.clone(), vec![strict]),
        CatalogCommand::Publish(plan, Migration::NewCustomers),
    ] {
        bench.done(Command::Catalog(command));
    }
    bench.create_customer(ACME);
    bench.subscribe(ACME, "sub-1", 3);
    bench
}

fn usage(id: &str, value: i64) -> UsageRequest {
    UsageRequest {
        feature: feature(id),
        resource: None,
        value: Amount::whole(value),
        is_set: false,
        event_id: None,
        reported_at: None,
        dimensions: Vec::new(),
    }
}

fn report(key: &str, request: UsageRequest) -> ReportItem {
    let key = Key::of_usage(PRODUCTION, ACME, &request, key);
    let (customer, report) = (customer_id(ACME), Report::Usage(request));
    ReportItem { customer, report, remember: Remember::Key(key) }
}

fn event(key: &str, name: &str, tokens: i64) -> ReportItem {
    let tokens = DimensionValue::Number(Amount::whole(tokens));
    let request = EventRequest {
        name: name.to_owned(),
        resource: None,
        event_id: Some(key.to_owned()),
        reported_at: None,
        dimensions: vec![("tokens".to_owned(), tokens)],
    };
    let key = Key::of_event(PRODUCTION, ACME, &request, key);
    let (customer, report) = (customer_id(ACME), Report::Event(request));
    ReportItem { customer, report, remember: Remember::Key(key) }
}

fn key_of(item: &ReportItem) -> Key {
    match item.remember {
        Remember::Key(key) | Remember::Content { key, .. } => key,
        other => panic!("no key of a report: {other:?}"),
    }
}

fn send(bench: &Bench, items: Vec<ReportItem>) -> Answer {
    bench.run(Command::Report(items.into()))
}

fn reported(answer: Answer) -> Vec<Reported> {
    match answer {
        Ok(Reply::Reported(results)) => results,
        other => panic!("no report: {other:?}"),
    }
}

fn recorded(result: &Reported) -> &Recorded {
    match result {
        Reported::Done { recorded, .. } => recorded,
        Reported::Stored(seq) => panic!("it was done before, at {seq}"),
    }
}

fn consumed(result: &Reported) -> Amount {
    let usages = recorded(result).usages();
    usages.iter().flat_map(|usage| &usage.paid).map(|entry| -entry.delta()).sum()
}

fn is_fresh(result: &Reported) -> bool {
    matches!(result, Reported::Done { is_replay: false, .. })
}

#[test]
fn a_report_is_counted_then_paid_for_and_found_again() {
    let mut bench = bench();
    let item = report("k", usage("calls", 3));
    let done = reported(send(&bench, vec![item.clone()]));
    assert_eq!(consumed(&done[0]), Amount::whole(30));
    assert_eq!(bench.balance(ACME), Amount::whole(79_970));
    let seq = recorded(&done[0]).usages()[0].seq;
    let kinds: Vec<u16> =
        bench.rows().iter().filter(|row| row.seq >= seq).map(|row| row.kind).collect();
    assert_eq!(kinds, [KIND_USAGE, KIND_CONSUMPTION], "side by side");
    assert_eq!(rows_with_key(&bench.rows(), key_of(&item)), [seq]);
    for is_crash in [false, true] {
        if is_crash {
            bench.crash();
        } else {
            bench.restart();
        }
        assert_eq!(reported(send(&bench, vec![item.clone()])), [Reported::Stored(seq)]);
        let stored = stored_report(bench.engine().shared_reader().as_ref(), seq).unwrap().unwrap();
        assert_eq!(stored.usage, recorded(&done[0]).usages()[0].usage);
        assert_eq!(stored.paid, recorded(&done[0]).usages()[0].paid);
        assert_eq!(stored.balance(), recorded(&done[0]).usages()[0].balance());
    }
    assert_eq!(bench.balance(ACME), Amount::whole(79_970));
    bench.verify();
}

/// Nothing of the pool stands behind such a report, so its own row says the balance.
#[test]
fn a_report_that_takes_nothing_is_answered_with_the_balance_of_then_for_ever() {
    let mut bench = bench();
    let same = report("same", UsageRequest { is_set: true, ..usage("calls", 3) });
    reported(send(&bench, vec![report("three", usage("calls", 3))]));
    let done = reported(send(&bench, vec![same.clone(), report("free", usage("free", 1))]));
    let first: Vec<_> = done.iter().map(|result| recorded(result).usages().remove(0)).collect();
    let then = first[0].balance().expect("calls are paid in credits");
    assert_eq!(then.usage_limit, Amount::whole(80_000));
    assert_eq!(then.current_usage, Amount::whole(30));
    assert_eq!(first[1].balance(), None, "nothing is paid for it");
    reported(send(&bench, vec![report("later", usage("calls", 5))]));
    for is_crash in [false, true] {
        if is_crash {
            bench.crash();
        } else {
            bench.restart();
        }
        assert_eq!(reported(send(&bench, vec![same.clone()])), [Reported::Stored(first[0].seq)]);
        for record in &first {
            let reader = bench.engine().shared_reader();
            let stored = stored_report(reader.as_ref(), record.seq).unwrap();
            assert_eq!(stored.as_ref(), Some(record));
        }
    }
    bench.verify();
}

#[test]
fn copies_have_one_effect_whatever_waits_before_them() {
    let bench = bench();
    let control = bench.control();
    control.pause();
    let blocker = bench.submit(Command::Report(vec![report("blocker", usage("calls", 1))].into()));
    bench.wait_until_held();
    let copies: Vec<Waiting> = (0..8)
        .map(|_| bench.submit(Command::Report(vec![report("k", usage("calls", 1))].into())))
        .collect();
    bench.let_queue_drain();
    control.release();
    assert!(is_fresh(&reported(outcome(blocker))[0]));
    let answers: Vec<Reported> =
        copies.into_iter().flat_map(|waiting| reported(outcome(waiting))).collect();
    assert_eq!(answers.iter().filter(|answer| is_fresh(answer)).count(), 1);
    assert!(answers.iter().all(|answer| recorded(answer) == recorded(&answers[0])));
    assert_eq!(bench.balance(ACME), Amount::whole(79_980));
    bench.verify();
}

#[test]
fn a_key_means_one_report_of_one_feature() {
    let bench = bench();
    reported(send(&bench, vec![report("k", usage("calls", 1))]));
    let other = send(&bench, vec![report("k", usage("calls", 2))]);
    assert_eq!(other, Err(Refusal::KeyReused));
    reported(send(&bench, vec![report("k", usage("free", 2)), event("k", "call", 5)]));
    let set = UsageRequest { is_set: true, ..usage("calls", 1) };
    assert_eq!(send(&bench, vec![report("k", set)]), Err(Refusal::KeyReused));
    assert_eq!(bench.balance(ACME), Amount::whole(79_975));
    bench.verify();
}

#[test]
fn an_event_is_counted_by_each_meter_and_one_that_no_meter_takes_is_remembered() {
    let mut bench = bench();
    let results = reported(send(&bench, vec![event("one", "call", 7), event("two", "login", 7)]));
    let counted = |result: &Reported| {
        let usages = recorded(result).usages().into_iter();
        usages.map(|usage| (usage.usage.value, usage.paid.len())).collect::<Vec<_>>()
    };
    assert_eq!(counted(&results[0]), [(Amount::whole(1), 1), (Amount::whole(7), 1)]);
    assert_eq!(counted(&results[1]), []);
    assert_eq!(bench.balance(ACME), Amount::whole(79_983));
    bench.restart();
    let again = reported(send(&bench, vec![event("one", "call", 7), event("two", "login", 7)]));
    let [Reported::Stored(one), Reported::Stored(two)] = again[..] else {
        panic!("both were there: {again:?}");
    };
    let reader = bench.engine().shared_reader();
    assert!(stored_report(reader.as_ref(), one).unwrap().is_some());
    assert!(stored_report(reader.as_ref(), two).unwrap().is_none());
    let reused = send(&bench, vec![event("two", "login", 8)]);
    assert_eq!(reused, Err(Refusal::KeyReused));
    assert_eq!(bench.balance(ACME), Amount::whole(79_983));
    bench.verify();
}

#[test]
fn one_bad_item_of_a_hundred_and_nothing_is_applied() {
    let bench = bench();
    let before: Vec<PoolRow> = bench.pool_rows();
    let mut items: Vec<ReportItem> =
        (0..99).map(|place| report(&format!("k-{place}"), usage("calls", 1))).collect();
    items.insert(42, report("bad", usage("unheard-of", 1)));
    let unknown = CustomerRejection::FeatureNotFound(feature("unheard-of"));
    let refused = vec![(42, Refusal::Customer(unknown))];
    assert_eq!(send(&bench, items.clone()), Err(Refusal::Items(refused)));
    assert_eq!(bench.pool_rows(), before);
    items.remove(42);
    let results = reported(send(&bench, items));
    assert_eq!(results.iter().map(consumed).sum::<Amount>(), Amount::whole(990));
    bench.verify();
}

#[test]
fn the_items_of_a_request_see_what_the_ones_before_them_did() {
    let bench = bench();
    let take = report("most", usage("scarce", 79_999));
    let (one, two) = (report("one", usage("scarce", 1)), report("two", usage("scarce", 1)));
    let refused = send(&bench, vec![take.clone(), one.clone(), two]);
    let short = CustomerRejection::InsufficientCredits {
        requested: Amount::whole(1),
        available: Amount::ZERO,
    };
    assert_eq!(refused, Err(Refusal::Items(vec![(2, Refusal::Customer(short))])));
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    // The same item twice is one.
    let results = reported(send(&bench, vec![take, one.clone(), one]));
    assert_eq!(results.iter().filter(|result| is_fresh(result)).count(), 2);
    assert_eq!(bench.balance(ACME), Amount::ZERO);
    bench.verify();
}

#[test]
fn of_a_hundred_strict_reports_for_one_credit_exactly_one_wins() {
    let bench = bench();
    bench.consume(ACME, "most", 79_999).unwrap();
    let waiting: Vec<Waiting> = (0..100)
        .map(|place| {
            let item = report(&format!("k-{place}"), usage("scarce", 1));
            bench.submit(Command::Report(vec![item].into()))
        })
        .collect();
    let won = waiting.into_iter().map(outcome).filter(Result::is_ok).count();
    assert_eq!(won, 1);
    assert_eq!(bench.balance(ACME), Amount::ZERO);
    bench.verify();
}

#[test]
fn a_report_without_a_key_is_a_retry_only_where_it_says_so() {
    let mut bench = bench();
    let content = |is_retry| {
        let key = Key::new(PRODUCTION, Operation::Retry, &["body", "0"], b"");
        ReportItem {
            remember: Remember::Content { key, is_retry },
            ..report("", usage("calls", 1))
        }
    };
    reported(send(&bench, vec![content(false)]));
    assert!(is_fresh(&reported(send(&bench, vec![content(false)]))[0]), "twice is twice");
    assert!(!is_fresh(&reported(send(&bench, vec![content(true)]))[0]));
    bench.restart();
    let [Reported::Stored(_)] = reported(send(&bench, vec![content(true)]))[..] else {
        panic!("it was done before the restart");
    };
    assert_eq!(bench.balance(ACME), Amount::whole(79_980));
    bench.verify();
}

#[test]
fn the_history_of_a_meter_is_its_entries_in_a_span_of_time() {
    let bench = bench();
    let day = |number: u32| instant(&format!("2026-03-{number:02}T00:00:00Z"));
    for number in 2..30 {
        bench.clock.advance_to(day(number));
        let items = (0..3).map(|place| report(&format!("{number}-{place}"), usage("calls", 1)));
        reported(send(&bench, items.collect()));
    }
    let account = bench.engine().find_customer(PRODUCTION, &customer_id(ACME)).unwrap();
    let reader = bench.engine().shared_reader();
    let history = |from: u32, to: u32| {
        let chain = &account.meter_chains[0];
        let history = meter_history(reader.as_ref(), chain, day(from), day(to)).unwrap();
        let value = |entry: &stipend_core::customer::UsageEntry| entry.value.nano() / 1_000_000_000;
        (
            history.before.as_ref().map(value),
            history.entries.iter().map(value).collect::<Vec<_>>(),
            history.after.as_ref().map(value),
        )
    };
    assert_eq!(history(1, 2), (None, vec![], Some(1)));
    assert_eq!(history(1, 3), (None, vec![1, 2, 3], Some(4)));
    assert_eq!(history(4, 6), (Some(6), vec![7, 8, 9, 10, 11, 12], Some(13)));
    assert_eq!(history(29, 31), (Some(81), vec![82, 83, 84], None));
    assert_eq!(history(30, 31), (Some(84), vec![], None));
    bench.verify();
}

#[test]
fn less_usage_gives_credits_back_and_survives_a_crash() {
    let mut bench = bench();
    reported(send(&bench, vec![report("up", usage("calls", 9_000))]));
    assert_eq!(bench.balance(ACME), Amount::whole(-10_000));
    let down = report("down", usage("calls", -1_500));
    let results = reported(send(&bench, vec![down]));
    assert_eq!(consumed(&results[0]), Amount::whole(-15_000));
    assert_eq!(bench.balance(ACME), Amount::whole(5_000));
    bench.crash();
    assert_eq!(bench.balance(ACME), Amount::whole(5_000));
    reported(send(
        &bench,
        vec![report("zero", UsageRequest { is_set: true, ..usage("calls", 0) })],
    ));
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    let causes: BTreeMap<u16, usize> =
        bench.rows().iter().fold(BTreeMap::new(), |mut kinds, row| {
            *kinds.entry(row.kind).or_default() += 1;
            kinds
        });
    assert_eq!(causes[&KIND_USAGE], 3);
    bench.verify();
}

#[test]
fn an_archived_customer_reports_nothing() {
    let bench = bench();
    bench.done(Command::Customer(customer_id(ACME), CustomerCommand::Archive));
    let refused = send(&bench, vec![event("k", "call", 1)]);
    assert_eq!(refused, Err(Refusal::Customer(CustomerRejection::CustomerArchived)));
    let unknown = ReportItem { customer: customer_id("nobody"), ..event("k", "call", 1) };
    let refused = send(&bench, vec![unknown]);
    assert_eq!(refused, Err(Refusal::CustomerNotFound(customer_id("nobody"))));
}

#[test]
fn a_row_of_usage_names_what_was_priced_and_how() {
    let bench = bench();
    let request = UsageRequest { event_id: Some("e-1".to_owned()), ..usage("calls", 2) };
    let results = reported(send(&bench, vec![report("e-1", request)]));
    let usages = recorded(&results[0]).usages();
    let paid = &usages[0].paid[0];
    let Cause::Consumption(consumption) = &paid.cause else { panic!("{paid:?}") };
    let priced = consumption.priced.as_ref().unwrap();
    assert_eq!(consumption.event_id.as_deref(), Some("e-1"));
    assert_eq!((&priced.feature, priced.version), (&feature("calls"), 2));
    assert_eq!(priced.package, PackageKey::plan(examples::plan()));
    assert_eq!((priced.units, priced.rate), (Some(Amount::whole(2)), Amount::whole(10)));
}

/// Reverses what a report took, and says how much came back.
fn reverse(bench: &Bench, seq: u64) -> Amount {
    let before = bench.balance(ACME);
    let reversing = match bench.engine().prepare_reversal(PRODUCTION, seq, None, None) {
        Ok(Reversible::Ready(reversing)) => reversing,
        other => panic!("not ready: {other:?}"),
    };
    assert!(matches!(bench.run(Command::Reverse(reversing)), Ok(Reply::Stored(_))));
    bench.balance(ACME) - before
}

#[test]
fn a_meter_forgets_what_is_reversed_also_over_a_restart() {
    let mut bench = bench();
    let change = |bench: &Bench, key: &str, by: i64| {
        let before = bench.balance(ACME);
        reported(send(bench, vec![report(key, usage("calls", by))]));
        bench.balance(ACME) - before
    };
    let last_paid = |bench: &Bench| {
        let rows = bench.rows();
        rows.iter().rev().find(|row| row.kind == KIND_CONSUMPTION).expect("it was paid for").seq
    };
    assert_eq!(change(&bench, "one", 3), Amount::whole(-30));
    let first = last_paid(&bench);
    assert_eq!(change(&bench, "two", 2), Amount::whole(-20));
    let second = last_paid(&bench);
    assert_eq!(change(&bench, "less", -1), Amount::whole(10));
    assert_eq!(reverse(&bench, first), Amount::whole(30));
    bench.restart();
    bench.verify();
    assert_eq!(change(&bench, "more", 1), Amount::whole(-10));
    assert_eq!(reverse(&bench, second), Amount::whole(20));
    assert_eq!(change(&bench, "least", -5), Amount::ZERO);
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    bench.verify();
    bench.restart();
    bench.verify();
}
