//! Customer › Subscriptions: what it has, what is scheduled, what comes next; and ending one.

use super::explain::picture;
use super::{Look, SECTION, Tab, credit_name, credits, package_name};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Dangerous, Field, Sheet, one_button};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::metadata;
use crate::dashboard::object::Object;
use crate::dashboard::ui::{Head, Tone, badge, button, empty, facts, id, primary, table, time};
use crate::dashboard::visit::{Posted, Visit};
use crate::mapping::subscription as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use stipend_core::catalog::PackageKey;
use stipend_core::customer::{
    Coming, ComingChange, CustomerCommand, LaterChange, SubscriptionCommand, SubscriptionEndReason,
    SubscriptionTerms, explain, upcoming,
};
use stipend_core::{CurrencyId, SubscriptionId, SubscriptionNo};
use stipend_wire::subscription::{CancelSubscription, UpdateSubscription};

/// How far ahead what comes next is shown.
const COMING_MAX: usize = 3;
/// Subscriptions in force that are shown in full; more are listed.
const CARDS_MAX: usize = 20;
/// Ended subscriptions that are listed.
const ENDED_MAX: usize = 100;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/customers/{id}", get(show))
        .route("/customers/{id}/subscriptions/{subscription}/cancel", get(ask_cancel).post(cancel))
        .route("/customers/{id}/subscriptions/{subscription}/keep", post(keep))
        .route("/customers/{id}/subscriptions/{subscription}/unschedule", post(unschedule))
}

/// The subscription that the address names.
pub(super) fn find<'l>(look: &'l Look<'_>) -> Result<&'l SubscriptionTerms, Failure> {
    let id = SubscriptionId::parse(look.visit.param("subscription"));
    let id = id.map_err(|_| Failure::NotFound)?;
    let mut all = look.customer().subscriptions.iter().map(|subscription| &subscription.terms);
    all.find(|terms| terms.id == id).ok_or(Failure::NotFound)
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    let all = look.customer().subscriptions.iter().rev().map(|subscription| &subscription.terms);
    let (ended, live): (Vec<_>, Vec<_>) = all.partition(|terms| terms.ended.is_some());
    let is_archived = look.customer().profile.archived_at.is_some();
    let provision = if is_archived {
        Markup::default()
    } else {
        primary(&look.path("/subscribe"), "+ New subscription")
    };
    let body = html! {
        @if live.is_empty() {
            (empty("No subscription", if is_archived {
                "An archived customer has none. Restore it to give it a plan again."
            } else {
                "Give this customer a plan, with add-ons where it bought some. What it gets of \
                 credits is shown before you confirm."
            }, &provision))
        } @else {
            div.actions { (provision) }
            @for terms in live.iter().take(CARDS_MAX) { (card(&look, terms)) }
            @if live.len() > CARDS_MAX {
                section { h2 { "More" } (short_list(&look, &live[CARDS_MAX..], "More")) }
            }
        }
        @if !ended.is_empty() {
            section {
                h2 { "Ended " span.count { (ended.len()) } }
                (short_list(&look, &ended[..ended.len().min(ENDED_MAX)], "Ended subscriptions"))
            }
        }
        (metadata::shown(&look.customer().profile.metadata))
    };
    Ok(look.page(Tab::Subscriptions, &body))
}

pub(super) fn plan_name(look: &Look<'_>, terms: &SubscriptionTerms) -> String {
    package_name(&look.catalog, &PackageKey::plan(terms.plan.plan.clone()))
}

fn status(terms: &SubscriptionTerms) -> Markup {
    let (tone, word) = match stipend_engine::status_word(terms) {
        "ACTIVE" => (Tone::Good, "Active"),
        "IN_TRIAL" => (Tone::Good, "In trial"),
        "NOT_STARTED" => (Tone::Warning, "Not started"),
        "EXPIRED" => (Tone::Quiet, "Expired"),
        _ => (Tone::Quiet, "Canceled"),
    };
    badge(tone, word)
}

