//! Listing rows and their documents: what people's SQL sees of customers, subscriptions and the
//! catalog. Nothing is read back from them but the listings themselves.

use crate::account::Account;
use crate::realm::EnvChange;
use serde_json::{Value, json};
use stipend_core::catalog::{CatalogChange, Metadata, Package, PackageKind, Pricing, Target};
use stipend_core::customer::{SubscriptionEndReason, SubscriptionTerms};
use stipend_core::{SubscriptionNo, Timestamp, Zone};
use stipend_store::{CatalogRow, CustomerRow, SubscriptionRow};

pub(crate) fn customer(account: &Account) -> CustomerRow {
    let profile = &account.customer.profile;
    let extras: serde_json::Map<String, Value> = profile
        .extras
        .iter()
        .map(|(key, text)| (key.clone(), serde_json::from_str(&text.0).unwrap_or(Value::Null)))
        .collect();
    CustomerRow {
        slot: account.customer.slot.0,
        env: profile.env.0,
        id: profile.id.to_string(),
        name: profile.name.clone(),
        email: profile.email.clone(),
        doc: json!({ "metadata": profile.metadata, "extras": extras }).to_string(),
        created: profile.created_at.micros(),
        archived: profile.archived_at.map(Timestamp::micros),
    }
}

/// The contract's word for how a package is paid for.
#[must_use]
pub fn pricing_word(pricing: Pricing) -> &'static str {
    match pricing {
        Pricing::Free => "FREE",
        Pricing::Paid => "PAID",
        Pricing::Custom => "CUSTOM",
    }
}

/// The contract's word for the state of a subscription.
#[must_use]
pub fn status_word(terms: &SubscriptionTerms) -> &'static str {
    match terms.ended {
        Some(end) if end.reason == SubscriptionEndReason::TrialEnded => "EXPIRED",
        Some(_) => "CANCELED",
        None if !terms.has_begun => "NOT_STARTED",
        None if terms.running_trial().is_some() => "IN_TRIAL",
        None => "ACTIVE",
    }
}

pub(crate) fn subscription(account: &Account, number: SubscriptionNo) -> SubscriptionRow {
    let customer = &account.customer;
    let terms = &customer.subscription(number).expect("it was just set").terms;
    let addons: Vec<Value> = terms
        .addons
        .iter()
        .map(|pin| {
            json!({ "id": pin.addon.as_str(), "version": pin.version, "quantity": pin.quantity })
        })
        .collect();
    SubscriptionRow {
        sid: account.listed[number.0 as usize],
        env: customer.profile.env.0,
        id: terms.id.to_string(),
        slot: customer.slot.0,
        number: number.0,
        plan: terms.plan.plan.to_string(),
        version: terms.plan.version,
        parent_version: terms.plan.ancestors.first().map(|(_, version)| *version),
        resource: terms.resource.as_ref().map(ToString::to_string),
        pricing: pricing_word(terms.pricing).to_owned(),
        status: status_word(terms).to_owned(),
        starts: terms.started_at.micros(),
        trial_ends: terms.trial.map(|trial| trial.ends_at.micros()),
        ends: terms.ended.or(terms.ends).map(|end| end.at.micros()),
        created: terms.created_at.micros(),
        doc: json!({ "addons": addons, "metadata": terms.metadata }).to_string(),
    }
}

pub(crate) fn catalog(change: &EnvChange, now: Timestamp) -> CatalogRow {
    let (kind, id, version, doc) = match &change.change {
        CatalogChange::Product(product) => {
            (1, product.id.to_string(), 0, named(&product.name, &product.metadata))
        }
        CatalogChange::CreditType(credit_type) => {
            (2, credit_type.id.to_string(), 0, named(&credit_type.name, &credit_type.metadata))
        }
        CatalogChange::Feature(feature) => {
            (3, feature.id.to_string(), 0, named(&feature.name, &feature.metadata))
        }
        CatalogChange::Package(package) => {
            let kind = match package.key.kind {
                PackageKind::Plan => 4,
                PackageKind::Addon => 5,
            };
            (kind, package.key.id.to_string(), package.shown().version, package_doc(package))
        }
        CatalogChange::Settings(settings) => {
            let zone = settings.zone.as_ref().map(Zone::as_str);
            (6, String::new(), 0, json!({ "timeZone": zone }))
        }
    };
    CatalogRow {
        env: change.env.0,
        kind,
        id,
        version,
        holds_from: now.micros(),
        doc: doc.to_string(),
    }
}

fn named(name: &str, metadata: &Metadata) -> Value {
    json!({ "displayName": name, "metadata": metadata })
}

fn package_doc(package: &Package) -> Value {
    let shown = package.shown();
    let entitlements: Vec<Value> = shown
        .entitlements
        .iter()
        .map(|entitlement| match &entitlement.target {
            Target::Credit(currency) => {
                let terms = entitlement.credit().map(|(_, terms)| terms);
                let amount = terms.and_then(|terms| terms.amount).map(|amount| amount.to_string());
                json!({ "type": "CREDIT", "id": currency.as_str(), "amount": amount })
            }
            Target::Feature(feature) => json!({ "type": "FEATURE", "id": feature.as_str() }),
        })
        .collect();
    json!({
        "displayName": shown.name,
        "productId": package.product.as_str(),
        "isDraft": package.draft.is_some(),
        "isArchived": package.archived_at.is_some(),
        "entitlements": entitlements,
        "metadata": shown.metadata,
    })
}
