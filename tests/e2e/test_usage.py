"""Usage turned into credits, through the official client: check, act, report."""

import pytest
from catalog import Catalog, credit
from refusals import refused
from server import Server

# The client calls the first version of the report deprecated; both are one operation here.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


def fixed(feature: str, currency: str, amount: float) -> dict:
    """Usage of a feature at a fixed rate."""
    return rate(feature, {"amount": amount, "currency_id": currency})


def by_formula(feature: str, currency: str, formula: str) -> dict:
    """Events of a feature at what a formula says."""
    return rate(feature, {"amount": 0, "currency_id": currency, "cost_formula": formula})


def rate(feature: str, credit_rate: dict) -> dict:
    return {
        "billing_model": "CREDIT_BASED",
        "feature_id": feature,
        "price_periods": [{"billing_period": "MONTHLY", "credit_rate": credit_rate}],
    }


class Meters:
    """Features, plans that price their usage, and reports of it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.client = catalog.client
        self.currency = catalog.currency()

    def feature(self, **fields: object) -> str:
        fields = {"meter_type": "INCREMENTAL", **fields}
        return self.client.v1.features.create_feature(
            id=self.catalog.new_id("feature"),
            display_name="Feature",
            feature_type="NUMBER",
            **fields,
        ).data.id

    def event_feature(self, name: str, function: str = "COUNT", **field: str) -> str:
        condition = {"field": "eventName", "operation": "EQUALS", "value": name}
        aggregation = {"function": function, **field}
        meter = {"aggregation": aggregation, "filters": [{"conditions": [condition]}]}
        return self.feature(meter=meter)

    def customer(self, *rates: dict, credits: float = 1000) -> str:
        """A customer of a plan with these rates."""
        plan = self.catalog.draft_plan(credit(self.currency, credits))
        charges = {"pricing_type": "PAID", "pricing_models": list(rates)}
        self.client.v1.plans.update(plan, charges=charges)
        self.catalog.publish_plan(plan)
        customer = self.catalog.customer()
        self.catalog.subscribe(customer, plan)
        return customer

    def report(self, customer: str, feature: str, value: float, **fields: object) -> object:
        usage = {"customer_id": customer, "feature_id": feature, "value": value, **fields}
        return self.client.v1.usage.report(usages=[usage]).data[0]

    def event(self, customer: str, name: str, **dimensions: object) -> None:
        event = {
            "customer_id": customer,
            "event_name": name,
            "idempotency_key": self.catalog.new_id("key"),
            "dimensions": dimensions,
        }
        self.client.v1.events.report(events=[event])

    def left(self, customer: str) -> float:
        return self.catalog.balance(customer, self.currency)


@pytest.fixture
def meters(catalog: Catalog) -> Meters:
    return Meters(catalog)


def test_an_image_costs_ten_credits_and_an_email_three(meters: Meters) -> None:
    images, emails = meters.feature(), meters.feature()
    customer = meters.customer(
        fixed(images, meters.currency, 10), fixed(emails, meters.currency, 3)
    )
    assert meters.report(customer, images, 1).credit.consumed == 10
    assert meters.report(customer, emails, 1).credit.consumed == 3
    assert meters.left(customer) == 987


def test_a_formula_prices_an_event_by_its_dimensions(meters: Meters) -> None:
    jobs = meters.event_feature("job")
    customer = meters.customer(by_formula(jobs, meters.currency, "1.1*a + 1.5*b + 5*c"))
    meters.event(customer, "job", a=10, b=20, c=3)
    assert meters.left(customer) == 1000 - 56


def test_a_formula_picks_the_rate_by_the_model(meters: Meters) -> None:
    chat = meters.event_feature("chat", "SUM", field="tokens")
    formula = 'if(model == "large", 30, 2) * tokens / 1000'
    customer = meters.customer(by_formula(chat, meters.currency, formula))
    meters.event(customer, "chat", model="large", tokens=1500)
    meters.event(customer, "chat", model="small", tokens=1500)
    assert meters.left(customer) == 1000 - 45 - 3


def test_the_same_feature_costs_differently_on_two_plans(meters: Meters) -> None:
    calls = meters.feature()
    one = meters.customer(fixed(calls, meters.currency, 10))
    other = meters.customer(fixed(calls, meters.currency, 1))
    assert meters.report(one, calls, 5).credit.consumed == 50
    assert meters.report(other, calls, 5).credit.consumed == 5


def test_check_act_report(meters: Meters) -> None:
    images = meters.feature()
    customer = meters.customer(fixed(images, meters.currency, 10), credits=25)
    done = 0
    while meters.catalog.check(customer, meters.currency, requested_usage=10).is_granted:
        done += 1
        meters.report(customer, images, 1, idempotency_key=f"image-{done}")
    assert done == 2
    assert meters.left(customer) == 5
    entries = meters.catalog.ledger(customer, meters.currency, event_type="CREDITS_CONSUMED")
    assert [(entry.feature_id, entry.event_id) for entry in entries] == [
        (images, "image-2"),
        (images, "image-1"),
    ]


def test_a_report_that_comes_again_is_counted_once(meters: Meters) -> None:
    calls = meters.feature()
    customer = meters.customer(fixed(calls, meters.currency, 10))
    first = meters.report(customer, calls, 2, idempotency_key="same")
    again = meters.report(customer, calls, 2, idempotency_key="same")
    assert (first.credit.consumed, again.credit.consumed) == (20, 0)
    assert again.id == first.id
    usage = {"customer_id": customer, "feature_id": calls, "value": 2, "idempotency_key": "same"}
    v2 = meters.client.v2.usage.report(usages=[usage]).data
    assert v2.usages[0].credit.consumed == 0
    assert v2.credits[0].current_usage == 20
    assert meters.left(customer) == 980
    with refused(422, "idempotency_key_reused"):
        meters.report(customer, calls, 3, idempotency_key="same")


def test_less_usage_gives_the_credits_back(meters: Meters) -> None:
    seats = meters.feature(meter_type="FLUCTUATING")
    customer = meters.customer(fixed(seats, meters.currency, 100))
    assert meters.report(customer, seats, 3, update_behavior="SET").current_usage == 3
    assert meters.report(customer, seats, -1).credit.consumed == -100
    assert meters.report(customer, seats, 0, update_behavior="SET").credit.consumed == -200
    assert meters.left(customer) == 1000


def test_an_estimate_is_what_is_then_taken_and_takes_nothing(meters: Meters) -> None:
    calls, jobs = meters.feature(), meters.event_feature("job")
    customer = meters.customer(
        fixed(calls, meters.currency, 10), by_formula(jobs, meters.currency, "a * 2")
    )
    estimate = meters.client.v1.usage.estimate(
        customer_id=customer, feature_id=calls, value=101
    ).data
    assert estimate.estimates[0].estimated_cost == 1010
    assert estimate.estimates[0].would_overdraft is True
    estimate = meters.client.v1.events.estimate(
        customer_id=customer, event_name="job", dimensions={"a": 4}
    ).data
    assert estimate.estimates[0].balance_after_estimate == 992
    assert meters.left(customer) == 1000


def test_the_history_shows_usage_by_dimension(meters: Meters) -> None:
    calls = meters.feature()
    customer = meters.customer(fixed(calls, meters.currency, 1))
    meters.report(customer, calls, 3, dimensions={"region": "eu"})
    meters.report(customer, calls, 4, dimensions={"region": "us"})
    history = meters.client.v1.usage.history(
        calls, customer_id=customer, start_date="2020-01-01T00:00:00Z"
    ).data
    assert [point.value for point in history.series[0].points] == [3, 7]
    grouped = meters.client.v1.usage.history(
        calls, customer_id=customer, start_date="2020-01-01T00:00:00Z", group_by="region"
    ).data
    tags = {series.tags[0].value: series.points[-1].value for series in grouped.series}
    assert tags == {"eu": 3, "us": 4}


def test_usage_survives_a_kill(server: Server, meters: Meters) -> None:
    calls = meters.feature()
    customer = meters.customer(fixed(calls, meters.currency, 10))
    meters.report(customer, calls, 2, idempotency_key="before")
    server.kill()
    server.start()
    meters.client = meters.catalog.client = server.client
    again = meters.report(customer, calls, 2, idempotency_key="before")
    assert again.credit.consumed == 0
    assert meters.report(customer, calls, -1).credit.consumed == -10
    assert meters.left(customer) == 990
