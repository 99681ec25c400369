//! The catalog: drafts, versions, archives, and everything that is refused.

use crate::support::{amount, assert_declared_in_order, at, catalog, currency, package, run};
use std::collections::BTreeSet;
use std::sync::Arc;
use stipend_core::catalog::{
    CancellationTime, Catalog, CatalogChange, CatalogCommand as Command,
    CatalogRejection as Rejection, DraftEdit, EndSetup, EntitlementPatch, EntitlementTerms,
    FeatureStatus, FeatureTerms, FeatureTermsPatch, Metadata, Migration, NewEntitlement,
    NewPackage, NewProduct, PackageKey, PackageKind, PackagePatch, ProductPatch, ProductSettings,
    ResetPatch, ResetPeriod, StartSetup, Target, VersionStatus, decide,
};
use stipend_core::{Amount, Cadence, FeatureId, ProductId, examples};

fn name(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::ProductNotFound(_) => "ProductNotFound",
        Rejection::PackageNotFound(_) => "PackageNotFound",
        Rejection::Changed(_) => "Changed",
        Rejection::AlreadyExists(_) => "AlreadyExists",
        Rejection::ProductArchived(_) => "ProductArchived",
        Rejection::ProductSubscribed(_) => "ProductSubscribed",
        Rejection::PackageArchived(_) => "PackageArchived",
        Rejection::Immutable(_) => "Immutable",
        Rejection::NoDraft(_) => "NoDraft",
        Rejection::DraftExists(_) => "DraftExists",
        Rejection::CurrencyNotFound(_) => "CurrencyNotFound",
        Rejection::FeatureNotFound(_) => "FeatureNotFound",
        Rejection::EntitlementNotFound => "EntitlementNotFound",
        Rejection::CurrencyArchived(_) => "CurrencyArchived",
        Rejection::FeatureArchived(_) => "FeatureArchived",
        Rejection::CurrencyInUse { .. } => "CurrencyInUse",
        Rejection::EntitlementType => "EntitlementType",
        Rejection::EntitlementExists(_) => "EntitlementExists",
        Rejection::Cycle(_) => "Cycle",
        Rejection::Empty(_) => "Empty",
        Rejection::ResetPeriod(_) => "ResetPeriod",
        Rejection::NotPublished(_) => "NotPublished",
        Rejection::DependencyNotLimited(_) => "DependencyNotLimited",
        Rejection::FeatureNotMetered(_) => "FeatureNotMetered",
        Rejection::UnsupportedAggregation(_) => "UnsupportedAggregation",
        Rejection::NoFreePlan(_) => "NoFreePlan",
    }
}

const NAMES_COUNT: usize = 26;

fn product(id: &str) -> ProductId {
    ProductId::parse(id).unwrap()
}

fn feature(id: &str) -> FeatureId {
    FeatureId::parse(id).unwrap()
}

fn plan(id: &str) -> PackageKey {
    PackageKey::plan(package(id))
}

fn addon(id: &str) -> PackageKey {
    PackageKey::addon(package(id))
}

fn new_product(id: &str) -> Command {
    Command::CreateProduct(NewProduct {
        id: product(id),
        name: id.to_owned(),
        description: None,
        metadata: Metadata::new(),
        multiple_subscriptions: false,
    })
}

fn new_feature(id: &str) -> Command {
    Command::CreateFeature(Box::new(examples::new_feature(feature(id))))
}

fn new_plan(id: &str, of: &str, parent: Option<&str>) -> Command {
    let parent = parent.map(package);
    Command::CreatePackage(NewPackage {
        product: product(of),
        parent,
        ..examples::new_package(plan(id))
    })
}

fn credits(id: &str) -> NewEntitlement {
    examples::credit_entitlement(currency(id), Some(Amount::whole(5)), Cadence::Month)
}

fn limit(id: &str) -> NewEntitlement {
    NewEntitlement {
        target: Target::Feature(feature(id)),
        terms: EntitlementTerms::Feature(FeatureTerms::default()),
        ..credits("tokens")
    }
}

/// Has a feature's usage start anew on Mondays, whatever its reset period is.
fn begin_weeks(key: PackageKey, of: &str) -> Command {
    let begins = vec![(ResetPeriod::Week, Some("EveryMonday".to_owned()))];
    let reset = ResetPatch { period: None, begins };
    let terms = FeatureTermsPatch { reset, ..Default::default() };
    let patch = EntitlementPatch { feature: Some(terms), ..Default::default() };
    Command::UpdateEntitlement(key, limit(of).target, patch)
}

