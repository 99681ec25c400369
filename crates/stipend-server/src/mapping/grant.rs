//! Grants.

use super::instant;
use stipend_core::customer::{
    Cost, Grant, GrantKind, GrantStatus, NewGrant, Overdraft, PRIORITY_DEFAULT,
};
use stipend_core::{Amount, CurrencyId, Customer, PackageKind, ResourceId, Timestamp};
use stipend_engine::IdCipher;
use stipend_wire::money::{Money, MoneyCurrency};
use stipend_wire::{Decimal, grant as wire};

pub(crate) fn new_from_wire(body: wire::CreateGrant) -> NewGrant {
    NewGrant {
        currency: body.currency_id,
        resource: body.resource_id,
        kind: match body.grant_type {
            wire::NewGrantType::Paid => GrantKind::Paid,
            wire::NewGrantType::Promotional => GrantKind::Promotional,
        },
        amount: body.amount.0,
        priority: body.priority.map_or(PRIORITY_DEFAULT, |priority| priority.0),
        effective_at: body.effective_at,
        expires_at: body.expire_at,
        name: body.display_name.0,
        comment: body.comment.map(|text| text.0),
        metadata: body.metadata.map(|map| map.0).unwrap_or_default(),
        cost: body
            .cost
            .map(|cost| Cost { amount: cost.amount.0, currency: cost.currency.0.to_owned() }),
    }
}

/// Whose grant it is, with what is needed to show it.
pub(crate) struct Owner<'a> {
    pub(crate) customer: &'a Customer,
    pub(crate) cipher: &'a IdCipher,
    pub(crate) currency: &'a CurrencyId,
    pub(crate) resource: Option<&'a ResourceId>,
    pub(crate) now: Timestamp,
}

pub(crate) fn kind_to_wire(kind: GrantKind) -> wire::GrantType {
    match kind {
        GrantKind::Recurring => wire::GrantType::Recurring,
        GrantKind::Paid => wire::GrantType::Paid,
        GrantKind::Promotional => wire::GrantType::Promotional,
    }
}

pub(crate) fn source_to_wire(grant: &Grant) -> Option<wire::GrantSource> {
    let source = grant.source.as_ref()?;
    Some(match source.package.kind {
        PackageKind::Plan => wire::GrantSource::PlanEntitlement,
        PackageKind::Addon => wire::GrantSource::AddonEntitlement,
    })
}

pub(crate) fn to_wire(owner: &Owner<'_>, grant: &Grant) -> wire::Grant {
    let cost = grant.cost.as_ref();
    wire::Grant {
        id: owner.cipher.grant_id(owner.customer.slot, grant.no),
        amount: Decimal(grant.amount),
        comment: grant.comment.as_deref().map(str::to_owned),
        consumed_amount: Decimal(grant.consumed),
        cost: money(cost.map_or(Amount::ZERO, |cost| cost.amount), cost.map(|c| &*c.currency)),
        created_at: instant(grant.created_at),
        currency_id: owner.currency.to_string(),
        customer_id: owner.customer.profile.id.to_string(),
        display_name: grant.name.to_string(),
        effective_at: instant(grant.effective_at),
        expire_at: grant.expires_at.map(instant),
        grant_type: kind_to_wire(grant.kind),
        invoice_id: None,
        latest_invoice: None,
        metadata: grant.metadata.clone(),
        original_amount: Decimal(grant.original),
        payment_collection: wire::PaymentCollection::NotRequired,
        priority: grant.priority,
        resource_id: owner.resource.map(ToString::to_string),
        source_type: source_to_wire(grant),
        status: match grant.status(owner.now) {
            GrantStatus::Scheduled => wire::GrantStatus::Scheduled,
            GrantStatus::Active => wire::GrantStatus::Active,
            GrantStatus::Expired => wire::GrantStatus::Expired,
            GrantStatus::Voided => wire::GrantStatus::Voided,
        },
        sync_states: None,
        updated_at: instant(grant.updated_at),
        voided_at: grant.voided_at.map(instant),
    }
}

/// An overdraft is shown as a grant of nothing that was consumed; settled whole, it is voided.
pub(crate) fn overdraft_to_wire(
    owner: &Owner<'_>,
    overdraft: &Overdraft,
    settled_at: Option<Timestamp>,
) -> wire::Grant {
    wire::Grant {
        id: owner.cipher.grant_id(owner.customer.slot, overdraft.no),
        amount: Decimal(Amount::ZERO),
        comment: None,
        consumed_amount: Decimal(overdraft.amount),
        cost: money(Amount::ZERO, None),
        created_at: instant(overdraft.created_at),
        currency_id: owner.currency.to_string(),
        customer_id: owner.customer.profile.id.to_string(),
        display_name: "Overdraft".to_owned(),
        effective_at: instant(overdraft.created_at),
        expire_at: None,
        grant_type: wire::GrantType::Overdraft,
        invoice_id: None,
        latest_invoice: None,
        metadata: std::collections::BTreeMap::new(),
        original_amount: Decimal(Amount::ZERO),
        payment_collection: wire::PaymentCollection::NotRequired,
        priority: PRIORITY_DEFAULT,
        resource_id: owner.resource.map(ToString::to_string),
        source_type: None,
        status: match settled_at {
            None => wire::GrantStatus::Active,
            Some(_) => wire::GrantStatus::Voided,
        },
        sync_states: None,
        updated_at: instant(settled_at.unwrap_or(overdraft.created_at)),
        voided_at: settled_at.map(instant),
    }
}

fn money(amount: Amount, currency: Option<&str>) -> Money {
    let currency = currency.unwrap_or(MoneyCurrency::DEFAULT.0).to_owned();
    Money { amount: Decimal(amount), currency }
}
