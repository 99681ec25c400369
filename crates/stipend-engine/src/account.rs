//! A customer with the positions that its journal rows are found by.

use stipend_core::customer::{Cause, Entry, PoolEntry, UsageEntry};
use stipend_core::{Customer, Shared};
use stipend_store::{Row, Seq, record};

/// The end of a pool's or a meter's chain of rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Position of its last row.
    pub last: Seq,
    /// Position of its last row that tells of the life of grants: neither a consumption nor a
    /// reservation.
    pub life: Seq,
    /// The chain as a list of trees, oldest first: how many rows each holds, and the position of
    /// its newest. Sizes are of the form 2ᵏ − 1 and fall, only the last two may be equal; they are
    /// then joined under the next row. A row's skip pointer leads past its own tree, so a seek
    /// reads about twice the logarithm of the rows.
    pub trees: Vec<(u64, Seq)>,
    /// The hash over all its rows.
    pub head: [u8; 32],
}

/// A copy has room for the row that it is made for, so that its list of trees is asked for once.
impl Clone for Chain {
    fn clone(&self) -> Self {
        let Self { last, life, ref trees, head } = *self;
        let mut copied = Vec::with_capacity(trees.len() + 1);
        copied.extend_from_slice(trees);
        Self { last, life, trees: copied, head }
    }

    fn clone_from(&mut self, other: &Self) {
        let Self { last, life, ref trees, head } = *other;
        (self.last, self.life, self.head) = (last, life, head);
        self.trees.clear();
        self.trees.reserve(trees.len() + 1);
        self.trees.extend_from_slice(trees);
    }
}

/// The aggregate as it is kept in memory and in images.
#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    /// The customer.
    pub customer: Customer,
    /// The chains of its pools, by the pools' numbers.
    pub chains: Vec<Chain>,
    /// The listing numbers of its subscriptions: the positions of the rows that made them.
    pub listed: Shared<Vec<Seq>>,
    /// The chains of its meters, by the meters' numbers.
    pub meter_chains: Vec<Chain>,
    /// Position of its last row about itself, and about no pool or meter: its profile, its
    /// resources, subscriptions and promotions. Each leads to the one before.
    pub own: Seq,
}

impl Clone for Account {
    fn clone(&self) -> Self {
        let Self { customer, chains, listed, meter_chains, own } = self;
        Self {
            customer: customer.clone(),
            chains: chains.clone(),
            listed: listed.clone(),
            meter_chains: meter_chains.clone(),
            own: *own,
        }
    }

    /// Into an earlier copy of the same account: see [`Customer`].
    fn clone_from(&mut self, other: &Self) {
        let Self { customer, chains, listed, meter_chains, own } = other;
        self.customer.clone_from(customer);
        self.chains.clone_from(chains);
        self.listed.clone_from(listed);
        self.meter_chains.clone_from(meter_chains);
        self.own = *own;
    }
}

record!(Chain { 1 => last, 2 => life, 3 => trees, 4 => head });
record!(Account { 1 => customer, 2 => chains, 3 => listed, 4 => meter_chains or default, 5 => own or default });

/// The kinds of journal rows that entries of customers have. A kind's meaning is frozen.
#[must_use]
pub fn kind_of(entry: &Entry) -> u16 {
    match entry {
        Entry::Profile(_) => 10,
        Entry::Resource(_) => 11,
        Entry::Subscription(_) => 12,
        Entry::PoolOpened(_) => 13,
        Entry::MeterOpened(_) => 14,
        Entry::Usage(_) => KIND_USAGE,
        Entry::Promotion(_) => 15,
        Entry::Pool(entry) => match entry.cause {
            Cause::Consumption(_) => KIND_CONSUMPTION,
            Cause::Grant => 21,
            Cause::Void => 22,
            Cause::Due => 23,
            Cause::Subscription(_) => 24,
            Cause::Reservation => KIND_RESERVATION,
            Cause::Release(_) => KIND_RELEASE,
            Cause::Extension => 27,
            Cause::Reversal(_) => KIND_REVERSAL,
        },
    }
}

/// The kind of a consumption.
pub const KIND_CONSUMPTION: u16 = 20;

/// The kind of a report of usage, or of an event that a meter took.
pub const KIND_USAGE: u16 = 30;

/// The kind of a reversal.
pub const KIND_REVERSAL: u16 = 28;

/// The kind of a reservation that is ended by its caller.
pub const KIND_RELEASE: u16 = 26;

/// The kind of a reservation that is made.
pub const KIND_RESERVATION: u16 = 25;

impl Account {
    /// An account whose first entry is about to be folded.
    #[must_use]
    pub fn new(customer: Customer) -> Self {
        let (chains, meter_chains) = (Vec::new(), Vec::new());
        Self { customer, chains, listed: Shared::default(), meter_chains, own: 0 }
    }

