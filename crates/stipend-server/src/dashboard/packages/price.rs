//! The price of a plan or add-on, and what usage costs in credits.

pub(super) mod one;
mod row;
mod sheet;

use super::{Kind, above, edit_shown, find, path_of};
use crate::dashboard::compare::Line;
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Field, Sheet, token};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::repeat::{Repeat, on_enter, reshaped};
use crate::dashboard::seen;
use crate::dashboard::ui::{Head, button, table};
use crate::dashboard::visit::{Posted, Visit};
use crate::dashboard::words;
use crate::mapping::package as mapping;
use axum::response::Response;
use maud::{Markup, html};
use row::{Row, number, rows};
use stipend_core::catalog::{
    Catalog, DraftEdit, MeterType, Package, PackagePatch, PackageVersion, Pricing,
};
use stipend_wire::package::UpdatePlan;

/// What usage costs in credits, a line for each feature.
const RATES: Repeat = Repeat {
    name: "rates",
    one: "feature",
    columns: &["rateFeature", "rateAmount", "rateCurrency"],
};

/// The fields of the plain fees, and the billing period of each.
const FEES: [(&str, &str); 2] = [("monthly", "MONTHLY"), ("yearly", "ANNUALLY")];

/// The prices of a version: those that the form of the price sets, and all others, which have
/// forms of their own.
struct Sorted<'a> {
    fees: Vec<Row<'a>>,
    /// One for each feature, whatever the billing period.
    rates: Vec<Row<'a>>,
    others: Vec<Row<'a>>,
}

impl Sorted<'_> {
    fn is_empty(&self) -> bool {
        self.fees.is_empty() && self.rates.is_empty() && self.others.is_empty()
    }
}

fn sorted(version: &PackageVersion) -> Sorted<'_> {
    let rows = rows(version);
    let currency = |row: &Row<'_>| row.price.as_ref().map(|price| price.currency.clone());
    let first = rows.iter().find(|row| row.is_fee()).and_then(currency);
    // What differs between billing periods, or is worked out, is more than the form says.
    let rated = || rows.iter().filter(|row| !row.is_overage && row.credit_rate.is_some());
    let is_said = |row: &Row<'_>| {
        row.is_rate()
            && rated()
                .filter(|other| other.feature_id == row.feature_id)
                .all(|other| other.is_rate() && other.is_alike(row))
    };
    let said: Vec<bool> = rows.iter().map(is_said).collect();
    let mut sorted = Sorted { fees: Vec::new(), rates: Vec::new(), others: Vec::new() };
    for (row, is_said) in rows.into_iter().zip(said) {
        if row.is_fee() && currency(&row) == first {
            sorted.fees.push(row);
        } else if !is_said {
            sorted.others.push(row);
        } else if !sorted.rates.iter().any(|rate| rate.feature_id == row.feature_id) {
            sorted.rates.push(row);
        }
    }
    sorted
}

/// How a version is paid for, as the request has it.
fn pricing_type(version: &PackageVersion) -> &'static str {
    match version.pricing {
        None | Some(Pricing::Free) => "FREE",
        Some(Pricing::Paid) => "PAID",
        Some(Pricing::Custom) => "CUSTOM",
    }
}

/// The API keeps what is free and has prices as it is sent. A person who says both is asked which of
/// the two is meant: to drop the prices would lose them, and to keep them would say that it is not free.
fn refuse_free<'a>(
    pricing_type: &str,
    mut kept: impl Iterator<Item = &'a Row<'a>>,
) -> Result<(), Trouble> {
    if pricing_type == "FREE" && kept.any(Row::costs_money) {
        let message = "It has prices in money, so it is not free. Choose Paid or Custom, or remove \
                       those prices first.";
        return Err(Trouble::at("pricingType", message));
    }
    Ok(())
}

/// The edit that sets all prices. No form says what the API refuses of overage prices, so what of it
/// is there stood before.
fn written(
    visit: &Visit,
    pricing_type: &str,
    base: &[Object],
    overage: &[Object],
) -> Result<DraftEdit, Trouble> {
    let charges = Object::new()
        .text("pricingType", pricing_type)
        .objects("pricingModels", base)
        .objects("overagePricingModels", overage);
    let object = Object::new().object("charges", &charges);
    // Add-ons have the same prices.
    let charges = object.read::<UpdatePlan>()?.charges;
    let charges = charges.map(|charges| mapping::charges_with_kept(&charges, visit.now()));
    let patch = PackagePatch { charges: charges.transpose()?, ..PackagePatch::default() };
    Ok(DraftEdit::Package(Box::new(patch)))
}

