//! What every request of the API brings along: its credentials, its body, its query.

use crate::admission::Place;
use crate::app::App;
use crate::error::ApiError;
use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::marker::PhantomData;
use std::sync::Arc;
use stipend_core::EnvId;
use stipend_engine::{Access, Actor, Credentials, Key, Operation, Remember, Scope};
use stipend_wire::query::{FromQuery, NoQuery};
use stipend_wire::{ErrorCode, FromJson, Opaque, WireError, json};

/// The greatest body of an ordinary request.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;
/// The greatest body of a bulk request.
pub(crate) const BULK_BYTES_MAX: usize = 5 << 20;

/// Names under which keys are put into queries, without their dashes and underscores.
const SECRET_PARAMETERS: [&str; 5] = ["xapikey", "apikey", "key", "accesstoken", "token"];

/// Who asks, for what.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The environment that the key opens.
    pub(crate) env: EnvId,
    /// What the key may do.
    pub(crate) credentials: Credentials,
    key: HeaderValue,
    method: Method,
    uri: Uri,
    idempotency_key: Option<String>,
    is_retry: bool,
}

/// A caller whose key may be used for what a route does. Handlers take nothing else, so each says
/// what it does: `caller: By<ToRead>`. Parameters in the address are refused, unless the route says that
/// it reads them: `caller: By<ToRead, WithQuery>`.
#[derive(Clone, Debug)]
pub(crate) struct By<T, Q = NoQuery>(Caller, PhantomData<(T, Q)>);

/// What a route does.
pub(crate) trait Purpose {
    /// What a key must allow.
    const ACCESS: Access;
}

/// It asks what a customer may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToCheck;
/// It reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToRead;
/// It reserves, or reports what was used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToUse;
/// It changes anything else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToManage;

impl Purpose for ToCheck {
    const ACCESS: Access = Access::Check;
}

impl Purpose for ToRead {
    const ACCESS: Access = Access::Read;
}

impl Purpose for ToUse {
    const ACCESS: Access = Access::Usage;
}

impl Purpose for ToManage {
    const ACCESS: Access = Access::Manage;
}

/// What may stand behind the question mark of a route's address.
pub(crate) trait Address {
    /// Makes sure that nothing else does.
    ///
    /// # Errors
    /// `unknown_parameter` or `invalid_parameter` where it does.
    fn check(query: &str) -> Result<(), ApiError>;
}

/// The route reads its parameters by [`Query`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct WithQuery;

impl Address for NoQuery {
    fn check(query: &str) -> Result<(), ApiError> {
        Ok(stipend_wire::parse_query(query).map(|Self| ())?)
    }
}

impl Address for WithQuery {
    fn check(_: &str) -> Result<(), ApiError> {
        Ok(())
    }
}

impl<T, Q> std::ops::Deref for By<T, Q> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<T: Purpose, Q: Address> FromRequestParts<App> for By<T, Q> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::recognise(parts, app)?;
        caller.check_access(T::ACCESS)?;
        Q::check(parts.uri.query().unwrap_or_default())?;
        Ok(Self(caller, PhantomData))
    }
}

impl Caller {
    fn recognise(parts: &Parts, app: &App) -> Result<Self, ApiError> {
        refuse_key_in_query(parts.uri.query().unwrap_or_default())?;
        let key = api_key(&parts.headers)?;
        let text = key.to_str().map_err(|_| unauthenticated())?;
        let credentials = app.engine().authenticate(text).ok_or_else(unauthenticated)?;
        Ok(Self {
            env: credentials.env,
            credentials,
            key: key.clone(),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            idempotency_key: idempotency_key(&parts.headers)?,
            is_retry: is_retry(&parts.headers),
        })
    }

    /// Whether its key may be used for that.
    ///
    /// # Errors
    /// `insufficient_scope`, which names the scopes that suffice.
    pub(crate) fn check_access(&self, access: Access) -> Result<(), ApiError> {
        let scope = self.credentials.scope;
        if scope.allows(access) {
            return Ok(());
        }
        let suffice = Scope::ALL.into_iter().filter(|scope| scope.allows(access));
        let suffice: Vec<String> = suffice.map(|scope| format!("`{}`", scope.as_str())).collect();
        let (scope, suffice) = (scope.as_str(), suffice.join(" or "));
        let message =
            format!("this API key has the scope `{scope}`; this takes one with {suffice}");
        Err(ApiError::new(ErrorCode::InsufficientScope, message))
    }

