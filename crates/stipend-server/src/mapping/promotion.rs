//! Promotional entitlements.

use super::entitlement::{ResetInput, reset_period_to_wire, texts};
use super::instant;
use crate::ids;
use stipend_core::catalog::FeatureTerms;
use stipend_core::customer::{NewPromotion, Promotion, PromotionPeriod};
use stipend_core::{Customer, Timestamp};
use stipend_wire::entitlement::ResetPeriodConfiguration;
use stipend_wire::promotional as wire;
use stipend_wire::read::Nullable;
use stipend_wire::{Decimal, Field, WireError};

pub(crate) fn new_from_wire(body: wire::GrantPromotionals) -> Result<Vec<NewPromotion>, WireError> {
    let items = body.promotional_entitlements.0.into_iter().enumerate();
    let items = items.map(|(index, item)| {
        let reset = ResetInput {
            period: item.reset_period.0,
            yearly: field(item.yearly_reset_period_configuration),
            monthly: field(item.monthly_reset_period_configuration),
            weekly: field(item.weekly_reset_period_configuration),
        };
        Ok(NewPromotion {
            feature: item.feature_id,
            terms: FeatureTerms {
                usage_limit: item.usage_limit.0.map(|limit| limit.0),
                unlimited: item.has_unlimited_usage.0,
                soft_limit: item.has_soft_limit.0,
                enforcement: None,
                enum_values: item.enum_values.0.map(texts),
                reset: reset.read(&format!("/promotionalEntitlements/{index}"))?,
            },
            is_visible: item.is_visible.0.unwrap_or(true),
            period: period_from_wire(item.period),
            ends_at: item.custom_end_date.0,
        })
    });
    items.collect()
}

/// The key is always sent, so `null` stands for what other bodies leave out.
fn field<T>(value: Nullable<T>) -> Field<T> {
    value.0.map_or(Field::Absent, Field::Value)
}

fn period_from_wire(period: wire::PromotionalPeriod) -> PromotionPeriod {
    match period {
        wire::PromotionalPeriod::OneWeek => PromotionPeriod::OneWeek,
        wire::PromotionalPeriod::OneMonth => PromotionPeriod::OneMonth,
        wire::PromotionalPeriod::SixMonths => PromotionPeriod::SixMonths,
        wire::PromotionalPeriod::OneYear => PromotionPeriod::OneYear,
        wire::PromotionalPeriod::Lifetime => PromotionPeriod::Lifetime,
        wire::PromotionalPeriod::Custom => PromotionPeriod::Custom,
    }
}

fn period_to_wire(period: PromotionPeriod) -> wire::PromotionalPeriod {
    match period {
        PromotionPeriod::OneWeek => wire::PromotionalPeriod::OneWeek,
        PromotionPeriod::OneMonth => wire::PromotionalPeriod::OneMonth,
        PromotionPeriod::SixMonths => wire::PromotionalPeriod::SixMonths,
        PromotionPeriod::OneYear => wire::PromotionalPeriod::OneYear,
        PromotionPeriod::Lifetime => wire::PromotionalPeriod::Lifetime,
        PromotionPeriod::Custom => wire::PromotionalPeriod::Custom,
    }
}

/// What is revoked is over, and nothing is ever paused.
pub(crate) fn status(promotion: &Promotion, now: Timestamp) -> wire::PromotionalStatus {
    if promotion.is_active(now) {
        wire::PromotionalStatus::Active
    } else {
        wire::PromotionalStatus::Expired
    }
}

pub(crate) fn to_wire(
    customer: &Customer,
    promotion: &Promotion,
    now: Timestamp,
) -> wire::PromotionalEntitlement {
    let env = customer.profile.env;
    let terms = &promotion.terms;
    let reset = terms.reset.as_ref();
    let according_to = reset.and_then(|reset| reset.according_to.clone());
    let started_at = instant(promotion.anchor.at);
    wire::PromotionalEntitlement {
        id: ids::promotion_id(env, customer.slot, promotion.number),
        created_at: started_at.clone(),
        description: None,
        end_date: promotion.revoked_at.or(promotion.ends_at).map(instant),
        enum_values: terms.enum_values.clone(),
        environment_id: env.0.to_string(),
        feature_group_ids: None,
        feature_id: promotion.feature.to_string(),
        has_soft_limit: terms.soft_limit,
        has_unlimited_usage: terms.unlimited,
        is_visible: promotion.is_visible,
        period: period_to_wire(promotion.period),
        reset_period: reset.map(|reset| reset_period_to_wire(reset.period)),
        reset_period_configuration: according_to
            .map(|according_to| ResetPeriodConfiguration { according_to }),
        start_date: started_at,
        status: status(promotion, now),
        updated_at: instant(promotion.updated_at),
        usage_limit: terms.usage_limit.map(Decimal),
    }
}
