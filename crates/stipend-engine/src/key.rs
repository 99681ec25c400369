//! Idempotency keys: what makes two requests the same, and what tells them apart.

use crate::limits::{KEY_RETENTION_SECONDS, RETRY_WINDOW_SECONDS};
use crate::memory::{Queue, Sharded};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use stipend_core::customer::{
    ConsumeRequest, DimensionValue, EventRequest, HoldTerm, ReleaseRequest, ReserveRequest,
    UsageRequest,
};
use stipend_core::{CurrencyId, EnvId, ReservationId, ResourceId, Timestamp};
use stipend_store::Seq;

/// Hash of what a key is scoped to, with the key.
pub type ScopeHash = [u8; 10];
/// Hash of what the request means.
pub type MeaningHash = [u8; 6];

/// A key as the journal keeps it: 10 bytes that find it and 6 that tell another meaning. Among a
/// thousand million keys the odds that two share the first part are one in two million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// What it is scoped to, with the key itself.
    pub scope: ScopeHash,
    /// What the request means.
    pub meaning: MeaningHash,
}

/// The meaning of keys that recognise a request by its content: they have none of their own.
const CONTENT: MeaningHash = *b"retry\0";

/// What a key is for; keys of different operations never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Consumption, single or in bulk.
    Consumption,
    /// A request with the header `Idempotency-Key`.
    Request,
    /// A request without a key, recognised by its content.
    Retry,
    /// A reservation, by its id.
    Reservation,
    /// The release of a reservation, by the reservation's id.
    Release,
    /// A report of usage.
    Usage,
    /// An event.
    Event,
}

/// Where a reservation stands: its customer, its pool and its id.
#[derive(Clone, Copy, Debug)]
pub struct ReservationPlace<'a> {
    /// The environment.
    pub env: EnvId,
    /// The customer.
    pub customer: &'a str,
    /// The credit type.
    pub currency: &'a CurrencyId,
    /// The resource.
    pub resource: Option<&'a ResourceId>,
    /// The reservation.
    pub id: &'a ReservationId,
}

impl ReservationPlace<'_> {
    fn key(&self, operation: Operation, meaning: &[u8]) -> Key {
        let resource = self.resource.map_or("", ResourceId::as_str);
        let parts = [self.customer, resource, self.currency.as_str(), self.id.as_str()];
        Key::new(self.env, operation, &parts, meaning)
    }

    /// What the keys of its making are scoped to.
    #[must_use]
    pub fn scope(&self) -> ScopeHash {
        self.key(Operation::Reservation, &[]).scope
    }

    /// What the keys of its release are scoped to.
    #[must_use]
    pub fn release_scope(&self) -> ScopeHash {
        self.key(Operation::Release, &[]).scope
    }
}

