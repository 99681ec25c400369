//! The form of one price: its fields, what they say of a stored price, and the request they mean.

use super::row::{Price, Row, Tier, number};
use crate::dashboard::field::{Choice, Field};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::repeat::{Repeat, on_enter};
use crate::dashboard::seen;
use maud::{Markup, Render as _, html};
use serde_json::value::RawValue;
use stipend_core::catalog::Catalog;

/// The prices by quantity.
pub(super) const TIERS: Repeat = Repeat {
    name: "tiers",
    one: "tier",
    columns: &["tiers/upTo", "tiers/unitPrice", "tiers/flatPrice"],
};

type Options = Vec<(String, String)>;

const NONE: (&str, &str) = ("", "—");
const MODELS: [(&str, &str, &str); 5] = [
    ("PER_UNIT", "Units", "Bought in advance: seats, say."),
    ("USAGE_BASED", "Usage", "Charged afterwards, by what was used."),
    ("CREDIT_BASED", "Credits", "Bought credits, or usage that is paid for with credits."),
    ("FLAT_FEE", "Flat fee", "The same for everybody."),
    ("MINIMUM_SPEND", "Minimum spend", "The least that is charged."),
];
const PERIODS: [(&str, &str); 2] = [("MONTHLY", "Monthly"), ("ANNUALLY", "Yearly")];

/// What a list offers, with what is chosen where that is not offered any more.
fn with_chosen(
    form: &Form,
    name: &str,
    offered: impl Iterator<Item = (String, String)>,
) -> Options {
    let mut options = vec![(String::new(), "—".to_owned())];
    options.extend(offered);
    let chosen = form.get(name);
    if !options.iter().any(|(value, _)| value == chosen) {
        options.push((chosen.to_owned(), chosen.to_owned()));
    }
    options
}

fn features(catalog: &Catalog, form: &Form, name: &str) -> Options {
    let all = catalog.features.values().map(|it| (it.id.to_string(), it.name.clone()));
    with_chosen(form, name, all)
}

fn credit_types(catalog: &Catalog, form: &Form, name: &str) -> Options {
    let active = catalog.credit_types.values().filter(|it| it.archived_at.is_none());
    with_chosen(form, name, active.map(|it| (it.id.to_string(), it.name.clone())))
}

/// The fields of a price.
pub(super) fn fields(catalog: &Catalog, form: &Form, is_overage: bool) -> Markup {
    let kinds = [("PAID", "Paid"), ("FREE", "Free"), ("CUSTOM", "Custom")];
    html! {
        (on_enter())
        (seen::field(form))
        @if is_overage {
            input type="hidden" name="of" value="overage";
            fieldset.pair {
                legend { "Usage of" }
                (Field::select(form, "featureId", "Feature", features(catalog, form, "featureId")))
                (Field::select(form, "currencyId", "Credit type",
                    credit_types(catalog, form, "currencyId")))
            }
            @if form.is_on("billingModel") { (unusual_model(form)) }
        } @else {
            (models(form))
            (Field::select(form, "featureId", "Feature", features(catalog, form, "featureId"))
                .hint("What is counted, where the price is for units or usage."))
        }
        fieldset.pair {
            legend { "Billing" }
            (Field::select(form, "billingPeriod", "Period", PERIODS).required())
            (Field::select(form, "billingCadence", "Charged",
                [("RECURRING", "Every period"), ("ONE_OFF", "Once")]).required())
        }
        (money(form))
        (tiers(form, is_overage))
        @if !is_overage { (credits(catalog, form)) }
        (more(form, is_overage))
        (Field::select(form, "pricingType", "How the whole is paid for", kinds).required())
    }
}

fn models(form: &Form) -> Markup {
    let options = MODELS.map(|(model, name, meaning)| (model, name, html! { (meaning) }));
    Choice { form, name: "billingModel", label: "What is charged", options: options.into() }
        .render()
}

/// How overage is charged, where a request has said it: what it is for says it by itself.
fn unusual_model(form: &Form) -> Markup {
    let usual = ("", "As usual: what was used");
    let models = MODELS.map(|(model, name, _)| (model, name));
    html! {
        (Field::select(form, "billingModel", "What is charged", [usual].into_iter().chain(models)))
    }
}

fn money(form: &Form) -> Markup {
    html! {
        fieldset.pair {
            legend { "Price" }
            (Field::number(form, "price/amount", "Amount"))
            (Field::text(form, "price/currency", "Currency").max(3))
            (Field::number(form, "blockSize", "For how many")
                .hint("Empty: for one."))
        }
    }
}

fn tiers(form: &Form, is_overage: bool) -> Markup {
    html! {
        fieldset.lines {
            legend { "Price by quantity" }
            p.hint { "Instead of one price: a line for each range. The last one has no end." }
            (TIERS.show(form, |place| html! {
                (Field::number(form, "tiers/upTo", "Up to").at(place))
                (Field::number(form, "tiers/unitPrice", "For one").at(place))
                (Field::number(form, "tiers/flatPrice", "In all").at(place))
            }))
            @if !is_overage {
                (Field::select(form, "tiersMode", "Quantities are charged", [
                    NONE,
                    ("GRADUATED", "Graduated: each unit at the price of its own tier"),
                    ("VOLUME", "Volume: all units at the price of the tier that is reached"),
                ]))
            }
        }
    }
}

