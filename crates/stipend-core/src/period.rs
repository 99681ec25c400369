//! Periods of recurring credits: half-open windows counted from an anchor.
//!
//! Source of the rules: `behaviour.md` §0.3 and `calendar.md` (R1–R3, R5, R6). With
//! [`crate::zone`] and [`crate::time`] the only module that knows `jiff`.

use crate::Amount;
use crate::time::Timestamp;
use crate::zone::Zone;
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
}

/// The length of a window in units of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// So many months; clamped to the last day of a shorter month.
    Months(u16),
    /// So many weeks.
    Weeks(u16),
    /// So many days: in a zone with daylight saving one of them has 23 or 25 hours.
    Days(u16),
    /// So many hours of 3,600 seconds, whatever the clocks on the wall do.
    Hours(u16),
}

impl From<Cadence> for Interval {
    fn from(cadence: Cadence) -> Self {
        match cadence {
            Cadence::Month => Self::Months(1),
            Cadence::Year => Self::Months(12),
        }
    }
}

impl Interval {
    fn times(self, k: i32) -> Option<Span> {
        let times = |units: u16| k.checked_mul(i32::from(units));
        match self {
            Self::Months(units) => Span::new().try_months(times(units)?).ok(),
            Self::Weeks(units) => Span::new().try_weeks(times(units)?).ok(),
            Self::Days(units) => Span::new().try_days(times(units)?).ok(),
            Self::Hours(_) => None,
        }
    }

    /// About how many of it lie between two dates.
    fn count_between(self, from: civil::DateTime, to: civil::DateTime) -> i32 {
        let years = i32::from(to.year()) - i32::from(from.year());
        let months = years * 12 + i32::from(to.month()) - i32::from(from.month());
        let days = i32::from(to.day_of_year()) - i32::from(from.day_of_year()) + years * 365;
        let (count, units) = match self {
            Self::Months(units) => (months, units),
            Self::Weeks(units) => (days / 7, units),
            Self::Days(units) => (days, units),
            Self::Hours(units) => (days * 24, units),
        };
        count / i32::from(units.max(1))
    }
}

/// From where periods are counted: an instant, and the zone in whose wall time they are counted.
///
/// The zone is part of the anchor: the same instant read in another zone can fall on another day
/// and so give other boundaries (`calendar.md` C53).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anchor {
    /// The instant.
    pub at: Timestamp,
    /// The zone; UTC where there is none.
    pub zone: Option<Zone>,
}

impl From<Timestamp> for Anchor {
    fn from(at: Timestamp) -> Self {
        Self { at, zone: None }
    }
}

/// The `k`-th window `[start, end)` from an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Its number; the window that starts at the anchor is 0, the one before it −1.
    pub k: i32,
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant behind it.
    pub end: Timestamp,
}

impl Period {
    /// The part of an amount that falls to the rest of the window from `now` on, to the
    /// microsecond and rounded down at the scale of amounts (`calendar.md` C30, C31).
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::{Amount, Cadence, Timestamp, period};
    /// let anchor = Timestamp::parse("2025-01-31T00:00:00Z").unwrap().into();
    /// let february = period::period(&anchor, Cadence::Month, 0);
    /// let middle = Timestamp::parse("2025-02-14T00:00:00Z").unwrap();
    /// assert_eq!(february.prorate(Amount::whole(100), middle), Amount::whole(50));
    /// ```
    #[must_use]
    pub fn prorate(&self, amount: Amount, now: Timestamp) -> Amount {
        let whole = self.end.micros() - self.start.micros();
        let rest = (self.end.micros() - now.micros()).clamp(0, whole);
        amount.portion(rest, whole)
    }
}

/// The `k`-th boundary: the anchor and `k` intervals, counted from the anchor itself and clamped
/// to the last day of the month, with the anchor's time of day.
///
/// Counting from the original anchor is what keeps the 31st: a chain of months would fall to
/// the 28th in February and stay there. In a zone the wall time is counted on; where it does not
/// exist, the boundary is later by the gap, where it exists twice, it is the first.
///
/// # Examples
///
/// ```
/// use stipend_core::{Cadence, Timestamp, period::boundary};
/// let anchor = Timestamp::parse("2025-01-31T00:00:00Z").unwrap().into();
/// assert_eq!(boundary(&anchor, Cadence::Month, 1).to_string(), "2025-02-28T00:00:00.000Z");
/// assert_eq!(boundary(&anchor, Cadence::Month, 2).to_string(), "2025-03-31T00:00:00.000Z");
/// ```
#[must_use]
pub fn boundary(anchor: &Anchor, interval: impl Into<Interval>, k: i32) -> Timestamp {
    Start::of(anchor).boundary(interval.into(), k)
}

/// The window of that length in which the instant lies; before the anchor its number is below
/// zero.
///
/// # Examples
///
/// ```
/// use stipend_core::{Cadence, Timestamp, period::period_at};
/// let anchor = Timestamp::parse("2025-01-31T15:00:00Z").unwrap().into();
/// let at = Timestamp::parse("2025-09-30T15:00:00Z").unwrap();
/// let period = period_at(&anchor, Cadence::Month, at);
/// assert_eq!((period.k, period.start), (8, at), "a boundary belongs to the new window");
/// ```
#[must_use]
pub fn period_at(anchor: &Anchor, interval: impl Into<Interval>, at: Timestamp) -> Period {
    Start::of(anchor).period_at(interval.into(), at)
}

/// The `k`-th window of that length.
#[must_use]
pub fn period(anchor: &Anchor, interval: impl Into<Interval>, k: i32) -> Period {
    let interval = interval.into();
    Period { k, start: boundary(anchor, interval, k), end: boundary(anchor, interval, k + 1) }
}

