//! The rows of `bad-input.md` that are decided by reading, by their numbers.
//!
//! Each case says what the answer is: `ok`, or status, code and place.

use serde_json::Value;
use stipend_wire::consumption::{Consume, ConsumeBatch};
use stipend_wire::credit_usage::TimeRange;
use stipend_wire::customer::{CreateCustomer, UpdateCustomer};
use stipend_wire::entitlement::{CreateEntitlements, UpdateEntitlement};
use stipend_wire::environment::{
    CreateEnvironment, CreditProration, EnvironmentType, PeriodAlignment, SetTestClock,
    UpdateEnvironment,
};
use stipend_wire::event::{EstimateEvent, EstimateUsage, ReportEvent, ReportEvents};
use stipend_wire::feature::{CreateFeature, UpdateFeature};
use stipend_wire::grant::CreateGrant;
use stipend_wire::json::{parse_no_body, parse_optional_body};
use stipend_wire::package::{UpdateAddon, UpdatePlan};
use stipend_wire::preview::PreviewSubscription;
use stipend_wire::product::CreateProduct;
use stipend_wire::promotional::GrantPromotionals;
use stipend_wire::query::{
    CheckQuery, CreditUsageQuery, CustomersQuery, FromQuery, GrantsQuery, LedgerQuery,
    PackagesQuery, PromotionalsQuery, ReservationsQuery, UpcomingQuery, UsageHistoryQuery,
};
use stipend_wire::reservation::{ExtendReservation, ReleaseReservation};
use stipend_wire::reversal::ReverseEntry;
use stipend_wire::subscription::{CancelSubscription, ProvisionSubscription};
use stipend_wire::subscription_change::{
    DelegateSubscription, MigrateSubscription, TransferSubscription,
};
use stipend_wire::task::ImportSubscriptions;
use stipend_wire::usage::{ReportUsage, ReportUsages};
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
fn a_gift_has_no_price() {
    let priced = |kind: &str, amount: &str| {
        let cost = format!(r#"{{"amount":{amount},"currency":"usd"}},"grantType":"{kind}""#);
        grant("cost", &cost).replacen(r#""grantType":"PROMOTIONAL","#, "", 1)
    };
    let refused = "422 conflicting_fields /cost/amount";
    for (kind, amount, expected) in [
        ("PROMOTIONAL", "100", refused),
        ("PROMOTIONAL", "0.01", refused),
        ("PROMOTIONAL", "0.0", "ok"),
        ("PAID", "100", "ok"),
        ("PAID", "0", "ok"),
    ] {
        check::<CreateGrant>(priced(kind, amount).as_bytes(), expected);
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
            ("/unitQuantity", "0", "ok"),
            ("/unitQuantity", "-1", "invalid_value"),
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
    for types in ["", "&eventType=", "&eventType=,&eventType="] {
        let query = parse_query::<LedgerQuery>(&format!("customerId=u{types}")).unwrap();
        assert_eq!(query.event_type.0, None, "a blank list is none: {types}");
    }
    assert!(check.check_subject().is_ok());
    assert!(parse_query::<CheckQuery>("").unwrap().check_subject().is_err());
}

const USAGE: &str = r#"{"usages":[{
    "customerId":"u","featureId":"f","value":1.5,"createdAt":"2026-01-01T00:00:00Z",
    "dimensions":{"region":"eu","tokens":12,"cached":true},"idempotencyKey":"k",
    "resourceId":"site","updateBehavior":"DELTA"}]}"#;

/// A list of one item with one field replaced, and the code that the item is listed with.
#[track_caller]
fn check_item_edits<T: FromJson>(body: &str, list: &str, edits: &[(&str, &str, &str)]) {
    let mut body: Value = serde_json::from_str(body).expect("the body is JSON");
    let item = body[list][0].take().to_string();
    check::<T>(item.as_bytes(), "ok");
    check_edits::<T>(&item, edits);
}

