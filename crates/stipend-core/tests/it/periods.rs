//! Periods on every calendar day: the numbered cases of the calendar.

use crate::support::{at, lines, show};
use proptest::prelude::*;
use stipend_core::catalog::{Reset, ResetPeriod};
use stipend_core::customer::usage_period_at;
use stipend_core::period::{boundary, period, period_at};
use stipend_core::{Anchor, Cadence, Interval, Timestamp, Zone};

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

/// `case | interval | anchor | boundary boundary …`, from k = 1 on.
#[test]
fn other_intervals_are_counted_in_the_same_way() {
    for (case, interval, anchor, expected) in [
        ("C11", Interval::Months(3), "2025-08-31", "2025-11-30 2026-02-28 2026-05-31 2026-08-31"),
        ("C12", Interval::Months(6), "2025-03-31", "2025-09-30 2026-03-31"),
        ("C16", Interval::Weeks(1), "2025-10-24", "2025-10-31 2025-11-07"),
        ("C17", Interval::Days(1), "2024-02-28", "2024-02-29 2024-03-01"),
        ("C49", Interval::Months(1), "2025-01-31", "2025-02-28"),
    ] {
        let boundaries = expected.split(' ').count();
        let counted = (1..).map(|k| show(boundary(&at(anchor).into(), interval, k)));
        let counted: Vec<String> = counted.take(boundaries).collect();
        assert_eq!(counted.join(" "), expected, "{case}");
    }
}

#[test]
fn an_anchor_is_kept_to_the_microsecond() {
    // C19: what is finer is cut when it enters, and the boundaries keep what is left.
    let anchor = at("2025-01-31T12:00:00.123456789Z");
    assert_eq!(anchor.to_string(), "2025-01-31T12:00:00.123456Z");
    let next = boundary(&anchor.into(), Cadence::Month, 1);
    assert_eq!(next.to_string(), "2025-02-28T12:00:00.123456Z");
    // K12: a leap second is the second before it.
    assert_eq!(show(at("2016-12-31T23:59:60Z")), "2016-12-31T23:59:59Z");
}

/// `case | zone | anchor | boundary boundary …`, all in UTC.
#[test]
fn in_a_zone_the_wall_time_is_counted_on() {
    for line in lines(
        "
        C50 | America/New_York    | 2025-01-01T05:00:00Z | 2025-02-01T05:00:00Z 2025-03-01T05:00:00Z 2025-04-01T04:00:00Z
        C51 | Europe/Berlin       | 2025-01-30T01:30:00Z | 2025-02-28T01:30:00Z 2025-03-30T01:30:00Z 2025-04-30T00:30:00Z
        C52 | Europe/Berlin       | 2025-09-26T00:30:00Z | 2025-10-26T00:30:00Z 2025-11-26T01:30:00Z
        C53 | America/Los_Angeles | 2025-02-01T04:00:00Z | 2025-03-01T04:00:00Z 2025-04-01T03:00:00Z
        C54 | Pacific/Auckland    | 2025-01-30T11:00:00Z | 2025-02-27T11:00:00Z 2025-03-30T11:00:00Z
        C55 | Pacific/Apia        | 2011-11-30T22:00:00Z | 2011-12-30T22:00:00Z 2012-01-29T22:00:00Z
        C56 | America/Santiago    | 2025-08-07T04:00:00Z | 2025-09-07T04:00:00Z 2025-10-07T03:00:00Z
        C57 | Asia/Kathmandu      | 2025-01-30T18:15:00Z | 2025-02-27T18:15:00Z
        ",
    ) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [case, zone, anchor, expected] = cells[..] else { panic!("four cells: {line}") };
        let zone = Some(Zone::parse(zone).unwrap());
        let anchor = Anchor { at: at(anchor), zone };
        for (k, expected) in (1..).zip(expected.split_whitespace()) {
            let found = boundary(&anchor, Cadence::Month, k);
            assert_eq!(found, at(expected), "{case}, k = {k}: {found}");
            let window = period_at(&anchor, Cadence::Month, found);
            assert_eq!((window.k, window.start), (k, found), "{case}: it begins the window");
        }
    }
}

