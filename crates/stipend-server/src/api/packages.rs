//! Plans and add-ons: one code for both, one handler for each path.

use crate::app::{App, data, ok};
use crate::context::{Body, By, Caller, Ids, Query, ToManage, ToRead, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::package::{self as mapping, PackageView};
use axum::extract::State;
use axum::response::Response;
use stipend_core::PackageId;
use stipend_core::catalog::{
    Catalog, CatalogCommand, CatalogRejection, NewPackage, Package, PackageKey, PackageKind,
    PackagePatch,
};
use stipend_engine::{Command, Outcome, Refusal};
use stipend_wire::envelope::Removed;
use stipend_wire::package::{
    Addon, CreateAddon, CreatePlan, Plan, PublishPackage, Published, UpdateAddon, UpdatePlan,
};
use stipend_wire::query::PackagesQuery;
use stipend_wire::{Data, ErrorBody, ErrorCode, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_plans, create_plan))
        .routes(routes!(get_plan, update_plan))
        .routes(routes!(archive_plan))
        .routes(routes!(open_plan_draft, remove_plan_draft))
        .routes(routes!(publish_plan))
        .routes(routes!(list_addons, create_addon))
        .routes(routes!(get_addon, update_addon))
        .routes(routes!(archive_addon))
        .routes(routes!(open_addon_draft, remove_addon_draft))
        .routes(routes!(publish_addon))
}

/// The id in a path; one that is none of this kind leads to nothing.
pub(super) fn parse_key(kind: PackageKind, id: &str) -> Result<PackageKey, ApiError> {
    PackageId::parse(id).map(|id| PackageKey { kind, id }).map_err(|_| match kind {
        PackageKind::Plan => {
            ApiError::new(ErrorCode::PlanNotFound, "there is no plan with this id")
        }
        PackageKind::Addon => {
            ApiError::new(ErrorCode::AddonNotFound, "there is no add-on with this id")
        }
    })
}

/// The package that a path names.
pub(super) fn find<'a>(catalog: &'a Catalog, key: &PackageKey) -> Result<&'a Package, ApiError> {
    let found = catalog.packages.get(key).map(AsRef::as_ref);
    let refusal = || Refusal::Catalog(CatalogRejection::PackageNotFound(key.clone()));
    found.ok_or_else(|| refusal().into())
}

