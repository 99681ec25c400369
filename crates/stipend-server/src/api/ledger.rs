//! The ledger, and the settings of automatic recharge.

use crate::app::{App, data, ok};
use crate::context::{By, Query, ToRead, WithQuery};
use crate::cursor::List;
use crate::error::ApiError;
use crate::mapping::instant;
use axum::extract::State;
use axum::response::Response;
use std::collections::BTreeSet;
use std::sync::Arc;
use stipend_core::{PoolId, ReservationId};
use stipend_engine::cipher::DecisionPlace;
use stipend_engine::ledger::{
    Cursor, EventType, LedgerEvent, LedgerPage, LedgerQuery as Walk, ledger_page_within,
};
use stipend_engine::{Engine, Found, IdCipher, ReservationPlace};
use stipend_store::{Page as StorePage, Seq};
use stipend_wire::auto_recharge::AutoRecharge;
use stipend_wire::ledger::{LedgerBreakdown, LedgerEntry, LedgerEventType};
use stipend_wire::query::{AutoRechargeQuery, LedgerQuery};
use stipend_wire::{Data, Decimal, ErrorBody, ErrorCode, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_ledger))
        .routes(routes!(get_auto_recharge))
        .merge(super::reversals::router())
        .merge(super::series::router())
        .merge(super::decisions::router())
}

const EVENT_TYPES: [(EventType, LedgerEventType); 9] = [
    (EventType::Granted, LedgerEventType::CreditsGranted),
    (EventType::Expired, LedgerEventType::CreditsExpired),
    (EventType::Consumed, LedgerEventType::CreditsConsumed),
    (EventType::Voided, LedgerEventType::CreditsVoided),
    (EventType::TransferSource, LedgerEventType::CreditsConsumptionTransferSource),
    (EventType::TransferTarget, LedgerEventType::CreditsConsumptionTransferTarget),
    (EventType::Reserved, LedgerEventType::CreditsReserved),
    (EventType::ReservationReleased, LedgerEventType::CreditsReservationReleased),
    (EventType::ReservationExpired, LedgerEventType::CreditsReservationExpired),
];

/// The types that a filter names. Types of the contract that never happen here match nothing;
/// other words are refused.
pub(crate) fn event_types(
    texts: Option<&[String]>,
) -> Result<Option<BTreeSet<EventType>>, ApiError> {
    let Some(texts) = texts else { return Ok(None) };
    let mut types = BTreeSet::new();
    for text in texts {
        if !LedgerEventType::ALL.iter().any(|known| known.as_str() == text) {
            let shown: String = text.chars().take(100).collect();
            let message = format!("`eventType`: {shown} is no type of ledger event");
            return Err(ApiError::new(ErrorCode::InvalidParameter, message));
        }
        let known = EVENT_TYPES.iter().find(|(_, wire)| wire.as_str() == text);
        types.extend(known.map(|(event_type, _)| *event_type));
    }
    Ok(Some(types))
}

