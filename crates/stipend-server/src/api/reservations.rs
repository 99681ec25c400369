//! Reservations: made by a check, released, extended, listed.

use super::access::{asked_of, check, find_with_catalog};
use super::refusals::{OfReservation, refuse};
use crate::app::{App, data, ok};
use crate::context::{Body, By, Caller, Ids, Query, ToRead, ToUse, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::decision::of_check;
use crate::mapping::{access as checks, reservation as mapping};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::customer::{
    CreditCheck, CustomerCommand, CustomerRejection, Denial, ExtendRequest, Hold, HoldTerm, Pool,
    ReleaseRequest, ReserveRequest, check_credit,
};
use stipend_core::{CurrencyId, CustomerId, PoolId, ReservationId, ResourceId};
use stipend_engine::cipher::DecisionPlace;
use stipend_engine::ledger::{ended_reservations, reservations_ended_after};
use stipend_engine::limits::LEDGER_ROWS_MAX;
use stipend_engine::{Command, Found, Key, Refusal, Remember, ReservationPlace};
use stipend_store::{Page as StorePage, Seq};
use stipend_wire::access::EffectiveEntitlement;
use stipend_wire::query::{CheckQuery, ReservationExpiry, ReservationRequest, ReservationsQuery};
use stipend_wire::reservation::{
    ExtendReservation, ListedReservation, ListedReservationStatus, ReleaseReservation,
    ReservationExtended, ReservationReleased,
};
use stipend_wire::{Data, ErrorBody, ErrorCode, Page, WireError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_reservations))
        .routes(routes!(release_reservation))
        .routes(routes!(extend_reservation))
}

/// A reservation by where it stands, with what is known of it from the journal.
struct Known {
    made: Option<(Key, Seq, Hold)>,
    released: Option<(Key, Seq)>,
}

async fn known(
    app: &App,
    caller: &Caller,
    customer: &CustomerId,
    (currency, resource): (&CurrencyId, Option<&ResourceId>),
    id: &ReservationId,
) -> Result<Known, ApiError> {
    let (env, engine) = (caller.env, Arc::clone(app.shared_engine()));
    let (customer, id) = (customer.clone(), id.clone());
    let (currency, resource) = (currency.clone(), resource.cloned());
    app.read(move || {
        let place = ReservationPlace {
            env,
            customer: customer.as_str(),
            currency: &currency,
            resource: resource.as_ref(),
            id: &id,
        };
        let made = engine.find_reservation(&place)?;
        Ok(Known { made, released: engine.find_release(&place)? })
    })
    .await
}

/// The check that reserves.
pub(super) async fn reserve(
    app: &App,
    caller: &Caller,
    customer: &str,
    query: &CheckQuery,
    asked: ReservationRequest,
) -> Result<Response, ApiError> {
    let requested = asked.amount;
    let currency = query.currency_id.as_deref().unwrap_or_default();
    let ids = (CustomerId::parse(customer), CurrencyId::parse(currency));
    let resource = query.resource_id.as_deref().map(ResourceId::parse).transpose();
    let ((Ok(id), Ok(currency)), Ok(resource)) = (ids, resource) else {
        return denied(app, caller, customer, query, requested);
    };
    let invalid = |error: &dyn std::fmt::Display| {
        WireError::new(ErrorCode::InvalidParameter, error.to_string()).with_param("reservationId")
    };
    let request = ReserveRequest {
        currency: currency.clone(),
        resource,
        id: ReservationId::parse(&asked.id).map_err(|error| invalid(&error))?,
        amount: asked.amount,
        term: match asked.expiry {
            ReservationExpiry::Seconds(seconds) => HoldTerm::Seconds(seconds),
            ReservationExpiry::At(at) => HoldTerm::Until(at),
        },
        metadata: asked.metadata.0,
    };
    let place = (&currency, request.resource.as_ref());
    let key = Key::of_reservation(caller.env, id.as_str(), &request);
    if let Some((made, seq, _)) = known(app, caller, &id, place, &request.id).await?.made {
        return if made == key { app.stored(seq).await } else { Err(conflict(&request.id)) };
    }
    let (shown, resource) = (request.clone(), request.resource.clone());
    let command = Command::Customer(id.clone(), CustomerCommand::Reserve(request));
    let decision_id = decision_ids(app);
    let render = move |outcome: &stipend_engine::Outcome<'_>| {
        let customer = &outcome.account.expect("the command is about a customer").customer;
        let (catalog, now) = (outcome.catalog, outcome.now);
        let mut check = check_credit(customer, catalog, &currency, resource.as_ref(), None, now);
        check.denial = None;
        let mut answer = checks::check_to_wire(catalog, currency.as_str(), &check);
        answer.reservation = outcome.hold.map(mapping::open_to_wire);
        answer.decision_id = outcome.seq.map(&decision_id);
        EffectiveEntitlement::Credit(answer)
    };
    match app.try_remembered(caller, Remember::Reservation(key), command, render).await {
        Ok(answer) => answer,
        Err(refusal) if is_denial(&refusal) => denied(app, caller, customer, query, requested),
        Err(refusal) => Err(refused(app, caller, &id, &shown, refusal)),
    }
}

