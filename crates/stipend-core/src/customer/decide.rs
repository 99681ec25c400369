//! Deciding a customer's commands.

use super::consume::{ConsumeRequest, consume};
use super::entry::{Cause, Effect, Entry, PoolEntry, PoolOpened};
use super::granting::{NewGrant, grant, void};
use super::hold::{self, ExtendRequest, Hold, ReleaseRequest, ReserveRequest};
use super::promotion::{self, NewPromotion, PromotionFault};
use super::report::{self, EventRequest, UsageRequest};
use super::reverse::{ReverseRequest, reverse};
use super::revise::{self, SubscriptionCommand};
use super::subscribe::{self, ProvisionRequest};
use super::{Customer, Pool, Profile, Resource, archive};
use crate::Amount;
use crate::catalog::{Catalog, Extras, ExtrasPatch, Metadata, PackageKey, patch_extras};
use crate::formula::EvaluationError;
use crate::id::{
    CurrencyId, CustomerId, EnvId, FeatureId, GrantNo, PoolId, ProductId, ReservationId,
    ResourceId, SubscriptionNo,
};
use crate::limits::{CUSTOMER_RESOURCES_MAX, POOL_GRANTS_ALL_MAX, POOL_GRANTS_MAX};
use crate::time::Timestamp;

/// A command to one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerCommand {
    /// Changes the profile.
    Update(CustomerPatch),
    /// Archives the customer: its subscriptions end, and what says who it is, is forgotten.
    Archive,
    /// Takes the archiving back; ended subscriptions stay ended.
    Unarchive,
    /// Makes a subscription, brings the live one of the same plan to what is asked, or lets it
    /// take the place of another plan of the product.
    Provision(Box<ProvisionRequest>),
    /// Changes, ends or moves a subscription.
    Subscription(SubscriptionNo, SubscriptionCommand),
    /// Moves the subscriptions that pin an older version of a package to this one.
    MigrateTo(PackageKey, u32),
    /// Grants credits.
    Grant(Box<NewGrant>),
    /// Takes back what is unused of a grant.
    VoidGrant(PoolId, GrantNo),
    /// Consumes credits.
    Consume(ConsumeRequest),
    /// Gives back what a consumption took.
    Reverse(Box<ReverseRequest>),
    /// Counts usage that a caller has measured.
    Usage(UsageRequest),
    /// Counts an event for every feature whose meter takes it.
    Event(EventRequest),
    /// Reserves credits.
    Reserve(ReserveRequest),
    /// Ends a reservation.
    Release(ReleaseRequest),
    /// Gives a reservation more time or credits.
    Extend(ExtendRequest),
    /// Gives features on top of every subscription: all or none.
    GrantPromotions(Vec<NewPromotion>),
    /// Takes what was given of a feature on top of the subscriptions back.
    RevokePromotion(FeatureId),
}

/// A customer to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCustomer {
    /// Its id.
    pub id: CustomerId,
    /// Its name.
    pub name: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// What else the contract carries.
    pub extras: Extras,
}

