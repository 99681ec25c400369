//! Making, changing and ending subscriptions, and everything that is refused.

use crate::support::{
    World, amount, assert_declared_in_order, at, catalog, check_steps, currency, lines, package,
    run, show,
};
use std::collections::BTreeSet;
use stipend_core::catalog::{
    CatalogCommand, Document, EntitlementPatch, ExtrasPatch, Migration, PackageKey, ProductPatch,
    Target,
};
use stipend_core::customer::{
    ConsumeRequest, CustomerCommand, CustomerPatch, CustomerRejection as Rejection, Entry, Pool,
    ProvisionRequest, Resource, SubscriptionCommand, SubscriptionEndReason, SubscriptionPatch,
};
use stipend_core::limits::{
    CUSTOMER_POOLS_MAX, CUSTOMER_RESOURCES_MAX, CUSTOMER_SUBSCRIPTIONS_MAX, POOL_GRANTS_MAX,
    SUBSCRIPTION_ADDONS_MAX, SUBSCRIPTION_OVERRIDES_MAX,
};
use stipend_core::{Amount, ResourceId, SubscriptionNo, examples};

fn name(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::CustomerArchived => "CustomerArchived",
        Rejection::SubscriptionEnded => "SubscriptionEnded",
        Rejection::PackageNotFound(_) => "PackageNotFound",
        Rejection::SubscriptionExists(_) => "SubscriptionExists",
        Rejection::ProductArchived(_) => "ProductArchived",
        Rejection::PackageArchived(_) => "PackageArchived",
        Rejection::NotPublished(_) => "NotPublished",
        Rejection::StartTooLate(_) => "StartTooLate",
        Rejection::TrialWithoutEnd => "TrialWithoutEnd",
        Rejection::InvalidTrialEnd => "InvalidTrialEnd",
        Rejection::NotInTrial => "NotInTrial",
        Rejection::InvalidEnd => "InvalidEnd",
        Rejection::FeatureNotFound(_) => "FeatureNotFound",
        Rejection::FeatureArchived(_) => "FeatureArchived",
        Rejection::InvalidPromotionEnd => "InvalidPromotionEnd",
        Rejection::PromotionMisfits { .. } => "PromotionMisfits",
        Rejection::PromotionNotFound(_) => "PromotionNotFound",
        Rejection::DuplicateQuantity(_) => "DuplicateQuantity",
        Rejection::DuplicateAddon(_) => "DuplicateAddon",
        Rejection::AddonsIncompatible(_) => "AddonsIncompatible",
        Rejection::DependencyMissing { .. } => "DependencyMissing",
        Rejection::QuantityExceeded { .. } => "QuantityExceeded",
        Rejection::CurrencyNotFound(_) => "CurrencyNotFound",
        Rejection::ResourceNotFound(_) => "ResourceNotFound",
        Rejection::DuplicateOverride(_) => "DuplicateOverride",
        Rejection::AmountRequired(_) => "AmountRequired",

        Rejection::AmountTooLarge { .. } => "AmountTooLarge",
        Rejection::CurrencyArchived(_) => "CurrencyArchived",
        Rejection::EmptyWindow => "EmptyWindow",
        Rejection::GrantNotFound => "GrantNotFound",
        Rejection::OverdraftNotVoidable => "OverdraftNotVoidable",
        Rejection::EventTooOld => "EventTooOld",
        Rejection::EventInFuture => "EventInFuture",
        Rejection::ReservationNotFound(_) => "ReservationNotFound",
        Rejection::ReservationEnded(_) => "ReservationEnded",
        Rejection::InvalidReservationEnd => "InvalidReservationEnd",
        Rejection::ReservationExists(_) => "ReservationExists",
        Rejection::InsufficientCredits { .. } => "InsufficientCredits",
        Rejection::EntryNotReversible => "EntryNotReversible",
        Rejection::AlreadyReversed => "AlreadyReversed",
        Rejection::LimitReached { .. } => "LimitReached",
        Rejection::FeatureNotMetered(_) => "FeatureNotMetered",
        Rejection::UsageTooLarge => "UsageTooLarge",
        Rejection::FormulaFailed { .. } => "FormulaFailed",
        Rejection::UsageLimitExceeded { .. } => "UsageLimitExceeded",
        Rejection::AmbiguousRate { .. } => "AmbiguousRate",
    }
}

