//! What every page has: somebody who is signed in, and the environment that the address names.

use super::failure::Failure;
use super::form::{Form, TOKEN_FIELD, Trouble};
use super::layout::{self, Section};
use super::security;
use super::session::{Flash, Session};
use crate::admission::SMALL_BODY;
use crate::app::App;
use crate::context::is_beyond_limit;
use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::Markup;
use std::sync::Arc;
use stipend_core::EnvId;
use stipend_core::Timestamp;
use stipend_core::catalog::{Catalog, CatalogCommand};
use stipend_engine::{Actor, Command, Environment, PRODUCTION, Reply};
use stipend_wire::environment::ApiKey;

/// The cookie of a session over TLS, which no other site of the domain can set.
const SECURE_COOKIE: &str = "__Host-stipend";
/// The cookie of a session without TLS, on this machine for instance.
const PLAIN_COOKIE: &str = "stipend";
/// The greatest form of somebody who is signed in.
const FORM_BYTES_MAX: usize = 256 << 10;
/// The greatest form that anybody may send: one that needs no room among the bodies of all requests.
pub(super) const OPEN_FORM_BYTES_MAX: usize = SMALL_BODY;

/// Somebody signed in who looks at a page.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The application.
    pub(super) app: App,
    /// The session.
    pub(super) session: Session,
    /// The environment that the address names; production where it names none.
    pub(super) environment: Environment,
    params: Vec<(String, String)>,
    screen: String,
    query: Form,
}

/// The address of a request, whole.
#[derive(Clone, Debug)]
struct Whole(Uri);

/// Notes the whole address of a request for a screen.
pub(crate) fn note_address<B>(request: &mut axum::http::Request<B>) {
    if request.uri().path().starts_with("/e/") {
        let whole = Whole(request.uri().clone());
        request.extensions_mut().insert(whole);
    }
}

/// The page of ours that a form stood on: what it was sent to may have no page. Nothing where its
/// browser does not say.
fn page_of_form(headers: &HeaderMap) -> Option<&str> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?;
    let (_, rest) = referer.split_once("://")?;
    let (host, address) = rest.split_at(rest.find('/')?);
    let is_ours = headers.get(header::HOST).is_some_and(|own| own.as_bytes() == host.as_bytes());
    (is_ours && address.starts_with("/e/")).then_some(address)
}

impl Visit {
    async fn open(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        // Routes below a prefix see the rest of the address only.
        let whole = parts.extensions.get::<Whole>().map_or(&parts.uri, |whole| &whole.0);
        let address = whole.path_and_query().map(PathAndQuery::as_str);
        let session = find_session(&parts.headers, app).ok_or_else(|| {
            let is_safe = parts.method.is_safe();
            let wanted = if is_safe { address } else { page_of_form(&parts.headers) };
            Failure::SignedOut(wanted.map(str::to_owned))
        })?;
        let params = match RawPathParams::from_request_parts(parts, app).await {
            Ok(params) => {
                params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            }
            Err(_) => Vec::new(),
        };
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let named = params.iter().find(|(name, _): &&(String, String)| name == "env");
        let environment = match named {
            None => app.engine().environment(PRODUCTION),
            Some((_, name)) => app
                .engine()
                .environments()
                .into_iter()
                .find(|environment| environment.name == *name),
        };
        let environment = environment.ok_or(Failure::NotFound)?;
        let screen = parts.uri.path().to_owned();
        Ok(Self { app: app.clone(), session, environment, params, screen, query })
    }

    /// The number of the environment.
    pub(super) fn env(&self) -> EnvId {
        self.environment.id
    }

    /// The effective now of the environment.
    pub(super) fn now(&self) -> Timestamp {
        self.app.engine().now(self.env())
    }

    /// The catalog of the environment.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.app.engine().catalog(self.env())
    }

    /// A part of the address, such as the id in `/credit-types/{id}`.
    pub(super) fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(param, _)| param == name);
        found.map_or("", |(_, value)| value)
    }

    /// The address of the page within its environment.
    pub(super) fn screen(&self) -> &str {
        &self.screen
    }

    /// What stands behind the question mark of the address.
    pub(super) fn query(&self) -> &Form {
        &self.query
    }

    /// The address of a screen of this environment: `/credit-types` becomes
    /// `/e/production/credit-types`.
    pub(super) fn path(&self, screen: &str) -> String {
        format!("/e/{}{screen}", self.environment.name)
    }

    /// Makes something that looks far ahead, off the threads that serve requests.
    ///
    /// # Errors
    /// What making it fails with; `overloaded` where too many read already.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let visit = self.clone();
        self.app.read(move || Ok(make(&visit))).await?
    }

    /// A page.
    pub(super) fn page(&self, section: Section, title: &str, body: &Markup) -> Response {
        layout::page(self, section, title, body).into_response()
    }

    /// The page with the form again that was refused.
    pub(super) fn refused(&self, section: Section, title: &str, body: &Markup) -> Response {
        let title = format!("Not saved: {title}");
        let page = layout::page(self, section, &title, body);
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
    }

    /// Goes to an address.
    pub(super) fn go(&self, to: &str) -> Response {
        Redirect::to(to).into_response()
    }

    /// Goes to an address after something was done, and says so there.
    pub(super) fn done(&self, to: &str, message: impl Into<String>) -> Response {
        self.leave(Flash { message: message.into(), is_refusal: false, key: None });
        self.go(to)
    }

    /// As [`Visit::done`], after a key was made: that page, and no other, shows it.
    pub(super) fn made_key(&self, to: &str, message: impl Into<String>, key: String) -> Response {
        let key = Some(ApiKey(key));
        self.leave(Flash { message: message.into(), is_refusal: false, key });
        self.go(to)
    }

    /// As [`Visit::made_key`], where the form was sent before. A key that no page has shown yet is shown
    /// there.
    pub(super) fn made_before(&self, to: &str, message: impl Into<String>) -> Response {
        let flash = Flash { message: message.into(), is_refusal: false, key: None };
        self.app.dashboard().sessions.leave_unless_left(&self.session.digest, flash);
        self.go(to)
    }

    /// Goes to an address after something was tried that has no form of its own, and says there
    /// how it went.
    pub(super) fn tried(
        &self,
        to: &str,
        outcome: Result<(), Trouble>,
        message: impl Into<String>,
    ) -> Response {
        match outcome {
            Ok(()) => self.done(to, message),
            Err(Trouble { message, .. }) => {
                self.leave(Flash { message, is_refusal: true, key: None });
                self.go(to)
            }
        }
    }

    fn leave(&self, flash: Flash) {
        self.app.dashboard().sessions.leave(&self.session.digest, flash);
    }

    /// Who has done what this visit changes.
    pub(super) fn actor(&self) -> Actor {
        Actor::Operator(self.session.name.clone())
    }

    /// Does a command in this environment.
    ///
    /// # Errors
    /// The command's refusal.
    pub(super) async fn run(&self, command: Command) -> Result<Reply, Trouble> {
        Ok(self.app.run((self.env(), self.actor()), command).await?)
    }

    /// Does a command to the catalog of this environment.
    ///
    /// # Errors
    /// The command's refusal.
    pub(super) async fn change(&self, command: CatalogCommand) -> Result<(), Trouble> {
        self.run(Command::Catalog(command)).await.map(|_| ())
    }
}

