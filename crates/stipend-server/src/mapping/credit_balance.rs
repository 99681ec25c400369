//! The credits of a customer, as its own browser is told.

use super::grant::kind_to_wire;
use super::instant;
use std::collections::BTreeSet;
use stipend_core::catalog::{Catalog, PackageKey};
use stipend_core::customer::{Coming, Grant, Pool, resolve, upcoming_of};
use stipend_core::{Amount, CurrencyId, Customer, ResourceId, Timestamp};
use stipend_wire::credit_balance::{
    CreditBalance, CreditBalanceGrant, CreditBalances, CreditChange, CreditTypeLabel, DecimalText,
};

/// Credit types and resources that are told of.
const BALANCES_MAX: usize = 50;
/// Grants that are told of each.
const GRANTS_MAX: usize = 20;
/// Subscriptions whose future is looked at, and instants of each.
const SUBSCRIPTIONS_MAX: usize = 20;
const INSTANTS_MAX: usize = 16;

/// Where a customer has credits: the customer as a whole before its resources.
pub(crate) type Place = (bool, Option<ResourceId>, CurrencyId);

/// The places in which the customer has credits or is about to have some.
pub(crate) fn places(customer: &Customer, catalog: &Catalog) -> BTreeSet<Place> {
    let place = |resource: &Option<ResourceId>, currency: CurrencyId| {
        (resource.is_some(), resource.clone(), currency)
    };
    let pools = customer.pools.iter().map(|pool| place(&pool.resource, pool.currency.clone()));
    let mut places: BTreeSet<Place> = pools.collect();
    for subscription in &customer.subscriptions {
        if subscription.terms.is_active() {
            let given = resolve(&subscription.terms, catalog).into_keys();
            places.extend(given.map(|currency| place(&subscription.terms.resource, currency)));
        }
    }
    places
}

/// What of a customer's credits is shown: all, or those of one credit type or resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The only credit type.
    pub(crate) currency: Option<CurrencyId>,
    /// The only resource.
    pub(crate) resource: Option<ResourceId>,
}

impl Scope {
    fn has(&self, (_, resource, currency): &Place) -> bool {
        self.currency.as_ref().is_none_or(|only| only == currency)
            && (self.resource.is_none() || self.resource == *resource)
    }
}

/// A customer that has been rolled forward to `now`.
pub(crate) fn to_wire(
    customer: &Customer,
    catalog: &Catalog,
    scope: &Scope,
    now: Timestamp,
    token_expires_at: Timestamp,
) -> CreditBalances {
    let mut places = places(customer, catalog);
    places.retain(|place| scope.has(place));
    let coming = coming(customer, catalog);
    let shown = places.iter().take(BALANCES_MAX);
    let balances = shown.map(|place| balance(customer, catalog, place, &coming));
    let zone = catalog.settings.zone.as_ref();
    CreditBalances {
        as_of: instant(now),
        time_zone: zone.map_or_else(|| "UTC".to_owned(), ToString::to_string),
        token_expires_at: instant(token_expires_at),
        balances: balances.collect(),
        more_balances: places.len().saturating_sub(BALANCES_MAX),
    }
}

/// The grants in force as people are shown them, the first ones alone: those from which something can
/// be drawn before those that are used up, each in burn order. Years of used-up grants would hide what
/// there is otherwise.
pub(crate) fn first_shown(pool: &Pool, most: usize) -> Vec<&Grant> {
    let mut shown: Vec<&Grant> = pool.live.open().iter().take(most).collect();
    if shown.len() < most {
        let mut spent: Vec<&Grant> = pool.live.spent().collect();
        spent.sort_by_key(|grant| grant.burn_key());
        let room = most - shown.len();
        shown.extend(spent.into_iter().take(room));
    }
    shown
}

/// What the subscriptions bring next.
fn coming(customer: &Customer, catalog: &Catalog) -> Vec<Coming> {
    let active = customer.subscriptions.iter().filter(|one| one.terms.is_active());
    let numbers: Vec<_> = active.take(SUBSCRIPTIONS_MAX).map(|one| one.terms.number).collect();
    upcoming_of(customer, catalog, &numbers, INSTANTS_MAX).into_iter().flatten().collect()
}

