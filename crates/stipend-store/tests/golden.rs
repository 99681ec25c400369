//! Goal: show that what a released version wrote stays readable and means the same for ever.
//! Method: a file for each variant of what the journal holds, and for the aggregates that images
//! hold. The bytes of a value must be exactly its file's, and the file must give the value back.
//!
//! A missing file is written by `STIPEND_BLESS=1 cargo test -p stipend-store --test golden`;
//! one that is there is never written again. Where such a file no longer fits, the meaning of a
//! kind was changed, and what is stored at people's would be misread: a change is a new variant or
//! a new optional field, never another meaning of an old one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use stipend_core::catalog::{
    AddonTerms, Aggregation, Alignment, Behavior, Catalog, ChargeRow, Charges, Comparison,
    Condition, CreditProration, CreditRate, CreditTerms, CreditType, Document, Enforcement,
    Entitlement, EntitlementTerms, EnumValue, Extras, Feature, FeatureStatus, FeatureTerms,
    FeatureType, Metadata, Meter, MeterType, Package, PackageDetails, PackageVersion, PlanTerms,
    Pricing, Product, ProductSettings, Reset, ResetPeriod, RoundUnits, Settings, Target,
    TrialBudget, TrialConfig, TrialEnd, TrialUnit, UnitTransformation, Units, UsageReset,
    VersionStatus, Widget,
};
use stipend_core::catalog::{CancellationTime, EndSetup, StartSetup};
use stipend_core::customer::{
    AddonPin, Aggregate, BillingPeriod, Carried, CarriedConsumption, CarriedIn, Cause, Closed,
    Consumption, Cost, CreditOverride, DimensionValue, Draw, DrawRun, Effect, Ended, Entry,
    FeatureQuantity, FeatureUsage, Grant, GrantEnd, GrantKind, HeldDraw, Hold, HoldEnd, HoldEnded,
    HoldExtended, HoldPart, Issued, LaterChange, MeterOpened, MonthDraws, Moved, Opened, Overdraft,
    PlanPin, Pool, PoolBalance, PoolEntry, PoolOpened, Priced, Profile, Promotion, PromotionPeriod,
    RecurringSource, Release, Resource, Reversal, Schedule, ScheduledChange, Settled, Subscription,
    SubscriptionEnd, SubscriptionEndReason, SubscriptionPatch, SubscriptionTerms, Trial,
    UsageBehavior, UsageEntry, UsagePin, UsageResetReason, UsageRestart,
};
use stipend_core::{
    Amount, Anchor, Cadence, CurrencyId, Customer, CustomerId, EnvId, FeatureId, Formula, GrantNo,
    MeterId, PackageId, PackageKey, Period, PoolId, ProductId, ReservationId, ResourceId, Shared,
    Slot, SubscriptionId, SubscriptionNo, Timestamp, Zone,
};
use stipend_store::codec::{Decode, Encode, from_bytes, to_bytes};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        for byte in line {
            write!(text, "{byte:02x}").expect("a string takes everything");
        }
        text.push('\n');
    }
    text
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let byte = |place| u8::from_str_radix(&digits[place..place + 2], 16).expect("hex digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Collects the names of the files that there should be, and what does not fit.
#[derive(Default)]
struct Checks {
    names: BTreeSet<String>,
    failures: Vec<String>,
}

impl Checks {
    fn check<T: Encode + Decode + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        let name = format!("{name}.hex");
        let path = folder().join(&name);
        let bytes = to_bytes(value);
        assert!(self.names.insert(name.clone()), "two values are called {name}");
        let Ok(text) = std::fs::read_to_string(&path) else {
            if std::env::var_os("STIPEND_BLESS").is_some() {
                let file = std::fs::File::create_new(&path);
                let written = file.and_then(|mut file| file.write_all(to_hex(&bytes).as_bytes()));
                written.expect("a new file can be written");
            } else {
                self.failures.push(format!("{name} is missing: run with STIPEND_BLESS=1"));
            }
            return;
        };
        let golden = from_hex(&text);
        if text != to_hex(&bytes) {
            self.failures
                .push(format!("{name}: the value is written otherwise, {}", to_hex(&bytes)));
        }
        match from_bytes::<T>(&golden) {
            Ok(read) if read == *value => {}
            other => self.failures.push(format!("{name}: it is read as {other:?}")),
        }
    }
}

