//! Cost formulas: what one usage event costs, worked out from its dimensions.
//!
//! Source of the rules: `behaviour.md` §0.1, §0.20 and §4.3; in prose in this crate's README,
//! "Cost formulas".
//!
//! # Grammar
//!
//! ```text
//! formula    = comparison
//! comparison = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//! sum        = product { ("+" | "-") product }
//! product    = signed { ("*" | "/") signed }
//! signed     = { "-" } operand
//! operand    = number | text | dimension | function | "(" comparison ")"
//! function   = name "(" comparison { "," comparison } ")"
//! dimension  = name | "`" any characters but a backtick "`"
//! name       = (letter | "_") { letter | digit | "_" | "." | "$" }
//! number     = digit { digit } [ "." digit { digit } ]
//! text       = '"' any characters but it '"' | "'" any characters but it "'"
//! ```
//!
//! Letters and digits are those of ASCII; white space may stand between any two words. No word is
//! reserved: a name that no `(` follows is a dimension. A formula is a number; a comparison, a
//! dimension that is true or false, and `and`, `or` and `not` are conditions, which `if` needs.
//!
//! | function | gives |
//! |---|---|
//! | `if(condition, a, b)` | `a` where the condition is true, else `b`; the other is not evaluated |
//! | `min(a, b, …)`, `max(a, b, …)` | the smallest, the greatest |
//! | `ceil(a)`, `floor(a)` | the next whole number from `a` on, up or down |
//! | `round(a)` | the nearest whole number, half to even |
//! | `and(a, b, …)`, `or(a, b, …)` | whether all are true, any is; no further than needed |
//! | `not(a)` | whether it is false |
//!
//! # Examples
//!
//! ```
//! use stipend_core::customer::DimensionValue;
//! use stipend_core::{Amount, Formula};
//!
//! let formula = Formula::parse(r#"if(model == "gpt-4", 30, 2) * tokens / 1000"#).unwrap();
//! let model = DimensionValue::Text("gpt-4".to_owned());
//! let tokens = DimensionValue::Number(Amount::whole(1_234));
//! let cost = formula.evaluate(|name| match name {
//!     "model" => Some(&model),
//!     "tokens" => Some(&tokens),
//!     _ => None,
//! });
//! assert_eq!(cost.unwrap().amount.to_string(), "37.02");
//! ```

mod error;
mod eval;
mod fraction;
mod lex;
mod parse;
mod program;

use std::fmt;
use std::sync::Arc;

pub use error::{EvaluationError, FormulaError, FormulaFault};

use crate::Amount;
use crate::customer::DimensionValue;
use crate::limits::FORMULA_DIMENSIONS_MAX;
use fraction::Fraction;
use program::Code;

/// A cost formula that can be evaluated, with the text that it was read from.
///
/// A copy of it shares everything with it. Two formulas are equal when their texts are.
#[derive(Clone)]
pub struct Formula(Arc<Program>);

struct Program {
    source: Box<str>,
    code: Code,
}

impl Formula {
    /// Reads a formula. What fails for every event, a division by 0 for instance, is refused here.
    ///
    /// # Errors
    /// [`FormulaError`] with the place and what to write there.
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::Formula;
    /// let formula = Formula::parse("1.1 * a + 1.5 * b + 5 * c").unwrap();
    /// assert_eq!(formula.dimensions().collect::<Vec<_>>(), ["a", "b", "c"]);
    ///
    /// let error = Formula::parse("tokens (1 + 2)").unwrap_err();
    /// assert_eq!(error.position, 1);
    /// ```
    pub fn parse(source: &str) -> Result<Self, FormulaError> {
        let code = parse::parse(source)?;
        Ok(Self(Arc::new(Program { source: source.into(), code })))
    }

