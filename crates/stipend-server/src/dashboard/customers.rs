//! Customers: the list, a new one, and what is known of one.

use super::customer::{Look, Tab};
use super::failure::Failure;
use super::field::{Dangerous, Field, Sheet};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::metadata;
use super::object::Object;
use super::repeat::{on_enter, reshaped};
use super::ui::{Head, button, empty, id, optional, primary, table, time};
use super::visit::{Posted, Visit};
use crate::app::App;
use crate::cursor::List;
use crate::mapping::customer as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::catalog::{Catalog, PackageKey};
use stipend_core::customer::CustomerCommand;
use stipend_core::{Customer, EnvId, Slot};
use stipend_engine::{Command, Engine, Found};
use stipend_store::{CustomerFilter, Page};
use stipend_wire::customer::{CreateCustomer, UpdateCustomer};

const LIST: &str = "/customers";
const NEW: &str = "/new-customer";
const SECTION: Section = Section::Customers;
/// Customers on a page.
const ROWS_MAX: usize = 50;
/// Customers that one search looks at before it asks whether to go on.
const SEARCHED_MAX: usize = 200_000;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/customers", get(list).post(create))
        .route("/new-customer", get(new))
        .route("/customers/{id}/edit", get(edit).post(update))
        .route("/customers/{id}/archive", get(ask_archive).post(archive))
        .route("/customers/{id}/unarchive", post(unarchive))
}

/// A page of customers, and where the pages around it are.
struct Listed {
    customers: Vec<Found>,
    next: Option<String>,
    prev: Option<String>,
    /// Where a search goes on that stopped before the end.
    rest: Option<String>,
}

async fn list(visit: Visit) -> Result<Response, Failure> {
    let sought = visit.query().get("q").trim().to_owned();
    let listed =
        if sought.is_empty() { page_of(&visit).await? } else { search(&visit, &sought).await? };
    let add = primary(&visit.path(NEW), "+ New customer");
    let body = html! {
        (Head { actions: add.clone(), ..Head::new("Customers") })
        (search_box(&visit, &sought))
        @if !listed.customers.is_empty() {
            (rows(&visit, &listed.customers))
            (pager(&visit, &sought, &listed))
        } @else if !sought.is_empty() {
            @if let Some(rest) = &listed.rest {
                (empty("Nothing found yet", "There are more customers to look at.",
                    &button(&address(&visit, &sought, "after", rest), "Look further")))
            } @else {
                (empty("Nobody is called that",
                    "The search looks for the letters anywhere in ids, names and e-mail addresses.",
                    &button(&visit.path(LIST), "All customers")))
            }
        } @else {
            (empty("No customers yet",
                "Make the first one here, or let your code do it when somebody signs up. Then \
                 give it a plan, and its credits are there at once.", &add))
        }
    };
    Ok(visit.page(SECTION, "Customers", &body))
}

fn search_box(visit: &Visit, sought: &str) -> Markup {
    html! {
        form.search method="get" action=(visit.path(LIST)) role="search" {
            label.visually-hidden for="q" { "Search by id, name or e-mail address" }
            input #q type="search" name="q" value=(sought) maxlength="255"
                placeholder="Id, name or e-mail address";
            button.button type="submit" { "Search" }
        }
    }
}

/// The address of another page of the list.
fn address(visit: &Visit, sought: &str, direction: &str, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !sought.is_empty() {
        query.append_pair("q", sought);
    }
    query.append_pair(direction, cursor);
    format!("{}?{}", visit.path(LIST), query.finish())
}

fn pager(visit: &Visit, sought: &str, listed: &Listed) -> Markup {
    let to = |direction, cursor: &String| address(visit, sought, direction, cursor);
    let next = listed.next.as_ref().or(listed.rest.as_ref());
    super::customer::pager(
        listed.prev.as_ref().map(|cursor| to("before", cursor)).as_deref(),
        next.map(|cursor| to("after", cursor)).as_deref(),
        if listed.next.is_none() && listed.rest.is_some() { "Look further" } else { "Older" },
    )
}

