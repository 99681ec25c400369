//! Cost formulas: what they say, what they cost, and what is refused.

use stipend_core::customer::DimensionValue;
use stipend_core::formula::{EvaluationError, Input, WarningKind};
use stipend_core::limits::{
    FORMULA_DECIMALS_MAX, FORMULA_DEPTH_MAX, FORMULA_DIMENSIONS_MAX, FORMULA_LENGTH_MAX,
    FORMULA_NODES_MAX,
};
use stipend_core::{Amount, Formula};

type Event = Vec<(String, DimensionValue)>;

/// `tokens=3 model=gpt-4 premium=true`: numbers, flags, and texts for all else.
fn event(text: &str) -> Event {
    let value = |text: &str| match (text, Amount::parse_exact(text)) {
        ("true", _) => DimensionValue::Flag(true),
        ("false", _) => DimensionValue::Flag(false),
        (_, Ok(number)) => DimensionValue::Number(number),
        _ => DimensionValue::Text(text.to_owned()),
    };
    let pairs = text.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, text)| (name.to_owned(), value(text))).collect()
}

fn find<'a>(event: &'a Event, name: &str) -> Option<&'a DimensionValue> {
    event.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// The amount and the warnings (`3 missing:tokens`), or the error.
fn outcome(formula: &str, dimensions: &str) -> String {
    let formula = match Formula::parse(formula) {
        Ok(formula) => formula,
        Err(error) => return error.to_string(),
    };
    let event = event(dimensions);
    match formula.evaluate(|name| find(&event, name)) {
        Ok(cost) => {
            let warnings = cost.warnings.iter().map(|warning| {
                let kind = match warning.kind {
                    WarningKind::Missing => "missing",
                    WarningKind::NotANumber => "not-a-number",
                    WarningKind::NotAFlag => "not-a-flag",
                    WarningKind::OtherType => "other-type",
                };
                format!(" {kind}:{}", warning.dimension)
            });
            format!("{}{}", cost.amount, warnings.collect::<String>())
        }
        Err(EvaluationError::DivisionByZero { position }) => format!("divides by 0 at {position}"),
        Err(EvaluationError::Overflow { position }) => format!("overflows at {position}"),
        Err(EvaluationError::NegativeCost) => "negative".to_owned(),
        Err(EvaluationError::TooLarge) => "too large".to_owned(),
    }
}

fn check(formula: &str, dimensions: &str, expected: &str) {
    assert_eq!(outcome(formula, dimensions), expected, "{formula} with {dimensions}");
}

#[test]
fn the_acceptance_formula_is_exact() {
    let formula = "1.1*a + 1.5*b + 5*c";
    check(formula, "a=1 b=1 c=1", "7.6");
    check(formula, "a=1000 b=500 c=2", "1860");
    check(formula, "a=0.1 b=0.2 c=0.000000001", "0.410000005");
    check(formula, "a=999999999.999999999 b=0 c=0", "1099999999.999999999");
}

#[test]
fn the_name_of_a_model_picks_the_rate() {
    let formula = r#"if(model == "gpt-4", 30, 2) * tokens / 1000"#;
    check(formula, "model=gpt-4 tokens=1234", "37.02");
    check(formula, "model=small tokens=1234", "2.468");
    check(formula, "tokens=1234", "2.468 missing:model");
    let formula = "if(model == 'large', 3, if(or(model == 'mid', model == 'mini'), 2, 1)) * n";
    check(formula, "model=large n=10", "30");
    check(formula, "model=mini n=10", "20");
    check(formula, "model=other n=10", "10");
}

#[test]
fn operators_bind_as_in_arithmetic_and_to_the_left() {
    check("1 + 2 * 3", "", "7");
    check("(1 + 2) * 3", "", "9");
    check("10 - 4 - 3", "", "3");
    check("10 - (4 - 3)", "", "9");
    check("100 / 10 / 5", "", "2");
    check("100 / (10 / 5)", "", "50");
    check("2 * 9 / 3 * 2", "", "12");
    check("8 / 4 * 2", "", "4");
    check("-a + 5", "a=2", "3");
    check("5 - -a", "a=2", "7");
    check("5---a", "a=2", "3");
    check("-a * -b", "a=2 b=3", "6");
    check("5 * -a + 11", "a=2", "1");
    check("-(a - b)", "a=2 b=3", "1");
    check("if(a + 1 < b * 2, 1, 2)", "a=2 b=2", "1");
    check("((((a))))", "a=2", "2");
}

