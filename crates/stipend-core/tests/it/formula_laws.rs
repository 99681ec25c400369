//! Laws of cost formulas: they agree with a naive evaluator, and no text whatever upsets them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stipend_core::customer::DimensionValue;
use stipend_core::formula::{EvaluationError, FormulaFault};
use stipend_core::limits::FORMULA_LENGTH_MAX;
use stipend_core::{Amount, Formula};

use crate::formula_reference::{Cond, Failure, Num, World};

/// Below this many bits nothing may be called too long for 128.
const BITS_THAT_FIT: usize = 120;

const NAMES: [&str; 7] = ["a", "b", "if", "model", "premium", "gone", "input-tokens"];
const TEXTS: [&str; 4] = ["gpt-4", "a", "", "grün (2)"];
const RELATIONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const GAPS: [&str; 3] = ["", " ", "\n\t "];

/// At least so many cases, more with `PROPTEST_CASES`.
fn cases(at_least: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(at_least), ..usual }
}

fn a_name() -> impl Strategy<Value = String> {
    proptest::sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn a_leaf() -> BoxedStrategy<Num> {
    let literal = prop_oneof![
        (0u32..20).prop_map(|whole| whole.to_string()),
        (0u32..1000, "[0-9]{1,4}").prop_map(|(whole, part)| format!("{whole}.{part}")),
        "0\\.0{0,8}[1-9]{1,9}",
        "[1-9][0-9]{0,17}",
    ];
    prop_oneof![literal.prop_map(Num::Literal), a_name().prop_map(Num::Dimension)].boxed()
}

/// A condition of two numbers, or of dimensions alone.
fn a_condition(number: &BoxedStrategy<Num>) -> BoxedStrategy<Cond> {
    let compared = (proptest::sample::select(&RELATIONS[..]), number.clone(), number.clone())
        .prop_map(|(relation, left, right)| Cond::Compare(relation, left, right));
    let text = proptest::sample::select(&TEXTS[..]);
    let is_text = (a_name(), text, any::<bool>(), any::<bool>()).prop_map(
        |(dimension, text, is_not, text_first)| {
            let text = text.to_owned();
            Cond::IsText { dimension, text, is_not, text_first }
        },
    );
    let leaf = prop_oneof![3 => compared, 2 => is_text, 1 => a_name().prop_map(Cond::Flag)];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            (proptest::sample::select(&["and", "or"][..]), several)
                .prop_map(|(name, several)| Cond::Junction(name, several)),
            inner.prop_map(|inner| Cond::Not(Box::new(inner))),
        ]
    })
    .boxed()
}

fn a_formula() -> impl Strategy<Value = Num> {
    a_leaf().prop_recursive(5, 24, 3, |inner| {
        let inner = inner.boxed();
        let one = inner.clone().prop_map(Box::new);
        let operator = proptest::sample::select(&['+', '-', '*', '/'][..]);
        let several = proptest::collection::vec(inner.clone(), 2..4);
        let extreme = proptest::sample::select(&["min", "max"][..]);
        let rounding = proptest::sample::select(&["ceil", "floor", "round"][..]);
        prop_oneof![
            6 => (operator, one.clone(), one.clone())
                .prop_map(|(operator, left, right)| Num::Binary(operator, left, right)),
            1 => one.clone().prop_map(Num::Parenthesis),
            1 => one.clone().prop_map(Num::Negative),
            1 => (extreme, several).prop_map(|(name, several)| Num::Call(name, several)),
            1 => (rounding, inner.clone()).prop_map(|(name, one)| Num::Call(name, vec![one])),
            2 => (a_condition(&inner), one.clone(), one)
                .prop_map(|(condition, then, other)| Num::If(Box::new(condition), then, other)),
        ]
    })
}

fn a_value() -> impl Strategy<Value = DimensionValue> {
    let nano = prop_oneof![
        (0i128..50).prop_map(|whole| whole * 1_000_000_000),
        -1_000_000_000_000i128..1_000_000_000_000,
        -Amount::MAX.nano()..=Amount::MAX.nano(),
    ];
    prop_oneof![
        4 => nano.prop_map(|nano| DimensionValue::Number(Amount::from_nano(nano))),
        1 => proptest::sample::select(&TEXTS[..])
            .prop_map(|text| DimensionValue::Text(text.to_owned())),
        1 => any::<bool>().prop_map(DimensionValue::Flag),
    ]
}

fn an_event() -> impl Strategy<Value = Vec<(String, DimensionValue)>> {
    proptest::collection::vec(proptest::option::weighted(0.9, a_value()), NAMES.len()).prop_map(
        |values| {
            let named = NAMES.iter().zip(values);
            named.filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect()
        },
    )
}

fn find<'a>(event: &'a [(String, DimensionValue)], name: &str) -> Option<&'a DimensionValue> {
    event.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// The real answer to a formula equals the naive one, unless the numbers became too long.
