//! What is coming for a subscription.

use super::entitlement::cadence_to_wire;
use super::instant;
use stipend_core::catalog::Catalog;
use stipend_core::customer::{Coming, ComingChange};
use stipend_core::{Customer, Zone};
use stipend_engine::Engine;
use stipend_wire::number::Decimal;
use stipend_wire::upcoming as wire;

pub(crate) fn to_wire(
    engine: &Engine,
    customer: &Customer,
    catalog: &Catalog,
    coming: &[Coming],
) -> Vec<wire::UpcomingStep> {
    let zone = catalog.settings.zone.as_ref();
    coming.iter().map(|step| step_to_wire(engine, customer, zone, step)).collect()
}

fn step_to_wire(
    engine: &Engine,
    customer: &Customer,
    zone: Option<&Zone>,
    step: &Coming,
) -> wire::UpcomingStep {
    let at = instant(step.at);
    wire::UpcomingStep {
        at_local: zone.map_or_else(|| at.replace('Z', "+00:00"), |zone| zone.local_text(step.at)),
        at,
        time_zone: zone.map_or_else(|| "UTC".to_owned(), ToString::to_string),
        changes: step.changes.iter().map(change_to_wire).collect(),
        expires: step
            .expires
            .iter()
            .map(|(currency, resource, grant, amount)| wire::UpcomingExpiry {
                grant_id: (grant.no < customer.next_grant)
                    .then(|| engine.cipher().grant_id(customer.slot, grant.no)),
                currency_id: currency.to_string(),
                resource_id: resource.as_ref().map(ToString::to_string),
                amount: Decimal(*amount),
                package_id: grant.source.as_ref().map(|source| source.package.id.to_string()),
            })
            .collect(),
        grants: step
            .grants
            .iter()
            .filter_map(|(currency, resource, grant)| {
                let source = grant.source.as_ref()?;
                Some(wire::UpcomingGrant {
                    currency_id: currency.to_string(),
                    resource_id: resource.as_ref().map(ToString::to_string),
                    amount: Decimal(grant.amount),
                    package_id: source.package.id.to_string(),
                    cadence: cadence_to_wire(source.cadence),
                    expire_at: grant.expires_at.map(instant),
                })
            })
            .collect(),
    }
}

fn change_to_wire(change: &ComingChange) -> wire::UpcomingChange {
    match change {
        ComingChange::Starts => wire::UpcomingChange::Starts,
        ComingChange::TrialEnds => wire::UpcomingChange::TrialEnds,
        ComingChange::Updates => wire::UpcomingChange::Updates,
        ComingChange::Renews => wire::UpcomingChange::Renews,
        ComingChange::Ends => wire::UpcomingChange::Ends,
    }
}
