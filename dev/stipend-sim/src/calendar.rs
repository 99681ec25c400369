//! A calendar from first principles: days are counted, months have lengths.

/// How far apart boundaries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A month.
    Month,
    /// A year.
    Year,
}

const DAY: i64 = 86_400_000_000;

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

fn micros((year, month, day, of_day): (i64, i64, i64, i64)) -> i64 {
    let years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: i64 = (1..month).map(|month| month_length(year, month)).sum();
    (years + months + day - 1) * DAY + of_day
}

/// The first boundary after an instant, every one counted from the anchor.
#[must_use]
pub fn boundary_after(anchor: i64, step: Step, now: i64) -> i64 {
    let (year, month, day, of_day) = civil(anchor);
    let months_of = if step == Step::Year { 12 } else { 1 };
    for k in 0.. {
        let months = month - 1 + k * months_of;
        let (year, month) = (year + months / 12, months % 12 + 1);
        let at = micros((year, month, day.min(month_length(year, month)), of_day));
        if at > now {
            return at;
        }
    }
    i64::MAX
}
