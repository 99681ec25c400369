//! The life of subscriptions: trials, starts, schedules, plan changes, migrations, seats, transfers.

use crate::support::{World, at, check_steps, package, run, show};
use stipend_core::catalog::{
    CatalogCommand, Charges, Migration, PackageKey, PackagePatch, Pricing,
};
use stipend_core::customer::{
    CancelTime, ComingChange, CustomerCommand, ProvisionRequest, SubscriptionCommand,
    SubscriptionEndReason, upcoming,
};
use stipend_core::{CustomerId, SubscriptionId, SubscriptionNo, examples};

const SHOP: &str = "
    plan free free 10/month
    plan base paid 100/month
    plan big paid 300/month
    plan trial paid 300/month trial=14d
    plan short paid 300/month trial=7d:cancels
    plan team paid limit=5 1000/month:per-seat
    plan mixed paid 100/month tokens=60/year
    addon extra 50/month
    addon tier 500/month:override
    addon seatpack limit=2
    ";

fn ends(world: &World) -> Vec<Option<SubscriptionEndReason>> {
    let subscriptions = world.customer.subscriptions.iter();
    subscriptions.map(|one| one.terms.ended.map(|end| end.reason)).collect()
}

#[test]
fn a_trial_gives_its_credits_until_it_ends_and_new_ones_when_it_is_paid() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial            => 300
        2026-03-10 use 250                    => 50
        2026-03-14T23:59:59Z wait             => 50
        2026-03-15 wait                       => 300
        use 30                                => 270
        2026-04-14T23:59:59Z wait             => 270
        2026-04-15 wait                       => 300
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe short            => 300
        2026-03-05 use 20                     => 280
        2026-03-08 wait                       => 0
        subscribe short no-trial id=sub-2     => 300
        ",
    );
    let world = World::after(SHOP, "2026-03-01 subscribe short\n2026-03-08 wait");
    assert_eq!(ends(&world), [Some(SubscriptionEndReason::TrialEnded)]);
}

#[test]
fn a_trial_is_asked_for_on_any_plan_and_may_be_waived() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base trial-until=2026-03-11    => 100
        use 150                                             => -50 overdraft 50
        2026-03-11 wait                                     => 50
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial no-trial                 => 300
        2026-03-15 use 1                                    => 299
        2026-03-31 wait                                     => 299
        2026-04-01 wait                                     => 300
        ",
    );
}

#[test]
fn a_trial_that_would_be_over_by_now_does_not_begin() {
    check_steps(
        SHOP,
        "
        2026-03-30 subscribe trial from=2026-03-01                          => 300
        2026-04-01 wait                                                     => 300
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-30 subscribe base from=2026-03-01 trial-until=2026-03-20    => refused: a trial ends after it begins, and in the future
        subscribe base from=2026-03-01 trial-until=2026-03-31               => 100
        2026-03-31 wait                                                     => 100
        ",
    );
}

/// Where the plan has a trial by default, asking again is asking for what is there (`calendar.md` C43).
#[test]
fn a_trial_that_the_plan_does_not_have_is_paid_for_by_provisioning_without_it() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base trial-until=2026-03-21  => 100
        use 60                                            => 40
        2026-03-10 subscribe base                         => 100
        2026-03-21 use 10                                 => 90
        2026-04-10 wait                                   => 100
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base trial-cancels=2026-03-21  => 100
        use 60                                              => 40
        2026-03-10 subscribe base at-period-end             => 40
        2026-03-21 wait                                     => 100
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base from=2026-03-05 trial-cancels=2026-03-21  => 0
        subscribe base from=2026-03-05                                      => 0
        2026-03-21 use 10                                                   => 90
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial                        => 300
        use 60                                            => 240
        subscribe trial                                   => 240
        subscribe trial trial-until=2026-03-29            => 240
        subscribe trial no-trial                          => 300
        ",
    );
}

#[test]
fn a_trial_may_be_extended_and_keeps_what_was_consumed() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial            => 300
        use 100                               => 200
        2026-03-10 patch trial-ends=2026-03-20 => 200
        2026-03-15 wait                       => 200
        2026-03-19T23:59:59Z wait             => 200
        2026-03-20 wait                       => 300
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial            => 300
        use 100                               => 200
        cancel 2026-03-25                     => 200
        2026-03-20 wait                       => 200
        2026-03-25 wait                       => 0
        ",
    );
}

