//! What is refused, and that a refusal changes nothing.

use super::Harness;
use super::fixture::{Subject, catalog, customer, image, once, pool, row, rows, subscription};
use crate::contract::{
    Batch, CustomerFilter, CustomerRow, Page, StoreError, SubscriptionFilter, SubscriptionRow,
};

/// One row for each table, none of which stands there yet.
fn fill(batch: &mut Batch) {
    batch.customers = vec![customer(70)];
    batch.subscriptions = vec![subscription(70, 70)];
    batch.pools = vec![pool(70, 70, "")];
    batch.catalog = vec![catalog("seventy", "{}")];
    batch.once = vec![once(1, 1, b"seventy", 70)];
    batch.images = vec![image(70, 70, b"seventy")];
}

/// Nothing that [`fill`] puts into a batch is to be found; then it can be appended, so it is not
/// in the tables that cannot be read either.
fn expect_no_trace(subject: &mut Subject<'_>) {
    subject.expect_end();
    let reader = subject.reader();
    let customers = CustomerFilter { env: 1, ..CustomerFilter::default() };
    let customers = reader.list_customers(&customers, Page::First, 99).expect("readable");
    assert!(!customers.contains(&70));
    let subscriptions = SubscriptionFilter { env: 1, ..SubscriptionFilter::default() };
    let subscriptions = reader.list_subscriptions(&subscriptions, Page::First, 99);
    assert!(subscriptions.expect("readable").iter().all(|found| found.sid != 70));
    assert_eq!(reader.find_once(1, 1, b"seventy").expect("readable"), None);
    assert!(reader.images().expect("readable").iter().all(|image| image.segment != 70));
    subject.append_with(fill);
    assert_eq!(subject.last(), subject.last);
}

/// Two writers cannot both take a position.
pub fn an_append_at_a_taken_position_is_refused(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let late = subject.batch(rows(1));
    subject.append_rows(rows(3));
    let refused = subject.try_append(&late);
    assert!(matches!(refused, Err(StoreError::Position { expected: 0, found: 4 })), "{refused:?}");
    subject.expect_end();
}

/// Nor can a gap arise.
pub fn an_append_beyond_the_end_is_refused(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_rows(rows(1));
    subject.last = 5;
    let early = subject.batch(rows(1));
    subject.last = 2;
    let refused = subject.try_append(&early);
    assert!(matches!(refused, Err(StoreError::Position { expected: 5, found: 2 })), "{refused:?}");
    subject.expect_end();
}

/// The refusal concerns the whole batch.
pub fn a_refused_position_leaves_no_trace(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let late = subject.batch_with(fill);
    subject.append_rows(rows(3));
    assert!(subject.try_append(&late).is_err());
    expect_no_trace(&mut subject);
}

/// An id names one customer.
pub fn a_customer_id_is_unique_in_its_environment(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.customers = vec![customer(1)]);
    let twin = CustomerRow { id: "c1".to_owned(), ..customer(2) };
    subject.refuse_duplicate(|batch| batch.customers = vec![twin]);
}

/// Environments do not know each other.
pub fn a_customer_id_can_live_in_two_environments(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let twin = CustomerRow { id: "c1".to_owned(), env: 2, ..customer(2) };
    subject.append_with(|batch| batch.customers = vec![customer(1), twin]);
}

/// An id that was given up can be taken.
pub fn a_customer_can_give_its_id_up(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.customers = vec![customer(1)]);
    let renamed = CustomerRow { id: "other".to_owned(), ..customer(1) };
    let heir = CustomerRow { id: "c1".to_owned(), ..customer(2) };
    subject.append_with(|batch| batch.customers = vec![renamed, heir]);
    let twin = CustomerRow { id: "other".to_owned(), ..customer(3) };
    subject.refuse_duplicate(|batch| batch.customers = vec![twin]);
}

/// Rows are written one after the other, and each must be sound where it stands.
pub fn two_customers_cannot_swap_their_ids_in_one_batch(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.customers = vec![customer(1), customer(2)]);
    let first = CustomerRow { id: "c2".to_owned(), ..customer(1) };
    let second = CustomerRow { id: "c1".to_owned(), ..customer(2) };
    subject.refuse_duplicate(|batch| batch.customers = vec![first, second]);
}

/// An id names one subscription.
pub fn a_subscription_id_is_unique_in_its_environment(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.subscriptions = vec![subscription(1, 1)]);
    let twin = SubscriptionRow { id: "s1".to_owned(), ..subscription(2, 2) };
    subject.refuse_duplicate(|batch| batch.subscriptions = vec![twin]);
}

