//! Queries over what is billed.

use utoipa::openapi::{RefOr, Schema};

use super::{
    FromParameter, FromQuery, FromText, Limit, Parameter, ParameterIn, Parameters, Timestamp,
    WireError, parameter,
};
use crate::billing::{InvoiceOrder, OrderDirection};
use crate::read::WireEnum;
use crate::schema::enumeration;

query! {
    /// The list of a customer's invoices.
    pub struct InvoicesQuery {
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// Of this contract only.
        pub contract_external_id: Option<String>,
        /// Made later than that only.
        pub issued_after: Option<Timestamp>,
        /// Made earlier than that only.
        pub issued_before: Option<Timestamp>,
        /// How many items.
        pub limit: Limit,
        /// By what they are ordered.
        pub order_by: Option<InvoiceOrder>,
        /// Which way they are ordered.
        pub order_dir: Option<OrderDirection>,
        /// In these states only; a state that does not exist has no invoices.
        pub state_in: Option<String>,
    }
}

impl FromText for InvoiceOrder {
    const EXPECTED: &'static str = "one of issueDate, dueDate and total";

    fn from_text(text: &str) -> Option<Self> {
        Self::find(text)
    }

    fn text_schema() -> RefOr<Schema> {
        enumeration(Self::TEXTS, "One of the values.")
    }
}

impl FromText for OrderDirection {
    const EXPECTED: &'static str = "ASC or DESC";

    fn from_text(text: &str) -> Option<Self> {
        Self::find(text)
    }

    fn text_schema() -> RefOr<Schema> {
        enumeration(Self::TEXTS, "One of the values.")
    }
}
