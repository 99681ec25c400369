"""Customers, credit types, and what depends on them."""

import pytest
import stigg
from catalog import Catalog, credit
from refusals import refused


def test_a_customer_is_changed_field_by_field(catalog: Catalog) -> None:
    customer = catalog.customer(name="Ann", email="ann@example.com", metadata={"tier": "gold"})
    customers = catalog.client.v1.customers
    customers.update(customer, name="Ann Lee")
    read = customers.retrieve(customer).data
    assert (read.name, read.email) == ("Ann Lee", "ann@example.com")
    assert read.metadata == {"tier": "gold"}


def test_a_second_customer_with_the_same_id_is_refused(catalog: Catalog) -> None:
    customer = catalog.customer(name="Ann")
    with refused(409, "already_exists"):
        catalog.client.v1.customers.provision(id=customer, name="Other")
    assert catalog.client.v1.customers.retrieve(customer).data.name == "Ann"


def test_pages_of_two_visit_every_customer_once(catalog: Catalog) -> None:
    made = [catalog.customer(name="Paged") for _ in range(5)]
    paged = catalog.client.v1.customers.list(limit=2, name="Paged")
    assert len(paged.data) == 2
    visited = [customer.id for customer in paged]
    assert sorted(visited) == sorted(made)


def test_an_archived_customer_is_denied_and_comes_back(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer(name="Ann")
    catalog.grant(customer, currency, 10)
    customers = catalog.client.v1.customers
    assert customers.archive(customer).data.archived_at is not None
    denied = catalog.check(customer, currency)
    assert denied.is_granted is False
    assert denied.access_denied_reason == "CustomerIsArchived"

    assert customers.unarchive(customer).data.archived_at is None
    assert catalog.check(customer, currency).is_granted is True
    assert catalog.balance(customer, currency) == 10


def test_an_unknown_customer_is_denied_and_not_found(catalog: Catalog) -> None:
    currency = catalog.currency()
    denied = catalog.check("nobody", currency)
    assert denied.access_denied_reason == "CustomerNotFound"
    assert (denied.usage_limit, denied.current_usage) == (0, 0)
    with refused(404, "customer_not_found"):
        catalog.client.v1.customers.retrieve("nobody")


def test_resources_appear_with_their_subscription(catalog: Catalog) -> None:
    plan = catalog.plan(credit(catalog.currency(), 100))
    customer = catalog.customer()
    assert list(catalog.client.v1.customers.list_resources(customer)) == []
    for resource in ("site-a", "site-b"):
        catalog.subscribe(customer, plan, resource_id=resource)
    resources = catalog.client.v1.customers.list_resources(customer, limit=1)
    assert sorted(resource.id for resource in resources) == ["site-a", "site-b"]


def test_a_customer_has_no_invoices_and_no_contracts(catalog: Catalog) -> None:
    customers, customer = catalog.client.v1.customers, catalog.customer()
    assert list(customers.list_invoices(customer, order_by="dueDate", limit=5)) == []
    assert customers.list_contracts(customer).data == []
    with refused(404, "customer_not_found"):
        customers.list_contracts("nobody")


def test_auto_recharge_answers_its_defaults(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    settings = catalog.client.v1.credits.get_auto_recharge(
        customer_id=customer, currency_id=currency
    ).data
    assert settings.id is None
    assert settings.is_enabled is False
    assert (settings.customer_id, settings.currency_id) == (customer, currency)
    assert settings.max_spend_limit is None


def test_a_credit_type_in_use_is_not_archived_and_says_by_whom(catalog: Catalog) -> None:
    currency = catalog.currency()
    plan = catalog.plan(credit(currency, 100))
    addon = catalog.draft_addon(credit(currency, 5))
    currencies = catalog.client.v1.credits.custom_currencies
    with refused(409, "currency_in_use"):
        currencies.archive(currency)
    users = currencies.list_associated_entities(currency).data
    assert {user.id for user in users} == {plan, addon}
    assert currency in {it.id for it in currencies.list()}


def test_an_unused_credit_type_is_archived_and_comes_back(catalog: Catalog) -> None:
    currency = catalog.currency()
    currencies = catalog.client.v1.credits.custom_currencies
    assert currencies.archive(currency).data.archived_at is not None
    assert currency not in {it.id for it in currencies.list()}
    assert currency in {it.id for it in currencies.list(status=["ARCHIVED"])}
    assert currencies.unarchive(currency).data.archived_at is None
    assert currency in {it.id for it in currencies.list()}


def test_a_wrong_key_is_not_let_in(catalog: Catalog) -> None:
    with stigg.Stigg(api_key="wrong", base_url=catalog.client.base_url) as stranger:
        with pytest.raises(stigg.AuthenticationError):
            list(stranger.v1.customers.list())