/// The prices of a version as lines, for a review.
pub(in crate::dashboard) fn lines(catalog: &Catalog, version: &PackageVersion) -> Vec<Line> {
    let Sorted { fees, rates, others } = sorted(version);
    let line = |row: &Row<'_>, is_of_period: bool| {
        let name = format!("Price: {}", row.what(catalog));
        let period = match (is_of_period, row.billing_period.as_str()) {
            (false, _) => "",
            (true, "MONTHLY") => ", monthly",
            (true, _) => ", yearly",
        };
        let country = row.billing_country_code.as_ref();
        let country = country.map_or_else(String::new, |code| format!(", {}", code.to_uppercase()));
        let once = if row.billing_cadence == "ONE_OFF" { ", once" } else { "" };
        let name = format!("{name}{period}{once}{country}");
        let line = Line::new(name, row.parts(catalog).join(" · "));
        match row.feature_id.as_ref().filter(|_| !is_of_period) {
            Some(feature) => line.about("rate", feature),
            None => line.about("price", row.identity()),
        }
    };
    let fees = fees.iter().map(|row| line(row, true));
    let rates = rates.iter().map(|row| line(row, false));
    fees.chain(rates).chain(others.iter().map(|row| line(row, true))).collect()
}

/// The section of a package's page.
pub(super) fn section(
    visit: &Visit,
    catalog: &Catalog,
    package: &Package,
    version: &PackageVersion,
    is_live: bool,
) -> Markup {
    let can_edit = is_live && package.archived_at.is_none();
    let path = path_of(visit, &package.key);
    html! {
        section #price {
            div.section-head {
                h2 { "Price" }
                @if can_edit {
                    div.actions {
                        (button(&format!("{path}/price"), "Set the price"))
                        (button(&format!("{path}/prices/new"), "+ Add a price"))
                    }
                }
            }
            p { (words::pricing(version.pricing))
                @if version.pricing == Some(Pricing::Free) { (free_words(version)) } }
            (prices(visit, catalog, version, can_edit.then_some(path.as_str())))
        }
    }
}

/// What stands behind the word "Free".
fn free_words(version: &PackageVersion) -> &'static str {
    let rows = rows(version);
    if rows.is_empty() {
        ": it costs nothing."
    } else if rows.iter().any(Row::costs_money) {
        ", although it has prices in money. Set the price to say which of the two is meant."
    } else {
        ""
    }
}

/// The table of prices; those that have a form of their own can be changed below `path`.
fn prices(
    visit: &Visit,
    catalog: &Catalog,
    version: &PackageVersion,
    path: Option<&str>,
) -> Markup {
    let sorted = sorted(version);
    if sorted.is_empty() {
        return Markup::default();
    }
    let Sorted { fees, rates, others } = sorted;
    let path = path.filter(|_| !others.is_empty());
    let head = html! {
        th scope="col" { "What" } th scope="col" { "Price" }
        @if path.is_some() { th scope="col" { span.visually-hidden { "Actions" } } }
    };
    let rows = html! {
        @for row in fees.iter().chain(&rates) {
            tr { (said(catalog, row)) @if path.is_some() { td {} } }
        }
        @for row in &others {
            tr {
                (said(catalog, row))
                @if let Some(path) = path {
                    td.doing { (row_actions(visit, &format!("{path}/prices/{}", row.key), &row.what(catalog))) }
                }
            }
        }
    };
    table("Prices", &head, &rows)
}

fn said(catalog: &Catalog, row: &Row<'_>) -> Markup {
    let parts = row.parts(catalog);
    html! {
        th scope="row" { bdi.breaks { (row.what(catalog)) } }
        td {
            @if let [one] = parts.as_slice() { span.price-parts { bdi { (one) } } }
            @else { ul.price-parts { @for part in &parts { li { bdi { (part) } } } } }
        }
    }
}

fn row_actions(visit: &Visit, path: &str, name: &str) -> Markup {
    html! {
        div.row-actions {
            a.button.small href=(path) aria-label=(format!("Edit {name}")) { "Edit" }
            form.inline method="post" action=(format!("{path}/remove")) {
                (token(visit))
                button.button.small type="submit" aria-label=(format!("Remove {name}")) { "Remove" }
            }
        }
    }
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
    let path = path_of(visit, &package.key);
    let others = sorted(package.shown()).others.len();
    let fields = html! {
        (on_enter())
        (seen::field(form))
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
        @if others > 0 {
            p.hint {
                @if others == 1 { "One more price stays as it is: it has a " }
                @else { (others) " more prices stay as they are: they have " }
                a href=(format!("{path}#price")) {
                    @if others == 1 { "form of its own" } @else { "forms of their own" }
                }
                "."
            }
        }
    };
    html! {
        (Head { above: &above(visit, package), ..Head::new("Set the price") })
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
    html! {
        fieldset.lines {
            legend { "What usage costs in credits" }
            (RATES.show(form, |place| html! {
                (Field::select(form, "rateFeature", "Feature", features.clone()).at(place))
                (Field::number(form, "rateAmount", "Credits for one").at(place))
                (Field::select(form, "rateCurrency", "Credit type", types.clone()).at(place))
            }))
        }
    }
}

fn filled(version: &PackageVersion) -> Form {
    let Sorted { fees, rates, .. } = sorted(version);
    let mut fields = vec![("pricingType", pricing_type(version).to_owned())];
    for row in fees {
        let Some(price) = row.price else { continue };
        let name = if row.billing_period == "MONTHLY" { "monthly" } else { "yearly" };
        fields.push((name, number(price.amount)));
        fields.push(("currency", price.currency));
    }
    fields.push(("currency", "usd".to_owned()));
    for row in rates {
        let (Some(feature), Some(rate)) = (row.feature_id, row.credit_rate) else { continue };
        fields.push(("rateFeature", feature));
        fields.push(("rateAmount", number(rate.amount)));
        fields.push(("rateCurrency", rate.currency_id));
    }
    Form::filled(fields)
}

pub(super) async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let body = edit_page(&visit, package, &seen::noted(filled(package.shown())));
    Ok(visit.page(Kind::of(package.key.kind).section, "Set the price", &body))
}

