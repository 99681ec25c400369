//! Wild lives: every command with any argument, in any order, on catalogs with everything there is.
//!
//! No model predicts them. What must hold: nothing panics, every entry passes the audit, folding the
//! entries again gives the same customer, and rolling forward in one jump gives the entries of many
//! small ones.

use crate::audit::Audit;
use crate::prng::Prng;
use crate::shop::{journey, package};
use stipend_core::catalog::{
    Alignment, Behavior, Catalog, CatalogCommand, Charges, CreditProration, EntitlementTerms,
    FeatureTerms, Migration, NewEntitlement, PackagePatch, Pricing, ProductPatch, Settings, Target,
    TrialConfig, TrialEnd, TrialUnit, UsageReset,
};
use stipend_core::customer::{
    BillingPeriod, CancelTime, CreditOverride, CustomerCommand, Entry, FeatureQuantity, GrantKind,
    NewGrant, ProvisionRequest, Schedule, SubscriptionCommand, SubscriptionPatch, TrialRequest,
    decide, roll_forward, upcoming,
};
use stipend_core::{
    Amount, Cadence, Customer, FeatureId, GrantNo, PackageKey, ResourceId, SubscriptionId,
    SubscriptionNo, Timestamp, Zone, examples,
};

const DAY: i64 = 86_400;
const PLANS: [&str; 5] = ["free", "small", "large", "team", "tried"];
const ADDONS: [&str; 4] = ["extra", "yearly", "tier", "seatpack"];
const ZONES: [&str; 3] = ["Europe/Berlin", "Pacific/Apia", "America/Santiago"];

fn seats() -> FeatureId {
    FeatureId::parse("seats").expect("it is an id")
}

/// Lives one seed.
///
/// # Errors
/// What must not be, with the last command.
pub fn live(seed: u64, steps: u32, trace: &mut Vec<String>) -> Result<(), String> {
    let mut prng = Prng::new(seed);
    let catalog = catalog(&mut prng);
    let prorates = catalog.settings.proration == CreditProration::Prorate;
    let mut life = Life {
        catalog,
        customer: examples::customer(),
        entries: Vec::new(),
        audit: Audit::new(prorates),
        now: examples::START.plus_seconds(i64::try_from(prng.below(400)).unwrap_or(0) * DAY),
    };
    for _ in 0..steps {
        let jump =
            prng.pick(&[0, 1, 3_600, DAY, 9 * DAY, 31 * DAY, 31 * DAY, 200 * DAY, 800 * DAY]);
        life.advance(jump, trace)?;
        if prng.chance(4) {
            life.publish(&mut prng);
        }
        let command = command(&mut prng, &life);
        trace.push(format!("{} {command:?}", life.now));
        // Most of what is asked at random is refused, and changes nothing.
        if let Ok(decision) = decide(&life.customer, &life.catalog, &command, life.now) {
            life.fold(decision.entries)?;
        }
        let number = SubscriptionNo(u32::try_from(prng.below(4)).unwrap_or(0));
        // It must not panic; what it says is pinned elsewhere.
        let _ = upcoming(&life.customer, &life.catalog, number, 3);
    }
    let mut again = examples::customer();
    life.entries.iter().for_each(|entry| again.apply(entry));
    if again == life.customer { Ok(()) } else { Err("a replay gives another customer".to_owned()) }
}

struct Life {
    catalog: Catalog,
    customer: Customer,
    entries: Vec<Entry>,
    audit: Audit,
    now: Timestamp,
}

impl Life {
    fn fold(&mut self, entries: Vec<Entry>) -> Result<(), String> {
        entries.iter().for_each(|entry| self.customer.apply(entry));
        self.audit.note(&entries)?;
        self.audit.check(&self.customer)?;
        self.entries.extend(entries);
        Ok(())
    }

    /// In one jump, and on a copy in seven.
    fn advance(&mut self, seconds: i64, trace: &mut Vec<String>) -> Result<(), String> {
        let from = self.now;
        self.now = from.plus_seconds(seconds);
        trace.push(format!("{} wait", self.now));
        let jumped = roll_forward(&self.customer, &self.catalog, self.now);
        let mut stepping = self.customer.clone();
        let mut stepped = Vec::new();
        for part in 1..=7 {
            let at = from.plus_seconds(seconds * part / 7);
            let entries = roll_forward(&stepping, &self.catalog, at);
            entries.iter().for_each(|entry| stepping.apply(entry));
            stepped.extend(entries);
        }
        if stepped != jumped {
            return Err("one jump and seven steps give different entries".to_owned());
        }
        self.fold(jumped)?;
        self.audit.check_due(self.now)
    }

