"""Time, through the official client: a sandbox's clock is frozen and moved on.

Each scenario has a server of its own, since a sandbox has one clock. What the client has no call
for (the clock, what is coming, environments, tasks) is asked over plain HTTP.
"""

import datetime
import pathlib
from collections.abc import Iterator

import pytest
import stigg
from catalog import Catalog
from server import Server


class Sandbox:
    """A server's sandbox: its clock, its catalog, and plain calls."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.catalog = Catalog(server.sandbox, prefix=name)

    @property
    def client(self) -> stigg.Stigg:
        return self.server.sandbox

    def set_clock(self, now: str) -> None:
        clock = self.client.put("/api/v1/test-clock", body={"now": now}, cast_to=object)
        assert clock["data"]["frozen"] is True

    def balance(self, customer: str, currency: str) -> float:
        return self.catalog.balance(customer, currency)

    def granted(self, customer: str) -> list[tuple[str, float]]:
        """Day and amount of every grant of the ledger, oldest first."""
        page = self.client.get(
            f"/api/v1/credits/ledger?customerId={customer}&limit=100", cast_to=object
        )
        granted = [entry for entry in page["data"] if entry["eventType"] == "CREDITS_GRANTED"]
        return [(entry["timestamp"][:10], entry["amount"]) for entry in reversed(granted)]


@pytest.fixture
def sandbox(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    server = Server(tmp_path / "data", tmp_path / "server.log")
    made = Sandbox(server, request.node.name)
    yield made
    server.terminate()


def credits(currency: str, amount: float, cadence: str = "MONTH", **fields: object) -> dict:
    return {"type": "CREDIT", "id": currency, "amount": amount, "cadence": cadence, **fields}


def test_a_subscription_of_31_january_renews_on_the_last_days(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-01-31T00:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.plan(credits(currency, 1000))
    customer = sandbox.catalog.customer()
    sandbox.catalog.subscribe(customer, plan)
    sandbox.set_clock("2027-01-31T00:00:00Z")
    days = [
        "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30",
        "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31",
        "2027-01-31",
    ]  # fmt: skip
    assert sandbox.granted(customer) == [(day, 1000) for day in days]
    assert sandbox.balance(customer, currency) == 1000


def test_a_year_of_any_steps_is_the_same_year(tmp_path: pathlib.Path) -> None:
    ledgers = []
    for days in (400, 40, 1):
        folder = tmp_path / f"steps-of-{days}"
        folder.mkdir()
        server = Server(folder / "data", folder / "server.log")
        sandbox = Sandbox(server, "steps")
        sandbox.set_clock("2026-01-31T00:00:00Z")
        currency = sandbox.catalog.currency()
        addon = sandbox.catalog.addon(credits(currency, 70, "YEAR"))
        plan = sandbox.catalog.plan(credits(currency, 100), compatible=(addon,))
        customer = sandbox.catalog.customer()
        subscription = sandbox.catalog.subscribe(customer, plan, {"id": addon, "quantity": 2})
        sandbox.catalog.consume(customer, currency, 130)
        sandbox.client.v1.subscriptions.update(
            subscription, addons=[], schedule_strategy="END_OF_BILLING_PERIOD"
        )
        start = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)
        for passed in range(days, 401, days):
            now = start + datetime.timedelta(days=passed)
            sandbox.set_clock(now.isoformat().replace("+00:00", "Z"))
        page = sandbox.client.get(
            f"/api/v1/credits/ledger?customerId={customer}&limit=100", cast_to=object
        )
        keys = ("eventType", "amount", "timestamp")
        ledgers.append([tuple(entry[key] for key in keys) for entry in page["data"]])
        server.terminate()
    assert len(ledgers[0]) > 25
    assert ledgers[0] == ledgers[1] == ledgers[2]


def test_what_is_bought_in_the_middle_renews_with_the_subscription(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-01T00:00:00Z")
    currency = sandbox.catalog.currency()
    extra = sandbox.catalog.addon(credits(currency, 100))
    tier = sandbox.catalog.addon(credits(currency, 5000, behavior="Override"))
    plan = sandbox.catalog.plan(credits(currency, 1000), compatible=(extra, tier))
    customer = sandbox.catalog.customer()
    subscription = sandbox.catalog.subscribe(customer, plan)
    sandbox.set_clock("2026-03-16T12:00:00Z")
    sandbox.catalog.consume(customer, currency, 400)
    sandbox.catalog.set_addons(subscription, {"id": extra, "quantity": 3})
    assert sandbox.balance(customer, currency) == 900
    sandbox.catalog.set_addons(subscription, {"id": tier, "quantity": 1})
    assert sandbox.balance(customer, currency) == 4600
    sandbox.set_clock("2026-04-01T00:00:00Z")
    assert sandbox.balance(customer, currency) == 5000
    sandbox.catalog.set_addons(subscription, {"id": extra, "quantity": 3})
    assert sandbox.balance(customer, currency) == 1300


def test_a_seat_grants_at_once_and_is_not_clawed_back(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-01T00:00:00Z")
    currency = sandbox.catalog.currency()
    seats = sandbox.catalog.new_id("seats")
    sandbox.client.v1.features.create_feature(
        id=seats, display_name="Seats", feature_type="NUMBER", meter_type="FLUCTUATING"
    )
    plan = sandbox.catalog.plan(
        {"type": "FEATURE", "id": seats, "usageLimit": 5},
        credits(currency, 1000, dependencyFeatureId=seats),
    )
    customer = sandbox.catalog.customer()
    subscription = sandbox.catalog.subscribe(customer, plan)
    assert sandbox.balance(customer, currency) == 5000

    def buy(count: int) -> None:
        charges = [{"id": seats, "type": "FEATURE", "quantity": count}]
        sandbox.client.v1.subscriptions.update(subscription, charges=charges)

    sandbox.set_clock("2026-03-10T00:00:00Z")
    buy(6)
    assert sandbox.balance(customer, currency) == 6000
    buy(4)
    assert sandbox.balance(customer, currency) == 6000
    sandbox.set_clock("2026-04-01T00:00:00Z")
    assert sandbox.balance(customer, currency) == 4000


def test_a_downgrade_at_the_end_of_the_period(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-01T00:00:00Z")
    currency = sandbox.catalog.currency()
    small = sandbox.catalog.plan(credits(currency, 1000))
    big = sandbox.catalog.plan(credits(currency, 3000))
    customer = sandbox.catalog.customer()
    running = sandbox.catalog.subscribe(customer, big)
    planned = sandbox.client.v1.subscriptions.provision(
        customer_id=customer, plan_id=small, schedule_strategy="END_OF_BILLING_PERIOD"
    ).data
    assert planned.is_scheduled is True
    assert planned.subscription.status == "NOT_STARTED"
    shown = sandbox.client.v1.subscriptions.retrieve(running).data
    update = shown.future_updates[0]
    assert (update.subscription_schedule_type, update.target_package.id) == ("PLAN", small)
    assert sandbox.balance(customer, currency) == 3000
    sandbox.set_clock("2026-04-01T00:00:00Z")
    assert sandbox.balance(customer, currency) == 1000
    ended = sandbox.client.v1.subscriptions.retrieve(running).data
    assert (ended.status, ended.cancel_reason) == ("CANCELED", "UPGRADE_OR_DOWNGRADE")
    assert sandbox.granted(customer) == [("2026-03-01", 3000), ("2026-04-01", 1000)]


def test_a_schedule_is_taken_back(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-01T00:00:00Z")
    currency = sandbox.catalog.currency()
    extra = sandbox.catalog.addon(credits(currency, 100))
    plan = sandbox.catalog.plan(credits(currency, 1000), compatible=(extra,))
    customer = sandbox.catalog.customer()
    subscription = sandbox.catalog.subscribe(customer, plan, {"id": extra, "quantity": 2})
    subscriptions = sandbox.client.v1.subscriptions
    updated = subscriptions.update(
        subscription, addons=[], schedule_strategy="END_OF_BILLING_PERIOD"
    ).data
    assert updated.future_updates[0].subscription_schedule_type == "ADDON"
    subscriptions.future_update.cancel_schedule(subscription)
    assert subscriptions.retrieve(subscription).data.future_updates == []
    sandbox.set_clock("2026-04-01T00:00:00Z")
    assert sandbox.balance(customer, currency) == 1200


def test_a_cancellation_at_the_end_of_the_period_and_one_taken_back(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-01T00:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.plan(credits(currency, 1000))
    ending, staying = sandbox.catalog.customer(), sandbox.catalog.customer()
    subscriptions = sandbox.client.v1.subscriptions
    for customer in (ending, staying):
        subscription = sandbox.catalog.subscribe(customer, plan)
        shown = subscriptions.cancel(
            subscription, cancellation_time="END_OF_BILLING_PERIOD"
        ).data
        assert shown.status == "ACTIVE"
        assert shown.effective_end_date.isoformat() == "2026-04-01T00:00:00+00:00"
    subscriptions.update(subscription, cancellation_date=None)
    sandbox.set_clock("2026-03-31T23:59:59.999Z")
    assert sandbox.balance(ending, currency) == 1000
    sandbox.set_clock("2026-04-01T00:00:00Z")
    assert sandbox.balance(ending, currency) == 0
    assert sandbox.balance(staying, currency) == 1000


def test_a_trial_is_converted_with_credits_of_its_own(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-02-14T10:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.draft_plan(credits(currency, 300))
    sandbox.client.v1.plans.update(
        plan,
        default_trial_config={
            "duration": 14, "units": "DAY", "trialEndBehavior": "CONVERT_TO_PAID",
        },
    )  # fmt: skip
    sandbox.catalog.publish_plan(plan)
    customer = sandbox.catalog.customer()
    subscription = sandbox.catalog.subscribe(customer, plan)
    shown = sandbox.client.v1.subscriptions.retrieve(subscription).data
    assert shown.status == "IN_TRIAL"
    assert shown.trial_end_date.isoformat() == "2026-02-28T10:00:00+00:00"
    sandbox.catalog.consume(customer, currency, 250)
    assert sandbox.balance(customer, currency) == 50
    sandbox.set_clock("2026-02-28T10:00:00Z")
    assert sandbox.balance(customer, currency) == 300
    shown = sandbox.client.v1.subscriptions.retrieve(subscription).data
    assert shown.status == "ACTIVE"
    assert shown.billing_cycle_anchor.isoformat() == "2026-02-28T10:00:00+00:00"
    sandbox.set_clock("2026-03-28T10:00:00Z")
    assert [day for day, _ in sandbox.granted(customer)] == [
        "2026-02-14", "2026-02-28", "2026-03-28",
    ]  # fmt: skip


def test_a_plan_change_resets_and_returning_restores(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-01T00:00:00Z")
    currency = sandbox.catalog.currency()
    small = sandbox.catalog.plan(credits(currency, 1000))
    big = sandbox.catalog.plan(credits(currency, 3000))
    customer = sandbox.catalog.customer()
    sandbox.catalog.subscribe(customer, small)
    sandbox.catalog.consume(customer, currency, 400)
    preview = sandbox.client.v1.subscriptions.preview(customer_id=customer, plan_id=big).data
    credit = preview.model_extra["credits"][0]
    assert (credit["currentBalance"], credit["balanceAfter"]) == (600, 3000)
    assert sandbox.balance(customer, currency) == 600
    sandbox.catalog.subscribe(customer, big)
    assert sandbox.balance(customer, currency) == 3000
    sandbox.catalog.subscribe(customer, small)
    assert sandbox.balance(customer, currency) == 600


def test_a_new_version_reaches_all_customers_and_one(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-01T00:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.plan(credits(currency, 1000))
    customers = [sandbox.catalog.customer() for _ in range(3)]
    subscriptions = [sandbox.catalog.subscribe(customer, plan) for customer in customers]

    def next_version(amount: int, audience: str) -> str | None:
        sandbox.client.v1.plans.create_draft(plan)
        sandbox.client.patch(
            f"/api/v1/plans/{plan}/entitlements/{currency}",
            body={"type": "CREDIT", "amount": amount},
            cast_to=object,
        )
        return sandbox.client.v1.plans.publish(plan, migration_type=audience).data.task_id

    assert next_version(1500, "NEW_CUSTOMERS") is None
    assert sandbox.balance(customers[0], currency) == 1000
    sandbox.client.v1.subscriptions.migrate(subscriptions[0])
    assert [sandbox.balance(one, currency) for one in customers] == [1500, 1000, 1000]
    task = next_version(2000, "ALL_CUSTOMERS")
    assert task is not None
    sandbox.set_clock("2026-03-02T00:00:00Z")
    sandbox.catalog.customer()
    done = sandbox.client.get(f"/api/v1/tasks/{task}", cast_to=object)["data"]
    assert (done["type"], done["status"]) == ("MIGRATE_SUBSCRIPTIONS", "COMPLETED")
    assert [sandbox.balance(one, currency) for one in customers] == [2000, 2000, 2000]
    next_version(500, "ALL_CUSTOMERS")
    sandbox.set_clock("2026-03-31T00:00:00Z")
    assert [sandbox.balance(one, currency) for one in customers] == [2000, 2000, 2000]
    sandbox.set_clock("2026-04-01T00:00:00Z")
    assert [sandbox.balance(one, currency) for one in customers] == [500, 500, 500]


def test_subscriptions_are_imported_and_transferred(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-10T00:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.plan(credits(currency, 1000))
    customer = sandbox.catalog.customer()
    imported = {"id": "imported", "customerId": customer, "planId": plan}
    task = sandbox.client.v1.subscriptions.import_(
        subscriptions=[
            {**imported, "startDate": "2026-01-15T00:00:00Z"},
            {"id": "lost", "customerId": "nobody", "planId": plan},
        ]
    ).data.task_id
    sandbox.catalog.customer()
    done = sandbox.client.get(f"/api/v1/tasks/{task}", cast_to=object)["data"]
    assert (done["status"], done["processed"]) == ("COMPLETED_WITH_ERRORS", 2)
    assert [failure["id"] for failure in done["failures"]] == ["lost"]
    assert sandbox.balance(customer, currency) == 1000
    sandbox.catalog.consume(customer, currency, 100)
    moved = sandbox.client.v1.subscriptions.transfer("imported", destination_resource_id="site")
    assert moved.data.resource_id == "site"
    assert sandbox.balance(customer, currency) == 0
    assert sandbox.catalog.check(customer, currency, resource_id="site").usage_limit == 1000
    sandbox.set_clock("2026-03-15T00:00:00Z")
    pool = sandbox.catalog.check(customer, currency, resource_id="site")
    assert (pool.usage_limit, pool.current_usage) == (1000, 0)


def test_a_subscription_is_delegated_to_who_pays_for_it(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-03-01T00:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.plan(credits(currency, 1000))
    customer, payer = sandbox.catalog.customer(), sandbox.catalog.customer()
    subscription = sandbox.catalog.subscribe(customer, plan)
    subscriptions = sandbox.client.v1.subscriptions
    delegated = subscriptions.delegate(subscription, target_customer_id=payer).data
    assert (delegated.customer_id, delegated.paying_customer_id) == (customer, payer)
    assert subscriptions.retrieve(subscription).data.paying_customer_id == payer
    assert [sandbox.balance(one, currency) for one in (customer, payer)] == [1000, 0]
    taken_back = subscriptions.delegate(subscription, target_customer_id=customer).data
    assert taken_back.paying_customer_id in (None, customer)
    with pytest.raises(stigg.NotFoundError):
        subscriptions.delegate(subscription, target_customer_id="nobody")


def test_what_is_coming_comes(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-01-31T00:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.plan(credits(currency, 1000))
    customer = sandbox.catalog.customer()
    subscription = sandbox.catalog.subscribe(customer, plan)
    path = f"/api/v1/subscriptions/{subscription}/upcoming?count=3"
    coming = sandbox.client.get(path, cast_to=object)["data"]
    days = ["2026-02-28", "2026-03-31", "2026-04-30"]
    assert [step["at"][:10] for step in coming] == days
    assert {step["timeZone"] for step in coming} == {"UTC"}
    sandbox.set_clock("2026-04-30T00:00:00Z")
    assert [day for day, _ in sandbox.granted(customer)[1:]] == days


def test_a_frozen_clock_stays_frozen_over_restarts_and_never_runs_back(sandbox: Sandbox) -> None:
    sandbox.set_clock("2026-01-31T00:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.plan(credits(currency, 1000))
    customer = sandbox.catalog.customer()
    sandbox.catalog.subscribe(customer, plan)
    sandbox.set_clock("2026-02-28T00:00:00Z")
    sandbox.server.kill()
    sandbox.server.start()
    clock = sandbox.client.get("/api/v1/test-clock", cast_to=object)["data"]
    assert clock == {"now": "2026-02-28T00:00:00.000Z", "frozen": True}
    assert [day for day, _ in sandbox.granted(customer)] == ["2026-01-31", "2026-02-28"]
    with pytest.raises(stigg.ConflictError) as refused:
        sandbox.set_clock("2026-02-27T23:59:59Z")
    assert refused.value.body["error"]["code"] == "clock_backwards"
    released = sandbox.client.delete("/api/v1/test-clock", cast_to=object)["data"]
    assert released["frozen"] is False


def test_environments_have_zones_and_keys_of_their_own(tmp_path: pathlib.Path) -> None:
    server = Server(tmp_path / "data", tmp_path / "server.log")
    with pytest.raises(stigg.PermissionDeniedError) as refused:
        server.client.put("/api/v1/test-clock", body={"now": "2026-01-01T00:00:00Z"}, cast_to=object)
    assert refused.value.body["error"]["code"] == "not_a_sandbox"
    made = server.client.post(
        "/api/v1/environments", body={"name": "apia", "timeZone": "Pacific/Auckland"}, cast_to=object
    )["data"]
    assert (made["type"], made["timeZone"]) == ("SANDBOX", "Pacific/Auckland")
    server.sandbox.close()
    server.sandbox = stigg.Stigg(api_key=made["apiKey"], base_url=server.url)
    sandbox = Sandbox(server, "zone")
    sandbox.set_clock("2025-01-30T11:00:00Z")
    currency = sandbox.catalog.currency()
    plan = sandbox.catalog.plan(credits(currency, 1000))
    customer = sandbox.catalog.customer()
    sandbox.catalog.subscribe(customer, plan)
    sandbox.set_clock("2025-04-01T00:00:00Z")
    page = sandbox.client.get(f"/api/v1/credits/ledger?customerId={customer}", cast_to=object)
    granted = [one["timestamp"] for one in page["data"] if one["eventType"] == "CREDITS_GRANTED"]
    # The last of January, February and March in Auckland, at midnight there.
    assert sorted(granted) == [
        "2025-01-30T11:00:00.000Z",
        "2025-02-27T11:00:00.000Z",
        "2025-03-30T11:00:00.000Z",
    ]
    server.terminate()
