//! What stands between the parentheses of a function, and the steps it becomes.

use super::{Kind, Operand, Parser, Power, error};
use crate::formula::error::{FormulaError, FormulaFault};
use crate::formula::lex::{Word, quote};
use crate::formula::program::{Binary, Operation, Unary};

const AN_OPERATOR_COMMA_OR_CLOSE: &str = "an operator, \",\" or \")\"";

/// What a name before a parenthesis can be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Function {
    If,
    Extreme(Binary),
    Rounding(Unary),
    And,
    Or,
    Not,
}

impl Function {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "if" => Self::If,
            "min" => Self::Extreme(Binary::Minimum),
            "max" => Self::Extreme(Binary::Maximum),
            "ceil" => Self::Rounding(Unary::Ceil),
            "floor" => Self::Rounding(Unary::Floor),
            "round" => Self::Rounding(Unary::Round),
            "and" => Self::And,
            "or" => Self::Or,
            "not" => Self::Not,
            _ => return None,
        })
    }

    /// How it is written, for whoever gave it too little or too much.
    fn form(self) -> &'static str {
        match self {
            Self::If => "if(condition, number, other number)",
            Self::Extreme(Binary::Minimum) => "min(a, b) with two or more numbers",
            Self::Extreme(_) => "max(a, b) with two or more numbers",
            Self::Rounding(Unary::Ceil) => "ceil(number)",
            Self::Rounding(Unary::Floor) => "floor(number)",
            Self::Rounding(_) => "round(number)",
            Self::And => "and(a, b) with two or more conditions",
            Self::Or => "or(a, b) with two or more conditions",
            Self::Not => "not(condition)",
        }
    }
}

impl<'s> Parser<'s> {
    pub(super) fn call(
        &mut self,
        name: &str,
        position: usize,
    ) -> Result<Operand<'s>, FormulaError> {
        let Some(function) = Function::named(name) else {
            let name = quote(name);
            return Err(error(position, FormulaFault::UnknownFunction(name)));
        };
        let opened_at = self.token.position;
        self.open()?;
        if matches!(self.token.word, Word::Close) {
            return Err(self.wrong_arguments(function));
        }
        let first = self.expression(Power::Comparison)?;
        let result = match function {
            Function::If => self.choice(first, opened_at)?,
            Function::Extreme(extreme) => {
                let mut left = self.number(first)?;
                loop {
                    self.comma(function, opened_at)?;
                    let right = self.expression(Power::Comparison)?;
                    let right = self.number(right)?;
                    left = self.binary(extreme, left, right, position)?;
                    if !matches!(self.token.word, Word::Comma) {
                        break left;
                    }
                }
            }
            Function::Rounding(rounding) => {
                let number = self.number(first)?;
                self.unary(rounding, number, position)?
            }
            Function::And | Function::Or => self.junction(function, first, opened_at)?,
            Function::Not => {
                let condition = self.condition(first)?;
                self.push(Operation::Not, position);
                condition
            }
        };
        self.close(opened_at, AN_OPERATOR_COMMA_OR_CLOSE, Some(function))?;
        Ok(Operand { position, ..result })
    }

    /// `if` behind its condition: the steps of one branch are left out.
    fn choice(
        &mut self,
        first: Operand<'s>,
        opened_at: usize,
    ) -> Result<Operand<'s>, FormulaError> {
        let condition = self.condition(first)?;
        let to_other = self.push(Operation::JumpIf(false, 0), condition.position);
        self.comma(Function::If, opened_at)?;
        let chosen = self.expression(Power::Comparison)?;
        let chosen = self.number(chosen)?;
        let to_end = self.push(Operation::Jump(0), condition.position);
        self.land(to_other);
        // Only one of the two numbers comes to lie on the stack.
        self.height -= 1;
        self.comma(Function::If, opened_at)?;
        let other = self.expression(Power::Comparison)?;
        let other = self.number(other)?;
        self.land(to_end);
        self.settle(Operand {
            kind: Kind::Number,
            is_constant: condition.is_constant && chosen.is_constant && other.is_constant,
            ..condition
        })
    }

    /// `and` and `or` behind their first condition: the rest is left out once the answer is known.
    fn junction(
        &mut self,
        function: Function,
        first: Operand<'s>,
        opened_at: usize,
    ) -> Result<Operand<'s>, FormulaError> {
        let decisive = matches!(function, Function::Or);
        let mut whole = self.condition(first)?;
        let mut to_end = Vec::new();
        loop {
            to_end.push(self.push(Operation::JumpIf(decisive, 0), whole.position));
            self.comma(function, opened_at)?;
            let next = self.expression(Power::Comparison)?;
            let next = self.condition(next)?;
            whole.is_constant &= next.is_constant;
            if !matches!(self.token.word, Word::Comma) {
                break;
            }
        }
        for jump in to_end {
            self.land(jump);
        }
        Ok(whole)
    }

    /// Goes on behind the `,` before something that a function still needs.
    fn comma(&mut self, function: Function, opened_at: usize) -> Result<(), FormulaError> {
        match self.token.word {
            Word::Comma => self.advance(),
            Word::Close => Err(self.wrong_arguments(function)),
            Word::End => Err(error(opened_at, FormulaFault::UnclosedParenthesis)),
            _ => Err(self.unexpected(AN_OPERATOR_COMMA_OR_CLOSE)),
        }
    }

    pub(super) fn wrong_arguments(&self, function: Function) -> FormulaError {
        error(self.token.position, FormulaFault::Arguments(function.form()))
    }
}
