//! Customer › Subscriptions › new, or changed: plan, add-ons with quantities, and what credits come
//! of it before anything is confirmed.

mod outcome;

use super::subscriptions::find;
use super::{Look, SECTION, credit_name, each, instant_of, package_name};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Field, summary, token};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::ui::{Head, empty, grouped, isolated, time};
use crate::dashboard::visit::{Posted, Visit};
use crate::dashboard::{once, seen};
use crate::ids::random_id;
use crate::mapping::subscription as mapping;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use outcome::preview;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use stipend_core::Timestamp;
use stipend_core::catalog::{Catalog, Package, PackageKey, PackageKind};
use stipend_core::customer::{
    CustomerCommand, Decision, SubscriptionCommand, SubscriptionPart, SubscriptionTerms, decide,
    explain, resolve,
};
use stipend_core::{Amount, CurrencyId, Customer, FeatureId, SubscriptionId, SubscriptionNo};
use stipend_engine::Refusal;
use stipend_wire::subscription::{ProvisionSubscription, UpdateSubscription};

/// The field about whether a subscription begins with a trial.
const TRIAL: &str = "trialOverrideConfiguration/isTrial";
/// What follows the trial, and when it ends.
const TRIAL_DETAILS: [&str; 2] =
    ["trialOverrideConfiguration/trialEndBehavior", "trialOverrideConfiguration/trialEndDate"];

/// The button of a form that only shows what would come of it.
const PREVIEW: &str = "preview";

pub(super) fn router() -> Router<App> {
    let subscription = "/customers/{id}/subscriptions/{subscription}";
    Router::new()
        .route("/customers/{id}/subscribe", get(new).post(provision))
        .route("/customers/{id}/subscribe/preview", get(new_preview))
        .route(&format!("{subscription}/update"), get(edit).post(update))
        .route(&format!("{subscription}/update/preview"), get(edit_preview))
}

/// What a subscription gives of each credit type.
pub(super) fn parts(
    customer: &Customer,
    catalog: &Catalog,
    number: SubscriptionNo,
    now: Timestamp,
) -> Vec<(CurrencyId, SubscriptionPart)> {
    let Some(subscription) = customer.subscription(number) else { return Vec::new() };
    let resource = subscription.terms.resource.as_ref();
    let currencies = resolve(&subscription.terms, catalog).into_keys();
    let parts = currencies.filter_map(|currency| {
        let told = explain(customer, catalog, &currency, resource, now);
        let part = told.subscriptions.into_iter().find(|part| part.number == number)?;
        Some((currency, part))
    });
    parts.collect()
}

/// A form about a subscription: a new one, or the terms of one that is there.
struct Offer<'l> {
    look: &'l Look<'l>,
    terms: Option<&'l SubscriptionTerms>,
    plans: Vec<Arc<Package>>,
    addons: Vec<Arc<Package>>,
    features: BTreeSet<FeatureId>,
}

impl<'l> Offer<'l> {
    /// What can be had now; a subscription that is there can change within its product.
    fn new(look: &'l Look<'l>, terms: Option<&'l SubscriptionTerms>) -> Self {
        let is_open = |package: &&Arc<Package>| {
            package.latest().is_some()
                && package.archived_at.is_none()
                && terms.is_none_or(|terms| terms.product == package.product)
        };
        let of = |kind| -> Vec<Arc<Package>> {
            let packages = look.catalog.packages_of(kind).into_iter().filter(is_open);
            let mut packages: Vec<_> = packages.cloned().collect();
            packages.sort_by_key(|package| name_of(package).to_lowercase());
            packages
        };
        let mut plans = of(PackageKind::Plan);
        let mut addons = of(PackageKind::Addon);
        if let Some(terms) = terms {
            // What it has stays on offer, whatever has become of it in the catalog.
            let has = |kind: PackageKind, id: &stipend_core::PackageId| {
                look.catalog.packages.get(&PackageKey { kind, id: id.clone() }).cloned()
            };
            plans.extend(has(PackageKind::Plan, &terms.plan.plan));
            for pin in &terms.addons {
                addons.extend(has(PackageKind::Addon, &pin.addon));
            }
            let mut seen = BTreeSet::new();
            plans.retain(|plan| seen.insert(plan.key.clone()));
            addons.retain(|addon| seen.insert(addon.key.clone()));
        }
        addons.retain(|addon| {
            plans.iter().any(|plan| takes(plan, addon))
                || terms
                    .is_some_and(|terms| terms.addons.iter().any(|pin| pin.addon == addon.key.id))
        });
        let units = plans.iter().chain(&addons).filter_map(|package| package.latest());
        let units = units.flat_map(|version| version.entitlements.iter());
        let features = units.filter_map(|entitlement| entitlement.credit()?.1.per_unit_of.clone());
        let features = features.collect();
        Self { look, terms, plans, addons, features }
    }