/// The first instant of the calendar month after the one in which `at` lies; `at` itself where it
/// is the first of its month (`calendar.md` C20).
///
/// # Examples
///
/// ```
/// use stipend_core::{Timestamp, period::month_start_from};
/// let at = Timestamp::parse("2025-01-31T12:00:00Z").unwrap();
/// assert_eq!(month_start_from(at, None).to_string(), "2025-02-01T00:00:00.000Z");
/// ```
#[must_use]
pub fn month_start_from(at: Timestamp, zone: Option<&Zone>) -> Timestamp {
    let zone = zone.map_or(TimeZone::UTC, Zone::to_jiff);
    let first = civil_of(at, &zone).date().first_of_month().at(0, 0, 0, 0);
    let start = |date: civil::DateTime| instant_of(date, &zone).unwrap_or(Timestamp::MAX);
    if start(first) == at {
        return at;
    }
    first.checked_add(Span::new().months(1)).map_or(Timestamp::MAX, start)
}

/// The window of that length in which `at` lies, counted from midnight of the first of the month
/// in which the anchor lies.
///
/// Midnight stays midnight in the windows that follow one on whose first day the clocks skip it.
///
/// # Examples
///
/// ```
/// use stipend_core::{Cadence, Timestamp, period::period_from_month_at};
/// let at = Timestamp::parse("2025-10-24T12:00:00Z").unwrap();
/// let month = period_from_month_at(&at.into(), Cadence::Month, at);
/// assert_eq!(month.start.to_string(), "2025-10-01T00:00:00.000Z");
/// ```
#[must_use]
pub fn period_from_month_at(
    anchor: &Anchor,
    interval: impl Into<Interval>,
    at: Timestamp,
) -> Period {
    let first = |date: civil::Date| Some(date.first_of_month());
    Start::at_midnight(anchor, first).period_at(interval.into(), at)
}

/// The window of that length in which `at` lies, counted from midnight of the last such day of the
/// week up to the anchor: 0 for a Sunday to 6 for a Saturday.
///
/// # Examples
///
/// ```
/// use stipend_core::{Interval, Timestamp, period::period_from_weekday_at};
/// let friday = Timestamp::parse("2025-10-24T12:00:00Z").unwrap();
/// let start = |day| {
///     let week = period_from_weekday_at(&friday.into(), day, Interval::Weeks(1), friday);
///     week.start.to_string()
/// };
/// assert_eq!(start(0), "2025-10-19T00:00:00.000Z");
/// assert_eq!(start(5), "2025-10-24T00:00:00.000Z");
/// ```
#[must_use]
pub fn period_from_weekday_at(
    anchor: &Anchor,
    first_day: i8,
    interval: impl Into<Interval>,
    at: Timestamp,
) -> Period {
    let first = |date: civil::Date| {
        let passed = (date.weekday().to_sunday_zero_offset() - first_day).rem_euclid(7);
        date.checked_sub(Span::new().days(passed)).ok()
    };
    Start::at_midnight(anchor, first).period_at(interval.into(), at)
}

/// Where counting begins: the wall time that is counted on, and the instant at which it begins.
///
/// Of an anchor that is its own wall time. A midnight stays one even where the clocks skip it, so
/// that it is the windows after it that are counted and not the hour to which it moved
/// (`calendar.md` R3).
struct Start {
    at: Timestamp,
    wall: civil::DateTime,
    zone: TimeZone,
}

impl Start {
    fn of(anchor: &Anchor) -> Self {
        let zone = zone_of(anchor);
        Self { at: anchor.at, wall: civil_of(anchor.at, &zone), zone }
    }

    /// Midnight of a day that is found from that of the anchor.
    fn at_midnight(anchor: &Anchor, find: impl Fn(civil::Date) -> Option<civil::Date>) -> Self {
        let start = Self::of(anchor);
        let Some(date) = find(start.wall.date()) else { return start };
        let wall = date.at(0, 0, 0, 0);
        Self { at: instant_of(wall, &start.zone).unwrap_or(start.at), wall, zone: start.zone }
    }

    fn boundary(&self, interval: Interval, k: i32) -> Timestamp {
        if k == 0 {
            // Also where its wall time exists twice, and it is the second.
            return self.at;
        }
        if let Interval::Hours(units) = interval {
            return self.at.plus_seconds(i64::from(k) * i64::from(units) * 3_600);
        }
        let wall = interval.times(k).and_then(|span| self.wall.checked_add(span).ok());
        match wall.and_then(|wall| instant_of(wall, &self.zone)) {
            Some(at) => at,
            None if k < 0 => Timestamp::EPOCH,
            None => Timestamp::MAX,
        }
    }

    fn period_at(&self, interval: Interval, at: Timestamp) -> Period {
        let mut k = interval.count_between(self.wall, civil_of(at, &self.zone));
        while self.boundary(interval, k) > at {
            k -= 1;
        }
        let mut end = self.boundary(interval, k + 1);
        while end <= at && end < Timestamp::MAX {
            k += 1;
            end = self.boundary(interval, k + 1);
        }
        Period { k, start: self.boundary(interval, k), end }
    }
}

/// The instant of a wall time: later by the gap where there is none, the first of two.
fn instant_of(wall: civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = wall.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_jiff(zoned.timestamp()))
}

fn zone_of(anchor: &Anchor) -> TimeZone {
    anchor.zone.as_ref().map_or(TimeZone::UTC, Zone::to_jiff)
}

fn civil_of(at: Timestamp, zone: &TimeZone) -> civil::DateTime {
    at.to_jiff().to_zoned(zone.clone()).datetime()
}
