//! Rows 25 to 34 of `bad-input.md` over HTTP: texts that look like something else, and headers
//! that ask for something else than JSON.

use crate::support::Server;
use crate::world;
use serde_json::{Value, json};

const PRODUCTS: &str = "/api/v1/products";

fn named(server: &Server, id: &str, name: &str) -> String {
    let body = json!({ "id": id, "displayName": name });
    server.call("POST", PRODUCTS, &body).verdict()
}

/// Percent-encodes every byte.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn row_25_lookalikes_are_no_ids() {
    let server = world::example();
    let before = server.position();
    for id in [
        "\u{430}cme",
        "ac\u{200b}me",
        "\u{feff}acme",
        "\u{202e}emca",
        "a\u{301}",
        "\u{e1}",
        "\u{ff41}cme",
        "acme\u{2066}",
    ] {
        assert_eq!(named(&server, id, "A"), "422 invalid_id /id", "{id:?}");
        let path = format!("/api/v1/customers/{}", encoded(id));
        let answer = server.call("GET", &path, &Value::Null);
        assert_eq!(answer.verdict(), "404 customer_not_found", "{id:?}");
    }
    assert_eq!(server.position(), before);
}

#[test]
fn row_25_names_may_look_like_anything_and_are_kept_composed() {
    let server = Server::new();
    for (number, (sent, kept)) in [
        ("\u{202e}emca\u{202c}", "\u{202e}emca\u{202c}"),
        ("ac\u{200b}me", "ac\u{200b}me"),
        ("\u{430}cme", "\u{430}cme"),
        ("cafe\u{301}", "caf\u{e9}"),
    ]
    .into_iter()
    .enumerate()
    {
        let product = json!({ "id": format!("p{number}"), "displayName": sent });
        assert_eq!(server.post(PRODUCTS, &product)["displayName"], kept, "{sent:?}");
        let customer = json!({ "id": format!("c{number}"), "name": sent });
        assert_eq!(server.post("/api/v1/customers", &customer)["name"], kept, "{sent:?}");
        let changed = json!({ "name": format!("{sent} Inc.") });
        let path = format!("/api/v1/customers/c{number}");
        let changed = server.done("PATCH", &path, &changed);
        assert_eq!(changed["name"], format!("{kept} Inc."), "{sent:?}");
    }
    for spelling in ["cafe\u{301} Inc.", "caf\u{e9} Inc."] {
        let found = server.get(&format!("/api/v1/customers?name={}", encoded(spelling)));
        assert_eq!(found[0]["id"], "c3", "a filter finds either spelling: {spelling:?}");
    }
}

/// Ids have no letters beyond ASCII, so NFC and NFD are of one mind about them; case is not.
#[test]
fn row_26_a_path_finds_the_id_in_its_own_letters_only() {
    let server = world::example();
    for (id, expected) in [
        ("acme", "ok"),
        ("Acme", "404 customer_not_found"),
        ("ACME", "404 customer_not_found"),
        ("acme%20", "404 customer_not_found"),
    ] {
        let answer = server.call("GET", &format!("/api/v1/customers/{id}"), &Value::Null);
        assert_eq!(answer.verdict(), expected, "{id}");
    }
}

/// There is no dashboard and no CSV yet; answers are JSON, in which all of this is plain text.
#[test]
fn row_27_texts_of_other_languages_are_stored_as_they_are() {
    let server = Server::new();
    for (number, text) in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{7*7}}${7*7}#{7*7}",
        "=cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "../../etc/passwd",
        "%00%0d%0aSet-Cookie: a=b",
        "${jndi:ldap://x}",
        "\\u0000\\x1b[2J",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("p{number}");
        let body = json!({
            "id": id, "displayName": text, "description": text, "metadata": { "k": text },
        });
        let made = server.call("POST", PRODUCTS, &body);
        assert_eq!(made.verdict(), "ok", "{text}");
        assert_eq!(made.header("content-type"), Some("application/json"));
        let listed = server.get(&format!("{PRODUCTS}?id={id}"));
        for got in [&made.json()["data"], &listed[0]] {
            let texts = (&got["displayName"], &got["description"], &got["metadata"]["k"]);
            let text = &json!(text);
            assert_eq!(texts, (text, text, text));
        }
    }
    let lines = json!({ "id": "lines", "displayName": "L", "description": "a\r\nb: c\td" });
    assert_eq!(server.post(PRODUCTS, &lines)["description"], "a\r\nb: c\td");
}

