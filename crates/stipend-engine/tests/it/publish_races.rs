//! Goal: show that publishing to all customers reaches everyone once, whatever it races (E7).
//! Method: seeded random steps in which publishing of the plan and of its add-on, provisioning,
//! cancelling, refused appends and crashes overlap, with commits held and let go; the journal is
//! audited after each crash. In the end the pools must hold what one version gives, never the sum
//! of two differences. `STEPS` steps for each of `SEEDS` seeds; a failure prints its seed.

use crate::support::{
    Bench, Random, Waiting, cancel, consume, customer_id, item, new_customer, outcome, provision,
};
use std::sync::Arc;
use stipend_core::catalog::{
    CatalogCommand, CatalogRejection, EntitlementPatch, EntitlementTerms, Migration, PackageKey,
    Target,
};
use stipend_core::customer::{CustomerRejection, Grant, GrantKind, Subscription};
use stipend_core::{Amount, SubscriptionId, examples};
use stipend_engine::limits::SLICE_ROWS_MAX;
use stipend_engine::{Account, Command, ConsumeItem, PRODUCTION, Refusal};
use stipend_store::memory::{Fault, FaultKind};

const SEEDS: u64 = 10;
const STEPS: usize = 40;

/// More than a task looks at in one slice.
const CUSTOMERS: usize = 300;

/// Rows that a task may write in the batch that it is cut in: less than it has customers.
const CUT_ROWS: usize = 100;

/// A customer, and its subscription, that no step cancels.
const STEADY: &str = "steady";

struct Race {
    bench: Bench,
    random: Random,
    /// Customers that were asked for; some came to be.
    asked: usize,
    /// Amounts that were published, and whether that is known yet.
    publishing: Vec<(PackageKey, Amount, Waiting)>,
    published: Vec<(PackageKey, Amount)>,
    crashes: usize,
    /// Crashes that were made to find a task half done.
    cut_tasks: usize,
    /// Units of usage of the steady customer.
    used: usize,
}

fn plan() -> PackageKey {
    PackageKey::plan(examples::plan())
}

fn addon() -> PackageKey {
    PackageKey::addon(examples::extra())
}

fn name(customer: usize) -> String {
    format!("c{customer}")
}

fn open_draft(package: &PackageKey) -> Command {
    Command::Catalog(CatalogCommand::OpenDraft(package.clone()))
}

fn change_amount(package: &PackageKey, amount: Amount) -> Command {
    let patch = EntitlementPatch { amount: Some(amount), ..EntitlementPatch::default() };
    let target = Target::Credit(examples::credits());
    Command::Catalog(CatalogCommand::UpdateEntitlement(package.clone(), target, patch))
}

fn publish(package: &PackageKey, migration: Migration) -> Command {
    Command::Catalog(CatalogCommand::Publish(package.clone(), migration))
}

impl Race {
    fn new(seed: u64) -> Self {
        let bench = Bench::with_catalog();
        bench.populate(PRODUCTION, CUSTOMERS);
        bench.create_customer(STEADY);
        bench.subscribe(STEADY, STEADY, 1);
        Self {
            bench,
            random: Random::new(seed),
            asked: CUSTOMERS,
            publishing: Vec::new(),
            published: Vec::new(),
            crashes: 0,
            cut_tasks: 0,
            used: 0,
        }
    }

    fn publish(&mut self) {
        let package = if self.random.below(3) == 0 { addon() } else { plan() };
        let amount = self.some_amount();
        let everyone = self.random.below(4) > 0;
        let migration = if everyone { Migration::AllCustomers } else { Migration::NewCustomers };
        drop(self.bench.submit(open_draft(&package)));
        drop(self.bench.submit(change_amount(&package, amount)));
        let waiting = self.bench.submit(publish(&package, migration));
        self.publishing.push((package, amount, waiting));
    }

    /// Amounts that are never the sum of others by accident.
    fn some_amount(&mut self) -> Amount {
        let credits = 20_000 + self.random.below(60_000);
        Amount::whole(i64::try_from(credits).expect("small"))
    }

    fn provision(&mut self) {
        let id = name(self.asked);
        let units = u32::try_from(self.random.below(3)).expect("small");
        let subscription = format!("s{}", self.asked);
        self.asked += 1;
        drop(self.bench.submit(Command::CreateCustomer(new_customer(&id))));
        drop(self.bench.submit(provision(&id, &subscription, units)));
    }

    fn cancel(&mut self) {
        let id = format!("s{}", self.random.below(self.asked));
        let id = SubscriptionId::parse(&id).expect("the test writes ids well");
        drop(self.bench.submit(cancel(id)));
    }