const NAMES_COUNT: usize = 46;

const SHOP: &str = "
    plan base 100/month
    plan other 5/month
    plan unborn 5/month draft
    plan gone 5/month
    plan alone alone 5/month
    plan tailored custom null/month
    plan heir parent=tailored custom tokens=1/month
    plan seated 1000000000000000/month:per-seat limit=5
    addon extra 50/month max=3
    addon needy 5/month needs=extra max=2
    addon bespoke 5/month custom
    addon fresh 1/month draft
    addon old 5/month
    ";

/// Runs `step; step; step => Variant`; the last step is refused. Returns the names.
fn check_refused(catalog_text: &str, table: &str) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    for line in lines(table) {
        let (steps, expected) = line.split_once("=>").unwrap();
        let mut world = World::new(catalog(catalog_text));
        world.step("2026-03-01 wait");
        for step in steps.split(';') {
            assert_eq!(world.refused, None, "{line}");
            world.step(step.trim());
        }
        let refused = world.refused.unwrap_or_else(|| panic!("not refused: {line}"));
        let name = name(&refused);
        assert_eq!(name, expected.trim(), "{line}: {refused}");
        names.insert(name);
    }
    names
}

#[test]
fn every_rejection_is_reachable() {
    let mut names = check_refused(
        SHOP,
        "
        archive; use 1                                          => CustomerArchived
        archive; grant paid 1                                   => CustomerArchived
        archive; subscribe base                                 => CustomerArchived
        subscribe nothing                                       => PackageNotFound
        subscribe base nothing                                  => PackageNotFound
        retire product; subscribe base                          => ProductArchived
        retire plan gone; subscribe gone                        => PackageArchived
        retire addon old; subscribe base old                    => PackageArchived
        subscribe unborn                                        => NotPublished
        subscribe base fresh                                    => NotPublished
        subscribe base from=9999-12-01                          => StartTooLate
        subscribe base trial                                    => TrialWithoutEnd
        subscribe base trial-until=2026-03-01                   => InvalidTrialEnd
        subscribe base; patch trial-ends=2026-04-01             => NotInTrial
        subscribe base ends=2026-03-01                          => InvalidEnd
        subscribe base; patch ends=2026-02-01                   => InvalidEnd
        subscribe base; cancel 2026-02-01                       => InvalidEnd
        subscribe base buy=nothing*5                            => FeatureNotFound
        subscribe base buy=seats*5 buy=seats*6                  => DuplicateQuantity
        subscribe base extra extra                              => DuplicateAddon
        subscribe alone extra                                   => AddonsIncompatible
        subscribe base bespoke                                  => AddonsIncompatible
        subscribe base needy                                    => DependencyMissing
        subscribe base extra=4                                  => QuantityExceeded
        subscribe base agree=nothing@5/month                    => CurrencyNotFound
        subscribe base agree=5/month agree=6/month              => DuplicateOverride
        subscribe tailored                                      => AmountRequired
        subscribe heir                                          => AmountRequired
        subscribe seated buy=seats*1001                         => AmountTooLarge
        subscribe seated; patch buy=seats*1000; patch buy=seats*1001 => AmountTooLarge
        subscribe base; subscribe seated buy=seats*1001 at-period-end => AmountTooLarge
        subscribe seated; publish plan seated 2000000000000000/month:per-seat limit=501; migrate => AmountTooLarge
        subscribe base on=site; subscribe base id=sub-2; transfer site => SubscriptionExists
        subscribe base; cancel; set extra                       => SubscriptionEnded
        subscribe base; cancel; agree 5/month                   => SubscriptionEnded
        grant paid 1; grant paid 1 until=2026-02-01             => EmptyWindow
        grant paid 1; void 2                                    => GrantNotFound
        use 1; void 1                                           => OverdraftNotVoidable
        grant paid 1; release a 1                               => ReservationNotFound
        grant paid 1; extend a known                            => ReservationEnded
        reserve a 1 for=0                                       => InvalidReservationEnd
        grant paid 1; reserve a 1; reserve a 1                  => ReservationExists
        strict 1                                                => InsufficientCredits
        grant paid 1; reverse last                              => EntryNotReversible
        use 1; reverse 1; reverse 1                             => AlreadyReversed
        ",
    );
    names.extend(other_rejections().iter().map(name));
    names.extend(crate::promotions::rejections().iter().map(name));
    names.extend(crate::usage::rejections().iter().map(name));
    assert_eq!(names.len(), NAMES_COUNT, "{names:?}");
}