#[test]
fn the_bytes_of_everything_stored_are_frozen() {
    let mut checks = Checks::default();
    for entry in entries() {
        checks.check(name_of_entry(&entry), &entry);
    }
    for effect in effects() {
        checks.check(name_of_effect(&effect), &effect);
    }
    for cause in causes() {
        checks.check(name_of_cause(&cause), &cause);
    }
    checks.check("customer", &customer());
    checks.check("customer-with-usage", &customer_with_usage());
    checks.check("customer-with-usage-anew", &customer_with_usage_anew());
    checks.check("entry-usage-of-event", &Entry::Usage(event()));
    checks.check("entry-usage-that-took-nothing", &Entry::Usage(report_that_took_nothing()));
    let missing_dimensions = vec!["tokens".to_owned(), "model".to_owned()];
    let lacking = UsageEntry { missing_dimensions, ..event() };
    checks.check("entry-usage-that-lacks-dimensions", &Entry::Usage(lacking));
    checks.check("cause-consumption-of-usage", &Cause::Consumption(priced_consumption()));
    checks.check("pool-with-reservations", &pool_with_reservations());
    checks.check("overdraft-of-usage", &Overdraft { metered: nano(7), ..overdraft() });
    checks.check("settled-of-usage", &settled_of_usage());
    checks.check("consumption-beside-overdraft", &owing_consumption());
    checks.check("customer-with-promotions", &customer_with_promotions());
    checks.check("effect-carried-of-voided", &Effect::Carried(carried_of_voided()));
    checks.check("customer-with-voided", &customer_with_voided());
    checks.check("catalog", &catalog());
    let files = std::fs::read_dir(folder()).expect("the golden files are there");
    let files = files.map(|file| file.expect("it can be listed").file_name());
    let files: BTreeSet<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
    assert_eq!(checks.failures, Vec::<String>::new());
    assert_eq!(files, checks.names, "every golden file has its value");
}

fn name_of_entry(entry: &Entry) -> &'static str {
    match entry {
        Entry::Profile(_) => "entry-profile",
        Entry::Resource(_) => "entry-resource",
        Entry::Subscription(_) => "entry-subscription",
        Entry::PoolOpened(_) => "entry-pool-opened",
        Entry::Pool(_) => "entry-pool",
        Entry::Promotion(_) => "entry-promotion",
        Entry::MeterOpened(_) => "entry-meter-opened",
        Entry::Usage(_) => "entry-usage",
    }
}

fn name_of_effect(effect: &Effect) -> &'static str {
    match effect {
        Effect::Granted(_) => "effect-granted",
        Effect::Scheduled(_) => "effect-scheduled",
        Effect::Activated(_) => "effect-activated",
        Effect::Drawn(_) => "effect-drawn",
        Effect::Overdrawn(_) => "effect-overdrawn",
        Effect::Ended(_) => "effect-ended",
        Effect::Reduced(_) => "effect-reduced",
        Effect::MovedOut(_) => "effect-moved-out",
        Effect::MovedIn(_) => "effect-moved-in",
        Effect::Settled(_) => "effect-settled",
        Effect::OverdraftClosed(_) => "effect-overdraft-closed",
        Effect::Carried(_) => "effect-carried",
        Effect::Closed(_) => "effect-closed",
        Effect::Opened(_) => "effect-opened",
        Effect::Reserved(_) => "effect-reserved",
        Effect::HoldExtended(_) => "effect-hold-extended",
        Effect::HoldEnded(_) => "effect-hold-ended",
        Effect::HoldMovedOut(_) => "effect-hold-moved-out",
        Effect::HoldMovedIn(_) => "effect-hold-moved-in",
        Effect::Refunded(_) => "effect-refunded",
        Effect::OverdraftRefunded(_) => "effect-overdraft-refunded",
    }
}

fn name_of_cause(cause: &Cause) -> &'static str {
    match cause {
        Cause::Consumption(_) => "cause-consumption",
        Cause::Grant => "cause-grant",
        Cause::Void => "cause-void",
        Cause::Due => "cause-due",
        Cause::Subscription(_) => "cause-subscription",
        Cause::Reversal(_) => "cause-reversal",
        Cause::Reservation => "cause-reservation",
        Cause::Release(_) => "cause-release",
        Cause::Extension => "cause-extension",
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_772_323_200_000_000 + second * 1_000_000 + 7)
}

