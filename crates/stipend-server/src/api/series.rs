//! The use of credits over time.

use crate::app::{App, data};
use crate::context::{By, Query, ToRead, WithQuery};
use crate::cursor::{List, Place};
use crate::error::ApiError;
use crate::mapping::instant;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::catalog::{Catalog, CreditType};
use stipend_core::{CurrencyId, EnvId, PoolId, ResourceId, Slot, Timestamp};
use stipend_engine::Found;
use stipend_engine::limits::SERIES_ROWS_MAX;
use stipend_engine::series::{Series, SeriesKey, SeriesQuery, Step, Told, series};
use stipend_store::Page as StorePage;
use stipend_wire::credit_usage::{
    CreditUsage, CreditUsageCurrency, CreditUsagePoint, CreditUsageSeries, TimeRange,
};
use stipend_wire::query::CreditUsageQuery;
use stipend_wire::usage::Tag;
use stipend_wire::{Data, Decimal, ErrorBody, ErrorCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const DAY: i64 = 24 * 60 * 60;
const QUARTER: i64 = 15 * 60;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_credit_usage))
}

/// How far a range goes back from its end: whole days of 24 hours, a month being 30 and a year 365,
/// and from there to the beginning of the quarter of an hour, so that no quarter is cut.
fn back(end: Timestamp, range: TimeRange) -> Timestamp {
    let days = match range {
        TimeRange::LastDay => 1,
        TimeRange::LastWeek => 7,
        TimeRange::LastMonth => 30,
        TimeRange::LastYear => 365,
    };
    let start = end.plus_seconds(-days * DAY);
    start.plus_seconds(-start.micros().rem_euclid(QUARTER * 1_000_000) / 1_000_000)
}

/// The place of a series among those of a query. All pages show the state of the first one: its
/// end, and what was written by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    number: u64,
    end: Timestamp,
    as_of: u64,
}

