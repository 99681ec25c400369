//! The prices of plans and add-ons on the dashboard, driven as a browser without scripts drives it.

use crate::browser::Browser;
use crate::dashboard_catalog::{PLAN, text, with_plan};
use crate::support::Server;
use serde_json::{Value, json};
use stipend_core::catalog::{
    CatalogCommand, ChargeRow, Charges, Document, DraftEdit, PackageKey, PackagePatch, Pricing,
};
use stipend_core::{PackageId, Timestamp};
use stipend_engine::{Command, PRODUCTION};

const NEW: &str = "/e/production/plans/pro/prices/new";
const OVERAGE: &str = "/e/production/plans/pro/prices/new?of=overage";
const PRICES: &str = "/e/production/plans/pro/prices";
const PRICE: &str = "/e/production/plans/pro/price";
const API: &str = "/api/v1/plans/pro";

/// A browser before a plan, with something that is counted.
fn with_calls(server: &Server) -> Browser<'_> {
    let browser = with_plan(server);
    for (id, name) in [("calls", "Calls"), ("seats", "Seats")] {
        server.post(
            "/api/v1/features",
            &json!({
                "id": id, "displayName": name, "featureType": "NUMBER", "meterType": "INCREMENTAL",
                "featureUnits": id, "featureUnitsPlural": id,
            }),
        );
    }
    browser
}

/// What the API says of the prices, without what every row has anew.
fn rows(server: &Server) -> Vec<Value> {
    let lists = ["charges", "overage-charges"].map(|list| server.get(&format!("{API}/{list}")));
    let rows = lists.iter().flat_map(|list| list.as_array().cloned().unwrap_or_default());
    let rows = rows.map(|mut row| {
        for name in ["id", "createdAt", "usedInSubscriptions"] {
            row.as_object_mut().expect("a row is an object").remove(name);
        }
        row
    });
    rows.collect()
}

/// The fields of a graduated price of usage.
const GRADUATED: [(&str, &str); 13] = [
    ("pricingType", "PAID"),
    ("billingModel", "USAGE_BASED"),
    ("featureId", "calls"),
    ("billingPeriod", "MONTHLY"),
    ("billingCadence", "RECURRING"),
    ("price/currency", "EUR"),
    ("tiersMode", "GRADUATED"),
    ("tiers/upTo", "1,000"),
    ("tiers/unitPrice", "0.10"),
    ("tiers/flatPrice", ""),
    ("tiers/upTo", ""),
    ("tiers/unitPrice", "0.05"),
    ("tiers/flatPrice", "20"),
];

#[test]
fn tiers_are_added_and_removed_by_buttons_alone() {
    let server = Server::new();
    let browser = with_calls(&server);
    let lines = |page: &str| page.matches("name=\"tiers/upTo\"").count();
    assert_eq!(lines(&browser.page(NEW)), 0);
    let press = |button: (&str, &str)| {
        let mut fields = GRADUATED.to_vec();
        fields.push(button);
        let answer = browser.submit(NEW, PRICES, &fields);
        assert_eq!(answer.status, 200, "{button:?}: {}", answer.text());
        answer.text()
    };
    let page = press(("_more", "tiers"));
    assert_eq!(lines(&page), 3, "{page}");
    assert!(page.contains("aria-label=\"Remove tier 3\""), "{page}");
    assert!(page.contains("id=\"f-tiers-upTo-2\"") && page.contains(" autofocus"), "{page}");
    let page = press(("_less", "tiers/0"));
    assert_eq!(lines(&page), 1, "{page}");
    assert!(page.contains("value=\"0.05\"") && !page.contains("value=\"0.10\""), "{page}");
    // What is about something else, or about a line that is not there, changes nothing.
    assert_eq!(lines(&press(("_less", "tiers/7"))), 2);
    assert_eq!(rows(&server), [] as [Value; 0], "nothing was saved");
}

