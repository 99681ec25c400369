//! Customer › Entitlements: what it may use now, and where that comes from.

use super::{Look, Tab, credit_name, each, package_name};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::ui::{Tone, amount, badge, empty, grouped, primary, table, time};
use crate::dashboard::visit::Visit;
use crate::mapping::access::{reason, spent_budgets};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_core::catalog::{Enforcement, FeatureType, PackageKey, Reset, ResetPeriod};
use stipend_core::customer::{
    Denial, FeatureCheck, FeatureOrigin, FeatureQuestion, FeatureShare, GrantKind, Origin, Pool,
    Standing, check_credit, check_feature, entitled_features, explain, feature_sources,
};
use stipend_core::{Amount, FeatureId, PackageId, ResourceId};

/// Rows of each table.
const ROWS_MAX: usize = 100;

pub(super) fn router() -> Router<App> {
    Router::new().route("/customers/{id}/entitlements", get(show))
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    let asked = Some(visit.query().get("resource")).filter(|asked| !asked.is_empty());
    let resource = asked.map(ResourceId::parse).transpose().map_err(|_| Failure::NotFound)?;
    if resource.as_ref().is_some_and(|id| look.customer().find_resource(id).is_none()) {
        return Err(Failure::NotFound);
    }
    let resource = resource.as_ref();
    let features = entitled_features(look.customer(), &look.catalog, resource, look.now);
    let pools = look.customer().pools.iter().filter(|pool| pool.resource.as_ref() == resource);
    let pools: Vec<&Pool> = pools.collect();
    let body = html! {
        (resources(&look, resource))
        @if features.is_empty() && pools.is_empty() {
            (empty("It may use nothing yet",
                "Give it a subscription: what its plan and add-ons entitle to stands here.",
                &primary(&look.path("/subscribe"), "+ New subscription")))
        }
        @if !features.is_empty() {
            section { h2 { "Features" } (feature_table(&look, &features, resource)) }
        }
        @if !pools.is_empty() {
            section { h2 { "Credits" } (credit_table(&look, &pools)) }
        }
    };
    Ok(look.page(Tab::Entitlements, &body))
}

fn resources(look: &Look<'_>, here: Option<&ResourceId>) -> Markup {
    let all = &look.customer().resources;
    let path = look.path("/entitlements");
    html! {
        @if !all.is_empty() {
            nav.pills aria-label="Whose entitlements" {
                a href=(path) aria-current=[here.is_none().then_some("page")] { "The customer" }
                @for resource in all.iter().take(20) {
                    a href=(format!("{path}?resource={}", resource.id))
                        aria-current=[(here == Some(&resource.id)).then_some("page")] {
                        (resource.id)
                    }
                }
            }
        }
    }
}

fn feature_table(
    look: &Look<'_>,
    features: &std::collections::BTreeSet<FeatureId>,
    resource: Option<&ResourceId>,
) -> Markup {
    let spent = spent_budgets(look.customer());
    let question = FeatureQuestion { resource, spent: &spent, ..FeatureQuestion::default() };
    let head = html! {
        th scope="col" { "Feature" } th scope="col" { "Access" } th.num scope="col" { "Limit" }
        th.num scope="col" { "Used" } th scope="col" { "Starts anew" } th scope="col" { "Because of" }
    };
    let rows = html! {
        @for id in features.iter().take(ROWS_MAX) {
            @let check = check_feature(look.customer(), &look.catalog, id, &question, look.now);
            (feature_row(look, id, &check))
        }
    };
    html! {
        (table("Features", &head, &rows))
        @if features.len() > ROWS_MAX { p.quiet { "The first " (ROWS_MAX) " are shown." } }
    }
}

fn feature_row(look: &Look<'_>, id: &FeatureId, check: &FeatureCheck) -> Markup {
    let feature = look.catalog.features.get(id);
    let name = feature.map_or(id.as_str(), |feature| feature.name.as_str());
    let is_number = feature.is_some_and(|one| one.feature_type == FeatureType::Number);
    let access = check.access.as_ref();
    html! {
        tr {
            th scope="row" { (name) span.under { code { (id) } } }
            td { (granted(check.denial)) }
            td.num {
                @match access {
                    Some(access) if is_number => @match access.limit {
                        Some(limit) => { (amount(limit)) span.under { (enforced(access.enforcement)) } },
                        None => "Unlimited",
                    },
                    Some(access) if !access.enum_values.is_empty() => (access.enum_values.join(", ")),
                    _ => span.quiet { "—" },
                }
            }
            td.num {
                @if is_number { (amount(check.current_usage)) } @else { span.quiet { "—" } }
            }
            td {
                @if let Some(period) = check.period { (time(period.end)) }
                @else { span.quiet { "Never" } }
            }
            td {
                @if let Some(access) = access {
                    @for share in &access.shares { div { (because(look, id, share, is_number)) } }
                }
                @if let Some(credits) = &check.credits {
                    div {
                        "Pays with " bdi { (credit_name(&look.catalog, &credits.currency)) }
                        @if let Some(cost) = credits.cost { ", " (grouped(cost)) " for one" }
                    }
                }
            }
        }
    }
}