fn list_of(visit: &Visit) -> List {
    List::new(visit.env(), "dashboard/customers")
}

fn asked_page(visit: &Visit) -> Result<Page<u64>, Failure> {
    let query = visit.query();
    let cursor = |name| Some(query.get(name)).filter(|cursor| !cursor.is_empty());
    Ok(list_of(visit).page(cursor("after"), cursor("before"))?)
}

fn slot_of(place: u64) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Everybody who is not archived, newest first.
async fn page_of(visit: &Visit) -> Result<Listed, Failure> {
    let page = asked_page(visit)?;
    let store_page = match page {
        Page::First => Page::First,
        Page::After(place) => Page::After(slot_of(place)),
        Page::Before(place) => Page::Before(slot_of(place)),
    };
    let filter = CustomerFilter { env: visit.env().0, ..CustomerFilter::default() };
    let reader = Arc::clone(visit.app.engine().shared_reader());
    let read = move || Ok(reader.list_customers(&filter, store_page, ROWS_MAX + 1)?);
    let mut slots = visit.app.read(read).await?;
    let has_more = crate::api::cut_surplus(&mut slots, ROWS_MAX, &page);
    let places: Vec<u64> = slots.iter().map(|slot| u64::from(*slot)).collect();
    let around = list_of(visit).pagination(&page, places.first(), places.last(), has_more);
    let engine = visit.app.engine();
    let customers = slots.into_iter().filter_map(|slot| engine.account(Slot(slot))).collect();
    Ok(Listed { customers, next: around.next, prev: around.prev, rest: None })
}

/// Those whose id, name or e-mail address has these letters in it, newest first; the one with
/// exactly this id before all others.
async fn search(visit: &Visit, sought: &str) -> Result<Listed, Failure> {
    let page = asked_page(visit)?;
    let after = match page {
        Page::After(place) => Some(slot_of(place)),
        Page::First | Page::Before(_) => None,
    };
    let (engine, env) = (Arc::clone(visit.app.shared_engine()), visit.env());
    let text = sought.to_owned();
    let read = move || Ok(look_for(&engine, env, &text, after)?);
    let (mut customers, reached) = visit.app.read(read).await?;
    let has_more = customers.len() > ROWS_MAX;
    customers.truncate(ROWS_MAX);
    let last = customers.last().map(|found| u64::from(found.customer.slot.0));
    let list = list_of(visit);
    let next = last.filter(|_| has_more).map(|place| list.cursor(&place));
    let rest = reached.map(|slot| list.cursor(&u64::from(slot)));
    Ok(Listed { customers, next, prev: None, rest })
}

/// What a search finds, and where it stopped before it was through.
fn look_for(
    engine: &Engine,
    env: EnvId,
    sought: &str,
    after: Option<u32>,
) -> Result<(Vec<Found>, Option<u32>), stipend_store::StoreError> {
    let filter = CustomerFilter { env: env.0, ..CustomerFilter::default() };
    let newest = match after {
        Some(slot) => slot.saturating_sub(1),
        None => {
            let newest = engine.reader().list_customers(&filter, Page::First, 1)?;
            newest.first().copied().unwrap_or(0)
        }
    };
    let exact = stipend_core::CustomerId::parse(sought).ok();
    let exact = exact.and_then(|id| engine.find_customer(env, &id));
    let mut found: Vec<Found> = exact.iter().filter(|_| after.is_none()).cloned().collect();
    let sought = sought.to_lowercase();
    for (looked, slot) in (1..=newest).rev().enumerate() {
        if looked >= SEARCHED_MAX {
            return Ok((found, Some(slot + 1)));
        }
        let Some(account) = engine.account(Slot(slot)) else { continue };
        let is_exact = exact.as_ref().is_some_and(|exact| exact.customer.slot == Slot(slot));
        if account.customer.profile.env == env && !is_exact && is_called(&account, &sought) {
            found.push(account);
            if found.len() > ROWS_MAX {
                break;
            }
        }
    }
    Ok((found, None))
}

