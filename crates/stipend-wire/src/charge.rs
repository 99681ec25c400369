//! Prices of plans and add-ons. The engine keeps them as rows that it does not read.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use stipend_core::{CurrencyId, FeatureId};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::entitlement::{Cadence, MonthlyReset, ResetPeriod, WeeklyReset, YearlyReset};
use crate::error::{ErrorCode, WireError};
use crate::money::{Money, MoneyInput};
use crate::number::{Count, Decimal, ExactAmount};
use crate::opaque::{Checked, Opaque};
use crate::read::{Field, NonEmpty};
use crate::text::{FreeText, Key, Line};

wire_enum! {
    /// How a package is priced.
    pub enum PricingType {
        /// It costs nothing.
        Free = "FREE",
        /// It has prices.
        Paid = "PAID",
        /// Its price is agreed with each customer.
        Custom = "CUSTOM",
    }

    /// What a price is for.
    pub enum BillingModel {
        /// A fixed fee.
        FlatFee = "FLAT_FEE",
        /// The least that is charged.
        MinimumSpend = "MINIMUM_SPEND",
        /// Units bought in advance.
        PerUnit = "PER_UNIT",
        /// Usage, charged afterwards.
        UsageBased = "USAGE_BASED",
        /// Credits.
        CreditBased = "CREDIT_BASED",
    }

    /// Whether a price comes again.
    pub enum BillingCadence {
        /// Every billing period.
        Recurring = "RECURRING",
        /// Once.
        OneOff = "ONE_OFF",
    }

    /// How long a billing period is.
    pub enum BillingPeriod {
        /// A month.
        Monthly = "MONTHLY",
        /// A year.
        Annually = "ANNUALLY",
    }

    /// When overage is charged.
    pub enum OverageBillingPeriod {
        /// When the subscription renews.
        OnSubscriptionRenewal = "ON_SUBSCRIPTION_RENEWAL",
        /// Every month.
        Monthly = "MONTHLY",
    }

    /// When bought credits are granted.
    pub enum CreditGrantCadence {
        /// All of them when the billing period begins.
        BeginningOfBillingPeriod = "BEGINNING_OF_BILLING_PERIOD",
        /// A part every month.
        Monthly = "MONTHLY",
    }

    /// How tiers apply.
    pub enum TiersMode {
        /// All units at the price of the tier that is reached.
        Volume = "VOLUME",
        /// Each unit at the price of its own tier.
        Graduated = "GRADUATED",
    }
}

