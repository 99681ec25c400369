//! The dashboard's frame: who gets in, what headers pages have, and the pattern of its screens.

use crate::browser::Browser;
use crate::support::Server;

const LIST: &str = "/e/production/credit-types";

#[test]
fn a_page_without_a_session_leads_to_the_sign_in_and_back() {
    let server = Server::new();
    let browser = Browser::new(&server);
    let answer = browser.get("/e/production/credit-types?status=archived");
    assert_eq!(answer.status, 303);
    let wanted = "/signin?next=%2Fe%2Fproduction%2Fcredit-types%3Fstatus%3Darchived";
    assert_eq!(answer.header("location"), Some(wanted));
}

#[test]
fn a_link_signs_in_once_and_within_the_hour() {
    let server = Server::new();
    let link = |token: &str| format!("/signin?token={token}");
    let token = server.sign_in_token();
    assert_eq!(Browser::new(&server).get(&link(&token)).status, 303);
    assert_eq!(Browser::new(&server).get(&link(&token)).status, 200, "it was used");
    let late = server.sign_in_token();
    server.advance(3_600);
    assert_eq!(Browser::new(&server).get(&link(&late)).status, 200, "it is too old");
    assert_eq!(Browser::new(&server).get(&link("guess")).status, 200);
}

#[test]
fn every_page_has_the_headers_that_keep_others_out() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    for path in [LIST, "/signin", "/nothing/here", "/e/nowhere/credit-types"] {
        let answer = browser.get(path);
        let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(!header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
    }
    assert_eq!(browser.get("/nothing/here").status, 404);
    assert_eq!(browser.get("/e/nowhere/credit-types").status, 404);
}

#[test]
fn assets_are_named_by_their_content_and_kept_for_ever() {
    let server = Server::new();
    let page = Browser::signed_in(&server).page(LIST);
    let assets: Vec<&str> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert!(assets.len() >= 3, "{assets:?}");
    let mut bytes = page.len();
    for path in assets.iter().collect::<std::collections::BTreeSet<_>>() {
        let answer = server.anonymous("GET", path).send();
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        bytes += answer.body.len();
        if path.ends_with(".js") {
            assert!(answer.body.len() < 10_000, "the script is small");
        }
    }
    assert!(bytes < 100_000, "a page with all it needs has {bytes} bytes");
    assert_eq!(server.anonymous("GET", "/assets/stipend-0000000000000000.css").send().status, 404);
}

#[test]
fn a_form_of_another_site_changes_nothing() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let page = browser.page("/e/production/new-credit-type");
    let token =
        page.split("name=\"_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.expect("every form has the token").to_owned();
    let position = server.position();
    let send = |token: &str, headers: &[(&str, &str)]| {
        let fields = [("_token", token), ("id", "tokens"), ("displayName", "Tokens")];
        let mut call = server
            .anonymous("POST", LIST)
            .header("cookie", &browser.cookie_line())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "stipend.test")
            .body(crate::browser::encode(&fields));
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call.send().status
    };
    assert_eq!(send("", &[]), 403);
    assert_eq!(send("wrong", &[]), 403);
    assert_eq!(send(&token, &[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(send(&token, &[("sec-fetch-site", "same-site")]), 403);
    assert_eq!(send(&token, &[("origin", "https://evil.test")]), 403);
    assert_eq!(send(&token, &[("origin", "null")]), 403);
    assert_eq!(server.position(), position, "nothing was written");
    assert_eq!(send(&token, &[("origin", "http://stipend.test")]), 303);
}

#[test]
fn signing_out_ends_the_session_for_whoever_has_its_cookie() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let thief = Browser::new(&server);
    let line = browser.cookie_line();
    let (name, id) = line.split_once('=').expect("there is a session");
    thief.set_cookie(name, id);
    assert_eq!(thief.get(LIST).status, 200);
    assert_eq!(browser.submit(LIST, "/signout", &[]).header("location"), Some("/signin"));
    assert_eq!(browser.cookie_line(), "");
    assert_eq!(thief.get(LIST).status, 303);
}

#[test]
fn a_session_ends_when_it_rests_and_when_it_is_old() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    server.advance(8 * 3_600 - 1);
    assert_eq!(browser.get(LIST).status, 200, "it was used in time");
    server.advance(8 * 3_600);
    assert_eq!(browser.get(LIST).status, 303, "it rested too long");
    let browser = Browser::signed_in(&server);
    for _ in 0..23 {
        server.advance(7 * 3_600);
        browser.page(LIST);
    }
    server.advance(7 * 3_600);
    assert_eq!(browser.get(LIST).status, 303, "a week is the most");
}

