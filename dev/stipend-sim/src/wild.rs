//! Wild lives: every command with any argument, in any order, on catalogs with everything there is.
//!
//! No model predicts them. What must hold: nothing panics, every entry passes the audit, folding the
//! entries again gives the same customer, and rolling forward in one jump gives the entries of many
//! small ones.

mod ask;

use crate::audit::Audit;
use crate::prng::Prng;
use crate::shop::{calls, journey, package, rated, seats};
use crate::{Totals, held};
use stipend_core::catalog::{
    Alignment, Behavior, Catalog, CatalogCommand, Charges, CreditProration, EntitlementTerms,
    FeatureTerms, MeterType, Migration, NewEntitlement, NewFeature, PackagePatch, Pricing,
    ProductPatch, Reset, ResetPeriod, Settings, Target, TrialConfig, TrialUnit, UsageReset,
};
use stipend_core::customer::{Entry, decide, roll_forward, upcoming};
use stipend_core::{
    Amount, Cadence, Customer, PackageKey, SubscriptionNo, Timestamp, Zone, examples,
};

const DAY: i64 = 86_400;
const PLANS: [&str; 5] = ["free", "small", "large", "team", "tried"];
const ADDONS: [&str; 4] = ["extra", "yearly", "tier", "seatpack"];
const ZONES: [&str; 3] = ["Europe/Berlin", "Pacific/Apia", "America/Santiago"];

/// Lives one seed.
///
/// # Errors
/// What must not be, with the last command.
pub fn live(seed: u64, steps: u32, trace: &mut Vec<String>) -> Result<Totals, String> {
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
        let command = ask::command(&mut prng, &life);
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
    if again != life.customer {
        return Err("a replay gives another customer".to_owned());
    }
    Ok(Totals {
        seeds: 1,
        steps: u64::from(steps),
        held: held(&life.customer, life.now),
        grants: life.audit.recurring_grants(),
        ..Totals::default()
    })
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
    for (feature, meter_type) in
        [(seats(), MeterType::Fluctuating), (calls(), MeterType::Incremental)]
    {
        let new = NewFeature { meter_type, ..examples::new_feature(feature) };
        run(CatalogCommand::CreateFeature(Box::new(new)));
    }
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
        if key.id.as_str() == "extra" && prng.chance(50) {
            let charges = Some((Pricing::Paid, rated(3)));
            let patch = PackagePatch { charges, ..PackagePatch::default() };
            run(CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
        }
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
        let priced = prng.chance(60);
        if priced {
            entitlements.push(counted(prng));
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
            charges: Some((pricing, if priced { rated(2) } else { Charges::default() })),
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

/// Calls up to a limit, which start anew with each period.
fn counted(prng: &mut Prng) -> NewEntitlement {
    let period = prng.pick(&[ResetPeriod::Year, ResetPeriod::Month, ResetPeriod::Day]);
    let terms = FeatureTerms {
        usage_limit: Some(Amount::whole(100)),
        reset: prng.chance(80).then_some(Reset { period, according_to: None }),
        ..FeatureTerms::default()
    };
    NewEntitlement {
        target: Target::Feature(calls()),
        terms: EntitlementTerms::Feature(terms),
        ..examples::credit_entitlement(examples::credits(), None, Cadence::Month)
    }
}
