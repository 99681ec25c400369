//! What is done with subscriptions besides making, changing and ending them: previews, migrations,
//! transfers, delegations, schedules, imports, and a look at what is coming.

use super::subscriptions::{not_found, parse_id, render};
use crate::app::{App, data};
use crate::context::{Body, BulkBody, By, Caller, Ids, Query, ToManage, ToRead, WithQuery};
use crate::error::ApiError;
use crate::mapping::{preview, subscription as mapping, upcoming};
use axum::extract::State;
use axum::response::Response;
use stipend_core::customer::{CustomerCommand, Schedule, SubscriptionCommand};
use stipend_core::{CustomerId, SubscriptionId};
use stipend_engine::{Command, Outcome, Refusal, TaskKind};
use stipend_wire::envelope::Removed;
use stipend_wire::preview::{PreviewSubscription, SubscriptionPreview};
use stipend_wire::query::UpcomingQuery;
use stipend_wire::subscription::Subscription;
use stipend_wire::subscription_change::{
    DelegateSubscription, MigrateSubscription, SubscriptionMigrationTime, TransferSubscription,
};
use stipend_wire::task::{ImportSubscriptions, TaskStarted};
use stipend_wire::upcoming::UpcomingStep;
use stipend_wire::{Data, ErrorBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview_subscription))
        .routes(routes!(import_subscriptions))
        .routes(routes!(migrate_subscription))
        .routes(routes!(transfer_subscription))
        .routes(routes!(delegate_subscription))
        .routes(routes!(cancel_schedule))
        .routes(routes!(list_upcoming))
}

/// Preview a subscription
///
/// What provisioning it would make of the customer's credits, without doing it. There is no billing
/// provider, so nothing would be charged. What provisioning would refuse is refused here alike.
#[utoipa::path(post, path = "/api/v1/subscriptions/preview", tag = "Subscriptions",
    request_body = PreviewSubscription,
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<SubscriptionPreview>), (status = "default", body = ErrorBody)))]
async fn preview_subscription(
    State(app): State<App>,
    caller: By<ToRead>,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = body.read::<PreviewSubscription>()?;
    let customer = asked.customer_id.clone();
    let now = app.engine().now(caller.env);
    let account = app.current(&caller, customer.as_str(), now)?;
    let request = preview::from_wire(asked)?;
    if let Some(payer) = &request.paying_customer {
        check_payer(&app, &caller, payer)?;
    }
    let catalog = app.engine().catalog(caller.env);
    let command = CustomerCommand::Provision(Box::new(request));
    let decision = stipend_core::customer::decide(&account.customer, &catalog, &command, now)
        .map_err(stipend_engine::Refusal::from)?;
    let told = app.read(move || preview::to_wire(&account.customer, &catalog, &decision, now));
    Ok(data(told.await?))
}

/// As provisioning does it.
fn check_payer(app: &App, caller: &Caller, payer: &CustomerId) -> Result<(), Refusal> {
    let found = app.engine().find_customer(caller.env, payer);
    let found = found.ok_or_else(|| Refusal::CustomerNotFound(payer.clone()))?;
    Ok(found.customer.check_payer()?)
}

/// Import subscriptions
///
/// A task provisions them one after the other; how it stands is at `/api/v1/tasks/{id}`. Their
/// customers must be there. An id that is taken by the same customer counts as done.
#[utoipa::path(post, path = "/api/v1/subscriptions/import", tag = "Subscriptions",
    request_body = ImportSubscriptions,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<TaskStarted>), (status = "default", body = ErrorBody)))]
async fn import_subscriptions(
    State(app): State<App>,
    caller: By<ToManage>,
    BulkBody(body): BulkBody,
) -> Result<Response, ApiError> {
    let asked = body.read::<ImportSubscriptions>()?;
    let items = mapping::imports_from_wire(asked)?;
    let command = Command::BeginTask(TaskKind::Import { items });
    let render = |outcome: &Outcome<'_>| TaskStarted {
        task_id: outcome.task.expect("the command begins a task").id.to_string(),
    };
    app.mutate(&caller, &body, command, render).await
}

