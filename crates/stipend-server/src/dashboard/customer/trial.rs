//! Customer › Subscriptions › the running trial: another end, or none of it any more.

use super::subscriptions::{find, plan_name};
use super::{Look, SECTION, instant_of};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Field, Sheet};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::ui::{Head, time};
use crate::dashboard::visit::{Posted, Visit};
use crate::mapping::subscription as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_core::ResourceId;
use stipend_core::catalog::TrialEnd;
use stipend_core::customer::{
    CustomerCommand, SubscriptionCommand, SubscriptionTerms, Trial, decide,
};
use stipend_engine::Refusal;
use stipend_wire::subscription::{ProvisionSubscription, UpdateSubscription};

const TITLE: &str = "Change trial";
const END: &str = "trialEndDate";

pub(super) fn router() -> Router<App> {
    let path = "/customers/{id}/subscriptions/{subscription}/trial";
    Router::new().route(path, get(ask).post(change))
}

/// The subscription that the address names, and its trial: there is no page without one.
fn running<'l>(look: &'l Look<'_>) -> Result<(&'l SubscriptionTerms, Trial), Failure> {
    let terms = find(look)?;
    Ok((terms, terms.running_trial().ok_or(Failure::NotFound)?))
}

fn page(look: &Look<'_>, terms: &SubscriptionTerms, trial: Trial, form: &Form) -> Markup {
    let title = format!("{TITLE} of {}", plan_name(look, terms));
    let follows = match trial.end {
        TrialEnd::ConvertToPaid => "The subscription goes on then, paid.",
        TrialEnd::CancelSubscription => "The subscription ends then.",
    };
    html! {
        (Head { above: &look.above(), ..Head::new(&title) })
        p.prose { "The trial ends on " (time(trial.ends_at)) ". " (follows) }
        (Sheet {
            visit: look.visit,
            action: &look.path(&format!("/subscriptions/{}/trial", terms.id)),
            form,
            fields: html! {
                (Choice {
                    form,
                    name: "end",
                    label: "When it ends",
                    options: vec![
                        ("DATE", "On another date", html! {
                            "Sooner or later. What follows stays as it is, and credits that end \
                             with the trial end on that date."
                        }),
                        ("NOW", "Now, and the subscription goes on, paid", html! {
                            "A new billing period begins, with its own credits. What is left of \
                             those that came with the trial is taken back."
                        }),
                    ],
                })
                (Field::instant(form, END, "Date").hint("In UTC; only with “On another date”."))
                p.hint { "To end the trial and the subscription with it, cancel the subscription." }
            },
            submit: "Change trial",
            cancel: Some(&look.path("")),
        })
    }
}

/// What the form asks for: its end is changed by an update, and it is converted by providing the
/// same plan without a trial.
fn command(
    look: &Look<'_>,
    terms: &SubscriptionTerms,
    form: &Form,
) -> Result<CustomerCommand, Trouble> {
    if form.get("end") != "NOW" {
        let object = Object::new().text(END, &instant_of(form.get(END)));
        let patch = mapping::patch_from_wire(object.read::<UpdateSubscription>()?)?;
        let update = SubscriptionCommand::Update(Box::new(patch));
        return Ok(CustomerCommand::Subscription(terms.number, update));
    }
    let resource = terms.resource.as_ref().map(ResourceId::as_str);
    let object = Object::new()
        .text("customerId", look.customer().profile.id.as_str())
        .text("planId", terms.plan.plan.as_str())
        .text_of("resourceId", resource)
        .object("trialOverrideConfiguration", &Object::new().flag("isTrial", false));
    let asked = object.read::<ProvisionSubscription>()?;
    let request = mapping::new_from_wire(asked, || terms.id.clone())?;
    let command = CustomerCommand::Provision(Box::new(request));
    let decided = decide(look.customer(), &look.catalog, &command, look.now);
    // Where the plan can be had several times, that would be another subscription.
    if decided.map_err(Refusal::from)?.subscription != Some(terms.number) {
        let message = "The plan stands beside this trial already, or can be had several times. Let \
                       the trial end on a date that is near.";
        return Err(Trouble::at("end", message));
    }
    Ok(command)
}

async fn ask(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    let (terms, trial) = running(&look)?;
    Ok(visit.page(SECTION, TITLE, &page(&look, terms, trial, &Form::default())))
}

async fn change(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let look = Look::open(&visit)?;
    let (terms, trial) = running(&look)?;
    let changed = async {
        let done = look.run(command(&look, terms, &form)?).await;
        done.map_err(|trouble| trouble.or_at(END))
    };
    match changed.await {
        Ok(()) => Ok(visit.done(&look.path(""), "The trial was changed.")),
        Err(trouble) => {
            let body = page(&look, terms, trial, &form.with(trouble));
            Ok(visit.refused(SECTION, TITLE, &body))
        }
    }
}
