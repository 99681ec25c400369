//! Setting up, signing in and out, and the password.

use super::failure::Failure;
use super::field::{Field, Sheet, summary};
use super::form::{Form, Trouble};
use super::layout::{self, Section};
use super::password;
use super::state::LinkKind;
use super::throttle::Peer;
use super::ui::Head;
use super::visit::{
    OPEN_FORM_BYTES_MAX, Posted, Visit, find_session, read_form, signed_in, signed_out,
};
use crate::app::App;
use crate::error::SOON;
use axum::Router;
use axum::extract::{FromRequest as _, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use std::net::IpAddr;
use stipend_core::Timestamp;
use stipend_engine::{Actor, Command, Operator, PRODUCTION};

const ACCOUNT: &str = "/account";
const NAME_LENGTH_MAX: u32 = 64;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/setup", get(set_up).post(make_owner))
        .route("/signin", get(sign_in).post(enter))
        .route("/signout", post(sign_out))
        .route(ACCOUNT, get(account).post(change_password))
}

/// The form that makes the owner, for whoever has the link that was printed.
async fn set_up(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let token = query.get("token");
    let form = Form::filled([("token", token.to_owned()), ("name", "owner".to_owned())]);
    if app.engine().has_operators() {
        return Redirect::to("/signin").into_response();
    }
    if !app.dashboard().has_link(LinkKind::SetUp, token, app.engine().wall_now()) {
        return stale_set_up();
    }
    set_up_page(&form).into_response()
}

fn stale_set_up() -> Response {
    let body = html! {
        p { "This link was used already, or it is older than an hour." }
        p { "Restart the server: it prints a new one until the dashboard has been set up." }
    };
    (StatusCode::GONE, layout::bare("The link is not good any more", &body)).into_response()
}

fn set_up_page(form: &Form) -> Markup {
    let body = html! {
        p { "Choose how you sign in from now on." }
        form.plain method="post" action="/setup" {
            input type="hidden" name="token" value=(form.get("token"));
            (summary(form))
            (Field::text(form, "name", "Name").required().max(NAME_LENGTH_MAX).complete("username"))
            (new_password(form))
            div.actions { button.button.primary type="submit" { "Set up the dashboard" } }
        }
    };
    layout::bare("Welcome", &body)
}

fn new_password(form: &Form) -> Markup {
    html! {
        (Field::password(form, "password", "Password").required().complete("new-password")
            .hint("At least 8 characters; 15 or more are better."))
        (Field::password(form, "again", "Password again").required().complete("new-password"))
    }
}

/// The operator that a form describes.
async fn read_operator(app: &App, form: &Form, name: &str) -> Result<Operator, Trouble> {
    let (typed, again) = (form.get("password"), form.get("again"));
    password::check(typed, again, name)?;
    let hash = password::hash(app, typed).await.ok_or_else(busy)?;
    let (created_at, changed_at) = (Timestamp::EPOCH, Timestamp::EPOCH);
    Ok(Operator { name: name.to_owned(), password: hash, created_at, changed_at })
}

fn busy() -> Trouble {
    let message = "Too many people sign in at this moment. Try again.".to_owned();
    Trouble { message, field: None }
}

fn read_name(form: &Form) -> Result<String, Trouble> {
    let name = stipend_wire::text::composed(form.get("name").trim()).into_owned();
    let length = name.chars().count();
    let is_name = (1..=NAME_LENGTH_MAX as usize).contains(&length);
    if is_name && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    Err(Trouble::at("name", "A name has 1 to 64 characters on one line."))
}

