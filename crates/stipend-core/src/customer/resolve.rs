//! Entitlement maths: what one subscription gives of each credit type (`behaviour.md` §0.5).

use super::subscription::SubscriptionTerms;
use crate::Amount;
use crate::catalog::{
    Behavior, Catalog, CreditTerms, Enforcement, Entitlement, PackageKey, PackageVersion,
};
use crate::id::{CurrencyId, FeatureId};
use crate::period::Cadence;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a share comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The plan's own entitlement.
    Plan,
    /// The entitlement of a plan that the plan inherits from.
    ParentPlan,
    /// An amount agreed for this subscription.
    SubscriptionOverride,
    /// An add-on.
    Addon,
}

/// Whether a share gives credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Grants,
    /// Another share gives instead of it.
    Displaced {
        /// The package that displaces it.
        by: PackageKey,
        /// Whether it is itself an override that another override outdid.
        outdone: bool,
    },
    /// Its entitlement is not granted, or its amount has not been supplied.
    NotGranted,
}

/// What one package gives, or would give, of a credit type to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The plan or add-on.
    pub package: PackageKey,
    /// Its version.
    pub version: u32,
    /// Where it comes from.
    pub origin: Origin,
    /// How it meets the plan's.
    pub behavior: Behavior,
    /// How often it grants.
    pub cadence: Cadence,
    /// Credits a period for one instance.
    pub unit_amount: Amount,
    /// How many instances.
    pub quantity: u32,
    /// How many units of the feature that multiplies them, seats for instance, where one does.
    pub units: Option<u32>,
    /// Credits a period: unit amount × quantity × units.
    pub amount: Amount,
    /// What happens beyond the balance.
    pub enforcement: Enforcement,
    /// Whether it gives credits.
    pub standing: Standing,
}

impl Share {
    /// The credits a period, where they are not above [`Amount::MAX`].
    pub(super) fn product(&self) -> Option<Amount> {
        self.unit_amount.times(self.quantity)?.times(self.units.unwrap_or(1))
    }
}

/// The shares of a subscription by credit type, the plan's first, then add-ons by id.
///
/// Without an overriding add-on, the plan's share and all increments add up. With one, the
/// greatest `amount × quantity` among the overrides stands alone: amounts of different cadence
/// are compared per year, ties go to the monthly one, then to the lowest id. A smaller override
/// replaces the plan all the same.
///
/// # Examples
///
/// ```
/// use stipend_core::customer::resolve;
/// use stipend_core::{Amount, examples};
/// let catalog = examples::catalog();
/// let customer = examples::subscribed_customer(&catalog, 3);
/// let shares = &resolve(&customer.subscriptions[0].terms, &catalog)[&examples::credits()];
/// let amounts: Vec<Amount> = shares.iter().map(|share| share.amount).collect();
/// assert_eq!(amounts, [Amount::whole(50_000), Amount::whole(30_000)]);
/// ```
#[must_use]
pub fn resolve(terms: &SubscriptionTerms, catalog: &Catalog) -> BTreeMap<CurrencyId, Vec<Share>> {
    let mut shares: BTreeMap<CurrencyId, Vec<Share>> = BTreeMap::new();
    for (currency, share) in plan_shares(terms, catalog) {
        shares.entry(currency).or_default().push(share);
    }
    let mut addons: Vec<_> = terms.addons.iter().collect();
    addons.sort_by(|one, other| one.addon.cmp(&other.addon));
    for pin in addons {
        let key = PackageKey::addon(pin.addon.clone());
        let version = pinned(catalog, &key, pin.version);
        for entitlement in &version.entitlements {
            if let Some((currency, credit)) = entitlement.credit() {
                let source = Source { key: &key, version: pin.version, origin: Origin::Addon };
                let units = units_of(terms, catalog, credit);
                let share = share_of(&source, entitlement, credit, pin.quantity, units);
                shares.entry(currency.clone()).or_default().push(share);
            }
        }
    }
    for list in shares.values_mut() {
        displace(list);
    }
    shares
}

