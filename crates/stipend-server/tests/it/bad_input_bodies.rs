//! The rows of `bad-input.md` about bodies and their fields, on every endpoint that reports, prices,
//! reserves or gives back: one loop over a table of endpoints. A new endpoint is one line; what its
//! fields may not be follows from their kinds.

use crate::coverage::{operation_of, operations};
use crate::support::{Answer, Call, Server};
use crate::usage::metered;
use crate::world::{promotion, usage};
use serde_json::{Map, Value, json};
use stipend_wire::ErrorCode;

/// What a field takes, and so what it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A number above zero, rounded.
    Amount,
    /// A number that may be zero, rounded.
    AmountOrZero,
    /// A number of any sign but zero, rounded.
    Change,
    /// A number of the catalog, taken exactly.
    Exact,
    /// A whole number of seconds, up to a day.
    Seconds,
    /// An id, and what an unknown one gets.
    Id(&'static str),
    /// What machines compare.
    Key,
    /// A line for people of so many characters, which may be empty.
    Line(usize),
    /// Several such lines.
    Lines,
    /// When something happened.
    Happened,
    /// When a reservation or an entitlement ends.
    Ends,
    Dimensions,
    Flag,
    /// One of some spellings, and one of them in other letters.
    Choice(&'static str),
    /// An object of the contract.
    Object,
}

/// How a field may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absence {
    /// Not at all.
    Needed,
    /// As `null` only.
    Null,
    /// As an absent key only.
    Left,
    /// As either.
    Either,
}

use Absence::{Either, Left, Needed, Null};