#[test]
fn a_day_of_23_or_25_hours_is_one_day() {
    // C58: spring and autumn in Berlin.
    let zone = || Some(Zone::parse("Europe/Berlin").unwrap());
    for (start, days) in [
        ("2025-03-28T23:00:00Z", ["2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"]),
        ("2025-10-24T22:00:00Z", ["2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z"]),
    ] {
        let anchor = Anchor { at: at(start), zone: zone() };
        let found = [1, 2].map(|k| show(boundary(&anchor, Interval::Days(1), k)));
        assert_eq!(found, days);
    }
}

/// `zone | rule of the reset | anchor | instant | period from to`.
#[test]
fn what_is_counted_from_midnight_keeps_midnight_where_one_does_not_exist() {
    let check = |period: ResetPeriod, table: &str| {
        for line in lines(table) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [zone, rule, anchor, instant, expected] = cells[..] else { panic!("{line}") };
            let zone = Some(Zone::parse(zone).unwrap());
            let reset = Reset { period, according_to: Some(rule.to_owned()) };
            let anchor = Anchor { at: at(anchor), zone };
            let found = usage_period_at(&reset, &anchor, at(instant));
            assert_eq!(format!("{} {}", show(found.start), show(found.end)), expected, "{line}");
        }
    };
    // Havana's clocks go from 00:00 to 01:00 on Sunday the 8th.
    check(
        ResetPeriod::Week,
        "
        America/Havana | EverySunday | 2026-03-10 | 2026-03-12           | 2026-03-08T05:00:00Z 2026-03-15T04:00:00Z
        America/Havana | EverySunday | 2026-03-10 | 2026-03-20           | 2026-03-15T04:00:00Z 2026-03-22T04:00:00Z
        America/Havana | EverySunday | 2026-03-10 | 2026-03-08T04:59:59Z | 2026-03-01T05:00:00Z 2026-03-08T05:00:00Z
        America/Havana | EverySunday | 2026-03-04 | 2026-03-09           | 2026-03-08T05:00:00Z 2026-03-15T04:00:00Z
        Europe/Berlin  | EveryMonday | 2026-03-10 | 2026-03-30           | 2026-03-29T22:00:00Z 2026-04-05T22:00:00Z
        ",
    );
    // Asunción's, on the first of a month.
    check(
        ResetPeriod::Month,
        "
        America/Asuncion | StartOfTheMonth | 2023-10-10 | 2023-10-12 | 2023-10-01T04:00:00Z 2023-11-01T03:00:00Z
        America/Asuncion | StartOfTheMonth | 2023-10-10 | 2023-11-12 | 2023-11-01T03:00:00Z 2023-12-01T03:00:00Z
        ",
    );
}

#[test]
fn what_begins_in_an_hour_that_comes_twice_begins_when_it_begins() {
    let zone = Some(Zone::parse("Europe/Berlin").unwrap());
    // 02:00 for the second time; a month later there is one such hour.
    for (start, next) in
        [("2025-10-26", "2025-11-26T01:00:00Z"), ("2025-10-26T01:00:00Z", "2025-11-26T01:00:00Z")]
    {
        let anchor = Anchor { at: at(start), zone: zone.clone() };
        let found = period_at(&anchor, Cadence::Month, at(start));
        assert_eq!((found.k, show(found.start), show(found.end)), (0, start.into(), next.into()));
        let before = period(&anchor, Cadence::Month, -1);
        assert_eq!(show(before.end), start, "what is before the anchor ends with it");
    }
}

#[test]
fn a_zone_that_nobody_knows_is_refused_and_others_are_named_as_the_database_does() {
    for unknown in ["Europe/Atlantis", "", "Berlin", "UTC+1"] {
        assert!(Zone::parse(unknown).is_err(), "C60: {unknown}");
    }
    assert_eq!(Zone::parse("EUROPE/berlin").unwrap().as_str(), "Europe/Berlin");
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
