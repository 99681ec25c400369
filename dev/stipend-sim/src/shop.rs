//! The catalog of a seed: plans and add-ons with credits of one type and one cadence.

use crate::calendar::Zone;
use crate::prng::Prng;
use std::fmt;
use stipend_core::catalog::{
    Behavior, CancellationTime, Catalog, CatalogCommand, Charges, CreditProration, CreditRate,
    EndSetup, EntitlementPatch, EntitlementTerms, FeatureTerms, MeterType, Migration,
    NewEntitlement, NewFeature, PackagePatch, Pricing, ProductPatch, ProductSettings, Settings,
    StartSetup, Target, UsageReset,
};
use stipend_core::customer::BillingPeriod;
use stipend_core::{Amount, Cadence, FeatureId, PackageId, PackageKey, PackageKind, examples};

/// A plan or an add-on.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its id.
    pub id: &'static str,
    /// Credits a period, version by version; none where it gives seats.
    pub versions: Vec<i64>,
    /// Whether they replace the plan's.
    pub overrides: bool,
}

/// The plan that nobody pays for.
pub const FREE: &str = "free";

/// The plan whose credits are for each seat.
pub const TEAM: &str = "team";

/// The add-on that gives seats.
pub const PACK: &str = "pack";

/// The seats that the team plan comes with.
pub const TEAM_SEATS: u32 = 3;

/// The seats that come with one pack.
pub const PACK_SEATS: u32 = 2;

/// When usage starts anew with another plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resets {
    /// With every plan.
    Always,
    /// Never.
    Never,
    /// Where new periods begin.
    WithPeriods,
}

/// What is sold in a seed, and what its customers do.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Plans.
    pub plans: Vec<Offer>,
    /// Add-ons.
    pub addons: Vec<Offer>,
    /// Whether credits come every year, not every month.
    pub yearly: bool,
    /// When usage starts anew with another plan.
    pub resets: Resets,
    /// In whose wall time periods are counted.
    pub zone: Zone,
    /// Whether versions are published.
    pub publishes: bool,
    /// Whether seats are bought and returned.
    pub seats: bool,
    /// Whether usage may ask to be refused.
    pub strict: bool,
    /// Whether subscriptions may begin with trials.
    pub trials: bool,
    /// Whether plans are changed.
    pub changes: bool,
    /// Whether add-ons come and go.
    pub addons_change: bool,
    /// Whether credits are granted by hand.
    pub grants: bool,
    /// Whether usage overdraws.
    pub overdraws: bool,
    /// Whether subscriptions are cancelled and made again.
    pub cancels: bool,
    /// Whether changes within a period are prorated.
    pub prorates: bool,
    /// Whether what ends goes on with the free plan.
    pub followed: bool,
    /// What one call costs with every plan; none where usage is not reported.
    pub rate: Option<i64>,
}

impl fmt::Display for Shop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let every = if self.yearly { "year" } else { "month" };
        for offer in self.plans.iter().chain(&self.addons) {
            let how = if offer.overrides { " overriding" } else { "" };
            write!(formatter, "{} {:?}/{every}{how}, ", offer.id, offer.versions)?;
        }
        write!(formatter, "usage starts anew {:?}, {:?}", self.resets, self.zone)
    }
}

impl Shop {
    /// A shop by chance: each seed has some features and not others.
    pub fn random(prng: &mut Prng) -> Self {
        let mut offer = |id, overrides| Offer { id, versions: vec![credits(prng)], overrides };
        let mut plans = vec![offer("small", false), offer("middle", false), offer("large", false)];
        let mut addons = vec![offer("extra", false), offer("more", false), offer("tier", true)];
        let is_free = prng.chance(40);
        if is_free {
            plans.push(Offer { id: FREE, versions: vec![credits(prng)], overrides: false });
        }
        let seats = prng.chance(40);
        if seats {
            plans.push(Offer { id: TEAM, versions: vec![credits(prng) / 5], overrides: false });
            addons.push(Offer { id: PACK, versions: Vec::new(), overrides: false });
        }
        Self {
            plans,
            addons,
            yearly: prng.chance(20),
            resets: prng.pick(&[Resets::Always, Resets::Never, Resets::WithPeriods]),
            zone: if prng.chance(50) { Zone::Utc } else { prng.pick(&Zone::ALL) },
            publishes: prng.chance(50),
            seats,
            strict: prng.chance(40),
            trials: prng.chance(50),
            changes: prng.chance(60),
            addons_change: prng.chance(70),
            grants: prng.chance(60),
            overdraws: prng.chance(60),
            cancels: prng.chance(50),
            prorates: prng.chance(30),
            followed: is_free && prng.chance(60),
            rate: prng.chance(40).then_some(3),
        }
    }

