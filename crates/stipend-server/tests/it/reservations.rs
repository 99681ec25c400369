//! Reservations over HTTP: one step that checks and reserves, one end, one answer.

use crate::support::{Answer, Server};
use crate::world::{self, grant, usage};
use serde_json::{Value, json};

const CHECK: &str = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";

fn reserve(server: &Server, id: &str, amount: &str, rest: &str) -> Answer {
    let path = format!("{CHECK}&reservationId={id}&reserveAmount={amount}{rest}");
    server.call("GET", &path, &Value::Null)
}

fn release(server: &Server, id: &str, consumed: f64) -> Answer {
    let body =
        json!({ "customerId": "acme", "currencyId": "api-credits", "consumedAmount": consumed });
    server.call("POST", &format!("/api/v1/credits/reservations/{id}/release"), &body)
}

fn extend(server: &Server, id: &str, change: &Value) -> Answer {
    let mut body = json!({ "customerId": "acme", "currencyId": "api-credits" });
    for (name, value) in change.as_object().expect("it is an object") {
        body[name] = value.clone();
    }
    server.call("POST", &format!("/api/v1/credits/reservations/{id}/extend"), &body)
}

/// What a check says without reserving: limit, usage, reserved, reserved on expired grants.
fn told(server: &Server) -> [f64; 4] {
    let check = server.get(CHECK);
    ["usageLimit", "currentUsage", "reserved", "reservedOnExpiredGrants"]
        .map(|name| check[name].as_f64().expect("it is a number"))
}

fn ledger(server: &Server, filter: &str) -> Vec<(String, f64)> {
    let ledger = server.get(&format!("/api/v1/credits/ledger?customerId=acme{filter}"));
    let entries = ledger.as_array().expect("it is a list").iter().rev();
    let amount = |entry: &Value| entry["amount"].as_f64().expect("it is a number");
    entries
        .map(|entry| (entry["eventType"].as_str().unwrap_or_default().to_owned(), amount(entry)))
        .collect()
}

#[test]
fn a_check_that_reserves_answers_like_a_check_and_holds_the_credits() {
    let server = world::example();
    let answer = reserve(&server, "job-1", "500", "");
    assert_eq!(answer.status, 200);
    let check = &answer.json()["data"];
    assert_eq!(check["isGranted"], json!(true));
    assert_eq!((&check["currentUsage"], &check["reserved"]), (&json!(500), &json!(500)));
    assert_eq!(
        check["reservation"],
        json!({ "id": "job-1", "amount": 500, "expiresAt": "2026-01-31T01:00:00.000Z",
            "status": "ACTIVE" })
    );
    assert_eq!(told(&server), [80_000.0, 500.0, 500.0, 0.0]);
    let again = reserve(&server, "job-1", "500", "");
    assert_eq!(again.json(), answer.json());
    assert!(again.is_replay());
    for rest in ["&reservationTtlSeconds=60", "&reservationMetadata=%7B%22a%22%3A%22b%22%7D"] {
        let other = reserve(&server, "job-1", "500", rest);
        assert_eq!(other.verdict(), "409 reservation_conflict");
        assert_eq!(other.header("x-should-retry"), Some("false"));
    }
    assert_eq!(told(&server), [80_000.0, 500.0, 500.0, 0.0]);
}

