//! Settings for buying credits automatically when they run low.

use crate::number::Decimal;

wire_enum! {
    /// How long bought credits last.
    pub enum GrantExpirationPeriod {
        /// A month.
        OneMonth = "1_MONTH",
        /// A year.
        OneYear = "1_YEAR",
    }

    /// What the threshold counts.
    pub enum ThresholdType {
        /// Credits.
        CreditAmount = "CREDIT_AMOUNT",
        /// What they are worth.
        DollarAmount = "DOLLAR_AMOUNT",
    }
}

response! {
    /// The settings of one customer and credit type; defaults where none are stored.
    pub struct AutoRecharge {
        /// The id; `null` for defaults.
        pub id: Option<String>,
        /// When they were made; `null` for defaults.
        pub created_at: Option<String>,
        /// The credit type.
        pub currency_id: String,
        /// The customer.
        pub customer_id: String,
        /// How long bought credits last.
        pub grant_expiration_period: GrantExpirationPeriod,
        /// Whether credits are bought at all.
        pub is_enabled: bool,
        /// The most that is spent in a month.
        pub max_spend_limit: Option<Decimal>,
        /// The balance to buy up to.
        pub target_balance: Decimal,
        /// What the threshold counts.
        pub threshold_type: ThresholdType,
        /// The balance below which credits are bought.
        pub threshold_value: Decimal,
        /// When they were last changed; `null` for defaults.
        pub updated_at: Option<String>,
    }
}

impl AutoRecharge {
    /// What a customer has who never set anything: it is off.
    #[must_use]
    pub fn defaults(customer_id: impl Into<String>, currency_id: impl Into<String>) -> Self {
        Self {
            id: None,
            created_at: None,
            currency_id: currency_id.into(),
            customer_id: customer_id.into(),
            grant_expiration_period: GrantExpirationPeriod::OneYear,
            is_enabled: false,
            max_spend_limit: None,
            target_balance: Decimal::default(),
            threshold_type: ThresholdType::CreditAmount,
            threshold_value: Decimal::default(),
            updated_at: None,
        }
    }
}