    /// Who has done what the request changes.
    pub(crate) const fn actor(&self) -> Actor {
        Actor::Key(self.credentials.number)
    }
}

fn unauthenticated() -> ApiError {
    let message = "send a valid secret API key in the header X-API-KEY";
    ApiError::new(ErrorCode::Unauthenticated, message)
}

/// A key in an address ends up in logs and histories, so it is refused where it might otherwise
/// seem to have been overlooked. The name is repeated, the key is not.
pub(crate) fn refuse_key_in_query(query: &str) -> Result<(), ApiError> {
    if query.is_empty() {
        return Ok(());
    }
    let is_secret = |name: &&str| {
        let plain = |byte: &u8| !matches!(byte, b'-' | b'_');
        let is_named = |secret: &&str| {
            let letters = name.bytes().filter(plain).map(|byte| byte.to_ascii_lowercase());
            letters.eq(secret.bytes())
        };
        SECRET_PARAMETERS.iter().any(is_named)
    };
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    match names.into_iter().find(is_secret) {
        None => Ok(()),
        Some(name) => {
            let message = format!(
                "`{name}` does not belong into an address; replace the key, and send the new one \
                 in the header X-API-KEY"
            );
            Err(WireError::new(ErrorCode::UnknownParameter, message).with_param(name).into())
        }
    }
}

fn api_key(headers: &HeaderMap) -> Result<&HeaderValue, ApiError> {
    let mut keys = headers.get_all("x-api-key").iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(unauthenticated()),
    }
}

/// The key may stand in quotes, as the draft of the header has it, or bare.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let refused = || {
        let message = "Idempotency-Key has 1 to 255 visible ASCII characters and is sent once";
        ApiError::new(ErrorCode::IdempotencyKeyInvalid, message)
    };
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(refused());
    }
    let key = key.to_str().map_err(|_| refused())?;
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let is_sound = !key.is_empty() && key.len() <= 255 && key.bytes().all(|byte| byte > b' ');
    if is_sound { Ok(Some(key.to_owned())) } else { Err(refused()) }
}

fn is_retry(headers: &HeaderMap) -> bool {
    let count = headers.get("x-stainless-retry-count").and_then(|count| count.to_str().ok());
    count.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count >= 1)
}

impl Caller {
    /// The hash of its key.
    pub(crate) fn key_digest(&self) -> [u8; 32] {
        stipend_engine::ApiKey::digest_of(self.key.to_str().unwrap_or_default())
    }

    /// The same caller, changing another environment than that of its key.
    #[must_use]
    pub(crate) fn managing(&self, env: EnvId) -> Self {
        Self { env, ..self.clone() }
    }

    /// How the request is recognised when it comes again: by its key, else by its content
    /// (`behaviour.md` §0.10).
    #[must_use]
    pub(crate) fn remember(&self, body: &Body) -> Remember {
        let canonical = body.canonical();
        let (method, path) = (self.method.as_str(), self.uri.path());
        if let Some(key) = &self.idempotency_key {
            let parts = [method, path, key];
            let key = Key::new(self.env, Operation::Request, &parts, canonical.as_bytes());
            return Remember::Key(key);
        }
        self.remember_content(&[path, &canonical])
    }

    /// How one report of a list is recognised that has no key of its own: by its place in the list
    /// and the key of the request, else by the whole request. The versions of the path are one
    /// operation.
    #[must_use]
    pub(crate) fn remember_report(&self, canonical: &str, place: usize) -> Remember {
        let place = place.to_string();
        if let Some(key) = &self.idempotency_key {
            let parts = ["Idempotency-Key", key, &place];
            return Remember::Key(Key::new(
                self.env,
                Operation::Usage,
                &parts,
                canonical.as_bytes(),
            ));
        }
        self.remember_content(&[self.uri.path(), canonical, &place])
    }

