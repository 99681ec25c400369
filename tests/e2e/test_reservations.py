"""Reserve, act, release: credits that are held for a job, through the official client."""

import concurrent.futures
import json
import pathlib

from catalog import Catalog
from refusals import refused
from server import Server


def reserve(catalog: Catalog, customer: str, currency: str, amount: float, **fields: object):
    fields = {"reservation_id": "job", **fields}
    return catalog.check(customer, currency, reserve_amount=amount, **fields)


def release(catalog: Catalog, customer: str, currency: str, consumed: float, id: str = "job"):
    return catalog.client.v1.credits.reservations.release(
        id, customer_id=customer, currency_id=currency, consumed_amount=consumed
    ).data


def events(catalog: Catalog, customer: str, currency: str) -> list[tuple[str, float]]:
    ledger = catalog.ledger(customer, currency, reservation_id="job")
    return [(entry.event_type, entry.amount) for entry in reversed(ledger)]


def test_reserve_act_release(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    check = reserve(
        catalog, customer, currency, 60, reservation_metadata=json.dumps({"job": "7"})
    )
    assert check.is_granted
    assert (check.reservation.amount, check.reservation.status) == (60, "ACTIVE")
    assert (check.usage_limit, check.current_usage, check.reserved) == (100, 60, 60)
    assert catalog.balance(customer, currency) == 40

    released = release(catalog, customer, currency, 25)
    assert (released.reservation.status, released.reservation.consumed_amount) == ("RELEASED", 25)
    assert released.credit.current_usage == 25
    assert catalog.balance(customer, currency) == 75
    assert events(catalog, customer, currency) == [
        ("CREDITS_RESERVED", -60),
        ("CREDITS_RESERVATION_RELEASED", 35),
    ]
    (ended, made) = catalog.ledger(customer, currency, reservation_id="job")
    assert ended.hold_returned_amount == 60
    assert [taken.amount for taken in ended.breakdown] == [-25]
    assert made.metadata == {"job": "7"}


def test_a_job_that_costs_more_than_was_held_is_charged_in_full(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    reserve(catalog, customer, currency, 60)
    release(catalog, customer, currency, 75.5)
    assert catalog.balance(customer, currency) == 24.5


def test_the_same_reservation_and_release_again_get_the_first_answer(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    first = reserve(catalog, customer, currency, 60)
    assert reserve(catalog, customer, currency, 60) == first
    with refused(409, "reservation_conflict"):
        reserve(catalog, customer, currency, 61)
    ended = release(catalog, customer, currency, 25)
    assert release(catalog, customer, currency, 25) == ended
    with refused(409, "reservation_released"):
        release(catalog, customer, currency, 26)
    with refused(404, "reservation_not_found"):
        release(catalog, customer, currency, 26, id="other")
    assert catalog.balance(customer, currency) == 75


def test_too_large_a_reservation_is_denied_and_holds_nothing(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    check = reserve(catalog, customer, currency, 101)
    assert not check.is_granted
    assert check.access_denied_reason == "InsufficientCredits"
    assert check.reservation is None
    assert catalog.balance(customer, currency) == 100
    assert reserve(catalog, customer, currency, 100).is_granted, "a denial is not remembered"


def test_of_many_who_want_the_last_credit_one_gets_it(catalog: Catalog) -> None:
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 1)

    def one(number: int) -> bool:
        return reserve(
            catalog, customer, currency, 1, reservation_id=f"job-{number}"
        ).is_granted

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(one, range(64))) == 1
    assert catalog.balance(customer, currency) == 0


def test_an_expired_reservation_returns_and_a_late_release_is_a_consumption(
    tmp_path: pathlib.Path,
) -> None:
    server = Server(tmp_path / "data", tmp_path / "server.log")
    catalog = Catalog(server.sandbox, prefix="late")

    def set_clock(now: str) -> None:
        server.sandbox.put("/api/v1/test-clock", body={"now": now}, cast_to=object)

    set_clock("2026-03-01T00:00:00Z")
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    reserve(catalog, customer, currency, 60, reservation_ttl_seconds=600)
    set_clock("2026-03-01T00:09:59.999Z")
    assert catalog.balance(customer, currency) == 40
    set_clock("2026-03-01T00:10:00Z")
    assert catalog.balance(customer, currency) == 100
    release(catalog, customer, currency, 25)
    assert catalog.balance(customer, currency) == 75
    assert events(catalog, customer, currency) == [
        ("CREDITS_RESERVED", -60),
        ("CREDITS_RESERVATION_EXPIRED", 60),
        ("CREDITS_CONSUMED", -25),
    ]
    server.terminate()


def test_a_reservation_survives_a_restart(tmp_path: pathlib.Path) -> None:
    server = Server(tmp_path / "data", tmp_path / "server.log")
    catalog = Catalog(server.client, prefix="restart")
    currency, customer = catalog.currency(), catalog.customer()
    catalog.grant(customer, currency, 100)
    reserve(catalog, customer, currency, 60)
    server.kill()
    server.start()
    catalog = Catalog(server.client, prefix="restart")
    assert catalog.balance(customer, currency) == 40
    release(catalog, customer, currency, 25)
    assert catalog.balance(customer, currency) == 75
    server.terminate()
