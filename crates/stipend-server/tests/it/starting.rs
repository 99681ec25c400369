//! While the state is loaded only the probes answer; whoever came early is served afterwards.

use crate::support::{self, Server};
use axum::body::Body;
use axum::http::Request;
use stipend_engine::LoadProgress;
use stipend_server::Front;
use stipend_server::ids::SystemRandom;

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