pub(crate) fn to_wire(found: &Found, cipher: &IdCipher, event: &LedgerEvent) -> LedgerEntry {
    let customer = &found.customer;
    let pool = customer.pool(event.pool).expect("events come from the customer's pools");
    let wire = EVENT_TYPES.iter().find(|(event_type, _)| *event_type == event.event_type);
    let reservation = event.reservation.as_deref();
    let reversal = event.reversal.as_deref();
    let consumed = reservation.and_then(|facts| facts.consumed);
    let breakdown = consumed.map(|amount| {
        let taken = amount.is_positive().then(|| LedgerBreakdown {
            amount: Decimal(-amount),
            credit_currency_id: pool.currency.to_string(),
            credit_grant_id: cipher.grant_id(customer.slot, event.grant),
            customer_id: customer.profile.id.to_string(),
            event_type: LedgerEventType::CreditsConsumed,
            timestamp: instant(event.at),
            event_id: None,
            feature_id: event.feature.as_ref().map(ToString::to_string),
            reservation_id: reservation.map(|facts| facts.id.to_string()),
            resource_id: pool.resource.as_ref().map(ToString::to_string),
        });
        taken.into_iter().collect()
    });
    let is_made = event.event_type == EventType::Reserved;
    LedgerEntry {
        amount: Decimal(event.amount),
        credit_currency_id: pool.currency.to_string(),
        credit_grant_id: cipher.grant_id(customer.slot, event.grant),
        customer_id: customer.profile.id.to_string(),
        event_id: event.event_id.clone(),
        event_type: wire.map_or(LedgerEventType::CreditsUpdated, |(_, wire)| *wire),
        feature_id: event.feature.as_ref().map(ToString::to_string),
        resource_id: pool.resource.as_ref().map(ToString::to_string),
        timestamp: instant(event.at),
        entry_id: Some(cipher.entry_id(event.cursor)),
        breakdown,
        hold_returned_amount: reservation.and_then(|facts| facts.returned).map(Decimal),
        metadata: reservation.filter(|_| is_made).map(|facts| facts.metadata.clone()),
        decision_id: event
            .is_decided
            .then(|| cipher.decision_id(DecisionPlace::Row(event.cursor.seq))),
        reason: reversal.and_then(|facts| facts.reason.clone()),
        reservation_id: reservation.map(|facts| facts.id.to_string()),
        reversal_of: reversal.map(|facts| cipher.entry_id(Cursor { seq: facts.of, index: 0 })),
        reversed_by: event.reversed_by.map(|seq| cipher.entry_id(Cursor { seq, index: 0 })),
    }
}

/// List the ledger
///
/// Every change of a customer's credits, newest first. `amount` is the signed effect on the
/// balance: the amounts of a pool add up to its balance. Without `currencyId` or `resourceId`,
/// all credit types and resources. Where what is asked for is rare, a page has fewer entries than
/// `limit` and leads on all the same. It has none only where the customer's last four million changes,
/// counted from the cursor, hold none; asking with `currencyId` reads less of them.
#[utoipa::path(get, path = "/api/v1/credits/ledger", tag = "Credits", params(LedgerQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<LedgerEntry>), (status = "default", body = ErrorBody)))]
async fn list_ledger(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<LedgerQuery>,
) -> Result<Response, ApiError> {
    let types = event_types(query.event_type.0.as_deref())?;
    let found = app.caught_up(&caller, &query.customer_id.0).await?;
    let list = List::new(caller.env, &format!("ledger/{}", found.customer.slot.0));
    let page = list.page::<(u64, u32)>(query.after.as_deref(), query.before.as_deref())?;
    let pools = found.customer.pools.iter().filter(|pool| {
        let currency = query.currency_id.as_deref();
        let resource = pool.resource.as_ref().map(stipend_core::ResourceId::as_str);
        currency.is_none_or(|currency| pool.currency.as_str() == currency)
            && query.resource_id.as_deref().is_none_or(|asked| resource == Some(asked))
    });
    let mut pools: Vec<PoolId> = pools.map(|pool| pool.id).collect();
    let asked = query.reservation_id.as_deref();
    let reservation = asked.and_then(|id| ReservationId::parse(id).ok());
    if asked.is_some() && reservation.is_none() {
        pools.clear();
    }
    let walk_page = match page {
        StorePage::First => StorePage::First,
        StorePage::After((seq, index)) => StorePage::After(Cursor { seq, index }),
        StorePage::Before((seq, index)) => StorePage::Before(Cursor { seq, index }),
    };
    let (walked, limit) = (Arc::clone(&found), query.limit.0 as usize);
    let engine = Arc::clone(app.shared_engine());
    let rows_max = app.limits().page_rows_max;
    let read = move |page: &StorePage<Cursor>| {
        let (mut pools, mut not_before) = (pools.clone(), 0);
        if let Some(id) = &reservation {
            not_before = keep_pools_of(&engine, &walked, &mut pools, id)?;
        }
        let chains = pools.iter().map(|pool| (*pool, &walked.chains[usize::from(pool.number())]));
        let (pools, types, reservation) = (chains.collect(), types.clone(), reservation.clone());
        let walk = Walk { pools, types, reservation, not_before, page: *page, limit };
        Ok(ledger_page_within(engine.reader(), &walk, rows_max)?)
    };
    let next = |read: &LedgerPage| goes_on(read, walk_page);
    let walked = app.read_until_found(walk_page, read, next).await?;
    let places: Vec<(u64, u32)> =
        walked.events.iter().map(|event| (event.cursor.seq, event.cursor.index)).collect();
    let has_more = match page {
        StorePage::First | StorePage::After(_) => walked.has_older,
        StorePage::Before(_) => walked.has_newer,
    };
    // A page that was left early leads on from there.
    let stopped = walked.stopped_at.map(|at| (at.seq, at.index));
    let (first, last) = match page {
        StorePage::First | StorePage::After(_) => {
            (places.first(), stopped.as_ref().or(places.last()))
        }
        StorePage::Before(_) => (stopped.as_ref().or(places.first()), places.last()),
    };
    let pagination = list.pagination(&page, first, last, has_more);
    let cipher = app.engine().cipher();
    let data = walked.events.iter().map(|event| to_wire(&found, cipher, event)).collect();
    Ok(ok(&Page { data, pagination }))
}

