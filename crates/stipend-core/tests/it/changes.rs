//! Changes in the middle of a period: the new total applies at once, in full, and what was
//! consumed in the period stays consumed.

use crate::support::{World, at, check_steps, show};
use stipend_core::customer::Grant;

const EXTRA: &str = "
    plan base 100/month
    addon extra 50/month
    ";

const TIER: &str = "
    plan base 100/month
    addon extra 50/month
    addon tier 500/month:override
    ";

#[test]
fn the_worked_example_moves_between_its_totals() {
    check_steps(
        "
        plan base 50000/month
        addon extra 10000/month
        addon tier 500000/month:override
        ",
        "
        2026-03-01 subscribe base extra=3  => 80000
        set extra=1                        => 60000
        set                                => 50000
        set tier                           => 500000
        set tier extra=3                   => 500000
        set extra=3                        => 80000
        ",
    );
}

#[test]
fn a_quantity_goes_up_and_down_without_consumption() {
    check_steps(
        EXTRA,
        "
        2026-03-01 subscribe base extra=1  => 150
        2026-03-16 set extra=3             => 250
        2026-03-17 set extra=2             => 200
        2026-03-18 set extra=1             => 150
        2026-04-01 wait                    => 150
        ",
    );
}

#[test]
fn a_quantity_goes_up_and_down_with_consumption() {
    check_steps(
        EXTRA,
        "
        2026-03-01 subscribe base extra=3  => 250
        use 120                            => 130
        2026-03-16 set extra=1             => 30
        2026-03-17 set extra=3             => 130
        use 80                             => 50
        2026-03-18 set extra=1             => 0 carried 50
        2026-03-19 set extra=2             => 0
        2026-03-20 set extra=4             => 100
        2026-04-01 wait                    => 300
        ",
    );
}

#[test]
fn an_addon_is_bought_and_removed_without_consumption() {
    check_steps(
        EXTRA,
        "
        2026-03-01 subscribe base          => 100
        2026-03-16 set extra               => 150
        2026-03-17 set                     => 100
        2026-04-01 wait                    => 100
        ",
    );
}

#[test]
fn an_addon_is_bought_and_removed_with_consumption() {
    check_steps(
        EXTRA,
        "
        2026-03-01 subscribe base          => 100
        use 60                             => 40
        2026-03-16 set extra               => 90
        use 70                             => 20
        2026-03-17 set                     => 0 carried 30
        use 10                             => -10 overdraft 10 carried 30
        ",
    );
}

#[test]
fn removing_and_buying_again_inside_a_period_gains_and_loses_nothing() {
    check_steps(
        EXTRA,
        "
        2026-03-01 subscribe base extra    => 150
        use 130                            => 20
        2026-03-10 set                     => 0 carried 30
        2026-03-11 set extra               => 20
        2026-03-12 set                     => 0 carried 30
        2026-03-13 set extra               => 20
        2026-04-01 wait                    => 150
        ",
    );
}

#[test]
fn an_override_is_added_and_removed_with_consumption() {
    check_steps(
        TIER,
        "
        2026-03-01 subscribe base extra    => 150
        use 60                             => 90
        2026-03-10 set extra tier          => 440
        use 300                            => 140
        2026-03-11 set extra               => 0 carried 210
        2026-03-12 set extra tier          => 140
        2026-03-13 set tier                => 140
        2026-03-14 set                     => 0 carried 260
        2026-04-01 wait                    => 100
        ",
    );
}

#[test]
fn an_override_settles_the_overdraft_as_consumption_of_the_period() {
    check_steps(
        TIER,
        "
        2026-03-01 subscribe base          => 100
        use 130                            => -30 overdraft 30
        2026-03-10 set tier                => 370
        2026-03-11 set                     => 0 carried 30
        2026-03-12 set tier                => 370
        2026-04-01 wait                    => 500
        ",
    );
}

#[test]
fn a_smaller_override_replaces_the_plan_and_carries_what_no_longer_fits() {
    check_steps(
        "
        plan base 100/month
        addon small 20/month:override
        ",
        "
        2026-03-01 subscribe base          => 100
        use 60                             => 40
        2026-03-10 set small               => 0 carried 40
        2026-03-11 set                     => 40
        2026-03-12 set small               => 0 carried 40
        2026-04-01 wait                    => 20
        2026-04-02 set                     => 100
        ",
    );
}