    fn step(&mut self) {
        let control = self.bench.control();
        match self.random.below(100) {
            0..25 => self.publish(),
            25..45 => self.provision(),
            45..50 => self.cancel(),
            50..60 => control.pause(),
            60..70 => control.release(),
            70..82 => control.release_one(),
            82..88 => control.fail(Fault::next_append(FaultKind::Unavailable)),
            88..92 => self.cut(),
            _ => self.crash(),
        }
        self.collect();
    }

    /// Crashes when a task is half done durably: the batch that it begins in is so full of usage
    /// that it has room for a few customers only, and the next one is never committed.
    fn cut(&mut self) {
        let control = self.bench.control();
        control.heal();
        control.release();
        drop(self.bench.run(open_draft(&plan())));
        let amount = self.some_amount();
        self.bench.done(change_amount(&plan(), amount));
        self.bench.wait_for("earlier tasks end", |bench| !has_unfinished_task(bench));
        control.pause();
        let (first, filling) = (self.usage(1), self.usage(SLICE_ROWS_MAX - CUT_ROWS));
        let held = self.bench.submit(Command::Consume(first));
        self.bench.wait_until_held();
        let filling = self.bench.submit(Command::Consume(filling));
        let published = self.bench.submit(publish(&plan(), Migration::AllCustomers));
        self.bench.let_queue_be_decided();
        control.release_one();
        outcome(held).expect("there is enough for the usage");
        control.release_one();
        outcome(filling).expect("there is enough for the usage");
        outcome(published).expect("there is a draft");
        assert!(has_unfinished_task(&self.bench), "the task is cut in the middle");
        self.cut_tasks += 1;
        self.crash();
    }

    /// New usage of a customer whose subscription is never cancelled.
    fn usage(&mut self, count: usize) -> Vec<ConsumeItem> {
        let first = self.used;
        self.used += count;
        (first..self.used).map(|n| item(STEADY, &format!("u{n}"), 1)).collect()
    }

    /// Takes note of what was acknowledged.
    fn collect(&mut self) {
        let (bench, publishing) = (&self.bench, std::mem::take(&mut self.publishing));
        for (package, amount, mut waiting) in publishing {
            match waiting.try_recv() {
                Ok(Ok(_)) => {
                    let amounts = amounts_from(bench, &package, 1);
                    if amounts.contains(&amount) {
                        self.published.push((package, amount));
                    } else {
                        // The change before it was refused with its append, so there was another
                        // draft, or the one before, to publish.
                        assert!(!amounts.is_empty());
                    }
                }
                Err(tokio::sync::oneshot::error::TryRecvError::Empty) => {
                    self.publishing.push((package, amount, waiting));
                }
                Ok(Err(_)) | Err(tokio::sync::oneshot::error::TryRecvError::Closed) => {}
            }
        }
    }

    fn crash(&mut self) {
        self.collect();
        self.bench.crash();
        self.publishing.clear();
        self.crashes += 1;
        for (package, amount) in &self.published {
            let found = amounts_from(&self.bench, package, 1).contains(amount);
            assert!(found, "an acknowledged version of {package:?} was lost");
        }
    }

    /// Publishes both packages once more to everyone, and waits until that is done.
    fn finish(&mut self) {
        self.crash();
        for package in [plan(), addon()] {
            let amount = self.some_amount();
            // There is one where a change was refused with its append.
            drop(self.bench.run(open_draft(&package)));
            self.bench.done(change_amount(&package, amount));
            self.bench.done(publish(&package, Migration::AllCustomers));
        }
        self.bench.wait_for("every task ends", |bench| !has_unfinished_task(bench));
        self.bench.verify();
        let existing: Vec<_> = (0..self.asked).filter_map(|n| self.account(n)).collect();
        assert!(existing.len() >= CUSTOMERS);
        for account in existing {
            self.check(&account);
        }
    }

    fn account(&self, customer: usize) -> Option<Arc<Account>> {
        self.bench.engine().find_customer(PRODUCTION, &customer_id(&name(customer)))
    }

    fn check(&self, account: &Account) {
        let id = &account.customer.profile.id;
        for subscription in &account.customer.subscriptions {
            if !subscription.terms.is_active() {
                continue;
            }
            let (plan, pins) = (plan(), &subscription.terms);
            assert_eq!(pins.plan.version, self.latest(&plan), "{id} is on an old version");
            let first = self.check_part(account, subscription, &plan, 1);
            assert!(first > 0, "{id} was given nothing");
            for pin in &pins.addons {
                assert_eq!(pin.version, self.latest(&addon()), "{id} has an old add-on");
                self.check_part(account, subscription, &addon(), pin.quantity);
            }
        }
    }

