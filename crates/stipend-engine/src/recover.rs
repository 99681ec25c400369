//! What a start reads: images, then the tail of the journal folded over them, then keys. Images,
//! folding and keys are spread over the processors; the chain of batches is verified by one
//! thread, in order.

use crate::account::Account;
use crate::batch::Tip;
use crate::limits::{
    LOAD_DECODED_MAX, LOAD_IMAGES, LOAD_KEY_ROWS, LOAD_ROWS, LOAD_THREADS_MAX, SEGMENT_SLOTS,
    SLOT_FIRST,
};
use crate::load::{Walk, damaged, fold_change, fold_entry, read_header, tail_start};
use crate::packed::{Packed, Place, SLOTS, pack_alone, place_of, unpack};
use crate::progress::{LoadProgress, LoadStage};
use crate::published::Names;
use crate::realm::Realm;
use crate::record::{KIND_HEADER, KIND_REMEMBERED, Record};
use crossbeam_channel::{Receiver, Sender, bounded};
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use stipend_core::customer::Entry;
use stipend_core::{Customer, EnvId, Slot, Timestamp};
use stipend_store::codec::from_bytes;
use stipend_store::{Reader, Row, Seq, StoreError};

/// The state that a journal folds to, and where the journal ends.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) realm: Realm,
    pub(crate) segments: BTreeMap<u32, Packed>,
    pub(crate) names: Names,
    pub(crate) known: Known,
    pub(crate) tip: Tip,
    /// The hash of the last batch.
    pub(crate) hash: [u8; 32],
    pub(crate) now: Timestamp,
    /// Segments whose image lags, each with the position of its first change since.
    pub(crate) lagging: BTreeMap<u32, Seq>,
}

/// What is kept of all customers beside themselves.
#[derive(Debug)]
pub(crate) struct Known {
    /// What is due when.
    pub(crate) due: Vec<(EnvId, Timestamp, u32)>,
    /// The environments that have customers.
    pub(crate) peopled: BTreeSet<EnvId>,
    /// The slots from here on are free.
    pub(crate) next_slot: u32,
}

impl Default for Known {
    fn default() -> Self {
        Self { due: Vec::new(), peopled: BTreeSet::new(), next_slot: SLOT_FIRST }
    }
}

impl Known {
    fn take(&mut self, slot: u32, env: EnvId, due: Option<Timestamp>) {
        self.peopled.insert(env);
        self.due.extend(due.map(|due| (env, due, slot)));
        self.next_slot = self.next_slot.max(slot + 1);
    }

    /// Forgets the customers at these places of these segments, and takes what is known instead.
    fn replace(&mut self, changed: &HashMap<u32, u64, RandomState>, instead: Self) {
        self.due.retain(|(_, _, slot)| {
            let changed = changed.get(&(slot / SEGMENT_SLOTS));
            changed.is_none_or(|places| places & (1 << place_of(*slot)) == 0)
        });
        self.add(instead);
    }

    fn add(&mut self, other: Self) {
        self.due.extend(other.due);
        self.peopled.extend(other.peopled);
        self.next_slot = self.next_slot.max(other.next_slot);
    }
}

impl Loaded {
    /// The customer in a slot.
    pub(crate) fn account(&self, slot: u32) -> Option<Account> {
        match self.segments.get(&(slot / SEGMENT_SLOTS))?.at(place_of(slot)) {
            Place::Packed(bytes) => Some(unpack(bytes)),
            Place::Free | Place::Decoded => None,
        }
    }

    /// How many customers there are.
    pub(crate) fn count(&self) -> usize {
        self.segments.values().map(Packed::count).sum()
    }
}

/// Does the same on several threads, but not on more than there are tasks.
fn on_threads<T: Send>(tasks: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    let threads = threads().min(tasks);
    if threads <= 1 {
        return vec![work()];
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|result| result.unwrap_or_else(|cause| resume_unwind(cause))).collect()
    })
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(LOAD_THREADS_MAX)
}

