//! Periods of recurring credits: half-open windows counted from an anchor.
//!
//! Source of the rules: `behaviour.md` §0.3 and `calendar.md` (R1, R2, R6). The only module,
//! apart from [`crate::time`], that knows `jiff`.

use crate::time::Timestamp;
use jiff::tz::TimeZone;
use jiff::{Span, civil};

/// How often a recurring entitlement grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cadence {
    /// Every month, on the anchor's day.
    Month,
    /// Every year, on the anchor's day.
    Year,
}

impl Cadence {
    /// How many periods of this cadence a year has.
    #[must_use]
    pub const fn periods_per_year(self) -> u32 {
        match self {
            Self::Month => 12,
            Self::Year => 1,
        }
    }

    const fn months(self) -> i32 {
        match self {
            Self::Month => 1,
            Self::Year => 12,
        }
    }
}

/// The `k`-th window `[start, end)` from an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Its number; the window that starts at the anchor is 0.
    pub k: u32,
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant behind it.
    pub end: Timestamp,
}

/// The `k`-th boundary: the anchor and `k` cadences, counted from the anchor itself and clamped
/// to the last day of the month, with the anchor's time of day.
///
/// Counting from the original anchor is what keeps the 31st: a chain of months would fall to
/// the 28th in February and stay there.
///
/// # Examples
///
/// ```
/// use stipend_core::{Cadence, Timestamp, period::boundary};
/// let anchor = Timestamp::parse("2025-01-31T00:00:00Z").unwrap();
/// assert_eq!(boundary(anchor, Cadence::Month, 1).to_string(), "2025-02-28T00:00:00.000Z");
/// assert_eq!(boundary(anchor, Cadence::Month, 2).to_string(), "2025-03-31T00:00:00.000Z");
/// ```
#[must_use]
pub fn boundary(anchor: Timestamp, cadence: Cadence, k: u32) -> Timestamp {
    let start = civil_of(anchor);
    let months = i32::try_from(k).unwrap_or(i32::MAX).saturating_mul(cadence.months());
    let moved = Span::new().try_months(months).ok().and_then(|span| start.checked_add(span).ok());
    match moved.and_then(|date| date.to_zoned(TimeZone::UTC).ok()) {
        Some(zoned) => Timestamp::from_jiff(zoned.timestamp()),
        None => Timestamp::MAX,
    }
}

/// The window of that cadence in which the instant lies; before the anchor it is window 0.
///
/// # Examples
///
/// ```
/// use stipend_core::{Cadence, Timestamp, period::period_at};
/// let anchor = Timestamp::parse("2025-01-31T15:00:00Z").unwrap();
/// let at = Timestamp::parse("2025-09-30T15:00:00Z").unwrap();
/// let period = period_at(anchor, Cadence::Month, at);
/// assert_eq!((period.k, period.start), (8, at), "a boundary belongs to the new window");
/// ```
#[must_use]
pub fn period_at(anchor: Timestamp, cadence: Cadence, at: Timestamp) -> Period {
    let (from, to) = (civil_of(anchor), civil_of(at));
    let years = i32::from(to.year()) - i32::from(from.year());
    let months = years * 12 + i32::from(to.month()) - i32::from(from.month());
    let mut k = u32::try_from(months / cadence.months()).unwrap_or(0);
    while k > 0 && boundary(anchor, cadence, k) > at {
        k -= 1;
    }
    while boundary(anchor, cadence, k + 1) <= at
        && boundary(anchor, cadence, k + 1) < Timestamp::MAX
    {
        k += 1;
    }
    period(anchor, cadence, k)
}

/// The `k`-th window of that cadence.
#[must_use]
pub fn period(anchor: Timestamp, cadence: Cadence, k: u32) -> Period {
    Period { k, start: boundary(anchor, cadence, k), end: boundary(anchor, cadence, k + 1) }
}

fn civil_of(at: Timestamp) -> civil::DateTime {
    at.to_jiff().to_zoned(TimeZone::UTC).datetime()
}