/// What takes more than a line to reach.
fn other_rejections() -> Vec<Rejection> {
    let mut world = World::after("", "2026-03-01 grant paid 5");
    let request = examples::consumption(amount("1"));
    let mut refuse =
        |request: ConsumeRequest| world.carry_out(&CustomerCommand::Consume(request)).unwrap_err();
    let elsewhere = ResourceId::parse("nowhere").ok();
    let too_old = at("2026-01-24T23:59:59.999999Z");
    let ahead = at("2026-03-01T00:05:00.000001Z");
    let mut refused = vec![
        refuse(ConsumeRequest { resource: elsewhere, ..request.clone() }),
        refuse(ConsumeRequest { reported_at: Some(too_old), ..request.clone() }),
        refuse(ConsumeRequest { reported_at: Some(ahead), ..request.clone() }),
        refuse(ConsumeRequest { currency: currency("nothing"), ..request }),
    ];
    let many = vec![(examples::extra(), 1); SUBSCRIPTION_ADDONS_MAX + 1];
    let mut world = World::new(examples::catalog());
    let provision = CustomerCommand::Provision(Box::new(examples::provision(many)));
    refused.push(world.carry_out(&provision).unwrap_err());
    world.step("grant paid 1");
    run(&mut world.catalog, &CatalogCommand::ArchiveProduct(examples::product()));
    world.step("retire credits");
    world.step("grant paid 1");
    refused.extend(world.refused);
    refused
}

/// As [`check_refused`] with `=> First < Second`, where both faults are there.
fn check_precedence(catalog_text: &str, table: &str) {
    let source = include_str!("../../src/customer/decide.rs");
    for line in lines(table) {
        let (steps, order) = line.split_once("=>").unwrap();
        let (first, second) = order.split_once('<').unwrap();
        check_refused(catalog_text, &format!("{steps} => {first}"));
        assert_declared_in_order(source, "CustomerRejection", first.trim(), second.trim());
    }
}

#[test]
fn what_waited_gives_the_greatest_amount_where_its_version_would_give_more() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe seated buy=seats*1000 from=2026-03-02      => 0
        publish plan seated 2000000000000000/month:per-seat limit=5     => 0
        2026-03-02 wait                                                 => 1000000000000000000
        ",
    );
}

#[test]
fn of_several_faults_the_one_declared_first_is_answered() {
    check_precedence(
        SHOP,
        "
        subscribe base; cancel; archive; set extra                     => CustomerArchived < SubscriptionEnded
        subscribe base; cancel; set nothing                            => SubscriptionEnded < PackageNotFound
        retire product; subscribe base                                 => ProductArchived < PackageArchived
        retire plan unborn; subscribe unborn                           => PackageArchived < NotPublished
        subscribe unborn from=9999-12-01                               => NotPublished < StartTooLate
        subscribe base from=9999-12-01 trial                           => StartTooLate < TrialWithoutEnd
        subscribe unborn trial                                         => NotPublished < TrialWithoutEnd
        subscribe base trial ends=2026-02-01                           => TrialWithoutEnd < InvalidEnd
        subscribe base trial-until=2026-02-01 ends=2026-02-01          => InvalidTrialEnd < InvalidEnd
        subscribe base ends=2026-02-01 extra extra                     => InvalidEnd < DuplicateAddon
        subscribe alone extra extra                                    => DuplicateAddon < AddonsIncompatible
        subscribe alone needy                                          => AddonsIncompatible < DependencyMissing
        subscribe base needy=3                                         => DependencyMissing < QuantityExceeded
        subscribe base extra=4 agree=nothing@5/month                   => QuantityExceeded < CurrencyNotFound
        subscribe tailored agree=nothing@1/month                       => CurrencyNotFound < AmountRequired
        subscribe tailored agree=tokens@1/month agree=tokens@2/month   => DuplicateOverride < AmountRequired
        subscribe base agree=tokens@1/month agree=tokens@2/month buy=nothing*1 => DuplicateOverride < FeatureNotFound
        subscribe tailored buy=nothing*1                               => FeatureNotFound < AmountRequired
        subscribe tailored buy=seats*1 buy=seats*1                     => DuplicateQuantity < AmountRequired
        ",
    );
    check_precedence(
        "",
        "retire credits; grant paid 1 until=2026-02-01 => CurrencyArchived < EmptyWindow",
    );
}

