//! The words of a formula, one after the other.

use super::error::{FormulaError, FormulaFault};
use super::fraction::Fraction;
use super::program::{Binary, Relation};
use crate::Amount;
use crate::limits::FORMULA_DECIMALS_MAX;

/// How much of a word a message repeats.
const EXCERPT_LENGTH: usize = 20;

/// What a word is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word<'s> {
    Number(Fraction),
    Text(&'s str),
    /// A name that may also be a function's.
    Name(&'s str),
    /// A name in backticks, always a dimension's.
    QuotedName(&'s str),
    Operator(Binary),
    Relation(Relation),
    Open,
    Close,
    Comma,
    End,
}

/// A word and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub(super) word: Word<'s>,
    /// The first character, counted from 1.
    pub(super) position: usize,
    /// As it is written.
    text: &'s str,
}

impl Token<'_> {
    /// How a message names it.
    pub(super) fn excerpt(&self) -> String {
        if matches!(self.word, Word::End) {
            return "the end".to_owned();
        }
        quote(self.text)
    }
}

/// The beginning of the text in quotes, fit for a message.
pub(super) fn quote(text: &str) -> String {
    let mut excerpt = String::new();
    for letter in text.chars().take(EXCERPT_LENGTH) {
        // What cannot be seen is escaped, but a text keeps its own quotes.
        match letter {
            '"' | '\'' | '\\' => excerpt.push(letter),
            _ => excerpt.extend(letter.escape_debug()),
        }
    }
    if text.chars().nth(EXCERPT_LENGTH).is_some() {
        excerpt.push('…');
    }
    if excerpt.contains('"') { excerpt } else { format!("\"{excerpt}\"") }
}

/// Cuts a formula into words.
pub(super) struct Lexer<'s> {
    rest: &'s str,
    /// Where `rest` begins, counted from 1.
    position: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { rest: source, position: 1 }
    }

    /// The next word; `End` for ever after the last.
    pub(super) fn next(&mut self) -> Result<Token<'s>, FormulaError> {
        self.take(char::is_whitespace);
        let (position, rest) = (self.position, self.rest);
        let mut following = rest.chars();
        let word = match following.next() {
            None => Word::End,
            Some('0'..='9') => Word::Number(self.number()?),
            Some('A'..='Z' | 'a'..='z' | '_') => Word::Name(self.take(is_name)),
            Some(quote @ ('"' | '\'')) => Word::Text(self.quoted(quote)?),
            Some('`') => match self.quoted('`')? {
                "" => return Err(FormulaError { position, fault: FormulaFault::EmptyName }),
                name => Word::QuotedName(name),
            },
            Some(first) => self.symbol(first, following.next())?,
        };
        Ok(Token { word, position, text: &rest[..rest.len() - self.rest.len()] })
    }

    /// An operator or a mark of one or two characters.
    fn symbol(&mut self, first: char, second: Option<char>) -> Result<Word<'s>, FormulaError> {
        let (word, length) = match (first, second) {
            ('=', Some('=')) => (Word::Relation(Relation::Equal), 2),
            ('!', Some('=')) => (Word::Relation(Relation::NotEqual), 2),
            ('<', Some('=')) => (Word::Relation(Relation::LessOrEqual), 2),
            ('>', Some('=')) => (Word::Relation(Relation::GreaterOrEqual), 2),
            ('<', _) => (Word::Relation(Relation::Less), 1),
            ('>', _) => (Word::Relation(Relation::Greater), 1),
            ('+', _) => (Word::Operator(Binary::Add), 1),
            ('-', _) => (Word::Operator(Binary::Subtract), 1),
            ('*', _) => (Word::Operator(Binary::Multiply), 1),
            ('/', _) => (Word::Operator(Binary::Divide), 1),
            ('(', _) => (Word::Open, 1),
            (')', _) => (Word::Close, 1),
            (',', _) => (Word::Comma, 1),
            (found, _) => {
                let fault = FormulaFault::Character { found, hint: hint(found) };
                return Err(FormulaError { position: self.position, fault });
            }
        };
        self.skip(length);
        Ok(word)
    }

    /// Digits, and a point and digits where there is one. What follows must not touch them.
    fn number(&mut self) -> Result<Fraction, FormulaError> {
        let position = self.position;
        let is_digit = |letter: char| letter.is_ascii_digit();
        let error = |fault| Err(FormulaError { position, fault });
        let whole = self.take(is_digit).trim_start_matches('0');
        let mut part = "";
        if self.rest.starts_with('.') {
            self.skip(1);
            part = self.take(is_digit);
            if part.is_empty() {
                return error(FormulaFault::Number);
            }
        }
        if self.rest.starts_with(is_name) {
            return error(FormulaFault::Number);
        }
        if part.len() > FORMULA_DECIMALS_MAX {
            return error(FormulaFault::TooManyDecimals);
        }
        let part = part.trim_end_matches('0');
        let digits = whole.bytes().chain(part.bytes()).try_fold(0i128, |digits, digit| {
            digits.checked_mul(10)?.checked_add(i128::from(digit & 0x0f))
        });
        let places = u32::try_from(part.len()).ok();
        let number = digits.zip(places).and_then(|(digits, places)| {
            let number = Fraction::decimal(digits, places)?;
            number.compare(Fraction::from_amount(Amount::MAX)).is_le().then_some(number)
        });
        number.map_or_else(|| error(FormulaFault::NumberTooLarge), Ok)
    }

    /// What stands up to the next quote of this kind. Nothing is escaped: each kind of text can
    /// hold the other kind's quotes.
    fn quoted(&mut self, quote: char) -> Result<&'s str, FormulaError> {
        let position = self.position;
        self.skip(quote.len_utf8());
        let text = self.take(|letter| letter != quote);
        if self.rest.is_empty() {
            return Err(FormulaError { position, fault: FormulaFault::UnclosedQuote(quote) });
        }
        self.skip(quote.len_utf8());
        Ok(text)
    }

    /// The characters up to the first that is not wanted.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'s str {
        let end = self.rest.find(|letter| !wanted(letter)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.position += taken.chars().count();
        self.rest = rest;
        taken
    }

    /// Goes on behind so many ASCII characters.
    fn skip(&mut self, length: usize) {
        self.rest = &self.rest[length..];
        self.position += length;
    }
}

/// Whether the character may stand inside a name without backticks. `-` may not, so that `a-b` is
/// a difference.
fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '$')
}

/// What to write instead of the character.
fn hint(found: char) -> &'static str {
    match found {
        '=' => "compare by \"==\"",
        '!' => "write \"!=\" for a difference, not(…) for the opposite of a condition",
        '&' => "write and(…, …)",
        '|' => "write or(…, …)",
        '%' | '^' | '~' | '\\' => "the operators are + - * /",
        '×' | '·' => "write \"*\" to multiply",
        '÷' | ':' => "write \"/\" to divide",
        '−' | '–' | '—' => "write \"-\" to subtract",
        '≤' => "write \"<=\"",
        '≥' => "write \">=\"",
        '≠' => "write \"!=\"",
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
            "write texts in straight quotes, as in \"gpt-4\""
        }
        '[' | ']' | '{' | '}' => "the parentheses are \"(\" and \")\"",
        '.' => "a number begins with a digit, as in 0.5",
        '?' => "choose by if(…, …, …)",
        _ => "write a dimension whose name has other characters in backticks, as in `input-tokens`",
    }
}
