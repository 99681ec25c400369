//! The working state: what is published, and over it what was decided and is not durable yet.

use crate::account::Account;
use crate::due::DueIndex;
use crate::keeping::Rest;
use crate::packed::Held;
use crate::published::{Named, Publication, Published};
use crate::realm::Realm;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use stipend_core::{CustomerId, EnvId, SubscriptionId, Timestamp};

/// Customers of one part of the array: it grows without moving.
const PART: usize = 4_096;

/// Places that a commit looks at, to forget who rests.
const LOOKS: usize = 256;

/// The batch of a customer that is new: it counts as one to come.
const NEW: u64 = u64::MAX;

/// A customer as it is now.
#[derive(Clone, Debug, Default)]
struct Current {
    /// Kept from when it was asked for until it rests.
    account: OnceCell<Arc<Account>>,
    /// What was published of it before: room for the next copy.
    spare: Option<Arc<Account>>,
    /// The number of the batch that changed it last.
    batch: u64,
}

/// All customers as they are now, by their slots. What is published is the same account as long as
/// nothing was decided on top of it, so the array costs three words a customer, and finding one that
/// is in use is neither a hash nor a look at what readers share. One that nobody has changed since
/// the last time around is forgotten here, so that what is published can pack it.
#[derive(Debug)]
pub(crate) struct Working {
    published: Arc<Published>,
    accounts: Vec<Box<[Current]>>,
    /// When customers are packed.
    rest: Rest,
    /// The place that is looked at next, and the last batch that was durable when this round began.
    hand: (usize, u64),
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
    /// The working state over what is published: the customers below `next_slot`.
    pub(crate) fn new(
        published: Arc<Published>,
        due: DueIndex,
        peopled: BTreeSet<EnvId>,
        next_slot: u32,
        rest: Rest,
    ) -> Self {
        let mut working = Self {
            realm: published.realm(),
            published,
            accounts: Vec::new(),
            rest,
            hand: (0, 0),
            customers: HashMap::new(),
            subscriptions: HashMap::new(),
            due,
            peopled,
            arriving: BTreeSet::new(),
        };
        working.place(next_slot);
        working
    }

    /// What is due when, in the working state.
    pub(crate) fn due(&self) -> &DueIndex {
        &self.due
    }

    /// Notes that what is due next for a customer has changed.
    pub(crate) fn reschedule(&mut self, slot: u32, before: Option<Timestamp>) {
        let Some(account) = self.account(slot) else { return };
        let after = account.customer.next_due;
        if after != before {
            let env = account.customer.profile.env;
            self.due.change(env, slot, before, after);
        }
    }

    /// Whether there is any customer in an environment.
    pub(crate) fn has_customers(&self, env: EnvId) -> bool {
        self.peopled.contains(&env) || self.arriving.contains(&env)
    }

    pub(crate) fn account(&self, slot: u32) -> Option<&Arc<Account>> {
        let account = &self.accounts.get(slot as usize / PART)?[slot as usize % PART].account;
        match account.get() {
            Some(account) => Some(account),
            None => {
                let published = self.published.account(slot)?;
                Some(account.get_or_init(|| published))
            }
        }
    }

    /// The account in a slot, and the room of its next copy where there is some.
    pub(crate) fn peek(&self, slot: u32) -> [Option<&Account>; 2] {
        let Some(part) = self.accounts.get(slot as usize / PART) else { return [None; 2] };
        let spare = part[slot as usize % PART].spare.as_deref();
        [self.account(slot).map(|account| &**account), spare]
    }

    /// The account in a slot, as it is kept.
    pub(crate) fn held(&self, slot: u32) -> Option<Held> {
        let current = &self.accounts.get(slot as usize / PART)?[slot as usize % PART];
        match current.account.get() {
            Some(account) => Some(Held::Decoded(Arc::clone(account))),
            None => self.published.held(slot),
        }
    }

