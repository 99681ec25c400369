//! The forms of an entitlement: credits or a feature, new or changed.

use super::path_of;
use crate::dashboard::field::{Choice, Field, summary, tick, token};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::seen;
use crate::dashboard::ui::{empty, primary};
use crate::dashboard::visit::Visit;
use crate::dashboard::{what_if, words};
use crate::mapping::entitlement as mapping;
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::catalog::{
    Behavior, Catalog, CreditTerms, Enforcement, Entitlement, EntitlementTerms, Feature,
    FeatureTerms, FeatureType, MeterType, NewEntitlement, Package, PackageKey, PackageKind,
    ResetPeriod, Target,
};
use stipend_core::{Cadence, Timestamp};
use stipend_wire::entitlement::CreateEntitlements;

/// What is being added.
pub(super) enum Adding {
    /// Credits.
    Credits,
    /// A feature that is to be chosen first, since its type says what is to be filled in.
    ChooseFeature,
    /// This feature.
    Feature(Arc<Feature>),
}

const CADENCES: [(&str, &str); 2] = [("MONTH", "Monthly"), ("YEAR", "Yearly")];

/// The form that adds something.
pub(super) fn adding(
    visit: &Visit,
    catalog: &Catalog,
    package: &Package,
    adding: &Adding,
    form: &Form,
) -> Markup {
    match adding {
        Adding::Credits => add_credits(visit, catalog, package, form),
        Adding::ChooseFeature => choose_feature(visit, catalog, package),
        Adding::Feature(feature) => {
            let fields = html! {
                input type="hidden" name="of" value="feature";
                input type="hidden" name="id" value=(feature.id);
                p { "Feature: " strong { (feature.name) } }
                (feature_fields(feature, package.key.kind, form))
            };
            let action = format!("{}/entitlements", path_of(visit, &package.key));
            frame(visit, package, &action, form, &fields, "Add")
        }
    }
}

/// The frame of the form: it tells what it would mean while it is filled in.
fn frame(
    visit: &Visit,
    package: &Package,
    action: &str,
    form: &Form,
    fields: &Markup,
    submit: &str,
) -> Markup {
    let path = path_of(visit, &package.key);
    html! {
        form.sheet method="post" action=(action) data-live=(format!("{path}/entitlements/effect")) {
            (token(visit))
            (summary(form))
            (fields)
            div.actions {
                button.button.primary type="submit" { (submit) }
                a.button href=(format!("{path}#entitlements")) { "Cancel" }
            }
        }
    }
}

fn add_credits(visit: &Visit, catalog: &Catalog, package: &Package, form: &Form) -> Markup {
    let version = package.shown();
    let free = catalog.credit_types.values().filter(|credit_type| {
        credit_type.archived_at.is_none()
            && version.find_entitlement(&Target::Credit(credit_type.id.clone())).is_none()
    });
    let mut types: Vec<(String, String)> =
        free.map(|credit_type| (credit_type.id.to_string(), credit_type.name.clone())).collect();
    types.sort_by_key(|(_, name)| name.to_lowercase());
    if types.is_empty() {
        let add = primary(&visit.path("/new-credit-type"), "+ Add credit type");
        let text = "Every credit type is in here already, or there is none yet. Make one first; \
                    then come back.";
        return empty("No credit type to add", text, &add);
    }
    let first = types.first().map(|(id, _)| id.clone()).unwrap_or_default();
    let form = &form.clone().or_filled("id", &first).or_filled("cadence", "MONTH");
    let fields = html! {
        (Field::select(form, "id", "Credit type", types).required())
        (credit_fields(visit, catalog, package, form, true))
    };
    let action = format!("{}/entitlements", path_of(visit, &package.key));
    frame(visit, package, &action, form, &fields, "Add")
}

