//! What a subscription will do next, instant by instant. It is an addition of this server
//! (`GET /api/v1/subscriptions/{id}/upcoming`).

use crate::entitlement::Cadence;
use crate::number::Decimal;

wire_enum! {
    /// What becomes of a subscription at an instant.
    pub enum UpcomingChange {
        /// It begins.
        Starts = "STARTS",
        /// Its trial ends.
        TrialEnds = "TRIAL_ENDS",
        /// A change that was put off takes effect.
        Updates = "UPDATES",
        /// A period ends and the next one begins.
        Renews = "RENEWS",
        /// It ends.
        Ends = "ENDS",
    }
}

response! {
    /// One instant at which something happens to a subscription.
    #[derive(PartialEq)]
    pub struct UpcomingStep {
        /// The instant, in UTC.
        pub at: String,
        /// The same instant with the offset of the environment's time zone.
        pub at_local: String,
        /// The environment's time zone; `UTC` where it has none.
        pub time_zone: String,
        /// What becomes of the subscription.
        pub changes: Vec<UpcomingChange>,
        /// The credits that end.
        pub expires: Vec<UpcomingExpiry>,
        /// The credits that are granted.
        pub grants: Vec<UpcomingGrant>,
    }

    /// Credits that end.
    #[derive(PartialEq)]
    pub struct UpcomingExpiry {
        /// The grant; `null` where it is not there yet.
        pub grant_id: Option<String>,
        /// The credit type.
        pub currency_id: String,
        /// The resource; `null` for the customer as a whole.
        pub resource_id: Option<String>,
        /// How many, if no more of them are used.
        pub amount: Decimal,
        /// The plan or add-on they came from.
        pub package_id: Option<String>,
    }

    /// Credits that are granted.
    #[derive(PartialEq)]
    pub struct UpcomingGrant {
        /// The credit type.
        pub currency_id: String,
        /// The resource; `null` for the customer as a whole.
        pub resource_id: Option<String>,
        /// How many.
        pub amount: Decimal,
        /// The plan or add-on they come from.
        pub package_id: String,
        /// How often they are granted.
        pub cadence: Cadence,
        /// When they end; `null` for never.
        pub expire_at: Option<String>,
    }
}
