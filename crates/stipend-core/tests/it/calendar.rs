//! The numbered cases of the calendar that are about subscriptions and grants. Those about periods
//! alone are in `periods`; those about the machine's clock (K1–K3, K5, K13) are the engine's, in
//! its tests `clocks` and `due_work`; C25 needs a billing provider, C44 needs pausing, K6 a second
//! node; C58 is about resets of features.

use crate::support::{World, at, check_steps, lines, pool_entries, show};
use stipend_core::customer::{Cause, Effect, GrantEnd};

const SHOP: &str = "
    plan base paid 1000/month
    plan big paid 3000/month
    plan yearly paid 12000/year
    plan both paid 100/month tokens=60/year
    plan trial paid 300/month trial=14d
    addon extra 100/month
    addon tier 5000/month:override
    ";

/// The recurring grants as they were issued: `from–until amount`, in order.
fn issued(world: &World) -> Vec<String> {
    let effects = pool_entries(&world.entries).flat_map(|entry| &entry.effects);
    let grants = effects.filter_map(|effect| match effect {
        Effect::Granted(grant) if grant.source.is_some() => Some(grant),
        _ => None,
    });
    grants
        .map(|grant| {
            let until = grant.expires_at.map(show).unwrap_or_default();
            format!("{}–{until} {}", show(grant.effective_at), grant.amount)
        })
        .collect()
}

/// Runs steps and compares what was issued, a grant a line.
fn check_issued(case: &str, catalog: &str, steps: &str, expected: &str) {
    let world = World::after(catalog, steps);
    world.assert_read_is_replay();
    let expected: Vec<&str> = lines(expected).collect();
    assert_eq!(issued(&world), expected, "{case}");
}

#[test]
fn c18_c20_an_aligned_subscription_has_a_shorter_period_first() {
    let shop = format!("settings month-aligned\n{SHOP}");
    check_issued(
        "C20",
        &shop,
        "
        2025-01-31T12:00:00Z subscribe base
        2025-03-15 wait
        ",
        "
        2025-01-31T12:00:00Z–2025-02-01 1000
        2025-02-01–2025-03-01 1000
        2025-03-01–2025-04-01 1000
        ",
    );
    check_issued(
        "C18",
        &shop,
        "
        2025-12-15 subscribe base
        2026-01-31 wait
        ",
        "
        2025-12-15–2026-01-01 1000
        2026-01-01–2026-02-01 1000
        ",
    );
    let prorated = format!("settings month-aligned prorate\n{SHOP}");
    check_issued(
        "C18 with PRORATE: 17 of the 31 days of December",
        &prorated,
        "2025-12-15 subscribe base",
        "2025-12-15–2026-01-01 548.387096774",
    );
}

#[test]
fn c21_a_year_has_twelve_monthly_grants_and_the_thirteenth_only_when_renewed() {
    let world = World::after(
        SHOP,
        "
        2025-01-31 subscribe base annually
        2026-01-30T23:59:59Z wait
        ",
    );
    let issued = issued(&world);
    assert_eq!(issued.len(), 12);
    assert_eq!(issued[11], "2025-12-31–2026-01-31 1000");
    let ending = "2025-01-31 subscribe base annually\ncancel at-period-end\n2026-03-01 wait";
    let world = World::after(SHOP, ending);
    assert_eq!(self::issued(&world).len(), 12, "not renewed, no thirteenth");
    let world = World::after(SHOP, "2025-01-31 subscribe base annually\n2026-01-31 wait");
    assert_eq!(self::issued(&world)[12], "2026-01-31–2026-02-28 1000");
}

#[test]
fn c22_c23_the_twelve_months_of_a_leap_day_and_of_the_last_of_march() {
    for (case, start, eleventh, end) in [
        ("C22", "2024-02-29", "2025-01-29–2025-02-28 1000", "2025-02-28"),
        ("C23", "2024-03-31", "2025-02-28–2025-03-31 1000", "2025-03-31"),
    ] {
        let steps = format!("{start} subscribe base annually\ncancel at-period-end\n{end} wait");
        let world = World::after(SHOP, &steps);
        assert_eq!((issued(&world).len(), issued(&world)[11].as_str()), (12, eleventh), "{case}");
        assert_eq!(world.state(), "0", "{case}");
    }
}

#[test]
fn c24_an_immediate_end_of_an_annual_subscription_ends_its_recurring_grants() {
    check_steps(
        SHOP,
        "
        2025-01-31 subscribe base annually     => 1000
        grant paid 7                           => 1007
        2025-06-15 use 100                     => 907
        cancel now                             => 7
        2026-03-01 wait                        => 7
        ",
    );
}

