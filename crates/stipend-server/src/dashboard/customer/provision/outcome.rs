//! What would come of the form of a subscription.

use super::{Offer, parts};
use crate::dashboard::customer::explain::picture;
use crate::dashboard::customer::{Look, credit_name, credits};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::ui::{grouped, time};
use crate::mapping::preview::ahead;
use maud::{Markup, html};
use stipend_core::customer::Decision;
use stipend_core::{Amount, Customer, SubscriptionNo, Timestamp};

/// What would come of the form, or why nothing would.
pub(super) fn preview(offer: &Offer<'_>, form: &Form) -> Markup {
    if form.get("planId").is_empty() {
        return html! { p.quiet { "Choose a plan to see the credits that it gives." } };
    }
    match offer.decide(form) {
        Ok(decision) => outcome(offer, &decision).unwrap_or_else(|trouble| {
            html! { p.notice { (trouble.message) } }
        }),
        Err(trouble) => html! { p.notice { (trouble.message) } },
    }
}

/// The customer when a decision has taken effect, and when that is.
fn carried_out(
    look: &Look<'_>,
    decision: &Decision,
    number: SubscriptionNo,
) -> Result<(Customer, Timestamp), Trouble> {
    let mut after = look.customer().clone();
    decision.entries.iter().for_each(|entry| after.apply(entry));
    let before = look.customer().subscription(number).map(|one| one.terms.scheduled.as_slice());
    let before = before.unwrap_or_default();
    let terms = after.subscription(number).map(|subscription| &subscription.terms);
    let effect = terms.map_or(look.now, |terms| {
        let new = terms.scheduled.iter().filter(|change| !before.contains(change));
        let new = new.map(|change| change.at).min();
        new.unwrap_or(if terms.is_pending() { terms.started_at } else { look.now })
    });
    if effect > look.now {
        let coming = ahead(&after, &look.catalog, effect, "/startDate")?;
        coming.iter().for_each(|entry| after.apply(entry));
    }
    Ok((after, effect))
}

fn outcome(offer: &Offer<'_>, decision: &Decision) -> Result<Markup, Trouble> {
    let (look, catalog) = (offer.look, &offer.look.catalog);
    let Some(number) = decision.subscription else { return Ok(Markup::default()) };
    let (after, effect) = carried_out(look, decision, number)?;
    let parts = parts(&after, catalog, number, effect);
    let told = html! {
        @if decision.entries.is_empty() { p.quiet { "Nothing changes." } }
        @if effect > look.now { p { "Takes effect on " (time(effect)) "." } }
        @if parts.is_empty() { p.quiet { "It gives no credits." } }
        @for (currency, part) in &parts {
            @let resource = after.subscription(number).and_then(|one| one.terms.resource.clone());
            @let balance = |customer: &Customer| {
                let pool = customer.find_pool(currency, resource.as_ref());
                pool.map_or(Amount::ZERO, stipend_core::customer::Pool::balance)
            };
            div.gives {
                h3 { (credit_name(catalog, currency)) }
                (picture(catalog, currency, part))
                p.balance-line {
                    span.quiet { "Balance " }
                    (grouped(balance(look.customer()))) span.quiet { " → " }
                    strong { (credits(catalog, currency, balance(&after))) }
                }
            }
        }
    };
    Ok(told)
}
