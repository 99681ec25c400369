//! Instants: microseconds since the Unix epoch, UTC. With [`crate::period`] and
//! [`crate::zone`] the only module that knows `jiff`.

use std::fmt;

/// An instant: whole microseconds since 1970-01-01T00:00:00Z.
///
/// Finer input is truncated when it enters, so an instant reads back as it was stored. Every
/// interval of the domain is half-open, `[start, end)` (`behaviour.md` §0.2).
///
/// # Examples
///
/// ```
/// use stipend_core::Timestamp;
/// let instant = Timestamp::parse("2026-01-31T00:00:00+01:00").unwrap();
/// assert_eq!(instant.to_string(), "2026-01-30T23:00:00.000Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not an instant: it is not RFC 3339 with an offset, or lies outside 1970–9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date-time with an offset, between 1970 and 9999")]
pub struct TimestampError;

impl Timestamp {
    /// The Unix epoch, before everything that can happen.
    pub const EPOCH: Self = Self(0);
    /// The last instant that input may name: 9999-12-30T22:00:00.999999Z.
    pub const MAX: Self = Self(253_402_207_200_999_999);

    /// The instant so many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The instant so many seconds later (earlier where negative), kept within 1970–9999.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let micros = self.0.saturating_add(seconds.saturating_mul(1_000_000));
        Self(micros.clamp(Self::EPOCH.0, Self::MAX.0))
    }

    /// Reads an RFC 3339 date-time. An offset is required; a leap second is read as `:59`.
    ///
    /// # Errors
    /// [`TimestampError`] where it is something else, or outside 1970–9999.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        let stamp = Self(instant.as_microsecond());
        let in_range = stamp >= Self::EPOCH && stamp <= Self::MAX;
        if is_rfc_3339(text) && in_range { Ok(stamp) } else { Err(TimestampError) }
    }

    pub(crate) fn to_jiff(self) -> jiff::Timestamp {
        // From nanoseconds, because jiff's range in microseconds ends a second before
        // `Self::MAX`.
        let nanoseconds = i128::from(self.0) * 1_000;
        jiff::Timestamp::from_nanosecond(nanoseconds).expect("every instant lies within 1970–9999")
    }

    pub(crate) fn from_jiff(instant: jiff::Timestamp) -> Self {
        Self(instant.as_microsecond().clamp(Self::EPOCH.0, Self::MAX.0))
    }
}

/// Whether the text has the shape of RFC 3339. `jiff` reads more: hours without minutes, commas,
/// offsets with seconds, zone names in brackets.
fn is_rfc_3339(text: &str) -> bool {
    let has_shape = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, place)| match place {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't'),
                b'+' => matches!(byte, b'+' | b'-'),
                other => byte == other,
            })
    };
    let Some((date_time, rest)) = text.split_at_checked("2026-01-31T00:00:00".len()) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(rest) => {
            let offset = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if offset.len() == rest.len() {
                return false;
            }
            offset
        }
        None => rest,
    };
    let is_offset = matches!(offset, "Z" | "z")
        || (has_shape(offset, "+00:00") && offset.get(1..3).is_some_and(|hours| hours < "24"));
    has_shape(date_time, "0000-00-00T00:00:00") && is_offset
}

/// RFC 3339 in UTC with milliseconds, and with microseconds where they are not zero.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = self.to_jiff();
        if self.0.rem_euclid(1_000) == 0 {
            write!(formatter, "{instant:.3}")
        } else {
            write!(formatter, "{instant:.6}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_strictly_and_printed_canonically() {
        let check = |text: &str, expected: &str| {
            let printed = Timestamp::parse(text).map_or("refused".to_owned(), |t| t.to_string());
            assert_eq!(printed, expected, "{text}");
        };
        check("2026-01-31T00:00:00Z", "2026-01-31T00:00:00.000Z");
        check("2025-01-01T00:00:00.123456789+00:00", "2025-01-01T00:00:00.123456Z");
        check("2025-06-30T23:59:60Z", "2025-06-30T23:59:59.000Z");
        check("2025-06-30t23:59:59.5z", "2025-06-30T23:59:59.500Z");
        check("2025-06-30T23:59:59-23:59", "2025-07-01T23:58:59.000Z");
        check("9999-12-30T22:00:00.999999Z", "9999-12-30T22:00:00.999999Z");
        for refused in [
            "2025-01-01T00:00:00",
            "2025-01-01",
            "2025-01-01T24:00:00Z",
            "2025-02-30T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
            "1735689600",
            "2025-01-01T00Z",
            "2025-01-01T00:00Z",
            "2025-01-01T00:00:00,5Z",
            "2025-01-01T00:00:00.Z",
            "2025-01-01T00:00:00+01",
            "2025-01-01T00:00:00+0100",
            "2025-01-01T00:00:00+01:00:30",
            "2025-01-01T00:00:00+24:00",
            "2025-01-01T00:00:00Z[UTC]",
            "2025-01-01 00:00:00Z",
            "2025-01-01T00:00:00é",
        ] {
            check(refused, "refused");
        }
    }
}
