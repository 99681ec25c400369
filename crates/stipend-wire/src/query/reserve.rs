//! Reservations in queries: the one that a check makes, and their list.

use super::{
    Amount, CheckQuery, FromParameter, FromQuery, Limit, Needed, Parameter, ParameterIn,
    Parameters, Timestamp, WireError, parameter, refuse,
};
use crate::error::ErrorCode;
use crate::json;
use crate::number::{RESERVATION_SECONDS_DEFAULT, RESERVATION_SECONDS_MAX};
use crate::read::FromJson;
use crate::reservation::{ListedReservationStatus, MUST_BE_SOON, is_soon};
use crate::text::{Key, Metadata};

query! {
    /// The list of a customer's reservations.
    pub struct ReservationsQuery {
        /// The customer.
        pub customer_id: Needed<String>,
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// Of this credit type only.
        pub currency_id: Option<String>,
        /// How many items.
        pub limit: Limit,
        /// Of this resource only.
        pub resource_id: Option<String>,
        /// In these states only.
        pub status: Vec<ListedReservationStatus>,
    }
}

/// The reservation that a check is to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationRequest {
    /// Its id, chosen by the caller.
    pub id: String,
    /// How many credits to put on hold; above zero.
    pub amount: Amount,
    /// When it ends by itself.
    pub expiry: ReservationExpiry,
    /// Texts of the caller's own.
    pub metadata: Metadata,
}

/// When a reservation ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationExpiry {
    /// So many seconds from now.
    Seconds(u32),
    /// At that instant.
    At(Timestamp),
}

impl ReservationExpiry {
    /// The instant.
    ///
    /// # Errors
    /// `invalid_parameter` for an instant that is not after `now`, or more than a day after it.
    pub fn resolve(self, now: Timestamp) -> Result<Timestamp, WireError> {
        match self {
            Self::Seconds(seconds) => Ok(now.plus_seconds(seconds.into())),
            Self::At(at) if is_soon(at, now) => Ok(at),
            Self::At(_) => {
                Err(refuse(ErrorCode::InvalidParameter, "reservationExpiresAt", MUST_BE_SOON))
            }
        }
    }
}

impl CheckQuery {
    /// The reservation that is asked for; `None` for a check alone.
    ///
    /// # Errors
    /// `missing_parameter` for an amount without an id, `invalid_parameter` for an amount of zero,
    /// for other parameters of a reservation without an amount, for both kinds of expiry, and for
    /// the check of a feature.
    pub fn reservation(&self) -> Result<Option<ReservationRequest>, WireError> {
        let invalid = |name, message| refuse(ErrorCode::InvalidParameter, name, message);
        let Some(amount) = self.reserve_amount else {
            let others = [
                ("reservationId", self.reservation_id.is_some()),
                ("reservationTtlSeconds", self.reservation_ttl_seconds.is_some()),
                ("reservationExpiresAt", self.reservation_expires_at.is_some()),
                ("reservationMetadata", self.reservation_metadata.is_some()),
            ];
            return match others.iter().find(|(_, is_given)| *is_given) {
                None => Ok(None),
                Some((name, _)) => Err(invalid(name, "needs `reserveAmount`")),
            };
        };
        if !amount.is_positive() {
            return Err(invalid("reserveAmount", "must be above zero"));
        }
        if self.currency_id.is_none() {
            return Err(invalid("reserveAmount", "needs `currencyId`: only credits are reserved"));
        }
        let id = reservation_id(self.reservation_id.as_deref())?;
        let metadata = self.reservation_metadata.as_deref().map(metadata).transpose()?;
        Ok(Some(ReservationRequest {
            id,
            amount,
            expiry: self.expiry()?,
            metadata: metadata.unwrap_or_default(),
        }))
    }

    fn expiry(&self) -> Result<ReservationExpiry, WireError> {
        let invalid = |message: &str| {
            Err(refuse(ErrorCode::InvalidParameter, "reservationTtlSeconds", message))
        };
        match (self.reservation_ttl_seconds, self.reservation_expires_at) {
            (Some(_), Some(_)) => invalid("must not be given together with `reservationExpiresAt`"),
            (None, Some(at)) => Ok(ReservationExpiry::At(at)),
            (None, None) => Ok(ReservationExpiry::Seconds(RESERVATION_SECONDS_DEFAULT)),
            (Some(seconds @ 1..=RESERVATION_SECONDS_MAX), None) => {
                Ok(ReservationExpiry::Seconds(seconds))
            }
            (Some(_), None) => {
                invalid(&format!("must be a whole number from 1 to {RESERVATION_SECONDS_MAX}"))
            }
        }
    }
}

/// Takes the id under the rules of a key in a body.
fn reservation_id(text: Option<&str>) -> Result<String, WireError> {
    let name = "reservationId";
    let Some(text) = text else {
        let message = "is missing, and required with `reserveAmount`";
        return Err(refuse(ErrorCode::MissingParameter, name, message));
    };
    match Key::from_json(json::Json::String(text.into())) {
        Ok(key) => Ok(key.0),
        Err(error) => Err(refuse(ErrorCode::InvalidParameter, name, &error.message)),
    }
}

/// Reads a JSON object of texts, as metadata in a body is read.
fn metadata(text: &str) -> Result<Metadata, WireError> {
    json::parse_body(text.as_bytes()).map_err(|error| {
        let message = format!("must be a JSON object of texts: {}", error.message);
        refuse(ErrorCode::InvalidParameter, "reservationMetadata", &message)
    })
}
