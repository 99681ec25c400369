//! Where credits come from, as a picture: what the plan and each add-on give, one after the other,
//! and what an override displaced.

use super::{credit_name, each, package_name};
use crate::dashboard::ui::{amount, grouped};
use maud::{Markup, html};
use stipend_core::catalog::{Behavior, Catalog, PackageKey, PackageKind};
use stipend_core::customer::{Origin, Share, Standing, SubscriptionPart};
use stipend_core::{Amount, CurrencyId};

/// The width of a picture in its own units.
const WIDTH: i128 = 1_000;

/// How far an amount reaches where `whole` fills the picture.
pub(super) fn reach(amount: Amount, whole: Amount) -> i128 {
    if !whole.is_positive() {
        return 0;
    }
    (amount.nano().clamp(0, whole.nano()) * WIDTH) / whole.nano()
}

/// One bar of a picture. The text beside it says the same, so it is hidden from who listens.
fn bar(kind: &str, from: i128, length: i128) -> Markup {
    html! {
        svg.meter viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.track x="0" y="0" width="1000" height="10" {}
            rect class=(kind) x=(from) y="0" width=(length) height="10" {}
        }
    }
}

/// What one subscription gives of a credit type.
pub(super) fn picture(catalog: &Catalog, currency: &CurrencyId, part: &SubscriptionPart) -> Markup {
    let greatest = part.shares.iter().map(|share| share.amount).max().unwrap_or(Amount::ZERO);
    let scale = greatest.max(part.total);
    let mut below = Amount::ZERO;
    let bars: Vec<(i128, i128)> = part
        .shares
        .iter()
        .map(|share| {
            let grants = share.standing == Standing::Grants;
            let from = if grants { reach(below, scale) } else { 0 };
            if grants {
                below += share.amount;
            }
            let until = if grants { reach(below, scale) } else { reach(share.amount, scale) };
            (from, until - from)
        })
        .collect();
    let name = credit_name(catalog, currency);
    html! {
        table.parts {
            caption.visually-hidden { "Where " (name) " come from" }
            thead.visually-hidden {
                tr {
                    th scope="col" { "From" } th scope="col" { "Calculation" }
                    th scope="col" { "Share" } th scope="col" { "Credits" }
                }
            }
            tbody {
                @for (share, (from, length)) in part.shares.iter().zip(bars) {
                    (row(catalog, share, &bar(kind_of(share), from, length)))
                }
                tr.total {
                    th scope="row" { "In total" }
                    td { (total_cadence(part)) }
                    td.picture { (bar("whole", 0, reach(part.total, scale))) }
                    td.num { strong { (amount(part.total)) } }
                }
            }
        }
    }
}

fn kind_of(share: &Share) -> &'static str {
    match (&share.standing, share.package.kind) {
        (Standing::Displaced { .. } | Standing::NotGranted, _) => "displaced",
        (Standing::Grants, PackageKind::Plan) => "plan",
        (Standing::Grants, PackageKind::Addon) => "addon",
    }
}

fn row(catalog: &Catalog, share: &Share, bar: &Markup) -> Markup {
    let grants = share.standing == Standing::Grants;
    html! {
        tr data-displaced[!grants] {
            th scope="row" {
                (package_name(catalog, &share.package))
                span.under { (origin(share)) }
            }
            td {
                (calculation(share))
                @if let Some(reason) = reason(catalog, &share.standing) { span.under { (reason) } }
            }
            td.picture { (bar) }
            td.num {
                @if grants { (amount(share.amount)) } @else { s { (amount(share.amount)) } }
            }
        }
    }
}

fn origin(share: &Share) -> &'static str {
    match (share.origin, share.behavior) {
        (Origin::Plan, _) => "Plan",
        (Origin::ParentPlan, _) => "Plan, inherited",
        (Origin::SubscriptionOverride, _) => "Agreed for this subscription",
        (Origin::Addon, Behavior::Increment) => "Add-on, increments",
        (Origin::Addon, Behavior::Override) => "Add-on, overrides",
    }
}

/// How the credits of a share come about: `10,000 × 3 a month`.
fn calculation(share: &Share) -> Markup {
    let units =
        share.units.map(|units| format!(" × {} units", grouped(Amount::whole(units.into()))));
    html! {
        span.amount {
            (grouped(share.unit_amount))
            @if share.quantity != 1 || share.package.kind == PackageKind::Addon {
                " × " (share.quantity)
            }
            @if let Some(units) = units { (units) }
        }
        " " (each(share.cadence))
    }
}

/// Why a share gives nothing.
fn reason(catalog: &Catalog, standing: &Standing) -> Option<String> {
    let name = |by: &PackageKey| package_name(catalog, by);
    match standing {
        Standing::Grants => None,
        Standing::NotGranted => Some("Not granted, or its amount was not supplied".to_owned()),
        Standing::Displaced { by, outdone: true } => {
            Some(format!("Displaced: the override of {} is greater", name(by)))
        }
        Standing::Displaced { by, outdone: false } => {
            Some(format!("Displaced: {} overrides the plan and its increments", name(by)))
        }
    }
}

/// How often all that is granted comes, where it is the same for all.
fn total_cadence(part: &SubscriptionPart) -> &'static str {
    let mut granting = part.shares.iter().filter(|share| share.standing == Standing::Grants);
    let Some(first) = granting.next() else { return "" };
    if granting.all(|share| share.cadence == first.cadence) { each(first.cadence) } else { "" }
}