type Field = (&'static str, Kind, Absence);

/// Where the fields stand in a body.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the body itself.
    Body,
    /// In the body itself, which may be left out as a whole.
    OptionalBody,
    /// In each item of a list of that name, of up to so many.
    List(&'static str, usize),
}

struct Endpoint {
    /// Method and path; `{entry}` is that of a consumption.
    request: &'static str,
    place: Place,
    /// What it takes, or takes in its list.
    sound: fn() -> Value,
    fields: &'static [Field],
    /// A change of the sound one that is another request under the same key, and its refusal.
    other: (&'static str, &'static str, &'static str),
    /// What another environment gets.
    elsewhere: &'static str,
}

const CUSTOMER: Field = ("customerId", Kind::Id("404 customer_not_found"), Needed);
const NO_POOL: &str = "404 currency_not_found";
const CONSUMED: &[Field] = &[
    ("amount", Kind::Amount, Needed),
    ("currencyId", Kind::Id(NO_POOL), Needed),
    CUSTOMER,
    ("idempotencyKey", Kind::Key, Needed),
    ("createdAt", Kind::Happened, Left),
    ("dimensions", Kind::Dimensions, Left),
    ("resourceId", Kind::Id("404 resource_not_found"), Left),
    ("strict", Kind::Flag, Left),
];
const REPORTED: &[Field] = &[
    CUSTOMER,
    ("featureId", Kind::Id("404 feature_not_found"), Needed),
    ("value", Kind::Change, Needed),
    ("createdAt", Kind::Happened, Left),
    ("dimensions", Kind::Dimensions, Left),
    ("idempotencyKey", Kind::Key, Left),
    ("resourceId", Kind::Id("404 resource_not_found"), Either),
    ("updateBehavior", Kind::Choice("delta"), Left),
];
const HAPPENED: &[Field] = &[
    CUSTOMER,
    ("eventName", Kind::Key, Needed),
    ("idempotencyKey", Kind::Key, Needed),
    ("dimensions", Kind::Dimensions, Left),
    ("resourceId", Kind::Id("404 resource_not_found"), Either),
    ("timestamp", Kind::Happened, Left),
];
/// An estimate warns of a feature that does not exist, and of a resource that has a subscription of
/// its own; to one that has none, what the customer has applies.
const USAGE_ESTIMATED: &[Field] = &[
    CUSTOMER,
    ("featureId", Kind::Id("ok"), Needed),
    ("value", Kind::Change, Needed),
    ("dimensions", Kind::Dimensions, Left),
    ("resourceId", Kind::Id("ok"), Either),
    ("updateBehavior", Kind::Choice("set"), Left),
];
const EVENT_ESTIMATED: &[Field] = &[
    CUSTOMER,
    ("eventName", Kind::Key, Needed),
    ("dimensions", Kind::Dimensions, Left),
    ("resourceId", Kind::Id("ok"), Either),
];
const EXTENDED: &[Field] = &[
    ("currencyId", Kind::Id(NO_POOL), Needed),
    CUSTOMER,
    ("reservationExpiresAt", Kind::Ends, Left),
    ("reservationTtlSeconds", Kind::Seconds, Left),
    ("reserveAmount", Kind::Amount, Left),
    ("resourceId", Kind::Id("404 resource_not_found"), Left),
];
const RELEASED: &[Field] = &[
    ("consumedAmount", Kind::AmountOrZero, Needed),
    ("currencyId", Kind::Id(NO_POOL), Needed),
    CUSTOMER,
    ("resourceId", Kind::Id("404 resource_not_found"), Left),
];
const REVERSED: &[Field] =
    &[("idempotencyKey", Kind::Key, Left), ("reason", Kind::Line(200), Left)];
const PROMOTED: &[Field] = &[
    ("customEndDate", Kind::Ends, Null),
    ("enumValues", Kind::Lines, Null),
    ("featureId", Kind::Id("404 feature_not_found"), Needed),
    ("hasSoftLimit", Kind::Flag, Null),
    ("hasUnlimitedUsage", Kind::Flag, Null),
    ("isVisible", Kind::Flag, Null),
    ("monthlyResetPeriodConfiguration", Kind::Object, Null),
    ("period", Kind::Choice("Lifetime"), Needed),
    ("resetPeriod", Kind::Choice("month"), Null),
    ("usageLimit", Kind::Exact, Null),
    ("weeklyResetPeriodConfiguration", Kind::Object, Null),
    ("yearlyResetPeriodConfiguration", Kind::Object, Null),
];

const KEY_REUSED: &str = "422 idempotency_key_reused";

/// The endpoints. An estimate writes nothing, so nothing of it is done once; what has no key in its
/// body is done once by its header, or by what it names.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        request: "POST /api/v1/credits/consumption",
        place: Place::Body,
        sound: || usage("acme", "row", 1),
        fields: CONSUMED,
        other: ("amount", "2", KEY_REUSED),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v1/credits/consumption/async",
        place: Place::List("consumptions", 1_000),
        sound: || usage("acme", "row-bulk", 1),
        fields: CONSUMED,
        other: ("dimensions", r#"{"a":"b"}"#, KEY_REUSED),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v1/usage",
        place: Place::List("usages", 100),
        sound: || reported("row-v1"),
        fields: REPORTED,
        other: ("value", "2", KEY_REUSED),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v2/usage",
        place: Place::List("usages", 100),
        sound: || reported("row-v2"),
        fields: REPORTED,
        other: ("updateBehavior", r#""SET""#, KEY_REUSED),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v1/events",
        place: Place::List("events", 1_000),
        sound: || {
            json!({ "customerId": "acme", "eventName": "job", "idempotencyKey": "row",
                "dimensions": { "a": 10 } })
        },
        fields: HAPPENED,
        other: ("dimensions", r#"{"a":11}"#, KEY_REUSED),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v1/usage/estimate",
        place: Place::Body,
        sound: || json!({ "customerId": "acme", "featureId": "calls", "value": 1 }),
        fields: USAGE_ESTIMATED,
        other: ("value", "2", "ok"),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v1/events/estimate",
        place: Place::Body,
        sound: || json!({ "customerId": "acme", "eventName": "job" }),
        fields: EVENT_ESTIMATED,
        other: ("eventName", r#""other""#, "ok"),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v1/credits/reservations/job/extend",
        place: Place::Body,
        sound: || {
            json!({ "customerId": "acme", "currencyId": "api-credits", "reserveAmount": 20,
                "reservationExpiresAt": "2026-01-31T02:00:00Z" })
        },
        fields: EXTENDED,
        other: ("reserveAmount", "1", "422 invalid_value /reserveAmount"),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v1/credits/reservations/job/release",
        place: Place::Body,
        sound: || json!({ "customerId": "acme", "currencyId": "api-credits", "consumedAmount": 5 }),
        fields: RELEASED,
        other: ("consumedAmount", "6", "409 reservation_released"),
        elsewhere: "404 customer_not_found",
    },
    Endpoint {
        request: "POST /api/v1/credits/ledger/{entry}/reverse",
        place: Place::OptionalBody,
        sound: || json!({ "idempotencyKey": "row", "reason": "It failed" }),
        fields: REVERSED,
        other: ("idempotencyKey", r#""other""#, "409 already_reversed"),
        elsewhere: "404 entry_not_found",
    },
    Endpoint {
        request: "POST /api/v1/customers/acme/promotional-entitlements",
        place: Place::List("promotionalEntitlements", 1_000),
        sound: || {
            let body = promotion(
                "free",
                &json!({ "period": "custom", "customEndDate": "2026-03-01T00:00:00Z",
                    "usageLimit": 10 }),
            );
            body["promotionalEntitlements"][0].clone()
        },
        fields: PROMOTED,
        other: ("usageLimit", "20", "ok"),
        elsewhere: "404 customer_not_found",
    },
];

fn reported(key: &str) -> Value {
    json!({ "customerId": "acme", "featureId": "calls", "value": 1, "idempotencyKey": key })
}

/// What a field must not be: row, value, refusal; `@` is the field's own place.
type Wrong = (u8, String, &'static str);

const MALFORMED: &str = "400 malformed_json";

fn wrong(kind: Kind) -> Vec<Wrong> {
    match kind {
        Kind::Amount | Kind::AmountOrZero | Kind::Change | Kind::Exact | Kind::Seconds => {
            wrong_number(kind)
        }
        Kind::Id(unknown) => wrong_id(unknown),
        Kind::Key => {
            let mut lines = wrong_text(255);
            lines.extend(owned(&[
                (47, r#""""#, "422 invalid_string @"),
                (21, r#""  ""#, "422 invalid_string @"),
            ]));
            lines
        }
        Kind::Line(length) => wrong_text(length),
        Kind::Lines => owned(&[
            (11, r#""eu""#, "422 invalid_type @"),
            (11, "{}", "422 invalid_type @"),
            (11, "[1]", "422 invalid_type @/0"),
            (23, r#"["a\u0007"]"#, "422 invalid_string @/0"),
        ]),
        Kind::Happened | Kind::Ends => wrong_instant(kind),
        Kind::Dimensions => wrong_dimensions(),
        Kind::Flag => owned(&[
            (11, "1", "422 invalid_type @"),
            (11, r#""true""#, "422 invalid_type @"),
            (11, "[]", "422 invalid_type @"),
            (12, "tru", MALFORMED),
        ]),
        Kind::Choice(other_case) => {
            let mut lines = owned(&[
                (11, "1", "422 invalid_type @"),
                (11, r#"["SET"]"#, "422 invalid_type @"),
                (21, r#""""#, "422 invalid_value @"),
            ]);
            lines.push((26, format!("\"{other_case}\""), "422 invalid_value @"));
            lines
        }
        Kind::Object => owned(&[
            (11, r#""MONTH""#, "422 invalid_type @"),
            (13, "[]", "422 invalid_type @"),
            (15, r#"{"according_to":1}"#, "422 unknown_field @/according_to"),
        ]),
    }
}

fn owned(lines: &[(u8, &str, &'static str)]) -> Vec<Wrong> {
    lines.iter().map(|(row, value, refusal)| (*row, (*value).to_owned(), *refusal)).collect()
}

fn wrong_number(kind: Kind) -> Vec<Wrong> {
    let mut lines = owned(&[
        (1, "NaN", MALFORMED),
        (1, "Infinity", MALFORMED),
        (2, "1e400", MALFORMED),
        (9, "1e30", "422 amount_too_large @"),
        (10, "0x10", MALFORMED),
        (10, "+1", MALFORMED),
        (10, "01", MALFORMED),
        (10, "1_000", MALFORMED),
        (10, "1,5", MALFORMED),
        (10, r#""+1""#, "422 invalid_number @"),
        (10, r#""1,5""#, "422 invalid_number @"),
        (10, r#""１２""#, "422 invalid_number @"),
        (11, "true", "422 invalid_type @"),
        (11, "{}", "422 invalid_type @"),
        (13, "[1]", "422 invalid_type @"),
    ]);
    lines.push((7, format!("0.{}1", "0".repeat(39)), "422 invalid_number @"));
    lines.push((7, "1".repeat(200), "422 invalid_number @"));
    let zero = match kind {
        Kind::Amount | Kind::Seconds => "422 must_be_positive @",
        Kind::Change => "422 invalid_value @",
        _ => "ok",
    };
    if zero != "ok" {
        let zeros = [(3, "-0"), (3, "-0.0"), (20, "0")];
        lines.extend(zeros.map(|(row, value)| (row, value.to_owned(), zero)));
    }
    let tiny =
        if kind == Kind::Seconds || kind == Kind::Exact { "422 too_many_decimals @" } else { zero };
    if tiny != "ok" {
        lines.push((6, "0.0000000001".to_owned(), tiny));
    }
    let below = match kind {
        Kind::Amount | Kind::Seconds => Some("422 must_be_positive @"),
        Kind::AmountOrZero | Kind::Exact => Some("422 must_not_be_negative @"),
        _ => None,
    };
    lines.extend(below.map(|refusal| (4, "-5".to_owned(), refusal)));
    if kind == Kind::Seconds {
        lines.extend(owned(&[
            (6, "1.5", "422 invalid_number @"),
            (9, "86401", "422 invalid_value @"),
        ]));
    }
    lines
}

fn wrong_id(unknown: &'static str) -> Vec<Wrong> {
    let bad = "422 invalid_id @";
    let mut lines = owned(&[
        (11, "true", "422 invalid_type @"),
        (11, "1", "422 invalid_type @"),
        (11, r#"["acme"]"#, "422 invalid_type @"),
        (21, r#""""#, bad),
        (21, r#""  ""#, bad),
        (23, r#""a\u0000""#, "422 invalid_string @"),
        (23, "\"a\u{7f}\"", "422 invalid_string @"),
        (23, r#""a\n""#, bad),
        (23, "\"a\n\"", MALFORMED),
        (24, r#""../../etc/passwd""#, bad),
        (25, "\"acm\u{435}\"", bad),
        (25, "\"acme\u{200b}\"", bad),
        (25, "\"\u{202e}acme\"", bad),
        (27, r#""<script>""#, bad),
        (19, r#""\ud800""#, MALFORMED),
    ]);
    lines.push((22, format!("\"{}\"", "i".repeat(256)), bad));
    if unknown != "ok" {
        lines.push((56, r#""nobody""#.to_owned(), unknown));
        lines.push((26, r#""Acme""#.to_owned(), unknown));
    }
    lines
}

fn wrong_text(length: usize) -> Vec<Wrong> {
    let bad = "422 invalid_string @";
    let mut lines = owned(&[
        (11, "true", "422 invalid_type @"),
        (11, "1", "422 invalid_type @"),
        (11, "{}", "422 invalid_type @"),
        (23, r#""a\u0000""#, bad),
        (23, r#""a\u001b""#, bad),
        (23, "\"a\u{7f}\"", bad),
        (27, r#""a\r\nb""#, bad),
        (19, r#""\ud800""#, MALFORMED),
    ]);
    lines.push((22, format!("\"{}\"", "k".repeat(length + 1)), "422 too_long @"));
    lines
}

fn wrong_instant(kind: Kind) -> Vec<Wrong> {
    let bad = "422 invalid_timestamp @";
    let mut lines: Vec<Wrong> = [
        r#""2026-01-31T00:00:00""#,
        r#""2026-01-31""#,
        r#""2026-01-30T24:00:00Z""#,
        r#""2026-02-30T00:00:00Z""#,
        r#""0000-01-01T00:00:00Z""#,
        r#""10000-01-01T00:00:00Z""#,
        "1769817600000",
        r#""""#,
        r#""yesterday""#,
    ]
    .map(|value| (53, value.to_owned(), bad))
    .into();
    lines.push((11, "true".to_owned(), bad));
    lines.push((11, "[]".to_owned(), bad));
    if kind == Kind::Happened {
        lines.extend(owned(&[
            (54, r#""1970-01-01T00:00:00Z""#, "422 event_too_old"),
            (54, r#""9999-01-01T00:00:00Z""#, "422 event_in_future"),
            (54, r#""2026-01-31T00:06:00Z""#, "422 event_in_future"),
        ]));
    } else {
        lines.push((55, r#""2019-12-27T18:11:19Z""#.to_owned(), "422 invalid_period"));
    }
    lines
}

fn wrong_dimensions() -> Vec<Wrong> {
    let map = |count: usize| {
        let entries: Vec<_> = (0..count).map(|key| format!("\"k{key}\":1")).collect();
        format!("{{{}}}", entries.join(","))
    };
    let mut lines = owned(&[
        (1, r#"{"a":NaN}"#, MALFORMED),
        (2, r#"{"a":1e400}"#, MALFORMED),
        (9, r#"{"a":1e30}"#, "422 amount_too_large @/a"),
        (10, r#"{"a":01}"#, MALFORMED),
        (11, "1", "422 invalid_type @"),
        (11, r#""a=1""#, "422 invalid_type @"),
        (11, r#"{"a":null}"#, "422 invalid_type @/a"),
        (13, "[]", "422 invalid_type @"),
        (14, r#"{"a":1,"a":1}"#, "400 duplicate_key @/a"),
        (14, r#"{"a":1,"\u0061":2}"#, "400 duplicate_key @/a"),
        (19, r#"{"a":"\ud800"}"#, MALFORMED),
        (21, r#"{" ":1}"#, "422 invalid_string @"),
        (23, r#"{"a":"\u0000"}"#, "422 invalid_string @/a"),
        (29, r#"{"a":{"b":1}}"#, "422 invalid_type @/a"),
        (29, r#"{"a":[1]}"#, "422 invalid_type @/a"),
    ]);
    lines.push((7, format!(r#"{{"a":{}}}"#, "1".repeat(200)), "422 invalid_number @/a"));
    lines.push((17, map(1_001), "422 too_many_items @"));
    lines.push((29, map(101), "422 too_many_items @"));
    lines.push((29, format!(r#"{{"a":"{}"}}"#, "v".repeat(1_001)), "422 too_long @/a"));
    lines
}

/// The server of the table: `acme` with 80,000 credits, a reservation `job`, and a consumption.
fn world() -> (Server, String) {
    let server = metered();
    let check = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";
    server.get(&format!("{check}&reservationId=job&reserveAmount=10"));
    server.post("/api/v1/credits/consumption", &usage("acme", "before", 1));
    let ledger = server.get("/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_CONSUMED");
    let entry = ledger[0]["entryId"].as_str().expect("entries have ids").to_owned();
    (server, entry)
}

impl Endpoint {
    fn call<'a>(&self, (server, entry): &'a (Server, String), is_elsewhere: bool) -> Call<'a> {
        let request = self.request.replace("{entry}", entry);
        let (method, path) = request.split_once(' ').expect("a line has a method and a path");
        if is_elsewhere { server.in_sandbox(method, path) } else { server.request(method, path) }
    }

    fn send(&self, world: &(Server, String), body: impl Into<Vec<u8>>) -> Answer {
        self.call(world, false).raw(body.into()).send()
    }

    /// The body around these fields.
    fn around(&self, fields: &str) -> String {
        match self.place {
            Place::Body | Place::OptionalBody => fields.to_owned(),
            Place::List(name, _) => format!(r#"{{"{name}":[{fields}]}}"#),
        }
    }

    fn sound(&self) -> Map<String, Value> {
        (self.sound)().as_object().expect("it is an object").clone()
    }

    fn sound_body(&self) -> String {
        self.around(&(self.sound)().to_string())
    }

    /// The sound body with a field replaced, added or, for none, taken away.
    fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut kept = self.sound();
        kept.remove(name);
        let kept = kept.iter().map(|(name, value)| format!(r#""{name}":{value}"#));
        let fields: Vec<String> =
            kept.chain(value.map(|value| format!(r#""{name}":{value}"#))).collect();
        self.around(&format!("{{{}}}", fields.join(",")))
    }

    /// The pointer of a field.
    fn at(&self, name: &str) -> String {
        match self.place {
            Place::Body | Place::OptionalBody => format!("/{name}"),
            Place::List(list, _) => format!("/{list}/0/{name}"),
        }
    }

    /// The sound body in another order, with other blanks and another spelling of numbers.
    fn respelled(&self) -> String {
        let fields = self.sound();
        let fields = fields.iter().rev().map(|(name, value)| match value.as_u64() {
            Some(number) => format!(" \"{name}\" : {number}.0"),
            None => format!(" \"{name}\" :\n{value}"),
        });
        self.around(&format!("{{{}\t}}", fields.collect::<Vec<_>>().join(" ,")))
    }

    /// Whether it takes no key in its body, and is no estimate and no release.
    fn is_done_once_by_header(&self) -> bool {
        ["/promotional-entitlements", "/extend"].iter().any(|end| self.request.ends_with(end))
    }

    /// The verdict; where the only item of a batch is refused, that of the item.
    fn verdict(&self, answer: &Answer) -> String {
        let verdict = answer.verdict();
        let (Place::List(list, _), "422 batch_refused") = (self.place, verdict.as_str()) else {
            return verdict;
        };
        let body = answer.json();
        let errors = body["errors"].as_array().expect("a batch says which");
        assert_eq!((errors.len(), &errors[0]["index"]), (1, &json!(0)), "{}", answer.text());
        let code = errors[0]["code"].as_str().expect("each has a code");
        let at = errors[0]["param"].as_str().map(|param| format!(" /{list}/0{param}"));
        let status = ErrorCode::ALL.iter().find(|known| known.as_str() == code);
        let status = status.expect("it is one of ours").status();
        format!("{status} {code}{}", at.unwrap_or_default())
    }
}

/// What is checked of all endpoints, with the rows that were wrong: all of them are told at once.
struct Checked {
    world: (Server, String),
    before: u64,
    faults: Vec<String>,
}

impl Checked {
    fn new() -> Self {
        let world = world();
        Self { before: world.0.position(), world, faults: Vec::new() }
    }

    fn verdict(&mut self, endpoint: &Endpoint, row: u8, body: &[u8], expected: &str) {
        let answer = endpoint.send(&self.world, body);
        let shown: String = String::from_utf8_lossy(body).chars().take(300).collect();
        self.is(endpoint, row, &endpoint.verdict(&answer), expected, &shown);
    }

    fn is(&mut self, endpoint: &Endpoint, row: u8, found: &str, expected: &str, shown: &str) {
        let position = self.world.0.position();
        if found != expected || position != self.before {
            let moved = if position == self.before { "" } else { ", and it was written" };
            let request = endpoint.request;
            self.faults
                .push(format!("row {row}: {request}: {found}, not {expected}{moved}: {shown}"));
            self.before = position;
        }
    }

    #[track_caller]
    fn end(self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }
}

#[test]
fn every_endpoint_refuses_what_a_field_of_its_kind_must_not_be() {
    let mut checked = Checked::new();
    for endpoint in ENDPOINTS {
        for (name, kind, absence) in endpoint.fields {
            let at = endpoint.at(name);
            for (row, value, refusal) in wrong(*kind) {
                let body = endpoint.with(name, Some(&value));
                checked.verdict(endpoint, row, body.as_bytes(), &refusal.replace('@', &at));
            }
            let without = endpoint.with(name, None);
            if matches!(absence, Needed | Null) {
                let missing = format!("422 missing_field {at}");
                checked.verdict(endpoint, 42, without.as_bytes(), &missing);
            }
            if matches!(absence, Needed | Left) {
                let null = endpoint.with(name, Some("null"));
                let refusal = format!("422 invalid_type {at}");
                checked.verdict(endpoint, 11, null.as_bytes(), &refusal);
            }
        }
    }
    checked.end();
}

#[test]
fn every_endpoint_refuses_a_document_that_is_not_sound() {
    let deep = |depth| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let many: Vec<String> = (0..10_000).map(|key| format!("\"k{key}\":1")).collect();
    let many = format!("{{{}}}", many.join(","));
    let big = vec![b' '; 10 << 20];
    let mut checked = Checked::new();
    for endpoint in ENDPOINTS {
        let sound = endpoint.sound_body();
        if !matches!(endpoint.place, Place::OptionalBody) {
            checked.verdict(endpoint, 12, b"", MALFORMED);
        }
        let utf_16: Vec<u8> = sound.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let more = [format!("{sound}x"), format!("{sound}{sound}"), format!("\u{feff}{sound}")];
        let latin = sound.replace("row", "r\u{f6}w").chars().map(|c| c as u8).collect::<Vec<u8>>();
        let in_list = format!("[{sound}]");
        let mut lines: Vec<(u8, &[u8])> = vec![
            (12, b"null"),
            (12, b"\"\""),
            (12, b"42"),
            (13, in_list.as_bytes()),
            (16, b"{\"a\":"),
            (19, &utf_16),
        ];
        lines.extend(more.iter().map(|body| (19, body.as_bytes())));
        if sound.contains("row") {
            lines.push((19, &latin));
        }
        for (row, body) in lines {
            checked.verdict(endpoint, row, body, MALFORMED);
        }
        for depth in [200, 100_000] {
            checked.verdict(endpoint, 16, deep(depth).as_bytes(), MALFORMED);
        }
        checked.verdict(endpoint, 17, many.as_bytes(), "422 too_many_items");
        checked.verdict(endpoint, 18, &big, "413 payload_too_large");
    }
    checked.end();
}

#[test]
fn every_endpoint_refuses_keys_that_are_twice_or_not_of_the_contract() {
    let mut checked = Checked::new();
    for endpoint in ENDPOINTS {
        for (name, value) in endpoint.sound() {
            let twice = format!(r#"{{"{name}":{value},"{name}":{value}}}"#);
            let refusal = format!("400 duplicate_key {}", endpoint.at(&name));
            checked.verdict(endpoint, 14, endpoint.around(&twice).as_bytes(), &refusal);
            let escaped = format!(r#"\u{:04x}{}"#, u32::from(name.as_bytes()[0]), &name[1..]);
            let twice = format!(r#"{{"{name}":{value},"{escaped}":{value}}}"#);
            checked.verdict(endpoint, 14, endpoint.around(&twice).as_bytes(), &refusal);
        }
        for name in ["created_at", "balance", "role", "environment_id", "expire_at", "id"] {
            let row = if name == "expire_at" { 15 } else { 75 };
            let refusal = format!("422 unknown_field {}", endpoint.at(name));
            checked.verdict(endpoint, row, endpoint.with(name, Some("1")).as_bytes(), &refusal);
        }
    }
    checked.end();
}

#[test]
fn every_list_has_at_least_one_item_and_no_more_than_it_may() {
    let mut checked = Checked::new();
    for endpoint in ENDPOINTS {
        let Place::List(list, most) = endpoint.place else { continue };
        let of = |items: &str| format!(r#"{{"{list}":{items}}}"#);
        let too_many = format!("[{}1]", "1,".repeat(most));
        let million = format!("[{}1]", "1,".repeat(500_000));
        // A body of a million bytes is too large where no bulk is expected.
        let is_bulk = endpoint.request.ends_with("/async");
        let at = |code: &str| format!("422 {code} /{list}");
        // The place of an item that is judged by itself is its index.
        let is_batch = !endpoint.is_done_once_by_header();
        let item = if is_batch { "422 invalid_type".into() } else { at("invalid_type") + "/0" };
        for (row, items, refusal) in [
            (50, "[]", at("too_few_items")),
            (50, too_many.as_str(), at("too_many_items")),
            (17, million.as_str(), at("too_many_items")),
            (13, "{}", at("invalid_type")),
            (11, "null", at("invalid_type")),
            (11, "[1]", item.clone()),
            (11, "[[]]", item),
        ] {
            let body = of(items);
            let is_large = !is_bulk && body.len() > 1 << 20;
            let refusal = if is_large { "413 payload_too_large" } else { &refusal };
            checked.verdict(endpoint, row, body.as_bytes(), refusal);
        }
        checked.verdict(endpoint, 42, b"{}", &at("missing_field"));
        checked.verdict(
            endpoint,
            15,
            of("[]").replace("[]", "[],\"dryRun\":true").as_bytes(),
            "422 unknown_field /dryRun",
        );
    }
    checked.end();
}

#[test]
fn every_endpoint_takes_plain_json_only() {
    let mut checked = Checked::new();
    let types = [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=utf-16"),
    ];
    for endpoint in ENDPOINTS {
        let sound = endpoint.sound_body();
        for content_type in types {
            let call = endpoint.call(&checked.world, false).body(sound.clone());
            let call =
                content_type.into_iter().fold(call, |call, it| call.header("content-type", it));
            let found = call.send().verdict();
            let shown = format!("{content_type:?}");
            checked.is(endpoint, 31, &found, "415 unsupported_media_type", &shown);
        }
        for encoding in ["gzip", "br", "deflate", "gzip, gzip"] {
            let call = endpoint.call(&checked.world, false).header("content-encoding", encoding);
            let found = call.raw(b"\x1f\x8b\x08".to_vec()).send().verdict();
            checked.is(endpoint, 34, &found, "415 unsupported_media_type", encoding);
        }
        for key in ["", "k\u{f6}", &"k".repeat(256), "a b"] {
            let call = endpoint.call(&checked.world, false).header("idempotency-key", key);
            let found = call.raw(sound.clone()).send().verdict();
            checked.is(endpoint, 47, &found, "400 idempotency_key_invalid", key);
        }
        let call = endpoint.call(&checked.world, false).header("idempotency-key", "a");
        let found = call.header("idempotency-key", "a").raw(sound.clone()).send().verdict();
        checked.is(endpoint, 47, &found, "400 idempotency_key_invalid", "sent twice");
        let found = endpoint.verdict(&endpoint.call(&checked.world, true).raw(sound).send());
        checked.is(endpoint, 70, &found, endpoint.elsewhere, "in the sandbox");
    }
    checked.end();
}

/// Each sound body is taken, so that the lines above were refused for what is said there; again in
/// another spelling it changes nothing, and another one does not pass for it.
#[test]
fn every_endpoint_takes_what_is_sound_and_does_it_once() {
    let world = world();
    for endpoint in ENDPOINTS {
        let request = endpoint.request;
        let first = endpoint.send(&world, endpoint.sound_body());
        assert_eq!(first.verdict(), "ok", "{request}: {}", first.text());
        let before = world.0.position();
        if endpoint.is_done_once_by_header() {
            continue;
        }
        let spelled = endpoint.respelled();
        let again = endpoint.send(&world, spelled.clone());
        assert_eq!(again.verdict(), "ok", "row 44: {request} {spelled}: {}", again.text());
        let (name, value, refusal) = endpoint.other;
        let other = endpoint.send(&world, endpoint.with(name, Some(value)));
        assert_eq!(endpoint.verdict(&other), refusal, "row 43: {request}");
        assert_eq!(world.0.position(), before, "rows 43 and 44: {request}");
    }
}

/// What has no key in its body is done once by its header.
#[test]
fn every_endpoint_without_a_key_of_its_own_is_done_once_by_its_header() {
    let world = world();
    for endpoint in ENDPOINTS {
        let request = endpoint.request;
        if !endpoint.is_done_once_by_header() {
            continue;
        }
        let send = |body: String| {
            endpoint.call(&world, false).header("idempotency-key", "row").raw(body).send()
        };
        let first = send(endpoint.sound_body());
        assert_eq!(first.verdict(), "ok", "{request}: {}", first.text());
        let before = world.0.position();
        let again = send(endpoint.respelled());
        assert_eq!(
            (again.verdict().as_str(), again.is_replay()),
            ("ok", true),
            "row 44: {request}"
        );
        assert_eq!(again.body, first.body, "row 49: {request}");
        let (name, value, _) = endpoint.other;
        let other = send(endpoint.with(name, Some(value)));
        assert_eq!(other.verdict(), KEY_REUSED, "row 43: {request}");
        assert_eq!(world.0.position(), before, "{request}");
    }
}

/// What a new endpoint of these families is called, so that it is not forgotten here.
const FAMILIES: &[&str] = &[
    "/consumption",
    "/usage",
    "/events",
    "/reservations",
    "/reverse",
    "/promotional-entitlements",
];

#[test]
fn every_endpoint_with_a_body_of_these_families_is_in_the_table() {
    let mut missing = operations();
    missing.retain(|operation| {
        let is_one = FAMILIES.iter().any(|family| operation.template.contains(family));
        is_one && ["POST", "PUT", "PATCH"].contains(&operation.method.as_str())
    });
    for endpoint in ENDPOINTS {
        let (method, path) = endpoint.request.split_once(' ').expect("a method and a path");
        let operation = operation_of(method, path);
        missing.retain(|other| other.id != operation.id);
    }
    assert!(missing.is_empty(), "add a line to the table for {missing:#?}");
}