/// Control characters reach neither a name nor a log.
#[test]
fn row_27_escapes_for_terminals_and_line_breaks_are_no_names() {
    let server = Server::new();
    for name in ["\u{1b}[31mred", "a\r\nSet-Cookie: a=b", "a\tb", "bell\u{7}"] {
        let verdict = named(&server, "p", name);
        assert_eq!(verdict, "422 invalid_string /displayName", "{name:?}");
    }
}

#[test]
fn row_28_a_filter_is_compared_and_never_run() {
    let server = world::example();
    let odd = r#"O'Neil" -- %_*.$[?(@.a)]"#;
    let body = json!({ "id": "odd", "name": odd, "email": "o'neil--%_@x.example" });
    server.post("/api/v1/customers", &body);
    let count = |path: &str, text: &str| {
        let found = server.get(&format!("{path}={}", encoded(text)));
        found.as_array().expect("it is a list").len()
    };
    assert_eq!(count("/api/v1/customers?name", odd), 1);
    assert_eq!(count("/api/v1/customers?email", "o'neil--%_@x.example"), 1);
    for fragment in [
        "' OR '1'='1",
        "\" OR 1=1 --",
        "%",
        "_cme",
        "*",
        "O'Neil%",
        "'; DROP TABLE customers; --",
        "$[*]",
        "$.id",
        "x' UNION SELECT key FROM keys --",
        "(SELECT 1)",
        "\\",
    ] {
        for filter in [
            "customers?name",
            "customers?email",
            "subscriptions?customerId",
            "subscriptions?planId",
            "subscriptions?resourceId",
            "plans?productId",
            "products?id",
            "features?id",
        ] {
            assert_eq!(count(&format!("/api/v1/{filter}"), fragment), 0, "{filter}={fragment}");
        }
        let path = format!("/api/v1/plans?status={}", encoded(fragment));
        let verdict = server.call("GET", &path, &Value::Null).verdict();
        assert_eq!(verdict, "400 invalid_parameter status", "{fragment}");
    }
    assert_eq!(server.get("/api/v1/customers").as_array().unwrap().len(), 2);
}

/// The one kind of address that callers can store; there are no URLs in requests yet.
#[test]
fn row_30_absurd_addresses_are_refused() {
    let server = world::example();
    let before = server.position();
    let long = format!("a@{}", "x".repeat(253));
    for email in [
        "x",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "a@b c",
        "a@b\u{a0}c",
        " a@b.example",
        "a@b.example\n",
        "a@b.example\u{0}",
        "<script>@",
        &long,
    ] {
        let body = json!({ "id": "new", "email": email });
        let answer = server.call("POST", "/api/v1/customers", &body);
        let verdict = answer.verdict();
        assert!(
            verdict.starts_with("422 ") && verdict.ends_with(" /email"),
            "{email:?}: {verdict}"
        );
    }
    assert_eq!(server.position(), before);
}

/// Chosen: JSON whatever `Accept` says. Nothing of the API has another form, and a client that
/// asked for a page reads the refusal too.
#[test]
fn row_32_the_answer_is_json_whatever_is_accepted() {
    let server = world::example();
    for accept in ["text/html", "text/html;q=1, application/json;q=0", "image/*", "", "a/b/c"] {
        for (path, status) in [
            ("/api/v1/customers/acme", 200),
            ("/api/v1/customers/nobody", 404),
            ("/api/nothing", 404),
        ] {
            let answer = server.request("GET", path).header("accept", accept).send();
            assert_eq!(answer.status, status, "{accept}: {path}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{accept}: {path}");
            assert!(answer.json().is_object(), "{accept}: {path}");
        }
    }
}

/// Whatever claims to be encoded is refused before it is looked at, also where it is not.
#[test]
fn row_34_no_encoding_of_a_body_is_undone() {
    let server = world::example();
    let before = server.position();
    for encodings in [
        &["br"][..],
        &["deflate"],
        &["zstd"],
        &["compress"],
        &["x-gzip"],
        &["gzip, gzip"],
        &["gzip", "gzip"],
        &["identity"],
        &["GZIP"],
        &[""],
        &["nonsense"],
    ] {
        for body in [&b"\x1f\x8b\x08"[..], br#"{"id":"a","displayName":"A"}"#] {
            let call = server.request("POST", PRODUCTS).raw(body);
            let call = encodings
                .iter()
                .fold(call, |call, encoding| call.header("content-encoding", encoding));
            assert_eq!(call.send().verdict(), "415 unsupported_media_type", "{encodings:?}");
        }
    }
    assert_eq!(server.position(), before);
}
