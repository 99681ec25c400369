//! Where items stand in a running period: a change is the difference to that, so nothing is granted
//! twice, whatever was prorated, returned, or agreed for later.

use crate::support::check_steps;

const SHOP: &str = "
    plan base paid 300/month
    plan twin paid 300/month
    plan big paid 900/month
    plan small paid 150/month
    plan team paid limit=5 30/month:per-seat
    plan yearly paid 3600/year
    plan sum paid 360/month
    addon extra 60/month
    addon tier 1500/month:override
    addon peak limit=0 20/month:per-seat:override
    ";

fn check_whole(table: &str) {
    check_steps(SHOP, table);
}

/// April has thirty days, so its parts are easy to tell.
fn check_prorated(table: &str) {
    check_steps(&format!("settings prorate\n{SHOP}"), table);
}

#[test]
fn a_prorated_plan_change_renews_with_the_amounts_of_the_new_plan() {
    check_prorated(
        "
        2025-04-01 subscribe base            => 300
        2025-04-16 subscribe twin id=b       => 300
        2025-05-01 wait                      => 300
        2025-06-01 wait                      => 300
        ",
    );
    check_prorated(
        "
        2025-04-01 subscribe base extra      => 360
        2025-04-16 subscribe small id=b keep => 285
        2025-05-01 wait                      => 210
        2025-06-01 set                       => 150
        2025-07-01 wait                      => 150
        ",
    );
    check_prorated(
        "
        2025-04-01 subscribe base            => 300
        2025-04-16 subscribe yearly id=b     => 3602.05479452
        2025-05-01 wait                      => 3452.05479452
        2026-04-01 wait                      => 3600
        ",
    );
}

#[test]
fn a_prorated_plan_change_at_a_boundary_counts_no_period_that_has_ended() {
    check_prorated(
        "
        2025-04-01 subscribe base                 => 300
        subscribe big id=b at-period-end          => 300
        2025-05-01 wait                           => 900
        2025-06-01 wait                           => 900
        subscribe small id=c at-period-end        => 900
        2025-07-01 wait                           => 150
        2025-08-01 subscribe big id=d             => 900
        2025-09-01 wait                           => 900
        ",
    );
}

#[test]
fn prorated_changes_there_and_back_leave_what_the_time_between_was_worth() {
    check_prorated(
        "
        2025-04-01 subscribe base            => 300
        2025-04-16 subscribe big id=b        => 600
        subscribe small id=c                 => 225
        subscribe base id=d                  => 300
        2025-05-01 wait                      => 300
        ",
    );
    // Ten days of April at the greater plan.
    check_prorated(
        "
        2025-04-01 subscribe base            => 300
        2025-04-11 subscribe big id=b        => 700
        2025-04-21 subscribe base id=c       => 500
        subscribe big id=d                   => 700
        subscribe base id=e                  => 500
        2025-05-01 wait                      => 300
        ",
    );
    check_prorated(
        "
        2025-04-01 subscribe base extra=7    => 720
        2025-04-16 subscribe big id=b extra  => 840
        subscribe small id=c extra=3         => 525
        subscribe base id=d extra=7          => 720
        set                                  => 510
        ",
    );
}

#[test]
fn the_same_total_made_of_other_parts_is_worth_the_same() {
    // Rounded apart, 300 and 60 are a billionth less at this instant than 360.
    check_prorated(
        "
        2025-04-01 subscribe base extra      => 360
        2025-04-11T00:00:01Z subscribe sum id=b => 360
        subscribe base id=c extra            => 360
        set                                  => 320.000023148
        subscribe sum id=d                   => 360
        2025-05-01 wait                      => 360
        ",
    );
}

#[test]
fn what_begins_in_the_middle_of_its_own_period_is_prorated_too() {
    check_prorated(
        "
        2025-04-01 subscribe base            => 300
        publish plan base 3650/year          => 300
        migrate                              => 300
        2025-05-01 wait                      => 3350
        set extra                            => 3410
        2025-06-01 wait                      => 3410
        2026-04-01 wait                      => 3710
        ",
    );
}