#[test]
fn what_is_denied_reserves_nothing_and_answers_200() {
    let server = world::example();
    let check = |customer: &str, rest: &str, reason: &str| {
        let path = format!("/api/v1/customers/{customer}/entitlements/check?{rest}");
        let path = format!("{path}&reservationId=job-1&reserveAmount=80001");
        let answer = server.call("GET", &path, &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let check = &answer.json()["data"];
        assert_eq!(check["isGranted"], json!(false));
        assert_eq!(check["accessDeniedReason"], json!(reason));
        assert!(check["reservation"].is_null());
    };
    check("acme", "currencyId=api-credits", "InsufficientCredits");
    check("nobody", "currencyId=api-credits", "CustomerNotFound");
    check("acme", "currencyId=none", "EntitlementNotFound");
    check("acme", "currencyId=api-credits&resourceId=none", "CustomerResourceNotFound");
    assert_eq!(told(&server), [80_000.0, 0.0, 0.0, 0.0]);
    assert_eq!(ledger(&server, "&reservationId=job-1"), []);
    // A denial is not remembered: the id is free for the same or other parameters.
    assert_eq!(reserve(&server, "job-1", "80000", "").json()["data"]["isGranted"], json!(true));
    let denied = reserve(&server, "job-2", "1", "");
    assert_eq!(denied.json()["data"]["accessDeniedReason"], json!("InsufficientCredits"));
}

#[test]
fn the_end_of_a_reservation_lies_at_most_a_day_ahead() {
    let server = world::example();
    for (rest, verdict) in [
        ("&reservationTtlSeconds=86401", "400 invalid_parameter reservationTtlSeconds"),
        (
            "&reservationExpiresAt=2026-02-01T00:00:00.001Z",
            "400 invalid_parameter reservationExpiresAt",
        ),
        (
            "&reservationExpiresAt=2019-12-27T18:11:19Z",
            "400 invalid_parameter reservationExpiresAt",
        ),
    ] {
        assert_eq!(reserve(&server, "job", "1", rest).verdict(), verdict);
    }
    let answer = reserve(&server, "job", "1", "&reservationExpiresAt=2026-02-01T00:00:00Z");
    assert_eq!(
        answer.json()["data"]["reservation"]["expiresAt"],
        json!("2026-02-01T00:00:00.000Z")
    );
}

#[test]
fn a_release_charges_what_was_consumed_and_answers_the_same_again() {
    let server = world::example();
    reserve(&server, "job-1", "500", "");
    let answer = release(&server, "job-1", 120.5);
    let released = &answer.json()["data"];
    assert_eq!(
        released["reservation"],
        json!({ "id": "job-1", "amount": 500, "consumedAmount": 120.5,
            "expiresAt": "2026-01-31T01:00:00.000Z", "status": "RELEASED" })
    );
    assert_eq!(released["credit"]["currentUsage"], json!(120.5));
    let again = release(&server, "job-1", 120.5);
    assert_eq!(again.json(), answer.json());
    assert!(again.is_replay());
    assert_eq!(release(&server, "job-1", 121.0).verdict(), "409 reservation_released");
    assert_eq!(told(&server), [80_000.0, 120.5, 0.0, 0.0]);
    let expected = [("CREDITS_RESERVED", -500.0), ("CREDITS_RESERVATION_RELEASED", 379.5)];
    let expected = expected.map(|(kind, amount)| (kind.to_owned(), amount));
    assert_eq!(ledger(&server, "&reservationId=job-1"), expected);
    let entries = server.get("/api/v1/credits/ledger?customerId=acme&reservationId=job-1");
    assert_eq!(entries[0]["holdReturnedAmount"], json!(500));
    assert_eq!(entries[0]["breakdown"][0]["amount"], json!(-120.5));
    assert_eq!(entries[0]["breakdown"][0]["eventType"], json!("CREDITS_CONSUMED"));
    assert_eq!(ledger(&server, "&reservationId=job"), []);
}

#[test]
fn what_is_released_beyond_the_hold_and_after_the_end_is_consumed() {
    let server = world::example();
    reserve(&server, "job-1", "500", "");
    reserve(&server, "job-2", "100", "&reservationTtlSeconds=60");
    assert_eq!(release(&server, "job-1", 700.0).status, 200);
    assert_eq!(told(&server), [80_000.0, 800.0, 100.0, 0.0]);
    server.advance(60);
    assert_eq!(told(&server), [80_000.0, 700.0, 0.0, 0.0], "a read sees the end before it is done");
    let late = release(&server, "job-2", 130.0);
    assert_eq!(late.json()["data"]["reservation"]["amount"], json!(100));
    assert_eq!(told(&server), [80_000.0, 830.0, 0.0, 0.0]);
    assert_eq!(release(&server, "job-2", 130.0).json(), late.json());
    assert_eq!(release(&server, "job-2", 131.0).verdict(), "409 reservation_released");
    let kinds: Vec<String> =
        ledger(&server, "&reservationId=job-2").into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["CREDITS_RESERVED", "CREDITS_RESERVATION_EXPIRED", "CREDITS_CONSUMED"]);
}