#[test]
fn a_dash_is_a_difference_and_backticks_make_any_name() {
    check("a-b", "a=5 b=3 a-b=9", "2");
    check("`a-b`", "a=5 b=3 a-b=9", "9");
    check("`größe` * 2", "größe=4", "8");
    check("`2nd` + `a (b)`", "2nd=4", "4 missing:a (b)");
    check("usage.input$1 * _x2", "usage.input$1=3 _x2=2", "6");
    check("a.-b", "a.=3 b=2", "1");
}

#[test]
fn no_word_is_reserved() {
    check("in + out", "in=1 out=2", "3");
    check("if + min * max", "if=1 min=2 max=3", "7");
    check("if(if > min, max, not)", "if=5 min=2 max=3 not=4", "3");
    check("min(min, max)", "min=1 max=2", "1");
    check("and + or + not + then + else", "and=1 or=2 not=3 then=4 else=5", "15");
    check("round\n(round)", "round=2.5", "2");
    check("`if` + `min`", "if=1 min=2", "3");
    check("IF + Min", "IF=1 Min=2", "3");
    check("if(not(true), 1, 2)", "true=false", "1");
}

#[test]
fn white_space_may_stand_between_words_and_texts_are_taken_as_they_stand() {
    check("\t if ( a\r\n>1 ,2 ,3 )  ", "a=2", "2");
    check("if(m == ' ', 1, 2) + if(m != \"it's\", 10, 20)", "m=it's", "22");
    check("if(m == '\"', 1, 2)", "m=\"", "1");
    check(r"if(m == 'a\n', 1, 2)", r"m=a\n", "1");
    check("if(m == 'grün', 1, 2)", "m=grün", "1");
    check("if(m == 'GPT', 1, 2)", "m=gpt", "2");
}

#[test]
fn numbers_are_digits_with_an_optional_point() {
    check("007.50", "", "7.5");
    check("0", "", "0");
    check("1000000000000000000", "", "1000000000000000000");
    check("0.000000000000000001 * a", "a=1000000000", "0.000000001");
    check("1.0000000000000000000", "", "at character 1: a number has at most 18 decimal places");
}

#[test]
fn the_functions_give_what_their_names_say() {
    check("min(3, a, 2) + max(3, a, 2)", "a=1", "4");
    check("max(a, b)", "a=0.3 b=0.29", "0.3");
    check("min(-1, 2) + 1", "", "0");
    check("ceil(a)", "a=1.000000001", "2");
    check("ceil(a)", "a=2", "2");
    check("ceil(-a) + 5", "a=1.5", "4");
    check("floor(a)", "a=1.999999999", "1");
    check("floor(-a) + 5", "a=1.5", "3");
    check("floor(tokens / 1000) * 2", "tokens=1999", "2");
    for (a, rounded) in [("0.5", "0"), ("1.5", "2"), ("2.5", "2"), ("2.500000001", "3")] {
        check("round(a)", &format!("a={a}"), rounded);
    }
    check("round(-a) + 10", "a=2.5", "8");
    check("round(-a) + 10", "a=3.5", "6");
}

