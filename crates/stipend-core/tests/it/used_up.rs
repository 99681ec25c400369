//! Grants that are used up: they stand aside, and are there for whatever asks for them.
//!
//! Method: the rows of a pool with a few used-up grants, and the same pool with more of them than
//! may have something left. What becomes of them in every order is the matter of the models.

use crate::support::{World, check_steps, lines};
use stipend_core::customer::{CustomerCommand, CustomerRejection, Grant, GrantStatus};
use stipend_core::limits::{POOL_GRANTS_ALL_MAX, POOL_GRANTS_MAX};
use stipend_core::{Amount, GrantNo, examples};

/// Bought and used up, one after the other.
fn used_up(times: usize) -> World {
    let mut world = World::after("", "2026-03-01 wait");
    for _ in 0..times {
        assert_eq!(world.step("grant paid 1"), "1");
        assert_eq!(world.step("use 1"), "0");
    }
    world
}

#[test]
fn what_is_used_up_leaves_room_for_more() {
    let mut world = used_up(POOL_GRANTS_MAX + 1);
    assert_eq!(world.step("grant paid 1"), "1");
    let pool = world.pool().unwrap();
    assert_eq!((pool.live.open().len(), pool.live.len()), (1, POOL_GRANTS_MAX + 2));
    let whole = Amount::whole(1_002);
    assert_eq!((pool.granted, pool.used), (whole, whole - Amount::whole(1)));
    world.assert_read_is_replay();
}

#[test]
fn a_pool_keeps_so_many_used_up_grants_and_no_more() {
    let mut world = used_up(1);
    let pool = &mut world.customer.pools[0];
    let filler = pool.live.iter().next().unwrap().clone();
    let number = |no: usize| GrantNo(u32::try_from(no).unwrap());
    let many = (0..POOL_GRANTS_ALL_MAX).map(|no| Grant { no: number(no), ..filler.clone() });
    pool.live = many.collect::<Vec<_>>().into();
    let command = world.command("grant paid 1");
    let full =
        CustomerRejection::LimitReached { what: "grants in a pool", max: POOL_GRANTS_ALL_MAX };
    assert_eq!(
        full.to_string(),
        "the limit of 20000 grants in a pool is reached; void grants that are used up, of which \
         nothing can be given back then, and let new ones expire"
    );
    let decide = |world: &World| {
        stipend_core::customer::decide(&world.customer, &world.catalog, &command, world.now)
    };
    assert_eq!(decide(&world).unwrap_err(), full);
    let pool = &mut world.customer.pools[0];
    pool.live = pool.live.iter().skip(1).cloned().collect::<Vec<_>>().into();
    assert!(decide(&world).is_ok());
}

#[test]
fn a_used_up_grant_is_given_back_to_voided_and_expires_as_any_other() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 5 until=2026-04-01 => 5
        use 5             => 0
        grant paid 5      => 5
        use 3             => 2
        use 2             => 0
        reverse 1         => 5
        use 5             => 0
        reverse 2         => 3
        use 4             => -1 overdraft 1
        reverse 3         => 1
        void 1            => 1
        reverse 4         => 1
        ",
    );
    check_steps(
        "",
        "
        2026-03-01 grant paid 5 until=2026-04-01 => 5
        use 5             => 0
        grant paid 5      => 5
        2026-04-01 wait   => 5
        void 1            => refused: there is no such grant
        reverse 1         => 5
        ",
    );
}

#[test]
fn what_is_used_up_ends_at_its_time_in_burn_order() {
    let mut world = World::after("", "2026-03-01 wait");
    for line in lines(
        "
        grant paid 5 prio=9 until=2026-04-01
        grant paid 5 prio=1 until=2026-04-01
        grant paid 5 prio=5 until=2026-04-01
        grant paid 5 until=2026-04-02
        use 17
        ",
    ) {
        world.step(line);
    }
    let order: Vec<u32> = world.pool().unwrap().live.iter().map(|grant| grant.no.0).collect();
    assert_eq!(order, [2, 3, 1, 4]);
    assert_eq!(world.step("2026-04-01 wait"), "3");
    insta::assert_snapshot!(world.told(), @"2026-04-01: #2 expired 0, #3 expired 0, #1 expired 0");
    world.assert_read_is_replay();
}

#[test]
fn a_used_up_grant_is_found_among_hundreds() {
    let mut world = used_up(600);
    for no in [1, 255, 256, 600] {
        let grant = world.pool().unwrap().find_grant(GrantNo(no)).unwrap();
        assert_eq!((grant.no, grant.status(world.now)), (GrantNo(no), GrantStatus::Active));
    }
    assert_eq!(world.step("void 256"), "0");
    assert_eq!(world.step("reverse 255"), "1");
    assert_eq!(world.step("reverse 256"), "1", "it was voided");
    let pool = world.pool().unwrap();
    assert_eq!(pool.find_grant(GrantNo(256)), None);
    assert_eq!(pool.live.open().iter().map(|grant| grant.no.0).collect::<Vec<_>>(), [255]);
    assert_eq!(pool.live.len(), 599);
    world.assert_read_is_replay();
}

#[test]
fn a_pool_that_mislays_a_used_up_grant_is_found_out() {
    let sound = used_up(2).pool().unwrap().clone();
    sound.verify().unwrap();
    let mut broken = sound.clone();
    broken.live.find_mut(GrantNo(1)).unwrap();
    let what = "does not have its used-up grants where they belong";
    assert_eq!(broken.verify(), Err(format!("pool {:?} {what}", sound.id)));
}

#[test]
fn copies_of_a_customer_go_their_own_ways() {
    let mut world = used_up(3);
    let before = world.customer.clone();
    let mut other = examples::customer();
    other.clone_from(&before);
    world.step("reverse 2");
    assert_eq!(before, other);
    assert_eq!(before.pools[0].balance(), Amount::ZERO);
    assert_eq!(world.pool().unwrap().balance(), Amount::whole(1));
    let command = CustomerCommand::Grant(Box::new(examples::grant(
        stipend_core::customer::GrantKind::Paid,
        Amount::whole(1),
    )));
    world.carry_out(&command).unwrap();
    world.assert_read_is_replay();
}
