"""Explain: why is this customer's balance what it is?"""

import httpx
from catalog import Catalog, credit, override, units
from server import API_KEY, Server


def explained(server: Server, customer: str, currency: str) -> dict:
    answer = httpx.get(
        f"{server.url}/api/v1/customers/{customer}/credits/explain",
        params={"currencyId": currency},
        headers={"X-API-KEY": API_KEY},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def granted_by_package(subscription: dict) -> dict[str, float]:
    parts = subscription["parts"]
    return {part["packageId"]: part["amount"] for part in parts if part["standing"] == "GRANTS"}


def displacing_package(subscription: dict) -> dict[str, str]:
    """The displaced packages, each with the one whose override replaces it."""
    parts = subscription["parts"]
    displaced = [part for part in parts if part["standing"] == "DISPLACED"]
    assert all(part["reason"] for part in displaced)
    return {part["packageId"]: part["displacedBy"] for part in displaced}


def test_the_parts_are_named_and_sum_up_to_the_check(server: Server, catalog: Catalog) -> None:
    currency = catalog.currency()
    addon = catalog.addon(credit(currency, 10_000))
    plan = catalog.plan(credit(currency, 50_000), compatible=(addon,))
    customer = catalog.customer()
    id = catalog.subscribe(customer, plan, units(addon, 3))

    (subscription,) = explained(server, customer, currency)["subscriptions"]
    assert (subscription["subscriptionId"], subscription["planId"]) == (id, plan)
    assert granted_by_package(subscription) == {plan: 50_000, addon: 30_000}
    assert displacing_package(subscription) == {}
    assert subscription["total"] == catalog.limit(customer, currency) == 80_000


def test_an_override_names_what_it_displaced(server: Server, catalog: Catalog) -> None:
    currency = catalog.currency()
    extra = catalog.addon(credit(currency, 10_000))
    tier = catalog.addon(override(currency, 500_000))
    plan = catalog.plan(credit(currency, 50_000), compatible=(extra, tier))
    customer = catalog.customer()
    catalog.subscribe(customer, plan, units(extra, 2), units(tier))

    (subscription,) = explained(server, customer, currency)["subscriptions"]
    assert granted_by_package(subscription) == {tier: 500_000}
    assert displacing_package(subscription) == {plan: tier, extra: tier}
    assert subscription["total"] == catalog.limit(customer, currency) == 500_000


def test_the_balance_is_the_sum_of_its_grants_without_the_overdraft(
    server: Server, catalog: Catalog
) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    last = catalog.grant(customer, currency, 40, priority=90).id
    first = catalog.grant(customer, currency, 60, priority=10).id
    catalog.consume(customer, currency, 45)
    explanation = explained(server, customer, currency)
    assert [grant["id"] for grant in explanation["grants"]] == [first, last]
    remaining = sum(grant["remaining"] for grant in explanation["grants"])
    assert remaining == explanation["balance"] == catalog.balance(customer, currency) == 55
    assert explanation["statement"]

    catalog.consume(customer, currency, 60)
    explanation = explained(server, customer, currency)
    assert (explanation["overdraft"], explanation["balance"]) == (5, -5)
