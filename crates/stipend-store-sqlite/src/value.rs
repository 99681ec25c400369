//! How numbers stand in SQL columns.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};

/// A position or a dense number, as SQL's signed integer.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).expect("positions and dense numbers stay below 2^63")
}

/// The same where it only bounds a search: nothing stands behind the last possible number.
pub(crate) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As many rows as a limit allows.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A position or a dense number that was read.
#[derive(Clone, Copy)]
pub(crate) struct Number(pub(crate) u64);

impl FromSql for Number {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number).map(Self).map_err(|_| FromSqlError::OutOfRange(number))
    }
}

/// An amount in units of 10⁻⁹: an integer where it fits, else its decimal text, since SQL can
/// still show that exactly where it could not show 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Nano(pub(crate) i128);

impl ToSql for Nano {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value =
            i64::try_from(self.0).map_or_else(|_| self.0.to_string().into(), Value::Integer);
        Ok(ToSqlOutput::Owned(value))
    }
}

impl FromSql for Nano {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(nano) => Ok(Self(nano.into())),
            _ => value.as_str()?.parse().map(Self).map_err(|_| FromSqlError::InvalidType),
        }
    }
}