    /// The form with what the subscription has.
    fn filled(&self) -> Form {
        let Some(terms) = self.terms else {
            let asked = self.look.visit.query().get("plan").to_owned();
            return once::noted(self.look.visit, Form::filled([("planId", asked)]));
        };
        let mut fields = vec![("planId".to_owned(), terms.plan.plan.to_string())];
        for pin in &terms.addons {
            fields.push((format!("addons/{}", pin.addon), pin.quantity.to_string()));
        }
        for bought in &terms.quantities {
            fields.push((format!("charges/{}", bought.feature), bought.quantity.to_string()));
        }
        seen::noted(Form::filled(fields))
    }

    fn action(&self) -> String {
        match self.terms {
            None => self.look.path("/subscribe"),
            Some(terms) => self.look.path(&format!("/subscriptions/{}/update", terms.id)),
        }
    }

    /// The add-ons that the form has a quantity of.
    fn chosen_addons(&self, form: &Form) -> Vec<(String, String)> {
        let typed = self.addons.iter().map(|addon| {
            let id = addon.key.id.to_string();
            let typed = form.get(&format!("addons/{id}")).trim().to_owned();
            (id, typed)
        });
        typed.filter(|(_, typed)| !typed.is_empty() && typed != "0").collect()
    }

    /// The lists that are as they were shown, so that the request leaves them out and nothing is
    /// taken back that was bought meanwhile. Another plan names both lists. A list that was touched
    /// is refused where it has become another one since.
    fn untouched(&self, form: &Form) -> Result<Vec<&'static str>, Trouble> {
        let (Some(_), Some(seen)) = (self.terms, seen::of(form)) else { return Ok(Vec::new()) };
        let now = self.filled();
        if now.get("planId") != seen.get("planId") {
            return Err(Trouble::at("planId", seen::changed("The plan")));
        }
        let keeps_plan = form.get("planId") == seen.get("planId");
        let mut untouched = Vec::new();
        for (list, what) in [("addons/", "The add-ons"), ("charges/", "What it has bought")] {
            let shown = bought(&seen, list);
            if keeps_plan && bought(form, list) == shown {
                untouched.push(list);
            } else if bought(&now, list) != shown {
                return Err(Trouble { message: seen::changed(what), field: None });
            }
        }
        Ok(untouched)
    }

    /// The form as the request that the API would take.
    fn object(&self, form: &Form, untouched: &[&str]) -> Object {
        let addons = self.chosen_addons(form);
        let addons: Vec<Object> = addons
            .iter()
            .map(|(id, typed)| Object::new().text("id", id).number("quantity", typed))
            .collect();
        let charges = self.features.iter().filter_map(|feature| {
            let typed = form.get(&format!("charges/{feature}")).trim();
            let charge = Object::new().text("id", feature.as_str()).text("type", "FEATURE");
            (!typed.is_empty()).then(|| charge.number("quantity", typed))
        });
        let charges: Vec<Object> = charges.collect();
        let mut object = Object::new();
        if !untouched.contains(&"addons/") {
            object = object.objects("addons", &addons);
        }
        if !charges.is_empty() && !untouched.contains(&"charges/") {
            object = object.objects("charges", &charges);
        }
        object.text_if("scheduleStrategy", form.get("scheduleStrategy"))
    }

    /// What the form asks for. Another plan is asked for by providing it.
    fn command(&self, form: &Form) -> Result<CustomerCommand, Trouble> {
        let object = self.object(form, &self.untouched(form)?);
        let plan = form.get("planId");
        if let Some(terms) = self.terms
            && terms.plan.plan.as_str() == plan
        {
            let patch = mapping::patch_from_wire(object.read::<UpdateSubscription>()?)?;
            let command = SubscriptionCommand::Update(Box::new(patch));
            return Ok(CustomerCommand::Subscription(terms.number, command));
        }
        if let Some(terms) = self.terms {
            self.check_takes_its_place(terms)?;
        }
        let resource = match self.terms {
            Some(terms) => terms.resource.as_ref().map_or("", |resource| resource.as_str()),
            None => form.get("resourceId").trim(),
        };
        let object = object
            .text("customerId", self.look.customer().profile.id.as_str())
            .text("planId", plan)
            .text_if("resourceId", resource)
            .text_if("billingPeriod", form.get("billingPeriod"))
            .text_if("startDate", &instant_of(form.get("startDate")));
        let object = with_trial(object, form)?;
        let asked = object.read::<ProvisionSubscription>()?;
        let request = mapping::new_from_wire(asked, || {
            SubscriptionId::parse(&random_id(self.look.visit.app.random())).expect("it is an id")
        })?;
        Ok(CustomerCommand::Provision(Box::new(request)))
    }

    /// Makes sure that another plan would not stand beside the one that is to change.
    fn check_takes_its_place(&self, terms: &SubscriptionTerms) -> Result<(), Trouble> {
        let product = self.look.catalog.products.get(&terms.product);
        if !product.is_some_and(|product| product.multiple_subscriptions) {
            return Ok(());
        }
        let message = "A customer may hold several subscriptions of this product, so another plan \
                       would stand beside this one. Make a new subscription to it, and cancel this \
                       one.";
        Err(Trouble::at("planId", message))
    }

    /// The trouble at the field of the form that it is about.
    fn placed(&self, form: &Form, trouble: Trouble) -> Trouble {
        let place = trouble.field.clone().unwrap_or_default();
        let number = place.strip_prefix("addons/").and_then(|rest| rest.split('/').next());
        let number = number.and_then(|number| number.parse::<usize>().ok());
        let addon = number.and_then(|number| self.chosen_addons(form).into_iter().nth(number));
        match addon {
            Some((id, _)) => Trouble { field: Some(format!("addons/{id}")), ..trouble },
            None if place.starts_with("charges") => {
                let feature = self.features.first().map(|feature| format!("charges/{feature}"));
                Trouble { field: feature, ..trouble }
            }
            None => trouble.or_at("planId"),
        }
    }

    fn decide(&self, form: &Form) -> Result<Decision, Trouble> {
        let command = self.command(form)?;
        let look = self.look;
        let decided = decide(look.customer(), &look.catalog, &command, look.now);
        Ok(decided.map_err(Refusal::from)?)
    }
}

