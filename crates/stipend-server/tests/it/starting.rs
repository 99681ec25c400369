//! While the state is loaded only the probes answer; whoever came early is served afterwards.

use crate::failing_store::{lasting, settle};
use crate::support::{self, Server};
use crate::world::{self, usage};
use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use stipend_engine::{Engine, LoadProgress, Options, SystemClock};
use stipend_server::Front;
use stipend_server::ids::SystemRandom;
use stipend_store::MemoryStore;
use stipend_store::memory::{FaultKind, Operation};

fn ask(front: &Front, path: &str) -> (u16, Option<String>, String) {
    let request = Request::builder().uri(path).header("x-api-key", support::KEY);
    let request = request.body(Body::empty()).expect("it is well formed");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        let (parts, body) = front.answer(request).await.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("it is in memory");
        let later = parts.headers.get("retry-after").map(|it| it.to_str().expect("text"));
        let body = String::from_utf8_lossy(&body).into_owned();
        (parts.status.as_u16(), later.map(str::to_owned), body)
    })
}

#[test]
fn while_the_state_is_loaded_probes_say_how_far_that_is_and_all_else_is_put_off() {
    let server = Server::new();
    let front = Front::loading(LoadProgress::default(), &SystemRandom);
    for path in ["/livez", "/healthz"] {
        assert_eq!(ask(&front, path), (200, None, "ok\n".to_owned()), "{path}");
    }
    let (status, later, body) = ask(&front, "/readyz");
    assert_eq!((status, later.as_deref()), (503, Some("1")));
    let body: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    let loading = serde_json::json!({ "stage": "waiting", "done": 0, "total": 0 });
    assert_eq!((&body["ready"], &body["loading"]), (&serde_json::json!(false), &loading));
    for path in ["/api/v1/credits/custom-currencies", "/", "/metrics", "/nothing"] {
        let (status, later, body) = ask(&front, path);
        assert_eq!((status, later.as_deref()), (503, Some("1")), "{path}");
        assert!(body.contains("\"unavailable\""), "{path}: {body}");
    }

    front.open(server.app());
    assert_eq!(ask(&front, "/readyz"), (200, None, "ready\n".to_owned()));
    assert_eq!(ask(&front, "/api/v1/credits/custom-currencies").0, 200);
}

/// Who may look at the metrics is another one than who may use the API.
#[test]
fn metrics_that_are_served_apart_are_there_alone() {
    let server = Server::new();
    let front = Front::loading(LoadProgress::default(), &SystemRandom);
    let (public, metrics) = (front.without_metrics(), front.metrics_alone());
    let others = ["/", "/healthz", "/livez", "/readyz", "/version", "/openapi.json", "/signin"];
    let check_hidden = |front: &Front, path: &str| {
        let (status, later, body) = ask(front, path);
        assert_eq!((status, later), (404, None), "{path}");
        assert!(body.contains("\"not_found\""), "{path}: {body}");
    };
    check_hidden(&public, "/metrics");
    others.iter().for_each(|path| check_hidden(&metrics, path));
    assert_eq!(ask(&metrics, "/metrics").0, 503, "the state is not loaded yet");

    front.open(server.app());
    check_hidden(&public, "/metrics");
    check_hidden(&public, "/metrics?x=1");
    check_hidden(&metrics, "/api/v1/credits/custom-currencies");
    others.iter().for_each(|path| check_hidden(&metrics, path));
    others[1..].iter().for_each(|path| assert_eq!(ask(&public, path).0, 200, "{path}"));
    for front in [metrics, front] {
        let (status, _, body) = ask(&front, "/metrics");
        assert_eq!(status, 200);
        assert!(body.contains("stipend_customers 0"), "{body}");
    }
}

/// Counts the lines of a log, those of errors apart.
#[derive(Clone, Default)]
struct Lines(Arc<[AtomicUsize; 2]>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let is_error = *event.metadata().level() == tracing::Level::ERROR;
        self.0[usize::from(is_error)].fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// Whoever waits for a server to start asks often.
#[test]
fn what_is_put_off_while_the_state_is_loaded_is_no_failure_in_the_log() {
    let front = Front::loading(LoadProgress::default(), &SystemRandom);
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        for path in ["/readyz", "/readyz", "/api/v1/credits/grants", "/"] {
            assert_eq!(ask(&front, path).0, 503, "{path}");
        }
    });
    let told: Vec<usize> = lines.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert_eq!(told, [0, 0]);
}

