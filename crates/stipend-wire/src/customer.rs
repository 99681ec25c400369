//! Customers and their resources.

use stipend_core::CustomerId;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::entitlement::MetadataMap;
use crate::error::WireError;
use crate::json::Json;
use crate::money::MoneyCurrency;
use crate::number::ExactAmount;
use crate::opaque::{Checked, Opaque, OpaqueObject};
use crate::read::{Field, FromJson, Nullable};
use crate::schema::string;
use crate::text::{Email, Key, Line, Metadata, Name};

wire_enum! {
    /// The kind of a payment method.
    pub enum PaymentMethodType {
        /// A card.
        Card = "CARD",
        /// A bank account.
        Bank = "BANK",
        /// Cash App.
        CashApp = "CASH_APP",
        /// `PayPal`.
        Paypal = "PAYPAL",
    }

    /// An outside system.
    pub enum Vendor {
        /// Auth0.
        Auth0 = "AUTH0",
        /// Zuora.
        Zuora = "ZUORA",
        /// Stripe.
        Stripe = "STRIPE",
        /// `HubSpot`.
        Hubspot = "HUBSPOT",
        /// AWS Marketplace.
        AwsMarketplace = "AWS_MARKETPLACE",
        /// Snowflake.
        Snowflake = "SNOWFLAKE",
        /// Salesforce.
        Salesforce = "SALESFORCE",
        /// `BigQuery`.
        BigQuery = "BIG_QUERY",
        /// `OpenFGA`.
        OpenFga = "OPEN_FGA",
        /// App Store.
        AppStore = "APP_STORE",
        /// Received.
        Received = "RECEIVED",
        /// Prequel.
        Prequel = "PREQUEL",
        /// Airwallex.
        Airwallex = "AIRWALLEX",
        /// Stripe Invoicing.
        StripeInvoicing = "STRIPE_INVOICING",
    }
}

/// The id of a coupon, or the empty string for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponId(pub String);

impl FromJson for CouponId {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        match &json {
            Json::String(text) if text.is_empty() => Ok(Self(String::new())),
            _ => Key::from_json(json).map(|key| Self(key.0)),
        }
    }

    fn schema() -> RefOr<Schema> {
        string(255).into()
    }
}

request! {
    /// A new customer.
    pub struct CreateCustomer {
        /// The id, chosen by you.
        pub id: CustomerId,
        /// The currency of the customer's bills. Kept and returned, not acted on.
        pub billing_currency: Field<MoneyCurrency>,
        /// The id at the billing provider. Kept and returned, not acted on.
        pub billing_id: Field<Line>,
        /// A coupon for all the customer's subscriptions. Kept and returned, not acted on.
        pub coupon_id: Field<CouponId>,
        /// How the customer pays. Kept and returned, not acted on.
        pub default_payment_method: Field<Checked<PaymentMethodInput>>,
        /// The e-mail address.
        pub email: Field<Email>,
        /// How outside systems know the customer. Kept and returned, not acted on.
        pub integrations: Option<Checked<Vec<IntegrationInput>>>,
        /// The language. Kept and returned, not acted on.
        pub language: Field<Line>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// The name.
        pub name: Field<Name>,
        /// What is handed on to the billing provider. Kept and returned, not acted on.
        pub passthrough: Option<Checked<Passthrough>>,
        /// The time zone. Kept and returned, not acted on. Periods are counted as the environment
        /// says.
        pub timezone: Field<Line>,
    }

    /// A change of a customer; what is left out stays as it is.
    pub struct UpdateCustomer {
        /// The currency of the customer's bills. Kept and returned, not acted on.
        pub billing_currency: Field<MoneyCurrency>,
        /// The id at the billing provider. Kept and returned, not acted on.
        pub billing_id: Field<Line>,
        /// A coupon for all the customer's subscriptions. Kept and returned, not acted on.
        pub coupon_id: Field<CouponId>,
        /// The e-mail address.
        pub email: Field<Email>,
        /// How outside systems know the customer. Kept and returned, not acted on.
        pub integrations: Option<Checked<Vec<IntegrationInput>>>,
        /// The language. Kept and returned, not acted on.
        pub language: Field<Line>,
        /// Texts of your own, replacing all that were there.
        pub metadata: Option<Metadata>,
        /// The name.
        pub name: Field<Name>,
        /// What is handed on to the billing provider. Kept and returned, not acted on.
        pub passthrough: Option<Checked<Passthrough>>,
        /// The time zone. Kept and returned, not acted on. Periods are counted as the environment
        /// says.
        pub timezone: Field<Line>,
    }

    /// How a customer pays.
    pub struct PaymentMethodInput {
        /// The id at the billing provider.
        pub billing_id: Nullable<Line>,
        /// The month in which the card ends.
        pub card_expiry_month: Nullable<ExactAmount>,
        /// The year in which the card ends.
        pub card_expiry_year: Nullable<ExactAmount>,
        /// The card's last four digits.
        pub card_last4_digits: Nullable<Line>,
        /// The kind.
        pub r#type: PaymentMethodType,
    }

    /// How an outside system knows something.
    pub struct IntegrationInput {
        /// The id of the link.
        pub id: Key,
        /// The id there.
        pub synced_entity_id: Nullable<Line>,
        /// The system.
        pub vendor_identifier: Vendor,
    }

    /// What is handed on to billing providers as it is.
    pub struct Passthrough {
        /// To Stripe.
        pub stripe: Option<OpaqueObject>,
        /// To Zuora.
        pub zuora: Option<OpaqueObject>,
    }
}

response! {
    /// A customer.
    pub struct Customer {
        /// The id.
        pub id: String,
        /// When the customer was archived.
        pub archived_at: Option<String>,
        /// When the customer was made.
        pub created_at: String,
        /// When the customer was last changed.
        pub updated_at: String,
    }
    optional {
        /// The currency of the customer's bills.
        pub billing_currency: String,
        /// The id at the billing provider.
        pub billing_id: String,
        /// A coupon for all the customer's subscriptions.
        pub coupon_id: String,
        /// How the customer pays, see `PaymentMethodInput`.
        pub default_payment_method: Opaque,
        /// The e-mail address.
        pub email: String,
        /// How outside systems know the customer: a list of `IntegrationInput`.
        pub integrations: Opaque,
        /// The language.
        pub language: String,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// The name.
        pub name: String,
        /// What is handed on to the billing provider.
        pub passthrough: Opaque,
        /// The time zone.
        pub timezone: String,
    }

    /// A resource of a customer; it comes into being with its first subscription or grant.
    #[derive(PartialEq, Eq)]
    pub struct Resource {
        /// The id.
        pub id: String,
        /// When it was made.
        pub created_at: String,
        /// When it was last changed.
        pub updated_at: String,
    }
}