impl NewCustomer {
    /// The profile that it begins with.
    #[must_use]
    pub fn into_profile(self, env: EnvId, now: Timestamp) -> Profile {
        Profile {
            env,
            id: self.id,
            name: self.name,
            email: self.email,
            metadata: self.metadata,
            extras: self.extras,
            archived_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Changes of a profile; an outer `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerPatch {
    /// Its name.
    pub name: Option<Option<String>>,
    /// Its e-mail address.
    pub email: Option<Option<String>>,
    /// The caller's own data, replaced whole.
    pub metadata: Option<Metadata>,
    /// What else the contract carries.
    pub extras: ExtrasPatch,
}

/// Why a command to a customer is refused. The order is the precedence where several apply to
/// one thing; the plan is looked at before the add-ons, each add-on in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerRejection {
    /// The customer takes nothing new.
    #[error("the customer is archived")]
    CustomerArchived,
    /// The subscription is over.
    #[error("the subscription has ended")]
    SubscriptionEnded,
    /// There is no such plan or add-on.
    #[error("there is no {0}")]
    PackageNotFound(PackageKey),
    /// The place is taken: by another subscription of the product.
    #[error("the subscription {0} of this product is there already")]
    SubscriptionExists(String),
    /// The product takes no new subscriptions.
    #[error("product {0} is archived")]
    ProductArchived(ProductId),
    /// The plan or add-on takes no new subscriptions.
    #[error("{0} is archived")]
    PackageArchived(PackageKey),
    /// The plan or add-on was never published.
    #[error("{0} has never been published")]
    NotPublished(PackageKey),
    /// It would begin where no periods fit any more.
    #[error("a subscription begins at {0} at the latest")]
    StartTooLate(Timestamp),
    /// A trial was asked for, and neither the request nor the plan says when it ends.
    #[error("say when the trial ends: the plan has no default trial")]
    TrialWithoutEnd,
    /// The trial would be over before it begins, or by now.
    #[error("a trial ends after it begins, and in the future")]
    InvalidTrialEnd,
    /// Only a running trial has an end that can be moved.
    #[error("the subscription is not in a trial")]
    NotInTrial,
    /// The end lies behind, or before the beginning.
    #[error("a subscription ends after it begins, and in the future")]
    InvalidEnd,
    /// An add-on stands twice in the list.
    #[error("{0} is named twice")]
    DuplicateAddon(PackageKey),
    /// The plan does not allow these add-ons.
    #[error("not compatible with the plan: {}", list(.0))]
    AddonsIncompatible(Vec<PackageKey>),
    /// An add-on needs others that are not there.
    #[error("{addon} needs {}", list(.missing))]
    DependencyMissing {
        /// The add-on.
        addon: PackageKey,
        /// What it needs.
        missing: Vec<PackageKey>,
    },
    /// More instances of an add-on than it allows.
    #[error("{addon} allows at most {max} in one subscription, not {quantity}")]
    QuantityExceeded {
        /// The add-on.
        addon: PackageKey,
        /// The most that it allows.
        max: u32,
        /// What was asked for.
        quantity: u32,
    },
    /// There is no such credit type.
    #[error("there is no credit type {0}")]
    CurrencyNotFound(CurrencyId),
    /// There is no such resource.
    #[error("the customer has no resource {0}")]
    ResourceNotFound(ResourceId),
    /// A credit type stands twice among the agreed amounts.
    #[error("credit type {0} is named twice")]
    DuplicateOverride(CurrencyId),
    /// There is no such feature.
    #[error("there is no feature {0}")]
    FeatureNotFound(FeatureId),
    /// The feature takes no new entitlements.
    #[error("feature {0} is archived")]
    FeatureArchived(FeatureId),
    /// A promotion would be over before it begins.
    #[error("a promotional entitlement ends in the future")]
    InvalidPromotionEnd,
    /// A promotion gives what a feature of its type does not have.
    #[error("a promotional entitlement of feature {feature} {fault}")]
    PromotionMisfits {
        /// The feature.
        feature: FeatureId,
        /// What is wrong.
        fault: PromotionFault,
    },
    /// The customer never had a promotion of the feature.
    #[error("the customer has no promotional entitlement of feature {0}")]
    PromotionNotFound(FeatureId),
    /// A feature stands twice among the quantities.
    #[error("feature {0} is named twice")]
    DuplicateQuantity(FeatureId),
    /// The custom plan leaves the amount to the subscription, which does not say it.
    #[error("the plan leaves the amount of {0} to the subscription; send it in entitlements")]
    AmountRequired(CurrencyId),
    /// So many units would give more than an amount can be.
    #[error("so many units of {package} would give more of {currency} than 10^18 credits a period")]
    AmountTooLarge {
        /// What would give it.
        package: PackageKey,
        /// The credit type.
        currency: CurrencyId,
    },
    /// The credit type takes no new grants.
    #[error("credit type {0} is archived")]
    CurrencyArchived(CurrencyId),
    /// The window of a grant is empty or already over.
    #[error("a grant ends after it begins, and in the future")]
    EmptyWindow,
    /// There is no such grant.
    #[error("there is no such grant")]
    GrantNotFound,
    /// Overdraft is settled, not voided.
    #[error("an overdraft cannot be voided; it is settled by the next grant")]
    OverdraftNotVoidable,
    /// What is reported is too old.
    #[error("events older than 35 days are not accepted")]
    EventTooOld,
    /// What is reported lies ahead.
    #[error("events more than 5 minutes in the future are not accepted")]
    EventInFuture,
    /// There never was such a reservation.
    #[error("there is no reservation {0}")]
    ReservationNotFound(ReservationId),
    /// The reservation has expired or was released.
    #[error("reservation {0} has ended")]
    ReservationEnded(ReservationId),
    /// The reservation would end before it begins, or too late.
    #[error("a reservation ends in the future, at most 24 hours ahead")]
    InvalidReservationEnd,
    /// The reservation is open already.
    #[error("there is a reservation {0} already")]
    ReservationExists(ReservationId),
    /// Usage of the feature cannot be reported.
    #[error("feature {0} is not metered: its `meterType` is None")]
    FeatureNotMetered(FeatureId),
    /// The usage would be more than numbers can say.
    #[error("the usage or its cost would be above the greatest amount")]
    UsageTooLarge,
    /// A formula has no result.
    #[error("the cost of feature {feature} cannot be worked out: {why}")]
    FormulaFailed {
        /// The feature.
        feature: FeatureId,
        /// Why.
        why: EvaluationError,
    },
    /// The usage would pass a strict limit.
    #[error("the usage of feature {feature} would be {after}, its limit is {limit}")]
    UsageLimitExceeded {
        /// The feature.
        feature: FeatureId,
        /// What the usage would be.
        after: Amount,
        /// The limit.
        limit: Amount,
    },
    /// Several add-ons of one subscription say what usage of a feature costs.
    #[error("usage of feature {feature} has a price on each of {}; keep one", list(.addons))]
    AmbiguousRate {
        /// The feature.
        feature: FeatureId,
        /// The add-ons.
        addons: Vec<PackageKey>,
    },
    /// The pool has less, and overdrawing was excluded.
    #[error("{requested} credits were asked for and {available} are available")]
    InsufficientCredits {
        /// What was asked for.
        requested: Amount,
        /// What there is.
        available: Amount,
    },
    /// Only what was consumed can be reversed.
    #[error("only what was consumed can be reversed, and this entry consumed nothing")]
    EntryNotReversible,
    /// The consumption was reversed before.
    #[error("this consumption was reversed before, under another idempotency key")]
    AlreadyReversed,
    /// Something is full.
    #[error("the limit of {max} {what} is reached{}", way_out(what))]
    LimitReached {
        /// What is full.
        what: &'static str,
        /// How many fit.
        max: usize,
    },
}

fn list(packages: &[PackageKey]) -> String {
    packages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What a command did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The entries to fold, in order; none where nothing changes.
    pub entries: Vec<Entry>,
    /// The subscription it is about.
    pub subscription: Option<SubscriptionNo>,
    /// The grant it is about, with its pool.
    pub grant: Option<(PoolId, GrantNo)>,
    /// The dimensions that a formula needs and did not find; each counted as nothing.
    pub missing_dimensions: Vec<String>,
    /// The reservation that was made, extended or ended: as it was before it ended.
    pub hold: Option<Hold>,
}

/// As [`decide`] for [`CustomerCommand::Consume`], without taking the request.
///
/// # Errors
/// As [`decide`].
pub fn decide_consumption(
    customer: &Customer,
    catalog: &Catalog,
    request: &ConsumeRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    if customer.profile.archived_at.is_some() {
        return Err(CustomerRejection::CustomerArchived);
    }
    consume(customer, catalog, request, now)
}

/// As [`decide`] for [`CustomerCommand::Usage`], without taking the request.
///
/// # Errors
/// As [`decide`].
pub fn decide_usage(
    customer: &Customer,
    catalog: &Catalog,
    request: &UsageRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    if customer.profile.archived_at.is_some() {
        return Err(CustomerRejection::CustomerArchived);
    }
    report::report(customer, catalog, request, now)
}

/// As [`decide`] for [`CustomerCommand::Event`], without taking the request.
///
/// # Errors
/// As [`decide`].
pub fn decide_event(
    customer: &Customer,
    catalog: &Catalog,
    request: &EventRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    if customer.profile.archived_at.is_some() {
        return Err(CustomerRejection::CustomerArchived);
    }
    report::take_event(customer, catalog, request, now)
}

/// Decides a command to a customer that has been rolled forward to `now`.
///
/// # Errors
/// The first [`CustomerRejection`] that applies; then nothing changes.
///
/// # Examples
///
/// ```
/// use stipend_core::customer::{CustomerCommand, decide};
/// use stipend_core::{Amount, examples};
/// let catalog = examples::catalog();
/// let mut customer = examples::subscribed_customer(&catalog, 3);
/// let command = CustomerCommand::Consume(examples::consumption(Amount::whole(60_000)));
/// let decision = decide(&customer, &catalog, &command, examples::START)?;
/// decision.entries.iter().for_each(|entry| customer.apply(entry));
/// assert_eq!(customer.pools[0].balance(), Amount::whole(20_000));
/// # Ok::<(), stipend_core::customer::CustomerRejection>(())
/// ```
pub fn decide(
    customer: &Customer,
    catalog: &Catalog,
    command: &CustomerCommand,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let is_archived = customer.profile.archived_at.is_some();
    if is_archived && !matches!(command, CustomerCommand::Unarchive | CustomerCommand::Archive) {
        return Err(CustomerRejection::CustomerArchived);
    }
    match command {
        CustomerCommand::Update(patch) => Ok(update(customer, patch, now)),
        CustomerCommand::Archive if is_archived => Ok(Decision::default()),
        CustomerCommand::Archive => Ok(archive::archive(customer, catalog, now)),
        CustomerCommand::Unarchive if !is_archived => Ok(Decision::default()),
        CustomerCommand::Unarchive => {
            let profile =
                Profile { archived_at: None, updated_at: now, ..Profile::clone(&customer.profile) };
            Ok(Decision { entries: vec![Entry::Profile(profile)], ..Decision::default() })
        }
        CustomerCommand::Provision(request) => {
            subscribe::provision(customer, catalog, request, now)
        }
        CustomerCommand::Subscription(number, command) => {
            revise::decide(customer, catalog, *number, command, now)
        }
        CustomerCommand::MigrateTo(package, version) => {
            revise::migrate_to(customer, catalog, package, *version, now)
        }
        CustomerCommand::Grant(new) => grant(customer, catalog, new, now),
        CustomerCommand::VoidGrant(pool, no) => void(customer, catalog, *pool, *no, now),
        CustomerCommand::Consume(request) => consume(customer, catalog, request, now),
        CustomerCommand::Reverse(request) => reverse(customer, request, now),
        CustomerCommand::Usage(request) => report::report(customer, catalog, request, now),
        CustomerCommand::Event(request) => report::take_event(customer, catalog, request, now),
        CustomerCommand::Reserve(request) => hold::reserve(customer, catalog, request, now),
        CustomerCommand::Release(request) => hold::release(customer, catalog, request, now),
        CustomerCommand::Extend(request) => hold::extend(customer, catalog, request, now),
        CustomerCommand::GrantPromotions(new) => promotion::grant(customer, catalog, new, now),
        CustomerCommand::RevokePromotion(feature) => promotion::revoke(customer, feature, now),
    }
}

/// Builds the entries of a command on a copy of the customer, so that each step sees what the
/// ones before it did.
pub(super) struct Builder<'a> {
    pub(super) customer: Customer,
    pub(super) catalog: &'a Catalog,
    pub(super) now: Timestamp,
    /// Who brings the change about.
    pub(super) by: Bringer,
    entries: Vec<Entry>,
}

/// Who brings a change about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bringer {
    /// A caller, who can be refused and can make room.
    Caller,
    /// Time. Nobody is there to make room, and what was agreed is due.
    Time,
}

impl<'a> Builder<'a> {
    pub(super) fn new(customer: &Customer, catalog: &'a Catalog, now: Timestamp) -> Self {
        let customer = customer.clone();
        Self { customer, catalog, now, by: Bringer::Caller, entries: Vec::new() }
    }

