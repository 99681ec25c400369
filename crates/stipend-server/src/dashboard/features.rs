//! Product catalog › Features.

use super::failure::Failure;
use super::field::{Choice, Field, one_button};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::metadata;
use super::object::Object;
use super::repeat::reshaped;
use super::shelf::{Shelf, Thing, was};
use super::ui::{facts, id, optional, table, time};
use super::visit::{Posted, Visit};
use crate::app::App;
use crate::mapping::feature as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::FeatureId;
use stipend_core::catalog::{
    Aggregation, Catalog, CatalogCommand, Feature, FeatureStatus, FeatureType, MeterType, Target,
};
use stipend_wire::feature::{CreateFeature, UpdateFeature};

const SHELF: Shelf = Shelf {
    section: Section::Features,
    list: "/features",
    new: "/new-feature",
    names: ("feature", "features"),
    prefix: "feature-",
    lead: "What plans and add-ons allow, limit or count. Usage of a metered feature can cost credits.",
    next: "Credits alone need none. Make one for what your application turns on, limits or counts: \
           seats, projects, API calls.",
};

impl Thing for Feature {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn is_archived(&self) -> bool {
        self.status == FeatureStatus::Suspended
    }
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/features", get(list).post(create))
        .route(SHELF.new, get(new))
        .route("/features/{id}", get(show).post(update))
        .route("/features/{id}/edit", get(edit))
        .route("/features/{id}/archive", post(archive))
        .route("/features/{id}/unarchive", post(unarchive))
}

fn find(visit: &Visit, catalog: &Catalog) -> Result<Arc<Feature>, Failure> {
    let id = FeatureId::parse(visit.param("id")).map_err(|_| Failure::NotFound)?;
    catalog.features.get(&id).cloned().ok_or(Failure::NotFound)
}

/// What kind of feature it is, in a few words.
pub(super) const fn kind(feature: &Feature) -> &'static str {
    match (feature.feature_type, feature.meter_type) {
        (FeatureType::Boolean, _) => "On or off",
        (FeatureType::Enum, _) => "One of several values",
        (FeatureType::Number, MeterType::None) => "A number",
        (FeatureType::Number, MeterType::Fluctuating) => "Metered, a level",
        (FeatureType::Number, MeterType::Incremental) => "Metered, a counter",
    }
}

async fn list(visit: Visit) -> Response {
    let catalog = visit.catalog();
    SHELF.page(&visit, catalog.features.values(), |all| rows(&visit, &catalog, all))
}

fn rows(visit: &Visit, catalog: &Catalog, shown: &[&Feature]) -> Markup {
    let head = html! {
        th scope="col" { "Name" } th scope="col" { "Id" } th scope="col" { "Kind" }
        th.num scope="col" { "Plans and add-ons" } th scope="col" { "Made" }
    };
    let rows = html! {
        @for &feature in shown {
            tr {
                th scope="row" { a href=(SHELF.path_of(visit, feature)) { (feature.name) } }
                td { (id(feature.id.as_str())) }
                td { (kind(feature)) }
                td.num { (catalog.packages_using(&Target::Feature(feature.id.clone())).len()) }
                td { (time(feature.created_at)) }
            }
        }
    };
    table("Features", &head, &rows)
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let feature = &*find(&visit, &catalog)?;
    let path = SHELF.path_of(&visit, feature);
    let values = feature.enum_values.iter().flatten();
    let values: Vec<&str> = values.map(|value| value.name.as_str()).collect();
    let archive = one_button(&visit, &format!("{path}/archive"), "Archive");
    let body = html! {
        (SHELF.head(&visit, feature, &archive))
        @if feature.is_archived() {
            p.notice { "No plan or add-on can take it up anew. Where it stands it goes on." }
        }
        (facts(&[
            ("Id", id(feature.id.as_str())),
            ("Kind", html! { (kind(feature)) }),
            ("Counted", html! { (meter_words(feature)) }),
            ("Units", optional(feature.units_plural.as_deref().or(feature.units.as_deref()))),
            ("Values", optional(Some(values.join(", ").as_str()).filter(|text| !text.is_empty()))),
            ("Made", time(feature.created_at)),
        ]))
        @if feature.description.is_some() {
            p.prose { (optional(feature.description.as_deref())) }
        }
        section {
            h2 { "Plans and add-ons with it" }
            (super::packages::users(&visit, &catalog, &Target::Feature(feature.id.clone())))
        }
        (metadata::shown(&feature.metadata))
    };
    Ok(visit.page(SHELF.section, &feature.name, &body))
}

