"""Short names for what the scenarios set up again and again."""

import itertools

import stigg

NEW_CUSTOMERS = "NEW_CUSTOMERS"


class Catalog:
    """Creates things through the official client, under ids that begin with a prefix."""

    def __init__(self, client: stigg.Stigg, prefix: str) -> None:
        self.client = client
        self._prefix = prefix[:80]
        self._numbers = itertools.count(1)
        self._product: str | None = None

    def new_id(self, kind: str) -> str:
        return f"{self._prefix}-{kind}-{next(self._numbers)}"

    def product(self) -> str:
        """The one product of this test."""
        if self._product is None:
            self._product = self.new_id("product")
            self.client.v1.products.create_product(id=self._product, display_name="Product")
        return self._product

    def currency(self) -> str:
        created = self.client.v1.credits.custom_currencies.create(
            id=self.new_id("credits"),
            display_name="API credits",
            units={"singular": "credit", "plural": "credits"},
        )
        return created.data.id

    def draft_plan(self, *entitlements: dict) -> str:
        plan = self.client.v1.plans.create(
            id=self.new_id("plan"),
            display_name="Plan",
            product_id=self.product(),
            pricing_type="FREE",
        )
        if entitlements:
            self.client.v1.plans.entitlements.create(plan.data.id, entitlements=entitlements)
        return plan.data.id

    def plan(self, *entitlements: dict, compatible: tuple[str, ...] = ()) -> str:
        """A published plan."""
        plan = self.draft_plan(*entitlements)
        if compatible:
            self.client.v1.plans.update(plan, compatible_addon_ids=list(compatible))
        self.publish_plan(plan)
        return plan

    def publish_plan(self, plan: str) -> None:
        self.client.v1.plans.publish(plan, migration_type=NEW_CUSTOMERS)

    def draft_addon(self, *entitlements: dict, max_quantity: int | None = None) -> str:
        addon = self.client.v1.addons.create(
            id=self.new_id("addon"),
            display_name="Add-on",
            product_id=self.product(),
            max_quantity=max_quantity,
            pricing_type="FREE",
        )
        if entitlements:
            self.client.v1.addons.entitlements.create(addon.data.id, entitlements=entitlements)
        return addon.data.id

    def addon(
        self,
        *entitlements: dict,
        max_quantity: int | None = None,
        dependencies: tuple[str, ...] = (),
    ) -> str:
        """A published add-on."""
        addon = self.draft_addon(*entitlements, max_quantity=max_quantity)
        if dependencies:
            self.client.v1.addons.update(addon, dependencies=list(dependencies))
        self.client.v1.addons.publish(addon, migration_type=NEW_CUSTOMERS)
        return addon

    def customer(self, **fields: object) -> str:
        created = self.client.v1.customers.provision(id=self.new_id("customer"), **fields)
        return created.data.id

    def subscribe(self, customer: str, plan: str, *addons: dict, **fields: object) -> str:
        provisioned = self.client.v1.subscriptions.provision(
            customer_id=customer, plan_id=plan, addons=list(addons), **fields
        )
        assert provisioned.data.status == "SUCCESS"
        return provisioned.data.subscription.id

    def set_addons(self, subscription: str, *addons: dict) -> None:
        """Replaces the whole list of add-ons."""
        self.client.v1.subscriptions.update(subscription, addons=list(addons))

    def grant(self, customer: str, currency: str, amount: float, **fields: object) -> object:
        fields = {"grant_type": "PROMOTIONAL", "display_name": "Grant", **fields}
        return self.client.v1.credits.grants.create(
            customer_id=customer, currency_id=currency, amount=amount, **fields
        ).data

    def consume(self, customer: str, currency: str, amount: float, **fields: object) -> object:
        fields = {"idempotency_key": self.new_id("key"), **fields}
        return self.client.v1.credits.consumption.consume(
            customer_id=customer, currency_id=currency, amount=amount, **fields
        ).data

    def check(self, customer: str, currency: str, **fields: object) -> object:
        return self.client.v1.customers.check_entitlement(
            customer, currency_id=currency, **fields
        ).data

    def limit(self, customer: str, currency: str) -> float:
        return self.check(customer, currency).usage_limit

    def balance(self, customer: str, currency: str) -> float:
        pool = self.check(customer, currency)
        return pool.usage_limit - pool.current_usage

    def grants(self, customer: str, currency: str) -> list:
        return list(
            self.client.v1.credits.grants.list(customer_id=customer, currency_id=currency)
        )

    def ledger(self, customer: str, currency: str, **fields: object) -> list:
        return list(
            self.client.v1.credits.list_ledger(
                customer_id=customer, currency_id=currency, **fields
            )
        )


def credit(currency: str, amount: float, cadence: str = "MONTH", **fields: object) -> dict:
    """A credit entitlement of a plan or add-on."""
    return {"id": currency, "type": "CREDIT", "amount": amount, "cadence": cadence, **fields}


def override(currency: str, amount: float, cadence: str = "MONTH") -> dict:
    return credit(currency, amount, cadence, behavior="Override")


def units(addon: str, quantity: int = 1) -> dict:
    """An add-on on a subscription."""
    return {"id": addon, "quantity": quantity}