#[test]
fn comparisons_and_conditions_choose() {
    for (relation, for_1_2_3) in
        [("==", "010"), ("!=", "101"), ("<", "100"), ("<=", "110"), (">", "001"), (">=", "011")]
    {
        for (a, expected) in ["1", "2", "3"].into_iter().zip(for_1_2_3.chars()) {
            let event = format!("a={a} b=2");
            check(&format!("if(a {relation} 2, 1, 0)"), &event, &expected.to_string());
            check(&format!("if(a {relation} b, 1, 0)"), &event, &expected.to_string());
            check(&format!("if(a {relation} 2 * b / 2, 1, 0)"), &event, &expected.to_string());
        }
    }
    check("if(1 / 3 == a / 3, 1, 0)", "a=1", "1");
    check("if(2 == a, 1, 0) + if('x' == m, 10, 0)", "a=2 m=x", "11");
    check("if(premium, 1, 2)", "premium=true", "1");
    check("if(premium, 1, 2)", "premium=false", "2");
    check("if((premium), 1, 2)", "premium=true", "1");
    check("if(and(a > 1, a < 3, premium), 1, 2)", "a=2 premium=true", "1");
    check("if(and(a > 1, a < 3, premium), 1, 2)", "a=2 premium=false", "2");
    check("if(or(a > 1, premium), 1, 2)", "a=1 premium=true", "1");
    check("if(or(a > 1, premium), 1, 2)", "a=1 premium=false", "2");
    check("if(not(or(a == 1, a == 2)), 1, 2)", "a=3", "1");
    check("if(not(and(not(premium), (a >= 1))), 1, 2)", "a=1 premium=false", "2");
    check("if(m == n, 1, 2) + if(m != n, 10, 20)", "m=x n=x", "21");
    check("if(p == q, 1, 2) + if(p != q, 10, 20)", "p=true q=false", "12");
    check("if('a' == \"a\", 1, 2) + if('a' != 'a', 10, 20)", "", "21");
}

#[test]
fn only_what_decides_is_evaluated() {
    check("if(n == 0, 0, total / n)", "n=0 total=5", "0");
    check("if(n == 0, 0, total / n)", "n=2 total=5", "2.5");
    check("if(n != 0, total / n, gone)", "n=2 total=5", "2.5");
    check("if(and(n > 0, total / n > 2), 1, 2)", "n=0 total=5", "2");
    check("if(or(n == 0, total / n > 2), 1, 2)", "n=0 total=5", "1");
    check("if(and(total / n > 2, n > 0), 1, 2)", "n=0 total=5", "divides by 0 at 14");
}

#[test]
fn the_result_is_rounded_once_half_to_even() {
    check("a / 3 * 3", "a=1", "1");
    check("1 / 3 + 1 / 3 + 1 / 3", "", "1");
    check("a / 3", "a=2", "0.666666667");
    check("a / 3", "a=1", "0.333333333");
    for (a, half) in [("1", "0"), ("3", "0.000000002"), ("5", "0.000000002"), ("7", "0.000000004")]
    {
        check("a / 2", &format!("a={a}e-9"), half);
    }
    check("a / 2 + 0.000000000000000001", "a=0.000000001", "0.000000001");
    check("a / 2 - 0.000000000000000001", "a=0.000000003", "0.000000001");
    // Each of the two rounded by itself would be 0.
    check("a / 2 + a / 2", "a=0.000000001", "0.000000001");
    check("a * 0.000000001", "a=0.4", "0");
}

#[test]
fn what_is_missing_or_of_another_type_counts_as_nothing_and_is_warned_of() {
    check("a + b * 2", "a=1", "1 missing:b");
    check("a + a + b", "", "0 missing:a missing:b");
    check("a + b", "a=1 b=many", "1 not-a-number:b");
    check("a + b", "a=1 b=true", "1 not-a-number:b");
    check("if(p, 1, 2)", "", "2 missing:p");
    check("if(p, 1, 2)", "p=1", "2 not-a-flag:p");
    check("if(p, 1, 2)", "p=yes", "2 not-a-flag:p");
    check("if(m == 'x', 1, 2)", "", "2 missing:m");
    check("if(m != 'x', 1, 2)", "", "1 missing:m");
    check("if(m == '', 1, 2)", "", "2 missing:m");
    check("if(m == '4', 1, 2)", "m=4", "2 other-type:m");
    check("if(m == 4, 1, 2)", "m=x", "2 not-a-number:m");
    check("if(m == 0, 1, 2)", "m=x", "1 not-a-number:m");
    check("if(m == 0, 1, 2)", "", "1 missing:m");
    check("if(m < 1, 1, 2)", "m=x", "1 not-a-number:m");
    check("if(a == b, 1, 2)", "a=1 b=x", "2 other-type:a other-type:b");
    check("if(a == b, 1, 2)", "a=0 b=false", "2 other-type:a other-type:b");
    check("if(a == b, 1, 2)", "a=0", "1 missing:b");
    check("if(a == b, 1, 2)", "b=1", "2 missing:a");
    check("if(a == b, 1, 2)", "b=false", "1 missing:a");
    check("if(a != b, 1, 2)", "a=true", "1 missing:b");
    check("if(a == b, 1, 2)", "a=x", "2 missing:b");
    check("if(a == b, 1, 2)", "", "1 missing:a missing:b");
    // A guard against 0 also guards against what only counts as 0.
    check("if(n != 0, total / n, 0)", "n=x total=5", "0 not-a-number:n");
    // One dimension, needed as two things.
    check("if(m == 'x', m, 2)", "m=x", "0 not-a-number:m");
    check("if(a, 1, b) + a", "b=2 a=x", "2 not-a-number:a not-a-flag:a");
}

