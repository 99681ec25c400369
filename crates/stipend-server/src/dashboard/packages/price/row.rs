//! A price of a package as it is stored: in words, and as the request that would make it again.

use crate::dashboard::object::Object;
use crate::dashboard::ui::{grouped, isolated};
use crate::dashboard::words;
use serde::Deserialize;
use serde_json::value::RawValue;
use stipend_core::catalog::{Catalog, ChargeRow, PackageVersion};
use stipend_core::{Amount, CurrencyId, FeatureId};
use stipend_wire::charge::OveragePricingModel;

/// How many characters of a row's hash name it in an address.
const KEY_LENGTH: usize = 16;

/// A row of the pricing.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    /// Whether it prices usage above what is granted.
    #[serde(skip)]
    pub(super) is_overage: bool,
    /// Its name in addresses.
    #[serde(skip)]
    pub(super) key: String,
    pub(super) billing_model: String,
    pub(super) billing_period: String,
    pub(super) billing_cadence: String,
    pub(super) billing_country_code: Option<String>,
    #[serde(borrow)]
    pub(super) block_size: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) credit_entitlement: Option<&'a RawValue>,
    pub(super) credit_grant_cadence: Option<String>,
    #[serde(borrow)]
    pub(super) credit_rate: Option<Rate<'a>>,
    pub(super) currency_id: Option<String>,
    #[serde(borrow)]
    pub(super) entitlement: Option<&'a RawValue>,
    pub(super) feature_id: Option<String>,
    #[serde(borrow)]
    pub(super) max_unit_quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) min_unit_quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) price: Option<Price<'a>>,
    #[serde(borrow)]
    pub(super) tiers: Option<Vec<Tier<'a>>>,
    pub(super) tiers_mode: Option<String>,
    pub(super) top_up_custom_currency_id: Option<String>,
}

/// What one unit costs in credits.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rate<'a> {
    #[serde(borrow)]
    pub(super) amount: &'a RawValue,
    pub(super) currency_id: String,
    pub(super) cost_formula: Option<String>,
}

/// A sum of money.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Price<'a> {
    #[serde(borrow)]
    pub(super) amount: &'a RawValue,
    pub(super) currency: String,
}

/// The price of one range of quantities.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tier<'a> {
    #[serde(borrow)]
    pub(super) flat_price: Option<Price<'a>>,
    #[serde(borrow)]
    pub(super) unit_price: Option<Price<'a>>,
    #[serde(borrow)]
    pub(super) up_to: Option<&'a RawValue>,
}

/// The rows of a version, the base prices first.
pub(super) fn rows(version: &PackageVersion) -> Vec<Row<'_>> {
    let base = version.charges.rows.iter().map(|stored| (false, stored));
    let overage = version.charges.overage.iter().map(|stored| (true, stored));
    base.chain(overage).filter_map(|(is_overage, stored)| read(is_overage, stored)).collect()
}

fn read(is_overage: bool, stored: &ChargeRow) -> Option<Row<'_>> {
    let row: Row<'_> = serde_json::from_str(&stored.row.0).ok()?;
    let hash = blake3::hash(stored.row.0.as_bytes()).to_hex();
    let hash = hash.as_str().get(..KEY_LENGTH)?;
    let list = if is_overage { "overage" } else { "base" };
    Some(Row { is_overage, key: format!("{list}-{hash}"), ..row })
}

/// A number as people read it.
pub(super) fn number(json: &RawValue) -> String {
    Amount::parse_exact(json.get()).map_or_else(|_| json.get().to_owned(), grouped)
}