/// Migrate a subscription
///
/// To the latest versions of its plan and add-ons, at once or with the billing period. What grows,
/// grows at once; what shrinks or changes otherwise does so with the next period.
#[utoipa::path(post, path = "/api/v1/subscriptions/{id}/migrate", tag = "Subscriptions",
    params(("id" = String, Path)), request_body = MigrateSubscription,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Subscription>), (status = "default", body = ErrorBody)))]
async fn migrate_subscription(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let asked = body.read_optional::<MigrateSubscription>()?;
    let when = match asked.subscription_migration_time {
        Some(SubscriptionMigrationTime::EndOfBillingPeriod) => Schedule::PeriodEnd,
        Some(SubscriptionMigrationTime::Immediate) | None => Schedule::Now,
    };
    let command = Command::Subscription(id, SubscriptionCommand::Migrate(when));
    app.mutate(&caller, &body, command, render).await
}

/// Transfer a subscription
///
/// To another resource of its customer: the running credits move along with what was consumed of
/// them; overdraft stays where it was made.
#[utoipa::path(post, path = "/api/v1/subscriptions/{id}/transfer", tag = "Subscriptions",
    params(("id" = String, Path)), request_body = TransferSubscription,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Subscription>), (status = "default", body = ErrorBody)))]
async fn transfer_subscription(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let to = body.read::<TransferSubscription>()?.destination_resource_id;
    let command = Command::Subscription(id, SubscriptionCommand::Transfer(to));
    app.mutate(&caller, &body, command, render).await
}

/// Delegate a subscription
///
/// To another customer who pays for it from now on: that is its `payingCustomerId`. The subscription
/// stays with its customer, and so do its credits. Delegating it to its own customer takes that back.
#[utoipa::path(post, path = "/api/v1/subscriptions/{id}/delegate", tag = "Subscriptions",
    params(("id" = String, Path)), request_body = DelegateSubscription,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Subscription>), (status = "default", body = ErrorBody)))]
async fn delegate_subscription(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let to = body.read::<DelegateSubscription>()?.target_customer_id;
    let command = Command::Subscription(id, SubscriptionCommand::Delegate(to));
    app.mutate(&caller, &body, command, render).await
}

/// Cancel scheduled changes
///
/// Changes that wait for their time are dropped, and the plan that was to take this one's place. A
/// cancellation is taken back by an update with `cancellationDate: null`.
#[utoipa::path(delete, path = "/api/v1/subscriptions/{id}/future-update/schedule",
    tag = "Subscriptions", params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Removed>), (status = "default", body = ErrorBody)))]
async fn cancel_schedule(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    body.read_nothing()?;
    let id = parse_id(&id)?;
    let shown = id.to_string();
    let command = Command::Subscription(id, SubscriptionCommand::Unschedule);
    app.mutate(&caller, &body, command, move |_| Removed { id: shown }).await
}

/// List what is coming
///
/// The next instants at which something happens to the subscription or its recurring credits, as
/// things stand.
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}/upcoming", tag = "Subscriptions",
    params(("id" = String, Path), UpcomingQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Vec<UpcomingStep>>), (status = "default", body = ErrorBody)))]
async fn list_upcoming(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<UpcomingQuery>,
) -> Result<Response, ApiError> {
    let now = app.engine().now(caller.env);
    let known: SubscriptionId = parse_id(&id)?;
    let found = app.engine().find_subscription(caller.env, &known, now)?;
    let (account, number) = found.ok_or_else(|| not_found(&id))?;
    let catalog = app.engine().catalog(caller.env);
    let engine = std::sync::Arc::clone(app.shared_engine());
    let steps = app.read(move || {
        let customer = &account.customer;
        let coming =
            stipend_core::customer::upcoming(customer, &catalog, number, query.count.0 as usize);
        Ok(upcoming::to_wire(&engine, customer, &catalog, &coming))
    });
    Ok(data(steps.await?))
}
