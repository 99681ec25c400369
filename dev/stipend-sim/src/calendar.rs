//! A calendar from first principles: days are counted, months have lengths, and a few zones move
//! their clocks by rules that are written out here.
//!
//! The auditor and the model count with it, so that they share no calendar with the engine.

/// How far apart boundaries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A month.
    Month,
    /// A year.
    Year,
}

/// A zone whose rules are known here, as they have been since 2008.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    /// No zone.
    Utc,
    /// One hour ahead; two from the last Sunday of March to that of October, at 01:00 UTC.
    Berlin,
    /// Five hours behind; four from the second Sunday of March to the first of November, at 02:00.
    NewYork,
    /// Twelve hours ahead; thirteen from the last Sunday of September to the first of April.
    Auckland,
    /// Five hours and three quarters ahead, always.
    Kathmandu,
}

/// From where boundaries are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// The instant.
    pub at: i64,
    /// The zone in whose wall time they are counted.
    pub zone: Zone,
}

/// A period `[start, end)` with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its number; 0 begins at the anchor.
    pub k: i64,
    /// Its first instant.
    pub start: i64,
    /// The first instant behind it.
    pub end: i64,
}

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month from 1, day from 1, and the microseconds of the day.
fn civil(micros: i64) -> (i64, i64, i64, i64) {
    let (mut days, of_day) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 1;
    while days >= month_length(year, month) {
        days -= month_length(year, month);
        month += 1;
    }
    (year, month, days + 1, of_day)
}

fn micros(year: i64, month: i64, day: i64, of_day: i64) -> i64 {
    let years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: i64 = (1..month).map(|month| month_length(year, month)).sum();
    (years + months + day - 1) * DAY + of_day
}

/// Midnight of the first Sunday on or after a day.
fn sunday_from(year: i64, month: i64, day: i64) -> i64 {
    let midnight = micros(year, month, day, 0);
    // 4 January 1970 was a Sunday.
    midnight + (3 - midnight / DAY).rem_euclid(7) * DAY
}

impl Zone {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Utc, Self::Berlin, Self::NewYork, Self::Auckland, Self::Kathmandu];

    /// Its IANA name; none for no zone.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Utc => None,
            Self::Berlin => Some("Europe/Berlin"),
            Self::NewYork => Some("America/New_York"),
            Self::Auckland => Some("Pacific/Auckland"),
            Self::Kathmandu => Some("Asia/Kathmandu"),
        }
    }

    /// The zone of a name, where its rules are known here.
    #[must_use]
    pub fn find(name: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|zone| zone.name() == name)
    }

    /// How far ahead of UTC its clocks are at an instant.
    fn offset(self, at: i64) -> i64 {
        let is_between = |start: i64, end: i64| (start..end).contains(&at);
        let (year, ..) = civil(at);
        match self {
            Self::Utc => 0,
            Self::Kathmandu => 5 * HOUR + 45 * MINUTE,
            Self::Berlin => {
                let start = sunday_from(year, 3, 25) + HOUR;
                let end = sunday_from(year, 10, 25) + HOUR;
                if is_between(start, end) { 2 * HOUR } else { HOUR }
            }
            Self::NewYork => {
                let start = sunday_from(year, 3, 8) + 7 * HOUR;
                let end = sunday_from(year, 11, 1) + 6 * HOUR;
                if is_between(start, end) { -4 * HOUR } else { -5 * HOUR }
            }
            Self::Auckland => {
                // Both at 14:00 UTC of the Saturday.
                let end = sunday_from(year, 4, 1) - 10 * HOUR;
                let start = sunday_from(year, 9, 24) - 10 * HOUR;
                if is_between(end, start) { 12 * HOUR } else { 13 * HOUR }
            }
        }
    }

    /// The instant at which the clocks show that: the first of two, and where the clocks skip it,
    /// later by what they skip.
    fn instant(self, shown: i64) -> i64 {
        let (before, after) = (self.offset(shown - DAY), self.offset(shown + DAY));
        let shows_it = |offset: &i64| self.offset(shown - offset) == *offset;
        let offset = [before.max(after), before.min(after)].into_iter().find(shows_it);
        shown - offset.unwrap_or(before)
    }

    /// The first instant of a calendar month at or after an instant.
    #[must_use]
    pub fn month_from(self, at: i64) -> i64 {
        let (year, month, ..) = civil(at + self.offset(at));
        let first = self.instant(micros(year, month, 1, 0));
        if first == at { at } else { self.instant(micros(year, month + 1, 1, 0)) }
    }
}