#[test]
fn reported_events_may_be_so_old_and_so_far_ahead() {
    let mut world = World::after("", "2026-03-01 grant paid 5");
    for instant in ["2026-01-25", "2026-03-01T00:05:00Z"] {
        let request =
            ConsumeRequest { reported_at: Some(at(instant)), ..examples::consumption(amount("1")) };
        world.carry_out(&CustomerCommand::Consume(request)).unwrap();
    }
    assert_eq!(world.state(), "3");
}

#[test]
fn what_is_full_takes_no_more() {
    let full = |what, max| Err(Rejection::LimitReached { what, max });
    let mut world = World::new(catalog("plan base 100/month"));
    let agreed = "agree=1/month ".repeat(SUBSCRIPTION_OVERRIDES_MAX + 1);
    let command = world.command(&format!("subscribe base {agreed}"));
    assert_eq!(world.carry_out(&command), full("overrides", SUBSCRIPTION_OVERRIDES_MAX));

    let many = u32::try_from(CUSTOMER_SUBSCRIPTIONS_MAX).unwrap();
    let base = World::after("plan base 100/month", "2026-03-01 subscribe base\ncancel");
    let ended = &base.customer.subscriptions[0];
    world.customer.subscriptions = (0..many)
        .map(|number| {
            let mut subscription = ended.clone();
            subscription.terms.number = SubscriptionNo(number);
            subscription
        })
        .collect::<Vec<_>>()
        .into();
    let command = world.command("subscribe base");
    let limit = full("subscriptions of a customer", CUSTOMER_SUBSCRIPTIONS_MAX);
    assert_eq!(world.carry_out(&command), limit);

    let mut world = World::after("plan base 100/month", "2026-03-01 grant paid 1");
    let site = |n: usize| ResourceId::parse(&format!("site-{n}")).unwrap();
    let created_at = world.now;
    let resources = (0..CUSTOMER_RESOURCES_MAX).map(|n| Resource { id: site(n), created_at });
    world.customer.resources = resources.collect();
    let command = world.command("subscribe base on=one-more");
    assert_eq!(world.carry_out(&command), full("resources", CUSTOMER_RESOURCES_MAX));

    let pool = world.customer.pools[0].clone();
    world.customer.pools = vec![pool; CUSTOMER_POOLS_MAX];
    let request = ConsumeRequest { resource: Some(site(3)), ..examples::consumption(amount("1")) };
    let consume = CustomerCommand::Consume(request);
    assert_eq!(world.carry_out(&consume), full("pools", CUSTOMER_POOLS_MAX));
    let command = world.command("subscribe base on=site-3");
    assert_eq!(world.carry_out(&command), full("pools", CUSTOMER_POOLS_MAX));
}