/// Nothing that is typed as a price of something free is dropped unseen.
fn check_fees(form: &Form) -> Result<(), Trouble> {
    let typed = FEES.iter().find(|(name, _)| !form.get(name).trim().is_empty());
    match typed {
        Some((name, _)) if form.get("pricingType") == "FREE" => {
            let message = "Something free has no price. Empty this, or choose Paid or Custom.";
            Err(Trouble::at(name, message))
        }
        _ => Ok(()),
    }
}

/// The billing periods for which usage costs credits: those of the other prices, else both.
fn rate_periods(form: &Form, others: &[Row<'_>]) -> Vec<&'static str> {
    let has = |field: &str, period: &str| {
        !form.get(field).trim().is_empty()
            || others.iter().any(|row| !row.is_rate() && row.billing_period == period)
    };
    match (has("monthly", "MONTHLY"), has("yearly", "ANNUALLY")) {
        (true, false) => vec!["MONTHLY"],
        (false, true) => vec!["ANNUALLY"],
        _ => vec!["MONTHLY", "ANNUALLY"],
    }
}

/// The prices of a form as the request has them, with the fields that they come from.
fn models(form: &Form, others: &[Row<'_>]) -> (Vec<Object>, Vec<String>) {
    let (mut models, mut places) = (Vec::new(), Vec::new());
    for (name, period) in FEES {
        if form.get(name).trim().is_empty() {
            continue;
        }
        let price = Object::new()
            .number("amount", form.get(name))
            .text("currency", &form.get("currency").trim().to_lowercase());
        let period = Object::new().text("billingPeriod", period).object("price", &price);
        let model =
            Object::new().text("billingModel", "FLAT_FEE").objects("pricePeriods", &[period]);
        models.push(model);
        places.push(name.to_owned());
    }
    let periods = rate_periods(form, others);
    for place in 0..RATES.count(form) {
        let feature = form.nth("rateFeature", place);
        if feature.is_empty() {
            continue;
        }
        let rate = Object::new()
            .number_if("amount", form.nth("rateAmount", place))
            .text("currencyId", form.nth("rateCurrency", place));
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
        places.push(format!("rateAmount/{place}"));
    }
    (models, places)
}

pub(super) async fn save(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let section = Kind::of(package.key.kind).section;
    let form = match reshaped(form, &[RATES]) {
        Ok(form) => {
            let body = edit_page(&visit, package, &form);
            return Ok(visit.page(section, "Set the price", &body));
        }
        Err(form) => form,
    };
    let saved = async {
        seen::check(&form, &filled(package.shown()), "The price")?;
        check_fees(&form)?;
        let others = sorted(package.shown()).others;
        refuse_free(form.get("pricingType"), others.iter())?;
        let (mut base, places) = models(&form, &others);
        base.extend(others.iter().filter(|row| !row.is_overage).map(Row::model));
        let overage: Vec<Object> =
            others.iter().filter(|row| row.is_overage).map(Row::model).collect();
        let edit = written(&visit, form.get("pricingType"), &base, &overage);
        let edit = edit.map_err(|trouble| placed(trouble, &places))?;
        edit_shown(&visit, package, vec![edit]).await.map_err(|trouble| trouble.or_at("rates"))
    };
    match saved.await {
        Ok(()) => {
            let to = format!("{}#price", path_of(&visit, &package.key));
            Ok(visit.done(&to, "The price was saved to the draft."))
        }
        Err(trouble) => {
            let body = edit_page(&visit, package, &form.with(trouble));
            Ok(visit.refused(section, "Set the price", &body))
        }
    }
}

/// A trouble in the request's list of prices, at the field that the price comes from.
fn placed(trouble: Trouble, places: &[String]) -> Trouble {
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