    /// The next version of something, with other amounts.
    fn publish(&mut self, prng: &mut Prng) {
        let key = if prng.chance(50) {
            PackageKey::plan(package(prng.pick(&PLANS)))
        } else {
            PackageKey::addon(package(prng.pick(&ADDONS)))
        };
        let credits = Target::Credit(examples::credits());
        for command in [
            CatalogCommand::OpenDraft(key.clone()),
            CatalogCommand::RemoveEntitlement(key.clone(), credits),
            CatalogCommand::AddEntitlements(key.clone(), vec![entitlement(prng)]),
            CatalogCommand::Publish(key, Migration::NewCustomers),
        ] {
            // What had no credits has none to remove.
            let _ = examples::change(&mut self.catalog, &command, self.now);
        }
    }
}

fn entitlement(prng: &mut Prng) -> NewEntitlement {
    let amount = Amount::whole(i64::try_from(prng.below(9)).unwrap_or(0) * 10);
    let cadence = prng.pick(&[Cadence::Month, Cadence::Month, Cadence::Year]);
    let new = examples::credit_entitlement(examples::credits(), Some(amount), cadence);
    let behavior = if prng.chance(25) { Behavior::Override } else { Behavior::Increment };
    NewEntitlement { behavior, granted: prng.chance(95), ..new }
}

