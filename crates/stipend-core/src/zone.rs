//! Time zones by their IANA names. With [`crate::period`] and [`crate::time`] the only module
//! that knows `jiff`.

use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::fmt;
use std::sync::Arc;

/// A time zone that exists, by its IANA name in the spelling of the database.
///
/// The database is part of the program, so every server counts the same boundaries.
///
/// # Examples
///
/// ```
/// use stipend_core::Zone;
/// assert_eq!(Zone::parse("europe/berlin").unwrap().as_str(), "Europe/Berlin");
/// assert!(Zone::parse("Europe/Atlantis").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(Arc<str>);

/// Why a text is not a zone: the database has none of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an IANA time zone")]
pub struct ZoneError;

impl Zone {
    /// Finds a zone by its name, whatever its case.
    ///
    /// # Errors
    /// [`ZoneError`] where there is none (`calendar.md` C60).
    pub fn parse(name: &str) -> Result<Self, ZoneError> {
        let zone = TimeZone::get(name).map_err(|_| ZoneError)?;
        zone.iana_name().map(|name| Self(name.into())).ok_or(ZoneError)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An instant in the zone's wall time, as RFC 3339 with the offset that holds then.
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::{Timestamp, Zone};
    /// let at = Timestamp::parse("2026-07-01T00:00:00Z").unwrap();
    /// let text = Zone::parse("Europe/Berlin").unwrap().local_text(at);
    /// assert_eq!(text, "2026-07-01T02:00:00.000+02:00");
    /// ```
    #[must_use]
    pub fn local_text(&self, at: Timestamp) -> String {
        at.to_jiff().to_zoned(self.to_jiff()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }

    /// The calendar day of an instant in the zone, from its first instant to before the next day's:
    /// 23 or 25 hours where the clocks change.
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::{Timestamp, Zone};
    /// let at = Timestamp::parse("2026-03-29T12:00:00Z").unwrap();
    /// let (start, end) = Zone::parse("Europe/Berlin").unwrap().day_of(at);
    /// assert_eq!(start.to_string(), "2026-03-28T23:00:00.000Z");
    /// assert_eq!(end.to_string(), "2026-03-29T22:00:00.000Z");
    /// ```
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> (Timestamp, Timestamp) {
        let date = at.to_jiff().to_zoned(self.to_jiff()).date();
        let first = |date: jiff::civil::Date| date.to_zoned(self.to_jiff()).ok();
        let start =
            first(date).map_or(Timestamp::EPOCH, |day| Timestamp::from_jiff(day.timestamp()));
        let next = date.tomorrow().ok().and_then(first);
        (start, next.map_or(Timestamp::MAX, |day| Timestamp::from_jiff(day.timestamp())))
    }

    pub(crate) fn to_jiff(&self) -> TimeZone {
        TimeZone::get(&self.0).expect("a zone was found when it was named")
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
