"""May this customer use a feature? Checks, promotions and limits, through the official client."""

import pytest
from catalog import Catalog, credit
from refusals import refused

# The client calls the first version of the report deprecated; both are one operation here.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


def feature(catalog: Catalog, feature_type: str = "NUMBER", **fields: object) -> str:
    fields = {"meter_type": "None", **fields}
    return catalog.client.v1.features.create_feature(
        id=catalog.new_id("feature"), display_name="Feature", feature_type=feature_type, **fields
    ).data.id


def metered(catalog: Catalog) -> str:
    return feature(catalog, meter_type="INCREMENTAL")


def limit(feature_id: str, **fields: object) -> dict:
    """A feature entitlement of a plan or add-on."""
    return {"type": "FEATURE", "id": feature_id, **fields}


def subscriber(catalog: Catalog, *entitlements: dict, charges: dict | None = None) -> str:
    plan = catalog.draft_plan(*entitlements)
    if charges:
        catalog.client.v1.plans.update(plan, charges=charges)
    catalog.publish_plan(plan)
    customer = catalog.customer()
    catalog.subscribe(customer, plan)
    return customer


def check(catalog: Catalog, customer: str, feature_id: str, **fields: object) -> object:
    checked = catalog.client.v1.customers.check_entitlement(
        customer, feature_id=feature_id, **fields
    ).data
    assert checked.type == "FEATURE"
    assert checked.is_granted == (checked.access_denied_reason is None)
    return checked


def reason(catalog: Catalog, customer: str, feature_id: str, **fields: object) -> str | None:
    return check(catalog, customer, feature_id, **fields).access_denied_reason


def report(catalog: Catalog, customer: str, feature_id: str, value: int) -> object:
    usage = {"customer_id": customer, "feature_id": feature_id, "value": value}
    return catalog.client.v1.usage.report(usages=[usage]).data[0]


def promotion(feature_id: str, **fields: object) -> dict:
    """A promotional entitlement; the contract wants every key."""
    nothing = dict.fromkeys(
        (
            "custom_end_date",
            "enum_values",
            "has_soft_limit",
            "has_unlimited_usage",
            "is_visible",
            "monthly_reset_period_configuration",
            "reset_period",
            "usage_limit",
            "weekly_reset_period_configuration",
            "yearly_reset_period_configuration",
        )
    )
    return {**nothing, "feature_id": feature_id, "period": "lifetime", **fields}


def test_check_act_report_up_to_the_limit_of_a_feature(catalog: Catalog) -> None:
    calls = metered(catalog)
    customer = subscriber(catalog, limit(calls, usage_limit=3, reset_period="MONTH"))
    done = 0
    while reason(catalog, customer, calls, requested_usage=1) is None:
        done += 1
        assert report(catalog, customer, calls, 1).current_usage == done
    assert done == 3
    denied = check(catalog, customer, calls, requested_usage=1)
    assert denied.access_denied_reason == "RequestedUsageExceedingLimit"
    assert (denied.current_usage, denied.usage_limit) == (3, 3)
    assert denied.usage_period_end > denied.usage_period_start
    assert denied.feature.id == calls


def test_usage_that_is_paid_in_credits_is_checked_by_its_feature(catalog: Catalog) -> None:
    images, currency = metered(catalog), catalog.currency()
    rate = {
        "billing_model": "CREDIT_BASED",
        "feature_id": images,
        "price_periods": [
            {
                "billing_period": "MONTHLY",
                "credit_rate": {"amount": 10, "currency_id": currency},
            }
        ],
    }
    charges = {"pricing_type": "PAID", "pricing_models": [rate]}
    customer = subscriber(catalog, credit(currency, 25), charges=charges)
    done = 0
    while reason(catalog, customer, images, requested_usage=1) is None:
        done += 1
        report(catalog, customer, images, 1)
    assert done == 2
    assert reason(catalog, customer, images, requested_usage=1) == "InsufficientCredits"
    assert catalog.balance(customer, currency) == 5


