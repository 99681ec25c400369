//! Reservations: credits that are held until a job is finished.

use crate::support::{World, amount, check_steps, reservation};
use stipend_core::customer::{CustomerRejection, Denial, Hold, Pool, check_credit};
use stipend_core::examples;
use stipend_core::limits::POOL_RESERVATIONS_MAX;
use stipend_core::{Amount, GrantNo};

const PLAN: &str = "plan base 100/month\naddon extra 30/month\naddon tier 400/month:override";

#[test]
fn what_is_reserved_is_not_there_for_anyone_else() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 100  => 100
        reserve a 60               => 40 reserved 60
        strict 41                  => refused: 41 credits were asked for and 40 are available
        strict 40                  => 0 reserved 60
        reserve b 1                => refused: 1 credits were asked for and 0 are available
        use 5                      => -5 overdraft 5 reserved 60
        ",
    );
}

#[test]
fn a_reservation_is_refused_whole_where_there_is_less_whatever_is_soft() {
    check_steps(
        "plan base 10/month:soft",
        "
        2026-03-01 subscribe base  => 10
        reserve a 10.000000001     => refused: 10.000000001 credits were asked for and 10 are available
        use 15                     => -5 overdraft 5
        reserve a 1                => refused: 1 credits were asked for and 0 are available
        ",
    );
    let mut world = World::after("", "2026-03-01 wait");
    let refused = world.step("reserve a 1");
    assert_eq!(refused, "refused: 1 credits were asked for and 0 are available");
    assert!(world.entries.is_empty(), "no pool came to be");
}

#[test]
fn what_is_held_is_taken_in_burn_order() {
    let mut world = World::after(
        "",
        "
        2026-03-01 grant paid 50 prio=90
        grant promo 30
        reserve a 40
        ",
    );
    insta::assert_snapshot!(world.told(), @"2026-03-01: a holds #2 30 #1 10");
    world.step("use 5");
    insta::assert_snapshot!(world.told(), @"2026-03-01: #1 drawn 5");
    world.step("release a 35");
    insta::assert_snapshot!(world.told(), @"2026-03-01: a released #2 30/30 #1 5/10");
    assert_eq!(world.state(), "40");
}

#[test]
fn a_release_charges_what_was_consumed_and_returns_the_rest() {
    let check = |consumed: &str, told: &str, state: &str| {
        let mut world = World::after("", "2026-03-01 grant paid 100\nreserve a 60");
        world.step(&format!("release a {consumed}"));
        assert_eq!(world.told(), told);
        assert_eq!(world.state(), state);
        world.assert_read_is_replay();
    };
    check("0", "2026-03-01: a released #1 0/60", "100");
    check("25.5", "2026-03-01: a released #1 25.5/60", "74.5");
    check("60", "2026-03-01: a released #1 60/60", "40");
    check("75", "2026-03-01: a released #1 60/60, #1 drawn 15", "25");
    check(
        "110",
        "2026-03-01: a released #1 60/60, #1 drawn 40, #2 overdrawn 10",
        "-10 overdraft 10",
    );
}

#[test]
fn a_reservation_ends_once_and_what_comes_after_is_a_consumption() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 100  => 100
        reserve a 60               => 40 reserved 60
        reserve a 60               => refused: there is a reservation a already
        release b 5                => refused: there is no reservation b
        release a 50               => 50
        release a 5                => refused: there is no reservation a
        release a 5 known          => 45
        release a 0 known          => 45
        extend a for=60            => refused: there is no reservation a
        extend a for=60 known      => refused: reservation a has ended
        ",
    );
}

#[test]
fn a_reservation_ends_in_the_future_and_at_most_a_day_ahead() {
    const REFUSED: &str = "refused: a reservation ends in the future, at most 24 hours ahead";
    let check = |until: &str, state: &str| {
        let mut world = World::after("", "2026-03-10 grant paid 10");
        assert_eq!(world.step(&format!("reserve a 1 for={until}")), state, "{until}");
    };
    check("0", REFUSED);
    check("1", "9 reserved 1");
    check("86400", "9 reserved 1");
    check("86401", REFUSED);
    check("2026-03-09", REFUSED);
    check("2026-03-10", REFUSED);
    check("2026-03-10T00:00:00.000001Z", "9 reserved 1");
    check("2026-03-11", "9 reserved 1");
    check("2026-03-11T00:00:00.000001Z", REFUSED);
}

