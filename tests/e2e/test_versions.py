"""Drafts, published versions, and who gets which."""

import stigg
from catalog import NEW_CUSTOMERS, Catalog, credit
from refusals import refused


def test_a_published_version_is_never_edited_and_a_draft_is(catalog: Catalog) -> None:
    currency, other = catalog.currency(), catalog.currency()
    plan = catalog.plan(credit(currency, 100))
    plans = catalog.client.v1.plans
    with refused(409, "immutable_version"):
        plans.entitlements.create(plan, entitlements=[credit(other, 5)])
    assert amounts(catalog, plan) == [100]

    plans.create_draft(plan)
    plans.entitlements.create(plan, entitlements=[credit(other, 5)])
    assert amounts(catalog, plan) == [5, 100]


def amounts(catalog: Catalog, plan: str) -> list[float]:
    entitlements = catalog.client.v1.plans.entitlements.list(plan).data
    return sorted(entitlement.amount for entitlement in entitlements)


def change_amount(client: stigg.Stigg, plan: str, amount: float) -> None:
    """Opens a draft of the plan and changes its only entitlement."""
    client.v1.plans.create_draft(plan)
    (entitlement,) = client.v1.plans.entitlements.list(plan).data
    client.v1.plans.entitlements.update(
        entitlement.id, plan_id=plan, type="CREDIT", amount=amount
    )


def test_new_customers_get_the_new_version_and_the_others_keep_theirs(catalog: Catalog) -> None:
    currency = catalog.currency()
    plan = catalog.plan(credit(currency, 100))
    old, new = catalog.customer(), catalog.customer()
    catalog.subscribe(old, plan)
    assert catalog.client.v1.plans.retrieve(plan).data.version_number == 1

    change_amount(catalog.client, plan, 250)
    early = catalog.customer()
    catalog.subscribe(early, plan)
    assert catalog.limit(early, currency) == 100, "the published version keeps serving"

    catalog.client.v1.plans.publish(plan, migration_type=NEW_CUSTOMERS)
    catalog.subscribe(new, plan)
    assert catalog.limit(old, currency) == 100
    assert catalog.limit(new, currency) == 250
    published = catalog.client.v1.plans.retrieve(plan).data
    assert (published.version_number, published.status) == (2, "PUBLISHED")


def test_a_discarded_draft_leaves_the_published_version(catalog: Catalog) -> None:
    currency = catalog.currency()
    plan = catalog.plan(credit(currency, 100))
    change_amount(catalog.client, plan, 250)
    assert catalog.client.v1.plans.retrieve(plan).data.status == "DRAFT"

    assert catalog.client.v1.plans.remove_draft(plan).data.id == plan
    kept = catalog.client.v1.plans.retrieve(plan).data
    assert (kept.status, kept.version_number) == ("PUBLISHED", 1)
    assert amounts(catalog, plan) == [100]


def test_an_addon_goes_through_the_same_versions(catalog: Catalog) -> None:
    currency, other = catalog.currency(), catalog.currency()
    addon = catalog.addon(credit(currency, 10))
    addons = catalog.client.v1.addons
    with refused(409, "immutable_version"):
        addons.entitlements.create(addon, entitlements=[credit(other, 5)])
    addons.create_draft(addon)
    addons.entitlements.create(addon, entitlements=[credit(other, 5)])
    addons.publish(addon, migration_type=NEW_CUSTOMERS)
    published = addons.retrieve(addon).data
    assert (published.version_number, published.status) == (2, "PUBLISHED")
    assert {it.id for it in published.entitlements} == {currency, other}


def test_an_archived_plan_says_so_and_is_listed_as_archived(catalog: Catalog) -> None:
    plan = catalog.plan(credit(catalog.currency(), 100))
    assert catalog.client.v1.plans.archive(plan).data.status == "ARCHIVED"
    assert plan in listed(catalog, "ARCHIVED")
    assert plan not in listed(catalog, "PUBLISHED")


def listed(catalog: Catalog, status: str) -> set[str]:
    plans = catalog.client.v1.plans.list(product_id=catalog.product(), status=[status])
    return {plan.id for plan in plans}


def test_a_package_without_anything_in_it_is_not_published(catalog: Catalog) -> None:
    plan = catalog.draft_plan()
    with refused(422, "empty_package"):
        catalog.publish_plan(plan)