impl Row<'_> {
    /// Whether it is a plain fee of every month or year.
    pub(super) fn is_fee(&self) -> bool {
        self.billing_model == "FLAT_FEE" && self.price.is_some() && self.is_plain() && {
            self.credit_rate.is_none() && self.feature_id.is_none()
        }
    }

    /// Whether it only says what usage of a feature costs in credits.
    pub(super) fn is_rate(&self) -> bool {
        let is_fixed = self.credit_rate.as_ref().is_some_and(|rate| rate.cost_formula.is_none());
        self.billing_model == "CREDIT_BASED" && self.price.is_none() && self.is_plain() && {
            is_fixed && self.feature_id.is_some()
        }
    }

    /// Whether something of it is paid for with money.
    pub(super) fn costs_money(&self) -> bool {
        self.price.is_some() || self.tiers.is_some()
    }

    /// Whether it has nothing beyond a price or a rate.
    fn is_plain(&self) -> bool {
        let texts = [
            &self.billing_country_code,
            &self.credit_grant_cadence,
            &self.currency_id,
            &self.tiers_mode,
            &self.top_up_custom_currency_id,
        ];
        let numbers = [self.block_size, self.min_unit_quantity, self.max_unit_quantity];
        !self.is_overage
            && self.billing_cadence == "RECURRING"
            && self.tiers.is_none()
            && texts.iter().all(|text| text.is_none())
            && numbers.iter().all(Option::is_none)
    }

    /// Whether it is for the same as another one, in another billing period.
    pub(super) fn is_alike(&self, other: &Row<'_>) -> bool {
        let rate = |row: &Row<'_>| {
            row.credit_rate
                .as_ref()
                .map(|rate| (rate.amount.get().to_owned(), rate.currency_id.clone()))
        };
        self.feature_id == other.feature_id && rate(self) == rate(other)
    }

    /// What tells it apart from the other rows of a package, as the API does.
    pub(super) fn identity(&self) -> String {
        let kind = (&self.billing_model, &self.billing_cadence, &self.billing_period);
        let of = (&self.billing_country_code, &self.feature_id);
        let credits = (&self.currency_id, &self.top_up_custom_currency_id);
        format!("{:?}", (self.is_overage, kind, of, credits))
    }

    /// What it is for.
    pub(super) fn what(&self, catalog: &Catalog) -> String {
        let feature = self.feature_id.as_deref().map(|id| feature(catalog, id));
        let credits = [&self.currency_id, &self.top_up_custom_currency_id];
        let credits = credits.into_iter().flatten().map(|id| currency(catalog, id));
        let names: Vec<String> = feature.into_iter().chain(credits).collect();
        let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        if self.is_overage {
            let model = self.unusual_model().map(|model| format!(" ({})", model_word(model)));
            return format!("Overage{of}{}", model.unwrap_or_default().to_lowercase());
        }
        let model = match self.billing_model.as_str() {
            "FLAT_FEE" | "MINIMUM_SPEND" | "PER_UNIT" | "USAGE_BASED" => {
                model_word(&self.billing_model)
            }
            _ if self.top_up_custom_currency_id.is_some() => "Top-up",
            _ if self.credit_rate.is_some() => return format!("Usage{of} in credits"),
            _ => "Credits",
        };
        format!("{model}{of}")
    }

    /// How overage is charged, where that is said otherwise than by what it is for.
    pub(super) fn unusual_model(&self) -> Option<&str> {
        let is_of_credits = self.currency_id.is_some() || self.credit_rate.is_some();
        let usual = OveragePricingModel::usual_model(is_of_credits);
        let model = self.billing_model.as_str();
        (self.is_overage && model != usual.as_str()).then_some(model)
    }

    fn is_for_units(&self) -> bool {
        self.is_overage || !matches!(self.billing_model.as_str(), "FLAT_FEE" | "MINIMUM_SPEND")
    }

    /// "a month" and the like.
    pub(super) fn billed(&self) -> &'static str {
        match (self.billing_cadence.as_str(), self.billing_period.as_str()) {
            ("ONE_OFF", "MONTHLY") => "once, with monthly billing",
            ("ONE_OFF", _) => "once, with yearly billing",
            (_, "MONTHLY") => "a month",
            _ => "a year",
        }
    }

    /// For how much of it a price is.
    fn each(&self) -> String {
        match self.block_size {
            Some(size) => format!(" for {}", number(size)),
            None if self.is_for_units() => " for one".to_owned(),
            None => String::new(),
        }
    }

    /// What it costs, a line for each part.
    pub(super) fn parts(&self, catalog: &Catalog) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(price) = &self.price {
            parts.push(format!("{}{} {}", price.words(), self.each(), self.billed()));
        }
        if let Some(rate) = self.credit_rate.as_ref().filter(|_| !self.is_overage) {
            parts.push(rate.words(catalog));
        }
        parts.extend(self.tier_lines());
        if parts.is_empty() {
            parts.push(format!("No price, {}", self.billed()));
        }
        parts.extend(self.notes(catalog));
        parts
    }

    fn tier_lines(&self) -> Vec<String> {
        let Some(tiers) = &self.tiers else { return Vec::new() };
        let mode = match self.tiers_mode.as_deref() {
            Some("VOLUME") => ", all at the price of the tier that is reached",
            Some(_) => ", each unit at the price of its own tier",
            None => "",
        };
        let mut lines = vec![format!("By quantity{mode}, {}", self.billed())];
        let mut below: Option<String> = None;
        for tier in tiers {
            let range = match (tier.up_to.map(number), &below) {
                (Some(last), _) => format!("Up to {last}"),
                (None, Some(below)) => format!("Above {below}"),
                (None, None) => "Any quantity".to_owned(),
            };
            lines.push(format!("{range}: {}", tier.words(&self.each())));
            below = tier.up_to.map(number);
        }
        lines
    }

    /// What else it says.
    fn notes(&self, catalog: &Catalog) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(country) = &self.billing_country_code {
            notes.push(format!("In {}", country.to_uppercase()));
        }
        match (self.min_unit_quantity.map(number), self.max_unit_quantity.map(number)) {
            (Some(min), Some(max)) => notes.push(format!("From {min} to {max} units")),
            (Some(min), None) => notes.push(format!("At least {min} units")),
            (None, Some(max)) => notes.push(format!("At most {max} units")),
            (None, None) => {}
        }
        match self.credit_grant_cadence.as_deref() {
            Some("MONTHLY") => notes.push("Bought credits are granted every month".to_owned()),
            Some(_) => notes.push("Bought credits are granted when the period begins".to_owned()),
            None => {}
        }
        let unheeded = self.unheeded(catalog);
        notes.extend(unheeded.into_iter().map(|what| format!("Kept, without effect: {what}")));
        notes
    }

    /// What an overage price says of credits and features. Nothing acts on it, and the API takes it no
    /// more; it stays where it stood before.
    pub(super) fn unheeded(&self, catalog: &Catalog) -> Vec<String> {
        let mut unheeded = Vec::new();
        if !self.is_overage {
            return unheeded;
        }
        unheeded.extend(self.credit_rate.as_ref().map(|rate| rate.words(catalog)));
        if let Some(json) = self.credit_entitlement {
            unheeded.push(match serde_json::from_str::<Credits<'_>>(json.get()) {
                Ok(credits) => credits.words(catalog),
                Err(_) => "credits that come with it".to_owned(),
            });
        }
        if self.entitlement.is_some() {
            unheeded.push("a feature that comes with it".to_owned());
        }
        unheeded
    }

    /// The request that makes it again.
    pub(super) fn model(&self) -> Object {
        let mut period = Object::new()
            .text("billingPeriod", &self.billing_period)
            .text_of("billingCountryCode", self.billing_country_code.as_deref())
            .kept("blockSize", self.block_size)
            .text_of("creditGrantCadence", self.credit_grant_cadence.as_deref());
        if let Some(rate) = &self.credit_rate {
            period = period.object("creditRate", &rate.model());
        }
        if let Some(price) = &self.price {
            period = period.object("price", &price.model());
        }
        if let Some(tiers) = &self.tiers {
            let tiers: Vec<Object> = tiers.iter().map(Tier::model).collect();
            period = period.objects("tiers", &tiers);
        }
        Object::new()
            .text("billingModel", &self.billing_model)
            .text("billingCadence", &self.billing_cadence)
            .kept("creditEntitlement", self.credit_entitlement)
            .text_of("currencyId", self.currency_id.as_deref())
            .kept("entitlement", self.entitlement)
            .text_of("featureId", self.feature_id.as_deref())
            .kept("maxUnitQuantity", self.max_unit_quantity)
            .kept("minUnitQuantity", self.min_unit_quantity)
            .text_of("tiersMode", self.tiers_mode.as_deref())
            .text_of("topUpCustomCurrencyId", self.top_up_custom_currency_id.as_deref())
            .objects("pricePeriods", &[period])
    }
}