impl Key {
    /// The key of an operation in an environment, scoped further by `parts`.
    #[must_use]
    pub fn new(env: EnvId, operation: Operation, parts: &[&str], meaning: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&env.0.to_le_bytes());
        hasher.update(&[operation as u8]);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let meaning = match operation {
            Operation::Retry => CONTENT,
            Operation::Consumption
            | Operation::Request
            | Operation::Reservation
            | Operation::Release
            | Operation::Usage
            | Operation::Event => first(blake3::Hasher::new().update(meaning)),
        };
        Self { scope: first(&hasher), meaning }
    }

    /// Whether it recognises a request by its content, which is its whole scope.
    pub(crate) fn is_content(self) -> bool {
        self.meaning == CONTENT
    }

    fn retention_seconds(self) -> i64 {
        if self.is_content() { RETRY_WINDOW_SECONDS } else { KEY_RETENTION_SECONDS }
    }

    /// The key of a consumption: scoped to customer, resource and credit type (`behaviour.md`
    /// §0.10). Amount, time and dimensions are its meaning; whether it is strict is not.
    #[must_use]
    pub fn of_consumption(env: EnvId, customer: &str, request: &ConsumeRequest, key: &str) -> Self {
        let resource = request.resource.as_ref().map_or("", |resource| resource.as_str());
        let parts = [customer, resource, request.currency.as_str(), key];
        let mut meaning = request.amount.nano().to_le_bytes().to_vec();
        meaning.extend(request.reported_at.map_or(0, Timestamp::micros).to_le_bytes());
        add_dimensions(&mut meaning, &request.dimensions);
        Self::new(env, Operation::Consumption, &parts, &meaning)
    }

    /// The key of a report of usage: scoped to customer, resource and feature. Value, behavior,
    /// time and dimensions are its meaning.
    #[must_use]
    pub fn of_usage(env: EnvId, customer: &str, request: &UsageRequest, key: &str) -> Self {
        let UsageRequest { feature, resource, value, is_set, reported_at, dimensions, event_id: _ } =
            request;
        let resource = resource.as_ref().map_or("", |resource| resource.as_str());
        let mut meaning = value.nano().to_le_bytes().to_vec();
        meaning.push(u8::from(*is_set));
        meaning.extend(reported_at.map_or(0, Timestamp::micros).to_le_bytes());
        add_dimensions(&mut meaning, dimensions);
        Self::new(env, Operation::Usage, &[customer, resource, feature.as_str(), key], &meaning)
    }

    /// The key of an event: scoped to customer, resource and name. Time and dimensions are its
    /// meaning.
    #[must_use]
    pub fn of_event(env: EnvId, customer: &str, request: &EventRequest, key: &str) -> Self {
        let EventRequest { name, resource, reported_at, dimensions, event_id: _ } = request;
        let resource = resource.as_ref().map_or("", |resource| resource.as_str());
        let mut meaning = reported_at.map_or(0, Timestamp::micros).to_le_bytes().to_vec();
        add_dimensions(&mut meaning, dimensions);
        Self::new(env, Operation::Event, &[customer, resource, name, key], &meaning)
    }

    /// The key of a reservation: amount, end and data are its meaning.
    #[must_use]
    pub fn of_reservation(env: EnvId, customer: &str, request: &ReserveRequest) -> Self {
        let ReserveRequest { currency, resource, id, amount, term, metadata } = request;
        let mut meaning = amount.nano().to_le_bytes().to_vec();
        match term {
            HoldTerm::Seconds(seconds) => {
                meaning.push(1);
                meaning.extend(seconds.to_le_bytes());
            }
            HoldTerm::Until(at) => {
                meaning.push(2);
                meaning.extend(at.micros().to_le_bytes());
            }
        }
        for text in metadata.iter().flat_map(|(name, value)| [name, value]) {
            meaning.extend((text.len() as u64).to_le_bytes());
            meaning.extend(text.as_bytes());
        }
        let resource = resource.as_ref();
        ReservationPlace { env, customer, currency, resource, id }
            .key(Operation::Reservation, &meaning)
    }

    /// The key of a release: what was consumed is its meaning.
    #[must_use]
    pub fn of_release(env: EnvId, customer: &str, request: &ReleaseRequest) -> Self {
        let ReleaseRequest { currency, resource, id, consumed, is_known: _ } = request;
        let resource = resource.as_ref();
        ReservationPlace { env, customer, currency, resource, id }
            .key(Operation::Release, &consumed.nano().to_le_bytes())
    }

    /// The bytes that the journal keeps.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..10].copy_from_slice(&self.scope);
        bytes[10..].copy_from_slice(&self.meaning);
        bytes
    }

    /// The key that the journal kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let mut key = Self { scope: [0; 10], meaning: [0; 6] };
        key.scope.copy_from_slice(&bytes[..10]);
        key.meaning.copy_from_slice(&bytes[10..]);
        key
    }
}

