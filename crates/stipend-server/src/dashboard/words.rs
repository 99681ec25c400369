//! What packages give, in words. Nothing is decided here.

use super::compare::Line;
use super::ui::{grouped, isolated};
use stipend_core::catalog::{
    Alignment, Behavior, Catalog, CreditProration, CreditTerms, Enforcement, Entitlement,
    EntitlementTerms, FeatureTerms, PackageDetails, PackageVersion, Pricing, ResetPeriod, Target,
    TrialConfig, TrialEnd, TrialUnit,
};
use stipend_core::{Amount, Cadence, CurrencyId, FeatureId, PackageId, PackageKey};

/// The name of a credit type.
pub(super) fn currency(catalog: &Catalog, id: &CurrencyId) -> String {
    catalog.credit_types.get(id).map_or_else(|| id.to_string(), |found| found.name.clone())
}

/// The name of a feature.
pub(super) fn feature(catalog: &Catalog, id: &FeatureId) -> String {
    catalog.features.get(id).map_or_else(|| id.to_string(), |found| found.name.clone())
}

/// The name of a plan or add-on.
pub(super) fn package(catalog: &Catalog, key: &PackageKey) -> String {
    let found = catalog.packages.get(key);
    found.map_or_else(|| key.id.to_string(), |found| found.shown().name.clone())
}

/// The name of what an entitlement is for.
pub(super) fn target(catalog: &Catalog, target: &Target) -> String {
    match target {
        Target::Credit(id) => currency(catalog, id),
        Target::Feature(id) => feature(catalog, id),
    }
}

/// "a month".
pub(super) const fn per(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Month => "a month",
        Cadence::Year => "a year",
    }
}

/// "50,000 API Credits a month".
pub(super) fn credits(
    catalog: &Catalog,
    id: &CurrencyId,
    amount: Amount,
    cadence: Cadence,
) -> String {
    format!("{} {} {}", grouped(amount), isolated(&currency(catalog, id)), per(cadence))
}

/// What an entitlement gives.
pub(super) fn value(catalog: &Catalog, entitlement: &Entitlement) -> String {
    if !entitlement.granted {
        return "Not granted".to_owned();
    }
    match &entitlement.terms {
        EntitlementTerms::Credit(terms) => credit_value(catalog, terms),
        EntitlementTerms::Feature(terms) => feature_value(terms),
    }
}

fn credit_value(catalog: &Catalog, terms: &CreditTerms) -> String {
    let Some(amount) = terms.amount else { return "Agreed with each subscription".to_owned() };
    let each = terms.per_unit_of.as_ref();
    let each = each
        .map_or_else(String::new, |id| format!(" for each of {}", isolated(&feature(catalog, id))));
    format!("{} {}{each}", grouped(amount), per(terms.cadence))
}

fn feature_value(terms: &FeatureTerms) -> String {
    if let Some(values) = terms.enum_values.as_ref().filter(|values| !values.is_empty()) {
        return values.join(", ");
    }
    if terms.unlimited == Some(true) {
        return "Unlimited".to_owned();
    }
    let Some(limit) = terms.usage_limit else { return "Included".to_owned() };
    let reset = terms.reset.as_ref().map(|reset| match reset.period {
        ResetPeriod::Year => " a year",
        ResetPeriod::Month => " a month",
        ResetPeriod::Week => " a week",
        ResetPeriod::Day => " a day",
        ResetPeriod::Hour => " an hour",
    });
    format!("{}{}", grouped(limit), reset.unwrap_or_default())
}

/// What happens beyond the limit or the balance.
pub(super) fn enforcement(entitlement: &Entitlement) -> Enforcement {
    let (stated, soft) = match &entitlement.terms {
        EntitlementTerms::Credit(terms) => (terms.enforcement, terms.soft_limit),
        EntitlementTerms::Feature(terms) => (terms.enforcement, terms.soft_limit),
    };
    Enforcement::of(stated, soft)
}

/// A word for it.
pub(super) const fn enforcement_word(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Soft => "Soft limit",
        Enforcement::Hard => "Hard limit",
        Enforcement::Strict => "Strict",
    }
}

/// How an add-on's entitlement meets the plan's.
pub(super) const fn behavior(behavior: Behavior) -> &'static str {
    match behavior {
        Behavior::Increment => "Increment plan limit",
        Behavior::Override => "Override plan limit",
    }
}

/// When periods begin.
pub(super) const fn alignment(alignment: Alignment) -> &'static str {
    match alignment {
        Alignment::SubscriptionStart => "With each subscription",
        Alignment::StartOfMonth => "On the first of the month",
    }
}