#[test]
fn moving_the_end_of_a_trial_grants_nothing_again_and_takes_no_seats_back() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial extra       => 350
        use 20                                 => 330
        void 1                                 => 50
        patch trial-ends=2026-03-20            => 50
        patch trial-ends=2026-03-12            => 50
        2026-03-11 cancel 2026-03-25           => 50
        2026-03-25 wait                        => 0
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe team trial-until=2026-03-10    => 5000
        use 100                                             => 4900
        patch buy=seats*2                                   => 4900
        patch trial-ends=2026-04-10                         => 4900
        patch trial-ends=2026-04-11 addons=extra*2          => 5000
        2026-04-01 wait                                     => 2100
        2026-04-11 wait                                     => 2100
        2026-05-11 wait                                     => 2100
        ",
    );
    // Where the trial ends behind the period, its end moves no grant.
    let world = World::after(
        SHOP,
        "
        2026-03-01 subscribe base trial-until=2026-05-10
        patch trial-ends=2026-04-20
        ",
    );
    assert_eq!(world.told(), "");
    let world =
        World::after(SHOP, "2026-03-01 subscribe trial\nuse 20\npatch trial-ends=2026-03-20");
    insta::assert_snapshot!(world.told(), @"2026-03-01: #1 moved out 20, #1 voided 300, #2 granted 300, #2 moved in 20, plan trial at 300");
    let grant = &world.pool().unwrap().live.open()[0];
    assert_eq!(grant.expires_at, Some(at("2026-03-20")));
}

#[test]
fn waiving_the_trial_of_what_has_not_begun_grants_nothing_before_it_begins() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial from=2026-03-10            => 0
        subscribe trial from=2026-03-10 no-trial              => 0
        2026-03-09T23:59:59Z wait                             => 0
        2026-03-10 use 100                                    => 200
        2026-03-24 wait                                       => 200
        2026-04-10 wait                                       => 300
        ",
    );
}

#[test]
fn a_trial_of_so_many_days_or_months_is_counted_in_the_zone_of_the_environment() {
    let ends = |settings: &str, steps: &str| {
        let world = World::after(&format!("{settings}\n{SHOP}"), steps);
        show(world.customer.subscriptions[0].terms.trial.unwrap().ends_at)
    };
    // Eight in the evening in New York, before and behind the change of the clocks on 8 March.
    let steps = "2026-03-02T01:00:00Z subscribe trial";
    assert_eq!(ends("settings zone=America/New_York", steps), "2026-03-16");
    assert_eq!(ends("", steps), "2026-03-16T01:00:00Z");
    let month = "plan months paid 300/month trial=1m\n";
    let steps = "2026-03-01T04:30:00Z subscribe months";
    assert_eq!(
        ends(&format!("{month}settings zone=America/New_York"), steps),
        "2026-03-29T03:30:00Z"
    );
    assert_eq!(ends(month, steps), "2026-04-01T04:30:00Z");
}

#[test]
fn what_begins_at_the_same_instant_is_granted_alone() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial                        => 300
        use 400                                           => -100 overdraft 100
        subscribe base id=b no-trial from=2026-03-15      => -100 overdraft 100
        2026-03-15 wait                                   => 0
        2026-04-15 wait                                   => 100
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base                         => 100
        use 150                                           => -50 overdraft 50
        patch at-period-end addons=tier*1                 => -50 overdraft 50
        subscribe big id=b at-period-end                  => -50 overdraft 50
        2026-04-01 wait                                   => 250
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe trial                        => 300
        use 400                                           => -100 overdraft 100
        patch at-period-end agree=50/month                => -100 overdraft 100
        2026-03-15 wait                                   => -50 overdraft 50
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base                         => 100
        use 300                                           => -200 overdraft 200
        publish plan base 900/year                        => -200 overdraft 200
        migrate at-period-end                             => -200 overdraft 200
        patch at-period-end addons=tier*1                 => -200 overdraft 200
        2026-04-01 wait                                   => 300
        ",
    );
}

