//! Amounts are exact; what is rounded is rounded once, half to even.

use proptest::prelude::*;
use stipend_core::amount::TEXT_LENGTH_MAX;
use stipend_core::{Amount, AmountError};

fn check(text: &str, exact: Result<&str, AmountError>, rounded: Result<&str, AmountError>) {
    let read = |result: Result<Amount, AmountError>| result.map(|amount| amount.to_string());
    assert_eq!(read(Amount::parse_exact(text)), exact.map(str::to_owned), "{text:?} exactly");
    assert_eq!(read(Amount::parse_rounded(text)), rounded.map(str::to_owned), "{text:?} rounded");
}

#[test]
fn what_needs_rounding_is_refused_or_rounded_half_to_even() {
    let too_fine = Err(AmountError::TooManyDecimals);
    check("0.123456789", Ok("0.123456789"), Ok("0.123456789"));
    check("0.1234567890000", Ok("0.123456789"), Ok("0.123456789"));
    check("0.1234567885", too_fine, Ok("0.123456788"));
    check("0.1234567895", too_fine, Ok("0.12345679"));
    check("-0.1234567895", too_fine, Ok("-0.12345679"));
    check("0.9999999999", too_fine, Ok("1"));
    check("5e-10", too_fine, Ok("0"));
    check("51e-11", too_fine, Ok("0.000000001"));
    check("99e-12", too_fine, Ok("0"));
}

#[test]
fn what_is_no_number_too_long_or_too_large_is_refused_with_its_reason() {
    let all = |text: &str, error: AmountError| check(text, Err(error), Err(error));
    for text in ["", "ten", "+1", "1.", ".5", "1e", "0x1", "1 ", "NaN", "Infinity", "1e9999"] {
        all(text, AmountError::Malformed);
    }
    all(&"1".repeat(TEXT_LENGTH_MAX + 1), AmountError::TooLong);
    all("1000000000000000000.1", AmountError::TooLarge);
    all("-1e19", AmountError::TooLarge);
    check("-1e18", Ok("-1000000000000000000"), Ok("-1000000000000000000"));
}

#[test]
fn a_product_stays_within_the_greatest_amount() {
    let half = Amount::from_nano(Amount::MAX.nano() / 2);
    assert_eq!(half.times(2), Some(Amount::MAX));
    assert_eq!((half + Amount::from_nano(1)).times(2), None);
    assert_eq!((-half).times(2), Some(-Amount::MAX));
    assert_eq!(Amount::MAX.times(0), Some(Amount::ZERO));
}

#[test]
fn tenths_add_up_exactly() {
    let tenth = Amount::parse_exact("0.1").unwrap();
    let ten_times: Amount = std::iter::repeat_n(tenth, 10).sum();
    assert_eq!(ten_times, Amount::whole(1));
    assert_eq!((ten_times - tenth).to_string(), "0.9");
    assert_eq!((tenth - ten_times).or_zero(), Amount::ZERO);
}

proptest! {
    #[test]
    fn rounding_moves_a_text_by_half_a_unit_at_most(whole in 0u32..1000, digits in "[0-9]{10,14}") {
        let text = format!("{whole}.{digits}");
        let rounded = Amount::parse_rounded(&text).unwrap().nano();
        // In units of 10⁻¹⁴, where every such text is a whole number.
        let exact: i128 = format!("{whole}{digits:0<14}").parse().unwrap();
        prop_assert!((rounded * 100_000 - exact).abs() <= 50_000, "{text} became {rounded}");
    }
}
