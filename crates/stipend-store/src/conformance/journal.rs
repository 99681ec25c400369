//! What is appended is what is read, whatever stands in it.

use super::Harness;
use super::fixture::{Dice, Subject, row, rows};
use crate::contract::{CustomerFilter, Page, Row, SubscriptionFilter};

/// All columns of all rows come back as they were written.
fn reads_back(harness: &mut dyn Harness, rows: Vec<Row>) {
    let mut subject = Subject::new(harness);
    let batch = subject.append_rows(rows);
    assert_eq!(subject.rows(), batch.rows);
    subject.reopen();
    assert_eq!(subject.rows(), batch.rows);
}

/// Nothing is there, and asking is no error.
pub fn an_empty_store_answers_nothing(harness: &mut dyn Harness) {
    let subject = Subject::new(harness);
    let reader = subject.reader();
    assert_eq!(reader.last().expect("readable"), 0);
    assert_eq!(reader.last_header().expect("readable"), 0);
    assert_eq!(reader.rows(0, 10).expect("readable"), []);
    assert_eq!(reader.row(0).expect("readable"), None);
    assert_eq!(reader.row(1).expect("readable"), None);
    assert_eq!(reader.images().expect("readable"), []);
    assert_eq!(reader.keys_since(i64::MIN).expect("readable"), []);
    assert_eq!(reader.find_once(1, 1, b"k").expect("readable"), None);
    let customers = reader.list_customers(&CustomerFilter::default(), Page::First, 10);
    assert_eq!(customers.expect("readable"), []);
    let subscriptions = reader.list_subscriptions(&SubscriptionFilter::default(), Page::First, 10);
    assert_eq!(subscriptions.expect("readable"), []);
}

/// Positions begin with 1.
pub fn the_first_batch_stands_at_position_one(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let batch = subject.append_rows(rows(2));
    assert_eq!(subject.last(), 3);
    assert_eq!(subject.reader().row(1).expect("readable"), Some(batch.rows[0].clone()));
}

/// No column is confused with another.
pub fn every_column_reads_back(harness: &mut dyn Harness) {
    let full = Row {
        seq: 0,
        part: 0,
        kind: 2,
        at: 3,
        slot: 4,
        pool: 5,
        pool_seq: 6,
        prev: 7,
        jump: 8,
        life: 9,
        amount: -10,
        balance_after: 11,
        key: Some(*b"0123456789abcdef"),
        body: b"body".to_vec(),
    };
    reads_back(harness, vec![full]);
}

/// Amounts have 128 bits, and none of them is lost where a database has fewer.
pub fn amounts_of_any_size_read_back(harness: &mut dyn Harness) {
    let edges = [0, 1, i128::from(i64::MAX), i128::from(i64::MIN), i128::MAX, i128::MIN];
    let near = edges.iter().flat_map(|edge| [edge.wrapping_sub(1), *edge, edge.wrapping_add(1)]);
    let amounts = near.map(|amount| Row { amount, balance_after: amount.wrapping_neg(), ..row(1) });
    reads_back(harness, amounts.collect());
}

/// Instants before the epoch and far ahead are kept as they are.
pub fn instants_of_any_size_read_back(harness: &mut dyn Harness) {
    let instants = [i64::MIN, -1, 0, 1, 253_402_207_200_999_999, i64::MAX];
    reads_back(harness, instants.into_iter().map(|at| Row { at, ..row(1) }).collect());
}

/// Numbers keep their width: up to 2⁶³ where they are dense, to the type's end elsewhere.
pub fn the_greatest_numbers_read_back(harness: &mut dyn Harness) {
    let most = i64::MAX.unsigned_abs();
    let greatest = Row {
        slot: u32::MAX,
        pool: most,
        pool_seq: most,
        prev: most,
        jump: most,
        life: most,
        ..row(u16::MAX)
    };
    reads_back(harness, vec![greatest]);
}

/// A body is bytes, not text.
pub fn bodies_of_any_bytes_read_back(harness: &mut dyn Harness) {
    let bodies = [vec![], vec![0], b"a\0b".to_vec(), vec![0xff; 3], (0..=255).collect()];
    reads_back(harness, bodies.into_iter().map(|body| Row { body, ..row(1) }).collect());
}