/// Reads images and the tail behind them. Rows that an image already has are skipped for it.
///
/// # Panics
/// Where an entry contradicts an invariant.
pub(crate) fn load(reader: &dyn Reader, progress: &LoadProgress) -> Result<Loaded, StoreError> {
    let last = reader.last()?;
    let ends: BTreeMap<u32, Seq> = reader.image_ends()?.into_iter().collect();
    if let Some((segment, _)) = ends.iter().find(|(_, as_of)| **as_of > last) {
        return Err(damaged(format!("the image of segment {segment} is ahead of the journal")));
    }
    let mut loaded = read_images(reader, &ends, progress)?;
    let tip_at = reader.last_header()?;
    if tip_at == 0 {
        if last > 0 || !ends.is_empty() {
            return Err(damaged("there are rows and no header"));
        }
        return Ok(loaded);
    }
    let tip = read_header(reader, tip_at)?;
    if tip_at + u64::from(tip.rows) != last {
        return Err(damaged(format!("batch {} is cut", tip.number)));
    }
    if tip.replay_after > last {
        return Err(damaged(format!("the tail of batch {} is ahead of the journal", tip.number)));
    }
    let (from, before) = tail_start(reader, tip.replay_after)?;
    progress.begin(LoadStage::Journal, last + 1 - from);
    let tail = Tail { walk: Walk::new(reader, from, before)?, ends: &ends, progress };
    tail.fold(&mut loaded)?;
    loaded.tip = Tip { number: tip.number, last };
    loaded.hash = tip.hash;
    loaded.now = Timestamp::from_micros(tip.now);
    Ok(loaded)
}

/// Reads all images, so many at a time on each thread.
fn read_images(
    reader: &dyn Reader,
    ends: &BTreeMap<u32, Seq>,
    progress: &LoadProgress,
) -> Result<Loaded, StoreError> {
    progress.begin(LoadStage::Images, ends.len() as u64);
    let names = Names::with_room(ends.len() * SLOTS);
    let segments: Vec<u32> = ends.keys().copied().collect();
    let chunks: Vec<&[u32]> = segments.chunks(LOAD_IMAGES).collect();
    let next = AtomicU64::new(0);
    let parts = on_threads(chunks.len(), || {
        let mut part = (None, Vec::new(), Known::default());
        while let Some(chunk) = take_next(&next, &chunks) {
            for image in reader.images_from(chunk[0], chunk.len())? {
                read_image(image.segment, image.body, &names, &mut part)?;
                progress.advance(1);
            }
        }
        Ok::<_, StoreError>(part)
    });
    let mut loaded = Loaded {
        realm: Realm::default(),
        segments: BTreeMap::new(),
        names,
        known: Known::default(),
        tip: Tip { number: 0, last: 0 },
        hash: [0; 32],
        now: Timestamp::EPOCH,
        lagging: BTreeMap::new(),
    };
    for part in parts {
        let (realm, segments, known) = part?;
        loaded.realm = realm.unwrap_or(loaded.realm);
        loaded.segments.extend(segments);
        loaded.known.add(known);
    }
    Ok(loaded)
}

fn take_next<'a, T>(next: &AtomicU64, all: &'a [T]) -> Option<&'a T> {
    all.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok()?)
}

type ImagePart = (Option<Realm>, Vec<(u32, Packed)>, Known);

fn read_image(
    segment: u32,
    body: Vec<u8>,
    names: &Names,
    (realm, segments, known): &mut ImagePart,
) -> Result<(), StoreError> {
    let unreadable = |error| damaged(format!("image of segment {segment}: {error}"));
    if segment == 0 {
        *realm = Some(from_bytes(&body).map_err(unreadable)?);
        return Ok(());
    }
    let packed = Packed::from_image(segment, body, |account| {
        let customer = &account.customer;
        known.take(customer.slot.0, customer.profile.env, customer.next_due);
        names.take(account);
    });
    segments.push((segment, packed.map_err(unreadable)?));
    Ok(())
}

/// A customer that the tail has changed, packed.
#[derive(Debug)]
struct Folded {
    bytes: Box<[u8]>,
    env: EnvId,
    due: Option<Timestamp>,
}

/// The changed customers of a segment, by their places in it.
type FoldedSegment = Box<[Option<Folded>; SLOTS]>;

/// Segments that one thread has folded rows into.
struct Share {
    segments: BTreeMap<u32, Packed>,
    /// The segments that rows were about, with the places of the changed customers, as bits.
    changed: Vec<(u32, u64)>,
    /// What is known of the changed customers.
    known: Known,
}

/// The rows that a start folds.
struct Tail<'a> {
    walk: Walk<'a>,
    ends: &'a BTreeMap<u32, Seq>,
    progress: &'a LoadProgress,
}

