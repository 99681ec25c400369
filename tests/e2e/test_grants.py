"""Grants from creation to void, and the ledger that explains them."""

import datetime

from catalog import Catalog, credit
from refusals import refused


def days_from_now(days: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


def statuses(catalog: Catalog, customer: str, currency: str) -> dict[str, str]:
    return {grant.id: grant.status for grant in catalog.grants(customer, currency)}


def test_a_scheduled_grant_does_not_count_before_its_time(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 10)
    scheduled = catalog.grant(customer, currency, 100, effective_at=days_from_now(2))
    assert scheduled.status == "SCHEDULED"
    assert catalog.limit(customer, currency) == 10
    assert [entry.amount for entry in catalog.ledger(customer, currency)] == [10]


def test_voiding_a_half_used_grant_takes_only_what_is_unused(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    grant = catalog.grant(customer, currency, 100)
    catalog.consume(customer, currency, 40)
    voided = catalog.client.v1.credits.grants.void(grant.id).data
    assert voided.status == "VOIDED"
    assert voided.voided_at is not None
    assert voided.consumed_amount == 40
    assert catalog.balance(customer, currency) == 0
    (entry,) = catalog.ledger(customer, currency, event_type="CREDITS_VOIDED")
    assert (entry.amount, entry.credit_grant_id) == (-60, grant.id)


def test_voiding_twice_answers_the_same_and_has_one_effect(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    grant = catalog.grant(customer, currency, 100)
    first = catalog.client.v1.credits.grants.void(grant.id).data
    assert catalog.client.v1.credits.grants.void(grant.id).data == first
    assert len(catalog.ledger(customer, currency, event_type="CREDITS_VOIDED")) == 1


def test_an_overdraft_is_not_voided_by_hand(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.consume(customer, currency, 5)
    (overdraft,) = catalog.grants(customer, currency)
    assert overdraft.grant_type == "OVERDRAFT"
    with refused(409, "grant_not_voidable"):
        catalog.client.v1.credits.grants.void(overdraft.id)
    assert catalog.balance(customer, currency) == -5


def test_the_list_shows_every_status(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    active = catalog.grant(customer, currency, 10)
    scheduled = catalog.grant(customer, currency, 20, effective_at=days_from_now(1))
    voided = catalog.grant(customer, currency, 30)
    catalog.client.v1.credits.grants.void(voided.id)
    expected = {active.id: "ACTIVE", scheduled.id: "SCHEDULED", voided.id: "VOIDED"}
    assert statuses(catalog, customer, currency) == expected


def test_a_grant_reads_back_as_it_was_created(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    expiry = days_from_now(30).replace(microsecond=0)
    catalog.grant(
        customer,
        currency,
        12.5,
        display_name="Welcome",
        priority=7,
        expire_at=expiry,
        comment="for the pilot",
        metadata={"ticket": "42"},
    )
    (grant,) = catalog.grants(customer, currency)
    assert (grant.display_name, grant.amount, grant.priority) == ("Welcome", 12.5, 7)
    assert (grant.expire_at, grant.comment) == (expiry, "for the pilot")
    assert grant.metadata == {"ticket": "42"}
    assert (grant.grant_type, grant.source_type) == ("PROMOTIONAL", None)


def test_the_ledger_sums_up_to_the_balance(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    plan = catalog.plan(credit(currency, 100))
    catalog.subscribe(customer, plan)
    catalog.consume(customer, currency, 130)
    voided = catalog.grant(customer, currency, 500)
    catalog.consume(customer, currency, 20)
    catalog.client.v1.credits.grants.void(voided.id)
    catalog.grant(customer, currency, 7)
    total = sum(entry.amount for entry in catalog.ledger(customer, currency))
    assert total == catalog.balance(customer, currency) == 7


def test_pages_of_one_row_visit_every_ledger_row_once(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 3)
    catalog.grant(customer, currency, 4)
    for amount in (1, 2, 3, 5):
        catalog.consume(customer, currency, amount)
    whole = catalog.ledger(customer, currency)
    assert len(whole) >= 7
    assert catalog.ledger(customer, currency, limit=1) == whole


def test_pages_of_one_grant_visit_every_grant_once(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    made = [catalog.grant(customer, currency, amount).id for amount in range(1, 6)]
    paged = catalog.client.v1.credits.grants.list(
        customer_id=customer, currency_id=currency, limit=1
    )
    visited = [grant.id for grant in paged]
    assert sorted(visited) == sorted(made)


def test_a_pool_of_a_resource_is_a_pool_of_its_own(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    plan = catalog.plan(credit(currency, 100))
    catalog.subscribe(customer, plan, resource_id="workspace-1")
    assert catalog.limit(customer, currency) == 0
    assert catalog.check(customer, currency, resource_id="workspace-1").usage_limit == 100
    resources = catalog.client.v1.customers.list_resources(customer)
    assert [resource.id for resource in resources] == ["workspace-1"]
