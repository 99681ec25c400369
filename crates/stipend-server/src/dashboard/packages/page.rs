//! The page of a plan or add-on, and of one of its versions.

use super::{Kind, above, badges, entitlements, find, path_of, price};
use crate::dashboard::failure::Failure;
use crate::dashboard::field::one_button;
use crate::dashboard::metadata;
use crate::dashboard::ui::{
    Head, Tone, badge, button, empty, facts, id, isolated, optional, primary, table, time,
};
use crate::dashboard::visit::Visit;
use crate::dashboard::words;
use axum::response::Response;
use maud::{Markup, html};
use stipend_core::catalog::{Catalog, Package, PackageKey, PackageVersion};

pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let kind = Kind::of(package.key.kind);
    let version = package.shown();
    let body = html! {
        (Head {
            above: &above(&visit, package)[..1],
            beside: badges(package),
            actions: actions(&visit, package),
            ..Head::new(&version.name)
        })
        (state(package, kind))
        (about(&visit, &catalog, package, version))
        section #entitlements {
            div.section-head {
                h2 { "Entitlements" }
                @if package.archived_at.is_none() && !version.entitlements.is_empty() {
                    (primary(&format!("{}/entitlements/new", path_of(&visit, &package.key)), "+ Add"))
                }
            }
            (entitlements::list(&visit, &catalog, package, version, true))
            (entitlements::inherited(&visit, &catalog, version))
        }
        (price::section(&visit, &catalog, package, version, true))
        (relations(&visit, &catalog, package, version))
        (metadata::shown(&version.metadata))
        (versions(&visit, package))
    };
    Ok(visit.page(kind.section, &version.name, &body))
}

fn actions(visit: &Visit, package: &Package) -> Markup {
    let path = path_of(visit, &package.key);
    if package.archived_at.is_some() {
        return Markup::default();
    }
    html! {
        @if package.draft.is_some() {
            (primary(&format!("{path}/publish"), "Publish"))
            @if package.latest().is_some() {
                (button(&format!("{path}/discard"), "Discard draft"))
            }
        } @else {
            (one_button(visit, &format!("{path}/draft"), "Open a draft"))
        }
        (button(&format!("{path}/edit"), "Edit details"))
        (button(&format!("{path}/archive"), "Archive"))
    }
}

/// What the state of a package means.
fn state(package: &Package, kind: &Kind) -> Markup {
    let text = match (package.archived_at, &package.draft, package.latest()) {
        (Some(_), ..) => "It takes no new subscriptions. Present ones keep it.".to_owned(),
        (None, Some(_), None) => {
            format!("This {} is a draft: nobody can have it until it is published.", kind.one)
        }
        (None, Some(draft), Some(latest)) => format!(
            "You see the draft of version {}. Customers have version {} until it is published.",
            draft.version, latest.version
        ),
        (None, None, _) => return Markup::default(),
    };
    html! { p.notice { (text) } }
}

fn about(visit: &Visit, catalog: &Catalog, package: &Package, version: &PackageVersion) -> Markup {
    let product = catalog.products.get(&package.product);
    let mut list = vec![("Id", id(package.key.id.as_str()))];
    if let Some(product) = product {
        let path = visit.path(&format!("/products/{}", product.id));
        list.push(("Product", html! { a href=(path) { (product.name) } }));
    }
    if let Some(terms) = version.addon_terms() {
        list.push(("Type", html! { (words::instances(terms.max_quantity)) }));
    }
    if let Some(trial) = version.plan_terms().and_then(|terms| terms.trial.as_ref()) {
        list.push(("Trial", html! { (words::trial(trial)) }));
    }
    list.push(("Version", html! { (version.version) }));
    list.push(("Changed", time(version.updated_at)));
    html! {
        (facts(&list))
        @if version.description.is_some() {
            p.prose { (optional(version.description.as_deref())) }
        }
    }
}

