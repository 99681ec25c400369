//! Customer › Credits › ledger: every change of the balance, with filters, and as a file.

mod file;

use super::credits::{Place, places};
use super::{Look, SECTION, credit_name, pager};
use crate::api::ledger::goes_on;
use crate::app::App;
use crate::cursor::List;
use crate::dashboard::failure::Failure;
use crate::dashboard::field::Field;
use crate::dashboard::form::Form;
use crate::dashboard::ui::{Head, amount, button, empty, grouped, isolated, table, time};
use crate::dashboard::visit::Visit;
use crate::dashboard::who::who;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use stipend_core::customer::{Grant, Pool};
use stipend_core::{Amount, GrantNo, PoolId};
use stipend_engine::Engine;
use stipend_engine::Found;
use stipend_engine::cipher::DecisionPlace;
use stipend_engine::ledger::{
    Cursor, EventType, LedgerEvent, LedgerPage, LedgerQuery, ledger_page_within,
};
use stipend_engine::past::grants_of_events;
use stipend_store::{Page, StoreError};

/// Entries beside the balance.
const NEWEST: usize = 10;
/// Entries on a page.
const ROWS_MAX: usize = 50;

/// The kinds of entries, as addresses and people call them.
const KINDS: [(&str, EventType, &str); 9] = [
    ("granted", EventType::Granted, "Granted"),
    ("used", EventType::Consumed, "Used"),
    ("expired", EventType::Expired, "Expired"),
    ("voided", EventType::Voided, "Voided"),
    ("reserved", EventType::Reserved, "Reserved"),
    ("released", EventType::ReservationReleased, "Reservation released"),
    ("lapsed", EventType::ReservationExpired, "Reservation expired"),
    ("moved-from", EventType::TransferSource, "Use moved off a grant"),
    ("moved-to", EventType::TransferTarget, "Use moved to a grant"),
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/customers/{id}/credits/ledger", get(show))
        .route("/customers/{id}/credits/ledger.csv", get(file::file))
}

/// Grants that have ended.
type Past = BTreeMap<GrantNo, Grant>;

/// What is asked for: of one pool or of all, of one kind or of all.
#[derive(Clone, Debug)]
struct Asked {
    pools: Vec<PoolId>,
    kind: Option<EventType>,
}

impl Asked {
    fn new(look: &Look<'_>) -> Result<Self, Failure> {
        let query = look.visit.query();
        let place = match query.get("currency") {
            "" => None,
            _ => Place::asked(look)?,
        };
        let is_asked = |pool: &&Pool| {
            place.as_ref().is_none_or(|place| {
                pool.currency == place.currency && pool.resource == place.resource
            })
        };
        let pools = look.customer().pools.iter().filter(is_asked).map(|pool| pool.id).collect();
        let kind = KINDS.iter().find(|(name, ..)| *name == query.get("type"));
        Ok(Self { pools, kind: kind.map(|(_, kind, _)| *kind) })
    }

    /// Reads a page. Pools that are due to be opened have no rows yet.
    fn read(
        &self,
        engine: &Engine,
        found: &Found,
        page: Page<Cursor>,
        (limit, rows_max): (usize, usize),
    ) -> Result<LedgerPage, StoreError> {
        let chain = |pool: &PoolId| Some((*pool, found.chains.get(usize::from(pool.number()))?));
        let query = LedgerQuery {
            pools: self.pools.iter().filter_map(chain).collect(),
            types: self.kind.map(|kind| BTreeSet::from([kind])),
            reservation: None,
            not_before: 0,
            page,
            limit,
        };
        ledger_page_within(engine.reader(), &query, rows_max)
    }

    /// Reads a page, with the grants that it names and that have ended.
    fn read_shown(
        &self,
        engine: &Engine,
        found: &Found,
        page: Page<Cursor>,
        bounds: (usize, usize),
    ) -> Result<(LedgerPage, Past), StoreError> {
        let page = self.read(engine, found, page, bounds)?;
        let past = grants_of_events(engine.reader(), &found.customer, &found.chains, &page.events)?;
        Ok((page, past))
    }
}

/// The newest entries of a pool, and the way to all of them.
pub(super) async fn newest(look: &Look<'_>, place: &Place) -> Result<Markup, Failure> {
    let pool = look.customer().find_pool(&place.currency, place.resource.as_ref());
    let asked = Asked { pools: pool.map(|pool| pool.id).into_iter().collect(), kind: None };
    let (engine, found) = (Arc::clone(look.visit.app.shared_engine()), Arc::clone(&look.found));
    let bounds = (NEWEST, look.visit.app.limits().page_rows_max);
    let read = move || Ok(asked.read_shown(&engine, &found, Page::First, bounds)?);
    let (page, past) = look.visit.app.read(read).await?;
    Ok(html! {
        section {
            div.row {
                h2 { "Ledger" }
                a href=(look.path(&format!("/credits/ledger?{}", place.query()))) {
                    @if page.has_older { "All entries, with filters" } @else { "Filter and export" }
                }
            }
            @if page.events.is_empty() {
                p.quiet { "Nothing has changed the balance yet." }
            } @else {
                (rows(look, (&page.events, &past), "Newest entries of the ledger", false))
            }
        }
    })
}

