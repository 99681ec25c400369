//! The rows of `bad-input.md` about addresses, on every endpoint that checks or tells what was used,
//! reserved, given or decided: one loop over a table of queries, and one over a table of paths.

use crate::support::Server;
use crate::usage::metered;
use crate::world::usage;
use serde_json::Value;

/// What a parameter takes, and so what it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A number, zero or more.
    Number,
    /// A number above zero.
    Amount,
    Seconds,
    Flag,
    Limit,
    Cursor,
    Instant,
    /// One of some spellings, or several of them.
    Choice,
    /// Names of dimensions.
    Names,
    /// A JSON object of texts.
    Metadata,
    /// A text that is compared and otherwise may be anything.
    Text,
    /// The id of a customer.
    Customer,
}

struct Query {
    path: &'static str,
    /// What it must have to be sound.
    sound: &'static str,
    parameters: &'static [(&'static str, Kind)],
}

const CHECK: &str = "/api/v1/customers/acme/entitlements/check";
const PAGED: [(&str, Kind); 3] =
    [("limit", Kind::Limit), ("after", Kind::Cursor), ("before", Kind::Cursor)];

const QUERIES: &[Query] = &[
    Query {
        path: CHECK,
        sound: "currencyId=api-credits",
        parameters: &[
            ("requestedUsage", Kind::Number),
            ("forecast", Kind::Flag),
            ("resourceId", Kind::Text),
        ],
    },
    Query {
        path: CHECK,
        sound: "featureId=calls",
        parameters: &[("requestedUsage", Kind::Number), ("resourceId", Kind::Text)],
    },
    Query {
        path: CHECK,
        sound: "currencyId=api-credits&reservationId=row&reserveAmount=80001",
        parameters: &[
            ("reserveAmount", Kind::Amount),
            ("reservationTtlSeconds", Kind::Seconds),
            ("reservationExpiresAt", Kind::Instant),
            ("reservationMetadata", Kind::Metadata),
            ("reservationId", Kind::Text),
        ],
    },
    Query { path: "/api/v1/credits/reservations", sound: "customerId=acme", parameters: &PAGED },
    Query {
        path: "/api/v1/credits/reservations",
        sound: "customerId=acme",
        parameters: &[
            ("customerId", Kind::Customer),
            ("status", Kind::Choice),
            ("currencyId", Kind::Text),
            ("resourceId", Kind::Text),
        ],
    },
    Query { path: "/api/v1/credits/usage", sound: "customerId=acme", parameters: &PAGED },
    Query {
        path: "/api/v1/credits/usage",
        sound: "customerId=acme",
        parameters: &[
            ("customerId", Kind::Customer),
            ("startDate", Kind::Instant),
            ("endDate", Kind::Instant),
            ("timeRange", Kind::Choice),
            ("groupBy", Kind::Names),
            ("currencyId", Kind::Text),
        ],
    },
    Query {
        path: "/api/v1/usage/acme/history/calls",
        sound: "startDate=2026-01-01T00:00:00Z",
        parameters: &[
            ("startDate", Kind::Instant),
            ("endDate", Kind::Instant),
            ("groupBy", Kind::Names),
        ],
    },
    Query {
        path: "/api/v1/customers/acme/promotional-entitlements",
        sound: "",
        parameters: &PAGED,
    },
    Query {
        path: "/api/v1/customers/acme/promotional-entitlements",
        sound: "",
        parameters: &[("status", Kind::Choice), ("createdAt[gte]", Kind::Instant)],
    },
    Query { path: "/api/v1/credits/ledger", sound: "customerId=acme", parameters: &PAGED },
    Query { path: "/api/v1/customers/acme/entitlements", sound: "", parameters: &[] },
];

