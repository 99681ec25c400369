//! Entitlements of plans and add-ons: one code for both, one handler for each path.

use super::packages::{find, parse_key};
use crate::app::{App, ok};
use crate::context::{Body, By, Caller, Ids, ToManage, ToRead};
use crate::error::ApiError;
use crate::ids::entitlement_id;
use crate::mapping::entitlement as mapping;
use axum::extract::State;
use axum::response::Response;
use stipend_core::catalog::{
    CatalogCommand, Entitlement, NewEntitlement, Package, PackageKey, PackageKind, Target,
};
use stipend_core::{EnvId, FeatureId};
use stipend_engine::{Command, Outcome};
use stipend_wire::entitlement::{CreateEntitlements, PackageEntitlement, UpdateEntitlement};
use stipend_wire::{Data, ErrorBody, ErrorCode, Page, Pagination};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_plan_entitlements, create_plan_entitlements))
        .routes(routes!(update_plan_entitlement, delete_plan_entitlement))
        .routes(routes!(list_addon_entitlements, create_addon_entitlements))
        .routes(routes!(update_addon_entitlement, delete_addon_entitlement))
}

/// What an entitlement's id in a path leads to: what it is for, and what is shown of it.
struct Resolved {
    target: Target,
    shown: Option<Entitlement>,
}

/// Finds an entitlement by its own id, else by the id of what it is for.
///
/// What is not there is looked for all the same, as a feature: the command refuses it, but first
/// a request that comes again gets its first answer, also where that was a removal.
fn resolve(
    env: EnvId,
    package: Option<&Package>,
    key: &PackageKey,
    id: &str,
) -> Result<Resolved, ApiError> {
    let shown = package.map(|package| package.shown().entitlements.as_slice()).unwrap_or_default();
    let found = shown.iter().find(|shown| entitlement_id(env, key, &shown.target) == id);
    let mut named = shown.iter().filter(|shown| mapping::target_id(&shown.target) == id);
    let found = match (found, named.next(), named.next()) {
        (Some(found), ..) => Some(found),
        (None, Some(_), Some(_)) => {
            let message = "the id is both a feature's and a credit type's; use the id of the \
                           entitlement itself";
            return Err(ApiError::new(ErrorCode::InvalidValue, message));
        }
        (None, found, _) => found,
    };
    if let Some(found) = found {
        return Ok(Resolved { target: found.target.clone(), shown: Some(found.clone()) });
    }
    let target = FeatureId::parse(id).map(Target::Feature).map_err(|_| {
        let message = "the package has no entitlement with this id";
        ApiError::new(ErrorCode::EntitlementNotFound, message)
    })?;
    Ok(Resolved { target, shown: None })
}

fn list(app: &App, caller: &Caller, kind: PackageKind, id: &str) -> Result<Response, ApiError> {
    let key = parse_key(kind, id)?;
    let catalog = app.engine().catalog(caller.env);
    let shown = find(&catalog, &key)?.shown().entitlements.iter();
    let data = shown.map(|shown| mapping::to_wire(caller.env, &key, shown)).collect();
    Ok(ok(&Page::<PackageEntitlement> { data, pagination: Pagination::default() }))
}

async fn create(
    app: &App,
    caller: &Caller,
    kind: PackageKind,
    id: &str,
    body: &Body,
) -> Result<Response, ApiError> {
    let key = parse_key(kind, id)?;
    let new = mapping::new_from_wire(body.read::<CreateEntitlements>()?)?;
    let render = render_all(key.clone(), &new);
    let command = Command::Catalog(CatalogCommand::AddEntitlements(key, new));
    app.mutate(caller, body, command, render).await
}