/// The least of what the shares that grant a credit type say about its balance, as [`resolve`] has
/// them; none where none grants. Only where an add-on overrides are they made, since their amounts
/// say which of them grants.
pub(super) fn granting_enforcement(
    terms: &SubscriptionTerms,
    catalog: &Catalog,
    currency: &CurrencyId,
) -> Option<Enforcement> {
    let mut least = planned_enforcement(terms, catalog, currency);
    for pin in &terms.addons {
        let version = pinned(catalog, &PackageKey::addon(pin.addon.clone()), pin.version);
        let granted = version.entitlements.iter().filter_map(|entitlement| {
            let (_, credit) = entitlement.credit().filter(|(found, _)| *found == currency)?;
            gives(entitlement, credit).then_some((entitlement.behavior, credit))
        });
        for (behavior, credit) in granted {
            if behavior == Behavior::Override {
                return greatest_enforcement(terms, catalog, currency);
            }
            let stated = Enforcement::of(credit.enforcement, credit.soft_limit);
            least = Some(least.map_or(stated, |least| least.min(stated)));
        }
    }
    least
}

fn greatest_enforcement(
    terms: &SubscriptionTerms,
    catalog: &Catalog,
    currency: &CurrencyId,
) -> Option<Enforcement> {
    let shares = resolve(terms, catalog).remove(currency)?;
    let granting = shares.iter().filter(|share| share.standing == Standing::Grants);
    granting.map(|share| share.enforcement).min()
}

/// What the plan's share says, where it grants: that of the plan's own entitlement or the nearest
/// ancestor's, unless what was agreed for the subscription says it.
fn planned_enforcement(
    terms: &SubscriptionTerms,
    catalog: &Catalog,
    currency: &CurrencyId,
) -> Option<Enforcement> {
    let own = std::iter::once((&terms.plan.plan, terms.plan.version));
    let ancestors = terms.plan.ancestors.iter().map(|(id, version)| (id, *version));
    let planned = own.chain(ancestors).find_map(|(id, number)| {
        let version = pinned(catalog, &PackageKey::plan(id.clone()), number);
        version.entitlements.iter().find_map(|entitlement| {
            let (_, credit) = entitlement.credit().filter(|(found, _)| *found == currency)?;
            let stated = Enforcement::of(credit.enforcement, credit.soft_limit);
            Some((stated, gives(entitlement, credit)))
        })
    });
    match terms.overrides.iter().find(|agreed| agreed.currency == *currency) {
        Some(agreed) => {
            let stated = agreed.soft_limit.map(|_| Enforcement::of(None, agreed.soft_limit));
            let planned = planned.map(|(stated, _)| stated);
            Some(stated.or(planned).unwrap_or(Enforcement::Hard))
        }
        None => planned.and_then(|(stated, gives)| gives.then_some(stated)),
    }
}

/// Whether an entitlement gives credits.
fn gives(entitlement: &Entitlement, credit: &CreditTerms) -> bool {
    entitlement.granted && credit.amount.is_some()
}

/// Pins are made from the catalog, whose published versions never vanish.
pub(super) fn pinned<'a>(
    catalog: &'a Catalog,
    key: &PackageKey,
    version: u32,
) -> &'a Arc<PackageVersion> {
    catalog.version(key, version).expect("a subscription pins published versions")
}

/// The plan's own entitlement in each credit type, else that of the nearest ancestor that has
/// one; an amount agreed for the subscription replaces it or stands for it.
fn plan_shares(terms: &SubscriptionTerms, catalog: &Catalog) -> BTreeMap<CurrencyId, Share> {
    let own = std::iter::once((&terms.plan.plan, terms.plan.version, Origin::Plan));
    let ancestors =
        terms.plan.ancestors.iter().map(|(id, version)| (id, *version, Origin::ParentPlan));
    let mut shares = BTreeMap::new();
    for (id, number, origin) in own.chain(ancestors) {
        let key = PackageKey::plan(id.clone());
        for entitlement in &pinned(catalog, &key, number).entitlements {
            if let Some((currency, credit)) = entitlement.credit() {
                let source = Source { key: &key, version: number, origin };
                let units = units_of(terms, catalog, credit);
                shares
                    .entry(currency.clone())
                    .or_insert_with(|| share_of(&source, entitlement, credit, 1, units));
            }
        }
    }
    for agreed in &terms.overrides {
        let planned = shares.get(&agreed.currency).map(|share| share.enforcement);
        let stated = agreed.soft_limit.map(|_| Enforcement::of(None, agreed.soft_limit));
        let share = Share {
            package: PackageKey::plan(terms.plan.plan.clone()),
            version: terms.plan.version,
            origin: Origin::SubscriptionOverride,
            behavior: Behavior::Increment,
            cadence: agreed.cadence,
            unit_amount: agreed.amount,
            quantity: 1,
            units: None,
            amount: agreed.amount,
            enforcement: stated.or(planned).unwrap_or(Enforcement::Hard),
            standing: Standing::Grants,
        };
        shares.insert(agreed.currency.clone(), share);
    }
    shares
}

