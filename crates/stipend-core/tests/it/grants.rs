//! Granting credits and taking them back.

use crate::support::{World, amount, at, catalog, check_steps, currency, grant, show};
use stipend_core::catalog::CatalogCommand;
use stipend_core::customer::{
    CustomerCommand, CustomerRejection, Entry, Grant, GrantStatus, NewGrant, PoolOpened,
};
use stipend_core::limits::POOL_GRANTS_MAX;
use stipend_core::{GrantNo, PoolId, ResourceId, Slot, examples};

const PLAN: &str = "plan base 100/month";

#[test]
fn a_window_must_have_room_and_must_not_be_over() {
    // C48; the window is half-open, so an end at the beginning or now leaves nothing.
    check_steps(
        "",
        "
        2026-03-10 grant paid 1 until=2026-03-10                       => refused: a grant ends after it begins, and in the future
        grant paid 1 until=2026-03-09                                  => refused: a grant ends after it begins, and in the future
        grant paid 1 from=2026-01-01 until=2026-03-10                  => refused: a grant ends after it begins, and in the future
        grant paid 1 from=2026-04-01 until=2026-04-01                  => refused: a grant ends after it begins, and in the future
        grant paid 1 until=2026-03-10T00:00:00.000001Z                 => 1
        grant paid 1 from=2026-01-01 until=2026-03-11                  => 2
        grant paid 1 from=2026-04-01 until=2026-04-01T00:00:00.000001Z => 2 scheduled 1
        ",
    );
}

#[test]
fn voiding_takes_back_what_is_unused_and_keeps_what_was_drawn() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 50 prio=1    => 50
        grant paid 30                      => 80
        use 20                             => 60
        void 1                             => 30
        void 1                             => refused: there is no such grant
        use 30                             => 0
        void 2                             => 0
        ",
    );
    let mut world = World::after("", "2026-03-01 grant paid 50\nuse 20");
    world.step("2026-03-02 void 1");
    insta::assert_snapshot!(world.told(), @"2026-03-02: #1 voided 30");
}

#[test]
fn voiding_a_scheduled_grant_takes_nothing_from_the_balance() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 50 from=2026-03-10   => 0 scheduled 50
        void 1                                     => 0
        2026-03-10 wait                            => 0
        ",
    );
}

#[test]
fn an_overdraft_is_settled_and_not_voided() {
    check_steps(
        "",
        "
        2026-03-01 use 5    => -5 overdraft 5
        void 1              => refused: an overdraft cannot be voided; it is settled by the next grant
        grant paid 5        => 0
        void 1              => refused: there is no such grant
        ",
    );
}

#[test]
fn an_expired_or_unknown_grant_is_not_there_to_be_voided() {
    check_steps(
        PLAN,
        "
        2026-03-01 grant paid 5 until=2026-03-02   => 5
        2026-03-02 void 1                          => refused: there is no such grant
        void 99                                    => refused: there is no such grant
        ",
    );
    let mut world = World::after("", "2026-03-01 grant paid 5");
    let elsewhere = PoolId::new(Slot(7), 0);
    let refused = world.carry_out(&CustomerCommand::VoidGrant(elsewhere, GrantNo(1)));
    assert_eq!(refused.unwrap_err(), CustomerRejection::GrantNotFound);
}

#[test]
fn the_status_of_a_grant_follows_its_window_and_its_end() {
    let world = World::after("", "2026-03-01 grant paid 5 from=2026-03-10 until=2026-03-20");
    let grant = world.pool().unwrap().scheduled[0].clone();
    let check = |grant: &Grant, instant: &str, status: GrantStatus| {
        assert_eq!(grant.status(at(instant)), status, "{instant}");
        let is_active = status == GrantStatus::Active;
        assert!(grant.voided_at.is_some() || grant.is_effective(at(instant)) == is_active);
    };
    check(&grant, "2026-03-09T23:59:59.999999Z", GrantStatus::Scheduled);
    check(&grant, "2026-03-10", GrantStatus::Active);
    check(&grant, "2026-03-19T23:59:59.999999Z", GrantStatus::Active);
    check(&grant, "2026-03-20", GrantStatus::Expired);
    let voided = Grant { voided_at: Some(at("2026-03-12")), ..grant };
    check(&voided, "2026-03-15", GrantStatus::Voided);
    check(&voided, "2026-03-25", GrantStatus::Voided);
}

#[test]
fn the_amount_of_a_grant_falls_with_a_reduction_and_the_original_stays() {
    let world = World::after(
        "
        plan base 100/month
        addon extra 50/month
        ",
        "2026-03-01 subscribe base extra=3\n2026-03-10 set extra=1",
    );
    let grant = &world.pool().unwrap().live.open()[1];
    assert_eq!((grant.original, grant.amount), (amount("150"), amount("50")));
    assert_eq!(
        (show(grant.created_at), show(grant.updated_at)),
        ("2026-03-01".to_owned(), "2026-03-10".to_owned())
    );
}

#[test]
fn an_archived_credit_type_takes_no_grants_but_is_still_consumed() {
    let mut world = World::after("", "2026-03-01 grant paid 10");
    let archive = CatalogCommand::ArchiveCreditType(examples::credits());
    examples::change(&mut world.catalog, &archive, world.now).unwrap();
    assert_eq!(world.step("grant paid 1"), "refused: credit type api-credits is archived");
    assert_eq!(world.step("use 4"), "6");
}

#[test]
fn a_credit_type_must_be_in_the_catalog() {
    let mut world = World::new(catalog(""));
    let nothing = currency("nothing");
    let new = NewGrant { currency: nothing.clone(), ..grant("paid 1") };
    let refused = world.carry_out(&CustomerCommand::Grant(Box::new(new)));
    assert_eq!(refused.unwrap_err(), CustomerRejection::CurrencyNotFound(nothing));
}

#[test]
fn a_grant_to_a_new_resource_makes_the_resource_and_its_pool() {
    let mut world = World::new(catalog(""));
    let site = ResourceId::parse("site-1").unwrap();
    let new = NewGrant { resource: Some(site.clone()), ..grant("paid 7") };
    world.advance(at("2026-03-01"));
    let decision = world.carry_out(&CustomerCommand::Grant(Box::new(new))).unwrap();
    let [Entry::Resource(made), Entry::PoolOpened(opened), Entry::Pool(_)] = &decision.entries[..]
    else {
        panic!("a resource, a pool, a grant: {:?}", decision.entries)
    };
    assert_eq!(made.id, site);
    let pool = PoolId::new(Slot(0), 0);
    let expected = PoolOpened { pool, currency: examples::credits(), resource: Some(site.clone()) };
    assert_eq!(*opened, expected);
    assert_eq!(decision.grant, Some((pool, GrantNo(1))));
    assert!(world.pool().is_none(), "the customer's own pool is another one");
    let held = world.customer.find_pool(&examples::credits(), Some(&site)).unwrap();
    assert_eq!(held.balance(), amount("7"));
}

#[test]
fn a_pool_takes_so_many_grants_and_no_more() {
    let catalog = catalog("");
    let mut customer = examples::customer();
    let command = CustomerCommand::Grant(Box::new(grant("paid 1")));
    for _ in 0..POOL_GRANTS_MAX {
        examples::carry_out(&mut customer, &catalog, &command, examples::START).unwrap();
    }
    let refused = examples::carry_out(&mut customer, &catalog, &command, examples::START);
    let what = "grants with something left in a pool";
    let full = CustomerRejection::LimitReached { what, max: POOL_GRANTS_MAX };
    assert_eq!(refused.unwrap_err(), full);
}
