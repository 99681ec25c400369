//! The ledger: every change of a balance.

use crate::entitlement::MetadataMap;
use crate::number::Decimal;

wire_enum! {
    /// What happened.
    pub enum LedgerEventType {
        /// Credits were granted.
        CreditsGranted = "CREDITS_GRANTED",
        /// The rest of a grant expired.
        CreditsExpired = "CREDITS_EXPIRED",
        /// Credits were used.
        CreditsConsumed = "CREDITS_CONSUMED",
        /// The rest of a grant was taken back.
        CreditsVoided = "CREDITS_VOIDED",
        /// A grant was changed.
        CreditsUpdated = "CREDITS_UPDATED",
        /// Use was transferred away from a grant.
        CreditsConsumptionTransferSource = "CREDITS_CONSUMPTION_TRANSFER_SOURCE",
        /// Use was transferred to a grant.
        CreditsConsumptionTransferTarget = "CREDITS_CONSUMPTION_TRANSFER_TARGET",
        /// Credits were put on hold.
        CreditsReserved = "CREDITS_RESERVED",
        /// A hold was settled.
        CreditsReservationReleased = "CREDITS_RESERVATION_RELEASED",
        /// A hold ended by itself.
        CreditsReservationExpired = "CREDITS_RESERVATION_EXPIRED",
    }
}

response! {
    /// One change of a balance.
    pub struct LedgerEntry {
        /// Its effect on the balance, with its sign.
        pub amount: Decimal,
        /// The credit type.
        pub credit_currency_id: String,
        /// The grant it concerns.
        pub credit_grant_id: String,
        /// The customer.
        pub customer_id: String,
        /// The event that caused it.
        pub event_id: Option<String>,
        /// What happened.
        pub event_type: LedgerEventType,
        /// The feature whose use caused it.
        pub feature_id: Option<String>,
        /// The resource.
        pub resource_id: Option<String>,
        /// When it took effect.
        pub timestamp: String,
    }
    optional {
        /// The entry's id, by which it can be reversed (an addition of this server).
        pub entry_id: String,
        /// For the settlement of a hold: what each grant gave.
        pub breakdown: Vec<LedgerBreakdown>,
        /// For the settlement of a hold: what returned before the use was deducted.
        pub hold_returned_amount: Decimal,
        /// Texts of the reservation.
        pub metadata: MetadataMap,
        /// The record of how it was decided (an addition of this server).
        pub decision_id: String,
        /// Why it was reversed, for a reversal (an addition of this server).
        pub reason: String,
        /// The reservation it concerns.
        pub reservation_id: String,
        /// The entry that it reverses, for a reversal (an addition of this server).
        pub reversal_of: String,
        /// The entry that reverses it, where one does (an addition of this server).
        pub reversed_by: String,
    }

    /// What one grant gave when a hold was settled.
    pub struct LedgerBreakdown {
        /// The effect on the balance, with its sign.
        pub amount: Decimal,
        /// The credit type.
        pub credit_currency_id: String,
        /// The grant.
        pub credit_grant_id: String,
        /// The customer.
        pub customer_id: String,
        /// What happened.
        pub event_type: LedgerEventType,
        /// When it took effect.
        pub timestamp: String,
    }
    optional {
        /// The event that caused it.
        pub event_id: String,
        /// The feature whose use caused it.
        pub feature_id: String,
        /// The reservation it concerns.
        pub reservation_id: String,
        /// The resource.
        pub resource_id: String,
    }
}
