//! Collections that grow in small steps: none of them ever moves all of what it holds at once,
//! which with millions of entries would stop the decider for a good part of a second.

use crate::key::ScopeHash;
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};

/// In how many parts hashes are kept; each grows alone.
const SHARDS: usize = 256;

/// Entries of one part of a queue.
const PART: usize = 4_096;

/// Values by the hash of a scope.
#[derive(Debug)]
pub(crate) struct Sharded<T> {
    shards: Vec<HashMap<ScopeHash, T, RandomState>>,
}

impl<T> Default for Sharded<T> {
    fn default() -> Self {
        let state = RandomState::default();
        let shards = std::iter::repeat_with(|| HashMap::with_hasher(state.clone()));
        Self { shards: shards.take(SHARDS).collect() }
    }
}

/// A hash is even in every byte, so one of them tells the shard.
fn shard_of(scope: &ScopeHash) -> usize {
    usize::from(scope[9])
}

impl<T> Sharded<T> {
    pub(crate) fn get(&self, scope: &ScopeHash) -> Option<&T> {
        self.shards[shard_of(scope)].get(scope)
    }

    /// Gives what stood there before.
    pub(crate) fn insert(&mut self, scope: ScopeHash, value: T) -> Option<T> {
        self.shards[shard_of(&scope)].insert(scope, value)
    }

    pub(crate) fn remove(&mut self, scope: &ScopeHash) {
        self.shards[shard_of(scope)].remove(scope);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(HashMap::len).sum()
    }
}

/// First in, first out, in parts.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    parts: VecDeque<VecDeque<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { parts: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    pub(crate) fn push(&mut self, value: T) {
        match self.parts.back_mut() {
            Some(part) if part.len() < PART => part.push_back(value),
            _ => {
                let mut part = VecDeque::with_capacity(PART);
                part.push_back(value);
                self.parts.push_back(part);
            }
        }
    }

    pub(crate) fn first(&self) -> Option<&T> {
        self.parts.front()?.front()
    }

    pub(crate) fn take_first(&mut self) -> Option<T> {
        let first = self.parts.front_mut()?.pop_front();
        if self.parts.front()?.is_empty() {
            self.parts.pop_front();
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_gives_what_came_first_across_its_parts() {
        let mut queue = Queue::default();
        for number in 0..3 * PART {
            queue.push(number);
        }
        for number in 0..3 * PART {
            assert_eq!(queue.first(), Some(&number));
            assert_eq!(queue.take_first(), Some(number));
        }
        assert_eq!(queue.first(), None);
        assert_eq!(queue.take_first(), None);
        queue.push(7);
        assert_eq!(queue.first(), Some(&7));
    }

    #[test]
    fn what_is_sharded_is_found_and_forgotten_by_its_whole_hash() {
        let mut sharded = Sharded::default();
        let (one, other) = ([1; 10], [1, 1, 1, 1, 1, 1, 1, 1, 2, 1]);
        sharded.insert(one, "one");
        sharded.insert(other, "other");
        assert_eq!((sharded.get(&one), sharded.get(&other)), (Some(&"one"), Some(&"other")));
        sharded.remove(&one);
        assert_eq!((sharded.get(&one), sharded.len()), (None, 1));
    }
}