#[test]
fn a_warning_names_the_dimension_and_what_it_counts() {
    let formula = Formula::parse("gone + word + if(seats, 0, 0) + if(m == 'x', 0, 0)").unwrap();
    let event = event("word=x seats=3 m=4");
    let cost = formula.evaluate(|name| find(&event, name)).unwrap();
    let said: Vec<String> = cost.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "there is no dimension \"gone\": it counts as nothing (0, false, no text)",
        "the dimension \"word\" is no number: it counts 0",
        "the dimension \"seats\" is not true or false: it counts false",
        "the dimension \"m\" is compared with another type: they are not equal",
    ];
    assert_eq!(said, expected);
}

#[test]
fn an_evaluation_that_fails_says_where() {
    check("a / b", "a=1 b=0", "divides by 0 at 3");
    check("a / b", "a=1", "divides by 0 at 3");
    check("1 + 2 / (a - b)", "a=1 b=1", "divides by 0 at 7");
    check("a - b", "a=1 b=2", "negative");
    check("a - b - 0.00000000001", "a=1 b=1", "negative");
    check("-a", "a=0", "0");
    check("a * 2", "a=1000000000000000000", "too large");
    check("a", "a=1000000000000000000", "1000000000000000000");
    check("a + 0.0000000004", "a=1000000000000000000", "1000000000000000000");
    check("a * a * a", "a=1000000000000000000", "overflows at 7");
    check("a * a / a", "a=1000000000000000000", "1000000000000000000");
}

#[test]
fn fractions_are_brought_to_lowest_terms_before_they_overflow() {
    let thirds = "a/3 * b/7 * 21 * a/3 * b/7 * 21 * a/3 * b/7 * 21 / a / b / a / b / b";
    check(thirds, "a=123456.789012 b=0.0003", "123456.789012");
    check("a * b * a * b * a * b * 1000000000", "a=0.000000008 b=125000000", "1000000000");
    let sum = (1..=40).map(|n| format!("a / {n}")).collect::<Vec<_>>().join(" + ");
    // Forty terms of the harmonic series have a common denominator of 16 digits.
    check(&sum, "a=1", "4.278543039");
}

#[test]
fn an_error_says_where_and_what_to_write() {
    check(
        "",
        "",
        "at character 1: the formula is empty: write a number, a dimension or a calculation",
    );
    check(
        "  ",
        "",
        "at character 1: the formula is empty: write a number, a dimension or a calculation",
    );
    let expected = |at: usize, expected: &str, found: &str| {
        format!("at character {at}: expected {expected}, found {found}")
    };
    let operand = |at, found: &str| expected(at, "a number, a dimension or \"(\"", found);
    check("1.1 * / tokens", "", &operand(7, "\"/\""));
    check("1 +", "", &operand(4, "the end"));
    check("+1", "", &operand(1, "\"+\""));
    check("a ** 2", "", &operand(4, "\"*\""));
    check("()", "", &operand(2, "\")\""));
    check("if(, 1, 2)", "", &operand(4, "\",\""));
    check("ä", "", &other("ä", 1));
    check("größe * 2", "", &other("ö", 3));
    let operator = |at, found: &str| expected(at, "an operator or the end of the formula", found);
    check("2 tokens", "", &operator(3, "\"tokens\""));
    check("a b", "", &operator(3, "\"b\""));
    check("1)", "", &operator(2, "\")\""));
    check("1,5 * a", "", &operator(2, "\",\""));
    check("`a`(2)", "", &operator(4, "\"(\""));
    check("a 'text that is longer than that'", "", &operator(3, "\"'text that is longer…\""));
    check("(1 2)", "", &expected(4, "an operator or \")\"", "\"2\""));
    check("(1, 2)", "", &expected(3, "an operator or \")\"", "\",\""));
    check("min(1 2)", "", &expected(7, "an operator, \",\" or \")\"", "\"2\""));
    check("min(1, 2 \"x\")", "", &expected(10, "an operator, \",\" or \")\"", "\"x\""));
    let open = "the closing \")\" for this \"(\" is missing";
    check("2 * (1 + (2)", "", &format!("at character 5: {open}"));
    check("min(1", "", &format!("at character 4: {open}"));
    check("min(1, 2", "", &format!("at character 4: {open}"));
    check("a == 'x", "", "at character 6: the closing ' is missing");
    check("a == \"x", "", "at character 6: the closing \" is missing");
    check("1 + `x", "", "at character 5: the closing ` is missing");
    check("1 + ``", "", "at character 5: write the name of a dimension between the backticks");
}