fn choose_feature(visit: &Visit, catalog: &Catalog, package: &Package) -> Markup {
    let version = package.shown();
    let free = catalog.features.values().filter(|feature| {
        feature.status != stipend_core::catalog::FeatureStatus::Suspended
            && version.find_entitlement(&Target::Feature(feature.id.clone())).is_none()
    });
    let features: Vec<(String, String)> =
        free.map(|feature| (feature.id.to_string(), feature.name.clone())).collect();
    if features.is_empty() {
        let add = primary(&visit.path("/new-feature"), "+ Add feature");
        let text = "Every feature is in here already, or there is none yet.";
        return empty("No feature to add", text, &add);
    }
    let path = path_of(visit, &package.key);
    html! {
        form.sheet method="get" action=(format!("{path}/entitlements/new")) {
            input type="hidden" name="of" value="feature";
            (Field::select(&Form::default(), "id", "Feature", features).required())
            div.actions {
                button.button.primary type="submit" { "Continue" }
                a.button href=(format!("{path}#entitlements")) { "Cancel" }
            }
        }
    }
}

/// The fields of credits, new or present.
fn credit_fields(
    visit: &Visit,
    catalog: &Catalog,
    package: &Package,
    form: &Form,
    is_new: bool,
) -> Markup {
    let effects = effects(catalog, &package.key, form, visit.now());
    let effect = |place: &str| {
        let found = effects.iter().find(|(name, _)| *name == place);
        html! { span id=(place) { @if let Some((_, text)) = found { (text) } } }
    };
    let seats = seats(catalog, package);
    html! {
        fieldset.pair {
            legend { "Credits" }
            (Field::number(form, "amount", "Amount").required().hint("Of one unit; 10,000 for instance."))
            (Field::select(form, "cadence", "Cadence", CADENCES).required())
        }
        @if package.key.kind == PackageKind::Addon {
            (Choice {
                form,
                name: "behavior",
                label: "Entitlement behavior",
                options: vec![
                    ("Increment", "Increment plan limit", effect("effect-increment")),
                    ("Override", "Override plan limit", effect("effect-override")),
                ],
            })
        } @else {
            p.effect role="status" { (effect("effect-plan")) }
        }
        (enforcement_field(form, "When the credits run out"))
        @if seats.len() > 1 {
            (Field::select(form, "dependencyFeatureId", "For each unit of", seats)
                .hint("The amount is multiplied by the limit of this feature, seats for instance."))
        }
        @if is_new && package.key.kind == PackageKind::Plan {
            (tick(form, "isCustom", "The amount is agreed with each subscription",
                "For custom plans. The amount above is then the one that holds unless another is agreed."))
        }
    }
}

/// The features of a package whose limit can multiply credits.
fn seats(catalog: &Catalog, package: &Package) -> Vec<(String, String)> {
    let limited = package.shown().entitlements.iter().filter_map(Entitlement::feature);
    let limited = limited.filter(|(_, terms)| terms.usage_limit.is_some());
    let none = (String::new(), "Nothing: the amount as it is".to_owned());
    let found = limited.map(|(id, _)| (id.to_string(), words::feature(catalog, id)));
    std::iter::once(none).chain(found).collect()
}

fn enforcement_field(form: &Form, label: &'static str) -> Markup {
    let options = vec![
        (
            "HARD",
            "Hard limit",
            html! { "Checks deny. Usage that is reported all the same is recorded." },
        ),
        ("SOFT", "Soft limit", html! { "Checks go on granting, and usage is recorded." }),
        ("STRICT", "Strict", html! { "Checks deny, and usage beyond it is refused." }),
    ];
    html! { (Choice { form, name: "enforcement", label, options }) }
}