impl Place for Shown {
    fn to_bytes(&self) -> Vec<u8> {
        let numbers = [self.number, self.as_of].map(u64::to_be_bytes);
        [numbers.as_flattened(), &self.end.micros().to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (as_of, end) = rest.split_first_chunk()?;
        Some(Self {
            number: u64::from_be_bytes(*number),
            end: Timestamp::from_micros(i64::from_be_bytes(end.try_into().ok()?)),
            as_of: u64::from_be_bytes(*as_of),
        })
    }
}

/// The pages of a query: cursors are taken for the same question only.
fn list_of(env: EnvId, slot: Slot, query: &CreditUsageQuery) -> List {
    let CreditUsageQuery {
        currency_id,
        resource_id,
        group_by,
        time_range,
        start_date,
        end_date,
        ..
    } = query;
    let pool = (currency_id, resource_id);
    let range = (time_range.map(TimeRange::as_str), start_date, end_date);
    List::new(env, &format!("credits/usage/{}/{pool:?}/{group_by:?}/{range:?}", slot.0))
}

/// Get the use of credits over time
///
/// One series for each feature, or for each combination of up to three dimensions (`groupBy`, with
/// the reserved name `featureId`). Points are hourly (of UTC) for `LAST_DAY` and daily otherwise,
/// by the calendar of the environment's time zone; steps without use have none. Use counts at the
/// time of its event, what is given back for less usage below zero at its own, and a reversal
/// takes away where the consumption counted: points add up to `totalCredits`, and may be below
/// zero. An event counts once in a series, whatever it took from. All pages show the state of the
/// first. Without `resourceId`, of the customer as a whole.
#[utoipa::path(get, path = "/api/v1/credits/usage", tag = "Credits", params(CreditUsageQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<CreditUsage>), (status = "default", body = ErrorBody)))]
async fn get_credit_usage(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<CreditUsageQuery>,
) -> Result<Response, ApiError> {
    // First the position: the customer that is found then has all of it.
    let (position, now) = (app.engine().last_position(), app.engine().now(caller.env));
    let found = app.caught_up(&caller, &query.customer_id.0).await?;
    let list = list_of(caller.env, found.customer.slot, &query);
    let page = list.page::<Shown>(query.after.as_deref(), query.before.as_deref())?;
    // What has happened just now belongs to it.
    let now = Timestamp::from_micros(now.micros() + 1);
    let (shown_now, as_of) = match page {
        StorePage::First => (now, position),
        StorePage::After(place) | StorePage::Before(place) => (place.end, place.as_of),
    };
    let (start, end) = query.period(shown_now, back)?;
    let catalog = app.engine().catalog(caller.env);
    let all = read_series(&app, found, &query, (start, end), as_of).await?;
    let limit = query.limit.0 as usize;
    let (from, until) = places(&page, limit, all.len());
    let has_more = match page {
        StorePage::First | StorePage::After(_) => until < all.len(),
        StorePage::Before(_) => from > 0,
    };
    let place = |number: usize| Shown { number: number as u64, end, as_of };
    let first = (from < until).then(|| place(from));
    let last = (from < until).then(|| place(until - 1));
    let pagination = list.pagination(&page, first.as_ref(), last.as_ref(), has_more);
    let shown = all[from..until].iter().map(|(key, one)| to_wire(&catalog, key, one)).collect();
    let currency = query.currency_id.as_deref().and_then(|id| CurrencyId::parse(id).ok());
    let credit_type = currency.as_ref().and_then(|id| catalog.credit_types.get(id));
    let currency = credit_type.map(|credit_type| currency_to_wire(credit_type));
    Ok(data(CreditUsage { currency, pagination, series: shown }))
}

/// All series of a query, in their order.
async fn read_series(
    app: &App,
    found: Found,
    query: &CreditUsageQuery,
    (start, end): (Timestamp, Timestamp),
    as_of: u64,
) -> Result<Vec<(SeriesKey, Series)>, ApiError> {
    let (asked, resource) = (query.currency_id.as_deref(), query.resource_id.as_deref());
    let pools = found.customer.pools.iter().filter(|pool| {
        let is_asked = asked.is_none_or(|asked| pool.currency.as_str() == asked);
        is_asked && pool.resource.as_ref().map(ResourceId::as_str) == resource
    });
    let pools: Vec<PoolId> = pools.map(|pool| pool.id).collect();
    let is_hourly = query.start_date.is_none() && query.time_range == Some(TimeRange::LastDay);
    let zone = app.engine().catalog(found.customer.profile.env).settings.zone.clone();
    let step = if is_hourly { Step::Hour } else { Step::Day(zone) };
    let (engine, rolls) = (Arc::clone(app.shared_engine()), Arc::clone(app.rolls()));
    let (by_feature, dimensions) = (query.group_by.by_feature, query.group_by.dimensions.clone());
    let read = move || {
        let chain = |pool: PoolId| Some((pool, found.chains.get(usize::from(pool.number()))?));
        let pools = pools.into_iter().filter_map(chain).collect();
        let asked = SeriesQuery { pools, as_of, start, end, step, by_feature, dimensions };
        Ok(series(engine.reader(), rolls.as_ref(), &asked)?)
    };
    let why = match app.read(read).await? {
        Told::All(all) => return Ok(all.into_iter().collect()),
        Told::TooMany { dimension: Some(name) } => {
            format!("the dimension {name} has too many values to be summed up ahead; ")
        }
        Told::TooMany { dimension: None } => String::new(),
    };
    let message = format!(
        "{why}the range has more than {SERIES_ROWS_MAX} entries to be read one by one: ask for a \
         shorter one, or again when more of it is summed up"
    );
    Err(ApiError::new(ErrorCode::LimitReached, message))
}

/// Which of the series a page shows.
fn places(page: &StorePage<Shown>, limit: usize, count: usize) -> (usize, usize) {
    let place = |number: u64| usize::try_from(number).unwrap_or(count).min(count);
    match page {
        StorePage::First => (0, limit.min(count)),
        StorePage::After(shown) => {
            let from = place(shown.number.saturating_add(1));
            (from, (from + limit).min(count))
        }
        StorePage::Before(shown) => {
            let until = place(shown.number);
            (until.saturating_sub(limit), until)
        }
    }
}

fn currency_to_wire(credit_type: &CreditType) -> CreditUsageCurrency {
    let units = credit_type.units.as_ref();
    CreditUsageCurrency {
        currency_id: credit_type.id.to_string(),
        display_name: credit_type.name.clone(),
        plural: units.map(|units| units.plural.clone()),
        singular: units.map(|units| units.singular.clone()),
        symbol: credit_type.symbol.clone(),
    }
}

fn to_wire(catalog: &Catalog, key: &SeriesKey, series: &Series) -> CreditUsageSeries {
    let feature = key.feature.as_ref();
    let name = feature.and_then(|id| catalog.features.get(id)).map(|feature| feature.name.clone());
    let tags = key.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
    let points = series.points.iter().map(|(at, used)| CreditUsagePoint {
        event_count: used.events,
        timestamp: instant(*at),
        value: Decimal(used.amount),
    });
    CreditUsageSeries {
        event_count: series.total.events,
        feature_id: feature.map(ToString::to_string),
        feature_name: name,
        points: points.collect(),
        total_credits: Decimal(series.total.amount),
        tags: (!key.tags.is_empty()).then(|| tags.collect()),
    }
}