async fn make_owner(State(app): State<App>, request: Request) -> Result<Response, Failure> {
    if app.engine().has_operators() {
        return Ok(stale_set_up());
    }
    let headers = request.headers().clone();
    let form = read_form(request, &app, OPEN_FORM_BYTES_MAX).await?;
    let now = app.engine().wall_now();
    if !app.dashboard().has_link(LinkKind::SetUp, form.get("token"), now) {
        return Ok(stale_set_up());
    }
    let made = async {
        let name = read_name(&form)?;
        let operator = read_operator(&app, &form, &name).await?;
        let by = Actor::Operator(name.clone());
        app.run((PRODUCTION, by), Command::SetUpOperator(operator)).await?;
        Ok::<_, Trouble>(name)
    };
    match made.await {
        Ok(name) => {
            app.dashboard().take_link(LinkKind::SetUp, form.get("token"), now);
            tracing::info!(name, "the dashboard was set up");
            Ok(signed_in(&app, &headers, &name, "/"))
        }
        Err(trouble) => {
            let page = set_up_page(&form.with(trouble));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// A link with a good token signs in; otherwise there is a form.
async fn sign_in(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let (token, now) = (query.get("token"), app.engine().wall_now());
    if !token.is_empty() && app.dashboard().take_link(LinkKind::SignIn, token, now) {
        return signed_in(&app, &headers, "owner", "/");
    }
    if find_session(&headers, &app).is_some() {
        return Redirect::to("/").into_response();
    }
    sign_in_page(&app, &Form::filled([("next", query.get("next").to_owned())])).into_response()
}

fn sign_in_page(app: &App, form: &Form) -> Markup {
    let body = html! {
        @if app.engine().has_operators() {
            form.plain method="post" action="/signin" {
                input type="hidden" name="next" value=(form.get("next"));
                (summary(form))
                (Field::text(form, "name", "Name").required().max(NAME_LENGTH_MAX)
                    .complete("username"))
                (Field::password(form, "password", "Password").required()
                    .complete("current-password"))
                div.actions { button.button.primary type="submit" { "Sign in" } }
            }
        } @else {
            p { "Nobody can sign in with a password yet." }
            p { "Open the link that the server printed when it started. It is good for an hour; a \
                 restart prints a new one." }
        }
    };
    layout::bare("Sign in", &body)
}

async fn enter(State(app): State<App>, request: Request) -> Result<Response, Failure> {
    let headers = request.headers().clone();
    let peer = client_of(&app, &request);
    let form = read_form(request, &app, OPEN_FORM_BYTES_MAX).await?;
    let refuse = |status: StatusCode, trouble: Trouble| {
        let form = Form::filled(["name", "next"].map(|field| (field, form.get(field).to_owned())));
        (status, sign_in_page(&app, &form.with(trouble))).into_response()
    };
    let trouble = |message: String| Trouble { message, field: None };
    let name = stipend_wire::text::composed(form.get("name").trim()).into_owned();
    if let Err(seconds) = app.dashboard().throttle.begin(&name, peer, app.engine().wall_now()) {
        let page = refuse(StatusCode::TOO_MANY_REQUESTS, trouble(too_many(seconds)));
        return Ok(later(seconds, page));
    }
    let known = app.engine().find_operator(&name).map(|operator| operator.password);
    match password::verify(&app, known, form.get("password")).await {
        None => Ok(later(SOON, refuse(StatusCode::TOO_MANY_REQUESTS, busy()))),
        Some(false) => {
            tracing::warn!(peer = ?peer, "a sign-in to the dashboard failed");
            let message = "Name or password is wrong.".to_owned();
            Ok(refuse(StatusCode::UNPROCESSABLE_ENTITY, trouble(message)))
        }
        Some(true) => {
            app.dashboard().throttle.got_in(&name, peer);
            tracing::info!(name, "somebody signed in to the dashboard");
            Ok(signed_in(&app, &headers, &name, inside(form.get("next"))))
        }
    }
}

/// The page with the word for programs when to try again.
fn later(seconds: impl Into<HeaderValue>, page: Response) -> Response {
    ([(header::RETRY_AFTER, seconds.into())], page).into_response()
}

fn too_many(seconds: i64) -> String {
    format!("There were too many attempts. Try again in {seconds} seconds.")
}

/// The address of whoever signs in, behind the proxies that are trusted.
fn client_of(app: &App, request: &Request) -> Option<IpAddr> {
    let Peer(peer) = *request.extensions().get::<Peer>()?;
    if app.proxies().is_unknown(peer, request.headers()) {
        tracing::warn!(%peer, "a sign-in came through a proxy that is not among the trusted ones, \
            so wrong passwords of all its clients count together (see --trusted-proxies)");
    }
    Some(app.proxies().client(peer, request.headers()))
}

/// An address of the dashboard itself, and home where it is another one.
fn inside(next: &str) -> &str {
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if next.starts_with("/e/") && is_plain { next } else { "/" }
}

async fn sign_out(posted: Posted) -> Response {
    signed_out(&posted.visit)
}

fn account_page(visit: &Visit, form: &Form) -> Markup {
    let has_password = visit.app.engine().find_operator(&visit.session.name).is_some();
    html! {
        (Head::new("Account"))
        @if has_password {
            h2 { "Change the password" }
            (Sheet {
                visit,
                action: ACCOUNT,
                form,
                fields: html! {
                    (Field::password(form, "current", "Current password").required()
                        .complete("current-password"))
                    (new_password(form))
                    p.hint { "Everybody else who is signed in under this name is signed out." }
                },
                submit: "Change the password",
                cancel: None,
            })
        } @else {
            p { "You came in by a link, so there is no password to change." }
        }
    }
}

async fn account(visit: Visit) -> Response {
    let body = account_page(&visit, &Form::default());
    visit.page(Section::Account, "Account", &body)
}

async fn change_password(State(app): State<App>, request: Request) -> Result<Response, Failure> {
    let headers = request.headers().clone();
    let peer = client_of(&app, &request);
    let Posted { visit, form } = Posted::from_request(request, &app).await?;
    let name = visit.session.name.clone();
    let refuse = |status: StatusCode, trouble: Trouble| {
        let form = Form::default().with(trouble);
        let page = visit.refused(Section::Account, "Account", &account_page(&visit, &form));
        (status, page).into_response()
    };
    // Whoever finds somebody's session guesses their password here as they would at the door.
    let throttle = &app.dashboard().throttle;
    if let Err(seconds) = throttle.begin(&name, peer, app.engine().wall_now()) {
        let trouble = Trouble::at("current", too_many(seconds));
        return Ok(later(seconds, refuse(StatusCode::TOO_MANY_REQUESTS, trouble)));
    }
    let changed = async {
        let known = app.engine().find_operator(&name).map(|operator| operator.password);
        let is_right = password::verify(&app, known, form.get("current")).await;
        if !is_right.ok_or_else(busy)? {
            tracing::warn!(name, peer = ?peer, "a change of the dashboard's password failed");
            return Err(Trouble::at("current", "That is not the password."));
        }
        throttle.got_in(&name, peer);
        let operator = read_operator(&app, &form, &name).await?;
        let by = Actor::Operator(name.clone());
        app.run((PRODUCTION, by), Command::SetPassword(operator)).await?;
        Ok(())
    };
    match changed.await {
        Ok(()) => {
            app.dashboard().sessions.end_all(&name);
            tracing::info!(name, "the password of the dashboard was changed");
            Ok(signed_in(&app, &headers, &name, "/"))
        }
        Err(trouble) => Ok(refuse(StatusCode::UNPROCESSABLE_ENTITY, trouble)),
    }
}