fn catalog(prng: &mut Prng) -> Catalog {
    let mut catalog = examples::empty_catalog();
    let mut run = |command: CatalogCommand| {
        examples::change(&mut catalog, &command, examples::START).expect("a sound catalog");
    };
    run(CatalogCommand::CreateFeature(Box::new(examples::new_feature(seats()))));
    run(CatalogCommand::Set(Settings {
        zone: prng.chance(40).then(|| Zone::parse(prng.pick(&ZONES)).expect("a zone")),
        alignment: prng.pick(&[Alignment::SubscriptionStart, Alignment::StartOfMonth]),
        proration: prng.pick(&[CreditProration::Whole, CreditProration::Prorate]),
    }));
    let reset = [UsageReset::Always, UsageReset::Never, UsageReset::BillingPeriodChange];
    let usage_reset = Some(prng.pick(&reset));
    let is_followed = prng.chance(50);
    for key in ADDONS.map(|id| PackageKey::addon(package(id))) {
        run(CatalogCommand::CreatePackage(examples::new_package(key.clone())));
        let what = if key.id.as_str() == "seatpack" { limit(2) } else { entitlement(prng) };
        run(CatalogCommand::AddEntitlements(key.clone(), vec![what]));
        run(CatalogCommand::Publish(key, Migration::NewCustomers));
    }
    for id in PLANS {
        let key = PackageKey::plan(package(id));
        run(CatalogCommand::CreatePackage(examples::new_package(key.clone())));
        let mut entitlements = vec![entitlement(prng)];
        if id == "team" {
            if let EntitlementTerms::Credit(terms) = &mut entitlements[0].terms {
                terms.per_unit_of = Some(seats());
            }
            entitlements.push(limit(5));
        }
        run(CatalogCommand::AddEntitlements(key.clone(), entitlements));
        let trial = TrialConfig {
            duration: Amount::whole(14),
            units: TrialUnit::Day,
            budget: None,
            end: None,
        };
        let pricing = if id == "free" { Pricing::Free } else { Pricing::Paid };
        let patch = PackagePatch {
            compatible_addons: Some(Some(ADDONS.map(package).to_vec())),
            charges: Some((pricing, Charges::default())),
            trial: Some((id == "tried").then_some(trial)),
            ..PackagePatch::default()
        };
        run(CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
        run(CatalogCommand::Publish(key, Migration::NewCustomers));
    }
    let settings = Some(journey(is_followed.then(|| package("free"))));
    let patch = ProductPatch { usage_reset, settings, ..ProductPatch::default() };
    run(CatalogCommand::UpdateProduct(examples::product(), patch));
    catalog
}

fn limit(seats_of_it: i64) -> NewEntitlement {
    let terms =
        FeatureTerms { usage_limit: Some(Amount::whole(seats_of_it)), ..FeatureTerms::default() };
    NewEntitlement {
        target: Target::Feature(seats()),
        terms: EntitlementTerms::Feature(terms),
        ..examples::credit_entitlement(examples::credits(), None, Cadence::Month)
    }
}

fn command(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let count = life.customer.subscriptions.len().max(1) as u64;
    let number = SubscriptionNo(u32::try_from(prng.below(count)).unwrap_or(0));
    if life.customer.subscriptions.is_empty() {
        return provision(prng, life);
    }
    match prng.below(20) {
        0..=4 => CustomerCommand::Consume(examples::consumption(Amount::whole(
            i64::try_from(1 + prng.below(80)).unwrap_or(1),
        ))),
        5 | 6 => grant(prng, life),
        7..=10 => provision(prng, life),
        11..=14 => {
            let patch = Box::new(patch(prng, life));
            CustomerCommand::Subscription(number, SubscriptionCommand::Update(patch))
        }
        15 => {
            let at = instant(prng, life);
            let times = [CancelTime::Now, CancelTime::PeriodEnd, CancelTime::At(at)];
            let time = prng.pick(&times);
            let command = if prng.chance(25) {
                SubscriptionCommand::Revoke(time)
            } else {
                SubscriptionCommand::Cancel(time)
            };
            CustomerCommand::Subscription(number, command)
        }
        16 => CustomerCommand::Subscription(number, SubscriptionCommand::Unschedule),
        17 => {
            let when = schedule(prng);
            CustomerCommand::Subscription(number, SubscriptionCommand::Migrate(when))
        }
        18 => {
            let to = resource(prng);
            CustomerCommand::Subscription(number, SubscriptionCommand::Transfer(to))
        }
        _ => match life.customer.pools.first() {
            Some(pool) => {
                let no = GrantNo(u32::try_from(1 + prng.below(60)).unwrap_or(1));
                CustomerCommand::VoidGrant(pool.id, no)
            }
            None => CustomerCommand::Unarchive,
        },
    }
}

fn schedule(prng: &mut Prng) -> Schedule {
    prng.pick(&[Schedule::Now, Schedule::Now, Schedule::PeriodEnd, Schedule::MonthEnd])
}

fn resource(prng: &mut Prng) -> ResourceId {
    ResourceId::parse(prng.pick(&["site", "shop"])).expect("it is an id")
}

/// Something around now, mostly ahead.
fn instant(prng: &mut Prng, life: &Life) -> Timestamp {
    let days = i64::try_from(prng.below(100)).unwrap_or(0) - 20;
    life.now.plus_seconds(days * DAY)
}

fn addons(prng: &mut Prng) -> Vec<(stipend_core::PackageId, u32)> {
    let chosen = ADDONS.into_iter().filter(|_| prng.chance(35)).collect::<Vec<_>>();
    let quantity = |prng: &mut Prng| u32::try_from(1 + prng.below(3)).unwrap_or(1);
    chosen.into_iter().map(|id| (package(id), quantity(prng))).collect()
}

fn overrides(prng: &mut Prng) -> Vec<CreditOverride> {
    let agreed = CreditOverride {
        currency: examples::credits(),
        amount: Amount::whole(i64::try_from(prng.below(100)).unwrap_or(0)),
        cadence: prng.pick(&[Cadence::Month, Cadence::Year]),
        soft_limit: None,
    };
    if prng.chance(60) { vec![agreed] } else { Vec::new() }
}

fn quantities(prng: &mut Prng) -> Vec<FeatureQuantity> {
    vec![FeatureQuantity { feature: seats(), quantity: u32::try_from(prng.below(9)).unwrap_or(0) }]
}

fn provision(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let id = format!("sub-{}", life.customer.subscriptions.len());
    let end = prng.pick(&[TrialEnd::ConvertToPaid, TrialEnd::CancelSubscription]);
    let with = TrialRequest::With { ends_at: Some(instant(prng, life)), end: Some(end) };
    let trials = [TrialRequest::AsPlanned, TrialRequest::Without, with];
    CustomerCommand::Provision(Box::new(ProvisionRequest {
        id: SubscriptionId::parse(&id).expect("it is an id"),
        plan: package(prng.pick(&PLANS)),
        addons: prng.chance(60).then(|| addons(prng)),
        overrides: prng.chance(20).then(|| overrides(prng)),
        quantities: prng.chance(30).then(|| quantities(prng)),
        resource: prng.chance(25).then(|| resource(prng)),
        billing_period: prng.chance(30).then_some(BillingPeriod::Annually),
        start: prng.chance(20).then(|| instant(prng, life)),
        ends: prng.chance(10).then(|| instant(prng, life)),
        trial: prng.pick(&trials),
        schedule: schedule(prng),
        new_anchor: prng.chance(15),
        ..examples::provision(Vec::new())
    }))
}

fn patch(prng: &mut Prng, life: &Life) -> SubscriptionPatch {
    SubscriptionPatch {
        addons: prng.chance(60).then(|| addons(prng)),
        overrides: prng.chance(20).then(|| overrides(prng)),
        quantities: prng.chance(30).then(|| quantities(prng)),
        billing_period: prng.chance(15).then_some(BillingPeriod::Monthly),
        ends: prng.chance(15).then(|| prng.chance(60).then(|| instant(prng, life))),
        trial_ends: prng.chance(10).then(|| instant(prng, life)),
        schedule: schedule(prng),
        new_anchor: prng.chance(10),
        ..SubscriptionPatch::default()
    }
}

fn grant(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let kind = prng.pick(&[GrantKind::Paid, GrantKind::Promotional]);
    CustomerCommand::Grant(Box::new(NewGrant {
        priority: prng.pick(&[0, 50, 100]),
        effective_at: prng.chance(40).then(|| instant(prng, life)),
        expires_at: prng.chance(60).then(|| instant(prng, life)),
        ..examples::grant(kind, Amount::whole(25))
    }))
}