#[test]
fn prorated_consumption_stays_consumed_whatever_takes_its_place() {
    check_prorated(
        "
        2025-04-01 subscribe base            => 300
        use 250                              => 50
        2025-04-16 subscribe big id=b        => 350
        use 300                              => 50
        subscribe small id=c                 => 0 carried 325
        subscribe big id=d                   => 50
        ",
    );
}

#[test]
fn seats_that_come_back_are_not_granted_again() {
    check_prorated(
        "
        2025-04-01 subscribe team            => 150
        2025-04-16 patch buy=seats*7         => 180
        patch buy=seats*5                    => 180
        2025-04-21 patch buy=seats*7         => 180
        patch buy=seats*8                    => 190
        patch buy=seats*2                    => 190
        2025-05-01 wait                      => 60
        ",
    );
    // What former plans left in force is not taken back with seats either.
    check_prorated(
        "
        2025-04-01 subscribe base            => 300
        2025-04-16 subscribe team id=b       => 225
        patch buy=seats*1                    => 225
        patch buy=seats*5                    => 225
        patch buy=seats*15                   => 375
        2025-05-01 wait                      => 450
        ",
    );
    check_whole(
        "
        2025-04-01 subscribe team            => 150
        patch buy=seats*2                    => 150
        publish plan team limit=5 40/month:per-seat => 150
        migrate                              => 150
        patch buy=seats*4                    => 160
        2025-05-01 wait                      => 160
        ",
    );
}

#[test]
fn before_the_anchor_an_increase_and_a_reduction_measure_the_same_window() {
    check_steps(
        &format!("settings prorate month-aligned\n{SHOP}"),
        "
        2025-04-16 subscribe base            => 150
        2025-04-21 set extra=2               => 190
        set                                  => 150
        subscribe big id=b                   => 350
        subscribe base id=c                  => 150
        2025-05-01 wait                      => 300
        ",
    );
}

#[test]
fn prorated_changes_after_a_move_to_a_lower_version_gain_nothing() {
    check_prorated(
        "
        2025-04-01 subscribe base extra=2    => 420
        2025-04-16 set extra                 => 390
        publish addon extra 30/month         => 390
        publish plan base 100/month          => 390
        migrate                              => 390
        subscribe twin id=b keep             => 375
        subscribe base id=c keep             => 275
        subscribe twin id=d keep             => 375
        2025-05-01 wait                      => 330
        ",
    );
}

#[test]
fn versions_that_fall_and_rise_within_a_period_grant_nothing_twice() {
    check_whole(
        "
        2025-04-01 subscribe base                 => 300
        use 100                                   => 200
        publish plan base 100/month               => 200
        migrate                                   => 200
        publish plan base 300/month               => 200
        migrate                                   => 200
        publish plan base 350/month               => 200
        migrate                                   => 250
        2025-05-01 wait                           => 350
        ",
    );
    check_prorated(
        "
        2025-04-01 subscribe base extra           => 360
        publish addon extra 30/month              => 360
        migrate                                   => 360
        publish addon extra 60/month              => 360
        2025-04-16 migrate                        => 360
        publish addon extra 90/month              => 360
        migrate-to addon extra                    => 375
        set extra=2                               => 420
        2025-05-01 wait                           => 480
        ",
    );
}

#[test]
fn what_waits_for_the_end_of_a_period_is_not_let_in_by_the_next_version() {
    check_whole(
        "
        2025-04-01 subscribe base                 => 300
        publish plan base 3000/year               => 300
        migrate                                   => 300
        publish plan base 4000/year               => 300
        migrate                                   => 300
        2025-05-01 wait                           => 4000
        ",
    );
    check_whole(
        "
        2025-04-01 subscribe base extra           => 360
        publish addon extra 200/month:override    => 360
        migrate                                   => 360
        publish addon extra 250/month:override    => 360
        migrate                                   => 360
        2025-05-01 wait                           => 250
        publish addon extra 60/month              => 250
        migrate                                   => 250
        publish plan base 500/month               => 250
        migrate                                   => 250
        2025-06-01 wait                           => 560
        ",
    );
    // Nor by the renewal of something else.
    check_whole(
        "
        2025-04-01 subscribe yearly extra         => 3660
        publish plan yearly 300/month             => 3660
        migrate                                   => 3660
        2025-05-01 wait                           => 3660
        2026-03-31 wait                           => 3660
        2026-04-01 wait                           => 360
        2026-05-01 wait                           => 360
        ",
    );
}