#[test]
fn a_price_by_quantity_is_set_and_shown_and_removed() {
    let server = Server::new();
    let browser = with_calls(&server);
    let html = browser.done(NEW, PRICES, &GRADUATED);
    let page = text(&html);
    for part in
        ["Usage of Calls", "Up to 1,000: 0.1 EUR for one", "each unit at the price of its own tier"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains("Above 1,000: 0.05 EUR for one, and 20 EUR in all"), "{page}");
    let expected = json!([
        { "flatPrice": null, "unitPrice": { "amount": 0.1, "currency": "eur" }, "upTo": 1000 },
        {
            "flatPrice": { "amount": 20, "currency": "eur" },
            "unitPrice": { "amount": 0.05, "currency": "eur" }, "upTo": null,
        },
    ]);
    let saved = rows(&server);
    assert_eq!(saved[0]["tiers"], expected);
    assert_eq!(saved[0]["tiersMode"], "GRADUATED");
    let review = text(&browser.page(&format!("{PLAN}/publish")));
    assert!(review.contains("Price: Usage of Calls, monthly"), "{review}");
    let actions = html.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let is_it = |action: &&str| action.contains("/prices/") && action.ends_with("/remove");
    let remove = actions.into_iter().find(is_it).expect("it can be removed");
    let page = text(&browser.done(PLAN, remove, &[]));
    assert!(page.contains("The price was removed from the draft."), "{page}");
    assert_eq!(rows(&server), [] as [Value; 0]);
}

#[test]
fn a_review_pairs_overage_prices_of_one_feature_by_what_tells_them_apart() {
    let server = Server::new();
    let browser = with_calls(&server);
    let overage = |model: &str, amount: u32| {
        json!({ "featureId": "calls", "billingModel": model, "pricePeriods": [
            { "billingPeriod": "MONTHLY", "price": { "amount": amount, "currency": "usd" } },
        ] })
    };
    let set = |models: [Value; 2]| {
        let charges = json!({ "pricingType": "PAID", "overagePricingModels": models });
        server.done("PATCH", API, &json!({ "charges": charges }));
    };
    server.post(&format!("{API}/draft"), &json!({}));
    set([overage("USAGE_BASED", 1), overage("PER_UNIT", 5)]);
    server.post(&format!("{API}/publish"), &json!({ "migrationType": "NEW_CUSTOMERS" }));
    server.post(&format!("{API}/draft"), &json!({}));
    set([overage("PER_UNIT", 7), overage("USAGE_BASED", 1)]);
    let review = text(&browser.page(&format!("{PLAN}/publish")));
    let changed = "Price: Overage of Calls (units), monthlyChanged5 USD for one a month7 USD";
    assert!(review.contains(changed), "{review}");
    assert_eq!(review.matches("Price: Overage").count(), 1, "{review}");
}

