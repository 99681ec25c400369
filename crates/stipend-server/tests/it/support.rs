//! What the tests share: a server in process, a clock that is set by hand, randomness that is
//! always the same, and requests as any client would send them.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use stipend_core::Timestamp;
use stipend_engine::{Alarm, ApiKey, Clock, Command, Engine, LoadProgress, PRODUCTION, Reply};
use stipend_server::ids::Random;
use stipend_server::{App, Front, Limits, serve};
use stipend_store::{MemoryStore, Store};
use stipend_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The secret API key of the tests.
pub(crate) const KEY: &str = "sk_stipend_test";
/// The secret API key of the sandbox.
pub(crate) const SANDBOX_KEY: &str = "sk_stipend_sandbox";
/// When every server of the tests starts; the month after it is shorter.
pub(crate) const START: &str = "2026-01-31T00:00:00Z";

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst).unsigned_abs())
    }

    /// The engine notices a new time with the next command.
    fn alarm(&self, _: Timestamp) -> Alarm {
        Alarm::never()
    }
}

/// The generator splitmix64: the same ids in every run.
#[derive(Debug)]
struct Splitmix(AtomicU64);

impl Random for Splitmix {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let step = 0x9e37_79b9_7f4a_7c15;
            let mut z = self.0.fetch_add(step, Ordering::SeqCst).wrapping_add(step);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

fn app_of(engine: &Arc<Engine>, random: Arc<dyn Random>) -> App {
    App::new(Arc::clone(engine), random)
}

/// A server in process, with the production environment and a key to it.
pub(crate) struct Server {
    app: App,
    front: Front,
    runtime: Runtime,
    clock: Arc<ManualClock>,
    engine: Arc<Engine>,
    // Taken away last, when nothing holds the data any more.
    _directory: Option<TempDir>,
}

impl Server {
    /// A server over a store on disk.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        let opened = SqliteStore::open(directory.path(), &Options::new([7; 32]));
        let (store, _) = opened.expect("a new store can be made");
        Self::over(Box::new(store), Some(directory))
    }

    /// A server over a store in memory, whose handle can let it fail.
    pub(crate) fn in_memory(store: MemoryStore) -> Self {
        Self::over(Box::new(store), None)
    }

    fn over(store: Box<dyn Store>, directory: Option<TempDir>) -> Self {
        let clock = Arc::new(ManualClock(AtomicI64::new(instant(START).micros())));
        let port: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let engine = Engine::start(store, port, Box::new(|error| panic!("{error}")));
        let engine = Arc::new(engine.expect("the data is sound"));
        let production = Command::OpenProduction(ApiKey::new(KEY));
        let sandbox = Command::OpenSandbox(ApiKey::new(SANDBOX_KEY));
        for command in [production, sandbox] {
            let opened = engine.submitter().run(PRODUCTION, command);
            assert_eq!(opened, Ok(Reply::Done));
        }
        let app = app_of(&engine, Arc::new(Splitmix(AtomicU64::new(7))));
        let front = Front::new(app.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        Self { app, front, runtime, clock, engine, _directory: directory }
    }

    /// The same server with other randomness.
    pub(crate) fn with_random(mut self, random: Arc<dyn Random>) -> Self {
        self.app = app_of(&self.engine, random);
        // Its requests have ids all the same.
        let ids = Splitmix(AtomicU64::new(13));
        self.front = Front::loading(LoadProgress::default(), &ids);
        self.front.open(self.app.clone());
        self
    }

    /// The same server with other limits.
    pub(crate) fn with_limits(mut self, limits: Limits) -> Self {
        self.app = self.app.clone().with_limits(limits);
        self.front = Front::new(self.app.clone());
        self
    }

    /// Sends several requests before any of them is answered.
    pub(crate) fn send_at_once(&self, calls: Vec<Call<'_>>) -> Vec<Answer> {
        let mut waiting: Vec<_> = calls.into_iter().map(|call| Box::pin(call.answered())).collect();
        let mut answers: Vec<Option<Answer>> = waiting.iter().map(|_| None).collect();
        let all = std::future::poll_fn(|context| {
            for (call, answer) in waiting.iter_mut().zip(&mut answers) {
                if answer.is_none()
                    && let Poll::Ready(answered) = call.as_mut().poll(context)
                {
                    *answer = Some(answered);
                }
            }
            if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
        });
        self.runtime.block_on(all);
        answers.into_iter().flatten().collect()
    }

    /// The same server with sites that may show the credits of customers.
    pub(crate) fn with_embed_origins(mut self, sites: &[&str]) -> Self {
        let sites = sites.iter().map(|site| site.parse().expect("the test names sites well"));
        self.app = self.app.clone().with_embed_origins(sites.collect());
        self.front = Front::new(self.app.clone());
        self
    }

    pub(crate) fn app(&self) -> App {
        self.app.clone()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A secret that signs in to the dashboard once.
    pub(crate) fn sign_in_token(&self) -> String {
        self.app.sign_in_token()
    }

    /// A secret that makes the owner of the dashboard, while there is none.
    pub(crate) fn set_up_token(&self) -> Option<String> {
        self.app.set_up_token()
    }

    /// Serves on a port of this machine, until the guard is dropped.
    pub(crate) fn listen(&self, limits: Limits) -> Listening {
        let random = Arc::new(Splitmix(AtomicU64::new(11)));
        Self::serve(App::new(Arc::clone(&self.engine), random).with_limits(limits))
    }

    /// The same, behind proxies on this machine.
    pub(crate) fn listen_behind_proxies(&self) -> Listening {
        let trusted = "127.0.0.1".parse().expect("it is an address");
        let random = Arc::new(Splitmix(AtomicU64::new(11)));
        Self::serve(App::new(Arc::clone(&self.engine), random).with_trusted_proxies(vec![trusted]))
    }

    fn serve(app: App) -> Listening {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        runtime.spawn(serve::serve(listener, app, async { drop(stopped.await) }));
        Listening { address, stop: Some(stop), runtime: Some(runtime) }
    }

    pub(crate) fn set_clock(&self, text: &str) {
        self.set_micros(instant(text).micros());
    }

    pub(crate) fn set_micros(&self, micros: i64) {
        self.clock.0.store(micros, Ordering::SeqCst);
    }

    /// Moves the clock on, by seconds.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// How far the journal goes: what changed nothing left it where it was.
    pub(crate) fn position(&self) -> u64 {
        self.engine.last_position()
    }

    /// A request with the key of the tests.
    pub(crate) fn request(&self, method: &str, path: &str) -> Call<'_> {
        self.anonymous(method, path).header("x-api-key", KEY)
    }

    /// A request with the key of the sandbox.
    pub(crate) fn in_sandbox(&self, method: &str, path: &str) -> Call<'_> {
        self.anonymous(method, path).header("x-api-key", SANDBOX_KEY)
    }