#[test]
fn a_trial_runs_beside_the_live_subscription_and_takes_its_place_when_it_is_paid() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe free              => 10
        2026-03-05 subscribe trial id=sub-2    => 310
        2026-03-19 wait                        => 300
        2026-04-01 wait                        => 300
        ",
    );
    let world = World::after(
        SHOP,
        "
        2026-03-01 subscribe free
        2026-03-05 subscribe trial id=sub-2
        2026-03-10 subscribe big id=sub-3 no-trial
        ",
    );
    assert_eq!(world.state(), "300");
    use SubscriptionEndReason::{PlanChanged, TrialConverted};
    assert_eq!(ends(&world), [Some(PlanChanged), Some(TrialConverted), None]);
}

#[test]
fn who_pays_already_gets_another_plan_without_its_trial() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base              => 100
        2026-03-05 subscribe trial id=sub-2    => 300
        2026-03-31 wait                        => 300
        ",
    );
}

#[test]
fn switching_plans_back_and_forth_refills_nothing() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base              => 100
        use 80                                 => 20
        2026-03-05 subscribe big id=b          => 300
        use 250                                => 50
        subscribe base id=c                    => 20
        use 5                                  => 15
        subscribe big id=d                     => 50
        subscribe base id=e                    => 15
        2026-04-01 wait                        => 100
        subscribe big id=f                     => 300
        ",
    );
}

#[test]
fn a_plan_change_keeps_the_consumption_where_the_product_says_so() {
    check_steps(
        &format!("product reset=never\n{SHOP}"),
        "
        2026-03-01 subscribe base extra        => 150
        use 120                                => 30
        2026-03-05 subscribe big id=b keep     => 230
        subscribe base id=c                    => 0 carried 20
        subscribe big id=d                     => 180
        2026-04-01 wait                        => 300
        ",
    );
    check_steps(
        &format!("product reset=change\n{SHOP}"),
        "
        2026-03-01 subscribe base              => 100
        use 80                                 => 20
        2026-03-05 subscribe big id=b          => 220
        subscribe base id=c anchor-now         => 100
        ",
    );
}

#[test]
fn from_free_to_paid_new_periods_begin() {
    let world = World::after(SHOP, "2026-03-01 subscribe free\n2026-03-10 subscribe base id=b");
    let terms = &world.customer.subscriptions[1].terms;
    assert_eq!((show(terms.anchor.at), terms.epoch), ("2026-03-10".to_owned(), 0));
    let world = World::after(SHOP, "2026-03-01 subscribe base\n2026-03-10 subscribe big id=b");
    assert_eq!(show(world.customer.subscriptions[1].terms.anchor.at), "2026-03-01");
}

#[test]
fn addons_stay_with_a_plan_that_allows_them_unless_others_are_named() {
    check_steps(
        "
        plan base paid 100/month
        plan big paid 300/month
        plan alone paid alone 70/month
        addon extra 50/month
        addon needy 5/month needs=extra
        ",
        "
        2026-03-01 subscribe base extra=2 needy   => 205
        subscribe big id=b keep                   => 405
        subscribe big id=b extra                  => refused: add-on needy needs add-on extra
        subscribe alone id=c keep                 => 70
        subscribe base id=d                       => 100
        "
        .replace("subscribe big id=b extra                  => refused: add-on needy needs add-on extra\n", "")
        .as_str(),
    );
}

#[test]
fn a_scheduled_change_waits_and_later_ones_join_it() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base extra=3                 => 250
        patch at-period-end addons=extra*1                => 250
        2026-03-10 patch at-period-end agree=40/month     => 250
        2026-03-31T23:59:59Z wait                         => 250
        2026-04-01 wait                                   => 90
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base extra=3                 => 250
        patch at-period-end addons=extra*1                => 250
        set extra=4                                       => 300
        2026-04-01 wait                                   => 300
        patch at-period-end addons=none                   => 300
        unschedule                                        => 300
        2026-05-01 wait                                   => 300
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base annually                => 100
        2026-03-10 patch at-month-end agree=40/month      => 100
        2026-04-01 wait                                   => 40
        patch at-period-end agree=70/month                => 40
        2027-02-28 wait                                   => 40
        2027-03-01 wait                                   => 70
        ",
    );
}

#[test]
fn a_scheduled_change_that_the_catalog_no_longer_allows_is_noted_as_failed() {
    let world = World::after(
        SHOP,
        "
        2026-03-01 subscribe base
        patch at-period-end addons=extra*1
        retire addon extra
        2026-04-01 wait
        2026-05-01 wait
        ",
    );
    let scheduled = &world.customer.subscriptions[0].terms.scheduled;
    assert_eq!(scheduled.len(), 1);
    assert_eq!(scheduled[0].failed.as_deref(), Some("add-on extra is archived"));
    assert_eq!(world.state(), "100");
}

