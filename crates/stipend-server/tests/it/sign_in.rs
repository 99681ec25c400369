//! Setting up the dashboard, signing in with a password, and who is kept out.

use crate::bad_input_sockets::{connect, rest};
use crate::browser::{Browser, encode};
use crate::support::{Answer, Listening, Server};
use std::io::Write as _;
use stipend_server::Limits;

const HOME: &str = "/e/production/credit-types";
const PASSWORD: &str = "violet kettle 9";

fn set_up(server: &Server) -> Browser<'_> {
    let browser = Browser::new(server);
    let token = server.set_up_token().expect("nobody has set it up");
    let fields = [("name", "maria"), ("password", PASSWORD), ("again", PASSWORD)];
    let page = format!("/setup?token={token}");
    assert_eq!(browser.submit(&page, "/setup", &fields).header("location"), Some("/"));
    browser
}

fn enter(browser: &Browser<'_>, name: &str, password: &str) -> Answer {
    browser.submit("/signin", "/signin", &[("name", name), ("password", password)])
}

#[test]
fn the_printed_link_makes_the_owner_once_and_signs_in() {
    let server = Server::new();
    let token = server.set_up_token().expect("nobody has set it up");
    let page = format!("/setup?token={token}");
    let browser = Browser::new(&server);
    let fields = [("name", "maria"), ("password", PASSWORD), ("again", PASSWORD)];
    browser.submit(&page, "/setup", &fields);
    browser.page(HOME);
    let log = browser.page("/e/production/activity-log");
    let set = "Password set: </span><time datetime=\"2026-01-31T00:00:00.000Z\"";
    assert!(log.contains(set), "as all other times: {log}");
    assert_eq!(server.set_up_token(), None);
    assert_eq!(Browser::new(&server).get(&page).header("location"), Some("/signin"));
    let fields = [("token", token.as_str()), ("name", "eve"), ("password", PASSWORD)];
    assert_eq!(Browser::new(&server).post_raw("/setup", &fields).status, 410);
    let other = Browser::new(&server);
    assert_eq!(enter(&other, "maria", PASSWORD).status, 303);
    other.page(HOME);
}

#[test]
fn without_the_link_nobody_becomes_the_owner() {
    let server = Server::new();
    let late = server.set_up_token().expect("nobody has set it up");
    server.advance(3_600);
    let sign_in = server.sign_in_token();
    for token in ["", "guess", &late, &sign_in] {
        let browser = Browser::new(&server);
        assert_eq!(browser.get(&format!("/setup?token={token}")).status, 410, "{token}");
        let fields =
            [("token", token), ("name", "eve"), ("password", PASSWORD), ("again", PASSWORD)];
        assert_eq!(browser.post_raw("/setup", &fields).status, 410, "{token}");
        assert_eq!(browser.get(HOME).status, 303, "{token}");
    }
}

#[test]
fn a_weak_password_is_refused_with_a_reason_and_never_shown_again() {
    let server = Server::new();
    let token = server.set_up_token().expect("nobody has set it up");
    let page = format!("/setup?token={token}");
    let check = |name: &str, password: &str, again: &str, at: &str| {
        let fields = [("name", name), ("password", password), ("again", again)];
        let answer = Browser::new(&server).submit(&page, "/setup", &fields);
        assert_eq!(answer.status, 422, "{password}");
        let text = answer.text();
        assert!(text.contains(&format!("id=\"f-{at}-trouble\"")), "{password}: {text}");
        assert!(!text.contains(&format!("value=\"{password}\"")), "{password}: {text}");
    };
    check("maria", "short 7", "short 7", "password");
    check("maria", "P@ssw0rd123", "P@ssw0rd123", "password");
    check("maria-teresa", "Maria-Teresa1", "Maria-Teresa1", "password");
    check("maria", PASSWORD, "violet kettle 8", "again");
    check(" ", PASSWORD, PASSWORD, "name");
    assert!(server.set_up_token().is_some(), "nobody was made");
}

#[test]
fn a_wrong_name_is_answered_as_a_wrong_password_is() {
    let server = Server::new();
    set_up(&server);
    let browser = Browser::new(&server);
    let texts = [("maria", "wrong horse 1"), ("nobody", PASSWORD)].map(|(name, password)| {
        let answer = enter(&browser, name, password);
        assert_eq!(answer.status, 422);
        answer.text().replace(name, "…")
    });
    assert_eq!(texts[0], texts[1]);
    assert_eq!(browser.cookie_line(), "");
}

