"""The page that the product was created from, and the first acceptance numbers."""

from catalog import Catalog, credit, override, units


def test_three_units_of_extra_credits_make_80_000_a_month(catalog: Catalog) -> None:
    currency = catalog.currency()
    plan = catalog.draft_plan(credit(currency, 50_000))
    addon = catalog.draft_addon(credit(currency, 10_000))
    client = catalog.client
    client.v1.plans.update(plan, compatible_addon_ids=[addon])
    client.v1.addons.publish(addon, migration_type="NEW_CUSTOMERS")
    client.v1.plans.publish(plan, migration_type="NEW_CUSTOMERS")

    customer = catalog.customer(name="Acme", email="billing@acme.example")
    catalog.subscribe(customer, plan, units(addon, 3))

    pool = client.v1.customers.check_entitlement(customer, currency_id=currency).data
    assert pool.type == "CREDIT"
    assert pool.is_granted is True
    assert pool.usage_limit == 80_000
    assert pool.current_usage == 0
    assert pool.currency.currency_id == currency


def test_quantity_and_override_change_the_total_at_once_and_back(catalog: Catalog) -> None:
    currency = catalog.currency()
    extra = catalog.addon(credit(currency, 10_000))
    tier = catalog.addon(override(currency, 500_000), max_quantity=1)
    plan = catalog.plan(credit(currency, 50_000), compatible=(extra, tier))
    customer = catalog.customer()
    subscription = catalog.subscribe(customer, plan, units(extra, 3))
    assert catalog.limit(customer, currency) == 80_000

    catalog.set_addons(subscription, units(extra, 5))
    assert catalog.limit(customer, currency) == 100_000

    catalog.set_addons(subscription, units(extra, 5), units(tier))
    assert catalog.limit(customer, currency) == 500_000

    catalog.set_addons(subscription, units(extra, 5))
    assert catalog.limit(customer, currency) == 100_000


def test_the_entitlement_reads_back_as_it_was_added(catalog: Catalog) -> None:
    currency = catalog.currency()
    addon = catalog.draft_addon(credit(currency, 10_000))
    (entitlement,) = catalog.client.v1.addons.entitlements.list(addon).data
    assert entitlement.type == "CREDIT"
    assert entitlement.amount == 10_000
    assert entitlement.cadence == "MONTH"
    assert entitlement.behavior == "Increment"


def test_plan_100_and_increment_50_make_150(catalog: Catalog) -> None:
    currency = catalog.currency()
    addon = catalog.addon(credit(currency, 50, behavior="Increment"))
    plan = catalog.plan(credit(currency, 100), compatible=(addon,))
    customer = catalog.customer()
    catalog.subscribe(customer, plan, units(addon))
    assert catalog.limit(customer, currency) == 150


def test_plan_100_and_override_500_make_500(catalog: Catalog) -> None:
    currency = catalog.currency()
    addon = catalog.addon(override(currency, 500))
    plan = catalog.plan(credit(currency, 100), compatible=(addon,))
    customer = catalog.customer()
    catalog.subscribe(customer, plan, units(addon))
    assert catalog.limit(customer, currency) == 500


def test_an_override_tier_replaces_50_000_by_500_000(catalog: Catalog) -> None:
    currency = catalog.currency()
    addon = catalog.addon(override(currency, 500_000))
    plan = catalog.plan(credit(currency, 50_000), compatible=(addon,))
    customer = catalog.customer()
    catalog.subscribe(customer, plan, units(addon))
    assert catalog.limit(customer, currency) == 500_000


def test_what_was_consumed_stays_consumed_through_an_override_and_back(catalog: Catalog) -> None:
    currency = catalog.currency()
    tier = catalog.addon(override(currency, 500_000))
    plan = catalog.plan(credit(currency, 50_000), compatible=(tier,))
    customer = catalog.customer()
    subscription = catalog.subscribe(customer, plan)
    catalog.consume(customer, currency, 20_000)

    catalog.set_addons(subscription, units(tier))
    assert catalog.balance(customer, currency) == 480_000
    catalog.set_addons(subscription)
    assert catalog.balance(customer, currency) == 30_000


def test_a_yearly_cadence_grants_the_whole_amount_at_the_start(catalog: Catalog) -> None:
    currency = catalog.currency()
    plan = catalog.plan(credit(currency, 60_000, "YEAR"))
    customer = catalog.customer()
    catalog.subscribe(customer, plan)
    assert catalog.limit(customer, currency) == 60_000
    (grant,) = catalog.grants(customer, currency)
    assert grant.grant_type == "RECURRING"
    assert (grant.expire_at - grant.effective_at).days in (365, 366)
