//! Goal: show that a task looks at every customer that was there when it was made, between
//! commands, and ends after a crash as well.

use crate::support::{Bench, consume, customer_id, is_fresh, new_customer, outcome};
use stipend_core::catalog::{CatalogCommand, Migration, PackagePatch};
use stipend_core::customer::Entry;
use stipend_core::{Amount, Cadence, EnvId, PackageId, PackageKey, examples};
use stipend_engine::realm::RealmChange;
use stipend_engine::record::Record;
use stipend_engine::{Command, PRODUCTION, Refusal, Task, TaskKind};
use stipend_store::Row;
use stipend_store::memory::{Fault, FaultKind};

const CUSTOMERS: usize = 600;

fn migrate() -> Command {
    Command::BeginTask(TaskKind::Migrate {
        package: PackageKey::plan(examples::plan()),
        version: 1,
    })
}

fn populated() -> (Bench, EnvId) {
    let bench = Bench::with_catalog();
    bench.populate(PRODUCTION, CUSTOMERS);
    let other = bench.sandbox();
    bench.populate(other, 3);
    (bench, other)
}

fn finished(bench: &Bench, id: u64) -> Task {
    let find = |bench: &Bench| bench.engine().task(PRODUCTION, id);
    bench.wait_for("the task ends", |bench| {
        find(bench).is_some_and(|task| task.finished_at.is_some())
    });
    find(bench).expect("it was found")
}

#[test]
fn a_task_looks_at_the_customers_that_were_there() {
    let (mut bench, other) = populated();
    bench.control().pause();
    let begun = bench.submit(migrate());
    bench.wait_until_held();
    let consumed = bench.submit(consume("c0", "k1", 1));
    let late = bench.submit(Command::CreateCustomer(new_customer("late")));
    bench.control().release();
    outcome(begun).expect("it can begin");
    assert!(is_fresh(&outcome(consumed)));
    outcome(late).expect("the id is new");
    let task = finished(&bench, 1);
    assert_eq!((task.done, task.failed), (CUSTOMERS as u64, Vec::new()));
    assert_eq!(bench.engine().task(other, 1), None, "it belongs to one environment");
    bench.done_in(other, migrate());
    bench.restart();
    bench.wait_for("the other task ends", |bench| {
        bench.engine().task(other, 2).is_some_and(|task| task.finished_at.is_some())
    });
    assert_eq!(bench.engine().task(other, 2).map(|task| task.done), Some(3));
    bench.verify();
}

#[test]
fn a_task_ends_after_a_crash_and_after_a_refused_append() {
    let (mut bench, _) = populated();
    bench.settle();
    bench.control().pause();
    let begun = bench.submit(migrate());
    bench.wait_until_held();
    bench.control().release_one();
    outcome(begun).expect("it can begin");
    bench.crash();
    assert_eq!(finished(&bench, 1).done, CUSTOMERS as u64);

    bench.control().pause();
    bench.control().fail(Fault::next_append(FaultKind::Unavailable));
    let refused = bench.submit(migrate());
    bench.wait_until_held();
    bench.control().release();
    assert_eq!(outcome(refused), Err(Refusal::Unavailable));
    bench.settle();
    assert_eq!(bench.engine().task(PRODUCTION, 2), None);
    bench.done(migrate());
    assert_eq!(finished(&bench, 2).done, CUSTOMERS as u64);
    bench.verify();
}

#[test]
fn the_end_of_a_task_is_committed_behind_all_that_it_did() {
    let (bench, _) = populated();
    let plan = PackageKey::plan(examples::plan());
    bench.done(Command::Catalog(CatalogCommand::OpenDraft(plan.clone())));
    bench.done(Command::Catalog(CatalogCommand::Publish(plan, Migration::AllCustomers)));
    finished(&bench, 1);
    let rows = bench.rows();
    let record = |row: &Row| Record::decode(row).expect("it was just written");
    let ends = |row: &Row| matches!(record(row), Record::Realm(RealmChange::TaskEnded(_)));
    let end = rows.iter().position(ends).expect("it has ended");
    let agrees = |row: &Row| matches!(record(row), Record::Customer(Entry::Subscription(_)));
    let last = rows[..end].iter().rposition(agrees).expect("it has changed subscriptions");
    let is_header = |row: &Row| matches!(record(row), Record::Header(_));
    assert!(rows[last..end].iter().any(is_header), "it stands in a batch of its own");
}

/// Versions of a plan with a parent that is new to it, and then of the parent, go to everyone.
#[test]
fn what_a_new_version_inherits_reaches_everyone_and_is_noted_as_subscribed() {
    let (bench, _) = populated();
    let parent = PackageId::parse("parent").expect("sound");
    let (parent_key, child_key) =
        (PackageKey::plan(parent.clone()), PackageKey::plan(examples::plan()));
    let catalog = |command: CatalogCommand| drop(bench.done(Command::Catalog(command)));
    let everyone = Migration::AllCustomers;
    let given = Amount::whole(5);
    let credits = examples::credit_entitlement(examples::credits(), Some(given), Cadence::Year);
    catalog(CatalogCommand::CreatePackage(examples::new_package(parent_key.clone())));
    catalog(CatalogCommand::AddEntitlements(parent_key.clone(), vec![credits]));
    catalog(CatalogCommand::Publish(parent_key.clone(), Migration::NewCustomers));
    catalog(CatalogCommand::OpenDraft(child_key.clone()));
    let patch = PackagePatch { parent: Some(Some(parent.clone())), ..PackagePatch::default() };
    catalog(CatalogCommand::UpdatePackage(child_key.clone(), Box::new(patch)));
    catalog(CatalogCommand::Publish(child_key, everyone));
    catalog(CatalogCommand::OpenDraft(parent_key.clone()));
    catalog(CatalogCommand::Publish(parent_key.clone(), everyone));
    for task in [1, 2] {
        assert_eq!(finished(&bench, task).done, CUSTOMERS as u64);
    }
    for n in 0..CUSTOMERS {
        let id = customer_id(&format!("c{n}"));
        let account = bench.engine().find_customer(PRODUCTION, &id).expect("it is there");
        let pin = &account.customer.subscriptions[0].terms.plan;
        assert_eq!((pin.version, &pin.ancestors), (2, &vec![(parent.clone(), 2)]), "{id}");
    }
    let noted = bench.engine().catalog(PRODUCTION).packages[&parent_key].subscribed_version;
    assert_eq!(noted, Some(2));
    bench.verify();
}