    /// What a package gave a subscription is what one of its versions gives, no less than the
    /// first it had and the last; answers the first.
    fn check_part(
        &self,
        account: &Account,
        subscription: &Subscription,
        package: &PackageKey,
        quantity: u32,
    ) -> u32 {
        let id = &account.customer.profile.id;
        let pool = account.customer.find_pool(&examples::credits(), None);
        let live = &pool.expect("it was given credits").live;
        let number = subscription.terms.number;
        let of_it = |grant: &&Grant| {
            grant
                .source
                .as_ref()
                .is_some_and(|source| source.package == *package && source.subscription == number)
        };
        let grants: Vec<&Grant> = live.iter().filter(of_it).collect();
        assert!(grants.iter().all(|grant| grant.kind == GrantKind::Recurring));
        let versions = grants.iter().filter_map(|grant| Some(grant.source.as_ref()?.version));
        let first = versions.min().unwrap_or_else(|| panic!("{id} has nothing of {package:?}"));
        let total = grants.iter().fold(Amount::ZERO, |sum, grant| sum + grant.amount);
        let gives: Vec<Amount> = amounts_from(&self.bench, package, first)
            .into_iter()
            .map(|amount| (0..quantity).fold(Amount::ZERO, |sum, _| sum + amount))
            .collect();
        assert!(gives.contains(&total), "{id} has {total} of {package:?}, which no version gives");
        let least = gives.first().max(gives.last()).copied();
        assert!(Some(total) >= least, "{id} has {total} of {package:?}, but {least:?} was due");
        first
    }

    fn latest(&self, package: &PackageKey) -> u32 {
        let catalog = self.bench.engine().catalog(PRODUCTION);
        catalog.packages[package].latest().expect("it was published").version
    }

    /// Archiving races provisioning and a grant: what was acknowledged before it is whole, and
    /// nothing comes after it, not even after a crash.
    fn archive(&mut self) {
        for n in 0..4 {
            self.bench.create_customer(&format!("late-{n}"));
        }
        self.bench.settle();
        self.bench.control().pause();
        let held = self.bench.submit(consume(&name(0), "held", 1));
        self.bench.wait_until_held();
        let before = self.bench.submit(provision("late-0", "late-0", 1));
        let archived = self.bench.submit(Command::Catalog(CatalogCommand::ArchivePackage(plan())));
        let after = self.bench.submit(provision("late-1", "late-1", 1));
        let republished = self.bench.submit(publish(&plan(), Migration::AllCustomers));
        self.bench.let_queue_drain();
        self.bench.control().release();
        outcome(held).expect("it is not concerned");
        outcome(before).expect("it came first");
        outcome(archived).expect("it can be archived");
        let refused = Err(Refusal::Customer(CustomerRejection::PackageArchived(plan())));
        assert_eq!(outcome(after), refused);
        let republished = outcome(republished);
        assert!(
            matches!(republished, Err(Refusal::Catalog(CatalogRejection::PackageArchived(_)))),
            "{republished:?}"
        );
        self.bench.crash();
        assert_eq!(self.bench.run(provision("late-2", "late-2", 1)), refused);
        self.bench.verify();
    }
}

fn has_unfinished_task(bench: &Bench) -> bool {
    let mut tasks = (1..).map_while(|id| bench.engine().task(PRODUCTION, id));
    tasks.any(|task| task.finished_at.is_none())
}

/// What the versions of a package give, from one on.
fn amounts_from(bench: &Bench, package: &PackageKey, from: u32) -> Vec<Amount> {
    let catalog = bench.engine().catalog(PRODUCTION);
    let versions = catalog.packages[package].published.iter();
    let later = versions.filter(|version| version.version >= from);
    let amounts = later.filter_map(|version| match &version.entitlements.first()?.terms {
        EntitlementTerms::Credit(terms) => terms.amount,
        EntitlementTerms::Feature(_) => None,
    });
    amounts.collect()
}

#[test]
fn publishing_reaches_everyone_once_whatever_it_races() {
    let (mut crashes, mut cut_tasks) = (0, 0);
    for seed in 0..SEEDS {
        let run = std::panic::AssertUnwindSafe(|| {
            let mut race = Race::new(seed);
            for _ in 0..STEPS {
                race.step();
            }
            race.finish();
            race.archive();
            (race.crashes, race.cut_tasks)
        });
        match std::panic::catch_unwind(run) {
            Ok((crashed, cut)) => {
                crashes += crashed;
                cut_tasks += cut;
            }
            Err(cause) => {
                eprintln!("the seed is {seed}");
                std::panic::resume_unwind(cause);
            }
        }
    }
    assert!(crashes > 30, "the races crash often enough: {crashes}");
    assert!(cut_tasks > 8, "tasks are cut often enough: {cut_tasks}");
}
