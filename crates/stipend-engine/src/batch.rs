//! The open batch: rows and listing rows gathered until they are sealed into one commit.

use crate::account::{Account, RowDraft};
use crate::actor::{Actor, Signing};
use crate::command::Answer;
use crate::doc;
use crate::flush::{Flushed, Flusher};
use crate::key::Key;
use crate::limits::{
    BATCH_BYTES_MAX, BATCH_ROWS_MAX, SEGMENT_SLOTS, SLICE_BYTES_MAX, SLICE_ROWS_MAX,
};
use crate::published::{Named, Publication};
use crate::realm::{EnvChange, Realm, RealmChange};
use crate::record::{Header, KIND_REALM, plain_row};
use crate::working::Working;
use std::collections::BTreeSet;
use std::sync::Arc;
use stipend_core::customer::Entry;
use stipend_core::{CustomerId, SubscriptionId, SubscriptionNo, Timestamp};
use stipend_store::codec::to_bytes;
use stipend_store::{Batch, ImageRow, OnceRow, PoolRow, Row, Seq};
use tokio::sync::oneshot;

/// Someone who waits for an answer.
pub(crate) type Waiter = oneshot::Sender<Answer>;

/// A batch on its way to the disk, with what becomes visible and who is answered afterwards.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) batch: Batch,
    pub(crate) publication: Publication,
    pub(crate) waiters: Vec<(Waiter, Answer)>,
    pub(crate) keys: Vec<(Key, Seq)>,
    pub(crate) flushed: Vec<Flushed>,
    pub(crate) hash: [u8; 32],
}

/// The last header that was sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tip {
    pub(crate) number: u64,
    pub(crate) last: Seq,
    pub(crate) hash: [u8; 32],
}

/// What an entry is folded into, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folding {
    pub(crate) slot: u32,
    pub(crate) at: Timestamp,
    pub(crate) key: Option<Key>,
}

#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) tip: Tip,
    pub(crate) now: Timestamp,
    /// Who has done what is folded next.
    pub(crate) by: Actor,
    bytes: usize,
    rows: Vec<Row>,
    /// The customers that it changes, in the order of their first change.
    slots: Vec<u32>,
    profiles: BTreeSet<u32>,
    listed: BTreeSet<(u32, SubscriptionNo)>,
    pools: Vec<PoolRow>,
    catalog: Vec<(EnvChange, Timestamp)>,
    once: Vec<OnceRow>,
    keys: Vec<(Key, Seq)>,
    customers: Vec<(Named<CustomerId>, u32)>,
    subscriptions: Vec<(Named<SubscriptionId>, u32)>,
    waiters: Vec<(Waiter, Answer)>,
    is_realm_touched: bool,
}

impl Open {
    pub(crate) fn new(tip: Tip, now: Timestamp) -> Self {
        Self {
            tip,
            now,
            by: Actor::System,
            bytes: 0,
            rows: Vec::new(),
            slots: Vec::new(),
            profiles: BTreeSet::new(),
            listed: BTreeSet::new(),
            pools: Vec::new(),
            catalog: Vec::new(),
            once: Vec::new(),
            keys: Vec::new(),
            customers: Vec::new(),
            subscriptions: Vec::new(),
            waiters: Vec::new(),
            is_realm_touched: false,
        }
    }

    /// The number that the batch will have.
    pub(crate) fn number(&self) -> u64 {
        self.tip.number + 1
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.waiters.is_empty()
    }

    /// Whether it takes another command. Answers count like rows: refusals and replays write
    /// nothing, and without a limit they would be gathered for as long as a commit takes.
    pub(crate) fn has_room(&self) -> bool {
        let is_full = self.rows.len() >= BATCH_ROWS_MAX || self.waiters.len() >= BATCH_ROWS_MAX;
        !is_full && self.bytes < BATCH_BYTES_MAX
    }

    /// Whether it takes more due work: that leaves room for commands.
    pub(crate) fn has_slice_room(&self) -> bool {
        self.rows.len() < SLICE_ROWS_MAX && self.bytes < SLICE_BYTES_MAX && self.has_room()
    }

    /// The position of the next row; the header takes the first of the batch.
    fn next_seq(&self) -> Seq {
        self.tip.last + 2 + self.rows.len() as u64
    }

    fn push(&mut self, row: Row) -> Seq {
        let seq = row.seq;
        self.bytes += row.body.len() + 100;
        self.rows.push(row);
        seq
    }

    pub(crate) fn wait(&mut self, waiter: Waiter, answer: Answer) {
        self.waiters.push((waiter, answer));
    }

