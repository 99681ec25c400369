//! The open batch: rows and listing rows gathered until they are sealed into one commit.

use crate::account::{Account, RowDraft};
use crate::actor::{Actor, Signing};
use crate::command::Answer;
use crate::doc;
use crate::flush::{Flushed, Flusher};
use crate::key::Key;
use crate::limits::{
    BATCH_BYTES_MAX, BATCH_ROWS_ENOUGH, BATCH_ROWS_MAX, SEGMENT_SLOTS, SLICE_BYTES_MAX,
    SLICE_ROWS_MAX,
};
use crate::packed::Held;
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
    /// Without its header and images, until it is [written out](Self::write_out).
    pub(crate) batch: Batch,
    pub(crate) publication: Publication,
    pub(crate) waiters: Vec<(Waiter, Answer)>,
    /// The customers that it changes.
    pub(crate) slots: Vec<u32>,
    pub(crate) flushed: Vec<Flushed>,
    /// What its header says, but for the hashes.
    header: Header,
    images: Vec<(u32, Image)>,
}

/// What an image is made of.
#[derive(Debug)]
enum Image {
    Realm(Arc<Realm>),
    Customers(Vec<Held>),
}

/// The lists of a batch that is durable, empty, for one to come: with thousands of rows a commit,
/// room that is asked for and given back each time costs more than what is written into it.
#[derive(Debug, Default)]
pub(crate) struct Room {
    rows: Vec<Row>,
    waiters: Vec<(Waiter, Answer)>,
    slots: Vec<u32>,
    accounts: Vec<(u32, Arc<Account>)>,
    pub(crate) replaced: Vec<(u32, Arc<Account>)>,
}

impl Room {
    pub(crate) fn emptied(
        mut rows: Vec<Row>,
        waiters: Vec<(Waiter, Answer)>,
        mut slots: Vec<u32>,
        accounts: Vec<(u32, Arc<Account>)>,
    ) -> Self {
        assert!(waiters.is_empty() && accounts.is_empty(), "answers are given, accounts published");
        rows.clear();
        slots.clear();
        Self { rows, waiters, slots, accounts, replaced: Vec::new() }
    }
}

/// The last batch that was sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tip {
    pub(crate) number: u64,
    pub(crate) last: Seq,
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
    /// Behind the first, whose place is kept for the header.
    rows: Vec<Row>,
    /// The customers that it changes, in the order of their first change.
    slots: Vec<u32>,
    profiles: BTreeSet<u32>,
    listed: BTreeSet<(u32, SubscriptionNo)>,
    pools: Vec<PoolRow>,
    catalog: Vec<(EnvChange, Timestamp)>,
    once: Vec<OnceRow>,
    customers: Vec<(Named<CustomerId>, u32)>,
    subscriptions: Vec<(Named<SubscriptionId>, u32)>,
    waiters: Vec<(Waiter, Answer)>,
    accounts: Vec<(u32, Arc<Account>)>,
    /// Empty, with room.
    replaced: Vec<(u32, Arc<Account>)>,
    is_realm_touched: bool,
}

