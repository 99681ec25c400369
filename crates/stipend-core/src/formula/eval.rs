//! Evaluates a formula for one event.

use super::error::EvaluationError;
use super::fraction::Fraction;
use super::program::{Binary, Code, Operation, Step, Unary};
use super::{Inputs, Warning, WarningKind};
use crate::customer::DimensionValue;
use crate::limits::FORMULA_DIMENSIONS_MAX;

/// The stack that is there without asking for memory. Few formulas need more than four.
const HEIGHT_AT_HAND: usize = 8;

/// One bit for each dimension of a formula.
type DimensionSet = u32;

const _: () = assert!(FORMULA_DIMENSIONS_MAX <= DimensionSet::BITS as usize);

/// The dimensions of one event, looked up as they are needed, and what was wrong with them.
pub(super) struct Event<'a, L> {
    names: &'a [Box<str>],
    lookup: L,
    values: [Option<&'a DimensionValue>; FORMULA_DIMENSIONS_MAX],
    read: DimensionSet,
    /// The dimensions to warn of, in the order of [`WarningKind::ALL`].
    wrong: [DimensionSet; WarningKind::ALL.len()],
}

impl<'a, L: Fn(&str) -> Option<&'a DimensionValue>> Event<'a, L> {
    pub(super) fn new(code: &'a Code, lookup: L) -> Self {
        Self {
            names: &code.dimensions,
            lookup,
            values: [None; FORMULA_DIMENSIONS_MAX],
            read: 0,
            wrong: [0; WarningKind::ALL.len()],
        }
    }

    /// What was read, and what there is to say about it.
    pub(super) fn finish(self) -> (Inputs<'a>, Vec<Warning<'a>>) {
        let mut warnings = Vec::new();
        if self.wrong != [0; WarningKind::ALL.len()] {
            for (at, dimension) in self.names.iter().enumerate() {
                let kinds = WarningKind::ALL.into_iter().zip(self.wrong);
                let warned = kinds.filter(|(_, dimensions)| dimensions >> at & 1 == 1);
                warnings.extend(warned.map(|(kind, _)| Warning { dimension, kind }));
            }
        }
        (Inputs { names: self.names, values: self.values, read: self.read }, warnings)
    }

    fn value(&mut self, dimension: u16) -> Option<&'a DimensionValue> {
        let at = usize::from(dimension);
        if self.read >> at & 1 == 0 {
            self.read |= 1 << at;
            self.values[at] = (self.lookup)(&self.names[at]);
            if self.values[at].is_none() {
                self.warn(dimension, WarningKind::Missing);
            }
        }
        self.values[at]
    }

    fn warn(&mut self, dimension: u16, kind: WarningKind) {
        self.wrong[kind as usize] |= 1 << dimension;
    }

    fn number(&mut self, dimension: u16) -> Fraction {
        match self.value(dimension) {
            Some(DimensionValue::Number(number)) => Fraction::from_amount(*number),
            None => Fraction::ZERO,
            Some(_) => {
                self.warn(dimension, WarningKind::NotANumber);
                Fraction::ZERO
            }
        }
    }

    fn flag(&mut self, dimension: u16) -> bool {
        match self.value(dimension) {
            Some(DimensionValue::Flag(flag)) => *flag,
            None => false,
            Some(_) => {
                self.warn(dimension, WarningKind::NotAFlag);
                false
            }
        }
    }

    fn is_text(&mut self, dimension: u16, text: &str) -> bool {
        match self.value(dimension) {
            Some(DimensionValue::Text(value)) => value == text,
            None => false,
            Some(_) => {
                self.warn(dimension, WarningKind::OtherType);
                false
            }
        }
    }

    fn same(&mut self, left: u16, right: u16) -> bool {
        match (self.value(left), self.value(right)) {
            (Some(DimensionValue::Number(left)), Some(DimensionValue::Number(right))) => {
                left == right
            }
            (Some(DimensionValue::Text(left)), Some(DimensionValue::Text(right))) => left == right,
            (Some(DimensionValue::Flag(left)), Some(DimensionValue::Flag(right))) => left == right,
            // What is missing counts 0 beside a number and false beside a flag.
            (None, Some(DimensionValue::Number(other)))
            | (Some(DimensionValue::Number(other)), None) => other.is_zero(),
            (None, Some(DimensionValue::Flag(other)))
            | (Some(DimensionValue::Flag(other)), None) => !other,
            (None, None) => true,
            (None, Some(DimensionValue::Text(_))) | (Some(DimensionValue::Text(_)), None) => false,
            (Some(_), Some(_)) => {
                self.warn(left, WarningKind::OtherType);
                self.warn(right, WarningKind::OtherType);
                false
            }
        }
    }
}