fn is_called(account: &Found, sought: &str) -> bool {
    let profile = &account.customer.profile;
    let has = |text: &str| text.to_lowercase().contains(sought);
    profile.archived_at.is_none()
        && (has(profile.id.as_str())
            || profile.name.as_deref().is_some_and(has)
            || profile.email.as_deref().is_some_and(has))
}

fn rows(visit: &Visit, customers: &[Found]) -> Markup {
    let (catalog, now) = (visit.catalog(), visit.now());
    let head = html! {
        th scope="col" { "Customer" } th scope="col" { "Id" } th scope="col" { "E-mail address" }
        th scope="col" { "Plans" } th scope="col" { "Made" }
    };
    let rows = html! {
        @for found in customers {
            @let current = visit.app.engine().rolled(Arc::clone(found), now);
            @let found = current.unwrap_or_else(|_| Arc::clone(found));
            @let profile = &found.customer.profile;
            tr {
                th scope="row" {
                    a href=(visit.path(&format!("{LIST}/{}", profile.id))) {
                        (profile.name.as_deref().unwrap_or(profile.id.as_str()))
                    }
                    @if profile.archived_at.is_some() {
                        " " (super::ui::badge(super::ui::Tone::Quiet, "Archived"))
                    }
                }
                td { (id(profile.id.as_str())) }
                td { (optional(profile.email.as_deref())) }
                td { (plans(&catalog, &found.customer)) }
                td { (time(profile.created_at)) }
            }
        }
    };
    table("Customers", &head, &rows)
}

/// The plans of a customer's active subscriptions; beyond three, how many more.
fn plans(catalog: &Catalog, customer: &Customer) -> Markup {
    let active = customer.subscriptions.iter().map(|subscription| &subscription.terms);
    let active: Vec<_> = active.filter(|terms| terms.is_active()).collect();
    let more = active.len().saturating_sub(3);
    html! {
        @for (index, terms) in active.iter().take(3).enumerate() {
            @if index > 0 { ", " }
            (super::words::package(catalog, &PackageKey::plan(terms.plan.plan.clone())))
        }
        @if more > 0 { span.quiet { " and " (more) " more" } }
        @if active.is_empty() { span.quiet { "None" } }
    }
}

fn fields(form: &Form, is_new: bool) -> Markup {
    let id = Field::text(form, "id", "Id").max(255);
    let id = if is_new {
        id.required().hint("The id that your code knows it by. It cannot be changed later.")
    } else {
        id.fixed().hint("It cannot be changed.")
    };
    html! {
        (on_enter())
        (id)
        (Field::text(form, "name", "Name").max(255).hint("Of the company or the person."))
        (Field::text(form, "email", "E-mail address").max(255))
        (metadata::fields(form))
    }
}

fn new_page(visit: &Visit, form: &Form) -> Markup {
    html! {
        (Head { above: &[(visit.path(LIST), "Customers")], ..Head::new("New customer") })
        (Sheet {
            visit,
            action: &visit.path(LIST),
            form,
            fields: fields(form, true),
            submit: "Create",
            cancel: Some(&visit.path(LIST)),
        })
    }
}

async fn new(visit: Visit) -> Response {
    let body = new_page(&visit, &Form::default());
    visit.page(SECTION, "New customer", &body)
}

async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let form = match reshaped(form, &[metadata::KEYS]) {
        Ok(form) => return visit.page(SECTION, "New customer", &new_page(&visit, &form)),
        Err(form) => form,
    };
    let created = async {
        let object = Object::new()
            .text("id", form.get("id"))
            .text_if("name", form.get("name"))
            .text_if("email", form.get("email"));
        let object = metadata::with(object, &form);
        let new = mapping::new_from_wire(object.read::<CreateCustomer>()?);
        let path = visit.path(&format!("{LIST}/{}", new.id));
        let done = visit.run(Command::CreateCustomer(new)).await;
        done.map_err(|trouble| trouble.or_at("id"))?;
        Ok::<_, Trouble>(path)
    };
    match created.await {
        Ok(path) => visit.done(&path, "The customer was created. Give it a plan next."),
        Err(trouble) => {
            let trouble = metadata::placed(trouble, &form);
            let form = form.clone().with(trouble);
            visit.refused(SECTION, "New customer", &new_page(&visit, &form))
        }
    }
}

