"""Refusals of provisioning: each names its reason and has no effect."""

from catalog import Catalog, credit, units
from refusals import refused


def assert_nothing_happened(catalog: Catalog, customer: str, currency: str) -> None:
    subscriptions = catalog.client.v1.subscriptions.list(customer_id=customer)
    assert list(subscriptions) == []
    assert catalog.limit(customer, currency) == 0
    assert catalog.ledger(customer, currency) == []


def test_a_single_instance_addon_is_not_sold_twice(catalog: Catalog) -> None:
    currency = catalog.currency()
    single = catalog.addon(credit(currency, 10), max_quantity=1)
    plan = catalog.plan(credit(currency, 100), compatible=(single,))
    customer = catalog.customer()
    with refused(409, "addon_quantity_exceeded"):
        catalog.subscribe(customer, plan, units(single, 2))
    assert_nothing_happened(catalog, customer, currency)


def test_an_update_beyond_the_greatest_quantity_changes_nothing(catalog: Catalog) -> None:
    currency = catalog.currency()
    single = catalog.addon(credit(currency, 10), max_quantity=1)
    plan = catalog.plan(credit(currency, 100), compatible=(single,))
    customer = catalog.customer()
    subscription = catalog.subscribe(customer, plan, units(single))
    before = catalog.ledger(customer, currency)
    with refused(409, "addon_quantity_exceeded"):
        catalog.set_addons(subscription, units(single, 2))
    assert catalog.limit(customer, currency) == 110
    assert catalog.ledger(customer, currency) == before


def test_an_addon_that_the_plan_does_not_name_is_incompatible(catalog: Catalog) -> None:
    currency = catalog.currency()
    addon = catalog.addon(credit(currency, 10))
    plan = catalog.plan(credit(currency, 100))
    customer = catalog.customer()
    with refused(409, "addon_incompatible"):
        catalog.subscribe(customer, plan, units(addon))
    assert_nothing_happened(catalog, customer, currency)


def test_an_addon_without_the_addon_it_depends_on_is_refused(catalog: Catalog) -> None:
    currency = catalog.currency()
    base = catalog.addon(credit(currency, 10))
    extra = catalog.addon(credit(currency, 5), dependencies=(base,))
    plan = catalog.plan(credit(currency, 100), compatible=(base, extra))
    customer = catalog.customer()
    with refused(409, "addon_dependency_missing"):
        catalog.subscribe(customer, plan, units(extra))
    assert_nothing_happened(catalog, customer, currency)

    catalog.subscribe(customer, plan, units(base), units(extra))
    assert catalog.limit(customer, currency) == 115


def test_an_addon_that_was_never_published_is_refused(catalog: Catalog) -> None:
    currency = catalog.currency()
    draft = catalog.draft_addon(credit(currency, 10))
    plan = catalog.plan(credit(currency, 100), compatible=(draft,))
    customer = catalog.customer()
    with refused(409, "not_published"):
        catalog.subscribe(customer, plan, units(draft))
    assert_nothing_happened(catalog, customer, currency)


def test_a_plan_that_was_never_published_is_refused(catalog: Catalog) -> None:
    currency = catalog.currency()
    plan = catalog.draft_plan(credit(currency, 100))
    customer = catalog.customer()
    with refused(409, "not_published"):
        catalog.subscribe(customer, plan)
    assert_nothing_happened(catalog, customer, currency)


def test_an_archived_plan_takes_no_new_subscription_and_keeps_the_old(catalog: Catalog) -> None:
    currency = catalog.currency()
    plan = catalog.plan(credit(currency, 100))
    subscribed, late = catalog.customer(), catalog.customer()
    catalog.subscribe(subscribed, plan)
    catalog.client.v1.plans.archive(plan)
    with refused(409, "plan_archived"):
        catalog.subscribe(late, plan)
    assert_nothing_happened(catalog, late, currency)
    assert catalog.limit(subscribed, currency) == 100


def test_what_this_server_does_not_have_is_refused_and_not_taken_for_a_wrong_id(
    catalog: Catalog,
) -> None:
    client, customer = catalog.client, catalog.customer()
    v1, governed = client.v1, client.v1_beta
    for missing in (
        lambda: v1.coupons.list(),
        lambda: v1.contracts.retrieve("contract"),
        lambda: v1.customers.import_(customers=[{"id": "a", "email": None, "name": None}]),
        lambda: v1.customers.payment_method.detach(customer),
        lambda: v1.customers.integrations.list(customer),
        lambda: v1.subscriptions.invoice.mark_as_paid("subscription"),
        lambda: governed.entity_types.list(),
        lambda: v1.events.data_export.trigger_sync(),
    ):
        with refused(422, "not_supported"):
            missing()
