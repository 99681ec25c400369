//! The working state: what is published, and over it what was decided and is not durable yet.

use crate::account::Account;
use crate::due::DueIndex;
use crate::packed::Held;
use crate::published::{Named, Published};
use crate::realm::Realm;
use foldhash::fast::RandomState;
use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use stipend_core::{CustomerId, EnvId, SubscriptionId, Timestamp};

/// An account that has changed since it was published.
#[derive(Debug)]
struct Touched {
    account: Arc<Account>,
    /// The number of the batch that changed it last.
    batch: u64,
}

#[derive(Debug)]
pub(crate) struct Working {
    published: Arc<Published>,
    /// The last published account that was asked for. It is most likely changed next, and may
    /// have been unpacked for the question. Nobody but the owner of this state changes what is
    /// published, through [`Working::account_mut`], so it is never older than that.
    found: RefCell<Option<(u32, Arc<Account>)>>,
    accounts: HashMap<u32, Touched, RandomState>,
    /// The realm as it is now, kept so that it need not be asked for with every command.
    realm: Arc<Realm>,
    customers: HashMap<Named<CustomerId>, u32>,
    subscriptions: HashMap<Named<SubscriptionId>, u32>,
    due: DueIndex,
    /// The environments that durably have customers.
    peopled: BTreeSet<EnvId>,
}

impl Working {
    /// The working state over what is published.
    pub(crate) fn new(published: Arc<Published>, due: DueIndex, peopled: BTreeSet<EnvId>) -> Self {
        Self {
            realm: published.realm(),
            published,
            found: RefCell::new(None),
            accounts: HashMap::default(),
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
        let Some(touched) = self.accounts.get(&slot) else { return };
        let Touched { account, .. } = touched;
        if account.customer.next_due == before {
            return;
        }
        let env = account.customer.profile.env;
        self.due.change(env, slot, before, account.customer.next_due);
    }

    /// Whether there is any customer in an environment.
    pub(crate) fn has_customers(&self, env: EnvId) -> bool {
        let lives_there = |touched: &Touched| touched.account.customer.profile.env == env;
        self.peopled.contains(&env) || self.accounts.values().any(lives_there)
    }

    pub(crate) fn account(&self, slot: u32) -> Option<Arc<Account>> {
        match self.accounts.get(&slot) {
            Some(touched) => Some(Arc::clone(&touched.account)),
            None => self.published_account(slot),
        }
    }

    fn published_account(&self, slot: u32) -> Option<Arc<Account>> {
        let mut found = self.found.borrow_mut();
        if let Some((of, account)) = found.as_ref()
            && *of == slot
        {
            return Some(Arc::clone(account));
        }
        let account = self.published.account(slot)?;
        *found = Some((slot, Arc::clone(&account)));
        Some(account)
    }

    /// The account in a slot, as it is kept.
    pub(crate) fn held(&self, slot: u32) -> Option<Held> {
        match self.accounts.get(&slot) {
            Some(touched) => Some(Held::Decoded(Arc::clone(&touched.account))),
            None => self.published.held(slot),
        }
    }

    /// The account to be changed in a batch, and whether that is its first change there: then a
    /// copy of it is made, later changes find it alone.
    pub(crate) fn account_mut(&mut self, slot: u32, batch: u64) -> Option<(&mut Account, bool)> {
        let touched = match self.accounts.entry(slot) {
            Entry::Occupied(touched) => touched.into_mut(),
            Entry::Vacant(place) => {
                let found = self.found.get_mut().take().filter(|(of, _)| *of == slot);
                let account = match found {
                    Some((_, account)) => account,
                    None => self.published.account(slot)?,
                };
                place.insert(Touched { account, batch: 0 })
            }
        };
        let is_first = touched.batch != batch;
        touched.batch = batch;
        Some((Arc::make_mut(&mut touched.account), is_first))
    }

    pub(crate) fn insert_account(&mut self, slot: u32, account: Account) {
        self.accounts.insert(slot, Touched { account: Arc::new(account), batch: 0 });
    }

    pub(crate) fn realm(&self) -> Arc<Realm> {
        Arc::clone(&self.realm)
    }

    pub(crate) fn realm_mut(&mut self) -> &mut Realm {
        Arc::make_mut(&mut self.realm)
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
        customers: &[(Named<CustomerId>, u32)],
        subscriptions: &[(Named<SubscriptionId>, u32)],
    ) {
        let mut last_env = None;
        for (slot, account) in accounts {
            let env = account.customer.profile.env;
            if last_env != Some(env) {
                self.peopled.insert(env);
                last_env = Some(env);
            }
            if let Entry::Occupied(touched) = self.accounts.entry(*slot)
                && Arc::ptr_eq(&touched.get().account, account)
            {
                touched.remove();
            }
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
        for (slot, Touched { account: dropped, .. }) in self.accounts.drain() {
            let published = self.published.account(slot);
            let next_due = published.and_then(|account| account.customer.next_due);
            let env = dropped.customer.profile.env;
            self.due.change(env, slot, dropped.customer.next_due, next_due);
        }
        self.realm = self.published.realm();
        self.customers.clear();
        self.subscriptions.clear();
    }
}