fn other(found: &str, position: usize) -> String {
    format!(
        "at character {position}: \"{found}\" has no meaning here: write a dimension whose name \
         has other characters in backticks, as in `input-tokens`"
    )
}

#[test]
fn a_character_of_another_language_is_answered_with_ours() {
    let refused = |formula: &str, position: usize, found: &str, hint: &str| {
        let expected = format!("at character {position}: \"{found}\" has no meaning here: {hint}");
        check(formula, "", &expected);
    };
    refused("if(a = 1, 2, 3)", 6, "=", "compare by \"==\"");
    refused("!a", 1, "!", "write \"!=\" for a difference, not(…) for the opposite of a condition");
    refused("a && b", 3, "&", "write and(…, …)");
    refused("a || b", 3, "|", "write or(…, …)");
    refused("a % b", 3, "%", "the operators are + - * /");
    refused("a ^ 2", 3, "^", "the operators are + - * /");
    refused("2 × a", 3, "×", "write \"*\" to multiply");
    refused("a ÷ 2", 3, "÷", "write \"/\" to divide");
    refused("a − 2", 3, "−", "write \"-\" to subtract");
    refused("a ≤ 2", 3, "≤", "write \"<=\"");
    refused("a ≥ 2", 3, "≥", "write \">=\"");
    refused("a ≠ 2", 3, "≠", "write \"!=\"");
    refused("m == “x”", 6, "“", "write texts in straight quotes, as in \"gpt-4\"");
    refused("[a]", 1, "[", "the parentheses are \"(\" and \")\"");
    refused(".5", 1, ".", "a number begins with a digit, as in 0.5");
    refused("a ? 1 : 2", 3, "?", "choose by if(…, …, …)");
    check("a + \0", "", &other("\\0", 5));
}

#[test]
fn a_number_is_refused_where_it_is_not_written_plainly() {
    let number = "a number is digits with an optional point, as in 0.25; to multiply, write \"*\"";
    for text in ["1.", "1.x", "1..2", "1.2.3", "1e3", "1e999999", "0x10", "1_000", "2tokens"] {
        check(&format!("3 * {text}"), "", &format!("at character 5: {number}"));
    }
    let large = "at character 1: a number is at most 1000000000000000000";
    check("1000000000000000000.1", "", large);
    check(&"9".repeat(FORMULA_LENGTH_MAX), "", large);
}