/// What a parameter must not be: row, value as it is sent, code.
fn wrong(kind: Kind) -> Vec<(u8, String, &'static str)> {
    let invalid = "invalid_parameter";
    let lines = |row: u8, values: &[&str], code: &'static str| -> Vec<(u8, String, &'static str)> {
        values.iter().map(|value| (row, (*value).to_owned(), code)).collect()
    };
    match kind {
        Kind::Number | Kind::Amount => {
            let mut all = lines(1, &["NaN", "Infinity", "-Infinity"], invalid);
            all.extend(lines(2, &["1e400"], invalid));
            all.extend(lines(4, &["-5"], invalid));
            all.extend(lines(7, &[&"1".repeat(200)], invalid));
            all.extend(lines(9, &["1e30"], invalid));
            let spellings = ["0x10", "%2B1", "1_000", "1,5", "%EF%BC%91", "[1]", "true", "null"];
            all.extend(lines(10, &spellings, invalid));
            if kind == Kind::Amount {
                all.extend(lines(20, &["0", "-0", "0.0000000001"], invalid));
            }
            all
        }
        Kind::Seconds => lines(77, &["0", "-1", "86401", "1.5", "1e3", "abc"], invalid),
        Kind::Flag => lines(11, &["1", "yes", "TRUE", "null"], invalid),
        Kind::Limit => lines(77, &["0", "-1", "1000000000", "abc", "1.0", ""], "invalid_limit"),
        Kind::Cursor => {
            lines(76, &["zz", "'%20OR%201=1", &"0".repeat(700), &"0".repeat(64)], "invalid_cursor")
        }
        Kind::Instant => lines(
            53,
            &[
                "2026-01-31T00:00:00",
                "2026-01-31",
                "2026-01-30T24:00:00Z",
                "2026-02-30T00:00:00Z",
                "0000-01-01T00:00:00Z",
                "10000-01-01T00:00:00Z",
                "1769817600000",
                "yesterday",
            ],
            invalid,
        ),
        Kind::Choice => lines(78, &["active", ".*", "SOMETHING", "%27%20OR%201=1"], invalid),
        Kind::Names => lines(78, &["a%20b", "a,b,c,d", "a,a", "a.b", "$(id)"], invalid),
        Kind::Metadata => lines(
            29,
            &["[]", "1", "%7B", "%7B%22a%22:1%7D", "%7B%22a%22:%22b%22,%22a%22:%22c%22%7D"],
            invalid,
        ),
        Kind::Text => lines(22, &[&"t".repeat(2_001)], invalid),
        Kind::Customer => {
            let mut all = lines(42, &[""], "missing_parameter");
            all.extend(lines(22, &[&"t".repeat(2_001)], invalid));
            all
        }
    }
}

/// The address with a parameter replaced or added.
fn with(query: &Query, name: &str, value: &str) -> String {
    let kept = query.sound.split('&').filter(|pair| {
        let is_it = pair.split('=').next() == Some(name);
        !pair.is_empty() && !is_it
    });
    let changed = format!("{name}={value}");
    let pairs: Vec<&str> = kept.chain([changed.as_str()]).collect();
    format!("{}?{}", query.path, pairs.join("&"))
}

/// What was asked and what came, where it is not what is due; and what was written.
struct Checked {
    server: Server,
    before: u64,
    faults: Vec<String>,
}

impl Checked {
    fn new() -> Self {
        let server = metered();
        Self { before: server.position(), server, faults: Vec::new() }
    }

    fn get(&mut self, row: u8, path: &str, expected: &str) {
        let found = self.server.call("GET", path, &Value::Null).verdict();
        let shown: String = path.chars().take(200).collect();
        let was_written = self.server.position() != self.before;
        if found != expected || was_written {
            let written = if was_written { " and it was written" } else { "" };
            self.faults.push(format!("row {row}: {shown}: {found}, not {expected}{written}"));
            self.before = self.server.position();
        }
    }

    #[track_caller]
    fn end(self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }
}

#[test]
fn every_query_refuses_what_a_parameter_of_its_kind_must_not_be() {
    let mut checked = Checked::new();
    for query in QUERIES {
        checked.get(0, &format!("{}?{}", query.path, query.sound), "ok");
        for (name, kind) in query.parameters {
            for (row, value, code) in wrong(*kind) {
                let place =
                    if code == "invalid_cursor" { String::new() } else { format!(" {name}") };
                checked.get(row, &with(query, name, &value), &format!("400 {code}{place}"));
            }
            for control in ["%00", "a%1b", "%7F", "%0d%0aX:1"] {
                checked.get(23, &with(query, name, control), "400 invalid_parameter");
            }
            for bytes in ["%ff", "%C3%28", "%ED%A0%80", "%4"] {
                checked.get(19, &with(query, name, bytes), "400 invalid_parameter");
            }
            if !matches!(kind, Kind::Choice | Kind::Names) {
                let twice = format!("{}&{name}=1", with(query, name, "1"));
                checked.get(36, &twice, &format!("400 duplicate_parameter {name}"));
            }
            if *kind == Kind::Customer {
                for (row, id) in [(56, "nobody"), (26, "Acme"), (25, "acm%D0%B5"), (28, "'--")] {
                    checked.get(row, &with(query, name, id), "404 customer_not_found");
                }
            }
        }
    }
    checked.end();
}

#[test]
fn every_query_refuses_parameters_that_it_does_not_have() {
    let mut checked = Checked::new();
    for query in QUERIES {
        for name in ["sort", "filter", "expand", "where", "environmentId", "LIMIT", "customer_id"] {
            let expected = format!("400 unknown_parameter {name}");
            checked.get(78, &with(query, name, "x"), &expected);
        }
        let many = format!("{}?{}", query.path, "a=1&".repeat(5_000));
        checked.get(36, &many, "400 invalid_parameter");
        let key = with(query, "api_key", "sk_stipend_test");
        checked.get(72, &key, "400 unknown_parameter api_key");
    }
    checked.end();
}