    /// The text that it was read from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The dimensions that it may read, in the order in which they first appear.
    pub fn dimensions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.code.dimensions.iter().map(|name| &**name)
    }

    /// What an event costs. Each dimension is looked up once, and only if it is needed.
    ///
    /// Everything in between is exact; the result is rounded once, half to even. A dimension that
    /// is missing or of another type counts as nothing and is warned of.
    ///
    /// # Errors
    /// [`EvaluationError`] where it divides by 0, gives less than 0, or leaves the range.
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::customer::DimensionValue;
    /// use stipend_core::{Amount, Formula};
    ///
    /// let formula = Formula::parse("input / 3 + output").unwrap();
    /// let event = [("input".to_owned(), DimensionValue::Number(Amount::whole(2)))];
    /// let cost = formula
    ///     .evaluate(|name| event.iter().find(|(known, _)| known == name).map(|(_, value)| value))
    ///     .unwrap();
    /// assert_eq!(cost.amount.to_string(), "0.666666667");
    /// assert_eq!(cost.warnings[0].dimension, "output");
    /// let inputs: Vec<_> = cost.inputs.iter().map(|input| (input.name, input.value)).collect();
    /// assert_eq!(inputs, [("input", Some(&event[0].1)), ("output", None)]);
    /// ```
    pub fn evaluate<'a>(
        &'a self,
        lookup: impl Fn(&str) -> Option<&'a DimensionValue>,
    ) -> Result<Cost<'a>, EvaluationError> {
        let code = &self.0.code;
        let mut event = eval::Event::new(code, lookup);
        let amount = eval::run(code, &mut event).and_then(to_cost)?;
        let (inputs, warnings) = event.finish();
        Ok(Cost { amount, warnings, inputs })
    }
}

/// The amount that a formula's value is charged as.
fn to_cost(value: Fraction) -> Result<Amount, EvaluationError> {
    if value.is_negative() {
        return Err(EvaluationError::NegativeCost);
    }
    value.to_amount().ok_or(EvaluationError::TooLarge)
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Formula {}

impl fmt::Debug for Formula {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Formula").field(&self.source()).finish()
    }
}

/// The text that it was read from.
impl fmt::Display for Formula {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.source())
    }
}

/// What an event costs, and how that came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost<'a> {
    /// How much, never below zero. It may be zero.
    pub amount: Amount,
    /// What was wrong with the dimensions, in the order in which the formula names them.
    pub warnings: Vec<Warning<'a>>,
    /// The dimensions that were read.
    pub inputs: Inputs<'a>,
}

/// The dimensions that one evaluation read, with what it found.
#[derive(Clone)]
pub struct Inputs<'a> {
    names: &'a [Box<str>],
    values: [Option<&'a DimensionValue>; FORMULA_DIMENSIONS_MAX],
    /// One bit for each dimension.
    read: u32,
}

impl<'a> Inputs<'a> {
    /// In the order in which the formula names them.
    pub fn iter(&self) -> impl Iterator<Item = Input<'a>> {
        let named = self.names.iter().zip(self.values).enumerate();
        named
            .filter(|(at, _)| self.read >> at & 1 == 1)
            .map(|(_, (name, value))| Input { name, value })
    }
}

impl PartialEq for Inputs<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Inputs<'_> {}

impl fmt::Debug for Inputs<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// A dimension that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the event says, or nothing.
    pub value: Option<&'a DimensionValue>,
}

/// A dimension that was not what the formula needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Its name.
    pub dimension: &'a str,
    /// What was wrong with it.
    pub kind: WarningKind,
}

/// What was wrong with a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningKind {
    /// The event does not have it.
    Missing,
    /// It is a text or a flag, and a number is needed.
    NotANumber,
    /// It is a text or a number, and a condition is needed.
    NotAFlag,
    /// It is compared with something of another type.
    OtherType,
}

impl WarningKind {
    /// All of them, as they are declared.
    pub(crate) const ALL: [Self; 4] =
        [Self::Missing, Self::NotANumber, Self::NotAFlag, Self::OtherType];
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.dimension.escape_debug();
        match self.kind {
            WarningKind::Missing => write!(
                formatter,
                "there is no dimension \"{name}\": it counts as nothing (0, false, no text)"
            ),
            WarningKind::NotANumber => {
                write!(formatter, "the dimension \"{name}\" is no number: it counts 0")
            }
            WarningKind::NotAFlag => {
                write!(formatter, "the dimension \"{name}\" is not true or false: it counts false")
            }
            WarningKind::OtherType => write!(
                formatter,
                "the dimension \"{name}\" is compared with another type: they are not equal"
            ),
        }
    }
}
