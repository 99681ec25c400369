//! Subscriptions.

use super::customers::created_range;
use crate::app::{App, data, ok};
use crate::context::{Body, By, Ids, Query, ToManage, ToRead, WithQuery};
use crate::cursor::List;
use crate::error::ApiError;
use crate::ids::random_id;
use crate::mapping::{access, subscription as mapping};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::customer::{CustomerCommand, SubscriptionCommand, SubscriptionTerms};
use stipend_core::{CustomerId, Slot, SubscriptionId, SubscriptionNo};
use stipend_engine::{Command, Outcome};
use stipend_store::SubscriptionFilter;
use stipend_wire::query::SubscriptionsQuery;
use stipend_wire::subscription::{
    CancelSubscription, ProvisionStatus, ProvisionSubscription, Provisioned, Subscription,
    UpdateSubscription,
};
use stipend_wire::{Data, ErrorBody, ErrorCode, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_subscriptions, provision_subscription))
        .routes(routes!(get_subscription, update_subscription))
        .routes(routes!(cancel_subscription))
}

pub(super) fn parse_id(id: &str) -> Result<SubscriptionId, ApiError> {
    SubscriptionId::parse(id).map_err(|_| not_found(id))
}

pub(super) fn not_found(id: &str) -> ApiError {
    let shown: String = id.chars().take(255).collect();
    ApiError::new(ErrorCode::SubscriptionNotFound, format!("there is no subscription {shown}"))
}

/// The subscription after a command that was about one.
pub(super) fn render(outcome: &Outcome<'_>) -> Subscription {
    let customer = &outcome.account.expect("the command is about a customer").customer;
    let number = outcome.subscription.expect("the command is about a subscription");
    let subscription = customer.subscription(number).expect("it exists after the command");
    mapping::to_wire(customer, &subscription.terms, outcome.now)
}

fn render_provisioned(outcome: &Outcome<'_>) -> Provisioned {
    let customer = &outcome.account.expect("the command is about a customer").customer;
    let subscription = render(outcome);
    let number = outcome.subscription.expect("the command is about a subscription");
    let terms = customer.subscription(number).map(|subscription| &subscription.terms);
    let resource = terms.and_then(|terms| terms.resource.as_ref());
    Provisioned {
        id: subscription.id.clone(),
        entitlements: Some(access::effective(customer, outcome.catalog, resource, outcome.now)),
        status: ProvisionStatus::Success,
        subscription: Some(subscription),
        checkout_billing_id: None,
        checkout_url: None,
        is_scheduled: Some(terms.is_some_and(SubscriptionTerms::is_pending)),
    }
}

/// List subscriptions
///
/// Newest first, ended ones included.
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "Subscriptions",
    params(SubscriptionsQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Subscription>), (status = "default", body = ErrorBody)))]
async fn list_subscriptions(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<SubscriptionsQuery>,
) -> Result<Response, ApiError> {
    let list = List::new(caller.env, "subscriptions");
    let page = list.page(query.after.as_deref(), query.before.as_deref())?;
    let engine = app.engine();
    let slot = query.customer_id.as_deref().map(|id| {
        let id = CustomerId::parse(id).ok();
        let found = id.and_then(|id| engine.find_customer(caller.env, &id));
        // No customer lives in slot 0, so an unknown one has no subscriptions.
        found.map_or(0, |account| account.customer.slot.0)
    });
    let filter = SubscriptionFilter {
        env: caller.env.0,
        created: created_range(&query.created_at),
        slot,
        plan: query.plan_id,
        resource: query.resource_id,
        pricing: query.pricing_type.iter().map(|pricing| pricing.as_str().to_owned()).collect(),
        status: query.status.iter().map(|status| status.as_str().to_owned()).collect(),
    };
    let limit = query.limit.0 as usize;
    let reader = Arc::clone(engine.shared_reader());
    let listed = app.read(move || Ok(reader.list_subscriptions(&filter, page, limit + 1)?));
    let mut found = listed.await?;
    let has_more = super::cut_surplus(&mut found, limit, &page);
    let places: Vec<u64> = found.iter().map(|found| found.sid).collect();
    let pagination = list.pagination(&page, places.first(), places.last(), has_more);
    let now = app.engine().now(caller.env);
    let shown = found.into_iter().filter_map(|found| {
        let account = app.engine().account(Slot(found.slot))?;
        let subscription = account.customer.subscription(SubscriptionNo(found.number))?;
        Some(mapping::to_wire(&account.customer, &subscription.terms, now))
    });
    Ok(ok(&Page { data: shown.collect(), pagination }))
}

/// Provision a subscription
///
/// Credits of the running period are granted at once, or when it starts. Asking for what the live
/// subscription of the product already is changes nothing; the same plan with other add-ons is an
/// update of it; another plan takes its place, at once or when `scheduleStrategy` says so.
#[utoipa::path(post, path = "/api/v1/subscriptions", tag = "Subscriptions",
    request_body = ProvisionSubscription,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Provisioned>), (status = "default", body = ErrorBody)))]
async fn provision_subscription(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = body.read::<ProvisionSubscription>()?;
    let customer = asked.customer_id.clone();
    let request = mapping::new_from_wire(asked, || {
        SubscriptionId::parse(&random_id(app.random())).expect("a UUID is an id")
    })?;
    let command = Command::Customer(customer, CustomerCommand::Provision(Box::new(request)));
    app.mutate(&caller, &body, command, render_provisioned).await
}

/// Get a subscription
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}", tag = "Subscriptions",
    params(("id" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Subscription>), (status = "default", body = ErrorBody)))]
async fn get_subscription(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    let now = app.engine().now(caller.env);
    let found = app.engine().find_subscription(caller.env, &parse_id(&id)?, now)?;
    let (account, number) = found.ok_or_else(|| not_found(&id))?;
    let subscription = account.customer.subscription(number).ok_or_else(|| not_found(&id))?;
    Ok(data(mapping::to_wire(&account.customer, &subscription.terms, now)))
}

/// Update a subscription
///
/// It takes effect at once and in full, or when `scheduleStrategy` says so; what was consumed in the
/// running period stays consumed. `addons`, `charges` and `entitlements` are replaced whole.
#[utoipa::path(patch, path = "/api/v1/subscriptions/{id}", tag = "Subscriptions",
    params(("id" = String, Path)), request_body = UpdateSubscription,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Subscription>), (status = "default", body = ErrorBody)))]
async fn update_subscription(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let patch = mapping::patch_from_wire(body.read::<UpdateSubscription>()?)?;
    let command = Command::Subscription(id, SubscriptionCommand::Update(Box::new(patch)));
    app.mutate(&caller, &body, command, render).await
}

/// Cancel a subscription
///
/// At once, when the billing period ends, or on a date; without a time, as the product's settings
/// say. Its recurring credits end with it, what was bought or given away stays the customer's. Where
/// the product's `subscriptionEndSetup` is `DOWNGRADE_TO_FREE`, the subscription goes on with the free
/// plan instead, unless it is free already or `cancellationAction` is `REVOKE_ENTITLEMENTS`.
#[utoipa::path(post, path = "/api/v1/subscriptions/{id}/cancel", tag = "Subscriptions",
    params(("id" = String, Path)), request_body = CancelSubscription,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Subscription>), (status = "default", body = ErrorBody)))]
async fn cancel_subscription(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let cancel = mapping::cancel_from_wire(&body.read_optional::<CancelSubscription>()?)?;
    let command = Command::Subscription(id, cancel);
    app.mutate(&caller, &body, command, render).await
}
