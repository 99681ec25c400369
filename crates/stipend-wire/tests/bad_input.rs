//! The rows of `bad-input.md` that are decided by reading, by their numbers.
//!
//! Each case says what the answer is: `ok`, or status, code and place.

use serde_json::Value;
use stipend_wire::consumption::{Consume, ConsumeBatch, ReleaseReservation};
use stipend_wire::customer::{CreateCustomer, UpdateCustomer};
use stipend_wire::entitlement::{CreateEntitlements, UpdateEntitlement};
use stipend_wire::environment::{
    CreateEnvironment, CreditProration, EnvironmentType, PeriodAlignment, SetTestClock,
    UpdateEnvironment,
};
use stipend_wire::grant::CreateGrant;
use stipend_wire::json::{parse_no_body, parse_optional_body};
use stipend_wire::package::{UpdateAddon, UpdatePlan};
use stipend_wire::preview::PreviewSubscription;
use stipend_wire::product::CreateProduct;
use stipend_wire::query::{
    CheckQuery, CustomersQuery, FromQuery, GrantsQuery, PackagesQuery, UpcomingQuery,
};
use stipend_wire::subscription::{CancelSubscription, ProvisionSubscription};
use stipend_wire::subscription_change::{
    DelegateSubscription, MigrateSubscription, TransferSubscription,
};
use stipend_wire::task::ImportSubscriptions;
use stipend_wire::{Field, FromJson, WireError, parse_body, parse_query};

fn verdict<T>(result: Result<T, WireError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => {
            let place = error.param.unwrap_or_default();
            format!("{} {} {place}", error.code.status(), error.code).trim_end().to_owned()
        }
    }
}

#[track_caller]
fn check<T: FromJson>(body: &[u8], expected: &str) {
    let shown: String = String::from_utf8_lossy(body).chars().take(200).collect();
    assert_eq!(verdict(parse_body::<T>(body)), expected, "{shown}");
}