#[test]
fn an_agreed_amount_goes_up_down_and_away() {
    check_steps(
        "plan base 100/month",
        "
        2026-03-01 subscribe base          => 100
        2026-03-02 agree 200/month         => 200
        use 150                            => 50
        2026-03-03 agree 120/month         => 0 carried 30
        2026-03-04 agree                   => 0 carried 50
        2026-03-05 agree 200/month         => 50
        2026-04-01 wait                    => 200
        ",
    );
}

#[test]
fn carried_consumption_is_forgotten_with_the_period_and_is_never_overdraft() {
    check_steps(
        TIER,
        "
        2026-03-01 subscribe base tier     => 500
        use 400                            => 100
        2026-03-10 set                     => 0 carried 300
        grant paid 50 until=2027-01-01     => 50 carried 300
        2026-03-31T23:59:59.999999Z wait   => 50 carried 300
        2026-04-01 wait                    => 150
        set tier                           => 550
        ",
    );
}

#[test]
fn what_was_bought_or_given_is_never_touched_by_a_change() {
    check_steps(
        TIER,
        "
        2026-03-01 subscribe base          => 100
        grant paid 50                      => 150
        use 120                            => 30
        2026-03-10 set tier                => 430
        2026-03-11 set                     => 30
        ",
    );
}

#[test]
fn cancelling_voids_recurring_credits_and_leaves_the_rest() {
    check_steps(
        EXTRA,
        "
        2026-03-01 subscribe base extra    => 150
        grant paid 50                      => 200
        grant promo 20 from=2026-05-01     => 200 scheduled 20
        use 30                             => 170 scheduled 20
        2026-03-10 cancel                  => 50 scheduled 20
        2026-04-01 wait                    => 50 scheduled 20
        2026-05-01 wait                    => 70
        cancel                             => 70
        ",
    );
}

#[test]
fn cancelling_leaves_the_overdraft() {
    check_steps(
        EXTRA,
        "
        2026-03-01 subscribe base          => 100
        use 130                            => -30 overdraft 30
        2026-03-10 cancel                  => -30 overdraft 30
        2026-04-01 wait                    => -30 overdraft 30
        ",
    );
}

#[test]
fn an_addon_bought_in_the_middle_follows_the_subscriptions_anchor() {
    // C36.
    check_steps(
        EXTRA,
        "
        2025-01-31 subscribe base          => 100
        2025-02-14T12:00:00Z set extra=2   => 200
        2025-02-27T23:59:59Z use 150       => 50
        2025-02-28 wait                    => 200
        2025-03-30T23:59:59Z use 1         => 199
        2025-03-31 wait                    => 200
        ",
    );
}

#[test]
fn a_change_at_the_boundary_belongs_to_the_new_period() {
    check_steps(
        EXTRA,
        "
        2026-03-01 subscribe base extra    => 150
        use 140                            => 10
        2026-04-01 set                     => 100
        ",
    );
}

#[test]
fn a_yearly_override_of_a_monthly_plan_takes_over_what_was_consumed() {
    check_steps(
        "
        plan base 100/month
        addon annual 1200/year:override
        ",
        "
        2026-03-01 subscribe base          => 100
        use 60                             => 40
        2026-03-16 set annual              => 1140
        2026-04-01 wait                    => 1140
        2027-03-01 wait                    => 1200
        ",
    );
}

#[test]
fn a_monthly_override_of_a_yearly_plan_takes_over_this_months_consumption_only() {
    let catalog = "
        plan base 1200/year
        addon monthly 100/month:override
        ";
    check_steps(
        catalog,
        "
        2026-03-01 subscribe base          => 1200
        use 500                            => 700
        2026-04-10 use 30                  => 670
        2026-04-16 set monthly             => 70 carried 500
        2026-04-17 use 20                  => 50 carried 500
        2026-05-01 wait                    => 100 carried 530
        ",
    );
}