fn set_parent(id: &str, parent: &str) -> Command {
    let patch = PackagePatch { parent: Some(Some(package(parent))), ..Default::default() };
    Command::UpdatePackage(plan(id), Box::new(patch))
}

fn set_dependency(id: &str, needed: &str) -> Command {
    let dependencies = Some(Some(vec![package(needed)]));
    let patch = PackagePatch { dependencies, ..Default::default() };
    Command::UpdatePackage(addon(id), Box::new(patch))
}

fn duplicate(source: &str, target: &str) -> Command {
    let (source, target) = (product(source), product(target));
    Command::DuplicateProduct { source, target, name: None, description: None }
}

/// Lets a free plan follow the subscriptions of a product.
fn followed_by(plan: Option<&str>) -> Command {
    let settings = ProductSettings {
        cancellation_time: CancellationTime::Immediate,
        end_setup: EndSetup::DowngradeToFree,
        start_setup: StartSetup::PlanSelection,
        downgrade_plan: plan.map(package),
        prorate_at_end: None,
        start_plan: None,
    };
    let patch = ProductPatch { settings: Some(settings), ..Default::default() };
    Command::UpdateProduct(examples::product(), patch)
}

fn adding(id: &str) -> DraftEdit {
    DraftEdit::Add(vec![credits(id)])
}

/// A command to a plan, where it is still as another one is.
fn as_seen(seen: &str, id: &str, command: Command) -> Command {
    let seen = Arc::clone(stocked().packages[&plan(seen)].shown());
    Command::IfUnchanged(plan(id), seen, Box::new(command))
}

/// A catalog with something of everything.
fn stocked() -> Catalog {
    let mut catalog = catalog(
        "
        plan base 100/month
        plan child parent=base 5/month
        plan twin 5/month
        plan draft 5/month draft
        plan hollow draft
        plan orphan parent=draft draft
        plan gone 5/month
        plan by-seat 5/month:per-seat draft
        plan counted limit=5 draft
        plan costly paid 5/month
        addon extra 50/month
        addon loop needs=extra 5/month draft
        ",
    );
    for command in [
        new_product("closed"),
        new_plan("late", "closed", None),
        Command::ArchiveProduct(product("closed")),
        new_feature("retired"),
        Command::ArchiveFeature(feature("retired")),
        Command::CreateCreditType(examples::new_credit_type(currency("retired"))),
        Command::ArchiveCreditType(currency("retired")),
        Command::ArchivePackage(plan("gone")),
        Command::OpenDraft(plan("twin")),
        Command::NoteSubscribed {
            product: examples::product(),
            versions: vec![(plan("twin"), 1), (plan("base"), 1)],
        },
    ] {
        run(&mut catalog, &command);
    }
    catalog
}

