//! Making, editing and archiving a plan or add-on.

use super::{Kind, above, edit_shown, find, path_of};
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Dangerous, Field, Sheet, tick};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::metadata;
use crate::dashboard::object::Object;
use crate::dashboard::repeat::{on_enter, reshaped};
use crate::dashboard::seen;
use crate::dashboard::ui::{Head, empty, grouped, isolated, primary};
use crate::dashboard::visit::{Posted, Visit};
use crate::mapping::package as mapping;
use axum::response::Response;
use maud::{Markup, html};
use stipend_core::catalog::{
    Catalog, CatalogCommand, DraftEdit, Package, PackageKind, PackagePatch, TrialConfig, TrialEnd,
    TrialUnit,
};
use stipend_wire::package::{CreateAddon, CreatePlan, UpdateAddon, UpdatePlan};

fn products(catalog: &Catalog) -> Vec<(String, String)> {
    let active = catalog.products.values().filter(|product| product.archived_at.is_none());
    let mut all: Vec<_> =
        active.map(|product| (product.id.to_string(), product.name.clone())).collect();
    all.sort_by_key(|(_, name)| name.to_lowercase());
    all
}

/// Other plans or add-ons of the same product that can be named.
fn others(catalog: &Catalog, package: &Package, kind: PackageKind) -> Vec<(String, String)> {
    let found = catalog.packages_of(kind).into_iter().filter(|other| {
        other.product == package.product && other.archived_at.is_none() && other.key != package.key
    });
    found.map(|other| (other.key.id.to_string(), other.shown().name.clone())).collect()
}

fn instances(form: &Form) -> Markup {
    html! {
        (Choice {
            form,
            name: "instances",
            label: "Add-on type",
            options: vec![
                ("multiple", "Multiple instance", html! { "A customer may buy several of it." }),
                ("single", "Single instance", html! { "A customer has it or not." }),
            ],
        })
        (Field::number(form, "maxQuantity", "Maximum quantity")
            .hint("Of multiple instances: the most that one subscription may have. Empty: any number."))
    }
}

/// The maximum quantity that the form's type means.
fn max_quantity(object: Object, form: &Form) -> Object {
    if form.get("instances") == "single" {
        object.number("maxQuantity", "1")
    } else {
        object.number_or_null("maxQuantity", form.get("maxQuantity"))
    }
}

fn new_page(visit: &Visit, kind: &Kind, form: &Form) -> Markup {
    let catalog = visit.catalog();
    let list = visit.path(kind.list);
    let products = products(&catalog);
    let title = format!("Add {}", kind.one);
    let fields = html! {
        (Field::text(form, "displayName", "Name").required().max(255))
        (Field::text(form, "id", "Id").required().max(255).slug_of("displayName", kind.prefix)
            .hint("What your code calls it. It cannot be changed later."))
        (Field::lines(form, "description", "Description").max(5000))
        (Field::select(form, "productId", "Product", products.clone()).required())
        @if kind.of == PackageKind::Addon { (instances(form)) }
    };
    html! {
        (Head { above: &[(list.clone(), kind.many)], ..Head::new(&title) })
        @if products.is_empty() {
            (empty("A product comes first", "Plans and add-ons belong to a product.",
                &primary(&visit.path("/new-product"), "+ Add product")))
        } @else {
            (Sheet { visit, action: &list, form, fields, submit: "Add", cancel: Some(&list) })
        }
    }
}

pub(super) async fn new(visit: Visit) -> Response {
    let kind = Kind::at(&visit);
    let form = Form::filled([("productId", visit.query().get("productId").to_owned())]);
    visit.page(kind.section, &format!("Add {}", kind.one), &new_page(&visit, kind, &form))
}

pub(super) async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let kind = Kind::at(&visit);
    let created = async {
        let object = Object::new()
            .text("id", form.get("id"))
            .text("displayName", form.get("displayName"))
            .text("productId", form.get("productId"))
            .text_if("description", form.get("description"));
        let new = match kind.of {
            PackageKind::Plan => mapping::new_plan_from_wire(object.read::<CreatePlan>()?)?,
            PackageKind::Addon => {
                let body = max_quantity(object, &form).read::<CreateAddon>()?;
                mapping::new_addon_from_wire(body)?
            }
        };
        let path = path_of(&visit, &new.key);
        let done = visit.change(CatalogCommand::CreatePackage(new)).await;
        done.map_err(|trouble| trouble.or_at("id"))?;
        Ok::<_, Trouble>(path)
    };
    match created.await {
        Ok(path) => {
            let name = form.get("displayName");
            visit.done(
                &path,
                format!("{} was added as a draft. Give it entitlements next.", isolated(name)),
            )
        }
        Err(trouble) => {
            let page = new_page(&visit, kind, &form.with(trouble));
            visit.refused(kind.section, &format!("Add {}", kind.one), &page)
        }
    }
}