struct Source<'a> {
    key: &'a PackageKey,
    version: u32,
    origin: Origin,
}

fn share_of(
    source: &Source<'_>,
    entitlement: &Entitlement,
    credit: &CreditTerms,
    quantity: u32,
    units: Option<u32>,
) -> Share {
    let unit_amount = credit.amount.unwrap_or(Amount::ZERO);
    // `behavior` on a plan's entitlement has no effect: the plan is the base.
    let is_addon = source.origin == Origin::Addon;
    let behavior = if is_addon { entitlement.behavior } else { Behavior::Increment };
    let share = Share {
        package: source.key.clone(),
        version: source.version,
        origin: source.origin,
        behavior,
        cadence: credit.cadence,
        unit_amount,
        quantity,
        units,
        amount: Amount::ZERO,
        enforcement: Enforcement::of(credit.enforcement, credit.soft_limit),
        standing: if gives(entitlement, credit) { Standing::Grants } else { Standing::NotGranted },
    };
    // More is refused wherever it can be; a version that comes when nobody can be told gives the most.
    Share { amount: share.product().unwrap_or(Amount::MAX), ..share }
}

fn units_of(terms: &SubscriptionTerms, catalog: &Catalog, credit: &CreditTerms) -> Option<u32> {
    credit.per_unit_of.as_ref().map(|feature| usage_limit(terms, catalog, feature))
}

/// How many units of a feature a subscription has: what was bought of it, else the plan's own limit
/// or that of the nearest ancestor that has one; add-ons add theirs × quantity, and the greatest
/// overriding one stands alone (`behaviour.md` §2.6, §2.7).
#[must_use]
pub fn usage_limit(terms: &SubscriptionTerms, catalog: &Catalog, feature: &FeatureId) -> u32 {
    let own = std::iter::once((&terms.plan.plan, terms.plan.version));
    let ancestors = terms.plan.ancestors.iter().map(|(id, version)| (id, *version));
    let limit_in = |key: &PackageKey, version: u32| {
        let entitlements = &pinned(catalog, key, version).entitlements;
        entitlements.iter().find_map(|entitlement| {
            let (found, limits) = entitlement.feature()?;
            let limit = limits.usage_limit.filter(|_| found == feature && entitlement.granted)?;
            Some((whole_units(limit), entitlement.behavior))
        })
    };
    let bought = terms.quantities.iter().find(|bought| bought.feature == *feature);
    let planned = || {
        own.chain(ancestors).find_map(|(id, version)| {
            limit_in(&PackageKey::plan(id.clone()), version).map(|(limit, _)| limit)
        })
    };
    let plan = bought.map(|bought| bought.quantity).or_else(planned).unwrap_or(0);
    let (mut sum, mut greatest) = (plan, None);
    for pin in &terms.addons {
        let key = PackageKey::addon(pin.addon.clone());
        let Some((limit, behavior)) = limit_in(&key, pin.version) else { continue };
        let limit = limit.saturating_mul(pin.quantity);
        match behavior {
            Behavior::Increment => sum = sum.saturating_add(limit),
            Behavior::Override => greatest = greatest.max(Some(limit)),
        }
    }
    greatest.unwrap_or(sum)
}

fn whole_units(limit: Amount) -> u32 {
    u32::try_from(limit.nano() / Amount::whole(1).nano()).unwrap_or(u32::MAX)
}

/// Leaves the greatest override standing alone, where there is one.
fn displace(shares: &mut [Share]) {
    let overrides = shares
        .iter()
        .filter(|share| share.standing == Standing::Grants && share.behavior == Behavior::Override);
    let winner = overrides.min_by_key(|share| {
        let yearly = share.amount.nano() * i128::from(share.cadence.periods_per_year());
        (Reverse(yearly), share.cadence, share.package.clone())
    });
    let Some(winner) = winner.map(|share| share.package.clone()) else { return };
    for share in shares {
        if share.standing == Standing::Grants && share.package != winner {
            let outdone = share.behavior == Behavior::Override;
            share.standing = Standing::Displaced { by: winner.clone(), outdone };
        }
    }
}