fn agree(tree: &Num, gap: &str, event: &[(String, DimensionValue)]) -> Result<(), TestCaseError> {
    let text = tree.print(gap);
    let world = World::new(event);
    let formula = match Formula::parse(&text) {
        Ok(formula) => formula,
        Err(error) => {
            let nothing = World::new(&[]);
            let fails = tree.always_fails(&nothing);
            let is_right = match error.fault {
                FormulaFault::Always(EvaluationError::Overflow { .. }) => {
                    nothing.bits.get() > BITS_THAT_FIT
                }
                FormulaFault::Always(_) => fails,
                FormulaFault::TooLong | FormulaFault::TooManyNodes => text.len() > 256,
                _ => false,
            };
            prop_assert!(is_right, "{text}: {error}");
            return Ok(());
        }
    };
    prop_assert!(!tree.always_fails(&World::new(&[])), "{text} fails for every event");
    let expected = tree.cost(&world);
    let cost = match formula.evaluate(|name| find(event, name)) {
        Err(EvaluationError::Overflow { .. }) => {
            prop_assert!(world.bits.get() > BITS_THAT_FIT, "{text} fits");
            return Ok(());
        }
        Err(EvaluationError::DivisionByZero { position }) => {
            prop_assert_eq!(text.chars().nth(position - 1), Some('/'), "{}", text);
            Err(Failure::DivisionByZero)
        }
        Err(EvaluationError::NegativeCost) => Err(Failure::Negative),
        Err(EvaluationError::TooLarge) => Err(Failure::TooLarge),
        Ok(cost) => Ok(cost),
    };
    prop_assert_eq!(
        cost.as_ref().map(|cost| cost.amount.nano()),
        expected.as_ref().copied(),
        "{}",
        text
    );
    if let Ok(cost) = cost {
        let read: BTreeSet<_> = cost.inputs.iter().map(|input| input.name.to_owned()).collect();
        prop_assert_eq!(&read, &*world.read.borrow(), "{}", text);
        let warned: BTreeSet<_> = cost
            .warnings
            .iter()
            .map(|warning| (warning.dimension.to_owned(), format!("{:?}", warning.kind)))
            .collect();
        prop_assert_eq!(&warned, &*world.warned.borrow(), "{}", text);
        prop_assert_eq!(cost.warnings.len(), warned.len(), "each is warned of once");
    }
    Ok(())
}

/// Whatever the text, there is a formula that keeps it, or an error inside of it.
fn survive(text: &str, event: &[(String, DimensionValue)]) -> Result<(), TestCaseError> {
    match Formula::parse(text) {
        Ok(formula) => {
            prop_assert_eq!(formula.source(), text);
            prop_assert!(text.chars().count() <= FORMULA_LENGTH_MAX);
            if let Ok(cost) = formula.evaluate(|name| find(event, name)) {
                prop_assert!(!cost.amount.is_negative() && cost.amount <= Amount::MAX);
                prop_assert!(cost.inputs.iter().count() <= formula.dimensions().len());
            }
        }
        Err(error) => {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.position), "{error}");
            let said = error.to_string();
            prop_assert!(said.chars().count() < 400 && !said.contains(char::is_control), "{said}");
        }
    }
    Ok(())
}

/// Pieces that formulas are made of, and pieces that they are not.
const PIECES: [&str; 44] = [
    "a",
    "model",
    "if",
    "min",
    "max",
    "ceil",
    "floor",
    "round",
    "and",
    "or",
    "not",
    "if(",
    "min(",
    "and(",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "/",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "=",
    "1",
    "0",
    "2.5",
    "1000000000000000000",
    "0.000000000000000001",
    ".",
    "e9",
    "'x'",
    "\"",
    "'",
    "`a-b`",
    "`",
    " ",
    "é",
    "\u{202e}",
    "\0",
];

fn soup() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60)
        .prop_map(|pieces| pieces.concat())
}

/// A formula with a few pieces put in, taken out or repeated.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0usize..6, proptest::sample::select(&PIECES[..]));
    let edits = proptest::collection::vec((edit, any::<bool>()), 1..5);
    (a_formula(), proptest::sample::select(&GAPS[..]), edits).prop_map(|(tree, gap, edits)| {
        let mut letters: Vec<char> = tree.print(gap).chars().collect();
        for ((at, length, piece), repeats) in edits {
            let start = at.index(letters.len() + 1);
            let end = (start + length).min(letters.len());
            let instead =
                if repeats { letters[start..end].repeat(2) } else { piece.chars().collect() };
            letters.splice(start..end, instead);
        }
        letters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_formula_costs_what_a_naive_evaluator_says(
        tree in a_formula(),
        gap in proptest::sample::select(&GAPS[..]),
        event in an_event(),
    ) {
        agree(&tree, gap, &event)?;
    }

    #[test]
    fn no_text_upsets_the_parser(text in any::<String>(), event in an_event()) {
        survive(&text, &event)?;
    }

    #[test]
    fn no_bytes_upset_the_parser(
        bytes in proptest::collection::vec(any::<u8>(), 0..1200),
        event in an_event(),
    ) {
        survive(&String::from_utf8_lossy(&bytes), &event)?;
    }

    #[test]
    fn no_soup_of_words_upsets_the_parser(text in soup(), event in an_event()) {
        survive(&text, &event)?;
    }

    #[test]
    fn no_mutation_of_a_formula_upsets_the_parser(text in mutated(), event in an_event()) {
        survive(&text, &event)?;
    }
}
