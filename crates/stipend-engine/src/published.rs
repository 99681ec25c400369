//! The published state: what is durable, as readers see it. Writers and readers share no lock.

use crate::account::Account;
use crate::realm::Realm;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use stipend_core::customer::SubscriptionTerms;
use stipend_core::{CustomerId, EnvId, SubscriptionId, Timestamp};

/// Where the names of an environment's things are found.
pub(crate) type Named<T> = (EnvId, T);

/// What a commit made durable.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    pub(crate) accounts: Vec<(u32, Arc<Account>)>,
    pub(crate) customers: Vec<(Named<CustomerId>, u32)>,
    pub(crate) subscriptions: Vec<(Named<SubscriptionId>, u32)>,
    pub(crate) realm: Option<Arc<Realm>>,
    pub(crate) now: Timestamp,
    pub(crate) last: u64,
}

#[derive(Debug)]
pub(crate) struct Published {
    accounts: papaya::HashMap<u32, Arc<Account>>,
    customers: papaya::HashMap<Named<CustomerId>, u32>,
    subscriptions: papaya::HashMap<Named<SubscriptionId>, u32>,
    realm: ArcSwap<Realm>,
    last: AtomicU64,
    is_writable: AtomicBool,
}

impl Published {
    pub(crate) fn new(first: &Publication) -> Self {
        let published = Self {
            accounts: papaya::HashMap::new(),
            customers: papaya::HashMap::new(),
            subscriptions: papaya::HashMap::new(),
            realm: ArcSwap::new(Arc::new(Realm::default())),
            last: AtomicU64::new(0),
            is_writable: AtomicBool::new(true),
        };
        published.publish(first);
        published
    }

    /// Makes a commit visible. Accounts come before the names that lead to them.
    pub(crate) fn publish(&self, publication: &Publication) {
        if let Some(realm) = &publication.realm {
            self.realm.store(Arc::clone(realm));
        }
        let accounts = self.accounts.pin();
        for (slot, account) in &publication.accounts {
            accounts.insert(*slot, Arc::clone(account));
        }
        let customers = self.customers.pin();
        for (name, slot) in &publication.customers {
            customers.insert(name.clone(), *slot);
        }
        let subscriptions = self.subscriptions.pin();
        for (name, slot) in &publication.subscriptions {
            subscriptions.insert(name.clone(), *slot);
        }
        self.last.store(publication.last, Ordering::Release);
    }

    pub(crate) fn account(&self, slot: u32) -> Option<Arc<Account>> {
        self.accounts.pin().get(&slot).map(Arc::clone)
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
        let accounts = self.accounts.pin();
        let here = accounts.values().filter(|account| account.customer.profile.env == env);
        let all = here.flat_map(|account| &account.customer.subscriptions);
        let live = all.filter(|it| it.terms.ended.is_none() && is_counted(&it.terms));
        live.count() as u64
    }

    /// How many customers there are.
    pub(crate) fn customers_count(&self) -> usize {
        self.accounts.len()
    }
}