/// What belongs together: compatible add-ons and the plan below of a plan, what an add-on needs
/// and the plans that take it.
fn relations(
    visit: &Visit,
    catalog: &Catalog,
    package: &Package,
    version: &PackageVersion,
) -> Markup {
    let edit = format!("{}/edit", path_of(visit, &package.key));
    let links = |keys: Vec<PackageKey>, none: &str| {
        html! {
            @if keys.is_empty() { p.quiet { (none) " " a href=(edit) { "Edit details" } } }
            @else {
                ul.links {
                    @for key in &keys {
                        li { a href=(path_of(visit, key)) { (words::package(catalog, key)) } }
                    }
                }
            }
        }
    };
    if let Some(terms) = version.plan_terms() {
        let parent = terms.parent.iter().cloned().map(PackageKey::plan).collect();
        let addons = terms.compatible_addons.iter().flatten().cloned().map(PackageKey::addon);
        return html! {
            section {
                h2 { "Everything included in" }
                (links(parent, "It stands alone."))
            }
            section {
                h2 { "Compatible add-ons" }
                (links(addons.collect(), "No add-on can be bought with it."))
            }
        };
    }
    let terms = version.addon_terms();
    let needed = terms.and_then(|terms| terms.dependencies.as_ref()).into_iter().flatten();
    let needed = needed.cloned().map(PackageKey::addon).collect();
    let takes = |plan: &Package| {
        let addons = plan.shown().plan_terms().and_then(|it| it.compatible_addons.as_ref());
        addons.is_some_and(|addons| addons.contains(&package.key.id))
    };
    let plans = catalog.packages_of(stipend_core::PackageKind::Plan).into_iter();
    let plans: Vec<PackageKey> =
        plans.filter(|plan| takes(plan)).map(|plan| plan.key.clone()).collect();
    html! {
        section {
            h2 { "Plans that it can be bought with" }
            @if plans.is_empty() {
                p.quiet { "None yet. Name it among the compatible add-ons of a plan." }
            } @else {
                (links(plans, ""))
            }
        }
        section {
            h2 { "Add-ons that it needs" }
            (links(needed, "It can be bought alone."))
        }
    }
}

fn versions(visit: &Visit, package: &Package) -> Markup {
    let path = path_of(visit, &package.key);
    let head = html! {
        th scope="col" { "Version" } th scope="col" { "State" } th scope="col" { "Since" }
    };
    let rows = html! {
        @if let Some(draft) = &package.draft {
            tr {
                th scope="row" { (draft.version) }
                td { (badge(Tone::Warning, "Draft")) }
                td { (time(draft.created_at)) }
            }
        }
        @for version in package.published.iter().rev() {
            @let is_latest = package.latest().is_some_and(|latest| latest.version == version.version);
            tr {
                th scope="row" { a href=(format!("{path}/versions/{}", version.version)) { (version.version) } }
                td {
                    @if is_latest { (badge(Tone::Good, "Published")) }
                    @else { (badge(Tone::Quiet, "Earlier")) }
                }
                td { (time(version.published_at.unwrap_or(version.updated_at))) }
            }
        }
    };
    html! {
        section {
            h2 { "Versions" }
            (table("Versions", &head, &rows))
        }
    }
}

pub(super) async fn show_version(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let number = visit.param("version").parse().map_err(|_| Failure::NotFound)?;
    let version = package.find_version(number).ok_or(Failure::NotFound)?;
    let title = format!("Version {number} of {}", isolated(&version.name));
    let body = html! {
        (Head { above: &above(&visit, package), ..Head::new(&title) })
        p.lead { "A published version stays as it is for those who have it." }
        (about(&visit, &catalog, package, version))
        section {
            h2 { "Entitlements" }
            @if version.entitlements.is_empty() {
                (empty("It gives nothing by itself", "", &Markup::default()))
            } @else {
                (entitlements::list(&visit, &catalog, package, version, false))
            }
            (entitlements::inherited(&visit, &catalog, version))
        }
        (price::section(&visit, &catalog, package, version, false))
        (metadata::shown(&version.metadata))
    };
    Ok(visit.page(Kind::of(package.key.kind).section, &title, &body))
}