/// Every kind of price that the contract has, with everything that is kept of it.
fn all_kinds() -> Value {
    let usd = |amount: f64| json!({ "amount": amount, "currency": "usd" });
    json!({ "charges": {
        "pricingType": "PAID",
        "minimumSpend": [{ "billingPeriod": "MONTHLY", "minimum": usd(10.0) }],
        "pricingModels": [
            { "billingModel": "FLAT_FEE", "pricePeriods": [
                { "billingPeriod": "MONTHLY", "price": usd(20.0) },
                { "billingPeriod": "MONTHLY", "billingCountryCode": "DE", "price": usd(18.0) },
                { "billingPeriod": "ANNUALLY", "price": { "amount": 200, "currency": "eur" } },
            ] },
            { "billingModel": "FLAT_FEE", "billingCadence": "ONE_OFF", "pricePeriods": [
                { "billingPeriod": "MONTHLY", "price": usd(99.5) },
            ] },
            { "billingModel": "PER_UNIT", "featureId": "seats", "minUnitQuantity": 2,
              "maxUnitQuantity": 50, "tiersMode": "VOLUME", "pricePeriods": [
                { "billingPeriod": "ANNUALLY", "tiers": [
                    { "upTo": 10, "unitPrice": usd(9.0) }, { "flatPrice": usd(70.0) },
                ] },
            ] },
            { "billingModel": "USAGE_BASED", "featureId": "calls", "pricePeriods": [
                { "billingPeriod": "MONTHLY", "blockSize": 1000, "price": usd(0.125) },
            ] },
            { "billingModel": "CREDIT_BASED", "topUpCustomCurrencyId": "api-credits",
              "pricePeriods": [
                { "billingPeriod": "MONTHLY", "blockSize": 500, "creditGrantCadence": "MONTHLY",
                  "price": usd(5.0) },
            ] },
            { "billingModel": "CREDIT_BASED", "featureId": "calls", "pricePeriods": [
                { "billingPeriod": "MONTHLY", "creditRate": {
                    "amount": 0, "currencyId": "api-credits", "costFormula": "tokens * 2",
                } },
                { "billingPeriod": "ANNUALLY",
                  "creditRate": { "amount": 2, "currencyId": "api-credits" } },
            ] },
            { "billingModel": "CREDIT_BASED", "featureId": "seats", "pricePeriods": [
                { "billingPeriod": "MONTHLY",
                  "creditRate": { "amount": 3, "currencyId": "api-credits" } },
                { "billingPeriod": "ANNUALLY",
                  "creditRate": { "amount": 3, "currencyId": "api-credits" } },
            ] },
        ],
        "overagePricingModels": [
            { "featureId": "calls",
              "pricePeriods": [{ "billingPeriod": "MONTHLY", "price": usd(0.01) }] },
            { "featureId": "seats", "billingModel": "PER_UNIT", "billingCadence": "ONE_OFF",
              "pricePeriods": [{ "billingPeriod": "ANNUALLY", "price": usd(30.0) }] },
            { "currencyId": "api-credits",
              "pricePeriods": [{ "billingPeriod": "MONTHLY", "tiers": [{ "unitPrice": usd(0.02) }] }] },
        ],
    } })
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(ToString::to_string);
    rows
}

#[test]
fn no_form_loses_anything_of_a_price() {
    let server = Server::new();
    let browser = with_calls(&server);
    server.post(&format!("{API}/draft"), &json!({}));
    server.done("PATCH", API, &all_kinds());
    let before = sorted(rows(&server));
    assert_eq!(before.len(), 15);
    let resubmitted = |page: &str, action: &str| {
        let answer = browser.resubmit(page, action);
        assert_eq!(answer.status, 303, "{page}: {}", answer.text());
        assert_eq!(sorted(rows(&server)), before, "{page} changes nothing");
    };
    resubmitted(PRICE, PRICE);
    let page = browser.page(PLAN);
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let edits: Vec<&str> =
        links.filter(|link| link.contains("/prices/") && !link.ends_with("/new")).collect();
    assert_eq!(edits.len(), 12, "all but the fee and the rates of the form of the price: {page}");
    for edit in edits {
        resubmitted(edit, edit);
    }
}

#[test]
fn a_price_with_more_than_a_form_can_say_has_none() {
    let server = Server::new();
    let browser = with_calls(&server);
    server.post(&format!("{API}/draft"), &json!({}));
    let check = |charges: Value| {
        let mut all = charges;
        all["pricingType"] = json!("PAID");
        server.done("PATCH", API, &json!({ "charges": all }));
        let page = browser.page(PLAN);
        let mut links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let edit = links.find(|link| link.contains("/prices/") && !link.ends_with("/new"));
        let page = text(&browser.page(edit.expect("a link to the price")));
        assert!(page.contains("through the API"), "{all}: {page}");
    };
    let usd = json!({ "amount": 0.5, "currency": "usd" });
    let tiers = json!([{ "upTo": 100, "unitPrice": usd }, {}]);
    check(json!({ "pricingModels": [{
        "billingModel": "USAGE_BASED", "billingCadence": "RECURRING", "featureId": "calls",
        "tiersMode": "GRADUATED",
        "pricePeriods": [{ "billingPeriod": "MONTHLY", "tiers": tiers }],
    }] }));
    let several_lines = json!({
        "amount": 0, "currencyId": "api-credits", "costFormula": "tokens\n* 2",
    });
    check(json!({ "pricingModels": [{
        "billingModel": "CREDIT_BASED", "featureId": "calls",
        "pricePeriods": [{ "billingPeriod": "MONTHLY", "creditRate": several_lines }],
    }] }));
}