#[test]
fn what_is_held_comes_back_when_its_time_is_over() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 100          => 100
        reserve a 60 for=2026-03-01T06:00:00Z => 40 reserved 60
        2026-03-01T05:59:59.999999Z wait   => 40 reserved 60
        2026-03-01T06:00:00Z wait          => 100
        release a 70                       => refused: there is no reservation a
        release a 70 known                 => 30
        ",
    );
    let mut world = World::after("", "2026-03-01 grant paid 100\nreserve a 60 for=60\nreserve b 5");
    world.step("2026-03-02 wait");
    insta::assert_snapshot!(world.told(), @r"
    2026-03-01T00:01:00Z: a expired #1 0/60
    2026-03-01T01:00:00Z: b expired #1 0/5
    ");
}

#[test]
fn the_held_part_of_a_grant_stays_when_the_grant_expires() {
    let mut world = World::after(
        "",
        "
        2026-03-01T23:30:00Z grant paid 100 until=2026-03-02
        use 10
        reserve a 60
        reserve b 5
        ",
    );
    world.step("2026-03-02 wait");
    insta::assert_snapshot!(world.told(), @"2026-03-02: #1 expired 25");
    assert_eq!(world.state(), "0 aside 65");
    assert_eq!(world.step("release a 50"), "0 aside 5", "it is charged to what was held");
    insta::assert_snapshot!(world.told(), @"2026-03-02: a released #1! 50/60");
    assert_eq!(world.step("release b 7"), "-2 overdraft 2", "what is above it is not");
    insta::assert_snapshot!(world.told(), @"2026-03-02: b released #1! 5/5, #1 expired 0, #2 overdrawn 2");
    assert!(world.pool().unwrap().lapsed.is_empty());
    world.assert_read_is_replay();
}

#[test]
fn a_reservation_extended_beyond_its_grant_keeps_what_it_holds_until_it_ends() {
    let steps = "
        2026-03-01T23:00:00Z grant paid 100 until=2026-03-02
        reserve a 60 for=1800
        extend a for=2026-03-02T01:00:00Z
        ";
    let mut world = World::after("", steps);
    assert_eq!(world.step("2026-03-02 wait"), "0 aside 60", "the rest ends, what is held does not");
    assert_eq!(world.step("extend a for=2026-03-02T02:00:00Z"), "0 aside 60");
    let more = world.step("extend a to=61");
    assert!(more.starts_with("refused: "), "nothing is left to hold more of: {more}");
    assert_eq!(
        world.step("2026-03-02T01:30:00Z release a 50"),
        "0",
        "it is charged, the rest is gone"
    );
    let mut world = World::after("", steps);
    assert_eq!(world.step("2026-03-02T01:00:00Z wait"), "0", "what comes back is gone");
}

#[test]
fn a_reservation_that_ends_with_its_grant_gives_back_first() {
    let mut world = World::after(
        "",
        "
        2026-03-01T23:30:00Z grant paid 100 until=2026-03-02
        reserve a 60 for=2026-03-02
        use 45
        ",
    );
    assert_eq!(world.state(), "-5 overdraft 5 reserved 60");
    world.step("2026-03-02 wait");
    insta::assert_snapshot!(world.told(), @r"
    2026-03-02: a expired #1 0/60
    2026-03-02: #1 expired 60
    ");
    assert_eq!(world.state(), "-5 overdraft 5", "what is over settles nothing");
}

#[test]
fn voiding_leaves_what_is_held_and_what_comes_back_is_gone() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 100  => 100
        reserve a 60               => 40 reserved 60
        void 1                     => 0 aside 60
        void 1                     => refused: there is no such grant
        release a 10               => 0
        use 1                      => -1 overdraft 1
        ",
    );
}

