//! The published state: what is durable, as readers see it. Writers and readers share no lock.

use crate::account::Account;
use crate::limits::SEGMENT_SLOTS;
use crate::packed::{Held, Packed};
use crate::realm::Realm;
use crate::slots::{Keeper, Slots};
use arc_swap::{ArcSwap, Guard};
use foldhash::fast::RandomState;
use papaya::Equivalent;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use stipend_core::customer::SubscriptionTerms;
use stipend_core::{CustomerId, EnvId, PoolId, SubscriptionId};

/// Where the names of an environment's things are found.
pub(crate) type Named<T> = (EnvId, T);

/// As [`Named`], to look for one: without a copy of its id, which would be counted on and off.
#[derive(Clone, Copy, Hash)]
struct Name<'a, T>(EnvId, &'a T);

impl<T: Eq> Equivalent<Named<T>> for Name<'_, T> {
    fn equivalent(&self, key: &Named<T>) -> bool {
        self.0 == key.0 && *self.1 == key.1
    }
}

/// What a commit made durable.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    pub(crate) accounts: Vec<(u32, Arc<Account>)>,
    /// What was published in their places before: room for copies to come.
    pub(crate) replaced: Vec<(u32, Arc<Account>)>,
    pub(crate) customers: Vec<(Named<CustomerId>, u32)>,
    pub(crate) subscriptions: Vec<(Named<SubscriptionId>, u32)>,
    pub(crate) realm: Option<Arc<Realm>>,
    pub(crate) last: u64,
}

/// Where the names of customers and subscriptions lead.
#[derive(Debug)]
pub(crate) struct Names {
    customers: papaya::HashMap<Named<CustomerId>, u32, RandomState>,
    subscriptions: papaya::HashMap<Named<SubscriptionId>, u32, RandomState>,
}

impl Names {
    /// Room for the names of so many customers.
    pub(crate) fn with_room(customers: usize) -> Self {
        fn map<T: std::hash::Hash + Eq>(
            room: usize,
        ) -> papaya::HashMap<Named<T>, u32, RandomState> {
            papaya::HashMap::with_capacity_and_hasher(room, RandomState::default())
        }
        Self { customers: map(customers), subscriptions: map(customers) }
    }

    /// Takes the names of a customer and its subscriptions.
    pub(crate) fn take(&self, account: &Account) {
        let (slot, profile) = (account.customer.slot.0, &account.customer.profile);
        self.customers.pin().insert((profile.env, profile.id.clone()), slot);
        let subscriptions = self.subscriptions.pin();
        for subscription in &account.customer.subscriptions {
            subscriptions.insert((profile.env, subscription.terms.id.clone()), slot);
        }
    }

