//! A small view of Rust source: what is code, what is comment, where functions are.
//!
//! Not a parser. It knows comments, strings, characters and braces, which is enough to count lines
//! and to look for words without being fooled by text inside of literals.

/// The source split in two texts of the same lines: code without the contents of its literals,
/// and comments.
#[derive(Debug)]
pub(super) struct RustText {
    pub(super) code: String,
    pub(super) comments: String,
}

/// A function with the number of code lines in its body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) body_lines: usize,
}

impl RustText {
    pub(super) fn new(source: &str) -> Self {
        Splitter { source: source.chars().collect(), ..Splitter::default() }.split()
    }

    /// The numbers of the code lines that hold `word` as a word of its own.
    pub(super) fn lines_with_word(&self, word: &str) -> Vec<usize> {
        lines_with(&self.code, word)
    }

    /// The same for comments.
    pub(super) fn comment_lines_with_word(&self, word: &str) -> Vec<usize> {
        lines_with(&self.comments, word)
    }

    /// Every function that has a body.
    pub(super) fn functions(&self) -> Vec<Function> {
        let code: Vec<char> = self.code.chars().collect();
        let mut found = Vec::new();
        for start in word_starts(&code, "fn") {
            let name: String = code[start + 2..]
                .iter()
                .skip_while(|it| it.is_whitespace())
                .take_while(|it| it.is_alphanumeric() || **it == '_' || **it == '$')
                .collect();
            // A function pointer type has no name.
            if name.is_empty() {
                continue;
            }
            let Some(open) = body_start(&code, start) else { continue };
            let close = matching_brace(&code, open);
            let body: String = code[open + 1..close].iter().collect();
            let body_lines = body.lines().filter(|line| !line.trim().is_empty()).count();
            let line = 1 + code[..start].iter().filter(|it| **it == '\n').count();
            found.push(Function { name, line, body_lines });
        }
        found
    }
}

fn lines_with(text: &str, word: &str) -> Vec<usize> {
    let has = |line: &str| !word_starts(&line.chars().collect::<Vec<_>>(), word).is_empty();
    text.lines().enumerate().filter(|(_, line)| has(line)).map(|(index, _)| index + 1).collect()
}

fn is_word(character: Option<&char>) -> bool {
    character.is_some_and(|it| it.is_alphanumeric() || *it == '_')
}

fn word_starts(text: &[char], word: &str) -> Vec<usize> {
    let word: Vec<char> = word.chars().collect();
    let mut found = Vec::new();
    for at in 0..text.len() {
        if !text[at..].starts_with(&word) {
            continue;
        }
        let before = if at == 0 { None } else { text.get(at - 1) };
        let after = text.get(at + word.len());
        let ends_as_word = is_word(word.last());
        let continues = is_word(before) || ends_as_word && is_word(after);
        if !continues {
            found.push(at);
        }
    }
    found
}

/// The `{` of the function that begins at `start`, or `None` when it has no body.
fn body_start(code: &[char], start: usize) -> Option<usize> {
    let mut nesting = 0_i32;
    for (at, character) in code.iter().enumerate().skip(start) {
        match character {
            '(' | '[' => nesting += 1,
            ')' | ']' => nesting -= 1,
            '{' if nesting == 0 => return Some(at),
            ';' if nesting == 0 => return None,
            _ => {}
        }
    }
    None
}

fn matching_brace(code: &[char], open: usize) -> usize {
    let mut nesting = 0_i32;
    for (at, character) in code.iter().enumerate().skip(open) {
        match character {
            '{' => nesting += 1,
            '}' => nesting -= 1,
            _ => {}
        }
        if nesting == 0 {
            return at;
        }
    }
    code.len()
}

#[derive(Default)]
struct Splitter {
    source: Vec<char>,
    at: usize,
    code: String,
    comments: String,
}

