//! The price of a plan or add-on, and what usage costs in credits.

use super::{Kind, above, edit_draft, find, path_of};
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Field, Sheet};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::ui::{Head, grouped, table};
use crate::dashboard::visit::{Posted, Visit};
use crate::dashboard::words;
use crate::mapping::package as mapping;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::value::RawValue;
use stipend_core::Amount;
use stipend_core::catalog::{
    Catalog, CatalogCommand, CreditRate, MeterType, Package, PackageKind, PackageVersion, Pricing,
};
use stipend_wire::package::{UpdateAddon, UpdatePlan};

/// Lines for what usage costs that a form has beyond those that are filled.
const BLANK_LINES: usize = 2;

/// A row of the pricing, as much of it as is shown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    billing_model: String,
    billing_period: String,
    billing_cadence: String,
    billing_country_code: Option<String>,
    feature_id: Option<String>,
    #[serde(borrow)]
    price: Option<Price<'a>>,
    #[serde(borrow)]
    tiers: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Price<'a> {
    #[serde(borrow)]
    amount: &'a RawValue,
    currency: String,
}

impl Row<'_> {
    fn is_fee(&self) -> bool {
        self.billing_model == "FLAT_FEE"
            && self.billing_cadence == "RECURRING"
            && self.billing_country_code.is_none()
            && self.tiers.is_none()
    }

    fn period(&self) -> &'static str {
        if self.billing_period == "MONTHLY" { "Monthly" } else { "Yearly" }
    }

    fn words(&self) -> String {
        let model = self.billing_model.replace('_', " ").to_lowercase();
        let period = if self.billing_period == "MONTHLY" { "a month" } else { "a year" };
        let price = self.price.as_ref().map_or("tiers".to_owned(), Price::words);
        let of = self.feature_id.as_ref().map_or_else(String::new, |id| format!(" of {id}"));
        format!("{price} {period}, {model}{of}")
    }
}

impl Price<'_> {
    fn words(&self) -> String {
        let amount = Amount::parse_exact(self.amount.get());
        let amount = amount.map_or_else(|_| self.amount.get().to_owned(), grouped);
        format!("{amount} {}", self.currency.to_uppercase())
    }
}

fn rows(version: &PackageVersion) -> Vec<Row<'_>> {
    let stored = version.charges.rows.iter().chain(&version.charges.overage);
    stored.filter_map(|stored| serde_json::from_str(&stored.row.0).ok()).collect()
}

/// What a rate takes for one unit.
fn rate_words(catalog: &Catalog, rate: &CreditRate) -> String {
    let currency = words::currency(catalog, &rate.currency);
    match &rate.formula {
        Some(formula) => format!("{} {currency}, by formula", formula.source()),
        None => format!("{} {currency} for one", grouped(rate.amount)),
    }
}

/// The prices of a version as lines, for a review.
pub(in crate::dashboard) fn lines(
    catalog: &Catalog,
    version: &PackageVersion,
) -> Vec<(String, String)> {
    let prices = rows(version).into_iter().filter(|row| row.price.is_some() || row.tiers.is_some());
    let mut lines: Vec<_> =
        prices.map(|row| (format!("Price: {}", row.period()), row.words())).collect();
    lines.extend(version.charges.rates.iter().map(|rate| {
        let name = format!("Usage: {}", words::feature(catalog, &rate.feature));
        (name, rate_words(catalog, rate))
    }));
    lines
}

/// The section of a package's page.
pub(super) fn show(catalog: &Catalog, version: &PackageVersion) -> Markup {
    let lines = lines(catalog, version);
    let head = html! { th scope="col" { "What" } th scope="col" { "Price" } };
    let rows = html! {
        @for (name, value) in &lines {
            tr { th scope="row" { (name.split_once(": ").map_or(name.as_str(), |(_, name)| name)) } td { (value) } }
        }
    };
    html! {
        p { (words::pricing(version.pricing)) @if version.pricing == Some(Pricing::Free) { ": it costs nothing." } }
        @if !lines.is_empty() { (table("Prices", &head, &rows)) }
    }
}

/// Whether a form can say all that the pricing says.
fn is_simple(version: &PackageVersion) -> bool {
    let knows =
        |row: &Row<'_>| row.is_fee() || row.billing_model == "CREDIT_BASED" && row.price.is_none();
    let is_known = rows(version).iter().all(knows);
    let has_formula = version.charges.rates.iter().any(|rate| rate.formula.is_some());
    is_known && version.charges.overage.is_empty() && !has_formula
}