#[track_caller]
fn check_amount(amount: &str, consumed: &str, granted: &str) {
    let consume =
        format!(r#"{{"amount":{amount},"currencyId":"c","customerId":"u","idempotencyKey":"k"}}"#);
    check::<Consume>(consume.as_bytes(), consumed);
    check::<CreateGrant>(grant("amount", amount).as_bytes(), granted);
}

/// A sound grant with one field replaced or added.
fn grant(name: &str, value: &str) -> String {
    let mut fields = vec![
        ("amount", "10"),
        ("currencyId", r#""c""#),
        ("customerId", r#""u""#),
        ("displayName", r#""Gift""#),
        ("grantType", r#""PROMOTIONAL""#),
    ];
    fields.retain(|(other, _)| *other != name);
    fields.push((name, value));
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

#[track_caller]
fn check_grant(name: &str, value: &str, expected: &str) {
    check::<CreateGrant>(grant(name, value).as_bytes(), expected);
}

#[test]
fn row_1_to_11_numbers_are_exact_or_refused() {
    let max = &stipend_core::Amount::MAX.to_string();
    let bad = "400 malformed_json";
    let not_positive = "422 must_be_positive /amount";
    let not_a_number = "422 invalid_number /amount";
    let wrong_type = "422 invalid_type /amount";
    let too_large = "422 amount_too_large /amount";
    for amount in ["NaN", "Infinity", "1e400", "0x10", "+1", "01", "1_000", "1,5", "-", "1.", ".5"]
    {
        check_amount(amount, bad, bad);
    }
    for amount in ["-0", "-0.0", "0", "-5"] {
        check_amount(amount, not_positive, not_positive);
    }
    for amount in ["1.0", "1e3", r#""1000""#, "900719925474099.3", max] {
        check_amount(amount, "ok", "ok");
    }
    check_amount("0.30000000000000004", "ok", "422 too_many_decimals /amount");
    check_amount("0.0000000001", not_positive, "422 too_many_decimals /amount");
    check_amount(&format!("0.{}1", "0".repeat(39)), not_a_number, not_a_number);
    check_amount(&"1".repeat(200), not_a_number, not_a_number);
    check_amount(&format!("{max}0"), too_large, too_large);
    check_amount("1e30", too_large, too_large);
    for amount in
        [r#""NaN""#, r#""0x10""#, r#""+1""#, r#""1_000""#, r#""１２""#, r#""""#, r#"" 1""#]
    {
        check_amount(amount, not_a_number, not_a_number);
    }
    for amount in ["true", "null", "{}", "[1]"] {
        check_amount(amount, wrong_type, wrong_type);
    }
}

#[test]
fn row_12_to_16_and_19_the_document_itself_must_be_sound() {
    let bad = "400 malformed_json";
    for body in ["", " ", "null", r#""""#, "42", "[1]", "[]", "true", "{", "{}x", "{}{}", "{} {}"] {
        check::<CancelSubscription>(body.as_bytes(), bad);
    }
    for body in [r"{'a':1}", r#"{"a":1,}"#, r#"{"a" 1}"#, r#"{"a":tru}"#, r#"{"a":"\x"}"#] {
        check::<CancelSubscription>(body.as_bytes(), bad);
    }
    check::<CancelSubscription>(b"\xef\xbb\xbf{}", bad);
    check::<CancelSubscription>(b"\xff\xfe{\0}\0", bad);
    check::<CancelSubscription>(b"{\"a\":\"\xc3\x28\"}", bad);
    check_grant("displayName", r#""\ud800""#, bad);
    check_grant("displayName", r#""\udc00\ud800""#, bad);
    check_grant("displayName", r#""\ud83d\ude00 ok""#, "ok");
    check::<Consume>(br#"{"amount":1,"amount":2}"#, "400 duplicate_key /amount");
    check_grant("metadata", r#"{"a":"1","b":"2","a":"3"}"#, "400 duplicate_key /metadata/a");
    check_grant("metadata", r#"{"a":"1","\u0061":"3"}"#, "400 duplicate_key /metadata/a");
    for depth in [65, 200, 100_000] {
        let body = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        check::<Consume>(body.as_bytes(), bad);
        check::<Consume>("[".repeat(depth).as_bytes(), bad);
    }
}

#[test]
fn row_15_and_75_unknown_keys_are_refused_with_a_pointer() {
    check_grant("expire_at", r#""2030-01-01T00:00:00Z""#, "422 unknown_field /expire_at");
    for name in ["id", "created_at", "balance", "role", "environment_id"] {
        check_grant(name, "1", &format!("422 unknown_field /{name}"));
    }
    check_grant("a~/b", "1", "422 unknown_field /a~0~1b");
    check_grant("cost", r#"{"amount":1,"currency":"usd","tax":1}"#, "422 unknown_field /cost/tax");
    check_grant("metadata", r#"{"anything":"goes"}"#, "ok");
    let error = parse_body::<CreateGrant>(grant("expire_at", "1").as_bytes()).unwrap_err();
    assert_eq!(error.message, "`/expire_at` is not a field here; did you mean `expireAt`?");
}

#[test]
fn row_17_lists_and_maps_are_bounded() {
    let item = r#"{"amount":1,"currencyId":"c","customerId":"u","idempotencyKey":"k"}"#;
    let batch = |count: usize| format!(r#"{{"consumptions":[{}]}}"#, vec![item; count].join(","));
    check::<ConsumeBatch>(batch(1_000).as_bytes(), "ok");
    check::<ConsumeBatch>(batch(1_001).as_bytes(), "422 too_many_items /consumptions");
    check::<ConsumeBatch>(br#"{"consumptions":[]}"#, "422 too_few_items /consumptions");
    let keys: Vec<_> = (0..10_000).map(|key| format!("\"k{key}\":1")).collect();
    check::<Consume>(format!("{{{}}}", keys.join(",")).as_bytes(), "422 too_many_items");
}

#[test]
fn row_20_to_23_and_25_texts_and_ids_keep_to_their_kind() {
    let addons = |quantity: &str| {
        format!(
            r#"{{"customerId":"u","planId":"p","addons":[{{"id":"a","quantity":{quantity}}}]}}"#
        )
    };
    check::<ProvisionSubscription>(
        addons("0").as_bytes(),
        "422 must_be_positive /addons/0/quantity",
    );
    check::<ProvisionSubscription>(
        addons("1.5").as_bytes(),
        "422 invalid_number /addons/0/quantity",
    );
    check::<ProvisionSubscription>(addons("2.0").as_bytes(), "ok");
    for name in [r#""""#, r#""  ""#, r#""\u3000""#, r#""a\nb""#, r#""a\u0000b""#, r#""a\u001b[0m""#]
    {
        check_grant("displayName", name, "422 invalid_string /displayName");
    }
    check_grant("displayName", "\"a\u{7f}\"", "422 invalid_string /displayName");
    check_grant("displayName", r#""\u202eאב\u200b""#, "ok");
    check_grant("comment", r#""two\nlines\tand a tab""#, "ok");
    check_grant("comment", r#""bell \u0007""#, "422 invalid_string /comment");
    check_grant("metadata", r#"{"a\u0000":"1"}"#, "422 invalid_string /metadata");
    check_grant("metadata", r#"{"a":"\u0000"}"#, "422 invalid_string /metadata/a");
    check_grant("displayName", &format!("\"{}\"", "n".repeat(256)), "422 too_long /displayName");
    for id in [r#""""#, r#"" ""#, r#""a b""#, r#""../x""#, r#""сust""#, r#""-a""#, r#""a\u202eb""#]
    {
        check_grant("customerId", id, "422 invalid_id /customerId");
    }
    check_grant("customerId", &format!("\"{}\"", "i".repeat(256)), "422 invalid_id /customerId");
    check_grant("customerId", r#""a@b.c|d""#, "ok");
    check_grant("currencyId", r#""a@b""#, "422 invalid_id /currencyId");
    check::<CreateProduct>(br#"{"id":"p","displayName":" "}"#, "422 invalid_string /displayName");
}

#[test]
fn row_29_and_30_metadata_and_addresses_are_bounded() {
    let map = |count: usize| {
        let entries: Vec<_> = (0..count).map(|key| format!("\"k{key}\":\"v\"")).collect();
        format!("{{{}}}", entries.join(","))
    };
    check_grant("metadata", &map(50), "ok");
    check_grant("metadata", &map(51), "422 too_many_items /metadata");
    let (key, value) = ("k".repeat(41), "v".repeat(501));
    check_grant(
        "metadata",
        &format!("{{\"{key}\":\"\"}}"),
        &format!("422 too_long /metadata/{key}"),
    );
    check_grant("metadata", &format!("{{\"a\":\"{value}\"}}"), "422 too_long /metadata/a");
    check_grant("metadata", r#"{"a":{"b":"c"}}"#, "422 invalid_type /metadata/a");
    check_grant("metadata", r#"{"a":1}"#, "422 invalid_type /metadata/a");
    check_grant("metadata", r#"["a"]"#, "422 invalid_type /metadata");
    for email in ["x", "@", "a@", "a@b@c", "a b@c"] {
        let body = format!(r#"{{"email":"{email}"}}"#);
        check::<UpdateCustomer>(body.as_bytes(), "422 invalid_value /email");
    }
    check::<CreateCustomer>(br#"{"id":"u","email":"a@b.example"}"#, "ok");
}

#[test]
fn row_53_timestamps_are_rfc_3339_with_an_offset() {
    for instant in [
        r#""2030-01-01T00:00:00""#,
        r#""2030-01-01""#,
        r#""2030-01-01T24:00:00Z""#,
        r#""2030-02-30T00:00:00Z""#,
        r#""0000-01-01T00:00:00Z""#,
        r#""10000-01-01T00:00:00Z""#,
        r#""2030-01-01T00:00:00+00:00[UTC]""#,
        "1735689600000",
        r#""soon""#,
    ] {
        check_grant("expireAt", instant, "422 invalid_timestamp /expireAt");
    }
    check_grant("expireAt", r#""2030-01-01T00:00:00.123456+02:00""#, "ok");
    check_grant("expireAt", "null", "422 invalid_type /expireAt");
}

#[test]
fn other_fields_name_what_is_wrong_and_where() {
    check::<CreateGrant>(b"{}", "422 missing_field /amount");
    check_grant("priority", "50.0", "ok");
    check_grant("priority", "101", "422 invalid_value /priority");
    check_grant("priority", "-1", "422 invalid_value /priority");
    check_grant("grantType", r#""RECURRING""#, "422 invalid_value /grantType");
    check_grant("grantType", "1", "422 invalid_type /grantType");
    check_grant("cost", r#"{"amount":1,"currency":"USD"}"#, "422 invalid_value /cost/currency");
    let entitlements = |item: &str| format!(r#"{{"entitlements":[{item}]}}"#);
    let check_item = |item: &str, expected: &str| {
        check::<CreateEntitlements>(entitlements(item).as_bytes(), expected);
    };
    let credit = r#"{"type":"CREDIT","id":"c","amount":5000,"cadence":"MONTH"}"#;
    check_item(credit, "ok");
    check_item(&credit.replace("5000", "null"), "ok");
    check_item(
        &credit.replace(r#""amount":5000,"#, ""),
        "422 missing_field /entitlements/0/amount",
    );
    check_item(&credit.replace("5000", "-1"), "422 must_not_be_negative /entitlements/0/amount");
    check_item(
        &credit.replace("5000", "0.1234567891"),
        "422 too_many_decimals /entitlements/0/amount",
    );
    check_item(&credit.replace("CREDIT", "TOKEN"), "422 invalid_value /entitlements/0/type");
    check_item(r#"{"id":"c"}"#, "422 missing_field /entitlements/0/type");
    check_item("[]", "422 invalid_type /entitlements/0");
    check::<CreateEntitlements>(br#"{"entitlements":[]}"#, "422 too_few_items /entitlements");
    check::<UpdateEntitlement>(
        br#"{"type":"CREDIT","currencyId":"x"}"#,
        "422 unknown_field /currencyId",
    );
    let twice = r#"{"customerId":"u","planId":"p","addons":[{"id":"a","quantity":1},{"id":"a","quantity":1}]}"#;
    check::<ProvisionSubscription>(twice.as_bytes(), "422 duplicate_addon /addons/1");
    check::<UpdatePlan>(
        br#"{"compatibleAddonIds":["a",1]}"#,
        "422 invalid_type /compatibleAddonIds/1",
    );
    check::<UpdateAddon>(
        br#"{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"FLAT_FEE","pricePeriods":[]}]}}"#,
        "422 too_few_items /charges/pricingModels/0/pricePeriods",
    );
    check::<ReleaseReservation>(br#"{"consumedAmount":0,"currencyId":"c","customerId":"u"}"#, "ok");
}

/// The body with the value at that pointer replaced, added, or removed for an empty text.
fn edited(body: &str, pointer: &str, value: &str) -> String {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let mut body: Value = serde_json::from_str(body).expect("the body is JSON");
    let object = body.pointer_mut(parent).and_then(Value::as_object_mut).expect(parent);
    if value.is_empty() {
        object.remove(key).expect(pointer);
    } else {
        object.insert(key.to_owned(), serde_json::from_str(value).expect("the value is JSON"));
    }
    body.to_string()
}

/// A sound body: it is taken, not without each of the required fields, and with no other one.
#[track_caller]
fn check_sound<T: FromJson>(body: &str, required: &[&str]) {
    check::<T>(body.as_bytes(), "ok");
    for pointer in required {
        let expected = format!("422 missing_field {pointer}");
        check::<T>(edited(body, pointer, "").as_bytes(), &expected);
    }
    check::<T>(edited(body, "/other", "1").as_bytes(), "422 unknown_field /other");
}

/// What becomes of a sound body with other values: pointer, value, and the code due there.
#[track_caller]
fn check_edits<T: FromJson>(body: &str, edits: &[(&str, &str, &str)]) {
    for (pointer, value, expected) in edits {
        let expected = match *expected {
            "ok" => "ok".to_owned(),
            code => format!("422 {code} {pointer}"),
        };
        check::<T>(edited(body, pointer, value).as_bytes(), &expected);
    }
}

#[test]
fn moves_of_a_subscription_name_where_to() {
    let migrate = r#"{"subscriptionMigrationTime":"END_OF_BILLING_PERIOD"}"#;
    check_sound::<MigrateSubscription>(migrate, &[]);
    let time = "/subscriptionMigrationTime";
    check_edits::<MigrateSubscription>(
        migrate,
        &[
            (time, "", "ok"),
            (time, r#""IMMEDIATE""#, "ok"),
            (time, r#""END_OF_BILLING_MONTH""#, "invalid_value"),
            (time, "null", "invalid_type"),
        ],
    );
    let transfer = r#"{"destinationResourceId":"site-2"}"#;
    let destination = "/destinationResourceId";
    check_sound::<TransferSubscription>(transfer, &[destination]);
    check_edits::<TransferSubscription>(
        transfer,
        &[(destination, r#""a b""#, "invalid_id"), (destination, "null", "invalid_type")],
    );
    let delegate = r#"{"targetCustomerId":"head@office"}"#;
    let target = "/targetCustomerId";
    check_sound::<DelegateSubscription>(delegate, &[target]);
    check_edits::<DelegateSubscription>(
        delegate,
        &[(target, r#""a b""#, "invalid_id"), (target, "null", "invalid_type")],
    );
}

#[test]
fn a_preview_takes_what_provisioning_takes() {
    let body = r#"{
        "customerId":"u","planId":"p","addons":[{"id":"a","quantity":2}],
        "appliedCoupon":{"couponId":"ten","any":[1]},
        "billableFeatures":[{"featureId":"seats","quantity":1.5}],
        "billingCountryCode":"DE","billingCycleAnchor":"NOW",
        "billingInformation":{"taxPercentage":19,"any":{}},"billingPeriod":"ANNUALLY",
        "charges":[{"id":"seats","quantity":5,"type":"FEATURE"}],
        "payingCustomerId":"payer","resourceId":"site","scheduleStrategy":"END_OF_BILLING_MONTH",
        "startDate":"2030-01-01T00:00:00Z",
        "trialOverrideConfiguration":{"isTrial":true,"trialEndBehavior":"CONVERT_TO_PAID",
            "trialEndDate":"2030-02-01T00:00:00Z"},
        "unitQuantity":3}"#;
    let required = [
        "/customerId",
        "/planId",
        "/addons/0/id",
        "/addons/0/quantity",
        "/billableFeatures/0/featureId",
        "/billableFeatures/0/quantity",
        "/charges/0/id",
        "/charges/0/quantity",
        "/charges/0/type",
        "/trialOverrideConfiguration/isTrial",
    ];
    check_sound::<PreviewSubscription>(body, &required);
    check::<PreviewSubscription>(br#"{"customerId":"u","planId":"p"}"#, "ok");
    check_edits::<PreviewSubscription>(
        body,
        &[
            ("/appliedCoupon", "[]", "invalid_type"),
            ("/billableFeatures/0/quantity", "-1", "must_not_be_negative"),
            ("/billableFeatures/0/type", r#""FEATURE""#, "unknown_field"),
            ("/billingCycleAnchor", r#""LATER""#, "invalid_value"),
            ("/billingPeriod", r#""WEEKLY""#, "invalid_value"),
            ("/charges/0/type", r#""SEAT""#, "invalid_value"),
            ("/payingCustomerId", "null", "invalid_type"),
            ("/resourceId", "null", "invalid_type"),
            ("/scheduleStrategy", r#""SOON""#, "invalid_value"),
            ("/startDate", r#""2030-01-01""#, "invalid_timestamp"),
            ("/trialOverrideConfiguration/trialEndBehavior", r#""STOP""#, "invalid_value"),
            ("/unitQuantity", "0", "must_be_positive"),
        ],
    );
}

#[test]
fn an_import_has_1_to_1000_subscriptions_each_once() {
    let body = r#"{"integrationId":null,"subscriptions":[{
        "id":"s","customerId":"u","planId":"p","addons":[{"id":"a","quantity":1}],
        "billingId":null,"billingPeriod":"MONTHLY",
        "charges":[{"id":"c","quantity":100,"type":"CREDIT"}],"endDate":null,
        "metadata":{"from":"elsewhere"},"resourceId":null,"startDate":"2020-01-01T00:00:00Z"}]}"#;
    let item = "/subscriptions/0";
    let required = ["/id", "/customerId", "/planId"].map(|field| format!("{item}{field}"));
    let mut required: Vec<&str> = required.iter().map(String::as_str).collect();
    required.push("/subscriptions");
    check_sound::<ImportSubscriptions>(body, &required);
    check_edits::<ImportSubscriptions>(
        body,
        &[
            ("/integrationId", r#""hub""#, "ok"),
            ("/integrationId", "1", "invalid_type"),
            ("/subscriptions", "[]", "too_few_items"),
            ("/subscriptions", "{}", "invalid_type"),
            ("/subscriptions/0/billingPeriod", r#""DAILY""#, "invalid_value"),
            ("/subscriptions/0/endDate", r#""2030-01-01T00:00:00Z""#, "ok"),
            ("/subscriptions/0/endDate", r#""never""#, "invalid_timestamp"),
            ("/subscriptions/0/entitlements", "[]", "unknown_field"),
            ("/subscriptions/0/metadata", r#"["a"]"#, "invalid_type"),
            ("/subscriptions/0/startDate", "null", "invalid_type"),
        ],
    );
    let import = |count: usize| {
        let item = |number| format!(r#"{{"id":"s{number}","customerId":"u","planId":"p"}}"#);
        let items: Vec<_> = (0..count).map(item).collect();
        format!(r#"{{"subscriptions":[{}]}}"#, items.join(","))
    };
    check::<ImportSubscriptions>(import(1_000).as_bytes(), "ok");
    check::<ImportSubscriptions>(import(1_001).as_bytes(), "422 too_many_items /subscriptions");
    let twice = import(3).replace("s2", "s0");
    check::<ImportSubscriptions>(twice.as_bytes(), "422 duplicate_item /subscriptions/2");
}

#[test]
fn a_test_clock_takes_an_instant() {
    let body = r#"{"now":"2026-02-01T00:00:00+01:00"}"#;
    check_sound::<SetTestClock>(body, &["/now"]);
    check_edits::<SetTestClock>(
        body,
        &[
            ("/now", r#""2026-02-01""#, "invalid_timestamp"),
            ("/now", "1769900400", "invalid_timestamp"),
            ("/now", "null", "invalid_type"),
            ("/frozen", "true", "unknown_field"),
        ],
    );
}

#[test]
fn an_environment_has_a_plain_name_and_known_settings() {
    let body = r#"{"name":"staging-2","type":"PRODUCTION","timeZone":"Europe/Berlin",
        "periodAlignment":"START_OF_MONTH","creditProration":"PRORATE"}"#;
    check_sound::<CreateEnvironment>(body, &["/name"]);
    let (longest, too_long) =
        (format!("\"{}\"", "n".repeat(64)), format!("\"{}\"", "n".repeat(65)));
    check_edits::<CreateEnvironment>(
        body,
        &[
            ("/name", r#""7""#, "ok"),
            ("/name", &longest, "ok"),
            ("/name", &too_long, "too_long"),
            ("/name", r#""""#, "invalid_value"),
            ("/name", r#""-a""#, "invalid_value"),
            ("/name", r#""Staging""#, "invalid_value"),
            ("/name", r#""a_b""#, "invalid_value"),
            ("/name", r#""é""#, "invalid_value"),
            ("/name", "null", "invalid_type"),
            ("/type", r#""TEST""#, "invalid_value"),
            ("/type", "null", "invalid_type"),
            ("/periodAlignment", r#""START_OF_WEEK""#, "invalid_value"),
            ("/creditProration", "null", "invalid_type"),
            ("/apiKey", r#""mine""#, "unknown_field"),
        ],
    );
    let created = parse_body::<CreateEnvironment>(br#"{"name":"a"}"#).unwrap();
    assert_eq!(created.r#type.unwrap_or(EnvironmentType::DEFAULT), EnvironmentType::Sandbox);
    assert_eq!(
        created.period_alignment.unwrap_or(PeriodAlignment::DEFAULT),
        PeriodAlignment::SubscriptionStart
    );
    assert_eq!(created.credit_proration.unwrap_or(CreditProration::DEFAULT), CreditProration::None);
}

#[test]
fn a_time_zone_looks_like_one_or_is_null() {
    let body = r#"{"timeZone":"America/Argentina/Buenos_Aires"}"#;
    check_sound::<UpdateEnvironment>(body, &[]);
    let zone = "/timeZone";
    for name in ["UTC", "Etc/GMT+5", "EST5EDT", "America/Port-au-Prince"] {
        check_edits::<UpdateEnvironment>(body, &[(zone, &format!("\"{name}\""), "ok")]);
    }
    let too_long = "Z".repeat(65);
    for name in ["", " UTC", "+02:00", "../etc/passwd", "Europe/München", &too_long] {
        let name = format!("\"{name}\"");
        check_edits::<UpdateEnvironment>(body, &[(zone, &name, "unknown_time_zone")]);
    }
    check_edits::<UpdateEnvironment>(
        body,
        &[
            (zone, "2", "invalid_type"),
            ("/name", r#""other""#, "unknown_field"),
            ("/type", r#""SANDBOX""#, "unknown_field"),
            ("/periodAlignment", r#""SUBSCRIPTION_START""#, "ok"),
            ("/creditProration", r#""HALF""#, "invalid_value"),
        ],
    );
    let zone_of = |body: &str| parse_body::<UpdateEnvironment>(body.as_bytes()).unwrap().time_zone;
    assert_eq!(zone_of(r#"{"timeZone":null}"#), Field::Null);
    assert_eq!(zone_of("{}"), Field::Absent);
}

#[test]
fn operations_without_a_body_take_none_or_an_empty_object() {
    assert_eq!(verdict(parse_no_body(b"")), "ok");
    assert_eq!(verdict(parse_no_body(b"{}")), "ok");
    assert_eq!(verdict(parse_no_body(b"[]")), "400 malformed_json");
    assert_eq!(verdict(parse_no_body(br#"{"a":1}"#)), "422 unknown_field /a");
    assert_eq!(verdict(parse_optional_body::<CancelSubscription>(b"")), "ok");
}

#[test]
fn a_batch_lists_its_bad_items_and_keeps_the_good_ones() {
    let item = |amount: &str| {
        format!(r#"{{"amount":{amount},"currencyId":"c","customerId":"u","idempotencyKey":"k"}}"#)
    };
    let body = format!(r#"{{"consumptions":[{},{},3]}}"#, item("1"), item("-1"));
    let batch = parse_body::<ConsumeBatch>(body.as_bytes()).unwrap().consumptions;
    assert_eq!(batch.items.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0]);
    let errors = batch.errors.iter().map(|e| format!("{} {} {:?}", e.index, e.code, e.param));
    assert_eq!(
        errors.collect::<Vec<_>>(),
        [r#"1 must_be_positive Some("/amount")"#, "2 invalid_type None"]
    );
}

#[track_caller]
fn check_query<T: FromQuery>(query: &str, expected: &str) {
    assert_eq!(verdict(parse_query::<T>(query)), expected, "{query}");
}

#[test]
fn row_36_77_and_78_queries_are_strict() {
    for limit in ["0", "-1", "1000000000", "abc", "", "1.5", "+5", "101"] {
        check_query::<CustomersQuery>(&format!("limit={limit}"), "400 invalid_limit limit");
    }
    check_query::<CustomersQuery>("limit=100", "ok");
    check_query::<CustomersQuery>("limit=1&limit=1", "400 duplicate_parameter limit");
    check_query::<CustomersQuery>("sort=name", "400 unknown_parameter sort");
    check_query::<CustomersQuery>("name=%ff", "400 invalid_parameter");
    check_query::<CustomersQuery>("name=%00", "400 invalid_parameter");
    check_query::<CustomersQuery>("name=%4", "400 invalid_parameter");
    check_query::<CustomersQuery>("createdAt=2020", "400 unknown_parameter createdAt");
    check_query::<CustomersQuery>("createdAt[gt]=x", "400 invalid_parameter createdAt[gt]");
    check_query::<CustomersQuery>(&"limit=1&".repeat(5_000), "400 invalid_parameter");
    check_query::<PackagesQuery>("status=NEW", "400 invalid_parameter status");
    check_query::<GrantsQuery>("limit=5", "400 missing_parameter customerId");
    check_query::<CheckQuery>("requestedUsage=-1", "400 invalid_parameter requestedUsage");
}

#[test]
fn the_future_of_a_subscription_is_counted_from_1_to_100() {
    let count = |query: &str| parse_query::<UpcomingQuery>(query).unwrap().count.0;
    assert_eq!(count(""), 12);
    assert_eq!(count("count=1"), 1);
    assert_eq!(count("count=100"), 100);
    for number in ["0", "101", "-1", "1.5", "", "all"] {
        check_query::<UpcomingQuery>(&format!("count={number}"), "400 invalid_parameter count");
    }
    check_query::<UpcomingQuery>("count=1&count=2", "400 duplicate_parameter count");
    check_query::<UpcomingQuery>("limit=5", "400 unknown_parameter limit");
}

#[test]
fn queries_take_both_forms_of_lists_and_bracketed_ranges() {
    for query in
        ["status=DRAFT%2CPUBLISHED", "status=DRAFT,PUBLISHED", "status=DRAFT&status=PUBLISHED"]
    {
        let query = parse_query::<PackagesQuery>(query).unwrap();
        assert_eq!(
            query.status.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
            ["DRAFT", "PUBLISHED"]
        );
        assert_eq!(query.limit.0, 20);
    }
    let range =
        "createdAt%5Bgte%5D=2026-01-01T00%3A00%3A00%2B00%3A00&createdAt[lt]=2026-02-01T00:00:00Z";
    let range = parse_query::<CustomersQuery>(range).unwrap().created_at;
    let at = |text: &str| stipend_core::Timestamp::parse(text).unwrap();
    assert!(range.contains(at("2026-01-01T00:00:00Z")));
    assert!(!range.contains(at("2026-02-01T00:00:00Z")));
    let check =
        parse_query::<CheckQuery>("requestedValues=a%2Cb&requestedUsage=1.5&featureId=f").unwrap();
    assert_eq!(check.requested_values.0.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    assert!(check.check_subject().is_ok());
    assert!(parse_query::<CheckQuery>("").unwrap().check_subject().is_err());
}
