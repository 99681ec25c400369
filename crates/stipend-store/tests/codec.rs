//! Goal: show that values keep their bytes, that nothing unknown is read, and that no bytes can
//! do harm.
//! Method: golden bytes for each form, a table of damaged ones with their errors, and random
//! bytes and values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use proptest::prelude::*;
use stipend_core::{Amount, CustomerId, EnvId, GrantNo, PoolId, Slot, Timestamp};
use stipend_store::codec::{CodecError, DEPTH_MAX, Decode, Encode, from_bytes, to_bytes};
use stipend_store::{choice, newtype, record};

#[derive(Clone, Debug, Default, PartialEq)]
struct Order {
    id: u64,
    note: Option<String>,
    shape: Shape,
    parts: Vec<Part>,
}
record!(Order { 1 => id, 2 => note, 4 => shape, 7 => parts });

#[derive(Clone, Debug, Default, PartialEq)]
enum Shape {
    #[default]
    Plain,
    Sized(Amount),
    Named {
        width: u32,
        label: Option<String>,
    },
}
choice!(Shape { 1 => Plain, 2 => Sized(Amount), 5 => Named { 1 => width, 2 => label } });

#[derive(Clone, Debug, PartialEq)]
enum Colour {
    Red,
    Green,
}
choice!(Colour { 1 => Red, 2 => Green });

#[derive(Clone, Debug, PartialEq)]
struct Part {
    counts: BTreeMap<String, i64>,
    inner: Option<Box<Part>>,
}
record!(Part { 1 => counts, 2 => inner });

#[derive(Clone, Debug, PartialEq)]
struct Nothing {}
record!(Nothing {});

#[derive(Clone, Debug, PartialEq)]
struct Pair((u8, bool));
newtype!(Pair((u8, bool)));

/// The bytes after the version.
fn check<T: Encode + Decode + PartialEq + Debug>(value: T, expected: &[u8]) {
    let bytes = to_bytes(&value);
    assert_eq!(bytes[0], 1);
    assert_eq!(&bytes[1..], expected, "{value:?}");
    assert_eq!(from_bytes(&bytes), Ok(value));
}

fn refused<T: Decode + PartialEq + Debug>(bytes: &[u8], expected: &str) {
    let versioned: Vec<u8> = [1].into_iter().chain(bytes.iter().copied()).collect();
    let error = from_bytes::<T>(&versioned).expect_err("it is not of the type");
    assert_eq!(error.to_string(), expected, "{bytes:?}");
}

