//! Reads a formula and writes its steps.
//!
//! What an operand is decides where it may stand: a number, a condition, a text, or a dimension,
//! which is whatever its place needs and writes its step when that is known. A part without
//! dimensions is worked out at once, so what always fails is refused when the formula is saved.

mod functions;

use super::error::{EvaluationError, FormulaError, FormulaFault};
use super::eval;
use super::fraction::Fraction;
use super::lex::{Lexer, Token, Word};
use super::program::{Binary, Code, Operation, Relation, Step, Unary};
use crate::limits::{
    FORMULA_DEPTH_MAX, FORMULA_DIMENSIONS_MAX, FORMULA_LENGTH_MAX, FORMULA_NODES_MAX,
};
use functions::Function;

const AN_OPERAND: &str = "a number, a dimension or \"(\"";
const AN_OPERATOR: &str = "an operator or the end of the formula";
const AN_OPERATOR_OR_CLOSE: &str = "an operator or \")\"";

/// The steps of a formula.
pub(super) fn parse(source: &str) -> Result<Code, FormulaError> {
    if source.chars().nth(FORMULA_LENGTH_MAX).is_some() {
        return Err(error(FORMULA_LENGTH_MAX + 1, FormulaFault::TooLong));
    }
    let mut lexer = Lexer::new(source);
    let token = lexer.next()?;
    if matches!(token.word, Word::End) {
        return Err(error(1, FormulaFault::Empty));
    }
    let mut parser = Parser { lexer, token, code: Code::default(), nodes: 0, depth: 0, height: 0 };
    let whole = parser.expression(Power::Comparison)?;
    if !matches!(parser.token.word, Word::End) {
        return Err(parser.unexpected(AN_OPERATOR));
    }
    let whole = parser.number(whole)?;
    if whole.is_constant {
        let cost = eval::constant(&parser.code, 0).and_then(super::to_cost);
        cost.map_err(|fault| always(whole.position, fault))?;
    }
    Ok(parser.code)
}

fn error(position: usize, fault: FormulaFault) -> FormulaError {
    FormulaError { position, fault }
}

/// A failure that no event can avoid; where it has a place of its own, it is there.
fn always(position: usize, fault: EvaluationError) -> FormulaError {
    let position = match fault {
        EvaluationError::DivisionByZero { position } | EvaluationError::Overflow { position } => {
            position
        }
        EvaluationError::NegativeCost | EvaluationError::TooLarge => position,
    };
    error(position, FormulaFault::Always(fault))
}

/// How strongly an operator holds its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Power {
    Comparison,
    Sum,
    Product,
    Operand,
}

impl Power {
    /// What holds the right operand: operators of one power belong to the left.
    fn above(self) -> Self {
        match self {
            Self::Comparison => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product | Self::Operand => Self::Operand,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind<'s> {
    Number,
    Condition,
    /// No step is written yet.
    Text(&'s str),
    /// No step is written yet.
    Dimension(u16),
}

/// A part that was read.
#[derive(Clone, Copy, Debug)]
struct Operand<'s> {
    kind: Kind<'s>,
    /// Its first character.
    position: usize,
    /// Its first step.
    start: usize,
    /// Whether it reads no dimension.
    is_constant: bool,
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    /// The next word.
    token: Token<'s>,
    code: Code,
    /// Parts read so far.
    nodes: usize,
    /// Parentheses open now.
    depth: usize,
    /// Numbers on the stack after the steps written so far.
    height: usize,
}

impl<'s> Parser<'s> {
    /// Operands and operators that hold at least so strongly.
    fn expression(&mut self, weakest: Power) -> Result<Operand<'s>, FormulaError> {
        let mut left = self.signed()?;
        loop {
            let position = self.token.position;
            match self.token.word {
                Word::Relation(relation) if weakest <= Power::Comparison => {
                    self.advance_node()?;
                    left = self.comparison(left, relation, position)?;
                }
                Word::Operator(operator) if weakest <= power(operator) => {
                    self.advance_node()?;
                    left = self.number(left)?;
                    let right = self.expression(power(operator).above())?;
                    let right = self.number(right)?;
                    left = self.binary(operator, left, right, position)?;
                }
                _ => return Ok(left),
            }
        }
    }

    /// An operand with any number of `-` before it.
    fn signed(&mut self) -> Result<Operand<'s>, FormulaError> {
        let position = self.token.position;
        let (mut has_sign, mut is_negative) = (false, false);
        while let Word::Operator(Binary::Subtract) = self.token.word {
            self.advance_node()?;
            has_sign = true;
            is_negative = !is_negative;
        }
        let operand = self.operand()?;
        if !has_sign {
            return Ok(operand);
        }
        let operand = Operand { position, ..self.number(operand)? };
        if is_negative { self.unary(Unary::Negate, operand, position) } else { Ok(operand) }
    }

