//! Images, keys, meta values, and reading while something is appended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Harness;
use super::fixture::{Dice, Subject, customer, image, once, row};
use crate::contract::{CustomerFilter, Page, Row};

/// Images come in the order of their segments, however they were written.
pub fn images_come_by_segment(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let images = vec![image(7, 1, b"g"), image(0, 1, b"a"), image(u32::MAX, 1, b"z")];
    subject.append_with(|batch| batch.images = images);
    subject.append_with(|batch| batch.images = vec![image(3, 2, b"c")]);
    let found = subject.reader().images().expect("readable");
    let expected = [image(0, 1, b"a"), image(3, 2, b"c"), image(7, 1, b"g")];
    assert_eq!(found[..3], expected);
    assert_eq!(found[3..], [image(u32::MAX, 1, b"z")]);
    let reader = subject.reader();
    assert_eq!(reader.image_ends().expect("readable"), [(0, 1), (3, 2), (7, 1), (u32::MAX, 1)]);
    assert_eq!(reader.images_from(1, 2).expect("readable"), expected[1..]);
    assert_eq!(reader.images_from(7, 9).expect("readable"), found[2..]);
    assert_eq!(reader.images_from(0, 0).expect("readable"), []);
}

/// Of one segment the last image counts, also within one batch.
pub fn an_image_is_replaced_by_its_segment(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.images = vec![image(1, 1, b"old"), image(2, 1, b"kept")]);
    subject.append_with(|batch| batch.images = vec![image(1, 2, b"mid"), image(1, 2, b"new")]);
    let found = subject.reader().images().expect("readable");
    assert_eq!(found, [image(1, 2, b"new"), image(2, 1, b"kept")]);
}

/// An image may be larger than any page of the store.
pub fn an_image_of_a_megabyte_reads_back(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let large = image(1, 1, &vec![0xa5; 1 << 20]);
    subject.append_with(|batch| batch.images = vec![large.clone()]);
    assert_eq!(subject.reader().images().expect("readable"), [large]);
}

/// The position is the row's own, not the commit's.
pub fn a_once_key_is_found_with_the_position_of_its_effect(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let most = i64::MAX.unsigned_abs();
    let keys = vec![once(1, 1, b"a", 12), once(u32::MAX, u16::MAX, &[0xff; 300], most)];
    subject.append_with(|batch| batch.once = keys);
    let reader = subject.reader();
    assert_eq!(reader.find_once(1, 1, b"a").expect("readable"), Some(12));
    let found = reader.find_once(u32::MAX, u16::MAX, &[0xff; 300]).expect("readable");
    assert_eq!(found, Some(most));
}

/// A key that was never written is not found, also next to ones that were.
pub fn an_unknown_once_key_is_not_found(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.once = vec![once(1, 1, b"ab", 1)]);
    let reader = subject.reader();
    for (env, scope, key) in [(1, 1, &b"a"[..]), (1, 1, b"abc"), (1, 1, b""), (2, 1, b"ab")] {
        assert_eq!(reader.find_once(env, scope, key).expect("readable"), None, "{key:?}");
    }
}