#[test]
fn c26_a_yearly_entitlement_is_granted_once_whatever_the_billing_period() {
    check_issued(
        "C26",
        SHOP,
        "
        2025-01-31 subscribe yearly monthly
        2026-02-01 wait
        ",
        "
        2025-01-31–2026-01-31 12000
        2026-01-31–2027-01-31 12000
        ",
    );
}

#[test]
fn c27_a_clamped_renewal_does_not_move_the_months() {
    let world = World::after(SHOP, "2024-02-29 subscribe base annually\n2025-03-29 wait");
    assert_eq!(issued(&world)[12..], ["2025-02-28–2025-03-29 1000", "2025-03-29–2025-04-29 1000"]);
}

#[test]
fn c28_an_upgrade_in_the_middle_of_a_period() {
    let upgrade = "
        2025-03-01 subscribe base               => 1000
        2025-03-16T12:00:00Z use 400            => 600
        subscribe big id=sub-2                  => ";
    let check = |settings: &str, after: &str| {
        let steps = format!("{upgrade}{after}");
        check_steps(&format!("{settings}\n{SHOP}"), &steps);
    };
    check("", "3000\n2025-04-01 wait => 3000");
    check("product reset=never", "2600\n2025-04-01 wait => 3000");
    check("product reset=change", "2600\n2025-04-01 wait => 3000");
    check("settings prorate", "1600\n2025-04-01 wait => 3000");
    let world = World::after(
        &format!("settings prorate\n{SHOP}"),
        "
        2025-03-01 subscribe base
        2025-03-16T12:00:00Z subscribe big id=sub-2
        2025-04-01 wait
        ",
    );
    assert_eq!(
        issued(&world),
        [
            "2025-03-01–2025-04-01 1000",
            "2025-03-16T12:00:00Z–2025-04-01 1000",
            "2025-04-01–2025-05-01 3000"
        ],
        "C28: half of the difference, as a new grant"
    );
}

#[test]
fn c29_an_upgrade_with_a_new_anchor_begins_new_periods() {
    check_issued(
        "C29",
        SHOP,
        "
        2025-03-01 subscribe base
        2025-03-16T12:00:00Z use 400
        subscribe big id=sub-2 anchor-now
        2025-04-16T12:00:00Z wait
        ",
        "
        2025-03-01–2025-04-01 1000
        2025-03-16T12:00:00Z–2025-04-16T12:00:00Z 3000
        2025-04-16T12:00:00Z–2025-05-16T12:00:00Z 3000
        ",
    );
    let world = World::after(
        SHOP,
        "
        2025-03-01 subscribe base
        2025-03-16T12:00:00Z patch anchor-now
        ",
    );
    let source = world.pool().unwrap().live.open()[0].source.clone().unwrap();
    assert_eq!((source.epoch, source.k, source.part), (1, 0, 0), "C29: keys of a new epoch");
}

#[test]
fn c30_c31_parts_of_a_period_are_to_the_microsecond_and_rounded_down() {
    let shop = "
        settings prorate
        plan base paid 1000/month
        plan bare paid limit=1
        addon even 100/month
        addon odd 1001/month
        ";
    check_steps(
        shop,
        "
        2025-01-31 subscribe base                => 1000
        2025-02-14 set even                      => 1050
        ",
    );
    // Ten of the thirty days of April are left.
    check_steps(
        shop,
        "
        2025-04-01 subscribe bare                => 0
        2025-04-21 set odd                       => 333.666666666
        ",
    );
    // All that stands is rounded together: 2,001 are worth 667 and 1,000 of them 333.333333333.
    check_steps(
        shop,
        "
        2025-04-01 subscribe base                => 1000
        2025-04-21 set odd                       => 1333.666666667
        set                                      => 1000
        ",
    );
    let world = World::after(shop, "2025-04-01 subscribe base\n2025-04-21 set odd");
    let pool = world.pool().unwrap();
    let part = pool
        .live
        .iter()
        .find_map(|grant| grant.source.as_ref().filter(|s| s.whole != grant.amount));
    assert_eq!(part.unwrap().whole.to_string(), "1001", "C31: the entry says what the whole is");
}

#[test]
fn c32_a_downgrade_at_the_end_of_the_period_changes_nothing_before() {
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe big                        => 3000
        2025-03-10 use 500                              => 2500
        subscribe base id=sub-2 at-period-end           => 2500
        2025-03-31T23:59:59Z wait                       => 2500
        2025-04-01 wait                                 => 1000
        ",
    );
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe big                        => 3000
        subscribe base id=sub-2                         => 1000
        ",
    );
}