    /// Takes the names of a customer of which most were taken before: those stay as they are, since
    /// what another took the place of would be kept until nobody can read it any more.
    pub(crate) fn take_again(&self, account: &Account) {
        let (slot, profile) = (account.customer.slot.0, &account.customer.profile);
        let customers = self.customers.pin();
        if customers.get(&Name(profile.env, &profile.id)) != Some(&slot) {
            customers.insert((profile.env, profile.id.clone()), slot);
        }
        let subscriptions = self.subscriptions.pin();
        for subscription in &account.customer.subscriptions {
            let id = &subscription.terms.id;
            if subscriptions.get(&Name(profile.env, id)) != Some(&slot) {
                subscriptions.insert((profile.env, id.clone()), slot);
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Published {
    accounts: Slots,
    names: Names,
    /// The slots from here on are free.
    next_slot: AtomicU32,
    realm: ArcSwap<Realm>,
    last: AtomicU64,
    is_writable: AtomicBool,
}

impl Published {
    /// What a start has read.
    pub(crate) fn new(
        segments: BTreeMap<u32, Packed>,
        names: Names,
        realm: Realm,
        next_slot: u32,
        last: u64,
    ) -> Self {
        let accounts = Slots::new();
        for (segment, packed) in segments {
            accounts.fill(segment, packed);
        }
        Self {
            accounts,
            names,
            next_slot: AtomicU32::new(next_slot),
            realm: ArcSwap::new(Arc::new(realm)),
            last: AtomicU64::new(last),
            is_writable: AtomicBool::new(true),
        }
    }

    /// Makes a commit visible; takes its accounts and gives those that they replace. They come
    /// before the names that lead to them.
    pub(crate) fn publish(&self, publication: &mut Publication) {
        if let Some(realm) = &publication.realm {
            self.realm.store(Arc::clone(realm));
        }
        for (slot, account) in publication.accounts.drain(..) {
            let replaced = self.accounts.put(slot, account);
            publication.replaced.extend(replaced.map(|account| (slot, account)));
        }
        if let Some(last) = publication.customers.iter().map(|(_, slot)| *slot).max() {
            self.next_slot.fetch_max(last + 1, Ordering::AcqRel);
        }
        if !publication.customers.is_empty() {
            let customers = self.names.customers.pin();
            for (name, slot) in &publication.customers {
                customers.insert(name.clone(), *slot);
            }
        }
        if !publication.subscriptions.is_empty() {
            let subscriptions = self.names.subscriptions.pin();
            for (name, slot) in &publication.subscriptions {
                subscriptions.insert(name.clone(), *slot);
            }
        }
        self.last.store(publication.last, Ordering::Release);
    }

    pub(crate) fn account(&self, slot: u32) -> Option<Arc<Account>> {
        self.accounts.get(slot)
    }

    /// What stands in a slot, as it is kept.
    pub(crate) fn held(&self, slot: u32) -> Option<Held> {
        self.accounts.held(slot)
    }

    fn segments(&self) -> u32 {
        self.next_slot.load(Ordering::Acquire).div_ceil(SEGMENT_SLOTS)
    }

    /// Packs customers that nobody asks for: looks at one in `share` of the segments. Those that
    /// are asked for again and again are decoded.
    pub(crate) fn tidy(&self, keeper: &mut Keeper, share: u32) {
        let segments = self.segments();
        Keeper::decode_wanted(&self.accounts, segments);
        keeper.pass(&self.accounts, segments, segments.div_ceil(share));
    }

    /// Packs the customers that a commit changed.
    pub(crate) fn pack_at_once(&self, slots: &[u32]) {
        for slot in slots {
            Keeper::pack_at_once(&self.accounts, *slot);
        }
    }

    pub(crate) fn find_customer(&self, env: EnvId, id: &CustomerId) -> Option<u32> {
        self.names.customers.pin().get(&Name(env, id)).copied()
    }

    pub(crate) fn find_subscription(&self, env: EnvId, id: &SubscriptionId) -> Option<u32> {
        self.names.subscriptions.pin().get(&Name(env, id)).copied()
    }

    pub(crate) fn realm(&self) -> Arc<Realm> {
        self.realm.load_full()
    }

    /// The realm for a moment: without counting another user of it, which all threads would do in
    /// one place.
    pub(crate) fn glance(&self) -> Guard<Arc<Realm>> {
        self.realm.load()
    }

    /// The position of the last durable row.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// Whether the store took the last append.
    pub(crate) fn is_writable(&self) -> bool {
        self.is_writable.load(Ordering::Acquire)
    }

    pub(crate) fn set_writable(&self, is_writable: bool) {
        self.is_writable.store(is_writable, Ordering::Release);
    }

    /// How many subscriptions of an environment have not ended and are as asked.
    pub(crate) fn count_subscriptions(
        &self,
        env: EnvId,
        is_counted: impl Fn(&SubscriptionTerms) -> bool,
    ) -> u64 {
        let mut count = 0;
        for account in self.accounts.all() {
            if account.customer.profile.env == env {
                let all = account.customer.subscriptions.iter();
                let live = all.filter(|it| it.terms.ended.is_none() && is_counted(&it.terms));
                count += live.count() as u64;
            }
        }
        count
    }

    /// The pools with at least so many rows.
    pub(crate) fn pools_longer_than(&self, rows: u64) -> Vec<PoolId> {
        let mut long = Vec::new();
        for account in self.accounts.all() {
            let pools = account.customer.pools.iter();
            long.extend(pools.filter(|pool| pool.seq >= rows).map(|pool| pool.id));
        }
        long
    }

    /// How many customers there are.
    pub(crate) fn customers_count(&self) -> usize {
        self.names.customers.len()
    }
}