#[test]
fn what_stands_where_it_makes_no_sense_is_refused() {
    let text = "there is no calculating with a text: compare it, as in model == \"gpt-4\"";
    check("1 + 'x'", "", &format!("at character 5: {text}"));
    check("'x'", "", &format!("at character 1: {text}"));
    check("-'x'", "", &format!("at character 2: {text}"));
    check("if(a, 1, 'x')", "", &format!("at character 10: {text}"));
    check("max('x', 1)", "", &format!("at character 5: {text}"));
    let condition = "a condition is no number: choose one by it, as in if(tokens > 1000, 2, 3)";
    check("a > 1", "", &format!("at character 1: {condition}"));
    check("2 * (a > 1)", "", &format!("at character 5: {condition}"));
    check("1 + not(a)", "", &format!("at character 5: {condition}"));
    check("a == (b < 1)", "", &format!("at character 6: {condition}"));
    check("ceil(and(a, b))", "", &format!("at character 6: {condition}"));
    let comparison = "expected a condition: compare something, as in tokens > 1000";
    check("if(1, 2, 3)", "", &format!("at character 4: {comparison}"));
    check("if(a + b, 2, 3)", "", &format!("at character 4: {comparison}"));
    check("if(and(a, 'x'), 2, 3)", "", &format!("at character 11: {comparison}"));
    check("not(1)", "", &format!("at character 5: {comparison}"));
    let beside = "a text is compared with a dimension, by == or !=";
    check("if(m < 'x', 1, 2)", "", &format!("at character 8: {beside}"));
    check("if('x' >= m, 1, 2)", "", &format!("at character 4: {beside}"));
    check("if('x' == 1, 1, 2)", "", &format!("at character 4: {beside}"));
    check("if(a + 1 == 'x', 1, 2)", "", &format!("at character 13: {beside}"));
    let again = "comparisons are not compared again: combine them, as in and(a < b, b < c)";
    check("if(a < b < c, 1, 2)", "", &format!("at character 10: {again}"));
    check("if(a == b == c, 1, 2)", "", &format!("at character 11: {again}"));
    check("if((a < b) == c, 1, 2)", "", &format!("at character 12: {again}"));
}

#[test]
fn a_function_says_what_it_takes() {
    check(
        "tokens (1 + 2)",
        "",
        "at character 1: there is no function \"tokens\", only and, ceil, floor, if, max, min, \
         not, or, round; to multiply, write \"*\" before \"(\"",
    );
    let takes = |formula: &str, at: usize, form: &str| {
        check(formula, "", &format!("at character {at}: write {form}"));
    };
    takes("if(a, 1)", 8, "if(condition, number, other number)");
    takes("if(a)", 5, "if(condition, number, other number)");
    takes("if(a, 1, 2, 3)", 11, "if(condition, number, other number)");
    takes("min()", 5, "min(a, b) with two or more numbers");
    takes("min(1)", 6, "min(a, b) with two or more numbers");
    takes("max(a)", 6, "max(a, b) with two or more numbers");
    takes("ceil(1, 2)", 7, "ceil(number)");
    takes("floor()", 7, "floor(number)");
    takes("round(a, 2)", 8, "round(number)");
    takes("if(and(a), 1, 2)", 9, "and(a, b) with two or more conditions");
    takes("if(or(a), 1, 2)", 8, "or(a, b) with two or more conditions");
    takes("if(not(a, b), 1, 2)", 9, "not(condition)");
}

#[test]
fn what_fails_for_every_event_is_refused_when_it_is_read() {
    let zero = "it fails for every event: the formula divides by 0 at character";
    let guard = "guard it, as in if(n == 0, 0, total / n)";
    check("a / 0", "a=1", &format!("at character 3: {zero} 3: {guard}"));
    check("a + 1 / (2 - 2.0)", "a=1", &format!("at character 7: {zero} 7: {guard}"));
    check("if(a > 0, 1 / 0, 2)", "a=0", &format!("at character 13: {zero} 13: {guard}"));
    check("a / if('x' == 'x', 0, 1)", "a=1", &format!("at character 3: {zero} 3: {guard}"));
    let negative = "it fails for every event: the formula gives less than 0: bound it from below, \
                    as in max(0, a - b)";
    check("-1", "", &format!("at character 1: {negative}"));
    check("  2 - 3", "", &format!("at character 3: {negative}"));
    let large = "it fails for every event: the formula gives more than 1000000000000000000";
    check("1000000000000000000 * 2", "", &format!("at character 1: {large}"));
    let cube = ["1000000000000000000"; 3].join("*");
    let digits = "it fails for every event: a number in the formula has more digits than fit at \
                  character 40: use smaller numbers, or round() where the digits do not matter";
    check(&format!("{cube} * a"), "", &format!("at character 40: {digits}"));
    check("-1 + a", "a=3", "2");
}