#[test]
fn what_comes_back_settles_overdraft_first() {
    let mut world = World::after("", "2026-03-01 grant paid 100\nreserve a 60\nuse 50");
    assert_eq!(world.state(), "-10 overdraft 10 reserved 60");
    assert_eq!(world.step("release a 55"), "-5 overdraft 5");
    insta::assert_snapshot!(world.told(), @"2026-03-01: a released #1 55/60, #1 settles 5");

    let mut world = World::after("", "2026-03-01 grant paid 100\nreserve a 60\nuse 50");
    assert_eq!(world.step("2026-03-02 wait"), "50");
    insta::assert_snapshot!(world.told(), @"2026-03-01T01:00:00Z: a expired #1 0/60, #1 settles 10, overdraft closed");
}

#[test]
fn an_extension_shortens_and_shrinks_nothing_and_is_strict() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 100                 => 100
        reserve a 60 for=7200                     => 40 reserved 60
        extend a for=60                           => 40 reserved 60
        extend a to=10                            => 40 reserved 60
        extend a to=101                           => refused: 41 credits were asked for and 40 are available
        extend a to=75 for=86400                  => 25 reserved 75
        extend a for=86401                        => refused: a reservation ends in the future, at most 24 hours ahead
        2026-03-01T23:59:59Z wait                 => 25 reserved 75
        extend a for=86400                        => 25 reserved 75
        2026-03-02T23:59:58Z wait                 => 25 reserved 75
        2026-03-02T23:59:59Z wait                 => 100
        ",
    );
    let mut world = World::after("", "2026-03-01 grant paid 100\nreserve a 60 for=7200");
    world.step("extend a for=60");
    assert_eq!(world.told(), "", "what changes nothing writes nothing");
    world.step("grant promo 10");
    world.step("extend a to=80 for=10000");
    insta::assert_snapshot!(world.told(), @"2026-03-01: a holds until 2026-03-01T02:46:40Z #2 10 #1 10");
    assert_eq!(world.step("release a 75"), "35");
    insta::assert_snapshot!(world.told(), @"2026-03-01: a released #2 10/10 #1 65/70");
}

#[test]
fn a_reservation_with_an_overdraft_can_be_extended_in_time() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 10  => 10
        reserve a 10              => 0 reserved 10
        use 5                     => -5 overdraft 5 reserved 10
        extend a for=7200         => -5 overdraft 5 reserved 10
        extend a to=11            => refused: 1 credits were asked for and 0 are available
        ",
    );
}

#[test]
fn a_new_period_does_not_touch_what_is_held_of_the_last_one() {
    check_steps(
        PLAN,
        "
        2026-03-01 subscribe base        => 100
        use 20                           => 80
        2026-03-31T23:30:00Z reserve a 50 => 30 reserved 50
        2026-04-01 wait                  => 100 aside 50
        use 10                           => 90 aside 50
        release a 60                     => 80
        ",
    );
}

#[test]
fn what_is_held_moves_with_the_change_of_a_subscription() {
    // An override displaces the plan's grant; what was held of it is held of the new one.
    let mut world = World::after(PLAN, "2026-03-01 subscribe base\nuse 20\nreserve a 50");
    assert_eq!(world.step("set tier"), "330 reserved 50");
    insta::assert_snapshot!(world.told(), @"2026-03-01: a moved off #1 50, #1 moved out 20, #1 voided 100, #2 granted 400, #2 moved in 20, a moved to #2 50, plan base at 0");
    assert_eq!(world.step("set"), "30 reserved 50");
    assert_eq!(world.step("release a 45"), "35");

    // A smaller total keeps what was consumed first, and of what is held as much as fits.
    check_steps(
        PLAN,
        "
        2026-03-01 subscribe base extra=3  => 190
        use 60                             => 130
        reserve a 70                       => 60 reserved 70
        set extra                          => 0 reserved 70
        set                                => 0 reserved 40 unbacked 30
        release a 60                       => -20 overdraft 20
        ",
    );
}