#[test]
fn who_guesses_waits_longer_and_longer_and_the_right_password_waits_too() {
    let server = Server::new();
    set_up(&server);
    let browser = Browser::new(&server);
    for _ in 0..5 {
        assert_eq!(enter(&browser, "maria", "wrong horse 1").status, 422);
    }
    let answer = enter(&browser, "maria", PASSWORD);
    assert_eq!(answer.status, 429);
    assert!(answer.text().contains("Try again in 2 seconds"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("2"));
    server.advance(2);
    assert_eq!(enter(&browser, "maria", "wrong horse 1").status, 422);
    server.advance(3);
    let answer = enter(&browser, "maria", PASSWORD);
    assert_eq!(answer.status, 429, "the wait has doubled");
    assert_eq!(answer.header("retry-after"), Some("1"), "the rest of it");
    server.advance(1);
    assert_eq!(enter(&browser, "maria", PASSWORD).status, 303);
    let browser = Browser::new(&server);
    assert_eq!(enter(&browser, "maria", "wrong horse 1").status, 422, "it is forgotten");
}

#[test]
fn behind_a_proxy_who_guesses_keeps_the_owner_out_at_no_other_address() {
    let server = Server::new();
    set_up(&server);
    let check = |listening: &Listening, from: &str, password: &str, status: &str| {
        let body = encode(&[("name", "maria"), ("password", password)]);
        let request = format!(
            "POST /signin HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.9, {from}\r\n\
             content-type: application/x-www-form-urlencoded\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = connect(listening);
        stream.write_all(request.as_bytes()).expect("the server reads");
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{from}: {answer}");
    };
    let trusting = server.listen_behind_proxies();
    for _ in 0..5 {
        check(&trusting, "198.51.100.1", "wrong horse 1", "422");
    }
    check(&trusting, "198.51.100.1", PASSWORD, "429");
    check(&trusting, "198.51.100.2", PASSWORD, "303");
    let other = server.listen(Limits::default());
    for number in 0..5 {
        check(&other, &format!("198.51.100.{number}"), "wrong horse 1", "422");
    }
    check(&other, "198.51.100.9", PASSWORD, "429");
}

#[test]
fn every_sign_in_has_a_new_session_and_the_one_before_ends() {
    let server = Server::new();
    let browser = set_up(&server);
    let before = browser.cookie_line();
    let fields = [("name", "maria"), ("password", PASSWORD)];
    assert_eq!(browser.post_raw("/signin", &fields).status, 303);
    assert_ne!(browser.cookie_line(), before);
    let old = Browser::new(&server);
    let (name, id) = before.split_once('=').expect("there was a session");
    old.set_cookie(name, id);
    assert_eq!(old.get(HOME).status, 303);
}

#[test]
fn a_sign_in_leads_to_where_one_was_going_and_never_to_another_site() {
    let server = Server::new();
    set_up(&server);
    let check = |next: &str, expected: &str| {
        let fields = [("name", "maria"), ("password", PASSWORD), ("next", next)];
        let answer = Browser::new(&server).post_raw("/signin", &fields);
        assert_eq!(answer.header("location"), Some(expected), "{next}");
    };
    check(
        "/e/production/credit-types?status=archived",
        "/e/production/credit-types?status=archived",
    );
    check("", "/");
    check("https://evil.test/", "/");
    check("//evil.test/e/", "/");
    check("/e/\r\nSet-Cookie: a=b", "/");
    check("/e/\\evil", "/");
}

#[test]
fn the_cookie_is_out_of_reach_of_scripts_and_over_tls_of_other_hosts() {
    let server = Server::new();
    set_up(&server);
    let cookie = |origin: &str| {
        let fields = [("name", "maria"), ("password", PASSWORD)];
        let answer = server
            .anonymous("POST", "/signin")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "credits.test")
            .header("origin", origin)
            .body(crate::browser::encode(&fields))
            .send();
        assert_eq!(answer.status, 303, "{origin}");
        let line = answer.header("set-cookie").expect("there is a session").to_owned();
        let (pair, rest) = line.split_once(';').expect("it has attributes");
        (pair.to_owned(), rest.to_owned())
    };
    let (plain, rest) = cookie("http://credits.test");
    assert!(plain.starts_with("stipend="), "{plain}");
    assert_eq!(rest, " Path=/; HttpOnly; SameSite=Lax");
    let (secure, rest) = cookie("https://credits.test");
    assert!(secure.starts_with("__Host-stipend="), "{secure}");
    assert_eq!(rest, " Path=/; HttpOnly; SameSite=Lax; Secure");
    let check = |name: &str, id: &str, expected: u16| {
        let browser = Browser::new(&server);
        browser.set_cookie(name, id);
        assert_eq!(browser.get(HOME).status, expected, "{name}");
    };
    let id = secure.trim_start_matches("__Host-stipend=");
    check("__Host-stipend", id, 200);
    check("stipend", id, 303);
}

#[test]
fn a_new_password_ends_all_other_sessions() {
    let server = Server::new();
    let browser = set_up(&server);
    let other = Browser::new(&server);
    enter(&other, "maria", PASSWORD);
    let new = "amber teapot 4";
    let change = |current: &str| {
        let fields = [("current", current), ("password", new), ("again", new)];
        browser.submit("/account", "/account", &fields)
    };
    assert_eq!(change("wrong horse 1").status, 422);
    assert_eq!(other.get(HOME).status, 200);
    assert_eq!(change(PASSWORD).status, 303);
    assert_eq!(other.get(HOME).status, 303);
    browser.page(HOME);
    assert_eq!(enter(&other, "maria", PASSWORD).status, 422);
    assert_eq!(enter(&other, "maria", new).status, 303);
}

/// Whoever finds a screen that was left open guesses no faster there than at the door.
#[test]
fn who_guesses_the_current_password_waits_as_at_sign_in() {
    let server = Server::new();
    let browser = set_up(&server);
    let change = |current: &str, new: &str| {
        let fields = [("current", current), ("password", new), ("again", new)];
        browser.submit("/account", "/account", &fields)
    };
    for _ in 0..5 {
        assert_eq!(change("wrong horse 1", "amber teapot 4").status, 422);
    }
    let answer = change(PASSWORD, "amber teapot 4");
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert!(answer.text().contains("Try again in"), "{}", answer.text());
    assert_eq!(enter(&Browser::new(&server), "maria", PASSWORD).status, 429, "at the door too");
    server.advance(2);
    assert_eq!(change(PASSWORD, "short").status, 422, "the new one is refused");
    for _ in 0..5 {
        assert_eq!(change("wrong horse 1", "amber teapot 4").status, 422, "it is forgotten");
    }
    server.advance(2);
    assert_eq!(change(PASSWORD, "amber teapot 4").status, 303);
    assert_eq!(enter(&Browser::new(&server), "maria", "amber teapot 4").status, 303);
}

/// Neither a zero byte nor a length ends a password before its end.
#[test]
fn row_83_a_password_counts_to_its_last_byte() {
    let check = |password: &str, others: &[&str]| {
        let server = Server::new();
        let token = server.set_up_token().expect("nobody has set it up");
        let fields = [("name", "maria"), ("password", password), ("again", password)];
        let browser = Browser::new(&server);
        let made = browser.submit(&format!("/setup?token={token}"), "/setup", &fields);
        assert_eq!(made.status, 303, "{password:?}");
        let browser = Browser::new(&server);
        for other in others {
            assert_eq!(enter(&browser, "maria", other).status, 422, "{password:?} is no {other:?}");
        }
        assert_eq!(enter(&browser, "maria", password).status, 303, "{password:?}");
    };
    check("violet\0kettle 9", &["violet", "violet\0kettle 8", "violetkettle 9"]);
    let long = (0..40).map(|n| format!("kettle {n} ")).collect::<String>();
    check(&long, &[&long[..72], &long[..long.len() - 1]]);
    check("šafrán 紫色 🫖", &["safran 紫色 🫖", "šafrán 紫色 ", "ŠAFRÁN 紫色 🫖"]);
}

#[test]
fn row_83_a_form_that_is_too_large_is_refused_as_such() {
    let server = Server::new();
    set_up(&server);
    let browser = Browser::new(&server);
    let large = "p".repeat(1 << 20);
    let answer = enter(&browser, "maria", &large);
    assert_eq!(answer.status, 413);
    assert!(!answer.text().contains("ppp"), "it is not shown again");
    let long = "p".repeat(2_000);
    assert_eq!(enter(&browser, "maria", &long).status, 422, "it is a wrong one");
    assert_eq!(enter(&browser, "maria", &"p".repeat(20_000)).status, 413, "nobody has such a one");
    assert_eq!(enter(&browser, "maria", PASSWORD).status, 303);
}

/// What anybody may send is small, and refused by its length before any of it has come; so is what
/// nobody could use.
#[test]
fn row_83_of_what_anybody_may_send_little_is_read() {
    let server = Server::new();
    let listening = server.listen(Limits::default());
    let check = |path: &str, length: &str, status: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\n{length}\r\n"
        );
        let mut stream = connect(&listening);
        stream.write_all(head.as_bytes()).expect("the server reads");
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    };
    for path in ["/signin", "/setup"] {
        check(path, "content-length: 20000\r\n", "413");
    }
    check("/account", "content-length: 200000\r\n", "303");
    check("/e/production/customers", "content-length: 200000\r\n", "303");
    let whole = "p".repeat(20_000);
    check("/signin", &format!("transfer-encoding: chunked\r\n\r\n4e20\r\n{whole}\r\n0\r\n"), "413");
    set_up(&server);
    check("/setup", "content-length: 20000\r\n", "410");
}

