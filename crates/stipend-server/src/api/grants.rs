//! Credit grants.

use crate::app::{App, data, ok};
use crate::context::{Body, By, Caller, Ids, Query, ToManage, ToRead, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::grant::{self as mapping, Owner};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::customer::{CustomerCommand, GrantStatus, Pool};
use stipend_core::{GrantNo, Slot};
use stipend_engine::limits::ENDED_ROWS_MAX;
use stipend_engine::past::{EndedRecord, ended_records, find_ended};
use stipend_engine::{Command, Found, IdCipher, Outcome};
use stipend_store::Page as StorePage;
use stipend_wire::grant::{CreateGrant, Grant};
use stipend_wire::query::GrantsQuery;
use stipend_wire::{Data, ErrorBody, ErrorCode, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_grants, create_grant)).routes(routes!(void_grant))
}

/// A grant of a pool in any state.
pub(crate) enum Held {
    Grant(Box<stipend_core::customer::Grant>),
    Overdraft(stipend_core::customer::Overdraft, Option<stipend_core::Timestamp>),
}

impl From<EndedRecord> for Held {
    fn from(record: EndedRecord) -> Self {
        match record {
            EndedRecord::Grant(grant) => Self::Grant(grant),
            EndedRecord::Overdraft(overdraft, at) => Self::Overdraft(overdraft, Some(at)),
        }
    }
}

impl Held {
    pub(crate) fn no(&self) -> GrantNo {
        match self {
            Self::Grant(grant) => grant.no,
            Self::Overdraft(overdraft, _) => overdraft.no,
        }
    }

    fn created_at(&self) -> stipend_core::Timestamp {
        match self {
            Self::Grant(grant) => grant.created_at,
            Self::Overdraft(overdraft, _) => overdraft.created_at,
        }
    }

    fn to_wire(&self, owner: &Owner<'_>) -> Grant {
        match self {
            Self::Grant(grant) => mapping::to_wire(owner, grant),
            Self::Overdraft(overdraft, settled_at) => {
                mapping::overdraft_to_wire(owner, overdraft, *settled_at)
            }
        }
    }
}

fn owner<'a>(
    found: &'a Found,
    cipher: &'a IdCipher,
    pool: &'a Pool,
    now: stipend_core::Timestamp,
) -> Owner<'a> {
    let resource = pool.resource.as_ref();
    Owner { customer: &found.customer, cipher, currency: &pool.currency, resource, now }
}

/// Everything that a pool has or had: live, scheduled and ended grants, and the overdraft. Where its
/// life is longer than is read, only what was made from a number on, which is given.
pub(crate) async fn held(
    app: &App,
    found: &Found,
    pool: &Pool,
) -> Result<(Vec<Held>, Option<GrantNo>), ApiError> {
    let live = pool.live.iter().chain(&pool.scheduled).chain(&pool.lapsed);
    let mut held: Vec<Held> = live.map(|grant| Held::Grant(Box::new(grant.clone()))).collect();
    held.extend(pool.overdraft.map(|overdraft| Held::Overdraft(overdraft, None)));
    let chain = found.chains[usize::from(pool.id.number())].clone();
    let reader = Arc::clone(app.engine().shared_reader());
    let read = move || Ok(ended_records(reader.as_ref(), &chain, ENDED_ROWS_MAX)?);
    let (ended, first) = app.read(read).await?;
    held.extend(ended.into_iter().filter_map(|record| match record {
        // What is still held of it changes it, so the pool knows better than its record.
        EndedRecord::Grant(grant) if pool.lapsed.iter().any(|one| one.no == grant.no) => None,
        record => Some(Held::from(record)),
    }));
    held.retain(|held| first.is_none_or(|first| held.no() >= first));
    Ok((held, first))
}

/// What is said of grants that were made before the changes among which they are looked for.
fn too_long_ago() -> ApiError {
    let message = format!(
        "older grants lie behind the last {ENDED_ROWS_MAX} changes of the pool, in which grants are \
         looked for; the ledger tells of all"
    );
    ApiError::new(ErrorCode::LimitReached, message).not_to_be_retried()
}

/// List a customer's grants
///
/// Newest first, in all states. Without `resourceId`, only grants of no resource.
#[utoipa::path(get, path = "/api/v1/credits/grants", tag = "Credits", params(GrantsQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Grant>), (status = "default", body = ErrorBody)))]
async fn list_grants(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<GrantsQuery>,
) -> Result<Response, ApiError> {
    let found = app.caught_up(&caller, &query.customer_id.0).await?;
    let list = List::new(caller.env, &format!("grants/{}", found.customer.slot.0));
    let page = list.page::<u64>(query.after.as_deref(), query.before.as_deref())?;
    let now = app.engine().now(caller.env);
    let mut items = Vec::new();
    let mut first = 0;
    for pool in &found.customer.pools {
        let resource = pool.resource.as_ref().map(stipend_core::ResourceId::as_str);
        let currency = query.currency_id.as_deref();
        let is_asked = currency.is_none_or(|currency| pool.currency.as_str() == currency);
        if resource != query.resource_id.as_deref() || !is_asked {
            continue;
        }
        let owner = owner(&found, app.engine().cipher(), pool, now);
        let (held, is_all_from) = held(&app, &found, pool).await?;
        first = first.max(is_all_from.map_or(0, |no| u64::from(no.0)));
        let held = held.iter().filter(|held| query.created_at.contains(held.created_at()));
        items.extend(held.map(|held| (u64::from(held.no().0), held.to_wire(&owner))));
    }
    items.retain(|(no, _)| *no >= first);
    if matches!(page, StorePage::Before(no) if no + 1 < first) {
        return Err(too_long_ago());
    }
    let (data, mut pagination) = cut(&list, items, &page, query.limit.0 as usize);
    if first > 0 && pagination.next.is_none() {
        if data.is_empty() {
            return Err(too_long_ago());
        }
        pagination.next = Some(list.cursor(&first));
    }
    Ok(ok(&Page { data, pagination }))
}