/// What a form has of a list, by its id.
fn bought<'a>(form: &'a Form, list: &'a str) -> BTreeMap<&'a str, &'a str> {
    let typed = form.below(list).map(|(id, typed)| (id, typed.trim()));
    typed.filter(|(_, typed)| !typed.is_empty() && *typed != "0").collect()
}

fn name_of(package: &Package) -> String {
    package.shown().name.clone()
}

/// Whether a plan takes an add-on.
fn takes(plan: &Package, addon: &Package) -> bool {
    let terms = plan.latest().and_then(|version| version.plan_terms());
    terms
        .and_then(|terms| terms.compatible_addons.as_ref())
        .is_some_and(|compatible| compatible.contains(&addon.key.id))
}

/// The credits that a package gives, in a few words: `10,000 API Credits a month`.
fn gives(catalog: &Catalog, package: &Package) -> String {
    let entitlements = package.latest().map(|version| version.entitlements.as_slice());
    let credits = entitlements.unwrap_or_default().iter().filter_map(|entitlement| {
        let (currency, terms) = entitlement.credit()?;
        let amount = terms.amount?;
        let name = credit_name(catalog, currency);
        Some(format!("{} {} {}", grouped(amount), isolated(&name), each(terms.cadence)))
    });
    credits.collect::<Vec<_>>().join(", ")
}

fn fields(offer: &Offer<'_>, form: &Form) -> Markup {
    let catalog = &offer.look.catalog;
    let plans = offer.plans.iter().map(|plan| {
        let gives = gives(catalog, plan);
        let name = name_of(plan);
        let text = if gives.is_empty() { name } else { format!("{} — {gives}", isolated(&name)) };
        (plan.key.id.to_string(), text)
    });
    let first = offer.terms.is_none().then(|| (String::new(), "Choose a plan".to_owned()));
    html! {
        (Field::select(form, "planId", "Plan", first.into_iter().chain(plans)).required())
        @if !offer.addons.is_empty() {
            fieldset.lines {
                legend { "Add-ons" }
                @for addon in &offer.addons { (addon_field(offer, form, addon)) }
            }
        }
        @for feature in &offer.features {
            @let name = format!("charges/{feature}");
            @let label = catalog.features.get(feature).map_or_else(
                || feature.to_string(), |feature| feature.name.clone());
            (Field::number(form, &name, &label).hint("How many units it has bought, seats for \
                instance; credits are given for each."))
        }
        @if offer.terms.is_some() { (change_fields(offer, form)) } @else { (start_fields(form)) }
    }
}