#[test]
fn a_formula_is_bounded_in_every_direction() {
    let long = format!("1{}", " ".repeat(FORMULA_LENGTH_MAX - 1));
    check(&long, "", "1");
    let too_long = "at character 1001: a formula has at most 1000 characters";
    check(&format!("{long} "), "", too_long);
    check(&"(".repeat(1_000_000), "", too_long);
    check(&"ä".repeat(FORMULA_LENGTH_MAX), "", &other("ä", 1));

    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    check(&nested(FORMULA_DEPTH_MAX), "a=1", "1");
    let too_deep = "at character 33: at most 32 parentheses may stand inside one another";
    check(&nested(FORMULA_DEPTH_MAX + 1), "a=1", too_deep);
    check(&"(".repeat(FORMULA_LENGTH_MAX), "", too_deep);
    // Depth is what is open, not what was.
    check(&["(a)"; 100].join("+"), "a=1", "100");
    check(&["if(p,1,2)"; 50].join("+"), "p=true", "50");

    let sum = |terms: usize| format!("-{}", vec!["a"; terms].join("+"));
    let half = FORMULA_NODES_MAX / 2;
    check(&sum(half).replacen('a', "0", 1), "a=1", &(half - 1).to_string());
    let too_many = "a formula has at most 256 numbers, texts, dimensions, operators and functions \
                    together";
    check(&format!("-{}", sum(half)), "a=1", &format!("at character 257: {too_many}"));
    check(&"-".repeat(FORMULA_LENGTH_MAX), "", &format!("at character 257: {too_many}"));

    let different = |count: usize| (0..count).map(|n| format!("d{n}")).collect::<Vec<_>>();
    let read = Formula::parse(&different(FORMULA_DIMENSIONS_MAX).join("+")).unwrap();
    assert_eq!(read.dimensions().len(), FORMULA_DIMENSIONS_MAX);
    let too_many = "at character 119: a formula reads at most 32 different dimensions";
    check(&different(FORMULA_DIMENSIONS_MAX + 1).join("+"), "", too_many);
    check(&format!("a * 0.{}1", "0".repeat(FORMULA_DECIMALS_MAX)), "", &decimals(5));
}

fn decimals(position: usize) -> String {
    format!("at character {position}: a number has at most 18 decimal places")
}

#[test]
fn the_deepest_formula_needs_no_more_stack_than_it_was_given() {
    // Each parenthesis waits for a comparison's left side, a sum's and a product's.
    let open = "if(1+a*2<1+a*(".repeat(FORMULA_DEPTH_MAX / 2);
    let close = "),1,2)".repeat(FORMULA_DEPTH_MAX / 2);
    check(&format!("{open}a{close}"), "a=1", "2");
    let open = "min(a,1+a*".repeat(FORMULA_DEPTH_MAX);
    check(&format!("{open}a{}", ")".repeat(FORMULA_DEPTH_MAX)), "a=1", "1");
}

#[test]
fn a_formula_keeps_its_text_and_names_its_dimensions_once() {
    let source = " if(b > 1,\n a, `a-c`) + b * a ";
    let formula = Formula::parse(source).unwrap();
    assert_eq!(formula.source(), source);
    assert_eq!(formula.to_string(), source);
    assert_eq!(formula.dimensions().collect::<Vec<_>>(), ["b", "a", "a-c"]);
    assert_eq!(formula, formula.clone());
    assert_ne!(formula, Formula::parse(source.trim()).unwrap());
    assert_eq!(Formula::parse("2*a"), Formula::parse("2*a"));
    assert_eq!(format!("{:?}", Formula::parse("2*a").unwrap()), "Formula(\"2*a\")");
}

#[test]
fn a_cost_says_what_it_was_worked_out_from() {
    let formula = Formula::parse("if(premium, a * 2, b) + gone").unwrap();
    let event = event("b=7 a=3 premium=true");
    let cost = formula.evaluate(|name| find(&event, name)).unwrap();
    assert_eq!(cost.amount, Amount::whole(6));
    let input = |name| Input { name, value: find(&event, name) };
    // In the order of the formula, without what was not read.
    assert_eq!(cost.inputs.iter().collect::<Vec<_>>(), ["premium", "a", "gone"].map(input));
}
