//! The form of one price: its fields, what they say of a stored price, and the request they mean.

use super::row::{Credits, Price, Row, Tier, number};
use crate::dashboard::field::{Choice, Field, tick};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::repeat::{Repeat, on_enter};
use crate::dashboard::seen;
use maud::{Markup, Render as _, html};
use serde::Deserialize;
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
const RESETS: [(&str, &str); 6] = [
    ("", "Never"),
    ("HOUR", "Every hour"),
    ("DAY", "Every day"),
    ("WEEK", "Every week"),
    ("MONTH", "Every month"),
    ("YEAR", "Every year"),
];
const STARTS: [(&str, &str); 10] = [
    NONE,
    ("SubscriptionStart", "With each subscription"),
    ("StartOfTheMonth", "On the first of the month"),
    ("EveryMonday", "On Mondays"),
    ("EveryTuesday", "On Tuesdays"),
    ("EveryWednesday", "On Wednesdays"),
    ("EveryThursday", "On Thursdays"),
    ("EveryFriday", "On Fridays"),
    ("EverySaturday", "On Saturdays"),
    ("EverySunday", "On Sundays"),
];

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
        @if is_overage { (given(catalog, form)) } @else { (credits(catalog, form)) }
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

/// What comes with an overage price where the plan does not give it.
fn given(catalog: &Catalog, form: &Form) -> Markup {
    let credits = ["creditEntitlement/amount", "creditEntitlement/customCurrencyId"];
    let rate_names = ["creditRate/amount", "creditRate/currencyId", "creditRate/costFormula"];
    let feature = ["entitlement/featureId", "entitlement/usageLimit", "entitlement/resetPeriod"];
    html! {
        details.more open[is_used(form, &rate_names)] {
            summary { "Credits for one" }
            (rate(catalog, form))
        }
        details.more open[is_used(form, &credits) || is_used(form, &feature)] {
            summary { "What comes with it" }
            p.hint { "Given to customers whose plan does not give it." }
            fieldset.pair {
                legend { "Credits" }
                (Field::number(form, "creditEntitlement/amount", "Amount"))
                (Field::select(form, "creditEntitlement/cadence", "Cadence",
                    [("MONTH", "Monthly"), ("YEAR", "Yearly")]))
                (Field::select(form, "creditEntitlement/customCurrencyId", "Credit type",
                    credit_types(catalog, form, "creditEntitlement/customCurrencyId")))
            }
            fieldset.pair {
                legend { "Feature" }
                (Field::select(form, "entitlement/featureId", "Feature",
                    features(catalog, form, "entitlement/featureId")))
                (Field::number(form, "entitlement/usageLimit", "Usage limit"))
                (Field::select(form, "entitlement/resetPeriod", "Usage starts anew", RESETS))
                (Field::select(form, "entitlement/accordingTo", "Periods begin", STARTS))
            }
            (tick(form, "entitlement/hasUnlimitedUsage", "Without a limit", ""))
            (tick(form, "entitlement/hasSoftLimit", "The limit may be passed", ""))
        }
    }
}