#[test]
fn what_takes_the_place_of_an_inherited_amount_gives_it_once() {
    // By a migration of its own, and by a publication to everyone.
    for migrate in ["migrate", "migrate-to plan child"] {
        let check = |catalog: &str, table: &str| {
            let family = "
                plan low 300/month
                plan root 500/month
                plan high 700/month
                plan child parent=root tokens=1/month
                addon extra 60/month
                ";
            check_steps(&format!("{catalog}\n{family}"), &table.replace("move", migrate));
        };
        let check_whole = |table: &str| check("", table);
        check_whole(
            "
            2025-04-01 subscribe child                            => 500
            use 100                                               => 400
            publish plan child tokens=1/month parent=high         => 400
            move                                                  => 600
            publish plan child tokens=1/month parent=low          => 600
            2025-04-11 move                                       => 600
            publish plan child tokens=1/month parent=high         => 600
            move                                                  => 600
            publish plan child 200/month                          => 600
            move                                                  => 600
            2025-05-01 wait                                       => 200
            publish plan child 800/month                          => 200
            move                                                  => 800
            publish plan child tokens=1/month parent=none         => 800
            move                                                  => 800
            2025-06-01 wait                                       => 0
            ",
        );
        // What has another cadence waits, and what someone changes by hand does so no longer.
        check_whole(
            "
            2025-04-01 subscribe child extra                      => 560
            publish plan child 6000/year                          => 560
            move                                                  => 560
            publish plan child tokens=1/month parent=low          => 560
            move                                                  => 560
            set extra=2                                           => 620
            agree 400/month                                       => 520
            2025-05-01 wait                                       => 520
            ",
        );
        check(
            "settings prorate",
            "
            2025-04-01 subscribe child                            => 500
            use 100                                               => 400
            publish plan child 560/month                          => 400
            2025-04-16 move                                       => 430
            publish plan child tokens=1/month                     => 430
            move                                                  => 430
            2025-05-01 wait                                       => 500
            ",
        );
    }
}

#[test]
fn what_grants_nothing_keeps_nothing_waiting() {
    check_whole(
        "
        2025-04-01 subscribe team buy=seats*0     => 0
        publish plan team 700/year                => 0
        migrate                                   => 700
        2026-04-01 wait                           => 700
        ",
    );
}

#[test]
fn what_someone_changes_no_longer_waits_and_is_the_new_total() {
    check_whole(
        "
        2025-04-01 subscribe base extra           => 360
        publish addon extra 200/month:override    => 360
        migrate                                   => 360
        set extra=2                               => 400
        set                                       => 300
        ",
    );
    check_whole(
        "
        2025-04-01 subscribe base                 => 300
        use 50                                    => 250
        publish plan base 3000/year               => 250
        migrate                                   => 250
        set extra                                 => 310
        agree 2000/year                           => 2010
        2025-05-01 wait                           => 2060
        ",
    );
    check_whole(
        "
        2025-04-01 subscribe base tier            => 1500
        publish addon tier 50/month               => 1500
        migrate                                   => 1500
        agree 400/month                           => 450
        2025-05-01 wait                           => 450
        ",
    );
}

#[test]
fn an_override_that_goes_takes_its_credits_along_even_at_no_seats() {
    check_whole(
        "
        2025-04-01 subscribe team peak            => 100
        patch buy=seats*0                         => 100
        set                                       => 0
        patch buy=seats*2                         => 60
        ",
    );
    check_whole(
        "
        2025-04-01 subscribe team peak=2          => 200
        use 30                                    => 170
        patch buy=seats*0                         => 170
        set peak                                  => 0 carried 30
        patch buy=seats*5                         => 70
        ",
    );
}

#[test]
fn an_override_replaces_what_a_former_plan_left_in_force() {
    check_prorated(
        "
        2025-04-01 subscribe base                 => 300
        2025-04-16 subscribe big id=b             => 600
        set tier                                  => 900
        use 700                                   => 200
        set                                       => 0 carried 100
        set tier                                  => 200
        2025-05-01 wait                           => 1500
        ",
    );
}
