//! Idempotency keys: what makes two requests the same, and what tells them apart.

use crate::limits::{KEY_RETENTION_SECONDS, RETRY_WINDOW_SECONDS};
use crate::memory::{Queue, Sharded};
use std::collections::VecDeque;
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
        // Gathered first: a hash of one piece costs a fraction of a hasher fed with small ones.
        let length = parts.iter().map(|part| part.len() + 8).sum::<usize>() + 5;
        let mut scope = Vec::with_capacity(length);
        scope.extend_from_slice(&env.0.to_le_bytes());
        scope.push(operation as u8);
        for part in parts {
            scope.extend_from_slice(&(part.len() as u64).to_le_bytes());
            scope.extend_from_slice(part.as_bytes());
        }
        let meaning = match operation {
            Operation::Retry => CONTENT,
            Operation::Consumption
            | Operation::Request
            | Operation::Reservation
            | Operation::Release
            | Operation::Usage
            | Operation::Event => first(meaning),
        };
        Self { scope: first(&scope), meaning }
    }

    /// Whether it recognises a request by its content, which is its whole scope.
    pub(crate) fn is_content(self) -> bool {
        self.meaning == CONTENT
    }

    fn retention_seconds(self) -> i64 {
        retention_seconds(self.is_content())
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

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a hash has 32 bytes")
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

/// A known key: where its row stands, and since when it is remembered.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    meaning: MeaningHash,
    seq: Seq,
    at: Timestamp,
}

/// A key that was decided and is not durable yet.
#[derive(Debug)]
struct Pending<T> {
    seq: Seq,
    scope: ScopeHash,
    is_content: bool,
    at: Timestamp,
    answer: T,
    /// What was known of it before: a use whose retention is over, or one that nobody asked for.
    before: Option<Remembered>,
}

/// All retained keys in one map, each with the position of its row; behind the last durable one
/// they are pending, and their answers are kept beside, in the order of their positions. So a key
/// is looked for once and written once, and becomes durable without being looked for again. Only
/// the decider looks here, so nothing is locked. What is older than its retention is forgotten as
/// new keys come, so their number is bounded by the rate of requests.
#[derive(Debug)]
pub(crate) struct Keys<T> {
    known: Sharded<Remembered>,
    pending: VecDeque<Pending<T>>,
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
        let mut keys = Self { known: Sharded::default(), pending: VecDeque::new(), ages };
        for (bytes, seq) in durable {
            let key = Key::from_bytes(bytes);
            if !key.is_content() || seq >= retries_from {
                keys.known.insert(key.scope, Remembered { meaning: key.meaning, seq, at: now });
                keys.ages[usize::from(key.is_content())].push((now, key.scope));
            }
        }
        keys
    }

    pub(crate) fn look_up(&self, key: Key, now: Timestamp) -> Known<T> {
        let Some(found) = self.known.get(&key.scope) else { return Known::New };
        let answer = self.find_pending(found.seq);
        let is_over = found.at.plus_seconds(key.retention_seconds()) < now;
        match (found.meaning == key.meaning, answer) {
            (_, None) if is_over => Known::New,
            (false, _) => Known::Reused,
            (true, Some(answer)) => Known::Pending(answer.clone()),
            (true, None) => Known::Durable(found.seq),
        }
    }

    fn find_pending(&self, seq: Seq) -> Option<&T> {
        self.pending.front().filter(|first| seq >= first.seq)?;
        let place = self.pending.binary_search_by_key(&seq, |pending| pending.seq).ok()?;
        Some(&self.pending[place].answer)
    }

    /// Whether a key with that scope is known, whatever it means.
    pub(crate) fn knows(&self, scope: &ScopeHash) -> bool {
        self.known.get(scope).is_some()
    }

    /// Notes a decided key with the position that its row will have, behind all so far.
    pub(crate) fn decide(&mut self, key: Key, seq: Seq, at: Timestamp, answer: T) {
        let last = self.pending.back();
        assert!(last.is_none_or(|last| last.seq < seq), "rows are taken one after the other");
        let Key { scope, meaning } = key;
        let before = self.known.insert(scope, Remembered { meaning, seq, at });
        let is_content = key.is_content();
        self.pending.push_back(Pending { seq, scope, is_content, at, answer, before });
    }

    /// Notes that all rows up to a position are durable.
    pub(crate) fn publish(&mut self, last: Seq) {
        while let Some(pending) = self.pending.pop_front_if(|first| first.seq <= last) {
            let ages = &mut self.ages[usize::from(pending.is_content)];
            ages.push((pending.at, pending.scope));
            self.forget_old(pending.is_content, pending.at);
        }
    }

    /// Forgets the keys of the same kind whose retention is over; a key that was used again since
    /// stays.
    fn forget_old(&mut self, is_content: bool, now: Timestamp) {
        let ages = &mut self.ages[usize::from(is_content)];
        while let Some((at, scope)) = ages.first().copied() {
            if at.plus_seconds(retention_seconds(is_content)) >= now {
                return;
            }
            ages.take_first();
            if self.known.get(&scope).is_some_and(|found| found.at == at) {
                self.known.remove(&scope);
            }
        }
    }

    /// Forgets everything that was decided and did not become durable.
    pub(crate) fn drop_pending(&mut self) {
        while let Some(Pending { scope, is_content, at, before, .. }) = self.pending.pop_back() {
            // What was over then may have been forgotten since.
            let retention = retention_seconds(is_content);
            match before.filter(|before| before.at.plus_seconds(retention) >= at) {
                Some(before) => drop(self.known.insert(scope, before)),
                None => self.known.remove(&scope),
            }
        }
    }
}

