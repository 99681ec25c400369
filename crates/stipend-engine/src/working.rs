//! The working state: what is published, and over it what was decided and is not durable yet.

use crate::account::Account;
use crate::due::DueIndex;
use crate::published::{Named, Published};
use crate::realm::Realm;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use stipend_core::{CustomerId, EnvId, SubscriptionId, Timestamp};

#[derive(Debug)]
pub(crate) struct Working {
    published: Arc<Published>,
    accounts: HashMap<u32, Arc<Account>>,
    realm: Option<Arc<Realm>>,
    customers: HashMap<Named<CustomerId>, u32>,
    subscriptions: HashMap<Named<SubscriptionId>, u32>,
    due: DueIndex,
    /// The environments that durably have customers.
    peopled: BTreeSet<EnvId>,
}

impl Working {
    /// The working state over what is published, `accounts`.
    pub(crate) fn new(published: Arc<Published>, accounts: &[(u32, Arc<Account>)]) -> Self {
        let mut due = DueIndex::default();
        let mut peopled = BTreeSet::new();
        for (slot, account) in accounts {
            let env = account.customer.profile.env;
            due.change(env, *slot, None, account.customer.next_due);
            peopled.insert(env);
        }
        Self {
            published,
            accounts: HashMap::new(),
            realm: None,
            customers: HashMap::new(),
            subscriptions: HashMap::new(),
            due,
            peopled,
        }
    }

    /// What is due when, in the working state.
    pub(crate) fn due(&self) -> &DueIndex {
        &self.due
    }

    /// Notes that what is due next for a customer has changed.
    pub(crate) fn reschedule(&mut self, slot: u32, before: Option<Timestamp>) {
        let Some(account) = self.accounts.get(&slot) else { return };
        let env = account.customer.profile.env;
        self.due.change(env, slot, before, account.customer.next_due);
    }

    /// Whether there is any customer in an environment.
    pub(crate) fn has_customers(&self, env: EnvId) -> bool {
        let lives_there = |account: &Arc<Account>| account.customer.profile.env == env;
        self.peopled.contains(&env) || self.accounts.values().any(lives_there)
    }

    pub(crate) fn account(&self, slot: u32) -> Option<Arc<Account>> {
        match self.accounts.get(&slot) {
            Some(account) => Some(Arc::clone(account)),
            None => self.published.account(slot),
        }
    }

    /// The account to be changed: a copy of the published one is made at the first change in a
    /// batch, later changes find it alone.
    pub(crate) fn account_mut(&mut self, slot: u32) -> Option<&mut Account> {
        if !self.accounts.contains_key(&slot) {
            self.accounts.insert(slot, self.published.account(slot)?);
        }
        self.accounts.get_mut(&slot).map(Arc::make_mut)
    }

    pub(crate) fn insert_account(&mut self, slot: u32, account: Account) {
        self.accounts.insert(slot, Arc::new(account));
    }

    pub(crate) fn realm(&self) -> Arc<Realm> {
        self.realm.as_ref().map_or_else(|| self.published.realm(), Arc::clone)
    }

    pub(crate) fn realm_mut(&mut self) -> &mut Realm {
        Arc::make_mut(self.realm.get_or_insert_with(|| self.published.realm()))
    }

    pub(crate) fn find_customer(&self, name: &Named<CustomerId>) -> Option<u32> {
        self.customers.get(name).copied().or_else(|| self.published.find_customer(name))
    }

    pub(crate) fn find_subscription(&self, name: &Named<SubscriptionId>) -> Option<u32> {
        self.subscriptions.get(name).copied().or_else(|| self.published.find_subscription(name))
    }

    pub(crate) fn name_customer(&mut self, name: Named<CustomerId>, slot: u32) {
        self.customers.insert(name, slot);
    }

    pub(crate) fn name_subscription(&mut self, name: Named<SubscriptionId>, slot: u32) {
        self.subscriptions.insert(name, slot);
    }

    /// Forgets what a commit has published; what was changed since stays.
    pub(crate) fn forget_published(
        &mut self,
        accounts: &[(u32, Arc<Account>)],
        realm: Option<&Arc<Realm>>,
        customers: &[(Named<CustomerId>, u32)],
        subscriptions: &[(Named<SubscriptionId>, u32)],
    ) {
        for (slot, account) in accounts {
            self.peopled.insert(account.customer.profile.env);
            if self.accounts.get(slot).is_some_and(|working| Arc::ptr_eq(working, account)) {
                self.accounts.remove(slot);
            }
        }
        let is_current =
            matches!((&self.realm, realm), (Some(one), Some(other)) if Arc::ptr_eq(one, other));
        if is_current {
            self.realm = None;
        }
        for (name, _) in customers {
            self.customers.remove(name);
        }
        for (name, _) in subscriptions {
            self.subscriptions.remove(name);
        }
    }

    /// Goes back to what is published.
    pub(crate) fn drop_all(&mut self) {
        for (slot, dropped) in self.accounts.drain() {
            let published = self.published.account(slot);
            let next_due = published.and_then(|account| account.customer.next_due);
            let env = dropped.customer.profile.env;
            self.due.change(env, slot, dropped.customer.next_due, next_due);
        }
        self.realm = None;
        self.customers.clear();
        self.subscriptions.clear();
    }
}
