//! Customer › Activity: what happened in its life, newest first; plain use stands in the ledger.

use super::{Look, Tab, credits, package_name, pager};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::ui::{amount, empty, grouped, id, table, time};
use crate::dashboard::visit::Visit;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::catalog::PackageKey;
use stipend_core::customer::{Cause, Effect, GrantEnd, PoolEntry, SubscriptionEndReason};
use stipend_core::{GrantNo, Timestamp};
use stipend_engine::life::life_page;

/// Entries of the journal on a page.
const ROWS_MAX: usize = 50;
/// Effects of one entry that are told.
const EFFECTS_MAX: usize = 6;

pub(super) fn router() -> Router<App> {
    Router::new().route("/customers/{id}/activity", get(show))
}

/// Something that happened.
struct Moment {
    at: Timestamp,
    what: Markup,
    by: Markup,
    change: Markup,
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let look = Look::caught_up(&visit).await?;
    let query = visit.query();
    let before: u64 = query.get("before").parse().unwrap_or(0);
    let until = query.get("until").parse().ok().map(Timestamp::from_micros);
    let (engine, found) = (Arc::clone(visit.app.shared_engine()), Arc::clone(&look.found));
    let read = move || {
        let chains: Vec<_> = found.chains.iter().collect();
        Ok(life_page(engine.reader(), &chains, before, ROWS_MAX + 1)?)
    };
    let mut entries = visit.app.read(read).await?;
    let has_more = entries.len() > ROWS_MAX;
    entries.truncate(ROWS_MAX);
    let last = entries.last().map(|(seq, entry)| (*seq, entry.at)).filter(|_| has_more);
    let mut moments: Vec<Moment> =
        entries.iter().filter_map(|(_, entry)| moment(&look, entry)).collect();
    // What the customer itself tells belongs to the page of its time.
    let is_here = |at: Timestamp| {
        until.is_none_or(|until| at < until) && last.is_none_or(|(_, last)| at >= last)
    };
    moments.extend(told_by_state(&look).into_iter().filter(|moment| is_here(moment.at)));
    moments.sort_by_key(|moment| std::cmp::Reverse(moment.at));
    let next =
        last.map(|(seq, at)| look.path(&format!("/activity?before={seq}&until={}", at.micros())));
    let body = html! {
        @if moments.is_empty() {
            (empty("Nothing happened yet", "Subscriptions, grants and what time does stand here.",
                &Markup::default()))
        } @else {
            p.lead { "What happened in this customer's life. Plain use of credits stands in the "
                a href=(look.path("/credits/ledger")) { "ledger" } "." }
            (rows(&moments))
            (pager(None, next.as_deref(), "Older"))
        }
    };
    Ok(look.page(Tab::Activity, &body))
}

fn rows(moments: &[Moment]) -> Markup {
    let head = html! {
        th scope="col" { "When" } th scope="col" { "What happened" } th scope="col" { "By" }
        th.num scope="col" { "Balance" }
    };
    let rows = html! {
        @for moment in moments {
            tr {
                th scope="row" { (time(moment.at)) }
                td { (moment.what) }
                td { (moment.by) }
                td.num { (moment.change) }
            }
        }
    };
    table("Activity", &head, &rows)
}

/// What an entry of a pool tells, unless it tells nothing to people.
fn moment(look: &Look<'_>, entry: &PoolEntry) -> Option<Moment> {
    let lines: Vec<Markup> =
        entry.effects.iter().filter_map(|effect| line(look, entry, effect)).collect();
    let more = lines.len().saturating_sub(EFFECTS_MAX);
    let delta = entry.delta();
    if lines.is_empty() && delta.is_zero() {
        return None;
    }
    let currency = look.customer().pool(entry.pool).map(|pool| pool.currency.clone())?;
    let change = html! {
        @if delta.is_zero() { span.quiet { "—" } } @else {
            @if delta.is_positive() { "+" } (credits(&look.catalog, &currency, delta))
        }
    };
    let what = html! {
        @for line in lines.iter().take(EFFECTS_MAX) { div { (line) } }
        @if more > 0 { div.quiet { "and " (more) " more" } }
        @if lines.is_empty() { "The balance changed" }
    };
    Some(Moment { at: entry.at, what, by: by(look, &entry.cause), change })
}