impl Splitter {
    fn split(mut self) -> RustText {
        while self.at < self.source.len() {
            if self.looking_at("//") {
                self.take_line_comment();
            } else if self.looking_at("/*") {
                self.take_block_comment();
            } else if let Some(hashes) = self.raw_string_hashes() {
                self.take_raw_string(hashes);
            } else if self.looking_at("\"") {
                self.take_quoted('"');
            } else if self.at_character_literal() {
                self.take_quoted('\'');
            } else {
                self.take_code();
            }
        }
        RustText { code: self.code, comments: self.comments }
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(offset, it)| self.source.get(self.at + offset) == Some(&it))
    }

    fn take_code(&mut self) {
        let character = self.source[self.at];
        self.code.push(character);
        self.comments.push(if character == '\n' { '\n' } else { ' ' });
        self.at += 1;
    }

    fn take_comment(&mut self) {
        let character = self.source[self.at];
        self.comments.push(character);
        self.code.push(if character == '\n' { '\n' } else { ' ' });
        self.at += 1;
    }

    /// One character inside of a literal: it stays visible as code, but says nothing.
    fn take_literal(&mut self) {
        let newline = self.source.get(self.at) == Some(&'\n');
        self.code.push(if newline { '\n' } else { '"' });
        self.comments.push(if newline { '\n' } else { ' ' });
        self.at += 1;
    }

    fn take_line_comment(&mut self) {
        while self.at < self.source.len() && self.source[self.at] != '\n' {
            self.take_comment();
        }
    }

    fn take_block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.source.len() {
            if self.looking_at("/*") {
                depth += 1;
                self.take_comment();
            } else if self.looking_at("*/") {
                depth -= 1;
                self.take_comment();
            }
            self.take_comment();
            if depth == 0 {
                return;
            }
        }
    }

    /// The number of `#` when a raw string begins here.
    fn raw_string_hashes(&self) -> Option<usize> {
        if self.source[self.at] != 'r' {
            return None;
        }
        let before = if self.at == 0 { None } else { self.source.get(self.at - 1) };
        let prefixed = matches!(before, Some('b' | 'c'))
            && !(self.at >= 2 && is_word(self.source.get(self.at - 2)));
        if is_word(before) && !prefixed {
            return None;
        }
        let hashes = self.source[self.at + 1..].iter().take_while(|it| **it == '#').count();
        (self.source.get(self.at + 1 + hashes) == Some(&'"')).then_some(hashes)
    }

    fn take_raw_string(&mut self, hashes: usize) {
        let end = format!("\"{}", "#".repeat(hashes));
        for _ in 0..hashes + 2 {
            self.take_literal();
        }
        while self.at < self.source.len() && !self.looking_at(&end) {
            self.take_literal();
        }
        for _ in 0..=hashes {
            self.take_literal();
        }
    }

    fn take_quoted(&mut self, quote: char) {
        self.take_literal();
        while self.at < self.source.len() && self.source[self.at] != quote {
            if self.source[self.at] == '\\' {
                self.take_literal();
            }
            self.take_literal();
        }
        self.take_literal();
    }

    /// `'x'` or `'\n'`, and not the lifetime `'x`.
    fn at_character_literal(&self) -> bool {
        self.source[self.at] == '\''
            && (self.source.get(self.at + 1) == Some(&'\\')
                || self.source.get(self.at + 2) == Some(&'\''))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_say_nothing() {
        let text = RustText::new(r###"let a = "dbg"; let b = r#"dbg " dbg"#; let c = '"'; dbg"###);
        assert_eq!(text.code.matches("dbg").count(), 1);
    }

    #[test]
    fn comments_and_code_are_told_apart() {
        let text = RustText::new("a /* b /* c */ d */ e // f\n'x: loop { break 'x }");
        assert_eq!(text.lines_with_word("a"), [1]);
        assert_eq!(text.lines_with_word("e"), [1]);
        assert_eq!(text.lines_with_word("x"), [2]);
        assert!(text.lines_with_word("d").is_empty());
        assert_eq!(text.comment_lines_with_word("d"), [1]);
        assert_eq!(text.comment_lines_with_word("f"), [1]);
    }

    #[test]
    fn words_are_whole() {
        let text = RustText::new("f64x\nmy_f64\nf64\n");
        assert_eq!(text.lines_with_word("f64"), [3]);
    }

    #[test]
    fn functions_are_measured_by_the_code_lines_of_their_bodies() {
        let source = "fn a() -> [u8; 2] {\n    // why\n\n    [1,\n     2]\n}\n\
                      trait T { fn b(); }\ntype F = fn(u8) -> u8;\nfn c() { \"}\" }\n";
        let expected = [("a", 1, 2), ("c", 9, 1)];
        let found = RustText::new(source).functions();
        let found: Vec<_> =
            found.iter().map(|it| (it.name.as_str(), it.line, it.body_lines)).collect();
        assert_eq!(found, expected);
    }
}
