//! Exact decimal amounts: of credits, and of money.
//!
//! Source of the rules: `behaviour.md` §0.1; in prose in this crate's README, "Amounts".

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// How many decimal places an [`Amount`] holds.
pub const SCALE_DIGITS: u32 = 9;

/// One whole credit, in the smallest unit.
const ONE: i128 = 1_000_000_000;

/// The longest decimal text that is read; a longer one is refused unread.
pub const TEXT_LENGTH_MAX: usize = 40;

/// An exact decimal number of credits (or of a currency's whole units), at scale 10⁻⁹.
///
/// It is an integer inside, so nothing is ever rounded by accident: text is read either exactly
/// or with one rounding that the caller asked for, and the operators panic rather than wrap.
/// They cannot overflow in practice: what enters the system is bounded by [`Amount::MAX`]
/// (10¹⁸ whole credits), eleven decimal orders below what the integer holds.
///
/// # Examples
///
/// ```
/// use stipend_core::Amount;
/// let price = Amount::parse_exact("1.1").unwrap();
/// assert_eq!((price + Amount::whole(2)).to_string(), "3.1");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is not a decimal number as JSON writes one.
    #[error("not a decimal number")]
    Malformed,
    /// It is longer than [`TEXT_LENGTH_MAX`] characters.
    #[error("more than {TEXT_LENGTH_MAX} characters")]
    TooLong,
    /// It has digits below 10⁻⁹ and was to be taken exactly.
    #[error("more than {SCALE_DIGITS} decimal places")]
    TooManyDecimals,
    /// Its magnitude is above [`Amount::MAX`].
    #[error("above the greatest amount")]
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The greatest amount that input may name: 10¹⁸ whole credits.
    pub const MAX: Self = Self(1_000_000_000_000_000_000 * ONE);

    /// That many whole credits.
    #[must_use]
    pub const fn whole(credits: i64) -> Self {
        // An i64 times 10⁹ is below 10²⁸, far inside an i128.
        Self(credits as i128 * ONE)
    }

    /// The amount of so many units of 10⁻⁹.
    #[must_use]
    pub const fn from_nano(nano: i128) -> Self {
        Self(nano)
    }

    /// The amount in units of 10⁻⁹.
    #[must_use]
    pub const fn nano(self) -> i128 {
        self.0
    }

    /// Reads a decimal number as JSON writes one (`12`, `0.5`, `1e3`) without losing a digit.
    ///
    /// # Errors
    /// [`AmountError::TooManyDecimals`] where a rounding would be needed, else as
    /// [`Amount::parse_rounded`].
    pub fn parse_exact(text: &str) -> Result<Self, AmountError> {
        let (amount, exact) = parse(text)?;
        if exact { Ok(amount) } else { Err(AmountError::TooManyDecimals) }
    }

    /// Reads a decimal number and rounds it once, half to even, at the scale.
    ///
    /// It is meant for reported values: clients do send `0.30000000000000004`.
    ///
    /// # Errors
    /// [`AmountError::TooLong`], [`AmountError::Malformed`], [`AmountError::TooLarge`].
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::Amount;
    /// assert_eq!(Amount::parse_rounded("0.30000000000000004").unwrap().to_string(), "0.3");
    /// ```
    pub fn parse_rounded(text: &str) -> Result<Self, AmountError> {
        parse(text).map(|(amount, _)| amount)
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether it is above zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The amount so many times, or `None` where that is above [`Amount::MAX`].
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::Amount;
    /// assert_eq!(Amount::whole(10_000).times(3), Some(Amount::whole(30_000)));
    /// assert_eq!(Amount::MAX.times(2), None);
    /// ```
    #[must_use]
    pub fn times(self, count: u32) -> Option<Self> {
        let product = Self(self.0.checked_mul(i128::from(count))?);
        (product <= Self::MAX && product >= -Self::MAX).then_some(product)
    }

    /// The product, rounded once, half to even, or `None` where that is above [`Amount::MAX`].
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::Amount;
    /// let rate = Amount::parse_exact("0.000000003").unwrap();
    /// let half = Amount::parse_exact("0.5").unwrap();
    /// assert_eq!(rate.times_amount(half), Amount::parse_exact("0.000000002").ok());
    /// assert_eq!(Amount::MAX.times_amount(Amount::whole(2)), None);
    /// ```
    #[must_use]
    pub fn times_amount(self, other: Self) -> Option<Self> {
        // Whole credits first: the product of two numbers of this scale would not fit.
        let (whole, part) = (self.0.div_euclid(ONE), self.0.rem_euclid(ONE));
        let rest = part.checked_mul(other.0)?;
        let floor = whole.checked_mul(other.0)?.checked_add(rest.div_euclid(ONE))?;
        Self(round_half_to_even(floor, rest.rem_euclid(ONE), ONE)).within_max()
    }

    /// One of so many equal parts of it, rounded half to even.
    ///
    /// # Panics
    /// Where there are no parts.
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::Amount;
    /// assert_eq!(Amount::whole(2).one_of(3).to_string(), "0.666666667");
    /// ```
    #[must_use]
    pub fn one_of(self, parts: u64) -> Self {
        let parts = i128::from(parts);
        Self(round_half_to_even(self.0.div_euclid(parts), self.0.rem_euclid(parts), parts))
    }

    /// How many whole times another amount fits, or begins to fit, into it; `None` where that is
    /// above [`Amount::MAX`].
    ///
    /// # Panics
    /// Where the other is not above zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::Amount;
    /// let (tokens, thousand) = (Amount::whole(2_001), Amount::whole(1_000));
    /// assert_eq!(tokens.count_of(thousand, false), Some(Amount::whole(2)));
    /// assert_eq!(tokens.count_of(thousand, true), Some(Amount::whole(3)));
    /// ```
    #[must_use]
    pub fn count_of(self, unit: Self, is_begun: bool) -> Option<Self> {
        assert!(unit.is_positive(), "units of nothing cannot be counted");
        let is_more = is_begun && self.0.rem_euclid(unit.0) > 0;
        let count = self.0.div_euclid(unit.0) + i128::from(is_more);
        Self(count.checked_mul(ONE)?).within_max()
    }

    /// The amount, where its magnitude is not above [`Amount::MAX`].
    #[must_use]
    pub fn within_max(self) -> Option<Self> {
        (-Self::MAX..=Self::MAX).contains(&self).then_some(self)
    }

    /// So many of so many equal parts of it, rounded down at the scale (`behaviour.md` §0.1).
    ///
    /// # Panics
    /// Where there are no parts, or more are asked for than there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::Amount;
    /// assert_eq!(Amount::whole(1_001).portion(1, 3).to_string(), "333.666666666");
    /// ```
    #[must_use]
    pub fn portion(self, parts: i64, of: i64) -> Self {
        assert!(of > 0 && (0..=of).contains(&parts), "{parts} of {of} parts");
        let (parts, of) = (i128::from(parts), i128::from(of));
        // Whole parts first: the product of the two would not fit.
        Self(self.0.div_euclid(of) * parts + (self.0.rem_euclid(of) * parts).div_euclid(of))
    }

    /// The amount, or zero where it is below zero.
    #[must_use]
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }
}

