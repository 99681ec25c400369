//! Customer › Credits: the balance of one credit type, where it comes from, and what holds it.

use super::explain::{picture, reach};
use super::{Look, Tab, credit_name, credits, grants, ledger, usage};
use crate::api::explain::read_paces;
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::ui::{amount, empty, grouped, id, isolated, primary, table, time};
use crate::dashboard::visit::Visit;
use crate::mapping::explain as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_core::customer::{Explanation, Forecast, Pace, Pool, explain, flows, forecast};
use stipend_core::{Amount, CurrencyId, ResourceId};

/// Reservations that are listed.
const HOLDS_MAX: usize = 50;
const DAY_SECONDS: i128 = 24 * 60 * 60;

pub(super) fn router() -> Router<App> {
    Router::new().route("/customers/{id}/credits", get(show))
}

/// A pool that is looked at, also where there is none yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) currency: CurrencyId,
    pub(super) resource: Option<ResourceId>,
}

impl Place {
    /// The place that the address names; of those that the customer has, where it names none.
    pub(super) fn asked(look: &Look<'_>) -> Result<Option<Self>, Failure> {
        let query = look.visit.query();
        if query.get("currency").is_empty() {
            return Ok(places(look).into_iter().next());
        }
        let currency = CurrencyId::parse(query.get("currency")).map_err(|_| Failure::NotFound)?;
        let resource = Some(query.get("resource")).filter(|resource| !resource.is_empty());
        let resource = resource.map(ResourceId::parse).transpose();
        let resource = resource.map_err(|_| Failure::NotFound)?;
        let is_known = look.catalog.credit_types.contains_key(&currency)
            && resource.as_ref().is_none_or(|id| look.customer().find_resource(id).is_some());
        if is_known { Ok(Some(Self { currency, resource })) } else { Err(Failure::NotFound) }
    }

    /// As it stands in addresses.
    pub(super) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("currency", self.currency.as_str());
        if let Some(resource) = &self.resource {
            query.append_pair("resource", resource.as_str());
        }
        query.finish()
    }

    /// What it is called.
    pub(super) fn name(&self, look: &Look<'_>) -> String {
        let name = credit_name(&look.catalog, &self.currency);
        match &self.resource {
            Some(resource) => format!("{} · {resource}", isolated(&name)),
            None => name,
        }
    }
}

/// The pools that the customer has or is about to have, its own before those of its resources.
pub(super) fn places(look: &Look<'_>) -> Vec<Place> {
    let places = crate::mapping::credit_balance::places(look.customer(), &look.catalog)
        .into_iter()
        .map(|(_, resource, currency)| Place { currency, resource });
    places.collect()
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let look = Look::caught_up(&visit).await?;
    let Some(place) = Place::asked(&look)? else {
        let text = "Give it a subscription whose plan or add-ons grant credits, or grant it some \
                    yourself.";
        let action = grants::adjust_button(&look, None);
        return Ok(look.page(Tab::Credits, &empty("No credits yet", text, &action)));
    };
    let told =
        explain(look.customer(), &look.catalog, &place.currency, place.resource.as_ref(), look.now);
    let lasting = match &told.pool {
        Some(pool) => Some(lasting(&look, pool).await?),
        None => None,
    };
    let chart = usage::chart(&look, &place).await?;
    let entries = ledger::newest(&look, &place).await?;
    let body = html! {
        (choice(&look, &place))
        (balance(&look, &place, &told, lasting.as_ref()))
        section {
            h2 { "Where it comes from" }
            (sources(&look, &place, &told))
        }
        (grants::section(&look, &place, told.pool.as_ref()))
        @if let Some(pool) = &told.pool { (reservations(&look, pool)) }
        (chart)
        (entries)
    };
    Ok(look.page(Tab::Credits, &body))
}