fn features(catalog: &Catalog) -> Vec<(String, String)> {
    let metered = catalog.features.values().filter(|feature| feature.meter_type != MeterType::None);
    let found = metered.map(|feature| (feature.id.to_string(), feature.name.clone()));
    std::iter::once((String::new(), "—".to_owned())).chain(found).collect()
}

fn credit_types(catalog: &Catalog) -> Vec<(String, String)> {
    let active = catalog.credit_types.values().filter(|it| it.archived_at.is_none());
    active.map(|it| (it.id.to_string(), it.name.clone())).collect()
}

fn edit_page(visit: &Visit, package: &Package, form: &Form) -> Markup {
    let catalog = visit.catalog();
    let version = package.shown();
    let path = path_of(visit, &package.key);
    let head = Head { above: &above(visit, package), ..Head::new("Set the price") };
    if !is_simple(version) {
        return html! {
            (head)
            p.notice { "This price has parts that were set through the API and that this form cannot say. Change it there." }
            (show(&catalog, version))
        };
    }
    let fields = html! {
        (Choice {
            form,
            name: "pricingType",
            label: "How it is paid for",
            options: vec![
                ("FREE", "Free", html! { "It costs nothing." }),
                ("PAID", "Paid", html! { "By the prices below." }),
                ("CUSTOM", "Custom", html! { "Agreed with each customer." }),
            ],
        })
        fieldset.pair {
            legend { "Price" }
            (Field::number(form, "monthly", "A month"))
            (Field::number(form, "yearly", "A year"))
            (Field::text(form, "currency", "Currency").max(3).hint("Three letters: usd, eur."))
        }
        (usage_fields(&catalog, form))
    };
    html! {
        (head)
        (Sheet {
            visit,
            action: &format!("{path}/price"),
            form,
            fields,
            submit: "Save to the draft",
            cancel: Some(&format!("{path}#price")),
        })
    }
}

/// What usage costs in credits, a line for each feature.
fn usage_fields(catalog: &Catalog, form: &Form) -> Markup {
    let (features, types) = (features(catalog), credit_types(catalog));
    if features.len() == 1 || types.is_empty() {
        return html! {
            p.hint { "What usage costs in credits can be set here once there is a metered feature and a credit type." }
        };
    }
    let count = form.all("rateFeature").filter(|feature| !feature.is_empty()).count();
    html! {
        fieldset.rates {
            legend { "What usage costs in credits" }
            @for place in 0..count + BLANK_LINES {
                @let line = line_of(form, place);
                div.rate {
                    (Field::select(&line, "rateFeature", "Feature", features.clone()).at(place))
                    (Field::number(&line, "rateAmount", "Credits for one").at(place))
                    (Field::select(&line, "rateCurrency", "Credit type", types.clone()).at(place))
                }
            }
            @if let Some(trouble) = form.trouble_at("rates") { p.field-trouble #f-rates { (trouble) } }
        }
    }
}

fn nth<'a>(form: &'a Form, name: &'a str, place: usize) -> &'a str {
    form.all(name).nth(place).unwrap_or_default()
}

/// The fields of one line as a form of their own.
fn line_of(form: &Form, place: usize) -> Form {
    let names = ["rateFeature", "rateAmount", "rateCurrency"];
    Form::filled(names.map(|name| (name, nth(form, name, place).to_owned())))
}

fn filled(version: &PackageVersion) -> Form {
    let pricing = match version.pricing {
        None | Some(Pricing::Free) => "FREE",
        Some(Pricing::Paid) => "PAID",
        Some(Pricing::Custom) => "CUSTOM",
    };
    let mut fields = vec![("pricingType", pricing.to_owned())];
    for row in rows(version).into_iter().filter(Row::is_fee) {
        let Some(price) = row.price else { continue };
        let name = if row.billing_period == "MONTHLY" { "monthly" } else { "yearly" };
        fields.push((name, price.amount.get().to_owned()));
        fields.push(("currency", price.currency));
    }
    fields.push(("currency", "usd".to_owned()));
    let mut seen = std::collections::BTreeSet::new();
    for rate in version.charges.rates.iter().filter(|rate| seen.insert(&rate.feature)) {
        fields.push(("rateFeature", rate.feature.to_string()));
        fields.push(("rateAmount", grouped(rate.amount)));
        fields.push(("rateCurrency", rate.currency.to_string()));
    }
    Form::filled(fields)
}

pub(super) async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let body = edit_page(&visit, package, &filled(package.shown()));
    Ok(visit.page(Kind::of(package.key.kind).section, "Set the price", &body))
}