impl Tail<'_> {
    /// Verifies batch after batch and has their rows folded, those of a segment always by the
    /// same thread, to which the segment is given meanwhile.
    fn fold(mut self, loaded: &mut Loaded) -> Result<(), StoreError> {
        let Loaded { realm, segments, names, lagging, known, .. } = loaded;
        let names = &*names;
        let mut shares: Vec<_> = (0..threads()).map(|_| BTreeMap::new()).collect();
        for (segment, packed) in std::mem::take(segments) {
            let thread = segment as usize % shares.len();
            shares[thread].insert(segment, packed);
        }
        let (mut changed, mut added) = (HashMap::default(), Known::default());
        std::thread::scope(|scope| {
            let (senders, folders): (Vec<_>, Vec<_>) = shares
                .into_iter()
                .map(|share| {
                    let (rows_out, rows_in) = bounded(4);
                    let folder = Folder::new(share, names);
                    (rows_out, scope.spawn(move || folder.run(&rows_in)))
                })
                .unzip();
            let walked = self.walk(&senders, realm, lagging);
            drop(senders);
            let mut first: Option<(Seq, StoreError)> = None;
            for folder in folders {
                match folder.join().unwrap_or_else(|cause| resume_unwind(cause)) {
                    Ok(share) => {
                        segments.extend(share.segments);
                        changed.extend(share.changed);
                        added.add(share.known);
                    }
                    Err(error) if first.as_ref().is_some_and(|first| first.0 < error.0) => {}
                    Err(error) => first = Some(error),
                }
            }
            // What was folded stands before where the walk has come to.
            first.map_or(walked, |(_, error)| Err(error))
        })?;
        known.replace(&changed, added);
        Ok(())
    }

    fn walk(
        &mut self,
        folders: &[Sender<Vec<Row>>],
        realm: &mut Realm,
        lagging: &mut BTreeMap<u32, Seq>,
    ) -> Result<(), StoreError> {
        let room = || Vec::with_capacity(LOAD_ROWS);
        let mut waiting: Vec<Vec<Row>> = folders.iter().map(|_| room()).collect();
        let mut rows = Vec::new();
        while self.walk.next_batch(&mut rows)?.is_some() {
            self.progress.advance(rows.len() as u64 + 1);
            for row in rows.drain(..).filter(|row| row.kind != KIND_HEADER) {
                let segment = row.slot / SEGMENT_SLOTS;
                if self.ends.get(&segment).is_some_and(|as_of| *as_of >= row.seq) {
                    continue;
                }
                if row.kind != KIND_REMEMBERED {
                    lagging.entry(segment).or_insert(row.seq);
                }
                if segment == 0 {
                    fold_realm(realm, &row)?;
                    continue;
                }
                let folder = segment as usize % folders.len();
                waiting[folder].push(row);
                // A folder that has ended has met something wrong, and says what.
                if waiting[folder].len() == LOAD_ROWS
                    && folders[folder]
                        .send(std::mem::replace(&mut waiting[folder], room()))
                        .is_err()
                {
                    return Ok(());
                }
            }
        }
        for (folder, rows) in folders.iter().zip(waiting) {
            // As above.
            let _ = folder.send(rows);
        }
        Ok(())
    }
}

fn fold_realm(realm: &mut Realm, row: &Row) -> Result<(), StoreError> {
    match Record::decode(row)? {
        Record::Header(_) | Record::Remembered(_) => Ok(()),
        Record::Realm(change) => fold_change(realm, row, &change),
        Record::Customer(_) => Err(damaged(format!("row {}: no customer", row.seq))),
    }
}

/// Folds the rows of some segments. It keeps few customers decoded, so that a start takes no more
/// memory than what it has started.
struct Folder<'a> {
    segments: BTreeMap<u32, Packed>,
    names: &'a Names,
    decoded: HashMap<u32, Account, RandomState>,
    /// The decoded ones, longest decoded first.
    order: VecDeque<u32>,
    folded: HashMap<u32, FoldedSegment, RandomState>,
}

impl<'a> Folder<'a> {
    fn new(segments: BTreeMap<u32, Packed>, names: &'a Names) -> Self {
        let (decoded, order) = (HashMap::default(), VecDeque::new());
        Self { segments, names, decoded, order, folded: HashMap::default() }
    }