#[test]
fn an_override_at_the_boundary_replaces_before_anything_is_renewed() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base extra                   => 150
        use 160                                           => -10 overdraft 10
        patch at-period-end addons=tier*1                 => -10 overdraft 10
        2026-04-01 wait                                   => 490
        patch at-period-end addons=none                   => 490
        2026-05-01 wait                                   => 100
        ",
    );
}

#[test]
fn a_downgrade_waits_and_can_be_taken_back() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe big                          => 300
        subscribe base id=b at-period-end                 => 300
        subscribe base id=b at-period-end                 => 300
        2026-04-01 wait                                   => 100
        ",
    );
    let twice = World::after(
        SHOP,
        "
        2026-03-01 subscribe big
        subscribe base id=b at-period-end
        subscribe base id=b at-period-end
        ",
    );
    assert_eq!(twice.customer.subscriptions.len(), 2, "asking again changes nothing");
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe big                          => 300
        subscribe base id=b at-period-end                 => 300
        subscribe big id=c                                => 300
        2026-04-01 wait                                   => 300
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe big                          => 300
        subscribe base id=b at-period-end                 => 300
        unschedule                                        => 300
        2026-04-01 wait                                   => 300
        ",
    );
}

/// A product after whose subscriptions the free plan follows.
fn check_followed(table: &str) {
    check_steps(&format!("product after=free\n{SHOP}"), table);
}

#[test]
fn what_is_cancelled_goes_on_with_the_free_plan_where_the_product_says_so() {
    check_followed(
        "
        2026-03-01 subscribe base extra                   => 150
        use 40                                            => 110
        2026-03-11 cancel                                 => 10
        use 4                                             => 6
        2026-04-01 wait                                   => 6
        2026-04-11 wait                                   => 10
        cancel                                            => 0
        ",
    );
    check_followed(
        "
        2026-03-01 subscribe team buy=seats*7             => 7000
        2026-03-11 cancel at-period-end                   => 7000
        2026-04-01 wait                                   => 10
        2026-05-01 wait                                   => 10
        subscribe big id=b                                => 300
        ",
    );
    check_followed(
        "
        2026-03-01 subscribe base                         => 100
        use 130                                           => -30 overdraft 30
        cancel                                            => -20 overdraft 20
        grant paid 50                                     => 30
        ",
    );
    check_followed(
        "
        2026-03-01 subscribe base ends=2026-03-20         => 100
        2026-03-19 patch ends=never                       => 100
        2026-04-01 wait                                   => 100
        ",
    );
    check_steps(
        &format!("product reset=never after=free\n{SHOP}"),
        "
        2026-03-01 subscribe base                         => 100
        use 95                                            => 5
        cancel                                            => 0 carried 85
        2026-04-01 wait                                   => 10
        ",
    );
    let world = World::after(
        &format!("product after=free\n{SHOP}"),
        "2026-03-01 subscribe team seatpack=2 buy=seats*7 agree=50/month annually\n2026-03-11 cancel",
    );
    let terms = &world.customer.subscriptions[0].terms;
    assert_eq!(world.customer.subscriptions.len(), 1, "it is the same subscription");
    assert_eq!((terms.plan.plan.as_str(), terms.pricing), ("free", Pricing::Free));
    assert!(terms.is_active() && terms.ends.is_none());
    assert!(terms.addons.is_empty() && terms.overrides.is_empty() && terms.quantities.is_empty());
}

#[test]
fn a_trial_that_is_not_continued_goes_on_with_the_free_plan_where_the_product_says_so() {
    check_followed(
        "
        2026-03-01 subscribe short                        => 300
        use 20                                            => 280
        2026-03-08 wait                                   => 10
        2026-04-08 wait                                   => 10
        subscribe short id=b                              => 310
        2026-04-10 cancel                                 => 10
        ",
    );
    // Beside the live subscription a trial just ends, and what takes its place is granted alone.
    check_followed(
        "
        2026-03-01 subscribe big                          => 300
        subscribe short id=b trial-cancels=2026-03-08     => 600
        2026-03-08 wait                                   => 300
        ",
    );
    check_followed(
        "
        2026-03-01 subscribe short                        => 300
        subscribe big id=b from=2026-03-08                => 300
        2026-03-08 wait                                   => 300
        ",
    );
}