/// The prices of a form as the request has them, with the fields that they come from.
fn models(form: &Form) -> (Vec<Object>, Vec<&'static str>) {
    let (mut models, mut places) = (Vec::new(), Vec::new());
    let prices = [("monthly", "MONTHLY"), ("yearly", "ANNUALLY")];
    let prices: Vec<_> =
        prices.into_iter().filter(|(name, _)| !form.get(name).trim().is_empty()).collect();
    let is_paid = form.get("pricingType") == "PAID";
    for (name, period) in prices.iter().filter(|_| is_paid) {
        let price = Object::new()
            .number("amount", form.get(name))
            .text("currency", &form.get("currency").trim().to_lowercase());
        let period = Object::new().text("billingPeriod", period).object("price", &price);
        let model =
            Object::new().text("billingModel", "FLAT_FEE").objects("pricePeriods", &[period]);
        models.push(model);
        places.push(*name);
    }
    // A rate holds for a billing period: for every one that has a price, else for both.
    let periods: Vec<&str> = match prices.as_slice() {
        [(_, one)] if is_paid => vec![one],
        _ => vec!["MONTHLY", "ANNUALLY"],
    };
    for (place, feature) in form.all("rateFeature").enumerate() {
        if feature.is_empty() {
            continue;
        }
        let rate = Object::new()
            .number_if("amount", nth(form, "rateAmount", place))
            .text("currencyId", nth(form, "rateCurrency", place));
        let periods: Vec<Object> = periods
            .iter()
            .map(|period| Object::new().text("billingPeriod", period).object("creditRate", &rate))
            .collect();
        models.push(
            Object::new()
                .text("billingModel", "CREDIT_BASED")
                .text("featureId", feature)
                .objects("pricePeriods", &periods),
        );
        places.push("rates");
    }
    (models, places)
}

pub(super) async fn save(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let saved = async {
        if !is_simple(package.shown()) {
            let message = "This price can be changed through the API only.".to_owned();
            return Err(Trouble { message, field: None });
        }
        let (models, places) = models(&form);
        let charges = Object::new()
            .text("pricingType", form.get("pricingType"))
            .objects("pricingModels", &models);
        let object = Object::new().object("charges", &charges);
        let patch = match package.key.kind {
            PackageKind::Plan => object
                .read::<UpdatePlan>()
                .and_then(|body| Ok(mapping::plan_patch_from_wire(body, visit.now())?)),
            PackageKind::Addon => object
                .read::<UpdateAddon>()
                .and_then(|body| Ok(mapping::addon_patch_from_wire(body, visit.now())?)),
        };
        let patch = patch.map_err(|trouble| placed(trouble, &places))?;
        let command = CatalogCommand::UpdatePackage(package.key.clone(), Box::new(patch));
        edit_draft(&visit, package, vec![command]).await.map_err(|trouble| trouble.or_at("rates"))
    };
    match saved.await {
        Ok(()) => {
            let to = format!("{}#price", path_of(&visit, &package.key));
            Ok(visit.done(&to, "The price was saved to the draft."))
        }
        Err(trouble) => {
            let body = edit_page(&visit, package, &form.with(trouble));
            Ok(visit.refused(Kind::of(package.key.kind).section, "Set the price", &body))
        }
    }
}

/// A trouble in the request's list of prices, at the field that the price comes from.
fn placed(trouble: Trouble, places: &[&str]) -> Trouble {
    let index = trouble.field.as_deref().and_then(|field| {
        let rest = field.strip_prefix("charges/pricingModels/")?;
        rest.split('/').next()?.parse::<usize>().ok()
    });
    let is_currency = trouble.field.as_deref().is_some_and(|at| at.ends_with("price/currency"));
    match index.and_then(|index| places.get(index)) {
        Some(_) if is_currency => Trouble::at("currency", trouble.message),
        Some(place) => Trouble::at(place, trouble.message),
        None => trouble.moved("charges/", ""),
    }
}