/// A body may be larger than any page of the store.
pub fn a_body_of_a_megabyte_reads_back(harness: &mut dyn Harness) {
    let body = (0..1 << 20).map(|index: u32| (index % 251) as u8).collect();
    reads_back(harness, vec![Row { body, ..row(1) }, row(2)]);
}

/// A key is sixteen bytes or none.
pub fn keys_of_any_bytes_read_back(harness: &mut dyn Harness) {
    let keys = [None, Some([0; 16]), Some([0xff; 16]), None];
    reads_back(harness, keys.into_iter().map(|key| Row { key, ..row(1) }).collect());
}

/// The positions of all batches together are 1, 2, 3, …
pub fn positions_are_gapless_over_many_batches(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    for count in [0, 1, 2, 0, 5, 1] {
        subject.append_rows(rows(count));
    }
    let positions: Vec<u64> = subject.rows().iter().map(|row| row.seq).collect();
    assert_eq!(positions, (1..=15).collect::<Vec<u64>>());
}

/// However a store groups its rows into statements, no group's edge loses one.
pub fn batches_of_every_size_read_back(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let mut expected = Vec::new();
    for count in (0..20).chain(28..36).chain(60..70) {
        expected.extend(subject.append_rows(rows(count)).rows);
    }
    assert_eq!(subject.rows(), expected);
}

/// The largest batch the engine seals is one append.
pub fn a_batch_of_four_thousand_rows_reads_back(harness: &mut dyn Harness) {
    let body = vec![9; 200];
    reads_back(harness, (0..4_096).map(|_| Row { body: body.clone(), ..row(1) }).collect());
}

/// From every position, with every limit, rows are the stretch that a scan would give.
pub fn rows_are_paged_from_any_position(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let mut all = Vec::new();
    for count in [3, 0, 7, 2] {
        all.extend(subject.append_rows(rows(count)).rows);
    }
    let reader = subject.reader();
    for from in 0..=all.len() as u64 + 2 {
        for limit in [1, 2, 5, 100] {
            let expected: Vec<Row> =
                all.iter().filter(|row| row.seq >= from).take(limit).cloned().collect();
            assert_eq!(reader.rows(from, limit).expect("readable"), expected, "{from} {limit}");
        }
    }
}

/// Behind the end there is nothing, also far behind it.
pub fn rows_behind_the_end_are_none(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_rows(rows(2));
    let reader = subject.reader();
    for from in [4, 5, u64::from(u32::MAX), i64::MAX.unsigned_abs()] {
        assert_eq!(reader.rows(from, 10).expect("readable"), [], "{from}");
        assert_eq!(reader.row(from).expect("readable"), None, "{from}");
    }
}

/// No rows are wanted, none come.
pub fn a_limit_of_zero_gives_no_rows(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_rows(rows(2));
    assert_eq!(subject.reader().rows(1, 0).expect("readable"), []);
}

/// Each row is found by its position, in any order of asking.
pub fn a_row_is_found_by_its_position(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    let mut all = Vec::new();
    for count in 0..20 {
        all.extend(subject.append_rows(rows(count)).rows);
    }
    let reader = subject.reader();
    let mut dice = Dice(1);
    for _ in 0..100 {
        let expected = dice.pick(&all);
        assert_eq!(reader.row(expected.seq).expect("readable"), Some(expected));
    }
}

/// It is not the last row that counts but the last header.
pub fn the_last_header_is_found_behind_its_rows(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    for count in [2, 0, 300] {
        let batch = subject.append_rows(rows(count));
        let found = subject.reader().last_header().expect("readable");
        assert_eq!(found, batch.after + 1);
        let header = subject.reader().row(found).expect("readable").expect("it is there");
        assert_eq!((header.kind, header.amount), (0, i128::from(batch.number)));
    }
}

/// A batch may be its header alone, with changes of other tables.
pub fn a_batch_without_rows_moves_the_last_header(harness: &mut dyn Harness) {
    let mut subject = Subject::new(harness);
    subject.append_rows(rows(1));
    subject.append_rows(Vec::new());
    assert_eq!(subject.reader().last_header().expect("readable"), 3);
    assert_eq!(subject.last(), 3);
}
