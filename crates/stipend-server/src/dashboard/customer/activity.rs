//! Customer › Activity: what happened in its life, newest first; plain use stands in the ledger.

use super::{Look, Tab, credits, pager};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::ui::{amount, empty, grouped, table, time};
use crate::dashboard::visit::Visit;
use crate::dashboard::who::who;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;
use stipend_core::customer::{Cause, Effect, Grant, GrantEnd, PoolEntry};
use stipend_core::{GrantNo, PoolId, Timestamp};
use stipend_engine::life::{Lived, life_page, own_page};
use stipend_engine::past::gone_grants;
use stipend_store::Seq;

mod own;

/// Entries of the journal on a page.
const ROWS_MAX: usize = 50;
/// Older rows about the customer itself that are read, for what something was before.
const OLDER_MAX: usize = 100;
/// Effects of one entry that are told.
const EFFECTS_MAX: usize = 6;

pub(super) fn router() -> Router<App> {
    Router::new().route("/customers/{id}/activity", get(show))
}

/// Grants that have ended.
type Past = BTreeMap<GrantNo, Grant>;

/// The grants that entries name by their numbers.
fn named(life: &[Lived<PoolEntry>]) -> Vec<(PoolId, Seq, GrantNo)> {
    let mut named = Vec::new();
    for lived in life {
        for effect in &lived.what.effects {
            let no = match effect {
                Effect::Activated(draw) | Effect::Reduced(draw) => draw.grant,
                Effect::Settled(settled) => settled.grant,
                Effect::Refunded(moved) => moved.grant,
                _ => continue,
            };
            named.push((lived.what.pool, lived.seq, no));
        }
    }
    named
}

/// Something that happened.
struct Moment {
    seq: Seq,
    at: Timestamp,
    what: Markup,
    who: Markup,
    change: Markup,
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let look = Look::caught_up(&visit).await?;
    let before: u64 = visit.query().get("before").parse().unwrap_or(0);
    let (engine, found) = (Arc::clone(visit.app.shared_engine()), Arc::clone(&look.found));
    let read = move || {
        let chains: Vec<_> = found.chains.iter().collect();
        let life = life_page(engine.reader(), &chains, before, ROWS_MAX + 1)?;
        // What something was before stands in one of the older rows.
        let own = own_page(engine.reader(), &found, before, ROWS_MAX + 1 + OLDER_MAX)?;
        let past = gone_grants(engine.reader(), &found.customer, &found.chains, named(&life))?;
        Ok((life, own, past))
    };
    let (life, own, past) = visit.app.read(read).await?;
    let mut seqs: Vec<Seq> = life.iter().map(|lived| lived.seq).collect();
    seqs.extend(own.iter().map(|lived| lived.seq));
    seqs.sort_unstable_by(|one, other| other.cmp(one));
    let oldest = (seqs.len() > ROWS_MAX).then(|| seqs[ROWS_MAX - 1]);
    let is_here = |seq: Seq| oldest.is_none_or(|oldest| seq >= oldest);
    let in_life = life.iter().filter(|lived| is_here(lived.seq));
    let mut moments: Vec<Moment> =
        in_life.filter_map(|lived| moment(&look, &past, lived)).collect();
    let of_itself = own.iter().enumerate().filter(|(_, lived)| is_here(lived.seq));
    moments.extend(of_itself.map(|(place, lived)| own::moment(&look, lived, &own[place + 1..])));
    moments.sort_by_key(|moment| std::cmp::Reverse(moment.seq));
    let next = oldest.map(|oldest| look.path(&format!("/activity?before={oldest}")));
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
        th scope="col" { "When" } th scope="col" { "What happened" } th scope="col" { "Who" }
        th.num scope="col" { "Balance" }
    };
    let rows = html! {
        @for moment in moments {
            tr {
                th scope="row" { (time(moment.at)) }
                td { (moment.what) }
                td { (moment.who) }
                td.num { (moment.change) }
            }
        }
    };
    table("Activity", &head, &rows)
}

/// What an entry of a pool tells, unless it tells nothing to people.
fn moment(look: &Look<'_>, past: &Past, lived: &Lived<PoolEntry>) -> Option<Moment> {
    let entry = &lived.what;
    let lines: Vec<Markup> =
        entry.effects.iter().filter_map(|effect| line(look, past, entry, effect)).collect();
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
    let who = html! {
        (who(&look.visit.app, lived.by.as_ref()))
        @if let Some(why) = by(look, &entry.cause) { span.under { (why) } }
    };
    Some(Moment { seq: lived.seq, at: entry.at, what, who, change })
}

/// What it came with, where that is not plain.
fn by(look: &Look<'_>, cause: &Cause) -> Option<Markup> {
    match cause {
        Cause::Grant | Cause::Void | Cause::Due | Cause::Consumption(_) => None,
        Cause::Subscription(number) => {
            let terms = look.customer().subscription(*number).map(|one| &one.terms);
            Some(
                html! { "with subscription" @if let Some(terms) = terms { " " code { (terms.id) } } },
            )
        }
        Cause::Reversal(reversal) => Some(html! {
            "reversed" @if let Some(reason) = &reversal.reason { ": “" (reason) "”" }
        }),
        Cause::Reservation | Cause::Release(_) | Cause::Extension => {
            Some(html! { "for a reservation" })
        }
    }
}

fn line(look: &Look<'_>, past: &Past, entry: &PoolEntry, effect: &Effect) -> Option<Markup> {
    let name = |no: GrantNo| {
        let pool = look.customer().pool(entry.pool)?;
        let grant = pool.find_present(no).or_else(|| past.get(&no));
        grant.map(|grant| grant.name.to_string())
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
            "Overdraft of " (grouped(settled.amount)) " settled by " bdi { (name(settled.grant)) }
        }),
        Effect::Refunded(moved) => {
            Some(html! { (amount(moved.amount)) " given back to " strong { (name(moved.grant)) } })
        }
        _ => None,
    }
}