    /// A builder of what time brings about.
    pub(super) fn of_time(customer: Customer, catalog: &'a Catalog, now: Timestamp) -> Self {
        Self { customer, catalog, now, by: Bringer::Time, entries: Vec::new() }
    }

    /// A builder that goes on from here, to be joined or dropped.
    pub(super) fn fork(&self) -> Self {
        Self { by: self.by, ..Self::new(&self.customer, self.catalog, self.now) }
    }

    /// Takes over what a fork has done.
    pub(super) fn join(&mut self, fork: Self) {
        self.customer = fork.customer;
        self.entries.extend(fork.entries);
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.customer.apply(&entry);
        self.entries.push(entry);
    }

    pub(super) fn push_pool(&mut self, pool: PoolId, cause: Cause, effects: Vec<Effect>) {
        if !effects.is_empty() {
            self.push(Entry::Pool(PoolEntry { pool, at: self.now, cause, effects }));
        }
    }

    /// The pool of that credit type and resource, which comes to be where there is none.
    pub(super) fn pool(&mut self, currency: &CurrencyId, resource: Option<&ResourceId>) -> PoolId {
        if let Some(found) = self.customer.find_pool(currency, resource) {
            return found.id;
        }
        let opened = open_pool(&self.customer, currency, resource);
        let pool = opened.pool;
        self.push(Entry::PoolOpened(opened));
        pool
    }