/// How the decision of a row is named.
fn decision_ids(app: &App) -> impl Fn(Seq) -> String + Send + 'static {
    let cipher = app.engine().cipher().clone();
    move |seq| cipher.decision_id(DecisionPlace::Row(seq))
}

fn conflict(id: &ReservationId) -> ApiError {
    let message = format!("reservation {id} was made with other parameters");
    ApiError::new(ErrorCode::ReservationConflict, message)
}

/// What a check would deny is denied; what is wrong with the reservation itself is refused.
fn is_denial(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::CustomerNotFound(_)
            | Refusal::Customer(
                CustomerRejection::CustomerArchived
                    | CustomerRejection::CurrencyNotFound(_)
                    | CustomerRejection::ResourceNotFound(_)
                    | CustomerRejection::InsufficientCredits { .. },
            )
    )
}

fn refused(
    app: &App,
    caller: &Caller,
    customer: &CustomerId,
    request: &ReserveRequest,
    refusal: Refusal,
) -> ApiError {
    match refusal {
        Refusal::KeyReused => conflict(&request.id),
        Refusal::Customer(rejection @ CustomerRejection::InvalidReservationEnd) => {
            let name = "reservationExpiresAt";
            let message = format!("the query parameter `{name}`: {rejection}");
            WireError::new(ErrorCode::InvalidParameter, message).with_param(name).into()
        }
        other => refuse(app, caller, &OfReservation(customer, request), other),
    }
}

/// The answer to a check that reserved nothing. A reservation is strict even where what gives the
/// credits is soft.
fn denied(
    app: &App,
    caller: &Caller,
    customer: &str,
    query: &CheckQuery,
    requested: stipend_core::Amount,
) -> Result<Response, ApiError> {
    let query = CheckQuery { requested_usage: Some(requested), ..query.clone() };
    let asked = query.currency_id.as_deref().unwrap_or_default();
    let now = app.engine().now(caller.env);
    let (found, catalog) = find_with_catalog(app, caller, customer, now)?;
    let found = found.as_ref().map(|account| &account.customer);
    let mut check = found.map_or_else(
        || CreditCheck::denied(Denial::CustomerNotFound, now),
        |found| check(found, &catalog, asked, &query, now),
    );
    check.denial = check.denial.or(Some(Denial::InsufficientCredits));
    let mut told = checks::check_to_wire(&catalog, asked, &check);
    let decision = of_check(asked_of(customer.to_owned(), query), &check, found, now).strictly();
    told.decision_id = Some(app.keep(caller.env, decision));
    Ok(data(EffectiveEntitlement::Credit(told)))
}

fn reservation_id(text: &str) -> Result<ReservationId, ApiError> {
    ReservationId::parse(text).map_err(|_| {
        let shown: String = text.chars().take(255).collect();
        let message = format!("there is no reservation {shown}");
        ApiError::new(ErrorCode::ReservationNotFound, message)
    })
}

/// Release a reservation
///
/// Charges what was consumed to what was reserved and returns the rest; what is above the
/// reservation is consumed besides. After the reservation has expired, all of it is a consumption
/// like any other. The same release again gets the first answer; another amount is a conflict.
#[utoipa::path(post, path = "/api/v1/credits/reservations/{reservationId}/release",
    tag = "Credits", params(("reservationId" = String, Path)), request_body = ReleaseReservation,
    security(("apiKey" = ["usage"])),
    responses((status = 200, body = Data<ReservationReleased>),
        (status = "default", body = ErrorBody)))]