/// Checks each command's rejection by name; none of them changes anything.
fn check_refused(rows: Vec<(&'static str, Command)>) -> BTreeSet<&'static str> {
    let catalog = stocked();
    let mut names = BTreeSet::new();
    for (expected, command) in rows {
        let refused = decide(&catalog, &command, at("2026-04-01"));
        let refused = refused.expect_err(&format!("{command:?}"));
        assert_eq!(name(&refused), expected, "{command:?}: {refused}");
        names.insert(expected);
    }
    names
}

#[test]
fn every_rejection_is_reachable() {
    let several = ProductPatch { multiple_subscriptions: Some(true), ..Default::default() };
    let wrong_terms =
        EntitlementPatch { feature: Some(FeatureTermsPatch::default()), ..Default::default() };
    let mixed = NewEntitlement { target: Target::Feature(feature("seats")), ..credits("tokens") };
    let mut names = check_refused(vec![
        ("ProductNotFound", Command::ArchiveProduct(product("nothing"))),
        ("ProductNotFound", new_plan("new", "nothing", None)),
        ("ProductNotFound", duplicate("nothing", "copy")),
        ("PackageNotFound", Command::OpenDraft(plan("nothing"))),
        ("PackageNotFound", Command::OpenDraft(addon("base"))),
        ("PackageNotFound", new_plan("new", "api", Some("nothing"))),
        ("PackageNotFound", set_dependency("loop", "nothing")),
        ("PackageNotFound", Command::EditDraft(plan("nothing"), Vec::new())),
        ("PackageNotFound", as_seen("base", "nothing", Command::OpenDraft(plan("nothing")))),
        ("Changed", as_seen("base", "twin", Command::DiscardDraft(plan("twin")))),
        ("AlreadyExists", new_product("api")),
        ("AlreadyExists", new_feature("seats")),
        ("AlreadyExists", new_plan("base", "api", None)),
        ("AlreadyExists", Command::CreateCreditType(examples::new_credit_type(currency("tokens")))),
        ("AlreadyExists", duplicate("api", "closed")),
        ("ProductArchived", new_plan("new", "closed", None)),
        ("ProductSubscribed", Command::UpdateProduct(product("api"), several)),
        ("PackageNotFound", followed_by(Some("nothing"))),
        ("NoFreePlan", followed_by(None)),
        ("NoFreePlan", followed_by(Some("costly"))),
        ("PackageArchived", Command::OpenDraft(plan("gone"))),
        ("PackageArchived", Command::Publish(plan("late"), Migration::NewCustomers)),
        ("PackageArchived", Command::EditDraft(plan("gone"), vec![adding("tokens")])),
        ("CurrencyNotFound", Command::EditDraft(plan("base"), vec![adding("nothing")])),
        ("EntitlementExists", Command::EditDraft(plan("base"), vec![adding("api-credits")])),
        ("Immutable", Command::AddEntitlements(plan("base"), vec![credits("tokens")])),
        ("Immutable", set_parent("child", "twin")),
        ("NoDraft", Command::DiscardDraft(plan("base"))),
        ("NoDraft", Command::Publish(plan("base"), Migration::NewCustomers)),
        ("DraftExists", Command::OpenDraft(plan("draft"))),
        ("CurrencyNotFound", Command::ArchiveCreditType(currency("nothing"))),
        ("CurrencyNotFound", Command::AddEntitlements(plan("draft"), vec![credits("nothing")])),
        ("FeatureNotFound", Command::UpdateFeature(feature("nothing"), Box::default())),
        ("FeatureNotFound", Command::AddEntitlements(plan("draft"), vec![limit("nothing")])),
        (
            "EntitlementNotFound",
            Command::RemoveEntitlement(plan("draft"), credits("tokens").target),
        ),
        ("CurrencyArchived", Command::AddEntitlements(plan("draft"), vec![credits("retired")])),
        ("FeatureArchived", Command::AddEntitlements(plan("draft"), vec![limit("retired")])),
        ("CurrencyInUse", Command::ArchiveCreditType(examples::credits())),
        ("EntitlementType", Command::AddEntitlements(plan("draft"), vec![mixed])),
        (
            "EntitlementType",
            Command::UpdateEntitlement(plan("draft"), credits("api-credits").target, wrong_terms),
        ),
        (
            "EntitlementExists",
            Command::AddEntitlements(plan("draft"), vec![credits("api-credits")]),
        ),
        ("Cycle", set_parent("draft", "draft")),
        ("Cycle", set_parent("draft", "orphan")),
        ("Cycle", set_dependency("loop", "loop")),
        ("Empty", Command::Publish(plan("hollow"), Migration::NewCustomers)),
        ("ResetPeriod", begin_weeks(plan("counted"), "seats")),
        ("NotPublished", Command::Publish(plan("orphan"), Migration::NewCustomers)),
        ("NotPublished", Command::DiscardDraft(plan("draft"))),
        ("DependencyNotLimited", Command::Publish(plan("by-seat"), Migration::NewCustomers)),
    ]);
    names.extend(crate::usage::catalog_rejections().iter().map(name));
    assert_eq!(names.len(), NAMES_COUNT, "{names:?}");
}

/// Rows with two faults each: the first is answered, and declared before the second.
fn check_precedence(rows: Vec<(&'static str, &'static str, Command)>) {
    let source = include_str!("../../src/catalog/decide.rs");
    for (first, second, command) in rows {
        check_refused(vec![(first, command)]);
        assert_declared_in_order(source, "CatalogRejection", first, second);
    }
}

#[test]
fn of_several_faults_the_one_declared_first_is_answered() {
    let twice = vec![credits("tokens"), credits("tokens"), credits("nothing")];
    check_refused(vec![("EntitlementExists", Command::AddEntitlements(plan("draft"), twice))]);
    check_precedence(vec![
        ("ProductNotFound", "AlreadyExists", new_plan("base", "nothing", None)),
        ("AlreadyExists", "ProductArchived", new_plan("base", "closed", None)),
        ("ProductArchived", "Cycle", new_plan("new", "closed", Some("new"))),
        (
            "PackageArchived",
            "CurrencyNotFound",
            Command::AddEntitlements(plan("gone"), vec![credits("nothing")]),
        ),
        (
            "PackageNotFound",
            "Changed",
            as_seen("base", "nothing", Command::OpenDraft(plan("twin"))),
        ),
        ("Changed", "PackageArchived", as_seen("base", "gone", Command::OpenDraft(plan("gone")))),
        ("PackageArchived", "NoDraft", Command::Publish(plan("gone"), Migration::NewCustomers)),
        ("PackageArchived", "Immutable", set_parent("gone", "base")),
        (
            "Immutable",
            "FeatureNotFound",
            Command::AddEntitlements(plan("base"), vec![limit("nothing")]),
        ),
        (
            "Immutable",
            "EntitlementNotFound",
            Command::RemoveEntitlement(plan("base"), credits("tokens").target),
        ),
        ("Immutable", "Cycle", set_parent("base", "base")),
        ("DraftExists", "NotPublished", Command::OpenDraft(plan("draft"))),
    ]);
}

#[test]
fn a_cycle_is_seen_through_drafts_and_published_versions() {
    let mut catalog = stocked();
    run(&mut catalog, &Command::OpenDraft(plan("base")));
    let refused = decide(&catalog, &set_parent("base", "child"), at("2026-04-01")).unwrap_err();
    assert_eq!(refused, Rejection::Cycle(plan("base")), "the published child inherits from base");
    run(&mut catalog, &Command::OpenDraft(plan("child")));
    run(&mut catalog, &set_parent("child", "twin"));
    let refused = decide(&catalog, &set_parent("base", "child"), at("2026-04-01")).unwrap_err();
    assert_eq!(refused, Rejection::Cycle(plan("base")), "and so it does while that can come back");
}

#[test]
fn a_published_version_stays_as_it_is_while_drafts_come_and_go() {
    let mut catalog = catalog("plan base 100/month");
    let key = plan("base");
    let first = Arc::clone(catalog.version(&key, 1).unwrap());
    assert_eq!(
        (first.status, first.published_at),
        (VersionStatus::Published, Some(examples::START))
    );
    let target = Target::Credit(examples::credits());
    let patch = EntitlementPatch { amount: Some(amount("200")), ..Default::default() };
    let update = Command::UpdateEntitlement(key.clone(), target.clone(), patch);

    run(&mut catalog, &Command::OpenDraft(key.clone()));
    run(&mut catalog, &update.clone());
    assert_eq!(catalog.packages[&key].shown().version, 2, "the draft is shown");
    assert_eq!(catalog.packages[&key].latest().unwrap().version, 1, "the published one serves");
    run(&mut catalog, &Command::DiscardDraft(key.clone()));
    assert_eq!(catalog.packages[&key].shown(), &first);

    run(&mut catalog, &Command::OpenDraft(key.clone()));
    run(&mut catalog, &update);
    run(&mut catalog, &Command::Publish(key.clone(), Migration::NewCustomers));
    assert_eq!(catalog.version(&key, 1), Some(&first));
    let second = catalog.version(&key, 2).unwrap();
    let (_, terms) = second.find_entitlement(&target).unwrap().credit().unwrap();
    assert_eq!(terms.amount, Some(amount("200")));
    assert_eq!(catalog.packages[&key].next_version(), 3);
}

#[test]
fn an_edit_opens_the_draft_that_it_needs_or_changes_nothing() {
    let mut catalog = catalog("plan base 100/month");
    let key = plan("base");
    let edit = |edits: Vec<DraftEdit>| Command::EditDraft(key.clone(), edits);
    let refused = edit(vec![adding("tokens"), adding("api-credits")]);
    let refused = decide(&catalog, &refused, at("2026-04-01")).unwrap_err();
    assert_eq!(name(&refused), "EntitlementExists", "one of the edits");
    assert_eq!(decide(&catalog, &edit(Vec::new()), at("2026-04-01")), Ok(Vec::new()));
    let removing = DraftEdit::Remove(Target::Credit(examples::credits()));
    run(&mut catalog, &edit(vec![adding("tokens"), removing]));
    let draft = catalog.packages[&key].draft.clone().expect("it was opened");
    assert_eq!((draft.version, draft.entitlements.len()), (2, 1));
    let patch = PackagePatch { name: Some("Other".to_owned()), ..Default::default() };
    run(&mut catalog, &edit(vec![DraftEdit::Package(Box::new(patch))]));
    let edited = catalog.packages[&key].draft.clone().expect("it is still there");
    assert_eq!((edited.name.as_str(), edited.entitlements.len()), ("Other", 1), "the same draft");
}

/// Two people who have seen the same: the second is told, also where the clock stands still.
#[test]
fn of_two_commands_to_what_was_seen_once_the_second_is_refused() {
    let mut catalog = catalog("plan base 100/month draft");
    let key = plan("base");
    let seen = Arc::clone(catalog.packages[&key].shown());
    let seen =
        |command: Command| Command::IfUnchanged(key.clone(), Arc::clone(&seen), Box::new(command));
    let rename = |name: &str| {
        let patch = PackagePatch { name: Some(name.to_owned()), ..Default::default() };
        Command::EditDraft(key.clone(), vec![DraftEdit::Package(Box::new(patch))])
    };
    let publish = seen(Command::Publish(key.clone(), Migration::AllCustomers));
    assert_eq!(publish.publishes(), Some((&key, Migration::AllCustomers)));
    run(&mut catalog, &seen(rename("A")));
    for second in [seen(rename("B")), publish, seen(Command::ArchivePackage(key.clone()))] {
        let refused = decide(&catalog, &second, examples::START).unwrap_err();
        assert_eq!(refused, Rejection::Changed(key.clone()), "{second:?}");
    }
}

#[test]
fn all_customers_may_be_asked_for_while_there_are_none() {
    let mut catalog = catalog("plan base 100/month draft");
    run(&mut catalog, &Command::Publish(plan("base"), Migration::AllCustomers));
    assert_eq!(catalog.packages[&plan("base")].latest().unwrap().version, 1);
}

#[test]
fn changes_of_a_feature_entitlement_keep_what_they_do_not_name() {
    let mut catalog = stocked();
    let target = limit("seats").target;
    run(&mut catalog, &Command::AddEntitlements(plan("draft"), vec![limit("seats")]));
    let limited =
        FeatureTermsPatch { usage_limit: Some(Some(Amount::whole(7))), ..Default::default() };
    let softened = FeatureTermsPatch { soft_limit: Some(true), ..Default::default() };
    for change in [limited, softened] {
        let patch = EntitlementPatch { feature: Some(change), ..Default::default() };
        run(&mut catalog, &Command::UpdateEntitlement(plan("draft"), target.clone(), patch));
    }
    let shown = catalog.packages[&plan("draft")].shown();
    let terms = &shown.find_entitlement(&target).unwrap().terms;
    let expected = FeatureTerms {
        usage_limit: Some(Amount::whole(7)),
        soft_limit: Some(true),
        ..FeatureTerms::default()
    };
    assert_eq!(*terms, EntitlementTerms::Feature(expected));
}

#[test]
fn entitlements_are_added_all_or_none() {
    let catalog = stocked();
    let some = vec![credits("tokens"), limit("seats"), credits("retired")];
    let command = Command::AddEntitlements(plan("draft"), some);
    assert!(decide(&catalog, &command, at("2026-04-01")).is_err());
    let both = Command::AddEntitlements(plan("draft"), vec![credits("tokens"), limit("seats")]);
    let changes = decide(&catalog, &both, at("2026-04-01")).unwrap();
    let [CatalogChange::Package(package)] = &changes[..] else { panic!("one package") };
    let targets: Vec<&Target> =
        package.shown().entitlements.iter().map(|one| &one.target).collect();
    let added = [credits("api-credits").target, credits("tokens").target, limit("seats").target];
    assert_eq!(targets, added.iter().collect::<Vec<_>>());
}

#[test]
fn archiving_a_product_takes_its_packages_along_and_brings_them_back() {
    let mut catalog = stocked();
    let archived = |catalog: &Catalog| {
        let all = catalog.packages.values().filter(|one| one.product == examples::product());
        let archived = all.filter(|one| one.archived_at.is_some());
        archived.map(|one| one.key.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    let later = |catalog: &mut Catalog, command| {
        examples::change(catalog, &command, at("2026-04-01")).unwrap();
    };
    assert_eq!(archived(&catalog), "gone");
    later(&mut catalog, Command::ArchiveProduct(examples::product()));
    assert_eq!(
        archived(&catalog),
        "base by-seat child costly counted draft gone hollow orphan twin extra loop"
    );
    assert!(
        decide(&catalog, &Command::ArchiveProduct(examples::product()), at("2026-04-02"))
            .unwrap()
            .is_empty()
    );
    later(&mut catalog, Command::UnarchiveProduct(examples::product()));
    assert_eq!(archived(&catalog), "gone", "what was archived before stays archived");
}

#[test]
fn a_credit_type_is_archived_once_no_active_package_refers_to_it() {
    let mut catalog = catalog("plan base 100/month\naddon extra 50/month draft");
    let archive = Command::ArchiveCreditType(examples::credits());
    let refused = decide(&catalog, &archive, examples::START).unwrap_err();
    let expected = "credit type api-credits is used by plan base, add-on extra";
    assert_eq!(refused.to_string(), expected);
    run(&mut catalog, &Command::ArchivePackage(plan("base")));
    run(&mut catalog, &Command::ArchivePackage(addon("extra")));
    run(&mut catalog, &archive);
    assert!(catalog.credit_types[&examples::credits()].archived_at.is_some());
    run(&mut catalog, &Command::UnarchiveCreditType(examples::credits()));
    assert!(catalog.credit_types[&examples::credits()].archived_at.is_none());
}

#[test]
fn a_credit_type_that_usage_is_paid_with_is_used_as_well() {
    let text = "feature calls incremental\nplan base credits=1/month rate:calls=2:tokens";
    let mut catalog = crate::feature_world::catalog(text);
    let archive = Command::ArchiveCreditType(currency("tokens"));
    let refused = decide(&catalog, &archive, examples::START).unwrap_err();
    assert_eq!(refused.to_string(), "credit type tokens is used by plan base");
    // Together with its product it can go; then the product has to wait for it.
    run(&mut catalog, &Command::ArchiveProduct(examples::product()));
    run(&mut catalog, &archive);
    let restore = Command::UnarchiveProduct(examples::product());
    let refused = decide(&catalog, &restore, examples::START);
    assert_eq!(refused, Err(Rejection::CurrencyArchived(currency("tokens"))));
    run(&mut catalog, &Command::UnarchiveCreditType(currency("tokens")));
    run(&mut catalog, &restore);
}

#[test]
fn a_product_does_not_come_back_with_packages_of_an_archived_credit_type() {
    let mut catalog = catalog("plan base 100/month");
    run(&mut catalog, &Command::ArchiveProduct(examples::product()));
    run(&mut catalog, &Command::ArchiveCreditType(examples::credits()));
    let unarchive = Command::UnarchiveProduct(examples::product());
    let refused = decide(&catalog, &unarchive, examples::START).unwrap_err();
    assert_eq!(refused, Rejection::CurrencyArchived(examples::credits()));
    run(&mut catalog, &Command::UnarchiveCreditType(examples::credits()));
    run(&mut catalog, &unarchive);
    assert!(catalog.packages[&plan("base")].archived_at.is_none());
}

#[test]
fn a_feature_is_suspended_and_comes_back() {
    let mut catalog = stocked();
    let status = |catalog: &Catalog, id: &str| catalog.features[&feature(id)].status;
    assert_eq!(status(&catalog, "seats"), FeatureStatus::New);
    assert_eq!(
        decide(&catalog, &Command::UnarchiveFeature(feature("seats")), at("2026-04-01")),
        Ok(vec![])
    );
    assert_eq!(status(&catalog, "retired"), FeatureStatus::Suspended);
    run(&mut catalog, &Command::UnarchiveFeature(feature("retired")));
    assert_eq!(status(&catalog, "retired"), FeatureStatus::Active);
}

#[test]
fn versions_that_someone_subscribed_to_are_noted_once() {
    let catalog = stocked();
    let note = |version: u32| Command::NoteSubscribed {
        product: examples::product(),
        versions: vec![(plan("base"), version)],
    };
    assert_eq!(decide(&catalog, &note(1), at("2026-04-01")), Ok(vec![]));
    assert_eq!(decide(&catalog, &note(2), at("2026-04-01")).unwrap().len(), 1);
}

#[test]
fn packages_are_listed_oldest_first_then_by_id() {
    let mut catalog = catalog("plan b 1/month\nplan a 1/month\naddon c 1/month");
    examples::change(&mut catalog, &new_plan("0", "api", None), at("2026-04-01")).unwrap();
    let listed = catalog.packages_of(PackageKind::Plan);
    let ids: Vec<&str> = listed.iter().map(|one| one.key.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "0"]);
}