fn nano(nano: i128) -> Amount {
    Amount::from_nano(nano)
}

fn currency() -> CurrencyId {
    CurrencyId::parse("api-credits").expect("a sound id")
}

fn resource_id() -> ResourceId {
    ResourceId::parse("site-1").expect("a sound id")
}

fn package_id(text: &str) -> PackageId {
    PackageId::parse(text).expect("a sound id")
}

fn metadata() -> Metadata {
    Metadata::from([("k".to_owned(), "vé".to_owned()), ("l".to_owned(), String::new())])
}

fn extras() -> Extras {
    Extras::from([("billingId".to_owned(), Document("{\"a\":[1,2]}".to_owned()))])
}

fn profile() -> Profile {
    Profile {
        env: EnvId(1),
        id: CustomerId::parse("acme@example.org").expect("a sound id"),
        name: Some("Acme".to_owned()),
        email: None,
        metadata: metadata(),
        extras: extras(),
        archived_at: Some(at(9)),
        created_at: at(0),
        updated_at: at(9),
    }
}

fn resource() -> Resource {
    Resource { id: resource_id(), created_at: at(1) }
}

fn terms() -> SubscriptionTerms {
    let over = CreditOverride {
        currency: currency(),
        amount: nano(1_500_000_000),
        cadence: Cadence::Year,
        soft_limit: Some(true),
    };
    SubscriptionTerms {
        number: SubscriptionNo(2),
        id: SubscriptionId::parse("sub-1").expect("a sound id"),
        product: ProductId::parse("api").expect("a sound id"),
        plan: PlanPin {
            plan: package_id("base"),
            version: 3,
            ancestors: vec![(package_id("root"), 1)],
        },
        pricing: Pricing::Custom,
        addons: vec![AddonPin { addon: package_id("extra"), version: 2, quantity: 3 }],
        overrides: vec![over],
        resource: Some(resource_id()),
        paying_customer: Some(CustomerId::parse("parent").expect("a sound id")),
        billing_period: BillingPeriod::Annually,
        quantities: vec![FeatureQuantity { feature: seats(), quantity: 5 }],
        anchor: anchor(),
        epoch: 1,
        epoch_start: at(1),
        started_at: at(2),
        has_begun: true,
        new_anchor: true,
        continues: Some(SubscriptionNo(1)),
        trial: Some(Trial { ends_at: at(6), end: TrialEnd::CancelSubscription, is_over: true }),
        ends: Some(SubscriptionEnd { at: at(9), reason: SubscriptionEndReason::Scheduled }),
        scheduled: scheduled(),
        ended: Some(SubscriptionEnd { at: at(8), reason: SubscriptionEndReason::CustomerArchived }),
        metadata: metadata(),
        extras: extras(),
        created_at: at(2),
        updated_at: at(8),
    }
}

fn seats() -> FeatureId {
    FeatureId::parse("seats").expect("a sound id")
}

fn anchor() -> Anchor {
    Anchor { at: at(2), zone: Some(Zone::parse("Europe/Berlin").expect("a zone")) }
}

fn scheduled() -> Vec<ScheduledChange> {
    let patch = SubscriptionPatch {
        addons: Some(vec![(package_id("extra"), 1)]),
        overrides: Some(Vec::new()),
        quantities: Some(vec![FeatureQuantity { feature: seats(), quantity: 0 }]),
        billing_period: Some(BillingPeriod::Monthly),
        ends: Some(None),
        trial_ends: Some(at(6)),
        schedule: Schedule::At(at(5)),
        new_anchor: false,
        metadata: Some(metadata()),
        extras: [("budget".to_owned(), None)].into(),
    };
    let update = LaterChange::Update(Box::new(patch));
    let failed = Some("the add-on is archived".to_owned());
    vec![
        ScheduledChange { at: at(7), change: update, failed: None },
        ScheduledChange { at: at(8), change: LaterChange::Migrate, failed },
    ]
}