fn balance(
    customer: &Customer,
    catalog: &Catalog,
    (_, resource, currency): &Place,
    coming: &[Coming],
) -> CreditBalance {
    let pool = customer.find_pool(currency, resource.as_ref());
    let live = || pool.into_iter().flat_map(|pool| &pool.live);
    let amount = |of: fn(&Pool) -> Amount| DecimalText(pool.map_or(Amount::ZERO, of));
    CreditBalance {
        currency: label(catalog, currency),
        resource_id: resource.as_ref().map(ToString::to_string),
        balance: amount(Pool::balance),
        granted: amount(|pool| pool.granted),
        used: amount(|pool| pool.used),
        reserved: amount(Pool::reserved),
        overdraft: amount(|pool| pool.overdraft.map_or(Amount::ZERO, |one| one.amount)),
        next_grant: earliest(
            granted_next(coming, currency, resource.as_ref())
                .chain(pool.iter().flat_map(|pool| scheduled(pool))),
        ),
        next_expiry: earliest(live().filter_map(|grant| {
            let at = grant.expires_at.filter(|_| grant.remaining().is_positive())?;
            Some((at, grant.remaining()))
        })),
        grants: pool
            .into_iter()
            .flat_map(|pool| first_shown(pool, GRANTS_MAX))
            .map(|grant| grant_to_wire(catalog, grant))
            .collect(),
        more_grants: pool.map_or(0, |pool| pool.live.len()).saturating_sub(GRANTS_MAX),
    }
}

fn granted_next<'a>(
    coming: &'a [Coming],
    currency: &'a CurrencyId,
    resource: Option<&'a ResourceId>,
) -> impl Iterator<Item = (Timestamp, Amount)> + 'a {
    coming.iter().flat_map(move |step| {
        let here = step
            .grants
            .iter()
            .filter(move |(one, of, _)| one == currency && of.as_ref() == resource);
        here.map(|(_, _, grant)| (step.at, grant.amount))
    })
}

fn scheduled(pool: &Pool) -> impl Iterator<Item = (Timestamp, Amount)> + '_ {
    pool.scheduled.iter().map(|grant| (grant.effective_at, grant.amount))
}

/// What happens first, all of that instant together.
fn earliest(changes: impl Iterator<Item = (Timestamp, Amount)>) -> Option<CreditChange> {
    let changes: Vec<_> = changes.collect();
    let first = changes.iter().map(|(at, _)| *at).min()?;
    let amount = changes.iter().filter(|(at, _)| *at == first).map(|(_, amount)| *amount).sum();
    Some(CreditChange { at: instant(first), amount: DecimalText(amount) })
}

fn label(catalog: &Catalog, currency: &CurrencyId) -> CreditTypeLabel {
    let found = catalog.credit_types.get(currency);
    let units = found.and_then(|found| found.units.as_ref());
    CreditTypeLabel {
        currency_id: currency.to_string(),
        display_name: found.map_or_else(|| currency.to_string(), |found| found.name.clone()),
        unit_singular: units.map(|units| units.singular.clone()),
        unit_plural: units.map(|units| units.plural.clone()),
    }
}

/// Comments, metadata, costs and priorities are not the customer's business.
fn grant_to_wire(catalog: &Catalog, grant: &Grant) -> CreditBalanceGrant {
    let source = grant.source.as_ref();
    CreditBalanceGrant {
        display_name: source.map_or_else(
            || grant.name.to_string(),
            |source| package_name(catalog, &source.package, source.quantity),
        ),
        grant_type: kind_to_wire(grant.kind),
        amount: DecimalText(grant.amount),
        remaining: DecimalText(grant.remaining()),
        expire_at: grant.expires_at.map(instant),
    }
}

fn package_name(catalog: &Catalog, key: &PackageKey, quantity: u32) -> String {
    let found = catalog.packages.get(key);
    let name = found.map_or_else(|| key.id.to_string(), |found| found.shown().name.clone());
    if quantity == 1 { name } else { format!("{name} × {quantity}") }
}
