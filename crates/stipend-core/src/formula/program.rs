//! A formula as it is evaluated: steps on a stack of numbers and one truth value.

use std::cmp::Ordering;

use super::fraction::Fraction;

/// What makes one number of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Minimum,
    Maximum,
}

/// What makes a number of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Negate,
    Ceil,
    Floor,
    Round,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    /// Whether it holds for a left side that compares so with the right one.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// What a step does. Indexes are those of [`Code`]'s lists.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    /// Pushes a number.
    Number(u16),
    /// Pushes the dimension's value as a number.
    Dimension(u16),
    /// Puts another number in the place of the topmost one.
    Unary(Unary),
    /// Puts one number in the place of the two topmost ones.
    Binary(Binary),
    /// Takes two numbers and sets the truth value.
    Compare(Relation),
    /// Sets the truth value: is the dimension this text?
    IsText {
        /// The dimension.
        dimension: u16,
        /// The text.
        text: u16,
    },
    /// Sets the truth value: do two dimensions have the same value?
    Same(u16, u16),
    /// Sets the truth value to the dimension's.
    Flag(u16),
    /// Sets the truth value.
    Truth(bool),
    /// Turns the truth value round.
    Not,
    /// Leaves out so many steps.
    Jump(u16),
    /// Leaves out so many steps where the truth value is this.
    JumpIf(bool, u16),
}

/// One step. Jumps lead forward only, so there is an end to every evaluation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) operation: Operation,
    /// The character of the formula that it comes from, for errors.
    pub(super) position: u16,
}

/// The steps of a formula and what they refer to.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) steps: Vec<Step>,
    pub(super) numbers: Vec<Fraction>,
    pub(super) texts: Vec<Box<str>>,
    pub(super) dimensions: Vec<Box<str>>,
    /// How many numbers lie on the stack at most.
    pub(super) height: usize,
}