request! {
    /// The whole pricing of a package; what is left out is not priced.
    pub struct ChargesInput {
        /// How the package is priced.
        pub pricing_type: PricingType,
        /// The id at the billing provider (deprecated). Accepted and not kept.
        pub billing_id: Option<Line>,
        /// The least that is charged in each billing period. Kept and returned, not acted on.
        pub minimum_spend: Field<Vec<MinimumSpendInput>>,
        /// When overage is charged. Accepted and not kept: no money is charged here.
        pub overage_billing_period: Option<OverageBillingPeriod>,
        /// Prices of usage above what is granted. Kept and returned, not acted on. What they say of
        /// credits or access (`creditRate`, `creditEntitlement`, `entitlement`) is refused.
        pub overage_pricing_models: Option<Vec<OveragePricingModel>>,
        /// The base prices. Kept and returned; only a `creditRate` with a `featureId` is acted on.
        pub pricing_models: Option<Vec<PricingModel>>,
    }

    /// The least that is charged in a billing period.
    pub struct MinimumSpendInput {
        /// The billing period.
        pub billing_period: BillingPeriod,
        /// The sum.
        pub minimum: MoneyInput,
    }

    /// A base price.
    pub struct PricingModel {
        /// What it is for.
        pub billing_model: BillingModel,
        /// The price for each billing period.
        pub price_periods: NonEmpty<PricePeriod>,
        /// Whether it comes again; `RECURRING` where this is not given.
        pub billing_cadence: Option<BillingCadence>,
        /// The feature it charges for.
        pub feature_id: Option<FeatureId>,
        /// The most units that can be bought. Kept and returned, not acted on.
        pub max_unit_quantity: Option<Count>,
        /// The fewest units that can be bought. Kept and returned, not acted on.
        pub min_unit_quantity: Option<Count>,
        /// Where monthly periods begin; refused, see `resetPeriod`.
        pub monthly_reset_period_configuration: Option<MonthlyReset>,
        /// How often usage starts again from zero; refused: the entitlement of the feature says it.
        pub reset_period: Option<ResetPeriod>,
        /// How tiers apply.
        pub tiers_mode: Option<TiersMode>,
        /// The credit type that is sold. Kept and returned, not acted on. Credits that were bought
        /// are granted with `POST /api/v1/credits/grants`.
        pub top_up_custom_currency_id: Option<CurrencyId>,
        /// Where weekly periods begin; refused, see `resetPeriod`.
        pub weekly_reset_period_configuration: Option<WeeklyReset>,
        /// Where yearly periods begin; refused, see `resetPeriod`.
        pub yearly_reset_period_configuration: Option<YearlyReset>,
    }

    /// A price of usage above what is granted.
    pub struct OveragePricingModel {
        /// The price for each billing period.
        pub price_periods: NonEmpty<PricePeriod>,
        /// What it is for; older clients send it.
        pub billing_model: Option<BillingModel>,
        /// Whether it comes again; older clients send it.
        pub billing_cadence: Option<BillingCadence>,
        /// Credits to grant where the plan does not grant that type. Refused: give the plan an
        /// entitlement for them.
        pub credit_entitlement: Option<Checked<OverageCredits>>,
        /// The credit type it charges for.
        pub currency_id: Option<CurrencyId>,
        /// The feature to grant where the plan does not. Refused: give the plan an entitlement for
        /// it.
        pub entitlement: Option<Checked<OverageFeature>>,
        /// The feature it charges for.
        pub feature_id: Option<FeatureId>,
    }

    /// Credits that come with an overage price.
    pub struct OverageCredits {
        /// How many in each period.
        pub amount: ExactAmount,
        /// How often.
        pub cadence: Cadence,
        /// The credit type.
        pub custom_currency_id: CurrencyId,
    }

    /// The feature that comes with an overage price.
    pub struct OverageFeature {
        /// The feature.
        pub feature_id: FeatureId,
        /// Whether usage may go past the limit.
        pub has_soft_limit: Option<bool>,
        /// Whether there is no limit.
        pub has_unlimited_usage: Option<bool>,
        /// Where monthly periods begin.
        pub monthly_reset_period_configuration: Option<MonthlyReset>,
        /// How often usage starts again from zero.
        pub reset_period: Option<ResetPeriod>,
        /// The greatest usage.
        pub usage_limit: Option<ExactAmount>,
        /// Where weekly periods begin.
        pub weekly_reset_period_configuration: Option<WeeklyReset>,
        /// Where yearly periods begin.
        pub yearly_reset_period_configuration: Option<YearlyReset>,
    }

    /// The price for one billing period.
    pub struct PricePeriod {
        /// The billing period.
        pub billing_period: BillingPeriod,
        /// The country it is for; everywhere else where this is not given. Kept and returned, not
        /// acted on. Beside a `creditRate` it is refused.
        pub billing_country_code: Option<Key>,
        /// How many units the price buys.
        pub block_size: Option<ExactAmount>,
        /// When bought credits are granted. Kept and returned, not acted on.
        pub credit_grant_cadence: Option<CreditGrantCadence>,
        /// What one unit costs in credits. Refused in overage prices.
        pub credit_rate: Option<CreditRateInput>,
        /// The price. Kept and returned, not acted on.
        pub price: Option<MoneyInput>,
        /// Prices by quantity. Kept and returned, not acted on.
        pub tiers: Option<Vec<TierInput>>,
    }

    /// What one unit costs in credits.
    pub struct CreditRateInput {
        /// Credits per unit; zero only with a formula.
        pub amount: ExactAmount,
        /// The credit type.
        pub currency_id: CurrencyId,
        /// A formula for the cost of one event.
        pub cost_formula: Option<FreeText>,
    }
    checked by check_rate;

    /// The price of one range of quantities.
    pub struct TierInput {
        /// For the whole range.
        pub flat_price: Option<MoneyInput>,
        /// For each unit in it.
        pub unit_price: Option<MoneyInput>,
        /// Its last unit; none for the last tier.
        pub up_to: Option<ExactAmount>,
    }

    /// What may be spent.
    pub struct MoneyBudget {
        /// Whether it may be exceeded.
        pub has_soft_limit: bool,
        /// The limit.
        pub limit: ExactAmount,
    }
}

