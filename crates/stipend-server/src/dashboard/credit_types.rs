//! Product catalog › Credit types.

use super::failure::Failure;
use super::field::{Dangerous, Field, Sheet};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::metadata;
use super::object::Object;
use super::packages::users;
use super::repeat::reshaped;
use super::shelf::{Shelf, Thing, was};
use super::ui::{button, facts, id, optional, table, time};
use super::visit::{Posted, Visit};
use crate::app::App;
use crate::mapping::currency as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::CurrencyId;
use stipend_core::catalog::{Catalog, CatalogCommand, CreditType, Target};
use stipend_wire::currency::{CreateCurrency, UpdateCurrency};

const ARCHIVE: &str = "Archive credit type";
const SHELF: Shelf = Shelf {
    section: Section::CreditTypes,
    list: "/credit-types",
    new: "/new-credit-type",
    names: ("credit type", "credit types"),
    prefix: "cred-type-",
    lead: "What balances are counted in. Plans and add-ons give them, usage takes them.",
    next: "Make one first, API Credits for instance. Then a plan or an add-on can give an amount of \
           it every month or year.",
};

impl Thing for CreditType {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/credit-types", get(list).post(create))
        .route(SHELF.new, get(new))
        .route("/credit-types/{id}", get(show).post(update))
        .route("/credit-types/{id}/edit", get(edit))
        .route("/credit-types/{id}/archive", get(ask_archive).post(archive))
        .route("/credit-types/{id}/unarchive", post(unarchive))
}

fn find(visit: &Visit, catalog: &Catalog) -> Result<Arc<CreditType>, Failure> {
    let id = CurrencyId::parse(visit.param("id")).map_err(|_| Failure::NotFound)?;
    catalog.credit_types.get(&id).cloned().ok_or(Failure::NotFound)
}

async fn list(visit: Visit) -> Response {
    let catalog = visit.catalog();
    SHELF.page(&visit, catalog.credit_types.values(), |all| rows(&visit, &catalog, all))
}

fn rows(visit: &Visit, catalog: &Catalog, shown: &[&CreditType]) -> Markup {
    let head = html! {
        th scope="col" { "Name" } th scope="col" { "Id" } th scope="col" { "Units" }
        th.num scope="col" { "Plans and add-ons" } th scope="col" { "Made" }
    };
    let rows = html! {
        @for &credit_type in shown {
            @let users = catalog.packages_using(&Target::Credit(credit_type.id.clone()));
            tr {
                th scope="row" {
                    a href=(SHELF.path_of(visit, credit_type)) { (credit_type.name) }
                    @if let Some(symbol) = &credit_type.symbol { " " span.quiet { (symbol) } }
                }
                td { (id(credit_type.id.as_str())) }
                td { (units(credit_type)) }
                td.num { (users.len()) }
                td { (time(credit_type.created_at)) }
            }
        }
    };
    table("Credit types", &head, &rows)
}

fn target(credit_type: &CreditType) -> Target {
    Target::Credit(credit_type.id.clone())
}

fn units(credit_type: &CreditType) -> Markup {
    match &credit_type.units {
        Some(units) => html! { (units.singular) " / " (units.plural) },
        None => html! { span.quiet { "—" } },
    }
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    let path = SHELF.path_of(&visit, credit_type);
    let archive = button(&format!("{path}/archive"), "Archive");
    let body = html! {
        (SHELF.head(&visit, credit_type, &archive))
        @if credit_type.is_archived() {
            p.notice {
                "What customers have of it can be used up. Nothing new can be granted."
            }
        }
        (facts(&[
            ("Id", id(credit_type.id.as_str())),
            ("Units", units(credit_type)),
            ("Symbol", optional(credit_type.symbol.as_deref())),
            ("Made", time(credit_type.created_at)),
            ("Changed", time(credit_type.updated_at)),
        ]))
        @if let Some(description) = &credit_type.description { p.prose { (description) } }
        section {
            h2 { "Plans and add-ons that give it" }
            (users(&visit, &catalog, &target(credit_type)))
        }
        (metadata::shown(&credit_type.metadata))
    };
    Ok(visit.page(SHELF.section, &credit_type.name, &body))
}

fn fields(form: &Form, is_new: bool) -> Markup {
    html! {
        (SHELF.fields(form, is_new))
        fieldset.pair {
            legend { "Units" }
            (Field::text(form, "units/singular", "One").max(500).hint("One API credit"))
            (Field::text(form, "units/plural", "Many").max(500).hint("Several API credits"))
        }
        (Field::text(form, "symbol", "Symbol").max(500).hint("Shown with amounts: ¢, ⚡, tok."))
        (metadata::fields(form))
    }
}

