//! The catalog of a seed: plans and add-ons with credits of one type and one cadence.

use crate::prng::Prng;
use std::fmt;
use stipend_core::catalog::{
    Behavior, Catalog, CatalogCommand, Charges, Migration, NewEntitlement, PackagePatch, Pricing,
    ProductPatch, UsageReset,
};
use stipend_core::{Amount, Cadence, PackageId, PackageKey, examples};

/// A plan or an add-on.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its id.
    pub id: &'static str,
    /// Credits a period.
    pub credits: i64,
    /// Whether they replace the plan's.
    pub overrides: bool,
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
    /// Whether a plan change keeps what was consumed.
    pub keeps_usage: bool,
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
}

impl fmt::Display for Shop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let every = if self.yearly { "year" } else { "month" };
        for offer in self.plans.iter().chain(&self.addons) {
            let how = if offer.overrides { " overriding" } else { "" };
            write!(formatter, "{} {}/{every}{how}, ", offer.id, offer.credits)?;
        }
        write!(formatter, "usage kept: {}", self.keeps_usage)
    }
}

impl Shop {
    /// A shop by chance: each seed has some features and not others.
    pub fn random(prng: &mut Prng) -> Self {
        let mut offer = |id, overrides| Offer {
            id,
            credits: i64::try_from(1 + prng.below(20)).unwrap_or(1) * 10,
            overrides,
        };
        let plans = vec![offer("small", false), offer("middle", false), offer("large", false)];
        let addons = vec![offer("extra", false), offer("more", false), offer("tier", true)];
        Self {
            plans,
            addons,
            yearly: prng.chance(20),
            keeps_usage: prng.chance(40),
            trials: prng.chance(50),
            changes: prng.chance(60),
            addons_change: prng.chance(70),
            grants: prng.chance(60),
            overdraws: prng.chance(60),
            cancels: prng.chance(50),
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

    /// The commands that make the catalog.
    #[must_use]
    pub fn commands(&self) -> Vec<CatalogCommand> {
        let mut commands = Vec::new();
        let keys = self.addons.iter().map(|offer| (PackageKey::addon(package(offer.id)), offer));
        let plans = self.plans.iter().map(|offer| (PackageKey::plan(package(offer.id)), offer));
        for (key, offer) in keys.chain(plans) {
            commands.push(CatalogCommand::CreatePackage(examples::new_package(key.clone())));
            let amount = Some(Amount::whole(offer.credits));
            let entitlement =
                examples::credit_entitlement(examples::credits(), amount, self.cadence());
            let behavior = if offer.overrides { Behavior::Override } else { Behavior::Increment };
            let entitlement = NewEntitlement { behavior, ..entitlement };
            commands.push(CatalogCommand::AddEntitlements(key.clone(), vec![entitlement]));
            let compatible = self.addons.iter().map(|offer| package(offer.id)).collect();
            let patch = PackagePatch {
                compatible_addons: Some(Some(compatible)),
                charges: Some((Pricing::Paid, Charges::default())),
                ..PackagePatch::default()
            };
            commands.push(CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
            commands.push(CatalogCommand::Publish(key, Migration::NewCustomers));
        }
        if self.keeps_usage {
            let usage_reset = Some(UsageReset::Never);
            let patch = ProductPatch { usage_reset, ..ProductPatch::default() };
            commands.push(CatalogCommand::UpdateProduct(examples::product(), patch));
        }
        commands
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

/// The id of a package.
///
/// # Panics
/// Where it is none.
#[must_use]
pub fn package(id: &str) -> PackageId {
    PackageId::parse(id).expect("shops have sound ids")
}
