//! Periods on every calendar day: the numbered cases of the calendar.

use crate::support::{at, lines, show};
use proptest::prelude::*;
use stipend_core::period::{boundary, period, period_at};
use stipend_core::{Cadence, Timestamp};

/// `case | anchor | boundary boundary …`, from k = 1 on; `k:boundary` sets k.
fn check(cadence: Cadence, table: &str) {
    for line in lines(table) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [case, anchor, boundaries] = cells[..] else { panic!("three cells: {line}") };
        let mut k = 0;
        for cell in boundaries.split_whitespace() {
            k += 1;
            let expected = match cell.split_once("=>") {
                Some((number, expected)) => {
                    k = number.parse().unwrap();
                    expected
                }
                None => cell,
            };
            assert_eq!(show(boundary(&at(anchor).into(), cadence, k)), expected, "{case}, k = {k}");
        }
    }
}

#[test]
fn monthly_boundaries_clamp_to_the_end_of_the_month_and_come_back() {
    check(
        Cadence::Month,
        "
        C1  | 2025-01-31 | 2025-02-28 2025-03-31 2025-04-30 2025-05-31 2025-06-30 2025-07-31
        C1  | 2025-01-31 | 7=>2025-08-31 2025-09-30 2025-10-31 2025-11-30 2025-12-31 2026-01-31
        C1  | 2025-01-31 | 13=>2026-02-28
        C2  | 2024-01-31 | 2024-02-29 2024-03-31
        C3  | 2024-01-30 | 2024-02-29 2024-03-30 2024-04-30
        C4  | 2025-01-30 | 2025-02-28 2025-03-30
        C5  | 2025-01-29 | 2025-02-28 2025-03-29
        C5  | 2024-01-29 | 2024-02-29 2024-03-29
        C6  | 2025-02-28 | 2025-03-28 2025-04-28
        C7  | 2024-02-29 | 2024-03-29 11=>2025-01-29 2025-02-28 2025-03-29
        C13 | 2025-12-31T23:59:59Z | 2026-01-31T23:59:59Z 2026-02-28T23:59:59Z
        C13 | 2025-12-31T23:59:59Z | 3=>2026-03-31T23:59:59Z
        ",
    );
}

#[test]
fn yearly_boundaries_keep_a_leap_day() {
    check(
        Cadence::Year,
        "
        C8  | 2024-02-29 | 2025-02-28 2026-02-28 2027-02-28 2028-02-29
        C9  | 2096-02-29 | 2097-02-28 4=>2100-02-28 8=>2104-02-29
        C10 | 2025-02-28 | 2026-02-28 3=>2028-02-28
        ",
    );
}

/// `case | anchor | instant | start end`
fn check_window(table: &str) {
    for line in lines(table) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [case, anchor, instant, window] = cells[..] else { panic!("four cells: {line}") };
        let found = period_at(&at(anchor).into(), Cadence::Month, at(instant));
        assert_eq!(format!("{} {}", show(found.start), show(found.end)), window, "{case}");
    }
}

#[test]
fn a_boundary_belongs_to_the_window_that_begins_with_it() {
    check_window(
        "
        C14  | 2025-01-31T15:00:00Z | 2025-08-13 | 2025-07-31T15:00:00Z 2025-08-31T15:00:00Z
        C15  | 2025-01-31T15:00:00Z | 2025-09-30T15:00:00Z | 2025-09-30T15:00:00Z 2025-10-31T15:00:00Z
        C15- | 2025-01-31T15:00:00Z | 2025-09-30T14:59:59.999999Z | 2025-08-31T15:00:00Z 2025-09-30T15:00:00Z
        C15+ | 2025-01-31T15:00:00Z | 2025-09-30T15:00:00.000001Z | 2025-09-30T15:00:00Z 2025-10-31T15:00:00Z
        C1   | 2025-01-31 | 2025-02-28 | 2025-02-28 2025-03-31
        C1-  | 2025-01-31 | 2025-02-27T23:59:59.999999Z | 2025-01-31 2025-02-28
        early| 2025-01-31 | 2024-12-31 | 2024-12-31 2025-01-31
        ",
    );
}

/// The start of the monthly window `k` and the end of the first year.
fn check_year(case: &str, anchor: &str, twelfth: &str, year_end: &str) {
    let anchor = &at(anchor).into();
    let year = period(anchor, Cadence::Year, 0);
    let inside = (0..24).filter(|k| boundary(anchor, Cadence::Month, *k) < year.end);
    assert_eq!(inside.count(), 12, "{case}: a year has twelve windows");
    assert_eq!(show(boundary(anchor, Cadence::Month, 11)), twelfth, "{case}");
    assert_eq!(show(year.end), year_end, "{case}");
    assert_eq!(
        boundary(anchor, Cadence::Month, 12),
        year.end,
        "{case}: the 13th is the next year's"
    );
}

#[test]
fn a_year_has_exactly_twelve_monthly_windows() {
    check_year("C21", "2025-01-31", "2025-12-31", "2026-01-31");
    check_year("C22", "2024-02-29", "2025-01-29", "2025-02-28");
    check_year("C23", "2024-03-31", "2025-02-28", "2025-03-31");
}

#[test]
fn far_ahead_the_boundaries_stop_at_the_last_instant() {
    assert_eq!(boundary(&at("2025-01-31").into(), Cadence::Year, i32::MAX), Timestamp::MAX);
    assert_eq!(boundary(&at("9999-11-30").into(), Cadence::Month, 2), Timestamp::MAX);
    let last = period_at(&at("2025-01-31").into(), Cadence::Month, at("9999-11-30"));
    assert_eq!((show(last.start), last.end), ("9999-11-30".to_owned(), Timestamp::MAX));
}

#[test]
fn the_last_instant_reads_back_as_it_was_written() {
    let text = "9999-12-30T22:00:00.999999Z";
    assert_eq!(at(text), Timestamp::MAX);
    assert_eq!(at(text).to_string(), text);
    assert!(Timestamp::parse("9999-12-30T22:00:01Z").is_err());
}

proptest! {
    #[test]
    fn windows_tile_time(anchor in 0i64..2_000_000_000, after in 0i64..2_000_000_000) {
        let start = Timestamp::from_micros(anchor * 1_000_000);
        let (anchor, instant) = (&start.into(), start.plus_seconds(after));
        for cadence in [Cadence::Month, Cadence::Year] {
            let found = period_at(anchor, cadence, instant);
            prop_assert!(found.start <= instant && instant < found.end);
            prop_assert_eq!(period(anchor, cadence, found.k), found);
            prop_assert_eq!(period(anchor, cadence, found.k + 1).start, found.end);
        }
    }
}
