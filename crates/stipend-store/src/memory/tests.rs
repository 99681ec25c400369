//! Goal: show that a test can stop and break the store exactly where it wants.
//! Method: append single-row batches while the control holds, fails or fences them.

use std::thread;

use super::*;
use crate::contract::Row;

fn header(number: u64) -> Batch {
    let row = Row {
        seq: number,
        part: 0,
        kind: 0,
        at: 0,
        slot: 0,
        pool: 0,
        pool_seq: 0,
        prev: 0,
        jump: 0,
        life: 0,
        amount: number.into(),
        balance_after: 0,
        key: None,
        body: Vec::new(),
    };
    Batch { number, after: number - 1, rows: vec![row], ..Batch::default() }
}

fn last(store: &MemoryStore) -> u64 {
    store.reader().last().unwrap()
}

#[test]
fn a_paused_append_is_carried_out_when_it_is_released() {
    let mut store = MemoryStore::new();
    let control = store.control();
    let reader = store.reader();
    control.pause();
    let appending = thread::spawn(move || store.append(&header(1)));
    control.wait_until_held(1);
    assert_eq!(reader.last().unwrap(), 0);
    control.release();
    appending.join().unwrap().unwrap();
    assert_eq!(reader.last().unwrap(), 1);
    assert_eq!((control.held(), control.appends()), (0, 1));
}

#[test]
fn one_append_can_pass_while_the_next_is_held() {
    let mut store = MemoryStore::new();
    let control = store.control();
    let reader = store.reader();
    control.pause();
    control.release_one();
    store.append(&header(1)).unwrap();
    let appending = thread::spawn(move || store.append(&header(2)));
    control.wait_until_held(1);
    assert_eq!(reader.last().unwrap(), 1);
    control.release_one();
    appending.join().unwrap().unwrap();
    assert_eq!(reader.last().unwrap(), 2);
}

#[test]
fn an_append_that_is_held_during_a_crash_never_appears() {
    let mut store = MemoryStore::new();
    let control = store.control();
    let data = store.reopen();
    let mut old = data.reopen();
    control.pause();
    let held = thread::spawn(move || old.append(&header(1)));
    control.wait_until_held(1);
    let mut new = data.reopen();
    assert!(matches!(held.join().unwrap(), Err(StoreError::Failed(_))));
    control.release();
    assert!(matches!(store.append(&header(1)), Err(StoreError::Failed(_))));
    assert_eq!(last(&new), 0);
    new.append(&header(1)).unwrap();
    assert_eq!(last(&store), 1);
}

#[test]
fn the_nth_append_fails_once_and_leaves_nothing() {
    let mut store = MemoryStore::new();
    let fault = Fault { after: 1, ..Fault::next_append(FaultKind::Unavailable) };
    store.control().fail(fault);
    store.append(&header(1)).unwrap();
    assert!(matches!(store.append(&header(2)), Err(StoreError::Unavailable(_))));
    assert_eq!(last(&store), 1);
    store.append(&header(2)).unwrap();
}

#[test]
fn a_lasting_fault_ends_when_it_is_healed() {
    let mut store = MemoryStore::new();
    let control = store.control();
    control.fail(Fault { lasting: true, ..Fault::next_append(FaultKind::Failed) });
    for _ in 0..3 {
        assert!(matches!(store.append(&header(1)), Err(StoreError::Failed(_))));
    }
    control.heal();
    store.append(&header(1)).unwrap();
}

#[test]
fn an_unknown_outcome_may_have_been_a_success() {
    let mut store = MemoryStore::new();
    store.control().fail(Fault { applied: true, ..Fault::next_append(FaultKind::Failed) });
    assert!(matches!(store.append(&header(1)), Err(StoreError::Failed(_))));
    assert_eq!(last(&store.reopen()), 1);
}

#[test]
fn readings_fail_apart_from_appends() {
    let mut store = MemoryStore::new();
    store.control().fail(Fault::next_read(FaultKind::Failed));
    store.append(&header(1)).unwrap();
    assert!(matches!(store.reader().last(), Err(StoreError::Failed(_))));
    assert_eq!(last(&store), 1);
}