    fn remember_content(&self, parts: &[&str]) -> Remember {
        let caller = self.key_digest().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut scope = vec![caller.as_str(), self.method.as_str()];
        scope.extend(parts);
        let key = Key::new(self.env, Operation::Retry, &scope, b"");
        Remember::Content { key, is_retry: self.is_retry }
    }
}

/// There is room for one more command. It stands before the body, which is not read otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room;

impl FromRequestParts<App> for Room {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, ApiError> {
        app.look().map(|()| Self)
    }
}

/// The bytes of a body, checked for size and type and not read yet.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    bytes: Bytes,
    /// The room that they take, where they are many.
    _room: Option<Arc<Place>>,
}

impl Body {
    /// Reads the body as an object.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn read<T: FromJson>(&self) -> Result<T, ApiError> {
        Ok(json::parse_body(&self.bytes)?)
    }

    /// Reads a body that may be left out.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn read_optional<T: FromJson>(&self) -> Result<T, ApiError> {
        Ok(json::parse_optional_body(&self.bytes)?)
    }

    /// Makes sure that there is nothing in the body.
    ///
    /// # Errors
    /// `unknown_field` where there is.
    pub(crate) fn read_nothing(&self) -> Result<(), ApiError> {
        Ok(json::parse_no_body(&self.bytes)?)
    }

    /// The body in one spelling, whatever its keys' order and spaces were.
    pub(crate) fn canonical(&self) -> String {
        json::parse(&self.bytes)
            .map_or_else(|_| String::new(), |json| Opaque::of(&json).into_string())
    }
}

impl FromRequest<App> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        read_limited(request, app, BODY_BYTES_MAX).await
    }
}

/// As [`Body`], with the room of a bulk request.
#[derive(Clone, Debug)]
pub(crate) struct BulkBody(pub(crate) Body);

impl FromRequest<App> for BulkBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        read_limited(request, app, BULK_BYTES_MAX).await.map(Self)
    }
}

async fn read_limited(request: Request, app: &App, limit: usize) -> Result<Body, ApiError> {
    let too_large = || {
        let message = format!("the body has more than {limit} bytes");
        ApiError::new(ErrorCode::PayloadTooLarge, message)
    };
    let headers = request.headers();
    if headers.contains_key(header::CONTENT_ENCODING) {
        let message = "compressed bodies are not accepted";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, message));
    }
    let is_json = is_json(headers);
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // Of a body in chunks nothing is known but that it may have that many.
    let most = request.body().size_hint().upper().and_then(|most| usize::try_from(most).ok());
    let room = app.room_for_body(most.map_or(limit, |most| most.min(limit)))?;
    let body = axum::body::to_bytes(request.into_body(), limit);
    let Ok(read) = tokio::time::timeout(app.limits().body_timeout, body).await else {
        let message = "the body took too long to arrive";
        return Err(ApiError::new(ErrorCode::MalformedJson, message));
    };
    let bytes = read.map_err(|error| {
        if is_beyond_limit(&error) {
            too_large()
        } else {
            ApiError::new(ErrorCode::MalformedJson, "the body ended before its length")
        }
    })?;
    if !bytes.is_empty() && !is_json {
        let message = "send the body as Content-Type: application/json";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, message));
    }
    Ok(Body { bytes, _room: room.map(Arc::new) })
}

/// Whether a body could not be read because it has more bytes than it may have.
pub(crate) fn is_beyond_limit(error: &axum::Error) -> bool {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause.is_some_and(|cause| cause.contains("length limit"))
}

/// `application/json`, in UTF-8 where it names a character set.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return false };
    let text = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let is_json = parts.next() == Some("application/json");
    is_json
        && parts.all(|part| {
            part.strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8")
        })
}

/// A query string, read strictly.
#[derive(Clone, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: FromQuery> FromRequestParts<App> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        Ok(Self(stipend_wire::parse_query(parts.uri.query().unwrap_or_default())?))
    }
}

/// The ids in a path, as text.
#[derive(Clone, Debug)]
pub(crate) struct Ids<T>(pub(crate) T);

impl<T: serde::de::DeserializeOwned + Send> FromRequestParts<App> for Ids<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, app).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(ApiError::new(ErrorCode::NotFound, "there is nothing at this path")),
        }
    }
}
