//! The query of each operation.

use super::{
    Amount, CurrencyStatus, FeatureStatus, FeatureType, FromParameter, FromQuery, InstantRange,
    Limit, MeterType, Needed, PackageStatus, Parameter, ParameterIn, Parameters, PricingType,
    ProductStatus, SubscriptionStatus, Texts, Timestamp, UpcomingCount, WireError, parameter,
};

query! {
    /// A page of a list that cannot be filtered.
    pub struct PageQuery {
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// How many items.
        pub limit: Limit,
    }

    /// The list of add-ons or plans.
    pub struct PackagesQuery {
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// When they were made.
        pub created_at: InstantRange,
        /// How many items.
        pub limit: Limit,
        /// Of this product only.
        pub product_id: Option<String>,
        /// In these states only.
        pub status: Vec<PackageStatus>,
    }

    /// The list of products.
    pub struct ProductsQuery {
        /// This one only.
        pub id: Option<String>,
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// When they were made.
        pub created_at: InstantRange,
        /// How many items.
        pub limit: Limit,
        /// In these states only.
        pub status: Vec<ProductStatus>,
    }

    /// The list of features.
    pub struct FeaturesQuery {
        /// This one only.
        pub id: Option<String>,
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// When they were made.
        pub created_at: InstantRange,
        /// Of these types only.
        pub feature_type: Vec<FeatureType>,
        /// How many items.
        pub limit: Limit,
        /// With these meters only.
        pub meter_type: Vec<MeterType>,
        /// In these states only.
        pub status: Vec<FeatureStatus>,
    }

    /// The list of credit types.
    pub struct CurrenciesQuery {
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// How many items.
        pub limit: Limit,
        /// In these states only; ACTIVE where this is not given.
        pub status: Vec<CurrencyStatus>,
    }

    /// The list of a customer's grants.
    pub struct GrantsQuery {
        /// The customer.
        pub customer_id: Needed<String>,
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// When they were made.
        pub created_at: InstantRange,
        /// Of this credit type only.
        pub currency_id: Option<String>,
        /// How many items.
        pub limit: Limit,
        /// Of this resource; of the customer as a whole where this is not given.
        pub resource_id: Option<String>,
    }

    /// A customer and a credit type.
    pub struct AutoRechargeQuery {
        /// The credit type.
        pub currency_id: Needed<String>,
        /// The customer.
        pub customer_id: Needed<String>,
    }

    /// The ledger of a customer.
    pub struct LedgerQuery {
        /// The customer.
        pub customer_id: Needed<String>,
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// Of this credit type only.
        pub currency_id: Option<String>,
        /// Of these kinds only; a kind that does not exist has no entries.
        pub event_type: Texts,
        /// How many items.
        pub limit: Limit,
        /// Of this reservation only.
        pub reservation_id: Option<String>,
        /// Of this resource only.
        pub resource_id: Option<String>,
    }

    /// The list of customers.
    pub struct CustomersQuery {
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// When they were made.
        pub created_at: InstantRange,
        /// With this e-mail address only.
        pub email: Option<String>,
        /// How many items.
        pub limit: Limit,
        /// With this name only.
        pub name: Option<String>,
    }

    /// All effective entitlements of a customer.
    pub struct EntitlementsQuery {
        /// Of this resource; of the customer as a whole where this is not given.
        pub resource_id: Option<String>,
    }

    /// The check of one feature or one credit type.
    pub struct CheckQuery {
        /// The credit type; this or `featureId`.
        pub currency_id: Option<String>,
        /// The feature; this or `currencyId`.
        pub feature_id: Option<String>,
        /// Whether to tell when the credits run out; with `currencyId` (an addition of this server).
        pub forecast: Option<bool>,
        /// How much is to be used.
        pub requested_usage: Option<Amount>,
        /// The values that are to be used, for ENUM features.
        pub requested_values: Texts,
        /// When the reservation ends; this or `reservationTtlSeconds`.
        pub reservation_expires_at: Option<Timestamp>,
        /// The id of the reservation to make.
        pub reservation_id: Option<String>,
        /// Texts of your own for the reservation, as JSON.
        pub reservation_metadata: Option<String>,
        /// How long the reservation lasts.
        pub reservation_ttl_seconds: Option<u32>,
        /// How many credits to put on hold.
        pub reserve_amount: Option<Amount>,
        /// For this resource; for the customer as a whole where this is not given.
        pub resource_id: Option<String>,
    }

    /// The explanation of a balance.
    pub struct ExplainQuery {
        /// The credit type.
        pub currency_id: Needed<String>,
        /// Of this resource; of the customer as a whole where this is not given.
        pub resource_id: Option<String>,
    }

    /// The list of subscriptions.
    pub struct SubscriptionsQuery {
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// When they were made.
        pub created_at: InstantRange,
        /// Of this customer only.
        pub customer_id: Option<String>,
        /// How many items.
        pub limit: Limit,
        /// Of this plan only.
        pub plan_id: Option<String>,
        /// Priced like this only.
        pub pricing_type: Vec<PricingType>,
        /// Of this resource only.
        pub resource_id: Option<String>,
        /// In these states only.
        pub status: Vec<SubscriptionStatus>,
    }

    /// The future of a subscription.
    pub struct UpcomingQuery {
        /// How many instants.
        pub count: UpcomingCount,
    }
}

impl CheckQuery {
    /// Refuses a check that does not name exactly one feature or credit type, and one that forecasts
    /// something else than the credits that it finds.
    ///
    /// # Errors
    /// `missing_parameter` for neither, `invalid_parameter` for both, and for such a forecast.
    pub fn check_subject(&self) -> Result<(), WireError> {
        use crate::error::ErrorCode;
        if self.forecast == Some(true)
            && (self.feature_id.is_some() || self.reserve_amount.is_some())
        {
            let message = "`forecast` goes with `currencyId` and reserves nothing";
            let error = WireError::new(ErrorCode::InvalidParameter, message);
            return Err(error.with_param("forecast"));
        }
        let (code, message) = match (&self.feature_id, &self.currency_id) {
            (Some(_), None) | (None, Some(_)) => return Ok(()),
            (None, None) => (ErrorCode::MissingParameter, "name `featureId` or `currencyId`"),
            (Some(_), Some(_)) => {
                (ErrorCode::InvalidParameter, "name either `featureId` or `currencyId`, not both")
            }
        };
        Err(WireError::new(code, message).with_param("featureId"))
    }
}
