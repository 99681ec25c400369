//! The working state: what is published, and over it what was decided and is not durable yet.

use crate::account::Account;
use crate::due::DueIndex;
use crate::published::{Named, Publication, Published};
use crate::realm::Realm;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use stipend_core::{CustomerId, EnvId, SubscriptionId, Timestamp};

/// Customers of one part of the array: it grows without moving.
const PART: usize = 4_096;

/// A customer as it is now.
#[derive(Clone, Debug, Default)]
struct Current {
    account: Option<Arc<Account>>,
    /// The number of the batch that changed it last.
    batch: u64,
}

/// All customers as they are now, by their slots. What is published is the same account as long as
/// nothing was decided on top of it, so the array costs two words a customer, and finding one is
/// neither a hash nor a look at what readers share.
#[derive(Debug)]
pub(crate) struct Working {
    published: Arc<Published>,
    accounts: Vec<Box<[Current]>>,
    /// The realm as it is now, kept so that it need not be asked for with every command.
    realm: Arc<Realm>,
    customers: HashMap<Named<CustomerId>, u32>,
    subscriptions: HashMap<Named<SubscriptionId>, u32>,
    due: DueIndex,
    /// The environments that durably have customers.
    peopled: BTreeSet<EnvId>,
    /// The environments that have customers who may not be durable yet.
    arriving: BTreeSet<EnvId>,
}

impl Working {
    /// The working state over what is published, `accounts`.
    pub(crate) fn new(published: Arc<Published>, accounts: &[(u32, Arc<Account>)]) -> Self {
        let mut working = Self {
            realm: published.realm(),
            published,
            accounts: Vec::new(),
            customers: HashMap::new(),
            subscriptions: HashMap::new(),
            due: DueIndex::default(),
            peopled: BTreeSet::new(),
            arriving: BTreeSet::new(),
        };
        for (slot, account) in accounts {
            let env = account.customer.profile.env;
            working.due.change(env, *slot, None, account.customer.next_due);
            working.peopled.insert(env);
            working.place(*slot).account = Some(Arc::clone(account));
        }
        working
    }

    /// What is due when, in the working state.
    pub(crate) fn due(&self) -> &DueIndex {
        &self.due
    }

    /// Notes that what is due next for a customer has changed.
    pub(crate) fn reschedule(&mut self, slot: u32, before: Option<Timestamp>) {
        let Some(account) = self.account(slot) else { return };
        let (env, after) = (account.customer.profile.env, account.customer.next_due);
        self.due.change(env, slot, before, after);
    }

    /// Whether there is any customer in an environment.
    pub(crate) fn has_customers(&self, env: EnvId) -> bool {
        self.peopled.contains(&env) || self.arriving.contains(&env)
    }

    pub(crate) fn account(&self, slot: u32) -> Option<&Arc<Account>> {
        let slot = slot as usize;
        self.accounts.get(slot / PART)?[slot % PART].account.as_ref()
    }

    fn place(&mut self, slot: u32) -> &mut Current {
        let slot = slot as usize;
        while self.accounts.len() <= slot / PART {
            self.accounts.push(vec![Current::default(); PART].into_boxed_slice());
        }
        &mut self.accounts[slot / PART][slot % PART]
    }

    /// The account to be changed in a batch, and whether that is its first change there: then a
    /// copy of it is made, later changes find it alone.
    pub(crate) fn account_mut(&mut self, slot: u32, batch: u64) -> Option<(&mut Account, bool)> {
        let Current { account, batch: last } = self.place(slot);
        let account = account.as_mut()?;
        let is_first = *last != batch;
        *last = batch;
        Some((Arc::make_mut(account), is_first))
    }

    pub(crate) fn insert_account(&mut self, slot: u32, account: Account) {
        self.arriving.insert(account.customer.profile.env);
        *self.place(slot) = Current { account: Some(Arc::new(account)), batch: 0 };
    }

    pub(crate) fn realm(&self) -> &Arc<Realm> {
        &self.realm
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
    pub(crate) fn forget_published(&mut self, publication: &Publication) {
        for (name, _) in &publication.customers {
            self.peopled.insert(name.0);
            self.customers.remove(name);
        }
        for (name, _) in &publication.subscriptions {
            self.subscriptions.remove(name);
        }
    }

    /// Goes back to what is published of customers.
    pub(crate) fn take_back(&mut self, slots: &[u32]) {
        for slot in slots {
            let published = self.published.account(*slot);
            let next_due = published.as_ref().and_then(|account| account.customer.next_due);
            let current = Current { account: published, batch: 0 };
            let Some(dropped) = std::mem::replace(self.place(*slot), current).account else {
                continue;
            };
            let env = dropped.customer.profile.env;
            self.due.change(env, *slot, dropped.customer.next_due, next_due);
        }
    }

    /// Goes back to what is published of everything else.
    pub(crate) fn drop_names(&mut self) {
        self.realm = self.published.realm();
        self.customers.clear();
        self.subscriptions.clear();
        self.arriving.clear();
    }
}