fn rows(
    look: &Look<'_>,
    (events, past): (&[LedgerEvent], &Past),
    caption: &str,
    has_several: bool,
) -> Markup {
    let head = html! {
        th scope="col" { "When" } th scope="col" { "What" }
        @if has_several { th scope="col" { "Credits" } }
        th.num scope="col" { "Amount" } th scope="col" { "Grant" } th scope="col" { "Who" }
        th scope="col" { "Of what" }
        th scope="col" { span.visually-hidden { "Explanation" } }
    };
    let rows = html! { @for event in events { (row(look, event, past, has_several)) } };
    table(caption, &head, &rows)
}

fn row(look: &Look<'_>, event: &LedgerEvent, past: &Past, has_several: bool) -> Markup {
    let customer = look.customer();
    let Some(pool) = customer.pool(event.pool) else { return Markup::default() };
    let cipher = look.visit.app.engine().cipher();
    html! {
        tr {
            th scope="row" { (time(event.at)) }
            td {
                (what(event))
                @if let Some(reversal) = &event.reversal {
                    span.under {
                        "Reversed"
                        @if let Some(reason) = &reversal.reason { ": “" (reason) "”" }
                    }
                }
            }
            @if has_several {
                td {
                    (credit_name(&look.catalog, &pool.currency))
                    @if let Some(resource) = &pool.resource { span.under { (resource) } }
                }
            }
            td.num { (signed(event.amount)) }
            td { (grant_name(look, pool, event, past)) }
            td { (who(&look.visit.app, event.by.as_ref())) }
            td { (about(look, event)) }
            td.doing {
                @if event.is_decided {
                    @let decision = cipher.decision_id(DecisionPlace::Row(event.cursor.seq));
                    a href=(look.path(&format!("/decisions/{decision}"))) {
                        "Why" span.visually-hidden { " these " (grouped(event.amount)) }
                    }
                }
            }
        }
    }
}

fn signed(value: Amount) -> Markup {
    html! { @if value.is_positive() { "+" } (amount(value)) }
}

fn what(event: &LedgerEvent) -> &'static str {
    if event.event_type == EventType::Consumed && event.amount.is_positive() {
        return "Given back";
    }
    KINDS.iter().find(|(_, kind, _)| *kind == event.event_type).map_or("Changed", |kind| kind.2)
}

/// The name of a grant; of one that has ended with the time for which it was there, and its number
/// where it ended too long ago to be looked for.
fn grant_name(look: &Look<'_>, pool: &Pool, event: &LedgerEvent, past: &Past) -> Markup {
    let there = pool.find_present(event.grant);
    let cipher = look.visit.app.engine().cipher();
    html! {
        @match (there, past.get(&event.grant)) {
            (Some(grant), _) => (grant.name),
            _ if event.is_of_overdraft => "Overdraft",
            _ if pool.overdraft.is_some_and(|over| over.no == event.grant) => "Overdraft",
            (None, Some(grant)) => {
                (grant.name)
                // The walk that found it begins at the page: what ended it later is not known.
                @let is_known = grant.voided_at.is_some()
                    || grant.expires_at.is_some_and(|end| end <= look.now);
                span.under { "ended" @if is_known { ", " (period(grant)) } }
            }
            (None, None) => span.quiet title=(cipher.grant_id(look.customer().slot, event.grant)) {
                "No. " (event.grant.0) ", ended"
            },
        }
    }
}

/// The time for which a grant was there to be drawn.
fn period(grant: &Grant) -> Markup {
    html! {
        @match (grant.voided_at, grant.expires_at) {
            (Some(end), _) | (None, Some(end)) => {
                (time(grant.effective_at)) " – " (time(end))
            }
            (None, None) => { "from " (time(grant.effective_at)) }
        }
    }
}

fn about(look: &Look<'_>, event: &LedgerEvent) -> Markup {
    let feature = event.feature.as_ref().map(|id| {
        let known = look.catalog.features.get(id);
        known.map_or_else(|| id.to_string(), |feature| feature.name.clone())
    });
    html! {
        @if let Some(feature) = &feature { (feature) }
        @if let Some(id) = &event.event_id { span.under { "event " code { (id) } } }
        @if let Some(held) = &event.reservation {
            span.under { "reservation " code { (held.id) } }
        }
    }
}

