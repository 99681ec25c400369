//! The frame around every page.

use super::assets::{SCRIPT, SIGN, STYLE};
use super::form::TOKEN_FIELD;
use super::ui::isolated;
use super::visit::Visit;
use maud::{DOCTYPE, Markup, html};
use stipend_engine::EnvironmentKind;

/// A screen of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// Who is signed in.
    Account,
    /// Products.
    Products,
    /// Plans.
    Plans,
    /// Add-ons.
    Addons,
    /// Features.
    Features,
    /// Credit types.
    CreditTypes,
    /// Customers.
    Customers,
    /// What was reported lately.
    UsageEvents,
    /// The settings and the clock of the environment.
    Settings,
    /// The keys of the environment.
    ApiKeys,
    /// What was changed in the environment.
    ActivityLog,
    /// All environments.
    Environments,
}

/// A line of the navigation: the screen, its name and its address.
type Line = (Section, &'static str, &'static str);

/// The navigation: groups with their screens. Only what is built stands here.
const GROUPS: &[(&str, &[Line])] = &[
    (
        "Product catalog",
        &[
            (Section::Products, "Products", "/products"),
            (Section::Plans, "Plans", "/plans"),
            (Section::Addons, "Add-ons", "/addons"),
            (Section::Features, "Features", "/features"),
            (Section::CreditTypes, "Credit types", "/credit-types"),
        ],
    ),
    (
        "",
        &[
            (Section::Customers, "Customers", "/customers"),
            (Section::UsageEvents, "Usage events", "/usage-events"),
        ],
    ),
    (
        "Environment",
        &[
            (Section::Settings, "Settings and clock", "/settings"),
            (Section::ApiKeys, "API keys", "/api-keys"),
            (Section::ActivityLog, "Activity log", "/activity-log"),
            (Section::Environments, "All environments", "/environments"),
        ],
    ),
];

/// A page of an environment.
pub(super) fn page(visit: &Visit, section: Section, title: &str, body: &Markup) -> Markup {
    let environment = &visit.environment;
    let flash = visit.app.dashboard().sessions.take(&visit.session.digest);
    let is_sandbox = environment.kind == EnvironmentKind::Sandbox;
    document(
        &format!("{} · {}", isolated(title), isolated(&environment.name)),
        &html! {
            a.skip href="#main" { "Skip to the content" }
            div.frame data-sandbox[is_sandbox] {
                header.bar {
                    a.brand href=(visit.path("")) { (sign()) "Stipend" }
                    (environments(visit, section))
                    button.menu type="button" popovertarget="navigation" { "Menu" }
                }
                nav #navigation.nav popover aria-label="Main" {
                    (navigation(visit, section))
                    (leave(visit))
                }
                main #main tabindex="-1" {
                    @if let Some(flash) = flash {
                        @if flash.is_refusal {
                            p.trouble role="alert" {
                                strong { "That was not done." } " " (flash.message)
                            }
                        } @else {
                            p.flash role="status" { (flash.message) }
                            @if let Some(key) = &flash.key { (new_key(&key.0)) }
                        }
                    }
                    (body)
                }
                footer.foot { "All times are in UTC." }
            }
        },
    )
}

/// A key that was just made. It is known by its hash only, so no later page can show it.
fn new_key(key: &str) -> Markup {
    html! {
        div.notice {
            p { strong { "Keep this API key now: it is not shown again." } }
            p { code { (key) } }
            p.quiet { "Your code sends it in the header X-API-KEY. It never belongs into an address." }
        }
    }
}

/// A page that stands alone, without an environment.
pub(super) fn bare(title: &str, body: &Markup) -> Markup {
    document(
        title,
        &html! {
            main #main.alone {
                div.card {
                    p.brand { (sign()) "Stipend" }
                    h1 { (title) }
                    (body)
                }
            }
        },
    )
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Stipend" }
                link rel="icon" type="image/svg+xml" href=(SIGN.path);
                link rel="stylesheet" href=(STYLE.path);
                script type="module" src=(SCRIPT.path) {}
            }
            body { (body) }
        }
    }
}

fn sign() -> Markup {
    html! { img.sign src=(SIGN.path) alt="" width="22" height="22"; }
}

fn navigation(visit: &Visit, here: Section) -> Markup {
    html! {
        @for (group, screens) in GROUPS {
            div.group {
                @if !group.is_empty() { p.group-name { (group) } }
                ul {
                    @for (section, name, path) in *screens {
                        li {
                            a href=(visit.path(path))
                                aria-current=[(*section == here).then_some("page")] { (name) }
                        }
                    }
                }
            }
        }
    }
}

/// The switch between environments: it leads to the same screen of the other one.
fn environments(visit: &Visit, here: Section) -> Markup {
    let screens = GROUPS.iter().flat_map(|(_, screens)| screens.iter());
    let path =
        screens.clone().find(|(section, ..)| *section == here).map_or("", |(_, _, path)| path);
    html! {
        details.switch {
            summary {
                span.visually-hidden { "Environment: " }
                (environment_name(visit.environment.name.as_str(), visit.environment.kind))
            }
            ul {
                @for environment in visit.app.engine().environments() {
                    li {
                        a href=(format!("/e/{}{path}", environment.name))
                            aria-current=[(environment.id == visit.env()).then_some("true")] {
                            (environment_name(&environment.name, environment.kind))
                        }
                    }
                }
            }
        }
    }
}

fn environment_name(name: &str, kind: EnvironmentKind) -> Markup {
    let kind = if kind == EnvironmentKind::Sandbox { "sandbox" } else { "production" };
    html! {
        span.environment data-kind=(kind) { (name) }
        @if name != kind { " " span.quiet { (kind) } }
    }
}

fn leave(visit: &Visit) -> Markup {
    html! {
        form.leave method="post" action="/signout" {
            input type="hidden" name=(TOKEN_FIELD) value=(visit.session.token);
            a href="/account" { (visit.session.name) }
            button.link type="submit" { "Sign out" }
        }
    }
}
