//! What responses and stored texts look like, byte for byte.

use std::collections::BTreeSet;

use serde_json::to_string;
use stipend_core::Amount;
use stipend_wire::access::{AccessDeniedReason, EffectiveEntitlement, EffectiveFeature};
use stipend_wire::charge::{Charge, ChargesInput};
use stipend_wire::consumption::{Consume, CreditBalance};
use stipend_wire::credit_usage::{
    CreditUsage, CreditUsageCurrency, CreditUsagePoint, CreditUsageSeries, Forecast,
    ForecastWindow, WindowForecast,
};
use stipend_wire::currency::{Currency, UpdateCurrency};
use stipend_wire::customer::CreateCustomer;
use stipend_wire::decision::{
    ActorType, Decision, DecisionActor, DecisionDraw, DecisionKind, DecisionMapping,
    DecisionOutcome, DecisionSubscription, LimitHit, LimitType,
};
use stipend_wire::entitlement::{Cadence, Enforcement, FeatureTag};
use stipend_wire::environment::{
    ApiKey, CreditProration, Environment, EnvironmentType, PeriodAlignment, TestClock,
};
use stipend_wire::event::{
    CurrencyEstimate, Estimate, EstimateWarning, EstimateWarningCode, FeatureEstimate,
};
use stipend_wire::explain::PackageType;
use stipend_wire::feature::MeterType;
use stipend_wire::ledger::{LedgerEntry, LedgerEventType};
use stipend_wire::package::UpdatePlan;
use stipend_wire::preview::{
    CreditPreview, PreviewInvoice, RecurringCreditPreview, SubscriptionPreview,
};
use stipend_wire::reservation::{
    ListedReservation, ListedReservationStatus, Reservation, ReservationExtended, ReservationHold,
    ReservationStatus,
};
use stipend_wire::reversal::EntryReversed;
use stipend_wire::subscription_change::{
    FutureUpdate, ScheduleStatus, SubscriptionScheduleType, TargetPackage,
};
use stipend_wire::task::{Task, TaskFailure, TaskStatus, TaskType};
use stipend_wire::upcoming::{UpcomingChange, UpcomingExpiry, UpcomingGrant, UpcomingStep};
use stipend_wire::usage::{
    PoolBalance, Tag, UsageCredit, UsageCreditOfMany, UsageHistory, UsageMarker, UsageMarkerType,
    UsagePoint, UsageReported, UsageReportedOfMany, UsageSeries, UsagesReported,
};
use stipend_wire::{
    BatchData, Data, Decimal, ErrorBody, ErrorCode, Field, ItemError, Page, Pagination, WireError,
    parse_body,
};