/// The fields of a feature, new or present.
fn feature_fields(feature: &Feature, kind: PackageKind, form: &Form) -> Markup {
    let resets = [
        ("", "Never"),
        ("MONTH", "Every month"),
        ("YEAR", "Every year"),
        ("WEEK", "Every week"),
        ("DAY", "Every day"),
        ("HOUR", "Every hour"),
    ];
    let ticked: Vec<&str> = form.all("enumValues").collect();
    html! {
        @match feature.feature_type {
            FeatureType::Boolean => { p.quiet { "Whoever has this has the feature." } }
            FeatureType::Number => {
                (Field::number(form, "usageLimit", "Limit").hint("Empty where it is unlimited."))
                (tick(form, "hasUnlimitedUsage", "Unlimited", ""))
                @if feature.meter_type == MeterType::Incremental {
                    (Field::select(form, "resetPeriod", "Usage starts anew", resets))
                }
                (enforcement_field(form, "When the limit is reached"))
            }
            FeatureType::Enum => {
                fieldset.boxes {
                    legend { "Values" }
                    @for value in feature.enum_values.iter().flatten() {
                        label.box {
                            input type="checkbox" name="enumValues" value=(value.value)
                                checked[ticked.contains(&value.value.as_str())];
                            span { (value.name) }
                        }
                    }
                }
            }
        }
        @if kind == PackageKind::Addon && feature.feature_type == FeatureType::Number {
            (Choice {
                form,
                name: "behavior",
                label: "Entitlement behavior",
                options: vec![
                    ("Increment", "Increment plan limit", html! { "Added to what the plan gives." }),
                    ("Override", "Override plan limit", html! { "Replaces what the plan gives." }),
                ],
            })
        }
    }
}

/// What a form says of what happens beyond a limit.
fn with_enforcement(object: Object, form: &Form) -> Object {
    match form.get("enforcement") {
        "" => object,
        word => object.text("enforcement", word).flag("hasSoftLimit", word == "SOFT"),
    }
}

/// What credits and features have in common in a request.
fn credit_object(form: &Form) -> Object {
    let object = Object::new()
        .text("type", "CREDIT")
        .number("amount", form.get("amount"))
        .text("cadence", form.get("cadence"))
        .text_if("behavior", form.get("behavior"));
    with_enforcement(object, form)
}

fn feature_object(form: &Form) -> Object {
    let values: Vec<&str> = form.all("enumValues").collect();
    let object = Object::new()
        .text("type", "FEATURE")
        .number_or_null("usageLimit", form.get("usageLimit"))
        .flag("hasUnlimitedUsage", form.is_on("hasUnlimitedUsage"))
        .text_if("resetPeriod", form.get("resetPeriod"))
        .text_if("behavior", form.get("behavior"));
    let object = if values.is_empty() { object } else { object.texts("enumValues", values) };
    with_enforcement(object, form)
}

/// The entitlement that a form adds.
pub(super) fn read_new(form: &Form) -> Result<NewEntitlement, Trouble> {
    let object = if form.get("of") == "feature" {
        feature_object(form).text("id", form.get("id"))
    } else {
        let object = credit_object(form)
            .text("id", form.get("id"))
            .text_if("dependencyFeatureId", form.get("dependencyFeatureId"));
        if form.is_on("isCustom") { object.flag("isCustom", true) } else { object }
    };
    let body = Object::new().objects("entitlements", &[object]).read::<CreateEntitlements>();
    let place = |trouble: Trouble| trouble.moved("entitlements/0/", "");
    let mut new =
        mapping::new_from_wire(body.map_err(place)?).map_err(Trouble::from).map_err(place)?;
    new.pop().ok_or_else(|| Trouble::at("id", "Choose what to add."))
}

/// The change that a form asks for.
pub(super) fn change(form: &Form, entitlement: &Entitlement) -> Object {
    match entitlement.target {
        Target::Credit(_) => {
            credit_object(form).text_or_null("dependencyFeatureId", form.get("dependencyFeatureId"))
        }
        Target::Feature(_) => feature_object(form),
    }
}

