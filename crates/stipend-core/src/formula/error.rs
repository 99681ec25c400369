//! Why a text is no formula, and why a formula gives no cost.

use std::fmt;

use crate::limits::{
    FORMULA_DECIMALS_MAX, FORMULA_DEPTH_MAX, FORMULA_DIMENSIONS_MAX, FORMULA_LENGTH_MAX,
    FORMULA_NODES_MAX,
};

/// Why a text is not a formula, and where.
///
/// # Examples
///
/// ```
/// use stipend_core::Formula;
/// let error = Formula::parse("1.1 * / tokens").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"at character 7: expected a number, a dimension or "(", found "/""#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaError {
    /// The character at which it fails, counted from 1; one past the last for what is missing at
    /// the end.
    pub position: usize,
    /// What is wrong there.
    pub fault: FormulaFault,
}

impl fmt::Display for FormulaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at character {}: {}", self.position, self.fault)
    }
}

impl std::error::Error for FormulaError {}

/// What is wrong with a formula. Each says how it is put right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormulaFault {
    /// There is nothing.
    #[error("the formula is empty: write a number, a dimension or a calculation")]
    Empty,
    /// It is longer than [`FORMULA_LENGTH_MAX`].
    #[error("a formula has at most {FORMULA_LENGTH_MAX} characters")]
    TooLong,
    /// Its parentheses are deeper than [`FORMULA_DEPTH_MAX`].
    #[error("at most {FORMULA_DEPTH_MAX} parentheses may stand inside one another")]
    TooDeep,
    /// It has more parts than [`FORMULA_NODES_MAX`].
    #[error(
        "a formula has at most {FORMULA_NODES_MAX} numbers, texts, dimensions, operators and \
         functions together"
    )]
    TooManyNodes,
    /// It reads more dimensions than [`FORMULA_DIMENSIONS_MAX`].
    #[error("a formula reads at most {FORMULA_DIMENSIONS_MAX} different dimensions")]
    TooManyDimensions,
    /// A character that no formula has outside of quotes.
    #[error("\"{}\" has no meaning here: {hint}", found.escape_debug())]
    Character {
        /// The character.
        found: char,
        /// What to write instead.
        hint: &'static str,
    },
    /// A number that is not written as digits with an optional point.
    #[error("a number is digits with an optional point, as in 0.25; to multiply, write \"*\"")]
    Number,
    /// A number above the greatest amount.
    #[error("a number is at most 1000000000000000000")]
    NumberTooLarge,
    /// A number with more decimal places than [`FORMULA_DECIMALS_MAX`].
    #[error("a number has at most {FORMULA_DECIMALS_MAX} decimal places")]
    TooManyDecimals,
    /// A text or a name in backticks that does not end.
    #[error("the closing {0} is missing")]
    UnclosedQuote(char),
    /// A pair of backticks with nothing inside.
    #[error("write the name of a dimension between the backticks")]
    EmptyName,
    /// A parenthesis that does not end.
    #[error("the closing \")\" for this \"(\" is missing")]
    UnclosedParenthesis,
    /// Something else had to come here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What had to come.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// A name before a parenthesis that is no function's.
    #[error(
        "there is no function {0}, only and, ceil, floor, if, max, min, not, or, round; to \
         multiply, write \"*\" before \"(\""
    )]
    UnknownFunction(String),
    /// Too few or too many things between the parentheses of a function.
    #[error("write {0}")]
    Arguments(&'static str),
    /// A text where a number has to be.
    #[error("there is no calculating with a text: compare it, as in model == \"gpt-4\"")]
    TextAsNumber,
    /// A comparison where a number has to be.
    #[error("a condition is no number: choose one by it, as in if(tokens > 1000, 2, 3)")]
    ConditionAsNumber,
    /// A number or a text where a condition has to be.
    #[error("expected a condition: compare something, as in tokens > 1000")]
    NotACondition,
    /// A text beside a number, or texts put in order.
    #[error("a text is compared with a dimension, by == or !=")]
    TextComparison,
    /// A comparison of comparisons.
    #[error("comparisons are not compared again: combine them, as in and(a < b, b < c)")]
    ComparisonOfConditions,
    /// A part without dimensions, or the divisor of one, that fails whatever the event is.
    #[error("it fails for every event: {0}")]
    Always(EvaluationError),
}

/// Why a formula gives no cost for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A divisor is zero.
    #[error(
        "the formula divides by 0 at character {position}: guard it, as in if(n == 0, 0, total / n)"
    )]
    DivisionByZero {
        /// The character of the `/`, counted from 1.
        position: usize,
    },
    /// A number in between needs more than the 38 digits there are.
    #[error(
        "a number in the formula has more digits than fit at character {position}: use smaller \
         numbers, or round() where the digits do not matter"
    )]
    Overflow {
        /// The character of the operator or function, counted from 1.
        position: usize,
    },
    /// The result is below zero.
    #[error("the formula gives less than 0: bound it from below, as in max(0, a - b)")]
    NegativeCost,
    /// The result is above the greatest amount.
    #[error("the formula gives more than 1000000000000000000")]
    TooLarge,
}
