//! Customer › Credits › Embed: how the customer sees its credits on the pages of one's own product.

use super::{Look, SECTION};
use crate::app::App;
use crate::dashboard::failure::Failure;
use crate::dashboard::field::one_button;
use crate::dashboard::ui::{Head, button, isolated};
use crate::dashboard::visit::{Posted, Visit};
use crate::embed::{Maker, Pass, token_to_wire};
use crate::mapping::credit_balance::Scope;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_wire::number::TOKEN_SECONDS_DEFAULT;

const TITLE: &str = "Embed";
const PAGE: &str = "/credits/embed";
/// The server as the snippets name it: its address as browsers reach it is not known here.
const BASE: &str = "https://stipend.example.com";

pub(super) fn router() -> Router<App> {
    Router::new().route("/customers/{id}/credits/embed", get(show).post(preview))
}

/// The way to the page; archived customers see nothing.
pub(super) fn embed_button(look: &Look<'_>) -> Markup {
    if look.customer().profile.archived_at.is_some() {
        return Markup::default();
    }
    button(&look.path(PAGE), TITLE)
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let look = Look::open(&visit)?;
    let above = [
        (visit.path("/customers"), "Customers"),
        (look.path(""), look.name()),
        (look.path("/credits"), "Credits"),
    ];
    let is_archived = look.customer().profile.archived_at.is_some();
    let preview = html! {
        @if !is_archived { (one_button(&visit, &look.path(PAGE), "Preview")) }
    };
    let title = format!("Embed the credits of {}", isolated(look.name()));
    let body = html! {
        (Head { above: &above, actions: preview, ..Head::new(&title) })
        p.prose {
            "Balance, use and grants, inside of your own product. Your server asks for a token, which \
             shows the credits of this customer for a while and opens nothing else; your page hands \
             it to a frame or to an element."
        }
        @if is_archived { p.notice { "The customer is archived, so no token opens it." } }
        (steps(&look))
        section { h2 { "Sites that may show it" } (sites(&visit)) }
    };
    Ok(visit.page(SECTION, &title, &body))
}

fn steps(look: &Look<'_>) -> Markup {
    let id = look.customer().profile.id.as_str();
    let ask = format!(
        "curl -X POST {BASE}/api/v1/customers/{id}/credit-balance-tokens \\\n  \
         -H \"X-API-KEY: $STIPEND_API_KEY\""
    );
    let element = format!(
        "<script type=\"module\" src=\"{BASE}/embed/credit-balance.js\"></script>\n\
         <stipend-credit-balance token=\"…\"></stipend-credit-balance>"
    );
    let frame = format!(
        "<iframe title=\"Credits\" width=\"100%\" height=\"420\"\n  \
         src=\"{BASE}/embed/credit-balance?token=…\"></iframe>"
    );
    html! {
        section {
            h2 { "1. Your server asks for a token" }
            (code("A request for a token", &ask))
        }
        section {
            h2 { "2. Your page shows the element" }
            p { "It takes its font and colours from CSS variables of yours." }
            (code("The element", &element))
        }
        section {
            h2 { "Or a frame, without scripts" }
            (code("The frame", &frame))
        }
    }
}

/// Text of a program; it can be scrolled where it does not fit.
fn code(name: &str, text: &str) -> Markup {
    html! { pre.code tabindex="0" role="region" aria-label=(name) { code { (text) } } }
}

fn sites(visit: &Visit) -> Markup {
    let sites = visit.app.embed_origins().sites();
    html! {
        @if sites.is_empty() {
            p {
                "None but this server's own pages. Name those of your product when the server \
                 starts: " code { "--embed-origins https://app.example.com" } "."
            }
        } @else {
            ul { @for site in sites { li { code { (site.to_string()) } } } }
        }
    }
}

/// The page as the customer sees it, with a fresh token.
async fn preview(posted: Posted) -> Result<Response, Failure> {
    let visit = &posted.visit;
    let look = Look::open(visit)?;
    let engine = visit.app.engine();
    let pass = Pass {
        env: visit.env(),
        customer: look.customer().slot,
        scope: Scope::default(),
        expires_at: engine.wall_now().plus_seconds(TOKEN_SECONDS_DEFAULT.into()),
        maker: Maker::DASHBOARD,
    };
    Ok(visit.go(&token_to_wire(&pass, engine.token_signer()).url))
}
