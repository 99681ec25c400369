//! The self-audit: the whole journal folded from the beginning, every rule looked at again.

use crate::account::{Account, KIND_CONSUMPTION, KIND_USAGE};
use crate::actor::Actor;
use crate::key::{Key, ScopeHash};
use crate::limits::{KEY_AUDIT_SECONDS, SEGMENT_SLOTS};
use crate::load::{State, Walk, damaged};
use crate::progress::LoadProgress;
use crate::realm::Realm;
use crate::record::Record;
use crate::recover::{Loaded, load};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use stipend_core::customer::{Effect, Entry, PoolEntry};
use stipend_core::{Amount, PoolId, ReservationId, Timestamp};
use stipend_store::{ImageRow, Reader, Seq, StoreError};

/// What the audit looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Batches.
    pub batches: u64,
    /// Rows, headers included.
    pub rows: u64,
    /// Customers.
    pub customers: u64,
    /// Pools.
    pub pools: u64,
    /// The hash of the last batch, which is that of everything before it too.
    pub head: [u8; 32],
}

/// Verifies a journal: positions and batches without gap, hashes, columns and pointers as their
/// entries make them, every invariant that folding asserts, idempotency keys and ids of
/// reservations used once, pools in order and adding up, images and tail equal to the fold from the beginning.
///
/// # Errors
/// [`StoreError::Damaged`] naming the first damaged place.
///
/// # Panics
/// Where an entry contradicts an invariant; [`verify`] turns that into an error.
fn audit(reader: &dyn Reader, progress: &mut dyn FnMut(Audit)) -> Result<Audit, StoreError> {
    let mut state = State::default();
    let mut audit = Audit::default();
    let mut keys: HashMap<ScopeHash, Timestamp> = HashMap::new();
    let mut reserved = HashSet::new();
    let mut signers = HashSet::new();
    let mut walk = Walk::new(reader, 1, None)?;
    let mut images = images_by_end(reader)?;
    let mut last = 0;
    let mut rows = Vec::new();
    while let Some(header) = walk.next_batch(&mut rows)? {
        let now = Timestamp::from_micros(header.now);
        for row in &rows {
            state.fold(row)?;
            let is_reported = [KIND_CONSUMPTION, KIND_USAGE].contains(&row.kind);
            let key = row.key.filter(|_| is_reported).map(Key::from_bytes);
            // The same content may be reported again by whoever does not say that it is a retry.
            if let Some(key) = key.filter(|key| !key.is_content()) {
                let before = keys.insert(key.scope, now);
                // A key that is no longer remembered may be used again, with any meaning.
                if before.is_some_and(|before| before.plus_seconds(KEY_AUDIT_SECONDS) >= now) {
                    return Err(damaged(format!("row {}: its idempotency key was used", row.seq)));
                }
            }
            let (record, by) = Record::decode_signed(row)?;
            if let Some(Actor::Key(number)) = by
                && signers.insert(number)
                && state.realm.find_key(number).is_none()
            {
                return Err(damaged(format!("row {}: it was done with no key there is", row.seq)));
            }
            if let Record::Customer(Entry::Pool(entry)) = record {
                check_overdraft_first(&state, entry.pool, &entry.effects)
                    .and_then(|()| check_reserved_once(&mut reserved, &entry))
                    .map_err(|why| damaged(format!("row {}: {why}", row.seq)))?;
            }
        }
        audit.batches += 1;
        audit.head = header.hash;
        audit.rows += rows.len() as u64 + 1;
        last += rows.len() as Seq + 1;
        for image in images.remove(&last).unwrap_or_default() {
            compare_image(&image, &state)?;
        }
        progress(audit);
    }
    for account in state.accounts.values() {
        audit.customers += 1;
        for pool in &account.customer.pools {
            audit.pools += 1;
            pool.verify().map_err(damaged)?;
        }
        account.customer.verify_usages().map_err(damaged)?;
    }
    compare(&load(reader, &LoadProgress::default())?, &state)?;
    if let Some(image) = images.values().flatten().next() {
        let segment = image.segment;
        return Err(damaged(format!("the image of segment {segment} is of no batch's end")));
    }
    Ok(audit)
}

