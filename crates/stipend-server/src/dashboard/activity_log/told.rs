//! A change of the realm in words: what it is about, and what it says, line by line.

use crate::dashboard::api_keys::allowed;
use crate::dashboard::compare::{Line, Said};
use crate::dashboard::ui::{Tone, grouped};
use crate::dashboard::{features, products, words};
use stipend_core::catalog::{
    Catalog, CatalogChange, CreditType, Feature, FeatureStatus, Metadata, Package, PackageKey,
    PackageKind, Product, Settings,
};
use stipend_core::{Amount, Timestamp};
use stipend_engine::realm::RealmChange;
use stipend_engine::task::{Task, TaskEnd, TaskKind};
use stipend_engine::{ApiKey, Environment, EnvironmentKind, Operator};

/// A change in words.
pub(super) struct Told {
    /// What kind of thing it is about.
    pub(super) kind: &'static str,
    /// Which one.
    pub(super) name: String,
    /// What happened to it, where that is said otherwise than by its being there before.
    pub(super) word: Option<&'static str>,
    /// How that looks.
    pub(super) tone: Option<Tone>,
    /// What it is now.
    pub(super) lines: Vec<Line>,
}

impl Told {
    fn new(kind: &'static str, name: impl Into<String>, lines: Vec<Line>) -> Self {
        Self { kind, name: name.into(), word: None, tone: None, lines }
    }

    fn with_word(self, word: &'static str) -> Self {
        Self { word: Some(word), tone: Some(Tone::Quiet), ..self }
    }
}

/// What a change is about: changes of the same thing have the same.
pub(super) fn subject(change: &RealmChange) -> (&'static str, String) {
    match change {
        RealmChange::Environment(environment) => ("environment", environment.id.0.to_string()),
        RealmChange::ApiKey(key) => ("key", format!("{:?}", key.digest)),
        RealmChange::Clock(change) => ("clock", change.env.0.to_string()),
        RealmChange::TaskBegun(task) => ("begun", task.id.to_string()),
        RealmChange::TaskEnded(end) => ("ended", end.id.to_string()),
        RealmChange::Operator(operator) => ("operator", operator.name.clone()),
        RealmChange::Catalog(change) => match &change.change {
            CatalogChange::Product(product) => ("product", product.id.to_string()),
            CatalogChange::CreditType(credit_type) => ("credit type", credit_type.id.to_string()),
            CatalogChange::Feature(feature) => ("feature", feature.id.to_string()),
            CatalogChange::Package(package) => (kind_of(&package.key), package.key.id.to_string()),
            CatalogChange::Settings(_) => ("settings", change.env.0.to_string()),
        },
    }
}

const fn kind_of(key: &PackageKey) -> &'static str {
    match key.kind {
        PackageKind::Plan => "Plan",
        PackageKind::Addon => "Add-on",
    }
}

/// A change in words; names of other things are those that they have now.
pub(super) fn tell(catalog: &Catalog, change: &RealmChange) -> Told {
    match change {
        RealmChange::Environment(made) => environment(made),
        RealmChange::ApiKey(made) => key(made),
        RealmChange::Clock(change) => {
            let shows = match change.frozen_at {
                None => Line::new("Clock", "Goes with the wall clock"),
                Some(at) => Line::new("Stands still at", at),
            };
            Told::new("Test clock", "", vec![shows]).with_word("Set")
        }
        RealmChange::TaskBegun(begun) => task(catalog, begun),
        RealmChange::TaskEnded(ended) => task_end(ended),
        RealmChange::Operator(changed) => operator(changed),
        RealmChange::Catalog(change) => match &change.change {
            CatalogChange::Product(changed) => product(changed),
            CatalogChange::CreditType(changed) => credit_type(changed),
            CatalogChange::Feature(changed) => feature(changed),
            CatalogChange::Package(changed) => package(catalog, changed),
            CatalogChange::Settings(changed) => settings(changed),
        },
    }
}

/// A line for what may be missing.
fn line_if(lines: &mut Vec<Line>, name: &str, value: Option<impl Into<Said>>) {
    if let Some(value) = value {
        lines.push(Line::new(name, value));
    }
}

fn common(name: &str, description: Option<&String>, archived_at: Option<Timestamp>) -> Vec<Line> {
    let mut lines = vec![Line::new("Name", name)];
    line_if(&mut lines, "Description", description);
    line_if(&mut lines, "Archived", archived_at);
    lines
}

fn metadata(lines: &mut Vec<Line>, metadata: &Metadata) {
    lines.extend(metadata.iter().map(|(key, value)| Line::new(format!("Metadata: {key}"), value)));
}

const fn yes(is_so: bool) -> &'static str {
    if is_so { "Yes" } else { "No" }
}

