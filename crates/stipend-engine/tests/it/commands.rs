//! Goal: show that names are unique where they must be, that commands find what they are for,
//! and that nothing of it is left for the store to discover (architecture rule 4).

use crate::support::{
    ACME, Bench, catalog_commands, consume, customer_id, grant, is_fresh, new_customer, new_grant,
    outcome, provision,
};
use stipend_core::catalog::{CatalogCommand, CatalogRejection, Migration, PackageKey};
use stipend_core::customer::{
    CustomerCommand, CustomerPatch, CustomerRejection, SubscriptionPatch,
};
use stipend_core::{Amount, GrantNo, Slot, SubscriptionId, examples};
use stipend_engine::{ApiKey, Command, PRODUCTION, Refusal, Render, Reply, Response, Rights};

fn subscription_id(text: &str) -> SubscriptionId {
    SubscriptionId::parse(text).expect("the test writes ids well")
}

fn taken(id: &str) -> Refusal {
    Refusal::AlreadyExists(id.to_owned())
}

#[test]
fn a_customer_id_is_taken_once_also_while_its_commit_is_held() {
    let mut bench = Bench::seeded();
    let control = bench.control();
    control.pause();
    let first = bench.submit(Command::CreateCustomer(new_customer("globex")));
    bench.wait_until_held();
    let second = bench.submit(Command::CreateCustomer(new_customer("globex")));
    let third = bench.submit(Command::CreateCustomer(new_customer("initech")));
    let fourth = bench.submit(Command::CreateCustomer(new_customer("initech")));
    bench.let_queue_drain();
    control.release();
    let (first, second) = (outcome(first), outcome(second));
    assert_eq!((first, second), (Ok(Reply::Done), Err(taken("globex"))));
    assert_eq!((outcome(third), outcome(fourth)), (Ok(Reply::Done), Err(taken("initech"))));
    bench.restart();
    let answer = bench.run(Command::CreateCustomer(new_customer("globex")));
    assert_eq!(answer, Err(taken("globex")));
    assert_eq!(bench.engine().customers_count(), 3);
    bench.verify();
}

#[test]
fn a_subscription_id_is_unique_over_all_customers() {
    let mut bench = Bench::seeded();
    bench.create_customer("globex");
    bench.create_customer("initech");
    assert_eq!(bench.run(provision("globex", "sub-1", 1)), Err(taken("sub-1")));
    let control = bench.control();
    control.pause();
    let first = bench.submit(provision("globex", "sub-2", 1));
    bench.wait_until_held();
    let second = bench.submit(provision("initech", "sub-2", 1));
    bench.let_queue_drain();
    control.release();
    assert_eq!((outcome(first), outcome(second)), (Ok(Reply::Done), Err(taken("sub-2"))));
    assert_eq!(bench.balance("initech"), Amount::ZERO);

    bench.done(crate::support::cancel(subscription_id("sub-2")));
    bench.restart();
    let again = bench.run(provision("initech", "sub-2", 1));
    assert_eq!(again, Err(taken("sub-2")), "the id of an ended one stays taken");
    assert_eq!(bench.run(provision("globex", "sub-2", 1)), Err(taken("sub-2")));
    bench.done(provision("globex", "sub-3", 1));
    assert_eq!(bench.balance("globex"), Amount::whole(60_000));
    bench.verify();
}

#[test]
fn subscriptions_are_found_by_their_id() {
    let bench = Bench::seeded();
    let patch = |units| {
        let addons = Some(vec![(examples::extra(), units)]);
        Box::new(SubscriptionPatch { addons, ..SubscriptionPatch::default() })
    };
    bench.done(crate::support::update(subscription_id("sub-1"), patch(5)));
    assert_eq!(bench.balance(ACME), Amount::whole(100_000));
    let unknown = subscription_id("sub-9");
    let missing = Err(Refusal::SubscriptionNotFound(unknown.clone()));
    assert_eq!(bench.run(crate::support::update(unknown.clone(), patch(1))), missing);
    assert_eq!(bench.run(crate::support::cancel(unknown)), missing);
    let now = bench.engine().now(PRODUCTION);
    let id = subscription_id("sub-1");
    let (account, number) =
        bench.engine().find_subscription(PRODUCTION, &id, now).unwrap().unwrap();
    assert_eq!((account.customer.profile.id.as_str(), number.0), (ACME, 0));
    bench.done(crate::support::cancel(id.clone()));
    let over = bench.run(crate::support::update(id, patch(1)));
    assert_eq!(over, Err(Refusal::Customer(CustomerRejection::SubscriptionEnded)));
    assert_eq!(bench.balance(ACME), Amount::ZERO);
    bench.verify();
}

/// Grants credits and answers with the public id of the grant.
fn grant_id(bench: &Bench, credits: i64) -> String {
    let cipher = bench.engine().cipher().clone();
    let render: Render = Box::new(move |outcome| {
        let slot = outcome.account.expect("it concerns a customer").customer.slot;
        let (_, no) = outcome.grant.expect("it is about a grant");
        Response { status: 200, body: cipher.grant_id(slot, no).into_bytes().into() }
    });
    let command = grant(ACME, new_grant(&examples::credits(), credits));
    match outcome(bench.submit_with(command, None, Some(render))) {
        Ok(Reply::Response(Response { body, .. })) => {
            String::from_utf8(body.to_vec()).expect("ids are text")
        }
        other => panic!("not rendered: {other:?}"),
    }
}

