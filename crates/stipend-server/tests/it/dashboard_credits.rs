//! The dashboard's answers to "why this balance?": credits, grants, ledger, decisions, entitlements
//! and activity of a customer.

use crate::browser::{Browser, encode};
use crate::dashboard_customers::text;
use crate::support::Server;
use crate::world;
use serde_json::json;

const ACME: &str = "/e/production/customers/acme";
const CREDITS: &str = "/e/production/customers/acme/credits";
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

fn consume(server: &Server, key: &str, amount: u32) {
    server.post("/api/v1/credits/consumption", &world::usage("acme", key, amount));
}

#[test]
fn the_credits_say_how_much_is_left_and_where_it_comes_from() {
    let server = world::example();
    consume(&server, "one", 12_000);
    let browser = Browser::signed_in(&server);
    let page = text(&browser.page(CREDITS));
    assert!(page.contains("68,000 left of 80,000 Credits"), "{page}");
    assert!(page.contains("80,000 granted − 12,000 used = 68,000"), "{page}");
    assert!(page.contains("growth Plan 50,000 a month 50,000"), "{page}");
    assert!(page.contains("extra Add-on, increments 10,000 × 3 a month 30,000"), "{page}");
    assert!(page.contains("In total a month 80,000"), "{page}");
    assert!(page.contains("At the pace of the last seven days, about"), "{page}");
    assert!(page.contains("12,000 credits used, by feature, each day"), "{page}");
    assert!(page.contains("Consumed directly 12,000"), "{page}");
}

#[test]
fn an_override_shows_what_it_displaced() {
    let server = world::example();
    world::package(&server, "addons", "tier", "api", None);
    let entitlement = json!({ "entitlements": [{
        "type": "CREDIT", "id": "api-credits", "amount": 500_000, "cadence": "MONTH",
        "behavior": "Override",
    }] });
    server.post("/api/v1/addons/tier/entitlements", &entitlement);
    world::publish(&server, "addons", "tier");
    server.post("/api/v1/plans/growth/draft", &serde_json::Value::Null);
    let compatible = json!({ "compatibleAddonIds": ["extra", "tier"] });
    server.done("PATCH", "/api/v1/plans/growth", &compatible);
    world::publish(&server, "plans", "growth");
    world::customer(&server, "bob");
    let browser = Browser::signed_in(&server);
    let subscribe = "/e/production/customers/bob/subscribe";
    let fields = [("planId", "growth"), ("addons/extra", "3"), ("addons/tier", "1")];
    browser.done(subscribe, subscribe, &fields);
    let html = browser.page("/e/production/customers/bob/credits");
    let page = text(&html);
    assert!(page.contains("500,000 left of 500,000"), "{page}");
    assert!(page.contains("Displaced: tier overrides the plan and its increments"), "{page}");
    assert!(page.contains("tier Add-on, overrides 500,000 × 1 a month 500,000"), "{page}");
    assert_eq!(html.matches("data-displaced").count(), 2, "plan and increment");
    assert!(html.contains("<s><span class=\"amount\">50,000</span></s>"), "{html}");
}