/// The links to the other pools of the customer; long lists are a menu.
fn choice(look: &Look<'_>, here: &Place) -> Markup {
    let places = places(look);
    if places.len() <= 1 {
        return Markup::default();
    }
    html! {
        @if places.len() <= 6 {
            nav.pills aria-label="Credit types" {
                @for place in &places {
                    a href=(look.path(&format!("/credits?{}", place.query())))
                        aria-current=[(place == here).then_some("page")] { (place.name(look)) }
                }
            }
        } @else {
            details.pills {
                summary { (here.name(look)) span.quiet { " of " (places.len()) } }
                ul {
                    @for place in places.iter().take(200) {
                        li {
                            a href=(look.path(&format!("/credits?{}", place.query())))
                                aria-current=[(place == here).then_some("page")] {
                                (place.name(look))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn balance(
    look: &Look<'_>,
    place: &Place,
    told: &Explanation,
    lasting: Option<&(Pace, Forecast)>,
) -> Markup {
    let reserved = told.pool.as_ref().map_or(Amount::ZERO, Pool::reserved);
    html! {
        section.balance aria-label="Balance" {
            div.title {
                div {
                    h2.quiet { (place.name(look)) }
                    p.figure {
                        strong { (amount(told.balance)) }
                        " left of " (credits(&look.catalog, &place.currency, told.granted))
                    }
                }
                div.actions {
                    (super::embed::embed_button(look))
                    (grants::adjust_button(look, Some(place)))
                }
            }
            (used_bar(told, reserved))
            p.statement { (statement(told, reserved)) }
            @if let Some((pace, forecast)) = lasting { p.quiet { (outlook(*pace, *forecast)) } }
        }
    }
}

/// Used, reserved and left, as shares of what was granted.
fn used_bar(told: &Explanation, reserved: Amount) -> Markup {
    let drawn = told.used - reserved;
    let whole = if told.used > told.granted { told.used } else { told.granted };
    let (used, held) = (reach(drawn, whole), reach(told.used, whole));
    let title = format!("{} of {} used", grouped(told.used), grouped(told.granted));
    html! {
        svg.meter.tall viewBox="0 0 1000 10" preserveAspectRatio="none" role="img"
            aria-label=(title) {
            title { (title) }
            rect.track x="0" y="0" width="1000" height="10" {}
            rect.held x=(used) y="0" width=(held - used) height="10" {}
            rect.used x="0" y="0" width=(used) height="10" data-over[told.balance.is_negative()] {}
        }
    }
}

/// The sum in words; its parts add up to the balance.
fn statement(told: &Explanation, reserved: Amount) -> Markup {
    let drawn = told.used - told.overdraft - reserved;
    html! {
        (amount(told.granted)) " granted"
        " − " (amount(drawn)) " used"
        @if !reserved.is_zero() { " − " (amount(reserved)) " reserved" }
        @if !told.overdraft.is_zero() { " − " (amount(told.overdraft)) " overdraft" }
        " = " strong { (amount(told.balance)) }
    }
}

/// The pace of the last week, and how long the pool lasts at it.
async fn lasting(look: &Look<'_>, pool: &Pool) -> Result<(Pace, Forecast), Failure> {
    let (app, env) = (&look.visit.app, look.visit.env());
    let paces = read_paces(app, env, &look.found, pool.id, look.now).await?;
    let pace = paces.last().copied().unwrap_or(Pace { used: Amount::ZERO, seconds: 1 });
    let coming = flows(look.customer(), &look.catalog, pool.id, look.now);
    debug_assert_eq!(paces.len(), mapping::PACE_SECONDS.len());
    Ok((pace, forecast(pool, &coming, pace, look.now)))
}

fn outlook(pace: Pace, forecast: Forecast) -> Markup {
    let a_day = pace.used.nano() * DAY_SECONDS / i128::from(pace.seconds);
    let one = Amount::whole(1).nano();
    // Whole credits are exact enough for a pace, unless there are hardly any.
    let a_day = if a_day >= 10 * one { a_day / one * one } else { a_day };
    html! {
        @if !pace.used.is_positive() {
            "Nothing was used in the last seven days."
        } @else {
            "At the pace of the last seven days, about " (amount(Amount::from_nano(a_day)))
            " a day, "
            @if let Some(at) = forecast.runs_out_at {
                "it runs out on " strong { (time(at)) }
                @if forecast.is_expiry_limited { ", when credits expire" }
                "."
            } @else {
                "what is known to come keeps up with it."
            }
        }
    }
}

/// What each subscription gives for one period, as pictures.
fn sources(look: &Look<'_>, place: &Place, told: &Explanation) -> Markup {
    let live = told.pool.iter().flat_map(|pool| &pool.live);
    let by_hand: Vec<Amount> =
        live.filter(|grant| grant.source.is_none()).map(|grant| grant.amount).collect();
    html! {
        @if told.subscriptions.is_empty() {
            p.quiet { "No subscription gives any of it; what is here was granted by hand." }
        }
        @for part in &told.subscriptions {
            @let plan = super::package_name(
                &look.catalog, &stipend_core::catalog::PackageKey::plan(part.plan.clone()));
            div.card {
                h3 { "Subscription to " bdi { (plan) } " " (id(part.id.as_str())) }
                (picture(&look.catalog, &place.currency, part))
                @if !part.carried.is_zero() {
                    p.quiet {
                        (amount(part.carried)) " that were used before a change in this period \
                        count against what the change gave."
                    }
                }
            }
        }
        @if !by_hand.is_empty() && !told.subscriptions.is_empty() {
            p.quiet {
                "Besides, purchases and promotions give "
                (credits(&look.catalog, &place.currency, by_hand.iter().copied().sum())) " in "
                (by_hand.len()) @if by_hand.len() == 1 { " grant." } @else { " grants." }
            }
        }
    }
}

fn reservations(look: &Look<'_>, pool: &Pool) -> Markup {
    if pool.holds.is_empty() {
        return Markup::default();
    }
    let head = html! {
        th scope="col" { "Reservation" } th.num scope="col" { "Credits" }
        th scope="col" { "Made" } th scope="col" { "Expires" }
    };
    let rows = html! {
        @for hold in pool.holds.iter().take(HOLDS_MAX) {
            tr {
                th scope="row" { (id(hold.id.as_str())) }
                td.num { (amount(hold.amount)) }
                td { (time(hold.created_at)) }
                td { (time(hold.expires_at)) }
            }
        }
    };
    html! {
        section {
            h2 { "Reservations " span.count { (pool.holds.len()) } }
            p.lead {
                "Held for jobs that are not finished: "
                (credits(&look.catalog, &pool.currency, pool.reserved())) "."
            }
            (table("Reservations", &head, &rows))
            @if pool.holds.len() > HOLDS_MAX {
                p.quiet { "The first " (HOLDS_MAX) " are shown." }
            }
        }
    }
}

/// A button that leads to a page about a pool.
pub(super) fn place_button(
    look: &Look<'_>,
    page: &str,
    place: Option<&Place>,
    text: &str,
) -> Markup {
    let query = place.map(|place| format!("?{}", place.query())).unwrap_or_default();
    primary(&look.path(&format!("{page}{query}")), text)
}