    /// Folds all rows; gives the segments as they are then.
    fn run(mut self, rows: &Receiver<Vec<Row>>) -> Result<Share, (Seq, StoreError)> {
        for row in rows.iter().flatten() {
            let seq = row.seq;
            self.fold(row).map_err(|error| (seq, error))?;
        }
        while self.pack_oldest() {}
        Ok(self.finish())
    }

    fn fold(&mut self, row: Row) -> Result<(), StoreError> {
        let Record::Customer(entry) = Record::decode(&row)? else {
            return Err(damaged(format!("row {}: it is of no customer", row.seq)));
        };
        let (slot, seq) = (row.slot, row.seq);
        if !self.decoded.contains_key(&slot) {
            let account = self.find(slot, &entry);
            let account = account.ok_or_else(|| damaged(format!("row {seq}: no customer")))?;
            self.decoded.insert(slot, account);
            self.order.push_back(slot);
            if self.order.len() > LOAD_DECODED_MAX {
                self.pack_oldest();
            }
        }
        fold_entry(self.decoded.get_mut(&slot).expect("it was just decoded"), row, &entry)
    }

    fn find(&self, slot: u32, entry: &Entry) -> Option<Account> {
        let (segment, place) = (slot / SEGMENT_SLOTS, place_of(slot));
        if let Some(folded) = self.folded.get(&segment).and_then(|all| all[place].as_ref()) {
            return Some(unpack(&folded.bytes));
        }
        let packed = self.segments.get(&segment);
        match (packed.map(|packed| packed.at(place)), entry) {
            (Some(Place::Packed(bytes)), _) => Some(unpack(bytes)),
            (_, Entry::Profile(profile)) => {
                Some(Account::new(Customer::new(Slot(slot), profile.clone())))
            }
            _ => None,
        }
    }

    /// Packs the customer that has been decoded for longest; answers whether there was one.
    fn pack_oldest(&mut self) -> bool {
        let Some(slot) = self.order.pop_front() else { return false };
        let account = self.decoded.remove(&slot).expect("the order is of decoded ones");
        self.names.take_again(&account);
        let Customer { profile, next_due: due, .. } = &account.customer;
        let folded = Folded { bytes: pack_alone(&account), env: profile.env, due: *due };
        let segment = self.folded.entry(slot / SEGMENT_SLOTS);
        let segment = segment.or_insert_with(|| Box::new([const { None }; SLOTS]));
        segment[place_of(slot)] = Some(folded);
        true
    }

    /// Puts the customers that the rows have changed in the place of what their images say.
    fn finish(self) -> Share {
        let Self { segments, folded, .. } = self;
        let mut share = Share { segments, changed: Vec::new(), known: Known::default() };
        for (segment, folded) in folded {
            let before = share.segments.remove(&segment);
            let places = std::array::from_fn(|place| match &folded[place] {
                Some(folded) => Place::Packed(&folded.bytes),
                None => before.as_ref().map_or(Place::Free, |before| before.at(place)),
            });
            share.segments.insert(segment, Packed::of(&places));
            let mut changed = 0;
            for (place, folded) in (0..).zip(folded.iter()) {
                let Some(folded) = folded else { continue };
                share.known.take(segment * SEGMENT_SLOTS + place, folded.env, folded.due);
                changed |= 1 << place;
            }
            share.changed.push((segment, changed));
        }
        share
    }
}

/// The keys that stand from a position on, in order.
pub(crate) fn read_keys(
    reader: &dyn Reader,
    from: Option<Seq>,
    progress: &LoadProgress,
) -> Result<impl Iterator<Item = ([u8; 16], Seq)>, StoreError> {
    let until = reader.last()? + 1;
    let from = from.unwrap_or(until);
    progress.begin(LoadStage::Keys, until - from);
    let starts: Vec<Seq> = (from..until).step_by(LOAD_KEY_ROWS).collect();
    let next = AtomicU64::new(0);
    let parts = on_threads(starts.len(), || {
        let mut keys = Vec::new();
        while let Some(start) = take_next(&next, &starts) {
            let end = until.min(start + LOAD_KEY_ROWS as u64);
            keys.push((*start, reader.keys_between(*start, end)?));
            progress.advance(end - start);
        }
        Ok::<_, StoreError>(keys)
    });
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let in_order: BTreeMap<Seq, Vec<([u8; 16], Seq)>> = parts.into_iter().flatten().collect();
    Ok(in_order.into_values().flatten())
}
