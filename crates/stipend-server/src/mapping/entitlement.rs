//! Entitlements of plans and add-ons.

use super::instant;
use crate::error::ApiError;
use crate::ids;
use stipend_core::catalog::{
    Behavior, CreditTerms, Enforcement, Entitlement, EntitlementPatch, EntitlementTerms,
    FeatureTerms, FeatureTermsPatch, NewEntitlement, PackageKey, Reset, ResetPatch, ResetPeriod,
    Target, Widget,
};
use stipend_core::{Cadence, EnvId};
use stipend_wire::text::Line;
use stipend_wire::{Decimal, ErrorCode, Field, WireError, entitlement as wire};

pub(crate) fn new_from_wire(
    body: wire::CreateEntitlements,
) -> Result<Vec<NewEntitlement>, ApiError> {
    let items = body.entitlements.0.into_iter().enumerate();
    items
        .map(|(index, item)| {
            let at = format!("/entitlements/{index}");
            match item {
                wire::CreateEntitlement::Feature(item) => Ok(new_feature(item, &at)?),
                wire::CreateEntitlement::Credit(item) => Ok(new_credit(item)),
            }
        })
        .collect()
}

fn new_feature(
    item: wire::CreateFeatureEntitlement,
    at: &str,
) -> Result<NewEntitlement, WireError> {
    let reset = ResetInput {
        period: item.reset_period,
        yearly: item.yearly_reset_period_configuration,
        monthly: item.monthly_reset_period_configuration,
        weekly: item.weekly_reset_period_configuration,
    };
    Ok(NewEntitlement {
        target: Target::Feature(item.id),
        terms: EntitlementTerms::Feature(FeatureTerms {
            usage_limit: item.usage_limit.into_option().map(|limit| limit.0),
            unlimited: item.has_unlimited_usage,
            soft_limit: item.has_soft_limit,
            enforcement: item.enforcement.map(enforcement_from_wire),
            enum_values: item.enum_values.map(texts),
            reset: reset.read(at)?,
        }),
        behavior: item.behavior.map(behavior_from_wire).unwrap_or_default(),
        granted: item.is_granted.unwrap_or(true),
        custom: item.is_custom,
        description: item.description.and_then(|text| filled(text.0)),
        name_override: item.display_name_override.and_then(|text| filled(text.0)),
        hidden_from: item.hidden_from_widgets.map(widgets_from_wire).unwrap_or_default(),
        order: item.order.map(|order| order.0),
    })
}

fn new_credit(item: wire::CreateCreditEntitlement) -> NewEntitlement {
    NewEntitlement {
        target: Target::Credit(item.id),
        terms: EntitlementTerms::Credit(CreditTerms {
            amount: item.amount.0.map(|amount| amount.0),
            cadence: cadence_from_wire(item.cadence),
            soft_limit: item.has_soft_limit,
            enforcement: item.enforcement.map(enforcement_from_wire),
            per_unit_of: item.dependency_feature_id,
        }),
        behavior: item.behavior.map(behavior_from_wire).unwrap_or_default(),
        granted: item.is_granted.unwrap_or(true),
        custom: item.is_custom,
        description: item.description.and_then(|text| filled(text.0)),
        name_override: item.display_name_override.and_then(|text| filled(text.0)),
        hidden_from: item.hidden_from_widgets.map(widgets_from_wire).unwrap_or_default(),
        order: item.order.map(|order| order.0),
    }
}

/// The change that a patch asks for.
pub(crate) fn patch_from_wire(body: wire::UpdateEntitlement) -> EntitlementPatch {
    match body {
        wire::UpdateEntitlement::Feature(body) => feature_patch(body),
        wire::UpdateEntitlement::Credit(body) => credit_patch(body),
    }
}

