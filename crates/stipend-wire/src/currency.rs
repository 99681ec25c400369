//! Credit types, on the wire called custom currencies.

use stipend_core::CurrencyId;

use crate::entitlement::MetadataMap;
use crate::read::Field;
use crate::text::{FreeText, Line, Metadata, Name};

wire_enum! {
    /// The state of a credit type, as lists filter by it.
    pub enum CurrencyStatus {
        /// It can be granted.
        Active = "ACTIVE",
        /// It can be used up, but not granted.
        Archived = "ARCHIVED",
    }
}

request! {
    /// A new credit type.
    pub struct CreateCurrency {
        /// The id, chosen by you.
        pub id: CurrencyId,
        /// The name.
        pub display_name: Name,
        /// A description.
        pub description: Option<FreeText>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// A symbol to show with amounts.
        pub symbol: Option<Line>,
        /// The names of its units.
        pub units: Option<CurrencyUnitsInput>,
    }

    /// A change of a credit type; what is left out stays as it is.
    pub struct UpdateCurrency {
        /// A description; the empty string clears it.
        pub description: Field<FreeText>,
        /// The name.
        pub display_name: Option<Name>,
        /// Texts of your own, replacing all that were there.
        pub metadata: Field<Metadata>,
        /// A symbol to show with amounts; the empty string clears it.
        pub symbol: Field<Line>,
        /// The names of its units.
        pub units: Option<CurrencyUnitsInput>,
    }

    /// The names of a credit type's units.
    pub struct CurrencyUnitsInput {
        /// Of several.
        pub plural: Line,
        /// Of one.
        pub singular: Line,
    }
}

response! {
    /// A credit type.
    pub struct Currency {
        /// The id.
        pub id: String,
        /// When it was archived.
        pub archived_at: Option<String>,
        /// When it was made.
        pub created_at: String,
        /// A description.
        pub description: Option<String>,
        /// The name.
        pub display_name: String,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// A symbol to show with amounts.
        pub symbol: Option<String>,
        /// The names of its units.
        pub units: Option<CurrencyUnits>,
        /// When it was last changed.
        pub updated_at: String,
    }

    /// The names of a credit type's units.
    #[derive(PartialEq, Eq)]
    pub struct CurrencyUnits {
        /// Of several.
        pub plural: Option<String>,
        /// Of one.
        pub singular: Option<String>,
    }

    /// A plan or an add-on that grants a credit type.
    #[derive(PartialEq, Eq)]
    pub struct AssociatedEntity {
        /// Its id.
        pub id: String,
        /// Its name.
        pub display_name: String,
        /// `Plan` or `Addon`.
        pub r#type: String,
    }
}