fn check_rate(rate: &CreditRateInput) -> Result<(), WireError> {
    if rate.amount.0.is_zero() && rate.cost_formula.is_none() {
        let message = "must be above zero where there is no `costFormula`";
        return Err(WireError::here(ErrorCode::MustBePositive, message).under("amount"));
    }
    Ok(())
}

/// A feature's or credit type's rate among the charges, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedRate<'a> {
    /// The pointer of the rate in the body of the package.
    pub pointer: String,
    /// Whether it prices usage above what is granted.
    pub is_overage: bool,
    /// The feature whose usage it prices.
    pub feature_id: Option<&'a FeatureId>,
    /// The billing period of its price.
    pub billing_period: BillingPeriod,
    /// Whether its price is that of one country.
    pub has_country: bool,
    /// The rate.
    pub rate: &'a CreditRateInput,
}

response! {
    /// The price of one range of quantities.
    #[derive(PartialEq)]
    pub struct Tier {
        /// For the whole range.
        pub flat_price: Option<Money>,
        /// For each unit in it.
        pub unit_price: Option<Money>,
        /// Its last unit; `null` in the last tier.
        pub up_to: Option<Decimal>,
    }

    /// What one unit costs in credits.
    #[derive(PartialEq)]
    pub struct CreditRate {
        /// Credits per unit.
        pub amount: Decimal,
        /// The credit type.
        pub currency_id: String,
        /// A formula for the cost of one event.
        pub cost_formula: Option<String>,
    }

    /// One price of a package, for one billing period and country.
    pub struct ChargeFields {
        /// Whether it comes again.
        pub billing_cadence: BillingCadence,
        /// What it is for.
        pub billing_model: BillingModel,
        /// The billing period.
        pub billing_period: BillingPeriod,
    }
    optional {
        /// The row's id.
        pub id: String,
        /// When it was made.
        pub created_at: String,
        /// The country it is for.
        pub billing_country_code: String,
        /// How many units the price buys.
        pub block_size: Decimal,
        /// Credits to grant where the plan does not grant that type (an addition of this server).
        /// Only in prices from before they were refused; not acted on.
        pub credit_entitlement: Opaque,
        /// When bought credits are granted.
        pub credit_grant_cadence: CreditGrantCadence,
        /// What one unit costs in credits.
        pub credit_rate: CreditRate,
        /// The credit type that overage is charged for (an addition of this server).
        pub currency_id: String,
        /// The feature to grant where the plan does not (an addition of this server). Only in prices
        /// from before it was refused; not acted on.
        pub entitlement: Opaque,
        /// The feature it charges for.
        pub feature_id: String,
        /// The most units that can be bought.
        pub max_unit_quantity: u32,
        /// The fewest units that can be bought.
        pub min_unit_quantity: u32,
        /// The price.
        pub price: Money,
        /// Prices by quantity.
        pub tiers: Vec<Tier>,
        /// How tiers apply.
        pub tiers_mode: TiersMode,
        /// The credit type that is sold.
        pub top_up_custom_currency_id: String,
        /// Whether a subscription refers to it.
        pub used_in_subscriptions: bool,
    }
}

/// One price of a package as it is stored: a response row without `id` and `createdAt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRow {
    /// Whether it prices usage above what is granted.
    pub is_overage: bool,
    /// The row as JSON text.
    pub text: Opaque,
}

/// A price row in a response.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The row's id.
    pub id: String,
    /// When it was made.
    pub created_at: String,
    /// The stored row.
    pub row: Opaque,
}

