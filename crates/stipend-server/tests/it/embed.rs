//! The credits of a customer as its own browser sees them: tokens and what they open, the page, the
//! data and the module.

use crate::browser::Browser;
use crate::support::{Answer, KEY, Server};
use crate::world;
use serde_json::{Value, json};
use stipend_engine::{ApiKey, Command, PRODUCTION, Reply};

const DATA: &str = "/embed/credit-balance.json";
const APP: &str = "https://app.example.com";
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

fn tokens(customer: &str) -> String {
    format!("/api/v1/customers/{customer}/credit-balance-tokens")
}

fn token(server: &Server, customer: &str, body: &Value) -> String {
    server.post(&tokens(customer), body)["token"].as_str().expect("it is a text").to_owned()
}

fn see(server: &Server, token: &str) -> Answer {
    server.anonymous("GET", DATA).header("authorization", &format!("Bearer {token}")).send()
}

fn page(server: &Server, query: &str) -> Answer {
    server.anonymous("GET", &format!("/embed/credit-balance{query}")).send()
}

/// The balances that a token shows, as `credit type [resource] balance`.
fn balances(server: &Server, token: &str) -> Vec<String> {
    let answer = see(server, token);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json()["data"]["balances"].clone();
    let told = told.as_array().expect("it is a list").iter().map(|one| {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let (currency, resource) = (text(&one["currency"]["currencyId"]), text(&one["resourceId"]));
        format!("{currency} {resource} {}", text(&one["balance"]))
    });
    told.collect()
}

