//! Product catalog › Credit types.

use super::failure::Failure;
use super::field::{Dangerous, Field, Sheet, add_page, one_button};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::object::Object;
use super::packages::users;
use super::ui::{
    Head, Tone, badge, button, empty, facts, id, isolated, optional, primary, table, tabs, time,
};
use super::visit::{Posted, Visit};
use crate::app::App;
use crate::mapping::currency as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, PreEscaped, html};
use std::sync::Arc;
use stipend_core::CurrencyId;
use stipend_core::catalog::{Catalog, CatalogCommand, CreditType, Target};
use stipend_wire::currency::{CreateCurrency, UpdateCurrency};

const LIST: &str = "/credit-types";
const SECTION: Section = Section::CreditTypes;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/credit-types", get(list).post(create))
        .route("/credit-types/new", get(new))
        .route("/credit-types/{id}", get(show).post(update))
        .route("/credit-types/{id}/edit", get(edit))
        .route("/credit-types/{id}/archive", get(ask_archive).post(archive))
        .route("/credit-types/{id}/unarchive", post(unarchive))
}

fn path_of(visit: &Visit, credit_type: &CreditType) -> String {
    visit.path(&format!("{LIST}/{}", credit_type.id))
}

fn find(visit: &Visit, catalog: &Catalog) -> Result<Arc<CreditType>, Failure> {
    let id = CurrencyId::parse(visit.param("id")).map_err(|_| Failure::NotFound)?;
    catalog.credit_types.get(&id).cloned().ok_or(Failure::NotFound)
}

async fn list(visit: Visit) -> Response {
    let is_archive = visit.query().get("status") == "archived";
    let catalog = visit.catalog();
    let mut all: Vec<&CreditType> = catalog.credit_types.values().map(Arc::as_ref).collect();
    all.sort_by_key(|credit_type| credit_type.name.to_lowercase());
    let archived = all.iter().filter(|credit_type| credit_type.archived_at.is_some()).count();
    let active = all.len() - archived;
    all.retain(|credit_type| credit_type.archived_at.is_some() == is_archive);
    let add = primary(&visit.path("/credit-types/new"), "+ Add credit type");
    let body = html! {
        (Head { actions: add.clone(), ..Head::new("Credit types") })
        p.lead { "What balances are counted in. Plans and add-ons give them, usage takes them." }
        (tabs(&visit.path(LIST), is_archive, active, archived))
        @if !all.is_empty() {
            (rows(&visit, &catalog, &all))
        } @else if is_archive {
            (empty("Nothing is archived", "Archived credit types can be restored from here.",
                &Markup::default()))
        } @else {
            (empty("No credit types yet",
                "Make one first, API Credits for instance. Then a plan or an add-on can give an \
                 amount of it every month or year.", &add))
        }
    };
    visit.page(SECTION, "Credit types", &body)
}

