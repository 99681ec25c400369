//! Strict reading of request bodies.
//!
//! The body is first parsed into a small tree of our own, because the ready-made one is too
//! kind: it lets a later duplicate key win, takes an array for an object and turns numbers into
//! floats. The tree keeps the text of every number, so amounts stay exact, and every refusal
//! carries the JSON pointer of what is wrong. What a typed value takes from the tree is said by
//! [`FromJson`].

use std::borrow::Cow;

use crate::error::{ErrorCode, WireError};
use crate::read::FromJson;

/// How deeply arrays and objects may be nested.
pub const DEPTH_MAX: usize = 64;

/// How many keys an object may have, and how many items an array.
pub const ITEMS_MAX: usize = 1_000;

/// A parsed JSON value. Numbers keep their text; keys keep their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(Cow<'a, str>),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, without duplicate keys.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl Json<'_> {
    /// What it is, with its article, for messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads a request body: one JSON object, and exactly what `T` takes.
///
/// # Errors
/// `malformed_json` or `duplicate_key` where the document itself is unsound, else the refusal of
/// the first field at fault, with its pointer.
pub fn parse_body<T: FromJson>(body: &[u8]) -> Result<T, WireError> {
    parse_object(body).and_then(T::from_json).map_err(with_place)
}

/// Reads a body that may be empty, which then counts as `{}`.
///
/// # Errors
/// As [`parse_body`].
pub fn parse_optional_body<T: FromJson>(body: &[u8]) -> Result<T, WireError> {
    if body.is_empty() { parse_body(b"{}") } else { parse_body(body) }
}

/// Reads the body of an operation that takes none: nothing, or an empty object.
///
/// # Errors
/// As [`parse_body`]; `unknown_field` for an object with a key.
pub fn parse_no_body(body: &[u8]) -> Result<(), WireError> {
    if body.is_empty() {
        return Ok(());
    }
    let object = parse_object(body).map_err(with_place)?;
    crate::read::Fields::open(object, &[]).map(|_| ()).map_err(with_place)
}

fn parse_object(body: &[u8]) -> Result<Json<'_>, WireError> {
    match parse(body)? {
        object @ Json::Object(_) => Ok(object),
        other => Err(malformed(format!("the body must be a JSON object, but is {}", other.kind()))),
    }
}

/// Turns the predicate of a refusal ("must be a number") into a sentence with its pointer.
pub(crate) fn with_place(mut error: WireError) -> WireError {
    match error.param.as_deref() {
        None => error,
        Some("") => {
            error.message.insert_str(0, "the body ");
            error.param = None;
            error
        }
        Some(pointer) => {
            error.message = format!("`{pointer}` {}", error.message);
            error
        }
    }
}

fn malformed(message: impl Into<String>) -> WireError {
    WireError::new(ErrorCode::MalformedJson, message)
}