#[test]
fn a_token_is_asked_for_strictly() {
    let server = world::full();
    let before = server.position();
    let check = |customer: &str, body: &str, expected: &str| {
        let call = server.request("POST", &tokens(customer));
        let call = if body.is_empty() { call } else { call.raw(body.to_owned()) };
        assert_eq!(call.send().verdict(), expected, "{customer} {body}");
    };
    check("acme", "", "ok");
    check("acme", "{}", "ok");
    check("acme", r#"{"expiresInSeconds":1}"#, "ok");
    check("acme", r#"{"expiresInSeconds":86400}"#, "ok");
    check("acme", r#"{"expiresInSeconds":0}"#, "422 must_be_positive /expiresInSeconds");
    check("acme", r#"{"expiresInSeconds":86401}"#, "422 invalid_value /expiresInSeconds");
    check("acme", r#"{"expiresInSeconds":1.5}"#, "422 invalid_number /expiresInSeconds");
    check("acme", r#"{"expiresInSeconds":null}"#, "422 invalid_type /expiresInSeconds");
    check("acme", r#"{"expires":60}"#, "422 unknown_field /expires");
    check("acme", r#"{"currencyId":"api-credits","resourceId":"taken"}"#, "ok");
    check("acme", r#"{"currencyId":"nothing"}"#, "404 currency_not_found");
    check("acme", r#"{"currencyId":"<b>"}"#, "422 invalid_id /currencyId");
    check("acme", r#"{"resourceId":"nothing"}"#, "404 resource_not_found");
    check("nobody", "", "404 customer_not_found");
    check("gone", "", "409 customer_archived");
    let elsewhere = server.in_sandbox("POST", &tokens("acme")).send().verdict();
    assert_eq!(elsewhere, "404 customer_not_found", "a customer of another environment");
    assert_eq!(server.position(), before, "nothing is kept of a token");
}

/// Good from when it is made up to its end, and not at it.
#[test]
fn a_token_is_good_up_to_its_end_and_not_at_it() {
    let server = world::example();
    let token = token(&server, "acme", &json!({ "expiresInSeconds": 60 }));
    for (clock, expected) in [
        ("2026-01-31T00:00:00Z", 200),
        ("2026-01-31T00:00:59.999999Z", 200),
        ("2026-01-31T00:01:00Z", 401),
        ("2026-01-31T00:01:00.000001Z", 401),
        ("2027-01-31T00:00:00Z", 401),
    ] {
        server.set_clock(clock);
        assert_eq!(see(&server, &token).status, expected, "{clock}");
        assert_eq!(page(&server, &format!("?token={token}")).status, expected, "{clock}");
    }
}

#[test]
fn the_data_take_no_parameters() {
    let server = world::full();
    let token = format!("Bearer {}", token(&server, "acme", &json!({})));
    let check = |query: &str, expected: &str| {
        let call = server.anonymous("GET", &format!("{DATA}{query}"));
        let answer = call.header("authorization", &token).send();
        assert_eq!(answer.verdict(), expected, "{query}");
    };
    check("", "ok");
    check("?", "ok");
    check("?customerId=globex", "400 unknown_parameter customerId");
    check("?theme=dark", "400 unknown_parameter theme");
    check("?token=x", "400 unknown_parameter token");
    check("?=", "400 unknown_parameter");
}

#[test]
fn a_token_shows_its_customer_and_of_it_what_it_was_made_for() {
    let server = world::full();
    world::grant(&server, "bob", &json!({ "amount": 5 }));
    let check = |customer: &str, body: Value, expected: &[&str]| {
        let token = token(&server, customer, &body);
        assert_eq!(balances(&server, &token), expected, "{customer} {body}");
    };
    let (own, other) = ("api-credits - 80000", "api-credits taken 50000");
    check("acme", json!({}), &[own, other]);
    check("acme", json!({ "currencyId": "api-credits" }), &[own, other]);
    check("acme", json!({ "resourceId": "taken" }), &[other]);
    check("acme", json!({ "currencyId": "old-credits" }), &[]);
    check("bob", json!({}), &["api-credits - 5"]);
}

/// Whatever is wrong with it, the answer is the same one.
#[test]
fn a_token_that_is_not_good_says_not_why() {
    let server = world::full();
    let good = token(&server, "acme", &json!({}));
    let archived = token(&server, "bob", &json!({}));
    server.post("/api/v1/customers/bob/archive", &Value::Null);
    let second = Command::OpenProduction(ApiKey::new("sk_stipend_second"));
    assert_eq!(server.engine().submitter().run(PRODUCTION, second), Ok(Reply::Done));
    let mut flipped = good.clone().into_bytes();
    let last = flipped.len() - 1;
    flipped[last] = if flipped[last] == b'0' { b'1' } else { b'0' };
    let flipped = String::from_utf8(flipped).expect("it is ASCII");
    let short = token(&server, "acme", &json!({ "expiresInSeconds": 1 }));
    server.advance(1);
    let ask = |authorization: &str| {
        let call = server.anonymous("GET", DATA).header("x-request-id", "same");
        call.header("authorization", authorization).send()
    };
    assert_eq!(ask(&format!("Bearer {good}")).status, 200);
    assert_eq!(ask(&format!("bearer {good}")).status, 200, "schemes have no case");
    let expected = ask("Bearer nothing");
    assert_eq!(expected.verdict(), "401 unauthenticated");
    for wrong in [&archived, &flipped, &short, KEY, "", &format!("{good} ")] {
        let answer = ask(&format!("Bearer {wrong}"));
        assert_eq!((answer.status, answer.text()), (401, expected.text()), "{wrong}");
        let shown = page(&server, &format!("?token={}", wrong.trim()));
        if wrong.trim() != good {
            assert_eq!(shown.status, 401, "{wrong}");
            assert_eq!(shown.text(), page(&server, "").text(), "{wrong}");
        }
    }
    for wrong in [good.clone(), format!("Basic {good}"), format!("Bearer  {good}")] {
        assert_eq!(ask(&wrong).status, 401, "{wrong}");
    }
    let twice = server.anonymous("GET", DATA).header("authorization", &format!("Bearer {good}"));
    let twice = twice.header("authorization", &format!("Bearer {good}")).send();
    assert_eq!(twice.status, 401);
}

#[test]
fn a_token_opens_nothing_else() {
    let server = world::example();
    let token = token(&server, "acme", &json!({}));
    for (method, path) in [
        ("GET", "/api/v1/customers/acme".to_owned()),
        ("GET", "/api/v1/customers/acme/credits/explain?currencyId=api-credits".to_owned()),
        ("POST", tokens("acme")),
    ] {
        let call = server.anonymous(method, &path).header("x-api-key", &token);
        assert_eq!(call.send().verdict(), "401 unauthenticated", "{path}");
        let bearer = format!("Bearer {token}");
        let call = server.anonymous(method, &path).header("authorization", &bearer);
        assert_eq!(call.send().verdict(), "401 unauthenticated", "{path}");
    }
    let with_key = server.request("GET", DATA).send();
    assert_eq!(with_key.verdict(), "401 unauthenticated", "a key is no token");
}

#[test]
fn a_token_ends_with_the_key_that_made_it() {
    let server = world::example();
    server
        .engine()
        .submitter()
        .run(PRODUCTION, Command::CreateKey(ApiKey::new("sk_other")))
        .expect("it is new");
    let ask = server.anonymous("POST", &tokens("acme")).header("x-api-key", "sk_other").send();
    let theirs = ask.json()["data"]["token"].as_str().expect("it is a text").to_owned();
    let ours = token(&server, "acme", &json!({}));
    assert_eq!(see(&server, &theirs).status, 200);
    let keys = server.engine().api_keys(PRODUCTION);
    let number = keys.last().expect("it was made").number;
    server.engine().submitter().run(PRODUCTION, Command::RevokeKey(number)).expect("it is there");
    assert_eq!(see(&server, &theirs).verdict(), "401 unauthenticated");
    assert_eq!(see(&server, &ours).status, 200);
}

/// Two servers with different data, and the same ids in both.
#[test]
fn a_token_of_another_environment_is_that_environments() {
    let server = world::example();
    let made = server.in_sandbox("POST", "/api/v1/customers").json(&json!({ "id": "acme" })).send();
    assert_eq!(made.verdict(), "ok");
    let answer = server.in_sandbox("POST", &tokens("acme")).send();
    let token = answer.json()["data"]["token"].as_str().expect("it is a text").to_owned();
    assert!(balances(&server, &token).is_empty(), "that one has no credits");
}

#[test]
fn the_figures_are_those_of_the_explanation() {
    let server = world::example();
    server.post("/api/v1/credits/consumption", &world::usage("acme", "one", 12_000));
    let mut exact = world::usage("acme", "two", 1);
    exact["amount"] = serde_json::from_str("0.000000001").expect("it is a number");
    server.post("/api/v1/credits/consumption", &exact);
    let told = server.get("/api/v1/customers/acme/credits/explain?currencyId=api-credits");
    let seen = see(&server, &token(&server, "acme", &json!({}))).json()["data"]["balances"].clone();
    assert_eq!(seen[0]["balance"], "67999.999999999");
    for (one, other) in [("balance", "balance"), ("granted", "totalGranted"), ("used", "totalUsed")]
    {
        assert_eq!(seen[0][one].as_str(), Some(told[other].to_string().as_str()), "{one}");
    }
    let remaining = |grants: &Value, text: fn(&Value) -> String| {
        let grants = grants.as_array().expect("it is a list");
        grants.iter().map(|grant| text(&grant["remaining"])).collect::<Vec<_>>()
    };
    let seen_grants =
        remaining(&seen[0]["grants"], |one| one.as_str().unwrap_or_default().to_owned());
    assert_eq!(seen_grants, remaining(&told["grants"], Value::to_string), "in burn order");
}

#[test]
fn what_can_be_drawn_is_told_before_what_is_used_up() {
    let server = world::example();
    for number in 0..30 {
        let ahead = json!({ "amount": 1, "priority": 0, "displayName": format!("Bonus {number}") });
        world::grant(&server, "acme", &ahead);
    }
    server.post("/api/v1/credits/consumption", &world::usage("acme", "all", 30));
    let seen = see(&server, &token(&server, "acme", &json!({}))).json()["data"]["balances"].clone();
    let grants = seen[0]["grants"].as_array().expect("it is a list");
    let told: Vec<String> = grants
        .iter()
        .map(|one| format!("{} {}", one["displayName"], one["remaining"]).replace('"', ""))
        .collect();
    assert_eq!(told[..4], ["growth 50000", "extra × 3 30000", "Bonus 0 0", "Bonus 1 0"]);
    assert_eq!((told.len(), &seen[0]["moreGrants"]), (20, &json!(12)));
}

#[test]
fn the_page_shows_balance_use_and_grants() {
    let server = world::example();
    server.post("/api/v1/credits/consumption", &world::usage("acme", "one", 12_000));
    let url = server.post(&tokens("acme"), &json!({}))["url"].as_str().unwrap().to_owned();
    let answer = server.anonymous("GET", &url).send();
    assert_eq!(answer.status, 200);
    let page = crate::dashboard_customers::text(&answer.text());
    for text in [
        "68,000 left",
        "12,000 of 80,000 used",
        "80,000 more come on 28 Feb 2026",
        "68,000 expire on 28 Feb 2026",
        "growth 38,000 of 50,000 left until 28 Feb 2026",
        "extra × 3 30,000 of 30,000 left until 28 Feb 2026",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let whole = answer.text();
    assert!(!whole.contains("<script") && !whole.contains("style=\""), "{whole}");
    assert!(whole.contains("aria-label=\"12,000 of 80,000 used\""), "{whole}");
    assert!(whole.len() < 30_000);
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'self'",
        ),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert_eq!(answer.header("x-frame-options"), None, "it would forbid what the policy allows");
}

#[test]
fn the_page_takes_a_token_and_a_theme_and_nothing_else() {
    let server = world::example();
    let token = token(&server, "acme", &json!({}));
    for (more, expected) in [
        ("", 200),
        ("&theme=auto", 200),
        ("&theme=light", 200),
        ("&theme=dark", 200),
        ("&theme=Dark", 400),
        ("&theme=", 400),
        ("&theme=red;}", 400),
        ("&theme=dark&theme=dark", 400),
        ("&token=x", 400),
        ("&style=x", 400),
    ] {
        let answer = page(&server, &format!("?token={token}{more}"));
        assert_eq!(answer.status, expected, "{more}");
        assert!(answer.header("content-security-policy").is_some(), "{more}");
    }
    let dark = page(&server, &format!("?token={token}&theme=dark")).text();
    assert!(dark.contains("data-theme=\"dark\""), "{dark}");
    assert_eq!(page(&server, "").status, 401);
}

#[test]
fn a_customer_without_credits_is_told_so() {
    let server = world::full();
    let token = token(&server, "bob", &json!({}));
    let answer = page(&server, &format!("?token={token}"));
    assert!(answer.text().contains("No credits yet."), "{}", answer.text());
}

#[test]
fn names_stay_texts_and_what_is_private_is_not_told() {
    let server = world::full();
    let rename = json!({ "displayName": HOSTILE, "metadata": { "internal": "m4rgin" } });
    server.done("PATCH", "/api/v1/credits/custom-currencies/api-credits", &rename);
    let fields = json!({
        "displayName": HOSTILE, "comment": "s3cret reason", "metadata": { "internal": "m4rgin" },
    });
    world::grant(&server, "bob", &fields);
    let token = token(&server, "bob", &json!({}));
    let html = page(&server, &format!("?token={token}")).text();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    let data = see(&server, &token).text();
    for text in [html, data] {
        assert!(!text.contains("s3cret") && !text.contains("m4rgin"), "{text}");
    }
}

#[test]
fn sites_that_are_named_may_read_and_frame_and_others_may_not() {
    let server = world::example().with_embed_origins(&[APP, "https://*.example.org"]);
    let token = token(&server, "acme", &json!({}));
    let ask = |origin: &str, token: &str| {
        let call = server.anonymous("GET", DATA).header("origin", origin);
        call.header("authorization", &format!("Bearer {token}")).send()
    };
    let preflight = |origin: &str| {
        let call = server.anonymous("OPTIONS", DATA).header("origin", origin);
        let call = call.header("access-control-request-method", "GET");
        call.header("access-control-request-headers", "authorization").send()
    };
    let allowed =
        |answer: &Answer| answer.header("access-control-allow-origin").map(ToOwned::to_owned);
    for origin in [APP, "https://a.example.org"] {
        assert_eq!(allowed(&ask(origin, &token)).as_deref(), Some(origin));
        assert_eq!(
            allowed(&ask(origin, "wrong")).as_deref(),
            Some(origin),
            "refusals are read too"
        );
        let answer = preflight(origin);
        assert_eq!((answer.status, allowed(&answer).as_deref()), (200, Some(origin)));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    for origin in ["https://evil.example", "https://example.org", "null", "http://app.example.com"]
    {
        assert_eq!(allowed(&ask(origin, &token)), None, "{origin}");
        assert_eq!(allowed(&preflight(origin)), None, "{origin}");
    }
    assert!(ask(APP, &token).header("vary").is_some_and(|vary| vary.contains("origin")));
    let policy = page(&server, "").header("content-security-policy").unwrap().to_owned();
    assert!(
        policy.ends_with("frame-ancestors 'self' https://app.example.com https://*.example.org")
    );
    let api = server.anonymous("GET", "/api/v1/products").header("origin", APP).send();
    assert_eq!(allowed(&api), None, "the API is for servers");
}

#[test]
fn the_module_is_small_kept_for_a_while_and_for_every_site() {
    let server = world::example();
    let answer = server.anonymous("GET", "/embed/credit-balance.js").send();
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() < 6_000, "{}", answer.body.len());
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    let tag = answer.header("etag").expect("it has a tag").to_owned();
    let again = |tag: &str| {
        let call = server.anonymous("GET", "/embed/credit-balance.js");
        call.header("if-none-match", tag).send()
    };
    for same in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = again(&same);
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{same}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(again("\"other\"").status, 200);
    let text = answer.text();
    assert!(!text.contains("innerHTML") && !text.contains("eval("), "texts stay texts");
}

#[test]
fn the_dashboard_previews_what_the_customer_sees() {
    let server = world::full();
    let browser = Browser::signed_in(&server);
    let credits = browser.page("/e/production/customers/acme/credits");
    let embed = "/e/production/customers/acme/credits/embed";
    assert!(credits.contains(&format!("href=\"{embed}\"")), "{credits}");
    let page = browser.page(embed);
    assert!(page.contains("/api/v1/customers/acme/credit-balance-tokens"), "{page}");
    assert!(page.contains("--embed-origins"), "it says how to name sites: {page}");
    let shown = browser.done(embed, embed, &[]);
    assert!(shown.contains("80,000"), "{shown}");
    let forged = browser.post_raw(embed, &[]);
    assert_eq!(forged.status, 403, "a form of another page");
    let archived = browser.page("/e/production/customers/gone/credits/embed");
    assert!(!archived.contains("Preview"), "{archived}");
}
