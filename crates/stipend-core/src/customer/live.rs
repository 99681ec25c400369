//! The grants in force, with those that are used up kept apart.
//!
//! What was drawn from a grant can be given back to it for as long as it is in force, so one that is
//! used up stays. A customer who buys credits again and again collects thousands of them, and hardly
//! anything ever asks for one: usage is not to read past them, and copies of the customer share them.

use super::grant::{Grant, GrantKind};
use crate::id::GrantNo;
use crate::shared::{Shared, make_room};
use crate::time::Timestamp;
use std::iter::FusedIterator;

/// Used-up grants with neighbouring numbers share a chunk; changing one of them copies that chunk.
const CHUNK_NUMBERS: u32 = 256;

/// The grants in force of a pool.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LiveGrants {
    /// Those of which something is left or held, and the recurring ones, in burn order.
    open: Vec<Grant>,
    /// The others, by their numbers.
    spent: Vec<Chunk>,
}

/// Grants that are used up, with numbers of one range.
#[derive(Debug, PartialEq, Eq)]
struct Chunk {
    /// Their numbers, without what differs.
    range: u32,
    /// In the order of their numbers; never none.
    grants: Shared<Vec<Grant>>,
    /// The earliest of their ends.
    next_expiry: Option<Timestamp>,
}

/// The grants in force, in burn order.
#[derive(Debug)]
pub struct LiveIter<'a>(Order<'a>);

