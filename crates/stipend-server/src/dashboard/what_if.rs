//! What an entitlement will mean for customers: worked out by the same maths that grants credits,
//! on a copy of the catalog in which the change was made and published.

use super::ui::{amount, grouped};
use super::words;
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::catalog::{
    Behavior, Catalog, CatalogCommand, Extras, Metadata, Migration, NewEntitlement, Package,
    PackageVersion, Pricing, Target, decide,
};
use stipend_core::customer::{
    AddonPin, BillingPeriod, PlanPin, Share, Standing, SubscriptionTerms, resolve,
};
use stipend_core::{
    Amount, Anchor, Cadence, CurrencyId, PackageId, PackageKey, PackageKind, SubscriptionId,
    SubscriptionNo, Timestamp,
};

/// Plans that are named as examples.
const PLANS_MAX: usize = 3;
/// Inherited plans are looked at so deep.
const DEPTH_MAX: usize = 16;
/// The units in the example of an add-on of which a customer may have several.
const UNITS: u32 = 3;

/// What a customer of a plan will have.
struct Example {
    plan: String,
    before: Option<(Amount, Cadence)>,
    after: (Amount, Cadence),
}

/// The catalog as it will be with the entitlement; nothing where it would be refused.
fn with(
    catalog: &Catalog,
    key: &PackageKey,
    new: &NewEntitlement,
    now: Timestamp,
) -> Option<Catalog> {
    let mut copy = catalog.clone();
    let mut run = |command: &CatalogCommand| -> Option<()> {
        for change in decide(&copy, command, now).ok()? {
            copy.apply(&change);
        }
        Some(())
    };
    if catalog.packages.get(key)?.draft.is_none() {
        run(&CatalogCommand::OpenDraft(key.clone()))?;
    }
    if catalog.packages.get(key)?.shown().find_entitlement(&new.target).is_some() {
        run(&CatalogCommand::RemoveEntitlement(key.clone(), new.target.clone()))?;
    }
    run(&CatalogCommand::AddEntitlements(key.clone(), vec![new.clone()]))?;
    run(&CatalogCommand::Publish(key.clone(), Migration::NewCustomers))?;
    Some(copy)
}

/// The same catalog with the drafts of plans published, so that they can be looked at together.
fn with_plans_published(mut catalog: Catalog, now: Timestamp) -> Catalog {
    let keys: Vec<PackageKey> = catalog.packages.keys().cloned().collect();
    for key in keys.into_iter().filter(|key| key.kind == PackageKind::Plan) {
        let publish = CatalogCommand::Publish(key, Migration::NewCustomers);
        for change in decide(&catalog, &publish, now).unwrap_or_default() {
            catalog.apply(&change);
        }
    }
    catalog
}

/// A subscription to the latest version of a plan, with an add-on or without.
fn subscription(
    catalog: &Catalog,
    plan: &Package,
    addon: Option<(&PackageKey, u32)>,
    now: Timestamp,
) -> Option<SubscriptionTerms> {
    let addons = match addon {
        None => Vec::new(),
        Some((key, quantity)) => {
            let version = catalog.packages.get(key)?.latest()?.version;
            vec![AddonPin { addon: key.id.clone(), version, quantity }]
        }
    };
    Some(SubscriptionTerms {
        number: SubscriptionNo(0),
        id: SubscriptionId::parse("example").ok()?,
        product: plan.product.clone(),
        plan: PlanPin {
            plan: plan.key.id.clone(),
            version: plan.latest()?.version,
            ancestors: ancestors(catalog, plan.latest()?),
        },
        pricing: Pricing::Free,
        addons,
        overrides: Vec::new(),
        quantities: Vec::new(),
        resource: None,
        paying_customer: None,
        billing_period: BillingPeriod::Monthly,
        anchor: Anchor::from(now),
        epoch: 0,
        epoch_start: now,
        started_at: now,
        has_begun: true,
        new_anchor: false,
        continues: None,
        trial: None,
        ends: None,
        ended: None,
        scheduled: Vec::new(),
        metadata: Metadata::new(),
        extras: Extras::new(),
        created_at: now,
        updated_at: now,
    })
}

fn ancestors(catalog: &Catalog, version: &PackageVersion) -> Vec<(PackageId, u32)> {
    let parent = |version: &PackageVersion| version.plan_terms()?.parent.clone();
    let mut found = Vec::new();
    let mut next = parent(version);
    while let Some(id) = next.filter(|_| found.len() < DEPTH_MAX) {
        let package = catalog.packages.get(&PackageKey::plan(id.clone()));
        let Some(latest) = package.and_then(|package| package.latest()) else { break };
        found.push((id, latest.version));
        next = parent(latest);
    }
    found
}

