//! Money: whole units of a currency, never cents.

use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::error::WireError;
use crate::json::Json;
use crate::number::{Decimal, ExactAmount};
use crate::read::{FromJson, unknown_value, wrong_type};
use crate::schema::enumeration;

/// Every currency of the contract, in its order.
pub const MONEY_CURRENCIES: &[&str] = &[
    "usd", "aed", "all", "amd", "ang", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bif",
    "bmd", "bnd", "bsd", "bwp", "byn", "bzd", "brl", "cad", "cdf", "chf", "cny", "czk", "dkk",
    "dop", "dzd", "egp", "etb", "eur", "fjd", "gbp", "gel", "gip", "gmd", "gyd", "hkd", "hrk",
    "htg", "idr", "ils", "inr", "isk", "jmd", "jpy", "kes", "kgs", "khr", "kmf", "krw", "kyd",
    "kzt", "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mga", "mkd", "mmk", "mnt", "mop", "mro",
    "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nok", "npr", "nzd", "pgk", "php", "pkr",
    "pln", "qar", "ron", "rsd", "rub", "rwf", "sar", "sbd", "scr", "sek", "sgd", "sle", "sll",
    "sos", "szl", "thb", "tjs", "top", "try", "ttd", "tzs", "uah", "uzs", "vnd", "vuv", "wst",
    "xaf", "xcd", "yer", "zar", "zmw", "clp", "djf", "gnf", "ugx", "pyg", "xof", "xpf",
];

/// The lower-case code of a currency of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MoneyCurrency(pub &'static str);

impl MoneyCurrency {
    /// What a price without a currency is in.
    pub const DEFAULT: Self = Self("usd");

    /// The currency of that code, if the contract has it.
    #[must_use]
    pub fn find(code: &str) -> Option<Self> {
        MONEY_CURRENCIES.iter().find(|known| **known == code).map(|known| Self(known))
    }
}

impl FromJson for MoneyCurrency {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        match json {
            Json::String(code) => {
                Self::find(&code).ok_or_else(|| unknown_value(&code, MONEY_CURRENCIES))
            }
            other => Err(wrong_type("a string", &other)),
        }
    }

    fn schema() -> RefOr<Schema> {
        enumeration(MONEY_CURRENCIES, "The lower-case code of a currency.")
    }
}

request! {
    /// A sum of money.
    pub struct MoneyInput {
        /// How much, in whole units of the currency (`12.5` is twelve and a half).
        pub amount: ExactAmount,
        /// The currency; US dollars where it is not given.
        pub currency: Option<MoneyCurrency>,
    }
}

impl MoneyInput {
    /// The sum as a response shows it.
    #[must_use]
    pub fn to_money(&self) -> Money {
        let currency = self.currency.unwrap_or(MoneyCurrency::DEFAULT);
        Money { amount: Decimal(self.amount.0), currency: currency.0.to_owned() }
    }
}

response! {
    /// A sum of money.
    #[derive(PartialEq)]
    pub struct Money {
        /// How much, in whole units of the currency.
        pub amount: Decimal,
        /// The lower-case code of the currency.
        pub currency: String,
    }
}