#[test]
fn prices_are_told_as_people_read_them() {
    let server = Server::new();
    let browser = with_calls(&server);
    server.post(&format!("{API}/draft"), &json!({}));
    server.done("PATCH", API, &all_kinds());
    let page = text(&browser.page(PLAN));
    let check = |expected: &str| assert!(page.contains(expected), "{expected}: {page}");
    check("Flat fee20 USD a month");
    check("Flat fee200 EUR a year");
    check("18 USD a monthIn DE");
    check("99.5 USD once, with monthly billing");
    check("Units of SeatsBy quantity, all at the price of the tier that is reached, a year");
    check("Up to 10: 9 USD for one");
    check("Above 10: 70 USD in all");
    check("From 2 to 50 units");
    check("Usage of Calls0.125 USD for 1,000 a month");
    check("Top-up of API Credits5 USD for 500 a month");
    check("Bought credits are granted every month");
    check("tokens * 2 API Credits, by formula");
    check("Usage of Seats in credits3 API Credits for one");
    check("Minimum spend10 USD a month");
    check("Overage of Calls0.01 USD for one a month");
    check("Overage of Seats (units)30 USD for one once, with yearly billing");
    check("Overage of API CreditsBy quantity, a month");
    check("Any quantity: 0.02 USD for one");
}

#[test]
fn what_is_wrong_with_a_price_stands_beside_its_field() {
    let server = Server::new();
    let browser = with_calls(&server);
    let check = |page: &str, changed: &[(usize, (&str, &str))], field: &str| {
        let mut fields = GRADUATED.to_vec();
        for (at, to) in changed {
            fields[*at] = (to.0, to.1);
        }
        let answer = browser.submit(page, PRICES, &fields);
        assert_eq!(answer.status, 422, "{changed:?}");
        let page = answer.text();
        assert!(page.contains(&format!("id=\"f-{field}-trouble\"")), "{field}: {page}");
        assert!(page.contains(&format!("href=\"#f-{field}\"")), "{field}: {page}");
    };
    check(NEW, &[(11, ("tiers/unitPrice", "dear"))], "tiers-unitPrice-1");
    // A line that is left empty does not count, but keeps its place.
    let without_first =
        [(7, ("tiers/upTo", "")), (8, ("tiers/unitPrice", "")), (12, ("tiers/flatPrice", "1.5.5"))];
    check(NEW, &without_first, "tiers-flatPrice-1");
    check(NEW, &[(5, ("price/currency", "xyz"))], "price-currency");
    check(OVERAGE, &[(6, ("blockSize", "many"))], "blockSize");
    check(NEW, &[(6, ("minUnitQuantity", "-1"))], "minUnitQuantity");
    assert_eq!(rows(&server), [] as [Value; 0], "nothing was saved");
    browser.done(NEW, PRICES, &GRADUATED);
    check(NEW, &[], "featureId");
}

#[test]
fn an_overage_price_has_a_form_of_its_own() {
    let server = Server::new();
    let browser = with_calls(&server);
    let fields = [
        ("pricingType", "PAID"),
        ("featureId", "calls"),
        ("billingPeriod", "MONTHLY"),
        ("billingCadence", "RECURRING"),
        ("price/amount", "0.5"),
        ("price/currency", "usd"),
        ("blockSize", "100"),
    ];
    let page = text(&browser.done(OVERAGE, PRICES, &fields));
    assert!(page.contains("Overage of Calls0.5 USD for 100 a month"), "{page}");
    let list = server.get(&format!("{API}/overage-charges"));
    assert_eq!(list[0]["price"], json!({ "amount": 0.5, "currency": "usd" }));
}