fn images_by_end(reader: &dyn Reader) -> Result<BTreeMap<Seq, Vec<ImageRow>>, StoreError> {
    let mut images = BTreeMap::<Seq, Vec<ImageRow>>::new();
    for image in reader.images()? {
        images.entry(image.as_of).or_default().push(image);
    }
    Ok(images)
}

/// Compares an image with the journal up to where it was made: what comes later may hide what is
/// wrong with it.
fn compare_image(image: &ImageRow, folded: &State) -> Result<(), StoreError> {
    let mut held = State::default();
    held.read_image(image.segment, &image.body)?;
    if image.segment == 0 {
        return compare_realm(&held.realm, folded);
    }
    let first = image.segment.saturating_mul(SEGMENT_SLOTS);
    compare_accounts(&held, folded, first..first.saturating_add(SEGMENT_SLOTS))
}

/// Invariant 10: after a grant came, nothing of it is left beside an overdraft.
fn check_overdraft_first(state: &State, id: PoolId, effects: &[Effect]) -> Result<(), String> {
    let grants =
        effects.iter().any(|effect| matches!(effect, Effect::Granted(_) | Effect::Activated(_)));
    let account = state.accounts.get(&id.slot().0);
    let Some(pool) = account.and_then(|account| account.customer.pool(id)).filter(|_| grants)
    else {
        return Ok(());
    };
    let overdraft = pool.overdraft.map_or(Amount::ZERO, |overdraft| overdraft.amount);
    let is_settled =
        overdraft.is_zero() || pool.live.open().iter().all(|grant| grant.remaining().is_zero());
    if is_settled { Ok(()) } else { Err("a grant came and left the overdraft open".to_owned()) }
}

/// Invariant 5 for reservations, whose ids are never used again in their pool.
fn check_reserved_once(
    reserved: &mut HashSet<(PoolId, ReservationId)>,
    entry: &PoolEntry,
) -> Result<(), String> {
    for effect in &entry.effects {
        let Effect::Reserved(hold) = effect else { continue };
        if !reserved.insert((entry.pool, hold.id.clone())) {
            return Err(format!("reservation {} was made before", hold.id));
        }
    }
    Ok(())
}

/// Compares what a start reads with the fold of the whole journal.
fn compare(loaded: &Loaded, folded: &State) -> Result<(), StoreError> {
    compare_realm(&loaded.realm, folded)?;
    for (slot, account) in &folded.accounts {
        if loaded.account(*slot).as_ref() != Some(account) {
            return Err(differs(account));
        }
    }
    compare_counts(loaded.count(), folded.accounts.len())
}

fn differs(account: &Account) -> StoreError {
    let id = &account.customer.profile.id;
    damaged(format!("the image of customer {id} differs from its journal"))
}

fn compare_counts(held: usize, folded: usize) -> Result<(), StoreError> {
    if held == folded {
        return Ok(());
    }
    Err(damaged("images hold customers that the journal does not know"))
}

fn compare_realm(realm: &Realm, folded: &State) -> Result<(), StoreError> {
    if *realm == folded.realm {
        return Ok(());
    }
    Err(damaged("the image of the realm differs from its journal"))
}

fn compare_accounts(held: &State, folded: &State, slots: Range<u32>) -> Result<(), StoreError> {
    for (slot, account) in folded.accounts.range(slots.clone()) {
        if held.accounts.get(slot) != Some(account) {
            return Err(differs(account));
        }
    }
    compare_counts(held.accounts.len(), folded.accounts.range(slots).count())
}

/// Verifies a journal; `progress` is told after every batch how far it is.
///
/// # Errors
/// [`StoreError::Damaged`] naming the first damaged place, and what reading fails with.
pub fn verify(reader: &dyn Reader, mut progress: impl FnMut(Audit)) -> Result<Audit, StoreError> {
    let attempt = std::panic::AssertUnwindSafe(|| audit(reader, &mut progress));
    match std::panic::catch_unwind(attempt) {
        Ok(result) => result,
        Err(cause) => {
            let why = cause.downcast_ref::<String>().cloned();
            let why = why.or_else(|| cause.downcast_ref::<&str>().map(ToString::to_string));
            Err(damaged(format!(
                "an entry contradicts an invariant: {}",
                why.unwrap_or_else(|| "no reason was given".to_owned())
            )))
        }
    }
}
