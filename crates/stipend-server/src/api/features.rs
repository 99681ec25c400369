//! Features.

use crate::app::{App, data, ok};
use crate::context::{Body, By, Ids, Query, ToManage, ToRead, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::feature as mapping;
use axum::extract::State;
use axum::response::Response;
use stipend_core::FeatureId;
use stipend_core::catalog::{CatalogCommand, CatalogRejection};
use stipend_engine::{Command, Outcome, Refusal};
use stipend_wire::feature::{CreateFeature, Feature, UpdateFeature};
use stipend_wire::query::FeaturesQuery;
use stipend_wire::{Data, ErrorBody, ErrorCode, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_features, create_feature))
        .routes(routes!(get_feature, update_feature))
        .routes(routes!(archive_feature))
        .routes(routes!(unarchive_feature))
}

/// The id in a path; one that is none of this kind leads to nothing.
fn parse_id(id: &str) -> Result<FeatureId, ApiError> {
    FeatureId::parse(id)
        .map_err(|_| ApiError::new(ErrorCode::FeatureNotFound, "there is no feature with this id"))
}

fn render(id: FeatureId) -> impl FnOnce(&Outcome<'_>) -> Feature + Send + 'static {
    move |outcome| mapping::to_wire(&outcome.catalog.features[&id])
}

/// List features
///
/// Newest first; archived ones too, unless `status` says otherwise.
#[utoipa::path(get, path = "/api/v1/features", tag = "Features", params(FeaturesQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Feature>), (status = "default", body = ErrorBody)))]
async fn list_features(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<FeaturesQuery>,
) -> Result<Response, ApiError> {
    let list = List::new(caller.env, "features");
    let page = list.page(query.after.as_deref(), query.before.as_deref())?;
    let catalog = app.engine().catalog(caller.env);
    let listed = catalog.features.values().filter(|feature| {
        query.id.as_ref().is_none_or(|id| feature.id.as_str() == id)
            && is_wanted(&query.status, &mapping::status(feature))
            && is_wanted(&query.feature_type, &mapping::feature_type(feature))
            && is_wanted(&query.meter_type, &mapping::meter_type(feature))
            && query.created_at.contains(feature.created_at)
    });
    let items = listed
        .map(|feature| ((feature.created_at, feature.id.to_string()), mapping::to_wire(feature)))
        .collect();
    let (data, pagination) = cut(&list, items, &page, query.limit.0 as usize);
    Ok(ok(&Page { data, pagination }))
}

/// A filter that names nothing lets everything through.
fn is_wanted<T: PartialEq>(filter: &[T], value: &T) -> bool {
    filter.is_empty() || filter.contains(value)
}

/// Create a feature
#[utoipa::path(post, path = "/api/v1/features", tag = "Features", request_body = CreateFeature,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Feature>), (status = "default", body = ErrorBody)))]
async fn create_feature(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let new = mapping::new_from_wire(body.read::<CreateFeature>()?)?;
    let render = render(new.id.clone());
    let command = Command::Catalog(CatalogCommand::CreateFeature(Box::new(new)));
    app.mutate(&caller, &body, command, render).await
}

/// Get a feature
#[utoipa::path(get, path = "/api/v1/features/{id}", tag = "Features",
    params(("id" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Feature>), (status = "default", body = ErrorBody)))]
async fn get_feature(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let catalog = app.engine().catalog(caller.env);
    match catalog.features.get(&id) {
        Some(feature) => Ok(data(mapping::to_wire(feature))),
        None => Err(Refusal::Catalog(CatalogRejection::FeatureNotFound(id)).into()),
    }
}

/// Update a feature
///
/// Only what is sent changes; the empty text clears, and `metadata` is replaced whole.
#[utoipa::path(patch, path = "/api/v1/features/{id}", tag = "Features",
    params(("id" = String, Path)), request_body = UpdateFeature,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Feature>), (status = "default", body = ErrorBody)))]
async fn update_feature(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let patch = mapping::patch_from_wire(body.read::<UpdateFeature>()?)?;
    let command = Command::Catalog(CatalogCommand::UpdateFeature(id.clone(), Box::new(patch)));
    app.mutate(&caller, &body, command, render(id)).await
}

/// Archive a feature
///
/// Nothing new may grant it; what grants it already stays.
#[utoipa::path(post, path = "/api/v1/features/{id}/archive", tag = "Features",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Feature>), (status = "default", body = ErrorBody)))]
async fn archive_feature(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let command = Command::Catalog(CatalogCommand::ArchiveFeature(id.clone()));
    app.mutate(&caller, &body, command, render(id)).await
}

/// Restore a feature
#[utoipa::path(post, path = "/api/v1/features/{id}/unarchive", tag = "Features",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Feature>), (status = "default", body = ErrorBody)))]
async fn unarchive_feature(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let command = Command::Catalog(CatalogCommand::UnarchiveFeature(id.clone()));
    app.mutate(&caller, &body, command, render(id)).await
}