#[test]
fn who_revokes_wants_no_free_plan() {
    check_followed(
        "
        2026-03-01 subscribe base                         => 100
        revoke                                            => 0
        subscribe base id=b                               => 100
        revoke at-period-end                              => 100
        2026-04-01 wait                                   => 0
        ",
    );
    check_followed(
        "
        2026-03-01 subscribe base                         => 100
        archive                                           => 0
        ",
    );
}

#[test]
fn no_plan_follows_that_is_archived_or_has_come_to_cost() {
    check_followed(
        "
        2026-03-01 subscribe base                         => 100
        cancel at-period-end                              => 100
        retire plan free                                  => 100
        2026-04-01 wait                                   => 0
        ",
    );
    let shop = format!("product after=free\n{SHOP}");
    let mut world = World::after(&shop, "2026-03-01 subscribe base\ncancel at-period-end");
    let free = PackageKey::plan(package("free"));
    let paid = Some((Pricing::Paid, Charges::default()));
    let patch = PackagePatch { charges: paid, ..PackagePatch::default() };
    for command in [
        CatalogCommand::OpenDraft(free.clone()),
        CatalogCommand::UpdatePackage(free.clone(), Box::new(patch)),
        CatalogCommand::Publish(free, Migration::NewCustomers),
    ] {
        run(&mut world.catalog, &command);
    }
    world.step("2026-04-01 wait");
    assert_eq!(ends(&world), [Some(SubscriptionEndReason::Scheduled)]);
}

#[test]
fn what_was_waiting_begins_alone_where_its_predecessor_has_gone() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe big                          => 300
        2026-03-20 subscribe base id=b from=2026-04-10    => 300
        2026-04-01 wait                                   => 300
        2026-04-10 wait                                   => 100
        2026-05-01 wait                                   => 100
        ",
    );
    let world = World::after(SHOP, "2026-03-01 subscribe big ends=2026-03-15");
    assert_eq!(world.state(), "300");
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe big ends=2026-03-15          => 300
        subscribe base id=b from=2026-03-20               => 300
        2026-03-15 wait                                   => 0
        2026-03-20 wait                                   => 100
        2026-04-19 wait                                   => 100
        2026-04-20 use 1                                  => 99
        ",
    );
}

#[test]
fn a_cancellation_ends_at_its_time_and_can_be_moved() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe mixed annually               => 100
        cancel at-period-end                              => 100
        2026-04-15 patch ends=2026-05-20                  => 100
        2026-05-19 wait                                   => 100
        2026-05-20 wait                                   => 0
        ",
    );
    check_steps(
        &format!("product cancel=at-period-end\n{SHOP}"),
        "
        2026-03-01 subscribe base                         => 100
        cancel as-planned                                 => 100
        2026-04-01 wait                                   => 0
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base from=2026-04-01         => 0
        cancel now                                        => 0
        2026-04-01 wait                                   => 0
        ",
    );
}

#[test]
fn a_cancellation_ends_what_waits_to_take_its_place() {
    for cancellation in ["now", "at-period-end", "2026-05-15"] {
        let mut world = World::after(
            SHOP,
            "
            2026-03-01 subscribe big
            subscribe base id=b at-period-end
            ",
        );
        let command = world.command(&format!("cancel {cancellation}"));
        let CustomerCommand::Subscription(_, cancel) = command else { unreachable!() };
        let command = CustomerCommand::Subscription(SubscriptionNo(0), cancel);
        world.carry_out(&command).unwrap();
        assert_eq!(ends(&world)[1], Some(SubscriptionEndReason::Immediate), "{cancellation}");
        assert_eq!(world.step("2026-06-01 wait"), "0", "{cancellation}");
    }
    // What waits for the live subscription goes on waiting when only the trial beside it ends.
    let mut world = World::after(
        SHOP,
        "
        2026-03-01 subscribe free
        2026-03-05 subscribe trial id=b
        subscribe base id=c from=2026-04-10 no-trial
        ",
    );
    let cancel = SubscriptionCommand::Cancel(CancelTime::Now);
    world.carry_out(&CustomerCommand::Subscription(SubscriptionNo(1), cancel)).unwrap();
    assert_eq!(world.step("2026-04-10 wait"), "100");
}