fn first<const N: usize>(hasher: &blake3::Hasher) -> [u8; N] {
    let mut bytes = [0; N];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Dimensions as a part of a meaning.
fn add_dimensions(meaning: &mut Vec<u8>, dimensions: &[(String, DimensionValue)]) {
    for (name, value) in dimensions {
        meaning.extend((name.len() as u64).to_le_bytes());
        meaning.extend(name.as_bytes());
        match value {
            DimensionValue::Text(text) => {
                meaning.push(1);
                meaning.extend((text.len() as u64).to_le_bytes());
                meaning.extend(text.as_bytes());
            }
            DimensionValue::Number(number) => {
                meaning.push(2);
                meaning.extend(number.nano().to_le_bytes());
            }
            DimensionValue::Flag(flag) => meaning.extend([3, u8::from(*flag)]),
        }
    }
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known<T> {
    /// Nothing.
    New,
    /// It was decided and is not durable yet; this was the answer.
    Pending(T),
    /// Its row stands at this position.
    Durable(Seq),
    /// It was used with another meaning.
    Reused,
}

/// A durable key: where its row stands, and until when it is remembered.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    meaning: MeaningHash,
    seq: Seq,
    at: Timestamp,
}

/// All retained keys: the pending ones with their answers, and the durable ones with their
/// positions. Only the decider looks here, so nothing is locked. What is older than its retention
/// is forgotten as new keys come, so their number is bounded by the rate of requests.
#[derive(Debug)]
pub(crate) struct Keys<T> {
    pending: HashMap<ScopeHash, (MeaningHash, u64, T), RandomState>,
    durable: Sharded<Remembered>,
    /// Keys of callers and keys of content, each in the order in which they became durable.
    ages: [Queue<(Timestamp, ScopeHash)>; 2],
}

impl<T: Clone> Keys<T> {
    /// The keys that a journal retains. When exactly each came is not read, so they are kept for a
    /// full retention from `now`; those of content only where they stand at `retries_from` or
    /// behind it.
    pub(crate) fn new(
        durable: impl IntoIterator<Item = ([u8; 16], Seq)>,
        retries_from: Seq,
        now: Timestamp,
    ) -> Self {
        let ages = [Queue::default(), Queue::default()];
        let mut keys = Self { pending: HashMap::default(), durable: Sharded::default(), ages };
        for (bytes, seq) in durable {
            let key = Key::from_bytes(bytes);
            if !key.is_content() || seq >= retries_from {
                keys.insert(key, seq, now);
            }
        }
        keys
    }

    pub(crate) fn look_up(&self, key: Key, now: Timestamp) -> Known<T> {
        if let Some((meaning, _, answer)) = self.pending.get(&key.scope) {
            return if *meaning == key.meaning {
                Known::Pending(answer.clone())
            } else {
                Known::Reused
            };
        }
        let found = self.durable.get(&key.scope);
        match found.filter(|found| found.at.plus_seconds(key.retention_seconds()) >= now) {
            Some(found) if found.meaning == key.meaning => Known::Durable(found.seq),
            Some(_) => Known::Reused,
            None => Known::New,
        }
    }

    /// Whether a key with that scope is known, whatever it means.
    pub(crate) fn knows(&self, scope: &ScopeHash) -> bool {
        self.pending.contains_key(scope) || self.durable.get(scope).is_some()
    }

    /// Notes a decided key; `batch` is the batch that will make it durable.
    pub(crate) fn decide(&mut self, key: Key, batch: u64, answer: T) {
        self.pending.insert(key.scope, (key.meaning, batch, answer));
    }

    /// Moves a key from pending to durable; a newer pending use of it stays.
    pub(crate) fn publish(&mut self, key: Key, batch: u64, seq: Seq, now: Timestamp) {
        if let Entry::Occupied(pending) = self.pending.entry(key.scope)
            && pending.get().1 == batch
        {
            pending.remove();
        }
        self.insert(key, seq, now);
        self.forget_old(key, now);
    }

    fn insert(&mut self, key: Key, seq: Seq, at: Timestamp) {
        self.durable.insert(key.scope, Remembered { meaning: key.meaning, seq, at });
        self.ages[usize::from(key.is_content())].push((at, key.scope));
    }

    /// Forgets the keys of the same kind whose retention is over; a key that was used again since
    /// stays.
    fn forget_old(&mut self, key: Key, now: Timestamp) {
        let ages = &mut self.ages[usize::from(key.is_content())];
        while let Some((at, scope)) = ages.first().copied() {
            if at.plus_seconds(key.retention_seconds()) >= now {
                return;
            }
            ages.take_first();
            if self.durable.get(&scope).is_some_and(|found| found.at == at) {
                self.durable.remove(&scope);
            }
        }
    }

    /// Forgets everything that was decided and did not become durable.
    pub(crate) fn drop_pending(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);

    fn key(text: &str, meaning: &[u8]) -> Key {
        Key::new(EnvId(1), Operation::Request, &[text], meaning)
    }

    #[test]
    fn a_key_goes_from_pending_to_durable_and_tells_another_meaning() {
        let mut keys: Keys<u32> = Keys::new([], 0, NOW);
        let (one, other) = (key("k", b"a"), key("k", b"b"));
        assert_eq!(keys.look_up(one, NOW), Known::New);
        keys.decide(one, 1, 7);
        assert_eq!(keys.look_up(one, NOW), Known::Pending(7));
        assert_eq!(keys.look_up(other, NOW), Known::Reused);
        keys.publish(one, 1, 42, NOW);
        assert_eq!(keys.look_up(one, NOW), Known::Durable(42));
        assert_eq!(keys.look_up(other, NOW), Known::Reused);
        assert_eq!(Key::from_bytes(one.to_bytes()), one);
    }

    #[test]
    fn what_did_not_become_durable_is_forgotten() {
        let mut keys: Keys<u32> = Keys::new([], 0, NOW);
        keys.decide(key("k", b"a"), 1, 7);
        keys.drop_pending();
        assert_eq!(keys.look_up(key("k", b"b"), NOW), Known::New);
    }

    #[test]
    fn keys_are_forgotten_when_their_retention_is_over_and_not_before() {
        let content = Key::new(EnvId(1), Operation::Retry, &["body"], b"");
        for (key, seconds) in
            [(key("k", b"a"), KEY_RETENTION_SECONDS), (content, RETRY_WINDOW_SECONDS)]
        {
            let mut keys: Keys<u32> = Keys::new([], 0, NOW);
            keys.publish(key, 1, 42, NOW);
            let (last, over) = (NOW.plus_seconds(seconds), NOW.plus_seconds(seconds + 1));
            assert_eq!(keys.look_up(key, last), Known::Durable(42));
            assert_eq!(keys.look_up(key, over), Known::New);
            let next = Key { scope: [7; 10], ..key };
            keys.publish(next, 2, 43, over);
            assert_eq!(keys.durable.len(), 1, "the old one made room");
        }
    }

    #[test]
    fn a_reservation_is_scoped_to_its_place_and_means_what_it_was_asked_for() {
        use stipend_core::{Amount, examples};
        let request = examples::reservation("job", Amount::whole(5));
        let key = |request: &ReserveRequest| Key::of_reservation(EnvId(1), "acme", request);
        let known = key(&request);
        let until = HoldTerm::Until(NOW);
        let metadata = [("a".to_owned(), "b".to_owned())].into();
        for other in [
            ReserveRequest { amount: Amount::whole(6), ..request.clone() },
            ReserveRequest { term: HoldTerm::Seconds(1), ..request.clone() },
            ReserveRequest { term: until, ..request.clone() },
            ReserveRequest { metadata, ..request.clone() },
        ] {
            let other = key(&other);
            assert_eq!(other.scope, known.scope, "it is the same reservation");
            assert_ne!(other.meaning, known.meaning);
        }
        let elsewhere = [
            ReserveRequest { resource: ResourceId::parse("site").ok(), ..request.clone() },
            examples::reservation("other", Amount::whole(5)),
        ];
        for other in elsewhere {
            assert_ne!(key(&other).scope, known.scope);
        }
        let ReserveRequest { currency, resource, id, amount: consumed, .. } = request;
        let release = |is_known| {
            let (currency, resource, id) = (currency.clone(), resource.clone(), id.clone());
            let request = ReleaseRequest { currency, resource, id, consumed, is_known };
            Key::of_release(EnvId(1), "acme", &request)
        };
        assert_ne!(release(true).scope, known.scope, "making and releasing never meet");
        assert_eq!(release(true), release(false));
        let (resource, id) = (resource.as_ref(), &id);
        let place =
            ReservationPlace { env: EnvId(1), customer: "acme", currency: &currency, resource, id };
        assert_eq!((place.scope(), place.release_scope()), (known.scope, release(true).scope));
    }

    #[test]
    fn parts_of_a_scope_do_not_run_into_each_other() {
        let one = Key::new(EnvId(1), Operation::Consumption, &["ab", "c"], b"");
        let other = Key::new(EnvId(1), Operation::Consumption, &["a", "bc"], b"");
        assert_ne!(one.scope, other.scope);
    }
}
