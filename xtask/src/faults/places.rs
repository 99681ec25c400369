//! Which calls are alike: what one of them shows, the others would show again.
//!
//! A checkpoint writes thousands of pages in one loop, and a start reads thousands. Calls have the same
//! place where they are the same operation on the same file, while the same request is under way, and
//! their thread did the same before and does the same after. Of each place the first, the middle and
//! the last call are tried.

use std::collections::BTreeMap;

use super::shim::Op;
use super::trace::{Event, Record};

/// An operation on a file.
type Call<'a> = (Op, &'a str);

/// Where in the life of the server a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot<'a> {
    file: &'a str,
    /// Answers that were on their way before.
    answers: usize,
    /// What the same thread asked for before and asks for after.
    before: Option<Call<'a>>,
    after: Option<Call<'a>>,
}

/// The calls of a life in which nothing failed, by operation and place.
#[derive(Debug, Default)]
pub(super) struct Places<'a> {
    counts: BTreeMap<Op, u64>,
    spots: BTreeMap<Op, BTreeMap<Spot<'a>, Vec<u64>>>,
}

impl<'a> Places<'a> {
    pub(super) fn of(records: &'a [Record]) -> Self {
        let calls: Vec<(usize, u64, Call<'a>)> = records
            .iter()
            .scan(0, |answers, record| {
                *answers += usize::from(record.event == Event::Answer);
                Some((*answers, record))
            })
            .filter_map(|(answers, record)| match record.event {
                Event::Asked(op) => Some((answers, record.offset, (op, record.name.as_str()))),
                _ => None,
            })
            .collect();
        let after = neighbours(calls.iter().rev());
        let before = neighbours(calls.iter());
        let mut places = Self::default();
        for (index, (answers, _, (op, file))) in calls.iter().enumerate() {
            let nth = places.counts.entry(*op).or_default();
            *nth += 1;
            let spot = Spot {
                file,
                answers: *answers,
                before: before[index],
                after: after[calls.len() - 1 - index],
            };
            places.spots.entry(*op).or_default().entry(spot).or_default().push(*nth);
        }
        places
    }

    /// How often the operation was asked for.
    pub(super) fn count(&self, op: Op) -> u64 {
        self.counts.get(&op).copied().unwrap_or_default()
    }

    /// The calls of the operation that stand for all, in their order.
    pub(super) fn representatives(&self, op: Op) -> Vec<u64> {
        let spots = self.spots.get(&op).into_iter().flat_map(BTreeMap::values);
        let mut calls: Vec<u64> = spots.flat_map(|calls| first_middle_last(calls)).collect();
        calls.sort_unstable();
        calls
    }
}

/// What each call's thread asked for just before, in the order given.
fn neighbours<'a, 'b>(
    calls: impl Iterator<Item = &'b (usize, u64, Call<'a>)>,
) -> Vec<Option<Call<'a>>>
where
    'a: 'b,
{
    let mut last: BTreeMap<u64, Call<'a>> = BTreeMap::new();
    calls.map(|(_, thread, call)| last.insert(*thread, *call)).collect()
}

fn first_middle_last(calls: &[u64]) -> Vec<u64> {
    let mut some = vec![0, calls.len() / 2, calls.len().saturating_sub(1)];
    some.dedup();
    some.into_iter().filter_map(|index| calls.get(index).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(op: Op, name: &str, thread: u64) -> Record {
        Record { event: Event::Asked(op), name: name.to_owned(), offset: thread, data: Vec::new() }
    }

    #[test]
    fn calls_of_one_loop_are_alike_but_not_its_ends() {
        let mut records = vec![asked(Op::Read, "wal", 1)];
        records.extend((0..9).map(|_| asked(Op::Write, "db", 1)));
        // Another thread in between changes nothing.
        records.insert(4, asked(Op::Sync, "mark", 2));
        records.push(asked(Op::Sync, "db", 1));
        let places = Places::of(&records);
        assert_eq!(places.count(Op::Write), 9);
        assert_eq!(places.representatives(Op::Write), [1, 2, 5, 8, 9]);
        assert_eq!(places.representatives(Op::Sync), [1, 2]);
        assert!(places.representatives(Op::Rename).is_empty());
    }

    #[test]
    fn the_same_call_in_another_request_has_another_place() {
        let mut records = Vec::new();
        for _ in 0..3 {
            records.extend((0..5).map(|_| asked(Op::Write, "wal", 1)));
            let (event, name) = (Event::Answer, String::new());
            records.push(Record { event, name, offset: 0, data: Vec::new() });
        }
        // The ends of the loop are not seen here, since the same thread goes on with the same.
        let tried = Places::of(&records).representatives(Op::Write);
        assert_eq!(tried, [1, 2, 4, 5, 6, 8, 10, 11, 13, 14, 15]);
    }
}