fn feature_patch(body: wire::UpdateFeatureEntitlement) -> EntitlementPatch {
    let reset = ResetInput {
        period: body.reset_period,
        yearly: body.yearly_reset_period_configuration,
        monthly: body.monthly_reset_period_configuration,
        weekly: body.weekly_reset_period_configuration,
    };
    EntitlementPatch {
        feature: Some(FeatureTermsPatch {
            usage_limit: body.usage_limit.map(|limit| limit.0).into_change(),
            unlimited: body.has_unlimited_usage,
            soft_limit: body.has_soft_limit,
            enforcement: body.enforcement.map(enforcement_from_wire),
            enum_values: body.enum_values.map(texts),
            reset: reset.patch(),
        }),
        behavior: body.behavior.map(behavior_from_wire),
        granted: body.is_granted,
        custom: body.is_custom,
        description: body.description.map(|text| text.0),
        name_override: body.display_name_override.map(|text| text.0),
        hidden_from: body.hidden_from_widgets.map(widgets_from_wire),
        order: body.order.map(|order| order.0),
        ..EntitlementPatch::default()
    }
}

fn credit_patch(body: wire::UpdateCreditEntitlement) -> EntitlementPatch {
    EntitlementPatch {
        feature: None,
        amount: body.amount.map(|amount| amount.0),
        cadence: body.cadence.map(cadence_from_wire),
        soft_limit: body.has_soft_limit,
        enforcement: body.enforcement.map(enforcement_from_wire),
        per_unit_of: body.dependency_feature_id.into_change(),
        behavior: body.behavior.map(behavior_from_wire),
        granted: body.is_granted,
        custom: body.is_custom,
        description: body.description.map(|text| text.0),
        name_override: body.display_name_override.map(|text| text.0),
        hidden_from: body.hidden_from_widgets.map(widgets_from_wire),
        order: body.order.map(|order| order.0),
    }
}

/// When usage starts anew, as a request says it: each period that has a choice of where it
/// begins has a key of its own for that.
pub(crate) struct ResetInput {
    pub(crate) period: Option<wire::ResetPeriod>,
    pub(crate) yearly: Field<wire::YearlyReset>,
    pub(crate) monthly: Field<wire::MonthlyReset>,
    pub(crate) weekly: Field<wire::WeeklyReset>,
}

impl ResetInput {
    /// The reset of what is new; `at` is where in the body the keys stand.
    pub(crate) fn read(self, at: &str) -> Result<Option<Reset>, WireError> {
        self.patch().merge(None).map_err(|period| reset_refused(period, at))
    }

    fn patch(self) -> ResetPatch {
        let yearly = self.yearly.map(|begins| begins.according_to.to_string());
        let monthly = self.monthly.map(|begins| begins.according_to.to_string());
        let weekly = self.weekly.map(|begins| begins.according_to.to_string());
        let named = [
            (ResetPeriod::Year, yearly),
            (ResetPeriod::Month, monthly),
            (ResetPeriod::Week, weekly),
        ];
        let begins = named.into_iter().filter_map(|(period, begins)| {
            let change = begins.into_change()?;
            Some((period, change))
        });
        ResetPatch { period: self.period.map(reset_period_from_wire), begins: begins.collect() }
    }
}

/// The refusal of where usage starts anew for a period that is not that of the reset.
pub(crate) fn reset_refused(period: ResetPeriod, at: &str) -> WireError {
    let key = match period {
        ResetPeriod::Year => "yearlyResetPeriodConfiguration",
        ResetPeriod::Month => "monthlyResetPeriodConfiguration",
        ResetPeriod::Week => "weeklyResetPeriodConfiguration",
        ResetPeriod::Day | ResetPeriod::Hour => "resetPeriod",
    };
    let message = format!("`{at}/{key}` does not go with the reset period");
    WireError::new(ErrorCode::ConflictingFields, message).with_param(format!("{at}/{key}"))
}

/// The empty text stands for none, as it clears in a patch.
fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

pub(crate) fn texts(lines: Vec<Line>) -> Vec<String> {
    lines.into_iter().map(|line| line.0).collect()
}

fn behavior_from_wire(behavior: wire::Behavior) -> Behavior {
    match behavior {
        wire::Behavior::Increment => Behavior::Increment,
        wire::Behavior::Override => Behavior::Override,
    }
}

fn behavior_to_wire(behavior: Behavior) -> wire::Behavior {
    match behavior {
        Behavior::Increment => wire::Behavior::Increment,
        Behavior::Override => wire::Behavior::Override,
    }
}

fn enforcement_from_wire(enforcement: wire::Enforcement) -> Enforcement {
    match enforcement {
        wire::Enforcement::Soft => Enforcement::Soft,
        wire::Enforcement::Hard => Enforcement::Hard,
        wire::Enforcement::Strict => Enforcement::Strict,
    }
}