#[test]
fn a_credit_type_is_added_edited_archived_and_restored() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    assert!(browser.page(LIST).contains("No credit types yet"));
    let new = "/e/production/new-credit-type";
    let fields = [
        ("displayName", "API Credits"),
        ("id", "api-credits"),
        ("units/singular", "credit"),
        ("units/plural", "credits"),
    ];
    let page = browser.done(new, LIST, &fields);
    assert!(page.contains("API Credits was added."), "{page}");
    let path = "/e/production/credit-types/api-credits";
    let edit = [("displayName", "API credits"), ("symbol", "⚡"), ("description", "For calls")];
    let page = browser.done(&format!("{path}/edit"), path, &edit);
    assert!(page.contains("The credit type was saved."), "{page}");
    let credit_type =
        &server.call("GET", "/api/v1/credits/custom-currencies", &serde_json::Value::Null);
    let credit_type = &credit_type.json()["data"][0];
    assert_eq!(credit_type["symbol"], "⚡");
    assert_eq!(credit_type["units"]["plural"], "credits", "what the form left out stays");
    let archive = format!("{path}/archive");
    let page = browser.done(&archive, &archive, &[]);
    assert!(page.contains("API credits was archived."), "{page}");
    assert!(browser.page(&format!("{LIST}?status=archived")).contains("API credits"));
    let page = browser.done(path, &format!("{path}/unarchive"), &[]);
    assert!(page.contains("API credits was restored."), "{page}");
}

#[test]
fn a_refused_form_says_why_at_the_field_and_keeps_what_was_typed() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let new = "/e/production/new-credit-type";
    let check = |fields: &[(&str, &str)], at: &str, why: &str| {
        let answer = browser.submit(new, LIST, fields);
        let page = answer.text();
        assert_eq!(answer.status, 422, "{fields:?}: {page}");
        assert!(page.contains(&format!("id=\"f-{at}-trouble\"")), "{fields:?}: {page}");
        assert!(page.contains(why), "{fields:?}: {page}");
        assert!(page.contains("kept by the form"), "{fields:?}: {page}");
    };
    let kept = ("description", "kept by the form");
    check(&[kept, ("displayName", ""), ("id", "a")], "displayName", "must not be blank");
    check(&[kept, ("displayName", "A"), ("id", "a b")], "id", "is not an id");
    let one = ("units/singular", "one");
    check(&[kept, ("displayName", "A"), ("id", "a"), one], "units-plural", "is missing");
    browser.done(new, LIST, &[("displayName", "A"), ("id", "a")]);
    check(&[kept, ("displayName", "B"), ("id", "a")], "id", "taken");
}

#[test]
fn what_people_typed_is_text_and_nothing_else() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let fields = [("displayName", hostile), ("id", "x"), ("description", hostile)];
    let page = browser.done("/e/production/new-credit-type", LIST, &fields);
    for page in [page, browser.page(LIST), browser.page("/e/production/credit-types/x/edit")] {
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"), "{page}");
    }
}

#[test]
fn environments_share_nothing_and_the_address_says_which() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let sandbox = "/e/sandbox/credit-types";
    let fields = [("displayName", "Only here"), ("id", "only")];
    browser.done("/e/sandbox/new-credit-type", sandbox, &fields);
    assert!(browser.page(sandbox).contains("Only here"));
    assert!(!browser.page(LIST).contains("Only here"));
    assert_eq!(browser.get("/e/production/credit-types/only").status, 404);
}
