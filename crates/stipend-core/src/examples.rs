//! The worked example of the product, for documentation and tests: a plan with 50,000 API
//! credits a month, *Extra API Credits* with 10,000 for each unit, and a tier of 500,000 that
//! overrides the plan.
//!
//! # Examples
//!
//! ```
//! use stipend_core::{Amount, examples};
//! let catalog = examples::catalog();
//! let customer = examples::subscribed_customer(&catalog, 3);
//! assert_eq!(customer.pools[0].balance(), Amount::whole(80_000));
//! ```

use crate::Amount;
use crate::catalog::{
    self, Behavior, Catalog, CatalogCommand, CreditTerms, EntitlementTerms, Extras, FeatureStatus,
    FeatureType, Metadata, MeterType, Migration, NewCreditType, NewEntitlement, NewFeature,
    NewPackage, NewProduct, PackageKey, PackagePatch, Target,
};
use crate::customer::{
    self, ConsumeRequest, Customer, CustomerCommand, CustomerRejection, Decision, GrantKind,
    HoldTerm, NewCustomer, NewGrant, PRIORITY_DEFAULT, ProvisionRequest, ReserveRequest, Schedule,
    TrialRequest, roll_forward,
};
use crate::id::{
    CurrencyId, CustomerId, EnvId, FeatureId, PackageId, ProductId, ReservationId, Slot,
    SubscriptionId,
};
use crate::period::Cadence;
use crate::time::Timestamp;

/// When everything in the example is made and the subscription starts: 2026-03-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_772_323_200_000_000);

const WELL_FORMED: &str = "the ids of the example are well formed";

/// The credit type: API credits.
#[must_use]
pub fn credits() -> CurrencyId {
    CurrencyId::parse("api-credits").expect(WELL_FORMED)
}

/// The product.
#[must_use]
pub fn product() -> ProductId {
    ProductId::parse("api").expect(WELL_FORMED)
}

/// The plan: 50,000 credits a month.
#[must_use]
pub fn plan() -> PackageId {
    PackageId::parse("base").expect(WELL_FORMED)
}

/// The add-on *Extra API Credits*: 10,000 a month for each unit, on top of the plan.
#[must_use]
pub fn extra() -> PackageId {
    PackageId::parse("extra-api-credits").expect(WELL_FORMED)
}

/// The add-on that moves the customer to a tier: 500,000 a month instead of the plan's.
#[must_use]
pub fn tier() -> PackageId {
    PackageId::parse("scale-tier").expect(WELL_FORMED)
}

/// A catalog with the product, the credit type, the plan and both add-ons, all published.
#[must_use]
pub fn catalog() -> Catalog {
    let mut catalog = empty_catalog();
    let packages = [
        (PackageKey::addon(extra()), 10_000, Behavior::Increment),
        (PackageKey::addon(tier()), 500_000, Behavior::Override),
        (PackageKey::plan(plan()), 50_000, Behavior::Increment),
    ];
    for (key, amount, behavior) in packages {
        let monthly = NewEntitlement {
            behavior,
            ..credit_entitlement(credits(), Some(Amount::whole(amount)), Cadence::Month)
        };
        let compatible = PackagePatch {
            compatible_addons: Some(Some(vec![extra(), tier()])),
            ..Default::default()
        };
        for command in [
            CatalogCommand::CreatePackage(new_package(key.clone())),
            CatalogCommand::AddEntitlements(key.clone(), vec![monthly]),
            CatalogCommand::UpdatePackage(key.clone(), Box::new(compatible)),
            CatalogCommand::Publish(key, Migration::NewCustomers),
        ] {
            change(&mut catalog, &command, START).expect("the example is a sound catalog");
        }
    }
    catalog
}

/// A catalog with the product and the credit type alone.
#[must_use]
pub fn empty_catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for command in catalog_commands() {
        change(&mut catalog, &command, START).expect("nothing has these ids yet");
    }
    catalog
}

/// The commands that make the product and the credit type.
#[must_use]
pub fn catalog_commands() -> Vec<CatalogCommand> {
    let product = NewProduct {
        id: product(),
        name: "API".to_owned(),
        description: None,
        metadata: Metadata::new(),
        multiple_subscriptions: false,
    };
    vec![
        CatalogCommand::CreateProduct(product),
        CatalogCommand::CreateCreditType(new_credit_type(credits())),
    ]
}

/// A credit type to make.
#[must_use]
pub fn new_credit_type(id: CurrencyId) -> NewCreditType {
    NewCreditType {
        name: id.to_string(),
        id,
        description: None,
        symbol: None,
        units: None,
        metadata: Metadata::new(),
    }
}

/// A feature with a number and no meter.
#[must_use]
pub fn new_feature(id: FeatureId) -> NewFeature {
    NewFeature {
        name: id.to_string(),
        id,
        description: None,
        feature_type: FeatureType::Number,
        meter_type: MeterType::None,
        status: FeatureStatus::New,
        units: None,
        units_plural: None,
        enum_values: None,
        unit_transformation: None,
        meter: None,
        metadata: Metadata::new(),
    }
}