fn rows(visit: &Visit, catalog: &Catalog, shown: &[&CreditType]) -> Markup {
    let head = html! {
        th scope="col" { "Name" } th scope="col" { "Id" } th scope="col" { "Units" }
        th.num scope="col" { "Plans and add-ons" } th scope="col" { "Made" }
    };
    let rows = html! {
        @for credit_type in shown {
            @let users = catalog.packages_using(&Target::Credit(credit_type.id.clone()));
            tr {
                th scope="row" {
                    a href=(path_of(visit, credit_type)) { (credit_type.name) }
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
    let path = path_of(&visit, credit_type);
    let is_archived = credit_type.archived_at.is_some();
    let body = html! {
        (Head {
            above: &[(visit.path(LIST), "Credit types")],
            beside: html! { @if is_archived { (badge(Tone::Quiet, "Archived")) } },
            actions: html! {
                (button(&format!("{path}/edit"), "Edit"))
                @if is_archived {
                    (one_button(&visit, &format!("{path}/unarchive"), "Restore"))
                } @else {
                    (button(&format!("{path}/archive"), "Archive"))
                }
            },
            ..Head::new(&credit_type.name)
        })
        @if is_archived {
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
    };
    Ok(visit.page(SECTION, &credit_type.name, &body))
}

/// The fields of a credit type. The id cannot be changed once it is made.
fn fields(form: &Form, is_new: bool) -> Markup {
    let id = Field::text(form, "id", "Id").max(255);
    let id = if is_new {
        id.required()
            .slug_of("displayName", "cred-type-")
            .hint("What your code calls it. It cannot be changed later.")
    } else {
        id.fixed().hint("It cannot be changed.")
    };
    html! {
        (Field::text(form, "displayName", "Name").required().max(255))
        (id)
        (Field::lines(form, "description", "Description").max(5000))
        fieldset.pair {
            legend { "Units" }
            (Field::text(form, "units/singular", "One").max(500).hint("One API credit"))
            (Field::text(form, "units/plural", "Many").max(500).hint("Several API credits"))
        }
        (Field::text(form, "symbol", "Symbol").max(500).hint("Shown with amounts: ¢, ⚡, tok."))
    }
}

/// What new and present credit types have in common, as the request says it.
fn object(form: &Form) -> Object {
    let (one, many) = (form.get("units/singular"), form.get("units/plural"));
    let object = Object::new().text("displayName", form.get("displayName"));
    if one.is_empty() && many.is_empty() {
        return object;
    }
    object.object("units", &Object::new().text_if("singular", one).text_if("plural", many))
}

fn new_page(visit: &Visit, form: &Form) -> Markup {
    add_page(visit, (LIST, "Credit types"), "Add credit type", form, fields(form, true))
}

async fn new(visit: Visit) -> Response {
    let body = new_page(&visit, &Form::default());
    visit.page(SECTION, "Add credit type", &body)
}

async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let created = async {
        let object = object(&form)
            .text("id", form.get("id"))
            .text_if("description", form.get("description"))
            .text_if("symbol", form.get("symbol"));
        let new = mapping::new_from_wire(object.read::<CreateCurrency>()?);
        let path = visit.path(&format!("{LIST}/{}", new.id));
        let done = visit.change(CatalogCommand::CreateCreditType(new)).await;
        done.map_err(|trouble| trouble.or_at("id"))?;
        Ok::<_, Trouble>(path)
    };
    match created.await {
        Ok(path) => visit.done(&path, format!("{} was added.", isolated(form.get("displayName")))),
        Err(trouble) => {
            let form = form.clone().with(trouble);
            visit.refused(SECTION, "Add credit type", &new_page(&visit, &form))
        }
    }
}

fn edit_page(visit: &Visit, credit_type: &CreditType, form: &Form) -> Markup {
    let path = path_of(visit, credit_type);
    html! {
        (Head {
            above: &[(visit.path(LIST), "Credit types"), (path.clone(), &credit_type.name)],
            ..Head::new("Edit credit type")
        })
        (Sheet {
            visit,
            action: &path,
            form,
            fields: fields(form, false),
            submit: "Save",
            cancel: Some(&path),
        })
    }
}

async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    let units = credit_type.units.as_ref();
    let form = Form::filled([
        ("id", credit_type.id.to_string()),
        ("displayName", credit_type.name.clone()),
        ("description", credit_type.description.clone().unwrap_or_default()),
        ("symbol", credit_type.symbol.clone().unwrap_or_default()),
        ("units/singular", units.map(|units| units.singular.clone()).unwrap_or_default()),
        ("units/plural", units.map(|units| units.plural.clone()).unwrap_or_default()),
    ]);
    Ok(visit.page(SECTION, "Edit credit type", &edit_page(&visit, credit_type, &form)))
}

async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    let updated = async {
        let object = object(&form)
            .text("description", form.get("description"))
            .text("symbol", form.get("symbol"));
        let patch = mapping::patch_from_wire(object.read::<UpdateCurrency>()?);
        visit.change(CatalogCommand::UpdateCreditType(credit_type.id.clone(), patch)).await
    };
    match updated.await {
        Ok(()) => Ok(visit.done(&path_of(&visit, credit_type), "The credit type was saved.")),
        Err(trouble) => {
            let body = edit_page(&visit, credit_type, &form.with(trouble));
            Ok(visit.refused(SECTION, "Edit credit type", &body))
        }
    }
}

fn archive_page(visit: &Visit, catalog: &Catalog, credit_type: &CreditType, form: &Form) -> Markup {
    let path = path_of(visit, credit_type);
    let used = catalog.packages_using(&target(credit_type)).len();
    html! {
        (Head {
            above: &[(visit.path(LIST), "Credit types"), (path.clone(), &credit_type.name)],
            ..Head::new("Archive credit type")
        })
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
                fields: PreEscaped(String::new()),
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
    Ok(visit.page(SECTION, "Archive credit type", &body))
}

async fn archive(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    match visit.change(CatalogCommand::ArchiveCreditType(credit_type.id.clone())).await {
        Ok(()) => {
            Ok(visit
                .done(&visit.path(LIST), format!("{} was archived.", isolated(&credit_type.name))))
        }
        Err(trouble) => {
            let catalog = visit.catalog();
            let body = archive_page(&visit, &catalog, credit_type, &form.with(trouble));
            Ok(visit.refused(SECTION, "Archive credit type", &body))
        }
    }
}

async fn unarchive(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let credit_type = &*find(&visit, &catalog)?;
    let command = CatalogCommand::UnarchiveCreditType(credit_type.id.clone());
    let outcome = visit.change(command).await;
    let message = format!("{} was restored.", isolated(&credit_type.name));
    Ok(visit.tried(&path_of(&visit, credit_type), outcome, message))
}
