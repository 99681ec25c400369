//! The credits of one customer, for the pages of whoever runs the server: the token that a browser
//! gets, and what it opens. Both are additions of this server.
//!
//! Amounts are texts here, because what reads them is a browser: its numbers are floats.

use std::fmt;

use serde::{Serialize, Serializer};
use stipend_core::{Amount, CurrencyId, ResourceId};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::grant::GrantType;
use crate::number::TokenSeconds;

/// An amount as a text, with all its digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecimalText(pub Amount);

impl Serialize for DecimalText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl PartialSchema for DecimalText {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.pattern(Some(r"^-?\d+(\.\d+)?$"))
            .description(Some("An exact decimal number, as a text."))
            .into()
    }
}

impl ToSchema for DecimalText {
    fn name() -> std::borrow::Cow<'static, str> {
        "DecimalText".into()
    }
}

/// A token in full, which is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

request! {
    /// A token with which a browser sees the credits of one customer, for a while.
    pub struct CreateCreditBalanceToken {
        /// How long it is good, in seconds: at most 86 400, which is a day; 900 where this is not given.
        pub expires_in_seconds: Option<TokenSeconds>,
        /// The only credit type that it shows; all of them where this is not given.
        pub currency_id: Option<CurrencyId>,
        /// The only resource whose credits it shows; those of the customer and of all its resources
        /// where this is not given.
        pub resource_id: Option<ResourceId>,
    }
}

response! {
    /// A token with which a browser sees the credits of one customer.
    #[derive(PartialEq, Eq)]
    pub struct CreditBalanceToken {
        /// The token. It reads these credits and opens nothing else.
        pub token: Token,
        /// When it stops being good: it is good before, and not at this instant.
        pub expires_at: String,
        /// The page to put into a frame: a path on this server, with the token in it.
        pub url: String,
    }

    /// The credits of a customer, as of now.
    #[derive(PartialEq, Eq)]
    pub struct CreditBalances {
        /// The instant that all figures are for.
        pub as_of: String,
        /// The time zone in which the days of the customer begin; `UTC` where the environment has
        /// none.
        pub time_zone: String,
        /// When the token stops being good.
        pub token_expires_at: String,
        /// The credit types that there are any credits of, those of the customer before those of
        /// its resources.
        pub balances: Vec<CreditBalance>,
        /// How many more there are that are not in the list.
        pub more_balances: usize,
    }

    /// What a customer has of one credit type.
    #[derive(PartialEq, Eq)]
    pub struct CreditBalance {
        /// The credit type.
        pub currency: CreditTypeLabel,
        /// The resource; `null` for the customer as a whole.
        pub resource_id: Option<String>,
        /// What is left: `granted` less `used`. Below zero where more was used than granted.
        pub balance: DecimalText,
        /// What the grants in force amount to.
        pub granted: DecimalText,
        /// What of it was used or is reserved, and what was used beyond it.
        pub used: DecimalText,
        /// What of the used is reserved for jobs that are not finished.
        pub reserved: DecimalText,
        /// What was used beyond all grants.
        pub overdraft: DecimalText,
        /// What is granted next; `null` where nothing is known to come.
        pub next_grant: Option<CreditChange>,
        /// What ends next of what is left; `null` where nothing of it ends.
        pub next_expiry: Option<CreditChange>,
        /// The grants in force, in the order in which they are drawn.
        pub grants: Vec<CreditBalanceGrant>,
        /// How many more there are that are not in the list.
        pub more_grants: usize,
    }

    /// What credits are called.
    #[derive(PartialEq, Eq)]
    pub struct CreditTypeLabel {
        /// The id.
        pub currency_id: String,
        /// The name.
        pub display_name: String,
        /// What one of them is called.
        pub unit_singular: Option<String>,
        /// What several of them are called.
        pub unit_plural: Option<String>,
    }

    /// Credits that come or go.
    #[derive(PartialEq, Eq)]
    pub struct CreditChange {
        /// When.
        pub at: String,
        /// How many, as things stand.
        pub amount: DecimalText,
    }

    /// One grant.
    #[derive(PartialEq, Eq)]
    pub struct CreditBalanceGrant {
        /// What it is called: for recurring credits, the plan or add-on that they come from.
        pub display_name: String,
        /// Its kind.
        pub grant_type: GrantType,
        /// How many credits it has.
        pub amount: DecimalText,
        /// How many of them are left.
        pub remaining: DecimalText,
        /// When it ends; `null` for never.
        pub expire_at: Option<String>,
    }
}