#[test]
fn seats_grant_at_once_and_are_not_clawed_back() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe team                         => 5000
        patch buy=seats*6                                 => 6000
        use 100                                           => 5900
        patch buy=seats*4                                 => 5900
        patch buy=seats*6                                 => 5900
        patch buy=seats*7                                 => 6900
        patch buy=seats*3                                 => 6900
        2026-04-01 wait                                   => 3000
        set seatpack=2                                    => 7000
        ",
    );
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe team buy=seats*2             => 2000
        ",
    );
}

#[test]
fn a_transfer_takes_the_running_credits_along_and_leaves_the_overdraft() {
    let mut world = World::after(
        SHOP,
        "
        2026-03-01 subscribe base extra
        use 120
        transfer site
        ",
    );
    world.assert_read_is_replay();
    let balances = |world: &World| -> Vec<String> {
        world.customer.pools.iter().map(|pool| pool.balance().to_string()).collect()
    };
    assert_eq!(balances(&world), ["0", "30"]);
    world.step("2026-04-01 wait");
    assert_eq!(balances(&world), ["0", "150"]);
    world.step("transfer site");
    assert_eq!(balances(&world), ["0", "150"], "it is there already");
    let mut overdrawn = World::after(SHOP, "2026-03-01 subscribe base\nuse 130\ntransfer site");
    assert_eq!(balances(&overdrawn), ["-30", "0"]);
    overdrawn.step("2026-04-01 wait");
    assert_eq!(balances(&overdrawn), ["-30", "100"]);
}

#[test]
fn a_transfer_without_anything_left_still_renews_there() {
    let mut world = World::after(
        SHOP,
        "
        2026-03-01 subscribe base
        void 1
        transfer site
        2026-04-01 wait
        ",
    );
    world.assert_read_is_replay();
    let balances = world.customer.pools.iter().map(|pool| pool.balance().to_string());
    assert_eq!(balances.collect::<Vec<_>>(), ["0", "100"]);
    assert_eq!(world.step("2026-05-01 wait"), "0");
}

#[test]
fn a_transfer_makes_what_proration_left_in_force_the_subscriptions_own() {
    let mut world = World::after(
        &format!("settings prorate\n{SHOP}"),
        "
        2026-03-01 subscribe base extra
        2026-03-05 patch anchor-now
        2026-03-10 subscribe big id=b extra=3
        set extra=4
        set extra=5
        transfer site
        ",
    );
    world.assert_read_is_replay();
    let pool = world.customer.pools.last().unwrap();
    let sources = pool.live.iter().filter_map(|grant| grant.source.as_ref());
    let mut keys: Vec<(String, u32, u32, i32, u32)> = sources
        .map(|source| {
            let package = source.package.id.to_string();
            (package, source.subscription.0, source.epoch, source.k, source.part)
        })
        .collect();
    keys.sort();
    let key = |package: &str, part| (package.to_owned(), 1, 0, 0, part);
    let extra = [2, 3, 4].map(|part| key("extra", part));
    assert_eq!(keys[..2], [key("base", 0), key("big", 1)]);
    assert_eq!(keys[2..], extra, "each has a key that nothing else has");
    world.step("cancel now");
    assert!(world.customer.pools.iter().all(|pool| pool.balance().is_zero()));
}

#[test]
fn who_is_delegated_a_subscription_pays_for_it_and_the_credits_stay() {
    let mut world = World::after(SHOP, "2026-03-01 subscribe base\nuse 40");
    let delegate = |world: &mut World, to: &str| {
        let command = SubscriptionCommand::Delegate(CustomerId::parse(to).unwrap());
        let command = CustomerCommand::Subscription(SubscriptionNo(0), command);
        let entries = world.carry_out(&command).unwrap().entries.len();
        let terms = &world.customer.subscriptions[0].terms;
        (terms.paying_customer.as_ref().map(ToString::to_string), entries)
    };
    let owner = world.customer.profile.id.to_string();
    let office = Some("head-office".to_owned());
    assert_eq!(delegate(&mut world, "head-office"), (office.clone(), 1));
    assert_eq!(delegate(&mut world, "head-office"), (office, 0), "asking again changes nothing");
    assert_eq!(world.state(), "60");
    assert_eq!(delegate(&mut world, &owner), (None, 1));
    assert_eq!(delegate(&mut world, &owner), (None, 0));
}