/// A cursor is of one list, one customer and one environment.
#[test]
fn every_list_refuses_the_cursor_of_another() {
    let mut checked = Checked::new();
    let plans = checked.server.call("GET", "/api/v1/plans?limit=1", &Value::Null).json();
    let cursor = plans["pagination"]["next"].as_str().expect("there are more").to_owned();
    for query in QUERIES {
        for (name, kind) in query.parameters {
            if *kind == Kind::Cursor {
                checked.get(76, &with(query, name, &cursor), "400 invalid_cursor");
            }
        }
    }
    checked.end();
}

/// Paths with ids: `@` is the id. The last is what an id that names nothing gets; a check and the
/// list of what is granted answer 200 with the denial.
const PATHS: &[(&str, &str, &str)] = &[
    ("GET", "/api/v1/customers/@/entitlements/check?currencyId=api-credits", "ok"),
    ("GET", "/api/v1/customers/@/entitlements/check?featureId=calls", "ok"),
    ("GET", "/api/v1/customers/@/entitlements", "ok"),
    ("GET", "/api/v1/customers/@/promotional-entitlements", "404 customer_not_found"),
    ("POST", "/api/v1/customers/@/promotional-entitlements", "404 customer_not_found"),
    ("DELETE", "/api/v1/customers/@/promotional-entitlements/free", "404 customer_not_found"),
    (
        "DELETE",
        "/api/v1/customers/acme/promotional-entitlements/@",
        "404 promotional_entitlement_not_found",
    ),
    (
        "GET",
        "/api/v1/usage/@/history/calls?startDate=2026-01-01T00:00:00Z",
        "404 customer_not_found",
    ),
    ("GET", "/api/v1/usage/acme/history/@?startDate=2026-01-01T00:00:00Z", "404 feature_not_found"),
    ("GET", "/api/v1/decisions/@", "404 decision_not_found"),
    ("POST", "/api/v1/credits/ledger/@/reverse", "404 entry_not_found"),
    ("POST", "/api/v1/credits/reservations/@/release", "404 reservation_not_found"),
    ("POST", "/api/v1/credits/reservations/@/extend", "404 reservation_not_found"),
];

fn body_of(path: &str) -> Value {
    let place = |field: &str| serde_json::json!({ "customerId": "acme", "currencyId": "api-credits", field: 1 });
    if path.ends_with("/release") {
        place("consumedAmount")
    } else if path.ends_with("/extend") {
        place("reserveAmount")
    } else if path.ends_with("/promotional-entitlements") {
        crate::world::promotion("free", &serde_json::json!({}))
    } else {
        Value::Null
    }
}

#[test]
fn every_path_leads_nowhere_but_to_ids() {
    let server = metered();
    let mut faults = Vec::new();
    for (method, template, expected) in PATHS {
        let body = if *method == "POST" { body_of(template) } else { Value::Null };
        let before = server.position();
        let ends_so = template.split('?').next().is_some_and(|path| path.ends_with('@'));
        for (row, id, expected) in [
            (24, "..%2f..%2fetc%2fpasswd", *expected),
            (24, "%00", expected),
            (24, "%2561cme", expected),
            (24, "x;y", expected),
            (24, "x%3Fy", expected),
            (28, "'%20OR%20'1'='1", expected),
            (25, "acm%D0%B5", expected),
            (26, "ACME", expected),
            (22, &"i".repeat(256), expected),
            (24, "%ff", "404 not_found"),
            (24, "", if ends_so { "404 not_found" } else { expected }),
            (24, "x/y", "404 not_found"),
            (24, "../../etc/passwd", "404 not_found"),
        ] {
            let answer = server.call(method, &template.replace('@', id), &body);
            let found = answer.verdict();
            assert!(!answer.text().contains("\"isGranted\":true"), "{template} {id}");
            if found != expected || server.position() != before {
                faults
                    .push(format!("row {row}: {method} {template} {id}: {found}, not {expected}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is of another environment looks like what is not there.
#[test]
fn row_70_decisions_entries_and_lists_of_another_environment_are_not_found() {
    let server = metered();
    let consumed = server.post("/api/v1/credits/consumption", &usage("acme", "k", 1));
    let id = consumed["decisionId"].as_str().expect("it has an id").to_owned();
    let decision = format!("/api/v1/decisions/{id}");
    assert_eq!(server.call("GET", &decision, &Value::Null).verdict(), "ok");
    for (path, expected) in [
        (decision.as_str(), "404 decision_not_found"),
        ("/api/v1/credits/reservations?customerId=acme", "404 customer_not_found"),
        ("/api/v1/credits/usage?customerId=acme", "404 customer_not_found"),
        ("/api/v1/customers/acme/promotional-entitlements", "404 customer_not_found"),
        (
            "/api/v1/usage/acme/history/calls?startDate=2026-01-01T00:00:00Z",
            "404 customer_not_found",
        ),
    ] {
        assert_eq!(server.in_sandbox("GET", path).send().verdict(), expected, "{path}");
    }
}