/// Boxes for naming packages.
fn boxes(form: &Form, name: &str, label: &str, hint: &str, options: &[(String, String)]) -> Markup {
    let ticked: Vec<&str> = form.all(name).collect();
    html! {
        fieldset.boxes {
            legend { (label) }
            @for (value, text) in options {
                label.box {
                    input type="checkbox" name=(name) value=(value)
                        checked[ticked.contains(&value.as_str())];
                    span { (text) }
                }
            }
            @if options.is_empty() { p.quiet { "There is none in this product." } }
            @if let Some(trouble) = form.trouble_at(name) { p.field-trouble { (trouble) } }
            p.hint { (hint) }
        }
    }
}

/// The trial that subscriptions of a plan begin with.
fn trial_fields(form: &Form) -> Markup {
    html! {
        fieldset.pair {
            legend { "Trial" }
            (Field::number(form, "defaultTrialConfig/duration", "Length")
                .hint("Empty: it begins without a trial."))
            (Field::select(form, "defaultTrialConfig/units", "Counted in",
                [("DAY", "Days"), ("MONTH", "Months")]))
            (Field::select(form, "defaultTrialConfig/trialEndBehavior", "What follows", [
                ("", "—"),
                ("CONVERT_TO_PAID", "It goes on, paid"),
                ("CANCEL_SUBSCRIPTION", "The subscription ends"),
            ]))
            (Field::number(form, "defaultTrialConfig/budget/limit", "May spend")
                .hint("Empty: any sum."))
        }
        (tick(form, "defaultTrialConfig/budget/hasSoftLimit",
            "More than that may be spent in the trial", ""))
    }
}

/// The trial as the request has it; null where no length was typed.
fn with_trial(object: Object, form: &Form) -> Object {
    let at = |field: &str| form.get(&format!("defaultTrialConfig/{field}")).to_owned();
    if at("duration").trim().is_empty() {
        return object.text_or_null("defaultTrialConfig", "");
    }
    let mut trial = Object::new()
        .number("duration", &at("duration"))
        .text("units", &at("units"))
        .text_or_null("trialEndBehavior", &at("trialEndBehavior"));
    if !at("budget/limit").trim().is_empty() {
        let budget = Object::new()
            .flag("hasSoftLimit", !at("budget/hasSoftLimit").is_empty())
            .number("limit", &at("budget/limit"));
        trial = trial.object("budget", &budget);
    }
    object.object("defaultTrialConfig", &trial)
}

/// A trial as the form has it.
fn trial_filled(trial: &TrialConfig) -> Vec<(&'static str, String)> {
    let units = match trial.units {
        TrialUnit::Day => "DAY",
        TrialUnit::Month => "MONTH",
    };
    let end = match trial.end {
        None => "",
        Some(TrialEnd::ConvertToPaid) => "CONVERT_TO_PAID",
        Some(TrialEnd::CancelSubscription) => "CANCEL_SUBSCRIPTION",
    };
    let mut fields = vec![
        ("defaultTrialConfig/duration", grouped(trial.duration)),
        ("defaultTrialConfig/units", units.to_owned()),
        ("defaultTrialConfig/trialEndBehavior", end.to_owned()),
    ];
    if let Some(budget) = &trial.budget {
        fields.push(("defaultTrialConfig/budget/limit", grouped(budget.limit)));
        let soft = if budget.soft_limit { "on" } else { "" };
        fields.push(("defaultTrialConfig/budget/hasSoftLimit", soft.to_owned()));
    }
    fields
}

fn edit_page(visit: &Visit, package: &Package, form: &Form) -> Markup {
    let catalog = visit.catalog();
    let path = path_of(visit, &package.key);
    let title = format!("Edit {}", Kind::of(package.key.kind).one);
    let fields = html! {
        (on_enter())
        (seen::field(form))
        (Field::text(form, "displayName", "Name").required().max(255))
        (Field::text(form, "id", "Id").fixed().hint("It cannot be changed."))
        (Field::lines(form, "description", "Description").max(5000))
        @match package.key.kind {
            PackageKind::Plan => {
                @let none = (String::new(), "Nothing else".to_owned());
                @let plans = std::iter::once(none).chain(others(&catalog, package, PackageKind::Plan));
                (Field::select(form, "parentPlanId", "Everything included in", plans)
                    .hint("The plan gives all that the other one gives; what it has itself wins."))
                (boxes(form, "compatibleAddonIds", "Compatible add-ons",
                    "Customers of the plan can buy these. Drafts can be named already.",
                    &others(&catalog, package, PackageKind::Addon)))
                (trial_fields(form))
            }
            PackageKind::Addon => {
                (instances(form))
                (boxes(form, "dependencies", "Add-ons that it needs",
                    "They must be on the subscription too.",
                    &others(&catalog, package, PackageKind::Addon)))
            }
        }
        (metadata::fields(form))
    };
    html! {
        (Head { above: &above(visit, package), ..Head::new(&title) })
        @if package.draft.is_none() {
            p.notice { "Saving opens a draft. Customers have the published version until you publish it." }
        }
        (Sheet { visit, action: &path, form, fields, submit: "Save to the draft", cancel: Some(&path) })
    }
}

