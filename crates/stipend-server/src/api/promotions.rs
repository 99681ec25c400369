//! Promotional entitlements: features that a customer has on top of every subscription.

use super::customers::parse_id;
use crate::app::{App, ok};
use crate::context::{Body, By, Ids, Query, ToManage, ToRead, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::promotion as mapping;
use axum::extract::State;
use axum::response::Response;
use stipend_core::FeatureId;
use stipend_core::customer::CustomerCommand;
use stipend_engine::{Command, Outcome};
use stipend_wire::promotional::{GrantPromotionals, PromotionalEntitlement};
use stipend_wire::query::PromotionalsQuery;
use stipend_wire::{Data, ErrorBody, ErrorCode, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_promotional_entitlements, grant_promotional_entitlements))
        .routes(routes!(revoke_promotional_entitlement))
}

/// List a customer's promotional entitlements
///
/// Newest first. What is over stays in the list as `Expired`, what was revoked too.
#[utoipa::path(get, path = "/api/v1/customers/{id}/promotional-entitlements", tag = "Customers",
    params(("id" = String, Path), PromotionalsQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<PromotionalEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn list_promotional_entitlements(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<PromotionalsQuery>,
) -> Result<Response, ApiError> {
    let now = app.engine().now(caller.env);
    let found = app.current(&caller, &id, now)?;
    let list = List::new(caller.env, &format!("promotions/{}", found.customer.slot.0));
    let page = list.page::<u64>(query.after.as_deref(), query.before.as_deref())?;
    let is_asked = |promotion: &&stipend_core::customer::Promotion| {
        let is_of_status =
            query.status.is_empty() || query.status.contains(&mapping::status(promotion, now));
        is_of_status && query.created_at.contains(promotion.anchor.at)
    };
    let items = found.customer.promotions.iter().filter(is_asked).map(|promotion| {
        (u64::from(promotion.number), mapping::to_wire(&found.customer, promotion, now))
    });
    let (data, pagination) = cut(&list, items.collect(), &page, query.limit.0 as usize);
    Ok(ok(&Page { data, pagination }))
}

/// Give promotional entitlements
///
/// All or none, from now on. One for a feature that has one takes its place. They hold for all the
/// customer's subscriptions and resources, and without any.
#[utoipa::path(post, path = "/api/v1/customers/{id}/promotional-entitlements", tag = "Customers",
    params(("id" = String, Path)), request_body = GrantPromotionals,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Vec<PromotionalEntitlement>>),
        (status = "default", body = ErrorBody)))]
async fn grant_promotional_entitlements(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let new = mapping::new_from_wire(body.read::<GrantPromotionals>()?)?;
    let features: Vec<FeatureId> = new.iter().map(|new| new.feature.clone()).collect();
    let command = Command::Customer(id, CustomerCommand::GrantPromotions(new));
    let render = move |outcome: &Outcome<'_>| {
        features.iter().map(|feature| render(outcome, feature)).collect::<Vec<_>>()
    };
    app.mutate(&caller, &body, command, render).await
}

/// The promotion of a feature after a command that was about it.
fn render(outcome: &Outcome<'_>, feature: &FeatureId) -> PromotionalEntitlement {
    let customer = &outcome.account.expect("the command is about a customer").customer;
    let promotion = customer.promotion(feature).expect("the command is about a promotion");
    mapping::to_wire(customer, promotion, outcome.now)
}

/// Revoke a promotional entitlement
///
/// It ends at once. Revoking it again, or what is over already, changes nothing and answers what
/// there is.
#[utoipa::path(delete, path = "/api/v1/customers/{id}/promotional-entitlements/{featureId}",
    tag = "Customers", params(("id" = String, Path), ("featureId" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<PromotionalEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn revoke_promotional_entitlement(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids((id, feature)): Ids<(String, String)>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let feature = FeatureId::parse(&feature).map_err(|_| {
        let message = "the customer has no promotional entitlement of this feature";
        ApiError::new(ErrorCode::PromotionalEntitlementNotFound, message)
    })?;
    let command = Command::Customer(id, CustomerCommand::RevokePromotion(feature.clone()));
    app.mutate(&caller, &body, command, move |outcome| render(outcome, &feature)).await
}