fn count(number: u64) -> String {
    grouped(Amount::whole(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn environment(made: &Environment) -> Told {
    let kind = match made.kind {
        EnvironmentKind::Production => "Production",
        EnvironmentKind::Sandbox => "Sandbox",
    };
    Told::new("Environment", &made.name, vec![Line::new("Kind", kind)])
}

fn key(made: &ApiKey) -> Told {
    let mut lines = vec![Line::new("May do", allowed(made.scope, made.rights))];
    line_if(&mut lines, "Revoked", made.revoked_at);
    let name = format!("{} …{}", made.name, made.hint);
    let told = Told::new("API key", name.trim(), lines);
    if made.is_live() { told } else { told.with_word("Revoked") }
}

fn operator(changed: &Operator) -> Told {
    let lines = vec![Line::new("Password set", changed.changed_at)];
    Told::new("Operator", &changed.name, lines)
}

fn task(catalog: &Catalog, begun: &Task) -> Told {
    let lines = match &begun.kind {
        TaskKind::Migrate { package, version } => {
            let name = words::package(catalog, package);
            vec![Line::new("Moves all subscriptions", format!("to version {version} of {name}"))]
        }
        TaskKind::Import { items } => {
            let items = u64::try_from(items.len()).unwrap_or(u64::MAX);
            vec![Line::new("Imports subscriptions", count(items))]
        }
    };
    Told::new("Task", begun.id.to_string(), lines).with_word("Begun")
}

fn task_end(ended: &TaskEnd) -> Told {
    let mut lines = vec![Line::new("Customers", count(ended.done))];
    if !ended.failed.is_empty() {
        let failed = u64::try_from(ended.failed.len()).unwrap_or(u64::MAX);
        lines.push(Line::new("Refused", count(failed)));
    }
    Told::new("Task", ended.id.to_string(), lines).with_word("Ended")
}

fn product(changed: &Product) -> Told {
    let mut lines = common(&changed.name, changed.description.as_ref(), changed.archived_at);
    lines.push(Line::new("Several subscriptions at once", yes(changed.multiple_subscriptions)));
    lines.push(Line::new(
        "A plan change starts usage anew",
        products::reset_words(changed.usage_reset),
    ));
    lines.push(Line::new("Was subscribed to", yes(changed.subscribed)));
    metadata(&mut lines, &changed.metadata);
    Told::new("Product", &changed.name, lines)
}

fn credit_type(changed: &CreditType) -> Told {
    let mut lines = common(&changed.name, changed.description.as_ref(), changed.archived_at);
    line_if(&mut lines, "Symbol", changed.symbol.as_ref());
    let units = changed.units.as_ref();
    let units = units.map(|units| format!("{} / {}", units.singular, units.plural));
    line_if(&mut lines, "Units", units);
    metadata(&mut lines, &changed.metadata);
    Told::new("Credit type", &changed.name, lines)
}

fn feature(changed: &Feature) -> Told {
    let mut lines = common(&changed.name, changed.description.as_ref(), None);
    lines.push(Line::new("Kind", features::kind(changed)));
    lines.push(Line::new("Archived", yes(changed.status == FeatureStatus::Suspended)));
    lines.push(Line::new("Counting", features::meter_words(changed)));
    line_if(&mut lines, "Unit", changed.units.as_ref());
    line_if(&mut lines, "Units", changed.units_plural.as_ref());
    if let Some(values) = &changed.enum_values {
        let values: Vec<&str> = values.iter().map(|value| value.name.as_str()).collect();
        lines.push(Line::new("Values", values.join(", ")));
    }
    metadata(&mut lines, &changed.metadata);
    Told::new("Feature", &changed.name, lines)
}

fn package(catalog: &Catalog, changed: &Package) -> Told {
    let shown = changed.shown();
    let published = changed.latest().map(|latest| latest.version.to_string());
    let mut lines = words::lines(catalog, shown);
    lines.push(Line::new("Published version", published.unwrap_or_else(|| "None".to_owned())));
    lines.push(Line::new("Draft", yes(changed.draft.is_some())));
    line_if(&mut lines, "Archived", changed.archived_at);
    let version = changed.subscribed_version.map(|version| version.to_string());
    line_if(&mut lines, "Newest version with subscriptions", version);
    Told::new(kind_of(&changed.key), &shown.name, lines)
}

fn settings(changed: &Settings) -> Told {
    let zone = changed.zone.as_ref().map_or_else(|| "UTC".to_owned(), ToString::to_string);
    let lines = vec![
        Line::new("Time zone", zone),
        Line::new("Periods begin", words::alignment(changed.alignment)),
        Line::new("A period that is cut short grants", words::proration(changed.proration)),
    ];
    Told::new("Settings", "", lines)
}