    /// A request without a key.
    pub(crate) fn anonymous(&self, method: &str, path: &str) -> Call<'_> {
        let builder = Request::builder().method(method).uri(path);
        let request = builder.body(Body::empty()).expect("the test writes requests well");
        Call { server: self, request }
    }

    /// Sends a request, with a body where it is not `null`.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let call = self.request(method, path);
        if body.is_null() { call.send() } else { call.json(body).send() }
    }

    /// Sends a request that must succeed, and gives its `data`.
    pub(crate) fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(method, path, body);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        answer.json()["data"].clone()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.done("GET", path, &Value::Null)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.done("POST", path, body)
    }

    /// What a check says of a customer's API credits: limit and usage.
    pub(crate) fn balance(&self, customer: &str) -> (u64, u64) {
        let path = format!("/api/v1/customers/{customer}/entitlements/check");
        let check = self.get(&format!("{path}?currencyId=api-credits"));
        let number = |key: &str| check[key].as_u64().expect("the amounts are whole");
        (number("usageLimit"), number("currentUsage"))
    }
}

/// A server on a socket.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    runtime: Option<Runtime>,
}

impl Listening {
    /// Asks it to stop, and does not wait.
    pub(crate) fn stop(&mut self) {
        self.stop = None;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A request on its way.
pub(crate) struct Call<'a> {
    server: &'a Server,
    request: Request<Body>,
}

impl Call<'_> {
    /// Adds a header; one of the same name stays.
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    pub(crate) fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the test writes headers well");
        let value = HeaderValue::from_bytes(value).expect("the test writes headers well");
        self.request.headers_mut().append(name, value);
        self
    }

    /// Sets the bytes of the body and nothing else.
    pub(crate) fn body(mut self, bytes: impl Into<Body>) -> Self {
        *self.request.body_mut() = bytes.into();
        self
    }

    /// Sets a body that says that it is JSON.
    pub(crate) fn raw(self, bytes: impl Into<Body>) -> Self {
        self.body(bytes).header("content-type", "application/json")
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    pub(crate) fn send(self) -> Answer {
        let runtime = &self.server.runtime;
        runtime.block_on(self.answered())
    }

    /// Sends and, where the answer is not there at once, no longer waits for it.
    pub(crate) fn send_impatiently(self) -> Option<Answer> {
        let runtime = &self.server.runtime;
        let mut answer = std::pin::pin!(self.answered());
        let once = std::future::poll_fn(|context| match answer.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => Poll::Ready(None),
        });
        runtime.block_on(once)
    }

    async fn answered(self) -> Answer {
        let Self { server, request } = self;
        let label = format!("{} {}", request.method(), request.uri());
        let (parts, body) = server.front.answer(request).await.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("it is in memory");
        let status = parts.status.as_u16();
        Answer { label, status, headers: parts.headers, body: body.to_vec() }
    }
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    label: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        let json = serde_json::from_slice(&self.body);
        json.unwrap_or_else(|error| panic!("{}: {error}: {}", self.label, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ours are text"))
    }

    pub(crate) fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// `ok`, or status, code and place of a refusal, which must keep to the contract.
    pub(crate) fn verdict(&self) -> String {
        if self.status == 200 {
            return "ok".to_owned();
        }
        self.assert_refusal();
        let error = &self.json()["error"];
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", self.status, text("code"), text("param")).trim_end().to_owned()
    }

    /// The one shape of all refusals (`behaviour.md` §0.13).
    #[track_caller]
    fn assert_refusal(&self) {
        let label = format!("{}: {}", self.label, self.text());
        assert!(self.status >= 400, "{label}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{label}");
        let body = self.json();
        let message = body["error"]["message"].as_str();
        assert!(message.is_some_and(|message| !message.is_empty()), "{label}");
        assert_eq!(body["message"].as_str(), message, "{label}");
        assert!(body["error"]["code"].is_string(), "{label}");
        assert_eq!(body["error"]["requestId"].as_str(), self.header("x-request-id"), "{label}");
        assert!(self.header("x-request-id").is_some(), "{label}");
        let is_final = self.status == 409;
        assert_eq!(self.header("x-should-retry"), is_final.then_some("false"), "{label}");
        let may_retry = matches!(self.status, 429 | 503);
        assert_eq!(self.headers.contains_key(header::RETRY_AFTER), may_retry, "{label}");
        assert_eq!(self.headers.contains_key(header::ALLOW), self.status == 405, "{label}");
    }
}

pub(crate) fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("the test writes instants well")
}