fn card(look: &Look<'_>, terms: &SubscriptionTerms) -> Markup {
    let path = look.path(&format!("/subscriptions/{}", terms.id));
    html! {
        section.card aria-labelledby=(format!("s-{}", terms.number.0)) {
            div.title {
                h2 id=(format!("s-{}", terms.number.0)) { (plan_name(look, terms)) }
                (status(terms))
                div.actions {
                    (button(&format!("{path}/update"), "Update"))
                    @if terms.running_trial().is_some() {
                        (button(&format!("{path}/trial"), "Change trial"))
                    }
                    (button(&format!("{path}/cancel"), "Cancel"))
                }
            }
            (about(look, terms))
            (schedule(look, terms, &path))
            (gives(look, terms))
            (coming(look, terms.number))
        }
    }
}

fn about(look: &Look<'_>, terms: &SubscriptionTerms) -> Markup {
    let period = terms.billing_period_at(look.now.max(terms.started_at));
    let mut about = vec![
        ("Id", id(terms.id.as_str())),
        (if terms.has_begun { "Since" } else { "Begins" }, time(terms.started_at)),
        ("Billing period", html! { (time(period.start)) " – " (time(period.end)) }),
    ];
    if let Some(trial) = terms.running_trial() {
        about.push(("Trial ends", time(trial.ends_at)));
    }
    if let Some(resource) = &terms.resource {
        about.push(("Resource", id(resource.as_str())));
    }
    if let Some(payer) = &terms.paying_customer {
        about.push(("Paid by", id(payer.as_str())));
    }
    let plan =
        html! { bdi { (plan_name(look, terms)) } " " span.quiet { "v" (terms.plan.version) } };
    about.push(("Plan", plan));
    if !terms.addons.is_empty() {
        let addons = html! {
            @for (index, pin) in terms.addons.iter().enumerate() {
                @if index > 0 { ", " }
                (package_name(&look.catalog, &PackageKey::addon(pin.addon.clone())))
                @if pin.quantity != 1 { " × " (pin.quantity) }
            }
        };
        about.push(("Add-ons", addons));
    }
    facts(&about)
}

/// What is scheduled: an end, changes, and the plan that is to take this one's place.
fn schedule(look: &Look<'_>, terms: &SubscriptionTerms, path: &str) -> Markup {
    let successors = look.customer().subscriptions.iter().map(|other| &other.terms);
    let successors = successors.filter(|other| {
        let same_place = other.product == terms.product && other.resource == terms.resource;
        terms.is_active() && other.is_pending() && same_place
    });
    let successors: Vec<_> = successors.collect();
    html! {
        @if let Some(end) = terms.ends {
            div.notice.row {
                p { "It ends on " (time(end.at)) "." }
                (one_button(look.visit, &format!("{path}/keep"), "Keep it instead"))
            }
        }
        @if !terms.scheduled.is_empty() || !successors.is_empty() {
            div.notice.row {
                ul {
                    @for change in &terms.scheduled {
                        li {
                            (time(change.at)) ": " (what_changes(look, &change.change)) "."
                            @if let Some(why) = &change.failed { " It failed: " (why) "." }
                        }
                    }
                    @for other in &successors {
                        li {
                            (time(other.started_at)) ": " (plan_name(look, other))
                            " takes its place."
                        }
                    }
                }
                (one_button(look.visit, &format!("{path}/unschedule"), "Drop the schedule"))
            }
        }
    }
}

fn what_changes(look: &Look<'_>, change: &LaterChange) -> Markup {
    let LaterChange::Update(patch) = change else {
        return html! { "it moves to the latest versions of its plan and add-ons" };
    };
    html! {
        @if let Some(addons) = &patch.addons {
            "the add-ons become "
            @if addons.is_empty() { "none" }
            @for (index, (addon, quantity)) in addons.iter().enumerate() {
                @if index > 0 { ", " }
                bdi { (package_name(&look.catalog, &PackageKey::addon(addon.clone()))) } " × " (quantity)
            }
        } @else { "its terms change" }
    }
}

/// What it gives of each credit type, with where it comes from.
fn gives(look: &Look<'_>, terms: &SubscriptionTerms) -> Markup {
    let parts = parts_of(look, terms.number);
    html! {
        @if !terms.is_active() {
        } @else if parts.is_empty() {
            p.quiet { "It gives no credits." }
        } @else {
            @for (currency, part) in &parts {
                div.gives {
                    h3 { (credit_name(&look.catalog, currency)) }
                    (picture(&look.catalog, currency, part))
                }
            }
        }
    }
}