/// Environments do not know each other.
pub fn a_subscription_id_can_live_in_two_environments(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let twin = SubscriptionRow { id: "s1".to_owned(), env: 2, ..subscription(2, 2) };
    subject.append_with(|batch| batch.subscriptions = vec![subscription(1, 1), twin]);
}

/// A number names one pool.
pub fn a_pool_number_is_unique(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.pools = vec![pool(1, 1, "")]);
    subject.refuse_duplicate(|batch| batch.pools = vec![pool(1, 2, "")]);
}

/// A customer has one pool for each credit type and resource.
pub fn a_pool_is_unique_by_slot_currency_and_resource(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let different = vec![pool(1, 1, ""), pool(2, 1, "r"), pool(3, 2, "")];
    subject.append_with(|batch| batch.pools = different);
    subject.refuse_duplicate(|batch| batch.pools = vec![pool(4, 1, "r")]);
}

/// A business key has one effect.
pub fn a_once_key_is_unique(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.once = vec![once(1, 2, b"k", 1)]);
    subject.refuse_duplicate(|batch| batch.once = vec![once(1, 2, b"k", 2)]);
    assert_eq!(subject.reader().find_once(1, 2, b"k").expect("readable"), Some(1));
}

/// Every part of the key counts, also a NUL at its end.
pub fn once_keys_differ_by_environment_scope_and_bytes(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let keys = [(1, 1, &b"k"[..]), (2, 1, b"k"), (1, 2, b"k"), (1, 1, b"K"), (1, 1, b"k\0")];
    let row_of = |(seq, (env, scope, key))| once(env, scope, key, seq);
    subject.append_with(|batch| batch.once = (1..).zip(keys).map(row_of).collect());
    for (seq, (env, scope, key)) in (1..).zip(keys) {
        let found = subject.reader().find_once(env, scope, key).expect("readable");
        assert_eq!(found, Some(seq), "{env} {scope} {key:?}");
    }
}

/// The second of two equal names is refused also where the first is only being written.
pub fn a_duplicate_within_one_batch_is_refused(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let twin = CustomerRow { id: "c1".to_owned(), ..customer(2) };
    subject.refuse_duplicate(|batch| batch.customers = vec![customer(1), twin]);
    let twin = SubscriptionRow { id: "s1".to_owned(), ..subscription(2, 1) };
    subject.refuse_duplicate(|batch| batch.subscriptions = vec![subscription(1, 1), twin]);
    subject.refuse_duplicate(|batch| batch.pools = vec![pool(1, 1, ""), pool(2, 1, "")]);
    subject.refuse_duplicate(|batch| batch.once = vec![once(1, 1, b"k", 1), once(1, 1, b"k", 1)]);
}

/// Whichever table refuses, no other keeps anything.
pub fn a_duplicate_leaves_no_trace_in_any_table(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| {
        batch.customers = vec![customer(1)];
        batch.subscriptions = vec![subscription(1, 1)];
        batch.pools = vec![pool(1, 1, "")];
        batch.once = vec![once(1, 1, b"k", 1)];
    });
    let spoilers: [fn(&mut Batch); 4] = [
        |batch| batch.customers.push(CustomerRow { id: "c1".to_owned(), ..customer(71) }),
        |batch| {
            let twin = SubscriptionRow { id: "s1".to_owned(), ..subscription(71, 1) };
            batch.subscriptions.push(twin);
        },
        |batch| batch.pools.push(pool(1, 9, "")),
        |batch| batch.once.push(once(1, 1, b"k", 9)),
    ];
    for spoil in spoilers {
        subject.refuse_duplicate(|batch| {
            fill(batch);
            batch.rows.push(crate::Row { seq: batch.after + 2, ..row(1) });
            spoil(batch);
        });
    }
    expect_no_trace(&mut subject);
}

/// A setting may change twice at the same instant, as under a frozen clock.
pub fn a_catalog_row_of_the_same_instant_is_replaced(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.catalog = vec![catalog("plan", "{}")]);
    subject.append_with(|batch| batch.catalog = vec![catalog("plan", "{\"a\":1}")]);
    subject.append_with(|batch| {
        batch.catalog = vec![catalog("plan", "{\"a\":2}"), catalog("plan", "{\"a\":3}")];
    });
}

/// Names are compared byte by byte.
pub fn names_that_differ_in_case_are_different(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let upper = CustomerRow { id: "C1".to_owned(), ..customer(2) };
    subject.append_with(|batch| batch.customers = vec![customer(1), upper]);
    let upper = SubscriptionRow { id: "S1".to_owned(), ..subscription(2, 1) };
    subject.append_with(|batch| batch.subscriptions = vec![subscription(1, 1), upper]);
}