/// The API refuses these three, so a form has no fields for them, and takes nothing of a made-up one.
#[test]
fn the_form_of_an_overage_price_offers_nothing_that_is_not_there() {
    let server = Server::new();
    let browser = with_calls(&server);
    let page = browser.page(OVERAGE);
    for part in ["creditRate", "creditEntitlement", "name=\"entitlement", "does not give it"] {
        assert!(!page.contains(part), "{part}: {page}");
    }
    assert!(browser.page(NEW).contains("name=\"creditRate/amount\""), "a base price has a rate");
    let fields = [
        ("pricingType", "PAID"),
        ("featureId", "calls"),
        ("billingPeriod", "MONTHLY"),
        ("billingCadence", "RECURRING"),
        ("price/amount", "0.5"),
        ("price/currency", "usd"),
        ("creditRate/amount", "2"),
        ("creditRate/currencyId", "api-credits"),
        ("creditEntitlement/amount", "5"),
        ("entitlement/featureId", "calls"),
    ];
    browser.done(OVERAGE, PRICES, &fields);
    let saved = rows(&server);
    let expected = json!([{
        "featureId": "calls", "billingPeriod": "MONTHLY", "billingCadence": "RECURRING",
        "billingModel": "USAGE_BASED", "price": { "amount": 0.5, "currency": "usd" },
    }]);
    assert_eq!(json!(saved), expected);
}

fn pro() -> PackageKey {
    PackageKey::plan(PackageId::parse("pro").expect("an id"))
}

/// A price as it stood before the API refused what it says of credits and access.
fn with_old_overage(server: &Server) -> Value {
    let old = json!({
        "billingModel": "CREDIT_BASED", "billingCadence": "RECURRING", "billingPeriod": "MONTHLY",
        "featureId": "calls", "price": { "amount": 0.01, "currency": "usd" },
        "creditRate": { "amount": 2, "currencyId": "api-credits", "costFormula": "tokens\n* 2" },
        "creditEntitlement": { "amount": 50, "cadence": "MONTH", "customCurrencyId": "api-credits" },
        "entitlement": {
            "featureId": "calls", "usageLimit": 100, "resetPeriod": "MONTH",
            "weeklyResetPeriodConfiguration": { "accordingTo": "EveryMonday" },
            "monthlyResetPeriodConfiguration": { "accordingTo": "StartOfTheMonth" },
        },
    });
    let row = ChargeRow { created_at: Timestamp::EPOCH, row: Document(old.to_string()) };
    let charges = Charges { overage: vec![row], ..Charges::default() };
    let patch = PackagePatch { charges: Some((Pricing::Paid, charges)), ..PackagePatch::default() };
    let edits = vec![DraftEdit::Package(Box::new(patch))];
    server.post(&format!("{API}/draft"), &json!({}));
    let edit = Command::Catalog(CatalogCommand::EditDraft(pro(), edits));
    server.engine().submitter().run(PRODUCTION, edit).expect("it is edited");
    old
}