fn recurring_grant() -> Grant {
    Grant {
        no: GrantNo(7),
        kind: GrantKind::Recurring,
        amount: nano(10_000_000_000_000),
        original: nano(10_000_000_000_001),
        consumed: nano(1),
        held: Amount::ZERO,
        priority: 50,
        effective_at: at(3),
        expires_at: Some(at(2_678_400)),
        created_at: at(3),
        updated_at: at(4),
        voided_at: Some(at(4)),
        name: "Extra API Credits".into(),
        comment: Some("why".into()),
        metadata: metadata(),
        cost: Some(Shared::from(Cost { amount: nano(9_990_000_000), currency: "usd".to_owned() })),
        source: Some(Shared::from(RecurringSource {
            subscription: SubscriptionNo(2),
            package: PackageKey::addon(package_id("extra")),
            version: 2,
            unit_amount: nano(3_000_000_000),
            quantity: 3,
            units: Some(5),
            whole: nano(45_000_000_000),
            behavior: Behavior::Override,
            anchor: anchor(),
            epoch: 1,
            cadence: Cadence::Month,
            k: -1,
            part: 1,
        })),
        this_month: Some(MonthDraws { amount: nano(1), until: at(2_678_400) }),
    }
}

fn plain_grant(kind: GrantKind) -> Grant {
    Grant {
        no: GrantNo(200),
        kind,
        amount: nano(5_000_000_000),
        original: nano(5_000_000_000),
        consumed: Amount::ZERO,
        held: Amount::ZERO,
        priority: 0,
        effective_at: at(5),
        expires_at: None,
        created_at: at(5),
        updated_at: at(5),
        voided_at: None,
        name: "".into(),
        comment: None,
        metadata: Metadata::new(),
        cost: None,
        source: None,
        this_month: None,
    }
}

fn overdraft() -> Overdraft {
    let amount = nano(15_000_000_000);
    Overdraft { no: GrantNo(9), amount, metered: Amount::ZERO, created_at: at(6) }
}

fn draw() -> Draw {
    Draw { grant: GrantNo(7), amount: nano(123_456_789_012) }
}

fn reservation() -> ReservationId {
    ReservationId::parse("job:1").expect("a sound id")
}

fn hold() -> Hold {
    Hold {
        id: reservation(),
        amount: nano(125_000_000_000),
        draws: vec![draw()],
        expires_at: at(3_600),
        created_at: at(7),
        metadata: metadata(),
    }
}

fn part(grant: GrantNo, lapsed: Option<GrantEnd>) -> HoldPart {
    HoldPart { grant, held: nano(5), consumed: nano(2), lapsed }
}

fn carried() -> CarriedConsumption {
    CarriedConsumption {
        cadence: Cadence::Year,
        amount: nano(70),
        until: at(31_536_000),
        lent: nano(20),
        lent_until: at(2_678_400),
    }
}

fn carried_of_voided() -> Carried {
    let voided_of = Some(PackageKey::addon(package_id("extra")));
    Carried { subscription: SubscriptionNo(2), carried: carried(), voided_of }
}

fn effects() -> Vec<Effect> {
    let carried = Carried { subscription: SubscriptionNo(2), carried: carried(), voided_of: None };
    let moved = Moved { grant: GrantNo(7), amount: nano(123), is_recent: true };
    let closed = Closed {
        subscription: SubscriptionNo(2),
        package: PackageKey::plan(package_id("base")),
        cadence: Cadence::Year,
    };
    let opened = Opened {
        subscription: SubscriptionNo(2),
        package: PackageKey::plan(package_id("base")),
        cadence: Cadence::Year,
        k: -1,
        level: nano(7),
        behavior: Behavior::Increment,
    };
    let settled = Settled {
        overdraft: GrantNo(9),
        grant: GrantNo(200),
        amount: nano(5),
        metered: Amount::ZERO,
    };
    vec![
        Effect::Granted(recurring_grant()),
        Effect::Scheduled(plain_grant(GrantKind::Paid)),
        Effect::Activated(draw()),
        Effect::Drawn(draw()),
        Effect::Overdrawn(draw()),
        Effect::Ended(Ended {
            grant: plain_grant(GrantKind::Promotional),
            amount: nano(5_000_000_000),
            end: GrantEnd::Voided,
        }),
        Effect::Reduced(draw()),
        Effect::MovedOut(draw()),
        Effect::MovedIn(moved),
        Effect::Settled(settled),
        Effect::OverdraftClosed(overdraft()),
        Effect::Carried(carried),
        Effect::Closed(closed),
        Effect::Opened(opened),
        Effect::Reserved(hold()),
        Effect::HoldExtended(HoldExtended {
            reservation: reservation(),
            expires_at: at(3_600),
            amount: nano(150_000_000_000),
            draws: vec![draw()],
        }),
        Effect::HoldEnded(HoldEnded {
            hold: hold(),
            how: HoldEnd::Expired,
            parts: vec![part(GrantNo(7), None), part(GrantNo(200), Some(GrantEnd::Voided))],
        }),
        Effect::HoldMovedOut(HeldDraw { reservation: reservation(), draw: draw() }),
        Effect::HoldMovedIn(HeldDraw { reservation: reservation(), draw: draw() }),
        Effect::Refunded(Moved { is_recent: false, ..moved }),
        Effect::OverdraftRefunded(draw()),
    ]
}

