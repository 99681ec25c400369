//! The use of credits over time.

use crate::app::{App, data};
use crate::context::{Caller, Query};
use crate::cursor::List;
use crate::error::ApiError;
use crate::mapping::instant;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::catalog::{Catalog, CreditType};
use stipend_core::{CurrencyId, ResourceId, Timestamp};
use stipend_engine::limits::SERIES_ROWS_MAX;
use stipend_engine::series::{Series, SeriesKey, SeriesQuery, series};
use stipend_store::Page as StorePage;
use stipend_wire::credit_usage::{
    CreditUsage, CreditUsageCurrency, CreditUsagePoint, CreditUsageSeries, TimeRange,
};
use stipend_wire::query::CreditUsageQuery;
use stipend_wire::usage::Tag;
use stipend_wire::{Data, Decimal, ErrorBody, ErrorCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_credit_usage))
}

/// How far a range goes back from its end: whole days, a month being 30 and a year 365.
fn back(end: Timestamp, range: TimeRange) -> Timestamp {
    let days = match range {
        TimeRange::LastDay => 1,
        TimeRange::LastWeek => 7,
        TimeRange::LastMonth => 30,
        TimeRange::LastYear => 365,
    };
    end.plus_seconds(-days * DAY)
}

/// Get the use of credits over time
///
/// One series for each feature, or for each combination of up to three dimensions (`groupBy`, with
/// the reserved name `featureId`). Points are hourly for `LAST_DAY` and daily otherwise, in UTC;
/// steps without use have none. Use counts at the time of its event; a reversal takes away where
/// the consumption counted. Without `resourceId`, of the customer as a whole.
#[utoipa::path(get, path = "/api/v1/credits/usage", tag = "Credits", params(CreditUsageQuery),
    responses((status = 200, body = Data<CreditUsage>), (status = "default", body = ErrorBody)))]
async fn get_credit_usage(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<CreditUsageQuery>,
) -> Result<Response, ApiError> {
    let now = app.engine().now(caller.env);
    // What has happened just now belongs to it.
    let (start, end) = query.period(Timestamp::from_micros(now.micros() + 1), back)?;
    let is_hourly = query.start_date.is_none() && query.time_range == Some(TimeRange::LastDay);
    let found = app.caught_up(&caller, &query.customer_id.0).await?;
    let catalog = app.engine().catalog(caller.env);
    let asked = query.currency_id.as_deref();
    let currency = asked.and_then(|id| CurrencyId::parse(id).ok());
    let credit_type = currency.as_ref().and_then(|id| catalog.credit_types.get(id));
    let pools = found.customer.pools.iter().filter(|pool| {
        let resource = pool.resource.as_ref().map(ResourceId::as_str);
        let is_asked = asked.is_none_or(|asked| pool.currency.as_str() == asked);
        is_asked && resource == query.resource_id.as_deref()
    });
    let numbers: Vec<usize> = pools.map(|pool| usize::from(pool.id.number())).collect();
    let name = format!("credits/usage/{}/{start}/{:?}", found.customer.slot.0, query.group_by);
    let list = List::new(caller.env, &name);
    let page = list.page::<u64>(query.after.as_deref(), query.before.as_deref())?;
    let (engine, account) = (Arc::clone(app.shared_engine()), Arc::clone(&found));
    let group_by = query.group_by.clone();
    let read = move || {
        let chains = numbers.iter().filter_map(|number| account.chains.get(*number)).collect();
        let step = if is_hourly { HOUR } else { DAY };
        let (by_feature, dimensions) = (group_by.by_feature, group_by.dimensions);
        let asked = SeriesQuery { chains, start, end, step, by_feature, dimensions };
        Ok(series(engine.reader(), &asked)?)
    };
    let all = app.read(read).await?.ok_or_else(|| {
        let message =
            format!("the range has more than {SERIES_ROWS_MAX} entries; ask for a shorter one");
        ApiError::new(ErrorCode::LimitReached, message)
    })?;
    let all: Vec<(SeriesKey, Series)> = all.into_iter().collect();
    let (from, until) = places(&page, query.limit.0 as usize, all.len());
    let has_more = match page {
        StorePage::First | StorePage::After(_) => until < all.len(),
        StorePage::Before(_) => from > 0,
    };
    let first = (from < until).then_some(from as u64);
    let last = (from < until).then(|| until as u64 - 1);
    let pagination = list.pagination(&page, first.as_ref(), last.as_ref(), has_more);
    let shown = all[from..until].iter().map(|(key, one)| to_wire(&catalog, key, one)).collect();
    let currency = credit_type.map(|credit_type| currency_to_wire(credit_type));
    Ok(data(CreditUsage { currency, pagination, series: shown }))
}

/// Which of the series a page shows.
fn places(page: &StorePage<u64>, limit: usize, count: usize) -> (usize, usize) {
    let place = |number: u64| usize::try_from(number).unwrap_or(count).min(count);
    match page {
        StorePage::First => (0, limit.min(count)),
        StorePage::After(number) => {
            let from = place(number.saturating_add(1));
            (from, (from + limit).min(count))
        }
        StorePage::Before(number) => {
            let until = place(*number);
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
        event_count: used.events.len() as u64,
        timestamp: instant(*at),
        value: Decimal(used.amount),
    });
    CreditUsageSeries {
        event_count: series.total.events.len() as u64,
        feature_id: feature.map(ToString::to_string),
        feature_name: name,
        points: points.collect(),
        total_credits: Decimal(series.total.amount),
        tags: (!key.tags.is_empty()).then(|| tags.collect()),
    }
}