/// The form that changes an entitlement.
pub(super) fn editing(
    visit: &Visit,
    catalog: &Catalog,
    package: &Package,
    entitlement: &Entitlement,
    action: &str,
    form: &Form,
) -> Markup {
    let fields = match &entitlement.target {
        Target::Credit(id) => html! {
            input type="hidden" name="id" value=(id);
            (credit_fields(visit, catalog, package, &form.clone().or_filled("id", id.as_str()), false))
        },
        Target::Feature(id) => html! {
            @if let Some(feature) = catalog.features.get(id) {
                (feature_fields(feature, package.key.kind, form))
            }
        },
    };
    let fields = html! { (seen::field(form)) (fields) };
    frame(visit, package, action, form, &fields, "Save to the draft")
}

/// The form of an entitlement as it is.
pub(super) fn filled(entitlement: &Entitlement) -> Form {
    let behavior = match entitlement.behavior {
        Behavior::Increment => "Increment",
        Behavior::Override => "Override",
    };
    let enforcement = match words::enforcement(entitlement) {
        Enforcement::Soft => "SOFT",
        Enforcement::Hard => "HARD",
        Enforcement::Strict => "STRICT",
    };
    let mut fields =
        vec![("behavior", behavior.to_owned()), ("enforcement", enforcement.to_owned())];
    match &entitlement.terms {
        EntitlementTerms::Credit(terms) => fields.extend(credit_values(terms)),
        EntitlementTerms::Feature(terms) => fields.extend(feature_values(terms)),
    }
    Form::filled(fields)
}

fn credit_values(terms: &CreditTerms) -> Vec<(&'static str, String)> {
    let cadence = match terms.cadence {
        Cadence::Month => "MONTH",
        Cadence::Year => "YEAR",
    };
    let seats = terms.per_unit_of.as_ref().map(ToString::to_string);
    vec![
        ("amount", terms.amount.map(crate::dashboard::ui::grouped).unwrap_or_default()),
        ("cadence", cadence.to_owned()),
        ("dependencyFeatureId", seats.unwrap_or_default()),
    ]
}

fn feature_values(terms: &FeatureTerms) -> Vec<(&'static str, String)> {
    let reset = terms.reset.as_ref().map_or("", |reset| match reset.period {
        ResetPeriod::Year => "YEAR",
        ResetPeriod::Month => "MONTH",
        ResetPeriod::Week => "WEEK",
        ResetPeriod::Day => "DAY",
        ResetPeriod::Hour => "HOUR",
    });
    let unlimited = if terms.unlimited == Some(true) { "on" } else { "" };
    let limit = terms.usage_limit.map(crate::dashboard::ui::grouped);
    let mut fields = vec![
        ("usageLimit", limit.unwrap_or_default()),
        ("hasUnlimitedUsage", unlimited.to_owned()),
        ("resetPeriod", reset.to_owned()),
    ];
    let values = terms.enum_values.iter().flatten();
    fields.extend(values.map(|value| ("enumValues", value.clone())));
    fields
}

/// What the form would mean, by the id of the place that says so.
pub(super) fn effects(
    catalog: &Catalog,
    key: &PackageKey,
    form: &Form,
    now: Timestamp,
) -> Vec<(&'static str, Markup)> {
    let new = read_new(form).ok();
    match key.kind {
        PackageKind::Plan => {
            let effect = new.map(|new| what_if::plan_effect(catalog, key, &new, now));
            let otherwise = html! { "What every customer of the plan has, before add-ons." };
            vec![("effect-plan", effect.unwrap_or(otherwise))]
        }
        PackageKind::Addon => {
            let both = [
                ("effect-increment", Behavior::Increment, "Added to what the plan gives."),
                ("effect-override", Behavior::Override, "Replaces what the plan gives."),
            ];
            let effects = both.map(|(place, behavior, otherwise)| {
                let effect =
                    new.as_ref().map(|new| what_if::addon_effect(catalog, key, new, behavior, now));
                (place, effect.unwrap_or_else(|| html! { (otherwise) }))
            });
            effects.to_vec()
        }
    }
}