fn dimensions() -> Vec<(String, DimensionValue)> {
    vec![
        ("model".to_owned(), DimensionValue::Text("m-1".to_owned())),
        ("tokens".to_owned(), DimensionValue::Number(nano(-1_500_000_000))),
        ("cached".to_owned(), DimensionValue::Flag(true)),
    ]
}

fn causes() -> Vec<Cause> {
    vec![
        Cause::Consumption(Consumption {
            amount: nano(60_000_000_000),
            event_id: Some("event-1".to_owned()),
            reported_at: Some(at(-5)),
            dimensions: dimensions(),
            usage_limit: nano(80_000_000_000_000),
            current_usage: nano(60_000_000_000),
            period_end: Some(at(2_678_400)),
            owed: Amount::ZERO,
            priced: None,
        }),
        Cause::Grant,
        Cause::Void,
        Cause::Due,
        Cause::Subscription(SubscriptionNo(300)),
        Cause::Reversal(Reversal {
            of: 12_345,
            amount: nano(60_000_000_000),
            idempotency_key: Some("undo-1".to_owned()),
            reason: Some("the job failed".to_owned()),
            meter: Some(MeterId::new(Slot(64), 1)),
            runs: vec![draw()],
            usage_limit: nano(80_000_000_000_000),
            current_usage: Amount::ZERO,
            period_end: Some(at(2_678_400)),
        }),
        Cause::Reservation,
        Cause::Release(Release { reservation: reservation(), consumed: nano(3), owed: nano(0) }),
        Cause::Extension,
    ]
}

fn entries() -> Vec<Entry> {
    let opened = PoolOpened {
        pool: PoolId::new(Slot(64), 1),
        currency: currency(),
        resource: Some(resource_id()),
    };
    let pool = PoolEntry {
        pool: PoolId::new(Slot(64), 1),
        at: at(3),
        cause: Cause::Due,
        effects: vec![
            Effect::Ended(Ended {
                grant: plain_grant(GrantKind::Paid),
                amount: Amount::ZERO,
                end: GrantEnd::Expired,
            }),
            Effect::Drawn(draw()),
        ],
    };
    vec![
        Entry::Profile(profile()),
        Entry::Resource(resource()),
        Entry::Subscription(Box::new(terms())),
        Entry::PoolOpened(opened),
        Entry::Pool(pool),
        Entry::Promotion(Box::new(promotion())),
        Entry::MeterOpened(MeterOpened {
            meter: MeterId::new(Slot(64), 1),
            feature: seats(),
            resource: Some(resource_id()),
        }),
        Entry::Usage(report()),
    ]
}

fn period() -> Period {
    Period { k: -1, start: at(-2_678_400), end: at(2_678_400) }
}

fn report() -> UsageEntry {
    UsageEntry {
        meter: MeterId::new(Slot(64), 1),
        at: at(3),
        reported_at: Some(at(-5)),
        behavior: UsageBehavior::Set,
        reported: nano(4_500_000_000),
        before: nano(7_000_000_000),
        value: nano(4_500_000_000),
        samples: 1,
        sum: nano(4_500_000_000),
        seen: None,
        forgets: true,
        restart: Some(UsageRestart { at: at(2), reason: UsageResetReason::Subscription }),
        period: Some(period()),
        pin: Some(UsagePin { subscription: SubscriptionNo(2), epoch: 1 }),
        event_name: None,
        event_id: Some("event-1".to_owned()),
        dimensions: dimensions(),
        currency: Some(currency()),
        returned: nano(25_000_000_000),
        forfeited: nano(5_000_000_000),
        balance: None,
        missing_dimensions: Vec::new(),
    }
}

