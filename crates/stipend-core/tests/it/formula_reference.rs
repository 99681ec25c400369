//! A naive evaluator of cost formulas that shares no code with the real one: trees instead of
//! steps, and fractions of endless integers that are never brought to lowest terms.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BTreeSet;

use stipend_core::customer::DimensionValue;

/// A formula's number.
#[derive(Clone, Debug)]
pub(crate) enum Num {
    Literal(String),
    Dimension(String),
    Parenthesis(Box<Self>),
    Negative(Box<Self>),
    Binary(char, Box<Self>, Box<Self>),
    Call(&'static str, Vec<Self>),
    If(Box<Cond>, Box<Self>, Box<Self>),
}

/// A formula's condition.
#[derive(Clone, Debug)]
pub(crate) enum Cond {
    Compare(&'static str, Num, Num),
    IsText { dimension: String, text: String, is_not: bool, text_first: bool },
    Flag(String),
    Junction(&'static str, Vec<Self>),
    Not(Box<Self>),
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    DivisionByZero,
    Negative,
    TooLarge,
}

impl Num {
    /// The formula as text. `gap` stands between all words.
    pub(crate) fn print(&self, gap: &str) -> String {
        match self {
            Self::Literal(text) => text.clone(),
            Self::Dimension(name) => print_name(name),
            Self::Parenthesis(inner) => format!("({gap}{}{gap})", inner.print(gap)),
            Self::Negative(inner) => format!("-{gap}{}", inner.print_above(3, gap)),
            Self::Binary(operator, left, right) => {
                let strength = self.strength();
                let left = left.print_above(strength, gap);
                let right = right.print_above(strength + 1, gap);
                format!("{left}{gap}{operator}{gap}{right}")
            }
            Self::Call(name, arguments) => {
                let arguments: Vec<_> = arguments.iter().map(|it| it.print(gap)).collect();
                format!("{name}{gap}({})", arguments.join(&format!("{gap},{gap}")))
            }
            Self::If(condition, then, other) => {
                let (then, other) = (then.print(gap), other.print(gap));
                format!("if{gap}({}{gap},{gap}{then},{other})", condition.print(gap))
            }
        }
    }

    /// In parentheses where it holds less strongly than its place demands.
    fn print_above(&self, strength: u8, gap: &str) -> String {
        let text = self.print(gap);
        if self.strength() < strength { format!("({text})") } else { text }
    }

    fn strength(&self) -> u8 {
        match self {
            Self::Binary('+' | '-', ..) => 1,
            Self::Binary(..) => 2,
            Self::Negative(_) => 3,
            _ => 4,
        }
    }

    /// The dimension that it is, in parentheses or not.
    fn plain_dimension(&self) -> Option<&str> {
        match self {
            Self::Dimension(name) => Some(name),
            Self::Parenthesis(inner) => inner.plain_dimension(),
            _ => None,
        }
    }

    fn is_constant(&self) -> bool {
        match self {
            Self::Literal(_) => true,
            Self::Dimension(_) => false,
            Self::Parenthesis(inner) | Self::Negative(inner) => inner.is_constant(),
            Self::Binary(_, left, right) => left.is_constant() && right.is_constant(),
            Self::Call(_, arguments) => arguments.iter().all(Self::is_constant),
            Self::If(condition, then, other) => {
                condition.is_constant() && then.is_constant() && other.is_constant()
            }
        }
    }

    /// Whether it fails for every event, or some part of it does.
    pub(crate) fn always_fails(&self, world: &World<'_>) -> bool {
        self.some_part_always_fails(world) || self.is_constant() && self.cost(world).is_err()
    }

    fn some_part_always_fails(&self, world: &World<'_>) -> bool {
        let fails = |part: &Self| part.some_part_always_fails(world);
        let parts_fail = match self {
            Self::Literal(_) | Self::Dimension(_) => false,
            Self::Parenthesis(inner) | Self::Negative(inner) => fails(inner),
            Self::Binary(operator, left, right) => {
                let by_zero = || {
                    *operator == '/'
                        && right.is_constant()
                        && right.value(world).is_ok_and(|divisor| divisor.0.is_zero())
                };
                fails(left) || fails(right) || by_zero()
            }
            Self::Call(_, arguments) => arguments.iter().any(fails),
            Self::If(condition, then, other) => {
                condition.some_part_always_fails(world) || fails(then) || fails(other)
            }
        };
        parts_fail || self.is_constant() && self.value(world).is_err()
    }

    /// The cost in units of 10⁻⁹, rounded half to even.
    pub(crate) fn cost(&self, world: &World<'_>) -> Result<i128, Failure> {
        let Ratio(number, denominator) = self.value(world)?;
        if number.negative && !number.is_zero() {
            return Err(Failure::Negative);
        }
        let nano = number.times(&Int::from(1_000_000_000));
        let nano = Ratio(nano, denominator).round();
        let most = Int::from(1_000_000_000_000_000_000).times(&Int::from(1_000_000_000));
        if nano.compare(&most).is_gt() { Err(Failure::TooLarge) } else { Ok(nano.to_i128()) }
    }

    fn value(&self, world: &World<'_>) -> Result<Ratio, Failure> {
        let value = match self {
            Self::Literal(text) => Ratio::decimal(text),
            Self::Dimension(name) => world.number(name),
            Self::Parenthesis(inner) => inner.value(world)?,
            Self::Negative(inner) => inner.value(world)?.negate(),
            Self::Binary(operator, left, right) => {
                let (left, right) = (left.value(world)?, right.value(world)?);
                match operator {
                    '+' => left.plus(&right),
                    '-' => left.plus(&right.negate()),
                    '*' => left.times(&right),
                    _ if right.0.is_zero() => return Err(Failure::DivisionByZero),
                    _ => left.times(&Ratio(right.1, right.0).with_sign_above()),
                }
            }
            Self::Call(name, arguments) => {
                let values: Result<Vec<_>, _> =
                    arguments.iter().map(|it| it.value(world)).collect();
                let first = |one: &Ratio, other: &Ratio| one.compare(other);
                let values = values?;
                match *name {
                    "min" => values.into_iter().min_by(first).unwrap(),
                    "max" => values.into_iter().max_by(first).unwrap(),
                    "floor" => Ratio(values[0].floor(), Int::from(1)),
                    "ceil" => Ratio(values[0].negate().floor(), Int::from(1)).negate(),
                    _ => Ratio(values[0].round(), Int::from(1)),
                }
            }
            Self::If(condition, then, other) => {
                if condition.holds(world)? {
                    then.value(world)?
                } else {
                    other.value(world)?
                }
            }
        };
        world.bits.set(world.bits.get().max(value.0.bits()).max(value.1.bits()));
        Ok(value)
    }
}

fn print_name(name: &str) -> String {
    let is_plain = name.chars().all(|letter| letter.is_ascii_lowercase());
    if is_plain { name.to_owned() } else { format!("`{name}`") }
}

impl Cond {
    pub(crate) fn print(&self, gap: &str) -> String {
        match self {
            Self::Compare(relation, left, right) => {
                format!("{}{gap}{relation}{gap}{}", left.print(gap), right.print(gap))
            }
            Self::IsText { dimension, text, is_not, text_first } => {
                let relation = if *is_not { "!=" } else { "==" };
                let (name, text) = (print_name(dimension), format!("'{text}'"));
                let (left, right) = if *text_first { (text, name) } else { (name, text) };
                format!("{left}{gap}{relation}{gap}{right}")
            }
            Self::Flag(name) => print_name(name),
            Self::Junction(name, conditions) => {
                let conditions: Vec<_> = conditions.iter().map(|it| it.print(gap)).collect();
                format!("{name}({})", conditions.join(&format!("{gap},{gap}")))
            }
            Self::Not(inner) => format!("not({gap}{}{gap})", inner.print(gap)),
        }
    }

    fn is_constant(&self) -> bool {
        match self {
            Self::Compare(_, left, right) => left.is_constant() && right.is_constant(),
            Self::IsText { .. } | Self::Flag(_) => false,
            Self::Junction(_, conditions) => conditions.iter().all(Self::is_constant),
            Self::Not(inner) => inner.is_constant(),
        }
    }

    fn some_part_always_fails(&self, world: &World<'_>) -> bool {
        match self {
            Self::Compare(_, left, right) => {
                left.some_part_always_fails(world) || right.some_part_always_fails(world)
            }
            Self::IsText { .. } | Self::Flag(_) => false,
            Self::Junction(_, conditions) => {
                conditions.iter().any(|it| it.some_part_always_fails(world))
            }
            Self::Not(inner) => inner.some_part_always_fails(world),
        }
    }

    fn holds(&self, world: &World<'_>) -> Result<bool, Failure> {
        Ok(match self {
            Self::Compare(relation, left, right) => {
                let is_equality = *relation == "==" || *relation == "!=";
                let names = left.plain_dimension().zip(right.plain_dimension());
                if let (true, Some((left, right))) = (is_equality, names) {
                    return Ok(world.are_same(left, right) == (*relation == "=="));
                }
                let order = left.value(world)?.compare(&right.value(world)?);
                match *relation {
                    "==" => order == Ordering::Equal,
                    "!=" => order != Ordering::Equal,
                    "<" => order == Ordering::Less,
                    ">" => order == Ordering::Greater,
                    "<=" => order != Ordering::Greater,
                    _ => order != Ordering::Less,
                }
            }
            Self::IsText { dimension, text, is_not, .. } => {
                let is_it = match world.value(dimension) {
                    Some(DimensionValue::Text(value)) => value == text,
                    Some(_) => world.warn(dimension, "OtherType"),
                    None => false,
                };
                is_it != *is_not
            }
            Self::Flag(name) => match world.value(name) {
                Some(DimensionValue::Flag(flag)) => *flag,
                Some(_) => world.warn(name, "NotAFlag"),
                None => false,
            },
            Self::Junction(name, conditions) => {
                let decisive = *name == "or";
                for condition in conditions {
                    if condition.holds(world)? == decisive {
                        return Ok(decisive);
                    }
                }
                !decisive
            }
            Self::Not(inner) => !inner.holds(world)?,
        })
    }
}

/// The event, and what is noted on the way.
pub(crate) struct World<'a> {
    pub(crate) event: &'a [(String, DimensionValue)],
    pub(crate) read: RefCell<BTreeSet<String>>,
    pub(crate) warned: RefCell<BTreeSet<(String, String)>>,
    /// The most bits that a numerator or a denominator had.
    pub(crate) bits: Cell<usize>,
}

impl<'a> World<'a> {
    pub(crate) fn new(event: &'a [(String, DimensionValue)]) -> Self {
        let (read, warned) = (RefCell::default(), RefCell::default());
        Self { event, read, warned, bits: Cell::new(0) }
    }