/// A plan or add-on of the example's product to make.
#[must_use]
pub fn new_package(key: PackageKey) -> NewPackage {
    NewPackage {
        product: product(),
        name: key.id.to_string(),
        key,
        description: None,
        billing_id: None,
        pricing: None,
        metadata: Metadata::new(),
        parent: None,
        trial: None,
        max_quantity: None,
    }
}

/// An incrementing entitlement of that many credits for each cadence.
#[must_use]
pub fn credit_entitlement(
    currency: CurrencyId,
    amount: Option<Amount>,
    cadence: Cadence,
) -> NewEntitlement {
    NewEntitlement {
        target: Target::Credit(currency),
        terms: EntitlementTerms::Credit(CreditTerms {
            amount,
            cadence,
            soft_limit: None,
            enforcement: None,
            per_unit_of: None,
        }),
        behavior: Behavior::Increment,
        granted: true,
        custom: None,
        description: None,
        name_override: None,
        hidden_from: Vec::new(),
        order: None,
    }
}

/// A customer that has nothing yet.
#[must_use]
pub fn customer() -> Customer {
    Customer::new(Slot(0), new_customer().into_profile(EnvId(0), START))
}

/// The customer `acme`, to be made.
#[must_use]
pub fn new_customer() -> NewCustomer {
    NewCustomer {
        id: CustomerId::parse("acme").expect(WELL_FORMED),
        name: None,
        email: None,
        metadata: Metadata::new(),
        extras: Extras::new(),
    }
}

/// A customer on the plan with that many units of *Extra API Credits*, since [`START`].
#[must_use]
pub fn subscribed_customer(catalog: &Catalog, units: u32) -> Customer {
    let mut customer = customer();
    let addons = if units == 0 { Vec::new() } else { vec![(extra(), units)] };
    let command = CustomerCommand::Provision(Box::new(provision(addons)));
    carry_out(&mut customer, catalog, &command, START).expect("the example can be subscribed to");
    customer
}

/// A subscription to the plan with these add-ons, from now on.
#[must_use]
pub fn provision(addons: Vec<(PackageId, u32)>) -> ProvisionRequest {
    ProvisionRequest {
        id: SubscriptionId::parse("sub-1").expect(WELL_FORMED),
        plan: plan(),
        addons: Some(addons),
        overrides: Some(Vec::new()),
        quantities: None,
        resource: None,
        paying_customer: None,
        billing_period: None,
        start: None,
        ends: None,
        trial: TrialRequest::AsPlanned,
        schedule: Schedule::Now,
        new_anchor: false,
        metadata: None,
        extras: Extras::new(),
    }
}

/// A grant from now on that never expires.
#[must_use]
pub fn grant(kind: GrantKind, amount: Amount) -> NewGrant {
    NewGrant {
        currency: credits(),
        resource: None,
        kind,
        amount,
        priority: PRIORITY_DEFAULT,
        effective_at: None,
        expires_at: None,
        name: "Credits".to_owned(),
        comment: None,
        metadata: Metadata::new(),
        cost: None,
    }
}

/// A consumption that may overdraw.
#[must_use]
pub fn consumption(amount: Amount) -> ConsumeRequest {
    ConsumeRequest {
        currency: credits(),
        resource: None,
        amount,
        strict: false,
        event_id: None,
        reported_at: None,
        dimensions: Vec::new(),
    }
}

/// A reservation for an hour.
///
/// # Panics
/// Where the text is no id.
#[must_use]
pub fn reservation(id: &str, amount: Amount) -> ReserveRequest {
    ReserveRequest {
        currency: credits(),
        resource: None,
        id: ReservationId::parse(id).expect(WELL_FORMED),
        amount,
        term: HoldTerm::Seconds(60 * 60),
        metadata: Metadata::new(),
    }
}

/// Decides a command to the catalog and folds what it changes.
///
/// # Errors
/// As [`catalog::decide`]; then nothing has changed.
pub fn change(
    catalog: &mut Catalog,
    command: &CatalogCommand,
    now: Timestamp,
) -> Result<(), catalog::CatalogRejection> {
    for change in catalog::decide(catalog, command, now)? {
        catalog.apply(&change);
    }
    Ok(())
}

/// Does what is due up to `now`, then decides a command to the customer and folds its entries.
///
/// # Errors
/// As [`customer::decide`]; then only what was due has happened.
pub fn carry_out(
    customer: &mut Customer,
    catalog: &Catalog,
    command: &CustomerCommand,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    for entry in roll_forward(customer, catalog, now) {
        customer.apply(&entry);
    }
    let decision = customer::decide(customer, catalog, command, now)?;
    for entry in &decision.entries {
        customer.apply(entry);
    }
    Ok(decision)
}
