//! After a crash, exactly what was acknowledged is there.

use super::Harness;
use super::fixture::{Dice, Subject, customer, image, once, pool, row, rows, subscription};
use crate::contract::{CustomerFilter, CustomerRow, Page, Row, SubscriptionFilter};

/// After each of many steps, the journal is the acknowledged batches and nothing else.
pub fn reopening_shows_what_was_acknowledged_after_every_step(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let mut dice = Dice(3);
    let mut expected = Vec::new();
    for _ in 0..20 {
        for _ in 0..dice.below(4) {
            let size = dice.below(60) as usize;
            let rows = vec![Row { body: vec![1; size * 20], ..row(1) }; size];
            expected.extend(subject.append_rows(rows).rows);
        }
        subject.reopen();
        assert_eq!(subject.rows(), expected);
        subject.expect_end();
    }
}

/// What was refused stays refused.
pub fn a_refused_batch_does_not_appear_after_reopening(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let late = subject.batch(rows(5));
    let first = subject.append_rows(rows(1));
    assert!(subject.try_append(&late).is_err());
    subject.append_with(|batch| batch.customers = vec![customer(1)]);
    let twin = CustomerRow { id: "c1".to_owned(), ..customer(2) };
    subject.refuse_duplicate(|batch| batch.customers = vec![twin]);
    subject.reopen();
    assert_eq!(subject.rows()[..2], first.rows);
    subject.expect_end();
    let filter = CustomerFilter { env: 1, ..CustomerFilter::default() };
    let slots = subject.reader().list_customers(&filter, Page::First, 9).expect("readable");
    assert_eq!(slots, [1]);
}

/// Not only the journal survives.
pub fn every_table_reads_back_after_reopening(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| {
        batch.customers = vec![customer(1), customer(2)];
        batch.subscriptions = vec![subscription(1, 1), subscription(2, 2)];
        batch.pools = vec![pool(1, 1, "")];
        batch.once = vec![once(1, 1, b"k", 1)];
        batch.images = vec![image(0, 1, b"image")];
    });
    subject.reopen();
    let reader = subject.reader();
    let filter = CustomerFilter { env: 1, ..CustomerFilter::default() };
    assert_eq!(reader.list_customers(&filter, Page::First, 9).expect("readable"), [2, 1]);
    let filter = SubscriptionFilter { env: 1, ..SubscriptionFilter::default() };
    let found = reader.list_subscriptions(&filter, Page::First, 9).expect("readable");
    assert_eq!(found.iter().map(|found| found.sid).collect::<Vec<u64>>(), [2, 1]);
    assert_eq!(reader.find_once(1, 1, b"k").expect("readable"), Some(1));
    assert_eq!(reader.images().expect("readable"), [image(0, 1, b"image")]);
}

/// The secret belongs to the data, not to the process.
pub fn the_secret_survives_reopening(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let secret = subject.reader().meta("secret").expect("readable");
    subject.reopen();
    assert_eq!(subject.reader().meta("secret").expect("readable"), secret);
}

/// The next batch follows the last one, and no position is given twice.
pub fn positions_go_on_after_reopening(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    for _ in 0..3 {
        subject.append_rows(rows(2));
        subject.reopen();
    }
    let positions: Vec<u64> = subject.rows().iter().map(|row| row.seq).collect();
    assert_eq!(positions, (1..=9).collect::<Vec<u64>>());
}

/// Names that were taken before are still taken.
pub fn uniqueness_holds_after_reopening(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| {
        batch.customers = vec![customer(1)];
        batch.pools = vec![pool(1, 1, "")];
        batch.once = vec![once(1, 1, b"k", 1)];
    });
    subject.reopen();
    let twin = CustomerRow { id: "c1".to_owned(), ..customer(2) };
    subject.refuse_duplicate(|batch| batch.customers = vec![twin]);
    subject.refuse_duplicate(|batch| batch.pools = vec![pool(2, 1, "")]);
    subject.refuse_duplicate(|batch| batch.once = vec![once(1, 1, b"k", 2)]);
}

/// A start without any work leaves nothing.
pub fn an_empty_store_reopens_empty(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.reopen();
    subject.reopen();
    subject.expect_end();
    subject.append_rows(rows(1));
}
