//! Customer › Credits › Adjust credits balance: a purchase or a promotion, looked at before it is
//! confirmed.

use super::credits::Place;
use super::grants::kind_name;
use super::{Look, SECTION, credits, instant_of};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Field, summary, token};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::once::{self, ONCE};
use crate::dashboard::ui::{Head, amount, empty, facts, grouped, id, primary, time};
use crate::dashboard::visit::{Posted, Visit};
use crate::mapping::grant as mapping;
use crate::mapping::preview::ahead;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use stipend_core::Amount;
use stipend_core::customer::{CustomerCommand, CustomerRejection, NewGrant, Pool, decide};
use stipend_engine::Refusal;
use stipend_wire::grant::CreateGrant;

const TITLE: &str = "Adjust credits balance";
/// The longest reason.
const REASON_MAX: u32 = 200;
/// What the form is sent for.
const REVIEW: &str = "review";
const CONFIRM: &str = "confirm";
const EDIT: &str = "edit";
const FIELDS: [&str; 12] = [
    "currencyId",
    "resourceId",
    "grantType",
    "amount",
    "displayName",
    "cost/amount",
    "cost/currency",
    "effectiveAt",
    "expireAt",
    "priority",
    "comment",
    ONCE,
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/customers/{id}/credits/adjust", get(ask).post(adjust))
        .route("/customers/{id}/credits/adjust/preview", get(live))
}

/// The form as the request that the API would take.
fn read(look: &Look<'_>, form: &Form) -> Result<NewGrant, Trouble> {
    if form.get("comment").chars().count() > REASON_MAX as usize {
        return Err(Trouble::at("comment", format!("It has more than {REASON_MAX} characters.")));
    }
    let kind = form.get("grantType");
    let typed = form.get("displayName").trim();
    let name = match (typed, kind) {
        ("", "PAID") => "Purchase",
        ("", _) => "Promotion",
        (typed, _) => typed,
    };
    let object = Object::new()
        .text("customerId", look.customer().profile.id.as_str())
        .text("currencyId", form.get("currencyId"))
        .text_if("resourceId", form.get("resourceId").trim())
        .text("grantType", kind)
        .number("amount", form.get("amount"))
        .text("displayName", name)
        .text_if("effectiveAt", &instant_of(form.get("effectiveAt")))
        .text_if("expireAt", &instant_of(form.get("expireAt")))
        .number_if("priority", form.get("priority"))
        .text_if("comment", form.get("comment").trim());
    let cost = form.get("cost/amount").trim();
    let object = if cost.is_empty() {
        object
    } else {
        let currency = form.get("cost/currency").trim().to_lowercase();
        let cost = Object::new().number("amount", cost);
        object.object("cost", &cost.text_if("currency", &currency))
    };
    Ok(mapping::new_from_wire(object.read::<CreateGrant>()?))
}

/// What a grant would make of the balance: before, after, and since when.
struct Outcome {
    before: Amount,
    after: Amount,
    settles: Amount,
    at: stipend_core::Timestamp,
}

fn outcome(look: &Look<'_>, new: &NewGrant) -> Result<Outcome, Trouble> {
    let command = CustomerCommand::Grant(Box::new(new.clone()));
    let decided = decide(look.customer(), &look.catalog, &command, look.now);
    let decision = decided.map_err(|rejection| {
        let is_about_end = rejection == CustomerRejection::EmptyWindow;
        let trouble = Trouble::from(Refusal::from(rejection));
        if is_about_end { trouble.or_at("expireAt") } else { trouble }
    })?;
    let mut after = look.customer().clone();
    decision.entries.iter().for_each(|entry| after.apply(entry));
    let mut before = look.customer().clone();
    let at = new.effective_at.unwrap_or(look.now).max(look.now);
    if at > look.now {
        // Both are looked at as of then, so that the difference is what the grant makes.
        for customer in [&mut before, &mut after] {
            let coming = ahead(customer, &look.catalog, at, "/effectiveAt")?;
            coming.iter().for_each(|entry| customer.apply(entry));
        }
    }
    let pool = |customer: &stipend_core::Customer| {
        customer.find_pool(&new.currency, new.resource.as_ref()).cloned()
    };
    let (before, after) = (pool(&before), pool(&after));
    let balance = |pool: &Option<Pool>| pool.as_ref().map_or(Amount::ZERO, Pool::balance);
    let overdraft = |pool: &Option<Pool>| {
        pool.as_ref().and_then(|pool| pool.overdraft).map_or(Amount::ZERO, |over| over.amount)
    };
    Ok(Outcome {
        settles: overdraft(&before) - overdraft(&after),
        before: balance(&before),
        after: balance(&after),
        at,
    })
}