async fn release_reservation(
    State(app): State<App>,
    caller: By<ToUse>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = body.read::<ReleaseReservation>()?;
    let id = reservation_id(&id)?;
    let (customer, place) = (asked.customer_id, (&asked.currency_id, asked.resource_id.as_ref()));
    let known = known(&app, &caller, &customer, place, &id).await?;
    let request = ReleaseRequest {
        currency: asked.currency_id.clone(),
        resource: asked.resource_id,
        id,
        consumed: asked.consumed_amount.0,
        is_known: known.made.is_some(),
    };
    let key = Key::of_release(caller.env, customer.as_str(), &request);
    let released = released(&request.id);
    if let Some((before, seq)) = known.released {
        return if before == key { app.stored(seq).await } else { Err(released) };
    }
    let (request_shown, made) = (request.clone(), known.made.map(|(_, _, hold)| hold));
    let decision_id = decision_ids(&app);
    let render = move |outcome: &stipend_engine::Outcome<'_>| {
        let hold = outcome.hold.or(made.as_ref());
        let decision_id = outcome.seq.map(&decision_id);
        ReservationReleased {
            decision_id,
            ..mapping::released_to_wire(outcome, &request_shown, hold)
        }
    };
    let command = Command::Customer(customer, CustomerCommand::Release(request));
    match app.try_remembered(&caller, Remember::Release(key), command, render).await {
        Ok(answer) => answer,
        Err(Refusal::KeyReused) => Err(released),
        Err(refusal) => Err(refusal.into()),
    }
}

fn released(id: &ReservationId) -> ApiError {
    let message = format!("reservation {id} was released with another amount");
    ApiError::new(ErrorCode::ReservationReleased, message)
}

/// Extend a reservation
///
/// Gives an open reservation more time, more credits, or both; it never gets less of either. More
/// credits are reserved as strictly as the first ones. An addition of this server.
#[utoipa::path(post, path = "/api/v1/credits/reservations/{reservationId}/extend",
    tag = "Credits", params(("reservationId" = String, Path)), request_body = ExtendReservation,
    security(("apiKey" = ["usage"])),
    responses((status = 200, body = Data<ReservationExtended>),
        (status = "default", body = ErrorBody)))]
async fn extend_reservation(
    State(app): State<App>,
    caller: By<ToUse>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = body.read::<ExtendReservation>()?;
    let id = reservation_id(&id)?;
    let (customer, place) = (asked.customer_id, (&asked.currency_id, asked.resource_id.as_ref()));
    let known = known(&app, &caller, &customer, place, &id).await?;
    let seconds = asked.reservation_ttl_seconds.map(|seconds| HoldTerm::Seconds(seconds.0));
    let request = ExtendRequest {
        currency: asked.currency_id.clone(),
        resource: asked.resource_id,
        id,
        term: asked.reservation_expires_at.map(HoldTerm::Until).or(seconds),
        amount: asked.reserve_amount.map(|amount| amount.0),
        is_known: known.made.is_some(),
    };
    let shown = request.clone();
    let (currency, resource) = (request.currency.clone(), request.resource.clone());
    let command = Command::Customer(customer.clone(), CustomerCommand::Extend(request));
    let decision_id = decision_ids(&app);
    let extended = app.try_mutate(&caller, &body, command, move |outcome| ReservationExtended {
        reservation: mapping::open_to_wire(outcome.hold.expect("it was just extended")),
        credit: mapping::balance(outcome, &currency, resource.as_ref()),
        decision_id: outcome.seq.map(&decision_id),
    });
    let refused = |refusal| refuse(&app, &caller, &OfReservation(&customer, &shown), refusal);
    extended.await?.map_err(refused)
}

/// List a customer's reservations
///
/// Those that are open, newest first, then those that have ended, the last end first. A reservation
/// that ends while you page may be shown again as ended. An addition of this server.
#[utoipa::path(get, path = "/api/v1/credits/reservations", tag = "Credits",
    params(ReservationsQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<ListedReservation>),
        (status = "default", body = ErrorBody)))]
