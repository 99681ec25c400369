//! Customer › Credits › grants: in burn order with their states, all that there were, and voiding one.

use super::credits::{Place, place_button};
use super::explain::reach;
use super::{Look, SECTION, Tab, counted, credit_name, credits, each, package_name, pager};
use crate::api::grants::{Held, held};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Dangerous, Sheet};
use crate::dashboard::form::Form;
use crate::dashboard::ui::{
    Head, Tone, amount, badge, empty, facts, grouped, id, isolated, table, time,
};
use crate::dashboard::visit::{Posted, Visit};
use crate::mapping::credit_balance::first_shown;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_core::GrantNo;
use stipend_core::catalog::PackageKind;
use stipend_core::customer::{BurnRule, Grant, GrantKind, GrantStatus, Overdraft, Pool};
use stipend_engine::Command;

/// Live and scheduled grants that are shown with the balance.
const SHOWN_MAX: usize = 50;
/// Grants on a page of all of them.
const ROWS_MAX: usize = 50;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/customers/{id}/credits/grants", get(all))
        .route("/customers/{id}/credits/grants/{grant}/void", get(ask_void).post(void))
}

/// The way to the form that grants more; archived customers get nothing new.
pub(super) fn adjust_button(look: &Look<'_>, place: Option<&Place>) -> Markup {
    if look.customer().profile.archived_at.is_some() {
        return Markup::default();
    }
    place_button(look, "/credits/adjust", place, "Adjust credits balance")
}

/// The grants that are drawn next, in the order in which they are, and behind them those that are used
/// up.
pub(super) fn section(look: &Look<'_>, place: &Place, pool: Option<&Pool>) -> Markup {
    let open = pool.map(|pool| pool.live.open()).unwrap_or_default();
    let live = pool.map(|pool| first_shown(pool, SHOWN_MAX)).unwrap_or_default();
    let live_count = pool.map_or(0, |pool| pool.live.len());
    let scheduled = pool.map(|pool| pool.scheduled.as_slice()).unwrap_or_default();
    let overdraft = pool.and_then(|pool| pool.overdraft);
    let rows = html! {
        @for (index, grant) in live.iter().enumerate() {
            // What is used up has no turn any more.
            (row(look, grant, (index < open.len()).then(|| (index + 1, open.get(index + 1)))))
        }
        @for grant in scheduled.iter().take(SHOWN_MAX) { (row(look, grant, None)) }
        @if let Some(overdraft) = overdraft { (overdraft_row(&overdraft, None)) }
    };
    let is_empty = live.is_empty() && scheduled.is_empty() && overdraft.is_none();
    html! {
        section {
            div.row {
                h2 { "Grants in burn order" }
                @if pool.is_some() {
                    a href=(look.path(&format!("/credits/grants?{}", place.query()))) {
                        "All grants, ended ones too"
                    }
                }
            }
            @if is_empty {
                p.quiet { "Nothing is granted now." }
            } @else {
                div.dense { (table("Grants in burn order", &head(), &rows)) }
            }
            @if live_count > SHOWN_MAX || scheduled.len() > SHOWN_MAX {
                p.quiet { "The first " (SHOWN_MAX) " are shown; the list of all has the others." }
            }
        }
    }
}

fn head() -> Markup {
    html! {
        th.num scope="col" { "Order" } th scope="col" { "Grant" } th scope="col" { "State" }
        th.num scope="col" { "Left" } th.num scope="col" { "Priority" }
        th scope="col" { "In force" }
        th scope="col" { span.visually-hidden { "Void" } }
    }
}

/// A grant; with its place in the burn order and the one that is drawn after it.
fn row(look: &Look<'_>, grant: &Grant, order: Option<(usize, Option<&Grant>)>) -> Markup {
    let state = grant.status(look.now);
    let grant_id = look.visit.app.engine().cipher().grant_id(look.customer().slot, grant.no);
    let can_be_voided = matches!(state, GrantStatus::Active | GrantStatus::Scheduled);
    html! {
        tr {
            td.num { @if let Some((order, _)) = order { (order) } @else { span.quiet { "—" } } }
            th scope="row" {
                (grant.name)
                span.under { (origin(look, grant)) }
                @if let Some(comment) = &grant.comment { span.under { "“" (comment) "”" } }
            }
            td { (state_badge(grant, state)) }
            td.num {
                (amount(grant.remaining())) span.quiet { " of " (grouped(grant.amount)) }
                (left_bar(grant))
                @if !grant.held.is_zero() { span.under { (grouped(grant.held)) " reserved" } }
            }
            td.num {
                (grant.priority)
                @if let Some((_, Some(next))) = order {
                    span.under { (why_before(grant.burn_rule(next))) }
                }
            }
            td {
                (time(grant.effective_at))
                span.under {
                    @if let Some(end) = grant.expires_at { "until " (time(end)) }
                    @else { "never expires" }
                }
            }
            td.doing {
                @if can_be_voided {
                    a href=(look.path(&format!("/credits/grants/{grant_id}/void"))) {
                        "Void" span.visually-hidden { " " (grant.name) }
                    }
                }
            }
        }
    }
}