#[test]
fn whoever_pays_goes_on_to_pay_until_a_request_names_another() {
    let mut world = World::after(SHOP, "2026-03-01 subscribe base");
    let owner = world.customer.profile.id.to_string();
    let mut check = |plan: &str, asked: Option<&str>, expected: Option<&str>| {
        let id = format!("{plan}-{}", asked.unwrap_or("nobody"));
        let request = ProvisionRequest {
            id: SubscriptionId::parse(&id).unwrap(),
            plan: package(plan),
            paying_customer: asked.map(|payer| CustomerId::parse(payer).unwrap()),
            ..examples::provision(Vec::new())
        };
        world.carry_out(&CustomerCommand::Provision(Box::new(request))).unwrap();
        let mut live = world.customer.subscriptions.iter().filter(|found| found.terms.is_active());
        let terms = &live.next().expect("the product has one").terms;
        assert_eq!(terms.plan.plan.as_str(), plan);
        let pays = terms.paying_customer.as_ref().map(ToString::to_string);
        assert_eq!(pays.as_deref(), expected, "{plan} for {asked:?}");
    };
    check("base", None, None);
    check("base", Some("head-office"), Some("head-office"));
    check("base", None, Some("head-office"));
    check("big", None, Some("head-office"));
    check("big", Some("branch"), Some("branch"));
    check("base", Some(&owner), None);
    check("big", Some(&owner), None);
}

#[test]
fn the_version_that_is_the_latest_when_it_begins_is_taken() {
    check_steps(
        SHOP,
        "
        2026-03-01 subscribe base from=2026-04-01         => 0
        publish plan base 120/month                       => 0
        2026-04-01 wait                                   => 120
        ",
    );
}

#[test]
fn each_cadence_keeps_to_itself_whatever_the_billing_period() {
    let world = World::after(SHOP, "2026-01-31 subscribe mixed annually\n2027-01-30 wait");
    let tokens = world.customer.pools.iter().find(|pool| pool.currency.as_str() == "tokens");
    let numbers = |pool: &stipend_core::customer::Pool| -> Vec<String> {
        pool.live.iter().map(|grant| format!("{}/{}", grant.amount, grant.no.0)).collect()
    };
    assert_eq!(numbers(tokens.unwrap()), ["60/2"], "granted once");
    assert_eq!(world.pool().unwrap().live.len(), 1);
    assert_eq!(world.customer.next_grant.0, 14, "twelve months and a year");
}

#[test]
fn what_is_coming_is_what_comes() {
    let mut world = World::after(
        SHOP,
        "
        2026-01-31 subscribe trial extra
        patch trial-ends=2026-02-10
        ",
    );
    let coming = upcoming(&world.customer, &world.catalog, SubscriptionNo(0), 3);
    let told: Vec<_> = coming
        .iter()
        .map(|one| {
            let grants: Vec<String> =
                one.grants.iter().map(|(_, _, grant)| grant.amount.to_string()).collect();
            (show(one.at), one.changes.clone(), grants.join(" "), one.expires.len())
        })
        .collect();
    let (both, renews) = ("300 50".to_owned(), vec![ComingChange::Renews]);
    assert_eq!(
        told,
        [
            ("2026-02-10".to_owned(), vec![ComingChange::TrialEnds], both.clone(), 2),
            ("2026-03-10".to_owned(), renews.clone(), both.clone(), 2),
            ("2026-04-10".to_owned(), renews, both, 2),
        ]
    );
    world.advance(at("2026-04-10"));
    for one in coming {
        for (currency, _, grant) in one.grants {
            assert_eq!(currency, examples::credits());
            let is_live = world.pool().unwrap().find_grant(grant.no).is_some();
            assert!(is_live || grant.expires_at <= Some(world.now), "it came: {grant:?}");
        }
    }
    let mut ending = World::after(SHOP, "2026-01-31 subscribe base\ncancel 2026-03-15");
    ending.step("subscribe big id=b from=2026-03-10");
    let coming = upcoming(&ending.customer, &ending.catalog, SubscriptionNo(0), 10);
    let told: Vec<_> = coming.iter().map(|one| (show(one.at), one.changes.clone())).collect();
    let renews = ("2026-02-28".to_owned(), vec![ComingChange::Renews]);
    assert_eq!(told, [renews, ("2026-03-10".to_owned(), vec![ComingChange::Ends])]);
}
