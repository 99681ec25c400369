//! Copies of products: everything that is not archived, each package with an id of its own.

use crate::support::{catalog, package, run};
use stipend_core::catalog::{
    CancellationTime, Catalog, CatalogCommand, EndSetup, PackageKey, ProductPatch, ProductSettings,
    StartSetup, VersionStatus,
};
use stipend_core::{PackageId, ProductId, examples};

fn copy() -> ProductId {
    ProductId::parse("copy").unwrap()
}

/// The catalog with a copy of the example's product that holds these packages.
fn duplicated(text: &str) -> Catalog {
    let mut catalog = catalog(text);
    let settings = ProductSettings {
        cancellation_time: CancellationTime::Immediate,
        end_setup: EndSetup::DowngradeToFree,
        start_setup: StartSetup::PlanSelection,
        downgrade_plan: Some(package("base")),
        prorate_at_end: None,
        start_plan: Some(package("gone")),
    };
    let patch = ProductPatch { settings: Some(settings), ..Default::default() };
    run(&mut catalog, &CatalogCommand::UpdateProduct(examples::product(), patch));
    run(&mut catalog, &CatalogCommand::ArchivePackage(PackageKey::plan(package("gone"))));
    run(
        &mut catalog,
        &CatalogCommand::DuplicateProduct {
            source: examples::product(),
            target: copy(),
            name: Some("Copy".to_owned()),
            description: Some(None),
        },
    );
    catalog
}

const SHOP: &str = "
    plan gone 1/month
    plan base 100/month
    plan child parent=base 5/month draft
    addon extra 50/month
    addon needy needs=extra 5/month
    ";

#[test]
fn a_copy_has_every_package_that_is_not_archived() {
    let catalog = duplicated(SHOP);
    let copies = catalog.packages.values().filter(|one| one.product == copy());
    let told: Vec<String> = copies
        .map(|one| {
            let shown = one.shown();
            let is_draft = if shown.status == VersionStatus::Draft { " draft" } else { "" };
            format!("{} v{}{is_draft}", one.key, shown.version)
        })
        .collect();
    assert_eq!(
        told,
        [
            "plan copy-base v1",
            "plan copy-child v1 draft",
            "add-on copy-extra v1",
            "add-on copy-needy v1",
        ]
    );
    let product = &catalog.products[&copy()];
    assert_eq!((product.name.as_str(), product.subscribed), ("Copy", false));
}

#[test]
fn references_among_the_copies_follow_to_the_copies() {
    let catalog = duplicated(SHOP);
    let child = catalog.packages[&PackageKey::plan(package("copy-child"))].shown();
    let terms = child.plan_terms().unwrap();
    assert_eq!(terms.parent, Some(package("copy-base")));
    let addons: Option<Vec<PackageId>> = Some(vec![package("copy-extra"), package("copy-needy")]);
    assert_eq!(terms.compatible_addons, addons);
    let needy = catalog.packages[&PackageKey::addon(package("copy-needy"))].shown();
    assert_eq!(needy.addon_terms().unwrap().dependencies, Some(vec![package("copy-extra")]));
}

#[test]
fn the_plans_of_the_settings_follow_to_the_copies_too() {
    let catalog = duplicated(SHOP);
    let settings = catalog.products[&copy()].settings.clone().unwrap();
    assert_eq!(settings.downgrade_plan, Some(package("copy-base")));
    assert_eq!(settings.start_plan, Some(package("gone")), "what was not copied stays");
}

#[test]
fn the_source_stays_as_it_was() {
    let before = catalog(SHOP);
    let after = duplicated(SHOP);
    let base = PackageKey::plan(package("base"));
    assert_eq!(before.packages[&base], after.packages[&base]);
    let original = after.products[&examples::product()].settings.clone().unwrap();
    assert_eq!(original.downgrade_plan, Some(package("base")));
}
