//! Amounts of the crash run: whole thousandths, compared exactly.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use anyhow::{Context, Result, ensure};
use serde_json::{Number, Value};

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thousandths(pub(super) i64);

/// Failures show amounts as the API does.
impl fmt::Debug for Thousandths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Thousandths {
    /// Reads a JSON number from its digits; more than three decimals are an error, since nothing
    /// that the run does can lead to them.
    pub(super) fn from_json(value: &Value) -> Result<Self> {
        let Value::Number(number) = value else { anyhow::bail!("`{value}` is no number") };
        Self::parse(&number.to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        ensure!(fraction.len() <= 3, "`{text}` has more than three decimals");
        let whole: i64 = whole.parse().with_context(|| format!("`{text}` is no amount"))?;
        let fraction: i64 =
            format!("{fraction:0<3}").parse().with_context(|| format!("`{text}` is no amount"))?;
        Ok(Self(sign * (whole * 1_000 + fraction)))
    }

    pub(super) fn to_json(self) -> Result<Value> {
        let number: Number =
            serde_json::from_str(&self.to_string()).context("an amount prints as a number")?;
        Ok(Value::Number(number))
    }
}

impl fmt::Display for Thousandths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / 1_000, self.0.abs() % 1_000);
        match fraction {
            0 => write!(formatter, "{sign}{whole}"),
            _ => write!(formatter, "{sign}{whole}.{fraction:03}"),
        }
    }
}

impl Add for Thousandths {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Thousandths {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Thousandths {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Thousandths {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Thousandths {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_exactly() {
        for (text, thousandths) in
            [("0", 0), ("12", 12_000), ("-1.5", -1_500), ("0.007", 7), ("3.1000", 3_100)]
        {
            let value: Value = serde_json::from_str(text).unwrap();
            let amount = Thousandths::from_json(&value).unwrap();
            assert_eq!(amount, Thousandths(thousandths), "{text}");
            assert_eq!(Thousandths::from_json(&amount.to_json().unwrap()).unwrap(), amount);
        }
        assert_eq!(Thousandths(-1_500).to_string(), "-1.500");
    }

    #[test]
    fn what_no_operation_can_lead_to_is_refused() {
        for text in ["1.0001", "\"5\"", "null", "1e30"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert!(Thousandths::from_json(&value).is_err(), "{text}");
        }
    }
}