fn report_that_took_nothing() -> UsageEntry {
    let balance = PoolBalance {
        usage_limit: nano(80_000_000_000_000),
        current_usage: nano(60_000_000_000),
        period_end: Some(at(2_678_400)),
    };
    let returned = Amount::ZERO;
    UsageEntry { returned, forfeited: returned, balance: Some(Box::new(balance)), ..report() }
}

fn event() -> UsageEntry {
    UsageEntry {
        behavior: UsageBehavior::Event,
        reported_at: None,
        samples: 0,
        sum: Amount::ZERO,
        seen: Some(0x0123_4567_89ab_cdef),
        forgets: false,
        restart: Some(UsageRestart { at: at(2), reason: UsageResetReason::Period }),
        period: None,
        pin: None,
        event_name: Some("completion".to_owned()),
        event_id: None,
        dimensions: Vec::new(),
        currency: None,
        returned: Amount::ZERO,
        forfeited: Amount::ZERO,
        ..report()
    }
}

fn priced_consumption() -> Consumption {
    Consumption {
        amount: nano(-20_000_000_000),
        event_id: None,
        reported_at: None,
        dimensions: Vec::new(),
        usage_limit: nano(80_000_000_000_000),
        current_usage: nano(60_000_000_000),
        period_end: None,
        owed: Amount::ZERO,
        priced: Some(Priced {
            meter: MeterId::new(Slot(64), 1),
            feature: seats(),
            subscription: SubscriptionNo(2),
            package: PackageKey::plan(package_id("base")),
            version: 3,
            units: Some(nano(-2_000_000_000)),
            rate: nano(10_000_000_000),
        }),
    }
}

fn customer_with_usage() -> Customer {
    let run = DrawRun {
        pool: PoolId::new(Slot(64), 0),
        grant: GrantNo(7),
        amount: nano(20_000_000_000),
        subscription: Some(SubscriptionNo(2)),
        expires_at: Some(at(2_678_400)),
        is_overdraft: false,
    };
    let beyond = DrawRun {
        grant: GrantNo(9),
        subscription: None,
        expires_at: None,
        is_overdraft: true,
        ..run
    };
    let usage = FeatureUsage {
        meter: MeterId::new(Slot(64), 0),
        feature: seats(),
        resource: Some(resource_id()),
        seq: 1_000,
        at: at(6),
        since: Timestamp::EPOCH,
        period: Some(period()),
        pin: Some(UsagePin { subscription: SubscriptionNo(2), epoch: 1 }),
        aggregate: Aggregate {
            value: nano(3_000_000_000),
            samples: 2,
            sum: nano(7),
            seen: [3, u64::MAX].into(),
        },
        drawn: vec![run, beyond],
    };
    Customer { usages: vec![usage], ..Customer::new(Slot(64), profile()) }
}

fn settled_of_usage() -> Settled {
    let (overdraft, grant) = (GrantNo(9), GrantNo(200));
    Settled { overdraft, grant, amount: nano(5), metered: nano(3) }
}

fn owing_consumption() -> Consumption {
    Consumption { owed: nano(11), ..priced_consumption() }
}

fn customer_with_usage_anew() -> Customer {
    let mut customer = customer_with_usage();
    customer.usages[0].since = at(5);
    customer
}

fn customer_with_voided() -> Customer {
    let mut customer = customer();
    let Carried { carried, voided_of, .. } = carried_of_voided();
    let remembered = CarriedIn { currency: currency(), carried, voided_of };
    customer.subscriptions[0].carried.push(remembered);
    customer
}

fn customer() -> Customer {
    let issued = Issued {
        package: PackageKey::addon(package_id("extra")),
        currency: currency(),
        epoch: 1,
        cadence: Cadence::Month,
        k: 4,
        next_part: 2,
        level: nano(300),
        behavior: Behavior::Override,
    };
    let carried = CarriedIn { currency: currency(), carried: carried(), voided_of: None };
    Customer {
        slot: Slot(64),
        profile: profile().into(),
        resources: vec![resource()],
        subscriptions: vec![Subscription {
            terms: terms(),
            issued: vec![issued],
            carried: vec![carried],
        }]
        .into(),
        pools: vec![pool()],
        next_grant: GrantNo(201),
        promotions: Vec::new(),
        next_due: Some(at(2_678_400)),
        usages: Vec::new(),
    }
}