/// What a subscription gives of a credit type: the sum, where all of it comes as often.
fn total(
    catalog: &Catalog,
    terms: &SubscriptionTerms,
    currency: &CurrencyId,
) -> Option<(Amount, Cadence)> {
    let shares = resolve(terms, catalog).remove(currency)?;
    let granting: Vec<Share> =
        shares.into_iter().filter(|share| share.standing == Standing::Grants).collect();
    let cadence = granting.first()?.cadence;
    if granting.iter().any(|share| share.cadence != cadence) {
        return None;
    }
    let sum =
        granting.iter().try_fold(Amount::ZERO, |sum, share| (sum + share.amount).within_max());
    Some((sum?, cadence))
}

/// The plans that an add-on can meet: those it is compatible with, else those of its product.
fn plans<'a>(catalog: &'a Catalog, addon: &Package) -> Vec<&'a Arc<Package>> {
    let of_product = catalog.packages_of(PackageKind::Plan).into_iter().filter(|plan| {
        plan.product == addon.product && plan.archived_at.is_none() && plan.latest().is_some()
    });
    let all: Vec<_> = of_product.collect();
    let takes = |plan: &&Arc<Package>| {
        let addons = plan.latest().and_then(|it| it.plan_terms()?.compatible_addons.as_ref());
        addons.is_some_and(|addons| addons.contains(&addon.key.id))
    };
    let compatible: Vec<_> = all.iter().copied().filter(takes).collect();
    if compatible.is_empty() { all } else { compatible }
}

/// How many units the example has.
fn units(addon: &Package) -> u32 {
    let max = addon.shown().addon_terms().and_then(|terms| terms.max_quantity);
    max.map_or(UNITS, |max| max.min(UNITS))
}

fn examples(
    catalog: &Catalog,
    key: &PackageKey,
    new: &NewEntitlement,
    now: Timestamp,
) -> Vec<Example> {
    let Target::Credit(currency) = &new.target else { return Vec::new() };
    let Some(after) = with(catalog, key, new, now) else { return Vec::new() };
    let after = with_plans_published(after, now);
    let Some(addon) = after.packages.get(key) else { return Vec::new() };
    let shown = plans(&after, addon).into_iter().filter_map(|plan| {
        let alone = subscription(&after, plan, None, now)?;
        let together = subscription(&after, plan, Some((key, units(addon))), now)?;
        Some(Example {
            plan: plan.shown().name.clone(),
            before: total(&after, &alone, currency),
            after: total(&after, &together, currency)?,
        })
    });
    shown.take(PLANS_MAX).collect()
}

/// What an entitlement of an add-on will mean with a behavior, in a line.
pub(super) fn addon_effect(
    catalog: &Catalog,
    key: &PackageKey,
    new: &NewEntitlement,
    behavior: Behavior,
    now: Timestamp,
) -> Markup {
    let new = NewEntitlement { behavior, ..new.clone() };
    let Some(addon) = catalog.packages.get(key) else { return Markup::default() };
    let count = units(addon);
    let with = if count == 1 { "it".to_owned() } else { format!("{count} units") };
    let first = match behavior {
        Behavior::Increment => "Added to what the plan gives.",
        Behavior::Override => "Replaces what the plan gives.",
    };
    let Target::Credit(currency) = &new.target else { return html! { (first) } };
    html! {
        (first)
        @for example in examples(catalog, key, &new, now) {
            " A customer of " em { (example.plan) } " with " (with) " will have "
            strong { (amount(example.after.0)) }
            " " (words::currency(catalog, currency)) " " (words::per(example.after.1))
            @match (example.before, behavior) {
                (Some(before), Behavior::Override) => {
                    " instead of " (grouped(before.0))
                    @if before.1 != example.after.1 { " " (words::per(before.1)) }
                }
                (None, _) => { " (the plan itself gives none)" }
                (Some(_), Behavior::Increment) => {}
            }
            "."
        }
    }
}

/// What an entitlement of a plan will mean, in a line.
pub(super) fn plan_effect(
    catalog: &Catalog,
    key: &PackageKey,
    new: &NewEntitlement,
    now: Timestamp,
) -> Markup {
    let example = || {
        let Target::Credit(currency) = &new.target else { return None };
        let after = with(catalog, key, new, now)?;
        let plan = after.packages.get(key)?;
        let terms = subscription(&after, plan, None, now)?;
        let (amount, cadence) = total(&after, &terms, currency)?;
        Some(words::credits(catalog, currency, amount, cadence))
    };
    match example() {
        Some(credits) => html! {
            "A customer of " em { (words::package(catalog, key)) } " will have "
            strong.amount { (credits) } ", and more with add-ons."
        },
        None => html! { "What every customer of the plan has, before add-ons." },
    }
}
