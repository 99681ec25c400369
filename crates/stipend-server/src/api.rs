//! The routes of the API. Each handler extracts, calls and maps; no rule lives here.

mod access;
mod billing;
mod bulk;
mod charges;
mod consumption;
mod credit_balance;
mod currencies;
mod customers;
pub(crate) mod decisions;
mod entitlements;
mod environments;
pub(crate) mod explain;
mod features;
pub(crate) mod grants;
pub(crate) mod ledger;
mod packages;
mod products;
mod promotions;
mod refusals;
mod reservations;
mod reversals;
mod series;
mod subscription_changes;
mod subscriptions;
mod tasks;
pub(crate) mod unsupported;
mod usage;

use crate::app::App;
use utoipa_axum::router::OpenApiRouter;

/// Every operation of the API, with its documentation.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(products::router())
        .merge(currencies::router())
        .merge(features::router())
        .merge(packages::router())
        .merge(entitlements::router())
        .merge(charges::router())
        .merge(subscriptions::router())
        .merge(subscription_changes::router())
        .merge(tasks::router())
        .merge(environments::router())
        .merge(ledger::router())
        .merge(grants::router())
        .merge(explain::router())
        .merge(customers::router())
        .merge(consumption::router())
        .merge(usage::router())
        .merge(access::router())
        .merge(promotions::router())
        .merge(reservations::router())
        .merge(credit_balance::router())
        .merge(billing::router())
}

/// Takes away the item that was read beyond the page to see whether there are more; in the
/// backward direction it is the first one.
pub(crate) fn cut_surplus<T, P>(
    items: &mut Vec<T>,
    limit: usize,
    page: &stipend_store::Page<P>,
) -> bool {
    let has_more = items.len() > limit;
    if has_more && matches!(page, stipend_store::Page::Before(_)) {
        items.remove(0);
    }
    items.truncate(limit);
    has_more
}