/// Credits that come with an overage price.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credits<'a> {
    #[serde(borrow)]
    amount: &'a RawValue,
    cadence: String,
    custom_currency_id: String,
}

impl Credits<'_> {
    fn words(&self, catalog: &Catalog) -> String {
        let per = if self.cadence == "MONTH" { "a month" } else { "a year" };
        let of = currency(catalog, &self.custom_currency_id);
        format!("{} {of} {per} that come with it", number(self.amount))
    }
}

impl Rate<'_> {
    /// What it takes for one unit.
    fn words(&self, catalog: &Catalog) -> String {
        let currency = currency(catalog, &self.currency_id);
        match &self.cost_formula {
            Some(formula) => format!("{formula} {currency}, by formula"),
            None => format!("{} {currency} for one", number(self.amount)),
        }
    }

    /// The request that makes it again.
    pub(super) fn model(&self) -> Object {
        Object::new()
            .kept("amount", Some(self.amount))
            .text("currencyId", &self.currency_id)
            .text_of("costFormula", self.cost_formula.as_deref())
    }
}

impl Price<'_> {
    fn words(&self) -> String {
        format!("{} {}", number(self.amount), self.currency.to_uppercase())
    }

    fn model(&self) -> Object {
        Object::new().kept("amount", Some(self.amount)).text("currency", &self.currency)
    }
}

impl Tier<'_> {
    fn words(&self, each: &str) -> String {
        let unit = self.unit_price.as_ref().map(|price| format!("{}{each}", price.words()));
        let flat = self.flat_price.as_ref().map(|price| format!("{} in all", price.words()));
        match (unit, flat) {
            (Some(unit), Some(flat)) => format!("{unit}, and {flat}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "nothing".to_owned(),
        }
    }

    fn model(&self) -> Object {
        let mut tier = Object::new().kept("upTo", self.up_to);
        if let Some(price) = &self.flat_price {
            tier = tier.object("flatPrice", &price.model());
        }
        if let Some(price) = &self.unit_price {
            tier = tier.object("unitPrice", &price.model());
        }
        tier
    }
}

/// A word for what is charged.
fn model_word(model: &str) -> &'static str {
    match model {
        "FLAT_FEE" => "Flat fee",
        "MINIMUM_SPEND" => "Minimum spend",
        "PER_UNIT" => "Units",
        "USAGE_BASED" => "Usage",
        _ => "Credits",
    }
}

fn feature(catalog: &Catalog, id: &str) -> String {
    let name = FeatureId::parse(id).map(|id| words::feature(catalog, &id));
    name.map_or_else(|_| id.to_owned(), |name| isolated(&name).into_owned())
}

fn currency(catalog: &Catalog, id: &str) -> String {
    let name = CurrencyId::parse(id).map(|id| words::currency(catalog, &id));
    name.map_or_else(|_| id.to_owned(), |name| isolated(&name).into_owned())
}
