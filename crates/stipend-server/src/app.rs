//! What the handlers share.

use crate::admission::{Admission, Place};
use crate::context::{Body, Caller};
use crate::dashboard::{Dashboard, LinkKind};
use crate::decisions::Decisions;
use crate::embed::{EmbedOrigin, Origins};
use crate::error::ApiError;
use crate::ids::Random;
use crate::limits::Limits;
use crate::mapping::decision::Facts;
use crate::proxies::{Proxies, TrustedProxy};
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use stipend_core::{CustomerId, EnvId, Timestamp};
use stipend_engine::{
    Actor, Command, Engine, Found, Key, Outcome, Refusal, Remember, Reply, Response as Rendered,
    Submission, Submitter,
};
use stipend_store::{MemoryRolls, Rolls};
use stipend_wire::{Data, ErrorCode};

/// The lag of the wall clock behind the engine's time beyond which the server is not ready.
const CLOCK_LAG_SECONDS_MAX: i64 = 60;

/// Space for an answer to begin with.
const ANSWER_BYTES: usize = 1_024;

/// The application, shared by all requests.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

/// What is behind the one pointer that each request copies.
#[derive(Clone, Debug)]
struct Shared {
    engine: Arc<Engine>,
    submitter: Submitter,
    random: Arc<dyn Random>,
    is_draining: Arc<AtomicBool>,
    last_unready: Arc<Mutex<Option<&'static str>>>,
    decisions: Arc<Decisions>,
    dashboard: Arc<Dashboard>,
    limits: Limits,
    admission: Arc<Admission>,
    rolls: Arc<dyn Rolls>,
    embed_origins: Arc<Origins>,
    proxies: Arc<Proxies>,
}