fn render<V: PackageView>(key: PackageKey) -> impl FnOnce(&Outcome<'_>) -> V + Send + 'static {
    move |outcome| V::of(&outcome.catalog.packages[&key])
}

fn list<V: PackageView>(
    app: &App,
    caller: &Caller,
    query: &PackagesQuery,
) -> Result<Response, ApiError> {
    let list = List::new(caller.env, V::LIST);
    let page = list.page(query.after.as_deref(), query.before.as_deref())?;
    let catalog = app.engine().catalog(caller.env);
    let listed = catalog.packages.values().filter(|package| {
        let has_status =
            query.status.is_empty() || query.status.contains(&mapping::status(package));
        package.key.kind == V::KIND
            && query.product_id.as_ref().is_none_or(|id| package.product.as_str() == id)
            && has_status
            && query.created_at.contains(package.created_at)
    });
    let items = listed
        .map(|package| ((package.created_at, package.key.id.to_string()), V::of(package)))
        .collect();
    let (data, pagination) = cut(&list, items, &page, query.limit.0 as usize);
    Ok(ok(&Page { data, pagination }))
}

fn get<V: PackageView>(app: &App, caller: &Caller, id: &str) -> Result<Response, ApiError> {
    let key = parse_key(V::KIND, id)?;
    let catalog = app.engine().catalog(caller.env);
    find(&catalog, &key).map(|package| data(V::of(package)))
}

async fn create<V: PackageView>(
    app: &App,
    caller: &Caller,
    body: &Body,
    new: NewPackage,
) -> Result<Response, ApiError> {
    let render = render::<V>(new.key.clone());
    let command = Command::Catalog(CatalogCommand::CreatePackage(new));
    app.mutate(caller, body, command, render).await
}

async fn update<V: PackageView>(
    app: &App,
    caller: &Caller,
    body: &Body,
    key: PackageKey,
    patch: PackagePatch,
) -> Result<Response, ApiError> {
    let command = CatalogCommand::UpdatePackage(key.clone(), Box::new(patch));
    app.mutate(caller, body, Command::Catalog(command), render::<V>(key)).await
}

/// A command that needs nothing but the package, and answers it.
async fn change<V: PackageView>(
    app: &App,
    caller: &Caller,
    id: &str,
    body: &Body,
    command: fn(PackageKey) -> CatalogCommand,
) -> Result<Response, ApiError> {
    let key = parse_key(V::KIND, id)?;
    body.read_nothing()?;
    let command = Command::Catalog(command(key.clone()));
    app.mutate(caller, body, command, render::<V>(key)).await
}

async fn remove_draft(
    app: &App,
    caller: &Caller,
    kind: PackageKind,
    id: &str,
    body: &Body,
) -> Result<Response, ApiError> {
    let key = parse_key(kind, id)?;
    body.read_nothing()?;
    let removed = Removed { id: key.id.to_string() };
    let command = Command::Catalog(CatalogCommand::DiscardDraft(key));
    app.mutate(caller, body, command, move |_| removed).await
}

/// The version is there when it is answered; a task brings present subscriptions to it.
async fn publish(
    app: &App,
    caller: &Caller,
    kind: PackageKind,
    id: &str,
    body: &Body,
) -> Result<Response, ApiError> {
    let key = parse_key(kind, id)?;
    let migration = mapping::migration_from_wire(&body.read::<PublishPackage>()?);
    let command = Command::Catalog(CatalogCommand::Publish(key, migration));
    let render =
        |outcome: &Outcome<'_>| Published { task_id: outcome.task.map(|task| task.id.to_string()) };
    app.mutate(caller, body, command, render).await
}

/// List plans
///
/// Newest first; drafts and archived ones too, unless `status` says otherwise. Each is shown as
/// its draft where there is one, else as its published version.
#[utoipa::path(get, path = "/api/v1/plans", tag = "Plans", params(PackagesQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Plan>), (status = "default", body = ErrorBody)))]
async fn list_plans(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<PackagesQuery>,
) -> Result<Response, ApiError> {
    list::<Plan>(&app, &caller, &query)
}

/// Create a plan
///
/// It begins as a draft, and cannot be subscribed to until it is published.
#[utoipa::path(post, path = "/api/v1/plans", tag = "Plans", request_body = CreatePlan,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Plan>), (status = "default", body = ErrorBody)))]
async fn create_plan(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let new = mapping::new_plan_from_wire(body.read::<CreatePlan>()?)?;
    create::<Plan>(&app, &caller, &body, new).await
}

/// Get a plan
///
/// Its draft where there is one, else its published version.
#[utoipa::path(get, path = "/api/v1/plans/{id}", tag = "Plans",
    params(("id" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Plan>), (status = "default", body = ErrorBody)))]
async fn get_plan(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    get::<Plan>(&app, &caller, &id)
}

/// Update the draft of a plan
///
/// Only what is sent changes; `metadata` and `charges` are replaced whole. A published version
/// cannot be edited: open a draft of it first.
#[utoipa::path(patch, path = "/api/v1/plans/{id}", tag = "Plans",
    params(("id" = String, Path)), request_body = UpdatePlan,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Plan>), (status = "default", body = ErrorBody)))]
async fn update_plan(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let key = parse_key(PackageKind::Plan, &id)?;
    let now = app.engine().now(caller.env);
    let patch = mapping::plan_patch_from_wire(body.read::<UpdatePlan>()?, now)?;
    update::<Plan>(&app, &caller, &body, key, patch).await
}

/// Archive a plan
///
/// No new subscription may take it; present ones keep it.
#[utoipa::path(post, path = "/api/v1/plans/{id}/archive", tag = "Plans",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Plan>), (status = "default", body = ErrorBody)))]
async fn archive_plan(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    change::<Plan>(&app, &caller, &id, &body, CatalogCommand::ArchivePackage).await
}

/// Open a draft of a plan
///
/// A copy of the published version, which stays in force until the draft is published.
#[utoipa::path(post, path = "/api/v1/plans/{id}/draft", tag = "Plans",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Plan>), (status = "default", body = ErrorBody)))]
async fn open_plan_draft(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    change::<Plan>(&app, &caller, &id, &body, CatalogCommand::OpenDraft).await
}

