//! One price of a plan or add-on, of whatever model: adding, editing, removing.

use super::super::{Kind, above, edit_shown, find, path_of};
use super::row::{Row, rows};
use super::sheet::{self, TIERS};
use super::{pricing_type, refuse_free, written};
use crate::dashboard::failure::Failure;
use crate::dashboard::field::Sheet;
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::repeat::reshaped;
use crate::dashboard::seen;
use crate::dashboard::ui::Head;
use crate::dashboard::visit::{Posted, Visit};
use axum::response::Response;
use maud::{Markup, html};
use stipend_core::catalog::Package;

/// What is being written: a new price, or another one in place of one that is there.
struct Writing<'a> {
    is_overage: bool,
    /// The price that is there.
    present: Option<&'a Row<'a>>,
}

impl Writing<'_> {
    fn title(&self) -> &'static str {
        match (self.present.is_some(), self.is_overage) {
            (true, false) => "Edit price",
            (true, true) => "Edit overage price",
            (false, false) => "Add a price",
            (false, true) => "Add an overage price",
        }
    }

    fn action(&self, visit: &Visit, package: &Package) -> String {
        let prices = format!("{}/prices", path_of(visit, &package.key));
        self.present.map_or(prices.clone(), |row| format!("{prices}/{}", row.key))
    }
}

fn page(visit: &Visit, package: &Package, writing: &Writing<'_>, form: &Form) -> Markup {
    let path = path_of(visit, &package.key);
    let here = |is: bool| is.then_some("page");
    let title = writing.title();
    let catalog = visit.catalog();
    let unheeded = writing.present.map(|row| row.unheeded(&catalog)).unwrap_or_default();
    html! {
        (Head { above: &above(visit, package), ..Head::new(title) })
        @if writing.present.is_none() {
            nav.tabs aria-label="What to add" {
                a href=(format!("{path}/prices/new")) aria-current=[here(!writing.is_overage)] {
                    "Price"
                }
                a href=(format!("{path}/prices/new?of=overage"))
                    aria-current=[here(writing.is_overage)] { "Overage" }
            }
            @if writing.is_overage {
                p.lead { "What usage beyond what is granted costs." }
            }
        }
        @if !unheeded.is_empty() {
            p.notice { "It says more, which stays as it is and has no effect: " (unheeded.join("; ")) "." }
        }
        (Sheet {
            visit,
            action: &writing.action(visit, package),
            form,
            fields: sheet::fields(&catalog, form, writing.is_overage),
            submit: "Save to the draft",
            cancel: Some(&format!("{path}#price")),
        })
    }
}

fn show(visit: &Visit, package: &Package, writing: &Writing<'_>, form: &Form) -> Response {
    let body = page(visit, package, writing, form);
    visit.page(Kind::of(package.key.kind).section, writing.title(), &body)
}

pub(in super::super) async fn new(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let is_overage = visit.query().get("of") == "overage";
    let form = seen::noted(blank(package, is_overage));
    Ok(show(&visit, package, &Writing { is_overage, present: None }, &form))
}

/// The form of a new price.
fn blank(package: &Package, is_overage: bool) -> Form {
    let pricing = match pricing_type(package.shown()) {
        "CUSTOM" => "CUSTOM",
        _ => "PAID",
    };
    let model = if is_overage { "" } else { "PER_UNIT" };
    Form::filled([
        ("pricingType", pricing.to_owned()),
        ("billingModel", model.to_owned()),
        ("price/currency", "usd".to_owned()),
    ])
}

/// The price that the address names by what it says; none where it says something else now.
fn present<'a>(visit: &Visit, package: &'a Package) -> Option<Row<'a>> {
    rows(package.shown()).into_iter().find(|row| row.key == visit.param("price"))
}

/// The list of prices, where the one that a form is about is not there any more.
fn gone(visit: &Visit, package: &Package) -> Response {
    let message = "That price was changed or removed meanwhile. Nothing was done: look at the \
                   prices as they are now.";
    let trouble = Trouble { message: message.to_owned(), field: None };
    visit.tried(&format!("{}#price", path_of(visit, &package.key)), Err(trouble), "")
}