#[test]
fn going_to_a_monthly_override_and_back_gains_and_loses_nothing_of_a_yearly_plan() {
    let catalog = "
        plan base 1200/year
        addon monthly 100/month:override
        ";
    // Within the month: what was drawn stays drawn, wherever it was put in between.
    check_steps(
        catalog,
        "
        2026-03-01 subscribe base          => 1200
        use 800                            => 400
        2026-03-10 set monthly             => 0 carried 700
        2026-03-11 set                     => 400
        2026-03-12 set monthly             => 0 carried 700
        2026-03-13 set                     => 400
        ",
    );
    // In a later month: the year remembers what was drawn in it before.
    check_steps(
        catalog,
        "
        2026-03-01 subscribe base          => 1200
        use 800                            => 400
        2026-03-10 set monthly             => 0 carried 700
        2026-04-01 wait                    => 100 carried 800
        use 10                             => 90 carried 800
        2026-04-02 set                     => 390
        2027-03-01 wait                    => 1200
        ",
    );
}

#[test]
fn a_monthly_plan_comes_back_whole_in_a_later_month_than_its_yearly_override() {
    check_steps(
        "
        plan base 100/month
        addon annual 1200/year:override
        ",
        "
        2026-03-01 subscribe base          => 100
        use 60                             => 40
        2026-03-16 set annual              => 1140
        2026-04-05 use 25                  => 1115
        2026-04-10 set                     => 75 carried 60
        ",
    );
}

/// The entries of the last step.
fn told(catalog: &str, steps: &str) -> String {
    World::after(catalog, steps).told()
}

#[test]
fn an_increase_is_one_more_grant_for_the_difference() {
    // C37, upwards.
    let entry = told(EXTRA, "2026-03-01 subscribe base extra=1\n2026-03-16 set extra=3");
    insta::assert_snapshot!(entry, @"2026-03-16: #3 granted 100");
}

#[test]
fn a_reduction_takes_the_latest_part_first_and_moves_what_was_drawn() {
    // C37, downwards: 240 of 250 are consumed, 40 of it in the part that goes.
    let entry = told(
        EXTRA,
        "
        2026-03-01 subscribe base extra=2
        2026-03-16 set extra=3
        use 190
        grant paid 5 until=2026-04-01
        2026-03-17 set extra=1
        ",
    );
    insta::assert_snapshot!(entry, @"2026-03-17: #3 voided 50, #2 moved out 40, #2 reduced 50, carried 40, add-on extra at 50");
}

#[test]
fn what_was_drawn_from_a_removed_part_moves_to_where_there_is_room() {
    // The add-on ends sooner in the order than the agreed yearly amount, so it is drained first.
    let entry = told(
        "
        plan base 1000/year
        addon extra 50/month
        ",
        "2026-03-01 subscribe base extra\nuse 45\n2026-03-16 set",
    );
    insta::assert_snapshot!(entry, @"2026-03-16: #2 moved out 45, #2 voided 50, #1 moved in 45, add-on extra at 0");
}

#[test]
fn an_override_transfers_voids_issues_and_settles_in_this_order() {
    let entry = told(TIER, "2026-03-01 subscribe base\nuse 130\n2026-03-16 set tier");
    insta::assert_snapshot!(entry, @"2026-03-16: #1 moved out 100, #1 voided 100, #3 granted 500, #3 moved in 100, #3 settles 30, overdraft closed, plan base at 0");
}

#[test]
fn what_is_bought_in_the_middle_comes_into_force_at_once_and_ends_with_the_period() {
    let window = |grant: &Grant| {
        let source = grant.source.as_ref().unwrap();
        let until = grant.expires_at.unwrap();
        format!("{} {} part {}", show(grant.effective_at), show(until), source.part)
    };
    let world = World::after(
        EXTRA,
        "
        2026-03-01 subscribe base from=2026-01-15
        2026-03-20 set extra
        2026-03-21 set extra=2
        ",
    );
    let windows: Vec<String> = world.pool().unwrap().live.iter().map(window).collect();
    assert_eq!(
        windows,
        [
            "2026-03-15 2026-04-15 part 0",
            "2026-03-20 2026-04-15 part 0",
            "2026-03-21 2026-04-15 part 1",
        ]
    );
    assert!(world.now == at("2026-03-21"));
}