fn told(look: &Look<'_>, new: &NewGrant, outcome: &Outcome) -> Markup {
    html! {
        dl.balances {
            div { dt { "Previous balance" } dd { (amount(outcome.before)) } }
            div { dt { (kind_name(new.kind)) } dd { "+ " (amount(new.amount)) } }
            div.total {
                dt { "New balance" }
                dd { strong { (credits(&look.catalog, &new.currency, outcome.after)) } }
            }
        }
        @if outcome.settles.is_positive() {
            p.quiet { (amount(outcome.settles)) " of it settle the overdraft at once." }
        }
        @if outcome.at > look.now { p.quiet { "As things stand on " (time(outcome.at)) "." } }
    }
}

/// What would come of the form, or why nothing would.
fn preview(look: &Look<'_>, form: &Form) -> Markup {
    if form.get("amount").trim().is_empty() {
        return html! { p.quiet { "Name an amount to see the new balance." } };
    }
    let done = read(look, form).and_then(|new| outcome(look, &new).map(|outcome| (new, outcome)));
    match done {
        Ok((new, outcome)) => told(look, &new, &outcome),
        Err(trouble) => html! { p.notice { (trouble.message) } },
    }
}

fn schedule_fields(form: &Form) -> Markup {
    html! {
        fieldset.pair.dates {
            legend { "Schedule" }
            (Field::instant(form, "effectiveAt", "In force from").hint("In UTC. Empty: now."))
            (Field::instant(form, "expireAt", "Expires").hint("In UTC. Empty: never."))
        }
        (Field::number(form, "priority", "Priority").hint(
            "0 to 100; lower is drawn first. Everything has 50 unless it is said otherwise."))
    }
}

fn fields(look: &Look<'_>, form: &Form) -> Markup {
    let types = look.catalog.credit_types.values().filter(|one| one.archived_at.is_none());
    let types = types.map(|one| (one.id.to_string(), one.name.clone()));
    let resources = look.customer().resources.iter().take(500);
    let resources = resources.map(|one| (one.id.to_string(), one.id.to_string()));
    let own = std::iter::once((String::new(), "The customer itself".to_owned()));
    html! {
        (once::field(form))
        (Field::select(form, "currencyId", "Credit type", types).required())
        @if !look.customer().resources.is_empty() {
            (Field::select(form, "resourceId", "Resource", own.chain(resources)))
        }
        (Field::number(form, "amount", "Amount").required())
        (Choice {
            form,
            name: "grantType",
            label: "Method",
            options: vec![
                ("PAID", "Purchase", html! { "The customer paid for it." }),
                ("PROMOTIONAL", "Promo", html! {
                    "Given away; drawn before what was paid for, where both expire alike."
                }),
            ],
        })
        fieldset.pair {
            legend { "What it costs" }
            (Field::number(form, "cost/amount", "Sum").hint("Of a purchase, for all of it."))
            (Field::text(form, "cost/currency", "Currency").max(3).hint("usd, eur, gbp …"))
        }
        (schedule_fields(form))
        (Field::text(form, "displayName", "Name").max(255).hint("What it is called in lists."))
        (Field::text(form, "comment", "Reason").max(REASON_MAX).hint(
            "For whoever asks later why; at most 200 characters."))
    }
}

fn above<'l>(look: &'l Look<'_>) -> [(String, &'l str); 3] {
    [
        (look.visit.path("/customers"), "Customers"),
        (look.path(""), look.name()),
        (look.path("/credits"), "Credits"),
    ]
}

fn page(look: &Look<'_>, form: &Form) -> Markup {
    let action = look.path("/credits/adjust");
    let has_types = look.catalog.credit_types.values().any(|one| one.archived_at.is_none());
    html! {
        (Head { above: &above(look), ..Head::new(TITLE) })
        @if !has_types {
            (empty("There is no credit type yet", "Add one first; balances are counted in it.",
                &primary(&look.visit.path("/new-credit-type"), "+ Add credit type")))
        } @else {
            div.beside {
                form.sheet method="post" action=(action) data-live=(format!("{action}/preview")) {
                    (token(look.visit))
                    (summary(form))
                    (fields(look, form))
                    div.actions {
                        button.button.primary type="submit" name="do" value=(REVIEW) { "Review" }
                        a.button href=(look.path("/credits")) { "Cancel" }
                    }
                }
                aside.summary aria-labelledby="summary-title" {
                    h2 #summary-title { "Summary" }
                    div #summary.stack aria-live="polite" { (preview(look, form)) }
                }
            }
        }
    }
}