fn parts_of(
    look: &Look<'_>,
    number: SubscriptionNo,
) -> Vec<(CurrencyId, stipend_core::customer::SubscriptionPart)> {
    super::provision::parts(look.customer(), &look.catalog, number, look.now)
}

/// The next instants at which something happens.
fn coming(look: &Look<'_>, number: SubscriptionNo) -> Markup {
    let coming = upcoming(look.customer(), &look.catalog, number, COMING_MAX);
    if coming.is_empty() {
        return Markup::default();
    }
    let head = html! {
        th scope="col" { "When" } th scope="col" { "What happens" }
        th.num scope="col" { "Granted" } th.num scope="col" { "Lost unless used before" }
    };
    let rows = html! {
        @for step in &coming {
            tr {
                th scope="row" { (time(step.at)) }
                td { (changes(step)) }
                td.num { (sums(look, step.grants.iter().map(|(c, _, grant)| (c, grant.amount)))) }
                td.num { (sums(look, step.expires.iter().map(|(c, _, _, lost)| (c, *lost)))) }
            }
        }
    };
    html! {
        div.gives {
            h3 { "What comes next" }
            (table("What comes next", &head, &rows))
        }
    }
}

fn changes(step: &Coming) -> Markup {
    let words = step.changes.iter().map(|change| match change {
        ComingChange::Starts => "Begins",
        ComingChange::TrialEnds => "Trial ends",
        ComingChange::Updates => "Scheduled change",
        ComingChange::Renews => "Renews",
        ComingChange::Ends => "Ends",
    });
    let words: Vec<&str> = words.collect();
    html! { @if words.is_empty() { "Credits expire" } @else { (words.join(", ")) } }
}

/// Amounts summed by credit type, one line each.
fn sums<'a, A: Iterator<Item = (&'a CurrencyId, stipend_core::Amount)>>(
    look: &Look<'_>,
    amounts: A,
) -> Markup {
    let mut sums = std::collections::BTreeMap::new();
    for (currency, amount) in amounts {
        let sum = sums.entry(currency).or_insert(stipend_core::Amount::ZERO);
        *sum += amount;
    }
    html! {
        @if sums.is_empty() { span.quiet { "—" } }
        @for (currency, amount) in sums { div { (credits(&look.catalog, currency, amount)) } }
    }
}

fn short_list(look: &Look<'_>, shown: &[&SubscriptionTerms], caption: &str) -> Markup {
    let head = html! {
        th scope="col" { "Plan" } th scope="col" { "Id" } th scope="col" { "State" }
        th scope="col" { "Since" } th scope="col" { "Ended" } th scope="col" { "Why" }
    };
    let rows = html! {
        @for terms in shown {
            tr {
                th scope="row" { (plan_name(look, terms)) }
                td { (id(terms.id.as_str())) }
                td { (status(terms)) }
                td { (time(terms.started_at)) }
                td { @if let Some(end) = terms.ended { (time(end.at)) } }
                td { @if let Some(end) = terms.ended { (why(end.reason)) } }
            }
        }
    };
    table(caption, &head, &rows)
}

const fn why(reason: SubscriptionEndReason) -> &'static str {
    match reason {
        SubscriptionEndReason::Immediate => "Canceled at once",
        SubscriptionEndReason::CustomerArchived => "The customer was archived",
        SubscriptionEndReason::Scheduled | SubscriptionEndReason::Revoked => "A scheduled end",
        SubscriptionEndReason::PlanChanged => "Another plan took its place",
        SubscriptionEndReason::TrialEnded => "The trial ended",
        SubscriptionEndReason::TrialConverted => "The trial was converted",
    }
}