/// Where a page goes on that found nothing before it had read as much as is read at once.
pub(crate) fn goes_on(read: &LedgerPage, page: StorePage<Cursor>) -> Option<StorePage<Cursor>> {
    let stopped = read.stopped_at.filter(|_| read.events.is_empty())?;
    Some(match page {
        StorePage::First | StorePage::After(_) => StorePage::After(stopped),
        StorePage::Before(_) => StorePage::Before(stopped),
    })
}

/// Keeps the pools that have or had a reservation with that id, and answers where the first of them
/// was made: nothing older is about it.
fn keep_pools_of(
    engine: &Engine,
    found: &Found,
    pools: &mut Vec<PoolId>,
    id: &ReservationId,
) -> Result<Seq, ApiError> {
    let customer = &found.customer;
    let mut first = Seq::MAX;
    let mut kept = Vec::new();
    for pool in pools.iter().filter_map(|pool| customer.pool(*pool)) {
        let place = ReservationPlace {
            env: customer.profile.env,
            customer: customer.profile.id.as_str(),
            currency: &pool.currency,
            resource: pool.resource.as_ref(),
            id,
        };
        if let Some((_, answered, _)) = engine.find_reservation(&place)? {
            kept.push(pool.id);
            first = first.min(answered - 1);
        }
    }
    *pools = kept;
    Ok(first)
}

/// Get the settings of automatic recharge
///
/// The defaults: settings cannot be stored yet.
#[utoipa::path(get, path = "/api/v1/credits/auto-recharge", tag = "Credits",
    params(AutoRechargeQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<AutoRecharge>), (status = "default", body = ErrorBody)))]
async fn get_auto_recharge(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<AutoRechargeQuery>,
) -> Result<Response, ApiError> {
    let (customer, currency) = (query.customer_id.0, query.currency_id.0);
    app.current(&caller, &customer, app.engine().now(caller.env))?;
    let catalog = app.engine().catalog(caller.env);
    let known = stipend_core::CurrencyId::parse(&currency).ok();
    if known.is_none_or(|currency| !catalog.credit_types.contains_key(&currency)) {
        let shown: String = currency.chars().take(255).collect();
        let message = format!("there is no credit type {shown}");
        return Err(ApiError::new(ErrorCode::CurrencyNotFound, message));
    }
    Ok(data(AutoRecharge::defaults(customer, currency)))
}
