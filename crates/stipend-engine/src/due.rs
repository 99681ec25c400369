//! The due index: which customer has something due when, by environment. It is never stored; a
//! start builds it from the customers.

use std::collections::{BTreeMap, BTreeSet};
use stipend_core::{EnvId, Timestamp};

/// Customers by the instant at which something is due for them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct DueIndex {
    environments: BTreeMap<EnvId, BTreeSet<(Timestamp, u32)>>,
}

impl DueIndex {
    /// The index of customers that are all known at once.
    pub(crate) fn new(mut all: Vec<(EnvId, Timestamp, u32)>) -> Self {
        all.sort_unstable();
        let of_one = |first: &(EnvId, _, _), next: &(EnvId, _, _)| first.0 == next.0;
        let environments = all.chunk_by(of_one).map(|all| {
            // A set that is made of a list is made in order and without gaps.
            (all[0].0, all.iter().map(|(_, due, slot)| (*due, *slot)).collect())
        });
        Self { environments: environments.collect() }
    }

    /// Notes that what is due next for a customer has changed.
    pub(crate) fn change(
        &mut self,
        env: EnvId,
        slot: u32,
        before: Option<Timestamp>,
        after: Option<Timestamp>,
    ) {
        if before == after {
            return;
        }
        let customers = self.environments.entry(env).or_default();
        if let Some(before) = before {
            customers.remove(&(before, slot));
        }
        if let Some(after) = after {
            customers.insert((after, slot));
        }
    }

    /// What is due first in an environment.
    pub(crate) fn first(&self, env: EnvId) -> Option<(Timestamp, u32)> {
        self.environments.get(&env)?.first().copied()
    }

    /// Whether anything is due in an environment at that instant or before.
    pub(crate) fn has_due(&self, env: EnvId, now: Timestamp) -> bool {
        self.first(env).is_some_and(|(due, _)| due <= now)
    }

    /// The environments in which anything will ever be due, with the first instant.
    pub(crate) fn firsts(&self) -> impl Iterator<Item = (EnvId, Timestamp)> {
        let firsts = self.environments.iter();
        firsts.filter_map(|(env, customers)| Some((*env, customers.first()?.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_stand_where_their_next_instant_is() {
        let at = |micros| Some(Timestamp::from_micros(micros));
        let (one, other) = (EnvId(1), EnvId(2));
        let mut index = DueIndex::default();
        index.change(one, 64, None, at(20));
        index.change(one, 65, None, at(10));
        index.change(other, 66, None, at(5));
        let all = [(one, 20, 64), (one, 10, 65), (other, 5, 66)];
        let all = all.map(|(env, due, slot)| (env, Timestamp::from_micros(due), slot));
        assert_eq!(DueIndex::new(all.to_vec()), index);
        assert_eq!(index.first(one), Some((Timestamp::from_micros(10), 65)));
        index.change(one, 65, at(10), at(30));
        assert_eq!(index.first(one), Some((Timestamp::from_micros(20), 64)));
        assert!(index.has_due(one, Timestamp::from_micros(20)));
        assert!(!index.has_due(one, Timestamp::from_micros(19)));
        index.change(other, 66, at(5), None);
        assert_eq!(index.first(other), None);
        assert_eq!(index.firsts().collect::<Vec<_>>(), [(one, Timestamp::from_micros(20))]);
    }
}