    /// Notes the resource where it is named for the first time.
    pub(super) fn resource(&mut self, id: Option<&ResourceId>) -> Result<(), CustomerRejection> {
        let Some(id) = id.filter(|id| self.customer.find_resource(id).is_none()) else {
            return Ok(());
        };
        check_limit(self.customer.resources.len(), CUSTOMER_RESOURCES_MAX, "resources")?;
        self.push(Entry::Resource(Resource { id: id.clone(), created_at: self.now }));
        Ok(())
    }

    /// The customer as it has become, and the entries that made it so.
    pub(super) fn into_parts(self) -> (Customer, Vec<Entry>) {
        (self.customer, self.entries)
    }

    pub(super) fn finish(self, describe: impl FnOnce(&mut Decision)) -> Decision {
        let mut decision = Decision { entries: self.entries, ..Decision::default() };
        describe(&mut decision);
        decision
    }
}

pub(super) fn open_pool(
    customer: &Customer,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
) -> PoolOpened {
    let number = u16::try_from(customer.pools.len()).expect("pools are limited below 2^16");
    PoolOpened {
        pool: PoolId::new(customer.slot, number),
        currency: currency.clone(),
        resource: resource.cloned(),
    }
}

pub(super) fn check_limit(
    count: usize,
    max: usize,
    what: &'static str,
) -> Result<(), CustomerRejection> {
    if count < max { Ok(()) } else { Err(CustomerRejection::LimitReached { what, max }) }
}

/// What is counted against [`POOL_GRANTS_MAX`].
const POOL_GRANTS: &str = "grants with something left in a pool";

/// What is counted against [`POOL_GRANTS_ALL_MAX`].
const POOL_GRANTS_ALL: &str = "grants in a pool";

/// That a pool has room for one more grant.
pub(super) fn check_pool_room(pool: &Pool) -> Result<(), CustomerRejection> {
    let scheduled = pool.scheduled.len();
    check_limit(pool.live.open().len() + scheduled, POOL_GRANTS_MAX, POOL_GRANTS)?;
    check_limit(pool.live.len() + scheduled, POOL_GRANTS_ALL_MAX, POOL_GRANTS_ALL)
}

/// What can be done where something is full.
fn way_out(what: &str) -> &'static str {
    match what {
        POOL_GRANTS => {
            "; void grants that are not needed, or wait until some are used up or expire"
        }
        POOL_GRANTS_ALL => {
            "; void grants that are used up, of which nothing can be given back then, and let new \
             ones expire"
        }
        _ => "",
    }
}

fn update(customer: &Customer, patch: &CustomerPatch, now: Timestamp) -> Decision {
    let mut profile = Profile::clone(&customer.profile);
    profile.name = patch.name.clone().unwrap_or(profile.name);
    profile.email = patch.email.clone().unwrap_or(profile.email);
    profile.metadata = patch.metadata.clone().unwrap_or(profile.metadata);
    patch_extras(&mut profile.extras, &patch.extras);
    if profile == *customer.profile {
        return Decision::default();
    }
    profile.updated_at = now;
    Decision { entries: vec![Entry::Profile(profile)], ..Decision::default() }
}