fn cancel_page(look: &Look<'_>, terms: &SubscriptionTerms, form: &Form) -> Markup {
    let period = terms.billing_period_at(look.now.max(terms.started_at));
    let ends = terms.running_trial().map_or(period.end, |trial| trial.ends_at);
    let title = format!("Cancel {}", plan_name(look, terms));
    html! {
        (Head { above: &look.above(), ..Head::new(&title) })
        p.prose {
            "What it grants each period ends with it. Credits that were bought or given away stay \
             the customer's."
        }
        (losses(look, terms))
        (Dangerous(Sheet {
            visit: look.visit,
            action: &look.path(&format!("/subscriptions/{}/cancel", terms.id)),
            form,
            fields: html! {
                (Choice {
                    form,
                    name: "cancellationTime",
                    label: "When",
                    options: vec![
                        ("END_OF_BILLING_PERIOD", "At the end of the billing period",
                            html! { "On " (time(ends)) "." }),
                        ("IMMEDIATE", "At once",
                            html! { "What is left of its credits is taken back now." }),
                        ("SPECIFIC_DATE", "On a date", html! { "Name it below." }),
                    ],
                })
                (Field::instant(form, "endDate", "Date").hint("In UTC; only with “On a date”."))
            },
            submit: "Cancel subscription",
            cancel: Some(&look.path("")),
        }))
    }
}

/// What is left now of what the subscription granted.
fn losses(look: &Look<'_>, terms: &SubscriptionTerms) -> Markup {
    let parts = parts_of(look, terms.number);
    let left = parts.iter().map(|(currency, _)| {
        let told =
            explain(look.customer(), &look.catalog, currency, terms.resource.as_ref(), look.now);
        let live = told.pool.iter().flat_map(|pool| pool.live.open());
        let own = live.filter(|grant| {
            grant.source.as_ref().is_some_and(|source| source.subscription == terms.number)
        });
        (currency, own.map(stipend_core::customer::Grant::remaining).sum::<stipend_core::Amount>())
    });
    let left: Vec<_> = left.filter(|(_, left)| left.is_positive()).collect();
    html! {
        @if !left.is_empty() {
            p.notice {
                "Left of it now: "
                @for (index, (currency, left)) in left.iter().enumerate() {
                    @if index > 0 { ", " }
                    strong { (credits(&look.catalog, currency, *left)) }
                }
                "."
            }
        }
    }
}

async fn ask_cancel(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    let terms = find(&look)?;
    let body = cancel_page(&look, terms, &Form::default());
    Ok(visit.page(SECTION, "Cancel subscription", &body))
}

async fn cancel(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let look = Look::open(&visit)?;
    let terms = find(&look)?;
    let canceled = async {
        let object = Object::new()
            .text_if("cancellationTime", form.get("cancellationTime"))
            .text_if("endDate", &super::instant_of(form.get("endDate")));
        let command = mapping::cancel_from_wire(&object.read::<CancelSubscription>()?)?;
        let done = look.run(CustomerCommand::Subscription(terms.number, command)).await;
        done.map_err(|trouble| trouble.or_at("endDate"))
    };
    match canceled.await {
        Ok(()) => Ok(visit.done(&look.path(""), "The subscription was canceled.")),
        Err(trouble) => {
            let body = cancel_page(&look, terms, &form.with(trouble));
            Ok(visit.refused(SECTION, "Cancel subscription", &body))
        }
    }
}

/// Takes a cancellation back.
async fn keep(posted: Posted) -> Result<Response, Failure> {
    let look = Look::open(&posted.visit)?;
    let terms = find(&look)?;
    let kept = async {
        let object = Object::new().text_or_null("cancellationDate", "");
        let patch = mapping::patch_from_wire(object.read::<UpdateSubscription>()?)?;
        let command = SubscriptionCommand::Update(Box::new(patch));
        look.run(CustomerCommand::Subscription(terms.number, command)).await
    };
    let message = told(kept.await, "The subscription goes on.");
    Ok(posted.visit.done(&look.path(""), message))
}

async fn unschedule(posted: Posted) -> Result<Response, Failure> {
    let look = Look::open(&posted.visit)?;
    let terms = find(&look)?;
    let command = SubscriptionCommand::Unschedule;
    let done = look.run(CustomerCommand::Subscription(terms.number, command)).await;
    Ok(posted.visit.done(&look.path(""), told(done, "Nothing is scheduled any more.")))
}

/// What came of something, for the next page.
pub(super) fn told(done: Result<(), Trouble>, message: &str) -> String {
    done.map_or_else(|trouble| trouble.message, |()| message.to_owned())
}