fn retention_seconds(is_content: bool) -> i64 {
    if is_content { RETRY_WINDOW_SECONDS } else { KEY_RETENTION_SECONDS }
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
        keys.decide(one, 42, NOW, 7);
        assert_eq!(keys.look_up(one, NOW), Known::Pending(7));
        assert_eq!(keys.look_up(other, NOW), Known::Reused);
        keys.publish(42);
        assert_eq!(keys.look_up(one, NOW), Known::Durable(42));
        assert_eq!(keys.look_up(other, NOW), Known::Reused);
        assert_eq!(Key::from_bytes(one.to_bytes()), one);
    }

    #[test]
    fn what_did_not_become_durable_is_forgotten() {
        let mut keys: Keys<u32> = Keys::new([], 0, NOW);
        keys.decide(key("k", b"a"), 1, NOW, 7);
        keys.drop_pending();
        assert_eq!(keys.look_up(key("k", b"b"), NOW), Known::New);
    }

    #[test]
    fn a_content_that_came_again_and_did_not_become_durable_is_known_as_it_was_before() {
        let content = Key::new(EnvId(1), Operation::Retry, &["body"], b"");
        let mut keys: Keys<u32> = Keys::new([], 0, NOW);
        keys.decide(content, 1, NOW, 7);
        keys.decide(content, 2, NOW, 8);
        keys.publish(1);
        assert_eq!(keys.look_up(content, NOW), Known::Pending(8), "the newer use stays");
        keys.drop_pending();
        assert_eq!(keys.look_up(content, NOW), Known::Durable(1));
        let over = NOW.plus_seconds(RETRY_WINDOW_SECONDS + 1);
        keys.decide(content, 2, over, 9);
        keys.drop_pending();
        assert!(!keys.knows(&content.scope), "what was over does not come back");
    }

    #[test]
    fn keys_are_forgotten_when_their_retention_is_over_and_not_before() {
        let content = Key::new(EnvId(1), Operation::Retry, &["body"], b"");
        for (key, seconds) in
            [(key("k", b"a"), KEY_RETENTION_SECONDS), (content, RETRY_WINDOW_SECONDS)]
        {
            let mut keys: Keys<u32> = Keys::new([], 0, NOW);
            keys.decide(key, 42, NOW, 7);
            keys.publish(42);
            let (last, over) = (NOW.plus_seconds(seconds), NOW.plus_seconds(seconds + 1));
            assert_eq!(keys.look_up(key, last), Known::Durable(42));
            assert_eq!(keys.look_up(key, over), Known::New);
            let next = Key { scope: [7; 10], ..key };
            keys.decide(next, 43, over, 8);
            keys.publish(43);
            assert_eq!(keys.known.len(), 1, "the old one made room");
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