impl App {
    /// The application over an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>, random: Arc<dyn Random>) -> Self {
        let submitter = engine.submitter();
        let start = u64::try_from(engine.wall_now().micros()).unwrap_or(0);
        let decisions = Arc::new(Decisions::new(start));
        let limits = Limits::default();
        Self(Arc::new(Shared {
            engine,
            submitter,
            random,
            is_draining: Arc::default(),
            last_unready: Arc::default(),
            decisions,
            dashboard: Arc::default(),
            limits,
            admission: Arc::new(Admission::new(&limits)),
            rolls: Arc::new(MemoryRolls::default()),
            embed_origins: Arc::default(),
            proxies: Arc::default(),
        }))
    }

    /// The same application with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        let shared = Arc::make_mut(&mut self.0);
        shared.limits = limits;
        shared.admission = Arc::new(Admission::new(&limits));
        self
    }

    /// Whether one more command would be let in.
    ///
    /// # Errors
    /// `overloaded` where it would not.
    pub(crate) fn look(&self) -> Result<(), ApiError> {
        self.0.admission.look()
    }

    /// How many commands were refused because there were too many.
    pub(crate) fn refused(&self) -> u64 {
        self.0.admission.refused()
    }

    /// Room for a body of up to so many bytes.
    ///
    /// # Errors
    /// `overloaded` where there is none.
    pub(crate) fn room_for_body(&self, bytes: usize) -> Result<Option<Place>, ApiError> {
        self.0.admission.body(bytes)
    }

    /// The same application with roll-ups of the use of credits; without, all is read row by row.
    #[must_use]
    pub fn with_rolls(mut self, rolls: Arc<dyn Rolls>) -> Self {
        Arc::make_mut(&mut self.0).rolls = rolls;
        self
    }

    /// The roll-ups of the use of credits.
    pub(crate) fn rolls(&self) -> &Arc<dyn Rolls> {
        &self.0.rolls
    }

    /// The same application with sites whose pages may show the credits of customers; without, its
    /// own pages alone may.
    #[must_use]
    pub fn with_embed_origins(mut self, sites: Vec<EmbedOrigin>) -> Self {
        Arc::make_mut(&mut self.0).embed_origins = Arc::new(Origins::new(sites));
        self
    }

    /// The same application with proxies that are trusted to say whose requests they pass on;
    /// without, whoever connects is the client.
    #[must_use]
    pub fn with_trusted_proxies(mut self, trusted: Vec<TrustedProxy>) -> Self {
        Arc::make_mut(&mut self.0).proxies = Arc::new(Proxies::new(trusted));
        self
    }

    /// The proxies that are trusted.
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.0.proxies
    }

    /// The sites whose pages may show the credits of customers.
    pub(crate) fn embed_origins(&self) -> &Arc<Origins> {
        &self.0.embed_origins
    }

    /// Its limits.
    #[must_use]
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The engine.
    #[must_use]
    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The decisions that wrote nothing.
    pub(crate) fn decisions(&self) -> &Decisions {
        &self.0.decisions
    }

    /// What the dashboard keeps.
    pub(crate) fn dashboard(&self) -> &Dashboard {
        &self.0.dashboard
    }

    /// A secret that signs in to the dashboard once, within the hour: `/signin?token=…`.
    #[must_use]
    pub fn sign_in_token(&self) -> String {
        self.0.dashboard.make_link(LinkKind::SignIn, self.random(), self.0.engine.wall_now())
    }

    /// A secret that makes the owner of the dashboard once, within the hour: `/setup?token=…`.
    /// There is none where the owner is made already.
    #[must_use]
    pub fn set_up_token(&self) -> Option<String> {
        let now = self.0.engine.wall_now();
        let is_needed = !self.0.engine.has_operators();
        is_needed.then(|| self.0.dashboard.make_link(LinkKind::SetUp, self.random(), now))
    }

    /// Keeps a decision that wrote nothing; answers its id.
    pub(crate) fn keep(&self, env: EnvId, decision: Facts) -> String {
        self.0.engine.cipher().decision_id(self.0.decisions.keep(env, decision))
    }

    /// The engine, to be shared with another thread.
    pub(crate) fn shared_engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    /// Notes that the server is about to stop.
    pub(crate) fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Release);
    }

    /// Why the server should get no traffic now; nothing where it should.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        if self.0.is_draining.load(Ordering::Acquire) {
            Some("the server is stopping")
        } else if !self.0.engine.is_writable() {
            Some("the store refused the last write")
        } else if self.0.engine.clock_lag() > CLOCK_LAG_SECONDS_MAX {
            Some("the clock ran backwards and is not yet where it was")
        } else {
            None
        }
    }

    /// Whether that is another answer than the last one to who asks if the server is ready.
    pub(crate) fn changes_readiness(&self, unready: Option<&'static str>) -> bool {
        let mut last = self.0.last_unready.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, unready) != unready
    }

    /// Where random ids come from.
    #[must_use]
    pub(crate) fn random(&self) -> &dyn Random {
        self.0.random.as_ref()
    }

    /// Does a command and answers what `render` makes of its outcome; the answer is given again
    /// when the same request comes again.
    ///
    /// # Errors
    /// The command's refusal.
    pub(crate) async fn mutate<T: Serialize>(
        &self,
        caller: &Caller,
        body: &Body,
        command: Command,
        render: impl FnOnce(&Outcome<'_>) -> T + Send + 'static,
    ) -> Result<Response, ApiError> {
        Ok(self.try_mutate(caller, body, command, render).await??)
    }

    /// As [`App::mutate`], with the command's refusal as it is.
    ///
    /// # Errors
    /// What reading fails with; inside, the command's refusal.
    pub(crate) async fn try_mutate<T: Serialize>(
        &self,
        caller: &Caller,
        body: &Body,
        command: Command,
        render: impl FnOnce(&Outcome<'_>) -> T + Send + 'static,
    ) -> Result<Result<Response, Refusal>, ApiError> {
        let remember = caller.remember(body);
        if let Remember::Key(key) = remember {
            let engine = Arc::clone(&self.0.engine);
            let stored = self.read(move || Ok(engine.find_request(key)?)).await?;
            if let Some(seq) = stored {
                return self.stored(seq).await.map(Ok);
            }
        }
        match self.try_remembered(caller, remember, command, render).await {
            Ok(answer) => answer.map(Ok),
            Err(Refusal::Failed) if matches!(remember, Remember::Content { .. }) => {
                Err(ApiError::from(Refusal::Failed).not_to_be_retried())
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// As [`App::try_mutate`], where it is known how the command is remembered and that its answer
    /// is not one of long ago.
    ///
    /// # Errors
    /// The command's refusal; inside, what reading a stored answer fails with.
    pub(crate) async fn try_remembered<T: Serialize>(
        &self,
        caller: &Caller,
        remember: Remember,
        command: Command,
        render: impl FnOnce(&Outcome<'_>) -> T + Send + 'static,
    ) -> Result<Result<Response, ApiError>, Refusal> {
        let reply = self.submit(caller, command, Some(remember), Some(rendering(render))).await?;
        match reply {
            Reply::Response(rendered) => {
                Ok(Ok(bytes(StatusCode::OK, Bytes::from_owner(rendered.body))))
            }
            Reply::Replay(rendered) => Ok(Ok(replayed(rendered))),
            Reply::Stored(seq) => Ok(self.stored(seq).await),
            other => unreachable!("a rendered command is answered so, not {other:?}"),
        }
    }

    /// Does a command and answers what `render` makes of its outcome. The answer is not remembered:
    /// it is that of a command that changes nothing when it is given again, or it holds a secret.
    ///
    /// # Errors
    /// The command's refusal.
    pub(crate) async fn answer<T: Serialize>(
        &self,
        (env, by): (EnvId, Actor),
        command: Command,
        render: impl FnOnce(&Outcome<'_>) -> T + Send + 'static,
    ) -> Result<Response, ApiError> {
        let submission =
            Submission { env, by, command, remember: None, render: Some(rendering(render)) };
        match self.0.admission.submit(&self.0.engine, &self.0.submitter, submission).await? {
            Reply::Response(rendered) => {
                Ok(bytes(StatusCode::OK, Bytes::from_owner(rendered.body)))
            }
            other => unreachable!("a rendered command is answered so, not {other:?}"),
        }
    }

    /// Submits a command and waits for its answer.
    ///
    /// # Errors
    /// The command's refusal.
    pub(crate) async fn submit(
        &self,
        caller: &Caller,
        command: Command,
        remember: Option<Remember>,
        render: Option<stipend_engine::Render>,
    ) -> Result<Reply, Refusal> {
        let (env, by) = (caller.env, caller.actor());
        let submission = Submission { env, by, command, remember, render };
        self.0.admission.submit(&self.0.engine, &self.0.submitter, submission).await
    }

    /// Does a command once, however often it is sent with that key; answers whether it was done now.
    ///
    /// # Errors
    /// The command's refusal.
    pub(crate) async fn run_once(
        &self,
        (env, by): (EnvId, Actor),
        key: Key,
        command: Command,
    ) -> Result<bool, ApiError> {
        let engine = Arc::clone(&self.0.engine);
        if self.read(move || Ok(engine.find_request(key)?)).await?.is_some() {
            return Ok(false);
        }
        let (remember, render) = (Some(Remember::Key(key)), Some(rendering(|_| ())));
        let submission = Submission { env, by, command, remember, render };
        let reply = self.0.admission.submit(&self.0.engine, &self.0.submitter, submission).await?;
        Ok(matches!(reply, Reply::Response(_)))
    }

    /// Does a command that is neither rendered nor remembered.
    ///
    /// # Errors
    /// The command's refusal.
    pub(crate) async fn run(
        &self,
        (env, by): (EnvId, Actor),
        command: Command,
    ) -> Result<Reply, Refusal> {
        let submission = Submission { env, by, command, remember: None, render: None };
        self.0.admission.submit(&self.0.engine, &self.0.submitter, submission).await
    }

    /// The answer that stands at that position, given again.
    ///
    /// # Errors
    /// What reading it fails with.
    pub(crate) async fn stored(&self, seq: u64) -> Result<Response, ApiError> {
        let engine = Arc::clone(&self.0.engine);
        let (_, answer) = self.read(move || Ok(engine.stored_answer(seq)?)).await?;
        let rendered = Rendered { status: answer.status, body: answer.body.into() };
        Ok(replayed(rendered))
    }

    /// Reads from the store, off the threads that serve requests.
    ///
    /// # Errors
    /// What the reading fails with.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let place = self.0.admission.read()?;
        let read = move || {
            // Kept until the reading has ended, also where nobody waits for it any more.
            let _place = place;
            read()
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(result) => result,
            Err(_) => Err(ApiError::new(ErrorCode::Internal, "something went wrong on the server")),
        }
    }

    /// As [`App::read`], for a piece of reading that takes long: few such pieces are read at once.
    ///
    /// # Errors
    /// What the reading fails with.
    pub(crate) async fn read_on<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.0.admission.read_on().await?;
        let read = move || {
            // Kept as the place for reading is.
            let _turn = turn;
            read()
        };
        self.read(read).await
    }

    /// Reads from a place on, and goes on piece by piece while what was read says so. Who asks for
    /// what is rare gets some of it, and keeps nobody else from reading.
    ///
    /// # Errors
    /// What the reading fails with.
    pub(crate) async fn read_until_found<P: Send + 'static, T: Send + 'static>(
        &self,
        first: P,
        read: impl Fn(&P) -> Result<T, ApiError> + Send + Sync + 'static,
        goes_on: impl Fn(&T) -> Option<P>,
    ) -> Result<T, ApiError> {
        let read = Arc::new(read);
        let piece = |place: P| {
            let read = Arc::clone(&read);
            move || read(&place)
        };
        let mut found = self.read(piece(first)).await?;
        for _ in 1..self.0.limits.page_reads_max {
            let Some(next) = goes_on(&found) else { break };
            found = self.read_on(piece(next)).await?;
        }
        Ok(found)
    }

    /// The customer with that id, with its journal complete up to now: what is due is done first.
    ///
    /// # Errors
    /// `customer_not_found`, or what catching up fails with.
    pub(crate) async fn caught_up(&self, caller: &Caller, id: &str) -> Result<Found, ApiError> {
        self.caught_up_in(caller.env, id).await
    }

    /// As [`App::caught_up`], in an environment.
    ///
    /// # Errors
    /// `customer_not_found`, or what catching up fails with.
    pub(crate) async fn caught_up_in(&self, env: EnvId, id: &str) -> Result<Found, ApiError> {
        let found = self.find_customer(env, id)?;
        if found.customer.next_due.is_none_or(|due| due > self.0.engine.now(env)) {
            return Ok(found);
        }
        match self.run((env, Actor::System), Command::CatchUp(found.customer.slot)).await {
            // Reads go on while nothing can be written; the due is shown when it was done.
            Ok(_) | Err(Refusal::Unavailable | Refusal::Overloaded) => self.find_customer(env, id),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn find_customer(&self, env: EnvId, id: &str) -> Result<Found, ApiError> {
        let found = CustomerId::parse(id).ok();
        found
            .and_then(|id| self.0.engine.find_customer(env, &id))
            .ok_or_else(|| customer_not_found(id))
    }

    /// The customer with that id as of now.
    ///
    /// # Errors
    /// `customer_not_found`; `overloaded` where the customer is far behind.
    pub(crate) fn current(
        &self,
        caller: &Caller,
        id: &str,
        now: Timestamp,
    ) -> Result<Found, ApiError> {
        Ok(self.0.engine.rolled(self.find_customer(caller.env, id)?, now)?)
    }
}

/// The refusal for an unknown customer.
#[must_use]
pub(crate) fn customer_not_found(id: &str) -> ApiError {
    let shown: String = id.chars().take(255).collect();
    ApiError::new(ErrorCode::CustomerNotFound, format!("there is no customer {shown}"))
}

/// How the answer of a command is made: `{"data": …}`.
fn rendering<T: Serialize>(
    render: impl FnOnce(&Outcome<'_>) -> T + Send + 'static,
) -> stipend_engine::Render {
    Box::new(move |outcome| {
        let data = Data { data: render(outcome) };
        let body = serde_json::to_vec(&data).expect("responses are plain JSON");
        Rendered { status: StatusCode::OK.as_u16(), body: body.into() }
    })
}

/// An answer of JSON.
pub(crate) fn ok<T: Serialize>(value: &T) -> Response {
    // Most answers fit, so the space need not grow again and again.
    let mut body = Vec::with_capacity(ANSWER_BYTES);
    serde_json::to_writer(&mut body, value).expect("responses are plain JSON");
    bytes(StatusCode::OK, body.into())
}

/// An answer of `{"data": …}`.
pub(crate) fn data<T: Serialize>(value: T) -> Response {
    ok(&Data { data: value })
}

fn bytes(status: StatusCode, body: Bytes) -> Response {
    let json = HeaderValue::from_static("application/json");
    let no_store = HeaderValue::from_static("no-store");
    (status, [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, no_store)], body)
        .into_response()
}

fn replayed(rendered: Rendered) -> Response {
    let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::OK);
    let mut response = bytes(status, Bytes::from_owner(rendered.body));
    let name = HeaderName::from_static("idempotent-replayed");
    response.headers_mut().insert(name, HeaderValue::from_static("true"));
    response
}