    /// How often credits come.
    #[must_use]
    pub fn cadence(&self) -> Cadence {
        if self.yearly { Cadence::Year } else { Cadence::Month }
    }

    /// The credits of a plan.
    ///
    /// # Panics
    /// Where it is not on sale.
    #[must_use]
    pub fn plan(&self, id: &str) -> &Offer {
        self.plans.iter().find(|offer| offer.id == id).expect("stories name what is sold")
    }

    /// The credits of an add-on.
    ///
    /// # Panics
    /// Where it is not on sale.
    #[must_use]
    pub fn addon(&self, id: &str) -> &Offer {
        self.addons.iter().find(|offer| offer.id == id).expect("stories name what is sold")
    }

    /// Puts the next version of something on sale.
    ///
    /// # Panics
    /// Where it is not on sale.
    pub fn publish(&mut self, id: &str, credits: i64) {
        let mut offers = self.plans.iter_mut().chain(&mut self.addons);
        let offer = offers.find(|offer| offer.id == id).expect("stories name what is sold");
        offer.versions.push(credits);
    }

    /// The key of something that is on sale.
    #[must_use]
    pub fn key(&self, id: &str) -> PackageKey {
        let is_plan = self.plans.iter().any(|offer| offer.id == id);
        if is_plan { PackageKey::plan(package(id)) } else { PackageKey::addon(package(id)) }
    }