/// What new and present credit types have in common, as the request says it.
fn object(form: &Form) -> Object {
    let (one, many) = (form.get("units/singular"), form.get("units/plural"));
    let object = Object::new().text("displayName", form.get("displayName"));
    let object = metadata::with(object, form);
    if one.is_empty() && many.is_empty() {
        return object;
    }
    object.object("units", &Object::new().text_if("singular", one).text_if("plural", many))
}

async fn new(visit: Visit) -> Response {
    let form = Form::default();
    SHELF.new_page(&visit, &form, fields(&form, true))
}

async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let form = match reshaped(form, &[metadata::KEYS]) {
        Ok(form) => return SHELF.new_page(&visit, &form, fields(&form, true)),
        Err(form) => form,
    };
    let created = async {
        let object = object(&form)
            .text("id", form.get("id"))
            .text_if("description", form.get("description"))
            .text_if("symbol", form.get("symbol"));
        let new = mapping::new_from_wire(object.read::<CreateCurrency>()?);
        let path = visit.path(&format!("{}/{}", SHELF.list, new.id));
        let done = visit.change(CatalogCommand::CreateCreditType(new)).await;
        done.map_err(|trouble| trouble.or_at("id"))?;
        Ok::<_, Trouble>(path)
    };
    match created.await {
        Ok(path) => visit.done(&path, was(form.get("displayName"), "added")),
        Err(trouble) => {
            let trouble = metadata::placed(trouble, &form);
            let form = form.with(trouble);
            SHELF.new_refused(&visit, &form, fields(&form, true))
        }
    }
}

async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    let units = credit_type.units.as_ref();
    let said = [
        ("id", credit_type.id.to_string()),
        ("displayName", credit_type.name.clone()),
        ("description", credit_type.description.clone().unwrap_or_default()),
        ("symbol", credit_type.symbol.clone().unwrap_or_default()),
        ("units/singular", units.map(|units| units.singular.clone()).unwrap_or_default()),
        ("units/plural", units.map(|units| units.plural.clone()).unwrap_or_default()),
    ];
    let form = Form::filled(said.into_iter().chain(metadata::filled(&credit_type.metadata)));
    Ok(SHELF.edit_page(&visit, credit_type, &form, fields(&form, false)))
}

async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    let form = match reshaped(form, &[metadata::KEYS]) {
        Ok(form) => return Ok(SHELF.edit_page(&visit, credit_type, &form, fields(&form, false))),
        Err(form) => form,
    };
    let updated = async {
        let object = object(&form)
            .text("description", form.get("description"))
            .text("symbol", form.get("symbol"));
        let patch = mapping::patch_from_wire(object.read::<UpdateCurrency>()?);
        visit.change(CatalogCommand::UpdateCreditType(credit_type.id.clone(), patch)).await
    };
    match updated.await {
        Ok(()) => Ok(visit.done(&SHELF.path_of(&visit, credit_type), "The credit type was saved.")),
        Err(trouble) => {
            let trouble = metadata::placed(trouble, &form);
            let form = form.with(trouble);
            Ok(SHELF.edit_refused(&visit, credit_type, &form, fields(&form, false)))
        }
    }
}

fn archive_page(visit: &Visit, catalog: &Catalog, credit_type: &CreditType, form: &Form) -> Markup {
    let path = SHELF.path_of(visit, credit_type);
    let used = catalog.packages_using(&target(credit_type)).len();
    html! {
        (SHELF.head_below(visit, credit_type, ARCHIVE))
        p.prose {
            "Nothing new can be granted of " strong { (credit_type.name) } ", and plans and \
             add-ons cannot give it. What customers have can be used up. It can be restored."
        }
        @if used > 0 {
            section {
                h2 { "These still give it" }
                p { "It can be archived once they are archived or give it no more." }
                (users(visit, catalog, &target(credit_type)))
            }
            p { (button(&path, "Back")) }
        } @else {
            (Dangerous(Sheet {
                visit,
                action: &format!("{path}/archive"),
                form,
                fields: Markup::default(),
                submit: "Archive",
                cancel: Some(&path),
            }))
        }
    }
}

async fn ask_archive(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    let body = archive_page(&visit, &catalog, credit_type, &Form::default());
    Ok(visit.page(SHELF.section, ARCHIVE, &body))
}

async fn archive(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    match visit.change(CatalogCommand::ArchiveCreditType(credit_type.id.clone())).await {
        Ok(()) => Ok(visit.done(&visit.path(SHELF.list), was(&credit_type.name, "archived"))),
        Err(trouble) => {
            let catalog = visit.catalog();
            let body = archive_page(&visit, &catalog, credit_type, &form.with(trouble));
            Ok(visit.refused(SHELF.section, ARCHIVE, &body))
        }
    }
}

async fn unarchive(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    let command = CatalogCommand::UnarchiveCreditType(credit_type.id.clone());
    let outcome = visit.change(command).await;
    let message = was(&credit_type.name, "restored");
    Ok(visit.tried(&SHELF.path_of(&visit, credit_type), outcome, message))
}