#[test]
fn what_found_no_room_is_charged_like_any_consumption() {
    check_steps(
        PLAN,
        "
        2026-03-01 subscribe base extra    => 130
        reserve a 120                      => 10 reserved 120
        set                                => 0 reserved 100 unbacked 20
        grant paid 50                      => 50 reserved 100 unbacked 20
        release a 115                      => 35
        ",
    );
}

#[test]
fn what_was_consumed_finds_room_before_what_is_held() {
    check_steps(
        PLAN,
        "
        2026-03-01 subscribe base extra    => 130
        reserve a 60                       => 70 reserved 60
        reserve b 40                       => 30 reserved 100
        use 30                             => 0 reserved 100
        set                                => 0 reserved 70 unbacked 30
        release b 0                        => 10 reserved 60
        release a 0                        => 70
        ",
    );
}

#[test]
fn leaving_and_coming_back_frees_nothing_of_what_is_held() {
    check_steps(
        PLAN,
        "
        2026-03-01 subscribe base extra=2  => 160
        reserve a 150                      => 10 reserved 150
        set                                => 0 reserved 100 unbacked 50
        set extra=2                        => 10 reserved 150
        agree 0/month                      => 0 reserved 60 unbacked 90
        agree                              => 10 reserved 150
        set tier                           => 250 reserved 150
        set extra=2                        => 10 reserved 150
        release a 150                      => 10
        ",
    );
}

#[test]
fn a_new_plan_leaves_what_is_held_with_the_old_one() {
    // The new plan begins full; what is held stays with the grant that it was taken of, and
    // counts as consumed should the old plan come back inside the period.
    check_steps(
        "plan base 100/month\nplan other 200/month",
        "
        2026-03-01 subscribe base          => 100
        use 10                             => 90
        reserve a 50                       => 40 reserved 50
        subscribe other                    => 200 aside 50
        release a 20                       => 200
        subscribe base                     => 40
        ",
    );
    // Where the product keeps usage, what is held moves along.
    check_steps(
        "product reset=never\nplan base 100/month\nplan other 200/month",
        "
        2026-03-01 subscribe base          => 100
        use 10                             => 90
        reserve a 50                       => 40 reserved 50
        subscribe other                    => 140 reserved 50
        subscribe base                     => 40 reserved 50
        release a 50                       => 40
        ",
    );
}

#[test]
fn the_end_of_a_subscription_leaves_what_is_held() {
    check_steps(
        PLAN,
        "
        2026-03-01 subscribe base  => 100
        reserve a 50               => 50 reserved 50
        cancel                     => 0 aside 50
        release a 20               => 0
        ",
    );
    check_steps(
        PLAN,
        "
        2026-03-01 subscribe base  => 100
        reserve a 50               => 50 reserved 50
        archive                    => 0 aside 50
        release a 20               => refused: the customer is archived
        2026-03-02 wait            => 0
        ",
    );
}

#[test]
fn a_reservation_stays_where_it_was_made_when_its_subscription_moves_away() {
    check_steps(
        PLAN,
        "
        2026-03-01 subscribe base  => 100
        grant paid 20              => 120
        reserve a 50               => 70 reserved 50
        transfer site              => 20 unbacked 50
        release a 30               => -10 overdraft 10
        ",
    );
    let mut world = World::after(PLAN, "2026-03-01 subscribe base\nreserve a 50\ntransfer site");
    world.step("wait");
    let there = world.customer.pools.iter().find(|pool| pool.resource.is_some());
    assert_eq!(there.map(Pool::balance), Some(Amount::whole(100)), "it arrives whole");
}

#[test]
fn what_is_held_moves_with_the_end_of_a_trial() {
    let mut world = World::after(
        PLAN,
        "
        2026-03-01 subscribe base trial-until=2026-03-05
        use 20
        reserve a 50
        ",
    );
    assert_eq!(world.step("patch trial-ends=2026-03-10"), "30 reserved 50");
    insta::assert_snapshot!(world.told(), @"2026-03-01: a moved off #1 50, #1 moved out 20, #1 voided 100, #2 granted 100, #2 moved in 20, a moved to #2 50, plan base at 100");
    assert_eq!(world.step("release a 50"), "30");
}