    fn place(&mut self, slot: u32) -> &mut Current {
        let slot = slot as usize;
        while self.accounts.len() <= slot / PART {
            self.accounts.push(vec![Current::default(); PART].into_boxed_slice());
        }
        &mut self.accounts[slot / PART][slot % PART]
    }

    /// The account to be changed in a batch, and whether that is its first change there: then a
    /// copy of it is made, later changes find it alone. A customer who is changed again and again
    /// has the copy made in what was published of it the time before: that has the right size and
    /// shares with it already what the two have in common.
    pub(crate) fn account_mut(&mut self, slot: u32, batch: u64) -> Option<(&mut Account, bool)> {
        self.account(slot)?;
        let Current { account, spare, batch: last } = self.place(slot);
        let account = account.get_mut()?;
        let is_first = *last != batch;
        *last = batch;
        if is_first && let Some(mut copy) = spare.take() {
            // Who still reads it keeps it.
            if let Some(room) = Arc::get_mut(&mut copy) {
                room.clone_from(account);
                *account = copy;
            }
        }
        Some((Arc::make_mut(account), is_first))
    }

    /// Keeps what a commit has replaced, as room for the next copies.
    pub(crate) fn take_spares(&mut self, replaced: &mut Vec<(u32, Arc<Account>)>) {
        for (slot, account) in replaced.drain(..) {
            self.place(slot).spare = Some(account);
        }
    }

    pub(crate) fn insert_account(&mut self, slot: u32, account: Account) {
        self.arriving.insert(account.customer.profile.env);
        *self.place(slot) = Current { account: Arc::new(account).into(), spare: None, batch: NEW };
    }

    pub(crate) fn realm(&self) -> &Arc<Realm> {
        &self.realm
    }

    pub(crate) fn realm_mut(&mut self) -> &mut Realm {
        Arc::make_mut(&mut self.realm)
    }

    pub(crate) fn find_customer(&self, env: EnvId, id: &CustomerId) -> Option<u32> {
        find(&self.customers, env, id).or_else(|| self.published.find_customer(env, id))
    }

    pub(crate) fn find_subscription(&self, env: EnvId, id: &SubscriptionId) -> Option<u32> {
        find(&self.subscriptions, env, id).or_else(|| self.published.find_subscription(env, id))
    }

    pub(crate) fn name_customer(&mut self, name: Named<CustomerId>, slot: u32) {
        self.customers.insert(name, slot);
    }

    pub(crate) fn name_subscription(&mut self, name: Named<SubscriptionId>, slot: u32) {
        self.subscriptions.insert(name, slot);
    }

    /// Forgets what a commit has published, up to the batch with that number; what was changed
    /// since stays.
    pub(crate) fn forget_published(&mut self, publication: &Publication, number: u64) {
        self.forget_resting(number);
        for (name, _) in &publication.customers {
            self.peopled.insert(name.0);
            self.customers.remove(name);
        }
        for (name, _) in &publication.subscriptions {
            self.subscriptions.remove(name);
        }
    }

    /// Looks at a few places in turn, and forgets the customers that no batch has changed since
    /// this round began. What was durable then is published as it is here.
    fn forget_resting(&mut self, durable: u64) {
        let places = self.accounts.len() * PART;
        let looks = if self.rest == Rest::AtOnce { places } else { LOOKS };
        for _ in 0..looks.min(places) {
            if self.hand.0 >= places {
                self.hand = (0, self.hand.1.max(durable));
            }
            let (slot, before) = self.hand;
            let current = &mut self.accounts[slot / PART][slot % PART];
            if current.batch <= before {
                current.account.take();
                current.spare = None;
            }
            self.hand.0 += 1;
        }
        if self.rest == Rest::AtOnce {
            self.hand.1 = self.hand.1.max(durable);
        }
    }

