"""The use of credits over time, reversals, forecasts and decisions."""

import httpx
from catalog import Catalog, credit
from server import API_KEY, Server


def ask(server: Server, method: str, path: str, **body: object) -> httpx.Response:
    headers = {"X-API-KEY": API_KEY}
    return httpx.request(method, f"{server.url}{path}", headers=headers, json=body or None)


def test_the_client_reads_the_use_of_credits_by_dimension(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    for amount, region in ((5, "eu"), (7, "us"), (2, "eu")):
        catalog.consume(customer, currency, amount, dimensions={"region": region})

    usage = catalog.client.v1.credits.get_usage(
        customer_id=customer, currency_id=currency, group_by="region", time_range="LAST_DAY"
    ).data
    assert usage.currency.currency_id == currency
    told = {series.tags[0].value: series for series in usage.series}
    assert {region: series.total_credits for region, series in told.items()} == {"eu": 7, "us": 7}
    assert (told["eu"].event_count, told["us"].event_count) == (2, 1)
    assert sum(point.value for point in told["eu"].points) == 7


def test_a_consumption_is_reversed_once(server: Server, catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    catalog.consume(customer, currency, 60)
    listed = ask(
        server, "GET", f"/api/v1/credits/ledger?customerId={customer}&eventType=CREDITS_CONSUMED"
    )
    path = f"/api/v1/credits/ledger/{listed.json()['data'][0]['entryId']}/reverse"

    reversed_ = ask(server, "POST", path, reason="It failed")
    assert reversed_.status_code == 200, reversed_.text
    assert reversed_.json()["data"]["amount"] == 60
    assert ask(server, "POST", path).json() == reversed_.json()
    assert catalog.balance(customer, currency) == 100
    refused = ask(server, "POST", path, idempotencyKey="another")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "already_reversed")


def test_a_forecast_counts_on_the_next_recurring_grant(server: Server, catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.subscribe(customer, catalog.plan(credit(currency, 1_000)))
    catalog.consume(customer, currency, 1)
    path = f"/api/v1/customers/{customer}/credits/explain?currencyId={currency}"
    forecast = ask(server, "GET", path).json()["data"]["forecast"]
    assert forecast["windows"][0]["used"] == 1
    assert forecast["runsOutAt"] is None


def test_a_decision_says_why_each_grant_was_drawn(server: Server, catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 10, priority=2)
    catalog.grant(customer, currency, 10, priority=1)
    catalog.consume(customer, currency, 15)
    listed = ask(
        server, "GET", f"/api/v1/credits/ledger?customerId={customer}&eventType=CREDITS_CONSUMED"
    )
    id = listed.json()["data"][0]["decisionId"]
    decision = ask(server, "GET", f"/api/v1/decisions/{id}").json()["data"]
    assert [draw["amount"] for draw in decision["draws"]] == [10, 5]
    assert decision["draws"][0]["rule"] == "priority 1 is drawn before 2"