/// Everything once more, before it is confirmed.
fn review(look: &Look<'_>, form: &Form, new: &NewGrant, outcome: &Outcome) -> Markup {
    let mut shown = vec![
        ("Amount", html! { strong { (credits(&look.catalog, &new.currency, new.amount)) } }),
        ("Method", html! { (kind_name(new.kind)) }),
        ("Name", html! { (new.name) }),
        ("Priority", html! { (new.priority) }),
        ("In force from", new.effective_at.map_or_else(|| html! { "Now" }, time)),
        ("Expires", new.expires_at.map_or_else(|| html! { "Never" }, time)),
    ];
    if let Some(resource) = &new.resource {
        shown.push(("Resource", id(resource.as_str())));
    }
    if let Some(cost) = &new.cost {
        let cost = html! { (grouped(cost.amount)) " " (cost.currency.to_uppercase()) };
        shown.push(("Costs", cost));
    }
    if let Some(comment) = &new.comment {
        shown.push(("Reason", html! { (comment) }));
    }
    html! {
        (Head { above: &above(look), ..Head::new("Confirm the adjustment") })
        section.card {
            (facts(&shown))
            (told(look, new, outcome))
            form.inline method="post" action=(look.path("/credits/adjust")) {
                (token(look.visit))
                @for name in FIELDS {
                    input type="hidden" name=(name) value=(form.get(name));
                }
                div.actions {
                    button.button.primary type="submit" name="do" value=(CONFIRM) { "Confirm" }
                    button.button type="submit" name="do" value=(EDIT) { "Back" }
                }
            }
        }
    }
}

async fn ask(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    let place = Place::asked(&look)?;
    let resource = place.as_ref().and_then(|place| place.resource.as_ref());
    let form = Form::filled([
        ("currencyId", place.as_ref().map(|place| place.currency.to_string()).unwrap_or_default()),
        ("resourceId", resource.map(ToString::to_string).unwrap_or_default()),
        ("priority", stipend_core::customer::PRIORITY_DEFAULT.to_string()),
    ]);
    Ok(visit.page(SECTION, TITLE, &page(&look, &once::noted(&visit, form))))
}

async fn live(visit: Visit) -> Result<Response, Failure> {
    let make = |visit: &Visit| {
        let look = Look::open(visit)?;
        Ok(html! { div #summary { (preview(&look, visit.query())) } }.into_response())
    };
    visit.apart(make).await
}

async fn adjust(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    if form.get("do") != CONFIRM {
        return visit.apart(move |visit| looked_at(visit, form)).await;
    }
    let look = Look::open(&visit)?;
    let done = async { confirm(&look, &form, read(&look, &form)?).await };
    match done.await {
        Ok(place) => {
            let to = look.path(&format!("/credits?{}", place.query()));
            Ok(visit.done(&to, "The balance was adjusted."))
        }
        Err(trouble) => visit.apart(move |visit| refused(&Look::open(visit)?, form, trouble)).await,
    }
}

/// The form again, or everything once more before it is confirmed.
fn looked_at(visit: &Visit, form: Form) -> Result<Response, Failure> {
    let look = Look::open(visit)?;
    if form.get("do") == EDIT {
        return Ok(visit.page(SECTION, TITLE, &page(&look, &form)));
    }
    let looked = read(&look, &form).and_then(|new| Ok((outcome(&look, &new)?, new)));
    match looked {
        Ok((outcome, new)) => {
            let body = review(&look, &form, &new, &outcome);
            Ok(visit.page(SECTION, "Confirm the adjustment", &body))
        }
        Err(trouble) => refused(&look, form, trouble),
    }
}

fn refused(look: &Look<'_>, form: Form, trouble: Trouble) -> Result<Response, Failure> {
    let body = page(look, &form.with(trouble.or_at("amount")));
    Ok(look.visit.refused(SECTION, TITLE, &body))
}

/// Grants it: once, also where the form is sent twice.
async fn confirm(look: &Look<'_>, form: &Form, new: NewGrant) -> Result<Place, Trouble> {
    let place = Place { currency: new.currency.clone(), resource: new.resource.clone() };
    look.run_once("dashboard/adjust", form, CustomerCommand::Grant(Box::new(new))).await?;
    Ok(place)
}