/// How usage comes to be a number.
pub(super) fn meter_words(feature: &Feature) -> String {
    let Some(meter) = &feature.meter else {
        let is_metered = feature.meter_type != MeterType::None;
        let words = if is_metered { "Reported as a number" } else { "Not counted" };
        return words.to_owned();
    };
    let how = match &meter.aggregation {
        Aggregation::Count => "The number of events".to_owned(),
        Aggregation::Sum(field) => format!("The sum of {field}"),
        Aggregation::Max(field) => format!("The greatest {field}"),
        Aggregation::Min(field) => format!("The least {field}"),
        Aggregation::Avg(field) => format!("The mean of {field}"),
        Aggregation::Unique(field) => format!("Different values of {field}"),
    };
    if meter.filters.is_empty() {
        format!("{how}, of all events")
    } else {
        format!("{how}, filtered")
    }
}

const KINDS: [(&str, &str, &str); 5] = [
    ("counter", "Metered, a counter", "It goes up as it is used, and may start anew every month."),
    ("level", "Metered, a level", "It goes up and down, as seats do."),
    ("number", "A number", "The plan carries it; nothing is counted."),
    ("boolean", "On or off", "The plan has it, or not."),
    ("enum", "One of several values", "The plan allows some of them."),
];

fn fields(form: &Form, is_new: bool) -> Markup {
    html! {
        (SHELF.fields(form, is_new))
        @if is_new {
            (Choice {
                form,
                name: "kind",
                label: "Kind",
                options: KINDS.map(|(value, name, text)| (value, name, html! { (text) })).to_vec(),
            })
            (Field::text(form, "event", "Event")
                .hint("Of a counter: the name of the events that count. Leave it empty to report \
                       numbers instead."))
            (Field::text(form, "sum", "Field to add up")
                .hint("Of a counter: the event's field whose values are added, tokens for \
                       instance. Left empty, every event counts one."))
            (Field::lines(form, "values", "Values")
                .hint("Of one of several values: one on each line."))
        }
        fieldset.pair {
            legend { "Units" }
            (Field::text(form, "featureUnits", "One").max(500).hint("seat"))
            (Field::text(form, "featureUnitsPlural", "Many").max(500).hint("seats"))
        }
        (metadata::fields(form))
    }
}

/// What is new in a new feature: its kind, and how it is counted.
fn with_kind(object: Object, form: &Form) -> Object {
    let (feature_type, meter_type) = match form.get("kind") {
        "level" => ("NUMBER", "FLUCTUATING"),
        "number" => ("NUMBER", "None"),
        "boolean" => ("BOOLEAN", "None"),
        "enum" => ("ENUM", "None"),
        _ => ("NUMBER", "INCREMENTAL"),
    };
    let object = object.text("featureType", feature_type).text("meterType", meter_type);
    let event = form.get("event").trim();
    let object = if event.is_empty() || meter_type != "INCREMENTAL" {
        object
    } else {
        let condition = Object::new()
            .text("field", "eventName")
            .text("operation", "EQUALS")
            .text("value", event);
        let field = form.get("sum").trim();
        let function = if field.is_empty() { "COUNT" } else { "SUM" };
        let aggregation = Object::new().text("function", function).text_if("field", field);
        let meter = Object::new()
            .object("aggregation", &aggregation)
            .objects("filters", &[Object::new().objects("conditions", &[condition])]);
        object.object("meter", &meter)
    };
    if feature_type != "ENUM" {
        return object;
    }
    let values = form.get("values").lines().map(str::trim).filter(|value| !value.is_empty());
    let values: Vec<Object> =
        values.map(|value| Object::new().text("value", value).text("displayName", value)).collect();
    object.objects("enumConfiguration", &values)
}