#[test]
fn an_adjustment_is_reviewed_before_it_counts_and_counts_once() {
    let server = world::example();
    let browser = Browser::signed_in(&server);
    let adjust = format!("{CREDITS}/adjust");
    let page = browser.page(&adjust);
    let once = page.split("name=\"once\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let once = once.expect("the form counts once").to_owned();
    let position = server.position();
    let fields = [
        ("once", once.as_str()),
        ("currencyId", "api-credits"),
        ("grantType", "PROMOTIONAL"),
        ("amount", "2,500"),
        ("priority", "20"),
        ("comment", "For the outage"),
    ];
    let with = |what: &str| {
        let mut all = fields.to_vec();
        all.push(("do", what));
        // The page's own hidden field comes first, so this one is left out of what is sent.
        all.retain(|(name, _)| *name != "once");
        all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
    };
    let send = |what: &str, key: &str| {
        let token = page.split("name=\"_token\" value=\"").nth(1).expect("a token");
        let token = token.split('"').next().expect("it ends").to_owned();
        let mut all = with(what);
        all.push(("_token".to_owned(), token));
        all.push(("once".to_owned(), key.to_owned()));
        let all: Vec<(&str, &str)> = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        browser.post_raw(&adjust, &all)
    };
    let review = text(&send("review", &once).text());
    assert!(review.contains("Confirm the adjustment"), "{review}");
    let balances = "Previous balance 80,000 Promotional + 2,500 New balance 82,500";
    assert!(review.contains(balances), "{review}");
    assert!(review.contains("Reason For the outage"), "{review}");
    assert_eq!(server.position(), position, "a review changes nothing");
    for _ in 0..2 {
        assert_eq!(send("confirm", &once).status, 303);
    }
    assert_eq!(server.balance("acme"), (82_500, 0), "it counts once");
    let page = text(&browser.page(CREDITS));
    assert!(
        page.contains("1 Promotion Promotional “For the outage” Active 2,500 of 2,500"),
        "{page}"
    );
    assert!(page.contains("20 lower goes first"), "{page}");
    assert_eq!(send("confirm", "another").status, 303);
    assert_eq!(server.balance("acme"), (85_000, 0), "another form is another grant");
}

#[test]
fn an_adjustment_that_is_refused_says_why_at_its_field() {
    let server = world::example();
    let browser = Browser::signed_in(&server);
    let adjust = format!("{CREDITS}/adjust");
    let long = "x".repeat(201);
    let check = |field: &str, value: &str, at: &str| {
        let mut fields = vec![("currencyId", "api-credits"), ("grantType", "PAID")];
        if field != "amount" {
            fields.push(("amount", "5"));
        }
        fields.push((field, value));
        fields.push(("do", "review"));
        let answer = browser.submit(&adjust, &adjust, &fields);
        let page = answer.text();
        assert_eq!(answer.status, 422, "{field}: {page}");
        assert!(page.contains(&format!("id=\"f-{at}-trouble\"")), "{field}: {page}");
    };
    check("amount", "0", "amount");
    check("amount", "-5", "amount");
    check("amount", "1e400", "amount");
    check("amount", "NaN", "amount");
    check("amount", "0.0000000001", "amount");
    check("amount", "", "amount");
    check("amount", "1_000", "amount");
    check("amount", "+1", "amount");
    check("priority", "1,5", "priority");
    check("priority", "101", "priority");
    check("expireAt", "2020-01-01T00:00", "expireAt");
    check("effectiveAt", "soon", "effectiveAt");
    check("comment", &long, "comment");
    let comma = [("currencyId", "api-credits"), ("grantType", "PAID"), ("amount", "1,5")];
    let page = text(&browser.submit(&adjust, &adjust, &comma).text());
    let how = "Write a number in digits, with a point before decimals: 1500, 1,500 or 1.5.";
    assert!(page.contains(how), "{page}");
    let gift = [
        ("currencyId", "api-credits"),
        ("grantType", "PROMOTIONAL"),
        ("amount", "5"),
        ("cost/amount", "100"),
        ("cost/currency", "usd"),
        ("do", "review"),
    ];
    let answer = browser.submit(&adjust, &adjust, &gift);
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(page.contains("id=\"f-cost-amount-trouble\""), "{page}");
    assert!(page.contains("a gift has no price"), "{page}");
}

#[test]
fn a_grant_is_voided_after_the_page_said_what_that_means() {
    let server = world::example();
    let grant = world::grant(&server, "acme", &json!({ "amount": 500 }));
    let browser = Browser::signed_in(&server);
    let void = format!("{CREDITS}/grants/{grant}/void");
    assert!(browser.page(CREDITS).contains(&void));
    let page = text(&browser.page(&void));
    assert!(page.contains("Taken back 500 Credits"), "{page}");
    assert!(page.contains("Balance 80,500 → 80,000"), "{page}");
    let page = browser.done(&void, &void, &[]);
    assert!(page.contains("Gift was voided."), "{page}");
    assert_eq!(server.balance("acme"), (80_000, 0));
    assert_eq!(browser.get(&void).status, 404);
    let all = text(&browser.page(&format!("{CREDITS}/grants?currency=api-credits")));
    assert!(all.contains("Gift Promotional Voided"), "{all}");
    let elsewhere = format!("/e/production/customers/bob/credits/grants/{grant}/void");
    world::customer(&server, "bob");
    assert_eq!(browser.get(&elsewhere).status, 404, "a grant of another customer");
}

#[test]
fn each_use_in_the_ledger_leads_to_its_explanation() {
    let server = world::example();
    world::grant(&server, "acme", &json!({ "amount": 100, "priority": 10 }));
    consume(&server, "one", 250);
    let browser = Browser::signed_in(&server);
    let page = browser.page(CREDITS);
    let link = page.split("href=\"").find(|rest| rest.contains("/decisions/"));
    let link = link.and_then(|rest| rest.split('"').next()).expect("a link to the decision");
    let why = text(&browser.page(link));
    assert!(why.contains("Cost 250 Credits"), "{why}");
    assert!(why.contains("Why it was its turn"), "{why}");
    assert!(why.contains("Who API key …test"), "{why}");
    assert!(why.contains("Gift"), "{why}");
    let elsewhere = link.replace("/acme/", "/bob/");
    world::customer(&server, "bob");
    assert_eq!(browser.get(&elsewhere).status, 404, "another customer's decision");
    let ledger = text(&browser.page(&format!("{CREDITS}/ledger?type=used")));
    assert!(ledger.contains("Used \u{2212}100 Gift API key …test"), "{ledger}");
    let rows = ledger.split("Explanation").nth(1).unwrap_or_default();
    assert!(!rows.contains("Granted"), "{ledger}");
    assert!(browser.page(&format!("{CREDITS}/ledger?type=expired")).contains("Nothing matches"));
}

#[test]
fn the_ledger_names_who_did_it_and_grants_that_have_ended_with_their_time() {
    let server = world::example();
    consume(&server, "one", 79_000);
    consume(&server, "two", 2_500);
    let gift = world::grant(&server, "acme", &json!({ "amount": 2_000, "priority": 10 }));
    server.post(&format!("/api/v1/credits/grants/{gift}/void"), &serde_json::Value::Null);
    server.advance(40 * 86_400);
    let browser = Browser::signed_in(&server);
    let page = text(&browser.page(&format!("{CREDITS}/ledger")));
    let told = |told: &str| assert!(page.contains(told), "{told}: {page}");
    told("Granted + 50,000 Recurring credits of plan growth Time");
    let ended = "Recurring credits of plan growth ended, 2026-01-31 00:00 – 2026-02-28 00:00";
    told(&format!("Used \u{2212}50,000 {ended} API key …test event one"));
    let span = "ended, 2026-01-31 00:00 – 2026-01-31 00:00";
    told(&format!("Voided \u{2212}500 Gift {span} API key …test"));
    told("Used \u{2212}1,500 Overdraft API key …test event two");
    assert!(!page.contains("No. "), "{page}");
    let csv = browser.get(&format!("{CREDITS}/ledger.csv")).text();
    assert!(csv.lines().next().is_some_and(|line| line.ends_with(",who,grantName")), "{csv}");
    assert!(csv.contains(",API key …test,Recurring credits of plan growth\r\n"), "{csv}");
    assert!(csv.contains(",API key …test,Overdraft\r\n"), "{csv}");
}

#[test]
fn a_page_of_the_ledger_that_cannot_know_when_a_grant_ended_names_no_time() {
    let server = world::example();
    let gift = world::grant(&server, "acme", &json!({ "amount": 2_000, "priority": 10 }));
    consume(&server, "one", 500);
    server.post(&format!("/api/v1/credits/grants/{gift}/void"), &serde_json::Value::Null);
    let browser = Browser::signed_in(&server);
    let page = text(&browser.page(&format!("{CREDITS}/ledger?type=used")));
    assert!(page.contains("\u{2212}500 Gift ended API key"), "{page}");
}

#[test]
fn a_long_ledger_is_read_in_pages_and_exported_whole() {
    let server = world::example();
    for number in 0..130 {
        consume(&server, &format!("key-{number}"), number + 1);
    }
    let browser = Browser::signed_in(&server);
    let mut path = format!("{CREDITS}/ledger");
    let mut rows = 0;
    loop {
        let page = browser.page(&path);
        assert!(page.len() < 100_000, "{path} has {} bytes", page.len());
        rows += page.matches("<tr>").count() - 1;
        let next = page.split("rel=\"next\" href=\"").nth(1);
        let Some(next) = next.and_then(|rest| rest.split('"').next()) else { break };
        path = next.replace("&amp;", "&");
    }
    assert_eq!(rows, 132, "130 uses and two grants");
    let answer = browser.get(&format!("{CREDITS}/ledger.csv"));
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let disposition = answer.header("content-disposition").unwrap_or_default().to_owned();
    assert_eq!(disposition, "attachment; filename=\"ledger-acme.csv\"");
    let csv = answer.text();
    assert_eq!(csv.lines().count(), 133);
    assert!(csv.starts_with("time,event,amount,creditType,"), "{csv}");
    assert!(csv.contains(",CREDITS_CONSUMED,-130,api-credits,"), "{csv}");
    let used = browser.get(&format!("{CREDITS}/ledger.csv?type=granted")).text();
    assert_eq!(used.lines().count(), 3);
    for page in [CREDITS, ACME] {
        assert!(browser.page(page).len() < 100_000);
    }
}

#[test]
fn entitlements_say_what_may_be_used_and_because_of_what() {
    let server = world::features();
    let browser = Browser::signed_in(&server);
    let page = text(&browser.page(&format!("{ACME}/entitlements")));
    assert!(page.contains("calls calls Granted 100 hard: checks deny beyond it 0"), "{page}");
    assert!(page.contains("Starts anew"), "{page}");
    assert!(page.contains("Unlimited") || page.contains("Pays with Credits"), "{page}");
    world::customer(&server, "bob");
    let page = browser.page("/e/production/customers/bob/entitlements");
    assert!(page.contains("It may use nothing yet"), "{page}");
    assert_eq!(browser.get(&format!("{ACME}/entitlements?resource=none")).status, 404);
}

#[test]
fn what_a_plan_inherits_is_listed_with_it_and_named_at_the_customer() {
    let server = world::features();
    world::package(&server, "plans", "pro", "api", None);
    server.done("PATCH", "/api/v1/plans/pro", &json!({ "parentPlanId": "full" }));
    let own = json!({ "entitlements": [{ "type": "FEATURE", "id": "calls", "usageLimit": 500 }] });
    server.post("/api/v1/plans/pro/entitlements", &own);
    world::publish(&server, "plans", "pro");
    let browser = Browser::signed_in(&server);
    let page = browser.page("/e/production/plans/pro");
    let (own, inherited) = page.split_once("From the plans below it").expect("both");
    assert!(text(own).contains("calls Feature 500"), "{}", text(own));
    let inherited = text(inherited);
    for told in
        ["size Feature Inherited 10", "Credits Credits Inherited 50", "sso Feature Inherited"]
    {
        assert!(inherited.contains(told), "{told}: {inherited}");
    }
    assert!(!inherited.contains("calls Feature Inherited"), "its own stands alone: {inherited}");
    assert!(!browser.page("/e/production/plans/full").contains("Inherited"));
    world::customer(&server, "bob");
    server.post("/api/v1/subscriptions", &json!({ "customerId": "bob", "planId": "pro" }));
    world::grant(&server, "bob", &json!({ "amount": 7 }));
    let page = text(&browser.page("/e/production/customers/bob/entitlements"));
    for told in [
        "pro : 500",
        "Full : 10 inherited by pro",
        "Full : 50 a month inherited by pro Promotions: 7",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[test]
fn the_activity_tells_the_life_of_a_customer_and_who_did_it() {
    let server = world::example();
    let grant = world::grant(&server, "acme", &json!({ "comment": "Sorry" }));
    server.post(&format!("/api/v1/credits/grants/{grant}/void"), &serde_json::Value::Null);
    consume(&server, "one", 100);
    server.advance(40 * 86_400);
    let browser = Browser::signed_in(&server);
    let page = text(&browser.page(&format!("{ACME}/activity")));
    for told in [
        "The customer was created API key …test",
        "Subscription to growth sub-1 was made",
        "Gift granted: 100 “Sorry”",
        "Gift was voided, 100 were left API key …test −100 Credits",
        "expired, 49,900 were left",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(page.contains("Time"), "what time did is told so: {page}");
}

#[test]
fn the_activity_names_grants_that_have_ended_and_not_their_numbers() {
    let server = world::example();
    consume(&server, "one", 80_500);
    let gift = world::grant(&server, "acme", &json!({ "amount": 2_000 }));
    server.post(&format!("/api/v1/credits/grants/{gift}/void"), &serde_json::Value::Null);
    let browser = Browser::signed_in(&server);
    let page = text(&browser.page(&format!("{ACME}/activity")));
    assert!(page.contains("Overdraft of 500 settled by Gift"), "{page}");
    assert!(!page.contains("grant no."), "{page}");
}

#[test]
fn what_people_typed_about_customers_is_text_and_nothing_else() {
    let server = world::example();
    let named = json!({ "id": "evil", "name": HOSTILE });
    server.post("/api/v1/customers", &named);
    server.post("/api/v1/subscriptions", &json!({ "customerId": "evil", "planId": "growth" }));
    let gift = json!({ "displayName": HOSTILE, "comment": HOSTILE });
    world::grant(&server, "evil", &gift);
    let mut usage = world::usage("evil", "one", 10);
    usage["eventId"] = json!("=cmd|' /C calc'!A0");
    server.call("POST", "/api/v1/credits/consumption", &usage);
    let browser = Browser::signed_in(&server);
    let evil = "/e/production/customers/evil";
    let mut pages = vec!["/e/production/customers".to_owned(), evil.to_owned()];
    for rest in ["/credits", "/credits/ledger", "/credits/adjust", "/activity", "/entitlements"] {
        pages.push(format!("{evil}{rest}"));
    }
    pages.extend(["/edit", "/archive", "/subscribe"].map(|rest| format!("{evil}{rest}")));
    pages.push(format!("/e/production/customers?{}", encode(&[("q", HOSTILE)])));
    pages.push(format!("{evil}/credits/grants?currency=api-credits"));
    for path in pages {
        let page = browser.page(&path);
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}: {page}");
        assert!(!page.contains("style=\""), "{path} has no inline style");
    }
}

#[test]
fn forms_about_customers_are_refused_without_their_token() {
    let server = world::example();
    let grant = world::grant(&server, "acme", &json!({}));
    let browser = Browser::signed_in(&server);
    let position = server.position();
    for path in [
        "/e/production/customers".to_owned(),
        format!("{ACME}/edit"),
        format!("{ACME}/archive"),
        format!("{ACME}/unarchive"),
        format!("{ACME}/subscribe"),
        format!("{ACME}/subscriptions/sub-1/update"),
        format!("{ACME}/subscriptions/sub-1/cancel"),
        format!("{ACME}/subscriptions/sub-1/keep"),
        format!("{ACME}/subscriptions/sub-1/unschedule"),
        format!("{CREDITS}/adjust"),
        format!("{CREDITS}/grants/{grant}/void"),
    ] {
        assert_eq!(browser.post_raw(&path, &[("_token", "wrong")]).status, 403, "{path}");
        assert_eq!(browser.post_raw(&path, &[]).status, 403, "{path}");
        let stranger = Browser::new(&server);
        assert_eq!(stranger.post_raw(&path, &[]).status, 303, "{path}: signed out");
    }
    assert_eq!(server.position(), position, "nothing was written");
}

#[test]
fn what_can_be_drawn_stands_before_what_is_used_up() {
    let server = world::example();
    for number in 0..60 {
        let ahead = json!({ "amount": 1, "priority": 0, "displayName": format!("Bonus {number}") });
        world::grant(&server, "acme", &ahead);
    }
    consume(&server, "all", 60);
    let page = text(&Browser::signed_in(&server).page(CREDITS));
    let (_, table) = page.split_once("In force Void").expect("there is a table");
    let (table, _) = table.split_once("The first 50 are shown").expect("there are more");
    assert!(table.starts_with(" 1 Recurring credits of plan growth"), "{table}");
    assert!(table.contains("2 Recurring credits of add-on extra"), "{table}");
    assert!(table.contains("— Bonus 0 Promotional Used up 0 of 1"), "{table}");
    assert!(table.contains("Bonus 47") && !table.contains("Bonus 48"), "{table}");
}
