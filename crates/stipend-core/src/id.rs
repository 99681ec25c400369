//! Typed ids. What a caller chose stays byte for byte as it is; nothing else gets in.
//!
//! Source of the rules: `behaviour.md` §1.0.

use crate::shared::share;
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest public id, in characters (all of them ASCII).
pub const ID_LENGTH_MAX: usize = 255;

/// Why a text is not an id: empty, too long, or with a character that the kind does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ids have 1 to 255 characters: a letter or digit first, then letters, digits and {0}")]
pub struct IdError(&'static str);

fn is_id(text: &str, others: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|first| first.is_ascii_alphanumeric());
    first
        && text.len() <= ID_LENGTH_MAX
        && characters.all(|other| other.is_ascii_alphanumeric() || others.contains(other))
}

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident allows $others:literal) => {
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl Clone for $name {
            fn clone(&self) -> Self {
                Self(Arc::clone(&self.0))
            }

            fn clone_from(&mut self, other: &Self) {
                share(&mut self.0, &other.0);
            }
        }

        impl $name {
            /// Takes the text as an id of this kind.
            ///
            /// # Errors
            /// [`IdError`] where it is empty, too long or has a character that is not allowed.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if is_id(text, $others) { Ok(Self(text.into())) } else { Err(IdError($others)) }
            }

            /// The id as the caller wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// It is found by its text, without making an id of that first.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

public_id!(
    /// A product of the catalog.
    ProductId allows "_|.@-"
);
public_id!(
    /// A plan or an add-on; the two have name spaces of their own, see [`crate::PackageKey`].
    PackageId allows "_|.@-"
);
public_id!(
    /// A feature of the catalog.
    FeatureId allows "_|.@-"
);
public_id!(
    /// A credit type (on the wire: a custom currency).
    CurrencyId allows "_|.-"
);
public_id!(
    /// A customer.
    CustomerId allows "_|.@-"
);
public_id!(
    /// A resource of a customer: a workspace, a site, a project.
    ResourceId allows "_|.@-"
);
public_id!(
    /// A subscription; unique in its environment.
    SubscriptionId allows "_|.@-"
);

/// A reservation, as its caller names it: one line of text, unique in its pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationId(Arc<str>);

/// Why a text is not the id of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a reservation is one line of 1 to 255 characters that is not blank")]
pub struct ReservationIdError;

impl ReservationId {
    /// Takes the text as the id of a reservation.
    ///
    /// # Errors
    /// [`ReservationIdError`] where it is blank, too long or has a control character.
    pub fn parse(text: &str) -> Result<Self, ReservationIdError> {
        let is_line = !text.trim().is_empty() && !text.chars().any(char::is_control);
        let is_short = text.chars().count() <= ID_LENGTH_MAX;
        if is_line && is_short { Ok(Self(text.into())) } else { Err(ReservationIdError) }
    }

    /// The id as the caller wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReservationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An environment: everything lives in exactly one, and nothing refers across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvId(pub u32);

/// The dense number of a customer inside the engine, in the order of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// The number of a grant among its customer's grants, in the order of their making; it is the
/// last key of the burn order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantNo(pub u32);

/// The number of a subscription among its customer's, in the order of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionNo(pub u32);

/// A pool, by its customer's slot and its number among the customer's pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub u64);

impl PoolId {
    const NUMBER_BITS: u32 = 16;

    /// The pool with that number (from 0) of the customer in that slot.
    #[must_use]
    pub fn new(slot: Slot, number: u16) -> Self {
        Self((u64::from(slot.0) << Self::NUMBER_BITS) | u64::from(number))
    }

    /// The slot of the customer it belongs to.
    #[must_use]
    pub fn slot(self) -> Slot {
        Slot(u32::try_from(self.0 >> Self::NUMBER_BITS).expect("a pool id is a slot and 16 bits"))
    }

    /// Its number among the customer's pools.
    #[must_use]
    pub fn number(self) -> u16 {
        (self.0 & 0xffff) as u16
    }
}

/// What a customer has used of a feature, by its customer's slot and its number among the
/// customer's. It shares the space of pool ids, from half of the numbers on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterId(pub u64);

impl MeterId {
    const FIRST: u16 = 0x8000;

    /// The meter with that number (from 0) of the customer in that slot.
    ///
    /// # Panics
    /// Where the number is above 32,767.
    #[must_use]
    pub fn new(slot: Slot, number: u16) -> Self {
        assert!(number < Self::FIRST, "meters are numbered below 2^15");
        Self(PoolId::new(slot, Self::FIRST | number).0)
    }

    /// The slot of the customer it belongs to.
    #[must_use]
    pub fn slot(self) -> Slot {
        PoolId(self.0).slot()
    }

    /// Its number among the customer's meters.
    #[must_use]
    pub fn number(self) -> u16 {
        PoolId(self.0).number() & !Self::FIRST
    }

    /// Whether the id in a journal row is one of a meter, and not of a pool.
    #[must_use]
    pub fn is_meter(id: u64) -> bool {
        PoolId(id).number() & Self::FIRST != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_to_their_pattern() {
        let check = |text: &str, customer: bool, currency: bool| {
            assert_eq!(CustomerId::parse(text).is_ok(), customer, "{text:?}");
            assert_eq!(CurrencyId::parse(text).is_ok(), currency, "{text:?}");
        };
        check("cust-1", true, true);
        check("a@b.c|d_e", true, false);
        check("", false, false);
        check("-a", false, false);
        check("a b", false, false);
        check("a/b", false, false);
        check("сust", false, false);
        check("a\u{0}", false, false);
        check(&"a".repeat(255), true, true);
        check(&"a".repeat(256), false, false);
    }

    #[test]
    fn a_reservation_is_called_anything_on_one_line() {
        let check = |text: &str, is_id: bool| {
            assert_eq!(ReservationId::parse(text).is_ok(), is_id, "{text:?}");
        };
        check("job 7/é: ", true);
        check("-", true);
        check("", false);
        check(" ", false);
        check("a\nb", false);
        check("a\u{0}", false);
        check(&"é".repeat(255), true);
        check(&"a".repeat(256), false);
    }

    #[test]
    fn a_pool_id_names_its_customer() {
        let pool = PoolId::new(Slot(70_000), 3);
        assert_eq!((pool.slot(), pool.number()), (Slot(70_000), 3));
        assert!(!MeterId::is_meter(pool.0));
    }

    #[test]
    fn a_meter_id_is_no_pool_id() {
        let meter = MeterId::new(Slot(70_000), 3);
        assert_eq!((meter.slot(), meter.number()), (Slot(70_000), 3));
        assert!(MeterId::is_meter(meter.0));
        assert_ne!(PoolId::new(Slot(70_000), 3).0, meter.0);
    }
}