def test_features_on_or_off_and_with_named_values(catalog: Catalog) -> None:
    sso, logs = feature(catalog, "BOOLEAN"), feature(catalog, "BOOLEAN")
    values = [{"value": value, "display_name": value} for value in ("eu", "us", "asia")]
    region = feature(catalog, "ENUM", enum_configuration=values)
    customer = subscriber(catalog, limit(sso), limit(region, enum_values=["eu", "us"]))
    assert reason(catalog, customer, sso) is None
    assert reason(catalog, customer, sso, requested_usage=1) == "FeatureTypeMismatch"
    assert reason(catalog, customer, logs) == "NoFeatureEntitlementInSubscription"
    assert reason(catalog, customer, region, requested_values=["eu", "us"]) is None
    mismatch = reason(catalog, customer, region, requested_values=["eu", "asia"])
    assert mismatch == "RequestedValuesMismatch"
    listed = catalog.client.v1.customers.retrieve_entitlements(customer).data
    assert {entitlement.feature.id for entitlement in listed.entitlements} == {sso, region}


def test_a_promotion_is_given_and_revoked(catalog: Catalog) -> None:
    calls, sso = metered(catalog), feature(catalog, "BOOLEAN")
    customer = subscriber(catalog, limit(calls, usage_limit=3))
    promotions = catalog.client.v1.customers.promotional_entitlements
    given = promotions.create(
        customer,
        promotional_entitlements=[
            promotion(calls, usage_limit=50, period="1 month"),
            promotion(sso),
        ],
    ).data
    assert [(one.feature_id, one.status) for one in given] == [
        (calls, "Active"),
        (sso, "Active"),
    ]
    assert check(catalog, customer, calls).usage_limit == 50
    assert reason(catalog, customer, sso) is None

    assert promotions.revoke(calls, id=customer).data.status == "Expired"
    assert promotions.revoke(sso, id=customer).data.status == "Expired"
    assert check(catalog, customer, calls).usage_limit == 3, "the subscription stays"
    assert reason(catalog, customer, sso) == "Revoked"
    assert list(promotions.list(customer, status=["Active"])) == []
    assert [one.feature_id for one in promotions.list(customer)] == [sso, calls]
    with refused(404, "promotional_entitlement_not_found"):
        promotions.revoke("nothing", id=customer)


def enforced(catalog: Catalog, enforcement: str) -> tuple[str, str]:
    """A customer with ten credits that are enforced so; the client does not know the key."""
    currency = catalog.currency()
    customer = subscriber(catalog, credit(currency, 10, enforcement=enforcement))
    return customer, currency


def test_soft_credits_go_on_in_checks_and_in_use(catalog: Catalog) -> None:
    customer, currency = enforced(catalog, "SOFT")
    assert catalog.check(customer, currency, requested_usage=11).is_granted
    catalog.consume(customer, currency, 11)
    assert catalog.balance(customer, currency) == -1


def test_hard_credits_deny_and_record_what_was_used(catalog: Catalog) -> None:
    customer, currency = enforced(catalog, "HARD")
    assert not catalog.check(customer, currency, requested_usage=11).is_granted
    catalog.consume(customer, currency, 11)
    assert catalog.balance(customer, currency) == -1


def test_strict_credits_deny_and_refuse(catalog: Catalog) -> None:
    customer, currency = enforced(catalog, "STRICT")
    assert not catalog.check(customer, currency, requested_usage=11).is_granted
    with refused(402, "insufficient_credits"):
        catalog.consume(customer, currency, 11)
    assert catalog.balance(customer, currency) == 10


def test_a_strict_limit_of_a_feature_refuses_what_goes_past_it(catalog: Catalog) -> None:
    calls = metered(catalog)
    customer = subscriber(catalog, limit(calls, usage_limit=5, enforcement="STRICT"))
    report(catalog, customer, calls, 5)
    with refused(402, "usage_limit_exceeded"):
        report(catalog, customer, calls, 1)
    assert check(catalog, customer, calls).current_usage == 5