/// Where the request and the form have other names for something.
fn placed(trouble: Trouble) -> Trouble {
    trouble
        .moved("enumConfiguration", "values")
        .moved("meter/aggregation/field", "sum")
        .moved("meter", "event")
        .first_step(&["values", "event"])
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
        let object = Object::new()
            .text("id", form.get("id"))
            .text("displayName", form.get("displayName"))
            .text_if("description", form.get("description"))
            .text_if("featureUnits", form.get("featureUnits"))
            .text_if("featureUnitsPlural", form.get("featureUnitsPlural"));
        let body = metadata::with(with_kind(object, &form), &form).read::<CreateFeature>()?;
        let new = mapping::new_from_wire(body)?;
        let path = visit.path(&format!("{}/{}", SHELF.list, new.id));
        let done = visit.change(CatalogCommand::CreateFeature(Box::new(new))).await;
        done.map_err(|trouble| trouble.or_at("id"))?;
        Ok::<_, Trouble>(path)
    };
    match created.await {
        Ok(path) => visit.done(&path, was(form.get("displayName"), "added")),
        Err(trouble) => {
            let trouble = metadata::placed(placed(trouble), &form);
            let form = form.with(trouble);
            SHELF.new_refused(&visit, &form, fields(&form, true))
        }
    }
}

async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let feature = &*find(&visit, &catalog)?;
    let said = [
        ("id", feature.id.to_string()),
        ("displayName", feature.name.clone()),
        ("description", feature.description.clone().unwrap_or_default()),
        ("featureUnits", feature.units.clone().unwrap_or_default()),
        ("featureUnitsPlural", feature.units_plural.clone().unwrap_or_default()),
    ];
    let form = Form::filled(said.into_iter().chain(metadata::filled(&feature.metadata)));
    Ok(SHELF.edit_page(&visit, feature, &form, fields(&form, false)))
}

async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let feature = &*find(&visit, &catalog)?;
    let form = match reshaped(form, &[metadata::KEYS]) {
        Ok(form) => return Ok(SHELF.edit_page(&visit, feature, &form, fields(&form, false))),
        Err(form) => form,
    };
    let updated = async {
        let object = Object::new()
            .text("displayName", form.get("displayName"))
            .text("description", form.get("description"))
            .text("featureUnits", form.get("featureUnits"))
            .text("featureUnitsPlural", form.get("featureUnitsPlural"));
        let object = metadata::with(object, &form);
        let patch = mapping::patch_from_wire(object.read::<UpdateFeature>()?)?;
        visit.change(CatalogCommand::UpdateFeature(feature.id.clone(), Box::new(patch))).await
    };
    match updated.await {
        Ok(()) => Ok(visit.done(&SHELF.path_of(&visit, feature), "The feature was saved.")),
        Err(trouble) => {
            let trouble = metadata::placed(trouble, &form);
            let form = form.with(trouble);
            Ok(SHELF.edit_refused(&visit, feature, &form, fields(&form, false)))
        }
    }
}

async fn archive(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let feature = &*find(&visit, &catalog)?;
    let outcome = visit.change(CatalogCommand::ArchiveFeature(feature.id.clone())).await;
    let message = was(&feature.name, "archived");
    Ok(visit.tried(&SHELF.path_of(&visit, feature), outcome, message))
}

async fn unarchive(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let feature = &*find(&visit, &catalog)?;
    let outcome = visit.change(CatalogCommand::UnarchiveFeature(feature.id.clone())).await;
    let message = was(&feature.name, "restored");
    Ok(visit.tried(&SHELF.path_of(&visit, feature), outcome, message))
}