#[test]
fn a_full_pool_takes_no_increase_and_still_a_reduction() {
    let mut world = World::after(SHOP, "2026-03-01 subscribe base extra=2\ngrant paid 1");
    let pool = &mut world.customer.pools[0];
    let filler = pool.live.iter().find(|grant| grant.source.is_none()).unwrap().clone();
    let mut grants = pool.live.open().to_vec();
    grants.resize(POOL_GRANTS_MAX, filler);
    pool.live = grants.into();
    let more = world.command("set extra=3");
    let what = "grants with something left in a pool";
    let limit = Err(Rejection::LimitReached { what, max: POOL_GRANTS_MAX });
    assert_eq!(world.carry_out(&more), limit);
    let less = world.command("set extra=1");
    let decided = stipend_core::customer::decide(&world.customer, &world.catalog, &less, world.now);
    assert!(decided.is_ok(), "{decided:?}");
}

#[test]
fn provisioning_what_is_there_already_changes_nothing() {
    let mut world = World::after(SHOP, "2026-03-01 subscribe base extra=2 agree=70/month\nuse 60");
    for again in [
        "2026-03-10 subscribe base extra=2 agree=70/month",
        "subscribe base extra=2 agree=70/month id=another-id from=2026-05-01",
    ] {
        assert_eq!(world.step(again), "110");
        assert_eq!(world.entries.len(), world.step_from, "{again}");
    }
    assert_eq!(world.customer.subscriptions.len(), 1);
}

#[test]
fn provisioning_again_keeps_what_it_does_not_name() {
    let mut world = World::after(SHOP, "2026-03-01 subscribe base extra=2 agree=70/month\nuse 60");
    let request = ProvisionRequest {
        addons: None,
        overrides: None,
        metadata: None,
        ..examples::provision(Vec::new())
    };
    let request = ProvisionRequest { plan: package("base"), ..request };
    let command = CustomerCommand::Provision(Box::new(request));
    assert_eq!(world.carry_out(&command).unwrap().entries, []);
}

#[test]
fn provisioning_the_same_plan_with_other_addons_is_an_update() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base extra=1  => 150
        use 60                             => 90
        2026-03-10 subscribe base extra=3  => 190
        2026-03-11 subscribe base          => 40
        2026-04-01 wait                    => 100
        ",
    );
    let world = World::after(SHOP, "2026-03-01 subscribe base id=a\nsubscribe base extra id=b");
    let [subscription] = &world.customer.subscriptions[..] else { panic!("one subscription") };
    assert_eq!(subscription.terms.id.as_str(), "a");
}

#[test]
fn a_backdated_start_keeps_its_anchor_and_grants_the_running_period_alone() {
    // C45.
    let world = World::after(SHOP, "2025-03-10 subscribe base from=2025-01-15");
    let [grant] = world.pool().unwrap().live.open() else { panic!("one grant") };
    let window = (show(grant.effective_at), show(grant.expires_at.unwrap()));
    assert_eq!(window, ("2025-02-15".to_owned(), "2025-03-15".to_owned()));
    let source = grant.source.as_ref().unwrap();
    assert_eq!((source.k, source.part), (1, 0));
}

#[test]
fn each_resource_has_a_subscription_and_pools_of_its_own() {
    let mut world = World::after(
        SHOP,
        "
        2026-03-01 subscribe base
        subscribe other on=site id=sub-2
        subscribe base on=site-2 id=sub-3
        ",
    );
    let balances: Vec<String> =
        world.customer.pools.iter().map(|pool| pool.balance().to_string()).collect();
    assert_eq!(balances, ["100", "5", "100"]);
    assert_eq!(world.step("use 130"), "-30 overdraft 30");
    assert_eq!(world.customer.pools[2].balance(), amount("100"), "no pool draws on another");
    let ids: Vec<&str> = world.customer.resources.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["site", "site-2"]);
}

#[test]
fn several_subscriptions_of_a_product_pool_their_grants_and_never_override_one_another() {
    let mut world = World::new(catalog("plan base 100/month\naddon tier 500/month:override"));
    let several = ProductPatch { multiple_subscriptions: Some(true), ..Default::default() };
    run(&mut world.catalog, &CatalogCommand::UpdateProduct(examples::product(), several));
    assert_eq!(world.step("2026-03-01 subscribe base"), "100");
    assert_eq!(world.step("subscribe base tier id=sub-2"), "600");
    assert_eq!(world.step("use 150"), "450");
    assert_eq!(world.step("cancel"), "0", "the second ends, the first was drained first");
    assert_eq!(world.step("2026-04-01 wait"), "100");
}

