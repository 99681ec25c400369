//! Reservations.

use super::instant;
use stipend_core::customer::{Hold, Pool, ReleaseRequest};
use stipend_core::{CurrencyId, ResourceId};
use stipend_engine::ledger::EndedReservation;
use stipend_engine::{Found, IdCipher, Outcome};
use stipend_wire::Decimal;
use stipend_wire::consumption::CreditBalance;
use stipend_wire::reservation::{
    ListedReservation, ListedReservationStatus, Reservation, ReservationHold, ReservationReleased,
    ReservationStatus,
};

/// Whose reservation it is, with what is needed to show it.
pub(crate) struct Owner<'a> {
    pub(crate) found: &'a Found,
    pub(crate) pool: &'a Pool,
    pub(crate) cipher: &'a IdCipher,
}

pub(crate) fn open_to_wire(hold: &Hold) -> Reservation {
    Reservation {
        id: hold.id.to_string(),
        amount: Decimal(hold.amount),
        expires_at: instant(hold.expires_at),
        status: ReservationStatus::Active,
        consumed_amount: None,
    }
}

/// The balance of a pool after a command.
pub(crate) fn balance(
    outcome: &Outcome<'_>,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
) -> Option<CreditBalance> {
    let pool = outcome.account?.customer.find_pool(currency, resource)?;
    Some(CreditBalance {
        currency_id: currency.to_string(),
        current_usage: Decimal(pool.used),
        timestamp: instant(pool.at),
        usage_limit: Decimal(pool.granted),
        usage_period_end: pool.period_end().map(instant),
    })
}

/// The answer to a release; `hold` is the reservation as it was before it ended, or as it was made
/// where it had expired before.
pub(crate) fn released_to_wire(
    outcome: &Outcome<'_>,
    request: &ReleaseRequest,
    hold: Option<&Hold>,
) -> ReservationReleased {
    ReservationReleased {
        reservation: Reservation {
            id: request.id.to_string(),
            amount: Decimal(hold.map_or(request.consumed, |hold| hold.amount)),
            expires_at: instant(hold.map_or(outcome.now, |hold| hold.expires_at)),
            status: ReservationStatus::Released,
            consumed_amount: Some(Decimal(request.consumed)),
        },
        credit: balance(outcome, &request.currency, request.resource.as_ref()),
        decision_id: None,
    }
}

pub(crate) fn listed_open(owner: &Owner<'_>, hold: &Hold) -> ListedReservation {
    let slot = owner.found.customer.slot;
    let holds = hold.draws.iter().map(|draw| ReservationHold {
        amount: Decimal(draw.amount),
        grant_id: owner.cipher.grant_id(slot, draw.grant),
    });
    ListedReservation { holds: holds.collect(), ..listed(owner, hold) }
}

pub(crate) fn listed_ended(owner: &Owner<'_>, ended: &EndedReservation) -> ListedReservation {
    let is_released = ended.consumed.is_some();
    ListedReservation {
        consumed_amount: ended.consumed.map(Decimal),
        released_at: is_released.then(|| instant(ended.at)),
        status: if is_released {
            ListedReservationStatus::Released
        } else {
            ListedReservationStatus::Expired
        },
        ..listed(owner, &ended.hold)
    }
}

fn listed(owner: &Owner<'_>, hold: &Hold) -> ListedReservation {
    ListedReservation {
        id: hold.id.to_string(),
        amount: Decimal(hold.amount),
        consumed_amount: None,
        created_at: instant(hold.created_at),
        currency_id: owner.pool.currency.to_string(),
        customer_id: owner.found.customer.profile.id.to_string(),
        expires_at: instant(hold.expires_at),
        holds: Vec::new(),
        metadata: hold.metadata.clone(),
        released_at: None,
        resource_id: owner.pool.resource.as_ref().map(ToString::to_string),
        status: ListedReservationStatus::Active,
    }
}