#[test]
fn large_forms_share_the_room_of_all_bodies_and_small_ones_need_none() {
    let server = Server::new().with_limits(Limits { body_bytes_max: 0, ..Limits::default() });
    let browser = Browser::signed_in(&server);
    let position = server.position();
    let send = |length: usize| {
        let fields = [("id", "acme"), ("name", "Acme"), ("more", &*"x".repeat(length))];
        browser.submit("/e/production/new-customer", "/e/production/customers", &fields)
    };
    let answer = send(20_000);
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.text().contains("Too much to do at the moment"), "{}", answer.text());
    assert_eq!(server.position(), position);
    assert_eq!(send(10_000).status, 303);
}

/// Where the table says 401, a browser is sent to sign in.
#[test]
fn row_84_a_session_that_is_made_up_is_none() {
    let server = Server::new();
    let browser = set_up(&server);
    let line = browser.cookie_line();
    let (name, id) = line.split_once('=').expect("there is a session");
    let last = if id.ends_with('0') { "1" } else { "0" };
    let changed = format!("{}{last}", &id[..id.len() - 1]);
    let position = server.position();
    for made_up in ["", "0", &changed, &id[1..], &format!("{id}0"), &id.to_uppercase(), "%00"] {
        if made_up == id {
            continue;
        }
        let other = Browser::new(&server);
        other.set_cookie(name, made_up);
        let answer = other.get(HOME);
        assert_eq!(answer.status, 303, "{made_up}");
        assert!(answer.header("location").is_some_and(|to| to.starts_with("/signin")), "{made_up}");
        let fields = [("id", "tokens"), ("displayName", "Tokens")];
        let answer = other.post_raw(HOME, &fields);
        assert_eq!(answer.status, 303, "{made_up}");
        assert!(answer.header("location").is_some_and(|to| to.starts_with("/signin")), "{made_up}");
    }
    assert_eq!(server.position(), position, "nothing was written");
    browser.page(HOME);
}