fn list_of(look: &Look<'_>) -> List {
    List::new(look.visit.env(), &format!("dashboard/ledger/{}", look.customer().slot.0))
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let look = Look::caught_up(&visit).await?;
    let asked = Asked::new(&look)?;
    let has_several = asked.pools.len() > 1;
    let query = visit.query();
    let cursor = |name| Some(query.get(name)).filter(|cursor| !cursor.is_empty());
    let list = list_of(&look);
    let page: Page<(u64, u32)> = list.page(cursor("after"), cursor("before"))?;
    let place = |(seq, index)| Cursor { seq, index };
    let store_page = match page {
        Page::First => Page::First,
        Page::After(at) => Page::After(place(at)),
        Page::Before(at) => Page::Before(place(at)),
    };
    let (engine, found) = (Arc::clone(visit.app.shared_engine()), Arc::clone(&look.found));
    let bounds = (ROWS_MAX, visit.app.limits().page_rows_max);
    let read = move |page: &_| Ok(asked.read_shown(&engine, &found, *page, bounds)?);
    let next = |(read, _): &(LedgerPage, Past)| goes_on(read, store_page);
    let (walked, past) = visit.app.read_until_found(store_page, read, next).await?;
    let place = |event: &LedgerEvent| (event.cursor.seq, event.cursor.index);
    let address = |direction: &str, at: Option<(u64, u32)>| {
        let at = at.map(|at| list.cursor(&at))?;
        Some(look.path(&format!("/credits/ledger?{}", filters(query, Some((direction, &at))))))
    };
    let stopped = |is_upwards: bool| {
        let is_here = matches!(page, Page::Before(_)) == is_upwards;
        walked.stopped_at.filter(|_| is_here).map(|at| (at.seq, at.index))
    };
    let older = walked.events.last().filter(|_| walked.has_older).map(place);
    let newer =
        walked.events.first().filter(|_| walked.has_newer && page != Page::First).map(place);
    let (older, newer) = (stopped(false).or(older), stopped(true).or(newer));
    let above = [
        (visit.path("/customers"), "Customers"),
        (look.path(""), look.name()),
        (look.path("/credits"), "Credits"),
    ];
    let body = html! {
        (Head {
            above: &above,
            actions: button(
                &look.path(&format!("/credits/ledger.csv?{}", filters(query, None))), "Export CSV"),
            ..Head::new("Ledger")
        })
        (filter_form(&look, query))
        @if walked.events.is_empty() {
            (empty("Nothing matches", "Choose other filters, or none.",
                &button(&look.path("/credits/ledger"), "All entries")))
        } @else {
            (rows(&look, (&walked.events, &past), "Ledger", has_several))
        }
        @if !walked.events.is_empty() || walked.stopped_at.is_some() {
            (pager(address("before", newer).as_deref(), address("after", older).as_deref(), "Older"))
        }
        p.quiet {
            "The amounts of a pool add up to its balance. An export has all entries that match, \
             up to now."
        }
    };
    Ok(visit.page(SECTION, &format!("Ledger of {}", isolated(look.name())), &body))
}

/// The filters of an address, with a place in the list.
fn filters(query: &Form, cursor: Option<(&str, &str)>) -> String {
    let mut filters = form_urlencoded::Serializer::new(String::new());
    for name in ["currency", "resource", "type"] {
        if !query.get(name).is_empty() {
            filters.append_pair(name, query.get(name));
        }
    }
    if let Some((direction, cursor)) = cursor {
        filters.append_pair(direction, cursor);
    }
    filters.finish()
}

fn filter_form(look: &Look<'_>, query: &Form) -> Markup {
    let places = places(look);
    let currencies: BTreeSet<_> = places.iter().map(|place| place.currency.clone()).collect();
    let currencies = currencies
        .into_iter()
        .map(|currency| (currency.to_string(), credit_name(&look.catalog, &currency)));
    let all = |text: &str| std::iter::once((String::new(), text.to_owned()));
    let kinds = KINDS.iter().map(|(name, _, text)| ((*name).to_owned(), (*text).to_owned()));
    let resources = look.customer().resources.iter().take(500);
    let resources = resources.map(|one| (one.id.to_string(), one.id.to_string()));
    html! {
        form.filters method="get" action=(look.path("/credits/ledger")) {
            (Field::select(query, "currency", "Credit type", all("All").chain(currencies)).required())
            @if !look.customer().resources.is_empty() {
                (Field::select(query, "resource", "Resource",
                    all("The customer itself").chain(resources)).required())
            }
            (Field::select(query, "type", "Kind", all("Everything").chain(kinds)).required())
            button.button type="submit" { "Filter" }
        }
    }
}