/// Whoever watches a server asks often too.
#[test]
fn that_a_server_is_not_ready_is_logged_once_and_that_it_is_ready_again() {
    let store = MemoryStore::new();
    let control = store.control();
    let server = Server::in_memory(store);
    let front = Front::new(server.app());
    let lines = Lines::default();
    let told = || lines.0.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>();
    let probe = |status: u16, told_by_now: usize| {
        for _ in 0..3 {
            assert_eq!(ask(&front, "/readyz").0, status);
            assert_eq!(told(), told_by_now, "after {status}");
        }
    };
    let make_customer = |id: &str| server.call("POST", "/api/v1/customers", &json!({ "id": id }));
    tracing::subscriber::with_default(lines.clone(), || probe(200, 0));
    control.fail(lasting(Operation::Append, FaultKind::Unavailable));
    assert_eq!(make_customer("acme").status, 503);
    settle(&server);
    tracing::subscriber::with_default(lines.clone(), || probe(503, 1));
    control.heal();
    settle(&server);
    assert_eq!(make_customer("acme").status, 200);
    tracing::subscriber::with_default(lines.clone(), || probe(200, 2));
    assert_eq!(lines.0[1].load(Ordering::Relaxed), 0, "it is no failure of the requests");
}

/// More rows than a start reads at once.
const USAGES: usize = 5_000;

/// What `/readyz` says of a start.
fn loading(front: &Front) -> (String, u64, u64) {
    let (status, later, body) = ask(front, "/readyz");
    assert_eq!((status, later.as_deref()), (503, Some("1")), "{body}");
    let body: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    let loading = &body["loading"];
    let count = |name: &str| loading[name].as_u64().expect("a count");
    (loading["stage"].as_str().expect("a word").to_owned(), count("done"), count("total"))
}

#[test]
fn a_start_that_is_held_at_each_reading_says_how_far_it_is_and_serves_nothing_before_it_is_done() {
    let store = MemoryStore::new();
    let (again, control) = (store.reopen(), store.control());
    let server = Server::in_memory(store.reopen());
    world::build_example(&server);
    for hundred in 0..USAGES / 100 {
        let usages = (0..100).map(|n| usage("acme", &format!("k-{hundred}-{n}"), 1));
        let usages: Vec<_> = usages.collect();
        server.done(
            "POST",
            "/api/v1/credits/consumption/async",
            &json!({ "consumptions": usages }),
        );
    }
    server.engine().stop();

    let options = Options::default();
    let front = Front::loading(options.progress.clone(), &SystemRandom);
    control.pause_reads();
    let starting = std::thread::spawn(move || {
        let store = Box::new(again.reopen());
        Engine::start_with(store, Arc::new(SystemClock), Box::new(|_| {}), &options)
    });
    let (mut seen, mut asked) = (Vec::new(), None);
    while !starting.is_finished() {
        let held = control.held_read();
        if held.is_none() || held == asked {
            std::thread::yield_now();
            continue;
        }
        asked = held;
        seen.push(loading(&front));
        for path in ["/api/v1/customers", "/dashboard", "/metrics"] {
            let (status, later, _) = ask(&front, path);
            assert_eq!((status, later.as_deref()), (503, Some("1")), "{path}");
        }
        assert_eq!(ask(&front, "/livez").0, 200);
        control.release_one_read();
    }
    control.release_reads();
    starting.join().expect("it does not panic").expect("the data is sound");

    let stages = ["waiting", "images", "journal", "keys"];
    let stage = |said: &str| stages.iter().position(|stage| *stage == said);
    assert!(seen.iter().all(|(said, done, total)| stage(said).is_some() && done <= total));
    for (before, after) in seen.iter().zip(&seen[1..]) {
        let is_later = stage(&before.0) < stage(&after.0);
        let goes_on = before.0 == after.0 && before.1 <= after.1;
        assert!(is_later || goes_on, "{before:?}, then {after:?}");
    }
    let at = |said: &str, done: u64| {
        seen.iter().any(|(stage, found, total)| stage == said && *found == done && *total >= done)
    };
    assert!(at("waiting", 0) && at("images", 0) && at("journal", 0), "{seen:?}");
    let keys = seen.iter().filter(|(stage, _, total)| stage == "keys" && *total >= USAGES as u64);
    let keys: Vec<bool> = keys.map(|(_, done, total)| done == total).collect();
    assert!(keys.contains(&false) && keys.contains(&true), "they are counted: {seen:?}");

    front.open(server.app());
    assert_eq!(ask(&front, "/readyz"), (200, None, "ready\n".to_owned()));
}