#[test]
fn usage_has_a_value_that_changes_something() {
    check_sound::<ReportUsages>(USAGE, &["/usages"]);
    check_item_edits::<ReportUsage>(
        USAGE,
        "usages",
        &[
            ("/value", "-9007199254740991", "ok"),
            ("/value", r#""1000.5""#, "ok"),
            ("/value", r#""1,5""#, "invalid_number"),
            ("/value", "0.1e1", "ok"),
            ("/value", "0", "invalid_value"),
            ("/value", "-0.0", "invalid_value"),
            ("/value", "0.0000000001", "invalid_value"),
            ("/value", "true", "invalid_type"),
            ("/value", "null", "invalid_type"),
            ("/value", "1e30", "amount_too_large"),
            ("/value", "", "missing_field"),
            ("/customerId", "", "missing_field"),
            ("/featureId", "", "missing_field"),
            ("/featureId", r#""a b""#, "invalid_id"),
            ("/updateBehavior", r#""ADD""#, "invalid_value"),
            ("/updateBehavior", "null", "invalid_type"),
            ("/resourceId", "null", "ok"),
            ("/resourceId", r#""""#, "invalid_id"),
            ("/idempotencyKey", r#"" ""#, "invalid_string"),
            ("/idempotencyKey", "null", "invalid_type"),
            ("/createdAt", "1735689600000", "invalid_timestamp"),
            ("/dimensions", "[]", "invalid_type"),
            ("/timestamp", "1", "unknown_field"),
        ],
    );
    let set = |value: &str| {
        format!(r#"{{"customerId":"u","featureId":"f","value":{value},"updateBehavior":"SET"}}"#)
    };
    check::<ReportUsage>(set("0").as_bytes(), "ok");
    check::<ReportUsage>(set(&"9".repeat(41)).as_bytes(), "422 invalid_number /value");
    check::<EstimateUsage>(set("0").as_bytes(), "ok");
    check::<EstimateUsage>(set("0").replace("SET", "DELTA").as_bytes(), "422 invalid_value /value");
    let rounded = parse_body::<ReportUsage>(set("0.30000000000000004").as_bytes()).unwrap();
    assert_eq!(rounded.value.0.to_string(), "0.3");
    check_sound::<EstimateUsage>(&set("1"), &["/customerId", "/featureId", "/value"]);
    check::<EstimateUsage>(
        edited(&set("1"), "/idempotencyKey", r#""k""#).as_bytes(),
        "422 unknown_field /idempotencyKey",
    );
}

#[test]
fn dimensions_are_texts_numbers_and_booleans() {
    let body = r#"{"customerId":"u","eventName":"e","dimensions":{}}"#;
    check_sound::<EstimateEvent>(body, &["/customerId", "/eventName"]);
    let (longest, too_long) =
        (format!("\"{}\"", "v".repeat(1_000)), format!("\"{}\"", "v".repeat(1_001)));
    let number = |digits: usize| body.replace("{}", &format!(r#"{{"a":{}}}"#, "1".repeat(digits)));
    check::<EstimateEvent>(number(18).as_bytes(), "ok");
    check::<EstimateEvent>(number(40).as_bytes(), "422 amount_too_large /dimensions/a");
    check::<EstimateEvent>(number(41).as_bytes(), "422 invalid_number /dimensions/a");
    check_edits::<EstimateEvent>(
        body,
        &[
            ("/dimensions/a", "1e2", "ok"),
            ("/dimensions/a", "0.30000000000000004", "ok"),
            ("/dimensions/a", "-0.0", "ok"),
            ("/dimensions/a", "1e18", "ok"),
            ("/dimensions/a", "-1e18", "ok"),
            ("/dimensions/a", "1.1e18", "amount_too_large"),
            ("/dimensions/a", "1e30", "amount_too_large"),
            ("/dimensions/a", "-1e30", "amount_too_large"),
            ("/dimensions/a", &longest, "ok"),
            ("/dimensions/a", &too_long, "too_long"),
            ("/dimensions/a", "null", "invalid_type"),
            ("/dimensions/a", "{}", "invalid_type"),
            ("/dimensions/a", "[1]", "invalid_type"),
            ("/dimensions", "null", "invalid_type"),
        ],
    );
    let map = |count: usize| {
        let entries: Vec<_> = (0..count).map(|key| format!("\"k{key}\":{key}")).collect();
        edited(body, "/dimensions", &format!("{{{}}}", entries.join(",")))
    };
    check::<EstimateEvent>(map(100).as_bytes(), "ok");
    check::<EstimateEvent>(map(101).as_bytes(), "422 too_many_items /dimensions");
    for count in [2, 17] {
        let keys: Vec<_> = (1..count).map(|key| format!("\"k{key}\":1")).collect();
        let twice = format!(r#"{{"dimensions":{{{},"k1":2}}}}"#, keys.join(","));
        check::<EstimateEvent>(twice.as_bytes(), "400 duplicate_key /dimensions/k1");
    }
}

#[test]
fn events_need_a_name_and_a_key() {
    let body = r#"{"events":[{
        "customerId":"u","eventName":"e","idempotencyKey":"k","dimensions":{"n":1},
        "resourceId":null,"timestamp":"2026-01-01T00:00:00Z"}]}"#;
    check_sound::<ReportEvents>(body, &["/events"]);
    let too_long = format!("\"{}\"", "e".repeat(256));
    check_item_edits::<ReportEvent>(
        body,
        "events",
        &[
            ("/customerId", "", "missing_field"),
            ("/eventName", "", "missing_field"),
            ("/idempotencyKey", "", "missing_field"),
            ("/eventName", r#"" ""#, "invalid_string"),
            ("/eventName", &too_long, "too_long"),
            ("/idempotencyKey", &too_long, "too_long"),
            ("/idempotencyKey", r#""""#, "invalid_string"),
            ("/resourceId", r#""site""#, "ok"),
            ("/timestamp", "null", "invalid_type"),
            ("/timestamp", r#""2026-01-01""#, "invalid_timestamp"),
            ("/createdAt", r#""2026-01-01T00:00:00Z""#, "unknown_field"),
            ("/value", "1", "unknown_field"),
        ],
    );
}

#[test]
fn row_50_batches_have_at_least_one_item_and_at_most_so_many() {
    let check_batch = |count: usize, events: &str, usages: &str| {
        let event = r#"{"customerId":"u","eventName":"e","idempotencyKey":"k"}"#;
        let usage = r#"{"customerId":"u","featureId":"f","value":1}"#;
        let list = |item| vec![item; count].join(",");
        check::<ReportEvents>(format!(r#"{{"events":[{}]}}"#, list(event)).as_bytes(), events);
        check::<ReportUsages>(format!(r#"{{"usages":[{}]}}"#, list(usage)).as_bytes(), usages);
    };
    check_batch(0, "422 too_few_items /events", "422 too_few_items /usages");
    check_batch(100, "ok", "ok");
    check_batch(101, "ok", "422 too_many_items /usages");
    check_batch(1_000, "ok", "422 too_many_items /usages");
    check_batch(1_001, "422 too_many_items /events", "422 too_many_items /usages");
    check::<ReportEvents>(br#"{"events":{}}"#, "422 invalid_type /events");
    let body = r#"{"usages":[{"customerId":"u","featureId":"f","value":0},3]}"#;
    let batch = parse_body::<ReportUsages>(body.as_bytes()).unwrap().usages;
    let errors = batch.errors.iter().map(|e| format!("{} {} {:?}", e.index, e.code, e.param));
    assert_eq!(
        errors.collect::<Vec<_>>(),
        [r#"0 invalid_value Some("/value")"#, "1 invalid_type None"]
    );
    assert_eq!(
        batch.errors[0].message,
        "`/value` must not be zero, nor round to it, unless `updateBehavior` is SET"
    );
}

#[test]
fn an_extension_names_what_is_extended() {
    let body = r#"{"customerId":"u","currencyId":"c","reservationTtlSeconds":600,
        "reserveAmount":12.5,"resourceId":"site"}"#;
    check_sound::<ExtendReservation>(body, &["/customerId", "/currencyId"]);
    check_edits::<ExtendReservation>(
        body,
        &[
            ("/reservationTtlSeconds", "86400", "ok"),
            ("/reservationTtlSeconds", "86401", "invalid_value"),
            ("/reservationTtlSeconds", "0", "must_be_positive"),
            ("/reservationTtlSeconds", "1.5", "invalid_number"),
            ("/reserveAmount", "0", "must_be_positive"),
            ("/reserveAmount", "null", "invalid_type"),
            ("/resourceId", "null", "invalid_type"),
            ("/expiresAt", "1", "unknown_field"),
            ("/amount", "1", "unknown_field"),
        ],
    );
    let both = edited(body, "/reservationExpiresAt", r#""2026-01-01T00:00:00Z""#);
    check::<ExtendReservation>(both.as_bytes(), "422 conflicting_fields /reservationTtlSeconds");
    check::<ExtendReservation>(br#"{"customerId":"u","currencyId":"c"}"#, "422 conflicting_fields");
    let at = |text: &str| stipend_core::Timestamp::parse(text).unwrap();
    let now = at("2026-01-01T00:00:00Z");
    let resolved = |body: &str| parse_body::<ExtendReservation>(body.as_bytes())?.expires_at(now);
    assert_eq!(resolved(body), Ok(Some(at("2026-01-01T00:10:00Z"))));
    let until =
        |instant: &str| edited(&both, "/reservationTtlSeconds", "").replace("2026-01-01", instant);
    assert_eq!(resolved(&until("2026-01-02")), Ok(Some(at("2026-01-02T00:00:00Z"))));
    for instant in ["2026-01-01", "2025-12-31", "2026-01-03"] {
        let expected = "422 invalid_period /reservationExpiresAt";
        assert_eq!(verdict(resolved(&until(instant))), expected, "{instant}");
    }
    let grow = r#"{"customerId":"u","currencyId":"c","reserveAmount":2}"#;
    assert_eq!(resolved(grow), Ok(None));
}

#[test]
fn a_reversal_may_say_why() {
    let body = r#"{"idempotencyKey":"k","reason":"charged twice"}"#;
    check_sound::<ReverseEntry>(body, &[]);
    assert_eq!(verdict(parse_optional_body::<ReverseEntry>(b"")), "ok");
    let (longest, too_long) =
        (format!("\"{}\"", "é".repeat(200)), format!("\"{}\"", "é".repeat(201)));
    check_edits::<ReverseEntry>(
        body,
        &[
            ("/reason", &longest, "ok"),
            ("/reason", &too_long, "too_long"),
            ("/reason", r#""two\nlines""#, "invalid_string"),
            ("/reason", "null", "invalid_type"),
            ("/idempotencyKey", r#""""#, "invalid_string"),
            ("/amount", "1", "unknown_field"),
        ],
    );
}

#[test]
fn a_promotional_entitlement_has_every_key_and_one_end() {
    let body = r#"{"promotionalEntitlements":[{
        "customEndDate":null,"enumValues":null,"featureId":"seats","hasSoftLimit":null,
        "hasUnlimitedUsage":false,"isVisible":null,"monthlyResetPeriodConfiguration":null,
        "period":"6 month","resetPeriod":null,"usageLimit":10,
        "weeklyResetPeriodConfiguration":null,"yearlyResetPeriodConfiguration":null}]}"#;
    check_sound::<GrantPromotionals>(body, &["/promotionalEntitlements"]);
    let fields: Value = serde_json::from_str(body).unwrap();
    let fields = fields["promotionalEntitlements"][0].as_object().unwrap();
    assert_eq!(fields.len(), 12);
    for name in fields.keys() {
        let pointer = format!("/promotionalEntitlements/0/{name}");
        let expected = format!("422 missing_field {pointer}");
        check::<GrantPromotionals>(edited(body, &pointer, "").as_bytes(), &expected);
    }
    let at = |name: &str| format!("/promotionalEntitlements/0/{name}");
    check_edits::<GrantPromotionals>(
        body,
        &[
            (&at("period"), r#""2 weeks""#, "invalid_value"),
            (&at("period"), r#""lifetime""#, "ok"),
            (&at("usageLimit"), "-1", "must_not_be_negative"),
            (&at("usageLimit"), "null", "ok"),
            (&at("enumValues"), r#"["a","b"]"#, "ok"),
            (&at("enumValues"), r#""a""#, "invalid_type"),
            (&at("monthlyResetPeriodConfiguration"), r#"{"accordingTo":"StartOfTheMonth"}"#, "ok"),
            (&at("weeklyResetPeriodConfiguration"), "[]", "invalid_type"),
            (&at("customEndDate"), r#""2030-01-01T00:00:00Z""#, "conflicting_fields"),
            (&at("status"), r#""Active""#, "unknown_field"),
            ("/promotionalEntitlements", "[]", "too_few_items"),
        ],
    );
    let custom = edited(body, &at("period"), r#""custom""#);
    let expected = format!("422 conflicting_fields {}", at("customEndDate"));
    check::<GrantPromotionals>(custom.as_bytes(), &expected);
    let ended = edited(&custom, &at("customEndDate"), r#""2030-01-01T00:00:00Z""#);
    check::<GrantPromotionals>(ended.as_bytes(), "ok");
    let item = Value::Object(fields.clone()).to_string();
    let twice = format!(r#"{{"promotionalEntitlements":[{item},{item}]}}"#);
    check::<GrantPromotionals>(twice.as_bytes(), "422 duplicate_item /promotionalEntitlements/1");
}

#[test]
fn a_meter_has_what_its_function_and_its_conditions_need() {
    let body = r#"{"id":"f","displayName":"F","featureType":"NUMBER","meterType":"INCREMENTAL",
        "meter":{"aggregation":{"function":"SUM","field":"tokens"},"filters":[{"conditions":[
            {"field":"eventName","operation":"EQUALS","value":"call"}]}]},
        "unitTransformation":{"divide":1000,"round":"UP"}}"#;
    check_sound::<CreateFeature>(body, &["/meter/aggregation", "/meter/filters"]);
    let condition = |fields: &str| format!(r#"[{{"conditions":[{{"field":"n",{fields}}}]}}]"#);
    let check_condition = |fields: &str, expected: &str| {
        let edit = edited(body, "/meter/filters", &condition(fields));
        let expected = match expected.split_once(' ') {
            Some((code, field)) => format!("422 {code} /meter/filters/0/conditions/0/{field}"),
            None => expected.to_owned(),
        };
        check::<CreateFeature>(edit.as_bytes(), &expected);
    };
    check_condition(r#""operation":"IN","values":["a","b"]"#, "ok");
    check_condition(r#""operation":"IN","value":"a""#, "ok");
    check_condition(r#""operation":"IN""#, "missing_field values");
    check_condition(r#""operation":"IN","values":[]"#, "missing_field values");
    check_condition(r#""operation":"EQUALS","values":["a"]"#, "missing_field value");
    check_condition(r#""operation":"IS_NULL""#, "ok");
    check_condition(r#""operation":"IS_NOT_NULL""#, "ok");
    check_condition(r#""operation":"CONTAINS""#, "missing_field value");
    check_condition(r#""operation":"GREATER_THAN","value":"1e3""#, "ok");
    check_condition(r#""operation":"GREATER_THAN","value":"much""#, "invalid_value value");
    check_condition(r#""operation":"EQUALS","value":"much","values":["more"]"#, "ok");
    check_condition(r#""operation":"LIKE","value":"a""#, "invalid_value operation");
    check_condition(r#""operation":"EQUALS","value":1"#, "invalid_type value");
    let many = |count: usize| {
        let values = vec![r#""a""#; count].join(",");
        format!(r#""operation":"IN","values":[{values}]"#)
    };
    check_condition(&many(100), "ok");
    check_condition(&many(101), "too_many_items values");
    let filters = |count: usize| format!("[{}]", vec![r#"{"conditions":[]}"#; count].join(","));
    check_edits::<CreateFeature>(
        body,
        &[
            ("/meter/filters", &filters(50), "ok"),
            ("/meter/filters", &filters(51), "too_many_items"),
            ("/meter/aggregation/field", "", "missing_field"),
            ("/meter/aggregation/field", r#"" ""#, "invalid_string"),
            ("/meter/aggregation/function", r#""MEDIAN""#, "invalid_value"),
            ("/unitTransformation/divide", "0", "must_be_positive"),
            ("/unitTransformation/divide", "0.5", "ok"),
            ("/unitTransformation/round", r#""HALF""#, "invalid_value"),
            ("/unitTransformation", "null", "ok"),
            ("/meter/window", "1", "unknown_field"),
        ],
    );
    let count = edited(body, "/meter/aggregation", r#"{"function":"COUNT"}"#);
    check::<CreateFeature>(count.as_bytes(), "ok");
    let values = r#"[{"value":"a","displayName":"A"},{"value":"a","displayName":"B"}]"#;
    let twice = edited(body, "/enumConfiguration", values);
    check::<CreateFeature>(twice.as_bytes(), "422 duplicate_item /enumConfiguration/1");
    let update = format!(r#"{{"enumConfiguration":{values}}}"#);
    check::<UpdateFeature>(update.as_bytes(), "422 duplicate_item /enumConfiguration/1");
}

#[test]
fn a_feature_entitlement_says_how_it_is_enforced() {
    let body = r#"{"type":"FEATURE","resetPeriod":"WEEK","usageLimit":10.5,"enforcement":"STRICT",
        "weeklyResetPeriodConfiguration":{"accordingTo":"EveryMonday"},"enumValues":["a"]}"#;
    check_sound::<UpdateEntitlement>(body, &["/type"]);
    check_edits::<UpdateEntitlement>(
        body,
        &[
            ("/enforcement", r#""SOFT""#, "ok"),
            ("/enforcement", r#""HARD""#, "ok"),
            ("/enforcement", r#""NONE""#, "invalid_value"),
            ("/enforcement", "null", "invalid_type"),
            ("/usageLimit", "null", "ok"),
            ("/usageLimit", "-1", "must_not_be_negative"),
            ("/resetPeriod", r#""MINUTE""#, "invalid_value"),
            (
                "/weeklyResetPeriodConfiguration/accordingTo",
                r#""StartOfTheMonth""#,
                "invalid_value",
            ),
        ],
    );
}

#[test]
fn a_rate_of_zero_needs_a_formula() {
    let body = |rate: &str| {
        format!(
            r#"{{"charges":{{"pricingType":"PAID","pricingModels":[{{"billingModel":"CREDIT_BASED",
            "featureId":"f","pricePeriods":[{{"billingPeriod":"MONTHLY","creditRate":{rate}}}]}}]}}}}"#
        )
    };
    let at = "/charges/pricingModels/0/pricePeriods/0/creditRate";
    for (rate, expected) in [
        (r#"{"amount":0.1,"currencyId":"c"}"#, "ok"),
        (r#"{"amount":0,"currencyId":"c","costFormula":"1.1 * a"}"#, "ok"),
        (r#"{"amount":0,"currencyId":"c"}"#, "422 must_be_positive {}/amount"),
        (r#"{"amount":-1,"currencyId":"c"}"#, "422 must_not_be_negative {}/amount"),
        (r#"{"amount":0.12345678901,"currencyId":"c"}"#, "422 too_many_decimals {}/amount"),
        (r#"{"amount":1}"#, "422 missing_field {}/currencyId"),
        (r#"{"amount":1,"currencyId":"c","costFormula":1}"#, "422 invalid_type {}/costFormula"),
        (r#"{"amount":1,"currencyId":"c","formula":"a"}"#, "422 unknown_field {}/formula"),
    ] {
        check::<UpdatePlan>(body(rate).as_bytes(), &expected.replace("{}", at));
    }
}

#[test]
fn a_check_reserves_with_an_id_an_amount_and_one_expiry() {
    let reserve = |query: &str| parse_query::<CheckQuery>(query)?.reservation();
    let base = "currencyId=c&reserveAmount=12.5&reservationId=job-1";
    for (query, expected) in [
        ("currencyId=c&requestedUsage=1", "ok"),
        (base, "ok"),
        ("currencyId=c&reserveAmount=0.30000000000000004&reservationId=j", "ok"),
        ("currencyId=c&reserveAmount=1", "400 missing_parameter reservationId"),
        ("currencyId=c&reserveAmount=0&reservationId=j", "400 invalid_parameter reserveAmount"),
        ("currencyId=c&reserveAmount=1e-12&reservationId=j", "400 invalid_parameter reserveAmount"),
        ("currencyId=c&reserveAmount=-1&reservationId=j", "400 invalid_parameter reserveAmount"),
        ("currencyId=c&reserveAmount=1&reservationId=+", "400 invalid_parameter reservationId"),
        ("featureId=f&reserveAmount=1&reservationId=j", "400 invalid_parameter reserveAmount"),
        ("currencyId=c&reservationId=j", "400 invalid_parameter reservationId"),
        ("currencyId=c&reservationTtlSeconds=5", "400 invalid_parameter reservationTtlSeconds"),
        ("currencyId=c&reservationMetadata={}", "400 invalid_parameter reservationMetadata"),
    ] {
        assert_eq!(verdict(reserve(query)), expected, "{query}");
    }
    let too_long = format!("reservationId={}", "j".repeat(256));
    let long = base.replace("reservationId=job-1", &too_long);
    assert_eq!(verdict(reserve(&long)), "400 invalid_parameter reservationId");
    for (more, expected) in [
        ("reservationTtlSeconds=1", "ok"),
        ("reservationTtlSeconds=86400", "ok"),
        ("reservationTtlSeconds=0", "400 invalid_parameter reservationTtlSeconds"),
        ("reservationTtlSeconds=86401", "400 invalid_parameter reservationTtlSeconds"),
        ("reservationTtlSeconds=1.5", "400 invalid_parameter reservationTtlSeconds"),
        (
            "reservationTtlSeconds=5&reservationExpiresAt=2026-01-01T00:00:00Z",
            "400 invalid_parameter reservationTtlSeconds",
        ),
        ("reservationExpiresAt=soon", "400 invalid_parameter reservationExpiresAt"),
        (r#"reservationMetadata={"job":"7"}"#, "ok"),
        (r#"reservationMetadata={"job":7}"#, "400 invalid_parameter reservationMetadata"),
        ("reservationMetadata=[]", "400 invalid_parameter reservationMetadata"),
        (r#"reservationMetadata={"a":"1","a":"2"}"#, "400 invalid_parameter reservationMetadata"),
    ] {
        assert_eq!(verdict(reserve(&format!("{base}&{more}"))), expected, "{more}");
    }
}

#[test]
fn the_end_of_a_reservation_lies_within_a_day() {
    let at = |text: &str| stipend_core::Timestamp::parse(text).unwrap();
    let now = at("2026-01-01T00:00:00Z");
    let resolve = |more: &str| {
        let query = format!("currencyId=c&reserveAmount=1&reservationId=j&{more}");
        let request = parse_query::<CheckQuery>(&query).unwrap().reservation().unwrap();
        request.expect("one is asked for").expiry.resolve(now)
    };
    assert_eq!(resolve(""), Ok(at("2026-01-01T01:00:00Z")));
    assert_eq!(resolve("reservationTtlSeconds=86400"), Ok(at("2026-01-02T00:00:00Z")));
    let last = "2026-01-02T00:00:00Z";
    assert_eq!(resolve(&format!("reservationExpiresAt={last}")), Ok(at(last)));
    for instant in ["2026-01-01T00:00:00Z", "2025-12-31T23:00:00Z", "2026-01-02T00:00:00.000001Z"] {
        let verdict = verdict(resolve(&format!("reservationExpiresAt={instant}")));
        assert_eq!(verdict, "400 invalid_parameter reservationExpiresAt", "{instant}");
    }
}

#[test]
fn reports_are_grouped_by_up_to_three_dimensions() {
    let group = |query: &str| {
        let query = format!("customerId=u&{query}");
        parse_query::<CreditUsageQuery>(&query).map(|query| query.group_by)
    };
    for (query, expected) in [
        ("", "feature"),
        ("groupBy=", "feature"),
        ("groupBy=featureId", "feature"),
        ("groupBy=model", "model"),
        ("groupBy=b,a%2Cfeature_2", "b a feature_2"),
        ("groupBy=a&groupBy=$b&groupBy=c-d&groupBy=featureId", "feature a $b c-d"),
    ] {
        let group = group(query).unwrap();
        let names = group.by_feature.then_some("feature").into_iter();
        let names: Vec<_> = names.chain(group.dimensions.iter().map(String::as_str)).collect();
        assert_eq!(names.join(" "), expected, "{query}");
    }
    for query in ["a,b,c,d", "a,b,a", "featureId,featureId", "a.b", "a b", "é"] {
        let verdict = verdict(group(&format!("groupBy={query}")));
        assert_eq!(verdict, "400 invalid_parameter groupBy", "{query}");
    }
    let history = "startDate=2026-01-01T00:00:00Z&groupBy=featureId";
    let history = parse_query::<UsageHistoryQuery>(history).unwrap();
    assert_eq!(history.group_by.0, ["featureId"], "a feature's history has only dimensions");
}

#[test]
fn reports_have_a_period_that_is_not_empty() {
    let at = |text: &str| stipend_core::Timestamp::parse(text).unwrap();
    let now = at("2026-03-01T00:00:00Z");
    let (january, february) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let credits = |query: &str| {
        let query = parse_query::<CreditUsageQuery>(&format!("customerId=u&{query}"))?;
        query.period(now, |end, range| {
            end.plus_seconds(if range == TimeRange::LastMonth { -9 } else { -5 })
        })
    };
    let check = |query: &str, start: &str, end: &str| {
        assert_eq!(credits(query), Ok((at(start), at(end))), "{query}");
    };
    check("", "2026-02-28T23:59:51Z", "2026-03-01T00:00:00Z");
    check("timeRange=LAST_DAY", "2026-02-28T23:59:55Z", "2026-03-01T00:00:00Z");
    let dates = format!("startDate={january}&endDate={february}&timeRange=LAST_DAY");
    check(&dates, january, february);
    let backwards = format!("startDate={february}&endDate={january}");
    assert_eq!(verdict(credits(&backwards)), "400 invalid_parameter startDate");
    let range = "timeRange=LAST_HOUR";
    assert_eq!(verdict(credits(range)), "400 invalid_parameter timeRange");
    check_query::<CreditUsageQuery>("limit=5", "400 missing_parameter customerId");
    let history = |query: &str| parse_query::<UsageHistoryQuery>(query)?.period(now);
    assert_eq!(history(&format!("startDate={january}")), Ok((at(january), now)));
    assert_eq!(verdict(history("")), "400 missing_parameter startDate");
    let empty = format!("startDate={january}&endDate={january}");
    assert_eq!(verdict(history(&empty)), "400 invalid_parameter startDate");
    assert_eq!(
        verdict(history("startDate=2099-01-01T00:00:00Z")),
        "400 invalid_parameter startDate"
    );
}

#[test]
fn lists_of_holds_and_promotions_are_filtered_by_their_states() {
    let held = "customerId=u&currencyId=c&status=ACTIVE,EXPIRED";
    check_query::<ReservationsQuery>(held, "ok");
    check_query::<ReservationsQuery>("status=ACTIVE", "400 missing_parameter customerId");
    check_query::<ReservationsQuery>("customerId=u&status=OPEN", "400 invalid_parameter status");
    check_query::<PromotionalsQuery>("status=Active&status=Paused", "ok");
    check_query::<PromotionalsQuery>("status=ACTIVE", "400 invalid_parameter status");
    check_query::<PromotionalsQuery>("customerId=u", "400 unknown_parameter customerId");
}
