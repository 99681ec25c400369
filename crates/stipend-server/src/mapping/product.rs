//! Products.

use super::instant;
use stipend_core::catalog::{
    CancellationTime, EndSetup, NewProduct, Product, ProductPatch, ProductSettings, StartSetup,
    UsageReset,
};
use stipend_wire::product as wire;

pub(crate) fn new_from_wire(body: wire::CreateProduct) -> NewProduct {
    NewProduct {
        id: body.id,
        name: body.display_name.0,
        description: body.description.into_option().map(|text| text.0),
        metadata: body.metadata.into_option().map(|map| map.0).unwrap_or_default(),
        multiple_subscriptions: body.multiple_subscriptions.unwrap_or(false),
    }
}

pub(crate) fn patch_from_wire(body: wire::UpdateProduct) -> ProductPatch {
    let metadata = body.metadata.into_change();
    ProductPatch {
        name: body.display_name.map(|name| name.0),
        description: body.description.map(|text| text.0).into_change(),
        metadata: metadata.map(|change| change.map(|map| map.0).unwrap_or_default()),
        multiple_subscriptions: body.multiple_subscriptions,
        settings: body.product_settings.map(settings_from_wire),
        usage_reset: body.usage_reset_cutoff_rule.map(|rule| match rule.behavior {
            wire::UsageResetBehavior::AlwaysReset => UsageReset::Always,
            wire::UsageResetBehavior::NeverReset => UsageReset::Never,
            wire::UsageResetBehavior::BillingPeriodChange => UsageReset::BillingPeriodChange,
        }),
    }
}

fn settings_from_wire(settings: wire::ProductSettingsInput) -> ProductSettings {
    ProductSettings {
        cancellation_time: match settings.subscription_cancellation_time {
            wire::CancellationTime::EndOfBillingPeriod => CancellationTime::EndOfBillingPeriod,
            wire::CancellationTime::Immediate => CancellationTime::Immediate,
            wire::CancellationTime::SpecificDate => CancellationTime::SpecificDate,
        },
        end_setup: match settings.subscription_end_setup {
            wire::EndSetup::DowngradeToFree => EndSetup::DowngradeToFree,
            wire::EndSetup::CancelSubscription => EndSetup::CancelSubscription,
        },
        start_setup: match settings.subscription_start_setup {
            wire::StartSetup::PlanSelection => StartSetup::PlanSelection,
            wire::StartSetup::TrialPeriod => StartSetup::TrialPeriod,
            wire::StartSetup::FreePlan => StartSetup::FreePlan,
        },
        downgrade_plan: settings.downgrade_plan_id.into_option(),
        prorate_at_end: settings.prorate_at_end_of_billing_period.into_option(),
        start_plan: settings.subscription_start_plan_id.into_option(),
    }
}

pub(crate) fn to_wire(product: &Product) -> wire::Product {
    wire::Product {
        id: product.id.to_string(),
        created_at: instant(product.created_at),
        description: product.description.clone(),
        display_name: product.name.clone(),
        metadata: product.metadata.clone(),
        multiple_subscriptions: product.multiple_subscriptions,
        status: status(product),
        updated_at: instant(product.updated_at),
        product_settings: product.settings.as_ref().map(settings_to_wire),
        usage_reset_cutoff_rule: Some(wire::UsageResetCutoff {
            behavior: match product.usage_reset {
                UsageReset::Always => wire::UsageResetBehavior::AlwaysReset,
                UsageReset::Never => wire::UsageResetBehavior::NeverReset,
                UsageReset::BillingPeriodChange => wire::UsageResetBehavior::BillingPeriodChange,
            },
        }),
    }
}

pub(crate) fn status(product: &Product) -> wire::ProductStatus {
    match product.archived_at {
        None => wire::ProductStatus::Published,
        Some(_) => wire::ProductStatus::Archived,
    }
}

fn settings_to_wire(settings: &ProductSettings) -> wire::ProductSettings {
    wire::ProductSettings {
        subscription_cancellation_time: match settings.cancellation_time {
            CancellationTime::EndOfBillingPeriod => wire::CancellationTime::EndOfBillingPeriod,
            CancellationTime::Immediate => wire::CancellationTime::Immediate,
            CancellationTime::SpecificDate => wire::CancellationTime::SpecificDate,
        },
        subscription_end_setup: match settings.end_setup {
            EndSetup::DowngradeToFree => wire::EndSetup::DowngradeToFree,
            EndSetup::CancelSubscription => wire::EndSetup::CancelSubscription,
        },
        subscription_start_setup: match settings.start_setup {
            StartSetup::PlanSelection => wire::StartSetup::PlanSelection,
            StartSetup::TrialPeriod => wire::StartSetup::TrialPeriod,
            StartSetup::FreePlan => wire::StartSetup::FreePlan,
        },
        downgrade_plan_id: settings.downgrade_plan.as_ref().map(ToString::to_string),
        prorate_at_end_of_billing_period: settings.prorate_at_end,
        subscription_start_plan_id: settings.start_plan.as_ref().map(ToString::to_string),
    }
}