#[test]
fn prorated_changes_move_what_is_held_too() {
    check_steps(
        "settings prorate\nplan base 100/month\naddon extra 62/month",
        "
        2026-03-01 subscribe base extra    => 162
        reserve a 162 for=86400            => 0 reserved 162
        2026-03-01T12:00:00Z set           => 0 reserved 101 unbacked 61
        release a 110                      => -9 overdraft 9
        ",
    );
}

#[test]
fn a_check_says_what_is_reserved() {
    let mut world = World::after(
        "",
        "
        2026-03-01T23:30:00Z grant paid 100 until=2026-03-02
        grant paid 100
        reserve a 130
        ",
    );
    let check = |world: &World, requested: i64| {
        let requested = Some(Amount::whole(requested));
        let credits = examples::credits();
        check_credit(&world.customer, &world.catalog, &credits, None, requested, world.now)
    };
    let told = check(&world, 70);
    assert_eq!((told.usage_limit, told.current_usage), (Amount::whole(200), Amount::whole(130)));
    assert_eq!((told.reserved, told.reserved_on_lapsed), (Amount::whole(130), Amount::ZERO));
    assert_eq!(told.denial, None);
    assert_eq!(check(&world, 71).denial, Some(Denial::InsufficientCredits));
    world.step("2026-03-02 wait");
    let told = check(&world, 70);
    assert_eq!((told.usage_limit, told.current_usage), (Amount::whole(100), Amount::whole(30)));
    assert_eq!((told.reserved, told.reserved_on_lapsed), (Amount::whole(30), Amount::whole(100)));
    assert_eq!(told.valid_until, Some(crate::support::at("2026-03-02T00:30:00Z")));
}

#[test]
fn the_open_reservations_of_a_pool_are_limited() {
    let mut world = World::after("", "2026-03-01 grant paid 100000");
    for number in 0..POOL_RESERVATIONS_MAX {
        assert!(!world.step(&format!("reserve r{number} 1")).starts_with("refused"));
    }
    world.step("reserve more 1");
    let what = "open reservations in a pool";
    let limit = CustomerRejection::LimitReached { what, max: POOL_RESERVATIONS_MAX };
    assert_eq!(world.refused, Some(limit));
    assert_eq!(world.step("release r0 0"), "99001 reserved 999");
    assert_eq!(world.step("reserve more 1"), "99000 reserved 1000");
}

#[test]
fn a_pool_whose_reservations_do_not_add_up_is_found_out() {
    let sound = || {
        let world = World::after(
            "",
            "
            2026-03-01T23:30:00Z grant paid 100 until=2026-03-02
            grant paid 100
            reserve a 130
            2026-03-02 wait
            ",
        );
        world.pool().unwrap().clone()
    };
    let check = |what: &str, damage: fn(&mut Pool)| {
        let mut pool = sound();
        pool.verify().unwrap();
        damage(&mut pool);
        assert!(pool.verify().is_err(), "{what}");
    };
    check("more is held than reserved", |pool| {
        pool.live.find_mut(GrantNo(2)).unwrap().held += amount("1");
        pool.used += amount("1");
    });
    check("a grant is aside for nothing", |pool| {
        pool.lapsed[0].held = Amount::ZERO;
        pool.holds[0].draws.retain(|draw| draw.grant != pool.lapsed[0].no);
    });
    check("a reservation is gone", |pool| pool.holds.clear());
    check("a reservation holds beyond its amount", |pool| pool.holds[0].amount = amount("1"));
    check("a reservation holds of what is not there", |pool| pool.lapsed.clear());
    check("a grant is held below nothing", |pool| {
        pool.live.find_mut(GrantNo(2)).unwrap().held = -amount("1");
        pool.used -= amount("31");
    });
    let hold = sound().find_hold(&reservation("a")).map(Hold::backed);
    assert_eq!(hold, Some(Amount::whole(130)));
}