fn by(look: &Look<'_>, cause: &Cause) -> Markup {
    match cause {
        Cause::Grant | Cause::Void => html! { "A request" },
        Cause::Due => html! { "Time" },
        Cause::Subscription(number) => {
            let terms = look.customer().subscription(*number).map(|one| &one.terms);
            html! {
                "Subscription"
                @if let Some(terms) = terms { span.under { code { (terms.id) } } }
            }
        }
        Cause::Reversal(reversal) => html! {
            "A reversal"
            @if let Some(reason) = &reversal.reason { span.under { "“" (reason) "”" } }
        },
        Cause::Reservation | Cause::Release(_) | Cause::Extension => html! { "A reservation" },
        Cause::Consumption(_) => html! { "Use" },
    }
}

fn line(look: &Look<'_>, entry: &PoolEntry, effect: &Effect) -> Option<Markup> {
    let name = |no: GrantNo| {
        let pool = look.customer().pool(entry.pool)?;
        let mut there = pool.live.iter().chain(&pool.scheduled).chain(&pool.lapsed);
        there.find(|grant| grant.no == no).map(|grant| grant.name.to_string())
    };
    let name = |no: GrantNo| name(no).unwrap_or_else(|| format!("grant no. {}", no.0));
    match effect {
        Effect::Granted(grant) => Some(html! {
            strong { (grant.name) } " granted: " (amount(grant.amount))
            @if let Some(comment) = &grant.comment { span.under { "“" (comment) "”" } }
        }),
        Effect::Scheduled(grant) => Some(html! {
            strong { (grant.name) } " scheduled for " (time(grant.effective_at)) ": "
            (amount(grant.amount))
        }),
        Effect::Activated(draw) => Some(html! { strong { (name(draw.grant)) } " came into force" }),
        Effect::Ended(ended) => Some(html! {
            strong { (ended.grant.name) }
            @match ended.end { GrantEnd::Expired => " expired", GrantEnd::Voided => " was voided" }
            @if ended.amount.is_positive() { ", " (amount(ended.amount)) " were left" }
        }),
        Effect::Reduced(draw) => {
            Some(html! { strong { (name(draw.grant)) } " was lowered by " (amount(draw.amount)) })
        }
        Effect::Settled(settled) => Some(html! {
            "Overdraft of " (grouped(settled.amount)) " settled by " (name(settled.grant))
        }),
        Effect::Refunded(moved) => {
            Some(html! { (amount(moved.amount)) " given back to " strong { (name(moved.grant)) } })
        }
        _ => None,
    }
}

/// What the state of the customer tells with its time.
fn told_by_state(look: &Look<'_>) -> Vec<Moment> {
    let customer = look.customer();
    let mut moments = Vec::new();
    let mut tell = |at: Timestamp, what: Markup, by: &str| {
        moments
            .push(Moment { at, what, by: html! { (by) }, change: html! { span.quiet { "—" } } });
    };
    tell(customer.profile.created_at, html! { "The customer was created" }, "A request");
    if let Some(at) = customer.profile.archived_at {
        tell(at, html! { "The customer was archived" }, "A request");
    }
    for resource in &customer.resources {
        tell(
            resource.created_at,
            html! { "Resource " (id(resource.id.as_str())) " was first named" },
            "A request",
        );
    }
    for subscription in &customer.subscriptions {
        let terms = &subscription.terms;
        let plan = package_name(&look.catalog, &PackageKey::plan(terms.plan.plan.clone()));
        let named = html! { "Subscription to " strong { (plan) } " " (id(terms.id.as_str())) };
        tell(terms.created_at, html! { (named) " was made" }, "A request");
        if terms.has_begun && terms.started_at > terms.created_at {
            tell(terms.started_at, html! { (named) " began" }, "Time");
        }
        if let Some(end) = terms.ended {
            let by = match end.reason {
                SubscriptionEndReason::Scheduled | SubscriptionEndReason::TrialEnded => "Time",
                _ => "A request",
            };
            tell(end.at, html! { (named) " ended" }, by);
        }
    }
    // Newest first, also among what happened at one instant.
    moments.reverse();
    moments
}