/// What a price has to do with credits.
fn credits(catalog: &Catalog, form: &Form) -> Markup {
    let names = [
        "creditRate/amount",
        "creditRate/currencyId",
        "creditRate/costFormula",
        "topUpCustomCurrencyId",
        "creditGrantCadence",
    ];
    html! {
        details.more open[is_used(form, &names)] {
            summary { "Credits" }
            (rate(catalog, form))
            fieldset.pair {
                legend { "Credits that are bought" }
                (Field::select(form, "topUpCustomCurrencyId", "Of which type",
                    credit_types(catalog, form, "topUpCustomCurrencyId")))
                (Field::select(form, "creditGrantCadence", "Granted", [
                    NONE,
                    ("BEGINNING_OF_BILLING_PERIOD", "When the period begins"),
                    ("MONTHLY", "A part every month"),
                ]))
            }
        }
    }
}

fn rate(catalog: &Catalog, form: &Form) -> Markup {
    html! {
        fieldset.pair {
            legend { "What one costs in credits" }
            (Field::number(form, "creditRate/amount", "Credits"))
            (Field::select(form, "creditRate/currencyId", "Credit type",
                credit_types(catalog, form, "creditRate/currencyId")))
        }
        (Field::text(form, "creditRate/costFormula", "Formula")
            .hint("What one event costs, worked out of its dimensions; the credits above are 0 then."))
    }
}

fn more(form: &Form, is_overage: bool) -> Markup {
    let names = ["billingCountryCode", "minUnitQuantity", "maxUnitQuantity"];
    let what = if is_overage { "Country" } else { "Country and quantities" };
    html! {
        details.more open[is_used(form, &names)] {
            summary { (what) }
            fieldset.pair {
                legend.visually-hidden { (what) }
                (Field::text(form, "billingCountryCode", "Country").hint("Two letters; eu for a group. Empty: everywhere else."))
                @if !is_overage {
                    (Field::number(form, "minUnitQuantity", "Fewest units"))
                    (Field::number(form, "maxUnitQuantity", "Most units"))
                }
            }
        }
    }
}

fn is_used(form: &Form, names: &[&str]) -> bool {
    names.iter().any(|name| !form.get(name).is_empty() || form.trouble_at(name).is_some())
}

/// What the fields say of a price; none where it has parts that they cannot say.
pub(super) fn filled(row: &Row<'_>, pricing: &str) -> Option<Form> {
    let tiers = row.tiers.as_deref().unwrap_or_default();
    let prices = tiers.iter().flat_map(|tier| [&tier.flat_price, &tier.unit_price]);
    let mut currencies: Vec<&str> =
        prices.chain([&row.price]).flatten().map(|price| price.currency.as_str()).collect();
    currencies.dedup();
    if currencies.len() > 1 || has_more_than_fields(row) {
        return None;
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let amount = |json: Option<&RawValue>| json.map(number).unwrap_or_default();
    let money = |price: &Option<Price<'_>>| amount(price.as_ref().map(|price| price.amount));
    // What stands in an overage price of credits has no fields: it is kept.
    let rate = row.credit_rate.as_ref().filter(|_| !row.is_overage);
    let usual = if row.is_overage { "" } else { &row.billing_model };
    let model = row.unusual_model().unwrap_or(usual);
    let form = Form::filled([
        ("pricingType", pricing.to_owned()),
        ("billingModel", model.to_owned()),
        ("billingCadence", row.billing_cadence.clone()),
        ("billingPeriod", row.billing_period.clone()),
        ("billingCountryCode", text(&row.billing_country_code)),
        ("featureId", text(&row.feature_id)),
        ("currencyId", text(&row.currency_id)),
        ("blockSize", amount(row.block_size)),
        ("minUnitQuantity", amount(row.min_unit_quantity)),
        ("maxUnitQuantity", amount(row.max_unit_quantity)),
        ("price/amount", money(&row.price)),
        ("price/currency", currencies.first().map_or("usd", |code| *code).to_owned()),
        ("tiersMode", text(&row.tiers_mode)),
        ("creditRate/amount", amount(rate.map(|rate| rate.amount))),
        ("creditRate/currencyId", rate.map(|rate| rate.currency_id.clone()).unwrap_or_default()),
        (
            "creditRate/costFormula",
            rate.and_then(|rate| rate.cost_formula.clone()).unwrap_or_default(),
        ),
        ("topUpCustomCurrencyId", text(&row.top_up_custom_currency_id)),
        ("creditGrantCadence", text(&row.credit_grant_cadence)),
    ]);
    Some(tiers.iter().fold(form, |form, tier: &Tier<'_>| {
        form.plus("tiers/upTo", &amount(tier.up_to))
            .plus("tiers/unitPrice", &money(&tier.unit_price))
            .plus("tiers/flatPrice", &money(&tier.flat_price))
    }))
}