#[test]
fn numbers_are_written_as_json_numbers_with_all_their_digits() {
    let check = |text: &str, expected: &str| {
        let decimal = Decimal(Amount::parse_exact(text).unwrap());
        assert_eq!(
            to_string(&Data { data: decimal }).unwrap(),
            format!(r#"{{"data":{expected}}}"#)
        );
        assert_eq!(serde_json::to_vec(&decimal).unwrap(), expected.as_bytes());
    };
    check("0", "0");
    check("-0.0", "0");
    check("1e3", "1000");
    let beyond_doubles = Decimal(Amount::whole(9_007_199_254_740_993));
    assert_eq!(to_string(&beyond_doubles).unwrap(), "9007199254740993");
    check("999999999999999.999999999", "999999999999999.999999999");
    check("-12.50", "-12.5");
    check("0.000000001", "0.000000001");
}

#[test]
fn reported_amounts_are_rounded_once() {
    let body = br#"{"amount":0.30000000000000004,"currencyId":"c","customerId":"u","idempotencyKey":"k","dimensions":{"n":1e2,"m":"x","b":true,"r":0.30000000000000004,"s":-0.1234567895,"z":1e-10}}"#;
    let consume = parse_body::<Consume>(body).unwrap();
    assert_eq!(consume.amount.0.to_string(), "0.3");
    let dimensions = consume.dimensions.unwrap().to_json();
    assert_eq!(dimensions.as_str(), r#"{"b":true,"m":"x","n":100,"r":0.3,"s":-0.12345679,"z":0}"#);
}

#[test]
fn starred_keys_are_null_where_there_is_nothing() {
    let currency = Currency {
        id: "credits".into(),
        archived_at: None,
        created_at: "2026-01-01T00:00:00.000Z".into(),
        description: None,
        display_name: "Credits".into(),
        metadata: [("a".to_owned(), "b".to_owned())].into(),
        symbol: None,
        units: None,
        updated_at: "2026-01-01T00:00:00.000Z".into(),
    };
    let page = Page { data: vec![currency], pagination: Pagination::default() };
    assert_eq!(
        to_string(&page).unwrap(),
        r#"{"data":[{"id":"credits","archivedAt":null,"createdAt":"2026-01-01T00:00:00.000Z","description":null,"displayName":"Credits","metadata":{"a":"b"},"symbol":null,"units":null,"updatedAt":"2026-01-01T00:00:00.000Z"}],"pagination":{"next":null,"prev":null}}"#
    );
    assert_eq!(to_string(&MeterType::None).unwrap(), r#""None""#);
}

#[test]
fn a_patch_tells_absent_from_null() {
    let update = parse_body::<UpdateCurrency>(br#"{"symbol":null,"description":""}"#).unwrap();
    assert_eq!(update.symbol, Field::Null);
    assert_eq!(update.metadata, Field::Absent);
    assert_eq!(update.description.map(String::from), Field::Value(String::new()));
    let update = parse_body::<UpdatePlan>(br#"{"compatibleAddonIds":[]}"#).unwrap();
    assert_eq!(update.compatible_addon_ids.into_change(), Some(Some(vec![])));
}

#[test]
fn kept_values_have_one_text_however_they_are_spelled() {
    let text = |body: &str| {
        let customer = parse_body::<CreateCustomer>(body.as_bytes()).unwrap();
        customer.passthrough.unwrap().text.into_string()
    };
    let one = text(r#"{"id":"u","passthrough":{"stripe":{"b":1.0,"a":"\u00e9\n"}}}"#);
    let other = text(r#"{"passthrough" : {"stripe":{"a":"é\n", "b":1e0}}, "id":"u"}"#);
    assert_eq!(one, r#"{"stripe":{"a":"é\n","b":1}}"#);
    assert_eq!(one, other);
}

fn charges(models: &str) -> Result<Vec<String>, WireError> {
    let body = format!(r#"{{"charges":{{"pricingType":"PAID",{models}}}}}"#);
    let charges: ChargesInput =
        parse_body::<UpdatePlan>(body.as_bytes())?.charges.expect("it was given");
    let rows = charges.to_rows()?;
    Ok(rows.into_iter().map(|row| format!("{} {}", row.is_overage, row.text.as_str())).collect())
}

#[test]
fn charges_become_one_row_for_each_model_and_period() {
    let rows = charges(
        r#""pricingModels":[{"billingModel":"FLAT_FEE","pricePeriods":[
            {"billingPeriod":"MONTHLY","price":{"amount":99.90}},
            {"billingPeriod":"ANNUALLY","tiers":[{"unitPrice":{"amount":1,"currency":"eur"},"upTo":10},{}]}]}],
        "minimumSpend":[{"billingPeriod":"MONTHLY","minimum":{"amount":5,"currency":"eur"}}],
        "overagePricingModels":[{"currencyId":"credits","pricePeriods":[{"billingPeriod":"MONTHLY",
            "creditRate":{"amount":0.1,"currencyId":"credits"}}],
            "creditEntitlement":{"amount":5,"cadence":"MONTH","customCurrencyId":"credits"}}]"#,
    )
    .unwrap();
    assert_eq!(
        rows,
        [
            r#"false {"billingCadence":"RECURRING","billingModel":"FLAT_FEE","billingPeriod":"MONTHLY","price":{"amount":99.9,"currency":"usd"}}"#,
            r#"false {"billingCadence":"RECURRING","billingModel":"FLAT_FEE","billingPeriod":"ANNUALLY","tiers":[{"flatPrice":null,"unitPrice":{"amount":1,"currency":"eur"},"upTo":10},{"flatPrice":null,"unitPrice":null,"upTo":null}]}"#,
            r#"false {"billingCadence":"RECURRING","billingModel":"MINIMUM_SPEND","billingPeriod":"MONTHLY","price":{"amount":5,"currency":"eur"}}"#,
            r#"true {"billingCadence":"RECURRING","billingModel":"CREDIT_BASED","billingPeriod":"MONTHLY","creditEntitlement":{"amount":5,"cadence":"MONTH","customCurrencyId":"credits"},"creditRate":{"amount":0.1,"currencyId":"credits","costFormula":null},"currencyId":"credits"}"#,
        ]
    );
    let charge = Charge {
        id: "row-1".into(),
        created_at: "2026-01-01T00:00:00.000Z".into(),
        row: stipend_wire::Opaque::from_stored(r#"{"price":{"amount":9007199254740993.1}}"#),
    };
    assert_eq!(
        to_string(&charge).unwrap(),
        r#"{"createdAt":"2026-01-01T00:00:00.000Z","id":"row-1","price":{"amount":9007199254740993.1}}"#
    );
}

#[test]
fn two_prices_for_the_same_thing_are_refused() {
    let period = r#"{"billingPeriod":"MONTHLY"}"#;
    let model = format!(r#"{{"billingModel":"FLAT_FEE","pricePeriods":[{period}]}}"#);
    let error = charges(&format!(r#""pricingModels":[{model},{model}]"#)).unwrap_err();
    assert_eq!(
        (error.code, error.param.as_deref()),
        (ErrorCode::DuplicateItem, Some("/charges/pricingModels/1"))
    );
    let other = model.replace("FLAT_FEE", "PER_UNIT");
    assert_eq!(charges(&format!(r#""pricingModels":[{model},{other}]"#)).unwrap().len(), 2);
}

#[test]
fn an_error_says_its_message_twice() {
    let error = WireError::new(ErrorCode::NotFound, "there is nothing here");
    assert_eq!(
        to_string(&ErrorBody::new(error, "req-1")).unwrap(),
        r#"{"error":{"code":"not_found","message":"there is nothing here","requestId":"req-1"},"message":"there is nothing here"}"#
    );
    let item = ItemError::new(3, WireError::new(ErrorCode::MissingField, "`/a` is missing"));
    let body = to_string(&ErrorBody::batch(vec![item], "req-2")).unwrap();
    assert!(
        body.ends_with(
            r#""errors":[{"index":3,"code":"missing_field","message":"`/a` is missing"}]}"#
        ),
        "{body}"
    );
}

#[test]
fn error_codes_are_distinct_and_documented() {
    let codes: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.len(), ErrorCode::ALL.len());
    for code in ErrorCode::ALL {
        assert!(code.description().ends_with('.'), "{code}");
        assert!((400..600).contains(&code.status()), "{code}");
        assert!(
            code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{code}"
        );
    }
}

#[test]
fn the_error_reference_has_a_row_for_every_code() {
    let reference = include_str!("../../../docs/errors.md");
    let rows: Vec<&str> = reference.lines().filter(|line| line.starts_with("| `")).collect();
    let row =
        |code: &ErrorCode| format!("| `{code}` | {} | {} |", code.status(), code.description());
    assert_eq!(rows, ErrorCode::ALL.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_codes_of_environments_clocks_and_schedules_keep_their_status() {
    let line = |code: &ErrorCode| format!("{code} {}", code.status());
    let first = ErrorCode::ALL.iter().position(|code| *code == ErrorCode::MissingRight).unwrap();
    assert_eq!(
        ErrorCode::ALL[first..].iter().take(8).map(line).collect::<Vec<_>>(),
        [
            "missing_right 403",
            "not_a_sandbox 403",
            "clock_backwards 409",
            "clock_out_of_range 422",
            "unknown_time_zone 422",
            "task_not_found 404",
            "invalid_schedule 422",
            "unlimited_dependency 422",
        ]
    );
}

const FEBRUARY: &str = "2026-02-01T00:00:00.000Z";
const MARCH: &str = "2026-03-01T00:00:00.000Z";

fn decimal(text: &str) -> Decimal {
    Decimal(Amount::parse_exact(text).expect("it is a number"))
}

#[test]
fn a_future_update_leaves_out_the_package_that_it_does_not_have() {
    let mut update = FutureUpdate {
        scheduled_execution_time: FEBRUARY.into(),
        schedule_status: ScheduleStatus::Scheduled,
        subscription_schedule_type: SubscriptionScheduleType::Downgrade,
        target_package: Some(TargetPackage { id: "basic".into() }),
    };
    assert_eq!(
        to_string(&update).unwrap(),
        r#"{"scheduledExecutionTime":"2026-02-01T00:00:00.000Z","scheduleStatus":"SCHEDULED","subscriptionScheduleType":"DOWNGRADE","targetPackage":{"id":"basic"}}"#
    );
    update.target_package = None;
    assert!(!to_string(&update).unwrap().contains("targetPackage"));
}

#[test]
fn a_preview_says_what_becomes_of_each_pool() {
    let invoice = PreviewInvoice {
        sub_total: decimal("99.9"),
        total: decimal("99.9"),
        billing_period_range: None,
        currency: Some("usd".into()),
        discount: None,
        discount_details: None,
        discounts: None,
        lines: None,
        tax: None,
    };
    let recurring = RecurringCreditPreview {
        package_id: "growth".into(),
        package_type: PackageType::Plan,
        amount: decimal("5000"),
        cadence: Cadence::Month,
        effective_at: FEBRUARY.into(),
        expire_at: MARCH.into(),
    };
    let preview = SubscriptionPreview {
        immediate_invoice: invoice,
        credits: vec![CreditPreview {
            currency_id: "credits".into(),
            resource_id: None,
            current_balance: decimal("-0.5"),
            balance_after: decimal("4999.5"),
            recurring: vec![recurring],
        }],
        is_scheduled: false,
        starts_at: FEBRUARY.into(),
        billing_period_range: None,
        free_items: Some(Vec::new()),
        has_scheduled_updates: Some(false),
        is_plan_downgrade: Some(true),
        recurring_invoice: None,
    };
    assert_eq!(
        to_string(&preview).unwrap(),
        r#"{"immediateInvoice":{"subTotal":99.9,"total":99.9,"currency":"usd"},"credits":[{"currencyId":"credits","resourceId":null,"currentBalance":-0.5,"balanceAfter":4999.5,"recurring":[{"packageId":"growth","packageType":"PLAN","amount":5000,"cadence":"MONTH","effectiveAt":"2026-02-01T00:00:00.000Z","expireAt":"2026-03-01T00:00:00.000Z"}]}],"isScheduled":false,"startsAt":"2026-02-01T00:00:00.000Z","freeItems":[],"hasScheduledUpdates":false,"isPlanDowngrade":true}"#
    );
}

#[test]
fn a_task_names_the_items_that_failed() {
    let failure = TaskFailure { id: "sub-7".into(), message: "there is no plan `x`".into() };
    let task = Task {
        id: "task-1".into(),
        r#type: TaskType::ImportSubscriptions,
        status: TaskStatus::InProgress,
        created_at: FEBRUARY.into(),
        finished_at: None,
        processed: 12,
        failures: vec![failure],
    };
    assert_eq!(
        to_string(&task).unwrap(),
        r#"{"id":"task-1","type":"IMPORT_SUBSCRIPTIONS","status":"IN_PROGRESS","createdAt":"2026-02-01T00:00:00.000Z","finishedAt":null,"processed":12,"failures":[{"id":"sub-7","message":"there is no plan `x`"}]}"#
    );
}

#[test]
fn an_environment_shows_its_key_once_and_never_in_a_log() {
    let mut environment = Environment {
        id: "3".into(),
        name: "staging".into(),
        r#type: EnvironmentType::Sandbox,
        time_zone: None,
        period_alignment: PeriodAlignment::SubscriptionStart,
        credit_proration: CreditProration::None,
        created_at: FEBRUARY.into(),
        api_key: Some(ApiKey("key-in-full".into())),
    };
    assert!(to_string(&environment).unwrap().ends_with(r#""apiKey":"key-in-full"}"#));
    assert!(!format!("{environment:?}").contains("key-in-full"));
    environment.api_key = None;
    assert_eq!(
        to_string(&environment).unwrap(),
        r#"{"id":"3","name":"staging","type":"SANDBOX","timeZone":null,"periodAlignment":"SUBSCRIPTION_START","creditProration":"NONE","createdAt":"2026-02-01T00:00:00.000Z"}"#
    );
    let clock = Data { data: TestClock { now: FEBRUARY.into(), frozen: true } };
    assert_eq!(
        to_string(&clock).unwrap(),
        r#"{"data":{"now":"2026-02-01T00:00:00.000Z","frozen":true}}"#
    );
}

#[test]
fn a_step_of_the_future_names_its_instant_twice_and_every_pool() {
    let step = UpcomingStep {
        at: FEBRUARY.into(),
        at_local: "2026-02-01T01:00:00+01:00".into(),
        time_zone: "Europe/Berlin".into(),
        changes: vec![UpcomingChange::Updates, UpcomingChange::Renews],
        expires: vec![UpcomingExpiry {
            grant_id: None,
            currency_id: "credits".into(),
            resource_id: Some("site".into()),
            amount: decimal("0.25"),
            package_id: None,
        }],
        grants: vec![UpcomingGrant {
            currency_id: "credits".into(),
            resource_id: None,
            amount: decimal("5000"),
            package_id: "growth".into(),
            cadence: Cadence::Year,
            expire_at: None,
        }],
    };
    assert_eq!(
        to_string(&Data { data: vec![step] }).unwrap(),
        r#"{"data":[{"at":"2026-02-01T00:00:00.000Z","atLocal":"2026-02-01T01:00:00+01:00","timeZone":"Europe/Berlin","changes":["UPDATES","RENEWS"],"expires":[{"grantId":null,"currencyId":"credits","resourceId":"site","amount":0.25,"packageId":null}],"grants":[{"currencyId":"credits","resourceId":null,"amount":5000,"packageId":"growth","cadence":"YEAR","expireAt":null}]}]}"#
    );
}

#[test]
fn a_report_of_usage_is_answered_with_what_it_took() {
    let mut reported = UsageReported {
        id: "m-1".into(),
        created_at: FEBRUARY.into(),
        customer_id: "acme".into(),
        feature_id: "calls".into(),
        timestamp: FEBRUARY.into(),
        value: decimal("-2.5"),
        credit: Some(UsageCredit {
            consumed: decimal("0"),
            currency_id: "credits".into(),
            current_usage: decimal("12.25"),
            timestamp: FEBRUARY.into(),
            usage_limit: decimal("9007199254740993"),
            forfeited: None,
            usage_period_end: None,
        }),
        current_usage: Some(decimal("7")),
        decision_id: Some("d-1".into()),
        missing_dimensions: None,
        next_reset_date: None,
        resource_id: None,
        usage_period_end: Some(MARCH.into()),
        usage_period_start: Some(FEBRUARY.into()),
    };
    let row = r#"{"id":"m-1","createdAt":"2026-02-01T00:00:00.000Z","customerId":"acme","featureId":"calls","timestamp":"2026-02-01T00:00:00.000Z","value":-2.5,"credit":{"consumed":0,"currencyId":"credits","currentUsage":12.25,"timestamp":"2026-02-01T00:00:00.000Z","usageLimit":9007199254740993},"currentUsage":7,"decisionId":"d-1","usagePeriodEnd":"2026-03-01T00:00:00.000Z","usagePeriodStart":"2026-02-01T00:00:00.000Z"}"#;
    let mut batch = BatchData { data: vec![reported.clone()], errors: Vec::new() };
    assert_eq!(to_string(&batch).unwrap(), format!(r#"{{"data":[{row}]}}"#));
    let error = WireError::new(ErrorCode::CustomerNotFound, "there is no customer `x`");
    batch.errors.push(ItemError::new(1, error));
    assert_eq!(
        to_string(&batch).unwrap(),
        format!(
            r#"{{"data":[{row}],"errors":[{{"index":1,"code":"customer_not_found","message":"there is no customer `x`"}}]}}"#
        )
    );
    reported.credit = None;
    assert!(!to_string(&reported).unwrap().contains("credit"));
}

#[test]
fn reports_of_usage_are_answered_with_each_balance_once() {
    let many = UsagesReported {
        usages: vec![UsageReportedOfMany {
            id: "m-1".into(),
            created_at: FEBRUARY.into(),
            customer_id: "acme".into(),
            feature_id: "calls".into(),
            timestamp: FEBRUARY.into(),
            value: decimal("1"),
            credit: Some(UsageCreditOfMany {
                consumed: decimal("10"),
                currency_id: "credits".into(),
                forfeited: None,
            }),
            current_usage: None,
            decision_id: None,
            missing_dimensions: None,
            next_reset_date: None,
            resource_id: None,
            usage_period_end: None,
            usage_period_start: None,
        }],
        credits: Some(vec![PoolBalance {
            currency_id: "credits".into(),
            current_usage: decimal("10"),
            customer_id: "acme".into(),
            timestamp: FEBRUARY.into(),
            usage_limit: decimal("5000"),
            resource_id: Some("site".into()),
            usage_period_end: None,
        }]),
    };
    assert_eq!(
        to_string(&many).unwrap(),
        r#"{"usages":[{"id":"m-1","createdAt":"2026-02-01T00:00:00.000Z","customerId":"acme","featureId":"calls","timestamp":"2026-02-01T00:00:00.000Z","value":1,"credit":{"consumed":10,"currencyId":"credits"}}],"credits":[{"currencyId":"credits","currentUsage":10,"customerId":"acme","timestamp":"2026-02-01T00:00:00.000Z","usageLimit":5000,"resourceId":"site"}]}"#
    );
}

#[test]
fn an_estimate_says_null_where_it_is_exact() {
    let breakdown = |warning_code, missing_dimensions| FeatureEstimate {
        cost: decimal("1.1"),
        feature_id: "calls".into(),
        warning_code,
        missing_dimensions,
    };
    let estimate = Estimate {
        estimates: vec![CurrencyEstimate {
            balance_after_estimate: decimal("-1.2"),
            breakdown: vec![
                breakdown(None, None),
                breakdown(
                    Some(EstimateWarningCode::UnsupportedAggregation),
                    Some(vec!["tokens".into()]),
                ),
            ],
            currency_id: "credits".into(),
            current_balance: decimal("1"),
            estimated_cost: decimal("2.2"),
            would_overdraft: true,
        }],
        warnings: vec![EstimateWarning::FeatureNotCreditBased],
    };
    assert_eq!(
        to_string(&estimate).unwrap(),
        r#"{"estimates":[{"balanceAfterEstimate":-1.2,"breakdown":[{"cost":1.1,"featureId":"calls","warningCode":null},{"cost":1.1,"featureId":"calls","warningCode":"UNSUPPORTED_AGGREGATION","missingDimensions":["tokens"]}],"currencyId":"credits","currentBalance":1,"estimatedCost":2.2,"wouldOverdraft":true}],"warnings":["FEATURE_NOT_CREDIT_BASED"]}"#
    );
}

#[test]
fn histories_and_credit_usage_have_points_and_tags() {
    let tag = || Tag { key: "region".into(), value: "eu".into() };
    let history = UsageHistory {
        markers: vec![UsageMarker {
            timestamp: FEBRUARY.into(),
            r#type: UsageMarkerType::PeriodicReset,
        }],
        series: vec![UsageSeries {
            points: vec![UsagePoint {
                is_reset_point: true,
                timestamp: FEBRUARY.into(),
                value: decimal("0"),
            }],
            tags: vec![tag()],
        }],
    };
    assert_eq!(
        to_string(&history).unwrap(),
        r#"{"markers":[{"timestamp":"2026-02-01T00:00:00.000Z","type":"PERIODIC_RESET"}],"series":[{"points":[{"isResetPoint":true,"timestamp":"2026-02-01T00:00:00.000Z","value":0}],"tags":[{"key":"region","value":"eu"}]}]}"#
    );
    let mut usage = CreditUsage {
        currency: None,
        pagination: Pagination::default(),
        series: vec![CreditUsageSeries {
            event_count: 3,
            feature_id: None,
            feature_name: None,
            points: vec![CreditUsagePoint {
                event_count: 3,
                timestamp: FEBRUARY.into(),
                value: decimal("0.3"),
            }],
            total_credits: decimal("0.3"),
            tags: Some(vec![tag()]),
        }],
    };
    assert_eq!(
        to_string(&usage).unwrap(),
        r#"{"currency":null,"pagination":{"next":null,"prev":null},"series":[{"eventCount":3,"featureId":null,"featureName":null,"points":[{"eventCount":3,"timestamp":"2026-02-01T00:00:00.000Z","value":0.3}],"totalCredits":0.3,"tags":[{"key":"region","value":"eu"}]}]}"#
    );
    usage.series.clear();
    usage.currency = Some(CreditUsageCurrency {
        currency_id: "credits".into(),
        display_name: "Credits".into(),
        plural: None,
        singular: None,
        symbol: Some("cr".into()),
    });
    assert!(to_string(&usage).unwrap().starts_with(
        r#"{"currency":{"currencyId":"credits","displayName":"Credits","plural":null,"singular":null,"symbol":"cr"}"#
    ));
}

#[test]
fn a_forecast_says_when_credits_run_out_at_either_pace() {
    let window = |window, used: &str, rate: &str, runs_out_at: Option<&str>| WindowForecast {
        window,
        used: decimal(used),
        rate_per_day: decimal(rate),
        runs_out_at: runs_out_at.map(str::to_owned),
        is_grant_expiry_limited: runs_out_at.is_some(),
    };
    let forecast = Forecast {
        runs_out_at: Some(MARCH.into()),
        windows: vec![
            window(ForecastWindow::LastDay, "0", "0", None),
            window(ForecastWindow::LastWeek, "7.7", "1.1", Some(MARCH)),
        ],
    };
    assert_eq!(
        to_string(&forecast).unwrap(),
        r#"{"runsOutAt":"2026-03-01T00:00:00.000Z","windows":[{"window":"LAST_DAY","used":0,"ratePerDay":0,"runsOutAt":null,"isGrantExpiryLimited":false},{"window":"LAST_WEEK","used":7.7,"ratePerDay":1.1,"runsOutAt":"2026-03-01T00:00:00.000Z","isGrantExpiryLimited":true}]}"#
    );
}

#[test]
fn the_list_of_holds_says_what_became_of_each() {
    let listed = ListedReservation {
        id: "job-1".into(),
        amount: decimal("10"),
        consumed_amount: None,
        created_at: FEBRUARY.into(),
        currency_id: "credits".into(),
        customer_id: "acme".into(),
        expires_at: MARCH.into(),
        holds: vec![ReservationHold { amount: decimal("10"), grant_id: "g-1".into() }],
        metadata: [("job".to_owned(), "7".to_owned())].into(),
        released_at: None,
        resource_id: None,
        status: ListedReservationStatus::Active,
    };
    assert_eq!(
        to_string(&listed).unwrap(),
        r#"{"id":"job-1","amount":10,"consumedAmount":null,"createdAt":"2026-02-01T00:00:00.000Z","currencyId":"credits","customerId":"acme","expiresAt":"2026-03-01T00:00:00.000Z","holds":[{"amount":10,"grantId":"g-1"}],"metadata":{"job":"7"},"releasedAt":null,"resourceId":null,"status":"ACTIVE"}"#
    );
    let extended = ReservationExtended {
        reservation: Reservation {
            id: "job-1".into(),
            amount: decimal("12.5"),
            expires_at: MARCH.into(),
            status: ReservationStatus::Active,
            consumed_amount: None,
        },
        credit: None,
        decision_id: None,
    };
    assert_eq!(
        to_string(&extended).unwrap(),
        r#"{"reservation":{"id":"job-1","amount":12.5,"expiresAt":"2026-03-01T00:00:00.000Z","status":"ACTIVE"}}"#
    );
}

#[test]
fn a_reversal_shows_the_entries_that_undo_the_other() {
    let entry = LedgerEntry {
        amount: decimal("4"),
        credit_currency_id: "credits".into(),
        credit_grant_id: "g-1".into(),
        customer_id: "acme".into(),
        event_id: None,
        event_type: LedgerEventType::CreditsConsumed,
        feature_id: None,
        resource_id: None,
        timestamp: FEBRUARY.into(),
        entry_id: Some("e-2".into()),
        breakdown: None,
        hold_returned_amount: None,
        metadata: None,
        decision_id: None,
        reason: Some("charged twice".into()),
        reservation_id: None,
        reversal_of: Some("e-1".into()),
        reversed_by: None,
    };
    let reversed = EntryReversed {
        entry_id: "e-1".into(),
        amount: decimal("4"),
        entries: vec![entry],
        credit: CreditBalance {
            currency_id: "credits".into(),
            current_usage: decimal("0"),
            timestamp: FEBRUARY.into(),
            usage_limit: decimal("50"),
            usage_period_end: None,
        },
        reason: Some("charged twice".into()),
        reversed_at: FEBRUARY.into(),
    };
    assert_eq!(
        to_string(&reversed).unwrap(),
        r#"{"entryId":"e-1","amount":4,"entries":[{"amount":4,"creditCurrencyId":"credits","creditGrantId":"g-1","customerId":"acme","eventId":null,"eventType":"CREDITS_CONSUMED","featureId":null,"resourceId":null,"timestamp":"2026-02-01T00:00:00.000Z","entryId":"e-2","reason":"charged twice","reversalOf":"e-1"}],"credit":{"currencyId":"credits","currentUsage":0,"timestamp":"2026-02-01T00:00:00.000Z","usageLimit":50},"reason":"charged twice","reversedAt":"2026-02-01T00:00:00.000Z"}"#
    );
}

#[test]
fn a_decision_tells_its_whole_story() {
    let inputs = parse_body::<Consume>(br#"{"amount":1,"currencyId":"c","customerId":"u","idempotencyKey":"k","dimensions":{"b":2.50,"a":1}}"#);
    let inputs = inputs.unwrap().dimensions.unwrap().to_json();
    let decision = Decision {
        decision_id: "d-1".into(),
        kind: DecisionKind::Refusal,
        outcome: DecisionOutcome::Refused,
        at: FEBRUARY.into(),
        customer_id: "acme".into(),
        resource_id: None,
        feature_id: Some("calls".into()),
        currency_id: Some("credits".into()),
        requested_usage: Some(decimal("1")),
        cost: Some(decimal("3.6")),
        access_denied_reason: None,
        error_code: Some(ErrorCode::InsufficientCredits),
        subscription: Some(DecisionSubscription {
            id: "sub-1".into(),
            plan_id: "growth".into(),
            version: 2,
        }),
        mapping: Some(DecisionMapping {
            package_id: "growth".into(),
            package_type: PackageType::Plan,
            version: 2,
            rate: decimal("0"),
            cost_formula: Some("1.1 * a + b".into()),
            inputs,
            is_estimate: false,
        }),
        draws: vec![DecisionDraw {
            grant_id: "g-1".into(),
            grant_name: Some("Gift".into()),
            amount: decimal("3"),
            rule: "it expires first".into(),
        }],
        draws_left_out: 0,
        overdraft: decimal("0"),
        limit_hit: Some(LimitHit {
            r#type: LimitType::Balance,
            limit: decimal("50"),
            current_usage: decimal("47"),
            requested: decimal("3.6"),
            enforcement: Enforcement::Strict,
        }),
        reversed_by: None,
        by: Some(DecisionActor {
            r#type: ActorType::ApiKey,
            name: Some("checkout".into()),
            key_hint: Some("1234".into()),
        }),
    };
    assert_eq!(
        to_string(&decision).unwrap(),
        r#"{"decisionId":"d-1","kind":"REFUSAL","outcome":"REFUSED","at":"2026-02-01T00:00:00.000Z","customerId":"acme","resourceId":null,"featureId":"calls","currencyId":"credits","requestedUsage":1,"cost":3.6,"accessDeniedReason":null,"errorCode":"insufficient_credits","subscription":{"id":"sub-1","planId":"growth","version":2},"mapping":{"packageId":"growth","packageType":"PLAN","version":2,"rate":0,"costFormula":"1.1 * a + b","inputs":{"a":1,"b":2.5},"isEstimate":false},"draws":[{"grantId":"g-1","grantName":"Gift","amount":3,"rule":"it expires first"}],"drawsLeftOut":0,"overdraft":0,"limitHit":{"type":"BALANCE","limit":50,"currentUsage":47,"requested":3.6,"enforcement":"STRICT"},"reversedBy":null,"by":{"type":"API_KEY","name":"checkout","keyHint":"1234"}}"#
    );
    let error = WireError::new(ErrorCode::InsufficientCredits, "the balance is 3");
    let body = to_string(&ErrorBody::new(error, "req-1").with_decision("d-1")).unwrap();
    assert!(body.contains(r#""decisionId":"d-1","requestId":"req-1""#), "{body}");
}

#[test]
fn a_check_of_a_feature_leaves_out_what_it_does_not_know() {
    let mut feature = EffectiveFeature {
        access_denied_reason: Some(AccessDeniedReason::FeatureNotFound),
        is_granted: false,
        r#type: FeatureTag::Feature,
        current_usage: None,
        decision_id: None,
        entitlement_updated_at: None,
        enum_values: None,
        feature: None,
        has_soft_limit: None,
        has_unlimited_usage: None,
        is_estimate: None,
        reset_period: None,
        usage_limit: None,
        usage_period_anchor: None,
        usage_period_end: None,
        usage_period_start: None,
        valid_until: None,
    };
    assert_eq!(
        to_string(&EffectiveEntitlement::Feature(feature.clone())).unwrap(),
        r#"{"accessDeniedReason":"FeatureNotFound","isGranted":false,"type":"FEATURE"}"#
    );
    feature.access_denied_reason = None;
    feature.is_granted = true;
    feature.current_usage = Some(decimal("1.5"));
    feature.decision_id = Some("d-1".into());
    feature.has_soft_limit = Some(true);
    feature.is_estimate = Some(true);
    assert_eq!(
        to_string(&EffectiveEntitlement::Feature(feature)).unwrap(),
        r#"{"accessDeniedReason":null,"isGranted":true,"type":"FEATURE","currentUsage":1.5,"decisionId":"d-1","hasSoftLimit":true,"isEstimate":true}"#
    );
}

#[test]
fn the_codes_of_usage_and_holds_keep_their_status() {
    let line = |code: &ErrorCode| format!("{code} {}", code.status());
    let first = ErrorCode::ALL.iter().position(|code| *code == ErrorCode::FeatureNotMetered);
    assert_eq!(
        ErrorCode::ALL[first.unwrap()..].iter().take(12).map(line).collect::<Vec<_>>(),
        [
            "feature_not_metered 422",
            "usage_limit_exceeded 402",
            "unsupported_aggregation 422",
            "invalid_formula 422",
            "formula_failed 422",
            "reservation_closed 409",
            "entry_not_found 404",
            "entry_not_reversible 409",
            "already_reversed 409",
            "decision_not_found 404",
            "decision_gone 404",
            "promotional_entitlement_not_found 404",
        ]
    );
}

#[test]
fn every_credit_rate_is_found_at_its_place() {
    let body = r#"{"charges":{"pricingType":"PAID","pricingModels":[
        {"billingModel":"FLAT_FEE","pricePeriods":[{"billingPeriod":"MONTHLY"}]},
        {"billingModel":"CREDIT_BASED","featureId":"calls","pricePeriods":[
            {"billingPeriod":"MONTHLY","creditRate":{"amount":10,"currencyId":"credits"}},
            {"billingPeriod":"ANNUALLY",
                "creditRate":{"amount":0,"currencyId":"credits","costFormula":"1.1*a"}}]}],
        "overagePricingModels":[{"currencyId":"credits","pricePeriods":[
            {"billingPeriod":"MONTHLY","creditRate":{"amount":0.5,"currencyId":"credits"}}]}]}}"#;
    let charges = parse_body::<UpdatePlan>(body.as_bytes()).unwrap().charges.unwrap();
    let found = charges.credit_rates().map(|placed| {
        let feature = placed.feature_id.map_or("-", |id| id.as_str());
        let formula = placed.rate.cost_formula.as_ref().map_or("-", |formula| &formula.0);
        let (period, amount) = (placed.billing_period, placed.rate.amount.0);
        format!("{} {} {period} {feature} {amount} {formula}", placed.pointer, placed.is_overage)
    });
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            "/charges/pricingModels/1/pricePeriods/0/creditRate false MONTHLY calls 10 -",
            "/charges/pricingModels/1/pricePeriods/1/creditRate false ANNUALLY calls 0 1.1*a",
            "/charges/overagePricingModels/0/pricePeriods/0/creditRate true MONTHLY - 0.5 -",
        ]
    );
}

mod openapi {
    use stipend_wire::access::EffectiveEntitlement;
    use stipend_wire::consumption::{Consume, ConsumeBatch, Consumed};
    use stipend_wire::credit_usage::CreditUsage;
    use stipend_wire::customer::CreateCustomer;
    use stipend_wire::decision::Decision;
    use stipend_wire::entitlement::{CreateEntitlements, PackageEntitlement, UpdateEntitlement};
    use stipend_wire::environment::{
        CreateEnvironment, Environment, SetTestClock, TestClock, UpdateEnvironment,
    };
    use stipend_wire::event::{
        Estimate, EstimateEvent, EstimateUsage, EventsAccepted, ReportEvents,
    };
    use stipend_wire::explain::CreditExplanation;
    use stipend_wire::feature::{CreateFeature, UpdateFeature};
    use stipend_wire::package::{Plan, UpdatePlan};
    use stipend_wire::preview::{PreviewSubscription, SubscriptionPreview};
    use stipend_wire::promotional::{GrantPromotionals, PromotionalEntitlement};
    use stipend_wire::query::{
        CheckQuery, CreditUsageQuery, PackagesQuery, PromotionalsQuery, ReservationsQuery,
        UsageHistoryQuery,
    };
    use stipend_wire::reservation::{
        ExtendReservation, ListedReservation, ReleaseReservation, ReservationExtended,
        ReservationReleased,
    };
    use stipend_wire::reversal::{EntryReversed, ReverseEntry};
    use stipend_wire::subscription::{ProvisionSubscription, Provisioned, Subscription};
    use stipend_wire::subscription_change::{MigrateSubscription, TransferSubscription};
    use stipend_wire::task::{ImportSubscriptions, Task, TaskStarted};
    use stipend_wire::upcoming::UpcomingStep;
    use stipend_wire::usage::{ReportUsages, UsageHistory, UsageReported, UsagesReported};
    use stipend_wire::{BatchData, Data, ErrorBody, Page};
    use utoipa::OpenApi;

    macro_rules! operations {
        ($($name:ident $path:literal $body:ty => $answer:ty;)*) => {
            $(#[utoipa::path(
                post, path = $path, request_body = $body, params(
                    PackagesQuery, CheckQuery, ReservationsQuery, UsageHistoryQuery,
                    CreditUsageQuery, PromotionalsQuery,
                ),
                responses((status = 200, body = $answer), (status = 422, body = ErrorBody)),
            )]
            #[expect(dead_code, reason = "only its OpenAPI description is used")]
            fn $name() {})*

            #[derive(OpenApi)]
            #[openapi(paths($($name),*))]
            pub(crate) struct Document;
        };
    }

    operations! {
        update_plan "/a" UpdatePlan => Data<Plan>;
        create_entitlements "/b" CreateEntitlements => Page<PackageEntitlement>;
        update_entitlement "/c" UpdateEntitlement => Data<Vec<PackageEntitlement>>;
        provision "/d" ProvisionSubscription => Data<Provisioned>;
        consume "/e" Consume => Data<Consumed>;
        consume_async "/f" ConsumeBatch => Data<CreditExplanation>;
        create_customer "/g" CreateCustomer => Page<Charge>;
        migrate "/h" MigrateSubscription => Data<Subscription>;
        preview "/i" PreviewSubscription => Data<SubscriptionPreview>;
        import "/j" ImportSubscriptions => Data<TaskStarted>;
        set_clock "/k" SetTestClock => Data<TestClock>;
        create_environment "/l" CreateEnvironment => Data<Environment>;
        update_environment "/m" UpdateEnvironment => Page<Environment>;
        transfer "/n" TransferSubscription => Data<Vec<UpcomingStep>>;
        get_task "/o" MigrateSubscription => Data<Task>;
        report_usage "/p" ReportUsages => BatchData<Vec<UsageReported>>;
        report_usage_of_many "/q" ReportUsages => BatchData<UsagesReported>;
        report_events "/r" ReportEvents => Data<EventsAccepted>;
        estimate_event "/s" EstimateEvent => Data<Estimate>;
        estimate_usage "/t" EstimateUsage => Data<UsageHistory>;
        release "/u" ReleaseReservation => Data<ReservationReleased>;
        extend "/v" ExtendReservation => Data<ReservationExtended>;
        list_reservations "/w" ExtendReservation => Page<ListedReservation>;
        reverse "/x" ReverseEntry => Data<EntryReversed>;
        grant_promotionals "/y" GrantPromotionals => Data<Vec<PromotionalEntitlement>>;
        check "/z" CreateFeature => Data<EffectiveEntitlement>;
        get_usage "/aa" UpdateFeature => Data<CreditUsage>;
        get_decision "/ab" UpdateFeature => Data<Decision>;
    }

    use stipend_wire::charge::Charge;
}

#[test]
fn every_reference_in_the_openapi_document_leads_to_a_schema() {
    use utoipa::OpenApi;
    let document = openapi::Document::openapi();
    let components = document.components.as_ref().unwrap();
    let text = to_string(&document).unwrap();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(components.schemas.contains_key(name), "{name} in {text}");
    }
    let schema = to_string(&components.schemas["Consume"]).unwrap();
    let amount = r#""amount":{"type":"number","description":"How many; above zero after one rounding to 9 decimal places.","exclusiveMinimum":0}"#;
    assert!(schema.contains(amount), "{schema}");
    let import = to_string(&components.schemas["ImportSubscriptions"]).unwrap();
    let bounds = r##""items":{"$ref":"#/components/schemas/ImportedSubscription"},"description":"The subscriptions.","maxItems":1000,"minItems":1"##;
    assert!(import.contains(bounds), "{import}");
    let environment = to_string(&components.schemas["CreateEnvironment"]).unwrap();
    assert!(environment.contains(r#""pattern":"^[a-z0-9][a-z0-9-]*$""#), "{environment}");
    let usages = to_string(&components.schemas["ReportUsages"]).unwrap();
    assert!(usages.contains(r#""maxItems":100,"minItems":1"#), "{usages}");
    let extension = to_string(&components.schemas["ExtendReservation"]).unwrap();
    assert!(extension.contains(r#""maximum":86400,"minimum":1"#), "{extension}");
    assert!(text.contains(r#""maxItems":4"#), "credit usage is grouped by up to four names");
    let plan = to_string(&components.schemas["Plan"]).unwrap();
    assert!(plan.contains(r#""billingId":{"type":["string","null"]"#), "{plan}");
}