#[test]
fn an_extension_gives_more_time_and_credits_or_nothing() {
    let server = world::example();
    reserve(&server, "job", "500", "");
    let more =
        extend(&server, "job", &json!({ "reserveAmount": 600, "reservationTtlSeconds": 7200 }));
    let reservation = &more.json()["data"]["reservation"];
    assert_eq!(reservation["amount"], json!(600));
    assert_eq!(reservation["expiresAt"], json!("2026-01-31T02:00:00.000Z"));
    for (change, verdict) in [
        (json!({ "reserveAmount": 80_001 }), "402 insufficient_credits"),
        (json!({ "reservationExpiresAt": "2026-03-01T00:00:00Z" }), "422 invalid_period"),
    ] {
        assert_eq!(extend(&server, "job", &change).verdict(), verdict, "{change}");
    }
    assert_eq!(
        extend(&server, "none", &json!({ "reserveAmount": 1 })).verdict(),
        "404 reservation_not_found"
    );
    assert_eq!(told(&server), [80_000.0, 600.0, 600.0, 0.0]);
}

#[test]
fn what_is_held_of_an_expired_grant_is_told_apart() {
    let server = world::example();
    let end = "2026-01-31T00:30:00Z";
    grant(&server, "acme", &json!({ "expireAt": end, "amount": 200 }));
    reserve(&server, "job", "150", "");
    server.set_clock(end);
    assert_eq!(told(&server), [80_000.0, 0.0, 0.0, 150.0]);
    let ended = |status: &str| {
        let grants = server.get("/api/v1/credits/grants?customerId=acme");
        let grants = grants.as_array().expect("it is a list").clone();
        let mut ended = grants.into_iter().filter(|grant| grant["status"] == json!(status));
        let grant = ended.next().expect("it is listed");
        assert_eq!(ended.next(), None, "it is listed once");
        grant["consumedAmount"].as_u64().expect("it is a number")
    };
    assert_eq!(ended("EXPIRED"), 0);
    release(&server, "job", 90.0);
    assert_eq!(ended("EXPIRED"), 90, "it is charged to the grant that was held");
    assert_eq!(told(&server), [80_000.0, 0.0, 0.0, 0.0]);
    let all: f64 = ledger(&server, "").iter().map(|(_, amount)| amount).sum();
    assert_eq!(all, 80_000.0, "the entries add up to the balance");
}

#[test]
fn the_list_says_what_became_of_each() {
    let server = world::example();
    for id in ["a", "b", "c", "d"] {
        reserve(&server, id, "10", if id == "b" { "&reservationTtlSeconds=60" } else { "" });
        server.advance(1);
    }
    release(&server, "c", 4.0);
    server.advance(60);
    let list = |filter: &str| {
        let list = server.get(&format!("/api/v1/credits/reservations?customerId=acme{filter}"));
        let items = list.as_array().expect("it is a list").iter().map(|item| {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text("id"), text("status"), item["consumedAmount"])
        });
        items.collect::<Vec<_>>()
    };
    let all = ["d ACTIVE null", "a ACTIVE null", "b EXPIRED null", "c RELEASED 4"];
    assert_eq!(list(""), all);
    assert_eq!(list("&status=EXPIRED"), all[2..3]);
    assert_eq!(list("&status=ACTIVE,RELEASED"), ["d ACTIVE null", "a ACTIVE null", "c RELEASED 4"]);
    assert_eq!(list("&currencyId=none"), Vec::<String>::new());
    let path = "/api/v1/credits/reservations?customerId=acme&limit=1";
    let mut cursor = Value::Null;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let after = cursor.as_str().map_or(String::new(), |cursor| format!("&after={cursor}"));
        let page = server.call("GET", &format!("{path}{after}"), &Value::Null).json();
        seen.push(page["data"][0]["id"].as_str().expect("there is one").to_owned());
        cursor = page["pagination"]["next"].clone();
    }
    assert_eq!((seen.join(" "), cursor), ("d a b c".to_owned(), Value::Null));
}

#[test]
fn overdraft_and_reservations_stand_beside_each_other() {
    let server = world::example();
    reserve(&server, "job", "79990", "");
    server.post("/api/v1/credits/consumption", &usage("acme", "k", 30));
    assert_eq!(told(&server), [80_000.0, 80_020.0, 79_990.0, 0.0]);
    let explained = server.get("/api/v1/customers/acme/credits/explain?currencyId=api-credits");
    assert_eq!(
        explained["statement"],
        json!("80000 granted − 10 used − 79990 reserved − 20 overdraft = -20")
    );
    release(&server, "job", 0.0);
    assert_eq!(told(&server), [80_000.0, 30.0, 0.0, 0.0]);
    let all: f64 = ledger(&server, "").iter().map(|(_, amount)| amount).sum();
    assert_eq!(all, 79_970.0, "the entries add up to the balance");
}