    fn warn(&self, name: &str, kind: &str) -> bool {
        self.warned.borrow_mut().insert((name.to_owned(), kind.to_owned()));
        false
    }

    fn value(&self, name: &str) -> Option<&'a DimensionValue> {
        self.read.borrow_mut().insert(name.to_owned());
        let found = self.event.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        if found.is_none() {
            self.warn(name, "Missing");
        }
        found
    }

    fn number(&self, name: &str) -> Ratio {
        match self.value(name) {
            Some(DimensionValue::Number(number)) => {
                let magnitude = Int::from(number.nano().unsigned_abs());
                let number = Int { negative: number.nano() < 0, ..magnitude };
                Ratio(number, Int::from(1_000_000_000))
            }
            other => {
                if other.is_some() {
                    self.warn(name, "NotANumber");
                }
                Ratio(Int::from(0), Int::from(1))
            }
        }
    }

    fn are_same(&self, left: &str, right: &str) -> bool {
        let (one, other) = (self.value(left), self.value(right));
        let nothing_beside = |value: &DimensionValue| match value {
            DimensionValue::Number(number) => number.nano() == 0,
            DimensionValue::Flag(flag) => !flag,
            DimensionValue::Text(_) => false,
        };
        match (one, other) {
            (None, None) => true,
            (Some(value), None) | (None, Some(value)) => nothing_beside(value),
            (Some(one), Some(other)) => {
                if std::mem::discriminant(one) != std::mem::discriminant(other) {
                    self.warn(left, "OtherType");
                    self.warn(right, "OtherType");
                }
                one == other
            }
        }
    }
}

/// A fraction as it comes about; the denominator is above zero.
#[derive(Clone, Debug)]
struct Ratio(Int, Int);

impl Ratio {
    fn decimal(text: &str) -> Self {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let ten = Int::from(10);
        let digits = whole.chars().chain(part.chars()).map(|digit| digit.to_digit(10).unwrap());
        let number = digits.fold(Int::from(0), |number, digit| {
            number.times(&ten).plus(&Int::from(u128::from(digit)))
        });
        let denominator = part.chars().fold(Int::from(1), |power, _| power.times(&ten));
        Self(number, denominator)
    }