fn granted(denial: Option<Denial>) -> Markup {
    match denial {
        None => badge(Tone::Good, "Granted"),
        Some(denial) => html! {
            (badge(Tone::Warning, "Denied"))
            span.under { (words(reason(denial).as_str())) }
        },
    }
}

/// The contract's word as a sentence: `NoActiveSubscription` becomes `No active subscription`.
fn words(code: &str) -> String {
    let mut text = String::new();
    for (index, letter) in code.chars().enumerate() {
        if index > 0 && letter.is_uppercase() {
            text.push(' ');
            text.extend(letter.to_lowercase());
        } else {
            text.push(letter);
        }
    }
    text
}

const fn enforced(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Soft => "soft: checks grant beyond it",
        Enforcement::Hard => "hard: checks deny beyond it",
        Enforcement::Strict => "strict: reports beyond it are refused",
    }
}

/// What one source gives: of a subscription, package by package.
fn because(look: &Look<'_>, id: &FeatureId, share: &FeatureShare, is_number: bool) -> Markup {
    let subscription = match share.origin {
        FeatureOrigin::Subscription(number) => look.customer().subscription(number),
        FeatureOrigin::Promotion(_) => None,
    };
    let limit = |limit: Option<Amount>| {
        html! {
            @if is_number {
                ": " @if let Some(limit) = limit { (grouped(limit)) } @else { "unlimited" }
                @if let Some(reset) = &share.reset { " " (every(reset)) }
            }
        }
    };
    let Some(subscription) = subscription else {
        return html! { "A promotion" (limit(share.limit)) };
    };
    let sources = feature_sources(&subscription.terms, &look.catalog, id);
    html! {
        @for source in &sources {
            div {
                bdi { (package_name(&look.catalog, &source.package)) }
                @if source.quantity != 1 { " × " (source.quantity) }
                (limit(source.limit))
                @if source.is_inherited {
                    " " (inherited(look, &subscription.terms.plan.plan))
                }
                @if source.is_displaced { " " (badge(Tone::Quiet, "Displaced")) }
            }
        }
    }
}

/// By whom something is taken over.
fn inherited(look: &Look<'_>, plan: &PackageId) -> Markup {
    let plan = package_name(&look.catalog, &PackageKey::plan(plan.clone()));
    html! { span.quiet { "inherited by " bdi { (plan) } } }
}

const fn every(reset: &Reset) -> &'static str {
    match reset.period {
        ResetPeriod::Year => "a year",
        ResetPeriod::Month => "a month",
        ResetPeriod::Week => "a week",
        ResetPeriod::Day => "a day",
        ResetPeriod::Hour => "an hour",
    }
}

fn credit_table(look: &Look<'_>, pools: &[&Pool]) -> Markup {
    let head = html! {
        th scope="col" { "Credit type" } th scope="col" { "Access" } th.num scope="col" { "Granted" }
        th.num scope="col" { "Used" } th.num scope="col" { "Left" } th scope="col" { "Beyond it" }
        th scope="col" { "Because of" }
    };
    let rows = html! {
        @for pool in pools.iter().take(ROWS_MAX) {
            @let check = check_credit(
                look.customer(), &look.catalog, &pool.currency, pool.resource.as_ref(), None,
                look.now);
            @let place = super::credits::Place {
                currency: pool.currency.clone(), resource: pool.resource.clone() };
            tr {
                th scope="row" {
                    a href=(look.path(&format!("/credits?{}", place.query()))) {
                        (credit_name(&look.catalog, &pool.currency))
                    }
                }
                td { (granted(check.denial)) }
                td.num { (amount(check.usage_limit)) }
                td.num { (amount(check.current_usage)) }
                td.num { (amount(check.usage_limit - check.current_usage)) }
                td { (enforced(check.enforcement)) }
                td { (credit_sources(look, pool)) }
            }
        }
    };
    table("Credits", &head, &rows)
}

/// Where the credits of a pool come from: what subscriptions give each period, and what was granted
/// beside.
fn credit_sources(look: &Look<'_>, pool: &Pool) -> Markup {
    let told =
        explain(look.customer(), &look.catalog, &pool.currency, pool.resource.as_ref(), look.now);
    let beside = |kind: GrantKind| {
        let grants = pool.live.iter().filter(|grant| grant.kind == kind);
        grants.map(|grant| grant.amount).sum::<Amount>()
    };
    html! {
        @for part in &told.subscriptions {
            @for share in part.shares.iter().filter(|share| share.standing == Standing::Grants) {
                div {
                    bdi { (package_name(&look.catalog, &share.package)) }
                    @if share.quantity != 1 { " × " (share.quantity) }
                    ": " (grouped(share.amount)) " " (each(share.cadence))
                    @if share.origin == Origin::ParentPlan { " " (inherited(look, &part.plan)) }
                    @if share.origin == Origin::SubscriptionOverride {
                        " " span.quiet { "agreed for " (part.id) }
                    }
                }
            }
        }
        @for (kind, name) in [(GrantKind::Paid, "Purchases"), (GrantKind::Promotional, "Promotions")] {
            @if beside(kind).is_positive() { div { (name) ": " (grouped(beside(kind))) } }
        }
    }
}