fn more(form: &Form, is_overage: bool) -> Markup {
    let names = ["billingCountryCode", "minUnitQuantity", "maxUnitQuantity"];
    html! {
        details.more open[is_used(form, &names)] {
            summary { "Country and quantities" }
            fieldset.pair {
                legend.visually-hidden { "Country and quantities" }
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

/// The feature that comes with an overage price.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given<'a> {
    feature_id: String,
    has_soft_limit: Option<bool>,
    has_unlimited_usage: Option<bool>,
    reset_period: Option<String>,
    #[serde(borrow)]
    usage_limit: Option<&'a RawValue>,
    monthly_reset_period_configuration: Option<Start>,
    weekly_reset_period_configuration: Option<Start>,
    yearly_reset_period_configuration: Option<Start>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    according_to: String,
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
    let rate = row.credit_rate.as_ref();
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
    let form = tiers.iter().fold(form, |form, tier: &Tier<'_>| {
        form.plus("tiers/upTo", &amount(tier.up_to))
            .plus("tiers/unitPrice", &money(&tier.unit_price))
            .plus("tiers/flatPrice", &money(&tier.flat_price))
    });
    filled_given(row, form)
}

/// Whether it has what a line without anything, no field, or a field of one line would lose.
fn has_more_than_fields(row: &Row<'_>) -> bool {
    let is_empty = |tier: &Tier<'_>| {
        tier.up_to.is_none() && tier.unit_price.is_none() && tier.flat_price.is_none()
    };
    let formula = row.credit_rate.as_ref().and_then(|rate| rate.cost_formula.as_deref());
    row.tiers.iter().flatten().any(is_empty)
        || (row.is_overage && row.credit_grant_cadence.is_some())
        || formula.is_some_and(|formula| formula.contains(['\r', '\n']))
}

fn filled_given(row: &Row<'_>, form: Form) -> Option<Form> {
    let form = match row.given_credits() {
        Some(Credits { amount, cadence, custom_currency_id }) => form
            .plus("creditEntitlement/amount", &number(amount))
            .plus("creditEntitlement/cadence", &cadence)
            .plus("creditEntitlement/customCurrencyId", &custom_currency_id),
        None if row.credit_entitlement.is_some() => return None,
        None => form,
    };
    let Some(given) = row.entitlement else { return Some(form) };
    let given: Given<'_> = serde_json::from_str(given.get()).ok()?;
    let starts = [
        ("MONTH", given.monthly_reset_period_configuration),
        ("WEEK", given.weekly_reset_period_configuration),
        ("YEAR", given.yearly_reset_period_configuration),
    ];
    let mut starts = starts.into_iter().filter_map(|(period, start)| Some((period, start?)));
    let start = starts.next();
    // The form has one beginning, that of the periods in which usage starts anew.
    let is_said = |(period, _): &(&str, Start)| given.reset_period.as_deref() == Some(*period);
    if starts.next().is_some() || !start.iter().all(is_said) {
        return None;
    }
    let start = start.map(|(_, start)| start.according_to);
    let on = |is_on: Option<bool>| if is_on == Some(true) { "on" } else { "" };
    Some(
        form.plus("entitlement/featureId", &given.feature_id)
            .plus("entitlement/usageLimit", &given.usage_limit.map(number).unwrap_or_default())
            .plus("entitlement/resetPeriod", given.reset_period.as_deref().unwrap_or_default())
            .plus("entitlement/accordingTo", start.as_deref().unwrap_or_default())
            .plus("entitlement/hasUnlimitedUsage", on(given.has_unlimited_usage))
            .plus("entitlement/hasSoftLimit", on(given.has_soft_limit)),
    )
}

/// Whether something of the price is paid for with money.
pub(super) fn costs_money(form: &Form) -> bool {
    !form.get("price/amount").trim().is_empty() || !TIERS.filled(form).is_empty()
}

/// The price as the request has it.
pub(super) fn model(form: &Form, is_overage: bool) -> Object {
    let model = Object::new()
        .text("billingCadence", form.get("billingCadence"))
        .text_if("featureId", form.get("featureId"))
        .objects("pricePeriods", &[period(form)]);
    if !is_overage {
        return model
            .text("billingModel", form.get("billingModel"))
            .number_if("minUnitQuantity", form.get("minUnitQuantity"))
            .number_if("maxUnitQuantity", form.get("maxUnitQuantity"))
            .text_if("tiersMode", form.get("tiersMode"))
            .text_if("topUpCustomCurrencyId", form.get("topUpCustomCurrencyId"));
    }
    let mut model = model
        .text_if("billingModel", form.get("billingModel"))
        .text_if("currencyId", form.get("currencyId"));
    let (amount, of) =
        (form.get("creditEntitlement/amount"), form.get("creditEntitlement/customCurrencyId"));
    if !amount.trim().is_empty() || !of.is_empty() {
        let credits = Object::new()
            .number_if("amount", amount)
            .text("cadence", form.get("creditEntitlement/cadence"))
            .text_if("customCurrencyId", of);
        model = model.object("creditEntitlement", &credits);
    }
    if form.is_on("entitlement/featureId") {
        model = model.object("entitlement", &entitlement(form));
    }
    model
}

fn period(form: &Form) -> Object {
    let mut period = Object::new()
        .text("billingPeriod", form.get("billingPeriod"))
        .text_if("billingCountryCode", form.get("billingCountryCode").trim())
        .number_if("blockSize", form.get("blockSize"))
        .text_if("creditGrantCadence", form.get("creditGrantCadence"));
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
    let names = ["creditRate/amount", "creditRate/currencyId", "creditRate/costFormula"];
    if names.iter().any(|name| form.is_on(name)) {
        let rate = Object::new()
            .number_if("amount", form.get("creditRate/amount"))
            .text_if("currencyId", form.get("creditRate/currencyId"))
            .text_if("costFormula", form.get("creditRate/costFormula").trim());
        period = period.object("creditRate", &rate);
    }
    period
}

fn entitlement(form: &Form) -> Object {
    let reset = form.get("entitlement/resetPeriod");
    let mut given = Object::new()
        .text("featureId", form.get("entitlement/featureId"))
        .flag("hasSoftLimit", form.is_on("entitlement/hasSoftLimit"))
        .flag("hasUnlimitedUsage", form.is_on("entitlement/hasUnlimitedUsage"))
        .number_if("usageLimit", form.get("entitlement/usageLimit"))
        .text_if("resetPeriod", reset);
    let start = form.get("entitlement/accordingTo");
    let member = match reset {
        "YEAR" => "yearlyResetPeriodConfiguration",
        "WEEK" => "weeklyResetPeriodConfiguration",
        _ => "monthlyResetPeriodConfiguration",
    };
    if !start.is_empty() {
        given = given.object(member, &Object::new().text("accordingTo", start));
    }
    given
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
        ["entitlement", period, "accordingTo"] if period.ends_with("Configuration") => {
            "entitlement/accordingTo".to_owned()
        }
        _ => rest.to_owned(),
    };
    Trouble { field: Some(name), ..trouble }
}