async fn list_reservations(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<ReservationsQuery>,
) -> Result<Response, ApiError> {
    let found = app.caught_up(&caller, &query.customer_id.0).await?;
    let list = List::new(caller.env, &format!("reservations/{}", found.customer.slot.0));
    let page = list.page::<(u64, u32)>(query.after.as_deref(), query.before.as_deref())?;
    let pools = found.customer.pools.iter().filter(|pool| {
        let currency = query.currency_id.as_deref();
        let resource = pool.resource.as_ref().map(ResourceId::as_str);
        currency.is_none_or(|currency| pool.currency.as_str() == currency)
            && query.resource_id.as_deref().is_none_or(|asked| resource == Some(asked))
    });
    let pools: Vec<PoolId> = pools.map(|pool| pool.id).collect();
    let is_asked = |status| query.status.is_empty() || query.status.contains(&status);
    let limit = query.limit.0 as usize;
    let mut items = Vec::new();
    if is_asked(ListedReservationStatus::Active) {
        items = open_items(&app, &found, &pools);
    }
    let has_ended =
        is_asked(ListedReservationStatus::Released) || is_asked(ListedReservationStatus::Expired);
    let mut goes_on_at = None;
    let is_upwards = matches!(page, StorePage::Before(_));
    if has_ended {
        let (ended, reached) = ended_items(&app, &found, &pools, &page, limit).await?;
        // Those that are open come behind all that have ended, and so behind what was not read.
        if is_upwards && reached.is_some() {
            items.clear();
        }
        items.extend(ended.into_iter().filter(|(_, item)| is_asked(item.status)));
        goes_on_at = reached.map(|reached| list.cursor(&(reached, 0)));
    }
    let (data, mut pagination) = cut(&list, items, &page, limit);
    let further = if is_upwards { &mut pagination.prev } else { &mut pagination.next };
    *further = further.take().or(goes_on_at);
    Ok(ok(&Page { data, pagination }))
}

/// The place of an open reservation in the list: before all that have ended, whose places are
/// positions of the journal.
const OPEN_PLACES: u64 = 1 << 63;

fn open_items(app: &App, found: &Found, pools: &[PoolId]) -> Vec<((u64, u32), ListedReservation)> {
    let mut items = Vec::new();
    for pool in pools.iter().filter_map(|pool| found.customer.pool(*pool)) {
        for hold in &pool.holds {
            let made = u64::try_from(hold.created_at.micros()).unwrap_or(0);
            let place = (OPEN_PLACES + made, tie(pool, hold));
            let owner = mapping::Owner { found, pool, cipher: app.engine().cipher() };
            items.push((place, mapping::listed_open(&owner, hold)));
        }
    }
    items
}

/// Tells reservations of one instant apart.
fn tie(pool: &Pool, hold: &Hold) -> u32 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&pool.id.0.to_le_bytes()).update(hold.id.as_str().as_bytes());
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..4]);
    u32::from_le_bytes(bytes)
}

/// Those that have ended, and where the list goes on where it was not read to its end.
async fn ended_items(
    app: &App,
    found: &Found,
    pools: &[PoolId],
    page: &StorePage<(u64, u32)>,
    limit: usize,
) -> Result<(Vec<((u64, u32), ListedReservation)>, Option<Seq>), ApiError> {
    let (page, wanted, rows) = (*page, limit + 1, LEDGER_ROWS_MAX);
    let (walked, pools) = (Arc::clone(found), pools.to_vec());
    let reader = Arc::clone(app.engine().shared_reader());
    let (ended, reached) = app
        .read(move || {
            let chains: Vec<_> =
                pools.iter().map(|pool| &walked.chains[usize::from(pool.number())]).collect();
            let before = match page {
                StorePage::First => Seq::MAX,
                StorePage::After((seq, _)) => seq,
                StorePage::Before((seq, _)) => {
                    let reader = reader.as_ref();
                    return Ok(reservations_ended_after(reader, &chains, seq, wanted, rows)?);
                }
            };
            let between = (0, before);
            let (ended, reached) =
                ended_reservations(reader.as_ref(), &chains, between, wanted, rows)?;
            Ok((ended, (reached > 0).then_some(reached + 1)))
        })
        .await?;
    let items = ended.iter().filter_map(|ended| {
        let pool = found.customer.pool(ended.pool)?;
        let owner = mapping::Owner { found, pool, cipher: app.engine().cipher() };
        Some(((ended.seq, 0), mapping::listed_ended(&owner, ended)))
    });
    Ok((items.collect(), reached))
}