impl Serialize for Charge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        // Reading the stored row as raw members keeps every digit of its numbers.
        let mut members: BTreeMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_str(self.row.as_str()).map_err(Error::custom)?;
        for (key, text) in [("id", &self.id), ("createdAt", &self.created_at)] {
            let value = serde_json::value::to_raw_value(text).map_err(Error::custom)?;
            members.insert(key.to_owned(), value);
        }
        members.serialize(serializer)
    }
}

impl PartialSchema for Charge {
    fn schema() -> RefOr<Schema> {
        match ChargeFields::schema() {
            RefOr::T(Schema::Object(mut object)) => {
                object.required.extend(["id".to_owned(), "createdAt".to_owned()]);
                object.into()
            }
            other => other,
        }
    }
}

impl ToSchema for Charge {
    fn name() -> std::borrow::Cow<'static, str> {
        "Charge".into()
    }

    fn schemas(out: &mut Vec<(String, RefOr<Schema>)>) {
        ChargeFields::schemas(out);
    }
}

impl ChargeFields {
    fn new(model: BillingModel, cadence: Option<BillingCadence>, period: BillingPeriod) -> Self {
        Self {
            billing_cadence: cadence.unwrap_or(BillingCadence::Recurring),
            billing_model: model,
            billing_period: period,
            id: None,
            created_at: None,
            billing_country_code: None,
            block_size: None,
            credit_entitlement: None,
            credit_grant_cadence: None,
            credit_rate: None,
            currency_id: None,
            entitlement: None,
            feature_id: None,
            max_unit_quantity: None,
            min_unit_quantity: None,
            price: None,
            tiers: None,
            tiers_mode: None,
            top_up_custom_currency_id: None,
            used_in_subscriptions: None,
        }
    }

    fn with_period(mut self, period: &PricePeriod) -> Self {
        self.billing_country_code = period.billing_country_code.as_ref().map(|code| code.0.clone());
        self.block_size = period.block_size.map(|size| Decimal(size.0));
        self.credit_grant_cadence = period.credit_grant_cadence;
        self.credit_rate = period.credit_rate.as_ref().map(|rate| CreditRate {
            amount: Decimal(rate.amount.0),
            currency_id: rate.currency_id.to_string(),
            cost_formula: rate.cost_formula.as_ref().map(|formula| formula.0.clone()),
        });
        self.price = period.price.as_ref().map(MoneyInput::to_money);
        self.tiers =
            period.tiers.as_ref().map(|tiers| tiers.iter().map(TierInput::to_tier).collect());
        self
    }

    /// What tells the rows of one package apart.
    fn key(&self) -> impl Ord + use<> {
        (
            (self.billing_model, self.billing_cadence, self.billing_period),
            (self.billing_country_code.clone(), self.feature_id.clone()),
            (self.currency_id.clone(), self.top_up_custom_currency_id.clone()),
        )
    }

    fn into_row(self, is_overage: bool) -> ChargeRow {
        let text = serde_json::to_string(&self).expect("a row has only JSON values");
        ChargeRow { is_overage, text: Opaque::from_stored(text) }
    }
}

impl TierInput {
    fn to_tier(&self) -> Tier {
        Tier {
            flat_price: self.flat_price.as_ref().map(MoneyInput::to_money),
            unit_price: self.unit_price.as_ref().map(MoneyInput::to_money),
            up_to: self.up_to.map(|last| Decimal(last.0)),
        }
    }
}

impl PricingModel {
    fn to_fields(&self, period: &PricePeriod) -> ChargeFields {
        ChargeFields {
            feature_id: self.feature_id.as_ref().map(ToString::to_string),
            max_unit_quantity: self.max_unit_quantity.map(|count| count.0),
            min_unit_quantity: self.min_unit_quantity.map(|count| count.0),
            tiers_mode: self.tiers_mode,
            top_up_custom_currency_id: self
                .top_up_custom_currency_id
                .as_ref()
                .map(ToString::to_string),
            ..ChargeFields::new(self.billing_model, self.billing_cadence, period.billing_period)
                .with_period(period)
        }
    }
}

