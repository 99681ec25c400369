//! Long work: how it stands.

use crate::app::{App, data};
use crate::context::{By, Ids, ToRead};
use crate::error::ApiError;
use crate::mapping::instant;
use axum::extract::State;
use axum::response::Response;
use stipend_engine::TaskKind;
use stipend_wire::task::{Task, TaskFailure, TaskStatus, TaskType};
use stipend_wire::{Data, ErrorBody, ErrorCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_task))
}

/// Get a task
///
/// How long work stands that another call began. The last 1,000 finished ones are kept.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", tag = "Tasks", params(("id" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Task>), (status = "default", body = ErrorBody)))]
async fn get_task(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    let found = id.parse().ok().and_then(|number| app.engine().task(caller.env, number));
    let task = found.ok_or_else(|| {
        let shown: String = id.chars().take(255).collect();
        ApiError::new(ErrorCode::TaskNotFound, format!("there is no task {shown}"))
    })?;
    let status = match task.finished_at {
        None => TaskStatus::InProgress,
        Some(_) if task.failed.is_empty() => TaskStatus::Completed,
        Some(_) => TaskStatus::CompletedWithErrors,
    };
    let failures = task.failed.into_iter().map(|(id, message)| TaskFailure { id, message });
    Ok(data(Task {
        id: task.id.to_string(),
        r#type: match task.kind {
            TaskKind::Migrate { .. } => TaskType::MigrateSubscriptions,
            TaskKind::Import { .. } => TaskType::ImportSubscriptions,
        },
        status,
        created_at: instant(task.created_at),
        finished_at: task.finished_at.map(instant),
        processed: task.done,
        failures: failures.collect(),
    }))
}
