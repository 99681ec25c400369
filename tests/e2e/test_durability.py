"""What was answered survives SIGKILL."""

import server as processes
from catalog import Catalog, credit, units
from server import Server


def facts(catalog: Catalog, customer: str, currency: str) -> tuple:
    """Everything that must be the same before and after."""
    pool = catalog.check(customer, currency)
    ledger = catalog.ledger(customer, currency)
    grants = catalog.grants(customer, currency)
    return pool.usage_limit, pool.current_usage, ledger, grants


def test_everything_answered_is_there_after_a_kill(server: Server) -> None:
    catalog = Catalog(server.client, prefix="kill")
    currency = catalog.currency()
    addon = catalog.addon(credit(currency, 10_000))
    plan = catalog.plan(credit(currency, 50_000), compatible=(addon,))
    customer = catalog.customer()
    subscription = catalog.subscribe(customer, plan, units(addon, 3))
    catalog.grant(customer, currency, 500, priority=1)
    first = catalog.consume(customer, currency, 1_234.5, idempotency_key="before-the-kill")
    before = facts(catalog, customer, currency)

    server.kill()
    server.start()
    again = Catalog(server.client, prefix="after")
    assert facts(again, customer, currency) == before
    assert server.client.v1.subscriptions.retrieve(subscription).data.plan_id == plan
    replayed = again.consume(
        customer, currency, 1_234.5, idempotency_key="before-the-kill"
    )
    assert replayed == first
    assert facts(again, customer, currency) == before

    server.terminate()
    checked = processes.run("fsck", "--data-dir", server.data_dir)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_killed_server_passes_fsck_before_it_starts_again(server: Server) -> None:
    server.start()
    catalog = Catalog(server.client, prefix="fsck")
    customer, currency = catalog.customer(), catalog.currency()
    catalog.grant(customer, currency, 10)
    server.kill()
    checked = processes.run("fsck", "--data-dir", server.data_dir)
    assert checked.returncode == 0, checked.stdout + checked.stderr