impl Step {
    const fn months(self) -> i64 {
        match self {
            Self::Month => 1,
            Self::Year => 12,
        }
    }
}

impl Anchor {
    /// The `k`-th boundary: `k` months or years on the wall, the day no later than the month's
    /// last. The anchor itself is boundary 0, whatever the wall shows twice.
    #[must_use]
    pub fn boundary(self, step: Step, k: i64) -> i64 {
        if k == 0 {
            return self.at;
        }
        let (year, month, day, of_day) = civil(self.at + self.zone.offset(self.at));
        let months = month - 1 + k * step.months();
        let (year, month) = (year + months.div_euclid(12), months.rem_euclid(12) + 1);
        self.zone.instant(micros(year, month, day.min(month_length(year, month)), of_day))
    }

    /// The first boundary after an instant; the anchor itself where that lies ahead.
    #[must_use]
    pub fn boundary_after(self, step: Step, now: i64) -> i64 {
        self.period(step, now).end
    }

    /// The period in which an instant lies; before the anchor the one that ends there.
    #[must_use]
    pub fn period(self, step: Step, now: i64) -> Period {
        // No month is longer than 31 days, so this many are over for sure.
        let sure = (now - self.at).max(0) / (31 * step.months() * DAY) - 1;
        let mut k = sure.max(-1);
        let mut start = self.boundary(step, k);
        loop {
            let end = self.boundary(step, k + 1);
            if end > now {
                return Period { k, start, end };
            }
            start = end;
            k += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Anchor, DAY, HOUR, MINUTE, Step, Zone, micros};

    fn check(zone: Zone, anchor: i64, expected: &[i64]) {
        let anchor = Anchor { at: anchor, zone };
        let boundaries: Vec<i64> =
            (1..).zip(expected).map(|(k, _)| anchor.boundary(Step::Month, k)).collect();
        assert_eq!(boundaries, expected);
    }

    #[test]
    fn months_are_counted_from_the_anchor() {
        let day = |month, day| micros(2025, month, day, 0);
        check(Zone::Utc, day(1, 31), &[day(2, 28), day(3, 31), day(4, 30), day(5, 31)]);
    }

    #[test]
    fn what_the_clocks_skip_is_later_and_what_they_show_twice_is_the_first() {
        let at = |month, day, of_day| micros(2025, month, day, of_day);
        // 30 January 02:30 in Berlin; on 30 March there is no half past two.
        check(
            Zone::Berlin,
            at(1, 30, HOUR + 30 * MINUTE),
            &[at(2, 28, HOUR + 30 * MINUTE), at(3, 30, HOUR + 30 * MINUTE), at(4, 30, 30 * MINUTE)],
        );
        // 26 September 02:30; on 26 October it is half past two twice.
        check(
            Zone::Berlin,
            at(9, 26, 30 * MINUTE),
            &[at(10, 26, 30 * MINUTE), at(11, 26, HOUR + 30 * MINUTE)],
        );
    }

    #[test]
    fn wall_time_decides_on_which_day_a_month_begins() {
        let midnight = |month, day, of_day| micros(2025, month, day, of_day);
        check(
            Zone::NewYork,
            midnight(1, 1, 5 * HOUR),
            &[midnight(2, 1, 5 * HOUR), midnight(3, 1, 5 * HOUR), midnight(4, 1, 4 * HOUR)],
        );
        check(
            Zone::Auckland,
            midnight(1, 30, 11 * HOUR),
            &[midnight(2, 27, 11 * HOUR), midnight(3, 30, 11 * HOUR)],
        );
        check(
            Zone::Kathmandu,
            midnight(1, 30, 18 * HOUR + 15 * MINUTE),
            &[midnight(2, 27, 18 * HOUR + 15 * MINUTE)],
        );
    }

    #[test]
    fn a_boundary_belongs_to_the_period_that_begins_with_it() {
        let anchor = Anchor { at: micros(2025, 1, 31, 0), zone: Zone::Utc };
        let march = anchor.boundary(Step::Month, 2);
        assert_eq!(anchor.period(Step::Month, march).k, 2);
        assert_eq!(anchor.period(Step::Month, march - 1).k, 1);
        assert_eq!(anchor.period(Step::Month, anchor.at - DAY).k, -1);
    }
}