fn filled(package: &Package) -> Form {
    let version = package.shown();
    let mut fields = vec![
        ("id", package.key.id.to_string()),
        ("displayName", version.name.clone()),
        ("description", version.description.clone().unwrap_or_default()),
    ];
    if let Some(terms) = version.plan_terms() {
        let parent = terms.parent.as_ref().map(ToString::to_string);
        fields.push(("parentPlanId", parent.unwrap_or_default()));
        let addons = terms.compatible_addons.iter().flatten();
        fields.extend(addons.map(|addon| ("compatibleAddonIds", addon.to_string())));
        fields.extend(terms.trial.iter().flat_map(trial_filled));
    }
    if let Some(terms) = version.addon_terms() {
        let is_single = terms.max_quantity == Some(1);
        fields.push(("instances", if is_single { "single" } else { "multiple" }.to_owned()));
        let max = terms.max_quantity.filter(|_| !is_single).map(|max| max.to_string());
        fields.push(("maxQuantity", max.unwrap_or_default()));
        let needed = terms.dependencies.iter().flatten();
        fields.extend(needed.map(|addon| ("dependencies", addon.to_string())));
    }
    fields.extend(metadata::filled(&version.metadata));
    Form::filled(fields)
}

pub(super) async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let kind = Kind::of(package.key.kind);
    let body = edit_page(&visit, package, &seen::noted(filled(package)));
    Ok(visit.page(kind.section, &format!("Edit {}", kind.one), &body))
}

fn read_patch(visit: &Visit, package: &Package, form: &Form) -> Result<PackagePatch, Trouble> {
    let object = Object::new()
        .text("displayName", form.get("displayName"))
        .text_or_null("description", form.get("description"));
    let object = metadata::with(object, form);
    Ok(match package.key.kind {
        PackageKind::Plan => {
            let object = object
                .text_or_null("parentPlanId", form.get("parentPlanId"))
                .texts("compatibleAddonIds", form.all("compatibleAddonIds"));
            let object = with_trial(object, form);
            mapping::plan_patch_from_wire(object.read::<UpdatePlan>()?, visit.now())?
        }
        PackageKind::Addon => {
            let object = max_quantity(object, form).texts("dependencies", form.all("dependencies"));
            mapping::addon_patch_from_wire(object.read::<UpdateAddon>()?, visit.now())?
        }
    })
}

pub(super) async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let kind = Kind::of(package.key.kind);
    let form = match reshaped(form, &[metadata::KEYS]) {
        Ok(form) => {
            let body = edit_page(&visit, package, &form);
            return Ok(visit.page(kind.section, &format!("Edit {}", kind.one), &body));
        }
        Err(form) => form,
    };
    let updated = async {
        seen::check(&form, &filled(package), "Something here")?;
        let patch = Box::new(read_patch(&visit, package, &form)?);
        edit_shown(&visit, package, vec![DraftEdit::Package(patch)]).await
    };
    match updated.await {
        Ok(()) => Ok(visit.done(&path_of(&visit, &package.key), "The draft was saved.")),
        Err(trouble) => {
            let trouble = trouble.first_step(&["dependencies", "compatibleAddonIds"]);
            let trouble = metadata::placed(trouble, &form);
            let body = edit_page(&visit, package, &form.with(trouble));
            Ok(visit.refused(kind.section, &format!("Edit {}", kind.one), &body))
        }
    }
}

fn archive_page(visit: &Visit, package: &Package, form: &Form) -> Markup {
    let path = path_of(visit, &package.key);
    let title = format!("Archive {}", Kind::of(package.key.kind).one);
    html! {
        (Head { above: &above(visit, package), ..Head::new(&title) })
        p.prose {
            "No new subscription can take " strong { (package.shown().name) } ". Present ones keep \
             it. This cannot be taken back."
        }
        (Dangerous(Sheet {
            visit,
            action: &format!("{path}/archive"),
            form,
            fields: html! {
                (Field::text(form, "confirm", "Type its name to confirm").required())
            },
            submit: "Archive",
            cancel: Some(&path),
        }))
    }
}

pub(super) async fn ask_archive(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let body = archive_page(&visit, package, &Form::default());
    Ok(visit.page(Kind::of(package.key.kind).section, "Archive", &body))
}

pub(super) async fn archive(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let kind = Kind::of(package.key.kind);
    let name = &package.shown().name;
    let archived = async {
        if form.get("confirm").trim() != name.trim() {
            return Err(Trouble::at("confirm", format!("Type {} here.", isolated(name))));
        }
        visit.change(CatalogCommand::ArchivePackage(package.key.clone())).await
    };
    match archived.await {
        Ok(()) => {
            Ok(visit.done(&visit.path(kind.list), format!("{} was archived.", isolated(name))))
        }
        Err(trouble) => {
            let body = archive_page(&visit, package, &form.with(trouble));
            Ok(visit.refused(kind.section, "Archive", &body))
        }
    }
}