#[test]
fn integers_have_one_shortest_form() {
    check(0_u64, &[0]);
    check(127_u64, &[127]);
    check(128_u64, &[128, 1]);
    check(u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    check(0_i64, &[0]);
    check(-1_i64, &[1]);
    check(1_i64, &[2]);
    check(i64::MIN, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    check(200_u8, &[200]);
    check(-64_i32, &[127]);
    check(300_u16, &[172, 2]);
    check((1_u64 << 63) - 1, &[[255; 8].as_slice(), &[127]].concat());
    check(1_u64 << 63, &[[128; 9].as_slice(), &[1]].concat());
    check(i128::from(i64::MIN), &[[255; 9].as_slice(), &[1]].concat());
    check(i128::from(i64::MAX) + 1, &[[128; 9].as_slice(), &[2]].concat());
    check(i128::MIN, &[[255; 18].as_slice(), &[3]].concat());
    check(i128::MAX, &[&[254], [255; 17].as_slice(), &[3]].concat());
}

#[test]
fn standard_values_keep_their_bytes() {
    check(true, &[1]);
    check("né".to_owned(), &[3, b'n', 0xc3, 0xa9]);
    check(Arc::<str>::from("a"), &[1, b'a']);
    check(vec![7_u8, 8], &[2, 7, 8]);
    check([7_u8, 8], &[7, 8]);
    check(vec![None, Some(5_u32)], &[2, 0, 1, 5]);
    check(BTreeSet::from([3_u32, 1]), &[2, 1, 3]);
    check(BTreeMap::from([(2_u32, true), (1, false)]), &[2, 1, 0, 2, 1]);
    check((1_u32, true, "x".to_owned()), &[1, 1, 1, b'x']);
    check(Some(Some(1_u32)), &[1, 1, 1]);
}

#[test]
fn values_of_the_domain_keep_their_bytes() {
    check(Amount::whole(1), &[128, 168, 214, 185, 7]);
    check(Timestamp::from_micros(1), &[2]);
    check(CustomerId::parse("c-1").unwrap(), &[3, b'c', b'-', b'1']);
    check((EnvId(1), Slot(2), GrantNo(3)), &[1, 2, 3]);
    check(PoolId::new(Slot(1), 2), &[130, 128, 4]);
}

#[test]
fn records_and_choices_keep_their_bytes() {
    check(Order::default(), &[1, 0, 4, 1, 7, 0, 0]);
    let shape = Shape::Named { width: 9, label: Some("l".to_owned()) };
    let part = Part { counts: BTreeMap::new(), inner: None };
    let order = Order { id: 5, note: Some("n".to_owned()), shape, parts: vec![part] };
    let expected = [1, 5, 2, 1, b'n', 4, 5, 1, 9, 2, 1, b'l', 0, 7, 1, 1, 0, 0, 0];
    check(order, &expected);
    check(Shape::Sized(Amount::ZERO), &[2, 0]);
    check(Colour::Green, &[2]);
    check(Nothing {}, &[0]);
    check(Pair((4, true)), &[4, 1]);
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Grown {
    id: u64,
    held: Amount,
    parts: Vec<u32>,
}
record!(Grown { 1 => id, 4 => held or default, 5 => parts or default });

/// What a field that came later is where it is not written.
#[test]
fn a_default_is_not_written_and_not_accepted() {
    check(Grown { id: 3, ..Grown::default() }, &[1, 3, 0]);
    check(Grown { id: 3, held: Amount::from_nano(1), parts: vec![7] }, &[1, 3, 4, 2, 5, 1, 7, 0]);
    refused::<Grown>(&[1, 3, 4, 0, 0], "not a value other than the default of held");
    refused::<Grown>(&[1, 3, 5, 0, 0], "not a value other than the default of parts");
}

#[test]
fn a_record_of_an_unknown_shape_is_refused_by_name() {
    refused::<Order>(&[1, 0, 3], "Order has no field 3");
    refused::<Order>(&[1, 0, 1, 0], "field id of Order is repeated");
    refused::<Order>(&[1, 0, 4, 1, 0], "field parts of Order is missing");
    refused::<Order>(&[4, 3], "Shape has no variant 3");
    refused::<Order>(&[4, 5, 1, 0, 7], "Shape::Named has no field 7");
    refused::<Order>(&[4, 5, 0], "field width of Shape::Named is missing");
    refused::<Order>(&[1], "the bytes end within a value");
    refused::<Colour>(&[0], "Colour has no variant 0");
    refused::<Colour>(&[1, 1], "1 bytes follow the value");
}

#[test]
fn values_of_another_form_are_refused() {
    refused::<u64>(&[128, 0], "not the shortest form of an integer");
    for zeros in [1, 8, 9, 17] {
        let longer = [[255_u8].as_slice(), &vec![128; zeros - 1], &[0]].concat();
        refused::<u128>(&longer, "not the shortest form of an integer");
        refused::<i128>(&longer, "not the shortest form of an integer");
        refused::<u128>(&longer[..zeros], "the bytes end within a value");
    }
    refused::<u64>(&[255, 255, 255, 255, 255, 255, 255, 255, 255, 2], "not an integer of 64 bits");
    refused::<u128>(&[[255; 18].as_slice(), &[4]].concat(), "not an integer of 128 bits");
    refused::<u128>(&[255; 40], "not an integer of 128 bits");
    refused::<u32>(&[255, 255, 255, 255, 127], "not an integer of type u32");
    refused::<bool>(&[2], "not a truth value");
    refused::<String>(&[1, 0xff], "not a text in UTF-8");
    refused::<String>(&[5, b'a'], "the bytes end within a value");
    refused::<BTreeSet<u8>>(&[2, 1, 1], "not a set in order");
    refused::<BTreeMap<u8, u8>>(&[2, 2, 0, 1, 0], "not a map in order");
    refused::<CustomerId>(&[1, b' '], "not a CustomerId");
}

#[test]
fn another_version_is_refused() {
    assert_eq!(from_bytes::<u8>(&[2, 0]), Err(CodecError::Version(2)));
    assert_eq!(from_bytes::<u8>(&[]), Err(CodecError::Ended));
}

#[test]
fn a_count_is_never_believed() {
    let huge = [1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
    assert_eq!(from_bytes::<Vec<[u8; 4096]>>(&huge), Err(CodecError::Ended));
    assert_eq!(from_bytes::<String>(&huge), Err(CodecError::Ended));
}

#[test]
fn values_nested_too_deeply_are_refused_and_not_followed() {
    let mut part = Part { counts: BTreeMap::new(), inner: None };
    for _ in 1..DEPTH_MAX {
        part = Part { counts: BTreeMap::new(), inner: Some(Box::new(part)) };
    }
    assert_eq!(from_bytes(&to_bytes(&part)), Ok(part));
    let endless: Vec<u8> = [1].into_iter().chain([2; 100_000]).collect();
    assert_eq!(from_bytes::<Part>(&endless), Err(CodecError::TooDeep));
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop::collection::btree_map("[a-z]{0,3}", any::<i64>(), 0..3)
        .prop_map(|counts| Part { counts, inner: None });
    leaf.prop_recursive(4, 8, 1, |inner| {
        inner.prop_map(|inner| Part { counts: BTreeMap::new(), inner: Some(Box::new(inner)) })
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Plain),
        any::<i128>().prop_map(|nano| Shape::Sized(Amount::from_nano(nano))),
        (any::<u32>(), any::<Option<String>>())
            .prop_map(|(width, label)| Shape::Named { width, label }),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    (any::<u64>(), any::<Option<String>>(), shape(), prop::collection::vec(part(), 0..4))
        .prop_map(|(id, note, shape, parts)| Order { id, note, shape, parts })
}

proptest! {
    #[test]
    fn what_is_written_is_read(order in order()) {
        prop_assert_eq!(from_bytes(&to_bytes(&order)), Ok(order));
    }

    #[test]
    fn every_truncation_is_refused(order in order(), cut in any::<prop::sample::Index>()) {
        let bytes = to_bytes(&order);
        let kept = cut.index(bytes.len());
        prop_assert!(from_bytes::<Order>(&bytes[..kept]).is_err());
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let versioned: Vec<u8> = [1].into_iter().chain(bytes).collect();
        drop(from_bytes::<Order>(&versioned));
        drop(from_bytes::<Vec<Vec<Part>>>(&versioned));
        drop(from_bytes::<BTreeMap<CustomerId, (Amount, Timestamp)>>(&versioned));
        drop(from_bytes::<Option<Option<Box<str>>>>(&versioned));
    }

    #[test]
    fn small_random_bytes_do_no_harm(bytes in prop::collection::vec(0_u8..9, 0..200)) {
        let versioned: Vec<u8> = [1].into_iter().chain(bytes).collect();
        if let Ok(order) = from_bytes::<Order>(&versioned) {
            prop_assert_eq!(from_bytes(&to_bytes(&order)), Ok(order));
        }
    }

    #[test]
    fn flipped_bytes_do_no_harm(order in order(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = to_bytes(&order);
        let at = at.index(bytes.len());
        bytes[at] = to;
        drop(from_bytes::<Order>(&bytes));
    }
}