/// Remove the draft of a plan
///
/// The published version stays. What was never published has nothing else, so it is archived
/// instead.
#[utoipa::path(delete, path = "/api/v1/plans/{id}/draft", tag = "Plans",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Removed>), (status = "default", body = ErrorBody)))]
async fn remove_plan_draft(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    remove_draft(&app, &caller, PackageKind::Plan, &id, &body).await
}

/// Publish the draft of a plan
///
/// It becomes the version that new subscriptions take, and never changes again.
#[utoipa::path(post, path = "/api/v1/plans/{id}/publish", tag = "Plans",
    params(("id" = String, Path)), request_body = PublishPackage,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Published>), (status = "default", body = ErrorBody)))]
async fn publish_plan(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    publish(&app, &caller, PackageKind::Plan, &id, &body).await
}

/// List add-ons
///
/// Newest first; drafts and archived ones too, unless `status` says otherwise. Each is shown as
/// its draft where there is one, else as its published version.
#[utoipa::path(get, path = "/api/v1/addons", tag = "Add-ons", params(PackagesQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Addon>), (status = "default", body = ErrorBody)))]
async fn list_addons(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<PackagesQuery>,
) -> Result<Response, ApiError> {
    list::<Addon>(&app, &caller, &query)
}

/// Create an add-on
///
/// It begins as a draft, and cannot be subscribed to until it is published.
#[utoipa::path(post, path = "/api/v1/addons", tag = "Add-ons", request_body = CreateAddon,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Addon>), (status = "default", body = ErrorBody)))]
async fn create_addon(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let new = mapping::new_addon_from_wire(body.read::<CreateAddon>()?)?;
    create::<Addon>(&app, &caller, &body, new).await
}

/// Get an add-on
///
/// Its draft where there is one, else its published version.
#[utoipa::path(get, path = "/api/v1/addons/{id}", tag = "Add-ons",
    params(("id" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Addon>), (status = "default", body = ErrorBody)))]
async fn get_addon(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    get::<Addon>(&app, &caller, &id)
}

/// Update the draft of an add-on
///
/// Only what is sent changes; `metadata` and `charges` are replaced whole. A published version
/// cannot be edited: open a draft of it first.
#[utoipa::path(patch, path = "/api/v1/addons/{id}", tag = "Add-ons",
    params(("id" = String, Path)), request_body = UpdateAddon,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Addon>), (status = "default", body = ErrorBody)))]
async fn update_addon(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let key = parse_key(PackageKind::Addon, &id)?;
    let now = app.engine().now(caller.env);
    let patch = mapping::addon_patch_from_wire(body.read::<UpdateAddon>()?, now)?;
    update::<Addon>(&app, &caller, &body, key, patch).await
}

/// Archive an add-on
///
/// No new subscription may take it; present ones keep it.
#[utoipa::path(post, path = "/api/v1/addons/{id}/archive", tag = "Add-ons",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Addon>), (status = "default", body = ErrorBody)))]
async fn archive_addon(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    change::<Addon>(&app, &caller, &id, &body, CatalogCommand::ArchivePackage).await
}

/// Open a draft of an add-on
///
/// A copy of the published version, which stays in force until the draft is published.
#[utoipa::path(post, path = "/api/v1/addons/{id}/draft", tag = "Add-ons",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Addon>), (status = "default", body = ErrorBody)))]
async fn open_addon_draft(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    change::<Addon>(&app, &caller, &id, &body, CatalogCommand::OpenDraft).await
}

/// Remove the draft of an add-on
///
/// The published version stays. What was never published has nothing else, so it is archived
/// instead.
#[utoipa::path(delete, path = "/api/v1/addons/{id}/draft", tag = "Add-ons",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Removed>), (status = "default", body = ErrorBody)))]
async fn remove_addon_draft(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    remove_draft(&app, &caller, PackageKind::Addon, &id, &body).await
}

/// Publish the draft of an add-on
///
/// It becomes the version that new subscriptions take, and never changes again.
#[utoipa::path(post, path = "/api/v1/addons/{id}/publish", tag = "Add-ons",
    params(("id" = String, Path)), request_body = PublishPackage,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Published>), (status = "default", body = ErrorBody)))]
async fn publish_addon(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    publish(&app, &caller, PackageKind::Addon, &id, &body).await
}