    /// Goes back to what is published of customers.
    pub(crate) fn take_back(&mut self, slots: &[u32]) {
        for slot in slots {
            let published = self.published.account(*slot);
            let next_due = published.as_ref().and_then(|account| account.customer.next_due);
            let current = std::mem::take(self.place(*slot));
            let Some(dropped) = current.account.into_inner() else { continue };
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

/// Looks among the names that are not published yet: mostly there are none.
fn find<T: Clone + Hash + Eq>(names: &HashMap<Named<T>, u32>, env: EnvId, id: &T) -> Option<u32> {
    if names.is_empty() { None } else { names.get(&(env, id.clone())).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::published::Names;
    use std::collections::BTreeMap;
    use stipend_core::catalog::Metadata;
    use stipend_core::customer::Profile;
    use stipend_core::{Customer, Slot};

    const SLOT: u32 = 64;

    fn account() -> Account {
        let profile = Profile {
            env: EnvId(1),
            id: CustomerId::parse("acme").expect("an id"),
            name: None,
            email: None,
            metadata: Metadata::new(),
            extras: BTreeMap::new(),
            archived_at: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        };
        Account::new(Customer::new(Slot(SLOT), profile))
    }

    #[test]
    fn a_copy_is_made_in_what_was_replaced_unless_somebody_still_reads_that() {
        let published =
            Published::new(BTreeMap::new(), Names::with_room(0), Realm::default(), 1, 0);
        let published = Arc::new(published);
        let (due, nobody) = (DueIndex::default(), BTreeSet::new());
        let mut working =
            Working::new(Arc::clone(&published), due, nobody, 1, Rest::AfterSeconds(1));
        working.insert_account(SLOT, account());
        // Changes the customer in a batch, publishes it, and answers where it stands.
        let mut commit = |batch: u64| {
            let (account, is_first) = working.account_mut(SLOT, batch).expect("it was inserted");
            assert!(is_first);
            account.own = batch;
            let account = Arc::clone(working.account(SLOT).expect("it was changed"));
            let place = Arc::as_ptr(&account);
            let accounts = vec![(SLOT, account)];
            let mut publication = Publication { accounts, ..Publication::default() };
            published.publish(&mut publication);
            working.take_spares(&mut publication.replaced);
            place
        };
        let published = || published.account(SLOT).expect("it is published");
        let (first, second) = (commit(1), commit(2));
        assert_ne!(first, second, "the first is published and stays as it is");
        assert_eq!(commit(3), first, "nobody reads the first any more");
        let mut expected = account();
        expected.own = 3;
        assert_eq!(*published(), expected);
        let reader = published();
        assert_eq!(commit(4), second);
        assert_ne!(commit(5), first, "somebody reads it");
        assert_eq!((reader.own, published().own), (3, 5));
    }

    #[test]
    fn who_rests_is_forgotten_when_durable_and_never_before() {
        let published =
            Published::new(BTreeMap::new(), Names::with_room(0), Realm::default(), 1, 0);
        let published = Arc::new(published);
        let (due, nobody) = (DueIndex::default(), BTreeSet::new());
        let mut working = Working::new(Arc::clone(&published), due, nobody, 1, Rest::AtOnce);
        let is_kept = |working: &Working| matches!(working.held(SLOT), Some(Held::Decoded(_)));
        working.insert_account(SLOT, account());
        working.account_mut(SLOT, 3).expect("it was inserted");
        for durable in [1, 2, 2] {
            working.forget_published(&Publication::default(), durable);
            assert!(is_kept(&working), "batch 3 is not durable with {durable}");
        }
        let accounts = vec![(SLOT, Arc::new(account()))];
        published.publish(&mut Publication { accounts, ..Publication::default() });
        published.pack_at_once(&[SLOT]);
        working.forget_published(&Publication::default(), 3);
        working.forget_published(&Publication::default(), 3);
        assert!(!is_kept(&working), "it is let go");
        assert_eq!(working.account(SLOT).map(|account| account.customer.slot), Some(Slot(SLOT)));
    }
}
