//! One customer: what its pages have in common.

mod activity;
mod adjust;
mod credits;
mod decision;
mod embed;
mod entitlements;
mod explain;
mod grants;
mod ledger;
mod provision;
mod subscriptions;
mod trial;
mod usage;

use super::failure::Failure;
use super::field::one_button;
use super::form::{Form, Trouble};
use super::layout::Section;
use super::once;
use super::ui::{Head, Tone, badge, button, id, isolated};
use super::visit::Visit;
use super::words::{currency as credit_name, package as package_name, per as each};
use crate::app::App;
use axum::Router;
use axum::response::Response;
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::catalog::Catalog;
use stipend_core::customer::CustomerCommand;
use stipend_core::{Amount, CurrencyId, Customer, CustomerId, Timestamp};
use stipend_engine::{Command, Found};

const SECTION: Section = Section::Customers;

pub(super) fn router() -> Router<App> {
    Router::new()
        .merge(subscriptions::router())
        .merge(provision::router())
        .merge(trial::router())
        .merge(credits::router())
        .merge(grants::router())
        .merge(adjust::router())
        .merge(ledger::router())
        .merge(embed::router())
        .merge(decision::router())
        .merge(entitlements::router())
        .merge(activity::router())
}

/// A part of a customer's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    /// Subscriptions, with which the page begins.
    Subscriptions,
    /// Credits: balance, sources, grants, use, ledger.
    Credits,
    /// What it may use.
    Entitlements,
    /// What happened.
    Activity,
}

const TABS: [(Tab, &str, &str); 4] = [
    (Tab::Subscriptions, "Subscriptions", ""),
    (Tab::Credits, "Credits", "/credits"),
    (Tab::Entitlements, "Entitlements", "/entitlements"),
    (Tab::Activity, "Activity", "/activity"),
];

/// A customer that somebody looks at, as of now.
#[derive(Debug)]
pub(super) struct Look<'v> {
    /// Who looks.
    pub(super) visit: &'v Visit,
    /// The customer, with everything done that is due.
    pub(super) found: Found,
    /// The catalog.
    pub(super) catalog: Arc<Catalog>,
    /// The environment's now.
    pub(super) now: Timestamp,
}

impl<'v> Look<'v> {
    /// The customer that the address names.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn open(visit: &'v Visit) -> Result<Self, Failure> {
        let id = CustomerId::parse(visit.param("id")).map_err(|_| Failure::NotFound)?;
        let now = visit.now();
        let found = visit.app.engine().find_current(visit.env(), &id, now)?;
        let found = found.ok_or(Failure::NotFound)?;
        Ok(Self { visit, found, catalog: visit.catalog(), now })
    }

    /// The customer that the address names, with its journal complete up to now.
    ///
    /// # Errors
    /// Where there is none, or what catching up fails with.
    pub(super) async fn caught_up(visit: &'v Visit) -> Result<Self, Failure> {
        let found = visit.app.caught_up_in(visit.env(), visit.param("id")).await?;
        let now = visit.now();
        let found = visit.app.engine().rolled(found, now)?;
        Ok(Self { visit, found, catalog: visit.catalog(), now })
    }

    /// The customer.
    pub(super) fn customer(&self) -> &Customer {
        &self.found.customer
    }

    /// What it is called: its name, else its id.
    pub(super) fn name(&self) -> &str {
        let profile = &self.customer().profile;
        profile.name.as_deref().unwrap_or(profile.id.as_str())
    }

    /// The address of a part of its page.
    pub(super) fn path(&self, rest: &str) -> String {
        self.visit.path(&format!("/customers/{}{rest}", self.customer().profile.id))
    }

    /// The address of a tab.
    pub(super) fn tab_path(&self, tab: Tab) -> String {
        let rest = TABS.iter().find(|(one, ..)| *one == tab).map_or("", |(_, _, rest)| rest);
        self.path(rest)
    }

    /// The pages above those of its forms.
    pub(super) fn above(&self) -> [(String, &str); 2] {
        [(self.visit.path("/customers"), "Customers"), (self.path(""), self.name())]
    }

    /// Does a command to it.
    ///
    /// # Errors
    /// The command's refusal.
    pub(super) async fn run(&self, command: CustomerCommand) -> Result<(), Trouble> {
        let id = self.customer().profile.id.clone();
        self.visit.run(Command::Customer(id, command)).await.map(|_| ())
    }

    /// Does a command to it once, however often the form is sent.
    ///
    /// # Errors
    /// The command's refusal.
    pub(super) async fn run_once(
        &self,
        what: &str,
        form: &Form,
        command: CustomerCommand,
    ) -> Result<(), Trouble> {
        let id = self.customer().profile.id.clone();
        let what = [what, id.as_str()];
        once::run(self.visit, &what, form, Command::Customer(id.clone(), command)).await.map(|_| ())
    }

    /// A tab of its page.
    pub(super) fn page(&self, tab: Tab, body: &Markup) -> Response {
        let profile = &self.customer().profile;
        let is_archived = profile.archived_at.is_some();
        let body = html! {
            (Head {
                above: &self.above()[..1],
                beside: html! {
                    @if profile.name.is_some() { (id(profile.id.as_str())) }
                    @if let Some(email) = &profile.email { span.quiet { (email) } }
                    @if is_archived { (badge(Tone::Quiet, "Archived")) }
                },
                actions: html! {
                    (button(&self.path("/edit"), "Edit"))
                    @if is_archived {
                        (one_button(self.visit, &self.path("/unarchive"), "Restore"))
                    } @else {
                        (button(&self.path("/archive"), "Archive"))
                    }
                },
                ..Head::new(self.name())
            })
            nav.tabs aria-label="Of this customer" {
                @for (one, name, rest) in TABS {
                    a href=(self.path(rest)) aria-current=[(one == tab).then_some("page")] { (name) }
                }
            }
            (body)
        };
        let title = TABS.iter().find(|(one, ..)| *one == tab).map_or("", |(_, name, _)| name);
        self.visit.page(SECTION, &format!("{title} of {}", isolated(self.name())), &body)
    }
}

/// The links around a page of a list; nothing where the list has one page.
pub(super) fn pager(prev: Option<&str>, next: Option<&str>, next_text: &str) -> Markup {
    html! {
        @if prev.is_some() || next.is_some() {
            nav.pager aria-label="Pages" {
                @if let Some(prev) = prev { a.button rel="prev" href=(prev) { "← Newer" } }
                @if let Some(next) = next { a.button rel="next" href=(next) { (next_text) " →" } }
            }
        }
    }
}

/// A number of things as it is read.
pub(super) fn counted(number: usize) -> String {
    super::ui::grouped(Amount::whole(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// An amount with the word for its credits.
fn credits(catalog: &Catalog, currency: &CurrencyId, amount: Amount) -> Markup {
    let units = catalog.credit_types.get(currency).and_then(|known| known.units.as_ref());
    let word = units.map_or_else(
        || credit_name(catalog, currency),
        |units| if amount == Amount::whole(1) { &units.singular } else { &units.plural }.clone(),
    );
    html! { (super::ui::amount(amount)) " " bdi { (word) } }
}

/// The instant that a field of a form has, as requests write it: browsers leave out the zone, which
/// is UTC.
pub(super) fn instant_of(typed: &str) -> String {
    let typed = typed.trim();
    let is_local = typed.contains('T') && !typed.ends_with('Z') && !typed.contains('+');
    match typed.len() {
        16 if is_local => format!("{typed}:00Z"),
        19..=26 if is_local => format!("{typed}Z"),
        _ => typed.to_owned(),
    }
}