    /// Folds an entry into a customer of the working state, as of an instant of its environment,
    /// and takes its row.
    pub(crate) fn fold(
        &mut self,
        working: &mut Working,
        flusher: &mut Flusher,
        Folding { slot, at, key }: Folding,
        entry: &Entry,
    ) -> Seq {
        let draft = RowDraft {
            seq: self.next_seq(),
            at: at.micros(),
            key: key.map(Key::to_bytes),
            body: to_bytes(&Signing(entry, &self.by)),
        };
        let batch = self.number();
        let (account, is_first) = working.account_mut(slot, batch).expect("the customer exists");
        let due_before = account.customer.next_due;
        let row = account.append(entry, draft);
        let env = account.customer.profile.env;
        working.reschedule(slot, due_before);
        match entry {
            Entry::Profile(profile) => {
                self.profiles.insert(slot);
                let name = (env, profile.id.clone());
                if working.find_customer(&name).is_none() {
                    working.name_customer(name.clone(), slot);
                    self.customers.push((name, slot));
                }
            }
            Entry::Subscription(terms) => {
                self.listed.insert((slot, terms.number));
                let name = (env, terms.id.clone());
                if working.find_subscription(&name).is_none() {
                    working.name_subscription(name.clone(), slot);
                    self.subscriptions.push((name, slot));
                }
            }
            Entry::PoolOpened(opened) => self.pools.push(PoolRow {
                id: opened.pool.0,
                slot,
                currency: opened.currency.to_string(),
                resource: opened.resource.as_ref().map(ToString::to_string).unwrap_or_default(),
            }),
            Entry::Resource(_)
            | Entry::Pool(_)
            | Entry::Promotion(_)
            | Entry::MeterOpened(_)
            | Entry::Usage(_) => {}
        }
        if is_first {
            self.slots.push(slot);
        }
        flusher.touch(slot / SEGMENT_SLOTS, row.seq);
        if let Some(key) = key {
            self.keys.push((key, row.seq));
        }
        self.push(row)
    }

    /// Folds a change of the realm, as of an instant of the environment it is about, and takes
    /// its row.
    pub(crate) fn fold_realm(
        &mut self,
        working: &mut Working,
        flusher: &mut Flusher,
        change: &RealmChange,
        at: Timestamp,
    ) {
        working.realm_mut().apply(change);
        if let RealmChange::Catalog(change) = change {
            self.catalog.push((EnvChange::clone(change), at));
        }
        self.is_realm_touched = true;
        let change = Signing(change, &self.by);
        let row = plain_row(self.next_seq(), KIND_REALM, self.now.micros(), None, &change);
        flusher.touch(0, row.seq);
        self.push(row);
    }

    /// Takes the row of a remembered answer.
    pub(crate) fn remember(&mut self, key: Key, kind: u16, body: &crate::record::Remembered) {
        let seq = self.next_seq();
        let row = plain_row(seq, kind, self.now.micros(), Some(key.to_bytes()), body);
        self.keys.push((key, seq));
        self.push(row);
    }

    /// Keeps a business key for ever, with the position of the last row taken.
    pub(crate) fn keep_once(&mut self, env: u32, scope: u16, key: &[u8]) {
        let seq = self.next_seq() - 1;
        self.once.push(OnceRow { env, scope, key: key.to_vec(), seq });
    }

    pub(crate) fn into_waiters(self) -> Vec<(Waiter, Answer)> {
        self.waiters
    }

    /// Seals the batch: header, images as of its last row, listing rows.
    pub(crate) fn seal(self, working: &Working, flusher: &mut Flusher) -> Sealed {
        let Tip { number, last: after, hash: before } = self.tip;
        if self.rows.is_empty() {
            let publication = Publication { now: self.now, last: after, ..Publication::default() };
            return Sealed {
                batch: Batch { after, ..Batch::default() },
                publication,
                waiters: self.waiters,
                keys: Vec::new(),
                flushed: Vec::new(),
                hash: before,
            };
        }
        let last = after + 1 + self.rows.len() as u64;
        let flushed = flusher.take(last - after, last);
        let image_of = |(segment, _): &Flushed| {
            let (segment, body) = (*segment, image(working, *segment));
            ImageRow { segment, as_of: last, body }
        };
        let images = flushed.iter().map(image_of).collect();
        let mut header = Header {
            number: number + 1,
            now: self.now.micros(),
            rows: u32::try_from(self.rows.len()).expect("batches are limited"),
            before,
            hash: [0; 32],
            replay_after: flusher.replay_after(last),
        };
        header.hash = header.hash_over(&self.rows);
        let first = header.to_row(after + 1);
        let accounts: Vec<(u32, Arc<Account>)> = self
            .slots
            .iter()
            .map(|slot| (*slot, working.account(*slot).expect("a touched customer exists")))
            .collect();
        let account = |slot: u32| working.account(slot).expect("a touched customer exists");
        let batch = Batch {
            number: header.number,
            after,
            rows: std::iter::once(first).chain(self.rows).collect(),
            customers: self.profiles.iter().map(|slot| doc::customer(&account(*slot))).collect(),
            subscriptions: self
                .listed
                .iter()
                .map(|(slot, number)| doc::subscription(&account(*slot), *number))
                .collect(),
            pools: self.pools,
            catalog: self.catalog.iter().map(|(change, at)| doc::catalog(change, *at)).collect(),
            once: self.once,
            images,
        };
        let publication = Publication {
            accounts,
            customers: self.customers,
            subscriptions: self.subscriptions,
            realm: self.is_realm_touched.then(|| working.realm()),
            now: self.now,
            last,
        };
        Sealed {
            batch,
            publication,
            waiters: self.waiters,
            keys: self.keys,
            flushed,
            hash: header.hash,
        }
    }
}

/// The packed image of a segment; segment 0 is the realm's.
fn image(working: &Working, segment: u32) -> Vec<u8> {
    if segment == 0 {
        return to_bytes::<Realm>(&working.realm());
    }
    let slots = segment * SEGMENT_SLOTS..(segment + 1) * SEGMENT_SLOTS;
    let accounts: Vec<Arc<Account>> = slots.filter_map(|slot| working.account(slot)).collect();
    to_bytes(&accounts)
}