/// Pages change nothing: whoever handles a form takes [`Posted`], which looks at its token.
impl FromRequestParts<App> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if !parts.method.is_safe() {
            return Err(Failure::Forged);
        }
        Self::open(parts, app).await
    }
}

/// A form that somebody who is signed in sent from one of our pages.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    /// Who, and where.
    pub(super) visit: Visit,
    /// What was typed.
    pub(super) form: Form,
}

impl FromRequest<App> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::open(&mut parts, app).await?;
        let request = Request::from_parts(parts, body);
        let form = read_form(request, app, FORM_BYTES_MAX).await?;
        // Both are hashes' length of random digits, so comparing their hashes tells nothing.
        let (sent, kept) = (form.get(TOKEN_FIELD), visit.session.token.as_str());
        if blake3::hash(sent.as_bytes()) != blake3::hash(kept.as_bytes()) {
            return Err(Failure::Forged);
        }
        Ok(Self { visit, form })
    }
}

/// Reads the form of a request, of so many bytes at most. A large one takes room among the bodies of all
/// requests for as long as it is kept.
pub(super) async fn read_form(request: Request, app: &App, limit: usize) -> Result<Form, Failure> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return Err(Failure::Unreadable("Forms are sent as application/x-www-form-urlencoded."));
    }
    let sizes = request.body().size_hint();
    if usize::try_from(sizes.lower()).is_ok_and(|least| least > limit) {
        return Err(Failure::TooLarge);
    }
    let most = sizes.upper().and_then(|most| usize::try_from(most).ok());
    let room = app.room_for_body(most.map_or(limit, |most| most.min(limit)))?;
    let body = axum::body::to_bytes(request.into_body(), limit);
    match tokio::time::timeout(app.limits().body_timeout, body).await {
        Ok(Ok(bytes)) => Ok(Form::parse(&bytes).within(room)),
        Ok(Err(error)) if is_beyond_limit(&error) => Err(Failure::TooLarge),
        Ok(Err(_)) => Err(Failure::Unreadable("It ended too early.")),
        Err(_) => Err(Failure::Unreadable("It took too long to arrive.")),
    }
}

/// The session that a request's cookies name.
pub(super) fn find_session(headers: &HeaderMap, app: &App) -> Option<Session> {
    let sessions = &app.dashboard().sessions;
    let now = app.engine().wall_now();
    let found = cookie(headers, SECURE_COOKIE).and_then(|id| sessions.find(id, true, now));
    found.or_else(|| cookie(headers, PLAIN_COOKIE).and_then(|id| sessions.find(id, false, now)))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

/// Goes to an address as somebody who has just signed in: with a session that is new.
pub(super) fn signed_in(app: &App, headers: &HeaderMap, name: &str, to: &str) -> Response {
    if let Some(before) = find_session(headers, app) {
        app.dashboard().sessions.end(&before.digest);
    }
    let (is_secure, now) = (security::is_secure(headers), app.engine().wall_now());
    let id = app.dashboard().sessions.begin(app.random(), name, is_secure, now);
    let (cookie, secure) = if is_secure { (SECURE_COOKIE, "; Secure") } else { (PLAIN_COOKIE, "") };
    let value = format!("{cookie}={id}; Path=/; HttpOnly; SameSite=Lax{secure}");
    ([(header::SET_COOKIE, value)], Redirect::to(to)).into_response()
}

/// Goes to the sign-in page as somebody who has just signed out.
pub(super) fn signed_out(visit: &Visit) -> Response {
    visit.app.dashboard().sessions.end(&visit.session.digest);
    let gone = |name: &str, more: &str| {
        format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{more}")
    };
    let mut response = Redirect::to("/signin").into_response();
    for value in [gone(PLAIN_COOKIE, ""), gone(SECURE_COOKIE, "; Secure")] {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}