fn addon_field(offer: &Offer<'_>, form: &Form, addon: &Package) -> Markup {
    let name = format!("addons/{}", addon.key.id);
    let takers = offer.plans.iter().filter(|plan| takes(plan, addon)).map(|plan| name_of(plan));
    let takers = takers.collect::<Vec<_>>().join(", ");
    let terms = addon.latest().and_then(|version| version.addon_terms());
    let limit = match terms.and_then(|terms| terms.max_quantity) {
        Some(1) => " At most one.".to_owned(),
        Some(most) => format!(" At most {}.", grouped(Amount::whole(most.into()))),
        None => String::new(),
    };
    let gives = gives(&offer.look.catalog, addon);
    let gives = if gives.is_empty() { String::new() } else { format!("{gives} for each. ") };
    let hint = if takers.is_empty() { limit } else { format!("With {takers}.{limit}") };
    html! { (Field::number(form, &name, &name_of(addon)).hint(format!("{gives}{hint}"))) }
}

fn start_fields(form: &Form) -> Markup {
    let periods = [("MONTHLY", "A month"), ("ANNUALLY", "A year")];
    html! {
        (Field::instant(form, "startDate", "Start").hint("In UTC. Now, where it is left empty."))
        details.more open[is_more_used(form)] {
            summary { "More" }
            (trial_fields(form))
            (Field::select(form, "billingPeriod", "Billing period", periods))
            (Field::text(form, "resourceId", "Resource").max(255).hint(
                "Only for a part of the customer with credits of its own: a site, a workspace."))
        }
    }
}

fn is_more_used(form: &Form) -> bool {
    let field = form.trouble().and_then(|trouble| trouble.field.as_deref());
    form.is_on("resourceId")
        || form.is_on(TRIAL)
        || TRIAL_DETAILS.iter().any(|detail| !form.get(detail).is_empty())
        || field.is_some_and(|field| field.starts_with("trialOverrideConfiguration"))
}

fn trial_fields(form: &Form) -> Markup {
    html! {
        fieldset.pair {
            legend { "Trial" }
            (Field::select(form, TRIAL, "It begins", [
                ("", "As the plan says"),
                ("yes", "With a trial"),
                ("no", "Without a trial"),
            ]))
            (Field::select(form, "trialOverrideConfiguration/trialEndBehavior", "What follows", [
                ("", "As the plan says"),
                ("CONVERT_TO_PAID", "It goes on, paid"),
                ("CANCEL_SUBSCRIPTION", "It ends"),
            ]))
        }
        (Field::instant(form, "trialOverrideConfiguration/trialEndDate", "The trial ends")
            .hint("In UTC. Empty: as the plan says."))
    }
}

/// The trial as the request has it; as the plan says, where nothing was chosen. How it ends says
/// nothing where it was not chosen how it begins.
fn with_trial(object: Object, form: &Form) -> Result<Object, Trouble> {
    let [behavior, end] = TRIAL_DETAILS.map(|detail| form.get(detail));
    if !form.is_on(TRIAL) {
        if behavior.is_empty() && end.is_empty() {
            return Ok(object);
        }
        let message = "Choose whether it begins with a trial, or leave its end out.";
        return Err(Trouble::at(TRIAL, message));
    }
    let trial = Object::new()
        .flag("isTrial", form.get(TRIAL) == "yes")
        .text_if("trialEndBehavior", behavior)
        .text_if("trialEndDate", &instant_of(end));
    Ok(object.object("trialOverrideConfiguration", &trial))
}

fn change_fields(offer: &Offer<'_>, form: &Form) -> Markup {
    let look = offer.look;
    let period = offer.terms.map(|terms| terms.billing_period_at(look.now.max(terms.started_at)));
    html! {
        (Choice {
            form,
            name: "scheduleStrategy",
            label: "When",
            options: vec![
                ("IMMEDIATE", "At once",
                    html! { "What was used in the running period stays used." }),
                ("END_OF_BILLING_PERIOD", "At the end of the billing period", html! {
                    @if let Some(period) = period { "On " (time(period.end)) "." }
                }),
            ],
        })
    }
}