/// What a period that is cut short grants.
pub(super) const fn proration(proration: CreditProration) -> &'static str {
    match proration {
        CreditProration::Whole => "All of its credits",
        CreditProration::Prorate => "The share that fits its length",
    }
}

/// A word for how something is paid for.
pub(super) const fn pricing(pricing: Option<Pricing>) -> &'static str {
    match pricing {
        None => "Not set",
        Some(Pricing::Free) => "Free",
        Some(Pricing::Paid) => "Paid",
        Some(Pricing::Custom) => "Custom",
    }
}

/// How many of an add-on fit on one subscription.
pub(super) fn instances(max: Option<u32>) -> String {
    match max {
        Some(1) => "Single instance".to_owned(),
        Some(max) => format!("Multiple instance, at most {max}"),
        None => "Multiple instance".to_owned(),
    }
}

/// The trial of a plan: "14 days, then it goes on, paid".
pub(super) fn trial(trial: &TrialConfig) -> String {
    if trial.duration.is_zero() {
        return "None".to_owned();
    }
    let is_one = trial.duration == Amount::whole(1);
    let unit = match (trial.units, is_one) {
        (TrialUnit::Day, true) => "day",
        (TrialUnit::Day, false) => "days",
        (TrialUnit::Month, true) => "month",
        (TrialUnit::Month, false) => "months",
    };
    let end = match trial.end {
        None => "",
        Some(TrialEnd::ConvertToPaid) => ", then it goes on, paid",
        Some(TrialEnd::CancelSubscription) => ", then the subscription ends",
    };
    let budget = trial.budget.as_ref().map(|budget| {
        let limit = if budget.soft_limit { "about" } else { "at most" };
        format!(", for {limit} {}", grouped(budget.limit))
    });
    format!("{} {unit}{}{end}", grouped(trial.duration), budget.unwrap_or_default())
}

/// Everything that a version says, as lines of a name and what it is: what a review compares.
pub(super) fn lines(catalog: &Catalog, version: &PackageVersion) -> Vec<Line> {
    let mut lines = vec![Line::new("Name", &version.name)];
    if let Some(description) = &version.description {
        lines.push(Line::new("Description", description));
    }
    lines.extend(details(catalog, &version.details));
    for entitlement in &version.entitlements {
        let name = format!("Entitlement: {}", target(catalog, &entitlement.target));
        let value = value(catalog, entitlement);
        let limit = enforcement_word(self::enforcement(entitlement));
        let is_addon = matches!(version.details, PackageDetails::Addon(_));
        let meets = if is_addon {
            format!(" · {}", behavior(entitlement.behavior))
        } else {
            String::new()
        };
        let line = Line::new(name, format!("{value}{meets} · {limit}"));
        lines.push(match &entitlement.target {
            Target::Credit(id) => line.about("credits", id),
            Target::Feature(id) => line.about("feature", id),
        });
    }
    // An order that nobody has chosen is not told.
    if version.entitlements.iter().any(|entitlement| entitlement.order.is_some()) {
        let all = super::packages::ordered(version).into_iter();
        let names: Vec<String> = all.map(|it| target(catalog, &it.target)).collect();
        lines.push(Line::new("Order of entitlements", names.join(", ")));
    }
    if version.pricing.is_some() {
        lines.push(Line::new("Price", pricing(version.pricing)));
    }
    lines.extend(super::packages::price_lines(catalog, version));
    let metadata = version.metadata.iter();
    lines.extend(metadata.map(|(key, value)| Line::new(format!("Metadata: {key}"), value)));
    lines
}

fn details(catalog: &Catalog, details: &PackageDetails) -> Vec<Line> {
    let names = |ids: &[PackageId], key: fn(PackageId) -> PackageKey| {
        let names: Vec<String> = ids.iter().map(|id| package(catalog, &key(id.clone()))).collect();
        names.join(", ")
    };
    let mut lines = Vec::new();
    match details {
        PackageDetails::Plan(terms) => {
            if let Some(parent) = &terms.parent {
                let name = package(catalog, &PackageKey::plan(parent.clone()));
                lines.push(Line::new("Everything included in", name));
            }
            if let Some(addons) = terms.compatible_addons.as_ref().filter(|ids| !ids.is_empty()) {
                lines.push(Line::new("Compatible add-ons", names(addons, PackageKey::addon)));
            }
            if let Some(trial) = &terms.trial {
                lines.push(Line::new("Trial", self::trial(trial)));
            }
        }
        PackageDetails::Addon(terms) => {
            lines.push(Line::new("Type", instances(terms.max_quantity)));
            if let Some(needed) = terms.dependencies.as_ref().filter(|ids| !ids.is_empty()) {
                lines.push(Line::new("Needs", names(needed, PackageKey::addon)));
            }
        }
    }
    lines
}