/// A floor and what is left of it, in parts of `of`, as the nearest integer.
fn round_half_to_even(floor: i128, rest: i128, of: i128) -> i128 {
    let rounds_up = match rest.cmp(&(of - rest)) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => floor % 2 != 0,
        std::cmp::Ordering::Less => false,
    };
    floor + i128::from(rounds_up)
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("input is bounded far below the integer's range"))
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("input is bounded far below the integer's range"))
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.checked_neg().expect("input is bounded far below the integer's range"))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// The canonical decimal text: no exponent, no trailing zeros, `-` only below zero.
impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let (whole, part) = (magnitude / ONE.unsigned_abs(), magnitude % ONE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        if part == 0 {
            return write!(formatter, "{sign}{whole}");
        }
        let decimals = format!("{part:09}");
        write!(formatter, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

/// The parts of a JSON number: sign, digits before and after the point, exponent.
struct Number<'a> {
    negative: bool,
    whole: &'a str,
    part: &'a str,
    exponent: i32,
}

/// The amount nearest to the text (half to even), and whether it is the text's exact value.
fn parse(text: &str) -> Result<(Amount, bool), AmountError> {
    if text.len() > TEXT_LENGTH_MAX {
        return Err(AmountError::TooLong);
    }
    let number = split(text).ok_or(AmountError::Malformed)?;
    let digits: Vec<u8> =
        number.whole.bytes().chain(number.part.bytes()).map(|digit| digit & 0x0f).collect();
    let part_length = i32::try_from(number.part.len()).map_err(|_| AmountError::TooLong)?;
    // The value is `digits` × 10^shift in units of 10⁻⁹.
    let shift = number.exponent - part_length + 9;
    let (kept, dropped) = if shift < 0 {
        let cut = usize::try_from(-shift).unwrap_or(usize::MAX).min(digits.len() + 1);
        if cut > digits.len() {
            (&[][..], &digits[..])
        } else {
            digits.split_at(digits.len() - cut)
        }
    } else {
        (&digits[..], &[][..])
    };
    let mut nano: i128 = 0;
    for digit in kept {
        nano = nano
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(i128::from(*digit)))
            .ok_or(AmountError::TooLarge)?;
    }
    for _ in 0..shift.max(0) {
        if nano == 0 {
            break;
        }
        nano = nano.checked_mul(10).ok_or(AmountError::TooLarge)?;
    }
    let exact = dropped.iter().all(|digit| *digit == 0);
    let whole_tail = -shift == i32::try_from(dropped.len()).unwrap_or(i32::MAX);
    if !exact && whole_tail && rounds_up(dropped, nano % 2 == 1) {
        nano += 1;
    }
    let amount = Amount(if number.negative { -nano } else { nano });
    if amount > Amount::MAX || amount < -Amount::MAX {
        return Err(AmountError::TooLarge);
    }
    Ok((amount, exact))
}