fn edit_page(look: &Look<'_>, form: &Form) -> Markup {
    let path = look.path("");
    html! {
        (Head { above: &look.above(), ..Head::new("Edit customer") })
        (Sheet {
            visit: look.visit,
            action: &format!("{path}/edit"),
            form,
            fields: fields(form, false),
            submit: "Save",
            cancel: Some(&path),
        })
    }
}

async fn edit(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    let profile = &look.customer().profile;
    let fields = [
        ("id", profile.id.to_string()),
        ("name", profile.name.clone().unwrap_or_default()),
        ("email", profile.email.clone().unwrap_or_default()),
    ];
    let form = Form::filled(fields.into_iter().chain(metadata::filled(&profile.metadata)));
    Ok(visit.page(SECTION, "Edit customer", &edit_page(&look, &form)))
}

async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let look = Look::open(&visit)?;
    let form = match reshaped(form, &[metadata::KEYS]) {
        Ok(form) => return Ok(visit.page(SECTION, "Edit customer", &edit_page(&look, &form))),
        Err(form) => form,
    };
    let updated = async {
        let object = Object::new()
            .text_or_null("name", form.get("name"))
            .text_or_null("email", form.get("email"));
        let object = metadata::with(object, &form);
        let patch = mapping::patch_from_wire(object.read::<UpdateCustomer>()?);
        look.run(CustomerCommand::Update(patch)).await
    };
    match updated.await {
        Ok(()) => Ok(visit.done(&look.path(""), "The customer was saved.")),
        Err(trouble) => {
            let trouble = metadata::placed(trouble, &form);
            let body = edit_page(&look, &form.with(trouble));
            Ok(visit.refused(SECTION, "Edit customer", &body))
        }
    }
}

fn archive_page(look: &Look<'_>, form: &Form) -> Markup {
    let active = look.customer().subscriptions.iter().filter(|one| one.terms.is_active()).count();
    html! {
        (Head { above: &look.above(), ..Head::new("Archive customer") })
        p.prose {
            "Its name, its e-mail address and its billing details are forgotten, "
            @if active == 0 { "and nothing new can be granted. " }
            @else if active == 1 { "its subscription ends at once, and nothing new can be granted. " }
            @else { "its " (active) " subscriptions end at once, and nothing new can be granted. " }
            "Its id and its ledger stay. A customer can be restored; what is forgotten and its \
             subscriptions cannot."
        }
        (Dangerous(Sheet {
            visit: look.visit,
            action: &look.path("/archive"),
            form,
            fields: Markup::default(),
            submit: "Archive",
            cancel: Some(&look.path("")),
        }))
    }
}

async fn ask_archive(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    Ok(visit.page(SECTION, "Archive customer", &archive_page(&look, &Form::default())))
}

async fn archive(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let look = Look::open(&visit)?;
    match look.run(CustomerCommand::Archive).await {
        Ok(()) => Ok(visit.done(&look.path(""), "The customer was archived.")),
        Err(trouble) => {
            let body = archive_page(&look, &form.with(trouble));
            Ok(visit.refused(SECTION, "Archive customer", &body))
        }
    }
}

async fn unarchive(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let look = Look::open(&visit)?;
    let message = match look.run(CustomerCommand::Unarchive).await {
        Ok(()) => "The customer was restored.".to_owned(),
        Err(trouble) => trouble.message,
    };
    Ok(visit.done(&look.tab_path(Tab::Subscriptions), message))
}