fn render(cipher: IdCipher) -> impl FnOnce(&Outcome<'_>) -> Grant + Send + 'static {
    move |outcome| {
        let customer = &outcome.account.expect("the command is about a customer").customer;
        let (pool, no) = outcome.grant.expect("the command is about a grant");
        let pool = customer.pool(pool).expect("it exists after the command");
        let grant = pool.find_grant(no).expect("it was just granted");
        let (currency, resource) = (&pool.currency, pool.resource.as_ref());
        let owner = Owner { customer, cipher: &cipher, currency, resource, now: outcome.now };
        mapping::to_wire(&owner, grant)
    }
}

/// Grant credits
///
/// They come into force at `effectiveAt`, now where it is absent, and settle overdraft first.
/// Send the header `Idempotency-Key` to make it safe to send again.
#[utoipa::path(post, path = "/api/v1/credits/grants", tag = "Credits", request_body = CreateGrant,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Grant>), (status = "default", body = ErrorBody)))]
async fn create_grant(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = body.read::<CreateGrant>()?;
    let customer = asked.customer_id.clone();
    let new = mapping::new_from_wire(asked);
    let command = Command::Customer(customer, CustomerCommand::Grant(Box::new(new)));
    app.mutate(&caller, &body, command, render(app.engine().cipher().clone())).await
}

/// Void a grant
///
/// What is unused of it is taken back; what was used stays used. Voiding it again answers the
/// same. An overdraft and an expired grant cannot be voided.
#[utoipa::path(post, path = "/api/v1/credits/grants/{id}/void", tag = "Credits",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Grant>), (status = "default", body = ErrorBody)))]
async fn void_grant(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    body.read_nothing()?;
    let missing = || ApiError::new(ErrorCode::GrantNotFound, "there is no grant with this id");
    let (slot, no) = app.engine().cipher().find_grant(&id).ok_or_else(missing)?;
    let command = Command::VoidGrant(slot, no);
    match app.submit(&caller, command, None, None).await {
        Ok(_) | Err(stipend_engine::Refusal::GrantNotFound) => {
            let grant = ended_grant(&app, &caller, slot, no).await?;
            grant.map_or_else(|| Err(missing()), |grant| Ok(data(grant)))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// The grant as it stands among those that have left their pool; one that left at its time, and
/// an overdraft, were not voided.
async fn ended_grant(
    app: &App,
    caller: &Caller,
    slot: Slot,
    no: GrantNo,
) -> Result<Option<Grant>, ApiError> {
    let Some(found) = app.engine().account(slot) else { return Ok(None) };
    if found.customer.profile.env != caller.env {
        return Ok(None);
    }
    let now = app.engine().now(caller.env);
    let mut rows_left = ENDED_ROWS_MAX;
    for pool in &found.customer.pools {
        let held = find_held(app, &found, pool, no, &mut rows_left).await?;
        let Some(held) = held else { continue };
        let is_voided = match &held {
            Held::Grant(grant) => grant.status(now) == GrantStatus::Voided,
            Held::Overdraft(..) => false,
        };
        if !is_voided {
            let message = "only a grant that is scheduled or in force can be voided";
            return Err(ApiError::new(ErrorCode::GrantNotVoidable, message));
        }
        let owner = owner(&found, app.engine().cipher(), pool, now);
        return Ok(Some(held.to_wire(&owner)));
    }
    if rows_left == 0 { Err(too_long_ago()) } else { Ok(None) }
}

/// A grant that the pool has or had, as far as the rows that are left tell it.
async fn find_held(
    app: &App,
    found: &Found,
    pool: &Pool,
    no: GrantNo,
    rows_left: &mut usize,
) -> Result<Option<Held>, ApiError> {
    if let Some(grant) = pool.find_present(no) {
        return Ok(Some(Held::Grant(Box::new(grant.clone()))));
    }
    if let Some(overdraft) = pool.overdraft.filter(|overdraft| overdraft.no == no) {
        return Ok(Some(Held::Overdraft(overdraft, None)));
    }
    let chain = found.chains[usize::from(pool.id.number())].clone();
    let reader = Arc::clone(app.engine().shared_reader());
    let mut left = *rows_left;
    let read = move || Ok((find_ended(reader.as_ref(), &chain, no, &mut left)?, left));
    let (record, left) = app.read(read).await?;
    *rows_left = left;
    Ok(record.map(Held::from))
}
