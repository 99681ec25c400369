"""Burn order, overdraft, strict consumption and idempotency keys."""

import datetime

from catalog import Catalog
from refusals import refused


def days_from_now(days: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


def three_grants(catalog: Catalog, customer: str, currency: str) -> dict[str, str]:
    """The grants of the documented example, keyed by their letter."""
    later, sooner = days_from_now(30), days_from_now(13)
    a = catalog.grant(
        customer, currency, 50, grant_type="PAID", priority=1, expire_at=later
    )
    b = catalog.grant(customer, currency, 20, priority=1, expire_at=later)
    c = catalog.grant(customer, currency, 100, priority=2, expire_at=sooner)
    return {"A": a.id, "B": b.id, "C": c.id}


def consumed_by_grant(catalog: Catalog, customer: str, currency: str) -> dict[str, float]:
    return {grant.id: grant.consumed_amount for grant in catalog.grants(customer, currency)}


def test_credits_burn_by_priority_then_expiry_then_promotional_first(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    ids = three_grants(catalog, customer, currency)
    catalog.consume(customer, currency, 60)

    consumed = consumed_by_grant(catalog, customer, currency)
    assert {letter: consumed[id] for letter, id in ids.items()} == {"A": 40, "B": 20, "C": 0}
    entries = catalog.ledger(customer, currency, event_type="CREDITS_CONSUMED")
    drawn = {entry.credit_grant_id: entry.amount for entry in entries}
    assert drawn == {ids["A"]: -40, ids["B"]: -20}
    assert len(entries) == 2


def test_what_remains_after_60_is_0_and_10_and_100(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    ids = three_grants(catalog, customer, currency)
    catalog.consume(customer, currency, 60)
    remaining = {
        grant.id: grant.amount - grant.consumed_amount
        for grant in catalog.grants(customer, currency)
    }
    assert {letter: remaining[id] for letter, id in ids.items()} == {"A": 10, "B": 0, "C": 100}


def test_usage_beyond_the_credits_is_overdraft_and_the_next_grant_settles_it(
    catalog: Catalog,
) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 10)
    catalog.consume(customer, currency, 25)
    assert catalog.balance(customer, currency) == -15
    (overdraft,) = overdrafts(catalog, customer, currency)
    assert (overdraft.amount, overdraft.consumed_amount) == (0, 15)

    bought = catalog.grant(customer, currency, 50, grant_type="PAID")
    assert catalog.balance(customer, currency) == 35
    assert consumed_by_grant(catalog, customer, currency)[bought.id] == 15
    (overdraft,) = overdrafts(catalog, customer, currency)
    assert overdraft.status == "VOIDED"


def overdrafts(catalog: Catalog, customer: str, currency: str) -> list:
    return [it for it in catalog.grants(customer, currency) if it.grant_type == "OVERDRAFT"]


def test_the_same_key_has_one_effect_and_the_first_answer(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    first = catalog.consume(customer, currency, 7, idempotency_key="once")
    again = catalog.consume(customer, currency, 7, idempotency_key="once")
    assert again == first
    assert catalog.balance(customer, currency) == 93
    assert len(catalog.ledger(customer, currency, event_type="CREDITS_CONSUMED")) == 1


def test_the_same_key_with_another_amount_is_refused(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    catalog.consume(customer, currency, 7, idempotency_key="once")
    with refused(422, "idempotency_key_reused"):
        catalog.consume(customer, currency, 8, idempotency_key="once")
    assert catalog.balance(customer, currency) == 93


def test_a_key_of_one_customer_is_free_for_another(catalog: Catalog) -> None:
    currency = catalog.currency()
    for customer in (catalog.customer(), catalog.customer()):
        catalog.grant(customer, currency, 100)
        catalog.consume(customer, currency, 7, idempotency_key="once")
        assert catalog.balance(customer, currency) == 93


def test_a_strict_consumption_beyond_the_balance_changes_nothing(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 10)
    before = catalog.ledger(customer, currency)
    with refused(402, "insufficient_credits"):
        catalog.consume(customer, currency, 10.000001, extra_body={"strict": True})
    assert catalog.balance(customer, currency) == 10
    assert catalog.ledger(customer, currency) == before

    catalog.consume(customer, currency, 10, extra_body={"strict": True})
    assert catalog.balance(customer, currency) == 0


def test_usage_older_than_35_days_is_refused(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 10)
    with refused(422, "event_too_old"):
        catalog.consume(customer, currency, 1, created_at=days_from_now(-36))
    assert catalog.balance(customer, currency) == 10

    catalog.consume(customer, currency, 1, created_at=days_from_now(-34))
    assert catalog.balance(customer, currency) == 9


def test_fractions_add_up_exactly(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 1)
    for _ in range(10):
        catalog.consume(customer, currency, 0.1)
    assert catalog.check(customer, currency).current_usage == 1
    assert catalog.check(customer, currency).is_granted is False


def test_a_check_denies_what_is_not_there_and_changes_nothing(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 10)
    assert catalog.check(customer, currency, requested_usage=10).is_granted is True
    denied = catalog.check(customer, currency, requested_usage=11)
    assert denied.is_granted is False
    assert denied.access_denied_reason == "InsufficientCredits"
    assert catalog.balance(customer, currency) == 10