fn pool_with_reservations() -> Pool {
    let held = Grant { held: nano(2_000_000_000), ..recurring_grant() };
    Pool { live: vec![held.clone()].into(), lapsed: vec![held], holds: vec![hold()], ..pool() }
}

fn pool() -> Pool {
    Pool {
        id: PoolId::new(Slot(64), 0),
        currency: currency(),
        resource: None,
        seq: 1_000,
        at: at(6),
        live: vec![recurring_grant()].into(),
        scheduled: vec![plain_grant(GrantKind::Promotional)],
        lapsed: Vec::new(),
        holds: Vec::new(),
        overdraft: Some(overdraft()),
        granted: nano(10_000_000_000_000),
        used: nano(15_000_000_001),
    }
}

fn customer_with_promotions() -> Customer {
    let unlimited = FeatureTerms { unlimited: Some(true), ..FeatureTerms::default() };
    let lifetime = Promotion {
        number: 4,
        feature: FeatureId::parse("sso").expect("a sound id"),
        terms: unlimited,
        is_visible: false,
        period: PromotionPeriod::Lifetime,
        anchor: Anchor { at: at(5), zone: None },
        ends_at: None,
        revoked_at: None,
        updated_at: at(5),
    };
    Customer { promotions: vec![promotion(), lifetime], ..Customer::new(Slot(64), profile()) }
}

fn promotion() -> Promotion {
    Promotion {
        number: 3,
        feature: seats(),
        terms: FeatureTerms {
            usage_limit: Some(nano(5_000_000_000)),
            unlimited: Some(false),
            soft_limit: Some(true),
            enforcement: Some(Enforcement::Strict),
            enum_values: Some(vec!["eu".to_owned()]),
            reset: Some(Reset {
                period: ResetPeriod::Week,
                according_to: Some("EveryMonday".to_owned()),
            }),
        },
        is_visible: true,
        period: PromotionPeriod::OneMonth,
        anchor: anchor(),
        ends_at: Some(at(2_678_400)),
        revoked_at: Some(at(6)),
        updated_at: at(6),
    }
}

fn product() -> Product {
    Product {
        id: ProductId::parse("api").expect("a sound id"),
        name: "API".to_owned(),
        description: Some("It answers".to_owned()),
        metadata: metadata(),
        multiple_subscriptions: true,
        archived_at: None,
        settings: Some(ProductSettings {
            cancellation_time: CancellationTime::SpecificDate,
            end_setup: EndSetup::CancelSubscription,
            start_setup: StartSetup::FreePlan,
            downgrade_plan: Some(package_id("free")),
            prorate_at_end: Some(false),
            start_plan: None,
        }),
        usage_reset: UsageReset::BillingPeriodChange,
        subscribed: true,
        created_at: at(0),
        updated_at: at(1),
    }
}

fn credit_type() -> CreditType {
    CreditType {
        id: currency(),
        name: "API Credits".to_owned(),
        description: None,
        symbol: Some("¢".to_owned()),
        units: Some(Units { singular: "credit".to_owned(), plural: "credits".to_owned() }),
        metadata: metadata(),
        archived_at: Some(at(2)),
        created_at: at(0),
        updated_at: at(2),
    }
}