/// Where somebody whose session has ended is led by a form, and what is there after signing in.
#[test]
fn who_sends_a_form_too_late_comes_back_to_the_page_that_it_stood_on() {
    let server = Server::new();
    let browser = set_up(&server);
    let action = "/e/production/plans/pro/draft";
    let check = |referer: Option<&str>, expected: &str| {
        let call = server.anonymous("POST", action).header("host", "stipend.test");
        let call = call.header("content-type", "application/x-www-form-urlencoded");
        let call = referer.into_iter().fold(call, |call, from| call.header("referer", from));
        let answer = call.body("_token=old").send();
        assert_eq!(answer.status, 303, "{referer:?}");
        assert_eq!(answer.header("location"), Some(expected), "{referer:?}");
    };
    let page = "/signin?next=%2Fe%2Fproduction%2Fplans%2Fpro%3Fa%3Db";
    check(Some("http://stipend.test/e/production/plans/pro?a=b"), page);
    check(Some("https://stipend.test/e/production/plans/pro?a=b"), page);
    check(Some("http://elsewhere.test/e/production/plans/pro"), "/signin");
    check(Some("http://stipend.test"), "/signin");
    check(Some("stipend.test/e/production/plans/pro"), "/signin");
    check(Some("http://stipend.test/signin?next=%2Fe%2F"), "/signin");
    check(None, "/signin");
    let asked = server.anonymous("GET", HOME).send();
    assert_eq!(asked.header("location"), Some("/signin?next=%2Fe%2Fproduction%2Fcredit-types"));
    let answer = browser.get(action);
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("allow"), Some("POST"));
    assert!(answer.text().contains("This address takes forms only"), "{}", answer.text());
}