fn left_bar(grant: &Grant) -> Markup {
    let left = reach(grant.remaining(), grant.amount);
    html! {
        svg.meter viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.track x="0" y="0" width="1000" height="10" {}
            rect.plan x="0" y="0" width=(left) height="10" {}
        }
    }
}

fn overdraft_row(overdraft: &Overdraft, settled: Option<stipend_core::Timestamp>) -> Markup {
    html! {
        tr {
            td.num { span.quiet { "—" } }
            th scope="row" {
                "Overdraft"
                span.under { "What was used beyond the grants; the next grant settles it first" }
            }
            td {
                @if settled.is_some() { (badge(Tone::Quiet, "Settled")) }
                @else { (badge(Tone::Warning, "Open")) }
            }
            td.num { (amount(-overdraft.amount)) }
            td.num { span.quiet { "—" } }
            td {
                (time(overdraft.created_at))
                @if let Some(at) = settled { span.under { "until " (time(at)) } }
            }
            td {}
        }
    }
}

fn state_badge(grant: &Grant, state: GrantStatus) -> Markup {
    match state {
        GrantStatus::Active if !grant.remaining().is_positive() => badge(Tone::Quiet, "Used up"),
        GrantStatus::Active => badge(Tone::Good, "Active"),
        GrantStatus::Scheduled => badge(Tone::Warning, "Scheduled"),
        GrantStatus::Expired => badge(Tone::Quiet, "Expired"),
        GrantStatus::Voided => badge(Tone::Quiet, "Voided"),
    }
}

pub(super) const fn kind_name(kind: GrantKind) -> &'static str {
    match kind {
        GrantKind::Recurring => "Recurring",
        GrantKind::Paid => "Purchase",
        GrantKind::Promotional => "Promotional",
    }
}

/// Where a grant comes from, in a few words.
fn origin(look: &Look<'_>, grant: &Grant) -> Markup {
    let cost = grant.cost.as_ref().filter(|cost| !cost.amount.is_zero());
    html! {
        @if grant.source.is_none() { (kind_name(grant.kind)) }
        @if let Some(source) = &grant.source {
            @let kind = match source.package.kind {
                PackageKind::Plan => "Plan",
                PackageKind::Addon => "Add-on",
            };
            (kind) " " (package_name(&look.catalog, &source.package))
            ", " (grouped(source.unit_amount))
            @if source.quantity != 1 { " × " (source.quantity) }
            @if let Some(units) = source.units { " × " (units) " units" }
            " " (each(source.cadence))
        }
        @if let Some(cost) = cost { " · " (grouped(cost.amount)) " " (cost.currency.to_uppercase()) }
    }
}

/// What puts a grant before the next.
const fn why_before(rule: BurnRule) -> &'static str {
    match rule {
        BurnRule::Priority => "lower goes first",
        BurnRule::Expiry => "expires sooner",
        BurnRule::Promotional => "promotional first",
        BurnRule::Effective => "in force earlier",
        BurnRule::Created => "made earlier",
        BurnRule::Number => "made first",
    }
}