fn key(number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

/// Appends a batch recorded at `now`, with a row for each `(at, key)`.
fn record(subject: &mut Subject<'_>, now: i64, rows: &[(i64, Option<u64>)]) -> Vec<Row> {
    let row_of = |&(at, number): &(i64, Option<u64>)| Row { at, key: number.map(key), ..row(1) };
    let mut batch = subject.batch(rows.iter().map(row_of).collect());
    batch.rows[0].at = now;
    subject.append(&batch);
    batch.rows
}

/// The first batch that counts is the one recorded at the instant itself.
pub fn keys_since_begins_with_the_first_batch_recorded_then(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    record(&mut subject, 10, &[(10, Some(1)), (10, None)]);
    record(&mut subject, 20, &[(20, Some(2)), (20, Some(3))]);
    record(&mut subject, 30, &[(30, Some(4))]);
    let reader = subject.reader();
    let all = [(key(1), 2), (key(2), 5), (key(3), 6), (key(4), 8)];
    for (at, skipped) in [(i64::MIN, 0), (10, 0), (11, 1), (20, 1), (21, 3), (30, 3), (31, 4)] {
        assert_eq!(reader.keys_since(at).expect("readable"), all[skipped..], "{at}");
    }
    let found = [10, 11, 21, 30, 31].map(|at| reader.recorded_since(at).expect("readable"));
    assert_eq!(found, [Some(1), Some(4), Some(7), Some(7), None]);
    assert_eq!(reader.keys_between(5, 8).expect("readable"), all[1..3]);
    assert_eq!(reader.keys_between(3, 5).expect("readable"), []);
}

/// Renewals are effective in the past, test clocks in the future; neither moves a key.
pub fn keys_since_does_not_look_at_the_rows_own_instants(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    record(&mut subject, 10, &[(99, Some(1))]);
    record(&mut subject, 20, &[(1, Some(2))]);
    assert_eq!(subject.reader().keys_since(15).expect("readable"), [(key(2), 4)]);
}

/// With batches of any size, several at the same instant, the keys are those of a scan.
pub fn keys_since_agrees_with_a_scan(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let mut dice = Dice(7);
    let (mut now, mut all) = (0, Vec::new());
    for number in 0..60_u64 {
        now += i64::from(dice.below(3));
        let count = if dice.one_in(10) { 100 } else { dice.below(4) };
        let rows: Vec<(i64, Option<u64>)> = (0..count)
            .map(|_| (i64::from(dice.below(90)), (!dice.one_in(3)).then_some(number)))
            .collect();
        all.extend(record(&mut subject, now, &rows));
    }
    let reader = subject.reader();
    for at in -1..=now + 1 {
        let later = all.iter().skip_while(|row| row.kind != 0 || row.at < at);
        let expected: Vec<([u8; 16], u64)> =
            later.filter_map(|row| Some((row.key?, row.seq))).collect();
        assert_eq!(reader.keys_since(at).expect("readable"), expected, "{at}");
    }
}

/// The secret is 32 bytes and does not change by writing.
pub fn the_secret_stays_the_same(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let secret = subject.reader().meta("secret").expect("readable").expect("it is there");
    assert_eq!(secret.len(), 32);
    subject.append_with(|batch| batch.customers = vec![customer(1)]);
    assert_eq!(subject.reader().meta("secret").expect("readable"), Some(secret));
}

/// What nobody has stored is none.
pub fn an_unknown_meta_value_is_none(harness: &mut dyn Harness) {
    let subject = Subject::new(harness);
    assert_eq!(subject.reader().meta("no such name").expect("readable"), None);
}

/// A reader that was made before sees what was appended after.
pub fn a_reader_sees_an_append_at_once(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let reader = subject.reader();
    for count in 1..=20 {
        subject.append_rows(Vec::new());
        assert_eq!(reader.last().expect("readable"), count);
        assert_eq!(reader.last_header().expect("readable"), count);
    }
}

/// No thread ever sees a part of a batch, or the journal grow shorter.
pub fn readers_on_many_threads_see_whole_batches_only(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let reader = subject.reader();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut before = 0;
                while !done.load(Ordering::Acquire) {
                    let last = reader.last().expect("readable");
                    assert!(last.is_multiple_of(10) && last >= before, "{before} then {last}");
                    let tail = reader.rows(before + 1, 1_000).expect("readable");
                    assert!(tail.len().is_multiple_of(10) && tail.len() as u64 >= last - before);
                    before = last;
                }
            });
        }
        for _ in 0..50 {
            subject.append_rows(vec![row(1); 9]);
        }
        done.store(true, Ordering::Release);
    });
    drop(reader);
    assert_eq!(subject.rows().len(), 500);
}

/// A list is of one moment: without gap from the newest customer to the first.
pub fn readers_list_while_customers_are_appended(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let reader = subject.reader();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let filter = CustomerFilter { env: 1, ..CustomerFilter::default() };
                while !done.load(Ordering::Acquire) {
                    let slots = reader.list_customers(&filter, Page::First, 1_000);
                    let slots = slots.expect("readable");
                    let newest = slots.first().copied().unwrap_or(0);
                    assert_eq!(slots, (1..=newest).rev().collect::<Vec<u32>>());
                    assert_eq!(newest % 3, 0);
                }
            });
        }
        for first in (1..150).step_by(3) {
            let made = (first..first + 3).map(customer).collect();
            subject.append_with(|batch| batch.customers = made);
        }
        done.store(true, Ordering::Release);
    });
}