    /// Folds an entry at a position of the journal and gives its row. Recovery folds what was
    /// stored in the same way and compares: a row says nothing that its entry does not.
    pub fn append(&mut self, entry: &Entry, draft: RowDraft) -> Row {
        self.customer.apply(entry);
        let RowDraft { seq, at, key, body } = draft;
        let mut row = Row {
            seq,
            part: 0,
            kind: kind_of(entry),
            at,
            slot: self.customer.slot.0,
            pool: 0,
            pool_seq: 0,
            prev: 0,
            jump: 0,
            life: 0,
            amount: 0,
            balance_after: 0,
            key,
            body,
        };
        match entry {
            Entry::PoolOpened(opened) => {
                row.pool = opened.pool.0;
                self.chains.push(Chain::default());
            }
            Entry::MeterOpened(opened) => {
                row.pool = opened.meter.0;
                self.meter_chains.push(Chain::default());
            }
            Entry::Pool(entry) => self.link(entry, &mut row),
            Entry::Usage(entry) => self.link_usage(entry, &mut row),
            Entry::Profile(_)
            | Entry::Resource(_)
            | Entry::Subscription(_)
            | Entry::Promotion(_) => {
                if let Entry::Subscription(terms) = entry
                    && terms.number.0 as usize == self.listed.len()
                {
                    self.listed.push(seq);
                }
                row.prev = std::mem::replace(&mut self.own, seq);
            }
        }
        row
    }

    fn link(&mut self, entry: &PoolEntry, row: &mut Row) {
        let pool = self.customer.pool(entry.pool).expect("the entry was folded into it");
        let chain = &mut self.chains[usize::from(entry.pool.number())];
        row.pool = entry.pool.0;
        row.pool_seq = pool.seq;
        row.at = entry.at.micros();
        row.amount = entry.delta().nano();
        row.balance_after = pool.balance().nano();
        chain.take(row, !entry.is_usage());
    }

    /// The balance of a meter is its usage; that it started anew is in its life.
    fn link_usage(&mut self, entry: &UsageEntry, row: &mut Row) {
        let usage = self.customer.usage(entry.meter).expect("the entry was folded into it");
        let chain = &mut self.meter_chains[usize::from(entry.meter.number())];
        row.pool = entry.meter.0;
        row.pool_seq = usage.seq;
        row.at = entry.at.micros();
        row.amount = (entry.value - entry.before).nano();
        row.balance_after = entry.value.nano();
        chain.take(row, entry.restart.is_some());
    }
}

impl Chain {
    /// Takes the next row: its pointers are set.
    fn take(&mut self, row: &mut Row, is_life: bool) {
        row.prev = self.last;
        row.life = self.life;
        row.jump = self.grow(row.seq);
        self.last = row.seq;
        if is_life {
            self.life = row.seq;
        }
        self.head = hash_entry(&self.head, row);
    }

    /// Takes the next row into the trees and gives its skip pointer: the newest row outside its own
    /// tree.
    fn grow(&mut self, seq: Seq) -> Seq {
        let mut size = 1;
        if let [.., (one, _), (other, _)] = self.trees[..]
            && one == other
        {
            size += one + other;
            self.trees.truncate(self.trees.len() - 2);
        }
        let jump = self.trees.last().map_or(0, |(_, newest)| *newest);
        self.trees.push((size, seq));
        jump
    }
}

/// The number of the row that the skip pointer of the row with this number leads to; 0 for none.
///
/// A number of rows is split into trees in one way: the largest that fits, again and again.
#[must_use]
pub fn jump_number(number: u64) -> u64 {
    let mut rest = number;
    let mut size = u64::MAX >> 1;
    let mut own = 0;
    while rest > 0 {
        while size > rest {
            size >>= 1;
        }
        own = size;
        rest -= size;
    }
    number - own
}

/// What a row is made of besides its entry.
#[derive(Clone, Debug)]
pub struct RowDraft {
    /// Its position.
    pub seq: Seq,
    /// The instant of the command; a pool's entry carries its own.
    pub at: i64,
    /// The hash of the idempotency key.
    pub key: Option<[u8; 16]>,
    /// The encoded entry.
    pub body: Vec<u8>,
}

/// What is hashed in one piece, without a hasher that gathers it: nearly every row.
const HASHED_AT_ONCE: usize = 512;

/// The hash of a pool's chain: over the previous one and what the row says, not where it stands.
fn hash_entry(head: &[u8; 32], row: &Row) -> [u8; 32] {
    let mut columns = [0; 74];
    columns[..32].copy_from_slice(head);
    columns[32..40].copy_from_slice(&row.pool.to_le_bytes());
    columns[40..48].copy_from_slice(&row.pool_seq.to_le_bytes());
    columns[48..56].copy_from_slice(&row.at.to_le_bytes());
    columns[56..58].copy_from_slice(&row.kind.to_le_bytes());
    columns[58..].copy_from_slice(&row.amount.to_le_bytes());
    let end = columns.len() + row.body.len();
    let mut bytes = [0; HASHED_AT_ONCE];
    if end > bytes.len() {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&columns).update(&row.body);
        return *hasher.finalize().as_bytes();
    }
    bytes[..columns.len()].copy_from_slice(&columns);
    bytes[columns.len()..end].copy_from_slice(&row.body);
    *blake3::hash(&bytes[..end]).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_pointers_lead_where_their_numbers_say() {
        let mut chain = Chain { last: 0, life: 0, trees: Vec::new(), head: [0; 32] };
        for number in 1..5_000 {
            let position = number * 10;
            assert_eq!(chain.grow(position), jump_number(number) * 10, "row {number}");
        }
        let jumps: Vec<u64> = (1..=11).map(jump_number).collect();
        assert_eq!(jumps, [0, 1, 0, 3, 4, 3, 0, 7, 8, 7, 10]);
    }
}
