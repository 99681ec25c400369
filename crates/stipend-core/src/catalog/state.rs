//! The catalog's state, and the changes it is folded from.

use super::{
    CreditType, Entitlement, Feature, Package, PackageKey, PackageKind, PackageVersion, Product,
    Settings, Target,
};
use crate::id::{CurrencyId, FeatureId, ProductId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The catalog of one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Products by id.
    pub products: BTreeMap<ProductId, Arc<Product>>,
    /// Credit types by id.
    pub credit_types: BTreeMap<CurrencyId, Arc<CreditType>>,
    /// Features by id.
    pub features: BTreeMap<FeatureId, Arc<Feature>>,
    /// Plans and add-ons by kind and id.
    pub packages: BTreeMap<PackageKey, Arc<Package>>,
    /// How periods are counted and credits prorated.
    pub settings: Settings,
}

/// One change of the catalog, carrying the whole new object: folding it decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogChange {
    /// A product is now this.
    Product(Product),
    /// A credit type is now this.
    CreditType(CreditType),
    /// A feature is now this.
    Feature(Feature),
    /// A package is now this.
    Package(Package),
    /// The settings are now these.
    Settings(Settings),
}

impl Catalog {
    /// Folds one change.
    pub fn apply(&mut self, change: &CatalogChange) {
        match change {
            CatalogChange::Product(product) => {
                self.products.insert(product.id.clone(), Arc::new(product.clone()));
            }
            CatalogChange::CreditType(credit_type) => {
                self.credit_types.insert(credit_type.id.clone(), Arc::new(credit_type.clone()));
            }
            CatalogChange::Feature(feature) => {
                self.features.insert(feature.id.clone(), Arc::new(feature.clone()));
            }
            CatalogChange::Settings(settings) => self.settings = settings.clone(),
            CatalogChange::Package(package) => {
                let before = self.packages.insert(package.key.clone(), Arc::new(package.clone()));
                if let Some(before) = before {
                    assert_published_kept(&before, package);
                }
            }
        }
    }

    /// The published version of a package, as a subscription pinned it.
    #[must_use]
    pub fn version(&self, key: &PackageKey, version: u32) -> Option<&Arc<PackageVersion>> {
        self.packages.get(key)?.find_version(version)
    }

    /// The packages of that kind, oldest first, ties by id.
    #[must_use]
    pub fn packages_of(&self, kind: PackageKind) -> Vec<&Arc<Package>> {
        let mut found: Vec<_> =
            self.packages.values().filter(|package| package.key.kind == kind).collect();
        found.sort_by_key(|package| (package.created_at, package.key.id.clone()));
        found
    }

    /// What a version of a plan takes over of its ancestors, each at its latest published version,
    /// nearest first: what it does not have itself, nor a nearer one. A feature that is not granted
    /// is taken over from beyond; credits that are not granted stand in the way of others.
    #[must_use]
    pub fn inherited_entitlements(
        &self,
        version: &PackageVersion,
    ) -> Vec<(PackageKey, &Entitlement)> {
        let counts = |entitlement: &&Entitlement| {
            entitlement.granted || matches!(entitlement.target, Target::Credit(_))
        };
        let own = version.entitlements.iter().filter(counts);
        let mut seen: BTreeSet<&Target> = own.map(|entitlement| &entitlement.target).collect();
        let parent_of = |version: &PackageVersion| {
            version.plan_terms().and_then(|terms| terms.parent.clone()).map(PackageKey::plan)
        };
        let (mut inherited, mut next) = (Vec::new(), parent_of(version));
        let mut known = BTreeSet::new();
        while let Some(key) = next {
            let latest = self.packages.get(&key).and_then(|package| package.latest());
            // Drafts can be looked at before it is known that they go in no circle.
            let Some(latest) = latest.filter(|_| known.insert(key.clone())) else { break };
            for entitlement in latest.entitlements.iter().filter(counts) {
                if seen.insert(&entitlement.target) {
                    inherited.push((key.clone(), entitlement));
                }
            }
            next = parent_of(latest);
        }
        inherited
    }

    /// The packages that refer to a target in their draft or latest published version, by what they
    /// give or what usage is paid with, and are not archived, in the order of their keys.
    #[must_use]
    pub fn packages_using(&self, target: &Target) -> Vec<&Arc<Package>> {
        let uses = |version: &Arc<PackageVersion>| version.refers_to(target);
        self.packages
            .values()
            .filter(|package| package.archived_at.is_none())
            .filter(|package| {
                package.draft.as_ref().is_some_and(uses) || package.latest().is_some_and(uses)
            })
            .collect()
    }
}

/// Invariant 15: a published version never changes and never vanishes.
fn assert_published_kept(before: &Package, after: &Package) {
    for version in &before.published {
        let kept = after.find_version(version.version);
        assert!(
            kept.is_some_and(|kept| kept == version),
            "published version {} of {} was changed",
            version.version,
            before.key
        );
    }
}
