//! The page for a frame: the credits of a customer, without scripts.

use super::Guest;
use super::assets::STYLE_PATH;
use crate::app::App;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use stipend_core::{Amount, Timestamp, Zone};
use stipend_wire::credit_balance::{
    CreditBalance, CreditBalanceGrant, CreditBalances, CreditTypeLabel,
};

const TITLE: &str = "Credit balance";
/// The width of a bar, in its own units.
const WIDTH: i128 = 1_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(super) fn router() -> Router<App> {
    Router::new().route("/embed/credit-balance", get(show))
}

/// The colours of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Theme {
    /// As the browser of the one who looks prefers.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    fn find(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Auto => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What the address says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    token: String,
    theme: Option<Theme>,
}

impl Asked {
    /// Each parameter stands at most once, and there are no others.
    fn parse(query: &str) -> Option<Self> {
        let (mut token, mut theme) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let taken = match name.as_ref() {
                "token" => token.replace(value.into_owned()).is_some(),
                "theme" => theme.replace(Theme::find(&value)?).is_some(),
                _ => return None,
            };
            if taken {
                return None;
            }
        }
        Some(Self { token: token.unwrap_or_default(), theme })
    }
}

async fn show(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let Some(Asked { token, theme }) = Asked::parse(&query.unwrap_or_default()) else {
        let text = "The address of this view takes `token` and `theme`, which is auto, light or \
                    dark, each once.";
        return page(&app, StatusCode::BAD_REQUEST, Theme::Auto, &message(text));
    };
    let theme = theme.unwrap_or_default();
    let Some(guest) = Guest::admit(&app, &token) else {
        let text = "This view is not valid any more. Load the page again to see your credits.";
        return page(&app, StatusCode::UNAUTHORIZED, theme, &message(text));
    };
    let catalog = app.engine().catalog(guest.pass.env);
    let days = Days { zone: catalog.settings.zone.as_ref() };
    let told = guest.balances(&app);
    page(&app, StatusCode::OK, theme, &days.balances(&told))
}

fn page(app: &App, status: StatusCode, theme: Theme, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" data-theme=(theme.word()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content=(theme.word());
                meta name="robots" content="noindex";
                title { (TITLE) }
                link rel="stylesheet" href=(*STYLE_PATH);
            }
            body { main { h1.visually-hidden { (TITLE) } (body) } }
        }
    };
    let mut response = (status, page).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, app.embed_origins().policy());
    response
}

fn message(text: &str) -> Markup {
    html! { p.message { (text) } }
}

/// How days are told: by the calendar of the environment.
struct Days<'a> {
    zone: Option<&'a Zone>,
}

impl Days<'_> {
    fn balances(&self, told: &CreditBalances) -> Markup {
        if told.balances.is_empty() {
            return message("No credits yet.");
        }
        html! {
            @for (index, balance) in told.balances.iter().enumerate() {
                (self.balance(index, balance))
            }
            @if told.more_balances > 0 {
                p.quiet { "And " (told.more_balances) " more that are not shown." }
            }
        }
    }

    fn balance(&self, index: usize, told: &CreditBalance) -> Markup {
        let name = format!("balance-{index}");
        let used = format!("{} of {} used", grouped(told.used.0), grouped(told.granted.0));
        html! {
            section.balance aria-labelledby=(name) {
                h2 id=(name) {
                    bdi { (told.currency.display_name) }
                    @if let Some(resource) = &told.resource_id { span.quiet { " · " (resource) } }
                }
                p.figure {
                    strong data-below[told.balance.0.is_negative()] { (grouped(told.balance.0)) }
                    (unit(&told.currency, told.balance.0)) " left"
                }
                (bar(told.used.0, told.granted.0, &used))
                p.quiet {
                    (used)
                    @if !told.reserved.0.is_zero() {
                        ", " (grouped(told.reserved.0)) " of it reserved"
                    }
                    @if !told.overdraft.0.is_zero() {
                        ", " (grouped(told.overdraft.0)) " beyond what there was"
                    }
                }
                @if let Some(next) = &told.next_grant {
                    p.quiet { (grouped(next.amount.0)) " more come on " (self.day(&next.at)) }
                }
                @if let Some(next) = &told.next_expiry {
                    p.quiet { (grouped(next.amount.0)) " expire on " (self.day(&next.at)) }
                }
                @if !told.grants.is_empty() { (self.grants(told)) }
            }
        }
    }

    /// In burn order, which the list's order tells.
    fn grants(&self, told: &CreditBalance) -> Markup {
        html! {
            h3 { "Where they come from, first used first" }
            ol {
                @for grant in &told.grants { (self.grant(grant)) }
            }
            @if told.more_grants > 0 {
                p.quiet { "And " (told.more_grants) " more that are not shown." }
            }
        }
    }

    fn grant(&self, grant: &CreditBalanceGrant) -> Markup {
        let left = format!("{} of {} left", grouped(grant.remaining.0), grouped(grant.amount.0));
        html! {
            li {
                span.name { (grant.display_name) }
                span { (left) }
                span.quiet {
                    @if let Some(at) = &grant.expire_at { "until " (self.day(at)) }
                    @else { "never expires" }
                }
            }
        }
    }

    /// The day of an instant, as `1 Mar 2026`.
    fn day(&self, at: &str) -> Markup {
        let text = Timestamp::parse(at).ok().map_or_else(String::new, |at| self.day_text(at));
        html! { time datetime=(at) { (text) } }
    }

    fn day_text(&self, at: Timestamp) -> String {
        let local = self.zone.map_or_else(|| at.to_string(), |zone| zone.local_text(at));
        let date = local.split('T').next().unwrap_or_default();
        let mut parts = date.split('-').map(|part| part.parse::<usize>().unwrap_or_default());
        let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next())
        else {
            return date.to_owned();
        };
        let month = month.checked_sub(1).and_then(|month| MONTHS.get(month));
        month.map_or_else(|| date.to_owned(), |month| format!("{day} {month} {year}"))
    }
}

fn grouped(amount: Amount) -> String {
    crate::dashboard::grouped(amount)
}

/// The word for so many of the credits, with a blank before it.
fn unit(label: &CreditTypeLabel, amount: Amount) -> Markup {
    let is_one = amount == Amount::whole(1);
    let word = if is_one { &label.unit_singular } else { &label.unit_plural };
    html! { @if let Some(word) = word { " " (word) } }
}

fn bar(used: Amount, granted: Amount, text: &str) -> Markup {
    let whole = granted.nano().max(0);
    let reached = match whole {
        // Nothing was granted: what is used is beyond it.
        0 => {
            if used.is_positive() {
                WIDTH
            } else {
                0
            }
        }
        whole => used.nano().clamp(0, whole) * WIDTH / whole,
    };
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(text) {
            rect.track width="1000" height="10" {}
            rect.used width=(reached) height="10" data-over[used > granted] {}
        }
    }
}
