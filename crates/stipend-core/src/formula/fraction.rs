//! Exact fractions of 128-bit integers, which say when they do not fit.

use std::cmp::Ordering;

use crate::Amount;

/// How many units of 10⁻⁹ one whole has.
const NANO: i128 = 1_000_000_000;

/// An exact number. It is brought to lowest terms only where it would not fit otherwise: that is
/// rare, and by far the most expensive part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fraction {
    numerator: i128,
    /// Always above zero.
    denominator: i128,
}

impl Fraction {
    pub(super) const ZERO: Self = Self::whole(0);

    pub(super) const fn whole(number: i128) -> Self {
        Self { numerator: number, denominator: 1 }
    }

    /// The decimal number with these digits, so many of them after the point.
    pub(super) fn decimal(digits: i128, places: u32) -> Option<Self> {
        Some(Self { numerator: digits, denominator: 10i128.checked_pow(places)? })
    }

    pub(super) fn from_amount(amount: Amount) -> Self {
        // Most dimensions are whole numbers, and what has no denominator stays small.
        if amount.nano() % NANO == 0 {
            Self::whole(amount.nano() / NANO)
        } else {
            Self { numerator: amount.nano(), denominator: NANO }
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub(super) fn is_negative(self) -> bool {
        self.numerator < 0
    }

    pub(super) fn negate(self) -> Option<Self> {
        Some(Self { numerator: self.numerator.checked_neg()?, ..self })
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        self.plus_as_it_is(other).or_else(|| self.reduce().plus_as_it_is(other.reduce()))
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negate()?)
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        self.times_as_it_is(other).or_else(|| {
            // Cancelled crosswise, the product has its lowest terms: it fits if it can fit at all.
            let (left, right) = (self.reduce(), other.reduce());
            let left_over_right =
                Self { numerator: left.numerator, denominator: right.denominator }.reduce();
            let right_over_left =
                Self { numerator: right.numerator, denominator: left.denominator }.reduce();
            left_over_right.times_as_it_is(right_over_left)
        })
    }

    /// The quotient; the divisor is not zero.
    pub(super) fn over(self, divisor: Self) -> Option<Self> {
        assert!(!divisor.is_zero(), "whoever divides looks at the divisor first");
        let sign = divisor.numerator.signum();
        let inverse = Self {
            numerator: divisor.denominator * sign,
            denominator: divisor.numerator.checked_mul(sign)?,
        };
        self.times(inverse)
    }

    /// The greatest whole number that is not above it.
    pub(super) fn floor(self) -> Self {
        Self::whole(self.numerator.div_euclid(self.denominator))
    }

    /// The smallest whole number that is not below it.
    pub(super) fn ceil(self) -> Option<Self> {
        let above = i128::from(self.numerator.rem_euclid(self.denominator) > 0);
        Some(Self::whole(self.floor().numerator.checked_add(above)?))
    }

    /// The nearest whole number, half to even.
    pub(super) fn round(self) -> Option<Self> {
        let rest = self.numerator.rem_euclid(self.denominator);
        let floor = self.floor().numerator;
        Some(Self::whole(round_half_to_even(floor, rest.cmp(&(self.denominator - rest)))?))
    }

    /// The nearest amount, half to even, or `None` where it is beyond [`Amount::MAX`].
    pub(super) fn to_amount(self) -> Option<Amount> {
        let whole = self.numerator.div_euclid(self.denominator).checked_mul(NANO)?;
        let rest = self.numerator.rem_euclid(self.denominator).unsigned_abs();
        let (part, rest) = nanos(rest, self.denominator.unsigned_abs());
        let half = rest.cmp(&(self.denominator.unsigned_abs() - rest));
        let amount = Amount::from_nano(round_half_to_even(whole.checked_add(part)?, half)?);
        (-Amount::MAX..=Amount::MAX).contains(&amount).then_some(amount)
    }

    /// Which of the two is greater. Any two fractions can be compared.
    pub(super) fn compare(self, other: Self) -> Ordering {
        let products = self
            .numerator
            .checked_mul(other.denominator)
            .zip(other.numerator.checked_mul(self.denominator));
        products.map_or_else(|| self.compare_by_parts(other), |(left, right)| left.cmp(&right))
    }

    /// Compares the whole parts, then the inverses of what is left, as long as there is some.
    fn compare_by_parts(self, other: Self) -> Ordering {
        let (mut left, mut right) = (self, other);
        loop {
            let wholes = left.floor().numerator.cmp(&right.floor().numerator);
            if wholes.is_ne() {
                return wholes;
            }
            let left_rest = left.numerator.rem_euclid(left.denominator);
            let right_rest = right.numerator.rem_euclid(right.denominator);
            if left_rest == 0 || right_rest == 0 {
                return left_rest.cmp(&right_rest);
            }
            // An inverse is the greater, the smaller the fraction is: the sides change places.
            (left, right) = (
                Self { numerator: right.denominator, denominator: right_rest },
                Self { numerator: left.denominator, denominator: left_rest },
            );
        }
    }

    fn plus_as_it_is(self, other: Self) -> Option<Self> {
        let (left, right) = factors(self.denominator, other.denominator);
        let denominator = self.denominator.checked_mul(left)?;
        let left = self.numerator.checked_mul(left)?;
        let right = other.numerator.checked_mul(right)?;
        Some(Self { numerator: left.checked_add(right)?, denominator })
    }

    fn times_as_it_is(self, other: Self) -> Option<Self> {
        Some(Self {
            numerator: self.numerator.checked_mul(other.numerator)?,
            denominator: self.denominator.checked_mul(other.denominator)?,
        })
    }

    /// The same number in lowest terms.
    fn reduce(self) -> Self {
        let common = common_divisor(self.numerator.unsigned_abs(), self.denominator.unsigned_abs());
        let common = i128::try_from(common).expect("a divisor of a denominator is not above it");
        Self { numerator: self.numerator / common, denominator: self.denominator / common }
    }
}

/// What two denominators are multiplied with to become their least common multiple.
fn factors(left: i128, right: i128) -> (i128, i128) {
    // Nearly all denominators are powers of ten, of which the smaller divides the greater.
    if left == right {
        (1, 1)
    } else if left % right == 0 {
        (1, left / right)
    } else if right % left == 0 {
        (right / left, 1)
    } else {
        let common = common_divisor(left.unsigned_abs(), right.unsigned_abs());
        let common = i128::try_from(common).expect("a divisor of a denominator is not above it");
        (right / common, left / common)
    }
}

/// The greatest common divisor, by halving and subtracting: a division of 128 bits is slow.
fn common_divisor(left: u128, right: u128) -> u128 {
    if left == 0 || right == 0 {
        return left.max(right);
    }
    let twos = (left | right).trailing_zeros();
    let (mut left, mut right) = (left >> left.trailing_zeros(), right);
    while right != 0 {
        right >>= right.trailing_zeros();
        (left, right) = (left.min(right), left.abs_diff(right));
    }
    left << twos
}

/// The floor, or the number above it where the rest is more than half, or half and the floor odd.
fn round_half_to_even(floor: i128, rest_to_half: Ordering) -> Option<i128> {
    let up = match rest_to_half {
        Ordering::Less => false,
        Ordering::Equal => floor % 2 != 0,
        Ordering::Greater => true,
    };
    floor.checked_add(i128::from(up))
}

/// How many units of 10⁻⁹ there are in `rest / denominator`, a fraction below one, and the rest
/// of that division.
fn nanos(rest: u128, denominator: u128) -> (i128, u128) {
    let Some(product) = rest.checked_mul(NANO.unsigned_abs()) else {
        return nanos_by_bits(rest, denominator);
    };
    let part = i128::try_from(product / denominator).expect("it is below 10⁹");
    (part, product % denominator)
}

/// The same bit by bit, without a product that may not fit: nothing grows beyond twice the
/// denominator, which has 127 bits.
fn nanos_by_bits(rest: u128, denominator: u128) -> (i128, u128) {
    let nano = NANO.unsigned_abs();
    let (mut part, mut remainder) = (0, 0);
    for bit in (0..u128::BITS - nano.leading_zeros()).rev() {
        let (first, doubled) = divide_small(remainder * 2, denominator);
        let addend = if nano >> bit & 1 == 1 { rest } else { 0 };
        let (second, sum) = divide_small(doubled + addend, denominator);
        part = part * 2 + first + second;
        remainder = sum;
    }
    (part, remainder)
}

/// Quotient and rest of what is below twice its divisor.
fn divide_small(sum: u128, divisor: u128) -> (i128, u128) {
    if sum >= divisor { (1, sum - divisor) } else { (0, sum) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST: i128 = i128::MAX;

    fn fraction(numerator: i128, denominator: i128) -> Fraction {
        Fraction { numerator, denominator }
    }

    #[test]
    fn fractions_at_the_edge_of_128_bits_compare_and_round() {
        let check = |(n, d), (other_n, other_d), expected| {
            let (one, other) = (fraction(n, d), fraction(other_n, other_d));
            assert_eq!(one.compare(other), expected, "{n}/{d} and {other_n}/{other_d}");
            assert_eq!(other.compare(one), expected.reverse(), "{other_n}/{other_d} and {n}/{d}");
        };
        check((MOST, MOST - 1), (MOST - 1, MOST - 2), Ordering::Less);
        check((MOST - 2, MOST - 1), (MOST - 1, MOST), Ordering::Less);
        check((-MOST, MOST - 1), (1 - MOST, MOST - 2), Ordering::Greater);
        check((i128::MIN, MOST), (-1, 1), Ordering::Less);
        check((MOST - 1, (MOST - 1) / 2), (2, 1), Ordering::Equal);
        check(((MOST - 1) / 3, MOST - 1), (1, 3), Ordering::Equal);
        let amount = |n, d| fraction(n, d).to_amount().map(Amount::nano);
        assert_eq!(amount(MOST, MOST), Some(NANO));
        assert_eq!(amount(MOST - 1, MOST), Some(NANO));
        assert_eq!(amount(MOST / 2, MOST), Some(NANO / 2));
        assert_eq!(amount(1, MOST), Some(0));
        assert_eq!(amount(MOST, 1), None);
        assert_eq!(amount(i128::MIN, 1), None);
        assert_eq!(amount(i128::MIN, MOST), Some(-NANO));
    }

    #[test]
    fn what_does_not_fit_says_so() {
        let most = fraction(MOST, 1);
        assert!(most.plus(Fraction::whole(1)).is_none());
        assert!(most.times(Fraction::whole(2)).is_none());
        assert!(fraction(1, MOST).over(Fraction::whole(2)).is_none());
        assert!(fraction(1, MOST).plus(fraction(1, MOST - 1)).is_none());
        assert!(fraction(i128::MIN, 1).negate().is_none());
        assert!(Fraction::whole(1).over(fraction(i128::MIN, 1)).is_none());
        // Both fit in their lowest terms.
        assert!(fraction(MOST - 1, 2).times(fraction(2, MOST - 1)).is_some());
        assert!(fraction(MOST - 1, MOST - 1).plus(Fraction::whole(1)).is_some());
    }

    #[test]
    fn a_common_divisor_is_the_greatest() {
        let check = |left, right, expected| {
            assert_eq!(common_divisor(left, right), expected, "{left} and {right}");
            assert_eq!(common_divisor(right, left), expected, "{right} and {left}");
        };
        check(12, 18, 6);
        check(0, 7, 7);
        check(1, u128::MAX, 1);
        check(1 << 127, 1 << 90, 1 << 90);
        check(3 * 5 * 7 * 64, 5 * 11 * 16, 5 * 16);
    }

    proptest! {
        #[test]
        fn the_long_ways_agree_with_the_short_ones(
            left in (-30i128..30, 1i128..12),
            right in (-30i128..30, 1i128..12),
            (rest, denominator) in (1u128..u128::MAX >> 32)
                .prop_flat_map(|denominator| (0..denominator, Just(denominator))),
        ) {
            let (left, right) = (fraction(left.0, left.1), fraction(right.0, right.1));
            prop_assert_eq!(left.compare_by_parts(right), left.compare(right));
            prop_assert_eq!(nanos_by_bits(rest, denominator), nanos(rest, denominator));
        }
    }
}