pub(in super::super) async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let row = present(&visit, package).ok_or(Failure::NotFound)?;
    let writing = Writing { is_overage: row.is_overage, present: Some(&row) };
    if let Some(form) = sheet::filled(&row, pricing_type(package.shown())) {
        return Ok(show(&visit, package, &writing, &seen::noted(form)));
    }
    let body = html! {
        (Head { above: &above(&visit, package), ..Head::new(writing.title()) })
        p.notice {
            "It has what this form cannot say: tiers in several currencies or without a price, or a \
             formula of several lines. Change it through the API."
        }
        ul { @for part in row.parts(&catalog) { li { (part) } } }
    };
    Ok(visit.page(Kind::of(package.key.kind).section, writing.title(), &body))
}

pub(in super::super) async fn create(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let is_overage = form.get("of") == "overage";
    Ok(write(&visit, package, &Writing { is_overage, present: None }, form).await)
}

pub(in super::super) async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let Some(row) = present(&visit, package) else { return Ok(gone(&visit, package)) };
    let writing = Writing { is_overage: row.is_overage, present: Some(&row) };
    Ok(write(&visit, package, &writing, form).await)
}

async fn write(visit: &Visit, package: &Package, writing: &Writing<'_>, form: Form) -> Response {
    let form = match reshaped(form, &[TIERS]) {
        Ok(form) => return show(visit, package, writing, &form),
        Err(form) => form,
    };
    match save(visit, package, writing, &form).await {
        Ok(()) => {
            let to = format!("{}#price", path_of(visit, &package.key));
            visit.done(&to, "The price was saved to the draft.")
        }
        Err(trouble) => {
            let body = page(visit, package, writing, &form.with(trouble));
            visit.refused(Kind::of(package.key.kind).section, writing.title(), &body)
        }
    }
}

async fn save(
    visit: &Visit,
    package: &Package,
    writing: &Writing<'_>,
    form: &Form,
) -> Result<(), Trouble> {
    let now = match writing.present {
        Some(row) => sheet::filled(row, pricing_type(package.shown())).unwrap_or_default(),
        None => blank(package, writing.is_overage),
    };
    seen::check(form, &now, "The price, or how it is paid for,")?;
    let pricing = form.get("pricingType");
    if pricing == "FREE" && sheet::costs_money(form) {
        let message = "A price in money is not free. Choose Paid or Custom.";
        return Err(Trouble::at("pricingType", message));
    }
    let rows = rows(package.shown());
    let is_present = |row: &Row<'_>| writing.present.is_some_and(|present| present.key == row.key);
    refuse_free(pricing, rows.iter().filter(|row| !is_present(row)))?;
    let model =
        if writing.is_overage { sheet::overage(form, writing.present) } else { sheet::base(form) };
    let (mut base, mut overage) = (Vec::new(), Vec::new());
    let mut at = None;
    for row in rows {
        let list = if row.is_overage { &mut overage } else { &mut base };
        if is_present(&row) {
            at = Some(list.len());
            list.push(model.clone());
        } else {
            list.push(row.model());
        }
    }
    let (list, name) = if writing.is_overage {
        (&mut overage, "overagePricingModels")
    } else {
        (&mut base, "pricingModels")
    };
    let at = at.unwrap_or_else(|| {
        list.push(model);
        list.len() - 1
    });
    let edit = written(visit, pricing, &base, &overage);
    let at = format!("charges/{name}/{at}");
    let edit = edit.map_err(|trouble| sheet::placed(trouble, &at, form))?;
    let outcome = edit_shown(visit, package, vec![edit]).await;
    outcome.map_err(|trouble| trouble.or_at("featureId"))
}

pub(in super::super) async fn remove(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let Some(Row { key, .. }) = present(&visit, package) else {
        return Ok(gone(&visit, package));
    };
    let kept: Vec<Row<'_>> =
        rows(package.shown()).into_iter().filter(|row| row.key != key).collect();
    let models = |is_overage: bool| -> Vec<Object> {
        kept.iter().filter(|row| row.is_overage == is_overage).map(Row::model).collect()
    };
    let removed = async {
        let pricing = pricing_type(package.shown());
        let edit = written(&visit, pricing, &models(false), &models(true))?;
        edit_shown(&visit, package, vec![edit]).await
    };
    let to = format!("{}#price", path_of(&visit, &package.key));
    Ok(visit.tried(&to, removed.await, "The price was removed from the draft."))
}