/// Parses one JSON document of any kind.
///
/// # Errors
/// `malformed_json`, `duplicate_key`, `invalid_string` for a control character in a string, and
/// `too_many_items` above [`ITEMS_MAX`].
pub fn parse(body: &[u8]) -> Result<Json<'_>, WireError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        malformed(format!("the body is not UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    if text.starts_with('\u{feff}') {
        return Err(malformed("the body begins with a byte order mark"));
    }
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    if parser.peek().is_none() {
        return Err(malformed("the body is empty, but a JSON object is due"));
    }
    let value = parser.value(0)?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.fault("nothing more after the JSON value")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault(&self, expected: &str) -> WireError {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        malformed(format!(
            "the body is not JSON: expected {expected} at line {line} column {column}"
        ))
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, WireError> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [
                    ("null", Json::Null),
                    ("true", Json::Bool(true)),
                    ("false", Json::Bool(false)),
                ];
                for (word, value) in words {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.fault("a value"))
            }
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), WireError> {
        if depth > DEPTH_MAX {
            return Err(malformed(format!("the body is nested more than {DEPTH_MAX} deep")));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, WireError> {
        self.enter(depth)?;
        let mut fields: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Object(fields));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.fault("a key in double quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.fault("`:` after the key"));
            }
            self.skip_space();
            let value = self.value(depth).map_err(|error| error.under(&key))?;
            if fields.len() == ITEMS_MAX {
                return Err(too_many_items(ITEMS_MAX));
            }
            fields.push((key, value));
            self.skip_space();
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(self.fault("`,` or `}`"));
            }
            self.skip_space();
        }
        match find_duplicate(&fields) {
            Some(key) => Err(WireError::here(
                ErrorCode::DuplicateKey,
                "is given twice; each key may stand once in an object",
            )
            .under(key)),
            None => Ok(Json::Object(fields)),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, WireError> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            if items.len() == ITEMS_MAX {
                return Err(too_many_items(ITEMS_MAX));
            }
            let item = self.value(depth).map_err(|error| error.under(items.len()))?;
            items.push(item);
            self.skip_space();
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            if !self.take(b',') {
                return Err(self.fault("`,` or `]`"));
            }
            self.skip_space();
        }
    }

    fn number(&mut self) -> Result<Json<'a>, WireError> {
        let start = self.at;
        self.take(b'-');
        let whole = self.digits();
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(self.fault("a number without leading zeros"));
        }
        if self.take(b'.') && self.digits().is_empty() {
            return Err(self.fault("digits after the decimal point"));
        }
        let mut exponent = "";
        let mut is_small = false;
        if self.take(b'e') || self.take(b'E') {
            is_small = self.take(b'-');
            if !is_small {
                self.take(b'+');
            }
            exponent = self.digits();
            if exponent.is_empty() {
                return Err(self.fault("digits in the exponent"));
            }
        }
        // What no double can hold is no JSON number to most of the world: refused like one.
        let exponent = match exponent {
            "" => 0,
            digits => digits.parse::<usize>().unwrap_or(usize::MAX),
        };
        if !is_small && exponent.saturating_add(whole.len()) > 309 {
            return Err(self.fault("a number below 1e308"));
        }
        Ok(Json::Number(Cow::Borrowed(&self.text[start..self.at])))
    }

    fn digits(&mut self) -> &'a str {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn string(&mut self) -> Result<Cow<'a, str>, WireError> {
        self.at += 1;
        let start = self.at;
        let mut unescaped: Option<String> = None;
        let mut has_control = false;
        loop {
            let run = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                has_control |= self.peek() == Some(0x7f);
                self.at += 1;
            }
            if let Some(unescaped) = &mut unescaped {
                unescaped.push_str(&self.text[run..self.at]);
            }
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let so_far =
                        unescaped.get_or_insert_with(|| self.text[start..self.at].to_owned());
                    self.at += 1;
                    let character = self.escape()?;
                    has_control |= is_forbidden(character);
                    so_far.push(character);
                }
                Some(_) => return Err(self.fault("an escape for a control character in a string")),
                None => return Err(self.fault("the closing quote of a string")),
            }
        }
        let end = self.at;
        self.at += 1;
        if has_control {
            let message = "has a control character; only tab, line feed and carriage return may be";
            return Err(WireError::here(ErrorCode::InvalidString, message));
        }
        Ok(unescaped.map_or(Cow::Borrowed(&self.text[start..end]), Cow::Owned))
    }

    fn escape(&mut self) -> Result<char, WireError> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex()?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) && self.take(b'\\') && self.take(b'u') {
                    units.push(self.hex()?);
                }
                match char::decode_utf16(units).collect::<Vec<_>>().as_slice() {
                    [Ok(character)] => *character,
                    _ => return Err(self.fault("a whole surrogate pair")),
                }
            }
            _ => return Err(self.fault("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u in a string")),
        })
    }

    fn hex(&mut self) -> Result<u16, WireError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        let text = if is_hex { &self.text[self.at..self.at + 4] } else { "" };
        match u16::from_str_radix(text, 16) {
            Ok(unit) => {
                self.at += 4;
                Ok(unit)
            }
            Err(_) => Err(self.fault("four hexadecimal digits")),
        }
    }
}

/// The refusal of a list or map with more than so many items.
pub(crate) fn too_many_items(max: usize) -> WireError {
    WireError::here(ErrorCode::TooManyItems, format!("has more than {max} items"))
}

/// Control characters that no string may have: C0 without tab, LF and CR, and DEL.
fn is_forbidden(character: char) -> bool {
    character.is_ascii_control() && !matches!(character, '\t' | '\n' | '\r')
}

/// Up to so many keys are compared with one another, which takes no list of their own.
const FEW_KEYS: usize = 16;

fn find_duplicate<'b>(fields: &'b [(Cow<'_, str>, Json<'_>)]) -> Option<&'b str> {
    if fields.len() <= FEW_KEYS {
        let is_before = |at: usize, key: &str| fields[..at].iter().any(|(other, _)| other == key);
        let found = fields.iter().enumerate().find(|(at, (key, _))| is_before(*at, key));
        return found.map(|(_, (key, _))| key.as_ref());
    }
    let mut keys: Vec<&str> = fields.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}