#[test]
fn a_grant_is_voided_by_slot_and_number_once() {
    let mut bench = Bench::seeded();
    let id = grant_id(&bench, 500);
    bench.restart();
    let (slot, no) = bench.engine().cipher().find_grant(&id).expect("the secret stays the same");
    assert_eq!(bench.balance(ACME), Amount::whole(80_500));
    bench.done(Command::VoidGrant(slot, no));
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    for (slot, no) in [(slot, no), (slot, GrantNo(99)), (Slot(9_999), no), (Slot(0), no)] {
        assert_eq!(bench.run(Command::VoidGrant(slot, no)), Err(Refusal::GrantNotFound));
    }
    bench.consume(ACME, "much", 80_001).expect("it overdraws");
    let account = bench.engine().find_customer(PRODUCTION, &customer_id(ACME)).unwrap();
    let overdraft = account.customer.pools[0].overdraft.expect("it was overdrawn").no;
    let refused = bench.run(Command::VoidGrant(slot, overdraft));
    assert_eq!(refused, Err(Refusal::Customer(CustomerRejection::OverdraftNotVoidable)));
    bench.verify();
}

#[test]
fn the_catalog_refuses_what_is_there_and_keeps_what_is_published() {
    let mut bench = Bench::seeded();
    for command in catalog_commands() {
        let refused = bench.run(Command::Catalog(command.clone()));
        assert!(matches!(refused, Err(Refusal::Catalog(_))), "{command:?}: {refused:?}");
    }
    let key = PackageKey::plan(examples::plan());
    bench.done(Command::Catalog(CatalogCommand::OpenDraft(key.clone())));
    bench.done(Command::Catalog(CatalogCommand::Publish(key.clone(), Migration::NewCustomers)));
    bench.restart();
    let refused =
        bench.run(Command::Catalog(CatalogCommand::OpenDraft(PackageKey::plan(examples::tier()))));
    let missing = CatalogRejection::PackageNotFound(PackageKey::plan(examples::tier()));
    assert_eq!(refused, Err(Refusal::Catalog(missing)));
    let catalog = bench.engine().catalog(PRODUCTION);
    let versions = catalog.packages[&key].published.len();
    assert_eq!((versions, catalog.packages[&key].subscribed_version), (2, Some(1)));
    bench.verify();
}

#[test]
fn an_unknown_or_archived_customer_takes_nothing() {
    let bench = Bench::seeded();
    let customer = |command| Command::Customer(customer_id(ACME), command);
    let missing = Err(Refusal::CustomerNotFound(customer_id("nobody")));
    assert_eq!(bench.run(provision("nobody", "s", 1)), missing);
    bench.done(customer(CustomerCommand::Archive));
    let archived = Err(Refusal::Customer(CustomerRejection::CustomerArchived));
    assert_eq!(bench.consume(ACME, "k", 1), archived);
    assert_eq!(bench.run(grant(ACME, new_grant(&examples::credits(), 1))), archived);
    assert_eq!(bench.run(Command::CreateCustomer(new_customer(ACME))), Err(taken(ACME)));
    bench.done(customer(CustomerCommand::Unarchive));
    assert!(is_fresh(&bench.consume(ACME, "k", 1)));
    bench.verify();
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let bench = Bench::seeded();
    let position = bench.engine().last_position();
    let update = CustomerCommand::Update(CustomerPatch::default());
    for command in [
        provision(ACME, "sub-1", 3),
        provision(ACME, "another-id", 3),
        Command::Customer(customer_id(ACME), update),
        Command::Customer(customer_id(ACME), CustomerCommand::Unarchive),
        Command::CatchUp(Slot(64)),
        Command::CatchUp(Slot(12_345)),
    ] {
        assert_eq!(bench.done(command), Reply::Done);
    }
    assert_eq!(bench.engine().last_position(), position);
}

#[test]
fn a_second_key_opens_the_same_environment() {
    let mut bench = Bench::seeded();
    let open = |text: &str| Command::OpenProduction(ApiKey::new(text));
    let position = bench.engine().last_position();
    bench.done(open("key"));
    assert_eq!(bench.engine().last_position(), position, "it is there");
    bench.done(open("other"));
    bench.restart();
    for key in ["key", "other"] {
        let rights = Rights { manages_environments: true };
        let known = bench.engine().authenticate(key).expect("nobody has revoked it");
        assert_eq!((known.env, known.rights), (PRODUCTION, rights));
    }
    assert_eq!(bench.balance(ACME), Amount::whole(80_000));
    bench.verify();
}

#[test]
fn commands_of_one_batch_see_each_other() {
    let bench = Bench::with_catalog();
    let control = bench.control();
    control.pause();
    let blocker = bench.submit(Command::CreateCustomer(new_customer("blocker")));
    bench.wait_until_held();
    let waiting = [
        bench.submit(Command::CreateCustomer(new_customer(ACME))),
        bench.submit(provision(ACME, "sub-1", 3)),
        bench.submit(consume(ACME, "k1", 80_000)),
        bench.submit(crate::support::consume_strictly(ACME, "k2", 1)),
        bench.submit(grant(ACME, new_grant(&examples::credits(), 5))),
        bench.submit(crate::support::consume_strictly(ACME, "k2", 1)),
        bench.submit(crate::support::cancel(subscription_id("sub-1"))),
    ];
    bench.let_queue_drain();
    let appends = control.appends();
    control.release();
    let answers: Vec<_> = waiting.into_iter().map(|waiting| outcome(waiting).is_ok()).collect();
    assert_eq!(answers, [true, true, true, false, true, true, true]);
    assert!(outcome(blocker).is_ok());
    assert_eq!(control.appends(), appends + 1, "they were one commit");
    assert_eq!(bench.balance(ACME), Amount::whole(4));
    bench.verify();
}