    fn operand(&mut self) -> Result<Operand<'s>, FormulaError> {
        let Token { word, position, .. } = self.token;
        let start = self.code.steps.len();
        match word {
            Word::Number(number) => {
                self.advance_node()?;
                self.push_number(number, position);
                Ok(Operand { kind: Kind::Number, position, start, is_constant: true })
            }
            Word::Text(text) => {
                self.advance_node()?;
                Ok(Operand { kind: Kind::Text(text), position, start, is_constant: true })
            }
            Word::Name(name) => {
                self.advance_node()?;
                match self.token.word {
                    Word::Open => self.call(name, position),
                    _ => self.dimension(name, position),
                }
            }
            Word::QuotedName(name) => {
                self.advance_node()?;
                self.dimension(name, position)
            }
            Word::Open => {
                self.open()?;
                let inner = self.expression(Power::Comparison)?;
                self.close(position, AN_OPERATOR_OR_CLOSE, None)?;
                Ok(Operand { position, ..inner })
            }
            _ => Err(self.unexpected(AN_OPERAND)),
        }
    }

    fn dimension(&mut self, name: &str, position: usize) -> Result<Operand<'s>, FormulaError> {
        let known = self.code.dimensions.iter().position(|known| **known == *name);
        let at = known.unwrap_or(self.code.dimensions.len());
        if at == FORMULA_DIMENSIONS_MAX {
            return Err(error(position, FormulaFault::TooManyDimensions));
        }
        if known.is_none() {
            self.code.dimensions.push(name.into());
        }
        let kind = Kind::Dimension(short(at));
        Ok(Operand { kind, position, start: self.code.steps.len(), is_constant: false })
    }

    /// What stands behind `left relation`, and the comparison of the two.
    fn comparison(
        &mut self,
        left: Operand<'s>,
        relation: Relation,
        position: usize,
    ) -> Result<Operand<'s>, FormulaError> {
        // A dimension on the left waits for the right side, which says what is compared.
        let left = match left.kind {
            Kind::Condition => return Err(error(position, FormulaFault::ComparisonOfConditions)),
            Kind::Dimension(_) | Kind::Text(_) if is_equality(relation) => left,
            Kind::Text(_) => return Err(error(left.position, FormulaFault::TextComparison)),
            Kind::Dimension(_) | Kind::Number => self.number(left)?,
        };
        let right = self.expression(Power::Comparison.above())?;
        let whole = Operand {
            kind: Kind::Condition,
            is_constant: left.is_constant && right.is_constant,
            ..left
        };
        let equal = match (left.kind, right.kind) {
            (Kind::Text(left), Kind::Text(right)) => Operation::Truth(left == right),
            (Kind::Dimension(dimension), Kind::Text(text))
            | (Kind::Text(text), Kind::Dimension(dimension)) => {
                let text = self.intern(text);
                Operation::IsText { dimension, text }
            }
            (Kind::Dimension(left), Kind::Dimension(right)) => Operation::Same(left, right),
            (_, Kind::Text(_)) => return Err(error(right.position, FormulaFault::TextComparison)),
            (Kind::Text(_), _) => return Err(error(left.position, FormulaFault::TextComparison)),
            _ => {
                // In an equality the sides may change places, so the left can come last.
                self.number(right)?;
                self.number(left)?;
                self.push(Operation::Compare(relation), position);
                return Ok(whole);
            }
        };
        self.push(equal, position);
        if relation == Relation::NotEqual {
            self.push(Operation::Not, position);
        }
        Ok(whole)
    }

    fn intern(&mut self, text: &str) -> u16 {
        self.code.texts.push(text.into());
        short(self.code.texts.len() - 1)
    }

    /// The operand as a number.
    fn number(&mut self, operand: Operand<'s>) -> Result<Operand<'s>, FormulaError> {
        match operand.kind {
            Kind::Number => {}
            Kind::Dimension(dimension) => {
                self.push(Operation::Dimension(dimension), operand.position);
            }
            Kind::Text(_) => return Err(error(operand.position, FormulaFault::TextAsNumber)),
            Kind::Condition => {
                return Err(error(operand.position, FormulaFault::ConditionAsNumber));
            }
        }
        Ok(Operand { kind: Kind::Number, ..operand })
    }

    /// The operand as a condition.
    fn condition(&mut self, operand: Operand<'s>) -> Result<Operand<'s>, FormulaError> {
        match operand.kind {
            Kind::Condition => {}
            Kind::Dimension(dimension) => {
                self.push(Operation::Flag(dimension), operand.position);
            }
            Kind::Text(_) | Kind::Number => {
                return Err(error(operand.position, FormulaFault::NotACondition));
            }
        }
        Ok(Operand { kind: Kind::Condition, ..operand })
    }

    fn unary(
        &mut self,
        unary: Unary,
        number: Operand<'s>,
        position: usize,
    ) -> Result<Operand<'s>, FormulaError> {
        self.push(Operation::Unary(unary), position);
        self.settle(number)
    }

    fn binary(
        &mut self,
        binary: Binary,
        left: Operand<'s>,
        right: Operand<'s>,
        position: usize,
    ) -> Result<Operand<'s>, FormulaError> {
        if binary == Binary::Divide && right.is_constant {
            let divisor = eval::constant(&self.code, right.start);
            if divisor.is_ok_and(Fraction::is_zero) {
                return Err(always(position, EvaluationError::DivisionByZero { position }));
            }
        }
        self.push(Operation::Binary(binary), position);
        self.settle(Operand { is_constant: left.is_constant && right.is_constant, ..left })
    }

    /// Puts the value in the place of the steps of a number that reads no dimension.
    fn settle(&mut self, number: Operand<'s>) -> Result<Operand<'s>, FormulaError> {
        if number.is_constant {
            let value = eval::constant(&self.code, number.start);
            let value = value.map_err(|fault| always(number.position, fault))?;
            self.code.steps.truncate(number.start);
            self.height -= 1;
            self.push_number(value, number.position);
        }
        Ok(number)
    }

    fn push_number(&mut self, number: Fraction, position: usize) {
        self.code.numbers.push(number);
        let at = short(self.code.numbers.len() - 1);
        self.push(Operation::Number(at), position);
    }

    /// Writes a step, and says which it is.
    fn push(&mut self, operation: Operation, position: usize) -> usize {
        match operation {
            Operation::Number(_) | Operation::Dimension(_) => self.height += 1,
            Operation::Binary(_) => self.height -= 1,
            Operation::Compare(_) => self.height -= 2,
            _ => {}
        }
        self.code.height = self.code.height.max(self.height);
        self.code.steps.push(Step { operation, position: short(position) });
        self.code.steps.len() - 1
    }

    /// Lets a jump lead to the next step that will be written.
    fn land(&mut self, jump: usize) {
        let distance = short(self.code.steps.len() - jump - 1);
        match &mut self.code.steps[jump].operation {
            Operation::Jump(steps) | Operation::JumpIf(_, steps) => *steps = distance,
            other => unreachable!("only jumps land, and this is {other:?}"),
        }
    }

    fn advance(&mut self) -> Result<(), FormulaError> {
        self.token = self.lexer.next()?;
        Ok(())
    }

    /// Goes on behind a number, a text, a name or an operator.
    fn advance_node(&mut self) -> Result<(), FormulaError> {
        self.nodes += 1;
        if self.nodes > FORMULA_NODES_MAX {
            return Err(error(self.token.position, FormulaFault::TooManyNodes));
        }
        self.advance()
    }

    fn open(&mut self) -> Result<(), FormulaError> {
        self.depth += 1;
        if self.depth > FORMULA_DEPTH_MAX {
            return Err(error(self.token.position, FormulaFault::TooDeep));
        }
        self.advance()
    }

    /// Goes on behind the `)` of a parenthesis, or of a function that has all it takes.
    fn close(
        &mut self,
        opened_at: usize,
        expected: &'static str,
        function: Option<Function>,
    ) -> Result<(), FormulaError> {
        match (self.token.word, function) {
            (Word::Close, _) => {
                self.depth -= 1;
                self.advance()
            }
            (Word::Comma, Some(function)) => Err(self.wrong_arguments(function)),
            (Word::End, _) => Err(error(opened_at, FormulaFault::UnclosedParenthesis)),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn unexpected(&self, expected: &'static str) -> FormulaError {
        let found = self.token.excerpt();
        error(self.token.position, FormulaFault::Expected { expected, found })
    }
}

fn power(operator: Binary) -> Power {
    match operator {
        Binary::Add | Binary::Subtract => Power::Sum,
        Binary::Multiply | Binary::Divide => Power::Product,
        Binary::Minimum | Binary::Maximum => Power::Operand,
    }
}

fn is_equality(relation: Relation) -> bool {
    matches!(relation, Relation::Equal | Relation::NotEqual)
}

/// An index or a position, all of which are far below the greatest.
fn short(number: usize) -> u16 {
    u16::try_from(number).expect("the length of a formula is bounded")
}