#[test]
fn c33_an_upgrade_before_the_boundary_takes_the_downgrade_back() {
    check_issued(
        "C33",
        SHOP,
        "
        2025-03-01 subscribe base
        subscribe yearly id=sub-2 at-period-end
        2025-03-10 subscribe big id=sub-3
        2025-04-01 wait
        ",
        "
        2025-03-01–2025-04-01 1000
        2025-03-10–2025-04-01 3000
        2025-04-01–2025-05-01 3000
        ",
    );
}

#[test]
fn c34_an_upgrade_due_at_the_boundary_grants_only_the_new_plan() {
    check_issued(
        "C34",
        SHOP,
        "
        2025-03-01 subscribe base
        subscribe big id=sub-2 at-period-end
        2025-04-01 wait
        ",
        "
        2025-03-01–2025-04-01 1000
        2025-04-01–2025-05-01 3000
        ",
    );
}

#[test]
fn c35_of_two_changes_at_one_instant_the_last_stands() {
    let steps = "
        2025-03-01 subscribe base                  => 1000
        2025-03-16T12:00:00Z subscribe big id=b    => ";
    check_steps(SHOP, &format!("{steps}3000\nsubscribe base id=c => 1000"));
    // Half of +2000, then half of −2000: no more is granted than the period is worth.
    let prorated = format!("settings prorate\n{SHOP}");
    check_steps(&prorated, &format!("{steps}2000\nsubscribe base id=c => 1000"));
}

#[test]
fn c36_c37_an_addon_bought_in_the_middle_renews_with_the_subscription() {
    check_issued(
        "C36",
        SHOP,
        "
        2025-03-01 subscribe base
        2025-03-16T12:00:00Z set extra
        2025-04-01 wait
        ",
        "
        2025-03-01–2025-04-01 1000
        2025-03-16T12:00:00Z–2025-04-01 100
        2025-04-01–2025-05-01 1000
        2025-04-01–2025-05-01 100
        ",
    );
    let prorated = format!("settings prorate\n{SHOP}");
    check_steps(
        &prorated,
        "
        2025-03-01 subscribe base              => 1000
        2025-03-16T12:00:00Z set extra         => 1050
        2025-04-01 wait                        => 1100
        2025-04-16 set extra=3                 => 1200
        set extra=1                            => 1100
        ",
    );
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe base extra        => 1100
        2025-03-16T12:00:00Z set extra=3       => 1300
        use 1250                               => 50
        set extra                              => 0 carried 150
        2025-04-01 wait                        => 1100
        patch addons=extra*3                   => 1300
        patch addons=extra*1 at-period-end     => 1300
        2025-05-01 wait                        => 1100
        ",
    );
}

#[test]
fn c38_an_addon_that_leaves_and_comes_back_gains_and_loses_nothing() {
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe base extra        => 1100
        use 1050                               => 50
        set                                    => 0 carried 50
        2025-03-20 set extra                   => 50
        set                                    => 0 carried 50
        set extra                              => 50
        ",
    );
}

#[test]
fn c39_c40_c41_the_end_of_the_period_wins_over_its_renewal() {
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe base              => 1000
        cancel at-period-end                   => 1000
        2025-03-31T23:59:59.999999Z wait       => 1000
        2025-04-01 wait                        => 0
        patch ends=never                       => refused: the subscription has ended
        ",
    );
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe base              => 1000
        2025-03-31T23:59:59.999Z cancel now    => 0
        2025-04-01 wait                        => 0
        ",
    );
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe base              => 1000
        cancel at-period-end                   => 1000
        2025-03-31 patch ends=never            => 1000
        2025-04-15 wait                        => 1000
        ",
    );
    let renewed = World::after(
        SHOP,
        "
        2025-03-01 subscribe base
        cancel at-period-end
        2025-03-31 patch ends=never
        2025-04-15 wait
        ",
    );
    assert_eq!(issued(&renewed).len(), 2, "C41: the renewal happens once");
}

#[test]
fn c42_the_paid_periods_begin_where_the_trial_ends() {
    check_issued(
        "C42",
        SHOP,
        "
        2025-02-14T10:00:00Z subscribe trial
        2025-03-28T10:00:00Z wait
        ",
        "
        2025-02-14T10:00:00Z–2025-02-28T10:00:00Z 300
        2025-02-28T10:00:00Z–2025-03-28T10:00:00Z 300
        2025-03-28T10:00:00Z–2025-04-28T10:00:00Z 300
        ",
    );
}