/// The entitlements that were added, in the order of the request.
fn render_all(
    key: PackageKey,
    new: &[NewEntitlement],
) -> impl FnOnce(&Outcome<'_>) -> Vec<PackageEntitlement> + Send + 'static {
    let targets: Vec<Target> = new.iter().map(|new| new.target.clone()).collect();
    move |outcome| {
        let shown = outcome.catalog.packages[&key].shown();
        let added = targets.iter().filter_map(|target| shown.find_entitlement(target));
        added.map(|added| mapping::to_wire(outcome.env, &key, added)).collect()
    }
}

async fn update(
    app: &App,
    caller: &Caller,
    kind: PackageKind,
    (id, entitlement): (String, String),
    body: &Body,
) -> Result<Response, ApiError> {
    let key = parse_key(kind, &id)?;
    let change = body.read::<UpdateEntitlement>()?;
    let catalog = app.engine().catalog(caller.env);
    let package = catalog.packages.get(&key).map(AsRef::as_ref);
    let Resolved { target, .. } = resolve(caller.env, package, &key, &entitlement)?;
    let patch = mapping::patch_from_wire(change);
    let command = CatalogCommand::UpdateEntitlement(key.clone(), target.clone(), patch);
    app.mutate(caller, body, Command::Catalog(command), move |outcome| {
        let changed = outcome.catalog.packages[&key].shown().find_entitlement(&target);
        changed.map(|changed| mapping::to_wire(outcome.env, &key, changed))
    })
    .await
}

/// Answers the entitlement as it was shown before it was removed.
async fn delete(
    app: &App,
    caller: &Caller,
    kind: PackageKind,
    (id, entitlement): (String, String),
    body: &Body,
) -> Result<Response, ApiError> {
    let key = parse_key(kind, &id)?;
    body.read_nothing()?;
    let catalog = app.engine().catalog(caller.env);
    let package = catalog.packages.get(&key).map(AsRef::as_ref);
    let Resolved { target, shown } = resolve(caller.env, package, &key, &entitlement)?;
    let removed = shown.map(|shown| mapping::to_wire(caller.env, &key, &shown));
    let command = Command::Catalog(CatalogCommand::RemoveEntitlement(key, target));
    app.mutate(caller, body, command, move |_| removed).await
}

/// List the entitlements of a plan
///
/// Of its draft where there is one, else of its published version; all of them, without what a
/// plan inherits.
#[utoipa::path(get, path = "/api/v1/plans/{planId}/entitlements", tag = "Plans",
    params(("planId" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<PackageEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn list_plan_entitlements(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    list(&app, &caller, PackageKind::Plan, &id)
}

/// Add entitlements to the draft of a plan
///
/// All or none; each feature or credit type at most once. `id` is the feature's or the credit
/// type's; the answer's `id` is the entitlement's own.
#[utoipa::path(post, path = "/api/v1/plans/{planId}/entitlements", tag = "Plans",
    params(("planId" = String, Path)), request_body = CreateEntitlements,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Vec<PackageEntitlement>>),
        (status = "default", body = ErrorBody)))]
async fn create_plan_entitlements(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    create(&app, &caller, PackageKind::Plan, &id, &body).await
}

/// Update an entitlement of the draft of a plan
///
/// Only what is sent changes. `id` is the entitlement's own, or that of its feature or credit
/// type.
#[utoipa::path(patch, path = "/api/v1/plans/{planId}/entitlements/{id}", tag = "Plans",
    params(("planId" = String, Path), ("id" = String, Path)), request_body = UpdateEntitlement,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<PackageEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn update_plan_entitlement(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(ids): Ids<(String, String)>,
    body: Body,
) -> Result<Response, ApiError> {
    update(&app, &caller, PackageKind::Plan, ids, &body).await
}

/// Remove an entitlement from the draft of a plan
///
/// Answers what was removed. `id` is the entitlement's own, or that of its feature or credit
/// type.
#[utoipa::path(delete, path = "/api/v1/plans/{planId}/entitlements/{id}", tag = "Plans",
    params(("planId" = String, Path), ("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<PackageEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn delete_plan_entitlement(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(ids): Ids<(String, String)>,
    body: Body,
) -> Result<Response, ApiError> {
    delete(&app, &caller, PackageKind::Plan, ids, &body).await
}

/// List the entitlements of an add-on
///
/// Of its draft where there is one, else of its published version; all of them, without what a
/// plan inherits.
#[utoipa::path(get, path = "/api/v1/addons/{addonId}/entitlements", tag = "Add-ons",
    params(("addonId" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<PackageEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn list_addon_entitlements(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    list(&app, &caller, PackageKind::Addon, &id)
}

/// Add entitlements to the draft of an add-on
///
/// All or none; each feature or credit type at most once. `id` is the feature's or the credit
/// type's; the answer's `id` is the entitlement's own.
#[utoipa::path(post, path = "/api/v1/addons/{addonId}/entitlements", tag = "Add-ons",
    params(("addonId" = String, Path)), request_body = CreateEntitlements,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Vec<PackageEntitlement>>),
        (status = "default", body = ErrorBody)))]
async fn create_addon_entitlements(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    create(&app, &caller, PackageKind::Addon, &id, &body).await
}

/// Update an entitlement of the draft of an add-on
///
/// Only what is sent changes. `id` is the entitlement's own, or that of its feature or credit
/// type.
#[utoipa::path(patch, path = "/api/v1/addons/{addonId}/entitlements/{id}", tag = "Add-ons",
    params(("addonId" = String, Path), ("id" = String, Path)), request_body = UpdateEntitlement,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<PackageEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn update_addon_entitlement(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(ids): Ids<(String, String)>,
    body: Body,
) -> Result<Response, ApiError> {
    update(&app, &caller, PackageKind::Addon, ids, &body).await
}

/// Remove an entitlement from the draft of an add-on
///
/// Answers what was removed. `id` is the entitlement's own, or that of its feature or credit
/// type.
#[utoipa::path(delete, path = "/api/v1/addons/{addonId}/entitlements/{id}", tag = "Add-ons",
    params(("addonId" = String, Path), ("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<PackageEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn delete_addon_entitlement(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(ids): Ids<(String, String)>,
    body: Body,
) -> Result<Response, ApiError> {
    delete(&app, &caller, PackageKind::Addon, ids, &body).await
}