/// Whether the dropped digits push the kept number away from zero, half to even.
fn rounds_up(dropped: &[u8], kept_is_odd: bool) -> bool {
    let (first, rest) = dropped.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
    match first.cmp(&5) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => kept_is_odd || rest.iter().any(|digit| *digit != 0),
    }
}

/// Splits a number written as JSON allows: no leading zeros or plus, digits on both sides of the
/// point, an exponent of at most three digits.
fn split(text: &str) -> Option<Number<'_>> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, part) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some(halves) => halves,
        None => (mantissa, ""),
    };
    let all_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || leading_zero || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    Some(Number { negative, whole, part, exponent })
}

fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, rounded: &str, exact: bool) {
        let expected = if rounded.is_empty() { None } else { Some(rounded.to_owned()) };
        assert_eq!(Amount::parse_rounded(text).ok().map(|a| a.to_string()), expected, "{text}");
        assert_eq!(Amount::parse_exact(text).is_ok(), exact, "{text}");
    }

    #[test]
    fn decimal_texts_are_read_exactly_or_rounded_half_to_even() {
        check("0", "0", true);
        check("-0", "0", true);
        check("-0.0", "0", true);
        check("1.0", "1", true);
        check("1e3", "1000", true);
        check("1.5E-1", "0.15", true);
        check("999999999999999.999999999", "999999999999999.999999999", true);
        check("0.0000000005", "0", false);
        check("0.0000000015", "0.000000002", false);
        check("0.0000000025", "0.000000002", false);
        check("0.00000000251", "0.000000003", false);
        check("0.30000000000000004", "0.3", false);
        check("1e-999", "0", false);
        check("0e999", "0", true);
    }

    #[test]
    fn what_is_no_json_number_or_too_large_is_refused() {
        for text in ["", "-", "+1", "01", ".5", "1.", "1_000", "1,5", "0x10", "NaN", "1e", "1e+"] {
            check(text, "", false);
        }
        check("9007199254740993", "9007199254740993", true);
        check("1000000000000000000", "1000000000000000000", true);
        check("1000000000000000000.000000001", "", false);
        check("1e400", "", false);
        assert_eq!(Amount::parse_rounded(&"1".repeat(41)), Err(AmountError::TooLong));
    }

    proptest! {
        #[test]
        fn print_then_parse_is_the_identity(nano in -Amount::MAX.nano()..=Amount::MAX.nano()) {
            let amount = Amount::from_nano(nano);
            prop_assert_eq!(Amount::parse_exact(&amount.to_string()), Ok(amount));
        }
    }
}