    /// The commands that make the catalog.
    #[must_use]
    pub fn commands(&self) -> Vec<CatalogCommand> {
        let settings = Settings {
            zone: self.zone.name().and_then(|name| stipend_core::Zone::parse(name).ok()),
            proration: if self.prorates {
                CreditProration::Prorate
            } else {
                CreditProration::Whole
            },
            ..Settings::default()
        };
        let usage_reset = Some(match self.resets {
            Resets::Always => UsageReset::Always,
            Resets::Never => UsageReset::Never,
            Resets::WithPeriods => UsageReset::BillingPeriodChange,
        });
        let settings_of = self.followed.then(|| package(FREE));
        let patch = ProductPatch {
            usage_reset,
            settings: Some(journey(settings_of)),
            ..ProductPatch::default()
        };
        let counted =
            NewFeature { meter_type: MeterType::Incremental, ..examples::new_feature(calls()) };
        let mut commands = vec![
            CatalogCommand::Set(settings),
            CatalogCommand::CreateFeature(Box::new(examples::new_feature(seats()))),
            CatalogCommand::CreateFeature(Box::new(counted)),
        ];
        for offer in self.addons.iter().chain(&self.plans) {
            let key = self.key(offer.id);
            commands.push(CatalogCommand::CreatePackage(examples::new_package(key.clone())));
            let entitlements = self.entitlements(offer);
            commands.push(CatalogCommand::AddEntitlements(key.clone(), entitlements));
            let compatible = self.addons.iter().map(|offer| package(offer.id)).collect();
            let pricing = if offer.id == FREE { Pricing::Free } else { Pricing::Paid };
            let patch = PackagePatch {
                compatible_addons: Some(Some(compatible)),
                charges: Some((pricing, self.charges(&key))),
                ..PackagePatch::default()
            };
            commands.push(CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
            commands.push(CatalogCommand::Publish(key, Migration::NewCustomers));
        }
        commands.push(CatalogCommand::UpdateProduct(examples::product(), patch));
        commands
    }

    fn charges(&self, key: &PackageKey) -> Charges {
        let rate = self.rate.filter(|_| key.kind == PackageKind::Plan);
        rate.map_or_else(Charges::default, rated)
    }

    fn entitlements(&self, offer: &Offer) -> Vec<NewEntitlement> {
        let mut entitlements = Vec::new();
        if let Some(credits) = offer.versions.last() {
            let amount = Some(Amount::whole(*credits));
            let mut new = examples::credit_entitlement(examples::credits(), amount, self.cadence());
            if let EntitlementTerms::Credit(terms) = &mut new.terms {
                terms.per_unit_of = (offer.id == TEAM).then(seats);
            }
            let behavior = if offer.overrides { Behavior::Override } else { Behavior::Increment };
            entitlements.push(NewEntitlement { behavior, ..new });
        }
        match offer.id {
            TEAM => entitlements.push(limit(TEAM_SEATS)),
            PACK => entitlements.push(limit(PACK_SEATS)),
            _ => {}
        }
        entitlements
    }

    /// The commands that publish the next version of something.
    #[must_use]
    pub fn publication(&self, id: &str, credits: i64) -> Vec<CatalogCommand> {
        let key = self.key(id);
        let target = Target::Credit(examples::credits());
        let amount = Some(Amount::whole(credits));
        let patch = EntitlementPatch { amount, ..EntitlementPatch::default() };
        vec![
            CatalogCommand::OpenDraft(key.clone()),
            CatalogCommand::UpdateEntitlement(key.clone(), target, patch),
            CatalogCommand::Publish(key, Migration::NewCustomers),
        ]
    }

    /// The catalog.
    ///
    /// # Panics
    /// Where it is not a catalog: then the simulator is wrong.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        let mut catalog = examples::empty_catalog();
        for command in self.commands() {
            examples::change(&mut catalog, &command, examples::START)
                .expect("the shop has a sound catalog");
        }
        catalog
    }
}

/// The customer journey of a product; it may go on with a free plan.
#[must_use]
pub fn journey(free: Option<PackageId>) -> ProductSettings {
    let end_setup =
        if free.is_some() { EndSetup::DowngradeToFree } else { EndSetup::CancelSubscription };
    ProductSettings {
        cancellation_time: CancellationTime::Immediate,
        end_setup,
        start_setup: StartSetup::PlanSelection,
        downgrade_plan: free,
        prorate_at_end: None,
        start_plan: None,
    }
}

/// The id of a package.
///
/// # Panics
/// Where it is none.
#[must_use]
pub fn package(id: &str) -> PackageId {
    PackageId::parse(id).expect("shops have sound ids")
}

/// The feature whose usage is reported.
///
/// # Panics
/// Never: it is an id.
#[must_use]
pub fn calls() -> FeatureId {
    FeatureId::parse("calls").expect("it is an id")
}

/// So many credits for each call.
#[must_use]
pub fn rated(credits: i64) -> Charges {
    let rate = CreditRate {
        feature: calls(),
        billing_period: BillingPeriod::Monthly,
        currency: examples::credits(),
        amount: Amount::whole(credits),
        formula: None,
    };
    Charges { rates: vec![rate], ..Charges::default() }
}

/// The feature that is counted in seats.
///
/// # Panics
/// Never: it is an id.
#[must_use]
pub fn seats() -> FeatureId {
    FeatureId::parse("seats").expect("it is an id")
}

fn limit(units: u32) -> NewEntitlement {
    let usage_limit = Some(Amount::whole(i64::from(units)));
    NewEntitlement {
        target: Target::Feature(seats()),
        terms: EntitlementTerms::Feature(FeatureTerms { usage_limit, ..FeatureTerms::default() }),
        ..examples::credit_entitlement(examples::credits(), None, Cadence::Month)
    }
}

/// Credits of a version.
pub fn credits(prng: &mut Prng) -> i64 {
    i64::try_from(1 + prng.below(20)).unwrap_or(1) * 10
}