/// All grants of a pool in all states, newest first.
async fn all(visit: Visit) -> Result<Response, Failure> {
    let look = Look::caught_up(&visit).await?;
    let place = Place::asked(&look)?.ok_or(Failure::NotFound)?;
    let pool = look.customer().find_pool(&place.currency, place.resource.as_ref());
    let (mut grants, first) = match pool {
        Some(pool) if look.found.chains.len() > usize::from(pool.id.number()) => {
            held(&visit.app, &look.found, pool).await?
        }
        _ => (Vec::new(), None),
    };
    grants.sort_by_key(|held| std::cmp::Reverse(held.no()));
    let skipped = visit.query().get("skip").parse::<usize>().unwrap_or(0).min(grants.len());
    let until = (skipped + ROWS_MAX).min(grants.len());
    let address =
        |skip: usize| look.path(&format!("/credits/grants?{}&skip={skip}", place.query()));
    let rows = html! {
        @for held in &grants[skipped..until] {
            @match held {
                Held::Grant(grant) => (row(&look, grant, None)),
                Held::Overdraft(overdraft, settled) => (overdraft_row(overdraft, *settled)),
            }
        }
    };
    let title = format!("All grants of {}", credit_name(&look.catalog, &place.currency));
    let above = [
        (look.visit.path("/customers"), "Customers"),
        (look.path(""), look.name()),
        (look.path(&format!("/credits?{}", place.query())), "Credits"),
    ];
    let body = html! {
        (Head { above: &above, ..Head::new(&title) })
        @if grants.is_empty() {
            (empty("Nothing was granted yet", "Grants stand here once there are some.",
                &adjust_button(&look, Some(&place))))
        } @else {
            p.lead { (counted(grants.len())) " in all states, newest first." }
            @if first.is_some() { p.hint { "Of older ones the ledger tells." } }
            div.dense { (table("All grants", &head(), &rows)) }
            (pager(
                (skipped > 0).then(|| address(skipped.saturating_sub(ROWS_MAX))).as_deref(),
                (until < grants.len()).then(|| address(until)).as_deref(),
                "Older",
            ))
        }
    };
    Ok(visit.page(SECTION, &title, &body))
}

/// The grant that the address names, where it can be voided.
fn find<'l>(look: &'l Look<'_>) -> Result<(&'l Pool, &'l Grant, GrantNo), Failure> {
    let cipher = look.visit.app.engine().cipher();
    let (slot, no) = cipher.find_grant(look.visit.param("grant")).ok_or(Failure::NotFound)?;
    if slot != look.customer().slot {
        return Err(Failure::NotFound);
    }
    let pools = look.customer().pools.iter();
    let mut found = pools.filter_map(|pool| Some((pool, pool.find_grant(no)?, no)));
    found.next().ok_or(Failure::NotFound)
}

fn void_page(look: &Look<'_>, form: &Form) -> Result<Markup, Failure> {
    let (pool, grant, no) = find(look)?;
    let place = Place { currency: pool.currency.clone(), resource: pool.resource.clone() };
    let back = look.path(&format!("/credits?{}", place.query()));
    let counts = grant.status(look.now) == GrantStatus::Active;
    let after = if counts { pool.balance() - grant.remaining() } else { pool.balance() };
    let grant_id = look.visit.app.engine().cipher().grant_id(look.customer().slot, no);
    let above = [(look.path(""), look.name()), (back.clone(), "Credits")];
    Ok(html! {
        (Head { above: &above, ..Head::new("Void grant") })
        p.prose {
            "What is unused of it is taken back; what was used stays used. It cannot be undone."
        }
        (facts(&[
            ("Grant", html! { bdi { (grant.name) } " " (id(&grant_id)) }),
            ("Kind", html! { (origin(look, grant)) }),
            ("Taken back", html! {
                strong { (credits(&look.catalog, &pool.currency, grant.remaining())) }
            }),
            ("Balance", html! { (amount(pool.balance())) " → " strong { (amount(after)) } }),
        ]))
        (Dangerous(Sheet {
            visit: look.visit,
            action: &look.path(&format!("/credits/grants/{grant_id}/void")),
            form,
            fields: Markup::default(),
            submit: "Void it",
            cancel: Some(&back),
        }))
    })
}

async fn ask_void(visit: Visit) -> Result<Response, Failure> {
    let look = Look::caught_up(&visit).await?;
    let body = void_page(&look, &Form::default())?;
    Ok(visit.page(SECTION, "Void grant", &body))
}

async fn void(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let look = Look::caught_up(&visit).await?;
    let Ok((pool, grant, no)) = find(&look) else {
        let message = "The grant had ended already; nothing was changed.";
        return Ok(visit.done(&look.tab_path(Tab::Credits), message));
    };
    let place = Place { currency: pool.currency.clone(), resource: pool.resource.clone() };
    match visit.run(Command::VoidGrant(look.customer().slot, no)).await {
        Ok(_) => {
            let to = look.path(&format!("/credits?{}", place.query()));
            Ok(visit.done(&to, format!("{} was voided.", isolated(&grant.name))))
        }
        Err(trouble) => {
            let body = void_page(&look, &form.with(trouble))?;
            Ok(visit.refused(SECTION, "Void grant", &body))
        }
    }
}