/// Publishes a new version whose credits are these.
fn republish(world: &mut World, key: &PackageKey, credits: &str) {
    let target = Target::Credit(examples::credits());
    let patch = EntitlementPatch { amount: Some(amount(credits)), ..Default::default() };
    for command in [
        CatalogCommand::OpenDraft(key.clone()),
        CatalogCommand::UpdateEntitlement(key.clone(), target, patch),
        CatalogCommand::Publish(key.clone(), Migration::NewCustomers),
    ] {
        run(&mut world.catalog, &command);
    }
}

#[test]
fn a_subscription_keeps_the_versions_that_it_began_with() {
    let family = "
        plan root 10/month
        plan child parent=root tokens=1/month
        addon extra 50/month
        ";
    let mut world = World::after(family, "2026-03-01 subscribe child extra");
    republish(&mut world, &PackageKey::plan(package("root")), "11");
    republish(&mut world, &PackageKey::addon(package("extra")), "51");
    assert_eq!(world.step("2026-03-02 set extra=2"), "110", "a present add-on keeps its version");
    assert_eq!(world.step("2026-04-01 wait"), "110");
    assert_eq!(world.step("2026-04-02 set"), "10");
    assert_eq!(world.step("2026-04-03 set extra"), "61", "bought again, it takes the latest");
    world.step("cancel");
    assert_eq!(world.step("2026-04-04 subscribe child extra id=sub-2"), "62");
    let pin = &world.customer.subscriptions[1].terms.plan;
    assert_eq!((pin.version, &pin.ancestors), (1, &vec![(package("root"), 2)]));
}

fn pins_of(world: &World) -> String {
    let plan = &world.customer.subscriptions[0].terms.plan;
    let own = format!("{}@{}", plan.plan, plan.version);
    let ancestors = plan.ancestors.iter().map(|(id, version)| format!("{id}@{version}"));
    std::iter::once(own).chain(ancestors).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_publication_to_everyone_resolves_anew_what_is_inherited() {
    let family = "
        plan top tokens=1/month
        plan root tokens=5/month
        plan child 10/month
        plan grandchild parent=child 3/month
        ";
    let check = |plan: &str, table: &str| {
        let mut world = World::after(family, &format!("2026-03-01 subscribe {plan}"));
        for line in lines(table) {
            let (steps, expected) = line.split_once("=>").unwrap();
            steps.split(';').for_each(|step| drop(world.step(step.trim())));
            let tokens = world.customer.find_pool(&currency("tokens"), None);
            let tokens = tokens.map_or(Amount::ZERO, Pool::balance);
            assert_eq!(format!("{} {tokens}", pins_of(&world)), expected.trim(), "{line}");
            world.assert_read_is_replay();
        }
    };
    check(
        "child",
        "
        publish plan child 10/month parent=root                     => child@1 0
        migrate-to plan child                                       => child@2 root@1 5
        migrate-to plan child                                       => child@2 root@1 5
        publish plan root tokens=7/month                            => child@2 root@1 5
        migrate-to plan root                                        => child@2 root@2 7
        publish plan root tokens=8/month; migrate-to plan top       => child@2 root@2 7
        publish plan child 10/month; migrate-to plan child          => child@3 root@3 8
        publish plan root parent=top; migrate-to plan root          => child@3 root@4 top@1 8
        2026-04-01 wait                                             => child@3 root@4 top@1 1
        publish plan child 10/month parent=none; migrate-to plan child => child@4 1
        2026-05-01 wait                                             => child@4 0
        ",
    );
    check(
        "grandchild",
        "
        publish plan child tokens=2/month; publish plan child tokens=3/month parent=root => grandchild@1 child@1 0
        publish plan top tokens=9/month; migrate-to plan top        => grandchild@1 child@1 0
        migrate-to plan child                                       => grandchild@1 child@3 root@1 3
        publish plan child parent=top; migrate-to plan root         => grandchild@1 child@3 root@1 3
        migrate-to plan child                                       => grandchild@1 child@4 top@2 9
        ",
    );
}

#[test]
fn a_present_addon_stays_allowed_when_it_is_archived() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base old      => 105
        retire addon old                   => 105
        set old=2                          => 110
        set                                => 100
        set old                            => refused: add-on old is archived
        ",
    );
}