/// The page of the form, with what would come of it beside.
fn page(offer: &Offer<'_>, form: &Form, summed: &Markup) -> Markup {
    let (look, action) = (offer.look, offer.action());
    let plan = offer.terms.map(|terms| PackageKey::plan(terms.plan.plan.clone()));
    let title = plan.map_or_else(
        || "New subscription".to_owned(),
        |plan| format!("Update {}", package_name(&look.catalog, &plan)),
    );
    html! {
        (Head { above: &look.above(), ..Head::new(&title) })
        @if offer.plans.is_empty() {
            (empty("No plan can be had yet",
                "Publish a plan in the product catalog first; drafts cannot be subscribed to.",
                &Markup::default()))
        } @else {
            div.beside {
                form.sheet method="post" action=(action) data-live=(format!("{action}/preview")) {
                    (token(look.visit))
                    @if offer.terms.is_some() { (seen::field(form)) } @else { (once::field(form)) }
                    (summary(form))
                    (fields(offer, form))
                    div.actions {
                        button.button.primary type="submit" {
                            @if offer.terms.is_some() { "Save changes" } @else { "Subscribe" }
                        }
                        button.button type="submit" name="do" value=(PREVIEW) formnovalidate {
                            "Preview"
                        }
                        a.button href=(look.path("")) { "Cancel" }
                    }
                }
                aside.summary aria-labelledby="summary-title" {
                    h2 #summary-title { "What comes of it" }
                    div #summary.stack aria-live="polite" { (summed) }
                }
            }
        }
    }
}

/// What a form is about.
#[derive(Clone, Copy)]
enum About {
    New,
    Present,
}

impl About {
    const fn title(self) -> &'static str {
        match self {
            Self::New => "New subscription",
            Self::Present => "Update subscription",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::New => "The subscription was made.",
            Self::Present => "The subscription was updated.",
        }
    }

    fn with<T>(self, look: &Look<'_>, then: impl FnOnce(&Offer<'_>) -> T) -> Result<T, Failure> {
        let terms = match self {
            Self::New => None,
            Self::Present => Some(find(look)?),
        };
        Ok(then(&Offer::new(look, terms)))
    }
}

async fn new(visit: Visit) -> Result<Response, Failure> {
    show(&visit, About::New, None).await
}

async fn new_preview(visit: Visit) -> Result<Response, Failure> {
    preview_alone(&visit, About::New).await
}

async fn edit(visit: Visit) -> Result<Response, Failure> {
    show(&visit, About::Present, None).await
}

async fn edit_preview(visit: Visit) -> Result<Response, Failure> {
    preview_alone(&visit, About::Present).await
}

async fn provision(posted: Posted) -> Result<Response, Failure> {
    sent(posted, About::New).await
}

async fn update(posted: Posted) -> Result<Response, Failure> {
    sent(posted, About::Present).await
}

async fn preview_alone(visit: &Visit, about: About) -> Result<Response, Failure> {
    let make = move |visit: &Visit| {
        about.with(&Look::open(visit)?, |offer| {
            // The part of the page that says what would come of it, for the script.
            html! { div #summary { (preview(offer, visit.query())) } }.into_response()
        })
    };
    visit.apart(make).await
}

/// The page with a form, or with what is there.
async fn show(visit: &Visit, about: About, form: Option<Form>) -> Result<Response, Failure> {
    let make = move |visit: &Visit| {
        about.with(&Look::open(visit)?, |offer| {
            let form = form.unwrap_or_else(|| offer.filled());
            let body = page(offer, &form, &preview(offer, &form));
            match form.trouble() {
                None => visit.page(SECTION, about.title(), &body),
                Some(_) => visit.refused(SECTION, about.title(), &body),
            }
        })
    };
    visit.apart(make).await
}

/// Does what a form asks for, or shows what would come of it.
async fn sent(posted: Posted, about: About) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    if form.get("do") == PREVIEW {
        return show(&visit, about, Some(form)).await;
    }
    let look = Look::open(&visit)?;
    let placed = |trouble| about.with(&look, |offer| offer.placed(&form, trouble));
    let done = match about.with(&look, |offer| offer.command(&form))? {
        Ok(command) => match about {
            About::New => look.run_once("dashboard/subscribe", &form, command).await,
            About::Present => look.run(command).await,
        },
        Err(trouble) => Err(trouble),
    };
    match done {
        Ok(()) => Ok(visit.done(&look.path(""), about.done())),
        Err(trouble) => {
            let trouble = placed(trouble)?;
            show(&visit, about, Some(form.with(trouble))).await
        }
    }
}