#[test]
fn c43_a_trial_is_paid_for_by_provisioning_during_it() {
    check_issued(
        "C43 at once",
        SHOP,
        "
        2025-02-14 subscribe trial
        2025-02-20 use 100
        subscribe trial no-trial
        2025-03-20 wait
        ",
        "
        2025-02-14–2025-02-28 300
        2025-02-20–2025-03-20 300
        2025-03-20–2025-04-20 300
        ",
    );
    check_issued(
        "C43 at the trial's end",
        SHOP,
        "
        2025-02-14 subscribe trial trial-cancels=2025-02-28
        2025-02-20 subscribe trial no-trial at-period-end
        2025-03-01 wait
        ",
        "
        2025-02-14–2025-02-28 300
        2025-02-28–2025-03-28 300
        ",
    );
}

#[test]
fn c45_c46_a_past_start_grants_the_running_period_and_a_future_one_nothing_yet() {
    check_issued(
        "C45",
        SHOP,
        "2025-03-10 subscribe base from=2025-01-15",
        "2025-02-15–2025-03-15 1000",
    );
    check_steps(
        SHOP,
        "
        2025-03-10 subscribe base from=2025-03-20   => 0
        2025-03-19T23:59:59.999999Z wait            => 0
        2025-03-20 wait                             => 1000
        2025-04-20 use 1                            => 999
        ",
    );
    let world = World::after(SHOP, "2025-03-10 subscribe base from=2025-03-20\n2025-04-20 wait");
    assert_eq!(issued(&world), ["2025-03-20–2025-04-20 1000", "2025-04-20–2025-05-20 1000"]);
}

#[test]
fn c47_a_new_version_reaches_who_moves_to_it() {
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe base              => 1000
        publish plan base 1500/month           => 1000
        2025-04-01 wait                        => 1000
        2025-04-10 migrate                     => 1500
        2025-05-01 wait                        => 1500
        publish plan base 200/month            => 1500
        migrate                                => 1500
        2025-06-01 wait                        => 200
        publish plan base 2400/year            => 200
        migrate-to plan base                   => 200
        2025-06-30T23:59:59Z wait              => 200
        2025-07-01 wait                        => 2400
        publish plan base tokens=5/month       => 2400
        migrate                                => 2400
        2026-02-28 wait                        => 2400
        2026-03-01 wait                        => 0
        ",
    );
    check_steps(
        SHOP,
        "
        2025-03-01 subscribe base extra                    => 1100
        publish addon extra 300/month:override             => 1100
        migrate at-period-end                              => 1100
        2025-03-31 wait                                    => 1100
        2025-04-01 wait                                    => 300
        publish addon extra 300/month                      => 300
        migrate                                            => 300
        2025-06-01 wait                                    => 1300
        ",
    );
}

#[test]
fn k4_three_months_of_downtime_are_done_boundary_by_boundary() {
    let world = World::after(SHOP, "2025-01-31 subscribe base\n2025-05-15 wait");
    assert_eq!(
        issued(&world),
        [
            "2025-01-31–2025-02-28 1000",
            "2025-02-28–2025-03-31 1000",
            "2025-03-31–2025-04-30 1000",
            "2025-04-30–2025-05-31 1000",
        ]
    );
    let expired = pool_entries(&world.entries).flat_map(|entry| {
        let ended = entry.effects.iter().filter_map(|effect| match effect {
            Effect::Ended(ended) if ended.end == GrantEnd::Expired => Some(ended.amount),
            _ => None,
        });
        ended.map(|amount| (show(entry.at), amount.to_string()))
    });
    let expired: Vec<_> = expired.collect();
    let days = ["2025-02-28", "2025-03-31", "2025-04-30"];
    assert_eq!(expired, days.map(|day| (day.to_owned(), "1000".to_owned())));
}

#[test]
fn the_same_time_in_one_jump_in_days_and_in_hours_gives_the_same_entries() {
    let script = "
        2024-02-29 subscribe both extra
        2024-03-01 use 130
        2024-03-05 patch addons=none at-period-end
        2024-03-30 subscribe big id=sub-2 at-period-end
        ";
    let end = at("2025-04-05");
    let mut jumped = World::after(SHOP, script);
    jumped.advance(end);
    for hours in [24, 1] {
        let mut stepped = World::after(SHOP, script);
        while stepped.now < end {
            stepped.advance(end.min(stepped.now.plus_seconds(hours * 3_600)));
        }
        assert_eq!(stepped.entries, jumped.entries, "in steps of {hours} hours");
    }
    let due = pool_entries(&jumped.entries).filter(|entry| entry.cause == Cause::Due);
    assert!(due.count() > 10, "there was something to do");
}