impl Open {
    pub(crate) fn new(tip: Tip, now: Timestamp, room: Room) -> Self {
        let Room { rows, waiters, slots, accounts, replaced } = room;
        Self {
            tip,
            now,
            by: Actor::System,
            bytes: 0,
            rows,
            slots,
            profiles: BTreeSet::new(),
            listed: BTreeSet::new(),
            pools: Vec::new(),
            catalog: Vec::new(),
            once: Vec::new(),
            customers: Vec::new(),
            subscriptions: Vec::new(),
            waiters,
            accounts,
            replaced,
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
        let is_full = self.rows_count() >= BATCH_ROWS_MAX || self.waiters.len() >= BATCH_ROWS_MAX;
        !is_full && self.bytes < BATCH_BYTES_MAX
    }

    fn rows_count(&self) -> usize {
        self.rows.len().saturating_sub(1)
    }

    /// Whether there is enough in it to be committed while commands wait.
    pub(crate) fn has_enough(&self) -> bool {
        self.rows_count().max(self.waiters.len()) >= BATCH_ROWS_ENOUGH
    }

    /// Whether it takes more due work: that leaves room for commands.
    pub(crate) fn has_slice_room(&self) -> bool {
        self.rows_count() < SLICE_ROWS_MAX && self.bytes < SLICE_BYTES_MAX && self.has_room()
    }

    /// The position of the next row; the header takes the first of the batch.
    fn next_seq(&self) -> Seq {
        self.tip.last + 2 + self.rows_count() as u64
    }

    fn push(&mut self, row: Row) -> Seq {
        let seq = row.seq;
        self.bytes += row.body.len() + 100;
        if self.rows.is_empty() {
            self.rows.push(Row::default());
        }
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
        working.reschedule(slot, due_before);
        match entry {
            Entry::Profile(profile) => {
                let env = profile.env;
                self.profiles.insert(slot);
                let name = (env, profile.id.clone());
                if working.find_customer(name.0, &name.1).is_none() {
                    working.name_customer(name.clone(), slot);
                    self.customers.push((name, slot));
                }
            }
            Entry::Subscription(terms) => {
                self.listed.insert((slot, terms.number));
                let env = working.account(slot).expect("it was changed").customer.profile.env;
                let name = (env, terms.id.clone());
                if working.find_subscription(name.0, &name.1).is_none() {
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
        let seq = self.next_seq();
        let prev = working.realm_mut().append(seq, change);
        if let RealmChange::Catalog(change) = change {
            self.catalog.push((EnvChange::clone(change), at));
        }
        self.is_realm_touched = true;
        let change = Signing(change, &self.by);
        let row = Row { prev, ..plain_row(seq, KIND_REALM, self.now.micros(), None, &change) };
        flusher.touch(0, seq);
        self.push(row);
    }

    /// Takes the row of a remembered answer; gives its position.
    pub(crate) fn remember(
        &mut self,
        key: Key,
        kind: u16,
        body: &crate::record::Remembered,
    ) -> Seq {
        let seq = self.next_seq();
        let row = plain_row(seq, kind, self.now.micros(), Some(key.to_bytes()), body);
        self.push(row)
    }

    /// Keeps a business key for ever, with the position of the last row taken.
    pub(crate) fn keep_once(&mut self, env: u32, scope: u16, key: &[u8]) {
        let seq = self.next_seq() - 1;
        self.once.push(OnceRow { env, scope, key: key.to_vec(), seq });
    }

    /// The customers that it changes.
    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots
    }

    pub(crate) fn into_waiters(self) -> Vec<(Waiter, Answer)> {
        self.waiters
    }

    /// Seals the batch: what its header says, what its images are made of as of its last row,
    /// listing rows. Bytes and hashes are for the committer, which has time meanwhile.
    pub(crate) fn seal(self, working: &Working, flusher: &mut Flusher) -> Sealed {
        let Tip { number, last: after } = self.tip;
        if self.rows.is_empty() {
            let publication = Publication { last: after, ..Publication::default() };
            return Sealed {
                batch: Batch { after, ..Batch::default() },
                publication,
                waiters: self.waiters,
                slots: self.slots,
                flushed: Vec::new(),
                header: Header::default(),
                images: Vec::new(),
            };
        }
        let last = self.next_seq() - 1;
        let flushed = flusher.take(last - after, last);
        let images = flushed.iter().map(|(segment, _)| (*segment, image(working, *segment)));
        let images = images.collect();
        let header = Header {
            number: number + 1,
            now: self.now.micros(),
            rows: u32::try_from(self.rows_count()).expect("batches are limited"),
            replay_after: flusher.replay_after(last),
            ..Header::default()
        };
        let account = |slot: u32| working.account(slot).expect("a touched customer exists");
        let mut accounts = self.accounts;
        accounts.extend(self.slots.iter().map(|slot| (*slot, Arc::clone(account(*slot)))));
        let batch = Batch {
            number: header.number,
            after,
            rows: self.rows,
            customers: self.profiles.iter().map(|slot| doc::customer(account(*slot))).collect(),
            subscriptions: self
                .listed
                .iter()
                .map(|(slot, number)| doc::subscription(account(*slot), *number))
                .collect(),
            pools: self.pools,
            catalog: self.catalog.iter().map(|(change, at)| doc::catalog(change, *at)).collect(),
            once: self.once,
            images: Vec::new(),
        };
        let publication = Publication {
            accounts,
            replaced: self.replaced,
            customers: self.customers,
            subscriptions: self.subscriptions,
            realm: self.is_realm_touched.then(|| Arc::clone(working.realm())),
            last,
        };
        Sealed {
            batch,
            publication,
            waiters: self.waiters,
            slots: self.slots,
            flushed,
            header,
            images,
        }
    }
}

impl Sealed {
    /// Writes its images and its header, which chains it to the batch whose hash is given; gives
    /// its own.
    pub(crate) fn write_out(&mut self, before: [u8; 32]) -> [u8; 32] {
        let Self { batch, publication, header, images, .. } = self;
        let Some((place, rows)) = batch.rows.split_first_mut() else { return before };
        header.before = before;
        header.hash = header.hash_over(rows);
        *place = header.to_row(batch.after + 1);
        let as_of = publication.last;
        let rows = images.drain(..).map(|(segment, image)| {
            let body = image.to_bytes();
            ImageRow { segment, as_of, body }
        });
        batch.images = rows.collect();
        header.hash
    }
}

impl Image {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Realm(realm) => to_bytes::<Realm>(realm),
            Self::Customers(held) => to_bytes(held),
        }
    }
}

/// What the packed image of a segment is made of; segment 0 is the realm's.
fn image(working: &Working, segment: u32) -> Image {
    if segment == 0 {
        return Image::Realm(Arc::clone(working.realm()));
    }
    let slots = segment * SEGMENT_SLOTS..(segment + 1) * SEGMENT_SLOTS;
    Image::Customers(slots.filter_map(|slot| working.held(slot)).collect())
}