fn enforcement_to_wire(enforcement: Enforcement) -> wire::Enforcement {
    match enforcement {
        Enforcement::Soft => wire::Enforcement::Soft,
        Enforcement::Hard => wire::Enforcement::Hard,
        Enforcement::Strict => wire::Enforcement::Strict,
    }
}

fn cadence_from_wire(cadence: wire::Cadence) -> Cadence {
    match cadence {
        wire::Cadence::Month => Cadence::Month,
        wire::Cadence::Year => Cadence::Year,
    }
}

pub(crate) fn cadence_to_wire(cadence: Cadence) -> wire::Cadence {
    match cadence {
        Cadence::Month => wire::Cadence::Month,
        Cadence::Year => wire::Cadence::Year,
    }
}

fn reset_period_from_wire(period: wire::ResetPeriod) -> ResetPeriod {
    match period {
        wire::ResetPeriod::Year => ResetPeriod::Year,
        wire::ResetPeriod::Month => ResetPeriod::Month,
        wire::ResetPeriod::Week => ResetPeriod::Week,
        wire::ResetPeriod::Day => ResetPeriod::Day,
        wire::ResetPeriod::Hour => ResetPeriod::Hour,
    }
}

pub(crate) fn reset_period_to_wire(period: ResetPeriod) -> wire::ResetPeriod {
    match period {
        ResetPeriod::Year => wire::ResetPeriod::Year,
        ResetPeriod::Month => wire::ResetPeriod::Month,
        ResetPeriod::Week => wire::ResetPeriod::Week,
        ResetPeriod::Day => wire::ResetPeriod::Day,
        ResetPeriod::Hour => wire::ResetPeriod::Hour,
    }
}

fn widgets_from_wire(widgets: Vec<wire::Widget>) -> Vec<Widget> {
    let one = |widget| match widget {
        wire::Widget::Paywall => Widget::Paywall,
        wire::Widget::CustomerPortal => Widget::CustomerPortal,
        wire::Widget::Checkout => Widget::Checkout,
    };
    widgets.into_iter().map(one).collect()
}

fn widgets_to_wire(widgets: &[Widget]) -> Vec<wire::Widget> {
    let one = |widget: &Widget| match widget {
        Widget::Paywall => wire::Widget::Paywall,
        Widget::CustomerPortal => wire::Widget::CustomerPortal,
        Widget::Checkout => wire::Widget::Checkout,
    };
    widgets.iter().map(one).collect()
}

/// The id of the feature or credit type that an entitlement is for.
pub(crate) fn target_id(target: &Target) -> &str {
    match target {
        Target::Feature(feature) => feature.as_str(),
        Target::Credit(currency) => currency.as_str(),
    }
}

/// An entitlement as its package lists it.
pub(crate) fn reference(entitlement: &Entitlement) -> wire::EntitlementReference {
    wire::EntitlementReference {
        id: target_id(&entitlement.target).to_owned(),
        r#type: match entitlement.target {
            Target::Feature(_) => wire::EntitlementType::Feature,
            Target::Credit(_) => wire::EntitlementType::Credit,
        },
    }
}

pub(crate) fn to_wire(
    env: EnvId,
    package: &PackageKey,
    entitlement: &Entitlement,
) -> wire::PackageEntitlement {
    let id = ids::entitlement_id(env, package, &entitlement.target);
    match &entitlement.terms {
        EntitlementTerms::Feature(terms) => {
            wire::PackageEntitlement::Feature(feature_to_wire(id, entitlement, terms))
        }
        EntitlementTerms::Credit(terms) => {
            wire::PackageEntitlement::Credit(credit_to_wire(id, entitlement, terms))
        }
    }
}