fn feature() -> Feature {
    Feature {
        id: FeatureId::parse("seats").expect("a sound id"),
        name: "Seats".to_owned(),
        description: None,
        feature_type: FeatureType::Enum,
        meter_type: MeterType::Incremental,
        status: FeatureStatus::Suspended,
        units: Some("seat".to_owned()),
        units_plural: Some("seats".to_owned()),
        enum_values: Some(vec![EnumValue { value: "a".to_owned(), name: "A".to_owned() }]),
        unit_transformation: Some(UnitTransformation {
            divide: nano(1_000_000_000_000),
            round: RoundUnits::Down,
            units: None,
            units_plural: Some("K".to_owned()),
        }),
        meter: Some(Meter {
            aggregation: Aggregation::Unique("user".to_owned()),
            filters: vec![vec![Condition {
                field: "model".to_owned(),
                comparison: Comparison::In,
                values: vec!["a".to_owned(), "b".to_owned()],
            }]],
            document: Document("{}".to_owned()),
        }),
        metadata: Metadata::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn entitlement(target: Target, terms: EntitlementTerms) -> Entitlement {
    Entitlement {
        target,
        terms,
        behavior: Behavior::Increment,
        granted: true,
        custom: Some(false),
        description: Some("d".to_owned()),
        name_override: None,
        hidden_from: vec![Widget::Paywall, Widget::CustomerPortal, Widget::Checkout],
        order: Some(nano(2_500_000_000)),
        created_at: at(0),
        updated_at: at(3),
    }
}

fn version(number: u32, status: VersionStatus, details: PackageDetails) -> PackageVersion {
    let credit = CreditTerms {
        amount: Some(nano(50_000_000_000_000)),
        cadence: Cadence::Month,
        soft_limit: Some(false),
        per_unit_of: Some(seats()),
        enforcement: Some(Enforcement::Strict),
    };
    let feature = FeatureTerms {
        usage_limit: Some(nano(5_000_000_000)),
        unlimited: None,
        soft_limit: Some(true),
        enforcement: Some(Enforcement::Soft),
        enum_values: Some(vec!["a".to_owned()]),
        reset: Some(Reset { period: ResetPeriod::Week, according_to: Some("X".to_owned()) }),
    };
    let row = |text: &str| ChargeRow { created_at: at(1), row: Document(text.to_owned()) };
    PackageVersion {
        version: number,
        status,
        published_at: (status == VersionStatus::Published).then(|| at(5)),
        name: "Base".to_owned(),
        description: None,
        billing_id: Some("b-1".to_owned()),
        pricing: Some(Pricing::Paid),
        metadata: metadata(),
        entitlements: vec![
            entitlement(Target::Credit(currency()), EntitlementTerms::Credit(credit)),
            entitlement(
                Target::Feature(FeatureId::parse("seats").expect("a sound id")),
                EntitlementTerms::Feature(feature),
            ),
        ],
        charges: Charges {
            rows: vec![row("{\"p\":1}")],
            overage: vec![row("{}")],
            rates: vec![CreditRate {
                feature: FeatureId::parse("seats").expect("a sound id"),
                billing_period: BillingPeriod::Annually,
                currency: currency(),
                amount: nano(1_500_000_000),
                formula: Some(Formula::parse("a * 2").expect("a sound formula")),
            }],
        },
        details,
        created_at: at(0),
        updated_at: at(4),
    }
}

fn catalog() -> Catalog {
    let plan = PackageDetails::Plan(PlanTerms {
        parent: Some(package_id("root")),
        compatible_addons: Some(vec![package_id("extra")]),
        trial: Some(TrialConfig {
            duration: nano(14_000_000_000),
            units: TrialUnit::Day,
            budget: Some(TrialBudget { limit: nano(1_000_000_000), soft_limit: true }),
            end: Some(TrialEnd::CancelSubscription),
        }),
    });
    let addon = PackageDetails::Addon(AddonTerms {
        max_quantity: Some(5),
        dependencies: Some(vec![package_id("other")]),
    });
    let package = |key: PackageKey, details: PackageDetails| Package {
        key,
        product: ProductId::parse("api").expect("a sound id"),
        published: vec![Arc::new(version(1, VersionStatus::Published, details.clone()))],
        draft: Some(Arc::new(version(2, VersionStatus::Draft, details))),
        archived_at: Some(at(7)),
        subscribed_version: Some(1),
        created_at: at(0),
    };
    let plan = package(PackageKey::plan(package_id("base")), plan);
    let addon = package(PackageKey::addon(package_id("extra")), addon);
    let packages = [plan, addon].map(|package| (package.key.clone(), Arc::new(package)));
    let (product, credit_type, feature) = (product(), credit_type(), feature());
    Catalog {
        products: BTreeMap::from([(product.id.clone(), Arc::new(product))]),
        credit_types: BTreeMap::from([(credit_type.id.clone(), Arc::new(credit_type))]),
        features: BTreeMap::from([(feature.id.clone(), Arc::new(feature))]),
        packages: BTreeMap::from(packages),
        settings: Settings {
            zone: anchor().zone,
            alignment: Alignment::StartOfMonth,
            proration: CreditProration::Prorate,
        },
    }
}
