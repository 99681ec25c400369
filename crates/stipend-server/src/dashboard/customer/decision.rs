//! Customer › Credits › why: how one use of credits came about.

use super::{Look, SECTION, credit_name};
use crate::api::decisions::find;
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::ui::{Head, amount, empty, facts, id, table};
use crate::dashboard::visit::Visit;
use crate::dashboard::who::who;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_core::{CurrencyId, Timestamp};
use stipend_engine::Actor;
use stipend_wire::decision::{Decision, DecisionKind};

pub(super) fn router() -> Router<App> {
    Router::new().route("/customers/{id}/decisions/{decision}", get(show))
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    let (decision, by) = find(&visit.app, visit.env(), visit.param("decision").to_owned()).await?;
    if decision.customer_id != look.customer().profile.id.as_str() {
        return Err(Failure::NotFound);
    }
    let above = [
        (visit.path("/customers"), "Customers"),
        (look.path(""), look.name()),
        (look.path("/credits"), "Credits"),
    ];
    let body = html! {
        (Head { above: &above, ..Head::new("Why it cost that") })
        (facts(&told(&look, &decision, by.as_ref())))
        @if let Some(mapping) = &decision.mapping {
            section {
                h2 { "The price" }
                p {
                    (amount(mapping.rate.0)) " credits for each unit, by "
                    strong { (mapping.package_id) } " v" (mapping.version) "."
                }
                @if let Some(formula) = &mapping.cost_formula {
                    p { "Formula: " code { (formula) } }
                }
                p.quiet { "Applied to " code { (mapping.inputs.as_str()) } }
            }
        }
        section {
            h2 { "Who paid" }
            (draws(&decision))
        }
    };
    Ok(visit.page(SECTION, "Why it cost that", &body))
}

fn told(look: &Look<'_>, decision: &Decision, by: Option<&Actor>) -> Vec<(&'static str, Markup)> {
    let at = Timestamp::parse(&decision.at);
    let at = at.map_or_else(|_| html! { (decision.at) }, crate::dashboard::ui::time);
    let mut told = vec![("When", at)];
    if matches!(decision.kind, DecisionKind::Consumption | DecisionKind::Reservation) {
        told.push(("Who", who(&look.visit.app, by)));
    }
    if let Some(feature) = &decision.feature_id {
        let known = stipend_core::FeatureId::parse(feature).ok();
        let known = known.and_then(|id| look.catalog.features.get(&id));
        let name = known.map_or(feature.as_str(), |feature| feature.name.as_str());
        told.push(("Feature", html! { (name) }));
    }
    if let Some(usage) = decision.requested_usage {
        told.push(("Asked for", amount(usage.0)));
    }
    if let Some(cost) = decision.cost {
        let currency = decision.currency_id.as_deref().and_then(|id| CurrencyId::parse(id).ok());
        let name = currency.map(|currency| credit_name(&look.catalog, &currency));
        let cost = html! { strong { (amount(cost.0)) } @if let Some(name) = &name { " " (name) } };
        told.push(("Cost", cost));
    }
    if let Some(resource) = &decision.resource_id {
        told.push(("Resource", id(resource)));
    }
    if let Some(subscription) = &decision.subscription {
        let plan = html! { (subscription.plan_id) " v" (subscription.version) };
        told.push(("Plan", plan));
        told.push(("Subscription", id(&subscription.id)));
    }
    told.push(("Decision", id(&decision.decision_id)));
    told
}

fn draws(decision: &Decision) -> Markup {
    let head = html! {
        th scope="col" { "Grant" } th.num scope="col" { "Credits" } th scope="col" { "Why it was its turn" }
    };
    let overdraft = decision.overdraft.0;
    let rows = html! {
        @for draw in &decision.draws {
            tr {
                th scope="row" {
                    @if let Some(name) = &draw.grant_name {
                        (name) span.under { (id(&draw.grant_id)) }
                    } @else {
                        (id(&draw.grant_id))
                    }
                }
                td.num { (amount(draw.amount.0)) }
                td { (draw.rule) }
            }
        }
        @if overdraft.is_positive() {
            tr {
                th scope="row" { "Overdraft" }
                td.num { (amount(overdraft)) }
                td { "The grants were used up; the next grant settles it first." }
            }
        }
    };
    if decision.draws.is_empty() && !overdraft.is_positive() {
        return empty("Nothing was drawn", "It cost no credits.", &Markup::default());
    }
    table("What each grant gave", &head, &rows)
}
