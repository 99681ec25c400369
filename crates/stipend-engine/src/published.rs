//! The published state: what is durable, as readers see it. Writers and readers share no lock.

use crate::account::Account;
use crate::realm::Realm;
use crate::slots::Slots;
use arc_swap::{ArcSwap, Guard};
use foldhash::fast::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use stipend_core::customer::SubscriptionTerms;
use stipend_core::{CustomerId, EnvId, PoolId, SubscriptionId};

/// Where the names of an environment's things are found.
pub(crate) type Named<T> = (EnvId, T);

/// What a commit made durable.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    pub(crate) accounts: Vec<(u32, Arc<Account>)>,
    pub(crate) customers: Vec<(Named<CustomerId>, u32)>,
    pub(crate) subscriptions: Vec<(Named<SubscriptionId>, u32)>,
    pub(crate) realm: Option<Arc<Realm>>,
    pub(crate) last: u64,
}

#[derive(Debug)]
pub(crate) struct Published {
    accounts: Slots,
    customers: papaya::HashMap<Named<CustomerId>, u32, RandomState>,
    subscriptions: papaya::HashMap<Named<SubscriptionId>, u32, RandomState>,
    realm: ArcSwap<Realm>,
    last: AtomicU64,
    is_writable: AtomicBool,
}

impl Published {
    pub(crate) fn new(first: &Publication) -> Self {
        let published = Self {
            accounts: Slots::new(),
            customers: names(first.customers.len()),
            subscriptions: names(first.subscriptions.len()),
            realm: ArcSwap::new(first.realm.clone().unwrap_or_default()),
            last: AtomicU64::new(0),
            is_writable: AtomicBool::new(true),
        };
        for (slot, account) in &first.accounts {
            published.accounts.put(*slot, Arc::clone(account));
        }
        published.publish_rest(first);
        published
    }

    /// Makes a commit visible; takes its accounts. They come before the names that lead to them.
    pub(crate) fn publish(&self, publication: &mut Publication) {
        if let Some(realm) = &publication.realm {
            self.realm.store(Arc::clone(realm));
        }
        for (slot, account) in publication.accounts.drain(..) {
            self.accounts.put(slot, account);
        }
        self.publish_rest(publication);
    }

    fn publish_rest(&self, publication: &Publication) {
        if !publication.customers.is_empty() {
            let customers = self.customers.pin();
            for (name, slot) in &publication.customers {
                customers.insert(name.clone(), *slot);
            }
        }
        if !publication.subscriptions.is_empty() {
            let subscriptions = self.subscriptions.pin();
            for (name, slot) in &publication.subscriptions {
                subscriptions.insert(name.clone(), *slot);
            }
        }
        self.last.store(publication.last, Ordering::Release);
    }

    pub(crate) fn account(&self, slot: u32) -> Option<Arc<Account>> {
        self.accounts.get(slot)
    }

    pub(crate) fn find_customer(&self, name: &Named<CustomerId>) -> Option<u32> {
        self.customers.pin().get(name).copied()
    }

    pub(crate) fn find_subscription(&self, name: &Named<SubscriptionId>) -> Option<u32> {
        self.subscriptions.pin().get(name).copied()
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
        self.accounts.count()
    }
}

fn names<T: std::hash::Hash + Eq>(capacity: usize) -> papaya::HashMap<Named<T>, u32, RandomState> {
    papaya::HashMap::with_capacity_and_hasher(capacity, RandomState::default())
}