#[test]
fn what_stands_in_an_overage_price_from_before_stays_in_it_and_has_no_effect() {
    let server = Server::new();
    let browser = with_calls(&server);
    let mut old = with_old_overage(&server);
    let page = text(&browser.page(PLAN));
    for part in [
        "Kept, without effect: tokens\n* 2 API Credits, by formula",
        "Kept, without effect: 50 API Credits a month that come with it",
        "Kept, without effect: a feature that comes with it",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // What names a price in addresses changes with the price.
    let address = || {
        let html = browser.page(PLAN);
        let mut links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let edit = links.find(|link| link.contains("/prices/overage-"));
        edit.expect("it can be edited").to_owned()
    };
    let edit = &address();
    let form = text(&browser.page(edit));
    assert!(form.contains("which stays as it is and has no effect"), "{form}");
    assert_eq!(browser.resubmit(edit, edit).status, 303);
    assert_eq!(rows(&server), [old.clone()], "sent again as it is");
    let fields = [
        ("pricingType", "PAID"),
        ("featureId", "calls"),
        ("billingPeriod", "MONTHLY"),
        ("billingCadence", "RECURRING"),
        ("price/amount", "0.5"),
        ("price/currency", "usd"),
    ];
    let edit = &address();
    browser.done(edit, edit, &fields);
    old["price"]["amount"] = json!(0.5);
    assert_eq!(rows(&server), [old.clone()], "with another price");
    let fee = [("pricingType", "PAID"), ("monthly", "20"), ("currency", "usd")];
    browser.done(PRICE, PRICE, &fee);
    assert_eq!(rows(&server)[1], old, "beside a fee");
    let catalog = server.engine().catalog(PRODUCTION);
    let package = &catalog.packages[&pro()];
    assert_eq!(package.shown().charges.rates, [], "nothing prices usage by it");
}

#[test]
fn the_form_of_the_price_keeps_what_it_cannot_say() {
    let server = Server::new();
    let browser = with_calls(&server);
    browser.done(NEW, PRICES, &GRADUATED);
    let page = text(&browser.page(PRICE));
    assert!(page.contains("One more price stays as it is"), "{page}");
    let fields = [("pricingType", "PAID"), ("monthly", "20"), ("currency", "usd")];
    let page = text(&browser.done(PRICE, PRICE, &fields));
    assert!(page.contains("Flat fee20 USD a month"), "{page}");
    assert!(page.contains("Up to 1,000: 0.1 EUR for one"), "{page}");
}

#[test]
fn what_is_set_free_while_prices_stand_is_refused_at_its_field() {
    let server = Server::new();
    let browser = with_calls(&server);
    let fee = [("pricingType", "PAID"), ("monthly", "20"), ("currency", "usd")];
    browser.done(PRICE, PRICE, &fee);
    let free = |more: &[(&'static str, &'static str)]| [&[("pricingType", "FREE")], more].concat();
    let check = |page: &str, action: &str, fields: &[(&str, &str)], field: &str| {
        let before = rows(&server);
        let answer = browser.submit(page, action, fields);
        assert_eq!(answer.status, 422, "{fields:?}");
        let page = answer.text();
        assert!(page.contains(&format!("href=\"#f-{field}\"")), "{field}: {page}");
        assert_eq!(rows(&server), before, "{fields:?} changes nothing");
    };
    check(PRICE, PRICE, &free(&[("monthly", "20"), ("currency", "usd")]), "monthly");
    check(PRICE, PRICE, &free(&[("yearly", "0"), ("currency", "usd")]), "yearly");
    check(NEW, PRICES, &free(&GRADUATED[1..]), "pricingType");
    browser.done(NEW, PRICES, &GRADUATED);
    check(PRICE, PRICE, &free(&[]), "pricingType");
    // A price in credits alone is not it, but those in money that stand beside it are.
    let rate = [
        ("billingModel", "CREDIT_BASED"),
        ("featureId", "seats"),
        ("billingPeriod", "MONTHLY"),
        ("billingCadence", "RECURRING"),
        ("creditRate/amount", "2"),
        ("creditRate/currencyId", "api-credits"),
    ];
    check(NEW, PRICES, &free(&rate), "pricingType");
}

#[test]
fn prices_that_are_agreed_with_each_customer_keep_what_was_typed() {
    let server = Server::new();
    let browser = with_calls(&server);
    let fields = [("pricingType", "CUSTOM"), ("monthly", "20"), ("currency", "usd")];
    browser.done(PRICE, PRICE, &fields);
    let check = || {
        assert_eq!(server.get(API)["pricingType"], "CUSTOM");
        assert_eq!(rows(&server)[0]["price"], json!({ "amount": 20, "currency": "usd" }));
    };
    check();
    assert_eq!(browser.resubmit(PRICE, PRICE).status, 303);
    check();
}

#[test]
fn what_came_as_free_with_prices_is_shown_with_both() {
    let server = Server::new();
    let browser = with_calls(&server);
    server.post(&format!("{API}/draft"), &json!({}));
    let mut both = all_kinds();
    both["charges"]["pricingType"] = json!("FREE");
    server.done("PATCH", API, &both);
    let page = text(&browser.page(PLAN));
    assert!(page.contains("Free, although it has prices in money"), "{page}");
    assert!(page.contains("Flat fee20 USD a month"), "{page}");
    assert_eq!(browser.resubmit(PRICE, PRICE).status, 422);
    assert_eq!(rows(&server).len(), 15);
}
