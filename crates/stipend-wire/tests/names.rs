//! Row 25 of `bad-input.md`: names are kept in the composed form (NFC), whatever is compared by
//! machines stays as it was sent, byte by byte.

use stipend_wire::consumption::Consume;
use stipend_wire::customer::{CreateCustomer, UpdateCustomer};
use stipend_wire::event::ReportEvent;
use stipend_wire::feature::CreateFeature;
use stipend_wire::grant::CreateGrant;
use stipend_wire::parse_body;
use stipend_wire::text::composed;

/// An é as one character, and as an e with an accent behind it.
const COMPOSED: &str = "caf\u{e9}";
const DECOMPOSED: &str = "cafe\u{301}";

#[test]
fn a_name_is_kept_in_the_composed_form() {
    for (sent, kept) in [
        (COMPOSED, COMPOSED),
        (DECOMPOSED, COMPOSED),
        // Hangul, two accents in either order, and a letter that has no composed form.
        ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
        ("a\u{323}\u{302}", "\u{1ead}"),
        ("a\u{302}\u{323}", "\u{1ead}"),
        ("q\u{303}", "q\u{303}"),
        // What only looks alike stays: a ligature, a full-width letter, a Cyrillic one.
        ("\u{fb01}x", "\u{fb01}x"),
        ("\u{ff21}", "\u{ff21}"),
        ("\u{430}cme", "\u{430}cme"),
        // So do marks of direction and of no width.
        ("\u{202e}emca\u{202c}\u{200b}", "\u{202e}emca\u{202c}\u{200b}"),
    ] {
        assert_eq!(composed(sent), kept, "{sent:?}");
        let customer = format!(r#"{{"id":"u","name":"{sent}"}}"#);
        let customer = parse_body::<CreateCustomer>(customer.as_bytes()).unwrap();
        assert_eq!(customer.name.into_option().unwrap().0, kept, "{sent:?}");
        let customer = format!(r#"{{"name":"{sent}"}}"#);
        let customer = parse_body::<UpdateCustomer>(customer.as_bytes()).unwrap();
        assert_eq!(customer.name.into_option().unwrap().0, kept, "{sent:?}");
    }
}

#[test]
fn the_length_of_a_name_is_that_of_what_is_kept() {
    let named = |name: &str| {
        let body = format!(r#"{{"id":"u","name":"{name}"}}"#);
        let read = parse_body::<CreateCustomer>(body.as_bytes());
        read.map(|customer| customer.name.into_option().unwrap().0.chars().count())
            .map_err(|error| error.code.to_string())
    };
    assert_eq!(named(&"e\u{301}".repeat(255)), Ok(255));
    assert_eq!(named(&"e\u{301}".repeat(256)), Err("too_long".to_owned()));
    // One character whose normal form has two.
    assert_eq!(named(&"\u{958}".repeat(127)), Ok(254));
    assert_eq!(named(&"\u{958}".repeat(128)), Err("too_long".to_owned()));
}

/// What is refused is C0 and DEL (`bad-input.md` row 23); what is only shown wrongly is stored, and
/// escaped where it is shown (rows 25 and 27).
#[test]
fn a_name_has_no_c0_control_and_keeps_c1_ones() {
    let named = |name: &str| {
        let body = format!(r#"{{"id":"u","name":"{name}"}}"#);
        let read = parse_body::<CreateCustomer>(body.as_bytes());
        read.map(|customer| customer.name.into_option().unwrap().0)
            .map_err(|error| error.code.to_string())
    };
    for refused in ["\\u0000", "\\u001b[31m", "\\u001f", "\u{7f}", "\\u007f"] {
        assert_eq!(named(&format!("a{refused}b")), Err("invalid_string".to_owned()), "{refused}");
    }
    for kept in ["\u{80}", "\u{85}", "\u{9b}31m", "\u{9f}", "\u{202e}", "\u{200b}"] {
        assert_eq!(named(&format!("a{kept}b")), Ok(format!("a{kept}b")));
    }
}

#[test]
fn what_machines_compare_stays_as_it_was_sent() {
    let grant = format!(
        r#"{{"amount":1,"currencyId":"c","customerId":"u","displayName":"{DECOMPOSED}",
            "grantType":"PAID","comment":"{DECOMPOSED}","metadata":{{"{DECOMPOSED}":"{DECOMPOSED}"}}}}"#
    );
    let grant = parse_body::<CreateGrant>(grant.as_bytes()).unwrap();
    assert_eq!(grant.display_name.0, COMPOSED);
    assert_eq!(grant.comment.unwrap().0, DECOMPOSED);
    assert_eq!(grant.metadata.unwrap().0.into_iter().next().unwrap().0, DECOMPOSED);

    let consume = format!(
        r#"{{"amount":1,"currencyId":"c","customerId":"u","idempotencyKey":"{DECOMPOSED}"}}"#
    );
    let consume = parse_body::<Consume>(consume.as_bytes()).unwrap();
    assert_eq!(consume.idempotency_key.0, DECOMPOSED);

    let event = format!(
        r#"{{"customerId":"u","eventName":"{DECOMPOSED}","idempotencyKey":"k",
            "dimensions":{{"{DECOMPOSED}":1}}}}"#
    );
    let event = parse_body::<ReportEvent>(event.as_bytes()).unwrap();
    assert_eq!(event.event_name.0, DECOMPOSED);

    let feature = format!(
        r#"{{"id":"f","displayName":"{DECOMPOSED}","featureType":"ENUM",
            "enumConfiguration":[{{"displayName":"{DECOMPOSED}","value":"{DECOMPOSED}"}}]}}"#
    );
    let feature = parse_body::<CreateFeature>(feature.as_bytes()).unwrap();
    let value = &feature.enum_configuration.unwrap()[0];
    assert_eq!((&*value.display_name.0, &*value.value.0), (COMPOSED, DECOMPOSED));
}