#[test]
fn a_dependency_must_stay_with_what_needs_it() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base needy extra  => 155
        set needy                              => refused: add-on needy needs add-on extra
        set extra                              => 150
        set                                    => 100
        ",
    );
}

#[test]
fn a_custom_plan_takes_custom_addons_and_amounts_of_the_subscription() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe tailored agree=70/month bespoke   => 75
        agree                                                  => refused: the plan leaves the amount of api-credits to the subscription; send it in entitlements
        agree 1/month                                          => 6
        ",
    );
}

#[test]
fn archiving_a_customer_ends_its_subscriptions_for_good() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base extra    => 150
        grant paid 7                       => 157
        2026-03-05 archive                 => 7
        archive                            => 7
        2026-04-01 use 1                   => refused: the customer is archived
        unarchive                          => 7
        unarchive                          => 7
        2026-05-01 use 1                   => 6
        subscribe base id=sub-2            => 106
        ",
    );
    let world = World::after(SHOP, "2026-03-01 subscribe base\n2026-03-05 archive");
    let end = world.customer.subscriptions[0].terms.ended.unwrap();
    assert_eq!((end.at, end.reason), (at("2026-03-05"), SubscriptionEndReason::CustomerArchived));
}

#[test]
fn archiving_a_customer_forgets_who_it_is() {
    let carried = |keys: &[&str]| {
        let documents = keys.iter().map(|key| ((*key).to_owned(), Some(Document("{}".to_owned()))));
        documents.collect::<ExtrasPatch>()
    };
    let mut world = World::after(SHOP, "2026-03-01 subscribe base");
    let patch = CustomerPatch {
        name: Some(Some("Ada".to_owned())),
        email: Some(Some("ada@example.com".to_owned())),
        extras: carried(&[
            "billingCurrency",
            "billingId",
            "couponId",
            "defaultPaymentMethod",
            "integrations",
            "language",
            "passthrough",
            "timezone",
        ]),
        ..Default::default()
    };
    world.carry_out(&CustomerCommand::Update(patch)).unwrap();
    let bill = |world: &mut World, number| {
        let extras = carried(&["billingId", "billingInformation", "budget", "salesforceId"]);
        let patch = SubscriptionPatch { extras, ..Default::default() };
        let update = SubscriptionCommand::Update(Box::new(patch));
        world.carry_out(&CustomerCommand::Subscription(number, update)).unwrap();
    };
    bill(&mut world, SubscriptionNo(0));
    world.step("cancel");
    world.step("subscribe base id=sub-2");
    bill(&mut world, SubscriptionNo(1));
    world.carry_out(&CustomerCommand::Archive).unwrap();
    let profile = &world.customer.profile;
    assert_eq!((profile.name.as_ref(), profile.email.as_ref()), (None, None));
    let kept: Vec<&String> = profile.extras.keys().collect();
    assert_eq!(kept, ["billingCurrency", "billingId", "couponId", "language", "timezone"]);
    for subscription in &world.customer.subscriptions {
        let kept: Vec<&String> = subscription.terms.extras.keys().collect();
        assert_eq!(kept, ["billingId", "budget"], "also where it ended before");
        assert!(subscription.terms.ended.is_some());
    }
}

#[test]
fn a_profile_changes_where_something_is_new() {
    let mut world = World::new(catalog(""));
    let patch = CustomerPatch { name: Some(Some("Acme".to_owned())), ..Default::default() };
    let command = CustomerCommand::Update(patch);
    let decision = world.carry_out(&command).unwrap();
    assert!(matches!(&decision.entries[..], [Entry::Profile(_)]));
    assert_eq!(world.customer.profile.name.as_deref(), Some("Acme"));
    assert_eq!(world.carry_out(&command).unwrap().entries, [], "the same again changes nothing");
}
