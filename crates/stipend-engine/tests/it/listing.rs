//! Goal: show that the listings of customers and subscriptions are what a naive scan gives.
//! Method: random commands, a list kept beside them, pages of every size in both directions.

use crate::support::{Bench, Random, customer_id, provision};
use stipend_core::SubscriptionId;
use stipend_core::customer::CustomerCommand;
use stipend_engine::{Command, PRODUCTION};
use stipend_store::{CustomerFilter, Page, Reader, SubscriptionFilter};

/// All rows of a listing by pages from the newest on, and again back from the last page.
fn page_through<K: Copy + PartialEq + std::fmt::Debug>(
    limit: usize,
    read: impl Fn(Page<K>) -> Vec<K>,
) -> Vec<K> {
    let mut forward: Vec<K> = Vec::new();
    let mut page = Page::First;
    loop {
        let rows = read(page);
        assert!(rows.len() <= limit);
        let Some(last) = rows.last() else { break };
        page = Page::After(*last);
        forward.extend(rows);
    }
    let mut place = forward.len();
    while place > 0 {
        let rows = read(Page::Before(forward[place - 1]));
        let start = (place - 1).saturating_sub(limit);
        assert_eq!(rows, forward[start..place - 1], "before {:?}", forward[place - 1]);
        place -= 1;
    }
    forward
}

fn slots(reader: &dyn Reader, page: Page<u32>, limit: usize) -> Vec<u32> {
    let filter = CustomerFilter { env: PRODUCTION.0, ..CustomerFilter::default() };
    reader.list_customers(&filter, page, limit).expect("memory can be read")
}

#[test]
fn customers_and_subscriptions_are_listed_newest_first_without_the_archived() {
    let mut bench = Bench::with_catalog();
    let mut random = Random::new(11);
    let mut customers: Vec<(String, bool)> = Vec::new();
    let mut subscriptions: Vec<(String, usize, bool)> = Vec::new();
    for step in 0..80 {
        let id = format!("c{step}");
        bench.create_customer(&id);
        customers.push((id, true));
        let place = random.below(customers.len());
        let (id, is_live) = customers[place].clone();
        let is_subscribed = subscriptions.iter().any(|(_, of, live)| *of == place && *live);
        if is_live && !is_subscribed {
            let subscription = format!("s{step}");
            bench.done(provision(&id, &subscription, 1));
            subscriptions.push((subscription, place, true));
        } else if random.below(2) == 0 {
            bench.done(Command::Customer(customer_id(&id), CustomerCommand::Archive));
            customers[place].1 = false;
            for subscription in subscriptions.iter_mut().filter(|other| other.1 == place) {
                subscription.2 = false;
            }
        } else if let Some(ended) = subscriptions.iter_mut().find(|other| other.2) {
            let id = SubscriptionId::parse(&ended.0).expect("the test writes ids well");
            bench.done(crate::support::cancel(id));
            ended.2 = false;
        }
    }
    check_customers(&bench, &customers);
    check_subscriptions(&bench, &subscriptions);
    bench.crash();
    check_customers(&bench, &customers);
    check_subscriptions(&bench, &subscriptions);
    bench.verify();
}

fn check_customers(bench: &Bench, customers: &[(String, bool)]) {
    let live = customers.iter().rev().filter(|(_, is_live)| *is_live);
    let expected: Vec<&str> = live.map(|(id, _)| id.as_str()).collect();
    for limit in 1..=7 {
        let found = page_through(limit, |page| slots(bench.engine().reader(), page, limit));
        let accounts = found.iter().map(|slot| bench.engine().account(stipend_core::Slot(*slot)));
        let accounts: Vec<_> = accounts.map(|account| account.expect("it is published")).collect();
        let ids: Vec<&str> =
            accounts.iter().map(|account| account.customer.profile.id.as_str()).collect();
        assert_eq!(ids, expected, "pages of {limit}");
    }
}

fn check_subscriptions(bench: &Bench, subscriptions: &[(String, usize, bool)]) {
    for status in ["ACTIVE", "CANCELED"] {
        let filter = SubscriptionFilter {
            env: PRODUCTION.0,
            status: vec![status.to_owned()],
            ..SubscriptionFilter::default()
        };
        let wanted = subscriptions.iter().rev().filter(|other| other.2 == (status == "ACTIVE"));
        let expected: Vec<String> = wanted.map(|(id, _, _)| id.clone()).collect();
        for limit in 1..=7 {
            let read = |page| {
                let refs = bench.engine().reader().list_subscriptions(&filter, page, limit);
                refs.expect("memory can be read").into_iter().map(|found| found.sid).collect()
            };
            let sids = page_through(limit, read);
            assert_eq!(ids_of(bench, &filter, &sids), expected, "{status} by pages of {limit}");
        }
    }
}

/// The ids of listed subscriptions, as the customers in memory have them.
fn ids_of(bench: &Bench, filter: &SubscriptionFilter, sids: &[u64]) -> Vec<String> {
    let refs = bench.engine().reader().list_subscriptions(filter, Page::First, usize::MAX);
    let refs = refs.expect("memory can be read");
    assert_eq!(refs.iter().map(|found| found.sid).collect::<Vec<_>>(), sids);
    let id_of = |found: &stipend_store::SubscriptionRef| {
        let slot = stipend_core::Slot(found.slot);
        let account = bench.engine().account(slot).expect("it is published");
        let subscription = &account.customer.subscriptions[found.number as usize];
        subscription.terms.id.to_string()
    };
    refs.iter().map(id_of).collect()
}
