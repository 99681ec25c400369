//! Reservations: credits on hold for work that is not finished. They are made by a check, see
//! [`crate::query::CheckQuery::reservation`].

use stipend_core::{CurrencyId, CustomerId, ResourceId, Timestamp};

use crate::consumption::CreditBalance;
use crate::entitlement::MetadataMap;
use crate::error::{ErrorCode, WireError};
use crate::number::{Decimal, ReportedAmount, ReportedAmountOrZero, ReservationSeconds};

wire_enum! {
    /// How a reservation stands.
    pub enum ReservationStatus {
        /// It holds credits.
        Active = "ACTIVE",
        /// It was settled.
        Released = "RELEASED",
    }

    /// How a reservation on the list stands (an addition of this server).
    pub enum ListedReservationStatus {
        /// It holds credits.
        Active = "ACTIVE",
        /// It was settled.
        Released = "RELEASED",
        /// It ended by itself, and what it held returned.
        Expired = "EXPIRED",
    }
}

request! {
    /// The settlement of a reservation.
    pub struct ReleaseReservation {
        /// How many of the held credits were used; the rest returns.
        pub consumed_amount: ReportedAmountOrZero,
        /// The credit type.
        pub currency_id: CurrencyId,
        /// The customer.
        pub customer_id: CustomerId,
        /// The resource.
        pub resource_id: Option<ResourceId>,
    }

    /// More time or more credits for a reservation; what is left out stays as it is.
    pub struct ExtendReservation {
        /// The credit type.
        pub currency_id: CurrencyId,
        /// The customer.
        pub customer_id: CustomerId,
        /// When it is to end, at most a day from now; this or `reservationTtlSeconds`.
        pub reservation_expires_at: Option<Timestamp>,
        /// How long it is to last from now; this or `reservationExpiresAt`.
        pub reservation_ttl_seconds: Option<ReservationSeconds>,
        /// How many credits it is to hold altogether; not fewer than it does.
        pub reserve_amount: Option<ReportedAmount>,
        /// The resource.
        pub resource_id: Option<ResourceId>,
    }
    checked by check_extension;
}

fn check_extension(body: &ExtendReservation) -> Result<(), WireError> {
    let refuse = |message: &str| WireError::here(ErrorCode::ConflictingFields, message);
    let has_seconds = body.reservation_ttl_seconds.is_some();
    match (body.reservation_expires_at, body.reserve_amount) {
        (Some(_), _) if has_seconds => {
            let message = "must not be given together with `reservationExpiresAt`";
            Err(refuse(message).under("reservationTtlSeconds"))
        }
        (None, None) if !has_seconds => Err(refuse(
            "must have one of `reservationExpiresAt`, `reservationTtlSeconds` and `reserveAmount`",
        )),
        _ => Ok(()),
    }
}

impl ExtendReservation {
    /// When the reservation is to end; `None` where that stays as it is.
    ///
    /// # Errors
    /// `invalid_period` for an instant that is not after `now`, or more than a day after it.
    pub fn expires_at(&self, now: Timestamp) -> Result<Option<Timestamp>, WireError> {
        match (self.reservation_expires_at, self.reservation_ttl_seconds) {
            (Some(at), _) if !is_soon(at, now) => {
                let message = format!("`/reservationExpiresAt` {MUST_BE_SOON}");
                let error = WireError::new(ErrorCode::InvalidPeriod, message);
                Err(error.with_param("/reservationExpiresAt"))
            }
            (Some(at), _) => Ok(Some(at)),
            (None, seconds) => Ok(seconds.map(|seconds| now.plus_seconds(seconds.0.into()))),
        }
    }
}

/// What the end of a reservation has to be, for messages.
pub(crate) const MUST_BE_SOON: &str = "must lie in the future, and at most 24 hours ahead";

/// Whether a reservation may end at that instant.
pub(crate) fn is_soon(at: Timestamp, now: Timestamp) -> bool {
    at > now && at <= now.plus_seconds(crate::number::RESERVATION_SECONDS_MAX.into())
}

response! {
    /// A reservation of credits.
    pub struct Reservation {
        /// Its id, chosen by the caller.
        pub id: String,
        /// How many credits it holds.
        pub amount: Decimal,
        /// When the hold ends by itself.
        pub expires_at: String,
        /// How it stands.
        pub status: ReservationStatus,
    }
    optional {
        /// How many of them were used.
        pub consumed_amount: Decimal,
    }

    /// A settled reservation.
    pub struct ReservationReleased {
        /// The reservation.
        pub reservation: Reservation,
    }
    optional {
        /// The balance after it.
        pub credit: CreditBalance,
        /// The record of how it was decided (an addition of this server).
        pub decision_id: String,
    }

    /// A reservation that lasts longer, or holds more.
    pub struct ReservationExtended {
        /// The reservation as it is now.
        pub reservation: Reservation,
    }
    optional {
        /// The balance after it.
        pub credit: CreditBalance,
        /// The record of how it was decided.
        pub decision_id: String,
    }

    /// A reservation on the list, with all that is known of it.
    pub struct ListedReservation {
        /// Its id, chosen by the caller.
        pub id: String,
        /// How many credits it holds, or held.
        pub amount: Decimal,
        /// How many of them were used; `null` while it is active, and where it expired.
        pub consumed_amount: Option<Decimal>,
        /// When it was made.
        pub created_at: String,
        /// The credit type.
        pub currency_id: String,
        /// The customer.
        pub customer_id: String,
        /// When the hold ends, or ended, by itself.
        pub expires_at: String,
        /// What it holds of each grant, in burn order; empty when it holds nothing any more.
        pub holds: Vec<ReservationHold>,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// When it was settled; `null` where it was not.
        pub released_at: Option<String>,
        /// The resource; `null` for the customer as a whole.
        pub resource_id: Option<String>,
        /// How it stands.
        pub status: ListedReservationStatus,
    }

    /// What a reservation holds of one grant.
    pub struct ReservationHold {
        /// How many credits.
        pub amount: Decimal,
        /// The grant.
        pub grant_id: String,
    }
}