/// Whether it has what a line without anything, no field, or a field of one line would lose.
fn has_more_than_fields(row: &Row<'_>) -> bool {
    let is_empty = |tier: &Tier<'_>| {
        tier.up_to.is_none() && tier.unit_price.is_none() && tier.flat_price.is_none()
    };
    let rate = row.credit_rate.as_ref().filter(|_| !row.is_overage);
    let formula = rate.and_then(|rate| rate.cost_formula.as_deref());
    row.tiers.iter().flatten().any(is_empty)
        || (row.is_overage && row.credit_grant_cadence.is_some())
        || formula.is_some_and(|formula| formula.contains(['\r', '\n']))
}

/// Whether something of the price is paid for with money.
pub(super) fn costs_money(form: &Form) -> bool {
    !form.get("price/amount").trim().is_empty() || !TIERS.filled(form).is_empty()
}

/// The base price as the request has it.
pub(super) fn base(form: &Form) -> Object {
    let mut period = period(form).text_if("creditGrantCadence", form.get("creditGrantCadence"));
    let names = ["creditRate/amount", "creditRate/currencyId", "creditRate/costFormula"];
    if names.iter().any(|name| form.is_on(name)) {
        let rate = Object::new()
            .number_if("amount", form.get("creditRate/amount"))
            .text_if("currencyId", form.get("creditRate/currencyId"))
            .text_if("costFormula", form.get("creditRate/costFormula").trim());
        period = period.object("creditRate", &rate);
    }
    model(form, &period)
        .text("billingModel", form.get("billingModel"))
        .number_if("minUnitQuantity", form.get("minUnitQuantity"))
        .number_if("maxUnitQuantity", form.get("maxUnitQuantity"))
        .text_if("tiersMode", form.get("tiersMode"))
        .text_if("topUpCustomCurrencyId", form.get("topUpCustomCurrencyId"))
}

/// The overage price as the request has it, with what only stands in the one that is there.
pub(super) fn overage(form: &Form, present: Option<&Row<'_>>) -> Object {
    let mut period = period(form);
    if let Some(rate) = present.and_then(|row| row.credit_rate.as_ref()) {
        period = period.object("creditRate", &rate.model());
    }
    model(form, &period)
        .text_if("billingModel", form.get("billingModel"))
        .text_if("currencyId", form.get("currencyId"))
        .kept("creditEntitlement", present.and_then(|row| row.credit_entitlement))
        .kept("entitlement", present.and_then(|row| row.entitlement))
}

fn model(form: &Form, period: &Object) -> Object {
    Object::new()
        .text("billingCadence", form.get("billingCadence"))
        .text_if("featureId", form.get("featureId"))
        .objects("pricePeriods", std::slice::from_ref(period))
}

fn period(form: &Form) -> Object {
    let mut period = Object::new()
        .text("billingPeriod", form.get("billingPeriod"))
        .text_if("billingCountryCode", form.get("billingCountryCode").trim())
        .number_if("blockSize", form.get("blockSize"));
    let currency = form.get("price/currency").trim().to_lowercase();
    let money = |typed: &str| Object::new().number("amount", typed).text("currency", &currency);
    if !form.get("price/amount").trim().is_empty() {
        period = period.object("price", &money(form.get("price/amount")));
    }
    let tiers = TIERS.filled(form).into_iter().map(|place| {
        let mut tier = Object::new().number_if("upTo", form.nth("tiers/upTo", place));
        for (name, member) in [("tiers/unitPrice", "unitPrice"), ("tiers/flatPrice", "flatPrice")] {
            let typed = form.nth(name, place);
            if !typed.trim().is_empty() {
                tier = tier.object(member, &money(typed));
            }
        }
        tier
    });
    let tiers: Vec<Object> = tiers.collect();
    if !tiers.is_empty() {
        period = period.objects("tiers", &tiers);
    }
    period
}

/// A trouble in the request's lists of prices, at the field of the price at `at`.
pub(super) fn placed(mut trouble: Trouble, at: &str, form: &Form) -> Trouble {
    let Some(field) = trouble.field.take() else { return trouble };
    let Some(rest) = field.strip_prefix(at) else {
        return Trouble { field: field.strip_prefix("charges/").map(str::to_owned), ..trouble };
    };
    let rest = rest.trim_start_matches('/');
    let rest = rest.strip_prefix("pricePeriods/0/").unwrap_or(rest);
    let steps: Vec<&str> = rest.split('/').collect();
    let name = match steps.as_slice() {
        [""] => "featureId".to_owned(),
        ["tiers", line, price, "amount"] | ["tiers", line, price] => {
            let line: Option<usize> = line.parse().ok();
            let places = TIERS.filled(form);
            let place = line.and_then(|line| places.get(line).copied());
            place.map_or_else(|| "tiers".to_owned(), |place| format!("tiers/{price}/{place}"))
        }
        ["tiers", ..] => "price/currency".to_owned(),
        _ => rest.to_owned(),
    };
    Trouble { field: Some(name), ..trouble }
}