#[derive(Debug)]
enum Order<'a> {
    /// None is used up.
    Open(std::slice::Iter<'a, Grant>),
    /// Sorted anew.
    All(std::vec::IntoIter<&'a Grant>),
}

impl Clone for LiveGrants {
    fn clone(&self) -> Self {
        Self { open: self.open.clone(), spent: self.spent.clone() }
    }

    fn clone_from(&mut self, other: &Self) {
        self.open.clone_from(&other.open);
        self.spent.clone_from(&other.spent);
    }
}

impl Clone for Chunk {
    fn clone(&self) -> Self {
        Self { grants: self.grants.clone(), ..*self }
    }

    fn clone_from(&mut self, other: &Self) {
        self.range = other.range;
        self.grants.clone_from(&other.grants);
        self.next_expiry = other.next_expiry;
    }
}

/// From grants in burn order.
impl From<Vec<Grant>> for LiveGrants {
    fn from(grants: Vec<Grant>) -> Self {
        if !grants.iter().any(is_spent) {
            return Self { open: grants, spent: Vec::new() };
        }
        let (mut spent, open): (Vec<Grant>, Vec<Grant>) = grants.into_iter().partition(is_spent);
        spent.sort_by_key(|grant| grant.no);
        let mut live = Self { open, spent: Vec::new() };
        spent.into_iter().for_each(|grant| live.put_spent(grant));
        live
    }
}

impl LiveGrants {
    /// All of them, in burn order.
    #[must_use]
    pub fn iter(&self) -> LiveIter<'_> {
        if self.spent.is_empty() {
            return LiveIter(Order::Open(self.open.iter()));
        }
        let mut all: Vec<&Grant> = self.open.iter().chain(self.spent()).collect();
        all.sort_by_key(|grant| grant.burn_key());
        LiveIter(Order::All(all.into_iter()))
    }

    /// Those of which something is left or held, and the recurring ones, in burn order: all from
    /// which anything can be drawn.
    #[must_use]
    pub fn open(&self) -> &[Grant] {
        &self.open
    }

    /// Those that are used up, by their numbers.
    pub fn spent(&self) -> impl Iterator<Item = &Grant> {
        self.spent.iter().flat_map(|chunk| &chunk.grants)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len() + self.spent.iter().map(|chunk| chunk.grants.len()).sum::<usize>()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.spent.is_empty()
    }

    /// The one with that number.
    #[must_use]
    pub fn find(&self, no: GrantNo) -> Option<&Grant> {
        self.open.iter().find(|grant| grant.no == no).or_else(|| {
            let grants = &self.spent[self.chunk_of(no).ok()?].grants;
            let place = grants.binary_search_by_key(&no, |grant| grant.no).ok()?;
            Some(&grants[place])
        })
    }

    /// The one with that number, to be changed.
    pub fn find_mut(&mut self, no: GrantNo) -> Option<&mut Grant> {
        if let Some(place) = self.open.iter().position(|grant| grant.no == no) {
            return Some(&mut self.open[place]);
        }
        let grant = self.take_spent(no)?;
        let place = self.insert(grant);
        Some(&mut self.open[place])
    }

    /// The earliest end of any.
    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        let open = self.open.iter().filter_map(|grant| grant.expires_at);
        open.chain(self.spent.iter().filter_map(|chunk| chunk.next_expiry)).min()
    }

    /// Puts a grant in its place in the burn order, which is answered.
    pub(super) fn insert(&mut self, grant: Grant) -> usize {
        let place = self.open.partition_point(|other| other.burn_key() < grant.burn_key());
        make_room(&mut self.open);
        self.open.insert(place, grant);
        place
    }

    pub(super) fn remove(&mut self, no: GrantNo) -> Option<Grant> {
        match self.open.iter().position(|grant| grant.no == no) {
            Some(place) => Some(self.open.remove(place)),
            None => self.take_spent(no),
        }
    }

    /// Sets aside what was used up by a change. Which grants stand where is a function of the
    /// grants alone, so that equal pools are equal whatever became of them before.
    pub(super) fn set_aside(&mut self) {
        while let Some(place) = self.open.iter().rposition(is_spent) {
            let grant = self.open.remove(place);
            self.put_spent(grant);
        }
    }

    /// As [`LiveGrants::set_aside`], where no other was changed.
    pub(super) fn set_aside_one(&mut self, no: GrantNo) {
        let place = self.open.iter().position(|grant| grant.no == no && is_spent(grant));
        if let Some(place) = place {
            let grant = self.open.remove(place);
            self.put_spent(grant);
        }
    }

    /// That each stands where it belongs.
    pub(super) fn verify(&self) -> Result<(), &'static str> {
        let is_chunk = |chunk: &Chunk| {
            let mut numbers = chunk.grants.iter().map(|grant| grant.no);
            chunk.grants.is_sorted_by_key(|grant| grant.no)
                && numbers.all(|no| range_of(no) == chunk.range)
                && chunk.next_expiry == earliest(&chunk.grants)
        };
        if !self.open.is_sorted_by_key(Grant::burn_key) {
            Err("is not in burn order")
        } else if self.open.iter().any(is_spent)
            || !self.spent().all(is_spent)
            || !self.spent.is_sorted_by_key(|chunk| chunk.range)
            || !self.spent.iter().all(is_chunk)
        {
            Err("does not have its used-up grants where they belong")
        } else {
            Ok(())
        }
    }

    fn chunk_of(&self, no: GrantNo) -> Result<usize, usize> {
        self.spent.binary_search_by_key(&range_of(no), |chunk| chunk.range)
    }

    fn put_spent(&mut self, grant: Grant) {
        let expiry = grant.expires_at;
        match self.chunk_of(grant.no) {
            Ok(at) => {
                let chunk = &mut self.spent[at];
                let place = chunk.grants.partition_point(|other| other.no < grant.no);
                chunk.grants.insert(place, grant);
                chunk.next_expiry = chunk.next_expiry.into_iter().chain(expiry).min();
            }
            Err(at) => {
                let range = range_of(grant.no);
                let grants = Shared::from(vec![grant]);
                self.spent.insert(at, Chunk { range, grants, next_expiry: expiry });
            }
        }
    }

    fn take_spent(&mut self, no: GrantNo) -> Option<Grant> {
        let at = self.chunk_of(no).ok()?;
        let chunk = &mut self.spent[at];
        let place = chunk.grants.binary_search_by_key(&no, |grant| grant.no).ok()?;
        let grant = chunk.grants.remove(place);
        chunk.next_expiry = earliest(&chunk.grants);
        if chunk.grants.is_empty() {
            self.spent.remove(at);
        }
        Some(grant)
    }
}

impl<'a> IntoIterator for &'a LiveGrants {
    type Item = &'a Grant;
    type IntoIter = LiveIter<'a>;

    fn into_iter(self) -> LiveIter<'a> {
        self.iter()
    }
}

impl<'a> Iterator for LiveIter<'a> {
    type Item = &'a Grant;

    fn next(&mut self) -> Option<&'a Grant> {
        match &mut self.0 {
            Order::Open(grants) => grants.next(),
            Order::All(grants) => grants.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Order::Open(grants) => grants.size_hint(),
            Order::All(grants) => grants.size_hint(),
        }
    }
}

impl ExactSizeIterator for LiveIter<'_> {}

impl FusedIterator for LiveIter<'_> {}

/// Recurring grants end with their period, and changes of a subscription look at all of them.
fn is_spent(grant: &Grant) -> bool {
    let is_used_up = grant.held.is_zero() && grant.remaining().is_zero();
    is_used_up && grant.kind != GrantKind::Recurring
}

fn range_of(no: GrantNo) -> u32 {
    no.0 / CHUNK_NUMBERS
}

fn earliest(grants: &[Grant]) -> Option<Timestamp> {
    grants.iter().filter_map(|grant| grant.expires_at).min()
}