/// The value of the code for an event.
pub(super) fn run<'a>(
    code: &Code,
    event: &mut Event<'a, impl Fn(&str) -> Option<&'a DimensionValue>>,
) -> Result<Fraction, EvaluationError> {
    if code.height <= HEIGHT_AT_HAND {
        run_on(&mut [Fraction::ZERO; HEIGHT_AT_HAND], code, &code.steps, event)
    } else {
        run_on(&mut vec![Fraction::ZERO; code.height], code, &code.steps, event)
    }
}

/// The value of the last steps, which read no dimension.
pub(super) fn constant(code: &Code, start: usize) -> Result<Fraction, EvaluationError> {
    let mut stack = vec![Fraction::ZERO; code.height];
    run_on(&mut stack, code, &code.steps[start..], &mut Event::new(code, |_| None))
}

fn run_on<'a>(
    stack: &mut [Fraction],
    code: &Code,
    steps: &[Step],
    event: &mut Event<'a, impl Fn(&str) -> Option<&'a DimensionValue>>,
) -> Result<Fraction, EvaluationError> {
    let (mut height, mut truth, mut at) = (0, false, 0);
    while let Some(step) = steps.get(at) {
        at += 1;
        match step.operation {
            Operation::Number(number) => {
                stack[height] = code.numbers[usize::from(number)];
                height += 1;
            }
            Operation::Dimension(dimension) => {
                stack[height] = event.number(dimension);
                height += 1;
            }
            Operation::Unary(unary) => {
                stack[height - 1] = apply_unary(unary, stack[height - 1], step)?;
            }
            Operation::Binary(binary) => {
                height -= 1;
                stack[height - 1] = apply_binary(binary, stack[height - 1], stack[height], step)?;
            }
            Operation::Compare(relation) => {
                height -= 2;
                truth = relation.holds(stack[height].compare(stack[height + 1]));
            }
            Operation::IsText { dimension, text } => {
                truth = event.is_text(dimension, &code.texts[usize::from(text)]);
            }
            Operation::Same(left, right) => truth = event.same(left, right),
            Operation::Flag(dimension) => truth = event.flag(dimension),
            Operation::Truth(value) => truth = value,
            Operation::Not => truth = !truth,
            Operation::Jump(steps) => at += usize::from(steps),
            Operation::JumpIf(value, steps) => {
                if truth == value {
                    at += usize::from(steps);
                }
            }
        }
    }
    assert_eq!(height, 1, "a formula leaves one number");
    Ok(stack[0])
}

fn apply_unary(unary: Unary, number: Fraction, step: &Step) -> Result<Fraction, EvaluationError> {
    let result = match unary {
        Unary::Negate => number.negate(),
        Unary::Ceil => number.ceil(),
        Unary::Floor => Some(number.floor()),
        Unary::Round => number.round(),
    };
    result.ok_or(EvaluationError::Overflow { position: step.position.into() })
}

fn apply_binary(
    binary: Binary,
    left: Fraction,
    right: Fraction,
    step: &Step,
) -> Result<Fraction, EvaluationError> {
    let result = match binary {
        Binary::Add => left.plus(right),
        Binary::Subtract => left.minus(right),
        Binary::Multiply => left.times(right),
        Binary::Divide if right.is_zero() => {
            return Err(EvaluationError::DivisionByZero { position: step.position.into() });
        }
        Binary::Divide => left.over(right),
        Binary::Minimum => Some(if left.compare(right).is_le() { left } else { right }),
        Binary::Maximum => Some(if left.compare(right).is_ge() { left } else { right }),
    };
    result.ok_or(EvaluationError::Overflow { position: step.position.into() })
}