impl OveragePricingModel {
    /// What an overage price is for where the request does not say it.
    pub const fn usual_model(is_of_credits: bool) -> BillingModel {
        if is_of_credits { BillingModel::CreditBased } else { BillingModel::UsageBased }
    }

    fn to_fields(&self, period: &PricePeriod) -> ChargeFields {
        let is_of_credits = self.currency_id.is_some() || period.credit_rate.is_some();
        let model = self.billing_model.unwrap_or(Self::usual_model(is_of_credits));
        ChargeFields {
            credit_entitlement: self.credit_entitlement.as_ref().map(|kept| kept.text.clone()),
            currency_id: self.currency_id.as_ref().map(ToString::to_string),
            entitlement: self.entitlement.as_ref().map(|kept| kept.text.clone()),
            feature_id: self.feature_id.as_ref().map(ToString::to_string),
            ..ChargeFields::new(model, self.billing_cadence, period.billing_period)
                .with_period(period)
        }
    }
}

impl ChargesInput {
    /// Every credit rate, those of base prices first. The same feature has one for each billing
    /// period and country that it is priced for.
    pub fn credit_rates(&self) -> impl Iterator<Item = PlacedRate<'_>> {
        let base = self.pricing_models.iter().flatten().enumerate().map(|(at, model)| {
            (false, at, model.feature_id.as_ref(), model.price_periods.0.as_slice())
        });
        let overage =
            self.overage_pricing_models.iter().flatten().enumerate().map(|(at, model)| {
                (true, at, model.feature_id.as_ref(), model.price_periods.0.as_slice())
            });
        base.chain(overage).flat_map(|(is_overage, at, feature_id, periods)| {
            let list = if is_overage { "overagePricingModels" } else { "pricingModels" };
            periods.iter().enumerate().filter_map(move |(period_at, period)| {
                let pointer = format!("/charges/{list}/{at}/pricePeriods/{period_at}/creditRate");
                let billing_period = period.billing_period;
                let has_country = period.billing_country_code.is_some();
                let rate = period.credit_rate.as_ref()?;
                Some(PlacedRate {
                    pointer,
                    is_overage,
                    feature_id,
                    billing_period,
                    has_country,
                    rate,
                })
            })
        })
    }

    /// The rows to store: one for each model and price period, and one for each minimum spend.
    ///
    /// # Errors
    /// `duplicate_item` where two rows have the same model, cadence, billing period, country,
    /// feature and credit type.
    pub fn to_rows(&self) -> Result<Vec<ChargeRow>, WireError> {
        let base = self.pricing_models.iter().flatten().enumerate().flat_map(|(at, model)| {
            let periods = model.price_periods.0.iter();
            periods.map(move |period| ("pricingModels", at, model.to_fields(period)))
        });
        let overage =
            self.overage_pricing_models.iter().flatten().enumerate().flat_map(|(at, model)| {
                let periods = model.price_periods.0.iter();
                periods.map(move |period| ("overagePricingModels", at, model.to_fields(period)))
            });
        let minima = match &self.minimum_spend {
            Field::Value(minima) => minima.as_slice(),
            Field::Absent | Field::Null => &[],
        };
        let minima = minima.iter().enumerate().map(|(at, minimum)| {
            let row = ChargeFields::new(BillingModel::MinimumSpend, None, minimum.billing_period);
            ("minimumSpend", at, ChargeFields { price: Some(minimum.minimum.to_money()), ..row })
        });
        let mut seen = std::collections::BTreeSet::new();
        let mut rows = Vec::new();
        for (list, at, row) in base.chain(minima).chain(overage) {
            let is_overage = list == "overagePricingModels";
            if !seen.insert((is_overage, row.key())) {
                let pointer = format!("/charges/{list}/{at}");
                let message = format!("`{pointer}` has a price that another one has already set");
                return Err(WireError::new(ErrorCode::DuplicateItem, message).with_param(pointer));
            }
            rows.push(row.into_row(is_overage));
        }
        Ok(rows)
    }
}