fn feature_to_wire(
    id: String,
    entitlement: &Entitlement,
    terms: &FeatureTerms,
) -> wire::FeatureEntitlement {
    let according_to = terms.reset.as_ref().and_then(|reset| reset.according_to.clone());
    wire::FeatureEntitlement {
        id,
        r#type: wire::FeatureTag::Feature,
        feature_id: target_id(&entitlement.target).to_owned(),
        behavior: behavior_to_wire(entitlement.behavior),
        created_at: instant(entitlement.created_at),
        description: entitlement.description.clone(),
        display_name_override: entitlement.name_override.clone(),
        enum_values: terms.enum_values.clone(),
        has_soft_limit: terms.soft_limit,
        has_unlimited_usage: terms.unlimited,
        hidden_from_widgets: widgets_to_wire(&entitlement.hidden_from),
        is_custom: entitlement.custom,
        is_granted: entitlement.granted,
        order: entitlement.order.map(Decimal),
        reset_period: terms.reset.as_ref().map(|reset| reset_period_to_wire(reset.period)),
        reset_period_configuration: according_to
            .map(|according_to| wire::ResetPeriodConfiguration { according_to }),
        updated_at: instant(entitlement.updated_at),
        usage_limit: terms.usage_limit.map(Decimal),
        enforcement: terms.enforcement.map(enforcement_to_wire),
    }
}

fn credit_to_wire(
    id: String,
    entitlement: &Entitlement,
    terms: &CreditTerms,
) -> wire::CreditEntitlement {
    wire::CreditEntitlement {
        id,
        r#type: wire::CreditTag::Credit,
        currency_id: target_id(&entitlement.target).to_owned(),
        amount: terms.amount.map(Decimal),
        behavior: behavior_to_wire(entitlement.behavior),
        cadence: Some(cadence_to_wire(terms.cadence)),
        created_at: instant(entitlement.created_at),
        description: entitlement.description.clone(),
        display_name_override: entitlement.name_override.clone(),
        has_soft_limit: terms.soft_limit,
        hidden_from_widgets: widgets_to_wire(&entitlement.hidden_from),
        is_custom: entitlement.custom,
        is_granted: entitlement.granted,
        order: entitlement.order.map(Decimal),
        updated_at: instant(entitlement.updated_at),
        dependency_feature_id: terms.per_unit_of.as_ref().map(ToString::to_string),
        enforcement: terms.enforcement.map(enforcement_to_wire),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stipend_wire::FromJson;

    fn reset(body: &str, stored: Option<&Reset>) -> Result<Option<Reset>, WireError> {
        let json = stipend_wire::json::parse(body.as_bytes())?;
        let body = wire::UpdateFeatureEntitlement::from_json(json)?;
        let input = ResetInput {
            period: body.reset_period,
            yearly: body.yearly_reset_period_configuration,
            monthly: body.monthly_reset_period_configuration,
            weekly: body.weekly_reset_period_configuration,
        };
        input.patch().merge(stored).map_err(|period| reset_refused(period, ""))
    }

    #[test]
    fn a_reset_keeps_what_is_not_sent_and_begins_anew_with_another_period() {
        let weekly = |begins: Option<&str>| {
            let according_to = begins.map(str::to_owned);
            Some(Reset { period: ResetPeriod::Week, according_to })
        };
        let monday = || weekly(Some("EveryMonday"));
        let week = r#""weeklyResetPeriodConfiguration":"#;
        let check = |body: &str, stored: Option<Reset>, expected| {
            let body = format!(r#"{{"type":"FEATURE"{body}}}"#);
            assert_eq!(reset(&body, stored.as_ref()).unwrap(), expected, "{body}");
        };
        check("", None, None);
        check("", monday(), monday());
        check(r#","resetPeriod":"WEEK""#, monday(), monday());
        check(r#","resetPeriod":"WEEK""#, None, weekly(None));
        check(&format!(",{week}null"), monday(), weekly(None));
        check(&format!(r#",{week}{{"accordingTo":"EveryMonday"}}"#), weekly(None), monday());
        let daily = Some(Reset { period: ResetPeriod::Day, according_to: None });
        check(r#","resetPeriod":"DAY""#, monday(), daily.clone());
        check(&format!(r#","resetPeriod":"DAY",{week}null"#), monday(), daily);
    }

    #[test]
    fn a_beginning_of_another_period_is_refused() {
        let config = r#""weeklyResetPeriodConfiguration":{"accordingTo":"EveryMonday"}"#;
        for period in ["", r#""resetPeriod":"MONTH","#] {
            let body = format!(r#"{{"type":"FEATURE",{period}{config}}}"#);
            let error = reset(&body, None).unwrap_err();
            assert_eq!(error.code, ErrorCode::ConflictingFields);
            assert_eq!(error.param.as_deref(), Some("/weeklyResetPeriodConfiguration"));
        }
    }
}