    fn negate(&self) -> Self {
        Self(Int { negative: !self.0.negative, ..self.0.clone() }, self.1.clone())
    }

    fn with_sign_above(self) -> Self {
        let negative = self.0.negative != self.1.negative;
        Self(Int { negative, ..self.0 }, Int { negative: false, ..self.1 })
    }

    fn plus(&self, other: &Self) -> Self {
        let sum = self.0.times(&other.1).plus(&other.0.times(&self.1));
        Self(sum, self.1.times(&other.1))
    }

    fn times(&self, other: &Self) -> Self {
        Self(self.0.times(&other.0), self.1.times(&other.1))
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0.times(&other.1).compare(&other.0.times(&self.1))
    }

    fn floor(&self) -> Int {
        let (quotient, rest) = self.0.divide(&self.1);
        let one_less = self.0.negative && !rest.is_zero();
        let quotient = Int { negative: self.0.negative, ..quotient };
        if one_less { quotient.plus(&Int { negative: true, ..Int::from(1) }) } else { quotient }
    }

    /// Half to even: of the two neighbours the nearer, or the one that is twice something.
    fn round(&self) -> Int {
        let below = self.floor();
        let above = below.plus(&Int::from(1));
        let two = Int::from(2);
        let twice_middle = below.plus(&above);
        match self.0.times(&two).compare(&twice_middle.times(&self.1)) {
            Ordering::Less => below,
            Ordering::Greater => above,
            Ordering::Equal if below.divide(&two).1.is_zero() => below,
            Ordering::Equal => above,
        }
    }
}

/// An integer without an end: its digits to the base 2³², the lowest first.
#[derive(Clone, Debug)]
struct Int {
    negative: bool,
    digits: Vec<u32>,
}

impl From<u128> for Int {
    fn from(number: u128) -> Self {
        let digits = (0..4).map(|at| low(number >> (32 * at))).collect();
        Self { negative: false, digits }.trim()
    }
}

fn low(number: u128) -> u32 {
    u32::try_from(number & u128::from(u32::MAX)).unwrap()
}

impl Int {
    fn trim(mut self) -> Self {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        self
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn bits(&self) -> usize {
        self.digits.last().map_or(0, |last| {
            self.digits.len() * 32 - usize::try_from(last.leading_zeros()).unwrap()
        })
    }

    fn to_i128(&self) -> i128 {
        let magnitude =
            self.digits.iter().rev().fold(0i128, |sum, digit| (sum << 32) + i128::from(*digit));
        if self.negative { -magnitude } else { magnitude }
    }

    fn digit(&self, at: usize) -> i64 {
        self.digits.get(at).copied().unwrap_or(0).into()
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        let length = self.digits.len().max(other.digits.len());
        let orders = (0..length).rev().map(|at| self.digit(at).cmp(&other.digit(at)));
        orders.fold(Ordering::Equal, Ordering::then)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let difference = self.plus(&Self { negative: !other.negative, ..other.clone() });
        match (difference.is_zero(), difference.negative) {
            (true, _) => Ordering::Equal,
            (false, true) => Ordering::Less,
            (false, false) => Ordering::Greater,
        }
    }

    fn plus(&self, other: &Self) -> Self {
        let (great, small) =
            if self.compare_magnitude(other).is_ge() { (self, other) } else { (other, self) };
        let sign = if great.negative == small.negative { 1 } else { -1 };
        let mut digits = Vec::new();
        let mut carry = 0;
        for at in 0..=great.digits.len() {
            let sum = great.digit(at) + sign * small.digit(at) + carry;
            digits.push(u32::try_from(sum.rem_euclid(1 << 32)).unwrap());
            carry = sum.div_euclid(1 << 32);
        }
        Self { negative: great.negative, digits }.trim()
    }

    fn times(&self, other: &Self) -> Self {
        let mut digits = vec![0u32; self.digits.len() + other.digits.len() + 1];
        for (at, left) in self.digits.iter().enumerate() {
            let mut carry = 0u128;
            for (beside, digit) in digits[at..].iter_mut().enumerate() {
                let right = other.digits.get(beside).copied().unwrap_or(0);
                let sum = u128::from(*left) * u128::from(right) + u128::from(*digit) + carry;
                *digit = low(sum);
                carry = sum >> 32;
            }
        }
        Self { negative: self.negative != other.negative, digits }.trim()
    }

    /// Quotient and rest of the magnitudes, bit by bit.
    fn divide(&self, divisor: &Self) -> (Self, Self) {
        let divisor = Self { negative: false, ..divisor.clone() };
        let (one, two) = (Self::from(1), Self::from(2));
        let (mut quotient, mut rest) = (Self::from(0), Self::from(0));
        for at in (0..self.bits()).rev() {
            let bit = self.digits[at / 32] >> (at % 32) & 1;
            rest = rest.times(&two).plus(&Self::from(u128::from(bit)));
            quotient = quotient.times(&two);
            if rest.compare_magnitude(&divisor).is_ge() {
                rest = rest.plus(&Self { negative: true, ..divisor.clone() });
                quotient = quotient.plus(&one);
            }
        }
        (quotient, rest)
    }
}

#[test]
fn the_reference_divides_and_rounds_as_on_paper() {
    let check = |text: &str, floor: i128, round: i128| {
        let (sign, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let ratio = Ratio::decimal(text);
        let ratio = if sign { ratio.negate() } else { ratio };
        assert_eq!(ratio.floor().to_i128(), floor, "floor of {text}");
        assert_eq!(ratio.round().to_i128(), round, "{text} rounded");
    };
    check("2.5", 2, 2);
    check("3.5", 3, 4);
    check("-2.5", -3, -2);
    check("-3.5", -4, -4);
    check("-0.4", -1, 0);
    check("7", 7, 7);
    check("99999999999999999999.5", 99_999_999_999_999_999_999, 100_000_000_000_000_000_000);
}
