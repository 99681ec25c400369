//! What happened to the customer itself: its profile, its resources, its subscriptions and its
//! promotional entitlements, with what they were before.

use super::super::{Look, package_name};
use super::Moment;
use crate::dashboard::activity_log::differences;
use crate::dashboard::compare::{Line, Said};
use crate::dashboard::ui::id;
use crate::dashboard::who::who;
use maud::{Markup, html};
use stipend_core::catalog::{Metadata, PackageKey};
use stipend_core::customer::{Entry, Profile, Promotion, SubscriptionTerms};
use stipend_core::{CustomerId, Timestamp};
use stipend_engine::life::Lived;

/// A row in words; `older` are the rows before it, newest first.
pub(super) fn moment(look: &Look<'_>, lived: &Lived<Entry>, older: &[Lived<Entry>]) -> Moment {
    let mut before = older.iter().map(|older| &older.what);
    let what = match &lived.what {
        Entry::Profile(profile) => {
            let before = before.find_map(|entry| match entry {
                Entry::Profile(before) => Some(of_profile(before)),
                _ => None,
            });
            changed(&html! { "The customer" }, "created", before.as_deref(), &of_profile(profile))
        }
        Entry::Resource(resource) => {
            html! { "Resource " (id(resource.id.as_str())) " was first named" }
        }
        Entry::Subscription(terms) => {
            let before = before.find_map(|entry| match entry {
                Entry::Subscription(before) if before.number == terms.number => {
                    Some(of_subscription(look, before))
                }
                _ => None,
            });
            let plan = package_name(&look.catalog, &PackageKey::plan(terms.plan.plan.clone()));
            let named = html! { "Subscription to " strong { (plan) } " " (id(terms.id.as_str())) };
            changed(&named, "made", before.as_deref(), &of_subscription(look, terms))
        }
        Entry::Promotion(promotion) => {
            let before = before.find_map(|entry| match entry {
                Entry::Promotion(before) if before.feature == promotion.feature => {
                    Some(of_promotion(before))
                }
                _ => None,
            });
            let feature = look.catalog.features.get(&promotion.feature);
            let name = feature.map_or(promotion.feature.as_str(), |feature| &feature.name);
            let named = html! { "Promotional entitlement to " strong { (name) } };
            changed(&named, "given", before.as_deref(), &of_promotion(promotion))
        }
        // They stand in chains of their own.
        Entry::PoolOpened(_) | Entry::Pool(_) | Entry::MeterOpened(_) | Entry::Usage(_) => {
            Markup::default()
        }
    };
    let who = who(&look.visit.app, lived.by.as_ref());
    let change = html! { span.quiet { "—" } };
    Moment { seq: lived.seq, at: lived.at, what, who, change }
}

fn changed(named: &Markup, made: &str, before: Option<&[Line]>, after: &[Line]) -> Markup {
    html! {
        @match before {
            None => { (named) " was " (made) }
            Some(before) => {
                div { (named) " was changed" }
                (differences(before, after))
            }
        }
    }
}

fn line_if(lines: &mut Vec<Line>, name: &str, value: Option<impl Into<Said>>) {
    lines.extend(value.map(|value| Line::new(name, value)));
}

fn metadata(lines: &mut Vec<Line>, metadata: &Metadata) {
    lines.extend(metadata.iter().map(|(key, value)| Line::new(format!("Metadata: {key}"), value)));
}

fn of_profile(profile: &Profile) -> Vec<Line> {
    let mut lines = Vec::new();
    line_if(&mut lines, "Name", profile.name.as_ref());
    line_if(&mut lines, "Email", profile.email.as_ref());
    line_if(&mut lines, "Archived", profile.archived_at);
    metadata(&mut lines, &profile.metadata);
    lines
}

fn of_subscription(look: &Look<'_>, terms: &SubscriptionTerms) -> Vec<Line> {
    let name = |key: PackageKey| package_name(&look.catalog, &key);
    let plan = name(PackageKey::plan(terms.plan.plan.clone()));
    let mut lines = vec![Line::new("Plan", format!("{plan} v{}", terms.plan.version))];
    for pin in &terms.addons {
        let addon = name(PackageKey::addon(pin.addon.clone()));
        let told = format!("{} of v{}", pin.quantity, pin.version);
        lines.push(Line::new(format!("Add-on {addon}"), told).about("addon", &pin.addon));
    }
    for quantity in &terms.quantities {
        lines.push(Line::new(
            format!("Units of {}", quantity.feature),
            quantity.quantity.to_string(),
        ));
    }
    let began = if terms.has_begun { "yes" } else { "not yet" };
    lines.push(Line::new("Has begun", began));
    line_if(&mut lines, "Paid by", terms.paying_customer.as_ref().map(CustomerId::as_str));
    line_if(&mut lines, "Trial ends", terms.trial.map(|trial| trial.ends_at));
    let end = |end: Option<stipend_core::customer::SubscriptionEnd>| -> Option<Timestamp> {
        end.map(|end| end.at)
    };
    line_if(&mut lines, "Ends", end(terms.ends));
    line_if(&mut lines, "Ended", end(terms.ended));
    if !terms.scheduled.is_empty() {
        lines.push(Line::new("Scheduled changes", terms.scheduled.len().to_string()));
    }
    metadata(&mut lines, &terms.metadata);
    lines
}

fn of_promotion(promotion: &Promotion) -> Vec<Line> {
    let mut lines = vec![Line::new("Number", promotion.number.to_string())];
    line_if(&mut lines, "Ends", promotion.ends_at);
    line_if(&mut lines, "Revoked", promotion.revoked_at);
    lines
}
